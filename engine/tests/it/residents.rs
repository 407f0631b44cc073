//! Instances that wait in memory: how long they stay, how they leave, and who has them meanwhile.

use floodgate_engine::batch::{BatchStatus, Status};
use floodgate_engine::config::{HostSettings, Orchestration, Topology};
use floodgate_engine::host::{HostInput, Life};
use floodgate_engine::id::{HostId, HostInstanceId, OrchestrationId, SubscriberId};
use floodgate_engine::message::{Document, PropertyId, Value};
use floodgate_engine::message_box::{Action, OrchestrationStatus, OutboundMessage};
use floodgate_engine::orchestration::{Convoy, Program};
use floodgate_engine::subscription::{Condition, Filter};
use floodgate_engine::throttle::{DehydrationSettings, DeliveryState, Measure, Memory, Throttle};
use floodgate_engine::time::{Duration, Instant};

use crate::bench::{Bench, FIRST, MASTER, document, immediate, publishing, topology};

const GATHERS: SubscriberId = SubscriberId(0);
const VALUE: PropertyId = PropertyId(900);
const OTHER: HostInstanceId = HostInstanceId(1);
const STATES: [OrchestrationStatus; 2] =
    [OrchestrationStatus::Active, OrchestrationStatus::Dehydrated];

/// Ten seconds where there is plenty of memory, one where it is scarce; 100 MB are plenty, 200 are
/// not, and every instance that waits takes 10.
fn settings() -> DehydrationSettings {
    DehydrationSettings {
        max: secs(10),
        virtual_bytes: None,
        private: Some(Measure { optimal: 100, max: 200 }),
        memory: Some(Memory {
            base: 90_000_000,
            per_message: 10_000_000,
            factor: 0,
            ..Memory::default()
        }),
        ..DehydrationSettings::file()
    }
}

