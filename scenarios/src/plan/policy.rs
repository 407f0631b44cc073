//! Policy: what the product leaves open about its MessageBoxes, and the sizes that count as large.

use floodgate_engine::time::Duration;

use super::bind::{Bind, Binder};
use super::row::{Kind, Row, Shape};
use super::word::words;

words! {
    /// In which order eligible messages of one priority are taken (R-CLK-08).
    pub enum DequeueOrder {
        /// As they were published.
        #[default]
        Publication = "publication",
        /// In an order drawn from the seed: without ordered delivery nobody promises any.
        Shuffled = "shuffled",
    }
}

words! {
    /// What becomes of the other MessageBoxes when one is lost (R-ADD-02).
    pub enum Unavailability {
        /// All are unavailable.
        All = "all",
        /// Only the master is indispensable.
        #[default]
        MasterOnly = "master_only",
    }
}

/// Choices about MessageBoxes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policy {
    /// The order of equals.
    pub dequeue_order: DequeueOrder,
    /// Whether starting a port resumes what was suspended because it was stopped.
    pub resume_on_start: bool,
    /// What the loss of one MessageBox means to the others.
    pub unavailability: Unavailability,
    /// When a change of what a MessageBox accepts takes effect.
    pub cache_refresh: Duration,
    /// Bytes at which a publishing batch is written in parts.
    pub batch_bytes: u64,
    /// Bytes of a fragment.
    pub fragment_bytes: u64,
    /// Bytes above which a message is mapped through a file.
    pub map_bytes: u64,
}

pub(crate) static POLICY: Shape = Shape::of(
    "policy",
    "what the product leaves open about its MessageBoxes, and what counts as large",
    &[
        Row::default(
            "dequeue_order",
            Kind::Word(DequeueOrder::WORDS),
            "'publication'",
            "the order of messages of one priority (R-CLK-08)",
        ),
        Row::default(
            "resume_on_start",
            Kind::Bool,
            "false",
            "whether starting a port resumes what its stop suspended (R-CLK-15)",
        ),
        Row::default(
            "unavailability",
            Kind::Word(Unavailability::WORDS),
            "'master_only'",
            "whose loss makes the others unavailable (R-ADD-02)",
        ),
        Row::default(
            "cache_refresh",
            Kind::Duration,
            "'1 min'",
            "when a change of what a MessageBox accepts takes effect (R-MMB-05)",
        ),
        Row::default(
            "batch_bytes",
            Kind::Size,
            "'1000000 B'",
            "bytes at which a publishing batch is written in parts (R-LMS-01)",
        ),
        Row::default(
            "fragment_bytes",
            Kind::Size,
            "'102400 B'",
            "bytes of a fragment: larger bodies are stored as several (R-LMS-02)",
        ),
        Row::default(
            "map_bytes",
            Kind::Size,
            "'1048576 B'",
            "bytes above which a message is mapped through a file (R-LMS-03)",
        ),
    ],
)
.inline();

impl Bind for Policy {
    const SHAPE: &'static Shape = &POLICY;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("dequeue_order", &mut self.dequeue_order);
        b.key("resume_on_start", &mut self.resume_on_start);
        b.key("unavailability", &mut self.unavailability);
        b.key("cache_refresh", &mut self.cache_refresh);
        b.key("batch_bytes", &mut self.batch_bytes);
        b.key("fragment_bytes", &mut self.fragment_bytes);
        b.key("map_bytes", &mut self.map_bytes);
    }
}
