//! What the engine and the partner do to an adapter in one trial.

use crate::batch::{OperationKind, Status};
use crate::time::Duration;

/// Which end of an adapter's `Done` comes first (R-BC-07).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Race {
    /// `BatchComplete`, then `Done` returns.
    CompleteFirst,
    /// `Done` returns, then `BatchComplete`.
    #[default]
    ReturnFirst,
}

/// A message for the adapter to send.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outgoing {
    /// When it is dequeued.
    pub at: Duration,
    /// Its port, which has an endpoint of its own.
    pub port: u32,
    /// Retries left at its first delivery.
    pub retries: u32,
    /// How many attempts fail on the wire.
    pub failures: u32,
    /// Retries on the backup transport, if there is one.
    pub backup: Option<u32>,
    /// Whether a reply is to be submitted (R-SR-01).
    pub solicit: bool,
}

impl Outgoing {
    pub(super) const fn of_port(port: u32) -> Self {
        Self { at: Duration::ZERO, port, retries: 2, failures: 0, backup: None, solicit: false }
    }

    pub(super) const fn failing(self, failures: u32) -> Self {
        Self { failures, ..self }
    }

    pub(super) const fn with_retries(self, retries: u32) -> Self {
        Self { retries, ..self }
    }
}

/// A status that the engine gives to one operation on one message instead of its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verdict {
    /// The message's number.
    pub number: u64,
    /// The operation.
    pub kind: OperationKind,
    /// What it gets.
    pub status: Status,
    /// How often.
    pub times: u32,
}

/// One trial.
#[derive(Clone, Debug)]
pub(super) struct Script {
    /// When a message arrives, and at which location; numbered from 1.
    pub arrivals: Vec<(Duration, u32)>,
    /// Receive locations.
    pub locations: u32,
    /// Whether they are two-way (R-LIFE-04).
    pub two_way: bool,
    /// Messages that a source gives in one fetch at most.
    pub fetch_max: u32,
    /// Messages to send; numbered from 1.
    pub outgoing: Vec<Outgoing>,
    /// Whether the adapter takes adapter batches (R-SND-02).
    pub batched: bool,
    /// Messages that the engine puts into one adapter batch at most.
    pub engine_batch: u32,
    /// One message at a time: the next when the one before has come to its end (R-ORD-04).
    pub ordered: bool,
    /// Which end of `Done` comes first.
    pub race: Race,
    /// How long `Done` is held (R-DONE-03).
    pub done_blocks: Duration,
    /// Statuses against the rule.
    pub verdicts: Vec<Verdict>,
    /// When the first location is removed.
    pub remove_at: Option<Duration>,
    /// When `Terminate` is called.
    pub terminate_at: Option<Duration>,
    /// Whether redeliveries go to another instance of the adapter (R-RETRY-06).
    pub elsewhere: bool,
    /// How many commits of the adapter's transactions fail.
    pub failing_commits: u32,
    /// How many adapter batches are cleared instead of done (R-BSND-04).
    pub clears: u32,
    /// Whether a response comes before the `BatchComplete` of its request (R-BC-08).
    pub early_response: bool,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            arrivals: Vec::new(),
            locations: 0,
            two_way: false,
            fetch_max: u32::MAX,
            outgoing: Vec::new(),
            batched: false,
            engine_batch: 20,
            ordered: false,
            race: Race::default(),
            done_blocks: Duration::ZERO,
            verdicts: Vec::new(),
            remove_at: None,
            terminate_at: None,
            elsewhere: false,
            failing_commits: 0,
            clears: 0,
            early_response: false,
        }
    }
}

impl Script {
    /// `count` messages arrive at one location, one a millisecond.
    pub(super) fn receiving(count: u32) -> Self {
        let arrivals = (0..u64::from(count)).map(|n| (Duration::from_millis(n), 0)).collect();
        Self { arrivals, locations: 1, ..Self::default() }
    }

    /// These messages are sent.
    pub(super) fn sending(outgoing: Vec<Outgoing>) -> Self {
        Self { outgoing, ..Self::default() }
    }

    /// One operation gets this status, every time.
    pub(super) fn refusing(mut self, number: u64, kind: OperationKind, status: Status) -> Self {
        self.verdicts.push(Verdict { number, kind, status, times: u32::MAX });
        self
    }

    /// One operation gets this status, once.
    pub(super) fn refusing_once(self, number: u64, kind: OperationKind, status: Status) -> Self {
        let mut script = self.refusing(number, kind, status);
        if let Some(verdict) = script.verdicts.last_mut() {
            verdict.times = 1;
        }
        script
    }
}
