//! Meters: what a run measured over its window.

use floodgate_engine::time::{Duration, Instant};
use hdrhistogram::Histogram;

use crate::resource::Usage;

/// Significant digits of the latency of a whole run, and of one port.
const DIGITS: u8 = 3;
const PORT_DIGITS: u8 = 2;

/// A level integrated over the window, for time averages.
#[derive(Clone, Debug)]
pub struct Level {
    from: Instant,
    to: Instant,
    since: Instant,
    value: u64,
    /// Value × nanoseconds.
    area: u128,
    max: u64,
    at_from: u64,
    at_to: u64,
}

impl Level {
    /// A level of zero, integrated from `from` to `to`.
    #[must_use]
    pub const fn over(from: Instant, to: Instant) -> Self {
        Self { from, to, since: Instant::ZERO, value: 0, area: 0, max: 0, at_from: 0, at_to: 0 }
    }

    /// The level is `value` from now on.
    #[inline(always)]
    pub fn set(&mut self, now: Instant, value: u64) {
        self.advance(now);
        self.value = value;
        self.max = self.max.max(value);
    }

    /// Whether `now` lies in the window.
    #[must_use]
    pub fn covers(&self, now: Instant) -> bool {
        self.from <= now && now < self.to
    }

    fn advance(&mut self, now: Instant) {
        let (from, to) = (self.since.max(self.from), now.min(self.to));
        if self.since <= self.from && self.from < now {
            self.at_from = self.value;
        }
        if self.since <= self.to && self.to < now {
            self.at_to = self.value;
        }
        self.area += u128::from(to.since(from).as_nanos()) * u128::from(self.value);
        self.since = now;
    }

    /// The time average over the part of the window before `now`, or before the last change if
    /// that came later: what was counted and what it is divided by are of the same time.
    #[must_use]
    pub fn mean(&self, now: Instant) -> f64 {
        let now = now.max(self.since);
        let mut self_now = self.clone();
        self_now.advance(now);
        let span = now.min(self.to).since(self.from).as_nanos();
        if span == 0 { self.value as f64 } else { self_now.area as f64 / span as f64 }
    }

    /// The integral over the window so far, in units of value × nanoseconds.
    #[must_use]
    pub fn area(&self, now: Instant) -> u128 {
        let mut self_now = self.clone();
        self_now.advance(now);
        self_now.area
    }

    /// How much it grew from the beginning of the window to its end, or to `now`.
    #[must_use]
    pub fn growth(&self, now: Instant) -> i64 {
        let mut self_now = self.clone();
        self_now.advance(now);
        let last = if self.to < now { self_now.at_to } else { self_now.value };
        last.cast_signed() - self_now.at_from.cast_signed()
    }

    /// The highest value ever.
    #[must_use]
    pub const fn max(&self) -> u64 {
        self.max
    }

    /// When it was set last.
    #[must_use]
    pub const fn since(&self) -> Instant {
        self.since
    }

    /// The value now.
    #[must_use]
    pub const fn value(&self) -> u64 {
        self.value
    }
}

/// A pool of places measured by its levels: engine threads, or calls that a partner serves.
#[derive(Clone, Debug)]
pub struct Pool {
    busy: Level,
    places: Level,
    waiting: Level,
    /// What began so far, and what of it in the window.
    begun: u64,
    jobs: u64,
}

impl Pool {
    /// An idle pool, observed from `from` to `to`.
    #[must_use]
    pub const fn over(from: Instant, to: Instant) -> Self {
        Self {
            busy: Level::over(from, to),
            places: Level::over(from, to),
            waiting: Level::over(from, to),
            begun: 0,
            jobs: 0,
        }
    }

    /// The pool is at these levels from now on; nothing is done if it was already.
    #[inline(always)]
    pub fn set(&mut self, now: Instant, busy: u64, places: u64, waiting: u64) {
        if busy != self.busy.value() {
            self.busy.set(now, busy);
        }
        if places != self.places.value() {
            self.places.set(now, places);
        }
        if waiting != self.waiting.value() {
            self.waiting.set(now, waiting);
        }
    }

    /// So many began in all. Places that are handed on at once are as busy as before, so that the
    /// levels do not tell; a count that is less began anew.
    #[inline(always)]
    pub fn begun(&mut self, now: Instant, total: u64) {
        if total != self.begun {
            let more = total.checked_sub(self.begun).unwrap_or(total);
            self.begun = total;
            self.jobs += if self.waiting.covers(now) { more } else { 0 };
        }
    }

    /// One more began.
    pub fn begins(&mut self, now: Instant) {
        self.begun(now, self.begun + 1);
    }

