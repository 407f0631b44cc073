//! Tracking data: who moves it, who copies messages in full, who deletes what is old, and what the
//! disk of the tracking database makes of it.

use floodgate_engine::config::{Holdings, HostSettings, Track};
use floodgate_engine::id::{HostInstanceId, MessageBoxId, ServerId};
use floodgate_engine::time::{Duration, Instant};
use floodgate_sim::cost::Costs;
use floodgate_sim::load::ArrivalKind;
use floodgate_sim::setup::{Failure, Fault, SinkSettings, TrackingSettings};
use floodgate_sim::world::World;

use crate::fixture::{ASYNC, PUSH, Plant, assert_all_kept, finish, immediate, ms, sink};

const EVENTS: Track =
    Track { events: true, before: false, after: false, properties: 0, property_bytes: 0 };
const BODIES: Track = Track { events: false, before: true, ..EVENTS };
const HOME: MessageBoxId = MessageBoxId(0);

/// Ten messages, one a second, for one port, where services are tracked; the host moves what they
/// leave, or does not.
fn plant(moves: bool) -> Plant {
    let mut plant = Plant::new(HostSettings { tracking: moves, ..immediate() }, PUSH);
    plant.send_port("Out", "In", ASYNC, sink());
    plant.load(ArrivalKind::Replay((0..10).map(|n| ms(n * 1000 + 1)).collect()), Some(10));
    plant.track(EVENTS);
    plant
}

/// A disk that writes or deletes so many rows a second, whatever they are.
fn slow_disk(plant: &mut Plant, rows_per_second: u64) {
    let nanos = 1_000_000_000 / rows_per_second;
    plant.setup.costs = Costs { track_data_row: Duration::from_nanos(nanos), ..Costs::default() };
}

/// The same plant with one message a second for so long.
fn steady(minutes: u64) -> Plant {
    let mut plant = plant(true);
    plant.setup.loads.clear();
    let arrivals = (0..minutes * 60).map(|n| ms(n * 1000 + 1)).collect();
    plant.load(ArrivalKind::Replay(arrivals), Some(minutes * 60));
    plant
}

fn finished(plant: &Plant) -> World {
    let mut world = plant.telling();
    finish(&mut world);
    assert_all_kept(&world.clone().conclude());
    world
}

fn rows(world: &World) -> (u64, u64) {
    (world.message_box().tracking_rows(HOME), world.meters().tracked)
}

fn held(world: &World) -> (u64, u64) {
    (world.message_box().tracked_bodies(HOME), world.message_box().spool_garbage())
}

#[test]
fn tracking_data_waits_for_a_host_that_moves_it() {
    // R-GC-05: one row for the receive pipeline, one for the send pipeline.
    assert_eq!(rows(&finished(&plant(false))), (20, 0), "the table grows");
    assert_eq!(rows(&finished(&plant(true))), (0, 20));
    let mut untracked = plant(true);
    untracked.setup.topology.tracks.clear();
    assert_eq!(rows(&finished(&untracked)), (0, 0));
}

#[test]
fn another_instance_goes_on_with_it() {
    // R-GC-05.
    let mut plant = plant(true);
    plant.instances(2);
    let instance = HostInstanceId(0);
    plant.setup.faults = vec![Fault::HostStop { instance, at: ms(4500), lasts: None }];
    assert_eq!(rows(&finished(&plant)), (0, 20));
    plant.setup.faults.push(Fault::HostStop {
        instance: HostInstanceId(1),
        at: ms(7500),
        lasts: None,
    });
    let (left, moved) = rows(&finished(&plant));
    assert_eq!((left + moved) % 2, 0);
    assert!(moved < 20, "nobody is left to move the rest: {moved}");
}

