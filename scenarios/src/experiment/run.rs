//! `floodgate run`: one run, its record, its report.

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Duration as WallDuration;

use floodgate_engine::time::{Duration, Instant};
use floodgate_reports as reports;
use floodgate_reports::{PhaseUse, Record, Verdict, VerdictRow};
use floodgate_sim::outcome::Outcome;
use floodgate_sim::probe::{self, COLUMNS};
use floodgate_sim::setup::Setup;
use floodgate_sim::trace::{Bounds, CHECKPOINT};
use floodgate_sim::world::World;
use indicatif::{ProgressBar, ProgressStyle};

use super::clock::WallClock;
use super::fates;
use super::figures;
use super::fuel::Fuel;
use super::judge::{judge, per_second, port_rate};
use super::marks::Marks;
use super::saved::{self, SavedFile};
use super::spread::{Spread, spread};
use super::story;
use super::window::relaxations;
use crate::cli::{RunArgs, say, say_json, warn};
use crate::plan::{Problems, Scenario};
use crate::setup::setup;

/// Events between two looks at the progress bar.
const EVENTS_PER_LOOK: u32 = 1 << 16;

/// Runs a scenario, prints what came of it, and leaves a run folder if asked to.
///
/// # Errors
///
/// Mistakes of the scenario, and of the file system.
pub fn execute(args: &RunArgs) -> miette::Result<ExitCode> {
    let (name, scenario) = args.scenario.read()?;
    if !args.json {
        warn(&scenario.warnings);
    }
    if args.bounds().is_some() && args.json && args.out.is_none() {
        let message = "'--story' is text, and '--json' leaves no place for it";
        let help = "give a folder: '--out DIR'";
        return Err(Problems::one(message, Some(help.to_owned())).into());
    }
    let mut run = run_telling(&name, &scenario, args.bounds())?;
    let untried = spread(&mut run, &scenario, args.spread)?;
    run.record.asked = args.scenario.asked();
    if let Some(dir) = &args.out {
        story::write(dir, args.bounds().map(|_| &run.outcome.story))?;
        // The record comes last: who finds it finds what was saved too.
        saved::write(dir, &run.saved)?;
        reports::write_run(dir, &run.record, &run.samples, run.outcome.latency())
            .map_err(|error| Problems::one(error.to_string(), None))?;
    }
    if args.json {
        say_json(&run.record)?;
    } else {
        say(reports::run_summary(&run.record, &run.samples).trim_end())?;
        if args.bounds().is_some() {
            say(&format!("\n{}", story::text(&run.outcome.story)))?;
        }
        if let Some(dir) = &args.out {
            say(&format!("\nReport: {}", dir.join(reports::REPORT).display()))?;
        }
        if untried > 0 && args.spread == Spread::Auto {
            say(&format!(
                "{untried} other sets of prices fit as well: '--spread always' runs them"
            ))?;
        }
        if args.out.is_none() && !run.saved.is_empty() {
            say(&format!("\n{} files of saved messages were not kept: no --out", run.saved.len()))?;
        }
    }
    Ok(ExitCode::from(run.record.exit_code()))
}

/// A finished run.
#[derive(Debug)]
pub struct Run {
    /// What the simulator says of it.
    pub outcome: Outcome,
    /// What others are told.
    pub record: Record,
    /// Its series.
    pub samples: reports::Samples,
    /// What an operator saved, as files of the run folder.
    pub saved: Vec<SavedFile>,
}

/// Runs a scenario once, with a progress bar when a person watches.
///
/// # Errors
///
/// A replay file that cannot be read.
pub fn run(name: &str, scenario: &Scenario) -> Result<Run, Problems> {
    run_telling(name, scenario, None)
}

/// The same, and a part of its story is kept if it is wanted.
fn run_telling(name: &str, scenario: &Scenario, story: Option<Bounds>) -> Result<Run, Problems> {
    run_as(name, scenario, std::io::stderr().is_terminal(), story)
}

/// Runs a scenario once and shows nothing meanwhile: one run of many.
///
/// # Errors
///
/// A replay file that cannot be read.
pub fn run_silently(name: &str, scenario: &Scenario) -> Result<Run, Problems> {
    run_as(name, scenario, false, None)
}

/// Runs a scenario once for a search, which says what it may cost.
///
/// # Errors
///
/// A replay file that cannot be read, and no steps left.
pub(super) fn run_on(
    name: &str,
    scenario: &Scenario,
    fuel: &mut Fuel<'_>,
) -> Result<Run, Problems> {
    let setup = setup(scenario, 0)?;
    let clock = WallClock::start();
    let marks = Marks::of(scenario, &setup);
    let outcome = outcome_on(&setup, fuel)?;
    Ok(told(name, scenario, &setup, (outcome, marks, clock.elapsed())))
}

/// The bare outcome of such a run: nothing is told of it, and its beginning is not run again.
///
/// # Errors
///
/// No steps left.
pub(super) fn outcome_on(setup: &Setup, fuel: &mut Fuel<'_>) -> Result<Outcome, Problems> {
    let mut world = World::new(setup);
    fuel.run_until(&mut world, Instant::from_nanos(u64::MAX))?;
    Ok(world.run())
}

