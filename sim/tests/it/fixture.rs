//! A plant: the smallest topology that runs, with the knobs that tests turn.

use floodgate_engine::config::{
    AdapterConfig, AdapterKind, Authentication, Host, HostInstanceConfig, HostSettings,
    MessageBoxConfig, OnFailure, ReceiveLocation, ReceivePort, ReceiveSettings, SendPort,
    SendPortGroup, SendSettings, Server, Topology, Track, Tracked, Transport,
};
use floodgate_engine::id::{
    AdapterId, EndpointId, HostId, ReceiveLocationId, ReceivePortId, SendPortId, ServerId,
};
use floodgate_engine::message::{Body, Context, PropertyId, Value};
use floodgate_engine::pipeline::{ReceivePipeline, SendPipeline};
use floodgate_engine::retry::RetryPolicy;
use floodgate_engine::subscription::{Condition, Filter, PortState};
use floodgate_engine::time::{Duration, Instant};
use floodgate_sim::cost::Costs;
use floodgate_sim::dist::Dist;
use floodgate_sim::load::{ArrivalKind, Shape, Spacing, Variety};
use floodgate_sim::outcome::Outcome;
use floodgate_sim::setup::{
    CallTimes, Coordination, Discipline, DoneOrder, EndpointSettings, Errand, Failure,
    LifeSettings, LoadSettings, ResponseOrder, Setup, SinkSettings, TrackingSettings,
};
use floodgate_sim::trace::StoryLine;
use floodgate_sim::world::World;
use proptest::strategy::Strategy;
use proptest::test_runner::{
    Config, FileFailurePersistence, RngAlgorithm, RngSeed, TestCaseError, TestError, TestRunner,
};

/// Immediate dispatch and free work, as in the profile `free`.
pub(crate) fn immediate() -> HostSettings {
    HostSettings {
        poll: Duration::ZERO,
        thread_growth: Duration::ZERO,
        threads: 50,
        internal_queue: 1_000_000,
        in_process: 1_000_000,
        ..HostSettings::default()
    }
}

/// Submits every message by itself as it arrives.
pub(crate) const PUSH: ReceiveSettings = ReceiveSettings {
    batch_messages: 1,
    batch_bytes: u64::MAX,
    poll: None,
    notify: true,
    batches: u32::MAX,
};

/// Looks into its folder once a second and submits what it finds as one batch.
pub(crate) const FOLDER: ReceiveSettings = ReceiveSettings {
    batch_messages: 20,
    batch_bytes: u64::MAX,
    poll: Some(Duration::from_secs(1)),
    notify: false,
    batches: 1,
};

/// Non-blocking, one message at a time, with as many workers as there are messages.
pub(crate) const ASYNC: SendSettings = SendSettings {
    blocking: false,
    batched: false,
    batch: 20,
    fixed_batch: true,
    workers: u32::MAX,
    completion_batch: 1,
    completion_wait: Duration::ZERO,
    resolves: false,
};

/// Holds an engine thread while its wire works, one message at a time.
pub(crate) const BLOCKING: SendSettings = SendSettings { blocking: true, ..ASYNC };

/// Takes adapter batches and transmits them on its own threads.
pub(crate) const BATCHED: SendSettings = SendSettings { batched: true, ..ASYNC };

/// Takes adapter batches and transmits them inside `Done`.
pub(crate) const BLOCKING_BATCHED: SendSettings = SendSettings { batched: true, ..BLOCKING };

/// A partner's end that answers at once and never fails.
pub(crate) fn sink() -> SinkSettings {
    SinkSettings {
        wire: Dist::Constant(Duration::ZERO),
        limit: 0,
        quota: None,
        failure: Failure::Never,
        fail_takes: None,
        errand: Errand::default(),
        forward_to: None,
        reply: None,
    }
}

/// A plant under construction: one server, one receive port `In`, send ports as added.
#[derive(Clone, Debug)]
pub(crate) struct Plant {
    pub(crate) setup: Setup,
}

