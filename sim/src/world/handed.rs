//! How long messages are on their way out: what the outbound latencies are made of. The one clock
//! starts where a message is taken out of the MessageBox, the other where an adapter is given it;
//! both stop when its wire is done.

use floodgate_engine::id::{AdapterId, HostInstanceId, ReferenceId};
use floodgate_engine::message_box::OutboundMessage;
use floodgate_engine::time::Instant;

use crate::meter::Meters;

/// What a host instance has done so far: what its message counters are made of.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Done {
    /// Documents published for its receive adapters, and the batches that brought them.
    pub(crate) received: u64,
    pub(crate) receiving_batches: u64,
    /// Documents that its send adapters transmitted.
    pub(crate) processed: u64,
    /// Documents that it published, its orchestrations' included.
    pub(crate) published: u64,
    /// Handed back for a retry.
    pub(crate) resubmitted: u64,
    pub(crate) suspended: u64,
    /// Batches that were committed, its own included.
    pub(crate) batches: u64,
    /// Requests whose time was over (R-RR-07).
    pub(crate) timeouts: u64,
}

/// What one adapter of a host instance has done so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sent {
    /// Messages that it was given, and the batches that it was given some of them in.
    pub(crate) given: u64,
    pub(crate) batches: u64,
    /// Messages that it transmitted, and their bytes.
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
}

/// Messages of a host instance that were sent, and the nanoseconds that they took together: since
/// its adapters were given them, and since they were taken out of the MessageBox.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outbound {
    pub(super) ended: u64,
    pub(super) since_given: u128,
    pub(super) since_taken: u128,
}

/// When adapters were given what they have not sent, and what they have sent so far.
#[derive(Clone, Debug)]
pub(super) struct Handed {
    /// By the places of references, which have one attempt at a time.
    given: Vec<Instant>,
    /// Likewise, when they were taken.
    taken: Vec<Instant>,
    /// By host instance.
    sent: Vec<Outbound>,
    done: Vec<Done>,
    /// By host instance, adapter after adapter.
    adapters: usize,
    by: Vec<Sent>,
}

impl Handed {
    pub(super) fn to(instances: usize, adapters: usize) -> Self {
        Self {
            given: Vec::new(),
            taken: Vec::new(),
            sent: vec![Outbound::default(); instances],
            done: vec![Done::default(); instances],
            adapters,
            by: vec![Sent::default(); instances * adapters],
        }
    }

    #[inline]
    fn of(&mut self, (instance, adapter): (HostInstanceId, AdapterId)) -> &mut Sent {
        &mut self.by[instance.index() * self.adapters + adapter.index()]
    }

    /// A document is transmitted.
    #[inline]
    pub(super) fn processed(&mut self, by: (HostInstanceId, AdapterId), bytes: u64) {
        let own = self.of(by);
        own.messages += 1;
        own.bytes += bytes;
    }

    /// An adapter is asked for a batch.
    #[inline]
    pub(super) fn batch_begins(&mut self, by: (HostInstanceId, AdapterId)) {
        self.of(by).batches += 1;
    }

    /// A batch of a host instance is committed: what the meters count more than `before` it did.
    pub(super) fn committed(
        &mut self,
        by: HostInstanceId,
        published: u64,
        before: [u64; 3],
        meters: &Meters,
    ) {
        let done = &mut self.done[by.index()];
        done.published += published;
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

    /// What each host instance has done.
    pub(super) fn done(&self) -> impl Iterator<Item = Done> + '_ {
        let all = (0..).zip(&self.done);
        all.map(|(instance, done)| Done {
            processed: self.sent_by(instance).iter().map(|own| own.messages).sum(),
            ..*done
        })
    }

    /// What the adapters of a host instance have done, one after the other.
    pub(super) fn sent_by(&self, instance: usize) -> &[Sent] {
        &self.by[instance * self.adapters..][..self.adapters]
    }

    /// An adapter is given a message.
    #[inline]
    pub(super) fn begins(
        &mut self,
        now: Instant,
        by: (HostInstanceId, AdapterId),
        reference: ReferenceId,
    ) {
        self.of(by).given += 1;
        note(&mut self.given, reference, now);
    }

    /// A host instance has taken these out of the MessageBox.
    #[inline]
    pub(super) fn taken(&mut self, now: Instant, messages: &[Box<OutboundMessage>]) {
        for message in messages {
            note(&mut self.taken, message.reference, now);
        }
    }

    /// It has sent it.
    #[inline]
    pub(super) fn ends(&mut self, now: Instant, by: HostInstanceId, reference: ReferenceId) {
        let place = reference.0.index();
        let both = self.given.get(place).zip(self.taken.get(place));
        let Some((given, taken)) = both else { return };
        let sent = &mut self.sent[by.index()];
        sent.ended += 1;
        sent.since_given += u128::from(now.since(*given).as_nanos());
        sent.since_taken += u128::from(now.since(*taken).as_nanos());
    }

    pub(super) fn sent(&self) -> &[Outbound] {
        &self.sent
    }
}

#[inline]
fn note(all: &mut Vec<Instant>, reference: ReferenceId, now: Instant) {
    let place = reference.0.index();
    if place >= all.len() {
        all.resize(place + 1, now);
    }
    all[place] = now;
}

/// What the meters count of that which a commit does: received, resubmitted, suspended.
pub(super) const fn counted(meters: &Meters) -> [u64; 3] {
    [meters.received, meters.resubmitted, meters.suspended]
}
