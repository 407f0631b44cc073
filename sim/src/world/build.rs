//! Building a world from its setup.

use std::collections::VecDeque;
use std::sync::Arc;

use floodgate_engine::adapter::AnyAdapter;
use floodgate_engine::config::{AdapterKind, Server, Topology};
use floodgate_engine::hash::{mix, name_key};
use floodgate_engine::host::HostInstance;
use floodgate_engine::id::{AdapterId, HostId, HostInstanceId, ServerId, Slab};
use floodgate_engine::message::{Context, PropertyId, Value};
use floodgate_engine::message_box::MessageBox;
use floodgate_engine::pipeline::Stage;
use floodgate_engine::time::Instant;
use floodgate_engine::transport_proxy::TransportProxy;

use super::audit::Audits;
use super::calls::Calls;
use super::controller::{Controlling, Watched};
use super::coordinator::Coordinator;
use super::fates::FateMeter;
use super::idle::IdleLooks;
use super::life::Lives;
use super::line::Stores;
use super::load::Load;
use super::overfull::Room;
use super::sample::Sampled;
use super::throttling::Throttling;
use super::tracking::Tracking;
use super::users::{Population, Waits};
use super::{Node, World};
use rustc_hash::FxHashMap;

use crate::check::Checks;
use crate::counter::{self, Disks, Places};
use crate::endpoint::{Endpoint, Sink, Source};
use crate::load::{ArrivalKind, Arrivals, Choice};
use crate::meter::{Meters, Pool};
use crate::probe::Samples;
use crate::queue::Wheel;
use crate::resource::Processor;
use crate::rng::Rng;
use crate::setup::{Discipline, EndpointSettings, Fault, LoadSettings, Monitor, Outbound, Setup};
use crate::trace::Trace;

/// The first stage of any pipeline that holds too many components.
fn overfull(topology: &Topology) -> Option<Stage> {
    let receives = topology.receive_locations.iter().find_map(|own| own.pipeline.overfull());
    receives.or_else(|| topology.send_ports.iter().find_map(|own| own.pipeline.overfull()))
}

impl World {
    /// A world at its beginning.
    #[expect(clippy::too_many_lines, reason = "a line for each of its fields")]
    #[must_use]
    pub fn new(setup: &Setup) -> Self {
        let topology = Arc::new(with_contexts(&setup.topology));
        let (nodes, node_of) = build_nodes(&topology);
        let window = (setup.measure_from, setup.measure_to);
        let world = Self {
            now: Instant::ZERO,
            active: Instant::ZERO,
            end: setup.end,
            end_planned: setup.end,
            room: Room::for_at_most(setup.waiting_max),
            drain: setup.drain,
            measured: window,
            loads_open: setup.loads.len(),
            queue: Wheel::new(),
            ring: VecDeque::new(),
            rng: Rng::new(setup.seed, setup.replication),
            done_order: setup.done,
            response_order: setup.responses,
            shuffle_ties: setup.shuffle_ties,
            apart: false,
            scheduled: 0,
            calls: Calls::new(setup.calls),
            costs: setup.costs,
            host_wakes: vec![Instant::MAX; topology.host_instances.len()],
            pools: vec![Pool::over(window.0, window.1); topology.host_instances.len()],
            instances: build_instances(&topology),
            checks: Checks::new(&topology, &node_of),
            nodes,
            node_of,
            message_box: MessageBox::new(&topology),
            box_wake: Instant::MAX,
            processors: build_processors(&topology, setup),
            shared_versions: vec![0; topology.servers.len()],
            jobs: Slab::default(),
            databases: setup.databases.clone(),
            stores: Stores::new(&topology, setup),
            audits: Audits::new(&topology, setup),
            pending: Slab::default(),
            cleanup_every: setup.cleanup,
            jobs_run: setup.jobs,
            saved: Vec::new(),
            cleanup_due: false,
            master_job_due: false,
            endpoints: build_endpoints(&topology, setup),
            on_wire: Slab::default(),
            fetches: Slab::default(),
            coordinator: Coordinator::new(setup.coordination),
            answering: Slab::default(),
            unaccepted: FxHashMap::default(),
            next_template: first_free_template(&topology, &setup.loads),
            forwarded: FxHashMap::default(),
            throttling: Throttling::of(&topology),
            tracking: Tracking::new(setup),
            life: Lives::new(setup),
            loads: build_loads(&topology, &setup.loads),
            waits: Waits::default(),
            watched: watched(&setup.loads),
            wires_arrived: 0,
            documents_arrived: 0,
            documents_accepted: 0,
            trace: Trace::default(),
            meters: Meters::over(window.0, window.1, topology.subscribers()),
            fates: FateMeter::default(),
            samples: Samples::every(setup.sample).with_parts(counters(&topology, setup)),
            sampled: Sampled::of(&topology),
            idle: IdleLooks::over(window, setup.costs.idle_look),
            effects: Vec::new(),
            ready: Vec::new(),
            finished: Vec::new(),
            topology,
        };
        world.opened(setup)
    }

