//! The engine batch: the adapter fills it, the engine executes it as one atomic unit.
//!
//! A [`Batch`] only records work (R-BATCH-04). Posting it (`Done`) hands it to the engine, which
//! answers exactly once with a [`BatchStatus`] (R-DONE-05).

use std::fmt;
use std::sync::Arc;

use crate::config::{Choices, FailedStatus, SuspendedStatus};
use crate::id::ReferenceId;
use crate::message::{PropertyId, WireMessage};
use crate::time::Instant;

/// An HRESULT: `>= 0` is success, `< 0` is failure. Branch on the sign first.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Status(pub i32);

macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)*) => {
        impl Status {
            $($(#[$doc])* pub const $name: Self = Self($code as u32 as i32);)*
        }
        const STATUS_NAMES: &[(Status, &str)] = &[$((Status::$name, $text)),*];
    };
}

// The numbers behind the BTS names come from one community tool (R-STAT-02): kept in one place.
statuses! {
    /// Done.
    OK = 0x0000_0000_u32, "S_OK";
    /// Success; the engine suspended one or more messages and owns the data.
    MESSAGE_SUSPENDED = 0x00C0_0001_u32, "SUSP";
    /// The same for a batch as a whole, where it was chosen so.
    FALSE = 0x0000_0001_u32, "S_FALSE";
    /// Success; a message failed authentication and was handled by the port's setting.
    SECURITY_CHECK_FAILED = 0x00C0_165E_u32, "SECURITY";
    /// Failure without a better name; also the overall status of a failed batch (R-CLK-19).
    FAIL = 0x8000_4005_u32, "E_FAIL";
    /// The context holds something that cannot be stored: an adapter's bug (R-CTX-09).
    NO_INTERFACE = 0x8000_4002_u32, "E_NOINTERFACE";
    /// A bad argument to a call: an adapter's bug.
    INVALID_ARGUMENT = 0x8007_0057_u32, "E_INVALIDARG";
    /// The location is unknown or disabled.
    URL_DISALLOWED = 0xC0C0_164B_u32, "URL_DISALLOWED";
    /// No subscriber matched (R-ROUTE-01).
    NO_SUBSCRIPTION = 0xC0C0_1680_u32, "NOSUB";
    /// The engine is stopping.
    SHUTTING_DOWN = 0xC0C0_163C_u32, "SHUTTING_DOWN";
    /// `MoveToNextTransport` without a backup, or on the backup already (R-RETRY-11).
    NO_BACKUP_TRANSPORT = 0xC0C0_162E_u32, "NO_BACKUP_TRANSPORT";
    /// A response that no correlation token ties to a request (R-SR-07).
    NULL_CORRELATION_TOKEN = 0xC0C0_1662_u32, "NULL_CORRELATION_TOKEN";
    /// The send pipeline, or the map before it, failed.
    SEND_PIPELINE_FAILED = 0xC0C0_1658_u32, "SEND_PIPELINE";
    /// The adapter could not transmit.
    TRANSMIT_FAILED = 0xC0C0_167A_u32, "TRANSMIT";
    /// The transaction it was posted in can only abort (R-FMR-07).
    TRANSACTION_ABORTED = 0x8004_D019_u32, "XACT_E_ABORTED";
    /// The MessageBox could not be written.
    PERSISTENCE_FAILURE = 0xC0C0_1623_u32, "PERSISTENCE_FAILURE";
}

impl Status {
    /// Whether the sign says success.
    #[must_use]
    pub const fn is_success(self) -> bool {
        self.0 >= 0
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match STATUS_NAMES.iter().find(|(status, _)| status == self) {
            Some((_, name)) => f.write_str(name),
            None => write!(f, "{:#010X}", self.0),
        }
    }
}

/// The kinds of operation with their documented numbers (R-BATCH-09).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(u8)]
pub enum OperationKind {
    /// `SubmitMessage` and `SubmitResponseMessage` share it.
    Submit = 0,
    /// The message was transmitted: remove it from the queue.
    Delete = 1,
    /// Suspend.
    MoveToSuspendQueue = 2,
    /// Deliver again, not before a given instant.
    Resubmit = 3,
    /// Switch to the backup transport.
    MoveToNextTransport = 4,
    /// The request of a request-response pair.
    SubmitRequest = 5,
    /// No longer wait for a response.
    CancelResponse = 6,
}

impl OperationKind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 7] = [
        Self::Submit,
        Self::Delete,
        Self::MoveToSuspendQueue,
        Self::Resubmit,
        Self::MoveToNextTransport,
        Self::SubmitRequest,
        Self::CancelResponse,
    ];
}

