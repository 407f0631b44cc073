//! Host throttling: the thresholds of the product's dashboard, with its defaults.

use floodgate_engine::time::Duration;

use super::bind::{Bind, Binder};
use super::row::{Kind, Row, Shape};
use super::word::words;

words! {
    /// What an operator says about throttling in one direction.
    pub enum Said {
        /// The conditions decide.
        #[default]
        Automatic = "automatic",
        /// Throttled, whatever the conditions.
        Always = "always",
        /// Not throttled, whatever the conditions.
        Never = "never",
    }
}

/// When the instances of a host are throttled (R-THR-02); an empty table is the product's default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Throttling {
    /// The operator's word on publishing.
    pub publishing: Said,
    /// The operator's word on delivery.
    pub delivery: Said,
    /// Messages that a rate is taken of, at least.
    pub samples: u32,
    /// The time over which rates are taken.
    pub window: Duration,
    /// What may come in for what goes out, in per cent.
    pub overdrive: u32,
    /// The longest delay; zero switches rate throttling off.
    pub delay_max: Duration,
    /// The same of delivery, where it is not that of publishing.
    pub delivery_samples: Option<u32>,
    /// Likewise.
    pub delivery_window: Option<Duration>,
    /// Likewise.
    pub delivery_overdrive: Option<u32>,
    /// Likewise.
    pub delivery_delay_max: Option<Duration>,
    /// Messages in the database.
    pub messages: u32,
    /// Spool rows, as a multiple of them.
    pub spool_factor: u32,
    /// Rows of tracking data, as a multiple of them.
    pub tracking_factor: u32,
    /// Messages in process, per CPU.
    pub in_process: u32,
    /// Threads, per CPU.
    pub threads: u32,
    /// Database sessions, per CPU.
    pub sessions: u32,
    /// Memory of the process: per cent of `virtual_memory` up to 100, MB above.
    pub process_memory: u32,
    /// Memory that a process can have.
    pub virtual_memory: u64,
    /// Memory of all processes on the machine, MB.
    pub system_memory: u32,
    /// Batches below this share of the process threshold pass, in per cent.
    pub batch_memory: u32,
    /// Garbage collections are forced above this share of the process threshold, in per cent.
    pub gc_trigger: u32,
    /// What the process takes in memory.
    pub memory: Option<Memory>,
    /// How fast the delay grows with memory, in per cent.
    pub severity_memory: u32,
    /// How fast the delay grows with messages in the database, in per cent.
    pub severity_database: u32,
    /// The same with messages in process.
    pub severity_in_process: u32,
    /// The same of an operator's word, of threads and of sessions.
    pub severity_override: u32,
    /// How often the conditions are looked at.
    pub tick: Duration,
}

/// What a process takes in memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    /// Without messages.
    pub base: u64,
    /// Of a message besides its content.
    pub per_message: u64,
    /// Of its content, as a multiple of its size.
    pub factor: f64,
    /// Of messages that ended, before the runtime collects it.
    pub garbage: u64,
    /// Of caches where there is room.
    pub caches: u64,
}

static MEMORY: Shape = Shape::of(
    "memory",
    "what the process takes in memory; the figures are not published",
    &[
        Row::default("base", Kind::Size, "'100 MB'", "without messages"),
        Row::default("per_message", Kind::Size, "'10 KB'", "of a message besides its content"),
        Row::default(
            "factor",
            Kind::Number(0.0, 1000.0),
            "2.0",
            "of its content, as a multiple of its size; up to 10 where it is loaded as a tree",
        ),
        Row::default(
            "garbage",
            Kind::Size,
            "'0 B'",
            "of messages that ended, until the runtime collects it; 0 B = at once",
        ),
        Row::default("caches", Kind::Size, "'0 B'", "of caches, where there is room for them"),
    ],
)
.inline();

