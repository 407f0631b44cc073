//! Failed message routing beside what else is owed: transactions that are lost, senders that wait.

use floodgate_engine::config::{RequestSettings, TransactionalReceiveSettings};
use floodgate_engine::id::SendPortId;
use floodgate_engine::message::{Defect, PropertyId, Value};
use floodgate_engine::pipeline::{Act, Component, Custom, ReceivePipeline, Stage, When};
use floodgate_engine::subscription::{Condition, Filter};
use floodgate_engine::time::Duration;
use floodgate_sim::load::ArrivalKind;
use floodgate_sim::setup::{Failure, Poison, SinkSettings};
use floodgate_sim::world::World;

use crate::fixture::{
    ASYNC, BATCHED, PUSH, Plant, Story, assert_all_kept, finish_within, immediate, ms, sink,
};
use crate::golden_two_way::{desk, replying};
use crate::transactional::{mq, receiving, remembering};

/// Runs a plant to its end; every check must be content.
fn told(plant: &Plant) -> (World, Story) {
    let mut world = plant.telling();
    finish_within(&mut world, 20_000).expect("it comes to an end");
    assert_eq!(world.checks().violations(), [], "a promise was broken");
    assert_all_kept(&world.clone().conclude());
    let story = Story::of(&world);
    (world, story)
}

/// Three messages in one transaction, of which the second fails in the pipeline; the port routes
/// failed messages, and somebody takes them.
fn thrower(settings: TransactionalReceiveSettings) -> Plant {
    let mut plant = receiving(settings);
    plant.send_port("Out", "In", ASYNC, sink());
    plant.setup.topology.receive_ports[0].route_failed = true;
    plant.setup.topology.receive_locations[0].pipeline = ReceivePipeline::xml();
    plant.load(ArrivalKind::Replay(vec![ms(1); 3]), Some(3));
    plant.setup.loads[0].poison =
        Some(Poison { every: 2, defect: Defect::at(Stage::Disassemble, 1) });
    plant.error_port(ASYNC);
    plant
}

#[test]
fn a_pipeline_that_throws_aborts_its_transaction_and_the_error_message_is_there() {
    // R-FMR-07, INV-55, INV-63.
    let (world, story) = told(&thrower(remembering(Duration::from_minutes(5))));
    story.assert_order(&[
        &["Submit(m1), Submit(m2), Submit(m3) ; Done(T1)"],
        &["m2 aborts its transaction, error message e1, Pipeline"],
        &["publishes e1, 1 reference"],
        &["BatchComplete(E_FAIL, 1, [{Submit,E_FAIL,3,[S_OK,E_FAIL,S_OK]}])"],
        &["T1 aborts"],
        &["Submit(m1), MoveToSuspendQ(m2), Submit(m3) ; Done(T2)"],
        &["T2 commits"],
        &["routes m2 as error message e2, Adapter"],
    ]);
    assert_eq!(world.message_box().suspended().len(), 0);
    assert_eq!((world.meters().error_messages, world.meters().processed), (2, 4));
}

#[test]
fn who_suspends_in_the_same_transaction_finds_it_lost() {
    // R-FMR-07, R-TXN-14, R-TXN-15: the throw, not the adapter, decides; and there is an end.
    let (world, story) = told(&thrower(mq()));
    let alone = [
        &["Submit(m2) ; Done(T3)"][..],
        &["m2 aborts its transaction, error message e2"],
        &["MoveToSuspendQ(m2) ; Done(T3)"],
        &["XACT_E_ABORTED"],
        &["T3 aborts"],
        &["MoveToSuspendQ(m2) ; Done(T4)"],
        &["routes m2 as error message e3, Adapter"],
    ];
    story.assert_order(&alone);
    assert_eq!(world.message_box().suspended().len(), 0);
    assert_eq!((world.meters().error_messages, world.meters().processed), (3, 5));
    let counts = world.conclude().transactions;
    assert_eq!((counts.aborted, counts.committed), (2, 3), "the batch and m2 alone; m1, m2, m3");
}

#[test]
fn a_throw_changes_nothing_where_nobody_takes_error_messages() {
    // R-FMR-06, R-FMR-07: the message is suspended inside the transaction, which goes on.
    let mut plant = thrower(mq());
    plant.setup.topology.send_ports.pop();
    let (world, story) = told(&plant);
    assert_eq!((world.message_box().suspended().len(), world.meters().error_messages), (1, 0));
    assert_eq!(story.count(&["T1 commits"]), 1);
}

