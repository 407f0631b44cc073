//! How many references are where.

use std::hint::cold_path;

use super::lanes::Lanes;
use super::spool::Spool;
use super::{MessageBox, Reference, ReferenceState};
use crate::id::SendPortId;
use crate::message::DocumentName;

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

    /// Messages queued at an ordered port, its head included.
    #[must_use]
    pub fn ordered_backlog(&self, port: SendPortId) -> usize {
        self.subscribers[port.index()].ordered.as_ref().map_or(0, Lanes::len)
    }

    /// Of an ordered port, the instances whose one message is out, and the instances it has had
    /// (R-ORD-04).
    #[must_use]
    pub fn ordered_places(&self, port: SendPortId) -> Option<(u32, u32)> {
        self.subscribers[port.index()].ordered.as_ref().map(Lanes::places)
    }

    /// Rows that somebody refers to.
    #[must_use]
    pub fn spool_live(&self) -> u64 {
        self.over_spools(Spool::live)
    }

    /// The bytes of their documents, counted one by one.
    #[must_use]
    pub fn spool_bytes(&self) -> u64 {
        self.over_spools(Spool::bytes)
    }

    /// Rows that wait for the cleanup job, those included that have to be copied before.
    #[must_use]
    pub fn spool_garbage(&self) -> u64 {
        self.over_spools(Spool::garbage)
    }

    /// The sum over the MessageBoxes; there is one in most groups, and no loop for it.
    #[inline(always)]
    fn over_spools(&self, of: impl Fn(&Spool) -> u64) -> u64 {
        match &self.spools[..] {
            [only] => of(only),
            several => {
                cold_path();
                several.iter().map(of).sum()
            }
        }
    }

    /// Documents that some subscriber has still to get: live rows with a reference that is not
    /// suspended.
    #[must_use]
    pub fn unfinished(&self) -> u64 {
        self.over_spools(|spool| spool.live() - spool.stuck())
    }

    /// The names of the documents that wait for an operator, in no promised order.
    #[must_use]
    pub fn suspended_names(&self) -> Vec<DocumentName> {
        let suspended =
            |reference: &Reference| matches!(reference.state, ReferenceState::Suspended { .. });
        (self.references.iter())
            .filter(|(_, reference)| suspended(reference))
            .map(|(_, reference)| self.row(reference).document.name)
            .collect()
    }
}
