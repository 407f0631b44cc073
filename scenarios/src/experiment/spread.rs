//! How far a prediction moves over all prices that fit what was published as well.
//!
//! A profile that was fitted knows other sets of prices that miss no published figure by more than
//! a few per cent either (`[[also_fits]]`). Nobody can tell which of them is right, so a run is
//! done again with each, the same draws throughout, and its figures are told with both ends.

use clap::ValueEnum;
use floodgate_reports::{FigureSpread, Record, SpreadUse};

use super::figures;
use super::parallel::{cores, in_order};
use super::run::{Run, run_silently};
use crate::plan::{Problems, Scenario};

/// Events of all runs together up to which they are done unasked: a second or two.
const EVENTS_UNASKED: u64 = 40_000_000;
/// Resources that are told of: the busiest.
const RESOURCES_MAX: usize = 6;

/// When a prediction is made with other prices as well.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum Spread {
    /// Where it takes seconds
    #[default]
    Auto,
    /// However long it takes
    Always,
    /// Not at all
    Never,
}

/// A figure by its name, with its unit.
type Named = (String, &'static str, f64);

/// The scenario with every other set of prices that fits as well.
#[must_use]
pub fn alternatives(scenario: &Scenario) -> Vec<Scenario> {
    let costs = scenario.profile.alternatives(&scenario.costs);
    costs.into_iter().map(|costs| Scenario { costs, ..scenario.clone() }).collect()
}

/// Tells in a run's record how far its figures move, if that is wanted; or returns how many other
/// sets of prices nobody tried.
///
/// # Errors
///
/// A replay file that cannot be read.
pub fn spread(run: &mut Run, scenario: &Scenario, when: Spread) -> Result<usize, Problems> {
    let others = alternatives(scenario);
    let events = run.outcome.events.saturating_mul(others.len() as u64);
    let wanted = when == Spread::Always || (when == Spread::Auto && events <= EVENTS_UNASKED);
    if others.is_empty() || !wanted {
        return Ok(others.len());
    }
    let name = run.record.scenario.clone();
    let records = in_order(others.len(), cores(), |at| {
        run_silently(&name, &others[at]).map(|run| run.record)
    });
    let records = records.into_iter().collect::<Result<Vec<_>, _>>()?;
    tell(&mut run.record, scenario, &records);
    Ok(0)
}

fn tell(record: &mut Record, scenario: &Scenario, others: &[Record]) {
    let verdict = record.verdict();
    let figure = |(name, unit, value): Named| {
        let same = |other: &Record| named(other).into_iter().find(|one| one.0 == name);
        let of = |other| same(other).map(|one| one.2);
        FigureSpread::of(&name, unit, value, others.iter().filter_map(of))
    };
    record.spread = Some(SpreadUse {
        sets: others.len() as u64,
        otherwise: others.iter().filter(|other| other.verdict() != verdict).count() as u64,
        figures: told(record).into_iter().map(figure).collect(),
    });
    let published = figures::published(scenario, record);
    let errors =
        |at: usize| others.iter().filter_map(move |other| other.published[at].error_percent);
    let rows = published.into_iter().enumerate();
    record.published = rows.map(|(at, row)| row.spread_over(errors(at))).collect();
}

/// The figures of a run that a spread tells of.
fn told(record: &Record) -> Vec<Named> {
    let busiest: Vec<String> =
        (record.busiest().0.iter().take(RESOURCES_MAX)).map(|one| utilisation(&one.name)).collect();
    let is_told = |one: &Named| !one.0.starts_with("utilisation") || busiest.contains(&one.0);
    let mut all: Vec<Named> = named(record).into_iter().filter(is_told).collect();
    let place = |one: &Named| busiest.iter().position(|name| *name == one.0);
    all.sort_by_key(place);
    all
}

fn utilisation(resource: &str) -> String {
    format!("utilisation of {resource}")
}

/// Every figure that a record has and that prices may move.
fn named(record: &Record) -> Vec<Named> {
    let Record { rate, latency_seconds: latency, spool, .. } = record;
    let times = [
        ("latency.mean", latency.mean),
        ("latency.p50", latency.p50),
        ("latency.p99", latency.p99),
    ];
    let times = times.into_iter().filter_map(|(name, value)| Some((name, "ms", value? * 1e3)));
    [("rate.received", "/s", rate.received), ("rate.processed", "/s", rate.processed)]
        .into_iter()
        .chain(times)
        .chain([("spool.mean", "rows", spool.mean), ("spool.peak", "rows", spool.max)])
        .map(|(name, unit, value)| (name.to_owned(), unit, value))
        .chain(
            record
                .resources
                .iter()
                .map(|one| (utilisation(&one.name), "%", one.utilisation * 100.0)),
        )
        .collect()
}
