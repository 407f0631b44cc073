//! The world: everything that exists in one run, and the only way in which time passes.
//!
//! ```text
//!   queue ──(instant, tie, sequence)──►  step  ──► machine.handle_input ──► outputs ──► carried:
//!                                         ▲                                             │
//!                                         └────────── ring: due now, in order ◄─────────┤
//!                                         └────────── queue: due later ◄────────────────┘
//! ```
//!
//! A world is plain data: it can be cloned, branched and compared. One input to one machine, then
//! its outputs are carried; nothing recurses.

mod acts;
mod adapters;
mod audit;
mod broken;
mod build;
mod calls;
mod cleanup;
mod compute;
mod controller;
mod coordinator;
mod database;
mod distributed;
mod dynamic;
mod effects;
mod errand;
mod exchange;
mod explore;
mod fates;
mod faults;
mod habits;
mod handed;
mod holds;
mod hosts;
mod idle;
mod isolated;
mod life;
mod likeness;
mod line;
mod link;
mod load;
mod looks;
mod mirrored;
mod operate;
mod overfull;
mod pinned;
mod presence;
mod ready;
mod replies;
mod sample;
mod stuck;
mod throttling;
mod tracking;
mod usage;
mod users;
mod wire;

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;

use floodgate_engine::adapter::{AdapterInput, AnyAdapter, WireResult};
use floodgate_engine::config::Topology;
use floodgate_engine::host::{HostInput, HostInstance};
use floodgate_engine::id::{
    AdapterId, EndpointId, HostInstanceId, Key, MessageBoxId, ReceiveLocationId, ServerId, Slab,
    TransactionId,
};
use floodgate_engine::message::{Context, Value};
use floodgate_engine::message_box::{Effect, MessageBox, Ready};
use floodgate_engine::time::{Duration, Instant};
use floodgate_engine::transport_proxy::TransportProxy;

use rustc_hash::FxHashMap;

pub(crate) use handed::{Done, Sent};

use crate::check::Checks;
use crate::cost::Costs;
use crate::endpoint::Endpoint;
use crate::meter::{Meters, Pool};
use crate::outcome::{Outcome, SavedInstance};
use crate::probe::Samples;
use crate::queue::{Schedule, Wheel};
use crate::resource::Processor;
use crate::rng::{Purpose, Rng};
use crate::setup::{DoneOrder, OperatorAct, ResponseOrder};
use crate::trace::{Bounds, Trace};

use audit::Audits;
use calls::Calls;
use compute::{Job, Placed};
use controller::Watched;
use coordinator::Coordinator;
use database::Pending;
use exchange::Answering;
pub use explore::{Crash, Way};
use fates::FateMeter;
pub use holds::{Hold, HoldKind};
use idle::IdleLooks;
use life::Lives;
use line::Stores;
use load::Load;
pub use operate::Acted;
pub use overfull::Overfull;
use overfull::Room;
pub use pinned::Pin;
use sample::Sampled;
use throttling::Throttling;
use tracking::Tracking;
use users::Waits;
use wire::{Fetch, OnWire};

