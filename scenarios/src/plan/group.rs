//! Send port groups: one filter whose matches go to every member (R-SUB-11).

use super::bind::{Bind, Binder};
use super::filter::Filter;
use super::row::{Kind, Row, Shape};
use super::send::PortState;

/// A send port group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SendPortGroup {
    /// Its name, unique among groups.
    pub name: String,
    /// What it subscribes to; only direct delivery when absent.
    pub filter: Option<Filter>,
    /// Its members.
    pub ports: Vec<String>,
    /// Whether it subscribes and sends.
    pub state: PortState,
}

pub(crate) static SEND_PORT_GROUP: Shape = Shape::of(
    "send_port_group",
    "a send port group: what matches its filter goes to every member (R-SUB-11)",
    &[
        Row::required("name", Kind::Text, "its name, unique among groups"),
        Row::optional("filter", Kind::Filter, "it subscribes to nothing", "what it subscribes to"),
        Row::required("ports", Kind::List(&Kind::Text), "its members, send ports"),
        Row::default(
            "state",
            Kind::Word(PortState::WORDS),
            "'started'",
            "whether it subscribes and sends (R-SUB-09)",
        ),
    ],
);

impl Bind for SendPortGroup {
    const SHAPE: &'static Shape = &SEND_PORT_GROUP;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("name", &mut self.name);
        b.key("filter", &mut self.filter);
        b.key("ports", &mut self.ports);
        b.key("state", &mut self.state);
    }
}
