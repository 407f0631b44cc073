//! Distributed transactions: a batch whose effects wait for an outcome that is not the engine's.
//!
//! A batch posted with a transaction is judged like any other, and its adapter is told; but then
//! it waits here (R-TXN-02, R-CLK-13). Nothing of it is visible, the state hash does not move, and
//! what it names stays locked, so that forgetting it is all there is to an abort (INV-55).

use super::thrown::Thrown;
use super::{Action, Claim, MessageBox, PreparedBatch, ReferenceState};
use crate::batch::{BatchStatus, Status};
use crate::id::{HostInstanceId, Key, ReferenceId, TransactionId};
use crate::sabotage::Sabotage;
use crate::time::Instant;

/// Where a distributed transaction stands (R-CLK-13).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum TransactionState {
    /// Nothing of it happened.
    Aborted,
    /// Work may be done in it.
    Active,
    /// All of it happened.
    Committed,
    /// Every branch has promised to commit, and the outcome cannot be learnt for a while.
    InDoubt,
    /// Every branch has promised to commit.
    Prepared,
}

/// The MessageBox's branch of one transaction.
#[derive(Clone, Debug)]
struct Branch {
    transaction: TransactionId,
    prepared: bool,
    /// A pipeline threw in it: it can only abort (R-FMR-07).
    doomed: bool,
    batches: Vec<(HostInstanceId, PreparedBatch)>,
}

/// The branches whose outcome is open: few at a time.
#[derive(Clone, Debug, Default)]
pub(super) struct Staging {
    branches: Vec<Branch>,
    /// Error messages that are no part of any branch.
    pub(super) thrown: Vec<Thrown>,
}

impl Staging {
    fn find(&mut self, transaction: TransactionId) -> Option<&mut Branch> {
        self.branches.iter_mut().find(|branch| branch.transaction == transaction)
    }

    /// The branch of `transaction`, which may begin here.
    fn branch(&mut self, transaction: TransactionId) -> &mut Branch {
        let known = self.branches.iter().position(|branch| branch.transaction == transaction);
        let at = known.unwrap_or_else(|| {
            let (prepared, doomed, batches) = (false, false, Vec::new());
            self.branches.push(Branch { transaction, prepared, doomed, batches });
            self.branches.len() - 1
        });
        &mut self.branches[at]
    }

    /// Nothing but an abort is left to it.
    pub(super) fn doom(&mut self, transaction: TransactionId) {
        self.branch(transaction).doomed = true;
    }

    fn remove(&mut self, transaction: TransactionId) -> Vec<(HostInstanceId, PreparedBatch)> {
        let at = self.branches.iter().position(|branch| branch.transaction == transaction);
        at.map_or_else(Vec::new, |at| self.branches.remove(at).batches)
    }
}

impl MessageBox {
    /// Judges a batch inside `transaction` and keeps it until the outcome (R-TXN-02). A batch that
    /// cannot be done leaves nothing but its routing failure reports, which have a transaction of
    /// their own (R-CLK-14); nor can one be staged once the branch has promised.
    pub fn stage_batch(
        &mut self,
        now: Instant,
        owner: HostInstanceId,
        transaction: TransactionId,
        batch: PreparedBatch,
    ) -> BatchStatus {
        match self.staging.find(transaction) {
            Some(branch) if branch.doomed => return refused(&batch, Status::TRANSACTION_ABORTED),
            Some(branch) if branch.prepared => return refused(&batch, Status::FAIL),
            Some(_) | None => {}
        }
        let foreseen = self.foresee_waits(owner, &batch);
        let mut statuses = self.judge_in_reach(owner, &batch);
        self.take_back_waits(&foreseen);
        let reachable = !self.is_out_of_reach(&batch);
        if reachable {
            self.judge_thrown(now, transaction, &batch, &mut statuses);
        }
        let mut status = BatchStatus::assemble(batch.cookie, statuses);
        let stands = status.overall.is_success();
        if !reachable {
            status.overall = Status::PERSISTENCE_FAILURE;
        } else if !stands {
            self.report_routing_failures(now, &batch);
        }
        for (_, action) in &batch.actions {
            self.unstage(action);
            if let Some(id) = action.reference().filter(|_| stands) {
                self.hold(id, true);
            }
        }
        if stands && self.is_sabotaged(Sabotage::ApplyStagedBatches) {
            self.apply(now, batch);
        } else if stands {
            self.staging.branch(transaction).batches.push((owner, batch));
        }
        status
    }

