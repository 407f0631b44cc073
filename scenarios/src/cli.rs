//! The command line: verbs, their arguments, and all the printing there is.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use comfy_table::{ContentArrangement, Table, presets};
use floodgate_sim::trace::Bounds;
use serde_json::json;

use crate::catalogue::{CATALOGUE, Source};
use crate::experiment::mst::{PRECISION, RECOVERY_SECONDS};
use crate::experiment::spread::Spread;
use crate::experiment::sweep::cli::{Sharding, SweepArgs, ThreadArgs, sharding, sweep};
use crate::import::cli::{ImportArgs, import};
use crate::plan::{Problem, Problems, Scenario, schema::schema};

/// A deterministic simulator and benchmark of a BizTalk-style messaging engine
#[derive(Debug, Parser)]
#[command(name = "floodgate", version, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// One run of a scenario
    Run(RunArgs),
    /// Search for the maximum sustainable throughput
    Mst(MstArgs),
    /// A what-if table: every setting of some keys, run with the same seeds and compared
    Sweep(SweepArgs),
    /// The steps of a sweep on many machines.
    #[command(flatten)]
    Sharding(Sharding),
    /// Make a scenario, or a part of one, from another tool's file
    Import(ImportArgs),
    /// The scenarios in the catalogue
    List(ListArgs),
    /// One scenario with every default written out
    Show(ShowArgs),
    /// The JSON Schema of scenario files, for editors
    Schema,
}

/// Which scenario, and what is changed in it.
#[derive(Args, Clone, Debug)]
pub struct ScenarioArgs {
    /// A catalogue name or the path of a scenario file
    #[arg(value_name = "SCENARIO")]
    pub scenario: String,
    /// Changes a key: host.Send.poll=500ms, load.0.rate.constant=300
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// What all chance comes from, instead of the scenario's seed
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
}

/// Lines of a story, unless said otherwise.
const STORY_LINES: usize = 200;

/// Arguments of `run`.
#[derive(Args, Clone, Debug)]
pub struct RunArgs {
    /// Which scenario.
    #[command(flatten)]
    pub scenario: ScenarioArgs,
    /// Leaves a run folder here
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// One JSON document on standard output
    #[arg(long)]
    pub json: bool,
    /// Runs it with all other prices that fit what was published as well, and tells both ends
    #[arg(long, value_name = "WHEN", value_enum, default_value_t)]
    pub spread: Spread,
    /// Tells what happened, event by event: the first LINES of it
    #[arg(long, value_name = "LINES", num_args = 0..=1, default_missing_value = "200")]
    pub story: Option<usize>,
    /// Only what names this: a message (m17), a port, a location, a host
    #[arg(long, value_name = "NAME")]
    pub story_of: Option<String>,
}

impl RunArgs {
    /// How much of the story is wanted, if any.
    #[must_use]
    pub fn bounds(&self) -> Option<Bounds> {
        // Who asks for a part of the story asks for the story.
        let lines = self.story.or_else(|| self.story_of.as_ref().map(|_| STORY_LINES));
        lines.map(|lines| Bounds { lines, of: self.story_of.clone() })
    }
}

/// Arguments of `mst`.
#[derive(Args, Clone, Debug)]
pub struct MstArgs {
    /// Which scenario.
    #[command(flatten)]
    pub scenario: ScenarioArgs,
    /// Width of the interval, relative to the throughput: above 0, at most 0.5
    #[arg(long, value_name = "SHARE", default_value_t = PRECISION)]
    #[arg(allow_negative_numbers = true, value_parser = precision)]
    pub precision: f64,
    /// Gives up after this many seconds of virtual time in one probe; a run of the scenario as it
    /// is written lasts for as long as is written unless this is given
    #[arg(long, value_name = "SECONDS")]
    #[arg(allow_negative_numbers = true, value_parser = positive_seconds)]
    pub max_seconds: Option<f64>,
    /// Seconds of the capacity that must wait before the plant has to come back from an overload; 0
    /// does not ask
    #[arg(long, value_name = "SECONDS", default_value_t = RECOVERY_SECONDS)]
    #[arg(allow_negative_numbers = true, value_parser = seconds)]
    pub recovery: f64,
    /// Gives up after this many steps of all its runs together, some millions a second [default:
    /// 2000000000, and ten times that with --elasticities]
    #[arg(long, value_name = "STEPS")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub max_steps: Option<u64>,
    /// Finds out how the capacity follows each price and knob, too: several times the work
    #[arg(long)]
    pub elasticities: bool,
    /// Searches how many times the scenario as it is written is carried, its phases, faults and
    /// drain included, although its load could go on for ever
    #[arg(long)]
    pub as_written: bool,
    /// Tells both ends of the answer over all other prices that fit what was published as well;
    /// where it is no capacity, 'always' searches again with each
    #[arg(long, value_name = "WHEN", value_enum, default_value_t)]
    pub spread: Spread,
    /// How many threads.
    #[command(flatten)]
    pub threads: ThreadArgs,
    /// Leaves a run folder here
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// One JSON document on standard output
    #[arg(long)]
    pub json: bool,
}

