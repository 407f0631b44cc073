//! Tracking data, with and without somebody who moves it.

use floodgate_engine::config::HostSettings;
use floodgate_engine::id::{HostInstanceId, MessageBoxId};
use floodgate_sim::load::ArrivalKind;
use floodgate_sim::setup::Fault;
use floodgate_sim::world::World;

use crate::fixture::{ASYNC, PUSH, Plant, assert_all_kept, finish, immediate, ms, sink};

/// Ten messages, one a second, for one port, where services are tracked; the host moves what they
/// leave, or does not.
fn plant(moves: bool) -> Plant {
    let mut plant = Plant::new(HostSettings { tracking: moves, ..immediate() }, PUSH);
    plant.send_port("Out", "In", ASYNC, sink());
    plant.load(ArrivalKind::Replay((0..10).map(|n| ms(n * 1000 + 1)).collect()), Some(10));
    plant.setup.topology.policy.tracking = true;
    plant
}

fn finished(plant: &Plant) -> World {
    let mut world = plant.telling();
    finish(&mut world);
    assert_all_kept(&world.clone().conclude());
    world
}

fn rows(world: &World) -> (u64, u64) {
    (world.message_box().tracking_rows(MessageBoxId(0)), world.meters().tracked)
}

#[test]
fn tracking_data_waits_for_a_host_that_moves_it() {
    // R-GC-05: one row when a message is routed, one when it has left.
    assert_eq!(rows(&finished(&plant(false))), (20, 0), "the table grows");
    assert_eq!(rows(&finished(&plant(true))), (0, 20));
    let mut untracked = plant(true);
    untracked.setup.topology.policy.tracking = false;
    assert_eq!(rows(&finished(&untracked)), (0, 0));
}

#[test]
fn another_instance_goes_on_with_it() {
    // R-GC-05.
    let mut plant = plant(true);
    plant.instances(2);
    let instance = HostInstanceId(0);
    plant.setup.faults = vec![Fault::HostStop { instance, at: ms(4500), lasts: None }];
    assert_eq!(rows(&finished(&plant)), (0, 20));
    plant.setup.faults.push(Fault::HostStop {
        instance: HostInstanceId(1),
        at: ms(7500),
        lasts: None,
    });
    let (left, moved) = rows(&finished(&plant));
    assert_eq!((left + moved) % 2, 0);
    assert!(moved < 20, "nobody is left to move the rest: {moved}");
}

#[test]
fn what_is_tracked_moves_no_event() {
    // R-GC-05: a look aside, not a part of what happens to messages.
    let digest = |moves: bool, tracked: bool| {
        let mut plant = plant(moves);
        plant.setup.topology.policy.tracking = tracked;
        plant.run().digest
    };
    let plain = digest(false, false);
    assert_eq!(digest(true, true), plain);
    assert_eq!(digest(false, true), plain);
}
