//! Determinism: one setup, one history. What only looks moves nothing; what differs can be found.

use floodgate_engine::config::{HostSettings, OnFailure};
use floodgate_engine::retry::RetryPolicy;
use floodgate_engine::time::Duration;
use floodgate_sim::cost::Costs;
use floodgate_sim::dist::Dist;
use floodgate_sim::outcome::Outcome;
use floodgate_sim::setup::{DoneOrder, EndpointSettings, Failure, SinkSettings};
use floodgate_sim::trace::first_divergence;
use floodgate_sim::world::World;

use crate::fixture::{
    ASYNC, BATCHED, BLOCKING, BLOCKING_BATCHED, FOLDER, PUSH, Plant, assert_all_kept, finish,
    immediate, ms, sink,
};

/// Everything at once: four adapters, failures, a backup, order, costs, two host instances.
fn busy() -> Plant {
    let mut plant = Plant::new(HostSettings::default(), FOLDER);
    let wire = Dist::Exponential { mean: Duration::from_millis(20) };
    let flaky = SinkSettings { wire, failure: Failure::PerMille(200), ..sink() };
    let retry = RetryPolicy { count: 2, interval: Duration::from_secs(30) };
    plant.send_port("A", "In", ASYNC, flaky.clone()).retry(1, Duration::from_secs(10));
    plant.backup(BATCHED, retry, flaky.clone());
    plant.send_port("B", "In", BLOCKING, SinkSettings { limit: 2, ..flaky.clone() });
    plant.send_port("C", "In", BLOCKING_BATCHED, flaky.clone()).ordered(OnFailure::Continue);
    plant.instances(2).poisson(40.0, 300);
    plant.setup.costs = Costs {
        receive_message: Duration::from_micros(700),
        send_batch: Duration::from_micros(900),
        sql_row: Duration::from_micros(150),
        lock_transaction: Duration::from_micros(400),
        ..Costs::default()
    };
    plant.setup.done = DoneOrder::Drawn;
    plant
}

/// Ordered delivery that fails and goes on, with the default poll.
fn in_order() -> Plant {
    let mut plant = Plant::new(HostSettings::default(), PUSH);
    let sink = SinkSettings { failure: Failure::Every(7), ..sink() };
    plant.send_port("Out", "In", BATCHED, sink).retry(2, Duration::from_minutes(1));
    plant.ordered(OnFailure::Continue).poisson(5.0, 60);
    plant
}

/// A hundred messages at once, on immediate dispatch, for free.
fn free() -> Plant {
    let mut plant = Plant::new(immediate(), PUSH);
    plant.send_port("Out", "In", ASYNC, sink()).all_at_once(100);
    plant
}

fn totals(outcome: &Outcome) -> [u64; 4] {
    let meters = &outcome.meters;
    [meters.received, meters.processed, meters.suspended, outcome.unfinished]
}

fn telling(plant: &Plant) -> World {
    let mut world = plant.telling();
    finish(&mut world);
    world
}

// R-CLK-01, INV-69.
#[test]
fn the_same_setup_twice_is_the_same_run() {
    for plant in [busy(), in_order(), free()] {
        let (one, two) = (plant.run(), plant.run());
        assert_all_kept(&one);
        assert_eq!((&one.digest, one.events), (&two.digest, two.events));
        assert_eq!(one.checkpoints, two.checkpoints);
    }
}

#[test]
fn a_branched_world_goes_the_same_way() {
    let mut world = World::new(&busy().setup);
    world.run_until(ms(3000));
    let branch = world.clone();
    assert_eq!(world.run().digest, branch.run().digest);
}

#[test]
fn another_seed_is_another_run() {
    let plant = busy();
    let mut other = plant.clone();
    other.setup.seed += 1;
    let mut again = plant.clone();
    again.setup.replication += 1;
    let digest = plant.run().digest;
    assert_ne!(digest, other.run().digest);
    assert_ne!(digest, again.run().digest);
}

#[test]
fn shuffled_ties_move_the_digest_and_no_count() {
    let mut plant = busy();
    // All arrive at once, so that there are ties to shuffle; failures are drawn per message.
    plant.setup.loads.clear();
    plant.all_at_once(300);
    let plain = plant.run();
    let mut digests = vec![plain.digest.clone()];
    for _ in 0..3 {
        plant.setup.shuffle_ties = true;
        plant.setup.replication += 1;
        let mut unshuffled = plant.clone();
        unshuffled.setup.shuffle_ties = false;
        let (shuffled, unshuffled) = (plant.run(), unshuffled.run());
        assert_all_kept(&shuffled);
        assert_eq!(totals(&shuffled), totals(&unshuffled));
        assert_ne!(shuffled.digest, unshuffled.digest);
        digests.extend([shuffled.digest, unshuffled.digest]);
    }
    let shown = digests.len();
    digests.sort();
    digests.dedup();
    assert_eq!(digests.len(), shown, "no two runs are alike");
}

#[test]
fn looking_changes_nothing() {
    let plant = busy();
    let digest = plant.run().digest;
    for millis in [7, 1000, 3_600_000] {
        let mut sampled = plant.clone();
        sampled.setup.sample = Duration::from_millis(millis);
        assert_eq!(sampled.run().digest, digest, "sampled every {millis} ms");
    }
    assert_eq!(telling(&plant).conclude().digest, digest, "told as a story");
    let mut stepped = World::new(&plant.setup);
    while stepped.step() {
        let _ = (stepped.backlog(), stepped.message_box().recount());
    }
    assert_eq!(stepped.conclude().digest, digest, "looked at between all steps");
}

#[test]
fn two_runs_that_differ_name_the_first_event_that_does() {
    let plant = in_order();
    let mut other = plant.clone();
    // The partner fails for other messages: the runs agree until the first of them.
    let EndpointSettings::Sink(sink) = &mut other.setup.endpoints[1] else {
        panic!("the second endpoint is the send port's")
    };
    sink.failure = Failure::Every(9);
    let (one, two) = (telling(&plant), telling(&other));
    let (at, left, right) =
        first_divergence(one.trace().story(), two.trace().story()).expect("they differ");
    let (left, right) = (&left.unwrap().1, &right.unwrap().1);
    assert!(left.ends_with("m7 by Out (primary): wire FAILS"), "{left}");
    assert!(right.ends_with("m7 by Out (primary): wire ok"), "{right}");
    assert_eq!(one.trace().story()[..at], two.trace().story()[..at]);
    assert_ne!(one.trace().digest(), two.trace().digest());
    assert_eq!(first_divergence(one.trace().story(), telling(&plant).trace().story()), None);
}

/// This commit behaves as the last, on every platform and in every profile. Change these on
/// purpose only, and say so (INV-69).
#[test]
fn golden_digests() {
    let digests = [busy(), in_order(), free()].map(|plant| plant.run().digest);
    assert_eq!(
        digests,
        [
            "6fbeb9f216e2c435120f3f19d138dcbc",
            "90961cbf9340cc8230eff2cbf7f0d342",
            "04c97c84d8326b9d65964f3790ef8888",
        ]
    );
}
