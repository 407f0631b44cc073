//! Golden sequences of life and death (GS-15, GS-16), and what locations, windows, clocks and the
//! database do to what is under way.

use floodgate_engine::adapter::{Adapter, AdapterInput, Receiver, Sender};
use floodgate_engine::config::{
    Capabilities, FAULT_RETRY_INTERVAL, Host, HostInstanceConfig, HostSettings, ReceiveSettings,
    Server, TransportWindow,
};
use floodgate_engine::host::LocationAct;
use floodgate_engine::id::{
    AdapterId, HostId, HostInstanceId, ReceiveLocationId, SendPortId, ServerId,
};
use floodgate_engine::pipeline::ReceivePipeline;
use floodgate_engine::schedule::{Schedule, Window};
use floodgate_engine::time::{Duration, Instant};
use floodgate_engine::transport_proxy::TransportProxy;
use floodgate_sim::cost::Costs;
use floodgate_sim::dist::Dist;
use floodgate_sim::load::ArrivalKind;
use floodgate_sim::setup::{Discipline, Failure, Fault, SinkSettings};
use floodgate_sim::world::World;
use insta::assert_snapshot;

use crate::fixture::{
    ASYNC, BLOCKING, FOLDER, PUSH, Plant, Story, assert_all_kept, finish, immediate, ms, sink,
};
use crate::transactional::{SEND, sending};

const FIRST: HostInstanceId = HostInstanceId(0);
const IN_ADAPTER: AdapterId = AdapterId(0);
const OUT_ADAPTER: AdapterId = AdapterId(1);
const IN: ReceiveLocationId = ReceiveLocationId(0);
const OUT: SendPortId = SendPortId(0);

fn at(secs: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(secs)
}

fn hours(count: u64) -> Duration {
    Duration::from_minutes(60 * count)
}

/// A partner's end that takes its time.
fn slow(secs: u64) -> SinkSettings {
    SinkSettings { wire: Dist::Constant(Duration::from_secs(secs)), ..sink() }
}

/// One send port behind one receive port, messages at these seconds, life watched.
fn plant(receive: ReceiveSettings, sink: SinkSettings, arrivals: &[u64]) -> Plant {
    let mut plant = Plant::new(immediate(), receive);
    plant.send_port("Out", "In", ASYNC, sink);
    let count = arrivals.len() as u64;
    let arrivals = arrivals.iter().map(|secs| at(*secs)).collect();
    plant.load(ArrivalKind::Replay(arrivals), Some(count));
    plant.setup.life.watched = true;
    plant
}

/// Runs a world to its end; every check must be content.
fn finished(mut world: World) -> (World, Story) {
    finish(&mut world);
    assert_eq!(world.checks().violations(), [], "a promise was broken");
    assert_all_kept(&world.clone().conclude());
    let story = Story::of(&world);
    (world, story)
}

fn run(plant: &Plant) -> (World, Story) {
    finished(plant.telling())
}

/// Nothing is left in the MessageBox.
#[track_caller]
fn assert_empty(world: &World) {
    assert_eq!(world.message_box().reference_counts().total(), 0);
}

#[test]
fn gs_15_a_crash_between_wire_success_and_delete() {
    // GS-15(a).
    // GS-15, R-CRASH-01, R-CRASH-02, R-CLK-12, R-DUP-01, R-ORD-06, INV-54, INV-56.
    let mut plant = plant(PUSH, slow(1), &[0]);
    plant.instances(2);
    let mut world = plant.telling();
    while Story::of(&world).count(&["wire ok"]) == 0 {
        assert!(world.step(), "the wire answers");
    }
    let owner = HostInstanceId(u32::from(Story::of(&world).count(&["to instance1"]) > 0));
    world.crash(owner);
    let (world, story) = finished(world);
    // Dead at one second, for ten minutes, and found by the next run of the job.
    assert_eq!(story.instants(&["gives back m1 of Out"]), [at(11 * 60)]);
    assert_eq!(
        story.instants(&["wire ok"]),
        [at(1), at(11 * 60 + 1)],
        "the destination has it twice"
    );
    assert_eq!(story.count(&["TransmitMessage(m1) RetryCount 3"]), 2, "a crash costs no retry");
    assert_eq!(story.count(&["deletes m1 of Out"]), 1);
    assert_empty(&world);
    assert_snapshot!(story.text());
}

