//! Life and death of host instances, of the database, and of receive locations.
//!
//! The engine decides what starting and stopping mean; here is what happens *to* it. A process
//! that dies gets new adapters when it starts again: those of its earlier life are left behind,
//! deaf, so that an answer that is still under way finds nobody, at no cost to anybody.

use floodgate_engine::adapter::{AdapterInput, AnyAdapter, OwnAdapter};
use floodgate_engine::batch::Batch;
use floodgate_engine::config::{AdapterKind, Capabilities};
use floodgate_engine::hash::mix;
use floodgate_engine::host::{HostInput, Life, LocationAct};
use floodgate_engine::id::{
    AdapterId, EndpointId, HostInstanceId, Key, MessageBoxId, ReceiveLocationId,
};
use floodgate_engine::message::WireMessage;
use floodgate_engine::message_box::Effect;
use floodgate_engine::time::{Duration, Instant};
use floodgate_engine::transport_proxy::TransportProxy;

use super::{Due, Node, Now, World};
use crate::endpoint::Endpoint;
use crate::setup::{Fault, LifeSettings, OperatorAct, Setup};
use crate::trace::Event;

/// One host instance, as the service manager sees it.
#[derive(Clone, Debug, Default)]
pub(super) struct Service {
    /// Which life this is.
    life: u32,
    /// Whether it is to run.
    wanted: bool,
    died_at: Option<Instant>,
    /// How far its clock is ahead, in nanoseconds.
    pub(super) ahead: i64,
}

/// All that lives and dies.
#[derive(Clone, Debug)]
pub(super) struct Lives {
    settings: LifeSettings,
    /// Whether what it takes to die is kept: sources, and the events of life.
    pub(super) watched: bool,
    /// Whether the database is away.
    pub(super) offline: bool,
    /// Whether some clock is wrong.
    pub(super) skewed: bool,
    pub(super) faults: Vec<Fault>,
    /// Those that break a location, and are not over.
    pub(super) broken: Vec<u32>,
    pub(super) services: Vec<Service>,
    /// Somebody's own adapters as they were before their first input.
    own: Vec<(AdapterId, Box<dyn OwnAdapter>)>,
}

impl Lives {
    pub(super) fn new(setup: &Setup) -> Self {
        let (settings, faults) = (setup.life, &setup.faults);
        let instances = setup.topology.host_instances.len();
        let of_life = |fault: &Fault| !matches!(fault, Fault::EndpointDown { .. });
        let of_location = |(_, act): &(_, OperatorAct)| matches!(act, OperatorAct::Location(..));
        let disables = setup.acts.iter().any(of_location);
        let eager = |(_, own): &(AdapterId, Capabilities)| {
            own.has(Capabilities::INIT_TRANSMITTER_ON_SERVICE_START)
        };
        let is_eager = setup.topology.capabilities.iter().any(eager);
        Self {
            settings,
            watched: settings.watched || faults.iter().any(of_life) || disables || is_eager,
            offline: false,
            skewed: false,
            faults: faults.clone(),
            broken: Vec::new(),
            services: vec![Service { wanted: true, ..Service::default() }; instances],
            own: Vec::new(),
        }
    }

    /// Whether nothing is planned, and nobody brought adapters of his own.
    pub(super) const fn is_plain(&self) -> bool {
        self.faults.is_empty() && self.own.is_empty() && !self.skewed
    }
}

/// What happened to a host instance or the database; pinned, since digests rest on it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Lived {
    Starts = 1,
    Stops = 2,
    HasStopped = 3,
    Crashes = 4,
    GoesAway = 5,
    ComesBack = 6,
}

impl Lived {
    const fn word(self) -> &'static str {
        match self {
            Self::Starts => "starts",
            Self::Stops => "stops",
            Self::HasStopped => "has stopped",
            Self::Crashes => "CRASHES",
            Self::GoesAway => "goes away",
            Self::ComesBack => "comes back",
        }
    }
}

impl World {
    /// Puts somebody's own adapter in the place of `adapter`, in every host instance that has it.
    /// Do this before the first step.
    pub fn replace_adapter(&mut self, adapter: AdapterId, own: &dyn OwnAdapter) {
        for node in self.nodes.iter_mut().filter(|node| node.adapter == adapter) {
            node.machine = AnyAdapter::Own(own.boxed_clone());
        }
        self.life.own.push((adapter, own.boxed_clone()));
    }

