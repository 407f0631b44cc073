//! A host instance: the process in which the engine runs its batches and its deliveries.
//!
//! ```text
//!  adapters ──Posted──►┌──────────── HostInstance ────────────┐◄──Dequeued── MessageBox
//!           ◄──Call────│ batches ─► engine threads ◄─ delivery│──Dequeue──►
//!           ──Returned►│        frames: one per leased thread │──Transact─► ◄─Committed─
//!                      └───────Work───────────────────────────┘
//! ```
//!
//! The contract of every machine here: call [`HostInstance::handle_input`] with an instant that
//! never goes back, then drain [`HostInstance::poll_output`], then heed
//! [`HostInstance::poll_timeout`] by an [`HostInput::Wake`] at that instant. One mutation, then
//! drain; nothing recurses, nothing blocks, nothing reads a clock.

mod account;
mod bounds;
mod deliver;
mod dequeuer;
mod distributed;
mod exchanges;
mod execute;
mod frame;
mod gauges;
mod holdings;
mod isolated;
mod latencies;
mod life;
mod openings;
mod orchestrate;
mod outbound;
mod pause;
mod plan;
mod receive;
mod remark;
mod residents;
mod resume;
mod sabotaged;
mod threads;

use std::collections::VecDeque;
use std::hint::cold_path;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::adapter::{AdapterInput, CallId, ErrorSubject, IsolatedCall, Returned};
use crate::batch::{Batch, BatchStatus, Operation};
use crate::config::{AdapterKind, HostSettings, Topology};
use crate::demand::Demand;
use crate::id::{
    AdapterId, HostId, HostInstanceId, MessageBoxId, OrchestrationInstanceId, ReceiveLocationId,
    Slab, TransactionId,
};
use crate::message::WireMessage;
use crate::message_box::{OutboundMessage, PreparedBatch, Stay};
use crate::sabotage::Sabotage;
use crate::throttle::{Throttle, Totals};
use crate::time::Instant;

use bounds::Bounds;
use deliver::Transmitter;
use dequeuer::Dequeuer;
use distributed::Share;
use exchanges::Exchanges;
use execute::{Execution, Locations};
pub use frame::FrameId;
use frame::{Frame, Task};
pub use gauges::{HostGauges, Occupation};
pub use latencies::Stays;
pub use life::Life;
use life::Made;
pub use openings::LocationAct;
use openings::Openings;
use outbound::NeutralPorts;
use pause::Pauses;
use plan::Plan;
pub use residents::DehydrationGauges;
use residents::Residents;
use threads::ThreadPool;

/// Which comes first when a batch completes fast: the return of `Done`, or `BatchComplete`
/// (R-BC-07, R-CLK-03, R-CLK-04). Chance is the driver's, so it says so per batch.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum DoneRace {
    /// `BatchComplete` runs before `Done` returns.
    CompleteFirst,
    /// `Done` returns; the response to a request of the batch is transmitted before
    /// `BatchComplete` (R-BC-08, R-CLK-04).
    ResponseBeforeComplete,
    /// The response to a request of the batch is transmitted before `Done` returns (R-BC-08).
    ResponseBeforeReturn,
    /// `Done` returns first.
    #[default]
    ReturnFirst,
}

