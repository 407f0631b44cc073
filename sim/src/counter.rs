//! Counters of single servers, hosts and MessageBoxes, named as the performance monitor prints
//! them.
//!
//! Gauges are read, rates and latencies are taken over the interval since the last sample. Where a
//! process died meanwhile and counts anew, or nothing happened that a mean could be taken of, a
//! counter has no value.

mod adapters;
mod agent;
mod boxes;
mod messaging;
mod xlang;

use floodgate_engine::config::{AdapterKind, Topology};
use floodgate_engine::host::{DehydrationGauges, HostGauges, Occupation};
use floodgate_engine::id::HostId;
use floodgate_engine::message_box::{OrchestrationCounts, QueueLengths};
use floodgate_engine::time::Instant;

pub(crate) use boxes::{BoxTotals, Disks, LineTotals, Places};

use crate::world::Done;

/// What a server has done so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ServerTotals {
    /// Core-nanoseconds of work.
    pub(crate) busy: f64,
    /// Its cores.
    pub(crate) cores: f64,
}

/// Stays that ended so far, and the nanoseconds that all have taken.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StayTotals {
    pub(crate) ended: u64,
    pub(crate) nanos: u128,
}

impl StayTotals {
    /// The mean in seconds of the stays that ended since `before`.
    fn mean_since(self, before: Self) -> f64 {
        let ended = self.ended.checked_sub(before.ended).filter(|ended| *ended > 0);
        match ended.zip(self.nanos.checked_sub(before.nanos)) {
            Some((ended, nanos)) => nanos as f64 / 1e9 / ended as f64,
            None => f64::NAN,
        }
    }
}

/// What all instances of a host have done so far, and what they are at.
#[derive(Clone, Debug, Default)]
pub(crate) struct HostTotals {
    pub(crate) gauges: HostGauges,
    /// Whether some instance of it runs.
    pub(crate) runs: bool,
    pub(crate) occupation: Occupation,
    pub(crate) inbound: StayTotals,
    pub(crate) outbound: StayTotals,
    pub(crate) outbound_adapter: StayTotals,
    pub(crate) exchanges: StayTotals,
    /// What became of its messages.
    pub(crate) done: Done,
    /// What its adapters have done, one after the other.
    pub(crate) adapters: Vec<adapters::AdapterTotals>,
    /// Orchestrations on a thread.
    pub(crate) turns: u32,
    /// What its message agents show.
    pub(crate) agent: agent::AgentTotals,
    /// Orchestrations in memory that wait for a thread.
    pub(crate) turns_waiting: u32,
    /// What its instances show of dehydration; of the threshold the shortest.
    pub(crate) dehydration: DehydrationGauges,
    /// What became of the instances of its orchestrations.
    pub(crate) orchestrations: OrchestrationCounts,
    /// Those that were suspended.
    pub(crate) orchestrations_suspended: u64,
    /// MessageBoxes that can be worked with.
    pub(crate) online: usize,
}

/// All totals at one instant.
#[derive(Clone, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) at: Instant,
    pub(crate) servers: Vec<ServerTotals>,
    pub(crate) hosts: Vec<HostTotals>,
    pub(crate) boxes: Vec<BoxTotals>,
}

impl Totals {
    /// The seconds since earlier ones; of no time there is no rate.
    pub(crate) fn since(&self, before: &Self) -> f64 {
        let span = Some(self.at.since(before.at).as_secs_f64()).filter(|span| *span > 0.0);
        span.unwrap_or(f64::NAN)
    }
}

/// Two readings of a host and the seconds between them.
struct Between<'a> {
    before: &'a HostTotals,
    now: &'a HostTotals,
    seconds: f64,
}

/// Which hosts have a counter.
#[derive(Clone, Copy, Debug)]
enum Which {
    All,
    /// With a receive handler.
    Receiving,
    /// With a receive handler that answers.
    Answering,
    /// With a send handler.
    Sending,
    /// With an orchestration.
    Orchestrating,
    /// With an orchestration whose instances stay in memory while they wait.
    Dehydrating,
    /// With a controller.
    Throttled,
}

/// A counter of a host: its object, its name, its unit, who has it, and how it is read.
type HostCounter = (&'static str, &'static str, &'static str, Which, fn(&Between<'_>) -> f64);

const MESSAGING: &str = "BizTalk:Messaging";
const AGENT: &str = "BizTalk:Message Agent";
const LATENCY: &str = "BizTalk:Messaging Latency";

