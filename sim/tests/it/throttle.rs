//! Throttling at the seam: things wait, nothing is lost (INV-11).

use floodgate_engine::config::HostSettings;
use floodgate_engine::id::HostInstanceId;
use floodgate_engine::sabotage::Sabotage;
use floodgate_engine::throttle::{DeliveryState, PublishingState, Throttle};
use floodgate_engine::time::{Duration, Instant};
use floodgate_sim::check::Rule;
use floodgate_sim::outcome::Outcome;
use floodgate_sim::world::World;
use proptest::prelude::*;

use crate::conservation::cases;
use crate::fixture::{
    ASYNC, PUSH, Plant, Story, Verdict, all_kept, assert_all_kept, demand_eq, finish,
    finish_within, holds, immediate, ms, sink,
};

const FIRST: HostInstanceId = HostInstanceId(0);

/// Forty messages at once, one thread per CPU and one batch that may wait for it.
fn narrow() -> Plant {
    let settings = HostSettings { threads: 1, batch_queue: 1, ..immediate() };
    let mut plant = Plant::new(settings, PUSH);
    plant.setup.topology.servers[0].cpus = 1;
    plant.send_port("Out", "In", ASYNC, sink()).all_at_once(40);
    plant
}

#[test]
fn a_throttled_publish_waits_on_its_thread_and_done_blocks() {
    // R-THR-03, R-DONE-03, INV-11: one thread, each batch held for three seconds.
    let mut world = narrow().telling();
    world.throttle(FIRST, Throttle::publishing(PublishingState::Rate, 0.01));
    finish(&mut world);
    let story = Story::of(&world);
    let published = story.instants(&["MB   publishes"]);
    assert_eq!(published[..3], [ms(3000), ms(6000), ms(9000)]);
    let returned = story.instants(&["Done returns"]);
    // The first has the thread, the second waits for it inside; the third's `Done` blocks.
    assert_eq!(returned[..3], [ms(0), ms(0), ms(3000)]);
    let outcome = world.conclude();
    assert_all_kept(&outcome);
    assert_eq!((outcome.meters.received, outcome.meters.processed), (40, 40));
}

#[test]
fn a_throttled_delivery_waits_without_a_thread() {
    // R-THR-03: delivery waits before the adapter sees the message. There is one thread, and it is
    // free meanwhile: nothing is published later, and a Delete comes with the end of its wire call.
    let mut plain = narrow().telling();
    finish(&mut plain);
    let published = |world: &World| Story::of(world).instants(&["MB   publishes"]);
    let mut world = narrow().telling();
    world.throttle(FIRST, Throttle::delivery(DeliveryState::InProcess, 0.01));
    finish(&mut world);
    assert_eq!(published(&world), published(&plain));
    let story = Story::of(&world);
    let transmitted = story.instants(&["TransmitMessage"]);
    let expected: Vec<Instant> = (1..=40).map(|turn| ms(3000 * turn)).collect();
    // As many pause at once as there could be threads: one.
    assert_eq!(transmitted, expected);
    assert_eq!(story.instants(&["MB   deletes"]), expected);
    assert_all_kept(&world.conclude());
}

#[test]
fn a_throttled_delivery_is_over_when_its_host_stops() {
    // R-THR-03, R-SHUT-06: it pauses while the service stops, which waits for it; what was not
    // handed over goes back to the queue and is not handed over any more.
    let mut world = narrow().telling();
    world.throttle(FIRST, Throttle::delivery(DeliveryState::InProcess, 0.01));
    world.run_until(ms(1000));
    world.stop(FIRST);
    finish(&mut world);
    let story = Story::of(&world);
    assert_eq!(story.instants(&["gives back"]), [ms(3000); 40]);
    assert_eq!(story.instants(&["TransmitMessage"]), []);
}

