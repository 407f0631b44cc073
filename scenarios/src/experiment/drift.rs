//! The preloaded drift test: is a load sustainable?
//!
//! No test on an empty-start backlog can prove stability cheaply, and a trend test on a queue is
//! invalid, because a queue is reflected at zero and autocorrelated. So the probe starts with a
//! backlog that keeps the bottleneck busy. Then the growth of the backlog over a window, arrivals
//! less departures, is a plain sum whose mean is the drift; the arrivals are known exactly, so
//! they add no noise. A sequential probability ratio test decides between a drift of -δλ and +δλ
//! (Wald; both errors 1 %), or as much less as fewer documents go through what is full, and a
//! backlog that is gone is a recovery, which is stability itself. What lasts for longer than a
//! window (a doubt that stops a reader) makes windows alike; then the test asks for so much more.

use floodgate_engine::time::{Duration, Instant};
use floodgate_sim::world::World;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF as _, StudentsT};

use crate::plan::fault::Fault;
use crate::plan::load::Load;
use crate::plan::rate::Rate;
use crate::plan::send::Transport;
use crate::plan::{Problems, Scenario};
use crate::setup::Arriving;

use super::fuel::Fuel;
use super::held::HeldInput;
use super::scale::preloaded;

/// ln((1 - α) / α) for α = 1 %.
const SPRT_BOUND: f64 = 4.595_119_850_134_59;
/// Windows that estimate the variance before the test begins.
const PILOT_WINDOWS: usize = 30;
/// The estimate is inflated by this: it is made of few windows.
const PILOT_INFLATION: f64 = 1.1;
/// Documents in a window, at least.
const WINDOW_DOCUMENTS: f64 = 400.0;
/// Windows after which a probe gives up, and those that its time has room for, at least: with fewer
/// nothing is ever told.
const WINDOWS_MAX: usize = 4000;
const WINDOWS_MIN: u64 = 40;
/// Windows are put together to so many at least when all of them are judged.
const LONG_WINDOWS: usize = 20;
/// A decision is looked at in so many long windows; where they scatter more than so many times as
/// much as unlike ones would, which chance does once in a hundred, windows are alike.
const WINDOWS_TOGETHER: usize = 10;
const ALIKE: f64 = 2.41;
/// The same of how like a window is to the next one.
const SURE_DEVIATIONS: f64 = 2.33;
const LIKE_MAX: f64 = 0.98;
/// How sure a sign must be then, and that nothing is there to be told.
const SURE: f64 = 0.99;
const CONFIDENCE: f64 = 0.975;
/// The share of what arrives by which the backlog outside shrinks while a preload is taken in.
const TAKEN_IN: f64 = 0.1;
/// A backlog below this share of the preload has drained.
pub(super) const DRAINED: f64 = 0.2;
/// Seconds of load that the preload holds, at least.
pub(super) const PRELOAD_SECONDS: f64 = 30.0;
/// And no more than so many documents: they are all in memory.
const PRELOAD_DOCUMENTS_MAX: f64 = 2e6;

/// How a probe came out.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Drift {
    /// Neither: the drift is smaller than what was to be told from none, so that this is the
    /// capacity as closely as asked.
    Balanced,
    /// The backlog grows without end.
    Growing,
    /// The backlog shrinks, or is gone.
    Shrinking,
    /// The budget ran out.
    Undecided,
}

/// A probe and what its verdict rests on.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct DriftProbe {
    /// The verdict.
    pub drift: Drift,
    /// Virtual seconds it took.
    pub seconds: f64,
    /// Documents that the backlog grew by, per second.
    pub growth: f64,
    /// Documents that left during the test, per second.
    pub departures: f64,
    /// Documents simulated.
    pub documents: u64,
    /// The backlog grows outside, because the engine lets in less than is offered; how that was
    /// seen.
    pub held: Option<String>,
    /// The first broken promise, if there was one.
    pub broken: Option<String>,
    /// The evidence in one line.
    pub evidence: String,
}

/// What a probe asks.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// Documents per second that are offered.
    pub rate: f64,
    /// The period after which the loads repeat together; zero if they do not.
    pub period: Duration,
    /// The relative drift that is to be told from none.
    pub delta: f64,
    /// The share of the documents that goes through what is full: by so much of what is too much a
    /// backlog grows.
    pub through: f64,
    /// The seed of this probe: probes are independent of each other.
    pub seed: u64,
    /// Virtual seconds after which to give up.
    pub seconds_max: f64,
}

