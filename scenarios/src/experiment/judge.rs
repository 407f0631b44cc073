//! Judging an outcome: the engine's promises, and what the scenario says it must show.

use super::fuel::too_much;
use super::mst::{cleanup_has_price, jobs_run};
use super::settled::settled;
use super::tracking;
use super::window::{is_brief, reached, too_short, too_short_for_jobs};
use floodgate_reports::{Verdict, VerdictRow};
use floodgate_sim::fate::Stuck;
use floodgate_sim::outcome::Outcome;
use floodgate_sim::resource::Law;

use crate::plan::Scenario;
use crate::plan::expect::{Bound, ExpectAhead, ExpectPort, LatencyBound};

/// Documents offered in the window below which nothing is said about sustainability.
const SUSTAINABLE_DOCUMENTS_MIN: u64 = 1000;
/// Share of the offered documents by which the backlog may grow over the window.
const SUSTAINABLE_GROWTH_MAX: f64 = 0.005;

/// All verdicts on one run, and the promises that saw no occasion.
#[must_use]
pub fn judge(scenario: &Scenario, outcome: &Outcome) -> (Vec<VerdictRow>, Vec<String>) {
    let mut rows = Vec::from_iter(overfull(outcome));
    rows.extend(stuck(outcome));
    let mut idle = Vec::new();
    for verdict in &outcome.verdicts {
        let (id, promise) = (verdict.rule.id(), verdict.rule.promise().replace('`', ""));
        if verdict.occasions == 0 {
            idle.push(id.to_owned());
            continue;
        }
        let detail = match &verdict.first {
            Some(first) => format!(
                "{promise} Broken {} times, first at {}: {}",
                verdict.broken, first.at, first.what
            ),
            None if verdict.broken > 0 => format!("{promise} Broken {} times.", verdict.broken),
            None => format!("{promise} Kept on {} occasions.", verdict.occasions),
        };
        rows.push(row(id, verdict.broken == 0, detail));
    }
    audits(outcome, &mut rows, &mut idle);
    expectations(scenario, outcome, &mut rows);
    (rows, idle)
}

/// That too much waited to go on, before all that is said of a part of what was to be.
fn overfull(outcome: &Outcome) -> Option<VerdictRow> {
    let detail = format!(
        "{} What would have become of them, and of what was still to come, is not known: offer \
         less, or raise 'waiting_max'.",
        too_much(outcome.overfull?)
    );
    Some(VerdictRow { name: "run.waiting".to_owned(), verdict: Verdict::Unknown, detail })
}

/// Why nothing goes on, if a host instance waits for itself: before what follows from it.
fn stuck(outcome: &Outcome) -> Option<VerdictRow> {
    let (first, more) = outcome.stuck.split_first()?;
    let Stuck { host, server, threads, batches, since, adapters } = first;
    let calls = match &adapters[..] {
        [] => "that do not return".to_owned(),
        known => format!("of {} that wait for batches of their own", known.join(", ")),
    };
    let others = match more.len() {
        0 => String::new(),
        others => format!(" So it is in {others} more host instances."),
    };
    let detail = format!(
        "All {threads} engine threads of {host} on {server} are held, since {since}, by calls \
         {calls}, and none is left to carry batches out: {batches} wait (R-SR-05, R-DONE-01).\
         {others}"
    );
    Some(row("host.threads", false, detail))
}

/// One row for each law: it holds for every resource, or the first that breaks it is named. A law
/// that could be judged of nothing saw no occasion.
fn audits(outcome: &Outcome, rows: &mut Vec<VerdictRow>, idle: &mut Vec<String>) {
    for (law, name) in
        [(Law::Utilisation, "audit.utilisation_law"), (Law::Little, "audit.little_s_law")]
    {
        let found: Vec<_> = outcome.findings.iter().filter(|one| one.law == law).collect();
        let judged = found.iter().filter(|one| one.holds.is_some()).count();
        match found.iter().find(|one| one.holds == Some(false)) {
            Some(broken) => {
                rows.push(row(name, false, format!("{}: {}.", broken.of, broken.detail)));
            }
            None if judged == 0 => idle.push(name.to_owned()),
            None => {
                rows.push(row(name, true, format!("It holds for {judged} of {}.", found.len())));
            }
        }
    }
}

fn row(name: &str, passes: bool, detail: String) -> VerdictRow {
    let verdict = if passes { Verdict::Pass } else { Verdict::Fail };
    VerdictRow { name: name.to_owned(), verdict, detail }
}

