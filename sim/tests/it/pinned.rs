//! A backlog that is held.

use floodgate_engine::pipeline::ReceivePipeline;
use floodgate_engine::time::{Duration, Instant};
use floodgate_sim::dist::Dist;
use floodgate_sim::load::ArrivalKind;
use floodgate_sim::setup::SinkSettings;
use floodgate_sim::world::{Pin, World};

use crate::fixture::{ASYNC, PUSH, Plant, immediate, sink};

const MANY: u64 = u64::MAX;

fn at(secs: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(secs)
}

/// A partner with so many places and calls of 10 ms; two loads without arrivals of their own.
fn plant(limit: u32) -> World {
    let wire = Dist::Constant(Duration::from_millis(10));
    let mut plant = Plant::new(immediate(), PUSH);
    plant.send_port("Out", "In", ASYNC, SinkSettings { wire, limit, ..sink() });
    plant.load(ArrivalKind::Replay(Vec::new()), None);
    plant.load(ArrivalKind::Replay(Vec::new()), None);
    World::new(&plant.setup)
}

fn pin(documents: u64) -> Pin {
    Pin { documents, shares: vec![1.0, 3.0] }
}

#[test]
fn as_one_document_ends_another_comes() {
    for (documents, places, per_second) in [(1, 1, 100), (7, 1, 100), (7, 10, 700), (30, 10, 1000)]
    {
        let mut world = plant(places);
        for second in 1..=3 {
            assert!(world.run_pinned(&pin(documents), at(second), (MANY, &mut MANY.clone())));
            assert_eq!((world.now(), world.backlog()), (at(second), documents));
        }
        let ended = world.meters().offered - documents;
        // What ends at an instant ends after those who only look at it.
        let through = 3 * per_second;
        assert!((through - documents..=through).contains(&ended), "{documents}: {ended}");
    }
}

#[test]
fn loads_keep_their_proportions() {
    let mut plant = Plant::new(immediate(), PUSH);
    let wire = Dist::Constant(Duration::from_millis(10));
    plant.send_port("Out", "In", ASYNC, SinkSettings { wire, limit: 1, ..sink() });
    let other = plant.receive_port("Other", ReceivePipeline::pass_through());
    plant.send_port("Aside", "Other", ASYNC, sink());
    plant.load(ArrivalKind::Replay(Vec::new()), None);
    plant.load(ArrivalKind::Replay(Vec::new()), None);
    plant.setup.loads[1].locations = vec![other];
    let mut world = World::new(&plant.setup);
    world.run_pinned(&pin(9), at(10), (MANY, &mut MANY.clone()));
    // One port is full, the other does everything in no time, and has no more for that.
    let processed = [0, 1].map(|port| world.meters().ports[port].processed);
    assert!((990..=1000).contains(&processed[0]), "{processed:?}");
    assert!(processed[1].abs_diff(processed[0] * 3) <= 27, "{processed:?}");
}

#[test]
fn it_ends_with_so_many_documents_offered() {
    // A plant that takes no time never reaches the instant.
    let mut plant = Plant::new(immediate(), PUSH);
    plant.send_port("Out", "In", ASYNC, sink());
    plant.load(ArrivalKind::Replay(Vec::new()), None);
    let mut world = World::new(&plant.setup);
    let mut steps = MANY;
    assert!(!world.run_pinned(&Pin { documents: 4, shares: vec![1.0] }, at(1), (500, &mut steps)));
    assert_eq!((world.now(), world.meters().offered), (Instant::ZERO, 500));
    // It would go on with more documents, but not without steps.
    let mut few = 10;
    let pin = Pin { documents: 4, shares: vec![1.0] };
    assert!(!world.run_pinned(&pin, at(1), (MANY, &mut few)));
    assert!(few == 0 && world.meters().offered < 550, "{}", world.meters().offered);
}
