//! Checks on throttled publishing: INV-11.
//!
//! An account is kept of the batches that are posted while their host instance is throttled, and
//! of no others, so that plants which are never throttled pay nothing. What such a batch publishes
//! is judged like what any other does (INV-03, INV-12, INV-17).

use std::collections::BTreeMap;
use std::hint::cold_path;

use floodgate_engine::batch::{Batch, BatchStatus, Status};
use floodgate_engine::config::Topology;
use floodgate_engine::id::HostInstanceId;
use floodgate_engine::time::Instant;

use super::{Checks, Rule};

/// A publishing batch that was posted under throttling and is not complete.
#[derive(Clone, Copy, Debug)]
struct Held {
    by: HostInstanceId,
    posted_at: Instant,
    /// Its `Done` returned.
    let_in: bool,
    /// Its transaction is over: its thread goes on, though the adapter may be told later, when the
    /// call has come to it or the response that its `BatchComplete` waits for (R-CLK-04).
    committed: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Throttled {
    /// By host instance: whether publishing is throttled, and how many publishing batches it may
    /// have let in at once, those that wait for a thread and those that have one (R-DONE-03).
    instances: Vec<(bool, u32)>,
    any: bool,
    /// By host instance: it stops, and lets in what ends what it has begun (R-SR-04, R-SHUT-01).
    stopping: Vec<bool>,
    /// By adapter instance and cookie.
    held: BTreeMap<(u32, u64), Held>,
}

impl Throttled {
    pub(super) fn new(topology: &Topology) -> Self {
        let limit = |instance: &floodgate_engine::config::HostInstanceConfig| {
            let settings = &topology.hosts[instance.host.index()].settings;
            let cpus = topology.servers[instance.server.index()].cpus;
            let waiting = settings.batch_queue.saturating_mul(cpus).max(1);
            (false, waiting.saturating_add(settings.threads.saturating_mul(cpus).max(1)))
        };
        Self {
            instances: topology.host_instances.iter().map(limit).collect(),
            any: false,
            stopping: vec![false; topology.host_instances.len()],
            held: BTreeMap::new(),
        }
    }

    /// A host instance stops in good order, or begins anew.
    pub(super) fn stops(&mut self, by: HostInstanceId, stopping: bool) {
        self.stopping[by.index()] = stopping;
    }

    /// Whether there is anything to watch.
    #[inline(always)]
    pub(super) fn watches(&self) -> bool {
        self.any || !self.held.is_empty()
    }

    /// Its `Done` failed: there is nothing to come, and its messages are still the adapter's.
    pub(super) fn refused(&mut self, node: u32, cookie: u64) {
        self.held.remove(&(node, cookie));
    }

    /// The adapter instance is gone with its process.
    pub(super) fn forget(&mut self, node: u32) {
        self.held.retain(|(of, _), _| *of != node);
    }

    /// Publishing batches of a host instance that are let in and not committed.
    fn let_in(&self, by: HostInstanceId) -> u32 {
        let is_inside = |held: &&Held| held.by == by && held.let_in && !held.committed;
        let inside = self.held.values().filter(is_inside).count();
        u32::try_from(inside).unwrap_or(u32::MAX)
    }
}

impl Checks {
    /// Publishing of a host instance is throttled from now on, or let go.
    #[cold]
    pub(crate) fn throttles(&mut self, by: HostInstanceId, publishing: bool) {
        self.throttled.instances[by.index()].0 = publishing;
        self.throttled.any = self.throttled.instances.iter().any(|(throttled, _)| *throttled);
    }

    /// An adapter of `by` posted a batch.
    #[inline(always)]
    pub(crate) fn posted_by_instance(&mut self, by: HostInstanceId, node: u32, batch: &Batch) {
        if self.throttled.any {
            self.posted_throttled(by, node, batch);
        }
    }

    #[cold]
    fn posted_throttled(&mut self, by: HostInstanceId, node: u32, batch: &Batch) {
        if self.throttled.instances[by.index()].0 && batch.publishes() && batch.has_callback() {
            let posted_at = self.docket.now;
            let held = Held { by, posted_at, let_in: false, committed: false };
            self.throttled.held.insert((node, batch.cookie()), held);
        }
    }

    /// The transaction of a batch of `by` is over, whichever of its adapters posted it.
    #[inline(always)]
    pub(crate) fn transacted(&mut self, by: HostInstanceId, cookie: u64) {
        if self.throttled.held.is_empty() {
            return;
        }
        cold_path();
        for ((_, own), held) in &mut self.throttled.held {
            held.committed |= *own == cookie && held.by == by;
        }
    }

    /// `Done` returned.
    #[inline(always)]
    pub(crate) fn done_returned(&mut self, node: u32, cookie: u64, status: Status) {
        if !status.is_success() {
            self.done_failed(node, cookie);
        } else if !self.throttled.held.is_empty() {
            self.lets_in(node, cookie);
        }
    }

    #[cold]
    fn lets_in(&mut self, node: u32, cookie: u64) {
        let Some(held) = self.throttled.held.get_mut(&(node, cookie)) else { return };
        held.let_in = true;
        let by = held.by;
        if self.throttled.stopping[by.index()] {
            return;
        }
        let (inside, most) = (self.throttled.let_in(by), self.throttled.instances[by.index()].1);
        self.docket.judge(Rule::HeldComesThrough, inside <= most, || {
            format!(
                "{by} is throttled and has let in {inside} batches of {most}: Done should block"
            )
        });
    }

    /// A batch is complete, with whatever status: it came through.
    #[cold]
    pub(super) fn came_through(&mut self, node: u32, status: &BatchStatus) {
        if self.throttled.held.remove(&(node, status.cookie)).is_some() {
            self.docket.judge(Rule::HeldComesThrough, true, String::new);
        }
    }

    /// Nothing is left to do: whatever was posted under throttling has come through.
    pub(super) fn nothing_held(&mut self) {
        for ((node, cookie), Held { by, posted_at, let_in, committed: _ }) in
            std::mem::take(&mut self.throttled.held)
        {
            self.docket.judge(Rule::HeldComesThrough, false, || {
                let done = if let_in { "returned" } else { "never returned" };
                format!(
                    "{by} was throttled when adapter {node} posted b{cookie} at {posted_at}: its \
                     Done {done}, and it did not complete"
                )
            });
        }
    }
}
