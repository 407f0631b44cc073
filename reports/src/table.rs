//! The same record for a terminal: plain text that survives a pipe, a log file and `grep`.

use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};

use crate::alert::{ALERTS_MAX, alerts};
use crate::fate::{FateLine, answers, fates};
use crate::html::{
    mst_answer, mst_full_at, mst_headline, mst_interval, mst_is_bounded, mst_recovers, run_headline,
};
use crate::mst::MstRecord;
use crate::number::{
    count, elasticity, maybe_per_second, maybe_seconds, mean, per_second, seconds, share,
    significant,
};
use crate::record::{Documents, Record};
use crate::samples::{PROCESSED, SPOOL_SIZE, Samples};
use crate::sparkline::sparkline;
use crate::spread::SpreadUse;
use crate::verdict::{Verdict, VerdictRow};

/// A rule under the head and nothing else.
const STYLE: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// Ports, resources and probes beyond this many are left to `--json` and the page.
const ROWS_MAX: usize = 20;
/// How the names of the engine's own promises begin.
const INVARIANT: &str = "INV-";

/// One run: headline, figures, several send ports side by side, verdicts, the busiest resources and
/// a small chart.
pub fn run_summary(record: &Record, samples: &Samples) -> String {
    let mut parts = vec![
        format!("{}: {}\n{}", record.scenario, run_headline(record), record.about),
        run_figures(record),
    ];
    parts.extend(published(record));
    parts.extend(spread(record.spread.as_ref()));
    parts.extend(phases(record));
    parts.extend(ports(record));
    parts.extend(suspensions(record));
    parts.extend(verdicts(record));
    parts.extend(resources(record));
    parts.extend(alerted(samples));
    parts.extend(charts(samples));
    parts.push(format!("digest {}\n{}", record.digest, record.reproduce()));
    finish(&parts)
}

/// One search: the answer with its interval, the limit, and every load that was tried.
pub fn mst_summary(record: &MstRecord) -> String {
    let mst = mst_answer(record);
    let mut parts = vec![format!(
        "{}: {mst}, {}\n{} ({})",
        record.scenario,
        mst_interval(record),
        mst_headline(record),
        record.verdict.word(),
    )];
    parts.push(mst_figures(record));
    let limit = |title: &str, limit: &crate::mst::Limit, digits: usize| {
        format!("{title} {}: {}{}", limit.resource, limit.explanation, mst_full_at(limit, digits))
    };
    // The first one was measured.
    let limits = record.limit.iter().map(|one| limit("Limited by", one, 4));
    let next = record.next_limit.iter().map(|one| limit("Then by", one, 3));
    let limits: Vec<_> = limits.chain(next).collect();
    if !limits.is_empty() {
        parts.push(limits.join("\n"));
    }
    parts.extend(spread(record.spread.as_ref()));
    parts.extend(elasticities(record));
    parts.extend(probes(record));
    parts.push(record.reproduce());
    finish(&parts)
}

/// What the answer follows, the strongest first, each with where it lies.
fn elasticities(record: &MstRecord) -> Option<String> {
    if record.elasticities.is_empty() {
        return None;
    }
    let of = record.elasticities_of.as_deref().unwrap_or("the capacity");
    let mut table = table(&["1 % more of", &format!("moves {of} by"), "between"]);
    for one in &record.elasticities {
        let between = one.bent().unwrap_or_else(|| match one.interval {
            Some(_) if one.is_indistinct() => "not distinguishable".to_owned(),
            Some([low, high]) => format!("{low:+.2} and {high:+.2} %"),
            None => String::new(),
        });
        table.add_row([one.knob.clone(), elasticity(one.value).to_string(), between]);
    }
    Some(rendered(table, &[1]))
}

