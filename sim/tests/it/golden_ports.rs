//! GS-17: what a new message meets at a send port, by the state of the port.

use floodgate_engine::id::SendPortId;
use floodgate_engine::message_box::PortOperation;
use floodgate_engine::subscription::PortState;
use floodgate_sim::load::ArrivalKind;
use floodgate_sim::world::World;
use insta::assert_snapshot;

use crate::fixture::{ASYNC, PUSH, Plant, Story, assert_all_kept, finish, immediate, ms, sink};

const OUT: SendPortId = SendPortId(0);

/// One send port in `state`, and messages that arrive at these milliseconds.
fn plant(state: PortState, arrivals: &[u64]) -> World {
    let mut plant = Plant::new(immediate(), PUSH);
    plant.send_port("Out", "In", ASYNC, sink()).state(state);
    let arrivals: Vec<_> = arrivals.iter().copied().map(ms).collect();
    plant.load(ArrivalKind::Replay(arrivals), None);
    plant.telling()
}

fn kept(world: &World) -> Story {
    assert_eq!(world.checks().violations(), [], "a promise was broken");
    assert_all_kept(&world.clone().conclude());
    Story::of(world)
}

#[test]
fn gs_17_a_bound_port_is_no_subscriber() {
    // GS-17(a).
    // GS-17, R-SUB-09, R-SUB-10, R-ROUTE-01, R-ROUTE-02, INV-22, INV-25.
    let mut world = plant(PortState::Bound, &[0]);
    finish(&mut world);
    let story = kept(&world);
    assert_eq!(story.count(&["routing failure report for m1"]), 1);
    assert_eq!(story.count(&["NOSUB"]), 1);
    assert_eq!(story.count(&["refers"]), 0);
    assert_snapshot!(story.text());
}

#[test]
fn gs_17_a_stopped_port_suspends_and_resume_sends_all_the_same() {
    // GS-17(b).
    // GS-17, R-SUB-10, R-MBX-10, INV-25.
    let mut world = plant(PortState::Stopped, &[0]);
    finish(&mut world);
    let story = Story::of(&world);
    story.assert_order(&[
        &["suspends m1 of Out", ", resumable", "PortStopped"],
        &["BatchComplete(S_OK"],
    ]);
    assert_eq!((story.count(&["TransmitMessage"]), world.resume(OUT)), (0, 1));
    finish(&mut world);
    let story = kept(&world);
    assert_eq!(story.count(&["deletes m1 of Out"]), 1);
    assert_eq!(world.message_box().port_state(OUT), PortState::Stopped);
    assert_snapshot!(story.text());
}

#[test]
fn gs_17_stopping_does_not_recall_what_is_in_the_work_queue() {
    // GS-17(c).
    // GS-17, R-SUB-10. The poll of half a second leaves five messages in the work queue.
    let mut plant = Plant::new(
        floodgate_engine::config::HostSettings {
            poll: floodgate_engine::time::Duration::from_secs(5),
            ..immediate()
        },
        PUSH,
    );
    plant.send_port("Out", "In", ASYNC, sink());
    plant.load(ArrivalKind::Replay([0, 1, 2, 3, 4, 100].map(ms).to_vec()), None);
    let mut world = plant.telling();
    world.run_until(ms(50));
    world.wait_until(ms(50));
    assert_eq!(world.message_box().reference_counts().work, 5);
    assert_eq!(world.operate_port(OUT, PortOperation::Stop), Ok(PortState::Stopped));
    finish(&mut world);
    let story = kept(&world);
    assert_eq!(story.count(&["MB   deletes"]), 5);
    story.assert_order(&[&["Out is Stopped"], &["suspends m6 of Out", "PortStopped"]]);
    assert_snapshot!(story.text());
}
