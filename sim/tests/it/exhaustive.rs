//! Small worlds, every schedule: up to three messages, two host instances, two faults.
//!
//! A world is forked at every choice: which transaction is next, whether the wire refuses an
//! attempt, and whether a host instance dies here, with each end of what it has in flight. The
//! checks judge every step of every schedule, and every ending is looked at. States met twice are
//! walked once; their schedules are still counted.

use std::fmt::Write as _;

use floodgate_engine::config::{OnFailure, SendSettings};
use floodgate_engine::id::HostInstanceId;
use floodgate_engine::sabotage::Sabotage;
use floodgate_engine::time::Duration;
use floodgate_sim::setup::DoneOrder;
use floodgate_sim::world::{Way, World};
use rustc_hash::FxHashMap;

use crate::fixture::{
    ASYNC, BATCHED, BLOCKING, FOLDER, PUSH, Plant, Verdict, demand, demand_eq, immediate, sink,
};

/// The faults that may still happen.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
struct Faults {
    left: u32,
    /// Whether one of those may be a crash; and whether one was.
    crashes: bool,
    crashed: bool,
}

impl Faults {
    const fn refusals(left: u32) -> Self {
        Self { left, crashes: false, crashed: false }
    }

    /// What is left on a way.
    const fn after(self, way: Way) -> Self {
        match way {
            Way::Next(_) => self,
            Way::Refuse(_) => Self { left: self.left - 1, ..self },
            Way::Crash(_) => Self { left: self.left - 1, crashed: true, ..self },
        }
    }
}

/// What an exhaustive walk saw.
#[derive(Debug, Default)]
struct Walk {
    /// Schedules that lead from a state to an ending, by the state's fingerprint and faults left.
    known: FxHashMap<(u64, Faults), u128>,
    /// Endings, equal ones counted once.
    endings: u64,
    instances: u32,
}

