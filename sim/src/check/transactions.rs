//! Checks on distributed transactions: INV-52, 53, 55, and the transactional part of INV-03 and
//! INV-10.
//!
//! They keep their own account of every open transaction: what was read in it, what was posted in
//! it, what is staged. At the outcome the account has to add up.

use floodgate_engine::adapter::{ConfirmOf, Transmission};
use floodgate_engine::batch::{Batch, BatchStatus, Operation, Suspendable};
use floodgate_engine::config::Topology;
use floodgate_engine::id::{ReferenceId, TransactionId};
use floodgate_engine::message::{Document, DocumentName};
use floodgate_engine::message_box::{Effect, MessageBox, PreparedBatch};
use rustc_hash::{FxHashMap, FxHashSet};

use super::routing::Expected;
use super::{Asked, Checks, Rule};

/// A batch that is about to be staged.
#[derive(Clone, Debug, Default)]
pub(crate) struct Staged {
    asked: Asked,
    /// The documents whose routes are worked out again, with what is due now.
    sampled: Vec<(Document, Expected)>,
    documents: Vec<DocumentName>,
    named: Vec<ReferenceId>,
}

/// A transaction that has its outcome.
#[derive(Debug)]
pub(crate) struct Ended<'a> {
    pub(crate) committed: bool,
    /// The state hashes around it.
    pub(crate) hashes: (u64, u64),
    pub(crate) effects: &'a [Effect],
    /// The numbers of the messages that were read in it.
    pub(crate) read: Vec<u64>,
    /// What partners took in it.
    pub(crate) sent: &'a [Transmission],
}

/// What the checks know of one open transaction.
#[derive(Clone, Debug, Default)]
struct Account {
    staged: Vec<Staged>,
    /// The numbers of messages that its complete batches submit or suspend.
    given: Vec<u64>,
    /// The references that it names, and the retries they had.
    named: Vec<(ReferenceId, Option<u32>)>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Transactions {
    open: FxHashMap<TransactionId, Account>,
    /// Batches posted in a transaction and not complete, with the messages they are about.
    posted: FxHashMap<(u32, u64), (TransactionId, Vec<u64>)>,
    /// Documents that nobody may see yet.
    invisible: FxHashSet<DocumentName>,
    /// Source messages that a commit took, and references whose copy a commit delivered.
    taken: FxHashSet<u64>,
    delivered: FxHashSet<u64>,
}

impl Transactions {
    /// Whether a document is staged and not committed.
    pub(super) fn hides(&self, document: DocumentName) -> bool {
        !self.invisible.is_empty() && self.invisible.contains(&document)
    }

    /// A batch came back: what it was about, if it was posted in a transaction and stands.
    pub(super) fn complete(&mut self, node: u32, status: &BatchStatus) {
        if self.posted.is_empty() {
            return;
        }
        let Some((transaction, numbers)) = self.posted.remove(&(node, status.cookie)) else {
            return;
        };
        if status.overall.is_success() {
            self.open.entry(transaction).or_default().given.extend(numbers);
        }
    }
}

impl Checks {
    /// What there is to know of a batch before it is staged.
    pub(crate) fn about_to_stage(&mut self, topology: &Topology, batch: &PreparedBatch) -> Staged {
        let mut sampled = Vec::new();
        for document in &batch.documents {
            if let Some(expected) = self.expect_route(topology, document) {
                sampled.push((document.clone(), expected));
            }
        }
        Staged {
            asked: Asked::of(batch),
            sampled,
            documents: batch.documents.iter().map(|document| document.name).collect(),
            named: batch.actions.iter().filter_map(|(_, action)| action.reference()).collect(),
        }
    }

    /// Where staged documents have to go is decided by the commit: ports may have been enlisted
    /// since.
    pub(crate) fn about_to_commit(&mut self, topology: &Topology, transaction: TransactionId) {
        let Some(mut account) = self.transactions.open.remove(&transaction) else { return };
        for (document, expected) in account.staged.iter_mut().flat_map(|at| &mut at.sampled) {
            *expected = self.routing.expected(topology, document);
        }
        self.transactions.open.insert(transaction, account);
    }

    /// An adapter posted a batch in a transaction.
    pub(crate) fn posted_in(&mut self, node: u32, transaction: TransactionId, batch: &Batch) {
        let number = |operation: &Operation| match operation {
            Operation::Submit(wire)
            | Operation::SubmitRequest { request: wire, .. }
            | Operation::MoveToSuspendQueue(Suspendable::Wire(wire)) => Some(wire.number),
            Operation::CancelResponse { .. }
            | Operation::Delete(_)
            | Operation::MoveToNextTransport(_)
            | Operation::MoveToSuspendQueue(Suspendable::Reference(_))
            | Operation::Resubmit { .. }
            | Operation::SubmitResponse { .. } => None,
        };
        let numbers = batch.operations().iter().filter_map(number).collect();
        self.transactions.posted.insert((node, batch.cookie()), (transaction, numbers));
    }

