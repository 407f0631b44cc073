//! The transactional send adapter: transmission and `Delete` are one transaction.
//!
//! | Step | In the transaction | Outside |
//! |---|---|---|
//! | transmit each message of one endpoint | yes | |
//! | one engine batch of `Delete`, and of the responses (R-TXN-11) | yes | |
//! | commit, then one call of every confirm object (R-TXN-03) | ends it | |
//! | `Resubmit`, `MoveToNextTransport`, `MoveToSuspendQueue` (R-TXN-07) | | a batch of its own |
//!
//! Always batch-aware and never blocking (R-TXN-08). When one message fails, all are rolled back
//! at the partner's end; the innocent ones go out again at once under a fresh transaction, without
//! a `Resubmit`, so that they keep their retries (R-ADD-09, R-RETRY-08).

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use super::aside::{Aside, PAUSE_OVER};
use super::fate::{Attempted, NOT_SENT, NOT_SUBMITTED, moves_apart};
use super::receive::PerKind;
use super::sorting::by_endpoint;
use super::{
    Adapter, AdapterInput, CallId, ConfirmOf, Returned, Transmission, WireRequest, WireResult,
};
use crate::batch::{BatchStatus, Operation, OperationKind};
use crate::config::{TransactionBegins, TransactionalSendSettings};
use crate::id::TransactionId;
use crate::message::WireMessage;
use crate::message_box::OutboundMessage;
use crate::time::Instant;
use crate::transport_proxy::TransportProxy;

/// An adapter batch that the engine fills.
#[derive(Clone, Debug, Default)]
struct Filling {
    messages: Vec<Box<OutboundMessage>>,
    /// What `BeginBatch` returned.
    transaction: Option<TransactionId>,
    /// Whether the adapter created it, and so ends it when nothing comes of the batch.
    is_own: bool,
}

/// A message that the wire took, and what came back for it.
type Sent = (Box<OutboundMessage>, Option<WireMessage>);

/// Where a transaction is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    /// Its batch is with the engine.
    Deleting,
    /// Commit or abort was asked for.
    Ending,
    /// A wire call is under way.
    Sending,
    /// It was ended from outside while a wire call was under way.
    TimedOut,
}

/// One transaction of one worker.
#[derive(Clone, Debug)]
struct Job {
    transaction: TransactionId,
    stage: Stage,
    /// Not sent yet, the next one last.
    waiting: Vec<Box<OutboundMessage>>,
    sent: Vec<Sent>,
    /// What failed, and what is to become of it when the transaction is over.
    failed: Vec<Attempted>,
    confirms: Vec<ConfirmOf>,
}

/// A batch that is with the engine.
#[derive(Clone, Debug)]
enum Posted {
    /// Outside of any transaction.
    Apart(Vec<Attempted>),
    /// The deletes of the job at a place.
    Deletes(usize),
}

/// The transactional send adapter of one host instance.
#[derive(Clone, Debug)]
pub struct TransactionalSender {
    settings: TransactionalSendSettings,
    /// The adapter batches being filled: a few at once.
    filling: Vec<(CallId, Filling)>,
    /// Messages that wait for a worker, with the transaction that `BeginBatch` returned for them.
    queue: VecDeque<(Vec<Box<OutboundMessage>>, Option<TransactionId>)>,
    /// Jobs at work; a place is a wire token.
    running: Vec<Option<Job>>,
    posted: FxHashMap<u64, Posted>,
    aside: Aside<Attempted>,
    next_cookie: u64,
    terminating: Option<CallId>,
}

impl TransactionalSender {
    /// An adapter with nothing to do.
    #[must_use]
    pub fn new(settings: TransactionalSendSettings) -> Self {
        Self {
            settings,
            filling: Vec::new(),
            queue: VecDeque::new(),
            running: Vec::new(),
            posted: FxHashMap::default(),
            aside: Aside::default(),
            next_cookie: 1,
            terminating: None,
        }
    }

