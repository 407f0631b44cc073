//! Two-way exchanges as a property: whatever is late, withdrawn, lost or killed, every request
//! comes to one end. And what belongs to exchanges besides their golden sequences.

use floodgate_engine::adapter::{Adapter, AdapterInput, WireResult};
use floodgate_engine::config::{
    AdapterKind, RequestSettings, SendSettings, TransactionBegins, TransactionalSendSettings,
};
use floodgate_engine::exchange::{LateResponses, ResponseSettings};
use floodgate_engine::id::{AdapterId, HostInstanceId, SendPortId};
use floodgate_engine::message::{Defect, PropertyId, Value, WireMessage};
use floodgate_engine::pipeline::{ReceivePipeline, Stage};
use floodgate_engine::retry::RetryPolicy;
use floodgate_engine::sabotage::Sabotage;
use floodgate_engine::subscription::{Condition, Filter, PortState};
use floodgate_engine::time::Duration;
use floodgate_engine::transport_proxy::TransportProxy;
use floodgate_sim::dist::Dist;
use floodgate_sim::load::ArrivalKind;
use floodgate_sim::setup::{
    EndpointSettings, Failure, Fault, Poison, Reply, ResponseOrder, SinkSettings,
};
use floodgate_sim::world::World;
use proptest::prelude::*;

use crate::fixture::{
    ASYNC, BATCHED, BLOCKING, BLOCKING_BATCHED, PUSH, Plant, Story, Verdict, all_kept,
    assert_all_kept, demand, demand_eq, finish, finish_within, holds, immediate, ms, notices, sink,
};
use crate::golden_two_way::{desk, replying};
use crate::retry::done_orders;

/// Clients, one or two partners, and what goes wrong between them.
#[derive(Clone, Debug)]
struct Case {
    settings: RequestSettings,
    responses: ResponseSettings,
    late: LateResponses,
    partners: Vec<SinkSettings>,
    retries: u32,
    arrivals: Vec<u64>,
    patience: Option<Duration>,
    poison: Option<u64>,
    lock: u64,
    instances: u32,
    faults: Vec<(bool, u32, u64, u64)>,
    undone: (bool, bool),
    order: ResponseOrder,
    done: floodgate_sim::setup::DoneOrder,
    shuffle_ties: bool,
    seed: u64,
    /// How each partner is asked.
    send: SendSettings,
}

pub(crate) fn some_millis(most: u64) -> impl Strategy<Value = Option<Duration>> {
    prop::option::of((1..=most).prop_map(Duration::from_millis))
}

pub(crate) fn requests() -> impl Strategy<Value = RequestSettings> {
    (1..4_u32, 1..6_u32, some_millis(3000), any::<[bool; 3]>(), some_millis(2000)).prop_map(
        |(batch_messages, concurrent, timeout, [first_only, blocking, suspend_failed], leaves)| {
            RequestSettings {
                batch_messages,
                concurrent,
                threads_per_cpu: 1 + concurrent % 3,
                timeout,
                // Who waits for several answers has to know for how long.
                first_only: first_only || timeout.is_none(),
                blocking,
                suspend_failed,
                cancel_after: leaves,
            }
        },
    )
}

fn partners() -> impl Strategy<Value = Vec<SinkSettings>> {
    let failure = prop_oneof![
        2 => Just(Failure::Never),
        1 => Just(Failure::Always),
        2 => (1..600_u32).prop_map(Failure::PerMille),
    ];
    let partner =
        (0..3000_u64, failure, prop::bool::weighted(0.9)).prop_map(|(takes, failure, replies)| {
            let reply = Reply { bytes: 100, document_type: "Reply".to_owned(), defect: None };
            let wire = Dist::Exponential { mean: Duration::from_millis(takes) };
            SinkSettings { wire, failure, reply: replies.then_some(reply), ..sink() }
        });
    prop::collection::vec(partner, 1..3)
}

