//! Dehydration: when an orchestration instance that waits is taken out of memory.
//!
//! A pure machine. From what memory is in use it tells how long an instance may be expected to wait
//! and stay in memory: the more memory, the shorter. An instance goes where its wait is expected to
//! be longer, by the last waits at the same point, or where it has waited twice that long already.
//! It refuses to know which instances there are; a host instance keeps those.

use std::collections::VecDeque;

use super::Memory;
use crate::time::Duration;

/// Waits that an estimate is the mean of, at most (published).
const HISTORY: usize = 10;

/// A measure of memory, in MB: at `optimal` and below there is no haste, at `max` there is no time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Measure {
    /// Where haste begins.
    pub optimal: u64,
    /// Where it is the greatest.
    pub max: u64,
}

impl Measure {
    /// So many per cent of a whole.
    #[must_use]
    pub const fn shares(whole: u64, optimal: u64, max: u64) -> Self {
        Self { optimal: whole.saturating_mul(optimal) / 100, max: whole.saturating_mul(max) / 100 }
    }

    /// The share of the span between the shortest and the longest time that `actual` MB leave: a
    /// numerator and a denominator that is not zero.
    const fn share(self, actual: u64) -> (u64, u64) {
        if actual >= self.max {
            (0, 1)
        } else if actual <= self.optimal {
            (1, 1)
        } else {
            (self.max - actual, self.max - self.optimal)
        }
    }
}

/// Memory in use, in MB.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct MemoryInUse {
    /// Private bytes of the process.
    pub private: u64,
    /// Its virtual bytes.
    pub virtual_bytes: u64,
    /// Physical memory of the machine.
    pub physical: u64,
}

impl MemoryInUse {
    /// Of a process that takes so much, on a machine with so much in use. \[M\] What a process is
    /// reckoned to take counts as its private and as its virtual bytes.
    #[must_use]
    pub const fn of(process: u64, physical: u64) -> Self {
        Self { private: process, virtual_bytes: process, physical }
    }
}

/// When instances that wait are dehydrated. A measure that is absent is not active.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DehydrationSettings {
    /// The time where memory is scarce.
    pub min: Duration,
    /// The time where there is plenty.
    pub max: Duration,
    /// The time in any case, whatever the memory; the product's -1 is its absence.
    pub constant: Option<Duration>,
    /// Virtual bytes of the process.
    pub virtual_bytes: Option<Measure>,
    /// Private bytes of the process.
    pub private: Option<Measure>,
    /// Physical memory of the machine.
    pub physical: Option<Measure>,
    /// What the process takes in memory; without it no memory is seen. \[M\]
    pub memory: Option<Memory>,
    /// How often those that wait are looked at. \[M\] not published.
    pub cycle: Duration,
}

impl DehydrationSettings {
    /// From 1 s to 1,800 s, looked at every second: what both published sets of defaults share.
    const BARE: Self = Self {
        min: Duration::from_secs(1),
        max: Duration::from_secs(1800),
        constant: None,
        virtual_bytes: None,
        private: None,
        physical: None,
        memory: None,
        cycle: Duration::from_secs(1),
    };

    /// The defaults of the settings dashboard: 65 and 85 per cent of the memory that a process can
    /// have, 70 and 85 per cent of the machine's, both in MB.
    #[must_use]
    pub const fn dashboard(process: u64, machine: u64) -> Self {
        Self {
            virtual_bytes: Some(Measure::shares(process, 65, 85)),
            physical: Some(Measure::shares(machine, 70, 85)),
            ..Self::BARE
        }
    }

    /// The defaults of the configuration file: 900 and 1,300 MB of virtual, 50 and 350 MB of
    /// private bytes; physical memory is not active there.
    #[must_use]
    pub const fn file() -> Self {
        Self {
            virtual_bytes: Some(Measure { optimal: 900, max: 1300 }),
            private: Some(Measure { optimal: 50, max: 350 }),
            ..Self::BARE
        }
    }

    /// How long a wait may be expected to be without the instance going: the tightest of the active
    /// measures counts, and without one there is plenty.
    #[must_use]
    pub fn threshold(&self, used: MemoryInUse) -> Duration {
        if let Some(constant) = self.constant {
            return constant;
        }
        let measures = [
            (self.virtual_bytes, used.virtual_bytes),
            (self.private, used.private),
            (self.physical, used.physical),
        ];
        let span = u128::from(self.max.as_nanos().saturating_sub(self.min.as_nanos()));
        let active = measures.into_iter().filter_map(|(own, used)| Some(own?.share(used)));
        let more = active.map(|(part, of)| span * u128::from(part) / u128::from(of)).min();
        self.min + Duration::from_nanos(u64::try_from(more.unwrap_or(span)).unwrap_or(u64::MAX))
    }
}