#[test]
fn what_a_dying_instance_was_moving_another_one_moves() {
    // R-GC-05: the transaction of a process that dies is undone, and nothing arrives twice.
    let mut plant = plant(true);
    plant.instances(2);
    slow_disk(&mut plant, 1);
    let instance = HostInstanceId(0);
    plant.setup.faults = vec![Fault::HostCrash { instance, at: ms(4500), lasts: None }];
    let outcome = plant.run();
    assert_all_kept(&outcome);
    let tracking = outcome.tracking.expect("services are tracked");
    assert_eq!((outcome.meters.tracked, outcome.meters.tracking.value()), (20, 0));
    assert_eq!((tracking.written.services, tracking.written.events), (20, 40));
    // Alone, it had begun with two rows, which take six seconds, and nobody goes on with them.
    let mut alone = self::plant(true);
    slow_disk(&mut alone, 1);
    alone.setup.faults = plant.setup.faults.clone();
    let outcome = alone.run();
    assert_eq!(
        (outcome.meters.tracked, outcome.tracking.expect("tracked").written.services),
        (0, 0)
    );
    assert!(outcome.meters.tracking.value() >= 8, "{:?}", outcome.meters.tracking);
}

#[test]
fn what_is_tracked_moves_no_event() {
    // R-GC-05: a look aside, not a part of what happens to messages.
    let digest = |moves: bool, track: Option<Track>| {
        let mut plant = plant(moves);
        plant.setup.topology.tracks.clear();
        plant.track(track.unwrap_or_default());
        plant.run().digest
    };
    let plain = digest(false, None);
    assert_eq!(digest(true, Some(EVENTS)), plain);
    assert_eq!(digest(false, Some(EVENTS)), plain);
    assert_eq!(digest(true, Some(Track { before: true, after: true, ..EVENTS })), plain);
}

#[test]
fn a_tracked_message_stays_in_the_spool_until_it_is_copied() {
    // R-GC-02, R-GC-01: nobody refers to it, and it may not go.
    let mut plant = plant(true);
    plant.track(BODIES);
    plant.setup.cleanup = Duration::from_secs(1);
    let mut world = plant.telling();
    world.run_until(ms(59_999));
    assert_eq!(held(&world), (20, 10), "each is tracked as it came and as it goes");
    world.run_until(ms(60_500));
    assert_eq!(held(&world), (0, 10), "the job has copied them");
    world.run_until(ms(61_500));
    assert_eq!(held(&world), (0, 0), "and the other one has removed them");
    let outcome = world.run();
    assert_all_kept(&outcome);
    let body = Holdings { bodies: 20, body_bytes: 20_000, ..Holdings::default() };
    assert_eq!(outcome.tracking.expect("tracked").holds, body);
    assert!(outcome.findings.iter().all(|finding| finding.holds != Some(false)));
}

#[test]
fn without_the_jobs_what_is_tracked_is_never_copied() {
    // R-GC-04: the spool grows although nothing waits.
    let mut plant = plant(true);
    plant.track(BODIES);
    plant.setup.jobs = false;
    assert_eq!(held(&finished(&plant)), (20, 10));
}

#[test]
fn a_thread_takes_so_many_rows_and_looks_again_at_once_where_there_are_more() {
    // R-GC-05.
    let mut plant = plant(true);
    plant.setup.loads.clear();
    plant.all_at_once(100);
    slow_disk(&mut plant, 100);
    plant.setup.tracking = TrackingSettings { batch: 10, threads: 2, ..Default::default() };
    let mut world = plant.telling();
    // 200 rows of the table are 600 of the database: two threads with 10 rows each take turns at
    // a disk that does 100 a second.
    world.run_until(ms(1001));
    assert_eq!(rows(&world), (200, 0), "two batches are under way, and none has arrived");
    world.run_until(ms(1001 + 501));
    assert_eq!(rows(&world), (200, 0));
    world.run_until(ms(1001 + 601));
    assert_eq!(rows(&world).1, 20);
    world.run_until(ms(1001 + 3001));
    assert_eq!(rows(&world), (100, 100), "the disk never waited for a look");
    let outcome = world.run();
    assert_all_kept(&outcome);
    assert_eq!(outcome.meters.tracked, 200);
    assert!(outcome.findings.iter().any(|one| one.of.contains("tracking database")));
    assert!(outcome.findings.iter().all(|finding| finding.holds != Some(false)));
}

