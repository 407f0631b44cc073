//! The topology: what is deployed, as the engine reads it.
//!
//! Plain data, built once by the driver and never changed by the engine. Names are for people and
//! for keys of chance; the engine works with the numbers of `id.rs`, which are positions here.

mod capabilities;
mod choices;
mod habits;
mod host;
mod large;
mod track;
mod transactional;

use crate::dynamic::{DynamicPort, SendHandler};
use crate::exchange::ExchangeSettings;
use crate::id::{
    AdapterId, EndpointId, HostId, OrchestrationId, ReceiveLocationId, ReceivePortId, SendPortId,
    SubscriberId,
};
use crate::map::Map;
use crate::message::{Context, PropertyId, PropertyTable, Value};
use crate::message_box::{MessageBoxPolicy, OutboundMessage};
use crate::orchestration::Program;
use crate::pipeline::{ReceivePipeline, SendPipeline};
use crate::retry::RetryPolicy;
use crate::schedule::{Schedule, Window};
use crate::subscription::{Filter, PortState};
use crate::time::Duration;

pub use capabilities::Capabilities;
pub use choices::{
    AliasChoice, BatchDone, Choices, DoubleSubmit, EmptyMaximum, FailedStatus, NullCallback,
    OrderedBackup, OutboundCharge, PromotedLength, ResponseTimeout, RetryCount, RoutingReports,
    SendTransactions, SuspendedStatus, UnroutedResume, UnroutedSuspension,
};
pub use habits::{Habits, MoreTries, ThrowingCall, Throws, Update, Which};
pub use host::{
    FAULT_RETRY_INTERVAL, Host, HostInstanceConfig, HostSettings, OrchestrationQueue, Watermarks,
};
pub use large::LargeMessages;
pub use track::{Holdings, Track, Tracked};
pub use transactional::{
    OnPoison, TransactionBegins, TransactionalReceiveSettings, TransactionalSendSettings,
};

/// Everything that is deployed.
#[derive(Clone, Debug, Default)]
pub struct Topology {
    /// Machines.
    pub servers: Vec<Server>,
    /// Logical hosts.
    pub hosts: Vec<Host>,
    /// Processes: one per host and server it runs on (R-HOST-01).
    pub host_instances: Vec<HostInstanceConfig>,
    /// Registered adapters.
    pub adapters: Vec<AdapterConfig>,
    /// Receive ports.
    pub receive_ports: Vec<ReceivePort>,
    /// Receive locations of all ports.
    pub receive_locations: Vec<ReceiveLocation>,
    /// Send ports.
    pub send_ports: Vec<SendPort>,
    /// Names of the partners' ends; what they are like is the driver's knowledge.
    pub endpoints: Vec<String>,
    /// Names of properties.
    pub properties: PropertyTable,
    /// The MessageBoxes, the master first (R-MMB-01); none configured means one.
    pub message_boxes: Vec<MessageBoxConfig>,
    /// Orchestrations.
    pub orchestrations: Vec<Orchestration>,
    /// The send ports among [`Self::send_ports`] that are dynamic (R-DYN-01).
    pub dynamic_ports: Vec<DynamicPort>,
    /// What dynamic send ports choose from (R-DYN-02).
    pub send_handlers: Vec<SendHandler>,
    /// What transports are configured with, where an adapter wants to read it (R-SND-04).
    pub configurations: Vec<TransportConfiguration>,
    /// Send port groups.
    pub send_port_groups: Vec<SendPortGroup>,
    /// Choices that the product leaves open about its MessageBoxes.
    pub policy: MessageBoxPolicy,
    /// Choices that it leaves open about everything else.
    pub choices: Choices,
    /// Two-way ports, and how long their clients wait.
    pub exchanges: ExchangeSettings,
    /// When receive locations are active, where that is not always (R-LIFE-10).
    pub schedules: Vec<(ReceiveLocationId, Schedule)>,
    /// The service windows of transports that have one (R-SW-01).
    pub windows: Vec<TransportWindow>,
    /// What adapters say of themselves beyond what their kind says (R-SND-05).
    pub capabilities: Vec<(AdapterId, Capabilities)>,
    /// Send adapters with habits.
    pub habits: Vec<(AdapterId, Habits)>,
    /// Send adapters that turn out to have no interface to transmit by (R-SND-02).
    pub mute: Vec<AdapterId>,
    /// What counts as large.
    pub large_messages: LargeMessages,
    /// The services that are tracked (R-GC-05).
    pub tracks: Vec<(Tracked, Track)>,
}

