//! One run with a held backlog: what the plant gets through when there is always so much to do.

use floodgate_engine::hash::mix;
use floodgate_engine::time::{Duration, Instant};
use floodgate_sim::load::ArrivalKind;
use floodgate_sim::world::{Pin, World};

use serde::{Deserialize, Serialize};

use super::journal::Journal;
use crate::experiment::fuel::Fuel;
use crate::experiment::scale::offered_rate;
use crate::plan::{Problems, Scenario};
use crate::setup::{Arriving, setup};

/// Seeds that others can read: no program rounds them.
const SEED_BITS: u32 = 53;
/// Nobody looks at the series of such a run.
const NEVER: Duration = Duration::from_minutes(60_000);

/// The seed of run number `index` of a search: searches with neighbouring seeds share no run.
pub(super) fn seed_of(scenario: &Scenario, index: u64) -> u64 {
    mix(scenario.seed, index) >> (u64::BITS - SEED_BITS)
}

/// A plant is in its stride when so many times its backlog have been offered.
pub(super) const WARM_UP_BACKLOGS: u64 = 4;

/// A plant whose backlog is held.
#[derive(Clone, Debug)]
pub(super) struct Held<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) journal: &'a Journal,
    shares: Vec<f64>,
}

/// A stretch of time in such a plant.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Stretch {
    /// Documents that ended, a second.
    pub(super) rate: f64,
    /// The same, in its first and in its second half.
    pub(super) halves: [f64; 2],
    /// By how many documents more stand at each place of the plant at the end, a second.
    pub(super) drifts: Vec<f64>,
    /// Documents simulated, warm-up included.
    pub(super) documents: u64,
    /// The first broken promise.
    pub(super) broken: Option<String>,
}

/// What a pilot may cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    /// Until then nothing is measured…
    pub(super) warm_up: Duration,
    /// …unless so many documents were offered before.
    pub(super) warm_up_documents: u64,
    /// Documents that are measured.
    pub(super) documents: u64,
    /// Virtual seconds in all.
    pub(super) seconds_max: f64,
}

/// A first look at a plant at one backlog.
#[derive(Clone, Debug)]
pub(super) struct Pilot {
    /// Documents a second; `None` where nothing gets through, or everything at once.
    pub(super) rate: Option<f64>,
    /// Everything was done in no time.
    pub(super) is_endless: bool,
    /// Something was done at first, and then nothing for half of what a probe may take.
    pub(super) stands_still: bool,
    /// Not one of the documents was delivered.
    pub(super) lost: Option<Lost>,
    /// How long it took to warm up.
    pub(super) warm_up: Duration,
    /// Documents simulated.
    pub(super) documents: u64,
    /// The first broken promise.
    pub(super) broken: Option<String>,
}

/// What became of documents of which none was delivered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Lost {
    /// How often something was suspended.
    pub(super) suspended: u64,
    /// Documents that have ended.
    pub(super) ended: u64,
}

impl Lost {
    /// What did in `world`, if anything was suspended and nothing delivered.
    fn of(world: &World) -> Option<Self> {
        let meters = world.meters();
        let ended = meters.offered.saturating_sub(world.backlog());
        let is_lost = meters.processed == 0 && meters.suspended > 0;
        is_lost.then_some(Self { suspended: meters.suspended, ended })
    }

    /// Of both together.
    pub(super) const fn and(self, other: Self) -> Self {
        Self { suspended: self.suspended + other.suspended, ended: self.ended + other.ended }
    }
}

impl<'a> Held<'a> {
    /// The plant of `scenario`, whose loads keep their proportions.
    pub(super) fn of(scenario: &'a Scenario, journal: &'a Journal) -> Result<Self, Problems> {
        let alone = |load: &crate::plan::load::Load| {
            let own = Scenario { loads: vec![load.clone()], ..scenario.clone() };
            offered_rate(&own).map(|rate| rate / Arriving::of(scenario, load).mean)
        };
        let shares = scenario.loads.iter().map(alone).collect::<Result<_, _>>()?;
        Ok(Self { scenario, journal, shares })
    }

    /// So many documents, held.
    pub(super) fn pin(&self, documents: u64) -> Pin {
        Pin { documents, shares: self.shares.clone() }
    }