/// What a host instance is told.
#[derive(Clone, Debug)]
pub enum HostInput {
    /// A batch committed, or was rolled back.
    Committed {
        /// The frame that waits for it.
        frame: FrameId,
        /// The outcome.
        status: BatchStatus,
    },
    /// A look into the queue came back.
    Dequeued {
        /// The MessageBox that was looked into.
        home: MessageBoxId,
        /// How many were asked for.
        asked: u32,
        /// What was locked to this instance.
        messages: Vec<Box<OutboundMessage>>,
    },
    /// An adapter called `SetErrorInfo` on a message (R-MSG-09).
    ErrorInfo {
        /// The message.
        of: ErrorSubject,
        /// The failure's text.
        text: Arc<str>,
    },
    /// An isolated adapter calls (R-LIFE-11).
    Isolated {
        /// The adapter.
        adapter: AdapterId,
        /// Its call.
        call: IsolatedCall,
    },
    /// An operator, or a location's own adapter, changed what a receive location may do.
    Location {
        /// The location.
        location: ReceiveLocationId,
        /// What was done.
        act: LocationAct,
    },
    /// An adapter posted a batch (`Done`).
    Posted {
        /// The adapter.
        adapter: AdapterId,
        /// The batch.
        batch: Batch,
        /// Which comes first.
        race: DoneRace,
        /// The transaction it is posted in (R-TXN-02).
        transaction: Option<TransactionId>,
    },
    /// An operator resumes a message that was suspended as it came (INV-61).
    ResumeSuspended {
        /// Its number in the suspended queue.
        number: u64,
        /// The message.
        wire: Box<WireMessage>,
    },
    /// So much memory is in use on its machine, MB: told where dehydration looks at that.
    PhysicalMemory(u64),
    /// An adapter returned from a call.
    Returned {
        /// The call.
        call: CallId,
        /// With what.
        returned: Returned,
    },
    /// The service starts: its adapters are created (R-LIFE-02).
    Start,
    /// Something happened to an orchestration instance in its memory.
    Stay {
        /// The instance.
        instance: OrchestrationInstanceId,
        /// What happened.
        stay: Stay,
    },
    /// The service is to stop in good order (R-SHUT-01).
    Stop,
    /// A transaction that batches of this instance were staged in has its outcome.
    TransactionDone {
        /// The transaction.
        transaction: TransactionId,
        /// Whether it committed.
        committed: bool,
    },
    /// A controller throttles it, or lets it go (R-THR-03).
    Throttle(Throttle),
    /// The instant of [`HostInstance::poll_timeout`] has come.
    Wake,
    /// The host's queue in a MessageBox has something eligible.
    WorkAvailable {
        /// The MessageBox.
        home: MessageBoxId,
    },
    /// A frame's work is done.
    WorkDone {
        /// The frame.
        frame: FrameId,
    },
}

/// What a host instance wants.
#[derive(Clone, Debug)]
pub enum HostOutput {
    /// To call an adapter.
    Call {
        /// The adapter.
        adapter: AdapterId,
        /// The call.
        input: AdapterInput,
    },
    /// To look into its queue.
    Dequeue {
        /// The MessageBox to look into.
        home: MessageBoxId,
        /// References at most.
        max: u32,
    },
    /// It has stopped: nothing is pending, its adapters are gone, and what it had locked may be
    /// given back (R-SHUT-06).
    Stopped,
    /// To abort a transaction that it created itself for an adapter which has no use for it (X-10).
    Abort {
        /// The adapter.
        adapter: AdapterId,
        /// The transaction.
        transaction: TransactionId,
    },
    /// To commit a batch.
    Transact {
        /// The frame that waits for it.
        frame: FrameId,
        /// The batch.
        batch: PreparedBatch,
        /// The transaction that its effects wait for, if it is not the engine's own (R-ATOM-04).
        transaction: Option<TransactionId>,
    },
    /// To use a CPU of its server.
    Work {
        /// The frame that waits for it.
        frame: FrameId,
        /// How much.
        demand: Demand,
    },
}

