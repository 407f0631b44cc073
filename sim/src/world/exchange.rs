//! The two-way part of the wire: clients that wait for answers, partners that reply.

use floodgate_engine::adapter::{Answer, AnyAdapter, Transmission, WireResult};
use floodgate_engine::hash::{mix, name_key};
use floodgate_engine::host::DoneRace;
use floodgate_engine::id::{EndpointId, HostInstanceId, Key};
use floodgate_engine::message::{Body, Context, Parts, PropertyId, Value, WireMessage};
use floodgate_engine::message_box::{Action, Closing, Effect, PreparedBatch};

use super::{Due, Now, World};
use crate::endpoint::Endpoint;
use crate::rng::Purpose;
use crate::setup::{Reply, ResponseOrder};
use crate::trace::Event;

/// An answer on its way to a client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answering {
    node: u32,
    token: u64,
    endpoint: EndpointId,
    request: u64,
    answer: Answer,
}

/// The numbers under which stories and digests know answers; HTTP's (R-RR-16).
const fn code(answer: &Answer) -> u16 {
    match answer {
        Answer::Accepted => 202,
        Answer::Failed => 500,
        Answer::Response(_) => 200,
        Answer::Unauthorized => 401,
    }
}

impl World {
    /// Whether a batch with requests lets a response overtake it (R-BC-08, R-CLK-04).
    pub(super) fn response_race(&self, node: u32, cookie: u64) -> Option<DoneRace> {
        let drawn = || {
            self.rng.draw(Purpose::Schedule, self.nodes[node as usize].key, cookie.wrapping_neg())
        };
        match self.response_order {
            ResponseOrder::AfterComplete => None,
            ResponseOrder::BeforeComplete => Some(DoneRace::ResponseBeforeComplete),
            ResponseOrder::BeforeReturn => Some(DoneRace::ResponseBeforeReturn),
            ResponseOrder::Drawn => match drawn() % 3 {
                0 => None,
                1 => Some(DoneRace::ResponseBeforeComplete),
                _ => Some(DoneRace::ResponseBeforeReturn),
            },
        }
    }

    /// A client gets its answer, in time or too late to hear it. Even then it is an event of its
    /// own, so that no adapter is answered from inside its own call.
    #[inline(never)]
    pub(super) fn respond(
        &mut self,
        (node, token): (u32, u64),
        endpoint: EndpointId,
        request: u64,
        answer: Answer,
    ) {
        if let Answer::Response(transmission) = &answer {
            self.checks.wire_begins(transmission);
            self.meters.ports[transmission.subscriber.index()].attempts += 1;
        }
        let takes = match (&self.endpoints[endpoint.index()], &answer) {
            (Endpoint::Source(source), Answer::Response(transmission)) => {
                source.answer_time(&self.rng, transmission.lineage)
            }
            (Endpoint::Source(_) | Endpoint::Sink(_), _) => floodgate_engine::time::Duration::ZERO,
        };
        let answering = Answering { node, token, endpoint, request, answer };
        let key = self.answering.insert(answering);
        self.schedule(self.now + takes, Due::Answered(key));
    }

    #[cold]
    pub(super) fn answer_done(&mut self, key: Key) {
        let Some(Answering { node, token, endpoint, request, answer }) = self.answering.remove(key)
        else {
            return;
        };
        let heard = match &self.endpoints[endpoint.index()] {
            Endpoint::Source(source) => source.hears(request, self.now),
            Endpoint::Sink(_) => true,
        };
        let event = Event::Answered { node, request, code: code(&answer), heard };
        self.trace.record(self.now, &event, || {
            let name = &self.nodes[node as usize].name;
            let what = match &answer {
                Answer::Response(sent) => format!(" with {}", sent.document),
                Answer::Accepted | Answer::Failed | Answer::Unauthorized => String::new(),
            };
            let gone = if heard { "" } else { ", who is gone" };
            format!("A>W  {name} answers the client of m{request}{gone}: {}{what}", code(&answer))
        });
        if let Answer::Response(sent) = &answer {
            self.checks.wire_ends(sent, heard);
            if heard {
                self.meters.processed(self.now, sent.subscriber.index(), sent.arrived, true);
                self.sampled.handed.processed(self.nodes[node as usize].place(), sent.bytes);
            }
        }
        if let Endpoint::Source(source) = &mut self.endpoints[endpoint.index()] {
            source.give_up(node, &[request]);
        }
        match answer {
            Answer::Failed => {
                // A request that was refused is off the generator's books.
                let refused = self.unaccepted.remove(&request).unwrap_or(0);
                self.documents_accepted += refused;
                self.fates.turned_away += refused;
                self.meters.answers.failed += 1;
            }
            Answer::Accepted => self.meters.answers.accepted += 1,
            Answer::Response(_) => self.meters.answers.responses += 1,
            Answer::Unauthorized => self.meters.answers.unauthorized += 1,
        }
        if !self.waits.is_idle() {
            self.request_ended(request);
        }
        let result = if heard { WireResult::Sent } else { WireResult::Refused };
        self.ring.push_back(Now::Answered(node, token, result));
    }

