//! What the search through random plants found (`mixed.rs`), each as small as it gets.

use floodgate_engine::config::{
    AdapterKind, Habits, MoreTries, Orchestration, OrchestrationQueue, RequestSettings,
    SendSettings, ThrowingCall, Throws, UnroutedSuspension, Which,
};
use floodgate_engine::exchange::ResponseSettings;
use floodgate_engine::id::{
    HostId, HostInstanceId, MessageBoxId, OrchestrationId, ReceiveLocationId, SendPortId,
};
use floodgate_engine::message::{Context, PropertyId, Value};
use floodgate_engine::message_box::{
    InstanceOperation, PortOperation, ServiceInstanceId, ServiceStatus,
};
use floodgate_engine::orchestration::{AnswerShape, Convoy, Program, SendShape};
use floodgate_engine::pipeline::ReceivePipeline;
use floodgate_engine::subscription::{Condition, Filter, PortState};
use floodgate_engine::throttle::{DehydrationSettings, PublishingState, Throttle};
use floodgate_engine::time::Duration;
use floodgate_sim::load::ArrivalKind;
use floodgate_sim::setup::{Failure, Fault, Outbound, ResponseOrder, SinkSettings};
use floodgate_sim::world::World;

use crate::fixture::{
    ASYNC, BATCHED, FOLDER, PUSH, Plant, Story, all_kept, assert_all_kept, finish_within,
    immediate, ms, sink,
};
use crate::golden_orchestration::KEY;
use crate::golden_two_way::{desk, replying};
use crate::transactional::SEND;

const OUT: SendPortId = SendPortId(0);

/// Goes on to the end; every check must be content.
fn finished(mut world: World) -> (World, Story) {
    finish_within(&mut world, 50_000).expect("it comes to an end");
    let story = Story::of(&world);
    assert_eq!(world.checks().violations(), [], "in\n{}", story.text());
    assert_all_kept(&world.clone().conclude());
    (world, story)
}

fn told(plant: &Plant) -> (World, Story) {
    finished(plant.telling())
}

/// An orchestration that takes what receive port `from` publishes.
pub(crate) fn orchestration(plant: &mut Plant, from: &str, program: Program) {
    let filter = Condition::equals(PropertyId::RECEIVE_PORT_NAME, Value::text(from));
    plant.setup.topology.orchestrations.push(Orchestration {
        name: "Process".to_owned(),
        host: HostId(0),
        filter: Filter::all_of(vec![filter]),
        priority: 7,
        ordered: false,
        program,
    });
}

/// Everything that comes by a location has one value to correlate on.
fn alike(plant: &mut Plant) {
    for location in &mut plant.setup.topology.receive_locations {
        let mut context = Context::default();
        context.promote(KEY, Some(Value::Int(1))).expect("a number is short");
        location.context = context;
    }
}

const fn convoy() -> Program {
    let convoy = Convoy { property: KEY, messages: 0, idle: None };
    Program { suspends: false, sends: None, convoy: Some(convoy), answer: None }
}

#[test]
fn a_fault_finds_its_client_where_orchestrations_wait() {
    // R-RR-07, R-ORD-03, INV-26, INV-49: a time-out is meant for its wait, whatever that subscribes
    // to; what running instances subscribe to is asked besides.
    let mut plant = desk(RequestSettings::default(), replying(Duration::from_minutes(21)));
    orchestration(&mut plant, "nobody", convoy());
    let (world, story) = told(&plant);
    assert_eq!(story.count(&["publishes a1, 1 reference"]), 1, "{}", story.text());
    assert_eq!(world.meters().answers.faults, 1);
}

#[test]
fn a_convoy_is_joined_by_whatever_has_its_value() {
    // INV-19, R-SUB-05: the subscription of the running instance is an equality of its own.
    let mut plant = Plant::new(immediate(), PUSH);
    plant.receive_port("Too", ReceivePipeline::pass_through());
    plant.send_port("Out", "In", ASYNC, sink());
    orchestration(&mut plant, "In", convoy());
    alike(&mut plant);
    plant.all_at_once(1).load(ArrivalKind::Replay(vec![ms(10)]), Some(1));
    plant.setup.loads[1].locations = vec![ReceiveLocationId(1)];
    let (_, story) = told(&plant);
    assert_eq!(story.count(&["deletes m2 of Process"]), 1, "{}", story.text());
}

