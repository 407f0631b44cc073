//! Checks on life and death: INV-29, 48, 54, 56, 57.
//!
//! Most of them need to know who lives, and keep an account only in worlds whose life is watched.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::hint::cold_path;

use floodgate_engine::adapter::CallId;
use floodgate_engine::batch::{Batch, BatchStatus, Operation, Suspendable};
use floodgate_engine::config::Topology;
use floodgate_engine::id::{HostInstanceId, SendPortId};
use floodgate_engine::message::DocumentName;
use floodgate_engine::message_box::{MessageBox, Place};
use floodgate_engine::schedule::Window;
use floodgate_engine::time::{Duration, Instant};
use rustc_hash::{FxHashMap, FxHashSet};

use super::named::{Cookie, Node, Sequence, Wire};
use super::{Checks, Rule};

#[derive(Clone, Debug)]
pub(super) struct Life {
    watched: bool,
    alive: Vec<bool>,
    died_at: Vec<Option<Instant>>,
    /// The longest that a dead instance may keep its locks.
    limit: Duration,
    ends: u64,
    /// How far a clock that is wrong may bring an attempt forward (R-CLK-09).
    pub(super) slack: Duration,
    /// Valid-from times, by publication number.
    due: FxHashMap<u64, Instant>,
    /// The windows of each port's transports.
    windows: Vec<[Option<Window>; 2]>,
    any_window: bool,
    /// Who has what, by publication number.
    handed: FxHashMap<u64, (u32, CallId)>,
    /// What adapters ask to be disposed of: publication numbers, by adapter instance and cookie.
    disposing: FxHashMap<(u32, u64), Vec<u64>>,
    /// Adapter instances in or after `Terminate`.
    ending: Vec<u32>,
    published: FxHashMap<DocumentName, u32>,
    /// Wire messages that were in a process when it ended.
    in_flight: FxHashSet<u64>,
    /// References that went out before their owner died, by publication number.
    went_out: FxHashSet<u64>,
    /// Those of them that went out once more.
    repeated: u64,
}

impl Life {
    pub(super) fn new(topology: &Topology) -> Self {
        let windows = |at: usize| {
            let port = SendPortId::from(at);
            [topology.window(port, false), topology.window(port, true)]
        };
        let instances = topology.host_instances.len();
        Self {
            watched: false,
            alive: vec![true; instances],
            died_at: vec![None; instances],
            limit: Duration::ZERO,
            ends: 0,
            slack: Duration::ZERO,
            due: FxHashMap::default(),
            windows: (0..topology.send_ports.len()).map(windows).collect(),
            any_window: !topology.windows.is_empty(),
            handed: FxHashMap::default(),
            disposing: FxHashMap::default(),
            ending: Vec::new(),
            published: FxHashMap::default(),
            in_flight: FxHashSet::default(),
            went_out: FxHashSet::default(),
            repeated: 0,
        }
    }

