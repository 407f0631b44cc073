//! Tracking: each key is seen to do what it says, and the published sizes come out.

use std::path::Path;

use floodgate_reports::{Column, MstVerdict, Verdict};
use floodgate_scenarios::catalogue::CATALOGUE;
use floodgate_scenarios::experiment::mst::{Ask, search};
use floodgate_scenarios::experiment::run::{Run, run};
use floodgate_scenarios::plan::{Problem, Scenario};

use crate::bad_input::problems;

/// Messaging alone: a receive port and a send port, both tracked, and a database that keeps it.
const PLANT: &str = r#"about = "x"
sample = "1 min"
[[server]]
name = "bts1"
[[server]]
name = "sql1"
[[server]]
name = "dta1"
[[message_box]]
name = "MsgBox"
server = "sql1"
[[host]]
name = "Host"
on = ["bts1"]
tracking = true
[tracking]
server = "dta1"
[[receive_port]]
name = "In"
track = {}
[[receive_port.location]]
host = "Host"
adapter = { kind = "push", batch = 1 }
[[send_port]]
name = "Out"
host = "Host"
filter = 'BTS.ReceivePortName == "In"'
track = {}
[send_port.primary]
adapter = "file"
[[load]]
to = "In"
size = "5 KB"
rate = { constant = 1 }
measure = "30 min"
"#;

fn scenario(text: &str) -> Scenario {
    let parse = |text: &str| {
        Scenario::parse("t.toml", text.as_bytes(), Path::new(""), &[])
            .unwrap_or_else(|problems| panic!("{text}: {problems:?}"))
    };
    let scenario = parse(text);
    assert_eq!(parse(&scenario.expanded_toml()), scenario, "{text}");
    scenario
}

fn done(text: &str) -> Run {
    run("t", &scenario(text)).unwrap()
}

fn with(changes: &[(&str, &str)]) -> String {
    changes.iter().fold(PLANT.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    })
}

/// Bytes in the tracking database, and documents.
fn bytes(text: &str) -> (u64, u64) {
    let record = done(text).record;
    (record.tracking.unwrap().bytes, record.documents.received)
}

fn said(text: &str) -> Vec<String> {
    problems(text, &[]).iter().map(Problem::located).collect()
}

#[test]
fn the_table_holds_what_the_published_examples_say() {
    // R-GC-05. Published for 3.5 million messages, in MB; the page's own slip is not among them.
    let published = |text: &str, megabytes: f64| {
        let (bytes, documents) = bytes(text);
        assert_eq!((documents, bytes % documents), (1800, 0));
        let found = (bytes / documents * 3_500_000) as f64 / 1_048_576.0;
        assert!((found - megabytes).abs() < 0.5, "{found} against {megabytes}");
    };
    let property = "track = { properties = 1, property_size = '10 B' }";
    published(&with(&[("track = {}", property)]), 4486.0);
    let orchestration = |track: &str| {
        let step = format!(
            "[[orchestration]]\nname = 'Step'\nhost = 'Host'\nto = 'Out'\n{track}\n\
             filter = 'BTS.ReceivePortName == \"In\"'\n[[send_port]]"
        );
        let own = "filter = 'BTS.ReceivePortName == \"In\"'\ntrack";
        with(&[(own, "track"), ("[[send_port]]", &step), ("track = {}", track)])
    };
    published(&orchestration("track = {}"), 6108.0);
    published(&orchestration(property), 6729.0);
    let bodies = "track = { events = false, before = true, after = true }";
    published(&with(&[("track = {}", bodies)]), 68_359.375);
}

/// A catalogue entry with changes.
fn catalogue(name: &str, changes: &[(&str, &str)]) -> Run {
    let (_, text) = CATALOGUE.iter().find(|(known, _)| *known == name).unwrap();
    let text = changes.iter().fold((*text).to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    });
    done(&text)
}