/// What is to happen later.
#[derive(Clone, Copy, Debug)]
enum Due {
    /// An answer reaches its client.
    Answered(Key),
    /// A load's next message arrives.
    Arrival(u32),
    /// A waiting reference becomes eligible.
    BoxWake,
    /// An adapter finds that a location is broken.
    Breaks { node: u32, location: u32 },
    /// A call between engine and adapter comes to the other side.
    Called(Key),
    /// The cleanup job runs.
    Cleanup,
    /// That of a MessageBox has removed some rows.
    Collected(MessageBoxId),
    /// A transaction takes its next step.
    Coordinator(TransactionId),
    /// A fetch from a source is done.
    Fetched(Key),
    /// The dead-process job runs.
    DeadProcesses,
    /// A planned fault begins.
    Fault(u32),
    /// A planned fault is over.
    FaultOver(u32),
    /// A host instance wants to be woken.
    HostWake(u32),
    /// The master's job runs (R-ROUTE-03).
    MasterJob,
    /// Tracking hosts look for what they are to move (R-GC-05).
    Tracking,
    /// The job runs that copies messages in full (R-GC-02).
    CopyTracked,
    /// The job runs that deletes old tracking data (R-GC-02).
    PurgeTracked,
    /// The tracking database's data disk has a transaction.
    TrackingStored(Key),
    /// The controllers of host instances look (R-THR-02).
    Throttling,
    /// An operator acts.
    Operate(OperatorAct),
    /// The caches know whether a MessageBox publishes (R-MMB-05).
    Publishes { home: u32, publishes: bool },
    /// A job on a core is done (first come, first served).
    Job(Key),
    /// A host instance that stops has had its time; stale if it is another life by now.
    Kill { instance: u32, life: u32 },
    /// A shared job may be done; stale if the version has moved on.
    Shared { server: u32, version: u32 },
    /// A controller of a load looks at its monitor.
    Monitor(u32),
    /// The quota of a partner has something for who waits longest.
    Quota(EndpointId),
    /// A call on the wire is done.
    Sent(Key),
    /// A transaction is at its MessageBox's server.
    Travelled(Key),
    /// The log disk of the MessageBox has a transaction.
    Logged(Key),
    /// The data disk has it.
    Stored(Key),
    /// A transaction leaves the locks of the MessageBox.
    Unlocked(Key),
    /// A user has thought.
    UserAsks { load: u32, user: u32 },
    /// The client of this request goes away.
    UserLeaves(u64),
    /// More users come.
    UsersCome(u32),
    /// No user of a load asks any more.
    UsersEnd(u32),
    /// An adapter's timer.
    Wake { node: u32, token: u64 },
}

/// What is due now, in the order in which it was caused.
#[derive(Clone, Debug)]
enum Now {
    /// A watched source has something.
    Arrived(u32, ReceiveLocationId),
    /// What was planned for this instant, gathered from the queue by an explorer.
    Due(Due),
    /// A source answers.
    Answered(u32, u64, WireResult),
    Host(HostInstanceId, HostInput),
    /// An adapter hears of the outcome of its transaction.
    TransactionDone(u32, TransactionId, bool),
}

/// An adapter in its host instance.
#[derive(Clone, Debug)]
struct Node {
    instance: HostInstanceId,
    adapter: AdapterId,
    /// How stories call it.
    name: String,
    /// The key of its draws: an adapter more elsewhere does not shift it.
    key: u64,
    machine: AnyAdapter,
    proxy: TransportProxy,
}

impl Node {
    /// Whose it is.
    const fn place(&self) -> (HostInstanceId, AdapterId) {
        (self.instance, self.adapter)
    }
}

/// Everything that exists in one run.
#[derive(Clone, Debug)]
pub struct World {
    now: Instant,
    /// The last instant at which something happened, the cleanup job aside.
    active: Instant,
    end: Instant,
    /// The end before the loads ran dry.
    end_planned: Instant,
    drain: Duration,
    room: Room,
    measured: (Instant, Instant),
    loads_open: usize,
    queue: Wheel<Due>,
    ring: VecDeque<Now>,
    rng: Rng,
    done_order: DoneOrder,
    response_order: ResponseOrder,
    shuffle_ties: bool,
    /// Transactions are steps of their own even if they take no time: for explorers.
    apart: bool,
    scheduled: u64,
    calls: Calls,
    topology: Arc<Topology>,
    costs: Costs,
    // The engine.
    instances: Vec<HostInstance>,
    /// The thread pool of each instance, measured.
    pools: Vec<Pool>,
    host_wakes: Vec<Instant>,
    nodes: Vec<Node>,
    /// Node of (host instance, adapter): `instance * adapters + adapter`.
    node_of: Vec<u32>,
    message_box: MessageBox,
    box_wake: Instant,
    // The machines it runs on.
    processors: Vec<Processor>,
    shared_versions: Vec<u32>,
    jobs: Slab<Placed>,
    databases: Vec<ServerId>,
    stores: Stores,
    audits: Audits,
    pending: Slab<Pending>,
    cleanup_every: Duration,
    jobs_run: bool,
    saved: Vec<SavedInstance>,
    cleanup_due: bool,
    master_job_due: bool,
    // The world outside.
    endpoints: Vec<Endpoint>,
    on_wire: Slab<OnWire>,
    fetches: Slab<Fetch>,
    answering: Slab<Answering>,
    /// Requests of waiting clients that the engine does not own yet, with their documents.
    unaccepted: FxHashMap<u64, u64>,
    loads: Vec<Load>,
    /// What users wait for.
    waits: Waits,
    /// Processors that controllers of loads monitor.
    watched: Vec<(u32, Watched)>,
    /// Contexts of forwarded documents, by location and type.
    forwarded: FxHashMap<(ReceiveLocationId, Value), Context>,
    next_template: u32,
    wires_arrived: u64,
    documents_arrived: u64,
    documents_accepted: u64,
    coordinator: Coordinator,
    life: Lives,
    throttling: Throttling,
    tracking: Tracking,
    // Those who watch.
    trace: Trace,
    checks: Checks,
    meters: Meters,
    fates: FateMeter,
    samples: Samples,
    sampled: Sampled,
    idle: IdleLooks,
    // Buffers, reused.
    effects: Vec<Effect>,
    ready: Vec<Ready>,
    finished: Vec<u64>,
}

