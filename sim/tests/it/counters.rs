//! Counters of single hosts and MessageBoxes, as the performance monitor prints them.

use floodgate_engine::config::{RequestSettings, Track};
use floodgate_engine::time::Duration;
use floodgate_sim::cost::Costs;
use floodgate_sim::dist::Dist;
use floodgate_sim::load::ArrivalKind;
use floodgate_sim::outcome::Outcome;
use floodgate_sim::probe::COLUMNS;
use floodgate_sim::setup::{Failure, SinkSettings};

use crate::answers::asking;
use crate::fixture::{ASYNC, PUSH, Plant, assert_all_kept, immediate, ms, sink};
use crate::golden_two_way::{desk, replying};

/// Three MessageBoxes, work that takes a while, services tracked and nobody to move it.
fn outcome() -> Outcome {
    let mut plant = Plant::new(immediate(), PUSH);
    plant.boxes(3).send_port("Out", "In", ASYNC, sink()).poisson(50.0, 1_000);
    plant.setup.costs = Costs { send_message: Duration::from_millis(50), ..Costs::default() };
    plant.setup.sample = Duration::from_secs(1);
    plant.track(Track { events: true, ..Track::default() });
    let outcome = plant.run();
    assert_all_kept(&outcome);
    outcome
}

/// The sum of the further columns whose names end so, row by row.
pub(crate) fn parts(outcome: &Outcome, ends: &str) -> Vec<f64> {
    let named = outcome.samples.parts().iter().enumerate();
    let places: Vec<usize> = named
        .filter(|(_, (name, _))| name.ends_with(ends))
        .map(|(at, _)| COLUMNS.len() + at)
        .collect();
    assert!(!places.is_empty(), "{ends}");
    let sum = |row: &[f64]| places.iter().map(|at| row[*at]).sum::<f64>();
    outcome.samples.rows().iter().map(|(_, row)| sum(row)).collect()
}

pub(crate) fn whole(outcome: &Outcome, name: &str) -> Vec<f64> {
    let at = COLUMNS.iter().position(|column| column.name == name).expect("a column");
    outcome.samples.rows().iter().map(|(_, row)| row[at]).collect()
}

#[test]
fn parts_have_the_product_s_names_and_add_up_to_the_whole() {
    let outcome = outcome();
    let names: Vec<&str> = outcome.samples.parts().iter().map(|(name, _)| name.as_str()).collect();
    assert!(names.contains(&r"\BizTalk:Messaging(H)\Pending receive batches"), "{names:?}");
    let spool = r"\BizTalk:Message Box:General Counters(MsgBox1:server)\Spool Size";
    assert!(names.contains(&spool), "{names:?}");
    for (ends, of) in [
        ("Spool Size", "Spool Size"),
        ("Pending receive batches", "Pending receive batches"),
        ("Thread count", "Thread count"),
    ] {
        assert_eq!(parts(&outcome, ends), whole(&outcome, of), "{ends}");
    }
    let threads = whole(&outcome, "Engine threads in use");
    let (receive, send) = (parts(&outcome, "receive threads"), parts(&outcome, "send threads"));
    let both: Vec<f64> = receive.iter().zip(&send).map(|(one, other)| one + other).collect();
    assert_eq!(both, threads);
    assert!(threads.iter().any(|busy| *busy > 0.0));
    // R-GC-05: two rows a message, and nobody moves them.
    let tracked = parts(&outcome, "Tracking data size");
    assert!((tracked[tracked.len() - 1] - 2_000.0).abs() < 0.5, "{tracked:?}");
}

pub(crate) fn column(outcome: &Outcome, name: &str) -> Vec<f64> {
    let at = outcome.samples.parts().iter().position(|(known, _)| known == name);
    let at = COLUMNS.len() + at.unwrap_or_else(|| panic!("no {name}"));
    outcome.samples.rows().iter().map(|(_, row)| row[at]).collect()
}

/// A message at once and one after two seconds, of which receiving takes 30 ms and sending 50 ms of
/// one of four cores, and 20 ms on the wire.
#[test]
fn processor_time_and_latencies_are_those_of_the_interval() {
    let mut plant = Plant::new(immediate(), PUSH);
    let wire = Dist::Constant(Duration::from_millis(20));
    plant.send_port("Out", "In", ASYNC, SinkSettings { wire, ..sink() });
    plant.load(ArrivalKind::Replay([0, 2000].map(ms).to_vec()), None);
    plant.setup.topology.servers[0].cpus = 4;
    let (receive, send) = (Duration::from_millis(30), Duration::from_millis(50));
    plant.setup.costs = Costs { receive_message: receive, send_message: send, ..Costs::default() };
    plant.setup.sample = Duration::from_secs(1);
    let outcome = plant.run();
    let table = [
        // 80 ms of 4 s in every other interval.
        (r"\\server\Processor(_Total)\% Processor Time", [2.0, 0.0, 2.0, 0.0]),
        (r"\BizTalk:Messaging Latency(H)\Inbound Latency (sec)", [0.03, f64::NAN, 0.03, f64::NAN]),
        (r"\BizTalk:Messaging Latency(H)\Outbound Latency (sec)", [0.07, f64::NAN, 0.07, f64::NAN]),
        (
            r"\BizTalk:Messaging Latency(H)\Outbound Adapter Latency (sec)",
            [0.02, f64::NAN, 0.02, f64::NAN],
        ),
    ];
    for (name, due) in table {
        let found = column(&outcome, name);
        let same = |(found, due): (&f64, &f64)| {
            (found - due).abs() < 1e-9 || found.is_nan() && due.is_nan()
        };
        assert!(found.iter().zip(&due).all(same), "{name}: {found:?}");
    }
    let names = outcome.samples.parts();
    assert!(!names.iter().any(|(name, _)| name.contains("XLANG")), "no orchestration: {names:?}");
}

