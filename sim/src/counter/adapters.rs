//! The counters of those kinds of adapters that have some in the product, host by host.
//!
//! \[M\] Of the kinds of which no more is published than that they have matching objects, those
//! that carry files and messages of queues have FILE's, the others HTTP's.

use floodgate_engine::config::Topology;
use floodgate_engine::id::{AdapterId, HostId};

use super::{HostTotals, senders};
use crate::world::Sent;

/// Kinds that have counters of their own; those of WCF have none.
const KINDS: [&str; 7] = ["FILE", "FTP", "HTTP", "MSMQ", "POP3", "SMTP", "SOAP"];

/// Those among them that count bytes.
const CARRIERS: [&str; 4] = ["FILE", "FTP", "MSMQ", "POP3"];

/// What an adapter of a host has done so far, over all instances.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AdapterTotals {
    pub(crate) sent: Sent,
    /// Messages that it brought in, and their bytes, of the processes that run.
    pub(crate) received: u64,
    pub(crate) received_bytes: u64,
}

/// A figure of such an object: how it is called, its unit, and what it counts.
type Figure = (&'static str, &'static str, fn(&AdapterTotals) -> u64);

const RECEIVED: Figure = ("Messages received", "messages", |own| own.received);
const SENT: Figure = ("Messages sent", "messages", |own| own.sent.messages);
const RECEIVED_BYTES: Figure = ("Bytes received", "bytes", |own| own.received_bytes);
const BYTES: Figure = ("Bytes sent", "bytes", |own| own.sent.bytes);

/// The adapters of a kind that a host has on one way, and the figures of that way.
#[derive(Clone, Debug)]
pub(super) struct Object {
    name: String,
    adapters: Vec<AdapterId>,
    figures: &'static [Figure],
}

pub(super) fn objects(topology: &Topology, host: HostId) -> Vec<Object> {
    let locations = topology.receive_locations.iter().filter(|own| own.host == host);
    let receiving: Vec<AdapterId> = locations.map(|own| own.adapter).collect();
    let sending: Vec<AdapterId> = senders(topology, host).collect();
    let of = |kind: &str, all: &[AdapterId]| {
        let is_one = |at: &AdapterId| topology.adapters[at.index()].name == kind;
        let mut found: Vec<AdapterId> = all.iter().copied().filter(is_one).collect();
        found.sort_unstable();
        found.dedup();
        found
    };
    let mut objects = Vec::new();
    for kind in KINDS {
        let carries = CARRIERS.contains(&kind);
        let figures: &[Figure] = match kind {
            "HTTP" => &[RECEIVED, SENT],
            _ if carries => &[RECEIVED, RECEIVED_BYTES],
            _ => &[RECEIVED],
        };
        let name = format!("BizTalk:{kind} Receive Adapter");
        objects.push(Object { name, adapters: of(kind, &receiving), figures });
        let figures: &[Figure] = if carries { &[SENT, BYTES] } else { &[SENT] };
        let name = format!("BizTalk:{kind} Send Adapter");
        objects.push(Object { name, adapters: of(kind, &sending), figures });
    }
    objects.retain(|object| !object.adapters.is_empty());
    objects
}

/// Names and units, in the order of [`values`].
pub(super) fn names(host: &str, objects: &[Object]) -> Vec<(String, &'static str)> {
    let mut names = Vec::new();
    for Object { name, figures, .. } in objects {
        for (counter, unit, _) in *figures {
            names.push((format!("\\{name}({host})\\{counter}"), *unit));
            let per_second = if *unit == "bytes" { "bytes/s" } else { "messages/s" };
            names.push((format!("\\{name}({host})\\{counter}/Sec"), per_second));
        }
    }
    names
}

/// The values of an interval of so many seconds; there is no rate where a process died meanwhile.
pub(super) fn values(
    objects: &[Object],
    (before, now): (&HostTotals, &HostTotals),
    seconds: f64,
) -> Vec<f64> {
    let mut values = Vec::new();
    for Object { adapters, figures, .. } in objects {
        for (.., read) in *figures {
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
    pub(crate) fn add_adapters(
        &mut self,
        sent: &[Sent],
        received: impl Fn(AdapterId) -> (u64, u64),
    ) {
        self.adapters.resize(sent.len(), AdapterTotals::default());
        for (at, (all, own)) in self.adapters.iter_mut().zip(sent).enumerate() {
            all.sent.given += own.given;
            all.sent.batches += own.batches;
            all.sent.messages += own.messages;
            all.sent.bytes += own.bytes;
            let (messages, bytes) = received(AdapterId::from(at));
            all.received += messages;
            all.received_bytes += bytes;
        }
    }
}