    /// How the pool was used up to `now`.
    #[must_use]
    pub fn usage(&self, now: Instant) -> Usage {
        let (busy, places) = (self.busy.mean(now), self.places.mean(now));
        let waited = self.waiting.area(now) / u128::from(self.jobs.max(1));
        Usage {
            utilisation: if places > 0.0 { busy / places } else { 0.0 },
            queue_mean: self.waiting.mean(now),
            wait_mean: Duration::from_nanos(u64::try_from(waited).unwrap_or(u64::MAX)),
            jobs: self.jobs,
        }
    }
}

/// What one send port did.
#[derive(Clone, Debug)]
pub struct PortMeter {
    /// Documents transmitted, over the whole run.
    pub processed: u64,
    /// Documents transmitted in the window.
    pub processed_in_window: u64,
    /// Attempts on the wire.
    pub attempts: u64,
    /// Resubmits.
    pub resubmitted: u64,
    /// Suspensions.
    pub suspended: u64,
    /// Error messages in place of them.
    pub error_messages: u64,
    /// Latency of what it transmitted in the window, in nanoseconds.
    pub latency: Histogram<u64>,
    /// Sum of those latencies, exact.
    pub latency_sum: u128,
}

/// How the requests of waiting clients ended (R-RR-16), and what came too late (R-CLK-16).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Answers {
    /// Nothing: the process that was to answer died (R-CRASH-03).
    pub broken: u64,
    /// 202: one-way messages that were taken.
    pub accepted: u64,
    /// 500: failures and time-outs.
    pub failed: u64,
    /// Faults that the engine made, among those.
    pub faults: u64,
    /// Responses that found nobody waiting.
    pub late: u64,
    /// 200: responses.
    pub responses: u64,
    /// 401.
    pub unauthorized: u64,
}

/// Everything measured.
#[derive(Clone, Debug)]
pub struct Meters {
    from: Instant,
    to: Instant,
    /// Documents offered by the loads.
    pub offered: u64,
    /// The same, in the window.
    pub offered_in_window: u64,
    /// Documents accepted from adapters; what orchestrations send is not received.
    pub received: u64,
    /// The same, in the window.
    pub received_in_window: u64,
    /// Documents transmitted, per subscription.
    pub processed: u64,
    /// The same, in the window.
    pub processed_in_window: u64,
    /// Routing failure reports.
    pub routing_failures: u64,
    /// Messages and references suspended.
    pub suspended: u64,
    /// Error messages published in place of suspensions.
    pub error_messages: u64,
    /// Rows of tracking data that tracking hosts have moved.
    pub tracked: u64,
    /// The same, in the window.
    pub tracked_in_window: u64,
    /// Rows of tracking data in the MessageBoxes.
    pub tracking: Level,
    /// Messages in full that wait there to be copied.
    pub tracked_bodies: Level,
    /// Resubmits.
    pub resubmitted: u64,
    /// Latency in the window, in nanoseconds: final transmissions only.
    pub latency: Histogram<u64>,
    /// Sum of those latencies, exact.
    pub latency_sum: u128,
    /// Spool rows, garbage included.
    pub spool: Level,
    /// The spool's level as it was before a cleanup job ran after the last of the work.
    spool_before: Option<Level>,
    /// Rows of the spool that the cleanup jobs removed in the window.
    pub collected_in_window: u64,
    /// When the last row of the spool was collected, the last time that this happened.
    pub spool_emptied: Option<Instant>,
    /// Offered and not finished.
    pub backlog: Level,
    /// One while a host instance is throttled, in either direction (R-THR-02), else nothing.
    pub throttled: Level,
    /// Per port.
    pub ports: Vec<PortMeter>,
    /// What clients were told, and what came too late for them.
    pub answers: Answers,
}

impl Meters {
    /// Meters for `ports` send ports, over a window.
    #[must_use]
    pub fn over(from: Instant, to: Instant, ports: usize) -> Self {
        let histogram = |digits| {
            let mut histogram = Histogram::new(digits).expect("the digits are allowed");
            histogram.auto(true);
            histogram
        };
        let port = PortMeter {
            processed: 0,
            processed_in_window: 0,
            attempts: 0,
            resubmitted: 0,
            suspended: 0,
            error_messages: 0,
            latency: histogram(PORT_DIGITS),
            latency_sum: 0,
        };
        Self {
            from,
            to,
            offered: 0,
            offered_in_window: 0,
            received: 0,
            received_in_window: 0,
            processed: 0,
            processed_in_window: 0,
            routing_failures: 0,
            suspended: 0,
            error_messages: 0,
            tracked: 0,
            tracked_in_window: 0,
            tracking: Level::over(from, to),
            tracked_bodies: Level::over(from, to),
            resubmitted: 0,
            latency: histogram(DIGITS),
            latency_sum: 0,
            spool: Level::over(from, to),
            spool_before: None,
            collected_in_window: 0,
            spool_emptied: None,
            backlog: Level::over(from, to),
            throttled: Level::over(from, to),
            ports: vec![port; ports],
            answers: Answers::default(),
        }
    }

