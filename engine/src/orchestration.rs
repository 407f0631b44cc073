//! Orchestrations: a subscriber that receives, may wait, and sends again.
//!
//! As small as an orchestration can be and still be one: a receive shape, perhaps a Suspend shape,
//! perhaps a send shape, and the end. A convoy repeats this in one instance for all messages that
//! share a value (R-ORD-03).

use crate::config::{Orchestration, Topology};
use crate::id::SendPortId;
use crate::message::{Body, Document, DocumentName, Parts, PropertyId, Value};
use crate::message_box::OutboundMessage;
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

impl Orchestration {
    /// The message that the send shape publishes for a received one: a copy without promotions but
    /// for the shape's own, so that it does not come back by the filter that brought it
    /// (R-CTX-07, INV-24). \[M\] A body of real bytes goes on as described by its size.
    #[must_use]
    pub fn sends(&self, topology: &Topology, received: &OutboundMessage) -> Option<Document> {
        let shape = self.program.sends.as_ref()?;
        let mut context = received.context.demoted();
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
