//! What runs of a scenario as it is written show of a number: of users, or of how many times its
//! load there is.
//!
//! A number is *met* or *missed* when runs with seeds of their own show it. There are looks at 2,
//! 4, 8, 16 and 32 runs, of which each may err with a fifth of what one side of the answer may. Of
//! a goal that allows a share, the interval of what counts against it lies on one side of what is
//! allowed. Of the time that is left when nothing is left to do, so does its mean, and all but one
//! run of twenty have some. What is so or not in a run is missed when that many runs are not
//! without it by chance if all but one of twenty have it; it is met when all but one of twenty of
//! four runs or more have it. What 32 runs do not show is *open*, and lies inside the answer's
//! interval: from the most that is met to the least that is missed.

use std::collections::BTreeMap;

use floodgate_reports::{Limit, MstRecord, MstVerdict, Probe};
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF as _, StudentsT};

use super::goals::{allowed, in_words};
use super::journal::Journal;
use super::probes::unknown;
use super::{Ask, CONFIDENCE};
use crate::experiment::fuel::Fuel;
use crate::experiment::parallel::in_order;
use crate::plan::Problems;
use crate::plan::goal::Goal;

/// Runs of a number before each look.
const LOOKS: [usize; 5] = [2, 4, 8, 16, 32];
/// Runs of a number at most: so many seeds belong to each.
pub(super) const RUNS_MAX: u64 = 32;
/// How often one look may err on one side.
const ERROR: f64 = (1.0 - CONFIDENCE) / 2.0 / LOOKS.len() as f64;
/// The share of runs in which something may be otherwise than it should.
const OTHERWISE: f64 = 0.05;
/// Fewer runs than this do not show that something is always so.
const ALWAYS_MIN: usize = 4;
/// The share of what lies between two numbers that a guess has to take away.
const PROGRESS: f64 = 0.25;

/// What runs say of a number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Shown {
    Met,
    Missed,
    Open,
}

/// Something that is so or not in a run.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Fact {
    pub(super) what: String,
    /// Whether it is, if that can be told.
    pub(super) is_so: Option<bool>,
    pub(super) detail: String,
}

/// What is kept of a run.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Ran {
    /// What counts against each goal, and how much there was.
    pub(super) against: Vec<(f64, f64)>,
    pub(super) facts: Vec<Fact>,
    /// What was left of the time when nothing was left to do, as a share of it; below zero, what
    /// more it would have taken. Nothing where no time is given.
    pub(super) left: Option<f64>,
    /// When the time was over, and from when to when the rest was done, in seconds.
    pub(super) ends: f64,
    pub(super) rest: (f64, f64),
    /// Documents, or requests, a second.
    pub(super) rate: f64,
    pub(super) offered: u64,
    /// Documents that waited at once, at most.
    pub(super) waiting: u64,
    pub(super) documents: u64,
    pub(super) seconds: f64,
    pub(super) seed: u64,
    pub(super) broken: Option<String>,
    pub(super) suspended: u64,
    pub(super) busiest: [Option<Limit>; 2],
    /// It was stopped when so much counted against a goal that the rest could not make up for it.
    pub(super) is_cut: bool,
}

/// What is known of a number.
pub(super) struct Known {
    pub(super) shown: Shown,
    /// What is missed, or what comes nearest to it.
    pub(super) goal: String,
    pub(super) rate: f64,
    pub(super) suspended: u64,
    /// Documents of one run, and the share of its time that was left, in the mean.
    pub(super) offered: f64,
    pub(super) left: Option<f64>,
    /// The first run.
    pub(super) first: Ran,
}

/// What runs tell of one thing.
struct Told {
    shown: Shown,
    /// Above one if it is missed, and the more, the worse.
    weight: f64,
    goal: String,
    evidence: String,
}

