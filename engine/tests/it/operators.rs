//! What an operator asks for, and what a configuration says, one case each.

use floodgate_engine::adapter::Returned;
use floodgate_engine::batch::{Operation, Status};
use floodgate_engine::config::{SendPortGroup, TransportConfiguration};
use floodgate_engine::id::{SendPortGroupId, SendPortId};
use floodgate_engine::message::{PropertyId, Value};
use floodgate_engine::message_box::{
    InstanceOperation, Operated, PortOperation, PortRefusal, ServiceInstanceId,
};
use floodgate_engine::pipeline::ReceivePipeline;
use floodgate_engine::retry::RetryPolicy;
use floodgate_engine::subscription::{Condition, Filter, PortState};
use floodgate_engine::time::Duration;

use crate::bench::{
    ASYNC, Bench, add_receive_port, add_send_port, batch_of, document, immediate, publishing,
    topology, wire,
};

#[test]
fn a_document_that_nobody_wanted_is_published_when_somebody_does() {
    // R-MBX-08, INV-61: suspended after its pipeline, it is published as it is.
    let mut topology = topology(immediate());
    add_send_port(&mut topology, "Out", "In", ASYNC);
    topology.send_ports[0].state = PortState::Bound;
    let mut bench = Bench::new(topology);
    let mut unwanted = document(1, "In");
    let suspend = PropertyId::SUSPEND_MESSAGE_ON_ROUTING_FAILURE;
    unwanted.context.write(suspend, Some(Value::Bool(true)));
    let location = Some(Value::text("C:/in"));
    unwanted.context.write(PropertyId::INBOUND_TRANSPORT_LOCATION, location);
    bench.commit(publishing(vec![unwanted]));
    let number = bench.message_box.suspended().messages[0].number;
    bench.message_box.operate_port(SendPortId(0), PortOperation::Start).expect("it is bound");
    let id = ServiceInstanceId::Message(number);
    let resumed = bench.message_box.operate(bench.now, id, InstanceOperation::Resume);
    let Ok(Operated::Publish(batch)) = resumed else { panic!("it is published: {resumed:?}") };
    assert_eq!(bench.commit(batch).overall, Status::OK);
    assert!(bench.message_box.suspended().messages.is_empty());
    bench.publish([]);
    let sent: Vec<u64> =
        bench.transmitted().iter().map(|(_, message)| message.document.wire).collect();
    assert_eq!(sent, [1]);
}

#[test]
fn the_last_port_of_a_started_group_stays_enlisted() {
    // R-SUB-09, R-SUB-11: all but its unenlisting is allowed.
    let mut topology = topology(immediate());
    for name in ["First", "Second"] {
        add_send_port(&mut topology, name, "In", ASYNC);
    }
    let filter = Condition::equals(PropertyId::RECEIVE_PORT_NAME, Value::text("Else"));
    topology.send_port_groups.push(SendPortGroup {
        name: "Group".to_owned(),
        filter: Some(Filter::all_of(vec![filter])),
        ports: vec![SendPortId(0), SendPortId(1)],
        state: PortState::Started,
    });
    let mut bench = Bench::new(topology);
    let mut operate = |port, operation| bench.message_box.operate_port(SendPortId(port), operation);
    use PortOperation::{Start, Stop, Unenlist};
    assert_eq!(operate(0, Unenlist), Ok(PortState::Bound));
    assert!(matches!(operate(1, Unenlist), Err(PortRefusal::LastOfGroup(_))));
    assert_eq!(operate(1, Stop), Ok(PortState::Stopped));
    assert!(matches!(operate(1, Unenlist), Err(PortRefusal::LastOfGroup(_))));
    assert_eq!(operate(1, Start), Ok(PortState::Started));
    assert_eq!(operate(0, Start), Ok(PortState::Started));
    assert_eq!(operate(1, Unenlist), Ok(PortState::Bound));
}

#[test]
fn each_transport_has_the_configuration_and_the_retries_of_its_own() {
    // R-SND-04, R-RETRY-01, R-RETRY-02: the primary's, then the backup's.
    let mut topology = topology(immediate());
    for name in ["Out", "Else"] {
        add_send_port(&mut topology, name, "In", ASYNC);
    }
    let retry = |count| RetryPolicy { count, interval: Duration::from_secs(1) };
    topology.send_ports[0].primary.retry = retry(0);
    let mut backup = topology.send_ports[1].primary;
    backup.retry = retry(2);
    topology.send_ports[0].backup = Some(backup);
    topology.send_ports[1].state = PortState::Bound;
    let mode = PropertyId(900);
    for (port, on_backup, value) in [(1, false, 7), (0, true, 2), (0, false, 1)] {
        topology.configurations.push(TransportConfiguration {
            port: SendPortId(port),
            on_backup,
            properties: vec![(mode, Value::Int(value))],
        });
    }
    let mut bench = Bench::new(topology);
    bench.publish([1]);
    let (call, reference) = (bench.transmitted()[0].0, bench.transmitted()[0].1.reference);
    assert_eq!(bench.message_box.retries_left(reference), Some(0));
    bench.returned(call, Returned::Failed);
    bench.publish([]);
    assert_eq!(bench.message_box.retries_left(reference), Some(2));
    let modes: Vec<Option<Value>> = (bench.transmitted().iter())
        .map(|(_, message)| message.context.read(mode).cloned())
        .collect();
    assert_eq!(modes, [Some(Value::Int(1)), Some(Value::Int(2))]);
}