    /// Every service starts, and the faults of the plan are put on the calendar.
    pub(super) fn begin_life(&mut self) {
        if self.life.watched {
            let LifeSettings { dead_after, dead_job, .. } = self.life.settings;
            self.checks.watch_life(dead_after + dead_job);
        }
        for index in 0..self.instances.len() {
            let instance = HostInstanceId::from(index);
            self.ring.push_back(Now::Host(instance, HostInput::Start));
        }
        for index in 0..self.life.faults.len() {
            let number = u32::try_from(index).expect("few faults");
            if let Some((from, until)) = self.life.faults[index].span() {
                self.schedule(from, Due::Fault(number));
                if let Some(until) = until.filter(|until| *until > from) {
                    self.schedule(until, Due::FaultOver(number));
                }
            }
        }
    }

    fn lived(&mut self, instance: Option<HostInstanceId>, what: Lived) {
        if !self.life.watched {
            return;
        }
        let event =
            Event::Lived { instance: instance.map_or(0, |own| own.0 + 1), what: what as u8 };
        self.trace.record(self.now, &event, || match instance {
            Some(instance) => format!("E    {instance} {}", what.word()),
            None => format!("MB   the database {}", what.word()),
        });
    }

    /// The process of `instance` dies, here and now: everything it had in memory is gone, and
    /// what it had locked stays locked until the dead-process job finds it or it starts again
    /// (R-CRASH-03, R-CLK-12). What it had asked of the database is committed as it stands or
    /// undone; what it had put on the wire arrives or does not ([`LifeSettings`]).
    pub fn crash(&mut self, instance: HostInstanceId) {
        if self.instances[instance.index()].life() == Life::Down {
            return;
        }
        self.life.services[instance.index()].wanted = false;
        self.kill(instance);
    }

    /// The same, with an end of what is in flight that is chosen here and now.
    pub(super) fn crash_with(&mut self, instance: HostInstanceId, commits: bool, arrives: bool) {
        let settings = self.life.settings;
        self.life.settings.transactions_commit = commits;
        self.life.settings.wires_arrive = arrives;
        self.crash(instance);
        self.life.settings = settings;
    }

    fn kill(&mut self, instance: HostInstanceId) {
        self.resolve_pending(instance, self.life.settings.transactions_commit);
        self.lived(Some(instance), Lived::Crashes);
        self.forget_errands(instance);
        let wires: Vec<Key> = (self.on_wire.iter())
            .filter(|(_, wire)| self.nodes[wire.call.node as usize].instance == instance)
            .map(|(key, _)| key)
            .collect();
        if !self.life.settings.wires_arrive {
            for key in wires {
                self.cut(key);
            }
            self.cut_answers(instance);
        }
        self.end_process(instance);
        let service = &mut self.life.services[instance.index()];
        service.died_at = Some(self.now);
        let dead = self.now + self.life.settings.dead_after;
        let period = self.life.settings.dead_job.as_nanos().max(1);
        let due = Instant::from_nanos(dead.as_nanos().div_ceil(period) * period);
        self.schedule(due, Due::DeadProcesses);
        self.tell_ready();
    }

    /// A call that is under way never arrives.
    fn cut(&mut self, key: Key) {
        let Some(wire) = self.on_wire.remove(key) else { return };
        let now = self.now;
        if let Some(next) = self.sink(wire.call.transmission.endpoint).end(now) {
            self.begin_call(&next);
        }
    }

    /// What a process leaves behind when it ends: nothing in memory, its sources as they were.
    fn end_process(&mut self, instance: HostInstanceId) {
        self.instances[instance.index()].die();
        self.checks.ended_life(instance);
        self.forget_throttling(instance);
        let here = |world: &Self, node: u32| world.nodes[node as usize].instance == instance;
        let mut ring = std::mem::take(&mut self.ring);
        ring.retain(|due| match due {
            Now::Answered(node, ..) | Now::Arrived(node, _) | Now::TransactionDone(node, ..) => {
                !here(self, *node)
            }
            Now::Due(_) => true,
            Now::Host(of, _) => *of != instance,
        });
        self.ring = ring;
        for node in 0..u32::try_from(self.nodes.len()).expect("fewer than 2^32 adapters") {
            let is_alive = !matches!(self.nodes[node as usize].machine, AnyAdapter::Gone);
            if here(self, node) && is_alive {
                self.end_node(node);
            }
        }
        self.pools[instance.index()].set(self.now, 0, 0, 0);
        self.pools[instance.index()].begun(self.now, 0);
        if self.message_box.forget_waits(instance) > 0 {
            self.operated();
        }
    }

