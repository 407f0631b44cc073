//! The load at which just as large a share is late, suspended, throttled as a goal allows.
//!
//! The runs that say where to look are not used for the answer: an estimate that counts the runs
//! which led to it covers less than it says. So a bracket and two pilots find the place and the
//! scatter, and the answer comes from fresh runs, as many as the asked width needs.

use floodgate_engine::hash::mix;
use floodgate_engine::time::Duration;
use floodgate_reports::{MstVerdict, Probe, Verdict};

use serde::{Deserialize, Serialize};

use super::confirm::{Confirmation, GOAL_REPLICATIONS, confirm_documents};
use super::goals::{against, allowed, in_words, is_of_windows, watch};
use super::late::{Line, Seen};
use super::pinned::seed_of;
use super::{CONFIDENCE, Search, unknown};
use crate::experiment::fuel::Fuel;
use crate::experiment::judge::judge;
use crate::experiment::parallel::in_order;
use crate::experiment::run::outcome_on;
use crate::plan::expect::Expect;
use crate::plan::goal::Goal;
use crate::plan::{Problems, Scenario};
use crate::setup::setup;

/// Halvings of what is left to the capacity before the goal counts as met up to it.
const DOUBLINGS: i32 = 10;
/// Virtual seconds of a run that only brackets, and of the first pilot.
const SECONDS_FIRST: f64 = 20.0;
const SECONDS_PILOT: f64 = 60.0;
/// A run lasts for so many of the times in which a queue forgets, of one place and exponential
/// work at that load; one that only brackets for a seventh of it, or until it has seen enough.
const RELAXATIONS: f64 = 100.0;
const BRACKETING: f64 = 7.0;
/// Before that, from an empty start, it warms up for so many of them, or a quarter of the run.
const SETTLED: f64 = 5.0;
const DOCUMENTS_FIRST: f64 = 20_000.0;
/// The answer must lie where the second pilot looked, or it looks again, so often at most.
const ROUNDS: usize = 3;
/// The scatter of shares, relative to their mean, that a run is long enough for.
const SCATTER_MAX: f64 = 0.7;
/// How often the pilot may be twice as long.
const LONGER: u32 = 3;
/// Windows of a run, for a goal that is about whole windows; the documents in them, at most.
const WINDOWS: f64 = 20.0;
const DOCUMENTS_MAX: f64 = 2e6;
/// Runs of the pilots.
const PILOT: usize = 6;
const SECOND: usize = 12;
/// Rates of the pilots and of the answer lie so far from their centre, relative to it; for a wide
/// interval the later ones so many times further, or their slope is all chance. What is above the
/// centre lies at most so much of the way to the capacity.
const AWAY_PILOT: f64 = 0.03;
const AWAY_SECOND: f64 = 0.025;
const AWAY: f64 = 0.02;
const WIDE: f64 = 0.02;
const WIDER_MAX: f64 = 1.5;
const TO_CAPACITY: f64 = 0.7;
/// The answer's runs, at least, and at most; rather than more than so many they last longer,
/// since each begins with a warm-up that says nothing.
const RUNS_MIN: f64 = 16.0;
const RUNS_MAX: f64 = 400.0;
const RUNS_ENOUGH: f64 = 32.0;
/// Fewer runs than the least would do: they are so much shorter at most.
const SHORTER_MAX: f64 = 0.4;
/// How many times as many there may be when the first of them scatter more than the pilots did.
const RUNS_MORE: f64 = 4.0;
/// An interval this much wider than asked is still told.
const WIDER: f64 = 1.1;
const TOLD: f64 = 4.0;
/// Documents of a run, at least.
const DOCUMENTS_MIN: f64 = 2_000.0;
/// Windows of a run that only brackets.
const WINDOWS_FIRST: f64 = 10.0;
/// The first of their seeds; the ones before belong to other parts of the search.
const FIRST_RUN: u64 = 20_000;

/// The load that just meets a goal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Root {
    pub(super) rate: f64,
    pub(super) half: f64,
    line: Line,
    /// The variance of what counts against the goal, as a multiple of its mean.
    dispersion: f64,
}

impl Root {
    /// Whether runs at `rate` say that the line is wrong: by more than chance explains, so much as
    /// there is on the other side of what is allowed.
    fn is_contradicted(&self, rate: f64, share: f64, (bad, all): (f64, f64)) -> bool {
        let chance = (self.dispersion * self.line.share(rate) * all).sqrt() * NO_CHANCE;
        if rate > self.rate { bad + chance < share * all } else { bad - chance > share * all }
    }
}

