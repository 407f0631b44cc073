//! Marks of a batch under judgement: what one of its operations has named already.

use super::{Action, Claim, MessageBox, ReferenceState};
use crate::batch::Status;
use crate::id::{HostInstanceId, ReferenceId};

impl MessageBox {
    /// A reference may be named once per batch, only by the host instance that has it, and not
    /// while a transaction that named it is open.
    pub(super) fn stage(&mut self, owner: HostInstanceId, id: ReferenceId) -> Status {
        match self.references.get_mut(id.0) {
            Some(reference)
                if reference.state == ReferenceState::Locked(owner)
                    && reference.claim == Claim::None =>
            {
                reference.claim = Claim::Batch;
                Status::OK
            }
            Some(_) | None => Status::FAIL,
        }
    }

    pub(super) fn unstage(&mut self, action: &Action) {
        if let Action::ForgetSuspended(number) = action
            && let Some(message) = self.suspended.message_mut(*number)
        {
            message.resuming = false;
        }
        let (Action::Consume(id)
        | Action::DefaultFailure(id)
        | Action::Delete(id)
        | Action::Fail(id, _)
        | Action::NextTransport(id)
        | Action::Resubmit(id, _)
        | Action::SuspendInstance(id, _)
        | Action::SuspendLate(id)
        | Action::SuspendReference(id)) = action
        else {
            return;
        };
        if let Some(reference) = self.references.get_mut(id.0)
            && reference.claim == Claim::Batch
        {
            reference.claim = Claim::None;
        }
    }
}
