//! Executing an engine batch on an engine thread: pipelines, maps, one transaction, one callback.

use std::hint::cold_path;
use std::sync::Arc;

use super::exchanges::Requests;
use super::receive::suspend_whole;
use super::{DoneRace, Frame, FrameId, HostInstance, HostOutput, Life, Task, settles};
use crate::adapter::{AdapterInput, ErrorSubject};
use crate::batch::{Batch, BatchStatus, Operation, OperationKind, Status, Suspendable};
use crate::config::Topology;
use crate::demand::Demand;
use crate::id::{AdapterId, ReceiveLocationId, ReferenceId, TransactionId};
use crate::message::{PropertyId, Value, WireMessage};
use crate::message_box::{Action, PreparedBatch, Reason};
use crate::sabotage::Sabotage;
use crate::time::Instant;

/// A posted batch on its way through the engine.
#[derive(Clone, Debug)]
pub(super) struct Execution {
    adapter: AdapterId,
    cookie: u64,
    operations: Vec<Operation>,
    publishes: bool,
    /// Messages that it is to publish, their bytes, and the documents in them, once it is at work.
    handed_in: u32,
    bytes: u64,
    documents: u32,
    /// When.
    posted_at: Instant,
    /// Operations that end a delivery when the batch commits.
    settles: usize,
    /// `Done` has not returned yet.
    owes_return: bool,
    race: DoneRace,
    transaction: Option<TransactionId>,
    /// `PropertiesToUpdate` of its messages (R-CTX-10).
    pub(super) updates: Vec<(ReferenceId, Arc<str>)>,
    /// Messages of which an adapter said why they failed (R-MSG-09).
    pub(super) remarked: Vec<ErrorSubject>,
    /// What it does to exchanges, if it does anything.
    requests: Option<Box<Requests>>,
    /// Operations on a location that was not open when they were posted (R-LIFE-06).
    disallowed: Vec<usize>,
    /// There is nobody to call back.
    silent: bool,
    /// One object is in it twice, and that fails it (R-BATCH-06).
    doubled: bool,
}

impl Execution {
    pub(super) const fn adapter(&self) -> AdapterId {
        self.adapter
    }

    pub(super) const fn race(&self) -> DoneRace {
        self.race
    }
}

impl Execution {
    /// Documents that it is to publish.
    pub(super) const fn documents(&self) -> u32 {
        self.documents
    }

    /// Whether it publishes, and so is held back by throttling.
    pub(super) const fn publishes(&self) -> bool {
        self.publishes
    }

    pub(super) fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// Whether it brings in what is not taken while the engine stops (R-SHUT-03).
    pub(super) fn brings_in(&self) -> bool {
        self.operations.iter().any(Operation::brings_in)
    }
}

/// Finds a message's receive location by its `InboundTransportLocation` (R-RCV-01), remembering
/// the answer for contexts that are templates.
#[derive(Clone, Debug, Default)]
pub(super) struct Locations {
    by_template: Vec<Option<Option<ReceiveLocationId>>>,
}

impl Locations {
    #[inline(always)]
    pub(super) fn find(
        &mut self,
        topology: &Topology,
        wire: &WireMessage,
    ) -> Option<ReceiveLocationId> {
        let template = wire.context.template() as usize;
        if let Some(Some(known)) = self.by_template.get(template) {
            return *known;
        }
        cold_path();
        let found = Self::search(topology, wire);
        if template != 0 {
            if self.by_template.len() <= template {
                self.by_template.resize(template + 1, None);
            }
            self.by_template[template] = Some(found);
        }
        found
    }

    fn search(topology: &Topology, wire: &WireMessage) -> Option<ReceiveLocationId> {
        let Some(Value::Text(uri)) = wire.context.read(PropertyId::INBOUND_TRANSPORT_LOCATION)
        else {
            return None;
        };
        let at = topology.receive_locations.iter().position(|location| *location.name == **uri)?;
        Some(ReceiveLocationId::from(at))
    }
}

impl Execution {
    /// Whether its `Done` was let in, so that a `BatchComplete` is owed.
    /// When it was posted, and by whom.
    const fn posted_by(&self) -> (Instant, AdapterId) {
        (self.posted_at, self.adapter)
    }

