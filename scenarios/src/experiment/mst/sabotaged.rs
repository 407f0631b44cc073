//! Searches in worlds whose engine breaks a promise: what is found there is no answer.

use std::path::Path;

use floodgate_engine::sabotage::Sabotage;
use floodgate_reports::{MstVerdict, Probe};

use super::journal::Journal;
use super::{Ask, search_on};
use crate::plan::Scenario;

const PLANT: &str = include_str!("../../../theory/one_place.toml");

#[test]
fn a_rate_at_which_a_promise_is_broken_counts_for_nothing() {
    // One call in a hundred fails and is tried again: few fail often enough to tell the engines
    // apart by what gets through, which is 99 documents a second of either.
    let changes = [
        "send_port.Out.primary.fail={ per_mille = 10 }",
        "send_port.Out.primary.retry.interval=1 s",
    ];
    let changes = changes.map(str::to_owned);
    let scenario = Scenario::parse("plant.toml", PLANT.as_bytes(), Path::new(""), &changes)
        .expect("the plant is right");
    let ask = Ask { precision: 0.2, recovery: 0.0, threads: 2, ..Ask::DEFAULT };
    // INV-34, INV-36: a resubmit costs a retry.
    let journal = Journal::sabotaged(Sabotage::KeepRetryCount);
    let broken = search_on("plant", &scenario, ask, &journal).expect("the load can be scaled");
    assert_eq!((broken.verdict, broken.exit_code()), (MstVerdict::Broken, 1));
    let capacity = broken.capacity.expect("found all the same");
    assert!((85.0..115.0).contains(&capacity), "{capacity}");
    // Drift tests and the empty start: each says so by itself, and how.
    let told = |own: &Probe| ["INV-34", "INV-36"].iter().any(|name| own.evidence.contains(name));
    let is_told = |own: &Probe| own.verdict == MstVerdict::Broken && told(own);
    assert!(broken.probes.len() > 3 && broken.probes.iter().all(is_told), "{:?}", broken.probes);
}

#[test]
fn a_multiple_at_which_a_promise_is_broken_counts_for_nothing() {
    let changes = [
        "send_port.Out.primary.fail={ per_mille = 10 }",
        "send_port.Out.primary.retry.interval=1 s",
        "load=[{ to = 'In', rate = { all_at_once = true }, count = 1000 }]",
        "drain=20 s",
    ];
    let changes = changes.map(str::to_owned);
    let scenario = Scenario::parse("plant.toml", PLANT.as_bytes(), Path::new(""), &changes)
        .expect("the plant is right");
    let ask = Ask { precision: 0.5, threads: 2, ..Ask::DEFAULT };
    let journal = Journal::sabotaged(Sabotage::KeepRetryCount);
    let broken = search_on("plant", &scenario, ask, &journal).expect("it can be searched");
    assert_eq!(broken.verdict, MstVerdict::Broken);
    assert!(broken.probes.iter().any(|own| own.evidence.contains("INV-34")), "{:?}", broken.probes);
}
