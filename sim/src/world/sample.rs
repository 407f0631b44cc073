//! Samples: what all counters show at one instant.

use floodgate_engine::config::Topology;
use floodgate_engine::host::{Life, Stays};
use floodgate_engine::id::{MessageBoxId, OrchestrationId, ServerId};
use floodgate_engine::message::{Context, PropertyId, Value};
use floodgate_engine::message_box::QueueLengths;
use floodgate_engine::time::Instant;

use super::World;
use super::handed::Handed;
use crate::counter::{
    self, BoxGauges, BoxTotals, Disks, HostTotals, Layout, ServerTotals, StayTotals, Totals,
};
use crate::probe::Snapshot;

/// What samples are made of, beside what is there anyway.
#[derive(Clone, Debug)]
pub(super) struct Sampled {
    layout: Layout,
    /// What single servers and hosts had done at the last sample.
    last: Totals,
    /// Events and records that each tracking host had committed then.
    tracked: Vec<[u64; 2]>,
    pub(super) handed: Handed,
}

impl Sampled {
    pub(super) fn of(topology: &Topology) -> Self {
        Self {
            layout: Layout::of(topology),
            last: Totals::default(),
            tracked: vec![[0; 2]; topology.hosts.len()],
            handed: Handed::to(topology.host_instances.len(), topology.adapters.len()),
        }
    }
}

impl World {
    /// How many documents stand where: outside, in the work queue of each host in each MessageBox,
    /// with host instances before an attempt and after it. A plant is at rest when none of these
    /// goes on growing, whatever it gets through.
    #[must_use]
    pub fn standing(&self) -> Vec<u64> {
        let outside = self.documents_arrived.saturating_sub(self.documents_accepted);
        let queues = self.message_box.queue_lengths();
        let with_hosts = self.message_box.reference_counts().locked;
        let attempted = self.nodes.iter().map(|node| node.machine.occupancy().attempted as u64);
        let attempted = attempted.sum::<u64>();
        let before = with_hosts.saturating_sub(attempted);
        let of_hosts = [outside, before, attempted].into_iter();
        of_hosts.chain(queues.iter().map(|queue| queue.work)).collect()
    }

    pub(super) fn sample(&mut self, at: Instant) {
        let mut snapshot = Snapshot {
            at,
            offered: self.meters.offered,
            received: self.meters.received,
            processed: self.meters.processed,
            resubmitted: self.meters.resubmitted,
            suspended: self.meters.suspended,
            backlog: self.backlog(),
            spool: self.spool(),
            garbage: self.message_box.spool_garbage(),
            suspended_now: self.message_box.suspended().len() as u64,
            ..Snapshot::default()
        };
        let counts = self.message_box.reference_counts();
        (snapshot.work, snapshot.locked) = (counts.work, counts.locked);
        let totals = Totals {
            at,
            servers: self.server_totals(at),
            hosts: self.host_totals(at),
            boxes: self.box_totals(at),
        };
        for HostTotals { gauges, occupation, .. } in &totals.hosts {
            snapshot.pending_batches += u64::from(occupation.batches_receiving);
            snapshot.throttled_batches += u64::from(occupation.batches_throttled);
            snapshot.threads_busy += u64::from(gauges.threads_busy);
            snapshot.threads += u64::from(gauges.threads);
            snapshot.in_process += u64::from(gauges.handed_out());
        }
        self.throttling.sample(&mut snapshot);
        let between = (&self.sampled.last, &totals);
        let (tracking, tracked) =
            self.tracking_gauges(&self.sampled.tracked, totals.since(between.0));
        let boxes = self.box_gauges();
        let parts = counter::values(&self.sampled.layout, between, &tracking, &boxes);
        self.sampled.tracked = tracked;
        self.sampled.last = totals;
        self.samples.take(snapshot, &parts);
    }

    /// The MessageBoxes that have columns: those that there were at the beginning.
    fn sampled_boxes(&self) -> impl Iterator<Item = MessageBoxId> {
        (0..self.topology.box_count()).map(MessageBoxId::from)
    }

    fn boxes_online(&self) -> usize {
        let there = |home: &MessageBoxId| self.message_box.is_available(*home);
        let all = (0..self.message_box.boxes()).map(MessageBoxId::from);
        if self.life.offline { 0 } else { all.filter(there).count() }
    }

    fn box_gauges(&self) -> BoxGauges {
        let rows = |home| (self.message_box.spool_of(home), self.message_box.tracking_rows(home));
        let mut queues = self.message_box.queue_lengths();
        queues.truncate(self.topology.box_count() * self.topology.hosts.len());
        self.add_suspended_messages(&mut queues);
        BoxGauges {
            rows: self.sampled_boxes().map(rows).collect(),
            queues,
            disks: Disks::of(&self.costs),
        }
    }

