//! A rate that repeats: the parts of a period, one after another, for ever.

use floodgate_engine::time::{Duration, Instant};

use super::curve::{Curve, Form};
use super::shape::Segment;

/// A part of a period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Part {
    lasts: Duration,
    from: f64,
    to: f64,
}

impl Part {
    pub(super) const fn flat(lasts: Duration, rate: f64) -> Self {
        Self { lasts, from: rate, to: rate }
    }

    pub(super) const fn wave(lasts: Duration, from: f64, to: f64) -> Self {
        Self { lasts, from, to }
    }

    /// Whether it is constant: then it needs no curve.
    fn is_flat(&self) -> bool {
        (self.from - self.to).abs() <= 0.0
    }
}

/// Parts that repeat.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cycle {
    parts: Vec<Part>,
    every: Duration,
    /// From the beginning of its period to each part.
    starts: Vec<Duration>,
    /// How far into the first period the clock starts…
    begun: Duration,
    /// …which is after so many whole parts…
    whole: u64,
    /// …and so much of one.
    into: Duration,
}

impl Cycle {
    /// `parts` that follow each other, the first of them at the instant `begins` of the clock,
    /// which is less than their period; what is before it is the end of a period.
    pub(super) fn new(parts: Vec<Part>, begins: Duration) -> Self {
        let parts: Vec<Part> = parts.into_iter().filter(|part| !part.lasts.is_zero()).collect();
        let mut every = Duration::ZERO;
        let mut starts = Vec::new();
        for part in &parts {
            starts.push(every);
            every += part.lasts;
        }
        let begun = if begins.is_zero() { Duration::ZERO } else { every - begins };
        let whole = starts.iter().filter(|start| **start <= begun).count() as u64 - 1;
        let into = begun - starts[whole as usize];
        Self { parts, every, starts, begun, whole, into }
    }

    /// Whether nothing ever arrives.
    pub(super) fn is_silent(&self) -> bool {
        self.parts.iter().all(|part| part.from <= 0.0 && part.to <= 0.0)
    }

    /// Segment `index` on the clock.
    pub(super) fn segment(&self, index: u64) -> Segment {
        let at = self.whole + index;
        let (period, place) = (at / self.parts.len() as u64, at as usize % self.parts.len());
        let part = &self.parts[place];
        let skipped = if index == 0 { self.into } else { Duration::ZERO };
        let since = self.every.times(period) + self.starts[place] + skipped;
        let from = Instant::ZERO + (since - self.begun);
        let to = from + (part.lasts - skipped);
        let curve = Curve {
            form: Form::Wave,
            from: part.from,
            to: part.to,
            seconds: part.lasts.as_secs_f64(),
            skipped: skipped.as_secs_f64(),
        };
        let per_second = part.from.max(part.to);
        Segment { from, to, per_second, curve: (!part.is_flat()).then_some(curve) }
    }
}
