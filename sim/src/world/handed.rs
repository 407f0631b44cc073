//! How long adapters have messages before they are sent: what the outbound adapter latency is made
//! of. The clock starts where an adapter is given the message and stops when its wire is done.

use floodgate_engine::id::{HostInstanceId, ReferenceId};
use floodgate_engine::time::Instant;

use crate::counter::StayTotals;
use crate::meter::Meters;

/// What a host instance has done so far: what its message counters are made of.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Done {
    /// Documents published for its receive adapters, and the batches that brought them.
    pub(crate) received: u64,
    pub(crate) receiving_batches: u64,
    /// Documents that its send adapters transmitted.
    pub(crate) processed: u64,
    /// Handed back for a retry.
    pub(crate) resubmitted: u64,
    pub(crate) suspended: u64,
    /// Batches that were committed, its own included.
    pub(crate) batches: u64,
    /// Requests whose time was over (R-RR-07).
    pub(crate) timeouts: u64,
}

/// When adapters were given what they have not sent, and what they have sent so far.
#[derive(Clone, Debug)]
pub(super) struct Handed {
    /// By the places of references, which have one attempt at a time.
    since: Vec<Instant>,
    /// By host instance.
    sent: Vec<StayTotals>,
    done: Vec<Done>,
}

impl Handed {
    pub(super) fn to(instances: usize) -> Self {
        Self {
            since: Vec::new(),
            sent: vec![StayTotals::default(); instances],
            done: vec![Done::default(); instances],
        }
    }

    /// A document is transmitted.
    #[inline]
    pub(super) fn processed(&mut self, by: HostInstanceId) {
        self.done[by.index()].processed += 1;
    }

    /// A batch of a host instance is committed: what the meters count more than `before` it did.
    pub(super) fn committed(&mut self, by: HostInstanceId, before: [u64; 3], meters: &Meters) {
        let done = &mut self.done[by.index()];
        let [received, resubmitted, suspended] = counted(meters);
        done.received += received - before[0];
        done.receiving_batches += u64::from(received > before[0]);
        done.resubmitted += resubmitted - before[1];
        done.suspended += suspended - before[2];
        done.batches += 1;
    }

    /// The time of a request of a host instance is over.
    #[cold]
    pub(super) fn timed_out(&mut self, by: HostInstanceId) {
        self.done[by.index()].timeouts += 1;
    }

    pub(super) fn done(&self) -> &[Done] {
        &self.done
    }

    /// An adapter is given a message.
    #[inline]
    pub(super) fn begins(&mut self, now: Instant, reference: ReferenceId) {
        let place = reference.0.index();
        if place >= self.since.len() {
            self.since.resize(place + 1, now);
        }
        self.since[place] = now;
    }

    /// It has sent it.
    #[inline]
    pub(super) fn ends(&mut self, now: Instant, by: HostInstanceId, reference: ReferenceId) {
        let Some(since) = self.since.get(reference.0.index()) else { return };
        let sent = &mut self.sent[by.index()];
        sent.ended += 1;
        sent.nanos += u128::from(now.since(*since).as_nanos());
    }

    pub(super) fn sent(&self) -> &[StayTotals] {
        &self.sent
    }
}

/// What the meters count of that which a commit does: received, resubmitted, suspended.
pub(super) const fn counted(meters: &Meters) -> [u64; 3] {
    [meters.received, meters.resubmitted, meters.suspended]
}
