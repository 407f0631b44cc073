//! What an operator does to suspended messages: resume and terminate.

use super::{Effect, MessageBox, Reference, ReferenceState, retries};
use crate::id::{ReferenceId, SendPortId, SubscriberId};

impl MessageBox {
    /// An operator resumes what is suspended at `port`, resumable ones only (R-MBX-08); a stopped
    /// ordered instance starts again with its failed head (R-ORD-09). Returns how many.
    ///
    /// Retries start anew on the primary transport. \[M\] not documented.
    pub fn resume(&mut self, port: SendPortId) -> usize {
        let suspended: Vec<ReferenceId> = self.suspended_at(port, true);
        let retries_left =
            self.subscribers[port.index()].transports[0].map_or(0, |own| retries(own.retry));
        for id in &suspended {
            let place = self.change(*id, |reference| {
                reference.state = ReferenceState::Queued;
                reference.on_backup = false;
                reference.retries_left = retries_left;
            });
            self.suspended.references -= 1;
            self.effects.push(Effect::Resumed { at: place });
            match &mut self.subscribers[port.index()].ordered {
                Some((_, instance)) => instance.rejoin(*id),
                None => self.enqueue(place),
            }
        }
        if let Some((_, instance)) = &mut self.subscribers[port.index()].ordered
            && let Some(head) = instance.resume()
        {
            self.offer(head);
        }
        suspended.len()
    }

    /// An operator terminates what is suspended at `port`; a stopped ordered instance loses all
    /// its messages (R-ORD-09). Returns how many references went.
    pub fn terminate(&mut self, port: SendPortId) -> usize {
        let ids = match &mut self.subscribers[port.index()].ordered {
            Some((_, instance)) if instance.is_stopped() => instance.terminate(),
            Some(_) | None => {
                let mut ids = self.suspended_at(port, true);
                ids.extend(self.suspended_at(port, false));
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

    fn suspended_at(
        &self,
        subscriber: impl Into<SubscriberId>,
        resumable: bool,
    ) -> Vec<ReferenceId> {
        let subscriber = subscriber.into();
        let here = |reference: &Reference| {
            reference.subscriber == subscriber
                && reference.state == ReferenceState::Suspended { resumable }
        };
        let mut found: Vec<(u64, ReferenceId)> = (self.references.iter())
            .filter(|(_, reference)| here(reference))
            .map(|(key, reference)| (reference.sequence, ReferenceId(key)))
            .collect();
        found.sort_unstable();
        found.into_iter().map(|(_, id)| id).collect()
    }
}