    /// Workers with a transaction, of those it has.
    pub(super) fn places(&self) -> (u32, u32) {
        let busy = self.running.iter().flatten().count();
        (u32::try_from(busy).unwrap_or(u32::MAX), self.settings.workers.max(1))
    }

    /// Messages whose attempt is over and that are not disposed of yet.
    pub(super) fn attempted(&self) -> usize {
        let of_job = |job: &Job| job.sent.len() + job.failed.len();
        let apart = |posted: &Posted| match posted {
            Posted::Apart(fates) => fates.len(),
            Posted::Deletes(_) => 0,
        };
        let at_work: usize = self.running.iter().flatten().map(of_job).sum();
        at_work + self.posted.values().map(apart).sum::<usize>()
    }

    /// `BeginBatch`: the transaction is the one that the engine created, if it did.
    fn begin_batch(
        &mut self,
        call: CallId,
        offered: Option<TransactionId>,
        proxy: &mut TransportProxy,
    ) {
        let transaction = offered.or_else(|| match self.settings.begins {
            TransactionBegins::AtTransmit => None,
            TransactionBegins::InBeginBatch => Some(proxy.begin_transaction()),
        });
        let is_own = offered.is_none();
        self.filling.push((call, Filling { messages: Vec::new(), transaction, is_own }));
        proxy.returned(call, Returned::Begun { max: self.settings.batch, transaction });
    }

    /// The batch that ends with this call.
    fn filled(&mut self, call: CallId) -> Filling {
        let at = self.filling.iter().position(|(known, _)| *known == call);
        at.map_or_else(Filling::default, |at| self.filling.swap_remove(at).1)
    }

    /// `Clear`: its `Done` will not come, so there is no confirm object, only a transaction.
    fn clear(&mut self, call: CallId, proxy: &mut TransportProxy) {
        let Filling { transaction, is_own, .. } = self.filled(call);
        if let Some(transaction) = transaction.filter(|_| is_own) {
            proxy.abort(transaction);
        }
        proxy.returned(call, Returned::Cleared);
    }

    /// `Done` of an adapter batch: one transaction per endpoint.
    fn batch_done(
        &mut self,
        call: CallId,
        confirm: Option<TransactionId>,
        proxy: &mut TransportProxy,
    ) {
        let Filling { messages, transaction, .. } = self.filled(call);
        if let Some(over) = confirm.filter(|_| transaction.is_none()) {
            // Its time was up while the engine filled the batch.
            proxy.confirm(ConfirmOf::Delivery(over), false);
        }
        // The one that it came with is that of its first endpoint (R-ADPT-13).
        let mut given = transaction;
        for (_, waiting) in by_endpoint(messages) {
            self.queue.push_back((waiting, given.take()));
        }
        if given.is_some() {
            // The engine's own part alone is in it.
            self.queue.push_back((Vec::new(), given));
        }
        proxy.returned(call, Returned::Done);
        self.employ(proxy);
    }

    /// Gives waiting messages to free workers.
    fn employ(&mut self, proxy: &mut TransportProxy) {
        while self.running.iter().flatten().count() < self.settings.workers.max(1) as usize {
            let Some((waiting, transaction)) = self.queue.pop_front() else { break };
            let free = self.running.iter().position(Option::is_none);
            let place = free.unwrap_or_else(|| {
                self.running.push(None);
                self.running.len() - 1
            });
            self.start(place, waiting, transaction, proxy);
        }
    }

    /// Begins a transaction for `waiting`, unless it came with one, and transmits the first.
    fn start(
        &mut self,
        place: usize,
        waiting: Vec<Box<OutboundMessage>>,
        given: Option<TransactionId>,
        proxy: &mut TransportProxy,
    ) {
        let transaction = given.unwrap_or_else(|| proxy.begin_transaction());
        self.running[place] = Some(Job {
            transaction,
            stage: Stage::Sending,
            sent: Vec::with_capacity(waiting.len()),
            waiting,
            failed: Vec::new(),
            // The confirm object of the adapter batch is called like those of engine batches.
            confirms: given.map(ConfirmOf::Delivery).into_iter().collect(),
        });
        self.transmit(place, proxy);
    }

