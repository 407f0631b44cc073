//! Rows whose pages are no longer in memory: a table that grows deep outgrows it.
//!
//! Of a row, it is only asked how many were published after it. So nothing is kept for it, and it
//! needs no second threshold to come back: what is cold stays so, and what is published when the
//! table is small again is not.

use super::spool::Remains;
use super::{MessageBox, Reference};
use crate::id::MessageBoxId;

impl MessageBox {
    /// Whether so much was published after a message that its pages have left the memory.
    #[inline]
    pub(super) const fn is_cold(&self, reference: &Reference) -> bool {
        self.next_sequence - reference.sequence > self.policy.cached_rows
    }

    /// What is left of a message when its last reference goes.
    #[inline]
    pub(super) fn remains(&self, reference: &Reference) -> Remains {
        if self.tracking.is_on() && self.tracking.holds(reference.home(), reference.message) {
            return Remains::Held;
        }
        if self.is_cold(reference) { Remains::Cold } else { Remains::Garbage }
    }

    /// Whether there is anything for the cleanup job to do (R-GC-02).
    #[must_use]
    pub fn has_collectable(&self) -> bool {
        self.spools.iter().any(|spool| spool.collectable() > 0)
    }

    /// Rows of a MessageBox's spool, garbage included.
    #[must_use]
    pub fn spool_of(&self, home: MessageBoxId) -> u64 {
        let spool = &self.spools[home.index()];
        spool.live() + spool.garbage()
    }

    /// Garbage rows of a MessageBox that may be removed, in memory and not (R-GC-01).
    #[must_use]
    pub fn garbage_of(&self, home: MessageBoxId) -> (u64, u64) {
        let spool = &self.spools[home.index()];
        let cold = spool.cold_garbage();
        (spool.collectable() - cold, cold)
    }

    /// The cleanup job of one MessageBox: so many rows in memory at most, and so many that it has
    /// to read first (R-GC-02, R-GC-03). Two logs take turns, and either may be worked off.
    pub fn collect_from(&mut self, home: MessageBoxId, cached: u64, cold: u64) -> u64 {
        let spool = &mut self.spools[home.index()];
        let first = spool.collect(cached);
        first + spool.collect(cached - first) + spool.collect_cold(cold)
    }
}