#[test]
fn gs_15_the_same_instance_starts_again_and_releases_at_once() {
    // R-CRASH-02, R-CLK-12: its own start does not wait for the job.
    let mut plant = plant(PUSH, slow(1), &[0]);
    let lasts = Some(Duration::from_secs(2));
    plant.setup.faults = vec![Fault::HostCrash { instance: FIRST, at: ms(500), lasts }];
    plant.setup.life.wires_arrive = false;
    let (world, story) = run(&plant);
    assert_eq!(story.instants(&["gives back m1 of Out"]), [ms(2500)]);
    assert_eq!(story.instants(&["wire ok"]), [ms(3500)], "the first copy was cut");
    assert_empty(&world);
}

#[test]
fn a_dead_receiver_leaves_its_messages_at_their_source() {
    // R-DUP-01, R-DUP-03, INV-54: dead between BatchComplete and removal, so m1 comes twice.
    let mut plant = plant(PUSH, sink(), &[0]);
    plant.setup.costs = Costs { lock_transaction: Duration::from_millis(10), ..Costs::default() };
    plant.setup.life.transactions_commit = true;
    let lasts = Some(Duration::from_secs(1));
    plant.setup.faults = vec![Fault::HostCrash { instance: FIRST, at: ms(5), lasts }];
    let (world, story) = run(&plant);
    assert_eq!(story.count(&["publishes m1"]), 2);
    assert_eq!(story.count(&["removes the source of m1"]), 1);
    assert_eq!((world.meters().processed, world.backlog()), (2, 0));
}

#[test]
fn gs_15_transactional_a_crash_before_the_commit() {
    // GS-15 (b), R-TXN-03, R-CRASH-01, INV-53, INV-55: what was written in a transaction that the
    // crash undoes was never there, so that the partner has one copy.
    let mut plant = sending(SEND, slow(1));
    plant.load(ArrivalKind::Replay(vec![ms(1)]), Some(1)).instances(2);
    plant.setup.life.watched = true;
    plant.setup.coordination.prepare = Duration::from_secs(1);
    let mut world = plant.telling();
    while Story::of(&world).count(&["wire ok"]) == 0 {
        assert!(world.step(), "the wire answers");
    }
    let owner = HostInstanceId(u32::from(Story::of(&world).count(&["to instance1"]) > 0));
    world.crash(owner);
    let (world, story) = finished(world);
    story.assert_order(&[
        &["CRASHES"],
        &["T1 aborts"],
        &["gives back m1 of Out"],
        &["T1 commits"],
        &["deletes m1"],
        &["m1 is visible at the partner of Out"],
    ]);
    let (written, dead) = (story.instants(&["wire ok"]), story.instants(&["CRASHES"]));
    assert_eq!(written.len(), 2, "it is written twice");
    assert!(written[0] <= dead[0] && dead[0] < written[1], "once by each instance");
    assert_eq!(story.count(&["is visible"]), 1, "and the partner has it once");
    assert_eq!(story.count(&["TransmitMessage(m1) RetryCount 3"]), 2, "a crash costs no retry");
    assert_empty(&world);
    assert_snapshot!(story.text());
}

/// m1 is on the wire and m2's batch is on its way when the service stops at five seconds.
fn stopped_at_work() -> Plant {
    let mut plant = plant(PUSH, slow(10), &[0, 4, 6]);
    plant.setup.costs = Costs { lock_transaction: Duration::from_secs(1), ..Costs::default() };
    let lasts = Some(Duration::from_secs(40));
    plant.setup.faults = vec![Fault::HostStop { instance: FIRST, at: ms(4500), lasts }];
    plant
}

