//! Every way in which a world can go on: the ground for exhaustive tests of small ones.
//!
//! A normal run takes what is due at one instant in the order in which it was caused. Nothing
//! promises that order, so here every order of transactions is gone (R-CLK-01, R-CLK-05), and an
//! attempt on the wire may be refused, and a host instance may die at any event. A world is forked
//! by `Clone`, and worlds that have become equal are recognised by their [`World::fingerprint`], so
//! that no state is looked at twice.

use std::fmt::{Debug, Write as _};

use floodgate_engine::hash::mix;
use floodgate_engine::host::Life;
use floodgate_engine::id::HostInstanceId;

use super::{Due, Now, World};
use crate::queue::Schedule;

/// One way for a world to go on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Way {
    /// What stands at this place of [`World::due_now`] happens.
    Next(usize),
    /// What stands there is the wire's answer to an attempt, and it is a refusal.
    Refuse(usize),
    /// The process of a host instance dies before anything else happens.
    Crash(Crash),
}

/// One way for a process to die: what is in flight can end either way (R-CLK-20).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Crash {
    /// Whose process.
    pub instance: HostInstanceId,
    /// Whether the transactions that it has asked for are committed, or undone.
    pub commits: bool,
    /// Whether what it has put on the wire arrives, or is cut.
    pub arrives: bool,
}

impl Now {
    /// Whether it concerns one host instance or adapter alone: such a step commutes with those of
    /// all others, so that only one order of them need be gone. What the machines share is the
    /// MessageBox, and what comes from outside.
    const fn is_local(&self) -> bool {
        match self {
            Self::Arrived(..) | Self::Answered(..) | Self::Host(..) | Self::TransactionDone(..) => {
                true
            }
            Self::Due(due) => match due {
                Due::Arrival(_)
                | Due::Breaks { .. }
                | Due::BoxWake
                | Due::Cleanup
                | Due::Throttling
                | Due::CopyTracked
                | Due::PurgeTracked
                | Due::Tracking
                | Due::TrackingStored(_)
                | Due::MasterJob
                | Due::Operate(_)
                | Due::Coordinator(_)
                | Due::Publishes { .. }
                | Due::DeadProcesses
                | Due::Fault(_)
                | Due::FaultOver(_)
                | Due::Kill { .. }
                | Due::Monitor(_)
                | Due::Quota(_)
                | Due::Logged(_)
                | Due::Travelled(_)
                | Due::Stored(_)
                | Due::Unlocked(_)
                | Due::UserAsks { .. }
                | Due::UserLeaves(_)
                | Due::UsersCome(_)
                | Due::UsersEnd(_) => false,
                Due::Fetched(_)
                | Due::Answered(_)
                | Due::Called(_)
                | Due::HostWake(_)
                | Due::Job(_)
                | Due::Shared { .. }
                | Due::Sent(_)
                | Due::Wake { .. } => true,
            },
        }
    }
}

impl World {
    /// Gathers what is due at the next instant at which anything is, and returns how many things
    /// that are; zero when nothing is left to do before the end.
    pub fn due_now(&mut self) -> usize {
        if self.ring.is_empty()
            && let Some(at) = self.queue.next_at().filter(|at| *at <= self.end)
        {
            if at > self.now {
                self.pass(at);
            }
            while let Some((_, due)) = self.queue.pop_until(at) {
                self.ring.push_back(Now::Due(due));
            }
        }
        self.ring.len()
    }

    /// From now on a transaction is a step of its own even if it takes no time, so that every
    /// order of transactions can be gone.
    pub fn take_transactions_apart(&mut self) {
        self.apart = true;
    }

    /// The ways in which the world can go on; refusals only if `refusals` are allowed.
    ///
    /// Steps that concern one machine alone are gone first, in one order: only the order of what
    /// several machines share is a choice (a partial-order reduction).
    pub fn ways(&mut self, refusals: bool) -> Vec<Way> {
        let due = self.due_now();
        let local = (0..due).find(|place| self.ring[*place].is_local());
        let Some(place) = local else { return (0..due).map(Way::Next).collect() };
        let refusable = match &self.ring[place] {
            Now::Due(Due::Sent(call)) => self.on_wire.get(*call).is_some_and(|call| call.sent),
            Now::Arrived(..)
            | Now::Answered(..)
            | Now::Due(_)
            | Now::Host(..)
            | Now::TransactionDone(..) => false,
        };
        let mut ways = vec![Way::Next(place)];
        if refusals && refusable {
            ways.push(Way::Refuse(place));
        }
        ways
    }

