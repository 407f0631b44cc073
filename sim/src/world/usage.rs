//! How busy everything was, for the outcome.

use floodgate_engine::id::ServerId;
use floodgate_engine::time::Instant;

use super::{World, tracking};
use crate::endpoint::Endpoint;
use crate::outcome::Outcome;
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

    /// Where a runtime pauses, its server's processor is as busy as its work makes it, and the
    /// work and the pauses together are what stands in the way.
    fn part_pauses(&self, resources: &mut Vec<(String, Usage)>) {
        for (at, (worked, paused)) in self.audits.work.iter().enumerate() {
            if paused.is_zero() {
                continue;
            }
            let (server, whole) = (&self.topology.servers[at], resources[at].1);
            let asked = self.audits.cpus[at].demanded().as_secs_f64();
            let share = paused.as_secs_f64() / asked.max((*worked + *paused).as_secs_f64());
            resources[at].1.utilisation *= 1.0 - share;
            resources.push((format!("{} work and pauses", server.name), whole));
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
        let limited = sinks.flat_map(|(name, endpoint)| {
            let (calls, quota) = match endpoint {
                Endpoint::Sink(sink) => (sink.usage(ended), sink.quota_usage(ended)),
                Endpoint::Source(_) => (None, None),
            };
            let calls = calls.map(|usage| (format!("{name} (partner)"), usage));
            let quota = quota.map(|usage| (format!("{name} (quota)"), self.observed(usage)));
            calls.into_iter().chain(quota)
        });
        pools.chain(limited).collect()
    }

    /// When the run ends if nothing is left to do: a planned window is seen to its end even if
    /// nothing arrives in the rest of it.
    pub(super) fn would_end(&self) -> Instant {
        let planned = self.measured.1 < self.end_planned;
        if planned { self.active.max(self.measured.1) } else { self.active }
    }

    /// Sums up: the last samples, the full audit, the outcome.
    #[must_use]
    pub fn conclude(mut self) -> Outcome {
        let is_idle = self.ring.is_empty() && self.next_at().is_none();
        let quiescent = is_idle && self.overfull().is_none();
        if !quiescent {
            self.pass(self.end.max(self.now));
            self.active = self.now;
        } else {
            self.active = self.would_end();
        }
        self.queue_all_looks();
        self.sample(self.now);
        // A last run of the cleanup job is no part of the work.
        let ended = self.active;
        self.audit_transactions();
        self.checks.audit(&self.message_box);
        if quiescent {
            self.judge_idle();
            self.checks.nothing_outstanding();
        }
        let mut resources: Vec<_> = (self.topology.servers.iter().zip(&self.processors))
            .zip(0..)
            .map(|((server, processor), at)| {
                let mut usage = self.observed(processor.usage());
                usage.utilisation += self.idle_share(ServerId(at));
                (format!("{} CPU", server.name), usage)
            })
            .collect();
        self.part_pauses(&mut resources);
        let lines = self.lines();
        resources
            .extend(lines.iter().map(|(name, line)| (name.clone(), self.observed(line.usage()))));
        if self.tracking.is_on() && self.costs.has_tracking_disk() {
            resources.push((tracking::DISK.to_owned(), self.observed(self.tracking.disk())));
        }
        if self.costs.has_collection() {
            resources.extend(
                self.stores.collectors.iter().enumerate().map(|(at, own)| {
                    (format!("{} cleanup job", self.box_name(at)), own.usage(ended))
                }),
            );
        }
        resources.extend(self.pool_usage(ended));
        let findings = self.findings();
        let (fates, stuck) = (self.fates(), self.stuck(quiescent));
        Outcome {
            fates,
            stuck,
            story: (self.trace.story().to_vec(), self.trace.left_out()),
            digest: self.trace.digest(),
            events: self.trace.events(),
            checkpoints: self.trace.checkpoints().to_vec(),
            window: self.measured,
            ended,
            quiescent,
            overfull: self.room.overfull,
            unfinished: self.backlog(),
            repeated: self.checks.repeated(),
            given_up: self.loads.iter().map(|load| load.arrivals.given_up()).sum(),
            spool_final: self.spool(),
            transactions: self.coordinator.counts(),
            tracking: self.tracking_outcome(),
            saved: self.saved,
            meters: self.meters,
            resources,
            findings,
            verdicts: self.checks.verdicts(),
            violations: self.checks.violations().to_vec(),
            samples: self.samples,
        }
    }
}
