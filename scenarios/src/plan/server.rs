//! Servers and the MessageBox: the machines of a scenario.

use floodgate_engine::time::Duration;

use super::bind::{Bind, Binder};
use super::row::{Kind, Row, Shape};
use super::word::words;

words! {
    /// How a server shares its cores among the work that waits for them.
    pub enum Discipline {
        /// First come, first served.
        #[default]
        Fcfs = "fcfs",
        /// Every job gets an equal share at once.
        ProcessorSharing = "processor_sharing",
    }
}

words! {
    /// What a cleanup job takes first of what it did not get through before.
    pub enum CleanupOrder {
        /// What its logs have just brought.
        #[default]
        Newest = "newest",
        /// What has waited for longest.
        Oldest = "oldest",
    }
}

/// A machine with cores.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Server {
    /// Its name, unique among servers.
    pub name: String,
    /// Logical processors.
    pub cores: u32,
    /// How the cores are shared.
    pub discipline: Discipline,
}

/// A MessageBox database and the server that carries it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MessageBox {
    /// Its name.
    pub name: String,
    /// The server it runs on.
    pub server: String,
    /// How often the cleanup jobs run.
    pub cleanup: Duration,
    /// Whether the jobs run at all (R-GC-04).
    pub jobs: bool,
    /// Rows that the memory of the database servers holds; any number if not set.
    pub cached_rows: Option<u64>,
    /// What its cleanup job takes first of what it did not get through before.
    pub cleanup_order: CleanupOrder,
    /// Whether it takes messages that activate something (R-MMB-04).
    pub publishes: bool,
}

pub(crate) static SERVER: Shape = Shape::of(
    "server",
    "a machine with cores",
    &[
        Row::required("name", Kind::Text, "its name, unique among servers"),
        Row::default("cores", Kind::Integer(1, 1024), "4", "logical processors"),
        Row::default(
            "discipline",
            Kind::Word(Discipline::WORDS),
            "'fcfs'",
            "how waiting work shares the cores",
        ),
    ],
);

pub(crate) static MESSAGE_BOX: Shape = Shape::of(
    "message_box",
    "a MessageBox database",
    &[
        Row::required("name", Kind::Text, "its name"),
        Row::required("server", Kind::Text, "the server it runs on"),
        Row::profile(
            "cleanup",
            Kind::PositiveDuration,
            "how often the cleanup jobs run; the first MessageBox says it for all",
        ),
        Row::default(
            "jobs",
            Kind::Bool,
            "true",
            "whether the jobs run; the first MessageBox says it for all",
        ),
        Row::optional(
            "cached_rows",
            Kind::Integer(1, 1_000_000_000_000),
            "any number",
            "rows that the database servers hold in memory; the first MessageBox says it for all",
        ),
        Row::default(
            "cleanup_order",
            Kind::Word(CleanupOrder::WORDS),
            "'newest'",
            "what the jobs take first of what they left; the first MessageBox says it for all",
        ),
        Row::default(
            "publishes",
            Kind::Bool,
            "true",
            "whether messages that activate something go here; the first one is the master",
        ),
    ],
);

impl Bind for Server {
    const SHAPE: &'static Shape = &SERVER;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("name", &mut self.name);
        b.key("cores", &mut self.cores);
        b.key("discipline", &mut self.discipline);
    }
}

impl Bind for MessageBox {
    const SHAPE: &'static Shape = &MESSAGE_BOX;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("name", &mut self.name);
        b.key("server", &mut self.server);
        b.key("cleanup", &mut self.cleanup);
        b.key("jobs", &mut self.jobs);
        b.key("cached_rows", &mut self.cached_rows);
        b.key("cleanup_order", &mut self.cleanup_order);
        b.key("publishes", &mut self.publishes);
    }
}
