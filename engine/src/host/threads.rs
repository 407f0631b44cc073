//! The engine's thread pool: tokens leased to frames.

use std::hint::cold_path;

use crate::config::HostSettings;
use crate::time::{Duration, Instant};

/// Longer than any run.
const NEVER: Duration = Duration::from_nanos(u64::MAX / 4);

/// How many engine threads exist and how many are leased (R-THR-01).
///
/// The pool starts at a share of its maximum and grows by one thread at a time while work waits.
/// When not all were in use for a while, one ends, and another for every such while, down to those
/// it started with; that is seen when one is next needed. \[M\] Neither pace is documented: knobs
/// `thread_growth` and `thread_idle`.
#[derive(Clone, Debug)]
pub(super) struct ThreadPool {
    exist: u32,
    leased: u32,
    max: u32,
    /// The least that throttling leaves. \[M\] not published: as many as there are at the start.
    least: u32,
    /// Threads that throttling takes away for a while.
    less: u32,
    growth: Duration,
    grown_at: Instant,
    idle: Duration,
    /// When all that exist were last in use, or the last of the idle ones ended.
    full_at: Instant,
}

impl ThreadPool {
    pub(super) fn new(settings: &HostSettings, cpus: u32) -> Self {
        let max = settings.threads.saturating_mul(cpus).max(1);
        let start = (u64::from(max) * u64::from(settings.threads_start)).div_ceil(100);
        let exist = u32::try_from(start).unwrap_or(max).clamp(1, max);
        Self {
            exist,
            leased: 0,
            max,
            least: exist,
            less: 0,
            growth: settings.thread_growth,
            grown_at: Instant::ZERO,
            idle: if settings.thread_idle.is_zero() { NEVER } else { settings.thread_idle },
            full_at: Instant::ZERO,
        }
    }

    /// Leases a thread, growing the pool if it may.
    pub(super) fn lease(&mut self, now: Instant) -> bool {
        if now >= self.full_at + self.idle {
            cold_path();
            self.end_idle(now);
        }
        if self.leased >= self.allowed() || (self.leased == self.exist && !self.grow(now)) {
            return false;
        }
        self.leased += 1;
        if self.leased == self.exist {
            self.full_at = now;
        }
        true
    }

    /// The threads end that nobody has needed.
    fn end_idle(&mut self, now: Instant) {
        let whiles = now.since(self.full_at).as_nanos() / self.idle.as_nanos();
        let spare = self.exist.saturating_sub(self.leased.max(self.least));
        self.exist -= u32::try_from(whiles).unwrap_or(u32::MAX).min(spare);
        self.full_at += self.idle.times(whiles);
    }

    /// Threads that may be leased at once.
    pub(super) fn allowed(&self) -> u32 {
        self.max.saturating_sub(self.less).max(self.least)
    }

    /// From now on so many threads fewer may be used. Those that exist beyond them end: the idle
    /// ones at once, the others as they are released (R-THR-01).
    pub(super) fn shrink(&mut self, less: u32) {
        self.less = less;
        self.end_beyond();
    }

    fn end_beyond(&mut self) {
        self.exist = self.exist.min(self.allowed().max(self.leased));
    }

    fn grow(&mut self, now: Instant) -> bool {
        if self.exist == self.max || now < self.grown_at + self.growth {
            return false;
        }
        self.exist += 1;
        self.grown_at = now;
        true
    }

    pub(super) fn release(&mut self) {
        assert!(self.leased > 0, "a thread is released once per lease");
        self.leased -= 1;
        if self.less > 0 {
            cold_path();
            self.end_beyond();
        }
    }

    /// When the pool may grow next, if it can.
    pub(super) fn grows_at(&self) -> Option<Instant> {
        let may = self.leased < self.allowed();
        (may && self.leased == self.exist && self.exist < self.max)
            .then(|| self.grown_at + self.growth)
    }

    /// Since when every thread that there may ever be is leased, if it is.
    pub(super) fn exhausted_since(&self) -> Option<Instant> {
        (self.leased >= self.max).then_some(self.full_at)
    }

    pub(super) const fn leased(&self) -> u32 {
        self.leased
    }

