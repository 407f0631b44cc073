//! Phases: what an experiment goes through, one stretch of time after another.

use floodgate_engine::time::{Duration, Instant};

use super::bind::{Bind, Binder};
use super::row::{Kind, Row, Shape};
use super::scenario::Scenario;
use super::word::words;

words! {
    /// What a phase is for.
    pub enum PhaseKind {
        /// No load: what is under way is finished.
        Drain = "drain",
        /// A backlog is made.
        Fill = "fill",
        /// More than usual, for a while; measured.
        Flood = "flood",
        /// The load that the experiment is about; measured.
        #[default]
        Hold = "hold",
        /// A few messages, so that everything has been touched once.
        Prime = "prime",
        /// Up to the usual state.
        WarmUp = "warm_up",
    }
}

impl PhaseKind {
    /// Whether rates and latencies are measured in it.
    #[must_use]
    pub const fn is_measured(self) -> bool {
        match self {
            Self::Flood | Self::Hold => true,
            Self::Drain | Self::Fill | Self::Prime | Self::WarmUp => false,
        }
    }
}

/// One phase.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Phase {
    /// What it is for.
    pub kind: PhaseKind,
    /// Its name; its kind when the file gives none.
    pub name: String,
    /// How long it lasts; the last drain at most.
    pub lasts: Duration,
    /// How fast the clocks of the loads run.
    pub pace: Option<f64>,
}

impl Phase {
    /// How fast the clocks of the loads run: not at all in a drain, and else as they are.
    #[must_use]
    pub fn speed(&self) -> f64 {
        self.pace.unwrap_or(if self.kind == PhaseKind::Drain { 0.0 } else { 1.0 })
    }
}

/// When the loads of an experiment with phases end, and what is measured of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Timetable {
    /// Each phase's beginning and end, in order.
    pub spans: Vec<(Instant, Instant)>,
    /// When the last phase with a load is over.
    pub loads_end: Instant,
    /// From the first measured phase to the end of the last.
    pub measured: (Instant, Instant),
}

impl Scenario {
    /// How long the run may go on after the loads: a drain at the end of the phases says it.
    #[must_use]
    pub fn drain_at_most(&self) -> Duration {
        match self.phases.last() {
            Some(last) if last.kind == PhaseKind::Drain => last.lasts,
            Some(_) | None => self.drain,
        }
    }

    /// The timetable of its phases, if it has any.
    #[must_use]
    pub fn timetable(&self) -> Option<Timetable> {
        let mut at = Instant::ZERO;
        let span = |phase: &Phase| {
            let from = at;
            at = from + phase.lasts;
            (from, at)
        };
        let spans: Vec<(Instant, Instant)> = self.phases.iter().map(span).collect();
        let end = spans.last()?.1;
        let of = |wanted: fn(&Phase) -> bool| {
            let phases = self.phases.iter().zip(&spans);
            phases.filter(move |(phase, _)| wanted(phase)).map(|(_, span)| *span)
        };
        let loaded = of(|phase| phase.speed() > 0.0).next_back();
        let measured = || of(|phase| phase.kind.is_measured());
        Some(Timetable {
            loads_end: loaded.map_or(Instant::ZERO, |span| span.1),
            measured: match (measured().next(), measured().next_back()) {
                (Some(first), Some(last)) => (first.0, last.1),
                _ => (Instant::ZERO, end),
            },
            spans,
        })
    }
}

pub(crate) static PHASE: Shape = Shape::of(
    "phase",
    "a stretch of time of the experiment; they follow each other",
    &[
        Row::required("kind", Kind::Word(PhaseKind::WORDS), "what it is for"),
        Row::optional("name", Kind::Text, "its kind", "its name"),
        Row::required(
            "lasts",
            Kind::PositiveDuration,
            "how long it lasts; a drain at the end at most so long",
        ),
        Row::optional(
            "pace",
            Kind::Number(0.0, 1e6),
            "1, and 0 in a drain",
            "how fast the clocks of the loads run: 2 is twice the load",
        ),
    ],
);

impl Bind for Phase {
    const SHAPE: &'static Shape = &PHASE;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("kind", &mut self.kind);
        b.key("name", &mut self.name);
        b.key("lasts", &mut self.lasts);
        b.key("pace", &mut self.pace);
        let loaded = self.pace.is_some_and(|pace| pace > 0.0);
        if b.reading() && self.kind == PhaseKind::Drain && loaded {
            b.refuse("pace", "a drain has no load", "leave 'pace' out, or say 'hold'");
        }
    }
}