/// One host instance.
#[derive(Clone, Debug)]
pub struct HostInstance {
    id: HostInstanceId,
    host: HostId,
    life: Life,
    /// What became of each adapter here.
    made: Vec<Made>,
    openings: Openings,
    cpus: u32,
    settings: HostSettings,
    topology: Plan,
    locations: Locations,
    neutral: NeutralPorts,
    threads: ThreadPool,
    tasks: VecDeque<Task>,
    /// Tasks that a thread was found for.
    tasks_begun: u64,
    /// Publishing batches among the tasks.
    publishing: u32,
    /// Batches whose `Done` has not been let in (R-DONE-03).
    held: VecDeque<Execution>,
    frames: Slab<Frame>,
    transmitters: Vec<Transmitter>,
    /// What adapters said of failures, until the messages are disposed of (R-MSG-09).
    errors: FxHashMap<ErrorSubject, Arc<str>>,
    waiting: u32,
    in_process: u32,
    /// What open transactions will settle.
    shares: Vec<Share>,
    /// Transactions that it created for adapters, in all its lives (X-10).
    begun: u32,
    bounds: Bounds,
    /// One per MessageBox: each is polled by itself.
    dequeuers: Vec<Dequeuer>,
    pauses: Pauses,
    exchanges: Exchanges,
    residents: Residents,
    totals: Totals,
    /// Messages that adapters handed in, until their batch was committed.
    inbound: Stays,
    /// Bytes of all messages taken out of the MessageBox.
    taken_bytes: u64,
    /// Messages that each adapter has brought in, and their bytes.
    received: Vec<(u64, u64)>,
    /// The last input left everything but its outputs as it was.
    midway: bool,
    outputs: VecDeque<HostOutput>,
    #[cfg(feature = "sabotage")]
    sabotage: Option<Sabotage>,
}

impl HostInstance {
    /// A started host instance with nothing to do.
    #[must_use]
    pub fn new(topology: &Arc<Topology>, id: HostInstanceId) -> Self {
        let config = topology.host_instances[id.index()];
        let mut settings = topology.hosts[config.host.index()].settings;
        settings.in_process = settings.in_process_max();
        let cpus = topology.servers[config.server.index()].cpus;
        let transmitters = topology.adapters.iter().map(|adapter| match adapter.kind {
            AdapterKind::Send(send) => {
                Transmitter::new(&send, settings.engine_batch, &topology.choices)
            }
            AdapterKind::Request(_) => Transmitter::single(),
            AdapterKind::TransactionalSend(_) => Transmitter::batched(settings.engine_batch),
            AdapterKind::Receive(_) | AdapterKind::TransactionalReceive(_) => {
                Transmitter::default()
            }
        });
        Self {
            id,
            host: config.host,
            life: Life::Running,
            made: vec![Made::No; topology.adapters.len()],
            openings: Openings::of(topology, config.host),
            cpus,
            settings,
            locations: Locations::default(),
            neutral: NeutralPorts::of(topology),
            threads: ThreadPool::new(&settings, cpus),
            tasks: VecDeque::new(),
            tasks_begun: 0,
            publishing: 0,
            held: VecDeque::new(),
            frames: Slab::default(),
            transmitters: transmitters.collect(),
            errors: FxHashMap::default(),
            waiting: 0,
            in_process: 0,
            shares: Vec::new(),
            begun: 0,
            bounds: Bounds::of(&settings),
            dequeuers: vec![Dequeuer::new(&settings, Instant::ZERO); topology.box_count()],
            pauses: Pauses::default(),
            exchanges: Exchanges::default(),
            residents: Residents::default(),
            totals: Totals::default(),
            inbound: Stays::default(),
            taken_bytes: 0,
            received: vec![(0, 0); topology.adapters.len()],
            midway: false,
            outputs: VecDeque::new(),
            topology: Plan(Arc::clone(topology)),
            #[cfg(feature = "sabotage")]
            sabotage: None,
        }
    }

    /// The host it realises.
    #[must_use]
    pub const fn host(&self) -> HostId {
        self.host
    }

