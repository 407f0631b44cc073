//! Checks on engine batches and adapter batches: INV-01…07, 09, 33, 38.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::hint::cold_path;

use floodgate_engine::adapter::CallId;
use floodgate_engine::batch::{Batch, BatchStatus, Operation, OperationKind, Status, Suspendable};
use floodgate_engine::id::ReferenceId;
use floodgate_engine::message::{Document, PropertyId};
use floodgate_engine::message_box::{Action, Effect, PreparedBatch, Reason};
use rustc_hash::FxHashMap;

use super::named::{Cookie, Node};
use super::{Checks, Rule};

/// What a posted batch holds, by kind.
type Kinds = [u32; OperationKind::ALL.len()];

#[derive(Clone, Debug, Default)]
pub(super) struct Batches {
    /// Posted and not complete: by adapter instance and cookie.
    posted: FxHashMap<(u32, u64), Kinds>,
    /// Adapter batches being filled, by adapter instance and call.
    filling: Vec<((u32, CallId), Filling)>,
}

/// An adapter batch between `BeginBatch` and its end.
#[derive(Clone, Copy, Debug)]
struct Filling {
    messages: u32,
    /// The announced maximum.
    max: u32,
    /// `TransmitMessage` threw for one of its messages.
    threw: bool,
}

impl Batches {
    /// What is known of batches, for an explorer.
    pub(super) fn account(&self) -> impl Debug + '_ {
        let Self { posted, filling } = self;
        let posted: BTreeMap<_, _> = posted
            .iter()
            .map(|((node, own), kinds)| ((Node(*node), Cookie(*own)), kinds))
            .collect();
        let filling: Vec<_> =
            filling.iter().map(|((node, call), own)| ((Node(*node), call), own)).collect();
        (posted, filling)
    }

    fn take_filling(&mut self, node: u32, call: CallId) -> Option<Filling> {
        let at = self.filling.iter().position(|(known, _)| *known == (node, call))?;
        Some(self.filling.swap_remove(at).1)
    }
}

/// What a batch asks for, counted before it is committed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Asked {
    documents: u32,
    /// Documents that are dropped without a trace if nobody subscribes (R-ROUTE-05).
    acknowledgements: u32,
    deletes: u32,
    /// Resubmits, moves and suspensions of references.
    dispositions: u32,
    /// Messages suspended as a whole, and documents suspended one by one.
    suspended_messages: u32,
    /// Messages of which something was consumed or dropped.
    parts: u32,
}

impl Asked {
    /// Whether nothing is asked for but that so many references end or move.
    pub(crate) const fn disposes_only(&self, actions: usize) -> bool {
        (self.deletes + self.dispositions) as usize == actions
    }

    /// The references that are to move to their next transport, in order.
    pub(crate) fn moves(&self, batch: &PreparedBatch) -> Vec<ReferenceId> {
        if self.dispositions == 0 {
            return Vec::new();
        }
        let move_of = |(_, action): &(OperationKind, Action)| match action {
            Action::NextTransport(reference) => Some(*reference),
            Action::Await(..)
            | Action::CancelResponse(_)
            | Action::Consume(_)
            | Action::DefaultFailure(_)
            | Action::Dehydrate(_)
            | Action::Delete(_)
            | Action::Empty(_)
            | Action::Fail(..)
            | Action::ForgetSuspended(_)
            | Action::Expire { .. }
            | Action::Nothing
            | Action::Publish { .. }
            | Action::PublishPart(_)
            | Action::Refuse(_)
            | Action::Resubmit(..)
            | Action::SuspendInstance(..)
            | Action::SuspendLate(_)
            | Action::SuspendReference(_)
            | Action::SuspendWire { .. } => None,
        };
        batch.actions.iter().filter_map(move_of).collect()
    }

