//! What a published figure depends on: the key that a sweep varies to see it, and the lines that
//! theory draws there.
//!
//! One number of a figure that depends on the plant proves nothing. With this a sweep along the key
//! draws the figure against what it depends on, in units that carry over to other plants, beside
//! what was published and beside its asymptotes. Like a published value a line judges nothing.

use super::bind::{Bind, Binder};
use super::row::{Kind, Row, Shape};

/// What a figure depends on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Along {
    /// The key that is varied, as `--vary` names it.
    pub key: String,
    /// What the axis counts.
    pub name: String,
    /// The value of the key that is 1 on the axis.
    pub one: String,
    /// Lines of theory.
    pub lines: Vec<Line>,
}

/// A straight line over the axis.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    /// What it says.
    pub name: String,
    /// The figure where the axis is zero.
    pub at: f64,
    /// How much more it is where the axis is one more.
    pub slope: f64,
}

static LINE: Shape = Shape::of(
    "line",
    "a straight line to hold the figure against",
    &[
        Row::required("name", Kind::Text, "what it says"),
        Row::required("at", Kind::Number(-1e15, 1e15), "the figure where the axis is zero"),
        Row::default(
            "slope",
            Kind::Number(-1e15, 1e15),
            "0",
            "how much more it is where the axis is one more",
        ),
    ],
);

pub(crate) static ALONG: Shape = Shape::of(
    "along",
    "what the figure depends on, drawn by a sweep that varies nothing else",
    &[
        Row::required("key", Kind::Text, "the key that is varied, as --vary names it"),
        Row::required("name", Kind::Text, "what the axis counts"),
        Row::required("one", Kind::Text, "the value of the key that is 1 on the axis"),
        Row::default("line", Kind::Tables(&LINE), "[]", "lines to hold the figure against"),
    ],
);

impl Bind for Along {
    const SHAPE: &'static Shape = &ALONG;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("key", &mut self.key);
        b.key("name", &mut self.name);
        b.key("one", &mut self.one);
        b.key("line", &mut self.lines);
    }
}

impl Bind for Line {
    const SHAPE: &'static Shape = &LINE;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("name", &mut self.name);
        b.key("at", &mut self.at);
        b.key("slope", &mut self.slope);
    }
}
