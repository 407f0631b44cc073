//! What one run consists of: the topology and everything the engine does not know about it.

mod coordination;
mod tracking;

use floodgate_engine::config::Topology;
use floodgate_engine::id::{
    EndpointId, HostInstanceId, MessageBoxId, ReceiveLocationId, SendPortGroupId, SendPortId,
    ServerId, SubscriberId,
};
use floodgate_engine::message::{Body, Defect, PropertyId};
use floodgate_engine::message_box::PortOperation;
use floodgate_engine::time::{Duration, Instant};

use crate::cost::Costs;
use crate::dist::Dist;
pub use crate::endpoint::QuotaSettings;
use crate::load::{ArrivalKind, Pace, Refusals, Variety};

pub use coordination::{Coordination, Resolution};
pub use tracking::TrackingSettings;

/// One run, ready to be simulated. Two equal setups give equal digests.
#[derive(Clone, Debug)]
pub struct Setup {
    /// What is deployed.
    pub topology: Topology,
    /// What all chance comes from.
    pub seed: u64,
    /// Which replication of the seed this is.
    pub replication: u32,
    /// How each server shares its cores, in the order of the topology.
    pub disciplines: Vec<Discipline>,
    /// The servers that hold the MessageBoxes, the master's first.
    pub databases: Vec<ServerId>,
    /// What work costs.
    pub costs: Costs,
    /// How distributed transactions end.
    pub coordination: Coordination,
    /// The partners' ends, in the order of the topology's endpoints.
    pub endpoints: Vec<EndpointSettings>,
    /// Who sends what.
    pub loads: Vec<LoadSettings>,
    /// Planned faults.
    pub faults: Vec<Fault>,
    /// What becomes of processes that end.
    pub life: LifeSettings,
    /// What an operator does, and when; an act that is refused changes nothing.
    pub acts: Vec<(Instant, OperatorAct)>,
    /// Rates, latencies and utilisations are measured from here…
    pub measure_from: Instant,
    /// …to here; arrivals after it are not measured.
    pub measure_to: Instant,
    /// The run ends here at the latest.
    pub end: Instant,
    /// How long it may go on after the last arrival, to finish what is under way.
    pub drain: Duration,
    /// Documents that may wait at once, suspended ones among them: more of them end the run.
    pub waiting_max: u64,
    /// Interval of the samples.
    pub sample: Duration,
    /// Interval of the cleanup job that collects garbage rows.
    pub cleanup: Duration,
    /// Whether the jobs run at all; without them the spool grows although nothing waits
    /// (R-GC-04).
    pub jobs: bool,
    /// The tracking database, where anything is tracked (R-GC-05).
    pub tracking: TrackingSettings,
    /// Which comes first, `Done` returning or `BatchComplete`.
    pub done: DoneOrder,
    /// Which comes first for a batch of requests, a response or `BatchComplete`.
    pub responses: ResponseOrder,
    /// How long calls between engine and adapters take.
    pub calls: CallTimes,
    /// Whether events of one instant run in an order drawn from the seed instead of in the order
    /// of scheduling.
    pub shuffle_ties: bool,
}

/// How a server shares its cores.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Discipline {
    /// One job a core, the others wait.
    #[default]
    FirstComeFirstServed,
    /// All jobs at once, each at an equal share.
    ProcessorSharing,
}

/// Which comes first when a batch completes (R-BC-07, R-CLK-03).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum DoneOrder {
    /// `BatchComplete` inside `Done`.
    CompleteFirst,
    /// Drawn per batch.
    Drawn,
    /// `Done` returns first.
    #[default]
    ReturnFirst,
}

/// How long a call takes to the other side (R-CLK-02): a return is a call of its own.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct CallTimes {
    /// From the engine to an adapter.
    pub to_adapter: Duration,
    /// From an adapter to the engine.
    pub to_engine: Duration,
}

/// Which comes first for a batch with a request: its response, `BatchComplete`, or the return of
/// `Done` (R-BC-08, R-CLK-04).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ResponseOrder {
    /// Nothing waits for the response.
    #[default]
    AfterComplete,
    /// `Done` returns, then the response comes, then `BatchComplete`.
    BeforeComplete,
    /// The response comes before `Done` returns.
    BeforeReturn,
    /// Drawn per batch.
    Drawn,
}

/// What a partner's end sends back to a solicit.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Size in bytes.
    pub bytes: u32,
    /// The type a disassembler finds.
    pub document_type: String,
    /// What is wrong with it, if something is.
    pub defect: Option<Defect>,
}

/// A partner's end.
#[derive(Clone, Debug)]
pub enum EndpointSettings {
    /// Clients that wait for the answers to their requests.
    Clients {
        /// Time to read one request, and to write one answer.
        wire: Dist,
        /// How long a client waits before it goes away.
        patience: Option<Duration>,
    },
    /// Takes what send adapters transmit.
    Sink(SinkSettings),
    /// Holds what receive adapters fetch.
    Source {
        /// Time to fetch one message.
        wire: Dist,
    },
}