    fn end_node(&mut self, node: u32) {
        let ended = &mut self.nodes[node as usize];
        ended.machine = AnyAdapter::Gone;
        while ended.proxy.poll_output().is_some() {}
        let mut held = Vec::new();
        let mut told = Vec::new();
        let mut broken = Vec::new();
        for endpoint in &mut self.endpoints {
            match endpoint {
                Endpoint::Sink(sink) => sink.forget(node),
                Endpoint::Source(source) => {
                    let numbers = source.forget(node);
                    if source.is_of_clients() {
                        broken.extend(&numbers);
                    } else if !numbers.is_empty() {
                        told.extend(source.wake_watchers());
                    }
                    held.extend(numbers);
                }
            }
        }
        self.break_off(&broken);
        self.checks.node_ended(node, &held);
        for (transaction, committed) in self.coordinator.forget_node(node) {
            self.end_transaction(transaction, committed);
        }
        self.tell_watchers(told);
    }

    fn tell_watchers(&mut self, told: Vec<(u32, ReceiveLocationId)>) {
        for (node, location) in told {
            self.ring.push_back(Now::Arrived(node, location));
        }
    }

    /// The dead-process job: instances that are dead for long enough lose their locks
    /// (R-CRASH-01, R-GC-02).
    #[cold]
    pub(super) fn dead_processes(&mut self) {
        if self.life.offline {
            return;
        }
        for index in 0..self.life.services.len() {
            if let Some(died_at) = self.life.services[index].died_at
                && died_at + self.life.settings.dead_after <= self.now
            {
                self.life.services[index].died_at = None;
                self.release_locks(HostInstanceId::from(index));
            }
        }
    }

    fn release_locks(&mut self, instance: HostInstanceId) {
        if self.message_box.release_locks(instance) > 0 {
            self.operated();
            let wires = self.on_wire.iter().map(|(_, wire)| wire.call.transmission.sequence);
            self.checks.only_these_may_arrive(&wires.collect::<Vec<_>>());
        }
    }

    /// The service starts, if it is down and the database is there; otherwise as soon as that is
    /// so. Locks of its earlier life go back at once (R-CRASH-02).
    pub fn start(&mut self, instance: HostInstanceId) {
        self.life.services[instance.index()].wanted = true;
        if self.life.offline || self.instances[instance.index()].life() != Life::Down {
            return;
        }
        self.life.services[instance.index()].died_at = None;
        self.release_locks(instance);
        self.life.services[instance.index()].life += 1;
        self.checks.started(instance);
        self.lived(Some(instance), Lived::Starts);
        self.renew_nodes(instance);
        self.host_input(instance, HostInput::Start);
        self.watch_tracking();
        for home in (0..self.topology.box_count()).map(MessageBoxId::from) {
            if self.message_box.has_eligible(self.now, home, instance) {
                self.checks.has_work(instance, home);
                self.ring.push_back(Now::Host(instance, HostInput::WorkAvailable { home }));
            }
        }
    }

    /// New adapters for a new life; the earlier ones stay where they are, deaf.
    fn renew_nodes(&mut self, instance: HostInstanceId) {
        let adapters = self.topology.adapters.len();
        let places = instance.index() * adapters..(instance.index() + 1) * adapters;
        for place in places {
            let adapter = AdapterId::from(place % adapters);
            let old = self.nodes.get(self.node_of[place] as usize);
            let Some(old) = old.filter(|old| old.instance == instance && old.adapter == adapter)
            else {
                continue;
            };
            let number = u32::try_from(self.nodes.len()).expect("fewer than 2^32 adapters");
            let own = self.life.own.iter().find(|(of, _)| *of == adapter);
            let machine = match own {
                Some((_, own)) => AnyAdapter::Own(own.boxed_clone()),
                None => {
                    let instance = self.topology.host_instances[instance.index()];
                    let kind = self.topology.adapters[adapter.index()].kind;
                    let cpus = self.topology.servers[instance.server.index()].cpus;
                    let isolated = self.topology.is_isolated(instance.host);
                    AnyAdapter::new(kind)
                        .choosing(&self.topology.choices)
                        .with_habits(self.topology.habits(adapter))
                        .on(cpus)
                        .isolated(isolated)
                }
            };
            let fresh = Node {
                instance,
                adapter,
                name: old.name.clone(),
                key: mix(old.key, u64::from(self.life.services[instance.index()].life)),
                machine,
                proxy: TransportProxy::numbered(number).choosing(self.topology.choices),
            };
            self.nodes.push(fresh);
            self.checks.renewed(place, number, instance);
            self.node_of[place] = number;
        }
    }

