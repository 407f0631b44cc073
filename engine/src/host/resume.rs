//! Resuming what was suspended as it came: the pipeline runs again, from its beginning (INV-61).

use super::exchanges::Requests;
use super::{Frame, FrameId, HostInstance, HostOutput, Task};
use crate::batch::{Operation, OperationKind, Status};
use crate::demand::Demand;
use crate::id::AdapterId;
use crate::message::WireMessage;
use crate::message_box::{Action, PreparedBatch};

/// A suspended message on its way through the pipeline again.
#[derive(Clone, Debug)]
pub(super) struct Resumption {
    /// Its number in the suspended queue.
    number: u64,
    operation: Operation,
}

impl HostInstance {
    #[cold]
    pub(super) fn resume_suspended(&mut self, number: u64, wire: WireMessage) {
        let operation = Operation::Submit(wire);
        self.tasks.push_back(Task::Resume(Resumption { number, operation }));
    }

    #[cold]
    pub(super) fn start_resumption(&mut self, resumption: Resumption) {
        let (topology, locations) = (&self.topology, std::cell::RefCell::new(&mut self.locations));
        let operations = std::slice::from_ref(&resumption.operation);
        let demand = Demand::of_batch(topology, operations, |wire| {
            locations.borrow_mut().find(topology, wire)
        });
        let frame = FrameId(self.frames.insert(Frame::Resume(resumption)));
        self.outputs.push_back(HostOutput::Work { frame, demand });
    }

    /// The work is done: what the pipeline makes of the message is published, and the message
    /// leaves the suspended queue with the same commit. One that fails again stays there.
    #[cold]
    pub(super) fn resumed(&mut self, frame: FrameId) {
        let Some(Frame::Resume(resumption)) = self.frames.get(frame.0) else { return };
        let Resumption { number, operation } = resumption.clone();
        let mut batch = PreparedBatch::default();
        let mut action = {
            // What is resumed is one message, never a request (R-RR-09).
            let mut requests = Requests::default();
            self.prepare(AdapterId::default(), operation, &mut batch, &mut requests)
        };
        if matches!(action, Action::SuspendWire { .. }) {
            action = Action::Refuse(Status::FAIL);
        }
        let kind = OperationKind::Submit;
        batch.actions.push((kind, Action::ForgetSuspended(number)));
        batch.actions.push((kind, action));
        self.outputs.push_back(HostOutput::Transact { frame, batch, transaction: None });
    }
}
