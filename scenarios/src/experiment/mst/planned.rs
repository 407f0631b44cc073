//! Faults that pass: what a plant with them can do for ever, and that it lives through them.
//!
//! What is planned for an instant is over one day, and a load that goes on for ever goes on after
//! it. So the capacity is that of the plant at rest, without its faults: a window in the middle of
//! an outage would tell how long the outage is. What is said of it has to hold for the plant with
//! them, too: that is run from an empty start until the last of them is over, and whatever tries
//! again has tried; every promise is judged, and nothing may be left in the end. Where so long a
//! run is too long at the load that was found, it is run with less, which is said.

use floodgate_engine::time::Duration;
use floodgate_reports::{MstRecord, MstVerdict, Probe};

use super::Search;
use super::confirm::Confirmation;
use crate::experiment::drift::ladder;
use crate::experiment::fuel::Fuel;
use crate::experiment::run::run_on;
use crate::experiment::scale::scaled;
use crate::plan::expect::Expect;
use crate::plan::fault::Fault;
use crate::plan::{Problems, Scenario};

/// Documents of a run through the faults, at most.
const DOCUMENTS_MAX: f64 = 200_000.0;
/// What is there at the end of the faults is gone in so many times what they lasted.
const AFTERWARDS: u64 = 2;
/// What is answered for.
pub(super) const AT_REST: &str = "backlog does not grow while no fault lasts";

/// The plant of `scenario` without its faults, where all of them pass and nothing else is planned.
/// Where a goal is asked for it is judged with them.
pub(super) fn at_rest(scenario: &Scenario) -> Option<Scenario> {
    let faults = &scenario.faults;
    let passes = !faults.is_empty() && faults.iter().all(|fault| fault.lasts.is_some());
    let is_alone = scenario.acts.is_empty() && scenario.goals.is_empty();
    (passes && is_alone).then(|| Scenario { faults: Vec::new(), ..scenario.clone() })
}

/// When the last of the faults is over.
fn over(scenario: &Scenario) -> Duration {
    let ends = |fault: &Fault| fault.at + fault.lasts.unwrap_or(Duration::ZERO);
    scenario.faults.iter().map(ends).max().unwrap_or(Duration::ZERO)
}

impl Search<'_> {
    /// Whether the plant with its faults lives through them, where a load was found at which it
    /// goes on for ever without.
    pub(super) fn lives_through(&mut self, record: &mut MstRecord) -> Result<(), Problems> {
        let Some(planned) = self.planned else { return Ok(()) };
        AT_REST.clone_into(&mut record.goal);
        let Some([low, _]) = record.interval else { return Ok(()) };
        self.turn_to("whether it lives through its faults");
        let lasts = over(planned) + ladder(planned, self.ask.seconds_max)?;
        let rate = low.min(DOCUMENTS_MAX / lasts.as_secs_f64());
        let key = || format!("faults {rate} {lasts}");
        let (one, left) = self.journal.once(key, |fuel| self.with_faults(rate, lasts, fuel))?;
        self.broken |= one.verdict == MstVerdict::Broken;
        self.documents += one.received;
        let stays = left > 0 && one.verdict == MstVerdict::Sustainable;
        let verdict = if stays { MstVerdict::Undecided } else { one.verdict };
        let why = match left {
            0 => String::new(),
            left => format!("; {left} documents were left long after"),
        };
        let less = match rate < low {
            true => "; at what was found it would be too long a run",
            false => "",
        };
        self.probes.push(Probe {
            rate,
            seconds: one.seconds,
            seeds: vec![planned.seed],
            verdict,
            evidence: format!("with its faults, which pass: {}{why}{less}", one.evidence()),
        });
        if record.verdict == MstVerdict::Sustainable {
            record.verdict = verdict;
        }
        Ok(())
    }

    /// A run from an empty start with all faults, and what is left when it could be gone.
    fn with_faults(
        &self,
        rate: f64,
        lasts: Duration,
        fuel: &mut Fuel<'_>,
    ) -> Result<(Confirmation, u64), Problems> {
        let planned = self.planned.unwrap_or(self.scenario);
        let mut scenario = scaled(planned, rate / self.written);
        scenario.expect = Expect::default();
        for load in &mut scenario.loads {
            (load.count, load.measure) = (None, Some(lasts));
        }
        scenario.drain = scenario.drain.max(lasts.times(AFTERWARDS));
        let run = run_on("faults", &scenario, fuel)?;
        let left = run.outcome.unfinished;
        Ok((Confirmation::of(rate, &run, &[]), left))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Ask, search};
    use super::*;

    const FAULT: &str = "\n[[fault]]\nat = '1 s'\nkind = 'endpoint_down'\nlasts = '20 s'\n\
                         endpoint = 'Out.primary'\n";

    fn plant(more: &str) -> Scenario {
        let text = include_str!("../../../theory/one_place.toml").to_owned() + more;
        Scenario::parse("t.toml", text.as_bytes(), Path::new(""), &[]).expect("right")
    }

    #[test]
    fn a_plant_is_at_rest_without_what_passes_alone() {
        let rest = at_rest(&plant(FAULT)).expect("it passes");
        assert_eq!(rest.faults, []);
        let stays = "\n[[fault]]\nat = '1 s'\nkind = 'location_disabled'\nlocation = 'In.0'\n";
        let goal = "\n[[goal]]\nlate = { over = '1 s', at_most = 0.5 }\n";
        for more in [String::new(), format!("{FAULT}{stays}"), format!("{FAULT}{goal}")] {
            assert!(at_rest(&plant(&more)).is_none(), "{more}");
        }
    }

    #[test]
    fn a_plant_with_an_outage_can_do_what_it_does_after_it_and_lives_through_it() {
        let ask = Ask { precision: 0.4, recovery: 0.0, ..Ask::DEFAULT };
        let found = search("t", &plant(FAULT), ask).expect("it ends");
        let [low, high] = found.interval.expect("it is found");
        assert!(low < 102.0 && 98.0 < high, "{low} to {high}");
        assert_eq!((found.verdict, found.goal.as_str()), (MstVerdict::Sustainable, AT_REST));
        let last = found.probes.last().expect("some");
        assert!(last.evidence.starts_with("with its faults, which pass: empty start"), "{last:?}");
        // Nobody tries again: what comes in the outage is suspended, and that is seen.
        let mut lossy = plant(FAULT);
        lossy.send_ports[0].primary.retry.count = 0;
        let found = search("t", &lossy, ask).expect("it ends");
        assert_eq!(found.verdict, MstVerdict::Lossy);
    }
}
