//! From a scenario, which has names, to a setup, which has numbers.
//!
//! Every cross-reference was checked when the scenario was read, so that nothing here can fail but
//! reading a replay file.

mod acts;
mod arrivals;
mod content;
mod convert;
mod dehydration;
mod documents;
mod dynamic;
mod exchanges;
mod faults;
mod habits;
mod loads;
mod orchestrations;
mod pipelines;
mod policy;
mod ports;
mod throttling;
mod tracking;
mod transactions;

use floodgate_engine::config::{
    AdapterConfig, AdapterKind, Host, HostInstanceConfig, MessageBoxConfig, Server, Topology,
};
use floodgate_engine::id::{
    AdapterId, EndpointId, HostId, ReceiveLocationId, ReceivePortId, ServerId,
};
use floodgate_engine::message_box::CleanupOrder;
use floodgate_engine::time::Instant;
use floodgate_sim::setup::{CallTimes, EndpointSettings, Setup};

use crate::plan::scenario::Ties;
use crate::plan::{self, Problems, Scenario};
pub use documents::Arriving;

use convert::{costs, discipline, done_order, host_settings, position};

/// The farthest instant of a run that nothing else ends: about 31 years.
const FAR: Instant = Instant::from_nanos(1_000_000_000 * 1_000_000_000);

/// What names became.
struct Names<'a> {
    scenario: &'a Scenario,
    topology: Topology,
    endpoints: Vec<EndpointSettings>,
}

/// The setup of one replication of a scenario.
///
/// # Errors
///
/// A replay file that cannot be read, or is not what it should be.
pub fn setup(scenario: &Scenario, replication: u32) -> Result<Setup, Problems> {
    let mut names = Names { scenario, topology: Topology::default(), endpoints: Vec::new() };
    names.policy();
    names.machines();
    names.receive_ports();
    names.send_ports();
    names.send_port_groups();
    names.send_handlers();
    names.dynamic_ports();
    names.orchestrations();
    names.exchanges();
    names.tracks();
    let loads = names.loads()?;
    let (measure_from, measure_to) = window(scenario);
    Ok(Setup {
        seed: scenario.seed,
        replication,
        disciplines: scenario.servers.iter().map(|server| discipline(server.discipline)).collect(),
        databases: names.databases(),
        costs: costs(&scenario.costs),
        coordination: transactions::coordination(&scenario.transactions),
        loads,
        faults: names.faults(),
        life: faults::life(&scenario.life),
        acts: names.acts(),
        measure_from,
        measure_to,
        end: FAR,
        drain: scenario.drain_at_most(),
        waiting_max: scenario.waiting_max,
        sample: scenario.sample,
        cleanup: scenario.message_boxes[0].cleanup,
        jobs: scenario.message_boxes[0].jobs,
        tracking: names.tracking(),
        done: done_order(scenario.schedule.done),
        responses: exchanges::response_order(scenario.schedule.response),
        calls: CallTimes {
            to_adapter: scenario.schedule.to_adapter,
            to_engine: scenario.schedule.to_engine,
        },
        shuffle_ties: scenario.schedule.ties == Ties::Drawn,
        endpoints: names.endpoints,
        topology: names.topology,
    })
}

/// The measured window: from the end of the longest warm-up to the end of the last load that is
/// measured by time; without one, to the end of the run. Phases say it themselves.
fn window(scenario: &Scenario) -> (Instant, Instant) {
    if let Some(timetable) = scenario.timetable() {
        return timetable.measured;
    }
    let begins = |load: &plan::load::Load| Instant::ZERO + load.start + load.warm_up;
    let from = scenario.loads.iter().map(begins).max().unwrap_or(Instant::ZERO);
    let ends = scenario.loads.iter().filter_map(|load| Some(begins(load) + load.measure?));
    (from, ends.max().unwrap_or(FAR))
}

impl Names<'_> {
    fn server(&self, name: &str) -> ServerId {
        ServerId::from(position(self.topology.servers.iter().map(|server| &server.name), name))
    }

    fn host(&self, name: &str) -> HostId {
        HostId::from(position(self.topology.hosts.iter().map(|host| &host.name), name))
    }

    fn port(&self, name: &str) -> ReceivePortId {
        ReceivePortId::from(position(
            self.topology.receive_ports.iter().map(|port| &port.name),
            name,
        ))
    }

    /// The locations of a receive port, in order.
    fn locations(&self, port: &str) -> Vec<ReceiveLocationId> {
        let id = self.port(port);
        let locations = self.topology.receive_locations.iter().enumerate();
        locations
            .filter(|(_, at)| at.port == id)
            .map(|(at, _)| ReceiveLocationId::from(at))
            .collect()
    }

    fn machines(&mut self) {
        let server = |server: &plan::server::Server| Server {
            name: server.name.clone(),
            cpus: server.cores,
        };
        self.topology.servers = self.scenario.servers.iter().map(server).collect();
        let message_box = |own: &plan::server::MessageBox| MessageBoxConfig {
            name: own.name.clone(),
            publishes: own.publishes,
        };
        let cached = self.scenario.message_boxes[0].cached_rows;
        self.topology.policy.cached_rows = cached.unwrap_or(u64::MAX);
        self.topology.policy.cleanup = match self.scenario.message_boxes[0].cleanup_order {
            plan::server::CleanupOrder::Newest => CleanupOrder::Newest,
            plan::server::CleanupOrder::Oldest => CleanupOrder::Oldest,
        };
        self.topology.message_boxes = self.scenario.message_boxes.iter().map(message_box).collect();
        for host in &self.scenario.hosts {
            let id = HostId::from(self.topology.hosts.len());
            let properties = self.host_properties(host);
            self.topology.hosts.push(Host {
                name: host.name.clone(),
                settings: host_settings(host),
                properties,
            });
            for server in &host.on {
                let server = self.server(server);
                self.topology.host_instances.push(HostInstanceConfig { host: id, server });
            }
        }
    }

    /// The server of every MessageBox, the master's first.
    fn databases(&self) -> Vec<ServerId> {
        let boxes = self.scenario.message_boxes.iter();
        boxes.map(|message_box| self.server(&message_box.server)).collect()
    }

    /// The adapter of this kind, registered on first sight: equal settings are one adapter, and
    /// so one object in a host instance that serves all its ports (R-SND-03).
    fn adapter(&mut self, name: &str, kind: AdapterKind) -> AdapterId {
        let adapters = &mut self.topology.adapters;
        let known = adapters.iter().position(|known| known.name == name && known.kind == kind);
        AdapterId::from(known.unwrap_or_else(|| {
            adapters.push(AdapterConfig { name: name.to_owned(), kind });
            adapters.len() - 1
        }))
    }

    fn endpoint(&mut self, name: String, settings: EndpointSettings) -> EndpointId {
        self.topology.endpoints.push(name);
        self.endpoints.push(settings);
        EndpointId::from(self.endpoints.len() - 1)
    }
}
