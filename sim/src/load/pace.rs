//! How fast the clock of a load runs: the phases of an experiment raise, lower and stop it.

use floodgate_engine::time::{Duration, Instant};

/// A clock that runs at another pace in each stretch of time, and not at all after the last.
///
/// A load whose clock runs twice as fast offers twice as much: its draws are the same, and so are
/// its arrivals on its own clock.
#[derive(Clone, Debug, PartialEq)]
pub struct Pace {
    /// When each stretch begins, what the clock shows then, and how fast it runs from there.
    stretches: Vec<(Instant, Instant, f64)>,
    end: Instant,
}

impl Pace {
    /// The clock of a load that begins at `start`. Stretches begin at their instants, in order,
    /// each with its pace; before the first and after `end` the clock stands still.
    #[must_use]
    pub fn new(start: Instant, stretches: &[(Instant, f64)], end: Instant) -> Self {
        assert!(stretches.is_sorted_by(|a, b| a.0 < b.0), "stretches follow each other");
        assert!(stretches.iter().all(|at| at.1 >= 0.0 && at.1.is_finite()), "no clock goes back");
        let mut pace = Self { stretches: Vec::new(), end };
        let mut own = Instant::ZERO;
        // What is due at the very beginning is due when the clock starts to run.
        let still = stretches.iter().take_while(|stretch| stretch.1 <= 0.0).count();
        let stretches = &stretches[still..];
        for (n, (at, speed)) in stretches.iter().enumerate() {
            let next = stretches.get(n + 1).map_or(end, |next| next.0);
            let (from, to) = ((*at).max(start), next.max(start));
            pace.stretches.push((from, own, *speed));
            own += scaled(to.since(from), *speed);
        }
        pace
    }

    /// When the clock shows `own`, if it ever does.
    #[must_use]
    pub fn real(&self, own: Instant) -> Option<Instant> {
        // The last stretch that begins before `own` is due; one in which the clock stands still
        // shows only what the one before it ended with.
        let after = self.stretches.partition_point(|stretch| stretch.1 < own).max(1);
        let (from, shown, speed) = *self.stretches.get(after - 1)?;
        if own > shown && speed <= 0.0 {
            return None;
        }
        let since = own.since(shown);
        let at = if since.is_zero() { from } else { from + scaled(since, 1.0 / speed) };
        (at <= self.end).then_some(at)
    }

    /// When `span` of the load's time has passed since `now`, if it ever has.
    #[must_use]
    pub fn after(&self, now: Instant, span: Duration) -> Option<Instant> {
        self.real(self.own(now) + span).map(|at| at.max(now))
    }

    /// What the clock shows at `now`.
    pub(super) fn own(&self, now: Instant) -> Instant {
        let after = self.stretches.partition_point(|stretch| stretch.0 <= now);
        let Some((from, shown, speed)) = after.checked_sub(1).map(|at| self.stretches[at]) else {
            return Instant::ZERO;
        };
        shown + scaled(now.min(self.end).since(from), speed)
    }
}

fn scaled(span: Duration, factor: f64) -> Duration {
    Duration::from_nanos((span.as_nanos() as f64 * factor + 0.5) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(secs)
    }

    /// Half pace for 10 s, none for 5 s, double for 5 s.
    fn pace(start: u64) -> Pace {
        Pace::new(at(start), &[(at(0), 0.5), (at(10), 0.0), (at(15), 2.0)], at(20))
    }

    #[test]
    fn a_clock_runs_as_fast_as_its_stretch() {
        let cases = [(0, Some(0)), (1, Some(2)), (4, Some(8)), (7, Some(16)), (15, Some(20))];
        for (own, real) in cases {
            assert_eq!(pace(0).real(at(own)), real.map(at), "{own}");
        }
        assert_eq!(pace(0).real(at(16)), None);
        // What is due at the end of a stretch is due then, not after the pause.
        assert_eq!(pace(0).real(at(5)), Some(at(10)));
    }

    #[test]
    fn it_begins_with_its_load_and_spans_pauses() {
        assert_eq!(pace(6).real(at(1)), Some(at(8)));
        assert_eq!(pace(6).real(at(2)), Some(at(10)));
        assert_eq!(pace(6).real(at(4)), Some(at(16)));
        assert_eq!(pace(0).after(at(8), Duration::from_secs(3)), Some(at(16)));
        assert_eq!(pace(0).after(at(12), Duration::from_secs(2)), Some(at(16)));
        assert_eq!(pace(0).after(at(19), Duration::from_secs(3)), None);
    }

    #[test]
    fn a_clock_that_stands_still_at_first_shows_its_beginning_when_it_starts() {
        let late = Pace::new(at(0), &[(at(0), 0.0), (at(3), 1.0)], at(9));
        assert_eq!((late.real(at(0)), late.real(at(1))), (Some(at(3)), Some(at(4))));
        let never = Pace::new(at(0), &[(at(0), 0.0)], at(9));
        assert_eq!((never.real(at(0)), never.real(at(1))), (None, None));
    }
}