/// The sequential test of one sum: does it grow or shrink by `target` a window?
#[derive(Clone, Debug)]
pub(super) struct Sequential {
    target: f64,
    /// What a window cuts anywhere.
    edge: f64,
    growths: Vec<f64>,
    variance: f64,
    ratio: f64,
}

impl Sequential {
    pub(super) const fn of(target: f64, edge: f64) -> Self {
        Self { target, edge, growths: Vec::new(), variance: 0.0, ratio: 0.0 }
    }

    /// A window more, in which the sum grew by so much; the decision, if there is one.
    pub(super) fn add(&mut self, growth: f64) -> Option<Drift> {
        self.growths.push(growth);
        let weigh = |growth: f64, variance: f64| 2.0 * self.target * growth / variance;
        if self.growths.len() < PILOT_WINDOWS {
            return None;
        }
        if self.growths.len() == PILOT_WINDOWS {
            self.variance = variance_of(&self.growths, self.edge) * PILOT_INFLATION;
            self.ratio = self.growths.iter().map(|growth| weigh(*growth, self.variance)).sum();
        } else {
            self.ratio += weigh(growth, self.variance);
        }
        let drift = if self.ratio > 0.0 { Drift::Growing } else { Drift::Shrinking };
        let is_enough = |alike: f64| {
            self.ratio.abs() >= SPRT_BOUND * alike
                && self.growths.len() as f64 >= PILOT_WINDOWS as f64 * alike
        };
        let is_sure = is_enough(self.alike_to_next()) && is_enough(self.alike_together());
        is_sure.then_some(drift)
    }

    /// How many windows are worth one that is unlike all others, by how like each is to the next,
    /// beyond what is chance.
    fn alike_to_next(&self) -> f64 {
        let count = self.growths.len() as f64;
        let mean = self.growths.iter().sum::<f64>() / count;
        let pairs = self.growths.windows(2).map(|own| (own[0] - mean) * (own[1] - mean));
        let like = pairs.sum::<f64>() / (count * variance_of(&self.growths, self.edge));
        if like <= SURE_DEVIATIONS / count.sqrt() {
            return 1.0;
        }
        let like = like.min(LIKE_MAX);
        (1.0 + like) / (1.0 - like)
    }

    /// The same by how many times as much long windows scatter as they would.
    fn alike_together(&self) -> f64 {
        let size = self.growths.len() / WINDOWS_TOGETHER;
        let one = variance_of(&self.growths, self.edge);
        let apart = variance_of(&self.together(size), 0.0) / (size as f64 * one);
        if apart > ALIKE { apart } else { 1.0 }
    }

    /// What grew in so many windows each, the last ones first.
    fn together(&self, size: usize) -> Vec<f64> {
        self.growths.rchunks_exact(size).map(|own| own.iter().sum()).collect()
    }

    /// Whether the mean growth, give or take two standard errors, is within the target.
    pub(super) fn is_balanced(&self) -> bool {
        if self.growths.len() < PILOT_WINDOWS {
            return false;
        }
        let count = self.growths.len() as f64;
        let mean = self.growths.iter().sum::<f64>() / count;
        mean.abs() + 2.0 * (variance_of(&self.growths, self.edge) / count).sqrt() <= self.target
    }

    /// What all windows say together, when there is no time for more: the sign, if that is sure.
    ///
    /// What leaves late in one window leaves early in the next, and what moves inside the plant may
    /// go on for many of them. So they are put together to long ones, which scatter as the whole
    /// does; but for the two ends of all, each of which cuts what leaves together.
    fn at_end(&self) -> Drift {
        let windows = self.growths.len();
        if windows < PILOT_WINDOWS {
            return Drift::Undecided;
        }
        let size = windows / LONG_WINDOWS;
        let long = self.together(size);
        let count = long.len() as f64;
        let grown: f64 = long.iter().sum();
        let error = (count * variance_of(&long, 0.0) + self.edge * self.edge / 6.0).sqrt();
        let student = StudentsT::new(0.0, 1.0, count - 1.0).expect("there are many");
        if grown.abs() > student.inverse_cdf(SURE) * error {
            return if grown > 0.0 { Drift::Growing } else { Drift::Shrinking };
        }
        let most = self.target * count * size as f64;
        let is_little = grown.abs() + student.inverse_cdf(CONFIDENCE) * error <= most;
        if is_little { Drift::Balanced } else { Drift::Undecided }
    }

    /// How many windows there were.
    pub(super) const fn windows(&self) -> usize {
        self.growths.len()
    }

