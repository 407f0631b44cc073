//! Whether tracking keeps up with what the documents could do.
//!
//! Nothing holds a document back because its tracking data is late: what waits to be moved, copied
//! or deleted grows beside the plant. And the tables grow, too, until what they hold is as old as
//! it may get; only from then on a disk writes and deletes at the same time. So a load is run for
//! as long as anything is kept, and then for as long as the job that deletes needs to be late by
//! what may be mistaken; it is judged by the published criteria, like `expect.tracking`. What is
//! found holds for tables that hold all that they ever will.

use floodgate_engine::time::Duration;
use floodgate_reports::{Limit, MstRecord, MstVerdict, Probe};

use serde::{Deserialize, Serialize};

use super::bracket::{BRACKET_SHARE, STEPS_MAX};
use super::limit::busiest;
use super::pinned::seed_of;
use super::pooled::HOPELESS;
use super::{Ask, Search, unknown};
use crate::experiment::fuel::Fuel;
use crate::experiment::parallel::in_order;
use crate::experiment::run::outcome_on;
use crate::experiment::tracking::{GROWTH_MAX, LATE_MAX, judge};
use crate::plan::expect::Expect;
use crate::plan::load::Load;
use crate::plan::rate::Rate;
use crate::plan::tracking::Tracking;
use crate::plan::{Problems, Scenario};
use crate::setup::setup;

/// What binds where tracking stops a plant before its documents do.
const KEEPS_UP: &str = "tracking keeps up";
/// Runs with seeds of their own at every rate.
const RUNS: usize = 2;
/// The share of what may be mistaken by which what waits may grow; the rest is for lateness.
const GROWTH_SHARE: f64 = 0.25;
/// Standard deviations of what comes by chance that what may be mistaken is worth at least.
const DEVIATIONS: f64 = 2.0;
/// The first of their seeds; the ones before belong to other parts of the search.
const FIRST_RUN: u64 = 50_000;

/// How long a run is: until the tables hold all they ever will, and then until a job that cannot
/// keep up is late.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tracked {
    keep: Duration,
    period: Duration,
    full: Duration,
    /// What a load that is too high by what may be mistaken needs to show it.
    late: Duration,
    /// Documents after which chance is less than what may be mistaken.
    documents: f64,
    /// The share of a load by which a run may mistake what tracking takes.
    blur: f64,
    seconds_max: f64,
}

/// What is kept of a run.
#[derive(Deserialize, Serialize)]
struct Ran {
    keeps_up: Option<bool>,
    detail: String,
    documents: u64,
    broken: bool,
    busiest: [Option<Limit>; 2],
}

/// The interval of the load with which tracking keeps up, and what is busy there.
struct KeptUp {
    interval: (f64, f64),
    busiest: [Option<Limit>; 2],
}

/// The loads at which every run keeps up, those at which runs are of two minds, and those at which
/// none does.
#[derive(Debug, PartialEq)]
struct Zone {
    passes: Option<f64>,
    split: Option<(f64, f64)>,
    fails: f64,
}

impl Zone {
    /// Runs at a rate. What contradicts other rates is of two minds, too.
    fn add(&mut self, rate: f64, keep_up: &[bool]) {
        let (from, to) = self.split.unwrap_or((rate, rate));
        let beside = self.split.is_none();
        if keep_up.iter().all(|one| *one) && (beside || rate < from) {
            self.passes = Some(rate);
        } else if keep_up.iter().all(|one| !one) && (beside || rate > to) {
            self.fails = rate;
        } else {
            self.split = Some((from.min(rate), to.max(rate)));
        }
    }

    /// The rate that says most, until both ends are as close as asked, or what lies between them
    /// is of two minds.
    fn next(&self, width: f64) -> Option<f64> {
        let (from, to) = self.split.unwrap_or((self.fails, self.fails));
        let Some(passes) = self.passes else { return Some(from / 2.0) };
        let (below, above) = (from / passes, self.fails / to);
        let is_done = self.fails <= passes * (1.0 + width);
        let is_split = self.split.is_some() && below.max(above) <= 1.0 + width / 4.0;
        if is_done || is_split {
            None
        } else if below >= above {
            Some((passes * from).sqrt())
        } else {
            Some((to * self.fails).sqrt())
        }
    }
}

/// What could be said of tracking.
enum Beside {
    /// It keeps up with all that the documents can do.
    NoLimit,
    /// It does so up to a lower load.
    Limit(Box<KeptUp>),
    /// With no load, or nobody can tell.
    None(MstVerdict),
}

