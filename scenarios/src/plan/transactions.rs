//! Distributed transactions: how long they take and what goes wrong with them.

use floodgate_engine::time::Duration;

use super::bind::{Bind, Binder};
use super::row::{Kind, Row, Shape};
use super::send::{FAILURE, Failure};
use super::word::words;

words! {
    /// What a transactional receive adapter does with a message that cannot be submitted.
    pub enum OnPoison {
        /// Aborts and closes the location.
        Stop = "stop",
        /// Suspends it in a second batch under the same transaction.
        #[default]
        Suspend = "suspend",
        /// The same, and nobody may resume it.
        SuspendNonResumable = "suspend_non_resumable",
        /// Aborts, and suspends it when it is read again.
        SuspendOnNextRead = "suspend_on_next_read",
    }
}

words! {
    /// Where a transactional send adapter begins its transactions.
    pub enum Begins {
        /// Before it transmits, one for each endpoint.
        #[default]
        AtTransmit = "at_transmit",
        /// In BeginBatch, one for all of the batch.
        InBeginBatch = "in_begin_batch",
    }
}

words! {
    /// How doubt about a transaction ends.
    pub enum Resolution {
        /// Nothing of it happened.
        Abort = "abort",
        /// All of it happened.
        #[default]
        Commit = "commit",
    }
}

/// The coordinator of distributed transactions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transactions {
    /// Time until every branch has voted.
    pub prepare: Duration,
    /// Time from the votes to the outcome.
    pub commit: Duration,
    /// An older transaction is aborted.
    pub timeout: Duration,
    /// Which transactions the partner refuses to prepare.
    pub refuse: Option<Failure>,
    /// Which transactions are in doubt for a while.
    pub doubt: Option<Failure>,
    /// For how long.
    pub doubt_lasts: Duration,
    /// How that ends.
    pub doubt_ends: Resolution,
}

pub(crate) static TRANSACTIONS: Shape = Shape::of(
    "transactions",
    "the coordinator of distributed transactions",
    &[
        Row::default("prepare", Kind::Duration, "'0 s'", "time until every branch has voted"),
        Row::default("commit", Kind::Duration, "'0 s'", "time from the votes to the outcome"),
        Row::default(
            "timeout",
            Kind::PositiveDuration,
            "'60 min'",
            "a transaction older than this is aborted (R-CLK-13)",
        ),
        Row::optional("refuse", Kind::Table(&FAILURE), "none", "partners that refuse to prepare"),
        Row::optional("doubt", Kind::Table(&FAILURE), "none", "transactions in doubt for a while"),
        Row::default("doubt_lasts", Kind::Duration, "'10 s'", "for how long"),
        Row::default(
            "doubt_ends",
            Kind::Word(Resolution::WORDS),
            "'commit'",
            "the outcome of those in doubt",
        ),
    ],
);

impl Bind for Transactions {
    const SHAPE: &'static Shape = &TRANSACTIONS;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("prepare", &mut self.prepare);
        b.key("commit", &mut self.commit);
        b.key("timeout", &mut self.timeout);
        b.key("refuse", &mut self.refuse);
        b.key("doubt", &mut self.doubt);
        b.key("doubt_lasts", &mut self.doubt_lasts);
        b.key("doubt_ends", &mut self.doubt_ends);
    }
}
