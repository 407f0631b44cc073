//! How the load that the cleanup jobs just keep up with follows each price and each knob.
//!
//! At that load the jobs have more than enough to do. One setting is turned a little up and down,
//! and so is the load, with the draws of the same seeds; what the job that is furthest behind
//! removes, as a share of what is added, follows both, and the load follows the setting by the
//! ratio of the two (the implicit function).

use floodgate_reports::Elasticity;

use super::cleaned::Begun;
use super::elasticity::worth_telling;
use super::pinned::seed_of;
use super::turn::{Knob, knobs};
use super::{Search, unknown};
use crate::experiment::drift::{PRELOAD_SECONDS, Question};
use crate::experiment::fuel::Fuel;
use crate::experiment::parallel::in_order;
use crate::experiment::scale::scaled;
use crate::experiment::sweep::Estimate;
use crate::plan::{Problems, Scenario};

/// How far a setting is turned for the first look, and how far it and the load are for the others.
const FIRST_STEP: f64 = 0.1;
const STEP: f64 = 0.05;
/// Seeds of those that moved something.
const SEEDS: usize = 6;
/// What moved the job's share by less than this is left out after the first look.
const MOVED_MIN: f64 = 0.004;
/// Documents of a look, at least, and seconds: getting there takes as many.
const DOCUMENTS: f64 = 4_000.0;
const SECONDS: f64 = PRELOAD_SECONDS;
/// The first of their seeds; the ones before belong to other parts of the search.
const FIRST_RUN: u64 = 65_000;

/// The logarithm of what is removed over what is added where a job is furthest behind, none where
/// none had enough to do; and the documents that it took.
type Balance = (Option<f64>, u64);

/// A scenario at so many times the load.
type Place<'a> = (&'a Scenario, f64);

impl Search<'_> {
    /// How the load at which the jobs just keep up, about `rate`, follows what can be turned, the
    /// strongest first.
    pub(super) fn removals(&mut self, rate: f64) -> Result<Vec<Elasticity>, Problems> {
        let knobs = self.removing(rate)?;
        let scenario = self.scenario;
        let (up, down) = (1.0 + STEP, 1.0 - STEP);
        let turns: Vec<[(Scenario, f64); 2]> = knobs
            .iter()
            .map(|knob| {
                let turned = |by| knob.turned(scenario, by);
                [up, down].map(|by| turned(by).unwrap_or_else(|| (scenario.clone(), 1.0)))
            })
            .collect();
        let turned = turns.iter().flatten().map(|(scenario, _)| (scenario, 1.0));
        let places: Vec<Place<'_>> =
            [up, down].into_iter().map(|load| (scenario, load)).chain(turned).collect();
        let found = self.balances(rate, &places, SEEDS)?;
        let (load, found) = found.split_at(2);
        let slope = |ends: &[Vec<Option<f64>>], seed: usize, (high, low): (f64, f64)| {
            Some((ends[0][seed]? - ends[1][seed]?) / libm::log(high / low))
        };
        let mut told = Vec::new();
        for ((knob, turns), ends) in knobs.iter().zip(&turns).zip(found.chunks(2)) {
            let by = (turns[0].1, turns[1].1);
            let one = |seed| Some(-slope(ends, seed, by)? / slope(load, seed, (up, down))?);
            let values: Option<Vec<f64>> = (0..SEEDS).map(one).collect();
            let values = values.filter(|values| values.iter().all(|value| value.is_finite()));
            match values.and_then(|values| Estimate::of(&values)) {
                Some(found) => told.extend(worth_telling(&knob.key, found)),
                None => {
                    let why = format!("{}: turned, the jobs have not enough to do", knob.key);
                    self.probes.push(unknown(rate, &why));
                }
            }
        }
        told.sort_by(|a, b| b.value.abs().total_cmp(&a.value.abs()));
        Ok(told)
    }

    /// The knobs that move anything, by a look with one seed.
    fn removing(&mut self, rate: f64) -> Result<Vec<Knob>, Problems> {
        let scenario = self.scenario;
        let turned = |knob: Knob| {
            let up = knob.turned(scenario, 1.0 + FIRST_STEP);
            let (turned, _) = up.or_else(|| knob.turned(scenario, 1.0 - FIRST_STEP))?;
            Some((knob, turned))
        };
        let all: Vec<_> = knobs(scenario).into_iter().filter_map(turned).collect();
        let turned = all.iter().map(|(_, turned)| (turned, 1.0));
        let places: Vec<Place<'_>> = std::iter::once((scenario, 1.0)).chain(turned).collect();
        let found = self.balances(rate, &places, 1)?;
        let moved = |one: &Vec<Option<f64>>| match (one[0], found[0][0]) {
            (Some(one), Some(as_is)) => (one - as_is).abs() >= MOVED_MIN,
            // So far that the job had nothing left to do.
            _ => true,
        };
        let kept = all.into_iter().zip(&found[1..]).filter(|(_, one)| moved(one));
        Ok(kept.map(|((knob, _), _)| knob).collect())
    }

    /// What so many seeds say of every place.
    fn balances(
        &mut self,
        rate: f64,
        places: &[Place<'_>],
        seeds: usize,
    ) -> Result<Vec<Vec<Option<f64>>>, Problems> {
        let this = &*self;
        let all = in_order(places.len() * seeds, this.ask.threads, |at| {
            let (place, seed) = (places[at / seeds], (at % seeds) as u64);
            this.balance(rate, place, seed)
        });
        let all = all.into_iter().collect::<Result<Vec<_>, _>>()?;
        self.documents += all.iter().map(|one| one.1).sum::<u64>();
        let found: Vec<_> = all.into_iter().map(|one| one.0).collect();
        Ok(found.chunks(seeds).map(<[_]>::to_vec).collect())
    }

    fn balance(
        &self,
        rate: f64,
        (turned, load): Place<'_>,
        seed: u64,
    ) -> Result<Balance, Problems> {
        let factor = rate * load / self.written;
        let question = Question {
            rate: rate * load,
            delta: self.blur(),
            through: 1.0,
            seed: seed_of(self.scenario, FIRST_RUN + seed),
            seconds_max: self.ask.seconds_max,
            period: self.period.at(factor),
        };
        let scenario = scaled(turned, factor);
        let key = || format!("removal {} {question:?}", scenario.hash());
        self.journal.once(key, |fuel| balance(&scenario, &question, fuel))
    }
}

