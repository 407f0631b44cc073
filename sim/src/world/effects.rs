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
            Effect::RoutedMessage { .. } => {
                self.meters.error_messages += 1;
                self.fate(effect);
            }
            Effect::ThrownMessage { .. } => self.meters.error_messages += 1,
            Effect::RoutedReference { at, .. } => {
                self.fate(effect);
                self.meters.error_messages += 1;
                self.meters.ports[at.subscriber.index()].error_messages += 1;
            }
            Effect::Resubmitted { at, .. } => {
                self.meters.resubmitted += 1;
                self.meters.ports[at.subscriber.index()].resubmitted += 1;
            }
            Effect::SuspendedReference { at, .. } => {
                self.fate(effect);
                self.meters.suspended += 1;
                self.meters.ports[at.subscriber.index()].suspended += 1;
            }
            Effect::SuspendedMessage { .. } => {
                self.fate(effect);
                self.meters.suspended += 1;
            }
            Effect::Consumed { .. }
            | Effect::Passed { .. }
            | Effect::SuspendedMessageGone { .. }
            | Effect::Terminated { .. } => self.fate(effect),
            Effect::RoutingFailureReport { .. } => self.meters.routing_failures += 1,
            Effect::ExchangeClosed { by: Closing::Fault, .. } => self.meters.answers.faults += 1,
            Effect::ExchangeClosed { by: Closing::Death, .. } => self.meters.answers.broken += 1,
            Effect::LateResponse { .. } => self.meters.answers.late += 1,
            Effect::Acknowledgement { .. }
            | Effect::Collectable { .. }
            | Effect::ExchangeClosed { .. }
            | Effect::ExchangeOpened { .. }
            | Effect::Deleted { .. }
            | Effect::Locked { .. }
            | Effect::Logged { .. }
            | Effect::MovedToNextTransport { .. }
            | Effect::PropertiesUpdated { .. }
            | Effect::Referenced { .. }
            | Effect::GroupState { .. }
            | Effect::OperationPending { .. }
            | Effect::PortState { .. }
            | Effect::ReportRemoved { .. }
            | Effect::Resumed { .. }
            | Effect::Scheduled { .. }
            | Effect::Unlocked { .. } => {}
        }
    }
}