fn cases() -> impl Strategy<Value = Case> {
    let responses = (1..4000_u64, any::<bool>()).prop_map(|(timeout, allow_multiple)| {
        let timeout = Duration::from_millis(timeout);
        ResponseSettings { timeout, allow_multiple, ..ResponseSettings::default() }
    });
    let late = prop_oneof![Just(LateResponses::Refuse), Just(LateResponses::Suspend)];
    let orders = prop_oneof![
        Just(ResponseOrder::AfterComplete),
        Just(ResponseOrder::BeforeComplete),
        Just(ResponseOrder::BeforeReturn),
        Just(ResponseOrder::Drawn),
    ];
    let faults = prop_oneof![
        2 => Just(Vec::new()),
        1 => prop::collection::vec((any::<bool>(), 0..3_u32, 0..4000_u64, 1..3000_u64), 1..3),
    ];
    let wrong =
        (some_millis(2000), prop::option::of(1..5_u64), 0..40_u64, faults, any::<(bool, bool)>());
    let arrivals = prop::collection::vec(0..3000_u64, 1..12);
    let plant = (requests(), responses, late, partners(), 0..3_u32, arrivals);
    let sends = prop_oneof![Just(ASYNC), Just(BLOCKING), Just(BATCHED), Just(BLOCKING_BATCHED)];
    let schedule = (1..4_u32, orders, done_orders(), any::<bool>(), any::<u64>());
    (plant, wrong, schedule, sends).prop_map(|(plant, wrong, schedule, send)| {
        let (settings, responses, late, partners, retries, mut arrivals) = plant;
        let (patience, poison, lock, faults, undone) = wrong;
        let (instances, order, done, shuffle_ties, seed) = schedule;
        arrivals.sort_unstable();
        Case {
            settings,
            responses,
            late,
            partners,
            retries,
            arrivals,
            patience,
            poison,
            lock,
            instances,
            faults,
            undone,
            order,
            done,
            shuffle_ties,
            seed,
            send,
        }
    })
}

fn plant(case: &Case) -> Plant {
    let mut plant = desk(case.settings, case.partners[0].clone());
    if let Some(second) = case.partners.get(1) {
        plant.send_port("Too", "In", ASYNC, second.clone());
        plant.setup.topology.send_ports[1].two_way = true;
    }
    for port in 0..case.partners.len() {
        let adapter = plant.setup.topology.send_ports[port].primary.adapter;
        plant.setup.topology.adapters[adapter.index()].kind = AdapterKind::Send(case.send);
    }
    let retry = RetryPolicy { count: case.retries, interval: Duration::from_millis(500) };
    plant.instances(case.instances);
    let topology = &mut plant.setup.topology;
    topology.send_ports.iter_mut().for_each(|port| port.primary.retry = retry);
    topology.exchanges.hosts = vec![case.responses];
    topology.exchanges.late = case.late;
    plant.setup.loads.clear();
    let arrivals: Vec<_> = case.arrivals.iter().map(|at| ms(*at)).collect();
    let count = arrivals.len() as u64;
    plant.load(ArrivalKind::Replay(arrivals), Some(count));
    if let Some(every) = case.poison {
        plant.setup.topology.receive_locations[0].pipeline = ReceivePipeline::xml();
        let defect = Defect::at(Stage::Disassemble, 1);
        plant.setup.loads[0].poison = Some(Poison { every, defect });
    }
    let setup = &mut plant.setup;
    let wire = Dist::Exponential { mean: Duration::from_millis(20) };
    setup.endpoints[0] = EndpointSettings::Clients { wire, patience: case.patience };
    setup.costs.lock_transaction = Duration::from_millis(case.lock);
    setup.faults = case.faults.iter().map(|fault| fault_of(case, *fault)).collect();
    (setup.life.transactions_commit, setup.life.wires_arrive) = case.undone;
    (setup.responses, setup.done) = (case.order, case.done);
    (setup.shuffle_ties, setup.seed) = (case.shuffle_ties, case.seed);
    plant
}

fn fault_of(case: &Case, (dies, instance, at, lasts): (bool, u32, u64, u64)) -> Fault {
    let (instance, at) = (HostInstanceId(instance % case.instances), ms(at));
    let lasts = Some(Duration::from_millis(lasts));
    if dies {
        Fault::HostCrash { instance, at, lasts }
    } else {
        Fault::HostStop { instance, at, lasts }
    }
}

