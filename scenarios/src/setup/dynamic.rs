//! Send handlers, dynamic send ports, and the addresses of a load.

use floodgate_engine::dynamic::{DynamicPort, OrderScope, SendHandler};
use floodgate_engine::id::SendPortId;
use floodgate_sim::setup::Outbound;

use super::Names;
use super::convert::position;
use crate::plan;

impl Names<'_> {
    /// Handlers are adapters of their own: their type names are what messages ask for.
    pub(super) fn send_handlers(&mut self) {
        for own in &self.scenario.send_handlers {
            let host = self.host(&own.host);
            let adapter = self.register(&own.name, &own.adapter);
            self.topology.send_handlers.push(SendHandler {
                adapter,
                host,
                aliases: own.aliases.clone(),
                configuration: Vec::new(),
            });
        }
    }

    pub(super) fn dynamic_ports(&mut self) {
        for (at, port) in self.scenario.send_ports.iter().enumerate() {
            let Some(dynamic) = &port.dynamic else { continue };
            let hosts = dynamic.hosts.iter().map(|chosen| {
                let names = self.scenario.send_handlers.iter().map(|handler| &handler.name);
                let handler = &self.topology.send_handlers[position(names, &chosen.handler)];
                (handler.adapter, self.host(&chosen.host))
            });
            let handlers = hosts.collect();
            let order = match dynamic.order {
                plan::dynamic::OrderScope::Location => OrderScope::Location,
                plan::dynamic::OrderScope::TransportType => OrderScope::TransportType,
            };
            let port = SendPortId::from(at);
            self.topology.dynamic_ports.push(DynamicPort { port, handlers, order });
        }
    }
}

pub(super) fn outbound(own: &plan::dynamic::Outbound) -> Outbound {
    Outbound { location: own.location.clone(), transport_type: own.by.clone() }
}
