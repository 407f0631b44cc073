//! The habits of a sender: what it does beyond the recommended policy, on purpose.

use rustc_hash::FxHashMap;

use super::fate::{Attempted, Fate};
use crate::batch::Batch;
use crate::config::{Habits, MoreTries, ThrowingCall};
use crate::id::ReferenceId;
use crate::message::Value;
use crate::message_box::OutboundMessage;
use crate::properties_to_update::{SYSTEM_NAMESPACE, to_xml};
use crate::time::Instant;
use crate::transport_proxy::TransportProxy;

/// A sender's habits, and what they need until its dispositions have succeeded.
#[derive(Clone, Debug)]
pub(super) struct Habitual {
    habits: Habits,
    /// Calls of the kind that it throws in.
    calls: u32,
    /// What is to be kept with messages that are being given back (R-CTX-10).
    notes: FxHashMap<ReferenceId, String>,
}

/// An attempt that failed, and what habits make of it.
#[cold]
pub(super) fn failed(
    habitual: &mut Option<Box<Habitual>>,
    now: Instant,
    message: &OutboundMessage,
    why: &str,
    proxy: &mut TransportProxy,
) -> Attempted {
    let attempted = Attempted::explained(now, message, why, proxy);
    match habitual {
        None => attempted,
        Some(own) => own.failed(message, attempted),
    }
}

impl Habitual {
    pub(super) fn new(habits: Habits) -> Self {
        Self { habits, calls: 0, notes: FxHashMap::default() }
    }

    /// The call that it throws in, if there is one.
    pub(super) fn throwing_in(&self) -> Option<ThrowingCall> {
        self.habits.throws.map(|throws| throws.call)
    }

    /// Whether it throws in this call (R-SND-08).
    pub(super) fn throws(&mut self, call: ThrowingCall) -> bool {
        let Some(throws) = self.habits.throws.filter(|own| own.call == call) else { return false };
        self.calls = self.calls.saturating_add(1);
        throws.hits(self.calls)
    }

    /// What becomes of a message after an attempt that failed: it may be tried more often than is
    /// configured (R-ADD-07), and what is to be found at the next try is noted (R-CTX-10).
    fn failed(&mut self, message: &OutboundMessage, attempted: Attempted) -> Attempted {
        let own = self.habits.updates.iter();
        let mut kept: Vec<(&str, &str, Value)> =
            own.map(|one| (&*one.name, &*one.namespace, one.value.clone())).collect();
        let mut attempted = attempted;
        let is_last = attempted.fate == Fate::NextTransport;
        if let Some(more) = self.habits.more_tries
            && (is_last || (more.keeps && attempted.fate == Fate::Resubmit))
        {
            let backup = usize::from(message.on_backup);
            let tried = match message.context.read(more.counts[backup]) {
                Some(Value::Int(tried)) => *tried,
                Some(Value::Bool(_) | Value::Object | Value::Text(_)) | None => 0,
            };
            if tried < i64::from(more.most) {
                attempted.fate = Fate::Resubmit;
                kept.push((MoreTries::NAMES[backup], MoreTries::NAMESPACE, Value::Int(tried + 1)));
                if more.keeps {
                    let left = Value::Int(message.retries_left.into());
                    kept.push(("RetryCount", SYSTEM_NAMESPACE, left));
                }
            }
        }
        if !kept.is_empty() {
            self.notes.insert(message.reference, to_xml(&kept));
        }
        attempted
    }

    /// Writes the notes on what a batch gives back or suspends; elsewhere nobody reads them.
    pub(super) fn annotate(&self, fates: &[Attempted], batch: &mut Batch) {
        for one in fates.iter().filter(|one| matches!(one.fate, Fate::Resubmit | Fate::Suspend)) {
            if let Some(xml) = self.notes.get(&one.reference) {
                batch.update_properties(one.reference, xml);
            }
        }
    }

    /// These messages are somebody else's now.
    pub(super) fn forget(&mut self, fates: &[Attempted]) {
        for one in fates {
            self.notes.remove(&one.reference);
        }
    }
}
