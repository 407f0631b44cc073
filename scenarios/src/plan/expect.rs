//! Expectations: what an experiment must show.

use std::fmt;

use floodgate_engine::time::Duration;

use super::bind::{Bind, Binder};
use super::figure::{self, Figure};
use super::row::{Kind, Row, Shape};

/// What the experiment must show.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expect {
    /// Whether the load is sustained.
    pub sustainable: Option<bool>,
    /// Whether the plant had warmed up where its window begins.
    pub settled: Option<bool>,
    /// Whether tracking keeps up.
    pub tracking: Option<bool>,
    /// Documents suspended.
    pub suspended: Option<Bound>,
    /// Documents unfinished at the end.
    pub unfinished: Option<Bound>,
    /// Documents received.
    pub received: Option<Bound>,
    /// Documents processed, once per subscription.
    pub processed: Option<Bound>,
    /// Error messages published in place of suspensions.
    pub error_messages: Option<Bound>,
    /// Documents that found no subscriber.
    pub routing_failures: Option<Bound>,
    /// The slowest of all latencies.
    pub latency_max: Option<LatencyBound>,
    /// What clients must have been told.
    pub answers: Option<ExpectAnswers>,
    /// Checks that must have had an occasion, by name: `INV-44`.
    pub exercised: Vec<String>,
    /// What single send ports must show.
    pub ports: Vec<ExpectPort>,
    /// Which ports must be faster than others.
    pub ahead: Vec<ExpectAhead>,
    /// Limits of any figures of the run.
    pub figures: Vec<ExpectFigure>,
}

/// Limits of one figure of the run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExpectFigure {
    /// The figure.
    pub figure: Figure,
    /// The least that is right.
    pub at_least: Option<f64>,
    /// The most that is right.
    pub at_most: Option<f64>,
    /// The unit of both.
    pub unit: String,
}

/// What clients must have been told, as counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExpectAnswers {
    /// Responses.
    pub responses: Option<Bound>,
    /// Refusals, failures and time-outs.
    pub failed: Option<Bound>,
    /// Faults that the engine made.
    pub faults: Option<Bound>,
    /// Responses that nobody waited for.
    pub late: Option<Bound>,
    /// One-way messages that were taken.
    pub accepted: Option<Bound>,
    /// Clients whose process died.
    pub broken: Option<Bound>,
}

/// Limits of a count.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bound {
    /// The most that is right.
    pub at_most: Option<u64>,
    /// The least that is right.
    pub at_least: Option<u64>,
    /// The only count that is right.
    pub exactly: Option<u64>,
}

impl Bound {
    /// Whether `count` is within the limits.
    #[must_use]
    pub fn admits(&self, count: u64) -> bool {
        self.at_most.is_none_or(|most| count <= most)
            && self.at_least.is_none_or(|least| count >= least)
            && self.exactly.is_none_or(|exactly| count == exactly)
    }
}

impl fmt::Display for Bound {
    /// `at least 1 and at most 10`, `exactly 200`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limits =
            [("exactly", self.exactly), ("at least", self.at_least), ("at most", self.at_most)];
        let mut joint = "";
        for (words, limit) in limits {
            if let Some(limit) = limit {
                write!(f, "{joint}{words} {limit}")?;
                joint = " and ";
            }
        }
        Ok(())
    }
}

/// What one send port must show.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExpectPort {
    /// The send port.
    pub name: String,
    /// Documents it transmitted.
    pub processed: Option<Bound>,
    /// Calls it made, failed ones included.
    pub attempts: Option<Bound>,
    /// Documents it suspended.
    pub suspended: Option<Bound>,
    /// Documents it transmitted per second of the measured window.
    pub rate: Option<RateBound>,
    /// The 99th percentile of latency.
    pub latency_p99: Option<LatencyBound>,
}

/// Limits of a rate, per second.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RateBound {
    /// The least that is right.
    pub at_least: Option<f64>,
    /// The most that is right.
    pub at_most: Option<f64>,
}

/// A limit of latency.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LatencyBound {
    /// The most that is right.
    pub at_most: Duration,
}

/// One port must be so many times as fast as another.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExpectAhead {
    /// The faster send port.
    pub port: String,
    /// The slower send port.
    pub of: String,
    /// Rate of the first over rate of the second, at least.
    pub by: f64,
}