    #[inline(always)]
    pub(crate) fn of(batch: &PreparedBatch) -> Self {
        let mut asked = Self::default();
        for (_, action) in &batch.actions {
            match action {
                Action::Publish { first, count } => asked.publish(batch, *first, *count),
                Action::PublishPart(part) => {
                    asked.publish(batch, part.first, part.count);
                    asked.suspended_messages +=
                        u32::try_from(part.failed.len()).unwrap_or(u32::MAX);
                    asked.parts += u32::from(part.rest.is_some());
                }
                Action::Consume(_) | Action::Delete(_) => asked.deletes += 1,
                Action::DefaultFailure(_)
                | Action::Fail(..)
                | Action::NextTransport(_)
                | Action::Resubmit(..)
                | Action::SuspendInstance(..)
                | Action::SuspendLate(_)
                | Action::SuspendReference(_) => asked.dispositions += 1,
                Action::SuspendWire { .. } => asked.suspended_messages += 1,
                Action::Await(..)
                | Action::CancelResponse(_)
                | Action::Dehydrate(_)
                | Action::Empty(_)
                | Action::Expire { .. }
                | Action::ForgetSuspended(_)
                | Action::Nothing
                | Action::Refuse(_) => {}
            }
        }
        asked
    }

    fn publish(&mut self, batch: &PreparedBatch, first: u32, count: u32) {
        let own = first as usize..(first + count) as usize;
        let acknowledges =
            |document: &&Document| document.context.read(PropertyId::ACK_TYPE).is_some();
        let acknowledgements = batch.documents[own].iter().filter(acknowledges).count();
        let acknowledgements = u32::try_from(acknowledgements).unwrap_or(u32::MAX);
        self.documents += count - acknowledgements;
        self.acknowledgements += acknowledgements;
    }

    /// Whether `done` is what was asked for: every operation exactly once, and acknowledgements
    /// at most once.
    fn is_met_by(&self, done: &Self) -> bool {
        let documents = self.documents..=self.documents + self.acknowledgements;
        let same = Self { documents: done.documents, acknowledgements: 0, ..self.clone() };
        documents.contains(&done.documents) && same == *done
    }

    /// Adds what another batch of the same transaction asks for.
    pub(super) fn add(&mut self, more: &Self) {
        self.documents += more.documents;
        self.acknowledgements += more.acknowledgements;
        self.deletes += more.deletes;
        self.dispositions += more.dispositions;
        self.suspended_messages += more.suspended_messages;
        self.parts += more.parts;
    }

    /// Whether `effects` are what was asked for.
    pub(super) fn is_met(&self, effects: &[Effect]) -> bool {
        self.is_met_by(&Self::done(effects))
    }

    fn done(effects: &[Effect]) -> Self {
        let mut done = Self::default();
        for effect in effects {
            match effect {
                // What the engine makes itself was asked for by nobody.
                Effect::Published { document, .. } if document.is_made() => {}
                Effect::Published { .. }
                | Effect::RoutedMessage { reason: Reason::Routing, .. }
                | Effect::SuspendedMessage { reason: Reason::Routing, .. } => done.documents += 1,
                Effect::Consumed { .. } | Effect::Deleted { .. } => done.deletes += 1,
                // What a stop or the end of an instance brings with it nobody asked for, and what
                // an operator asked for is done by whatever commit brings it to rest; a stop at
                // the backup goes with the move that was asked for.
                Effect::SuspendedReference {
                    reason:
                        Reason::BackupTransport
                        | Reason::Operator
                        | Reason::PortStopped
                        | Reason::Zombie,
                    ..
                } => {}
                Effect::MovedToNextTransport { .. }
                | Effect::Resubmitted { .. }
                | Effect::RoutedReference { .. }
                | Effect::SuspendedReference { .. } => done.dispositions += 1,
                Effect::RoutedMessage { .. } | Effect::SuspendedMessage { .. } => {
                    done.suspended_messages += 1;
                }
                Effect::Passed { .. } => done.parts += 1,
                Effect::Acknowledgement { .. }
                | Effect::ThrownMessage { .. }
                | Effect::Collectable { .. }
                | Effect::ExchangeClosed { .. }
                | Effect::ExchangeOpened { .. }
                | Effect::LateResponse { .. }
                | Effect::Locked { .. }
                | Effect::Referenced { .. }
                | Effect::Resumed { .. }
                | Effect::GroupState { .. }
                | Effect::OperationPending { .. }
                | Effect::PortState { .. }
                | Effect::ReportRemoved { .. }
                | Effect::SuspendedMessageGone { .. }
                | Effect::RoutingFailureReport { .. }
                | Effect::Logged { .. }
                | Effect::PropertiesUpdated { .. }
                | Effect::Scheduled { .. }
                | Effect::Terminated { .. }
                | Effect::Unlocked { .. } => {}
            }
        }
        done
    }
}

