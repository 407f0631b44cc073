//! A bench: one host instance and the MessageBoxes of its group, moved by hand.
//!
//! It carries what the host instance wants at once and by the book, unless told to hold it, and
//! writes down what the adapters are told. There is no simulator here: no time passes by itself.

#![expect(clippy::wildcard_enum_match_arm, reason = "a bench listens for what it knows")]

use std::sync::Arc;

use floodgate_engine::adapter::{AdapterInput, CallId, Returned};
use floodgate_engine::batch::{Batch, BatchStatus, Operation, OperationKind, Status};
use floodgate_engine::config::{
    AdapterConfig, AdapterKind, Authentication, Host, HostInstanceConfig, HostSettings,
    ReceiveLocation, ReceivePort, ReceiveSettings, SendPort, SendSettings, Server, Topology,
    Transport,
};
use floodgate_engine::demand::Demand;
use floodgate_engine::host::{DoneRace, FrameId, HostInput, HostInstance, HostOutput};
use floodgate_engine::id::{
    AdapterId, EndpointId, HostId, HostInstanceId, MessageBoxId, ReceivePortId, ServerId,
    TransactionId,
};
use floodgate_engine::message::{
    Body, Context, Document, DocumentName, Parts, PropertyId, Value, WireMessage,
};
use floodgate_engine::message_box::{
    Action, Effect, MessageBox, OutboundMessage, PreparedBatch, Ready, Staying,
};
use floodgate_engine::pipeline::{ReceivePipeline, SendPipeline};
use floodgate_engine::retry::RetryPolicy;
use floodgate_engine::subscription::{Condition, Filter, PortState};
use floodgate_engine::time::{Duration, Instant};
use floodgate_engine::transport_proxy::TransportProxy;

pub(crate) const RECEIVER: AdapterId = AdapterId(0);
pub(crate) const MASTER: MessageBoxId = MessageBoxId(0);
pub(crate) const FIRST: HostInstanceId = HostInstanceId(0);

/// Looks when notified, one batch at a time.
pub(crate) const NOTIFIED: ReceiveSettings = ReceiveSettings {
    batch_messages: 20,
    batch_bytes: 102_400,
    poll: None,
    notify: true,
    batches: 1,
};

/// Non-blocking, one message at a time.
pub(crate) const ASYNC: SendSettings = SendSettings {
    blocking: false,
    batched: false,
    batch: 20,
    fixed_batch: false,
    workers: u32::MAX,
    completion_batch: 1,
    completion_wait: Duration::ZERO,
    resolves: false,
};

/// Takes adapter batches.
pub(crate) const BATCHED: SendSettings = SendSettings { batched: true, ..ASYNC };

/// As many threads as there is work, and a look at once when there is something.
pub(crate) fn immediate() -> HostSettings {
    HostSettings {
        poll: Duration::ZERO,
        thread_growth: Duration::ZERO,
        threads: 50,
        dequeue_threads: 1,
        ..HostSettings::default()
    }
}

/// The same with one engine thread.
pub(crate) fn one_thread() -> HostSettings {
    HostSettings { threads: 1, ..immediate() }
}

/// One server of one CPU with one host, its receive adapter, and port and location `In`.
pub(crate) fn topology(settings: HostSettings) -> Topology {
    let mut topology = Topology {
        servers: vec![Server { name: "server".to_owned(), cpus: 1 }],
        hosts: vec![Host { name: "H".to_owned(), settings, properties: Vec::new() }],
        host_instances: vec![HostInstanceConfig { host: HostId(0), server: ServerId(0) }],
        adapters: vec![AdapterConfig {
            name: "IN".to_owned(),
            kind: AdapterKind::Receive(NOTIFIED),
        }],
        ..Topology::default()
    };
    add_receive_port(&mut topology, "In", ReceivePipeline::pass_through());
    topology
}

/// Adds a receive port with one location of its name.
pub(crate) fn add_receive_port(topology: &mut Topology, name: &str, pipeline: ReceivePipeline) {
    topology.receive_ports.push(ReceivePort {
        name: name.to_owned(),
        maps: Vec::new(),
        authentication: Authentication::None,
        route_failed: false,
    });
    topology.endpoints.push(format!("{name}.source"));
    topology.receive_locations.push(ReceiveLocation {
        name: name.to_owned(),
        port: ReceivePortId::from(topology.receive_ports.len() - 1),
        host: HostId(0),
        adapter: RECEIVER,
        pipeline,
        endpoint: EndpointId::from(topology.endpoints.len() - 1),
        enabled: true,
        context: Context::default(),
    });
}

