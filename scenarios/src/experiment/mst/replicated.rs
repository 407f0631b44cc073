//! What runs of a scenario as it is written show of a number: of users, or of how many times its
//! load there is.
//!
//! A number is *met* or *missed* when runs with seeds of their own show it. There are looks at 2,
//! 4, 8, 16 and 32 runs, of which each may err with a fifth of what one side of the answer may. Of
//! a goal that allows a share, the interval of what counts against it lies on one side of what is
//! allowed. Of the time that is left when nothing is left to do, so does its mean, and all but one
//! run of twenty have some. What is so or not in a run is missed when that many runs are not
//! without it by chance if all but one of twenty have it; it is met when all but one of twenty of
//! four runs or more have it; runs that are the same to the event say together what one says. What
//! 32 runs do not show is *open*, and lies inside the answer's interval: from the most that is met
//! to the least that is missed. Where to look is said by one run of a number (`glance.rs`).

use std::collections::BTreeMap;

use floodgate_reports::{Limit, MstRecord, MstVerdict, Probe};
use serde::{Deserialize, Serialize};

use super::Ask;
use super::goals::allowed;
use super::journal::Journal;
use super::probes::unknown;
use super::shows::{Told, by_facts, by_share, by_time, share_told, time_told, worst};
use crate::experiment::fuel::Fuel;
use crate::experiment::parallel::in_order;
use crate::plan::Problems;
use crate::plan::goal::Goal;

/// Runs of a number before each look.
pub(super) const LOOKS: [usize; 5] = [2, 4, 8, 16, 32];
/// Runs of a number at most: so many seeds belong to each.
pub(super) const RUNS_MAX: u64 = 32;
/// Beside an end that one run found, and more do not confirm, no further than this.
const BESIDE_MAX: u64 = 64;
/// The share of what lies between two numbers that a guess has to take away.
pub(super) const PROGRESS: f64 = 0.25;

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
    /// Of all events: runs of two seeds that have the same are of a plant without chance.
    pub(super) digest: String,
    pub(super) broken: Option<String>,
    pub(super) suspended: u64,
    pub(super) busiest: [Option<Limit>; 2],
    /// It was stopped when so much counted against it that the rest could not make up for it.
    pub(super) is_cut: bool,
}

/// How much of a run is wanted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Extent {
    /// Until it seems to be missed: nothing but where to look follows.
    Glance,
    /// Until it is missed for sure.
    Early,
    /// To its end.
    Whole,
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
    /// A number between the two, where what is asked for probably is, if anything says so.
    fn between(&self, low: (u64, &Known), high: (u64, &Known)) -> Option<u64>;
    /// What may lie between two numbers of which the lower one is this.
    fn apart(&self, low: u64) -> f64;
    /// In words, and as the name of a run's result in a journal.
    fn said(&self, number: u64) -> String;
    fn key(&self, number: u64, run: u64) -> String;
    /// One run.
    fn run(&self, of: (u64, u64), extent: Extent, fuel: &mut Fuel<'_>) -> Result<Ran, Problems>;
}

