//! How busy everything was, for the outcome.

use floodgate_engine::time::Instant;

use super::World;
use crate::endpoint::Endpoint;
use crate::resource::Usage;

impl World {
    /// A usage over the part of the window that the run reached: a run that ended early because
    /// nothing was left to do was not idle for the rest of it.
    pub(super) fn observed(&self, usage: Usage) -> Usage {
        let (from, to) = self.measured;
        let (planned, reached) = (to.since(from), self.active.min(to).since(from));
        if reached.is_zero() || reached == planned {
            return usage;
        }
        let scale = planned.as_secs_f64() / reached.as_secs_f64();
        Usage {
            utilisation: usage.utilisation * scale,
            queue_mean: usage.queue_mean * scale,
            ..usage
        }
    }

    /// The thread pools, and the partners' ends that serve a limited number of calls.
    pub(super) fn pool_usage(&self, ended: Instant) -> Vec<(String, Usage)> {
        let pools = self.topology.host_instances.iter().zip(&self.pools).map(|(instance, pool)| {
            let host = &self.topology.hosts[instance.host.index()].name;
            let server = &self.topology.servers[instance.server.index()].name;
            (format!("{host} threads on {server}"), pool.usage(ended))
        });
        let sinks = self.topology.endpoints.iter().zip(&self.endpoints);
        let limited = sinks.filter_map(|(name, endpoint)| match endpoint {
            Endpoint::Sink(sink) => Some((format!("{name} (partner)"), sink.usage(ended)?)),
            Endpoint::Source(_) => None,
        });
        pools.chain(limited).collect()
    }
}