/// The last waits at one point of an orchestration.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Waits(VecDeque<Duration>);

impl Waits {
    /// One more wait ended.
    pub fn add(&mut self, wait: Duration) {
        if self.0.len() == HISTORY {
            self.0.pop_front();
        }
        self.0.push_back(wait);
    }

    /// How long the next is expected to be; nothing where none was seen.
    #[must_use]
    pub fn estimate(&self) -> Duration {
        let sum: u128 = self.0.iter().map(|wait| u128::from(wait.as_nanos())).sum();
        let mean = sum.checked_div(self.0.len() as u128).unwrap_or(0);
        Duration::from_nanos(u64::try_from(mean).unwrap_or(u64::MAX))
    }
}

/// Whether an instance goes that is expected to wait `estimate` and was blocked for `blocked`.
#[must_use]
pub fn dehydrates(threshold: Duration, estimate: Duration, blocked: Duration) -> bool {
    estimate > threshold || blocked > threshold.times(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_published_example_comes_out_to_the_nanosecond() {
        // Private bytes of 250 MB between 50 and 350: a third, so 1 s and a third of 1,799 s.
        let settings = DehydrationSettings { virtual_bytes: None, ..DehydrationSettings::file() };
        let threshold = settings.threshold(MemoryInUse::of(250, 0));
        assert_eq!(threshold.as_nanos(), 600_666_666_666);
        // Ten waits of 90 s, blocked for 60 s: it stays.
        let mut waits = Waits::default();
        (0..10).for_each(|_| waits.add(secs(90)));
        assert!(!dehydrates(threshold, waits.estimate(), secs(60)));
        // A longer history, or twice the time, and it goes; just that long and it does not.
        assert!(dehydrates(threshold, secs(601), secs(60)));
        assert!(!dehydrates(threshold, secs(90), threshold.times(2)));
        assert!(dehydrates(threshold, secs(90), secs(1202)));
        assert!(!dehydrates(threshold, threshold, secs(60)));
    }

    #[test]
    fn the_tightest_measure_counts_and_none_leaves_all_the_time() {
        let settings = DehydrationSettings::file();
        let at = |process| settings.threshold(MemoryInUse::of(process, u64::MAX));
        assert_eq!([at(0), at(50), at(350), at(1300)], [secs(1800), secs(1800), secs(1), secs(1)]);
        let virtual_only = DehydrationSettings { private: None, ..settings };
        let half = virtual_only.threshold(MemoryInUse::of(1100, 0));
        assert_eq!(half.as_nanos(), 900_500_000_000);
        let none = DehydrationSettings { virtual_bytes: None, ..virtual_only };
        assert_eq!(none.threshold(MemoryInUse::of(9999, 9999)), secs(1800));
        let constant = DehydrationSettings { constant: Some(secs(5)), ..settings };
        assert_eq!(constant.threshold(MemoryInUse::of(9999, 9999)), secs(5));
    }

    #[test]
    fn the_dashboard_looks_at_shares_of_the_process_and_of_the_machine() {
        let settings = DehydrationSettings::dashboard(2000, 4000);
        let at = |process, machine| settings.threshold(MemoryInUse::of(process, machine));
        assert_eq!([at(1300, 2800), at(1700, 0), at(0, 3400)], [secs(1800), secs(1), secs(1)]);
        assert_eq!(at(1500, 0).as_nanos(), 900_500_000_000);
        assert_eq!(at(1500, 3250).as_nanos(), 1_000_000_000 + 1_799_000_000_000 / 4);
        // A span of nothing is a step.
        assert_eq!(Measure { optimal: 9, max: 9 }.share(9), (0, 1));
    }

    #[test]
    fn an_estimate_is_the_mean_of_the_last_ten() {
        let mut waits = Waits::default();
        assert_eq!(waits.estimate(), Duration::ZERO);
        (1..=3).for_each(|wait| waits.add(secs(wait)));
        assert_eq!(waits.estimate(), secs(2));
        (4..=12).for_each(|wait| waits.add(secs(wait)));
        // The first two are forgotten: 3 to 12.
        assert_eq!(waits.estimate(), Duration::from_millis(7500));
    }
}
