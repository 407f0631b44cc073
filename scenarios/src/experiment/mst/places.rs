//! How much of its places a document takes when nothing is in its way, and so how many documents
//! would fill them.
//!
//! A place that is held while what stops the plant is waited for is held the longer, the more there
//! is to do. Two looks at a plant that is not full, at a tenth and at half of what it can do, tell
//! what a document would hold where it waits for nothing: the waiting at what stops the plant is
//! known at both, and where it is not it grows like that of any line, by ρ / (1 − ρ). What grows
//! for another reason, or falls because more goes into a batch, is not carried that far: then only
//! so much is said as was seen.

use floodgate_engine::time::{Duration, Instant};
use floodgate_sim::outcome::Outcome;
use floodgate_sim::world::World;

use crate::experiment::fuel::Fuel;
use crate::experiment::sweep::Estimate;
use crate::plan::Problems;

/// Parts of a look, whose scatter says how sure it is.
const PARTS: u32 = 10;
/// By so little more or less a document holds as much; and by so much more the places hold more
/// documents.
const LITTLE_MORE: f64 = 0.05;
/// Half of an interval within which the bound is known.
const KNOWN: f64 = 0.1;
/// What a line is at a tenth of what it can do, as a share of what it is more at half.
const LINE: f64 = 0.125;

/// Places of a plant that is not full, seen at every instant.
#[derive(Debug)]
pub(super) struct Easy {
    pub(super) outcome: Outcome,
    pub(super) documents: u64,
    /// Seconds of the look.
    seconds: f64,
    parts: Vec<Part>,
}

#[derive(Debug)]
struct Part {
    /// Documents that were offered.
    documents: f64,
    /// Seconds of all places of a kind together.
    taken: Vec<f64>,
}

/// The load at which something would be full.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bound {
    pub(super) at: f64,
    /// Or at more than that.
    pub(super) is_least: bool,
}

impl Bound {
    /// What is never full.
    pub(super) const NEVER: Self = Self { at: f64::INFINITY, is_least: false };
}

/// What a document waits, in seconds: at what stops the plant, if that has a line, and elsewhere.
#[derive(Clone, Copy, Debug)]
struct Waits {
    first: Option<f64>,
    others: f64,
}

/// What a document takes of some places at one load, in seconds, and what it waits there.
#[derive(Clone, Copy, Debug)]
struct Taken {
    each: Estimate,
    waits: Waits,
}

impl Easy {
    /// Looks at the places of `world` from `from` to `to`, whenever anything has happened.
    pub(super) fn look(
        mut world: World,
        (from, to): (Instant, Instant),
        fuel: &mut Fuel<'_>,
    ) -> Result<Self, Problems> {
        fuel.run_until(&mut world, from)?;
        let seconds = to.since(from).as_secs_f64();
        let step = seconds / f64::from(PARTS);
        let (mut parts, mut since) = (Vec::new(), from);
        for part in 1..=PARTS {
            let until = to.min(from + Duration::from_secs_f64(step * f64::from(part)));
            parts.push(Part::of(&mut world, (since, until), fuel)?);
            since = until;
        }
        let documents = world.meters().offered;
        Ok(Self { outcome: world.conclude(), documents, seconds, parts })
    }

    /// How many of the places of this number are taken, on average.
    pub(super) fn taken(&self, number: usize) -> f64 {
        self.parts.iter().map(|part| part.taken[number]).sum::<f64>() / self.seconds
    }

    fn offered(&self) -> f64 {
        self.parts.iter().map(|part| part.documents).sum()
    }

    /// What a document takes of them: a ratio, whose scatter is that of what a part has too much.
    fn each(&self, number: usize) -> Option<Estimate> {
        let documents = self.offered();
        let each = self.taken(number) * self.seconds / documents;
        let mean = documents / self.parts.len() as f64;
        let over = |part: &Part| each + (part.taken[number] - each * part.documents) / mean;
        Estimate::of(&self.parts.iter().map(over).collect::<Vec<_>>()).filter(|_| documents > 0.0)
    }

    /// What a document waits at `first`, if that has a line, and elsewhere.
    fn waits(&self, is_first: Option<&dyn Fn(&str) -> bool>) -> Waits {
        let each = self.seconds / self.offered();
        let mut waits = Waits { first: is_first.map(|_| 0.0), others: 0.0 };
        for (name, usage) in &self.outcome.resources {
            match &mut waits.first {
                Some(first) if is_first.is_some_and(|is| is(name)) => {
                    *first += usage.queue_mean * each;
                }
                _ => waits.others += usage.queue_mean * each,
            }
        }
        waits
    }
}