    /// What is known of lives, for an explorer: of wire messages that cannot come again, as
    /// `comes` says, and of references that cannot go out as they are, as `goes` says, nothing.
    pub(super) fn account<'a>(
        &'a self,
        comes: &dyn Fn(u64) -> bool,
        goes: &dyn Fn(u64) -> bool,
    ) -> impl Debug + use<'a> {
        let Self {
            watched: _,
            alive,
            died_at,
            limit: _,
            ends,
            slack,
            due,
            windows: _,
            any_window: _,
            handed,
            disposing,
            ending,
            published,
            in_flight,
            went_out,
            // Only counts.
            repeated: _,
        } = self;
        // In an order: a hashed map shows where it has been.
        let due: BTreeMap<_, _> = due.iter().map(|(own, at)| (Sequence(*own), at)).collect();
        // By whom, not in which call: one that is open the adapter knows of, one that is over is
        // a name.
        let handed: BTreeMap<_, _> =
            handed.iter().map(|(own, (node, _))| (Sequence(*own), Node(*node))).collect();
        let sequences = |own: &[u64]| own.iter().copied().map(Sequence).collect::<Vec<_>>();
        let disposing: BTreeMap<_, _> = disposing
            .iter()
            .map(|((node, cookie), own)| ((Node(*node), Cookie(*cookie)), sequences(own)))
            .collect();
        // Whether it was, not how often.
        let published: BTreeSet<_> = published.keys().filter(|own| comes(own.wire)).collect();
        let in_flight = in_flight.iter().copied().filter(|wire| comes(*wire));
        let in_flight: BTreeSet<_> = in_flight.map(Wire).collect();
        let went_out = went_out.iter().copied().filter(|own| goes(*own));
        let went_out: BTreeSet<_> = went_out.map(Sequence).collect();
        let instances = (0..alive.len()).map(HostInstanceId::from);
        let lives: BTreeMap<_, _> = instances.zip(alive.iter().zip(died_at)).collect();
        let ending: Vec<_> = ending.iter().copied().map(Node).collect();
        let lives = (lives, *ends > 0, slack, ending);
        (lives, due, handed, disposing, published, in_flight, went_out)
    }

    /// Whether who lives is watched.
    #[inline(always)]
    pub(super) const fn is_watched(&self) -> bool {
        self.watched
    }

    pub(super) fn somebody_died(&self) -> bool {
        self.ends > 0
    }

    /// Whether a wire message was in a process when it ended, and may be submitted once more.
    pub(super) fn may_come_again(&self, wire: u64) -> bool {
        self.in_flight.contains(&wire)
    }

    /// A reference that its dead owner had sent is given back: it will be sent again.
    pub(super) fn will_repeat(&mut self, sequence: u64) {
        self.went_out.insert(sequence);
    }

    /// A reference went out, maybe again.
    pub(super) fn goes_out(&mut self, sequence: u64) {
        self.repeated += u64::from(self.went_out.contains(&sequence));
    }

    #[inline(always)]
    pub(super) fn handed_over(&mut self, node: u32, call: CallId, sequence: u64) {
        if self.watched {
            cold_path();
            self.handed.insert(sequence, (node, call));
        }
    }

    #[inline(always)]
    pub(super) fn disposed(&mut self, sequence: u64) {
        if !self.due.is_empty() {
            cold_path();
            self.due.remove(&sequence);
        }
        if self.watched {
            cold_path();
            self.handed.remove(&sequence);
        }
    }
}

impl Checks {
    /// From now on the life of host instances is watched; dead ones may keep their locks for
    /// `limit`.
    pub(crate) fn watch_life(&mut self, limit: Duration) {
        self.life.watched = true;
        self.life.limit = limit;
    }

    /// A host instance started.
    pub(crate) fn started(&mut self, instance: HostInstanceId) {
        self.forget_looks(instance);
        self.throttled.stops(instance, false);
        self.life.alive[instance.index()] = true;
        self.life.died_at[instance.index()] = None;
    }

    /// A host instance is asked to stop.
    pub(crate) fn stops(&mut self, instance: HostInstanceId) {
        self.throttled.stops(instance, true);
    }

    /// A host instance ended: in good order, or not.
    pub(crate) fn ended_life(&mut self, instance: HostInstanceId) {
        self.forget_looks(instance);
        self.life.alive[instance.index()] = false;
        self.life.died_at[instance.index()] = Some(self.docket.now);
        self.life.ends += 1;
    }

    /// The job that releases locks could not run until now.
    pub(crate) fn job_was_away(&mut self) {
        for died in self.life.died_at.iter_mut().flatten() {
            *died = self.docket.now;
        }
    }

    /// A clock is wrong by so much.
    pub(crate) fn allow_skew(&mut self, by: Duration) {
        self.life.slack = self.life.slack.max(by);
    }

    /// An adapter instance is gone with its process; it held the sources of `wires`.
    pub(crate) fn node_ended(&mut self, node: u32, wires: &[u64]) {
        self.forget_batches(node);
        self.requests_ended(node);
        self.life.handed.retain(|_, (by, _)| *by != node);
        self.life.disposing.retain(|(by, _), _| *by != node);
        self.life.in_flight.extend(wires);
    }

    /// A reference was given back: only by a dead owner, and in time.
    pub(super) fn unlocked(&mut self, at: &Place, owner: HostInstanceId) {
        let (now, limit) = (self.docket.now, self.life.limit);
        let alive = self.life.alive[owner.index()];
        let died = self.life.died_at[owner.index()];
        let in_time = died.is_none_or(|died| now <= died + limit);
        self.docket.judge(Rule::LocksGoBackInTime, !alive && in_time, || {
            format!("{} is given back by {owner}, alive: {alive}, died: {died:?}", at.document)
        });
        self.life.disposed(at.sequence);
        self.given_back(at);
    }

    /// No lock of a dead instance is older than it may be.
    pub(super) fn audit_locks(&mut self, message_box: &MessageBox) {
        let now = self.docket.now;
        for at in 0..self.life.died_at.len() {
            let owner = HostInstanceId::from(at);
            if self.life.watched
                && let Some(died) = self.life.died_at[at]
                && now > died + self.life.limit
            {
                let locked = message_box.locked_to(owner);
                self.docket.judge(Rule::LocksGoBackInTime, locked == 0, || {
                    format!("{owner} died at {died} and still has {locked} locks")
                });
            }
        }
    }

