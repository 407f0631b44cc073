//! Hosts, their instances, and the settings of a host with the product's defaults.

use crate::id::{HostId, ServerId};
use crate::message::{PropertyId, Value};
use crate::throttle::{DehydrationSettings, ThrottleSettings};
use crate::time::Duration;

/// A logical host and its settings.
#[derive(Clone, Debug)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// Its settings.
    pub settings: HostSettings,
    /// What messages may demand of it (R-CTX-08).
    pub properties: Vec<(PropertyId, Value)>,
}

/// A process that realises a host on a server.
#[derive(Clone, Copy, Debug)]
pub struct HostInstanceConfig {
    /// The host.
    pub host: HostId,
    /// The machine.
    pub server: ServerId,
}

/// A host's settings with the product's defaults.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct HostSettings {
    /// `MaxReceiveInterval`: longest wait between two looks into an empty queue (R-DEQ-03).
    /// Zero means immediate dispatch.
    pub poll: Duration,
    /// The first wait of an idle poller, which doubles up to the interval (R-CLK-07); a tenth of
    /// the interval where it is not set.
    pub poll_first: Option<Duration>,
    /// Looks under way at once, at most (R-DEQ-02).
    pub dequeue_threads: u32,
    /// References taken by one look. \[M\] not documented; knob `dequeue_batch`.
    pub dequeue_batch: u32,
    /// Messages in memory that wait for an engine thread, per CPU (R-DEQ-04).
    pub internal_queue: u32,
    /// Messages taken and not yet finished, per CPU (R-DEQ-08): no more are, unless throttling has
    /// a threshold of them. \[M\]
    pub in_process: u32,
    /// Engine threads per CPU at most (R-THR-01).
    pub threads: u32,
    /// Share of the threads that exist at the start, in per cent (R-THR-01).
    pub threads_start: u32,
    /// Least time between two new threads while work waits. \[M\]; zero means at once.
    pub thread_growth: Duration,
    /// After not all engine threads were in use for so long, one of them ends; zero: never
    /// (R-THR-01).
    pub thread_idle: Duration,
    /// Messages in one adapter batch at most, where the adapter does not say more (R-CLK-10).
    pub engine_batch: u32,
    /// Publishing batches that may wait for a thread, per CPU, before `Done` blocks (R-DONE-03).
    /// \[M\] the product's bound is not documented.
    pub batch_queue: u32,
    /// Bounds of the messages handed out and not answered (R-DEQ-09); off unless set.
    pub watermarks: Option<Watermarks>,
    /// Bounds of the messages in memory for orchestrations; off unless set, as in the product.
    pub orchestration_queue: Option<OrchestrationQueue>,
    /// After how long a location that broke here is tried again, only here; off by default, and
    /// then it stays disabled everywhere (R-LIFE-07, R-LIFE-08). \[M\] a setting of the group in
    /// the product, of each host here.
    pub fault_tolerance: Option<Duration>,
    /// Whether its instances move tracking data out of the MessageBoxes (R-GC-05).
    pub tracking: bool,
    /// When its instances are throttled (R-THR-02); `None`: never. \[M\] the product's controllers
    /// are always on; here a plant is measured without them unless it asks.
    pub throttling: Option<ThrottleSettings>,
    /// When orchestration instances that wait leave its memory; `None`: at once, with the
    /// transaction of their turn. \[M\] the product keeps them in memory by its formula always.
    pub dehydration: Option<DehydrationSettings>,
}

/// The older knob on messages that are with send adapters (R-DEQ-09): once as many as `high` are
/// out, no more are taken until fewer than `low` are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Watermarks {
    /// At most 200 in the product.
    pub high: u32,
    /// Below this it goes on. \[M\] inferred.
    pub low: u32,
}

/// Throttling of orchestrations by queue length (R-DEQ-09 is the like of it for send adapters):
/// once as many as `pause_at` messages are in memory for orchestrations, waiting for a turn or in
/// one, no more are taken until there are only `resume_at`. \[M\] the product counts for each
/// orchestration and holds back its messages alone; here a host instance counts for all of its
/// orchestrations, and holds back whatever else is in its queue.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OrchestrationQueue {
    /// 100 in the published example.
    pub pause_at: u32,
    /// 50 there.
    pub resume_at: u32,
}

/// The retry interval of a broken location where fault tolerance is on (R-LIFE-08).
pub const FAULT_RETRY_INTERVAL: Duration = Duration::from_secs(60);

impl HostSettings {
    /// Messages that may be taken and not finished, per CPU. Where delivery is throttled for
    /// them it is above the threshold that throttling begins (R-DEQ-08), so as many more are taken
    /// as may wait in memory (R-DEQ-04). \[M\]
    #[must_use]
    pub fn in_process_max(&self) -> u32 {
        let threshold = self.throttling.and_then(|own| own.in_process_threshold());
        threshold.map_or(self.in_process, |threshold| {
            self.in_process.max(threshold).saturating_add(self.internal_queue)
        })
    }
}

impl Default for HostSettings {
    fn default() -> Self {
        Self {
            poll: Duration::from_millis(500),
            poll_first: None,
            dequeue_threads: 5,
            dequeue_batch: 20,
            internal_queue: 100,
            in_process: 1000,
            threads: 20,
            threads_start: 10,
            thread_growth: Duration::from_millis(500),
            thread_idle: Duration::from_minutes(10),
            engine_batch: 10,
            batch_queue: 20,
            watermarks: None,
            orchestration_queue: None,
            fault_tolerance: None,
            tracking: false,
            throttling: None,
            dehydration: None,
        }
    }
}
