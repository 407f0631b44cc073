//! What the sources leave open or tell in two ways: each a choice, the recommended one the default.
//!
//! `engine/choices.tsv` lists all of them, those that stand with what they are about included, and
//! the tests that explore both sides.

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
