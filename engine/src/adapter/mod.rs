//! Adapters: the engine's neighbours, as state machines.
//!
//! An adapter is told what happened ([`AdapterInput`]) and answers through its
//! [`TransportProxy`]. The inputs are the callbacks of the original interfaces, the outputs its
//! calls; a call that takes time begins with an input and ends with
//! [`TransportProxy::returned`]. An adapter keeps nothing about a message between two attempts
//! (R-RETRY-06): the retry count it sees is all it needs.

mod aside;
mod deciding;
mod door;
mod facade;
mod fate;
mod habits;
mod isolated;
mod occupancy;
mod receive;
mod request;
mod send;
mod sorting;
mod transactional_receive;
mod transactional_send;

use std::sync::Arc;

use crate::batch::{Batch, BatchStatus, Status};
use crate::config::{AdapterKind, Choices, Habits};
use crate::id::{EndpointId, Key, ReceiveLocationId, ReferenceId, SubscriberId, TransactionId};
use crate::message::{DocumentName, WireMessage};
use crate::message_box::{Exchange, OutboundMessage};
use crate::time::Instant;
use crate::transport_proxy::TransportProxy;

pub use facade::{AsyncAdapter, AsyncBatch, PostedBatch, Transport};
pub use isolated::{Isolated, IsolatedCall, IsolatedInput};
pub use occupancy::{Occupancy, Places};
pub use receive::Receiver;
pub use request::Requester;
pub use send::Sender;
pub use transactional_receive::TransactionalReceiver;
pub use transactional_send::TransactionalSender;

/// A call of the engine that the adapter has to return from.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct CallId(pub Key);

/// What an adapter is told.
#[derive(Clone, Debug)]
pub enum AdapterInput {
    /// `AddReceiveEndpoint` (R-LIFE-03).
    AddReceiveEndpoint {
        /// The location.
        location: ReceiveLocationId,
        /// Its source.
        endpoint: EndpointId,
        /// `TwoWayReceivePort`: requests are submitted here, not one-way messages (R-LIFE-04).
        two_way: bool,
    },
    /// A watched source has something.
    Arrived {
        /// The location.
        location: ReceiveLocationId,
    },
    /// `BatchComplete` (R-BC-01).
    BatchComplete(BatchStatus),
    /// `BeginBatch`; answer [`Returned::Begun`] (R-BSND-01).
    BeginBatch {
        /// The call.
        call: CallId,
        /// The transaction that the engine created for the batch, where it is the engine that
        /// does (X-10). Who returns it in [`Returned::Begun`] makes use of it and ends it; else
        /// the engine does.
        transaction: Option<TransactionId>,
    },
    /// `Clear` of an adapter batch; answer [`Returned::Cleared`] (R-BSND-04).
    Clear {
        /// The call.
        call: CallId,
    },
    /// `Done` of an adapter batch: transmission may start (R-BSND-02); answer
    /// [`Returned::Done`] or [`Returned::Failed`].
    Done {
        /// The call.
        call: CallId,
        /// The transaction that `BeginBatch` returned: its outcome is to be confirmed (R-TXN-09).
        confirm: Option<TransactionId>,
    },
    /// A `Done` of the adapter's own came back (R-DONE-01, R-DONE-03).
    DoneReturned {
        /// The batch's cookie.
        cookie: u64,
        /// Its status.
        status: Status,
    },
    /// `Initialize`: the adapter gets its transport proxy (R-LIFE-03, R-SND-02).
    Initialize,
    /// A word about the process of an isolated adapter (R-LIFE-11).
    Isolated(IsolatedInput),
    /// `Load`: the handler's configuration (R-LIFE-03, R-SND-02).
    Load,
    /// `RemoveReceiveEndpoint`: from now on nothing may be submitted there (R-LIFE-06).
    RemoveReceiveEndpoint {
        /// The location.
        location: ReceiveLocationId,
    },
    /// `Terminate`: finish what is pending, start nothing new, then answer
    /// [`Returned::Terminated`] (R-SHUT-01).
    Terminate {
        /// The call.
        call: CallId,
    },
    /// A transaction that the adapter committed or aborted came to its end (R-TXN-01).
    TransactionDone {
        /// The transaction.
        transaction: TransactionId,
        /// Whether every branch committed.
        committed: bool,
    },
    /// `TransmitMessage` (R-SND-06, R-BSND-01); answer [`Returned::Sent`], [`Returned::Pending`]
    /// or [`Returned::Failed`].
    TransmitMessage {
        /// The call.
        call: CallId,
        /// The message.
        message: Box<OutboundMessage>,
    },
    /// `UpdateEndpointConfig`: the configuration of an active location changed (R-LIFE-05).
    UpdateEndpointConfig {
        /// The location.
        location: ReceiveLocationId,
        /// Its source.
        endpoint: EndpointId,
    },
    /// A timer asked for is due.
    Wake {
        /// As given.
        token: u64,
    },
    /// The partner's end answered.
    WireDone {
        /// As given.
        token: u64,
        /// The answer.
        result: WireResult,
    },
}