    pub(super) fn refused_as(&self) -> (AdapterId, u64) {
        (self.adapter, self.cookie)
    }
}

impl HostInstance {
    /// Which operations submit at a location that is not open: judged when they are posted, so
    /// that what was posted before a location closed goes on (R-LIFE-06).
    fn disallowed(&mut self, operations: &[Operation]) -> Vec<usize> {
        if self.openings.all_open() {
            return Vec::new();
        }
        let (topology, locations, openings) = (&self.topology, &mut self.locations, &self.openings);
        let mut closed = |operation: &Operation| match operation {
            Operation::Submit(wire) | Operation::SubmitRequest { request: wire, .. } => {
                locations.find(topology, wire).is_some_and(|location| !openings.is_open(location))
            }
            Operation::CancelResponse { .. }
            | Operation::Delete(_)
            | Operation::MoveToNextTransport(_)
            | Operation::MoveToSuspendQueue(_)
            | Operation::Resubmit { .. }
            | Operation::SubmitResponse { .. } => false,
        };
        let numbered = operations.iter().enumerate();
        numbered.filter(|(_, operation)| closed(operation)).map(|(at, _)| at).collect()
    }

    /// A publishing batch that came while the engine stops: `Done` returns, and `BatchComplete`
    /// says why nothing was done (R-DONE-06, R-SHUT-03).
    #[cold]
    fn refuse(&mut self, mut execution: Execution) {
        if execution.race == DoneRace::ReturnFirst {
            self.return_done(&mut execution);
        }
        let statuses = (execution.operations.iter())
            .map(|operation| (operation.kind(), Status::SHUTTING_DOWN));
        let mut status = BatchStatus::assemble(execution.cookie, statuses);
        status.overall = Status::SHUTTING_DOWN;
        self.call_back(&execution, status);
        if execution.owes_return {
            self.return_done(&mut execution);
        }
    }

    /// A batch is posted (R-DONE-01). A publishing one waits outside, its `Done` not returning,
    /// while the engine has enough of them (R-DONE-03, INV-11).
    pub(super) fn posted(
        &mut self,
        now: Instant,
        adapter: AdapterId,
        mut batch: Batch,
        (race, transaction): (DoneRace, Option<TransactionId>),
    ) {
        let handed_in = batch.brought();
        let publishes = handed_in > 0;
        let cookie = batch.cookie();
        let updates = batch.take_updates();
        let (silent, doubled) = (!batch.has_callback(), batch.submitted_twice());
        let operations = batch.into_operations();
        let settles = operations.iter().filter(|operation| settles(operation)).count();
        let disallowed = self.disallowed(&operations);
        let execution = Execution {
            adapter,
            cookie,
            operations,
            publishes,
            handed_in,
            bytes: 0,
            documents: 0,
            posted_at: now,
            settles,
            owes_return: true,
            race,
            transaction,
            updates,
            remarked: Vec::new(),
            requests: None,
            disallowed,
            silent,
            doubled,
        };
        if self.life != Life::Running && execution.brings_in() {
            return self.refuse(execution);
        }
        if publishes
            && (self.publishing >= self.batch_limit() || !self.held.is_empty())
            && !self.is_sabotaged(Sabotage::AdmitEveryBatch)
        {
            self.held.push_back(execution);
        } else {
            self.admit(execution);
        }
    }

    fn batch_limit(&self) -> u32 {
        self.settings.batch_queue.saturating_mul(self.cpus).max(1)
    }

    #[inline(always)]
    pub(super) fn admit(&mut self, mut execution: Execution) {
        match execution.race {
            DoneRace::ResponseBeforeComplete | DoneRace::ReturnFirst => {
                self.return_done(&mut execution);
            }
            DoneRace::CompleteFirst | DoneRace::ResponseBeforeReturn => {}
        }
        self.publishing += u32::from(execution.publishes);
        self.tasks.push_back(Task::Execute(execution));
    }

    fn return_done(&mut self, execution: &mut Execution) {
        execution.owes_return = false;
        let (cookie, status) = (execution.cookie, Status::OK);
        self.call(execution.adapter, AdapterInput::DoneReturned { cookie, status });
    }

