//! Hosts: the logical containers of adapters; one host instance per server named.

use floodgate_engine::time::Duration;

use super::bind::{Bind, Binder};
use super::dehydration::{DEHYDRATION, Dehydration};
use super::property::{HOST_PROPERTY, HostProperty};
use super::row::{Kind, Row, Shape};
use super::throttling::{THROTTLING, Throttling};

/// A host and the settings its instances share.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Host {
    /// Its name, unique among hosts.
    pub name: String,
    /// The servers that run an instance of it.
    pub on: Vec<String>,
    /// Polling interval of its work queue; zero dispatches at once.
    pub poll: Duration,
    /// The first wait of an idle poller; a tenth of the interval when absent.
    pub poll_first: Option<Duration>,
    /// Threads that dequeue, per instance.
    pub dequeue_threads: u32,
    /// Messages taken by one dequeue.
    pub dequeue_batch: u32,
    /// Messages that may wait in memory before a thread takes them, per CPU.
    pub internal_queue: u32,
    /// Messages that may be with adapters and threads at once, per CPU.
    pub in_process: u32,
    /// Messaging engine threads, per CPU.
    pub threads: u32,
    /// Per cent of the threads that exist at the start.
    pub threads_start: u32,
    /// One more thread at most this often while work waits; zero grows at once.
    pub thread_growth: Duration,
    /// How long not all threads are in use before one ends.
    pub thread_idle: Duration,
    /// Messages that the engine puts in one MessageBox transaction.
    pub engine_batch: u32,
    /// Publishing batches that may wait for a thread, per CPU.
    pub batch_queue: u32,
    /// How long its requests wait for a response.
    pub response_timeout: Duration,
    /// The same, where its receivers are isolated.
    pub response_timeout_isolated: Duration,
    /// Whether its receivers are isolated.
    pub isolated: bool,
    /// Whether a request may have several responses.
    pub allow_multiple: bool,
    /// What it has for messages that demand it.
    pub properties: Vec<HostProperty>,
    /// After how long a location that broke is tried again.
    pub fault_tolerance: Option<Duration>,
    /// Whether its instances move tracking data.
    pub tracking: bool,
    /// When its instances are throttled.
    pub throttling: Option<Throttling>,
    /// How many messages its send adapters may hold.
    pub watermarks: Option<Watermarks>,
    /// Bounds of the messages in memory for orchestrations.
    pub orchestration_queue: Option<OrchestrationQueue>,
    /// When its orchestrations that wait leave memory.
    pub dehydration: Option<Dehydration>,
}

/// Bounds of the messages that send adapters hold and have not answered.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Watermarks {
    /// As many as this, and no more are taken.
    pub high: u32,
    /// Fewer than this, and more are taken again.
    pub low: u32,
}

static WATERMARKS: Shape = Shape::of(
    "watermarks",
    "how many messages send adapters may hold (R-DEQ-09)",
    &[
        Row::required("high", Kind::Integer(1, 200), "as many as this: no more are taken"),
        Row::required("low", Kind::Integer(1, 200), "fewer than this: more are taken again"),
    ],
)
.inline();

/// Bounds of the messages in memory for orchestrations.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct OrchestrationQueue {
    /// As many as this, and no more are taken.
    pub pause_at: u32,
    /// As few as this, and more are taken again.
    pub resume_at: u32,
}

static ORCHESTRATION_QUEUE: Shape = Shape::of(
    "orchestration_queue",
    "how many messages may be in memory for orchestrations",
    &[
        Row::default(
            "pause_at",
            Kind::Integer(1, 1_000_000),
            "100",
            "as many as this: no more are taken",
        ),
        Row::default(
            "resume_at",
            Kind::Integer(0, 1_000_000),
            "50",
            "as few as this: more are taken again",
        ),
    ],
)
.inline();

