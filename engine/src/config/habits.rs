//! What a send adapter does beyond its settings: what guides warn of, and what the engine permits.

use crate::message::{PropertyId, PropertyTable, Value};

/// The habits of a send adapter. Most have none.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Habits {
    /// In which of its calls it throws (R-SND-08, R-BSND-04, R-BSND-05).
    pub throws: Option<Throws>,
    /// Tries beyond the configured ones, on each transport (R-ADD-07).
    pub more_tries: Option<MoreTries>,
    /// What it asks to be kept with every message that it gives back (R-CTX-10).
    pub updates: Vec<Update>,
}

/// Which calls of the engine end in an exception.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Throws {
    /// The call.
    pub call: ThrowingCall,
    /// Which of them, counted in each adapter object.
    pub which: Which,
}

/// A call of the engine that an adapter may throw in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ThrowingCall {
    /// `BeginBatch`, which stands for `GetBatch` of the adapter as well (R-BSND-01).
    BeginBatch,
    /// `Done` of an adapter batch (R-BSND-05).
    Done,
    /// `TransmitMessage` (R-SND-08, R-BSND-04).
    TransmitMessage,
}

/// Which calls of one kind.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Which {
    /// All of them.
    Always,
    /// Every n-th.
    Every(u32),
    /// The first n.
    First(u32),
}

/// Tries beyond the configured ones. An adapter keeps nothing of a message (R-RETRY-06), so the
/// message itself carries the count, on each transport a property of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MoreTries {
    /// So many at most.
    pub most: u32,
    /// Where they are counted, on the primary transport and on the backup.
    pub counts: [PropertyId; 2],
    /// Whether they come before the configured retries and spend none: what is given back keeps its
    /// `RetryCount` by `PropertiesToUpdate` (R-RETRY-09, R-CTX-10). Else they come after the last.
    pub keeps: bool,
}

/// A property that an adapter asks to be kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Update {
    /// Its namespace.
    pub namespace: String,
    /// Its name there.
    pub name: String,
    /// Its value.
    pub value: Value,
}

impl Habits {
    /// Whether it has any.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.throws.is_none() && self.more_tries.is_none() && self.updates.is_empty()
    }
}

impl Throws {
    /// Whether the call of this number, counted from 1, is one of them.
    #[must_use]
    pub const fn hits(&self, number: u32) -> bool {
        match self.which {
            Which::Always => true,
            Which::Every(nth) => number.is_multiple_of(nth),
            Which::First(calls) => number <= calls,
        }
    }
}

impl MoreTries {
    /// The namespace of the counts.
    pub const NAMESPACE: &'static str = "Synthetic";
    /// Their names, on the primary transport and on the backup.
    pub const NAMES: [&'static str; 2] = ["MoreTries", "MoreBackupTries"];

    /// So many at most, counted in properties that `properties` knows from now on.
    #[must_use]
    pub fn counted(most: u32, properties: &mut PropertyTable) -> Self {
        let counts =
            Self::NAMES.map(|name| properties.intern(&format!("{}.{name}", Self::NAMESPACE)));
        Self { most, counts, keeps: false }
    }
}

impl Update {
    /// Of a property by its whole name, which `properties` knows from now on.
    #[must_use]
    pub fn of(property: &str, value: Value, properties: &mut PropertyTable) -> Self {
        properties.intern(property);
        let (namespace, name) = property.rsplit_once('.').unwrap_or(("", property));
        Self { namespace: namespace.to_owned(), name: name.to_owned(), value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_that_throw_are_counted_from_the_first() {
        // R-SND-08.
        let hit = |which| {
            let throws = Throws { call: ThrowingCall::Done, which };
            (1..=6).filter(|number| throws.hits(*number)).collect::<Vec<_>>()
        };
        assert_eq!(hit(Which::Always), [1, 2, 3, 4, 5, 6]);
        assert_eq!(hit(Which::Every(3)), [3, 6]);
        assert_eq!(hit(Which::First(2)), [1, 2]);
    }
}
