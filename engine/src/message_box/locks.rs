//! The locks of host instances: what becomes of them when their owner is gone.

use super::{Effect, MessageBox, ReferenceState};
use crate::id::{HostInstanceId, ReferenceId};
use crate::sabotage::Sabotage;
use crate::time::Instant;

impl MessageBox {
    /// Whether a reference is outside its transport's service window: then it waits, as Scheduled,
    /// for the window to open (R-SW-01), a retry that came due outside it too (R-SW-02). What was
    /// locked before is delivered all the same (R-SW-03).
    #[inline(never)]
    pub(super) fn waits_for_window(&mut self, now: Instant, id: ReferenceId) -> bool {
        let Some(reference) = self.references.get(id.0) else { return false };
        let Some(window) = self.transport(reference).window else { return false };
        let due = window.next_open(now);
        if due == now {
            // It is taken: whatever it waited for before is over.
            let place = self.references.get_mut(id.0);
            place.into_iter().for_each(|own| (own.scheduled, own.dehydrated) = (false, false));
            return false;
        }
        let place = self.change(id, |reference| {
            reference.valid_from = due;
            reference.scheduled = true;
        });
        self.effects.push(Effect::Scheduled { at: place, due });
        self.delay(place, due);
        true
    }

    /// Gives back everything that `owner` had locked, in publication order: it started again, it
    /// stopped, or the dead-process job found its heartbeats missing (R-CRASH-01, R-CRASH-02,
    /// R-SHUT-06). Nothing failed, so retry counts stay as they are. Returns how many references,
    /// with those that only waited for its instances.
    /// Its transactions have ended before: a lock is held until their outcome (R-CLK-13).
    ///
    /// The head of an ordered port stays its head: whoever takes it next goes on with it
    /// (R-ORD-06).
    pub fn release_locks(&mut self, owner: HostInstanceId) -> usize {
        if self.is_sabotaged(Sabotage::KeepLocksOfTheDead) {
            return 0;
        }
        let mut locked: Vec<(u64, ReferenceId)> = (self.references.iter())
            .filter(|(_, reference)| reference.state == ReferenceState::Locked(owner))
            .map(|(key, reference)| (reference.sequence, ReferenceId(key)))
            .collect();
        locked.sort_unstable();
        let waited = if self.convoys.are_none() { 0 } else { self.release_instances(owner) };
        for (_, id) in &locked {
            let place = self.change(*id, |reference| reference.state = ReferenceState::Queued);
            self.effects.push(Effect::Unlocked { at: place, owner });
            self.enqueue(place);
        }
        locked.len() + waited
    }

    /// References locked to `owner`, counted one by one.
    #[must_use]
    pub fn locked_to(&self, owner: HostInstanceId) -> usize {
        let to_it = |reference: &super::Reference| reference.state == ReferenceState::Locked(owner);
        self.references.iter().filter(|(_, reference)| to_it(reference)).count()
    }
}