fn expectations(scenario: &Scenario, outcome: &Outcome, rows: &mut Vec<VerdictRow>) {
    let (expect, meters) = (&scenario.expect, &outcome.meters);
    let counts = [
        ("received", &expect.received, meters.received),
        ("processed", &expect.processed, meters.processed),
        ("suspended", &expect.suspended, meters.suspended),
        ("unfinished", &expect.unfinished, outcome.unfinished),
        ("error_messages", &expect.error_messages, meters.error_messages),
        ("routing_failures", &expect.routing_failures, meters.routing_failures),
    ];
    for (name, bound, count) in counts {
        rows.extend(bound.as_ref().map(|bound| counted(&format!("expect.{name}"), bound, count)));
    }
    rows.extend(expect.latency_max.as_ref().map(|bound| slowest(bound, scenario, outcome)));
    if let Some(answers) = &expect.answers {
        let told = &meters.answers;
        let counts = [
            ("responses", &answers.responses, told.responses),
            ("failed", &answers.failed, told.failed),
            ("faults", &answers.faults, told.faults),
            ("late", &answers.late, told.late),
            ("accepted", &answers.accepted, told.accepted),
            ("broken", &answers.broken, told.broken),
        ];
        for (what, bound, count) in counts {
            let name = format!("expect.answers.{what}");
            rows.extend(bound.as_ref().map(|bound| counted(&name, bound, count)));
        }
    }
    rows.extend(expect.sustainable.map(|expected| sustainable(expected, scenario, outcome)));
    rows.extend(expect.settled.map(|expected| settled(expected, outcome)));
    rows.extend(expect.tracking.map(|expected| tracking::keeps_up(expected, scenario, outcome)));
    for port in &expect.ports {
        port_expectations(scenario, outcome, port, rows);
    }
    for ahead in &expect.ahead {
        rows.push(is_ahead(scenario, outcome, ahead));
    }
    for rule in &expect.exercised {
        let seen = outcome.verdicts.iter().find(|verdict| verdict.rule.id() == rule);
        let occasions = seen.map_or(0, |verdict| verdict.occasions);
        let promise = seen.map_or("", |verdict| verdict.rule.promise());
        let detail = format!("{occasions} occasions. {promise}");
        rows.push(row(&format!("expect.exercised.{rule}"), occasions > 0, detail));
    }
}

fn counted(name: &str, bound: &Bound, count: u64) -> VerdictRow {
    let bounds =
        [("exactly", bound.exactly), ("at least", bound.at_least), ("at most", bound.at_most)];
    let said: Vec<String> =
        bounds.iter().filter_map(|(word, bound)| Some(format!("{word} {}", (*bound)?))).collect();
    row(name, bound.admits(count), format!("{count}, expected {}.", said.join(" and ")))
}

/// The slowest of all latencies, as exact as a histogram of three digits keeps it.
fn slowest(bound: &LatencyBound, scenario: &Scenario, outcome: &Outcome) -> VerdictRow {
    let name = "expect.latency_max".to_owned();
    let latency = outcome.latency();
    if latency.is_empty() {
        let detail = format!("no sample, expected at most {}.", bound.at_most);
        return VerdictRow { name, verdict: Verdict::Unknown, detail };
    }
    let found = latency.max();
    let brief = is_brief(scenario, outcome);
    let detail = format!("{:.3} s, expected at most {}.{brief}", found as f64 / 1e9, bound.at_most);
    row(&name, found <= bound.at_most.as_nanos(), detail)
}

fn port_expectations(
    scenario: &Scenario,
    outcome: &Outcome,
    port: &ExpectPort,
    rows: &mut Vec<VerdictRow>,
) {
    let Some(at) = scenario.send_ports.iter().position(|own| own.name == port.name) else { return };
    let meter = &outcome.meters.ports[at];
    let counts = [
        ("processed", &port.processed, meter.processed),
        ("attempts", &port.attempts, meter.attempts),
        ("suspended", &port.suspended, meter.suspended),
    ];
    let name = |what: &str| format!("expect.{}.{what}", port.name);
    for (what, bound, count) in counts {
        rows.extend(bound.as_ref().map(|bound| counted(&name(what), bound, count)));
    }
    if let Some(bound) = &port.rate {
        let rate = port_rate(outcome, at);
        let passes = bound.at_least.is_none_or(|least| rate >= least)
            && bound.at_most.is_none_or(|most| rate <= most);
        let least = bound.at_least.map(|least| format!("at least {least}"));
        let most = bound.at_most.map(|most| format!("at most {most}"));
        let allowed: Vec<String> = least.into_iter().chain(most).collect();
        rows.push(row(
            &name("rate"),
            passes,
            format!("{rate:.1} documents/s, expected {}.", allowed.join(" and ")),
        ));
    }
    if let Some(bound) = &port.latency_p99 {
        let most = bound.at_most;
        let (verdict, found) = if meter.latency.is_empty() {
            (Verdict::Unknown, "no sample".to_owned())
        } else {
            let p99 = meter.latency.value_at_quantile(0.99);
            let passes = p99 <= bound.at_most.as_nanos();
            let verdict = if passes { Verdict::Pass } else { Verdict::Fail };
            (verdict, format!("{:.3} s", p99 as f64 / 1e9))
        };
        let brief = is_brief(scenario, outcome);
        let detail = format!("p99 {found}, expected at most {most}.{brief}");
        rows.push(VerdictRow { name: name("latency_p99"), verdict, detail });
    }
}