    /// Everything that comes from outside is planned.
    fn opened(mut self, setup: &Setup) -> Self {
        self.idle.queue_at(&self.processors, &self.databases);
        self.checks.calls_take(setup.calls.to_adapter);
        self.begin_life();
        self.start_loads();
        self.plan_acts(&setup.acts);
        self
    }
}

/// The columns of single hosts and MessageBoxes.
fn counters(topology: &Topology, setup: &Setup) -> Vec<(String, &'static str)> {
    let server = |server: &ServerId| topology.servers[server.index()].name.clone();
    let servers: Vec<String> = setup.databases.iter().map(server).collect();
    let disks = Disks::of(&setup.costs);
    counter::names(topology, &Places { servers: &servers, disks })
}

fn build_processors(topology: &Topology, setup: &Setup) -> Vec<Processor> {
    let one = |(server, discipline): (&Server, &Discipline)| {
        let mut processor = Processor::new(server.cpus, *discipline);
        processor.observe(setup.measure_from, setup.measure_to);
        processor
    };
    topology.servers.iter().zip(&setup.disciplines).map(one).collect()
}

/// A stage with more components than it may have cannot be deployed (R-PIPE-05).
fn assert_stages_fit(topology: &Topology) {
    let full = overfull(topology);
    assert!(full.is_none(), "stages hold 255 components at most (R-PIPE-05): {full:?}");
}

fn build_instances(topology: &Arc<Topology>) -> Vec<HostInstance> {
    let indexes = 0..topology.host_instances.len();
    indexes.map(|index| HostInstance::new(topology, HostInstanceId::from(index))).collect()
}

/// The context that every message of a location starts with, marked as a template.
fn with_contexts(topology: &Topology) -> Topology {
    assert_stages_fit(topology);
    let mut topology = topology.clone();
    let ports = topology.receive_ports.clone();
    for (number, location) in (1..).zip(&mut topology.receive_locations) {
        let context = std::mem::take(&mut location.context);
        let mut context = context.promoting(topology.choices.promoted_length);
        let written = [(PropertyId::RECEIVE_LOCATION_NAME, &location.name)];
        let promoted = [
            (PropertyId::INBOUND_TRANSPORT_LOCATION, &location.name),
            (PropertyId::INBOUND_TRANSPORT_TYPE, &topology.adapters[location.adapter.index()].name),
            (PropertyId::RECEIVE_PORT_NAME, &ports[location.port.index()].name),
            (PropertyId::RECEIVE_PORT_ID, &ports[location.port.index()].name),
        ];
        for (property, value) in written {
            context.write(property, Some(Value::text(value)));
        }
        for (property, value) in promoted {
            let refused = context.promote(property, Some(Value::text(value)));
            assert!(refused.is_ok(), "names of ports and locations are short enough to promote");
        }
        location.pipeline.prepare(&mut context);
        location.context = context.into_template(number);
    }
    topology
}

