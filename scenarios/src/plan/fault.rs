//! Faults that a scenario plans.

use floodgate_engine::time::Duration;

use super::bind::{Bind, Binder};
use super::row::{Kind, Row, Shape};
use super::word::words;

words! {
    /// What goes wrong.
    pub enum FaultKind {
        /// The clock of a host instance is wrong (R-CLK-09).
        ClockSkew = "clock_skew",
        /// The database is away: nothing commits (R-SHUT-07).
        DatabaseOffline = "database_offline",
        /// Nothing that a load sends gets to its destination.
        DestinationDown = "destination_down",
        /// The partner's end refuses every call.
        #[default]
        EndpointDown = "endpoint_down",
        /// A host instance dies (R-CRASH-03).
        HostCrash = "host_crash",
        /// A host instance is stopped in good order (R-SHUT-01).
        HostStop = "host_stop",
        /// The source of a receive location is broken: its adapter closes it (R-LIFE-08).
        LocationBroken = "location_broken",
        /// A receive location is disabled (R-LIFE-06).
        LocationDisabled = "location_disabled",
    }
}

words! {
    /// Which transport of a send port.
    pub enum Side {
        /// The backup transport.
        Backup = "backup",
        /// The primary transport.
        #[default]
        Primary = "primary",
    }
}

/// One planned fault.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fault {
    /// When it begins.
    pub at: Duration,
    /// What goes wrong.
    pub kind: FaultKind,
    /// The endpoint it happens to: `Port.primary` or `Port.backup`.
    pub endpoint: Option<String>,
    /// The host whose instance it happens to.
    pub host: Option<String>,
    /// The server of that instance; of a broken location, the only one where it is broken.
    pub server: Option<String>,
    /// The receive location it happens to.
    pub location: Option<String>,
    /// The load it happens to.
    pub load: Option<String>,
    /// How far a clock is ahead.
    pub ahead: Option<Duration>,
    /// How far a clock is behind.
    pub behind: Option<Duration>,
    /// How long it lasts; for ever if not set.
    pub lasts: Option<Duration>,
}

impl FaultKind {
    /// The keys that it needs.
    #[must_use]
    pub const fn needs(self) -> &'static [&'static str] {
        match self {
            Self::ClockSkew | Self::HostCrash | Self::HostStop => &["host", "server"],
            Self::DatabaseOffline => &["lasts"],
            Self::DestinationDown => &["load", "lasts"],
            Self::EndpointDown => &["endpoint", "lasts"],
            Self::LocationBroken | Self::LocationDisabled => &["location"],
        }
    }

    /// Whether `key` says something about it.
    fn knows(self, key: &str) -> bool {
        let is_skew = matches!(self, Self::ClockSkew);
        let may_be_one_of_several = matches!(self, Self::LocationBroken);
        key == "lasts"
            || self.needs().contains(&key)
            || is_skew && CLOCK.contains(&key)
            || may_be_one_of_several && key == "server"
    }
}

/// The two ways in which a clock is wrong.
const CLOCK: &[&str] = &["ahead", "behind"];

impl Fault {
    /// The send port and the transport that the endpoint names.
    #[must_use]
    pub fn transport(&self) -> Option<(&str, Side)> {
        let (port, side) = self.endpoint.as_ref()?.rsplit_once('.')?;
        Some((port, Side::from_word(side)?))
    }
}

pub(crate) static FAULT: Shape = Shape::of(
    "fault",
    "one planned fault",
    &[
        Row::required("at", Kind::Duration, "when it begins"),
        Row::required("kind", Kind::Word(FaultKind::WORDS), "what goes wrong"),
        Row::optional(
            "endpoint",
            Kind::Text,
            "it happens to no endpoint",
            "'Port.primary' or 'Port.backup', for endpoint_down",
        ),
        Row::optional(
            "host",
            Kind::Text,
            "it happens to no host",
            "whose instance dies, stops, or has a wrong clock",
        ),
        Row::optional(
            "server",
            Kind::Text,
            "it happens to no host, or on all its servers",
            "where that instance of the host runs; the only one where a location is broken",
        ),
        Row::optional(
            "location",
            Kind::Text,
            "it happens to no receive location",
            "the receive location, for location_broken and location_disabled",
        ),
        Row::optional(
            "load",
            Kind::Text,
            "it happens to no load",
            "the load whose sends fail, for destination_down",
        ),
        Row::optional(
            "ahead",
            Kind::PositiveDuration,
            "'behind', or the clock is right",
            "how far the clock is ahead, for clock_skew",
        ),
        Row::optional(
            "behind",
            Kind::PositiveDuration,
            "'ahead', or the clock is right",
            "how far the clock is behind, for clock_skew",
        ),
        Row::optional(
            "lasts",
            Kind::PositiveDuration,
            "for ever",
            "how long it lasts; a host starts again after it",
        ),
    ],
);

impl Bind for Fault {
    const SHAPE: &'static Shape = &FAULT;

    fn bind(&mut self, b: &mut Binder<'_>) {
        // A word that is none leaves it open which keys are right.
        let mut kind = (!b.reading()).then_some(self.kind);
        b.key("at", &mut self.at);
        b.key("kind", &mut kind);
        b.key("endpoint", &mut self.endpoint);
        b.key("host", &mut self.host);
        b.key("server", &mut self.server);
        b.key("location", &mut self.location);
        b.key("load", &mut self.load);
        b.key("ahead", &mut self.ahead);
        b.key("behind", &mut self.behind);
        b.key("lasts", &mut self.lasts);
        if let Some(kind) = kind {
            self.kind = kind;
            check_keys(kind, b);
        }
    }
}

/// A fault has the keys of its kind, all of them and no others.
fn check_keys(kind: FaultKind, b: &mut Binder<'_>) {
    if !b.reading() {
        return;
    }
    let word = kind.word();
    for key in kind.needs().iter().filter(|key| !b.has(key)).copied().collect::<Vec<_>>() {
        let help = format!("{word} needs: {}", kind.needs().join(", "));
        b.refuse(key, &format!("'{key}' is missing in fault"), &help);
    }
    for row in FAULT.rows {
        let key = row.key;
        if !["at", "kind"].contains(&key) && !kind.knows(key) && b.has(key) {
            b.refuse(key, &format!("'{key}' says nothing about {word}"), "leave it out");
        }
    }
    if kind == FaultKind::ClockSkew && b.has("ahead") == b.has("behind") {
        let message = "a wrong clock is either ahead or behind";
        b.refuse("ahead", message, "give exactly one of: ahead, behind");
    }
}