const NO_LIMIT: &str = "no limit";
const ANY: &str = "anything will do";
const COUNT: Kind = Kind::Integer(0, 1_000_000_000_000);
const PER_SECOND: Kind = Kind::Number(0.0, 1e9);

static BOUND: Shape = Shape::of(
    "count limit",
    "limits of a count: at least one of the three",
    &[
        Row::optional("at_most", COUNT, NO_LIMIT, "the most that is right"),
        Row::optional("at_least", COUNT, NO_LIMIT, "the least that is right"),
        Row::optional("exactly", COUNT, NO_LIMIT, "the only count that is right"),
    ],
)
.inline();

static RATE_BOUND: Shape = Shape::of(
    "rate limit",
    "limits of a rate: at least one of the two",
    &[
        Row::optional("at_least", PER_SECOND, NO_LIMIT, "the least that is right, per second"),
        Row::optional("at_most", PER_SECOND, NO_LIMIT, "the most that is right, per second"),
    ],
)
.inline();

static LATENCY_BOUND: Shape = Shape::of(
    "latency limit",
    "a limit of latency",
    &[Row::required("at_most", Kind::Duration, "the most that is right")],
)
.inline();

static ANSWERS: Shape = Shape::of(
    "expectation of answers",
    "what clients must have been told",
    &[
        Row::optional("responses", Kind::Table(&BOUND), ANY, "responses"),
        Row::optional("failed", Kind::Table(&BOUND), ANY, "refusals, failures and time-outs"),
        Row::optional("faults", Kind::Table(&BOUND), ANY, "faults that the engine made"),
        Row::optional("late", Kind::Table(&BOUND), ANY, "responses that nobody waited for"),
        Row::optional("accepted", Kind::Table(&BOUND), ANY, "one-way messages that were taken"),
        Row::optional("broken", Kind::Table(&BOUND), ANY, "clients whose process died"),
    ],
);

static PORT: Shape = Shape::of(
    "expectation of a port",
    "what one send port must show",
    &[
        Row::required("name", Kind::Text, "the send port"),
        Row::optional("processed", Kind::Table(&BOUND), ANY, "documents it transmitted"),
        Row::optional("attempts", Kind::Table(&BOUND), ANY, "calls it made, failed ones included"),
        Row::optional("suspended", Kind::Table(&BOUND), ANY, "documents it suspended"),
        Row::optional("rate", Kind::Table(&RATE_BOUND), ANY, "documents transmitted per second"),
        Row::optional("latency_p99", Kind::Table(&LATENCY_BOUND), ANY, "99th percentile"),
    ],
);

static AHEAD: Shape = Shape::of(
    "expectation of a lead",
    "one port must be so many times as fast as another",
    &[
        Row::required("port", Kind::Text, "the faster send port"),
        Row::required("of", Kind::Text, "the slower send port"),
        Row::required("by", Kind::Number(0.0, 1e9), "rate of the first over the second, at least"),
    ],
);

const IN_ITS_UNIT: Kind = Kind::Number(0.0, 1e15);

static FIGURE: Shape = Shape::of(
    "expectation of a figure",
    "limits of a figure of the run: at least one of the two",
    &[
        figure::WHAT,
        figure::OF,
        figure::PHASE,
        Row::optional("at_least", IN_ITS_UNIT, NO_LIMIT, "the least that is right"),
        Row::optional("at_most", IN_ITS_UNIT, NO_LIMIT, "the most that is right"),
        Row::required("unit", Kind::Text, "the unit of the limits"),
    ],
);