impl Plant {
    /// One server with one host, one receive port, and no send port yet.
    pub(crate) fn new(settings: HostSettings, receive: ReceiveSettings) -> Self {
        let mut topology = Topology {
            servers: vec![Server { name: "server".to_owned(), cpus: 4 }],
            hosts: vec![Host { name: "H".to_owned(), settings, properties: Vec::new() }],
            host_instances: vec![HostInstanceConfig { host: HostId(0), server: ServerId(0) }],
            ..Topology::default()
        };
        topology
            .adapters
            .push(AdapterConfig { name: "IN".to_owned(), kind: AdapterKind::Receive(receive) });
        let far = Instant::ZERO + Duration::from_secs(1_000_000);
        let mut plant = Self {
            setup: Setup {
                topology,
                seed: 1,
                replication: 0,
                disciplines: vec![Discipline::default()],
                databases: vec![ServerId(0)],
                costs: Costs::default(),
                coordination: Coordination::default(),
                endpoints: Vec::new(),
                loads: Vec::new(),
                faults: Vec::new(),
                life: LifeSettings::default(),
                acts: Vec::new(),
                measure_from: Instant::ZERO,
                measure_to: far,
                end: far,
                drain: Duration::MAX,
                waiting_max: u64::MAX,
                sample: Duration::from_secs(3600),
                cleanup: Duration::from_secs(10),
                jobs: true,
                tracking: TrackingSettings::default(),
                done: DoneOrder::ReturnFirst,
                responses: ResponseOrder::default(),
                shuffle_ties: false,
                calls: CallTimes::default(),
            },
        };
        plant.receive_port("In", ReceivePipeline::pass_through());
        plant
    }

    /// Adds a receive port with one location of the same name.
    pub(crate) fn receive_port(
        &mut self,
        name: &str,
        pipeline: ReceivePipeline,
    ) -> ReceiveLocationId {
        let topology = &mut self.setup.topology;
        topology.receive_ports.push(ReceivePort {
            name: name.to_owned(),
            maps: Vec::new(),
            authentication: Authentication::None,
            route_failed: false,
        });
        topology.endpoints.push(format!("{name}.source"));
        self.setup
            .endpoints
            .push(EndpointSettings::Source { wire: Dist::Constant(Duration::ZERO) });
        topology.receive_locations.push(ReceiveLocation {
            name: name.to_owned(),
            port: ReceivePortId::from(topology.receive_ports.len() - 1),
            host: HostId(0),
            adapter: AdapterId(0),
            pipeline,
            endpoint: EndpointId::from(topology.endpoints.len() - 1),
            enabled: true,
            context: Context::default(),
        });
        ReceiveLocationId::from(topology.receive_locations.len() - 1)
    }

    fn transport(
        &mut self,
        name: &str,
        send: SendSettings,
        retry: RetryPolicy,
        sink: SinkSettings,
    ) -> Transport {
        let topology = &mut self.setup.topology;
        let kind = AdapterKind::Send(send);
        let known = topology.adapters.iter().position(|adapter| adapter.kind == kind);
        let adapter = known.unwrap_or_else(|| {
            topology
                .adapters
                .push(AdapterConfig { name: format!("OUT{}", topology.adapters.len()), kind });
            topology.adapters.len() - 1
        });
        topology.endpoints.push(name.to_owned());
        self.setup.endpoints.push(EndpointSettings::Sink(sink));
        Transport {
            adapter: AdapterId::from(adapter),
            host: HostId(0),
            endpoint: EndpointId::from(topology.endpoints.len() - 1),
            retry,
        }
    }

    /// Adds a send port that subscribes to what receive port `from` publishes.
    pub(crate) fn send_port(
        &mut self,
        name: &str,
        from: &str,
        send: SendSettings,
        sink: SinkSettings,
    ) -> &mut Self {
        let primary =
            self.transport(&format!("{name}.primary"), send, RetryPolicy::default(), sink);
        let filter = Condition::equals(PropertyId::RECEIVE_PORT_NAME, Value::text(from));
        self.setup.topology.send_ports.push(SendPort {
            name: name.to_owned(),
            filter: Some(Filter::all_of(vec![filter])),
            ordered: None,
            priority: 7,
            pipeline: SendPipeline::pass_through(),
            maps: Vec::new(),
            route_failed: false,
            state: PortState::Started,
            two_way: false,
            primary,
            backup: None,
        });
        self
    }

    fn last_port(&mut self) -> &mut SendPort {
        self.setup.topology.send_ports.last_mut().expect("a send port was added")
    }

    /// Sets the retries of the last send port's primary transport.
    pub(crate) fn retry(&mut self, count: u32, interval: Duration) -> &mut Self {
        self.last_port().primary.retry = RetryPolicy { count, interval };
        self
    }

    /// Gives the last send port a backup.
    pub(crate) fn backup(
        &mut self,
        send: SendSettings,
        retry: RetryPolicy,
        sink: SinkSettings,
    ) -> &mut Self {
        let name = format!("{}.backup", self.last_port().name);
        let backup = self.transport(&name, send, retry, sink);
        self.last_port().backup = Some(backup);
        self
    }

