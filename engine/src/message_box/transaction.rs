//! What one MessageBox transaction asks for, what it costs, and what it did.

use std::ops::Range;
use std::sync::Arc;

use super::PendingOperation;
use super::exchange::{Closing, Wait, Waiting};
use super::remark::{LogEntry, Remark};
use crate::adapter::ErrorSubject;
use crate::batch::{OperationKind, Status};
use crate::id::{
    AdapterId, EndpointId, HostId, HostInstanceId, MessageBoxId, OrchestrationInstanceId,
    ReferenceId, SendPortGroupId, SendPortId, SubscriberId,
};
use crate::message::{Context, Document, DocumentName, Value, WireMessage};
use crate::pipeline::FailedDocument;
use crate::subscription::PortState;
use crate::time::{Duration, Instant};

/// Why something was suspended. The numbers are part of digests: new ones are added at the end.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Reason {
    /// An adapter asked for it.
    Adapter = 0,
    /// Its sender could not be authenticated, and the port keeps such messages (R-RCV-06).
    Authentication = 9,
    /// An ordered port stops where it would go on by its backup transport (R-ORD-12).
    BackupTransport = 13,
    /// What an orchestration sent two ways could not be sent, and it does not catch that (R-SR-06).
    Exception = 12,
    /// A map failed, inbound or outbound (R-MAP-01).
    Map = 10,
    /// A receive pipeline failed (R-RCV-08).
    Pipeline = 1,
    /// The port was stopped when the message was routed to it (R-SUB-10).
    PortStopped = 2,
    /// All retries on all transports are used (R-SUSP-03).
    Retries = 3,
    /// Nobody subscribes, and the engine was told to suspend then.
    Routing = 4,
    /// An operator asked for it.
    Operator = 5,
    /// A send pipeline failed: no retries, no backup (R-RETRY-14).
    SendPipeline = 11,
    /// A dynamic port's message that no adapter answers to (R-DYN-02).
    Unaddressed = 6,
    /// An orchestration came to its Suspend shape (R-ADD-01).
    SuspendShape = 7,
    /// The instance it was routed to ended without it (R-MBX-12; 0xC0C01B4C).
    Zombie = 8,
}

/// What one operation of a batch will do, once pipelines and maps have run.
#[derive(Clone, Debug)]
pub enum Action {
    /// Starts to wait for the answer that correlates by a value, so long at most, where the
    /// instance of this reference lives (R-SUB-07).
    Await(ReferenceId, Value, Option<Duration>),
    /// Withdraws the wait for responses that correlate by a value (R-RR-11).
    CancelResponse(Value),
    /// Takes an instance that waits out of the memory of its host instance.
    Dehydrate(OrchestrationInstanceId),
    /// Removes a reference whose message the send pipeline consumed (R-PIPE-08).
    Consume(ReferenceId),
    /// Removes a reference.
    Delete(ReferenceId),
    /// Removes a suspended message that this batch publishes again, by its number (INV-61).
    ForgetSuspended(u64),
    /// The engine's own reaction to a failed transmission (R-RETRY-05).
    DefaultFailure(ReferenceId),
    /// The time of an exchange is over (R-RR-07).
    Expire {
        /// The request's number.
        request: u64,
        /// What its responses correlate by.
        correlation: Value,
        /// Whether a fault is due: not if there were answers.
        fault: bool,
    },
    /// Suspends a delivered message whose map or send pipeline failed (R-RETRY-14).
    Fail(ReferenceId, Reason),
    /// Stores nothing of the message of this number, successfully: its pipeline consumed it
    /// (R-RCV-02).
    Empty(u64),
    /// Does nothing, successfully: what it was about is over.
    Nothing,
    /// Switches to the backup transport (R-RETRY-10).
    NextTransport(ReferenceId),
    /// Publishes documents `first..first + count` of the batch.
    Publish {
        /// The first document.
        first: u32,
        /// How many.
        count: u32,
    },
    /// Publishes some documents of a message and does something else with the others.
    PublishPart(Box<Part>),
    /// Cannot be done; the status says why.
    Refuse(Status),
    /// Makes a reference eligible again at an instant (R-RETRY-06).
    Resubmit(ReferenceId, Instant),
    /// Suspends an orchestration's instance with the message it received.
    SuspendInstance(ReferenceId, Reason),
    /// Suspends a response that came too late for its adapter (R-CLK-16).
    SuspendLate(ReferenceId),
    /// Suspends a delivered message.
    SuspendReference(ReferenceId),
    /// Suspends a message in the form it was submitted in (R-RCV-08).
    SuspendWire {
        /// The message.
        wire: Box<WireMessage>,
        /// Whether it may be resumed.
        resumable: bool,
        /// Why.
        reason: Reason,
        /// The status that its adapter sees.
        status: Status,
        /// Its pipeline threw at a port that routes failed messages: inside an adapter's
        /// transaction that is the end of the transaction (R-FMR-07).
        thrown: bool,
    },
}

