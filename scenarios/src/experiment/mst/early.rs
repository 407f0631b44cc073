//! Runs of a multiple that are over before their end, but not before their loads are: what is
//! missed for sure, and what seems so.
//!
//! What is asked that there be nothing of is missed with the first one, and a latency that may not
//! be exceeded with the first that is; a goal that allows a share is missed for sure when twice as
//! much counts against it as all that is there could make up for. A backlog that would take twice
//! as long as there is, at the best pace that the run ever had, seems to lack time: that may say
//! where to look, and no more, for a partner may yet answer all at once.

use floodgate_engine::time::{Duration, Instant};
use floodgate_sim::world::World;

use super::as_written::Multiple;
use super::goals::{allowed, in_words};
use super::pinned::broken;
use super::replicated::Extent;
use crate::plan::expect::Bound;
use crate::plan::goal::Goal;

/// What counts against a goal that allows a share beyond twice what is allowed: two runs with
/// fewer show nothing.
const EARLY_BAD: f64 = 5000.0;
/// So many times the time that there is would be needed at the best pace.
const HOPELESS: f64 = 2.0;
/// The share of the drain after which a pace says something.
const PACE_MIN: f64 = 0.125;

/// A run that was ended early.
#[derive(Clone, Debug, Default)]
pub(super) struct Cut {
    /// What is missed for sure, by name.
    pub(super) missed: Vec<String>,
    /// What counts against the goals that allow a share, at least.
    pub(super) against: Vec<(f64, f64)>,
    /// What time seems to lack.
    pub(super) left: Option<f64>,
    /// The promise that was broken by then.
    pub(super) broken: Option<String>,
}

/// How fast a run got documents done at its best.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    at: Instant,
    done: u64,
    best: f64,
    /// When the loads were over.
    closed: Option<Instant>,
}

impl Default for Pace {
    fn default() -> Self {
        Self { at: Instant::ZERO, done: 0, best: 0.0, closed: None }
    }
}

