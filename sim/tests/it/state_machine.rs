//! Random plants under random acts: every promise that can be judged is judged at every step.
//!
//! An act is what may happen to a running plant from outside: an operator at a port or an
//! instance, a controller that throttles. A case that fails shrinks to few acts and few messages,
//! and is printed as a story with virtual times and the broken rule.

use floodgate_engine::id::{HostInstanceId, SendPortId};
use floodgate_engine::message_box::{InstanceOperation, PortOperation};
use floodgate_engine::sabotage::Sabotage;
use floodgate_engine::throttle::Throttle;
use floodgate_engine::time::Duration;
use floodgate_sim::world::World;
use proptest::prelude::*;

use crate::conservation::{Case, cases};
use crate::fixture::{Verdict, all_kept, demand, finish_within, holds, ms, notices};

/// Lines of a failing story that are printed: those before the broken rule.
const STORY_LINES: usize = 60;

/// Something that happens to a running plant.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// An operator acts on the n-th service instance, whatever it is by then.
    Instance(usize, InstanceOperation),
    /// An operator acts on a port.
    Port(usize, PortOperation),
    /// An operator resumes what is suspended at a port.
    Resume(usize),
    /// An operator terminates what is suspended at a port.
    Terminate(usize),
    /// A controller throttles a host instance.
    Throttle(u32, Throttle),
}

fn acts() -> impl Strategy<Value = Vec<(u64, Act)>> {
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
    let act = prop_oneof![
        (0..8_usize, instance).prop_map(|(nth, operation)| Act::Instance(nth, operation)),
        (0..4_usize, 0..4_usize).prop_map(|(port, at)| Act::Port(port, PortOperation::ALL[at])),
        (0..4_usize).prop_map(Act::Resume),
        (0..4_usize).prop_map(Act::Terminate),
        (0..3_u32, throttle).prop_map(|(instance, throttle)| Act::Throttle(instance, throttle)),
    ];
    prop::collection::vec((0..6000_u64, act), 0..12).prop_map(|mut acts| {
        acts.sort_by_key(|(at, _)| *at);
        acts
    })
}

fn perform(world: &mut World, case: &Case, act: Act) {
    let port = |at: usize| SendPortId::from(at % case.ports.len());
    match act {
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
            world.throttle(HostInstanceId(at % case.instances), throttle);
        }
    }
}

/// Runs a case under its acts and judges it; `broken` breaks the engine on purpose.
fn run(
    case: &Case,
    acts: &[(u64, Act)],
    tells: bool,
    broken: Option<Sabotage>,
) -> (World, Verdict) {
    let mut world = World::new(&case.plant().setup);
    if tells {
        world.tell();
    }
    if let Some(broken) = broken {
        world.sabotage(broken);
    }
    let mut verdict = Ok(());
    for (at, act) in acts {
        world.run_until(ms(*at));
        world.wait_until(ms(*at));
        perform(&mut world, case, *act);
    }
    verdict = verdict.and_then(|()| finish_within(&mut world, 400_000));
    let outcome = world.clone().conclude();
    verdict = verdict.and_then(|()| all_kept(&outcome));
    verdict = verdict.and_then(|()| demand(outcome.quiescent, || "something is left".to_owned()));
    (world, verdict)
}

/// A failing case is run again to tell its story.
fn judge(case: &Case, acts: &[(u64, Act)], broken: Option<Sabotage>) -> Verdict {
    let (_, verdict) = run(case, acts, false, broken);
    verdict.map_err(|what| {
        let (world, _) = run(case, acts, true, broken);
        let story = world.trace().story();
        let skipped = story.len().saturating_sub(STORY_LINES);
        let lines = story[skipped..].iter().map(|(at, line)| format!("  {at} {line}\n"));
        format!("{what}\nthe story ({skipped} lines before it):\n{}", lines.collect::<String>())
    })
}

#[test]
fn every_promise_is_kept_whatever_an_operator_does() {
    // INV-13…19, 25, 34…39, 44…47 under random port states, instances and throttling; R-MBX-08.
    let regressions = "proptest-regressions/state_machine.txt";
    holds(3000, regressions, &(cases(), acts()), |(case, acts)| judge(case, acts, None));
}

#[test]
fn a_broken_promise_is_told_as_a_story() {
    let told = notices(400, &(cases(), acts()), |(case, acts)| {
        judge(case, acts, Some(Sabotage::OfferOrderedFollowers))
    });
    // Whichever the shortest case breaks: order, one at a time, or what a stop holds back.
    let named = ["INV-44", "INV-45", "INV-46"].iter().any(|rule| told.contains(rule));
    assert!(named && told.contains("TransmitMessage"), "{told}");
}
