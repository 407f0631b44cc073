//! The judge of claims: replications, intervals, and whether theory's value lies in a narrow one.

use floodgate_scenarios::plan::Scenario;
use floodgate_scenarios::setup::setup;
use floodgate_sim::outcome::Outcome;
use floodgate_sim::setup::Setup;
use floodgate_sim::world::World;
use statrs::distribution::{ContinuousCDF as _, StudentsT};

use super::{CORE, Claim, Controlled, Plant};

const CONFIDENCE: f64 = 0.999;
const HALF_WIDTH_MAX: f64 = 0.02;
/// A plant without chance has an interval without width: sums are still rounded.
const ROUNDING: f64 = 1e-9;
/// A run and its reference differ by what a histogram of three digits rounds off, no more.
const STRAY_MAX: f64 = 1e-3;
/// Replications of a plant that has a reference, and of the reference alone.
const SIMULATED: u32 = 8;
const REFERRED: u32 = 32;

/// An estimate of a mean from independent values.
#[derive(Clone, Copy, Debug)]
struct Estimate {
    mean: f64,
    /// Of the mean, not of the values.
    variance: f64,
    /// Degrees of freedom of the variance.
    freedom: f64,
}

impl Estimate {
    fn of(values: &[f64]) -> Self {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>();
        Self { mean, variance: squares / (count - 1.0) / count, freedom: count - 1.0 }
    }

    /// The sum of two independent estimates; degrees of freedom by Welch and Satterthwaite.
    fn plus(self, other: Self) -> Self {
        let variance = self.variance + other.variance;
        let part = |one: Self| one.variance * one.variance / one.freedom;
        let freedom = variance * variance / (part(self) + part(other));
        Self { mean: self.mean + other.mean, variance, freedom }
    }

    fn half_width(&self) -> f64 {
        let student = StudentsT::new(0.0, 1.0, self.freedom).unwrap();
        student.inverse_cdf(0.5 + CONFIDENCE / 2.0) * self.variance.sqrt()
    }

    fn holds(&self, expected: f64) -> bool {
        let half_width = self.half_width();
        (self.mean - expected).abs() <= half_width.max(expected * ROUNDING)
            && half_width <= HALF_WIDTH_MAX * expected
    }
}

/// Runs one replication; every check of the simulator must hold as well.
fn run(scenario: &Scenario, replication: u32) -> (Setup, Outcome) {
    let setup = setup(scenario, replication).unwrap();
    let run = World::new(&setup).run();
    assert!(run.violations.is_empty(), "{:?}", run.violations);
    (setup, run)
}

fn estimates(
    plant: &Plant,
    changes: &[&str],
    replications: u32,
    claims: &[Claim],
) -> Vec<Estimate> {
    let scenario = plant.read(changes);
    let mut values = vec![Vec::new(); claims.len()];
    let mut documents = 0;
    for replication in 0..replications {
        let (_, run) = run(&scenario, replication);
        documents += run.meters.received;
        for (values, Claim(_, _, of)) in values.iter_mut().zip(claims) {
            values.push(of(&run));
        }
    }
    say(&format!("{}: {documents} documents", plant.name));
    values.iter().map(|values| Estimate::of(values)).collect()
}

pub(super) fn holds(plant: &Plant, changes: &[&str], replications: u32, claims: &[Claim]) {
    let estimates = estimates(plant, changes, replications, claims);
    let claims = claims.iter().map(|Claim(id, expected, _)| (*id, *expected));
    judge(claims, &estimates);
}

/// Judges claims by short runs of the plant, and by long ones of its reference.
pub(super) fn holds_by_reference(
    plant: &Plant,
    long: &str,
    reference: fn(&Setup) -> Vec<u64>,
    claims: &[Controlled],
) {
    let mut errors = vec![Vec::new(); claims.len()];
    let mut values = vec![Vec::new(); claims.len()];
    let (mut documents, mut referred) = (0, 0);
    let scenario = plant.read(&[]);
    for replication in 0..SIMULATED {
        let (setup, run) = run(&scenario, replication);
        documents += run.meters.received;
        let mut reference = reference(&setup);
        for (errors, Controlled(id, expected, of, of_reference)) in errors.iter_mut().zip(claims) {
            let error = of(&run) - of_reference(&mut reference);
            assert!(error.abs() <= STRAY_MAX * expected, "{id}: strays by {error}");
            errors.push(error);
        }
    }
    let scenario = plant.read(&[&format!("load.0.measure={long}")]);
    for replication in SIMULATED..SIMULATED + REFERRED {
        let mut reference = reference(&setup(&scenario, replication).unwrap());
        referred += reference.len();
        for (values, Controlled(_, _, _, of_reference)) in values.iter_mut().zip(claims) {
            values.push(of_reference(&mut reference));
        }
    }
    say(&format!("{}: {documents} documents, {referred} values of the reference", plant.name));
    let estimates: Vec<Estimate> = (errors.iter().zip(&values))
        .map(|(errors, values)| Estimate::of(errors).plus(Estimate::of(values)))
        .collect();
    judge(claims.iter().map(|Controlled(id, expected, ..)| (*id, *expected)), &estimates);
}

fn judge<'a>(claims: impl Iterator<Item = (&'a str, f64)>, estimates: &[Estimate]) {
    let mut refused = Vec::new();
    for ((id, expected), estimate) in claims.zip(estimates) {
        let (mean, half_width) = (estimate.mean, estimate.half_width());
        let share = half_width / expected * 100.0;
        let line = format!("{id}: {expected}, found {mean:.6} ± {half_width:.6} ({share:.2} %)");
        say(&line);
        if !estimate.holds(expected) {
            refused.push(line);
        }
    }
    assert!(refused.is_empty(), "{refused:#?}");
}

/// What `--nocapture` shows.
#[expect(clippy::print_stdout, reason = "a test may say what it found")]
fn say(line: &str) {
    println!("{line}");
}

// The judge, judged.

#[test]
fn a_plant_with_three_per_cent_more_load_is_refused() {
    let changes = ["load.0.rate.poisson=82.4"];
    let estimates = estimates(&plant!("core"), &changes, 16, &CORE);
    for (Claim(id, expected, _), estimate) in CORE.iter().zip(estimates) {
        let misses = (estimate.mean - expected).abs() > estimate.half_width();
        assert!(misses && !estimate.holds(*expected), "{id}: {estimate:?}");
    }
}

#[test]
fn an_interval_must_be_narrow_and_have_the_value() {
    // t = 3.8834 for 19 degrees of freedom: a half-width of 1.94 of 100.
    let estimate = Estimate { mean: 100.0, variance: 0.25, freedom: 19.0 };
    assert!((estimate.half_width() - 1.9417).abs() < 1e-4);
    assert!(estimate.holds(101.9) && estimate.holds(98.1));
    assert!(!estimate.holds(102.0) && !estimate.holds(98.0));
    assert!(!Estimate { variance: 0.28, ..estimate }.holds(100.0), "too wide");
    assert!(!Estimate { mean: f64::NAN, ..estimate }.holds(100.0), "no value at all");
}
