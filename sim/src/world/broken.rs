//! Receive locations whose source is broken for a while: their adapters close them by themselves.

use floodgate_engine::adapter::AdapterInput;
use floodgate_engine::id::{HostInstanceId, ReceiveLocationId};

use super::{Due, Now, World};
use crate::setup::Fault;
use crate::trace::Event;

/// `ReceiverShuttingdown` among the calls that a trace tells of; pinned, since digests rest on it.
const SHUTTING_DOWN: u8 = 7;

impl World {
    /// A location breaks, in one host instance or in all that have it (R-LIFE-07, R-LIFE-08).
    #[cold]
    pub(super) fn location_breaks(&mut self, fault: u32) {
        self.life.broken.push(fault);
        let Some((location, only)) = self.broken_by(fault) else { return };
        let adapter = self.topology.receive_locations[location.index()].adapter;
        for index in 0..self.instances.len() {
            let instance = HostInstanceId::from(index);
            let is_hit = only.is_none_or(|only| only == instance);
            if is_hit && self.instances[index].has_open(location) {
                self.closes_by_itself(self.node(instance, adapter), location);
            }
        }
    }

    /// Its source is whole again. Who opens it, and when, is not for the source to say.
    #[cold]
    pub(super) fn location_is_whole(&mut self, fault: u32) {
        self.life.broken.retain(|known| *known != fault);
    }

    /// An adapter is told of a location: if that is still broken, it finds out when it tries.
    pub(super) fn finds_broken(&mut self, node: u32, location: ReceiveLocationId) {
        let here = self.nodes[node as usize].instance;
        let hits = |fault: &u32| match self.broken_by(*fault) {
            Some((known, only)) => known == location && only.is_none_or(|only| only == here),
            None => false,
        };
        if self.life.broken.iter().any(hits) {
            // Before anything of the source reaches it.
            self.ring.push_back(Now::Due(Due::Breaks { node, location: location.0 }));
        } else {
            self.opened_for_good(node, location);
        }
    }

    /// It tries, and finds out.
    #[cold]
    pub(super) fn breaks_again(&mut self, node: u32, location: u32) {
        let location = ReceiveLocationId(location);
        let instance = self.nodes[node as usize].instance;
        if self.is_present(node) && self.instances[instance.index()].has_open(location) {
            self.closes_by_itself(node, location);
        }
    }

    /// Nothing new begins at the location, and the engine is told (R-LIFE-07).
    fn closes_by_itself(&mut self, node: u32, location: ReceiveLocationId) {
        let event = Event::Called { node, call: SHUTTING_DOWN, location: location.0 + 1 };
        self.trace.record(self.now, &event, || {
            let name = &self.topology.receive_locations[location.index()].name;
            format!("A>E  {} ReceiverShuttingdown({name})", self.nodes[node as usize].name)
        });
        self.unwatch(node, location);
        self.adapter_input(node, AdapterInput::RemoveReceiveEndpoint { location });
        self.break_location(node, location);
    }

    fn broken_by(&self, fault: u32) -> Option<(ReceiveLocationId, Option<HostInstanceId>)> {
        match self.life.faults[fault as usize] {
            Fault::LocationBroken { location, instance, .. } => Some((location, instance)),
            Fault::ClockSkew { .. }
            | Fault::DatabaseOffline { .. }
            | Fault::EndpointDown { .. }
            | Fault::HostCrash { .. }
            | Fault::HostStop { .. }
            | Fault::LocationDisabled { .. } => None,
        }
    }
}
