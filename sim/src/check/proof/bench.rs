//! A bench for the checks: they are told what happens, and nothing does.

use floodgate_engine::adapter::{AdapterOutput, CallId};
use floodgate_engine::batch::{BatchStatus, Operation, OperationKind, Status};
use floodgate_engine::config::{
    AdapterConfig, AdapterKind, Authentication, Host, HostInstanceConfig, HostSettings,
    MessageBoxConfig, OnFailure, ReceiveLocation, ReceivePort, ReceiveSettings, SendPort,
    SendSettings, Server, Topology, Transport,
};
use floodgate_engine::dynamic::{DynamicPort, OrderScope};
use floodgate_engine::id::{
    AdapterId, EndpointId, HostId, HostInstanceId, Key, MessageBoxId, ReceivePortId, ReferenceId,
    SendPortId, ServerId, Slab, SubscriberId,
};
use floodgate_engine::message::{
    Body, Context, DocumentName, Parts, PropertyId, Value, WireMessage,
};
use floodgate_engine::message_box::{
    Effect, Exchange, MessageBox, OutboundMessage, Place, Waiting,
};
use floodgate_engine::pipeline::{Component, ReceivePipeline, SendPipeline, XmlDisassembler};
use floodgate_engine::retry::RetryPolicy;
use floodgate_engine::sabotage::Sabotage;
use floodgate_engine::subscription::PortState;
use floodgate_engine::time::{Duration, Instant};
use floodgate_engine::transport_proxy::TransportProxy;

use crate::check::{Checks, Rule};

pub(super) const PLAIN: u32 = 0;
pub(super) const STOPS: u32 = 1;
pub(super) const CONTINUES: u32 = 2;
pub(super) const BOUND: u32 = 3;
pub(super) const URGENT: u32 = 4;
pub(super) const DYNAMIC: u32 = 5;
pub(super) const STRICT: &str = "Strict";
pub(super) const LENIENT: &str = "Lenient";
pub(super) const FIRST: HostInstanceId = HostInstanceId(0);
pub(super) const RETRY: RetryPolicy = RetryPolicy { count: 1, interval: Duration::from_secs(60) };

pub(super) const RECEIVE: ReceiveSettings = ReceiveSettings {
    batch_messages: 1,
    batch_bytes: u64::MAX,
    poll: None,
    notify: true,
    batches: 1,
};
pub(super) const SEND: SendSettings = SendSettings {
    blocking: false,
    batched: false,
    batch: 1,
    fixed_batch: true,
    workers: 1,
    completion_batch: 1,
    completion_wait: Duration::ZERO,
    resolves: false,
};

pub(super) fn topology() -> Topology {
    let host = |name: &str| Host {
        name: name.to_owned(),
        settings: HostSettings::default(),
        properties: Vec::new(),
    };
    let adapter = |name: &str, kind| AdapterConfig { name: name.to_owned(), kind };
    let recovers = XmlDisassembler { recoverable: true, ..XmlDisassembler::default() };
    let recovers = ReceivePipeline {
        disassemble: vec![Component::XmlDisassembler(recovers)],
        ..ReceivePipeline::xml()
    };
    Topology {
        servers: vec![Server { name: "server".to_owned(), cpus: 1 }],
        hosts: vec![host("H")],
        host_instances: vec![HostInstanceConfig { host: HostId(0), server: ServerId(0) }],
        adapters: vec![
            adapter("IN", AdapterKind::Receive(RECEIVE)),
            adapter("OUT", AdapterKind::Send(SEND)),
        ],
        receive_ports: vec![ReceivePort {
            name: "In".to_owned(),
            maps: Vec::new(),
            authentication: Authentication::None,
            route_failed: false,
        }],
        receive_locations: vec![
            location(STRICT, ReceivePipeline::xml()),
            location(LENIENT, recovers),
        ],
        send_ports: vec![
            port("Plain"),
            SendPort { ordered: Some(OnFailure::Stop), ..port("Stops") },
            SendPort { ordered: Some(OnFailure::Continue), ..port("Continues") },
            SendPort { state: PortState::Bound, ..port("Bound") },
            SendPort { priority: 1, ..port("Urgent") },
            port("Dynamic"),
        ],
        endpoints: vec!["end".to_owned()],
        message_boxes: ["Master", "Second"]
            .map(|name| MessageBoxConfig { name: name.to_owned(), publishes: true })
            .to_vec(),
        dynamic_ports: vec![DynamicPort {
            port: SendPortId(DYNAMIC),
            handlers: Vec::new(),
            order: OrderScope::Location,
        }],
        ..Topology::default()
    }
}

