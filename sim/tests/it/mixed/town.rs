//! A random plant of ports of every kind: how it is drawn, and what setup it makes.
//!
//! What a scenario file may not say is not drawn either. A field that makes no difference is
//! simplest at its default, so that a case that fails shrinks to what it needs.

use floodgate_engine::config::{
    AdapterConfig, AdapterKind, Authentication, Choices, Habits, Host, HostInstanceConfig,
    HostSettings, MoreTries, OnFailure, Orchestration, ReceiveSettings, RequestSettings, SendPort,
    SendPortGroup, SendSettings, Throws, TransactionalReceiveSettings, TransactionalSendSettings,
    TransportWindow,
};
use floodgate_engine::dynamic::{DynamicPort, OrderScope, SendHandler};
use floodgate_engine::exchange::{LateResponses, RequestPort, ResponseSettings, SolicitPort};
use floodgate_engine::id::{AdapterId, HostId, ReceiveLocationId, SendPortId, ServerId};
use floodgate_engine::message::{Body, Context, Defect, DefectKind, PropertyId, Value};
use floodgate_engine::message_box::MessageBoxPolicy;
use floodgate_engine::orchestration::{AnswerShape, Convoy, Program, SendShape};
use floodgate_engine::pipeline::{ReceivePipeline, SendPipeline, Stage};
use floodgate_engine::retry::RetryPolicy;
use floodgate_engine::schedule::Window;
use floodgate_engine::subscription::{Condition, Filter, PortState};
use floodgate_engine::time::Duration;
use floodgate_sim::cost::Costs;
use floodgate_sim::dist::Dist;
use floodgate_sim::load::ArrivalKind;
use floodgate_sim::setup::{
    CallTimes, Coordination, Discipline, DoneOrder, EndpointSettings, Fault, LoadSettings,
    Outbound, Poison, ResponseOrder, SinkSettings,
};

use crate::fixture::{ASYNC, PUSH, Plant, ms};
use crate::golden_orchestration::KEY;
use crate::golden_receive::recovering;

/// Everything that is drawn.
#[derive(Clone, Debug)]
pub(crate) struct Town {
    pub(super) host: HostSettings,
    /// Host instances, MessageBoxes, and whether those who receive live in a host of their own,
    /// which may be isolated.
    pub(super) places: (u32, u32, Option<bool>),
    pub(super) entrances: Vec<Entrance>,
    pub(super) exits: Vec<Exit>,
    pub(super) groups: Vec<Group>,
    /// What dynamic send ports choose from.
    pub(super) handlers: Vec<Way>,
    pub(super) processes: Vec<Process>,
    pub(super) choices: Choices,
    pub(super) policy: MessageBoxPolicy,
    pub(super) responses: ResponseSettings,
    pub(super) late: LateResponses,
    pub(super) coordination: Coordination,
    pub(super) costs: Costs,
    pub(super) schedule: Schedule,
    pub(super) troubles: Vec<Trouble>,
}

/// In which order things happen, and what chance comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    pub(super) done: DoneOrder,
    pub(super) responses: ResponseOrder,
    pub(super) calls: CallTimes,
    pub(super) shuffle_ties: bool,
    pub(super) sharing: bool,
    pub(super) seed: u64,
}

/// How messages come in.
#[derive(Clone, Debug)]
pub(crate) enum Door {
    /// Clients who wait, for so long; the request may be its own response.
    Asks { settings: RequestSettings, patience: Option<Duration>, loops: bool },
    /// One way.
    Fetches(ReceiveSettings),
    /// One way, in transactions.
    Reads(TransactionalReceiveSettings),
}

/// A receive port with one location.
#[derive(Clone, Debug)]
pub(crate) struct Entrance {
    pub(super) door: Door,
    pub(super) arrivals: Vec<u64>,
    pub(super) documents: u32,
    /// Every n-th message is bad: which document of it, and how.
    pub(super) poison: Option<(u64, u32, DefectKind)>,
    /// Whether it goes through a disassembler; whether that recovers.
    pub(super) splits: Option<bool>,
    /// Refuses failed messages; non-resumable; suspends on a routing failure.
    pub(super) told: [bool; 3],
    pub(super) route_failed: bool,
    pub(super) authentication: Authentication,
}