/// A port's transmissions per second over the window.
#[must_use]
pub fn port_rate(outcome: &Outcome, port: usize) -> f64 {
    per_second(outcome, outcome.meters.ports[port].processed_in_window)
}

/// A count of the window, per second of the part of it that the run reached.
#[must_use]
pub fn per_second(outcome: &Outcome, count: u64) -> f64 {
    let (from, to) = outcome.window;
    let seconds = to.min(outcome.ended).since(from).as_secs_f64();
    if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
}

fn is_ahead(scenario: &Scenario, outcome: &Outcome, ahead: &ExpectAhead) -> VerdictRow {
    let rate = |name: &str| {
        let at = scenario.send_ports.iter().position(|port| port.name == name);
        at.map_or(0.0, |at| port_rate(outcome, at))
    };
    let (own, other) = (rate(&ahead.port), rate(&ahead.of));
    let name = format!("expect.{}.ahead_of.{}", ahead.port, ahead.of);
    let ratio = if other > 0.0 { own / other } else { f64::INFINITY };
    let detail = format!(
        "{own:.1} against {other:.1} documents/s, {ratio:.2} times, expected at least {}.",
        ahead.by
    );
    row(&name, own > 0.0 && ratio >= ahead.by, detail)
}

/// The backlog at the generator's boundary must not grow by more than a share of what was
/// offered. A run cannot prove stability near the limit; `mst` can.
fn sustainable(expected: bool, scenario: &Scenario, outcome: &Outcome) -> VerdictRow {
    let offered = outcome.meters.offered_in_window;
    let growth = outcome.meters.backlog.growth(outcome.ended);
    let name = "expect.sustainable".to_owned();
    if offered < SUSTAINABLE_DOCUMENTS_MIN {
        let detail =
            format!("Only {offered} documents were offered in the window: too few to tell.");
        return VerdictRow { name, verdict: Verdict::Unknown, detail };
    }
    let share = growth as f64 / offered as f64;
    let detail = format!(
        "The backlog grew by {growth} of {offered} documents offered in the window ({:.2} %, limit {:.1} %).",
        share * 100.0,
        SUSTAINABLE_GROWTH_MAX * 100.0
    );
    let keeps_up = share <= SUSTAINABLE_GROWTH_MAX;
    let window = reached(outcome);
    let unseen = too_short(scenario, window)
        .or_else(|| too_short_for_jobs(scenario, window).filter(|_| keeps_up));
    if let Some(why) = unseen {
        let detail = format!("{detail} But {why}");
        return VerdictRow { name, verdict: Verdict::Unknown, detail };
    }
    match spool(scenario, outcome).filter(|(share, _)| keeps_up && *share > SUSTAINABLE_GROWTH_MAX)
    {
        Some((_, more)) => row(&name, !expected, format!("{detail} {more}")),
        None => row(&name, keeps_up == expected, detail),
    }
}

/// The share by which the spool grew of the rows that came in the window, where the cleanup jobs
/// have a price or do not run: no queue grows where they are behind (R-GC-04). What comes between
/// two of their runs may be there.
fn spool(scenario: &Scenario, outcome: &Outcome) -> Option<(f64, String)> {
    let meters = &outcome.meters;
    let growth = meters.spool.growth(outcome.ended) as f64;
    let came = growth + meters.collected_in_window as f64;
    let seconds = reached(outcome).as_secs_f64();
    // Where anything is tracked rows wait for another job, which has an expectation of its own.
    let is_known = cleanup_has_price(scenario) && scenario.tracking.is_none();
    if !is_known && jobs_run(scenario) || came <= 0.0 || seconds <= 0.0 {
        return None;
    }
    let (between, why) = match jobs_run(scenario) {
        true => {
            let between = came / seconds * scenario.message_boxes[0].cleanup.as_secs_f64();
            let why = format!(
                ", {between:.0} of which may be there between two runs of the cleanup jobs"
            );
            (between, why)
        }
        false => (0.0, ": the cleanup jobs do not run".to_owned()),
    };
    let share = (growth - between) / came;
    let detail = format!(
        "But the spool grew by {growth:.0} rows of {came:.0} that came{why} ({:.2} %, limit \
         {:.1} %).",
        share * 100.0,
        SUSTAINABLE_GROWTH_MAX * 100.0
    );
    Some((share, detail))
}