    /// Sets the state in which the last send port begins.
    pub(crate) fn state(&mut self, state: PortState) -> &mut Self {
        self.last_port().state = state;
        self
    }

    /// Adds a send port group over all send ports so far, with a filter like theirs.
    pub(crate) fn group(&mut self, name: &str, from: &str, state: PortState) -> &mut Self {
        let filter = Condition::equals(PropertyId::RECEIVE_PORT_NAME, Value::text(from));
        let topology = &mut self.setup.topology;
        topology.send_port_groups.push(SendPortGroup {
            name: name.to_owned(),
            filter: Some(Filter::all_of(vec![filter])),
            ports: (0..topology.send_ports.len()).map(SendPortId::from).collect(),
            state,
        });
        self
    }

    /// Makes the last send port ordered.
    pub(crate) fn ordered(&mut self, on_failure: OnFailure) -> &mut Self {
        self.last_port().ordered = Some(on_failure);
        self
    }

    /// Adds host instances until there are `count`, each on a server of its own.
    pub(crate) fn instances(&mut self, count: u32) -> &mut Self {
        for number in 1..count {
            let topology = &mut self.setup.topology;
            topology.servers.push(Server { name: format!("server{number}"), cpus: 4 });
            self.setup.disciplines.push(Discipline::default());
            topology
                .host_instances
                .push(HostInstanceConfig { host: HostId(0), server: ServerId(number) });
        }
        self
    }

    /// Gives the group `count` MessageBoxes, all on the first server.
    pub(crate) fn boxes(&mut self, count: u32) -> &mut Self {
        let message_box =
            |number| MessageBoxConfig { name: format!("MsgBox{number}"), publishes: true };
        self.setup.topology.message_boxes = (0..count).map(message_box).collect();
        self.setup.databases = vec![ServerId(0); count as usize];
        self
    }

    /// Tracks the receive port and all send ports so far alike.
    pub(crate) fn track(&mut self, track: Track) -> &mut Self {
        let topology = &mut self.setup.topology;
        let receive = Tracked::ReceivePort(ReceivePortId(0));
        let send = (0..topology.send_ports.len()).map(|at| Tracked::SendPort(SendPortId::from(at)));
        topology.tracks = std::iter::once(receive).chain(send).map(|of| (of, track)).collect();
        self
    }

    /// Sends `count` messages into `In`, all at the beginning.
    pub(crate) fn all_at_once(&mut self, count: u64) -> &mut Self {
        self.load(ArrivalKind::Replay(vec![Instant::ZERO; count as usize]), Some(count))
    }

    /// Sends Poisson traffic into `In`.
    pub(crate) fn poisson(&mut self, per_second: f64, count: u64) -> &mut Self {
        let shape = Shape::constant(per_second);
        self.load(ArrivalKind::Shape { shape, spacing: Spacing::Poisson }, Some(count))
    }

    /// Adds a load into `In`.
    pub(crate) fn load(&mut self, arrivals: ArrivalKind, count: Option<u64>) -> &mut Self {
        self.setup.loads.push(LoadSettings {
            name: format!("load{}", self.setup.loads.len()),
            locations: vec![ReceiveLocationId(0)],
            arrivals,
            start: Instant::ZERO,
            until: None,
            count,
            body: Body::Described { bytes: 1000, documents: 1 },
            document_type: "Document".to_owned(),
            variety: Variety::default(),
            pace: None,
            refusals: None,
            controller: None,
            outbound: Vec::new(),
            poison: None,
        });
        self
    }

    /// A world of this plant that tells its story.
    pub(crate) fn telling(&self) -> World {
        let mut world = World::new(&self.setup);
        world.tell();
        world
    }

    /// Runs the plant to its end.
    pub(crate) fn run(&self) -> Outcome {
        World::new(&self.setup).run()
    }
}

/// An instant some milliseconds after the beginning.
pub(crate) fn ms(millis: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(millis)
}

/// What happened in a world that told its story, to be questioned.
pub(crate) struct Story {
    lines: Vec<StoryLine>,
}

impl Story {
    /// The story of a world so far.
    pub(crate) fn of(world: &World) -> Self {
        Self { lines: world.trace().story().to_vec() }
    }

    /// All of it, one line an event, as snapshots keep it.
    pub(crate) fn text(&self) -> String {
        self.lines.iter().map(|(at, what)| format!("{at} {what}\n")).collect()
    }

