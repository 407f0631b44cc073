//! Whether tracking keeps up: the published criteria, on one run.
//!
//! What waits in the MessageBoxes must not grow, and what is old enough must be deleted in time.
//! The second needs a run that is longer than anything is kept: only then does the disk of the
//! tracking database write and delete at the same time.

use floodgate_engine::time::{Duration, Instant};
use floodgate_reports::{Verdict, VerdictRow};
use floodgate_sim::outcome::Outcome;

use crate::plan::Scenario;

/// Rows and messages that must be moved before anything is said.
const MOVED_MIN: u64 = 1000;
/// Share of them by which those that wait may have grown, or what comes between two runs of the
/// job that copies, if that is more.
pub(super) const GROWTH_MAX: f64 = 0.005;
/// Runs of the job that deletes by which it may be late: one that it takes, and one for which that
/// is too long.
pub(super) const LATE_MAX: u64 = 2;

/// The verdict on what a scenario expects of tracking (R-GC-05).
pub(super) fn keeps_up(expected: bool, scenario: &Scenario, outcome: &Outcome) -> VerdictRow {
    let (keeps_up, detail) = judge(scenario, outcome, GROWTH_MAX);
    let verdict = match keeps_up {
        Some(found) if found == expected => Verdict::Pass,
        Some(_) => Verdict::Fail,
        None => Verdict::Unknown,
    };
    VerdictRow { name: "expect.tracking".to_owned(), verdict, detail }
}

/// Whether tracking keeps up, if that can be told, and why, where what waits may grow by a share of
/// what is moved.
pub(super) fn judge(scenario: &Scenario, outcome: &Outcome, growth: f64) -> (Option<bool>, String) {
    let (Some(settings), Some(own)) = (&scenario.tracking, &outcome.tracking) else {
        return (None, "Nothing is tracked.".to_owned());
    };
    let meters = &outcome.meters;
    // What is moved when all documents are through is no part of the window, and no excuse.
    let after = Instant::MAX;
    let moved = meters.tracked_in_window + own.written.bodies;
    if moved < MOVED_MIN {
        return (None, format!("Only {moved} rows and messages were moved: too few to tell."));
    }
    let waits = meters.tracking.growth(after) + meters.tracked_bodies.growth(after);
    let (from, to) = outcome.window;
    let window = to.min(outcome.ended).since(from).as_secs_f64();
    let limit = growth.max(settings.copy.as_secs_f64() / window.max(1e-9));
    let grown = waits as f64 / moved as f64;
    let waiting = format!(
        "{waits} more rows and messages wait than at the beginning of the window, {moved} were \
         moved ({:.2} %, limit {:.2} %)",
        grown * 100.0,
        limit * 100.0
    );
    if grown > limit {
        return (Some(false), format!("{waiting}."));
    }
    let allowed = settings.purge.times(LATE_MAX);
    match own.late {
        None => {
            let keep = settings.keep;
            (None, format!("{waiting}, but no data was old enough to be deleted ({keep})."))
        }
        Some(late) => {
            let deleting = format!("deleting was late by {} (limit {allowed})", rounded(late));
            (Some(late <= allowed), format!("{waiting}; {deleting}."))
        }
    }
}

fn rounded(span: Duration) -> Duration {
    Duration::from_secs(span.as_nanos() / 1_000_000_000)
}