/// The goal that binds, and what a look at the load that just meets it is like.
#[derive(Clone, Debug)]
pub(super) struct Bound {
    pub(super) goal: Goal,
    pub(super) rate: f64,
    /// By how much the logarithm of its share rises with that of the load.
    pub(super) slope: f64,
    /// Warm-up and window of a run; and the windows of a goal that is about whole ones.
    pub(super) spans: (Duration, Duration),
    pub(super) windows: u64,
}

/// Runs on either side of the answer that must not contradict it, together.
const AGREEING: usize = 2;
/// They are so many half-widths of the interval from it.
const AGREE_DISTANCE: f64 = 2.0;
/// Standard errors that no chance explains.
const NO_CHANCE: f64 = 3.0;

/// What is kept of a run.
#[derive(Deserialize, Serialize)]
pub(super) struct Ran {
    pub(super) against: (f64, f64),
    pub(super) documents: u64,
    pub(super) broken: bool,
}

impl Ran {
    /// The run of a scenario whose loads say how long it takes.
    pub(super) fn of(
        goal: &Goal,
        mut scenario: Scenario,
        lasts: Duration,
        fuel: &mut Fuel<'_>,
    ) -> Result<Self, Problems> {
        scenario.expect = Expect::default();
        for load in &mut scenario.loads {
            (load.count, load.measure) = (None, Some(lasts));
        }
        scenario.drain = Duration::ZERO;
        watch(&mut scenario, lasts);
        let outcome = outcome_on(&setup(&scenario, 0)?, fuel)?;
        let (verdicts, _) = judge(&scenario, &outcome);
        Ok(Self {
            against: against(goal, &outcome),
            documents: outcome.meters.received,
            broken: verdicts.iter().any(|row| row.verdict == Verdict::Fail),
        })
    }

    /// With what another run saw.
    pub(super) fn and(self, other: &Self) -> Self {
        Self {
            against: (self.against.0 + other.against.0, self.against.1 + other.against.1),
            documents: self.documents + other.documents,
            broken: self.broken || other.broken,
        }
    }
}

/// The share of a goal under search.
struct Looking<'s, 'a> {
    search: &'s mut Search<'a>,
    goal: Goal,
    /// The share that it allows.
    at_most: f64,
    capacity: f64,
    /// Runs so far.
    runs: u64,
}

