//! Loads as scenarios say them: what cannot be offered is refused, what is recorded arrives as it
//! was, and phases are in every output.

use std::path::{Path, PathBuf};

use floodgate_reports::{Record, Verdict, run_html, run_summary};
use floodgate_scenarios::catalogue::Source;
use floodgate_scenarios::experiment::mst::{Ask, search};
use floodgate_scenarios::experiment::run::{Run, run};
use floodgate_scenarios::experiment::scale::{common_period, offered_rate, scaled, searchable};
use floodgate_scenarios::plan::{Problem, Scenario};
use floodgate_scenarios::setup::setup;
use floodgate_sim::load::ArrivalKind;
use floodgate_sim::setup::LoadSettings;

use crate::bad_input::{GOOD, problems};

const BRIEFLY: Ask =
    Ask { precision: 0.1, seconds_max: 100.0, recovery: 60.0, threads: 1, ..Ask::DEFAULT };

/// `GOOD` with another rate and these lines after it.
fn with(rate: &str, more: &str) -> String {
    let loaded = GOOD.replace("rate = { constant = 1 }\ncount = 1", &format!("rate = {rate}"));
    assert_ne!(loaded, GOOD);
    format!("{loaded}{more}\n")
}

fn scenario(rate: &str, more: &str) -> Scenario {
    let text = with(rate, more);
    Scenario::parse("t.toml", text.as_bytes(), Path::new(""), &[])
        .unwrap_or_else(|problems| panic!("{rate}: {problems:?}"))
}

fn said(rate: &str, more: &str) -> Vec<String> {
    problems(&with(rate, more), &[]).iter().map(|p| p.message().to_owned()).collect()
}

/// What is said of each load: its rate, what follows it, and a part of the message.
fn all_said(cases: &[(&str, &str, &str)]) {
    for (rate, more, expected) in cases {
        let found = said(rate, more);
        assert!(found.iter().any(|found| found.contains(expected)), "{rate} {more}: {found:?}");
    }
}

#[test]
fn rates_that_cannot_be_offered_say_why() {
    let measured = "measure = \"1 h\"";
    let few = said("{ constant = 1_000_000_000 }", "measure = \"1 h\"\ncount = 9");
    assert!(few.is_empty(), "{few:?}");
    all_said(&[
        ("{ ramp = { from = 0, to = 0, lasts = \"1 h\" } }", measured, "never offers anything"),
        ("{ sine = { low = 0, high = 0 } }", measured, "never offers anything"),
        ("{ bell = { peak = 0 } }", measured, "never offers anything"),
        (
            "{ bell = { peak = 1, top = \"7 h\" } }",
            measured,
            "the times of the bell are not in order",
        ),
        (
            "{ bell = { peak = 1, to = \"25 h\" } }",
            measured,
            "the times of the bell are not in order",
        ),
        ("{ sine = { low = 2, high = 1 } }", measured, "'high' is less than 'low'"),
        (
            "{ sine = { low = 1, high = 2, every = \"1 ns\", top = \"0 s\" } }",
            measured,
            "so short a period",
        ),
        (
            "{ sine = { low = 1, high = 2, every = \"1 h\", top = \"2 h\" } }",
            measured,
            "'top' is after the end",
        ),
        (
            "{ lots = { threads = 1, lot = 1, sleep = \"1 s\", large = { over = \"1 B\", \
             send = \"0 s\" } } }",
            measured,
            "'send': expected a duration longer than zero",
        ),
        ("{ bell = { peak = 1 } }", "", "this load never ends"),
        ("{ constant = 1_000_000_000 }", measured, "no run gets through more"),
        ("{ poisson = 2_000_000 }", measured, "is of 7200 million messages"),
        ("{ users = { count = 3 } }", "", "this load never ends"),
        (
            "{ users = { count = 3, step = { add = 1, every = \"1 s\", most = 2 } } }",
            measured,
            "'most' is less than those who are there from the start",
        ),
        (
            "{ users = { count = 3 }, spacing = \"poisson\" }",
            measured,
            "'spacing' says nothing here",
        ),
    ]);
}

