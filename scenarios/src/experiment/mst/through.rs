//! How large a share of the documents goes through what is full.
//!
//! Where some documents pass by what is full, a backlog grows by less than what is offered too
//! much: only those that go there wait. How much less is seen where far too much is offered.
//! The warm-up of a held backlog, a test of drifts, what a backlog needs to drain and what should
//! wait after an overload follow it.

use floodgate_engine::time::{Duration, Instant};
use floodgate_reports::{MstVerdict, Probe};
use floodgate_sim::world::World;

use super::pinned::seed_of;
use super::{Search, unknown};
use crate::experiment::fuel::Fuel;
use crate::experiment::scale::offered_rate;
use crate::plan::rate::Rate;
use crate::plan::{Problems, Scenario};
use crate::setup::{Arriving, setup};

/// What is offered, as a multiple of the capacity.
const OVER: f64 = 2.0;
/// Documents of either half of the run.
const DOCUMENTS: f64 = 10_000.0;
/// All of them go there, as far as can be told.
const ALL: f64 = 0.9;
/// No fewer are reckoned with: a backlog of them would hardly be seen.
const LEAST: f64 = 0.02;
/// The run; the others belong to other parts of the search.
const RUN: u64 = 710;

/// Whether documents differ, so that some may go elsewhere.
fn is_mixed(scenario: &Scenario) -> bool {
    scenario.loads.len() > 1 || scenario.loads.iter().any(|load| load.mix.len() > 1)
}

impl Search<'_> {
    /// Finds it out for a plant that can do `capacity`, roughly.
    pub(super) fn find_through(&mut self, capacity: f64) -> Result<(), Problems> {
        if !is_mixed(self.scenario) || self.is_timed() {
            return Ok(());
        }
        let key = || format!("through {capacity}");
        let (share, seconds, documents) =
            self.journal.once(key, |fuel| self.overfilled(capacity, fuel))?;
        self.documents += documents;
        if share >= ALL {
            return Ok(());
        }
        self.through = share.max(LEAST);
        let evidence = format!(
            "offered {OVER} times what it can do: the backlog grows by {:.0} % of what is too much; \
             the other documents do not go through what is full",
            100.0 * share
        );
        self.probes.push(Probe {
            seconds,
            seeds: vec![seed_of(self.scenario, RUN)],
            verdict: MstVerdict::Unsustainable,
            ..unknown(OVER * capacity, &evidence)
        });
        Ok(())
    }

    /// So much offered evenly: how much of it goes where does not follow when it comes, and nobody
    /// waits for a day to be over.
    fn evenly(&self, rate: f64) -> Result<Scenario, Problems> {
        let mut scenario = self.scaled(rate);
        for load in &mut scenario.loads {
            let alone = Scenario { loads: vec![load.clone()], ..self.scaled(rate) };
            load.rate = Rate::Poisson(offered_rate(&alone)? / Arriving::of(&alone, load).mean);
        }
        Ok(scenario)
    }

    /// By how much a backlog grows of what is offered too much, the seconds that it took to see and
    /// the documents.
    fn overfilled(&self, capacity: f64, fuel: &mut Fuel<'_>) -> Result<(f64, f64, u64), Problems> {
        let rate = OVER * capacity;
        let least = (DOCUMENTS / rate).min(self.ask.seconds_max / 2.0);
        let least = Duration::from_secs_f64(least);
        let period = self.period.at(rate / self.written);
        let whole = least.as_nanos().checked_div(period.as_nanos());
        let whole = whole.map_or(least, |whole| period.times(whole + 1));
        let is_long = whole.as_secs_f64() > self.ask.seconds_max / 2.0;
        let (scenario, half) =
            if is_long { (self.evenly(rate)?, least) } else { (self.scaled(rate), whole) };
        let mut setup = setup(&scenario, 0)?;
        setup.seed = seed_of(self.scenario, RUN);
        for load in &mut setup.loads {
            (load.until, load.count) = (None, None);
        }
        setup.end = Instant::ZERO + half + half;
        let mut world = World::new(&setup);
        let mut seen = Vec::new();
        for until in [Instant::ZERO + half, setup.end] {
            fuel.run_until(&mut world, until)?;
            world.wait_until(until);
            seen.push((world.backlog() as f64, world.meters().offered as f64));
        }
        let (grown, offered) = (seen[1].0 - seen[0].0, seen[1].1 - seen[0].1);
        let too_much = offered - capacity * half.as_secs_f64();
        let share = (grown / too_much).clamp(0.0, 1.0);
        Ok((share, setup.end.as_secs_f64(), world.meters().offered))
    }
}
