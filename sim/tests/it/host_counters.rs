//! Counters of hosts and of what is under the MessageBoxes: they add up to the plant's, and are
//! what happened.

use floodgate_engine::config::{
    Host, HostInstanceConfig, OnFailure, RequestSettings, SendSettings,
};
use floodgate_engine::id::{HostId, HostInstanceId, ServerId};
use floodgate_engine::message_box::{
    Allowed, InstanceOperation, ServiceInstance, ServiceInstanceId,
};
use floodgate_engine::time::{Duration, Instant};
use floodgate_sim::cost::Costs;
use floodgate_sim::dist::Dist;
use floodgate_sim::outcome::Outcome;
use floodgate_sim::setup::{Failure, SinkSettings};
use floodgate_sim::world::World;

use crate::answers::asking;
use crate::counters::{column, parts, whole};
use crate::fixture::{ASYNC, BLOCKING, FOLDER, PUSH, Plant, finish, immediate, sink};
use crate::golden_send::{marked, send_to};
use crate::golden_two_way::{desk, replying};

fn wire(millis: u64) -> SinkSettings {
    SinkSettings { wire: Dist::Constant(Duration::from_millis(millis)), ..sink() }
}

/// Two instances, two MessageBoxes: a port that fails now and then, and an ordered one.
fn busy(on_failure: OnFailure) -> Outcome {
    let mut plant = plant_of(on_failure);
    plant.setup.sample = Duration::from_secs(1);
    plant.run()
}

fn plant_of(on_failure: OnFailure) -> Plant {
    let mut plant = Plant::new(immediate(), PUSH);
    let fails = SinkSettings { failure: Failure::PerMille(300), ..wire(400) };
    plant.instances(2).boxes(2);
    plant.send_port("Out", "In", ASYNC, fails).retry(1, Duration::from_secs(3));
    let fails = SinkSettings { failure: Failure::Every(40), ..wire(30) };
    plant.send_port("Turns", "In", ASYNC, fails).retry(0, Duration::ZERO).ordered(on_failure);
    plant.poisson(50.0, 500);
    plant
}

#[test]
fn the_counters_of_all_hosts_and_queues_add_up_to_those_of_the_plant() {
    // R-MBX-01, R-ORD-05, R-SUSP-01.
    for on_failure in [OnFailure::Continue, OnFailure::Stop] {
        let outcome = busy(on_failure);
        for name in [
            "Documents received/Sec",
            "Documents processed/Sec",
            "Documents suspended/Sec",
            "Host Queue - Length",
            "Host Queue - Suspended Msgs - Length",
            "Throttled receive batches",
        ] {
            let (sum, all) = (parts(&outcome, &format!("\\{name}")), whole(&outcome, name));
            let same = |(sum, all): (&f64, &f64)| (sum - all).abs() < 1e-6;
            // Of the moment after the last event no rate is taken.
            let rows = all.len() - 1;
            assert!(sum.iter().zip(&all).take(rows).all(same), "{name}: {sum:?} of {all:?}");
            let something = name.starts_with("Throttled") || all.iter().any(|value| *value > 0.5);
            assert!(something, "{name}");
        }
        let last = |ends: &str| parts(&outcome, ends).pop().expect("a sample");
        assert!((last("\\Documents received") - 500.0).abs() < 1e-9);
        assert!((last("\\Documents processed") - outcome.meters.processed as f64).abs() < 1e-9);
        assert!((last("\\Documents resubmitted") - outcome.meters.resubmitted as f64).abs() < 1e-9);
    }
}

