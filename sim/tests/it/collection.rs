//! Garbage rows: what the cleanup job gets through, of what is in memory and what is not.

use floodgate_engine::id::MessageBoxId;
use floodgate_engine::message_box::CleanupOrder;
use floodgate_engine::time::{Duration, Instant};
use floodgate_sim::cost::Costs;
use floodgate_sim::load::{ArrivalKind, Shape, Spacing};
use floodgate_sim::outcome::Outcome;
use floodgate_sim::world::World;

use crate::fixture::{ASYNC, PUSH, Plant, assert_all_kept, immediate, sink};

const HOME: MessageBoxId = MessageBoxId(0);

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

/// Garbage at an instant.
fn garbage_at(plant: &Plant, seconds: u64) -> u64 {
    let mut world = World::new(&plant.setup);
    world.run_until(at(seconds));
    world.message_box().garbage_of(HOME)
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

/// The same, all of which can be sent at once: a hundred rows a second are removed, or ten that are
/// not in memory.
fn littered(order: CleanupOrder) -> Plant {
    let costs = Costs {
        collect_sql_row: ms(5),
        collect_row: ms(5),
        collect_cold_row: ms(95),
        ..Costs::default()
    };
    let mut plant = overdriven(costs, 2_000);
    plant.setup.costs.send_message = ms(1);
    plant.setup.cleanup = ms(100);
    plant.setup.topology.policy.cleanup = order;
    plant
}

#[test]
fn what_is_left_behind_leaves_the_cache_and_what_comes_later_does_not_wait_for_it() {
    // A hundred rows a second stay behind, from the first to the last of a hundred seconds, and no
    // message waits. In memory are those of the last ten seconds, which go in ten more. The others
    // are read again, ten a second: a straight line without a fast part.
    let plant = littered(CleanupOrder::Newest);
    let outcome = run(&plant);
    assert!(outcome.meters.backlog.max() < 20, "nothing waits but rows");
    near(outcome.meters.spool.max() as f64, 10_000.0, "the peak");
    near(emptied(&outcome), 100.0 + 10.0 + 900.0, "the end");
    let left = [25, 50, 75, 100, 110, 310, 510, 710].map(|at| garbage_at(&plant, at) as f64);
    for (found, due) in left.into_iter().zip([2.5, 5.0, 7.5, 10.0, 9.0, 7.0, 5.0, 3.0]) {
        near(found, due * 1000.0, "rows on the way up and down");
    }
    // Cleaning up is a resource, but no part of the run: that ended with the last message.
    let job = outcome.resources.iter().find(|(name, _)| name.ends_with("cleanup job"));
    assert!(job.expect("it is there").1.utilisation > 0.97, "{job:?}");
    near(outcome.ended.as_secs_f64(), 100.0, "the run");
}

#[test]
fn a_job_waits_for_a_processor_among_others_and_is_slower_where_that_is_busy() {
    // Four milliseconds of a row are the one processor's, one is the job's own: 200 a second where
    // nobody else needs it. Documents that take 40 % of it leave it no idle moment, for they queue
    // while the job is at it: 150 a second.
    let removed = |send: Duration| {
        let own = Costs { collect_sql_row: ms(4), collect_row: ms(1), ..Costs::default() };
        let mut plant = overdriven(own, u64::MAX);
        plant.setup.topology.servers[0].cpus = 1;
        plant.setup.costs.send_message = send;
        let mut world = World::new(&plant.setup);
        world.run_until(at(11));
        let before = world.removed_from(HOME);
        world.run_until(at(91));
        (world.removed_from(HOME) - before) as f64 / 80.0
    };
    near(removed(Duration::ZERO), 200.0, "with the processor to itself");
    near(removed(ms(2)), 150.0, "among documents");
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
    assert!(free < 200, "the job keeps up: {free:?}");
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
