//! What is planned for an instant that the run does not see.

use floodgate_engine::time::{Duration, Instant};

use super::Checker;
use crate::plan::load::Load;
use crate::plan::rate::Rate;
use crate::plan::scenario::Scenario;

pub(super) fn check(checker: &mut Checker<'_>) {
    let scenario = checker.scenario;
    let Some(end) = latest(scenario) else { return };
    let faults = scenario.faults.iter().map(|fault| fault.at).enumerate();
    let faults = faults.map(|(n, at)| (format!("fault.{n}.at"), at));
    let acts = scenario.acts.iter().map(|act| act.at).enumerate();
    let acts = acts.map(|(n, at)| (format!("operate.{n}.at"), at));
    for (path, at) in faults.chain(acts) {
        if Instant::ZERO + at > end {
            let over = end.since(Instant::ZERO);
            let message = format!("the run is over by then: it ends after {over} at the latest");
            let help = "plan it earlier, or give the scenario a longer 'drain'";
            checker.warn(&path, message, help);
        }
    }
}

/// The end of the run if nothing ends it earlier; `None` where it depends on what happens.
fn latest(scenario: &Scenario) -> Option<Instant> {
    let timetable = scenario.timetable();
    let drain = scenario.drain_at_most();
    let mut end = Instant::ZERO;
    for load in &scenario.loads {
        let last = timetable.as_ref().map(|timetable| timetable.loads_end);
        end = end.max(last_arrival(load, last)? + drain);
        // A window that is planned is seen to its end.
        end = end.max(load.measure.map_or(end, |measure| until(load, measure)));
    }
    Some(timetable.map_or(end, |timetable| end.max(timetable.measured.1)))
}

/// When nothing of a load can come any more; `phased` is the end of the phases.
fn last_arrival(load: &Load, phased: Option<Instant>) -> Option<Instant> {
    let begins = Instant::ZERO + load.start;
    let measured = load.measure.map(|measure| until(load, measure)).or(phased);
    match &load.rate {
        // Those who wait for answers, or send as fast as they can, end when they have done so.
        Rate::Lots(_) | Rate::Users(_) => None,
        Rate::AllAtOnce => Some(begins),
        Rate::Constant(rate) => measured.or_else(|| {
            // What real bytes are is not known before the run.
            let count = load.count.filter(|_| load.body.is_none())?;
            let documents = load.kinds().map(|kind| kind.documents).max()?;
            let seconds = count as f64 * f64::from(documents) / rate;
            Some(begins + Duration::from_secs_f64(seconds))
        }),
        Rate::Bell(..)
        | Rate::Floodgate(..)
        | Rate::Poisson(_)
        | Rate::Ramp(..)
        | Rate::Replay(_)
        | Rate::Sine(..)
        | Rate::Steps(..) => measured,
    }
}

fn until(load: &Load, measure: Duration) -> Instant {
    Instant::ZERO + load.start + load.warm_up + measure
}