fn run_figures(record: &Record) -> String {
    let Record { rate, documents, latency_seconds: latency, spool, .. } = record;
    let rows = significant;
    let mut table = table(&[]);
    let ends = fates(record).into_iter().chain(answers(record));
    let ends = ends.map(|FateLine { name, value, note }| (name, value, note));
    let before = [
        ("Offered", per_second(rate.offered).to_string(), String::new()),
        (
            "Received",
            per_second(rate.received).to_string(),
            format!("{} documents", count(documents.received)),
        ),
        (
            "Processed",
            per_second(rate.processed).to_string(),
            format!("{} documents{}", count(documents.processed), again(documents.repeated)),
        ),
        ("Suspended", count(documents.suspended), suspended(documents)),
        ("Unfinished", count(documents.unfinished), given_up(documents.given_up)),
    ];
    let after = [
        (
            "Latency p99",
            maybe_seconds(latency.p99).to_string(),
            [
                Some(format!(
                    "mean {}, max {}",
                    maybe_seconds(latency.mean),
                    maybe_seconds(latency.max)
                )),
                latency.brief(),
            ]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(", "),
        ),
        (
            "Spool",
            rows(spool.mean, 3),
            format!("mean rows, max {}, at the end {}", rows(spool.max, 3), rows(spool.final_, 3)),
        ),
        (
            "Virtual time",
            seconds(record.virtual_seconds).to_string(),
            format!("simulated in {}", seconds(record.wall_seconds)),
        ),
    ];
    for (name, value, note) in before.into_iter().chain(ends).chain(after) {
        table.add_row(vec![name.to_owned(), value, note]);
    }
    rendered(table, &[1])
}

/// How many of them are still there, and how many had no subscriber.
pub(crate) fn suspended(documents: &Documents) -> String {
    let Documents { suspended, suspended_now, routing_failures, .. } = *documents;
    let there = (suspended > 0).then(|| match suspended_now {
        0 => "none of them at the end".to_owned(),
        now => format!("{} of them at the end", count(now)),
    });
    let unrouted = (routing_failures > 0)
        .then(|| format!("{} routing failure reports", count(routing_failures)));
    there.into_iter().chain(unrouted).collect::<Vec<_>>().join(", ")
}

/// What was suspended where, and why.
fn suspensions(record: &Record) -> Option<String> {
    let mut table = table(&["Suspended at", "Times", "Code", "Why"]);
    for row in record.suspensions.iter().take(ROWS_MAX) {
        table.add_row([&row.at, &count(row.times), &row.code, &row.reason]);
    }
    let hidden = record.suspensions.len().saturating_sub(ROWS_MAX);
    let more = if hidden == 0 { String::new() } else { format!("\n… and {hidden} more") };
    (!record.suspensions.is_empty()).then(|| rendered(table, &[1]) + &more)
}

/// What was sent a second time.
fn again(repeated: u64) -> String {
    match repeated {
        0 => String::new(),
        _ => format!(", {} of them again, after a process had ended", count(repeated)),
    }
}

/// What the senders of loads gave up, if they gave up any.
fn given_up(interchanges: u64) -> String {
    if interchanges == 0 {
        return String::new();
    }
    format!("{} interchanges were given up by their senders", count(interchanges))
}

/// What was published, beside what was simulated.
fn published(record: &Record) -> Option<String> {
    let is_spread = record.published.iter().any(|row| row.spread_percent.is_some());
    let spread = is_spread.then_some("Spread");
    let head = ["Figure", "Published", "Simulated", "Error"];
    let head: Vec<_> = head.into_iter().chain(spread).chain(["Source"]).collect();
    let mut table = table(&head);
    for row in &record.published {
        let [published, simulated, error, between] = row.cells();
        let cells = [row.figure.clone(), published, simulated, error].into_iter();
        table.add_row(cells.chain(is_spread.then_some(between)).chain([row.source.clone()]));
    }
    let numbers: &[usize] = if is_spread { &[1, 2, 3, 4] } else { &[1, 2, 3] };
    (!record.published.is_empty()).then(|| rendered(table, numbers))
}