/// How an adapter learns what defines the endpoint of a message (R-ADD-04).
#[derive(Clone, Copy, Debug)]
pub struct Errand {
    /// Time until it knows.
    pub takes: Dist,
    /// For which attempts it does not learn it.
    pub failure: Failure,
    /// The property with the credentials, if they are part of the endpoint.
    pub credentials: Option<PropertyId>,
}

impl Default for Errand {
    fn default() -> Self {
        Self { takes: Dist::Constant(Duration::ZERO), failure: Failure::Never, credentials: None }
    }
}

/// A partner's end that takes messages.
#[derive(Clone, Debug)]
pub struct SinkSettings {
    /// Time of one call.
    pub wire: Dist,
    /// Calls it serves at once; zero means any number. Others wait in line.
    pub limit: u32,
    /// How many calls it lets begin in the long run and at once; any number if not set.
    pub quota: Option<QuotaSettings>,
    /// Which calls fail.
    pub failure: Failure,
    /// Time until a failing call returns; the wire time if not set.
    pub fail_takes: Option<Duration>,
    /// How adapters learn that it is this end, if they ask.
    pub errand: Errand,
    /// The receive location at which a document arrives when its wire is done.
    pub forward_to: Option<ReceiveLocationId>,
    /// What it sends back, if it is asked for a reply (R-SR-01).
    pub reply: Option<Reply>,
}

/// Which calls of a sink fail.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Failure {
    /// Every call.
    Always,
    /// Every call for every n-th wire message of the run.
    Every(u64),
    /// The first n attempts of every message on a transport.
    First(u32),
    /// None.
    #[default]
    Never,
    /// So many in a thousand, drawn per attempt.
    PerMille(u32),
}

/// One load.
#[derive(Clone, Debug)]
pub struct LoadSettings {
    /// Its name: the key of its draws.
    pub name: String,
    /// The locations its messages arrive at, in turn.
    pub locations: Vec<ReceiveLocationId>,
    /// When they arrive.
    pub arrivals: ArrivalKind,
    /// Its beginning.
    pub start: Instant,
    /// Its end, if it ends by time.
    pub until: Option<Instant>,
    /// Its end, if it ends by count.
    pub count: Option<u64>,
    /// The content of every message.
    pub body: Body,
    /// The type a disassembler finds; part of the context of its documents.
    pub document_type: String,
    /// How its messages differ from that.
    pub variety: Variety,
    /// How fast its clock runs; as the world's if not set.
    pub pace: Option<Pace>,
    /// When its destination refuses what is sent; only a load of lots has senders that try again.
    pub refusals: Option<Refusals>,
    /// What holds a monitored value in a range by the pauses of its lots.
    pub controller: Option<Controller>,
    /// Where its messages ask dynamic send ports to go, in turn (R-DYN-02).
    pub outbound: Vec<Outbound>,
    /// The defect of some messages.
    pub poison: Option<Poison>,
}

/// LoadGen's throttle controller.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Controller {
    /// What is looked at.
    pub monitor: Monitor,
    /// Below this there is to be more load.
    pub low: f64,
    /// Above this there is to be less.
    pub high: f64,
    /// How often somebody looks.
    pub poll: Duration,
}

/// What a controller looks at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Monitor {
    /// How busy the cores of a server were since the last look, in percent.
    Cpu(ServerId),
    /// Messages that wait at the load's locations. \[M\] What has been fetched does not count.
    Files,
    /// Documents transmitted per second since the last look.
    Processed,
    /// Messages in the host queues.
    Queue,
    /// Documents received per second since the last look.
    Received,
    /// Rows of the spool.
    Spool,
}

/// Where a message asks to go (R-DYN-02).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Outbound {
    /// Its `OutboundTransportLocation`.
    pub location: String,
    /// Its `OutboundTransportType`, if it has one.
    pub transport_type: Option<String>,
}

/// Which messages of a load carry a defect.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Poison {
    /// Every n-th message.
    pub every: u64,
    /// What is wrong with it.
    pub defect: Defect,
}

/// What becomes of processes that end, and for how long their locks stay.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LifeSettings {
    /// How long a process must be dead before its locks are released (R-CLK-12): ten heartbeats
    /// of 60 s. \[M\] the number of heartbeats is not documented.
    pub dead_after: Duration,
    /// Interval of the job that releases them (R-GC-02).
    pub dead_job: Duration,
    /// What the database does with the transactions of a process that dies: commits them as they
    /// stand, or undoes them. Both can happen in life (R-CLK-20).
    pub transactions_commit: bool,
    /// Whether what a dying process had put on the wire arrives.
    pub wires_arrive: bool,
    /// How long the service manager waits for a service to stop before it kills it (R-SHUT-05).
    /// \[M\] a setting of the operating system.
    pub stop_limit: Duration,
    /// How long a host instance tries to stop when its database is away
    /// (`MessagingDBFailoverShutdownTimeLimit`, R-SHUT-07, R-HOST-03).
    pub database_limit: Duration,
    /// Whether life is watched although no fault is planned: then a world can be told to crash,
    /// and calls such as `Initialize` are events of its trace.
    pub watched: bool,
}