    /// Takes one input; what follows from it waits in [`Self::poll_output`].
    #[inline(always)]
    pub fn handle_input(&mut self, now: Instant, input: HostInput) {
        self.midway = false;
        if self.life == Life::Down && !matches!(input, HostInput::Start) {
            return self.keep_in_mind(&input);
        }
        match input {
            HostInput::Start => self.start(now),
            HostInput::Stop => self.stop(),
            HostInput::Isolated { adapter, call } => self.isolated(now, adapter, call),
            HostInput::Location { location, act } => self.location(now, location, act),
            HostInput::Returned { call, returned: Returned::Terminated } => {
                self.terminated(FrameId(call.0));
            }
            HostInput::Posted { adapter, batch, race, transaction } => {
                self.posted(now, adapter, batch, (race, transaction));
            }
            HostInput::ErrorInfo { of, text } => {
                self.errors.insert(of, text);
                self.midway = true;
                return;
            }
            HostInput::Returned { call, returned } => {
                // Between two calls of one delivery nothing else can have become possible.
                self.midway = !self.returned(now, FrameId(call.0), returned);
                if self.midway {
                    return;
                }
            }
            HostInput::ResumeSuspended { number, wire } => self.resume_suspended(number, *wire),
            HostInput::WorkDone { frame } => self.work_done(now, frame),
            HostInput::Committed { frame, status } => self.committed(now, frame, status),
            HostInput::Dequeued { home, asked, messages } => {
                self.dequeued(now, home, asked, messages);
            }
            HostInput::WorkAvailable { .. } if self.is_sabotaged(Sabotage::SleepThroughWork) => {}
            HostInput::WorkAvailable { home } => {
                self.dequeuers[home.index()].work_available(now);
            }
            HostInput::TransactionDone { transaction, committed } => {
                self.transaction_done(now, transaction, committed);
            }
            HostInput::Throttle(throttle) => {
                self.throttle(now, throttle);
                self.relieve(now);
            }
            HostInput::PhysicalMemory(used) => self.sees_memory(used),
            HostInput::Stay { instance, stay } => self.stay(now, instance, stay),
            HostInput::Wake => {
                self.end_pauses(now);
                self.keep_schedules(now);
            }
        }
        self.expire(now);
        self.start_tasks(now);
        if self.life == Life::Running {
            self.look(now);
        } else {
            self.try_to_stop();
        }
    }