    /// A batch was staged, or refused: neither may change anything yet.
    pub(crate) fn staged(
        &mut self,
        transaction: TransactionId,
        staged: Staged,
        status: &BatchStatus,
        (before, after): (u64, u64),
        effects: &[Effect],
    ) {
        // What is told of a refused batch: nobody subscribes, or nobody waits any more.
        let report = |effect: &Effect| {
            matches!(effect, Effect::LateResponse { .. } | Effect::RoutingFailureReport { .. })
        };
        self.docket.judge(Rule::VisibleAfterCommit, effects.iter().all(report), || {
            format!("{transaction} is open and its batch did {effects:?}")
        });
        self.docket.judge(Rule::AbortChangesNothing, before == after, || {
            format!("{transaction} is open, yet the MessageBox changed")
        });
        if !status.overall.is_success() {
            for (_, expected) in &staged.sampled {
                self.check_route(expected, status, effects);
            }
            return;
        }
        let named = staged.named.iter().map(|id| (*id, self.references.retries_of(*id)));
        let account = self.transactions.open.entry(transaction).or_default();
        account.named.extend(named);
        self.transactions.invisible.extend(&staged.documents);
        account.staged.push(staged);
    }

    /// A transaction has its outcome: all of it happened, or nothing.
    pub(crate) fn transaction_ended(
        &mut self,
        transaction: TransactionId,
        ended: &Ended<'_>,
        message_box: &MessageBox,
    ) {
        let account = self.transactions.open.remove(&transaction).unwrap_or_default();
        for document in account.staged.iter().flat_map(|staged| &staged.documents) {
            self.transactions.invisible.remove(document);
        }
        if ended.committed {
            self.all_happened(transaction, ended, &account);
            return;
        }
        let posted = self.transactions.posted.values().filter(|(known, _)| *known == transaction);
        let given = posted.flat_map(|(_, numbers)| numbers).chain(&account.given);
        self.exchanges.never_requested(given);
        let (before, after) = ended.hashes;
        let nothing = before == after && ended.effects.is_empty();
        self.docket.judge(Rule::AbortChangesNothing, nothing, || {
            format!("{transaction} was aborted and did {:?}", ended.effects)
        });
        for (id, retries) in &account.named {
            let left = message_box.retries_left(*id);
            self.docket.judge(Rule::AbortChangesNothing, left == *retries, || {
                format!("{transaction} was aborted, {id:?} had {retries:?} retries, now {left:?}")
            });
        }
    }

    fn all_happened(&mut self, transaction: TransactionId, ended: &Ended<'_>, account: &Account) {
        let mut asked = Asked::default();
        for staged in &account.staged {
            asked.add(&staged.asked);
            for (_, expected) in &staged.sampled {
                self.check_route(expected, &BatchStatus::assemble(0, []), ended.effects);
            }
        }
        self.docket.judge(Rule::SuccessAppliesAll, asked.is_met(ended.effects), || {
            format!("{transaction} asked for {asked:?} and did {:?}", ended.effects)
        });
        for number in &ended.read {
            let fates = account.given.iter().filter(|given| *given == number).count();
            let first = self.transactions.taken.insert(*number);
            self.docket.judge(Rule::ExactlyOneFate, fates == 1 && first, || {
                format!("m{number} is taken by {transaction} with {fates} fates, first: {first}")
            });
        }
        for sent in ended.sent {
            let deletes = ended.effects.iter().filter(|effect| deletes(effect, sent)).count();
            let first = self.transactions.delivered.insert(sent.sequence);
            self.docket.judge(Rule::ExactlyOneFate, deletes == 1 && first, || {
                let document = sent.document;
                format!(
                    "{document} is delivered by {transaction}, deleted {deletes} times, first: {first}"
                )
            });
        }
    }

    /// `DTCCommitConfirm` was called; `truthful` is `None` if there was no such object.
    pub(crate) fn confirmed(&mut self, node: u32, of: ConfirmOf, truthful: Option<bool>) {
        self.docket.judge(Rule::ConfirmedOnce, truthful == Some(true), || match truthful {
            Some(_) => format!("adapter {node} confirms {of:?} with a false outcome"),
            None => format!("adapter {node} confirms {of:?}, which it has not or not any more"),
        });
    }

    /// Confirm objects of a transaction that is over were never called.
    pub(crate) fn leaked(&mut self, transaction: TransactionId, leaked: usize) {
        self.docket.judge(Rule::ConfirmedOnce, leaked == 0, || {
            format!("{leaked} confirm objects of {transaction} were never called")
        });
    }
}

/// Whether an effect is the `Delete` of what was sent.
fn deletes(effect: &Effect, sent: &Transmission) -> bool {
    matches!(effect, Effect::Deleted { at } if at.sequence == sent.sequence)
}