/// How far figures move over other prices that fit as well.
fn spread(spread: Option<&SpreadUse>) -> Option<String> {
    let spread = spread?;
    let mut table = table(&["Figure", "Here", "At least", "At most"]);
    for one in spread.figures.iter().take(ROWS_MAX) {
        let [value, low, high] = one.cells();
        table.add_row([one.figure.clone(), value, low, high]);
    }
    let table = rendered(table, &[1, 2, 3]);
    Some(format!("Over {}:\n{table}", spread.over()))
}

/// What the run went through; one phase alone is the run itself.
fn phases(record: &Record) -> Option<String> {
    if record.phases.len() < 2 {
        return None;
    }
    let head = ["Phase", "Begins", "Lasts", "Offered", "Received", "Processed", "Backlog", "Spool"];
    let mut table = table(&head);
    for phase in record.phases.iter().take(ROWS_MAX) {
        table.add_row(vec![
            phase.name.clone(),
            seconds(phase.from_seconds).to_string(),
            seconds(phase.to_seconds - phase.from_seconds).to_string(),
            per_second(phase.per_second(phase.offered)).to_string(),
            per_second(phase.per_second(phase.received)).to_string(),
            per_second(phase.per_second(phase.processed)).to_string(),
            count(phase.backlog),
            count(phase.spool),
        ]);
    }
    let hidden = record.phases.len().saturating_sub(ROWS_MAX);
    let more = if hidden == 0 { String::new() } else { format!("\n… and {hidden} more") };
    Some(rendered(table, &[1, 2, 3, 4, 5, 6, 7]) + &more)
}

/// The send ports side by side; a single one does what the figures say.
fn ports(record: &Record) -> Option<String> {
    if record.ports.len() < 2 {
        return None;
    }
    let mut table = table(&[
        "Send port",
        "Processed",
        "Rate",
        "Attempts",
        "Resubmitted",
        "Suspended",
        "Latency p99",
    ]);
    for port in record.ports.iter().take(ROWS_MAX) {
        table.add_row(vec![
            port.name.clone(),
            count(port.processed),
            per_second(port.rate).to_string(),
            count(port.attempts),
            count(port.resubmitted),
            count(port.suspended),
            maybe_seconds(port.latency_p99).to_string(),
        ]);
    }
    let hidden = record.ports.len().saturating_sub(ROWS_MAX);
    let more = if hidden == 0 { String::new() } else { format!("\n… and {hidden} more") };
    Some(rendered(table, &[1, 2, 3, 4, 5, 6]) + &more)
}

/// The verdicts, worst first; promises that were kept on one line.
fn verdicts(record: &Record) -> Option<String> {
    if record.verdicts.is_empty() {
        return None;
    }
    let is_kept =
        |row: &&VerdictRow| row.verdict == Verdict::Pass && row.name.starts_with(INVARIANT);
    let (kept, told): (Vec<_>, Vec<_>) =
        record.verdicts_worst_first().into_iter().partition(is_kept);
    let mut parts = Vec::new();
    if !told.is_empty() {
        let mut table = table(&["Verdict", "Check", "What was seen"]);
        for row in told {
            table.add_row(vec![row.verdict.word(), &row.name, &row.detail]);
        }
        parts.push(rendered(table, &[]));
    }
    if !kept.is_empty() {
        let names: Vec<&str> = kept.iter().map(|row| row.name.as_str()).collect();
        let noun = if names.len() == 1 { "invariant" } else { "invariants" };
        parts.push(format!("{} {noun} kept: {}", names.len(), names.join(" ")));
    }
    if !record.not_exercised.is_empty() {
        let names = &record.not_exercised;
        let count = names.len();
        parts.push(format!("{count} had no occasion here, not exercised: {}", names.join(" ")));
    }
    Some(parts.join("\n"))
}

