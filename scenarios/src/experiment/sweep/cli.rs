//! The verbs `sweep`, `plan`, `run-shard` and `merge`.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use floodgate_reports as reports;
use floodgate_reports::SweepRecord;
use indicatif::ProgressBar;

use super::cell::Cell;
use super::design::{Question, Sweep, Vary};
use super::index::index_of;
use super::manifest::Manifest;
use super::rows::rows;
use super::shard::{Shard, in_range, merge};
use crate::catalogue::Source;
use crate::cli::{ScenarioArgs, positive_seconds, precision, say, say_json, warn};
use crate::experiment::parallel::{cores, in_order};
use crate::plan::Problems;

/// What is varied, how often, and what is asked.
#[derive(Args, Clone, Debug)]
pub struct DesignArgs {
    /// Which scenario.
    #[command(flatten)]
    pub scenario: ScenarioArgs,
    /// A key and its values, the first to compare with: host.Send.poll=50ms,500ms
    #[arg(long, value_name = "KEY=A,B,…", value_parser = Vary::parse)]
    pub vary: Vec<Vary>,
    /// Seeds of each setting, the same for all: at least 2
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub seeds: u32,
    /// Searches the maximum sustainable throughput instead of running at the scenario's load
    #[arg(long)]
    pub mst: bool,
    /// With --mst, the width of each interval, relative to the throughput: at most 0.5
    #[arg(long, value_name = "SHARE", default_value_t = 0.01, requires = "mst")]
    #[arg(allow_negative_numbers = true, value_parser = precision)]
    pub precision: f64,
    /// With --mst, gives up after this many seconds of virtual time in one probe
    #[arg(long, value_name = "SECONDS", requires = "mst")]
    #[arg(allow_negative_numbers = true, value_parser = positive_seconds)]
    pub max_seconds: Option<f64>,
    /// With --mst, searches how many times each setting is carried as it is written
    #[arg(long, requires = "mst")]
    pub as_written: bool,
    /// Runs it all with every other set of prices that fits what was published as well, and tells
    /// how far values and differences move
    #[arg(long, value_name = "WHEN", default_value = "never")]
    pub spread: Spread,
}

/// When a sweep is made with other prices as well.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum Spread {
    /// However long it takes
    Always,
    /// Not at all
    #[default]
    Never,
}

/// How many threads.
#[derive(Args, Clone, Copy, Debug)]
pub struct ThreadArgs {
    /// Threads to run on; the result is the same for any number [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
}

