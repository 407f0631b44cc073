//! A partner that meters its callers: calls wait in line for their turn, and nothing gets lost.

use floodgate_engine::id::HostInstanceId;
use floodgate_engine::time::Duration;
use floodgate_sim::dist::Dist;
use floodgate_sim::setup::{Fault, QuotaSettings, SinkSettings};

use crate::fixture::{ASYNC, PUSH, Plant, Story, assert_all_kept, finish, immediate, ms, sink};

const SECOND: Duration = Duration::from_secs(1);

/// Six messages at once for a partner that lets two begin at once and one a second.
fn metered(limit: u32) -> Plant {
    let mut plant = Plant::new(immediate(), PUSH);
    let quota = Some(QuotaSettings { every: SECOND, burst: 2 });
    let wire = Dist::Constant(Duration::from_millis(1500));
    plant.send_port("Out", "In", ASYNC, SinkSettings { quota, limit, wire, ..sink() });
    plant.all_at_once(6);
    plant
}

/// When calls were over, in milliseconds.
fn done(plant: &Plant) -> Vec<u64> {
    let mut world = plant.telling();
    finish(&mut world);
    let at = Story::of(&world).instants(&["wire ok"]);
    assert_all_kept(&world.conclude());
    at.iter().map(|at| at.as_nanos() / 1_000_000).collect()
}

#[test]
fn calls_begin_as_the_quota_lets_them_and_then_wait_for_a_place() {
    assert_eq!(done(&metered(0)), [1500, 1500, 2500, 3500, 4500, 5500]);
    // One place: a call takes 1.5 s, so that the quota is never short after the first.
    assert_eq!(done(&metered(1)), [1500, 3000, 4500, 6000, 7500, 9000]);
}

#[test]
fn how_much_of_a_quota_is_used_is_told() {
    let mut plant = metered(0);
    plant.setup.measure_to = ms(10_000);
    let outcome = plant.run();
    let (_, usage) = outcome.resources.iter().find(|(name, _)| name.ends_with("(quota)")).unwrap();
    // Six calls of one a second; four waited for 1, 2, 3 and 4 s. The window is ten seconds.
    let found = [usage.utilisation, usage.queue_mean, usage.wait_mean.as_secs_f64()];
    assert_eq!((usage.jobs, outcome.meters.processed), (6, 6));
    for (found, due) in found.iter().zip([0.6, 1.0, 10.0 / 6.0]) {
        assert!((found - due).abs() < 1e-6, "{usage:?}");
    }
}

#[test]
fn the_line_of_a_process_that_dies_is_gone_and_its_messages_are_not() {
    // R-CRASH-03: it dies at 2.2 s, when two were answered and two calls are under way.
    let mut plant = metered(0);
    let instance = HostInstanceId(0);
    plant.setup.faults = vec![Fault::HostCrash { instance, at: ms(2200), lasts: Some(SECOND) }];
    plant.setup.life.wires_arrive = false;
    let outcome = plant.run();
    assert_all_kept(&outcome);
    assert_eq!((outcome.meters.processed, outcome.unfinished), (6, 0));
    // Four lines of the dead process are no calls: two and one before, and four after it.
    assert_eq!(outcome.meters.ports[0].attempts, 2 + 2 + 4);
}
