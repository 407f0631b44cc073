//! What stops the load, and what would stop it next.
//!
//! Two looks: at the full plant, and at one that has half as much to do as it can. What is busy all
//! the time in the full plant stops it. Processors, locks, disks and partners are busy only with
//! their own work, so that their busy time at the capacity says how far they are from it. Places
//! that are held while something else is waited for (threads, workers, batches) are full behind
//! whatever stops the plant; how much of them a document takes is seen where nothing is full.

use floodgate_engine::time::{Duration, Instant};
use floodgate_reports::Limit;
use floodgate_sim::outcome::Outcome;
use floodgate_sim::resource::Usage;
use floodgate_sim::world::{HoldKind, World};

use super::capacity::Capacity;
use super::pinned::{Held, seed_of};
use crate::experiment::parallel::in_order;
use crate::experiment::scale::scaled;
use crate::plan::{Problems, Scenario};
use crate::setup::setup;

/// Looks at the places of a plant.
const LOOKS: u32 = 200;
/// What is busy for so much of the time is full.
const FULL: f64 = 0.97;
/// Places are full when so many of them are taken: in between one is always about to be.
const FULL_PLACES: f64 = 0.9;
/// Below this share of its capacity a resource is not what stops the load.
const BUSY_MIN: f64 = 0.5;
/// The share of the capacity at which nothing is full.
const EASY: f64 = 0.5;
/// The look at a plant that is not full: one run, with a seed of its own.
const EASY_RUN: u64 = 500;

/// What was seen of one resource or of some places.
#[derive(Clone, Debug)]
struct Seen {
    name: String,
    /// None of a resource, which is busy only with its own work.
    kind: Option<HoldKind>,
    /// Busy in the full plant.
    full: f64,
    /// Busy in a plant that has half as much to do.
    easy: f64,
    /// Jobs that wait in the full plant, or places there are.
    detail: f64,
}

/// The two limits of a plant, and the documents that it took to find them.
pub(super) fn limits(
    held: &Held<'_>,
    scenario: &Scenario,
    (capacity, written): (&Capacity, f64),
    threads: usize,
) -> Result<([Option<Limit>; 2], u64), Problems> {
    let rate = capacity.mean.value;
    let looks = in_order(2, threads, |at| match at {
        0 => full(held, scenario, capacity),
        _ => easy(&scaled(scenario, rate * EASY / written), seed_of(scenario, EASY_RUN), capacity),
    });
    let [full, easy]: [Look; 2] =
        looks.into_iter().collect::<Result<Vec<_>, _>>()?.try_into().expect("two looks were taken");
    let seen = seen(&full, &easy);
    let first = binding(&seen);
    let at_end = |one: &Seen| Limit { bound: Some(rate), ..one.limit(rate, rate * EASY) };
    let limit = first.map_or_else(nothing, |at| at_end(&seen[at]));
    let others = seen.iter().enumerate().filter(|(at, _)| Some(*at) != first);
    let bound = |one: &Seen| one.bound(rate, rate * EASY);
    let next = others.min_by(|a, b| bound(a.1).total_cmp(&bound(b.1))).map(|(_, one)| one);
    let next = next.filter(|one| bound(one).is_finite());
    let next = next.map(|one| one.limit(rate, rate * EASY));
    Ok(([Some(limit), next], full.documents + easy.documents))
}

/// A run that was looked at.
#[derive(Debug)]
struct Look {
    outcome: Outcome,
    /// Name, kind, share taken on average, places.
    holds: Vec<(String, HoldKind, f64, u64)>,
    documents: u64,
}