    fn hold(&mut self, id: ReferenceId, held: bool) {
        if let Some(reference) = self.references.get_mut(id.0) {
            reference.claim = if held { Claim::Transaction } else { Claim::None };
        }
    }

    /// The branch's vote: whether all that was staged can still be done. After a `true` it must
    /// be, whatever happens (R-CLK-13).
    pub fn prepare(&mut self, transaction: TransactionId) -> bool {
        let Some(branch) = self.staging.find(transaction) else { return true };
        if branch.doomed {
            return false;
        }
        let batches = std::mem::take(&mut branch.batches);
        let able = batches.iter().all(|(owner, batch)| self.can_still(*owner, batch));
        if let Some(branch) = self.staging.find(transaction) {
            branch.batches = batches;
            branch.prepared = able;
        }
        able
    }

    fn can_still(&mut self, owner: HostInstanceId, batch: &PreparedBatch) -> bool {
        let foreseen = self.foresee_waits(owner, batch);
        self.route(&batch.documents);
        let able = batch.actions.iter().all(|(_, action)| {
            if let Action::Publish { first, count } = action {
                return self.judge_publish(batch, *first, *count).is_success();
            }
            action.reference().is_none_or(|id| self.is_held_by(owner, id))
        });
        self.take_back_waits(&foreseen);
        able
    }

    /// The waits that a commit would open, for as long as the batch is judged: a loop-back request
    /// is its own response (R-RR-14). Until the commit nobody waits (R-TXN-10).
    fn foresee_waits(&mut self, owner: HostInstanceId, batch: &PreparedBatch) -> Vec<Key> {
        if batch.waits.is_empty() {
            return Vec::new();
        }
        let waits = batch.waits.clone();
        self.open_waits(owner, &mut PreparedBatch { waits, ..PreparedBatch::default() })
    }

    fn is_held_by(&self, owner: HostInstanceId, id: ReferenceId) -> bool {
        let held = |reference: &super::Reference| {
            reference.claim == Claim::Transaction
                && reference.state == ReferenceState::Locked(owner)
        };
        self.references.get(id.0).is_some_and(held)
    }

    /// Applies everything staged in `transaction`, as one change (R-TXN-02).
    ///
    /// A document whose subscribers have gone since the vote is suspended: after the vote there is
    /// no way back, and nothing may be lost (R-DUP-02).
    pub fn commit_transaction(&mut self, now: Instant, transaction: TransactionId) {
        for (owner, mut batch) in self.staging.remove(transaction) {
            let opened = self.open_waits(owner, &mut batch);
            self.route(&batch.documents);
            for at in 0..batch.documents.len() {
                if self.is_unrouted(u32::try_from(at).expect("fewer than 2^32 documents")) {
                    self.suspend_instead(&mut batch.documents[at]);
                }
            }
            for (_, action) in &mut batch.actions {
                if action.reference().is_some_and(|id| !self.is_held_by(owner, id)) {
                    *action = Action::Nothing;
                }
            }
            self.tell_waits(&opened, &batch);
            self.apply(now, batch);
            self.publish_owed(now);
        }
    }

    /// Forgets everything staged in `transaction`; what it named may be named again (INV-55).
    pub fn abort_transaction(&mut self, now: Instant, transaction: TransactionId) {
        for (_, batch) in self.staging.remove(transaction) {
            for (_, action) in &batch.actions {
                if let Some(id) = action.reference() {
                    self.hold(id, false);
                }
            }
            if self.is_sabotaged(Sabotage::ApplyAbortedBatches) {
                self.route(&batch.documents);
                self.apply(now, batch);
            }
        }
    }

    /// Retries that a reference has left on its transport (INV-55).
    #[must_use]
    pub fn retries_left(&self, id: ReferenceId) -> Option<u32> {
        self.references.get(id.0).map(|reference| u32::from(reference.retries_left))
    }
}

/// A batch that no branch takes any more: not one of its operations can be done.
fn refused(batch: &PreparedBatch, status: Status) -> BatchStatus {
    let none = batch.actions.iter().map(|(kind, _)| (*kind, status));
    BatchStatus::assemble(batch.cookie, none)
}