#[test]
fn whoever_waits_in_a_convoy_is_the_convoy() {
    // R-MBX-08, INV-26: an operator terminates the second message of a running instance, and the
    // instance ends with all that waits in it. The next message starts another.
    let mut host = immediate();
    host.orchestration_queue = None;
    let mut plant = Plant::new(host, FOLDER);
    let program = Program { suspends: true, ..convoy() };
    orchestration(&mut plant, "In", program);
    alike(&mut plant);
    plant.load(ArrivalKind::Replay(vec![ms(1), ms(1), ms(1), ms(5000)]), Some(4));
    let mut world = plant.telling();
    world.run_until(ms(3000));
    world.wait_until(ms(3000));
    let instances = world.service_instances();
    assert_eq!(instances.len(), 3, "{instances:?}");
    assert!(matches!(instances[1].id, ServiceInstanceId::Reference(_)));
    assert_eq!(instances[0].status, ServiceStatus::SuspendedResumable);
    assert!(world.operate(instances[1].id, InstanceOperation::Terminate).is_ok());
    assert_eq!(world.service_instances().len(), 0);
    let (mut world, story) = finished(world);
    assert_eq!(story.count(&["suspends m4 of Process", "SuspendShape"]), 1, "{}", story.text());
    assert_eq!(world.resume_orchestration(OrchestrationId(0)), 1);
    let (world, _) = finished(world);
    assert_eq!(world.message_box().reference_counts().total(), 0);
}

#[test]
fn an_answer_that_was_made_in_time_may_come_after_it() {
    // INV-50, R-CLK-02: the engine makes the call at 120 ms, it comes to the adapter at 130 ms, and
    // the request waits until 125 ms.
    let mut plant = desk(RequestSettings::default(), replying(Duration::from_millis(100)));
    let timeout = Duration::from_millis(115);
    let responses = ResponseSettings { timeout, ..ResponseSettings::default() };
    plant.setup.topology.exchanges.hosts = vec![responses];
    plant.setup.calls.to_adapter = Duration::from_millis(10);
    let (world, story) = told(&plant);
    assert_eq!(story.instants(&["IN@H TransmitMessage(m2)"]), [ms(130)], "{}", story.text());
    assert_eq!(world.meters().answers.responses, 1);
}

#[test]
fn an_attempt_that_was_taken_back_before_a_resume_is_not_the_next_one() {
    // INV-34, INV-55: nobody wants the reply, the transaction is aborted, the solicit suspended;
    // resumed it is tried once more.
    let mut plant = Plant::new(immediate(), PUSH);
    plant.send_port("Ask", "In", ASYNC, replying(Duration::ZERO)).retry(0, Duration::ZERO);
    plant.setup.topology.send_ports[0].two_way = true;
    plant.setup.topology.adapters[1].kind = AdapterKind::TransactionalSend(SEND);
    plant.all_at_once(1);
    let (mut world, _) = told(&plant);
    assert_eq!(world.resume(OUT), 1);
    let (_, story) = finished(world);
    assert_eq!(story.count(&["suspends m1 of Ask, resumable, Adapter"]), 2, "{}", story.text());
}

#[test]
fn an_orchestration_that_goes_on_with_an_exchange_may_fail_it() {
    // R-SR-06, INV-26: what it sends carries the client's token, and the partner refuses it.
    let refuses = SinkSettings { failure: Failure::Always, ..replying(Duration::ZERO) };
    let mut plant = desk(RequestSettings::default(), refuses);
    plant.retry(0, Duration::ZERO).setup.topology.send_ports[0].filter = None;
    let sends = Some(SendShape { promotions: Vec::new(), to: Some(OUT) });
    orchestration(&mut plant, "In", Program { sends, ..Program::default() });
    let (world, story) = told(&plant);
    assert_eq!(story.count(&["is the NACK of o"]), 1, "{}", story.text());
    assert_eq!(world.meters().answers.faults, 1);
}