#[test]
fn instances_are_counted_like_those_that_an_administrator_sees() {
    // R-MBX-11, R-ORD-05, R-SUSP-01: a message of a port is one, an ordered port is one, whatever
    // its messages are at, in two MessageBoxes, through a crash and an operator's hands.
    let mut plant = plant_of(OnFailure::Stop);
    let mut world = World::new(&plant.setup);
    let (mut most, mut operated) = (0, 0);
    for second in 1..40 {
        let now = Instant::ZERO + Duration::from_secs(second);
        world.run_until(now);
        if second == 4 {
            world.crash(HostInstanceId(1));
        }
        if second % 5 == 0 {
            let all = world.message_box().service_instances(now);
            let one = all.iter().find(|one| {
                matches!(one.id, ServiceInstanceId::Reference(_))
                    && InstanceOperation::Suspend.allowed(one.status) == Allowed::Now
            });
            let operate =
                |one: &ServiceInstance| world.operate(one.id, InstanceOperation::Suspend).is_ok();
            operated += u32::from(one.is_some_and(operate));
        }
        let shown = world.message_box().service_instances(now).len() as u64;
        let lengths = world.message_box().queue_lengths();
        let counted: u64 = lengths.iter().map(|own| own.instances).sum();
        assert_eq!(counted, shown, "after {second} s");
        most = most.max(shown);
    }
    assert!(most > 20 && operated > 1, "{most}, {operated}");
    plant.setup.sample = Duration::from_secs(1);
    let outcome = plant.run();
    let host = parts(&outcome, "\\Host Queue - Number of Instances");
    assert_eq!(host, parts(&outcome, "\\Instances - Total Number"));
    assert!(host.iter().any(|count| *count > 20.0));
}

#[test]
fn an_orchestration_that_waits_is_one_instance_and_so_is_what_never_found_a_subscriber() {
    // R-MBX-02, R-ROUTE-02: two ask at once and wait five seconds for an answer each.
    let mut plant = asking(&[1, 1], Duration::from_secs(5), None);
    plant.setup.sample = Duration::from_secs(1);
    let topology = &plant.setup.topology;
    let host = topology.hosts[topology.orchestrations[0].host.index()].name.clone();
    let outcome = plant.run();
    let of = |host: &str| {
        let queue = "\\Host Queue - Number of Instances";
        let object = "BizTalk:Message Box:Host Counters";
        column(&outcome, &format!("\\{object}({host}:MessageBox:server){queue}"))
    };
    assert_eq!(of(&host)[..6], [2.0, 2.0, 2.0, 2.0, 2.0, 0.0], "{:?}", of(&host));
    // A failed message stays, and with it its report.
    let mut plant = Plant::new(immediate(), PUSH);
    plant.send_port("Out", "nobody", ASYNC, sink()).all_at_once(3);
    plant.setup.sample = Duration::from_secs(1);
    let outcome = plant.run();
    let last = |ends: &str| parts(&outcome, ends).pop().expect("a sample");
    let suspended = last("\\Host Queue - Suspended Msgs - Length");
    assert!((suspended - 3.0).abs() < 1e-9, "{suspended}");
    assert!((last("\\Instances - Total Number") - 6.0).abs() < 1e-9);
}

#[test]
fn a_host_that_only_dynamic_ports_choose_sends_too() {
    // R-DYN-06, D.2.
    let mut plant = Plant::new(immediate(), FOLDER);
    plant.send_port("Out", "In", ASYNC, wire(500)).dynamic(ASYNC).all_at_once(2);
    let topology = &mut plant.setup.topology;
    let settings = immediate();
    topology.hosts.push(Host { name: "D".to_owned(), settings, properties: Vec::new() });
    topology.host_instances.push(HostInstanceConfig { host: HostId(1), server: ServerId(0) });
    for handler in &mut topology.send_handlers {
        handler.host = HostId(1);
    }
    plant.setup.sample = Duration::from_secs(10);
    let mut world = marked(&plant, |wire| send_to(wire, None, "FILE://a"));
    finish(&mut world);
    let outcome = world.conclude();
    let first = |name: &str| column(&outcome, &format!("\\BizTalk:{name}"))[0];
    assert!((first("Messaging Latency(D)\\Outbound Adapter Latency (sec)") - 0.5).abs() < 1e-9);
    assert!((first("Messaging(D)\\Documents processed") - 2.0).abs() < 1e-9);
    assert!((first("FILE Send Adapter(D)\\Messages sent") - 2.0).abs() < 1e-9);
    let mut names = outcome.samples.parts().iter();
    assert!(!names.any(|(name, _)| name.contains("FTP Send Adapter(H)")));
}

#[test]
fn what_an_operator_takes_out_of_a_queue_is_in_it_no_longer() {
    // R-MBX-05: three wait for a retry; one of them is terminated.
    let mut plant = Plant::new(immediate(), PUSH);
    let fails = SinkSettings { failure: Failure::Always, ..sink() };
    plant.send_port("Out", "In", ASYNC, fails).retry(3, Duration::from_secs(60)).all_at_once(3);
    let mut world = World::new(&plant.setup);
    world.run_until(Instant::ZERO + Duration::from_secs(1));
    let work = |world: &World| world.message_box().queue_lengths()[0].work;
    assert_eq!(work(&world), 3);
    let waiting = world.message_box().service_instances(world.now());
    let operation = InstanceOperation::Terminate;
    world.operate(waiting[0].id, operation).expect("it waits");
    assert_eq!(work(&world), 2);
}

