//! What the product leaves open about its MessageBoxes: every choice a knob with its default.

use crate::hash::mix;
use crate::time::Duration;

/// In which order eligible references of one priority are taken (R-CLK-08).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum DequeueOrder {
    /// As they were published.
    #[default]
    Publication,
    /// In an order drawn from this seed: nobody promises that a port without ordered delivery
    /// keeps the order of publication, so nobody may rely on it.
    Shuffled(u64),
}

impl DequeueOrder {
    /// What references of one priority are sorted by.
    #[inline]
    pub(super) const fn key(self, sequence: u64) -> u64 {
        match self {
            Self::Publication => sequence,
            Self::Shuffled(seed) => mix(seed, sequence),
        }
    }
}

/// What becomes of the other MessageBoxes when one is not available (R-ADD-02).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Unavailability {
    /// All are unavailable.
    All,
    /// Only the master is indispensable: without it nothing is published.
    #[default]
    MasterOnly,
}

/// The choices of a group of MessageBoxes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MessageBoxPolicy {
    /// The order of equals (R-CLK-08).
    pub dequeue_order: DequeueOrder,
    /// Whether starting a port also resumes what was suspended because it was stopped
    /// (R-CLK-15).
    pub resume_on_start: bool,
    /// What the loss of one MessageBox means to the others (R-ADD-02).
    pub unavailability: Unavailability,
    /// When a change of what a MessageBox accepts takes effect (R-MMB-05).
    pub cache_refresh: Duration,
    /// Rows that the memory of the databases holds: of a row after which more were published, the
    /// pages have to be read again. \[M\] The oldest go first; nothing is published about it but
    /// that work on a deep table is slow (R-GC-02).
    pub cached_rows: u64,
    /// What a cleanup job takes first of what it did not get through before.
    pub cleanup: CleanupOrder,
}

/// What a cleanup job takes first, of what it did not get through before. \[M\]
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum CleanupOrder {
    /// What its logs have just brought: the rest waits until there is nothing new.
    #[default]
    Newest,
    /// What has waited for longest.
    Oldest,
}

impl Default for MessageBoxPolicy {
    fn default() -> Self {
        Self {
            dequeue_order: DequeueOrder::Publication,
            resume_on_start: false,
            unavailability: Unavailability::MasterOnly,
            cache_refresh: Duration::from_secs(60),
            cached_rows: u64::MAX,
            cleanup: CleanupOrder::Newest,
        }
    }
}
