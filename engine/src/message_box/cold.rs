//! Rows whose pages are no longer in memory: a table that grows deep outgrows it.
//!
//! Of a live row, it is only asked how many were published after it. So nothing is kept for it, and
//! it needs no second threshold to come back: what is cold stays so until it is read, and what is
//! published when the table is small again is not. Who sends a message reads it, so that its row is
//! in memory when it becomes garbage; from then on it ages anew.

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
        Remains::Garbage
    }

    /// Whether there is anything for the cleanup job to do (R-GC-02).
    #[must_use]
    pub fn has_collectable(&self) -> bool {
        self.spools.iter().any(|spool| spool.collectable().rows() > 0)
    }

    /// Rows of a MessageBox's spool, garbage included.
    #[must_use]
    pub fn spool_of(&self, home: MessageBoxId) -> u64 {
        let spool = &self.spools[home.index()];
        spool.live() + spool.garbage()
    }

    /// Garbage rows of a MessageBox that may be removed (R-GC-01).
    #[must_use]
    pub fn garbage_of(&self, home: MessageBoxId) -> u64 {
        self.spools[home.index()].collectable().rows()
    }

    /// The cleanup job of one MessageBox looks at its logs: rows that it may remove, in memory and
    /// not (R-GC-02, R-GC-03). Two logs take turns, and either may be worked off. Who sent a
    /// message has read it: \[M\] its row ages from when the job finds it in its log.
    pub fn turn_logs(&mut self, home: MessageBoxId) -> (u64, u64) {
        let (published, cached) = (self.next_sequence, self.policy.cached_rows);
        self.spools[home.index()].collector().turn(published, cached)
    }

    /// It has removed so many rows that were in memory, and so many that it had to read first.
    pub fn collect_from(&mut self, home: MessageBoxId, warm: u64, cold: u64) -> u64 {
        let order = self.policy.cleanup;
        self.spools[home.index()].collector().remove(warm, cold, order)
    }
}