#[test]
fn moving_takes_the_processors_on_its_way() {
    // R-GC-05: that of the MessageBox, that of the tracking host, that of the database.
    let mut plant = plant(true);
    plant.instances(2);
    plant.setup.tracking = TrackingSettings { server: Some(ServerId(1)), ..Default::default() };
    let busy = |costs: Costs, tracked: bool| {
        let mut plant = plant.clone();
        plant.setup.costs = costs;
        plant.setup.measure_to = ms(20_000);
        if !tracked {
            plant.setup.topology.tracks.clear();
        }
        let outcome = plant.run();
        assert_all_kept(&outcome);
        let of = |name: &str| {
            let known = outcome.resources.iter().find(|(known, _)| known == name);
            known.expect("a server").1.utilisation * 4.0 * outcome.ended.as_secs_f64()
        };
        (of("server CPU"), of("server1 CPU"))
    };
    let free = Costs::default();
    let price = Duration::from_millis(50);
    let near = |found: f64, rows: f64| assert!((found - rows * 0.05).abs() < 1e-6, "{found}");
    // Twenty rows of the MessageBox are sixty of the database: a service and two events each.
    near(busy(Costs { track_work_row: price, ..free }, true).0, 20.0);
    near(busy(Costs { track_sql_row: price, ..free }, true).1, 60.0);
    // In the MessageBox they are written with what they tell of, and read by those who move them.
    let by_row = Costs { sql_row: price, ..free };
    near(busy(by_row, true).0 - busy(by_row, false).0, 20.0 + 20.0);
}

#[test]
fn what_is_older_than_it_is_kept_is_deleted() {
    // R-GC-02: the job runs every minute.
    let mut plant = steady(30);
    plant.setup.tracking.keep = Duration::from_minutes(10);
    let outcome = plant.run();
    assert_all_kept(&outcome);
    let tracking = outcome.tracking.expect("tracked");
    assert_eq!(tracking.written.services, 2 * 30 * 60);
    let minutes = tracking.holds.services as f64 / 120.0;
    assert!((9.0..=12.1).contains(&minutes), "{minutes} minutes are kept");
    assert_eq!(tracking.written.rows() - tracking.deleted.rows(), tracking.holds.rows());
    assert!(tracking.late.is_some_and(|late| late <= Duration::from_minutes(1)));
    plant.setup.tracking.keep = Duration::from_minutes(60);
    let kept = plant.run().tracking.expect("tracked");
    assert_eq!((kept.deleted, kept.late), (Holdings::default(), None));
}

#[test]
fn a_disk_that_cannot_write_and_delete_falls_behind_with_one_of_them() {
    // Six rows a second are written, and as many deleted.
    let run = |rows: u64| {
        let mut plant = steady(60);
        plant.setup.tracking.keep = Duration::from_minutes(10);
        plant.setup.drain = Duration::ZERO;
        plant.setup.measure_to = Instant::ZERO + Duration::from_minutes(60);
        slow_disk(&mut plant, rows);
        plant.run()
    };
    let enough = run(14);
    assert!(enough.meters.tracking.growth(enough.ended) < 200, "{:?}", enough.meters.tracking);
    assert!(enough.tracking.and_then(|own| own.late) <= Some(Duration::from_minutes(2)));
    let short = run(9);
    let late = short.tracking.and_then(|own| own.late);
    let waiting = short.meters.tracking.growth(short.ended);
    assert!(late > Some(Duration::from_minutes(4)) || waiting > 1000, "{late:?} {waiting}");
}