/// What an adapter wants.
#[derive(Clone, Debug)]
pub enum AdapterOutput {
    /// To abort a transaction of its own (R-TXN-01).
    Abort {
        /// The transaction.
        transaction: TransactionId,
    },
    /// To commit a transaction of its own; [`AdapterInput::TransactionDone`] tells the outcome.
    Commit {
        /// The transaction.
        transaction: TransactionId,
    },
    /// `DTCCommitConfirm` on the object that `Done` gave for a batch (R-TXN-03).
    Confirm {
        /// The batch's cookie names the confirm object; one that came with an adapter batch is
        /// named by its transaction.
        of: ConfirmOf,
        /// What the adapter says became of the transaction.
        committed: bool,
    },
    /// A failing return from `BatchComplete`: it is logged, and nothing follows from it (R-BC-09).
    CompletionFailed {
        /// The batch's cookie.
        cookie: u64,
    },
    /// To post an engine batch, alone or inside a transaction (R-TXN-02).
    Done {
        /// The batch.
        batch: Batch,
        /// The transaction.
        transaction: Option<TransactionId>,
    },
    /// `SetErrorInfo` on a message (R-MSG-09).
    ErrorInfo {
        /// The message.
        of: ErrorSubject,
        /// The failure's text.
        text: Arc<str>,
    },
    /// A call of an isolated adapter (R-LIFE-11).
    Isolated(IsolatedCall),
    /// `ReceiverShuttingdown`: the adapter closes one location by itself (R-LIFE-07).
    ReceiverShuttingDown {
        /// The location.
        location: ReceiveLocationId,
    },
    /// To return from a call.
    Returned {
        /// The call.
        call: CallId,
        /// With what.
        returned: Returned,
    },
    /// To be woken.
    Wake {
        /// When.
        at: Instant,
        /// To recognise it by.
        token: u64,
    },
    /// To be told of an arrival, once.
    Watch {
        /// Where.
        location: ReceiveLocationId,
    },
    /// To speak to the partner's end.
    Wire {
        /// To recognise the answer by.
        token: u64,
        /// What to say.
        request: WireRequest,
    },
}

/// Which confirm object an adapter calls (R-TXN-03).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ConfirmOf {
    /// The one that came with `Done` of the engine batch of this cookie.
    Batch(u64),
    /// The one that came with `Done` of an adapter batch (R-TXN-09).
    Delivery(TransactionId),
}

/// The message that `SetErrorInfo` is about.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ErrorSubject {
    /// One that was delivered to the adapter.
    Reference(ReferenceId),
    /// One that the adapter made, by its number.
    Wire(u64),
}