impl Search<'_> {
    /// The interval of the load that just meets the goals, all of which are shares, and a run that
    /// meets them. None where a bracket has to do.
    pub(super) fn by_share(
        &mut self,
        capacity: f64,
        binding: &mut String,
    ) -> Result<Option<(f64, f64, Confirmation)>, Problems> {
        let mut least: Option<(Root, Bound, usize)> = None;
        for (at, goal) in self.scenario.goals.iter().enumerate() {
            let Some(at_most) = allowed(goal) else { return Ok(None) };
            let Some((root, bound)) = self.root(capacity, goal, at_most)? else { continue };
            if least.as_ref().is_none_or(|(least, ..)| root.rate < least.rate) {
                least = Some((root, bound, at));
            }
        }
        let Some((root, bound, at)) = least else { return Ok(None) };
        let goal = &self.scenario.goals[at];
        let away = AGREE_DISTANCE * root.half;
        if away >= root.rate / 2.0 {
            // So wide an interval has no load well below it that could agree.
            return Ok(None);
        }
        let rates = [root.rate - away, root.rate + away];
        let tried = self.empty_starts(&[rates; AGREEING].concat())?;
        let sum = |runs: &[Confirmation], at: usize| {
            let all = runs.iter().map(|one| one.against[at]);
            all.fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
        };
        let (below, above): (Vec<_>, Vec<_>) =
            tried.into_iter().partition(|one| one.rate < root.rate);
        let share = allowed(goal).unwrap_or(0.0);
        let is_contradicted = root.is_contradicted(rates[0], share, sum(&below, at))
            || root.is_contradicted(rates[1], share, sum(&above, at));
        // Some other goal might bind that has no line.
        let misses = |(other, goal): (usize, &Goal)| {
            let (bad, all) = sum(&below, other);
            other != at && bad > allowed(goal).unwrap_or(0.0) * all
        };
        if is_contradicted || self.scenario.goals.iter().enumerate().any(misses) {
            return Ok(None);
        }
        *binding = in_words(goal);
        self.bound = Some(bound);
        // By chance one may have more than the share: they are judged together.
        let worst = below.into_iter().max_by_key(|one| one.otherwise != MstVerdict::Sustainable);
        Ok(worst.map(|one| (root.rate - root.half, root.rate + root.half, one.with_goals_met())))
    }

    /// The load at which the share is what `goal` allows, below `capacity`. None where
    /// the share does not rise with the load as it should, so that a bracket has to do.
    fn root(
        &mut self,
        capacity: f64,
        goal: &Goal,
        at_most: f64,
    ) -> Result<Option<(Root, Bound)>, Problems> {
        let mut looking = Looking { search: self, goal: goal.clone(), at_most, capacity, runs: 0 };
        let most = looking.window(capacity).as_secs_f64() * WINDOWS * capacity;
        if most > DOCUMENTS_MAX {
            // So rare that no number of runs which anybody waits for would show it.
            looking.too_rare();
            return Ok(None);
        }
        let Some(around) = looking.bracket()? else { return Ok(None) };
        let window = looking.window(around).as_secs_f64();
        let windows = window * WINDOWS;
        let mut seconds = looking.relaxed(around).max(SECONDS_PILOT).max(windows);
        let mut first = looking.spread(around, (PILOT, AWAY_PILOT), seconds)?;
        for _ in 0..LONGER {
            if scatter(&first) <= SCATTER_MAX || is_of_windows(goal) {
                break;
            }
            seconds *= 2.0;
            first = looking.spread(around, (PILOT, AWAY_PILOT), seconds)?;
        }
        let line = Line::through(&first, around).filter(Line::rises);
        let mut centre = looking.near(around, line);
        let mut pilot = first;
        for round in 1..=ROUNDS {
            seconds = seconds.max(looking.relaxed(centre));
            pilot.extend(looking.spread(centre, (SECOND, looking.away(AWAY_SECOND)), seconds)?);
            let line = Line::through(&pilot, centre).filter(Line::is_up);
            let found = looking.near(centre, line);
            let is_there = (found / centre - 1.0).abs() <= looking.away(AWAY_SECOND);
            if let Some(line) = line.filter(Line::rises).filter(|_| is_there || round == ROUNDS) {
                let root = looking.answer(&line, found, pilot.len(), seconds)?;
                return Ok(root.map(|root| (root, looking.bound(&root))));
            }
            centre = found;
        }
        Ok(None)
    }
}

impl Looking<'_, '_> {
    /// Where to look next: where the line says, but not far away.
    fn near(&self, centre: f64, line: Option<Line>) -> f64 {
        let found = line.map_or(centre, |line| line.root(self.at_most));
        found.clamp(0.92 * centre, (1.06 * centre).min(0.999 * self.capacity))
    }

    /// What a goal about whole windows is judged over: what the loads say is measured, or so many
    /// documents.
    fn window(&self, rate: f64) -> Duration {
        let least = confirm_documents(&self.search.scenario.goals) / rate;
        let least = Duration::from_secs_f64(least);
        let loads = self.search.scenario.loads.iter().filter_map(|load| load.measure).max();
        if is_of_windows(&self.goal) { least.max(loads.unwrap_or(least)) } else { Duration::ZERO }
    }

    /// Notes that a goal has no estimate.
    fn too_rare(&mut self) {
        let evidence = format!(
            "{}: too rare for a line: {WINDOWS} windows are more than {:.0} million \
             documents; what is told is a bracket of {GOAL_REPLICATIONS} seeds",
            in_words(&self.goal),
            DOCUMENTS_MAX / 1e6
        );
        self.search.probes.push(unknown(self.capacity, &evidence));
    }

    /// Seconds in which a queue at `rate` forgets often enough.
    fn relaxed(&self, rate: f64) -> f64 {
        let away = self.capacity.sqrt() - rate.sqrt();
        RELAXATIONS / (away * away)
    }

