//! The bracket of a goal that has no line: several seeds at every load, judged together.
//!
//! That all of five runs meet a goal, or all miss it, says little about a share: they agree long
//! before it is where it should be. So their shares are pooled, and Student's interval over the
//! seeds says whether a load meets the goal, misses it, or cannot be told from one that just meets
//! it. What nothing may exceed at all is met by all seeds, or missed by all.

use floodgate_reports::MstVerdict;

use super::bracket::STEPS_MAX;
use super::confirm::{Confirmation, GOAL_REPLICATIONS, confirm_documents};
use super::goals::{allowed, in_words};
use super::{Search, comes_by_chance, unknown};
use crate::experiment::sweep::Estimate;
use crate::plan::Problems;
use crate::plan::goal::Goal;

/// What is missed at this fraction of the capacity is not a matter of load.
pub(super) const HOPELESS: f64 = 1000.0;

/// What several runs at one load say of the goals together.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Judged {
    /// Every goal is met for sure.
    Met,
    /// One is missed for sure.
    Missed,
    /// They cannot tell.
    Unclear,
    /// They see none missed, and would have to be longer than they may to show that it is so.
    Unseen,
}

/// Whether what counted in each run, and how much there was, is more than `goal` allows.
fn of_goal(goal: &Goal, against: &[(f64, f64)]) -> Judged {
    let shares: Vec<f64> = against.iter().map(|(bad, all)| bad / all).collect();
    let Some(at_most) = allowed(goal) else {
        let missed = shares.iter().filter(|share| **share > 0.0).count();
        return match missed {
            0 => Judged::Met,
            _ if missed == shares.len() => Judged::Missed,
            _ => Judged::Unclear,
        };
    };
    match Estimate::of(&shares) {
        Some(share) if share.high <= at_most => Judged::Met,
        Some(share) if share.low > at_most => Judged::Missed,
        Some(_) | None => Judged::Unclear,
    }
}

/// The same of all goals.
fn of_all(goals: &[Goal], tried: &[Confirmation]) -> Judged {
    let of = |(at, goal): (usize, &Goal)| {
        of_goal(goal, &tried.iter().map(|one| one.against[at]).collect::<Vec<_>>())
    };
    let judged: Vec<Judged> = goals.iter().enumerate().map(of).collect();
    if judged.contains(&Judged::Missed) {
        Judged::Missed
    } else if judged.contains(&Judged::Unclear) {
        Judged::Unclear
    } else {
        Judged::Met
    }
}

/// Loads, and what was said of them.
#[derive(Debug, Default)]
struct Known(Vec<(f64, Judged)>);

impl Known {
    fn least(&self, is: impl Fn(f64, Judged) -> bool) -> f64 {
        let those = self.0.iter().filter(|(rate, judged)| is(*rate, *judged));
        those.map(|(rate, _)| *rate).fold(f64::INFINITY, f64::min)
    }

    fn most(&self, is: impl Fn(f64, Judged) -> bool) -> f64 {
        let those = self.0.iter().filter(|(rate, judged)| is(*rate, *judged));
        those.map(|(rate, _)| *rate).fold(0.0, f64::max)
    }

    /// The highest load that is met below all that are not, and the lowest of those; zero and
    /// infinity where there is none.
    fn low_end(&self) -> (f64, f64) {
        let not = self.least(|_, judged| judged != Judged::Met);
        (self.most(|rate, judged| judged == Judged::Met && rate < not), not)
    }

    /// The highest load that is not missed, and the lowest of those missed above all such.
    fn high_end(&self) -> (f64, f64) {
        let not = self.most(|_, judged| judged != Judged::Missed);
        (not, self.least(|rate, judged| judged == Judged::Missed && rate > not))
    }
}

