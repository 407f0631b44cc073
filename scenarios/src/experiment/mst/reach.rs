//! How far a goal is met: the place where a share is about what the goal allows, or none below the
//! capacity.
//!
//! Near the capacity a queue forgets slowly, and a run from an empty start that is shorter than
//! that sees nothing late. So every look lasts for several of the times in which the queue forgets
//! at its load. Where that would be very long a goal of waiting is asked for less load and, by as
//! much as the distance to the capacity is greater, for less waiting: in heavy traffic a backlog
//! grows as that distance shrinks.

use floodgate_engine::time::Duration;
use floodgate_reports::{MstVerdict, Probe};

use super::confirm::GOAL_REPLICATIONS;
use super::goals::{in_words, is_of_windows};
use super::horizon::RELAXATIONS;
use super::late::Seen;
use super::root::Looking;
use super::unknown;
use crate::plan::Problems;
use crate::plan::goal::{Backlog, Goal, Late};

/// Halvings of what is left to the capacity, at most, and of the load itself.
const HALVINGS: i32 = 10;
/// The halving from which on traffic is heavy.
const HEAVY: i32 = 4;
/// The share that is asked of a goal with less waiting, of what is allowed.
const SURE: f64 = 0.5;
/// Documents of a run that is made at the capacity first.
const CHEAP: f64 = 200_000.0;
/// Virtual seconds of a run that only brackets, at least.
const SECONDS_FIRST: f64 = 20.0;
/// Windows of a run that only brackets.
const WINDOWS_FIRST: f64 = 10.0;
/// Runs at one load.
const BOTH: usize = 2;
/// Two runs with so many times what is allowed miss a goal, whatever others say.
const MISSED: f64 = 2.0;

/// How far a goal is met.
pub(super) enum Reach {
    /// About here it is just met.
    Around(f64),
    /// It is met up to this load, and how that is known.
    Met(f64, String),
    /// It is missed however little there is to do: down to this load, where so large a share is
    /// against it.
    Hopeless(f64, f64),
}

/// A goal with so many times less waiting; none where it is no goal of waiting.
fn with_less_waiting(goal: &Goal, times: f64) -> Option<Goal> {
    match goal {
        Goal::Late(own) => {
            let over = Duration::from_secs_f64(own.over.as_secs_f64() / times);
            Some(Goal::Late(Late { over, at_most: own.at_most }))
        }
        Goal::Backlog(own) if own.share > 0.0 => {
            let at_most = (own.at_most as f64 / times) as u64;
            Some(Goal::Backlog(Backlog { at_most, share: own.share }))
        }
        Goal::Backlog(_) | Goal::Suspended(_) | Goal::Throttled(_) => None,
    }
}

impl Looking<'_, '_> {
    /// How far the goal is met below the capacity.
    pub(super) fn reach(&mut self) -> Result<Reach, Problems> {
        // No closer to the capacity than that is known.
        let capacity = self.capacity;
        let last = self.low.min(capacity * (1.0 - self.search.ask.precision / 2.0));
        let cost = self.search.glance(last) * last;
        let is_cheap = cost <= CHEAP && !is_of_windows(&self.goal);
        if is_cheap && self.is_met_at(last)? {
            return Ok(Reach::Met(last, self.by_runs(last)));
        }
        let mut met = 0.0;
        let mut missed = is_cheap.then_some(last);
        for k in 1..=HALVINGS {
            let rate = capacity * (1.0 - 0.5_f64.powi(k));
            if rate >= last {
                break;
            }
            if self.share(rate, BOTH)? > self.at_most {
                missed = Some(rate);
                break;
            }
            met = rate;
            if k == HEAVY && self.is_far_from_missed(rate, last)? {
                let why = format!(
                    "by what waits at {rate:.1}/s, in runs of {RELAXATIONS} relaxation times, {:.1} s \
                     each",
                    self.search.relaxation(rate)
                );
                return Ok(Reach::Met(last, why));
            }
        }
        let mut high = match missed {
            Some(high) => high,
            None if self.is_met_at(last)? => return Ok(Reach::Met(last, self.by_runs(last))),
            None => last,
        };
        let mut low = met;
        let mut halvings = 0;
        while low <= 0.0 {
            let rate = high / 2.0;
            let share = self.share(rate, BOTH)?;
            if share <= self.at_most {
                low = rate;
            } else if halvings == HALVINGS {
                // What is late there is not late by the queue alone.
                return Ok(Reach::Hopeless(rate, share));
            } else {
                high = rate;
            }
            halvings += 1;
        }
        for _ in 0..2 {
            let rate = f64::midpoint(low, high);
            if self.share(rate, BOTH)? > self.at_most { high = rate } else { low = rate }
        }
        Ok(Reach::Around(f64::midpoint(low, high)))
    }

