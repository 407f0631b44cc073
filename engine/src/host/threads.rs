//! The engine's thread pool: tokens leased to frames.

use crate::config::HostSettings;
use crate::time::{Duration, Instant};

/// How many engine threads exist and how many are leased (R-THR-01).
///
/// The pool starts at a share of its maximum and grows by one thread at a time while work waits.
/// \[M\] the pace of growth is not documented: knob `thread_growth`; it does not shrink by itself.
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
        }
    }

    /// Leases a thread, growing the pool if it may.
    pub(super) fn lease(&mut self, now: Instant) -> bool {
        if self.leased >= self.allowed() || (self.leased == self.exist && !self.grow(now)) {
            return false;
        }
        self.leased += 1;
        true
    }

    /// Threads that may be leased at once.
    pub(super) fn allowed(&self) -> u32 {
        self.max.saturating_sub(self.less).max(self.least)
    }

    /// From now on so many threads fewer may be used; those that are stay so until released.
    pub(super) const fn shrink(&mut self, less: u32) {
        self.less = less;
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
    }

    /// When the pool may grow next, if it can.
    pub(super) fn grows_at(&self) -> Option<Instant> {
        let may = self.leased < self.allowed();
        (may && self.leased == self.exist && self.exist < self.max)
            .then(|| self.grown_at + self.growth)
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
        assert_eq!(pool.grows_at(), Some(at(1)));
        assert!(pool.lease(at(1)) && !pool.lease(at(1)));
        pool.release();
        assert_eq!((pool.leased(), pool.exist(), pool.lease(at(1))), (2, 3, true));
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
    fn never_grows_past_its_maximum() {
        let settings =
            HostSettings { threads: 3, thread_growth: Duration::ZERO, ..HostSettings::default() };
        let mut pool = ThreadPool::new(&settings, 2);
        let leases = (0..10).filter(|_| pool.lease(Instant::ZERO)).count();
        assert_eq!((leases, pool.grows_at()), (6, None));
    }
}