#[test]
fn the_published_rate_is_sustained_and_a_tenth_more_is_not() {
    // R-GC-05, R-GC-02: the tracking study in a twenty-fourth of its time, with a memory to match.
    let run = |rate: &str| {
        let lots = "{ lots = { threads = 5, lot = 2, sleep = \"500 ms\", per = \"thread\" } }";
        catalogue(
            "tracking_study",
            &[
                ("keep        = \"24 h\"", "keep        = \"1 h\""),
                ("lasts = \"24 h\"", "lasts = \"1 h\""),
                ("10_000_000", "416_667"),
                (lots, rate),
            ],
        )
    };
    let verdict = |run: &Run, name: &str| {
        let found = run.record.verdicts.iter().find(|row| row.name == name);
        found.map(|row| (row.verdict, row.detail.clone())).unwrap()
    };
    let fits = run("{ lots = { threads = 5, lot = 2, sleep = \"500 ms\", per = \"thread\" } }");
    for row in &fits.record.verdicts {
        assert_eq!(row.verdict, Verdict::Pass, "{} {}", row.name, row.detail);
    }
    assert!(fits.record.published.iter().all(|row| row.simulated.is_some()));
    let more = run("{ constant = 22 }");
    let (tracking, detail) = verdict(&more, "expect.tracking");
    assert_eq!(tracking, Verdict::Fail, "{detail}");
    // It is the disk of the tracking database, and nothing else: documents go through.
    assert_eq!(verdict(&more, "expect.sustainable").0, Verdict::Pass);
    let untracked = "events = false, properties = 10 }";
    let bare = catalogue(
        "tracking_study",
        &[
            ("before = true, properties = 10 }", untracked),
            ("{ properties = 10 }", &format!("{{ {untracked}")),
            ("after = true, properties = 10 }", untracked),
            ("lasts = \"24 h\"", "lasts = \"10 min\""),
            ("threads = 5, lot = 2,", "threads = 5, lot = 15,"),
        ],
    );
    assert_eq!(verdict(&bare, "expect.sustainable").0, Verdict::Pass, "150 a second untracked");
}

#[test]
fn events_of_an_orchestration_take_what_is_published() {
    // R-GC-05: 3 x 150 + 6 x 230 bytes a message.
    let run = catalogue("tracking_events", &[("3_500_000", "35_000")]);
    assert_eq!(run.record.tracking.unwrap().bytes, 35_000 * 1830);
}

#[test]
fn where_nothing_is_tracked_there_is_nothing_to_tell() {
    let run = done(&with(&[("track = {}\n", ""), ("[tracking]\nserver = \"dta1\"\n", "")]));
    assert_eq!((&run.record.tracking, run.outcome.tracking), (&None, None));
    let counter = |run: &Run| run.samples.columns.iter().any(|own| own.name.contains("TDDS"));
    assert!(!counter(&run));
    assert!(counter(&done(PLANT)));
}

#[test]
fn without_a_host_that_moves_it_tracking_data_throttles_who_publishes() {
    // R-GC-05, R-THR-02: state 6 from `messages` times `tracking_factor` rows of tracking data on.
    let state = |moves: bool, factor: u32| {
        let limit = format!(
            "tracking = {moves}\n[host.throttling]\nmessages = 100\nspool_factor = 0\n\
             tracking_factor = {factor}\n"
        );
        let run = done(&with(&[("tracking = true\n", &limit)]));
        let name = "Message publishing throttling state";
        let at = run.samples.columns.iter().position(|own| own.name == name).unwrap();
        let states = run.samples.rows.iter().map(|row| row.values[at]);
        (states.fold(0.0, f64::max), run.record.tracking.unwrap().rows_max)
    };
    // 3,600 rows in all.
    let (throttled, rows) = state(false, 10);
    assert!((throttled - 6.0).abs() < 1e-9 && rows > 1000.0, "{throttled} {rows}");
    for (moves, factor) in [(true, 10), (false, 0), (false, 40)] {
        assert!(state(moves, factor).0.abs() < 1e-9, "{moves} {factor}");
    }
}

