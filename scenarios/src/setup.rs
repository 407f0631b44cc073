//! From a scenario, which has names, to a setup, which has numbers.
//!
//! Every cross-reference was checked when the scenario was read, so that nothing here can fail but
//! reading a replay file.

use std::path::Path;

use floodgate_engine::config::{
    AdapterConfig, AdapterKind, Host, HostInstanceConfig, HostSettings, OnFailure, ReceiveLocation,
    ReceivePort, ReceiveSettings, SendPort, SendSettings, Server, Topology, Transport,
};
use floodgate_engine::id::{
    AdapterId, EndpointId, HostId, ReceiveLocationId, ReceivePortId, ServerId,
};
use floodgate_engine::message::{Body, Context, Defect, PropertyId, PropertyTable, Value};
use floodgate_engine::pipeline::{ReceivePipeline, SendPipeline, Stage};
use floodgate_engine::retry::RetryPolicy;
use floodgate_engine::subscription::{Condition, Filter, Operator, PortState};
use floodgate_engine::time::{Duration, Instant};
use floodgate_sim::cost::Costs;
use floodgate_sim::dist::Dist;
use floodgate_sim::load::{ArrivalKind, Lots, LotsPer, Shape, Spacing, parse_csv};
use floodgate_sim::setup::{
    Discipline, DoneOrder, EndpointSettings, Failure, Fault, LoadSettings, Poison, Setup,
    SinkSettings,
};

use crate::plan::{self, Problems, Scenario};

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
    names.machines();
    names.receive_ports();
    names.send_ports();
    let loads = names.loads()?;
    let (measure_from, measure_to) = window(scenario);
    let box_server = &scenario.message_boxes[0];
    Ok(Setup {
        seed: scenario.seed,
        replication,
        disciplines: scenario.servers.iter().map(|server| discipline(server.discipline)).collect(),
        database: names.server(&box_server.server),
        costs: costs(&scenario.costs),
        loads,
        faults: names.faults(),
        measure_from,
        measure_to,
        end: FAR,
        drain: scenario.drain,
        sample: scenario.sample,
        cleanup: box_server.cleanup,
        done: done_order(scenario.schedule.done),
        shuffle_ties: false,
        endpoints: names.endpoints,
        topology: names.topology,
    })
}

