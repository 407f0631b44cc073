//! Virtual time: integer nanoseconds since the start of a run.
//!
//! The engine owns its own [`Instant`] because the standard one cannot be made from a number and
//! invites reading a clock. Time is an argument everywhere; nothing here can ask what time it is.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};

/// A point in virtual time, in nanoseconds since the run began.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Instant(u64);

/// A span of virtual time, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Duration(u64);

impl Instant {
    /// The beginning of a run.
    pub const ZERO: Self = Self(0);
    /// Later than every instant a run can reach.
    pub const MAX: Self = Self(u64::MAX);

    /// The instant `nanos` nanoseconds after the beginning.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the beginning.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Seconds since the beginning, for display and statistics; never for a decision.
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The span from `earlier` to `self`, or zero when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration(self.0.saturating_sub(earlier.0))
    }
}

impl Duration {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// Longer than every run.
    pub const MAX: Self = Self(u64::MAX);

    /// A span of `nanos` nanoseconds.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// A span of `micros` microseconds.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros.saturating_mul(1_000))
    }

    /// A span of `millis` milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// A span of `secs` seconds.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000_000_000))
    }

    /// A span of `minutes` minutes, the unit of BizTalk's `RetryInterval`.
    #[must_use]
    pub const fn from_minutes(minutes: u64) -> Self {
        Self::from_secs(minutes.saturating_mul(60))
    }

    /// The span nearest to `secs` seconds; negative and not-a-number become zero.
    #[must_use]
    pub fn from_secs_f64(secs: f64) -> Self {
        // A float-to-integer cast saturates and maps NaN to zero, so no input can panic.
        Self((secs * 1e9 + 0.5) as u64)
    }

    /// The span in nanoseconds.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The span in seconds, for display and statistics; never for a decision.
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// Whether the span is zero.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The span taken `n` times, saturating.
    #[must_use]
    pub const fn times(self, n: u64) -> Self {
        Self(self.0.saturating_mul(n))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;
    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, span: Duration) {
        *self = *self + span;
    }
}

impl Add for Duration {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Duration {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Duration {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for Instant {
    /// `mm:ss.mmm`, as the golden sequences print it; hours when there are any, and the
    /// nanoseconds below a millisecond only when they are not zero.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (secs, nanos) = (self.0 / 1_000_000_000, self.0 % 1_000_000_000);
        let (hours, minutes, secs) = (secs / 3600, secs / 60 % 60, secs % 60);
        if hours > 0 {
            write!(f, "{hours}:")?;
        }
        write!(f, "{minutes:02}:{secs:02}.{:03}", nanos / 1_000_000)?;
        match nanos % 1_000_000 {
            0 => Ok(()),
            rest => write!(f, "_{rest:06}"),
        }
    }
}

impl fmt::Display for Duration {
    /// The largest unit that prints the span without loss: `5 min`, `500 ms`, `250 us`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 6] = [
            (3_600_000_000_000, "h"),
            (60_000_000_000, "min"),
            (1_000_000_000, "s"),
            (1_000_000, "ms"),
            (1_000, "us"),
            (1, "ns"),
        ];
        if self.0 == 0 {
            return f.write_str("0 s");
        }
        let (size, unit) =
            UNITS.into_iter().find(|(size, _)| self.0.is_multiple_of(*size)).unwrap_or((1, "ns"));
        write!(f, "{} {unit}", self.0 / size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_print_as_in_the_golden_sequences() {
        assert_eq!(Instant::ZERO.to_string(), "00:00.000");
        assert_eq!((Instant::ZERO + Duration::from_minutes(15)).to_string(), "15:00.000");
        assert_eq!(Instant::from_nanos(3_723_004_000_001).to_string(), "1:02:03.004_000001");
    }

    #[test]
    fn durations_print_in_the_largest_exact_unit() {
        for (span, text) in [
            (Duration::from_minutes(5), "5 min"),
            (Duration::from_millis(500), "500 ms"),
            (Duration::from_secs(90), "90 s"),
            (Duration::ZERO, "0 s"),
        ] {
            assert_eq!(span.to_string(), text);
        }
    }

    #[test]
    fn seconds_as_floats_round_and_never_panic() {
        assert_eq!(Duration::from_secs_f64(0.000_000_001_4).as_nanos(), 1);
        assert_eq!(Duration::from_secs_f64(-1.0), Duration::ZERO);
        assert_eq!(Duration::from_secs_f64(f64::NAN), Duration::ZERO);
        assert_eq!(Duration::from_secs_f64(f64::INFINITY), Duration::MAX);
    }
}
