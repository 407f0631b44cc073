//! Marks: what had happened when a phase of a run was over.
//!
//! The world is looked at between two events, so marks move nothing.

use floodgate_engine::time::Instant;
use floodgate_reports::{PhaseUse, WARM_UP};
use floodgate_sim::outcome::Outcome;
use floodgate_sim::setup::Setup;
use floodgate_sim::world::World;

use crate::plan::Scenario;
use crate::plan::phase::{Phase, PhaseKind};

const DRAIN: &str = PhaseKind::Drain.word();

/// A phase as it is planned.
#[derive(Debug)]
struct Planned {
    name: String,
    kind: &'static str,
    /// Whether it is measured, where the scenario says so.
    measured: Option<bool>,
    from: Instant,
    to: Instant,
}

/// Totals and levels at one instant.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    offered: u64,
    received: u64,
    processed: u64,
    backlog: u64,
    spool: u64,
    /// Rows of the spool, and of tracking data, times nanoseconds of the window.
    spool_area: u128,
    tracking_area: u128,
}

/// The phases of a run, and a mark at the end of each that is over.
#[derive(Debug)]
pub(super) struct Marks {
    planned: Vec<Planned>,
    taken: Vec<Mark>,
    /// Whether the last phase is a drain that the scenario plans, and cleaning up takes time: it
    /// lasts until the spool is empty, too.
    cleans: bool,
}

impl Marks {
    /// The phases of the scenario; without any, what its loads say: warm-up, measure, drain.
    pub(super) fn of(scenario: &Scenario, setup: &Setup) -> Self {
        let is_drain = scenario.phases.last().is_some_and(|last| last.kind == PhaseKind::Drain);
        let planned = match scenario.timetable() {
            Some(timetable) => {
                let phases = scenario.phases.iter().zip(&timetable.spans);
                // The window is one: what lies between two measured phases is in it.
                let (first, last) = timetable.measured;
                let of = |(phase, (from, to)): (&Phase, &(Instant, Instant))| Planned {
                    name: phase.name.clone(),
                    kind: phase.kind.word(),
                    measured: Some(first <= *from && *to <= last),
                    from: *from,
                    to: *to,
                };
                let mut planned: Vec<Planned> = phases.map(of).collect();
                // What goes on after the last phase is a drain, planned or not.
                if let Some(last) = planned.last().filter(|last| last.kind != DRAIN) {
                    let (from, to) = (last.to, Instant::MAX);
                    let (name, measured) = (DRAIN.to_owned(), Some(false));
                    planned.push(Planned { name, kind: DRAIN, measured, from, to });
                }
                planned
            }
            None => {
                let (from, to) = (setup.measure_from, setup.measure_to);
                let of = |name: &str, kind, from, to| Planned {
                    name: name.to_owned(),
                    kind,
                    measured: None,
                    from,
                    to,
                };
                vec![
                    of(WARM_UP, "warm_up", Instant::ZERO, from),
                    of("measure", "hold", from, to),
                    of(DRAIN, DRAIN, to, Instant::MAX),
                ]
            }
        };
        let cleans = is_drain && setup.costs.has_collection();
        Self { planned, taken: Vec::new(), cleans }
    }

    /// When the next mark is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.planned.get(self.taken.len()).map(|phase| phase.to).filter(|to| *to < Instant::MAX)
    }

    /// Takes the mark that is due.
    pub(super) fn take(&mut self, world: &World) {
        let (meters, rows) = (world.meters(), world.message_box());
        let at = self.next().unwrap_or(world.now()).max(world.now());
        self.taken.push(Mark {
            offered: meters.offered,
            received: meters.received,
            processed: meters.processed,
            backlog: world.backlog(),
            spool: rows.spool_live() + rows.spool_garbage(),
            spool_area: meters.spool.area(at),
            tracking_area: meters.tracking.area(at),
        });
    }

    /// Takes every mark that is due before the next event.
    pub(super) fn take_those_before(&mut self, world: &mut World) {
        while let Some(at) = self.next().filter(|at| world.is_quiet_until(*at)) {
            debug_assert!(at >= world.now(), "marks are taken in time");
            self.take(world);
        }
    }

    /// The phases as far as the run got, each with what happened in it and whether it is measured.
    pub(super) fn finish(self, outcome: &Outcome) -> Vec<(PhaseUse, Option<bool>)> {
        let meters = &outcome.meters;
        let last = Mark {
            offered: meters.offered,
            received: meters.received,
            processed: meters.processed,
            backlog: outcome.unfinished,
            spool: outcome.spool_final,
            spool_area: meters.spool.area(outcome.ended),
            tracking_area: meters.tracking.area(outcome.ended),
        };
        // A last run of the jobs is no work of a run unless it drains.
        let emptied = outcome.meters.spool_emptied.filter(|_| self.cleans && last.spool == 0);
        let ended = outcome.ended.max(emptied.unwrap_or(Instant::ZERO));
        let mut before = Mark::default();
        let mut all = Vec::new();
        let count = self.planned.len();
        for (n, phase) in self.planned.into_iter().enumerate() {
            // The last phase ends with the run, and so does one that the run did not get through.
            let is_last = n + 1 == count;
            let reaches = phase.to.min(outcome.ended);
            let end = if is_last { ended.max(phase.from) } else { reaches };
            let over = phase.to < outcome.ended && !is_last;
            let mark = self.taken.get(n).copied().filter(|_| over).unwrap_or(last);
            if end > phase.from {
                let span = end.since(phase.from).as_nanos() as f64;
                let measured = phase.measured == Some(true);
                let mean = |more: u128| measured.then(|| more as f64 / span);
                all.push((
                    PhaseUse {
                        name: phase.name,
                        kind: phase.kind.to_owned(),
                        from_seconds: phase.from.as_secs_f64(),
                        to_seconds: end.as_secs_f64(),
                        offered: mark.offered - before.offered,
                        received: mark.received - before.received,
                        processed: mark.processed - before.processed,
                        backlog: mark.backlog,
                        spool: mark.spool,
                        spool_mean: mean(mark.spool_area - before.spool_area),
                        tracking_mean: mean(mark.tracking_area - before.tracking_area)
                            .filter(|_| outcome.tracking.is_some()),
                    },
                    phase.measured,
                ));
                before = mark;
            }
        }
        all
    }
}