#[test]
fn let_go_the_engine_is_as_fast_as_before() {
    // R-THR-03: three batches in the first second, and all others when it is over, the one that
    // pauses on the thread with them.
    let mut world = narrow().telling();
    world.throttle(FIRST, Throttle::publishing(PublishingState::UserOverride, 0.001));
    world.run_until(ms(1000));
    world.wait_until(ms(1000));
    world.throttle(FIRST, Throttle::default());
    finish(&mut world);
    let deleted = Story::of(&world).instants(&["MB   deletes"]);
    assert_eq!((deleted.len(), deleted.last()), (40, Some(&ms(1000))));
}

/// Throttled on and off while it runs, a plant publishes and delivers what it would have.
fn nothing_is_lost(outcome: &Outcome, throttled: &Outcome) -> Verdict {
    all_kept(throttled)?;
    let total = |outcome: &Outcome| (outcome.meters.received, outcome.unfinished);
    demand_eq(total(throttled), total(outcome), "published and unfinished under throttling")?;
    demand_eq(throttled.meters.processed, outcome.meters.processed, "processed under throttling")
}

#[test]
fn throttling_loses_nothing() {
    // INV-11 over random plants, throttled at random instants.
    let acts = prop::collection::vec((0..3000_u64, any::<bool>(), 0..2_000_u64), 1..5);
    holds(300, "proptest-regressions/throttle.txt", &(cases(), acts), |(case, acts)| {
        let mut plain = World::new(&case.plant().setup);
        finish_within(&mut plain, 200_000)?;
        let mut world = World::new(&case.plant().setup);
        let mut acts = acts.clone();
        acts.sort_unstable();
        for (at, publishing, delay) in acts {
            world.run_until(ms(at));
            let delay = Duration::from_millis(delay);
            let throttle = if publishing {
                Throttle { publishing_delay: delay, ..Throttle::default() }
            } else {
                Throttle { delivery_delay: delay, ..Throttle::default() }
            };
            for instance in 0..case.instances {
                world.throttle(HostInstanceId(instance), throttle);
            }
        }
        for instance in 0..case.instances {
            world.throttle(HostInstanceId(instance), Throttle::default());
        }
        finish_within(&mut world, 400_000)?;
        nothing_is_lost(&plain.conclude(), &world.conclude())
    });
}

/// How often INV-11 was kept and broken in a narrow plant whose publishing is throttled.
fn held_back(sabotage: Option<Sabotage>) -> (u64, u64, String) {
    let mut world = World::new(&narrow().setup);
    if let Some(sabotage) = sabotage {
        world.sabotage(sabotage);
    }
    world.throttle(FIRST, Throttle::publishing(PublishingState::Rate, 0.01));
    finish(&mut world);
    let outcome = world.conclude();
    let verdicts = &outcome.verdicts;
    let held = verdicts.iter().find(|one| one.rule == Rule::HeldComesThrough);
    let held = held.expect("every rule has a verdict");
    let said = held.first.as_ref().map(|first| first.what.clone()).unwrap_or_default();
    (held.occasions - held.broken, held.broken, said)
}

#[test]
fn a_done_that_does_not_block_or_never_returns_is_noticed() {
    // INV-11: each of 40 batches is let in where there is room, and comes through.
    assert_eq!(held_back(None), (80, 0, String::new()));
    let (_, broken, said) = held_back(Some(Sabotage::AdmitEveryBatch));
    assert!(broken > 0 && said.ends_with("has let in 3 batches of 2: Done should block"), "{said}");
    let (_, broken, said) = held_back(Some(Sabotage::DropHeldBatches));
    assert_eq!(broken, 1, "the adapter's thread is in Done: {said}");
    assert!(said.ends_with("its Done never returned, and it did not complete"), "{said}");
}

#[test]
fn a_plant_that_is_never_throttled_gives_no_occasion() {
    // INV-11: a check without an occasion says nothing.
    let outcome = narrow().run();
    let held = outcome.verdicts.iter().find(|one| one.rule == Rule::HeldComesThrough);
    assert_eq!(held.map(|one| (one.occasions, one.broken)), Some((0, 0)));
}
