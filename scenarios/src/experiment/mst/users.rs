//! The most users: a search for a closed loop, where each waits for the end of a request before
//! thinking of the next.
//!
//! Nothing waits without end there, however many users there are: each has one request under way
//! at most. So a closed loop has no capacity to be found and nothing to recover from, and only a
//! goal says how many users are too many, which runs of the scenario as it is written show
//! (`replicated.rs`). What cleanup jobs do not get through grows without end here too: users who
//! ask for more than the jobs keep up with are too many.

use std::collections::BTreeMap;

use floodgate_engine::time::{Duration, Instant};
use floodgate_reports::{MstRecord, MstVerdict, Verdict};
use floodgate_sim::world::World;

use super::cleaned::{Cleaned, KEEP_UP, cleanup_has_price, jobs_run, never};
use super::confirm::LOWER;
use super::goals::{against, allowed, in_words, is_of_windows, watch};
use super::journal::Journal;
use super::limit::busiest;
use super::pinned::{broken, seed_of};
use super::probes::unknown;
use super::replicated::{Extent, Knob, Known, Numbers, RUNS_MAX, Ran};
use super::root::WIDER;
use super::{Ask, Search};
use crate::experiment::fuel::Fuel;
use crate::experiment::judge::{judge, per_second};
use crate::experiment::scale::{closed, offered_rate, searchable};
use crate::plan::expect::Expect;
use crate::plan::goal::Goal;
use crate::plan::rate::Rate;
use crate::plan::{Problems, Scenario};
use crate::setup::setup;

/// Users of a load at most, as a scenario may say them.
const USERS_MAX: u64 = 1_000_000;
/// The first of the seeds; the ones before belong to other searches.
const FIRST_RUN: u64 = 60_000;
/// Looks at a run that might be over early.
const EARLY_LOOKS: u32 = 64;
/// Answers of a run that may be there beyond those that are to be expected, as a factor.
const EARLY_MARGIN: f64 = 1.25;
/// Late answers beyond twice what is allowed: two runs with fewer show nothing.
const EARLY_LATE: f64 = 5000.0;

/// The users of one load.
pub(super) struct Crowd<'a> {
    scenario: &'a Scenario,
    load: usize,
    written: u64,
    precision: f64,
}

