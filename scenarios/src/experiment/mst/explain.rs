//! What stops a plant, and what the answer follows, told once the answer is known.

use floodgate_engine::time::Duration;
use floodgate_reports::{Limit, MstRecord, MstVerdict};

use super::Search;
use super::capacity::Capacity;
use super::elasticity::elasticities;
use super::limit::{Plant, limits};
use super::pinned::Held;
use crate::experiment::drift::ladder;
use crate::plan::Problems;

/// A plant whose capacity could only be bracketed is looked at for so long, when it has run for so
/// long.
const UNKNOWN_WARM_UP: Duration = Duration::from_secs(60);
const UNKNOWN_SECONDS: f64 = 60.0;
const UNKNOWN_DOCUMENTS: f64 = 20_000.0;
/// What elasticities are of.
const OF_CAPACITY: &str = "the capacity";
/// The same where another load was found, of which nothing is told: a goal binds that has no line.
const OF_CAPACITY_ALONE: &str = "the capacity, not the load found,";
const OF_GOAL: &str = "the load that just meets the goal";
const OF_CLEANUP: &str = "the load that the cleanup jobs just keep up with";

impl Search<'_> {
    /// What stops the plant, and what its capacity follows.
    pub(super) fn explain(
        &mut self,
        held: &Held<'_>,
        capacity: Option<&Capacity>,
        record: &mut MstRecord,
    ) -> Result<(), Problems> {
        let Some(rate) = record.capacity.filter(|_| !self.is_timed()) else { return Ok(()) };
        let plant = Plant {
            scenario: self.scenario,
            written: self.written,
            rate,
            backlog: capacity.map(|own| own.backlog),
            spans: match capacity {
                Some(own) => own.spans,
                None => self.spans(rate)?,
            },
        };
        let key = || format!("limits {rate} {:?} {:?}", plant.backlog, plant.spans);
        let threads = self.ask.threads;
        let limits = self.journal.once(key, |fuel| limits(held, &plant, threads, fuel))?;
        self.documents += limits.documents;
        [record.limit, record.next_limit] = limits.both;
        if limits.is_input_held && record.verdict == MstVerdict::Sustainable {
            // It could do more: what stops it is that it does not let more in.
            record.verdict = MstVerdict::InputThrottled;
        }
        if !self.ask.explain {
            return Ok(());
        }
        if let Some(bound) = self.bound.clone() {
            record.elasticities_of = Some(OF_GOAL.to_owned());
            record.elasticities = self.shifts(&bound)?;
        } else if let Some(capacity) = capacity {
            let (found, documents) = elasticities(held, capacity, self.ask.threads)?;
            self.documents += documents;
            record.elasticities_of = Some(of_what(record.mst, rate).to_owned());
            record.elasticities = found;
        }
        Ok(())
    }

    /// The same where a cleanup job stops the plant before its documents do.
    pub(super) fn explain_behind(
        &mut self,
        behind: Limit,
        (held, capacity): (&Held<'_>, Option<&Capacity>),
        record: &mut MstRecord,
    ) -> Result<(), Problems> {
        // What the documents' capacity follows is no matter here; what stops them is next.
        let (explain, verdict) = (self.ask.explain, record.verdict);
        self.ask.explain = false;
        self.explain(held, capacity, record)?;
        (self.ask.explain, record.verdict) = (explain, verdict);
        record.next_limit = record.limit.replace(behind);
        if let Some(rate) = record.mst.filter(|_| explain) {
            record.elasticities_of = Some(OF_CLEANUP.to_owned());
            record.elasticities = self.removals(rate)?;
        }
        Ok(())
    }

    /// Warm-up and window of a look at a plant that can do `rate`, where none were found out.
    fn spans(&self, rate: f64) -> Result<(Duration, Duration), Problems> {
        let warm_up = self.scenario.loads.iter().map(|load| load.start + load.warm_up).max();
        let settled = warm_up.unwrap_or(Duration::ZERO) + UNKNOWN_WARM_UP;
        let lasts = Duration::from_secs_f64((UNKNOWN_DOCUMENTS / rate).max(UNKNOWN_SECONDS));
        Ok((settled.max(ladder(self.scenario, self.ask.seconds_max)?), lasts))
    }
}

/// What the elasticities of the capacity are called, where this load was found.
fn of_what(found: Option<f64>, capacity: f64) -> &'static str {
    match found {
        Some(found) if (found - capacity).abs() > 0.0 => OF_CAPACITY_ALONE,
        _ => OF_CAPACITY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_capacity_follows_is_not_said_of_a_load_below_it() {
        assert_eq!([of_what(Some(100.0), 100.0), of_what(None, 100.0)], [OF_CAPACITY; 2]);
        // A goal that a bracket found: what that load follows is another matter.
        assert_eq!(of_what(Some(91.4), 100.0), OF_CAPACITY_ALONE);
    }
}
