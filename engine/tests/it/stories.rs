//! Stories: what a small town does from the first message to the last look of an operator.
//!
//! Each is pinned in a file of `engine/tests/it/stories/`, an instant a line: how much happened
//! then, and a digest of what. A failure tells the instant; the whole story is written beside the
//! build, so that two of them can be compared. A changed line is a changed decision, and is
//! understood before it is taken over: `BLESS=1 cargo test --package floodgate-engine --test it
//! stories`.

use std::fs;
use std::path::Path;

use floodgate_engine::config::{OnFailure, SendSettings, Topology};
use floodgate_engine::host::HostInput;
use floodgate_engine::id::SendPortId;
use floodgate_engine::map::Map;
use floodgate_engine::message::{Body, DefectKind, PropertyId, Value, WireMessage};
use floodgate_engine::message_box::{InstanceOperation, PortOperation, ServiceInstanceId};
use floodgate_engine::pipeline::{Act, Component, Custom, ReceivePipeline, Stage, When};
use floodgate_engine::retry::RetryPolicy;
use floodgate_engine::subscription::{Condition, Filter, Operator, PortState};
use floodgate_engine::time::Duration;

use crate::bench::{ASYNC, BATCHED, add_send_port, immediate, topology, wire, wire_of};
use crate::town::{Partner, Town};

