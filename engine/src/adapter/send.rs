//! The synthetic send adapter: blocking or not, one message at a time or batch-aware.
//!
//! | | one at a time | batch-aware |
//! |---|---|---|
//! | **blocking** | `TransmitMessage` returns when the wire is done: `true`, or a failure | `Done` returns when the wire is done with every message |
//! | **non-blocking** | returns `false` at once, own workers transmit, completions are gathered | the same, one adapter batch a worker, one engine batch for its outcomes |
//!
//! It follows the recommended policy on failure (R-RETRY-04) and the decision table after a failed
//! batch (R-FILT-03), sorts mixed batches by endpoint (R-BSND-08), and remembers a message only
//! until its disposition has succeeded.

mod decided;

use std::collections::VecDeque;
use std::hint::cold_path;

use rustc_hash::FxHashMap;

use super::aside::{Aside, PAUSE_OVER};
use super::deciding::Deciding;
use super::fate::{Attempted, Fate, NOT_SENT, NOT_SUBMITTED, moves_apart};
use super::habits::{self, Habitual};
use super::receive::PerKind;
use super::sorting::{Errands, ROOM_FIRST, Sorted, by_endpoint};
use super::{
    Adapter, AdapterInput, CallId, ErrorSubject, Returned, Transmission, WireRequest, WireResult,
};
use crate::batch::{BatchStatus, Operation, OperationKind, Suspendable};
use crate::config::{SendSettings, ThrowingCall};
use crate::id::ReferenceId;
use crate::message::WireMessage;
use crate::message_box::OutboundMessage;
use crate::time::Instant;
use crate::transport_proxy::TransportProxy;

/// Messages that one worker, or one held engine thread, transmits one after another.
#[derive(Clone, Debug)]
struct Job {
    /// Not sent yet, the next one last.
    waiting: Vec<Box<OutboundMessage>>,
    finished: Vec<Attempted>,
    /// The engine's call that ends with this job, if it blocks.
    call: Option<CallId>,
}

impl Job {
    /// A job for `waiting`, the first message last.
    fn of(waiting: Vec<Box<OutboundMessage>>, call: Option<CallId>) -> Self {
        Self { finished: Vec::with_capacity(waiting.len()), waiting, call }
    }
}

/// The send adapter of one host instance.
#[derive(Clone, Debug)]
pub struct Sender {
    settings: SendSettings,
    /// The adapter batches being filled by the engine, which may fill several at once.
    filling: Vec<(CallId, Vec<Box<OutboundMessage>>)>,
    /// Those that it completes itself, if it does.
    deciding: Option<Box<Deciding>>,
    /// Jobs that wait for a worker.
    queue: VecDeque<Job>,
    /// Jobs at work; a place is a wire token.
    running: Vec<Option<Job>>,
    free: Vec<usize>,
    errands: Errands,
    /// Outcomes that wait for company (R-HOST-04).
    gathered: Vec<Attempted>,
    /// Counts flushes, so that a timer set before one does nothing.
    flushes: u64,
    posted: FxHashMap<u64, Vec<Attempted>>,
    aside: Aside<Attempted>,
    /// Replies that have not been taken, by their solicits.
    replies: FxHashMap<ReferenceId, WireMessage>,
    /// Held calls that end with a batch, whose solicit the engine itself will delete (R-SR-05).
    held: FxHashMap<u64, CallId>,
    /// What it does beyond the recommended policy, if anything.
    habitual: Option<Box<Habitual>>,
    /// In `Terminate` (R-SHUT-01).
    terminating: Option<CallId>,
    next_cookie: u64,
}

impl Sender {
    /// An adapter with nothing to do.
    #[must_use]
    pub fn new(settings: SendSettings) -> Self {
        Self {
            settings,
            filling: Vec::new(),
            deciding: None,
            queue: VecDeque::new(),
            running: Vec::new(),
            free: Vec::new(),
            errands: Errands::default(),
            gathered: Vec::new(),
            flushes: 0,
            posted: FxHashMap::default(),
            aside: Aside::default(),
            replies: FxHashMap::default(),
            held: FxHashMap::default(),
            habitual: None,
            terminating: None,
            next_cookie: 1,
        }
    }

