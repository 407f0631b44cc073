//! Elasticities: how the capacity follows each price and each knob.
//!
//! The plant is full, and one setting is turned a little up and a little down, with the draws of
//! the same seed: what both have in common they get alike, so that small differences show. A first
//! look with one seed leaves out what moves nothing; the rest have an interval over several seeds,
//! and one that includes zero is not distinguishable from nothing. Seeds do not tell everything: a
//! window cuts what leaves as a whole, documents that gather somewhere are missing in what comes
//! out, and where another resource is nearly as busy, more of a setting does not move what less of
//! it does. All of that is in the interval, and of the last both sides are told.

use floodgate_engine::time::Duration;
use floodgate_reports::Elasticity;

use super::capacity::{Capacity, gathering};
use super::journal::Journal;
use super::pinned::{Held, Stretch, seed_of};
use super::stein::mean;
use super::turn::{Knob, knobs};
use crate::experiment::drift::edge;
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

/// The golden section: windows begin at instants that no period of the plant falls in with.
const GOLDEN: f64 = 0.618_033_988_749_894_9;

struct Looks<'a> {
    held: &'a Held<'a>,
    /// Backlog, warm-up and window.
    plant: (u64, Duration, Duration),
    /// How long it takes until as much leaves as may leave as a whole.
    cut: Duration,
}

/// What one setting does, more of it or less: what came out in the runs of every seed, and how much
/// there was of it.
struct Turned {
    rates: Vec<f64>,
    factor: f64,
    /// Documents that gather somewhere in the plant, for each that comes out.
    gathers: f64,
}

impl Looks<'_> {
    fn run(&self, scenario: &Scenario, seed: u64) -> Result<Stretch, Problems> {
        let (backlog, warm_up, lasts) = self.plant;
        let later = (seed as f64 * GOLDEN).fract() * 2.0 * self.cut.as_secs_f64();
        let warm_up = warm_up + Duration::from_secs_f64(later);
        let seed = seed_of(self.held.scenario, FIRST_RUN + seed);
        let key = || format!("turned to {} {backlog} {seed} {warm_up} {lasts}", scenario.hash());
        self.held.journal.once(key, |fuel| {
            let alone = Journal::default();
            let held = Held::of(scenario, &alone)?;
            held.stretched(backlog, seed, (warm_up, lasts), fuel)
        })
    }

    /// What a window may cut, as a share of all that leaves in it.
    fn cut(&self) -> f64 {
        self.cut.as_secs_f64() / self.plant.2.as_secs_f64()
    }
}

/// What may be missing in what comes out, as a share of it.
#[derive(Clone, Copy)]
struct Missing {
    /// What windows cut.
    cut: f64,
    /// By so much the capacity itself may be something else, and with it where another limit lies.
    known: f64,
}

/// The elasticity between more and less of a setting, of which one may be the setting as it is;
/// and upwards and downwards, where another limit takes over within what it was turned by.
fn elasticity(
    as_is: &Turned,
    ends: [Option<&Turned>; 2],
    missing: Missing,
) -> Option<(Estimate, Option<[f64; 2]>)> {
    let [more, less] = ends.map(|end| end.unwrap_or(as_is));
    let own = Estimate::of(&more.slopes(less)?)?;
    let both = more.slopes(as_is).zip(as_is.slopes(less));
    let bent = both.and_then(|(up, down)| bent(own, &up, &down));
    let gathers = match bent {
        // From where it is to either end it is half as far.
        Some(_) => 2.0 * (as_is.gathers + more.gathers.max(less.gathers) + missing.known),
        None => more.gathers + less.gathers,
    };
    // Windows begin anywhere, so that what they cut is less the more there are.
    let cut = 2.0 * missing.cut / more.rates.len() as f64;
    let errors = (cut + gathers) / relative(more.factor, less.factor).abs();
    let (found, sides) = bent.map_or((own, None), |(found, sides)| (found, Some(sides)));
    Some((found.widened(errors), sides))
}

impl Turned {
    fn of(runs: &[Stretch], factor: f64) -> Self {
        let rates: Vec<f64> = runs.iter().map(|run| run.rate).collect();
        let gathers = gathering(runs) / mean(&rates);
        Self { rates, factor, gathers }
    }

    /// How the throughput follows the setting from there to here, of each seed.
    fn slopes(&self, from: &Self) -> Option<Vec<f64>> {
        let by = relative(self.factor, from.factor);
        let both = self.rates.iter().zip(&from.rates);
        let slopes: Vec<f64> = both.map(|(here, there)| relative(*here, *there) / by).collect();
        slopes.iter().all(|slope| slope.is_finite()).then_some(slopes)
    }
}

/// By how much the one is more than the other, for what lies between them.
fn relative(a: f64, b: f64) -> f64 {
    (a - b) / f64::midpoint(a, b)
}

/// What holds both the elasticity upwards and the one downwards, and the two, if they are sure to
/// differ by what is worth telling.
fn bent(own: Estimate, up: &[f64], down: &[f64]) -> Option<(Estimate, [f64; 2])> {
    let differences: Vec<f64> = up.iter().zip(down).map(|(up, down)| up - down).collect();
    let [differ, up, down] = [&differences[..], up, down].map(Estimate::of);
    let (differ, up, down) = (differ?, up?, down?);
    let is_bent = differ.is_nonzero() && differ.mean.abs() >= TOLD_MIN;
    let low = own.low.min(up.low).min(down.low);
    let high = own.high.max(up.high).max(down.high);
    is_bent.then_some((Estimate { low, high, ..own }, [up.mean, down.mean]))
}

