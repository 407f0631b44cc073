//! What stops the load, and what would stop it next.
//!
//! Three looks: at the full plant, at one that has half as much to do as it can, and at one that
//! has a tenth. What is busy all the time in the full plant stops it. Processors, locks, disks and
//! partners are busy only with their own work, so that their busy time at the capacity says how far
//! they are from it. Places that are held while something else is waited for (threads, workers,
//! batches) are full behind whatever stops the plant; how much of them a document takes is seen
//! where nothing is full (`places.rs`).

use floodgate_engine::throttle::PublishingState;
use floodgate_engine::time::{Duration, Instant};
use floodgate_reports::Limit;
use floodgate_sim::outcome::Outcome;
use floodgate_sim::resource::Usage;
use floodgate_sim::setup::Setup;
use floodgate_sim::world::{HoldKind, World};

use serde::{Deserialize, Serialize};

use super::pinned::{Held, seed_of};
use super::places::{self, Bound, Easy};
use crate::experiment::fuel::Fuel;
use crate::experiment::parallel::in_order;
use crate::experiment::scale::{preloaded, scaled};
use crate::plan::{Problems, Scenario};
use crate::setup::setup;

/// What the resources are called that remove what documents leave behind.
const CLEANUP: &str = "cleanup job";
/// Looks at the places of a plant.
const LOOKS: u32 = 200;
/// What is busy for so much of the time is full.
const FULL: f64 = 0.97;
/// Places are full when so many of them are taken: in between one is always about to be.
const FULL_PLACES: f64 = 0.9;
/// Below this share of its capacity a resource is not what stops the load.
const BUSY_MIN: f64 = 0.5;
/// Resources of a kind are alike when the loads at which they would be full differ by so little.
const ALIKE: f64 = 0.02;
/// Publishing is held when it waits at so many looks; at so few it still is where nothing else
/// stops the plant.
const HELD: f64 = 0.5;
const HELD_LITTLE: f64 = 0.05;
/// The shares of the capacity at which nothing is full.
const EASY: f64 = 0.5;
const LITTLE: f64 = 0.1;
/// Documents of the look at a plant with little to do, at least.
const LITTLE_DOCUMENTS: f64 = 10_000.0;
/// What is offered to a plant whose backlog cannot be held, as a share of what it can do.
const OVERLOAD: f64 = 1.2;
/// Documents that such a plant begins with, at most: they are all in memory.
const PRELOAD_MAX: f64 = 2e6;
/// The look at a plant that is not full: one run, with a seed of its own.
const EASY_RUN: u64 = 500;

/// What was seen of one resource or of some places.
#[derive(Clone, Debug)]
struct Seen {
    name: String,
    /// Which places of the plant it is; none of a resource, which is busy only with its own work.
    place: Option<(usize, HoldKind)>,
    /// Busy in the full plant.
    full: f64,
    /// Busy in a plant that has half as much to do.
    half: f64,
    /// Jobs that wait in the full plant, or places there are.
    detail: f64,
    /// The share of looks at the full plant at which any of its places was taken.
    often: f64,
}

/// A plant that is to be looked at when it is full.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plant<'a> {
    pub(super) scenario: &'a Scenario,
    /// What the scenario offers as written, and what the plant can do.
    pub(super) written: f64,
    pub(super) rate: f64,
    /// The backlog at which it is full; where none is known it is offered more than it can do.
    pub(super) backlog: Option<u64>,
    /// Warm-up and window of a look.
    pub(super) spans: (Duration, Duration),
}

/// What stops a plant, what would stop it next, and what it cost to know.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Limits {
    pub(super) both: [Option<Limit>; 2],
    /// The first of them is that publishing is held back.
    pub(super) is_input_held: bool,
    pub(super) documents: u64,
}