/// A transport's configuration: properties in the namespace of its adapter, which the engine
/// writes into the context of every message it hands out on that transport (R-SND-04).
#[derive(Clone, Debug)]
pub struct TransportConfiguration {
    /// The send port.
    pub port: SendPortId,
    /// Whether it is the backup transport's.
    pub on_backup: bool,
    /// The properties, such as `FILE.CopyMode`.
    pub properties: Vec<(PropertyId, Value)>,
}

/// A send port group: one filter whose matches go to every enlisted member (R-SUB-11).
#[derive(Clone, Debug)]
pub struct SendPortGroup {
    /// Its name; also its identity in subscriptions.
    pub name: String,
    /// What it subscribes to; `None` takes only direct sends.
    pub filter: Option<Filter>,
    /// Its members.
    pub ports: Vec<SendPortId>,
    /// Bound, stopped or started (R-SUB-09).
    pub state: PortState,
}

/// A transport's service window: outside it messages wait as scheduled (R-SW-01).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TransportWindow {
    /// The send port.
    pub port: SendPortId,
    /// Whether it is the backup transport's.
    pub on_backup: bool,
    /// The window.
    pub window: Window,
}

/// A MessageBox of the group.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MessageBoxConfig {
    /// Its name.
    pub name: String,
    /// Whether it takes messages that activate something: "disable new message publication"
    /// is the opposite (R-MMB-04).
    pub publishes: bool,
}

/// An orchestration: a subscriber that consumes a message and publishes one.
#[derive(Clone, Debug)]
pub struct Orchestration {
    /// Its name.
    pub name: String,
    /// Its host.
    pub host: HostId,
    /// What activates it.
    pub filter: Filter,
    /// 1 is dequeued first, 10 last.
    pub priority: u8,
    /// Whether messages of one instance are received in publication order (R-ORD-02). \[M\] A
    /// convoy takes them so in any case: without this mark the product only does not promise it.
    pub ordered: bool,
    /// Its shapes.
    pub program: Program,
}

/// Who a reference is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SubscriberKind {
    /// An orchestration.
    Orchestration(OrchestrationId),
    /// The waits of a two-way receive port for its responses (R-RR-03).
    Responses(ReceivePortId),
    /// A send port.
    SendPort(SendPortId),
}

impl Topology {
    /// How many MessageBoxes there are.
    #[must_use]
    pub fn box_count(&self) -> usize {
        self.message_boxes.len().max(1)
    }

    /// What a send port chooses for each message, if it is dynamic (R-DYN-01).
    #[must_use]
    pub fn dynamic_port(&self, port: SendPortId) -> Option<&DynamicPort> {
        self.dynamic_ports.iter().find(|known| known.port == port)
    }

    /// The schedule of a receive location, if it is not always active.
    #[must_use]
    pub fn schedule(&self, location: ReceiveLocationId) -> Option<&Schedule> {
        self.schedules.iter().find(|(of, _)| *of == location).map(|(_, schedule)| schedule)
    }

    /// The service window of a transport, if it has one.
    #[must_use]
    pub fn window(&self, port: SendPortId, on_backup: bool) -> Option<Window> {
        let mut windows = self.windows.iter();
        let found = windows.find(|known| known.port == port && known.on_backup == on_backup);
        found.map(|known| known.window)
    }

