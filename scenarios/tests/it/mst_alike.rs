//! Searches that must come to the same: in slow motion, beside a server that does nothing, and
//! after they were killed.

use std::fs;
use std::path::Path;

use floodgate_reports::{MstRecord, MstVerdict};
use floodgate_scenarios::experiment::mst::{Ask, Journal, search, search_on};
use floodgate_scenarios::experiment::run::run_silently;
use floodgate_scenarios::plan::Scenario;
use serde_json::Value;

use crate::mst::PLANT;

const ASK: Ask =
    Ask { precision: 0.04, seconds_max: 20_000.0, recovery: 60.0, threads: 2, ..Ask::DEFAULT };

fn plant(text: &str, changes: &[&str]) -> Scenario {
    let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
    Scenario::parse("plant.toml", text.as_bytes(), Path::new(""), &changes).expect("it is right")
}

/// What was found, without the time that it took.
fn found(scenario: &Scenario, journal: &Journal) -> MstRecord {
    let record = search_on("plant", scenario, ASK, journal).expect("the load can be scaled");
    MstRecord { wall_seconds: 0.0, ..record }
}

#[test]
fn a_plant_in_slow_motion_carries_as_much_less() {
    // Every duration four times as long, the load a quarter: the same draws, the same queue.
    let slow = [
        "send_port.Out.primary.wire={ exponential = '40 ms' }",
        "send_port.Out.primary.retry.interval=40 s",
        "host.H.poll=200 ms",
        "message_box.MsgBox.cleanup=4 min",
        "load.0.rate.poisson=15.0",
        "load.0.warm_up=40 s",
        "load.0.measure=240 s",
    ];
    let as_is = ["host.H.poll=50 ms", "message_box.MsgBox.cleanup=1 min"];
    let of = |changes: &[&str]| search("plant", &plant(PLANT, changes), ASK).unwrap();
    let (one, four) = (of(&as_is), of(&slow));
    assert_eq!(one.verdict, four.verdict);
    let [low, high] = one.interval.expect("found");
    let slow = four.interval.expect("found");
    assert!((slow[0] * 4.0 / low - 1.0).abs() < 1e-6, "{low} is not four times {}", slow[0]);
    assert!((slow[1] * 4.0 / high - 1.0).abs() < 1e-6, "{high} is not four times {}", slow[1]);
}

#[test]
fn twice_the_places_carry_twice_as_much() {
    let record = search("plant", &plant(PLANT, &["send_port.Out.primary.limit=2"]), ASK).unwrap();
    let [low, high] = record.interval.expect("found");
    assert!((low..=high).contains(&200.0), "200 is not in [{low}, {high}]");
}

#[test]
fn a_server_without_a_host_instance_changes_nothing() {
    let idle = format!("{PLANT}\n[[server]]\nname = \"idle\"\ncores = 16\n");
    let [as_is, beside] = [PLANT, &idle].map(|text| plant(text, &[]));
    let digest = |scenario: &Scenario| run_silently("plant", scenario).unwrap().record.digest;
    assert_eq!(digest(&as_is), digest(&beside));
    let other = plant(PLANT, &["load.0.rate.poisson=61.0"]);
    assert_ne!(digest(&as_is), digest(&other), "a digest tells loads apart");
    let [as_is, beside] = [as_is, beside].map(|scenario| found(&scenario, &Journal::default()));
    assert_eq!((as_is.interval, as_is.probes), (beside.interval, beside.probes));
}

#[test]
fn a_search_that_was_killed_comes_to_the_same() {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("killed_search");
    let _ = fs::remove_dir_all(&dir);
    let file = dir.join("search.jsonl");
    let scenario = plant(PLANT, &[]);
    let opened = |scenario: &Scenario| Journal::open(&dir, scenario).expect("it can be written");
    let whole = found(&scenario, &Journal::default());
    assert_eq!(whole, found(&scenario, &opened(&scenario)), "a journal changes nothing");
    let text = fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines.len() > 20, "{} lines", lines.len());
    // Killed after so many lines, and in the middle of the next one.
    for after in [1, lines.len() / 2, lines.len() - 1] {
        let half = &lines[after][..lines[after].len() / 2];
        fs::write(&file, lines[..after].join("\n") + "\n" + half).unwrap();
        assert_eq!(found(&scenario, &opened(&scenario)), whole, "killed after {after} lines");
    }
    // What is there is not done again, but read: a lie about a window with a held backlog is told
    // as found…
    let lie = |text: &str| {
        let lied = |line: &str| match line.find("\"rate\":").filter(|_| line.contains("\"held ")) {
            Some(at) => {
                let end = at + line[at..].find([',', '}']).expect("the object ends");
                format!("{}\"rate\":123.0{}\n", &line[..at], &line[end..])
            }
            None => line.to_owned() + "\n",
        };
        fs::write(&file, text.lines().map(lied).collect::<String>()).unwrap();
        found(&scenario, &opened(&scenario))
    };
    let fooled = lie(&text);
    assert!(fooled.curve.iter().all(|point| (point.rate - 123.0).abs() < 1e-9), "{fooled:?}");
    // … but not by another scenario, nor if the first look at the plant is another one now.
    let other = plant(PLANT, &["seed=8"]);
    assert_eq!(found(&other, &opened(&other)), found(&other, &Journal::default()));
    let digest = text.lines().find(|line| line.contains("\"pilot")).expect("it is noted");
    let digest = digest.rsplit('"').nth(1).expect("it ends with the digest");
    assert_eq!(lie(&text.replace(digest, "another")), whole);
    opened(&scenario).close().unwrap();
    assert!(!file.exists(), "with the record it is gone");
}

#[test]
fn a_promise_broken_in_any_run_of_a_search_is_its_verdict() {
    // No plant of a scenario breaks one. So a finished search is told of one run that did, as such
    // a run would be noted, and started again: whichever it is, its throughput is no answer.
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("broken_search");
    let _ = fs::remove_dir_all(&dir);
    let file = dir.join("search.jsonl");
    let scenario = plant(PLANT, &[]);
    let opened = || Journal::open(&dir, &scenario).expect("it can be written");
    let whole = found(&scenario, &opened());
    assert_eq!((whole.verdict, whole.exit_code()), (MstVerdict::Sustainable, 0));
    let text = fs::read_to_string(&file).unwrap();
    let what = "INV-17: one document is neither sent nor suspended nor here";
    for (work, field, value) in [
        ("held ", "broken", what.into()),
        ("drift ", "broken", what.into()),
        ("empty start ", "verdict", serde_json::to_value(MstVerdict::Broken).unwrap()),
    ] {
        let mut told = 0;
        let sabotaged = |line: &str| {
            let (key, took, mut found): (String, u64, Value) = serde_json::from_str(line).unwrap();
            if key.starts_with(work) && told == 0 {
                told += 1;
                assert!(found.get(field).is_some(), "{key}: {found}");
                found[field] = Value::clone(&value);
            }
            serde_json::to_string(&(key, took, found)).unwrap() + "\n"
        };
        fs::write(&file, text.lines().map(sabotaged).collect::<String>()).unwrap();
        assert_eq!(told, 1, "{work}");
        let record = found(&scenario, &opened());
        assert_eq!((record.verdict, record.exit_code()), (MstVerdict::Broken, 1), "{work}");
    }
    fs::remove_dir_all(&dir).unwrap();
}
