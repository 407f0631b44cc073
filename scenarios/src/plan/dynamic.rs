//! Dynamic send: handlers to choose from, ports that choose, and where a load's messages go.

use super::bind::{Bind, Binder};
use super::row::{Kind, Row, Shape};
use super::send_adapter::{SEND_ADAPTER, SendAdapter};
use super::word::words;

words! {
    /// What an ordered dynamic port keeps order among (R-ORD-13).
    pub enum OrderScope {
        /// Messages to one location.
        #[default]
        Location = "location",
        /// Messages by one adapter.
        TransportType = "transport_type",
    }
}

/// A send handler that dynamic send ports may use (R-DYN-02).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SendHandler {
    /// The adapter's type name, which `OutboundTransportType` asks for.
    pub name: String,
    /// How documents are sent.
    pub adapter: SendAdapter,
    /// The host it sends from, unless a port chooses another.
    pub host: String,
    /// The prefixes of locations that it answers to.
    pub aliases: Vec<String>,
    /// Whether the adapter can keep order (R-ORD-12).
    pub ordered: bool,
}

/// That a send port is dynamic (R-DYN-01).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dynamic {
    /// Hosts that the port chose instead of a handler's own.
    pub hosts: Vec<ChosenHost>,
    /// What an ordered one keeps order among (R-ORD-13).
    pub order: OrderScope,
}

/// A host that a dynamic send port chose for a handler (R-DYN-06).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChosenHost {
    /// The handler.
    pub handler: String,
    /// The host that sends.
    pub host: String,
}

/// Where a message asks to go.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outbound {
    /// Its `OutboundTransportLocation`.
    pub location: String,
    /// Its `OutboundTransportType`; the alias of the location decides when absent.
    pub by: Option<String>,
}

pub(crate) static SEND_HANDLER: Shape = Shape::of(
    "send_handler",
    "an adapter in a host that dynamic send ports may use",
    &[
        Row::required("name", Kind::Text, "the adapter's type name, in any case (R-DYN-02)"),
        Row::required("adapter", Kind::Table(&SEND_ADAPTER), "how documents are sent"),
        Row::required("host", Kind::Text, "the host that sends"),
        Row::default(
            "aliases",
            Kind::List(&Kind::Text),
            "[]",
            "prefixes of locations that it answers to (R-DYN-04)",
        ),
        Row::default("ordered", Kind::Bool, "true", "whether it can keep order (R-ORD-12)"),
    ],
);

static CHOSEN_HOST: Shape = Shape::of(
    "chosen host",
    "a host instead of the handler's own (R-DYN-06)",
    &[
        Row::required("handler", Kind::Text, "the send handler"),
        Row::required("host", Kind::Text, "the host that sends"),
    ],
)
.inline();

pub(crate) static DYNAMIC: Shape = Shape::of(
    "dynamic",
    "every message says where it goes; of 'primary' stay the retries, the host, and how the \
     partners' ends behave (R-DYN-01)",
    &[
        Row::default(
            "hosts",
            Kind::Tables(&CHOSEN_HOST),
            "[]",
            "hosts instead of the handlers' own (R-DYN-06)",
        ),
        Row::default(
            "order",
            Kind::Word(OrderScope::WORDS),
            "'location'",
            "what an ordered port keeps order among; the rest goes side by side (R-ORD-13)",
        ),
    ],
)
.inline();

pub(crate) static OUTBOUND: Shape = Shape::of(
    "outbound address",
    "where a message asks to go: a location, or a table of both",
    &[
        Row::required("location", Kind::Text, "its OutboundTransportLocation"),
        Row::optional(
            "by",
            Kind::Text,
            "the alias of the location decides",
            "its OutboundTransportType (R-DYN-02)",
        ),
    ],
)
.short("location")
.inline();

impl Bind for SendHandler {
    const SHAPE: &'static Shape = &SEND_HANDLER;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("name", &mut self.name);
        b.key("adapter", &mut self.adapter);
        b.key("host", &mut self.host);
        b.key("aliases", &mut self.aliases);
        b.key("ordered", &mut self.ordered);
    }
}

impl Bind for Dynamic {
    const SHAPE: &'static Shape = &DYNAMIC;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("hosts", &mut self.hosts);
        b.key("order", &mut self.order);
    }
}

impl Bind for ChosenHost {
    const SHAPE: &'static Shape = &CHOSEN_HOST;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("handler", &mut self.handler);
        b.key("host", &mut self.host);
    }
}

impl Bind for Outbound {
    const SHAPE: &'static Shape = &OUTBOUND;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("location", &mut self.location);
        b.key("by", &mut self.by);
    }
}
