//! The wire: fetches from sources and calls to sinks.

use std::hint::cold_path;

use floodgate_engine::adapter::{AdapterInput, AnyAdapter, Transmission, WireRequest, WireResult};
use floodgate_engine::config::RetryCount;
use floodgate_engine::id::{EndpointId, Key, TransactionId};
use floodgate_engine::message::WireMessage;

use super::{Due, Now, World};
use crate::endpoint::{Admission, Endpoint, Sink, SinkCall};
use crate::trace::Event;

/// A fetch that is under way.
#[derive(Clone, Debug)]
pub(super) struct Fetch {
    node: u32,
    token: u64,
    endpoint: EndpointId,
    messages: Vec<WireMessage>,
    transaction: Option<TransactionId>,
}

impl Fetch {
    /// Who fetches.
    pub(super) const fn node(&self) -> u32 {
        self.node
    }
}

/// A call or an errand that is under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct OnWire {
    pub(super) call: SinkCall,
    pub(super) sent: bool,
    /// Whether it only asks what defines the endpoint (R-ADD-04).
    pub(super) errand: bool,
}

impl World {
    pub(super) fn wire(&mut self, node: u32, token: u64, request: WireRequest) {
        match request {
            WireRequest::Fetch { endpoint, messages, bytes, transaction, .. } => {
                self.fetch((node, token), endpoint, (messages, bytes), transaction);
            }
            WireRequest::Leave { endpoint, messages } => self.leave(node, endpoint, messages),
            WireRequest::Remove { endpoint, numbers } => {
                self.give_up(node, endpoint, &numbers);
                self.remove(node, token, &numbers);
            }
            WireRequest::Transmit(transmission) => self.transmit(node, token, transmission),
            WireRequest::Respond { endpoint, request, answer } => {
                self.respond((node, token), endpoint, request, answer);
            }
            WireRequest::Resolve(transmission) => self.resolve(node, token, transmission),
        }
    }

    fn fetch(
        &mut self,
        (node, token): (u32, u64),
        endpoint: EndpointId,
        (count, bytes): (u32, u64),
        transaction: Option<TransactionId>,
    ) {
        let Endpoint::Source(source) = &mut self.endpoints[endpoint.index()] else {
            unreachable!("a receive adapter fetches from a source")
        };
        let messages = source.fetch(count, bytes);
        if self.life.watched && transaction.is_none() {
            source.hold(node, &messages);
        }
        let takes = source.fetch_time(&self.rng, &messages);
        if let Some(transaction) = transaction {
            self.enlist_read(node, transaction, endpoint, &messages);
        }
        let fetch = self.fetches.insert(Fetch { node, token, endpoint, messages, transaction });
        if takes.is_zero() {
            self.fetched(fetch);
        } else {
            self.schedule(self.now + takes, Due::Fetched(fetch));
        }
    }

    #[inline(never)]
    pub(super) fn fetched(&mut self, fetch: Key) {
        let Some(Fetch { node, token, endpoint, mut messages, transaction }) =
            self.fetches.remove(fetch)
        else {
            return;
        };
        if transaction.is_some_and(|id| self.coordinator.active(id).is_none()) {
            // The time was up meanwhile: they are back at their source.
            messages.clear();
        }
        let Endpoint::Source(source) = &self.endpoints[endpoint.index()] else { return };
        let result = WireResult::Fetched { messages, more: source.has_more() };
        self.ring.push_back(Now::Answered(node, token, result));
    }

    /// The source forgets what the engine owns now; what was fetched is gone from it already.
    fn remove(&mut self, node: u32, token: u64, numbers: &[u64]) {
        let messages = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
        self.trace.record(self.now, &Event::Removed { node, messages }, || {
            let names: Vec<String> = numbers.iter().map(|number| format!("m{number}")).collect();
            format!(
                "A>W  {} removes the source of {}",
                self.nodes[node as usize].name,
                names.join(", ")
            )
        });
        let result = WireResult::Removed;
        self.ring.push_back(Now::Answered(node, token, result));
    }

    #[inline(always)]
    pub(super) fn sink(&mut self, endpoint: EndpointId) -> &mut Sink {
        let Endpoint::Sink(sink) = &mut self.endpoints[endpoint.index()] else {
            unreachable!("a send adapter transmits to a sink")
        };
        sink
    }

    fn transmit(&mut self, node: u32, token: u64, transmission: Transmission) {
        self.meet(transmission.endpoint);
        if let Some(transaction) = transmission.transaction {
            self.enlist_write(node, transaction, &transmission);
        }
        let attempt = self.attempt(&transmission);
        let (now, call) = (self.now, SinkCall { node, token, transmission, attempt });
        if let Some(quota) = self.sink(call.transmission.endpoint).quota() {
            cold_path();
            match quota.comes(now, &call) {
                Admission::Begins => {}
                Admission::First(at) => {
                    return self.schedule(at, Due::Quota(call.transmission.endpoint));
                }
                Admission::Waits => return,
            }
        }
        self.admit(&call);
    }