#[test]
fn contents_senders_and_phases_that_cannot_be_say_why() {
    let measured = "measure = \"1 h\"";
    all_said(&[
        (
            "{ constant = 1 }",
            "count = 1\nmix = [{ weight = 0 }, { weight = 0 }]",
            "no kind of this mix has a weight: none could be drawn",
        ),
        (
            "{ constant = 1 }",
            "count = 1\nbody = \"<a/>\"\nmix = [{ weight = 1 }]",
            "'body' is one interchange, and a mix has several kinds",
        ),
        (
            "{ constant = 1 }",
            "count = 1\nmix = [{ weight = 1, size = \"3 GB\", documents = 2 }]",
            "an interchange of 2 documents of 3 GB is too large: at most 4294967295 B",
        ),
        (
            "{ constant = 1 }",
            "count = 1\nsize = { uniform = { low = \"2 KB\", high = \"1 KB\" } }",
            "'high' is less than 'low'",
        ),
        (
            "{ constant = 1 }",
            "count = 1\nsize = { pareto = { mean = \"2 KB\", shape = 1.5 } }",
            "the size of 'In.0' has no variance",
        ),
        (
            "{ lots = { threads = 1, lot = 1, sleep = \"1 s\", controller = { monitor = \"cpu\", \
             low = 1, high = 2 } } }",
            measured,
            "a controller may take the whole pause away, and sending takes no time",
        ),
        (
            "{ lots = { threads = 1, lot = 1, sleep = \"1 s\", send = \"1 ms\", controller = \
             { monitor = \"files\", low = 1, high = 2, server = \"bts1\" } } }",
            measured,
            "'server' says nothing here",
        ),
        (
            "{ lots = { threads = 1, lot = 1, sleep = \"1 s\", send = \"1 ms\", controller = \
             { monitor = \"cpu\", low = 1, high = 2, server = \"bts9\" } } }",
            measured,
            "no server is called 'bts9'",
        ),
        (
            "{ lots = { threads = 1, lot = 100, sleep = \"1 s\", creator = { takes = \"20 ms\" } } }",
            measured,
            "the creator makes 50.0 interchanges a second at most, the lots ask for 100.0",
        ),
        (
            "{ lots = { threads = 1, lot = 1, sleep = \"1 s\", large = { over = \"1 KB\", \
             send = \"1 s\" } } }",
            "measure = \"1 h\"\nsize = { exponential = \"1 KB\" }",
            "which interchanges are large depends on sizes that differ",
        ),
    ]);
}

#[test]
fn phases_that_cannot_be_say_why() {
    all_said(&[
        (
            "{ constant = 1 }",
            "measure = \"1 h\"\n[[phase]]\nkind = \"hold\"\nlasts = \"1 h\"",
            "'measure' is what the phases say",
        ),
        (
            "{ constant = 1 }",
            "[[phase]]\nkind = \"drain\"\nlasts = \"1 h\"",
            "no phase has a load: the clocks of the loads never run",
        ),
        (
            "{ constant = 1 }",
            "[[phase]]\nkind = \"drain\"\nlasts = \"1 h\"\npace = 1",
            "a drain has no load",
        ),
    ]);
}

#[test]
fn every_new_form_is_written_out_and_read_again() {
    let measured = "measure = \"1 h\"";
    for (rate, more) in [
        ("{ ramp = { from = 1, to = 5, lasts = \"1 h\" }, spacing = \"poisson\" }", measured),
        ("{ sine = { low = 1, high = 2 } }", measured),
        ("{ bell = { peak = 80 } }", measured),
        (
            "{ users = { count = 3, think = { pareto = { mean = \"1 s\", shape = 2.5 } }, \
             step = { add = 1, every = \"1 s\", most = 9 } } }",
            measured,
        ),
        (
            "{ lots = { threads = 1, lot = 1, sleep = \"1 s\", send = \"1 ms\", large = \
             { over = \"1 KB\", send = \"1 s\" }, creator = { takes = \"1 ms\", threads = 3 }, \
             controller = { monitor = \"cpu\", low = 1, high = 2, server = \"bts1\" } } }",
            measured,
        ),
        ("{ constant = 1 }", "[[phase]]\nkind = \"flood\"\nlasts = \"1 h\"\npace = 1.5"),
        (
            "{ constant = 1 }",
            "count = 3\nmix = [{ weight = 1 }, { weight = 2, size = { lognormal = \
             { mean = \"1 KB\", scv = 4 } }, document_type = \"B\", documents = 7 }]",
        ),
    ] {
        let first = scenario(rate, more);
        let text = first.expanded_toml();
        let again = Scenario::parse("t.toml", text.as_bytes(), Path::new(""), &[])
            .unwrap_or_else(|problems| panic!("{text}: {problems:?}"));
        assert_eq!(first, again, "{rate}");
    }
}

