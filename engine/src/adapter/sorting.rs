//! Sorting a mixed batch by endpoint (R-BSND-08), and the errand before it that learns what defines
//! each message's endpoint.
//!
//! The address alone may not tell: redeeming a single sign-on ticket gives the credentials that
//! belong to it. That takes time and may fail (R-ADD-04); equal answers are one endpoint
//! (R-BSND-08). The adapter's own dispatcher runs the errands of a batch one after another, so
//! that no worker is held.

use super::{CallId, Transmission, WireRequest};
use crate::id::EndpointId;
use crate::message_box::OutboundMessage;
use crate::transport_proxy::TransportProxy;

/// The tokens of errands have this bit, those of transmissions have not.
const ERRAND: u64 = 1 << 63;

/// A batch whose messages are being asked for, one after another.
#[derive(Clone, Debug)]
struct Unsorted {
    /// Not asked for yet, the next one last.
    waiting: Vec<Box<OutboundMessage>>,
    /// The answers so far, in the order of the batch.
    known: Vec<(u64, Box<OutboundMessage>)>,
    /// Those for which the errand failed.
    failed: Vec<Box<OutboundMessage>>,
    call: Option<CallId>,
}

/// A batch of which everything is known that can be.
#[derive(Clone, Debug)]
pub(super) struct Sorted {
    /// One list per endpoint, each in the order of the batch.
    pub(super) endpoints: Vec<Vec<Box<OutboundMessage>>>,
    /// Those for which the errand failed.
    pub(super) failed: Vec<Box<OutboundMessage>>,
    /// The engine's call that ends with this batch, if it blocks.
    pub(super) call: Option<CallId>,
}

/// The errands under way; empty for an adapter that sorts by address.
#[derive(Clone, Debug, Default)]
pub(super) struct Errands {
    /// A place is an errand's token.
    batches: Vec<Option<Unsorted>>,
}

impl Errands {
    /// Whether a wire answer belongs to an errand.
    pub(super) const fn own(token: u64) -> bool {
        token & ERRAND != 0
    }

    /// Whether no errand is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.batches.iter().all(Option::is_none)
    }

    /// Asks for the first message of a batch that is not empty.
    pub(super) fn begin(
        &mut self,
        mut messages: Vec<Box<OutboundMessage>>,
        call: Option<CallId>,
        proxy: &mut TransportProxy,
    ) {
        messages.reverse();
        let known = Vec::with_capacity(messages.len());
        let batch = Unsorted { waiting: messages, known, failed: Vec::new(), call };
        let free = self.batches.iter().position(Option::is_none);
        let place = free.unwrap_or_else(|| {
            self.batches.push(None);
            self.batches.len() - 1
        });
        ask(place as u64 | ERRAND, &batch, proxy);
        self.batches[place] = Some(batch);
    }

    /// Takes the answer for one message, `None` if there is none, and asks for the next; returns
    /// the batch after the last.
    pub(super) fn answered(
        &mut self,
        token: u64,
        key: Option<u64>,
        proxy: &mut TransportProxy,
    ) -> Option<Sorted> {
        let slot = &mut self.batches[(token & !ERRAND) as usize];
        let batch = slot.as_mut().expect("an errand belongs to a batch");
        let message = batch.waiting.pop().expect("an errand belongs to a message");
        match key {
            Some(key) => batch.known.push((key, message)),
            None => batch.failed.push(message),
        }
        if !batch.waiting.is_empty() {
            ask(token, batch, proxy);
            return None;
        }
        slot.take().map(sorted)
    }
}

fn ask(token: u64, batch: &Unsorted, proxy: &mut TransportProxy) {
    let next = batch.waiting.last().expect("a message to ask for");
    proxy.wire(token, WireRequest::Resolve(Transmission::of(next)));
}

/// Endpoints in the order in which the batch names them first.
fn sorted(batch: Unsorted) -> Sorted {
    let mut endpoints: Vec<(u64, Vec<Box<OutboundMessage>>)> = Vec::new();
    for (key, message) in batch.known {
        match endpoints.iter_mut().find(|(known, _)| *known == key) {
            Some((_, messages)) => messages.push(message),
            None => endpoints.push((key, vec![message])),
        }
    }
    let endpoints = endpoints.into_iter().map(|(_, messages)| messages).collect();
    Sorted { endpoints, failed: batch.failed, call: batch.call }
}

/// An adapter batch has room for so many messages from the start, and grows beyond.
pub(super) const ROOM_FIRST: u32 = 64;

/// The messages of each endpoint, the first one last; in the order of the endpoints.
pub(super) fn by_endpoint(
    messages: Vec<Box<OutboundMessage>>,
) -> Vec<(EndpointId, Vec<Box<OutboundMessage>>)> {
    let mut jobs: Vec<(EndpointId, Vec<Box<OutboundMessage>>)> = Vec::new();
    let room = messages.len().min(ROOM_FIRST as usize);
    let mut at = 0;
    for message in messages.into_iter().rev() {
        let endpoint = message.endpoint;
        if jobs.get(at).is_none_or(|(known, _)| *known != endpoint) {
            at = match jobs.binary_search_by_key(&endpoint, |(known, _)| *known) {
                Ok(at) => at,
                Err(at) => {
                    jobs.insert(at, (endpoint, Vec::with_capacity(room)));
                    at
                }
            };
        }
        jobs[at].1.push(message);
    }
    jobs
}
