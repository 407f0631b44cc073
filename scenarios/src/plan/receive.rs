//! Receive ports, their locations and the adapters that fetch messages.

use floodgate_engine::time::Duration;

use super::bind::{Bind, Binder};
use super::component::{MAP, Map, OWN_COMPONENT, OwnComponent};
use super::content::{PROMOTES, Promotes};
use super::distribution::{DISTRIBUTION, Distribution};
use super::exchange::{ANSWERS_ROW, Answers, CLIENTS_ROW, Clients};
use super::property::{DEMAND, Demand};
use super::row::{Kind, Row, Shape};
use super::tracking::{TRACK_ROW, Track};
use super::transactions::OnPoison;
use super::when::{ACTIVE, Active};
use super::word::words;

words! {
    /// Which documented receive adapter the defaults are taken from.
    pub enum ReceiveKind {
        /// A folder: polled, with change notifications, batches by count and bytes.
        #[default]
        File = "file",
        /// Clients that come by themselves and wait for an answer, as those of HTTP do.
        Http = "http",
        /// Pushed by the partner, as HTTP and WCF are: one message a batch, never polled.
        Push = "push",
        /// A queue, as MSMQ is: polled, without notifications.
        Queue = "queue",
    }
}

words! {
    /// The receive pipeline of a location.
    pub enum ReceivePipeline {
        /// The message is taken as it is.
        #[default]
        PassThruReceive = "PassThruReceive",
        /// Envelopes are taken apart, properties promoted.
        XmlReceive = "XMLReceive",
    }
}

words! {
    /// What a receive port does with a message whose sender cannot be authenticated.
    pub enum Authentication {
        /// It is dropped.
        Drop = "drop",
        /// It is suspended.
        Keep = "keep",
        /// Nobody asks.
        #[default]
        None = "none",
    }
}

/// A receive port.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReceivePort {
    /// Its name, unique among receive ports.
    pub name: String,
    /// Whether a map runs on every document.
    pub map: bool,
    /// Maps by document type, tried before that one.
    pub maps: Vec<Map>,
    /// What becomes of messages whose sender cannot be authenticated.
    pub authentication: Authentication,
    /// Whether error messages are published in place of suspensions.
    pub route_failed: bool,
    /// Its way back to its clients, if it is two-way.
    pub two_way: Option<Answers>,
    /// What is tracked of its pipelines.
    pub track: Option<Track>,
    /// Where its messages come in.
    pub locations: Vec<ReceiveLocation>,
}

/// One place where the messages of a receive port come in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReceiveLocation {
    /// Its name; `<port>.<n>` when the file gives none.
    pub name: String,
    /// The host that runs its adapter.
    pub host: String,
    /// How messages are fetched.
    pub adapter: ReceiveAdapter,
    /// What turns a message into documents.
    pub pipeline: ReceivePipeline,
    /// Whether bad documents of an interchange are suspended one by one.
    pub recoverable: bool,
    /// Whether a validator looks at every document.
    pub validate: bool,
    /// The element of real XML whose children are the documents.
    pub envelope: Option<String>,
    /// Fields of the content that become properties (R-PIPE-12).
    pub promotes: Vec<Promotes>,
    /// Components of one's own.
    pub components: Vec<OwnComponent>,
    /// Whether a document whose map fails is suspended alone.
    pub suspend_on_mapping_failure: bool,
    /// Time to fetch one message from the source.
    pub wire: Distribution,
    /// Whether a document without a subscriber is suspended instead of refused.
    pub suspend_on_routing_failure: bool,
    /// When it is active.
    pub active: Active,
    /// What its messages demand of the host that gets them.
    pub demands: Vec<Demand>,
    /// Whether the engine refuses what fails, so that its adapter decides (ActionOnFailure 0).
    pub refuse_failed: bool,
    /// Whether what is suspended cannot be resumed.
    pub non_resumable: bool,
    /// Whether requests come straight back as their own responses.
    pub loop_back: bool,
}

