//! What the answer of a search follows, on plants where theory says how much.

use std::path::Path;

use floodgate_reports::{Elasticity, MstRecord};
use floodgate_scenarios::experiment::mst::{Ask, search};
use floodgate_scenarios::plan::Scenario;

use crate::mst::PLANT;

const ASK: Ask = Ask {
    precision: 0.1,
    seconds_max: 20_000.0,
    recovery: 0.0,
    threads: 2,
    explain: true,
    ..Ask::DEFAULT
};
const WIRE: &str = "send_port.Out.primary.wire";
const LIMIT: &str = "send_port.Out.primary.limit";

fn explained(changes: &[&str]) -> MstRecord {
    let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
    let scenario = Scenario::parse("plant.toml", PLANT.as_bytes(), Path::new(""), &changes);
    search("plant", &scenario.expect("right"), ASK).expect("the load can be scaled")
}

fn of<'a>(record: &'a MstRecord, knob: &str) -> &'a Elasticity {
    let found = record.elasticities.iter().find(|one| one.knob == knob);
    found.unwrap_or_else(|| panic!("{knob} is not in {:?}", record.elasticities))
}

#[test]
fn elasticities_are_those_of_what_is_full_and_of_nothing_else() {
    // The partner is full: a longer call is as much less, a place more as much more.
    let record = explained(&["cost.send_message=1 ms"]);
    assert_eq!(record.elasticities.len(), 2, "{:?}", record.elasticities);
    assert_eq!(record.elasticities_of.as_deref(), Some("the capacity"));
    for (knob, expected) in [(WIRE, -1.0), (LIMIT, 1.0)] {
        let one = of(&record, knob);
        assert!((one.value - expected).abs() < 0.05, "{one:?}");
    }
    // The cores are full: the partner does not matter any more, the price and the cores do.
    let record = explained(&["cost.send_message=80 ms"]);
    let knobs: Vec<&str> = record.elasticities.iter().map(|one| one.knob.as_str()).collect();
    assert!(knobs.contains(&"cost.send_message") && knobs.contains(&"server.bts1.cores"));
    assert!(!knobs.contains(&WIRE), "{knobs:?}");
}

#[test]
fn what_the_load_that_just_meets_a_goal_follows_is_what_theory_says() {
    // M/M/1, 1 % later than 500 ms: at 90.79 a second. There the logarithm of the late share falls
    // by 0.5 with each document a second that the partner can do more, and rises by as much with
    // each that comes: one per cent of the partner's time is 100 / 90.79 per cent of the load.
    let goal = "goal=[{ late = { over = '500 ms', at_most = 0.01 } }]";
    let record = explained(&[goal, "cost.send_message=100 us"]);
    assert_eq!(record.elasticities_of.as_deref(), Some("the load that just meets the goal"));
    // A second place is far away: M/M/2 is there at 190.74, 71 % of the mean more for 66.7 % more.
    for (knob, expected) in [(WIRE, -1.101), (LIMIT, 1.065)] {
        let one = of(&record, knob);
        // One of twenty intervals may miss it, one of a thousand misses it by so much.
        let [low, high] = one.interval.expect("it has an interval");
        let more = (high - low) / 2.0 * (3.29 / 1.96 - 1.0);
        let holds = low - more <= expected && expected <= high + more;
        assert!(holds && high - low < 0.4, "{one:?}");
    }
    // What does a hundredth of the work next to nothing else moves next to nothing.
    let others = record.elasticities.iter().filter(|one| one.knob != WIRE && one.knob != LIMIT);
    let told: Vec<_> = others.filter(|one| !one.is_indistinct()).collect();
    assert!(told.iter().all(|one| one.value.abs() < 0.1), "{told:?}");
}
