//! Send ports, their transports and what retries and failures they have.

use floodgate_engine::retry::INTERVAL_MAX;
use floodgate_engine::time::Duration;

use super::bind::{Bind, Binder, choice};
use super::component::{MAP, Map, OWN_COMPONENT, OwnComponent};
use super::content::{DEMOTES, Demotes};
use super::distribution::{DISTRIBUTION, Distribution};
use super::dynamic::{DYNAMIC, Dynamic};
use super::exchange::{REPLY_ROW, Reply, SOLICITS_ROW, Solicits};
use super::filter::Filter;
use super::row::{Kind, Row, Shape};
use super::send_adapter::{SEND_ADAPTER, SendAdapter};
use super::tracking::{TRACK_ROW, Track};
use super::when::{WINDOW, Window};
use super::word::words;

words! {
    /// The send pipeline of a port.
    pub enum SendPipeline {
        /// The document is sent as it is.
        #[default]
        PassThruTransmit = "PassThruTransmit",
        /// Envelopes and properties are put back.
        XmlTransmit = "XMLTransmit",
    }
}

words! {
    /// Whether a send port subscribes and sends.
    pub enum PortState {
        /// No subscription: what it would match finds no subscriber.
        Bound = "bound",
        /// Subscribed and sending.
        #[default]
        Started = "started",
        /// Subscribed; its messages wait suspended.
        Stopped = "stopped",
    }
}

/// A send port.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SendPort {
    /// Its name, unique among send ports.
    pub name: String,
    /// The host that sends.
    pub host: String,
    /// What it subscribes to; only direct delivery when absent.
    pub filter: Option<Filter>,
    /// Ordered delivery.
    pub ordered: bool,
    /// Whether an ordered port stops at the first failed message.
    pub stop_on_failure: bool,
    /// Priority of dequeuing, 1 first.
    pub priority: u32,
    /// What runs on a document before the adapter has it.
    pub pipeline: SendPipeline,
    /// Whether a map runs on every document.
    pub map: bool,
    /// Maps by document type, tried before that one.
    pub maps: Vec<Map>,
    /// Properties that are written into the content (R-PIPE-12).
    pub demotes: Vec<Demotes>,
    /// Components of one's own.
    pub components: Vec<OwnComponent>,
    /// Whether error messages are published in place of suspensions.
    pub route_failed: bool,
    /// Its way back from its partner, if it is two-way.
    pub two_way: Option<Solicits>,
    /// Whether its transmissions are acknowledged.
    pub notify_delivery: bool,
    /// What is tracked of its pipeline.
    pub track: Option<Track>,
    /// Whether it subscribes and sends.
    pub state: PortState,
    /// That every message says where it goes.
    pub dynamic: Option<Dynamic>,
    /// The transport tried first.
    pub primary: Transport,
    /// The transport tried when the primary has used up its retries.
    pub backup: Option<Transport>,
}

/// One transport of a send port, and the partner's end of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transport {
    /// How documents are sent.
    pub adapter: SendAdapter,
    /// How often and when a failed attempt is repeated.
    pub retry: Retry,
    /// Time of one call on the wire.
    pub wire: Distribution,
    /// Calls the partner takes at once; 0 = no limit.
    pub limit: u32,
    /// Calls that the partner lets begin in the long run and at once.
    pub quota: Option<Quota>,
    /// The host of this transport; the port's when the file gives none.
    pub host: String,
    /// Its service window; outside of it messages wait.
    pub window: Option<Window>,
    /// The receive port where a document arrives when its call is done.
    pub forward_to: Option<String>,
    /// How an adapter that `resolves` learns that it is this end.
    pub errand: Errand,
    /// What the partner of a two-way port sends back.
    pub reply: Option<Reply>,
    /// Which attempts fail by plan.
    pub fail: Option<Failure>,
    /// How long a failing call takes; as long as the wire when absent.
    pub fail_takes: Option<Duration>,
}

/// How an adapter learns what defines the endpoint of a message.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Errand {
    /// Time until it knows.
    pub takes: Distribution,
    /// For which attempts it does not learn it.
    pub fail: Option<Failure>,
    /// The property with the credentials, where they are part of the endpoint.
    pub credentials: Option<String>,
}

/// A partner's quota: a token bucket that is full at the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Quota {
    /// Calls per second in the long run.
    pub rate: f64,
    /// Calls that may begin at once after a pause.
    pub burst: u32,
}

/// RetryCount and RetryInterval.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Retry {
    /// Attempts after the first.
    pub count: u32,
    /// Time between attempts.
    pub interval: Duration,
}