/// How a call of the engine ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Returned {
    /// `BeginBatch`: takes up to `max` messages; zero counts as one (R-CLK-10).
    Begun {
        /// The maximum.
        max: u32,
        /// The transaction that the engine's own part of this batch is to run in (R-TXN-09).
        transaction: Option<TransactionId>,
    },
    /// `Clear`.
    Cleared,
    /// `Done` of an adapter batch.
    Done,
    /// An exception or a failing HRESULT (R-SND-08, R-BSND-04, R-BSND-05).
    Failed,
    /// `false`: the adapter will dispose of the message itself (R-SND-06).
    Pending,
    /// `true`: sent, the engine deletes it (R-SND-06, R-BSND-03).
    Sent,
    /// `Terminate`: nothing is pending any more (R-SHUT-01, R-SHUT-02).
    Terminated,
}

/// What an adapter says to the partner's end.
#[derive(Clone, Debug)]
pub enum WireRequest {
    /// Takes messages from a receive location's source.
    Fetch {
        /// The source.
        endpoint: EndpointId,
        /// The location it is read for.
        location: ReceiveLocationId,
        /// Messages at most.
        messages: u32,
        /// Bytes at most; the first message always fits.
        bytes: u64,
        /// The transaction the destructive read is enlisted in (R-TXN-05).
        transaction: Option<TransactionId>,
    },
    /// Leaves what was fetched at the source, to be fetched again: the location closed, or the
    /// engine could take nothing (R-DONE-06, R-DUP-01).
    Leave {
        /// The source.
        endpoint: EndpointId,
        /// What was fetched.
        messages: Vec<WireMessage>,
    },
    /// Removes messages from the source: the engine owns them now (R-ADPT-04).
    Remove {
        /// The source.
        endpoint: EndpointId,
        /// Their numbers.
        numbers: Vec<u64>,
    },
    /// Asks what defines a message's endpoint, which takes time and may fail (R-ADD-04); the
    /// answer is [`WireResult::Resolved`] or [`WireResult::Refused`].
    Resolve(Transmission),
    /// Answers a client that waits for the fate of its request (R-RR-16).
    Respond {
        /// The source the request came from.
        endpoint: EndpointId,
        /// The request's number.
        request: u64,
        /// What the client is told.
        answer: Answer,
    },
    /// Transmits one message.
    Transmit(Transmission),
}

/// What a waiting client is told (R-RR-16; HTTP's codes serve as names).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Answer {
    /// 202: a one-way message was taken.
    Accepted,
    /// 500: it failed, or no response came in time.
    Failed,
    /// 200, with the response.
    Response(Transmission),
    /// 401: it was not authenticated.
    Unauthorized,
}

/// One attempt on the wire.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Transmission {
    /// The partner's end.
    pub endpoint: EndpointId,
    /// The reference it is an attempt for.
    pub reference: ReferenceId,
    /// The subscriber it goes out for: a send port, or the two-way receive port that answers.
    pub subscriber: SubscriberId,
    /// The document.
    pub document: DocumentName,
    /// Publication order of its reference.
    pub sequence: u64,
    /// The key of everything drawn for the document.
    pub lineage: u64,
    /// When its wire message was meant to arrive.
    pub arrived: Instant,
    /// Size in bytes.
    pub bytes: u64,
    /// Whether this is the backup transport.
    pub on_backup: bool,
    /// Retries left at this attempt.
    pub retries_left: u32,
    /// Whether a reply is expected (R-SR-01).
    pub two_way: bool,
    /// The transaction the partner's end is enlisted in (R-TXN-06).
    pub transaction: Option<TransactionId>,
}

impl Transmission {
    /// The attempt that `message` stands before.
    #[must_use]
    pub fn of(message: &OutboundMessage) -> Self {
        Self {
            endpoint: message.endpoint,
            reference: message.reference,
            subscriber: message.subscriber,
            document: message.document,
            sequence: message.sequence,
            lineage: message.lineage,
            arrived: message.arrived,
            bytes: message.bytes,
            on_backup: message.on_backup,
            retries_left: message.retries_left,
            two_way: message.exchange == Exchange::Solicit,
            transaction: None,
        }
    }
}