/// Three documents in one batch, which take three seconds on the wire.
fn three(send: SendSettings) -> Outcome {
    let mut plant = Plant::new(immediate(), FOLDER);
    plant.send_port("Out", "In", send, wire(3_000)).all_at_once(3);
    plant.setup.sample = Duration::from_millis(500);
    plant.run()
}

#[test]
fn messages_with_adapters_and_threads_are_told_apart() {
    // R-SND-03, R-SND-04: an adapter that does not block has the messages and no thread.
    for (send, threads) in [(ASYNC, 0.0), (BLOCKING, 3.0)] {
        let outcome = three(send);
        // The folder is looked at after a second; half a second later all are on the wire.
        let at = |name: &str| column(&outcome, &format!("\\BizTalk:Messaging(H)\\{name}"))[3];
        assert!((at("Pending transmitted messages") - 3.0).abs() < 1e-9);
        assert!((at("Active send threads") - threads).abs() < 1e-9);
        assert!(at("Active receive threads").abs() < 1e-9);
        assert!((at("Active receive locations") - 1.0).abs() < 1e-9);
        let batch = column(&outcome, "\\BizTalk:Messaging(H)\\Documents submitted/Batch");
        let batches: Vec<&f64> = batch.iter().filter(|mean| mean.is_finite()).collect();
        assert_eq!(batches, [&3.0], "{batch:?}");
    }
}

#[test]
fn a_request_whose_time_is_over_is_counted() {
    // R-RR-07.
    let timeout = Some(Duration::from_secs(2));
    let settings = RequestSettings { timeout, ..RequestSettings::default() };
    let mut plant = desk(settings, replying(Duration::from_secs(5)));
    plant.setup.sample = Duration::from_secs(1);
    let outcome = plant.run();
    let counted = parts(&outcome, "Request/Response timeouts");
    let over = counted.iter().position(|count| *count > 0.5);
    assert_eq!(over.map(|at| counted[at]), Some(1.0), "{counted:?}");
}

#[test]
fn locks_and_disks_show_what_they_did() {
    let mut plant = Plant::new(immediate(), PUSH);
    plant.send_port("Out", "In", ASYNC, sink()).poisson(20.0, 200);
    plant.setup.costs = Costs {
        lock_transaction: Duration::from_millis(10),
        log_transaction: Duration::from_millis(5),
        ..Costs::default()
    };
    plant.setup.sample = Duration::from_secs(1);
    let outcome = plant.run();
    let usage = |name: &str| {
        let mut all = outcome.resources.iter();
        all.find(|(known, _)| known.ends_with(name)).expect("a resource").1
    };
    let sum = |name: &str| {
        let known = column(&outcome, name);
        known.iter().filter(|value| value.is_finite()).sum::<f64>()
    };
    // The last interval is not a whole second, and nothing waits in it.
    let (locks, log) = (usage("locks and log"), usage("log disk"));
    let waited = locks.wait_mean.as_secs_f64() * locks.jobs as f64 * 1e3;
    let shown = sum(r"\\server\SQLServer:Locks(MessageBox)\Lock Wait Time (ms)");
    assert!((shown / waited - 1.0).abs() < 0.01, "{shown} of {waited} ms");
    let waits = sum(r"\\server\SQLServer:Locks(MessageBox)\Lock Waits/sec");
    assert!(0.0 < waits && waits < locks.jobs as f64, "{waits}");
    let idle = column(&outcome, r"\\server\LogicalDisk(MessageBox log)\% Idle Time");
    let busy: f64 =
        idle.iter().filter(|idle| idle.is_finite()).map(|idle| 1.0 - idle / 100.0).sum();
    let due = log.jobs as f64 * 0.005;
    assert!((busy / due - 1.0).abs() < 0.02, "{busy} of {due} s");
    let stays = column(&outcome, r"\\server\LogicalDisk(MessageBox log)\Avg. Disk sec/Write");
    let stays = stays.iter().filter(|stay| stay.is_finite());
    // They come from the locks ten milliseconds apart, so nobody waits at the disk.
    assert!(stays.clone().count() > 5 && stays.clone().all(|stay| (stay - 0.005).abs() < 1e-9));
}

