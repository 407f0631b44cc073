//! The most users: a search for a closed loop, where each waits for the end of a request before
//! thinking of the next.
//!
//! Nothing waits without end there, however many users there are: each has one request under way
//! at most. So a closed loop has no capacity to be found and nothing to recover from, and only a
//! goal says how many users are too many. A number of users is *met* or *missed* when runs of the
//! scenario as it is written, with seeds of their own, show it: the interval of what counts against
//! the goal lies on one side of what it allows. There are looks at 4, 8, 16 and 32 runs, of which
//! each may err with a fourth of what one side of the answer may. What 32 runs do not show is
//! *open*, and lies inside the answer's interval: from the most users that are met to the fewest
//! that are missed, the latter left out. What cleanup jobs do not get through grows without end
//! here too: users who ask for more than the jobs keep up with are too many.

use std::collections::BTreeMap;

use floodgate_reports::{Limit, MstRecord, MstVerdict, Probe, Verdict};
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF as _, StudentsT};

use super::cleaned::{Cleaned, KEEP_UP, cleanup_has_price, jobs_run, never};
use super::confirm::LOWER;
use super::goals::{against, allowed, in_words, is_of_windows, watch};
use super::journal::Journal;
use super::limit::busiest;
use super::pinned::seed_of;
use super::probes::{spent, unknown};
use super::root::WIDER;
use super::{Ask, CONFIDENCE, Search};
use crate::experiment::fuel::Fuel;
use crate::experiment::judge::{judge, per_second};
use crate::experiment::parallel::in_order;
use crate::experiment::run::outcome_on;
use crate::experiment::scale::{closed, offered_rate, searchable};
use crate::plan::expect::Expect;
use crate::plan::goal::Goal;
use crate::plan::rate::Rate;
use crate::plan::{Problems, Scenario};
use crate::setup::setup;

/// Runs at a number of users before each look.
const LOOKS: [usize; 4] = [4, 8, 16, 32];
/// Users of a load at most, as a scenario may say them.
const USERS_MAX: u32 = 1_000_000;
/// The first of the seeds; the ones before belong to other searches.
const FIRST_RUN: u64 = 60_000;

/// What runs say of a number of users.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Shown {
    Met,
    Missed,
    Open,
}

/// What is kept of a run.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Ran {
    /// What counts against each goal, and how much there was.
    against: Vec<(f64, f64)>,
    /// Requests a second.
    rate: f64,
    documents: u64,
    seconds: f64,
    seed: u64,
    broken: Option<String>,
    suspended: u64,
    busiest: [Option<Limit>; 2],
}

/// What is known of a number of users.
struct Known {
    shown: Shown,
    rate: f64,
    /// The goal that is missed, or that comes nearest to it.
    goal: usize,
    suspended: u64,
    busiest: [Option<Limit>; 2],
}

/// A search under way.
pub(super) struct Users<'a> {
    scenario: &'a Scenario,
    ask: Ask,
    journal: &'a Journal,
    /// The load whose users are searched.
    load: usize,
    written: u32,
    known: BTreeMap<u32, Known>,
    /// Documents a second that the cleanup jobs keep up with, and with which they do not, where
    /// that is less than users ask for.
    carried: Option<(f64, f64)>,
    probes: Vec<Probe>,
    documents: u64,
    broken: bool,
}

impl<'a> Users<'a> {
    /// The search, if the scenario has a load of users.
    ///
    /// # Errors
    ///
    /// What stands against it.
    pub(super) fn of(
        scenario: &'a Scenario,
        ask: Ask,
        journal: &'a Journal,
    ) -> Result<Option<Self>, Problems> {
        let Some((load, written)) = closed(scenario)? else { return Ok(None) };
        searchable(scenario)?;
        let strict =
            scenario.goals.iter().find(|goal| is_of_windows(goal) || allowed(goal).is_none());
        if let Some(goal) = strict {
            let message = format!("no number of runs shows it of users: {}", in_words(goal));
            let help = "allow a share, like 'at_most = 0.0001', or of a backlog 'share = 0.01'";
            return Err(Problems::one(message, Some(help.to_owned())));
        }
        Ok(Some(Self {
            scenario,
            ask,
            journal,
            load,
            written,
            known: BTreeMap::new(),
            carried: None,
            probes: Vec::new(),
            documents: 0,
            broken: false,
        }))
    }