/// A search under way.
pub(super) struct Users<'a> {
    numbers: Numbers<'a, Crowd<'a>>,
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
        let crowd = Crowd { scenario, load, written: written.into(), precision: ask.precision };
        Ok(Some(Self { numbers: Numbers::new(crowd, ask, journal) }))
    }

    /// The whole search, into `record`.
    pub(super) fn search(mut self, record: &mut MstRecord) -> Result<(), Problems> {
        let numbers = &self.numbers;
        numbers.journal.budget().fill(numbers.ask.steps_max);
        let found = self.find(record);
        self.numbers.finish(found, record)
    }

    /// The answer, or why there is none.
    fn find(&mut self, record: &mut MstRecord) -> Result<(), Problems> {
        let Some((mut low, mut high)) = self.numbers.between(record)? else { return Ok(()) };
        let mut job = None;
        match self.cleaned(self.numbers.known[&low].rate)? {
            Cleaned::NoLimit => {}
            Cleaned::Limit(carried, limit) => {
                self.numbers.carry(carried);
                (record.goal, job) = (KEEP_UP.to_owned(), Some(limit));
                let Some(fewer) = self.numbers.between(record)? else { return Ok(()) };
                (low, high) = fewer;
            }
            Cleaned::Never => {
                (record.goal, record.verdict) = (KEEP_UP.to_owned(), MstVerdict::Unsustainable);
                record.limit = Some(never(self.numbers.knob.scenario));
                return Ok(());
            }
            Cleaned::Unknown => {
                record.goal = KEEP_UP.to_owned();
                return Ok(());
            }
        }
        let numbers = &mut self.numbers;
        let known = &numbers.known[&low];
        let (rate, suspended) = (known.rate, known.suspended);
        [record.limit, record.next_limit] = known.first.busiest.clone();
        let beyond = &numbers.known[&high];
        match job.filter(|_| numbers.is_beyond(beyond.rate)) {
            Some(job) => record.next_limit = record.limit.replace(job),
            None => record.goal.clone_from(&beyond.goal),
        }
        record.mst = Some(rate);
        record.interval = Some([rate, beyond.rate.max(rate)]);
        record.users = Some(low);
        record.users_interval = Some([low, high - 1]);
        record.verdict = MstVerdict::Sustainable;
        let mut goals = numbers.knob.scenario.goals.iter();
        if suspended > 0 && !goals.any(|goal| matches!(goal, Goal::Suspended(_))) {
            record.verdict = MstVerdict::Lossy;
        }
        let fewer = LOWER.iter().map(|share| (low as f64 * share) as u64);
        let fewer: Vec<u64> = fewer.filter(|fewer| *fewer > 0).collect();
        if numbers.is_contradicted((low, high), &fewer)? {
            record.verdict = MstVerdict::NonMonotone;
            return Ok(());
        }
        let width = (high - 1 - low) as f64;
        let asked = numbers.ask.precision * low as f64;
        if record.verdict == MstVerdict::Sustainable && width > (WIDER * asked).max(1.0) {
            let why = format!("{width} users lie between met and missed, and {asked:.0} was asked");
            numbers.probes.push(unknown(rate, &why));
            record.verdict = MstVerdict::Undecided;
        }
        Ok(())
    }

    /// What the cleanup jobs say of users who ask for `rate` documents a second: of as many that
    /// come by chance, for what they leave behind waits for no user.
    fn cleaned(&mut self, rate: f64) -> Result<Cleaned, Problems> {
        let Crowd { scenario, load, .. } = self.numbers.knob;
        if jobs_run(scenario) && !cleanup_has_price(scenario) {
            return Ok(Cleaned::NoLimit);
        }
        let mut open = scenario.clone();
        open.loads.remove(load);
        let others = if open.loads.is_empty() { 0.0 } else { offered_rate(&open)? };
        let mut users = scenario.loads[load].clone();
        users.rate = Rate::Poisson((rate - others).max(rate / 1000.0));
        open.loads.insert(load, users);
        let mut search = Search::of(&open, self.numbers.ask, self.numbers.journal)?;
        let cleaned = search.cleaned((rate, rate));
        self.numbers.probes.append(&mut search.probes);
        self.numbers.documents += search.documents;
        self.numbers.broken |= search.broken;
        cleaned
    }
}

