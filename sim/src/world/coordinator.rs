//! The coordinator of distributed transactions: who takes part, where each stands, what is owed.
//!
//! It belongs to the world outside, as the Distributed Transaction Coordinator does: the engine
//! has a branch, the partners' ends have theirs, and the adapter that began a transaction decides
//! (R-TXN-01). This file keeps the books; `distributed.rs` carries the consequences.

use std::collections::BTreeMap;
use std::hint::cold_path;

use floodgate_engine::adapter::{ConfirmOf, Transmission};
use floodgate_engine::hash::{mix, name_key};
use floodgate_engine::id::{EndpointId, TransactionId};
use floodgate_engine::message::WireMessage;
use floodgate_engine::message_box::TransactionState;
use floodgate_engine::time::{Duration, Instant};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::outcome::TransactionCounts;
use crate::rng::{Purpose, Rng};
use crate::setup::{Coordination, Failure, Resolution};

/// A transaction, from its first branch until its outcome is known and confirmed.
#[derive(Clone, Debug)]
pub(super) struct Open {
    pub(super) node: u32,
    pub(super) state: TransactionState,
    /// The adapter has asked for the commit.
    asked: bool,
    /// When it is aborted if it is active then, or its missing confirm calls are leaks.
    deadline: Instant,
    began: Instant,
    /// The message that its luck belongs to: lineage and wire number.
    first: Option<(u64, u64)>,
    /// Batches posted in it whose `BatchComplete` has not been delivered.
    posted: Vec<u64>,
    /// Batches on their way to the MessageBox.
    working: u32,
    /// The vote waits for those.
    vote_waits: bool,
    /// What was read from sources, to be given back.
    pub(super) read: Vec<(EndpointId, Vec<WireMessage>)>,
    /// What partners took, to be made visible.
    pub(super) sent: Vec<Transmission>,
    /// Confirm objects that were not called yet.
    confirms: Vec<ConfirmOf>,
    /// Documents that the engine owns after a commit.
    pub(super) accepts: u64,
    /// Documents that it publishes.
    pub(super) publishes: u64,
    /// Those of them that hold nothing.
    pub(super) empty: u64,
}

/// The coordinator.
#[derive(Clone, Debug)]
pub(super) struct Coordinator {
    settings: Coordination,
    open: BTreeMap<TransactionId, Open>,
    /// Those that a time-out ended, which their adapter may not know yet.
    timed_out: FxHashSet<TransactionId>,
    /// Transactions that began with one message: each has luck of its own. Kept only where
    /// something can go wrong.
    rounds: FxHashMap<u64, u64>,
    deadline: Instant,
    counts: TransactionCounts,
}

impl Coordinator {
    pub(super) fn new(settings: Coordination) -> Self {
        Self {
            settings,
            open: BTreeMap::new(),
            timed_out: FxHashSet::default(),
            rounds: FxHashMap::default(),
            deadline: Instant::MAX,
            counts: TransactionCounts::default(),
        }
    }

    /// The process of `node` is gone: it will confirm nothing any more. Returns its transactions
    /// without an outcome and what that is: what is active is undone, what is prepared commits,
    /// and a doubt is resolved as all doubts are (R-CRASH-03).
    pub(super) fn forget_node(&mut self, node: u32) -> Vec<(TransactionId, bool)> {
        let resolved = self.resolves();
        let mut ended = Vec::new();
        for (id, open) in self.open.iter_mut().filter(|(_, open)| open.node == node) {
            open.confirms.clear();
            match open.state {
                TransactionState::Active => ended.push((*id, false)),
                TransactionState::Prepared => ended.push((*id, true)),
                TransactionState::InDoubt => ended.push((*id, resolved)),
                TransactionState::Aborted | TransactionState::Committed => {}
            }
        }
        self.open.retain(|_, open| open.node != node || !open.is_over());
        self.watch();
        ended
    }

    /// When a transaction or a confirm object runs out of time, at the earliest.
    pub(super) const fn deadline(&self) -> Instant {
        self.deadline
    }

    pub(super) const fn counts(&self) -> TransactionCounts {
        self.counts
    }

    /// A branch joins: the first one makes the transaction known. `None` once it is over.
    pub(super) fn enlist(
        &mut self,
        now: Instant,
        node: u32,
        id: TransactionId,
    ) -> Option<&mut Open> {
        if self.timed_out.contains(&id) {
            return None;
        }
        let open = self.know(now, node, id);
        (open.state == TransactionState::Active).then_some(open)
    }