/// Which attempts fail by plan.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// All of them.
    Always,
    /// Every attempt of every n-th document.
    Every(u64),
    /// The first n attempts of every message.
    First(u32),
    /// So many of a thousand, drawn.
    PerMille(u32),
}

impl Default for Failure {
    fn default() -> Self {
        Self::First(0)
    }
}

static RETRY: Shape = Shape::of(
    "retry",
    "how often and when a failed attempt is repeated",
    &[
        Row::default("count", Kind::Integer(0, 1000), "3", "attempts after the first"),
        Row::default("interval", Kind::Duration, "'5 min'", "time between attempts"),
    ],
)
.inline();

static QUOTA: Shape = Shape::of(
    "quota",
    "a partner that meters its callers: a token bucket, full at the beginning",
    &[
        Row::required("rate", Kind::Number(1e-6, 1e9), "calls per second in the long run"),
        Row::default(
            "burst",
            Kind::Integer(1, 1_000_000),
            "1",
            "calls that may begin at once after a pause",
        ),
    ],
)
.inline();

static ERRAND: Shape = Shape::of(
    "errand",
    "how an adapter that 'resolves' learns what defines the endpoint (R-ADD-04)",
    &[
        Row::default("takes", Kind::Table(&DISTRIBUTION), "'0 s'", "time until it knows"),
        Row::optional("fail", Kind::Table(&FAILURE), "it always learns it", "failing attempts"),
        Row::optional(
            "credentials",
            Kind::Text,
            "the location alone is the endpoint",
            "the property with the credentials, where they are part of the endpoint",
        ),
    ],
)
.inline();

const ANOTHER: &str = "another form is used";
const FAILURES: &[&str] = &["first", "per_mille", "every", "always"];

pub(crate) static FAILURE: Shape = Shape::of(
    "failure script",
    "which attempts fail by plan",
    &[
        Row::optional(
            "first",
            Kind::Integer(1, 1_000_000),
            ANOTHER,
            "the first n of every message",
        ),
        Row::optional("per_mille", Kind::Integer(1, 1000), ANOTHER, "n of a thousand, drawn"),
        Row::optional(
            "every",
            Kind::Integer(1, 1_000_000_000),
            ANOTHER,
            "every attempt of the documents whose number among all that come in, replies included, is a \
             multiple of n: a count of a port's own calls would let the order of sending choose them",
        ),
        Row::optional("always", Kind::Yes, ANOTHER, "all of them"),
    ],
)
.one_of(FAILURES)
.inline();

pub(crate) static TRANSPORT: Shape = Shape::of(
    "transport",
    "one transport of a send port, and the partner's end of it",
    &[
        Row::required("adapter", Kind::Table(&SEND_ADAPTER), "how documents are sent"),
        Row::default("retry", Kind::Table(&RETRY), "{}", "repeating failed attempts"),
        Row::default("wire", Kind::Table(&DISTRIBUTION), "'0 s'", "time of one call on the wire"),
        Row::default(
            "limit",
            Kind::Integer(0, 1_000_000),
            "0",
            "calls the partner takes at once; 0 = no limit",
        ),
        Row::optional(
            "quota",
            Kind::Table(&QUOTA),
            "as many calls a second as there are",
            "calls that the partner lets begin in the long run; the others wait in line",
        ),
        Row::optional("host", Kind::Text, "the port's host", "the host of this transport"),
        Row::optional(
            "window",
            Kind::Table(&WINDOW),
            "all day",
            "its service window: outside of it messages wait (R-SW-01)",
        ),
        Row::optional(
            "forward_to",
            Kind::Text,
            "it leaves the plant",
            "the receive port where a document arrives when its call is done",
        ),
        Row::default("errand", Kind::Table(&ERRAND), "{}", "asked before by what 'resolves'"),
        REPLY_ROW,
        Row::optional(
            "fail",
            Kind::Table(&FAILURE),
            "no attempt fails by plan",
            "failing attempts",
        ),
        Row::optional(
            "fail_takes",
            Kind::Duration,
            "as long as the wire",
            "how long a failing call takes",
        ),
    ],
);

