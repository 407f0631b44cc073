//! Rates: when the interchanges of a load come. Rates are documents per second of virtual time;
//! the lots of LoadGen are messages.

use floodgate_engine::time::Duration;

use super::bind::{Bind, Binder};
use super::row::{Kind, Row, Shape};
use super::word::words;

words! {
    /// The gaps between interchanges at a given rate.
    pub enum Spacing {
        /// All alike.
        #[default]
        Constant = "constant",
        /// Exponential: a Poisson process.
        Poisson = "poisson",
    }
}

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

/// When the interchanges of a load come.
#[derive(Clone, Debug, PartialEq)]
pub enum Rate {
    /// Every one at the start.
    AllAtOnce,
    /// Evenly, so many a second.
    Constant(f64),
    /// A base rate with floods.
    Floodgate(Floodgate, Spacing),
    /// LoadGen's lots and pauses.
    Lots(Lots),
    /// A Poisson process of so many a second.
    Poisson(f64),
    /// The instants of a CSV file, its path relative to the scenario.
    Replay(String),
    /// One rate after another.
    Steps(Vec<Step>, Spacing),
}

/// A rate from an instant on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// From when, after the start of the load.
    pub at: Duration,
    /// The rate from then on.
    pub rate: f64,
}

/// A base rate with floods.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Floodgate {
    /// The rate between floods.
    pub base: f64,
    /// The rate in a flood.
    pub peak: f64,
    /// From the beginning of one flood to the beginning of the next.
    pub every: Duration,
    /// How long a flood lasts.
    pub lasts: Duration,
    /// When the first begins, after the start of the load.
    pub first: Duration,
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
}

impl Default for Rate {
    fn default() -> Self {
        Self::Constant(0.0)
    }
}

const FORMS: &[&str] =
    &["constant", "poisson", "steps", "floodgate", "replay", "lots", "all_at_once"];
const ANOTHER: &str = "another form is used";
const PER_SECOND: Kind = Kind::Number(0.0, 1e9);

static STEP: Shape = Shape::of(
    "step",
    "a rate from an instant on",
    &[
        Row::required("at", Kind::Duration, "from when, after the start of the load"),
        Row::required("rate", PER_SECOND, "documents per second from then on"),
    ],
)
.inline();

static FLOODGATE: Shape = Shape::of(
    "floodgate",
    "a base rate with floods",
    &[
        Row::required("base", PER_SECOND, "documents per second between floods"),
        Row::required("peak", PER_SECOND, "documents per second in a flood"),
        Row::required("every", Kind::PositiveDuration, "from one flood's beginning to the next"),
        Row::required("lasts", Kind::PositiveDuration, "how long a flood lasts"),
        Row::default("first", Kind::Duration, "'0 s'", "when the first flood begins"),
    ],
)
.inline();

static LOTS: Shape = Shape::of(
    "lots",
    "LoadGen's way of sending: a lot, a pause, a lot",
    &[
        Row::required("threads", Kind::Integer(1, 10_000), "sender threads"),
        Row::required("lot", Kind::Integer(1, 1_000_000), "interchanges in one lot"),
        Row::required("sleep", Kind::PositiveDuration, "the pause after a lot"),
        Row::default("per", Kind::Word(Per::WORDS), "'thread'", "who sends a lot"),
    ],
)
.inline();

pub(crate) static RATE: Shape = Shape::of(
    "rate",
    "when the interchanges of a load come",
    &[
        Row::optional("constant", PER_SECOND, ANOTHER, "evenly, so many a second"),
        Row::optional("poisson", PER_SECOND, ANOTHER, "a Poisson process of so many a second"),
        Row::optional("steps", Kind::Tables(&STEP), ANOTHER, "one rate after another"),
        Row::optional("floodgate", Kind::Table(&FLOODGATE), ANOTHER, "a base rate with floods"),
        Row::optional(
            "replay",
            Kind::Text,
            ANOTHER,
            "the instants of a CSV file, its path relative to the scenario",
        ),
        Row::optional("lots", Kind::Table(&LOTS), ANOTHER, "LoadGen's lots and pauses"),
        Row::optional("all_at_once", Kind::Yes, ANOTHER, "every one at the start; needs 'count'"),
        Row::optional(
            "spacing",
            Kind::Word(Spacing::WORDS),
            "constant",
            "the gaps of 'steps' and 'floodgate'",
        ),
    ],
)
.one_of(FORMS)
.inline();

impl Rate {
    fn form(&self) -> &'static str {
        match self {
            Self::AllAtOnce => "all_at_once",
            Self::Constant(_) => "constant",
            Self::Floodgate(..) => "floodgate",
            Self::Lots(_) => "lots",
            Self::Poisson(_) => "poisson",
            Self::Replay(_) => "replay",
            Self::Steps(..) => "steps",
        }
    }

    /// The empty rate of the form that the key `form` names.
    fn of_form(form: &str) -> Self {
        match form {
            "all_at_once" => Self::AllAtOnce,
            "floodgate" => Self::Floodgate(Floodgate::default(), Spacing::default()),
            "lots" => Self::Lots(Lots::default()),
            "poisson" => Self::Poisson(0.0),
            "replay" => Self::Replay(String::new()),
            "steps" => Self::Steps(Vec::new(), Spacing::default()),
            _ => Self::Constant(0.0),
        }
    }
}

impl Bind for Rate {
    const SHAPE: &'static Shape = &RATE;

    fn bind(&mut self, b: &mut Binder<'_>) {
        if b.reading() {
            let Some(form) = b.form() else { return };
            *self = Self::of_form(form);
        }
        let form = self.form();
        let spaced = match self {
            Self::AllAtOnce => {
                b.key(form, &mut true);
                false
            }
            Self::Constant(rate) | Self::Poisson(rate) => {
                b.key(form, rate);
                false
            }
            Self::Floodgate(floodgate, spacing) => {
                b.key(form, floodgate);
                b.key("spacing", spacing);
                true
            }
            Self::Lots(lots) => {
                b.key(form, lots);
                false
            }
            Self::Replay(path) => {
                b.key(form, path);
                false
            }
            Self::Steps(steps, spacing) => {
                b.key(form, steps);
                b.key("spacing", spacing);
                if b.reading() && !steps.is_sorted_by(|a, b| a.at < b.at) {
                    b.refuse("steps", "the steps are not in order", "let every 'at' be later");
                }
                true
            }
        };
        if b.reading() && !spaced && b.has("spacing") {
            let said = "'spacing' says nothing here";
            b.refuse("spacing", said, "it belongs to 'steps' and 'floodgate'; leave it out");
        }
    }
}

impl Bind for Step {
    const SHAPE: &'static Shape = &STEP;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("at", &mut self.at);
        b.key("rate", &mut self.rate);
    }
}

impl Bind for Floodgate {
    const SHAPE: &'static Shape = &FLOODGATE;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("base", &mut self.base);
        b.key("peak", &mut self.peak);
        b.key("every", &mut self.every);
        b.key("lasts", &mut self.lasts);
        b.key("first", &mut self.first);
        if b.reading() && self.lasts > self.every {
            b.refuse("lasts", "a flood lasts until after the next begins", "at most 'every'");
        }
    }
}

impl Bind for Lots {
    const SHAPE: &'static Shape = &LOTS;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("threads", &mut self.threads);
        b.key("lot", &mut self.lot);
        b.key("sleep", &mut self.sleep);
        b.key("per", &mut self.per);
    }
}
