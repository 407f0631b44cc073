//! Rates: when the interchanges of a load come. Rates are documents per second of virtual time;
//! the lots of LoadGen are messages.

use floodgate_engine::time::Duration;

use super::bind::{Bind, Binder};
use super::curve::{BELL, Bell, RAMP, Ramp, SINE, Sine};
use super::lots::{LOTS, Lots};
use super::row::{Kind, Row, Shape};
use super::users::{USERS, Users};
use super::value::Value;
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

/// When the interchanges of a load come.
#[derive(Clone, Debug, PartialEq)]
pub enum Rate {
    /// Every one at the start.
    AllAtOnce,
    /// A bell curve each day.
    Bell(Bell, Spacing),
    /// Evenly, so many a second.
    Constant(f64),
    /// A base rate with floods.
    Floodgate(Floodgate, Spacing),
    /// LoadGen's lots and pauses.
    Lots(Lots),
    /// A Poisson process of so many a second.
    Poisson(f64),
    /// From one rate to another.
    Ramp(Ramp, Spacing),
    /// The instants of a CSV file, its path relative to the scenario.
    Replay(String),
    /// Up and down.
    Sine(Sine, Spacing),
    /// One rate after another.
    Steps(Vec<Step>, Spacing),
    /// Users who wait for the end of one request before they think of the next.
    Users(Users),
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

impl Default for Rate {
    fn default() -> Self {
        Self::Constant(0.0)
    }
}

const FORMS: &[&str] = &[
    "constant",
    "poisson",
    "steps",
    "ramp",
    "sine",
    "bell",
    "floodgate",
    "replay",
    "lots",
    "users",
    "all_at_once",
];
const ANOTHER: &str = "another form is used";
pub(super) const PER_SECOND: Kind = Kind::Number(0.0, 1e9);

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

pub(crate) static RATE: Shape = Shape::of(
    "rate",
    "when the interchanges of a load come",
    &[
        Row::optional("constant", PER_SECOND, ANOTHER, "evenly, so many a second"),
        Row::optional("poisson", PER_SECOND, ANOTHER, "a Poisson process of so many a second"),
        Row::optional("steps", Kind::Tables(&STEP), ANOTHER, "one rate after another"),
        Row::optional("ramp", Kind::Table(&RAMP), ANOTHER, "from one rate to another"),
        Row::optional("sine", Kind::Table(&SINE), ANOTHER, "up and down between two rates"),
        Row::optional("bell", Kind::Table(&BELL), ANOTHER, "a bell curve each day"),
        Row::optional("floodgate", Kind::Table(&FLOODGATE), ANOTHER, "a base rate with floods"),
        Row::optional(
            "replay",
            Kind::Text,
            ANOTHER,
            "the instants, sizes and types of a CSV file, its path relative to the scenario",
        ),
        Row::optional("lots", Kind::Table(&LOTS), ANOTHER, "LoadGen's lots and pauses"),
        Row::optional("users", Kind::Table(&USERS), ANOTHER, "users who wait and think"),
        Row::optional("all_at_once", Kind::Yes, ANOTHER, "every one at the start; needs 'count'"),
        Row::optional(
            "spacing",
            Kind::Word(Spacing::WORDS),
            "constant",
            "the gaps of 'steps', 'ramp', 'sine', 'bell' and 'floodgate'",
        ),
    ],
)
.one_of(FORMS)
.inline();

impl Rate {
    fn form(&self) -> &'static str {
        match self {
            Self::AllAtOnce => "all_at_once",
            Self::Bell(..) => "bell",
            Self::Constant(_) => "constant",
            Self::Floodgate(..) => "floodgate",
            Self::Lots(_) => "lots",
            Self::Poisson(_) => "poisson",
            Self::Ramp(..) => "ramp",
            Self::Replay(_) => "replay",
            Self::Sine(..) => "sine",
            Self::Steps(..) => "steps",
            Self::Users(_) => "users",
        }
    }

    /// The empty rate of the form that the key `form` names.
    fn of_form(form: &str) -> Self {
        match form {
            "all_at_once" => Self::AllAtOnce,
            "bell" => Self::Bell(Bell::default(), Spacing::default()),
            "floodgate" => Self::Floodgate(Floodgate::default(), Spacing::default()),
            "lots" => Self::Lots(Lots::default()),
            "poisson" => Self::Poisson(0.0),
            "ramp" => Self::Ramp(Ramp::default(), Spacing::default()),
            "replay" => Self::Replay(String::new()),
            "sine" => Self::Sine(Sine::default(), Spacing::default()),
            "steps" => Self::Steps(Vec::new(), Spacing::default()),
            "users" => Self::Users(Users::default()),
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
            Self::Bell(bell, spacing) => spaced(b, form, bell, spacing),
            Self::Constant(rate) | Self::Poisson(rate) => {
                b.key(form, rate);
                false
            }
            Self::Floodgate(floodgate, spacing) => spaced(b, form, floodgate, spacing),
            Self::Lots(lots) => {
                b.key(form, lots);
                false
            }
            Self::Ramp(ramp, spacing) => spaced(b, form, ramp, spacing),
            Self::Replay(path) => {
                b.key(form, path);
                false
            }
            Self::Sine(sine, spacing) => spaced(b, form, sine, spacing),
            Self::Users(users) => {
                b.key(form, users);
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
            let help =
                "it belongs to 'steps', 'ramp', 'sine', 'bell' and 'floodgate'; leave it out";
            b.refuse("spacing", said, help);
        }
    }
}

/// Binds a form whose arrivals may be spaced in two ways: true.
fn spaced<T: Value>(b: &mut Binder<'_>, form: &str, own: &mut T, spacing: &mut Spacing) -> bool {
    b.key(form, own);
    b.key("spacing", spacing);
    true
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
