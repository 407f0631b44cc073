//! What several runs show of one thing: a share, something that is so or not, the time that is
//! left.

use statrs::distribution::{ContinuousCDF as _, StudentsT};

use super::CONFIDENCE;
use super::goals::{allowed, in_words};
use super::replicated::{Fact, LOOKS, Shown};
use crate::plan::goal::Goal;

/// How often one look may err on one side.
const ERROR: f64 = (1.0 - CONFIDENCE) / 2.0 / LOOKS.len() as f64;
/// The share of runs in which something may be otherwise than it should.
const OTHERWISE: f64 = 0.05;
/// Fewer runs than this do not show that something is always so.
const ALWAYS_MIN: usize = 4;

/// What runs tell of one thing.
pub(super) struct Told {
    pub(super) shown: Shown,
    /// Above one if it is missed, and the more, the worse.
    pub(super) weight: f64,
    pub(super) goal: String,
    pub(super) evidence: String,
}

/// What is missed by most, or comes nearest to it.
pub(super) fn worst(all: impl Iterator<Item = Told>) -> Told {
    let rank = |told: &Told| match told.shown {
        Shown::Missed => 2,
        Shown::Open => 1,
        Shown::Met => 0,
    };
    let worse = |a: &Told, b: &Told| rank(a).cmp(&rank(b)).then(a.weight.total_cmp(&b.weight));
    all.max_by(worse).expect("something is asked of every number")
}

pub(super) fn by_share(goal: &Goal, runs: &[(f64, f64)]) -> Told {
    let allowed = allowed(goal).unwrap_or(0.0);
    let [low, high] = share(runs);
    let shown = match () {
        () if high <= allowed => Shown::Met,
        () if low > allowed => Shown::Missed,
        () => Shown::Open,
    };
    Told { shown, weight: high / allowed, ..share_told(goal, runs) }
}

/// The same, without what it shows.
pub(super) fn share_told(goal: &Goal, runs: &[(f64, f64)]) -> Told {
    let (bad, all) = runs.iter().fold((0.0, 0.0), |sum, run| (sum.0 + run.0, sum.1 + run.1));
    let (words, share) = (in_words(goal), bad / all.max(1.0));
    let evidence = format!("{:.4} %, {words}", 100.0 * share);
    let weight = share / allowed(goal).unwrap_or(1.0);
    Told { shown: Shown::Open, weight, goal: words, evidence }
}

pub(super) fn by_facts(facts: &[&Fact]) -> Told {
    let count = |is: Option<bool>| facts.iter().filter(|fact| fact.is_so == is).count();
    let (otherwise, unknown, runs) = (count(Some(false)), count(None), facts.len());
    let shown = match () {
        () if is_unlikely(otherwise, runs) => Shown::Missed,
        () if unknown > 0 || runs < ALWAYS_MIN => Shown::Open,
        () if otherwise as f64 <= runs as f64 * OTHERWISE => Shown::Met,
        () => Shown::Open,
    };
    // Of one that tells why, if there is one.
    let telling = facts.iter().find(|fact| fact.is_so != Some(true)).unwrap_or(&facts[0]);
    let goal = facts[0].what.clone();
    Told {
        shown,
        weight: otherwise as f64 / runs as f64 / OTHERWISE,
        evidence: format!("{goal} in {} of {runs} runs: {}", count(Some(true)), telling.detail),
        goal,
    }
}

pub(super) fn by_time(in_time: &str, lefts: &[f64]) -> Told {
    let otherwise = lefts.iter().filter(|left| **left < 0.0).count();
    let [mean, half] = mean(lefts);
    let shown = match () {
        () if mean + half < 0.0 || is_unlikely(otherwise, lefts.len()) => Shown::Missed,
        () if mean - half >= 0.0 && otherwise as f64 <= lefts.len() as f64 * OTHERWISE => {
            Shown::Met
        }
        () => Shown::Open,
    };
    Told { shown, ..time_told(in_time, lefts) }
}

/// The same, without what it shows.
pub(super) fn time_told(in_time: &str, lefts: &[f64]) -> Told {
    let otherwise = lefts.iter().filter(|left| **left < 0.0).count();
    let mean = lefts.iter().sum::<f64>() / lefts.len() as f64;
    let percent = 100.0 * mean;
    let evidence = match percent < 0.0 {
        false => format!("{in_time}, with {percent:.2} % of the time to spare"),
        true => format!("about {:.2} % more time is needed ({in_time})", -percent),
    };
    let evidence = match otherwise {
        0 => evidence,
        some => format!("{evidence}; {some} of {} runs are late", lefts.len()),
    };
    let goal = in_time.to_owned();
    Told { shown: Shown::Open, weight: 1.0 - mean, goal, evidence }
}

