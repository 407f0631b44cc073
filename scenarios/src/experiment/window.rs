//! Whether the window of a run is long enough for what is asked of it.
//!
//! What comes and goes in a longer rhythm than the window looks like growth in one part of it and
//! like rest in another, so that neither says anything.

use floodgate_engine::time::Duration;
use floodgate_sim::outcome::Outcome;

use super::drift::ladders;
use super::judge::per_second;
use super::mst::{RELAXATIONS, busiest, cleanup_has_price, jobs_run};
use super::scale::period_of;
use crate::plan::Scenario;
use crate::plan::figure::What;
use crate::plan::goal::Goal;
use crate::plan::receive::ReceivePort;

/// A day, in which service windows open and close.
const DAY: Duration = Duration::from_minutes(24 * 60);

/// The part of the window that the run reached.
pub(super) fn reached(outcome: &Outcome) -> Duration {
    outcome.window.1.min(outcome.ended).since(outcome.window.0)
}

/// Why the window is too short to tell whether a backlog grows, with what to raise.
pub(super) fn too_short(scenario: &Scenario, window: Duration) -> Option<String> {
    let loads = scenario
        .loads
        .iter()
        .map(|load| (format!("the load '{}' repeats after", load.name), period_of(load), ""));
    let ladders = ladders(scenario)
        .map(|(name, lasts)| (format!("the retries of '{name}' go on for"), lasts, ""));
    let closes = |port: &ReceivePort| port.locations.iter().any(|at| at.active.window.is_some());
    let sends = scenario.send_ports.iter();
    let sends = sends.filter(|port| {
        let backup = port.backup.as_ref().is_some_and(|own| own.window.is_some());
        port.primary.window.is_some() || backup
    });
    let receives = scenario.receive_ports.iter().filter(|port| closes(port));
    let names = sends.map(|port| &port.name).chain(receives.map(|port| &port.name));
    let days = names
        .map(|name| (format!("'{name}' opens and closes in"), DAY, ", or leave its 'window' out,"));
    let hosts = scenario.hosts.iter().map(|host| {
        let what = format!("the host '{}' looks for work every", host.name);
        (what, host.poll, ", or lower its 'poll',")
    });
    let locations = scenario.receive_ports.iter().flat_map(|port| &port.locations);
    let polled = locations.filter(|at| !at.adapter.notify).filter_map(|at| {
        let what = format!("the location '{}' is looked at every", at.name);
        Some((what, at.adapter.poll?, ", or lower its 'poll',"))
    });
    let all = loads.chain(ladders).chain(days).chain(hosts).chain(polled);
    all.filter(|(_, lasts, _)| *lasts > window).max_by_key(|(_, lasts, _)| *lasts).map(
        |(what, lasts, or)| {
            let raise = lasting(scenario);
            format!("{what} {lasts}, and the window is {window}: raise {raise}{or} to tell.")
        },
    )
}

/// The same of the cleanup jobs: garbage that grows between two of their runs is no growth yet.
pub(super) fn too_short_for_jobs(scenario: &Scenario, window: Duration) -> Option<String> {
    let every = scenario.message_boxes[0].cleanup;
    let is_judged = jobs_run(scenario) && cleanup_has_price(scenario);
    (is_judged && every > window).then(|| {
        format!(
            "the cleanup jobs run every {every}, and the window is {window}: whether they keep up \
             is not seen, raise {} or lower 'cleanup' to tell.",
            lasting(scenario)
        )
    })
}

/// How many relaxation times of the busiest resource the window of a run holds, and its name,
/// where something is asked of latencies and they are too few: a queue that has not forgotten how
/// it began often enough shows a part of what it does.
///
/// Of the throughput λ and a resource that is busy for a share ρ of the time the relaxation time
/// is 1 / (√(λ / ρ) - √λ)², as in a search.
pub(super) fn relaxations(scenario: &Scenario, outcome: &Outcome) -> Option<(f64, String)> {
    if !asks_of_latencies(scenario) {
        return None;
    }
    let [first, _] = busiest(&outcome.resources);
    let (busy, name) = first.and_then(|one| Some((one.utilisation?, one.resource)))?;
    let rate = per_second(outcome, outcome.meters.processed_in_window);
    let away = (1.0 / busy.min(1.0)).sqrt() - 1.0;
    let times = reached(outcome).as_secs_f64() * rate * away * away;
    (times < RELAXATIONS).then_some((times, name))
}

/// What is said of a latency by so short a window.
pub(super) fn is_brief(scenario: &Scenario, outcome: &Outcome) -> String {
    relaxations(scenario, outcome).map_or(String::new(), |(times, name)| {
        format!(
            " The window holds {times:.0} relaxation times of {name}: one of {RELAXATIONS} may \
             show other latencies."
        )
    })
}

/// Whether a scenario says how long documents may take.
fn asks_of_latencies(scenario: &Scenario) -> bool {
    let expect = &scenario.expect;
    let is_latency =
        |what: What| matches!(what, What::LatencyMean | What::LatencyP50 | What::LatencyP99);
    expect.latency_max.is_some()
        || expect.ports.iter().any(|port| port.latency_p99.is_some())
        || expect.figures.iter().any(|row| is_latency(row.figure.what))
        || scenario.goals.iter().any(|goal| matches!(goal, Goal::Late(_)))
}

/// What says how long the window is.
const fn lasting(scenario: &Scenario) -> &'static str {
    if scenario.phases.is_empty() { "'measure'" } else { "what the phases last" }
}
