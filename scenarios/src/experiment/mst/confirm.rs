//! The confirmation: the load that was found, from an empty start, with every promise judged and
//! every goal met; and the search below it where a goal is missed.

use floodgate_engine::time::Duration;
use floodgate_reports::{MstVerdict, Probe, Verdict};

use super::Search;
use super::bracket::STEPS_MAX;
use super::pinned::seed_of;
use super::root::late;
use crate::experiment::parallel::in_order;
use crate::experiment::run::{Run, run_silently};
use crate::plan::Problems;
use crate::plan::expect::Expect;
use crate::plan::goal::{Goal, Late};

/// Runs with seeds of their own at every rate that is tried against a goal.
const GOAL_REPLICATIONS: usize = 5;
/// Loads below the answer at which goals are looked at again.
const LOWER: [f64; 4] = [0.25, 0.5, 0.75, 0.9];
/// A goal that is missed at this fraction of the capacity is not a matter of load.
const HOPELESS: f64 = 1000.0;
/// Documents of a confirmation, at least.
const CONFIRM_DOCUMENTS: f64 = 20_000.0;
/// Documents that are enough where no goal is stated.
const CONFIRM_DOCUMENTS_MAX: f64 = 200_000.0;
/// The first of their seeds; the ones before belong to other parts of the search.
const FIRST_RUN: u64 = 10_000;