fn run_as(
    name: &str,
    scenario: &Scenario,
    is_watched: bool,
    story: Option<Bounds>,
) -> Result<Run, Problems> {
    let setup = setup(scenario, 0)?;
    let clock = WallClock::start();
    let mut marks = Marks::of(scenario, &setup);
    let mut world = World::new(&setup);
    if let Some(bounds) = story {
        world.tell_of(bounds);
    }
    let outcome = watch(world, &mut marks, is_watched);
    Ok(told(name, scenario, &setup, (outcome, marks, clock.elapsed())))
}

/// A finished run as others are told of it.
fn told(
    name: &str,
    scenario: &Scenario,
    setup: &Setup,
    (outcome, marks, wall): (Outcome, Marks, WallDuration),
) -> Run {
    let phases = marks.finish(&outcome);
    let mut record = record(name, scenario, &outcome, wall);
    record.verdicts.push(replays(setup, &outcome));
    record.phases = phases.iter().map(|(phase, _)| phase.clone()).collect();
    // A drain may be over later than the last document.
    let drained = record.phases.last().map_or(0.0, |phase| phase.to_seconds);
    record.virtual_seconds = record.virtual_seconds.max(drained);
    record.published = figures::published(scenario, &record);
    let expected = figures::expected(scenario, &record);
    record.verdicts.extend(expected);
    let samples = samples(&outcome, &phases, scenario.sample);
    let saved = saved::files(&setup.topology, &outcome.saved);
    Run { outcome, record, samples, saved }
}

