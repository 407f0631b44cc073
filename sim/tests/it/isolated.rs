//! Isolated hosts: adapters in processes that are not the engine's; and what any receive adapter
//! is, wherever it lives.

use floodgate_engine::adapter::{
    Adapter, AdapterInput, AnyAdapter, Isolated, IsolatedInput, Receiver,
};
use floodgate_engine::config::{
    AdapterKind, Host, HostInstanceConfig, ReceiveSettings, RequestSettings,
};
use floodgate_engine::exchange::ResponseSettings;
use floodgate_engine::host::LocationAct;
use floodgate_engine::id::{AdapterId, HostId, HostInstanceId, ReceiveLocationId, ServerId};
use floodgate_engine::time::{Duration, Instant};
use floodgate_engine::transport_proxy::TransportProxy;
use floodgate_sim::cost::Costs;
use floodgate_sim::load::ArrivalKind;
use floodgate_sim::setup::Fault;
use floodgate_sim::world::World;

use crate::fixture::{
    ASYNC, FOLDER, PUSH, Plant, Story, assert_all_kept, finish, immediate, ms, sink,
};
use crate::golden_two_way::{desk, replying};
use crate::transactional::mq;

const IN_ADAPTER: AdapterId = AdapterId(0);
const IN: ReceiveLocationId = ReceiveLocationId(0);
const WEB: HostInstanceId = HostInstanceId(1);

/// Moves the receive location into an isolated host of its own.
fn isolate(plant: &mut Plant) {
    let topology = &mut plant.setup.topology;
    let settings = immediate();
    topology.hosts.push(Host { name: "Web".to_owned(), settings, properties: Vec::new() });
    topology.host_instances.push(HostInstanceConfig { host: HostId(1), server: ServerId(0) });
    topology.receive_locations[0].host = HostId(1);
    let isolated = ResponseSettings { isolated: true, ..ResponseSettings::default() };
    topology.exchanges.hosts = vec![ResponseSettings::default(), isolated];
    plant.setup.life.watched = true;
}

/// One message at the start and one at ten seconds, received by an isolated host.
fn plant() -> Plant {
    let mut plant = Plant::new(immediate(), PUSH);
    plant.send_port("Out", "In", ASYNC, sink());
    plant.load(ArrivalKind::Replay(vec![ms(1), ms(10_000)]), Some(2));
    isolate(&mut plant);
    plant
}

fn finished(mut world: World) -> (World, Story) {
    finish(&mut world);
    assert_eq!(world.checks().violations(), [], "a promise was broken");
    assert_all_kept(&world.clone().conclude());
    let story = Story::of(&world);
    (world, story)
}

#[test]
fn an_isolated_adapter_registers_before_it_submits_and_ends_by_itself() {
    // R-LIFE-11: the engine neither makes it nor ends it.
    let mut plant = plant();
    plant.setup.faults = vec![Fault::HostStop { instance: WEB, at: ms(5000), lasts: None }];
    let (world, story) = finished(plant.telling());
    story.assert_order(&[
        &["IN@Web ProcessStarts(In)"],
        &["A>E  IN@Web RegisterIsolatedReceiver(In)"],
        &["IN@Web Registered(In)"],
        &["IN@Web Load"],
        &["IN@Web AddReceiveEndpoint(In)"],
        &["Submit(m1) ; Done"],
        &["IN@Web ProcessEnds"],
        &["A>E  IN@Web TerminateIsolatedReceiver"],
        &["instance1 has stopped"],
    ]);
    assert_eq!(story.count(&["IN@Web Initialize"]) + story.count(&["IN@Web Terminate\n"]), 0);
    assert_eq!(story.count(&["IN@Web Terminate"]), 1, "TerminateIsolatedReceiver alone");
    assert_eq!(world.meters().processed, 1, "m2 came when nobody listened");
}

#[test]
fn only_a_location_that_is_enabled_can_be_registered() {
    // R-LIFE-11.
    let mut plant = plant();
    plant.setup.topology.receive_locations[0].enabled = false;
    let mut world = plant.telling();
    finish(&mut world);
    let story = Story::of(&world);
    story.assert_order(&[&["RegisterIsolatedReceiver(In)"], &["RegisterFailed(In)"]]);
    assert_eq!(story.count(&["IN@Web Load"]) + story.count(&["Submit("]), 0);
    world.act_on_location(IN, LocationAct::Enable);
    let (world, story) = finished(world);
    assert_eq!(story.count(&["IN@Web Registered(In)"]), 1);
    assert_eq!(world.meters().processed, 2);
}