/// What the partner's end answers.
#[derive(Clone, Debug)]
pub enum WireResult {
    /// To [`WireRequest::Fetch`].
    Fetched {
        /// What was taken, oldest first.
        messages: Vec<WireMessage>,
        /// Whether the source has more.
        more: bool,
    },
    /// To [`WireRequest::Transmit`] and [`WireRequest::Resolve`]: it failed.
    Refused,
    /// To [`WireRequest::Remove`].
    Removed,
    /// To a [`WireRequest::Transmit`] that expects a reply: it is there, and this came back.
    Replied(Box<WireMessage>),
    /// To [`WireRequest::Resolve`]: equal keys are one endpoint.
    Resolved(u64),
    /// To [`WireRequest::Transmit`] and [`WireRequest::Respond`]: it is there.
    Sent,
}

/// An adapter: one object per host instance, serving all its endpoints (R-SND-03).
///
/// Give it one input, drain the proxy, repeat; the inputs' instants never go back.
///
/// This one sends a message at a time and holds the engine's thread meanwhile. What it answers is
/// what the wire answered (R-SND-06), and `Terminate` waits for the wire (R-SHUT-02).
///
/// ```
/// use floodgate_engine::adapter::{Adapter, AdapterInput, CallId, Returned, Transmission};
/// use floodgate_engine::adapter::{WireRequest, WireResult};
/// # use floodgate_engine::conformance::{CLAUSES, Claims, Sends, broken};
/// use floodgate_engine::time::Instant;
/// use floodgate_engine::transport_proxy::TransportProxy;
///
/// #[derive(Clone, Debug, Default)]
/// struct Courier {
///     last: u64,
///     under_way: Vec<(u64, CallId)>,
///     terminating: Option<CallId>,
/// }
///
/// impl Adapter for Courier {
///     fn handle_input(&mut self, _now: Instant, input: AdapterInput, proxy: &mut TransportProxy) {
///         match input {
///             AdapterInput::TransmitMessage { call, message } => {
///                 self.last += 1;
///                 self.under_way.push((self.last, call));
///                 proxy.wire(self.last, WireRequest::Transmit(Transmission::of(&message)));
///             }
///             AdapterInput::WireDone { token, result } => {
///                 let sent = matches!(result, WireResult::Sent);
///                 for (_, call) in self.under_way.extract_if(.., |(of, _)| *of == token) {
///                     proxy.returned(call, if sent { Returned::Sent } else { Returned::Failed });
///                 }
///             }
///             AdapterInput::Terminate { call } => self.terminating = Some(call),
///             _ => {}
///         }
///         if self.under_way.is_empty()
///             && let Some(call) = self.terminating.take()
///         {
///             proxy.returned(call, Returned::Terminated);
///         }
///     }
/// }
/// # let claims = Claims { sends: Some(Sends { blocking: true, ..Sends::NONE }), receives: None };
/// # for clause in CLAUSES {
/// #     let broken = broken(clause.name, Courier::default, claims);
/// #     assert!(broken.is_none(), "{}", broken.unwrap());
/// # }
/// ```
pub trait Adapter: std::fmt::Debug {
    /// Takes one input; whatever the adapter wants then waits in `proxy`.
    fn handle_input(&mut self, now: Instant, input: AdapterInput, proxy: &mut TransportProxy);
}

/// An adapter of somebody's own that a world can hold and copy; made of every [`Adapter`] that
/// is `Clone`.
pub trait OwnAdapter: Adapter {
    /// A copy, for a world that is branched.
    fn boxed_clone(&self) -> Box<dyn OwnAdapter>;
}

impl<T: Adapter + Clone + 'static> OwnAdapter for T {
    fn boxed_clone(&self) -> Box<dyn OwnAdapter> {
        Box::new(self.clone())
    }
}

impl Clone for Box<dyn OwnAdapter> {
    fn clone(&self) -> Self {
        (**self).boxed_clone()
    }
}

