//! What empty looks cost, though they are no events: processor time, and the time of who waits.

use floodgate_engine::config::HostSettings;
use floodgate_engine::time::Duration;
use floodgate_sim::cost::Costs;
use floodgate_sim::outcome::Outcome;
use floodgate_sim::probe::COLUMNS;
use floodgate_sim::setup::Discipline;

use crate::fixture::{ASYNC, PUSH, Plant, assert_all_kept, sink};

/// So many host instances that ask one MessageBox on four cores, hardly anything to do, and a look
/// that takes 2 ms.
fn plant(instances: u32, poll_ms: u64, look_ms: u64) -> Plant {
    let poll = Duration::from_millis(poll_ms);
    let mut plant = Plant::new(HostSettings { poll, ..HostSettings::default() }, PUSH);
    plant.instances(instances).send_port("Out", "In", ASYNC, sink()).poisson(0.02, 20);
    plant.setup.costs = Costs { idle_look: Duration::from_millis(look_ms), ..Costs::default() };
    plant
}

fn database_cpu(outcome: &Outcome) -> f64 {
    assert_all_kept(outcome);
    outcome.resources[0].1.utilisation
}

#[test]
fn more_than_fifty_instances_that_poll_often_take_half_of_the_database() {
    // R-CLK-07: 51 instances, two service classes, ten looks a second, 2 ms, four cores: 51 %.
    let busy = |instances, poll| database_cpu(&plant(instances, poll, 2).run());
    let near = |found: f64, due: f64| assert!((found - due).abs() < 0.02 * due, "{found} {due}");
    near(busy(51, 100), 51.0 * 2.0 * 10.0 * 0.002 / 4.0);
    near(busy(51, 500), 51.0 * 2.0 * 2.0 * 0.002 / 4.0);
    near(busy(4, 100), 4.0 * 2.0 * 10.0 * 0.002 / 4.0);
}

#[test]
fn the_price_of_empty_looks_moves_no_event() {
    let (free, priced) = (plant(5, 500, 0).run(), plant(5, 500, 7).run());
    assert_eq!((free.digest, free.events), (priced.digest, priced.events));
    assert!(free.resources[0].1.utilisation.abs() < 1e-12);
}

#[test]
fn looks_are_of_the_window_alone() {
    let mut halved = plant(3, 500, 2);
    let whole = database_cpu(&halved.run());
    halved.setup.measure_from = floodgate_engine::time::Instant::ZERO + Duration::from_secs(200);
    halved.setup.measure_to = floodgate_engine::time::Instant::ZERO + Duration::from_secs(300);
    let window = database_cpu(&halved.run());
    assert!(
        (whole - window).abs() < 0.03 * whole,
        "the same share of any window: {whole} {window}"
    );
}

/// What a host instance that looks a hundred times a second, so many milliseconds each, makes of
/// the time in which a transaction of 0.2 ms is done, in milliseconds; and the outcome.
fn inbound(cores: u32, look_ms: u64) -> (f64, Outcome) {
    let mut plant = plant(1, 10, look_ms);
    plant.setup.loads.clear();
    plant.poisson(2.0, 1_000);
    plant.setup.topology.servers[0].cpus = cores;
    plant.setup.costs.sql_transaction = Duration::from_micros(200);
    plant.setup.sample = Duration::from_secs(10_000);
    let outcome = plant.run();
    assert_all_kept(&outcome);
    assert!(outcome.findings.iter().all(|one| one.holds == Some(true)), "{:?}", outcome.findings);
    let mut names = outcome.samples.parts().iter();
    let at = names.position(|(name, _)| name.ends_with("Inbound Latency (sec)"));
    let row = &outcome.samples.rows()[0].1;
    (row[COLUMNS.len() + at.expect("a column")] * 1e3, outcome)
}

#[test]
fn empty_looks_stand_in_line_at_the_database_s_cores() {
    // R-CLK-07: two classes, 100 looks a second, 2 ms: 40 % of one core. Who comes finds one at
    // work as often, and waits for half of it: 0.4 ms, and a little more after messages, when
    // pollers look more often.
    let ((free, idle), (priced, busy)) = (inbound(1, 0), inbound(1, 2));
    let used = busy.resources[0].1.utilisation - idle.resources[0].1.utilisation;
    assert!((used - 0.4).abs() < 0.02, "{used}");
    let more = priced - free;
    assert!((0.35..0.55).contains(&more), "{free} ms, {priced} ms");
    // Of four cores one is always free.
    let (free, priced) = (inbound(4, 0).0, inbound(4, 2).0);
    assert!((priced - free).abs() < 0.01, "{free} ms, {priced} ms");
}

#[test]
fn on_shared_cores_looks_take_what_is_left_over() {
    let shared = |look_ms| {
        let mut plant = plant(51, 100, look_ms);
        plant.setup.disciplines.fill(Discipline::ProcessorSharing);
        plant.run()
    };
    let (free, priced) = (shared(0), shared(1));
    assert_eq!(free.digest, priced.digest);
    let used = database_cpu(&priced);
    assert!((used - 51.0 * 2.0 * 10.0 * 0.001 / 4.0).abs() < 0.01, "{used}");
}
