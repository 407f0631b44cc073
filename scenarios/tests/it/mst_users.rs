//! The most users of a closed loop, on a plant whose answer is known.

use std::path::Path;

use floodgate_reports::{MstRecord, MstVerdict, mst_summary};
use floodgate_scenarios::experiment::mst::{Ask, search};
use floodgate_scenarios::plan::Scenario;

/// Users of one place with exponential calls of 10 ms, who think for 0.4 s.
const PLANT: &str = include_str!("../../theory/closed.toml");
const SERVICE: f64 = 0.01;
const THINK: f64 = 0.4;
/// At most so many may wait for longer than so.
const OVER: f64 = 0.1;
const ALLOWED: f64 = 0.05;

fn searched(changes: &[&str]) -> Result<MstRecord, String> {
    let plant = [
        "load.0.rate={ users = { count = 5, think = { exponential = '400 ms' } } }",
        "goal=[{ late = { over = '100 ms', at_most = 0.05 } }]",
    ];
    let changes = plant.iter().chain(changes).map(ToString::to_string).collect::<Vec<_>>();
    let scenario = Scenario::parse("plant.toml", PLANT.as_bytes(), Path::new(""), &changes)
        .expect("the plant is right");
    let ask = Ask { precision: 0.1, threads: 2, ..Ask::DEFAULT };
    search("plant", &scenario, ask).map_err(|problems| problems.problems()[0].message().to_owned())
}

/// The share of requests that take longer than `OVER` with so many users: who comes finds the
/// others as they are by themselves, and waits for so many calls and an own one.
fn late(users: u32) -> f64 {
    let (mut weight, mut all, mut late) = (1.0, 0.0, 0.0);
    let (mut term, mut erlang) = (1.0, 0.0);
    for waiting in 0..users {
        if waiting > 0 {
            weight *= f64::from(users - waiting) * SERVICE / THINK;
            term *= OVER / SERVICE / f64::from(waiting);
        }
        erlang += term;
        all += weight;
        late += weight * erlang * libm::exp(-OVER / SERVICE);
    }
    late / all
}

#[test]
fn the_most_users_who_are_answered_in_time_are_found() {
    let due = (1..).take_while(|users| late(*users) <= ALLOWED).last().expect("one alone is");
    let record = searched(&[]).expect("it can be searched");
    let [low, high] = record.users_interval.expect("found");
    assert_eq!(record.verdict, MstVerdict::Sustainable, "{:?}", record.probes);
    assert!((low..=high).contains(&u64::from(due)), "{due} is not in {low} to {high}");
    assert!(high - low <= due.div_ceil(10).into(), "{low} to {high}");
    assert_eq!(record.users, Some(low));
    // They ask for as much as they get through: Little's law of the whole loop.
    let rate = record.mst.expect("found");
    assert!(rate < low as f64 / THINK && rate < 1.0 / SERVICE && rate > 0.5 / SERVICE, "{rate}");
    assert_eq!(record.limit.as_ref().expect("it is busy").resource, "Partner.primary (partner)");
    let text = mst_summary(&record);
    assert!(text.contains(&format!("{low} users")) && text.contains("% confidence"), "{text}");
    assert!(record.probes.iter().any(|probe| probe.verdict == MstVerdict::Unsustainable));
}

#[test]
fn a_goal_that_nobody_meets_has_no_users() {
    let record = searched(&["goal=[{ late = { over = '1 ms', at_most = 0.05 } }]"]).unwrap();
    assert_eq!((record.verdict, record.users), (MstVerdict::Unsustainable, None));
    assert!(record.goal.contains("late"), "{}", record.goal);
}

#[test]
fn a_search_of_users_that_comes_to_no_end_says_how_far_it_got() {
    let scenario = Scenario::parse(
        "plant.toml",
        PLANT.as_bytes(),
        Path::new(""),
        &[
            "load.0.rate={ users = { count = 5, think = { exponential = '400 ms' } } }".to_owned(),
            "goal=[{ late = { over = '100 ms', at_most = 0.05 } }]".to_owned(),
        ],
    );
    let ask = Ask { precision: 0.1, threads: 2, steps_max: 300_000, ..Ask::DEFAULT };
    let record = search("plant", &scenario.expect("right"), ask).expect("it ends");
    assert_eq!((record.verdict, record.users), (MstVerdict::Undecided, None));
    let said: Vec<_> = record.probes.iter().map(|probe| probe.evidence.as_str()).collect();
    let last = said.last().expect("said");
    assert!(last.contains(" users, at a glance; met so far: "), "{said:?}");
    assert!(record.documents_simulated > 1000, "{}", record.documents_simulated);
}

#[test]
fn what_no_number_of_runs_can_show_of_users_is_refused() {
    let later =
        "load.0.rate={ users = { count = 5, step = { add = 1, every = '1 s', most = 9 } } }";
    for (change, said) in [
        ("goal=[]", "so that it cannot be overloaded"),
        ("goal=[{ late = { over = '1 s', at_most = 0 } }]", "no number of runs shows it"),
        ("goal=[{ backlog = { at_most = 3 } }]", "no number of runs shows it"),
        (later, "come one after another"),
    ] {
        let refusal = searched(&[change]).unwrap_err();
        assert!(refusal.contains(said), "{change}: {refusal}");
    }
}
