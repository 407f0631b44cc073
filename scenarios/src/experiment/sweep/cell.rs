//! One cell: a setting with one seed, run or searched.

use floodgate_reports::{Limit, Record, Verdict};
use serde::{Deserialize, Serialize};

use super::design::{Question, Sweep};
use crate::experiment::mst::{Ask, busiest, search};
use crate::experiment::run::run_silently;
use crate::plan::Problems;

/// What came of a cell: all that rows are made of.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// The seed it ran with.
    pub seed: u64,
    /// Its metrics, in the order of [`Sweep::metrics`].
    pub values: Vec<Option<f64>>,
    /// Whether the values are means of several runs, whose error is seen in how seeds scatter; the
    /// middle of a bracket may be off without showing it.
    #[serde(default)]
    pub is_mean: bool,
    /// What limits it.
    pub limit: Option<Limit>,
    /// Its worst verdict.
    pub verdict: Verdict,
    /// What did not pass.
    pub failed: Vec<String>,
}

impl Question {
    /// The metrics that it is answered with, by name and unit; the first is what a row is about.
    #[must_use]
    pub const fn metrics(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Mst { as_written: true, .. } => &[("scale", "times"), ("mst", "documents/s")],
            Self::Mst { .. } => &[("mst", "documents/s")],
            Self::Run => &[
                ("latency_mean", "s"),
                ("latency_p99", "s"),
                ("rate_processed", "documents/s"),
                ("backlog_mean", "documents"),
            ],
        }
    }

    /// How far a value may be off by the way it was found, relative to it: a search ends with an
    /// interval as wide as asked and says its middle.
    #[must_use]
    pub const fn blur(self) -> f64 {
        match self {
            Self::Mst { precision, .. } => precision / 2.0,
            Self::Run => 0.0,
        }
    }
}

impl Sweep {
    /// The metrics of a cell by name and unit: those of the question, and of runs the figures that
    /// have published values.
    #[must_use]
    pub fn metrics(&self) -> Vec<(String, String)> {
        let own = self.question.metrics().iter();
        let own = own.map(|(name, unit)| ((*name).to_owned(), (*unit).to_owned()));
        let published = match self.question {
            Question::Mst { .. } => &[],
            Question::Run => self.base.published.as_slice(),
        };
        own.chain(published.iter().map(|row| (row.figure.title(), row.unit.clone()))).collect()
    }
}

impl Cell {
    /// Runs, or searches, cell `at`.
    ///
    /// # Errors
    ///
    /// A replay file that cannot be read; a load that cannot be scaled.
    pub fn of(sweep: &Sweep, at: usize) -> Result<Self, Problems> {
        let scenario = sweep.scenario(at);
        match sweep.question {
            Question::Mst { precision, seconds_max, as_written } => {
                // The cells themselves are what goes on at the same time.
                let ask = Ask { precision, recovery: 60.0, threads: 1, as_written, ..Ask::DEFAULT };
                let ask = ask.lasting(seconds_max);
                let found = search(&sweep.source.name, &scenario, ask)?;
                let verdict = match found.exit_code() {
                    0 => Verdict::Pass,
                    3 => Verdict::Unknown,
                    _ => Verdict::Fail,
                };
                let told = || format!("mst {}", found.verdict.word());
                // A bracket lies to both sides of its middle.
                let middle = |ends: [f64; 2]| f64::midpoint(ends[0], ends[1]);
                let mst = match found.scale {
                    Some(_) => found.interval.map(middle),
                    None => found.mst,
                };
                let scale = as_written.then(|| found.scale_interval.map(middle));
                Ok(Self {
                    seed: scenario.seed,
                    values: scale.into_iter().chain([mst]).collect(),
                    is_mean: found.is_mean(),
                    failed: (verdict != Verdict::Pass).then(told).into_iter().collect(),
                    limit: found.limit,
                    verdict,
                })
            }
            Question::Run => {
                let run = run_silently(&sweep.source.name, &scenario)?;
                let backlog = run.outcome.meters.backlog.mean(run.outcome.ended);
                let latency = &run.record.latency_seconds;
                let mut values =
                    vec![latency.mean, latency.p99, Some(run.record.rate.processed), Some(backlog)];
                values.extend(run.record.published.iter().map(|row| row.simulated));
                Ok(Self {
                    seed: scenario.seed,
                    values,
                    is_mean: true,
                    limit: busiest(&run.outcome.resources)[0].clone(),
                    verdict: run.record.verdict(),
                    failed: failed(&run.record),
                })
            }
        }
    }
}

fn failed(record: &Record) -> Vec<String> {
    let bad = record.verdicts.iter().filter(|row| row.verdict != Verdict::Pass);
    bad.map(|row| format!("{} {}", row.name, row.verdict.word())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Source;
    use crate::experiment::sweep::design::Vary;

    #[test]
    fn a_sweep_shows_the_figures_that_were_published() {
        let source = Source::find("file_adapter_ratio").unwrap();
        let vary = Vary::parse("send_port.Blocking.primary.wire=0ms,400ms").unwrap();
        let sweep = Sweep::new(source, Vec::new(), vec![vary], 2, Question::Run).unwrap();
        let names = sweep.metrics();
        let last = names.last().unwrap();
        assert_eq!(
            (last.0.as_str(), last.1.as_str()),
            ("rate.ratio of Batched, Blocking", "times")
        );
        let ratio = |at| *Cell::of(&sweep, at).unwrap().values.last().unwrap();
        // The cells go seed by seed through each setting.
        assert!(ratio(0).unwrap() < 2.0 && ratio(2).unwrap() > 8.0);
        assert_eq!(Cell::of(&sweep, 0).unwrap().values.len(), names.len());
    }
}
