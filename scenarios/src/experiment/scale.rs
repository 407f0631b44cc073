//! Scaling a scenario's loads to a rate, and preloading its sources.

use floodgate_engine::time::{Duration, Instant};
use floodgate_sim::load::ArrivalKind;
use floodgate_sim::setup::{LoadSettings, Setup};

use crate::plan::figure::What;
use crate::plan::load::Load;
use crate::plan::lots::Lots;
use crate::plan::rate::Rate;
use crate::plan::{Problems, Scenario};
use crate::setup::{Arriving, setup};

/// Periods in which a probe warms up, takes its backlog in, and is observed, at least.
const PERIODS_OF_A_PROBE: u64 = 3;

/// Whether a search for the capacity of the scenario can give an interval at all: the period that
/// its windows must hold.
///
/// # Errors
///
/// What stands against it.
pub fn searchable(scenario: &Scenario) -> Result<Period, Problems> {
    has_variance(scenario)?;
    common_period(scenario)
}

fn has_variance(scenario: &Scenario) -> Result<(), Problems> {
    let Some(tail) = scenario.tails().first().cloned() else { return Ok(()) };
    let message = format!("{} has no variance: no interval could be trusted", tail.what);
    let help = "take a 'shape' above 2, or another distribution".to_owned();
    Err(Problems::one(message, Some(help)))
}

/// Whether a scenario has no load that could go on for ever at another rate: it has phases, or a
/// load begins with something else than it ends with.
#[must_use]
pub fn is_story(scenario: &Scenario) -> bool {
    let is_once =
        |load: &Load| matches!(load.rate, Rate::AllAtOnce | Rate::Ramp(..) | Rate::Replay(_));
    // Of users a search asks how many there may be.
    let is_of_users = |load: &Load| matches!(load.rate, Rate::Users(_));
    !scenario.phases.is_empty()
        || (scenario.loads.iter().any(is_once) && !scenario.loads.iter().any(is_of_users))
}

/// Whether a multiple of the scenario as it is written can be searched.
///
/// # Errors
///
/// What stands against it.
pub fn multipliable(scenario: &Scenario) -> Result<(), Problems> {
    has_variance(scenario)?;
    for load in &scenario.loads {
        if matches!(&load.rate, Rate::Lots(lots) if lots.controller.is_some()) {
            return Err(unscalable(scenario, load));
        }
    }
    let is_of_users = |load: &Load| matches!(load.rate, Rate::Users(_));
    if scenario.goals.is_empty() && scenario.loads.iter().all(is_of_users) {
        return Err(unscalable(scenario, &scenario.loads[0]));
    }
    Ok(())
}

/// The load whose users a search varies, by its place, and how many it is written with; none where
/// no load is of users.
///
/// # Errors
///
/// Users of several loads, users who come later, and no goal that says when there are too many.
pub fn closed(scenario: &Scenario) -> Result<Option<(usize, u32)>, Problems> {
    let users = |(at, load): (usize, &Load)| {
        let Rate::Users(users) = &load.rate else { return None };
        Some((at, users.count, users.step.is_some()))
    };
    let all: Vec<_> = scenario.loads.iter().enumerate().filter_map(users).collect();
    let (place, count, comes_later) = match all.as_slice() {
        [] => return Ok(None),
        [one] => *one,
        [_, (other, ..), ..] => {
            let message = "several loads are of users: which of them should be more?".to_owned();
            let name = &scenario.loads[*other].name;
            let help =
                format!("give '{name}' a rate: {}", with_rate(scenario, &scenario.loads[*other]));
            return Err(Problems::one(message, Some(help)));
        }
    };
    let load = &scenario.loads[place];
    if comes_later {
        let message =
            format!("the users of '{}' come one after another: a search needs a number", load.name);
        let help = format!("leave their 'step' out: --set 'load.{place}.rate={{ users = … }}'");
        return Err(Problems::one(message, Some(help)));
    }
    if scenario.goals.is_empty() {
        return Err(unscalable(scenario, load));
    }
    Ok(Some((place, count)))
}