/// What is sampled of every host: over all its instances.
const HOST_COUNTERS: [HostCounter; 7] = [
    (MESSAGING, "Pending receive batches", "batches", Which::All, |host| {
        f64::from(host.now.gauges.pending_batches + host.now.gauges.throttled_batches)
    }),
    (AGENT, "In-process message count", "messages", Which::All, |host| {
        host.now.gauges.handed_out().into()
    }),
    (AGENT, "Thread count", "threads", Which::All, |host| host.now.gauges.threads.into()),
    (LATENCY, "Inbound Latency (sec)", "s", Which::Receiving, |host| {
        host.now.inbound.mean_since(host.before.inbound)
    }),
    (LATENCY, "Outbound Latency (sec)", "s", Which::Sending, |host| {
        host.now.outbound.mean_since(host.before.outbound)
    }),
    (LATENCY, "Outbound Adapter Latency (sec)", "s", Which::Sending, |host| {
        host.now.outbound_adapter.mean_since(host.before.outbound_adapter)
    }),
    (LATENCY, "Request-Response Latency (sec)", "s", Which::Answering, |host| {
        host.now.exchanges.mean_since(host.before.exchanges)
    }),
];

/// What is sampled of every tracking host, where anything is tracked.
const TRACKING_COUNTERS: [(&str, &str); 8] = [
    ("Batches being processed", "batches"),
    ("Events being processed", "events"),
    ("Records being processed", "records"),
    ("Batches committed", "batches"),
    ("Events committed", "events"),
    ("Events committed/sec", "events/s"),
    ("Records committed", "records"),
    ("Records committed/sec", "records/s"),
];

/// What is sampled of every MessageBox.
const BOX_COUNTERS: [&str; 2] = ["Spool Size", "Tracking data size"];

fn has(topology: &Topology, host: HostId, which: Which) -> bool {
    let mut locations = topology.receive_locations.iter().filter(|location| location.host == host);
    match which {
        Which::All => true,
        Which::Receiving => locations.next().is_some(),
        Which::Answering => locations.any(|own| {
            matches!(topology.adapters[own.adapter.index()].kind, AdapterKind::Request(_))
        }),
        Which::Sending => topology.send_ports.iter().any(|port| {
            let mut transports = std::iter::once(&port.primary).chain(&port.backup);
            transports.any(|transport| transport.host == host)
        }),
        Which::Throttled => topology.hosts[host.index()].settings.throttling.is_some(),
        Which::Orchestrating => topology.orchestrations.iter().any(|own| own.host == host),
        Which::Dehydrating => {
            let settings = &topology.hosts[host.index()].settings;
            settings.dehydration.is_some() && has(topology, host, Which::Orchestrating)
        }
    }
}

/// The counters that a host has.
fn of_host(topology: &Topology, host: usize) -> impl Iterator<Item = &'static HostCounter> {
    let agent = [&agent::FLOWS[..], &agent::STATES, &agent::FLAGS, &agent::LIMITS];
    let all = HOST_COUNTERS.iter().chain(&messaging::COUNTERS);
    let all = all.chain(agent.into_iter().flatten()).chain(&xlang::COUNTERS);
    let all = all.chain(&xlang::DEHYDRATION);
    all.filter(move |(.., which, _)| has(topology, HostId::from(host), *which))
}

/// The names and units of the counters of a topology, in the order of [`values`]. A MessageBox is
/// called by its name and its server's, as the product does it.
pub(crate) fn names(topology: &Topology, places: &Places<'_>) -> Vec<(String, &'static str)> {
    let mut names = Vec::new();
    for server in &topology.servers {
        names.push((format!("\\\\{}\\Processor(_Total)\\% Processor Time", server.name), "%"));
    }
    for (at, host) in topology.hosts.iter().enumerate() {
        for (object, counter, unit, ..) in of_host(topology, at) {
            names.push((format!("\\{object}({})\\{counter}", host.name), *unit));
        }
        names.extend(adapters::names(topology, HostId::from(at)));
    }
    if !topology.tracks.is_empty() {
        names.extend(tracking_names(topology, places.servers));
    }
    for (at, server) in places.servers.iter().enumerate() {
        let name = boxes::box_name(topology, at);
        for counter in BOX_COUNTERS {
            let object = "BizTalk:Message Box:General Counters";
            names.push((format!("\\{object}({name}:{server})\\{counter}"), "rows"));
        }
    }
    names.extend(boxes::names(topology, places));
    names
}

