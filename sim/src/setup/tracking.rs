//! The tracking database, and those who fill and empty it.

use floodgate_engine::id::ServerId;
use floodgate_engine::time::Duration;

/// The tracking database and its jobs (R-GC-02, R-GC-05).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TrackingSettings {
    /// The server of the database; its processor is free if not set.
    pub server: Option<ServerId>,
    /// How often a tracking host looks into a MessageBox where it has found little. \[M\] not
    /// documented.
    pub look: Duration,
    /// Rows that one of its threads moves in one transaction. \[M\] not documented.
    pub batch: u32,
    /// Threads of a tracking host for each MessageBox.
    pub threads: u32,
    /// How often the job runs that copies messages.
    pub copy: Duration,
    /// Messages that it copies in one transaction. \[M\] not documented.
    pub copy_batch: u32,
    /// How often the job runs that deletes what is old.
    pub purge: Duration,
    /// Rows that it deletes in one transaction. \[M\] not documented.
    pub purge_batch: u64,
    /// What services that are done have left is kept for so long (soft purge).
    pub keep: Duration,
    /// Everything is deleted after so long, be it done or not (hard purge).
    pub keep_at_most: Duration,
    /// Rows that the memory of the database holds: of a larger table, the page for an index entry
    /// is there as often as its share. \[M\] keys are as good as random.
    pub cached_rows: u64,
}

impl Default for TrackingSettings {
    fn default() -> Self {
        Self {
            server: None,
            look: Duration::from_secs(1),
            batch: 100,
            threads: 4,
            copy: Duration::from_minutes(1),
            copy_batch: 1000,
            purge: Duration::from_minutes(1),
            purge_batch: 100_000,
            keep: Duration::from_minutes(7 * 24 * 60),
            keep_at_most: Duration::from_minutes(30 * 24 * 60),
            cached_rows: u64::MAX,
        }
    }
}
