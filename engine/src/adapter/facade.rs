//! Ordinary async Rust as an adapter.
//!
//! [`AsyncAdapter`] is an [`Adapter`] whose inside is a future: it awaits the wire, sleeps, posts a
//! batch and awaits its completion. A small executor runs it inside `handle_input`, one input at a
//! time and its tasks in the order in which they became ready, so a run is as repeatable as one
//! of a hand-written machine. There is no thread, no clock and no waker but a dummy: only the
//! futures of [`Transport`] ever make a task ready.
//!
//! ```
//! use floodgate_engine::adapter::{AsyncAdapter, Returned, Transmission, Transport};
//! use floodgate_engine::adapter::{WireRequest, WireResult};
//! use floodgate_engine::batch::Operation;
//! use floodgate_engine::message_box::OutboundMessage;
//!
//! /// `false` to every message; each is a task that ends with one batch.
//! async fn sender(transport: Transport) {
//!     loop {
//!         let (call, message) = transport.next_message().await;
//!         transport.returned(call, Returned::Pending);
//!         transport.spawn(deliver(transport.clone(), message));
//!     }
//! }
//!
//! async fn deliver(transport: Transport, message: OutboundMessage) {
//!     let request = WireRequest::Transmit(Transmission::of(&message));
//!     let Ok(mut batch) = transport.batch() else { return };
//!     batch.add(match transport.wire(request).await {
//!         WireResult::Sent => Operation::Delete(message.reference),
//!         _ => Operation::Resubmit {
//!             reference: message.reference,
//!             at: transport.now() + message.retry_interval,
//!         },
//!     });
//!     let status = batch.done().await;
//!     assert!(status.is_ok(), "this one does not filter failed batches yet");
//! }
//!
//! let adapter = AsyncAdapter::new(sender);
//! # let _ = adapter;
//! ```

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use rustc_hash::FxHashMap;

use super::{
    Adapter, AdapterInput, CallId, ConfirmOf, ErrorSubject, Returned, WireRequest, WireResult,
};
use crate::batch::{Batch, BatchStatus, Operation, Status};
use crate::id::{ReceiveLocationId, TransactionId};
use crate::message::WireMessage;
use crate::message_box::OutboundMessage;
use crate::time::{Duration, Instant};
use crate::transport_proxy::TransportProxy;

type Task = Pin<Box<dyn Future<Output = ()>>>;
type Factory = dyn Fn(Transport) -> Task;
/// A task's place.
type TaskId = usize;

/// An adapter written as a future (R-ADPT-16: by construction no callback can block).
///
/// It can be copied until its first input; a future that has begun cannot, and the attempt
/// panics. A world that is branched while it runs needs an adapter that is plain data.
pub struct AsyncAdapter {
    factory: Rc<Factory>,
    running: Option<Running>,
}

/// The adapter's tasks and what they share with the executor.
struct Running {
    shared: Rc<RefCell<Shared>>,
    tasks: Vec<Option<Task>>,
    free: Vec<TaskId>,
}

/// What a future waits for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Awaited {
    BatchComplete(u64),
    DoneReturned(u64),
    Transaction(TransactionId),
    Wake(u64),
    Wire(u64),
}

#[derive(Default)]
struct Shared {
    now: Instant,
    proxy: TransportProxy,
    /// Tokens and cookies given so far.
    given: u64,
    /// What futures wait for, with the task to wake once it waits, and the answer once it came.
    awaited: FxHashMap<Awaited, (Option<TaskId>, Option<AdapterInput>)>,
    /// Inputs that no future waits for, oldest first.
    inbox: VecDeque<AdapterInput>,
    readers: Vec<TaskId>,
    ready: VecDeque<TaskId>,
    /// The task that is being polled.
    current: TaskId,
    /// Tasks that have not been polled yet.
    spawned: Vec<Task>,
    /// Spawned tasks that have not ended.
    alive: usize,
    /// The `Terminate` that is returned from when none is alive.
    terminating: Option<CallId>,
}