    pub(super) const fn exist(&self) -> u32 {
        self.exist
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_at_a_tenth_and_grows_one_by_one_while_work_waits() {
        // R-THR-01.
        let settings =
            HostSettings { thread_growth: Duration::from_secs(1), ..HostSettings::default() };
        let mut pool = ThreadPool::new(&settings, 1);
        let at = |secs| Instant::ZERO + Duration::from_secs(secs);
        assert!(pool.lease(at(0)) && pool.lease(at(0)));
        assert!(!pool.lease(at(0)));
        assert_eq!((pool.grows_at(), pool.exhausted_since()), (Some(at(1)), None));
        assert!(pool.lease(at(1)) && !pool.lease(at(1)));
        pool.release();
        assert_eq!((pool.leased(), pool.exist(), pool.lease(at(1))), (2, 3, true));
    }

    #[test]
    fn threads_that_nobody_needs_end_one_by_one_down_to_the_first() {
        // R-THR-01: all five are in use at 0 s; from then on four of them are idle.
        let settings = |idle| HostSettings {
            threads: 20,
            thread_growth: Duration::ZERO,
            thread_idle: Duration::from_secs(idle),
            ..HostSettings::default()
        };
        let at = |secs| Instant::ZERO + Duration::from_secs(secs);
        for (idle, after, exist) in
            [(10, 9, 5), (10, 10, 4), (10, 29, 3), (10, 500, 2), (0, 500, 5)]
        {
            let mut pool = ThreadPool::new(&settings(idle), 1);
            assert_eq!((0..5).filter(|_| pool.lease(at(0))).count(), 5);
            (0..5).for_each(|_| pool.release());
            assert!(pool.lease(at(after)));
            assert_eq!(pool.exist(), exist, "{idle} s, after {after} s");
        }
    }

    #[test]
    fn a_shrunken_pool_leases_less_and_never_nothing() {
        // C.5 of the published controllers: pools shrink under memory, sessions, threads, database.
        let settings =
            HostSettings { threads: 4, thread_growth: Duration::ZERO, ..HostSettings::default() };
        let mut pool = ThreadPool::new(&settings, 1);
        pool.shrink(2);
        let leases = |pool: &mut ThreadPool| (0..9).filter(|_| pool.lease(Instant::ZERO)).count();
        assert_eq!((leases(&mut pool), pool.grows_at()), (2, None));
        pool.shrink(99);
        assert_eq!((leases(&mut pool), pool.leased(), pool.grows_at()), (0, 2, None));
        pool.release();
        pool.release();
        assert_eq!(leases(&mut pool), 1);
        pool.shrink(0);
        assert_eq!(leases(&mut pool), 3);
    }

    #[test]
    fn what_throttling_takes_away_ends_and_is_no_longer_counted() {
        // R-THR-01, R-THR-02: six of the threads exist and two are idle when three may be used;
        // who counts threads sees no more than are used or may be.
        let settings = HostSettings {
            threads: 10,
            thread_growth: Duration::ZERO,
            thread_idle: Duration::from_secs(600),
            ..HostSettings::default()
        };
        let mut pool = ThreadPool::new(&settings, 1);
        assert_eq!((0..6).filter(|_| pool.lease(Instant::ZERO)).count(), 6);
        (0..2).for_each(|_| pool.release());
        assert_eq!(pool.exist(), 6);
        pool.shrink(7);
        assert_eq!((pool.allowed(), pool.exist()), (3, 4));
        let left: Vec<u32> = std::iter::from_fn(|| {
            (pool.leased() > 0).then(|| {
                pool.release();
                pool.exist()
            })
        })
        .collect();
        assert_eq!(left, [3, 3, 3, 3]);
        pool.shrink(0);
        assert_eq!((pool.exist(), (0..9).filter(|_| pool.lease(Instant::ZERO)).count()), (3, 9));
    }

    #[test]
    fn never_grows_past_its_maximum() {
        let settings =
            HostSettings { threads: 3, thread_growth: Duration::ZERO, ..HostSettings::default() };
        let mut pool = ThreadPool::new(&settings, 2);
        let leases = (0..10).filter(|_| pool.lease(Instant::ZERO)).count();
        assert_eq!((leases, pool.grows_at()), (6, None));
        assert_eq!(pool.exhausted_since(), Some(Instant::ZERO));
        pool.release();
        assert_eq!(pool.exhausted_since(), None);
    }
}