    /// The next thing it wants; drain this after every input.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<HostOutput> {
        self.outputs.pop_front()
    }

    /// Whether the last input came between two calls of one delivery: then gauges and
    /// [`Self::poll_timeout`] are what they were before it.
    #[must_use]
    pub const fn is_midway(&self) -> bool {
        self.midway
    }

    /// When it wants to be woken, if nothing else happens before.
    #[must_use]
    #[inline(always)]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let growth = if self.tasks.is_empty() { None } else { self.threads.grows_at() };
        if self.life != Life::Running {
            cold_path();
            return earlier(growth, self.pauses.due());
        }
        // Asked after every input: a plain fold, with the commonest answers first.
        let mut look = None;
        for dequeuer in &self.dequeuers {
            look = earlier(look, dequeuer.due());
        }
        let look = look.filter(|_| self.room() > 0);
        let others = earlier(self.pauses.due(), self.openings.due());
        earlier(earlier(growth, look), earlier(others, self.exchanges.expires_next()))
    }

    /// A MessageBox was added to the group: it is polled like the others (R-MMB-07).
    pub fn add_message_box(&mut self) {
        self.dequeuers.push(Dequeuer::new(&self.settings, Instant::ZERO));
    }

    fn look(&mut self, now: Instant) {
        // What looks under way may bring is not known yet; a few above the limit are tolerated,
        // as the original's batch dequeue does.
        for at in 0..self.dequeuers.len() {
            while self.room() > 0 && self.dequeuers[at].look(now) {
                let max = self.settings.dequeue_batch.min(self.room()).max(1);
                let home = MessageBoxId::from(at);
                self.outputs.push_back(HostOutput::Dequeue { home, max });
            }
        }
    }

    fn start_tasks(&mut self, now: Instant) {
        while !self.tasks.is_empty() && self.threads.lease(now) {
            self.tasks_begun += 1;
            match self.tasks.pop_front() {
                Some(Task::Execute(execution)) => self.start_execution(execution),
                Some(Task::Deliver(adapter)) => self.begin_delivery(adapter),
                Some(Task::HandOver(frame)) => self.proceed(now, frame),
                Some(Task::Resume(resumption)) => self.start_resumption(resumption),
                Some(Task::Fail(messages)) => self.start_failing(messages),
                Some(Task::Repeat(batch)) => self.repeat(*batch),
                Some(Task::Orchestrate(message)) => self.start_turn(message),
                Some(Task::Expire(expiry)) => self.start_expiry(expiry),
                None => unreachable!("the queue of tasks was not empty"),
            }
        }
    }

    /// The frame's thread goes back to the pool.
    fn release(&mut self, frame: FrameId) -> Option<Frame> {
        // What is not known any more belonged to an earlier life and gave its thread back then.
        let known = self.frames.remove(frame.0)?;
        self.threads.release();
        Some(known)
    }

    /// A frame goes on after its work.
    fn proceed(&mut self, now: Instant, frame: FrameId) {
        match self.frames.get(frame.0) {
            Some(Frame::Execute(_)) => self.execute(frame),
            Some(Frame::Deliver(_)) => {
                self.process_outbound(frame);
                self.transmit_next(now, frame);
            }
            Some(Frame::Resume(_)) => self.resumed(frame),
            Some(Frame::Orchestrate(_)) => self.take_turn(frame),
            Some(Frame::Cycle) => self.dehydration_cycle(now, frame),
            Some(
                Frame::Dehydrate(_)
                | Frame::Expire(_)
                | Frame::Settle(_)
                | Frame::SettleIn(..)
                | Frame::Terminate(_),
            )
            | None => {}
        }
    }

    fn committed(&mut self, now: Instant, frame: FrameId, status: BatchStatus) {
        if matches!(self.frames.get(frame.0), Some(Frame::Orchestrate(_))) {
            return self.turn_ended(now, frame, &status);
        }
        if matches!(self.frames.get(frame.0), Some(Frame::Dehydrate(_))) {
            return self.dehydrated(now, frame, &status);
        }
        match self.release(frame) {
            Some(Frame::Execute(execution)) => self.executed(now, execution, status),
            Some(Frame::Settle(kept)) => self.settled(now, kept, &status),
            Some(Frame::Expire(expiry)) => self.expired(now, expiry, &status),
            Some(Frame::SettleIn(transaction, own)) => self.owe_own(transaction, own, &status),
            Some(
                Frame::Cycle
                | Frame::Dehydrate(_)
                | Frame::Deliver(_)
                | Frame::Orchestrate(_)
                | Frame::Resume(_)
                | Frame::Terminate(_),
            )
            | None => {}
        }
    }

    /// `count` messages reached the end of their delivery: there is room for others.
    fn settle(&mut self, count: usize) {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        self.in_process = self.in_process.saturating_sub(count);
        self.totals.finished += u64::from(count);
        self.watch_bounds();
    }

    fn call(&mut self, adapter: AdapterId, input: AdapterInput) {
        self.outputs.push_back(HostOutput::Call { adapter, input });
    }

    fn is_ordered(&self, message: &OutboundMessage) -> bool {
        self.topology.send_port(message.subscriber).is_some_and(|port| port.ordered.is_some())
    }
}

/// The earlier of two instants, if there is any.
fn earlier(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    // Not before the end of time is never: one comparison instead of four cases.
    let never = Instant::MAX;
    let at = a.unwrap_or(never).min(b.unwrap_or(never));
    (at < never).then_some(at)
}

/// Operations that end a delivery.
fn settles(operation: &Operation) -> bool {
    match operation {
        Operation::Delete(_)
        | Operation::MoveToNextTransport(_)
        | Operation::MoveToSuspendQueue(crate::batch::Suspendable::Reference(_))
        | Operation::Resubmit { .. } => true,
        Operation::CancelResponse { .. }
        | Operation::MoveToSuspendQueue(crate::batch::Suspendable::Wire(_))
        | Operation::Submit(_)
        | Operation::SubmitRequest { .. }
        | Operation::SubmitResponse { .. } => false,
    }
}