#[test]
fn gs_16_an_orderly_stop_with_work_in_flight() {
    // GS-16, R-SHUT-01..04, R-SHUT-06, R-BATCH-02, INV-57, R-LIFE-03, R-SND-01, R-SND-02.
    let (world, story) = run(&stopped_at_work());
    let stopped = story.instants(&["has stopped"]);
    assert_eq!(stopped, [at(13)], "when m1 was sent and deleted");
    assert_eq!(story.instants(&["Terminate"]), [ms(4500); 2]);
    // The batch that was accepted completes, and what was sent is deleted, before it is over.
    assert_eq!(story.instants(&["BatchComplete", "IN@H b2"]), [at(5)]);
    assert_eq!(story.instants(&["deletes m1"]), [at(13)]);
    // What was not handed over waits for the next life, and so does the source.
    assert_eq!(story.instants(&["Submit(m3)"]), [ms(44_500)]);
    assert!(story.instants(&["TransmitMessage(m2)"]).iter().all(|when| *when > ms(44_500)));
    assert_empty(&world);
    assert_eq!(world.meters().processed, 3);
    assert_snapshot!(story.text());
}

/// Never returns from `Terminate`.
#[derive(Clone, Debug)]
struct Stubborn(Sender);

impl Adapter for Stubborn {
    fn handle_input(&mut self, now: Instant, input: AdapterInput, proxy: &mut TransportProxy) {
        if !matches!(input, AdapterInput::Terminate { .. }) {
            self.0.handle_input(now, input, proxy);
        }
    }
}

#[test]
fn who_never_returns_from_terminate_is_killed() {
    // R-SHUT-05: the same as a crash.
    let mut world = stopped_at_work().telling();
    world.replace_adapter(OUT_ADAPTER, &Stubborn(Sender::new(ASYNC)));
    let (world, story) = finished(world);
    let limit = Duration::from_minutes(1);
    assert_eq!(story.instants(&["CRASHES"]), [ms(4500) + limit]);
    assert_eq!(story.count(&["has stopped"]), 0);
    assert_eq!(world.meters().processed, 3, "the start of the plan is made up for");
    assert_empty(&world);
}

#[test]
fn send_adapters_are_made_for_their_first_message_or_with_the_service() {
    // R-SND-01, R-SND-02, R-SND-05, R-LIFE-02: Load, then Initialize; the other way round for
    // receivers.
    let mut plant = plant(PUSH, sink(), &[3, 4]);
    let (_, story) = run(&plant);
    assert_eq!(story.instants(&["OUT1@H Load"]), [at(3)]);
    assert_eq!(story.instants(&["OUT1@H Initialize"]), [at(3)], "once, and cached");
    story.assert_order(&[&["IN@H Initialize"], &["IN@H Load"], &["AddReceiveEndpoint(In)"]]);
    story.assert_order(&[&["OUT1@H Load"], &["OUT1@H Initialize"], &["TransmitMessage(m1)"]]);
    let eager = Capabilities::INIT_TRANSMITTER_ON_SERVICE_START;
    plant.setup.topology.capabilities = vec![(OUT_ADAPTER, eager)];
    let (_, story) = run(&plant);
    assert_eq!(story.instants(&["OUT1@H Initialize"]), [at(0)]);
}

#[test]
fn a_receiver_without_an_enabled_location_is_not_made() {
    // R-LIFE-02: and is, when somebody enables one.
    let mut plant = plant(PUSH, sink(), &[0]);
    plant.setup.topology.receive_locations[0].enabled = false;
    let mut world = plant.telling();
    finish(&mut world);
    assert_eq!(Story::of(&world).count(&["IN@H"]), 0);
    world.act_on_location(IN, LocationAct::Enable);
    let (_, story) = finished(world);
    story.assert_order(&[&["IN@H Initialize"], &["IN@H Load"], &["AddReceiveEndpoint(In)"]]);
    assert_eq!(story.count(&["publishes m1"]), 1);
}