    #[inline(always)]
    fn admit(&mut self, call: &SinkCall) {
        let now = self.now;
        if self.sink(call.transmission.endpoint).admits(now, call) {
            self.begin_call(call);
        }
    }

    /// The quota of a partner has something for the first in line.
    #[cold]
    pub(super) fn quota_has_more(&mut self, endpoint: EndpointId) {
        let now = self.now;
        let Some(quota) = self.sink(endpoint).quota() else { return };
        let (call, next) = quota.next(now);
        if let Some(at) = next {
            self.schedule(at, Due::Quota(endpoint));
        }
        if let Some(call) = call {
            self.admit(&call);
        }
    }

    /// Attempts on the same transport before this one.
    pub(super) fn attempt(&self, transmission: &Transmission) -> u32 {
        let port = self.topology.send_port(transmission.subscriber);
        let configured = port.map_or(0, |port| port.transport(transmission.on_backup).retry.count);
        let left = match self.topology.choices.retry_count {
            RetryCount::Remaining => transmission.retries_left,
            // the adapter was not told, the engine has counted.
            RetryCount::Configured => {
                cold_path();
                self.message_box.retries_left(transmission.reference).unwrap_or_default()
            }
        };
        let spent = configured.saturating_sub(left);
        if self.topology.habits.is_empty() { spent } else { spent + self.tried_more(transmission) }
    }

    #[inline(always)]
    pub(super) fn begin_call(&mut self, call: &SinkCall) {
        self.checks.wire_begins(&call.transmission);
        self.meters.ports[call.transmission.subscriber.index()].attempts += 1;
        let (now, rng) = (self.now, self.rng);
        let outcome = self.sink(call.transmission.endpoint).outcome(now, &rng, call);
        let key = self.on_wire.insert(OnWire { call: *call, sent: outcome.sent, errand: false });
        // Even an immediate answer is an event of its own, so that no adapter is answered from
        // inside its own call.
        self.schedule(now + outcome.takes, Due::Sent(key));
    }

    #[inline(always)]
    pub(super) fn wire_done(&mut self, key: Key) {
        let Some(OnWire { call, sent, errand }) = &self.on_wire.remove(key) else { return };
        if *errand {
            return self.resolved(call, *sent);
        }
        let (now, transmission) = (self.now, &call.transmission);
        let sent = *sent && self.takes_part(transmission);
        let event = Event::WireDone {
            document: transmission.document,
            sequence: transmission.sequence,
            sent,
        };
        self.trace.record(self.now, &event, || {
            let port = self.topology.subscriber_name(transmission.subscriber);
            let transport = if transmission.on_backup { "backup" } else { "primary" };
            let answer = if sent { "ok" } else { "FAILS" };
            format!("A>W  {} by {port} ({transport}): wire {answer}", transmission.document)
        });
        let staged = sent && self.staged_write(transmission);
        if staged {
            self.checks.wire_took(transmission);
        }
        // A failure that nobody is left to hear of is nobody's: the message was given back.
        if !staged && (sent || !matches!(self.nodes[call.node as usize].machine, AnyAdapter::Gone))
        {
            self.checks.wire_ends(transmission, sent);
        }
        let sink = self.sink(transmission.endpoint);
        let forward_to = sink.forward_to();
        let replies = if sent && transmission.two_way { sink.reply() } else { None };
        if sent {
            let by = self.nodes[call.node as usize].place();
            self.sampled.handed.ends(now, by.0, transmission.reference);
            if !staged {
                let port = transmission.subscriber.index();
                let is_answered = transmission.two_way && replies.is_some();
                let is_final = forward_to.is_none() && !is_answered;
                self.meters.processed(now, port, transmission.arrived, is_final);
                self.sampled.handed.processed(by, transmission.bytes);
            }
        }
        let context = match forward_to {
            Some(to) if sent && !staged => Some((to, self.forwarded_context(to, transmission))),
            Some(_) | None => None,
        };
        let result = match replies {
            Some(reply) => {
                WireResult::Replied(Box::new(self.reply(call.node, transmission, &reply)))
            }
            None if sent => WireResult::Sent,
            None => WireResult::Refused,
        };
        let answer = AdapterInput::WireDone { token: call.token, result };
        self.adapter_input(call.node, answer);
        if let Some(next) = self.sink(transmission.endpoint).end(now) {
            self.begin_call(&next);
        }
        if let Some((to, context)) = context {
            self.forward(to, context, transmission);
        }
    }
}
