//! What happened in a trial, as facts to judge and as lines to read.

use std::fmt;

use crate::adapter::{Answer, CallId, ConfirmOf, Returned};
use crate::batch::{BatchStatus, OperationKind, Status};
use crate::id::TransactionId;
use crate::time::Instant;

/// A message and which delivery of it: `m1`, or `m1#2` for the second.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Name {
    pub number: u64,
    /// From 1; zero for a message that the adapter made.
    pub delivery: u32,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m{}", self.number)?;
        if self.delivery > 1 { write!(f, "#{}", self.delivery) } else { Ok(()) }
    }
}

/// One operation of a posted batch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Said {
    pub kind: OperationKind,
    pub of: Name,
    /// Of a resubmit: when.
    pub at: Option<Instant>,
    /// Of a submit: the location it names.
    pub location: Option<u32>,
    /// Of a `SubmitResponse`: it shares its kind with `Submit`.
    pub response: bool,
    /// Whether the message was the adapter's to dispose of when it posted this.
    pub held: bool,
}

impl Said {
    /// Whether it publishes something that came from outside.
    pub(super) fn submits(&self) -> bool {
        !self.response && matches!(self.kind, OperationKind::Submit | OperationKind::SubmitRequest)
    }

    /// Whether it ends a delivery (R-SND-10).
    pub(super) fn disposes(&self) -> bool {
        self.of.delivery > 0
            && matches!(
                self.kind,
                OperationKind::Delete
                    | OperationKind::MoveToSuspendQueue
                    | OperationKind::Resubmit
                    | OperationKind::MoveToNextTransport
            )
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.response { "SubmitResponse" } else { kind_name(self.kind) };
        write!(f, "{kind}({}", self.of)?;
        match self.at {
            Some(at) => write!(f, ", {at})"),
            None => f.write_str(")"),
        }
    }
}

const fn kind_name(kind: OperationKind) -> &'static str {
    match kind {
        OperationKind::Submit => "Submit",
        OperationKind::Delete => "Delete",
        OperationKind::MoveToSuspendQueue => "MoveToSuspendQ",
        OperationKind::Resubmit => "Resubmit",
        OperationKind::MoveToNextTransport => "MoveToNextTransport",
        OperationKind::SubmitRequest => "SubmitRequest",
        OperationKind::CancelResponse => "CancelResponse",
    }
}

/// Something that happened.
#[derive(Clone, Debug)]
pub(super) enum Fact {
    Aborted { transaction: TransactionId },
    AddedLocation { location: u32 },
    Arrived { number: u64, location: u32 },
    BatchBegun { call: CallId },
    BatchCleared { call: CallId },
    BatchDone { call: CallId, confirm: Option<TransactionId> },
    Committing { transaction: TransactionId },
    Completed { cookie: u64, status: BatchStatus },
    Confirmed { of: ConfirmOf, committed: bool },
    DoneReturned { cookie: u64 },
    Errored { of: Name },
    Fetched { location: u32, numbers: Vec<u64>, transaction: Option<TransactionId> },
    Fetching { location: u32 },
    Posted { cookie: u64, said: Vec<Said>, transaction: Option<TransactionId> },
    Redelivers { of: Name, at: Instant },
    Refused { said: Vec<Said>, status: Status },
    Removed { numbers: Vec<u64> },
    RemovedLocation { location: u32 },
    Responded { request: u64, answer: Answer },
    Returned { call: CallId, of: Option<Name>, returned: Returned },
    Terminating,
    Transacted { transaction: TransactionId, committed: bool },
    Transmit { call: CallId, of: Name, batched: bool, port: u32, retries_left: u32, fault: bool },
    Transmitted { of: Name, sent: bool },
    Transmitting { of: Name, endpoint: u32, transaction: Option<TransactionId> },
}

/// Everything that happened in a trial, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Story {
    pub facts: Vec<(Instant, Fact)>,
}

/// Where a story breaks a clause: the fact, and what is wrong with it.
#[derive(Clone, Debug)]
pub(super) struct Flaw {
    /// Facts up to here tell of it.
    pub facts: usize,
    pub why: String,
}

impl Story {
    pub(super) fn tell(&mut self, now: Instant, fact: Fact) {
        self.facts.push((now, fact));
    }

    /// All facts with their places.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, Instant, &Fact)> {
        self.facts.iter().enumerate().map(|(at, (now, fact))| (at, *now, fact))
    }

    /// A flaw at a fact.
    pub(super) fn flaw(at: usize, why: String) -> Result<(), Flaw> {
        Err(Flaw { facts: at + 1, why })
    }

    /// A flaw of the whole.
    pub(super) fn flaw_at_end(&self, why: String) -> Result<(), Flaw> {
        Err(Flaw { facts: self.facts.len(), why })
    }

    /// The posted batches: place, cookie, operations, transaction.
    pub(super) fn posted(
        &self,
    ) -> impl Iterator<Item = (usize, u64, &[Said], Option<TransactionId>)> {
        self.iter().filter_map(|(at, _, fact)| {
            let Fact::Posted { cookie, said, transaction } = fact else { return None };
            Some((at, *cookie, said.as_slice(), *transaction))
        })
    }

    /// The status with which the batch of this cookie completed.
    pub(super) fn status(&self, cookie: u64) -> Option<(usize, &BatchStatus)> {
        self.iter().find_map(|(at, _, fact)| {
            let Fact::Completed { cookie: completed, status } = fact else { return None };
            (*completed == cookie).then_some((at, status))
        })
    }

    /// The operations of batches that took effect, with the place of their completion.
    pub(super) fn applied(&self) -> Vec<(usize, Said)> {
        let mut applied = Vec::new();
        for (_, cookie, said, transaction) in self.posted() {
            let Some((at, status)) = self.status(cookie) else { continue };
            let settled = transaction.is_none_or(|transaction| self.committed(transaction));
            if status.overall.is_success() && settled {
                applied.extend(said.iter().map(|said| (at, *said)));
            }
        }
        applied
    }

    /// Whether a transaction was committed.
    pub(super) fn committed(&self, transaction: TransactionId) -> bool {
        self.facts.iter().any(|(_, fact)| {
            matches!(fact, Fact::Transacted { transaction: ended, committed: true }
                if *ended == transaction)
        })
    }

    /// The story up to a flaw, one line a fact: `00:00.010  A>E  …`.
    pub(super) fn lines(&self, facts: usize) -> Vec<String> {
        self.facts[..facts].iter().map(|(now, fact)| format!("{now}  {fact}")).collect()
    }
}

