//! Counters of single hosts and MessageBoxes, as the performance monitor prints them.

use floodgate_engine::config::Track;
use floodgate_engine::time::Duration;
use floodgate_sim::cost::Costs;
use floodgate_sim::outcome::Outcome;
use floodgate_sim::probe::COLUMNS;

use crate::fixture::{ASYNC, PUSH, Plant, assert_all_kept, immediate, sink};

/// Three MessageBoxes, work that takes a while, services tracked and nobody to move it.
fn outcome() -> Outcome {
    let mut plant = Plant::new(immediate(), PUSH);
    plant.boxes(3).send_port("Out", "In", ASYNC, sink()).poisson(50.0, 1_000);
    plant.setup.costs = Costs { send_message: Duration::from_millis(50), ..Costs::default() };
    plant.setup.sample = Duration::from_secs(1);
    plant.track(Track { events: true, ..Track::default() });
    let outcome = plant.run();
    assert_all_kept(&outcome);
    outcome
}

/// The sum of the further columns whose names end so, row by row.
fn parts(outcome: &Outcome, ends: &str) -> Vec<f64> {
    let named = outcome.samples.parts().iter().enumerate();
    let places: Vec<usize> = named
        .filter(|(_, (name, _))| name.ends_with(ends))
        .map(|(at, _)| COLUMNS.len() + at)
        .collect();
    assert!(!places.is_empty(), "{ends}");
    let sum = |row: &[f64]| places.iter().map(|at| row[*at]).sum::<f64>();
    outcome.samples.rows().iter().map(|(_, row)| sum(row)).collect()
}

fn whole(outcome: &Outcome, name: &str) -> Vec<f64> {
    let at = COLUMNS.iter().position(|column| column.name == name).expect("a column");
    outcome.samples.rows().iter().map(|(_, row)| row[at]).collect()
}

#[test]
fn parts_have_the_product_s_names_and_add_up_to_the_whole() {
    let outcome = outcome();
    let names: Vec<&str> = outcome.samples.parts().iter().map(|(name, _)| name.as_str()).collect();
    assert!(names.contains(&r"\BizTalk:Messaging(H)\Pending receive batches"), "{names:?}");
    let spool = r"\BizTalk:Message Box:General Counters(MsgBox1:server)\Spool Size";
    assert!(names.contains(&spool), "{names:?}");
    for (ends, of) in [
        ("Spool Size", "Spool Size"),
        ("Pending receive batches", "Pending receive batches"),
        ("Active threads", "Active threads"),
        ("Thread count", "Thread count"),
    ] {
        assert_eq!(parts(&outcome, ends), whole(&outcome, of), "{ends}");
    }
    assert!(whole(&outcome, "Active threads").iter().any(|busy| *busy > 0.0));
    // R-GC-05: two rows a message, and nobody moves them.
    let tracked = parts(&outcome, "Tracking data size");
    assert!((tracked[tracked.len() - 1] - 2_000.0).abs() < 0.5, "{tracked:?}");
}