    /// The whole search, into `record`.
    pub(super) fn search(mut self, record: &mut MstRecord) -> Result<(), Problems> {
        self.journal.budget().fill(self.ask.steps_max);
        match self.find(record) {
            Ok(()) => {}
            Err(_) if self.journal.budget().is_spent() => {
                self.probes.push(spent(0.0, self.ask.steps_max));
                record.verdict = MstVerdict::Undecided;
            }
            Err(problems) => return Err(problems),
        }
        if self.broken {
            record.verdict = MstVerdict::Broken;
        }
        (record.probes, record.documents_simulated) = (self.probes, self.documents);
        Ok(())
    }

    /// The answer, or why there is none.
    fn find(&mut self, record: &mut MstRecord) -> Result<(), Problems> {
        let Some((mut low, mut high)) = self.between(record)? else { return Ok(()) };
        let mut job = None;
        match self.cleaned(self.known[&low].rate)? {
            Cleaned::NoLimit => {}
            Cleaned::Limit(carried, limit) => {
                self.carry(carried);
                (record.goal, job) = (KEEP_UP.to_owned(), Some(limit));
                let Some(fewer) = self.between(record)? else { return Ok(()) };
                (low, high) = fewer;
            }
            Cleaned::Never => {
                (record.goal, record.verdict) = (KEEP_UP.to_owned(), MstVerdict::Unsustainable);
                record.limit = Some(never(self.scenario));
                return Ok(());
            }
            Cleaned::Unknown => {
                record.goal = KEEP_UP.to_owned();
                return Ok(());
            }
        }
        let known = &self.known[&low];
        let (rate, suspended) = (known.rate, known.suspended);
        [record.limit, record.next_limit] = known.busiest.clone();
        let beyond = &self.known[&high];
        match job.filter(|_| self.is_beyond(beyond.rate)) {
            Some(job) => record.next_limit = record.limit.replace(job),
            None => record.goal = in_words(&self.scenario.goals[beyond.goal]),
        }
        record.mst = Some(rate);
        record.interval = Some([rate, beyond.rate.max(rate)]);
        record.users = Some(low.into());
        record.users_interval = Some([low.into(), u64::from(high) - 1]);
        record.verdict = MstVerdict::Sustainable;
        let may_lose = self.scenario.goals.iter().any(|goal| matches!(goal, Goal::Suspended(_)));
        if suspended > 0 && !may_lose {
            record.verdict = MstVerdict::Lossy;
        }
        for share in LOWER {
            let fewer = (f64::from(low) * share) as u32;
            if fewer > 0 && self.shown(fewer)? == Shown::Missed {
                record.verdict = MstVerdict::NonMonotone;
                return Ok(());
            }
        }
        let width = f64::from(high - 1 - low);
        let asked = self.ask.precision * f64::from(low);
        if record.verdict == MstVerdict::Sustainable && width > (WIDER * asked).max(1.0) {
            let why = format!("{width} users lie between met and missed, and {asked:.0} was asked");
            self.probes.push(unknown(rate, &why));
            record.verdict = MstVerdict::Undecided;
        }
        Ok(())
    }

    /// The most users that are met and the fewest that are missed.
    fn between(&mut self, record: &mut MstRecord) -> Result<Option<(u32, u32)>, Problems> {
        let Some((low, high)) = self.bracket(record)? else { return Ok(None) };
        self.narrowed(low, high).map(Some)
    }

    /// What the cleanup jobs say of users who ask for `rate` documents a second: of as many that
    /// come by chance, for what they leave behind waits for no user.
    fn cleaned(&mut self, rate: f64) -> Result<Cleaned, Problems> {
        if jobs_run(self.scenario) && !cleanup_has_price(self.scenario) {
            return Ok(Cleaned::NoLimit);
        }
        let mut open = self.scenario.clone();
        open.loads.remove(self.load);
        let others = if open.loads.is_empty() { 0.0 } else { offered_rate(&open)? };
        let mut users = self.scenario.loads[self.load].clone();
        users.rate = Rate::Poisson((rate - others).max(rate / 1000.0));
        open.loads.insert(self.load, users);
        let mut search = Search::of(&open, self.ask, self.journal)?;
        let cleaned = search.cleaned((rate, rate))?;
        self.probes.append(&mut search.probes);
        self.documents += search.documents;
        self.broken |= search.broken;
        Ok(cleaned)
    }

    /// Users who ask for more than the jobs keep up with are too many from now on.
    fn carry(&mut self, carried: (f64, f64)) {
        self.carried = Some(carried);
        for known in self.known.values_mut() {
            known.shown = within(carried, known.rate, known.shown);
        }
    }

    /// Whether so many documents a second are more than the jobs keep up with.
    fn is_beyond(&self, rate: f64) -> bool {
        self.carried.is_some_and(|carried| rate > carried.1)
    }