    /// A rate at which about as large a share is bad as may be.
    fn bracket(&mut self) -> Result<Option<f64>, Problems> {
        let capacity = self.capacity;
        let (mut low, mut high) = (0.0, None);
        for k in 1..=DOUBLINGS {
            let rate = capacity * (1.0 - 0.5_f64.powi(k));
            if self.share(rate)? > self.at_most {
                high = Some(rate);
                break;
            }
            low = rate;
        }
        let Some(mut high) = high else { return Ok(None) };
        if low <= 0.0 {
            // Half of the capacity is too much: what is late there is not late by the queue alone.
            return Ok(None);
        }
        for _ in 0..2 {
            let rate = f64::midpoint(low, high);
            if self.share(rate)? > self.at_most {
                high = rate;
            } else {
                low = rate;
            }
        }
        Ok(Some(f64::midpoint(low, high)))
    }

    fn share(&mut self, rate: f64) -> Result<f64, Problems> {
        let enough = (self.relaxed(rate) / BRACKETING).min(DOCUMENTS_FIRST / rate);
        let windows = self.window(rate).as_secs_f64() * WINDOWS_FIRST;
        let seen = self.runs(&[rate, rate], enough.max(SECONDS_FIRST).max(windows))?;
        let late: f64 = seen.iter().map(|one| one.late).sum();
        Ok(late / seen.iter().map(|one| one.samples).sum::<f64>())
    }

    fn away(&self, least: f64) -> f64 {
        least * (self.search.ask.precision / WIDE).clamp(1.0, WIDER_MAX)
    }

    /// How far from `centre` to look: so far, unless the capacity is near.
    fn below_capacity(&self, centre: f64, away: f64) -> f64 {
        away.min(TO_CAPACITY * (self.capacity / centre - 1.0))
    }

    /// Runs at both sides of `centre` in turn.
    fn spread(
        &mut self,
        centre: f64,
        (count, away): (usize, f64),
        seconds: f64,
    ) -> Result<Vec<Seen>, Problems> {
        let away = self.below_capacity(centre, away);
        let side = |at: usize| if at.is_multiple_of(2) { 1.0 - away } else { 1.0 + away };
        let rates: Vec<f64> = (0..count).map(|at| centre * side(at)).collect();
        self.runs(&rates, seconds)
    }

    /// Fresh runs, as many as the width needs by what the pilots scattered.
    fn answer(
        &mut self,
        pilot: &Line,
        centre: f64,
        piloted: usize,
        seconds: f64,
    ) -> Result<Option<Root>, Problems> {
        let share = self.at_most;
        let wanted = self.search.ask.precision / 2.0 * centre;
        let one = pilot.error(share) * (piloted as f64).sqrt();
        let needed = (1.96 * one / wanted).powi(2) * 1.4 + 2.0;
        let shorter = (needed / RUNS_MIN).clamp(SHORTER_MAX, 1.0);
        let needed = needed.clamp(RUNS_MIN, RUNS_MAX);
        let longer = (needed / RUNS_ENOUGH).floor().max(1.0) * shorter;
        let even = |runs: f64| 2 * (runs / 2.0).ceil() as usize;
        let (count, seconds) = (even(needed / longer.max(1.0)), seconds * longer);
        let away = self.away(AWAY);
        let mut seen = self.spread(centre, (count, away), seconds)?;
        // That it rises is what the pilots, which lie further apart, were asked.
        let Some(first) = Line::through(&seen, centre).filter(Line::is_up) else {
            return Ok(None);
        };
        let half = first.half(share, CONFIDENCE);
        if half > WIDER * wanted {
            // They scatter more than the pilots did. Once, and as many more as that needs: adding
            // runs until an interval looks narrow would make it hold less than it says.
            let more = (half / wanted).powi(2).min(RUNS_MORE) - 1.0;
            seen.extend(self.spread(centre, (even(count as f64 * more), away), seconds)?);
        }
        let Some(line) = Line::through(&seen, centre).filter(Line::is_up) else {
            return Ok(None);
        };
        let half = line.half(share, CONFIDENCE);
        let runs = seen.len() as u64;
        let away = self.below_capacity(centre, away);
        let (rate, dispersion) = (line.root(share), line.dispersion(&seen));
        self.search.probes.push(Probe {
            rate,
            seconds,
            seeds: (0..runs).map(|at| self.seed(self.runs - runs + at)).collect(),
            verdict: MstVerdict::Sustainable,
            evidence: format!(
                "{} just there: a line through {runs} runs at {:.1} and {:.1}/s, ± {half:.2}",
                in_words(&self.goal),
                centre * (1.0 - away),
                centre * (1.0 + away),
            ),
        });
        let root = Root { rate, half, line, dispersion };
        Ok((half <= TOLD * wanted && rate > 0.0).then_some(root))
    }