    pub(super) fn start_execution(&mut self, mut execution: Execution) {
        if execution.publishes {
            self.publishing -= 1;
            while self.publishing < self.batch_limit()
                && let Some(held) = self.held.pop_front()
            {
                if !self.is_sabotaged(Sabotage::DropHeldBatches) {
                    self.admit(held);
                }
            }
        }
        let (topology, locations) = (&self.topology, std::cell::RefCell::new(&mut self.locations));
        let mut demand = Demand::of_batch(topology, &execution.operations, |wire| {
            locations.borrow_mut().find(topology, wire)
        });
        if self.exchanges.has_solicits() {
            for operation in &execution.operations {
                if let Operation::SubmitResponse { solicit, response } = operation {
                    demand.add_reply(self.solicit_port_of(*solicit), response);
                }
            }
        }
        (execution.bytes, execution.documents) = (demand.receive_bytes, demand.receive_documents);
        let frame = FrameId(self.frames.insert(Frame::Execute(execution)));
        self.outputs.push_back(HostOutput::Work { frame, demand });
    }

    /// The work is done: runs the pipelines and asks for the transaction. Inside one batch the
    /// messages go one after another in the order of addition (R-DONE-07).
    pub(super) fn execute(&mut self, frame: FrameId) {
        let Some(Frame::Execute(execution)) = self.frames.get_mut(frame.0) else { return };
        let operations = std::mem::take(&mut execution.operations);
        let (transaction, adapter) = (execution.transaction, execution.adapter);
        let mut requests = Requests::default();
        let mut exchanges = self.exchanges.has_solicits();
        let disallowed = std::mem::take(&mut execution.disallowed);
        let doubled = execution.doubled;
        let mut batch = PreparedBatch { cookie: execution.cookie, ..PreparedBatch::default() };
        batch.actions.reserve(operations.len());
        if execution.publishes {
            batch.documents.reserve(operations.len());
        }
        // The commonest of all ask for nothing: they are read where they are.
        let plain = if exchanges || !disallowed.is_empty() { 0 } else { operations.len() };
        batch.actions.extend(operations[..plain].iter().map_while(|operation| {
            let Operation::Delete(reference) = operation else { return None };
            Some((OperationKind::Delete, Action::Delete(*reference)))
        }));
        let done = batch.actions.len();
        let mut seen = Vec::new();
        for (at, operation) in operations.into_iter().enumerate().skip(done) {
            let kind = operation.kind();
            if doubled && came_before(&mut seen, &operation) {
                cold_path();
                batch.actions.push((kind, Action::Refuse(Status::INVALID_ARGUMENT)));
                continue;
            }
            exchanges |= matches!(
                operation,
                Operation::SubmitRequest { .. } | Operation::CancelResponse { .. }
            );
            let action = if !disallowed.is_empty() && disallowed.contains(&at) {
                Action::Refuse(Status::URL_DISALLOWED)
            } else {
                self.prepare(adapter, operation, &mut batch, &mut requests)
            };
            if exchanges {
                self.note_settled(&action, &mut requests);
            }
            batch.actions.push((kind, action));
        }
        self.remark(frame, &mut batch);
        if exchanges && let Some(Frame::Execute(execution)) = self.frames.get_mut(frame.0) {
            execution.requests = Some(Box::new(requests));
        }
        self.outputs.push_back(HostOutput::Transact { frame, batch, transaction });
    }

    #[inline(always)]
    pub(super) fn prepare(
        &mut self,
        adapter: AdapterId,
        operation: Operation,
        batch: &mut PreparedBatch,
        requests: &mut Requests,
    ) -> Action {
        match operation {
            Operation::Submit(wire) => self.receive(wire, batch),
            Operation::Delete(reference) => Action::Delete(reference),
            Operation::MoveToNextTransport(reference) => Action::NextTransport(reference),
            Operation::Resubmit { reference, at } => Action::Resubmit(reference, at),
            Operation::MoveToSuspendQueue(Suspendable::Reference(reference)) => {
                Action::SuspendReference(reference)
            }
            Operation::MoveToSuspendQueue(Suspendable::Wire(wire)) => {
                let two_way = self.is_two_way(&wire);
                let mut action = suspend_whole(wire, Reason::Adapter, Status::OK);
                if let Action::SuspendWire { resumable, .. } = &mut action {
                    // R-RR-09: whatever it says of itself.
                    *resumable &= !two_way;
                }
                action
            }
            Operation::CancelResponse { token } => self.cancel(adapter, token, requests),
            Operation::SubmitRequest { request, token, first_only, expires } => {
                self.request(adapter, (request, token, first_only, expires), batch, requests)
            }
            Operation::SubmitResponse { solicit, response } => {
                self.respond(solicit, response, batch)
            }
        }
    }