/// The two limits of a plant.
pub(super) fn limits(
    held: &Held<'_>,
    plant: &Plant<'_>,
    threads: usize,
    fuel: &mut Fuel<'_>,
) -> Result<Limits, Problems> {
    let rate = plant.rate;
    let looks = in_order(3, threads, |at| {
        let mut fuel = Fuel::of(held.journal.budget());
        let look = match (at, plant.backlog) {
            (0, Some(backlog)) => plant.full(held, backlog, &mut fuel).map(Looked::Full),
            (0, None) => plant.overloaded(&mut fuel).map(Looked::Full),
            (1, _) => plant.easy((EASY, 1), &mut fuel).map(Looked::Easy),
            _ => plant.easy((LITTLE, plant.spans_with_little()), &mut fuel).map(Looked::Easy),
        };
        look.map(|look| (look, fuel.tanks()))
    });
    let (mut full, mut easy) = (None, Vec::new());
    for look in looks {
        let (look, took) = look?;
        fuel.note(took);
        match look {
            Looked::Full(look) => full = Some(look),
            Looked::Easy(look) => easy.push(look),
        }
    }
    let full = full.expect("it was looked at");
    let [half, little]: [Easy; 2] = easy.try_into().expect("two looks were taken");
    let seen = seen(&full, Some(&half));
    let first = binding(&seen);
    let bounds = bounds(&seen, first, [&little, &half], rate);
    let told = |at: usize| seen[at].limit(bounds[at], rate, full.publishing);
    let is_input_held = first.is_some_and(|at| seen[at].is(HoldKind::Publishing));
    let alike = first.map_or_else(Vec::new, |first| alike(&seen, &bounds, first));
    let limit = first.map_or_else(nothing, |at| {
        let mut limit = Limit { bound: Some(rate), at_least: false, ..told(at) };
        if !alike.is_empty() {
            let names: Vec<&str> = alike.iter().map(|at| seen[*at].name.as_str()).collect();
            limit.explanation += &format!("; as full: {}", names.join(", "));
        }
        limit
    });
    let others = (0..seen.len()).filter(|at| Some(*at) != first && !alike.contains(at));
    let next = others.min_by(|a, b| bounds[*a].at.total_cmp(&bounds[*b].at));
    let next = next.filter(|at| bounds[*at].at.is_finite());
    let job = next_job(&half.outcome, plant);
    let is_sooner =
        |job: &Limit| job.bound < next.map(|at| bounds[at].at.max(rate)).or(Some(f64::MAX));
    let both = [Some(limit), job.filter(is_sooner).or_else(|| next.map(told))];
    let documents = full.documents + half.documents + little.documents;
    Ok(Limits { both, is_input_held, documents })
}

/// A look at a plant, and how.
enum Looked {
    Full(Look),
    Easy(Easy),
}

/// A run that was looked at.
#[derive(Debug)]
struct Look {
    outcome: Outcome,
    holds: Vec<Taken>,
    /// Why publishing waited at most of the looks at which it did.
    publishing: PublishingState,
    documents: u64,
}

/// Places of a run that was looked at.
#[derive(Debug)]
struct Taken {
    name: String,
    kind: HoldKind,
    /// The share that was taken, on average.
    share: f64,
    /// The share of looks at which any was.
    often: f64,
    places: u64,
}

/// Looks at the places of `world` from `from` to `to`, at instants that no period falls in with.
fn watch(
    mut world: World,
    (from, to): (Instant, Instant),
    mut run_until: impl FnMut(&mut World, Instant) -> Result<(), Problems>,
) -> Result<Look, Problems> {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let mut taken: Vec<(u64, u32)> = Vec::new();
    let mut states = vec![0_u32; PublishingState::ALL.len()];
    run_until(&mut world, from)?;
    let step = to.since(from).as_secs_f64() / f64::from(LOOKS);
    for look in 0..LOOKS {
        let share = f64::from(look) + (f64::from(look) * GOLDEN).fract();
        run_until(&mut world, from + Duration::from_secs_f64(share * step))?;
        let holds = world.holds();
        taken.resize(holds.len(), (0, 0));
        for ((sum, looks), hold) in taken.iter_mut().zip(&holds) {
            *sum += hold.busy;
            *looks += u32::from(hold.busy > 0);
        }
        let why = world.publishing_state();
        for (count, state) in states.iter_mut().zip(PublishingState::ALL) {
            *count += u32::from(why != PublishingState::None && why == *state);
        }
    }
    run_until(&mut world, to)?;
    let holds = world.holds().into_iter().zip(taken).map(|(hold, (sum, looks))| Taken {
        share: sum as f64 / f64::from(LOOKS) / hold.places.max(1) as f64,
        often: f64::from(looks) / f64::from(LOOKS),
        name: hold.name,
        kind: hold.kind,
        places: hold.places,
    });
    let holds = holds.collect();
    let most = states.iter().zip(PublishingState::ALL).max_by_key(|(count, _)| **count);
    let publishing = most.map_or(PublishingState::None, |(_, state)| *state);
    let documents = world.meters().offered;
    Ok(Look { outcome: world.conclude(), holds, publishing, documents })
}