/// The documents per second that the scenario's loads offer as they are written.
///
/// # Errors
///
/// A load that has no rate to scale: all at once, a replay, or a rate of zero.
pub fn offered_rate(scenario: &Scenario) -> Result<f64, Problems> {
    let mut sum = 0.0;
    for load in &scenario.loads {
        sum += match &load.rate {
            Rate::Bell(bell, _) => {
                let share = (bell.to - bell.from).as_secs_f64() / bell.every.as_secs_f64();
                bell.low + (bell.peak - bell.low) / 2.0 * share
            }
            Rate::Constant(rate) | Rate::Poisson(rate) => *rate,
            Rate::Sine(sine, _) => f64::midpoint(sine.low, sine.high),
            Rate::Steps(steps, _) => {
                mean_of_steps(steps, load.warm_up + load.measure.unwrap_or(Duration::ZERO))
            }
            Rate::Floodgate(flood, _) => {
                let share = flood.lasts.as_secs_f64() / flood.every.as_secs_f64();
                flood.base + (flood.peak - flood.base) * share
            }
            Rate::Lots(lots) => {
                if lots.controller.is_some() {
                    return Err(unscalable(scenario, load));
                }
                let (period, interchanges) = period(load, lots);
                interchanges * Arriving::of(scenario, load).mean / period.as_secs_f64()
            }
            Rate::AllAtOnce | Rate::Ramp(..) | Rate::Replay(_) | Rate::Users(_) => {
                return Err(unscalable(scenario, load));
            }
        };
    }
    if sum > 0.0 && sum.is_finite() {
        Ok(sum)
    } else {
        Err(unscalable(scenario, &scenario.loads[0]))
    }
}

fn period(load: &Load, lots: &Lots) -> (Duration, f64) {
    lots.period(load.own_kind().bytes_max())
}

fn unscalable(scenario: &Scenario, load: &Load) -> Problems {
    let why = match &load.rate {
        Rate::Lots(lots) if lots.controller.is_some() => ": its controller chooses it",
        Rate::Users(_) => ": its users wait for the system, so that it cannot be overloaded",
        Rate::Ramp(..) => ": what it begins with is not what it ends with",
        Rate::AllAtOnce
        | Rate::Bell(..)
        | Rate::Constant(_)
        | Rate::Floodgate(..)
        | Rate::Lots(_)
        | Rate::Poisson(_)
        | Rate::Replay(_)
        | Rate::Sine(..)
        | Rate::Steps(..) => "",
    };
    let name = &load.name;
    let message = format!("the load '{name}' has no rate that could be raised or lowered{why}");
    if let Rate::Users(_) = load.rate {
        let help = format!(
            "say in a goal when there are too many users, like --set \
             'goal=[{{ late = {{ over = \"2 s\", at_most = 0.001 }} }}]', or give a rate: {}",
            with_rate(scenario, load)
        );
        return Problems::one(message, Some(help));
    }
    let help = format!(
        "use constant, poisson, steps, sine, bell, floodgate or lots with a rate above zero: {}",
        with_rate(scenario, load)
    );
    Problems::one(message, Some(help))
}

/// What gives a load a rate to begin with: the published one, or what its users would ask for if
/// nobody had to wait.
fn with_rate(scenario: &Scenario, load: &Load) -> String {
    let place = scenario.loads.iter().position(|own| own.name == load.name).unwrap_or(0);
    let mut published = scenario.published.iter();
    let known = published.find(|row| row.figure.what == What::RateProcessed);
    let rate = match (&load.rate, known) {
        (_, Some(row)) => row.value,
        (Rate::Users(users), None) if !users.think.mean().is_zero() => {
            f64::from(users.count) / users.think.mean().as_secs_f64()
        }
        (_, None) => 100.0,
    };
    format!("--set 'load.{place}.rate={{ poisson = {rate:.1} }}'")
}