    /// The plant at its beginning, observed over a window that is its end.
    pub(super) fn world(&self, seed: u64, window: (Instant, Instant)) -> Result<World, Problems> {
        let mut setup = setup(self.scenario, 0)?;
        for load in &mut setup.loads {
            // Nothing comes by itself.
            load.arrivals = ArrivalKind::Replay(Vec::new());
            (load.until, load.count, load.controller) = (None, None, None);
        }
        setup.seed = seed;
        (setup.measure_from, setup.measure_to) = window;
        setup.end = window.1;
        setup.drain = setup.end.since(Instant::ZERO);
        setup.sample = NEVER;
        Ok(World::new(&setup))
    }

    /// What the plant gets through at a backlog of `documents`, roughly: over so many of them,
    /// when it has warmed up.
    pub(super) fn pilot(
        &self,
        documents: u64,
        seed: u64,
        budget: &Budget,
    ) -> Result<Pilot, Problems> {
        let end = Instant::ZERO + Duration::from_secs_f64(budget.seconds_max);
        let pin = self.pin(documents);
        let mut world = self.world(seed, (Instant::ZERO, end))?;
        let filled = WARM_UP_BACKLOGS * documents;
        let mut fuel = Fuel::of(self.journal.budget());
        let mut run = |world: &mut World, until: Instant, offered_max: u64| {
            fuel.run_pinned(world, &pin, (until, offered_max))
        };
        let (warm, enough) = (Instant::ZERO + budget.warm_up, filled + budget.warm_up_documents);
        run(&mut world, warm, enough)?;
        let (warmed, at_first) = (world.now(), ended(&world));
        let offered = world.meters().offered;
        run(&mut world, end, offered.max(filled))?;
        let (from, before) = (world.now(), ended(&world));
        let is_long = from.since(warmed).as_secs_f64() >= budget.seconds_max / 2.0;
        let offered = world.meters().offered;
        run(&mut world, end, offered + budget.documents)?;
        let seconds = world.now().since(from).as_secs_f64();
        let through = ended(&world) - before;
        let pilot = Pilot {
            rate: (seconds > 0.0 && through > 0.0).then(|| through / seconds),
            is_endless: seconds <= 0.0 && through > 0.0,
            stands_still: is_long && at_first > 0.0 && before <= at_first,
            lost: Lost::of(&world),
            documents: world.meters().offered,
            warm_up: from.since(Instant::ZERO),
            broken: broken(&world),
        };
        let told = (pilot.rate, pilot.documents, world.trace().digest());
        self.journal.touchstone(&format!("pilot {documents} {seed}"), &told)?;
        Ok(pilot)
    }

    /// A window of `lasts` after `warm_up`, at a backlog of `documents`.
    pub(super) fn stretch(
        &self,
        documents: u64,
        seed: u64,
        spans: (Duration, Duration),
    ) -> Result<Stretch, Problems> {
        let key = || format!("held {documents} {seed} {spans:?}");
        self.journal.once(key, |fuel| self.stretched(documents, seed, spans, fuel))
    }

    /// The same, whether it was done before or not.
    pub(super) fn stretched(
        &self,
        documents: u64,
        seed: u64,
        (warm_up, lasts): (Duration, Duration),
        fuel: &mut Fuel<'_>,
    ) -> Result<Stretch, Problems> {
        let from = Instant::ZERO + warm_up;
        let to = from + lasts;
        let pin = self.pin(documents);
        let mut world = self.world(seed, (from, to))?;
        let (mut counts, mut standing) = (Vec::new(), Vec::new());
        let half = Duration::from_nanos(lasts.as_nanos() / 2);
        for until in [from, from + half, to] {
            fuel.run_pinned(&mut world, &pin, (until, u64::MAX))?;
            counts.push(ended(&world));
            standing.push(world.standing());
        }
        let drift =
            |(before, after): (&u64, &u64)| (*after as f64 - *before as f64) / lasts.as_secs_f64();
        let per_second =
            |a: usize, b: usize, span: Duration| (counts[b] - counts[a]) / span.as_secs_f64();
        Ok(Stretch {
            rate: per_second(0, 2, lasts),
            halves: [per_second(0, 1, half), per_second(1, 2, lasts - half)],
            drifts: standing[0].iter().zip(&standing[2]).map(drift).collect(),
            documents: world.meters().offered,
            broken: broken(&world),
        })
    }
}

/// Documents that have ended. One that goes on to a next stage is there twice for a moment.
fn ended(world: &World) -> f64 {
    world.meters().offered as f64 - world.backlog() as f64
}

/// The first promise that this world broke.
pub(super) fn broken(world: &World) -> Option<String> {
    let first = world.checks().violations().first();
    first.map(|violation| format!("{}: {}", violation.rule.id(), violation.what))
}
