//! Goals: what counts as sustained when the maximum throughput is searched.

use floodgate_engine::time::Duration;

use super::bind::{Bind, Binder, choice};
use super::row::{Kind, Row, Shape};

/// What counts as sustained.
#[derive(Clone, Debug, PartialEq)]
pub enum Goal {
    /// A bounded number of documents in the system.
    Backlog(Backlog),
    /// A bounded share of late documents.
    Late(Late),
    /// A bounded share of suspended documents.
    Suspended(Share),
    /// A bounded share of the time in which a host instance is throttled.
    Throttled(Share),
}

/// A bounded number of documents in the system.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Backlog {
    /// The most that may be unfinished.
    pub at_most: u64,
    /// The share of the measured window in which there may be more, from 0 to 1.
    pub share: f64,
}

/// A bounded share.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Share {
    /// What is still sustained, from 0 to 1.
    pub at_most: f64,
}

/// A bounded share of late documents.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Late {
    /// A document is late when its latency is more than this.
    pub over: Duration,
    /// The share of late documents that is still sustained, from 0 to 1.
    pub at_most: f64,
}

impl Default for Goal {
    fn default() -> Self {
        Self::Backlog(Backlog::default())
    }
}

static BACKLOG: Shape = Shape::of(
    "backlog",
    "a bounded number of documents in the system",
    &[
        Row::required("at_most", Kind::Integer(0, 1_000_000_000_000), "documents"),
        Row::default(
            "share",
            Kind::Number(0.0, 1.0),
            "0.0",
            "the share of the measured time in which there may be more",
        ),
    ],
)
.inline();

static SHARE: Shape = Shape::of(
    "share",
    "a bounded share",
    &[Row::required("at_most", Kind::Number(0.0, 1.0), "the share that is still sustained")],
)
.inline();

static LATE: Shape = Shape::of(
    "late",
    "a bounded share of late documents",
    &[
        Row::required("over", Kind::Duration, "a document is late when it took more than this"),
        Row::required("at_most", Kind::Number(0.0, 1.0), "the share that may be late"),
    ],
)
.inline();

const ANOTHER: &str = "another form is used";

pub(crate) static GOAL: Shape = Shape::of(
    "goal",
    "what counts as sustained, for mst",
    &[
        Row::optional("late", Kind::Table(&LATE), ANOTHER, "a bounded share of late documents"),
        Row::optional("backlog", Kind::Table(&BACKLOG), ANOTHER, "a bounded number of documents"),
        Row::optional(
            "suspended",
            Kind::Table(&SHARE),
            ANOTHER,
            "a bounded share of suspended documents",
        ),
        Row::optional(
            "throttled",
            Kind::Table(&SHARE),
            ANOTHER,
            "a bounded share of the time in which a host instance is throttled (R-THR-02)",
        ),
    ],
)
.one_of(&["late", "backlog", "suspended", "throttled"]);

impl Bind for Goal {
    const SHAPE: &'static Shape = &GOAL;

    fn bind(&mut self, b: &mut Binder<'_>) {
        choice!(self, b, {
            "late" => Late, "backlog" => Backlog, "suspended" => Suspended, "throttled" => Throttled,
        });
    }
}

impl Bind for Backlog {
    const SHAPE: &'static Shape = &BACKLOG;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("at_most", &mut self.at_most);
        b.key("share", &mut self.share);
    }
}

impl Bind for Share {
    const SHAPE: &'static Shape = &SHARE;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("at_most", &mut self.at_most);
    }
}

impl Bind for Late {
    const SHAPE: &'static Shape = &LATE;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("over", &mut self.over);
        b.key("at_most", &mut self.at_most);
    }
}