    /// Whether there may be another window of so many seconds.
    pub(super) fn has_time(&self, seconds: f64, seconds_max: f64) -> bool {
        let windows = self.growths.len();
        // One it takes, however long that is.
        windows == 0 || windows < WINDOWS_MAX && (windows as f64 + 1.0) * seconds <= seconds_max
    }
}

struct Windows {
    world: World,
    length: Duration,
    offered: u64,
    backlog: u64,
    /// Documents that arrive or leave at one instant, at most.
    edge: f64,
    held: HeldInput,
}

impl Windows {
    /// Runs one window; returns arrivals and the growth of the backlog in it.
    fn next(&mut self, fuel: &mut Fuel<'_>) -> Result<(f64, f64), Problems> {
        let until = self.world.now() + self.length;
        fuel.run_until(&mut self.world, until)?;
        self.world.wait_until(until);
        self.held.look(&self.world);
        let (offered, backlog) = (self.world.meters().offered, self.world.backlog());
        let arrivals = (offered - self.offered) as f64;
        let growth = backlog as f64 - self.backlog as f64;
        (self.offered, self.backlog) = (offered, backlog);
        Ok((arrivals, growth))
    }
}

/// Probes `scenario`, whose loads offer `question.rate`.
///
/// # Errors
///
/// A replay file that cannot be read, and no steps left.
pub(super) fn probe(
    scenario: &Scenario,
    question: &Question,
    fuel: &mut Fuel<'_>,
) -> Result<DriftProbe, Problems> {
    let (windows, preload) = begin(scenario, question, 0.0, fuel)?;
    decide(windows, question, preload, fuel)
}

/// The same with a backlog of so many documents at least, whatever is known before all of the time
/// has passed: its growth is of no early end, nor of a plant that had nothing to do.
///
/// # Errors
///
/// The same.
pub(super) fn probe_to_the_end(
    scenario: &Scenario,
    question: &Question,
    least: f64,
    fuel: &mut Fuel<'_>,
) -> Result<DriftProbe, Problems> {
    let (windows, preload) = begin(scenario, question, least, fuel)?;
    decide(windows, &Question { delta: 0.0, ..*question }, preload, fuel)
}

/// A plant with a backlog, when that was taken in, and how much was put in.
fn begin(
    scenario: &Scenario,
    question: &Question,
    least: f64,
    fuel: &mut Fuel<'_>,
) -> Result<(Windows, f64), Problems> {
    let preload = (question.rate * PRELOAD_SECONDS).max(WINDOW_DOCUMENTS * 10.0).max(least);
    // The others of them do not wait.
    let preload = (preload / question.through).min(PRELOAD_DOCUMENTS_MAX);
    let length = window_length(question);
    // The backlog is put in when the plant has warmed up: before, it would drain unseen.
    let start = Instant::ZERO + warm_up(scenario, question)?.max(length);
    let mut setup = preloaded(scenario, preload as u64, start)?;
    setup.seed = question.seed;
    let mut world = World::new(&setup);
    let mut first = start + length;
    fuel.run_until(&mut world, first)?;
    world.wait_until(first);
    // It is taken in first: a plant that has much to take in may do less of the rest meanwhile.
    let mut outside = world.outside() as f64;
    let last = Instant::ZERO + Duration::from_secs_f64(question.seconds_max);
    while outside > edge(scenario) && first < last {
        first += length;
        fuel.run_until(&mut world, first)?;
        world.wait_until(first);
        let before = std::mem::replace(&mut outside, world.outside() as f64);
        if outside > before - edge(scenario).max(TAKEN_IN * question.rate * length.as_secs_f64()) {
            break;
        }
    }
    let windows = Windows {
        length,
        offered: world.meters().offered,
        backlog: world.backlog(),
        edge: edge(scenario),
        held: HeldInput::since(&world),
        world,
    };
    Ok((windows, preload))
}

/// The warm-up of the loads; where attempts fail by plan, long enough for the retries to fill:
/// until then documents that wait for a retry look like a growing backlog.
pub(super) fn warm_up(scenario: &Scenario, question: &Question) -> Result<Duration, Problems> {
    let written = scenario.loads.iter().map(|load| load.warm_up).max().unwrap_or(Duration::ZERO);
    Ok(written.max(ladder(scenario, question.seconds_max)?))
}