fn build_nodes(topology: &Topology) -> (Vec<Node>, Vec<u32>) {
    let mut nodes = Vec::new();
    let mut node_of = Vec::new();
    for (index, config) in topology.host_instances.iter().enumerate() {
        let isolated = topology.is_isolated(config.host);
        let cpus = topology.servers[config.server.index()].cpus;
        assert!(!isolated || only_receives(topology, config.host), "isolated hosts only receive");
        for (at, adapter) in topology.adapters.iter().enumerate() {
            node_of.push(u32::try_from(nodes.len()).expect("fewer than 2^32 adapters"));
            if used_by(topology, config.host, AdapterId::from(at)) {
                let host = &topology.hosts[config.host.index()].name;
                let name = format!("{}@{host}", adapter.name);
                nodes.push(Node {
                    instance: HostInstanceId::from(index),
                    adapter: AdapterId::from(at),
                    key: mix(name_key(&name), index as u64),
                    name,
                    machine: AnyAdapter::new(adapter.kind)
                        .choosing(&topology.choices)
                        .with_habits(topology.habits(AdapterId::from(at)))
                        .on(cpus)
                        .isolated(isolated),
                    proxy: TransportProxy::numbered(
                        u32::try_from(nodes.len()).expect("fewer than 2^32 adapters"),
                    )
                    .choosing(topology.choices),
                });
            }
        }
    }
    (nodes, node_of)
}

/// Whether nothing but receive locations is on a host (R-LIFE-11).
fn only_receives(topology: &Topology, host: HostId) -> bool {
    let adapters = (0..topology.adapters.len()).map(AdapterId::from);
    let sends = |adapter: AdapterId| {
        topology.has_send_handler(host, adapter) || used_dynamically(topology, host, adapter)
    };
    !adapters.into_iter().any(sends) && topology.orchestrations.iter().all(|own| own.host != host)
}

/// Whether a host has a handler of the adapter: only then is it created there (R-SND-01).
fn used_by(topology: &Topology, host: HostId, adapter: AdapterId) -> bool {
    match topology.adapters[adapter.index()].kind {
        AdapterKind::Receive(_)
        | AdapterKind::Request(_)
        | AdapterKind::TransactionalReceive(_) => topology
            .receive_locations
            .iter()
            .any(|location| location.host == host && location.adapter == adapter),
        AdapterKind::Send(_) | AdapterKind::TransactionalSend(_) => {
            topology.has_send_handler(host, adapter) || used_dynamically(topology, host, adapter)
        }
    }
}

/// Whether a dynamic send port may choose the adapter in this host (R-DYN-06).
fn used_dynamically(topology: &Topology, host: HostId, adapter: AdapterId) -> bool {
    let own = topology.send_handlers.iter();
    let chosen = topology.dynamic_ports.iter().flat_map(|port| &port.handlers);
    !topology.dynamic_ports.is_empty()
        && own
            .map(|handler| (handler.adapter, handler.host))
            .chain(chosen.copied())
            .any(|known| known == (adapter, host))
}

fn build_endpoints(topology: &Topology, setup: &Setup) -> Vec<Endpoint> {
    let window = (setup.measure_from, setup.measure_to);
    let mut endpoints: Vec<Endpoint> = (topology.endpoints.iter().zip(&setup.endpoints))
        .map(|(name, settings)| match settings {
            EndpointSettings::Sink(sink) => {
                Endpoint::Sink(Box::new(Sink::new(name, sink.clone(), window)))
            }
            EndpointSettings::Clients { wire, patience } => {
                Endpoint::Source(Source::of_clients(*wire, *patience))
            }
            EndpointSettings::Source { wire } => Endpoint::Source(Source::new(*wire)),
        })
        .collect();
    for fault in &setup.faults {
        if let Fault::EndpointDown { endpoint, at, lasts } = fault
            && let Endpoint::Sink(sink) = &mut endpoints[endpoint.index()]
        {
            sink.plan_outage(*at, *lasts);
        }
    }
    endpoints
}