/// How the table is given.
#[derive(Args, Clone, Debug)]
pub struct OutArgs {
    /// Leaves a folder with the record here
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// One JSON document on standard output
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `sweep`.
#[derive(Args, Clone, Debug)]
pub struct SweepArgs {
    /// The sweep.
    #[command(flatten)]
    pub design: DesignArgs,
    /// How many threads.
    #[command(flatten)]
    pub threads: ThreadArgs,
    /// How the table is given.
    #[command(flatten)]
    pub out: OutArgs,
}

/// The steps of a sweep on many machines.
#[derive(Clone, Debug, Subcommand)]
pub enum Sharding {
    /// Deals a sweep out to the jobs of an array: prints the manifest that all of them read
    Plan(PlanArgs),
    /// Runs one shard of a manifest: one job of an array
    RunShard(RunShardArgs),
    /// Puts shards together to the table that `sweep` would have made
    Merge(MergeArgs),
}

/// Arguments of `plan`.
#[derive(Args, Clone, Debug)]
pub struct PlanArgs {
    /// The sweep.
    #[command(flatten)]
    pub design: DesignArgs,
    /// How many jobs share the runs
    #[arg(long, value_name = "N")]
    pub shards: u64,
}

/// Arguments of `run-shard`.
#[derive(Args, Clone, Debug)]
pub struct RunShardArgs {
    /// What `plan` printed
    #[arg(value_name = "MANIFEST")]
    pub manifest: PathBuf,
    /// Which shard, counted from 0 [default: the job's index in the environment, like
    /// JOB_COMPLETION_INDEX or SLURM_ARRAY_TASK_ID]
    #[arg(long, value_name = "I")]
    pub index: Option<u64>,
    /// Writes shard-I.json into this folder instead of to standard output
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// How many threads.
    #[command(flatten)]
    pub threads: ThreadArgs,
}

/// Arguments of `merge`.
#[derive(Args, Clone, Debug)]
pub struct MergeArgs {
    /// What `plan` printed
    #[arg(value_name = "MANIFEST")]
    pub manifest: PathBuf,
    /// What `run-shard` wrote, all of it, in any order
    #[arg(value_name = "SHARD", required = true)]
    pub shards: Vec<PathBuf>,
    /// How the table is given.
    #[command(flatten)]
    pub out: OutArgs,
}

impl DesignArgs {
    fn sweep(&self) -> Result<Sweep, Problems> {
        let source = Source::find(&self.scenario.scenario)?;
        let question = if self.mst {
            Question::Mst {
                precision: self.precision,
                seconds_max: self.max_seconds,
                as_written: self.as_written,
            }
        } else {
            Question::Run
        };
        let set = self.scenario.overrides();
        let sweep = Sweep::new(source, set, self.vary.clone(), self.seeds, question)?;
        match self.spread {
            Spread::Always => sweep.with_spread(),
            Spread::Never => Ok(sweep),
        }
    }
}

impl ThreadArgs {
    /// The number asked for, or one for each core.
    #[must_use]
    pub fn count(self) -> usize {
        self.threads.map_or_else(cores, usize::from)
    }
}

/// Runs a sweep and prints its table.
pub(crate) fn sweep(args: &SweepArgs) -> miette::Result<ExitCode> {
    if args.design.vary.is_empty() {
        let help = "give --vary KEY=A,B,…, like --vary host.Send.poll=50ms,500ms".to_owned();
        return Err(Problems::one("nothing is varied", Some(help)).into());
    }
    let sweep = args.design.sweep()?;
    if !args.out.json {
        warn(&sweep.warnings());
    }
    let all: Vec<usize> = (0..sweep.cells()).collect();
    let cells = run_cells(&sweep, &all, args.threads.count())?;
    give(&rows(&sweep, &cells), &args.out)
}

/// Does one step of a sweep on many machines.
pub(crate) fn sharding(step: &Sharding) -> miette::Result<ExitCode> {
    match step {
        Sharding::Plan(args) => plan(args),
        Sharding::RunShard(args) => run_shard(args),
        Sharding::Merge(args) => {
            let manifest = Manifest::read(&args.manifest)?;
            let shards: Result<Vec<Shard>, Problems> =
                args.shards.iter().map(|path| Shard::read(path)).collect();
            give(&merge(&manifest, shards?)?, &args.out)
        }
    }
}

fn plan(args: &PlanArgs) -> miette::Result<ExitCode> {
    let sweep = args.design.sweep()?;
    warn(&sweep.warnings());
    say_json(&Manifest::of(&sweep, args.shards)?)
}

fn run_shard(args: &RunShardArgs) -> miette::Result<ExitCode> {
    let manifest = Manifest::read(&args.manifest)?;
    let index = match args.index {
        Some(index) => index,
        None => index_of(|name| std::env::var(name).ok())?,
    };
    let sweep = manifest.sweep()?;
    in_range(&manifest, index)?;
    let places: Vec<usize> = manifest.cells_of(index).collect();
    let cells = run_cells(&sweep, &places, args.threads.count())?;
    let shard = Shard { manifest: manifest.id(), index, cells };
    match &args.out {
        Some(dir) => write(dir, &shard),
        None => say_json(&shard),
    }
}

/// Written whole under another name first: a killed job leaves no half shard behind.
fn write(dir: &Path, shard: &Shard) -> miette::Result<ExitCode> {
    let path = dir.join(format!("shard-{}.json", shard.index));
    let partial = dir.join(format!(".shard-{}.json.partial", shard.index));
    let mut text = serde_json::to_vec_pretty(shard).expect("shards have no infinite figures");
    text.push(b'\n');
    std::fs::create_dir_all(dir)
        .and_then(|()| std::fs::write(&partial, text))
        .and_then(|()| std::fs::rename(&partial, &path))
        .map_err(|error| {
            Problems::one(format!("cannot write '{}': {error}", path.display()), None)
        })?;
    Ok(ExitCode::SUCCESS)
}

/// Runs these cells, with a progress bar when a person watches; of several mistakes the one with
/// the lowest index is told.
fn run_cells(sweep: &Sweep, places: &[usize], threads: usize) -> Result<Vec<Cell>, Problems> {
    let bar = if std::io::stderr().is_terminal() {
        ProgressBar::new(places.len() as u64)
    } else {
        ProgressBar::hidden()
    };
    let cells = in_order(places.len(), threads, |at| {
        let cell = Cell::of(sweep, places[at]);
        bar.inc(1);
        cell
    });
    bar.finish_and_clear();
    cells.into_iter().collect()
}

fn give(record: &SweepRecord, out: &OutArgs) -> miette::Result<ExitCode> {
    if let Some(dir) = &out.out {
        reports::write_sweep(dir, record)
            .map_err(|error| Problems::one(error.to_string(), None))?;
    }
    if out.json {
        say_json(record)?;
    } else {
        say(reports::sweep_summary(record).trim_end())?;
    }
    Ok(ExitCode::from(record.exit_code()))
}