#[test]
fn without_an_enlisted_port_for_errors_messages_are_suspended() {
    // INV-63, R-FMR-06, R-SUB-09: an operator unenlists it.
    let mut plant = Plant::new(immediate(), PUSH);
    plant.error_port(ASYNC).load(ArrivalKind::Replay(vec![ms(1)]), Some(1));
    plant.setup.topology.receive_ports[0].route_failed = true;
    let mut world = plant.telling();
    world.operate_port(OUT, PortOperation::Unenlist).expect("it is enlisted");
    let (world, _) = finished(world);
    assert_eq!(world.message_box().suspended().messages.len(), 1);
}

#[test]
fn a_reply_that_nobody_asked_for_is_suspended_like_any_message() {
    // INV-62, R-SR-07, R-RR-09: it is published, and its subscriber's partner refuses it.
    let mut plant = Plant::new(immediate(), PUSH);
    plant.send_port("Ask", "In", ASYNC, replying(Duration::ZERO));
    plant.setup.topology.send_ports[0].two_way = true;
    let refuses = SinkSettings { failure: Failure::Always, ..sink() };
    plant.send_port("Replies", "In", ASYNC, refuses).retry(0, Duration::ZERO).all_at_once(1);
    let named = Condition::equals(PropertyId::SP_NAME, Value::text("Ask"));
    plant.setup.topology.send_ports[1].filter = Some(Filter::all_of(vec![named]));
    let (_, story) = told(&plant);
    assert_eq!(story.count(&["suspends m2 of Replies, resumable"]), 1, "{}", story.text());
}

#[test]
fn a_response_that_an_operator_takes_away_is_the_end_of_its_request() {
    // INV-49, R-MBX-08: nobody is left to answer the client.
    let mut host = immediate();
    host.poll = Duration::from_secs(1);
    let mut plant = desk(RequestSettings::default(), replying(Duration::ZERO));
    plant.setup.topology.hosts[0].settings = host;
    let mut world = plant.telling();
    while Story::of(&world).count(&["refers m2 to In"]) == 0 {
        assert!(world.step(), "the response is published");
    }
    let instances = world.service_instances();
    let response = instances.last().expect("the response waits").id;
    assert!(world.operate(response, InstanceOperation::Terminate).is_ok(), "{instances:?}");
    let (world, story) = finished(world);
    assert_eq!(story.count(&["terminates m2 of In"]), 1, "{}", story.text());
    assert_eq!(world.meters().answers.responses, 0);
}

/// Goes on from every step of a plant as `on` says, and demands that every promise is kept.
fn sweep(plant: &Plant, on: impl Fn(&mut World)) {
    let mut world = plant.telling();
    loop {
        let mut fork = world.clone();
        on(&mut fork);
        finish_within(&mut fork, 20_000).expect("it comes to an end");
        let text = Story::of(&fork).text();
        assert_eq!(all_kept(&fork.conclude()), Ok(()), "in\n{text}");
        if !world.step() {
            return;
        }
    }
}

const FIRST: HostInstanceId = HostInstanceId(0);

#[test]
fn what_could_not_be_stored_is_not_held_against_its_adapter() {
    // INV-57, R-SHUT-01, R-MMB-06: the MessageBoxes go away and the service stops; an adapter that
    // gave a message back has done what it could.
    for send in [ASYNC, BATCHED] {
        let mut plant = Plant::new(immediate(), PUSH);
        let wire = replying(Duration::from_millis(5)).wire;
        plant.send_port("Out", "In", send, SinkSettings { wire, ..sink() }).boxes(2).all_at_once(2);
        plant.setup.costs.lock_transaction = Duration::from_millis(5);
        plant.setup.life.watched = true;
        sweep(&plant, |world| {
            let away = |world: &mut World, offline| {
                (0..2).for_each(|home| world.set_offline(MessageBoxId(home), offline));
            };
            away(world, true);
            let until = world.now() + Duration::from_millis(20);
            world.run_until(until);
            world.wait_until(until);
            world.stop(FIRST);
            let until = world.now() + Duration::from_secs(1);
            world.run_until(until);
            world.wait_until(until);
            away(world, false);
            world.start(FIRST);
        });
    }
}

