//! Adapter batches that the adapter itself completes, where the engine does not call `Done`
//! (R-BSND-02, X-04).
//!
//! One page attributes the call to the adapter. Taken at its word, messages come in as the engine
//! has them, and transmission starts when there are as many as the adapter announced, or when the
//! first of them has waited long enough: never for ever (R-BATCH-07).

use super::CallId;
use crate::message_box::OutboundMessage;
use crate::time::{Duration, Instant};
use crate::transport_proxy::TransportProxy;

/// Tokens of these timers lie above the counts of other timers, and below the pause.
const WAITED: u64 = 1 << 62;

/// What the engine has handed over and the adapter has not started with.
#[derive(Clone, Debug)]
pub(super) struct Deciding {
    wait: Duration,
    messages: Vec<(CallId, Box<OutboundMessage>)>,
    /// Counts starts, so that a timer set before one does nothing.
    starts: u64,
}

impl Deciding {
    /// Nothing yet; the first message waits so long at most.
    pub(super) const fn new(wait: Duration) -> Self {
        Self { wait, messages: Vec::new(), starts: 0 }
    }

    /// Takes a message in; the first one begins the wait.
    pub(super) fn take(
        &mut self,
        now: Instant,
        (call, message): (CallId, Box<OutboundMessage>),
        proxy: &mut TransportProxy,
    ) {
        if self.messages.is_empty() {
            proxy.wake(now + self.wait, WAITED + self.starts);
        }
        self.messages.push((call, message));
    }

    /// Whether there are `max` of them.
    pub(super) fn is_full(&self, max: u32) -> bool {
        self.messages.len() >= max.max(1) as usize
    }

    /// Whether `token` is that of the wait which is under way.
    pub(super) fn waited(&self, token: u64) -> bool {
        token == WAITED + self.starts && !self.messages.is_empty()
    }

    /// `Clear`: the engine sees to what it handed over in `call`, unless it has been started with.
    pub(super) fn clear(&mut self, call: CallId) {
        self.messages.retain(|(known, _)| *known != call);
    }

    /// Starts with everything there is.
    pub(super) fn start(&mut self) -> Vec<Box<OutboundMessage>> {
        self.starts += 1;
        std::mem::take(&mut self.messages).into_iter().map(|(_, message)| message).collect()
    }
}