/// How a receive adapter fetches and submits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReceiveAdapter {
    /// The preset the defaults came from.
    pub kind: ReceiveKind,
    /// Messages in one batch, at most.
    pub batch: u32,
    /// Bytes in one batch, at most; no limit when absent.
    pub batch_bytes: Option<u64>,
    /// How often the source is looked at; never when absent.
    pub poll: Option<Duration>,
    /// Whether the source tells of a new message at once.
    pub notify: bool,
    /// Batches that may be with the engine at once.
    pub batches: u32,
    /// Whether messages are read in distributed transactions.
    pub transactional: bool,
    /// What such an adapter does with a message that cannot be submitted.
    pub on_poison: OnPoison,
    /// How long it remembers one.
    pub remember: Duration,
    /// How long its batches have one message after an error.
    pub single_for: Duration,
    /// Wait before it reads again after an abort.
    pub pause: Duration,
    /// How it serves clients, if it has any.
    pub clients: Option<Clients>,
}

impl ReceiveKind {
    /// The adapter's type name, which messages have as `InboundTransportType`.
    #[must_use]
    pub const fn type_name(self) -> &'static str {
        match self {
            Self::File => "FILE",
            Self::Http => "HTTP",
            Self::Push => "PUSH",
            Self::Queue => "QUEUE",
        }
    }
}

impl ReceiveAdapter {
    /// The documented defaults of `kind`.
    #[must_use]
    pub fn preset(kind: ReceiveKind) -> Self {
        let own = Self {
            remember: Duration::from_minutes(5),
            single_for: Duration::from_secs(60),
            pause: Duration::from_secs(1),
            ..Self::default()
        };
        match kind {
            ReceiveKind::File => Self {
                kind,
                batch: 20,
                batch_bytes: Some(102_400),
                poll: Some(Duration::from_secs(60)),
                notify: true,
                batches: 4,
                ..own
            },
            ReceiveKind::Http => Self { kind, batch: 1, notify: true, batches: 1, ..own },
            ReceiveKind::Push => {
                // A pushed message is one call of the partner; WCF admits 200 of them at once.
                Self { kind, batch: 1, notify: true, batches: 200, ..own }
            }
            ReceiveKind::Queue => Self {
                kind,
                batch: 20,
                batch_bytes: None,
                poll: Some(Duration::from_millis(500)),
                notify: false,
                batches: 4,
                ..own
            },
        }
    }
}

const OF_KIND: &str = "as the kind has it";

pub(crate) static RECEIVE_ADAPTER: Shape = Shape::of(
    "receive adapter",
    "how messages are fetched: a preset's name, or a table that changes a preset",
    &[
        Row::required("kind", Kind::Word(ReceiveKind::WORDS), "the preset"),
        Row::optional(
            "batch",
            Kind::Integer(1, 100_000),
            OF_KIND,
            "messages in one batch, at most",
        ),
        Row::optional("batch_bytes", Kind::Size, OF_KIND, "bytes in one batch, at most"),
        Row::optional("poll", Kind::PositiveDuration, OF_KIND, "how often the source is looked at"),
        Row::optional("notify", Kind::Bool, OF_KIND, "whether a new message is told at once"),
        Row::optional(
            "batches",
            Kind::Integer(1, 100_000),
            OF_KIND,
            "batches that may be with the engine at once",
        ),
        Row::default("transactional", Kind::Bool, "false", "read in distributed transactions"),
        Row::default(
            "on_poison",
            Kind::Word(OnPoison::WORDS),
            "'suspend'",
            "what becomes of a message that cannot be submitted (R-TXN-12)",
        ),
        Row::default("remember", Kind::Duration, "'5 min'", "how long its id is known (R-TXN-13)"),
        Row::default("single_for", Kind::Duration, "'1 min'", "single messages after an error"),
        Row::default("pause", Kind::PositiveDuration, "'1 s'", "wait after an abort"),
        CLIENTS_ROW,
    ],
)
.short("kind")
.inline();