fn mean_of_steps(steps: &[crate::plan::rate::Step], whole: Duration) -> f64 {
    let ends = steps.iter().skip(1).map(|step| step.at).chain([whole]);
    let area: f64 =
        steps.iter().zip(ends).map(|(step, end)| step.rate * (end - step.at).as_secs_f64()).sum();
    if whole.is_zero() {
        steps.first().map_or(0.0, |step| step.rate)
    } else {
        area / whole.as_secs_f64()
    }
}

/// The scenario with all its loads `factor` times as fast.
#[must_use]
pub fn scaled(scenario: &Scenario, factor: f64) -> Scenario {
    let mut scenario = scenario.clone();
    for load in &mut scenario.loads {
        match &mut load.rate {
            Rate::Constant(rate) | Rate::Poisson(rate) => *rate *= factor,
            Rate::Steps(steps, _) => steps.iter_mut().for_each(|step| step.rate *= factor),
            Rate::Floodgate(flood, _) => {
                flood.base *= factor;
                flood.peak *= factor;
            }
            Rate::Bell(bell, _) => {
                bell.low *= factor;
                bell.peak *= factor;
            }
            Rate::Sine(sine, _) => {
                sine.low *= factor;
                sine.high *= factor;
            }
            // Everything of the sender takes so much less time.
            Rate::Lots(lots) => {
                let least = Duration::from_nanos(1);
                let faster = |span: Duration| Duration::from_secs_f64(span.as_secs_f64() / factor);
                lots.sleep = faster(lots.sleep).max(least);
                lots.send = faster(lots.send);
                if let Some(large) = &mut lots.large {
                    large.send = faster(large.send);
                }
                if let Some(creator) = &mut lots.creator {
                    creator.takes = faster(creator.takes).max(least);
                }
            }
            Rate::AllAtOnce | Rate::Ramp(..) | Rate::Replay(_) | Rate::Users(_) => {}
        }
    }
    scenario
}

/// The scenario as it is written with `factor` times its load: rates, counts and users. A recording
/// is the same messages in so much less time, which its setup says ([`hasten`]).
#[must_use]
pub fn multiplied(scenario: &Scenario, factor: f64) -> Scenario {
    let times = |count: u64| ((count as f64 * factor).round() as u64).max(1);
    let many = |count: u32| u32::try_from(times(count.into())).unwrap_or(u32::MAX);
    let mut scenario = scaled(scenario, factor);
    for load in &mut scenario.loads {
        match &mut load.rate {
            Rate::Replay(_) => continue,
            Rate::Ramp(ramp, _) => {
                ramp.from *= factor;
                ramp.to *= factor;
            }
            Rate::Users(users) => {
                users.count = many(users.count);
                if let Some(step) = &mut users.step {
                    (step.add, step.most) = (many(step.add), many(step.most));
                }
            }
            Rate::AllAtOnce
            | Rate::Bell(..)
            | Rate::Constant(_)
            | Rate::Floodgate(..)
            | Rate::Lots(_)
            | Rate::Poisson(_)
            | Rate::Sine(..)
            | Rate::Steps(..) => {}
        }
        load.count = load.count.map(times);
    }
    scenario
}

/// The recordings of a setup in so much less time.
pub fn hasten(setup: &mut Setup, scenario: &Scenario, factor: f64) {
    for (load, plan) in setup.loads.iter_mut().zip(&scenario.loads) {
        let recorded = matches!(plan.rate, Rate::Replay(_));
        let ArrivalKind::Replay(instants) = &mut load.arrivals else { continue };
        for at in instants.iter_mut().filter(|_| recorded) {
            *at = Instant::from_nanos((at.as_nanos() as f64 / factor).round() as u64);
        }
    }
}