/// A search under way.
pub(super) struct Numbers<'a, K> {
    pub(super) knob: K,
    pub(super) ask: Ask,
    pub(super) journal: &'a Journal,
    pub(super) known: BTreeMap<u64, Known>,
    /// What one run each says.
    pub(super) seen: BTreeMap<u64, Known>,
    /// Documents a second that the cleanup jobs keep up with, and with which they do not, where
    /// that is less than is asked for.
    pub(super) carried: Option<(f64, f64)>,
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
            seen: BTreeMap::new(),
            carried: None,
            probes: Vec::new(),
            documents: 0,
            broken: false,
            about: String::new(),
        }
    }

    /// From now on something else is being found out.
    pub(super) fn turn_to(&mut self, about: String) {
        self.journal.budget().progress.turn_to(&about);
        self.about = about;
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
                let about = format!("{why}; it was about {}{}", self.about, self.so_far());
                self.probes.push(unknown(0.0, &about));
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
        let from = self.looked()?;
        let Some((low, high)) = self.bracket(from, record)? else { return Ok(None) };
        self.narrowed(low, high).map(Some)
    }

    /// Numbers that ask for more than the jobs keep up with are too many from now on.
    pub(super) fn carry(&mut self, carried: (f64, f64)) {
        self.carried = Some(carried);
        for known in self.known.values_mut().chain(self.seen.values_mut()) {
            known.shown = within(carried, known.rate, known.shown);
        }
    }

    /// Whether so many documents a second are more than the jobs keep up with.
    pub(super) fn is_beyond(&self, rate: f64) -> bool {
        self.carried.is_some_and(|carried| rate > carried.1)
    }

    /// A number that is met and a greater one that is missed, looked for from these on: a little
    /// beside them first.
    fn bracket(
        &mut self,
        (mut low, mut high): (u64, u64),
        record: &mut MstRecord,
    ) -> Result<Option<(u64, u64)>, Problems> {
        let mut missed = None;
        let mut beside = 1;
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
                missed = Some(low);
            }
            low = if beside < BESIDE_MAX { fewer.max(low.saturating_sub(beside)) } else { fewer };
            beside *= 2;
        }
        high = missed.unwrap_or(high);
        let mut beside = 1;
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
            high = if beside < BESIDE_MAX { more.min(high + beside) } else { more };
            beside *= 2;
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
                    let between = self.knob.between((low, below), (high, above));
                    between.unwrap_or(low.midpoint(high)).clamp(low + 1, high - 1)
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
        // What a glance saw of a run that was not cut is that run.
        let seen = self.seen.get(&number).map(|seen| seen.first.clone());
        let mut runs: Vec<Ran> = seen.into_iter().filter(|ran| !ran.is_cut).collect();
        let mut told = None;
        for look in LOOKS {
            self.turn_to(format!("{}, in {look} runs", self.knob.said(number)));
            let next: Vec<usize> = (runs.len()..look).collect();
            let more = self.runs(number, &next, Extent::Early);
            if let (Err(_), Some(told)) = (&more, &told) {
                // What was tried is told, though nothing may follow from it.
                self.note(number, mean_rate(&runs), told, &runs);
            }
            runs.extend(more?);
            let mut found = self.judged(&runs);
            if found.shown != Shown::Missed {
                // Of a run that was cut nobody knows by how much it misses.
                let cut: Vec<usize> = (0..look).filter(|at| runs[*at].is_cut).collect();
                for (at, run) in cut.iter().zip(self.runs(number, &cut, Extent::Whole)?) {
                    runs[*at] = run;
                }
                found = self.judged(&runs);
            }
            let is_clear = found.shown != Shown::Open || are_alike(&runs);
            told = Some(found);
            if is_clear {
                break;
            }
        }
        let told = told.expect("there is a look");
        let rate = mean_rate(&runs);
        self.note(number, rate, &told, &runs);
        let shown = self.carried.map_or(told.shown, |carried| within(carried, rate, told.shown));
        self.known.insert(number, Known { shown, ..known(told, runs) });
        Ok(shown)
    }

    /// Some runs of a number, at the same time.
    fn runs(&mut self, number: u64, runs: &[usize], extent: Extent) -> Result<Vec<Ran>, Problems> {
        let of: Vec<(u64, u64)> = runs.iter().map(|run| (number, *run as u64)).collect();
        self.run_all(&of, extent)
    }

    /// Runs of numbers, at the same time.
    pub(super) fn run_all(
        &mut self,
        of: &[(u64, u64)],
        extent: Extent,
    ) -> Result<Vec<Ran>, Problems> {
        let one = |at: usize| {
            let key = || format!("{} {extent:?}", self.knob.key(of[at].0, of[at].1));
            self.journal.once(key, |fuel| self.knob.run(of[at], extent, fuel))
        };
        let ran: Result<Vec<Ran>, _> =
            in_order(of.len(), self.ask.threads, one).into_iter().collect();
        let ran = ran?;
        self.documents += ran.iter().map(|one| one.documents).sum::<u64>();
        Ok(ran)
    }

    /// What these runs show, and of what: of what is missed by most, or comes nearest to it.
    fn judged(&self, runs: &[Ran]) -> Told {
        if are_alike(runs) {
            return self.judged_alone(&runs[0]);
        }
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
        worst(goals.chain(facts).chain(time))
    }

    /// What one run shows if every other one is the same, and where to look if not.
    pub(super) fn judged_alone(&self, run: &Ran) -> Told {
        let by = |is: Option<bool>| match is {
            Some(true) => Shown::Met,
            Some(false) => Shown::Missed,
            None => Shown::Open,
        };
        let goals = self.knob.goals().iter().zip(&run.against).map(|(goal, pair)| {
            let is_met = pair.0 / pair.1.max(1.0) <= allowed(goal).unwrap_or(0.0);
            // More of what was cut may count against it.
            let known = Some(is_met).filter(|is_met| !(*is_met && run.is_cut));
            Told { shown: by(known), ..share_told(goal, &[*pair]) }
        });
        let facts =
            run.facts.iter().map(|fact| Told { shown: by(fact.is_so), ..by_facts(&[fact]) });
        let time = run.left.map(|left| Told {
            shown: by(Some(left >= 0.0)),
            ..time_told(self.knob.in_time(), &[left])
        });
        worst(goals.chain(facts).chain(time))
    }

    pub(super) fn note(&mut self, number: u64, rate: f64, told: &Told, runs: &[Ran]) {
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

/// What is kept of what these runs tell.
pub(super) fn known(told: Told, mut runs: Vec<Ran>) -> Known {
    let count = runs.len() as f64;
    let lefts: Option<f64> = runs.iter().map(|run| run.left).sum();
    Known {
        shown: told.shown,
        goal: told.goal,
        rate: mean_rate(&runs),
        suspended: runs.iter().map(|run| run.suspended).sum(),
        offered: runs.iter().map(|run| run.offered as f64).sum::<f64>() / count,
        left: lefts.map(|sum| sum / count),
        first: runs.swap_remove(0),
    }
}

/// Whether several seeds made the same run: nothing in it comes by chance.
fn are_alike(runs: &[Ran]) -> bool {
    let same = |run: &Ran| run.digest == runs[0].digest && run.is_cut == runs[0].is_cut;
    runs.len() > 1 && !runs[0].digest.is_empty() && runs.iter().all(same)
}

/// Documents, or requests, a second, in the mean of all runs.
fn mean_rate(runs: &[Ran]) -> f64 {
    runs.iter().map(|run| run.rate).sum::<f64>() / runs.len() as f64
}

/// What is shown of a number that asks for `rate`, where jobs keep up with the one end of what is
/// carried, and not with the other.
pub(super) fn within((low, high): (f64, f64), rate: f64, shown: Shown) -> Shown {
    match shown {
        _ if rate > high => Shown::Missed,
        Shown::Met if rate > low => Shown::Open,
        Shown::Met | Shown::Missed | Shown::Open => shown,
    }
}