/// Runs a world to its end, with a progress bar when a person watches a long run.
fn watch(mut world: World, marks: &mut Marks, is_watched: bool) -> Outcome {
    if !is_watched {
        while let Some(at) = marks.next().filter(|_| world.overfull().is_none()) {
            world.run_until(at);
            marks.take(&world);
        }
        return world.run();
    }
    let style = ProgressStyle::with_template("{spinner} {msg} {elapsed}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner());
    let bar = ProgressBar::new_spinner().with_style(style);
    loop {
        for _ in 0..EVENTS_PER_LOOK {
            marks.take_those_before(&mut world);
            if !world.step() {
                bar.finish_and_clear();
                return world.conclude();
            }
        }
        let meters = world.meters();
        bar.set_message(format!(
            "{} virtual, {} received, {} processed",
            world.now(),
            meters.received,
            meters.processed
        ));
        bar.tick();
    }
}

/// The same seed gives the same events (INV-69): the beginning of the run again, up to the first
/// checkpoint or the end, and its digest compared.
fn replays(setup: &Setup, outcome: &Outcome) -> VerdictRow {
    let mut again = World::new(setup);
    while again.trace().events() < CHECKPOINT && again.step() {}
    let (same, events) = match outcome.checkpoints.first() {
        Some(first) => (again.trace().checkpoints().first() == Some(first), CHECKPOINT),
        None => (again.trace().digest() == outcome.digest, outcome.events),
    };
    VerdictRow {
        name: "INV-69".to_owned(),
        verdict: if same { Verdict::Pass } else { Verdict::Fail },
        detail: format!(
            "Replaying the seed yields the identical event log: the first {events} events were run again."
        ),
    }
}

fn record(name: &str, scenario: &Scenario, outcome: &Outcome, wall: WallDuration) -> Record {
    let (verdicts, not_exercised) = judge(scenario, outcome);
    let meters = &outcome.meters;
    let (from, to) = outcome.window;
    Record {
        schema_version: reports::SCHEMA_VERSION,
        scenario: name.to_owned(),
        asked: String::new(),
        about: scenario.about.clone(),
        scenario_hash: scenario.hash(),
        scenario_text: scenario.expanded_toml(),
        seed: scenario.seed,
        profile: scenario.profile.name.clone(),
        digest: outcome.digest.clone(),
        engine_version: env!("CARGO_PKG_VERSION").to_owned(),
        virtual_seconds: outcome.ended.as_secs_f64(),
        wall_seconds: wall.as_secs_f64(),
        window: reports::Window {
            from_seconds: from.as_secs_f64(),
            to_seconds: to.min(outcome.ended).max(from).as_secs_f64(),
        },
        documents: reports::Documents {
            received: meters.received,
            processed: meters.processed,
            repeated: outcome.repeated,
            suspended: meters.suspended,
            suspended_now: outcome.fates.suspended_now,
            routing_failures: meters.routing_failures,
            unfinished: outcome.unfinished,
            given_up: outcome.given_up,
        },
        intake: fates::intake(&outcome.fates),
        deliveries: fates::deliveries(&outcome.fates),
        suspensions: fates::suspensions(&outcome.fates),
        closures: fates::closures(&outcome.fates),
        answers: fates::answers(&meters.answers),
        rate: reports::Rate {
            offered: per_second(outcome, meters.offered_in_window),
            received: per_second(outcome, meters.received_in_window),
            processed: per_second(outcome, meters.processed_in_window),
        },
        latency_seconds: latency(scenario, outcome),
        spool: reports::Spool {
            mean: meters.spool_mean(outcome.ended),
            max: meters.spool.max() as f64,
            final_: outcome.spool_final as f64,
            emptied_seconds: emptied(outcome),
            collected_per_second: per_second(outcome, meters.collected_in_window),
        },
        tracking: tracking(outcome),
        resources: resources(outcome),
        ports: ports(scenario, outcome),
        phases: Vec::new(),
        published: Vec::new(),
        spread: None,
        verdicts,
        not_exercised,
    }
}

/// What became of tracking data.
fn tracking(outcome: &Outcome) -> Option<reports::TrackingUse> {
    let (own, meters) = (outcome.tracking?, &outcome.meters);
    Some(reports::TrackingUse {
        rows_mean: meters.tracking.mean(outcome.ended),
        rows_max: meters.tracking.max() as f64,
        rows_final: meters.tracking.value() as f64,
        bodies_final: meters.tracked_bodies.value() as f64,
        written: own.written.rows(),
        deleted: own.deleted.rows(),
        held: own.holds.rows(),
        bytes: own.holds.bytes(),
        late_seconds: own.late.map(Duration::as_secs_f64),
    })
}

/// When the spool became empty for good.
fn emptied(outcome: &Outcome) -> Option<f64> {
    let at = outcome.meters.spool_emptied.filter(|_| outcome.spool_final == 0)?;
    Some(at.as_secs_f64())
}

fn latency(scenario: &Scenario, outcome: &Outcome) -> reports::Latency {
    let histogram = outcome.latency();
    let sampled = |nanos: u64| (!histogram.is_empty()).then_some(nanos as f64 / 1e9);
    let quantile = |share: f64| sampled(histogram.value_at_quantile(share));
    reports::Latency {
        count: histogram.len(),
        mean: outcome.latency_mean(),
        p50: quantile(0.5),
        p90: quantile(0.9),
        p99: quantile(0.99),
        p999: quantile(0.999),
        max: sampled(histogram.max()),
        relaxations: relaxations(scenario, outcome).map(|(times, _)| times),
    }
}

fn resources(outcome: &Outcome) -> Vec<reports::ResourceUse> {
    let one = |(name, usage): &(String, floodgate_sim::resource::Usage)| reports::ResourceUse {
        name: name.clone(),
        utilisation: usage.utilisation,
        queue_mean: usage.queue_mean,
        wait_mean: usage.wait_mean.as_secs_f64(),
    };
    outcome.resources.iter().map(one).collect()
}

fn ports(scenario: &Scenario, outcome: &Outcome) -> Vec<reports::PortUse> {
    let one = |(at, port): (usize, &crate::plan::send::SendPort)| {
        let meter = &outcome.meters.ports[at];
        let count = meter.latency.len();
        reports::PortUse {
            name: port.name.clone(),
            processed: meter.processed,
            rate: port_rate(outcome, at),
            attempts: meter.attempts,
            resubmitted: meter.resubmitted,
            suspended: meter.suspended,
            latency_mean: (count > 0).then(|| meter.latency_sum as f64 / count as f64 / 1e9),
            latency_p99: (count > 0).then(|| meter.latency.value_at_quantile(0.99) as f64 / 1e9),
        }
    };
    scenario.send_ports.iter().enumerate().map(one).collect()
}

fn samples(
    outcome: &Outcome,
    phases: &[(PhaseUse, Option<bool>)],
    asked: Duration,
) -> reports::Samples {
    let column = |column: &probe::Column| reports::Column {
        name: column.name.to_owned(),
        unit: column.unit.to_owned(),
        better: match column.better {
            probe::Better::Higher => reports::Better::Higher,
            probe::Better::Lower => reports::Better::Lower,
            probe::Better::Neither => reports::Better::Neither,
        },
    };
    let parts = outcome.samples.parts();
    let part = |(name, unit): &(String, &str)| reports::Column {
        name: name.clone(),
        unit: (*unit).to_owned(),
        better: reports::Better::Neither,
    };
    let row = |(at, values): &(Instant, Vec<f64>)| reports::SampleRow {
        at_seconds: at.as_secs_f64(),
        values: values.clone(),
    };
    let interval = outcome.samples.interval();
    reports::Samples {
        interval_seconds: interval.as_secs_f64(),
        asked_seconds: (interval > asked).then(|| asked.as_secs_f64()),
        columns: COLUMNS.iter().map(column).chain(parts.iter().map(part)).collect(),
        rows: outcome.samples.rows().iter().map(row).collect(),
        phases: phases.iter().map(marked).collect(),
    }
}

fn marked((phase, measured): &(PhaseUse, Option<bool>)) -> reports::Phase {
    reports::Phase {
        name: phase.name.clone(),
        measured: *measured,
        from_seconds: phase.from_seconds,
        to_seconds: phase.to_seconds,
    }
}
