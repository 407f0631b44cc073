//! Garbage rows: what the cleanup job gets through, of what is in memory and what is not.

use floodgate_engine::time::{Duration, Instant};
use floodgate_sim::cost::Costs;
use floodgate_sim::load::{ArrivalKind, Shape, Spacing};
use floodgate_sim::outcome::Outcome;
use floodgate_sim::world::World;

use crate::fixture::{ASYNC, PUSH, Plant, assert_all_kept, immediate, sink};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn at(seconds: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(seconds)
}

/// 200 messages a second for 100 s; a hundred a second can be sent. The job runs every second.
fn overdriven(costs: Costs, cached: u64) -> Plant {
    let mut plant = Plant::new(immediate(), PUSH);
    let shape = Shape::constant(200.0);
    let arrivals = ArrivalKind::Shape { shape, spacing: Spacing::Constant };
    plant.send_port("Out", "In", ASYNC, sink()).load(arrivals, Some(20_000));
    plant.setup.costs = Costs { send_message: ms(40), ..costs };
    plant.setup.cleanup = Duration::from_secs(1);
    plant.setup.topology.policy.cached_rows = cached;
    plant
}

/// Garbage at an instant: in the cache and not.
fn garbage_at(plant: &Plant, seconds: u64) -> (u64, u64) {
    let mut world = World::new(&plant.setup);
    world.run_until(at(seconds));
    world.message_box().garbage_of(floodgate_engine::id::MessageBoxId(0))
}

fn run(plant: &Plant) -> Outcome {
    let outcome = plant.run();
    assert_all_kept(&outcome);
    assert_eq!((outcome.meters.processed, outcome.spool_final), (20_000, 0));
    outcome
}

fn emptied(outcome: &Outcome) -> f64 {
    outcome.meters.spool_emptied.expect("it is empty in the end").as_secs_f64()
}

fn near(found: f64, due: f64, of: &str) {
    assert!((found - due).abs() <= due * 0.03, "{of}: found {found}, due {due}");
}

#[test]
fn a_job_that_takes_time_leaves_what_it_does_not_get_through() {
    // R-GC-02: 20,000 rows, of which 50 a second are collected.
    let costs = Costs { collect_row: ms(20), ..Costs::default() };
    let outcome = run(&overdriven(costs, u64::MAX));
    near(emptied(&outcome), 400.0, "the job's own time");
    // 100 s at 200 rows a second less 50.
    near(outcome.meters.spool.max() as f64, 15_000.0, "the peak");
}

#[test]
fn what_has_left_the_cache_is_collected_slowly_and_what_comes_later_is_not() {
    // Message n comes at n / 200 s and goes at n / 100 s, so that n more have come by then, or all
    // 20,000. With room for 2,000 those from 2,000 to 18,000 go cold; the last 2,000 do not, though
    // the table is as deep as ever: no threshold is to be crossed back.
    let costs = Costs { collect_cold_row: ms(100), ..Costs::default() };
    let plant = overdriven(costs, 2_000);
    let outcome = run(&plant);
    near(emptied(&outcome), 20.0 + 1_600.0, "16,000 rows at ten a second");
    near(garbage_at(&plant, 179).1 as f64, 16_000.0 - 1_600.0, "cold garbage when the cold end");
    near(garbage_at(&plant, 201).1 as f64, 16_000.0 - 1_800.0, "and when all is sent");
    near(outcome.meters.spool.max() as f64, 20_000.0 - 2_000.0 - 800.0, "the peak");
    // From the end of the load the spool shrinks by what the job gets through: no fast part.
    let spool = |seconds| {
        let mut world = World::new(&plant.setup);
        world.run_until(at(seconds));
        (world.message_box().spool_live() + world.message_box().spool_garbage()) as f64
    };
    near(spool(101) - spool(171), 700.0, "rows in 70 s after the load");
}

#[test]
fn sending_what_has_left_the_cache_waits_for_the_disk() {
    let slow = Costs { data_cold_row: ms(50), ..Costs::default() };
    let (shallow, deep) = (overdriven(slow, u64::MAX), overdriven(slow, 2_000));
    near(run(&shallow).ended.as_secs_f64(), 200.0, "as fast as without a disk");
    // Twenty a second from the 2,000th on: when all have come, at 100 s, 3,600 have gone; of the
    // rest the last 2,000 are in memory still.
    let outcome = run(&deep);
    near(outcome.ended.as_secs_f64(), 20.0 + 16_000.0 / 20.0 + 2_000.0 / 100.0, "the disk's time");
    let free = garbage_at(&deep, 500);
    assert!(free.0 + free.1 < 200, "the job keeps up: {free:?}");
}

#[test]
fn without_the_jobs_the_spool_grows_while_nothing_waits() {
    // R-GC-04: two documents at every instant that there are, and no queue.
    let mut plant = overdriven(Costs::default(), u64::MAX);
    plant.setup.jobs = false;
    plant.setup.costs.send_message = ms(10);
    let mut world = World::new(&plant.setup);
    for seconds in [20, 50, 90] {
        world.run_until(at(seconds));
        let message_box = world.message_box();
        assert!(message_box.reference_counts().work < 20, "nothing waits");
        near(message_box.spool_garbage() as f64, 200.0 * seconds as f64, "every row is garbage");
    }
    let outcome = world.run();
    assert_eq!((outcome.spool_final, outcome.meters.spool_emptied), (20_000, None));
}

#[test]
fn a_deep_table_that_costs_nothing_moves_nothing() {
    let digest = |cached| overdriven(Costs::default(), cached).run().digest;
    assert_eq!(digest(u64::MAX), digest(10));
}
