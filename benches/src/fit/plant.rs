//! One plant at one price list, simulated as its scenario says, or as a laboratory changes that.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Deserialize;

use floodgate_scenarios::catalogue::Source;
use floodgate_scenarios::experiment::run::run_silently;
use floodgate_scenarios::plan::Scenario;

use super::Result;

/// What a run gave.
#[derive(Clone, Debug)]
pub struct Found {
    /// Documents that went over the wire a second.
    pub rate: f64,
    /// The busiest resource in line for which work waits.
    pub limit: String,
    /// The share of each server's processors in use, by name.
    pub servers: Vec<(String, f64)>,
    /// Published figures by name: published, simulated.
    pub figures: BTreeMap<String, (f64, f64)>,
}

impl Found {
    /// The logarithm of a simulated figure against the published one.
    ///
    /// # Errors
    ///
    /// When the run has no such figure.
    pub fn residual(&self, title: &str) -> Result<f64> {
        let known = self.figures.get(title).filter(|(_, simulated)| *simulated > 0.0);
        let (published, simulated) = known.ok_or_else(|| format!("a run without {title}"))?;
        Ok((simulated / published).ln())
    }
}

/// A plant: a scenario, as it is or with some keys changed.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Plant {
    /// A scenario as it is: its catalogue name, or its path.
    Plain(String),
    /// One that is changed, under a name of its own.
    Changed(Changed),
}

/// A scenario with some keys changed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Changed {
    /// What the plant is called.
    pub name: String,
    /// The scenario.
    pub scenario: String,
    /// The keys that are changed, as `--set` takes them.
    #[serde(default)]
    pub set: Vec<String>,
    /// The figures of it that are fitted, in place of the laboratory's; of no one, none.
    pub fits: Option<Vec<String>>,
}

impl Plant {
    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Plain(name) => name,
            Self::Changed(changed) => &changed.name,
        }
    }

    /// The figures that are fitted, where it says so itself.
    #[must_use]
    pub const fn fits(&self) -> Option<&Vec<String>> {
        match self {
            Self::Plain(_) => None,
            Self::Changed(changed) => changed.fits.as_ref(),
        }
    }

    /// Its scenario.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn scenario(&self) -> Result<Scenario> {
        self.priced(&[])
    }

    fn priced(&self, prices: &[String]) -> Result<Scenario> {
        let (scenario, own) = match self {
            Self::Plain(name) => (name, &[] as &[String]),
            Self::Changed(changed) => (&changed.scenario, changed.set.as_slice()),
        };
        let set = [own, prices].concat();
        let plan = Source::find(scenario).and_then(|source| source.read(&set));
        plan.map_err(|problems| format!("{}: {problems:?}", self.name()).into())
    }

    /// Runs it with `prices` in microseconds.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn run(&self, prices: &BTreeMap<&str, f64>) -> Result<Found> {
        let price = |(name, price): (&&str, &f64)| {
            format!("cost.{name}=\"{} ns\"", (price * 1000.0).round())
        };
        let plan = self.priced(&prices.iter().map(price).collect::<Vec<_>>())?;
        let told = |problems| format!("{}: {problems:?}", self.name());
        let record = run_silently(self.name(), &plan).map_err(told)?.record;
        let stands = |name: &str| {
            ["locks and log", "pauses", "CPU", "disk"].iter().any(|end| name.ends_with(end))
        };
        let limit = (record.resources.iter())
            .filter(|one| stands(&one.name))
            .max_by(|a, b| a.utilisation.total_cmp(&b.utilisation))
            .map_or_else(String::new, |one| one.name.clone());
        let servers = (record.resources.iter())
            .filter_map(|one| Some((one.name.strip_suffix(" CPU")?.to_owned(), one.utilisation)))
            .collect();
        let figures = (record.published.iter())
            .filter_map(|one| Some((one.figure.clone(), (one.published, one.simulated?))))
            .collect();
        Ok(Found { rate: record.rate.processed, limit, servers, figures })
    }
}

/// Does `jobs` jobs on all processors; the results are in the order of the jobs.
///
/// # Errors
///
/// The first error of any job.
///
/// # Panics
///
/// When a job does.
pub fn in_parallel<T: Send>(
    jobs: usize,
    job: impl Fn(usize) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(jobs));
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads.min(jobs) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= jobs {
                        return;
                    }
                    let result = job(index);
                    done.lock().expect("no job panics").push((index, result));
                }
            });
        }
    });
    let mut done = done.into_inner().expect("no job panics");
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}
