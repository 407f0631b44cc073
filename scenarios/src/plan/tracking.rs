//! Tracking: what services leave behind, and the database that keeps it.

use floodgate_engine::time::Duration;

use super::bind::{Bind, Binder};
use super::row::{Kind, Row, Shape};

/// What is tracked of a service (R-GC-05).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Track {
    /// Its beginning and end, and the messages that came and went.
    pub events: bool,
    /// The message as it came, in full.
    pub before: bool,
    /// The message as it went, in full.
    pub after: bool,
    /// Promoted properties that are kept of the message it makes.
    pub properties: u32,
    /// Bytes of the value of one.
    pub property_size: u64,
}

/// The tracking database, and those who fill and empty it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tracking {
    /// The server that carries the database.
    pub server: String,
    /// How often a tracking host looks where it has found little.
    pub look: Duration,
    /// Rows that one of its threads moves in one transaction.
    pub batch: u32,
    /// Its threads for each MessageBox.
    pub threads: u32,
    /// How often the job runs that copies messages in full.
    pub copy: Duration,
    /// Messages that it copies in one transaction.
    pub copy_batch: u32,
    /// How often the job runs that deletes what is old.
    pub purge: Duration,
    /// Rows that it deletes in one transaction.
    pub purge_batch: u64,
    /// How long is kept what services that are done have left.
    pub keep: Duration,
    /// How long anything is kept.
    pub keep_at_most: Duration,
    /// Rows that the memory of the database's server holds; any number if not set.
    pub cached_rows: Option<u64>,
}

pub(crate) static TRACK: Shape = Shape::of(
    "track",
    "what is tracked of a service; an empty table is its events (R-GC-05)",
    &[
        Row::default(
            "events",
            Kind::Bool,
            "true",
            "its beginning and end, and the messages that came and went",
        ),
        Row::default("before", Kind::Bool, "false", "the message as it came, in full"),
        Row::default("after", Kind::Bool, "false", "the message as it went, in full"),
        Row::default(
            "properties",
            Kind::Integer(0, 10_000),
            "0",
            "promoted properties that are kept of the message it makes; only with events",
        ),
        Row::default("property_size", Kind::Size, "'10 B'", "the value of one"),
    ],
)
.inline();

pub(crate) const TRACK_ROW: Row =
    Row::optional("track", Kind::Table(&TRACK), "it is not tracked", "what is tracked (R-GC-05)");

const BATCH: Kind = Kind::Integer(1, 1_000_000_000);

pub(crate) static TRACKING: Shape = Shape::of(
    "tracking",
    "the tracking database, and those who fill and empty it (R-GC-02, R-GC-05)",
    &[
        Row::required("server", Kind::Text, "the server that carries the database"),
        Row::default(
            "look",
            Kind::PositiveDuration,
            "'1 s'",
            "how often a tracking host looks where it has found little; not published",
        ),
        Row::default(
            "batch",
            Kind::Integer(1, 1_000_000),
            "100",
            "rows that one of its threads moves in one transaction; not published",
        ),
        Row::default("threads", Kind::Integer(1, 1000), "4", "its threads for each MessageBox"),
        Row::default(
            "copy",
            Kind::PositiveDuration,
            "'1 min'",
            "how often the job runs that copies messages in full",
        ),
        Row::default(
            "copy_batch",
            Kind::Integer(1, 1_000_000),
            "1000",
            "messages that it copies in one transaction; not published",
        ),
        Row::default(
            "purge",
            Kind::PositiveDuration,
            "'1 min'",
            "how often the job runs that deletes what is old",
        ),
        Row::default(
            "purge_batch",
            BATCH,
            "100000",
            "rows that it deletes in one transaction; not published",
        ),
        Row::default(
            "keep",
            Kind::PositiveDuration,
            "'7 days'",
            "how long is kept what services that are done have left (soft purge)",
        ),
        Row::default(
            "keep_at_most",
            Kind::PositiveDuration,
            "'30 days'",
            "how long anything is kept, be it done or not (hard purge)",
        ),
        Row::optional(
            "cached_rows",
            Kind::Integer(1, 1_000_000_000_000),
            "any number",
            "rows that its server holds in memory",
        ),
    ],
);

impl Bind for Track {
    const SHAPE: &'static Shape = &TRACK;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("events", &mut self.events);
        b.key("before", &mut self.before);
        b.key("after", &mut self.after);
        b.key("properties", &mut self.properties);
        b.key("property_size", &mut self.property_size);
    }
}

impl Bind for Tracking {
    const SHAPE: &'static Shape = &TRACKING;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("server", &mut self.server);
        b.key("look", &mut self.look);
        b.key("batch", &mut self.batch);
        b.key("threads", &mut self.threads);
        b.key("copy", &mut self.copy);
        b.key("copy_batch", &mut self.copy_batch);
        b.key("purge", &mut self.purge);
        b.key("purge_batch", &mut self.purge_batch);
        b.key("keep", &mut self.keep);
        b.key("keep_at_most", &mut self.keep_at_most);
        b.key("cached_rows", &mut self.cached_rows);
    }
}