/// The elasticities that are not zero, the strongest first, and the documents that they took.
pub(super) fn elasticities(
    held: &Held<'_>,
    capacity: &Capacity,
    threads: usize,
) -> Result<(Vec<Elasticity>, u64), Problems> {
    let rate = capacity.mean.value;
    let spans = |documents: f64| Duration::from_secs_f64(documents / rate);
    let plant = (capacity.backlog, capacity.spans.0, spans(DOCUMENTS));
    let scenario = held.scenario;
    let looks = Looks { held, plant, cut: spans(edge(scenario)) };
    let knobs = knobs(scenario);
    let first = in_order(knobs.len() + 1, threads, |at| match at.checked_sub(1) {
        None => looks.run(scenario, 0).map(Some),
        Some(at) => match knobs[at].turned(scenario, 1.0 + FIRST_STEP) {
            Some((more, _)) => looks.run(&more, 0).map(Some),
            None => Ok(None),
        },
    });
    let first = first.into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut documents = first.iter().flatten().map(|look| look.documents).sum::<u64>();
    let base = first[0].as_ref().map_or(rate, |look| look.rate);
    let moved = |at: &usize| match &first[at + 1] {
        Some(look) => (look.rate / base - 1.0).abs() >= MOVED_MIN,
        // What cannot be turned up can be turned down.
        None => true,
    };
    let kept: Vec<&Knob> = (0..knobs.len()).filter(moved).map(|at| &knobs[at]).collect();
    if kept.is_empty() {
        return Ok((Vec::new(), documents));
    }
    // As it is, and then every setting, more and less of it.
    let mut settings = vec![Some((scenario.clone(), 1.0))];
    for knob in &kept {
        settings.extend([1.0 + STEP, 1.0 - STEP].map(|factor| knob.turned(scenario, factor)));
    }
    let seeds = SEEDS as usize;
    let runs = in_order(settings.len() * seeds, threads, |at| {
        let setting = settings[at / seeds].as_ref();
        setting.map(|(turned, _)| looks.run(turned, at as u64 % SEEDS + 1)).transpose()
    });
    let runs = runs.into_iter().collect::<Result<Vec<_>, _>>()?;
    documents += runs.iter().flatten().map(|look| look.documents).sum::<u64>();
    let turned = |(setting, runs): (&Option<(Scenario, f64)>, &[Option<Stretch>])| {
        let runs = runs.iter().cloned().collect::<Option<Vec<_>>>()?;
        Some(Turned::of(&runs, setting.as_ref()?.1))
    };
    let turned: Vec<_> = settings.iter().zip(runs.chunks(seeds)).map(turned).collect();
    let (as_is, turned) = turned.split_first().expect("it was looked at as it is");
    let as_is = as_is.as_ref().expect("it needs no turn");
    let missing = Missing { cut: looks.cut(), known: capacity.mean.half / rate };
    let mut told = Vec::new();
    for (knob, ends) in kept.iter().zip(turned.chunks(2)) {
        let ends = [ends[0].as_ref(), ends[1].as_ref()];
        let Some((found, sides)) = elasticity(as_is, ends, missing) else { continue };
        let found = worth_telling(&knob.key, found);
        told.extend(found.map(|one| Elasticity { sides, ..one }));
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
    let (knob, interval) = (knob.to_owned(), Some(found.ends()));
    let told = Elasticity { knob, value: found.mean, interval, sides: None };
    (!least).then_some(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turned(rates: &[f64], factor: f64, gathers: f64) -> Turned {
        Turned { rates: rates.to_vec(), factor, gathers }
    }

    /// Where the elasticity lies, of a plant that gets 100 documents a second through, in windows
    /// of 500 times what leaves as a whole.
    fn ends(up: &Turned, down: &Turned) -> [f64; 2] {
        found(up, down, 0.0).0.ends()
    }

    fn found(up: &Turned, down: &Turned, known: f64) -> (Estimate, Option<[f64; 2]>) {
        let as_is = turned(&[100.0; 6], 1.0, 0.0);
        elasticity(&as_is, [Some(up), Some(down)], Missing { cut: 0.002, known }).unwrap()
    }

    #[test]
    fn an_interval_holds_what_seeds_do_not_tell() {
        let near = |found: [f64; 2], wanted: [f64; 2]| {
            let is = found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 5e-4);
            assert!(is, "{found:?} and not {wanted:?}");
        };
        // One to one, whatever the seed.
        let (up, down) = (turned(&[105.0; 6], 1.05, 0.0), turned(&[95.0; 6], 0.95, 0.0));
        near(ends(&up, &down), [1.0 - 1.0 / 150.0, 1.0 + 1.0 / 150.0]);
        assert_eq!(found(&up, &down, 0.01), found(&up, &down, 0.0));
        // A hundredth of what comes out gathers somewhere: so much may be missing.
        let up = turned(&[105.0; 6], 1.05, 0.01);
        near(ends(&up, &down), [0.9 - 1.0 / 150.0, 1.1 + 1.0 / 150.0]);
        // Another resource lets no more through: nothing upwards, one to one downwards.
        let up = turned(&[100.0, 100.0, 100.0, 100.0, 100.0, 100.001], 1.05, 0.0);
        near(ends(&up, &down), [-1.0 / 150.0, 1.0 + 1.0 / 150.0]);
        // It does so sooner or later by as much as the capacity may be something else.
        let (told, sides) = found(&up, &down, 0.001);
        near(told.ends(), [-0.02 - 1.0 / 150.0, 1.02 + 1.0 / 150.0]);
        near(sides.expect("it is told"), [0.0, 1.0]);
    }
}
