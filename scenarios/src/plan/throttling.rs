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
    /// How fast the delay grows with messages in the database, in per cent.
    pub severity_database: u32,
    /// The same with messages in process.
    pub severity_in_process: u32,
    /// The same of an operator's word, of threads and of sessions.
    pub severity_override: u32,
    /// How often the conditions are looked at.
    pub tick: Duration,
}

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

impl Bind for Throttling {
    const SHAPE: &'static Shape = &THROTTLING;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("publishing", &mut self.publishing);
        b.key("delivery", &mut self.delivery);
        b.key("samples", &mut self.samples);
        b.key("window", &mut self.window);
        b.key("overdrive", &mut self.overdrive);
        b.key("delay_max", &mut self.delay_max);
        b.key("messages", &mut self.messages);
        b.key("spool_factor", &mut self.spool_factor);
        b.key("tracking_factor", &mut self.tracking_factor);
        b.key("in_process", &mut self.in_process);
        b.key("threads", &mut self.threads);
        b.key("sessions", &mut self.sessions);
        b.key("severity_database", &mut self.severity_database);
        b.key("severity_in_process", &mut self.severity_in_process);
        b.key("severity_override", &mut self.severity_override);
        b.key("tick", &mut self.tick);
    }
}