/// What becomes of a message of which not every document is published.
#[derive(Clone, Debug)]
pub struct Part {
    /// The first good document of the batch…
    pub first: u32,
    /// …and how many there are.
    pub count: u32,
    /// Documents to be suspended one by one (R-RIP-03).
    pub failed: Vec<FailedDocument>,
    /// The message.
    pub wire: u64,
    /// Documents in the message, those included that were consumed or never pulled (R-RCV-03).
    pub held: u32,
    /// What became of those that are neither good nor bad, if there are any.
    pub rest: Option<Rest>,
}

/// What became of documents that are neither published nor suspended.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Rest {
    /// A component of the pipeline consumed one; those after it were never pulled (R-RCV-03).
    Consumed,
    /// The sender could not be authenticated, and the port drops such messages (R-RCV-06).
    Dropped,
}

impl Action {
    /// The places of the documents it publishes.
    pub(super) fn published(&self) -> Range<u32> {
        match self {
            Self::Publish { first, count } => *first..*first + *count,
            Self::PublishPart(part) => part.first..part.first + part.count,
            Self::Await(..)
            | Self::CancelResponse(_)
            | Self::Consume(_)
            | Self::DefaultFailure(_)
            | Self::Dehydrate(_)
            | Self::Delete(_)
            | Self::Empty(_)
            | Self::Expire { .. }
            | Self::Fail(..)
            | Self::ForgetSuspended(_)
            | Self::NextTransport(_)
            | Self::Nothing
            | Self::Refuse(_)
            | Self::Resubmit(..)
            | Self::SuspendInstance(..)
            | Self::SuspendLate(_)
            | Self::SuspendReference(_)
            | Self::SuspendWire { .. } => 0..0,
        }
    }

    /// The reference that it is about, if it is about one.
    #[must_use]
    pub const fn reference(&self) -> Option<ReferenceId> {
        match self {
            Self::Consume(id)
            | Self::DefaultFailure(id)
            | Self::Delete(id)
            | Self::Fail(id, _)
            | Self::NextTransport(id)
            | Self::Resubmit(id, _)
            | Self::SuspendInstance(id, _)
            | Self::SuspendLate(id)
            | Self::SuspendReference(id) => Some(*id),
            Self::Await(..)
            | Self::CancelResponse(_)
            | Self::Dehydrate(_)
            | Self::Empty(_)
            | Self::Expire { .. }
            | Self::ForgetSuspended(_)
            | Self::Nothing
            | Self::Publish { .. }
            | Self::PublishPart(_)
            | Self::Refuse(_)
            | Self::SuspendWire { .. } => None,
        }
    }
}

/// A batch ready to be committed: every pipeline and map has run.
#[derive(Clone, Debug, Default)]
pub struct PreparedBatch {
    /// The adapter's cookie.
    pub cookie: u64,
    /// One entry per operation, in the order of the add calls.
    pub actions: Vec<(OperationKind, Action)>,
    /// The documents to publish.
    pub documents: Vec<Document>,
    /// What adapters remark on the messages that the actions are about; almost always nothing.
    pub remarks: Vec<(ErrorSubject, Remark)>,
    /// The requests among the operations, which wait for their responses (R-RR-03).
    pub waits: Vec<Box<Wait>>,
}

/// The message exchange a delivered message is part of.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Exchange {
    /// What an orchestration waits for: the answer to what it sent (R-SR-03).
    Answer,
    /// None: it is sent, and that is all.
    #[default]
    OneWay,
    /// It answers the request that was submitted with this correlation token (R-RR-04).
    Response {
        /// The token.
        token: u64,
        /// Whether it is the engine's fault message instead of a response (R-RR-07).
        fault: bool,
    },
    /// `IsSolicitResponse`: the partner's reply is to be submitted (R-SR-01).
    Solicit,
}

