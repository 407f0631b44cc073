//! Random plants under random acts: every promise that can be judged is judged at every step.
//!
//! An act is what may happen to a running plant from outside: an operator at a port or an
//! instance, a controller that throttles, a process that dies, stops or starts, a database or a
//! MessageBox that goes away. A case that fails shrinks to few acts and few messages, and is
//! printed as a story with virtual times and the broken rule.

use floodgate_engine::id::{HostInstanceId, MessageBoxId, SendPortId};
use floodgate_engine::message_box::{InstanceOperation, PortOperation};
use floodgate_engine::sabotage::Sabotage;
use floodgate_engine::throttle::Throttle;
use floodgate_engine::time::{Duration, Instant};
use floodgate_sim::setup::{Fault, Setup};
use floodgate_sim::world::{Crash, Way, World};
use proptest::prelude::*;

use crate::conservation::cases;
use crate::fixture::{Plant, Verdict, all_kept, demand, finish_within, holds, ms, notices};

/// More steps than any plant takes that comes to an end.
const STEPS: u64 = 100_000;
/// Lines of a failing story that are printed: those before the broken rule.
const STORY_LINES: usize = 60;

/// Something that happens to a running plant.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    /// A MessageBox goes away, or is back.
    Box(u32, bool),
    /// A process dies; whether what it asked of the database commits, and what it had on the wire
    /// arrives.
    Crash(u32, bool, bool),
    /// The database is away for so many milliseconds.
    Database(u64),
    /// An operator acts on the n-th service instance, whatever it is by then.
    Instance(usize, InstanceOperation),
    /// An operator acts on a port.
    Port(usize, PortOperation),
    /// An operator resumes what is suspended at a port.
    Resume(usize),
    /// A service starts, if it is down.
    Start(u32),
    /// A service is asked to stop.
    Stop(u32),
    /// An operator terminates what is suspended at a port.
    Terminate(usize),
    /// A controller throttles a host instance.
    Throttle(u32, Throttle),
}

impl Act {
    /// Whether it is a matter of life and death.
    const fn is_of_life(self) -> bool {
        match self {
            Self::Crash(..) | Self::Database(_) | Self::Start(_) | Self::Stop(_) => true,
            Self::Box(..)
            | Self::Instance(..)
            | Self::Port(..)
            | Self::Resume(_)
            | Self::Terminate(_)
            | Self::Throttle(..) => false,
        }
    }
}

/// Acts that leave everybody alive, for one case in two; and all of them.
pub(crate) fn acts() -> impl Strategy<Value = Vec<(u64, Act)>> {
    let harmless = prop::collection::vec((0..6000_u64, harmless()), 0..12);
    let all = prop_oneof![2 => harmless_or_away(), 3 => deadly()];
    let all = prop::collection::vec((0..6000_u64, all), 0..12);
    prop_oneof![harmless, all].prop_map(|mut acts| {
        acts.sort_by_key(|(at, _)| *at);
        acts
    })
}

fn harmless_or_away() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => harmless(),
        1 => (0..3_u32, any::<bool>()).prop_map(|(home, offline)| Act::Box(home, offline)),
    ]
}

fn deadly() -> impl Strategy<Value = Act> {
    let crash = (0..3_u32, any::<bool>(), any::<bool>());
    prop_oneof![
        2 => crash.prop_map(|(at, commits, arrives)| Act::Crash(at, commits, arrives)),
        1 => (0..3000_u64).prop_map(Act::Database),
        2 => (0..3_u32).prop_map(Act::Start),
        2 => (0..3_u32).prop_map(Act::Stop),
    ]
}

fn harmless() -> impl Strategy<Value = Act> {
    let instance = prop_oneof![
        Just(InstanceOperation::Resume),
        Just(InstanceOperation::Suspend),
        Just(InstanceOperation::Terminate),
    ];
    let throttle = (0..400_u64, 0..400_u64).prop_map(|(publishing, delivery)| Throttle {
        publishing_delay: Duration::from_millis(publishing),
        delivery_delay: Duration::from_millis(delivery),
        ..Throttle::default()
    });
    prop_oneof![
        (0..8_usize, instance).prop_map(|(nth, operation)| Act::Instance(nth, operation)),
        (0..4_usize, 0..4_usize).prop_map(|(port, at)| Act::Port(port, PortOperation::ALL[at])),
        (0..4_usize).prop_map(Act::Resume),
        (0..4_usize).prop_map(Act::Terminate),
        (0..3_u32, throttle).prop_map(|(instance, throttle)| Act::Throttle(instance, throttle)),
    ]
}

