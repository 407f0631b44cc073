//! What empty looks cost, though they are no events.

use floodgate_engine::config::HostSettings;
use floodgate_engine::time::Duration;
use floodgate_sim::cost::Costs;
use floodgate_sim::outcome::Outcome;

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
