//! How many references are where.

use super::{MessageBox, ReferenceState};

/// How many references are where (INV-14).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ReferenceCounts {
    /// In work queues, retries and ordered followers included.
    pub work: u64,
    /// With host instances.
    pub locked: u64,
    /// Suspended.
    pub suspended: u64,
}

impl ReferenceCounts {
    pub(super) fn of(&mut self, state: ReferenceState) -> &mut u64 {
        match state {
            ReferenceState::Queued => &mut self.work,
            ReferenceState::Locked(_) => &mut self.locked,
            ReferenceState::Suspended { .. } => &mut self.suspended,
        }
    }

    /// All references.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.work + self.locked + self.suspended
    }
}

impl MessageBox {
    /// Where the references are (INV-14).
    #[must_use]
    pub const fn reference_counts(&self) -> ReferenceCounts {
        self.counts
    }

    /// References counted one by one: the audit of [`Self::reference_counts`].
    #[must_use]
    pub fn recount(&self) -> ReferenceCounts {
        let mut counts = ReferenceCounts::default();
        for (_, reference) in self.references.iter() {
            *counts.of(reference.state) += 1;
        }
        counts
    }
}
