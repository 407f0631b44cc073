//! Where pipelines run: on the way in and on the way out, of requests and of responses.

use floodgate_engine::config::RequestSettings;
use floodgate_engine::exchange::{ResponseSettings, SolicitPort};
use floodgate_engine::id::SendPortId;
use floodgate_engine::message::{PropertyId, Value};
use floodgate_engine::pipeline::{Act, Component, Custom, ReceivePipeline, SendPipeline, When};
use floodgate_engine::subscription::{Condition, Filter};
use floodgate_engine::time::Duration;
use floodgate_sim::load::ArrivalKind;
use floodgate_sim::world::World;

use crate::fixture::{ASYNC, BATCHED, PUSH, Plant, Story, finish, immediate, ms, sink};
use crate::golden_two_way::{desk, replying};

fn run(plant: &Plant) -> (World, Story) {
    let mut world = plant.telling();
    finish(&mut world);
    assert_eq!(world.checks().violations(), [], "a promise was broken");
    let story = Story::of(&world);
    (world, story)
}

fn throws() -> Component {
    let (name, acts) = ("Throws".into(), vec![Act::Fail]);
    Component::Custom(Custom { name, when: When::Every(2), acts })
}

#[test]
fn the_response_of_a_solicit_passes_a_receive_pipeline() {
    // R-PIPE-09: it promotes the type, as the same pipeline of a location would.
    for (pipeline, promoted) in
        [(ReceivePipeline::xml(), true), (ReceivePipeline::pass_through(), false)]
    {
        let mut plant = Plant::new(immediate(), PUSH);
        plant.send_port("Ask", "In", ASYNC, replying(Duration::ZERO));
        plant.setup.topology.send_ports[0].two_way = true;
        let port = SendPortId(0);
        let (maps, correlated_only) = (Vec::new(), false);
        let solicits = SolicitPort { port, pipeline, maps, correlated_only };
        plant.setup.topology.exchanges.solicit_ports.push(solicits);
        plant.send_port("Replies", "In", BATCHED, sink());
        let typed = Condition::equals(PropertyId::MESSAGE_TYPE, Value::text("Reply"));
        plant.setup.topology.send_ports[1].filter = Some(Filter::all_of(vec![typed]));
        plant.load(ArrivalKind::Replay(vec![ms(1)]), Some(1));
        let (_, story) = run(&plant);
        let sent = usize::from(promoted);
        assert_eq!(story.count(&["TransmitMessage(m2)"]), sent, "{}", story.text());
        assert_eq!(story.count(&["routing failure report for m2"]), 1 - sent);
    }
}

#[test]
fn the_response_to_a_request_passes_a_send_pipeline() {
    // R-PIPE-09, R-RR-04: what throws in it keeps the response m2 from its client, who gets a fault
    // in its place; the fault passes the pipeline too.
    for broken in [false, true] {
        let mut plant = desk(RequestSettings::default(), replying(Duration::ZERO));
        let request = &mut plant.setup.topology.exchanges.request_ports[0];
        if broken {
            request.pipeline = SendPipeline { encode: vec![throws()], ..SendPipeline::xml() };
        }
        let (world, story) = run(&plant);
        let answered = u64::from(!broken);
        assert_eq!(world.meters().answers.responses, answered, "{}", story.text());
        assert_eq!(story.count(&["TransmitMessage(m2)"]), usize::from(!broken));
        assert_eq!(story.count(&["suspends m2 of In, non-resumable"]), usize::from(broken));
        assert_eq!(world.meters().answers.failed, u64::from(broken), "{}", story.text());
    }
}

#[test]
fn of_several_responses_one_may_fail_before_its_client_s_time_is_over() {
    // INV-50, R-RR-08, R-RR-10: its fault is no fault of the engine's, and ends the exchange.
    let mut plant = desk(RequestSettings::default(), replying(Duration::from_millis(1)));
    plant.setup.topology.exchanges.hosts =
        vec![ResponseSettings { allow_multiple: true, ..ResponseSettings::default() }];
    let request = &mut plant.setup.topology.exchanges.request_ports[0];
    request.pipeline = SendPipeline { encode: vec![throws()], ..SendPipeline::xml() };
    let (world, story) = run(&plant);
    assert_eq!(story.count(&["suspends m2 of In, non-resumable"]), 1, "{}", story.text());
    assert_eq!((world.meters().answers.responses, world.meters().answers.failed), (0, 1));
}
