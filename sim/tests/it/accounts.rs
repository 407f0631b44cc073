//! Accounts that once did not close, and reports that were expected where none is due: each as
//! small as it gets.

use std::sync::Arc;

use floodgate_engine::config::{
    AdapterConfig, AdapterKind, RequestSettings, SendSettings, UnroutedSuspension,
};
use floodgate_engine::exchange::ResponseSettings;
use floodgate_engine::id::{AdapterId, HostInstanceId};
use floodgate_engine::message::{PropertyId, Value, WireMessage};
use floodgate_engine::orchestration::{Convoy, Program};
use floodgate_engine::pipeline::{Act, Component, Custom, ReceivePipeline, When};
use floodgate_engine::subscription::{Condition, Filter};
use floodgate_engine::time::Duration;
use floodgate_sim::load::ArrivalKind;
use floodgate_sim::world::World;

use crate::fixture::{
    ASYNC, FOLDER, PUSH, Plant, Story, assert_all_kept, finish_within, immediate, ms,
};
use crate::found::orchestration;
use crate::golden_orchestration::KEY;
use crate::golden_send::marked;
use crate::golden_two_way::{desk, replying};

/// Goes on to the end; every check must be content, and both accounts must close.
fn finished(mut world: World) -> (World, Story) {
    finish_within(&mut world, 20_000).expect("it comes to an end");
    let story = Story::of(&world);
    assert_eq!(world.checks().violations(), [], "in\n{}", story.text());
    assert_all_kept(&world.clone().conclude());
    let fates = world.fates();
    assert!(fates.intake.closes() && fates.deliveries.closes(), "{fates:?} in\n{}", story.text());
    (world, story)
}

#[test]
fn what_a_pipeline_consumed_and_comes_again_after_a_crash_arrived_twice() {
    // R-RCV-02, R-DUP-01, R-CRASH-03: an interchange of no documents, or a component that takes
    // the message; the process dies before its adapter is told.
    let consumes = Custom { name: Arc::from("own"), when: When::Always, acts: vec![Act::Consume] };
    let taking =
        ReceivePipeline { decode: vec![Component::Custom(consumes)], ..ReceivePipeline::xml() };
    for (pipeline, documents) in [(ReceivePipeline::xml(), 0), (taking, 1)] {
        let mut plant = Plant::new(immediate(), FOLDER);
        plant.pipeline(pipeline).interchanges(1, documents);
        plant.setup.calls.to_adapter = Duration::from_millis(1);
        plant.setup.costs.lock_transaction = Duration::from_millis(1);
        plant.setup.life.watched = true;
        let mut world = plant.telling();
        while world.fates().intake.consumed == 0 {
            assert!(world.step(), "the pipeline consumes it");
        }
        world.crash(HostInstanceId(0));
        world.start(HostInstanceId(0));
        let (world, story) = finished(world);
        let intake = world.fates().intake;
        assert_eq!((intake.arrived, intake.consumed), (2, 2), "{intake:?} in\n{}", story.text());
    }
}

#[test]
fn a_withdrawal_that_comes_too_late_is_no_document() {
    // R-RR-11: the engine has made the call with the answer when its client leaves, and that is
    // not yet with the adapter.
    let cancel_after = Some(Duration::from_millis(15));
    let settings = RequestSettings { cancel_after, ..RequestSettings::default() };
    let mut plant = desk(settings, replying(Duration::ZERO));
    plant.setup.calls.to_adapter = Duration::from_millis(10);
    let (world, story) = finished(plant.telling());
    story.assert_order(&[&["CancelResponse(1) ; Done"], &["IN@H TransmitMessage(m2)"]]);
    assert_eq!(story.count(&["is withdrawn"]), 0, "{}", story.text());
    assert_eq!(world.fates().intake.arrived, 2, "a request and a reply");
}

/// m1 starts a convoy; m2 and m3 are of a port that nobody subscribes to, and m2 has its value.
fn mark(wire: &mut WireMessage) {
    if wire.number < 3 {
        wire.context.promote(KEY, Some(Value::Int(1))).expect("a number is short");
    }
    if wire.number > 1 {
        let elsewhere = Some(Value::text("Elsewhere"));
        wire.context.promote(PropertyId::RECEIVE_PORT_NAME, elsewhere).expect("it is short");
    }
}

#[test]
fn what_joins_a_convoy_in_a_batch_that_fails_needs_no_report() {
    // INV-22, R-SUB-05: m3 is reported, and m2 is for the running instance alone.
    let mut plant = Plant::new(immediate(), FOLDER);
    let convoy = Convoy { property: KEY, messages: 0, idle: None };
    let program = Program { convoy: Some(convoy), ..Program::default() };
    orchestration(&mut plant, "In", program);
    let times = vec![ms(1), ms(5000), ms(5000)];
    plant.load(ArrivalKind::Replay(times), Some(3));
    let (_, story) = finished(marked(&plant, mark));
    assert_eq!(story.count(&["NOSUB,2,[S_OK,NOSUB]"]), 1, "{}", story.text());
    assert_eq!(story.count(&["routing failure report for m3"]), 1);
    assert_eq!(story.count(&["deletes m2 of Process"]), 1, "{}", story.text());
}

#[test]
fn what_the_engine_would_suspend_needs_no_report_of_a_batch_that_fails() {
    // INV-22, X-13, R-CLK-16: one reply comes too late for its client and is refused; with it the
    // one that nobody asked for, which would have been suspended.
    let mut plant = desk(RequestSettings::default(), replying(Duration::from_secs(1)));
    let gathers =
        SendSettings { completion_batch: 2, completion_wait: Duration::from_secs(9), ..ASYNC };
    let too = plant.receive_port("Too", ReceivePipeline::pass_through());
    let topology = &mut plant.setup.topology;
    topology.choices.unrouted_suspension = UnroutedSuspension::Engine;
    let timeout = Duration::from_millis(500);
    topology.exchanges.hosts = vec![ResponseSettings { timeout, ..ResponseSettings::default() }];
    topology.adapters[1].kind = AdapterKind::Send(gathers);
    let from = ["In", "Too"]
        .map(|from| vec![Condition::equals(PropertyId::RECEIVE_PORT_NAME, Value::text(from))]);
    topology.send_ports[0].filter = Some(Filter { groups: from.to_vec() });
    let kind = AdapterKind::Receive(PUSH);
    topology.adapters.push(AdapterConfig { name: "TOO".to_owned(), kind });
    topology.receive_locations[too.index()].adapter = AdapterId(2);
    plant.load(ArrivalKind::Replay(vec![ms(1)]), Some(1));
    plant.setup.loads[1].locations = vec![too];
    let (_, story) = finished(plant.telling());
    let statuses = "{Submit,NOSUB,2,[NOSUB,SUSP]}";
    assert_eq!(story.count(&["BatchComplete(E_FAIL", statuses]), 1, "{}", story.text());
    assert_eq!(story.count(&["routing failure report for m4"]), 1, "when it is suspended");
}
