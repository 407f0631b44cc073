//! Host instances that wait for themselves: every engine thread is held by a call that returns when
//! a batch is complete, and a batch is carried out by an engine thread (R-DONE-01, R-BC-06).

use floodgate_engine::id::HostInstanceId;

use super::World;
use crate::fate::Stuck;

impl World {
    /// The host instances that wait for themselves, or of which something waits for a thread while
    /// nothing is left that could free one: the world is `quiescent`.
    pub(super) fn stuck(&self, quiescent: bool) -> Vec<Stuck> {
        let instances = self.topology.host_instances.iter().zip(&self.instances).zip(0..);
        let found = instances.filter_map(|((config, instance), at)| {
            let (threads, batches, since) = instance.exhausted()?;
            let own = self.nodes.iter().filter(|node| node.instance == HostInstanceId(at));
            let awaiting = own.map(|node| (node, node.machine.occupancy().awaiting));
            let awaiting: Vec<_> = awaiting.filter(|(_, calls)| *calls > 0).collect();
            let held: u32 = awaiting.iter().map(|(_, calls)| *calls).sum();
            (held >= threads || quiescent).then(|| Stuck {
                host: self.topology.hosts[config.host.index()].name.clone(),
                server: self.topology.servers[config.server.index()].name.clone(),
                threads,
                batches,
                since,
                adapters: awaiting.iter().map(|(node, _)| node.name.clone()).collect(),
            })
        });
        found.collect()
    }
}