    /// \[M\] A message that was suspended before it had subscribers is at the master, with the
    /// host of its receive location, and so is a routing failure report, which is an instance
    /// without a message (R-ROUTE-02).
    fn add_suspended_messages(&self, queues: &mut [QueueLengths]) {
        let locations = &self.topology.receive_locations;
        let host = |context: &Context| {
            let Some(Value::Text(name)) = context.read(PropertyId::INBOUND_TRANSPORT_LOCATION)
            else {
                return None;
            };
            let known = locations.iter().find(|known| *known.name == **name)?;
            Some(known.host.index())
        };
        let suspended = self.message_box.suspended();
        for at in suspended.messages.iter().filter_map(|message| host(message.context())) {
            queues[at].suspended += 1;
            queues[at].instances += 1;
        }
        for at in suspended.reports.iter().filter_map(|report| host(&report.context)) {
            queues[at].instances += 1;
        }
    }

    /// What the locks and disks of each MessageBox have done.
    fn box_totals(&self, at: Instant) -> Vec<BoxTotals> {
        let one = |home: MessageBoxId| BoxTotals {
            locks: self.stores.locks[home.index()].totals(at),
            log: self.stores.logs[home.index()].totals(at),
            data: self.stores.disks[home.index()].totals(at),
            cleaned_in: self.stores.collectors[home.index()].took(),
        };
        self.sampled_boxes().map(one).collect()
    }

    /// What the processors of each server have done: work, and empty looks, but no pauses.
    fn server_totals(&self, at: Instant) -> Vec<ServerTotals> {
        let looks = self.looks_aside(at);
        let one = |(index, server): (usize, &floodgate_engine::config::Server)| {
            let (worked, paused) = self.audits.work[index];
            let all = (worked + paused).as_secs_f64();
            // The pauses are spread evenly over the work.
            let pauses = if all > 0.0 { paused.as_secs_f64() / all } else { 0.0 };
            let looked = looks[ServerId::from(index).index()] as f64
                * self.costs.idle_look.as_nanos() as f64;
            let busy = self.audits.cpus[index].busy(at) as f64 * (1.0 - pauses) + looked;
            ServerTotals { busy, cores: f64::from(server.cpus) }
        };
        self.topology.servers.iter().enumerate().map(one).collect()
    }

    fn host_totals(&self, at: Instant) -> Vec<HostTotals> {
        let mut hosts = vec![HostTotals::default(); self.topology.hosts.len()];
        let add = |totals: &mut StayTotals, stays: &Stays| {
            totals.ended += stays.ended();
            totals.nanos += stays.nanos();
        };
        let handed = self.sampled.handed.sent().iter().zip(self.sampled.handed.done());
        for (at, (instance, (sent, done))) in self.instances.iter().zip(handed).enumerate() {
            let host = &mut hosts[instance.host().index()];
            host.runs |= instance.life() != Life::Down;
            host.add(instance.gauges());
            host.add_done(&done, instance.occupation());
            let by = self.sampled.handed.sent_by(at);
            host.add_adapters(by, |adapter| instance.received_by(adapter));
            host.agent.add(instance);
            add(&mut host.inbound, instance.inbound_latency());
            host.outbound.ended += sent.ended;
            host.outbound.nanos += sent.since_taken;
            host.outbound_adapter.ended += sent.ended;
            host.outbound_adapter.nanos += sent.since_given;
            add(&mut host.exchanges, instance.exchange_latency());
            host.turns += instance.turns();
            host.turns_waiting += instance.turns_waiting();
            if let Some(own) = instance.dehydration() {
                host.add_dehydration(own);
            }
        }
        for (instance, controller) in self.instances.iter().zip(self.throttling.controllers()) {
            if let Some(controller) = controller
                && instance.life() != Life::Down
            {
                hosts[instance.host().index()].agent.add_controller(at, controller);
            }
        }
        for (instance, heap) in self.instances.iter().zip(self.throttling.heaps()) {
            hosts[instance.host().index()].agent.add_collections(heap.forced());
        }
        for (index, orchestration) in self.topology.orchestrations.iter().enumerate() {
            let id = self.topology.subscriber_of_orchestration(OrchestrationId::from(index));
            let suspended = self.meters.ports[id.index()].suspended;
            let host = &mut hosts[orchestration.host.index()];
            host.online = self.boxes_online();
            host.add_orchestration(self.message_box.orchestrations(id), suspended);
        }
        hosts
    }
}
