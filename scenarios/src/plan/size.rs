//! Sizes of documents: one for all, or a distribution of them.

use super::bind::{Bind, Binder, choice};
use super::row::{Kind, Row, Shape};

/// How large documents are.
#[derive(Clone, Debug, PartialEq)]
pub enum Sizes {
    /// All alike.
    Constant(u64),
    /// Memoryless, with this mean.
    Exponential(u64),
    /// Many small ones and a few very large ones.
    Lognormal(LognormalSizes),
    /// A power law.
    Pareto(ParetoSizes),
    /// Anything between two bounds alike.
    Uniform(UniformSizes),
}

/// Parameters of lognormal sizes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LognormalSizes {
    /// The mean.
    pub mean: u64,
    /// Variance over squared mean.
    pub scv: f64,
}

/// Parameters of a power law of sizes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ParetoSizes {
    /// The mean.
    pub mean: u64,
    /// The exponent of the tail; there is no variance up to 2.
    pub shape: f64,
}

/// Bounds of uniform sizes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UniformSizes {
    /// The smallest.
    pub low: u64,
    /// The largest.
    pub high: u64,
}

impl Default for Sizes {
    fn default() -> Self {
        Self::Constant(0)
    }
}

impl Sizes {
    /// The size of every document, if they are all alike.
    #[must_use]
    pub const fn constant(&self) -> Option<u64> {
        match self {
            Self::Constant(bytes) => Some(*bytes),
            Self::Exponential(_) | Self::Lognormal(_) | Self::Pareto(_) | Self::Uniform(_) => None,
        }
    }

    /// The mean size.
    #[must_use]
    pub const fn mean(&self) -> u64 {
        match self {
            Self::Constant(bytes) | Self::Exponential(bytes) => *bytes,
            Self::Lognormal(own) => own.mean,
            Self::Pareto(own) => own.mean,
            Self::Uniform(own) => own.low.midpoint(own.high),
        }
    }

    /// The largest size that is sure, or the mean where there is no largest.
    #[must_use]
    pub const fn greatest(&self) -> u64 {
        match self {
            Self::Uniform(own) => own.high,
            Self::Constant(_) | Self::Exponential(_) | Self::Lognormal(_) | Self::Pareto(_) => {
                self.mean()
            }
        }
    }
}

static LOGNORMAL: Shape = Shape::of(
    "lognormal",
    "many small ones and a few very large ones",
    &[
        Row::required("mean", Kind::Size, "the mean"),
        Row::required("scv", Kind::Number(0.0, 1e6), "variance over squared mean"),
    ],
)
.inline();

static PARETO: Shape = Shape::of(
    "pareto",
    "a power law",
    &[
        Row::required("mean", Kind::Size, "the mean"),
        Row::required("shape", Kind::Number(1.001, 1e3), "exponent of the tail"),
    ],
)
.inline();

static UNIFORM: Shape = Shape::of(
    "uniform",
    "anything between two bounds alike",
    &[
        Row::required("low", Kind::Size, "the smallest"),
        Row::required("high", Kind::Size, "the largest"),
    ],
)
.inline();

const FORMS: &[&str] = &["constant", "exponential", "lognormal", "pareto", "uniform"];
const ANOTHER: &str = "another form is used";

pub(crate) static SIZES: Shape = Shape::of(
    "size",
    "how large a document is; a bare size is a constant",
    &[
        Row::optional("constant", Kind::Size, ANOTHER, "always the same"),
        Row::optional("exponential", Kind::Size, ANOTHER, "memoryless, with this mean"),
        Row::optional("lognormal", Kind::Table(&LOGNORMAL), ANOTHER, "a few very large ones"),
        Row::optional("pareto", Kind::Table(&PARETO), ANOTHER, "a power law"),
        Row::optional("uniform", Kind::Table(&UNIFORM), ANOTHER, "between two bounds"),
    ],
)
.one_of(FORMS)
.short("constant")
.inline();

impl Bind for Sizes {
    const SHAPE: &'static Shape = &SIZES;

    fn bind(&mut self, b: &mut Binder<'_>) {
        choice!(self, b, {
            "constant" => Constant,
            "exponential" => Exponential,
            "lognormal" => Lognormal,
            "pareto" => Pareto,
            "uniform" => Uniform,
        });
    }
}

impl Bind for LognormalSizes {
    const SHAPE: &'static Shape = &LOGNORMAL;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("mean", &mut self.mean);
        b.key("scv", &mut self.scv);
    }
}

impl Bind for ParetoSizes {
    const SHAPE: &'static Shape = &PARETO;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("mean", &mut self.mean);
        b.key("shape", &mut self.shape);
    }
}

impl Bind for UniformSizes {
    const SHAPE: &'static Shape = &UNIFORM;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("low", &mut self.low);
        b.key("high", &mut self.high);
        if b.reading() && self.low > self.high {
            b.refuse("high", "'high' is less than 'low'", "give the greater bound as 'high'");
        }
    }
}