pub(super) fn port(name: &str) -> SendPort {
    let primary =
        Transport { adapter: AdapterId(1), host: HostId(0), endpoint: EndpointId(0), retry: RETRY };
    SendPort {
        name: name.to_owned(),
        filter: None,
        ordered: None,
        priority: 7,
        pipeline: SendPipeline::pass_through(),
        maps: Vec::new(),
        route_failed: false,
        state: PortState::Started,
        two_way: false,
        primary,
        backup: None,
    }
}

pub(super) fn location(name: &str, pipeline: ReceivePipeline) -> ReceiveLocation {
    ReceiveLocation {
        name: name.to_owned(),
        port: ReceivePortId(0),
        host: HostId(0),
        adapter: AdapterId(0),
        pipeline,
        endpoint: EndpointId(0),
        enabled: true,
        context: Context::default(),
    }
}

/// Checks that are told what happens; nothing does.
pub(super) struct Bench {
    pub(super) checks: Checks,
    pub(super) topology: Topology,
    pub(super) message_box: MessageBox,
    proxy: TransportProxy,
    keys: Slab<()>,
    pub(super) wires: u64,
}

impl Bench {
    pub(super) fn new() -> Self {
        let topology = topology();
        let mut checks = Checks::new(&topology, &[0, 1]);
        checks.watch_life(Duration::from_secs(60));
        let message_box = MessageBox::new(&topology);
        let (proxy, keys) = (TransportProxy::default(), Slab::default());
        Self { checks, topology, message_box, proxy, keys, wires: 0 }
    }

    pub(super) fn broken(&self) -> Vec<Rule> {
        self.checks.violations().iter().map(|violation| violation.rule).collect()
    }

    /// So far all was as it should be.
    #[track_caller]
    pub(super) fn well(&mut self) -> &mut Self {
        assert_eq!(self.checks.violations(), []);
        self
    }

    pub(super) fn key(&mut self) -> Key {
        self.keys.insert(())
    }

    pub(super) fn tell(&mut self, effects: &[Effect]) {
        self.checks.effects(effects, &self.message_box, &self.topology);
    }

    /// A new reference of a new document.
    pub(super) fn place(&mut self, port: u32) -> Place {
        self.wires += 1;
        Place {
            reference: ReferenceId(self.key()),
            document: name(self.wires, 1),
            subscriber: SubscriberId(port),
            home: MessageBoxId(u32::try_from((self.wires - 1) % 2).expect("0 or 1")),
            host: HostId(0),
            sequence: self.wires,
        }
    }

    /// A document goes to `port`.
    pub(super) fn published(&mut self, port: u32) -> Place {
        let at = self.place(port);
        self.tell(&[stored(at.document, 1), refers(at)]);
        at
    }

    /// The same, and it is taken and handed over.
    pub(super) fn delivered(&mut self, port: u32) -> (Place, OutboundMessage) {
        let at = self.published(port);
        self.tell(&[Effect::Locked { at, owner: FIRST }]);
        let message = outbound(&at);
        let call = self.call();
        self.checks.transmit(1, call, &message);
        (at, message)
    }

    pub(super) fn call(&mut self) -> CallId {
        CallId(self.key())
    }

    pub(super) fn post(&mut self, node: u32, cookie: u64, operations: Vec<Operation>) {
        let mut batch = self.proxy.get_batch(cookie).expect("nothing stops");
        operations.into_iter().for_each(|operation| batch.add(operation));
        self.checks.submitted(&self.topology, &batch);
        self.checks.posted(node, &batch);
    }

