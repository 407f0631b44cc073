//! Counters of single servers, hosts and MessageBoxes, named as the performance monitor prints
//! them.
//!
//! Gauges are read, rates and latencies are taken over the interval since the last sample. Where a
//! process died meanwhile and counts anew, or nothing happened that a mean could be taken of, a
//! counter has no value.
//!
//! # What the product prints and nothing here is
//!
//! - `BizTalk:Messaging`: *Active send messages* (what sets them apart from *Pending transmitted
//!   messages* is not said), *ID Process* (a process has no number).
//! - `BizTalk:Message Agent`: *Service class ID* (which class is shown there is not said).
//! - `BizTalk:Message Box:General Counters`: the jobs *MsgBox Parts Cleanup*, *MsgBox Dead
//!   Processes Cleanup*, *MsgBox Purge Subscriptions Job* and *Tracking Spool Cleanup*: the one
//!   cleanup job removes rows with their parts, and what the others do takes no time.
//! - `BizTalk:Message Box:Host Counters`: *Host Queue - Instance State Msg Refs - Length*. An
//!   orchestration gives its message up with the transaction of its turn and a port's is in a work
//!   queue until it ends, so that no message is in the state of an instance.
//! - `XLANG/s Orchestrations`: *Orchestrations scheduled for dehydration* and *Dehydration cycle in
//!   progress* (a cycle decides at once); *Database transactions* and *Average batch factor* (they
//!   are not told from those of ports: *Total batches committed* has both); *Transactional scopes*
//!   (an orchestration has no scopes); *Pending work items* (not said what they are beside
//!   *Runnable orchestrations*); *Active application domains*; *MessageBox databases connection
//!   failures* (nobody counts connections: *Online MessageBox databases* tells which are there);
//!   *% used physical memory*, *Megabytes allocated* of private and virtual memory (one memory is
//!   reckoned, and only where throttling says how: *Process memory usage (MB)*).
//! - `BizTalk:TDDS`: *Total batches*, *events* and *records* (nothing is committed in part or
//!   twice: they would be those committed), *Total failed batches* and *events* (a transaction of
//!   tracking fails by its process's death alone, and that process counts no more).
//! - Adapters: *Lock failures*, *Delete retries* (a source is one adapter's), *Memory queue size*,
//!   *Time to build batch*, *Time to add message to batch* (building one takes no time). Those of
//!   WCF have no counters in the product either.
//! - SQL Server and the machine: *Lock Timeouts/sec*, *Number of Deadlocks/sec* (locks are one line
//!   that is waited in without an end), *Batch Requests/sec* (a transaction is one errand here and
//!   many calls there), *Network Interface* (a link has a price for a transaction and no bytes),
//!   *Available MBytes*, the state of SQL Agent's jobs, *Avg. Disk sec/Read* of a data disk (a page
//!   has one price, read or written: *Transfer*).

mod adapters;
mod agent;
mod boxes;
mod messaging;
mod xlang;

use floodgate_engine::config::{AdapterKind, Topology};
use floodgate_engine::host::{DehydrationGauges, HostGauges, Occupation};
use floodgate_engine::id::{AdapterId, HostId};
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
    /// With a send handler, whoever chooses it.
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
        host.now.occupation.batches_receiving.into()
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
const BOX_COUNTERS: [(&str, &str); 3] = [
    ("Spool Size", "rows"),
    ("Tracking data size", "rows"),
    ("Instances - Total Number", "instances"),
];

fn has(topology: &Topology, host: HostId, which: Which) -> bool {
    let mut locations = topology.receive_locations.iter().filter(|location| location.host == host);
    match which {
        Which::All => true,
        Which::Receiving => locations.next().is_some(),
        Which::Answering => locations.any(|own| {
            matches!(topology.adapters[own.adapter.index()].kind, AdapterKind::Request(_))
        }),
        Which::Sending => senders(topology, host).next().is_some(),
        Which::Throttled => topology.hosts[host.index()].settings.throttling.is_some(),
        Which::Orchestrating => topology.orchestrations.iter().any(|own| own.host == host),
        Which::Dehydrating => {
            let settings = &topology.hosts[host.index()].settings;
            settings.dehydration.is_some() && has(topology, host, Which::Orchestrating)
        }
    }
}

