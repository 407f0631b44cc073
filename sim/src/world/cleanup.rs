//! The cleanup jobs where their work takes time (R-GC-02).
//!
//! Each MessageBox has one, which does one thing after the other: a few rows at a time cost the
//! processor of the MessageBox's server, where it waits like anybody else, and then time of its
//! own. As long as there is anything it goes on; then it waits for its next run. \[M\] It holds no
//! locks.

use floodgate_engine::id::MessageBoxId;
use floodgate_engine::time::{Duration, Instant};

use super::compute::Job;
use super::{Due, World};
use crate::meter::Pool;
use crate::resource::Usage;

/// A job removes as many rows in one transaction as take about so long. \[M\]
const TRANSACTION: Duration = Duration::from_millis(100);

/// The cleanup job of one MessageBox.
#[derive(Clone, Debug)]
pub(super) struct Collector {
    /// The rows that it is at: in memory, and not.
    at: Option<(u64, u64)>,
    /// How much of the time it is at work.
    pool: Pool,
    /// Rows that it has removed.
    removed: u64,
    /// When it began the run that it is at, and how long its last one took.
    began: Instant,
    took: Option<Duration>,
}

impl Collector {
    pub(super) fn new((from, to): (Instant, Instant)) -> Self {
        let mut pool = Pool::over(from, to);
        pool.set(Instant::ZERO, 0, 1, 0);
        Self { at: None, pool, removed: 0, began: Instant::ZERO, took: None }
    }

    /// How long its last run took, once there was one.
    pub(super) const fn took(&self) -> Option<Duration> {
        self.took
    }

    pub(super) fn usage(&self, now: Instant) -> Usage {
        self.pool.usage(now)
    }
}

impl World {
    /// The jobs begin their run, but for those that are still at the last.
    #[cold]
    pub(super) fn collect_in_time(&mut self) {
        for home in (0..self.message_box.boxes()).map(MessageBoxId::from) {
            if self.stores.collectors[home.index()].at.is_none() {
                self.stores.collectors[home.index()].began = self.now;
                self.collect_next(home);
            }
        }
    }

    /// A job takes the next rows, if there are any.
    fn collect_next(&mut self, home: MessageBoxId) {
        let rows = self.message_box.turn_logs(home);
        let own = &mut self.stores.collectors[home.index()];
        if rows == (0, 0) || !self.jobs_run {
            own.at = None;
            own.took = Some(self.now.since(own.began));
            return own.pool.set(self.now, 0, 1, 0);
        }
        let order = self.topology.policy.cleanup;
        let rows = self.costs.collects(TRANSACTION, rows, order);
        own.at = Some(rows);
        own.pool.set(self.now, 1, 1, 0);
        let work = self.costs.collect_sql_row.times(rows.0 + rows.1);
        if work.is_zero() {
            self.collect_apart(home);
        } else {
            self.compute(self.databases[home.index()], Job::Cleanup(home), work);
        }
    }

    /// The processor has done its part of a transaction of the job: now what it does by itself.
    pub(super) fn collect_apart(&mut self, home: MessageBoxId) {
        let Some(rows) = self.stores.collectors[home.index()].at else { return };
        let done = self.now + self.costs.collecting(rows);
        self.schedule(done, Due::Collected(home));
    }

    /// The rows are gone: the job takes the next.
    pub(super) fn collected(&mut self, home: MessageBoxId) {
        let Some((warm, cold)) = self.stores.collectors[home.index()].at else { return };
        self.meters.before_cleanup(self.would_end());
        let rows = self.message_box.collect_from(home, warm, cold);
        self.stores.collectors[home.index()].removed += rows;
        self.cleaned_up(rows);
        self.collect_next(home);
    }

    /// Rows that the cleanup job of a MessageBox has removed, where its work has a price.
    #[must_use]
    pub fn removed_from(&self, home: MessageBoxId) -> u64 {
        self.stores.collectors[home.index()].removed
    }

    /// Holds the cleanup jobs, as if their service were stopped, or lets them run (R-GC-04).
    pub fn hold_cleanup(&mut self, hold: bool) {
        self.jobs_run = !hold;
        self.watch_levels();
    }

    /// What a MessageBox is called.
    #[must_use]
    pub fn name_of_box(&self, home: MessageBoxId) -> &str {
        self.box_name(home.index())
    }
}