/// A folder of its own with a recording in it.
fn recording(name: &str, csv: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("loads-{name}"));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("recorded.csv"), csv).unwrap();
    folder
}

/// The type and the size that the recording of a load says of each message.
fn told(load: &LoadSettings) -> Vec<(Option<&str>, Option<u64>)> {
    let kind = |kind| load.variety.kinds[usize::try_from(kind).unwrap()].document_type.as_str();
    load.variety.recorded.iter().map(|row| (row.kind.map(kind), row.bytes)).collect()
}

#[test]
fn a_recording_says_when_how_large_and_what() {
    let csv = "seconds,size,type\n0.5,100,Order\n0.5,,Invoice\n2,300,Order\n3,400\n";
    let folder = recording("good", csv);
    let text = with("{ replay = \"recorded.csv\" }", "document_type = \"Own\"");
    let scenario = Scenario::parse("t.toml", text.as_bytes(), &folder, &[]).unwrap();
    let setup = setup(&scenario, 0).unwrap();
    let load = &setup.loads[0];
    let ArrivalKind::Replay(instants) = &load.arrivals else { panic!("{:?}", load.arrivals) };
    let seconds: Vec<f64> = instants.iter().map(|at| at.as_secs_f64()).collect();
    assert_eq!(seconds, [0.5, 0.5, 2.0, 3.0]);
    let expected = [
        (Some("Order"), Some(100)),
        (Some("Invoice"), None),
        (Some("Order"), Some(300)),
        // Drawn from the kinds of the load, as it is not said.
        (None, Some(400)),
    ];
    assert_eq!(told(load), expected);
    assert_eq!(run("t", &scenario).unwrap().outcome.meters.received, 4);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_wrong_recording_names_its_file_its_line_what_was_found_and_what_is_allowed() {
    for (name, csv, expected) in [
        ("empty", "seconds\n", "'recorded.csv' has no message to replay"),
        (
            "order",
            "2\n1.5\n",
            "recorded.csv: line 2: seconds must not go back: allowed from 2, found '1.5'",
        ),
        (
            "size",
            "1,5\n2,x\n",
            "recorded.csv: line 2: size must be a whole number of bytes up to 4 GB, found 'x'",
        ),
    ] {
        let folder = recording(name, csv);
        let text = with("{ replay = \"recorded.csv\" }", "");
        let scenario = Scenario::parse("t.toml", text.as_bytes(), &folder, &[]).unwrap();
        let problems = run("t", &scenario).unwrap_err();
        let message = problems.problems()[0].message();
        assert!(message.ends_with(expected), "{message}");
        std::fs::remove_dir_all(folder).unwrap();
    }
}

const PHASES: &str = r#"
[[phase]]
kind  = "prime"
lasts = "10 s"
pace  = 0.1
[[phase]]
kind  = "warm_up"
lasts = "20 s"
[[phase]]
kind  = "hold"
name  = "usual"
lasts = "30 s"
[[phase]]
kind  = "flood"
lasts = "10 s"
pace  = 5
[[phase]]
kind  = "hold"
name  = "after"
lasts = "30 s"
pace  = 0.5
[[phase]]
kind  = "drain"
lasts = "1 min"
"#;

fn phased() -> (Scenario, Run) {
    // A slow partner: when the loads are over, something is left to drain.
    let text = with("{ constant = 10 }", PHASES)
        .replace("[send_port.primary]\n", "[send_port.primary]\nwire = \"200 ms\"\n");
    let scenario = Scenario::parse("t.toml", text.as_bytes(), Path::new(""), &[]).unwrap();
    let run = run("phases", &scenario).unwrap();
    (scenario, run)
}

#[test]
fn phases_offer_what_they_say_and_the_window_is_what_they_measure() {
    let (_, run) = phased();
    let offered: Vec<(String, u64)> =
        run.record.phases.iter().map(|phase| (phase.name.clone(), phase.offered)).collect();
    let expected = [
        ("prime", 10),
        ("warm_up", 200),
        ("usual", 300),
        ("flood", 500),
        ("after", 150),
        ("drain", 0),
    ];
    assert_eq!(offered.len(), expected.len(), "{offered:?}");
    for ((name, offered), expected) in offered.iter().zip(expected) {
        // A message at the very edge belongs to either side.
        assert!(name == expected.0 && offered.abs_diff(expected.1) <= 1, "{name}: {offered}");
    }
    let window = &run.record.window;
    assert!((window.from_seconds - 30.0).abs() < 1e-9 && (window.to_seconds - 100.0).abs() < 1e-9);
    let offered_in_window = run.outcome.meters.offered_in_window;
    assert!(offered_in_window.abs_diff(950) <= 1, "{offered_in_window}");
    let total: u64 = run.record.phases.iter().map(|phase| phase.processed).sum();
    assert_eq!(total, run.record.documents.processed);
    assert_eq!(run.record.phases.last().unwrap().backlog, 0);
}

#[test]
fn phases_are_marked_in_every_output() {
    let (_, run) = phased();
    let json: Record = serde_json::from_str(&serde_json::to_string(&run.record).unwrap()).unwrap();
    assert_eq!(json.phases, run.record.phases);
    let terminal = run_summary(&run.record, &run.samples);
    let page = run_html(&run.record, &run.samples, run.outcome.latency()).unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("phases");
    floodgate_reports::write_run(&folder, &run.record, &run.samples, run.outcome.latency())
        .unwrap();
    let csv = std::fs::read_to_string(folder.join("samples.csv")).unwrap();
    std::fs::remove_dir_all(folder).unwrap();
    for phase in ["prime", "warm_up", "usual", "flood", "after", "drain"] {
        assert!(terminal.contains(&format!("\n {phase} ")), "{phase} in\n{terminal}");
        assert!(page.contains(&format!("<td>{phase}</td>")), "{phase} in the page");
        let samples = csv.lines().filter(|line| line.split(',').nth(1) == Some(phase)).count();
        let lasts = run.record.phases.iter().find(|own| own.name == phase).unwrap();
        let seconds = (lasts.to_seconds - lasts.from_seconds) as usize;
        // The last sample is taken when the jobs have had their turn too.
        let right = samples.abs_diff(seconds) <= 1 || (phase == "drain" && samples > seconds);
        assert!(right, "{phase}: {samples} of {seconds} samples");
    }
}

#[test]
fn samples_further_apart_than_was_asked_are_said_to_be() {
    let mut scenario = scenario("{ poisson = 2 }", "measure = \"30 s\"");
    scenario.drain = floodgate_engine::time::Duration::ZERO;
    for (milliseconds, said) in [(1, true), (2, false)] {
        scenario.sample = floodgate_engine::time::Duration::from_millis(milliseconds);
        let run = run("x", &scenario).unwrap();
        let terminal = run_summary(&run.record, &run.samples);
        let page = run_html(&run.record, &run.samples, run.outcome.latency()).unwrap();
        let told = "A sample each 2.00 ms: one each 1.00 ms, as asked, would be over 20,000.";
        assert_eq!([terminal.contains(told), page.contains(told)], [said; 2], "{terminal}");
    }
}

#[test]
fn phases_that_change_nothing_move_no_event() {
    let plain = scenario("{ poisson = 20 }", "warm_up = \"10 s\"\nmeasure = \"30 s\"");
    let phases = "[[phase]]\nkind = \"warm_up\"\nlasts = \"10 s\"\n[[phase]]\nkind = \"hold\"\n\
                  lasts = \"30 s\"";
    let phased = scenario("{ poisson = 20 }", phases);
    let (plain, phased) = (run("a", &plain).unwrap(), run("b", &phased).unwrap());
    assert_eq!(plain.record.digest, phased.record.digest);
    assert_eq!(plain.record.window, phased.record.window);
}

fn refused(rate: &str, more: &str) -> String {
    let scenario = scenario(rate, more);
    search("t", &scenario, BRIEFLY).unwrap_err().problems()[0].message().to_owned()
}

#[test]
fn a_search_refuses_what_it_cannot_answer_and_says_why() {
    let measured = "measure = \"1 min\"";
    let slow = "send_port.0.primary.wire";
    for (rate, more, expected) in [
        ("{ users = { count = 3 } }", measured, "its users wait for the system"),
        (
            "{ lots = { threads = 1, lot = 1, sleep = \"1 s\", send = \"1 ms\", controller = \
             { monitor = \"files\", low = 1, high = 2 } } }",
            measured,
            "its controller chooses it",
        ),
        (
            "{ constant = 1 }",
            "measure = \"1 min\"\nsize = { pareto = { mean = \"1 KB\", shape = 1.9 } }",
            "has no variance",
        ),
    ] {
        let message = refused(rate, more);
        assert!(message.contains(expected), "{rate}: {message}");
    }
    let text = with("{ constant = 1 }", measured);
    let tail = [format!("{slow}={{ pareto = {{ mean = \"1 ms\", shape = 1.5 }} }}")];
    let scenario = Scenario::parse("t.toml", text.as_bytes(), Path::new(""), &tail).unwrap();
    let warned: Vec<&str> = scenario.warnings.iter().map(Problem::message).collect();
    assert!(warned.iter().any(|warned| warned.contains("no variance")), "{warned:?}");
    let message = search("t", &scenario, BRIEFLY).unwrap_err().problems()[0].message().to_owned();
    assert!(message.contains("'Out.primary'") && message.contains("no variance"), "{message}");
}

#[test]
fn a_refused_search_says_what_would_be_searched() {
    for (name, sets) in [
        ("scale_out_messaging_1_1", vec!["load.0.rate={ poisson = 1266.0 }"]),
        ("call_centre", vec!["load.0.rate={ poisson = 266.7 }"]),
    ] {
        let source = Source::find(name).unwrap();
        let refused =
            search(name, &source.read(&["goal=[]".to_owned()]).unwrap(), BRIEFLY).unwrap_err();
        let help = refused.problems()[0].advice().unwrap_or_default().to_owned();
        for set in &sets {
            assert!(help.contains(&format!("--set '{set}'")), "{name}: {help}");
        }
        let sets: Vec<String> = sets.into_iter().map(str::to_owned).collect();
        let scenario = source.read(&sets).unwrap();
        assert!(searchable(&scenario).is_ok() && offered_rate(&scenario).is_ok(), "{name}");
    }
}

#[test]
fn windows_hold_whole_periods_of_all_loads_or_none_is_chosen() {
    let lots =
        |sleep: &str| format!("{{ lots = {{ threads = 1, lot = 1, sleep = \"{sleep}\" }} }}");
    let two = |first: &str, second: &str| {
        let more = format!(
            "measure = \"1 min\"\n[[load]]\nto = \"In\"\nrate = {}\nmeasure = \"1 min\"",
            lots(second)
        );
        common_period(&scenario(&lots(first), &more))
    };
    let period = two("400 ms", "600 ms").unwrap();
    assert_eq!(period.at(1.0).to_string(), "1200 ms");
    // Faster lots repeat sooner, at any factor: rounded pauses are not asked again.
    assert_eq!(period.at(2.0).to_string(), "600 ms");
    assert_eq!(period.at(2.0_f64.sqrt()).as_nanos(), 848_528_137);
    let problems = two("400 ms", "600.000001 ms").unwrap_err();
    let message = problems.problems()[0].message();
    for part in ["'In.0'", "400 ms", "'In.1'", "no small common multiple"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    let sine = "measure = \"1 min\"\n[[load]]\nto = \"In\"\nmeasure = \"1 min\"\n\
                rate = { sine = { low = 1, high = 2, every = \"1 s\", top = \"0 s\" } }";
    let problems = common_period(&scenario(&lots("400 ms"), sine)).unwrap_err();
    let message = problems.problems()[0].message();
    assert!(message.contains("'In.0'") && message.contains("'In.1'"), "{message}");
}

#[test]
fn a_search_scales_two_loads_of_lots_to_any_rate() {
    let more = "measure = \"1 min\"\n[[load]]\nto = \"In\"\nmeasure = \"1 min\"\n\
                rate = { lots = { threads = 1, lot = 1, sleep = \"600 ms\" } }";
    let lots = "{ lots = { threads = 1, lot = 1, sleep = \"400 ms\" } }";
    // One message after another, 100 ms each.
    let text = with(lots, more).replacen("filter", "ordered = true\nfilter", 1).replacen(
        "[send_port.primary]",
        "[send_port.primary]\nwire = \"100 ms\"",
        1,
    );
    let scenario = Scenario::parse("t.toml", text.as_bytes(), Path::new(""), &[]).unwrap();
    let found = search(
        "two",
        &scenario,
        Ask { precision: 0.2, seconds_max: 6000.0, recovery: 60.0, threads: 1, ..Ask::DEFAULT },
    )
    .unwrap();
    assert!((found.mst.unwrap() / 10.0 - 1.0).abs() < 0.2, "{:?}", found.probes);
}

#[test]
fn a_load_that_is_scaled_offers_so_many_times_as_much() {
    let measured = "measure = \"1 min\"";
    for (rate, expected) in [
        ("{ bell = { peak = 48, low = 0 } }", 13.0),
        ("{ sine = { low = 10, high = 20 } }", 15.0),
        ("{ lots = { threads = 2, lot = 5, sleep = \"900 ms\", send = \"20 ms\" } }", 10.0),
        (
            "{ lots = { threads = 2, lot = 5, sleep = \"900 ms\", creator = { takes = \"1 s\" } } }",
            1.0,
        ),
    ] {
        let scenario = scenario(rate, measured);
        let (once, thrice) =
            (offered_rate(&scenario).unwrap(), offered_rate(&scaled(&scenario, 3.0)).unwrap());
        assert!((once / expected - 1.0).abs() < 1e-9, "{rate}: {once}");
        assert!((thrice / once - 3.0).abs() < 1e-6, "{rate}: {thrice}");
    }
}

#[test]
fn a_window_that_holds_the_beginning_of_a_run_is_said_to_have_not_settled() {
    // A partner of 100 a second and 50 that come: three thousand at the beginning go in a minute.
    let flood = "[[load]]\nto = 'In'\nrate = { all_at_once = true }\ncount = 3000\n";
    let judged = |changes: &[&str]| {
        let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
        let text = format!("{}{flood}", crate::mst::PLANT);
        let scenario = Scenario::parse("t.toml", text.as_bytes(), Path::new(""), &changes);
        let record = run("t", &scenario.expect("right")).unwrap().record;
        let row = record.verdicts.iter().find(|row| row.name == "expect.settled");
        row.map(|row| (row.verdict, row.detail.clone()))
    };
    let spans = |warm_up: &str, rate: &str, expected: &str| {
        let warm_up = format!("load.0.warm_up=\"{warm_up}\"");
        let rate = format!("load.0.rate={{ poisson = {rate} }}");
        let expected = format!("expect.settled={expected}");
        let all = [&warm_up, &rate, &expected, "load.0.measure=\"200 s\"", "sample=\"1 s\""];
        judged(&all).expect("it was asked")
    };
    let (verdict, detail) = spans("0 s", "50", "true");
    assert_eq!(verdict, Verdict::Fail, "{detail}");
    assert!(detail.contains("of 200 samples") || detail.contains("of 201 samples"), "{detail}");
    assert_eq!(spans("0 s", "50", "false").0, Verdict::Pass);
    assert_eq!(spans("90 s", "50", "true").0, Verdict::Pass);
    // What grows for ever settles nowhere, and a few samples say nothing.
    let (verdict, detail) = spans("90 s", "150", "true");
    assert!(verdict == Verdict::Fail && detail.contains("had not settled"), "{detail}");
    let few = judged(&["expect.settled=true", "sample=\"10 s\"", "load.0.measure=\"200 s\""]);
    assert_eq!(few.unwrap().0, Verdict::Unknown);
    assert_eq!(judged(&[]), None);
}
