//! How often does the interval of `mst` hold the truth?
//!
//! ```text
//! cargo run --release --package floodgate-scenarios --example coverage [SEARCHES]
//! ```
//!
//! Searches with the seeds 1, 2, … on plants whose capacity is known. Of 200 searches with an
//! interval of 95 % between 90.5 and 98.5 % hold it, but for one study in a hundred. It takes
//! minutes, and so no test runs it.

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
const TEXT: &str = r#"
about = "One place, exponential calls of 10 ms"
[[server]]
name = "bts1"
[[message_box]]
name   = "MsgBox"
server = "bts1"
[[host]]
name           = "H"
on             = ["bts1"]
threads        = 50
internal_queue = 100000
in_process     = 100000
[[receive_port]]
name = "In"
  [[receive_port.location]]
  adapter = "push"
  host    = "H"
[[receive_port]]
name = "Between"
  [[receive_port.location]]
  adapter = "push"
  host    = "H"
[[send_port]]
name   = "Out"
host   = "H"
filter = 'BTS.ReceivePortName == "In"'
  [send_port.primary]
  adapter = { kind = "synthetic", workers = 100000 }
  wire    = { exponential = "10 ms" }
  limit   = 1
  retry   = { count = 3, interval = "1 s" }
[[send_port]]
name   = "Second"
host   = "H"
filter = 'BTS.ReceivePortName == "Between"'
  [send_port.primary]
  adapter = { kind = "synthetic", workers = 100000 }
  wire    = { exponential = "8 ms" }
  limit   = 1
[[load]]
to      = "In"
rate    = { poisson = 60.0 }
warm_up = "10 s"
measure = "60 s"
"#;

const PLANTS: [Plant; 5] = [
    Plant { name: "one stage, M/M/1", changes: &[], capacity: 100.0 },
    Plant {
        name: "two stages",
        changes: &["send_port.Out.primary.forward_to=Between"],
        capacity: 100.0,
    },
    // Twenty files at every look, however many there are; the partner is no limit.
    Plant {
        name: "batches of a poller",
        changes: &[
            "send_port.Out.primary.limit=0",
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
        name: "throttled host",
        changes: &["host.H.throttling={ messages = 1000 }"],
        capacity: 100.0,
    },
];

fn main() {
    let searches = std::env::args().nth(1).map_or(200, |text| text.parse().unwrap());
    let mut out = std::io::stdout();
    for plant in &PLANTS {
        let found = in_order(searches, cores(), |at| interval(plant, at as u64 + 1));
        let known: Vec<[f64; 2]> = found.into_iter().flatten().collect();
        let holds = |ends: &&[f64; 2]| (ends[0]..=ends[1]).contains(&plant.capacity);
        let covered = known.iter().filter(holds).count();
        let width = known.iter().map(|ends| ends[1] / ends[0] - 1.0).sum::<f64>();
        writeln!(
            out,
            "{:20} {covered} of {} intervals hold {:.3}, {:.2} % wide on average; {} undecided",
            plant.name,
            known.len(),
            plant.capacity,
            100.0 * width / known.len().max(1) as f64,
            searches - known.len()
        )
        .unwrap();
    }
}

fn interval(plant: &Plant, seed: u64) -> Option<[f64; 2]> {
    let mut changes: Vec<String> = plant.changes.iter().map(ToString::to_string).collect();
    changes.push(format!("seed={seed}"));
    let scenario = Scenario::parse("plant.toml", TEXT.as_bytes(), Path::new(""), &changes);
    let ask = Ask { precision: 0.02, seconds_max: 20_000.0, threads: 1, explain: false };
    search(plant.name, &scenario.unwrap(), ask).unwrap().interval
}