/// How messages go out.
#[derive(Clone, Debug)]
pub(crate) enum Way {
    Sends { settings: SendSettings, throws: Option<Throws>, more_tries: u32 },
    Writes(TransactionalSendSettings),
}

/// What a send port subscribes to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wants {
    /// What these entrances publish, one bit each.
    From(u8),
    /// Acknowledgements.
    Acks(bool),
    /// Error messages.
    Errors,
    /// What orchestrations mark.
    Marked,
    /// Replies of a two-way send port.
    Replies(usize),
}

/// A transport with its partner.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(super) way: Way,
    pub(super) partner: SinkSettings,
    pub(super) retry: RetryPolicy,
    /// When it is closed, and for how long, in milliseconds after the beginning.
    pub(super) closed: Option<(u64, u64)>,
}

/// A send port.
#[derive(Clone, Debug)]
pub(crate) struct Exit {
    pub(super) wants: Wants,
    pub(super) line: Line,
    pub(super) backup: Option<Line>,
    /// Whether it is dynamic, and what it keeps in order.
    pub(super) dynamic: Option<OrderScope>,
    /// Whether it asks for replies, and refuses uncorrelated ones; whether those are taken apart.
    pub(super) two_way: Option<(bool, bool)>,
    pub(super) ordered: Option<OnFailure>,
    pub(super) state: PortState,
    pub(super) priority: u8,
    pub(super) notifies: bool,
    pub(super) route_failed: bool,
}

/// A send port group: its members, and the entrances that it subscribes to, one bit each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group {
    pub(super) members: u8,
    pub(super) wants: u8,
    pub(super) state: PortState,
}

/// An orchestration.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    pub(super) from: usize,
    /// The send port that it is bound to, or a mark that others subscribe to; nothing.
    pub(super) sends: Option<Option<usize>>,
    /// Whether it awaits the answer, for how long, and sends that on.
    pub(super) answer: Option<(Option<Duration>, Option<usize>)>,
    pub(super) suspends: bool,
    pub(super) convoy: Option<(u32, Option<Duration>)>,
}

/// What goes wrong for a while, without anybody's doing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trouble {
    pub(super) what: What,
    pub(super) nth: usize,
    pub(super) at: u64,
    pub(super) lasts: u64,
}

/// What it is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum What {
    Broken,
    Disabled,
    Down,
    Skew(bool),
}

impl Town {
    /// The plant as it is built.
    pub(crate) fn plant(&self) -> Plant {
        let mut plant = Plant::new(self.host, PUSH);
        for at in 0..self.entrances.len() {
            self.build_entrance(&mut plant, at);
        }
        for (number, exit) in self.exits.iter().enumerate() {
            self.build_exit(&mut plant, number, exit);
        }
        self.build_handlers(&mut plant);
        self.build_groups(&mut plant);
        let (instances, boxes, apart) = self.places;
        plant.instances(instances).boxes(boxes);
        if let Some(isolated) = apart {
            settle_apart(&mut plant, isolated);
        }
        for (number, process) in self.processes.iter().enumerate() {
            self.build_process(&mut plant, number, process);
        }
        let setup = &mut plant.setup;
        let topology = &mut setup.topology;
        (topology.choices, topology.policy) = (self.choices, self.policy);
        let isolated = apart == Some(true);
        let apart = ResponseSettings { isolated, ..self.responses };
        topology.exchanges.hosts = vec![self.responses, apart];
        topology.exchanges.late = self.late;
        setup.coordination = self.coordination;
        setup.costs = self.costs;
        let Schedule { done, responses, calls, shuffle_ties, sharing, seed } = self.schedule;
        (setup.done, setup.responses, setup.calls) = (done, responses, calls);
        (setup.shuffle_ties, setup.seed) = (shuffle_ties, seed);
        if sharing {
            setup.disciplines.fill(Discipline::ProcessorSharing);
        }
        plant.setup.faults = self.troubles.iter().map(|one| self.fault(&plant, *one)).collect();
        plant
    }