    /// The service is asked to stop in good order (R-SHUT-01). If it has not after the limit, the
    /// service manager kills it (R-SHUT-05).
    pub fn stop(&mut self, instance: HostInstanceId) {
        self.life.services[instance.index()].wanted = false;
        self.stop_within(instance, self.life.settings.stop_limit);
    }

    fn stop_within(&mut self, instance: HostInstanceId, limit: Duration) {
        if self.instances[instance.index()].life() != Life::Running {
            return;
        }
        self.lived(Some(instance), Lived::Stops);
        self.checks.stops(instance);
        let life = self.life.services[instance.index()].life;
        self.schedule(self.now + limit, Due::Kill { instance: instance.0, life });
        self.host_input(instance, HostInput::Stop);
    }

    /// Which life a host instance is in, if its process runs.
    pub(super) fn life_of(&self, instance: HostInstanceId) -> Option<u32> {
        let runs = self.instances[instance.index()].life() != Life::Down;
        runs.then(|| self.life.services[instance.index()].life)
    }

    /// Whether the adapter of a node is there: its process runs, and is not another by now.
    pub(super) fn is_present(&self, node: u32) -> bool {
        let Node { instance, adapter, .. } = &self.nodes[node as usize];
        self.node(*instance, *adapter) == node && self.life_of(*instance).is_some()
    }

    /// The time to stop is over.
    #[cold]
    pub(super) fn kill_if_stopping(&mut self, instance: u32, life: u32) {
        let instance = HostInstanceId(instance);
        if self.instances[instance.index()].life() == Life::Stopping
            && self.life.services[instance.index()].life == life
        {
            self.kill(instance);
            self.start_if_wanted(instance);
        }
    }

    /// It has stopped: what it had locked goes back (R-SHUT-06).
    #[cold]
    pub(super) fn stopped(&mut self, instance: HostInstanceId) {
        self.lived(Some(instance), Lived::HasStopped);
        self.end_process(instance);
        self.release_locks(instance);
        self.start_if_wanted(instance);
    }

    fn start_if_wanted(&mut self, instance: HostInstanceId) {
        if self.life.services[instance.index()].wanted {
            self.start(instance);
        }
    }

    /// The database goes away: nothing commits, and every host instance closes its locations and
    /// recycles, within the limit (R-SHUT-07).
    pub(super) fn database_offline(&mut self) {
        self.life.offline = true;
        self.lived(None, Lived::GoesAway);
        self.fail_pending();
        for index in 0..self.instances.len() {
            self.stop_within(HostInstanceId::from(index), self.life.settings.database_limit);
        }
    }

    /// The database is back: so is everybody who was not told to stay away.
    pub(super) fn database_online(&mut self) {
        self.life.offline = false;
        self.lived(None, Lived::ComesBack);
        self.checks.job_was_away();
        self.dead_processes();
        for index in 0..self.instances.len() {
            self.start_if_wanted(HostInstanceId::from(index));
        }
    }

    /// An operator acts on a receive location, in every host instance of its host.
    pub fn act_on_location(&mut self, location: ReceiveLocationId, act: LocationAct) {
        let host = self.topology.receive_locations[location.index()].host;
        for index in 0..self.instances.len() {
            if self.topology.host_instances[index].host == host {
                let instance = HostInstanceId::from(index);
                self.host_input(instance, HostInput::Location { location, act });
            }
        }
    }

    /// An adapter closes a location by itself: there, and everywhere unless faults are tolerated
    /// (R-LIFE-07, R-LIFE-08).
    #[inline(never)]
    pub(super) fn break_location(&mut self, node: u32, location: ReceiveLocationId) {
        self.closed(node, location);
        let broken = self.nodes[node as usize].instance;
        let host = self.topology.host_instances[broken.index()].host;
        let act = LocationAct::Break;
        self.ring.push_back(Now::Host(broken, HostInput::Location { location, act }));
        if self.topology.hosts[host.index()].settings.fault_tolerance.is_some() {
            return;
        }
        for index in 0..self.instances.len() {
            let instance = HostInstanceId::from(index);
            if instance != broken && self.topology.host_instances[index].host == host {
                let act = LocationAct::Disable;
                self.ring.push_back(Now::Host(instance, HostInput::Location { location, act }));
            }
        }
    }

