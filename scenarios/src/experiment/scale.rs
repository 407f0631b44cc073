//! Scaling a scenario's loads to a rate, and preloading its sources.

use floodgate_engine::time::{Duration, Instant};
use floodgate_sim::load::ArrivalKind;
use floodgate_sim::setup::{LoadSettings, Setup};

use crate::plan::rate::{Per, Rate};
use crate::plan::{Problems, Scenario};
use crate::setup::setup;

/// The documents per second that the scenario's loads offer as they are written.
///
/// # Errors
///
/// A load that has no rate to scale: all at once, a replay, or a rate of zero.
pub fn offered_rate(scenario: &Scenario) -> Result<f64, Problems> {
    let mut sum = 0.0;
    for load in &scenario.loads {
        sum += match &load.rate {
            Rate::Constant(rate) | Rate::Poisson(rate) => *rate,
            Rate::Steps(steps, _) => {
                mean_of_steps(steps, load.warm_up + load.measure.unwrap_or(Duration::ZERO))
            }
            Rate::Floodgate(flood, _) => {
                let share = flood.lasts.as_secs_f64() / flood.every.as_secs_f64();
                flood.base + (flood.peak - flood.base) * share
            }
            Rate::Lots(lots) => {
                let per_section =
                    f64::from(lots.lot) * f64::from(load.documents) / lots.sleep.as_secs_f64();
                match lots.per {
                    Per::Section => per_section,
                    Per::Thread => per_section * f64::from(lots.threads),
                }
            }
            Rate::AllAtOnce | Rate::Replay(_) => return Err(unscalable(&load.name)),
        };
    }
    if sum > 0.0 && sum.is_finite() { Ok(sum) } else { Err(unscalable(&scenario.loads[0].name)) }
}

fn unscalable(load: &str) -> Problems {
    let message = format!("the load '{load}' has no rate that could be raised or lowered");
    let help = "use constant, poisson, steps, floodgate or lots with a rate above zero".to_owned();
    Problems::one(message, Some(help))
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
            Rate::Lots(lots) => {
                let sleep = lots.sleep.as_secs_f64() / factor;
                lots.sleep = Duration::from_secs_f64(sleep).max(Duration::from_nanos(1));
            }
            Rate::AllAtOnce | Rate::Replay(_) => {}
        }
    }
    scenario
}

/// Periods after which the scenario's load repeats: windows are whole multiples of the longest.
#[must_use]
pub fn longest_period(scenario: &Scenario) -> Duration {
    let of = |rate: &Rate| match rate {
        Rate::Lots(lots) => lots.sleep,
        Rate::Floodgate(flood, _) => flood.every,
        Rate::AllAtOnce
        | Rate::Constant(_)
        | Rate::Poisson(_)
        | Rate::Replay(_)
        | Rate::Steps(..) => Duration::ZERO,
    };
    scenario.loads.iter().map(|load| of(&load.rate)).max().unwrap_or(Duration::ZERO)
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
        let messages = documents / count / u64::from(plan.documents.max(1));
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
