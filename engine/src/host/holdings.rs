//! What a host instance holds in memory: reckoned when somebody asks, so that it costs nothing
//! where nobody does.

use super::execute::Execution;
use super::{Frame, HostInstance, Task};
use crate::batch::{Operation, Suspendable};
use crate::message::WireMessage;
use crate::throttle::Holdings;

impl HostInstance {
    /// Messages in memory: those of batches under way, those taken out of the MessageBox and not
    /// finished, and those of orchestration instances that wait there. \[M\] What was taken and is
    /// not finished counts with the mean size of all that were taken.
    #[must_use]
    pub fn holdings(&self) -> Holdings {
        let mut held = Holdings::default();
        let waiting = self.tasks.iter().filter_map(|task| match task {
            Task::Execute(execution) => Some(execution),
            Task::Deliver(_)
            | Task::Expire(_)
            | Task::Fail(_)
            | Task::HandOver(_)
            | Task::Orchestrate(_)
            | Task::Repeat(_)
            | Task::Resume(_) => None,
        });
        let running = self.frames.iter().filter_map(|(_, frame)| match frame {
            Frame::Execute(execution) => Some(execution),
            Frame::Cycle
            | Frame::Dehydrate(_)
            | Frame::Deliver(_)
            | Frame::Expire(_)
            | Frame::Orchestrate(_)
            | Frame::Resume(_)
            | Frame::Settle(_)
            | Frame::SettleIn(..)
            | Frame::Terminate(_) => None,
        });
        for execution in self.held.iter().chain(waiting).chain(running) {
            let batch = in_batch(execution);
            held.messages += batch.messages;
            held.bytes += batch.bytes;
        }
        let mean = self.mean_bytes();
        let waiting = self.resident_holdings();
        held.messages += u64::from(self.in_process) + waiting.messages;
        held.bytes += u64::from(self.in_process) * mean + waiting.bytes;
        held
    }

    /// Messages that are not in memory any more, since the process began, and the bytes of one.
    /// \[M\] Those that were published count with the mean size of those that were taken.
    #[must_use]
    pub fn ended(&self) -> (u64, u64) {
        (self.totals.committed + self.totals.finished, self.mean_bytes())
    }

    fn mean_bytes(&self) -> u64 {
        self.taken_bytes.checked_div(self.totals.taken).unwrap_or(0)
    }

    /// Whether a batch is so small that it passes while memory is short.
    pub(super) fn is_spared(&self, execution: &Execution) -> bool {
        let memory = self.settings.throttling.and_then(|throttling| throttling.memory);
        memory.is_some_and(|memory| memory.of(in_batch(execution)) < self.throttled().spares)
    }
}

/// The messages of a batch.
fn in_batch(execution: &Execution) -> Holdings {
    let mut held = Holdings::default();
    for wire in execution.operations().iter().filter_map(carried) {
        held.add(wire.parts.bytes());
    }
    held
}

/// The message that an operation carries, if it carries one.
const fn carried(operation: &Operation) -> Option<&WireMessage> {
    match operation {
        Operation::Submit(wire)
        | Operation::SubmitRequest { request: wire, .. }
        | Operation::SubmitResponse { response: wire, .. }
        | Operation::MoveToSuspendQueue(Suspendable::Wire(wire)) => Some(wire),
        Operation::CancelResponse { .. }
        | Operation::Delete(_)
        | Operation::MoveToNextTransport(_)
        | Operation::MoveToSuspendQueue(Suspendable::Reference(_))
        | Operation::Resubmit { .. } => None,
    }
}
