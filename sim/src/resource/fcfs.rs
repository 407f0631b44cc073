//! Servers that take jobs in the order of their coming, each to its end.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use floodgate_engine::time::{Duration, Instant};

use super::{Meter, Usage};

/// A number of equal servers, first come first served, with an unlimited waiting line.
///
/// Since nothing overtakes, a job's finish is known when it is submitted: one event for each job.
#[derive(Clone, Debug)]
pub struct Fcfs {
    /// When the first server to be free has done all that was submitted.
    first: Instant,
    /// The same of the other servers.
    others: BinaryHeap<Reverse<Instant>>,
    /// (submitted, starts) of the jobs that may still wait, for a window opened in mid-run.
    waiting: VecDeque<(Instant, Instant)>,
    now: Instant,
    servers: u32,
    /// Jobs that had to wait.
    waits: u64,
    meter: Meter,
}

impl Fcfs {
    /// `servers` idle servers; at least one.
    #[must_use]
    pub fn new(servers: u32) -> Self {
        assert!(servers > 0, "a resource has at least one server");
        Self {
            first: Instant::ZERO,
            others: (1..servers).map(|_| Reverse(Instant::ZERO)).collect(),
            waiting: VecDeque::new(),
            now: Instant::ZERO,
            servers,
            waits: 0,
            meter: Meter::new(Instant::ZERO, Instant::MAX),
        }
    }

    /// Submits a job of `demand` at `now`, which never goes back, and gives the instant at which
    /// it finishes.
    #[inline(always)]
    pub fn submit(&mut self, now: Instant, demand: Duration) -> Instant {
        assert!(now >= self.now, "jobs are submitted in the order of time");
        self.now = now;
        while self.waiting.front().is_some_and(|(_, start)| *start <= now) {
            self.waiting.pop_front();
        }
        let start = now.max(self.first);
        let finish = start + demand;
        self.first = finish;
        if !self.others.is_empty() {
            self.find_first();
        }
        if start > now {
            self.waits += 1;
            self.waiting.push_back((now, start));
            self.meter.add_whole(now, start, 0, 1);
        }
        self.meter.add_whole(start, finish, 1, 0);
        if self.meter.covers(now) {
            self.meter.count(start.since(now));
        }
        finish
    }

    /// One of the others may be free before the server that has just been given work.
    #[inline(never)]
    fn find_first(&mut self) {
        if let Some(mut other) = self.others.peek_mut()
            && other.0 < self.first
        {
            std::mem::swap(&mut other.0, &mut self.first);
        }
    }

    /// When each server is free.
    fn free(&self) -> impl Iterator<Item = Instant> {
        std::iter::once(self.first).chain(self.others.iter().map(|other| other.0))
    }

    /// Observes `[from, to)` afresh. The window may not begin before the last job submitted; of
    /// the jobs submitted before this call their work and waiting in the window count, but not
    /// they themselves.
    pub fn observe(&mut self, from: Instant, to: Instant) {
        assert!(from >= self.now, "a window begins after the jobs already submitted");
        self.meter = Meter::new(from, to);
        for &(_, start) in &self.waiting {
            self.meter.add_whole(from, start, 0, 1);
        }
        // A server with work left at `from` works on without a gap.
        let meter = &mut self.meter;
        meter.add_whole(from, self.first, 1, 0);
        for Reverse(free) in &self.others {
            meter.add_whole(from, *free, 1, 0);
        }
    }

    /// How many jobs had to wait.
    #[must_use]
    pub const fn waits(&self) -> u64 {
        self.waits
    }

    /// Service that was submitted and is not given by `now`.
    #[must_use]
    pub fn work_left(&self, now: Instant) -> Duration {
        let left = self.free().map(|free| free.since(now));
        left.fold(Duration::ZERO, |sum, span| sum + span)
    }

    /// What was observed, to be asked when the window is over.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.meter.usage(self.servers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::ZERO + ms(millis)
    }

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn one_server_serves_in_turn() {
        let mut fcfs = Fcfs::new(1);
        fcfs.observe(at(0), at(100));
        assert_eq!(fcfs.submit(at(0), ms(10)), at(10));
        assert_eq!(fcfs.submit(at(4), ms(10)), at(20));
        assert_eq!(fcfs.submit(at(4), ms(1)), at(21));
        assert_eq!(fcfs.submit(at(50), ms(10)), at(60));
        assert!(fcfs.waiting.is_empty(), "who no longer waits is forgotten");
        let usage = fcfs.usage();
        // Busy 31 of 100 ms; the second job waits 6 ms and the third 16 ms.
        let expected = Usage {
            utilisation: 0.31,
            queue_mean: 0.22,
            wait_mean: Duration::from_micros(5_500),
            jobs: 4,
        };
        assert_eq!(usage, expected);
    }

    #[test]
    fn the_earliest_free_server_takes_the_next_job() {
        let mut fcfs = Fcfs::new(2);
        fcfs.observe(at(0), at(20));
        assert_eq!(fcfs.submit(at(0), ms(10)), at(10));
        assert_eq!(fcfs.submit(at(0), ms(3)), at(3));
        assert_eq!(fcfs.submit(at(1), ms(3)), at(6));
        assert_eq!(fcfs.submit(at(1), ms(10)), at(16));
        assert_eq!(fcfs.submit(at(1), ms(1)), at(11));
        let usage = fcfs.usage();
        let waits = ms(2 + 5 + 9).as_nanos() / 5;
        assert_eq!((usage.jobs, usage.wait_mean.as_nanos()), (5, waits));
        assert!((usage.utilisation - 27.0 / 40.0).abs() < 1e-12);
        assert!((usage.queue_mean - 16.0 / 20.0).abs() < 1e-12);
    }

    #[test]
    fn work_and_waiting_are_clipped_to_the_window() {
        let mut fcfs = Fcfs::new(1);
        fcfs.observe(at(5), at(15));
        fcfs.submit(at(0), ms(8));
        fcfs.submit(at(6), ms(20));
        // Busy over all of 5..15, one job waiting over 6..8, only it submitted inside.
        let expected = Usage { utilisation: 1.0, queue_mean: 0.2, wait_mean: ms(2), jobs: 1 };
        assert_eq!(fcfs.usage(), expected);
    }

    #[test]
    fn a_window_opened_in_mid_run_sees_what_is_under_way() {
        let mut fcfs = Fcfs::new(1);
        fcfs.submit(at(0), ms(10));
        fcfs.submit(at(1), ms(10));
        fcfs.submit(at(2), ms(1));
        fcfs.observe(at(15), at(25));
        let expected =
            Usage { utilisation: 0.6, queue_mean: 0.5, wait_mean: Duration::ZERO, jobs: 0 };
        assert_eq!(fcfs.usage(), expected);
    }
}