#[test]
fn deleting_keeps_events_waiting_and_messages_in_full_not() {
    // R-GC-02, R-GC-05: a minute of 360 rows and 120 messages is deleted in one transaction, which
    // takes ten seconds, and a minute of messages is copied meanwhile.
    let mut plant = steady(20);
    plant.track(Track { before: true, ..EVENTS });
    plant.setup.tracking.keep = Duration::from_minutes(10);
    slow_disk(&mut plant, 50);
    let mut world = plant.telling();
    let mut after = |minutes: u64| {
        world.run_until(ms(minutes * 60_000 + 8_500));
        (world.message_box().tracking_rows(HOME), world.message_box().tracked_bodies(HOME))
    };
    let (rows, bodies) = after(9);
    assert!(rows <= 6 && bodies <= 20, "{rows} {bodies}");
    let (rows, bodies) = after(12);
    assert!(rows >= 14 && bodies <= 20, "{rows} {bodies}");
    world.run_until(ms(12 * 60_000 + 30_000));
    assert!(world.message_box().tracking_rows(HOME) <= 6, "they have gone since");
    let outcome = world.run();
    assert_all_kept(&outcome);
    assert!(outcome.findings.iter().all(|finding| finding.holds != Some(false)));
}

#[test]
fn rows_are_dearer_when_the_table_has_outgrown_the_memory() {
    // Of 5,400 rows the memory holds 540, so that the last ones cost ten times the first.
    let run = |cached_rows: u64| {
        let mut plant = steady(15);
        plant.setup.costs =
            Costs { track_data_cold_row: Duration::from_millis(10), ..Costs::default() };
        plant.setup.tracking.cached_rows = cached_rows;
        plant.setup.measure_to = Instant::ZERO + Duration::from_minutes(15);
        let outcome = plant.run();
        assert!(outcome.findings.iter().all(|finding| finding.holds != Some(false)));
        let known = outcome.resources.iter().find(|(name, _)| name.contains("tracking database"));
        known.expect("the disk has a price").1.utilisation
    };
    assert!(run(1_000_000) < 1e-9);
    // All of 5,400 rows at 10 ms in 900 seconds are 6 %; a table that grows from nothing and of
    // which a tenth fits has 1 - (1 + ln 10) / 10 of them cold.
    let expected = 0.06 * (1.0 - (1.0 + std::f64::consts::LN_10) / 10.0);
    let found = run(540);
    assert!((found - expected).abs() < 0.001, "{found} against {expected}");
}

#[test]
fn a_service_that_gives_a_message_up_is_not_over() {
    // R-GC-02: its rows are left to the hard purge.
    let mut plant = Plant::new(HostSettings { tracking: true, ..immediate() }, PUSH);
    let broken = SinkSettings { failure: Failure::Always, ..sink() };
    plant.send_port("Out", "In", ASYNC, broken).retry(0, Duration::ZERO);
    plant.load(ArrivalKind::Replay((0..1800).map(|n| ms(n * 1000 + 1)).collect()), Some(1800));
    plant.track(EVENTS);
    plant.setup.tracking.keep = Duration::from_minutes(5);
    plant.setup.tracking.keep_at_most = Duration::from_minutes(20);
    let tracking = plant.run().tracking.expect("tracked");
    // Each message: two events of the receive pipeline, which is done, and one of the send port.
    assert_eq!((tracking.written.services, tracking.written.events), (3600, 5400));
    let minutes = |holds: u64| holds as f64 / 60.0;
    let (events, services) = (tracking.holds.events, tracking.holds.services);
    // s = ended + begun, e = 2 ended + begun.
    let (ended, begun) = (minutes(events - services), minutes(2 * services - events));
    // The job may have run once more after the last message.
    assert!((4.0..=7.1).contains(&ended), "{ended} minutes of what is done");
    assert!((19.0..=22.1).contains(&begun), "{begun} minutes of what is not");
}