    fn build_entrance(&self, plant: &mut Plant, at: usize) {
        let own = &self.entrances[at];
        let name = entrance_name(at);
        if at > 0 {
            plant.receive_port(&name, ReceivePipeline::pass_through());
        }
        let topology = &mut plant.setup.topology;
        let location = &mut topology.receive_locations[at];
        let port = &mut topology.receive_ports[at];
        (port.route_failed, port.authentication) = (own.route_failed, own.authentication);
        location.pipeline = match own.splits {
            None => ReceivePipeline::pass_through(),
            Some(false) => ReceivePipeline::xml(),
            Some(true) => recovering(),
        };
        let mut context = Context::default();
        // What convoys correlate on.
        context.promote(KEY, Some(Value::Int(1))).expect("a number is short");
        if own.told[2] {
            let told = PropertyId::SUSPEND_MESSAGE_ON_ROUTING_FAILURE;
            context.promote(told, Some(Value::Bool(true))).expect("a truth is short");
        }
        let kind = match &own.door {
            Door::Asks { settings, .. } => AdapterKind::Request(*settings),
            Door::Fetches(settings) => AdapterKind::Receive(*settings),
            Door::Reads(settings) => AdapterKind::TransactionalReceive(*settings),
        };
        let loops = matches!(own.door, Door::Asks { loops: true, .. });
        for (is_set, property, value) in [
            (own.told[0], PropertyId::ACTION_ON_FAILURE, Value::Int(0)),
            (own.told[1], PropertyId::SUSPEND_AS_NON_RESUMABLE, Value::Bool(true)),
            (loops, PropertyId::LOOPBACK, Value::Bool(true)),
        ] {
            context.write(property, is_set.then_some(value));
        }
        location.context = context;
        if at == 0 {
            topology.adapters[0].kind = kind;
        } else {
            location.adapter = AdapterId::from(topology.adapters.len());
            topology.adapters.push(AdapterConfig { name: format!("IN{at}"), kind });
        }
        let endpoint = location.endpoint.index();
        if let Door::Asks { patience, .. } = own.door {
            let wire = Dist::Constant(Duration::from_millis(1));
            plant.setup.endpoints[endpoint] = EndpointSettings::Clients { wire, patience };
            plant.setup.topology.exchanges.request_ports.push(RequestPort {
                port: plant.setup.topology.receive_locations[at].port,
                pipeline: SendPipeline::pass_through(),
                maps: Vec::new(),
                fault_bytes: None,
            });
        }
        let arrivals: Vec<_> = own.arrivals.iter().copied().map(ms).collect();
        plant.load(ArrivalKind::Replay(arrivals), None);
        let load = plant.setup.loads.last_mut().expect("it was added just now");
        let addressed = self.exits.iter().any(|exit| exit.dynamic.is_some());
        fill(load, at, (own, addressed));
    }

