//! LoadGen's way of sending: a lot, a pause, a lot; a creator that makes the messages, and a
//! controller that stretches and shortens the pause.

use floodgate_engine::time::Duration;

use super::bind::{Bind, Binder};
use super::row::{Kind, Row, Shape};
use super::word::words;

words! {
    /// Who sends a lot in LoadGen's way of sending; public text leaves it open.
    pub enum Per {
        /// The section as a whole.
        Section = "section",
        /// Every thread of the section.
        #[default]
        Thread = "thread",
    }
}

words! {
    /// What a controller looks at.
    pub enum Monitor {
        /// How busy the cores of a server are, in percent.
        Cpu = "cpu",
        /// Messages that wait at the load's receive locations.
        #[default]
        Files = "files",
        /// Documents transmitted per second.
        Processed = "processed",
        /// Messages in the host queues.
        Queue = "queue",
        /// Documents received per second.
        Received = "received",
        /// Rows of the spool.
        Spool = "spool",
    }
}

/// LoadGen's way of sending: a lot, a pause, a lot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lots {
    /// Sender threads.
    pub threads: u32,
    /// Interchanges in one lot.
    pub lot: u32,
    /// The pause after a lot.
    pub sleep: Duration,
    /// Whether every thread sends its own lots.
    pub per: Per,
    /// How long a thread needs to send one interchange.
    pub send: Duration,
    /// What is sent more slowly because of its size.
    pub large: Option<Large>,
    /// What a thread does about a failed send.
    pub retry: Resend,
    /// What makes the interchanges.
    pub creator: Option<Creator>,
    /// What holds a monitored value in a range.
    pub controller: Option<Controller>,
}

/// What is sent more slowly because of its size.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Large {
    /// Interchanges above this size are streamed.
    pub over: u64,
    /// How long a thread needs to send one of them.
    pub send: Duration,
}

/// What a thread does about a failed send: the same interchange again, while the others of its
/// round wait; \[M\] after its last retry the thread goes on with the next one.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Resend {
    /// Tries after the first.
    pub number: u32,
    /// Time from a failure to the next try.
    pub interval: Duration,
}

/// What makes the interchanges before they are sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Creator {
    /// Its threads.
    pub threads: u32,
    /// How long a thread needs for one.
    pub takes: Duration,
    /// Interchanges that wait for a sender, at most.
    pub queue: u32,
}

/// What holds a monitored value in a range by the pauses after lots.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Controller {
    /// What it looks at.
    pub monitor: Monitor,
    /// The server whose processor it looks at.
    pub server: Option<String>,
    /// Below this there is to be more load.
    pub low: f64,
    /// Above this there is to be less.
    pub high: f64,
    /// How often it looks.
    pub poll: Duration,
    /// By how much it changes the pause at a time, as a share of `sleep`.
    pub step: f64,
}

static LARGE: Shape = Shape::of(
    "large",
    "what is sent more slowly because of its size",
    &[
        Row::required("over", Kind::Size, "interchanges above this size are streamed"),
        Row::required(
            "send",
            Kind::PositiveDuration,
            "how long a thread needs to send one of them",
        ),
    ],
)
.inline();

static RESEND: Shape = Shape::of(
    "retry",
    "what a thread does about a failed send (a fault 'destination_down')",
    &[
        Row::default("number", Kind::Integer(0, 1_000_000), "1000", "tries after the first"),
        Row::default(
            "interval",
            Kind::PositiveDuration,
            "'10 s'",
            "time from a failure to the next try",
        ),
    ],
)
.inline();

static CREATOR: Shape = Shape::of(
    "creator",
    "what makes the interchanges before they are sent",
    &[
        Row::default(
            "threads",
            Kind::Integer(1, 10_000),
            "1",
            "its threads: one as the synchronous creator has, or more",
        ),
        Row::required("takes", Kind::PositiveDuration, "how long a thread needs for one"),
        Row::default(
            "queue",
            Kind::Integer(1, 1_000_000),
            "1000",
            "interchanges that wait for a sender, at most",
        ),
    ],
)
.inline();

static CONTROLLER: Shape = Shape::of(
    "controller",
    "what holds a monitored value in a range by the pauses after lots",
    &[
        Row::required("monitor", Kind::Word(Monitor::WORDS), "what it looks at"),
        Row::optional(
            "server",
            Kind::Text,
            "the first server that receives the load",
            "the server whose processor 'cpu' looks at",
        ),
        Row::required("low", Kind::Number(0.0, 1e12), "below this there is to be more load"),
        Row::required("high", Kind::Number(0.0, 1e12), "above this there is to be less"),
        Row::default("poll", Kind::PositiveDuration, "'1 s'", "how often it looks"),
        Row::default(
            "step",
            Kind::Number(0.001, 10.0),
            "0.1",
            "by how much it changes the pause at a time, as a share of 'sleep'",
        ),
    ],
)
.inline();

