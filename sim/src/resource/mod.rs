//! What work queues for. Resources have no clock: they are told the instant and answer with one.

mod audit;
mod fcfs;
mod processor;
mod processor_sharing;

pub use audit::{Audit, Finding, Law};
pub use fcfs::Fcfs;
pub use processor::Processor;
pub use processor_sharing::ProcessorSharing;

use floodgate_engine::time::{Duration, Instant};

/// How a resource was used during its observation window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// Share of the servers' (or cores') time that was spent working, from 0 to 1.
    pub utilisation: f64,
    /// Time average of the number of jobs beyond those being served at full speed: the waiting
    /// line of [`Fcfs`], the jobs in excess of the cores of [`ProcessorSharing`].
    pub queue_mean: f64,
    /// Mean time lost to other jobs, sojourn less demand, over `jobs`; to the nanosecond below.
    pub wait_mean: Duration,
    /// Jobs submitted in the window; of [`ProcessorSharing`], those of them that have finished.
    pub jobs: u64,
}

/// Inside a resource time is finer than a nanosecond: it counts units of 2^-32 ns.
const UNIT_BITS: u32 = 32;

fn units(at: Instant) -> u128 {
    u128::from(at.as_nanos()) << UNIT_BITS
}

/// Accumulates [`Usage`] over a window, in integers, so that no order of summing matters.
#[derive(Clone, Debug)]
struct Meter {
    from: Instant,
    to: Instant,
    /// Servers at work, times units.
    busy: u128,
    /// Jobs in excess, times units.
    queued: u128,
    /// Nanoseconds, over `jobs`.
    waited: u128,
    jobs: u64,
}

impl Meter {
    const fn new(from: Instant, to: Instant) -> Self {
        Self { from, to, busy: 0, queued: 0, waited: 0, jobs: 0 }
    }

    /// Adds `[start, end)`, as far as it lies in the window, with `busy` servers at work and
    /// `queued` jobs in excess.
    fn add(&mut self, start: u128, end: u128, busy: u64, queued: u64) {
        let span = end.min(units(self.to)).saturating_sub(start.max(units(self.from)));
        self.busy += span * u128::from(busy);
        self.queued += span * u128::from(queued);
    }

    /// The same for whole nanoseconds.
    fn add_whole(&mut self, start: Instant, end: Instant, busy: u64, queued: u64) {
        let span = end.min(self.to).as_nanos().saturating_sub(start.max(self.from).as_nanos());
        self.busy += (u128::from(span) * u128::from(busy)) << UNIT_BITS;
        self.queued += (u128::from(span) * u128::from(queued)) << UNIT_BITS;
    }

    fn covers(&self, at: Instant) -> bool {
        self.from <= at && at < self.to
    }

    fn count(&mut self, wait: Duration) {
        self.jobs += 1;
        self.waited += u128::from(wait.as_nanos());
    }

    fn usage(&self, servers: u32) -> Usage {
        let window = units(self.to).saturating_sub(units(self.from));
        let share = |sum: u128| if window == 0 { 0.0 } else { sum as f64 / window as f64 };
        let wait_mean = self.waited.checked_div(u128::from(self.jobs)).unwrap_or(0);
        Usage {
            utilisation: share(self.busy) / f64::from(servers),
            queue_mean: share(self.queued),
            wait_mean: Duration::from_nanos(u64::try_from(wait_mean).unwrap_or(u64::MAX)),
            jobs: self.jobs,
        }
    }
}
