//! Faults that a scenario plans.

use floodgate_engine::time::Duration;

use super::bind::{Bind, Binder};
use super::row::{Kind, Row, Shape};
use super::word::words;

words! {
    /// What goes wrong.
    pub enum FaultKind {
        /// The partner's end refuses every call.
        #[default]
        EndpointDown = "endpoint_down",
    }
}

words! {
    /// Which transport of a send port.
    pub enum Side {
        /// The backup transport.
        Backup = "backup",
        /// The primary transport.
        #[default]
        Primary = "primary",
    }
}

/// One planned fault.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fault {
    /// When it begins.
    pub at: Duration,
    /// What goes wrong.
    pub kind: FaultKind,
    /// The endpoint it happens to: `Port.primary` or `Port.backup`.
    pub endpoint: String,
    /// How long it lasts.
    pub lasts: Duration,
}

impl Fault {
    /// The send port and the transport that the endpoint names.
    #[must_use]
    pub fn transport(&self) -> Option<(&str, Side)> {
        let (port, side) = self.endpoint.rsplit_once('.')?;
        Some((port, Side::from_word(side)?))
    }
}

pub(crate) static FAULT: Shape = Shape::of(
    "fault",
    "one planned fault",
    &[
        Row::required("at", Kind::Duration, "when it begins"),
        Row::required("kind", Kind::Word(FaultKind::WORDS), "what goes wrong"),
        Row::required("endpoint", Kind::Text, "'Port.primary' or 'Port.backup'"),
        Row::required("lasts", Kind::PositiveDuration, "how long it lasts"),
    ],
);

impl Bind for Fault {
    const SHAPE: &'static Shape = &FAULT;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("at", &mut self.at);
        b.key("kind", &mut self.kind);
        b.key("endpoint", &mut self.endpoint);
        b.key("lasts", &mut self.lasts);
    }
}
