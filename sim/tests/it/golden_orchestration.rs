//! Orchestrations, told as stories: receive and send, the Suspend shape, the sequential convoy.

use floodgate_engine::adapter::Receiver;
use floodgate_engine::config::{MessageBoxConfig, OnFailure, Orchestration, Topology};
use floodgate_engine::id::{
    AdapterId, HostId, MessageBoxId, OrchestrationId, SendPortId, ServerId,
};
use floodgate_engine::message::{
    Body, Context, Document, DocumentName, Parts, PropertyId, Value, WireMessage,
};
use floodgate_engine::message_box::{
    Effect, OrchestrationCounts, OrchestrationStatus, PreparedBatch, Reason,
};
use floodgate_engine::orchestration::{Convoy, Program, SendShape};
use floodgate_engine::subscription::{Condition, Filter};
use floodgate_engine::time::Duration;
use floodgate_sim::load::ArrivalKind;
use floodgate_sim::trace::Event;
use floodgate_sim::world::World;
use insta::assert_snapshot;

use crate::fixture::{ASYNC, FOLDER, Plant, Story, assert_all_kept, finish, immediate, ms, sink};
use crate::golden_send::Marking;

const PROCESS: OrchestrationId = OrchestrationId(0);
/// A property of the tests' own: what convoys correlate on.
pub(crate) const KEY: PropertyId = PropertyId(900);

/// `In`, an orchestration that subscribes to it, and `Out`, to which it is bound directly.
pub(crate) fn plant(arrivals: &[u64], program: Program) -> Plant {
    let mut plant = Plant::new(immediate(), FOLDER);
    plant.send_port("Out", "nobody", ASYNC, sink()).ordered(OnFailure::Continue);
    let topology = &mut plant.setup.topology;
    let mut host = topology.hosts[0].clone();
    host.name = "Orchestrations".to_owned();
    topology.hosts.push(host);
    let mut instance = topology.host_instances[0];
    instance.host = HostId(1);
    topology.host_instances.push(instance);
    topology.orchestrations.push(Orchestration {
        name: "Process".to_owned(),
        host: HostId(1),
        filter: from_in(),
        priority: 7,
        ordered: true,
        program,
    });
    plant.load(ArrivalKind::Replay(arrivals.iter().copied().map(ms).collect()), None);
    plant
}

fn from_in() -> Filter {
    let filter = Condition::equals(PropertyId::RECEIVE_PORT_NAME, Value::text("In"));
    Filter::all_of(vec![filter])
}

fn to_out() -> Option<SendShape> {
    Some(SendShape { promotions: Vec::new(), to: Some(SendPortId(0)) })
}

pub(crate) fn finished(mut world: World) -> (World, Story) {
    finish(&mut world);
    assert_eq!(world.checks().violations(), [], "a promise was broken");
    let story = Story::of(&world);
    (world, story)
}

pub(crate) fn states(world: &World, topology: &Topology) -> Vec<OrchestrationStatus> {
    world.message_box().orchestration_states(topology, PROCESS)
}

fn counts(world: &World, topology: &Topology) -> OrchestrationCounts {
    world.message_box().orchestrations(topology.subscriber_of_orchestration(PROCESS))
}

#[test]
fn what_is_received_is_published_again_and_does_not_come_back() {
    // R-PUB-01, R-PUB-04, R-CTX-07, INV-24, R-SUB-06: the filter of the orchestration matches what
    // it received, and not the copy that it sends, whose promotions are gone.
    let mut plant = plant(&[1], Program { sends: to_out(), ..Program::default() });
    plant.send_port("Archive", "In", ASYNC, sink());
    let (world, story) = finished(plant.telling());
    story.assert_order(&[
        &["publishes m1, 2 reference(s)"],
        &["locks m1 of Process"],
        &["deletes m1 of Process"],
        &["publishes o2, 1 reference(s)"],
        &["refers o2 to Out"],
        &["TransmitMessage(o2)"],
    ]);
    assert_eq!(world.message_box().reference_counts().total(), 0);
    assert_eq!(world.backlog(), 0);
    assert_eq!(states(&world, &plant.setup.topology), []);
    assert_snapshot!(story.text());
    assert_all_kept(&world.conclude());
}

