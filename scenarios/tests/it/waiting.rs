//! More than anybody has memory for: where it ends a run, and what is said then.

use std::path::Path;

use floodgate_reports::{MstVerdict, Verdict};
use floodgate_scenarios::experiment::mst::{Ask, search};
use floodgate_scenarios::experiment::run::{Run, run};
use floodgate_scenarios::plan::Scenario;

use crate::mst::PLANT;

fn planned(changes: &[&str]) -> Scenario {
    let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
    Scenario::parse("plant.toml", PLANT.as_bytes(), Path::new(""), &changes).expect("right")
}

/// A run that must end with too much, and not with anything broken.
fn ended(changes: &[&str]) -> (Run, String) {
    let run = run_of(&planned(changes));
    let rows = &run.record.verdicts;
    let failed: Vec<_> = rows.iter().filter(|row| row.verdict == Verdict::Fail).collect();
    assert!(failed.is_empty(), "{failed:?}");
    let row = rows.iter().find(|row| row.name == "run.waiting").expect("it is said");
    assert_eq!((row.verdict, run.record.exit_code()), (Verdict::Unknown, 3));
    let detail = row.detail.clone();
    (run, detail)
}

fn run_of(scenario: &Scenario) -> Run {
    run("plant", scenario).expect("it runs")
}

#[test]
fn a_load_far_beyond_the_plant_ends_the_run_at_what_may_wait() {
    let (run, said) = ended(&["load.0.rate={ constant = 1e7 }", "waiting_max=2000"]);
    let found = run.outcome.overfull.expect("it was too much");
    assert_eq!((found.waiting, found.suspended), (2001, 0));
    assert!(said.contains("2001 documents waited") && said.contains("'waiting_max'"), "{said}");
    assert!(said.contains(&format!("ended at {}", found.at)), "{said}");
    assert!(run.record.virtual_seconds < 0.001, "{}", run.record.virtual_seconds);
    // Of 1 KB each.
    assert!(found.bytes >= 2001, "{found:?}");
    // As many as may wait are no reason.
    let fits = planned(&["load.0.rate={ constant = 200 }", "load.0.measure=5 s"]);
    assert_eq!(fits.waiting_max, 5_000_000);
    assert!(run_of(&fits).outcome.overfull.is_none());
}

#[test]
fn what_comes_at_once_is_not_waited_for() {
    for (changes, most) in [
        (&["load.0.rate={ all_at_once = true }", "load.0.count=1_000_000"][..], 2001),
        // One interchange, which is never taken apart.
        (
            &[
                "load.0.rate={ all_at_once = true }",
                "load.0.count=1",
                "load.0.documents=1_000_000",
                "load.0.size=1B",
                "receive_port.In.location.0.pipeline=XMLReceive",
            ],
            1_000_000,
        ),
    ] {
        let changes = [changes, &["waiting_max=2000"]].concat();
        let (run, _) = ended(&changes);
        assert_eq!(run.outcome.overfull.expect("too much").waiting, most, "{changes:?}");
    }
}

#[test]
fn what_is_suspended_is_there_too() {
    let fails = "send_port.Out.primary.fail={ always = true }";
    let quick = "send_port.Out.primary.wire=0 s";
    let once = "send_port.Out.primary.retry={ count = 0 }";
    let (run, _) = ended(&[fails, quick, once, "waiting_max=500", "load.0.measure=5 min"]);
    let found = run.outcome.overfull.expect("too much");
    assert!(found.suspended > 400 && found.suspended + found.waiting == 501, "{found:?}");
}

#[test]
fn a_search_in_which_too_much_waits_is_undecided() {
    let found = |threads: usize| {
        let ask = Ask { precision: 0.4, recovery: 0.0, threads, ..Ask::DEFAULT };
        search("plant", &planned(&["waiting_max=3000"]), ask).expect("it ends")
    };
    let record = found(1);
    assert_eq!((record.verdict, record.exit_code()), (MstVerdict::Undecided, 3));
    assert_eq!((record.mst, record.interval, record.confidence), (None, None, None));
    let last = record.probes.last().expect("it says why");
    assert!(last.evidence.contains("3001 documents waited"), "{}", last.evidence);
    assert_eq!(found(3).probes, record.probes);
}