impl Plant<'_> {
    fn seed(&self) -> u64 {
        seed_of(self.scenario, EASY_RUN)
    }

    fn window(&self) -> (Instant, Instant) {
        let from = Instant::ZERO + self.spans.0;
        (from, from + self.spans.1)
    }

    /// With its backlog held.
    fn full(&self, held: &Held<'_>, backlog: u64, fuel: &mut Fuel<'_>) -> Result<Look, Problems> {
        let pin = held.pin(backlog);
        let world = held.world(self.seed(), self.window())?;
        watch(world, self.window(), |world, until| fuel.run_pinned(world, &pin, (until, u64::MAX)))
    }

    /// With much to do from the beginning, and more coming than it can do.
    fn overloaded(&self, fuel: &mut Fuel<'_>) -> Result<Look, Problems> {
        let rate = self.rate * OVERLOAD;
        let scenario = scaled(self.scenario, rate / self.written);
        let preload = (rate * self.spans.1.as_secs_f64()).min(PRELOAD_MAX);
        self.open(preloaded(&scenario, preload as u64, Instant::ZERO)?, fuel)
    }

    /// With such a share of what it can to do, for so many windows.
    fn easy(&self, (share, windows): (f64, u64), fuel: &mut Fuel<'_>) -> Result<Easy, Problems> {
        let mut setup = setup(&scaled(self.scenario, self.rate * share / self.written), 0)?;
        for load in &mut setup.loads {
            (load.until, load.count) = (None, None);
        }
        setup.seed = self.seed();
        let window = (self.window().0, self.window().0 + self.spans.1.times(windows));
        (setup.measure_from, setup.measure_to) = window;
        setup.end = window.1;
        Easy::look(World::new(&setup), window, fuel)
    }

    /// Windows until enough has come where little does: whole ones, as its periods may want.
    fn spans_with_little(&self) -> u64 {
        let documents = self.rate * LITTLE * self.spans.1.as_secs_f64();
        (LITTLE_DOCUMENTS / documents).ceil().max(1.0) as u64
    }

    fn open(&self, mut setup: Setup, fuel: &mut Fuel<'_>) -> Result<Look, Problems> {
        setup.seed = self.seed();
        (setup.measure_from, setup.measure_to) = self.window();
        setup.end = self.window().1;
        watch(World::new(&setup), self.window(), |world, until| {
            fuel.run_until(world, until)?;
            world.wait_until(until);
            Ok(())
        })
    }
}

/// What there is in a full plant, and in one that has half as much to do, if it was looked at.
fn seen(full: &Look, half: Option<&Easy>) -> Vec<Seen> {
    let places = |name: &str| full.holds.iter().any(|hold| hold.name == name);
    // Pools are resources, too, but their places grow: those that they may have are what counts.
    // A cleanup job stands in no document's way, however busy it is.
    let is_aside = |name: &str| places(name) || name.ends_with(CLEANUP);
    let resources = full.outcome.resources.iter().filter(|(name, _)| !is_aside(name));
    let resource = |(name, usage): &(String, Usage)| Seen {
        name: name.clone(),
        place: None,
        full: usage.utilisation,
        half: usage.utilisation,
        detail: usage.queue_mean,
        often: usage.utilisation,
    };
    let held = full.holds.iter().enumerate().map(|(at, own)| Seen {
        name: own.name.clone(),
        place: Some((at, own.kind)),
        full: own.share,
        half: half.map_or(own.share, |half| half.taken(at) / own.places.max(1) as f64),
        detail: own.places as f64,
        often: own.often,
    });
    resources.map(resource).chain(held).collect()
}

/// The throughputs at which all of that would be full, of a plant that gets `rate` through when it
/// is full.
fn bounds(seen: &[Seen], first: Option<usize>, easy: [&Easy; 2], rate: f64) -> Vec<Bound> {
    let role = first.map(|at| seen[at].role()).filter(|role| role.0.is_none());
    let is_first = |name: &str| role.is_some_and(|role| role_of(name) == role.1);
    let line = role.map(|_| &is_first as &dyn Fn(&str) -> bool);
    let bound = |one: &Seen| match one.place {
        None => Bound { at: rate / one.full, is_least: false },
        // A poller that waits is no place that runs out, nor is what throttling holds.
        Some((_, HoldKind::Poll | HoldKind::Publishing)) => Bound::NEVER,
        Some((at, _)) => places::bound((at, one.detail), easy, line, rate / one.full),
    };
    seen.iter().map(bound).collect()
}

