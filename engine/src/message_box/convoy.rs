//! Convoys: running orchestration instances that receive every message of their value
//! (R-SUB-05, R-ORD-03), and those that wait for one answer, which are convoys of one message.
//!
//! The instance starts with the commit that publishes its first message, together with the
//! subscription that leads the others to it. It takes one message at a time, in publication order,
//! and the subscription goes when it ends (INV-26). What is still routed to it then is discarded:
//! suspended, not resumable (R-MBX-12).

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use super::instance::as_place;
use super::ordered::OrderedInstance;
use super::subscriber::CORRELATING_PRIORITY;
use super::tally::{OrchestrationCounts, Tally};
use super::{Effect, Exchange, MessageBox, Place, Reason, ReferenceState, Staying};
use crate::config::{SubscriberKind, Topology};
use crate::id::{HostInstanceId, Key, MessageBoxId, OrchestrationId, ReferenceId, SubscriberId};
use crate::message::{Document, PropertyId, Value};
use crate::orchestration::Convoy;
use crate::time::{Duration, Instant};

/// Status of a service instance; the numbers are the product's (R-MBX-02).
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[repr(u8)]
pub enum OrchestrationStatus {
    /// A message waits to be taken.
    ReadyToRun = 1,
    /// A host instance runs it.
    Active = 2,
    /// Suspended; an operator may resume it.
    SuspendedResumable = 4,
    /// In the MessageBox alone, waiting for a message.
    Dehydrated = 8,
}

#[derive(Clone, Debug)]
pub(super) struct Running {
    pub(super) key: Key,
    pub(super) convoy: Convoy,
    pub(super) subscriber: SubscriberId,
    pub(super) line: OrderedInstance,
    /// The message that started it.
    first: Option<ReferenceId>,
    consumed: u32,
    /// Whether it is a part of another instance, which sent in a turn of its own and goes on.
    pub(super) part: bool,
    /// When it ends for want of messages.
    idle_until: Option<Instant>,
    /// The host instance that has it in memory.
    pub(super) resident: Option<HostInstanceId>,
    /// The host instance that is told when its wait is over.
    pub(super) told: Option<HostInstanceId>,
}

/// The convoys that are configured, and their running instances.
#[derive(Clone, Debug, Default)]
pub(super) struct Convoys {
    configured: Vec<(SubscriberId, Convoy)>,
    /// Whether some orchestration waits for answers.
    awaits: bool,
    /// Those whose instances stay in memory while they wait.
    kept: Vec<SubscriberId>,
    pub(super) running: BTreeMap<NonZeroU32, Running>,
    idle: BTreeSet<(Instant, NonZeroU32)>,
    pub(super) tally: Tally,
    /// What host instances are to be told of what they have in memory.
    pub(super) staying: Vec<Staying>,
    /// The instant of the commit under way.
    now: Instant,
}

impl Convoys {
    pub(super) fn of(topology: &Topology) -> Self {
        let convoy = |(at, orchestration): (usize, &crate::config::Orchestration)| {
            let id = topology.subscriber_of_orchestration(OrchestrationId::from(at));
            orchestration.program.convoy.map(|convoy| (id, convoy))
        };
        let configured = topology.orchestrations.iter().enumerate().filter_map(convoy).collect();
        let awaits = topology.orchestrations.iter().any(|own| own.program.answer.is_some());
        let host = |own: &crate::config::Orchestration| &topology.hosts[own.host.index()];
        let kept = (topology.orchestrations.iter().enumerate())
            .filter(|(_, own)| host(own).settings.dehydration.is_some())
            .map(|(at, _)| topology.subscriber_of_orchestration(OrchestrationId::from(at)))
            .collect();
        Self { configured, awaits, kept, ..Self::default() }
    }

    /// Whether the instances of an orchestration stay in memory while they wait.
    pub(super) fn keeps(&self, orchestration: SubscriberId) -> bool {
        self.kept.contains(&orchestration)
    }

    pub(super) fn are_none(&self) -> bool {
        self.configured.is_empty() && !self.awaits
    }

