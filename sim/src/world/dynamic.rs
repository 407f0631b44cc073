//! The partners' ends that only a message names: dynamic send ports meet them as they go.

use floodgate_engine::id::EndpointId;
use floodgate_engine::message::PropertyId;
use floodgate_engine::message_box::OutboundMessage;

use super::World;
use crate::endpoint::{Endpoint, Sink};

impl World {
    /// Makes sure that an endpoint exists before the first call to it. One that nobody configured
    /// behaves as the end that its dynamic port is configured with, by itself: it has its own
    /// places and its own chance, keyed by its location (R-DYN-01).
    #[inline(always)]
    pub(super) fn meet(&mut self, endpoint: EndpointId) {
        while self.endpoints.len() <= endpoint.index() {
            let next = EndpointId::from(self.endpoints.len());
            let (by, location) =
                self.message_box.dynamic_location(next).expect("a location that was handed out");
            let port = self.topology.send_port(by).expect("a dynamic port is a send port");
            let Endpoint::Sink(model) = &self.endpoints[port.primary.endpoint.index()] else {
                unreachable!("a send port transmits to a sink")
            };
            let met = Sink::like(model, location, self.measured);
            self.endpoints.push(Endpoint::Sink(Box::new(met)));
        }
    }

    /// What a partner's end is called: by the configuration, or by the message that named it.
    pub(super) fn end_of(&self, endpoint: EndpointId) -> &str {
        match self.topology.endpoints.get(endpoint.index()) {
            Some(name) => name,
            None => self.message_box.dynamic_location(endpoint).map_or("", |(_, name)| name),
        }
    }
}

/// Where a dynamic send goes, for a story; nothing for the others.
pub(super) fn tell_location(message: &OutboundMessage) -> String {
    if !message.context.is_set(PropertyId::IS_DYNAMIC_SEND) {
        return String::new();
    }
    let location = message.context.read(PropertyId::OUTBOUND_TRANSPORT_LOCATION);
    location.map(|location| format!(" IsDynamicSend to {location}")).unwrap_or_default()
}
