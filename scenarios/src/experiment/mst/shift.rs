//! How far the load that just meets a goal moves with each price and each knob.
//!
//! At that load one setting is turned a little, with the draws of the same seeds, and so is the
//! load itself. The share of the goal follows both; the load follows the setting by the ratio of
//! the two (the implicit function). Both are sums over the same seeds, so that leaving out one
//! seed at a time says how sure the ratio is (the jackknife). The load itself is only known to an
//! interval, and how far it moves depends on where it is: that goes into the interval too. What
//! moves the share too far for that, as a second place beside one does, has a load of its own,
//! which is looked for with the same draws.

use floodgate_engine::hash::mix;
use floodgate_engine::time::Duration;
use floodgate_reports::Elasticity;

use super::elasticity::worth_telling;
use super::goals::is_of_windows;
use super::pinned::seed_of;
use super::root::{Bound, Ran};
use super::turn::{Knob, knobs};
use super::{Search, unknown};
use crate::experiment::fuel::Fuel;
use crate::experiment::parallel::in_order;
use crate::experiment::scale::scaled;
use crate::experiment::sweep::Estimate;
use crate::plan::{Problems, Scenario};

/// Seeds of every setting, and of a search for a load that lies far away.
const SEEDS: usize = 12;
const FEW: usize = 4;
/// A setting is turned so far that the logarithm of the share moves by this, if the load follows it
/// one to one, but between so little and so much.
const SWING: f64 = 0.5;
const STEP_MIN: f64 = 0.001;
const STEP_MAX: f64 = 0.05;
/// How far it is turned for the first look, with one seed, and the elasticity below which it is
/// left out after it.
const FIRST_STEP: f64 = 0.05;
const MOVED_MIN: f64 = 0.01;
/// The logarithm of the share is straight for so much.
const NEAR: f64 = 1.0;
/// A load that lies further away, by this logarithm, is not looked for.
const FAR: f64 = 3.0;
/// From one load to the next while it is looked for, and the steps in between.
const STRIDE: f64 = 1.5;
const HALVINGS: usize = 12;
/// What counts against the goal in all runs as it is, at least.
const BAD_MIN: f64 = 20.0;
/// The first of their seeds; the ones before belong to other parts of the search.
const FIRST_RUN: u64 = 40_000;

/// What of each seed's run counts against the goal, and how much there was.
type Counts = Vec<(f64, f64)>;

/// A scenario at the load that meets the goal times `e` to this power.
type Place<'a> = (&'a Scenario, f64);

/// The logarithm of the share that counts against the goal, of all seeds but one.
fn share_log(counts: &[(f64, f64)], but: Option<usize>) -> f64 {
    let kept = counts.iter().enumerate().filter(|(at, _)| Some(*at) != but);
    let (bad, all) = kept.fold((0.0, 0.0), |sum, (_, one)| (sum.0 + one.0, sum.1 + one.1));
    libm::log(bad / all)
}

/// The same where there may be none at all, for looking around.
fn share_log_at_least(counts: &[(f64, f64)]) -> f64 {
    let (bad, all) = counts.iter().fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    libm::log((bad + 0.5) / all)
}

/// All seeds, and all but each of them.
fn leaving_out() -> impl Iterator<Item = Option<usize>> {
    std::iter::once(None).chain((0..SEEDS).map(Some))
}

/// How far the load that just meets the goal lies from what it was, as a logarithm.
struct Shift {
    /// With all seeds, and with all but each.
    by: Vec<f64>,
    /// By how much that changes where the load itself lies further up, both as logarithms.
    follows: f64,
}

impl Shift {
    /// What cannot be turned moves nothing.
    fn none() -> Self {
        Self { by: vec![0.0; SEEDS + 1], follows: 0.0 }
    }
}

struct Shifts<'s, 'a> {
    search: &'s mut Search<'a>,
    bound: &'s Bound,
    /// How far a setting and the load are turned.
    step: f64,
    /// As it is, and at a little less and a little more load.
    base: Counts,
    beside: [Counts; 2],
}

