//! The database under the MessageBox: CPU of its server, then the part that runs one at a time.

use std::hint::cold_path;

use floodgate_engine::batch::{BatchStatus, Status};
use floodgate_engine::config::ReceiveLocation;
use floodgate_engine::host::{FrameId, HostInput};
use floodgate_engine::id::{HostInstanceId, Key, MessageBoxId, TransactionId};
use floodgate_engine::message::{PropertyId, Value};
use floodgate_engine::message_box::{Action, Footprint, Footprints, PreparedBatch};
use floodgate_engine::orchestration::SENT_BY_ORCHESTRATIONS;
use floodgate_engine::time::Instant;

use super::exchange::requests_of;
use super::handed::counted;
use super::load::documents_of;
use super::{Due, Job, Now, World};
use crate::check::Asked;
use crate::cost::Around;

/// A transaction that the databases are working on: one MessageBox after the other.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    what: Transaction,
    footprints: Footprints,
    /// The MessageBox being worked on, by its place among those touched.
    at: usize,
    stage: Stage,
    /// Since when it is in this stage.
    since: Instant,
}

/// Where a transaction is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Stage {
    /// It has not come to a MessageBox yet.
    Begins,
    /// On the network link of a MessageBox's server.
    Travels,
    /// On the CPU of a MessageBox's server.
    Computes,
    /// Under the locks, or waiting for them.
    Locks,
    /// At the log disk.
    Logs,
    /// At the data disk.
    Stores,
}

#[derive(Clone, Debug)]
enum Transaction {
    /// A batch to commit.
    Batch {
        instance: HostInstanceId,
        frame: FrameId,
        batch: PreparedBatch,
        /// The one its effects wait for.
        transaction: Option<TransactionId>,
    },
    /// A look into a host's queue, with the rows that were there to find when it began.
    Look { instance: HostInstanceId, home: MessageBoxId, max: u32, rows: u32 },
}

impl Pending {
    /// Who asked for it.
    const fn of(&self) -> HostInstanceId {
        match self.what {
            Transaction::Batch { instance, .. } | Transaction::Look { instance, .. } => instance,
        }
    }

    const fn looks(&self) -> bool {
        matches!(self.what, Transaction::Look { .. })
    }

    /// Databases in it, if it is distributed; an adapter's own transaction is one, since the
    /// adapter's resource is in it too, and so is what is written in parts (R-LMS-01). The master
    /// that only routes is asked and not enlisted.
    #[inline(always)]
    fn enlisted(&self) -> u32 {
        let outside = match self.what {
            Transaction::Batch { transaction, .. } => transaction.is_some(),
            Transaction::Look { .. } => false,
        };
        if !outside && self.footprints.is_plain() {
            return 0;
        }
        cold_path();
        let boxes = self.footprints.boxes();
        let in_parts = self.footprints.is_written_in_parts();
        let stored = boxes - u32::from(self.footprints.routed().is_some());
        let databases = stored + u32::from(outside);
        if databases > 1 || in_parts { databases } else { 0 }
    }

    /// The MessageBox whose turn it is, and what is done there.
    pub(super) fn touched(&self) -> Option<(MessageBoxId, Footprint)> {
        self.footprints.get(self.at)
    }

    pub(super) const fn enters(&mut self, stage: Stage, now: Instant) {
        (self.stage, self.since) = (stage, now);
    }

    /// The MessageBox it is at, and since when, if it is in that stage.
    #[inline(always)]
    pub(super) fn here(&self, stage: Stage) -> Option<(MessageBoxId, Instant)> {
        let (home, _) = self.footprints.get(self.at)?;
        (self.stage == stage).then_some((home, self.since))
    }
}

impl World {
    /// Whether `instance` has asked for something that has neither happened nor failed.
    pub(super) fn has_pending(&self, instance: HostInstanceId) -> bool {
        self.pending.iter().any(|(_, pending)| pending.of() == instance)
    }

    pub(super) fn transact(
        &mut self,
        (instance, frame): (HostInstanceId, FrameId),
        batch: PreparedBatch,
        transaction: Option<TransactionId>,
    ) {
        if self.life.offline {
            return self.fail_batch((instance, frame), &batch, transaction);
        }
        let footprints = self.message_box.footprint(&batch);
        let what = Transaction::Batch { instance, frame, batch, transaction };
        self.begin(what, footprints);
    }