    /// The lines that contain every one of `words`: where they are, and when.
    fn found(&self, words: &[&str]) -> Vec<(usize, Instant)> {
        let told = |line: &str| words.iter().all(|word| line.contains(word));
        let lines = self.lines.iter().enumerate();
        lines.filter(|(_, (_, line))| told(line)).map(|(n, (at, _))| (n, *at)).collect()
    }

    /// How many lines contain every one of `words`.
    pub(crate) fn count(&self, words: &[&str]) -> usize {
        self.found(words).len()
    }

    /// When the lines that contain every one of `words` happened.
    pub(crate) fn instants(&self, words: &[&str]) -> Vec<Instant> {
        self.found(words).into_iter().map(|(_, at)| at).collect()
    }

    /// Asserts that these lines exist once each and follow each other in this order.
    #[track_caller]
    pub(crate) fn assert_order(&self, lines: &[&[&str]]) {
        let mut last = None;
        for words in lines {
            let found = self.found(words);
            assert_eq!(found.len(), 1, "{words:?} is told once in\n{}", self.text());
            assert!(last < Some(found[0].0), "{words:?} comes too early in\n{}", self.text());
            last = Some(found[0].0);
        }
    }
}

/// Steps until nothing is left to do.
pub(crate) fn finish(world: &mut World) {
    while world.step() {}
}

/// Steps until nothing is left to do, but no more than `steps` times: a world that goes on for
/// ever is a verdict, not a hang.
pub(crate) fn finish_within(world: &mut World, steps: u64) -> Verdict {
    let taken = (0..steps).take_while(|_| world.step()).count() as u64;
    demand(taken < steps, || format!("not at an end after {steps} steps"))
}

/// A property's verdict on one case: what was broken, if anything.
pub(crate) type Verdict = Result<(), String>;

/// The verdict of the checks on a run.
pub(crate) fn all_kept(outcome: &Outcome) -> Verdict {
    match outcome.violations.first() {
        None => match outcome.findings.iter().find(|finding| finding.holds == Some(false)) {
            None => Ok(()),
            Some(finding) => Err(format!("an audit failed: {finding:?}")),
        },
        Some(violation) => Err(format!("{} broken: {violation:?}", violation.rule.id())),
    }
}

/// `Err` with what `what` tells, unless `holds`.
pub(crate) fn demand(holds: bool, what: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(what()) }
}

/// `Err` unless both are equal.
pub(crate) fn demand_eq<T: std::fmt::Debug + PartialEq>(found: T, due: T, of: &str) -> Verdict {
    demand(found == due, || format!("{of}: found {found:?}, due {due:?}"))
}

/// The cases of a property: the same ones in every run, but for long searches by hand.
fn config(cases: u32) -> Config {
    let seed = std::env::var("PROPTEST_RNG_SEED").ok().and_then(|seed| seed.parse().ok());
    Config {
        cases,
        rng_algorithm: RngAlgorithm::ChaCha,
        rng_seed: RngSeed::Fixed(seed.unwrap_or(0x00F1_00D6_A7E5)),
        failure_persistence: None,
        ..Config::default()
    }
}

/// Demands `property` of many cases; `regressions` keeps the seeds of those that ever failed.
#[track_caller]
pub(crate) fn holds<S: Strategy>(
    cases: u32,
    regressions: &'static str,
    strategy: &S,
    property: impl Fn(&S::Value) -> Verdict,
) {
    let persistence = FileFailurePersistence::Direct(regressions);
    let config = Config { failure_persistence: Some(Box::new(persistence)), ..config(cases) };
    let verdict = |case: S::Value| property(&case).map_err(TestCaseError::fail);
    if let Err(error) = TestRunner::new(config).run(strategy, verdict) {
        panic!("{error}");
    }
}

/// Demands that `property` is broken by one of many cases: that it is able to fail.
#[track_caller]
pub(crate) fn notices<S: Strategy>(
    cases: u32,
    strategy: &S,
    property: impl Fn(&S::Value) -> Verdict,
) -> String {
    let config = Config { max_shrink_iters: 0, ..config(cases) };
    let verdict = |case: S::Value| property(&case).map_err(TestCaseError::fail);
    match TestRunner::new(config).run(strategy, verdict) {
        Err(TestError::Fail(reason, _)) => reason.message().to_owned(),
        other => panic!("the property did not notice what was broken on purpose: {other:?}"),
    }
}

/// Panics with the first violation, if there is one.
pub(crate) fn assert_all_kept(outcome: &Outcome) {
    assert_eq!(outcome.violations, [], "a promise was broken");
    let broken = outcome.findings.iter().find(|finding| finding.holds == Some(false));
    assert_eq!(broken, None, "an audit failed");
}
