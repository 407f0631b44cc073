//! How often does the interval of `mst` hold the truth?
//!
//! ```text
//! cargo run --release --package floodgate-scenarios --example coverage [SEARCHES [PLANT]]
//! ```
//!
//! Searches with the seeds 1, 2, … on plants whose capacity is known. Of 200 searches with an
//! interval of 95 % between 90.5 and 98.5 % hold it, but for one study in a hundred. It takes
//! minutes, and so no test runs it; what it said the last time is on the page `coverage.md` beside
//! it.

#![expect(clippy::unwrap_used, reason = "a study ends where something is wrong")]

use std::io::Write as _;
use std::path::Path;

use floodgate_scenarios::experiment::mst::{Ask, search};
use floodgate_scenarios::experiment::parallel::{cores, in_order};
use floodgate_scenarios::plan::Scenario;

/// A plant, what is changed in it, and the documents that it can do in a second.
struct Plant {
    name: &'static str,
    changes: &'static [&'static str],
    capacity: f64,
}

/// A partner with one place and exponential calls of 10 ms.
const TEXT: &str = include_str!("../theory/one_place.toml");
/// What is changed in it for all of them.
const APART: [&str; 2] =
    ["receive_port.In.location.0.host=R", "send_port.Out.primary.retry.interval=1 s"];

const PLANTS: [Plant; 9] = [
    Plant { name: "one stage", changes: &[], capacity: 100.0 },
    Plant {
        name: "two stages",
        changes: &["send_port.Out.primary.forward_to=Between"],
        capacity: 100.0,
    },
    // Interchanges of ten documents: they come, and many of them go, in lumps.
    Plant {
        name: "batches",
        changes: &["load.0.documents=10", "receive_port.In.location.0.pipeline=XMLReceive"],
        capacity: 100.0,
    },
    // Twenty files at every look, however many there are; the partner is no limit. Nothing is left
    // to chance here.
    Plant {
        name: "poller",
        changes: &[
            "send_port.Out.primary.limit=0",
            "load.0.size=1KB",
            "receive_port.In.location.0.adapter={ kind = 'file', poll = '250 ms', notify = false }",
        ],
        capacity: 80.0,
    },
    // Three retries at 30 %: 1 + 0.3 + 0.09 + 0.027 attempts a document.
    Plant {
        name: "retries",
        changes: &["send_port.Out.primary.fail={ per_mille = 300 }"],
        capacity: 100.0 / 1.417,
    },
    // More than 1000 messages in the database delay publishing; the partner stays busy.
    Plant {
        name: "throttled",
        changes: &["host.R.throttling={ messages = 1000 }"],
        capacity: 100.0,
    },
    // A row for each document and 20 ms of a cleanup job for each row; the partner could do more.
    Plant { name: "cleanup job", changes: &["cost.collect_row=20 ms"], capacity: 50.0 },
    Plant {
        name: "cleanup in lumps",
        changes: &[
            "cost.collect_row=20 ms",
            "load.0.documents=10",
            "receive_port.In.location.0.pipeline=XMLReceive",
        ],
        capacity: 50.0,
    },
    // M/M/1: one in a hundred takes longer than half a second at 100 - ln(100) / 0.5.
    Plant {
        name: "late documents",
        changes: &["goal=[{ late = { over = '500 ms', at_most = 0.01 } }]"],
        capacity: 90.789_66,
    },
];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let searches = arguments.next().map_or(200, |text| text.parse().unwrap());
    let wanted = arguments.next();
    let mut out = std::io::stdout();
    for plant in PLANTS.iter().filter(|own| wanted.as_ref().is_none_or(|name| own.name == name)) {
        let found = in_order(searches, cores(), |at| interval(plant, at as u64 + 1));
        let known: Vec<[f64; 2]> = found.into_iter().flatten().collect();
        let share = |is: &dyn Fn(&[f64; 2]) -> bool| known.iter().filter(|ends| is(ends)).count();
        let above = share(&|ends| ends[0] > plant.capacity);
        let below = share(&|ends| ends[1] < plant.capacity);
        let width = known.iter().map(|ends| ends[1] / ends[0] - 1.0).sum::<f64>();
        writeln!(
            out,
            "{:15} {} of {} intervals hold {:.3}, {above} lie above and {below} below; {:.2} % \
             wide on average; {} undecided",
            plant.name,
            known.len() - above - below,
            known.len(),
            plant.capacity,
            100.0 * width / known.len().max(1) as f64,
            searches - known.len()
        )
        .unwrap();
    }
}

fn interval(plant: &Plant, seed: u64) -> Option<[f64; 2]> {
    let changes = APART.iter().chain(plant.changes);
    let mut changes: Vec<String> = changes.map(ToString::to_string).collect();
    changes.push(format!("seed={seed}"));
    let scenario = Scenario::parse("plant.toml", TEXT.as_bytes(), Path::new(""), &changes);
    let ask =
        Ask { precision: 0.02, seconds_max: 20_000.0, recovery: 0.0, threads: 1, ..Ask::DEFAULT };
    search(plant.name, &scenario.unwrap(), ask).unwrap().interval
}