/// The adapters that a host sends with: those of the transports of its ports, and those that a
/// dynamic port may choose there (R-DYN-06).
fn senders(topology: &Topology, host: HostId) -> impl Iterator<Item = AdapterId> {
    let ports = topology.send_ports.iter();
    let transports = ports.flat_map(|port| std::iter::once(&port.primary).chain(&port.backup));
    let own = transports.map(|transport| (transport.adapter, transport.host));
    let chosen = topology.dynamic_ports.iter().flat_map(move |port| {
        let handlers = topology.send_handlers.iter();
        handlers.map(|handler| {
            let other = port.handlers.iter().find(|(adapter, _)| *adapter == handler.adapter);
            (handler.adapter, other.map_or(handler.host, |(_, host)| *host))
        })
    });
    own.chain(chosen).filter(move |(_, own)| *own == host).map(|(adapter, _)| adapter)
}

/// Which counters the hosts of a topology have: found once, since samples ask again and again.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    hosts: Vec<OfHost>,
}

#[derive(Clone, Debug)]
struct OfHost {
    counters: Vec<&'static HostCounter>,
    adapters: Vec<adapters::Object>,
}

impl Layout {
    pub(crate) fn of(topology: &Topology) -> Self {
        let one = |at| OfHost {
            counters: of_host(topology, at).collect(),
            adapters: adapters::objects(topology, HostId::from(at)),
        };
        Self { hosts: (0..topology.hosts.len()).map(one).collect() }
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
    for (host, own) in topology.hosts.iter().zip(&Layout::of(topology).hosts) {
        for (object, counter, unit, ..) in &own.counters {
            names.push((format!("\\{object}({})\\{counter}", host.name), *unit));
        }
        names.extend(adapters::names(&host.name, &own.adapters));
    }
    if !topology.tracks.is_empty() {
        names.extend(tracking_names(topology, places.servers));
    }
    for (at, server) in places.servers.iter().enumerate() {
        let name = boxes::box_name(topology, at);
        for (counter, unit) in BOX_COUNTERS {
            let object = "BizTalk:Message Box:General Counters";
            names.push((format!("\\{object}({name}:{server})\\{counter}"), unit));
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
    layout: &Layout,
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
    for (at, (own, has)) in now.hosts.iter().zip(&layout.hosts).enumerate() {
        let nothing = HostTotals::default();
        let before = before.hosts.get(at).unwrap_or(&nothing);
        let between = Between { before, now: own, seconds };
        // A message agent shows nothing while no process is there (published).
        let runs = |object: &str| object != AGENT || own.runs;
        let read = |(object, _, _, _, read): &&HostCounter| {
            if runs(object) { read(&between) } else { f64::NAN }
        };
        values.extend(has.counters.iter().map(read));
        values.extend(adapters::values(&has.adapters, (before, own), seconds));
    }
    values.extend_from_slice(tracking);
    let queues = boxes.queues.chunks(layout.hosts.len().max(1));
    for ((spool, tracking), queues) in boxes.rows.iter().zip(queues) {
        let instances: u64 = queues.iter().map(|queue| queue.instances).sum();
        values.extend([*spool, *tracking, instances].map(|count| count as f64));
    }
    let totals = (&before.boxes[..], &now.boxes[..]);
    values.extend(boxes::values(totals, &boxes.queues, boxes.disks, seconds));
    values
}

/// What two intervals made one show of a counter.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Merged {
    /// What it is at the end.
    Last,
    /// The mean of both.
    Mean,
    /// The mean of those in which there was anything to take a mean of. \[M\] Of how many things
    /// is not remembered.
    MeanOfKnown,
}

impl Merged {
    pub(crate) fn of((name, unit): (&str, &str)) -> Self {
        let means = ["Latency (sec)", "/Batch", "Avg. Disk sec/Write", "Avg. Disk sec/Transfer"];
        if unit == "%" || unit.ends_with("/s") {
            Self::Mean
        } else if means.iter().any(|end| name.ends_with(end)) {
            Self::MeanOfKnown
        } else {
            Self::Last
        }
    }

    pub(crate) fn value(self, before: f64, last: f64) -> f64 {
        match self {
            Self::Last => last,
            Self::Mean => f64::midpoint(before, last),
            Self::MeanOfKnown if before.is_nan() => last,
            Self::MeanOfKnown if last.is_nan() => before,
            Self::MeanOfKnown => f64::midpoint(before, last),
        }
    }
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