/// A message as handed to a send adapter: what `TransmitMessage` carries.
#[derive(Clone, Debug)]
pub struct OutboundMessage {
    /// The reference to dispose of in the end (R-SND-10).
    pub reference: ReferenceId,
    /// The document's name.
    pub document: DocumentName,
    /// Publication order (R-CLK-06).
    pub sequence: u64,
    /// The key of everything drawn for it.
    pub lineage: u64,
    /// When its wire message was meant to arrive.
    pub arrived: Instant,
    /// The subscriber it is for: a send port, or the two-way receive port that answers.
    pub subscriber: SubscriberId,
    /// What is expected of its delivery besides transmission.
    pub exchange: Exchange,
    /// Whether it goes by the backup transport.
    pub on_backup: bool,
    /// The adapter that will send it.
    pub adapter: AdapterId,
    /// The partner's end: the sort key of mixed batches (R-BSND-08).
    pub endpoint: EndpointId,
    /// Retries left on this transport: the `RetryCount` of the context (R-RETRY-02).
    pub retries_left: u32,
    /// The `RetryInterval` of the context.
    pub retry_interval: Duration,
    /// Size in bytes.
    pub bytes: u64,
    /// The bytes of its body, if it has real ones.
    pub real: Option<Arc<[u8]>>,
    /// Changes when the stored message changes (INV-18).
    pub fingerprint: u64,
    /// Its properties, as stored and all demoted, so that publishing them again does not loop
    /// (R-CTX-07).
    pub context: Context,
}