/// The cleanup job that would have most to do next: no queue would grow for it, and the spool would
/// (R-GC-04). It is at work in runs of its own, of which a look has to hold one.
fn next_job(half: &Outcome, plant: &Plant<'_>) -> Option<Limit> {
    let is_seen = plant.scenario.message_boxes.iter().all(|own| own.cleanup <= plant.spans.1);
    let jobs = half.resources.iter().filter(|(name, _)| name.ends_with(CLEANUP));
    let (name, usage) = jobs.max_by(|a, b| a.1.utilisation.total_cmp(&b.1.utilisation))?;
    (is_seen && usage.utilisation > 0.0).then(|| Limit {
        resource: name.clone(),
        explanation: format!(
            "at work for {:.1} % of the time with half as much to do: beyond, no queue grows, the \
             spool does (R-GC-04)",
            usage.utilisation * 100.0
        ),
        utilisation: Some((usage.utilisation / EASY).min(1.0)),
        bound: Some((plant.rate * EASY / usage.utilisation).max(plant.rate)),
        at_least: false,
    })
}

/// What stops the plant.
fn binding(seen: &[Seen]) -> Option<usize> {
    let most = |at: &[usize], by: fn(&Seen) -> f64| {
        at.iter().copied().max_by(|a, b| by(&seen[*a]).total_cmp(&by(&seen[*b])))
    };
    let all = |is: &dyn Fn(&Seen) -> bool| {
        (0..seen.len()).filter(|at| is(&seen[*at])).collect::<Vec<_>>()
    };
    let own = all(&|one| one.place.is_none() && one.full >= FULL);
    let held = all(&|one| one.is(HoldKind::Publishing) && one.often >= HELD);
    // A batch that may not be published yet keeps its place with the engine meanwhile.
    let is_behind = |one: &Seen| one.is(HoldKind::Batches) && !held.is_empty();
    let is_last = |one: &Seen| one.is(HoldKind::Poll) || one.is(HoldKind::Publishing);
    let is_place = |one: &Seen| one.place.is_some() && !is_last(one) && !is_behind(one);
    let places = all(&|one| is_place(one) && one.full >= FULL_PLACES);
    // A poller is what stops a plant when nothing else does: it waits in any other one, too, for
    // its next look or for the batches of its last one, which are told just before.
    let with_batches = |at: usize| match at.checked_sub(1).map(|before| &seen[before]) {
        Some(own) if own.is(HoldKind::Batches) => own.full + seen[at].full,
        _ => seen[at].full,
    };
    let mut polls = all(&|one| one.is(HoldKind::Poll));
    polls.retain(|at| with_batches(*at) >= FULL_PLACES);
    let held_little = all(&|one| one.is(HoldKind::Publishing) && one.often >= HELD_LITTLE);
    let busy = all(&|one| one.place.is_none() && one.full >= BUSY_MIN);
    // Of places that are full, those of which a document takes most are the first to be so.
    most(&own, |one| one.full)
        .or_else(|| most(&places, |one| one.half))
        .or_else(|| most(&held, |one| one.often))
        .or_else(|| most(&polls, |one| one.full))
        .or_else(|| most(&held_little, |one| one.often))
        .or_else(|| most(&busy, |one| one.full))
}

/// What is of the same kind as what stops the plant, and as full: were one of them lifted, the
/// others would stop it just there.
fn alike(seen: &[Seen], bounds: &[Bound], first: usize) -> Vec<usize> {
    let is_near = |at: usize| (bounds[at].at / bounds[first].at - 1.0).abs() <= ALIKE;
    let is_twin = |at: usize| at != first && seen[at].role() == seen[first].role() && is_near(at);
    (0..seen.len()).filter(|at| is_twin(*at)).collect()
}

/// What a resource is, whatever it is of.
fn role_of(name: &str) -> &str {
    name.split_once(' ').map_or("", |(_, role)| role)
}

impl Seen {
    fn kind(&self) -> Option<HoldKind> {
        self.place.map(|(_, kind)| kind)
    }

    /// What it is, whatever it is of: places by their kind, resources by what their name ends with.
    fn role(&self) -> (Option<HoldKind>, &str) {
        let kind = self.kind();
        (kind, if kind.is_some() { "" } else { role_of(&self.name) })
    }

    fn is(&self, kind: HoldKind) -> bool {
        self.kind() == Some(kind)
    }