    /// Transmits the next message, or deletes them all.
    fn transmit(&mut self, place: usize, proxy: &mut TransportProxy) {
        let Some(job) = &self.running[place] else { return };
        let transaction = Some(job.transaction);
        match job.waiting.last() {
            Some(next) => {
                let transmission = Transmission { transaction, ..Transmission::of(next) };
                proxy.wire(place as u64, WireRequest::Transmit(transmission));
            }
            None => self.delete(place, proxy),
        }
    }

    fn wire_done(
        &mut self,
        now: Instant,
        place: usize,
        result: WireResult,
        proxy: &mut TransportProxy,
    ) {
        let job = self.running[place].as_mut().expect("a wire call belongs to a running job");
        let message = job.waiting.pop().expect("a wire call belongs to a waiting message");
        if job.stage == Stage::TimedOut {
            job.sent.push((message, None));
            return self.over(now, place, false, proxy);
        }
        match result {
            WireResult::Sent => job.sent.push((message, None)),
            WireResult::Replied(reply) => job.sent.push((message, Some(*reply))),
            WireResult::Fetched { .. }
            | WireResult::Refused
            | WireResult::Removed
            | WireResult::Resolved(_) => {
                let failed = Attempted::explained(now, &message, NOT_SENT, proxy);
                job.failed.push(failed);
                job.stage = Stage::Ending;
                return proxy.abort(job.transaction);
            }
        }
        self.transmit(place, proxy);
    }

    /// One batch under the transaction: every response and every `Delete` (R-TXN-06, R-TXN-11).
    fn delete(&mut self, place: usize, proxy: &mut TransportProxy) {
        let cookie = self.next_cookie;
        self.next_cookie += 1;
        let Some(job) = &mut self.running[place] else { return };
        job.stage = Stage::Deleting;
        let Ok(mut batch) = proxy.get_batch(cookie) else {
            job.stage = Stage::Ending;
            return proxy.abort(job.transaction);
        };
        batch.reserve(job.sent.len());
        for (message, response) in &job.sent {
            let solicit = message.reference;
            if let Some(response) = response.clone() {
                batch.add(Operation::SubmitResponse { solicit, response });
            }
            batch.add(Operation::Delete(solicit));
        }
        if proxy.done_in(batch, job.transaction).is_success() {
            job.confirms.push(ConfirmOf::Batch(cookie));
            self.posted.insert(cookie, Posted::Deletes(place));
        } else {
            // Done failed: abort (R-TXN-16).
            job.stage = Stage::Ending;
            proxy.abort(job.transaction);
        }
    }

    fn complete(&mut self, now: Instant, status: &BatchStatus, proxy: &mut TransportProxy) {
        match self.posted.remove(&status.cookie) {
            Some(Posted::Deletes(place)) => self.deleted(now, place, status, proxy),
            Some(Posted::Apart(fates)) => self.disposed(now, fates, status, proxy),
            None => {}
        }
    }

    /// The deletes came back: only now the adapter commits (R-TXN-01).
    fn deleted(
        &mut self,
        now: Instant,
        place: usize,
        status: &BatchStatus,
        proxy: &mut TransportProxy,
    ) {
        let Some(job) = self.running[place].as_mut() else { return };
        if !matches!(job.stage, Stage::Deleting) {
            return;
        }
        job.stage = Stage::Ending;
        if status.overall.is_success() {
            return proxy.commit(job.transaction);
        }
        let mut statuses = PerKind::of(status);
        let sent = std::mem::take(&mut job.sent);
        for (message, response) in sent {
            let answered = response.is_none() || statuses.next(OperationKind::Submit).is_success();
            // What cannot be deleted will not have been sent once the transaction is aborted.
            if !statuses.next(OperationKind::Delete).is_success() {
                job.failed.push(Attempted::explained(now, &message, NOT_DELETED, proxy));
            } else if answered {
                job.sent.push((message, None));
            } else {
                job.failed.push(Attempted::explained(now, &message, NOT_SUBMITTED, proxy));
            }
        }
        // The innocents go out again once the transaction is over.
        let innocents = std::mem::take(&mut job.sent).into_iter().map(|(message, _)| message);
        job.waiting.extend(innocents.rev());
        proxy.abort(job.transaction);
    }

