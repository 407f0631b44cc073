//! When a receive location or a transport may work: dates, and a window of the day.
//!
//! Virtual time begins at midnight of its first day. \[M\] the product has time zones and
//! recurrences as well; a day here has 24 hours and every day is alike.

use crate::time::{Duration, Instant};

/// A day.
const DAY: u64 = Duration::from_minutes(24 * 60).as_nanos();

/// A service window: a stretch of every day (R-LIFE-10, R-SW-01). It may reach over midnight; one
/// that ends where it begins is the whole day.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Window {
    /// The time of day at which it opens.
    pub from: Duration,
    /// The time of day at which it closes.
    pub until: Duration,
}

impl Window {
    /// How long it is open.
    const fn length(self) -> u64 {
        let (from, until) = (self.from.as_nanos() % DAY, self.until.as_nanos() % DAY);
        if from < until { until - from } else { DAY - (from - until) }
    }

    /// How long ago it opened last: less than a day.
    const fn since_opening(self, now: Instant) -> u64 {
        (now.as_nanos() % DAY + DAY - self.from.as_nanos() % DAY) % DAY
    }

    /// Whether it is open at `now`.
    #[must_use]
    pub const fn contains(self, now: Instant) -> bool {
        self.since_opening(now) < self.length()
    }

    /// The first instant from `now` on at which it is open (R-SW-01, R-SW-02).
    #[must_use]
    pub const fn next_open(self, now: Instant) -> Instant {
        if self.contains(now) {
            return now;
        }
        Instant::from_nanos(now.as_nanos() + (DAY - self.since_opening(now)))
    }

    /// When it opens or closes next, after `now`; never if it is the whole day.
    #[must_use]
    pub fn next_change(self, now: Instant) -> Option<Instant> {
        if self.length() == DAY {
            return None;
        }
        let since = self.since_opening(now);
        let left = if since < self.length() { self.length() - since } else { DAY - since };
        Some(now + Duration::from_nanos(left))
    }
}

/// The schedule of a receive location (R-LIFE-10).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Schedule {
    /// Its start date.
    pub start: Instant,
    /// Its stop date; without one it is active until it is disabled.
    pub stop: Option<Instant>,
    /// Its service window, if it has one.
    pub window: Option<Window>,
}

impl Schedule {
    /// Whether the location is to be active at `now`.
    #[must_use]
    pub fn is_active(&self, now: Instant) -> bool {
        now >= self.start
            && self.stop.is_none_or(|stop| now < stop)
            && self.window.is_none_or(|window| window.contains(now))
    }

    /// When to look again, after `now`: the next date or edge of the window.
    #[must_use]
    pub fn next_change(&self, now: Instant) -> Option<Instant> {
        if self.stop.is_some_and(|stop| stop <= now) {
            return None;
        }
        let start = Some(self.start).filter(|start| *start > now);
        let edge = self.window.and_then(|window| window.next_change(now));
        [start, edge, self.stop].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(hours: u64) -> Duration {
        Duration::from_minutes(60 * hours)
    }

    fn at(count: u64) -> Instant {
        Instant::ZERO + hours(count)
    }

    #[test]
    fn a_window_opens_and_closes_every_day() {
        // R-LIFE-10, R-SW-01: (window, now, open, next change, next open).
        let day = Window { from: hours(8), until: hours(17) };
        let night = Window { from: hours(22), until: hours(6) };
        let cases = [
            (day, 0, false, 8, 8),
            (day, 8, true, 17, 8),
            (day, 16, true, 17, 16),
            (day, 17, false, 32, 32),
            (day, 24 + 9, true, 24 + 17, 24 + 9),
            (night, 0, true, 6, 0),
            (night, 6, false, 22, 22),
            (night, 23, true, 30, 23),
        ];
        for (window, now, open, change, opening) in cases {
            assert_eq!(window.contains(at(now)), open, "{window:?} at {now}");
            assert_eq!(window.next_change(at(now)), Some(at(change)), "{window:?} at {now}");
            assert_eq!(window.next_open(at(now)), at(opening), "{window:?} at {now}");
        }
    }

    #[test]
    fn a_window_that_ends_where_it_begins_is_always_open() {
        let whole = Window { from: hours(5), until: hours(5) };
        assert!((0..24).all(|hour| whole.contains(at(hour))));
        assert_eq!(whole.next_change(at(7)), None);
    }

    #[test]
    fn dates_bound_a_window() {
        // R-LIFE-10: no stop date means active until disabled.
        let window = Some(Window { from: hours(8), until: hours(17) });
        let schedule = Schedule { start: at(30), stop: Some(at(36)), window };
        let active: Vec<u64> = (0..60).filter(|hour| schedule.is_active(at(*hour))).collect();
        assert_eq!(active, [32, 33, 34, 35]);
        assert_eq!(schedule.next_change(at(20)), Some(at(30)));
        assert_eq!(schedule.next_change(at(32)), Some(at(36)));
        assert_eq!(schedule.next_change(at(36)), None);
        assert!(Schedule::default().is_active(at(1_000_000)));
        assert_eq!(Schedule::default().next_change(at(3)), None);
    }

    #[test]
    fn a_date_that_is_here_is_not_waited_for() {
        // R-LIFE-10: the next change is after now, or an open location would be looked at for ever.
        let from = |start| Schedule { start: at(start), ..Schedule::default() };
        assert_eq!(
            [3, 2, 1].map(|start| from(start).next_change(at(2))),
            [Some(at(3)), None, None]
        );
        let dated = Schedule { stop: Some(at(4)), ..from(2) };
        assert_eq!(
            [1, 2, 3, 4].map(|now| dated.next_change(at(now))),
            [Some(at(2)), Some(at(4)), Some(at(4)), None]
        );
    }
}
