//! The partner's end of a trial: sources to fetch from, and a wire that fails as scripted.

use std::collections::VecDeque;

use super::rig::{Due, Rig};
use super::story::{Fact, Name};
use crate::adapter::{AdapterInput, Answer, Transmission, WireRequest, WireResult};
use crate::id::{EndpointId, ReceiveLocationId, TransactionId};
use crate::message::{Body, Context, Parts, PropertyId, Value, WireMessage};
use crate::time::{Duration, Instant};

/// What a word with the partner takes.
const WIRE: Duration = Duration::from_millis(10);
/// Numbers of replies and responses begin behind those of what arrives.
const REPLIES: u64 = 1000;

/// What lies in front of a location.
#[derive(Debug, Default)]
pub(super) struct Source {
    waiting: VecDeque<WireMessage>,
    /// Fetched inside a transaction that has not ended.
    enlisted: Vec<(TransactionId, WireMessage)>,
    watchers: Vec<usize>,
}

/// A message as the partner leaves it at a location.
fn message(number: u64, location: u32, arrived: Instant) -> WireMessage {
    let mut context = Context::default();
    let uri = Value::text(&format!("in{location}"));
    context.write(PropertyId::INBOUND_TRANSPORT_LOCATION, Some(uri));
    let parts = Parts::of(Body::Described { bytes: 1000, documents: 1 });
    WireMessage { number, lineage: number, arrived, context, parts, defect: None, seekable: true }
}

impl Rig<'_> {
    pub(super) fn arrive(&mut self, number: u64, location: u32) {
        self.story.tell(self.now, Fact::Arrived { number, location });
        let arrived = message(number, location, self.now);
        let source = &mut self.sources[location as usize];
        source.waiting.push_back(arrived);
        self.notify(location);
    }

    /// Tells who watches: once a watch.
    fn notify(&mut self, location: u32) {
        let source = &mut self.sources[location as usize];
        if source.waiting.is_empty() {
            return;
        }
        for watcher in std::mem::take(&mut source.watchers) {
            self.soon(watcher, AdapterInput::Arrived { location: ReceiveLocationId(location) });
        }
    }

    pub(super) fn watch(&mut self, instance: usize, location: ReceiveLocationId) {
        self.sources[location.index()].watchers.push(instance);
        self.notify(location.0);
    }

    pub(super) fn wire(&mut self, instance: usize, token: u64, request: WireRequest) {
        match &request {
            WireRequest::Fetch { location, .. } => {
                self.story.tell(self.now, Fact::Fetching { location: location.0 });
            }
            WireRequest::Remove { numbers, .. } => {
                self.story.tell(self.now, Fact::Removed { numbers: numbers.clone() });
            }
            WireRequest::Leave { .. } | WireRequest::Resolve(_) => {}
            WireRequest::Respond { request, answer, .. } => {
                let fact = Fact::Responded { request: *request, answer: *answer };
                self.story.tell(self.now, fact);
            }
            WireRequest::Transmit(transmission) => {
                let (of, endpoint) = (self.name(transmission.reference), transmission.endpoint.0);
                let transaction = transmission.transaction;
                self.story.tell(self.now, Fact::Transmitting { of, endpoint, transaction });
            }
        }
        self.schedule(self.now + WIRE, Due::WireAnswer { instance, token, request });
    }

    pub(super) fn wire_answer(&mut self, instance: usize, token: u64, request: WireRequest) {
        let result = match request {
            WireRequest::Fetch { location, messages, transaction, .. } => {
                self.fetch(location.0, messages, transaction)
            }
            WireRequest::Leave { endpoint, messages } => {
                return self.put_back(endpoint, messages);
            }
            WireRequest::Remove { .. } => WireResult::Removed,
            // The endpoint alone defines the endpoint here.
            WireRequest::Resolve(transmission) => {
                WireResult::Resolved(u64::from(transmission.endpoint.0))
            }
            WireRequest::Respond { answer: Answer::Response(response), .. } => {
                self.told(response.reference, true);
                WireResult::Sent
            }
            WireRequest::Respond { .. } => WireResult::Sent,
            WireRequest::Transmit(transmission) => self.transmit(&transmission),
        };
        self.input(instance, AdapterInput::WireDone { token, result });
    }

    fn fetch(&mut self, at: u32, max: u32, transaction: Option<TransactionId>) -> WireResult {
        let max = max.min(self.script.fetch_max) as usize;
        let source = &mut self.sources[at as usize];
        let count = max.min(source.waiting.len());
        let messages: Vec<WireMessage> = source.waiting.drain(..count).collect();
        if let Some(transaction) = transaction {
            let enlist = |message: &WireMessage| (transaction, message.clone());
            source.enlisted.extend(messages.iter().map(enlist));
        }
        let more = !source.waiting.is_empty();
        if !messages.is_empty() {
            let numbers = messages.iter().map(|message| message.number).collect();
            self.story.tell(self.now, Fact::Fetched { location: at, numbers, transaction });
        }
        WireResult::Fetched { messages, more }
    }

    /// What was left at the source is there again, in its place; nobody waits for an answer.
    fn put_back(&mut self, endpoint: EndpointId, messages: Vec<WireMessage>) {
        let source = &mut self.sources[endpoint.index()];
        for message in messages.into_iter().rev() {
            source.waiting.push_front(message);
        }
        self.notify(endpoint.0);
    }

    fn transmit(&mut self, transmission: &Transmission) -> WireResult {
        let of = self.name(transmission.reference);
        let sent = self.attempt(transmission.reference);
        self.told(transmission.reference, sent);
        if !sent {
            return WireResult::Refused;
        }
        if !transmission.two_way {
            return WireResult::Sent;
        }
        let mut reply = message(REPLIES + of.number, 0, self.now);
        // The reply comes from where the solicit went.
        let uri = Value::text(&format!("out{}", transmission.endpoint.0));
        reply.context.write(PropertyId::INBOUND_TRANSPORT_LOCATION, Some(uri));
        WireResult::Replied(Box::new(reply))
    }

    fn told(&mut self, reference: crate::id::ReferenceId, sent: bool) {
        let of: Name = self.name(reference);
        self.story.tell(self.now, Fact::Transmitted { of, sent });
    }

    /// A transaction ended: what was read inside it is gone, or back at its place.
    pub(super) fn partner_transacted(&mut self, transaction: TransactionId, committed: bool) {
        for at in 0..self.sources.len() {
            let source = &mut self.sources[at];
            let enlisted = std::mem::take(&mut source.enlisted);
            let (ended, others): (Vec<_>, Vec<_>) =
                enlisted.into_iter().partition(|(of, _)| *of == transaction);
            source.enlisted = others;
            if !committed {
                for (_, message) in ended.into_iter().rev() {
                    source.waiting.push_front(message);
                }
                self.notify(EndpointId::from(at).0);
            }
        }
    }
}