#[test]
fn who_is_told_after_the_response_holds_no_thread_until_then() {
    // INV-11, R-CLK-04: five requests are published and wait for their partner, and what may be let
    // in is what has a thread or waits for one.
    let settings =
        RequestSettings { concurrent: 5, batch_messages: 1, ..RequestSettings::default() };
    let mut plant = desk(settings, replying(Duration::from_secs(30)));
    plant.setup.responses = ResponseOrder::BeforeComplete;
    let settings = &mut plant.setup.topology.hosts[0].settings;
    (settings.threads, settings.batch_queue) = (2, 1);
    plant.setup.topology.servers[0].cpus = 1;
    plant.all_at_once(9);
    let mut world = plant.telling();
    world.throttle(HostInstanceId(0), Throttle::publishing(PublishingState::Rate, 0.01));
    let (world, story) = finished(world);
    assert_eq!(world.meters().answers.responses, 10, "{}", story.text());
}

#[test]
fn what_an_orchestration_sent_in_vain_twice_came_from_no_source_either_time() {
    // R-RIP-08, INV-26: the port that o1 is for is not enlisted; resumed, it is suspended again,
    // and the account of what arrived is that of one message still.
    let mut plant = Plant::new(immediate(), FOLDER);
    plant.send_port("Out", "nobody", ASYNC, sink());
    plant.setup.topology.send_ports[0].state = PortState::Bound;
    let mut context = Context::default();
    let asked = PropertyId::SUSPEND_MESSAGE_ON_ROUTING_FAILURE;
    context.write(asked, Some(Value::Bool(true)));
    plant.setup.topology.receive_locations[0].context = context;
    let sends = Some(SendShape { promotions: Vec::new(), to: Some(OUT) });
    orchestration(&mut plant, "In", Program { sends, convoy: None, ..convoy() });
    plant.all_at_once(1);
    let (mut world, story) = told(&plant);
    assert_eq!(story.count(&["suspends o1, resumable, Routing"]), 1, "{}", story.text());
    let instances = world.service_instances();
    assert!(matches!(instances[0].id, ServiceInstanceId::Message(_)), "{instances:?}");
    assert!(world.operate(instances[0].id, InstanceOperation::Resume).is_ok());
    let (world, story) = finished(world);
    assert_eq!(story.count(&["suspends o1, resumable, Routing"]), 2, "{}", story.text());
    let fates = world.fates();
    assert_eq!((fates.intake.arrived, fates.intake.published), (1, 1), "{fates:?}");
    assert!(fates.intake.closes() && fates.deliveries.closes(), "{fates:?}");
}

#[test]
fn a_batch_waits_for_no_response_that_an_operator_took_away() {
    // INV-01, R-CLK-04, R-MBX-08: `BatchComplete` is to come after the response, and there is none.
    let mut plant = desk(RequestSettings::default(), replying(Duration::ZERO));
    plant.setup.topology.hosts[0].settings.poll = Duration::from_secs(1);
    plant.setup.responses = ResponseOrder::BeforeComplete;
    let mut world = until(&plant, "refers m2 to In");
    let response = world.service_instances().last().expect("the response waits").id;
    assert!(world.operate(response, InstanceOperation::Terminate).is_ok());
    let (_, story) = finished(world);
    assert_eq!(story.count(&["IN@H b1: BatchComplete(S_OK"]), 1, "{}", story.text());
}

/// Goes on until a line with these words has been told.
fn until(plant: &Plant, words: &str) -> World {
    let mut world = plant.telling();
    while Story::of(&world).count(&[words]) == 0 {
        assert!(world.step(), "it comes to \"{words}\"");
    }
    world
}

