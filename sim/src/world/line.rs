//! A resource of a MessageBox that takes one job at a time, with its audit.

use floodgate_engine::time::{Duration, Instant};

use floodgate_engine::config::Topology;

use super::cleanup::Collector;
use super::looks::Looks;
use super::presence::Presence;
use crate::counter::LineTotals;
use crate::resource::{Audit, Fcfs, Finding, Usage};
use crate::setup::Setup;

/// What is under the MessageBoxes: one line each for each of them.
#[derive(Clone, Debug)]
pub(super) struct Stores {
    pub(super) links: Vec<Line>,
    pub(super) locks: Vec<Line>,
    pub(super) logs: Vec<Line>,
    pub(super) disks: Vec<Line>,
    pub(super) presence: Presence,
    pub(super) looks: Looks,
    pub(super) collectors: Vec<Collector>,
}

impl Stores {
    pub(super) fn new(topology: &Topology, setup: &Setup) -> Self {
        let boxes = topology.box_count();
        assert_eq!(setup.databases.len(), boxes, "every MessageBox has a server");
        let lines = vec![Line::new((setup.measure_from, setup.measure_to)); boxes];
        let instances = topology.host_instances.len();
        Self {
            links: lines.clone(),
            locks: lines.clone(),
            logs: lines.clone(),
            disks: lines,
            presence: Presence::new(setup.costs.has_contention(), boxes, instances),
            collectors: vec![Collector::new((setup.measure_from, setup.measure_to)); boxes],
            looks: Looks::new(!setup.costs.lock_row.is_zero(), boxes, instances),
        }
    }

    /// A MessageBox was added.
    pub(super) fn add_box(&mut self, window: (Instant, Instant)) {
        let Self { links, locks, logs, disks, collectors, .. } = self;
        collectors.push(Collector::new(window));
        for lines in [links, locks, logs, disks] {
            lines.push(Line::new(window));
        }
        self.presence.add_box();
        self.looks.add_box();
    }
}

/// A network link, locks, a log disk or a data disk.
#[derive(Clone, Debug)]
pub(super) struct Line {
    server: Fcfs,
    audit: Audit,
}

impl Line {
    pub(super) fn new(window: (Instant, Instant)) -> Self {
        let mut server = Fcfs::new(1);
        server.observe(window.0, window.1);
        Self { server, audit: Audit::new(1, window) }
    }

    /// Takes a job and says when it ends.
    #[inline(always)]
    pub(super) fn submit(&mut self, now: Instant, demand: Duration) -> Instant {
        self.audit.comes(now, demand);
        self.server.submit(now, demand)
    }

    /// The job that came at `since` ends.
    #[inline(always)]
    pub(super) fn ends(&mut self, now: Instant, since: Instant) {
        self.audit.goes(now, since);
    }

    /// Nobody waits for a job any more.
    pub(super) const fn breaks_off(&mut self) {
        self.audit.breaks_off();
    }

    pub(super) fn usage(&self) -> Usage {
        self.server.usage()
    }

    /// What it has done up to `at`.
    pub(super) fn totals(&self, at: Instant) -> LineTotals {
        let (ended, stays) = self.audit.ended();
        let (present, busy) = (self.audit.present(at), self.audit.busy(at));
        let waited = present.saturating_sub(busy);
        LineTotals { busy, waited, waits: self.server.waits(), ended, stays }
    }

    /// The findings at the end; `here` is when the jobs came that are still there.
    pub(super) fn findings(&self, name: &str, now: Instant, here: &[Instant]) -> Vec<Finding> {
        let left = self.server.work_left(now);
        self.audit.clone().close(name, now, left, here, &self.usage())
    }
}