impl World {
    /// The instant now.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// The trace so far.
    #[must_use]
    pub const fn trace(&self) -> &Trace {
        &self.trace
    }

    /// The checks so far.
    #[must_use]
    pub const fn checks(&self) -> &Checks {
        &self.checks
    }

    /// The MessageBox, to look at.
    #[must_use]
    pub const fn message_box(&self) -> &MessageBox {
        &self.message_box
    }

    /// Breaks the engine on purpose.
    #[cfg(any(test, feature = "sabotage"))]
    pub fn sabotage(&mut self, sabotage: floodgate_engine::sabotage::Sabotage) {
        self.message_box.sabotage(sabotage);
        self.instances.iter_mut().for_each(|instance| instance.sabotage(sabotage));
        self.nodes.iter_mut().for_each(|node| node.proxy.sabotage(sabotage));
    }

    /// Transmissions so far of what had gone out before the process of its owner ended (INV-54).
    #[must_use]
    pub const fn repeated(&self) -> u64 {
        self.checks.repeated()
    }

    /// What was measured so far.
    #[must_use]
    pub const fn meters(&self) -> &Meters {
        &self.meters
    }

    /// From now on every event is also kept as a line of a story.
    pub fn tell(&mut self) {
        self.trace = Trace::telling();
    }

    /// From now on a part of the events is kept as lines of a story, and comes with the outcome.
    pub fn tell_of(&mut self, bounds: Bounds) {
        self.trace.keep(bounds);
    }

    /// Documents offered and not finished, measured at the generator's boundary: what waits
    /// outside, and what some subscriber has still to get. Suspended documents are finished.
    #[must_use]
    pub fn backlog(&self) -> u64 {
        // An adapter of somebody's own may submit what no source ever had.
        self.documents_arrived.saturating_sub(self.documents_accepted)
            + self.message_box.unfinished()
    }

    /// When the run is over, whatever is left: far off until all loads have ended.
    #[must_use]
    pub const fn ends_by(&self) -> Instant {
        self.end
    }

    /// Runs to the end and sums up.
    pub fn run(mut self) -> Outcome {
        while self.step() {}
        self.conclude()
    }

    /// Runs until `until` or the end; `true` if there is more.
    pub fn run_until(&mut self, until: Instant) -> bool {
        self.run_until_or(until, &mut { u64::MAX })
    }

    /// The same, but for so many steps at most, which are counted down.
    pub fn run_until_or(&mut self, until: Instant, steps: &mut u64) -> bool {
        while *steps > 0 {
            *steps -= 1;
            if self.ring.is_empty() {
                match self.next_at() {
                    Some(at) if at < until && at <= self.end => {}
                    Some(at) => return at <= self.end,
                    None => return false,
                }
            }
            if !self.step() {
                return false;
            }
        }
        true
    }

    /// Whether nothing happens before `until` any more.
    #[must_use]
    pub fn is_quiet_until(&self, until: Instant) -> bool {
        self.ring.is_empty() && self.next_at().is_none_or(|at| at >= until)
    }

    /// Lets time pass to `until` when nothing happens before: the next look is taken from there.
    pub fn wait_until(&mut self, until: Instant) {
        if self.now < until && self.next_at().is_none_or(|at| at >= until) {
            self.pass(until);
        }
    }