    fn build_exit(&self, plant: &mut Plant, number: usize, exit: &Exit) {
        let name = format!("Out{number}");
        let Line { way, partner, retry, .. } = &exit.line;
        plant.send_port(&name, "", ASYNC, partner.clone()).retry(retry.count, retry.interval);
        if let Some(Line { partner, retry, .. }) = &exit.backup {
            plant.backup(ASYNC, *retry, partner.clone());
        }
        let primary = adapter(plant, way);
        let backup = exit.backup.as_ref().map(|line| adapter(plant, &line.way));
        let filter = self.filter(exit.wants);
        let port = plant.setup.topology.send_ports.last_mut().expect("it was added just now");
        port.primary.adapter = primary;
        if let (Some(transport), Some(adapter)) = (&mut port.backup, backup) {
            transport.adapter = adapter;
        }
        *port = SendPort {
            filter: Some(filter),
            ordered: exit.ordered,
            state: exit.state,
            priority: exit.priority,
            route_failed: exit.route_failed,
            two_way: exit.two_way.is_some(),
            ..port.clone()
        };
        let id = SendPortId::from(number);
        let topology = &mut plant.setup.topology;
        if let Some(order) = exit.dynamic {
            topology.dynamic_ports.push(DynamicPort { port: id, handlers: Vec::new(), order });
        }
        let lines = std::iter::once(&exit.line).chain(&exit.backup).enumerate();
        topology.windows.extend(lines.filter_map(|(nth, line)| {
            let (from, lasts) = line.closed?;
            // Open for the rest of the day.
            let [until, from] = [from, from + lasts].map(Duration::from_millis);
            let window = Window { from, until };
            Some(TransportWindow { port: id, on_backup: nth == 1, window })
        }));
        let exchanges = &mut plant.setup.topology.exchanges;
        if let Some((correlated_only, splits)) = exit.two_way {
            exchanges.solicit_ports.push(SolicitPort {
                port: id,
                pipeline: if splits {
                    ReceivePipeline::xml()
                } else {
                    ReceivePipeline::pass_through()
                },
                maps: Vec::new(),
                correlated_only,
            });
        }
        if exit.notifies {
            exchanges.notify_delivery.push(id);
        }
    }

    fn build_handlers(&self, plant: &mut Plant) {
        for (way, [name, alias]) in self.handlers.iter().zip(HANDLERS) {
            let adapter = adapter(plant, way);
            let topology = &mut plant.setup.topology;
            name.clone_into(&mut topology.adapters[adapter.index()].name);
            topology.send_handlers.push(SendHandler {
                adapter,
                host: HostId(0),
                aliases: vec![alias.to_owned()],
                configuration: Vec::new(),
            });
        }
    }

    fn build_groups(&self, plant: &mut Plant) {
        for (number, Group { members, wants, state }) in self.groups.iter().enumerate() {
            let is_member = |at: &usize| members & (1 << at) != 0;
            plant.setup.topology.send_port_groups.push(SendPortGroup {
                name: format!("Group{number}"),
                filter: Some(self.filter(Wants::From(*wants))),
                ports: (0..self.exits.len()).filter(is_member).map(SendPortId::from).collect(),
                state: *state,
            });
        }
    }

    fn filter(&self, wants: Wants) -> Filter {
        let one = |property, value| Filter::all_of(vec![Condition::equals(property, value)]);
        match wants {
            Wants::Acks(positive) => {
                one(PropertyId::ACK_TYPE, Value::text(if positive { "ACK" } else { "NACK" }))
            }
            Wants::Errors => one(PropertyId::ERROR_TYPE, Value::text("FailedMessage")),
            Wants::From(bits) => {
                let asked = (0..self.entrances.len()).filter(|at| bits & (1 << at) != 0);
                let name = |at| Value::text(&entrance_name(at));
                let from = |at| Condition::equals(PropertyId::RECEIVE_PORT_NAME, name(at));
                Filter { groups: asked.map(|at| vec![from(at)]).collect() }
            }
            Wants::Marked => one(KEY, Value::Int(2)),
            Wants::Replies(port) => {
                let name = format!("Out{}", port % self.exits.len());
                one(PropertyId::SP_NAME, Value::text(&name))
            }
        }
    }

    fn build_process(&self, plant: &mut Plant, number: usize, own: &Process) {
        let port = |at: usize| SendPortId::from(at % self.exits.len());
        let shape = |to: Option<usize>| SendShape {
            promotions: if to.is_none() { vec![(KEY, Value::Int(2))] } else { Vec::new() },
            to: to.map(port),
        };
        // An answer needs a port that answers.
        let answers = |to: usize| self.exits[port(to).index()].two_way.is_some();
        let bound = own.sends.flatten().filter(|to| answers(*to));
        let answer = own
            .answer
            .filter(|_| bound.is_some())
            .map(|(patience, to)| AnswerShape { patience, sends: Some(shape(to)) });
        let program = Program {
            suspends: own.suspends,
            sends: own.sends.map(shape),
            convoy: own.convoy.map(|(messages, idle)| Convoy { property: KEY, messages, idle }),
            answer,
        };
        plant.setup.topology.orchestrations.push(Orchestration {
            name: format!("Process{number}"),
            host: HostId(0),
            filter: self.filter(Wants::From(1 << (own.from % self.entrances.len()))),
            priority: 7,
            ordered: false,
            program,
        });
    }

