//! Retry: the ladder from one attempt to the next, to the backup, to suspension.

use crate::time::{Duration, Instant};

/// Time between two attempts, at most: a year (R-RETRY-01).
pub const INTERVAL_MAX: Duration = Duration::from_minutes(525_600);

/// How a transport retries (R-RETRY-01).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RetryPolicy {
    /// Retries after the first attempt: attempts are one more (R-RETRY-03).
    pub count: u32,
    /// Least time between a failure and the next attempt.
    pub interval: Duration,
}

impl Default for RetryPolicy {
    /// Three retries, five minutes apart (R-RETRY-01).
    fn default() -> Self {
        Self { count: 3, interval: Duration::from_minutes(5) }
    }
}

/// What follows a failed attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NextStep {
    /// Try the backup transport; without one, suspend.
    MoveToNextTransport,
    /// Deliver again, not before the instant.
    Resubmit(Instant),
}

/// The recommended policy (R-RETRY-04) and the engine's own default action (R-RETRY-05): both
/// test only whether retries are left, so that nothing need be remembered between attempts.
///
/// The due instant counts from the actual failure (GS-05).
#[must_use]
pub fn after_failure(now: Instant, retries_left: u32, interval: Duration) -> NextStep {
    if retries_left > 0 {
        NextStep::Resubmit(now + interval)
    } else {
        NextStep::MoveToNextTransport
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_left_alone_decides() {
        // R-RETRY-04.
        let now = Instant::ZERO + Duration::from_secs(7);
        let interval = Duration::from_minutes(5);
        assert_eq!(after_failure(now, 1, interval), NextStep::Resubmit(now + interval));
        assert_eq!(after_failure(now, 0, interval), NextStep::MoveToNextTransport);
    }
}
