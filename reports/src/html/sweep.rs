//! The page of one sweep: the paired table of every metric, and what limits each setting.

use askama::Template;

use super::axis::{Axis, Tick};
use super::chart::{Chart, ChartError, Ink, Series};
use super::figures::Drawn;
use super::{Frame, Key, Origin, PageError, island};
use crate::number::{confidence, count};
use crate::sweep::{SweepMetric, SweepRecord, SweepRow};
use crate::sweep_table::{difference, estimate, interval, no_interval, remark, settings_of};
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
    record: &'a SweepRecord,
}

struct MetricPart<'a> {
    name: &'a str,
    chart: Drawn,
    lines: Vec<MetricLine>,
}

struct MetricLine {
    number: usize,
    settings: Vec<String>,
    estimate: String,
    interval: String,
    difference: String,
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
            remark: remark(number, metric),
        }
    };
    let own: Vec<&SweepMetric> = record.rows.iter().map(|row| &row.metrics[at]).collect();
    let name = own.first().map_or("", |metric| metric.name.as_str());
    let lines = record.rows.iter().enumerate().map(line).collect();
    Ok(MetricPart { name, chart: chart(name, &own)?, lines })
}

/// The mean of every setting between the ends of its interval.
fn chart(name: &str, rows: &[&SweepMetric]) -> Result<Drawn, ChartError> {
    let unit = rows.first().map_or("", |metric| metric.unit.as_str());
    let numbered = || rows.iter().zip(1_u32..).map(|(metric, at)| (f64::from(at), metric));
    let means = numbered().filter_map(|(at, metric)| Some((at, metric.estimate?)));
    let ends = numbered()
        .flat_map(|(at, metric)| metric.interval.into_iter().flatten().map(move |end| (at, end)));
    let (means, ends): (Vec<_>, Vec<_>) = (means.collect(), ends.collect());
    let high = means.iter().chain(&ends).map(|(_, value)| *value).fold(0.0, f64::max);
    let named = |name: &str, ink, points| Series { name: name.to_owned(), ink, points };
    let series =
        [named("mean", Ink::First, means), named("ends of its interval", Ink::Aside, ends)];
    let chart = Chart {
        title: name.to_owned(),
        axes: format!("{unit}, by setting"),
        x: settings(rows.len()),
        y: if unit == "s" { Axis::seconds(high) } else { Axis::value(high) },
        series: series.into_iter().filter(|series| !series.points.is_empty()).collect(),
        shades: Vec::new(),
        dots: true,
    };
    Drawn::new(chart, "No setting had a value.")
}

/// One place a setting, with room around the first and the last.
fn settings(count: usize) -> Axis {
    let step = (count / 10).max(1);
    let tick = |at: usize| Tick { at: at as f64, label: at.to_string() };
    Axis { from: 0.0, to: count as f64 + 1.0, ticks: (1..=count).step_by(step).map(tick).collect() }
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
    lines.chain(no_interval(record).map(str::to_owned)).collect()
}
