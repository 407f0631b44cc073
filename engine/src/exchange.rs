//! Two-way exchanges: how ports that answer, or ask for an answer, are set.
//!
//! A request-response receive port answers its clients: the response comes back through a send
//! pipeline and a map of its own (R-RR-04). A solicit-response send port asks its partner: the
//! reply goes through a receive pipeline and a map (R-SR-03). All of it is plain data; ports that
//! are not named here are one-way, and cost nothing.

use crate::config::Topology;
use crate::hash::mix;
use crate::id::{AdapterId, HostId, HostInstanceId, ReceivePortId, SendPortId};
use crate::map::Map;
use crate::message::Value;
use crate::pipeline::{ReceivePipeline, SendPipeline};
use crate::time::Duration;

/// Everything about exchanges that is deployed or chosen.
#[derive(Clone, Debug, Default)]
pub struct ExchangeSettings {
    /// The receive ports that are two-way.
    pub request_ports: Vec<RequestPort>,
    /// The way back of two-way send ports; one that is not listed passes replies through.
    pub solicit_ports: Vec<SolicitPort>,
    /// How long hosts wait, in the order of the topology; the product's defaults beyond.
    pub hosts: Vec<ResponseSettings>,
    /// Send ports whose successful transmissions are acknowledged (R-ACK-01).
    pub notify_delivery: Vec<SendPortId>,
    /// What becomes of a response that nobody waits for any more (R-CLK-16).
    pub late: LateResponses,
}

/// A two-way receive port (R-LIFE-01).
#[derive(Clone, Debug)]
pub struct RequestPort {
    /// The port.
    pub port: ReceivePortId,
    /// The send pipeline of its responses and faults (R-RR-04, R-RR-07).
    pub pipeline: SendPipeline,
    /// The maps that run on them before: of a fault, too, and that may be changed (R-ADD-06).
    pub maps: Vec<Map>,
    /// The short form of such a change: a fault becomes a body of so many bytes. `None` leaves
    /// faults to the maps and the pipeline.
    pub fault_bytes: Option<u64>,
}

/// A two-way send port's way back (R-SR-03).
#[derive(Clone, Debug)]
pub struct SolicitPort {
    /// The port.
    pub port: SendPortId,
    /// The receive pipeline of its partner's replies.
    pub pipeline: ReceivePipeline,
    /// The maps that run on them afterwards.
    pub maps: Vec<Map>,
    /// Whether a reply to a message that came in one way is refused, as at least one adapter does
    /// (R-SR-07); otherwise it is published like any message.
    pub correlated_only: bool,
}

/// How long a host's receive adapters wait for a response (R-RR-02, R-ADD-05).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ResponseSettings {
    /// Default of receivers in the engine's process.
    pub timeout: Duration,
    /// Default of isolated receivers.
    pub timeout_isolated: Duration,
    /// Whether the receivers of this host are isolated.
    pub isolated: bool,
    /// "Allow multiple responses": without it every request takes its first response only
    /// (R-RR-10).
    pub allow_multiple: bool,
}

impl Default for ResponseSettings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_minutes(20),
            timeout_isolated: Duration::from_minutes(20),
            isolated: false,
            allow_multiple: false,
        }
    }
}

impl ResponseSettings {
    /// How long a request waits whose adapter names no instant (R-ADD-05).
    #[must_use]
    pub const fn default_timeout(&self) -> Duration {
        if self.isolated { self.timeout_isolated } else { self.timeout }
    }
}

/// What becomes of a response that nobody waits for any more (R-CLK-16). \[M\] only the case of a
/// restart is documented (R-RR-12).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum LateResponses {
    /// Its publication fails as a routing failure; who submitted it suspends it.
    #[default]
    Refuse,
    /// The engine suspends it, not resumable, and its submission succeeds.
    Suspend,
}

impl ExchangeSettings {
    /// The settings of a receive port, if it is two-way.
    #[must_use]
    pub fn request_port(&self, port: ReceivePortId) -> Option<&RequestPort> {
        self.request_ports.iter().find(|known| known.port == port)
    }

    /// The way back of a send port, if one was set.
    #[must_use]
    pub fn solicit_port(&self, port: SendPortId) -> Option<&SolicitPort> {
        self.solicit_ports.iter().find(|known| known.port == port)
    }

    /// How long a host waits.
    #[must_use]
    pub fn of_host(&self, host: HostId) -> ResponseSettings {
        self.hosts.get(host.index()).copied().unwrap_or_default()
    }
}

/// Longest part of a server's name in a token: a promoted text is limited (R-CTX-05).
const SERVER_NAME_MAX: usize = 100;

/// The value of `EpmRRCorrelationToken`: names the server, the process and one exchange
/// (R-RR-03). The number of the request makes it unlike that of any process before.
pub(crate) fn correlation(
    topology: &Topology,
    instance: HostInstanceId,
    adapter: AdapterId,
    (token, request): (u64, u64),
) -> Value {
    let server = topology.host_instances[instance.index()].server;
    let name = &topology.servers[server.index()].name;
    let name: String = name.chars().take(SERVER_NAME_MAX).collect();
    let guid = guid(mix(request, token), u64::from(adapter.0));
    Value::text(&format!("Svr:{name};PID:{};RRUid:{guid}", instance.0))
}

/// A GUID made of two numbers: the same in every run.
pub(crate) fn guid(a: u64, b: u64) -> String {
    let (high, low) = (mix(a, mix(b, 1)), mix(a, mix(b, 2)));
    format!(
        "{{{:08x}-{:04x}-{:04x}-{:04x}-{:012x}}}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::PromotedLength;
    use crate::config::{HostInstanceConfig, Server};
    use crate::id::ServerId;

    #[test]
    fn a_token_names_server_process_and_exchange() {
        // R-RR-03: and no two exchanges share one.
        let server = "s".repeat(240);
        let topology = Topology {
            servers: vec![Server { name: server, cpus: 1 }],
            host_instances: vec![HostInstanceConfig { host: HostId(0), server: ServerId(0) }; 2],
            ..Topology::default()
        };
        let of = |instance, adapter, token, request| {
            correlation(&topology, HostInstanceId(instance), AdapterId(adapter), (token, request))
        };
        let mut all = vec![of(0, 0, 1, 1), of(1, 0, 1, 1), of(0, 1, 1, 1)];
        all.extend([of(0, 0, 2, 1), of(0, 0, 1, 2)]);
        for value in &all {
            let Value::Text(text) = value else { panic!("a token is a text") };
            assert!(text.starts_with("Svr:sss") && text.contains(";PID:"), "{text}");
            assert!(text.chars().count() <= PromotedLength::default().chars());
        }
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 5);
    }

    #[test]
    fn isolated_receivers_have_a_default_of_their_own() {
        // R-RR-02, R-ADD-05.
        let settings = ResponseSettings {
            timeout_isolated: Duration::from_minutes(3),
            ..ResponseSettings::default()
        };
        let isolated = ResponseSettings { isolated: true, ..settings };
        assert_eq!(settings.default_timeout(), Duration::from_minutes(20));
        assert_eq!(isolated.default_timeout(), Duration::from_secs(180));
    }
}
