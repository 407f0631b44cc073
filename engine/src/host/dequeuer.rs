//! When a host instance looks into its queue.

use crate::config::HostSettings;
use crate::time::{Duration, Instant};

/// The poll clock of one host instance (R-DEQ-03, R-CLK-07).
///
/// With a backlog it looks again at once. After an empty look it waits a tenth of the interval, or
/// what it is set to, then twice that, up to the whole interval. Empty looks are not events: it
/// parks, and when work is there the instant of the look that would have found it follows from
/// when it parked.
#[derive(Clone, Debug)]
pub(super) struct Dequeuer {
    poll: Duration,
    /// The first wait after an empty look.
    first: Duration,
    threads: u32,
    /// Looks that throttling takes away for a while; one is always left.
    less: u32,
    /// Looks under way.
    looking: u32,
    state: State,
    /// Work came while a look was under way: its result may be older than that.
    missed: bool,
    /// Looks that found nothing and were no events.
    empty: u64,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// The last look found as much as it asked for: there is more.
    Backlog,
    /// Nothing to find since an instant.
    Parked(Instant),
    /// Work is there; the next look is at an instant.
    Due(Instant),
    /// A look is under way that will tell.
    Looking,
}

impl Dequeuer {
    /// A poll clock that starts at `now`.
    pub(super) const fn new(settings: &HostSettings, now: Instant) -> Self {
        Self {
            poll: settings.poll,
            first: first_wait(settings),
            threads: settings.dequeue_threads,
            less: 0,
            looking: 0,
            state: State::Parked(now),
            missed: false,
            empty: 0,
        }
    }

    /// The same poll clock in a new process.
    pub(super) const fn again(&self, settings: &HostSettings, now: Instant) -> Self {
        Self { empty: self.empty, ..Self::new(settings, now) }
    }

    /// How often it looked before `now` and found nothing, without an event.
    pub(super) fn empty_looks(&self, now: Instant, runs: bool) -> u64 {
        match self.state {
            State::Parked(since) if runs => {
                self.empty + next_look(since, now, (self.first, self.poll)).1
            }
            State::Backlog | State::Due(_) | State::Looking | State::Parked(_) => self.empty,
        }
    }

    /// The driver says that the queue has something.
    pub(super) fn work_available(&mut self, now: Instant) {
        match self.state {
            State::Parked(since) => {
                let (at, empty) = next_look(since, now, (self.first, self.poll));
                self.empty += empty;
                self.state = State::Due(at);
            }
            State::Looking => self.missed = true,
            State::Backlog | State::Due(_) => {}
        }
    }

    /// From now on so many looks fewer may be under way at once.
    pub(super) const fn shrink(&mut self, less: u32) {
        self.less = less;
    }

    /// Whether to look now; `true` counts as a look under way.
    pub(super) fn look(&mut self, now: Instant) -> bool {
        let go = match self.state {
            State::Backlog => self.looking < self.threads.saturating_sub(self.less).max(1),
            State::Due(at) => at <= now,
            State::Parked(_) | State::Looking => false,
        };
        if go {
            self.looking += 1;
            if matches!(self.state, State::Due(_)) {
                self.state = State::Looking;
            }
        }
        go
    }

    /// A look found `found` of `asked`.
    pub(super) fn found(&mut self, now: Instant, asked: u32, found: u32) {
        self.looking -= 1;
        self.state = match (found, self.state) {
            (found, _) if found == asked => State::Backlog,
            // Found something, but not all it asked for: look once more without waiting.
            (1.., _) => State::Due(now),
            (0, State::Due(at)) => State::Due(at),
            (0, _) if self.looking > 0 => State::Looking,
            (0, _) => State::Parked(now),
        };
        if std::mem::take(&mut self.missed) {
            self.work_available(now);
        }
    }

    /// Whether a look is under way.
    pub(super) const fn is_looking(&self) -> bool {
        self.looking > 0
    }

    /// When to look next, if that is a matter of time.
    pub(super) const fn due(&self) -> Option<Instant> {
        match self.state {
            State::Due(at) => Some(at),
            State::Backlog | State::Parked(_) | State::Looking => None,
        }
    }
}

/// How long an idle poller waits at first (R-CLK-07).
const fn first_wait(settings: &HostSettings) -> Duration {
    let poll = settings.poll.as_nanos();
    let nanos = match settings.poll_first {
        Some(first) if first.as_nanos() < poll => first.as_nanos(),
        Some(_) => poll,
        None => poll / 10,
    };
    Duration::from_nanos(if nanos == 0 { 1 } else { nanos })
}

