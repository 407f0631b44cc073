//! The page of one search for the maximum sustainable throughput.

use askama::Template;

use super::axis::{Axis, Tick};
use super::chart::{Chart, ChartError, Ink, Series};
use super::figures::Drawn;
use super::spread::SpreadTable;
use super::{Frame, Key, Origin, PageError, html, island};
use crate::mst::{CurvePoint, Elasticity, Limit, MstRecord, MstVerdict};
use crate::number::{
    confidence, count, elasticity, maybe_per_second, maybe_seconds, per_second, seconds,
    significant,
};

/// The report of one search: a page that needs nothing but itself. The same record gives the same
/// bytes.
pub fn mst_html(record: &MstRecord) -> Result<String, PageError> {
    let page = MstPage {
        frame: Frame {
            kind: "Maximum sustainable throughput",
            glossary: MstRecord::glossary(),
            island: island::embed(record)?,
        },
        state: match record.exit_code() {
            0 => "pass",
            1 => "fail",
            _ => "unknown",
        },
        headline: headline(record),
        answer: match (record.users, record.scale) {
            (Some(users), _) => format!("{}<small> users</small>", count(users)),
            (None, Some(scale)) => {
                format!("{}<small> times this scenario</small>", significant(scale, 4))
            }
            (None, None) => html(maybe_per_second(record.mst)),
        },
        interval: interval(record),
        keys: keys(record),
        origins: origins(record),
        probes: probes(record),
        chart: chart(record)?,
        curve: curve(record)?,
        next_at: record.next_limit.as_ref().map_or(String::new(), |next| full_at(next, 3)),
        follows: record.elasticities_of.as_deref().unwrap_or("the answer"),
        spread: record.spread.as_ref().map(SpreadTable::of),
        elasticities: elasticities(record),
        record,
    };
    Ok(page.render()?)
}

#[derive(Template)]
#[template(path = "mst.html")]
struct MstPage<'a> {
    frame: Frame,
    state: &'static str,
    headline: &'static str,
    answer: String,
    interval: String,
    keys: Vec<Key>,
    origins: Vec<Origin>,
    probes: Vec<ProbeLine<'a>>,
    chart: Drawn,
    curve: Drawn,
    next_at: String,
    follows: &'a str,
    spread: Option<SpreadTable<'a>>,
    elasticities: Vec<(&'a str, String)>,
    record: &'a MstRecord,
}

struct ProbeLine<'a> {
    number: usize,
    /// HTML.
    rate: String,
    /// HTML.
    seconds: String,
    seeds: usize,
    class: &'static str,
    verdict: &'static str,
    evidence: &'a str,
}

/// The verdict in words; also the first line in a terminal.
pub(crate) const fn headline(record: &MstRecord) -> &'static str {
    match record.verdict {
        MstVerdict::Sustainable => "Found, and confirmed by runs of its own",
        MstVerdict::Unsustainable => "No load that was tried is low enough",
        MstVerdict::Metastable => "Sustainable from empty, but it does not recover from a backlog",
        MstVerdict::InputThrottled => "The engine accepts less than is offered",
        MstVerdict::Lossy => "Documents were lost or suspended",
        MstVerdict::Broken => "An invariant was broken",
        MstVerdict::NonMonotone => "A higher load passed where a lower one failed",
        MstVerdict::Inconsistent => "The confirmation contradicts the search",
        MstVerdict::Undecided => "What was tried leaves it open: the evidence says why",
    }
}

/// At which load something would be full, in so many digits.
pub(crate) fn full_at(limit: &Limit, digits: usize) -> String {
    let least = if limit.at_least { " at least" } else { "" };
    let told = |bound| format!(" (full at {}/s{least})", significant(bound, digits));
    limit.bound.map(told).unwrap_or_default()
}

/// The answer: documents a second; users, or a multiple, and what they ask for.
pub(crate) fn answer(record: &MstRecord) -> String {
    let rate = maybe_per_second(record.mst).to_string();
    match (record.users, record.scale) {
        (Some(users), _) => format!("{} users, {rate}", count(users)),
        (None, Some(scale)) => {
            format!("{} times this scenario, {}", significant(scale, 4), multiple(record))
        }
        (None, None) => rate,
    }
}