impl Shared {
    /// Hands an input to the future that waits for it, or puts it into the inbox.
    fn take(&mut self, input: AdapterInput) {
        let awaited = match &input {
            AdapterInput::BatchComplete(status) => Some(Awaited::BatchComplete(status.cookie)),
            AdapterInput::DoneReturned { cookie, .. } => Some(Awaited::DoneReturned(*cookie)),
            AdapterInput::TransactionDone { transaction, .. } => {
                Some(Awaited::Transaction(*transaction))
            }
            AdapterInput::Wake { token } => Some(Awaited::Wake(*token)),
            AdapterInput::WireDone { token, .. } => Some(Awaited::Wire(*token)),
            AdapterInput::AddReceiveEndpoint { .. }
            | AdapterInput::Arrived { .. }
            | AdapterInput::BeginBatch { .. }
            | AdapterInput::Clear { .. }
            | AdapterInput::Done { .. }
            | AdapterInput::Initialize
            | AdapterInput::Isolated(_)
            | AdapterInput::Load
            | AdapterInput::RemoveReceiveEndpoint { .. }
            | AdapterInput::Terminate { .. }
            | AdapterInput::TransmitMessage { .. }
            | AdapterInput::UpdateEndpointConfig { .. } => None,
        };
        match awaited {
            // An answer whose future was dropped interests nobody any more.
            Some(awaited) => {
                if let Some((task, answer)) = self.awaited.get_mut(&awaited) {
                    *answer = Some(input);
                    self.ready.extend(task.take());
                }
            }
            None => {
                self.inbox.push_back(input);
                self.ready.append(&mut std::mem::take(&mut self.readers).into());
            }
        }
    }

    /// A spawned task has ended.
    fn ended(&mut self) {
        self.alive -= 1;
        self.terminate_if_idle();
    }

    fn terminate_if_idle(&mut self) {
        if self.alive == 0
            && let Some(call) = self.terminating.take()
        {
            self.proxy.returned(call, Returned::Terminated);
        }
    }

    fn number(&mut self) -> u64 {
        self.given += 1;
        self.given
    }
}

impl AsyncAdapter {
    /// An adapter that is `main`, begun at its first input.
    pub fn new<F, M>(main: M) -> Self
    where
        F: Future<Output = ()> + 'static,
        M: Fn(Transport) -> F + 'static,
    {
        let factory = Rc::new(move |transport| -> Task { Box::pin(main(transport)) });
        Self { factory, running: None }
    }
}

impl Running {
    fn begin(factory: &Factory) -> Self {
        let shared = Rc::new(RefCell::new(Shared::default()));
        let main = factory(Transport { shared: Rc::clone(&shared) });
        shared.borrow_mut().ready.push_back(0);
        Self { shared, tasks: vec![Some(main)], free: Vec::new() }
    }

    /// Polls what is ready until nothing is.
    fn run(&mut self) {
        loop {
            let spawned = std::mem::take(&mut self.shared.borrow_mut().spawned);
            for task in spawned {
                let place = self.free.pop().unwrap_or_else(|| {
                    self.tasks.push(None);
                    self.tasks.len() - 1
                });
                self.tasks[place] = Some(task);
                self.shared.borrow_mut().ready.push_back(place);
            }
            let Some(next) = self.shared.borrow_mut().ready.pop_front() else { return };
            self.shared.borrow_mut().current = next;
            let Some(task) = self.tasks[next].as_mut() else { continue };
            if task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
                self.tasks[next] = None;
                if next != 0 {
                    self.free.push(next);
                    self.shared.borrow_mut().ended();
                }
            }
        }
    }
}

impl Clone for AsyncAdapter {
    /// # Panics
    /// When it has begun: a future cannot be copied.
    fn clone(&self) -> Self {
        assert!(
            self.running.is_none(),
            "an async adapter is copied before its first input: a begun future cannot be"
        );
        Self { factory: Rc::clone(&self.factory), running: None }
    }
}

impl fmt::Debug for AsyncAdapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tasks = self.running.as_ref().map(|running| running.tasks.iter().flatten().count());
        f.debug_struct("AsyncAdapter").field("tasks", &tasks).finish_non_exhaustive()
    }
}

impl Adapter for AsyncAdapter {
    fn handle_input(&mut self, now: Instant, input: AdapterInput, proxy: &mut TransportProxy) {
        let running = self.running.get_or_insert_with(|| Running::begin(&*self.factory));
        {
            // The proxy is lent for the length of the call: futures cannot borrow it.
            let mut shared = running.shared.borrow_mut();
            shared.now = now;
            std::mem::swap(&mut shared.proxy, proxy);
            shared.take(input);
        }
        running.run();
        std::mem::swap(&mut running.shared.borrow_mut().proxy, proxy);
    }
}