pub(crate) static SEND_PORT: Shape = Shape::of(
    "send_port",
    "a send port",
    &[
        Row::required("name", Kind::Text, "its name, unique among send ports"),
        Row::required("host", Kind::Text, "the host that sends"),
        Row::optional("filter", Kind::Filter, "only direct delivery", "what it subscribes to"),
        Row::default("ordered", Kind::Bool, "false", "ordered delivery"),
        Row::default(
            "stop_on_failure",
            Kind::Bool,
            "false",
            "whether an ordered port stops at the first failed message",
        ),
        Row::default("priority", Kind::Integer(1, 10), "7", "priority of dequeuing, 1 first"),
        Row::default(
            "pipeline",
            Kind::Word(SendPipeline::WORDS),
            "'PassThruTransmit'",
            "what runs on a document before the adapter has it",
        ),
        Row::default("map", Kind::Bool, "false", "whether a map runs on every document"),
        Row::default("maps", Kind::Tables(&MAP), "[]", "maps by document type"),
        Row::default(
            "demotes",
            Kind::Tables(&DEMOTES),
            "[]",
            "properties that are written into the content (R-PIPE-12)",
        ),
        Row::default(
            "component",
            Kind::Tables(&OWN_COMPONENT),
            "[]",
            "pipeline components of one's own",
        ),
        Row::default(
            "route_failed",
            Kind::Bool,
            "false",
            "whether error messages are published in place of suspensions",
        ),
        SOLICITS_ROW,
        Row::default(
            "notify_delivery",
            Kind::Bool,
            "false",
            "whether its transmissions are acknowledged to who subscribes (R-ACK-01)",
        ),
        TRACK_ROW,
        Row::default(
            "state",
            Kind::Word(PortState::WORDS),
            "'started'",
            "whether it subscribes and sends",
        ),
        Row::optional(
            "dynamic",
            Kind::Table(&DYNAMIC),
            "all go where 'primary' says",
            "that every message says where it goes",
        ),
        Row::required("primary", Kind::Table(&TRANSPORT), "the transport tried first"),
        Row::optional(
            "backup",
            Kind::Table(&TRANSPORT),
            "no backup transport",
            "the transport tried when the primary has used up its retries",
        ),
    ],
);

impl Bind for SendPort {
    const SHAPE: &'static Shape = &SEND_PORT;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("name", &mut self.name);
        b.key("host", &mut self.host);
        b.key("filter", &mut self.filter);
        b.key("ordered", &mut self.ordered);
        b.key("stop_on_failure", &mut self.stop_on_failure);
        b.key("priority", &mut self.priority);
        b.key("pipeline", &mut self.pipeline);
        b.key("map", &mut self.map);
        b.key("maps", &mut self.maps);
        b.key("demotes", &mut self.demotes);
        b.key("component", &mut self.components);
        b.key("route_failed", &mut self.route_failed);
        b.key("two_way", &mut self.two_way);
        b.key("notify_delivery", &mut self.notify_delivery);
        b.key("track", &mut self.track);
        b.key("state", &mut self.state);
        b.key("dynamic", &mut self.dynamic);
        b.key("primary", &mut self.primary);
        b.key("backup", &mut self.backup);
    }
}

impl Bind for Transport {
    const SHAPE: &'static Shape = &TRANSPORT;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("adapter", &mut self.adapter);
        b.key("retry", &mut self.retry);
        b.key("wire", &mut self.wire);
        b.key("limit", &mut self.limit);
        b.key("quota", &mut self.quota);
        b.key("host", &mut self.host);
        b.key("window", &mut self.window);
        b.key("forward_to", &mut self.forward_to);
        b.key("errand", &mut self.errand);
        b.key("reply", &mut self.reply);
        b.key("fail", &mut self.fail);
        b.key("fail_takes", &mut self.fail_takes);
    }
}

impl Bind for Quota {
    const SHAPE: &'static Shape = &QUOTA;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("rate", &mut self.rate);
        b.key("burst", &mut self.burst);
    }
}

impl Bind for Errand {
    const SHAPE: &'static Shape = &ERRAND;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("takes", &mut self.takes);
        b.key("fail", &mut self.fail);
        b.key("credentials", &mut self.credentials);
    }
}

impl Bind for Retry {
    const SHAPE: &'static Shape = &RETRY;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("count", &mut self.count);
        b.key("interval", &mut self.interval);
        if b.reading() && self.interval > INTERVAL_MAX {
            b.refuse("interval", "attempts are at most 525600 minutes apart", "take less");
        }
    }
}

impl Bind for Failure {
    const SHAPE: &'static Shape = &FAILURE;

    fn bind(&mut self, b: &mut Binder<'_>) {
        choice!(self, b, {
            "first" => First,
            "per_mille" => PerMille,
            "every" => Every,
            "always" => unit Always,
        });
    }
}
