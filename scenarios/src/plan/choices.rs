//! Choices: what the sources leave open or tell in two ways, beyond schedules and MessageBoxes.
//!
//! They are the engine's own; here they only get their words.

use floodgate_engine::config::{
    AliasChoice, BatchDone, Choices, DoubleSubmit, EmptyMaximum, FailedStatus, NullCallback,
    OrderedBackup, OutboundCharge, PromotedLength, ResponseTimeout, RetryCount, RoutingReports,
    SendTransactions, SuspendedStatus, UnroutedResume, UnroutedSuspension,
};

use super::bind::{Bind, Binder};
use super::row::{Kind, Row, Shape};
use super::word::words_of;

words_of! {
    ALIAS: AliasChoice { First = "first", Longest = "longest", }
    BATCH_DONE: BatchDone { Adapter = "adapter", Engine = "engine", }
    DOUBLE_SUBMIT: DoubleSubmit { BatchFails = "batch_fails", DoneFails = "done_fails", }
    EMPTY_MAXIMUM: EmptyMaximum { One = "one", Refused = "refused", }
    FAILED_STATUS: FailedStatus { EFail = "e_fail", FirstFailure = "first_failure", }
    NULL_CALLBACK: NullCallback { Allowed = "allowed", Refused = "refused", }
    ORDERED_BACKUP: OrderedBackup { Continues = "continues", Stops = "stops", }
    OUTBOUND_CHARGE: OutboundCharge {
        EveryAttempt = "every_attempt",
        FirstAttempt = "first_attempt",
    }
    PROMOTED_LENGTH: PromotedLength { Chars255 = "255", Chars256 = "256", }
    RESPONSE_TIMEOUT: ResponseTimeout {
        AnyPositive = "any_positive",
        OneToSixtyMinutes = "one_to_sixty_minutes",
    }
    RETRY_COUNT: RetryCount { Configured = "configured", Remaining = "remaining", }
    ROUTING_REPORTS: RoutingReports { Apart = "apart", WithBatch = "with_batch", }
    SEND_TRANSACTIONS: SendTransactions { Adapter = "adapter", Engine = "engine", }
    SUSPENDED_STATUS: SuspendedStatus { MessageSuspended = "message_suspended", SFalse = "s_false", }
    UNROUTED_RESUME: UnroutedResume { Pipeline = "pipeline", Publish = "publish", }
    UNROUTED_SUSPENSION: UnroutedSuspension { Adapter = "adapter", Engine = "engine", }
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
            "batch_done",
            Kind::Word(BATCH_DONE),
            "'engine'",
            "who says that an adapter batch is complete (R-BSND-02)",
        ),
        Row::default(
            "batch_wait",
            Kind::Duration,
            "'0 s'",
            "how long the first message of a batch waits for others, where its adapter says so",
        ),
        Row::default(
            "double_submit",
            Kind::Word(DOUBLE_SUBMIT),
            "'done_fails'",
            "when one object submitted twice in a batch is noticed (R-BATCH-06)",
        ),
        Row::default(
            "empty_maximum",
            Kind::Word(EMPTY_MAXIMUM),
            "'one'",
            "what it means that an adapter announces a batch of no messages (R-CLK-10)",
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
            "ordered_backup",
            Kind::Word(ORDERED_BACKUP),
            "'stops'",
            "what an ordered port does when it tries its backup transport (R-ORD-12)",
        ),
        Row::default(
            "outbound_charge",
            Kind::Word(OUTBOUND_CHARGE),
            "'every_attempt'",
            "for which attempts outbound map and send pipeline are charged (R-CLK-17)",
        ),
        Row::default(
            "promoted_length",
            Kind::Word(PROMOTED_LENGTH),
            "'255'",
            "characters of a promoted text at most (R-CTX-05)",
        ),
        Row::default(
            "response_timeout",
            Kind::Word(RESPONSE_TIMEOUT),
            "'any_positive'",
            "how long a request may be set to wait for its response (R-RR-02)",
        ),
        Row::default(
            "retry_count",
            Kind::Word(RETRY_COUNT),
            "'remaining'",
            "what an adapter is shown as RetryCount (R-RETRY-02)",
        ),
        Row::default(
            "routing_reports",
            Kind::Word(ROUTING_REPORTS),
            "'apart'",
            "whether a routing failure report outlives a batch that is rolled back (R-CLK-14)",
        ),
        Row::default(
            "send_transactions",
            Kind::Word(SEND_TRANSACTIONS),
            "'adapter'",
            "who creates the transaction of a transactional send (X-10)",
        ),
        Row::default(
            "suspended_status",
            Kind::Word(SUSPENDED_STATUS),
            "'message_suspended'",
            "the overall status of a batch that suspended a message (R-BC-05)",
        ),
        Row::default(
            "unrouted_resume",
            Kind::Word(UNROUTED_RESUME),
            "'publish'",
            "where a document that nobody subscribed to goes on when it is resumed (R-RIP-08)",
        ),
        Row::default(
            "unrouted_suspension",
            Kind::Word(UNROUTED_SUSPENSION),
            "'adapter'",
            "who suspends a submitted message that nobody subscribes to (X-13)",
        ),
    ],
)
.inline();

impl Bind for Choices {
    const SHAPE: &'static Shape = &CHOICES;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("alias", &mut self.alias);
        b.key("batch_done", &mut self.batch_done);
        b.key("batch_wait", &mut self.batch_wait);
        b.key("double_submit", &mut self.double_submit);
        b.key("empty_maximum", &mut self.empty_maximum);
        b.key("failed_status", &mut self.failed_status);
        b.key("null_callback", &mut self.null_callback);
        b.key("ordered_backup", &mut self.ordered_backup);
        b.key("outbound_charge", &mut self.outbound_charge);
        b.key("promoted_length", &mut self.promoted_length);
        b.key("response_timeout", &mut self.response_timeout);
        b.key("retry_count", &mut self.retry_count);
        b.key("routing_reports", &mut self.routing_reports);
        b.key("send_transactions", &mut self.send_transactions);
        b.key("suspended_status", &mut self.suspended_status);
        b.key("unrouted_resume", &mut self.unrouted_resume);
        b.key("unrouted_suspension", &mut self.unrouted_suspension);
    }
}