    pub(super) fn look(&mut self, instance: HostInstanceId, home: MessageBoxId, max: u32) {
        self.checks.looks(instance, home);
        if self.life.offline {
            return self.fail_look(instance, home, max);
        }
        let mut footprint = self.message_box.dequeue_footprint(self.now, home, instance, max);
        let what = Transaction::Look { instance, home, max, rows: footprint.rows };
        footprint.rows = self.stores.looks.begins(home, instance, footprint.rows);
        self.begin(what, Footprints::one(home, footprint));
    }

    #[inline(always)]
    fn begin(&mut self, what: Transaction, footprints: Footprints) {
        let pending = Pending { what, footprints, at: 0, stage: Stage::Begins, since: self.now };
        let (instance, enlisted) = (pending.of(), pending.enlisted());
        let cost = self.costs.begin(enlisted, &pending.footprints);
        let key = self.pending.insert(pending);
        if cost.is_zero() {
            return self.work_on(key);
        }
        let server = self.topology.host_instances[instance.index()].server;
        let cost = self.with_pauses(server, cost);
        self.compute(server, Job::Enlistment(key), cost);
    }

    /// The CPU part in the MessageBox whose turn it is; the commit when all have had theirs.
    #[inline(always)]
    pub(super) fn arrived_at_box(&mut self, key: Key) {
        let Some(pending) = self.pending.get_mut(key) else { return };
        let Some((home, footprint)) = pending.footprints.get(pending.at) else {
            return self.commit(key);
        };
        pending.stage = Stage::Computes;
        let instance = pending.of();
        let distributed = !footprint.only_routes() && pending.enlisted() > 0;
        self.stores.presence.comes(home, instance);
        let around = Around { others: self.stores.presence.others(home), distributed };
        let cost = self.costs.sql(footprint, around);
        if cost.is_zero() {
            self.computed(key);
        } else {
            self.compute(self.databases[home.index()], Job::Transaction(key), cost);
        }
    }

    /// The CPU part is done: into the locks.
    #[inline(always)]
    pub(super) fn computed(&mut self, key: Key) {
        let Some(pending) = self.pending.get_mut(key) else { return };
        let Some((home, footprint)) = pending.footprints.get(pending.at) else { return };
        let distributed = !footprint.only_routes() && pending.enlisted() > 0;
        let around = Around { others: self.stores.presence.others(home), distributed };
        let hold = self.costs.lock(footprint, around);
        if hold.is_zero() && self.apart {
            self.ring.push_back(Now::Due(Due::Unlocked(key)));
        } else if hold.is_zero() {
            self.unlocked(key);
        } else {
            (pending.stage, pending.since) = (Stage::Locks, self.now);
            let out = self.stores.locks[home.index()].submit(self.now, hold);
            self.schedule(out, Due::Unlocked(key));
        }
    }

    /// Out of the locks: to the log disk.
    #[inline(always)]
    pub(super) fn unlocked(&mut self, key: Key) {
        let Some(pending) = self.pending.get_mut(key) else { return };
        let Some((home, footprint)) = pending.footprints.get(pending.at) else { return };
        if let Some((home, since)) = pending.here(Stage::Locks) {
            self.stores.locks[home.index()].ends(self.now, since);
        }
        let takes = self.costs.log(footprint);
        (pending.stage, pending.since) = (Stage::Logs, self.now);
        if takes.is_zero() {
            return self.write(key);
        }
        let out = self.stores.logs[home.index()].submit(self.now, takes);
        self.schedule(out, Due::Logged(key));
    }

    /// The log disk has it.
    pub(super) fn logged(&mut self, key: Key) {
        let Some(pending) = self.pending.get(key) else { return };
        let Some((home, since)) = pending.here(Stage::Logs) else { return };
        self.stores.logs[home.index()].ends(self.now, since);
        self.write(key);
    }

    /// To the data disk. \[M\] Pages are read and written within the transaction: what a cache
    /// spares is in the price.
    #[inline(always)]
    fn write(&mut self, key: Key) {
        let Some(pending) = self.pending.get_mut(key) else { return };
        let Some((home, footprint)) = pending.footprints.get(pending.at) else { return };
        let takes = self.costs.data(footprint);
        (pending.stage, pending.since) = (Stage::Stores, self.now);
        if takes.is_zero() {
            return self.advance(key);
        }
        let out = self.stores.disks[home.index()].submit(self.now, takes);
        self.schedule(out, Due::Stored(key));
    }