impl MstArgs {
    /// What was asked for, with the keys that were changed and every option that an answer may
    /// follow, for a shell.
    #[must_use]
    pub fn asked(&self) -> String {
        let spread = match self.spread {
            Spread::Auto => None,
            Spread::Always => Some("always"),
            Spread::Never => Some("never"),
        };
        let told = |option: &str, value: &dyn std::fmt::Display| format!(" {option} {value}");
        let differs = |value: f64, default: f64| ((value - default).abs() > 0.0).then_some(value);
        let options = [
            differs(self.precision, PRECISION).map(|own| told("--precision", &own)),
            self.max_seconds.map(|own| told("--max-seconds", &own)),
            differs(self.recovery, RECOVERY_SECONDS).map(|own| told("--recovery", &own)),
            self.max_steps.map(|own| told("--max-steps", &own)),
            self.elasticities.then(|| " --elasticities".to_owned()),
            self.as_written.then(|| " --as-written".to_owned()),
            spread.map(|own| told("--spread", &own)),
        ];
        std::iter::once(self.scenario.asked()).chain(options.into_iter().flatten()).collect()
    }
}

/// Arguments of `list`.
#[derive(Args, Clone, Debug)]
pub struct ListArgs {
    /// One JSON document on standard output
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `show`.
#[derive(Args, Clone, Debug)]
pub struct ShowArgs {
    /// Which scenario.
    #[command(flatten)]
    pub scenario: ScenarioArgs,
    /// One JSON document on standard output
    #[arg(long)]
    pub json: bool,
}

pub(crate) fn precision(text: &str) -> Result<f64, &'static str> {
    let value = text.parse().ok().filter(|value| *value > 0.0 && *value <= 0.5);
    value.ok_or("expected a number above 0 and at most 0.5")
}

fn seconds(text: &str) -> Result<f64, &'static str> {
    let value = text.parse().ok().filter(|value: &f64| *value >= 0.0 && value.is_finite());
    value.ok_or("expected a number of seconds, 0 or more")
}

pub(crate) fn positive_seconds(text: &str) -> Result<f64, &'static str> {
    let value = text.parse().ok().filter(|value: &f64| *value > 0.0 && value.is_finite());
    value.ok_or("expected a number of seconds above 0")
}

impl ScenarioArgs {
    /// Finds and reads the scenario with its overrides; its name comes with it.
    ///
    /// # Errors
    ///
    /// Every problem of the scenario and the overrides.
    pub fn read(&self) -> Result<(String, Scenario), Problems> {
        let source = Source::find(&self.scenario)?;
        let scenario = source.read(&self.overrides())?;
        Ok((source.name, scenario))
    }

    /// The scenario as it was asked for, with the keys that were changed, for a shell.
    #[must_use]
    pub fn asked(&self) -> String {
        let changes = self.set.iter().map(|change| format!(" --set {}", quoted(change)));
        std::iter::once(quoted(&self.scenario)).chain(changes).collect()
    }

    /// What is changed in the scenario, as `key=value`.
    #[must_use]
    pub fn overrides(&self) -> Vec<String> {
        let seed = self.seed.map(|seed| format!("seed={seed}"));
        self.set.iter().cloned().chain(seed).collect()
    }
}

