//! Rates that change all the time: a ramp, a sine, a bell curve. Rates are documents per second.

use floodgate_engine::time::Duration;

use super::bind::{Bind, Binder};
use super::rate::PER_SECOND;
use super::row::{Kind, Row, Shape};

/// From one rate to another, and on with that.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ramp {
    /// The rate before.
    pub from: f64,
    /// The rate afterwards.
    pub to: f64,
    /// When it begins, after the start of the load.
    pub at: Duration,
    /// How long it takes.
    pub lasts: Duration,
}

/// Up and down between two rates.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sine {
    /// The lowest rate.
    pub low: f64,
    /// The highest rate.
    pub high: f64,
    /// The period.
    pub every: Duration,
    /// When in its period the rate is highest.
    pub top: Duration,
}

/// A day with a busy time that comes and goes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bell {
    /// The rate outside of the bell.
    pub low: f64,
    /// The rate at its top.
    pub peak: f64,
    /// When it begins to rise.
    pub from: Duration,
    /// When it is highest.
    pub top: Duration,
    /// When it is down again.
    pub to: Duration,
    /// How long a day is.
    pub every: Duration,
}

/// Half of it must be some nanoseconds.
const SINE_PERIOD_MIN: Duration = Duration::from_micros(1);

pub(crate) static RAMP: Shape = Shape::of(
    "ramp",
    "from one rate to another, and on with that",
    &[
        Row::required("from", PER_SECOND, "documents per second before"),
        Row::required("to", PER_SECOND, "documents per second afterwards"),
        Row::default("at", Kind::Duration, "'0 s'", "when it begins, after the start of the load"),
        Row::required("lasts", Kind::PositiveDuration, "how long it takes"),
    ],
)
.inline();

pub(crate) static SINE: Shape = Shape::of(
    "sine",
    "up and down between two rates",
    &[
        Row::required("low", PER_SECOND, "documents per second at least"),
        Row::required("high", PER_SECOND, "documents per second at most"),
        Row::default("every", Kind::PositiveDuration, "'24 h'", "the period"),
        Row::default("top", Kind::Duration, "'12 h'", "when in its period the rate is highest"),
    ],
)
.inline();

pub(crate) static BELL: Shape = Shape::of(
    "bell",
    "a day with a busy time that comes and goes",
    &[
        Row::default("low", PER_SECOND, "0.0", "documents per second outside of the bell"),
        Row::required("peak", PER_SECOND, "documents per second at its top"),
        Row::default("from", Kind::Duration, "'8 h'", "when it begins to rise"),
        Row::default("top", Kind::Duration, "'12 h'", "when it is highest"),
        Row::default("to", Kind::PositiveDuration, "'21 h'", "when it is down again"),
        Row::default("every", Kind::PositiveDuration, "'24 h'", "how long a day is"),
    ],
)
.inline();

impl Bind for Ramp {
    const SHAPE: &'static Shape = &RAMP;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("from", &mut self.from);
        b.key("to", &mut self.to);
        b.key("at", &mut self.at);
        b.key("lasts", &mut self.lasts);
    }
}

impl Bind for Sine {
    const SHAPE: &'static Shape = &SINE;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("low", &mut self.low);
        b.key("high", &mut self.high);
        b.key("every", &mut self.every);
        b.key("top", &mut self.top);
        if b.reading() && self.low > self.high {
            b.refuse("high", "'high' is less than 'low'", "give the greater rate as 'high'");
        }
        if b.reading() && self.every < SINE_PERIOD_MIN {
            let help = format!("give a period of {SINE_PERIOD_MIN} or more");
            b.refuse("every", "so short a period cannot be followed", &help);
        }
        if b.reading() && self.top > self.every {
            let help = "give less than 'every'; it is 12 h unless said";
            b.refuse("top", "'top' is after the end of the period", help);
        }
    }
}

impl Bind for Bell {
    const SHAPE: &'static Shape = &BELL;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("low", &mut self.low);
        b.key("peak", &mut self.peak);
        b.key("from", &mut self.from);
        b.key("top", &mut self.top);
        b.key("to", &mut self.to);
        b.key("every", &mut self.every);
        let in_order = self.from <= self.top && self.top <= self.to && self.to <= self.every;
        if b.reading() && !(in_order && self.from < self.to) {
            let help = "let 'from', 'top', 'to' and 'every' follow each other";
            b.refuse("top", "the times of the bell are not in order", help);
        }
    }
}