/// What a `MoveToSuspendQueue` suspends.
#[derive(Clone, Debug)]
pub enum Suspendable {
    /// A message that was delivered to a send adapter.
    Reference(ReferenceId),
    /// A message in the form the adapter submitted it (R-RCV-11).
    Wire(WireMessage),
}

/// One recorded operation of a batch (R-BATCH-09).
#[derive(Clone, Debug)]
pub enum Operation {
    /// Withdraws the wait for a response.
    CancelResponse {
        /// The correlation token of the request.
        token: u64,
    },
    /// Removes a transmitted message.
    Delete(ReferenceId),
    /// Switches a message to its backup transport.
    MoveToNextTransport(ReferenceId),
    /// Suspends a message.
    MoveToSuspendQueue(Suspendable),
    /// Delivers a message again.
    Resubmit {
        /// The message.
        reference: ReferenceId,
        /// Its earliest redelivery (R-RETRY-06).
        at: Instant,
    },
    /// Submits one way.
    Submit(WireMessage),
    /// Submits a request.
    SubmitRequest {
        /// The request.
        request: WireMessage,
        /// The correlation token its response will carry.
        token: u64,
        /// Whether only the first response is wanted (R-RR-10).
        first_only: bool,
        /// How long to wait; `None` is the engine's default (R-RR-01, R-RR-02).
        expires: Option<Instant>,
    },
    /// Submits the response of a solicit-response pair.
    SubmitResponse {
        /// The solicit it answers.
        solicit: ReferenceId,
        /// The response.
        response: WireMessage,
    },
}

impl Operation {
    /// Whether it brings in a message that nobody asked for (R-SHUT-03).
    pub(crate) const fn brings_in(&self) -> bool {
        match self {
            Self::Submit(_) | Self::SubmitRequest { .. } => true,
            Self::CancelResponse { .. }
            | Self::Delete(_)
            | Self::MoveToNextTransport(_)
            | Self::MoveToSuspendQueue(_)
            | Self::Resubmit { .. }
            | Self::SubmitResponse { .. } => false,
        }
    }

    /// The kind under which the status array files this operation.
    #[must_use]
    pub const fn kind(&self) -> OperationKind {
        match self {
            Self::CancelResponse { .. } => OperationKind::CancelResponse,
            Self::Delete(_) => OperationKind::Delete,
            Self::MoveToNextTransport(_) => OperationKind::MoveToNextTransport,
            Self::MoveToSuspendQueue(_) => OperationKind::MoveToSuspendQueue,
            Self::Resubmit { .. } => OperationKind::Resubmit,
            Self::Submit(_) | Self::SubmitResponse { .. } => OperationKind::Submit,
            Self::SubmitRequest { .. } => OperationKind::SubmitRequest,
        }
    }
}

/// An engine batch: made by `GetBatch`, filled by add calls, posted by `Done` (R-BATCH-01).
///
/// One batch may mix kinds freely (R-BATCH-05). Nothing happens before `Done` (R-BATCH-04). One
/// that came from no `GetBatch` has nobody to call back, and `Done` refuses it (R-BATCH-03, X-07).
#[derive(Clone, Debug, Default)]
pub struct Batch {
    cookie: u64,
    /// Whether it came from `GetBatch`, so that there is somebody to call back.
    has_callback: bool,
    operations: Vec<Operation>,
    /// `PropertiesToUpdate` of messages among them; almost always none.
    updates: Vec<(ReferenceId, Arc<str>)>,
    /// Largest number submitted so far: an ascending submit needs no search for its double.
    submitted_max: u64,
    submitted_twice: bool,
    /// The number of the last message that `submit` refused; zero is none.
    refused: u64,
}

impl Batch {
    /// An empty batch; the cookie comes back unchanged in `BatchComplete` (INV-07).
    #[must_use]
    pub(crate) fn new(cookie: u64) -> Self {
        Self { cookie, has_callback: true, ..Self::default() }
    }

    /// What `Done` posts: all that was added. The batch is empty afterwards (R-BATCH-08), so a
    /// second `Done` on it does nothing (INV-09).
    pub(crate) fn take(&mut self) -> Self {
        let rest = Self { cookie: self.cookie, has_callback: self.has_callback, ..Self::default() };
        std::mem::replace(self, rest)
    }

    /// Whether a `BatchComplete` would reach anybody (R-BATCH-03, X-07).
    #[must_use]
    pub const fn has_callback(&self) -> bool {
        self.has_callback
    }

