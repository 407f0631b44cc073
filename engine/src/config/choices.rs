//! What the sources leave open or tell in two ways: each a choice, the recommended one the default.
//!
//! `engine/choices.tsv` lists all of them, those that stand with what they are about included, and
//! the tests that explore both sides.

use crate::time::Duration;

/// The choices of a whole installation.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Choices {
    /// The longest promoted text.
    pub promoted_length: PromotedLength,
    /// Whether a batch needs a callback.
    pub null_callback: NullCallback,
    /// When an object that is submitted twice in a batch is noticed.
    pub double_submit: DoubleSubmit,
    /// What a batch says as a whole that suspended a message.
    pub suspended_status: SuspendedStatus,
    /// What a batch says as a whole that failed.
    pub failed_status: FailedStatus,
    /// What the context holds as `RetryCount`.
    pub retry_count: RetryCount,
    /// Which of the aliases that a location begins with is taken.
    pub alias: AliasChoice,
    /// Who says that an adapter batch is complete.
    pub batch_done: BatchDone,
    /// How long the first message of a batch waits for company, where its adapter says so.
    pub batch_wait: Duration,
    /// What an announced maximum of zero means.
    pub empty_maximum: EmptyMaximum,
    /// What an ordered port does that tries its backup transport.
    pub ordered_backup: OrderedBackup,
    /// For which attempts outbound map and send pipeline are charged.
    pub outbound_charge: OutboundCharge,
    /// When a routing failure report is written.
    pub routing_reports: RoutingReports,
    /// How long a request may be set to wait.
    pub response_timeout: ResponseTimeout,
    /// Who creates the transaction of a transactional send.
    pub send_transactions: SendTransactions,
    /// Where a document that nobody subscribed to goes on when it is resumed.
    pub unrouted_resume: UnroutedResume,
    /// Who suspends what found no subscriber.
    pub unrouted_suspension: UnroutedSuspension,
}

/// The longest text that may be promoted (X-05, R-CTX-05).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum PromotedLength {
    /// 255 characters, as the pages about context properties have it.
    #[default]
    Chars255,
    /// 256 characters, as the page about processing has it.
    Chars256,
}

impl PromotedLength {
    /// Characters at most.
    #[must_use]
    pub const fn chars(self) -> usize {
        match self {
            Self::Chars255 => 255,
            Self::Chars256 => 256,
        }
    }
}

/// Whether `Done` takes a batch that has no callback (X-07, R-BATCH-03).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum NullCallback {
    /// It is done as any other, and nobody hears of it.
    Allowed,
    /// A bad argument.
    #[default]
    Refused,
}

/// When an object that is submitted twice in one batch is noticed (R-BATCH-06).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum DoubleSubmit {
    /// When the batch is carried out: the second of the two fails, and the batch with it.
    BatchFails,
    /// At once: `Done` fails, and no `BatchComplete` follows.
    #[default]
    DoneFails,
}

/// The overall status of a batch that succeeded and suspended a message (X-01, R-BC-05).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum SuspendedStatus {
    /// `BTS_S_EPM_MESSAGE_SUSPENDED`, as the status of the message says.
    #[default]
    MessageSuspended,
    /// `S_FALSE`, which old adapters were told to look for.
    SFalse,
}

/// The overall status of a batch that failed; only its sign is promised (R-CLK-19, R-STAT-01).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum FailedStatus {
    /// `E_FAIL`, whatever failed.
    #[default]
    EFail,
    /// The status of the first message that failed.
    FirstFailure,
}

/// What the context of a delivered message holds as `RetryCount` (X-02, R-RETRY-02).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum RetryCount {
    /// What the port is configured with, at every attempt: the engine keeps the count itself, and
    /// a resubmit beyond it goes to the next transport. Adapters that ask only whether the number
    /// is above zero end up the same.
    Configured,
    /// The retries that are left: one less for each resubmit.
    #[default]
    Remaining,
}

/// Which alias a dynamic location is taken for, if it begins with several (R-DYN-05).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum AliasChoice {
    /// That which was registered first.
    First,
    /// The longest; of two equal ones the first.
    #[default]
    Longest,
}

/// Who says that an adapter batch is complete, so that transmission may start (R-BSND-02, X-04).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum BatchDone {
    /// The adapter, of those that do not hold an engine thread and need no confirm object: it
    /// starts when it has as many messages as it announced, or when the first of them has waited
    /// for [`Choices::batch_wait`]. The engine does not call `Done` for them.
    Adapter,
    /// The engine calls `Done` when the batch is full or nothing more waits.
    #[default]
    Engine,
}

/// What an adapter's announced maximum of zero means (R-CLK-10).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum EmptyMaximum {
    /// One message.
    #[default]
    One,
    /// A batch that cannot be filled: the engine clears it, and what waits has failed once.
    Refused,
}

/// What an ordered port does when it tries its backup transport, which the product does not
/// support (R-ORD-12).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum OrderedBackup {
    /// It goes on by the backup, in order.
    Continues,
    /// It stops sending: its instance is suspended with the message that was to go by the backup,
    /// and when it is resumed that goes by the primary transport again.
    #[default]
    Stops,
}

/// For which attempts outbound map and send pipeline are charged (R-CLK-17).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum OutboundCharge {
    /// For each: they run again.
    #[default]
    EveryAttempt,
    /// For the first one: the engine would keep what they made. An attempt is told from the first
    /// by the retries that are left, so this needs [`RetryCount::Remaining`].
    FirstAttempt,
}

/// How long a request may be set to wait for its response (X-08, R-RR-02). Whoever configures a
/// host or an adapter asks; what an adapter then names for a request is its own affair.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ResponseTimeout {
    /// Any time but none.
    #[default]
    AnyPositive,
    /// 1 to 60 minutes, as the page about the class has it.
    OneToSixtyMinutes,
}

impl ResponseTimeout {
    /// Whether `timeout` may be set.
    #[must_use]
    pub fn takes(self, timeout: Duration) -> bool {
        match self {
            Self::AnyPositive => !timeout.is_zero(),
            Self::OneToSixtyMinutes => {
                (Duration::from_minutes(1)..=Duration::from_minutes(60)).contains(&timeout)
            }
        }
    }
}

/// When a routing failure report is written (R-CLK-14, R-ROUTE-04).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum RoutingReports {
    /// At once, in a transaction of its own: it outlives the batch.
    #[default]
    Apart,
    /// With the batch: a rolled-back one takes it along.
    WithBatch,
}

/// Who creates the transaction of a transactional send.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum SendTransactions {
    /// The adapter, in `BeginBatch` or when it transmits.
    #[default]
    Adapter,
    /// The engine, for every adapter batch: its time runs from `BeginBatch` on, and the engine
    /// ends it if the adapter makes no use of it.
    Engine,
}

/// Where a document goes on that was suspended because nobody subscribed (R-RIP-08, X-03).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum UnroutedResume {
    /// Before the pipeline of its receive location, as a message of its own.
    Pipeline,
    /// It is published as it is.
    #[default]
    Publish,
}

/// Who suspends what was submitted and found no subscriber.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum UnroutedSuspension {
    /// The adapter, which is told that nobody subscribes; the engine does not even try.
    #[default]
    Adapter,
    /// The engine, each document by itself; the adapter is told that something was suspended.
    Engine,
}