/// A change that a commit made, in the order in which it was made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Effect {
    /// A document's last reference went: its row is garbage now (R-GC-01).
    Collectable {
        /// The document.
        document: DocumentName,
    },
    /// A reference was removed because the send pipeline consumed its message (R-PIPE-08).
    Consumed {
        /// The reference.
        at: Place,
    },
    /// A reference was removed after transmission.
    Deleted {
        /// The reference.
        at: Place,
    },
    /// A reference was locked to a host instance.
    Locked {
        /// The reference.
        at: Place,
        /// To whom.
        owner: HostInstanceId,
    },
    /// An entry of the event log: the text is the one that the adapter set (R-MSG-09).
    Logged {
        /// The reference.
        at: Place,
        /// What happened to it.
        entry: LogEntry,
    },
    /// An acknowledgement was made, and somebody subscribes to it (R-ACK-01).
    Acknowledgement {
        /// The acknowledgement.
        document: DocumentName,
        /// What it is about.
        of: DocumentName,
        /// Publication order of the reference it is about; zero for a message without one.
        sequence: u64,
        /// Whether it was sent, rather than suspended.
        positive: bool,
    },
    /// A request was committed: its wait is open (R-RR-03, INV-26).
    ExchangeOpened {
        /// Who waits.
        waiting: Waiting,
    },
    /// A wait is over (INV-26).
    ExchangeClosed {
        /// Who waited.
        waiting: Waiting,
        /// What ended it.
        by: Closing,
    },
    /// A response found nobody waiting (R-CLK-16); after a restart this is event 5813 (R-RR-12).
    LateResponse {
        /// The response.
        document: DocumentName,
        /// Whether the process that waited for it is gone: event 5813.
        orphan: bool,
    },
    /// A reference moved to its port's backup transport.
    MovedToNextTransport {
        /// The reference.
        at: Place,
        /// Retries it has there.
        retries_left: u32,
    },
    /// Documents of a wire message ended without being published or suspended.
    Passed {
        /// The wire message.
        wire: u64,
        /// How.
        rest: Rest,
        /// How many; a message that holds none counts for one.
        documents: u32,
    },
    /// An adapter asked for properties to be kept (R-CTX-10).
    PropertiesUpdated {
        /// The reference.
        at: Place,
        /// The retry count among them, which the next resubmit leaves as it is (R-RETRY-09).
        retries_left: Option<u16>,
    },
    /// A document was stored.
    Published {
        /// The document.
        document: DocumentName,
        /// References made: one per matching subscription (INV-13).
        references: u32,
        /// Bodies stored: one per MessageBox with a match (R-PUB-02, INV-16).
        bodies: u32,
        /// Its fingerprint.
        fingerprint: u64,
        /// The key of chance of the document.
        lineage: u64,
    },
    /// A reference entered a queue.
    Referenced {
        /// The reference.
        at: Place,
        /// The send port group by which it came, if it did (R-SUB-11).
        group: Option<SendPortGroupId>,
        /// Whether it begins a service instance; otherwise it goes to a running one (R-SUB-05).
        activates: bool,
        /// Retries it has on its transport.
        retries_left: u32,
    },
    /// A suspended reference was made eligible again by an operator.
    Resumed {
        /// The reference.
        at: Place,
    },
    /// A reference waits for its retry.
    Resubmitted {
        /// The reference.
        at: Place,
        /// Its earliest redelivery.
        due: Instant,
        /// Retries left after this one was taken (R-RETRY-02).
        retries_left: u32,
    },
    /// An error message was published in place of a suspension (R-FMR-02).
    RoutedMessage {
        /// The failed message.
        document: DocumentName,
        /// The error message.
        error: DocumentName,
        /// Why it would have been suspended.
        reason: Reason,
    },
    /// The same for a delivered message: its reference is gone.
    RoutedReference {
        /// The reference.
        at: Place,
        /// The error message.
        error: DocumentName,
        /// Why it would have been suspended.
        reason: Reason,
    },
    /// A routing failure report was stored (R-ROUTE-02).
    RoutingFailureReport {
        /// The document that nobody subscribed to.
        document: DocumentName,
    },
    /// A reference was suspended.
    SuspendedReference {
        /// The reference.
        at: Place,
        /// Whether it may be resumed.
        resumable: bool,
        /// Why.
        reason: Reason,
    },
    /// A message without a reference was suspended: wire form, or an unrouted document.
    SuspendedMessage {
        /// The message.
        document: DocumentName,
        /// Whether it may be resumed.
        resumable: bool,
        /// Why.
        reason: Reason,
    },
    /// A reference was found outside its transport's service window, and waits for it (R-SW-01).
    Scheduled {
        /// The reference.
        at: Place,
        /// When the window opens.
        due: Instant,
    },
    /// A suspended reference was removed by an operator.
    Terminated {
        /// The reference.
        at: Place,
    },
    /// A report went with the suspended message it was about (R-ROUTE-03).
    ReportRemoved {
        /// The document that nobody subscribed to.
        document: DocumentName,
    },
    /// A suspended message without a reference was published again, or an operator removed it.
    SuspendedMessageGone {
        /// The message.
        document: DocumentName,
        /// Whether it was resumed.
        resumed: bool,
    },
    /// A pipeline threw inside a transaction, which aborts; the error message is there all the
    /// same (R-FMR-07).
    ThrownMessage {
        /// The failed message, which is its source's again.
        document: DocumentName,
        /// The error message.
        error: DocumentName,
        /// Why it would have been suspended.
        reason: Reason,
    },
    /// An operation waits until a host instance lets go of the reference (R-MBX-05).
    OperationPending {
        /// The reference.
        at: Place,
        /// The operation.
        operation: PendingOperation,
    },
    /// An operator changed a send port group's state (R-SUB-09).
    GroupState {
        /// The group.
        group: SendPortGroupId,
        /// Its state before.
        from: PortState,
        /// Its state now.
        to: PortState,
    },
    /// An operator changed a send port's state (R-SUB-09).
    PortState {
        /// The port.
        port: SendPortId,
        /// Its state before.
        from: PortState,
        /// Its state now.
        to: PortState,
    },
    /// A reference was given back by a host instance that is gone (R-CRASH-01, R-SHUT-06).
    Unlocked {
        /// The reference.
        at: Place,
        /// Who had it.
        owner: HostInstanceId,
    },
}

/// Which reference an effect is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Place {
    /// The reference.
    pub reference: ReferenceId,
    /// The document it refers to.
    pub document: DocumentName,
    /// The subscriber.
    pub subscriber: SubscriberId,
    /// The MessageBox that holds it.
    pub home: MessageBoxId,
    /// The host whose queue it is in.
    pub host: HostId,
    /// Publication order.
    pub sequence: u64,
}
