//! Instances that wait in the memory of a host instance, and those that leave it.
//!
//! Where a host dehydrates by the product's formula, an instance that comes to a receive shape
//! stays with the host instance that ran its turn: that one alone gets its next message. What the
//! formula says is not known here; a host instance asks by [`Action::Dehydrate`], and with its end
//! everything it had in memory is in the MessageBox alone, where its last turn has left it.
//!
//! [`Action::Dehydrate`]: super::Action::Dehydrate

use std::num::NonZeroU32;

use super::instance::as_place;
use super::{Action, MessageBox, ReferenceState};
use crate::id::{HostInstanceId, MessageBoxId, OrchestrationInstanceId, ReferenceId, SubscriberId};

/// What happened to an instance that a host instance has, or had, in memory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stay {
    /// Its wait is over: a message came, or its end.
    Over,
    /// It waits from now on.
    Waits {
        /// The orchestration.
        of: SubscriberId,
        /// Whether for the answer to what it sent, rather than for its convoy's next message.
        answer: bool,
        /// Bytes of the message that it has.
        bytes: u64,
    },
}

/// The same, and who is to be told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Staying {
    /// The host instance.
    pub with: HostInstanceId,
    /// The instance.
    pub instance: OrchestrationInstanceId,
    /// What happened to it.
    pub stay: Stay,
}

impl MessageBox {
    /// Whether [`Self::take_staying`] has something to tell.
    #[must_use]
    pub fn has_staying(&self) -> bool {
        !self.convoys.staying.is_empty()
    }

    /// What host instances are to be told of instances in their memory, since the last call.
    pub fn take_staying(&mut self, into: &mut Vec<Staying>) {
        into.clear();
        std::mem::swap(&mut self.convoys.staying, into);
    }

    /// Who took the message of a turn that ends, if its orchestration's instances are kept.
    fn keeper(&self, id: ReferenceId) -> Option<HostInstanceId> {
        let reference = self.references.get(id.0)?;
        match reference.state {
            ReferenceState::Locked(owner) if self.convoys.keeps(reference.subscriber) => {
                Some(owner)
            }
            ReferenceState::Locked(_)
            | ReferenceState::Queued
            | ReferenceState::Suspended { .. } => None,
        }
    }

    /// After the turn of `id` the instance waits: in memory, or in the MessageBox alone (R-MBX-02).
    pub(super) fn starts_waiting(&mut self, at: NonZeroU32, id: ReferenceId) {
        let keeper = self.keeper(id);
        let bytes = self.references.get(id.0).map_or(0, |own| self.row(own).document.parts.bytes());
        let Some(running) = self.convoys.running.get_mut(&at) else { return };
        let (key, of) = (running.key, running.subscriber);
        (running.resident, running.told) = (keeper, keeper);
        self.instances.belongs_to(key, keeper);
        let Some(with) = keeper else {
            self.convoys.tally.of(of).dehydrated += 1;
            return;
        };
        let answer = self.instances.get(key).is_some_and(|row| row.exchange.is_some());
        let stay = Stay::Waits { of, answer, bytes };
        let instance = OrchestrationInstanceId(key);
        self.convoys.staying.push(Staying { with, instance, stay });
    }

    /// After the turn of `id` the next message of the instance is there already: who has the
    /// instance in memory goes on with it.
    pub(super) fn stays_with_its_owner(&mut self, at: NonZeroU32, id: ReferenceId) {
        let Some(keeper) = self.keeper(id) else { return };
        let Some(running) = self.convoys.running.get_mut(&at) else { return };
        running.resident = Some(keeper);
        self.instances.belongs_to(running.key, Some(keeper));
    }

    /// A message came for an instance that waits, or its end.
    pub(super) fn wait_is_over(&mut self, at: NonZeroU32) {
        let Some(running) = self.convoys.running.get_mut(&at) else { return };
        if let Some(with) = running.told.take() {
            let instance = OrchestrationInstanceId(running.key);
            self.convoys.staying.push(Staying { with, instance, stay: Stay::Over });
        }
    }

    /// A turn ends with the suspension of its instance, which is no longer in memory then.
    pub(super) fn leaves_memory(&mut self, id: ReferenceId) {
        let place = self.references.get(id.0).and_then(|known| known.instance);
        let running = place.and_then(|at| self.convoys.running.get_mut(&at));
        if let Some(running) = running {
            running.resident = None;
            self.instances.belongs_to(running.key, None);
        }
    }

    /// An instance that still waits leaves the memory of its host instance: one persistence point.
    /// Where its message came meanwhile, nothing happens. Who had it is still told of the end of
    /// its wait.
    pub(super) fn dehydrate(&mut self, instance: OrchestrationInstanceId) {
        let found = as_place(instance.0).and_then(|at| self.convoys.running.get_mut(&at));
        let Some(running) = found.filter(|one| one.key == instance.0 && one.line.len() == 0) else {
            return;
        };
        if running.resident.take().is_some() {
            let (key, of) = (running.key, running.subscriber);
            self.instances.belongs_to(key, None);
            let counts = self.convoys.tally.of(of);
            counts.dehydrated += 1;
            counts.persisted += 1;
        }
    }

    /// Where the state of the instance is that an action is about; else the master.
    pub(super) fn home_of_instance(&self, action: &Action) -> MessageBoxId {
        match action {
            Action::Dehydrate(instance) => {
                self.instances.get(instance.0).map_or(MessageBoxId(0), |row| row.home)
            }
            Action::Await(..)
            | Action::CancelResponse(_)
            | Action::Consume(_)
            | Action::DefaultFailure(_)
            | Action::Delete(_)
            | Action::Empty(_)
            | Action::Expire { .. }
            | Action::Fail(..)
            | Action::ForgetSuspended(_)
            | Action::NextTransport(_)
            | Action::Nothing
            | Action::Publish { .. }
            | Action::PublishPart(_)
            | Action::Refuse(_)
            | Action::Resubmit(..)
            | Action::SuspendInstance(..)
            | Action::SuspendLate(_)
            | Action::SuspendReference(_)
            | Action::SuspendWire { .. } => MessageBoxId(0),
        }
    }

    /// The process of `owner` is gone: what it had in memory is in the MessageBox alone, and what
    /// waited for that process is for any (R-SHUT-06, R-CRASH-01). Returns how many messages.
    pub(super) fn release_instances(&mut self, owner: HostInstanceId) -> usize {
        let mut here = Vec::new();
        for running in self.convoys.running.values_mut() {
            if running.told == Some(owner) {
                running.told = None;
            }
            if running.resident == Some(owner) {
                running.resident = None;
                here.push((running.key, running.subscriber, running.line.len() == 0));
            }
        }
        for (key, of, waits) in &here {
            self.instances.belongs_to(*key, None);
            self.convoys.tally.of(*of).dehydrated += u64::from(*waits);
        }
        let mut left = Vec::new();
        if !here.is_empty() {
            let released = |id: ReferenceId| {
                self.instance_key(id).is_some_and(|key| here.iter().any(|(own, ..)| *own == key))
            };
            let queues = (0..self.spools.len())
                .map(|home| home * self.host_of.len() + owner.index())
                .map(|at| self.own_queues[at].ids().into_iter().filter(|id| released(*id)));
            left = queues.flatten().collect();
        }
        for id in &left {
            for home in 0..self.spools.len() {
                self.own_queues[home * self.host_of.len() + owner.index()].forget(*id);
            }
            let Some(reference) = self.references.get(id.0) else { continue };
            let (place, due) = (self.place(*id, reference), reference.valid_from);
            self.delay(place, due);
        }
        left.len()
    }
}