#[test]
fn adapters_that_have_counters_of_their_own_show_what_they_carried() {
    // D.6: 45 documents through FILE to FILE, six a batch; the partner takes one a second.
    let mut plant = Plant::new(immediate(), FOLDER);
    let batched = SendSettings { batched: true, batch: 6, ..ASYNC };
    plant.send_port("Out", "In", batched, wire(1_000)).all_at_once(45);
    for adapter in &mut plant.setup.topology.adapters {
        "FILE".clone_into(&mut adapter.name);
    }
    plant.setup.sample = Duration::from_millis(500);
    let outcome = plant.run();
    let of = |name: &str| column(&outcome, &format!("\\BizTalk:{name}"));
    let last = |name: &str| of(name).last().copied().unwrap();
    for (name, due) in [
        ("FILE Receive Adapter(H)\\Messages received", 45.0),
        ("FILE Receive Adapter(H)\\Bytes received", 45_000.0),
        ("FILE Send Adapter(H)\\Messages sent", 45.0),
        ("FILE Send Adapter(H)\\Bytes sent", 45_000.0),
        ("Message Agent(H)\\Total messages published", 45.0),
    ] {
        assert!((last(name) - due).abs() < 1e-9, "{name}: {:?}", of(name));
    }
    for (rate, total) in [
        ("FILE Receive Adapter(H)\\Messages received/Sec", 45.0),
        ("FILE Send Adapter(H)\\Messages sent/Sec", 45.0),
    ] {
        let sum: f64 = of(rate).iter().filter(|value| value.is_finite()).sum();
        assert!((sum / 2.0 - total).abs() < 1e-6, "{rate}: {:?}", of(rate));
    }
    // Sixes, and what is left.
    let batch = of("Messaging(H)\\Documents transmitted/Batch");
    let batches: Vec<f64> = batch.into_iter().filter(|mean| mean.is_finite()).collect();
    assert!(batches.iter().all(|mean| (1.0..=6.0).contains(mean)), "{batches:?}");
    assert!(batches.iter().any(|mean| *mean > 4.0), "{batches:?}");
}

#[test]
fn one_message_a_call_is_one_document_a_batch_and_other_kinds_have_no_counters() {
    let outcome = three(ASYNC);
    let batch = column(&outcome, "\\BizTalk:Messaging(H)\\Documents transmitted/Batch");
    let batches: Vec<f64> = batch.into_iter().filter(|mean| mean.is_finite()).collect();
    assert_eq!(batches, [1.0]);
    let mut names = outcome.samples.parts().iter();
    assert!(!names.any(|(name, _)| name.contains(" Adapter(")));
    let active = column(&outcome, "\\BizTalk:Message Agent(H)\\Active instance count");
    assert!((active[3] - 3.0).abs() < 1e-9, "{active:?}");
}

#[test]
fn the_cleanup_job_tells_how_long_its_last_run_took() {
    // R-GC-02: it starts every ten seconds, and 30 rows of half a second each take fifteen.
    let mut plant = Plant::new(immediate(), PUSH);
    plant.send_port("Out", "In", ASYNC, sink()).all_at_once(30);
    plant.setup.costs = Costs { collect_row: Duration::from_millis(500), ..Costs::default() };
    plant.setup.cleanup = Duration::from_secs(10);
    plant.setup.sample = Duration::from_secs(1);
    let mut world = World::new(&plant.setup);
    world.run_until(Instant::ZERO + Duration::from_secs(40));
    let took = column(
        &world.conclude(),
        &format!("\\BizTalk:Message Box:General Counters(MessageBox:server)\\{JOB}"),
    );
    assert!(took[..24].iter().all(|took| took.is_nan()), "{took:?}");
    assert!(took[24..29].iter().all(|took| (took - 15.0).abs() < 1e-6), "{took:?}");
    assert!(took[29].abs() < 1e-9, "the next run had nothing to do: {took:?}");
    // Where cleaning up has no price it takes no time, and there is nothing to tell.
    plant.setup.costs = Costs::default();
    let outcome = plant.run();
    assert!(!outcome.samples.parts().iter().any(|(name, _)| name.ends_with(JOB)));
}

const JOB: &str = "MsgBox Msg Cleanup(Purge Jobs)";