/// The period after which the loads of a scenario repeat together: windows of a drift test are
/// whole multiples of it, or a sawtooth is read as drift.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Period {
    /// As the scenario is written; zero if nothing repeats.
    written: Duration,
    /// Whether it shrinks as the rate grows, as the pauses of lots do.
    scales: bool,
}

impl Period {
    /// The period when all loads are `factor` times as fast as they are written.
    #[must_use]
    pub fn at(self, factor: f64) -> Duration {
        if self.scales {
            Duration::from_secs_f64(self.written.as_secs_f64() / factor)
        } else {
            self.written
        }
    }
}

/// Whether a probe of so many seconds holds what loads of different periods repeat after together:
/// while it warms up, while a backlog is taken in, and in one window. Nothing shorter than the
/// period of a single load is a load like it, so that one takes what it takes.
///
/// # Errors
///
/// When it does not.
pub(super) fn has_room(
    scenario: &Scenario,
    period: Period,
    seconds_max: f64,
) -> Result<(), Problems> {
    let periods = || scenario.loads.iter().map(|load| (load, period_of(load)));
    let longest = periods().map(|(_, own)| own).max().unwrap_or(Duration::ZERO);
    let needed = period.written.times(PERIODS_OF_A_PROBE);
    if period.written <= longest || needed.as_secs_f64() <= seconds_max {
        return Ok(());
    }
    let periodic = periods().filter(|(_, own)| !own.is_zero());
    let named: Vec<_> =
        periodic.map(|(load, own)| format!("'{}' (period {own})", load.name)).collect();
    let message = format!(
        "the loads {} repeat together only after {}: a probe takes {PERIODS_OF_A_PROBE} times \
         that, {needed}, and --max-seconds allows {seconds_max} s",
        named.join(" and "),
        period.written
    );
    let help = format!(
        "choose periods that divide each other, or allow --max-seconds {}",
        needed.as_secs_f64().ceil()
    );
    Err(Problems::one(message, Some(help)))
}

/// The common period of the loads as they are written: scaled ones are rounded to nanoseconds,
/// and what was a multiple is none any more.
///
/// # Errors
///
/// Loads whose periods have no small common multiple, at this rate or at any other one.
pub fn common_period(scenario: &Scenario) -> Result<Period, Problems> {
    /// Common periods of so many of the longest one are still small.
    const SMALL: u64 = 1_000;
    let mut common = 1_u64;
    let mut longest: Option<(&Load, Duration)> = None;
    let periodic = || scenario.loads.iter().filter(|load| !period_of(load).is_zero());
    let pauses = periodic().find(|load| scales(load));
    let fixed = periodic().find(|load| !scales(load));
    if let (Some(pauses), Some(fixed)) = (pauses, fixed) {
        return Err(moves_apart(pauses, fixed));
    }
    for load in periodic() {
        let own = period_of(load);
        let (a, b) = (common, own.as_nanos());
        let (other, long) = longest.unwrap_or((load, own));
        longest = Some(if own > long { (load, own) } else { (other, long) });
        let limit = own.max(long).as_nanos().saturating_mul(SMALL);
        common =
            (a / gcd(a, b)).checked_mul(b).filter(|common| *common <= limit).ok_or_else(|| {
                let message = format!(
                    "the loads '{}' (period {long}) and '{}' (period {own}) have no small common \
                 multiple: no window holds whole periods of both",
                    other.name, load.name
                );
                let help = "choose periods that divide each other, or one load alone".to_owned();
                Problems::one(message, Some(help))
            })?;
    }
    let written = longest.map_or(Duration::ZERO, |_| Duration::from_nanos(common));
    Ok(Period { written, scales: pauses.is_some() })
}