impl Search<'_> {
    /// The highest rate found at which every replication meets the goals, and the lowest at which
    /// every one misses one. Between them replications disagree: that is the interval's width.
    pub(super) fn bracket_goals(
        &mut self,
        fails: f64,
    ) -> Result<Option<(f64, f64, Confirmation)>, Problems> {
        let (mut all_fail, mut some_fail) = (fails, fails);
        let mut passes: Option<(f64, Confirmation)> = None;
        let mut rate = fails / 2.0;
        for _ in 0..STEPS_MAX {
            let mut tried = self.empty_starts(&[rate; GOAL_REPLICATIONS])?;
            let missed = tried.iter().filter(|one| one.missed.is_some()).count();
            if missed > 0 {
                some_fail = some_fail.min(rate);
            }
            if missed == GOAL_REPLICATIONS {
                all_fail = rate;
            }
            if missed == 0 {
                passes = tried.pop().map(|last| (rate, last));
            }
            rate = match &passes {
                Some((passes, _)) if self.is_narrow(*passes, some_fail) => break,
                Some((passes, _)) => (passes * some_fail).sqrt(),
                None if some_fail < fails / HOPELESS => break,
                None => some_fail / 2.0,
            };
        }
        Ok(passes.map(|(passes, last)| (passes, all_fail, last)))
    }

    /// Whether a goal that is met at `low` is missed by every run at some lower load: then there is
    /// no single answer.
    pub(super) fn misses_below(&mut self, low: f64) -> Result<bool, Problems> {
        if self.scenario.goals.is_empty() {
            return Ok(false);
        }
        let rates = LOWER.map(|share| low * share);
        let tried = self.empty_starts(&rates)?;
        for (rate, one) in rates.iter().zip(tried) {
            // One run may miss by chance; all of them do not.
            if one.missed.is_some() {
                let again = self.empty_starts(&[*rate; GOAL_REPLICATIONS])?;
                if again.iter().all(|one| one.missed.is_some()) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Runs from an empty start at these rates, each with a seed of its own, at the same time.
    pub(super) fn empty_starts(&mut self, rates: &[f64]) -> Result<Vec<Confirmation>, Problems> {
        let tried = in_order(rates.len(), self.ask.threads, |at| self.empty_start(rates[at], at));
        let tried = tried.into_iter().collect::<Result<Vec<_>, _>>()?;
        for (rate, one) in rates.iter().zip(&tried) {
            self.documents += one.run.record.documents.received;
            self.broken |= one.verdict == MstVerdict::Broken;
            self.probes.push(Probe {
                rate: *rate,
                seconds: one.run.record.virtual_seconds,
                seeds: vec![one.run.record.seed],
                verdict: one.verdict,
                evidence: one.evidence(),
            });
        }
        Ok(tried)
    }

    fn empty_start(&self, rate: f64, replication: usize) -> Result<Confirmation, Problems> {
        let mut scenario = self.scaled(rate);
        if replication > 0 {
            scenario.seed = seed_of(self.scenario, FIRST_RUN + replication as u64);
        }
        scenario.expect = Expect::default();
        let documents = |documents: f64| Duration::from_secs_f64(documents / rate);
        // What is judged over the window needs all of it; promises are judged document by document.
        let most = scenario.goals.is_empty().then(|| documents(CONFIRM_DOCUMENTS_MAX));
        for load in &mut scenario.loads {
            load.count = None;
            let written = load.measure.unwrap_or(Duration::ZERO);
            let enough = most.map_or(written, |most| written.min(most));
            load.measure = Some(enough.max(documents(CONFIRM_DOCUMENTS)));
        }
        scenario.drain = Duration::ZERO;
        let run = run_silently("confirmation", &scenario)?;
        let failed = run.record.verdicts.iter().find(|row| row.verdict == Verdict::Fail);
        let failed = failed.map(|row| row.name.clone());
        let missed = self.scenario.goals.iter().find_map(|goal| missed(goal, &run));
        let verdict = match (&missed, &failed) {
            (_, Some(_)) => MstVerdict::Broken,
            (Some(_), None) => MstVerdict::Unsustainable,
            (None, None) if run.record.documents.suspended > 0 => MstVerdict::Lossy,
            (None, None) => MstVerdict::Sustainable,
        };
        Ok(Confirmation { run, missed, failed, verdict })
    }
}

/// A run from an empty start, judged.
pub(super) struct Confirmation {
    pub(super) run: Run,
    /// The goal that it missed.
    pub(super) missed: Option<String>,
    /// The promise that was broken.
    failed: Option<String>,
    pub(super) verdict: MstVerdict,
}

impl Confirmation {
    fn evidence(&self) -> String {
        let suspended = self.run.record.documents.suspended;
        let lost = (suspended > 0).then(|| format!("{suspended} documents were suspended"));
        let detail = self.failed.clone().or_else(|| self.missed.clone()).or(lost);
        let detail = detail.unwrap_or_else(|| "every promise kept, every goal met".to_owned());
        format!("empty start, {} documents: {detail}", self.run.record.documents.received)
    }
}

/// A goal in words.
pub(super) fn in_words(goal: &Late) -> String {
    format!("late: at most {} of the documents over {}", goal.at_most, goal.over)
}

/// The goal in words, if the run missed it.
fn missed(goal: &Goal, run: &Run) -> Option<String> {
    match goal {
        Goal::Late(goal) => {
            let (late, samples) = late(goal, run);
            (late / samples > goal.at_most).then(|| in_words(goal))
        }
        Goal::Backlog(backlog) => {
            let max = run.outcome.meters.backlog.max();
            (max > backlog.at_most)
                .then(|| format!("backlog: at most {} documents", backlog.at_most))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Ask;
    use super::*;
    use crate::catalogue::Source;

    #[test]
    fn a_goal_that_every_run_misses_with_less_to_do_is_found() {
        let ask = Ask { precision: 0.1, seconds_max: 3600.0, threads: 1, explain: false };
        for (over, misses) in [("1 ms", true), ("60 s", false)] {
            let goal = format!("goal=[{{ late = {{ over = '{over}', at_most = 0.01 }} }}]");
            let scenario = Source::find("throttled_host").unwrap().read(&[goal]).unwrap();
            let mut search = Search::of(&scenario, ask).unwrap();
            assert_eq!(search.misses_below(90.0).unwrap(), misses, "{over}");
        }
    }
}
