//! The page of one run.

use askama::Template;
use hdrhistogram::Histogram;

use super::figures::{COUNTERS_MAX, Drawn, others, percentiles, rates, spool};
use super::spread::SpreadTable;
use super::{Frame, Key, Origin, PageError, html, island};
use crate::alert::{Alert, alerts};
use crate::fate::{FateLine, SuspensionUse, answers, fates};
use crate::number::{count, maybe_seconds, mean, per_second, seconds, share, stretch};
use crate::published::PublishedUse;
use crate::record::{PhaseUse, Record};
use crate::samples::Samples;
use crate::table::suspended;
use crate::verdict::{Verdict, VerdictRow};

/// The report of one run: a page that needs nothing but itself.
///
/// `latency_ns` holds the latencies of the measured window in nanoseconds. The same arguments give
/// the same bytes.
pub fn run_html(
    record: &Record,
    samples: &Samples,
    latency_ns: &Histogram<u64>,
) -> Result<String, PageError> {
    let page = RunPage {
        frame: Frame {
            kind: "Floodgate run",
            glossary: Record::glossary(),
            island: island::embed(record)?,
        },
        state: record.verdict().word(),
        headline: headline(record),
        keys: keys(record),
        origins: origins(record),
        verdicts: record.verdicts_worst_first(),
        rates: rates(record, samples)?,
        spool: spool(record, samples)?,
        percentiles: percentiles(latency_ns)?,
        latencies: latencies(record),
        published: record.published.iter().map(|row| (row, row.cells())).collect(),
        spread: record.spread.as_ref().map(SpreadTable::of),
        fates: fates(record).into_iter().chain(answers(record)).collect(),
        suspensions: record.suspensions.iter().map(|row| (row, count(row.times))).collect(),
        phases: phases(record),
        resources: resources(record),
        ports: ports(record),
        alerts: alerts(samples),
        thinned: samples.thinned(),
        others: others(record, samples)?,
        counters_max: COUNTERS_MAX,
        record,
    };
    Ok(page.render()?)
}

#[derive(Template)]
#[template(path = "run.html")]
struct RunPage<'a> {
    frame: Frame,
    state: &'static str,
    headline: String,
    keys: Vec<Key>,
    origins: Vec<Origin>,
    verdicts: Vec<&'a VerdictRow>,
    rates: Drawn,
    spool: Drawn,
    percentiles: Drawn,
    latencies: Vec<(&'static str, String)>,
    published: Vec<(&'a PublishedUse, [String; 4])>,
    spread: Option<SpreadTable<'a>>,
    fates: Vec<FateLine>,
    suspensions: Vec<(&'a SuspensionUse, String)>,
    phases: Vec<PhaseLine>,
    resources: Vec<ResourceLine<'a>>,
    ports: Vec<PortLine<'a>>,
    alerts: Vec<Alert>,
    thinned: Option<String>,
    others: Vec<Drawn>,
    counters_max: usize,
    record: &'a Record,
}

/// Everything but the name and the kind is HTML.
struct PhaseLine {
    name: String,
    kind: String,
    lasts: String,
    offered: String,
    received: String,
    processed: String,
    backlog: String,
    spool: String,
}

/// Everything but the name is HTML.
struct ResourceLine<'a> {
    name: &'a str,
    /// The length of its bar, in per cent.
    bar: f64,
    utilisation: String,
    queue_mean: String,
    wait_mean: String,
}

/// Everything but the name is HTML.
struct PortLine<'a> {
    name: &'a str,
    processed: String,
    rate: String,
    attempts: String,
    resubmitted: String,
    suspended: String,
    latency_mean: String,
    latency_p99: String,
}

/// The overall verdict in words; also the first line in a terminal.
pub(crate) fn headline(record: &Record) -> String {
    let all = record.verdicts.len();
    let named = |verdict: Verdict| -> Vec<&str> {
        let rows = record.verdicts.iter().filter(|row| row.verdict == verdict);
        rows.map(|row| row.name.as_str()).collect()
    };
    match record.verdict() {
        Verdict::Fail => {
            let failed = named(Verdict::Fail);
            format!("{} of {all} checks failed: {}", failed.len(), failed.join(", "))
        }
        Verdict::Unknown => {
            let unknown = named(Verdict::Unknown);
            let (n, names) = (unknown.len(), unknown.join(", "));
            format!("{n} of {all} checks could not tell, none failed: {names}")
        }
        Verdict::Pass if all == 0 => "Nothing was checked".to_owned(),
        Verdict::Pass => format!("All {all} checks passed"),
    }
}