    /// Clients of a process that died hear of it: their connection is broken, and nobody answers
    /// them (R-CRASH-03). What was not accepted is off the generator's books.
    pub(super) fn break_off(&mut self, requests: &[u64]) {
        for request in requests {
            if let Some(documents) = self.unaccepted.remove(request) {
                self.documents_accepted += documents;
                self.fates.turned_away += documents;
                self.meters.answers.broken += 1;
            }
            self.request_ended(*request);
        }
    }

    /// Answers of `instance` that are on their way are cut.
    pub(super) fn cut_answers(&mut self, instance: HostInstanceId) {
        let cut: Vec<Key> = (self.answering.iter())
            .filter(|(_, answering)| self.nodes[answering.node as usize].instance == instance)
            .map(|(key, _)| key)
            .collect();
        for key in cut {
            self.answering.remove(key);
        }
    }

    /// What the partner's end sends back on the same connection (R-SR-02).
    #[inline(never)]
    pub(super) fn reply(&mut self, node: u32, sent: &Transmission, reply: &Reply) -> WireMessage {
        self.wires_arrived += 1;
        self.documents_arrived += 1;
        let is_heard = !matches!(self.nodes[node as usize].machine, AnyAdapter::Gone);
        self.replied(sent, self.wires_arrived, is_heard);
        let message = WireMessage {
            number: self.wires_arrived,
            lineage: mix(sent.lineage, name_key(self.end_of(sent.endpoint))),
            arrived: sent.arrived,
            context: self.reply_context(sent, reply),
            parts: Parts::of(Body::Described { bytes: reply.bytes, documents: 1 }),
            defect: reply.defect,
            seekable: true,
        };
        let event = Event::Replied { wire: message.number, document: sent.document };
        self.trace.record(self.now, &event, || {
            format!("W>A  the partner replies to {} with m{}", sent.document, message.number)
        });
        message
    }

    fn reply_context(&self, sent: &Transmission, reply: &Reply) -> Context {
        let length = self.topology.choices.promoted_length;
        let mut context = Context::default().promoting(length);
        let port = self.topology.exchanges.solicit_port(sent.subscriber.into());
        if port.is_some_and(|port| port.pipeline.disassembles()) {
            let document_type = Value::text(&reply.document_type);
            let promoted = context.promote(PropertyId::MESSAGE_TYPE, Some(document_type));
            assert!(promoted.is_ok(), "a document type is short enough to promote");
        }
        context
    }
}

/// The wire messages that the engine owns once a batch is committed: what their clients are told
/// later says nothing of that.
pub(super) fn requests_of(batch: &PreparedBatch) -> Vec<u64> {
    let documents = batch.documents.iter().map(|document| document.name.wire);
    let waits = batch.waits.iter().map(|wait| wait.request);
    let suspended = batch.actions.iter().filter_map(|(_, action)| {
        let Action::SuspendWire { wire, .. } = action else { return None };
        Some(wire.number)
    });
    documents.chain(waits).chain(suspended).collect()
}

/// What happened to an exchange, or was made of a message, as a line of a story.
pub(super) fn tell(effect: &Effect) -> String {
    if let Effect::Acknowledgement { document, of, positive, .. } = effect {
        let kind = if *positive { "ACK" } else { "NACK" };
        format!("MB   {document} is the {kind} of {of}")
    } else if let Effect::ExchangeOpened { waiting } = effect {
        format!("MB   m{} waits for its response at {}", waiting.request, waiting.owner)
    } else if let Effect::ExchangeClosed { waiting, by } = effect {
        let by = match by {
            Closing::Cancel => "is withdrawn",
            Closing::Death => "ends with its process",
            Closing::Expiry => "is over",
            Closing::Fault => "ends with a fault",
            Closing::Response => "ends with a response",
        };
        format!("MB   the wait of m{} {by}", waiting.request)
    } else if let Effect::LateResponse { document, orphan } = effect {
        let event = if *orphan { " since a restart: event 5813" } else { "" };
        format!("MB   {document} is a response that nobody waits for{event}")
    } else {
        String::new()
    }
}
