//! Policy, service windows, groups and host properties, as the engine knows them.

use floodgate_engine::config::{LargeMessages, SendPortGroup, TransportWindow};
use floodgate_engine::id::{ReceiveLocationId, SendPortId};
use floodgate_engine::message::{PropertyId, Value};
use floodgate_engine::message_box::{DequeueOrder, MessageBoxPolicy, Unavailability};
use floodgate_engine::pipeline::Promotion;
use floodgate_engine::schedule::{Schedule, Window};
use floodgate_engine::time::Instant;

use super::Names;
use super::convert::{filter, port_state, position};
use crate::plan;
use crate::plan::when;

impl Names<'_> {
    pub(super) fn policy(&mut self) {
        let own = &self.scenario.policy;
        self.topology.policy = MessageBoxPolicy {
            dequeue_order: match own.dequeue_order {
                plan::policy::DequeueOrder::Publication => DequeueOrder::Publication,
                plan::policy::DequeueOrder::Shuffled => DequeueOrder::Shuffled(self.scenario.seed),
            },
            resume_on_start: own.resume_on_start,
            unavailability: match own.unavailability {
                plan::policy::Unavailability::All => Unavailability::All,
                plan::policy::Unavailability::MasterOnly => Unavailability::MasterOnly,
            },
            cache_refresh: own.cache_refresh,
            ..MessageBoxPolicy::default()
        };
        self.topology.choices = self.scenario.choices;
        self.topology.large_messages = LargeMessages {
            batch_bytes: own.batch_bytes,
            fragment_bytes: own.fragment_bytes,
            map_bytes: own.map_bytes,
        };
    }

    /// What a host has for messages that demand it.
    pub(super) fn host_properties(&mut self, own: &plan::host::Host) -> Vec<(PropertyId, Value)> {
        let one = |own: &plan::property::HostProperty| {
            (self.topology.properties.intern(&own.property), Promotion::value(&own.value))
        };
        own.properties.iter().map(one).collect()
    }

    /// When a location is active, if that is not always.
    pub(super) fn schedule(&mut self, location: ReceiveLocationId, own: &when::Active) {
        let at = |span| Instant::ZERO + span;
        let schedule = Schedule {
            start: at(own.start),
            stop: own.stop.map(at),
            window: own.window.as_ref().map(window),
        };
        self.topology.schedules.push((location, schedule));
    }

    /// The service windows of a send port's transports.
    pub(super) fn windows(&mut self, port: SendPortId, own: &plan::send::SendPort) {
        let sides = [(false, Some(&own.primary)), (true, own.backup.as_ref())];
        for (on_backup, transport) in sides {
            if let Some(open) = transport.and_then(|transport| transport.window.as_ref()) {
                let window = window(open);
                self.topology.windows.push(TransportWindow { port, on_backup, window });
            }
        }
    }

    pub(super) fn send_port_groups(&mut self) {
        for own in &self.scenario.send_port_groups {
            let names = || self.topology.send_ports.iter().map(|port| &port.name);
            let ports = own.ports.iter().map(|name| SendPortId::from(position(names(), name)));
            let ports = ports.collect();
            let filter = own.filter.as_ref().map(|own| filter(own, &mut self.topology.properties));
            self.topology.send_port_groups.push(SendPortGroup {
                name: own.name.clone(),
                filter,
                ports,
                state: port_state(own.state),
            });
        }
    }
}

fn window(own: &when::Window) -> Window {
    Window { from: own.from, until: own.until }
}
