//! The counters of what is under a MessageBox: the queues of the hosts, the locks, the disks.

use floodgate_engine::config::Topology;
use floodgate_engine::message_box::QueueLengths;
use floodgate_engine::time::Duration;

use crate::cost::Costs;

/// Which lines under a MessageBox, and which of its jobs, have a price.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Disks {
    pub(crate) log: bool,
    pub(crate) data: bool,
    pub(crate) cleanup: bool,
}

/// What a line under a MessageBox has done so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LineTotals {
    /// Nanoseconds at work, and of all waiting together.
    pub(crate) busy: u128,
    pub(crate) waited: u128,
    /// Jobs that had to wait.
    pub(crate) waits: u64,
    /// Jobs that ended, and the nanoseconds that they stayed.
    pub(crate) ended: u64,
    pub(crate) stays: u128,
}

/// What one MessageBox has done so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BoxTotals {
    pub(crate) locks: LineTotals,
    pub(crate) log: LineTotals,
    pub(crate) data: LineTotals,
    /// How long the last run of its cleanup job took, once there was one.
    pub(crate) cleaned_in: Option<Duration>,
}

/// Where the MessageBoxes are: their servers' names, and which disks have a price.
#[derive(Clone, Debug)]
pub(crate) struct Places<'a> {
    pub(crate) servers: &'a [String],
    pub(crate) disks: Disks,
}

/// The name of a MessageBox.
pub(super) fn box_name(topology: &Topology, at: usize) -> &str {
    topology.message_boxes.get(at).map_or("MessageBox", |own| &own.name)
}

/// Names and units, in the order of [`values`].
pub(super) fn names(topology: &Topology, places: &Places<'_>) -> Vec<(String, &'static str)> {
    let mut names = Vec::new();
    for (at, server) in places.servers.iter().enumerate() {
        let own = box_name(topology, at);
        for host in &topology.hosts {
            let object = format!("BizTalk:Message Box:Host Counters({}:{own}:{server})", host.name);
            names.push((format!("\\{object}\\Host Queue - Length"), "messages"));
            names.push((format!("\\{object}\\Host Queue - Suspended Msgs - Length"), "messages"));
            names.push((format!("\\{object}\\Host Queue - Number of Instances"), "instances"));
        }
    }
    for (at, server) in places.servers.iter().enumerate() {
        let own = box_name(topology, at);
        if places.disks.cleanup {
            let object = format!("BizTalk:Message Box:General Counters({own}:{server})");
            names.push((format!("\\{object}\\MsgBox Msg Cleanup(Purge Jobs)"), "s"));
        }
        let locks = format!("\\\\{server}\\SQLServer:Locks({own})");
        names.push((format!("{locks}\\Lock Waits/sec"), "waits/s"));
        names.push((format!("{locks}\\Lock Wait Time (ms)"), "ms/s"));
        for (disk, transfer) in places.disks.all() {
            let disk = format!("\\\\{server}\\LogicalDisk({own} {disk})");
            names.push((format!("{disk}\\% Idle Time"), "%"));
            names.push((format!("{disk}\\Avg. Disk sec/{transfer}"), "s"));
        }
    }
    names
}

const fn of_queue(queue: &QueueLengths) -> [u64; 3] {
    [queue.work, queue.suspended, queue.instances]
}

/// The values of an interval of so many seconds.
pub(super) fn values(
    (before, now): (&[BoxTotals], &[BoxTotals]),
    queues: &[QueueLengths],
    disks: Disks,
    seconds: f64,
) -> Vec<f64> {
    let mut values: Vec<f64> =
        queues.iter().flat_map(|queue| of_queue(queue).map(|count| count as f64)).collect();
    for (at, now) in now.iter().enumerate() {
        let before = before.get(at).copied().unwrap_or_default();
        if disks.cleanup {
            values.push(now.cleaned_in.map_or(f64::NAN, Duration::as_secs_f64));
        }
        let waits = now.locks.waits - before.locks.waits;
        let waited = now.locks.waited.saturating_sub(before.locks.waited);
        values.extend([waits as f64 / seconds, waited as f64 / 1e6 / seconds]);
        let lines = [(disks.log, before.log, now.log), (disks.data, before.data, now.data)];
        for (_, before, now) in lines.into_iter().filter(|(priced, ..)| *priced) {
            let busy = now.busy.saturating_sub(before.busy) as f64 / 1e9;
            values.extend([(1.0 - busy / seconds) * 100.0, now.stay_since(before)]);
        }
    }
    values
}

impl Disks {
    pub(crate) const fn of(costs: &Costs) -> Self {
        Self { log: costs.has_log(), data: costs.has_data(), cleanup: costs.has_collection() }
    }

    /// The disks with a price, and what they do. \[M\] What a page costs is one price, read or
    /// written.
    fn all(self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let all = [(self.log, "log", "Write"), (self.data, "data", "Transfer")];
        all.into_iter().filter(|(priced, ..)| *priced).map(|(_, disk, does)| (disk, does))
    }
}

impl LineTotals {
    /// The mean stay in seconds of the jobs that ended since `before`.
    fn stay_since(self, before: Self) -> f64 {
        let ended = self.ended - before.ended;
        let stays = self.stays.saturating_sub(before.stays) as f64 / 1e9;
        if ended > 0 { stays / ended as f64 } else { f64::NAN }
    }
}
