//! What a run came to: everything a record is made of, and nothing of how it is shown.

use floodgate_engine::config::Holdings;
use floodgate_engine::message_box::SavedMessage;
use floodgate_engine::time::{Duration, Instant};
use hdrhistogram::Histogram;

use crate::check::{RuleVerdict, Violation};
use crate::fate::{Fates, Stuck};
use crate::meter::Meters;
use crate::probe::Samples;
use crate::resource::{Finding, Usage};
use crate::trace::StoryLine;
use crate::world::Overfull;

/// What became of the distributed transactions of a run.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct TransactionCounts {
    /// Nothing of these happened.
    pub aborted: u64,
    /// All of these happened.
    pub committed: u64,
    /// Those that were in doubt for a while, whatever became of them.
    pub in_doubt: u64,
    /// Confirm objects that were never called (R-CLK-18).
    pub leaked_confirms: u64,
}

/// What became of tracking data.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct TrackingOutcome {
    /// What was written into the tracking database.
    pub written: Holdings,
    /// What was deleted there.
    pub deleted: Holdings,
    /// What it holds at the end.
    pub holds: Holdings,
    /// By how much deleting was late when it was last seen to; nothing if nothing was old enough.
    pub late: Option<Duration>,
}

/// A suspended instance as an operator saved it before its removal (R-MBX-13, R-ADD-03).
#[derive(Clone, Debug)]
pub struct SavedInstance {
    /// When.
    pub at: Instant,
    /// Whose instance it is: a send port, an orchestration, a receive port or a location.
    pub of: String,
    /// Its messages, in publication order.
    pub messages: Vec<SavedMessage>,
}

/// The outcome of one run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The digest of all engine events.
    pub digest: String,
    /// How many events there were.
    pub events: u64,
    /// The digest at every checkpoint.
    pub checkpoints: Vec<u64>,
    /// The measured window.
    pub window: (Instant, Instant),
    /// When the run ended, in virtual time.
    pub ended: Instant,
    /// Whether nothing was left to do.
    pub quiescent: bool,
    /// What waited when it was too much, if that ended it.
    pub overfull: Option<Overfull>,
    /// Documents that were offered and have not got to all their subscribers, nor been suspended.
    pub unfinished: u64,
    /// Messages that the senders of loads gave up: they were never offered.
    pub given_up: u64,
    /// Transmissions of what had gone out before, when the process that sent it ended (INV-54).
    pub repeated: u64,
    /// What became of everything.
    pub fates: Fates,
    /// Host instances that wait for themselves, and would for ever.
    pub stuck: Vec<Stuck>,
    /// Rates, latencies, levels.
    pub meters: Meters,
    /// Final spool rows, garbage included.
    pub spool_final: u64,
    /// Distributed transactions.
    pub transactions: TransactionCounts,
    /// Tracking, if anything is tracked.
    pub tracking: Option<TrackingOutcome>,
    /// Resources by name.
    pub resources: Vec<(String, Usage)>,
    /// What the audits of the resources and of the spool found.
    pub findings: Vec<Finding>,
    /// The verdict on every check.
    pub verdicts: Vec<RuleVerdict>,
    /// The first violations.
    pub violations: Vec<Violation>,
    /// The story, if one was kept, and how many lines of it were not.
    pub story: (Vec<StoryLine>, u64),
    /// What an operator saved.
    pub saved: Vec<SavedInstance>,
    /// The sampled series.
    pub samples: Samples,
}

impl Outcome {
    /// The latencies of the window, in nanoseconds.
    #[must_use]
    pub const fn latency(&self) -> &Histogram<u64> {
        &self.meters.latency
    }

    /// The exact mean latency of the window in seconds, if there was a sample.
    #[must_use]
    pub fn latency_mean(&self) -> Option<f64> {
        let count = self.meters.latency.len();
        (count > 0).then(|| self.meters.latency_sum as f64 / count as f64 / 1e9)
    }
}
