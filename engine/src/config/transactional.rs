//! Settings of the transactional adapters, which are adapters of their own.
//!
//! What the product forbids cannot be written down here: a transactional sender is always
//! batch-aware and never holds the engine's thread (R-TXN-08), a transactional receiver always
//! reads destructively inside its transaction (R-TXN-05).

use crate::time::Duration;

/// Settings of the transactional receive adapter: MSMQ-, MQSeries- and SQL-like ones differ only
/// in these (R-TXN-17, R-TXN-18).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TransactionalReceiveSettings {
    /// Messages in one transaction at most; the SQL adapter's is fixed at 1 (R-TXN-18).
    pub batch_messages: u32,
    /// Bytes in one transaction at most; the first message always fits (R-LMS-05).
    pub batch_bytes: u64,
    /// Interval between looks at the source; `None` looks only when notified.
    pub poll: Option<Duration>,
    /// Transactions under way at once. Strict order of receipt needs one (R-RCV-07, R-ORD-17).
    pub transactions: u32,
    /// What becomes of a message that cannot be submitted.
    pub on_poison: OnPoison,
    /// How long batches have one message after an error, before they are full again (R-TXN-18).
    pub single_for: Duration,
    /// Wait before the source is read again after an abort that promises no progress. \[M\] no
    /// document says; without it a refused commit is tried again at once, for ever.
    pub pause: Duration,
}

/// The failure policy of a transactional receive adapter (R-TXN-12). Aborting alone is no policy:
/// the message would be read, and fail, for ever (R-TXN-14).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OnPoison {
    /// Aborts and closes the location, so that nothing overtakes the message: MQSeries'
    /// `yesStop`, MSMQ's "stop" (R-ORD-17).
    Stop,
    /// Pre-emptive suspension: aborts, remembers the message's id for so long (R-TXN-13), and
    /// suspends it in the first and only batch of the transaction that reads it again.
    SuspendOnNextRead {
        /// How long an id is remembered.
        remember: Duration,
    },
    /// A second batch under the same transaction suspends the message; a batch of several is
    /// aborted first and read again one by one. `resumable` is MSMQ's choice (R-ORD-17).
    SuspendInTransaction {
        /// Whether an operator may resume what was suspended.
        resumable: bool,
    },
}

impl Default for TransactionalReceiveSettings {
    fn default() -> Self {
        Self {
            batch_messages: 100,
            batch_bytes: u64::MAX,
            poll: None,
            transactions: 1,
            on_poison: OnPoison::SuspendInTransaction { resumable: true },
            single_for: Duration::from_secs(60),
            pause: Duration::from_secs(1),
        }
    }
}

/// Settings of the transactional send adapter.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TransactionalSendSettings {
    /// The maximum it announces in `BeginBatch` (R-BSND-01).
    pub batch: u32,
    /// Its own threads: transactions under way at once.
    pub workers: u32,
    /// Where its transactions begin.
    pub begins: TransactionBegins,
}

/// Where a transactional send adapter begins its transactions.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum TransactionBegins {
    /// Before it transmits: one for each endpoint of an adapter batch (R-TXN-06).
    #[default]
    AtTransmit,
    /// In `BeginBatch`, for the engine's own part in the batch and the first endpoint of it
    /// (R-TXN-09); each other endpoint gets one before it is transmitted to (R-ADPT-13).
    InBeginBatch,
}
