//! How long something stays with a host instance: what its latency counters are made of.

use std::fmt;

use crate::time::Instant;

/// Stays that are over: how many, and the time that they took together.
#[derive(Clone, Copy, Default)]
pub struct Stays {
    ended: u64,
    nanos: u128,
}

/// Two instances that differ in their past alone are the same.
impl fmt::Debug for Stays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stays")
    }
}

impl Stays {
    /// So many end that began at `since`.
    #[inline]
    pub(super) fn end(&mut self, now: Instant, since: Instant, count: u32) {
        self.ended += u64::from(count);
        self.nanos += u128::from(now.since(since).as_nanos()) * u128::from(count);
    }

    /// How many have ended.
    #[must_use]
    pub const fn ended(&self) -> u64 {
        self.ended
    }

    /// What those took, in nanoseconds.
    #[must_use]
    pub const fn nanos(&self) -> u128 {
        self.nanos
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_over_is_counted_and_for_as_long_as_it_took() {
        let at = Instant::from_nanos;
        let mut stays = Stays::default();
        stays.end(at(50), at(10), 2);
        assert_eq!((stays.ended(), stays.nanos()), (2, 80));
        stays.end(at(60), at(59), 1);
        assert_eq!((stays.ended(), stays.nanos()), (3, 81));
    }
}
