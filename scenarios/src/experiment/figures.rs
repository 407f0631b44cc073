//! Figures of a run by name, and the published values beside them.

use floodgate_reports::{PublishedUse, Record, TrackingUse, Verdict, VerdictRow};

use crate::plan::Scenario;
use crate::plan::expect::ExpectFigure;
use crate::plan::figure::{Figure, What};
use crate::plan::phase::PhaseKind;

/// The published values of a scenario, each with what the run came to.
#[must_use]
pub fn published(scenario: &Scenario, record: &Record) -> Vec<PublishedUse> {
    let one = |own: &crate::plan::published::Published| {
        let worth = own.figure.worth(&own.unit).unwrap_or(1.0);
        let simulated = value(&own.figure, scenario, record).map(|value| value / worth);
        PublishedUse::of(own.figure.title(), (own.value, &own.unit), simulated, &own.source)
    };
    scenario.published.iter().map(one).collect()
}

/// The verdicts on the figures that have limits; one that was not measured is not known.
#[must_use]
pub fn expected(scenario: &Scenario, record: &Record) -> Vec<VerdictRow> {
    let one = |own: &ExpectFigure| {
        let worth = own.figure.worth(&own.unit).unwrap_or(1.0);
        let found = value(&own.figure, scenario, record).map(|value| value / worth);
        let passes = |found: f64| {
            own.at_least.is_none_or(|least| found >= least)
                && own.at_most.is_none_or(|most| found <= most)
        };
        let verdict = match found.map(passes) {
            Some(true) => Verdict::Pass,
            Some(false) => Verdict::Fail,
            None => Verdict::Unknown,
        };
        let limits = [("at least", own.at_least), ("at most", own.at_most)];
        let limits: Vec<String> = limits
            .iter()
            .filter_map(|(word, limit)| Some(format!("{word} {}", (*limit)?)))
            .collect();
        let found = found.map_or("nothing".to_owned(), |found| {
            let digits = if found.abs() < 1000.0 { 2 } else { 0 };
            format!("{found:.digits$} {}", own.unit)
        });
        VerdictRow {
            name: format!("expect.{}", own.figure.title().replace(", ", ",").replace(' ', ".")),
            verdict,
            detail: format!("{found}, expected {}.", limits.join(" and ")),
        }
    };
    scenario.expect.figures.iter().map(one).collect()
}

/// A figure of a run in its own unit; `None` where nothing was measured.
#[must_use]
pub fn value(figure: &Figure, scenario: &Scenario, record: &Record) -> Option<f64> {
    if let Some(phase) = &figure.phase {
        return of_phase(figure.what, phase, record);
    }
    if !figure.of.is_empty() && figure.what != What::Utilisation {
        return of_some(figure, scenario, record);
    }
    let (documents, rate, latency) = (&record.documents, &record.rate, &record.latency_seconds);
    match figure.what {
        What::CpuPerDocument | What::RateRatio => None,
        What::DocumentsProcessed => Some(documents.processed as f64),
        What::DocumentsReceived => Some(documents.received as f64),
        What::DocumentsSuspended => Some(documents.suspended as f64),
        What::DrainTime => drain_time(record),
        What::LatencyMax => latency.max,
        What::LatencyMean => latency.mean,
        What::LatencyP50 => latency.p50,
        What::LatencyP99 => latency.p99,
        What::RateCollected => Some(record.spool.collected_per_second),
        What::RateOffered => Some(rate.offered),
        What::RateProcessed => Some(rate.processed),
        What::RateReceived => Some(rate.received),
        What::SpoolFinal => Some(record.spool.final_),
        What::SpoolMean => Some(record.spool.mean),
        What::SpoolPeak => Some(record.spool.max),
        What::TrackingMean => Some(tracking(record, |own| own.rows_mean)),
        What::TrackingPeak => Some(tracking(record, |own| own.rows_max)),
        What::TrackingSize => Some(tracking(record, |own| own.bytes as f64)),
        What::Utilisation => utilisation(&figure.of, record),
    }
}

