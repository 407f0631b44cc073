//! Goals that bind just below the capacity, far below it, and not at all.

use std::path::Path;

use floodgate_reports::{MstRecord, MstVerdict, mst_summary};
use floodgate_scenarios::experiment::mst::{Ask, search};
use floodgate_scenarios::experiment::run::run;
use floodgate_scenarios::plan::Scenario;

use crate::mst::PLANT;

fn planned(changes: &[&str]) -> Result<Scenario, String> {
    let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
    Scenario::parse("plant.toml", PLANT.as_bytes(), Path::new(""), &changes)
        .map_err(|problems| format!("{problems:?}"))
}

fn searched(precision: f64, changes: &[&str]) -> MstRecord {
    let ask = Ask { precision, seconds_max: 20_000.0, recovery: 0.0, threads: 2, ..Ask::DEFAULT };
    search("plant", &planned(changes).unwrap(), ask).expect("the load can be scaled")
}

/// That the interval of a share of late documents holds `rate`, and is as wide as asked.
fn assert_binds(record: &MstRecord, rate: f64, precision: f64) {
    let [low, high] = record.interval.expect("found");
    assert_eq!(record.verdict, MstVerdict::Sustainable, "{:?}", record.probes);
    assert!(record.goal.starts_with("late"), "{} at [{low}, {high}]", record.goal);
    assert!(low < rate && rate < high, "{rate} is not in [{low}, {high}]");
    assert!(high - low < 1.1 * precision * high, "[{low}, {high}]");
}

#[cfg(feature = "long")]
#[test]
fn a_goal_that_binds_just_below_the_capacity_is_not_met_there() {
    // M/M/1: 1 % is later than 2 s at 100 - ln(100) / 2 a second. From an empty start a minute at
    // the capacity sees next to nothing late.
    let goal = "goal=[{ late = { over = '2 s', at_most = 0.01 } }]";
    assert_binds(&searched(0.02, &[goal]), 97.697_415, 0.02);
}

#[test]
fn a_goal_that_binds_below_half_of_the_capacity_has_a_line() {
    // M/M/1: 1 % is later than 84 ms at 100 - ln(100) / 0.084 a second.
    let goal = "goal=[{ late = { over = '84 ms', at_most = 0.01 } }]";
    let record = searched(0.05, &["host.H.poll=1 ms", goal]);
    assert_binds(&record, 45.176_547, 0.05);
    // By itself a run on either side may miss it or meet it by chance: they are judged together.
    let sides = record.probes.iter().find(|probe| probe.evidence.contains("on either side"));
    let sides = sides.expect("what they say together");
    assert_eq!(sides.verdict, MstVerdict::Sustainable);
    assert!(sides.evidence.contains("no more apart than chance"), "{}", sides.evidence);
}

#[test]
fn a_goal_that_does_not_bind_is_said_to_be_met_and_up_to_where() {
    for goal in ["late = { over = '1 h', at_most = 0.01 }", "suspended = { at_most = 0.01 }"] {
        let record = searched(0.1, &[&format!("goal=[{{ {goal} }}]")]);
        assert_eq!(record.goal, "backlog does not grow");
        let said: Vec<_> = record.probes.iter().map(|probe| probe.evidence.as_str()).collect();
        let met = said.iter().find(|said| said.contains("not binding")).expect("said");
        assert!(met.contains("met up to 9") && met.contains("relaxation times"), "{met}");
    }
}

#[test]
fn a_goal_that_is_met_whatever_happens_is_refused() {
    let all = planned(&["goal=[{ late = { over = '1 s', at_most = 1.0 } }]"]).unwrap_err();
    assert!(all.contains("a share of 1 is all there is"), "{all}");
    let throttled = "goal=[{ throttled = { at_most = 0.1 } }]";
    let never = planned(&[throttled]).unwrap_err();
    assert!(never.contains("no host is throttled"), "{never}");
    assert!(planned(&["host.H.throttling={ messages = 1000 }", throttled]).is_ok());
}

#[test]
fn latencies_of_a_window_that_is_too_short_are_marked() {
    // M/M/1 at 90 % for a minute: 13 relaxation times of 4.7 s; at 60 % it is 760.
    let told = |rate: &str, more: &[&str]| {
        let changes = [&["load.0.warm_up=1 min", rate][..], more].concat();
        let run = run("plant", &planned(&changes).unwrap()).expect("it runs").record;
        let details: Vec<_> = run.verdicts.into_iter().map(|row| row.detail).collect();
        let said = details.iter().any(|said| said.contains("relaxation times of Out.primary"));
        (run.latency_seconds.relaxations, said)
    };
    let busy = "load.0.rate={ poisson = 90 }";
    let expects = "expect={ latency_max = { at_most = '1 h' } }";
    let (times, said) = told(busy, &[expects]);
    assert!(times.is_some_and(|times| (3.0..50.0).contains(&times)) && said, "{times:?}");
    assert_eq!(told("load.0.rate={ poisson = 60 }", &[expects]), (None, false));
    assert_eq!(told(busy, &[]), (None, false));
    assert!(told(busy, &["goal=[{ late = { over = '1 s', at_most = 0.01 } }]"]).0.is_some());
}

#[test]
fn a_goal_whose_runs_would_be_longer_than_they_may_be_is_undecided_and_says_so() {
    // M/M/1: 84.65 a second, where a queue forgets in 1.6 s. A hundred times that is no probe.
    let goal = "goal=[{ late = { over = '300 ms', at_most = 0.01 } }]";
    let ask = Ask { precision: 0.1, seconds_max: 130.0, recovery: 0.0, threads: 2, ..Ask::DEFAULT };
    let record = search("plant", &planned(&[goal]).unwrap(), ask).expect("it can be scaled");
    assert_eq!((record.verdict, record.exit_code()), (MstVerdict::Undecided, 3));
    assert_eq!((record.mst, record.interval, record.confidence), (None, None, None));
    assert!(record.capacity.is_some() && record.goal.starts_with("late"), "{record:?}");
    let said = &record.probes.last().expect("it says why").evidence;
    let all =
        ["100 of those relaxation times", "--max-seconds allows 130 s", "a queue forgets in "];
    assert!(all.iter().all(|one| said.contains(one)), "{said}");
}

#[test]
fn an_interval_that_is_wider_than_asked_is_no_answer() {
    // No document may be late: five seeds agree far below where they begin to miss it.
    let goal = "goal=[{ late = { over = '300 ms', at_most = 0.0 } }]";
    let record = searched(0.04, &[goal]);
    assert!(record.interval.is_some());
    assert_eq!((record.verdict, record.exit_code()), (MstVerdict::Undecided, 3));
    let last = record.probes.last().expect("it says why");
    assert!(last.evidence.contains("% was asked"), "{}", last.evidence);
    // Nor is anything said of how often such an interval holds it.
    let text = mst_summary(&record);
    assert!(text.contains("/s at no confidence that could be stated"), "{text}");
    assert_eq!((text.contains("95 %"), record.confidence), (false, None));
    // Nor is one that is as narrow as asked, for there chance says when documents come:
    let record = searched(0.5, &[goal]);
    assert_eq!((record.verdict, record.exit_code()), (MstVerdict::Undecided, 3));
    assert!(!record.probes.iter().any(|probe| probe.evidence.contains("% was asked")));
    // what a few runs never saw is not what no run would see.
    let said = record.probes.iter().find(|probe| probe.evidence.contains("longer ones may see"));
    assert!(said.expect("said").evidence.contains("as far as 5 runs"), "{said:?}");
}
