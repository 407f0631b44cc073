//! The database under the MessageBox: CPU of its server, then the part that runs one at a time.

use floodgate_engine::batch::BatchStatus;
use floodgate_engine::config::ReceiveLocation;
use floodgate_engine::host::{FrameId, HostInput};
use floodgate_engine::id::{HostId, HostInstanceId, Key};
use floodgate_engine::message::{PropertyId, Value};
use floodgate_engine::message_box::{Action, Effect, Footprint, PreparedBatch};
use floodgate_engine::time::Instant;

use super::load::documents_of;
use super::{Due, Job, Now, World};
use crate::check::Asked;
use crate::trace::Event;

/// A transaction that the database is working on.
#[derive(Clone, Debug)]
pub(super) enum Pending {
    /// A batch to commit.
    Batch { instance: HostInstanceId, frame: FrameId, batch: PreparedBatch, footprint: Footprint },
    /// A look into a host's queue.
    Look { instance: HostInstanceId, max: u32, footprint: Footprint },
}

impl Pending {
    const fn footprint(&self) -> Footprint {
        match self {
            Self::Batch { footprint, .. } | Self::Look { footprint, .. } => *footprint,
        }
    }
}

impl World {
    pub(super) fn transact(
        &mut self,
        instance: HostInstanceId,
        frame: FrameId,
        batch: PreparedBatch,
    ) {
        let footprint = self.message_box.footprint(&batch);
        self.begin(Pending::Batch { instance, frame, batch, footprint });
    }

    pub(super) fn look(&mut self, instance: HostInstanceId, max: u32) {
        let host = self.instances[instance.index()].host();
        let footprint = self.message_box.dequeue_footprint(self.now, host, max);
        self.begin(Pending::Look { instance, max, footprint });
    }

    fn begin(&mut self, pending: Pending) {
        let cost = self.costs.sql(pending.footprint());
        let key = self.pending.insert(pending);
        if cost.is_zero() {
            self.computed(key);
        } else {
            self.compute(self.database, Job::Transaction(key), cost);
        }
    }

    /// The CPU part is done: into the locks.
    pub(super) fn computed(&mut self, key: Key) {
        let Some(pending) = self.pending.get(key) else { return };
        let hold = self.costs.lock(pending.footprint());
        if hold.is_zero() {
            self.commit(key);
        } else {
            let out = self.locks.submit(self.now, hold);
            self.schedule(out, Due::Unlocked(key));
        }
    }

    /// The transaction ends here and now: this is the commit order (R-CLK-06).
    pub(super) fn commit(&mut self, key: Key) {
        match self.pending.remove(key) {
            Some(Pending::Batch { instance, frame, batch, .. }) => {
                let status = self.commit_batch(instance, batch);
                self.ring.push_back(Now::Host(instance, HostInput::Committed { frame, status }));
            }
            Some(Pending::Look { instance, max, .. }) => {
                let host = self.instances[instance.index()].host();
                let mut messages = Vec::new();
                self.message_box.dequeue(self.now, host, instance, max, &mut messages);
                self.absorb_effects();
                let asked = max;
                self.ring.push_back(Now::Host(instance, HostInput::Dequeued { asked, messages }));
            }
            None => {}
        }
    }

    fn commit_batch(&mut self, instance: HostInstanceId, batch: PreparedBatch) -> BatchStatus {
        let asked = Asked::of(&batch);
        let accepted: u64 = batch.actions.iter().map(|(_, action)| self.accepts(action)).sum();
        let expected: Vec<_> = (batch.documents.iter())
            .filter_map(|document| self.checks.expect_route(&self.topology, document))
            .collect();
        let may_move = self.checks.may_move(&Asked::moves(&batch));
        let before = self.message_box.state_hash();
        let status = self.message_box.commit(self.now, instance, batch);
        let after = self.message_box.state_hash();
        if status.overall.is_success() {
            self.documents_accepted += accepted;
        }
        self.checks.moves(&may_move, &status);
        self.absorb_effects();
        self.checks.committed(&asked, &status, (before, after), &self.effects);
        if status.overall.is_success() {
            for route in &expected {
                self.checks.check_route(route, &self.effects);
            }
        }
        self.checks.balance(&self.message_box);
        self.watch_levels();
        self.tell_ready();
        status
    }