/// After which a load repeats; zero if it does not.
pub(super) fn period_of(load: &Load) -> Duration {
    match &load.rate {
        Rate::Bell(bell, _) => bell.every,
        Rate::Floodgate(flood, _) => flood.every,
        Rate::Lots(lots) => period(load, lots).0,
        Rate::Sine(sine, _) => sine.every,
        Rate::AllAtOnce
        | Rate::Constant(_)
        | Rate::Poisson(_)
        | Rate::Ramp(..)
        | Rate::Replay(_)
        | Rate::Steps(..)
        | Rate::Users(_) => Duration::ZERO,
    }
}

/// Whether a load repeats sooner when it is faster.
const fn scales(load: &Load) -> bool {
    matches!(load.rate, Rate::Lots(_))
}

fn moves_apart(pauses: &Load, fixed: &Load) -> Problems {
    let message = format!(
        "the lots of '{}' come sooner at a higher rate and the period of '{}' does not: no window \
         holds whole periods of both at every rate",
        pauses.name, fixed.name
    );
    let help = "give one of them a constant rate".to_owned();
    Problems::one(message, Some(help))
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// A setup whose sources get `documents` at once at instant `at`, in the proportions of the loads,
/// and whose loads never end by themselves: a probe stops when it knows enough.
///
/// # Errors
///
/// A replay file that cannot be read.
pub fn preloaded(scenario: &Scenario, documents: u64, at: Instant) -> Result<Setup, Problems> {
    let mut setup = setup(scenario, 0)?;
    let count = setup.loads.len() as u64;
    let mut preloads: Vec<LoadSettings> = Vec::new();
    for (load, plan) in setup.loads.iter_mut().zip(&scenario.loads) {
        load.until = None;
        load.count = None;
        if let ArrivalKind::Lots(lots) = &mut load.arrivals {
            (lots.files, lots.time) = (None, None);
        }
        let each = documents as f64 / count as f64;
        let messages = (each / Arriving::of(scenario, plan).mean) as u64;
        preloads.push(LoadSettings {
            name: format!("{} (preload)", load.name),
            arrivals: ArrivalKind::Replay(vec![
                Instant::ZERO;
                usize::try_from(messages).unwrap_or(0)
            ]),
            start: at,
            ..load.clone()
        });
    }
    setup.loads.extend(preloads);
    Ok(setup)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_repeats_together_after_days_is_refused_where_a_probe_may_last_for_hours() {
        let sines = |periods: &[&str]| {
            let load = |every: &&str| {
                format!(
                    "[[load]]\nto = 'In'\nmeasure = '1 min'\n\
                     rate = {{ sine = {{ low = 1, high = 2, every = '{every}', top = '0 s' }} }}\n"
                )
            };
            let plant = include_str!("../../theory/one_place.toml");
            let (plant, _) = plant.split_once("[[load]]").expect("it has a load");
            let text = format!("{plant}{}", periods.iter().map(load).collect::<String>());
            Scenario::parse("t.toml", text.as_bytes(), std::path::Path::new(""), &[])
                .unwrap_or_else(|problems| panic!("{problems:?}"))
        };
        let room = |periods: &[&str], seconds_max: f64| {
            let scenario = sines(periods);
            has_room(&scenario, common_period(&scenario).expect("it is small"), seconds_max)
        };
        let refused = room(&["1 h", "7 min"], 14_400.0).unwrap_err();
        let problem = &refused.problems()[0];
        for part in ["'In.0' (period 1 h) and 'In.1' (period 7 min)", "7 h", "21 h", "14400 s"] {
            assert!(problem.message().contains(part), "{part}: {}", problem.message());
        }
        assert!(problem.advice().is_some_and(|help| help.contains("--max-seconds 75600")));
        assert!(room(&["1 h", "7 min"], 75_600.0).is_ok());
        // One load alone takes what it takes, and so do those whose periods divide each other.
        assert!(room(&["24 h"], 14_400.0).is_ok());
        assert!(room(&["24 h", "1 h"], 14_400.0).is_ok());
    }
}
