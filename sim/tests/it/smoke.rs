//! The shortest runs that show that the house stands.

use floodgate_engine::message::{PropertyId, Value};
use floodgate_engine::pipeline::ReceivePipeline;
use floodgate_engine::subscription::Condition;
use floodgate_engine::time::Duration;
use floodgate_sim::setup::{Failure, SinkSettings};

use crate::fixture::{ASYNC, PUSH, Plant, Story, assert_all_kept, finish, immediate, sink};

#[test]
fn what_goes_in_comes_out() {
    let mut plant = Plant::new(immediate(), PUSH);
    plant.send_port("Out", "In", ASYNC, sink()).all_at_once(100);
    let outcome = plant.run();
    assert_all_kept(&outcome);
    assert_eq!((outcome.meters.received, outcome.meters.processed), (100, 100));
    assert_eq!((outcome.unfinished, outcome.quiescent), (0, true));
}

#[test]
fn an_outbound_message_says_itself_that_it_may_not_be_resumed() {
    // R-RETRY-13.
    for (flag, word) in [(None, ", resumable"), (Some(Value::Bool(true)), ", non-resumable")] {
        let mut plant = Plant::new(immediate(), PUSH);
        let broken = SinkSettings { failure: Failure::Always, ..sink() };
        plant.send_port("Out", "In", ASYNC, broken).retry(0, Duration::ZERO).all_at_once(1);
        let context = &mut plant.setup.topology.receive_locations[0].context;
        context.write(PropertyId::SUSPEND_AS_NON_RESUMABLE, flag);
        let mut world = plant.telling();
        finish(&mut world);
        let story = Story::of(&world).text();
        assert!(story.contains(&format!("suspends m1 of Out{word}")), "{story}");
    }
}

#[test]
fn a_forwarded_document_keeps_its_type() {
    // R-MSG-11: the disassembler of the next stage finds the type that the document has.
    let mut plant = Plant::new(immediate(), PUSH);
    let first = plant.receive_port("First", ReceivePipeline::xml());
    let second = plant.receive_port("Second", ReceivePipeline::xml());
    let chained = SinkSettings { forward_to: Some(second), ..sink() };
    plant.send_port("Chain", "First", ASYNC, chained);
    plant.send_port("Out", "Second", ASYNC, sink()).all_at_once(5);
    plant.setup.loads[0].locations = vec![first];
    let typed = Condition::equals(PropertyId::MESSAGE_TYPE, Value::text("Document"));
    let port = &mut plant.setup.topology.send_ports[1];
    port.filter.as_mut().unwrap().groups[0].push(typed);
    let outcome = plant.run();
    assert_all_kept(&outcome);
    assert_eq!((outcome.meters.processed, outcome.meters.routing_failures), (10, 0));
}