/// What a multiple of a scenario comes to: documents, by when, and how many a second.
fn multiple(record: &MstRecord) -> String {
    let documents = count(record.scale_documents.unwrap_or_default() as u64);
    let by = maybe_seconds(record.scale_seconds);
    format!("{documents} documents by {by}, {}", maybe_per_second(record.mst))
}

/// Whether the load ends, or waits for its answers: it overloads nothing for ever, so that there is
/// no capacity to tell.
pub(crate) const fn is_bounded(record: &MstRecord) -> bool {
    record.users.is_some() || record.scale.is_some()
}

/// The interval in words, or why there is none.
pub(crate) fn interval(record: &MstRecord) -> String {
    let at = match record.confidence {
        Some(share) => format!("at {} % confidence", confidence(share)),
        None => "at no confidence that could be stated".to_owned(),
    };
    if let Some([low, high]) = record.users_interval {
        return format!("between {} and {} users {at}", count(low), count(high));
    }
    if let Some([low, high]) = record.scale_interval {
        let [low, high] = [low, high].map(|end| significant(end, 4));
        return format!("between {low} and {high} times {at}");
    }
    let told = |[low, high]: [f64; 2]| format!("{} {at}", between(low, high));
    record.interval.map_or_else(|| "no interval".to_owned(), told)
}

fn between(low: f64, high: f64) -> String {
    format!("between {} and {}", significant(low, 4), per_second(high))
}

/// The load from which the plant recovers, with its interval if it has one of its own.
pub(crate) fn recovers(record: &MstRecord) -> String {
    let told = maybe_per_second(record.recover).to_string();
    match record.recover_interval {
        Some([low, high]) => format!("{told}, {}", between(low, high)),
        None => told,
    }
}

fn keys(record: &MstRecord) -> Vec<Key> {
    let key = |label, value, note: &str| Key { label, value, note: note.to_owned() };
    let asked = html(maybe_per_second(record.mst));
    let tried = [
        key("Probes", count(record.probes.len() as u64), "loads that were tried"),
        key("Documents", count(record.documents_simulated), "simulated in all"),
    ];
    if is_bounded(record) {
        let note = match record.users {
            Some(_) => "by so many users".to_owned(),
            None => multiple(record),
        };
        return [key("Asked for", asked, &note)].into_iter().chain(tried).collect();
    }
    let still = "a backlog still drains at this load";
    let still = match record.recover_interval {
        Some([low, high]) => format!("{still}; {}", between(low, high)),
        None => still.to_owned(),
    };
    let recover = html(maybe_per_second(record.recover));
    let full = [
        key("Capacity", html(maybe_per_second(record.capacity)), "with work always waiting"),
        key("Recovers below", recover, &still),
    ];
    full.into_iter().chain(tried).collect()
}

fn origins(record: &MstRecord) -> Vec<Origin> {
    let origin = |label, text: &str| Origin { label, text: text.to_owned() };
    vec![
        origin("Goal that binds", &record.goal),
        origin("Seed", &record.seed.to_string()),
        origin("Scenario hash", &record.scenario_hash),
        Origin { label: "Search took", text: seconds(record.wall_seconds).to_string() },
        origin("Floodgate", &record.engine_version),
    ]
}

fn probes(record: &MstRecord) -> Vec<ProbeLine<'_>> {
    let probes = record.probes.iter().zip(1..);
    probes
        .map(|(probe, number)| ProbeLine {
            number,
            rate: html(per_second(probe.rate)),
            seconds: html(seconds(probe.seconds)),
            seeds: probe.seeds.len(),
            class: ink(probe.verdict).class(),
            verdict: probe.verdict.word(),
            evidence: &probe.evidence,
        })
        .collect()
}