/// What an adapter does that does not keep to the order of calls.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Bad {
    /// Submits without having registered.
    NeverRegisters,
    /// Does not say that it has ended.
    NeverTerminates,
}

#[derive(Clone, Debug)]
struct Careless {
    inner: Isolated,
    bad: Bad,
}

impl Careless {
    fn new(bad: Bad) -> Self {
        let inner = AnyAdapter::Receiver(Receiver::new(PUSH));
        Self { inner: Isolated::new(inner), bad }
    }
}

impl Adapter for Careless {
    fn handle_input(&mut self, now: Instant, input: AdapterInput, proxy: &mut TransportProxy) {
        let input = match (input, self.bad) {
            (
                AdapterInput::Isolated(IsolatedInput::ProcessStarts { location }),
                Bad::NeverRegisters,
            ) => AdapterInput::AddReceiveEndpoint {
                location,
                endpoint: floodgate_engine::id::EndpointId(0),
                two_way: false,
            },
            (AdapterInput::Isolated(IsolatedInput::ProcessEnds), Bad::NeverTerminates) => return,
            (input, _) => input,
        };
        self.inner.handle_input(now, input, proxy);
    }
}

#[test]
fn nothing_is_taken_from_an_adapter_that_has_not_registered() {
    // R-LIFE-11, R-LIFE-06.
    let mut world = plant().telling();
    world.replace_adapter(IN_ADAPTER, &Careless::new(Bad::NeverRegisters));
    world.run_until(ms(5000));
    let story = Story::of(&world);
    assert_eq!(story.count(&["{Submit,URL_DISALLOWED,1,[URL_DISALLOWED]}"]), 1, "{}", story.text());
    assert_eq!((world.meters().processed, story.count(&["publishes"])), (0, 0));
}

#[test]
fn a_process_hangs_whose_adapter_does_not_end() {
    // R-LIFE-11.
    let mut plant = plant();
    plant.setup.faults = vec![Fault::HostStop { instance: WEB, at: ms(5000), lasts: None }];
    let mut world = plant.telling();
    world.replace_adapter(IN_ADAPTER, &Careless::new(Bad::NeverTerminates));
    world.run_until(Instant::ZERO + Duration::from_minutes(600));
    let story = Story::of(&world);
    assert_eq!(story.count(&["IN@Web ProcessEnds"]), 1);
    assert_eq!(story.count(&["has stopped"]), 0);
}

#[test]
#[should_panic(expected = "isolated hosts only receive")]
fn there_are_no_isolated_senders() {
    // R-LIFE-11, R-HOST-01.
    let mut plant = plant();
    plant.setup.topology.send_ports[0].primary.host = HostId(1);
    let _ = plant.telling();
}

#[test]
fn an_isolated_process_that_dies_registers_anew() {
    // R-LIFE-11, R-CRASH-03: its registration went with it.
    let mut plant = plant();
    let lasts = Some(Duration::from_secs(1));
    plant.setup.faults = vec![Fault::HostCrash { instance: WEB, at: ms(5000), lasts }];
    let (world, story) = finished(plant.telling());
    assert_eq!(story.count(&["A>E  IN@Web RegisterIsolatedReceiver(In)"]), 2);
    assert_eq!(world.meters().processed, 2);
}

#[test]
fn requests_are_answered_from_an_isolated_host() {
    // R-LIFE-11, R-RR-04: in the process that has the client.
    let mut plant = desk(RequestSettings::default(), replying(Duration::from_secs(1)));
    isolate(&mut plant);
    let (world, story) = finished(plant.telling());
    story.assert_order(&[
        &["IN@Web Registered(In)"],
        &["IN@Web b1: SubmitRequest(m1) ; Done"],
        &["IN@Web TransmitMessage(m2)"],
        &["answers the client of m1: 200 with m2"],
    ]);
    assert_eq!(world.meters().answers.responses, 1);
}

/// An adapter that takes an hour over everything it is told of its own life.
#[derive(Clone, Debug)]
struct Ponderous {
    inner: Receiver,
    kept: Vec<AdapterInput>,
}