    /// A number of users that is met and a greater one that is missed, looked for from the written
    /// one on.
    fn bracket(&mut self, record: &mut MstRecord) -> Result<Option<(u32, u32)>, Problems> {
        let (mut low, mut high) = (self.written, self.written);
        while self.shown(low)? != Shown::Met {
            if low == 1 {
                record.verdict = match self.known[&1].shown {
                    Shown::Missed => MstVerdict::Unsustainable,
                    Shown::Met | Shown::Open => MstVerdict::Undecided,
                };
                if !self.is_beyond(self.known[&1].rate) {
                    record.goal = in_words(&self.scenario.goals[self.known[&1].goal]);
                }
                return Ok(None);
            }
            if self.known[&low].shown == Shown::Missed {
                high = low;
            }
            low /= 2;
        }
        while self.shown(high)? != Shown::Missed {
            if high == USERS_MAX {
                let rate = self.known[&high].rate;
                self.probes
                    .push(unknown(rate, "every goal is met by as many users as there may be"));
                return Ok(None);
            }
            if self.known[&high].shown == Shown::Met {
                low = high;
            }
            high = high.saturating_mul(2).min(USERS_MAX);
        }
        Ok(Some((low, high)))
    }

    /// The same, as close as asked or as runs can tell.
    fn narrowed(&mut self, mut low: u32, mut high: u32) -> Result<(u32, u32), Problems> {
        loop {
            // What is known between the two is open.
            let open = self.known.range(low + 1..high);
            let open: Vec<u32> = open.map(|(users, _)| *users).collect();
            let least = (self.ask.precision / 2.0 * f64::from(low)).max(1.0);
            let wide = |from: u32, to: u32| f64::from(to - from) > least;
            let (first, last) = (open.first(), open.last());
            let next = match (first, last) {
                (Some(first), _) if wide(low, *first) => low.midpoint(*first),
                (_, Some(last)) if wide(*last, high) => last.midpoint(high),
                (None, _) | (_, None) if wide(low, high) => low.midpoint(high),
                _ => return Ok((low, high)),
            };
            match self.shown(next)? {
                Shown::Met => low = next,
                Shown::Missed => high = next,
                Shown::Open => {}
            }
        }
    }

    /// What runs with so many users show.
    fn shown(&mut self, users: u32) -> Result<Shown, Problems> {
        if let Some(known) = self.known.get(&users) {
            return Ok(known.shown);
        }
        let mut runs: Vec<Ran> = Vec::new();
        let mut told = (Shown::Open, 0);
        for look in LOOKS {
            let from = runs.len();
            let more = in_order(look - from, self.ask.threads, |at| self.ran(users, from + at));
            runs.extend(more.into_iter().collect::<Result<Vec<_>, _>>()?);
            told = self.judged(&runs);
            if told.0 != Shown::Open {
                break;
            }
        }
        let rate = runs.iter().map(|run| run.rate).sum::<f64>() / runs.len() as f64;
        self.note(users, rate, told, &runs);
        let shown = self.carried.map_or(told.0, |carried| within(carried, rate, told.0));
        let known = Known {
            shown,
            rate,
            goal: told.1,
            suspended: runs.iter().map(|run| run.suspended).sum(),
            busiest: runs[0].busiest.clone(),
        };
        self.known.insert(users, known);
        Ok(shown)
    }

    fn ran(&self, users: u32, at: usize) -> Result<Ran, Problems> {
        let key = || format!("users {users} {at}");
        self.journal.once(key, |fuel| self.run(users, at, fuel))
    }

    /// One run as it is written, with so many users.
    fn run(&self, users: u32, at: usize, fuel: &mut Fuel<'_>) -> Result<Ran, Problems> {
        let mut scenario = self.scenario.clone();
        // As many seeds as there may be runs for each number of users: no two share one.
        let runs = u64::from(users) * LOOKS[LOOKS.len() - 1] as u64;
        scenario.seed = seed_of(self.scenario, FIRST_RUN + runs + at as u64);
        if let Rate::Users(own) = &mut scenario.loads[self.load].rate {
            own.count = users;
        }
        scenario.expect = Expect::default();
        let lasts = scenario.loads.iter().filter_map(|load| load.measure).max();
        watch(&mut scenario, lasts.unwrap_or_default());
        let outcome = outcome_on(&setup(&scenario, 0)?, fuel)?;
        let (verdicts, _) = judge(&scenario, &outcome);
        let broken = verdicts.iter().find(|row| row.verdict == Verdict::Fail);
        Ok(Ran {
            against: scenario.goals.iter().map(|goal| against(goal, &outcome)).collect(),
            rate: per_second(&outcome, outcome.meters.offered_in_window),
            documents: outcome.meters.received,
            seconds: outcome.ended.as_secs_f64(),
            seed: scenario.seed,
            broken: broken.map(|row| row.name.clone()),
            suspended: outcome.meters.suspended,
            busiest: busiest(&outcome.resources),
        })
    }