impl Tracked {
    /// Of a scenario whose tracking has a price, for a search that may mistake so much.
    ///
    /// # Errors
    ///
    /// Tables that grow for ever, and a run that would take longer than a probe may.
    pub(super) fn of(scenario: &Scenario, ask: &Ask, blur: f64) -> Result<Option<Self>, Problems> {
        let Some(own) = scenario.tracking.as_ref().filter(|_| has_prices(scenario)) else {
            return Ok(None);
        };
        if !scenario.message_boxes.iter().all(|own| own.jobs) {
            let message = "the jobs do not run, so that the tracking database grows for ever: no \
                           load goes on for ever";
            let help = "let them run (message_box 'jobs'), or leave 'track' out";
            return Err(Problems::one(message.to_owned(), Some(help.to_owned())));
        }
        let period = period(own);
        // What an overload leaves behind before a run fails: deleting begins up to a run of the job
        // late and may then be late by so many, and what waits may grow by a copy.
        let lates = own.purge.times(LATE_MAX + 1) + own.copy;
        let is_drawn = |load: &Load| !matches!(load.rate, Rate::Constant(_) | Rate::Lots(_));
        let documents = match scenario.loads.iter().any(is_drawn) {
            true => (DEVIATIONS / blur) * (DEVIATIONS / blur),
            false => 0.0,
        };
        let keep = own.keep.min(own.keep_at_most);
        let tracked = Self {
            keep,
            period,
            full: whole(keep + period, period),
            late: Duration::from_secs_f64(lates.as_secs_f64() / (blur * (1.0 - GROWTH_SHARE))),
            documents,
            blur,
            seconds_max: ask.seconds_max,
        };
        let seconds = (tracked.full + whole(tracked.late, period)).as_secs_f64();
        if seconds > ask.seconds_max {
            let message = format!(
                "whether tracking keeps up is seen when all of {keep} is kept and deleting is \
                 late by what may be mistaken: that takes {seconds:.0} s, longer than a probe"
            );
            let help = format!("raise --max-seconds to {seconds:.0}, or leave 'track' out");
            return Err(Problems::one(message, Some(help)));
        }
        Ok(Some(tracked))
    }

    /// How long what is judged of a run is, at so many documents a second, if it may be so long.
    fn lasts(&self, rate: f64) -> Option<Duration> {
        let seconds = self.late.as_secs_f64().max(self.documents / rate);
        let fits = self.full.as_secs_f64() + seconds <= self.seconds_max;
        fits.then(|| whole(Duration::from_secs_f64(seconds), self.period))
    }
}

/// The next whole multiple of a period, and one more.
fn whole(span: Duration, period: Duration) -> Duration {
    period.times(span.as_nanos().div_ceil(period.as_nanos()) + 1)
}

/// What repeats: the job that copies and the one that deletes, if one period holds the other's.
fn period(own: &Tracking) -> Duration {
    own.copy.max(own.purge).max(Duration::from_secs(1))
}

/// Whether what is tracked could be more than the tracking database takes.
fn has_prices(scenario: &Scenario) -> bool {
    let costs = &scenario.costs;
    let prices = [
        costs.track_work_row,
        costs.track_sql_row,
        costs.track_data_row,
        costs.track_data_cold_row,
        costs.track_data_body,
        costs.track_data_kb,
    ];
    prices.iter().any(|price| !price.is_zero())
}