/// Templates are numbered: the locations' first, then one per load, location and address.
fn first_free_template(topology: &Topology, loads: &[LoadSettings]) -> u32 {
    let of = |load: &LoadSettings| {
        load.locations.len() * load.outbound.len().max(1) * load.variety.kinds.len().max(1)
    };
    let used = topology.receive_locations.len() + loads.iter().map(of).sum::<usize>();
    u32::try_from(used).expect("few locations") + 1
}

/// One for each controller that looks at a processor.
fn watched(loads: &[LoadSettings]) -> Vec<(u32, Watched)> {
    let of = |(load, settings): (u32, &LoadSettings)| match settings.controller?.monitor {
        Monitor::Cpu(server) => Some((load, Watched::new(server))),
        Monitor::Files
        | Monitor::Processed
        | Monitor::Queue
        | Monitor::Received
        | Monitor::Spool => None,
    };
    (0..).zip(loads).filter_map(of).collect()
}

fn build_loads(topology: &Topology, loads: &[LoadSettings]) -> Vec<Load> {
    let mut next_template =
        u32::try_from(topology.receive_locations.len()).expect("few locations") + 1;
    let mut build = |load: &LoadSettings| {
        let mut contexts = Vec::new();
        let kinds = load.variety.kinds.iter().map(|kind| &kind.document_type);
        let own = Some(&load.document_type).filter(|_| load.variety.kinds.is_empty());
        for document_type in own.into_iter().chain(kinds) {
            for location in &load.locations {
                let location = &topology.receive_locations[location.index()];
                for addressed in addressed(&typed(location, document_type), &load.outbound) {
                    contexts.push(addressed.into_template(next_template));
                    next_template += 1;
                }
            }
        }
        let key = name_key(&load.name);
        Load {
            contexts_of_kind: contexts.len() / load.variety.kinds.len().max(1),
            contexts,
            choice: Choice::of(&load.variety, key).map(Box::new),
            open: true,
            users: match &load.arrivals {
                ArrivalKind::Users(users) => Some(Population::new(users.clone())),
                ArrivalKind::Lots(_) | ArrivalKind::Replay(_) | ArrivalKind::Shape { .. } => None,
            },
            controller: load.controller.map(Controlling::new),
            arrivals: Arrivals::new(load.arrivals.clone(), key, load.start, load.until, load.count)
                .paced(load.pace.clone())
                .refused(load.refusals.clone()),
            key,
            locations: load.locations.clone(),
            body: load.body.clone(),
            poison: load.poison,
            sent: 0,
        }
    };
    loads.iter().map(&mut build).collect()
}

/// `context` once for every address that the messages of a load have, or as it is.
fn addressed(context: &Context, outbound: &[Outbound]) -> Vec<Context> {
    if outbound.is_empty() {
        return vec![context.clone()];
    }
    let write = |to: &Outbound| {
        let mut context = context.clone();
        let named = to.transport_type.as_deref().map(Value::text);
        context.write(PropertyId::OUTBOUND_TRANSPORT_LOCATION, Some(Value::text(&to.location)));
        context.write(PropertyId::OUTBOUND_TRANSPORT_TYPE, named);
        context
    };
    outbound.iter().map(write).collect()
}

/// The context of a load's messages: a disassembler will promote their type (R-MSG-11). It is
/// known beforehand, since bodies are described, and pass-through leaves it out.
fn typed(location: &floodgate_engine::config::ReceiveLocation, document_type: &str) -> Context {
    let mut context = location.context.clone();
    let refused = location.pipeline.promote_type(&mut context, document_type);
    assert!(refused.is_ok(), "a document type is short enough to promote");
    context
}