    /// Whether the processes of a host are somebody else's: they have isolated receive adapters,
    /// and nothing else (R-LIFE-11, R-HOST-01).
    #[must_use]
    pub fn is_isolated(&self, host: HostId) -> bool {
        self.exchanges.hosts.get(host.index()).is_some_and(|known| known.isolated)
    }

    /// What an adapter says of itself (R-SND-05).
    #[must_use]
    pub fn capabilities(&self, adapter: AdapterId) -> Capabilities {
        let own = self.adapters[adapter.index()].kind.capabilities();
        let more = self.capabilities.iter().filter(|(of, _)| *of == adapter);
        more.fold(own, |all, (_, more)| all.with(*more))
    }

    /// The habits of an adapter, if it has any.
    #[must_use]
    pub fn habits(&self, adapter: AdapterId) -> Option<&Habits> {
        self.habits.iter().find(|(of, _)| *of == adapter).map(|(_, habits)| habits)
    }

    /// Whether some transport of a send port is handled by `adapter` in `host`.
    #[must_use]
    pub fn has_send_handler(&self, host: HostId, adapter: AdapterId) -> bool {
        self.send_ports.iter().any(|port| {
            let mut transports = std::iter::once(&port.primary).chain(&port.backup);
            transports.any(|transport| transport.host == host && transport.adapter == adapter)
        })
    }

    /// Whether a message was handed to an adapter before, as its retries and its transport tell.
    #[must_use]
    pub fn is_repeated(&self, port: SendPortId, message: &OutboundMessage) -> bool {
        let retries = self.send_ports[port.index()].primary.retry.count;
        message.on_backup || message.retries_left < retries
    }

    /// How many subscribers there may be.
    #[must_use]
    pub fn subscribers(&self) -> usize {
        self.send_ports.len() + self.orchestrations.len() + self.receive_ports.len()
    }

    /// What a subscriber's number stands for: send ports, then orchestrations, then receive ports.
    #[must_use]
    pub fn subscriber(&self, id: SubscriberId) -> SubscriberKind {
        let (ports, orchestrations) = (self.send_ports.len(), self.orchestrations.len());
        match id.index() {
            at if at < ports => SubscriberKind::SendPort(SendPortId::from(at)),
            at if at < ports + orchestrations => {
                SubscriberKind::Orchestration(OrchestrationId::from(at - ports))
            }
            at => SubscriberKind::Responses(ReceivePortId::from(at - ports - orchestrations)),
        }
    }

    /// The number of an orchestration among the subscribers.
    #[must_use]
    pub fn subscriber_of_orchestration(&self, id: OrchestrationId) -> SubscriberId {
        SubscriberId::from(self.send_ports.len() + id.index())
    }

    /// The number of a two-way receive port's waits among the subscribers.
    #[must_use]
    pub fn subscriber_of_responses(&self, id: ReceivePortId) -> SubscriberId {
        SubscriberId::from(self.send_ports.len() + self.orchestrations.len() + id.index())
    }

    /// The send port behind a subscriber, if it is one.
    #[must_use]
    pub fn send_port(&self, id: SubscriberId) -> Option<&SendPort> {
        self.send_ports.get(id.index())
    }

    /// The host of a subscriber's deliveries, or of its primary transport's; that of the waits for
    /// a response differs from location to location.
    #[must_use]
    pub fn host_of(&self, id: SubscriberId) -> Option<HostId> {
        match self.subscriber(id) {
            SubscriberKind::Orchestration(id) => Some(self.orchestrations[id.index()].host),
            SubscriberKind::Responses(_) => None,
            SubscriberKind::SendPort(id) => Some(self.send_ports[id.index()].primary.host),
        }
    }

    /// A subscriber's name.
    #[must_use]
    pub fn subscriber_name(&self, id: SubscriberId) -> &str {
        match self.subscriber(id) {
            SubscriberKind::Orchestration(id) => &self.orchestrations[id.index()].name,
            SubscriberKind::Responses(id) => &self.receive_ports[id.index()].name,
            SubscriberKind::SendPort(id) => &self.send_ports[id.index()].name,
        }
    }
}