    fn ended(
        &mut self,
        now: Instant,
        transaction: TransactionId,
        committed: bool,
        proxy: &mut TransportProxy,
    ) {
        let known =
            |job: &Option<Job>| job.as_ref().is_some_and(|job| job.transaction == transaction);
        let Some(place) = self.running.iter().position(known) else {
            return self.ended_early(transaction, committed, proxy);
        };
        let Some(job) = &mut self.running[place] else { return };
        for of in std::mem::take(&mut job.confirms) {
            if let ConfirmOf::Batch(cookie) = of {
                self.posted.remove(&cookie);
            }
            proxy.confirm(of, committed);
        }
        if job.stage == Stage::Sending {
            // The wire call still holds the worker; its answer comes too late.
            job.stage = Stage::TimedOut;
        } else {
            self.over(now, place, committed, proxy);
        }
    }

    /// The time of a transaction from `BeginBatch` was up before a worker was free: its messages
    /// get a fresh one when their turn comes.
    fn ended_early(
        &mut self,
        transaction: TransactionId,
        committed: bool,
        proxy: &mut TransportProxy,
    ) {
        for (_, given) in &mut self.queue {
            if given.take_if(|given| *given == transaction).is_some() {
                proxy.confirm(ConfirmOf::Delivery(transaction), committed);
            }
        }
        for (_, filling) in &mut self.filling {
            filling.transaction.take_if(|begun| *begun == transaction);
        }
    }

    /// The transaction is over: what failed is disposed of apart, innocents start afresh.
    fn over(&mut self, now: Instant, place: usize, committed: bool, proxy: &mut TransportProxy) {
        let Some(mut job) = self.running[place].take() else { return };
        if !committed {
            // After an abort that no message is to blame for, all that were tried have failed: the
            // partner refused the whole, or the time was up.
            let blameless = job.failed.is_empty() && job.waiting.is_empty();
            let sent = job.sent.drain(..).map(|(message, _)| message);
            if blameless || job.stage == Stage::TimedOut {
                job.failed.extend(
                    sent.map(|message| Attempted::explained(now, &message, NOT_COMMITTED, proxy)),
                );
            } else {
                job.waiting.extend(sent.rev());
            }
            if !job.waiting.is_empty() {
                self.start(place, job.waiting, None, proxy);
            }
            self.dispose(now, job.failed, proxy);
        }
        self.employ(proxy);
    }

    /// Batches outside of any transaction (R-TXN-07). `MoveToNextTransport` may be refused and
    /// would take the others with it, so each goes alone (R-ATOM-02).
    fn dispose(&mut self, now: Instant, fates: Vec<Attempted>, proxy: &mut TransportProxy) {
        let (moves, others) = moves_apart(fates);
        self.dispose_together(now, others, proxy);
        for one in moves {
            self.dispose_together(now, vec![one], proxy);
        }
    }

    fn dispose_together(
        &mut self,
        now: Instant,
        fates: Vec<Attempted>,
        proxy: &mut TransportProxy,
    ) {
        if fates.is_empty() {
            return;
        }
        let cookie = self.next_cookie;
        self.next_cookie += 1;
        let Ok(mut batch) = proxy.get_batch(cookie) else { return };
        for one in &fates {
            batch.add(one.operation(now));
        }
        if proxy.done(batch).is_success() {
            self.posted.insert(cookie, Posted::Apart(fates));
        }
    }