pub(crate) static HOST: Shape = Shape::of(
    "host",
    "a host; every server named runs one instance of it",
    &[
        Row::required("name", Kind::Text, "its name, unique among hosts"),
        Row::required("on", Kind::List(&Kind::Text), "the servers that run an instance of it"),
        Row::profile(
            "poll",
            Kind::Duration,
            "polling interval (MaxReceiveInterval); 0 s = at once",
        ),
        Row::optional(
            "poll_first",
            Kind::PositiveDuration,
            "a tenth of the interval",
            "the first wait of an idle poller, which doubles up to the interval (R-CLK-07)",
        ),
        Row::default("dequeue_threads", Kind::Integer(1, 1000), "5", "threads that dequeue"),
        Row::default("dequeue_batch", Kind::Integer(1, 10_000), "20", "messages of one dequeue"),
        Row::default(
            "internal_queue",
            Kind::Integer(1, 1_000_000),
            "100",
            "messages that may wait in memory for a thread, per CPU",
        ),
        Row::default(
            "in_process",
            Kind::Integer(1, 1_000_000),
            "1000",
            "messages that may be in process at once, per CPU",
        ),
        Row::default("threads", Kind::Integer(1, 50), "20", "messaging engine threads, per CPU"),
        Row::default(
            "threads_start",
            Kind::Integer(1, 100),
            "10",
            "per cent of the threads that exist at the start",
        ),
        Row::profile(
            "thread_growth",
            Kind::Duration,
            "one more thread at most this often while work waits; 0 s = at once",
        ),
        Row::default(
            "thread_idle",
            Kind::Duration,
            "'10 min'",
            "one thread less for every while in which not all were in use; 0 s = never (R-THR-01)",
        ),
        Row::default(
            "engine_batch",
            Kind::Integer(1, 10_000),
            "10",
            "messages in one adapter batch, unless the adapter documents its own",
        ),
        Row::default(
            "batch_queue",
            Kind::Integer(1, 1_000_000),
            "20",
            "publishing batches that may wait for a thread, per CPU, before Done blocks",
        ),
        Row::default(
            "response_timeout",
            Kind::PositiveDuration,
            "'20 min'",
            "how long requests wait for a response (R-RR-02)",
        ),
        Row::default(
            "response_timeout_isolated",
            Kind::PositiveDuration,
            "'20 min'",
            "the same, where receivers are isolated (R-ADD-05)",
        ),
        Row::default("isolated", Kind::Bool, "false", "whether receivers are isolated"),
        Row::default(
            "allow_multiple",
            Kind::Bool,
            "false",
            "whether a request may have several responses (R-RR-10)",
        ),
        Row::default(
            "properties",
            Kind::Tables(&HOST_PROPERTY),
            "[]",
            "what it has for messages that demand it (R-CTX-08)",
        ),
        Row::optional(
            "fault_tolerance",
            Kind::PositiveDuration,
            "a location that breaks is disabled in all instances",
            "after how long a location that broke in an instance is tried again (R-LIFE-08)",
        ),
        Row::default(
            "tracking",
            Kind::Bool,
            "false",
            "whether its instances move tracking data to its database (R-GC-05)",
        ),
        Row::optional(
            "throttling",
            Kind::Table(&THROTTLING),
            "its instances are never throttled",
            "when its instances are throttled; an empty table is the product's default",
        ),
        Row::optional(
            "watermarks",
            Kind::Table(&WATERMARKS),
            "in_process is the only limit",
            "bounds of the messages that send adapters hold, an older knob (R-DEQ-09)",
        ),
        Row::optional(
            "orchestration_queue",
            Kind::Table(&ORCHESTRATION_QUEUE),
            "no bound",
            "bounds of the messages in memory for orchestrations; an empty table is the published \
             example",
        ),
        Row::optional(
            "dehydration",
            Kind::Table(&DEHYDRATION),
            "at once, with the transaction of their turn",
            "when orchestrations that wait leave memory; an empty table is the product's default",
        ),
    ],
);

impl Bind for Host {
    const SHAPE: &'static Shape = &HOST;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("name", &mut self.name);
        b.key("on", &mut self.on);
        b.key("poll", &mut self.poll);
        b.key("poll_first", &mut self.poll_first);
        b.key("dequeue_threads", &mut self.dequeue_threads);
        b.key("dequeue_batch", &mut self.dequeue_batch);
        b.key("internal_queue", &mut self.internal_queue);
        b.key("in_process", &mut self.in_process);
        b.key("threads", &mut self.threads);
        b.key("threads_start", &mut self.threads_start);
        b.key("thread_growth", &mut self.thread_growth);
        b.key("thread_idle", &mut self.thread_idle);
        b.key("engine_batch", &mut self.engine_batch);
        b.key("batch_queue", &mut self.batch_queue);
        b.key("response_timeout", &mut self.response_timeout);
        b.key("response_timeout_isolated", &mut self.response_timeout_isolated);
        b.key("isolated", &mut self.isolated);
        b.key("allow_multiple", &mut self.allow_multiple);
        b.key("properties", &mut self.properties);
        b.key("fault_tolerance", &mut self.fault_tolerance);
        b.key("tracking", &mut self.tracking);
        b.key("throttling", &mut self.throttling);
        b.key("watermarks", &mut self.watermarks);
        b.key("orchestration_queue", &mut self.orchestration_queue);
        b.key("dehydration", &mut self.dehydration);
        let (least, most) = (Duration::from_secs(1), Duration::from_secs(43_200));
        if b.reading() && self.fault_tolerance.is_some_and(|own| own < least || own > most) {
            b.refuse(
                "fault_tolerance",
                "a broken location is tried again after 1 to 43200 seconds",
                "R-LIFE-08: the product's own is 60 s",
            );
        }
    }
}

impl Bind for Watermarks {
    const SHAPE: &'static Shape = &WATERMARKS;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("high", &mut self.high);
        b.key("low", &mut self.low);
        if b.reading() && self.low > self.high {
            b.refuse("low", "the low watermark is above the high one", "R-DEQ-09: at most 'high'");
        }
    }
}

impl Bind for OrchestrationQueue {
    const SHAPE: &'static Shape = &ORCHESTRATION_QUEUE;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("pause_at", &mut self.pause_at);
        b.key("resume_at", &mut self.resume_at);
        if b.reading() && self.resume_at > self.pause_at {
            b.refuse("resume_at", "it goes on above where it pauses", "at most 'pause_at'");
        }
    }
}