    /// The data disk has it.
    pub(super) fn stored(&mut self, key: Key) {
        let Some(pending) = self.pending.get(key) else { return };
        let Some((home, since)) = pending.here(Stage::Stores) else { return };
        self.stores.disks[home.index()].ends(self.now, since);
        self.advance(key);
    }

    /// One MessageBox has done its part: the next one's turn.
    #[inline(always)]
    fn advance(&mut self, key: Key) {
        let Some(pending) = self.pending.get_mut(key) else { return };
        if let Some((home, _)) = pending.footprints.get(pending.at) {
            self.stores.presence.goes(home, pending.of());
        }
        (pending.at, pending.stage) = (pending.at + 1, Stage::Begins);
        if pending.footprints.get(pending.at).is_some() {
            self.work_on(key);
        } else {
            self.commit(key);
        }
    }

    /// The database cannot be reached: nothing was done (R-SHUT-07).
    #[cold]
    fn fail_batch(
        &mut self,
        (instance, frame): (HostInstanceId, FrameId),
        batch: &PreparedBatch,
        transaction: Option<TransactionId>,
    ) {
        if let Some(transaction) = transaction
            && self.coordinator.worked(transaction)
        {
            self.schedule(self.now, Due::Coordinator(transaction));
        }
        let statuses = (batch.actions.iter()).map(|(kind, _)| (*kind, Status::PERSISTENCE_FAILURE));
        let mut status = BatchStatus::assemble(batch.cookie, statuses);
        status.overall = Status::PERSISTENCE_FAILURE;
        self.ring.push_back(Now::Host(instance, HostInput::Committed { frame, status }));
    }

    #[cold]
    fn fail_look(&mut self, instance: HostInstanceId, home: MessageBoxId, asked: u32) {
        self.checks.looked(instance, home);
        let input = HostInput::Dequeued { home, asked, messages: Vec::new() };
        self.ring.push_back(Now::Host(instance, input));
    }

    /// The database goes away under every transaction.
    pub(super) fn fail_pending(&mut self) {
        let keys: Vec<Key> = self.pending.iter().map(|(key, _)| key).collect();
        for key in keys {
            self.abandon(key);
            let Some(pending) = self.pending.remove(key) else { continue };
            match pending.what {
                Transaction::Batch { instance, frame, batch, transaction } => {
                    self.fail_batch((instance, frame), &batch, transaction);
                }
                Transaction::Look { instance, home, max, .. } => {
                    self.fail_look(instance, home, max);
                }
            }
        }
    }

    /// The client of these transactions is dead: each is committed as it stands, or undone. The
    /// answer reaches nobody. What it would publish comes before what it looks for, whichever was
    /// asked for first: a look that takes it leaves more locks of the dead.
    pub(super) fn resolve_pending(&mut self, dead: HostInstanceId, committed: bool) {
        let mut keys: Vec<Key> = (self.pending.iter())
            .filter(|(_, pending)| pending.of() == dead)
            .map(|(key, _)| key)
            .collect();
        keys.sort_by_key(|key| self.pending.get(*key).is_some_and(Pending::looks));
        for key in keys {
            self.abandon(key);
            if committed {
                self.commit(key);
            } else {
                self.pending.remove(key);
            }
        }
    }

    /// A transaction ends although some resource is at work for it.
    fn abandon(&mut self, key: Key) {
        let Some(pending) = self.pending.get(key) else { return };
        let (stage, instance) = (pending.stage, pending.of());
        let Some((home, _)) = pending.here(stage) else { return };
        let lines = match stage {
            Stage::Begins => return,
            Stage::Travels => return self.stores.links[home.index()].breaks_off(),
            Stage::Computes => None,
            Stage::Locks => Some(&mut self.stores.locks),
            Stage::Logs => Some(&mut self.stores.logs),
            Stage::Stores => Some(&mut self.stores.disks),
        };
        if let Some(lines) = lines {
            lines[home.index()].breaks_off();
        }
        self.stores.presence.goes(home, instance);
    }

