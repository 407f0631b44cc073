//! What has a limited number of places, and how many of them are taken: looked at from outside, so
//! that a run which nobody looks at pays nothing for it.

use floodgate_engine::id::SendPortId;
use floodgate_engine::throttle::PublishingState;
use floodgate_engine::time::Instant;

use super::{Node, World};

/// What the places are of.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum HoldKind {
    /// Batches that a receive location may have with the engine (R-DONE-07).
    Batches,
    /// Messages that a host instance may have in process (R-DEQ-08).
    InProcess,
    /// The one message of an ordered port that may be out (R-ORD-04).
    Ordered,
    /// A polling location: taken while it waits for its next look although there is something.
    Poll,
    /// Engine threads of a throttled host instance that wait with something to publish until they
    /// may (R-THR-03).
    Publishing,
    /// Engine threads of a host instance, at most; those that wait to publish are told apart.
    Threads,
    /// Workers of a send adapter.
    Workers,
}

/// Places, and how many of them are taken now.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Hold {
    /// Whose.
    pub name: String,
    /// What they are.
    pub kind: HoldKind,
    /// Taken now.
    pub busy: u64,
    /// There are.
    pub places: u64,
}

impl World {
    /// Everything with a limited number of places, always in the same order.
    #[must_use]
    pub fn holds(&self) -> Vec<Hold> {
        let mut all = Vec::new();
        self.each_hold(|name, kind, (busy, places)| {
            all.push(Hold { name: name(), kind, busy: busy.into(), places: places.into() });
        });
        all
    }

    /// How many of those places are taken now, in the same order: cheap enough to be asked whenever
    /// anything has happened.
    pub fn taken(&self, into: &mut Vec<u32>) {
        into.clear();
        self.each_hold(|_, _, (busy, _)| into.push(busy));
    }

    /// When something happens next. What is due now comes first, whatever this says.
    #[must_use]
    pub fn next_instant(&self) -> Option<Instant> {
        if self.ring.is_empty() { self.next_at() } else { Some(self.now) }
    }

    fn each_hold(&self, mut tell: impl FnMut(&dyn Fn() -> String, HoldKind, (u32, u32))) {
        self.instance_holds(&mut tell);
        for node in &self.nodes {
            self.adapter_holds(node, &mut tell);
        }
        for (at, port) in self.topology.send_ports.iter().enumerate() {
            if let Some(places) = self.message_box.ordered_places(SendPortId::from(at)) {
                tell(&|| format!("{} (ordered)", port.name), HoldKind::Ordered, places);
            }
        }
    }

    /// Documents that were offered and are not accepted: they wait outside the engine.
    #[must_use]
    pub const fn outside(&self) -> u64 {
        self.documents_arrived.saturating_sub(self.documents_accepted)
    }

    /// Why publishing waits, if it does: of the host instance that is held worst (R-THR-02).
    #[must_use]
    pub fn publishing_state(&self) -> PublishingState {
        let states = self.instances.iter().map(|instance| instance.throttled().publishing);
        states.min_by_key(|state| state.rank()).unwrap_or_default()
    }

    fn instance_holds(&self, tell: &mut impl FnMut(&dyn Fn() -> String, HoldKind, (u32, u32))) {
        let instances = self.topology.host_instances.iter().zip(&self.instances);
        for (config, instance) in instances {
            let host = &self.topology.hosts[config.host.index()];
            let server = &self.topology.servers[config.server.index()];
            let gauges = instance.gauges();
            let at_most = |each: u32| each.saturating_mul(server.cpus);
            let of = |what: &str| format!("{} {what} on {}", host.name, server.name);
            let (held, threads) = (instance.publishing_held(), at_most(host.settings.threads));
            let busy = gauges.threads_busy.saturating_sub(held);
            tell(&|| of("threads"), HoldKind::Threads, (busy, threads));
            if host.settings.throttling.is_some() {
                tell(&|| of("publishing"), HoldKind::Publishing, (held, threads));
            }
            let in_process = (gauges.in_process, at_most(host.settings.in_process_max()));
            tell(&|| of("messages in process"), HoldKind::InProcess, in_process);
        }
    }

    fn adapter_holds(
        &self,
        node: &Node,
        tell: &mut impl FnMut(&dyn Fn() -> String, HoldKind, (u32, u32)),
    ) {
        let occupancy = node.machine.occupancy();
        for (location, places, waits) in occupancy.locations {
            let name = &self.topology.receive_locations[location.index()].name;
            tell(&|| format!("{name} batches"), HoldKind::Batches, places);
            tell(&|| format!("{name} looks"), HoldKind::Poll, (u32::from(waits), 1));
        }
        if let Some(places) = occupancy.workers {
            let config = self.topology.host_instances[node.instance.index()];
            let server = &self.topology.servers[config.server.index()].name;
            let name = || format!("{} workers on {server}", node.name);
            tell(&name, HoldKind::Workers, places);
        }
    }
}
