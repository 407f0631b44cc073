//! Elasticities: how the capacity follows each price and each knob.
//!
//! The plant is full, and one setting is turned a little up and a little down, with the draws of
//! the same seed: what both have in common they get alike, so that small differences show. A first
//! look with one seed leaves out what moves nothing; the rest have an interval over several seeds,
//! and one that includes zero is not distinguishable from nothing.

use floodgate_engine::time::Duration;
use floodgate_reports::Elasticity;

use super::capacity::Capacity;
use super::journal::Journal;
use super::pinned::{Held, seed_of};
use super::turn::{Knob, knobs};
use crate::experiment::parallel::in_order;
use crate::experiment::sweep::Estimate;
use crate::plan::{Problems, Scenario};

/// How far a setting is turned for the first look, and for the others.
const FIRST_STEP: f64 = 0.1;
const STEP: f64 = 0.05;
/// Seeds of those that moved something.
const SEEDS: u64 = 6;
/// What moved the capacity by less than this share is left out after the first look.
const MOVED_MIN: f64 = 0.004;
/// Less than this is not worth telling, however sure it is.
const TOLD_MIN: f64 = 0.02;
/// Documents of a look.
const DOCUMENTS: f64 = 10_000.0;
/// The first of their seeds; the ones before belong to other parts of the search.
const FIRST_RUN: u64 = 600;

/// One run of a plant with a setting turned: its throughput and the documents it took.
type Ran = Result<(f64, u64), Problems>;

struct Looks<'a> {
    held: &'a Held<'a>,
    /// Backlog, warm-up and window.
    plant: (u64, Duration, Duration),
}

impl Looks<'_> {
    fn run(&self, scenario: &Scenario, seed: u64) -> Ran {
        let (backlog, warm_up, lasts) = self.plant;
        let seed = seed_of(self.held.scenario, FIRST_RUN + seed);
        let key = || format!("turned {} {backlog} {seed} {warm_up} {lasts}", scenario.hash());
        self.held.journal.once(key, |fuel| {
            let alone = Journal::default();
            let held = Held::of(scenario, &alone)?;
            let stretch = held.stretched(backlog, seed, (warm_up, lasts), fuel)?;
            Ok((stretch.rate, stretch.documents))
        })
    }

    /// How the throughput follows the setting between two turns of it, in per cent for a per cent.
    fn slope(&self, knob: &Knob, seed: u64, step: f64) -> Result<(Option<f64>, u64), Problems> {
        let up = knob.turned(self.held.scenario, 1.0 + step);
        let down = knob.turned(self.held.scenario, 1.0 - step);
        let as_is = || (self.held.scenario.clone(), 1.0);
        let ((more, high), (less, low)) = match (up, down) {
            (None, None) => return Ok((None, 0)),
            (up, down) => (up.unwrap_or_else(as_is), down.unwrap_or_else(as_is)),
        };
        let (a, b) = (self.run(&more, seed)?, self.run(&less, seed)?);
        let relative = |a: f64, b: f64| (a - b) / f64::midpoint(a, b);
        let slope = relative(a.0, b.0) / relative(high, low);
        Ok((slope.is_finite().then_some(slope), a.1 + b.1))
    }
}

/// The elasticities that are not zero, the strongest first, and the documents that they took.
pub(super) fn elasticities(
    held: &Held<'_>,
    capacity: &Capacity,
    threads: usize,
) -> Result<(Vec<Elasticity>, u64), Problems> {
    let rate = capacity.mean.value;
    let lasts = Duration::from_secs_f64(DOCUMENTS / rate);
    let plant = (capacity.backlog, capacity.spans.0, lasts);
    let looks = Looks { held, plant };
    let scenario = held.scenario;
    let knobs = knobs(scenario);
    let first = in_order(knobs.len() + 1, threads, |at| match at.checked_sub(1) {
        None => looks.run(scenario, 0).map(|(rate, documents)| (Some(rate), documents)),
        Some(at) => match knobs[at].turned(scenario, 1.0 + FIRST_STEP) {
            Some((more, _)) => looks.run(&more, 0).map(|(rate, documents)| (Some(rate), documents)),
            None => Ok((None, 0)),
        },
    });
    let first = first.into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut documents = first.iter().map(|look| look.1).sum::<u64>();
    let base = first[0].0.unwrap_or(rate);
    let moved = |at: &usize| match first[at + 1].0 {
        Some(rate) => (rate / base - 1.0).abs() >= MOVED_MIN,
        // What cannot be turned up can be turned down.
        None => true,
    };
    let kept: Vec<usize> = (0..knobs.len()).filter(moved).collect();
    let count = kept.len() * SEEDS as usize;
    let slopes = in_order(count, threads, |at| {
        let (knob, seed) = (&knobs[kept[at / SEEDS as usize]], at as u64 % SEEDS);
        looks.slope(knob, seed + 1, STEP)
    });
    let slopes = slopes.into_iter().collect::<Result<Vec<_>, _>>()?;
    documents += slopes.iter().map(|look| look.1).sum::<u64>();
    let mut told = Vec::new();
    for (of, at) in slopes.chunks(SEEDS as usize).zip(&kept) {
        let values: Option<Vec<f64>> = of.iter().map(|look| look.0).collect();
        let Some(found) = values.and_then(|values| Estimate::of(&values)) else { continue };
        told.extend(worth_telling(&knobs[*at].key, found));
    }
    told.sort_by(|a, b| b.value.abs().total_cmp(&a.value.abs()));
    Ok((told, documents))
}

/// An elasticity, unless it is next to nothing for sure. One whose interval has zero inside is told
/// as what it is: not distinguishable.
pub(super) fn worth_telling(knob: &str, found: Estimate) -> Option<Elasticity> {
    let is_little = |value: f64| value.abs() < TOLD_MIN;
    let least = if found.is_nonzero() {
        is_little(found.mean)
    } else {
        found.ends().into_iter().all(is_little)
    };
    let told =
        Elasticity { knob: knob.to_owned(), value: found.mean, interval: Some(found.ends()) };
    (!least).then_some(told)
}