    /// The ways for a process to die here: of each one that lives, and with each end of what it
    /// has in flight (R-CRASH-03, R-CLK-20). A death commutes with what another process does by
    /// itself, so that it need not be gone before and after.
    pub fn crashes(&mut self) -> Vec<Way> {
        let due = self.due_now();
        let next = (0..due).find(|place| self.ring[*place].is_local());
        let alone = next.and_then(|place| self.process_of(&self.ring[place]));
        let mut ways = Vec::new();
        for index in 0..self.instances.len() {
            let instance = HostInstanceId::from(index);
            let lives = self.instances[index].life() != Life::Down;
            if !lives || alone.is_some_and(|alone| alone != instance) {
                continue;
            }
            let either =
                |in_flight: bool| [false, true].into_iter().take(1 + usize::from(in_flight));
            for commits in either(self.has_pending(instance)) {
                for arrives in either(self.has_wires(instance)) {
                    ways.push(Way::Crash(Crash { instance, commits, arrives }));
                }
            }
        }
        ways
    }

    /// The process that a step on the way to a partner concerns alone; `None` where there may be
    /// more, as at a source that several watch.
    fn process_of(&self, now: &Now) -> Option<HostInstanceId> {
        match now {
            Now::Host(instance, _) => Some(*instance),
            Now::Due(Due::HostWake(instance)) => Some(HostInstanceId(*instance)),
            Now::Due(Due::Sent(key)) => {
                let node = self.on_wire.get(*key)?.call.node;
                Some(self.nodes[node as usize].instance)
            }
            Now::Answered(..) | Now::Arrived(..) | Now::Due(_) | Now::TransactionDone(..) => None,
        }
    }

    fn has_wires(&self, instance: HostInstanceId) -> bool {
        let mut wires = self.on_wire.iter();
        wires.any(|(_, wire)| self.nodes[wire.call.node as usize].instance == instance)
    }

    /// Goes one way of [`Self::ways`] or [`Self::crashes`].
    pub fn go(&mut self, way: Way) {
        let place = match way {
            Way::Next(place) | Way::Refuse(place) => place,
            Way::Crash(Crash { instance, commits, arrives }) => {
                return self.crash_with(instance, commits, arrives);
            }
        };
        let Some(now) = self.ring.remove(place) else { return };
        if let (Way::Refuse(_), Now::Due(Due::Sent(call))) = (way, &now)
            && let Some(call) = self.on_wire.get_mut(*call)
        {
            call.sent = false;
        }
        self.ring.push_front(now);
        self.step();
    }

    /// A number that equal worlds share: the engine, the wire and everything scheduled, but not
    /// those who only watch. What is due at one instant counts as a set.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let mut hash = mix(self.now.as_nanos(), self.wires_arrived);
        for part in [
            debug_hash(&self.instances),
            debug_hash(&self.nodes),
            debug_hash(&self.message_box),
            debug_hash(&self.pending),
            debug_hash(&self.calls),
            debug_hash(&self.on_wire),
            debug_hash(&self.fetches),
            debug_hash(&self.endpoints),
            debug_hash(&self.coordinator),
            debug_hash(&self.life),
        ] {
            hash = mix(hash, part);
        }
        let due_now: u64 =
            self.ring.iter().map(debug_hash).fold(0, |all, one| all.wrapping_add(mix(one, 1)));
        let mut later = 0_u64;
        let mut queue = self.queue.clone();
        while let Some((at, due)) = queue.pop() {
            later = later.wrapping_add(mix(debug_hash(&due), at.as_nanos()));
        }
        mix(mix(hash, due_now), later)
    }
}

/// The hash of what `Debug` says: slow, and complete without a line per type.
fn debug_hash(what: &impl Debug) -> u64 {
    struct Hasher(u64);
    impl std::fmt::Write for Hasher {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            for word in text.as_bytes().chunks(8) {
                let mut bytes = [0; 8];
                bytes[..word.len()].copy_from_slice(word);
                self.0 = mix(self.0, u64::from_le_bytes(bytes));
            }
            Ok(())
        }
    }
    let mut hasher = Hasher(0);
    let written = write!(hasher, "{what:?}");
    assert!(written.is_ok(), "a hasher takes everything");
    hasher.0
}