#[test]
fn each_knob_of_the_tracking_database_does_what_it_says() {
    // R-GC-02, R-GC-05.
    let own = |rest: &str, prices: &str| {
        let text = with(&[("server = \"dta1\"\n", &format!("server = \"dta1\"\n{rest}\n"))]);
        done(&format!("{text}[cost]\n{prices}\n"))
    };
    let tracking = |rest: &str, prices: &str| own(rest, prices).record.tracking.unwrap();
    let busy = |rest: &str, prices: &str, name: &str| {
        let record = own(rest, prices).record;
        let known = record.resources.iter().find(|known| known.name == name);
        known.unwrap().utilisation * 1800.0
    };
    let near = |found: f64, right: f64| {
        assert!((found - right).abs() < 0.005 * right, "{found} where {right} is right");
    };
    let disk = "tracking database data disk";
    // 1,800 documents are 3,600 rows of the MessageBox and 10,800 of the database.
    near(busy("", "track_data_row = '10 ms'", disk), 108.0);
    near(busy("", "track_sql_row = '10 ms'", "dta1 CPU"), 27.0);
    near(busy("", "track_work_row = '10 ms'", "bts1 CPU"), 9.0);
    assert!(busy("", "track_data_cold_row = '10 ms'", disk) < 1e-9);
    assert!(busy("cached_rows = 5_000", "track_data_cold_row = '10 ms'", disk) > 10.0);
    // A long way between two looks lets more wait; few threads and small batches let it wait
    // longer.
    assert!(tracking("look = '1 min'", "").rows_mean > 50.0);
    assert!(tracking("look = '1 s'", "").rows_mean < 3.0);
    let slow = "track_sql_row = '200 ms'";
    let quick = tracking("batch = 1\nthreads = 4", slow).rows_mean;
    assert!(tracking("batch = 1\nthreads = 1", slow).rows_mean > 10.0 + quick);
    // What is kept: the soft window, unless the hard one is shorter.
    assert_eq!(tracking("", "").deleted, 0);
    let kept = |purge: &str| {
        let run = own(&format!("keep = '10 min'\npurge = '{purge}'"), "");
        let is_size = |own: &Column| own.name.ends_with("Data File(s) Size (KB)");
        let at = run.samples.columns.iter().position(is_size).unwrap();
        let most = run.samples.rows.iter().map(|row| row.values[at]).fold(0.0, f64::max);
        // Two services and four events a document, one document a second.
        most * 1024.0 / f64::from(2 * 150 + 4 * 230) / 60.0
    };
    let (often, seldom) = (kept("1 min"), kept("5 min"));
    // A minute, or five, is a lot that is deleted as one.
    assert!((often - 10.0).abs() < 0.1 && (seldom - 14.0).abs() < 0.1, "{often} {seldom}");
    assert_eq!(tracking("keep = '10 min'", "").late_seconds, Some(0.0));
}

#[test]
fn messages_in_full_wait_for_the_job_that_copies_them() {
    // R-GC-02: two rows of the spool for half a period each, where they would be gone in seconds.
    let mean = |track: &str, copy: &str| {
        let copy = format!("server = \"dta1\"\ncopy = '{copy}'\n");
        let text = with(&[("track = {}", track), ("server = \"dta1\"\n", &copy)]);
        let text = text.replace("server = \"sql1\"\n", "server = \"sql1\"\ncleanup = '1 s'\n");
        done(&text).record.spool.mean
    };
    assert!(mean("track = {}", "1 min") < 3.0);
    let bodies = "track = { before = true, after = true }";
    let (often, seldom) = (mean(bodies, "1 min"), mean(bodies, "4 min"));
    assert!((often - 30.0).abs() < 3.0, "{often}");
    assert!((seldom - 120.0).abs() < 10.0, "{seldom}");
}

#[test]
fn tracking_keeps_up_or_does_not() {
    // R-GC-05, R-GC-02: six rows a second are written, and as many deleted after ten minutes.
    let verdict = |keep: &str, price: &str, expected: bool| {
        let own = format!("server = \"dta1\"\nkeep = '{keep}'\n");
        let text = with(&[("server = \"dta1\"\n", &own)]);
        let expect = format!("[expect]\ntracking = {expected}\n");
        let run = done(&format!("{text}{expect}[cost]\ntrack_data_row = '{price}'\n"));
        let verdicts = run.record.verdicts;
        let found = verdicts.iter().find(|row| row.name == "expect.tracking").unwrap();
        (found.verdict, found.detail.clone())
    };
    let (kept, detail) = verdict("10 min", "60 ms", true);
    assert_eq!(kept, Verdict::Pass, "{detail}");
    assert_eq!(verdict("10 min", "60 ms", false).0, Verdict::Fail);
    let (short, detail) = verdict("10 min", "110 ms", true);
    assert_eq!(short, Verdict::Fail, "{detail}");
    // Enough for the writing alone; nothing was old enough to be deleted.
    let (unknown, detail) = verdict("1 h", "110 ms", true);
    assert_eq!(unknown, Verdict::Unknown, "{detail}");
    let (falls, detail) = verdict("1 h", "300 ms", true);
    assert_eq!(falls, Verdict::Fail, "{detail}");
}

/// Tracking beside a partner that does four documents a second, one of them at a time.
fn priced(keep: &str, price: &str) -> Scenario {
    let own = format!("server = \"dta1\"\nkeep = '{keep}'\n");
    let partner = "adapter = \"file\"\nwire = '250 ms'\nlimit = 1\n";
    let text = with(&[("server = \"dta1\"\n", &own), ("adapter = \"file\"\n", partner)]);
    scenario(&format!("{text}[cost]\ntrack_data_row = '{price}'\n"))
}

