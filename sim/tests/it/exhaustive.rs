//! Small worlds, every schedule: up to three messages, two host instances, two faults.
//!
//! A world is forked at every choice: which transaction is next, and whether the wire refuses an
//! attempt. The checks judge every step of every schedule, and every ending is looked at. States
//! met twice are walked once; their schedules are still counted.

use floodgate_engine::config::{OnFailure, SendSettings};
use floodgate_engine::sabotage::Sabotage;
use floodgate_engine::time::Duration;
use floodgate_sim::setup::DoneOrder;
use floodgate_sim::world::{Way, World};
use rustc_hash::FxHashMap;

use crate::fixture::{
    ASYNC, BATCHED, BLOCKING, FOLDER, PUSH, Plant, Verdict, demand, demand_eq, immediate, sink,
};

/// What an exhaustive walk saw.
#[derive(Debug, Default)]
struct Walk {
    /// Schedules that lead from a state to an ending, by the state's fingerprint and faults left.
    known: FxHashMap<(u64, u32), u64>,
    /// Endings, equal ones counted once.
    endings: u64,
}

impl Walk {
    /// Goes every way from `world`; returns how many schedules there are.
    fn from(&mut self, mut world: World, faults: u32, messages: u64) -> Result<u64, String> {
        let ways = world.ways(faults > 0);
        if ways.is_empty() {
            self.endings += 1;
            return ended(world, messages).map(|()| 1);
        }
        let mut schedules: u64 = 0;
        for way in ways {
            let mut next = world.clone();
            next.go(way);
            let left = faults - u32::from(matches!(way, Way::Refuse(_)));
            if let Some(violation) = next.checks().violations().first() {
                return Err(format!("{} broken: {violation:?}", violation.rule.id()));
            }
            let state = (next.fingerprint(), left);
            let found = match self.known.get(&state) {
                Some(found) => *found,
                None => {
                    let found = self.from(next, left, messages)?;
                    self.known.insert(state, found);
                    found
                }
            };
            schedules = schedules.saturating_add(found);
        }
        Ok(schedules)
    }
}

/// With one retry and two refusals at most, a message is sent in the end or suspended, once; only
/// behind the failed head of an ordered port something may wait.
fn ended(world: World, messages: u64) -> Verdict {
    let suspended = world.message_box().suspended().len() as u64;
    let processed = world.meters().processed;
    let waiting = world.message_box().reference_counts();
    demand_eq(processed + suspended + waiting.work, messages, "sent, suspended, waiting")?;
    demand(waiting.work == 0 || suspended == 1, || "somebody waits for nobody".to_owned())?;
    demand(suspended <= 1, || format!("{suspended} suspended by two refusals"))?;
    demand_eq(waiting.locked, 0, "references with an adapter at the end")?;
    let outcome = world.conclude();
    match outcome.violations.first() {
        None => Ok(()),
        Some(violation) => Err(format!("{} broken: {violation:?}", violation.rule.id())),
    }
}

/// `messages` at once through a send port with one retry; two host instances take one message at a
/// look.
fn plant(send: SendSettings, messages: u64, instances: u32) -> Plant {
    let mut settings = immediate();
    settings.dequeue_batch = 1;
    settings.dequeue_threads = 1;
    settings.internal_queue = 1;
    let mut plant = Plant::new(settings, if messages < 3 { PUSH } else { FOLDER });
    plant.send_port("Out", "In", send, sink()).retry(1, Duration::from_secs(60));
    plant.instances(instances).all_at_once(messages);
    plant
}

fn world(plant: &Plant) -> World {
    let mut world = World::new(&plant.setup);
    world.take_transactions_apart();
    world
}

#[test]
fn every_schedule_of_a_small_send_path_keeps_every_promise() {
    // INV-08, INV-13, INV-17, INV-27, INV-34…37, INV-44…46 in every schedule; R-CLK-01, R-CLK-05.
    let (mut states, mut schedules) = (0, 0_u64);
    for send in [ASYNC, BATCHED, BLOCKING] {
        for ordered in [None, Some(OnFailure::Stop), Some(OnFailure::Continue)] {
            for (messages, instances) in [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (3, 2)] {
                for done in [DoneOrder::ReturnFirst, DoneOrder::CompleteFirst] {
                    let mut plant = plant(send, messages, instances);
                    plant.setup.done = done;
                    if let Some(on_failure) = ordered {
                        plant.ordered(on_failure);
                    }
                    let mut walk = Walk::default();
                    match walk.from(world(&plant), 2, messages) {
                        Ok(found) => schedules = schedules.saturating_add(found),
                        Err(broken) => panic!("{messages} x {instances}, {send:?}: {broken}"),
                    }
                    assert!(walk.endings > 0);
                    states += walk.known.len();
                }
            }
        }
    }
    println!("{schedules} schedules in {states} states");
    assert!(schedules > 100_000, "the walk goes more than a few ways: {schedules}");
}

#[test]
fn a_broken_engine_is_caught_by_some_schedule() {
    // The walk is able to fail: an ordered port that offers its followers.
    let mut plant = plant(ASYNC, 2, 2);
    plant.ordered(OnFailure::Stop);
    let mut world = world(&plant);
    world.sabotage(Sabotage::OfferOrderedFollowers);
    let broken = Walk::default().from(world, 0, 2).unwrap_err();
    assert!(broken.contains("INV-44") || broken.contains("INV-45"), "{broken}");
}
