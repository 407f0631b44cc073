//! Orchestrations: what they receive, whether they wait, and where they send.

use floodgate_engine::time::Duration;

use super::bind::{Bind, Binder};
use super::filter::Filter;
use super::row::{Kind, Row, Shape};
use super::tracking::{TRACK_ROW, Track};

/// An orchestration of one receive shape and one send shape.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Orchestration {
    /// Its name, unique among orchestrations.
    pub name: String,
    /// The host that runs it.
    pub host: String,
    /// What activates it.
    pub filter: Filter,
    /// Priority of dequeuing, 1 first.
    pub priority: u32,
    /// The send port that its send shape is bound to; it sends nothing when absent.
    pub to: Option<String>,
    /// Whether it comes to a Suspend shape after the receive (R-ADD-01).
    pub suspends: bool,
    /// Whether one instance receives all messages that correlate (R-ORD-03).
    pub convoy: Option<Convoy>,
    /// Whether it waits for the answer to what it sends (R-SR-03).
    pub answer: Option<Answer>,
    /// What is tracked of it.
    pub track: Option<Track>,
}

/// A receive shape for the answer of the send port, and what follows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The send port that the answer goes to; nowhere when absent.
    pub to: Option<String>,
    /// Time after which the instance ends without an answer.
    pub patience: Option<Duration>,
}

static ANSWER: Shape = Shape::of(
    "answer",
    "a receive shape for what the send port answers (R-SR-03)",
    &[
        Row::optional("to", Kind::Text, "it is consumed", "the send port that the answer goes to"),
        Row::optional(
            "patience",
            Kind::PositiveDuration,
            "it waits for ever",
            "time after which the instance ends without one",
        ),
    ],
)
.inline();

/// A sequential convoy.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Convoy {
    /// The promoted property on which messages correlate.
    pub on: String,
    /// Messages after which the instance ends; 0 = never by count.
    pub messages: u32,
    /// Time without a message after which it ends.
    pub idle: Option<Duration>,
}

static CONVOY: Shape = Shape::of(
    "convoy",
    "one instance receives all messages that share a value, in order (R-ORD-03)",
    &[
        Row::required("on", Kind::Text, "the promoted property that they share"),
        Row::default(
            "messages",
            Kind::Integer(0, 1_000_000),
            "0",
            "messages after which the instance ends; 0 = never by count",
        ),
        Row::optional(
            "idle",
            Kind::PositiveDuration,
            "it waits for ever",
            "time without a message after which the instance ends",
        ),
    ],
)
.inline();

pub(crate) static ORCHESTRATION: Shape = Shape::of(
    "orchestration",
    "an orchestration: receives a message and sends it on",
    &[
        Row::required("name", Kind::Text, "its name, unique among orchestrations"),
        Row::required("host", Kind::Text, "the host that runs it"),
        Row::required("filter", Kind::Filter, "what activates it"),
        Row::default("priority", Kind::Integer(1, 10), "7", "priority of dequeuing, 1 first"),
        Row::optional(
            "to",
            Kind::Text,
            "it sends nothing",
            "the send port that its send shape is bound to",
        ),
        Row::default(
            "suspends",
            Kind::Bool,
            "false",
            "whether a Suspend shape follows the receive (R-ADD-01)",
        ),
        Row::optional(
            "convoy",
            Kind::Table(&CONVOY),
            "every message starts an instance",
            "one instance for all messages that share a value",
        ),
        Row::optional(
            "answer",
            Kind::Table(&ANSWER),
            "it ends when it has sent",
            "that it waits for the answer of a two-way send port",
        ),
        TRACK_ROW,
    ],
);

impl Bind for Orchestration {
    const SHAPE: &'static Shape = &ORCHESTRATION;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("name", &mut self.name);
        b.key("host", &mut self.host);
        b.key("filter", &mut self.filter);
        b.key("priority", &mut self.priority);
        b.key("to", &mut self.to);
        b.key("suspends", &mut self.suspends);
        b.key("convoy", &mut self.convoy);
        b.key("answer", &mut self.answer);
        b.key("track", &mut self.track);
    }
}

impl Bind for Answer {
    const SHAPE: &'static Shape = &ANSWER;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("to", &mut self.to);
        b.key("patience", &mut self.patience);
    }
}

impl Bind for Convoy {
    const SHAPE: &'static Shape = &CONVOY;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("on", &mut self.on);
        b.key("messages", &mut self.messages);
        b.key("idle", &mut self.idle);
    }
}