    /// What these runs show, and of which goal.
    fn judged(&self, runs: &[Ran]) -> (Shown, usize) {
        let one = |(at, goal): (usize, &Goal)| {
            let allowed = allowed(goal).unwrap_or(0.0);
            let pairs: Vec<(f64, f64)> = runs.iter().map(|run| run.against[at]).collect();
            let [low, high] = share(&pairs);
            let shown = match () {
                () if high <= allowed => Shown::Met,
                () if low > allowed => Shown::Missed,
                () => Shown::Open,
            };
            (shown, at, high / allowed)
        };
        let all: Vec<_> = self.scenario.goals.iter().enumerate().map(one).collect();
        let worst = |shown: Shown| {
            let those = all.iter().filter(|one| one.0 == shown);
            those.max_by(|a, b| a.2.total_cmp(&b.2)).map(|one| (one.0, one.1))
        };
        let told = worst(Shown::Missed).or_else(|| worst(Shown::Open));
        told.or_else(|| worst(Shown::Met)).unwrap_or((Shown::Open, 0))
    }

    fn note(&mut self, users: u32, rate: f64, (shown, goal): (Shown, usize), runs: &[Ran]) {
        let documents = runs.iter().map(|run| run.documents).sum::<u64>();
        self.documents += documents;
        let broken = runs.iter().find_map(|run| run.broken.as_ref());
        self.broken |= broken.is_some();
        let bad: f64 = runs.iter().map(|run| run.against[goal].0).sum();
        let all: f64 = runs.iter().map(|run| run.against[goal].1).sum();
        let words = in_words(&self.scenario.goals[goal]);
        let broken = broken.map_or(String::new(), |what| format!("; {what}"));
        self.probes.push(Probe {
            rate,
            seconds: runs.iter().map(|run| run.seconds).fold(0.0, f64::max),
            seeds: runs.iter().map(|run| run.seed).collect(),
            verdict: match (broken.is_empty(), shown) {
                (false, _) => MstVerdict::Broken,
                (true, Shown::Met) => MstVerdict::Sustainable,
                (true, Shown::Missed) => MstVerdict::Unsustainable,
                (true, Shown::Open) => MstVerdict::Undecided,
            },
            evidence: format!(
                "{users} users: {:.4} %, {words}{broken}",
                100.0 * bad / all.max(1.0)
            ),
        });
    }
}

/// What is shown of users who ask for `rate`, where jobs keep up with the one end of what is
/// carried, and not with the other.
fn within((low, high): (f64, f64), rate: f64, shown: Shown) -> Shown {
    match shown {
        _ if rate > high => Shown::Missed,
        Shown::Met if rate > low => Shown::Open,
        Shown::Met | Shown::Missed | Shown::Open => shown,
    }
}

/// Between what ends the share of all runs lies, at what one look of one side may err.
fn share(runs: &[(f64, f64)]) -> [f64; 2] {
    let error = (1.0 - CONFIDENCE) / 2.0 / LOOKS.len() as f64;
    let count = runs.len() as f64;
    let all: f64 = runs.iter().map(|run| run.1).sum();
    let mean = runs.iter().map(|run| run.0).sum::<f64>() / all;
    // A ratio of means: what each run has beyond its due, over what a run has.
    let beyond = runs.iter().map(|run| run.0 - mean * run.1);
    let squares: f64 = beyond.map(|own| own * own).sum();
    let deviation = (squares / (count - 1.0) / count).sqrt() / (all / count);
    let student = StudentsT::new(0.0, 1.0, count - 1.0).expect("there are several runs");
    let half = student.inverse_cdf(1.0 - error) * deviation;
    // Nothing at all is seen by chance where the share is so small.
    let unseen = -libm::log(error) / all;
    [mean - half, (mean + half).max(unseen)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_seen_of_a_few_is_no_proof_of_a_small_share() {
        let [low, high] = share(&[(0.0, 100.0); 4]);
        assert!(low <= 0.0 && (0.012..0.013).contains(&high), "{low} {high}");
        let [low, high] = share(&[(1.0, 100.0), (3.0, 100.0), (2.0, 100.0), (2.0, 100.0)]);
        // Student's quantile of three degrees of freedom at 99.375 % is 5.39, the error 0.408 %.
        assert!((low + 0.0020).abs() < 1e-4 && (high - 0.0420).abs() < 1e-4, "{low} {high}");
    }
}