pub(crate) static RECEIVE_LOCATION: Shape = Shape::of(
    "receive location",
    "one place where the messages of a receive port come in",
    &[
        Row::optional("name", Kind::Text, "<port>.<n>, counted from 0", "its name"),
        Row::required("host", Kind::Text, "the host that runs its adapter"),
        Row::required("adapter", Kind::Table(&RECEIVE_ADAPTER), "how messages are fetched"),
        Row::default(
            "pipeline",
            Kind::Word(ReceivePipeline::WORDS),
            "'PassThruReceive'",
            "what turns a message into documents",
        ),
        Row::default(
            "recoverable",
            Kind::Bool,
            "false",
            "whether bad documents of an interchange are suspended one by one",
        ),
        Row::default(
            "validate",
            Kind::Bool,
            "false",
            "whether a validator looks at every document",
        ),
        Row::optional(
            "envelope",
            Kind::Text,
            "the root is the document",
            "the element of real XML whose children are the documents",
        ),
        Row::default(
            "promotes",
            Kind::Tables(&PROMOTES),
            "[]",
            "fields of the content that become properties (R-PIPE-12)",
        ),
        Row::default(
            "component",
            Kind::Tables(&OWN_COMPONENT),
            "[]",
            "pipeline components of one's own",
        ),
        Row::default(
            "suspend_on_mapping_failure",
            Kind::Bool,
            "false",
            "whether a document whose map fails is suspended alone",
        ),
        Row::default(
            "wire",
            Kind::Table(&DISTRIBUTION),
            "'0 s'",
            "time to fetch one message from the source",
        ),
        Row::default(
            "suspend_on_routing_failure",
            Kind::Bool,
            "false",
            "whether a document without a subscriber is suspended instead of refused",
        ),
        Row::default("active", Kind::Table(&ACTIVE), "{}", "when it is active (R-LIFE-10)"),
        Row::default(
            "demands",
            Kind::Tables(&DEMAND),
            "[]",
            "what its messages demand of the host that gets them (R-CTX-08)",
        ),
        Row::default(
            "refuse_failed",
            Kind::Bool,
            "false",
            "whether the engine refuses what fails and leaves it to its adapter (ActionOnFailure 0)",
        ),
        Row::default(
            "non_resumable",
            Kind::Bool,
            "false",
            "whether what is suspended cannot be resumed (SuspendAsNonResumable, R-ORD-15)",
        ),
        Row::default(
            "loop_back",
            Kind::Bool,
            "false",
            "whether requests come straight back as their own responses (R-RR-14)",
        ),
    ],
);

pub(crate) static RECEIVE_PORT: Shape = Shape::of(
    "receive_port",
    "a receive port",
    &[
        Row::required("name", Kind::Text, "its name, unique among receive ports"),
        Row::default("map", Kind::Bool, "false", "whether a map runs on every document"),
        Row::default("maps", Kind::Tables(&MAP), "[]", "maps by document type"),
        Row::default(
            "authentication",
            Kind::Word(Authentication::WORDS),
            "'none'",
            "what becomes of messages whose sender cannot be authenticated",
        ),
        Row::default(
            "route_failed",
            Kind::Bool,
            "false",
            "whether error messages are published in place of suspensions",
        ),
        ANSWERS_ROW,
        TRACK_ROW,
        Row::default("location", Kind::Tables(&RECEIVE_LOCATION), "[]", "where messages come in"),
    ],
);

impl Bind for ReceivePort {
    const SHAPE: &'static Shape = &RECEIVE_PORT;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("name", &mut self.name);
        b.key("map", &mut self.map);
        b.key("maps", &mut self.maps);
        b.key("authentication", &mut self.authentication);
        b.key("route_failed", &mut self.route_failed);
        b.key("two_way", &mut self.two_way);
        b.key("track", &mut self.track);
        b.key("location", &mut self.locations);
    }
}