/// The adapter of a node: those that come with the engine are dispatched statically.
#[derive(Clone, Debug)]
pub enum AnyAdapter {
    /// Receives, in a process of somebody else's (R-LIFE-11).
    Isolated(Box<Isolated>),
    /// None any more: its process is gone, and what still reaches it is nobody's business
    /// (R-CRASH-03).
    Gone,
    /// Somebody's own.
    Own(Box<dyn OwnAdapter>),
    /// Receives one way, in batches.
    Receiver(Receiver),
    /// Receives requests and answers them.
    Requester(Requester),
    /// Sends.
    Sender(Sender),
    /// Receives inside transactions.
    TransactionalReceiver(TransactionalReceiver),
    /// Sends inside transactions.
    TransactionalSender(TransactionalSender),
}

impl AnyAdapter {
    /// A new instance of what is registered.
    #[must_use]
    pub fn new(kind: AdapterKind) -> Self {
        match kind {
            AdapterKind::Receive(settings) => Self::Receiver(Receiver::new(settings)),
            AdapterKind::Request(settings) => Self::Requester(Requester::new(settings)),
            AdapterKind::Send(settings) => Self::Sender(Sender::new(settings)),
            AdapterKind::TransactionalReceive(settings) => {
                Self::TransactionalReceiver(TransactionalReceiver::new(settings))
            }
            AdapterKind::TransactionalSend(settings) => {
                Self::TransactionalSender(TransactionalSender::new(settings))
            }
        }
    }
}

impl AnyAdapter {
    /// The same on a machine with so many CPUs (R-HOST-03).
    #[must_use]
    pub fn on(self, cpus: u32) -> Self {
        match self {
            Self::Requester(requester) => Self::Requester(requester.on(cpus)),
            Self::Gone
            | Self::Isolated(_)
            | Self::Own(_)
            | Self::Receiver(_)
            | Self::Sender(_)
            | Self::TransactionalReceiver(_)
            | Self::TransactionalSender(_) => self,
        }
    }

    /// The same, under what was chosen where the sources leave it open.
    #[must_use]
    pub fn choosing(self, choices: &Choices) -> Self {
        match self {
            Self::Sender(sender) => Self::Sender(sender.choosing(choices)),
            Self::Gone
            | Self::Isolated(_)
            | Self::Own(_)
            | Self::Receiver(_)
            | Self::Requester(_)
            | Self::TransactionalReceiver(_)
            | Self::TransactionalSender(_) => self,
        }
    }

    /// The same with habits, if it is one that can have some: a sender without transactions.
    #[must_use]
    pub fn with_habits(self, habits: Option<&Habits>) -> Self {
        match (self, habits) {
            (Self::Sender(sender), Some(habits)) => Self::Sender(sender.with_habits(habits)),
            (own, _) => own,
        }
    }

    /// The same, hosted by a process that is not the engine's, if it `is` so.
    #[must_use]
    pub fn isolated(self, is: bool) -> Self {
        if is { Self::Isolated(Box::new(Isolated::new(self))) } else { self }
    }
}

impl Adapter for AnyAdapter {
    #[inline(always)]
    fn handle_input(&mut self, now: Instant, input: AdapterInput, proxy: &mut TransportProxy) {
        // Five of seven calls are a sender's: a branch is foreseen better than a table of jumps.
        if let Self::Sender(own) = self {
            return own.handle_input(now, input, proxy);
        }
        match self {
            Self::Gone => {}
            Self::Isolated(isolated) => isolated.handle_input(now, input, proxy),
            Self::Own(own) => own.handle_input(now, input, proxy),
            Self::Receiver(receiver) => receiver.handle_input(now, input, proxy),
            Self::Requester(requester) => requester.handle_input(now, input, proxy),
            Self::Sender(sender) => sender.handle_input(now, input, proxy),
            Self::TransactionalReceiver(receiver) => receiver.handle_input(now, input, proxy),
            Self::TransactionalSender(sender) => sender.handle_input(now, input, proxy),
        }
    }
}