/// The load at which so many places would be full, of which a document takes so much in a plant
/// that has little and in one that has half as much to do as it can; full, it has them take `seen`
/// at least.
fn bound_of(places: f64, [little, half]: [Taken; 2], seen: f64) -> Bound {
    let error = |of: &Taken| f64::midpoint(of.each.high, -of.each.low);
    let (least, most) = (error(&little), error(&half));
    let rise = half.each.mean - little.each.mean;
    // What grows because of what stops the plant, and what of that is there with little to do.
    let (share, grows) = match (little.waits.first, half.waits.first) {
        (Some(little), Some(half)) if half > little => (little / (half - little), half - little),
        (Some(_), Some(_)) => (LINE, 0.0),
        _ => (LINE, rise - (half.waits.others - little.waits.others).max(0.0)),
    };
    let explained = rise.min(grows).max(0.0);
    let alone = little.each.mean - share * explained;
    let rest = (rise - explained).abs();
    let error = libm::hypot((1.0 + share) * least, share * most);
    let is_straight = share <= 1.0 && rest <= (LITTLE_MORE * alone).max(least + most);
    if !is_straight {
        return Bound { at: (places / half.each.mean).max(seen), is_least: true };
    }
    let (low, at) = (places / (alone + error), places / alone);
    let is_known = error <= KNOWN * alone && at >= seen * (1.0 - LITTLE_MORE);
    Bound { at: if is_known { at } else { low.max(seen) }, is_least: !is_known }
}

/// The same for the places of this number, from looks at such plants.
pub(super) fn bound(
    (number, places): (usize, f64),
    [little, half]: [&Easy; 2],
    is_first: Option<&dyn Fn(&str) -> bool>,
    seen: f64,
) -> Bound {
    let taken = |easy: &Easy| Some(Taken { each: easy.each(number)?, waits: easy.waits(is_first) });
    match (taken(little), taken(half)) {
        (Some(a), Some(b)) if a.each.mean > 0.0 => bound_of(places, [a, b], seen),
        // Of what is hardly ever taken nothing is known but that.
        _ => Bound::NEVER,
    }
}

impl Part {
    fn of(
        world: &mut World,
        (mut since, until): (Instant, Instant),
        fuel: &mut Fuel<'_>,
    ) -> Result<Self, Problems> {
        let before = world.meters().offered;
        let (mut busy, mut sums) = (Vec::new(), Vec::new());
        while since < until {
            world.taken(&mut busy);
            sums.resize(busy.len(), 0_u128);
            let next = world.next_instant().map_or(until, |at| at.min(until));
            let span = u128::from(next.since(since).as_nanos());
            for (sum, busy) in sums.iter_mut().zip(&busy) {
                *sum += span * u128::from(*busy);
            }
            since = next;
            if next < until {
                fuel.run_until(world, next + Duration::from_nanos(1))?;
            }
        }
        let documents = (world.meters().offered - before) as f64;
        Ok(Self { documents, taken: sums.iter().map(|sum| *sum as f64 / 1e9).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(each: f64, first: Option<f64>, others: f64) -> Taken {
        let each = Estimate { mean: each, low: each * 0.99, high: each * 1.01 };
        Taken { each, waits: Waits { first, others } }
    }

    fn about(of: [Taken; 2]) -> (f64, bool) {
        let found = bound_of(3.0, of, 100.0);
        (found.at.round(), found.is_least)
    }

    #[test]
    fn what_is_held_behind_the_first_limit_is_free_without_it() {
        // Three places, held for 10 ms of work and for a line before it: M/M/1, and M/G/1 with a
        // variance of four times as much.
        for (little, half) in [(1.0 / 9.0, 1.0), (2.5 / 9.0, 2.5)] {
            let of = |line: f64| taken(0.01 * (1.0 + line), Some(0.01 * line), 0.0);
            assert_eq!(about([of(little), of(half)]), (300.0, false));
            // Where it has no line that is seen, theirs is like any other.
            let of = |line: f64| taken(0.01 * (1.0 + line), None, 0.0);
            assert_eq!(about([of(little), of(half)]), (300.0, false));
        }
        // Lots wait for themselves, however few there are.
        let of = |line: f64| taken(0.01 * (1.0 + line), Some(0.01 * line), 0.0);
        assert_eq!(about([of(1.0), of(1.4)]), (125.0, true));
    }

    #[test]
    fn what_grows_for_another_reason_is_known_to_be_as_much_as_was_seen() {
        // Another line, nothing that waits, more in a batch.
        let half = taken(0.02, Some(0.001), 0.01);
        assert_eq!(about([taken(0.01, Some(0.0001), 0.001), half]), (150.0, true));
        let half = taken(0.02, None, 0.01);
        assert_eq!(about([taken(0.01, None, 0.001), half]), (150.0, true));
        let half = taken(0.01, Some(0.01), 0.0);
        assert_eq!(about([taken(0.02, Some(0.001), 0.0), half]), (300.0, true));
        // The full plant had the places take more than that.
        let found = bound_of(3.0, [taken(0.06, None, 0.0), taken(0.04, None, 0.0)], 100.0);
        assert_eq!((found.at.round(), found.is_least), (100.0, true));
    }

    #[test]
    fn what_scatters_is_known_to_be_at_least_so_much() {
        let wide = |each: f64| {
            let each = Estimate { mean: each, low: each * 0.8, high: each * 1.2 };
            Taken { each, waits: Waits { first: None, others: 0.0 } }
        };
        assert_eq!(about([wide(0.01), wide(0.01)]), (245.0, true));
    }
}
