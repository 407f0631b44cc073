//! Receive locations that open and close, and batches that come at the wrong time.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test listens for what it is about")]

use floodgate_engine::adapter::AdapterInput;
use floodgate_engine::batch::{Operation, Status};
use floodgate_engine::config::{HostSettings, OnFailure, Topology};
use floodgate_engine::host::{HostInput, LocationAct};
use floodgate_engine::id::{ReceiveLocationId, ReferenceId, SendPortId};
use floodgate_engine::message::{PropertyId, Value, WireMessage};
use floodgate_engine::message_box::{Effect, PortOperation};
use floodgate_engine::pipeline::ReceivePipeline;

use crate::bench::{
    ASYNC, Bench, add_receive_port, add_send_port, batch_of, immediate, one_thread, topology, wire,
};

/// Locations `In` and `Other`.
fn two_locations(settings: HostSettings) -> Topology {
    let mut topology = topology(settings);
    add_receive_port(&mut topology, "Other", ReceivePipeline::pass_through());
    add_send_port(&mut topology, "Out", "In", ASYNC);
    add_send_port(&mut topology, "Else", "Other", ASYNC);
    topology
}

fn other(number: u64) -> WireMessage {
    let mut message = wire(number);
    let location = Some(Value::text("Other"));
    message.context.write(PropertyId::INBOUND_TRANSPORT_LOCATION, location);
    message
}

/// The locations that were opened so far.
fn opened(bench: &Bench) -> Vec<u32> {
    let opened = bench.calls.iter().filter_map(|(_, input)| match input {
        AdapterInput::AddReceiveEndpoint { location, .. } => Some(location.0),
        _ => None,
    });
    opened.collect()
}

/// The documents that were published so far.
fn published(bench: &Bench) -> Vec<u64> {
    let published = bench.effects.iter().filter_map(|effect| match effect {
        Effect::Published { document, .. } => Some(document.wire),
        _ => None,
    });
    published.collect()
}

#[test]
fn a_process_that_starts_again_opens_what_an_operator_left_enabled() {
    // R-LIFE-02, R-CRASH-03: nothing is open in a new process, and a word that was said while it
    // was down counts.
    let mut bench = Bench::new(two_locations(immediate()));
    bench.tell(HostInput::Start);
    assert_eq!(opened(&bench), [0, 1]);
    bench.host.die();
    let (location, act) = (ReceiveLocationId(0), LocationAct::Disable);
    bench.tell(HostInput::Location { location, act });
    bench.tell(HostInput::Start);
    assert_eq!(opened(&bench), [0, 1, 1]);
    bench.tell(HostInput::Location { location, act: LocationAct::Enable });
    assert_eq!(opened(&bench), [0, 1, 1, 0]);
}

#[test]
fn nothing_is_taken_at_a_location_that_is_closed() {
    // R-LIFE-06: the others take what comes.
    let mut bench = Bench::new(two_locations(immediate()));
    bench.tell(HostInput::Start);
    let (location, act) = (ReceiveLocationId(0), LocationAct::Disable);
    bench.tell(HostInput::Location { location, act });
    bench.post(batch_of(1, [Operation::Submit(wire(1))]));
    bench.post(batch_of(2, [Operation::Submit(other(2))]));
    assert_eq!(published(&bench), [2]);
    let completed: Vec<bool> =
        bench.completed().iter().map(|(_, status)| status.is_success()).collect();
    assert_eq!(completed, [false, true]);
}

#[test]
fn done_does_not_return_while_too_much_waits_to_be_published() {
    // R-DONE-03, R-DONE-04, R-SHUT-03: one batch at work, one that waits, and others outside in
    // the order of their coming; what is outside when the engine stops is refused.
    let mut bench = Bench::new(two_locations(HostSettings { batch_queue: 1, ..one_thread() }));
    bench.tell(HostInput::Start);
    bench.hold_work = true;
    for cookie in 1..=4 {
        bench.post(batch_of(cookie, [Operation::Submit(wire(cookie))]));
    }
    assert_eq!(bench.done_returned(), [1, 2]);
    assert_eq!(bench.host.gauges().throttled_batches, 2);
    bench.finish_work(0);
    assert_eq!(bench.done_returned(), [1, 2, 3]);
    bench.tell(HostInput::Stop);
    let refused = bench.calls.iter().find_map(|(_, input)| match input {
        AdapterInput::DoneReturned { cookie: 4, status } => Some(*status),
        _ => None,
    });
    assert_eq!(refused, Some(Status::SHUTTING_DOWN));
}

#[test]
fn what_came_to_a_stopped_ordered_port_is_sent_in_its_order() {
    // R-SUB-10, R-ORD-05: suspended one by one as they came, resumed together.
    let mut topology = two_locations(immediate());
    topology.send_ports[0].ordered = Some(OnFailure::Continue);
    let mut bench = Bench::new(topology);
    bench.message_box.operate_port(SendPortId(0), PortOperation::Stop).expect("it is started");
    bench.publish(1..=3);
    assert_eq!(bench.transmitted().len(), 0);
    bench.message_box.operate_port(SendPortId(0), PortOperation::Start).expect("it is stopped");
    assert_eq!(bench.message_box.resume(SendPortId(0)), 3);
    let mut sent = Vec::new();
    for _ in 0..3 {
        bench.publish([]);
        let transmitted = bench.transmitted();
        let (_, last) = transmitted.last().expect("its turn has come");
        let (number, reference): (u64, ReferenceId) = (last.document.wire, last.reference);
        sent.push(number);
        bench.post(batch_of(number, [Operation::Delete(reference)]));
    }
    assert_eq!(sent, [1, 2, 3]);
}