/// Adds a host with an instance on a server of its own.
pub(crate) fn add_host(topology: &mut Topology, settings: HostSettings) -> HostId {
    let host = HostId::from(topology.hosts.len());
    let server = ServerId::from(topology.servers.len());
    topology.servers.push(Server { name: format!("server{server}"), cpus: 1 });
    topology.hosts.push(Host { name: format!("H{host}"), settings, properties: Vec::new() });
    topology.host_instances.push(HostInstanceConfig { host, server });
    host
}

/// Adds a send port, with an adapter of its own, that takes what receive port `from` publishes.
pub(crate) fn add_send_port(topology: &mut Topology, name: &str, from: &str, send: SendSettings) {
    topology.adapters.push(AdapterConfig { name: name.to_owned(), kind: AdapterKind::Send(send) });
    topology.endpoints.push(name.to_owned());
    let filter = Condition::equals(PropertyId::RECEIVE_PORT_NAME, Value::text(from));
    let primary = Transport {
        adapter: AdapterId::from(topology.adapters.len() - 1),
        host: HostId(0),
        endpoint: EndpointId::from(topology.endpoints.len() - 1),
        retry: RetryPolicy::default(),
    };
    topology.send_ports.push(SendPort {
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
}

/// A message of 10 bytes as an adapter has it for location `In`.
pub(crate) fn wire(number: u64) -> WireMessage {
    wire_of(number, Body::Described { bytes: 10, documents: 1 })
}

pub(crate) fn wire_of(number: u64, body: Body) -> WireMessage {
    let mut context = Context::default();
    context.write(PropertyId::INBOUND_TRANSPORT_LOCATION, Some(Value::text("In")));
    WireMessage {
        number,
        lineage: number,
        arrived: Instant::ZERO,
        context,
        parts: Parts::of(body),
        defect: None,
        seekable: true,
    }
}

/// A document of receive port `from`, as it is published.
pub(crate) fn document(number: u64, from: &str) -> Document {
    let mut context = Context::default();
    context.promote(PropertyId::RECEIVE_PORT_NAME, Some(Value::text(from))).expect("a short name");
    Document {
        name: DocumentName { wire: number, sequence: 1, split: false },
        lineage: number,
        arrived: Instant::ZERO,
        context,
        parts: Parts::of(Body::Described { bytes: 10, documents: 1 }),
    }
}

/// One submit of these documents.
pub(crate) fn publishing(documents: Vec<Document>) -> PreparedBatch {
    let count = u32::try_from(documents.len()).expect("few documents");
    let actions = vec![(OperationKind::Submit, Action::Publish { first: 0, count })];
    PreparedBatch { actions, documents, ..PreparedBatch::default() }
}

/// A batch of these operations, from a proxy of its own.
pub(crate) fn batch_of(cookie: u64, operations: impl IntoIterator<Item = Operation>) -> Batch {
    let mut batch = TransportProxy::default().get_batch(cookie).expect("the engine runs");
    for operation in operations {
        batch.add(operation);
    }
    batch
}

/// A transaction that the host instance asked for.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) batch: PreparedBatch,
    pub(crate) transaction: Option<TransactionId>,
}

/// The host instance under test with everything around it.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) host: HostInstance,
    pub(crate) message_box: MessageBox,
    pub(crate) now: Instant,
    /// Keeps work in [`Self::works`] until [`Self::finish_work`].
    pub(crate) hold_work: bool,
    /// What was worked on, or is.
    pub(crate) works: Vec<(FrameId, Demand)>,
    /// Keeps transactions in [`Self::held`] until [`Self::commit_held`].
    pub(crate) hold_commits: bool,
    pub(crate) held: Vec<(FrameId, PreparedBatch)>,
    /// Every transaction so far, as it was asked for.
    pub(crate) asked: Vec<Asked>,
    /// How many references each look asked for.
    pub(crate) looks: Vec<u32>,
    /// What the adapters were told, oldest first.
    pub(crate) calls: Vec<(AdapterId, AdapterInput)>,
    pub(crate) effects: Vec<Effect>,
    pub(crate) stopped: bool,
}

impl Bench {
    pub(crate) fn new(topology: Topology) -> Self {
        let topology = Arc::new(topology);
        Self {
            host: HostInstance::new(&topology, FIRST),
            message_box: MessageBox::new(&topology),
            now: Instant::ZERO,
            hold_work: false,
            works: Vec::new(),
            hold_commits: false,
            held: Vec::new(),
            asked: Vec::new(),
            looks: Vec::new(),
            calls: Vec::new(),
            effects: Vec::new(),
            stopped: false,
        }
    }