    pub(super) fn at(&mut self, now: Instant) {
        self.now = now;
    }

    pub(super) fn next_end(&self) -> Option<Instant> {
        self.idle.first().map(|(at, _)| *at)
    }

    fn watch(&mut self, place: NonZeroU32, until: Option<Instant>) {
        let Some(running) = self.running.get_mut(&place) else { return };
        if let Some(before) = std::mem::replace(&mut running.idle_until, until) {
            self.idle.remove(&(before, place));
        }
        self.idle.extend(until.map(|until| (until, place)));
    }
}

impl MessageBox {
    /// Starts the instance that a message activates, if its subscriber is a convoy and the message
    /// has a value to correlate on; without one it is an instance of its own.
    pub(super) fn start_convoy(
        &mut self,
        subscriber: SubscriberId,
        document: &Document,
        home: MessageBoxId,
    ) -> Option<Key> {
        let known = self.convoys.configured.iter().find(|(known, _)| *known == subscriber);
        let convoy = known?.1;
        let value = document.promoted(convoy.property)?;
        let key = self.instances.start(subscriber, home, None, None);
        self.run(key, (subscriber, convoy), value, None)?;
        Some(key)
    }

    fn run(
        &mut self,
        key: Key,
        (subscriber, convoy): (SubscriberId, Convoy),
        value: Value,
        first: Option<ReferenceId>,
    ) -> Option<NonZeroU32> {
        self.instances.subscribe(key, convoy.property, value);
        let running = Running {
            key,
            convoy,
            subscriber,
            line: OrderedInstance::default(),
            first,
            consumed: 0,
            part: false,
            idle_until: None,
            resident: None,
            told: None,
        };
        let at = as_place(key)?;
        self.convoys.running.insert(at, running);
        Some(at)
    }

    /// The instance that received `id` sent something and waits for the answer, where it is
    /// (R-MMB-03, R-SUB-07). The first answer ends it; another that is in its queue by then is
    /// discarded (R-MBX-12). \[M\] Without an answer in time it ends as if it had come to its end.
    #[inline(never)]
    pub(super) fn await_answer(
        &mut self,
        id: ReferenceId,
        token: Value,
        patience: Option<Duration>,
    ) {
        let Some(reference) = self.references.get(id.0) else { return };
        let (subscriber, home) = (reference.subscriber, reference.home());
        let part = reference.instance.is_some();
        if !part {
            // The turn that consumes the message is not its end.
            let counts = self.convoys.tally.of(subscriber);
            counts.completed = counts.completed.wrapping_sub(1);
        }
        let key = self.instances.start(subscriber, home, None, Some(Exchange::Answer));
        let property = PropertyId::CORRELATION_TOKEN;
        let convoy = Convoy { property, messages: 1, idle: patience };
        if let Some(at) = self.run(key, (subscriber, convoy), token, Some(id)) {
            let until = patience.map(|patience| self.convoys.now + patience);
            self.convoys.watch(at, until);
            if let Some(running) = self.convoys.running.get_mut(&at) {
                running.part = part;
            }
            self.starts_waiting(at, id);
        }
    }

    /// How many instances with a subscription of their own a message will start; `before` are
    /// those that messages of the same batch start before it.
    pub(super) fn instances_started(
        &mut self,
        document: &Document,
        before: &mut Vec<(SubscriberId, Value)>,
    ) -> u32 {
        if self.convoys.are_none() {
            return 0;
        }
        let route = self.subscriptions.route(document);
        let matches = self.subscriptions.matches(route);
        let correlated = self.instances.matching(document);
        let known = before.len();
        for (subscriber, convoy) in &self.convoys.configured {
            let runs = |key: &Key| {
                self.instances.get(*key).is_some_and(|known| known.subscriber == *subscriber)
            };
            let Some(value) = document.promoted(convoy.property) else { continue };
            let start = (*subscriber, value);
            if matches.iter().any(|by| by.subscriber == *subscriber)
                && !correlated.iter().any(runs)
                && !before.contains(&start)
            {
                before.push(start);
            }
        }
        u32::try_from(before.len() - known).unwrap_or(u32::MAX)
    }

