//! How long the queues of each host are in each MessageBox, for the counters of the hosts.
//!
//! Nothing is counted when a message comes or goes: queues know their own lengths. What is
//! suspended is counted where that happens, which is seldom.

use std::collections::BTreeMap;

use super::lanes::Lanes;
use super::{MessageBox, Reference, ReferenceState};
use crate::id::{HostId, SubscriberId};

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
}

impl MessageBox {
    /// The lengths of the queues of all hosts (R-MBX-01), MessageBox after MessageBox.
    #[must_use]
    pub fn queue_lengths(&self) -> Vec<QueueLengths> {
        let mut lengths = vec![QueueLengths::default(); self.boxes() * self.hosts];
        self.add_work(&mut lengths);
        let found: u64 = lengths.iter().map(|length| length.work).sum();
        if found == self.counts.work && self.add_suspended(&mut lengths) {
            return lengths;
        }
        // An operator took away what a queue still has a place for, or a port has no one host.
        self.count_references()
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
