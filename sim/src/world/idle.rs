//! What empty looks cost: they are no events, so they are counted where the window begins and ends.

use floodgate_engine::id::{MessageBoxId, ServerId};
use floodgate_engine::time::{Duration, Instant};

use super::World;

/// Empty looks at the MessageBoxes of each server.
#[derive(Clone, Debug)]
pub(super) struct IdleLooks {
    /// When they are to be counted next; never, if they are free.
    pub(super) due: Instant,
    window: (Instant, Instant),
    /// At the beginning of the window and at its end, as far as they were counted.
    counts: Vec<Vec<u64>>,
}

impl IdleLooks {
    pub(super) const fn over(window: (Instant, Instant), price: Duration) -> Self {
        let due = if price.is_zero() { Instant::MAX } else { window.0 };
        Self { due, window, counts: Vec::new() }
    }
}

impl World {
    /// Counts empty looks at the instant that is due.
    #[cold]
    pub(super) fn count_idle_looks(&mut self) {
        let at = self.idle.due;
        let counted = self.idle_looks(at);
        self.idle.counts.push(counted);
        let is_first = self.idle.counts.len() == 1;
        self.idle.due = if is_first { self.idle.window.1 } else { Instant::MAX };
    }

    /// Empty looks at the MessageBoxes of every server before an instant. \[M\] A host instance
    /// looks for messages and for orchestrations, an isolated one for messages alone; both are
    /// asked for at the interval of the host.
    pub(super) fn idle_looks(&self, at: Instant) -> Vec<u64> {
        let mut looks = vec![0; self.topology.servers.len()];
        for (home, server) in self.databases.iter().enumerate() {
            let home = MessageBoxId::from(home);
            looks[server.index()] += self.instances.iter().fold(0, |sum, instance| {
                let classes = if self.topology.is_isolated(instance.host()) { 1 } else { 2 };
                sum + classes * instance.empty_looks(home, at)
            });
        }
        looks
    }

    /// The share of a server's cores that empty looks took in the window. \[M\] They take what
    /// is left over: no work waits for them.
    pub(super) fn idle_share(&self, server: ServerId) -> f64 {
        let (from, to) = self.idle.window;
        let to = to.min(self.active);
        let Some(first) = self.idle.counts.first().filter(|_| to > from) else { return 0.0 };
        let last = self.idle.counts.get(1).cloned().unwrap_or_else(|| self.idle_looks(to));
        let looks = last[server.index()].saturating_sub(first[server.index()]);
        let cores = f64::from(self.topology.servers[server.index()].cpus);
        looks as f64 * self.costs.idle_look.as_secs_f64() / cores / to.since(from).as_secs_f64()
    }
}
