//! Send adapters: blocking or not, one message at a time or a batch, and their presets.

use floodgate_engine::time::Duration;

use super::bind::{Bind, Binder};
use super::habits::{THROWS, ThrowingCall, Throws, UPDATE, Update};
use super::row::{Kind, Row, Shape};
use super::transactions::Begins;
use super::word::words;

words! {
    /// Which send adapter the defaults are taken from.
    pub enum SendKind {
        /// A folder: non-blocking, batches of 20.
        #[default]
        File = "file",
        /// HTTP: non-blocking, one message at a time, completions gathered.
        Http = "http",
        /// Holds the engine's thread until the wire is done, one message at a time.
        Sync = "sync",
        /// None: every setting as the file gives it.
        Synthetic = "synthetic",
    }
}

/// How a send adapter takes and ends its messages.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SendAdapter {
    /// The preset the defaults came from.
    pub kind: SendKind,
    /// Whether the engine's thread is held until the wire is done.
    pub blocking: bool,
    /// Whether the engine hands over batches.
    pub batched: bool,
    /// Messages in one batch, at most; 1 when not batched.
    pub batch: u32,
    /// The adapter's own threads, when it does not block.
    pub workers: u32,
    /// How finished messages are gathered before the engine hears of them; one by one when absent.
    pub completion: Option<Completion>,
    /// Whether it asks what defines the endpoint of every message of a batch (R-ADD-04).
    pub resolves: bool,
    /// Whether messages are transmitted and deleted in distributed transactions.
    pub transactional: bool,
    /// Where those begin.
    pub begins: Begins,
    /// Whether it is made when its host starts, not with its first message.
    pub init_on_start: bool,
    /// In which calls it throws.
    pub throws: Option<Throws>,
    /// How often it tries again beyond the configured retries.
    pub more_tries: u32,
    /// Whether those come first and spend no retry.
    pub keeps_retries: bool,
    /// What it has kept with the messages that it gives back.
    pub updates: Vec<Update>,
}

/// How finished messages are gathered into one batch of deletes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Completion {
    /// Messages in one completion, at most.
    pub batch: u32,
    /// How long the first of them waits for the others.
    pub wait: Duration,
}

impl SendKind {
    /// Messages that it transmits at once, unless it is said otherwise: HTTP has a hundred in
    /// flight (`HttpOutInflightSize`, R-HOST-03). \[M\] Of the others the number is not published.
    const fn workers(self) -> u32 {
        match self {
            Self::Http => 100,
            Self::File | Self::Sync | Self::Synthetic => 20,
        }
    }
}

impl SendAdapter {
    /// The defaults of `kind`.
    #[must_use]
    pub fn preset(kind: SendKind) -> Self {
        let free = Self { kind, workers: kind.workers(), batch: 1, ..Self::default() };
        match kind {
            SendKind::File => Self { batched: true, batch: 20, ..free },
            SendKind::Http => Self {
                completion: Some(Completion { batch: 5, wait: Duration::from_secs(1) }),
                ..free
            },
            SendKind::Sync => Self { blocking: true, workers: 0, ..free },
            SendKind::Synthetic => free,
        }
    }
}

const OF_KIND: &str = "as the kind has it";

static COMPLETION: Shape = Shape::of(
    "completion",
    "how finished messages are gathered into one batch of deletes",
    &[
        Row::default(
            "batch",
            Kind::Integer(1, 100_000),
            "5",
            "messages in one completion, at most",
        ),
        Row::default("wait", Kind::Duration, "'1 s'", "how long the first waits for the others"),
    ],
)
.inline();

pub(crate) static SEND_ADAPTER: Shape = Shape::of(
    "send adapter",
    "how documents are sent: a preset's name, or a table that changes a preset",
    &[
        Row::required("kind", Kind::Word(SendKind::WORDS), "the preset"),
        Row::optional("blocking", Kind::Bool, OF_KIND, "hold the engine's thread during the call"),
        Row::optional("batched", Kind::Bool, OF_KIND, "whether the engine hands over batches"),
        Row::optional(
            "batch",
            Kind::Integer(0, 100_000),
            "20 when batched, else 1",
            "messages in one batch, at most; 0 announces none (R-CLK-10)",
        ),
        Row::optional(
            "workers",
            Kind::Integer(0, 100_000),
            "20 (http: 100), or 0 when blocking",
            "the adapter's own threads",
        ),
        Row::optional("completion", Kind::Table(&COMPLETION), OF_KIND, "gathering of deletes"),
        Row::default(
            "resolves",
            Kind::Bool,
            "false",
            "ask what defines the endpoint of every message of a batch (R-ADD-04)",
        ),
        Row::default("transactional", Kind::Bool, "false", "transmit and delete in transactions"),
        Row::default(
            "begins",
            Kind::Word(Begins::WORDS),
            "'at_transmit'",
            "where a transaction begins (R-TXN-09)",
        ),
        Row::default(
            "init_on_start",
            Kind::Bool,
            "false",
            "made when its host starts, not with its first message (R-SND-01)",
        ),
        Row::optional(
            "throws",
            Kind::Table(&THROWS),
            "it never throws",
            "in which calls a synthetic adapter throws (R-SND-08)",
        ),
        Row::default(
            "more_tries",
            Kind::Integer(0, 1000),
            "0",
            "tries of a synthetic adapter beyond the configured ones (R-ADD-07)",
        ),
        Row::default(
            "keeps_retries",
            Kind::Bool,
            "false",
            "those come first: what is given back keeps its RetryCount (R-RETRY-09)",
        ),
        Row::default(
            "updates",
            Kind::Tables(&UPDATE),
            "[]",
            "what a synthetic adapter has kept with what it gives back (R-CTX-10)",
        ),
    ],
)
.short("kind")
.inline();

