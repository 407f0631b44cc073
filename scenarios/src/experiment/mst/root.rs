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
use super::goals::{against, allowed, in_words, is_of_waiting, is_of_windows, watch};
use super::late::{Line, Seen};
use super::pinned::seed_of;
use super::reach::Reach;
use super::{CONFIDENCE, Search, unknown};
use crate::experiment::fuel::Fuel;
use crate::experiment::judge::judge;
use crate::experiment::parallel::in_order;
use crate::experiment::run::outcome_on;
use crate::plan::expect::Expect;
use crate::plan::goal::Goal;
use crate::plan::{Problems, Scenario};
use crate::setup::setup;

/// Virtual seconds of the first pilot.
const SECONDS_PILOT: f64 = 60.0;
/// Before it, from an empty start, a run warms up for so many relaxation times, or for a quarter
/// of its window.
const SETTLED: f64 = 5.0;
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
/// An asked width is coarse from this share of the distance to the capacity on.
const COARSE: f64 = 0.2;
/// Where less than half of the capacity is asked they lie so far from it, and the pilots are so
/// many times longer: what is late there follows the load slowly.
const AWAY_LOW: f64 = 0.08;
const LONGER_LOW: f64 = 4.0;
const WIDER_MAX: f64 = 1.5;
pub(super) const TO_CAPACITY: f64 = 0.3;
/// The answer's runs, at least, and at most; rather than more than so many they last longer,
/// since each begins with a warm-up that says nothing.
const RUNS_MIN: f64 = 16.0;
const RUNS_MAX: f64 = 400.0;
const RUNS_ENOUGH: f64 = 32.0;
/// Fewer runs than the least would do: they are so much shorter at most, but for their horizon.
const SHORTER_MAX: f64 = 0.4;
/// How many times as many there may be when the first of them scatter more than the pilots did.
const RUNS_MORE: f64 = 4.0;
/// An interval this much wider than asked is as asked; more runs are as many as make it so much.
pub(super) const WIDER: f64 = 1.1;
const NARROWER: f64 = 0.9;
/// Documents of a run, at least.
const DOCUMENTS_MIN: f64 = 2_000.0;
/// The first of their seeds; the ones before belong to other parts of the search.
const FIRST_RUN: u64 = 20_000;

/// The load that just meets a goal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Root {
    pub(super) rate: f64,
    pub(super) half: f64,
    pub(super) line: Line,
    /// The variance of what counts against the goal, as a multiple of its mean.
    pub(super) dispersion: f64,
}

/// The goal that binds, and what a look at the load that just meets it is like.
#[derive(Clone, Debug)]
pub(super) struct Bound {
    pub(super) goal: Goal,
    pub(super) rate: f64,
    /// Half the width of its interval, as a share of it.
    pub(super) half: f64,
    /// By how much the logarithm of its share rises with that of the load.
    pub(super) slope: f64,
    /// Warm-up and window of a run; and the windows of a goal that is about whole ones.
    pub(super) spans: (Duration, Duration),
    pub(super) windows: u64,
}

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
pub(super) struct Looking<'s, 'a> {
    pub(super) search: &'s mut Search<'a>,
    pub(super) goal: Goal,
    /// The share that it allows.
    pub(super) at_most: f64,
    /// The low end of the capacity, and the high one.
    pub(super) low: f64,
    pub(super) capacity: f64,
    /// Runs so far.
    pub(super) runs: u64,
}

/// What is known of a goal that is a share.
enum Known {
    /// It binds here.
    Binds(Root, Bound),
    /// It is met up to the capacity, as closely as was asked.
    Met,
    /// It is missed however little there is to do.
    Hopeless,
    /// It has no line, and why was said.
    Unknown,
    /// Runs would have to be longer than they may, which was said.
    Unseen,
}

/// What the goals that are shares say of the answer.
pub(super) enum Shares {
    /// The interval of the load that just meets them all, a run that meets them, and the goal that
    /// binds.
    Just((f64, f64), Box<Confirmation>, String),
    /// None of them binds below the capacity.
    Met,
    /// One of them is missed however little there is to do.
    Hopeless(String),
    /// Where one of them binds runs would have to be longer than they may, which was said.
    Unseen(String),
    /// A bracket has to do; what a line said that was contradicted.
    Unknown(Option<(f64, f64)>),
}