fn answer_name(answer: &Answer) -> String {
    match answer {
        Answer::Accepted => "Accepted".to_owned(),
        Answer::Failed => "Failed".to_owned(),
        Answer::Response(transmission) => format!("the response {}", transmission.document),
        Answer::Unauthorized => "Unauthorized".to_owned(),
    }
}

fn returned_name(returned: Returned) -> String {
    match returned {
        Returned::Begun { max, transaction } => format!("max={max}{}", within(transaction)),
        Returned::Cleared | Returned::Done | Returned::Terminated => "returns".to_owned(),
        Returned::Failed => "THROWS".to_owned(),
        Returned::Pending => "false".to_owned(),
        Returned::Sent => "true".to_owned(),
    }
}

fn list<T: fmt::Display>(things: impl IntoIterator<Item = T>) -> String {
    let things: Vec<String> = things.into_iter().map(|thing| thing.to_string()).collect();
    things.join(", ")
}

fn within(transaction: Option<TransactionId>) -> String {
    transaction.map_or_else(String::new, |transaction| format!(" in {transaction}"))
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aborted { transaction } => write!(f, "A>T  aborts {transaction}"),
            Self::AddedLocation { location } => write!(f, "E>A  AddReceiveEndpoint(in{location})"),
            Self::Arrived { number, location } => write!(f, "     m{number} lies at in{location}"),
            Self::BatchBegun { .. } => f.write_str("E>A  BeginBatch"),
            Self::BatchCleared { .. } => f.write_str("E>A  Clear of the adapter batch"),
            Self::BatchDone { confirm, .. } => {
                write!(f, "E>A  Done of the adapter batch{}", within(*confirm))
            }
            Self::Committing { transaction } => write!(f, "A>T  commits {transaction}"),
            Self::Completed { cookie, status } => {
                write!(f, "E>A  b{cookie}: BatchComplete({status})")
            }
            Self::Confirmed { of, committed } => {
                let of = match of {
                    ConfirmOf::Batch(cookie) => format!("b{cookie}"),
                    ConfirmOf::Delivery(transaction) => transaction.to_string(),
                };
                write!(f, "A>E  {of}: DTCCommitConfirm({committed})")
            }
            Self::DoneReturned { cookie } => write!(f, "E>A  b{cookie}: Done returns"),
            Self::Errored { of } => write!(f, "A>E  SetErrorInfo({of})"),
            Self::Fetched { location, numbers, transaction } => {
                let numbers = list(numbers.iter().map(|number| format!("m{number}")));
                write!(f, "W>A  fetched {numbers} from in{location}{}", within(*transaction))
            }
            Self::Fetching { location } => write!(f, "A>W  fetches from in{location}"),
            Self::Posted { cookie, said, transaction } => {
                write!(f, "A>E  b{cookie}: {} ; Done{}", list(said), within(*transaction))
            }
            Self::Redelivers { of, at } => write!(f, "E    will deliver {of} at {at}"),
            Self::Refused { said, status } => write!(f, "A>E  {}: {status}", list(said)),
            Self::Removed { numbers } => {
                let numbers = list(numbers.iter().map(|number| format!("m{number}")));
                write!(f, "A>W  removes {numbers} from the source")
            }
            Self::RemovedLocation { location } => {
                write!(f, "E>A  RemoveReceiveEndpoint(in{location})")
            }
            Self::Responded { request, answer } => {
                write!(f, "A>W  answers the client of m{request}: {}", answer_name(answer))
            }
            Self::Returned { of, returned, .. } => {
                let of = of.map_or_else(String::new, |of| format!(" {of}"));
                write!(f, "A>E  ->{of} {}", returned_name(*returned))
            }
            Self::Terminating => f.write_str("E>A  Terminate"),
            Self::Transacted { transaction, committed } => {
                let became = if *committed { "committed" } else { "aborted" };
                write!(f, "T>A  {transaction} is {became}")
            }
            Self::Transmit { of, retries_left, port, fault, .. } => {
                let fault = if *fault { ", a fault" } else { "" };
                write!(
                    f,
                    "E>A  TransmitMessage({of}, port {port}, RetryCount {retries_left}{fault})"
                )
            }
            Self::Transmitted { of, sent } => {
                write!(f, "W>A  {of} {}", if *sent { "is sent" } else { "fails on the wire" })
            }
            Self::Transmitting { of, endpoint, transaction } => {
                write!(f, "A>W  transmits {of} to out{endpoint}{}", within(*transaction))
            }
        }
    }
}