/// The inside of an [`AsyncAdapter`] speaks to engine and world through this; copies are the same.
#[derive(Clone)]
pub struct Transport {
    shared: Rc<RefCell<Shared>>,
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").finish_non_exhaustive()
    }
}

impl Transport {
    /// The instant of the input that is being handled.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.shared.borrow().now
    }

    /// Begins a task beside this one.
    pub fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        let mut shared = self.shared.borrow_mut();
        shared.alive += 1;
        shared.spawned.push(Box::pin(task));
    }

    /// Returns from `Terminate` as soon as every spawned task has ended (R-SHUT-01), at once if
    /// none is alive. The main future goes on meanwhile; that it starts nothing new is its duty.
    pub fn terminate(&self, call: CallId) {
        let mut shared = self.shared.borrow_mut();
        shared.terminating = Some(call);
        shared.terminate_if_idle();
    }

    /// The next input that is not the answer to something awaited, oldest first: calls of the
    /// engine, locations that come and go, arrivals.
    pub fn next_input(&self) -> impl Future<Output = AdapterInput> + use<> {
        let shared = Rc::clone(&self.shared);
        std::future::poll_fn(move |_| {
            let mut shared = shared.borrow_mut();
            if let Some(input) = shared.inbox.pop_front() {
                return Poll::Ready(input);
            }
            let current = shared.current;
            shared.readers.push(current);
            Poll::Pending
        })
    }

    /// The next message to transmit, with the call to return from. Inputs before it are dropped,
    /// so this is for a sender that is never asked anything else.
    pub async fn next_message(&self) -> (CallId, OutboundMessage) {
        loop {
            if let AdapterInput::TransmitMessage { call, message } = self.next_input().await {
                return (call, *message);
            }
        }
    }

    /// Says something to the partner's end and waits for the answer.
    pub fn wire(&self, request: WireRequest) -> impl Future<Output = WireResult> + use<> {
        let answer = self.ask(|shared| {
            let token = shared.number();
            shared.proxy.wire(token, request);
            Awaited::Wire(token)
        });
        async move {
            let AdapterInput::WireDone { result, .. } = answer.await else {
                unreachable!("a wire call is answered by its end")
            };
            result
        }
    }

    /// Waits for a span of virtual time.
    pub fn sleep(&self, span: Duration) -> impl Future<Output = ()> + use<> {
        self.sleep_until(self.now() + span)
    }

    /// Waits for an instant.
    pub fn sleep_until(&self, at: Instant) -> impl Future<Output = ()> + use<> {
        let answer = self.ask(|shared| {
            let token = shared.number();
            shared.proxy.wake(at, token);
            Awaited::Wake(token)
        });
        async move { drop(answer.await) }
    }

    /// Asks to be told once when the location has something; `Arrived` comes by
    /// [`Transport::next_input`].
    pub fn watch(&self, location: ReceiveLocationId) {
        self.shared.borrow_mut().proxy.watch(location);
    }

    /// Returns from a call of the engine.
    pub fn returned(&self, call: CallId, returned: Returned) {
        self.shared.borrow_mut().proxy.returned(call, returned);
    }

    /// `SetErrorInfo` (R-MSG-09).
    pub fn set_error_info(&self, of: ErrorSubject, text: &str) {
        self.shared.borrow_mut().proxy.set_error_info(of, text);
    }

    /// An empty engine batch (R-BATCH-01).
    ///
    /// # Errors
    /// [`Status::SHUTTING_DOWN`] while the engine stops (R-BATCH-02).
    pub fn batch(&self) -> Result<AsyncBatch, Status> {
        let mut shared = self.shared.borrow_mut();
        let cookie = shared.number();
        let batch = shared.proxy.get_batch(cookie)?;
        Ok(AsyncBatch { batch, transport: self.clone() })
    }

    /// Creates a distributed transaction that this adapter owns (R-TXN-01).
    #[must_use]
    pub fn begin_transaction(&self) -> TransactionId {
        self.shared.borrow_mut().proxy.begin_transaction()
    }

    /// Commits a transaction; `true` if every branch did (R-TXN-01).
    pub fn commit(&self, transaction: TransactionId) -> impl Future<Output = bool> + use<> {
        let answer = self.ask(|shared| {
            shared.proxy.commit(transaction);
            Awaited::Transaction(transaction)
        });
        async move { matches!(answer.await, AdapterInput::TransactionDone { committed: true, .. }) }
    }

    /// Aborts a transaction (R-TXN-15).
    pub fn abort(&self, transaction: TransactionId) {
        self.shared.borrow_mut().proxy.abort(transaction);
    }

    /// `DTCCommitConfirm` (R-TXN-03).
    pub fn confirm(&self, of: ConfirmOf, committed: bool) {
        self.shared.borrow_mut().proxy.confirm(of, committed);
    }

    /// Asks now, so that no answer can come before it is waited for.
    fn ask(&self, ask: impl FnOnce(&mut Shared) -> Awaited) -> Answer {
        let mut shared = self.shared.borrow_mut();
        let awaited = ask(&mut shared);
        shared.awaited.insert(awaited, (None, None));
        Answer { awaited, shared: Rc::clone(&self.shared) }
    }
}

