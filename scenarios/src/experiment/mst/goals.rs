//! Goals, as a run meets them or misses them.
//!
//! Most are a share that may be exceeded by so much: of documents that are late or suspended, of
//! the time that is throttled or has too much waiting. Near the capacity the logarithm of such a
//! share is straight in the load, which is what the interval of a goal rests on.

use floodgate_engine::time::{Duration, Instant};
use floodgate_sim::outcome::Outcome;
use floodgate_sim::probe::COLUMNS;

use crate::experiment::judge::per_second;
use crate::plan::Scenario;
use crate::plan::goal::{Backlog, Goal, Late};

/// Samples of the backlog in the window of a run: at instants that no period falls in with.
const SAMPLES: f64 = 1618.034;

/// A backlog that may never be exceeded is kept by all but so large a share of windows: no load
/// that is drawn keeps to it always.
const WINDOWS_OVER: f64 = 0.05;

/// A goal in words.
pub(super) fn in_words(goal: &Goal) -> String {
    let percent = |share: f64| format!("{} %", (share * 1e8).round() / 1e6);
    match goal {
        Goal::Backlog(Backlog { at_most, share }) if *share > 0.0 => {
            format!("backlog: at most {} of the time over {at_most} documents", percent(*share))
        }
        Goal::Backlog(own) => format!("backlog: at most {} documents{}", own.at_most, of_windows()),
        Goal::Late(Late { over, at_most }) => {
            format!("late: at most {at_most} of the documents over {over}")
        }
        Goal::Suspended(own) => {
            format!("suspended: at most {} of the documents", percent(own.at_most))
        }
        Goal::Throttled(own) => format!("throttled: at most {} of the time", percent(own.at_most)),
    }
}

/// What a goal about whole windows is kept in.
fn of_windows() -> String {
    format!(", in {:.0} % of the windows", (1.0 - WINDOWS_OVER) * 100.0)
}

/// The share that a goal allows; none where it allows nothing. A backlog that may never be exceeded
/// is a share of windows: so many of a hundred may see more.
pub(super) fn allowed(goal: &Goal) -> Option<f64> {
    let share = match goal {
        Goal::Backlog(own) if own.share <= 0.0 => WINDOWS_OVER,
        Goal::Backlog(own) => own.share,
        Goal::Late(own) => own.at_most,
        Goal::Suspended(own) | Goal::Throttled(own) => own.at_most,
    };
    (share > 0.0).then_some(share)
}

/// Whether a goal is about the whole of a window, which is kept or not.
pub(super) const fn is_of_windows(goal: &Goal) -> bool {
    matches!(goal, Goal::Backlog(own) if own.share <= 0.0)
}

/// Whether a goal is about the share of documents, or of time, that sees a long queue.
pub(super) const fn is_of_waiting(goal: &Goal) -> bool {
    match goal {
        Goal::Late(_) => true,
        Goal::Backlog(own) => own.share > 0.0,
        Goal::Suspended(_) | Goal::Throttled(_) => false,
    }
}

/// What of a run counts against a goal, and how much there was.
pub(super) fn against(goal: &Goal, outcome: &Outcome) -> (f64, f64) {
    let documents = (outcome.meters.offered_in_window as f64).max(1.0);
    match goal {
        Goal::Backlog(own) if own.share <= 0.0 => {
            (f64::from(u8::from(outcome.meters.backlog.max() > own.at_most)), 1.0)
        }
        Goal::Backlog(own) => (share_over(own.at_most, outcome) * documents, documents),
        Goal::Late(own) => late(own, outcome),
        Goal::Suspended(_) => {
            let received = (outcome.meters.received as f64).max(1.0);
            (outcome.meters.suspended as f64, received)
        }
        Goal::Throttled(_) => (outcome.meters.throttled.mean(outcome.ended) * documents, documents),
    }
}

/// The goal in words, if the run missed it.
pub(super) fn missed(goal: &Goal, outcome: &Outcome) -> Option<String> {
    let (bad, all) = against(goal, outcome);
    (bad / all > allowed(goal).unwrap_or(0.0)).then(|| in_words(goal))
}

/// What a run of `lasts` must be sampled for; once halfway, at least.
pub(super) fn watch(scenario: &mut Scenario, lasts: Duration) {
    let halfway = Duration::from_nanos(lasts.as_nanos() / 2);
    scenario.sample = scenario.sample.min(halfway.max(Duration::from_nanos(1)));
    let is_timed = |goal: &Goal| matches!(goal, Goal::Backlog(own) if own.share > 0.0);
    if scenario.goals.iter().any(is_timed) {
        let step = Duration::from_secs_f64(lasts.as_secs_f64() / SAMPLES);
        scenario.sample = step.max(Duration::from_nanos(1));
    }
}

/// The share of the samples in the window at which more than `at_most` documents waited.
fn share_over(at_most: u64, outcome: &Outcome) -> f64 {
    share_of(outcome, "Backlog", |value| value > at_most as f64)
}

/// The share of the samples in the window at which a figure was as asked.
pub(super) fn share_of(outcome: &Outcome, name: &str, is: impl Fn(f64) -> bool) -> f64 {
    let column = COLUMNS.iter().position(|column| column.name == name).expect("it is sampled");
    let (from, to) = outcome.window;
    let rows = outcome.samples.rows().iter().filter(|(at, _)| (from..to).contains(at));
    let (mut all, mut those) = (0_u32, 0_u32);
    for (_, values) in rows {
        all += 1;
        those += u32::from(is(values[column]));
    }
    f64::from(those) / f64::from(all.max(1))
}

/// Documents by which the backlog of a run would have grown in all of it, had it grown throughout
/// as it did in its second half.
pub(super) fn growth(outcome: &Outcome) -> f64 {
    let lasts = outcome.ended.since(Instant::ZERO).as_secs_f64();
    let column = COLUMNS.iter().position(|column| column.name == "Backlog").expect("it is sampled");
    let rows = outcome.samples.rows().iter();
    let rows = rows.map(|(at, values)| (at.since(Instant::ZERO).as_secs_f64(), values[column]));
    let (at, waited) = rows.take_while(|row| row.0 <= lasts / 2.0).last().unwrap_or_default();
    let share = 1.0 - at / lasts;
    if share > 0.0 { (outcome.unfinished as f64 - waited) / share } else { 0.0 }
}

/// Late documents of a run, and all that could have been.
///
/// What is under way for longer than was allowed is late as well. As many as arrive in that time
/// may still be on their way in good time.
fn late(goal: &Late, outcome: &Outcome) -> (f64, f64) {
    let histogram = outcome.latency();
    let in_time = histogram.count_between(0, goal.over.as_nanos()) as f64;
    let under_way = per_second(outcome, outcome.meters.offered_in_window) * goal.over.as_secs_f64();
    let overdue = (outcome.unfinished as f64 - under_way).max(0.0);
    let samples = histogram.len() as f64 + overdue;
    (samples - in_time, samples.max(1.0))
}
