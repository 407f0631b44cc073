//! The shortest runs that show that the house stands.

use crate::fixture::{ASYNC, PUSH, Plant, assert_all_kept, immediate, sink};

#[test]
fn what_goes_in_comes_out() {
    let mut plant = Plant::new(immediate(), PUSH);
    plant.send_port("Out", "In", ASYNC, sink()).all_at_once(100);
    let outcome = plant.run();
    assert_all_kept(&outcome);
    assert_eq!((outcome.meters.received, outcome.meters.processed), (100, 100));
    assert_eq!((outcome.unfinished, outcome.quiescent), (0, true));
}