    fn limit(&self, bound: Bound, rate: f64, publishing: PublishingState) -> Limit {
        let at = bound.at.max(rate);
        Limit {
            resource: self.name.clone(),
            explanation: self.explanation(publishing),
            utilisation: Some(self.full.min(1.0)),
            bound: at.is_finite().then_some(at),
            at_least: bound.is_least,
        }
    }

    fn explanation(&self, publishing: PublishingState) -> String {
        let (share, detail) = (self.full * 100.0, self.detail);
        let taken = self.full * detail;
        match self.kind() {
            None => format!("busy {share:.1} % of the time, {detail:.1} waiting on average"),
            Some(HoldKind::Batches) => format!(
                "{taken:.1} of {detail:.0} batches that the location may have with the engine at \
                 once are there (R-DONE-07)"
            ),
            Some(HoldKind::InProcess) => {
                let more = match (taken - detail).round() {
                    over if over > 0.0 => format!(", and {over:.0} more of the last batch"),
                    _ => String::new(),
                };
                let taken = taken.min(detail);
                format!("{taken:.0} of {detail:.0} messages in process at once{more} (R-DEQ-08)")
            }
            Some(HoldKind::Ordered) => format!(
                "its next message waits for the end of the one before {share:.1} % of the time \
                 (R-ORD-04)"
            ),
            Some(HoldKind::Poll) => {
                format!("it waits for its next look {share:.1} % of the time")
            }
            Some(HoldKind::Publishing) => format!(
                "throttling holds the input: at {:.0} % of the looks batches wait to be published, \
                 {taken:.1} at a time, because {} (R-THR-03)",
                self.often * 100.0,
                why(publishing)
            ),
            Some(HoldKind::Threads) => format!("{taken:.1} of {detail:.0} engine threads in use"),
            Some(HoldKind::Workers) => format!("{taken:.1} of {detail:.0} workers transmit"),
        }
    }
}

/// Why publishing waits, in words, with the number that the counter shows (R-THR-02).
pub(in crate::experiment) fn why(state: PublishingState) -> String {
    let words = match state {
        PublishingState::None => "it was throttled before",
        PublishingState::Rate => "more comes in than goes out",
        PublishingState::ProcessMemory => "the process uses too much memory",
        PublishingState::SystemMemory => "the machine has too little memory left",
        PublishingState::DatabaseSize => "there are too many messages in the database",
        PublishingState::Sessions => "there are too many database sessions",
        PublishingState::Threads => "there are too many threads",
        PublishingState::UserOverride => "an operator said so",
    };
    format!("{words}, state {}", state.code())
}

fn nothing() -> Limit {
    Limit {
        resource: "none that is modelled".to_owned(),
        explanation: "every processor, lock, disk, thread pool, adapter and limited partner is \
                      less than half busy"
            .to_owned(),
        utilisation: None,
        bound: None,
        at_least: false,
    }
}

/// What stops a plant while it does what is left, and what is busiest beside that: of one run, in
/// which work always waits from the one instant to the other.
pub(super) fn of_rest(
    mut setup: Setup,
    window: (Instant, Instant),
    fuel: &mut Fuel<'_>,
) -> Result<[Option<Limit>; 2], Problems> {
    (setup.measure_from, setup.measure_to) = window;
    setup.end = window.1;
    let look = watch(World::new(&setup), window, |world, until| {
        fuel.run_until(world, until)?;
        world.wait_until(until);
        Ok(())
    })?;
    let seen = seen(&look, None);
    let told = |one: &Seen| Limit {
        resource: one.name.clone(),
        explanation: one.explanation(look.publishing),
        utilisation: Some(one.full.min(1.0)),
        bound: None,
        at_least: false,
    };
    let Some(first) = binding(&seen) else {
        let others = busiest(&look.outcome.resources);
        return Ok(match busy_job(&look.outcome.resources) {
            Some(job) => [Some(job), others[0].clone().filter(|one| one.utilisation.is_some())],
            None => others,
        });
    };
    let next = busiest(&look.outcome.resources).into_iter().flatten();
    let mut next = next.filter(|one| one.utilisation.is_some() && one.resource != seen[first].name);
    Ok([Some(told(&seen[first])), next.next()])
}