    fn seed(&self, run: u64) -> u64 {
        seed_of(self.search.scenario, FIRST_RUN + run)
    }

    /// Runs from an empty start at these rates, with seeds of their own.
    fn runs(&mut self, rates: &[f64], seconds: f64) -> Result<Vec<Seen>, Problems> {
        let (first, threads) = (self.runs, self.search.ask.threads);
        self.runs += rates.len() as u64;
        let this = &*self;
        let all = in_order(rates.len(), threads, |at| {
            let (rate, run) = (rates[at], first + at as u64);
            let key = || format!("goal {:?} {rate} {run} {seconds}", this.goal);
            this.search.journal.once(key, |fuel| this.run(rate, run, seconds, fuel))
        });
        let mut seen = Vec::new();
        for (rate, run) in rates.iter().zip(all) {
            let Ran { against: (late, samples), documents, broken } = run?;
            self.search.documents += documents;
            self.search.broken |= broken;
            seen.push(Seen { rate: *rate, late, samples });
        }
        Ok(seen)
    }

    /// One run, or as many as there are windows in its time.
    fn run(&self, rate: f64, run: u64, seconds: f64, fuel: &mut Fuel<'_>) -> Result<Ran, Problems> {
        let window = self.window(rate);
        if window.is_zero() {
            return self.once(rate, self.seed(run), seconds, fuel);
        }
        let windows = (seconds / window.as_secs_f64()).round().max(1.0) as u64;
        let mut ran = self.once(rate, self.seed(run), 0.0, fuel)?;
        for more in 1..windows {
            ran = ran.and(&self.once(rate, mix(self.seed(run), more), 0.0, fuel)?);
        }
        Ok(ran)
    }

    /// One run from an empty start; of a goal about whole windows, over such a window.
    fn once(
        &self,
        rate: f64,
        seed: u64,
        seconds: f64,
        fuel: &mut Fuel<'_>,
    ) -> Result<Ran, Problems> {
        let mut scenario = self.search.scaled(rate);
        scenario.seed = seed;
        let (settled, lasts) = self.spans(rate, seconds);
        for load in &mut scenario.loads {
            load.warm_up = load.warm_up.max(settled);
        }
        Ran::of(&self.goal, scenario, lasts, fuel)
    }

    /// How long a run at `rate` warms up, and its window, of so many seconds at least.
    fn spans(&self, rate: f64, seconds: f64) -> (Duration, Duration) {
        let search = &*self.search;
        let least = Duration::from_secs_f64(seconds.max(DOCUMENTS_MIN / rate));
        // Whole periods: the half of a day is no day.
        let period = search.period.at(rate / search.written);
        let lasts = match (self.window(rate), least.as_nanos().checked_div(period.as_nanos())) {
            (window, _) if !window.is_zero() => window,
            (_, Some(whole)) => period.times(whole + 1),
            (_, None) => least,
        };
        let settled = self.relaxed(rate) / RELAXATIONS * SETTLED;
        (Duration::from_secs_f64(settled.min(lasts.as_secs_f64() / 4.0)), lasts)
    }

    /// What is kept of the answer, to turn knobs where it is.
    fn bound(&self, root: &Root) -> Bound {
        let rate = root.rate;
        let window = self.window(rate).as_secs_f64();
        let seconds = self.relaxed(rate).max(SECONDS_PILOT).max(window * WINDOWS);
        let windows = if window > 0.0 { (seconds / window).round().max(1.0) as u64 } else { 1 };
        let slope = root.line.slope_at(rate);
        Bound { goal: self.goal.clone(), rate, slope, spans: self.spans(rate, seconds), windows }
    }
}

/// How much the late shares of runs scatter, relative to their mean: on each side of the centre by
/// itself, since the sides differ.
fn scatter(seen: &[Seen]) -> f64 {
    let side = |odd: usize| {
        let here = seen.iter().skip(odd).step_by(2);
        let shares: Vec<f64> = here.map(|one| one.late / one.samples).collect();
        let mean = super::stein::mean(&shares);
        let squares: f64 = shares.iter().map(|one| (one - mean) * (one - mean)).sum();
        if mean > 0.0 { (squares / (shares.len() - 1) as f64).sqrt() / mean } else { f64::INFINITY }
    };
    f64::midpoint(side(0), side(1))
}