/// What is searched: a whole number of something.
pub(super) trait Knob: Sync {
    /// The goals that are judged by their shares.
    fn goals(&self) -> &[Goal];
    /// What it means that time is left, if any is given.
    fn in_time(&self) -> &str;
    /// The number that is written.
    fn written(&self) -> u64;
    /// Fewer than are not met, and more than are met; the same number where there are none.
    fn fewer(&self, than: u64, known: &Known) -> u64;
    fn more(&self, than: u64, known: &BTreeMap<u64, Known>) -> u64;
    /// A number between the two, where what is asked for probably is.
    fn between(&self, low: (u64, &Known), high: (u64, &Known)) -> u64;
    /// What may lie between two numbers of which the lower one is this.
    fn apart(&self, low: u64) -> f64;
    /// In words, and as the name of a run's result in a journal.
    fn said(&self, number: u64) -> String;
    fn key(&self, number: u64, run: u64) -> String;
    /// One run, to its end if the whole of it is wanted.
    fn run(&self, of: (u64, u64), is_whole: bool, fuel: &mut Fuel<'_>) -> Result<Ran, Problems>;
}

/// A search under way.
pub(super) struct Numbers<'a, K> {
    pub(super) knob: K,
    pub(super) ask: Ask,
    pub(super) journal: &'a Journal,
    pub(super) known: BTreeMap<u64, Known>,
    /// Documents a second that the cleanup jobs keep up with, and with which they do not, where
    /// that is less than is asked for.
    carried: Option<(f64, f64)>,
    pub(super) probes: Vec<Probe>,
    pub(super) documents: u64,
    pub(super) broken: bool,
    /// What is being found out, for a search that comes to no end.
    pub(super) about: String,
}

impl<'a, K: Knob> Numbers<'a, K> {
    pub(super) const fn new(knob: K, ask: Ask, journal: &'a Journal) -> Self {
        Self {
            knob,
            ask,
            journal,
            known: BTreeMap::new(),
            carried: None,
            probes: Vec::new(),
            documents: 0,
            broken: false,
            about: String::new(),
        }
    }

    /// What was `found`, into `record`.
    pub(super) fn finish(
        mut self,
        found: Result<(), Problems>,
        record: &mut MstRecord,
    ) -> Result<(), Problems> {
        match found {
            Ok(()) => {}
            Err(problems) => {
                let budget = self.journal.budget();
                let Some(why) = budget.over(&problems, self.ask.steps_max) else {
                    return Err(problems);
                };
                self.probes.push(unknown(0.0, &format!("{why}; it was about {}", self.about)));
                self.documents = budget.documents();
                (record.mst, record.interval) = (None, None);
                (record.users, record.users_interval) = (None, None);
                (record.scale, record.scale_interval) = (None, None);
                record.verdict = MstVerdict::Undecided;
            }
        }
        if self.broken {
            record.verdict = MstVerdict::Broken;
        }
        (record.probes, record.documents_simulated) = (self.probes, self.documents);
        Ok(())
    }

    /// The most that is met and the least that is missed.
    pub(super) fn between(
        &mut self,
        record: &mut MstRecord,
    ) -> Result<Option<(u64, u64)>, Problems> {
        let Some((low, high)) = self.bracket(record)? else { return Ok(None) };
        self.narrowed(low, high).map(Some)
    }

    /// Numbers that ask for more than the jobs keep up with are too many from now on.
    pub(super) fn carry(&mut self, carried: (f64, f64)) {
        self.carried = Some(carried);
        for known in self.known.values_mut() {
            known.shown = within(carried, known.rate, known.shown);
        }
    }

    /// Whether so many documents a second are more than the jobs keep up with.
    pub(super) fn is_beyond(&self, rate: f64) -> bool {
        self.carried.is_some_and(|carried| rate > carried.1)
    }

    /// A number that is met and a greater one that is missed, looked for from the written one on.
    fn bracket(&mut self, record: &mut MstRecord) -> Result<Option<(u64, u64)>, Problems> {
        let (mut low, mut high) = (self.knob.written(), self.knob.written());
        while self.shown(low)? != Shown::Met {
            let known = &self.known[&low];
            let fewer = self.knob.fewer(low, known);
            if fewer == low {
                record.verdict = match known.shown {
                    Shown::Missed => MstVerdict::Unsustainable,
                    Shown::Met | Shown::Open => MstVerdict::Undecided,
                };
                if !self.is_beyond(known.rate) {
                    record.goal.clone_from(&known.goal);
                }
                return Ok(None);
            }
            if known.shown == Shown::Missed {
                high = low;
            }
            low = fewer;
        }
        while self.shown(high)? != Shown::Missed {
            if self.known[&high].shown == Shown::Met {
                low = high;
            }
            let more = self.knob.more(high, &self.known);
            if more == high {
                let said = self.knob.said(high);
                let why = format!("every goal is met by {said}, as many as there may be");
                self.probes.push(unknown(self.known[&high].rate, &why));
                return Ok(None);
            }
            high = more;
        }
        Ok(Some((low, high)))
    }