#[test]
fn promotions_of_the_send_shape_are_routed_on() {
    // R-PUB-01, R-SUB-04.
    let shape = SendShape { promotions: vec![(KEY, Value::Int(5))], to: None };
    let mut plant = plant(&[1], Program { sends: Some(shape), ..Program::default() });
    plant.send_port("Fifth", "nobody", ASYNC, sink());
    let filter = Filter::all_of(vec![Condition::equals(KEY, Value::Int(5))]);
    plant.setup.topology.send_ports[1].filter = Some(filter);
    let (_, story) = finished(plant.telling());
    assert_eq!(story.count(&["o1 by Fifth", "wire ok"]), 1);
    assert_eq!(story.count(&["by Out"]), 0);
}

#[test]
fn what_nobody_subscribes_to_suspends_the_instance_and_nothing_of_the_turn_happened() {
    // R-ROUTE-01, R-ATOM-02, R-MBX-02; resumed, it tries the whole turn again.
    let shape = SendShape { promotions: vec![(KEY, Value::Int(5))], to: None };
    let plant = plant(&[1], Program { sends: Some(shape), ..Program::default() });
    let (mut world, story) = finished(plant.telling());
    assert_eq!(story.count(&["suspends m1 of Process, resumable, Routing"]), 1);
    assert_eq!(story.count(&["deletes m1"]), 0);
    let topology = &plant.setup.topology;
    assert_eq!(states(&world, topology), [OrchestrationStatus::SuspendedResumable]);
    assert_eq!(world.resume_orchestration(PROCESS), 1);
    let (world, story) = finished(world);
    assert_eq!(story.count(&["suspends m1 of Process, resumable, Routing"]), 2);
    assert_eq!(world.message_box().reference_counts().suspended, 1);
}

#[test]
fn the_suspend_shape_suspends_and_a_resume_goes_on_behind_it() {
    // R-ADD-01, R-MBX-02.
    let plant = plant(&[1], Program { suspends: true, sends: to_out(), ..Program::default() });
    let (mut world, story) = finished(plant.telling());
    assert_eq!(story.count(&["suspends m1 of Process, resumable, SuspendShape"]), 1);
    assert_eq!(story.count(&["publishes o1"]), 0);
    let topology = &plant.setup.topology;
    assert_eq!(states(&world, topology), [OrchestrationStatus::SuspendedResumable]);
    assert_eq!(world.resume_orchestration(PROCESS), 1);
    let (world, story) = finished(world);
    assert_eq!(story.count(&["SuspendShape"]), 1, "it is passed once");
    // It was stored when it was suspended, and when it was done.
    let counts = counts(&world, &plant.setup.topology);
    assert_eq!((counts.created, counts.completed, counts.persisted), (1, 1, 2));
    assert_eq!(story.count(&["o1 by Out", "wire ok"]), 1);
    assert_eq!(world.message_box().reference_counts().total(), 0);
    assert_snapshot!(story.text());
    assert_all_kept(&world.conclude());
}

/// Odd and even messages correlate among themselves.
fn marked(plant: &Plant) -> World {
    let mut world = plant.telling();
    let mark = |wire: &mut WireMessage| {
        let value = Value::Int(i64::from(wire.number % 2 == 1));
        wire.context.promote(KEY, Some(value)).expect("a number can be promoted");
    };
    world.replace_adapter(AdapterId(0), &Marking { inner: Receiver::new(FOLDER), mark });
    world
}

fn convoy(messages: u32, idle: Option<Duration>) -> Program {
    let convoy = Some(Convoy { property: KEY, messages, idle });
    Program { sends: to_out(), convoy, ..Program::default() }
}

/// The messages that activated an instance.
fn activations(world: &World) -> Vec<u64> {
    let history = world.trace().history().iter();
    let activating = history.filter_map(|(_, event)| match event {
        Event::Effect(Effect::Referenced { at, activates: true, .. }) => Some(at),
        _ => None,
    });
    activating.filter(|at| at.subscriber.0 > 0).map(|at| at.document.wire).collect()
}

