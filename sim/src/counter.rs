//! Counters of single hosts and MessageBoxes, named as the performance monitor prints them.

use floodgate_engine::config::Topology;
use floodgate_engine::host::HostGauges;

/// A counter of every host: its object, its name, its unit, and where it is read.
type HostCounter = (&'static str, &'static str, &'static str, fn(&HostGauges) -> u32);

/// What is sampled of every host: the sum over its instances.
const HOST_COUNTERS: [HostCounter; 5] = [
    ("BizTalk:Messaging", "Pending receive batches", "batches", |host| {
        host.pending_batches + host.throttled_batches
    }),
    ("BizTalk:Messaging", "Throttled receive batches", "batches", |host| host.throttled_batches),
    ("BizTalk:Messaging", "Active threads", "threads", |host| host.threads_busy),
    ("BizTalk:Message Agent", "In-process message count", "messages", |host| host.in_process),
    ("BizTalk:Message Agent", "Thread count", "threads", |host| host.threads),
];

/// What is sampled of every tracking host, where anything is tracked.
const TRACKING_COUNTERS: [(&str, &str); 5] = [
    ("Batches being processed", "batches"),
    ("Records being processed", "records"),
    ("Batches committed", "batches"),
    ("Events committed", "events"),
    ("Records committed", "records"),
];

/// What is sampled of every MessageBox.
const BOX_COUNTERS: [&str; 2] = ["Spool Size", "Tracking data size"];

/// The names and units of the counters of a topology, in the order of [`values`]. A MessageBox is
/// called by its name and its server's, as the product does it.
pub(crate) fn names(topology: &Topology, box_servers: &[String]) -> Vec<(String, &'static str)> {
    let mut names = Vec::new();
    for host in &topology.hosts {
        for (object, counter, unit, _) in HOST_COUNTERS {
            names.push((format!("\\{object}({})\\{counter}", host.name), unit));
        }
    }
    if !topology.tracks.is_empty() {
        names.extend(tracking_names(topology, box_servers));
    }
    for (at, server) in box_servers.iter().enumerate() {
        let name = topology.message_boxes.get(at).map_or("MessageBox", |own| &own.name);
        for counter in BOX_COUNTERS {
            let object = "BizTalk:Message Box:General Counters";
            names.push((format!("\\{object}({name}:{server})\\{counter}"), "rows"));
        }
    }
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
        let name = topology.message_boxes.get(at).map_or("MessageBox", |own| &own.name);
        let object = "BizTalk:Message Box:General Counters";
        let counter = "Tracked Msgs Copy(Purge Jobs)";
        names.push((format!("\\{object}({name}:{server})\\{counter}"), "s"));
    }
    let size = "\\SQLServer:Databases(BizTalkDTADb)\\Data File(s) Size (KB)";
    names.push((size.to_owned(), "KB"));
    names
}

/// The values at one instant, of the sums over the instances of each host, of tracking, and of the
/// spool's and the tracking table's rows of each MessageBox.
pub(crate) fn values(
    hosts: &[HostGauges],
    tracking: &[f64],
    boxes: impl Iterator<Item = (u64, u64)>,
) -> Vec<f64> {
    let of_host = |host: &HostGauges| HOST_COUNTERS.map(|(_, _, _, read)| f64::from(read(host)));
    let of_box = |(spool, tracking)| [spool as f64, tracking as f64];
    let hosts = hosts.iter().flat_map(of_host);
    hosts.chain(tracking.iter().copied()).chain(boxes.flat_map(of_box)).collect()
}

/// Adds what one more instance of the host shows.
pub(crate) fn add(host: &mut HostGauges, more: HostGauges) {
    host.threads += more.threads;
    host.threads_busy += more.threads_busy;
    host.in_process += more.in_process;
    host.internal_queue += more.internal_queue;
    host.pending_batches += more.pending_batches;
    host.throttled_batches += more.throttled_batches;
}