#[test]
fn what_a_component_suspends_leaves_the_transaction_as_it_is() {
    // R-FMR-07, R-RCV-09: `MessageDestination`, instead of an exception.
    let mut plant = thrower(mq());
    let (name, acts) = ("Suspends".into(), vec![Act::Suspend]);
    let suspend = Custom { name, when: When::Every(2), acts };
    plant.setup.topology.receive_locations[0].pipeline =
        ReceivePipeline { validate: vec![Component::Custom(suspend)], ..ReceivePipeline::xml() };
    plant.setup.loads[0].poison = None;
    let (world, story) = told(&plant);
    assert_eq!(story.count(&["aborts"]), 0);
    assert_eq!(story.count(&["as error message e1, Pipeline"]), 1);
    assert_eq!((world.message_box().suspended().len(), world.meters().error_messages), (0, 1));
}

fn negative() -> Filter {
    Filter::all_of(vec![Condition::equals(PropertyId::ACK_TYPE, Value::text("NACK"))])
}

#[test]
fn an_error_message_does_not_take_the_place_of_what_the_sender_is_owed() {
    // R-FMR-09, R-SR-06: the client of a request that cannot be sent on has its fault at once, and
    // whoever subscribes has the NACK; the failed message is an error message all the same.
    let refusing = SinkSettings { failure: Failure::Always, ..replying(Duration::ZERO) };
    let mut plant = desk(RequestSettings::default(), refusing);
    plant.retry(0, Duration::ZERO);
    plant.setup.topology.send_ports[0].route_failed = true;
    plant.error_port(ASYNC);
    plant.send_port("Nacks", "In", BATCHED, sink());
    plant.setup.topology.send_ports[2].filter = Some(negative());
    let (world, story) = told(&plant);
    story.assert_order(&[
        &["routes m1 of Ask as error message e1, Adapter"],
        &["a1 is the NACK of m1"],
        &["the wait of m1 ends with a fault"],
    ]);
    assert_eq!(story.count(&["TransmitMessage(a1)"]), 2, "the client and the subscriber");
    assert_eq!(world.meters().answers.faults, 1);
    assert!(world.conclude().ended < ms(60_000), "nobody waits for the time-out");
}

#[test]
fn the_sender_of_a_request_that_fails_on_its_way_in_hears_of_it() {
    // R-FMR-09, R-RR-08.
    let mut plant = desk(RequestSettings::default(), sink());
    plant.setup.topology.receive_ports[0].route_failed = true;
    plant.setup.topology.receive_locations[0].pipeline = ReceivePipeline::xml();
    plant.setup.loads[0].poison =
        Some(Poison { every: 1, defect: Defect::at(Stage::Disassemble, 1) });
    plant.error_port(ASYNC);
    let (world, story) = told(&plant);
    story.assert_order(&[
        &["routes m1 as error message e1, Pipeline"],
        &["answers the client of m1: 500"],
    ]);
    assert_eq!((world.message_box().suspended().len(), world.meters().error_messages), (0, 1));
}

#[test]
fn a_notification_is_not_lost_to_an_error_message() {
    // R-FMR-09: what was asked for on success comes, and on failure its opposite.
    let mut plant = Plant::new(immediate(), PUSH);
    let failing = SinkSettings { failure: Failure::Every(2), ..sink() };
    plant.send_port("Out", "In", ASYNC, failing).retry(0, Duration::ZERO);
    plant.setup.topology.send_ports[0].route_failed = true;
    plant.error_port(ASYNC);
    plant.send_port("Told", "In", BATCHED, sink());
    let any = ["ACK", "NACK"]
        .map(|kind| vec![Condition::equals(PropertyId::ACK_TYPE, Value::text(kind))]);
    plant.setup.topology.send_ports[2].filter = Some(Filter { groups: any.into() });
    let out = SendPortId(0);
    plant.setup.topology.exchanges.notify_delivery.push(out);
    plant.load(ArrivalKind::Replay(vec![ms(1), ms(2)]), Some(2));
    let (world, story) = told(&plant);
    assert_eq!(story.count(&["is the ACK of m1"]), 1);
    assert_eq!(story.count(&["is the NACK of m2"]), 1);
    assert_eq!(world.meters().error_messages, 1);
}