    /// Whether the call ends here and now: the adapter throws in it (R-SND-08).
    #[inline(always)]
    fn throws(&mut self, call: CallId, of: ThrowingCall, proxy: &mut TransportProxy) -> bool {
        let Some(habitual) = &mut self.habitual else { return false };
        cold_path();
        let throws = habitual.throws(of);
        if throws {
            if of == ThrowingCall::Done {
                drop(self.filled(call));
            }
            proxy.returned(call, Returned::Failed);
        }
        throws
    }

    fn transmit(
        &mut self,
        now: Instant,
        call: CallId,
        message: Box<OutboundMessage>,
        proxy: &mut TransportProxy,
    ) {
        if self.deciding.is_some() {
            self.decide(now, (call, message), proxy);
        } else if self.settings.batched {
            self.fill(call, message);
            proxy.returned(call, Returned::Pending);
        } else if self.settings.blocking {
            let job = Job::of(vec![message], Some(call));
            self.start(job, proxy);
        } else {
            self.queue.push_back(Job::of(vec![message], None));
            proxy.returned(call, Returned::Pending);
            self.employ(proxy);
        }
    }

    /// Adds a message to the adapter batch that the engine fills in `call`.
    fn fill(&mut self, call: CallId, message: Box<OutboundMessage>) {
        let known = self.filling.iter_mut().rfind(|(known, _)| *known == call);
        if let Some((_, messages)) = known {
            messages.push(message);
        } else {
            let mut messages = Vec::with_capacity(self.settings.batch.min(ROOM_FIRST) as usize);
            messages.push(message);
            self.filling.push((call, messages));
        }
    }

    /// What the engine filled in `call`; it is filled no more.
    fn filled(&mut self, call: CallId) -> Vec<Box<OutboundMessage>> {
        let at = self.filling.iter().position(|(known, _)| *known == call);
        at.map_or_else(Vec::new, |at| self.filling.swap_remove(at).1)
    }

    /// `Done` of an adapter batch: one job per endpoint (R-BSND-08, INV-43).
    fn batch_done(&mut self, call: CallId, proxy: &mut TransportProxy) {
        let mut messages = self.filled(call);
        if messages.is_empty() {
            // Abnormal, and harmless (R-BSND-09).
            return proxy.returned(call, Returned::Done);
        }
        if self.settings.resolves {
            let held = self.settings.blocking;
            self.errands.begin(messages, held.then_some(call), proxy);
            if !held {
                proxy.returned(call, Returned::Done);
            }
            return;
        }
        if self.settings.blocking {
            messages.sort_by_key(|message| message.endpoint);
            messages.reverse();
            let job = Job::of(messages, Some(call));
            return self.start(job, proxy);
        }
        proxy.returned(call, Returned::Done);
        self.begin(messages, proxy);
    }

    /// One job for each endpoint of a complete adapter batch, for workers of its own.
    #[inline(always)]
    fn begin(&mut self, messages: Vec<Box<OutboundMessage>>, proxy: &mut TransportProxy) {
        if self.settings.resolves {
            return self.errands.begin(messages, None, proxy);
        }
        let first = messages[0].endpoint;
        if messages.iter().all(|message| message.endpoint == first) {
            self.enqueue(messages);
        } else {
            for (_, waiting) in by_endpoint(messages) {
                self.queue.push_back(Job::of(waiting, None));
            }
        }
        self.employ(proxy);
    }

    /// An errand is over, and maybe with it those of its batch. A message whose endpoint is not
    /// known fails like one that was not sent.
    #[inline(never)]
    fn resolved(
        &mut self,
        now: Instant,
        (token, key): (u64, Option<u64>),
        proxy: &mut TransportProxy,
    ) {
        let Some(sorted) = self.errands.answered(token, key, proxy) else { return };
        let Sorted { endpoints, failed, call } = sorted;
        let judged = |message: Box<OutboundMessage>| {
            habits::failed(&mut self.habitual, now, &message, UNKNOWN_ENDPOINT, proxy)
        };
        let mut failed: Vec<_> = failed.into_iter().map(judged).collect();
        if call.is_none() {
            self.post(now, failed, proxy);
            for messages in endpoints {
                self.enqueue(messages);
            }
            return self.employ(proxy);
        }
        let mut job = Job::of(endpoints.into_iter().flatten().collect(), call);
        job.waiting.reverse();
        job.finished.append(&mut failed);
        if job.waiting.is_empty() {
            return self.finish(now, job, proxy);
        }
        self.start(job, proxy);
    }

