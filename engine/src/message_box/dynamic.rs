//! Dynamic send ports as the MessageBox sees them: each message has a transport of its own.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::lanes::{LaneKey, lane_key};
use super::{MessageBox, OutboundMessage, Reference, TransportSettings};
use crate::config::{AliasChoice, Topology};
use crate::dynamic::{DynamicPort, SendHandler, choose};
use crate::id::{AdapterId, EndpointId, ReferenceId, SubscriberId};
use crate::message::{Context, PropertyId, Value};

/// What is registered for dynamic sending, and the locations met so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Addresses {
    handlers: Vec<SendHandler>,
    alias: AliasChoice,
    /// Type names, by adapter.
    names: Vec<String>,
    ports: Vec<DynamicPort>,
    /// Locations in the order in which they were met, numbered after the configured endpoints.
    met: Vec<(SubscriberId, Arc<str>)>,
    by_location: FxHashMap<(AdapterId, Arc<str>), EndpointId>,
    /// The names of the configured endpoints: a location of that name is the endpoint.
    configured: Vec<String>,
}

impl Addresses {
    pub(super) fn of(topology: &Topology) -> Self {
        Self {
            handlers: topology.send_handlers.clone(),
            alias: topology.choices.alias,
            names: topology.adapters.iter().map(|adapter| adapter.name.clone()).collect(),
            ports: topology.dynamic_ports.clone(),
            met: Vec::new(),
            by_location: FxHashMap::default(),
            configured: topology.endpoints.clone(),
        }
    }

    fn port(&self, subscriber: SubscriberId) -> Option<&DynamicPort> {
        self.ports.iter().find(|known| SubscriberId::from(known.port) == subscriber)
    }

    /// Who sends a message of this context, and where to (R-DYN-02).
    fn choose<'a, 'l>(&'a self, context: &'l Context) -> Option<(&'a SendHandler, &'l str)> {
        let text = |property| match context.read(property) {
            Some(Value::Text(text)) => Some(&**text),
            Some(Value::Bool(_) | Value::Int(_) | Value::Object) | None => None,
        };
        let location = text(PropertyId::OUTBOUND_TRANSPORT_LOCATION)?;
        let named = text(PropertyId::OUTBOUND_TRANSPORT_TYPE);
        choose(&self.handlers, self.alias, |id| &self.names[id.index()], named, location)
    }

    /// What a message of an ordered port is kept in order with (R-ORD-13).
    pub(super) fn lane(&self, subscriber: SubscriberId, context: &Context) -> LaneKey {
        let (handler, location) = self.choose(context)?;
        let scope = self.port(subscriber)?.order;
        lane_key(scope, handler.adapter, location)
    }

    /// The number of a location: one adapter's location is one endpoint (R-BSND-08), with the
    /// alias or without it (R-DYN-03).
    fn locate(&mut self, by: SubscriberId, adapter: AdapterId, location: &str) -> EndpointId {
        let location: Arc<str> = Arc::from(location);
        let next = EndpointId::from(self.configured.len() + self.met.len());
        let (met, configured) = (&mut self.met, &self.configured);
        *self.by_location.entry((adapter, location)).or_insert_with_key(|(_, location)| {
            let known = configured.iter().position(|name| **name == **location);
            known.map_or_else(
                || {
                    met.push((by, Arc::clone(location)));
                    next
                },
                EndpointId::from,
            )
        })
    }
}

impl MessageBox {
    /// The location behind an endpoint that no configuration names, and the dynamic port whose
    /// message asked for it first.
    #[must_use]
    pub fn dynamic_location(&self, endpoint: EndpointId) -> Option<(SubscriberId, &str)> {
        let place = endpoint.index().checked_sub(self.addresses.configured.len())?;
        self.addresses.met.get(place).map(|(by, location)| (*by, &**location))
    }

    /// The transport of a message of a dynamic port; `None` when no adapter answers to it. The
    /// endpoint is known once the message is handed out.
    #[inline(never)]
    pub(super) fn dynamic_transport(
        &self,
        reference: &Reference,
        own: TransportSettings,
    ) -> Option<TransportSettings> {
        let context = self.context_for(reference);
        let (handler, _) = self.addresses.choose(&context)?;
        let port = self.addresses.port(reference.subscriber)?;
        let chosen = port.handlers.iter().find(|(adapter, _)| *adapter == handler.adapter);
        let host = chosen.map_or(handler.host, |(_, host)| *host);
        Some(TransportSettings { adapter: handler.adapter, host, ..own })
    }

    /// Whether a message of a dynamic port has an adapter that answers to it.
    pub(super) fn is_addressed(&self, id: ReferenceId) -> bool {
        let Some(reference) = self.references.get(id.0) else { return false };
        self.addresses.choose(&self.context_for(reference)).is_some()
    }

    /// Writes the endpoint, the handler's configuration and the mark of a dynamic send
    /// (R-DYN-01, R-DYN-06, R-SND-04).
    pub(super) fn address(&mut self, message: &mut OutboundMessage) {
        let Some((handler, location)) = self.addresses.choose(&message.context) else { return };
        let (adapter, location) = (handler.adapter, location.to_owned());
        let configuration = handler.configuration.clone();
        message.endpoint = self.addresses.locate(message.subscriber, adapter, &location);
        message.context.write(PropertyId::IS_DYNAMIC_SEND, Some(Value::Bool(true)));
        for (property, value) in configuration {
            message.context.write(property, Some(value));
        }
    }
}