fn balance(
    scenario: &Scenario,
    question: &Question,
    fuel: &mut Fuel<'_>,
) -> Result<Balance, Problems> {
    let Some(mut begun) = Begun::of(scenario, question, fuel)? else { return Ok((None, 0)) };
    let windows = SECONDS.max(DOCUMENTS / question.rate) / begun.window.as_secs_f64();
    let lasts = begun.window.times(windows.ceil().max(1.0) as u64);
    let before = begun.at_work();
    begun.run(lasts, fuel)?;
    let balances = before.into_iter().zip(begun.at_work()).filter_map(|(before, after)| {
        let ((garbage, removed), (left, after)) = (before?, after?);
        let removed = (after - removed) as f64;
        Some(libm::log(removed / (removed + left as f64 - garbage as f64)))
    });
    Ok((balances.min_by(f64::total_cmp), begun.world.meters().received))
}

#[cfg(test)]
mod tests {
    use super::super::{Ask, Journal};
    use super::*;
    use std::path::Path;

    #[test]
    fn a_load_that_a_job_stops_follows_what_the_job_takes_and_nothing_else() {
        // A row for each document and 50 rows a second: rows that take twice as long leave half of
        // the load, and the partner's wire does not matter.
        let text = include_str!("../../../theory/one_place.toml");
        let changes = ["cost.collect_row=20 ms", "load.0.rate={ poisson = 50.0 }"];
        let changes = changes.map(str::to_owned);
        let scenario =
            Scenario::parse("plant.toml", text.as_bytes(), Path::new(""), &changes).unwrap();
        let journal = Journal::default();
        let ask = Ask { precision: 0.2, threads: 2, ..Ask::DEFAULT };
        let mut search = Search::of(&scenario, ask, &journal).unwrap();
        let found = search.removals(50.0).unwrap();
        let [only] = &found[..] else { panic!("{found:?}") };
        assert_eq!(only.knob, "cost.collect_row");
        let [low, high] = only.interval.unwrap();
        assert!(low <= -1.0 && high >= -1.0 && high - low < 0.1, "{only:?}");
    }
}