    fn fault(&self, plant: &Plant, trouble: Trouble) -> Fault {
        let Trouble { what, nth, at, lasts } = trouble;
        let topology = &plant.setup.topology;
        let location = ReceiveLocationId::from(nth % self.entrances.len());
        let (at, long) = (ms(at), Duration::from_millis(lasts));
        let lasts = Some(long);
        match what {
            What::Broken => Fault::LocationBroken { location, instance: None, at, lasts },
            What::Disabled => Fault::LocationDisabled { location, at, lasts },
            What::Down => {
                let port = &topology.send_ports[nth % topology.send_ports.len()];
                Fault::EndpointDown { endpoint: port.primary.endpoint, at, lasts: long }
            }
            What::Skew(ahead) => {
                let instance = (nth % topology.host_instances.len()).into();
                Fault::ClockSkew { instance, at, lasts, by: Duration::from_millis(700), ahead }
            }
        }
    }
}

/// Send handlers, and what locations of theirs begin with.
const HANDLERS: [[&str; 2]; 2] = [["FILE", "FILE://"], ["FTP", "FTP://"]];

fn entrance_name(at: usize) -> String {
    if at == 0 { "In".to_owned() } else { format!("In{at}") }
}

/// Registers an adapter of its own for each transport, so that habits are nobody else's.
fn adapter(plant: &mut Plant, way: &Way) -> AdapterId {
    let topology = &mut plant.setup.topology;
    let id = AdapterId::from(topology.adapters.len());
    let kind = match way {
        Way::Sends { settings, .. } => AdapterKind::Send(*settings),
        Way::Writes(settings) => AdapterKind::TransactionalSend(*settings),
    };
    topology.adapters.push(AdapterConfig { name: format!("OUT{}", id.0), kind });
    if let Way::Sends { throws, more_tries, .. } = way {
        let most = *more_tries;
        let more_tries = (most > 0).then(|| MoreTries::counted(most, &mut topology.properties));
        let habits = Habits { throws: *throws, more_tries, ..Habits::default() };
        if !habits.is_empty() {
            topology.habits.push((id, habits));
        }
    }
    id
}

/// Those who receive move into a host of their own.
fn settle_apart(plant: &mut Plant, isolated: bool) {
    let topology = &mut plant.setup.topology;
    let settings = topology.hosts[0].settings;
    let name = if isolated { "Web" } else { "Doors" };
    topology.hosts.push(Host { name: name.to_owned(), settings, properties: Vec::new() });
    topology.host_instances.push(HostInstanceConfig { host: HostId(1), server: ServerId(0) });
    topology.receive_locations.iter_mut().for_each(|location| location.host = HostId(1));
}

fn fill(load: &mut LoadSettings, at: usize, (own, addressed): (&Entrance, bool)) {
    load.locations = vec![ReceiveLocationId::from(at)];
    load.body = Body::Described { bytes: 2000, documents: own.documents };
    // Where dynamic ports send it; nobody answers to the last.
    let outbound = ["FILE://a", "file://b", "FTP://a", "FILE://a", "fax:1"];
    let outbound = outbound.map(|to| Outbound { location: to.to_owned(), transport_type: None });
    load.outbound = if addressed { outbound.to_vec() } else { Vec::new() };
    load.poison = own.poison.map(|(every, document, kind)| {
        let stage = match kind {
            DefectKind::Forged => Stage::ResolveParty,
            DefectKind::Invalid | DefectKind::Unreadable | DefectKind::Unrecognised => {
                Stage::Disassemble
            }
        };
        Poison { every, defect: Defect { stage, document, kind } }
    });
}