/// How long the retries of a document go on where attempts fail by plan, of every send port.
pub(super) fn ladders(scenario: &Scenario) -> impl Iterator<Item = (&str, Duration)> {
    scenario.send_ports.iter().map(|port| {
        let mut faults = scenario.faults.iter().filter_map(Fault::transport);
        let hit = faults.any(|(name, _)| name == port.name);
        let failing = |transport: &&Transport| transport.fail.is_some() || hit;
        let transports = std::iter::once(&port.primary).chain(&port.backup).filter(failing);
        let spans = transports
            .map(|transport| transport.retry.interval.times(u64::from(transport.retry.count)));
        (port.name.as_str(), spans.fold(Duration::ZERO, |sum, span| sum + span))
    })
}

/// The longest of them.
///
/// # Errors
///
/// When that is longer than `seconds_max`.
pub(super) fn ladder(scenario: &Scenario, seconds_max: f64) -> Result<Duration, Problems> {
    let longest = ladders(scenario).max_by_key(|(_, span)| *span);
    let (name, span) = longest.unwrap_or(("", Duration::ZERO));
    if span.as_secs_f64() > seconds_max {
        let message = format!("the retries of '{name}' go on for {span}, longer than a probe");
        let help = "shorten the retry interval, or raise --max-seconds".to_owned();
        return Err(Problems::one(message, Some(help)));
    }
    Ok(span)
}

pub(super) fn window_length(question: &Question) -> Duration {
    let least = Duration::from_secs_f64(WINDOW_DOCUMENTS / question.rate);
    let period = question.period;
    if period.is_zero() {
        return least.min(Duration::from_secs_f64(question.seconds_max / WINDOWS_MIN as f64));
    }
    period.times(least.as_nanos().div_ceil(period.as_nanos()))
}

fn decide(
    mut windows: Windows,
    question: &Question,
    preload: f64,
    fuel: &mut Fuel<'_>,
) -> Result<DriftProbe, Problems> {
    let seconds = windows.length.as_secs_f64();
    let target = question.through * question.delta * question.rate * seconds;
    let mut test = Sequential::of(target, windows.edge);
    let mut departed = 0.0;
    let mut drift = Drift::Undecided;
    let mut why = "no decision within the budget";
    let left = question.seconds_max - windows.world.now().as_secs_f64();
    while test.has_time(seconds, left) {
        let (arrivals, growth) = windows.next(fuel)?;
        departed += arrivals - growth;
        let decided = test.add(growth);
        if windows.backlog as f64 <= preload * question.through * DRAINED {
            (drift, why) = (Drift::Shrinking, "the backlog drained");
            break;
        }
        if let Some(decided) = decided {
            (drift, why) = (decided, "the sequential test decided");
            break;
        }
    }
    if drift == Drift::Undecided {
        drift = test.at_end();
        why = match drift {
            Drift::Balanced => "the drift is too small to matter",
            Drift::Growing | Drift::Shrinking => "all windows together decided",
            Drift::Undecided => why,
        };
    }
    let Sequential { growths, ratio, .. } = test;
    let span = growths.len() as f64 * seconds;
    let broken = windows.world.checks().violations().first();
    let grown = growths.iter().sum::<f64>();
    let per_second = grown / span;
    let held = windows.held.evidence(&windows.world, grown);
    let decimals = if per_second.abs() < 0.1 { 5 } else { 2 };
    Ok(DriftProbe {
        drift,
        held: held.filter(|_| drift == Drift::Growing),
        seconds: windows.world.now().as_secs_f64(),
        growth: per_second,
        departures: departed / span,
        documents: windows.world.meters().received,
        broken: broken.map(|violation| format!("{}: {}", violation.rule.id(), violation.what)),
        evidence: format!(
            "{why}: backlog {per_second:+.decimals$}/s over {} windows of {seconds:.2} s, log ratio {ratio:+.1} of ±{SPRT_BOUND:.1}",
            growths.len()
        ),
    })
}

/// The variance of the growth per window. Near-deterministic plants have almost none: a window
/// cuts a batch anywhere, so that the edge alone has the variance of a uniform cut of one batch.
fn variance_of(growths: &[f64], edge: f64) -> f64 {
    let count = growths.len() as f64;
    let mean = growths.iter().sum::<f64>() / count;
    let sum: f64 = growths.iter().map(|growth| (growth - mean) * (growth - mean)).sum();
    (sum / (count - 1.0)).max(edge * edge / 12.0)
}

