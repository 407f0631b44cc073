//! The way out: map, then send pipeline, for every attempt anew (R-PIPE-11, R-PIPE-14).

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::{Frame, FrameId, HostInstance};
use crate::adapter::ErrorSubject;
use crate::batch::OperationKind;
use crate::config::{SubscriberKind, Topology};
use crate::id::SubscriberId;
use crate::message::PropertyId;
use crate::message_box::{Action, OutboundMessage};
use crate::pipeline::Outgoing;

/// Which subscribers let a document without a fault pass as it is: nothing is done for those.
#[derive(Clone, Debug)]
pub(super) struct NeutralPorts(Vec<bool>);

impl NeutralPorts {
    pub(super) fn of(topology: &Topology) -> Self {
        let neutral = |at| match topology.subscriber(SubscriberId::from(at)) {
            SubscriberKind::Orchestration(_) => true,
            SubscriberKind::Responses(port) => {
                let own = topology.exchanges.request_port(port);
                own.is_none_or(|own| own.pipeline.is_neutral(&own.maps))
            }
            SubscriberKind::SendPort(port) => {
                let port = &topology.send_ports[port.index()];
                port.pipeline.is_neutral(&port.maps)
            }
        };
        Self((0..topology.subscribers()).map(neutral).collect())
    }

    fn leaves(&self, message: &OutboundMessage) -> bool {
        let neutral = self.0.get(message.subscriber.index());
        let faultless = || message.context.read(PropertyId::FLAW).is_none();
        neutral.is_none_or(|neutral| *neutral && faultless())
    }
}

impl HostInstance {
    /// Runs map and pipeline on the messages that a delivery has taken. What fails there is
    /// suspended, without retry and without backup (R-RETRY-14), what is consumed is done with
    /// (R-PIPE-08); the adapter sees neither.
    pub(super) fn process_outbound(&mut self, frame: FrameId) {
        let Some(Frame::Deliver(delivery)) = self.frames.get_mut(frame.0) else { return };
        if delivery.waiting.iter().all(|message| self.neutral.leaves(message)) {
            return;
        }
        let (topology, decided) = (&self.topology, &mut delivery.decided);
        let errors = &mut self.errors;
        // In the order of delivery: the next one is last.
        delivery.waiting.reverse();
        delivery.waiting.retain_mut(|message| {
            let action = send_pipeline(topology, message, errors);
            let goes_on = action.is_none();
            decided.extend(action);
            goes_on
        });
        delivery.waiting.reverse();
    }
}

/// What becomes of the message instead of its being handed over, if anything.
fn send_pipeline(
    topology: &Topology,
    message: &mut OutboundMessage,
    errors: &mut FxHashMap<ErrorSubject, Arc<str>>,
) -> Option<(OperationKind, Action)> {
    let (pipeline, maps) = match topology.subscriber(message.subscriber) {
        SubscriberKind::Orchestration(_) => return None,
        // R-PIPE-09: responses and faults go out like any message.
        SubscriberKind::Responses(port) => {
            let own = topology.exchanges.request_port(port)?;
            (&own.pipeline, &own.maps[..])
        }
        SubscriberKind::SendPort(port) => {
            let port = &topology.send_ports[port.index()];
            (&port.pipeline, &port.maps[..])
        }
    };
    let (name, bytes) = (message.document, message.bytes);
    match pipeline.execute(maps, name, &message.context, bytes, message.real.as_ref()) {
        Outgoing::Consumed => Some((OperationKind::Delete, Action::Consume(message.reference))),
        Outgoing::Failed(failure) => {
            // R-PIPE-13: the report goes with the suspension that follows.
            // What a message of a dynamic port names has no name in the topology.
            let known = topology.endpoints.get(message.endpoint.index());
            let location = known.map_or("", String::as_str);
            let port = topology.subscriber_name(message.subscriber);
            let report = pipeline.report(failure, port, location);
            errors.insert(ErrorSubject::Reference(message.reference), Arc::from(report));
            let action = Action::Fail(message.reference, failure.reason());
            Some((OperationKind::MoveToSuspendQueue, action))
        }
        Outgoing::Ready { real, bytes, context } => {
            (message.real, message.bytes, message.context) = (real, bytes, context);
            None
        }
    }
}