    /// The adapter's cookie.
    #[must_use]
    pub const fn cookie(&self) -> u64 {
        self.cookie
    }

    /// The operations in the order of their add calls.
    #[must_use]
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// The operations, for execution.
    pub(crate) fn into_operations(self) -> Vec<Operation> {
        self.operations
    }

    /// Writes `PropertiesToUpdate` on a delivered message that this batch resubmits or suspends:
    /// the engine keeps what the XML text lists (R-CTX-10).
    pub fn update_properties(&mut self, reference: ReferenceId, xml: &str) {
        self.updates.push((reference, Arc::from(xml)));
    }

    /// What was asked to be updated, for execution.
    pub(crate) fn take_updates(&mut self) -> Vec<(ReferenceId, Arc<str>)> {
        std::mem::take(&mut self.updates)
    }

    /// Whether nothing was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// Whether one object was submitted twice: `Done` will fail (R-BATCH-06).
    #[must_use]
    pub const fn submitted_twice(&self) -> bool {
        self.submitted_twice
    }

    /// Whether the batch publishes: such batches are held while publishing is throttled
    /// (R-DONE-03); housekeeping is not.
    #[must_use]
    pub fn publishes(&self) -> bool {
        self.brought() > 0
    }

    /// Messages that it is to publish.
    pub(crate) fn brought(&self) -> u32 {
        let brings = |operation: &&Operation| {
            matches!(operation.kind(), OperationKind::Submit | OperationKind::SubmitRequest)
        };
        u32::try_from(self.operations.iter().filter(brings).count()).unwrap_or(u32::MAX)
    }

    /// Whether it brings in messages that nobody asked for: those are not taken any more while the
    /// engine stops, unlike the replies of partners (R-SHUT-03, R-SR-04).
    #[must_use]
    pub fn brings_in(&self) -> bool {
        self.operations.iter().any(Operation::brings_in)
    }

    /// Whether a response may come for something in the batch (R-RR-01).
    #[must_use]
    pub fn has_requests(&self) -> bool {
        let is_request =
            |operation: &Operation| matches!(operation, Operation::SubmitRequest { .. });
        self.operations.iter().any(is_request)
    }

    /// Records a one-way submit.
    ///
    /// `INVALID_ARGUMENT` when the message has no `InboundTransportLocation` (R-ADPT-01).
    #[must_use = "a refused message is still the adapter's"]
    pub fn submit(&mut self, message: WireMessage) -> Status {
        if message.context.read(PropertyId::INBOUND_TRANSPORT_LOCATION).is_none() {
            self.refused = message.number;
            return Status::INVALID_ARGUMENT;
        }
        self.note_submit(message.number);
        self.operations.push(Operation::Submit(message));
        Status::OK
    }

    fn note_submit(&mut self, number: u64) {
        if number > self.submitted_max {
            self.submitted_max = number;
        } else {
            self.submitted_twice |= self.operations.iter().any(|operation| match operation {
                Operation::Submit(known) | Operation::SubmitRequest { request: known, .. } => {
                    known.number == number
                }
                Operation::CancelResponse { .. }
                | Operation::Delete(_)
                | Operation::MoveToNextTransport(_)
                | Operation::MoveToSuspendQueue(_)
                | Operation::Resubmit { .. }
                | Operation::SubmitResponse { .. } => false,
            });
        }
    }

    /// The last message that [`Batch::submit`] refused: what the conformance kit asks for.
    pub(crate) fn refused(&self) -> Option<u64> {
        (self.refused != 0).then_some(self.refused)
    }

    /// Moves the instants of its resubmits: they were written by a clock that is wrong (R-CLK-09).
    pub fn skew(&mut self, shift: impl Fn(Instant) -> Instant) {
        for operation in &mut self.operations {
            if let Operation::Resubmit { at, .. } = operation {
                *at = shift(*at);
            }
        }
    }

    /// Makes room for `operations` more add calls.
    pub fn reserve(&mut self, operations: usize) {
        self.operations.reserve_exact(operations);
    }

    /// Records any other operation.
    pub fn add(&mut self, operation: Operation) {
        if let Operation::Submit(message) | Operation::SubmitRequest { request: message, .. } =
            &operation
        {
            let number = message.number;
            self.note_submit(number);
        }
        self.operations.push(operation);
    }

    /// Empties the batch without executing it (R-BATCH-08).
    pub fn clear(&mut self) {
        drop(self.take());
    }
}