impl Multiple<'_> {
    /// Whether the run has shown enough, at a look when its loads go on or not.
    pub(super) fn over_early(
        &self,
        world: &World,
        (extent, is_open): (Extent, bool),
        pace: &mut Pace,
    ) -> Option<Cut> {
        if extent == Extent::Whole {
            return None;
        }
        // While loads go on nobody knows when the run would have been over.
        let missed = if is_open { Vec::new() } else { self.missed_by_now(world) };
        let against = if is_open { None } else { self.against_by_now(world) };
        let left = match extent {
            Extent::Glance => self.lacking(world, is_open, pace),
            Extent::Early | Extent::Whole => None,
        };
        if missed.is_empty() && against.is_none() && left.is_none() {
            return None;
        }
        let none = || vec![(0.0, 1.0); self.shares.len()];
        let against = against.unwrap_or_else(none);
        Some(Cut { missed, against, left, broken: broken(world) })
    }

    /// What is missed whatever comes, by the names of verdicts and of goals.
    fn missed_by_now(&self, world: &World) -> Vec<String> {
        let (expect, meters) = (&self.expect, world.meters());
        let mut counts = vec![
            ("suspended".to_owned(), &expect.suspended, meters.suspended),
            ("error_messages".to_owned(), &expect.error_messages, meters.error_messages),
            ("routing_failures".to_owned(), &expect.routing_failures, meters.routing_failures),
        ];
        if let Some(own) = &expect.answers {
            let told = &meters.answers;
            counts.push(("answers.failed".to_owned(), &own.failed, told.failed));
            counts.push(("answers.faults".to_owned(), &own.faults, told.faults));
            counts.push(("answers.late".to_owned(), &own.late, told.late));
            counts.push(("answers.broken".to_owned(), &own.broken, told.broken));
        }
        for own in &expect.ports {
            let mut ports = self.scenario.send_ports.iter().zip(&meters.ports);
            if let Some((_, meter)) = ports.find(|(port, _)| port.name == own.name) {
                counts.push((format!("{}.suspended", own.name), &own.suspended, meter.suspended));
            }
        }
        let most =
            |bound: &Option<Bound>| bound.as_ref().and_then(|own| own.at_most.or(own.exactly));
        let beyond = counts
            .into_iter()
            .filter(|(_, bound, count)| most(bound).is_some_and(|most| *count > most));
        let slowest = expect.latency_max.as_ref();
        let is_slow = slowest.is_some_and(|own| meters.latency.max() > own.at_most.as_nanos());
        let slow = is_slow.then(|| "expect.latency_max".to_owned());
        let strict = self.strict.iter().filter(|goal| bad_by_now(goal, world) > 0);
        let expected = beyond.map(|(name, _, _)| format!("expect.{name}"));
        expected.chain(slow).chain(strict.map(in_words)).collect()
    }

    /// What counts against the goals that allow a share, if that is more than the rest of the run
    /// makes up for: of documents that are on their way, each may be sent once by every port.
    fn against_by_now(&self, world: &World) -> Option<Vec<(f64, f64)>> {
        let places = self.scenario.send_ports.len() + self.scenario.orchestrations.len();
        let meters = world.meters();
        let rest = world.backlog() as f64 * places.max(1) as f64;
        let pairs = self.shares.iter().map(|goal| {
            let all = match goal {
                Goal::Late(_) => meters.latency.len() as f64 + rest,
                Goal::Suspended(_) => meters.received as f64 + rest,
                Goal::Backlog(_) | Goal::Throttled(_) => return (0.0, 1.0),
            };
            (bad_by_now(goal, world) as f64, all)
        });
        let pairs: Vec<(f64, f64)> = pairs.collect();
        let is_lost = |(goal, (bad, all)): (&Goal, &(f64, f64))| {
            *bad >= 2.0 * allowed(goal).unwrap_or(1.0) * all + EARLY_BAD
        };
        self.shares.iter().zip(&pairs).any(is_lost).then_some(pairs)
    }

    /// The share of the time that seems to be lacking, where so much waits that it does.
    fn lacking(&self, world: &World, is_open: bool, pace: &mut Pace) -> Option<f64> {
        let (now, left) = (world.now(), world.backlog().saturating_sub(self.unfinished));
        let done = world.meters().offered.saturating_sub(world.backlog());
        let seconds = now.since(pace.at).as_secs_f64();
        if seconds > 0.0 {
            pace.best = pace.best.max(done.saturating_sub(pace.done) as f64 / seconds);
            (pace.at, pace.done) = (now, done);
        }
        let drain = self.scenario.drain_at_most();
        if is_open || self.is_timed() || drain.is_zero() {
            return None;
        }
        let since = now.since(*pace.closed.get_or_insert(now));
        let time = world.ends_by().since(now.min(world.ends_by()));
        let more = pace.best * time.as_secs_f64();
        let is_told = since.as_secs_f64() >= PACE_MIN * drain.as_secs_f64() && pace.best > 0.0;
        (is_told && left as f64 > HOPELESS * more)
            .then(|| -(left as f64 - more) / (done as f64 + more).max(1.0))
    }

    /// Whether something is planned for an instant, or for hours of the day.
    pub(super) fn is_timed(&self) -> bool {
        !self.scenario.faults.is_empty() || !self.scenario.acts.is_empty()
    }

    /// The next look: so many until the loads should be over, and as many until the drain is.
    pub(super) fn next_look(&self, after: Instant, is_open: bool) -> Instant {
        let planned = self.planned();
        let (each, least) = if after < planned {
            (planned.since(Instant::ZERO), super::as_written::LOOK_MIN)
        } else if is_open {
            (self.scenario.drain_at_most(), super::as_written::LOOK_MIN)
        } else {
            (self.scenario.drain_at_most(), Duration::from_nanos(1))
        };
        let next =
            after + Duration::from_nanos(each.as_nanos() / super::as_written::LOOKS).max(least);
        if after < planned { next.min(planned) } else { next }
    }
}

/// What counts against a goal by now, and will to the end.
fn bad_by_now(goal: &Goal, world: &World) -> u64 {
    let meters = world.meters();
    match goal {
        Goal::Late(own) => {
            let latency = &meters.latency;
            latency.len() - latency.count_between(0, own.over.as_nanos())
        }
        Goal::Suspended(_) => meters.suspended,
        Goal::Backlog(own) if own.share <= 0.0 => u64::from(meters.backlog.max() > own.at_most),
        Goal::Backlog(_) | Goal::Throttled(_) => 0,
    }
}