    fn enqueue(&mut self, mut messages: Vec<Box<OutboundMessage>>) {
        messages.reverse();
        self.queue.push_back(Job::of(messages, None));
    }

    /// Gives waiting jobs to free workers.
    fn employ(&mut self, proxy: &mut TransportProxy) {
        while self.at_work() < self.settings.workers as usize {
            let Some(job) = self.queue.pop_front() else { break };
            self.start(job, proxy);
        }
    }

    /// Workers that transmit, of those it has; none where it holds engine threads.
    pub(super) fn places(&self) -> Option<(u32, u32)> {
        let busy = u32::try_from(self.at_work()).unwrap_or(u32::MAX);
        (!self.settings.blocking).then_some((busy, self.settings.workers))
    }

    /// Calls that return when the batch with their reply is complete.
    pub(super) fn awaiting(&self) -> u32 {
        u32::try_from(self.held.len()).unwrap_or(u32::MAX)
    }

    /// Messages whose attempt is over and that are not disposed of yet.
    pub(super) fn attempted(&self) -> usize {
        let at_work: usize = self.running.iter().flatten().map(|job| job.finished.len()).sum();
        let posted: usize = self.posted.values().map(Vec::len).sum();
        at_work + self.gathered.len() + posted
    }

    fn at_work(&self) -> usize {
        self.running.len() - self.free.len()
    }

    #[inline(always)]
    fn start(&mut self, job: Job, proxy: &mut TransportProxy) {
        let place = self.free.pop().unwrap_or_else(|| {
            self.running.push(None);
            self.running.len() - 1
        });
        let first = Transmission::of(job.waiting.last().expect("a job has a message"));
        self.running[place] = Some(job);
        proxy.wire(place as u64, WireRequest::Transmit(first));
    }

    fn wire_done(
        &mut self,
        now: Instant,
        token: u64,
        result: WireResult,
        proxy: &mut TransportProxy,
    ) {
        let place = token as usize;
        let job = self.running[place].as_mut().expect("a wire call belongs to a running job");
        let message = job.waiting.pop().expect("a wire call belongs to a waiting message");
        let (sent, reply) = match result {
            WireResult::Sent => (true, None),
            WireResult::Replied(reply) => (true, Some(*reply)),
            WireResult::Fetched { .. }
            | WireResult::Refused
            | WireResult::Removed
            | WireResult::Resolved(_) => (false, None),
        };
        let attempted = match sent {
            true if reply.is_some() => Attempted::of(&message, Fate::Reply),
            true => Attempted::of(&message, Fate::Delete),
            false if self.settings.blocking && !self.settings.batched => {
                Attempted::failed(now, &message)
            }
            false => habits::failed(&mut self.habitual, now, &message, NOT_SENT, proxy),
        };
        if let Some(reply) = reply {
            self.replies.insert(message.reference, reply);
        }
        job.finished.push(attempted);
        proxy.through_with(message);
        if let Some(next) = job.waiting.last() {
            return proxy.wire(token, WireRequest::Transmit(Transmission::of(next)));
        }
        let job = self.running[place].take().expect("taken once");
        self.free.push(place);
        self.finish(now, job, proxy);
        self.employ(proxy);
    }

    #[inline(always)]
    fn finish(&mut self, now: Instant, mut job: Job, proxy: &mut TransportProxy) {
        match job.call {
            Some(call)
                if !self.settings.batched
                    && job.finished.iter().any(|one| one.fate == Fate::Reply) =>
            {
                self.post_reply_alone(call, job.finished, proxy);
            }
            Some(call) if !self.settings.batched => {
                // Synchronous: the engine deletes, or takes its default action (R-SND-08).
                let sent = job.finished.iter().all(|one| one.fate == Fate::Delete);
                proxy.returned(call, if sent { Returned::Sent } else { Returned::Failed });
            }
            Some(call) => {
                self.post(now, job.finished, proxy);
                proxy.returned(call, Returned::Done);
            }
            None if self.settings.batched || self.settings.completion_batch <= 1 => {
                self.post(now, job.finished, proxy);
            }
            None => self.gather(now, &mut job.finished, proxy),
        }
    }

