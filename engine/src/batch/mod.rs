//! The engine batch: the adapter fills it, the engine executes it as one atomic unit.
//!
//! A [`Batch`] only records work (R-BATCH-04). Posting it (`Done`) hands it to the engine, which
//! answers exactly once with a [`BatchStatus`] (R-DONE-05).

mod status;

use std::sync::Arc;

pub use status::{BatchStatus, OperationStatus, Status};

use crate::id::ReferenceId;
use crate::message::{PropertyId, WireMessage};
use crate::time::Instant;

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
    /// Whether the object still held work when this had been taken out of it.
    left_work: bool,
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

    /// Whether the object that `Done` was called on still held work afterwards: for those who
    /// judge that it never does (INV-09).
    #[must_use]
    pub const fn left_work(&self) -> bool {
        self.left_work
    }

    /// What `Done` posts, and what it left in the object, as was found there.
    pub(crate) fn found_after_done(&mut self, object: &Self) {
        self.left_work = !object.operations.is_empty();
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
