//! What-if tables: paired differences, exit codes, one answer for any number of threads.

use std::process::{Command, Output};

use serde_json::Value;

use crate::mst::PLANT;

/// The command without what a job array that runs these tests may have put into the environment.
pub(crate) fn floodgate(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_floodgate"));
    command.args(arguments).env("NO_COLOR", "1");
    for (name, ..) in floodgate_scenarios::experiment::sweep::ENVIRONMENT {
        command.env_remove(name);
    }
    command
}

pub(crate) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Standard output of a command that ends with `code`.
pub(crate) fn ends(code: i32, arguments: &[&str]) -> String {
    let output: Output = floodgate(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout).to_owned()
}

/// The plant with one place, exponential calls of 10 ms and 60 documents a second, as a file.
pub(crate) fn plant() -> String {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("sweep");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("plant.toml");
    let whole = folder.join(format!("plant-{:?}.toml", std::thread::current().id()));
    std::fs::write(&whole, PLANT).unwrap();
    std::fs::rename(&whole, &path).unwrap();
    path.display().to_string()
}

fn swept(code: i32, arguments: &[&str]) -> Value {
    let plant = plant();
    let all = [&["sweep", &plant, "--json"], arguments].concat();
    serde_json::from_str(&ends(code, &all)).unwrap()
}

fn ends_of(interval: &Value) -> [f64; 2] {
    [interval[0].as_f64().unwrap(), interval[1].as_f64().unwrap()]
}

const WIRE: &str =
    "send_port.Out.primary.wire={ exponential = '10 ms' },{ exponential = '9.9 ms' }";

#[test]
fn pairs_see_a_difference_that_lies_deep_in_the_noise() {
    let table = swept(0, &["--vary", WIRE, "--seeds", "6"]);
    let [base, row] = [&table["rows"][0], &table["rows"][1]];
    // M/M/1 with rho = 0.6 against 0.594: 10 / 0.4 = 25 ms against 9.9 / 0.406 = 24.38 ms,
    // which is 2.5 % less. Each setting by itself is known to a few per cent only.
    let [low, high] = ends_of(&row["difference_interval"]);
    let found = row["difference"].as_f64().unwrap();
    assert!((low..=high).contains(&found) && (-0.032..-0.019).contains(&found), "{row:#}");
    assert_eq!(row["distinguishable"], true);
    let apart = ends_of(&base["interval"]);
    let share = (apart[1] - apart[0]) / base["estimate"].as_f64().unwrap();
    assert!(high - low < share / 5.0, "paired {low} to {high}, apart {share}");
    assert!(ends_of(&row["interval"])[1] > apart[0], "apart, the intervals overlap");
    assert_eq!(table["metric"], "latency_mean");
    assert_eq!(row["limit"]["resource"], "Out.primary (partner)");
    assert_eq!(row["settings"]["send_port.Out.primary.wire"], "{ exponential = '9.9 ms' }");
}

#[test]
fn a_setting_that_changes_nothing_is_not_distinguishable() {
    let table = swept(0, &["--vary", "host.H.in_process=100000,200000", "--seeds", "3"]);
    let row = &table["rows"][1];
    assert_eq!(row["difference"], 0.0, "the same draws give the same run");
    assert_eq!(row["distinguishable"], false);
    for metric in row["metrics"].as_array().unwrap() {
        assert_eq!(metric["distinguishable"], false, "{metric:#}");
    }
    let first = &table["rows"][0];
    assert_eq!((&first["difference"], &first["distinguishable"]), (&Value::Null, &false.into()));
    let values = first["metrics"][0]["values"].as_array().unwrap();
    assert!(values[0] != values[1] && values[1] != values[2], "three seeds, three runs");
}

#[test]
fn a_replication_is_the_run_of_its_seed() {
    let table = swept(0, &["--vary", "host.H.threads=50,40", "--seeds", "2", "--seed", "11"]);
    let plant = plant();
    let run = ends(0, &["run", &plant, "--json", "--seed", "12", "--set", "host.H.threads=40"]);
    let run: Value = serde_json::from_str(&run).unwrap();
    let metric = &table["rows"][1]["metrics"][0];
    assert_eq!(metric["values"][1], run["latency_seconds"]["mean"]);
}