    /// The adapter of `node` posts a batch whose object keeps its work.
    pub(super) fn post_and_keep(&mut self, node: u32, cookie: u64) {
        let mut batch = self.proxy.get_batch(cookie).expect("nothing stops");
        batch.add(Operation::CancelResponse { token: 1 });
        self.proxy.sabotage(Sabotage::KeepPostedWork);
        assert_eq!(self.proxy.done(&mut batch), Status::OK);
        let Some(AdapterOutput::Done { batch, .. }) = self.proxy.poll_output() else {
            panic!("it is posted")
        };
        self.well().checks.posted(node, &batch);
    }

    /// An adapter of a host instance posts a batch of one message.
    pub(super) fn publish_as(&mut self, by: HostInstanceId, node: u32, cookie: u64) {
        let mut batch = self.proxy.get_batch(cookie).expect("nothing stops");
        batch.add(Operation::Submit(self.wire(STRICT, 1)));
        self.checks.posted_by_instance(by, node, &batch);
    }

    /// Publishing batches that the host instance may have let in at once.
    pub(super) fn batches_inside(&self) -> u64 {
        let settings = &self.topology.hosts[0].settings;
        u64::from(settings.batch_queue + settings.threads)
    }

    /// A client's request is posted, and waits if `opens`.
    pub(super) fn asks(&mut self, opens: bool) -> u64 {
        let (request, token) = (self.wire(STRICT, 1), 7);
        let number = request.number;
        let expires = Some(Instant::ZERO + Duration::from_secs(20));
        self.post(
            0,
            9,
            vec![Operation::SubmitRequest { request, token, first_only: true, expires }],
        );
        if opens {
            let waiting = Waiting { request: number, owner: FIRST, adapter: AdapterId(0), token };
            self.tell(&[Effect::ExchangeOpened { waiting }]);
        }
        number
    }

    /// The client of `token` is answered.
    pub(super) fn answers(&mut self, token: u64, fault: bool) {
        let at = self.published(PLAIN);
        self.tell(&[Effect::Locked { at, owner: FIRST }]);
        let exchange = Exchange::Response { token, fault };
        let call = self.call();
        self.checks.transmit(0, call, &OutboundMessage { exchange, ..outbound(&at) });
    }

    pub(super) fn wire(&mut self, location: &str, documents: u32) -> WireMessage {
        self.wires += 1;
        let mut context = Context::default();
        context.write(PropertyId::INBOUND_TRANSPORT_LOCATION, Some(Value::text(location)));
        WireMessage {
            number: self.wires,
            lineage: self.wires,
            arrived: Instant::ZERO,
            context,
            parts: Parts::of(Body::Described { bytes: 100, documents }),
            defect: None,
            seekable: true,
        }
    }

    /// A message of three documents arrives at `location`, and these are published.
    pub(super) fn splits(&mut self, location: &str, published: &[u32]) -> u64 {
        let wire = self.wire(location, 3);
        let number = wire.number;
        self.post(0, 5, vec![Operation::Submit(wire)]);
        let effects: Vec<Effect> =
            published.iter().map(|sequence| stored(name(number, *sequence), 0)).collect();
        self.well().tell(&effects);
        number
    }
}

pub(super) fn name(wire: u64, sequence: u32) -> DocumentName {
    DocumentName { wire, sequence, split: true }
}

pub(super) fn stored(document: DocumentName, references: u32) -> Effect {
    Effect::Published { document, references, bodies: 1, fingerprint: 0, lineage: 0 }
}

pub(super) fn refers(at: Place) -> Effect {
    Effect::Referenced { at, group: None, activates: true, retries_left: RETRY.count }
}

pub(super) fn outbound(at: &Place) -> OutboundMessage {
    OutboundMessage {
        real: None,
        reference: at.reference,
        document: at.document,
        sequence: at.sequence,
        lineage: 0,
        arrived: Instant::ZERO,
        subscriber: at.subscriber,
        exchange: Exchange::OneWay,
        on_backup: false,
        adapter: AdapterId(1),
        endpoint: EndpointId(0),
        retries_left: RETRY.count,
        retry_interval: RETRY.interval,
        bytes: 100,
        fingerprint: 0,
        context: Context::default(),
    }
}

pub(super) fn complete(cookie: u64, kinds: &[OperationKind]) -> BatchStatus {
    BatchStatus::assemble(cookie, kinds.iter().map(|kind| (*kind, Status::OK)))
}
