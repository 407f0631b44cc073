//! A host instance's share in distributed transactions: what is over only when the outcome is.

use std::hint::cold_path;

use super::exchanges::Requests;
use super::{Frame, FrameId, HostInstance, HostOutput, Task};
use crate::batch::{BatchStatus, OperationKind};
use crate::config::SendTransactions;
use crate::id::{AdapterId, ReferenceId, TransactionId};
use crate::message_box::{Action, PreparedBatch};
use crate::time::Instant;

/// What an open transaction will settle here.
#[derive(Clone, Debug)]
pub(super) struct Share {
    transaction: TransactionId,
    /// Deliveries that its adapter's batches end.
    count: usize,
    /// Messages that the engine deletes in it, since the adapter said `true` (R-TXN-09).
    own: Vec<ReferenceId>,
    /// What it does to exchanges, with when it was posted, and by whom.
    requests: Option<((Instant, AdapterId), Box<Requests>)>,
}

impl HostInstance {
    /// The transaction that the engine creates for an adapter batch, if it is the engine that does
    /// . It is numbered apart from those of adapters.
    #[inline(always)]
    pub(super) fn offer(&mut self, frame: FrameId) -> Option<TransactionId> {
        if self.topology.choices.send_transactions == SendTransactions::Adapter {
            return None;
        }
        cold_path();
        let Some(Frame::Deliver(delivery)) = self.frames.get_mut(frame.0) else { return None };
        self.begun += 1;
        let offered = TransactionId::of_engine(self.id, self.begun);
        delivery.offered = Some(offered);
        delivery.offered
    }

    /// The engine ends what it created and nobody makes use of.
    #[inline(always)]
    pub(super) fn withdraw(&mut self, frame: FrameId) {
        let Some(Frame::Deliver(delivery)) = self.frames.get_mut(frame.0) else { return };
        if let Some(transaction) = delivery.offered.take() {
            cold_path();
            let adapter = delivery.adapter();
            self.outputs.push_back(HostOutput::Abort { adapter, transaction });
        }
    }

    /// A batch of an adapter was staged: its deliveries end with the transaction.
    pub(super) fn owe(&mut self, transaction: TransactionId, count: usize) {
        if count > 0 {
            self.shares.push(Share { transaction, count, own: Vec::new(), requests: None });
        }
    }

    /// A batch with requests was staged: nobody sees them before the commit, so nobody waits, and
    /// no time runs (R-TXN-10, R-RR-05). After an abort there was none of it.
    #[cold]
    pub(super) fn owe_exchanges(
        &mut self,
        transaction: TransactionId,
        posted_by: (Instant, AdapterId),
        requests: Box<Requests>,
    ) {
        let requests = Some((posted_by, requests));
        self.shares.push(Share { transaction, count: 0, own: Vec::new(), requests });
    }

    /// The engine's own part of an adapter batch came back, staged or refused.
    #[cold]
    pub(super) fn owe_own(
        &mut self,
        transaction: TransactionId,
        own: Vec<ReferenceId>,
        status: &BatchStatus,
    ) {
        if status.overall.is_success() {
            self.shares.push(Share { transaction, count: own.len(), own, requests: None });
        } else {
            self.tasks.push_back(Task::Fail(own));
        }
    }

    /// The outcome is known. After an abort the messages are still locked to this instance: what
    /// the adapter has taken upon itself is the adapter's business, the engine's own part gets its
    /// default action in a transaction of its own (R-TXN-07). \[M\] for an adapter that said `true`
    /// and then aborted the documents say nothing.
    #[cold]
    pub(super) fn transaction_done(
        &mut self,
        now: Instant,
        transaction: TransactionId,
        committed: bool,
    ) {
        let (done, open) = std::mem::take(&mut self.shares)
            .into_iter()
            .partition(|share: &Share| share.transaction == transaction);
        self.shares = open;
        for Share { count, own, requests, .. } in done {
            if committed {
                self.settle(count);
                if let Some((posted_by, requests)) = requests {
                    self.exchanges_committed(now, posted_by, *requests);
                }
            } else if !own.is_empty() {
                self.tasks.push_back(Task::Fail(own));
            }
        }
    }

    /// The engine's default action on `messages`, on a thread of its own.
    #[cold]
    pub(super) fn start_failing(&mut self, messages: Vec<ReferenceId>) {
        let fail = |id| (OperationKind::Resubmit, Action::DefaultFailure(id));
        let actions = messages.into_iter().map(fail).collect();
        let batch = PreparedBatch { actions, ..PreparedBatch::default() };
        self.repeat(batch);
    }
}