#[test]
fn all_combinations_are_rows_and_the_last_key_changes_fastest() {
    let vary = ["--vary", "host.H.threads=50,40", "--vary", "load.0.measure=5 s,6 s"];
    let table = swept(0, &[&vary[..], &["--seeds", "2"]].concat());
    let rows = table["rows"].as_array().unwrap().iter();
    let settings = rows.map(|row| {
        let of = |key: &str| row["settings"][key].as_str().unwrap().to_owned();
        (of("host.H.threads"), of("load.0.measure"))
    });
    let settings: Vec<(String, String)> = settings.collect();
    let expected = [("50", "5 s"), ("50", "6 s"), ("40", "5 s"), ("40", "6 s")];
    assert_eq!(settings, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let plant = plant();
    let with = |threads| {
        ends(0, &["sweep", &plant, "--vary", WIRE, "--seeds", "4", "--json", "--threads", threads])
    };
    let one = with("1");
    assert_eq!(with("2"), one);
    assert_eq!(with("7"), one);
}

#[test]
fn searches_are_compared_seed_by_seed() {
    let wires = "send_port.Out.primary.wire={ exponential = '10 ms' },{ exponential = '5 ms' },{ exponential = '9.99 ms' }";
    let table = swept(
        0,
        &[
            "--mst",
            "--precision",
            "0.2",
            "--seeds",
            "2",
            "--vary",
            wires,
            "--set",
            "load.0.warm_up=1 s",
        ],
    );
    let [first, twice, same] = [0, 1, 2].map(|at| &table["rows"][at]);
    let [low, high] = ends_of(&first["interval"]);
    assert!((low..=high).contains(&100.0), "{first:#}");
    // Twice as fast carries twice as much. A thousandth faster is lost in intervals 20 % wide, and
    // not where both searches measure with the same draws.
    assert!((0.7..1.3).contains(&twice["difference"].as_f64().unwrap()), "{twice:#}");
    let [low, high] = ends_of(&same["difference_interval"]);
    assert!((low..=high).contains(&0.001_001) && high - low < 0.02, "{same:#}");
    assert_eq!(table["metric"], "mst");
}

#[test]
fn the_worst_verdict_is_the_exit_code() {
    let vary = ["--vary", "host.H.threads=50,40", "--seeds", "2"];
    let table = swept(1, &[&vary[..], &["--set", "expect.processed={ exactly = 1 }"]].concat());
    assert_eq!(table["rows"][1]["verdict"], "fail");
    assert_eq!(table["rows"][1]["failed"][0], "expect.processed fail with seed 7, 8");
    let table = swept(3, &[&vary[..], &["--mst", "--max-seconds", "0.5"]].concat());
    assert_eq!(table["rows"][0]["failed"][0], "mst undecided with seed 7, 8");
    assert_eq!(
        (&table["rows"][1]["estimate"], &table["rows"][1]["difference"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn a_folder_keeps_what_was_printed() {
    let (plant, folder) = (plant(), format!("{}/sweep/kept", env!("CARGO_TARGET_TMPDIR")));
    let vary = ["--vary", "host.H.threads=50,40", "--seeds", "2"];
    let all = [&["sweep", &plant, "--json", "--out", &folder], &vary[..]].concat();
    let printed = ends(0, &all);
    assert_eq!(std::fs::read_to_string(format!("{folder}/record.json")).unwrap(), printed);
    let table = ends(0, &[&["sweep", &plant], &vary[..]].concat());
    assert!(
        table.contains("not distinguishable") && table.contains("Out.primary (partner)"),
        "{table}"
    );
}

#[test]
fn mistakes_name_what_was_found_and_what_is_allowed() {
    let plant = plant();
    for (arguments, found, allowed) in [
        (&[][..], "nothing is varied", "--vary KEY=A,B"),
        (&["--vary", "host.H.pol=1s"], "--vary host.H.pol:1:8: unknown key 'pol'", "poll"),
        (&["--vary", "host.H.poll=1s,soon"], "'soon'", "like \"500 ms\""),
        (&["--vary", "host.H.poll="], "no value for 'host.H.poll'", "KEY=A,B"),
        (&["--vary", "host.H.poll"], "no '='", "KEY=A,B"),
        (&["--vary", "host.H.poll=1s,,2s"], "value 2 of 'host.H.poll' is empty", "KEY=A,B"),
        (&["--vary", "host.H.poll=1s,1s"], "the value '1s' twice", "each value once"),
        (&["--vary", "seed=1,2"], "the seed cannot be varied", "--seeds N"),
        (
            &["--vary", "host.H.poll=1s,2s", "--vary", "host.H.poll=3s"],
            "'host.H.poll' is varied twice",
            "one --vary",
        ),
        (&["--vary", "host.H.poll=1s,2s", "--seeds", "1"], "'--seeds': found 1", "at least 2"),
        (&["--vary", "host.H.poll=1s,2s", "--seeds", "50001"], "100002 runs", "at most 100000"),
        (&["--vary", "host.H.poll=1s", "--threads", "0"], "'0'", "1..=1024"),
        (
            &[
                "--mst",
                "--vary",
                "host.H.poll=1s,2s",
                "--set",
                "load.0.rate={ users = { count = 10, think = '500 ms' } }",
            ],
            "no rate that could be raised",
            "poisson",
        ),
    ] {
        let output = floodgate(&[&["sweep", &plant], arguments].concat()).output().unwrap();
        let said = text(&output.stderr);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), ""), "{arguments:?}");
        let squeezed = said.replace("─[", "").replace("]\n", ": ");
        let place = found.split(": ").all(|part| squeezed.contains(part));
        assert!(place && said.contains(allowed), "{arguments:?}: {said}");
    }
}

#[test]
fn where_nothing_has_a_variance_there_is_no_interval() {
    let tail = "send_port.0.primary.wire={ pareto = { mean = '10 ms', shape = 1.5 } }";
    let vary = ["--vary", "host.H.threads=50,40", "--set", tail, "--seeds", "3"];
    let plant = plant();
    let said = ends(3, &[&["sweep", &plant][..], &vary].concat());
    assert!(said.contains("Without an interval") && !said.contains("distinguishable"), "{said}");
}

#[test]
fn how_many_times_a_scenario_is_carried_is_compared() {
    let load = "load=[{ to = 'In', rate = { constant = 50 }, measure = '10 s' }]";
    let wire = "send_port.Out.primary.wire=10 ms";
    let table = swept(
        0,
        &["--mst", "--as-written", "--precision", "0.02", "--seeds", "2", "--set", load, "--set"]
            .into_iter()
            .chain([wire, "--vary", "drain=5 s,10 s"])
            .collect::<Vec<_>>(),
    );
    // 10 s and 5 s, or 10 s, for 5 s of work.
    let of = |row: usize| table["rows"][row]["estimate"].as_f64().unwrap();
    assert_eq!(table["metric"], "scale");
    assert!((of(0) - 3.0).abs() < 0.06 && (of(1) - 4.0).abs() < 0.08, "{} {}", of(0), of(1));
}
