//! Two-way exchanges: ports that answer, ports that ask, clients and partners at their ends.

use floodgate_engine::time::Duration;

use super::bind::{Bind, Binder};
use super::component::{MAP, Map, OWN_COMPONENT, OwnComponent};
use super::receive::ReceivePipeline;
use super::row::{Kind, Row, Shape};
use super::send::SendPipeline;
use super::word::words;

words! {
    /// What becomes of a response that nobody waits for (R-CLK-16).
    pub enum Late {
        /// Its submission fails, and its adapter suspends it.
        #[default]
        Refuse = "refuse",
        /// The engine suspends it.
        Suspend = "suspend",
    }
}

words! {
    /// What a response may overtake (R-CLK-04).
    pub enum Response {
        /// Nothing.
        #[default]
        AfterComplete = "after_complete",
        /// BatchComplete of its request.
        BeforeComplete = "before_complete",
        /// Done of its request.
        BeforeReturn = "before_return",
        /// Drawn from the seed, batch by batch.
        Drawn = "drawn",
    }
}

/// How a receive adapter serves clients who wait for an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Clients {
    /// Clients served at once, at most.
    pub at_once: u32,
    /// Listeners of the location for each CPU of its server.
    pub threads_per_cpu: u32,
    /// How long the adapter lets a request wait; the host's time-out when absent.
    pub timeout: Option<Duration>,
    /// Whether the first response is the last.
    pub first_only: bool,
    /// Whether the engine's thread is held until the client has its answer.
    pub blocking: bool,
    /// Whether a failed request is suspended, not only refused.
    pub suspend_failed: bool,
    /// After how long the adapter withdraws a wait.
    pub cancel_after: Option<Duration>,
    /// After how long a client is gone.
    pub patience: Option<Duration>,
}

/// The way back of a two-way receive port.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answers {
    /// What runs on a response before its adapter has it.
    pub pipeline: SendPipeline,
    /// Components of one's own in it.
    pub components: Vec<OwnComponent>,
    /// Whether a map runs on it before.
    pub map: bool,
    /// The maps that run on it, by type.
    pub maps: Vec<Map>,
    /// What is made of a fault; left as it is when absent.
    pub fault_size: Option<u64>,
}

/// The way back of a two-way send port.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Solicits {
    /// What runs on a partner's reply.
    pub pipeline: ReceivePipeline,
    /// Components of one's own in it.
    pub components: Vec<OwnComponent>,
    /// Whether a map runs on it afterwards.
    pub map: bool,
    /// The maps that run on it, by type.
    pub maps: Vec<Map>,
    /// Whether a reply to a one-way message is refused.
    pub correlated_only: bool,
}

/// What a partner sends back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reply {
    /// Its bytes.
    pub size: u64,
    /// The type that a disassembler finds.
    pub document_type: String,
}

static CLIENTS: Shape = Shape::of(
    "clients",
    "how clients who wait for an answer are served (R-RR-01, R-RR-16)",
    &[
        Row::default("at_once", Kind::Integer(1, 1_000_000), "256", "clients served at once"),
        Row::default(
            "threads_per_cpu",
            Kind::Integer(1, 10),
            "2",
            "listeners for each CPU, who take clients in and submit them (R-HOST-03)",
        ),
        Row::optional(
            "timeout",
            Kind::PositiveDuration,
            "the host's response_timeout",
            "how long a request waits for its response",
        ),
        Row::default("first_only", Kind::Bool, "true", "whether the first response is the last"),
        Row::default("blocking", Kind::Bool, "false", "hold the engine's thread while answering"),
        Row::default(
            "suspend_failed",
            Kind::Bool,
            "false",
            "whether a failed request is suspended, not only refused (R-SUSP-02)",
        ),
        Row::optional(
            "cancel_after",
            Kind::PositiveDuration,
            "never",
            "after how long the adapter withdraws a wait (R-RR-11)",
        ),
        Row::optional(
            "patience",
            Kind::PositiveDuration,
            "for ever",
            "after how long a client is gone and hears no answer",
        ),
    ],
)
.inline();