#[test]
fn a_convoy_receives_all_messages_of_its_value_in_one_instance_and_in_order() {
    // R-SUB-05, R-ORD-01, R-ORD-02, R-ORD-03, R-ORD-21, R-MBX-02: two values, two instances, even
    // though the first messages of both are published in one batch; an ordered port behind them
    // sees each in its order.
    let plant = plant(&[1, 1, 1, 1, 1500, 1500], convoy(0, None));
    let (world, story) = finished(marked(&plant));
    assert_eq!(activations(&world), [1, 2]);
    for odd_or_even in [["m1", "m3", "m5"], ["m2", "m4", "m6"]] {
        let lines: Vec<[String; 1]> =
            odd_or_even.map(|name| [format!("deletes {name} of Process")]).to_vec();
        for pair in lines.windows(2) {
            story.assert_order(&[&[&pair[0][0]], &[&pair[1][0]]]);
        }
    }
    let topology = &plant.setup.topology;
    assert_eq!(states(&world, topology), [OrchestrationStatus::Dehydrated; 2]);
    assert_eq!(world.message_box().reference_counts().total(), 0);
    assert_eq!(story.count(&["by Out", "wire ok"]), 6);
    assert_snapshot!(story.text());
    assert_all_kept(&world.conclude());
}

#[test]
fn only_one_message_of_an_instance_is_out_however_many_host_instances_there_are() {
    // R-ORD-03, R-ORD-06.
    let mut plant = plant(&[1; 12], convoy(0, None));
    for _ in 0..3 {
        let instance = plant.setup.topology.host_instances[1];
        plant.setup.topology.host_instances.push(instance);
    }
    let (world, _) = finished(marked(&plant));
    let mut out = [0_i32; 2];
    for (_, event) in world.trace().history() {
        let (at, change) = match event {
            Event::Effect(Effect::Locked { at, .. }) => (at, 1),
            Event::Effect(Effect::Deleted { at }) => (at, -1),
            _ => continue,
        };
        if at.subscriber.0 == 1 {
            let line = &mut out[(at.document.wire % 2) as usize];
            *line += change;
            assert!((0..=1).contains(line), "two messages of one instance are out");
        }
    }
    assert_eq!(world.message_box().reference_counts().total(), 0);
}

#[test]
fn messages_that_come_as_the_instance_ends_are_discarded_with_it() {
    // R-MBX-12, INV-26: the instance takes two of three; the third was routed to it and is a
    // zombie. The next of its value starts another one.
    let plant = plant(&[1, 1, 1, 1, 1, 1, 1500], convoy(2, None));
    let (mut world, story) = finished(marked(&plant));
    for zombie in ["m5", "m6"] {
        let line = format!("suspends {zombie} of Process, non-resumable, Zombie");
        assert_eq!(story.count(&[&line]), 1, "{zombie}");
    }
    assert_eq!(activations(&world), [1, 2, 7]);
    assert_eq!(world.message_box().reference_counts().suspended, 2);
    assert_eq!(world.resume_orchestration(PROCESS), 0, "a zombie is not resumed");
    let zombies = world.trace().history().iter().filter(|(_, event)| {
        matches!(event, Event::Effect(Effect::SuspendedReference { reason: Reason::Zombie, .. }))
    });
    assert_eq!(zombies.count(), 2);
    // Two instances of two messages ended with one left each; the third one waits for its second.
    let (created, completed, discarded) = (3, 2, 2);
    let (dehydrated, rehydrated, persisted, waiting) = (1, 0, 5, 1);
    assert_eq!(
        counts(&world, &plant.setup.topology),
        OrchestrationCounts {
            created,
            completed,
            discarded,
            dehydrated,
            rehydrated,
            persisted,
            waiting
        }
    );
    assert_snapshot!(story.text());
    assert_all_kept(&world.conclude());
}

#[test]
fn an_instance_without_messages_ends_after_its_idle_time() {
    // R-SUB-05, INV-26: looked at once a second, m1 comes at 1 s,
    // m3 at 6 s and m5 at 15 s: never ten seconds apart, so it is one instance all the time.
    let plant = plant(&[1, 1, 5500, 5500, 14_500], convoy(0, Some(Duration::from_secs(10))));
    let (world, _) = finished(marked(&plant));
    assert_eq!(activations(&world), [1, 2]);
    let plant = plant_with_late_third();
    let (world, story) = finished(marked(&plant));
    assert_eq!(activations(&world), [1, 2, 3], "{}", story.text());
    assert_eq!(states(&world, &plant.setup.topology), [], "all have ended");
}

