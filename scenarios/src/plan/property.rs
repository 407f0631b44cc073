//! Properties with values: what hosts have, and what messages demand of them (R-CTX-08).

use super::bind::{Bind, Binder};
use super::row::{Kind, Row, Shape};

/// A property of a host.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostProperty {
    /// The property.
    pub property: String,
    /// Its value.
    pub value: String,
}

/// What messages of a location demand of the host that gets them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Demand {
    /// The property.
    pub property: String,
    /// The value that it must have; the host must not have the property when absent.
    pub value: Option<String>,
}

pub(crate) static HOST_PROPERTY: Shape = Shape::of(
    "host property",
    "a property of a host, for messages that demand it (R-CTX-08)",
    &[
        Row::required("property", Kind::Text, "the property"),
        Row::required("value", Kind::Text, "its value; a whole number, true and false are those"),
    ],
)
.inline();

pub(crate) static DEMAND: Shape = Shape::of(
    "demand",
    "what messages demand of the host that gets them (R-CTX-08)",
    &[
        Row::required("property", Kind::Text, "the property of the host"),
        Row::optional(
            "value",
            Kind::Text,
            "the host must not have the property",
            "the value that it must have",
        ),
    ],
)
.inline();

impl Bind for HostProperty {
    const SHAPE: &'static Shape = &HOST_PROPERTY;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("property", &mut self.property);
        b.key("value", &mut self.value);
    }
}

impl Bind for Demand {
    const SHAPE: &'static Shape = &DEMAND;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("property", &mut self.property);
        b.key("value", &mut self.value);
    }
}