#[test]
fn what_is_remembered_of_a_template_is_that_templates() {
    // R-SUB-02, R-RCV-01, R-SUB-09: routes and locations, asked for in no order, again, and after
    // the subscriptions changed.
    let mut topology = topology(immediate());
    add_receive_port(&mut topology, "Else", ReceivePipeline::pass_through());
    add_send_port(&mut topology, "Out", "In", ASYNC);
    add_send_port(&mut topology, "Other", "Else", ASYNC);
    let mut bench = Bench::new(topology);
    let of = |number: u64, from: &str, template: u32| {
        let mut document = document(number, from);
        document.context = document.context.into_template(template);
        document
    };
    let message = |number: u64, from: &str, template: u32| {
        let mut wire = wire(number);
        let location = Some(Value::text(from));
        wire.context.write(PropertyId::INBOUND_TRANSPORT_LOCATION, location);
        let port = Some(Value::text(from));
        wire.context.promote(PropertyId::RECEIVE_PORT_NAME, port).expect("a short name");
        wire.context = wire.context.into_template(template);
        wire
    };
    for (number, from, template) in [(1, "In", 7), (2, "Else", 3), (3, "In", 7), (4, "Else", 3)] {
        assert_eq!(bench.commit(publishing(vec![of(number, from, template)])).overall, Status::OK);
    }
    for (number, from, template) in [(5, "In", 9), (6, "Else", 4), (7, "In", 9), (8, "Else", 4)] {
        bench.post(batch_of(number, [Operation::Submit(message(number, from, template))]));
    }
    let complete: Vec<bool> =
        bench.completed().iter().map(|(_, status)| status.is_success()).collect();
    assert_eq!(complete, [true; 4]);
    bench.publish([]);
    let mut sent: Vec<(u32, u64)> = (bench.transmitted().iter())
        .map(|(_, message)| (message.subscriber.0, message.document.wire))
        .collect();
    sent.sort_unstable();
    assert_eq!(sent, [(0, 1), (0, 3), (0, 5), (0, 7), (1, 2), (1, 4), (1, 6), (1, 8)]);
    let unenlisted = bench.message_box.operate_port(SendPortId(0), PortOperation::Unenlist);
    assert_eq!(unenlisted, Ok(PortState::Bound));
    assert_eq!(bench.commit(publishing(vec![of(9, "In", 7)])).overall, Status::FAIL);
}

#[test]
fn what_comes_by_a_stopped_group_waits_for_its_start() {
    // R-SUB-09, R-SUB-11: the port is started, and that alone is not enough.
    let mut topology = topology(immediate());
    add_send_port(&mut topology, "Out", "Elsewhere", ASYNC);
    let filter = Condition::equals(PropertyId::RECEIVE_PORT_NAME, Value::text("In"));
    topology.send_port_groups.push(SendPortGroup {
        name: "Group".to_owned(),
        filter: Some(Filter::all_of(vec![filter])),
        ports: vec![SendPortId(0)],
        state: PortState::Bound,
    });
    let mut bench = Bench::new(topology);
    let operate = |bench: &mut Bench, operation| {
        bench.message_box.operate_group(SendPortGroupId(0), operation)
    };
    assert_eq!(operate(&mut bench, PortOperation::Enlist), Ok(PortState::Stopped));
    bench.publish([1]);
    let counts = bench.message_box.reference_counts();
    assert_eq!((counts.suspended, bench.transmitted().len()), (1, 0));
    assert_eq!(operate(&mut bench, PortOperation::Start), Ok(PortState::Started));
    bench.publish([2]);
    let sent: Vec<u64> =
        bench.transmitted().iter().map(|(_, message)| message.document.wire).collect();
    assert_eq!((sent, bench.message_box.reference_counts().suspended), (vec![2], 1));
}

#[test]
fn what_is_remembered_is_forgotten_when_a_port_is_enlisted() {
    // R-SUB-02, R-SUB-09: of templates and of values alike.
    let mut topology = topology(immediate());
    for name in ["First", "Second"] {
        add_send_port(&mut topology, name, "In", ASYNC);
    }
    topology.send_ports[1].state = PortState::Bound;
    let mut bench = Bench::new(topology);
    let publish = |bench: &mut Bench, template| {
        let mut document = document(1, "In");
        document.context = document.context.into_template(template);
        let before = bench.message_box.reference_counts().total();
        assert_eq!(bench.commit(publishing(vec![document])).overall, Status::OK);
        bench.message_box.reference_counts().total() - before
    };
    assert_eq!([7, 0].map(|template| publish(&mut bench, template)), [1, 1]);
    bench.message_box.operate_port(SendPortId(1), PortOperation::Start).expect("it is bound");
    assert_eq!([7, 0].map(|template| publish(&mut bench, template)), [2, 2]);
    bench.message_box.operate_port(SendPortId(0), PortOperation::Unenlist).expect("it may");
    assert_eq!([7, 0].map(|template| publish(&mut bench, template)), [1, 1]);
}