/// The measured window: from the end of the longest warm-up to the end of the last load that is
/// measured by time; without one, to the end of the run.
fn window(scenario: &Scenario) -> (Instant, Instant) {
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
        for host in &self.scenario.hosts {
            let id = HostId::from(self.topology.hosts.len());
            self.topology
                .hosts
                .push(Host { name: host.name.clone(), settings: host_settings(host) });
            for server in &host.on {
                let server = self.server(server);
                self.topology.host_instances.push(HostInstanceConfig { host: id, server });
            }
        }
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

    fn receive_ports(&mut self) {
        for port in &self.scenario.receive_ports {
            self.topology
                .receive_ports
                .push(ReceivePort { name: port.name.clone(), map: port.map });
            let port_id = self.port(&port.name);
            for location in &port.locations {
                let adapter = receive_adapter(&location.adapter);
                let name = receive_name(&location.adapter);
                let adapter = self.adapter(name, AdapterKind::Receive(adapter));
                let source = EndpointSettings::Source { wire: dist(&location.wire) };
                let endpoint = self.endpoint(format!("{}.source", location.name), source);
                let mut context = Context::default();
                if location.suspend_on_routing_failure {
                    context.write(
                        PropertyId::SUSPEND_MESSAGE_ON_ROUTING_FAILURE,
                        Some(Value::Bool(true)),
                    );
                }
                let host = self.host(&location.host);
                self.topology.receive_locations.push(ReceiveLocation {
                    name: location.name.clone(),
                    port: port_id,
                    host,
                    adapter,
                    pipeline: receive_pipeline(location.pipeline),
                    endpoint,
                    enabled: true,
                    context,
                });
            }
        }
    }

    fn send_ports(&mut self) {
        for port in &self.scenario.send_ports {
            let primary = self.transport(&format!("{}.primary", port.name), &port.primary);
            let backup = (port.backup.as_ref())
                .map(|backup| self.transport(&format!("{}.backup", port.name), backup));
            let filter = port.filter.as_ref().map(|own| filter(own, &mut self.topology.properties));
            let on_failure =
                if port.stop_on_failure { OnFailure::Stop } else { OnFailure::Continue };
            self.topology.send_ports.push(SendPort {
                name: port.name.clone(),
                filter,
                ordered: port.ordered.then_some(on_failure),
                priority: u8::try_from(port.priority).expect("priorities are at most 10"),
                pipeline: send_pipeline(port.pipeline),
                map: port.map,
                state: port_state(port.state),
                primary,
                backup,
            });
        }
    }

    fn transport(&mut self, name: &str, transport: &plan::send::Transport) -> Transport {
        let adapter_name = send_name(&transport.adapter);
        let adapter =
            self.adapter(adapter_name, AdapterKind::Send(send_adapter(&transport.adapter)));
        let forward_to = transport.forward_to.as_ref().map(|port| self.locations(port)[0]);
        let sink = SinkSettings {
            wire: dist(&transport.wire),
            limit: transport.limit,
            failure: transport.fail.as_ref().map_or(Failure::Never, failure),
            fail_takes: transport.fail_takes,
            forward_to,
        };
        let endpoint = self.endpoint(name.to_owned(), EndpointSettings::Sink(sink));
        let retry =
            RetryPolicy { count: transport.retry.count, interval: transport.retry.interval };
        Transport { adapter, host: self.host(&transport.host), endpoint, retry }
    }

    fn loads(&self) -> Result<Vec<LoadSettings>, Problems> {
        self.scenario.loads.iter().map(|load| self.load(load)).collect()
    }

    fn load(&self, load: &plan::load::Load) -> Result<LoadSettings, Problems> {
        let locations = match &load.location {
            Some(name) => {
                let names = self.topology.receive_locations.iter().map(|location| &location.name);
                vec![ReceiveLocationId::from(position(names, name))]
            }
            None => self.locations(&load.to),
        };
        let start = Instant::ZERO + load.start;
        let bytes = load.size.saturating_mul(u64::from(load.documents));
        let body = Body::Described {
            bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
            documents: load.documents,
        };
        Ok(LoadSettings {
            name: load.name.clone(),
            locations,
            arrivals: arrivals(load, &self.scenario.folder)?,
            start,
            until: load.measure.map(|measure| start + load.warm_up + measure),
            count: load.count,
            body,
            document_type: load.document_type.clone(),
            poison: load.poison.as_ref().map(|poison| Poison {
                every: poison.every,
                defect: Defect { stage: stage(poison.stage), document: poison.document },
            }),
        })
    }

    fn faults(&self) -> Vec<Fault> {
        let fault = |fault: &plan::fault::Fault| Fault::EndpointDown {
            endpoint: EndpointId::from(position(self.topology.endpoints.iter(), &fault.endpoint)),
            at: Instant::ZERO + fault.at,
            lasts: fault.lasts,
        };
        self.scenario.faults.iter().map(fault).collect()
    }
}

fn position<'a>(mut names: impl Iterator<Item = &'a String>, name: &str) -> usize {
    names.position(|known| known == name).expect("names were checked when the scenario was read")
}

/// Rates of a scenario are documents per second; messages arrive as interchanges.
fn arrivals(load: &plan::load::Load, folder: &Path) -> Result<ArrivalKind, Problems> {
    let per_second = |rate: f64| rate / f64::from(load.documents);
    let shaped = |shape, spacing| ArrivalKind::Shape { shape, spacing: spaced(spacing) };
    Ok(match &load.rate {
        plan::rate::Rate::AllAtOnce => {
            let count = usize::try_from(load.count.unwrap_or(1)).unwrap_or(usize::MAX);
            ArrivalKind::Replay(vec![Instant::ZERO; count])
        }
        plan::rate::Rate::Constant(rate) => {
            shaped(Shape::constant(per_second(*rate)), plan::rate::Spacing::Constant)
        }
        plan::rate::Rate::Poisson(rate) => {
            shaped(Shape::constant(per_second(*rate)), plan::rate::Spacing::Poisson)
        }
        plan::rate::Rate::Steps(steps, spacing) => {
            let steps = steps.iter().map(|step| (Instant::ZERO + step.at, per_second(step.rate)));
            shaped(Shape::steps(steps.collect()), *spacing)
        }
        plan::rate::Rate::Floodgate(flood, spacing) => {
            let (base, peak) = (per_second(flood.base), per_second(flood.peak));
            let first = Instant::ZERO + flood.first;
            shaped(Shape::floodgate(base, peak, flood.every, flood.lasts, first), *spacing)
        }
        plan::rate::Rate::Lots(lots) => ArrivalKind::Lots(Lots {
            threads: lots.threads,
            lot: lots.lot,
            sleep: lots.sleep,
            per: match lots.per {
                plan::rate::Per::Section => LotsPer::Section,
                plan::rate::Per::Thread => LotsPer::Thread,
            },
            files: load.count,
            time: load.measure.map(|measure| load.warm_up + measure),
        }),
        plan::rate::Rate::Replay(file) => ArrivalKind::Replay(replay(&folder.join(file))?),
    })
}