    /// The transaction, new if it was not known; one that had no time left stays aborted.
    fn know(&mut self, now: Instant, node: u32, id: TransactionId) -> &mut Open {
        let deadline = now + self.settings.timeout;
        self.deadline = self.deadline.min(deadline);
        let over = self.timed_out.contains(&id);
        self.open.entry(id).or_insert_with(|| Open {
            node,
            state: if over { TransactionState::Aborted } else { TransactionState::Active },
            asked: false,
            deadline,
            began: now,
            first: None,
            posted: Vec::new(),
            working: 0,
            vote_waits: false,
            read: Vec::new(),
            sent: Vec::new(),
            confirms: Vec::new(),
            accepts: 0,
            publishes: 0,
            empty: 0,
        })
    }

    pub(super) fn active(&mut self, id: TransactionId) -> Option<&mut Open> {
        if self.open.is_empty() {
            return None;
        }
        cold_path();
        self.open.get_mut(&id).filter(|open| open.state == TransactionState::Active)
    }

    /// A message was read or transmitted in it: the first one is whose luck it has.
    pub(super) fn concerns(&mut self, id: TransactionId, lineage: u64, wire: u64) {
        if let Some(open) = self.active(id) {
            open.first.get_or_insert((lineage, wire));
        }
    }

    /// A batch was posted in it: there is a confirm object now (R-DONE-02).
    pub(super) fn posted(&mut self, now: Instant, node: u32, id: TransactionId, cookie: u64) {
        let open = self.know(now, node, id);
        open.posted.push(cookie);
        open.confirms.push(ConfirmOf::Batch(cookie));
    }

    /// A posted batch is complete; or it never will be, and its confirm object does not exist.
    #[inline(always)]
    pub(super) fn returned(&mut self, node: u32, cookie: u64, failed: bool) {
        if self.open.is_empty() {
            return;
        }
        cold_path();
        let own = |open: &&mut Open| open.node == node && open.posted.contains(&cookie);
        if let Some(open) = self.open.values_mut().find(own) {
            open.posted.retain(|known| *known != cookie);
            if failed {
                open.confirms.retain(|of| *of != ConfirmOf::Batch(cookie));
            }
        }
    }

    /// `Done` of an adapter batch brings a confirm object (R-TXN-09).
    pub(super) fn delivered(&mut self, now: Instant, node: u32, id: TransactionId) {
        self.know(now, node, id).confirms.push(ConfirmOf::Delivery(id));
    }

    /// A batch is on its way to the MessageBox.
    pub(super) fn works(&mut self, id: TransactionId) {
        if let Some(open) = self.active(id) {
            open.working += 1;
        }
    }

    /// It has arrived there; `true` if the votes waited for it.
    pub(super) fn worked(&mut self, id: TransactionId) -> bool {
        let Some(open) = self.active(id) else { return false };
        open.working = open.working.saturating_sub(1);
        open.working == 0 && std::mem::take(&mut open.vote_waits)
    }

    /// The adapter asks for the commit; how long the votes take, if it may ask.
    pub(super) fn ask(&mut self, now: Instant, node: u32, id: TransactionId) -> Option<Duration> {
        let prepare = self.settings.prepare;
        let open = self.enlist(now, node, id)?;
        (!std::mem::replace(&mut open.asked, true)).then_some(prepare)
    }

    /// Whether the votes have to wait for a batch that is on its way.
    pub(super) fn vote_waits(&mut self, id: TransactionId) -> bool {
        let Some(open) = self.active(id) else { return false };
        open.vote_waits = open.working > 0;
        open.vote_waits
    }

    /// The votes of all branches but the MessageBox's: a partner may refuse, and so does the
    /// engine when its adapter has not waited for `BatchComplete` (R-TXN-05).
    pub(super) fn vote(&mut self, id: TransactionId, rng: &Rng) -> bool {
        let refusals = self.settings.refusals;
        let complete = self.open.get(&id).is_some_and(|open| open.posted.is_empty());
        complete && !self.strikes(id, refusals, "refusal", rng)
    }

    /// Every branch has promised: now it is prepared, or in doubt. How long that lasts.
    pub(super) fn prepared(
        &mut self,
        id: TransactionId,
        rng: &Rng,
    ) -> (TransactionState, Duration) {
        let doubts = self.settings.doubts;
        let (state, lasts) = if self.strikes(id, doubts, "doubt", rng) {
            self.counts.in_doubt += 1;
            (TransactionState::InDoubt, self.settings.doubt_lasts)
        } else {
            (TransactionState::Prepared, self.settings.commit)
        };
        if let Some(open) = self.open.get_mut(&id) {
            // Who has promised waits for the outcome, however long.
            (open.state, open.deadline) = (state, Instant::MAX);
        }
        self.watch();
        (state, lasts)
    }

    pub(super) fn state(&self, id: TransactionId) -> Option<TransactionState> {
        self.open.get(&id).map(|open| open.state)
    }