    /// An operator changed the MessageBox: all who watch see it, and its hosts are told.
    pub(super) fn operated(&mut self) {
        self.absorb_effects();
        self.checks.balance(&self.message_box);
        self.watch_levels();
        self.tell_ready();
    }

    /// Documents that the engine owns once `action` is committed.
    fn accepts(&self, action: &Action) -> u64 {
        match action {
            Action::Publish { count, .. } => u64::from(*count),
            Action::Nothing => 1,
            Action::SuspendWire { wire, .. } => {
                let uri = wire.context.read(PropertyId::INBOUND_TRANSPORT_LOCATION);
                let named = |location: &&ReceiveLocation| uri == Some(&Value::text(&location.name));
                let location = self.topology.receive_locations.iter().find(named);
                location.map_or(1, |location| documents_of(location, wire))
            }
            Action::DefaultFailure(_)
            | Action::Delete(_)
            | Action::NextTransport(_)
            | Action::Refuse(_)
            | Action::Resubmit(..)
            | Action::SuspendReference(_) => 0,
        }
    }

    /// Shows the last commit's changes to all who watch.
    fn absorb_effects(&mut self) {
        let mut effects = std::mem::take(&mut self.effects);
        self.message_box.take_effects(&mut effects);
        for effect in &effects {
            self.trace.record(self.now, &Event::Effect(*effect), || {
                super::adapters::tell(&self.topology, effect)
            });
            self.meter(effect);
        }
        self.checks.effects(&effects);
        self.effects = effects;
    }

    fn meter(&mut self, effect: &Effect) {
        match effect {
            Effect::Published { .. } => self.meters.received(self.now),
            Effect::Resubmitted { at, .. } => {
                self.meters.resubmitted += 1;
                self.meters.ports[at.port.index()].resubmitted += 1;
            }
            Effect::SuspendedReference { at, .. } => {
                self.meters.suspended += 1;
                self.meters.ports[at.port.index()].suspended += 1;
            }
            Effect::SuspendedMessage { .. } => self.meters.suspended += 1,
            Effect::RoutingFailureReport { .. } => self.meters.routing_failures += 1,
            Effect::Collectable { .. }
            | Effect::Deleted { .. }
            | Effect::Locked { .. }
            | Effect::MovedToNextTransport { .. }
            | Effect::Referenced { .. }
            | Effect::Resumed { .. }
            | Effect::Terminated { .. } => {}
        }
    }

    pub(super) fn watch_levels(&mut self) {
        let (spool, backlog) = (self.spool(), self.backlog());
        self.meters.spool.set(self.now, spool);
        self.meters.backlog.set(self.now, backlog);
        if self.message_box.spool_garbage() > 0 && !self.cleanup_due {
            self.cleanup_due = true;
            let period = self.cleanup_every.as_nanos().max(1);
            let next = (self.now.as_nanos() / period + 1) * period;
            self.schedule(Instant::from_nanos(next), Due::Cleanup);
        }
    }

    /// The cleanup job removes what nobody refers to (R-GC-02).
    pub(super) fn clean_up(&mut self) {
        self.cleanup_due = false;
        self.message_box.collect(u64::MAX);
        self.watch_levels();
    }

    /// Hosts with something eligible are told, and the next waiting reference is watched.
    pub(super) fn tell_ready(&mut self) {
        let mut ready: Vec<HostId> = std::mem::take(&mut self.ready);
        self.message_box.take_ready(&mut ready);
        if !ready.is_empty() {
            ready.sort_unstable();
            ready.dedup();
            for index in 0..self.instances.len() {
                let host = self.instances[index].host();
                if ready.contains(&host) && self.message_box.has_eligible(self.now, host) {
                    let instance = HostInstanceId::from(index);
                    self.ring.push_back(Now::Host(instance, HostInput::WorkAvailable));
                }
            }
            ready.clear();
            self.watch_box();
        }
        self.ready = ready;
    }

    fn watch_box(&mut self) {
        if let Some(at) = self.message_box.poll_timeout()
            && at < self.box_wake
            && at > self.now
        {
            self.box_wake = at;
            self.schedule(at, Due::BoxWake);
        }
    }

    pub(super) fn wake_box(&mut self) {
        if self.box_wake > self.now {
            return;
        }
        self.box_wake = Instant::MAX;
        self.message_box.wake(self.now);
        self.tell_ready();
        self.watch_box();
    }
}
