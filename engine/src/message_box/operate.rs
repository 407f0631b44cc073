//! What an operator does to suspended messages: resume and terminate.

use super::{Effect, MessageBox, Reference, ReferenceState, retries};
use crate::id::{ReferenceId, SendPortId, SubscriberId};
use crate::time::Instant;

impl MessageBox {
    /// An operator resumes what is suspended at `port`, resumable ones only (R-MBX-08); a stopped
    /// ordered instance starts again with its failed head (R-ORD-09). The port itself need not be
    /// started for that (R-MBX-10). Returns how many.
    ///
    /// Retries start anew on the primary transport. \[M\] not documented.
    pub fn resume(&mut self, port: SendPortId) -> usize {
        let suspended = self.suspended_at(port, |resumable, _| resumable);
        self.resume_all(port.into(), &suspended);
        suspended.len()
    }

    /// Resumes what was suspended because the port was stopped (R-CLK-15).
    pub(super) fn resume_stopped(&mut self, port: SendPortId) {
        let suspended = self.suspended_at(port, |resumable, by_stop| resumable && by_stop);
        self.resume_all(port.into(), &suspended);
    }

    fn resume_all(&mut self, subscriber: SubscriberId, suspended: &[ReferenceId]) {
        let at = subscriber.index();
        let own = self.subscribers[at].transports[0];
        let retries_left = own.map_or(0, |own| retries(own.retry));
        for id in suspended {
            let place = self.change(*id, |reference| {
                reference.state = ReferenceState::Queued;
                reference.on_backup = false;
                reference.retries_left = retries_left;
                reference.valid_from = Instant::ZERO;
            });
            self.suspended.references -= 1;
            self.effects.push(Effect::Resumed { at: place });
            match &mut self.subscribers[at].ordered {
                Some((_, instance)) => instance.rejoin(*id),
                None => self.enqueue(place),
            }
        }
        if let Some((_, instance)) = &mut self.subscribers[at].ordered
            && let Some(head) = instance.resume()
        {
            self.offer(head);
        }
    }

    /// An operator terminates what is suspended at `port`; a stopped ordered instance loses all
    /// its messages (R-ORD-09). Returns how many references went.
    pub fn terminate(&mut self, port: SendPortId) -> usize {
        let ids = match &mut self.subscribers[port.index()].ordered {
            Some((_, instance)) if instance.is_stopped() => instance.terminate(),
            Some(_) | None => {
                let mut ids = self.suspended_at(port, |resumable, _| resumable);
                ids.extend(self.suspended_at(port, |resumable, _| !resumable));
                ids
            }
        };
        for id in &ids {
            let place = self.place(*id, self.references.get(id.0).expect("listed just now"));
            self.effects.push(Effect::Terminated { at: place });
            self.remove(*id);
        }
        ids.len()
    }

    /// The suspended references at a subscriber of which `wanted` says so, by whether they may be
    /// resumed and whether a stop suspended them; in publication order.
    fn suspended_at(
        &self,
        subscriber: impl Into<SubscriberId>,
        wanted: impl Fn(bool, bool) -> bool,
    ) -> Vec<ReferenceId> {
        let subscriber = subscriber.into();
        let here = |reference: &Reference| match reference.state {
            ReferenceState::Suspended { resumable, by_stop } => {
                reference.subscriber == subscriber && wanted(resumable, by_stop)
            }
            ReferenceState::Locked(_) | ReferenceState::Queued => false,
        };
        let mut found: Vec<(u64, ReferenceId)> = (self.references.iter())
            .filter(|(_, reference)| here(reference))
            .map(|(key, reference)| (reference.sequence, ReferenceId(key)))
            .collect();
        found.sort_unstable();
        found.into_iter().map(|(_, id)| id).collect()
    }
}