/// `Gather` takes what comes from `In`, an instance for each value, on two host instances.
fn gathering(dehydration: DehydrationSettings) -> Topology {
    let settings = HostSettings { dehydration: Some(dehydration), ..immediate() };
    let mut topology = topology(settings);
    topology.host_instances.push(topology.host_instances[0]);
    let filter = Condition::equals(PropertyId::RECEIVE_PORT_NAME, Value::text("In"));
    topology.orchestrations.push(Orchestration {
        name: "Gather".to_owned(),
        host: HostId(0),
        filter: Filter::all_of(vec![filter]),
        priority: 7,
        ordered: false,
        program: Program {
            convoy: Some(Convoy { property: VALUE, messages: 0, idle: None }),
            ..Program::default()
        },
    });
    topology
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn of_value(number: u64, value: i64) -> Document {
    let mut document = document(number, "In");
    document.context.promote(VALUE, Some(Value::Int(value))).expect("a number");
    document
}

/// A message of `value` comes; the host instance is told, and runs its turn.
fn comes(bench: &mut Bench, number: u64, value: i64) {
    assert_eq!(bench.commit(publishing(vec![of_value(number, value)])).overall, Status::OK);
    bench.publish([]);
}

/// Time passes, and the host instance is woken when it wants to be.
fn pass(bench: &mut Bench, until: Instant) {
    while let Some(at) = bench.host.poll_timeout().filter(|at| *at <= until) {
        bench.now = at.max(bench.now);
        bench.tell(HostInput::Wake);
    }
    bench.now = until;
}

fn at(seconds: u64) -> Instant {
    Instant::ZERO + secs(seconds)
}

/// Instances that wait in memory, and in the MessageBox alone.
fn where_they_wait(bench: &Bench) -> [usize; 2] {
    let states = bench.message_box.orchestration_states(&gathering(settings()), OrchestrationId(0));
    STATES.map(|state| states.iter().filter(|own| **own == state).count())
}

/// Dehydrated, rehydrated, persisted.
fn tally(bench: &Bench) -> [u64; 3] {
    let own = bench.message_box.orchestrations(GATHERS);
    [own.dehydrated, own.rehydrated, own.persisted]
}

fn taken_by(bench: &mut Bench, by: HostInstanceId) -> Vec<Box<OutboundMessage>> {
    let mut found = Vec::new();
    bench.message_box.dequeue(bench.now, MASTER, by, 9, &mut found);
    found
}

fn dehydrations(bench: &Bench) -> usize {
    let all = bench.asked.iter().flat_map(|asked| &asked.batch.actions);
    all.filter(|(_, action)| matches!(action, Action::Dehydrate(_))).count()
}

#[test]
fn an_instance_stays_in_memory_until_it_was_blocked_for_twice_the_time() {
    // R-MBX-02, R-SUB-05. One instance waits: 100 MB are in use, so ten seconds are allowed.
    let mut bench = Bench::new(gathering(settings()));
    comes(&mut bench, 1, 7);
    assert_eq!((where_they_wait(&bench), tally(&bench)), ([1, 0], [0, 0, 1]));
    let shown = bench.host.dehydration().expect("its host has that");
    assert_eq!((shown.dehydratable, shown.threshold), (1, secs(10)));
    assert_eq!(bench.host.holdings().messages, 1);
    pass(&mut bench, at(20));
    assert_eq!(where_they_wait(&bench), [1, 0], "not longer than that");
    pass(&mut bench, at(22));
    assert_eq!((where_they_wait(&bench), tally(&bench)), ([0, 1], [1, 0, 2]));
    assert_eq!((bench.host.holdings().messages, dehydrations(&bench)), (0, 1));
    // Its message brings it back, wherever it is taken.
    bench.commit(publishing(vec![of_value(2, 7)]));
    assert_eq!(tally(&bench), [1, 1, 2]);
    assert_eq!(taken_by(&mut bench, OTHER).len(), 1);
}

#[test]
fn a_point_where_waits_are_long_is_not_waited_at_in_memory() {
    // R-MBX-02. The first wait takes half a minute, most of it out of memory: that is counted too.
    let mut bench = Bench::new(gathering(settings()));
    comes(&mut bench, 1, 7);
    pass(&mut bench, at(30));
    assert_eq!(where_they_wait(&bench), [0, 1]);
    comes(&mut bench, 2, 7);
    assert_eq!((where_they_wait(&bench), tally(&bench)[0]), ([0, 1], 2), "30 s are expected");
    // Nine short ones make the estimate shorter than the time allowed: it stays again.
    for number in 3..13 {
        comes(&mut bench, number, 7);
    }
    assert_eq!(where_they_wait(&bench), [1, 0]);
    assert_eq!(bench.host.holdings().messages, 1, "what waited before takes no memory any more");
}

#[test]
fn the_more_memory_is_in_use_the_sooner_they_go() {
    // 90 MB and ten for each of nine: 180 MB leave a fifth of the span between 1 s and 10 s.
    let mut bench = Bench::new(gathering(settings()));
    for value in 1..=9 {
        comes(&mut bench, value, value as i64);
    }
    let threshold = Duration::from_millis(2800);
    assert_eq!(bench.host.dehydration().map(|own| own.threshold), Some(threshold));
    pass(&mut bench, at(5));
    assert_eq!(where_they_wait(&bench), [9, 0]);
    pass(&mut bench, at(6));
    assert_eq!((where_they_wait(&bench), dehydrations(&bench)), ([0, 9], 9));
    assert_eq!(bench.asked.last().map(|asked| asked.batch.actions.len()), Some(9), "in one go");
    // What the machine has in use counts where it is looked at.
    let physical = Some(Measure { optimal: 1000, max: 2000 });
    let mut bench = Bench::new(gathering(DehydrationSettings { physical, ..settings() }));
    comes(&mut bench, 1, 7);
    bench.tell(HostInput::PhysicalMemory(1500));
    let threshold = bench.host.dehydration().map(|own| own.threshold);
    assert_eq!(threshold, Some(Duration::from_millis(5500)));
}

#[test]
fn while_memory_throttles_delivery_nothing_waits_in_memory() {
    // R-THR-02, R-THR-03: states 4 and 5.
    for state in [DeliveryState::ProcessMemory, DeliveryState::SystemMemory] {
        let mut bench = Bench::new(gathering(settings()));
        comes(&mut bench, 1, 7);
        bench.tell(HostInput::Throttle(Throttle::delivery(DeliveryState::Threads, 0.0)));
        assert_eq!(where_they_wait(&bench), [1, 0]);
        bench.tell(HostInput::Throttle(Throttle::delivery(state, 0.0)));
        assert_eq!(where_they_wait(&bench), [0, 1]);
        comes(&mut bench, 2, 8);
        assert_eq!(where_they_wait(&bench), [0, 2]);
    }
}

#[test]
fn who_has_an_instance_in_memory_gets_its_messages_until_it_dies() {
    // R-CRASH-01, R-CRASH-03, R-SUB-05, R-DEQ-01.
    let mut bench = Bench::new(gathering(settings()));
    comes(&mut bench, 1, 7);
    bench.commit(publishing(vec![of_value(2, 7)]));
    assert_eq!(taken_by(&mut bench, OTHER).len(), 0, "it is not for the other");
    assert!(bench.message_box.has_eligible(bench.now, MASTER, FIRST));
    bench.host.die();
    assert_eq!(bench.message_box.release_locks(FIRST), 1);
    assert_eq!(taken_by(&mut bench, OTHER).len(), 1, "now it is for any");
    assert_eq!(taken_by(&mut bench, FIRST).len(), 0);
    // One that waited when its process ended is in the MessageBox alone.
    let mut bench = Bench::new(gathering(settings()));
    comes(&mut bench, 1, 7);
    bench.host.die();
    bench.message_box.release_locks(FIRST);
    assert_eq!((where_they_wait(&bench), tally(&bench)[0]), ([0, 1], 1));
}

#[test]
fn a_stop_stores_what_waits_before_it_is_over() {
    // R-SHUT-06.
    let mut bench = Bench::new(gathering(settings()));
    comes(&mut bench, 1, 7);
    bench.hold_commits = true;
    bench.tell(HostInput::Stop);
    assert_eq!((bench.stopped, bench.host.life()), (false, Life::Stopping));
    bench.commit_held();
    assert_eq!((bench.stopped, where_they_wait(&bench)), (true, [0, 1]));
    assert_eq!(tally(&bench), [1, 0, 2]);
}

#[test]
fn a_message_that_comes_first_keeps_it_in_memory() {
    // R-CLK-06: what commits first counts. The instance is asked to go and is awake by then.
    let mut bench = Bench::new(gathering(settings()));
    comes(&mut bench, 1, 7);
    bench.hold_commits = true;
    pass(&mut bench, at(22));
    assert_eq!(bench.held.len(), 1);
    bench.commit(publishing(vec![of_value(2, 7)]));
    bench.commit_held();
    // The turn of the second message followed at once; after a wait of 22 s the next one is
    // expected to be long, and only then it went.
    assert_eq!((tally(&bench), dehydrations(&bench)), ([1, 0, 3], 2));
}

#[test]
fn what_could_not_be_stored_is_still_in_memory_and_is_tried_again() {
    // R-ATOM-01.
    let mut bench = Bench::new(gathering(settings()));
    comes(&mut bench, 1, 7);
    bench.hold_commits = true;
    pass(&mut bench, at(22));
    let (frame, batch) = bench.held.pop().expect("it is asked to go");
    assert_eq!(bench.host.dehydration().map(|own| own.dehydrating), Some(1));
    let failed = batch.actions.iter().map(|(kind, _)| (*kind, Status::PERSISTENCE_FAILURE));
    let mut status = BatchStatus::assemble(0, failed);
    status.overall = Status::PERSISTENCE_FAILURE;
    bench.tell(HostInput::Committed { frame, status });
    let shown = bench.host.dehydration().expect("its host has that");
    assert_eq!((shown.dehydratable, shown.dehydrating), (1, 0));
    bench.hold_commits = false;
    pass(&mut bench, at(24));
    assert_eq!((where_they_wait(&bench), dehydrations(&bench)), ([0, 1], 2));
}
