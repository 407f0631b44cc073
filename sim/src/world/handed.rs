//! How long adapters have messages before they are sent: what the outbound adapter latency is made
//! of. The clock starts where an adapter is given the message and stops when its wire is done.

use floodgate_engine::id::{HostInstanceId, ReferenceId};
use floodgate_engine::time::Instant;

use crate::counter::StayTotals;

/// When adapters were given what they have not sent, and what they have sent so far.
#[derive(Clone, Debug)]
pub(super) struct Handed {
    /// By the places of references, which have one attempt at a time.
    since: Vec<Instant>,
    /// By host instance.
    sent: Vec<StayTotals>,
}

impl Handed {
    pub(super) fn to(instances: usize) -> Self {
        Self { since: Vec::new(), sent: vec![StayTotals::default(); instances] }
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
