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
    /// Its metrics, in the order of [`Question::metrics`].
    pub values: Vec<Option<f64>>,
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

impl Cell {
    /// Runs, or searches, cell `at`.
    ///
    /// # Errors
    ///
    /// A replay file that cannot be read; a load that cannot be scaled.
    pub fn of(sweep: &Sweep, at: usize) -> Result<Self, Problems> {
        let scenario = sweep.scenario(at);
        match sweep.question {
            Question::Mst { precision, seconds_max } => {
                // The cells themselves are what goes on at the same time.
                let ask = Ask { precision, seconds_max, threads: 1 };
                let found = search(&sweep.source.name, &scenario, ask)?;
                let verdict = match found.exit_code() {
                    0 => Verdict::Pass,
                    3 => Verdict::Unknown,
                    _ => Verdict::Fail,
                };
                let told = || format!("mst {}", found.verdict.word());
                Ok(Self {
                    seed: scenario.seed,
                    values: vec![found.mst],
                    failed: (verdict != Verdict::Pass).then(told).into_iter().collect(),
                    limit: found.limit,
                    verdict,
                })
            }
            Question::Run => {
                let run = run_silently(&sweep.source.name, &scenario)?;
                let backlog = run.outcome.meters.backlog.mean(run.outcome.ended);
                let latency = &run.record.latency_seconds;
                Ok(Self {
                    seed: scenario.seed,
                    values: vec![
                        latency.mean,
                        latency.p99,
                        Some(run.record.rate.processed),
                        Some(backlog),
                    ],
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