const READY: u64 = 77;

impl Adapter for Ponderous {
    fn handle_input(&mut self, now: Instant, input: AdapterInput, proxy: &mut TransportProxy) {
        match input {
            AdapterInput::Initialize
            | AdapterInput::Load
            | AdapterInput::AddReceiveEndpoint { .. } => {
                self.kept.push(input);
                proxy.wake(now + Duration::from_minutes(60), READY);
            }
            AdapterInput::Wake { token: READY } => {
                let kept = self.kept.remove(0);
                self.inner.handle_input(now, kept, proxy);
            }
            other => self.inner.handle_input(now, other, proxy),
        }
    }
}

#[test]
fn the_engine_does_not_wait_for_an_adapter_that_is_made() {
    // R-LIFE-09: the same host instance goes on with another adapter, and with its own deliveries.
    let mut plant = Plant::new(immediate(), PUSH);
    plant.receive_port("Other", floodgate_engine::pipeline::ReceivePipeline::pass_through());
    let topology = &mut plant.setup.topology;
    let name = "SLOW".to_owned();
    let kind = AdapterKind::Receive(PUSH);
    topology.adapters.push(floodgate_engine::config::AdapterConfig { name, kind });
    topology.receive_locations[1].adapter = AdapterId(1);
    plant.send_port("Out", "In", ASYNC, sink()).send_port("Late", "Other", ASYNC, sink());
    plant.load(ArrivalKind::Replay(vec![ms(1)]), Some(1));
    plant.load(ArrivalKind::Replay(vec![ms(1)]), Some(1));
    plant.setup.loads[1].locations = vec![ReceiveLocationId(1)];
    let mut world = plant.telling();
    world.replace_adapter(AdapterId(1), &Ponderous { inner: Receiver::new(PUSH), kept: vec![] });
    let (world, story) = finished(world);
    assert_eq!(story.instants(&["wire ok", "by Out"]), [ms(1)], "{}", story.text());
    assert_eq!(story.instants(&["wire ok", "by Late"]), [ms(3_600_000)]);
    assert_eq!(world.meters().processed, 2);
}

#[test]
fn every_receive_adapter_submits_in_batches_and_waits_for_none() {
    // R-LIFE-12: several messages a batch, and another batch before the first is complete.
    let receive = ReceiveSettings { batch_messages: 2, batches: 2, ..FOLDER };
    let request = RequestSettings { batch_messages: 2, ..RequestSettings::default() };
    let reading = floodgate_engine::config::TransactionalReceiveSettings {
        batch_messages: 2,
        transactions: 2,
        ..mq()
    };
    for kind in [
        AdapterKind::Receive(ReceiveSettings { notify: true, poll: None, ..receive }),
        AdapterKind::Request(request),
        AdapterKind::TransactionalReceive(reading),
    ] {
        let mut plant = match kind {
            AdapterKind::Request(settings) => desk(settings, replying(Duration::ZERO)),
            AdapterKind::Receive(_)
            | AdapterKind::Send(_)
            | AdapterKind::TransactionalReceive(_)
            | AdapterKind::TransactionalSend(_) => {
                let mut plant = Plant::new(immediate(), PUSH);
                plant.setup.topology.adapters[0].kind = kind;
                plant.send_port("Out", "In", ASYNC, sink());
                plant.load(ArrivalKind::Replay(Vec::new()), Some(4));
                plant
            }
        };
        plant.setup.loads[0].arrivals = ArrivalKind::Replay(vec![ms(1); 4]);
        plant.setup.loads[0].count = Some(4);
        let lock_transaction = Duration::from_millis(10);
        plant.setup.costs = Costs { lock_transaction, ..Costs::default() };
        let mut world = plant.telling();
        finish(&mut world);
        let story = Story::of(&world);
        let posted = story.instants(&["A>E  IN@H", "Submit", "m1", "m2", "Done"]);
        let again = story.instants(&["A>E  IN@H", "Submit", "m3", "m4", "Done"]);
        let complete = story.instants(&["E>A  IN@H b1: BatchComplete"]);
        assert_eq!((posted.len(), again.len(), complete.len()), (1, 1, 1), "{}", story.text());
        assert!(again[0] < complete[0], "{kind:?}");
        assert_all_kept(&world.conclude());
    }
}
