//! Distributed transactions: carrying what the coordinator decides to all branches.
//!
//! The branches are the MessageBox, the sources that were read, and the partners that were
//! written to. All of them learn an outcome at one instant; the adapter learns it after them.

use floodgate_engine::adapter::{ConfirmOf, Transmission};
use floodgate_engine::batch::{BatchStatus, Status};
use floodgate_engine::host::HostInput;
use floodgate_engine::id::{EndpointId, HostInstanceId, TransactionId};
use floodgate_engine::message::WireMessage;
use floodgate_engine::message_box::{PreparedBatch, TransactionState};
use floodgate_engine::time::Instant;

use super::coordinator::{Expired, Open};
use super::handed::counted;
use super::{Due, Now, World};
use crate::check::{Asked, Ended};
use crate::endpoint::Endpoint;
use crate::queue::Schedule;
use crate::trace::Event;

impl World {
    /// A batch arrives in the MessageBox whose effects wait for an outcome (R-TXN-02).
    pub(super) fn stage_batch(
        &mut self,
        instance: HostInstanceId,
        transaction: TransactionId,
        batch: PreparedBatch,
    ) -> BatchStatus {
        if self.coordinator.active(transaction).is_none() {
            let none = batch.actions.iter().map(|(kind, _)| (*kind, Status::FAIL));
            return BatchStatus::assemble(batch.cookie, none);
        }
        let (mut accepts, publishes) = (0, batch.documents.len() as u64);
        for (_, action) in &batch.actions {
            let documents = self.accepts(action);
            self.fates.foresee(action, documents);
            accepts += documents;
        }
        let empty = self.fates.set_aside();
        let may_move = self.checks.may_move(&Asked::of(&batch).moves(&batch));
        let staged = self.checks.about_to_stage(&self.topology, &batch);
        let before = self.message_box.state_hash();
        let status = self.message_box.stage_batch(self.now, instance, transaction, batch);
        let after = self.message_box.state_hash();
        self.checks.moves(&may_move, &status);
        self.absorb_effects();
        self.checks.staged(transaction, staged, &status, (before, after), &self.effects);
        if let Some(open) = self.coordinator.active(transaction)
            && status.overall.is_success()
        {
            open.accepts += accepts;
            open.publishes += publishes;
            open.empty += empty;
        }
        if self.coordinator.worked(transaction) {
            self.schedule(self.now, Due::Coordinator(transaction));
        }
        if self.message_box.publish_thrown(self.now) {
            // Published now, whenever the transaction is over.
            self.absorb_effects();
            self.watch_levels();
            self.tell_ready();
        }
        self.checks.balance(&self.message_box);
        status
    }

    /// The adapter asks for a commit (R-TXN-01): the branches vote.
    #[inline(never)]
    pub(super) fn ask_commit(&mut self, node: u32, transaction: TransactionId) {
        if let Some(prepare) = self.coordinator.ask(self.now, node, transaction) {
            self.schedule(self.now + prepare, Due::Coordinator(transaction));
        }
    }

    /// The adapter aborts: no branch is asked.
    #[inline(never)]
    pub(super) fn ask_abort(&mut self, node: u32, transaction: TransactionId) {
        if self.coordinator.enlist(self.now, node, transaction).is_some() {
            self.end_transaction(transaction, false);
        }
    }

    /// The next step of a transaction that is on its way to an outcome.
    #[cold]
    pub(super) fn coordinate(&mut self, transaction: TransactionId) {
        match self.coordinator.state(transaction) {
            Some(TransactionState::Active) => self.collect_votes(transaction),
            Some(TransactionState::Prepared) => self.end_transaction(transaction, true),
            Some(TransactionState::InDoubt) => {
                let committed = self.coordinator.resolves();
                self.end_transaction(transaction, committed);
            }
            Some(TransactionState::Aborted | TransactionState::Committed) | None => {}
        }
    }

    fn collect_votes(&mut self, transaction: TransactionId) {
        if self.coordinator.vote_waits(transaction) {
            return;
        }
        let agreed =
            self.coordinator.vote(transaction, &self.rng) && self.message_box.prepare(transaction);
        if !agreed {
            return self.end_transaction(transaction, false);
        }
        let (state, lasts) = self.coordinator.prepared(transaction, &self.rng);
        if state == TransactionState::InDoubt || !lasts.is_zero() {
            self.tell_state(transaction, state);
        }
        self.schedule(self.now + lasts, Due::Coordinator(transaction));
    }

