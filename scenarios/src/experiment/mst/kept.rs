//! A capacity that a backlog takes away from the plant: it is carried from an empty start alone.
//!
//! The drift test puts a backlog in, and such a plant then does less. So both ends are tested from
//! an empty start: a little below the capacity nothing grows, a little above it something does, in
//! runs that are long enough to tell the one from the other.

use super::capacity::{Capacity, Curve, Found, Wanted, measure};
use super::pinned::Held;
use super::{CONFIRM_DISTANCE, Search, told, unknown};
use crate::experiment::drift::edge;
use crate::plan::Problems;

/// Runs from an empty start at either end.
const KEPT: usize = 3;
/// At the capacity itself the backlog is within so many standard deviations of nothing, of a plant
/// whose work and arrivals scatter as much as their mean.
const DEVIATIONS: f64 = 4.0;
/// Documents of a run, at most.
const DOCUMENTS_MAX: f64 = 1e6;

impl Search<'_> {
    /// The capacity where the curve is highest, if that is elsewhere than where it was measured.
    pub(super) fn at_the_top(
        &mut self,
        held: &Held<'_>,
        (curve, own): (&Curve, &Capacity),
        wanted: Wanted,
    ) -> Result<Option<Capacity>, Problems> {
        let top = curve.points.iter().filter(|point| point.0 < own.backlog);
        let Some(top) = top.max_by(|a, b| a.1.total_cmp(&b.1)) else { return Ok(None) };
        if top.1 <= own.mean.value + own.mean.half {
            return Ok(None);
        }
        let (found, documents) = measure(held, self.scenario, *top, edge(self.scenario), wanted)?;
        self.documents += documents;
        match found {
            Found::Measured(capacity) => {
                self.broken |= capacity.broken.is_some();
                self.probes.push(told(&capacity));
                Ok(Some(*capacity))
            }
            Found::Unknown(why) => {
                self.probes.push(unknown(top.1, why));
                Ok(None)
            }
        }
    }

    /// The interval of a capacity that a backlog takes away from the plant, if it keeps it from an
    /// empty start and no more than it: then it is the answer, and what is left of it is what the
    /// plant recovers at.
    pub(super) fn kept_from_empty(
        &mut self,
        capacity: &Capacity,
    ) -> Result<Option<(f64, f64)>, Problems> {
        let (value, half) = (capacity.mean.value, capacity.mean.half);
        if half > value * self.ask.precision {
            return Ok(None);
        }
        // Half of what would wait if the excess did: the verdict is in the middle.
        let width = (self.ask.precision / 2.0).max(half / value);
        let away = CONFIRM_DISTANCE * width;
        let enough = (DEVIATIONS / width).powi(2) / KEPT as f64;
        let ends = [value * (1.0 - away), value * (1.0 + away)];
        let rates = ends.map(|rate| [rate; KEPT]).concat();
        let tried = self.long_starts(&rates, enough.min(DOCUMENTS_MAX))?;
        let grown = |from: usize| {
            tried[from..from + KEPT].iter().map(|one| one.grown).sum::<f64>() / KEPT as f64
        };
        let is_kept = grown(0) < width && grown(KEPT) > width;
        if !is_kept {
            let evidence = format!(
                "from an empty start {:.1} % of what came waits at the end at {:.1}/s, {:.1} % at \
                 {:.1}/s: this is not the capacity",
                100.0 * grown(0),
                ends[0],
                100.0 * grown(KEPT),
                ends[1]
            );
            self.probes.push(unknown(value, &evidence));
        }
        Ok(is_kept.then_some((value - half, value + half)))
    }
}
