//! From cells to rows: intervals, differences to the first setting, what limits.

use floodgate_reports as reports;
use floodgate_reports::{Limit, SweepMetric, SweepRecord, SweepRow, Verdict};

use super::axis::{axis, published};
use super::cell::Cell;
use super::design::Sweep;
use super::paired::{CONFIDENCE, Estimate, relative};

/// The record of a sweep whose cells came out as `cells`, in the order of their index.
#[must_use]
pub fn rows(sweep: &Sweep, cells: &[Cell]) -> SweepRecord {
    let (own, priced) = cells.split_at(sweep.own_cells());
    let groups: Vec<&[Cell]> = own.chunks(sweep.seeds as usize).collect();
    let row = |(at, group): (usize, &&[Cell])| {
        let own = row(sweep, at, group, groups[0]);
        priced.chunks(sweep.own_cells()).fold(own, |row, cells| {
            let groups: Vec<&[Cell]> = cells.chunks(sweep.seeds as usize).collect();
            spread(row, &self::row(sweep, at, groups[at], groups[0]))
        })
    };
    SweepRecord {
        schema_version: reports::SCHEMA_VERSION,
        scenario: sweep.source.name.clone(),
        scenario_hash: sweep.base.hash(),
        seed: sweep.base.seed,
        seeds: sweep.seeds,
        engine_version: env!("CARGO_PKG_VERSION").to_owned(),
        metric: sweep.question.metrics()[0].0.to_owned(),
        confidence: CONFIDENCE,
        vary: sweep.varied(),
        axis: axis(sweep),
        published: published(sweep),
        sets: sweep.priced.len() as u64,
        rows: groups.iter().enumerate().map(row).collect(),
    }
}

fn row(sweep: &Sweep, at: usize, cells: &[Cell], first: &[Cell]) -> SweepRow {
    let partners = (at > 0).then_some(first);
    let names = sweep.metrics();
    let one = |(n, name)| {
        let found = metric(sweep, (n, name), cells, partners);
        if has_tails(sweep, at) { without_intervals(found) } else { found }
    };
    let metrics: Vec<_> = names.into_iter().enumerate().map(one).collect();
    let main = &metrics[0];
    // Without a variance no interval would hold what it says, so nothing is told apart.
    let told = if has_tails(sweep, at) { Verdict::Unknown } else { Verdict::Pass };
    SweepRow {
        settings: sweep.setting(at).map(|(key, value)| (key.into(), value.into())).collect(),
        estimate: main.estimate,
        interval: main.interval,
        difference: main.difference,
        difference_interval: main.difference_interval,
        distinguishable: main.distinguishable,
        limit: most_frequent(cells),
        verdict: Verdict::overall(cells.iter().map(|cell| cell.verdict).chain([told])),
        failed: failed(cells),
        otherwise: 0,
        metrics,
    }
}

/// A row that knows what another set of prices made of its setting.
fn spread(mut row: SweepRow, other: &SweepRow) -> SweepRow {
    row.otherwise += u64::from(row.verdict != other.verdict);
    let wider = |known: Option<[f64; 2]>, own: Option<f64>, other: Option<f64>| {
        let [low, high] = known.or_else(|| own.map(|own| [own, own]))?;
        Some(other.map_or([low, high], |other| [low.min(other), high.max(other)]))
    };
    for (own, other) in row.metrics.iter_mut().zip(&other.metrics) {
        own.spread = wider(own.spread, own.estimate, other.estimate);
        own.difference_spread = wider(own.difference_spread, own.difference, other.difference);
    }
    row
}

fn metric(
    sweep: &Sweep,
    (n, (name, unit)): (usize, (String, String)),
    cells: &[Cell],
    partners: Option<&[Cell]>,
) -> SweepMetric {
    let values: Vec<Option<f64>> = cells.iter().map(|cell| cell.values[n]).collect();
    let all = |cells: &[Cell]| cells.iter().map(|cell| cell.values[n]).collect::<Option<Vec<_>>>();
    // Of a search each value may be off: the mean by as much, a difference by both. Means of runs
    // with the same draws are off together, and what is left shows in how their seeds differ.
    let blur = sweep.question.blur();
    let apart = if partners.into_iter().flatten().chain(cells).all(|cell| cell.is_mean) {
        0.0
    } else {
        2.0 * blur
    };
    let known = all(cells);
    let estimate = known.as_deref().and_then(Estimate::of);
    let estimate = estimate.map(|found| found.widened(found.mean * blur));
    let difference = partners
        .and_then(all)
        .and_then(|partners| Estimate::of(&relative(&known?, &partners)?))
        .map(|found| found.widened(apart * (1.0 + found.mean)));
    SweepMetric {
        name,
        unit,
        estimate: estimate.map(|found| found.mean),
        interval: estimate.map(Estimate::ends),
        difference: difference.map(|found| found.mean),
        difference_interval: difference.map(Estimate::ends),
        distinguishable: difference.is_some_and(Estimate::is_nonzero),
        spread: None,
        difference_spread: None,
        values,
    }
}

/// Whether a setting, or the first one, has a distribution without variance.
fn has_tails(sweep: &Sweep, at: usize) -> bool {
    [0, at].iter().any(|at| !sweep.scenarios[*at].tails().is_empty())
}

fn without_intervals(metric: SweepMetric) -> SweepMetric {
    SweepMetric {
        interval: None,
        difference: None,
        difference_interval: None,
        distinguishable: false,
        ..metric
    }
}

/// What did not pass, each once, with the seeds it did not pass with.
fn failed(cells: &[Cell]) -> Vec<String> {
    let mut all: Vec<(&str, Vec<String>)> = Vec::new();
    for (cell, what) in cells.iter().flat_map(|cell| cell.failed.iter().map(move |w| (cell, w))) {
        let seed = cell.seed.to_string();
        match all.iter_mut().find(|(known, _)| known == what) {
            Some((_, seeds)) => seeds.push(seed),
            None => all.push((what, vec![seed])),
        }
    }
    all.into_iter().map(|(what, seeds)| format!("{what} with seed {}", seeds.join(", "))).collect()
}

/// What limits most of the cells; of several the one that comes first.
fn most_frequent(cells: &[Cell]) -> Option<Limit> {
    let limits = || cells.iter().filter_map(|cell| cell.limit.as_ref());
    let votes = |limit: &Limit| limits().filter(|one| one.resource == limit.resource).count();
    let most = limits().map(votes).max()?;
    limits().find(|limit| votes(limit) == most).cloned()
}
