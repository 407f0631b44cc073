//! When an ordered message has failed, what does not count as a failure, and what order asks of
//! those who receive.

use floodgate_engine::config::{OnFailure, ReceiveSettings, RequestSettings};
use floodgate_engine::exchange::SolicitPort;
use floodgate_engine::id::SendPortId;
use floodgate_engine::message::{Defect, DefectKind};
use floodgate_engine::message_box::Effect;
use floodgate_engine::pipeline::{Act, Component, Custom, SendPipeline, Stage, When};
use floodgate_engine::time::Duration;
use floodgate_sim::dist::Dist;
use floodgate_sim::load::ArrivalKind;
use floodgate_sim::setup::{EndpointSettings, Failure, SinkSettings};
use floodgate_sim::trace::Event;

use crate::fixture::{
    ASYNC, FOLDER, PUSH, Plant, Story, assert_all_kept, finish, immediate, ms, sink,
};
use crate::golden_receive::recovering;
use crate::golden_two_way::{desk, replying};

const OUT: SendPortId = SendPortId(0);

fn ordered(on_failure: OnFailure, failure: Failure) -> Plant {
    let mut plant = Plant::new(immediate(), PUSH);
    plant
        .send_port("Out", "In", ASYNC, SinkSettings { failure, ..sink() })
        .ordered(on_failure)
        .retry(2, Duration::from_secs(60))
        .all_at_once(3);
    plant
}

#[test]
fn an_ordered_message_has_not_failed_while_it_has_retries() {
    // R-ORD-10, R-ORD-08: two attempts fail, the third comes through; the others wait for it.
    for on_failure in [OnFailure::Continue, OnFailure::Stop] {
        let mut world = ordered(on_failure, Failure::First(2)).telling();
        finish(&mut world);
        let story = Story::of(&world);
        assert_eq!(story.count(&["suspends"]), 0, "{on_failure:?}");
        story.assert_order(&[
            &["MB   deletes m1 of Out"],
            &["MB   deletes m2 of Out"],
            &["MB   deletes m3 of Out"],
        ]);
        assert_eq!(story.instants(&["deletes m1"]), [ms(120_000)]);
        assert_all_kept(&world.conclude());
    }
}

#[test]
fn it_has_failed_when_they_are_used_up_and_when_its_pipeline_or_map_fails() {
    // R-ORD-10, R-ORD-08, R-RETRY-14, INV-46, INV-47.
    let (name, acts) = ("Throws".into(), vec![Act::Fail]);
    let throws = Component::Custom(Custom { name, when: When::Every(2), acts });
    let broken = SendPipeline { pre_assemble: vec![throws], ..SendPipeline::pass_through() };
    for on_failure in [OnFailure::Continue, OnFailure::Stop] {
        for by_wire in [true, false] {
            let failure = if by_wire { Failure::Every(2) } else { Failure::Never };
            let mut plant = ordered(on_failure, failure);
            if !by_wire {
                plant.setup.topology.send_ports[0].pipeline = broken.clone();
            }
            let mut world = plant.telling();
            finish(&mut world);
            let story = Story::of(&world);
            let tries = if by_wire { 3 } else { 0 };
            assert_eq!(story.count(&["TransmitMessage(m2)"]), tries, "{on_failure:?}");
            let (stays, backlog) = match on_failure {
                OnFailure::Continue => ("suspends m2 of Out, non-resumable", 0),
                OnFailure::Stop => ("suspends m2 of Out, resumable", 2),
            };
            assert_eq!(story.count(&[stays]), 1, "{on_failure:?} {by_wire}");
            assert_eq!(world.message_box().ordered_backlog(OUT), backlog, "{on_failure:?}");
            let third = usize::from(on_failure == OnFailure::Continue);
            assert_eq!(story.count(&["TransmitMessage(m3)"]), third, "{on_failure:?}");
            assert_all_kept(&world.conclude());
        }
    }
}

#[test]
fn a_recoverable_failure_in_a_response_does_not_stop_the_port() {
    // R-ORD-14: the response's bad document is suspended, the solicit is done with, the next goes.
    let mut partner = replying(Duration::from_millis(10));
    let defect = Defect { kind: DefectKind::Invalid, ..Defect::at(Stage::Disassemble, 1) };
    partner.reply.as_mut().expect("it replies").defect = Some(defect);
    let mut plant = desk(RequestSettings::default(), partner);
    plant.ordered(OnFailure::Stop);
    plant.load(ArrivalKind::Replay(vec![ms(1), ms(2)]), Some(2));
    plant.setup.loads.remove(0);
    plant.setup.topology.exchanges.solicit_ports.push(SolicitPort {
        port: OUT,
        pipeline: recovering(),
        maps: Vec::new(),
        correlated_only: false,
    });
    let mut world = plant.telling();
    finish(&mut world);
    let story = Story::of(&world);
    assert_eq!(story.count(&["deletes", "of Ask"]), 2, "{}", story.text());
    assert_eq!(story.count(&["suspends", "of Ask"]), 0);
    assert_eq!(world.message_box().ordered_backlog(OUT), 0);
    assert_eq!(world.message_box().suspended().len(), 2, "a bad document of each response");
    assert_all_kept(&world.conclude());
}

/// The order in which messages were published, when so many host instances receive them.
fn published(instances: u32, seed: u64) -> Vec<u64> {
    let receive = ReceiveSettings { batch_messages: 1, batches: 1, ..FOLDER };
    let mut plant = Plant::new(immediate(), receive);
    plant.send_port("Out", "In", ASYNC, sink()).instances(instances);
    plant.load(ArrivalKind::Replay(vec![ms(1); 12]), Some(12));
    plant.setup.endpoints[0] = EndpointSettings::Source {
        wire: Dist::Uniform { low: Duration::ZERO, high: Duration::from_millis(50) },
    };
    plant.setup.seed = seed;
    let mut world = plant.telling();
    finish(&mut world);
    let history = world.trace().history();
    let effects = history.iter().filter_map(|(_, event)| match event {
        Event::Effect(Effect::Published { document, .. }) => Some(document.wire),
        _ => None,
    });
    let found = effects.collect();
    assert_all_kept(&world.conclude());
    found
}

#[test]
fn order_of_receipt_needs_one_running_receive_host_instance() {
    // R-ORD-19, R-RCV-07: one worker that waits for BatchComplete keeps order; two of them do not.
    let mut turned = 0;
    for seed in 1..6 {
        let one = published(1, seed);
        assert_eq!(one.len(), 12);
        assert!(one.is_sorted(), "{one:?}");
        let two = published(2, seed);
        assert_eq!(two.len(), 12);
        turned += usize::from(!two.is_sorted());
    }
    assert_eq!(turned, 5, "some message overtakes another whenever two receive");
}
