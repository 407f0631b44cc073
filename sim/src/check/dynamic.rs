//! The check on dynamic sends: INV-42, worked out anew from the message alone.

use std::hint::cold_path;

use floodgate_engine::config::{AliasChoice, Topology};
use floodgate_engine::id::AdapterId;
use floodgate_engine::message::{Context, PropertyId, Value};
use floodgate_engine::message_box::OutboundMessage;

use super::{Docket, Rule};

/// What dynamic ports choose from; empty when there are none.
#[derive(Clone, Debug)]
pub(super) struct DynamicPorts {
    /// By send port.
    ports: Vec<bool>,
    /// Type name and aliases, all in lower case.
    registered: Vec<(AdapterId, String, Vec<String>)>,
    alias: AliasChoice,
}

impl DynamicPorts {
    pub(super) fn new(topology: &Topology) -> Self {
        let mut ports = Vec::new();
        for dynamic in &topology.dynamic_ports {
            ports.resize(topology.send_ports.len(), false);
            ports[dynamic.port.index()] = true;
        }
        let registered = topology.send_handlers.iter().map(|handler| {
            let name = topology.adapters[handler.adapter.index()].name.to_ascii_lowercase();
            let aliases = handler.aliases.iter().map(|alias| alias.to_ascii_lowercase());
            (handler.adapter, name, aliases.collect())
        });
        Self { ports, registered: registered.collect(), alias: topology.choices.alias }
    }

    /// The adapter that a message asks for.
    fn asked(&self, context: &Context) -> Option<AdapterId> {
        let lower = |property| match context.read(property) {
            Some(Value::Text(text)) => Some(text.to_ascii_lowercase()),
            Some(Value::Bool(_) | Value::Int(_) | Value::Object) | None => None,
        };
        let location = lower(PropertyId::OUTBOUND_TRANSPORT_LOCATION)?;
        if let Some(named) = lower(PropertyId::OUTBOUND_TRANSPORT_TYPE) {
            return self.registered.iter().find(|(_, name, _)| *name == named).map(|found| found.0);
        }
        let mut best: Option<(usize, AdapterId)> = None;
        for (adapter, _, aliases) in &self.registered {
            for alias in aliases.iter().filter(|alias| location.starts_with(*alias)) {
                let better = |length| self.alias == AliasChoice::Longest && alias.len() > length;
                if best.is_none_or(|(length, _)| better(length)) {
                    best = Some((alias.len(), *adapter));
                }
            }
        }
        best.map(|(_, adapter)| adapter)
    }

    /// A message is handed to an adapter: of a dynamic port, to the one it asked for (INV-42).
    #[inline(always)]
    pub(super) fn transmit(&self, docket: &mut Docket, message: &OutboundMessage) {
        if !self.ports.get(message.subscriber.index()).is_some_and(|dynamic| *dynamic) {
            return;
        }
        cold_path();
        let asked = self.asked(&message.context);
        let marked = message.context.is_set(PropertyId::IS_DYNAMIC_SEND);
        docket.judge(Rule::DynamicChoice, marked && asked == Some(message.adapter), || {
            format!("{} went by {}, it asked for {asked:?}", message.document, message.adapter)
        });
    }
}