impl Search<'_> {
    /// How the load that just meets the goal follows what can be turned, the strongest first.
    pub(super) fn shifts(&mut self, bound: &Bound) -> Result<Vec<Elasticity>, Problems> {
        let step = (SWING / bound.slope).clamp(STEP_MIN, STEP_MAX);
        let (base, beside) = (Counts::new(), [Counts::new(), Counts::new()]);
        Shifts { search: self, bound, step, base, beside }.find()
    }
}

impl Shifts<'_, '_> {
    fn find(mut self) -> Result<Vec<Elasticity>, Problems> {
        let scenario = self.search.scenario;
        let half = self.step / 2.0;
        let places = [0.0, -half, half].map(|by| (scenario, by));
        let found = self.looks(&places, SEEDS)?;
        [self.base, self.beside[0], self.beside[1]] = found.try_into().expect("three were asked");
        let bad: f64 = self.base.iter().map(|one| one.0).sum();
        let rises = self.slope(None) > 0.0;
        if bad < BAD_MIN || !rises {
            self.note("too little counts against the goal to tell what it follows");
            return Ok(Vec::new());
        }
        let knobs = self.moving()?;
        let by = |knob: &Knob, factor: f64| knob.turned(scenario, factor);
        let turns: Vec<[Option<(Scenario, f64)>; 2]> = knobs
            .iter()
            .map(|knob| [by(knob, 1.0 + self.step), by(knob, 1.0 - self.step)])
            .collect();
        let places: Vec<Place<'_>> =
            turns.iter().flatten().flatten().map(|(scenario, _)| (scenario, 0.0)).collect();
        let mut looks = self.looks(&places, SEEDS)?.into_iter();
        let mut told = Vec::new();
        for (knob, turns) in knobs.iter().zip(&turns) {
            let mut ends = Vec::new();
            for turn in turns {
                ends.push(match turn {
                    Some((turned, by)) => {
                        let counts = looks.next().expect("every turn was looked at");
                        (self.shift(turned, libm::log(*by), &counts)?, *by)
                    }
                    None => (Some(Shift::none()), 1.0),
                });
            }
            let [(more, high), (less, low)] = &ends[..] else { unreachable!("two ends") };
            let found = match (more, less) {
                (Some(more), Some(less)) => estimate((more, *high), (less, *low), self.bound.half),
                _ => None,
            };
            match found {
                Some(found) => told.extend(worth_telling(&knob.key, found)),
                None => self.note(&format!(
                    "{}: turned, it leaves no load nearby that just meets the goal",
                    knob.key
                )),
            }
        }
        told.sort_by(|a, b| b.value.abs().total_cmp(&a.value.abs()));
        Ok(told)
    }

    fn note(&mut self, why: &str) {
        self.search.probes.push(unknown(self.bound.rate, why));
    }

    /// By how much the logarithm of the share rises with that of the load.
    fn slope(&self, but: Option<usize>) -> f64 {
        let [less, more] = [0, 1].map(|at| share_log(&self.beside[at], but));
        (more - less) / self.step
    }

    /// The knobs that move anything, by a look with one seed.
    fn moving(&mut self) -> Result<Vec<Knob>, Problems> {
        let scenario = self.search.scenario;
        let turned = |knob: Knob| {
            let up = knob.turned(scenario, 1.0 + FIRST_STEP);
            let (turned, by) = up.or_else(|| knob.turned(scenario, 1.0 - FIRST_STEP))?;
            Some((knob, turned, libm::log(by)))
        };
        let all: Vec<_> = knobs(scenario).into_iter().filter_map(turned).collect();
        let places: Vec<Place<'_>> = all.iter().map(|(_, turned, _)| (turned, 0.0)).collect();
        let looks = self.looks(&places, 1)?;
        let as_is = share_log_at_least(&self.base[..1]);
        let least = |by: f64| MOVED_MIN * by.abs() * self.slope(None);
        let moves =
            |by: f64, counts: &Counts| (share_log_at_least(counts) - as_is).abs() >= least(by);
        let kept = all.into_iter().zip(&looks).filter(|((_, _, by), counts)| moves(*by, counts));
        Ok(kept.map(|((knob, ..), _)| knob).collect())
    }