    /// Tells the host instance something and carries what it wants.
    pub(crate) fn tell(&mut self, input: HostInput) {
        self.host.handle_input(self.now, input);
        while let Some(output) = self.host.poll_output() {
            match output {
                HostOutput::Call { adapter, input } => self.calls.push((adapter, input)),
                HostOutput::Dequeue { home, max } => self.look(home, max),
                HostOutput::Abort { .. } => panic!("here adapters make their transactions"),
                HostOutput::Stopped => self.stopped = true,
                HostOutput::Transact { frame, batch, transaction } => {
                    let asked = Asked { batch: batch.clone(), transaction };
                    self.asked.push(asked);
                    if self.hold_commits {
                        self.held.push((frame, batch));
                        continue;
                    }
                    let status = self.commit(batch);
                    self.host.handle_input(self.now, HostInput::Committed { frame, status });
                    self.notify();
                }
                HostOutput::Work { frame, demand } => {
                    self.works.push((frame, demand));
                    if !self.hold_work {
                        self.host.handle_input(self.now, HostInput::WorkDone { frame });
                    }
                }
            }
        }
    }

    fn look(&mut self, home: MessageBoxId, asked: u32) {
        self.looks.push(asked);
        let mut messages = Vec::new();
        self.message_box.dequeue(self.now, home, FIRST, asked, &mut messages);
        self.host.handle_input(self.now, HostInput::Dequeued { home, asked, messages });
    }

    /// Commits a batch that no host instance asked for; nobody is told that there is work.
    pub(crate) fn commit(&mut self, batch: PreparedBatch) -> BatchStatus {
        let status = self.message_box.commit(self.now, FIRST, batch);
        let mut effects = Vec::new();
        self.message_box.take_effects(&mut effects);
        self.effects.append(&mut effects);
        status
    }

    /// What was held is committed, and the host instance goes on.
    pub(crate) fn commit_held(&mut self) {
        self.hold_commits = false;
        for (frame, batch) in std::mem::take(&mut self.held) {
            let status = self.commit(batch);
            self.host.handle_input(self.now, HostInput::Committed { frame, status });
            self.notify();
        }
        self.tell(HostInput::Wake);
    }

    /// Tells the host instance of what became eligible for it.
    fn notify(&mut self) {
        let mut ready = Vec::new();
        self.message_box.take_ready(&mut ready);
        let host = self.host.host();
        for Ready { home, .. } in ready.into_iter().filter(|one| one.host == host) {
            self.host.handle_input(self.now, HostInput::WorkAvailable { home });
        }
        let mut staying = Vec::new();
        self.message_box.take_staying(&mut staying);
        for Staying { instance, stay, .. } in staying.into_iter().filter(|one| one.with == FIRST) {
            self.host.handle_input(self.now, HostInput::Stay { instance, stay });
        }
    }

    /// Publishes documents of receive port `In`, a commit each, and lets the host instance look.
    pub(crate) fn publish(&mut self, numbers: impl IntoIterator<Item = u64>) {
        for number in numbers {
            let status = self.commit(publishing(vec![document(number, "In")]));
            assert_eq!(status.overall, Status::OK);
        }
        self.notify();
        self.tell(HostInput::Wake);
    }

    /// Posts a batch of the receive adapter.
    pub(crate) fn post(&mut self, batch: Batch) {
        let race = DoneRace::default();
        self.tell(HostInput::Posted { adapter: RECEIVER, batch, race, transaction: None });
    }

    /// The work of a frame that is held is done.
    pub(crate) fn finish_work(&mut self, at: usize) {
        let frame = self.works[at].0;
        self.tell(HostInput::WorkDone { frame });
    }

    pub(crate) fn returned(&mut self, call: CallId, returned: Returned) {
        self.tell(HostInput::Returned { call, returned });
    }

    /// The messages handed over so far, with the calls they came by.
    pub(crate) fn transmitted(&self) -> Vec<(CallId, &OutboundMessage)> {
        let transmitted = self.calls.iter().filter_map(|(_, input)| match input {
            AdapterInput::TransmitMessage { call, message } => Some((*call, &**message)),
            _ => None,
        });
        transmitted.collect()
    }

    /// The cookies of the batches that are complete, with their overall statuses.
    pub(crate) fn completed(&self) -> Vec<(u64, Status)> {
        let completed = self.calls.iter().filter_map(|(_, input)| match input {
            AdapterInput::BatchComplete(status) => Some((status.cookie, status.overall)),
            _ => None,
        });
        completed.collect()
    }

    /// The cookies of the batches whose `Done` returned.
    pub(crate) fn done_returned(&self) -> Vec<u64> {
        let returned = self.calls.iter().filter_map(|(_, input)| match input {
            AdapterInput::DoneReturned { cookie, .. } => Some(*cookie),
            _ => None,
        });
        returned.collect()
    }
}
