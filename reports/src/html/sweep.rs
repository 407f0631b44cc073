//! The page of one sweep: the paired table of every metric, and what limits each setting.

use askama::Template;

use super::axis::{Axis, Tick};
use super::chart::{Chart, ChartError, Ink, Series};
use super::figures::Drawn;
use super::{Frame, Key, Origin, PageError, island};
use crate::number::{confidence, count};
use crate::sweep::{SweepAxis, SweepMetric, SweepPublished, SweepRecord, SweepRow};
use crate::sweep_table::{
    difference, estimate, interval, no_interval, otherwise, over_prices, priced, remark,
    settings_of, value,
};
use crate::verdict::Verdict;

/// The report of one sweep: a page that needs nothing but itself. The same record gives the same
/// bytes.
pub fn sweep_html(record: &SweepRecord) -> Result<String, PageError> {
    let verdict = record.verdict();
    let metrics = record.rows.first().map_or(0, |row| row.metrics.len());
    let page = SweepPage {
        frame: Frame {
            kind: "What-if table",
            glossary: SweepRecord::glossary(),
            island: island::embed(record)?,
        },
        state: verdict.word(),
        verdict: verdict.word(),
        headline: headline(verdict),
        keys: keys(record),
        origins: origins(record),
        metrics: (0..metrics).map(|at| metric(record, at)).collect::<Result<_, _>>()?,
        limits: record.rows.iter().zip(1..).map(limit).collect(),
        failed: failed(record),
        over_prices: over_prices(record),
        record,
    };
    Ok(page.render()?)
}

#[derive(Template)]
#[template(path = "sweep.html")]
struct SweepPage<'a> {
    frame: Frame,
    state: &'static str,
    verdict: &'static str,
    headline: &'static str,
    keys: Vec<Key>,
    origins: Vec<Origin>,
    metrics: Vec<MetricPart<'a>>,
    limits: Vec<LimitLine<'a>>,
    failed: Vec<String>,
    over_prices: Option<String>,
    record: &'a SweepRecord,
}

struct MetricPart<'a> {
    name: &'a str,
    chart: Drawn,
    published: Option<String>,
    lines: Vec<MetricLine>,
}

struct MetricLine {
    number: usize,
    settings: Vec<String>,
    estimate: String,
    interval: String,
    difference: String,
    priced: String,
    remark: &'static str,
}

struct LimitLine<'a> {
    number: usize,
    verdict: &'static str,
    resource: &'a str,
    explanation: &'a str,
}

const fn headline(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "Every setting kept every promise",
        Verdict::Fail => "Some setting broke a promise",
        Verdict::Unknown => "Of some setting it cannot be told",
    }
}

fn keys(record: &SweepRecord) -> Vec<Key> {
    let key =
        |label, value: u64, note: &str| Key { label, value: count(value), note: note.to_owned() };
    let told = record.rows.iter().filter(|row| row.distinguishable).count();
    let metric = format!("from the first, by {}", record.metric);
    vec![
        key("Settings", record.rows.len() as u64, "each a row below"),
        key("Seeds", record.seeds.into(), "the same for every setting"),
        key("Distinguishable", told as u64, &metric),
    ]
}

fn origins(record: &SweepRecord) -> Vec<Origin> {
    let origin = |label, text: String| Origin { label, text };
    vec![
        origin("First seed", record.seed.to_string()),
        origin("Confidence", format!("{} %", confidence(record.confidence))),
        origin("Scenario hash", record.scenario_hash.clone()),
        origin("Floodgate", record.engine_version.clone()),
    ]
}

fn metric(record: &SweepRecord, at: usize) -> Result<MetricPart<'_>, ChartError> {
    let line = |(number, row): (usize, &SweepRow)| {
        let metric = &row.metrics[at];
        MetricLine {
            number: number + 1,
            settings: settings_of(record, row),
            estimate: estimate(metric),
            interval: metric.interval.map_or_else(String::new, |ends| interval(&metric.unit, ends)),
            difference: difference(metric),
            priced: priced(number, metric),
            remark: remark(number, metric),
        }
    };
    let name = record.rows.first().map_or("", |row| row.metrics[at].name.as_str());
    let published = record.published.iter().find(|row| row.metric == name);
    let published = published.map(|row| format!("Published: {}", row.source));
    let lines = record.rows.iter().enumerate().map(line).collect();
    Ok(MetricPart { name, chart: chart(record, at, name)?, published, lines })
}

