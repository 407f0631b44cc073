//! Tracking: what services leave behind, and the database that keeps it.

use floodgate_engine::config::{Track, Tracked};
use floodgate_engine::id::{OrchestrationId, ReceivePortId, SendPortId};
use floodgate_sim::setup::TrackingSettings;

use super::Names;
use crate::plan;

impl Names<'_> {
    /// The services that are tracked.
    pub(super) fn tracks(&mut self) {
        let scenario = self.scenario;
        let receive = scenario.receive_ports.iter().zip(0..).filter_map(|(port, at)| {
            Some((Tracked::ReceivePort(ReceivePortId(at)), track(port.track.as_ref()?)))
        });
        let send = scenario.send_ports.iter().zip(0..).filter_map(|(port, at)| {
            Some((Tracked::SendPort(SendPortId(at)), track(port.track.as_ref()?)))
        });
        let orchestrations = scenario.orchestrations.iter().zip(0..).filter_map(|(own, at)| {
            Some((Tracked::Orchestration(OrchestrationId(at)), track(own.track.as_ref()?)))
        });
        self.topology.tracks = receive.chain(send).chain(orchestrations).collect();
    }

    /// The tracking database, and those who fill and empty it.
    pub(super) fn tracking(&self) -> TrackingSettings {
        let Some(own) = &self.scenario.tracking else { return TrackingSettings::default() };
        TrackingSettings {
            server: Some(self.server(&own.server)),
            look: own.look,
            batch: own.batch,
            threads: own.threads,
            copy: own.copy,
            copy_batch: own.copy_batch,
            purge: own.purge,
            purge_batch: own.purge_batch,
            keep: own.keep,
            keep_at_most: own.keep_at_most,
            cached_rows: own.cached_rows.unwrap_or(u64::MAX),
        }
    }
}

fn track(own: &plan::tracking::Track) -> Track {
    Track {
        events: own.events,
        before: own.before,
        after: own.after,
        properties: own.properties,
        property_bytes: u32::try_from(own.property_size).unwrap_or(u32::MAX),
    }
}
