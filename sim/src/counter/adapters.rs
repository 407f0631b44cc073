//! The counters of those kinds of adapters that have some in the product, host by host.
//!
//! What the product prints and nothing here is: bytes received, lock failures, deletes that are
//! tried again, how long a batch is built.

use floodgate_engine::config::Topology;
use floodgate_engine::id::{AdapterId, HostId};

use super::HostTotals;
use crate::world::Sent;

/// Kinds that have counters of their own; those of WCF have none.
const KINDS: [&str; 7] = ["FILE", "FTP", "HTTP", "MSMQ", "POP3", "SMTP", "SOAP"];

/// What an adapter of a host has done so far, over all instances.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AdapterTotals {
    pub(crate) sent: Sent,
    /// Messages that it brought in, of the processes that run.
    pub(crate) received: u64,
}

/// A figure of such an object: how it is called, its unit, and what it counts.
type Figure = (&'static str, &'static str, fn(&AdapterTotals) -> u64);

const RECEIVED: Figure = ("Messages received", "messages", |own| own.received);
const SENT: Figure = ("Messages sent", "messages", |own| own.sent.messages);
const BYTES: Figure = ("Bytes sent", "bytes", |own| own.sent.bytes);

/// The adapters of a kind that a host has on one way, and the figures of that way.
struct Object {
    name: String,
    adapters: Vec<AdapterId>,
    figures: &'static [Figure],
}

fn objects(topology: &Topology, host: HostId) -> Vec<Object> {
    let locations = topology.receive_locations.iter().filter(|own| own.host == host);
    let receiving: Vec<AdapterId> = locations.map(|own| own.adapter).collect();
    let ports = topology.send_ports.iter();
    let transports = ports.flat_map(|port| std::iter::once(&port.primary).chain(&port.backup));
    let sending: Vec<AdapterId> =
        transports.filter(|own| own.host == host).map(|own| own.adapter).collect();
    let of = |kind: &str, all: &[AdapterId]| {
        let is_one = |at: &AdapterId| topology.adapters[at.index()].name == kind;
        let mut found: Vec<AdapterId> = all.iter().copied().filter(is_one).collect();
        found.sort_unstable();
        found.dedup();
        found
    };
    let mut objects = Vec::new();
    for kind in KINDS {
        let figures: &[Figure] = if kind == "HTTP" { &[RECEIVED, SENT] } else { &[RECEIVED] };
        let name = format!("BizTalk:{kind} Receive Adapter");
        objects.push(Object { name, adapters: of(kind, &receiving), figures });
        let figures: &[Figure] = if kind == "FILE" { &[SENT, BYTES] } else { &[SENT] };
        let name = format!("BizTalk:{kind} Send Adapter");
        objects.push(Object { name, adapters: of(kind, &sending), figures });
    }
    objects.retain(|object| !object.adapters.is_empty());
    objects
}

/// Names and units, in the order of [`values`].
pub(super) fn names(topology: &Topology, host: HostId) -> Vec<(String, &'static str)> {
    let own = &topology.hosts[host.index()].name;
    let mut names = Vec::new();
    for Object { name, figures, .. } in objects(topology, host) {
        for (counter, unit, _) in figures {
            names.push((format!("\\{name}({own})\\{counter}"), *unit));
            let per_second = if *unit == "bytes" { "bytes/s" } else { "messages/s" };
            names.push((format!("\\{name}({own})\\{counter}/Sec"), per_second));
        }
    }
    names
}

/// The values of an interval of so many seconds; there is no rate where a process died meanwhile.
pub(super) fn values(
    topology: &Topology,
    host: HostId,
    (before, now): (&HostTotals, &HostTotals),
    seconds: f64,
) -> Vec<f64> {
    let mut values = Vec::new();
    for Object { adapters, figures, .. } in objects(topology, host) {
        for (.., read) in figures {
            let sum = |of: &HostTotals| {
                let known = adapters.iter().filter_map(|at| of.adapters.get(at.index()));
                known.map(read).sum::<u64>()
            };
            let more = sum(now).checked_sub(sum(before));
            values.push(sum(now) as f64);
            values.push(more.map_or(f64::NAN, |more| more as f64 / seconds));
        }
    }
    values
}

impl HostTotals {
    /// Adds what one more instance's adapters have done.
    pub(crate) fn add_adapters(&mut self, sent: &[Sent], received: impl Fn(AdapterId) -> u64) {
        self.adapters.resize(sent.len(), AdapterTotals::default());
        for (at, (all, own)) in self.adapters.iter_mut().zip(sent).enumerate() {
            all.sent.given += own.given;
            all.sent.batches += own.batches;
            all.sent.messages += own.messages;
            all.sent.bytes += own.bytes;
            all.received += received(AdapterId::from(at));
        }
    }
}
