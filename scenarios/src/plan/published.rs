//! Published values: what somebody measured of the plant that a scenario describes.
//!
//! A run shows them beside its own figures, with the error. They judge nothing: an expectation
//! does that, with its own limits.

use super::along::{ALONG, Along};
use super::bind::{Bind, Binder};
use super::figure::{self, Figure};
use super::row::{Kind, Row, Shape};

/// One published value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Published {
    /// The figure of the run that it is compared with.
    pub figure: Figure,
    /// What was published, in its unit.
    pub value: f64,
    /// Its unit.
    pub unit: String,
    /// Where it was published, and how it was read.
    pub source: String,
    /// What it depends on.
    pub along: Option<Along>,
}

pub(crate) static PUBLISHED: Shape = Shape::of(
    "published",
    "a published value, shown beside the simulated one",
    &[
        figure::WHAT,
        figure::OF,
        figure::PHASE,
        Row::required("value", Kind::Number(0.0, 1e15), "what was published, in its unit"),
        Row::required("unit", Kind::Text, "its unit"),
        Row::required("source", Kind::Prose, "where it was published"),
        Row::optional(
            "along",
            Kind::Table(&ALONG),
            "a sweep draws it along the key as it is",
            "what it depends on, for a sweep",
        ),
    ],
);

impl Bind for Published {
    const SHAPE: &'static Shape = &PUBLISHED;

    fn bind(&mut self, b: &mut Binder<'_>) {
        let known = self.figure.keys(b);
        b.key("value", &mut self.value);
        b.key("unit", &mut self.unit);
        if !known {
            self.unit.clear();
        }
        b.key("source", &mut self.source);
        b.key("along", &mut self.along);
    }
}