impl Knob for Crowd<'_> {
    fn goals(&self) -> &[Goal] {
        &self.scenario.goals
    }

    fn in_time(&self) -> &str {
        ""
    }

    fn written(&self) -> u64 {
        self.written
    }

    fn fewer(&self, than: u64, _: &Known) -> u64 {
        (than / 2).max(1)
    }

    fn more(&self, than: u64, _: &BTreeMap<u64, Known>) -> u64 {
        (than * 2).min(USERS_MAX)
    }

    fn between(&self, _: (u64, &Known), _: (u64, &Known)) -> Option<u64> {
        None
    }

    fn apart(&self, low: u64) -> f64 {
        (self.precision / 2.0 * low as f64).max(1.0)
    }

    fn said(&self, number: u64) -> String {
        format!("{number} users")
    }

    fn key(&self, number: u64, run: u64) -> String {
        format!("users {number} {run}")
    }

    /// One run as it is written, with so many users.
    fn run(
        &self,
        (number, run): (u64, u64),
        extent: Extent,
        fuel: &mut Fuel<'_>,
    ) -> Result<Ran, Problems> {
        let mut scenario = self.scenario.clone();
        // As many seeds as there may be runs for each number of users: no two share one.
        scenario.seed = seed_of(self.scenario, FIRST_RUN + number * RUNS_MAX + run);
        if let Rate::Users(own) = &mut scenario.loads[self.load].rate {
            own.count = u32::try_from(number).expect("there are a million at most");
        }
        scenario.expect = Expect::default();
        let lasts = scenario.loads.iter().filter_map(|load| load.measure).max();
        watch(&mut scenario, lasts.unwrap_or_default());
        let mut world = World::new(&setup(&scenario, 0)?);
        if extent != Extent::Whole
            && let Some(cut) = self.missed_early(number, &mut world, fuel)?
        {
            return Ok(Ran { seed: scenario.seed, ..cut });
        }
        fuel.run_until(&mut world, Instant::MAX)?;
        let outcome = world.conclude();
        let (verdicts, _) = judge(&scenario, &outcome);
        let failed = verdicts.iter().find(|row| row.verdict == Verdict::Fail);
        Ok(Ran {
            against: scenario.goals.iter().map(|goal| against(goal, &outcome)).collect(),
            rate: per_second(&outcome, outcome.meters.offered_in_window),
            offered: outcome.meters.offered,
            documents: outcome.meters.received,
            seconds: outcome.ended.as_secs_f64(),
            seed: scenario.seed,
            digest: outcome.digest.clone(),
            broken: failed.map(|row| row.name.clone()),
            suspended: outcome.meters.suspended,
            busiest: busiest(&outcome.resources),
            ..Ran::default()
        })
    }
}

impl Crowd<'_> {
    /// Runs until so many answers are late that no rest of the run makes up for it: what is known
    /// then, with as much against the goal as there is at least. Nothing if that does not happen.
    ///
    /// Whoever gets every answer at once asks as often as thinking allows; more than that, by six
    /// standard deviations, nobody asks.
    fn missed_early(
        &self,
        users: u64,
        world: &mut World,
        fuel: &mut Fuel<'_>,
    ) -> Result<Option<Ran>, Problems> {
        let load = &self.scenario.loads[self.load];
        let (Rate::Users(own), Some(lasts), true) =
            (&load.rate, load.measure, self.scenario.loads.len() == 1)
        else {
            return Ok(None);
        };
        let from = Instant::ZERO + load.start + load.warm_up;
        let asked = users as f64 * lasts.as_secs_f64() / own.think.mean().as_secs_f64();
        let asked_max = asked + 6.0 * asked.sqrt() + users as f64;
        if !asked_max.is_finite() {
            return Ok(None);
        }
        for look in 1..EARLY_LOOKS {
            let span = lasts.as_secs_f64() * f64::from(look) / f64::from(EARLY_LOOKS);
            fuel.run_until(world, from + Duration::from_secs_f64(span))?;
            let meters = world.meters();
            let (answers, offered) = (&meters.latency, meters.offered_in_window as f64);
            let each = (answers.len() as f64 / offered.max(1.0)).max(1.0);
            let all = asked_max * each * EARLY_MARGIN;
            let enough = |goal: &Goal| {
                let Goal::Late(late) = goal else { return None };
                let bad = answers.len() - answers.count_between(0, late.over.as_nanos());
                let enough = 2.0 * late.at_most * all + EARLY_LATE;
                (bad as f64 >= enough).then_some(enough)
            };
            let goals = self.scenario.goals.iter();
            let missed: Vec<Option<f64>> = goals.map(enough).collect();
            if missed.iter().any(Option::is_some) {
                return Ok(Some(Ran {
                    against: missed.iter().map(|bad| (bad.unwrap_or(0.0), all)).collect(),
                    rate: offered / span,
                    offered: meters.offered,
                    documents: meters.received,
                    seconds: world.now().as_secs_f64(),
                    broken: broken(world),
                    suspended: meters.suspended,
                    is_cut: true,
                    ..Ran::default()
                }));
            }
        }
        Ok(None)
    }
}