pub(crate) static EXPECT: Shape = Shape::of(
    "expect",
    "what the experiment must show",
    &[
        Row::optional("sustainable", Kind::Bool, ANY, "whether the load is sustained"),
        Row::optional(
            "settled",
            Kind::Bool,
            ANY,
            "whether the backlog had settled when the window begins (MSER-5 on its samples)",
        ),
        Row::optional(
            "tracking",
            Kind::Bool,
            ANY,
            "whether tracking keeps up: what waits does not grow, and deleting is not late",
        ),
        Row::optional("suspended", Kind::Table(&BOUND), ANY, "documents suspended"),
        Row::optional("unfinished", Kind::Table(&BOUND), ANY, "documents unfinished at the end"),
        Row::optional("received", Kind::Table(&BOUND), ANY, "documents received"),
        Row::optional("processed", Kind::Table(&BOUND), ANY, "documents processed"),
        Row::optional(
            "error_messages",
            Kind::Table(&BOUND),
            ANY,
            "error messages published in place of suspensions",
        ),
        Row::optional(
            "routing_failures",
            Kind::Table(&BOUND),
            ANY,
            "documents without a subscriber",
        ),
        Row::optional(
            "latency_max",
            Kind::Table(&LATENCY_BOUND),
            ANY,
            "the slowest of all latencies in the measured window",
        ),
        Row::optional("answers", Kind::Table(&ANSWERS), ANY, "what clients must be told"),
        Row::default(
            "exercised",
            Kind::List(&Kind::Text),
            "[]",
            "checks that must have had an occasion, by name: INV-44",
        ),
        Row::default("port", Kind::Tables(&PORT), "[]", "what single send ports must show"),
        Row::default("figure", Kind::Tables(&FIGURE), "[]", "limits of any figures of the run"),
        Row::default("ahead", Kind::Tables(&AHEAD), "[]", "ports that must be faster than others"),
    ],
);

impl Bind for Expect {
    const SHAPE: &'static Shape = &EXPECT;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("sustainable", &mut self.sustainable);
        b.key("settled", &mut self.settled);
        b.key("tracking", &mut self.tracking);
        b.key("suspended", &mut self.suspended);
        b.key("unfinished", &mut self.unfinished);
        b.key("received", &mut self.received);
        b.key("processed", &mut self.processed);
        b.key("error_messages", &mut self.error_messages);
        b.key("routing_failures", &mut self.routing_failures);
        b.key("latency_max", &mut self.latency_max);
        b.key("answers", &mut self.answers);
        b.key("exercised", &mut self.exercised);
        b.key("port", &mut self.ports);
        b.key("ahead", &mut self.ahead);
        b.key("figure", &mut self.figures);
    }
}

impl Bind for ExpectFigure {
    const SHAPE: &'static Shape = &FIGURE;

    fn bind(&mut self, b: &mut Binder<'_>) {
        let known = self.figure.keys(b);
        b.key("at_least", &mut self.at_least);
        b.key("at_most", &mut self.at_most);
        b.key("unit", &mut self.unit);
        if !known {
            self.unit.clear();
        }
        if b.reading() && self.at_least.is_none() && self.at_most.is_none() {
            b.refuse("what", "this figure has no limit", "give 'at_least', 'at_most' or both");
        }
    }
}

impl Bind for Bound {
    const SHAPE: &'static Shape = &BOUND;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("at_most", &mut self.at_most);
        b.key("at_least", &mut self.at_least);
        b.key("exactly", &mut self.exactly);
        if !b.reading() {
            return;
        }
        b.some_of();
        let (most, least) = (self.at_most, self.at_least);
        if self.exactly.is_some() && (most.is_some() || least.is_some()) {
            b.refuse("exactly", "'exactly' stands beside another limit", "keep one of them");
        }
        if most.zip(least).is_some_and(|(most, least)| most < least) {
            b.refuse("at_most", "no count is within these limits", "'at_least' to 'at_most'");
        }
    }
}

impl Bind for ExpectAnswers {
    const SHAPE: &'static Shape = &ANSWERS;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("responses", &mut self.responses);
        b.key("failed", &mut self.failed);
        b.key("faults", &mut self.faults);
        b.key("late", &mut self.late);
        b.key("accepted", &mut self.accepted);
        b.key("broken", &mut self.broken);
    }
}

impl Bind for ExpectPort {
    const SHAPE: &'static Shape = &PORT;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("name", &mut self.name);
        b.key("processed", &mut self.processed);
        b.key("attempts", &mut self.attempts);
        b.key("suspended", &mut self.suspended);
        b.key("rate", &mut self.rate);
        b.key("latency_p99", &mut self.latency_p99);
    }
}

impl Bind for RateBound {
    const SHAPE: &'static Shape = &RATE_BOUND;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("at_least", &mut self.at_least);
        b.key("at_most", &mut self.at_most);
        if b.reading() {
            b.some_of();
        }
    }
}

impl Bind for LatencyBound {
    const SHAPE: &'static Shape = &LATENCY_BOUND;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("at_most", &mut self.at_most);
    }
}

impl Bind for ExpectAhead {
    const SHAPE: &'static Shape = &AHEAD;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("port", &mut self.port);
        b.key("of", &mut self.of);
        b.key("by", &mut self.by);
    }
}