    fn tell_state(&mut self, transaction: TransactionId, state: TransactionState) {
        let (number, said) = match state {
            TransactionState::Aborted => (0, "aborts"),
            TransactionState::Active => (1, "is active"),
            TransactionState::Committed => (2, "commits"),
            TransactionState::InDoubt => (3, "is in doubt"),
            TransactionState::Prepared => (4, "is prepared"),
        };
        let event = Event::Coordinated { transaction, state: number };
        self.trace.record(self.now, &event, || format!("D    {transaction} {said}"));
    }

    /// The outcome, for all branches at once; then the host instance and the adapter hear of it.
    pub(super) fn end_transaction(&mut self, transaction: TransactionId, committed: bool) {
        let Some(open) = self.coordinator.end(transaction, committed) else { return };
        let state = if committed { TransactionState::Committed } else { TransactionState::Aborted };
        if committed || !open.is_empty() {
            self.tell_state(transaction, state);
        }
        // A document that goes on keeps its type, which its row knows while it is there.
        let forwards: Vec<_> = open.sent.iter().map(|sent| self.onward(sent)).collect();
        if committed {
            self.checks.about_to_commit(&self.topology, transaction);
        }
        let (before, counted) = (self.message_box.state_hash(), counted(&self.meters));
        if committed {
            self.message_box.commit_transaction(self.now, transaction);
            self.documents_accepted += open.accepts;
            self.fates.came_empty(open.empty);
        } else {
            self.message_box.abort_transaction(self.now, transaction);
        }
        let after = self.message_box.state_hash();
        self.absorb_effects();
        let by = self.nodes[open.node as usize].instance;
        if committed {
            self.sampled.handed.committed(by, open.publishes, counted, &self.meters);
        }
        let ended = Ended {
            committed,
            hashes: (before, after),
            effects: &self.effects,
            read: open.read.iter().flat_map(|(_, read)| read).map(|read| read.number).collect(),
            sent: &open.sent,
        };
        self.checks.transaction_ended(transaction, &ended, &self.message_box);
        self.end_branches(&open, committed, forwards);
        self.checks.balance(&self.message_box);
        self.watch_levels();
        self.tell_ready();
        let instance = self.nodes[open.node as usize].instance;
        let input = HostInput::TransactionDone { transaction, committed };
        self.ring.push_back(Now::Host(instance, input));
        self.ring.push_back(Now::TransactionDone(open.node, transaction, committed));
    }

    /// The partners' branches: what was written becomes visible or never was, what was read is
    /// gone or back at its source.
    fn end_branches(&mut self, open: &Open, committed: bool, forwards: Vec<Option<Forward>>) {
        if !committed {
            for sent in &open.sent {
                self.checks.rolled_back(sent);
            }
            for (endpoint, messages) in &open.read {
                self.give_back(*endpoint, messages.clone());
            }
            return;
        }
        for (sent, forward) in open.sent.iter().zip(forwards) {
            let event = Event::Visible { document: sent.document, sequence: sent.sequence };
            self.trace.record(self.now, &event, || {
                let port = self.topology.subscriber_name(sent.subscriber);
                format!("W    {} is visible at the partner of {port}", sent.document)
            });
            self.checks.wire_ends(sent, true);
            let port = sent.subscriber.index();
            self.meters.processed(self.now, port, sent.arrived, forward.is_none());
            self.sampled.handed.processed(self.nodes[open.node as usize].place(), sent.bytes);
            if let Some((to, context)) = forward {
                self.forward(to, context, sent);
            }
        }
    }

    pub(super) fn give_back(&mut self, endpoint: EndpointId, messages: Vec<WireMessage>) {
        let count = u32::try_from(messages.len()).unwrap_or(u32::MAX);
        if count == 0 {
            return;
        }
        let event = Event::GivenBack { endpoint, messages: count };
        self.trace.record(self.now, &event, || {
            let names: Vec<String> =
                messages.iter().map(|message| format!("m{}", message.number)).collect();
            let source = &self.topology.endpoints[endpoint.index()];
            format!("W    {source} has {} again", names.join(", "))
        });
        let Endpoint::Source(source) = &mut self.endpoints[endpoint.index()] else { return };
        for (node, location) in source.give_back(messages) {
            self.ring.push_back(Now::Arrived(node, location));
        }
    }