    fn in_window(&self, at: Instant) -> bool {
        (self.from..self.to).contains(&at)
    }

    /// The cleanup job is about to run. If the work ended at `ended` and no later, what it does is
    /// no part of the run.
    pub(crate) fn before_cleanup(&mut self, ended: Instant) {
        if self.spool.since() <= ended {
            self.spool_before = Some(self.spool.clone());
        }
    }

    /// The cleanup job removed so many rows.
    pub(crate) fn collected(&mut self, now: Instant, rows: u64) {
        if self.in_window(now) {
            self.collected_in_window += rows;
        }
    }

    /// The mean of the spool's rows over the window, of a run that ended at `ended`.
    #[must_use]
    pub fn spool_mean(&self, ended: Instant) -> f64 {
        let before = self.spool_before.as_ref().filter(|_| self.spool.since() > ended);
        before.unwrap_or(&self.spool).mean(ended)
    }

    /// `documents` are offered.
    pub fn offered(&mut self, now: Instant, documents: u64) {
        self.offered += documents;
        self.offered_in_window += if self.in_window(now) { documents } else { 0 };
    }

    /// A document is accepted.
    pub fn received(&mut self, now: Instant) {
        self.received += 1;
        self.received_in_window += u64::from(self.in_window(now));
    }

    /// Tracking hosts have moved so many rows.
    pub fn tracked(&mut self, now: Instant, rows: u64) {
        self.tracked += rows;
        self.tracked_in_window += if self.in_window(now) { rows } else { 0 };
    }

    /// A document is transmitted by `port`; its latency counts if it arrived in the window.
    #[inline(always)]
    pub fn processed(&mut self, now: Instant, port: usize, arrived: Instant, is_final: bool) {
        let in_window = self.in_window(now);
        let nanos = now.since(arrived).as_nanos();
        let sampled = self.in_window(arrived);
        let meter = &mut self.ports[port];
        meter.processed += 1;
        meter.processed_in_window += u64::from(in_window);
        self.processed += 1;
        self.processed_in_window += u64::from(in_window);
        if sampled {
            meter.latency.record(nanos).expect("a latency histogram grows by itself");
            meter.latency_sum += u128::from(nanos);
            if is_final {
                self.latency.record(nanos).expect("a latency histogram grows by itself");
                self.latency_sum += u128::from(nanos);
            }
        }
    }

    /// What came at `arrived` was through at `at`, as is known since: a solicit to whose reply
    /// nobody subscribes.
    pub(crate) fn through(&mut self, at: Instant, arrived: Instant) {
        if self.in_window(arrived) {
            let nanos = at.since(arrived).as_nanos();
            self.latency.record(nanos).expect("a latency histogram grows by itself");
            self.latency_sum += u128::from(nanos);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_averages_over_its_window_only() {
        let at = Instant::from_nanos;
        let mut level = Level::over(at(10), at(20));
        level.set(at(5), 100);
        level.set(at(12), 4);
        level.set(at(18), 50);
        // 2 ns at 100, 6 ns at 4, 2 ns at 50, over 10 ns.
        assert!((level.mean(at(30)) - 32.4).abs() < 1e-12);
        assert_eq!((level.max(), level.area(at(30))), (100, 324));
    }

    #[test]
    fn what_the_cleanup_does_after_the_work_is_no_part_of_the_mean() {
        // R-GC-02: 50 rows wait for the job, which runs long after the last of the work.
        let at = Instant::from_nanos;
        let mut meters = Meters::over(Instant::ZERO, at(1_000), 1);
        meters.spool.set(at(0), 20);
        meters.spool.set(at(5), 50);
        meters.before_cleanup(at(10));
        meters.spool.set(at(600), 0);
        assert!((meters.spool_mean(at(10)) - 35.0).abs() < 1e-12);
        // A mean that is asked for too early is of the time that was counted.
        assert!((meters.spool.mean(at(10)) - (100.0 + 50.0 * 595.0) / 600.0).abs() < 1e-9);
        // A job between two pieces of work is a part of it.
        meters.spool.set(at(700), 4);
        assert!((meters.spool_mean(at(800)) - (100.0 + 50.0 * 595.0 + 400.0) / 800.0).abs() < 1e-9);
    }

    #[test]
    fn a_percentile_is_the_nearest_rank() {
        // PH.k6: the 99th percentile of 1, 2, … 1000.
        let at = Instant::from_nanos;
        let mut meters = Meters::over(Instant::ZERO, at(5_000), 1);
        for takes in 1..=1000 {
            meters.processed(at(2_000 + takes), 0, at(2_000), true);
        }
        assert_eq!(meters.latency.value_at_quantile(0.99), 990);
    }
}
