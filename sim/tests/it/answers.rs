//! Two-way sends of orchestrations: what is sent is answered, and the instance waits for that.

use floodgate_engine::id::{MessageBoxId, OrchestrationId, SendPortId};
use floodgate_engine::message::Value;
use floodgate_engine::message_box::OrchestrationStatus;
use floodgate_engine::orchestration::{AnswerShape, Program, SendShape};
use floodgate_engine::pipeline::{Act, Component, Custom, When};
use floodgate_engine::subscription::{Condition, Filter};
use floodgate_engine::time::Duration;

use crate::fixture::{ASYNC, Plant, assert_all_kept, ms};
use crate::golden_orchestration::{KEY, finished, plant, states};
use crate::golden_two_way::replying;

/// Asks `Ask`, which answers after so long, waits for the answer, and sends it to `Out`.
pub(crate) fn asking(arrivals: &[u64], after: Duration, patience: Option<Duration>) -> Plant {
    let to = |port| Some(SendPortId(port));
    let answer =
        AnswerShape { patience, sends: Some(SendShape { promotions: Vec::new(), to: to(0) }) };
    let sends = Some(SendShape { promotions: vec![(KEY, Value::Int(5))], to: to(1) });
    let program = Program { sends, answer: Some(answer), ..Program::default() };
    let mut plant = plant(arrivals, program);
    plant.send_port("Ask", "nobody", ASYNC, replying(after));
    plant.setup.topology.send_ports[1].two_way = true;
    plant
}

#[test]
fn an_instance_waits_for_the_answer_to_what_it_sent_and_goes_on() {
    // R-SR-03, R-SUB-05, R-SUB-07, R-MBX-02: dehydrated until then, by its own subscription.
    let plant = asking(&[1], Duration::from_secs(5), None);
    let mut world = plant.telling();
    world.run_until(ms(4000));
    assert_eq!(states(&world, &plant.setup.topology), [OrchestrationStatus::Dehydrated]);
    assert_eq!(world.message_box().instance_subscriptions(MessageBoxId(0)), 1);
    let (world, story) = finished(world);
    story.assert_order(&[
        &["deletes m1 of Process"],
        &["refers o1 to Ask"],
        &["TransmitMessage(o1)"],
        &["refers m2 to Process"],
        &["deletes m2 of Process"],
        &["refers o3 to Out"],
    ]);
    assert_eq!(story.count(&["by Out", "wire ok"]), 1, "{}", story.text());
    assert_eq!(states(&world, &plant.setup.topology), []);
    assert_eq!(world.message_box().instance_subscriptions(MessageBoxId(0)), 0);
    assert_all_kept(&world.conclude());
}

#[test]
fn every_instance_gets_its_own_answer() {
    // R-SR-03, R-SUB-05: three at a time, one answer each.
    let plant = asking(&[1, 1, 1], Duration::from_secs(5), None);
    let (world, story) = finished(plant.telling());
    assert_eq!(story.count(&["by Out", "wire ok"]), 3, "{}", story.text());
    assert_eq!((story.count(&["Zombie"]), states(&world, &plant.setup.topology)), (0, vec![]));
    assert_all_kept(&world.conclude());
}

#[test]
fn an_answer_in_the_queue_of_an_instance_that_ends_is_a_zombie() {
    // R-MBX-12, INV-26: two ports answer before the instance looks; it takes one of them and ends.
    let mut plant = asking(&[1], Duration::from_millis(1), None);
    plant.send_port("Too", "nobody", ASYNC, replying(Duration::from_millis(2)));
    let too = &mut plant.setup.topology.send_ports[2];
    too.two_way = true;
    too.filter = Some(Filter::all_of(vec![Condition::equals(KEY, Value::Int(5))]));
    plant.setup.topology.hosts[1].settings.poll = Duration::from_secs(10);
    let (mut world, story) = finished(plant.telling());
    assert_eq!(
        story.count(&["suspends m3 of Process, non-resumable, Zombie"]),
        1,
        "{}",
        story.text()
    );
    assert_eq!(story.count(&["deletes m2 of Process"]), 1);
    assert_eq!(story.count(&["by Out", "wire ok"]), 1);
    assert_eq!(world.message_box().reference_counts().suspended, 1);
    assert_eq!(world.resume_orchestration(OrchestrationId(0)), 0, "a zombie is not resumed");
}

#[test]
fn an_instance_that_lost_patience_has_no_subscription_left() {
    // R-SUB-05, INV-26: the answer comes to nobody.
    let plant = asking(&[1], Duration::from_secs(20), Some(Duration::from_secs(8)));
    let mut world = plant.telling();
    world.run_until(ms(6000));
    assert_eq!(states(&world, &plant.setup.topology), [OrchestrationStatus::Dehydrated]);
    let (world, story) = finished(world);
    assert_eq!(states(&world, &plant.setup.topology), []);
    assert_eq!(world.message_box().instance_subscriptions(MessageBoxId(0)), 0);
    assert!(story.count(&["routing failure report for m2"]) > 0, "{}", story.text());
    assert_eq!(story.count(&["by Out"]), 0);
}

#[test]
fn a_question_that_cannot_be_asked_is_an_exception_of_its_instance() {
    // R-SR-06: its negative acknowledgement comes to the instance that waits for the answer; an
    // acknowledgement that it was sent is no answer.
    for broken in [false, true] {
        let mut plant = asking(&[1], Duration::from_secs(1), None);
        plant.setup.topology.exchanges.notify_delivery.push(SendPortId(1));
        if broken {
            let (name, acts) = ("Throws".into(), vec![Act::Fail]);
            let own = Component::Custom(Custom { name, when: When::Always, acts });
            plant.setup.topology.send_ports[1].pipeline.encode.push(own);
        }
        let (world, story) = finished(plant.telling());
        let exceptions = story.count(&["of Process", "Exception"]);
        assert_eq!(exceptions, usize::from(broken), "{}", story.text());
        assert_eq!(story.count(&["by Out", "wire ok"]), usize::from(!broken));
        assert_eq!(world.message_box().reference_counts().suspended, 2 * u64::from(broken));
    }
}