    /// `DTCCommitConfirm` (R-TXN-03).
    pub(super) fn confirm(&mut self, node: u32, of: ConfirmOf, committed: bool) {
        let known = self.coordinator.confirm(node, of, committed);
        self.checks.confirmed(node, of, known.map(|(_, truthful)| truthful));
        let Some((transaction, _)) = known else { return };
        let event = Event::Confirmed { transaction, committed };
        self.trace.record(self.now, &event, || {
            let name = &self.nodes[node as usize].name;
            let object = match of {
                ConfirmOf::Batch(cookie) => format!("b{cookie}"),
                ConfirmOf::Delivery(_) => "the adapter batch".to_owned(),
            };
            format!("A>E  {name} {object}: DTCCommitConfirm({transaction}, {committed})")
        });
    }

    /// When something happens next.
    pub(super) fn next_at(&self) -> Option<Instant> {
        let deadline = Some(self.coordinator.deadline()).filter(|at| *at < Instant::MAX);
        self.queue.next_at().into_iter().chain(deadline).min()
    }

    /// Nothing is due before the deadline of a transaction, or before the end.
    #[cold]
    pub(super) fn run_out_of_time(&mut self) -> bool {
        let at = self.coordinator.deadline();
        if at > self.end || at == Instant::MAX {
            return false;
        }
        if at > self.now {
            self.pass(at);
        }
        self.expire();
        true
    }

    /// The earliest deadline has come: a transaction is aborted, or a confirm object has leaked
    /// (R-CLK-13, R-CLK-18).
    fn expire(&mut self) {
        match self.coordinator.expire(self.now) {
            Some(Expired::Transaction(transaction)) => {
                self.active = self.now;
                self.end_transaction(transaction, false);
            }
            Some(Expired::Confirms(transaction, leaked)) => {
                self.checks.leaked(transaction, leaked);
            }
            None => {}
        }
    }

    /// A run is over: what was never confirmed is a leak.
    pub(super) fn audit_transactions(&mut self) {
        for (transaction, leaked) in self.coordinator.leak_all() {
            self.checks.leaked(transaction, leaked);
        }
    }

    /// A source was read destructively in a transaction (R-TXN-05).
    #[inline(never)]
    pub(super) fn enlist_read(
        &mut self,
        node: u32,
        transaction: TransactionId,
        endpoint: EndpointId,
        messages: &[WireMessage],
    ) {
        let Some(open) = self.coordinator.enlist(self.now, node, transaction) else {
            // Nobody reads in a transaction that is over.
            return self.give_back(endpoint, messages.to_vec());
        };
        open.read.push((endpoint, messages.to_vec()));
        if let Some(first) = messages.first() {
            self.coordinator.concerns(transaction, first.lineage, first.number);
        }
    }

    /// A partner is written to in a transaction (R-TXN-06).
    #[inline(never)]
    pub(super) fn enlist_write(
        &mut self,
        node: u32,
        transaction: TransactionId,
        attempt: &Transmission,
    ) {
        if self.coordinator.enlist(self.now, node, transaction).is_some() {
            self.coordinator.concerns(transaction, attempt.lineage, attempt.document.wire);
        }
    }

    /// Keeps a successful write back until the commit; `false` if it is in no transaction.
    #[inline(always)]
    pub(super) fn staged_write(&mut self, attempt: &Transmission) -> bool {
        let Some(transaction) = attempt.transaction else { return false };
        if let Some(open) = self.coordinator.active(transaction) {
            open.sent.push(*attempt);
        }
        true
    }

    /// Whether an attempt in a transaction still counts: after the outcome nobody takes it.
    #[inline(always)]
    pub(super) fn takes_part(&mut self, attempt: &Transmission) -> bool {
        attempt.transaction.is_none_or(|id| self.coordinator.active(id).is_some())
    }
}

/// Where a document goes on to, and with which context.
type Forward = (floodgate_engine::id::ReceiveLocationId, floodgate_engine::message::Context);

impl World {
    /// Where a transmitted document arrives next.
    pub(super) fn onward(&mut self, sent: &Transmission) -> Option<Forward> {
        let to = self.sink(sent.endpoint).forward_to()?;
        Some((to, self.forwarded_context(to, sent)))
    }
}