/// A figure of one phase: its counts, and its rates by how long it lasted.
fn of_phase(what: What, phase: &str, record: &Record) -> Option<f64> {
    let phase = record.phases.iter().find(|known| known.name == phase)?;
    Some(match what {
        What::DocumentsProcessed => phase.processed as f64,
        What::DocumentsReceived => phase.received as f64,
        What::RateOffered => phase.per_second(phase.offered),
        What::RateProcessed => phase.per_second(phase.processed),
        What::RateReceived => phase.per_second(phase.received),
        What::SpoolFinal => phase.spool as f64,
        What::SpoolMean => phase.spool_mean?,
        What::TrackingMean => phase.tracking_mean?,
        What::CpuPerDocument
        | What::DocumentsSuspended
        | What::DrainTime
        | What::LatencyMax
        | What::LatencyMean
        | What::LatencyP50
        | What::LatencyP99
        | What::RateCollected
        | What::RateRatio
        | What::SpoolPeak
        | What::TrackingPeak
        | What::TrackingSize
        | What::Utilisation => return None,
    })
}

/// Of tracking, which is nothing where nothing is tracked.
fn tracking(record: &Record, read: fn(&TrackingUse) -> f64) -> f64 {
    record.tracking.as_ref().map_or(0.0, read)
}

/// A figure of some servers or send ports.
fn of_some(figure: &Figure, scenario: &Scenario, record: &Record) -> Option<f64> {
    let ports = || record.ports.iter().filter(|port| figure.of.contains(&port.name));
    Some(match figure.what {
        What::CpuPerDocument => {
            let cores = |name: &String| {
                let cores = f64::from(scenario.server(name)?.cores);
                Some(cores * utilisation(std::slice::from_ref(name), record)?)
            };
            let busy = figure.of.iter().map(cores).sum::<Option<f64>>()?;
            busy / Some(record.rate.received).filter(|rate| *rate > 0.0)?
        }
        What::DocumentsProcessed => ports().map(|port| port.processed as f64).sum(),
        What::DocumentsSuspended => ports().map(|port| port.suspended as f64).sum(),
        What::RateProcessed => ports().map(|port| port.rate).sum(),
        What::RateRatio => {
            let rate = |at: usize| {
                let port = record.ports.iter().find(|port| port.name == figure.of[at])?;
                Some(port.rate).filter(|rate| *rate > 0.0)
            };
            rate(0)? / rate(1)?
        }
        What::DocumentsReceived
        | What::DrainTime
        | What::LatencyMax
        | What::LatencyMean
        | What::LatencyP50
        | What::LatencyP99
        | What::RateCollected
        | What::RateOffered
        | What::RateReceived
        | What::SpoolFinal
        | What::SpoolMean
        | What::SpoolPeak
        | What::TrackingMean
        | What::TrackingPeak
        | What::TrackingSize
        | What::Utilisation => return None,
    })
}

/// The mean over servers, of which it is their processors, and resources.
fn utilisation(names: &[String], record: &Record) -> Option<f64> {
    let one = |name: &String| {
        let of = |wanted: &str| record.resources.iter().find(|known| known.name == wanted);
        of(&format!("{name} CPU")).or_else(|| of(name)).map(|known| known.utilisation)
    };
    let sum = names.iter().map(one).sum::<Option<f64>>()?;
    (!names.is_empty()).then(|| sum / names.len() as f64)
}

/// From the beginning of the drain, where nothing is sent any more, until the spool is empty.
fn drain_time(record: &Record) -> Option<f64> {
    let drain = PhaseKind::Drain.word();
    let drains = record.phases.iter().rev().take_while(|phase| phase.kind == drain);
    let from = drains.last()?.from_seconds;
    Some((record.spool.emptied_seconds? - from).max(0.0))
}