/// Whether so many of `runs` are otherwise less often than a look may err, if one of twenty is.
fn is_unlikely(otherwise: usize, runs: usize) -> bool {
    let mut chance = 1.0;
    let mut term = libm::pow(1.0 - OTHERWISE, runs as f64);
    for number in 0..otherwise {
        chance -= term;
        let (tried, left) = (number as f64 + 1.0, (runs - number) as f64);
        term *= left / tried * OTHERWISE / (1.0 - OTHERWISE);
    }
    otherwise > 0 && chance < ERROR
}

/// A mean and half of its interval, at what one look of one side may err.
fn mean(values: &[f64]) -> [f64; 2] {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    [mean, student(count) * (squares / (count - 1.0) / count).sqrt()]
}

fn student(count: f64) -> f64 {
    let student = StudentsT::new(0.0, 1.0, count - 1.0).expect("there are several runs");
    student.inverse_cdf(1.0 - ERROR)
}

/// Between what ends the share of all runs lies, at what one look of one side may err.
fn share(runs: &[(f64, f64)]) -> [f64; 2] {
    let count = runs.len() as f64;
    let all: f64 = runs.iter().map(|run| run.1).sum();
    let bad: f64 = runs.iter().map(|run| run.0).sum();
    let mean = bad / all;
    // A ratio of means: what each run has beyond its due, over what a run has.
    let beyond = runs.iter().map(|run| run.0 - mean * run.1);
    let squares: f64 = beyond.map(|own| own * own).sum();
    let mut deviation = (squares / (count - 1.0) / count).sqrt() / (all / count);
    if runs.len() == LOOKS[0] {
        // Two runs are alike by chance more often than a look may err.
        deviation = deviation.max(bad.sqrt() / all);
    }
    let half = student(count) * deviation;
    // Nothing at all is seen by chance where the share is so small.
    let unseen = -libm::log(ERROR) / all;
    [mean - half, (mean + half).max(unseen)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_seen_of_a_few_is_no_proof_of_a_small_share() {
        let [low, high] = share(&[(0.0, 100.0); 4]);
        assert!(low <= 0.0 && (0.013..0.014).contains(&high), "{low} {high}");
        let [low, high] = share(&[(1.0, 100.0), (3.0, 100.0), (2.0, 100.0), (2.0, 100.0)]);
        // Student's quantile of three degrees of freedom at 99.5 % is 5.84, the error 0.408 %.
        assert!((low + 0.0038).abs() < 1e-4 && (high - 0.0438).abs() < 1e-4, "{low} {high}");
        // Two that are alike show little: Poisson's error is 1 %, the quantile 63.7.
        let [low, high] = share(&[(2.0, 100.0); 2]);
        assert!((low + 0.6166).abs() < 1e-3 && (high - 0.6566).abs() < 1e-3, "{low} {high}");
    }

    #[test]
    fn what_one_run_of_twenty_may_not_do_is_not_missed_by_chance() {
        // Two of two in one of 400, three of four in one of 2,080; two of four in one of 71, three
        // of eight in one of 173.
        for (otherwise, runs, is) in [(2, 2, true), (3, 4, true), (2, 4, false), (3, 8, false)] {
            assert_eq!(is_unlikely(otherwise, runs), is, "{otherwise} of {runs}");
        }
        assert!(!is_unlikely(0, 2) && is_unlikely(4, 8) && is_unlikely(32, 32));
    }

    #[test]
    fn what_is_always_so_takes_four_runs_and_one_of_twenty_may_be_otherwise() {
        let fact = |is_so| Fact { what: "so".to_owned(), is_so, detail: String::new() };
        let shown = |so: usize, not: usize, unknown: usize| {
            let each = [(so, Some(true)), (not, Some(false)), (unknown, None)];
            let all: Vec<Fact> = (each.iter())
                .flat_map(|(count, is_so)| (0..*count).map(|_| fact(*is_so)))
                .collect();
            by_facts(&all.iter().collect::<Vec<_>>()).shown
        };
        assert_eq!([shown(2, 0, 0), shown(4, 0, 0)], [Shown::Open, Shown::Met]);
        assert_eq!([shown(0, 2, 0), shown(3, 0, 1)], [Shown::Missed, Shown::Open]);
        assert_eq!([shown(31, 1, 0), shown(30, 2, 0)], [Shown::Met, Shown::Open]);
    }

    #[test]
    fn time_that_is_left_is_met_and_time_that_lacks_is_missed() {
        let shown = |lefts: &[f64]| by_time("done", lefts).shown;
        assert_eq!(shown(&[0.1, 0.1]), Shown::Met);
        assert_eq!(shown(&[-0.1, -0.3]), Shown::Missed);
        assert_eq!([shown(&[0.1, 0.2]), shown(&[0.1, -0.2])], [Shown::Open; 2]);
        // In the mean there is time, and two of eight had none.
        assert_eq!(shown(&[0.5, 0.5, 0.5, 0.5, 0.5, 0.5, -0.01, -0.01]), Shown::Open);
    }
}