/// The outcome of all operations of one kind (R-BC-03).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OperationStatus {
    /// The kind.
    pub kind: OperationKind,
    /// Negative if one of its messages is.
    pub status: Status,
    /// One status per add call of this kind, in their order (R-BC-04, INV-06).
    pub messages: Vec<Status>,
}

/// What `BatchComplete` brings (R-BC-01).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BatchStatus {
    /// The cookie given at `GetBatch` (INV-07).
    pub cookie: u64,
    /// Negative: nothing was applied (R-ATOM-02).
    pub overall: Status,
    /// One entry per distinct kind in the batch: its length is the original's `opCount` (R-BC-02).
    pub operations: Vec<OperationStatus>,
}

impl BatchStatus {
    /// Files per-message statuses under their kinds and derives the rest (INV-04, INV-05).
    #[must_use]
    pub fn assemble(
        cookie: u64,
        statuses: impl IntoIterator<Item = (OperationKind, Status)>,
    ) -> Self {
        let statuses = statuses.into_iter();
        let expected = statuses.size_hint().0;
        let mut operations: Vec<OperationStatus> = Vec::with_capacity(1);
        for (kind, status) in statuses {
            match operations.iter_mut().find(|known| known.kind == kind) {
                // Almost all of almost every batch.
                Some(known) if known.status == status => known.messages.push(status),
                Some(known) => {
                    known.status = worse(known.status, status);
                    known.messages.push(status);
                }
                None => {
                    let mut messages = Vec::with_capacity(expected);
                    messages.push(status);
                    operations.push(OperationStatus { kind, status, messages });
                }
            }
        }
        let worst = operations.iter().fold(Status::OK, |all, kind| worse(all, kind.status));
        let overall = if worst.is_success() { worst } else { Status::FAIL };
        Self { cookie, overall, operations }
    }

    /// The overall status by these choices: both change its name and never its sign (X-01,
    /// R-CLK-19, R-STAT-01).
    #[cold]
    pub(crate) fn rename_overall(&mut self, choices: Choices) {
        let named = match self.overall {
            Status::MESSAGE_SUSPENDED if choices.suspended_status == SuspendedStatus::SFalse => {
                Some(Status::FALSE)
            }
            Status::FAIL if choices.failed_status == FailedStatus::FirstFailure => {
                let messages = self.operations.iter().flat_map(|operation| &operation.messages);
                messages.copied().find(|status| !status.is_success())
            }
            _ => None,
        };
        self.overall = named.unwrap_or(self.overall);
    }

    /// Whether a database was away, so that no operation is to blame (R-SHUT-07, R-MMB-06).
    #[must_use]
    pub fn could_not_store(&self) -> bool {
        self.overall == Status::PERSISTENCE_FAILURE
    }

    /// Whether some message has exactly this status.
    #[must_use]
    pub fn any(&self, status: Status) -> bool {
        self.operations.iter().any(|operation| operation.messages.contains(&status))
    }

    /// The entry of a kind; the order of entries is not documented, so look them up.
    #[must_use]
    pub fn of(&self, kind: OperationKind) -> Option<&OperationStatus> {
        self.operations.iter().find(|operation| operation.kind == kind)
    }
}

/// A failure beats a suspension beats success.
const fn worse(a: Status, b: Status) -> Status {
    if !a.is_success() || b.0 == 0 {
        a
    } else if !b.is_success() || a.0 == 0 {
        b
    } else {
        a
    }
}

