//! How distributed transactions end: what the coordinator takes its time for, and what goes wrong.

use floodgate_engine::time::Duration;

use super::Failure;

/// The coordinator of distributed transactions.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Coordination {
    /// Time until every branch has voted.
    pub prepare: Duration,
    /// Time from the votes to the outcome.
    pub commit: Duration,
    /// A transaction older than this is aborted, unless its branches have voted (R-CLK-13,
    /// R-LMS-02).
    pub timeout: Duration,
    /// Which transactions the partner's branch refuses to prepare.
    pub refusals: Failure,
    /// Which transactions are in doubt for a while after the votes.
    pub doubts: Failure,
    /// For how long.
    pub doubt_lasts: Duration,
    /// How doubt is resolved. \[M\] the documents name the state and leave the outcome open.
    pub doubt_ends: Resolution,
}

/// How doubt about a transaction is resolved.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Resolution {
    /// Nothing of it happened.
    Abort,
    /// All of it happened.
    #[default]
    Commit,
}

impl Default for Coordination {
    fn default() -> Self {
        Self {
            prepare: Duration::ZERO,
            commit: Duration::ZERO,
            timeout: Duration::from_minutes(60),
            refusals: Failure::Never,
            doubts: Failure::Never,
            doubt_lasts: Duration::from_secs(10),
            doubt_ends: Resolution::Commit,
        }
    }
}