/// A machine.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its name.
    pub name: String,
    /// Its cores: limits that the product states "per CPU" are multiplied by this.
    pub cpus: u32,
}

/// A registered adapter.
#[derive(Clone, Debug)]
pub struct AdapterConfig {
    /// Its type name, such as `FILE`.
    pub name: String,
    /// What it is and how it is set.
    pub kind: AdapterKind,
}

/// The adapters that come with the engine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AdapterKind {
    /// A one-way receive adapter that submits in batches.
    Receive(ReceiveSettings),
    /// A request-response receive adapter (R-RR-01).
    Request(RequestSettings),
    /// A synthetic send adapter.
    Send(SendSettings),
    /// A one-way receive adapter that reads inside transactions (R-TXN-05).
    TransactionalReceive(TransactionalReceiveSettings),
    /// A send adapter that transmits inside transactions (R-TXN-06).
    TransactionalSend(TransactionalSendSettings),
}

/// Settings of the receive adapter; the presets differ only in these.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ReceiveSettings {
    /// Messages in one engine batch at most.
    pub batch_messages: u32,
    /// Bytes in one engine batch at most; the first message always fits (R-LMS-05).
    pub batch_bytes: u64,
    /// Interval between looks at the source; `None` looks only when notified.
    pub poll: Option<Duration>,
    /// Whether the source tells of arrivals (change notifications, a listening socket).
    pub notify: bool,
    /// Engine batches outstanding at once (R-DONE-07).
    pub batches: u32,
}

/// Settings of the request-response receive adapter: what an HTTP-like listener is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RequestSettings {
    /// Requests in one engine batch at most.
    pub batch_messages: u32,
    /// Clients served at once by one location, at most (R-HOST-03: 256).
    pub concurrent: u32,
    /// Listeners of one location for each CPU, who take clients in and are in `Done` of their
    /// batches (R-HOST-03: 2). \[M\] The product counts them for the process.
    pub threads_per_cpu: u32,
    /// How long a request waits; `None` leaves it to the engine (R-RR-01).
    pub timeout: Option<Duration>,
    /// Whether the first response is the last (R-RR-10).
    pub first_only: bool,
    /// Whether `TransmitMessage` returns when the client has its answer, rather than at once
    /// (R-RR-06).
    pub blocking: bool,
    /// "Suspend failed requests": a failed request is suspended, not only refused (R-RR-16,
    /// R-SUSP-02).
    pub suspend_failed: bool,
    /// After how long a client goes away, if it has no answer: the wait is withdrawn (R-RR-11).
    pub cancel_after: Option<Duration>,
}

impl Default for RequestSettings {
    fn default() -> Self {
        Self {
            batch_messages: 1,
            concurrent: 256,
            threads_per_cpu: 2,
            timeout: None,
            first_only: true,
            blocking: false,
            suspend_failed: false,
            cancel_after: None,
        }
    }
}

/// Settings of a synthetic send adapter.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SendSettings {
    /// Whether the engine's thread is held while the wire works (R-SND-09).
    pub blocking: bool,
    /// Whether it takes adapter batches (`IBTBatchTransmitter`, R-SND-02).
    pub batched: bool,
    /// The maximum it announces in `BeginBatch` (R-BSND-01).
    pub batch: u32,
    /// Whether the engine fills the batch up to that maximum, as it does for FILE, instead of to
    /// the host's `engine_batch` (R-BSND-07, R-CLK-10).
    pub fixed_batch: bool,
    /// Its own threads, when it does not block: wire calls or adapter batches at work at once.
    pub workers: u32,
    /// Finished messages gathered into one engine batch, when it is not batch-aware (R-HOST-04).
    pub completion_batch: u32,
    /// Longest wait for such a batch to fill (R-HOST-04).
    pub completion_wait: Duration,
    /// Whether it asks what defines the endpoint of every message of an adapter batch, instead of
    /// sorting by address (R-ADD-04).
    pub resolves: bool,
}