    /// One input to one machine. `false` when nothing is left to do before the end.
    #[inline(always)]
    pub fn step(&mut self) -> bool {
        // The commonest of all, without moving what the others carry; it has nothing to drop.
        if let Some(Now::Host(instance, HostInput::Returned { call, returned })) = self.ring.front()
        {
            let (instance, call, returned) = (*instance, *call, *returned);
            mem::forget(self.ring.pop_front());
            self.host_returned(instance, call, returned);
            return true;
        }
        if let Some(due) = self.ring.pop_front() {
            match due {
                Now::Arrived(node, location) => {
                    self.adapter_input(node, AdapterInput::Arrived { location });
                }
                Now::Answered(node, token, result) => {
                    self.adapter_input(node, AdapterInput::WireDone { token, result });
                }
                Now::Due(due) => self.happen(due),
                Now::Host(instance, input) => self.host_input(instance, input),
                Now::TransactionDone(node, transaction, committed) => {
                    let input = AdapterInput::TransactionDone { transaction, committed };
                    self.adapter_input(node, input);
                }
            }
            return true;
        }
        let until = self.end.min(self.coordinator.deadline());
        let Some((at, due)) = self.queue.pop_until(until) else { return self.run_out_of_time() };
        if at > self.now {
            self.pass(at);
        }
        self.happen(due);
        true
    }

    /// Time passes to `at`.
    fn pass(&mut self, at: Instant) {
        if at > self.checks.looks_due() {
            self.judge_looks(at);
        }
        while self.samples.due() < at {
            let due = self.samples.due();
            self.sample(due);
            self.keep_room(self.backlog());
        }
        while self.idle.due <= at {
            self.count_idle_looks();
        }
        self.now = at;
        self.checks.at(at);
    }

    fn spool(&self) -> u64 {
        self.message_box.spool_live() + self.message_box.spool_garbage()
    }

    #[inline(always)]
    fn happen(&mut self, due: Due) {
        match due {
            Due::Answered(answer) => self.answer_done(answer),
            Due::Arrival(load) => self.arrival(load),
            Due::BoxWake => self.wake_box(),
            Due::Cleanup => return self.clean_up(),
            Due::Collected(home) => return self.collected(home),
            Due::Tracking => return self.look_for_tracking(),
            Due::CopyTracked => return self.copy_tracked(),
            Due::PurgeTracked => return self.purge_tracked(),
            Due::TrackingStored(errand) => return self.tracking_stored(errand),
            Due::Throttling => return self.throttle_hosts(),
            Due::Coordinator(transaction) => self.coordinate(transaction),
            Due::DeadProcesses => self.dead_processes(),
            Due::Fault(fault) => self.fault(fault),
            Due::FaultOver(fault) => self.fault_over(fault),
            Due::Kill { instance, life } => return self.kill_if_stopping(instance, life),
            Due::Fetched(fetch) => self.fetched(fetch),
            Due::HostWake(instance) => {
                if !self.wake_host(HostInstanceId(instance)) {
                    return;
                }
            }
            Due::Job(job) => {
                if !self.job_done(job) {
                    return;
                }
            }
            Due::MasterJob => return self.run_master_job(),
            Due::Monitor(load) => return self.monitor(load),
            Due::Operate(act) => self.act(act),
            Due::Publishes { home, publishes } => self.publishes_now(home, publishes),
            Due::Quota(endpoint) => self.quota_has_more(endpoint),
            Due::Shared { server, version } => {
                if !self.shared_done(server, version) {
                    return;
                }
            }
            Due::Sent(call) => self.wire_done(call),
            Due::Breaks { node, location } => self.breaks_again(node, location),
            Due::Called(call) => self.called(call),
            Due::Unlocked(transaction) => self.unlocked(transaction),
            Due::Logged(transaction) => self.logged(transaction),
            Due::Travelled(transaction) => self.travelled(transaction),
            Due::Stored(transaction) => self.stored(transaction),
            Due::UserAsks { load, user } => self.user_asks(load, user),
            Due::UserLeaves(request) => return self.request_ended(request),
            Due::UsersCome(load) => return self.users_come(load),
            Due::UsersEnd(load) => return self.users_end(load),
            Due::Wake { node, token } => {
                self.adapter_input(node, AdapterInput::Wake { token });
            }
        }
        self.active = self.now;
    }

    #[inline(always)]
    fn schedule(&mut self, at: Instant, due: Due) {
        let tie = if self.shuffle_ties { self.draw_tie() } else { 0 };
        self.queue.push(at, tie, due);
    }

    /// Any schedule of equal instants is permitted; the seed chooses one.
    #[cold]
    fn draw_tie(&mut self) -> u32 {
        self.scheduled += 1;
        (self.rng.draw(Purpose::Tie, 0, self.scheduled) >> 32) as u32
    }
}