    /// Whether the message being referred to an instance is the one that started it.
    pub(super) fn activates(&mut self, id: ReferenceId, instance: Option<Key>) -> bool {
        let Some(key) = instance else { return true };
        let running = as_place(key).and_then(|place| self.convoys.running.get_mut(&place));
        running.is_some_and(|running| *running.first.get_or_insert(id) == id)
    }

    /// The priority of the subscription that a reference came by: what started a convoy has that
    /// of its orchestration, what follows that of the instance subscription (R-SUB-08).
    #[inline(always)]
    pub(super) fn priority(&self, place: &Place) -> u8 {
        let own = self.subscribers[place.subscriber.index()].priority;
        if self.convoys.are_none() {
            return own;
        }
        let at = self.references.get(place.reference.0).and_then(|known| known.instance);
        match at.and_then(|at| self.convoys.running.get(&at)) {
            Some(running) if running.first != Some(place.reference) => CORRELATING_PRIORITY,
            Some(_) | None => own,
        }
    }

    /// A message joins the line of its instance; whether it has one.
    #[inline(never)]
    pub(super) fn join_convoy(&mut self, place: Place) -> bool {
        let at = self.references.get(place.reference.0).and_then(|known| known.instance);
        let Some(at) = at.filter(|at| self.convoys.running.contains_key(at)) else { return false };
        self.convoys.watch(at, None);
        let Some(running) = self.convoys.running.get_mut(&at) else { return false };
        let (started_by, resident) = (running.first, running.resident);
        if running.line.push(place.reference).is_some() {
            if started_by != Some(place.reference) && resident.is_none() {
                self.convoys.tally.of(place.subscriber).rehydrated += 1;
            }
            self.wait_is_over(at);
            self.enqueue(place);
        }
        true
    }

    /// A message of an instance is consumed: the next one's turn, or the end.
    #[inline(never)]
    pub(super) fn consumed(&mut self, id: ReferenceId) {
        let at = self.references.get(id.0).and_then(|known| known.instance);
        let Some((at, running)) = at.and_then(|at| Some((at, self.convoys.running.get_mut(&at)?)))
        else {
            return;
        };
        running.consumed += 1;
        let next = running.line.head_left(id);
        if running.convoy.messages > 0 && running.consumed >= running.convoy.messages {
            return self.end_convoy(at);
        }
        match next {
            Some(next) => {
                self.stays_with_its_owner(at, id);
                self.offer(next);
            }
            None => {
                let idle = running.convoy.idle;
                let until = idle.map(|idle| self.convoys.now + idle);
                self.convoys.watch(at, until);
                self.starts_waiting(at, id);
            }
        }
    }

    /// The instance ends: its subscription goes, and what is still in its line is discarded
    /// (R-MBX-12, INV-26).
    fn end_convoy(&mut self, at: NonZeroU32) {
        self.convoys.watch(at, None);
        self.wait_is_over(at);
        let Some(mut running) = self.convoys.running.remove(&at) else { return };
        self.instances.end(running.key);
        let left = running.line.terminate();
        let counts = self.convoys.tally.of(running.subscriber);
        counts.completed = counts.completed.wrapping_add(u64::from(!running.part));
        counts.discarded += u64::from(!left.is_empty());
        for id in left {
            let place = self.change(id, |reference| {
                reference.instance = None;
                reference.state = ReferenceState::Suspended { resumable: false, by_stop: false };
            });
            self.suspended.references += 1;
            let (resumable, reason) = (false, Reason::Zombie);
            self.effects.push(Effect::SuspendedReference { at: place, resumable, reason });
        }
    }

    /// The message whose turn it is in the running instance that a message waits in.
    pub(super) fn convoy_head(&self, id: ReferenceId) -> Option<ReferenceId> {
        if self.convoys.are_none() {
            return None;
        }
        let at = self.references.get(id.0)?.instance?;
        let line = &self.convoys.running.get(&at)?.line;
        line.head().filter(|_| line.contains(id))
    }

