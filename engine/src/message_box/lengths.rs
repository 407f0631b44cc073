//! How long the queues of each host are in each MessageBox, and how many instances it has there,
//! for the counters of the hosts.
//!
//! Next to nothing is counted when a message comes or goes: queues know their own lengths, and
//! locks are counted look by look. What is suspended is counted where that happens, which is
//! seldom.

use std::collections::BTreeMap;

use super::instance::as_place;
use super::lanes::Lanes;
use super::{MessageBox, Reference, ReferenceState};
use crate::id::{HostId, HostInstanceId, MessageBoxId, SubscriberId};

/// References locked to each host instance, MessageBox after MessageBox.
#[derive(Clone, Debug, Default)]
pub(super) struct LockedAt {
    instances: usize,
    counts: Vec<u64>,
}

impl LockedAt {
    pub(super) fn of(boxes: usize, instances: usize) -> Self {
        Self { instances, counts: vec![0; boxes * instances] }
    }

    pub(super) fn add_box(&mut self) {
        self.counts.resize(self.counts.len() + self.instances, 0);
    }

    /// A look of `owner` took so many.
    #[inline]
    pub(super) fn begin(&mut self, home: MessageBoxId, owner: HostInstanceId, count: usize) {
        self.counts[home.index() * self.instances + owner.index()] += count as u64;
    }

    /// A reference in `home` is no longer in a state.
    #[inline(always)]
    pub(super) fn ends(&mut self, home: u8, state: ReferenceState) {
        if let ReferenceState::Locked(owner) = state {
            self.counts[usize::from(home) * self.instances + owner.index()] -= 1;
        }
    }
}

/// Suspended references, by MessageBox and subscriber.
#[derive(Clone, Debug, Default)]
pub(super) struct SuspendedAt(BTreeMap<(u8, SubscriberId), u64>);

impl SuspendedAt {
    /// One more, or one fewer.
    #[cold]
    pub(super) fn change(&mut self, reference: &Reference, comes: bool) {
        let count = self.0.entry((reference.home, reference.subscriber)).or_default();
        *count = if comes { *count + 1 } else { count.saturating_sub(1) };
        self.0.retain(|_, count| *count > 0);
    }
}

/// The queues of one host in one MessageBox.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct QueueLengths {
    /// References that wait for the host, for a retry or behind the head of an ordered port.
    pub work: u64,
    /// Suspended references. \[M\] They stay with the host of their port's first transport.
    pub suspended: u64,
    /// Service instances of whatever state (R-MBX-02): a message of a port is one, an ordered port
    /// is one with all its messages (R-MBX-11), and so is an orchestration that runs or waits.
    /// \[M\] So is a request that waits for its answer, and each message that was discarded.
    pub instances: u64,
}

impl MessageBox {
    /// The lengths of the queues of all hosts (R-MBX-01), MessageBox after MessageBox.
    #[must_use]
    pub fn queue_lengths(&self) -> Vec<QueueLengths> {
        let mut lengths = vec![QueueLengths::default(); self.boxes() * self.hosts];
        self.add_work(&mut lengths);
        let found: u64 = lengths.iter().map(|length| length.work).sum();
        if found != self.counts.work || !self.add_suspended(&mut lengths) {
            // An operator took away what a queue still has a place for, or a port has no one host.
            lengths = self.count_references();
        }
        self.add_instances(&mut lengths);
        lengths
    }

    /// Every reference is an instance, but those that lead to a running one, and all of an ordered
    /// port together.
    fn add_instances(&self, lengths: &mut [QueueLengths]) {
        for length in &mut *lengths {
            length.instances = length.work + length.suspended;
        }
        let all = self.host_of.len();
        for (at, locked) in self.locked_at.counts.iter().enumerate() {
            let host = self.host_of[at % all];
            lengths[at / all * self.hosts + host.index()].instances += locked;
        }
        for subscriber in &self.subscribers {
            for (head, followers) in subscriber.ordered.iter().flat_map(Lanes::followed) {
                if let Some(head) = self.references.get(head.0) {
                    let own = &mut lengths[self.place_of(head.home, self.host(head))].instances;
                    *own = own.saturating_sub(followers);
                }
            }
        }
        for (key, row) in self.instances.iter() {
            let owner = row.owner.map(|owner| self.host_of[owner.index()]);
            let Some(host) = owner.or_else(|| self.first_host(row.subscriber)) else { continue };
            let place = row.home.index() * self.hosts + host.index();
            // A part of an orchestration is not one more.
            let running = as_place(key).and_then(|at| self.convoys.running.get(&at));
            let more = u64::from(!running.is_some_and(|one| one.part));
            let own = &mut lengths[place].instances;
            *own = (*own + more).saturating_sub(row.references());
        }
    }

    fn place_of(&self, home: u8, host: HostId) -> usize {
        usize::from(home) * self.hosts + host.index()
    }

    /// The host of a subscriber's first transport, unless messages say where they go.
    fn first_host(&self, subscriber: SubscriberId) -> Option<HostId> {
        let subscriber = &self.subscribers[subscriber.index()];
        let first = subscriber.transports[0].as_ref();
        first.filter(|_| !subscriber.dynamic).map(|own| own.host)
    }

    fn add_work(&self, lengths: &mut [QueueLengths]) {
        for (length, queue) in lengths.iter_mut().zip(&self.queues) {
            length.work = queue.len() as u64;
        }
        let instances = self.host_of.len();
        for (at, queue) in self.own_queues.iter().enumerate() {
            let place = at / instances * self.hosts + self.host_of[at % instances].index();
            lengths[place].work += queue.len() as u64;
        }
        for subscriber in &self.subscribers {
            for (last, behind) in subscriber.ordered.iter().flat_map(Lanes::behind) {
                if let Some(last) = self.references.get(last.0) {
                    lengths[self.place_of(last.home, self.host(last))].work += behind;
                }
            }
        }
        for (last, behind) in self.convoys.running.values().filter_map(|one| one.line.behind()) {
            if let Some(last) = self.references.get(last.0) {
                lengths[self.place_of(last.home, self.host(last))].work += behind;
            }
        }
    }

    /// Whether every subscriber with something suspended has one host.
    fn add_suspended(&self, lengths: &mut [QueueLengths]) -> bool {
        self.suspended_at.0.iter().all(|(&(home, subscriber), count)| {
            let host = self.first_host(subscriber);
            if let Some(host) = host {
                lengths[self.place_of(home, host)].suspended += count;
            }
            host.is_some()
        })
    }

    /// The same, reference by reference.
    #[cold]
    fn count_references(&self) -> Vec<QueueLengths> {
        let mut lengths = vec![QueueLengths::default(); self.boxes() * self.hosts];
        for (_, reference) in self.references.iter() {
            let here = self.host(reference);
            match reference.state {
                ReferenceState::Queued => {
                    lengths[self.place_of(reference.home, here)].work += 1;
                }
                ReferenceState::Suspended { .. } => {
                    let host = self.first_host(reference.subscriber).unwrap_or(here);
                    lengths[self.place_of(reference.home, host)].suspended += 1;
                }
                ReferenceState::Locked(_) => {}
            }
        }
        lengths
    }
}