    /// Gathers outcomes until the batch is full or the wait since the first of them is over
    /// (R-BATCH-07: never for ever).
    fn gather(&mut self, now: Instant, finished: &mut Vec<Attempted>, proxy: &mut TransportProxy) {
        if self.gathered.is_empty() && !self.settings.completion_wait.is_zero() {
            proxy.wake(now + self.settings.completion_wait, self.flushes);
        }
        self.gathered.append(finished);
        let full = self.gathered.len() >= self.settings.completion_batch as usize;
        let waits = !self.settings.completion_wait.is_zero() && self.terminating.is_none();
        if full || !waits {
            self.flush(now, proxy);
        }
    }

    /// Finishes what was accepted with `false`, begins nothing new (R-SHUT-01, R-SHUT-02).
    #[inline(never)]
    fn terminate(&mut self, now: Instant, call: CallId, proxy: &mut TransportProxy) {
        self.terminating = Some(call);
        self.start_decided(proxy);
        if !self.gathered.is_empty() {
            self.flush(now, proxy);
        }
    }

    /// `Terminate` returns when every message is disposed of and every `Done` has had its
    /// `BatchComplete`: what was sent is deleted by then (R-SHUT-04, INV-57).
    #[inline(never)]
    fn try_to_return(&mut self, proxy: &mut TransportProxy) {
        if let Some(call) = self.terminating
            && self.filling.is_empty()
            && self.errands.is_empty()
            && self.queue.is_empty()
            && self.at_work() == 0
            && self.gathered.is_empty()
            && self.posted.is_empty()
            && self.held.is_empty()
        {
            self.terminating = None;
            proxy.returned(call, Returned::Terminated);
        }
    }

    fn flush(&mut self, now: Instant, proxy: &mut TransportProxy) {
        self.flushes += 1;
        let gathered = std::mem::take(&mut self.gathered);
        self.post(now, gathered, proxy);
    }

    /// One engine batch for all fates but `MoveToNextTransport`, which may be refused and would
    /// take the others with it (R-ATOM-02): those go in a batch of their own.
    #[inline(always)]
    fn post(&mut self, now: Instant, fates: Vec<Attempted>, proxy: &mut TransportProxy) {
        if fates.iter().all(|one| one.fate != Fate::NextTransport) {
            return self.post_batch(now, fates, proxy);
        }
        let (moves, others) = moves_apart(fates);
        self.post_batch(now, others, proxy);
        for one in moves {
            self.post_batch(now, vec![one], proxy);
        }
    }

    /// Synchronous: the reply goes alone, and `true` makes the engine delete the solicit. Between
    /// the two a crash makes a duplicate (R-SR-05).
    #[inline(never)]
    fn post_reply_alone(
        &mut self,
        call: CallId,
        fates: Vec<Attempted>,
        proxy: &mut TransportProxy,
    ) {
        let cookie = self.next_cookie;
        self.next_cookie += 1;
        let Ok(mut batch) = proxy.get_batch(cookie) else {
            return proxy.returned(call, Returned::Failed);
        };
        for solicit in fates.into_iter().map(|one| one.reference) {
            if let Some(response) = self.replies.remove(&solicit) {
                batch.add(Operation::SubmitResponse { solicit, response });
            }
        }
        if proxy.done(batch).is_success() {
            self.held.insert(cookie, call);
        } else {
            proxy.returned(call, Returned::Failed);
        }
    }

    fn post_batch(&mut self, now: Instant, fates: Vec<Attempted>, proxy: &mut TransportProxy) {
        if fates.is_empty() {
            return;
        }
        let cookie = self.next_cookie;
        self.next_cookie += 1;
        let Ok(mut batch) = proxy.get_batch(cookie) else { return };
        batch.reserve(fates.len());
        for one in &fates {
            if one.fate.replies() {
                let solicit = one.reference;
                let Some(reply) = self.replies.get(&solicit).cloned() else { continue };
                batch.add(if one.fate == Fate::Reply {
                    Operation::SubmitResponse { solicit, response: reply }
                } else {
                    Operation::MoveToSuspendQueue(Suspendable::Wire(reply))
                });
            }
            batch.add(one.operation(now));
        }
        if let Some(own) = &self.habitual {
            own.annotate(&fates, &mut batch);
        }
        if proxy.done(batch).is_success() {
            self.posted.insert(cookie, fates);
        }
    }