impl Walk {
    /// Goes every way from `world`; returns how many schedules there are.
    fn from(
        &mut self,
        mut world: Box<World>,
        faults: Faults,
        messages: u64,
    ) -> Result<u128, String> {
        let mut ways = world.ways(faults.left > 0);
        if ways.is_empty() && faults.crashed {
            // Who died and was not needed comes back; maybe he was.
            (0..self.instances).for_each(|at| world.start(HostInstanceId(at)));
            ways = world.ways(faults.left > 0);
        }
        if ways.is_empty() {
            self.endings += 1;
            return ended(*world, messages, faults).map(|()| 1);
        }
        if faults.crashes && faults.left > 0 {
            ways.extend(world.crashes());
        }
        let mut schedules: u128 = 0;
        for way in ways {
            let mut next = world.clone();
            next.go(way);
            let left = faults.after(way);
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
///
/// After a crash a message may have been sent more than once, which INV-54 judges.
fn ended(world: World, messages: u64, faults: Faults) -> Verdict {
    let suspended = world.message_box().suspended().len() as u64;
    let processed = world.meters().processed;
    let waiting = world.message_box().reference_counts();
    let fates = processed + suspended + waiting.work;
    if faults.crashed {
        demand(fates >= messages, || format!("{fates} fates of {messages} messages"))?;
    } else {
        demand_eq(fates, messages, "sent, suspended, waiting")?;
    }
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

fn world(plant: &Plant) -> Box<World> {
    let mut world = Box::new(World::new(&plant.setup));
    world.take_transactions_apart();
    world
}

/// How adapters are called in the table of walks.
const SENDS: [(&str, SendSettings); 3] =
    [("one by one", ASYNC), ("batches", BATCHED), ("blocking", BLOCKING)];

/// One size of a world: messages, host instances, faults at most.
type Size = (u64, u32, u32);

/// Walks of one kind, told in a table that the test holds true.
#[derive(Debug, Default)]
struct Table {
    text: String,
    schedules: u128,
    states: usize,
}

impl Table {
    fn walk(
        &mut self,
        of: &str,
        (messages, instances, faults): Size,
        plants: &[Plant],
        crashes: bool,
    ) {
        let (mut schedules, mut states, mut endings) = (0, 0, 0);
        for plant in plants {
            let faults = Faults { crashes, ..Faults::refusals(faults) };
            let mut walk = Walk { instances, ..Walk::default() };
            match walk.from(world(plant), faults, messages) {
                Ok(found) => schedules += found,
                Err(broken) => panic!("{of}, {messages} x {instances} x {}: {broken}", faults.left),
            }
            assert!(walk.endings > 0);
            states += walk.known.len();
            endings += walk.endings;
        }
        let size = format!("{messages} x {instances} x {faults}");
        writeln!(self.text, "{of:<22} {size} {schedules:>26} {states:>9} {endings:>9}")
            .expect("a string takes everything");
        self.schedules += schedules;
        self.states += states;
    }

    /// The table, as it is kept.
    fn told(&self) -> String {
        let head =
            "adapter and port       messages x instances x faults, schedules, states, endings";
        let (schedules, states) = (self.schedules, self.states);
        format!("{head}\n{}all {schedules} schedules in {states} states\n", self.text)
    }
}

const fn order_word(ordered: Option<OnFailure>) -> &'static str {
    match ordered {
        None => "",
        Some(OnFailure::Stop) => ", stops",
        Some(OnFailure::Continue) => ", goes on",
    }
}

#[test]
fn every_schedule_of_a_small_send_path_keeps_every_promise() {
    // INV-08, INV-13, INV-17, INV-27, INV-34…37, INV-44…46 in every schedule; R-CLK-01, R-CLK-05.
    let mut table = Table::default();
    for (name, send) in SENDS {
        for ordered in [None, Some(OnFailure::Stop), Some(OnFailure::Continue)] {
            for (messages, instances) in [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (3, 2)] {
                // The two races of `Done` (R-CLK-03).
                let plants = [DoneOrder::ReturnFirst, DoneOrder::CompleteFirst].map(|done| {
                    let mut plant = plant(send, messages, instances);
                    plant.setup.done = done;
                    if let Some(on_failure) = ordered {
                        plant.ordered(on_failure);
                    }
                    plant
                });
                let of = format!("{name}{}", order_word(ordered));
                table.walk(&of, (messages, instances, 2), &plants, false);
            }
        }
    }
    insta::assert_snapshot!("schedules_with_refusals", table.told());
}

/// A port that is watched while processes die.
fn mortal(send: SendSettings, ordered: Option<OnFailure>, (messages, instances, _): Size) -> Plant {
    let mut plant = plant(send, messages, instances);
    plant.setup.life.watched = true;
    if let Some(on_failure) = ordered {
        plant.ordered(on_failure);
    }
    plant
}

/// Walks with crashes of the sizes that `sizes` gives for an adapter and a port.
fn walks_with_crashes(sizes: impl Fn(SendSettings, bool) -> Vec<Size>) -> Table {
    let mut table = Table::default();
    for (name, send) in SENDS {
        for ordered in [None, Some(OnFailure::Stop)] {
            for size in sizes(send, ordered.is_some()) {
                let of = format!("{name}{}", order_word(ordered));
                table.walk(&of, size, &[mortal(send, ordered, size)], true);
            }
        }
    }
    table
}

#[test]
fn every_schedule_with_a_crash_loses_nothing() {
    // R-CRASH-01, R-CRASH-02, R-CRASH-03, R-CLK-12, R-CLK-20, R-DUP-01, R-DUP-02, R-ORD-06;
    // INV-17, INV-44, INV-54, INV-56: a process dies at any event of any schedule, once or twice,
    // or once beside a refusal; once where more would be too many schedules.
    let table = walks_with_crashes(|send, ordered| {
        let twice = 1 + u32::from(send == ASYNC && !ordered);
        vec![(1, 1, 2), (1, 2, 2), (2, 1, twice), (2, 2, 1), (3, 1, 1), (3, 2, 1)]
    });
    insta::assert_snapshot!("schedules_with_crashes", table.told());
}

#[test]
fn a_broken_engine_is_caught_by_some_schedule() {
    // The walk is able to fail: an ordered port that offers its followers.
    let mut plant = plant(ASYNC, 2, 2);
    plant.ordered(OnFailure::Stop);
    let mut world = world(&plant);
    world.sabotage(Sabotage::OfferOrderedFollowers);
    let broken = Walk::default().from(world, Faults::refusals(0), 2).unwrap_err();
    assert!(broken.contains("INV-44") || broken.contains("INV-45"), "{broken}");
}

#[test]
fn locks_that_stay_with_the_dead_are_noticed() {
    // R-CRASH-01: nobody takes over.
    let mut plant = plant(ASYNC, 1, 2);
    plant.setup.life.watched = true;
    let mut world = world(&plant);
    world.sabotage(Sabotage::KeepLocksOfTheDead);
    let faults = Faults { crashes: true, ..Faults::refusals(1) };
    let walk = Walk { instances: 2, ..Walk::default() }.from(world, faults, 1);
    let broken = walk.unwrap_err();
    assert!(broken.contains("references with an adapter at the end"), "{broken}");
}