    /// The same, as close as asked or as runs can tell.
    fn narrowed(&mut self, mut low: u64, mut high: u64) -> Result<(u64, u64), Problems> {
        let mut is_slow = false;
        loop {
            // What is known between the two is open.
            let open = self.known.range(low + 1..high);
            let open: Vec<u64> = open.map(|(number, _)| *number).collect();
            let least = self.knob.apart(low);
            let wide = |from: u64, to: u64| (to - from) as f64 > least;
            let (first, last) = (open.first(), open.last());
            let next = match (first, last) {
                (Some(first), _) if wide(low, *first) => low.midpoint(*first),
                (_, Some(last)) if wide(*last, high) => last.midpoint(high),
                (None, _) | (_, None) if wide(low, high) && is_slow => low.midpoint(high),
                (None, _) | (_, None) if wide(low, high) => {
                    let (below, above) = (&self.known[&low], &self.known[&high]);
                    self.knob.between((low, below), (high, above)).clamp(low + 1, high - 1)
                }
                _ => return Ok((low, high)),
            };
            let before = (high - low) as f64;
            match self.shown(next)? {
                Shown::Met => low = next,
                Shown::Missed => high = next,
                Shown::Open => {}
            }
            is_slow = (high - low) as f64 > before * (1.0 - PROGRESS);
        }
    }

    /// What runs of a number show.
    pub(super) fn shown(&mut self, number: u64) -> Result<Shown, Problems> {
        if let Some(known) = self.known.get(&number) {
            return Ok(known.shown);
        }
        let mut runs: Vec<Ran> = Vec::new();
        let mut told = None;
        for look in LOOKS {
            self.about = format!("{}, in {look} runs", self.knob.said(number));
            let next: Vec<usize> = (runs.len()..look).collect();
            let more = self.runs(number, &next, false);
            if let (Err(_), Some(told)) = (&more, &told) {
                // What was tried is told, though nothing may follow from it.
                self.note(number, mean_rate(&runs), told, &runs);
            }
            runs.extend(more?);
            let mut found = self.judged(&runs);
            if found.shown != Shown::Missed {
                // Of a run that was cut nobody knows by how much it misses.
                let cut: Vec<usize> = (0..look).filter(|at| runs[*at].is_cut).collect();
                for (at, run) in cut.iter().zip(self.runs(number, &cut, true)?) {
                    runs[*at] = run;
                }
                found = self.judged(&runs);
            }
            let is_clear = found.shown != Shown::Open;
            told = Some(found);
            if is_clear {
                break;
            }
        }
        let told = told.expect("there is a look");
        let count = runs.len() as f64;
        let rate = mean_rate(&runs);
        self.note(number, rate, &told, &runs);
        let lefts: Option<f64> = runs.iter().map(|run| run.left).sum();
        let shown = self.carried.map_or(told.shown, |carried| within(carried, rate, told.shown));
        let known = Known {
            shown,
            goal: told.goal,
            rate,
            suspended: runs.iter().map(|run| run.suspended).sum(),
            offered: runs.iter().map(|run| run.offered as f64).sum::<f64>() / count,
            left: lefts.map(|sum| sum / count),
            first: runs.swap_remove(0),
        };
        self.known.insert(number, known);
        Ok(shown)
    }

    /// Some runs of a number, at the same time.
    fn runs(&self, number: u64, runs: &[usize], is_whole: bool) -> Result<Vec<Ran>, Problems> {
        let one = |at: usize| {
            let of = (number, runs[at] as u64);
            let key = || format!("{} {is_whole}", self.knob.key(of.0, of.1));
            self.journal.once(key, |fuel| self.knob.run(of, is_whole, fuel))
        };
        in_order(runs.len(), self.ask.threads, one).into_iter().collect()
    }

