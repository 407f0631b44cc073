//! The charts of a run: which series each one shows, and what it says when there is nothing to
//! show.

use askama::Template;
use hdrhistogram::Histogram;

use super::axis::Axis;
use super::chart::{Chart, ChartError, Ink, Series};
use super::thin::thin;
use crate::record::Record;
use crate::samples::{BACKLOG, OFFERED, PROCESSED, RECEIVED, SPOOL_SIZE, Samples};

/// A chart with its title and legend, as HTML.
#[derive(Template)]
#[template(path = "chart.html")]
pub(crate) struct Drawn {
    chart: Chart,
    svg: String,
    /// What to say instead, when nothing was measured.
    nothing: &'static str,
}

impl Drawn {
    pub(crate) fn new(chart: Chart, nothing: &'static str) -> Result<Self, ChartError> {
        let svg = if chart.is_empty() { String::new() } else { chart.svg()? };
        Ok(Self { chart, svg, nothing })
    }
}

const NO_SAMPLES: &str = "No samples were taken: the run was shorter than one sampling interval.";

/// Documents offered, received and processed over time.
pub(crate) fn rates(record: &Record, samples: &Samples) -> Result<Drawn, ChartError> {
    let series = named(
        samples,
        &[
            (RECEIVED, "received", Ink::First),
            (PROCESSED, "processed", Ink::Second),
            // Last, so that it lies on top of what follows it closely.
            (OFFERED, "offered", Ink::Aside),
        ],
    );
    let title = "Documents offered, received and processed over time";
    Drawn::new(over_time(title, "documents/s", series, record, samples), NO_SAMPLES)
}

/// Spool and backlog over time.
pub(crate) fn spool(record: &Record, samples: &Samples) -> Result<Drawn, ChartError> {
    let series =
        named(samples, &[(BACKLOG, "backlog", Ink::Aside), (SPOOL_SIZE, "spool", Ink::First)]);
    let title = "Spool and backlog over time";
    Drawn::new(over_time(title, "rows, documents", series, record, samples), NO_SAMPLES)
}

/// Every counter that has no chart of its own.
pub(crate) fn others(record: &Record, samples: &Samples) -> Result<Vec<Drawn>, ChartError> {
    let drawn = [OFFERED, RECEIVED, PROCESSED, SPOOL_SIZE, BACKLOG];
    let columns = samples.columns.iter().filter(|column| !drawn.contains(&column.name.as_str()));
    columns
        .take(COUNTERS_MAX)
        .map(|column| {
            let series = named(samples, &[(&column.name, &column.name, Ink::First)]);
            let chart = over_time(&column.name, &column.unit, series, record, samples);
            Drawn::new(chart, NO_SAMPLES)
        })
        .collect()
}

/// More counters than this are left to `samples.csv`: a page stays below 1 MB.
pub(crate) const COUNTERS_MAX: usize = 48;

/// Latency by percentile, each nine as wide as the one before.
pub(crate) fn percentiles(latency_ns: &Histogram<u64>) -> Result<Drawn, ChartError> {
    let samples_max = latency_ns.len().max(1) as f64;
    let x = Axis::nines(libm::log10(samples_max));
    // Beyond one sample in so many there is nothing left to tell apart.
    let reach = libm::log10(samples_max).min(x.to);
    let points: Vec<_> = match latency_ns.is_empty() {
        true => Vec::new(),
        false => (0..=200)
            .map(|n| reach * f64::from(n) / 200.0)
            .map(|nines| (nines, at_nines(latency_ns, nines)))
            .collect(),
    };
    let low = points.iter().map(|point| point.1).fold(f64::INFINITY, f64::min);
    let high = points.iter().map(|point| point.1).fold(0.0, f64::max);
    // A straight scale hides the body of a distribution whose tail is a retry away.
    let logarithmic = low > 0.0 && low.is_finite() && high > low * 50.0;
    let (y, scale, points) = match logarithmic {
        true => (
            Axis::decades(low, high),
            ", logarithmic",
            points.into_iter().map(|(x, y)| (x, libm::log10(y))).collect(),
        ),
        false => (Axis::seconds(high), "", points),
    };
    let chart = Chart {
        title: "Latency by percentile".into(),
        axes: format!("latency{scale}, by the share of samples no slower"),
        x,
        y,
        series: vec![Series { name: "latency".into(), ink: Ink::First, points }],
        shades: Vec::new(),
        dots: false,
        whiskers: Vec::new(),
        guides: Vec::new(),
    };
    Drawn::new(chart, "Nothing was transmitted in the measured window, so there is no latency.")
}

/// The latency at 1 − 10⁻ⁿ, in seconds.
fn at_nines(latency_ns: &Histogram<u64>, nines: f64) -> f64 {
    let share = 1.0 - libm::pow(10.0, -nines);
    latency_ns.value_at_quantile(share) as f64 / 1e9
}

fn named(samples: &Samples, wanted: &[(&str, &str, Ink)]) -> Vec<Series> {
    wanted
        .iter()
        .filter_map(|(counter, name, ink)| {
            let points = thin(&samples.series(counter)?);
            Some(Series { name: (*name).to_owned(), ink: *ink, points })
        })
        .collect()
}

fn over_time(
    title: &str,
    unit: &str,
    series: Vec<Series>,
    record: &Record,
    samples: &Samples,
) -> Chart {
    let last = samples.rows.last().map_or(0.0, |row| row.at_seconds);
    let points = series.iter().flat_map(|series| &series.points);
    let max = points.map(|point| point.1).filter(|value| value.is_finite()).fold(0.0, f64::max);
    let shaded = samples.phases.iter().filter(|phase| phase.is_shaded());
    let y = if unit == "s" { Axis::seconds(max) } else { Axis::value(max) };
    let unit = if unit == "s" { "time" } else { unit };
    Chart {
        title: title.to_owned(),
        axes: format!("{unit}, over virtual time"),
        x: Axis::time(last.max(record.virtual_seconds)),
        y,
        series,
        shades: shaded.map(|phase| (phase.from_seconds, phase.to_seconds)).collect(),
        dots: false,
        whiskers: Vec::new(),
        guides: Vec::new(),
    }
}
