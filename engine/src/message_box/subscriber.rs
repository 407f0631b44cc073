//! Subscribers as the MessageBox sees them: send ports, orchestrations, waits for a response.

use std::sync::Arc;

use super::lanes::Lanes;
use crate::config::{SubscriberKind, Topology, Transport};
use crate::id::{AdapterId, EndpointId, HostId, MessageBoxId, SendPortId, SubscriberId};
use crate::message::{PropertyId, Value};
use crate::retry::RetryPolicy;
use crate::schedule::Window;
use crate::subscription::PortState;
use crate::time::Duration;

/// The subscriber settings that the MessageBox itself needs.
#[derive(Clone, Debug)]
pub(super) struct Subscriber {
    pub(super) transports: [Option<TransportSettings>; 2],
    pub(super) priority: u8,
    pub(super) state: PortState,
    pub(super) ordered: Option<Lanes>,
    /// Where the one instance of an ordered port lives, once it does (R-MMB-03, R-ORD-05).
    pub(super) home: Option<MessageBoxId>,
    /// Whether its instances have a state to write at every persistence point.
    pub(super) stateful: bool,
    /// Whether every message chooses its own adapter (R-DYN-01).
    pub(super) dynamic: bool,
    /// What is written into the context of a delivered message, by transport (R-SND-04).
    pub(super) configuration: [Option<Properties>; 2],
    /// Whether a delivery expects a reply (R-SR-01).
    pub(super) two_way: bool,
}

/// Properties to write, shared by all copies of a subscriber.
pub(super) type Properties = Arc<[(PropertyId, Value)]>;

/// Where deliveries of a subscriber go. An orchestration has no adapter and no partner's end: its
/// deliveries never leave the host instance, and nobody reads these two.
#[derive(Clone, Copy, Debug)]
pub(super) struct TransportSettings {
    pub(super) adapter: AdapterId,
    pub(super) endpoint: EndpointId,
    pub(super) host: HostId,
    pub(super) retry: RetryPolicy,
    pub(super) window: Option<Window>,
}

impl Subscriber {
    pub(super) fn of(topology: &Topology, id: SubscriberId) -> Self {
        let settings = |transport: &Transport, window: Option<Window>| TransportSettings {
            adapter: transport.adapter,
            endpoint: transport.endpoint,
            host: transport.host,
            retry: transport.retry,
            window,
        };
        let inside = |host: HostId, priority: u8| Self {
            transports: [
                Some(TransportSettings {
                    adapter: AdapterId::default(),
                    endpoint: EndpointId::default(),
                    host,
                    retry: RetryPolicy { count: 0, interval: Duration::ZERO },
                    window: None,
                }),
                None,
            ],
            priority,
            state: PortState::Started,
            ordered: None,
            home: None,
            stateful: false,
            dynamic: false,
            configuration: [None, None],
            two_way: false,
        };
        let configured = |port: SendPortId, on_backup: bool| {
            let mut known = topology.configurations.iter();
            let known = known.find(|one| one.port == port && one.on_backup == on_backup)?;
            Some(Properties::from(known.properties.clone()))
        };
        match topology.subscriber(id) {
            SubscriberKind::SendPort(id) => {
                let dynamic = topology.dynamic_port(id).is_some();
                let window = |on_backup| topology.window(id, on_backup);
                let configuration = [configured(id, false), configured(id, true)];
                let port = &topology.send_ports[id.index()];
                Self {
                    // R-RETRY-12: a dynamic port has no backup.
                    transports: [
                        Some(settings(&port.primary, window(false))),
                        port.backup
                            .as_ref()
                            .filter(|_| !dynamic)
                            .map(|own| settings(own, window(true))),
                    ],
                    priority: port.priority,
                    state: port.state,
                    ordered: port.ordered.map(Lanes::new),
                    home: None,
                    stateful: false,
                    dynamic,
                    configuration,
                    two_way: port.two_way,
                }
            }
            SubscriberKind::Orchestration(id) => {
                let orchestration = &topology.orchestrations[id.index()];
                Self { stateful: true, ..inside(orchestration.host, orchestration.priority) }
            }
            // The host differs from location to location; the instance's owner says which.
            SubscriberKind::Responses(_) => inside(HostId::default(), CORRELATING_PRIORITY),
        }
    }
}

/// Priority of instance subscriptions (R-SUB-08).
pub(super) const CORRELATING_PRIORITY: u8 = 5;
