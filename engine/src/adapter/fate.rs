//! What becomes of a message after an attempt, and how an engine batch says so: what every send
//! adapter that comes along has in common.

use super::ErrorSubject;
use crate::batch::{Operation, OperationKind, Suspendable};
use crate::id::ReferenceId;
use crate::message_box::OutboundMessage;
use crate::retry::{NextStep, after_failure};
use crate::time::{Duration, Instant};
use crate::transport_proxy::TransportProxy;

/// What is said of a message that the partner's end did not take.
pub(super) const NOT_SENT: &str = "the partner's end did not take the message";
/// What is said of a message that the engine did not take.
pub(super) const NOT_SUBMITTED: &str = "the engine did not take the message";

/// What becomes of a message after an attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fate {
    Delete,
    NextTransport,
    /// The partner replied: the reply is submitted and the solicit deleted, in one batch
    /// (R-SR-02).
    Reply,
    Resubmit,
    Suspend,
    /// The reply could not be submitted: it is suspended and the solicit deleted (R-FILT-03).
    SuspendReply,
}

impl Fate {
    /// The recommended next rung (R-RETRY-04).
    fn of_failure(now: Instant, message: &OutboundMessage) -> Self {
        match after_failure(now, message.retries_left, message.retry_interval) {
            NextStep::Resubmit(_) => Self::Resubmit,
            NextStep::MoveToNextTransport => Self::NextTransport,
        }
    }

    /// Whether the solicit's `Delete` rides in the same batch.
    pub(super) const fn replies(self) -> bool {
        matches!(self, Self::Reply | Self::SuspendReply)
    }

    pub(super) const fn kind(self) -> OperationKind {
        match self {
            Self::Delete => OperationKind::Delete,
            Self::Reply => OperationKind::Submit,
            Self::SuspendReply => OperationKind::MoveToSuspendQueue,
            Self::NextTransport => OperationKind::MoveToNextTransport,
            Self::Resubmit => OperationKind::Resubmit,
            Self::Suspend => OperationKind::MoveToSuspendQueue,
        }
    }

    /// The next rung after this one failed (R-FILT-03); `None` leaves the message as it is.
    const fn after_refusal(self) -> Option<Self> {
        match self {
            Self::Resubmit => Some(Self::NextTransport),
            Self::NextTransport => Some(Self::Suspend),
            Self::Reply => Some(Self::SuspendReply),
            Self::Delete | Self::Suspend | Self::SuspendReply => None,
        }
    }
}

/// What is kept of a message after an attempt: what an engine batch has to say about it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempted {
    pub(super) reference: ReferenceId,
    retry_interval: Duration,
    pub(super) fate: Fate,
}

impl Attempted {
    pub(super) fn of(message: &OutboundMessage, fate: Fate) -> Self {
        Self { reference: message.reference, retry_interval: message.retry_interval, fate }
    }

    /// An attempt that failed, and nobody is told why.
    pub(super) fn failed(now: Instant, message: &OutboundMessage) -> Self {
        Self::of(message, Fate::of_failure(now, message))
    }

    /// An attempt that failed. Why is said before the message comes back (R-ADPT-17, R-MSG-09).
    pub(super) fn explained(
        now: Instant,
        message: &OutboundMessage,
        why: &str,
        proxy: &mut TransportProxy,
    ) -> Self {
        proxy.set_error_info(ErrorSubject::Reference(message.reference), why);
        Self::failed(now, message)
    }

    /// What ends the delivery. A resubmit counts from now, also when a batch is made again
    /// (R-FILT-06).
    pub(super) fn operation(self, now: Instant) -> Operation {
        let reference = self.reference;
        match self.fate {
            Fate::Delete | Fate::Reply | Fate::SuspendReply => Operation::Delete(reference),
            Fate::NextTransport => Operation::MoveToNextTransport(reference),
            Fate::Resubmit => Operation::Resubmit { reference, at: now + self.retry_interval },
            Fate::Suspend => Operation::MoveToSuspendQueue(Suspendable::Reference(reference)),
        }
    }

    /// What to try after its batch failed: the same if this operation was not to blame, else the
    /// next rung (R-FILT-03, R-FILT-04).
    pub(super) fn again(self, innocent: bool) -> Option<Self> {
        let fate = if innocent { Some(self.fate) } else { self.fate.after_refusal() };
        fate.map(|fate| Self { fate, ..self })
    }
}

/// The moves to a next transport, and all others. A move may be refused and would take the others
/// of its batch with it (R-ATOM-02): each goes alone.
pub(super) fn moves_apart(fates: Vec<Attempted>) -> (Vec<Attempted>, Vec<Attempted>) {
    fates.into_iter().partition(|one| one.fate == Fate::NextTransport)
}
