//! Ordered dynamic ports: what is kept in order, and what goes side by side.

use floodgate_engine::config::OnFailure;
use floodgate_engine::dynamic::OrderScope;
use floodgate_engine::id::SendPortId;
use floodgate_engine::message::WireMessage;
use floodgate_engine::message_box::{InstanceOperation, ServiceInstanceId, ServiceStatus};
use floodgate_engine::time::{Duration, Instant};
use floodgate_sim::dist::Dist;
use floodgate_sim::load::ArrivalKind;
use floodgate_sim::setup::{Failure, SinkSettings};
use floodgate_sim::world::World;

use crate::fixture::{ASYNC, BATCHED, FOLDER, Plant, Story, finish, immediate, ms, sink};
use crate::golden_send::{finished, marked, send_to};

const OUT: SendPortId = SendPortId(0);

/// m1 and m3 go to one location, m2 and m4 to another of the same adapter, m5 by another adapter;
/// m6 asks for a location of the first in capitals and with its alias, which is the same.
fn address(wire: &mut WireMessage) {
    match wire.number {
        1 | 3 => send_to(wire, None, "FILE://a"),
        2 | 4 => send_to(wire, None, "FILE://b"),
        5 => send_to(wire, None, "FTP://c"),
        _ => send_to(wire, Some("FILE"), "file://a"),
    }
}

fn world(order: OrderScope, on_failure: OnFailure, failure: Failure) -> World {
    world_of(order, on_failure, failure, address)
}

fn world_of(
    order: OrderScope,
    on_failure: OnFailure,
    failure: Failure,
    address: fn(&mut WireMessage),
) -> World {
    let wire = Dist::Constant(Duration::from_millis(100));
    let mut plant = Plant::new(immediate(), FOLDER);
    plant
        .send_port("Out", "In", ASYNC, SinkSettings { wire, failure, ..sink() })
        .ordered(on_failure)
        .retry(0, Duration::from_secs(60))
        .dynamic(BATCHED)
        .load(ArrivalKind::Replay(vec![ms(1); 6]), None);
    plant.setup.topology.dynamic_ports[0].order = order;
    marked(&plant, address)
}

fn handed_out(story: &Story) -> Vec<Instant> {
    let line = |n: u64| format!("TransmitMessage(m{n})");
    (1..=6).flat_map(|n| story.instants(&[&line(n)])).collect()
}

#[test]
fn locations_go_side_by_side_and_each_keeps_its_order() {
    // R-ORD-13, R-ORD-04, R-DYN-03: the newer product's default.
    let (world, story) = finished(world(OrderScope::Location, OnFailure::Continue, Failure::Never));
    let at = |millis: [u64; 6]| millis.map(|millis| ms(1000 + millis)).to_vec();
    assert_eq!(handed_out(&story), at([0, 0, 100, 100, 0, 200]));
    assert_eq!(world.message_box().ordered_backlog(OUT), 0);
}

#[test]
fn enforced_order_is_that_of_the_transport_type() {
    // R-ORD-13.
    let (_, story) =
        finished(world(OrderScope::TransportType, OnFailure::Continue, Failure::Never));
    let at = |millis: [u64; 6]| millis.map(|millis| ms(1000 + millis)).to_vec();
    assert_eq!(handed_out(&story), at([0, 100, 200, 300, 0, 400]));
}

#[test]
fn a_lane_that_stops_stops_alone_and_goes_on_alone() {
    // R-ORD-13, R-ORD-08, R-ORD-09, R-ORD-05, INV-46: each lane is an instance of its own.
    let mut world = world(OrderScope::Location, OnFailure::Stop, Failure::Every(3));
    finish(&mut world);
    let stopped = ServiceInstanceId::Ordered(OUT, 1);
    let instances = world.service_instances();
    let seen: Vec<_> = instances.iter().map(|one| (one.id, one.status, one.messages)).collect();
    assert_eq!(seen, [(stopped, ServiceStatus::SuspendedResumable, 2)], "m3, and m6 behind it");
    let times = |story: &Story| {
        [1, 2, 3, 4, 5, 6].map(|n| story.count(&[&format!("TransmitMessage(m{n})")]))
    };
    assert_eq!(times(&Story::of(&world)), [1, 1, 1, 1, 1, 0]);
    assert!(world.operate(stopped, InstanceOperation::Resume).is_ok());
    let (world, story) = finished(world);
    assert_eq!(times(&story), [1, 1, 2, 1, 1, 0], "the failed head again, and nothing past it");
    assert_eq!(world.message_box().ordered_backlog(OUT), 2);
}

#[test]
fn an_operator_ends_one_lane_and_leaves_the_others() {
    // R-ORD-13, R-ORD-09.
    let mut world = world(OrderScope::TransportType, OnFailure::Stop, Failure::First(2));
    finish(&mut world);
    // m1 and m5 failed, each at the head of its lane.
    assert_eq!(world.message_box().ordered_backlog(OUT), 6);
    let first = ServiceInstanceId::Ordered(OUT, 1);
    assert!(world.operate(first, InstanceOperation::Terminate).is_ok());
    assert_eq!(world.message_box().ordered_backlog(OUT), 1);
    assert_eq!(world.terminate(OUT), 1, "the other lane, with m5");
    assert_eq!(world.message_box().reference_counts().total(), 0);
}

#[test]
fn an_operator_may_hold_two_lanes_at_once() {
    // R-ORD-13, R-MBX-08, INV-44, INV-47: each is an instance of its own, and goes on by itself.
    let by_turns = |wire: &mut WireMessage| {
        send_to(wire, None, if wire.number.is_multiple_of(2) { "FILE://a" } else { "FTP://c" });
    };
    let (order, on_failure) = (OrderScope::TransportType, OnFailure::Continue);
    let mut world = world_of(order, on_failure, Failure::Never, by_turns);
    world.run_until(ms(1001));
    let instances: Vec<_> = world.service_instances().iter().map(|one| one.id).collect();
    assert_eq!(instances.len(), 2, "{instances:?}");
    for operation in [InstanceOperation::Suspend, InstanceOperation::Resume] {
        for id in &instances {
            assert!(world.operate(*id, operation).is_ok(), "{operation:?} {id:?}");
        }
        finish(&mut world);
    }
    let (world, _) = finished(world);
    assert_eq!(world.message_box().reference_counts().total(), 0);
}
