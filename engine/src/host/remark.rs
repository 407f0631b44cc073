//! What adapters say of the messages they dispose of, on its way into the transaction.

use std::hint::cold_path;

use super::{Frame, FrameId, HostInstance};
use crate::adapter::ErrorSubject;
use crate::batch::Status;
use crate::message_box::{Action, PreparedBatch, Remark};
use crate::properties_to_update::parse;

impl HostInstance {
    /// Adds to a prepared batch what its adapter wrote on the messages: properties to keep
    /// (R-CTX-10) and texts of failures (R-MSG-09). An operation whose properties cannot be read
    /// is refused.
    pub(super) fn remark(&mut self, frame: FrameId, batch: &mut PreparedBatch) {
        let Some(Frame::Execute(execution)) = self.frames.get_mut(frame.0) else { return };
        if execution.updates.is_empty() && self.errors.is_empty() {
            return;
        }
        cold_path();
        for (reference, xml) in std::mem::take(&mut execution.updates) {
            match parse(&xml, &self.topology.properties) {
                Ok(properties) => batch
                    .remarks
                    .push((ErrorSubject::Reference(reference), Remark::Properties(properties))),
                Err(_) => refuse(batch, reference),
            }
        }
        let remarked = self.errors_of(batch);
        if let Some(Frame::Execute(execution)) = self.frames.get_mut(frame.0) {
            execution.remarked = remarked;
        }
    }

    /// Adds the texts set on the messages of a batch; returns on which.
    #[inline(always)]
    pub(super) fn errors_of(&self, batch: &mut PreparedBatch) -> Vec<ErrorSubject> {
        if self.errors.is_empty() {
            return Vec::new();
        }
        cold_path();
        let subjects = batch.actions.iter().filter_map(|(_, action)| {
            if let Action::SuspendWire { wire, .. } = action {
                return Some(ErrorSubject::Wire(wire.number));
            }
            action.reference().map(ErrorSubject::Reference)
        });
        let remarked: Vec<ErrorSubject> =
            subjects.filter(|subject| self.errors.contains_key(subject)).collect();
        for subject in &remarked {
            batch.remarks.push((*subject, Remark::Error(self.errors[subject].clone())));
        }
        remarked
    }

    /// The messages were disposed of.
    #[inline(always)]
    pub(super) fn forget_errors(&mut self, remarked: &[ErrorSubject]) {
        for subject in remarked {
            self.errors.remove(subject);
        }
    }
}

fn refuse(batch: &mut PreparedBatch, reference: crate::id::ReferenceId) {
    for (_, action) in &mut batch.actions {
        if action.reference() == Some(reference) {
            *action = Action::Refuse(Status::INVALID_ARGUMENT);
        }
    }
}