impl fmt::Display for BatchStatus {
    /// `S_OK, 1, [{Submit,S_OK,3,[S_OK,S_OK,S_OK]}]`, as the golden sequences print it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}, [", self.overall, self.operations.len())?;
        for (at, operation) in self.operations.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            let messages: Vec<String> = operation.messages.iter().map(Status::to_string).collect();
            let (kind, status, count) = (operation.kind, operation.status, messages.len());
            write!(f, "{comma}{{{kind:?},{status},{count},[{}]}}", messages.join(","))?;
        }
        f.write_str("]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use OperationKind::{Delete, Submit};

    #[test]
    fn op_count_is_the_number_of_kinds_and_one_failure_fails_the_batch() {
        // R-BC-01…04, R-ATOM-02, R-CLK-19, INV-04, INV-05, INV-06.
        let status = BatchStatus::assemble(
            7,
            [(Submit, Status::OK), (Delete, Status::OK), (Submit, Status::NO_SUBSCRIPTION)],
        );
        assert_eq!(
            status.to_string(),
            "E_FAIL, 2, [{Submit,NOSUB,2,[S_OK,NOSUB]},{Delete,S_OK,1,[S_OK]}]"
        );
        assert_eq!(status.cookie, 7);
    }

    #[test]
    fn a_suspended_message_is_still_success() {
        // R-ATOM-03, R-BC-05, X-01.
        let status =
            BatchStatus::assemble(1, [(Submit, Status::OK), (Submit, Status::MESSAGE_SUSPENDED)]);
        assert_eq!(status.overall, Status::MESSAGE_SUSPENDED);
        assert!(status.overall.is_success());
    }

    fn wire(number: u64) -> WireMessage {
        WireMessage {
            number,
            lineage: number,
            arrived: Instant::ZERO,
            context: crate::message::Context::default(),
            parts: crate::message::Parts::of(crate::message::Body::Described {
                bytes: 1,
                documents: 1,
            }),
            defect: None,
            seekable: true,
        }
    }

    fn batch_of(operations: impl IntoIterator<Item = Operation>) -> Batch {
        let mut batch = Batch::new(1);
        operations.into_iter().for_each(|operation| batch.add(operation));
        batch
    }

    fn reference() -> ReferenceId {
        ReferenceId(crate::id::Slab::default().insert(()))
    }

    #[test]
    fn what_publishes_is_told_from_housekeeping() {
        // R-DONE-03, R-RR-01: only publishing batches are held, only requests are answered.
        let request = Operation::SubmitRequest {
            request: wire(1),
            token: 1,
            first_only: true,
            expires: None,
        };
        for (operation, publishes, requests) in [
            (Operation::Submit(wire(1)), true, false),
            (request, true, true),
            (Operation::CancelResponse { token: 1 }, false, false),
            (Operation::Delete(reference()), false, false),
        ] {
            let batch = batch_of([operation]);
            assert_eq!((batch.publishes(), batch.has_requests()), (publishes, requests));
        }
        assert!(!batch_of([]).publishes());
    }

    #[test]
    fn one_object_is_noticed_twice_in_any_order() {
        // R-BATCH-06: numbers that rise, fall, and come again.
        for (numbers, twice) in
            [(&[1, 2, 3][..], false), (&[3, 1, 2], false), (&[2, 1, 2], true), (&[2, 1, 1], true)]
        {
            let batch = batch_of(numbers.iter().map(|number| Operation::Submit(wire(*number))));
            assert_eq!(batch.submitted_twice(), twice, "{numbers:?}");
        }
    }

    #[test]
    fn a_wrong_clock_moves_resubmits_alone() {
        // R-CLK-09.
        let at = Instant::from_nanos(5);
        let mut batch = batch_of([
            Operation::Resubmit { reference: reference(), at },
            Operation::Delete(reference()),
        ]);
        batch.skew(|at| Instant::from_nanos(at.as_nanos() + 2));
        let moved = Operation::Resubmit { reference: reference(), at: Instant::from_nanos(7) };
        assert_eq!(format!("{:?}", batch.operations()[0]), format!("{moved:?}"));
    }

    #[test]
    fn updates_ride_with_their_batch_once() {
        // R-CTX-10.
        let mut batch = batch_of([]);
        batch.update_properties(reference(), "<x/>");
        assert_eq!(batch.take_updates(), [(reference(), Arc::from("<x/>"))]);
        assert_eq!(batch.take_updates(), []);
    }

    #[test]
    fn a_status_is_found_and_the_worst_one_wins() {
        // R-ATOM-02, R-ATOM-03: a failure beats a suspension beats success, in any order.
        let (ok, suspended, failed) = (Status::OK, Status::MESSAGE_SUSPENDED, Status::FAIL);
        for (one, other, worst) in [
            (ok, ok, ok),
            (ok, suspended, suspended),
            (suspended, ok, suspended),
            (suspended, failed, failed),
            (failed, suspended, failed),
            (failed, ok, failed),
            (suspended, Status::SECURITY_CHECK_FAILED, suspended),
        ] {
            assert_eq!(worse(one, other), worst, "{one} and {other}");
        }
        let status = BatchStatus::assemble(1, [(Submit, ok), (Submit, suspended)]);
        assert!(status.any(suspended) && status.any(ok) && !status.any(failed));
    }

    #[test]
    fn signs_tell_success_from_failure() {
        for (status, name) in STATUS_NAMES {
            let success = matches!(*name, "S_OK" | "SUSP" | "SECURITY");
            assert_eq!(status.is_success(), success, "{name}");
        }
    }
}