fn run(case: &Case, tells: bool, sabotage: Option<Sabotage>) -> (World, Verdict) {
    let mut world = World::new(&plant(case).setup);
    if tells {
        world.tell();
    }
    if let Some(sabotage) = sabotage {
        world.sabotage(sabotage);
    }
    let verdict = finish_within(&mut world, 300_000).and_then(|()| {
        let (left, waits) =
            (world.message_box().reference_counts(), world.message_box().open_waits_count());
        let outcome = world.clone().conclude();
        all_kept(&outcome)?;
        demand(outcome.quiescent, || "something is left to do".to_owned())?;
        demand_eq(waits, 0, "waits that are open at the end (INV-26)")?;
        demand_eq(left.work + left.locked, 0, "references that nobody has finished")?;
        let answers = outcome.meters.answers;
        let first_only = case.settings.first_only || !case.responses.allow_multiple;
        let told = answers.responses + answers.failed;
        let clients = case.arrivals.len() as u64;
        demand(!first_only || told <= clients, || {
            format!("{clients} clients were told {told} times (INV-49): {answers:?}")
        })
    });
    (world, verdict)
}

/// A failing case is run again to tell its story.
fn judged(case: &Case, sabotage: Option<Sabotage>) -> Verdict {
    let (_, verdict) = run(case, false, sabotage);
    verdict.map_err(|what| format!("{what}\n{}", Story::of(&run(case, true, sabotage).0).text()))
}

#[test]
fn every_request_comes_to_one_end() {
    // INV-26, INV-41, INV-49, INV-50, INV-51, INV-62, INV-64; R-RR-07, R-RR-10, R-RR-11, R-RR-12,
    // R-RR-15, R-CLK-04, R-CLK-16, R-SR-04.
    holds(3000, "proptest-regressions/exchanges.txt", &cases(), |case| judged(case, None));
}

#[test]
fn a_wait_that_outlives_its_response_is_noticed() {
    let told = notices(100, &cases(), |case| judged(case, Some(Sabotage::KeepAnsweredWaits)));
    assert!(told.contains("INV-26"), "{told}");
}

#[test]
fn a_second_fault_is_noticed() {
    let told = notices(200, &cases(), |case| judged(case, Some(Sabotage::FaultTwice)));
    assert!(told.contains("INV-64") || told.contains("INV-49"), "{told}");
}

#[test]
fn a_resumable_part_of_an_exchange_is_noticed() {
    let sabotage = Sabotage::SuspendTwoWayResumable;
    let told = notices(300, &cases(), |case| judged(case, Some(sabotage)));
    assert!(told.contains("INV-62"), "{told}");
}

fn told(world: &mut World) -> Story {
    finish(world);
    let story = Story::of(world);
    assert_eq!(world.checks().violations(), [], "in\n{}", story.text());
    assert_all_kept(&world.clone().conclude());
    story
}

/// A port that takes every acknowledgement.
fn acknowledgements(plant: &mut Plant) {
    plant.send_port("Acks", "Nowhere", ASYNC, sink());
    let filter = Condition::equals(PropertyId::ACK_TYPE, Value::text("ACK"));
    let ports = &mut plant.setup.topology.send_ports;
    ports.last_mut().expect("it was added just now").filter = Some(Filter::all_of(vec![filter]));
    plant.load(ArrivalKind::Replay(vec![ms(1)]), Some(1));
}

#[test]
fn a_group_of_three_ports_brings_three_acknowledgements() {
    // R-ACK-05: one logical send.
    let mut plant = Plant::new(immediate(), PUSH);
    for name in ["A", "B", "C"] {
        plant.send_port(name, "Nowhere", ASYNC, sink());
    }
    plant.group("All", "In", PortState::Started);
    plant.setup.topology.exchanges.notify_delivery = (0..3).map(SendPortId).collect();
    acknowledgements(&mut plant);
    let story = told(&mut plant.telling());
    assert_eq!(story.count(&["is the ACK of m1"]), 3, "{}", story.text());
    assert_eq!(story.count(&["deletes a", "of Acks"]), 3);
}