fn replay(path: &Path) -> Result<Vec<Instant>, Problems> {
    let text = std::fs::read_to_string(path).map_err(|error| Problems::unreadable(path, &error))?;
    let rows = parse_csv(&text)
        .map_err(|error| Problems::one(format!("{}: {error}", path.display()), None))?;
    Ok(rows.into_iter().map(|row| row.at).collect())
}

fn spaced(spacing: plan::rate::Spacing) -> Spacing {
    match spacing {
        plan::rate::Spacing::Constant => Spacing::Constant,
        plan::rate::Spacing::Poisson => Spacing::Poisson,
    }
}

fn host_settings(host: &plan::host::Host) -> HostSettings {
    HostSettings {
        poll: host.poll,
        dequeue_threads: host.dequeue_threads,
        dequeue_batch: host.dequeue_batch,
        internal_queue: host.internal_queue,
        in_process: host.in_process,
        threads: host.threads,
        threads_start: host.threads_start,
        thread_growth: host.thread_growth,
        engine_batch: host.engine_batch,
        batch_queue: host.batch_queue,
    }
}

fn receive_name(adapter: &plan::receive::ReceiveAdapter) -> &'static str {
    match adapter.kind {
        plan::receive::ReceiveKind::File => "FILE",
        plan::receive::ReceiveKind::Push => "PUSH",
        plan::receive::ReceiveKind::Queue => "QUEUE",
    }
}

fn receive_adapter(adapter: &plan::receive::ReceiveAdapter) -> ReceiveSettings {
    ReceiveSettings {
        batch_messages: adapter.batch,
        batch_bytes: adapter.batch_bytes.unwrap_or(u64::MAX),
        poll: adapter.poll,
        notify: adapter.notify,
        batches: adapter.batches,
    }
}

fn send_name(adapter: &plan::send_adapter::SendAdapter) -> &'static str {
    match adapter.kind {
        plan::send_adapter::SendKind::File => "FILE",
        plan::send_adapter::SendKind::Http => "HTTP",
        plan::send_adapter::SendKind::Sync => "SYNC",
        plan::send_adapter::SendKind::Synthetic => "SYNTHETIC",
    }
}

fn send_adapter(adapter: &plan::send_adapter::SendAdapter) -> SendSettings {
    use plan::send_adapter::SendKind;
    let (completion_batch, completion_wait) = (adapter.completion.as_ref())
        .map_or((1, Duration::ZERO), |completion| (completion.batch, completion.wait));
    SendSettings {
        blocking: adapter.blocking,
        batched: adapter.batched,
        batch: adapter.batch,
        // FILE documents its batch of 20 as fixed (R-BSND-07); a synthetic adapter gets what it
        // asks for.
        fixed_batch: matches!(adapter.kind, SendKind::File | SendKind::Synthetic),
        workers: adapter.workers,
        completion_batch,
        completion_wait,
    }
}

fn receive_pipeline(pipeline: plan::receive::ReceivePipeline) -> ReceivePipeline {
    match pipeline {
        plan::receive::ReceivePipeline::PassThruReceive => ReceivePipeline::pass_through(),
        plan::receive::ReceivePipeline::XmlReceive => ReceivePipeline::xml(),
    }
}

fn send_pipeline(pipeline: plan::send::SendPipeline) -> SendPipeline {
    match pipeline {
        plan::send::SendPipeline::PassThruTransmit => SendPipeline::pass_through(),
        plan::send::SendPipeline::XmlTransmit => SendPipeline::xml(),
    }
}

