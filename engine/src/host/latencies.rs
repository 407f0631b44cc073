//! How long documents stay with a host instance: what its latency counters are made of.
//!
//! Two counts and a sum each, added to where something is counted anyway: no document carries an
//! instant of its own.

use std::fmt;

use crate::time::Instant;

/// Stays: how many began and ended, and the time that all of them together took so far.
///
/// Of many stays the time is the sum of the ends less the sum of the beginnings, so none of them
/// has to be remembered.
#[derive(Clone, Copy, Default)]
pub struct Stays {
    here: u64,
    ended: u64,
    /// Nanoseconds, wrapped: beginnings subtracted, ends added.
    sum: u128,
}

/// Two instances that differ in their past alone are the same.
impl fmt::Debug for Stays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stays")
    }
}

impl Stays {
    /// So many begin.
    #[inline]
    pub(super) fn begin(&mut self, now: Instant, count: u32) {
        self.here += u64::from(count);
        self.sum = self.sum.wrapping_sub(u128::from(now.as_nanos()) * u128::from(count));
    }

    /// So many end.
    #[inline]
    pub(super) fn end(&mut self, now: Instant, count: u32) {
        let count = u64::from(count).min(self.here);
        self.here -= count;
        self.ended += count;
        self.sum = self.sum.wrapping_add(u128::from(now.as_nanos()) * u128::from(count));
    }

    /// How many have ended.
    #[must_use]
    pub const fn ended(&self) -> u64 {
        self.ended
    }

    /// What all have taken up to `now`, in nanoseconds: those that go on as far as they are.
    #[must_use]
    pub fn time(&self, now: Instant) -> u128 {
        self.sum.wrapping_add(u128::from(now.as_nanos()) * u128::from(self.here))
    }
}

/// What a host instance knows of its own latencies.
#[derive(Clone, Copy, Debug, Default)]
pub struct Latencies {
    /// Documents that an adapter handed in, until their batch is committed or refused.
    pub inbound: Stays,
    /// Messages taken out of the MessageBox, until they are disposed of. \[M\] The product's
    /// clock stops when the adapter has sent.
    pub outbound: Stays,
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(nanos: u64) -> Instant {
        Instant::from_nanos(nanos)
    }

    #[test]
    fn the_sum_of_stays_needs_none_of_them() {
        let mut stays = Stays::default();
        stays.begin(at(10), 2);
        stays.begin(at(20), 1);
        stays.end(at(50), 2);
        // Two of 40 and 30 are over, whichever; one goes on: 10 to 50, 20 to 50, 10 to 60.
        assert_eq!((stays.ended(), stays.time(at(50))), (2, 110));
        assert_eq!(stays.time(at(60)), 120);
        stays.end(at(60), 9);
        assert_eq!((stays.ended(), stays.time(at(99))), (3, 120));
    }
}