/// A word as a shell takes it for one.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "+,-./:=@_".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Does what the command line says.
///
/// # Errors
///
/// What [`report`] prints: mistakes of usage, of a scenario, of the file system.
pub fn execute(cli: &Cli) -> miette::Result<ExitCode> {
    match &cli.command {
        Command::Run(args) => crate::experiment::run::execute(args),
        Command::Mst(args) => crate::experiment::mst::execute(args),
        Command::Sweep(args) => sweep(args),
        Command::Sharding(step) => sharding(step),
        Command::Import(args) => import(args),
        Command::List(args) => list(args),
        Command::Show(args) => show(args),
        Command::Schema => say(&format!("{:#}", schema())),
    }
}

fn list(args: &ListArgs) -> miette::Result<ExitCode> {
    let mut rows = Vec::new();
    for (name, _) in CATALOGUE {
        rows.push((name, Source::find(name)?.read(&[])?.about));
    }
    if args.json {
        let rows: Vec<_> =
            rows.iter().map(|(name, about)| json!({ "name": name, "about": about })).collect();
        return say(&format!("{:#}", json!({ "scenarios": rows })));
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    for (name, about) in rows {
        table.add_row([name, about.as_str()]);
    }
    say(&table.trim_fmt())
}

fn show(args: &ShowArgs) -> miette::Result<ExitCode> {
    let (name, scenario) = args.scenario.read()?;
    if args.json {
        return say(&format!(
            "{:#}",
            json!({
                "scenario": name,
                "scenario_hash": scenario.hash(),
                "seed": scenario.seed,
                "expanded": scenario.expanded_json(),
                "warnings": scenario.warnings.iter().map(Problem::located).collect::<Vec<_>>(),
            })
        ));
    }
    warn(&scenario.warnings);
    say(scenario.expanded_toml().trim_end())
}

/// Prints `text` on standard output; a reader who has seen enough is no mistake.
///
/// # Errors
///
/// When standard output cannot be written to.
pub fn say(text: &str) -> miette::Result<ExitCode> {
    match writeln!(std::io::stdout().lock(), "{text}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            let message = format!("cannot write to standard output: {error}");
            Err(Problems::one(message, None).into())
        }
        Ok(()) | Err(_) => Ok(ExitCode::SUCCESS),
    }
}

/// Prints a record as one JSON document.
///
/// # Errors
///
/// When standard output cannot be written to.
pub fn say_json(record: &impl serde::Serialize) -> miette::Result<ExitCode> {
    say(&serde_json::to_string_pretty(record).expect("records have no infinite figures"))
}

/// Prints warnings, or mistakes, on standard error.
pub fn warn(problems: &[Problem]) {
    for problem in problems {
        say_aside(&format!("{:?}\n", miette::Report::new(problem.clone())));
    }
}

/// Prints `text` on standard error. Where that cannot be written to, there is nobody left to tell.
fn say_aside(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Prints a mistake on standard error; the exit code of usage and scenario errors.
#[must_use]
pub fn report(error: &miette::Report) -> ExitCode {
    match error.downcast_ref::<Problems>() {
        Some(problems) => {
            warn(problems.problems());
            if problems.problems().len() > 1 {
                say_aside(&format!("{problems}\n"));
            }
        }
        None => say_aside(&format!("{error:?}")),
    }
    ExitCode::from(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_searches_again_has_every_option_that_an_answer_follows() {
        let asked = |line: &str| {
            let cli = Cli::try_parse_from(line.split(' ')).expect("it is right");
            let Command::Mst(args) = cli.command else { panic!("another verb") };
            args.asked()
        };
        let plain = "floodgate mst smoke --precision 0.01 --threads 1 --json --out there --seed 7";
        assert_eq!(asked(plain), "smoke");
        for options in [
            "--precision 0.05 --max-seconds 600 --recovery 0",
            "--max-steps 9 --elasticities --as-written --spread never",
            "--set seed=9 --spread always",
        ] {
            assert_eq!(
                asked(&format!("floodgate mst smoke {options}")),
                format!("smoke {options}")
            );
        }
    }
}