#[test]
fn what_was_suspended_and_comes_again_after_a_crash_arrived_twice() {
    // R-CRASH-03, R-DUP-01: the engine suspends what nobody subscribes to, and dies before its
    // adapter is told.
    let mut plant = Plant::new(immediate(), FOLDER);
    plant.setup.topology.choices.unrouted_suspension = UnroutedSuspension::Engine;
    plant.setup.costs.lock_transaction = Duration::from_millis(1);
    plant.setup.calls.to_adapter = Duration::from_millis(1);
    plant.setup.life.watched = true;
    plant.load(ArrivalKind::Replay(vec![ms(1)]), Some(1));
    let mut world = until(&plant, "suspends m1");
    world.crash(FIRST);
    world.start(FIRST);
    let (world, story) = finished(world);
    assert_eq!(story.count(&["suspends m1"]), 2, "{}", story.text());
    let fates = world.fates();
    assert_eq!((fates.intake.arrived, fates.intake.suspended), (2, 2), "{fates:?}");
    assert!(fates.intake.closes(), "{fates:?}");
}

#[test]
fn orchestrations_pause_until_the_last_turn_in_memory_is_over() {
    // INV-30: nobody subscribes to what the turn sends; from where it failed nothing is in memory
    // for orchestrations, and the second message is looked for before the first is suspended.
    let mut host = immediate();
    host.poll = Duration::ZERO;
    host.orchestration_queue = Some(OrchestrationQueue { pause_at: 1, resume_at: 0 });
    let mut plant = Plant::new(host, PUSH);
    let sends = Some(SendShape { promotions: Vec::new(), to: None });
    orchestration(&mut plant, "In", Program { sends, convoy: None, ..convoy() });
    plant.setup.costs.lock_transaction = Duration::from_micros(1);
    plant.all_at_once(2);
    let (_, story) = told(&plant);
    assert_eq!(story.count(&["suspends m", "Routing"]), 2, "{}", story.text());
}

#[test]
fn tries_that_an_adapter_has_noted_stay_noted_when_its_process_ends() {
    // INV-34, R-CTX-10, R-RETRY-06: one retry and one try more, and the service stops at any step.
    let fails = SinkSettings { failure: Failure::Always, ..sink() };
    let mut plant = Plant::new(immediate(), FOLDER);
    plant.send_port("Out", "In", ASYNC, fails).retry(1, Duration::from_millis(10));
    let topology = &mut plant.setup.topology;
    let more_tries = Some(MoreTries::counted(1, &mut topology.properties));
    let habits = Habits { more_tries, ..Habits::default() };
    topology.habits.push((topology.send_ports[0].primary.adapter, habits));
    plant.setup.costs.lock_transaction = Duration::from_millis(1);
    plant.setup.life.watched = true;
    plant.load(ArrivalKind::Replay(vec![ms(1)]), Some(1));
    sweep(&plant, |world| {
        world.stop(FIRST);
        world.start(FIRST);
    });
    sweep(&plant, |world| {
        world.crash(FIRST);
        world.start(FIRST);
    });
}

#[test]
fn a_fault_that_an_operator_takes_away_is_the_end_of_its_request() {
    // INV-49, R-MBX-08: of a solicit that failed, and in place of a response that is late.
    let refuses = SinkSettings { failure: Failure::Always, ..replying(Duration::ZERO) };
    let mut failing = desk(RequestSettings::default(), refuses);
    failing.retry(0, Duration::ZERO);
    let timeout = Duration::from_millis(150);
    let mut late = desk(RequestSettings::default(), replying(Duration::ZERO));
    late.setup.topology.exchanges.hosts =
        vec![ResponseSettings { timeout, ..ResponseSettings::default() }];
    for mut plant in [failing, late] {
        plant.setup.topology.hosts[0].settings.poll = Duration::from_secs(1);
        let mut world = until(&plant, "refers a1 to In");
        let instances = world.service_instances();
        let fault = instances.last().expect("the fault waits").id;
        assert!(world.operate(fault, InstanceOperation::Terminate).is_ok(), "{instances:?}");
        let (_, story) = finished(world);
        assert_eq!(story.count(&["terminates a1 of In"]), 1, "{}", story.text());
        assert_eq!(story.count(&["IN@H TransmitMessage"]), 0, "{}", story.text());
    }
}

