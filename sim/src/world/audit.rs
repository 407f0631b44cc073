//! The laws that every run obeys, whatever it is a run of: a violated one is a failed verdict.

use floodgate_engine::config::Topology;
use floodgate_engine::time::{Duration, Instant};

use super::World;
use super::database::Stage;
use super::line::Line;
use crate::resource::{Audit, Finding, Law};
use crate::setup::Setup;

/// What is kept for the audits.
#[derive(Clone, Debug)]
pub(super) struct Audits {
    /// One per server.
    pub(super) cpus: Vec<Audit>,
    /// Work of each server, and the pauses of its runtime that were added to it.
    pub(super) work: Vec<(Duration, Duration)>,
    pub(super) spool: SpoolAudit,
}

impl Audits {
    pub(super) fn new(topology: &Topology, setup: &Setup) -> Self {
        let window = (setup.measure_from, setup.measure_to);
        let servers = &topology.servers;
        Self {
            cpus: servers.iter().map(|server| Audit::new(server.cpus, window)).collect(),
            work: vec![(Duration::ZERO, Duration::ZERO); servers.len()],
            spool: SpoolAudit::default(),
        }
    }
}

/// The rows of the spool, by when they come and go, and by how many there are.
#[derive(Clone, Debug, Default)]
pub(super) struct SpoolAudit {
    since: Instant,
    rows: u64,
    /// Rows, times nanoseconds.
    area: u128,
    /// Rows that came and went, and the sums of the instants.
    came: u64,
    came_at: u128,
    went: u64,
    went_at: u128,
}

impl SpoolAudit {
    /// Rows are written.
    #[inline]
    pub(super) fn comes(&mut self, now: Instant, rows: u32) {
        self.came += u64::from(rows);
        self.came_at += u128::from(now.as_nanos()) * u128::from(rows);
    }

    /// Rows are collected.
    pub(super) fn goes(&mut self, now: Instant, rows: u64) {
        self.went += rows;
        self.went_at += u128::from(now.as_nanos()) * u128::from(rows);
    }

    /// The spool has so many rows from now on.
    #[inline]
    pub(super) fn is(&mut self, now: Instant, rows: u64) {
        self.area += u128::from(now.since(self.since).as_nanos()) * u128::from(self.rows);
        (self.since, self.rows) = (now, rows);
    }

    /// Little's law: rows over time are the rows that came, times how long they stayed.
    fn finding(mut self, now: Instant) -> Finding {
        self.is(now, self.rows);
        let here = u128::from(self.came.saturating_sub(self.went)) * u128::from(now.as_nanos());
        let stays = (self.went_at + here).checked_sub(self.came_at);
        let seconds = |nanos: u128| nanos as f64 / 1e9;
        Finding {
            of: "spool".to_owned(),
            law: Law::Little,
            holds: Some(stays == Some(self.area)),
            detail: format!(
                "{:.6} row-seconds present, {:.6} of stays of {} rows",
                seconds(self.area),
                stays.map_or(f64::NAN, seconds),
                self.came
            ),
        }
    }
}

impl World {
    /// What the audits of all resources and of the spool find at the end.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (at, server) in self.topology.servers.iter().enumerate() {
            let (processor, audit) = (&self.processors[at], self.audits.cpus[at].clone());
            let placed = self.jobs.iter().map(|(_, placed)| placed);
            let here: Vec<_> = placed
                .filter(|placed| placed.server.index() == at)
                .map(|placed| placed.since)
                .chain(self.idle.here(at))
                .collect();
            let (left, usage) = (processor.work_left(self.now), processor.usage());
            let name = format!("{} CPU", server.name);
            findings.extend(audit.close(&name, self.now, left, &here, &usage));
        }
        let kinds = [
            ("network link", Stage::Travels, &self.stores.links),
            ("locks and log", Stage::Locks, &self.stores.locks),
            ("log disk", Stage::Logs, &self.stores.logs),
            ("data disk", Stage::Stores, &self.stores.disks),
        ];
        for (what, stage, lines) in kinds {
            for (at, line) in lines.iter().enumerate() {
                let name = format!("{} {what}", self.box_name(at));
                findings.extend(line.findings(&name, self.now, &self.at_stage(stage, at)));
            }
        }
        findings.extend(self.tracking_findings());
        findings.push(self.audits.spool.clone().finding(self.now));
        findings
    }

    /// Since when transactions are in a stage at the `at`-th MessageBox.
    fn at_stage(&self, stage: Stage, at: usize) -> Vec<Instant> {
        let here = self.pending.iter().filter_map(|(_, pending)| pending.here(stage));
        here.filter(|(home, _)| home.index() == at).map(|(_, since)| since).collect()
    }

    /// What a MessageBox is called.
    pub(super) fn box_name(&self, at: usize) -> &str {
        self.topology.message_boxes.get(at).map_or("MessageBox", |known| &known.name)
    }

    /// The resources under the MessageBoxes, links and disks only if they have a price.
    pub(super) fn lines(&self) -> Vec<(String, &Line)> {
        let kinds = [
            ("network link", self.costs.has_link(), &self.stores.links),
            ("locks and log", true, &self.stores.locks),
            ("log disk", self.costs.has_log(), &self.stores.logs),
            ("data disk", self.costs.has_data(), &self.stores.disks),
        ];
        let priced = kinds.into_iter().filter(|(_, priced, _)| *priced);
        priced
            .flat_map(|(what, _, lines)| {
                let named = move |(at, line)| (format!("{} {what}", self.box_name(at)), line);
                lines.iter().enumerate().map(named)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(nanos: u64) -> Instant {
        Instant::from_nanos(nanos)
    }

    /// Two rows come at 10, one goes at 30; the level is told at these instants.
    fn spool(told: [u64; 2]) -> Finding {
        let mut audit = SpoolAudit::default();
        audit.comes(at(10), 2);
        audit.is(at(10), told[0]);
        audit.goes(at(30), 1);
        audit.is(at(30), told[1]);
        audit.finding(at(50))
    }

    #[test]
    fn little_s_law_holds_for_rows_that_are_counted_when_they_come_and_go() {
        assert_eq!(spool([2, 1]).holds, Some(true));
        assert_eq!(spool([3, 1]).holds, Some(false));
        assert_eq!(spool([2, 2]).holds, Some(false));
    }
}