impl Bind for ReceiveLocation {
    const SHAPE: &'static Shape = &RECEIVE_LOCATION;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("name", &mut self.name);
        b.key("host", &mut self.host);
        b.key("adapter", &mut self.adapter);
        b.key("pipeline", &mut self.pipeline);
        b.key("recoverable", &mut self.recoverable);
        b.key("validate", &mut self.validate);
        b.key("envelope", &mut self.envelope);
        b.key("promotes", &mut self.promotes);
        b.key("component", &mut self.components);
        b.key("suspend_on_mapping_failure", &mut self.suspend_on_mapping_failure);
        b.key("wire", &mut self.wire);
        b.key("suspend_on_routing_failure", &mut self.suspend_on_routing_failure);
        b.key("active", &mut self.active);
        b.key("demands", &mut self.demands);
        b.key("refuse_failed", &mut self.refuse_failed);
        b.key("non_resumable", &mut self.non_resumable);
        b.key("loop_back", &mut self.loop_back);
    }
}

impl Bind for ReceiveAdapter {
    const SHAPE: &'static Shape = &RECEIVE_ADAPTER;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("kind", &mut self.kind);
        if b.reading() {
            *self = Self::preset(self.kind);
        }
        b.key("batch", &mut self.batch);
        b.key("batch_bytes", &mut self.batch_bytes);
        b.key("poll", &mut self.poll);
        b.key("notify", &mut self.notify);
        b.key("batches", &mut self.batches);
        b.key("transactional", &mut self.transactional);
        b.key("on_poison", &mut self.on_poison);
        b.key("remember", &mut self.remember);
        b.key("single_for", &mut self.single_for);
        b.key("pause", &mut self.pause);
        b.key("clients", &mut self.clients);
        if b.reading() {
            self.refuse_clients(b);
        }
        if b.reading() && self.transactional {
            self.refuse_transactions(b);
        }
    }
}

impl ReceiveAdapter {
    /// What clients wait for, and what is never asked of them (R-RR-16).
    fn refuse_clients(&self, b: &mut Binder<'_>) {
        if self.kind != ReceiveKind::Http {
            if self.clients.is_some() {
                let message = format!("'{}' adapters have no clients that wait", self.kind.word());
                b.refuse("clients", &message, "take kind = 'http'");
            }
            return;
        }
        let preset = Self::preset(self.kind);
        for (key, differs) in [
            ("batch_bytes", self.batch_bytes != preset.batch_bytes),
            ("poll", self.poll != preset.poll),
            ("notify", self.notify != preset.notify),
            ("batches", self.batches != preset.batches),
        ] {
            if differs {
                b.refuse(
                    key,
                    "clients come by themselves, one at a time",
                    "leave it out; 'clients = { at_once = … }' is the limit",
                );
            }
        }
    }

    /// What a transactional adapter cannot be (R-TXN-13, R-TXN-17, R-ORD-17).
    fn refuse_transactions(&self, b: &mut Binder<'_>) {
        if self.kind != ReceiveKind::Queue {
            let message = format!("'{}' adapters are not transactional", self.kind.word());
            b.refuse("transactional", &message, "R-TXN-17: take kind = 'queue'");
        } else if self.on_poison == OnPoison::Stop && self.batches > 1 {
            b.refuse(
                "on_poison",
                "a message that stops the location would be overtaken by other batches",
                "R-ORD-17: say 'batches = 1'",
            );
        } else if self.on_poison == OnPoison::SuspendOnNextRead
            && self.poll.is_some_and(|poll| self.remember <= poll)
        {
            b.refuse(
                "remember",
                "a message would be forgotten before it is read again, and fail for ever",
                "R-TXN-13: more than 'poll'",
            );
        }
    }
}