fn elasticities(record: &MstRecord) -> Vec<(&str, String)> {
    let text = |one: &Elasticity| match one.interval {
        _ if one.sides.is_some() => {
            let sides = one.bent().unwrap_or_default();
            format!("{} ({sides})", html(elasticity(one.value)))
        }
        Some(_) if one.is_indistinct() => "not distinguishable".to_owned(),
        Some([low, high]) => {
            format!("{} ({low:+.2} to {high:+.2})", html(elasticity(one.value)))
        }
        None => html(elasticity(one.value)),
    };
    record.elasticities.iter().map(|one| (one.knob.as_str(), text(one))).collect()
}

/// A probe either holds, does not, or cannot tell.
const fn ink(verdict: MstVerdict) -> Ink {
    match verdict {
        MstVerdict::Sustainable => Ink::First,
        MstVerdict::Unsustainable
        | MstVerdict::Metastable
        | MstVerdict::InputThrottled
        | MstVerdict::Lossy
        | MstVerdict::Broken => Ink::Second,
        MstVerdict::NonMonotone | MstVerdict::Inconsistent | MstVerdict::Undecided => Ink::Aside,
    }
}

/// Every probe as a dot: its load across, its turn upwards, so that the search is seen to close in.
fn chart(record: &MstRecord) -> Result<Drawn, ChartError> {
    let kinds = [
        (Ink::First, "sustainable"),
        (Ink::Second, "not sustainable"),
        (Ink::Aside, "cannot tell"),
    ];
    let dots = |wanted: Ink| {
        let probes = record.probes.iter().zip(1_u32..);
        let of_kind = probes.filter(move |(probe, _)| ink(probe.verdict) == wanted);
        of_kind.map(|(probe, turn)| (probe.rate, f64::from(turn))).collect::<Vec<_>>()
    };
    let series = kinds
        .map(|(ink, name)| Series { name: name.to_owned(), ink, points: dots(ink) })
        .into_iter()
        .filter(|series| !series.points.is_empty())
        .collect();
    let rates = || record.probes.iter().map(|probe| probe.rate).chain(record.mst);
    let low = rates().fold(f64::INFINITY, f64::min);
    let high = rates().fold(0.0, f64::max);
    let chart = Chart {
        title: "Where the probes fell".into(),
        axes: "turn, by load offered in documents/s".into(),
        x: if low.is_finite() { Axis::between(low, high) } else { Axis::value(1.0) },
        y: turns(record.probes.len()),
        series,
        shades: record.interval.map(|[low, high]| (low, high)).into_iter().collect(),
        dots: true,
        whiskers: Vec::new(),
        guides: Vec::new(),
    };
    Drawn::new(chart, "No load was tried.")
}

/// What gets through by what there is to do, over decades of backlog.
fn curve(record: &MstRecord) -> Result<Drawn, ChartError> {
    let point = |one: &CurvePoint| (libm::log10(one.backlog.max(1) as f64), one.rate);
    let points: Vec<(f64, f64)> = record.curve.iter().map(point).collect();
    let last = points.last().map_or(1.0, |point| point.0);
    let top = points.iter().map(|point| point.1).fold(0.0, f64::max);
    let chart = Chart {
        title: "What gets through by what there is to do".into(),
        axes: "documents/s, by backlog held".into(),
        x: powers(last),
        y: Axis::value(top.max(1.0)),
        series: (!points.is_empty())
            .then(|| Series { name: "throughput".into(), ink: Ink::First, points })
            .into_iter()
            .collect(),
        shades: Vec::new(),
        dots: true,
        whiskers: Vec::new(),
        guides: Vec::new(),
    };
    Drawn::new(chart, "No backlog was held.")
}

/// Powers of ten from one to the one after `last`.
fn powers(last: f64) -> Axis {
    let to = libm::ceil(last).max(1.0) as u32;
    let tick = |power: u32| Tick { at: f64::from(power), label: 10_u64.pow(power).to_string() };
    Axis { from: 0.0, to: f64::from(to), ticks: (0..=to.min(12)).map(tick).collect() }
}

/// Whole turns, the first and last with room around their dots.
fn turns(probes: usize) -> Axis {
    let step = (probes / 5).max(1);
    let tick = |turn: usize| Tick { at: turn as f64, label: turn.to_string() };
    let ticks = (1..=probes).step_by(step).map(tick).collect();
    Axis { from: 0.0, to: probes as f64 + 1.0, ticks }
}