    /// The engine calls an adapter about its life or a location of its.
    #[cold]
    pub(super) fn watch_life_call(&mut self, node: u32, input: &AdapterInput) {
        let (call, word, location) = match input {
            AdapterInput::Initialize => (1, "Initialize", None),
            AdapterInput::Load => (2, "Load", None),
            AdapterInput::AddReceiveEndpoint { location, .. } => {
                self.finds_broken(node, *location);
                (3, "AddReceiveEndpoint", Some(*location))
            }
            AdapterInput::RemoveReceiveEndpoint { location } => {
                self.unwatch(node, *location);
                (4, "RemoveReceiveEndpoint", Some(*location))
            }
            AdapterInput::UpdateEndpointConfig { location, .. } => {
                (5, "UpdateEndpointConfig", Some(*location))
            }
            AdapterInput::Terminate { .. } => {
                self.begin_terminate(node);
                (6, "Terminate", None)
            }
            AdapterInput::Isolated(said) => self.hear_isolated(node, *said),
            AdapterInput::Arrived { .. }
            | AdapterInput::BatchComplete(_)
            | AdapterInput::BeginBatch { .. }
            | AdapterInput::Clear { .. }
            | AdapterInput::Done { .. }
            | AdapterInput::DoneReturned { .. }
            | AdapterInput::TransactionDone { .. }
            | AdapterInput::TransmitMessage { .. }
            | AdapterInput::Wake { .. }
            | AdapterInput::WireDone { .. } => return,
        };
        if !self.life.watched {
            return;
        }
        let number = location.map_or(0, |location| location.0 + 1);
        let event = Event::Called { node, call, location: number };
        self.trace.record(self.now, &event, || {
            let of = location.map_or_else(String::new, |location| {
                format!("({})", self.topology.receive_locations[location.index()].name)
            });
            format!("E>A  {} {word}{of}", self.nodes[node as usize].name)
        });
    }

    pub(super) fn unwatch(&mut self, node: u32, location: ReceiveLocationId) {
        let endpoint = self.topology.receive_locations[location.index()].endpoint;
        if let Endpoint::Source(source) = &mut self.endpoints[endpoint.index()] {
            source.unwatch(node, location);
        }
    }

    pub(super) fn begin_terminate(&mut self, node: u32) {
        self.checks.terminating(node);
        let Node { adapter, proxy, .. } = &mut self.nodes[node as usize];
        let answers =
            matches!(self.topology.adapters[adapter.index()].kind, AdapterKind::Request(_));
        let sends = self.topology.capabilities(*adapter).has(Capabilities::TRANSMIT);
        // Who answered a client has to delete the response as well (R-SHUT-04).
        proxy.terminate(sends || answers);
    }

    /// An adapter removes what the engine owns now.
    #[inline(never)]
    pub(super) fn give_up(&mut self, node: u32, endpoint: EndpointId, numbers: &[u64]) {
        if self.life.watched
            && let Endpoint::Source(source) = &mut self.endpoints[endpoint.index()]
        {
            source.give_up(node, numbers);
        }
    }

    /// An adapter leaves at the source what the engine did not take.
    #[inline(never)]
    pub(super) fn leave(&mut self, node: u32, endpoint: EndpointId, messages: Vec<WireMessage>) {
        let numbers: Vec<u64> = messages.iter().map(|message| message.number).collect();
        self.give_up(node, endpoint, &numbers);
        let Endpoint::Source(source) = &mut self.endpoints[endpoint.index()] else { return };
        source.put_back(messages);
        let told = source.wake_watchers();
        self.tell_watchers(told);
    }

    /// An adapter writes instants by the clock of its own machine (R-CLK-09).
    #[inline]
    pub(super) fn skew(&self, node: u32, batch: &mut Batch) {
        if self.life.skewed {
            let instance = self.nodes[node as usize].instance;
            let ahead = self.life.services[instance.index()].ahead;
            batch.skew(|at| Instant::from_nanos(at.as_nanos().saturating_add_signed(ahead)));
        }
    }
}

/// What the end of a process and a service window do to a reference of `port`.
pub(super) fn tell_life(effect: &Effect, port: &str) -> String {
    if let Effect::Scheduled { at, due } = effect {
        return format!("MB   {} of {port} is scheduled for {due}", at.document);
    }
    let Effect::Unlocked { at, owner } = effect else { return format!("{effect:?}") };
    format!("MB   gives back {} of {port}, locked to {owner}", at.document)
}