    /// A reference may not be taken before an instant.
    pub(super) fn scheduled(&mut self, at: &Place, due: Instant) {
        if due > self.docket.now {
            self.life.due.insert(at.sequence, due);
        }
    }

    /// A reference is taken: it must be its time.
    pub(super) fn on_time(&mut self, at: &Place) {
        let now = self.docket.now;
        if !self.life.due.is_empty()
            && let Some(due) = self.life.due.remove(&at.sequence)
        {
            self.docket.judge(Rule::OnTime, now >= due, || {
                format!("{} at {} is taken before {due}", at.document, at.subscriber)
            });
        }
        if self.life.any_window
            && let Some(windows) = self.life.windows.get(at.subscriber.index()).copied()
            && let Some(window) = windows[usize::from(self.is_on_backup(at))]
        {
            self.docket.judge(Rule::OnTime, window.contains(now), || {
                format!("{} at {} is taken outside {window:?}", at.document, at.subscriber)
            });
        }
    }

    /// A document is published, maybe not for the first time.
    pub(super) fn published_again(&mut self, document: DocumentName) {
        if self.life.watched {
            self.copied(document);
        }
    }

    #[cold]
    fn copied(&mut self, document: DocumentName) {
        let copies = self.life.published.entry(document).or_default();
        *copies += 1;
        let copies = *copies;
        if self.life.somebody_died() {
            let excused = self.life.in_flight.contains(&document.wire);
            self.docket.judge(Rule::CopiesOnlyInFlight, copies == 1 || excused, || {
                format!("{document} is published {copies} times, and was in nobody's hands")
            });
        }
    }

    /// Transmissions of what had gone out before the process of its owner ended (INV-54).
    pub(crate) const fn repeated(&self) -> u64 {
        self.life.repeated
    }

    /// An adapter instance is in `Terminate`.
    pub(crate) fn terminating(&mut self, node: u32) {
        self.life.ending.push(node);
    }

    /// An adapter instance posts a batch.
    pub(super) fn posted_while_ending(&mut self, node: u32, batch: &Batch) {
        if !self.life.ending.is_empty() && self.life.ending.contains(&node) {
            self.docket.judge(Rule::TerminateLeavesNothing, !batch.brings_in(), || {
                format!("adapter {node} publishes while it terminates")
            });
        }
    }

    /// An adapter asks to dispose of messages.
    #[cold]
    pub(super) fn disposes_of(&mut self, node: u32, batch: &Batch) {
        let disposed = batch.operations().iter().filter_map(|operation| match operation {
            Operation::Delete(reference)
            | Operation::MoveToNextTransport(reference)
            | Operation::MoveToSuspendQueue(Suspendable::Reference(reference))
            | Operation::Resubmit { reference, .. } => self.references.sequence_of(*reference),
            Operation::CancelResponse { .. }
            | Operation::MoveToSuspendQueue(Suspendable::Wire(_))
            | Operation::Submit(_)
            | Operation::SubmitRequest { .. }
            | Operation::SubmitResponse { .. } => None,
        });
        let disposed = disposed.collect();
        self.life.disposing.insert((node, batch.cookie()), disposed);
    }

    /// The batch is complete. What the database could not store is out of the adapter's hands: it
    /// goes back with the locks, if nobody tries again (R-SHUT-07).
    #[cold]
    pub(super) fn disposal_over(&mut self, node: u32, status: &BatchStatus) {
        let disposed = self.life.disposing.remove(&(node, status.cookie));
        if status.could_not_store() {
            for sequence in disposed.unwrap_or_default() {
                self.life.handed.remove(&sequence);
            }
        }
    }

    /// The adapter failed in `call`: what it was handed there is not its own any more.
    pub(super) fn forget_handed(&mut self, node: u32, call: CallId) {
        if self.life.watched {
            self.life.handed.retain(|_, held| *held != (node, call));
        }
    }

    /// `Terminate` returned.
    pub(crate) fn terminated(&mut self, node: u32) {
        let batches = self.posted_by(node);
        let messages = self.life.handed.values().filter(|(by, _)| *by == node).count();
        self.docket.judge(Rule::TerminateLeavesNothing, batches + messages == 0, || {
            format!("adapter {node} terminated with {batches} batches and {messages} messages")
        });
    }
}
