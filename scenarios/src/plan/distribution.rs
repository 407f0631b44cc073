//! Distributions of time, by name and parameters; the simulator draws from them.

use floodgate_engine::time::Duration;

use super::bind::{Bind, Binder, choice};
use super::row::{Kind, Row, Shape};

/// How long something takes.
#[derive(Clone, Debug, PartialEq)]
pub enum Distribution {
    /// Always the same.
    Constant(Duration),
    /// A sum of exponential stages.
    Erlang(Erlang),
    /// Memoryless, with this mean.
    Exponential(Duration),
    /// Heavy-tailed.
    Lognormal(Lognormal),
    /// A power law.
    Pareto(Pareto),
    /// Anything between two bounds alike.
    Uniform(Uniform),
}

/// Parameters of an Erlang distribution.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Erlang {
    /// The mean of the whole.
    pub mean: Duration,
    /// The number of stages.
    pub shape: u32,
}

/// Parameters of a lognormal distribution.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lognormal {
    /// The mean.
    pub mean: Duration,
    /// The squared coefficient of variation: variance over squared mean.
    pub scv: f64,
}

/// Parameters of a power law.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pareto {
    /// The mean.
    pub mean: Duration,
    /// The exponent of the tail.
    pub shape: f64,
}

/// Parameters of a uniform distribution.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Uniform {
    /// The least value.
    pub low: Duration,
    /// The greatest value.
    pub high: Duration,
}

impl Default for Distribution {
    fn default() -> Self {
        Self::Constant(Duration::ZERO)
    }
}

impl Distribution {
    /// The mean.
    #[must_use]
    pub fn mean(&self) -> Duration {
        match self {
            Self::Constant(span) | Self::Exponential(span) => *span,
            Self::Erlang(erlang) => erlang.mean,
            Self::Lognormal(lognormal) => lognormal.mean,
            Self::Pareto(pareto) => pareto.mean,
            Self::Uniform(Uniform { low, high }) => {
                let (low, high) = (low.as_nanos(), high.as_nanos());
                Duration::from_nanos(low.midpoint(high))
            }
        }
    }
}

impl Distribution {
    /// Whether it has a variance: without one no number of samples gives an interval.
    #[must_use]
    pub fn has_variance(&self) -> bool {
        match self {
            Self::Pareto(pareto) => pareto.shape > 2.0,
            Self::Constant(_)
            | Self::Erlang(_)
            | Self::Exponential(_)
            | Self::Lognormal(_)
            | Self::Uniform(_) => true,
        }
    }
}

static ERLANG: Shape = Shape::of(
    "erlang",
    "a sum of exponential stages",
    &[
        Row::required("mean", Kind::Duration, "the mean of the whole"),
        Row::required("shape", Kind::Integer(1, 1_000_000), "the number of stages"),
    ],
)
.inline();

static LOGNORMAL: Shape = Shape::of(
    "lognormal",
    "heavy-tailed",
    &[
        Row::required("mean", Kind::Duration, "the mean"),
        Row::required("scv", Kind::Number(0.0, 1e6), "variance over squared mean"),
    ],
)
.inline();

static PARETO: Shape = Shape::of(
    "pareto",
    "a power law",
    &[
        Row::required("mean", Kind::Duration, "the mean"),
        Row::required(
            "shape",
            Kind::Number(1.001, 1e3),
            "exponent of the tail; there is no variance up to 2",
        ),
    ],
)
.inline();

static UNIFORM: Shape = Shape::of(
    "uniform",
    "anything between two bounds alike",
    &[
        Row::required("low", Kind::Duration, "the least value"),
        Row::required("high", Kind::Duration, "the greatest value"),
    ],
)
.inline();

const FORMS: &[&str] = &["constant", "exponential", "erlang", "lognormal", "pareto", "uniform"];
const ANOTHER: &str = "another form is used";

pub(crate) static DISTRIBUTION: Shape = Shape::of(
    "distribution",
    "how long something takes; a bare duration is a constant",
    &[
        Row::optional("constant", Kind::Duration, ANOTHER, "always the same"),
        Row::optional("exponential", Kind::Duration, ANOTHER, "memoryless, with this mean"),
        Row::optional("erlang", Kind::Table(&ERLANG), ANOTHER, "a sum of exponential stages"),
        Row::optional("lognormal", Kind::Table(&LOGNORMAL), ANOTHER, "heavy-tailed"),
        Row::optional("pareto", Kind::Table(&PARETO), ANOTHER, "a power law"),
        Row::optional("uniform", Kind::Table(&UNIFORM), ANOTHER, "between two bounds"),
    ],
)
.one_of(FORMS)
.short("constant")
.inline();

impl Bind for Distribution {
    const SHAPE: &'static Shape = &DISTRIBUTION;

    fn bind(&mut self, b: &mut Binder<'_>) {
        choice!(self, b, {
            "constant" => Constant,
            "exponential" => Exponential,
            "erlang" => Erlang,
            "lognormal" => Lognormal,
            "pareto" => Pareto,
            "uniform" => Uniform,
        });
    }
}

impl Bind for Erlang {
    const SHAPE: &'static Shape = &ERLANG;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("mean", &mut self.mean);
        b.key("shape", &mut self.shape);
    }
}

impl Bind for Lognormal {
    const SHAPE: &'static Shape = &LOGNORMAL;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("mean", &mut self.mean);
        b.key("scv", &mut self.scv);
    }
}

impl Bind for Pareto {
    const SHAPE: &'static Shape = &PARETO;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("mean", &mut self.mean);
        b.key("shape", &mut self.shape);
    }
}

impl Bind for Uniform {
    const SHAPE: &'static Shape = &UNIFORM;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("low", &mut self.low);
        b.key("high", &mut self.high);
        if b.reading() && self.low > self.high {
            b.refuse("high", "'high' is less than 'low'", "give the greater bound as 'high'");
        }
    }
}