fn perform(world: &mut World, setup: &Setup, act: Act) {
    let topology = &setup.topology;
    let port = |at: usize| SendPortId::from(at % topology.send_ports.len());
    let instance = |at: u32| HostInstanceId(at % topology.host_instances.len() as u32);
    let boxes = topology.box_count() as u32;
    match act {
        // The only one goes away with the database.
        Act::Box(..) if boxes == 1 => {}
        Act::Box(home, offline) => world.set_offline(MessageBoxId(home % boxes), offline),
        Act::Crash(at, commits, arrives) => {
            world.go(Way::Crash(Crash { instance: instance(at), commits, arrives }));
        }
        // On the calendar of the plant.
        Act::Database(_) => {}
        Act::Start(at) => world.start(instance(at)),
        Act::Stop(at) => world.stop(instance(at)),
        Act::Instance(nth, operation) => {
            let instances = world.service_instances();
            if let Some(instance) = instances.get(nth % instances.len().max(1)) {
                // A refusal is an answer, too.
                let _ = world.operate(instance.id, operation);
            }
        }
        Act::Port(at, operation) => {
            let _ = world.operate_port(port(at), operation);
        }
        Act::Resume(at) => {
            world.resume(port(at));
        }
        Act::Terminate(at) => {
            world.terminate(port(at));
        }
        Act::Throttle(at, throttle) => {
            world.throttle(instance(at), throttle);
        }
    }
}

/// The database's absence, which is planned.
fn away(at: u64, act: Act) -> Option<Fault> {
    let Act::Database(lasts) = act else { return None };
    Some(Fault::DatabaseOffline { at: ms(at), lasts: Duration::from_millis(lasts) })
}

/// Runs a plant under acts and judges it; `broken` breaks the engine on purpose.
fn run(
    plant: &Plant,
    acts: &[(u64, Act)],
    tells: bool,
    broken: Option<Sabotage>,
) -> (World, Verdict) {
    let mut setup = plant.setup.clone();
    setup.life.watched = acts.iter().any(|(_, act)| act.is_of_life());
    setup.faults.extend(acts.iter().filter_map(|(at, act)| away(*at, *act)));
    let mut world = World::new(&setup);
    if tells {
        world.tell();
    }
    if let Some(broken) = broken {
        world.sabotage(broken);
    }
    let mut verdict = Ok(());
    for (at, act) in acts {
        if tells && !goes_well(&mut world, ms(*at)) {
            return (world, Ok(()));
        }
        let mut steps = STEPS;
        world.run_until_or(ms(*at), &mut steps);
        if steps == 0 {
            return (world, Err(format!("goes on for {STEPS} steps before {at} ms")));
        }
        world.wait_until(ms(*at));
        perform(&mut world, &setup, *act);
    }
    // Whoever is away or down comes back, so that everything can come to its end.
    let (boxes, instances) = (setup.topology.box_count(), setup.topology.host_instances.len());
    (0..boxes).for_each(|home| world.set_offline(MessageBoxId::from(home), false));
    (0..instances).for_each(|at| world.start(HostInstanceId::from(at)));
    if tells && !goes_well(&mut world, Instant::MAX) {
        return (world, Ok(()));
    }
    verdict = verdict.and_then(|()| finish_within(&mut world, STEPS));
    let outcome = world.clone().conclude();
    verdict = verdict.and_then(|()| all_kept(&outcome));
    verdict = verdict.and_then(|()| demand(outcome.quiescent, || "something is left".to_owned()));
    (world, verdict)
}

/// Goes on until an instant; `false` where a promise was broken before, so that the story ends
/// there.
fn goes_well(world: &mut World, until: Instant) -> bool {
    let mut steps = STEPS;
    while steps > 0 && world.checks().violations().is_empty() {
        steps -= 1;
        if !world.run_until_or(until, &mut { 1 }) || world.is_quiet_until(until) {
            break;
        }
    }
    world.checks().violations().is_empty()
}

/// A failing plant is run again to tell its story; `more` demands more of its end.
pub(crate) fn judge(
    plant: &Plant,
    acts: &[(u64, Act)],
    broken: Option<Sabotage>,
    more: impl Fn(&World) -> Verdict,
) -> Verdict {
    let (world, verdict) = run(plant, acts, false, broken);
    verdict.and_then(|()| more(&world)).map_err(|what| {
        let (world, _) = run(plant, acts, true, broken);
        let story = world.trace().story();
        let skipped = story.len().saturating_sub(STORY_LINES);
        let lines = story[skipped..].iter().map(|(at, line)| format!("  {at} {line}\n"));
        format!("{what}\nthe story ({skipped} lines before it):\n{}", lines.collect::<String>())
    })
}

#[test]
fn every_promise_is_kept_whatever_happens() {
    // INV-13…19, 25, 34…39, 44…47 under random port states, instances and throttling; R-MBX-08.
    // INV-11, INV-12, INV-30, INV-48, INV-54, INV-56, INV-57 under deaths, stops and absences.
    let regressions = "proptest-regressions/state_machine.txt";
    holds(3000, regressions, &(cases(), acts()), |(case, acts)| {
        judge(&case.plant(), acts, None, |_| Ok(()))
    });
}

#[test]
fn a_broken_promise_is_told_as_a_story() {
    let told = notices(400, &(cases(), acts()), |(case, acts)| {
        judge(&case.plant(), acts, Some(Sabotage::OfferOrderedFollowers), |_| Ok(()))
    });
    // Whichever the shortest case breaks: order, one at a time, or what a stop holds back.
    let named = ["INV-44", "INV-45", "INV-46"].iter().any(|rule| told.contains(rule));
    assert!(named && told.contains("TransmitMessage"), "{told}");
}
