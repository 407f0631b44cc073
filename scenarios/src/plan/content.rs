//! What pipelines move between the content of a document and its properties (R-PIPE-12).

use super::bind::{Bind, Binder};
use super::row::{Kind, Row, Shape};

/// A field of the content that becomes a property on the way in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Promotes {
    /// The element that holds it.
    pub element: String,
    /// The property that it becomes.
    pub property: String,
    /// What a described body has there.
    pub described: Option<String>,
}

/// A property that is written into the content on the way out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Demotes {
    /// The property.
    pub property: String,
    /// The element that takes it.
    pub element: String,
}

pub(crate) static PROMOTES: Shape = Shape::of(
    "promotes",
    "a field of the content that becomes a property (R-PIPE-12)",
    &[
        Row::required("element", Kind::Text, "the element of real XML that holds it"),
        Row::required("property", Kind::Text, "the property that it becomes, promoted"),
        Row::optional(
            "described",
            Kind::Text,
            "nothing, and nothing is promoted",
            "what a body has there that is only described",
        ),
    ],
);

pub(crate) static DEMOTES: Shape = Shape::of(
    "demotes",
    "a property that is written into the content; a described body grows by it (R-PIPE-12)",
    &[
        Row::required("property", Kind::Text, "the property"),
        Row::required("element", Kind::Text, "the element of real XML that takes it"),
    ],
);

impl Bind for Promotes {
    const SHAPE: &'static Shape = &PROMOTES;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("element", &mut self.element);
        b.key("property", &mut self.property);
        b.key("described", &mut self.described);
    }
}

impl Bind for Demotes {
    const SHAPE: &'static Shape = &DEMOTES;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("property", &mut self.property);
        b.key("element", &mut self.element);
    }
}
