//! A load of which one drift test cannot tell, and whose sign speaks against a capacity that was
//! measured: looked at again, by as many runs as it takes.
//!
//! Where what stops a plant is rare and lasts long (a reader that waits for the outcome of a
//! transaction), all the time that a probe may take holds a few hundred of such events, and its
//! sign is chance, and the backlog it began with may be gone by chance. Runs that know nothing of
//! each other, last for all of that time and begin with as much as keeps them busy have a mean,
//! with Stein's interval.

use floodgate_reports::{MstVerdict, Probe};

use super::Search;
use super::capacity::Capacity;
use super::pinned::seed_of;
use super::stein::{FIRST, Stein};
use crate::experiment::drift::{Drift, DriftProbe, Question, probe_to_the_end};
use crate::experiment::parallel::in_order;
use crate::plan::Problems;

/// How sure a sign must be.
const CONFIDENCE: f64 = 0.98;
/// Runs at most.
const RUNS_MAX: usize = 64;
/// Standard deviations of what goes on in all of a run that its backlog holds.
const DEVIATIONS: f64 = 4.0;
/// The half of an interval at 95 %, in standard deviations.
const HALF: f64 = 2.0;
/// The first of the seeds.
const FIRST_RUN: u64 = 90_000;

impl Capacity {
    /// The standard deviation of what a full plant gets through in so many seconds.
    fn deviation_in(&self, seconds: f64) -> f64 {
        let all = self.spans.1.as_secs_f64() * self.seeds.len() as f64;
        self.chance / HALF * (all * seconds).sqrt()
    }
}

impl Search<'_> {
    /// Whether a backlog grows or shrinks at `rate`, told from a drift of `delta` by many runs, and
    /// by how many documents a second; of a plant of this capacity.
    pub(super) fn drift_again(
        &mut self,
        rate: f64,
        delta: f64,
        capacity: &Capacity,
    ) -> Result<(Drift, f64), Problems> {
        let first = FIRST_RUN + RUNS_MAX as u64 * self.probes.len() as u64;
        let question = |at: usize| Question {
            rate,
            delta,
            through: self.through,
            seed: seed_of(self.scenario, first + at as u64),
            seconds_max: self.ask.seconds_max,
            period: self.period.at(rate / self.written),
        };
        let scenario = self.scaled(rate);
        let least = DEVIATIONS * capacity.deviation_in(self.ask.seconds_max);
        let one = |at: usize| {
            let question = question(at);
            let key = || format!("again {question:?}");
            self.journal.once(key, |fuel| probe_to_the_end(&scenario, &question, least, fuel))
        };
        let run = |from: usize, to: usize| {
            let runs = in_order(to - from, self.ask.threads, |at| one(from + at));
            runs.into_iter().collect::<Result<Vec<_>, Problems>>()
        };
        let growths = |runs: &[DriftProbe]| runs.iter().map(|own| own.growth).collect::<Vec<_>>();
        let mut runs = run(0, FIRST)?;
        let stein = Stein::of(&growths(&runs), CONFIDENCE);
        let target = self.through * delta * rate;
        let count = stein.runs(target).min(RUNS_MAX);
        runs.extend(run(FIRST, count)?);
        let seeds = (0..count).map(|at| question(at).seed).collect();
        let found = stein.mean(&growths(&runs));
        let drift = match found.value {
            value if value.abs() > found.half && value > 0.0 => Drift::Growing,
            value if value.abs() > found.half => Drift::Shrinking,
            value if value.abs() + found.half <= target => Drift::Balanced,
            _ => Drift::Undecided,
        };
        self.documents += runs.iter().map(|own| own.documents).sum::<u64>();
        let broken = runs.iter().find_map(|own| own.broken.clone());
        self.broken |= broken.is_some();
        let verdict = match (&broken, drift) {
            (Some(_), _) => MstVerdict::Broken,
            (None, Drift::Balanced | Drift::Shrinking) => MstVerdict::Sustainable,
            (None, Drift::Growing) => MstVerdict::Unsustainable,
            (None, Drift::Undecided) => MstVerdict::Undecided,
        };
        let broken = broken.map_or(String::new(), |what| format!("; {what}"));
        self.probes.push(Probe {
            rate,
            seconds: runs[0].seconds,
            seeds,
            verdict,
            evidence: format!(
                "looked at again by runs of all their time: backlog {:+.2}/s ± {:.2}{broken}",
                found.value, found.half
            ),
        });
        Ok((drift, found.value))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use floodgate_engine::time::Duration;

    use super::super::stein::Mean;
    use super::super::{Ask, Journal};
    use super::*;
    use crate::plan::Scenario;

    #[test]
    fn many_runs_tell_what_one_cannot() {
        // In so short a time a hundredth more or less than 100 a second is chance.
        let plant = include_bytes!("../../../theory/one_place.toml");
        let scenario = Scenario::parse("t.toml", plant, Path::new(""), &[]).expect("right");
        let journal = Journal::default();
        let ask = Ask { seconds_max: 160.0, threads: 2, ..Ask::DEFAULT };
        let mut search = Search::of(&scenario, ask, &journal).expect("it can be scaled");
        let alone = search.drifts(&[98.5], 0.01).expect("no budget");
        assert_eq!(alone[0].0, Drift::Undecided);
        let capacity = Capacity {
            mean: Mean { value: 100.0, half: 1.0 },
            chance: 1.0,
            backlog: 64,
            spans: (Duration::ZERO, Duration::from_secs(10)),
            seeds: vec![0; 40],
            broken: None,
        };
        // Of 40,000 documents 200 is one deviation, of 10,000 a hundred.
        assert!((capacity.deviation_in(100.0) - 100.0).abs() < 1e-9);
        let mut again = |rate| search.drift_again(rate, 0.01, &capacity).expect("no budget").0;
        assert_eq!([again(98.5), again(101.5)], [Drift::Shrinking, Drift::Growing]);
        let runs = search.probes.last().expect("it is noted").seeds.len();
        assert!((FIRST..=RUNS_MAX).contains(&runs), "{runs}");
    }
}