/// The names and units of what tells of tracking, in the order of `World::tracking_gauges`.
fn tracking_names(topology: &Topology, box_servers: &[String]) -> Vec<(String, &'static str)> {
    let mut names = Vec::new();
    for host in topology.hosts.iter().filter(|host| host.settings.tracking) {
        for (counter, unit) in TRACKING_COUNTERS {
            names.push((format!("\\BizTalk:TDDS({})\\{counter}", host.name), unit));
        }
    }
    for (at, server) in box_servers.iter().enumerate() {
        let name = boxes::box_name(topology, at);
        let object = "BizTalk:Message Box:General Counters";
        let counter = "Tracked Msgs Copy(Purge Jobs)";
        names.push((format!("\\{object}({name}:{server})\\{counter}"), "s"));
    }
    let size = "\\SQLServer:Databases(BizTalkDTADb)\\Data File(s) Size (KB)";
    names.push((size.to_owned(), "KB"));
    names
}

/// What is seen of the MessageBoxes at one instant.
#[derive(Clone, Debug)]
pub(crate) struct BoxGauges {
    /// Rows of the spool and of tracking data, by MessageBox.
    pub(crate) rows: Vec<(u64, u64)>,
    /// The queues of all hosts, MessageBox after MessageBox.
    pub(crate) queues: Vec<QueueLengths>,
    pub(crate) disks: Disks,
}

/// The values of an interval, of the servers, of each host over its instances, of tracking, and of
/// what is in and under each MessageBox.
pub(crate) fn values(
    topology: &Topology,
    (before, now): (&Totals, &Totals),
    tracking: &[f64],
    boxes: &BoxGauges,
) -> Vec<f64> {
    let seconds = now.since(before);
    let mut values = Vec::new();
    for (at, server) in now.servers.iter().enumerate() {
        let busy = server.busy - before.servers.get(at).map_or(0.0, |before| before.busy);
        values.push(busy / 1e9 / server.cores / seconds * 100.0);
    }
    for (at, own) in now.hosts.iter().enumerate() {
        let nothing = HostTotals::default();
        let before = before.hosts.get(at).unwrap_or(&nothing);
        let between = Between { before, now: own, seconds };
        // A message agent shows nothing while no process is there (published).
        let runs = |object: &str| object != AGENT || own.runs;
        let read = |(object, _, _, _, read): &HostCounter| {
            if runs(object) { read(&between) } else { f64::NAN }
        };
        values.extend(of_host(topology, at).map(read));
        let both = (before, own);
        values.extend(adapters::values(topology, HostId::from(at), both, seconds));
    }
    values.extend_from_slice(tracking);
    values
        .extend(boxes.rows.iter().flat_map(|(spool, tracking)| [*spool as f64, *tracking as f64]));
    let totals = (&before.boxes[..], &now.boxes[..]);
    values.extend(boxes::values(totals, &boxes.queues, boxes.disks, seconds));
    values
}

/// Whether a counter of this unit is a mean over its interval; others are what they are at its end.
pub(crate) fn is_mean(unit: &str) -> bool {
    unit == "%" || unit.ends_with("/s")
}

impl HostTotals {
    /// Adds what became of the instances of one more orchestration, `suspended` of them in all.
    pub(crate) fn add_orchestration(&mut self, more: OrchestrationCounts, suspended: u64) {
        let all = &mut self.orchestrations;
        all.created += more.created;
        all.completed += more.completed;
        all.discarded += more.discarded;
        all.dehydrated += more.dehydrated;
        all.rehydrated += more.rehydrated;
        all.persisted += more.persisted;
        all.waiting += more.waiting;
        self.orchestrations_suspended += suspended;
    }

    /// Adds what one more instance shows of dehydration; the least patient one counts.
    pub(crate) fn add_dehydration(&mut self, more: DehydrationGauges) {
        let all = &mut self.dehydration;
        all.threshold = match all.threshold.is_zero() {
            true => more.threshold,
            false => all.threshold.min(more.threshold),
        };
        all.dehydratable += more.dehydratable;
        all.dehydrating += more.dehydrating;
        all.cycles += more.cycles;
    }

    /// Adds what one more instance of the host shows.
    pub(crate) fn add(&mut self, more: HostGauges) {
        let host = &mut self.gauges;
        host.threads += more.threads;
        host.threads_busy += more.threads_busy;
        host.in_process += more.in_process;
        host.internal_queue += more.internal_queue;
        host.pending_batches += more.pending_batches;
        host.throttled_batches += more.throttled_batches;
    }
}