/// m3 comes after the instance of m1 has waited for more than ten seconds.
fn plant_with_late_third() -> Plant {
    plant(&[1, 1, 11_500], convoy(0, Some(Duration::from_secs(10))))
}

/// Two MessageBoxes, and the instances of the odd and the even live in one each.
fn in_two_boxes(arrivals: &[u64]) -> Plant {
    let mut plant = plant(arrivals, convoy(0, Some(Duration::from_secs(10))));
    for name in ["Master", "Second"] {
        let message_box = MessageBoxConfig { name: name.to_owned(), publishes: true };
        plant.setup.topology.message_boxes.push(message_box);
    }
    plant.setup.databases = vec![ServerId(0); 2];
    plant
}

#[test]
fn an_instance_subscription_begins_where_its_instance_is_and_the_master_has_a_copy() {
    // R-SUB-07, INV-26: m1 starts an instance in the master, m2 one in the second MessageBox.
    let (master, second) = (MessageBoxId(0), MessageBoxId(1));
    let rows = |world: &World| {
        [master, second].map(|home| world.message_box().instance_subscriptions(home))
    };
    let mut world = marked(&in_two_boxes(&[1, 1, 5000]));
    assert_eq!(rows(&world), [0, 0]);
    world.run_until(ms(3000));
    assert_eq!(rows(&world), [2, 1]);
    let (world, _) = finished(world);
    assert_eq!(rows(&world), [0, 0], "with its instance goes the subscription, and the copy");
}

#[test]
fn the_master_matches_for_an_instance_whose_messagebox_is_away() {
    // R-SUB-07, R-MMB-01, R-MMB-03: it has the copy, so m4 is for the instance of m2, which is out
    // of reach, and activates no other in its stead. m6 finds that instance again.
    let mut world = marked(&in_two_boxes(&[1, 1, 5000, 5000, 9500, 9500]));
    world.run_until(ms(4000));
    world.set_offline(MessageBoxId(1), true);
    world.run_until(ms(9000));
    assert!(Story::of(&world).count(&["PERSISTENCE_FAILURE"]) > 0);
    assert_eq!(activations(&world), [1, 2]);
    world.set_offline(MessageBoxId(1), false);
    let (world, story) = finished(world);
    assert_eq!(story.count(&["deletes m6 of Process"]), 1, "{}", story.text());
    assert_eq!(activations(&world), [1, 2]);
    assert_all_kept(&world.conclude());
}

#[test]
fn the_copy_at_the_master_is_paid_for() {
    // R-SUB-07: a row more where the instance is elsewhere, for the first message of a value. The
    // turn is the second MessageBox's.
    let mut world = marked(&in_two_boxes(&[1, 1]));
    world.run_until(ms(3000));
    let mut message_box = world.message_box().clone();
    let document = |key: &i64| {
        let mut context = Context::default();
        context.promote(PropertyId::RECEIVE_PORT_NAME, Some(Value::text("In"))).expect("short");
        context.promote(KEY, Some(Value::Int(*key))).expect("a number");
        Document {
            name: DocumentName { wire: 77, sequence: 1, split: false },
            lineage: 77,
            arrived: ms(1),
            context,
            parts: Parts::of(Body::Described { bytes: 10, documents: 1 }),
        }
    };
    let mut rows = |keys: &[i64]| {
        let documents = keys.iter().map(document).collect();
        let batch = PreparedBatch { documents, ..PreparedBatch::default() };
        let footprints = message_box.footprint(&batch);
        let touched = (0..).map_while(|at| footprints.get(at));
        touched.filter(|(home, _)| *home == MessageBoxId(0)).map(|(_, own)| own.rows).sum::<u32>()
    };
    assert_eq!((rows(&[1]), rows(&[2])), (1, 2));
    // The second of a value in one batch joins what the first has started.
    assert_eq!(rows(&[2, 1, 3]), rows(&[2, 1, 2]) + 1);
}