impl Bind for SendAdapter {
    const SHAPE: &'static Shape = &SEND_ADAPTER;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("kind", &mut self.kind);
        if b.reading() {
            *self = Self::preset(self.kind);
        }
        b.key("blocking", &mut self.blocking);
        b.key("batched", &mut self.batched);
        if b.reading() {
            self.batch = if self.batched { 20 } else { 1 };
            self.workers = if self.blocking { 0 } else { self.kind.workers() };
        }
        b.key("batch", &mut self.batch);
        b.key("workers", &mut self.workers);
        b.key("completion", &mut self.completion);
        b.key("resolves", &mut self.resolves);
        b.key("transactional", &mut self.transactional);
        b.key("begins", &mut self.begins);
        b.key("init_on_start", &mut self.init_on_start);
        b.key("throws", &mut self.throws);
        b.key("more_tries", &mut self.more_tries);
        b.key("keeps_retries", &mut self.keeps_retries);
        b.key("updates", &mut self.updates);
        if b.reading() {
            self.refuse_habits(b);
        }
        if b.reading() && self.transactional {
            self.refuse_transactions(b);
        }
        if b.reading() && !self.blocking && self.workers == 0 {
            b.refuse(
                "workers",
                "a non-blocking adapter has no workers",
                "give it at least 1, or say 'blocking = true'",
            );
        }
        if b.reading() && self.resolves && (!self.batched || self.transactional) {
            b.refuse(
                "resolves",
                "only an adapter that sorts batches, outside of transactions, asks by what",
                "R-ADD-04: say 'batched = true', or leave 'resolves' out",
            );
        }
        if b.reading() && !self.batched && self.batch > 1 {
            b.refuse(
                "batch",
                "the adapter is not batched, yet has a batch of more than one message",
                "say 'batched = true', or leave 'batch' out",
            );
        }
    }
}

impl SendAdapter {
    /// Habits that this adapter has no occasion for, or that are not its to have.
    fn refuse_habits(&self, b: &mut Binder<'_>) {
        let own = [
            ("throws", self.throws.is_some()),
            ("more_tries", self.more_tries > 0),
            ("keeps_retries", self.keeps_retries),
            ("updates", !self.updates.is_empty()),
        ];
        for (key, _) in own.into_iter().filter(|(_, is_set)| *is_set) {
            if self.kind != SendKind::Synthetic {
                let message = format!("'{}' adapters have no habits", self.kind.word());
                b.refuse(key, &message, "take kind = 'synthetic'");
            } else if self.transactional {
                let message = "a transactional adapter has no habits: an abort takes all back";
                b.refuse(key, message, "leave it out, or 'transactional'");
            } else if key != "throws" && self.blocking && !self.batched {
                b.refuse(
                    key,
                    "a blocking adapter of single messages leaves what fails to the engine",
                    "R-SND-08: say 'batched = true', or leave it out",
                );
            }
        }
        let call = self.throws.map(|throws| throws.call);
        if call.is_some_and(|call| call != ThrowingCall::TransmitMessage) && !self.batched {
            b.refuse(
                "throws",
                "the adapter is not batched: no adapter batch is begun or done",
                "R-BSND-01: say 'batched = true', or in = 'transmit_message'",
            );
        }
    }

    /// What a transactional adapter cannot be (R-TXN-08, R-TXN-17).
    fn refuse_transactions(&self, b: &mut Binder<'_>) {
        if matches!(self.kind, SendKind::File | SendKind::Http) {
            let message = format!("'{}' adapters are not transactional", self.kind.word());
            b.refuse("transactional", &message, "R-TXN-17: take kind = 'synthetic'");
        } else if self.blocking {
            b.refuse(
                "blocking",
                "a transactional adapter does not block",
                "R-TXN-08: leave 'blocking' out",
            );
        } else if !self.batched {
            b.refuse(
                "transactional",
                "a transactional adapter takes batches",
                "R-TXN-08: say 'batched = true'",
            );
        } else if self.completion.is_some() {
            b.refuse(
                "completion",
                "a transaction deletes what it transmitted, and nothing else",
                "leave 'completion' out",
            );
        }
    }
}

impl Bind for Completion {
    const SHAPE: &'static Shape = &COMPLETION;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("batch", &mut self.batch);
        b.key("wait", &mut self.wait);
    }
}