    /// Whether a message that an adapter suspends is part of a two-way exchange: a request of a
    /// two-way port, or a partner's reply, which alone comes from no location (R-RR-09).
    #[cold]
    fn is_two_way(&mut self, wire: &WireMessage) -> bool {
        let location = self.locations.find(&self.topology, wire);
        let port = location.map(|id| self.topology.receive_locations[id.index()].port);
        match port {
            Some(port) => self.topology.exchanges.request_port(port).is_some(),
            None => wire.context.read(PropertyId::INBOUND_TRANSPORT_LOCATION).is_none(),
        }
    }

    /// The transaction came back: exactly one `BatchComplete` (R-DONE-05), before or after `Done`
    /// returns. The callback is the engine thread's last act (R-BC-06) and takes no time, so the
    /// thread is free at the same instant (R-CLK-02).
    pub(super) fn executed(&mut self, now: Instant, mut execution: Execution, status: BatchStatus) {
        let requests = execution.requests.take();
        self.totals.committed += u64::from(execution.documents);
        if status.overall.is_success() {
            self.inbound.end(now, execution.posted_at, execution.handed_in);
            let received = &mut self.received[execution.adapter.index()];
            received.0 += u64::from(execution.handed_in);
            received.1 += execution.bytes;
            match execution.transaction {
                None => self.settle(execution.settles),
                Some(transaction) => {
                    cold_path();
                    self.owe(transaction, execution.settles);
                }
            }
            self.forget_errors(&execution.remarked);
            if let Some(requests) = requests {
                cold_path();
                if let Some(transaction) = execution.transaction {
                    self.owe_exchanges(transaction, execution.posted_by(), requests);
                    return self.complete(&execution, status);
                }
                let tokens = self.exchanges_committed(now, execution.posted_by(), *requests);
                if self.holds(&execution, &status, tokens) {
                    return;
                }
            }
        }
        self.complete(&execution, status);
    }

    /// `BatchComplete`, and `Done` if it has not returned.
    #[inline(always)]
    pub(super) fn complete(&mut self, execution: &Execution, status: BatchStatus) {
        self.call_back(execution, status);
        if execution.owes_return {
            self.return_done(&mut execution.clone());
        }
    }

    /// Calls back, if there is a callback, with the overall status by its chosen name.
    #[inline(always)]
    fn call_back(&mut self, execution: &Execution, mut status: BatchStatus) {
        if status.overall != Status::OK {
            status.rename_overall(self.topology.choices);
        }
        if execution.silent {
            cold_path();
            return;
        }
        self.call(execution.adapter, AdapterInput::BatchComplete(status));
    }

    /// The engine's own transaction about delivered messages, on the thread of `frame`; or its
    /// part of the adapter's, if `BeginBatch` returned one (R-TXN-09).
    pub(super) fn transact_own(
        &mut self,
        frame: FrameId,
        actions: Vec<(OperationKind, Action)>,
        transaction: Option<TransactionId>,
    ) {
        let mut batch = PreparedBatch { actions, ..PreparedBatch::default() };
        let remarked = self.errors_of(&mut batch);
        self.forget_errors(&remarked);
        let settling = match transaction {
            None => self.settling(&batch),
            Some(transaction) => {
                let own = batch.actions.iter().filter_map(|(_, action)| action.reference());
                Frame::SettleIn(transaction, own.collect())
            }
        };
        if let Some(slot) = self.frames.get_mut(frame.0) {
            *slot = settling;
        }
        self.outputs.push_back(HostOutput::Transact { frame, batch, transaction });
    }
}

/// Whether an operation submits an object that one before it has submitted (R-BATCH-06).
#[cold]
fn came_before(seen: &mut Vec<u64>, operation: &Operation) -> bool {
    let (Operation::Submit(wire) | Operation::SubmitRequest { request: wire, .. }) = operation
    else {
        return false;
    };
    let twice = seen.contains(&wire.number);
    seen.push(wire.number);
    twice
}