/// Looks at the places of `world` from `from` to `to`, at instants that no period falls in with.
fn watch(
    mut world: World,
    (from, to): (Instant, Instant),
    mut run_until: impl FnMut(&mut World, Instant),
) -> Look {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let mut taken: Vec<u64> = Vec::new();
    run_until(&mut world, from);
    let step = to.since(from).as_secs_f64() / f64::from(LOOKS);
    for look in 0..LOOKS {
        let share = f64::from(look) + (f64::from(look) * GOLDEN).fract();
        run_until(&mut world, from + Duration::from_secs_f64(share * step));
        let holds = world.holds();
        taken.resize(holds.len(), 0);
        for (sum, hold) in taken.iter_mut().zip(&holds) {
            *sum += hold.busy;
        }
    }
    run_until(&mut world, to);
    let holds = world.holds().into_iter().zip(taken).map(|(hold, taken)| {
        let share = taken as f64 / f64::from(LOOKS) / hold.places.max(1) as f64;
        (hold.name, hold.kind, share, hold.places)
    });
    let holds = holds.collect();
    let documents = world.meters().offered;
    Look { outcome: world.conclude(), holds, documents }
}

fn full(held: &Held<'_>, scenario: &Scenario, capacity: &Capacity) -> Result<Look, Problems> {
    let from = Instant::ZERO + capacity.spans.0;
    let window = (from, from + capacity.spans.1);
    let pin = held.pin(capacity.backlog);
    let world = held.world(seed_of(scenario, EASY_RUN), window)?;
    Ok(watch(world, window, |world, until| {
        world.run_pinned(&pin, until, u64::MAX);
    }))
}

fn easy(scenario: &Scenario, seed: u64, capacity: &Capacity) -> Result<Look, Problems> {
    let from = Instant::ZERO + capacity.spans.0;
    let window = (from, from + capacity.spans.1);
    let mut setup = setup(scenario, 0)?;
    for load in &mut setup.loads {
        (load.until, load.count) = (None, None);
    }
    setup.seed = seed;
    (setup.measure_from, setup.measure_to) = window;
    setup.end = window.1;
    Ok(watch(World::new(&setup), window, |world, until| {
        world.run_until(until);
        world.wait_until(until);
    }))
}

fn seen(full: &Look, easy: &Look) -> Vec<Seen> {
    let places = |name: &str| full.holds.iter().any(|hold| hold.0 == name);
    let resources = full.outcome.resources.iter().zip(&easy.outcome.resources);
    let resource = |((name, full), (_, easy)): (&(String, Usage), &(String, Usage))| Seen {
        name: name.clone(),
        kind: None,
        full: full.utilisation,
        easy: easy.utilisation,
        detail: full.queue_mean,
    };
    // Pools are resources, too, but their places grow: those that they may have are what counts.
    let resources = resources.filter(|(full, _)| !places(&full.0)).map(resource);
    let held = full.holds.iter().zip(&easy.holds).map(|(full, easy)| Seen {
        name: full.0.clone(),
        kind: Some(full.1),
        full: full.2,
        easy: easy.2,
        detail: full.3 as f64,
    });
    resources.chain(held).collect()
}

/// What stops the plant.
fn binding(seen: &[Seen]) -> Option<usize> {
    let most = |at: &[usize], by: fn(&Seen) -> f64| {
        at.iter().copied().max_by(|a, b| by(&seen[*a]).total_cmp(&by(&seen[*b])))
    };
    let all = |is: &dyn Fn(&Seen) -> bool| {
        (0..seen.len()).filter(|at| is(&seen[*at])).collect::<Vec<_>>()
    };
    let own = all(&|one| one.kind.is_none() && one.full >= FULL);
    let is_poll = |one: &Seen| one.kind == Some(HoldKind::Poll);
    let places = all(&|one| one.kind.is_some() && !is_poll(one) && one.full >= FULL_PLACES);
    // A poller is what stops a plant when nothing else does: it waits in any other one, too.
    let polls = all(&|one| is_poll(one) && one.full >= FULL_PLACES);
    let busy = all(&|one| one.kind.is_none() && one.full >= BUSY_MIN);
    // Of places that are full, those of which a document takes most are the first to be so.
    most(&own, |one| one.full)
        .or_else(|| most(&places, |one| one.easy))
        .or_else(|| most(&polls, |one| one.full))
        .or_else(|| most(&busy, |one| one.full))
}