impl Search<'_> {
    /// The load that just meets those goals that are shares, of a plant whose capacity lies between
    /// `low` and `high`.
    pub(super) fn by_share(&mut self, (low, high): (f64, f64)) -> Result<Shares, Problems> {
        let mut least: Option<(Root, Bound, usize)> = None;
        let mut is_known = true;
        for (at, goal) in self.scenario.goals.iter().enumerate() {
            let Some(at_most) = allowed(goal) else { continue };
            match self.root((low, high), goal, at_most)? {
                Known::Hopeless => return Ok(Shares::Hopeless(in_words(goal))),
                Known::Unknown => is_known = false,
                Known::Unseen => return Ok(Shares::Unseen(in_words(goal))),
                Known::Binds(root, bound)
                    if least.as_ref().is_none_or(|(least, ..)| root.rate < least.rate) =>
                {
                    least = Some((root, bound, at));
                }
                Known::Met | Known::Binds(..) => {}
            }
        }
        let Some((root, bound, at)) = least else {
            return Ok(if is_known { Shares::Met } else { Shares::Unknown(None) });
        };
        if !is_known {
            return Ok(Shares::Unknown(None));
        }
        let goal = self.scenario.goals[at].clone();
        let shares = self.on_either_side(&root, (at, &goal), self.full((low, high)))?;
        if matches!(shares, Shares::Just(..)) {
            self.bound = Some(bound);
        }
        Ok(shares)
    }

    /// The load at which nothing is at rest any more, of a plant that can do what lies between
    /// these: cleanup jobs may keep up with less than that.
    fn full(&self, (low, high): (f64, f64)) -> f64 {
        self.forgets.map_or(f64::midpoint(low, high), |forgets| forgets.capacity)
    }

    /// Notes why a goal has no line at `rate`.
    pub(super) fn without_line(&mut self, rate: f64, goal: &Goal, why: &str) {
        let evidence = format!("{}: no line: {why}", in_words(goal));
        self.probes.push(unknown(rate, &evidence));
    }

    /// The load at which the share is what `goal` allows, below the capacity.
    fn root(
        &mut self,
        (low, high): (f64, f64),
        goal: &Goal,
        at_most: f64,
    ) -> Result<Known, Problems> {
        let goal = goal.clone();
        let capacity = f64::midpoint(low, high);
        let mut looking = Looking { search: self, goal, at_most, low, capacity, runs: 0 };
        let most = looking.window(capacity).as_secs_f64() * WINDOWS * capacity;
        if most > DOCUMENTS_MAX {
            // So rare that no number of runs which anybody waits for would show it.
            looking.too_rare();
            return Ok(Known::Unknown);
        }
        let around = match looking.reach()? {
            Reach::Around(around) => around,
            Reach::Met(rate, why) => {
                looking.met(rate, &why);
                return Ok(Known::Met);
            }
            Reach::Hopeless(rate, share) => {
                looking.hopeless(rate, share);
                return Ok(Known::Hopeless);
            }
        };
        let beyond = around * (1.0 + looking.below_capacity(around, looking.away(AWAY)));
        if looking.horizon(beyond) > looking.search.ask.seconds_max {
            let said = looking.search.unseen(beyond, &looking.goal);
            looking.search.probes.push(said);
            return Ok(Known::Unseen);
        }
        let found = looking.line(around)?;
        let Some(root) = found else {
            let goal = looking.goal.clone();
            self.without_line(around, &goal, "near here it does not rise with the load for sure");
            return Ok(Known::Unknown);
        };
        Ok(Known::Binds(root, looking.bound(&root)))
    }
}

impl Looking<'_, '_> {
    /// The load at which the share is what the goal allows, which is about `around`. None where
    /// the share does not rise with the load as it should.
    fn line(&mut self, around: f64) -> Result<Option<Root>, Problems> {
        let window = self.window(around).as_secs_f64();
        let windows = window * WINDOWS;
        let pilot = if self.is_low(around) { LONGER_LOW * SECONDS_PILOT } else { SECONDS_PILOT };
        let mut seconds = self.search.horizon(around).max(pilot).max(windows);
        let mut first = self.spread(around, (PILOT, AWAY_PILOT), seconds)?;
        let is_coarse = self.is_coarse(around);
        for _ in 0..LONGER {
            if is_coarse || scatter(&first) <= SCATTER_MAX || is_of_windows(&self.goal) {
                break;
            }
            seconds *= 2.0;
            first = self.spread(around, (PILOT, AWAY_PILOT), seconds)?;
        }
        let line = Line::through(&first, around).filter(Line::rises);
        let mut centre = self.near(around, line);
        let mut pilot = first;
        for round in 1..=ROUNDS {
            seconds = seconds.max(self.search.horizon(centre));
            let count = if is_coarse { PILOT } else { SECOND };
            pilot.extend(self.spread(centre, (count, self.away(AWAY_SECOND)), seconds)?);
            let line = Line::through(&pilot, centre).filter(Line::is_up);
            let found = self.near(centre, line);
            let is_there = (found / centre - 1.0).abs() <= self.away(AWAY_SECOND);
            if let Some(line) = line.filter(Line::rises).filter(|_| is_there || round == ROUNDS) {
                return self.answer(&line, found, pilot.len(), seconds);
            }
            centre = found;
        }
        Ok(None)
    }