#[test]
fn a_disabled_location_takes_nothing_until_it_is_enabled() {
    // R-LIFE-06: one host instance or two, polled or notified.
    for receive in [PUSH, FOLDER] {
        for instances in [1, 2] {
            let mut plant = plant(receive, sink(), &[0, 12, 13, 30]);
            plant.instances(instances);
            let lasts = Some(Duration::from_secs(10));
            plant.setup.faults = vec![Fault::LocationDisabled { location: IN, at: at(10), lasts }];
            let (world, story) = run(&plant);
            let calls = instances as usize;
            assert_eq!(story.instants(&["RemoveReceiveEndpoint(In)"]), vec![at(10); calls]);
            assert_eq!(story.count(&["AddReceiveEndpoint(In)"]), 2 * calls);
            let submitted = story.instants(&["Submit("]);
            assert!(submitted.iter().all(|when| !(at(10)..at(20)).contains(when)), "{submitted:?}");
            assert_eq!(world.meters().processed, 4);
        }
    }
}

#[test]
fn an_update_reaches_only_an_open_location() {
    // R-LIFE-05.
    let mut world = plant(PUSH, sink(), &[0]).telling();
    finish(&mut world);
    world.act_on_location(IN, LocationAct::Update);
    world.act_on_location(IN, LocationAct::Disable);
    world.act_on_location(IN, LocationAct::Update);
    let (_, story) = finished(world);
    story.assert_order(&[&["UpdateEndpointConfig(In)"], &["RemoveReceiveEndpoint(In)"]]);
}

#[test]
fn a_location_keeps_to_its_schedule() {
    // R-LIFE-06, R-LIFE-10: from the second day on, eight to ten, until the third day's nine.
    let mut plant = plant(FOLDER, sink(), &[0, 9 * 3600, 50 * 3600, 60 * 3600]);
    let window = Some(Window { from: hours(8), until: hours(10) });
    let schedule = Schedule { start: at(24 * 3600), stop: Some(at(57 * 3600)), window };
    plant.setup.topology.schedules = vec![(IN, schedule)];
    let (world, story) = run(&plant);
    let opens = [at(32 * 3600), at(56 * 3600)];
    assert_eq!(story.instants(&["AddReceiveEndpoint(In)"]), opens);
    assert_eq!(story.instants(&["RemoveReceiveEndpoint(In)"]), [at(34 * 3600), at(57 * 3600)]);
    assert_eq!(story.instants(&["IN@H Initialize"]), [at(0)], "its adapter is there all the time");
    assert_eq!(
        story.instants(&["Submit(m"]),
        [opens[0], opens[1]].map(|open| open),
        "one batch each"
    );
    assert_eq!((world.meters().processed, world.backlog()), (3, 1), "m4 came too late");
}

#[test]
fn outside_the_window_messages_wait_as_scheduled() {
    // R-SW-01, R-SW-03, INV-29: m1 is delivered and finished after the window closed; m2 waits.
    let mut plant = plant(PUSH, slow(7200), &[9 * 3600, 11 * 3600]);
    let window = Window { from: hours(8), until: hours(10) };
    plant.setup.topology.windows = vec![TransportWindow { port: OUT, on_backup: false, window }];
    let (world, story) = run(&plant);
    assert_eq!(story.instants(&["m2 of Out is scheduled for"]), [at(11 * 3600)]);
    let transmitted = story.instants(&["TransmitMessage"]);
    assert_eq!(transmitted, [at(9 * 3600), at(32 * 3600)]);
    assert_eq!(story.instants(&["wire ok"]), [at(11 * 3600), at(34 * 3600)]);
    assert_empty(&world);
    let verdicts = world.conclude().verdicts;
    let on_time = verdicts.iter().find(|verdict| verdict.rule.id() == "INV-29").unwrap();
    assert_eq!((on_time.occasions, on_time.broken), (3, 0), "two windows and one instant");
}