impl Checks {
    /// An adapter posted a batch and `Done` succeeded.
    pub(crate) fn posted(&mut self, node: u32, batch: &Batch) {
        self.docket.judge(Rule::DoneEmptiesBatch, !batch.left_work(), || {
            format!("the batch object of cookie {} holds its work after Done", batch.cookie())
        });
        let mut kinds = Kinds::default();
        let mut two_way = false;
        for operation in batch.operations() {
            kinds[operation.kind() as usize] += 1;
            two_way |= matches!(
                operation,
                Operation::CancelResponse { .. }
                    | Operation::SubmitRequest { .. }
                    | Operation::SubmitResponse { .. }
            );
            if let Operation::Delete(reference)
            | Operation::MoveToNextTransport(reference)
            | Operation::MoveToSuspendQueue(Suspendable::Reference(reference))
            | Operation::Resubmit { reference, .. } = operation
            {
                self.disposes(*reference);
            }
        }
        if two_way {
            self.posted_exchanges(node, batch);
        }
        self.posted_while_ending(node, batch);
        if self.life.is_watched() {
            cold_path();
            self.disposes_of(node, batch);
        }
        if !batch.has_callback() {
            cold_path();
            // nobody will be told, so nothing is outstanding.
            return;
        }
        let before = self.batches.posted.insert((node, batch.cookie()), kinds);
        self.docket.judge(Rule::CookieReturns, before.is_none(), || {
            format!("cookie {} of adapter {node} is posted while it is outstanding", batch.cookie())
        });
    }

    /// `BatchComplete` is delivered.
    pub(crate) fn batch_complete(&mut self, node: u32, status: &BatchStatus) {
        self.transactions.complete(node, status);
        self.completed_exchanges(node, status);
        if self.throttled.watches() {
            cold_path();
            self.came_through(node, status);
        }
        if self.life.is_watched() {
            cold_path();
            self.disposal_over(node, status);
        }
        let posted = self.batches.posted.remove(&(node, status.cookie));
        self.docket.judge(Rule::OneCompletePerDone, posted.is_some(), || {
            format!(
                "BatchComplete for cookie {} of adapter {node}, which is not outstanding",
                status.cookie
            )
        });
        let Some(posted) = posted else { return };
        let kinds = posted.iter().filter(|count| **count > 0).count();
        self.docket.judge(Rule::OpCountIsKinds, kinds == status.operations.len(), || {
            format!("{kinds} kinds were added, opCount is {}", status.operations.len())
        });
        for operation in &status.operations {
            let added = posted[operation.kind as usize] as usize;
            self.docket.judge(Rule::StatusPerMessage, added == operation.messages.len(), || {
                format!(
                    "{added} {:?} were added, {} statuses",
                    operation.kind,
                    operation.messages.len()
                )
            });
        }
        let failed = |operation: &floodgate_engine::batch::OperationStatus| {
            operation.messages.iter().any(|status| !status.is_success())
        };
        let any_failed = status.operations.iter().any(failed);
        self.docket.judge(
            Rule::OverallFollowsMessages,
            any_failed != status.overall.is_success(),
            || format!("overall {} with message statuses {status}", status.overall),
        );
    }

    /// A batch was committed or rolled back; `before` and `after` are the state hashes around it.
    pub(crate) fn committed(
        &mut self,
        asked: &Asked,
        status: &BatchStatus,
        (before, after): (u64, u64),
        effects: &[Effect],
    ) {
        if status.overall.is_success() {
            let done = Asked::done(effects);
            self.docket.judge(Rule::SuccessAppliesAll, asked.is_met_by(&done), || {
                format!("asked for {asked:?}, did {done:?}, status {status}")
            });
        } else {
            self.docket.judge(Rule::NegativeChangesNothing, before == after, || {
                format!("status {status}, yet the MessageBox changed")
            });
        }
    }