/// The future behind one question; dropped before its answer, the answer is dropped too.
struct Answer {
    awaited: Awaited,
    shared: Rc<RefCell<Shared>>,
}

impl Future for Answer {
    type Output = AdapterInput;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<AdapterInput> {
        let mut shared = self.shared.borrow_mut();
        let current = shared.current;
        let (task, answer) =
            shared.awaited.get_mut(&self.awaited).expect("an answer is awaited once");
        match answer.take() {
            Some(input) => {
                shared.awaited.remove(&self.awaited);
                Poll::Ready(input)
            }
            None => {
                *task = Some(current);
                Poll::Pending
            }
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.shared.borrow_mut().awaited.remove(&self.awaited);
    }
}

/// An engine batch whose completion can be awaited.
#[derive(Debug)]
pub struct AsyncBatch {
    batch: Batch,
    transport: Transport,
}

impl AsyncBatch {
    /// The cookie: also the name of the confirm object of a transacted batch (R-DONE-02).
    #[must_use]
    pub const fn cookie(&self) -> u64 {
        self.batch.cookie()
    }

    /// Whether nothing was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    /// Records a one-way submit: [`Batch::submit`].
    #[must_use = "a refused message is still the adapter's"]
    pub fn submit(&mut self, message: WireMessage) -> Status {
        self.batch.submit(message)
    }

    /// Records any other operation: [`Batch::add`].
    pub fn add(&mut self, operation: Operation) {
        self.batch.add(operation);
    }

    /// Posts the batch and waits until `Done` has returned and `BatchComplete` has come, in
    /// whichever order they do (R-BC-07, R-ADPT-03).
    ///
    /// # Errors
    /// A negative status when `Done` itself failed: there is no `BatchComplete` (R-DONE-04).
    pub async fn done(self) -> Result<BatchStatus, Status> {
        self.post(None)?.complete().await
    }

    /// As [`AsyncBatch::done`], inside a transaction (R-TXN-02).
    ///
    /// # Errors
    /// As [`AsyncBatch::done`].
    pub async fn done_in(self, transaction: TransactionId) -> Result<BatchStatus, Status> {
        self.post(Some(transaction))?.complete().await
    }

    /// Posts the batch without waiting, for an adapter that goes on before the batch is complete.
    ///
    /// # Errors
    /// As [`AsyncBatch::done`].
    pub fn post(self, transaction: Option<TransactionId>) -> Result<PostedBatch, Status> {
        let Self { batch, transport } = self;
        let cookie = batch.cookie();
        let status = {
            let proxy = &mut transport.shared.borrow_mut().proxy;
            match transaction {
                Some(transaction) => proxy.done_in(batch, transaction),
                None => proxy.done(batch),
            }
        };
        if !status.is_success() {
            return Err(status);
        }
        let returned = transport.ask(|_| Awaited::DoneReturned(cookie));
        let complete = transport.ask(|_| Awaited::BatchComplete(cookie));
        Ok(PostedBatch { returned, complete })
    }
}

/// A batch under way.
pub struct PostedBatch {
    returned: Answer,
    complete: Answer,
}

impl fmt::Debug for PostedBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostedBatch").field("batch", &self.complete.awaited).finish()
    }
}

impl PostedBatch {
    /// Waits for both ends of the call.
    ///
    /// # Errors
    /// When `Done` came back with a failure after all: no `BatchComplete` follows (R-DONE-04).
    pub async fn complete(self) -> Result<BatchStatus, Status> {
        if let AdapterInput::DoneReturned { status, .. } = self.returned.await
            && !status.is_success()
        {
            return Err(status);
        }
        let AdapterInput::BatchComplete(status) = self.complete.await else {
            unreachable!("a batch is completed by BatchComplete")
        };
        Ok(status)
    }
}