    /// What these runs show, and of what: of what is missed by most, or comes nearest to it.
    fn judged(&self, runs: &[Ran]) -> Told {
        let goals = self.knob.goals().iter().enumerate().map(|(at, goal)| {
            let pairs: Vec<(f64, f64)> = runs.iter().map(|run| run.against[at]).collect();
            by_share(goal, &pairs)
        });
        let facts = (0..runs[0].facts.len()).map(|at| {
            let facts: Vec<&Fact> = runs.iter().map(|run| &run.facts[at]).collect();
            by_facts(&facts)
        });
        let lefts: Option<Vec<f64>> = runs.iter().map(|run| run.left).collect();
        let time = lefts.map(|lefts| by_time(self.knob.in_time(), &lefts));
        let all = goals.chain(facts).chain(time);
        let rank = |told: &Told| match told.shown {
            Shown::Missed => 2,
            Shown::Open => 1,
            Shown::Met => 0,
        };
        let worst = |a: &Told, b: &Told| rank(a).cmp(&rank(b)).then(a.weight.total_cmp(&b.weight));
        all.max_by(worst).expect("something is asked of every number")
    }

    fn note(&mut self, number: u64, rate: f64, told: &Told, runs: &[Ran]) {
        self.documents += runs.iter().map(|run| run.documents).sum::<u64>();
        let broken = runs.iter().find_map(|run| run.broken.as_ref());
        self.broken |= broken.is_some();
        let broken = broken.map_or(String::new(), |what| format!("; {what}"));
        self.probes.push(Probe {
            rate,
            seconds: runs.iter().map(|run| run.seconds).fold(0.0, f64::max),
            seeds: runs.iter().map(|run| run.seed).collect(),
            verdict: match (broken.is_empty(), told.shown) {
                (false, _) => MstVerdict::Broken,
                (true, Shown::Met) => MstVerdict::Sustainable,
                (true, Shown::Missed) => MstVerdict::Unsustainable,
                (true, Shown::Open) => MstVerdict::Undecided,
            },
            evidence: format!("{}: {}{broken}", self.knob.said(number), told.evidence),
        });
    }
}

/// Documents, or requests, a second, in the mean of all runs.
fn mean_rate(runs: &[Ran]) -> f64 {
    runs.iter().map(|run| run.rate).sum::<f64>() / runs.len() as f64
}

/// What is shown of a number that asks for `rate`, where jobs keep up with the one end of what is
/// carried, and not with the other.
fn within((low, high): (f64, f64), rate: f64, shown: Shown) -> Shown {
    match shown {
        _ if rate > high => Shown::Missed,
        Shown::Met if rate > low => Shown::Open,
        Shown::Met | Shown::Missed | Shown::Open => shown,
    }
}

fn by_share(goal: &Goal, runs: &[(f64, f64)]) -> Told {
    let allowed = allowed(goal).unwrap_or(0.0);
    let [low, high] = share(runs);
    let shown = match () {
        () if high <= allowed => Shown::Met,
        () if low > allowed => Shown::Missed,
        () => Shown::Open,
    };
    let (bad, all) = runs.iter().fold((0.0, 0.0), |sum, run| (sum.0 + run.0, sum.1 + run.1));
    let words = in_words(goal);
    let evidence = format!("{:.4} %, {words}", 100.0 * bad / all.max(1.0));
    Told { shown, weight: high / allowed, goal: words, evidence }
}

fn by_facts(facts: &[&Fact]) -> Told {
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

fn by_time(in_time: &str, lefts: &[f64]) -> Told {
    let otherwise = lefts.iter().filter(|left| **left < 0.0).count();
    let [mean, half] = mean(lefts);
    let shown = match () {
        () if mean + half < 0.0 || is_unlikely(otherwise, lefts.len()) => Shown::Missed,
        () if mean - half >= 0.0 && otherwise as f64 <= lefts.len() as f64 * OTHERWISE => {
            Shown::Met
        }
        () => Shown::Open,
    };
    let percent = 100.0 * mean;
    let evidence = match percent < 0.0 {
        false => format!("{in_time}, with {percent:.2} % of the time to spare"),
        true => format!("about {:.2} % more time is needed ({in_time})", -percent),
    };
    let evidence = match otherwise {
        0 => evidence,
        some => format!("{evidence}; {some} of {} runs are late", lefts.len()),
    };
    Told { shown, weight: 1.0 - mean, goal: in_time.to_owned(), evidence }
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