    fn complete(&mut self, now: Instant, status: &BatchStatus, proxy: &mut TransportProxy) {
        if !self.held.is_empty()
            && let Some(call) = self.held.remove(&status.cookie)
        {
            let sent = status.overall.is_success();
            return proxy.returned(call, if sent { Returned::Sent } else { Returned::Failed });
        }
        let Some(fates) = self.posted.remove(&status.cookie) else { return };
        if status.overall.is_success() {
            if let Some(own) = &mut self.habitual {
                own.forget(&fates);
            }
            if !self.replies.is_empty() {
                for one in &fates {
                    self.replies.remove(&one.reference);
                }
            }
            return;
        }
        if status.could_not_store() {
            return self.aside.lay(now, fates, proxy);
        }
        let mut statuses = PerKind::of(status);
        let again = fates.into_iter().filter_map(|one| {
            let innocent = statuses.next(one.fate.kind()).is_success();
            if one.fate.replies() {
                statuses.next(OperationKind::Delete);
            }
            if !innocent
                && one.fate == Fate::Reply
                && let Some(reply) = self.replies.get(&one.reference)
            {
                proxy.set_error_info(ErrorSubject::Wire(reply.number), NOT_SUBMITTED);
            }
            one.again(innocent)
        });
        let again = again.collect();
        self.post(now, again, proxy);
    }
}

/// What is said of a message whose endpoint the errand did not bring.
const UNKNOWN_ENDPOINT: &str = "it could not be learnt where the message is to go";

impl Adapter for Sender {
    #[inline(never)]
    fn handle_input(&mut self, now: Instant, input: AdapterInput, proxy: &mut TransportProxy) {
        match input {
            AdapterInput::BeginBatch { call, .. }
                if self.throws(call, ThrowingCall::BeginBatch, proxy) => {}
            AdapterInput::BeginBatch { call, .. } => {
                proxy.returned(
                    call,
                    Returned::Begun { max: self.settings.batch, transaction: None },
                );
            }
            AdapterInput::TransmitMessage { call, .. }
                if self.throws(call, ThrowingCall::TransmitMessage, proxy) => {}
            AdapterInput::TransmitMessage { call, message } => {
                self.transmit(now, call, message, proxy);
            }
            AdapterInput::Done { call, .. } if self.throws(call, ThrowingCall::Done, proxy) => {}
            AdapterInput::Done { call, confirm: _ } => self.batch_done(call, proxy),
            AdapterInput::Clear { call } => {
                drop(self.filled(call));
                if let Some(deciding) = &mut self.deciding {
                    deciding.clear(call);
                }
                proxy.returned(call, Returned::Cleared);
            }
            AdapterInput::WireDone { token, result } if Errands::own(token) => {
                let key = if let WireResult::Resolved(key) = result { Some(key) } else { None };
                self.resolved(now, (token, key), proxy);
            }
            AdapterInput::WireDone { token, result } => {
                self.wire_done(now, token, result, proxy);
            }
            AdapterInput::BatchComplete(status) => self.complete(now, &status, proxy),
            AdapterInput::Terminate { call } => self.terminate(now, call, proxy),
            AdapterInput::Wake { token: PAUSE_OVER } => {
                for one in self.aside.take() {
                    self.post_batch(now, vec![one], proxy);
                }
            }
            AdapterInput::Wake { token } if token == self.flushes && !self.gathered.is_empty() => {
                self.flush(now, proxy);
            }
            AdapterInput::Wake { token } if self.waited(token) => self.start_decided(proxy),
            AdapterInput::Wake { .. } | AdapterInput::DoneReturned { .. } => {}
            AdapterInput::Initialize
            | AdapterInput::Isolated(_)
            | AdapterInput::Load
            | AdapterInput::TransactionDone { .. } => {}
            AdapterInput::AddReceiveEndpoint { .. }
            | AdapterInput::Arrived { .. }
            | AdapterInput::RemoveReceiveEndpoint { .. }
            | AdapterInput::UpdateEndpointConfig { .. } => {
                unreachable!("a send adapter has no receive locations")
            }
        }
        if self.terminating.is_some() {
            self.try_to_return(proxy);
        }
    }
}
