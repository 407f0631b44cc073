//! When receive locations and transports may work: dates, and a window of every day.
//!
//! Virtual time begins at midnight.

use floodgate_engine::time::Duration;

use super::bind::{Bind, Binder};
use super::row::{Kind, Row, Shape};

/// A stretch of every day; it may reach over midnight.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Window {
    /// The time of day at which it opens.
    pub from: Duration,
    /// The time of day at which it closes.
    pub until: Duration,
}

/// When a receive location is active.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Active {
    /// Its start date, after the start of the run.
    pub start: Duration,
    /// Its stop date, after the start of the run.
    pub stop: Option<Duration>,
    /// Its service window.
    pub window: Option<Window>,
}

const DAY: Duration = Duration::from_minutes(24 * 60);

pub(crate) static WINDOW: Shape = Shape::of(
    "window",
    "a stretch of every day; it may reach over midnight",
    &[
        Row::required("from", Kind::Duration, "the time of day at which it opens"),
        Row::required("until", Kind::Duration, "the time of day at which it closes"),
    ],
)
.inline();

pub(crate) static ACTIVE: Shape = Shape::of(
    "active",
    "when a receive location is active (R-LIFE-10)",
    &[
        Row::default("start", Kind::Duration, "'0 s'", "its start date, after the run's start"),
        Row::optional("stop", Kind::Duration, "it goes on", "its stop date, after the run's start"),
        Row::optional("window", Kind::Table(&WINDOW), "all day", "its service window"),
    ],
)
.inline();

impl Bind for Window {
    const SHAPE: &'static Shape = &WINDOW;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("from", &mut self.from);
        b.key("until", &mut self.until);
        let help = "times of day are from \"0 s\" to \"24 h\"";
        if b.reading() && self.from > DAY {
            b.refuse("from", "a day has 24 hours", help);
        }
        if b.reading() && self.until > DAY {
            b.refuse("until", "a day has 24 hours", help);
        }
    }
}

impl Bind for Active {
    const SHAPE: &'static Shape = &ACTIVE;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("start", &mut self.start);
        b.key("stop", &mut self.stop);
        b.key("window", &mut self.window);
        if b.reading() && self.stop.is_some_and(|stop| stop <= self.start) {
            b.refuse("stop", "it stops before it starts", "give a later 'stop'");
        }
    }
}