    /// Where to look next: where the line says, but not far away.
    fn near(&self, centre: f64, line: Option<Line>) -> f64 {
        let found = line.map_or(centre, |line| line.root(self.at_most));
        found.clamp(0.92 * centre, (1.06 * centre).min(0.999 * self.capacity))
    }

    /// What a goal about whole windows is judged over: what the loads say is measured, or so many
    /// documents.
    pub(super) fn window(&self, rate: f64) -> Duration {
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

    /// Seconds of a run at `rate` whose counts go into the answer, at least. A window begins
    /// empty, whatever was before.
    fn horizon(&self, rate: f64) -> f64 {
        if is_of_windows(&self.goal) { 0.0 } else { self.search.horizon(rate) }
    }

    fn away(&self, least: f64) -> f64 {
        least * (self.search.ask.precision / WIDE).clamp(1.0, WIDER_MAX)
    }

    /// Whether the width that is asked is so wide against the distance to the capacity, in which
    /// the share rises from what is allowed to all there is, that few runs will do.
    fn is_coarse(&self, centre: f64) -> bool {
        self.search.ask.precision / 2.0 >= COARSE * (self.capacity / centre - 1.0)
    }

    /// Whether `centre` is so far below the capacity that a share follows the load slowly there.
    fn is_low(&self, centre: f64) -> bool {
        centre < self.capacity / 2.0
    }

    /// How far from `centre` to look: so far, unless the capacity is near.
    fn below_capacity(&self, centre: f64, away: f64) -> f64 {
        let away = if self.is_low(centre) { away.max(AWAY_LOW) } else { away };
        away.min(TO_CAPACITY * (self.capacity / centre - 1.0))
    }

    /// Runs at both sides of `centre` in turn, of so many seconds or their horizon.
    fn spread(
        &mut self,
        centre: f64,
        (count, away): (usize, f64),
        seconds: f64,
    ) -> Result<Vec<Seen>, Problems> {
        let away = self.below_capacity(centre, away);
        let side = |at: usize| if at.is_multiple_of(2) { 1.0 - away } else { 1.0 + away };
        let rates: Vec<f64> = (0..count).map(|at| centre * side(at)).collect();
        let lasts = |rate: f64| seconds.max(self.horizon(rate));
        let runs: Vec<(f64, f64)> = rates.iter().map(|rate| (*rate, lasts(*rate))).collect();
        self.runs(&runs)
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
        // As if the pilots had been made just there: these runs are. A few pilots may scatter less
        // by luck than what a queue does by its nature.
        let one = pilot.error_amid() * (piloted as f64).sqrt();
        let one = one.max(self.error_by_nature(pilot, centre, seconds));
        let needed = (1.96 * one / wanted).powi(2) * 1.4 + 2.0;
        let shorter = (needed / RUNS_MIN).clamp(SHORTER_MAX, 1.0);
        let needed = needed.clamp(RUNS_MIN, RUNS_MAX);
        // None is longer than a probe may be.
        let longest = (self.search.ask.seconds_max / seconds).max(1.0);
        let longer = (needed / RUNS_ENOUGH).floor().min(longest).max(1.0);
        let even = |runs: f64| 2 * (runs / 2.0).ceil() as usize;
        let (count, seconds) = (even(needed / longer), seconds * longer * shorter);
        let away = self.away(AWAY);
        let mut seen = self.spread(centre, (count, away), seconds)?;
        // That it rises is what the pilots, which lie further apart, were asked.
        let Some(first) = Line::through(&seen, centre).filter(Line::is_up) else {
            return Ok(None);
        };
        let half = self.half(&first, centre, (seen.len(), seconds));
        if half > WIDER * wanted {
            // They scatter more than the pilots did. Once, and as many more as that needs: adding
            // runs until an interval looks narrow would make it hold less than it says.
            let more = (half / (NARROWER * wanted)).powi(2).min(RUNS_MORE) - 1.0;
            seen.extend(self.spread(centre, (even(count as f64 * more), away), seconds)?);
        }
        let Some(line) = Line::through(&seen, centre).filter(Line::is_up) else {
            return Ok(None);
        };
        let half = self.half(&line, centre, (seen.len(), seconds));
        let runs = seen.len() as u64;
        let away = self.below_capacity(centre, away);
        let (rate, dispersion) = (line.root(share), line.dispersion(&seen));
        let ends = [1.0 - away, 1.0 + away].map(|side| centre * side);
        let lasts = ends.map(|rate| self.spans(rate, seconds.max(self.horizon(rate))).1);
        self.search.probes.push(Probe {
            rate,
            seconds: lasts[1].as_secs_f64(),
            seeds: (0..runs).map(|at| self.seed(self.runs - runs + at)).collect(),
            verdict: MstVerdict::Sustainable,
            evidence: format!(
                "{} just there: a line through {runs} runs at {:.1} and {:.1}/s, ± {half:.2}{}",
                in_words(&self.goal),
                ends[0],
                ends[1],
                self.in_relaxations(ends, lasts),
            ),
        });
        let root = Root { rate, half, line, dispersion };
        Ok((half.is_finite() && rate > 0.0).then_some(root))
    }

    /// Half of the interval of what a line through so many runs of so many seconds says: as wide
    /// as they scatter, and no narrower than a queue makes it by its nature.
    fn half(&self, line: &Line, centre: f64, (runs, seconds): (usize, f64)) -> f64 {
        let nature = self.error_by_nature(line, centre, seconds) / (runs as f64).sqrt();
        line.half(nature.max(line.error(self.at_most)), CONFIDENCE)
    }

    /// The standard error of a root by one run of so many seconds, if what is late at `rate` is
    /// late together for as long as a queue remembers.
    fn error_by_nature(&self, line: &Line, rate: f64, seconds: f64) -> f64 {
        let Some(together) = self.search.together(rate).filter(|_| is_of_waiting(&self.goal))
        else {
            return 0.0;
        };
        let late = rate * seconds.max(self.horizon(rate)) * self.at_most;
        rate * (together / late).sqrt() / line.slope_at(rate)
    }

    /// How long the runs of a line were.
    fn in_relaxations(&self, ends: [f64; 2], lasts: [Duration; 2]) -> String {
        if is_of_windows(&self.goal) {
            return String::new();
        }
        let [low, high] = [0, 1].map(|at| (lasts[at].as_secs_f64(), ends[at]));
        let told = |(seconds, rate): (f64, f64)| seconds / self.search.relaxation(rate);
        format!(
            ", of {:.0} and {:.0} s: {:.0} and {:.0} relaxation times",
            low.0,
            high.0,
            told(low),
            told(high)
        )
    }

    fn seed(&self, run: u64) -> u64 {
        seed_of(self.search.scenario, FIRST_RUN + run)
    }

    /// Runs from an empty start at these rates, of so many seconds each, with seeds of their own.
    pub(super) fn runs(&mut self, runs: &[(f64, f64)]) -> Result<Vec<Seen>, Problems> {
        let (first, threads) = (self.runs, self.search.ask.threads);
        self.runs += runs.len() as u64;
        let this = &*self;
        let all = in_order(runs.len(), threads, |at| {
            let ((rate, seconds), run) = (runs[at], first + at as u64);
            let key = || format!("goal {:?} {rate} {run} {seconds}", this.goal);
            this.search.journal.once(key, |fuel| this.run(rate, run, seconds, fuel))
        });
        let mut seen = Vec::new();
        for ((rate, _), run) in runs.iter().zip(all) {
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
        let settled = search.relaxation(rate) * SETTLED;
        (Duration::from_secs_f64(settled.min(lasts.as_secs_f64() / 4.0)), lasts)
    }

    /// What is kept of the answer, to turn knobs where it is.
    fn bound(&self, root: &Root) -> Bound {
        let rate = root.rate;
        let window = self.window(rate).as_secs_f64();
        let seconds = self.search.horizon(rate).max(SECONDS_PILOT).max(window * WINDOWS);
        let windows = if window > 0.0 { (seconds / window).round().max(1.0) as u64 } else { 1 };
        let slope = root.line.slope_at(rate);
        let (half, spans) = (root.half / rate, self.spans(rate, seconds));
        Bound { goal: self.goal.clone(), rate, half, slope, spans, windows }
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