const ASK: Ask =
    Ask { precision: 0.2, seconds_max: 20_000.0, recovery: 0.0, threads: 2, ..Ask::DEFAULT };

#[test]
fn a_search_finds_the_load_with_which_tracking_keeps_up() {
    // R-GC-05: six rows a document, written, and deleted two hours later: 12 x 60 ms of
    // the disk for each, 1.389 a second, where the partner could do four.
    let record = search("t", &priced("2 h", "60 ms"), ASK).unwrap();
    let [low, high] = record.interval.expect("found");
    assert!(low <= 1.389 && 1.389 <= high && high < 1.3 * low, "[{low}, {high}] {record:?}");
    assert_eq!(record.goal, "tracking keeps up");
    assert_eq!(record.verdict, MstVerdict::Sustainable, "{:?}", record.probes);
    let limit = record.limit.expect("it is named");
    assert_eq!(limit.resource, "tracking database data disk");
    assert!((record.capacity.expect("of the documents") / 4.0 - 1.0).abs() < 0.05);
    // With a hundredth of the price the partner stops the plant, and tracking is no matter.
    let record = search("t", &priced("10 min", "600 us"), ASK).unwrap();
    let [low, high] = record.interval.expect("found");
    assert!(low <= 4.0 && 4.0 <= high, "[{low}, {high}]");
    assert_eq!(record.goal, "backlog does not grow");
}

#[test]
fn a_search_says_what_it_needs_to_see_whether_tracking_keeps_up() {
    let said = |scenario: &Scenario| {
        let problems = search("t", scenario, ASK).unwrap_err();
        let told: Vec<String> = problems.problems().iter().map(|one| format!("{one:?}")).collect();
        told.concat()
    };
    // What is kept for a day has to be run for longer.
    let long = said(&priced("24 h", "60 ms"));
    assert!(long.contains("longer than a probe") && long.contains("raise --max-seconds"), "{long}");
    let mut never = priced("10 min", "60 ms");
    never.message_boxes[0].jobs = false;
    assert!(said(&never).contains("grows for ever"));
    // Tracking that costs nothing limits nothing, however long it is kept.
    assert!(search("t", &priced("24 h", "0 ms"), ASK).unwrap().interval.is_some());
}

#[test]
fn the_counters_tell_what_was_moved_and_how_long_copying_took() {
    // R-GC-02, R-GC-05.
    let bodies = "track = { before = true }";
    let text = with(&[("track = {}", bodies), ("size = \"5 KB\"", "size = \"1 KB\"")]);
    let run = done(&format!("{text}[cost]\ntrack_data_body = '50 ms'\n"));
    let at = |row: usize, name: &str| {
        let column = run.samples.columns.iter().position(|own| own.name == name).unwrap();
        run.samples.rows[row].values[column]
    };
    let last = |name: &str| at(run.samples.rows.len() - 1, name);
    let committed = |what: &str| last(&format!(r"\BizTalk:TDDS(Host)\{what} committed"));
    // A service and two events are one record of three.
    let records = committed("Records");
    assert!((records - 3600.0).abs() < 0.5, "{records}");
    assert!((committed("Events") - 3.0 * records).abs() < 0.5);
    assert!(committed("Batches") > 100.0 && committed("Batches") <= records);
    // 120 messages a minute, and 50 ms each.
    let general = r"\BizTalk:Message Box:General Counters(MsgBox:sql1)";
    let copy = at(20, &format!(r"{general}\Tracked Msgs Copy(Purge Jobs)"));
    assert!((copy - 6.0).abs() < 0.5, "{copy}");
}

#[test]
fn tracking_without_a_database_is_refused_and_one_without_a_mover_is_warned_of() {
    let refused = |text: &str, end: &str| {
        let said = said(text);
        assert!(said.iter().any(|said| said.ends_with(end)), "{said:?}");
    };
    let lost = with(&[("[tracking]\nserver = \"dta1\"\n", "")]);
    refused(&lost, "there is no tracking database");
    refused(&with(&[("server = \"dta1\"", "server = \"dta2\"")]), "no server is called 'dta2'");
    let short = "server = \"dta1\"\nkeep_at_most = '1 h'";
    refused(&with(&[("server = \"dta1\"", short)]), "longer than 'keep_at_most'");
    let unmoved = scenario(&with(&[("tracking = true\n", "")]));
    assert!(unmoved.warnings[0].located().contains("no host moves tracking data"));
    let unused = scenario(&with(&[("track = {}\n", "")]));
    assert!(unused.warnings[0].located().ends_with("nothing is tracked"));
}