    /// How far that load lies from what it was. None where there is no such load nearby.
    fn shift(
        &mut self,
        turned: &Scenario,
        by: f64,
        counts: &Counts,
    ) -> Result<Option<Shift>, Problems> {
        let off = share_log(counts, None) - share_log(&self.base, None);
        let shift = if off.abs() <= NEAR {
            let one = |but| (share_log(&self.base, but) - share_log(counts, but)) / self.slope(but);
            let by: Vec<f64> = leaving_out().map(one).collect();
            // Both lines are as steep in the rate, so that they lie as far apart everywhere.
            let follows = libm::exp(-by[0]) - 1.0;
            Shift { by, follows }
        } else {
            let Some(around) = self.far(turned, by, counts)? else { return Ok(None) };
            let half = self.step / 2.0;
            let beside = self.looks(&[(turned, around - half), (turned, around + half)], SEEDS)?;
            let logs = |but| [0, 1].map(|at| share_log(&beside[at], but));
            let one = |but| {
                let [less, more] = logs(but);
                let off = share_log(&self.base, but) - f64::midpoint(less, more);
                around + off * self.step / (more - less)
            };
            let [less, more] = logs(None);
            let follows = self.slope(None) * self.step / (more - less) - 1.0;
            Shift { by: leaving_out().map(one).collect(), follows }
        };
        let is_known = shift.follows.is_finite() && shift.by.iter().all(|by| by.is_finite());
        Ok(is_known.then_some(shift))
    }

    /// About where that load lies, if it is far away: a few seeds look around.
    fn far(
        &mut self,
        turned: &Scenario,
        by: f64,
        counts: &Counts,
    ) -> Result<Option<f64>, Problems> {
        let as_is = share_log_at_least(&self.base[..FEW]);
        let mut from = (0.0, share_log_at_least(&counts[..FEW]) - as_is);
        let towards = if from.1 > 0.0 { -1.0 } else { 1.0 };
        let mut place = towards * by.abs().max(self.step);
        let mut to: Option<(f64, f64)> = None;
        for _ in 0..HALVINGS {
            let looks = self.looks(&[(turned, place)], FEW)?;
            let here = (place, share_log_at_least(&looks[0]) - as_is);
            if here.1.abs() <= NEAR / 2.0 {
                return Ok(Some(place));
            }
            if (here.1 > 0.0) == (from.1 > 0.0) {
                from = here;
            } else {
                to = Some(here);
            }
            place = match to {
                // The middle: the share of one of them may be next to nothing.
                Some(to) => f64::midpoint(from.0, to.0),
                None => place * STRIDE,
            };
            if place.abs() > FAR {
                return Ok(None);
            }
        }
        Ok(None)
    }