/// The cleanup job that is busiest, where it is at work for most of the time that it takes to do
/// what is left: all that is left then is what documents left behind (R-GC-04).
fn busy_job(resources: &[(String, Usage)]) -> Option<Limit> {
    let jobs = resources.iter().filter(|(name, _)| name.ends_with(CLEANUP));
    let (name, usage) = jobs.max_by(|a, b| a.1.utilisation.total_cmp(&b.1.utilisation))?;
    (usage.utilisation >= BUSY_MIN).then(|| Limit {
        resource: name.clone(),
        explanation: format!(
            "at work for {:.1} % of the time in which what is left is done: the spool is the last \
             to be empty (R-GC-04)",
            usage.utilisation * 100.0
        ),
        utilisation: Some(usage.utilisation),
        bound: None,
        at_least: false,
    })
}

/// The two busiest resources of a run, if they are busy enough to matter.
pub(in crate::experiment) fn busiest(resources: &[(String, Usage)]) -> [Option<Limit>; 2] {
    let mut resources: Vec<_> =
        resources.iter().filter(|(name, _)| !name.ends_with(CLEANUP)).collect();
    resources.sort_by(|a, b| b.1.utilisation.total_cmp(&a.1.utilisation));
    let limit = |(name, usage): &&(String, Usage)| {
        (usage.utilisation >= BUSY_MIN).then(|| Limit {
            resource: name.clone(),
            explanation: format!(
                "busy {:.1} % of the time, {:.1} waiting on average",
                usage.utilisation * 100.0,
                usage.queue_mean
            ),
            utilisation: Some(usage.utilisation),
            bound: None,
            at_least: false,
        })
    };
    let first = resources.first().and_then(limit).unwrap_or_else(nothing);
    [Some(first), resources.get(1).and_then(limit)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, kind: Option<HoldKind>, full: f64, half: f64) -> Seen {
        let place = kind.map(|kind| (0, kind));
        Seen { name: name.to_owned(), place, full, half, detail: 10.0, often: full }
    }

    /// The name of what stops a plant.
    fn named(seen: &[Seen]) -> Option<&str> {
        binding(seen).map(|at| seen[at].name.as_str())
    }

    #[test]
    fn what_is_full_with_its_own_work_comes_before_what_is_held() {
        let threads = of("threads", Some(HoldKind::Threads), 1.0, 0.1);
        let workers = of("workers", Some(HoldKind::Workers), 1.0, 0.45);
        let looks = of("looks", Some(HoldKind::Poll), 0.95, 0.95);
        let (cpu, locks) = (of("CPU", None, 0.7, 0.35), of("locks", None, 0.99, 0.5));
        let all = [workers.clone(), threads.clone(), looks.clone(), cpu.clone(), locks];
        assert_eq!(named(&all), Some("locks"));
        // Threads are full behind the workers: a document takes less of them.
        let all = [workers, threads, looks.clone(), cpu.clone()];
        assert_eq!(named(&all), Some("workers"));
        assert_eq!(named(&[looks, cpu.clone()]), Some("looks"));
        assert_eq!(named(&[cpu]), Some("CPU"));
        // What it does not wait for a look, a location waits for the batches of the last one.
        let location = |with_engine: f64| {
            let batches = of("batches", Some(HoldKind::Batches), with_engine, 0.1);
            [batches, of("looks", Some(HoldKind::Poll), 0.7, 0.9)]
        };
        assert_eq!(named(&location(0.25)), Some("looks"));
        assert_eq!(named(&location(0.15)), None);
        assert_eq!(named(&[of("CPU", None, 0.3, 0.1)]), None);
    }

    #[test]
    fn no_more_places_are_taken_than_there_are() {
        let told = |full: f64| of("in process", Some(HoldKind::InProcess), full, 0.1);
        let told = |full: f64| told(full).explanation(PublishingState::None);
        assert!(told(0.9).starts_with("9 of 10 messages in process at once (R-"), "{}", told(0.9));
        let more = "10 of 10 messages in process at once, and 2 more of the last batch (R-DEQ-08)";
        assert_eq!(told(1.2), more);
    }

    #[test]
    fn twins_of_what_stops_a_plant_stop_it_too_and_not_next() {
        let locks = |name: &str, full| of(name, None, full, full / 2.0);
        let all = [
            locks("MsgBox2 locks and log", 0.999),
            locks("MsgBox1 locks and log", 0.998),
            locks("MsgBox3 locks and log", 0.9),
            locks("sql1 CPU", 0.995),
        ];
        let bounds = all.each_ref().map(|one| Bound { at: 100.0 / one.full, is_least: false });
        assert_eq!(alike(&all, &bounds, 0), [1]);
    }
}