/// The largest number of documents that arrive or leave at one instant.
pub(super) fn edge(scenario: &Scenario) -> f64 {
    const ENGINE_BATCH: f64 = 20.0;
    let arriving = |load: &Load| {
        let messages = match &load.rate {
            Rate::Lots(lots) => lots.lot,
            Rate::AllAtOnce
            | Rate::Bell(..)
            | Rate::Constant(_)
            | Rate::Floodgate(..)
            | Rate::Poisson(_)
            | Rate::Ramp(..)
            | Rate::Replay(_)
            | Rate::Sine(..)
            | Rate::Steps(..)
            | Rate::Users(_) => 1,
        };
        f64::from(messages) * f64::from(Arriving::of(scenario, load).most)
    };
    scenario.loads.iter().map(arriving).fold(ENGINE_BATCH, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use floodgate_sim::rng::{Purpose, Rng};

    #[test]
    fn windows_end_when_the_time_does_but_for_the_first() {
        let mut test = Sequential::of(1.0, 1.0);
        assert!(test.has_time(7.0, 4.0));
        test.add(1.0);
        assert!(!test.has_time(7.0, 13.9) && test.has_time(7.0, 14.0));
    }

    #[test]
    fn what_comes_late_in_one_window_and_early_in_the_next_is_no_doubt() {
        // ± 50 a window about a mean, where a mean of 1 is to be told.
        let all = |mean: f64| {
            let mut test = Sequential::of(1.0, 20.0);
            let decided: Vec<_> = (0..400)
                .filter_map(|at| test.add(mean + if at % 2 == 0 { 50.0 } else { -50.0 }))
                .collect();
            assert!(decided.is_empty(), "{decided:?}");
            (test.is_balanced(), test.at_end())
        };
        assert_eq!(all(0.0), (false, Drift::Balanced));
        assert_eq!(all(0.9), (false, Drift::Growing));
        assert_eq!(all(-0.9), (false, Drift::Shrinking));
        // What waves go by for half of the time says nothing.
        let mut test = Sequential::of(1.0, 20.0);
        for at in 0..400 {
            test.add(100.0 * libm::sin(f64::from(at) / 60.0));
        }
        assert_eq!(test.at_end(), Drift::Undecided);
    }

    #[test]
    fn a_slow_plant_is_seen_in_as_many_windows_as_a_verdict_needs() {
        let of = |rate: f64| {
            let (period, delta, through) = (Duration::ZERO, 0.0025, 1.0);
            let question =
                Question { rate, period, delta, through, seed: 1, seconds_max: 14_400.0 };
            window_length(&question).as_secs_f64()
        };
        assert_eq!([of(100.0), of(0.8)].map(|one| one.round() as u64), [4, 360]);
    }

    #[test]
    fn windows_that_are_alike_are_not_as_sure_as_others() {
        // Five windows in a row have the same draw of variance 1, about a mean of 0.15. Judged
        // as if each had its own, one in five is mistaken.
        let rng = Rng::new(2, 0);
        let draw = |sum: u64, block: u64| {
            (0..12).map(|n| rng.uniform(Purpose::Wire, sum, block * 12 + n)).sum::<f64>() - 6.0
        };
        let decided = |sum: u64| {
            let mut test = Sequential::of(0.15, 0.0);
            (0..4000_u64).find_map(|window| test.add(0.15 + draw(sum, window / 5)))
        };
        let all: Vec<_> = (0..60).filter_map(decided).collect();
        let wrong = all.iter().filter(|own| **own == Drift::Shrinking).count();
        assert!(all.len() > 50 && wrong <= 2, "{wrong} of {}", all.len());
    }

    #[test]
    fn the_bound_errs_once_in_a_hundred() {
        // SPRT.A, and what it is for: sums of steps of variance 1 that drift by a tenth, stopped
        // at the bound, are mistaken about once in a hundred times (Wald: at most). 2000 sums.
        assert!((SPRT_BOUND - libm::log(0.99 / 0.01)).abs() < 1e-12);
        let rng = Rng::new(1, 0);
        let normal = |sum: u64, step: u64| {
            let one = |n| rng.uniform(Purpose::Wire, sum, step * 12 + n);
            (0..12).map(one).sum::<f64>() - 6.0
        };
        let mistaken = |sum: &u64| {
            let mut ratio = 0.0_f64;
            let mut steps = 0..;
            while ratio.abs() < SPRT_BOUND {
                let step = steps.next().expect("it has no end");
                ratio += 2.0 * 0.1 * (0.1 + normal(*sum, step));
            }
            ratio < 0.0
        };
        let wrong = (0..2000_u64).filter(mistaken).count();
        assert!((4..=24).contains(&wrong), "{wrong} of 2000");
    }
}