    /// An operator terminates the running instance that a message is in: its subscription goes, and
    /// what was in its line is returned (R-MBX-08, INV-26).
    pub(super) fn terminate_convoy(&mut self, id: ReferenceId) -> Option<Vec<ReferenceId>> {
        self.convoy_head(id)?;
        let at = self.references.get(id.0)?.instance?;
        self.convoys.watch(at, None);
        self.wait_is_over(at);
        let mut running = self.convoys.running.remove(&at)?;
        self.instances.end(running.key);
        Some(running.line.terminate())
    }

    /// Ends the instances that have waited long enough for a message.
    pub(super) fn end_idle_convoys(&mut self, now: Instant) {
        while let Some((until, at)) = self.convoys.idle.first().copied()
            && until <= now
        {
            self.end_convoy(at);
        }
    }

    /// An operator resumes what is suspended of an orchestration: it goes on after its Suspend
    /// shape, or tries again what failed (R-ADD-01). Returns how many.
    pub fn resume_orchestration(&mut self, id: SubscriberId) -> usize {
        self.resume_subscriber(id)
    }

    /// A message of an orchestration is consumed: without a running instance it was one of its own.
    pub(super) fn completes(&mut self, id: ReferenceId, subscriber: SubscriberId) {
        let alone = self.references.get(id.0).is_some_and(|known| known.instance.is_none());
        let counts = self.convoys.tally.of(subscriber);
        counts.persisted += 1;
        counts.completed = counts.completed.wrapping_add(u64::from(alone));
    }

    /// A turn of an orchestration ends with its suspension.
    pub(super) fn suspend_instance(&mut self, now: Instant, id: ReferenceId, reason: Reason) {
        if let Some(reference) = self.references.get(id.0) {
            self.convoys.tally.of(reference.subscriber).persisted += 1;
        }
        self.leaves_memory(id);
        self.suspend_reference(now, id, reason);
    }

    /// What became of the instances of an orchestration.
    #[must_use]
    pub fn orchestrations(&self, id: SubscriberId) -> OrchestrationCounts {
        let waits = |one: &&Running| one.subscriber == id && one.line.len() == 0;
        let waiting = self.convoys.running.values().filter(waits).count() as u64;
        OrchestrationCounts { waiting, ..self.convoys.tally.get(id) }
    }

    /// The states of an orchestration's instances, sorted (R-MBX-02). An instance that ended is
    /// none; one without a convoy is there as long as its message.
    #[must_use]
    pub fn orchestration_states(
        &self,
        topology: &Topology,
        id: OrchestrationId,
    ) -> Vec<OrchestrationStatus> {
        let subscriber = topology.subscriber_of_orchestration(id);
        assert!(matches!(topology.subscriber(subscriber), SubscriberKind::Orchestration(_)));
        let running = self.convoys.running.values().filter(|one| one.subscriber == subscriber);
        let mut found: Vec<OrchestrationStatus> = running
            .filter(|one| one.line.len() == 0)
            .map(|one| match one.resident {
                Some(_) => OrchestrationStatus::Active,
                None => OrchestrationStatus::Dehydrated,
            })
            .collect();
        for (key, reference) in self.references.iter() {
            let at = reference.instance.and_then(|at| self.convoys.running.get(&at));
            let behind = at.is_some_and(|one| one.line.head() != Some(ReferenceId(key)));
            if reference.subscriber != subscriber || behind {
                continue;
            }
            found.extend(match reference.state {
                ReferenceState::Queued => Some(OrchestrationStatus::ReadyToRun),
                ReferenceState::Locked(_) => Some(OrchestrationStatus::Active),
                ReferenceState::Suspended { resumable: true, .. } => {
                    Some(OrchestrationStatus::SuspendedResumable)
                }
                ReferenceState::Suspended { resumable: false, .. } => None,
            });
        }
        found.sort_unstable();
        found
    }
}