    /// The transaction ends here and now: this is the commit order (R-CLK-06).
    #[inline(always)]
    fn commit(&mut self, key: Key) {
        let Some(pending) = self.pending.remove(key) else { return };
        match pending.what {
            Transaction::Batch { instance, frame, batch, transaction } => {
                let expires = matches!(&batch.actions[..], [(_, Action::Expire { .. })]);
                let status = match transaction {
                    None => self.commit_of(instance, batch),
                    Some(transaction) => self.stage_batch(instance, transaction, batch),
                };
                if expires && status.overall.is_success() {
                    self.sampled.handed.timed_out(instance);
                }
                self.checks.transacted(instance, status.cookie);
                self.ring.push_back(Now::Host(instance, HostInput::Committed { frame, status }));
            }
            Transaction::Look { instance, home, max, rows } => {
                let mut messages = Vec::new();
                self.message_box.dequeue(self.now, home, instance, max, &mut messages);
                self.sampled.handed.taken(self.now, &messages);
                self.stores.looks.ends(home, instance, rows, messages.len());
                self.absorb_effects();
                if !self.topology.dynamic_ports.is_empty() {
                    // It may have suspended, and said so.
                    cold_path();
                    self.checks.balance(&self.message_box);
                    self.watch_levels();
                }
                self.checks.looked(instance, home);
                let input = HostInput::Dequeued { home, asked: max, messages };
                self.ring.push_back(Now::Host(instance, input));
                // What was found outside its window waits for it (R-SW-01).
                self.tell_ready();
            }
        }
    }

    /// Commits a batch of a host instance, which counts what it did.
    #[inline(always)]
    fn commit_of(&mut self, instance: HostInstanceId, batch: PreparedBatch) -> BatchStatus {
        let (before, published) = (counted(&self.meters), batch.documents.len() as u64);
        let status = self.commit_batch(instance, batch);
        if status.overall.is_success() {
            self.sampled.handed.committed(instance, published, before, &self.meters);
        }
        status
    }

    pub(super) fn commit_batch(
        &mut self,
        instance: HostInstanceId,
        batch: PreparedBatch,
    ) -> BatchStatus {
        let asked = Asked::of(&batch);
        let (accepted, resumes) = match asked.disposes_only(batch.actions.len()) {
            true => (0, false),
            false => self.accepted(&batch),
        };
        let expected: Vec<_> = (batch.documents.iter())
            .filter_map(|document| self.checks.expect_route(&self.topology, document))
            .collect();
        let may_move = self.checks.may_move(&asked.moves(&batch));
        self.publishes_next(instance);
        let before = self.message_box.state_hash();
        let requests = (!self.unaccepted.is_empty()).then(|| requests_of(&batch));
        let wires =
            self.life.watched.then(|| if resumes { Vec::new() } else { self.wires_of(&batch) });
        let status = self.message_box.commit(self.now, instance, batch);
        let after = self.message_box.state_hash();
        self.fates.settle(status.overall.is_success());
        if status.overall.is_success() {
            self.documents_accepted += accepted;
            // What is accepted again was still at its source: it arrived twice, so to say.
            self.documents_arrived += wires.map_or(0, |wires| self.fates.accept(&wires));
            for request in requests.iter().flatten() {
                self.unaccepted.remove(request);
            }
        }
        self.checks.moves(&may_move, &status);
        self.absorb_effects();
        self.checks.committed(&asked, &status, (before, after), &self.effects);
        for route in &expected {
            self.checks.check_route(route, &status, &self.effects);
        }
        self.checks.balance(&self.message_box);
        self.watch_levels();
        self.tell_ready();
        if resumes {
            cold_path();
            self.fates.settle_resumed(status.overall.is_success());
            self.watch_reports();
        }
        if !self.topology.orchestrations.is_empty() {
            cold_path();
            self.watch_box();
        }
        status
    }

    /// Documents that the engine owns once the batch is committed, and whether it resumes some:
    /// what is resumed was accepted when it was suspended.
    fn accepted(&mut self, batch: &PreparedBatch) -> (u64, bool) {
        let mut accepted = 0;
        for (_, action) in &batch.actions {
            if let Action::ForgetSuspended(number) = action {
                self.foresee_resumed(*number, batch);
                return (0, true);
            }
            let documents = self.accepts(action);
            if matches!(action, Action::Empty(_) | Action::SuspendWire { .. }) {
                cold_path();
                self.fates.foresee(action, documents);
            }
            accepted += documents;
        }
        if self.topology.orchestrations.is_empty() {
            return (accepted, false);
        }
        cold_path();
        // What an orchestration sends came from no source.
        let sent = batch.documents.iter().map(|document| document.name.wire);
        let made = sent.filter(|wire| *wire >= SENT_BY_ORCHESTRATIONS).count() as u64;
        (accepted.saturating_sub(made), false)
    }