/// Addresses every message that its adapter fetches.
#[derive(Clone, Debug)]
struct Addressing(floodgate_engine::adapter::Receiver);

impl Adapter for Addressing {
    fn handle_input(
        &mut self,
        now: floodgate_engine::time::Instant,
        mut input: AdapterInput,
        proxy: &mut TransportProxy,
    ) {
        if let AdapterInput::WireDone { result: WireResult::Fetched { messages, .. }, .. } =
            &mut input
        {
            let address = |wire: &mut WireMessage| {
                let to = Value::text("FILE://there");
                wire.context.write(PropertyId::OUTBOUND_TRANSPORT_LOCATION, Some(to));
            };
            messages.iter_mut().for_each(address);
        }
        self.0.handle_input(now, input, proxy);
    }
}

#[test]
fn a_dynamic_port_notifies_only_if_it_was_set_to() {
    // R-ACK-06: nothing that a message says of its address changes it.
    for notifies in [false, true] {
        let mut plant = Plant::new(immediate(), PUSH);
        plant.send_port("Out", "In", ASYNC, sink()).dynamic(BATCHED);
        if notifies {
            plant.setup.topology.exchanges.notify_delivery = vec![SendPortId(0)];
        }
        acknowledgements(&mut plant);
        let mut world = plant.telling();
        let receiver = floodgate_engine::adapter::Receiver::new(PUSH);
        world.replace_adapter(AdapterId(0), &Addressing(receiver));
        let story = told(&mut world);
        assert_eq!(story.count(&["m1 by Out", "wire ok"]), 1, "{}", story.text());
        assert_eq!(story.count(&["is the ACK of m1"]), usize::from(notifies));
    }
}

#[test]
fn transmission_reply_and_deletion_may_be_one_transaction() {
    // R-TXN-11, INV-41, INV-10: nothing of them shows before the commit.
    let reply = Reply { bytes: 100, document_type: "Reply".to_owned(), defect: None };
    let partner = SinkSettings { reply: Some(reply), ..sink() };
    let mut plant = desk(RequestSettings::default(), partner);
    let send =
        TransactionalSendSettings { batch: 1, workers: 1, begins: TransactionBegins::AtTransmit };
    let adapter = plant.setup.topology.send_ports[0].primary.adapter;
    plant.setup.topology.adapters[adapter.index()].kind = AdapterKind::TransactionalSend(send);
    plant.setup.coordination.prepare = Duration::from_millis(100);
    plant.setup.coordination.commit = Duration::from_millis(50);
    let mut world = plant.telling();
    let story = told(&mut world);
    let replied = story.instants(&["the partner replies to m1"]);
    let shown = [replied[0] + Duration::from_millis(150)];
    for line in ["publishes m2", "deletes m1 of Ask", "answers the client of m1: 200"] {
        assert_eq!(story.instants(&[line]), shown, "{line} in\n{}", story.text());
    }
    assert_eq!(story.count(&["SubmitResponse(m2), Delete(m1)"]), 1);
}

#[test]
fn a_response_that_was_taken_with_true_is_deleted_by_the_engine() {
    // R-RR-06: with `true` the adapter posts nothing for it, with `false` it posts the deletion.
    for (blocking, posted) in [(true, 0), (false, 1)] {
        let settings = RequestSettings { blocking, ..RequestSettings::default() };
        let mut world = desk(settings, replying(Duration::from_millis(100))).telling();
        finish(&mut world);
        let story = Story::of(&world);
        story.assert_order(&[
            &["IN@H TransmitMessage(m2)"],
            &["answers the client of m1: 200 with m2"],
            &["deletes m2 of In"],
        ]);
        assert_eq!(story.count(&["IN@H", "Delete(m2) ; Done"]), posted, "{}", story.text());
        assert_eq!((world.meters().answers.responses, world.backlog()), (1, 0));
        assert_all_kept(&world.conclude());
    }
}