pub(crate) static LOTS: Shape = Shape::of(
    "lots",
    "LoadGen's way of sending: a lot, a pause, a lot",
    &[
        Row::required("threads", Kind::Integer(1, 10_000), "sender threads"),
        Row::required("lot", Kind::Integer(1, 1_000_000), "interchanges in one lot"),
        Row::required("sleep", Kind::PositiveDuration, "the pause after a lot"),
        Row::default("per", Kind::Word(Per::WORDS), "'thread'", "who sends a lot"),
        Row::default(
            "send",
            Kind::Duration,
            "'0 s'",
            "how long a thread needs to send one interchange",
        ),
        Row::optional(
            "large",
            Kind::Table(&LARGE),
            "all sizes are sent alike",
            "what is sent more slowly because of its size",
        ),
        Row::default("retry", Kind::Table(&RESEND), "{}", "what a thread does about a failed send"),
        Row::optional(
            "creator",
            Kind::Table(&CREATOR),
            "the interchanges are there",
            "what makes the interchanges before they are sent",
        ),
        Row::optional(
            "controller",
            Kind::Table(&CONTROLLER),
            "the pause stays as it is",
            "what holds a monitored value in a range",
        ),
    ],
)
.inline();

impl Lots {
    /// How long a thread needs to send one interchange of `bytes`.
    #[must_use]
    pub fn send_of(&self, bytes: u64) -> Duration {
        match &self.large {
            Some(large) if bytes > large.over => large.send,
            Some(_) | None => self.send,
        }
    }

    /// The time from one lot's beginning to the next, of a section that sends interchanges of
    /// `bytes`, and the interchanges in it.
    #[must_use]
    pub fn period(&self, bytes: u64) -> (Duration, f64) {
        let (threads, lot) = (f64::from(self.threads), f64::from(self.lot));
        let (rounds, interchanges) = match self.per {
            Per::Section => (self.lot.div_ceil(self.threads), lot),
            Per::Thread => (self.lot, lot * threads),
        };
        let sending = self.send_of(bytes).times(u64::from(rounds));
        let made = self.creator.as_ref().map_or(Duration::ZERO, |creator| {
            let one = creator.takes.as_secs_f64() / f64::from(creator.threads);
            Duration::from_secs_f64(one * interchanges)
        });
        ((self.sleep + sending).max(made), interchanges)
    }
}

impl Bind for Lots {
    const SHAPE: &'static Shape = &LOTS;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("threads", &mut self.threads);
        b.key("lot", &mut self.lot);
        b.key("sleep", &mut self.sleep);
        b.key("per", &mut self.per);
        b.key("send", &mut self.send);
        b.key("large", &mut self.large);
        b.key("retry", &mut self.retry);
        b.key("creator", &mut self.creator);
        b.key("controller", &mut self.controller);
        let endless = self.send.is_zero() && self.creator.is_none();
        if b.reading() && self.controller.is_some() && endless {
            let message = "a controller may take the whole pause away, and sending takes no time";
            b.refuse("controller", message, "give 'send', the time that one interchange takes");
        }
    }
}

impl Bind for Large {
    const SHAPE: &'static Shape = &LARGE;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("over", &mut self.over);
        b.key("send", &mut self.send);
    }
}

impl Bind for Resend {
    const SHAPE: &'static Shape = &RESEND;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("number", &mut self.number);
        b.key("interval", &mut self.interval);
    }
}

impl Bind for Creator {
    const SHAPE: &'static Shape = &CREATOR;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("threads", &mut self.threads);
        b.key("takes", &mut self.takes);
        b.key("queue", &mut self.queue);
    }
}

impl Bind for Controller {
    const SHAPE: &'static Shape = &CONTROLLER;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("monitor", &mut self.monitor);
        b.key("server", &mut self.server);
        b.key("low", &mut self.low);
        b.key("high", &mut self.high);
        b.key("poll", &mut self.poll);
        b.key("step", &mut self.step);
        if b.reading() && self.low > self.high {
            b.refuse("high", "'high' is less than 'low'", "give the greater bound as 'high'");
        }
        if b.reading() && self.server.is_some() && self.monitor != Monitor::Cpu {
            b.refuse("server", "'server' says nothing here", "it belongs to the monitor 'cpu'");
        }
    }
}