/// The first look at or after `now` of a poller that parked at `since` (R-CLK-07), and how many
/// there were before it.
fn next_look(
    since: Instant,
    now: Instant,
    (first, interval): (Duration, Duration),
) -> (Instant, u64) {
    if interval.is_zero() {
        return (now, 0);
    }
    let (mut before, mut wait) = (0, first);
    let mut at = since + wait;
    while at < now && wait < interval {
        wait = wait.times(2).min(interval);
        at += wait;
        before += 1;
    }
    if at < now {
        let looks = now.since(at).as_nanos().div_ceil(interval.as_nanos());
        at += interval.times(looks);
        before += looks;
    }
    (at, before)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(millis)
    }

    /// The first wait and the interval of a host that polls twice a second.
    fn half_a_second(poll_first: Option<Duration>) -> (Duration, Duration) {
        let settings = HostSettings { poll_first, ..HostSettings::default() };
        (first_wait(&settings), settings.poll)
    }

    #[test]
    fn an_idle_poller_waits_at_first_as_it_is_told() {
        // R-CLK-07: at 200, 600, 1100, 1600, … after parking; at every interval; and never longer.
        let look = |first, now| {
            let first = half_a_second(Some(Duration::from_millis(first)));
            next_look(ms(0), ms(now), first)
        };
        assert_eq!(
            [look(200, 1), look(200, 201), look(200, 601)].map(|at| at.0),
            [ms(200), ms(600), ms(1100)]
        );
        assert_eq!([look(500, 1), look(500, 501)], [(ms(500), 0), (ms(1000), 1)]);
        assert_eq!(look(9000, 501), look(500, 501));
    }

    #[test]
    fn an_idle_poller_doubles_from_a_tenth_to_the_whole_interval() {
        // R-CLK-07 with 500 ms: looks at 50, 150, 350, 750, 1250, 1750, … after parking.
        let cases = [
            (0, 50, 0),
            (50, 50, 0),
            (51, 150, 1),
            (151, 350, 2),
            (351, 750, 3),
            (751, 1250, 4),
            (1251, 1750, 5),
            (9000, 9250, 20),
        ];
        for (now, look, before) in cases {
            assert_eq!(
                next_look(ms(0), ms(now), half_a_second(None)),
                (ms(look), before),
                "work at {now}"
            );
        }
    }

    #[test]
    fn an_interval_of_zero_dispatches_at_once() {
        assert_eq!(next_look(ms(3), ms(7), (Duration::ZERO, Duration::ZERO)), (ms(7), 0));
    }

    #[test]
    fn empty_looks_are_counted_whether_or_not_work_came() {
        // R-CLK-07: with 500 ms, at 50, 150, 350, 750, 1250, … after parking.
        let mut dequeuer = Dequeuer::new(&HostSettings::default(), Instant::ZERO);
        assert_eq!(dequeuer.empty_looks(ms(1251), true), 5);
        assert_eq!(dequeuer.empty_looks(ms(1251), false), 0, "nobody looks for who is down");
        dequeuer.work_available(ms(400));
        assert_eq!(dequeuer.empty_looks(ms(9000), true), 3, "the fourth finds it at 750");
        let dequeuer = dequeuer.again(&HostSettings::default(), ms(2000));
        assert_eq!(dequeuer.empty_looks(ms(2100), true), 4);
    }

    #[test]
    fn with_a_backlog_it_does_not_wait() {
        // R-DEQ-03.
        let mut dequeuer = Dequeuer::new(&HostSettings::default(), Instant::ZERO);
        dequeuer.work_available(ms(10));
        assert!(!dequeuer.look(ms(10)));
        assert_eq!(dequeuer.due(), Some(ms(50)));
        assert!(dequeuer.look(ms(50)) && !dequeuer.look(ms(50)));
        dequeuer.found(ms(51), 20, 20);
        let looks = (0..9).filter(|_| dequeuer.look(ms(51))).count();
        assert_eq!(looks, 5);
        for _ in 0..looks {
            dequeuer.found(ms(52), 20, 0);
        }
        assert!(!dequeuer.look(ms(52)));
    }

    #[test]
    fn work_that_comes_during_a_look_is_not_missed() {
        let mut dequeuer = Dequeuer::new(&HostSettings::default(), Instant::ZERO);
        dequeuer.work_available(ms(0));
        assert!(dequeuer.look(ms(50)));
        dequeuer.work_available(ms(51));
        dequeuer.found(ms(52), 20, 0);
        assert_eq!(dequeuer.due(), Some(ms(102)));
    }

    #[test]
    fn while_one_look_is_under_way_another_that_found_nothing_parks_nobody() {
        // R-DEQ-02, R-CLK-07: what comes meanwhile is for the look that is still out.
        let mut dequeuer = Dequeuer::new(&HostSettings::default(), Instant::ZERO);
        dequeuer.work_available(ms(0));
        assert!(!dequeuer.is_looking() && dequeuer.look(ms(50)) && dequeuer.is_looking());
        dequeuer.found(ms(51), 20, 20);
        assert!(!dequeuer.is_looking());
        assert!(dequeuer.look(ms(51)) && dequeuer.look(ms(51)));
        dequeuer.found(ms(52), 20, 0);
        dequeuer.work_available(ms(53));
        assert_eq!((dequeuer.due(), dequeuer.is_looking()), (None, true));
        dequeuer.found(ms(54), 20, 0);
        assert_eq!((dequeuer.due(), dequeuer.is_looking()), (Some(ms(104)), false));
    }

    #[test]
    fn a_throttled_poller_has_fewer_looks_under_way_and_never_none() {
        // R-THR-03: of five at once.
        for (less, looks) in [(0, 5), (3, 2), (99, 1)] {
            let mut dequeuer = Dequeuer::new(&HostSettings::default(), Instant::ZERO);
            dequeuer.shrink(less);
            dequeuer.work_available(ms(0));
            assert!(dequeuer.look(ms(50)));
            dequeuer.found(ms(50), 20, 20);
            assert_eq!((0..9).filter(|_| dequeuer.look(ms(50))).count(), looks);
        }
    }
}