    /// Runs of so many seeds at every place.
    fn looks(&mut self, places: &[Place<'_>], seeds: usize) -> Result<Vec<Counts>, Problems> {
        let this = &*self.search;
        let all = in_order(places.len() * seeds, this.ask.threads, |at| {
            let (place, seed) = (places[at / seeds], (at % seeds) as u64);
            run(this, self.bound, place, seed)
        });
        let all = all.into_iter().collect::<Result<Vec<_>, _>>()?;
        for ran in &all {
            self.search.documents += ran.documents;
            self.search.broken |= ran.broken;
        }
        let counts: Counts = all.iter().map(|ran| ran.against).collect();
        Ok(counts.chunks(seeds).map(<[_]>::to_vec).collect())
    }
}

/// One run, or as many as the goal has windows.
fn run(
    search: &Search<'_>,
    bound: &Bound,
    (turned, place): Place<'_>,
    seed: u64,
) -> Result<Ran, Problems> {
    let seed = seed_of(search.scenario, FIRST_RUN + seed);
    let faster = libm::exp(place);
    let mut scenario = scaled(turned, bound.rate * faster / search.written);
    let (settled, lasts) = bound.spans;
    let is_fixed =
        is_of_windows(&bound.goal) || !search.period.at(bound.rate / search.written).is_zero();
    // The same arrivals, if nothing else says how long it takes.
    let scale = |span: Duration| match is_fixed {
        true => span,
        false => Duration::from_secs_f64(span.as_secs_f64() / faster),
    };
    for load in &mut scenario.loads {
        load.warm_up = scale(load.warm_up.max(settled));
    }
    let key = || format!("shifted {} {seed} {:?} {lasts}", scenario.hash(), bound.goal);
    search.journal.once(key, |fuel| {
        let one = |seed: u64, fuel: &mut Fuel<'_>| {
            let scenario = Scenario { seed, ..scenario.clone() };
            Ran::of(&bound.goal, scenario, scale(lasts), fuel)
        };
        let mut ran = one(seed, fuel)?;
        for more in 1..bound.windows {
            ran = ran.and(&one(mix(seed, more), fuel)?);
        }
        Ok(ran)
    })
}

/// The elasticity between two ends, each with its shifts and how far the setting was turned, where
/// half of the load's own interval is such a share of it.
fn estimate(
    (more, high): (&Shift, f64),
    (less, low): (&Shift, f64),
    half: f64,
) -> Option<Estimate> {
    let relative = |a: f64, b: f64| (a - b) / f64::midpoint(a, b);
    let one =
        |more: f64, less: f64| relative(libm::exp(more), libm::exp(less)) / relative(high, low);
    let all: Vec<f64> = more.by.iter().zip(&less.by).map(|(a, b)| one(*a, *b)).collect();
    let (with_all, but_one) = all.split_first()?;
    let count = but_one.len() as f64;
    let of = |but: &f64| count * with_all - (count - 1.0) * but;
    let found = Estimate::of(&but_one.iter().map(of).collect::<Vec<_>>())?;
    // The load was found by runs of its own, so that the two errors go together as squares do.
    let elsewhere = one(more.by[0] + more.follows * half, less.by[0] + less.follows * half);
    let own = f64::midpoint(found.high, -found.low);
    Some(found.widened(libm::hypot(own, elsewhere - with_all) - own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_that_of_a_ratio_of_sums() {
        // The load follows a setting that is turned from 0.9 to 1.1 one to one, whoever is left
        // out: then nothing is unsure.
        let ends = |by: f64| Shift { by: vec![libm::log(by); SEEDS + 1], follows: 0.0 };
        let (up, down) = (ends(1.1), ends(0.9));
        let found = estimate((&up, 1.1), (&down, 0.9), 0.05).unwrap();
        assert!((found.mean - 1.0).abs() < 1e-12 && found.high - found.low < 1e-9, "{found:?}");
        // Where a load that lies elsewhere by a hundredth moves a tenth of that less far, that much
        // is unsure.
        let follows = |by: f64, follows: f64| Shift { follows, ..ends(by) };
        let (up, down) = (follows(1.1, -0.01), follows(0.9, 0.01));
        let found = estimate((&up, 1.1), (&down, 0.9), 0.01).unwrap();
        let (below, above) = (found.mean - found.low, found.high - found.mean);
        assert!((below - 0.001).abs() < 2e-5 && (above - below).abs() < 1e-9, "{found:?}");
        // Shares that differ by seed: the mean of all, and Student's interval of the parts.
        let counts: Counts = (0..SEEDS).map(|at| (10.0 + at as f64, 1000.0)).collect();
        let logs: Vec<f64> = leaving_out().map(|but| share_log(&counts, but)).collect();
        assert!((libm::exp(logs[0]) - 0.0155).abs() < 1e-12, "{logs:?}");
        assert!((libm::exp(logs[1]) - 0.016).abs() < 1e-12, "{logs:?}");
    }
}