const COMPONENTS_ROW: Row =
    Row::default("component", Kind::Tables(&OWN_COMPONENT), "[]", "components of one's own in it");

const MAPS_ROW: Row =
    Row::default("maps", Kind::Tables(&MAP), "[]", "the maps that run on it, by type");

static ANSWERS: Shape = Shape::of(
    "two-way receive port",
    "the way back to the clients (R-RR-04)",
    &[
        Row::default(
            "pipeline",
            Kind::Word(SendPipeline::WORDS),
            "'PassThruTransmit'",
            "what runs on a response or a fault",
        ),
        Row::default("map", Kind::Bool, "false", "whether a map runs on it before"),
        COMPONENTS_ROW,
        MAPS_ROW,
        Row::optional(
            "fault_size",
            Kind::Size,
            "faults are left as they are",
            "bytes of what the map or the pipeline makes of a fault (R-ADD-06)",
        ),
    ],
)
.inline();

static SOLICITS: Shape = Shape::of(
    "two-way send port",
    "the way back from the partner (R-SR-03)",
    &[
        Row::default(
            "pipeline",
            Kind::Word(ReceivePipeline::WORDS),
            "'PassThruReceive'",
            "what runs on a reply",
        ),
        Row::default("map", Kind::Bool, "false", "whether a map runs on it afterwards"),
        COMPONENTS_ROW,
        MAPS_ROW,
        Row::default(
            "correlated_only",
            Kind::Bool,
            "false",
            "whether a reply to a message that came one way is refused (R-SR-07)",
        ),
    ],
)
.inline();

static REPLY: Shape = Shape::of(
    "reply",
    "what the partner sends back",
    &[
        Row::default("size", Kind::Size, "'1 KB'", "its bytes"),
        Row::default("document_type", Kind::Text, "'Reply'", "the type a disassembler finds"),
    ],
)
.inline();

/// The row of a receive adapter's clients.
pub(super) const CLIENTS_ROW: Row = Row::optional(
    "clients",
    Kind::Table(&CLIENTS),
    "as documented for HTTP",
    "how the clients of an 'http' adapter are served",
);

/// The row of a receive port's way back.
pub(super) const ANSWERS_ROW: Row =
    Row::optional("two_way", Kind::Table(&ANSWERS), "it is one-way", "the way back to its clients");

/// The row of a send port's way back.
pub(super) const SOLICITS_ROW: Row = Row::optional(
    "two_way",
    Kind::Table(&SOLICITS),
    "it is one-way",
    "the way back from its partner",
);

/// The row of what a partner replies.
pub(super) const REPLY_ROW: Row = Row::optional(
    "reply",
    Kind::Table(&REPLY),
    "the partner never replies",
    "what the partner of a two-way port sends back",
);

impl Bind for Clients {
    const SHAPE: &'static Shape = &CLIENTS;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("at_once", &mut self.at_once);
        b.key("threads_per_cpu", &mut self.threads_per_cpu);
        b.key("timeout", &mut self.timeout);
        b.key("first_only", &mut self.first_only);
        b.key("blocking", &mut self.blocking);
        b.key("suspend_failed", &mut self.suspend_failed);
        b.key("cancel_after", &mut self.cancel_after);
        b.key("patience", &mut self.patience);
    }
}

impl Bind for Answers {
    const SHAPE: &'static Shape = &ANSWERS;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("pipeline", &mut self.pipeline);
        b.key("map", &mut self.map);
        b.key("component", &mut self.components);
        b.key("maps", &mut self.maps);
        b.key("fault_size", &mut self.fault_size);
    }
}

impl Bind for Solicits {
    const SHAPE: &'static Shape = &SOLICITS;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("pipeline", &mut self.pipeline);
        b.key("map", &mut self.map);
        b.key("component", &mut self.components);
        b.key("maps", &mut self.maps);
        b.key("correlated_only", &mut self.correlated_only);
    }
}

impl Bind for Reply {
    const SHAPE: &'static Shape = &REPLY;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("size", &mut self.size);
        b.key("document_type", &mut self.document_type);
    }
}
