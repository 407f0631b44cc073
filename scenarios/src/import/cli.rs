//! The verb `import`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use floodgate_engine::time::Duration;

use super::loadgen::{LoadGen, Options, into_scenario};
use crate::catalogue::Source;
use crate::cli::{say, warn};
use crate::plan::quantity::duration;
use crate::plan::{Problems, lots::Per};

/// Arguments of `import`.
#[derive(Args, Clone, Debug)]
pub struct ImportArgs {
    /// What is imported.
    #[command(subcommand)]
    pub what: Import,
}

/// What can be imported.
#[derive(Clone, Debug, Subcommand)]
pub enum Import {
    /// Loads from a LoadGen 2007 configuration
    Loadgen(LoadGenArgs),
}

/// Arguments of `import loadgen`.
#[derive(Args, Clone, Debug)]
pub struct LoadGenArgs {
    /// The LoadGen configuration
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The receive port the loads go to [default: Orders, or the scenario's first]
    #[arg(long, value_name = "PORT")]
    pub to: Option<String>,
    /// Who sends a lot: every thread of a section, or the section as a whole
    #[arg(long, value_enum, default_value_t = PerArg::Thread)]
    pub per: PerArg,
    /// How long a thread needs to send a message [default: no time, 1 ms under a controller]
    #[arg(long, value_name = "DURATION", value_parser = span)]
    pub send: Option<Duration>,
    /// How long a message creator needs for a message
    #[arg(long, value_name = "DURATION", value_parser = span)]
    pub create: Option<Duration>,
    /// Prints this scenario with its loads replaced, instead of the loads alone
    #[arg(long, value_name = "SCENARIO")]
    pub into: Option<String>,
    /// Writes to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Who sends a lot.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum PerArg {
    /// The section as a whole.
    Section,
    /// Every thread of the section.
    Thread,
}

/// A duration with its unit that is longer than nothing.
fn span(text: &str) -> Result<Duration, String> {
    let span = duration(text).map_err(|refusal| format!("{refusal}; {}", refusal.help()))?;
    if span.is_zero() { Err("give more than nothing".to_owned()) } else { Ok(span) }
}

pub(crate) fn import(args: &ImportArgs) -> miette::Result<ExitCode> {
    match &args.what {
        Import::Loadgen(args) => loadgen(args),
    }
}

fn loadgen(args: &LoadGenArgs) -> miette::Result<ExitCode> {
    let bytes =
        std::fs::read(&args.file).map_err(|error| Problems::unreadable(&args.file, &error))?;
    let scenario = match &args.into {
        Some(name) => Some(Source::find(name)?.read(&[])?),
        None => None,
    };
    let first = scenario.as_ref().and_then(|s| s.receive_ports.first()).map(|p| p.name.clone());
    let per = match args.per {
        PerArg::Section => Per::Section,
        PerArg::Thread => Per::Thread,
    };
    let to = args.to.clone().or(first).unwrap_or_else(|| "Orders".to_owned());
    let file = args.file.display().to_string();
    let loadgen =
        LoadGen::read(&file, &bytes, &Options { to, per, send: args.send, create: args.create })?;
    warn(&loadgen.warnings);
    let text = match scenario {
        Some(scenario) => {
            let scenario = into_scenario(&loadgen, scenario)?;
            warn(&scenario.warnings);
            scenario.expanded_toml()
        }
        None => loadgen.to_toml(),
    };
    match &args.out {
        Some(path) => write(path, &text),
        None => say(text.trim_end()),
    }
}

fn write(path: &Path, text: &str) -> miette::Result<ExitCode> {
    std::fs::write(path, text).map_err(|error| {
        Problems::one(format!("cannot write '{}': {error}", path.display()), None)
    })?;
    Ok(ExitCode::SUCCESS)
}