pub(crate) static THROTTLING: Shape = Shape::of(
    "throttling",
    "when the host's instances are throttled; an empty table is the product's default (R-THR-02)",
    &[
        Row::default(
            "publishing",
            Kind::Word(Said::WORDS),
            "'automatic'",
            "the operator's word on publishing",
        ),
        Row::default(
            "delivery",
            Kind::Word(Said::WORDS),
            "'automatic'",
            "the operator's word on delivery",
        ),
        Row::default(
            "samples",
            Kind::Integer(0, 1_000_000),
            "100",
            "messages in the window, at least; with fewer its rate says nothing",
        ),
        Row::default(
            "window",
            Kind::PositiveDuration,
            "'15 s'",
            "the time over which rates are taken",
        ),
        Row::default(
            "overdrive",
            Kind::Integer(100, 100_000),
            "125",
            "what may come in for what goes out, in per cent",
        ),
        Row::default(
            "delay_max",
            Kind::Duration,
            "'5 min'",
            "the longest delay; 0 s switches rate throttling off",
        ),
        Row::optional(
            "delivery_samples",
            Kind::Integer(0, 1_000_000),
            "as 'samples', which then is of both directions",
            "messages in the window of delivery, at least",
        ),
        Row::optional(
            "delivery_window",
            Kind::PositiveDuration,
            "as 'window'",
            "the time over which rates of delivery are taken",
        ),
        Row::optional(
            "delivery_overdrive",
            Kind::Integer(100, 100_000),
            "as 'overdrive'",
            "what may be taken for what is finished, in per cent",
        ),
        Row::optional(
            "delivery_delay_max",
            Kind::Duration,
            "as 'delay_max'",
            "the longest delay of a delivery; 0 s switches its rate throttling off",
        ),
        Row::default(
            "messages",
            Kind::Integer(0, 1_000_000_000),
            "50000",
            "messages of the host with its subscribers (message count in DB); 0 = off",
        ),
        Row::default(
            "spool_factor",
            Kind::Integer(0, 1000),
            "10",
            "spool rows, as a multiple of `messages`; 0 = off",
        ),
        Row::default(
            "tracking_factor",
            Kind::Integer(0, 1000),
            "10",
            "rows of tracking data, as a multiple of `messages`; 0 = off",
        ),
        Row::default(
            "in_process",
            Kind::Integer(0, 1_000_000),
            "1000",
            "messages handed out and not finished, per CPU; 0 = off",
        ),
        Row::default("threads", Kind::Integer(0, 100_000), "0", "threads, per CPU; 0 = off"),
        Row::default(
            "sessions",
            Kind::Integer(0, 100_000),
            "0",
            "database sessions, per CPU; 0 = off",
        ),
        Row::default(
            "process_memory",
            Kind::Integer(0, 10_000_000),
            "25",
            "memory of the process: up to 100 per cent of `virtual_memory`, above MB; 0 = off",
        ),
        Row::default("virtual_memory", Kind::Size, "'2 GB'", "memory that a process can have"),
        Row::default(
            "system_memory",
            Kind::Integer(0, 100_000_000),
            "0",
            "memory of all processes on the machine, MB; 0 = off",
        ),
        Row::default(
            "batch_memory",
            Kind::Integer(0, 100),
            "1",
            "batches below so many per cent of the process threshold pass while memory is short",
        ),
        Row::default(
            "gc_trigger",
            Kind::Integer(0, 100),
            "80",
            "garbage collections are forced above 50 to 100 per cent of the process threshold; 0 = off",
        ),
        Row::optional(
            "memory",
            Kind::Table(&MEMORY),
            "no memory is seen",
            "what the process takes in memory",
        ),
        Row::default(
            "severity_memory",
            Kind::Integer(1, 1000),
            "500",
            "how fast the delay grows with memory, in per cent",
        ),
        Row::default(
            "severity_database",
            Kind::Integer(1, 1000),
            "1",
            "how fast the delay grows with messages in the database, in per cent",
        ),
        Row::default(
            "severity_in_process",
            Kind::Integer(1, 1000),
            "75",
            "the same with messages in process",
        ),
        Row::default(
            "severity_override",
            Kind::Integer(1, 1000),
            "100",
            "the same of an operator's word, of threads and of sessions",
        ),
        Row::default(
            "tick",
            Kind::PositiveDuration,
            "'500 ms'",
            "how often the conditions are looked at; not published",
        ),
    ],
);

impl Bind for Memory {
    const SHAPE: &'static Shape = &MEMORY;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("base", &mut self.base);
        b.key("per_message", &mut self.per_message);
        b.key("factor", &mut self.factor);
        b.key("garbage", &mut self.garbage);
        b.key("caches", &mut self.caches);
    }
}

impl Bind for Throttling {
    const SHAPE: &'static Shape = &THROTTLING;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("publishing", &mut self.publishing);
        b.key("delivery", &mut self.delivery);
        b.key("samples", &mut self.samples);
        b.key("window", &mut self.window);
        b.key("overdrive", &mut self.overdrive);
        b.key("delay_max", &mut self.delay_max);
        b.key("delivery_samples", &mut self.delivery_samples);
        b.key("delivery_window", &mut self.delivery_window);
        b.key("delivery_overdrive", &mut self.delivery_overdrive);
        b.key("delivery_delay_max", &mut self.delivery_delay_max);
        b.key("messages", &mut self.messages);
        b.key("spool_factor", &mut self.spool_factor);
        b.key("tracking_factor", &mut self.tracking_factor);
        b.key("in_process", &mut self.in_process);
        b.key("threads", &mut self.threads);
        b.key("sessions", &mut self.sessions);
        b.key("process_memory", &mut self.process_memory);
        b.key("virtual_memory", &mut self.virtual_memory);
        b.key("system_memory", &mut self.system_memory);
        b.key("batch_memory", &mut self.batch_memory);
        b.key("gc_trigger", &mut self.gc_trigger);
        b.key("memory", &mut self.memory);
        b.key("severity_memory", &mut self.severity_memory);
        b.key("severity_database", &mut self.severity_database);
        b.key("severity_in_process", &mut self.severity_in_process);
        b.key("severity_override", &mut self.severity_override);
        b.key("tick", &mut self.tick);
        if b.reading() && (1..50).contains(&self.gc_trigger) {
            b.refuse(
                "gc_trigger",
                "garbage collections are forced above 50 to 100 per cent of the threshold",
                "allowed: 50 to 100, the product's own is 80; 0 forces none",
            );
        }
    }
}