#[test]
fn a_latency_is_that_of_what_was_sent_and_not_of_what_still_waits() {
    // Three at once for a partner that takes one after the other, two seconds each; one is on the
    // wire for an hour at another port, and says nothing of the others.
    let mut plant = Plant::new(immediate(), PUSH);
    let wire = |seconds| Dist::Constant(Duration::from_secs(seconds));
    plant.send_port("Slow", "In", ASYNC, SinkSettings { wire: wire(3_600), ..sink() });
    plant.send_port("Out", "In", ASYNC, SinkSettings { wire: wire(2), limit: 1, ..sink() });
    plant.all_at_once(3);
    plant.setup.sample = Duration::from_secs(1);
    let found = parts(&plant.run(), "Outbound Latency (sec)");
    let known: Vec<(usize, f64)> =
        (1..).zip(found).take(9).filter(|(_, seconds)| seconds.is_finite()).collect();
    assert_eq!(known, [(2, 2.0), (4, 4.0), (6, 6.0)]);
}

#[test]
fn orchestrations_are_counted_where_they_wait_and_when_they_end() {
    // R-MBX-02, R-SUB-05: two start at once, each waits five seconds for an answer, and both end.
    let mut plant = asking(&[1, 1], Duration::from_secs(5), None);
    plant.setup.sample = Duration::from_secs(1);
    let outcome = plant.run();
    let topology = &plant.setup.topology;
    let host = &topology.hosts[topology.orchestrations[0].host.index()].name;
    let of =
        |counter: &str| column(&outcome, &format!("\\XLANG/s Orchestrations({host})\\{counter}"));
    let (idle, completed) = (of("Idle orchestrations"), of("Orchestrations completed/Sec"));
    assert_eq!(idle[..6], [2.0, 2.0, 2.0, 2.0, 2.0, 0.0], "{idle:?}");
    assert!(of("Online MessageBox databases").iter().all(|online| (online - 1.0).abs() < 1e-9));
    let ended = completed.iter().filter(|rate| rate.is_finite()).sum::<f64>();
    assert!((ended - 2.0).abs() < 1e-9, "{completed:?}");
    assert!(of("Running orchestrations").iter().all(|running| *running < 0.5));
    // Each is stored when it begins to wait and when it ends; no code waits in memory.
    let at_end = |counter: &str| of(counter).last().copied().unwrap();
    for (counter, due) in [
        ("Orchestrations created", 2.0),
        ("Orchestrations dehydrated", 2.0),
        ("Orchestrations rehydrated", 2.0),
        ("Orchestrations completed", 2.0),
        ("Orchestrations discarded", 0.0),
        ("Orchestrations suspended", 0.0),
        ("Persistence points", 4.0),
        ("Orchestrations resident in-memory", 0.0),
    ] {
        assert!((at_end(counter) - due).abs() < 1e-9, "{counter}: {:?}", of(counter));
    }
    let rehydrated = of("Orchestrations rehydrated/Sec");
    assert_eq!(rehydrated.iter().position(|rate| *rate > 0.0), Some(5), "{rehydrated:?}");
}

#[test]
fn a_failed_attempt_has_no_adapter_latency_and_a_retry_has_its_own() {
    // The first attempt fails after a second; the next one, five seconds later, takes a second.
    let mut plant = Plant::new(immediate(), PUSH);
    let (wire, failure) = (Dist::Constant(Duration::from_secs(1)), Failure::First(1));
    plant.send_port("Out", "In", ASYNC, SinkSettings { wire, failure, ..sink() });
    plant.retry(2, Duration::from_secs(5)).all_at_once(1);
    plant.setup.sample = Duration::from_secs(10);
    let found = parts(&plant.run(), "Outbound Adapter Latency (sec)");
    assert!((found[0] - 1.0).abs() < 1e-9, "{found:?}");
}

#[test]
fn a_request_s_latency_ends_with_its_answer() {
    // R-RR-01: a request that the partner answers after three seconds.
    let mut plant = desk(RequestSettings::default(), replying(Duration::from_secs(3)));
    plant.setup.sample = Duration::from_secs(10);
    let outcome = plant.run();
    let found = parts(&outcome, "Request-Response Latency (sec)");
    assert!((found[0] - 3.0).abs() < 1e-9, "{found:?}");
}