    /// Whether the goal is met at `rate`, as far as so many runs can say. Where two of them miss it
    /// by far, the others are spared.
    fn is_met_at(&mut self, rate: f64) -> Result<bool, Problems> {
        let seconds = self.search.glance(rate);
        let first = self.seen(rate, BOTH, seconds)?;
        if share_of(&first) > MISSED * self.at_most {
            return Ok(false);
        }
        let more = self.seen(rate, GOAL_REPLICATIONS - BOTH, seconds)?;
        Ok(share_of(&[first, more].concat()) <= self.at_most)
    }

    /// Whether so much less waiting than is allowed is kept at `rate` that the goal is kept up to
    /// `last`, where as much more waits as the capacity is nearer.
    fn is_far_from_missed(&mut self, rate: f64, last: f64) -> Result<bool, Problems> {
        let times = (self.capacity - rate) / (self.capacity - last);
        let Some(goal) = with_less_waiting(&self.goal, times) else { return Ok(false) };
        let goal = std::mem::replace(&mut self.goal, goal);
        let is_met = self.is_met_surely(rate);
        self.goal = goal;
        is_met
    }

    /// Whether runs at `rate` that are long enough to tell it have no more than half of what is
    /// allowed; first comes a glance, which may spare them.
    fn is_met_surely(&mut self, rate: f64) -> Result<bool, Problems> {
        for seconds in [self.search.glance(rate), self.search.horizon(rate)] {
            if share_of(&self.seen(rate, BOTH, seconds)?) > SURE * self.at_most {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// How it is known by runs at `rate`.
    fn by_runs(&self, rate: f64) -> String {
        if is_of_windows(&self.goal) {
            return "by runs there".to_owned();
        }
        let seconds = self.search.glance(rate).max(SECONDS_FIRST);
        format!(
            "by {GOAL_REPLICATIONS} runs there of {seconds:.0} s, {:.0} relaxation times in all",
            seconds * GOAL_REPLICATIONS as f64 / self.search.relaxation(rate)
        )
    }

    /// The share that counts against the goal at `rate`, of all runs together.
    fn share(&mut self, rate: f64, runs: usize) -> Result<f64, Problems> {
        Ok(share_of(&self.seen(rate, runs, self.search.glance(rate))?))
    }

    /// What so many runs at `rate` see, of so many seconds each, at least.
    fn seen(&mut self, rate: f64, runs: usize, seconds: f64) -> Result<Vec<Seen>, Problems> {
        let windows = self.window(rate).as_secs_f64() * WINDOWS_FIRST;
        // A window begins empty, whatever was before.
        let enough = if is_of_windows(&self.goal) { windows } else { seconds };
        self.runs(&vec![(rate, enough.max(SECONDS_FIRST).max(windows)); runs])
    }

    /// Notes that the goal is missed down to `rate`, where `share` is against it.
    pub(super) fn hopeless(&mut self, rate: f64, share: f64) {
        let evidence = format!(
            "{}: missed at every load that was tried, down to {:.3}/s, where {:.3} % is \
             against it",
            in_words(&self.goal),
            rate,
            100.0 * share
        );
        let verdict = MstVerdict::Unsustainable;
        self.search.probes.push(Probe { verdict, ..unknown(rate, &evidence) });
    }

    /// Notes that the goal is met up to `rate`.
    pub(super) fn met(&mut self, rate: f64, why: &str) {
        let evidence =
            format!("{}: met up to {rate:.1}/s, {why}: not binding", in_words(&self.goal));
        self.search.probes.push(Probe {
            rate,
            seconds: 0.0,
            seeds: Vec::new(),
            verdict: MstVerdict::Sustainable,
            evidence,
        });
    }
}

/// The share that counts against a goal, of all runs together.
fn share_of(seen: &[Seen]) -> f64 {
    let bad: f64 = seen.iter().map(|one| one.late).sum();
    bad / seen.iter().map(|one| one.samples).sum::<f64>()
}
