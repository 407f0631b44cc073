//! A pipeline that throws inside an adapter's transaction, at a port that routes failed messages.
//!
//! The throw takes the transaction with it, whatever the adapter does next; the error message is
//! no part of it and is published all the same (R-FMR-07). What a component suspends instead of
//! throwing leaves the transaction as it is, and its error message is one of the documents of it.

use super::{Action, Effect, MessageBox, PreparedBatch, Reason};
use crate::batch::{OperationKind, Status};
use crate::error_report::FailedMessage;
use crate::id::TransactionId;
use crate::message::{Document, DocumentName, WireMessage};
use crate::time::Instant;

/// An error message whose failure is told, and which is still to be published.
#[derive(Clone, Debug)]
pub(super) struct Thrown {
    document: DocumentName,
    error: Document,
    reason: Reason,
}

impl MessageBox {
    /// Judges what pipelines threw in a batch of `transaction`: such an operation fails, and no
    /// vote of this branch will be yes again (R-FMR-07). Where nobody subscribes to the error
    /// message the message is suspended inside the transaction, as without routing (R-FMR-06).
    pub(super) fn judge_thrown(
        &mut self,
        now: Instant,
        transaction: TransactionId,
        batch: &PreparedBatch,
        statuses: &mut [(OperationKind, Status)],
    ) {
        let mut doomed = false;
        for ((_, action), (_, status)) in batch.actions.iter().zip(statuses) {
            let Action::SuspendWire { wire, reason, thrown: true, .. } = action else { continue };
            if self.owe_thrown(now, wire, *reason) {
                *status = Status::FAIL;
                doomed = true;
            }
        }
        if doomed {
            self.staging.doom(transaction);
        }
    }

    fn owe_thrown(&mut self, now: Instant, wire: &WireMessage, reason: Reason) -> bool {
        let document = DocumentName::of_wire(wire.number);
        let failed = FailedMessage::wire(wire, document);
        let Some(place) = self.failed_routing.inbound(&failed) else { return false };
        let error = self.failed_routing.message(now, &failed, &place, reason, None);
        if self.route_own(&error).is_none() {
            return false;
        }
        self.failed_routing.published();
        self.staging.thrown.push(Thrown { document, error, reason });
        true
    }

    /// Publishes the error messages of what pipelines threw inside transactions, in a transaction
    /// of the engine's own (R-FMR-07): the driver calls it after [`Self::stage_batch`]. `false` if
    /// there were none. \[M\] what it costs is not charged.
    pub fn publish_thrown(&mut self, now: Instant) -> bool {
        let thrown = std::mem::take(&mut self.staging.thrown);
        let any = !thrown.is_empty();
        for Thrown { document, error, reason } in thrown {
            self.route(std::slice::from_ref(&error));
            self.effects.push(Effect::ThrownMessage { document, error: error.name, reason });
            self.publish(now, error, 0);
        }
        any
    }
}