#[test]
fn a_retry_waits_for_the_window() {
    // R-SW-02: due at 10:05, after the window closed.
    let failing = SinkSettings { failure: Failure::First(1), ..sink() };
    let mut plant = plant(PUSH, failing, &[10 * 3600 - 1]);
    let window = Window { from: hours(8), until: hours(10) };
    plant.setup.topology.windows = vec![TransportWindow { port: OUT, on_backup: false, window }];
    let (_, story) = run(&plant);
    assert_eq!(story.instants(&["wire FAILS"]), [at(10 * 3600 - 1)]);
    assert_eq!(story.instants(&["wire ok"]), [at(32 * 3600)]);
}

#[test]
fn the_database_goes_away_and_everybody_recycles() {
    // R-SHUT-07, R-CRASH-02, R-DUP-01: sources are kept, what was in flight comes again, nothing
    // is lost.
    let mut plant = plant(PUSH, slow(2), &[0, 9, 15]);
    plant.setup.costs = Costs { lock_transaction: Duration::from_secs(1), ..Costs::default() };
    let lasts = Duration::from_secs(100);
    plant.setup.faults = vec![Fault::DatabaseOffline { at: ms(9500), lasts }];
    let (world, story) = run(&plant);
    // m2's transaction fails, and nobody blames m2.
    assert_eq!(story.count(&["BatchComplete(PERSISTENCE_FAILURE"]), 1);
    assert_eq!(story.count(&["MoveToSuspendQ"]), 0);
    story.assert_order(&[&["database goes away"], &["has stopped"], &["database comes back"]]);
    assert_eq!(story.instants(&["instance0 starts"]), [ms(109_500)]);
    assert!(story.instants(&["publishes m2"]).iter().all(|when| *when > ms(109_500)));
    assert_eq!(story.count(&["publishes"]), 3);
    assert_eq!(world.meters().processed, 3);
    assert_empty(&world);
}

#[test]
fn who_cannot_stop_while_the_database_is_away_is_killed_after_a_minute() {
    // R-SHUT-07, R-HOST-03: `MessagingDBFailoverShutdownTimeLimit`.
    let mut plant = plant(PUSH, slow(3600), &[0]);
    let lasts = Duration::from_secs(300);
    plant.setup.faults = vec![Fault::DatabaseOffline { at: at(10), lasts }];
    let (world, story) = run(&plant);
    assert_eq!(story.instants(&["CRASHES"]), [at(70)]);
    assert_eq!(story.instants(&["instance0 starts"]), [at(310)], "no sooner than the database");
    assert_eq!(story.count(&["deletes m1"]), 1);
    assert_empty(&world);
}

#[test]
fn a_clock_that_is_wrong_moves_the_retries() {
    // R-CLK-09: an instant in the past means now; one ahead means later.
    for (by, ahead, retried) in [(60, true, 360 - 60 + 61), (60, false, 241), (900, false, 1)] {
        let failing = SinkSettings { failure: Failure::First(1), ..sink() };
        let mut plant = plant(PUSH, failing, &[1]);
        let by = Duration::from_secs(by);
        let (at_start, lasts) = (Instant::ZERO, None);
        plant.setup.faults =
            vec![Fault::ClockSkew { instance: FIRST, at: at_start, lasts, by, ahead }];
        let (_, story) = run(&plant);
        assert_eq!(story.instants(&["wire ok"]), [at(retried)], "{by} ahead: {ahead}");
    }
}

/// Closes its location by itself at its first message.
#[derive(Clone, Debug)]
struct Broken {
    inner: Receiver,
    broken: bool,
}

