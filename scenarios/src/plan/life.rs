//! Life: what becomes of processes that end, and for how long what they had locked stays locked.

use floodgate_engine::time::Duration;

use super::bind::{Bind, Binder};
use super::row::{Kind, Row, Shape};

/// What becomes of processes that end.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Life {
    /// How long a process must be dead before its locks are released (R-CLK-12).
    pub dead_after: Duration,
    /// Interval of the job that releases them (R-GC-02).
    pub dead_job: Duration,
    /// Whether the open transactions of a process that dies commit (R-CLK-20).
    pub transactions_commit: bool,
    /// Whether what a dying process had put on the wire arrives.
    pub wires_arrive: bool,
    /// How long a service may take to stop before it is killed (R-SHUT-05).
    pub stop_limit: Duration,
    /// How long a host instance tries to stop when its database is away (R-SHUT-07).
    pub database_limit: Duration,
}

pub(crate) static LIFE: Shape = Shape::of(
    "life",
    "what becomes of processes that end",
    &[
        Row::default(
            "dead_after",
            Kind::Duration,
            "'10 min'",
            "how long a process is dead before its locks are released (R-CLK-12)",
        ),
        Row::default(
            "dead_job",
            Kind::PositiveDuration,
            "'1 min'",
            "interval of the job that releases them (R-GC-02)",
        ),
        Row::default(
            "transactions_commit",
            Kind::Bool,
            "false",
            "whether the open transactions of a dying process commit (R-CLK-20)",
        ),
        Row::default(
            "wires_arrive",
            Kind::Bool,
            "true",
            "whether what a dying process had put on the wire arrives",
        ),
        Row::default(
            "stop_limit",
            Kind::Duration,
            "'1 min'",
            "how long a service may take to stop before it is killed (R-SHUT-05)",
        ),
        Row::default(
            "database_limit",
            Kind::Duration,
            "'1 min'",
            "the same when the database is away (R-SHUT-07)",
        ),
    ],
);

impl Bind for Life {
    const SHAPE: &'static Shape = &LIFE;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("dead_after", &mut self.dead_after);
        b.key("dead_job", &mut self.dead_job);
        b.key("transactions_commit", &mut self.transactions_commit);
        b.key("wires_arrive", &mut self.wires_arrive);
        b.key("stop_limit", &mut self.stop_limit);
        b.key("database_limit", &mut self.database_limit);
    }
}