impl Seen {
    /// The throughput at which this would be full, of a plant that gets `rate` through when it is
    /// full, and half of it when it is at ease.
    fn bound(&self, rate: f64, easy_rate: f64) -> f64 {
        match self.kind {
            None => rate / self.full,
            // A poller that waits is no place that runs out.
            Some(HoldKind::Poll) => f64::INFINITY,
            Some(_) => easy_rate / self.easy,
        }
    }

    fn limit(&self, rate: f64, easy_rate: f64) -> Limit {
        let bound = self.bound(rate, easy_rate).max(rate);
        Limit {
            resource: self.name.clone(),
            explanation: self.explanation(),
            utilisation: Some(self.full),
            bound: bound.is_finite().then_some(bound),
        }
    }

    fn explanation(&self) -> String {
        let (share, detail) = (self.full * 100.0, self.detail);
        let taken = self.full * detail;
        match self.kind {
            None => format!("busy {share:.1} % of the time, {detail:.1} waiting on average"),
            Some(HoldKind::Batches) => format!(
                "{taken:.1} of {detail:.0} batches that the location may have with the engine at \
                 once are there (R-DONE-07)"
            ),
            Some(HoldKind::InProcess) => {
                format!("{taken:.0} of {detail:.0} messages in process at once (R-DEQ-08)")
            }
            Some(HoldKind::Ordered) => format!(
                "its next message waits for the end of the one before {share:.1} % of the time \
                 (R-ORD-04)"
            ),
            Some(HoldKind::Poll) => {
                format!("it waits for its next look {share:.1} % of the time")
            }
            Some(HoldKind::Threads) => format!("{taken:.1} of {detail:.0} engine threads in use"),
            Some(HoldKind::Workers) => format!("{taken:.1} of {detail:.0} workers transmit"),
        }
    }
}

fn nothing() -> Limit {
    Limit {
        resource: "none that is modelled".to_owned(),
        explanation: "every processor, lock, disk, thread pool, adapter and limited partner is \
                      less than half busy"
            .to_owned(),
        utilisation: None,
        bound: None,
    }
}

/// The two busiest resources of a run, if they are busy enough to matter.
pub(in crate::experiment) fn busiest(resources: &[(String, Usage)]) -> [Option<Limit>; 2] {
    let mut resources: Vec<_> = resources.iter().collect();
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
        })
    };
    let first = resources.first().and_then(limit).unwrap_or_else(nothing);
    [Some(first), resources.get(1).and_then(limit)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, kind: Option<HoldKind>, full: f64, easy: f64) -> Seen {
        Seen { name: name.to_owned(), kind, full, easy, detail: 10.0 }
    }

    /// The names of what stops a plant of 100 documents a second, and of what is next.
    fn named(seen: &[Seen]) -> (Option<&str>, Vec<f64>) {
        let first = binding(seen);
        let bounds = seen.iter().map(|one| one.bound(100.0, 50.0).round()).collect();
        (first.map(|at| seen[at].name.as_str()), bounds)
    }

    #[test]
    fn what_is_full_with_its_own_work_comes_before_what_is_held() {
        let threads = of("threads", Some(HoldKind::Threads), 1.0, 0.1);
        let workers = of("workers", Some(HoldKind::Workers), 1.0, 0.45);
        let looks = of("looks", Some(HoldKind::Poll), 0.95, 0.95);
        let (cpu, locks) = (of("CPU", None, 0.7, 0.35), of("locks", None, 0.99, 0.5));
        let all = [workers.clone(), threads.clone(), looks.clone(), cpu.clone(), locks];
        assert_eq!(named(&all).0, Some("locks"));
        // Threads are full behind the workers: a document takes less of them.
        let all = [workers, threads, looks.clone(), cpu.clone()];
        assert_eq!(named(&all), (Some("workers"), vec![111.0, 500.0, f64::INFINITY, 143.0]));
        assert_eq!(named(&[looks, cpu.clone()]).0, Some("looks"));
        assert_eq!(named(&[cpu]).0, Some("CPU"));
        assert_eq!(named(&[of("CPU", None, 0.3, 0.1)]).0, None);
    }
}