    /// The messages that a batch brings in, and how many documents each is accepted for.
    #[cold]
    fn wires_of(&self, batch: &PreparedBatch) -> Vec<(u64, u64)> {
        let wires = batch.actions.iter().filter_map(|(_, action)| {
            let wire = if let Action::Publish { first, .. } = action {
                batch.documents.get(*first as usize)?.name.wire
            } else if let Action::PublishPart(part) = action {
                part.wire
            } else if let Action::SuspendWire { wire, .. } = action {
                wire.number
            } else if let Action::Empty(wire) = action {
                *wire
            } else {
                return None;
            };
            Some((wire, self.accepts(action)))
        });
        wires.filter(|(wire, _)| *wire < SENT_BY_ORCHESTRATIONS).collect()
    }

    /// An operator changed the MessageBox: all who watch see it, and its hosts are told.
    pub(super) fn operated(&mut self) {
        self.absorb_effects();
        self.checks.balance(&self.message_box);
        self.watch_levels();
        self.tell_ready();
    }

    /// Documents that the engine owns once `action` is committed.
    #[inline(always)]
    pub(super) fn accepts(&self, action: &Action) -> u64 {
        match action {
            Action::Publish { count, .. } => u64::from(*count),
            Action::PublishPart(part) => u64::from(part.held.max(1)),
            Action::Empty(_) => 1,
            Action::SuspendWire { wire, .. } => {
                let uri = wire.context.read(PropertyId::INBOUND_TRANSPORT_LOCATION);
                let named = |location: &&ReceiveLocation| uri == Some(&Value::text(&location.name));
                let location = self.topology.receive_locations.iter().find(named);
                location.map_or(1, |location| documents_of(location, wire))
            }
            Action::Await(..)
            | Action::CancelResponse(_)
            | Action::Consume(_)
            | Action::DefaultFailure(_)
            | Action::Dehydrate(_)
            | Action::Delete(_)
            | Action::Fail(..)
            | Action::ForgetSuspended(_)
            | Action::Expire { .. }
            | Action::NextTransport(_)
            | Action::Nothing
            | Action::Refuse(_)
            | Action::Resubmit(..)
            | Action::SuspendInstance(..)
            | Action::SuspendLate(_)
            | Action::SuspendReference(_) => 0,
        }
    }

    /// Shows the last commit's changes to all who watch.
    pub(super) fn absorb_effects(&mut self) {
        let mut effects = std::mem::take(&mut self.effects);
        self.message_box.take_effects(&mut effects);
        self.trace.record_effects(self.now, &effects, |effect| {
            super::adapters::tell(&self.topology, effect)
        });
        for effect in &effects {
            self.meter(effect);
        }
        self.checks.effects(&effects, &self.message_box, &self.topology);
        if !self.fates.replies.is_empty() {
            self.watch_replies(&effects);
        }
        if !self.waits.is_idle() {
            cold_path();
            self.watch_requests(&effects);
        }
        self.effects = effects;
        self.watch_queues();
    }

    /// Transactions of `instance` that the databases are working on.
    pub(super) fn sessions_of(&self, instance: HostInstanceId) -> u64 {
        self.pending.iter().filter(|(_, pending)| pending.of() == instance).count() as u64
    }

    #[inline(always)]
    pub(super) fn watch_levels(&mut self) {
        let (spool, backlog) = (self.spool(), self.backlog());
        self.meters.spool.set(self.now, spool);
        self.audits.spool.is(self.now, spool);
        self.meters.backlog.set(self.now, backlog);
        self.watch_tracking();
        if self.jobs_run && !self.cleanup_due && self.message_box.has_collectable() {
            cold_path();
            self.cleanup_due = true;
            let period = self.cleanup_every.as_nanos().max(1);
            let next = (self.now.as_nanos() / period + 1) * period;
            self.schedule(Instant::from_nanos(next), Due::Cleanup);
        }
    }

    /// The cleanup job removes what nobody refers to (R-GC-02).
    #[cold]
    pub(super) fn clean_up(&mut self) {
        self.cleanup_due = false;
        self.message_box.purge_subscriptions();
        if self.costs.has_collection() {
            self.collect_in_time();
            return self.watch_levels();
        }
        self.meters.before_cleanup(self.would_end());
        let collected = self.message_box.collect(u64::MAX);
        self.cleaned_up(collected);
    }

    /// So many rows are gone.
    #[cold]
    pub(super) fn cleaned_up(&mut self, collected: u64) {
        self.checks.collected(collected, &self.message_box);
        self.audits.spool.goes(self.now, collected);
        self.meters.collected(self.now, collected);
        self.watch_levels();
        if self.spool() == 0 {
            self.meters.spool_emptied = Some(self.now);
        }
    }
}