impl Search<'_> {
    /// Whether tracking stops a plant whose documents can do what lies between these two, and then
    /// the whole answer (R-GC-05).
    pub(super) fn is_tracking_late(
        &mut self,
        (low, high): (f64, f64),
        record: &mut MstRecord,
    ) -> Result<bool, Problems> {
        match self.beside(low)? {
            Beside::NoLimit => return Ok(false),
            Beside::None(verdict) => (record.goal, record.verdict) = (KEEPS_UP.to_owned(), verdict),
            Beside::Limit(own) => {
                record.goal = KEEPS_UP.to_owned();
                self.confirm((own.interval.0, own.interval.1.min(high)), None, record)?;
                if record.goal == KEEPS_UP {
                    [record.limit, record.next_limit] = own.busiest;
                }
            }
        }
        Ok(true)
    }

    /// What tracking says of a plant whose documents can do `low`.
    fn beside(&mut self, low: f64) -> Result<Beside, Problems> {
        let Some(tracked) = self.tracked else { return Ok(Beside::NoLimit) };
        let mut zone = Zone { passes: None, split: None, fails: low };
        let mut at_low_end = [None, None];
        let mut rate = low;
        for _ in 0..STEPS_MAX {
            let Some(ran) = self.tracks(tracked, rate)? else {
                return Ok(Beside::None(MstVerdict::Undecided));
            };
            let known: Option<Vec<bool>> = ran.iter().map(|one| one.keeps_up).collect();
            let Some(known) = known else { return Ok(Beside::None(MstVerdict::Undecided)) };
            if rate >= low && known.iter().all(|keeps_up| *keeps_up) {
                return Ok(Beside::NoLimit);
            }
            zone.add(rate, &known);
            if zone.passes.is_some_and(|passes| passes >= rate) {
                at_low_end = ran.into_iter().next().map(|one| one.busiest).unwrap_or_default();
            }
            rate = match zone.next(self.ask.precision * BRACKET_SHARE) {
                None => break,
                Some(next) if next < low / HOPELESS => break,
                // What the scenario says is a guess.
                Some(_) if rate >= low && self.written < low => self.written,
                Some(next) => next,
            };
        }
        let Some(passes) = zone.passes else {
            return Ok(Beside::None(MstVerdict::Unsustainable));
        };
        let interval = (passes * (1.0 - tracked.blur), zone.fails * (1.0 + tracked.blur));
        Ok(Beside::Limit(Box::new(KeptUp { interval, busiest: at_low_end })))
    }

    /// Runs at a rate, judged and noted; `None` where they would be too long.
    fn tracks(&mut self, tracked: Tracked, rate: f64) -> Result<Option<Vec<Ran>>, Problems> {
        let Some(lasts) = tracked.lasts(rate) else {
            let why = "whether tracking keeps up takes longer to see than a probe may last";
            self.probes.push(unknown(rate, why));
            return Ok(None);
        };
        let seed = |at: usize| seed_of(self.scenario, FIRST_RUN + at as u64);
        let ran = in_order(RUNS, self.ask.threads, |at| {
            let key = || format!("tracked {rate} {at} {lasts:?} {tracked:?}");
            let run = |fuel: &mut Fuel<'_>| self.track((tracked, lasts), rate, seed(at), fuel);
            self.journal.once(key, run)
        });
        let ran = ran.into_iter().collect::<Result<Vec<_>, _>>()?;
        let seeds: Vec<u64> = (0..RUNS).map(seed).collect();
        for (one, seed) in ran.iter().zip(seeds) {
            self.documents += one.documents;
            self.broken |= one.broken;
            self.probes.push(Probe {
                rate,
                seconds: (tracked.full + lasts).as_secs_f64(),
                seeds: vec![seed],
                verdict: match one.keeps_up {
                    _ if one.broken => MstVerdict::Broken,
                    Some(true) => MstVerdict::Sustainable,
                    Some(false) => MstVerdict::Unsustainable,
                    None => MstVerdict::Undecided,
                },
                evidence: format!("with all that {} leave: {}", tracked.keep, one.detail),
            });
        }
        Ok(Some(ran))
    }

    fn track(
        &self,
        (tracked, lasts): (Tracked, Duration),
        rate: f64,
        seed: u64,
        fuel: &mut Fuel<'_>,
    ) -> Result<Ran, Problems> {
        let mut scenario = self.scaled(rate);
        (scenario.seed, scenario.expect) = (seed, Expect::default());
        for load in &mut scenario.loads {
            (load.count, load.measure) = (None, Some(lasts));
            load.warm_up = load.warm_up.max(tracked.full);
        }
        scenario.drain = Duration::ZERO;
        scenario.sample = lasts;
        let outcome = outcome_on(&setup(&scenario, 0)?, fuel)?;
        let (keeps_up, detail) =
            judge(&scenario, &outcome, GROWTH_MAX.min(tracked.blur * GROWTH_SHARE));
        Ok(Ran {
            keeps_up,
            detail,
            documents: outcome.meters.received,
            broken: !outcome.violations.is_empty(),
            busiest: busiest(&outcome.resources),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The zone that is found where runs keep up below the first rate and fail above the second.
    fn found((from, to): (f64, f64), width: f64) -> (Zone, u32) {
        let mut zone = Zone { passes: None, split: None, fails: 100.0 };
        let (mut rate, mut steps) = (100.0, 0);
        loop {
            zone.add(rate, &[rate < from, rate < to]);
            steps += 1;
            match zone.next(width) {
                Some(next) => rate = next,
                None => return (zone, steps),
            }
        }
    }

    #[test]
    fn both_ends_close_in_and_runs_of_two_minds_lie_between() {
        let (zone, steps) = found((13.9, 13.9), 0.01);
        let passes = zone.passes.unwrap();
        assert!(passes < 13.9 && zone.fails >= 13.9 && zone.fails <= 1.01 * passes, "{zone:?}");
        assert!(zone.split.is_none() && steps < 14, "{zone:?} {steps}");
        // A tenth of the rates can be told by nobody: then its two ends are known.
        let (zone, steps) = found((13.0, 14.3), 0.01);
        assert!(zone.passes.unwrap() < 13.0 && zone.passes.unwrap() > 12.95, "{zone:?}");
        assert!(zone.fails >= 14.3 && zone.fails < 14.36 && steps < 24, "{zone:?} {steps}");
    }

    #[test]
    fn what_contradicts_lies_between_too() {
        let mut zone = Zone { passes: Some(10.0), split: Some((12.0, 12.0)), fails: 14.0 };
        zone.add(13.0, &[true, true]);
        zone.add(11.0, &[true, true]);
        zone.add(11.5, &[false, false]);
        assert_eq!(zone, Zone { passes: Some(11.0), split: Some((11.5, 13.0)), fails: 14.0 });
        zone.add(13.5, &[false, false]);
        assert_eq!(zone, Zone { passes: Some(11.0), split: Some((11.5, 13.0)), fails: 13.5 });
    }
}