impl Default for LifeSettings {
    fn default() -> Self {
        Self {
            dead_after: Duration::from_minutes(10),
            dead_job: Duration::from_minutes(1),
            transactions_commit: false,
            wires_arrive: true,
            stop_limit: Duration::from_minutes(1),
            database_limit: Duration::from_minutes(1),
            watched: false,
        }
    }
}

/// One act of an operator.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OperatorAct {
    /// A send port group changes its state (R-SUB-09, R-SUB-11).
    Group(SendPortGroupId, PortOperation),
    /// A receive location is enabled or disabled (R-LIFE-06).
    Location(ReceiveLocationId, bool),
    /// A MessageBox goes offline, or comes back (R-ADD-02).
    Offline(MessageBoxId, bool),
    /// A send port changes its state (R-SUB-09).
    Port(SendPortId, PortOperation),
    /// New message publication is disabled or enabled in a MessageBox (R-MMB-04, R-MMB-05).
    Publishes(MessageBoxId, bool),
    /// What is suspended there is resumed (R-MBX-08, INV-61).
    Resume(Operand),
    /// What is suspended there is kept, as it stands, with the run's outcome (R-MBX-13,
    /// R-ADD-03).
    Save(Operand),
    /// What is there and not suspended is suspended: at once, or when its host instance lets go
    /// of it (R-MBX-05, R-MBX-08).
    Suspend(SubscriberId),
    /// What is suspended there is terminated (R-MBX-08).
    Terminate(Operand),
}

/// Whose suspended instances an operator acts on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Operand {
    /// What came by a receive location, and was not published.
    Location(ReceiveLocationId),
    /// What a send port, an orchestration or a two-way receive port has to get.
    Subscriber(SubscriberId),
}

/// A planned fault.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// The clock of a host instance's machine is wrong for a while (R-CLK-09).
    ClockSkew {
        /// The host instance.
        instance: HostInstanceId,
        /// From when.
        at: Instant,
        /// For how long; for ever if not set.
        lasts: Option<Duration>,
        /// By how much.
        by: Duration,
        /// Whether it is ahead, not behind.
        ahead: bool,
    },
    /// The database is away for a while: nothing commits (R-SHUT-07).
    DatabaseOffline {
        /// From when.
        at: Instant,
        /// For how long.
        lasts: Duration,
    },
    /// Every call of a sink fails for a while.
    EndpointDown {
        /// The sink.
        endpoint: EndpointId,
        /// From when.
        at: Instant,
        /// For how long.
        lasts: Duration,
    },
    /// A host instance dies (R-CRASH-03).
    HostCrash {
        /// The host instance.
        instance: HostInstanceId,
        /// When.
        at: Instant,
        /// After how long it starts again; never if not set.
        lasts: Option<Duration>,
    },
    /// A host instance is stopped in good order (R-SHUT-01).
    HostStop {
        /// The host instance.
        instance: HostInstanceId,
        /// When.
        at: Instant,
        /// After how long it is started again; never if not set.
        lasts: Option<Duration>,
    },
    /// The source of a receive location is broken for a while: as often as its adapter is told of
    /// it, the adapter closes it by itself (R-LIFE-07, R-LIFE-08).
    LocationBroken {
        /// The location.
        location: ReceiveLocationId,
        /// The only host instance for which it is broken; for all if not set.
        instance: Option<HostInstanceId>,
        /// From when.
        at: Instant,
        /// For how long; for ever if not set.
        lasts: Option<Duration>,
    },
    /// A receive location is disabled for a while (R-LIFE-06).
    LocationDisabled {
        /// The location.
        location: ReceiveLocationId,
        /// From when.
        at: Instant,
        /// For how long; for ever if not set.
        lasts: Option<Duration>,
    },
}

impl Fault {
    /// When it begins and when it is over, if that is an event; the partner's ends know of their
    /// own outages.
    #[must_use]
    pub fn span(&self) -> Option<(Instant, Option<Instant>)> {
        let (at, lasts) = match *self {
            Self::ClockSkew { at, lasts, .. }
            | Self::HostCrash { at, lasts, .. }
            | Self::HostStop { at, lasts, .. }
            | Self::LocationBroken { at, lasts, .. }
            | Self::LocationDisabled { at, lasts, .. } => (at, lasts),
            Self::DatabaseOffline { at, lasts } => (at, Some(lasts)),
            Self::EndpointDown { .. } => return None,
        };
        Some((at, lasts.map(|lasts| at + lasts)))
    }
}