    /// The outcome of one `MoveToNextTransport`, which the port's settings alone decide.
    fn moved(&mut self, may_move: bool, status: Status) {
        let refused = status == Status::NO_BACKUP_TRANSPORT;
        if refused || status.is_success() {
            self.docket.judge(Rule::BackupOnlyOnce, may_move != refused, || {
                format!("MoveToNextTransport answered {status} with a free backup: {may_move}")
            });
        }
    }

    /// Judges every `MoveToNextTransport` of a batch; `may` says which could, before it.
    pub(crate) fn moves(&mut self, may: &[bool], status: &BatchStatus) {
        let statuses = status.of(OperationKind::MoveToNextTransport);
        let statuses = statuses.map_or(&[][..], |operation| &operation.messages);
        for (may_move, status) in may.iter().zip(statuses) {
            self.moved(*may_move, *status);
        }
    }

    /// The engine begins to fill an adapter batch of at most `max` messages.
    pub(crate) fn begin_batch(&mut self, node: u32, call: CallId, max: u32) {
        self.batches.take_filling(node, call);
        let filling = Filling { messages: 0, max: max.max(1), threw: false };
        self.batches.filling.push(((node, call), filling));
    }

    /// The engine put a message into the adapter batch of `call`, if it is one.
    pub(crate) fn fill_batch(&mut self, node: u32, call: CallId) {
        let mut filling = self.batches.filling.iter_mut();
        if let Some((_, filling)) = filling.rfind(|(known, _)| *known == (node, call)) {
            filling.messages += 1;
        }
    }

    /// The adapter failed in `call`, which may be that of an adapter batch.
    #[cold]
    pub(super) fn threw_in_batch(&mut self, node: u32, call: CallId) {
        let mut filling = self.batches.filling.iter_mut();
        if let Some((_, filling)) = filling.rfind(|(known, _)| *known == (node, call)) {
            filling.threw = true;
        }
    }

    /// The engine ended the adapter batch of `call`.
    pub(crate) fn end_batch(&mut self, node: u32, call: CallId, cleared: bool) {
        if cleared {
            // What the adapter has of it is the engine's again (R-BSND-04).
            self.forget_handed(node, call);
        }
        if let Some(Filling { messages, max, threw }) = self.batches.take_filling(node, call) {
            if threw {
                // R-BSND-04: what the adapter has of it is taken back, and never done.
                self.docket.judge(Rule::ThrownIsCleared, cleared, || {
                    format!("Done of an adapter batch in which adapter {node} threw")
                });
            }
            if cleared && messages == 0 {
                // The send pipeline left nothing to push: the batch is taken back.
                return;
            }
            self.docket.judge(Rule::BatchWithinMaximum, (1..=max).contains(&messages), || {
                format!("{messages} messages in an adapter batch of at most {max}")
            });
        }
    }

    /// A `Done` failed, or its process died: there is no `BatchComplete` to come (R-DONE-04).
    pub(super) fn done_failed(&mut self, node: u32, cookie: u64) {
        self.throttled.refused(node, cookie);
        self.batches.posted.remove(&(node, cookie));
    }

    /// The adapter instance is gone with its process.
    pub(super) fn forget_batches(&mut self, node: u32) {
        self.batches.posted.retain(|(of, _), _| *of != node);
        self.batches.filling.retain(|((of, _), _)| *of != node);
        self.throttled.forget(node);
    }

    /// Batches of an adapter instance that are posted and not complete.
    pub(super) fn posted_by(&self, node: u32) -> usize {
        self.batches.posted.keys().filter(|(of, _)| *of == node).count()
    }

    /// Nothing is left to do: every `Done` must have had its `BatchComplete`.
    pub(crate) fn nothing_outstanding(&mut self) {
        self.exchanges_ended();
        self.nothing_held();
        let outstanding = self.batches.posted.len();
        self.docket.judge(Rule::OneCompletePerDone, outstanding == 0, || {
            format!("{outstanding} batches were posted and never completed")
        });
    }
}
