//! What became of the instances of each orchestration: the counts that the product's counters show.

use std::collections::BTreeMap;
use std::fmt;

use crate::id::SubscriberId;

/// Counts of one orchestration's instances, since the beginning.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct OrchestrationCounts {
    /// Instances that a first message was routed to.
    pub created: u64,
    /// Those that came to their end.
    pub completed: u64,
    /// Those that ended with messages that they never took (R-MBX-12).
    pub discarded: u64,
    /// Times that an instance which waits left memory (R-MBX-02). \[M\] Where its host does not
    /// dehydrate by time and memory, with the transaction of the turn after which it waits.
    pub dehydrated: u64,
    /// Times that one of those was brought back by a message.
    pub rehydrated: u64,
    /// Times that the state of an instance was stored: each turn ends so, by consuming its message
    /// or by its suspension.
    pub persisted: u64,
    /// Instances that wait now.
    pub waiting: u64,
}

/// The counts by orchestration.
#[derive(Clone, Default)]
pub(super) struct Tally(BTreeMap<SubscriberId, OrchestrationCounts>);

/// Two worlds that differ in their past alone are the same.
impl fmt::Debug for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tally")
    }
}

impl Tally {
    pub(super) fn of(&mut self, orchestration: SubscriberId) -> &mut OrchestrationCounts {
        self.0.entry(orchestration).or_default()
    }

    pub(super) fn get(&self, orchestration: SubscriberId) -> OrchestrationCounts {
        self.0.get(&orchestration).copied().unwrap_or_default()
    }
}
