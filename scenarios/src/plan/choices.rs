//! Choices: what the sources leave open or tell in two ways, beyond schedules and MessageBoxes.
//!
//! They are the engine's own; here they only get their words.

use floodgate_engine::config::{
    AliasChoice, Choices, DoubleSubmit, FailedStatus, NullCallback, PromotedLength, RetryCount,
    SuspendedStatus,
};

use super::bind::{Bind, Binder};
use super::row::{Kind, Row, Shape};
use super::word::words_of;

words_of! {
    ALIAS: AliasChoice { First = "first", Longest = "longest", }
    DOUBLE_SUBMIT: DoubleSubmit { BatchFails = "batch_fails", DoneFails = "done_fails", }
    FAILED_STATUS: FailedStatus { EFail = "e_fail", FirstFailure = "first_failure", }
    NULL_CALLBACK: NullCallback { Allowed = "allowed", Refused = "refused", }
    PROMOTED_LENGTH: PromotedLength { Chars255 = "255", Chars256 = "256", }
    RETRY_COUNT: RetryCount { Configured = "configured", Remaining = "remaining", }
    SUSPENDED_STATUS: SuspendedStatus { MessageSuspended = "message_suspended", SFalse = "s_false", }
}

pub(crate) static CHOICES: Shape = Shape::of(
    "choices",
    "what the sources leave open, or tell in two ways",
    &[
        Row::default(
            "alias",
            Kind::Word(ALIAS),
            "'longest'",
            "which of the aliases that a dynamic location begins with is taken (R-DYN-05)",
        ),
        Row::default(
            "double_submit",
            Kind::Word(DOUBLE_SUBMIT),
            "'done_fails'",
            "when one object submitted twice in a batch is noticed (R-BATCH-06)",
        ),
        Row::default(
            "failed_status",
            Kind::Word(FAILED_STATUS),
            "'e_fail'",
            "the overall status of a batch that failed (R-CLK-19)",
        ),
        Row::default(
            "null_callback",
            Kind::Word(NULL_CALLBACK),
            "'refused'",
            "whether Done takes a batch without a callback (R-BATCH-03)",
        ),
        Row::default(
            "promoted_length",
            Kind::Word(PROMOTED_LENGTH),
            "'255'",
            "characters of a promoted text at most (R-CTX-05)",
        ),
        Row::default(
            "retry_count",
            Kind::Word(RETRY_COUNT),
            "'remaining'",
            "what an adapter is shown as RetryCount (R-RETRY-02)",
        ),
        Row::default(
            "suspended_status",
            Kind::Word(SUSPENDED_STATUS),
            "'message_suspended'",
            "the overall status of a batch that suspended a message (R-BC-05)",
        ),
    ],
)
.inline();

impl Bind for Choices {
    const SHAPE: &'static Shape = &CHOICES;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("alias", &mut self.alias);
        b.key("double_submit", &mut self.double_submit);
        b.key("failed_status", &mut self.failed_status);
        b.key("null_callback", &mut self.null_callback);
        b.key("promoted_length", &mut self.promoted_length);
        b.key("retry_count", &mut self.retry_count);
        b.key("suspended_status", &mut self.suspended_status);
    }
}