fn keys(record: &Record) -> Vec<Key> {
    let Record { rate, latency_seconds, documents, .. } = record;
    let key = |label, value, note: &str| Key { label, value, note: note.to_owned() };
    vec![
        key("Received", html(per_second(rate.received)), "documents accepted"),
        Key {
            label: "Processed",
            value: html(per_second(rate.processed)),
            note: match documents.repeated {
                0 => format!("transmitted, {} offered", per_second(rate.offered)),
                again => format!(
                    "transmitted, {} of them again after a process had ended, {} offered",
                    count(again),
                    per_second(rate.offered)
                ),
            },
        },
        Key {
            label: "Latency, p99",
            value: html(maybe_seconds(latency_seconds.p99)),
            note: ["99 in 100 were no slower".to_owned()]
                .into_iter()
                .chain(latency_seconds.brief())
                .collect::<Vec<_>>()
                .join(", "),
        },
        Key {
            label: "Suspended",
            value: count(documents.suspended),
            note: match suspended(documents) {
                note if note.is_empty() => "documents".to_owned(),
                note => note,
            },
        },
        Key {
            label: "Unfinished",
            value: count(documents.unfinished),
            note: format!(
                "of {} received, {} processed",
                count(documents.received),
                count(documents.processed)
            ),
        },
    ]
}

fn origins(record: &Record) -> Vec<Origin> {
    let origin = |label, text: &str| Origin { label, text: text.to_owned() };
    let (window, virtual_time) = (&record.window, seconds(record.virtual_seconds));
    vec![
        origin("Digest", &record.digest),
        origin("Scenario hash", &record.scenario_hash),
        origin("Seed", &record.seed.to_string()),
        origin("Cost profile", &record.profile),
        Origin { label: "Measured window", text: stretch(window.from_seconds, window.to_seconds) },
        Origin {
            label: "Virtual time",
            text: format!("{virtual_time}, simulated in {}", seconds(record.wall_seconds)),
        },
        origin("Floodgate", &record.engine_version),
    ]
}

fn latencies(record: &Record) -> Vec<(&'static str, String)> {
    let latency = &record.latency_seconds;
    let time = |value| html(maybe_seconds(value));
    vec![
        ("samples", count(latency.count)),
        ("mean", time(latency.mean)),
        ("p50", time(latency.p50)),
        ("p90", time(latency.p90)),
        ("p99", time(latency.p99)),
        ("p99.9", time(latency.p999)),
        ("slowest", time(latency.max)),
    ]
}

/// What the run went through; one phase alone is the run itself.
fn phases(record: &Record) -> Vec<PhaseLine> {
    let one = |phase: &PhaseUse| {
        let rate = |documents: u64| html(per_second(phase.per_second(documents)));
        PhaseLine {
            name: phase.name.clone(),
            kind: phase.kind.clone(),
            lasts: html(seconds(phase.to_seconds - phase.from_seconds)),
            offered: rate(phase.offered),
            received: rate(phase.received),
            processed: rate(phase.processed),
            backlog: count(phase.backlog),
            spool: count(phase.spool),
        }
    };
    let shown = if record.phases.len() > 1 { &record.phases[..] } else { &[] };
    shown.iter().map(one).collect()
}

/// The busiest first: that is where a reader looks for the limit.
fn resources(record: &Record) -> Vec<ResourceLine<'_>> {
    let busiest = record.busiest().0;
    busiest
        .into_iter()
        .map(|of| ResourceLine {
            name: &of.name,
            bar: match of.utilisation.is_finite() {
                true => (of.utilisation * 100.0).clamp(0.0, 100.0),
                false => 0.0,
            },
            utilisation: html(share(of.utilisation)),
            queue_mean: mean(of.queue_mean),
            wait_mean: html(seconds(of.wait_mean)),
        })
        .collect()
}

fn ports(record: &Record) -> Vec<PortLine<'_>> {
    record
        .ports
        .iter()
        .map(|port| PortLine {
            name: &port.name,
            processed: count(port.processed),
            rate: html(per_second(port.rate)),
            attempts: count(port.attempts),
            resubmitted: count(port.resubmitted),
            suspended: count(port.suspended),
            latency_mean: html(maybe_seconds(port.latency_mean)),
            latency_p99: html(maybe_seconds(port.latency_p99)),
        })
        .collect()
}