impl SendSettings {
    /// How long it waits for a batch to fill, if it decides itself when one is complete.
    /// \[M\] One that holds an engine thread while it transmits has no other call than `Done` to
    /// do so in.
    #[must_use]
    pub fn decides(&self, choices: &Choices) -> Option<Duration> {
        match choices.batch_done {
            BatchDone::Adapter if self.batched && !self.blocking => Some(choices.batch_wait),
            BatchDone::Adapter | BatchDone::Engine => None,
        }
    }
}

/// A receive port (R-LIFE-01).
#[derive(Clone, Debug)]
pub struct ReceivePort {
    /// Its name.
    pub name: String,
    /// Its inbound maps: each document takes the one for its type (R-MAP-01).
    pub maps: Vec<Map>,
    /// What becomes of messages whose sender cannot be authenticated (R-RCV-06).
    pub authentication: Authentication,
    /// Whether error messages are published in place of suspensions (R-FMR-01).
    pub route_failed: bool,
}

/// What a receive port does with a message whose sender cannot be authenticated (R-RCV-06).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Authentication {
    /// It is dropped.
    Drop,
    /// It is suspended.
    Keep,
    /// Nobody asks.
    #[default]
    None,
}

/// A receive location (R-LIFE-01).
#[derive(Clone, Debug)]
pub struct ReceiveLocation {
    /// Its name; serves as its URI.
    pub name: String,
    /// Its port.
    pub port: ReceivePortId,
    /// Its handler's host.
    pub host: HostId,
    /// Its adapter.
    pub adapter: AdapterId,
    /// Its pipeline.
    pub pipeline: ReceivePipeline,
    /// The source it reads.
    pub endpoint: EndpointId,
    /// Whether it accepts messages; otherwise their URL is disallowed (R-LIFE-06).
    pub enabled: bool,
    /// The context every message of this location starts with, per document type.
    pub context: Context,
}

/// One of a send port's transports.
#[derive(Clone, Copy, Debug)]
pub struct Transport {
    /// Its adapter.
    pub adapter: AdapterId,
    /// Its send handler's host.
    pub host: HostId,
    /// The partner's end.
    pub endpoint: EndpointId,
    /// Its retries.
    pub retry: RetryPolicy,
}

/// Ordered delivery of a send port (R-ORD-08).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OnFailure {
    /// The failed message alone is suspended, as non-resumable; the next ones go on.
    Continue,
    /// The whole instance is suspended, resumable; the next ones stay behind.
    Stop,
}

/// A send port.
#[derive(Clone, Debug)]
pub struct SendPort {
    /// Its name; also its transport's identity in subscriptions.
    pub name: String,
    /// What it subscribes to; `None` takes only direct sends.
    pub filter: Option<Filter>,
    /// Ordered delivery, if it is on (R-ORD-01).
    pub ordered: Option<OnFailure>,
    /// 1 is dequeued first, 10 last; 7 unless set.
    pub priority: u8,
    /// Its pipeline.
    pub pipeline: SendPipeline,
    /// Its outbound maps, before the pipeline: each document takes the one for its type
    /// (R-MAP-01).
    pub maps: Vec<Map>,
    /// Whether error messages are published in place of suspensions (R-FMR-01).
    pub route_failed: bool,
    /// Bound, stopped or started (R-SUB-09).
    pub state: PortState,
    /// Whether it solicits a response from its partner (R-SR-01).
    pub two_way: bool,
    /// The primary transport.
    pub primary: Transport,
    /// The backup transport, if any.
    pub backup: Option<Transport>,
}

impl SendPort {
    /// The transport in use: the backup once a message was moved to it.
    #[must_use]
    pub fn transport(&self, on_backup: bool) -> &Transport {
        match &self.backup {
            Some(backup) if on_backup => backup,
            Some(_) | None => &self.primary,
        }
    }
}
