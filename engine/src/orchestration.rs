//! Orchestrations: a subscriber that receives, may wait, and sends again.
//!
//! As small as an orchestration can be and still be one: a receive shape, perhaps a Suspend shape,
//! perhaps a send shape, and the end. A convoy repeats this in one instance for all messages that
//! share a value (R-ORD-03). Where the port of the send shape answers (R-SR-03), a second receive
//! shape may wait for the answer, and the instance lives on until then (R-SUB-05).

use crate::config::{Orchestration, Topology};
use crate::id::SendPortId;
use crate::message::{Body, Document, DocumentName, Parts, PropertyId, Value};
use crate::message_box::{Action, Exchange, OutboundMessage};
use crate::time::Duration;

/// Numbers of wire messages end below this; what orchestrations send is numbered from here, by the
/// publication order of what they received. It is printed as `o7`.
pub const SENT_BY_ORCHESTRATIONS: u64 = 1 << 42;

/// The shapes of an orchestration.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// A Suspend shape after the receive (R-ADD-01).
    pub suspends: bool,
    /// The send shape, if there is one.
    pub sends: Option<SendShape>,
    /// Whether one instance receives all messages that correlate.
    pub convoy: Option<Convoy>,
    /// The receive shape for what the port of the send shape answers, if there is one.
    pub answer: Option<AnswerShape>,
}

/// A receive shape for the answer to what was sent to a two-way port (R-SR-03), and what follows.
/// The answer correlates by the `CorrelationToken` of what was sent, which the engine gives it.
///
/// \[M\] A client that waits for a response to the message that started the instance is not
/// answered by it: its exchange ends with the message received.
#[derive(Clone, Debug, Default)]
pub struct AnswerShape {
    /// The instance ends after so long without an answer, if ever.
    pub patience: Option<Duration>,
    /// The send shape for the answer.
    pub sends: Option<SendShape>,
}

/// A send shape: publishes the message it received, with promotions of its own (R-PUB-01).
#[derive(Clone, Debug, Default)]
pub struct SendShape {
    /// What it promotes; everything else on the copy is only written (R-CTX-07).
    pub promotions: Vec<(PropertyId, Value)>,
    /// The send port it is bound to directly, if it is (R-SUB-06). Others that subscribe get their
    /// copy all the same (R-PUB-04).
    pub to: Option<SendPortId>,
}

/// A sequential convoy: the first message of a value starts an instance, which receives all that
/// follow with that value, one at a time, in publication order (R-ORD-02, R-ORD-03).
#[derive(Clone, Copy, Debug)]
pub struct Convoy {
    /// The promoted property on which messages correlate.
    pub property: PropertyId,
    /// The instance ends after so many messages; zero: never by count.
    pub messages: u32,
    /// It ends after so long without one, if ever.
    pub idle: Option<Duration>,
}

/// How the turn on one message goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Turn {
    /// Its shapes run.
    Runs,
    /// It comes to a Suspend shape that it has not passed yet (R-ADD-01).
    Suspends,
    /// The answer says that a solicit failed, which is an exception (R-SR-06).
    Throws,
}

impl Orchestration {
    /// How the turn on a received message goes.
    #[must_use]
    pub fn turn(&self, received: &OutboundMessage) -> Turn {
        let answered = received.exchange == Exchange::Answer;
        if answered && received.context.read(PropertyId::ACK_TYPE).is_some() {
            return Turn::Throws;
        }
        let passed = received.context.is_set(PropertyId::SUSPEND_SHAPE_PASSED);
        if self.program.suspends && !passed && !answered { Turn::Suspends } else { Turn::Runs }
    }

    /// The send shape that a received message leads to, if any.
    fn send_shape(&self, received: &OutboundMessage) -> Option<&SendShape> {
        let program = &self.program;
        match received.exchange == Exchange::Answer {
            true => program.answer.as_ref()?.sends.as_ref(),
            false => program.sends.as_ref(),
        }
    }

    /// Whether something is published on a received message, if the shapes run.
    #[must_use]
    pub fn sends_on(&self, received: &OutboundMessage) -> bool {
        self.send_shape(received).is_some()
    }

    /// What the answer to the message sent for a received one correlates by: one for every turn.
    fn token(&self, received: &OutboundMessage) -> String {
        format!("{}.{}", self.name, received.sequence)
    }

    /// The wait for the answer to what the send shape publishes for a received message, if the
    /// program has one and this is not the answer itself.
    #[must_use]
    pub fn awaits(&self, received: &OutboundMessage) -> Option<Action> {
        let answer = self.program.answer.as_ref()?;
        let token = Value::text(&self.token(received));
        let is_first = received.exchange != Exchange::Answer && self.program.sends.is_some();
        is_first.then_some(Action::Await(received.reference, token, answer.patience))
    }

    /// The message that the send shape publishes for a received one: a copy without promotions but
    /// for the shape's own, so that it does not come back by the filter that brought it
    /// (R-CTX-07, INV-24). \[M\] A body of real bytes goes on as described by its size.
    #[must_use]
    pub fn sends(&self, topology: &Topology, received: &OutboundMessage) -> Option<Document> {
        let program = &self.program;
        let answered = received.exchange == Exchange::Answer;
        let shape = self.send_shape(received)?;
        let mut context = received.context.demoted();
        if program.answer.is_some() {
            // Written, not promoted: only the answer finds the instance by it.
            let token = (!answered).then(|| Value::text(&self.token(received)));
            context.write(PropertyId::CORRELATION_TOKEN, token);
            context.write(PropertyId::EPM_RR_CORRELATION_TOKEN, None);
        }
        // What the engine wrote to carry the instance is no part of the message.
        context.write(PropertyId::SUSPEND_SHAPE_PASSED, None);
        let port = shape.to.map(|port| &topology.send_ports[port.index()].name);
        let own = port.map(|name| (PropertyId::SP_TRANSPORT_ID, Value::text(name)));
        for (property, value) in shape.promotions.iter().cloned().chain(own) {
            let refused = context.promote(property, Some(value));
            assert!(refused.is_ok(), "a promotion was measured when it was configured");
        }
        Some(Document {
            name: DocumentName {
                wire: SENT_BY_ORCHESTRATIONS + received.sequence,
                sequence: 1,
                split: false,
            },
            lineage: crate::hash::mix(received.lineage, crate::hash::name_key(&self.name)),
            arrived: received.arrived,
            context,
            parts: Parts::of(Body::Described {
                bytes: u32::try_from(received.bytes).unwrap_or(u32::MAX),
                documents: 1,
            }),
        })
    }
}