    /// How doubt ends.
    pub(super) fn resolves(&self) -> bool {
        self.settings.doubt_ends == Resolution::Commit
    }

    fn strikes(&mut self, id: TransactionId, failure: Failure, what: &str, rng: &Rng) -> bool {
        let Some((lineage, wire)) = self.open.get(&id).and_then(|open| open.first) else {
            return false;
        };
        let entity = mix(lineage, name_key(what));
        let round = match failure {
            Failure::Never => return false,
            Failure::Always => return true,
            Failure::Every(nth) => return wire.is_multiple_of(nth.max(1)),
            Failure::First(_) | Failure::PerMille(_) => {
                let rounds = self.rounds.entry(entity).or_default();
                *rounds += 1;
                *rounds - 1
            }
        };
        match failure {
            Failure::First(rounds) => round < u64::from(rounds),
            Failure::Always | Failure::Every(_) | Failure::Never | Failure::PerMille(_) => {
                let drawn = rng.draw(Purpose::Fault, entity, round);
                matches!(failure, Failure::PerMille(share) if drawn % 1000 < u64::from(share))
            }
        }
    }

    /// The outcome: hands out what the branches hold. The confirm calls are still owed.
    pub(super) fn end(&mut self, id: TransactionId, committed: bool) -> Option<Open> {
        let timeout = self.settings.timeout;
        let open = self.open.get_mut(&id)?;
        open.state =
            if committed { TransactionState::Committed } else { TransactionState::Aborted };
        open.deadline = open.began + timeout;
        let ended = Open {
            read: std::mem::take(&mut open.read),
            sent: std::mem::take(&mut open.sent),
            ..open.clone()
        };
        match (committed, ended.is_empty()) {
            (true, _) => self.counts.committed += 1,
            (false, true) => {}
            (false, false) => self.counts.aborted += 1,
        }
        self.forget_if_over(id);
        Some(ended)
    }

    fn forget_if_over(&mut self, id: TransactionId) {
        let over =
            self.open.get(&id).is_some_and(|open| open.confirms.is_empty() && open.is_over());
        if over {
            self.open.remove(&id);
        }
        self.watch();
    }

    fn watch(&mut self) {
        self.deadline = self.open.values().map(|open| open.deadline).min().unwrap_or(Instant::MAX);
    }

    /// `DTCCommitConfirm`: the transaction and whether what is said is so. `None` if there is no
    /// such object, or it was called before.
    pub(super) fn confirm(
        &mut self,
        node: u32,
        of: ConfirmOf,
        committed: bool,
    ) -> Option<(TransactionId, bool)> {
        let own = |(_, open): &(&TransactionId, &mut Open)| {
            open.node == node && open.confirms.contains(&of)
        };
        let (id, open) = self.open.iter_mut().find(own)?;
        let id = *id;
        open.confirms.retain(|known| *known != of);
        let said = if committed { TransactionState::Committed } else { TransactionState::Aborted };
        let truthful = open.state == said;
        self.forget_if_over(id);
        Some((id, truthful))
    }

    /// What runs out of time now: a transaction to abort, or leaked confirm objects (R-CLK-18).
    pub(super) fn expire(&mut self, now: Instant) -> Option<Expired> {
        let (id, open) = self.open.iter().find(|(_, open)| open.deadline <= now)?;
        let id = *id;
        if !open.is_over() {
            self.timed_out.insert(id);
            return Some(Expired::Transaction(id));
        }
        let leaked = self.leak(id);
        Some(Expired::Confirms(id, leaked))
    }

    /// Confirm objects of transactions that are over: at the end of a run they are leaks.
    pub(super) fn leak_all(&mut self) -> Vec<(TransactionId, usize)> {
        let over = self.open.iter().filter(|(_, open)| open.is_over());
        let ids: Vec<TransactionId> = over.map(|(id, _)| *id).collect();
        ids.into_iter().map(|id| (id, self.leak(id))).collect()
    }

    fn leak(&mut self, id: TransactionId) -> usize {
        let leaked = self.open.remove(&id).map_or(0, |open| open.confirms.len());
        self.counts.leaked_confirms += leaked as u64;
        self.watch();
        leaked
    }
}

impl Open {
    /// Whether it was begun and nothing was done in it, as for a read that found nothing.
    pub(super) const fn is_empty(&self) -> bool {
        self.first.is_none() && self.confirms.is_empty()
    }

    const fn is_over(&self) -> bool {
        matches!(self.state, TransactionState::Aborted | TransactionState::Committed)
    }
}

/// What ran out of time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Expired {
    /// So many confirm objects were never called.
    Confirms(TransactionId, usize),
    /// A transaction has to be aborted.
    Transaction(TransactionId),
}
