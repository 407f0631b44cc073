//! Plants whose host instances are built alike: what they are called tells no two worlds apart.
//!
//! Whoever is told something first, among host instances or adapter instances, is told at the same
//! instant as the others, and every order of that is gone; chance is addressed by their keys, and
//! is not drawn here. So an explorer may take them for names (`world/likeness.rs`). That holds
//! where all of them are alike, and where no place is left in which one of them stands as a mere
//! number: in plants that only receive and send, by one MessageBox and at no cost.

use std::collections::BTreeSet;
use std::fmt::Debug;

use floodgate_engine::adapter::AnyAdapter;
use floodgate_engine::config::{AdapterKind, HostInstanceConfig};

use super::explore::AsSet;
use super::likeness::Telling;
use super::{Due, World};
use crate::cost::Costs;
use crate::endpoint::Endpoint;
use crate::setup::{DoneOrder, ResponseOrder};

/// An adapter instance, shown as what it is.
#[derive(Debug)]
#[expect(dead_code, reason = "it is shown")]
struct Node(u32);

impl World {
    /// What a likeness of this world does not tell.
    pub(super) fn telling(&self) -> Telling {
        let mirrored = self.mirrored();
        let mut idle = vec![
            ("MessageBox", "state_hash"),
            ("Receiver", "next_cookie"),
            ("Sender", "next_cookie"),
            // What is remembered of routes and locations, so as not to look for them again.
            ("Locations", "by_template"),
            ("MessageBox", "routes"),
            ("SubscriptionTable", "routes"),
            ("SubscriptionTable", "by_template"),
            ("SubscriptionTable", "by_signature"),
        ];
        // What throttling alone asks for.
        if self.throttling.is_off() {
            idle.extend([("HostInstance", "totals"), ("HostInstance", "taken_bytes")]);
        }
        if self.checks.sees_all_routed() {
            idle.push(("Routing", "routed"));
        }
        if self.topology.orchestrations.is_empty() {
            idle.push(("Convoys", "now"));
        }
        if mirrored.is_some() {
            // The adapter instances say themselves whose they are; and which of the free places at
            // work is taken next is a name.
            idle.extend([("Exchanges", "node_of"), ("Exchanges", "instance_of")]);
            idle.extend([("Node", "key"), ("Sender", "free")]);
            let kill = |due: &Due| matches!(due, Due::Kill { .. });
            if !self.queue.entries().any(|(_, due)| kill(due)) {
                idle.push(("Service", "life"));
            }
        }
        Telling { idle, kept: false, mirrored }
    }

    /// The host instance of each adapter instance, if all are built alike and are names.
    fn mirrored(&self) -> Option<Vec<u32>> {
        let topology = &*self.topology;
        let first = topology.host_instances.first()?;
        let cpus = |own: &HostInstanceConfig| topology.servers[own.server.index()].cpus;
        let alike = |own: &HostInstanceConfig| own.host == first.host && cpus(own) == cpus(first);
        let is_one_way = |kind: &AdapterKind| match kind {
            AdapterKind::Receive(_) | AdapterKind::Send(_) => true,
            AdapterKind::Request(_)
            | AdapterKind::TransactionalReceive(_)
            | AdapterKind::TransactionalSend(_) => false,
        };
        let exchanges = &topology.exchanges;
        let plain = topology.adapters.iter().all(|own| is_one_way(&own.kind))
            && topology.box_count() == 1
            && topology.orchestrations.is_empty()
            && topology.dynamic_ports.is_empty()
            && topology.send_ports.iter().all(|port| !port.two_way)
            && exchanges.request_ports.is_empty()
            && exchanges.solicit_ports.is_empty()
            && exchanges.notify_delivery.is_empty();
        let is_drawn = self.done_order == DoneOrder::Drawn
            || self.response_order == ResponseOrder::Drawn
            || self.shuffle_ties;
        let quiet = self.costs == Costs::default()
            && self.throttling.is_off()
            && !self.tracking.is_on()
            && self.calls.reach_adapters_at_once()
            && self.life.is_plain()
            && self.loads.iter().all(|load| load.users.is_none() && load.controller.is_none());
        let mirrored = topology.host_instances.iter().all(alike) && plain && !is_drawn && quiet;
        mirrored.then(|| self.nodes.iter().map(|node| node.instance.0).collect())
    }

    /// The adapter instances; where they are names, those that live, and whose those are of which
    /// a call or a fetch is under way.
    pub(super) fn adapters(&self, mirrored: bool) -> impl Debug + '_ {
        let all = (!mirrored).then_some((&self.nodes, &self.node_of));
        let named = mirrored.then(|| {
            let numbers = 0..u32::try_from(self.nodes.len()).expect("fewer than 2^32 adapters");
            let live = numbers.zip(&self.nodes);
            let live = live.filter(|(_, own)| !matches!(own.machine, AnyAdapter::Gone));
            let calls = self.on_wire.iter().map(|(_, wire)| wire.call.node);
            let fetches = self.fetches.iter().map(|(_, fetch)| fetch.node());
            let under_way: BTreeSet<u32> = calls.chain(fetches).collect();
            let whose = |node: u32| (Node(node), self.nodes[node as usize].instance);
            (
                AsSet(live.map(|(at, own)| (Node(at), own)).collect()),
                AsSet(under_way.into_iter().map(whose).collect()),
            )
        });
        (all, named)
    }

    /// Whether a wire message may be submitted, maybe once more: while a source has it, of which
    /// its adapter removes it when it is done with it. Who does not watch lives cannot tell.
    pub(super) fn may_come(&self, wire: u64) -> bool {
        !self.life.watched
            || self.endpoints.iter().any(|endpoint| match endpoint {
                Endpoint::Sink(_) => false,
                Endpoint::Source(source) => source.has(wire),
            })
    }
}