fn port_state(state: plan::send::PortState) -> PortState {
    match state {
        plan::send::PortState::Bound => PortState::Bound,
        plan::send::PortState::Started => PortState::Started,
        plan::send::PortState::Stopped => PortState::Stopped,
    }
}

fn stage(stage: plan::load::Stage) -> Stage {
    match stage {
        plan::load::Stage::Decode => Stage::Decode,
        plan::load::Stage::Disassemble => Stage::Disassemble,
        plan::load::Stage::Map => Stage::Map,
        plan::load::Stage::Validate => Stage::Validate,
    }
}

fn discipline(discipline: plan::server::Discipline) -> Discipline {
    match discipline {
        plan::server::Discipline::Fcfs => Discipline::FirstComeFirstServed,
        plan::server::Discipline::ProcessorSharing => Discipline::ProcessorSharing,
    }
}

fn done_order(order: plan::scenario::DoneOrder) -> DoneOrder {
    match order {
        plan::scenario::DoneOrder::CompleteFirst => DoneOrder::CompleteFirst,
        plan::scenario::DoneOrder::Drawn => DoneOrder::Drawn,
        plan::scenario::DoneOrder::ReturnFirst => DoneOrder::ReturnFirst,
    }
}

fn failure(failure: &plan::send::Failure) -> Failure {
    match failure {
        plan::send::Failure::Always => Failure::Always,
        plan::send::Failure::Every(nth) => Failure::Every(*nth),
        plan::send::Failure::First(attempts) => Failure::First(*attempts),
        plan::send::Failure::PerMille(share) => Failure::PerMille(*share),
    }
}

fn dist(distribution: &plan::distribution::Distribution) -> Dist {
    use plan::distribution::Distribution;
    match distribution {
        Distribution::Constant(value) => Dist::Constant(*value),
        Distribution::Erlang(own) => Dist::Erlang { mean: own.mean, shape: own.shape },
        Distribution::Exponential(mean) => Dist::Exponential { mean: *mean },
        Distribution::Lognormal(own) => Dist::Lognormal { mean: own.mean, scv: own.scv },
        Distribution::Uniform(own) => Dist::Uniform { low: own.low, high: own.high },
    }
}

fn filter(filter: &plan::filter::Filter, properties: &mut PropertyTable) -> Filter {
    let mut condition = |own: &plan::filter::Condition| Condition {
        property: properties.intern(&own.property),
        operator: operator(own.operator),
        value: own.value.as_ref().map_or(Value::Bool(true), value),
    };
    let groups = filter.groups.iter().map(|group| group.iter().map(&mut condition).collect());
    Filter { groups: groups.collect() }
}

fn operator(operator: plan::filter::Operator) -> Operator {
    match operator {
        plan::filter::Operator::Equal => Operator::Equals,
        plan::filter::Operator::Exists => Operator::Exists,
        plan::filter::Operator::Greater => Operator::Greater,
        plan::filter::Operator::GreaterOrEqual => Operator::GreaterOrEqual,
        plan::filter::Operator::Less => Operator::Less,
        plan::filter::Operator::LessOrEqual => Operator::LessOrEqual,
        plan::filter::Operator::NotEqual => Operator::NotEquals,
    }
}

fn value(value: &plan::filter::FilterValue) -> Value {
    match value {
        plan::filter::FilterValue::Bool(value) => Value::Bool(*value),
        plan::filter::FilterValue::Integer(value) => Value::Int(*value),
        plan::filter::FilterValue::Text(value) => Value::text(value),
    }
}

/// The price list, by name.
fn costs(own: &plan::cost::Costs) -> Costs {
    Costs {
        receive_batch: own.receive_batch,
        receive_message: own.receive_message,
        receive_kb: own.receive_kb,
        xml_message: own.xml_message,
        xml_kb: own.xml_kb,
        map_message: own.map_message,
        map_kb: own.map_kb,
        send_batch: own.send_batch,
        send_message: own.send_message,
        send_kb: own.send_kb,
        completion_batch: own.completion_batch,
        completion_message: own.completion_message,
        sql_transaction: own.sql_transaction,
        sql_row: own.sql_row,
        sql_kb: own.sql_kb,
        lock_transaction: own.lock_transaction,
        lock_row: own.lock_row,
        lock_kb: own.lock_kb,
    }
}
