//! Running orchestrations: each received message is one turn on an engine thread and ends in one
//! transaction, which is the persistence point of the instance.

use super::{Frame, FrameId, HostInstance, HostOutput, Task};
use crate::adapter::ErrorSubject;
use crate::batch::{BatchStatus, OperationKind};
use crate::config::{Orchestration, SubscriberKind};
use crate::demand::Demand;
use crate::message::{PropertyId, Value};
use crate::message_box::{Action, OutboundMessage, PreparedBatch, Reason, Remark};
use crate::orchestration::Turn;
use crate::time::Instant;

impl HostInstance {
    /// Whether a message is for an orchestration; it then waits for a thread as such.
    pub(super) fn takes_turn(
        &mut self,
        message: Box<OutboundMessage>,
    ) -> Option<Box<OutboundMessage>> {
        if message.subscriber.index() < self.topology.send_ports.len() {
            return Some(message);
        }
        match self.topology.subscriber(message.subscriber) {
            SubscriberKind::Orchestration(_) => {
                self.tasks.push_back(Task::Orchestrate(message));
                None
            }
            SubscriberKind::Responses(_) | SubscriberKind::SendPort(_) => Some(message),
        }
    }

    /// A turn begins. \[M\] It costs the CPU what receiving and sending such a message costs: the
    /// product's own price of an orchestration's shapes is not published.
    #[inline(never)]
    pub(super) fn start_turn(&mut self, message: Box<OutboundMessage>) {
        self.waiting -= 1;
        let mut demand =
            Demand { send_messages: 1, send_bytes: message.bytes, ..Demand::default() };
        if self.orchestration(&message).is_some_and(|known| known.program.sends.is_some()) {
            demand.receive_messages = 1;
            demand.receive_bytes = message.bytes;
        }
        let frame = FrameId(self.frames.insert(Frame::Orchestrate(message)));
        self.outputs.push_back(HostOutput::Work { frame, demand });
    }

    /// Messages that the turn on a message hands in for publishing: orchestrations publish as
    /// adapters do (R-THR-02).
    pub(super) fn published_by(&self, message: &OutboundMessage) -> u64 {
        let sends = |own: &Orchestration| own.turn(message) == Turn::Runs && own.sends_on(message);
        self.orchestration(message).is_some_and(sends).into()
    }

    fn orchestration(&self, message: &OutboundMessage) -> Option<&Orchestration> {
        match self.topology.subscriber(message.subscriber) {
            SubscriberKind::Orchestration(id) => self.topology.orchestrations.get(id.index()),
            SubscriberKind::Responses(_) | SubscriberKind::SendPort(_) => None,
        }
    }

    /// The shapes ran: suspends at a Suspend shape that was not passed yet (R-ADD-01), else
    /// consumes the message and publishes what the send shape makes of it, both or neither. If an
    /// answer to that is to come, the wait for it begins in the same transaction.
    #[inline(never)]
    pub(super) fn take_turn(&mut self, frame: FrameId) {
        let Some(Frame::Orchestrate(message)) = self.frames.get(frame.0) else { return };
        let Some(orchestration) = self.orchestration(message) else { return };
        let reference = message.reference;
        let mut batch = PreparedBatch::default();
        match orchestration.turn(message) {
            Turn::Throws => batch.actions.push(suspend(reference, Reason::Exception)),
            Turn::Suspends => {
                let mark = vec![(PropertyId::SUSPEND_SHAPE_PASSED, Value::Bool(true))];
                batch.remarks.push((ErrorSubject::Reference(reference), Remark::Properties(mark)));
                batch.actions.push(suspend(reference, Reason::SuspendShape));
            }
            Turn::Runs => {
                let awaits = orchestration.awaits(message);
                batch.actions.extend(awaits.map(|awaits| (OperationKind::Submit, awaits)));
                batch.actions.push((OperationKind::Delete, Action::Delete(reference)));
                if let Some(document) = orchestration.sends(&self.topology, message) {
                    batch.documents.push(document);
                    let publish = Action::Publish { first: 0, count: 1 };
                    batch.actions.push((OperationKind::Submit, publish));
                }
            }
        }
        self.outputs.push_back(HostOutput::Transact { frame, batch, transaction: None });
    }

    /// The turn's transaction came back. Where it failed, since nobody subscribes to what was
    /// sent, nothing of the turn happened, and the instance is suspended before it. Where one of
    /// several MessageBoxes was away, the turn is taken again (R-MMB-06).
    #[inline(never)]
    pub(super) fn turn_ended(&mut self, now: Instant, frame: FrameId, status: &BatchStatus) {
        let Some(Frame::Orchestrate(message)) = self.frames.get(frame.0) else { return };
        let reference = message.reference;
        self.totals.committed += self.published_by(message);
        if status.overall.is_success() {
            self.release(frame);
            self.settle(1);
        } else if status.could_not_store() && self.dequeuers.len() > 1 {
            let Some(Frame::Orchestrate(message)) = self.release(frame) else { return };
            self.waiting += 1;
            self.put_off(now, Task::Orchestrate(message));
        } else {
            self.transact_own(frame, vec![suspend(reference, Reason::Routing)], None);
            self.watch_bounds();
        }
    }
}

const fn suspend(reference: crate::id::ReferenceId, reason: Reason) -> (OperationKind, Action) {
    (OperationKind::MoveToSuspendQueue, Action::SuspendInstance(reference, reason))
}