fn resources(record: &Record) -> Option<String> {
    let (busiest, idle) = record.busiest();
    let unused =
        format!("{idle} never in use: without work, or without a price ({})", record.profile);
    if busiest.is_empty() {
        return (idle > 0).then(|| format!("Resources: {unused}"));
    }
    let mut table = table(&["Resource", "Utilisation", "Mean queue", "Mean wait"]);
    for one in busiest.iter().take(ROWS_MAX) {
        table.add_row(vec![
            one.name.clone(),
            share(one.utilisation).to_string(),
            mean(one.queue_mean),
            seconds(one.wait_mean).to_string(),
        ]);
    }
    let hidden = busiest.len().saturating_sub(ROWS_MAX);
    let less = if hidden == 0 { String::new() } else { format!("\n… and {hidden} less busy") };
    let none = if idle == 0 { String::new() } else { format!("\n… and {unused}") };
    Some(rendered(table, &[1, 2, 3]) + &less + &none)
}

/// What monitoring would have alerted on.
fn alerted(samples: &Samples) -> Option<String> {
    let alerts = alerts(samples);
    let mut table = table(&["Alert", "Counter", "What was sampled"]);
    for alert in alerts.iter().take(ALERTS_MAX) {
        table.add_row([alert.by, &alert.counter, &alert.seen]);
    }
    let hidden = alerts.len().saturating_sub(ALERTS_MAX);
    let more = if hidden == 0 { String::new() } else { format!("\n… and {hidden} more") };
    (!alerts.is_empty()).then(|| rendered(table, &[]) + &more)
}

/// Processed documents and the spool over time, each from zero to its peak.
fn charts(samples: &Samples) -> Option<String> {
    let line = |name: &str, counter: &str, unit: &str| {
        let values: Vec<f64> = samples.series(counter)?.iter().map(|point| point.1).collect();
        let (drawing, peak) = sparkline(&values)?;
        Some(format!(" {name:<10} {drawing}  peak {}{unit}", significant(peak, 4)))
    };
    let lines = [line("Processed", PROCESSED, "/s"), line("Spool", SPOOL_SIZE, " rows")];
    let thinned = samples.thinned().map(|told| format!(" {told}"));
    let lines: Vec<_> = lines.into_iter().chain([thinned]).flatten().collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn mst_figures(record: &MstRecord) -> String {
    let mut table = table(&[]);
    let full = (!mst_is_bounded(record)).then(|| {
        let capacity = maybe_per_second(record.capacity).to_string();
        [("Capacity", capacity), ("Recovers below", mst_recovers(record))]
    });
    let lines = [
        ("Goal that binds", record.goal.clone()),
        ("Documents simulated", count(record.documents_simulated)),
        ("Search took", seconds(record.wall_seconds).to_string()),
    ];
    for (name, value) in full.into_iter().flatten().chain(lines) {
        table.add_row(vec![name.to_owned(), value]);
    }
    rendered(table, &[])
}

fn probes(record: &MstRecord) -> Option<String> {
    if record.probes.is_empty() {
        return None;
    }
    let mut table = table(&["Load", "Each run", "Runs", "Verdict", "Evidence"]);
    // The last probes are the ones that decided.
    let hidden = record.probes.len().saturating_sub(ROWS_MAX);
    for probe in record.probes.iter().skip(hidden) {
        table.add_row(vec![
            per_second(probe.rate).to_string(),
            seconds(probe.seconds).to_string(),
            probe.seeds.len().to_string(),
            probe.verdict.word().to_owned(),
            probe.evidence.clone(),
        ]);
    }
    let text = rendered(table, &[0, 1, 2]);
    Some(if hidden == 0 { text } else { format!("{hidden} earlier probes, then:\n{text}") })
}

pub(crate) fn table(head: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(STYLE);
    if !head.is_empty() {
        table.set_header(head.to_vec());
    }
    table
}

/// The text of a table, the columns of numbers flush right.
pub(crate) fn rendered(mut table: Table, numbers: &[usize]) -> String {
    for index in numbers {
        if let Some(column) = table.column_mut(*index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

/// Parts with a blank line between them, no space at the end of a line.
pub(crate) fn finish(parts: &[String]) -> String {
    let text = parts.join("\n\n");
    let lines: Vec<_> = text.lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}
