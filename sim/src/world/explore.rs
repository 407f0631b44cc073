//! Every way in which a world can go on: the ground for exhaustive tests of small ones.
//!
//! A normal run takes what is due at one instant in the order in which it was caused. Nothing
//! promises that order, so here every order of transactions is gone (R-CLK-01, R-CLK-05), and an
//! attempt on the wire may be refused, and a host instance may die at any event. A world is forked
//! by `Clone`, and worlds that have become equal are recognised by their [`World::fingerprint`], so
//! that no choice is made twice. Equal is what has the same future, for the engine and for the
//! checks: how it came to be so, how often a thing was counted on the way, and what things are
//! called tells no two apart.

use std::cell::RefCell;
use std::fmt::{self, Debug, Write as _};

use floodgate_engine::host::{HostInstance, Life};
use floodgate_engine::id::{HostInstanceId, Key};

use super::database::Pending;
use super::likeness::{Likeness, Telling};
use super::wire::{Fetch, OnWire};
use super::{Due, Now, World};
use crate::cost::Costs;
use crate::endpoint::Endpoint;
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
                | Due::Collected(_)
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

    /// A number that worlds alike share: the engine, the wire, everything scheduled, and what the
    /// checks know; neither what is fixed nor what only measures. What is due at one instant
    /// counts as a set, and what a key leads to stands for the key. What things are called tells
    /// no two worlds apart (`world/likeness.rs`), nor does how much came and went so far: who asks
    /// what follows here counts from here on.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.shown(|text, telling| Likeness::of(text, telling))
    }

    /// The same, but a world in which things are called otherwise is another one.
    #[must_use]
    pub fn fingerprint_with_names(&self) -> u64 {
        self.shown(|text, telling| Likeness::of(text, &Telling { kept: true, ..telling.clone() }))
    }

    /// Shows `to` all that tells worlds apart, and the fields that do not.
    ///
    /// Every field is named, so that a new one has to be judged.
    #[expect(clippy::too_many_lines, reason = "a list: a line for each field")]
    fn shown<T>(&self, to: impl FnOnce(&str, &Telling) -> T) -> T {
        let Self {
            now,
            end,
            queue,
            ring,
            calls,
            instances,
            host_wakes,
            message_box,
            box_wake,
            jobs,
            processors,
            shared_versions,
            stores,
            pending,
            cleanup_due,
            master_job_due,
            endpoints,
            on_wire,
            answering,
            unaccepted,
            loads,
            loads_open,
            waits,
            forwarded,
            next_template,
            coordinator,
            life,
            throttling,
            tracking,
            watched,
            costs,
            checks,
            // What it has come to so far: an explorer asks for what is to come.
            documents_accepted: _,
            documents_arrived: _,
            meters: _,
            wires_arrived: _,
            // Where it has been: nobody decides by it.
            active: _,
            audits: _,
            fates: _,
            idle: _,
            pools: _,
            sampled: _,
            samples: _,
            saved: _,
            trace: _,
            // Shown by what they are.
            fetches: _,
            node_of: _,
            nodes: _,
            // What it was built with.
            apart: _,
            cleanup_every: _,
            databases: _,
            done_order: _,
            drain: _,
            end_planned: _,
            jobs_run: _,
            measured: _,
            response_order: _,
            room: _,
            rng: _,
            scheduled: _,
            shuffle_ties: _,
            topology: _,
            // Empty between steps.
            effects: _,
            finished: _,
            ready: _,
        } = self;
        let soon = AsSet(ring.iter().map(|due| self.entry(due)).collect());
        let later = queue.entries().map(|(at, due)| (at, self.about(*due)));
        let later = AsSet(later.collect());
        // Where all work is free nobody is ever found at it, and nothing waits for it.
        let works = (jobs, processors, stores, shared_versions, pending);
        let works = (*costs != Costs::default()).then_some(works);
        let on_the_wire: Vec<u64> =
            on_wire.iter().map(|(_, wire)| wire.call.transmission.sequence).collect();
        let under_way = self.unscheduled();
        let telling = self.telling();
        let mirrored = telling.mirrored.is_some();
        let ends: Vec<_> = endpoints.iter().map(Endpoint::account).collect();
        let sent: Vec<_> = loads.iter().map(|load| (load.sent, load.open)).collect();
        // What these plants have not, and loads that nobody steers.
        let features = (coordinator, throttling, tracking, calls, answering, waits, watched, loads);
        let features = (!mirrored).then_some(features);
        let outside = (ends, sent, loads_open, forwarded, next_template);
        let adapters = self.adapters(mirrored);
        let instances = instances.iter().map(HostInstance::account);
        let instances = AsSet(instances.zip(host_wakes).collect());
        let hosts = (now, end, instances, adapters, message_box.account());
        let jobs = (box_wake, cleanup_due, master_job_due);
        let beside = (life, works, features);
        let checks = checks.account(&on_the_wire, &|wire| self.may_come(wire));
        let all =
            (((soon, later), under_way), (hosts, jobs, beside), (outside, unaccepted, checks));
        thread_local!(static TEXT: RefCell<String> = const { RefCell::new(String::new()) });
        TEXT.with_borrow_mut(|text| {
            text.clear();
            write!(text, "{all:?}").expect("a string takes everything");
            to(text, &telling)
        })
    }

    /// What is under way and scheduled nowhere: it stands in a line.
    fn unscheduled(&self) -> impl Debug + '_ {
        let now = self.ring.iter().filter_map(|now| match now {
            Now::Due(due) => Some(*due),
            Now::Answered(..) | Now::Arrived(..) | Now::Host(..) | Now::TransactionDone(..) => None,
        });
        let all: Vec<Due> = now.chain(self.queue.entries().map(|(_, due)| *due)).collect();
        let is_in = |of: fn(Due) -> Option<Key>, key| all.iter().any(|due| of(*due) == Some(key));
        let unlocked = |due| if let Due::Unlocked(key) = due { Some(key) } else { None };
        let sent = |due| if let Due::Sent(key) = due { Some(key) } else { None };
        let fetched = |due| if let Due::Fetched(key) = due { Some(key) } else { None };
        let pending = self.pending.iter().filter(|(key, _)| !is_in(unlocked, *key));
        let on_wire = self.on_wire.iter().filter(|(key, _)| !is_in(sent, *key));
        let fetches = self.fetches.iter().filter(|(key, _)| !is_in(fetched, *key));
        (
            AsSet(pending.map(|(_, one)| one).collect()),
            AsSet(on_wire.map(|(_, one)| one).collect()),
            AsSet(fetches.map(|(_, one)| one).collect()),
        )
    }

    /// What is scheduled: not by its place among others of its kind, which is only a name, and may
    /// have a new tenant by then.
    fn entry<'a>(&'a self, now: &'a Now) -> Entry<'a> {
        match now {
            Now::Due(due) => self.about(*due),
            Now::Answered(..) | Now::Arrived(..) | Now::Host(..) | Now::TransactionDone(..) => {
                Entry::Now(now)
            }
        }
    }

    fn about(&self, due: Due) -> Entry<'_> {
        if let Due::Fetched(key) = due {
            Entry::Fetched(self.fetches.get(key))
        } else if let Due::Sent(key) = due {
            Entry::Sent(self.on_wire.get(key))
        } else if let Due::Unlocked(key) = due {
            Entry::Unlocked(self.pending.get(key))
        } else {
            Entry::Due(due)
        }
    }
}

/// What is scheduled, with what it is about.
#[derive(Debug)]
#[expect(dead_code, reason = "they are shown")]
enum Entry<'a> {
    Due(Due),
    Fetched(Option<&'a Fetch>),
    Now(&'a Now),
    Sent(Option<&'a OnWire>),
    Unlocked(Option<&'a Pending>),
}

/// What has no order.
pub(super) struct AsSet<T>(pub(super) Vec<T>);

impl<T: Debug> Debug for AsSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(&self.0).finish()
    }
}