#[test]
fn an_answer_on_its_way_comes_after_a_withdrawal_too() {
    // INV-49, R-RR-11, R-CLK-02: the engine makes the call before the request is withdrawn, and it
    // comes to the adapter after that.
    let cancel_after = Some(Duration::from_millis(15));
    let settings =
        RequestSettings { first_only: false, cancel_after, ..RequestSettings::default() };
    let mut plant = desk(settings, replying(Duration::ZERO));
    plant.setup.topology.exchanges.hosts =
        vec![ResponseSettings { allow_multiple: true, ..ResponseSettings::default() }];
    plant.setup.calls.to_adapter = Duration::from_millis(10);
    let (_, story) = told(&plant);
    story.assert_order(&[&["the wait of m1 is withdrawn"], &["IN@H TransmitMessage(m2)"]]);
}

#[test]
fn a_reply_that_an_orchestration_waits_for_needs_no_report() {
    // INV-22, R-SR-03: its batch fails since nobody wants the other reply.
    let mut plant = Plant::new(immediate(), FOLDER);
    let send =
        SendSettings { completion_batch: 2, completion_wait: Duration::from_millis(2), ..ASYNC };
    plant.send_port("Ask", "In", send, replying(Duration::ZERO));
    plant.setup.topology.send_ports[0].two_way = true;
    let sends = Some(SendShape { promotions: Vec::new(), to: Some(OUT) });
    let answer = Some(AnswerShape { patience: None, sends: None });
    orchestration(&mut plant, "In", Program { sends, answer, convoy: None, ..convoy() });
    plant.load(ArrivalKind::Replay(vec![ms(1)]), Some(1));
    let (_, story) = told(&plant);
    let both = "SubmitResponse(m2), Delete(m1), SubmitResponse(m3), Delete(o";
    assert_eq!(story.count(&[both]), 1, "{}", story.text());
}

#[test]
fn what_was_cleared_is_with_the_engine_when_its_adapter_terminates() {
    // INV-57, R-BSND-04: the first of two messages is thrown, and the service stops at any step.
    let mut plant = Plant::new(immediate(), FOLDER);
    plant.send_port("Out", "In", BATCHED, sink()).retry(0, Duration::ZERO);
    let topology = &mut plant.setup.topology;
    let throws = Throws { call: ThrowingCall::TransmitMessage, which: Which::First(1) };
    let habits = Habits { throws: Some(throws), ..Habits::default() };
    topology.habits.push((topology.send_ports[0].primary.adapter, habits));
    plant.setup.calls.to_engine = Duration::from_millis(2);
    plant.setup.life.watched = true;
    plant.load(ArrivalKind::Replay(vec![ms(1), ms(1)]), Some(2));
    sweep(&plant, |world| {
        world.stop(FIRST);
        let until = world.now() + Duration::from_secs(1);
        world.run_until(until);
        world.wait_until(until);
        world.start(FIRST);
    });
}

#[test]
fn a_database_that_is_away_for_no_time_is_there_again() {
    // Whatever the order of what happens at one instant.
    for seed in 0..8 {
        let mut plant = Plant::new(immediate(), PUSH);
        plant.send_port("Out", "In", ASYNC, sink());
        plant.load(ArrivalKind::Replay(vec![ms(2)]), Some(1));
        (plant.setup.shuffle_ties, plant.setup.seed) = (true, seed);
        plant.setup.life.watched = true;
        plant.setup.faults = vec![Fault::DatabaseOffline { at: ms(1), lasts: Duration::ZERO }];
        let (_, story) = told(&plant);
        assert_eq!(story.count(&["deletes m1 of Out"]), 1, "{}", story.text());
    }
}