impl Adapter for Broken {
    fn handle_input(&mut self, now: Instant, input: AdapterInput, proxy: &mut TransportProxy) {
        if let AdapterInput::Arrived { location } = input
            && !self.broken
        {
            self.broken = true;
            self.inner.handle_input(now, AdapterInput::RemoveReceiveEndpoint { location }, proxy);
            proxy.receiver_shutting_down(location);
        } else {
            self.inner.handle_input(now, input, proxy);
        }
    }
}

fn broken(fault_tolerance: Option<Duration>) -> World {
    let mut plant = Plant::new(HostSettings { fault_tolerance, ..immediate() }, PUSH);
    plant.send_port("Out", "In", BLOCKING, sink()).all_at_once(1);
    plant.setup.life.watched = true;
    let mut world = plant.telling();
    world.replace_adapter(IN_ADAPTER, &Broken { inner: Receiver::new(PUSH), broken: false });
    world
}

#[test]
fn a_location_that_its_adapter_closed_stays_closed() {
    // R-LIFE-07: also after a restart of the service; only an operator opens it.
    let mut world = broken(None);
    finish(&mut world);
    world.crash(FIRST);
    world.start(FIRST);
    finish(&mut world);
    assert_eq!(Story::of(&world).count(&["AddReceiveEndpoint(In)"]), 1);
    assert_eq!(world.meters().processed, 0);
}

#[test]
fn a_location_that_broke_is_tried_again_where_faults_are_tolerated() {
    // R-LIFE-08: every 60 s unless set otherwise.
    assert_eq!(FAULT_RETRY_INTERVAL, Duration::from_secs(60));
    let (world, story) = finished(broken(Some(FAULT_RETRY_INTERVAL)));
    assert_eq!(story.instants(&["AddReceiveEndpoint(In)"]), [at(0), at(60)]);
    assert_eq!(world.meters().processed, 1);
}

#[test]
fn send_and_receive_adapters_share_neither_process_nor_machine() {
    // R-HOST-02: received in one host, sent in another on another server. The receiving process
    // dies when it has published, and what it received is sent all the same.
    let mut plant = plant(PUSH, slow(3), &[0, 1]);
    let topology = &mut plant.setup.topology;
    topology.servers.push(Server { name: "far".to_owned(), cpus: 4 });
    plant.setup.disciplines.push(Discipline::default());
    let settings = topology.hosts[0].settings;
    topology.hosts.push(Host { name: "Senders".to_owned(), settings, properties: Vec::new() });
    let far = HostInstanceConfig { host: HostId(1), server: ServerId(1) };
    topology.host_instances.push(far);
    topology.send_ports[0].primary.host = HostId(1);
    plant.setup.faults = vec![Fault::HostCrash { instance: FIRST, at: at(2), lasts: None }];
    let (world, story) = run(&plant);
    assert_eq!((story.count(&["OUT1@Senders"]) > 0, story.count(&["OUT1@H "])), (true, 0));
    assert_eq!((story.count(&["IN@H "]) > 0, story.count(&["IN@Senders"])), (true, 0));
    assert_eq!(story.instants(&["locks m1 of Out to instance1"]).len(), 1);
    assert_eq!((world.meters().processed, world.backlog()), (2, 0));
}

#[test]
fn locations_are_added_one_by_one_to_an_adapter_that_is_initialized_and_loaded() {
    // R-LIFE-03: one adapter, two locations that are open and one that is not.
    let mut plant = plant(PUSH, sink(), &[3]);
    plant.receive_port("Second", ReceivePipeline::pass_through());
    plant.receive_port("Third", ReceivePipeline::pass_through());
    plant.setup.topology.receive_locations[2].enabled = false;
    let (_, story) = run(&plant);
    story.assert_order(&[
        &["IN@H Initialize"],
        &["IN@H Load"],
        &["IN@H AddReceiveEndpoint(In)"],
        &["IN@H AddReceiveEndpoint(Second)"],
        &["Submit(m1)"],
    ]);
    assert_eq!(story.count(&["AddReceiveEndpoint"]), 2, "{}", story.text());
}