/// The mean of every setting in its interval, beside what was published and what theory says.
fn chart(record: &SweepRecord, at: usize, name: &str) -> Result<Drawn, ChartError> {
    let rows: Vec<&SweepMetric> = record.rows.iter().map(|row| &row.metrics[at]).collect();
    let unit = rows.first().map_or("", |metric| metric.unit.as_str());
    let published = record.published.iter().find(|row| row.metric == name);
    let axis = published.and_then(|row| row.axis.as_ref()).or(record.axis.as_ref());
    let axis = axis.filter(|axis| axis.at.len() == rows.len());
    let places = |at: usize| axis.map_or(at as f64 + 1.0, |axis| axis.at[at]);
    let placed = || rows.iter().enumerate().map(|(at, metric)| (places(at), metric));
    let means: Vec<_> = placed().filter_map(|(at, own)| Some((at, own.estimate?))).collect();
    let whiskers: Vec<_> = placed().filter_map(|(at, own)| Some((at, own.interval?))).collect();
    let tops = whiskers.iter().map(|(_, ends)| ends[1]);
    let tops = tops.chain(means.iter().map(|(_, mean)| *mean));
    let high = tops.chain(published.map(|row| row.value)).fold(0.0, f64::max);
    let x = axis.map_or_else(|| settings(rows.len()), numbers);
    let y = if unit == "s" { Axis::seconds(high) } else { Axis::value(high) };
    let guides = published.map_or_else(Vec::new, |row| guides(row, unit, &x, &y));
    let along = axis.map_or("setting", |axis| &axis.name);
    let shown = if unit == "s" { "time" } else { unit };
    let name_of_dots = if whiskers.is_empty() { "mean" } else { "mean in its interval" };
    let means = Series { name: name_of_dots.to_owned(), ink: Ink::First, points: means };
    let chart = Chart {
        title: name.to_owned(),
        axes: format!("{shown}, by {along}"),
        x,
        y,
        series: vec![means],
        shades: Vec::new(),
        dots: true,
        whiskers,
        guides,
    };
    Drawn::new(chart, "No setting had a value.")
}

/// One place a setting, with room around the first and the last.
fn settings(count: usize) -> Axis {
    let step = (count / 10).max(1);
    let tick = |at: usize| Tick { at: at as f64, label: at.to_string() };
    Axis { from: 0.0, to: count as f64 + 1.0, ticks: (1..=count).step_by(step).map(tick).collect() }
}

/// From zero, unless the settings stand close together far from it; with room beside the outermost.
fn numbers(axis: &SweepAxis) -> Axis {
    const ROOM: f64 = 0.03;
    let low = axis.at.iter().copied().fold(f64::INFINITY, f64::min);
    let high = axis.at.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if low > high / 2.0 && low < high {
        return Axis::between(low, high);
    }
    let own = if axis.unit == "s" { Axis::seconds(high) } else { Axis::value(high) };
    let room = ROOM * own.to;
    Axis { from: own.from - room, to: own.to + room, ..own }
}

/// What was published as a level, and the lines of theory.
fn guides(row: &SweepPublished, unit: &str, x: &Axis, y: &Axis) -> Vec<Series> {
    let level =
        (Ink::Second, format!("published, {}", value(unit, Some(row.value))), (row.value, 0.0));
    let inks = [Ink::Aside, Ink::Third].into_iter().cycle();
    let own = row.lines.iter().zip(inks);
    let own = own.map(|(line, ink)| (ink, line.name.clone(), (line.at, line.slope)));
    let all = std::iter::once(level).chain(own);
    all.map(|(ink, name, line)| Series { name, ink, points: within(line, x, y) })
        .filter(|guide| !guide.points.is_empty())
        .collect()
}

/// The part of a line from zero on that lies in the chart.
fn within((at, slope): (f64, f64), x: &Axis, y: &Axis) -> Vec<(f64, f64)> {
    let (mut from, mut to) = (x.from.max(0.0), x.to);
    if slope.abs() > 0.0 {
        let (low, high) = ((y.from - at) / slope, (y.to - at) / slope);
        from = from.max(low.min(high));
        to = to.min(low.max(high));
    }
    let is_there = from < to && (slope.abs() > 0.0 || (y.from..=y.to).contains(&at));
    let ends = [from, to].map(|place| (place, at + slope * place));
    if is_there { ends.to_vec() } else { Vec::new() }
}

fn limit((row, number): (&SweepRow, usize)) -> LimitLine<'_> {
    let limit = row.limit.as_ref();
    LimitLine {
        number,
        verdict: row.verdict.word(),
        resource: limit.map_or("", |limit| &limit.resource),
        explanation: limit.map_or("", |limit| &limit.explanation),
    }
}

fn failed(record: &SweepRecord) -> Vec<String> {
    let lines = record.rows.iter().zip(1..).flat_map(|(row, number)| {
        row.failed.iter().map(move |what| format!("Setting {number}: {what}"))
    });
    let lines = lines.chain(otherwise(record));
    lines.chain(no_interval(record).map(str::to_owned)).collect()
}
