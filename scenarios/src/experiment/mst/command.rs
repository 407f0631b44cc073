//! The verb `mst`: a search for whoever asked on the command line.

use std::process::ExitCode;

use floodgate_reports as reports;

use super::{Ask, Journal, STEPS_EXPLAINED, STEPS_MAX, search_again, search_on};
use crate::cli::{MstArgs, say, say_json, warn};
use crate::experiment::progress::Progress;
use crate::experiment::spread::Spread;
use crate::plan::Problems;

/// Searches, prints what was found, and leaves a folder if asked to.
///
/// # Errors
///
/// Mistakes of the scenario, and of the file system.
pub fn execute(args: &MstArgs) -> miette::Result<ExitCode> {
    let (name, scenario) = args.scenario.read()?;
    if !args.json {
        warn(&scenario.warnings);
    }
    let ask = Ask {
        precision: args.precision,
        recovery: args.recovery,
        steps_max: args.max_steps.unwrap_or(match args.elasticities {
            true => STEPS_EXPLAINED,
            false => STEPS_MAX,
        }),
        threads: args.threads.count(),
        explain: args.elasticities,
        spread: args.spread != Spread::Never,
        as_written: args.as_written,
        ..Ask::DEFAULT
    }
    .lasting(args.max_seconds);
    let told = |error: &dyn std::fmt::Display| Problems::one(error.to_string(), None);
    let journal = match &args.out {
        Some(dir) => Journal::open(dir, &scenario).map_err(|error| told(&error))?,
        None => Journal::default(),
    }
    .watched(Progress::on_terminal());
    let mut record = search_on(&name, &scenario, ask, &journal)?;
    record.asked = args.asked();
    if args.spread == Spread::Always && record.spread.is_none() {
        search_again(&name, &scenario, ask, &mut record)?;
    }
    if let Some(dir) = &args.out {
        reports::write_mst(dir, &record).map_err(|error| told(&error))?;
    }
    let is_kept = journal.is_spent() && args.out.is_some();
    journal.close().map_err(|error| told(&error))?;
    if args.json {
        say_json(&record)?;
    } else {
        say(reports::mst_summary(&record).trim_end())?;
        if args.elasticities && (record.users.is_some() || record.scale.is_some()) {
            say("Elasticities are of a load that goes on for ever: none were sought of this one")?;
        }
        if is_kept {
            say("What was found is kept: the same with a greater --max-steps goes on from there")?;
        }
        let untried = scenario.profile.sets();
        if untried > 0 && record.spread.is_none() && args.spread == Spread::Auto {
            say(&format!(
                "{untried} other sets of prices fit as well: '--spread always' searches with them"
            ))?;
        }
    }
    Ok(ExitCode::from(record.exit_code()))
}
