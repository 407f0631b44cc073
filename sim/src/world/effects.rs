//! What the effects of a commit add to the meters.

use floodgate_engine::message_box::{Closing, Effect};

use super::World;

impl World {
    pub(super) fn meter(&mut self, effect: &Effect) {
        match effect {
            Effect::Published { document, bodies, .. } => {
                self.audits.spool.comes(self.now, *bodies);
                // What the engine or an orchestration made was not received.
                if document.is_submitted() {
                    self.meters.received(self.now);
                }
            }
            Effect::RoutedMessage { .. } | Effect::ThrownMessage { .. } => {
                self.meters.error_messages += 1;
            }
            Effect::RoutedReference { at, .. } => {
                self.meters.error_messages += 1;
                self.meters.ports[at.subscriber.index()].error_messages += 1;
            }
            Effect::Resubmitted { at, .. } => {
                self.meters.resubmitted += 1;
                self.meters.ports[at.subscriber.index()].resubmitted += 1;
            }
            Effect::SuspendedReference { at, .. } => {
                self.meters.suspended += 1;
                self.meters.ports[at.subscriber.index()].suspended += 1;
            }
            Effect::SuspendedMessage { .. } => self.meters.suspended += 1,
            Effect::RoutingFailureReport { .. } => self.meters.routing_failures += 1,
            Effect::ExchangeClosed { by: Closing::Fault, .. } => self.meters.answers.faults += 1,
            Effect::ExchangeClosed { by: Closing::Death, .. } => self.meters.answers.broken += 1,
            Effect::LateResponse { .. } => self.meters.answers.late += 1,
            Effect::Acknowledgement { .. }
            | Effect::Collectable { .. }
            | Effect::Consumed { .. }
            | Effect::ExchangeClosed { .. }
            | Effect::ExchangeOpened { .. }
            | Effect::Deleted { .. }
            | Effect::Locked { .. }
            | Effect::Logged { .. }
            | Effect::MovedToNextTransport { .. }
            | Effect::Passed { .. }
            | Effect::PropertiesUpdated { .. }
            | Effect::Referenced { .. }
            | Effect::GroupState { .. }
            | Effect::OperationPending { .. }
            | Effect::PortState { .. }
            | Effect::ReportRemoved { .. }
            | Effect::SuspendedMessageGone { .. }
            | Effect::Resumed { .. }
            | Effect::Scheduled { .. }
            | Effect::Terminated { .. }
            | Effect::Unlocked { .. } => {}
        }
    }
}