impl Search<'_> {
    /// What several runs at `rate` say of the goals together. From an empty start less is late
    /// than later on, so that short runs show what is missed, and not what is met.
    fn pooled(&mut self, rate: f64) -> Result<(Vec<Confirmation>, Judged), Problems> {
        let rates = [rate; GOAL_REPLICATIONS];
        let is_seen = self.may_be_seen(rate) || self.documents_seen(rate) <= 0.0;
        // Of what nothing may exceed no run shows that it never does.
        let is_in_vain = comes_by_chance(self.scenario)
            && self.scenario.goals.iter().any(|goal| allowed(goal).is_none());
        let tried = match is_seen && !is_in_vain {
            true => self.goal_starts(&rates)?,
            false => self.empty_starts(&rates)?,
        };
        let judged = of_all(&self.scenario.goals, &tried);
        let is_unseen = judged == Judged::Met && !is_seen && !is_in_vain;
        Ok((tried, if is_unseen { Judged::Unseen } else { judged }))
    }

    /// The highest load at which the goals are met for sure and the lowest at which one is missed
    /// for sure, from `low` down, of a plant that cannot do more than `high`, with a run at the
    /// former. What lies between them is the interval.
    pub(super) fn bracket_goals(
        &mut self,
        (low, high): (f64, f64),
    ) -> Result<Option<(f64, f64, Confirmation)>, Problems> {
        let mut known = Known::default();
        let mut last: Option<Confirmation> = None;
        let mut rate = low;
        let mut unseen: Option<f64> = None;
        for _ in 0..STEPS_MAX {
            let (mut tried, judged) = self.pooled(rate)?;
            if judged == Judged::Unseen {
                unseen = Some(unseen.map_or(rate, |least| least.min(rate)));
            }
            known.0.push((rate, judged));
            let ((met, not_met), (not_missed, missed)) = (known.low_end(), known.high_end());
            if judged == Judged::Met && rate >= met {
                let worst = |one: &Confirmation| one.otherwise != MstVerdict::Sustainable;
                tried.sort_by_key(worst);
                last = tried.pop().map(Confirmation::with_goals_met);
            }
            rate = if met <= 0.0 {
                if not_met < low / HOPELESS {
                    break;
                }
                not_met / 2.0
            } else if not_met.is_finite() && !self.is_narrow(met, not_met) {
                (met * not_met).sqrt()
            } else if missed.is_finite() && !self.is_narrow(not_missed, missed) {
                (not_missed * missed).sqrt()
            } else {
                break;
            };
        }
        if let Some(never) = self.scenario.goals.iter().find(|goal| allowed(goal).is_none()) {
            let evidence = format!(
                "{}: as far as {GOAL_REPLICATIONS} runs at each load saw, of {:.0} documents or of \
                 what is measured; longer ones may see some where they did not",
                in_words(never),
                confirm_documents(&self.scenario.goals)
            );
            self.probes.push(unknown(low, &evidence));
            self.unproven |= comes_by_chance(self.scenario);
        }
        if let Some(rate) = unseen {
            self.probes.push(self.unseen(rate, &self.scenario.goals[0]));
        }
        let (met, missed) = (known.low_end().0, known.high_end().1.min(high));
        let width = (missed - met) / f64::midpoint(missed, met);
        if met > 0.0 && width > self.ask.precision {
            let evidence = format!(
                "between {met:.1} and {missed:.1}/s {GOAL_REPLICATIONS} seeds cannot tell whether \
                 the goals are met"
            );
            self.probes.push(unknown(f64::midpoint(met, missed), &evidence));
        }
        Ok(last.filter(|_| met > 0.0).map(|last| (met, missed, last)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::goal::{Backlog, Share};

    #[test]
    fn shares_of_several_seeds_are_judged_together() {
        let goal = Goal::Suspended(Share { at_most: 0.01 });
        let of = |shares: [f64; 5]| of_goal(&goal, &shares.map(|share| (share * 1e4, 1e4)));
        assert_eq!(of([0.008, 0.007, 0.009, 0.008, 0.008]), Judged::Met);
        assert_eq!(of([0.012, 0.013, 0.011, 0.012, 0.012]), Judged::Missed);
        // All five meet it, and still their mean may be above it.
        assert_eq!(of([0.002, 0.01, 0.009, 0.001, 0.009]), Judged::Unclear);
        let none = Goal::Backlog(Backlog { at_most: 20, share: 0.0 });
        assert_eq!(of_goal(&none, &[(0.0, 1.0); 5]), Judged::Met);
        let never = Goal::Suspended(Share { at_most: 0.0 });
        assert_eq!(of_goal(&never, &[(1.0, 1e4), (0.0, 1e4)]), Judged::Unclear);
    }

    #[test]
    fn loads_that_cannot_be_told_from_the_answer_are_in_the_interval() {
        use Judged::{Met, Missed, Unclear};
        let known = Known(vec![(10.0, Met), (40.0, Missed), (20.0, Unclear), (30.0, Missed)]);
        assert_eq!((known.low_end(), known.high_end()), ((10.0, 20.0), (20.0, 30.0)));
        // What meets it above a load that misses it by chance is no low end.
        let known = Known(vec![(10.0, Met), (20.0, Missed), (25.0, Met), (40.0, Missed)]);
        assert_eq!((known.low_end(), known.high_end()), ((10.0, 20.0), (25.0, 40.0)));
    }
}