/// An instant of a story: when, how many lines, and a digest of them (FNV-1a).
fn instants(story: &[String]) -> Vec<(String, &[String])> {
    let when = |line: &String| line.trim_start().split(' ').next().unwrap_or_default().to_owned();
    let instants =
        story.chunk_by(|before, line| when(before) == when(line) || line.starts_with('='));
    let digest = |lines: &[String]| {
        let bytes = lines.iter().flat_map(|line| line.bytes().chain([0]));
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |digest, byte| {
            (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
    };
    let pinned =
        |lines: &[String]| format!("{} {} {:016x}", when(&lines[0]), lines.len(), digest(lines));
    instants.map(|lines| (pinned(lines), lines)).collect()
}

/// Compares a story with the one that was told before.
#[track_caller]
pub(crate) fn told(name: &str, town: &Town) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/stories");
    let file = path.join(format!("{name}.story"));
    let whole = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.story"));
    fs::write(&whole, town.story.join("\n")).expect("a story is written down");
    let now = instants(&town.story);
    if std::env::var_os("BLESS").is_some() {
        let pins: String = now.iter().map(|(pin, _)| format!("{pin}\n")).collect();
        fs::create_dir_all(&path).expect("a folder for stories");
        fs::write(&file, pins).expect("a story is pinned");
    }
    let before = fs::read_to_string(&file).unwrap_or_default();
    let mut before = before.lines();
    for (pin, lines) in now {
        let was = before.next().unwrap_or("the end");
        let whole = whole.display();
        assert!(was == pin, "{name} was {was} and is {pin}:\n{}\nsee {whole}", lines.join("\n"));
    }
    assert_eq!(before.next(), None, "{name} ends sooner");
}

pub(crate) fn minutes(count: u64) -> Duration {
    Duration::from_minutes(count)
}

/// Messages of described bodies; every third has three documents.
pub(crate) fn messages(numbers: impl IntoIterator<Item = u64>) -> Vec<WireMessage> {
    let message = |number: u64| {
        let documents = if number.is_multiple_of(3) { 3 } else { 1 };
        wire_of(number, Body::Described { bytes: 100 + 10 * number as u32, documents })
    };
    numbers.into_iter().map(message).collect()
}

/// Two retries a minute apart.
pub(crate) const RETRY: RetryPolicy = RetryPolicy { count: 2, interval: Duration::from_minutes(1) };

pub(crate) fn retry(topology: &mut Topology) {
    for port in &mut topology.send_ports {
        port.primary.retry = RETRY;
    }
}

/// The endpoint of a send port.
pub(crate) fn endpoint(topology: &Topology, port: usize) -> usize {
    topology.send_ports[port].primary.endpoint.index()
}

#[test]
fn ports_of_every_kind_send_what_one_location_receives() {
    // R-SND-02, R-RETRY-04, R-RETRY-07, R-ORD-05, R-ORD-08, R-BSND-08: every kind of send adapter,
    // with partners that take, refuse at first, and refuse for good; a backup; order both ways.
    let mut topology = topology(immediate());
    let blocking = SendSettings { blocking: true, ..ASYNC };
    let gathering =
        SendSettings { completion_batch: 3, completion_wait: Duration::from_millis(40), ..ASYNC };
    let resolving = SendSettings { resolves: true, workers: 2, ..BATCHED };
    let kinds = [
        ("Async", ASYNC),
        ("Blocking", blocking),
        ("Gathering", SendSettings { workers: 2, ..gathering }),
        ("Batched", SendSettings { batch: 3, fixed_batch: true, ..BATCHED }),
        ("Held", SendSettings { blocking: true, ..BATCHED }),
        ("Resolving", resolving),
        ("HeldResolving", SendSettings { blocking: true, ..resolving }),
        ("Ordered", ASYNC),
        ("Stopping", blocking),
    ];
    for (name, settings) in kinds {
        add_send_port(&mut topology, name, "In", settings);
    }
    retry(&mut topology);
    topology.send_ports[7].ordered = Some(OnFailure::Continue);
    topology.send_ports[8].ordered = Some(OnFailure::Stop);
    topology.send_ports[1].priority = 3;
    let backup = topology.send_ports[0].primary;
    topology.send_ports[2].backup = Some(backup);
    topology.send_ports[4].backup = Some(backup);
    let ends: Vec<usize> = (0..9).map(|port| endpoint(&topology, port)).collect();
    let mut town = Town::new(topology);
    town.partners = [
        (ends[1], Partner::RefusesUntil(2)),
        (ends[2], Partner::RefusesOdd),
        (ends[3], Partner::RefusesOdd),
        (ends[4], Partner::Refuses),
        (ends[5], Partner::RefusesUntil(1)),
        (ends[6], Partner::RefusesOdd),
        (ends[7], Partner::RefusesOdd),
        (ends[8], Partner::RefusesOdd),
    ]
    .into();
    town.arrive(0, messages(1..=4));
    town.run(minutes(10));
    town.survey("ten minutes later");
    town.partners.clear();
    let stopped = town.message_box.resume(SendPortId(8));
    town.absorb();
    assert_eq!(stopped, 1);
    town.run(minutes(5));
    let kept = town.message_box.service_instances(town.now);
    for (at, instance) in kept.iter().enumerate() {
        let operation =
            if at % 2 == 0 { InstanceOperation::Resume } else { InstanceOperation::Terminate };
        let saved = town.message_box.save(instance.id);
        town.story
            .push(format!("saved {:?}", saved.iter().map(|one| one.document).collect::<Vec<_>>()));
        let done = town.message_box.operate(town.now, instance.id, operation);
        town.story.push(format!("{operation:?} {:?}", done.is_ok()));
        town.absorb();
    }
    town.run(minutes(5));
    town.message_box.collect(5);
    town.survey("an operator was here");
    assert_eq!(town.message_box.unfinished(), 0);
    told("ports", &town);
}

/// Ports with conditions of every operator, one of them bound, and one for error messages.
fn enlisted() -> Topology {
    let mut topology = topology(immediate());
    for name in ["First", "Second", "Third", "Errors"] {
        add_send_port(&mut topology, name, "In", ASYNC);
    }
    let size = PropertyId(900);
    let own = Custom {
        name: "size".into(),
        when: When::Every(2),
        acts: vec![Act::Promote(size, Value::Int(6))],
    };
    topology.receive_locations[0].pipeline = ReceivePipeline {
        validate: vec![Component::Custom(own), Component::xml_validator()],
        ..ReceivePipeline::xml()
    };
    let condition =
        |operator, value| Condition { property: size, operator, value: Value::Int(value) };
    topology.send_ports[0].filter = Some(Filter {
        groups: vec![
            vec![condition(Operator::Greater, 6)],
            vec![condition(Operator::BitwiseAnd, 2), condition(Operator::LessOrEqual, 6)],
        ],
    });
    topology.send_ports[1].filter = Some(Filter {
        groups: vec![
            vec![condition(Operator::Less, 6)],
            vec![condition(Operator::NotEquals, 5), condition(Operator::GreaterOrEqual, 6)],
        ],
    });
    topology.send_ports[2].state = PortState::Bound;
    let failed = Condition {
        property: PropertyId::ERROR_TYPE,
        operator: Operator::Exists,
        value: Value::Int(0),
    };
    topology.send_ports[3].filter = Some(Filter::all_of(vec![failed]));
    topology
}

#[test]
fn ports_are_started_and_stopped_while_messages_come() {
    // R-SUB-02, R-SUB-09, R-SUB-10, R-SUB-11, R-ROUTE-01, R-FMR-02.
    let topology = enlisted();
    let mut town = Town::new(topology);
    let defective = |number: u64| {
        let mut message = wire(number);
        message.defect = Some(floodgate_engine::message::Defect::at(Stage::Validate, 1));
        message
    };
    let mut at = 1;
    for operation in [
        PortOperation::Stop,
        PortOperation::Unenlist,
        PortOperation::Enlist,
        PortOperation::Start,
        PortOperation::Start,
    ] {
        town.arrive(0, messages(at..at + 3));
        town.arrive(0, [defective(at + 3)]);
        town.run(Duration::from_secs(1));
        for port in [0, 2] {
            let done = town.message_box.operate_port(SendPortId(port), operation);
            town.story.push(format!("{operation:?} {port}: {done:?}"));
            town.absorb();
        }
        at += 4;
    }
    town.run(minutes(1));
    town.survey("stopped and started");
    let again = town.message_box.operate_on_instances();
    town.story.push(format!("settled {again}"));
    for instance in town.message_box.service_instances(town.now) {
        if let ServiceInstanceId::Message(number) = instance.id {
            let operation = InstanceOperation::Resume;
            let done = town.message_box.operate(town.now, instance.id, operation);
            town.story.push(format!("resume {number}: {}", done.is_ok()));
            if let Ok(floodgate_engine::message_box::Operated::Submit { number, wire }) = done {
                town.host(0, HostInput::ResumeSuspended { number, wire });
            }
        }
        town.absorb();
    }
    town.run(minutes(1));
    let purged = town.message_box.purge_subscriptions();
    town.story.push(format!("purged {purged}"));
    town.survey("resumed");
    told("enlisting", &town);
}

#[test]
fn failures_of_pipelines_and_maps_are_routed_or_suspended() {
    // R-FMR-02, R-RIP-03, R-RIP-04, R-PIPE-08, R-MAP-01, R-RCV-08, R-ACK-01, R-ACK-02.
    for routed in [false, true] {
        let mut topology = topology(immediate());
        topology.receive_ports[0].route_failed = routed;
        topology.receive_ports[0].maps = vec![Map { size_per_mille: 1500, ..Map::any() }];
        let disassembler =
            floodgate_engine::pipeline::XmlDisassembler { recoverable: true, ..Default::default() };
        topology.receive_locations[0].pipeline = ReceivePipeline {
            disassemble: vec![Component::XmlDisassembler(disassembler)],
            ..ReceivePipeline::xml()
        };
        for name in ["Good", "Failing", "Consuming", "Acks", "Errors"] {
            add_send_port(&mut topology, name, "In", ASYNC);
        }
        retry(&mut topology);
        topology.exchanges.notify_delivery.push(SendPortId(0));
        let custom =
            |acts| Component::Custom(Custom { name: "own".into(), when: When::Every(2), acts });
        topology.send_ports[1].pipeline.pre_assemble = vec![custom(vec![Act::Fail])];
        topology.send_ports[1].route_failed = routed;
        topology.send_ports[2].pipeline.encode = vec![custom(vec![Act::Consume])];
        let exists = |property| {
            let operator = Operator::Exists;
            Some(Filter::all_of(vec![Condition { property, operator, value: Value::Int(0) }]))
        };
        topology.send_ports[3].filter = exists(PropertyId::ACK_TYPE);
        topology.send_ports[4].filter = exists(PropertyId::ERROR_TYPE);
        let refusing = endpoint(&topology, 0);
        let mut town = Town::new(topology);
        town.partners.insert(refusing, Partner::RefusesOdd);
        let mut all = messages(1..=8);
        let kinds = [DefectKind::Invalid, DefectKind::Unreadable, DefectKind::Unrecognised];
        for (message, kind) in all.iter_mut().skip(2).step_by(2).zip(kinds) {
            let defect = floodgate_engine::message::Defect::at(Stage::Disassemble, 2);
            message.parts =
                floodgate_engine::message::Parts::of(Body::Described { bytes: 500, documents: 3 });
            message.defect = Some(floodgate_engine::message::Defect { kind, ..defect });
        }
        town.arrive(0, all);
        town.run(minutes(10));
        town.survey("failures");
        told(if routed { "failures_routed" } else { "failures_suspended" }, &town);
    }
}