    fn disposed(
        &mut self,
        now: Instant,
        fates: Vec<Attempted>,
        status: &BatchStatus,
        proxy: &mut TransportProxy,
    ) {
        if status.overall.is_success() {
            return;
        }
        if status.could_not_store() {
            return self.aside.lay(now, fates, proxy);
        }
        let mut statuses = PerKind::of(status);
        let again = fates
            .into_iter()
            .filter_map(|one| one.again(statuses.next(one.fate.kind()).is_success()));
        let again = again.collect();
        self.dispose(now, again, proxy);
    }

    /// `Done` of an engine batch failed late: there is no callback and no confirm object
    /// (R-DONE-04, R-TXN-16).
    fn done_returned(&mut self, cookie: u64, proxy: &mut TransportProxy) {
        if let Some(Posted::Deletes(place)) = self.posted.remove(&cookie)
            && let Some(job) = &mut self.running[place]
        {
            job.confirms.retain(|of| *of != ConfirmOf::Batch(cookie));
            job.stage = Stage::Ending;
            proxy.abort(job.transaction);
        }
    }

    fn terminate_if_idle(&mut self, proxy: &mut TransportProxy) {
        let idle = self.filling.is_empty()
            && self.queue.is_empty()
            && self.posted.is_empty()
            && self.running.iter().all(Option::is_none);
        if idle && let Some(call) = self.terminating.take() {
            proxy.returned(call, Returned::Terminated);
        }
    }
}

/// What is said of a message that stays with the engine, so that its transaction must not commit.
const NOT_DELETED: &str = "the engine did not delete the message";
/// What is said of a message whose transaction was aborted and that nobody else is to blame for.
const NOT_COMMITTED: &str = "the transaction of the message was aborted";

impl Adapter for TransactionalSender {
    #[inline(never)]
    fn handle_input(&mut self, now: Instant, input: AdapterInput, proxy: &mut TransportProxy) {
        match input {
            AdapterInput::BeginBatch { call, transaction } => {
                self.begin_batch(call, transaction, proxy);
            }
            AdapterInput::TransmitMessage { call, message } => {
                let filling = self.filling.iter_mut().find(|(known, _)| *known == call);
                let (_, filling) = filling.expect("the engine begins a batch before it fills it");
                filling.messages.push(message);
                proxy.returned(call, Returned::Pending);
            }
            AdapterInput::Done { call, confirm } => self.batch_done(call, confirm, proxy),
            AdapterInput::Clear { call } => self.clear(call, proxy),
            AdapterInput::WireDone { token, result } => {
                self.wire_done(now, token as usize, result, proxy);
            }
            AdapterInput::BatchComplete(status) => self.complete(now, &status, proxy),
            AdapterInput::TransactionDone { transaction, committed } => {
                self.ended(now, transaction, committed, proxy);
            }
            AdapterInput::DoneReturned { cookie, status } if !status.is_success() => {
                self.done_returned(cookie, proxy);
            }
            AdapterInput::Terminate { call } => self.terminating = Some(call),
            AdapterInput::Wake { token: PAUSE_OVER } => {
                for one in self.aside.take() {
                    self.dispose_together(now, vec![one], proxy);
                }
            }
            AdapterInput::DoneReturned { .. }
            | AdapterInput::Initialize
            | AdapterInput::Isolated(_)
            | AdapterInput::Load
            | AdapterInput::Wake { .. } => {}
            AdapterInput::AddReceiveEndpoint { .. }
            | AdapterInput::Arrived { .. }
            | AdapterInput::RemoveReceiveEndpoint { .. }
            | AdapterInput::UpdateEndpointConfig { .. } => {
                unreachable!("a send adapter has no receive locations")
            }
        }
        self.terminate_if_idle(proxy);
    }
}