#[test]
fn whoever_waits_hears_at_once_that_nobody_answers_to_an_address() {
    // INV-64, INV-49, R-DYN-02, R-RR-08: the look that finds it so is a transaction of its own.
    let mut plant = desk(RequestSettings::default(), replying(Duration::ZERO));
    plant.dynamic(ASYNC);
    let (world, story) = told(&plant);
    let suspended = story.instants(&["suspends m1 of Ask, non-resumable, Unaddressed"]);
    assert_eq!(story.instants(&["a1 is the NACK of m1"]), suspended, "{}", story.text());
    assert_eq!(world.meters().answers.faults, 1);
    assert!(story.instants(&["IN@H TransmitMessage(a1)"])[0] < ms(1000), "{}", story.text());
}

#[test]
fn a_partner_that_only_a_message_names_replies_as_well() {
    // R-DYN-01, R-SR-02, R-RR-04: the client of the request gets the reply.
    let mut plant = desk(RequestSettings::default(), replying(Duration::ZERO));
    plant.dynamic(ASYNC);
    let to = Outbound { location: "FILE://a".to_owned(), transport_type: None };
    plant.setup.loads[0].outbound = vec![to];
    let (world, story) = told(&plant);
    assert_eq!(story.count(&["the partner replies to m1 with m2"]), 1, "{}", story.text());
    assert_eq!(world.meters().answers.responses, 1);
}

#[test]
fn an_instance_that_cannot_be_stored_is_not_tried_again_at_once() {
    // R-MBX-06, R-MMB-06: one of two MessageBoxes is away when an orchestration is to be
    // dehydrated, and the world goes on.
    let mut host = immediate();
    let second = Duration::from_secs(1);
    host.dehydration = Some(DehydrationSettings {
        min: second,
        max: second,
        virtual_bytes: None,
        ..DehydrationSettings::dashboard(1, 1)
    });
    let mut plant = Plant::new(host, PUSH);
    plant.send_port("Ask", "nobody", ASYNC, replying(Duration::from_secs(60)));
    plant.setup.topology.send_ports[0].two_way = true;
    let sends = Some(SendShape { promotions: Vec::new(), to: Some(OUT) });
    let answer = Some(AnswerShape { patience: None, sends: None });
    orchestration(&mut plant, "In", Program { sends, answer, convoy: None, ..convoy() });
    plant.boxes(2).all_at_once(2);
    let mut world = until(&plant, "refers o");
    world.run_until(ms(100));
    world.wait_until(ms(100));
    for home in [0, 1] {
        world.set_offline(MessageBoxId(home), true);
    }
    let mut steps = 10_000;
    world.run_until_or(ms(30_000), &mut steps);
    assert!(steps > 9000, "{steps} steps are left");
    world.wait_until(ms(30_000));
    for home in [0, 1] {
        world.set_offline(MessageBoxId(home), false);
    }
    finished(world);
}

#[test]
fn who_stops_lets_in_the_replies_that_throttling_held() {
    // INV-11, R-SR-04, R-SHUT-01: six replies come at once, and two may be let in; `Terminate`
    // waits for all.
    let mut plant = Plant::new(immediate(), PUSH);
    let settings = &mut plant.setup.topology.hosts[0].settings;
    (settings.threads, settings.batch_queue) = (1, 1);
    plant.setup.topology.servers[0].cpus = 1;
    plant.send_port("Ask", "In", ASYNC, replying(Duration::from_secs(1)));
    plant.setup.topology.send_ports[0].two_way = true;
    plant.setup.life.watched = true;
    plant.all_at_once(6);
    let mut world = plant.telling();
    world.run_until(ms(500));
    let publishing_delay = Duration::from_secs(1);
    world.throttle(FIRST, Throttle { publishing_delay, ..Throttle::default() });
    world.run_until(ms(1500));
    world.wait_until(ms(1500));
    let returned = |world: &World| Story::of(world).count(&["OUT1@H b", "Done returns"]);
    assert_eq!(returned(&world), 2, "{}", Story::of(&world).text());
    world.stop(FIRST);
    assert!(world.run_until_or(ms(1501), &mut 1000));
    assert_eq!(returned(&world), 6, "{}", Story::of(&world).text());
    finished(world);
}
