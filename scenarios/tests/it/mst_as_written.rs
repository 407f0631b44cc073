//! How many times a scenario as it is written, on a plant whose answers are known: one place that
//! takes 10 ms for each document.

use std::fs;
use std::path::{Path, PathBuf};

use floodgate_reports::{MstRecord, MstVerdict, mst_html, mst_summary};
use floodgate_scenarios::experiment::mst::{Ask, Journal, search, search_on};
use floodgate_scenarios::plan::Scenario;

use crate::mst::PLANT;

const ASK: Ask = Ask { precision: 0.02, threads: 2, ..Ask::DEFAULT };
const STEADY: &str = "send_port.Out.primary.wire=10 ms";
/// 1,000 documents in 10 s, and 20 s more.
const FLOOD: [&str; 4] = [
    STEADY,
    "load=[{ to = 'In', rate = { constant = 100 } }]",
    "phase=[{ kind = 'flood', lasts = '10 s' }, { kind = 'drain', lasts = '20 s' }]",
    "sample=1 s",
];

fn plant(changes: &[&str]) -> Scenario {
    let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
    Scenario::parse("plant.toml", PLANT.as_bytes(), folder(), &changes).expect("it is right")
}

fn folder() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

fn searched(changes: &[&str]) -> MstRecord {
    search("plant", &plant(changes), ASK).expect("it can be searched")
}

/// A document more or less, and what is rounded.
#[track_caller]
fn assert_scale(record: &MstRecord, due: f64) {
    let [low, high] = record.scale_interval.unwrap_or_else(|| panic!("{:#?}", record.probes));
    assert_eq!(record.verdict, MstVerdict::Sustainable, "{:#?}", record.probes);
    assert!(low <= due * 1.004 && high >= due * 0.996, "{due} is not in {low} to {high}");
    assert!(high <= low * 1.0201, "{low} to {high}");
    assert_eq!(record.scale, Some(low));
}

#[test]
fn a_flood_is_carried_so_many_times_as_its_drain_has_time_for() {
    let record = searched(&FLOOD);
    // 30 s of work are there for 10 s and 20 s.
    assert_scale(&record, 3.0);
    let (mst, documents) = (record.mst.unwrap(), record.scale_documents.unwrap());
    assert!((mst / 300.0 - 1.0).abs() < 0.02 && (documents / 3000.0 - 1.0).abs() < 0.02);
    assert!((record.scale_seconds.unwrap() - 30.0).abs() < 0.1, "{:?}", record.scale_seconds);
    assert_eq!(record.goal, "nothing is left 20 s after the loads");
    assert_eq!(record.limit.as_ref().unwrap().resource, "Out.primary (partner)");
    let text = mst_summary(&record);
    for part in ["times this scenario", "documents by 30.0 s", "times at 95 % confidence"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("Capacity"), "{text}");
    assert!(mst_html(&record).unwrap().contains("times this scenario"));
}

#[test]
fn what_is_there_at_once_is_a_number_of_documents_by_an_hour() {
    let batch = "load=[{ to = 'In', rate = { all_at_once = true }, count = 500 }]";
    let record = searched(&[STEADY, batch, "drain=20 s"]);
    assert_scale(&record, 4.0);
    // It has all of the time: 2,000 documents in 20 s.
    assert!((record.mst.unwrap() - 100.0).abs() < 2.0, "{:?}", record.mst);
    assert_eq!(record.limit.unwrap().resource, "Out.primary (partner)");
}

#[test]
fn phases_of_every_kind_are_as_they_are_written() {
    let phases = "phase=[{ kind = 'prime', lasts = '5 s', pace = 0.1 }, \
                  { kind = 'warm_up', lasts = '5 s', pace = 0.5 }, \
                  { kind = 'hold', lasts = '10 s' }, \
                  { kind = 'flood', lasts = '10 s', pace = 3 }, \
                  { kind = 'drain', lasts = '10 s' }]";
    let load = "load=[{ to = 'In', rate = { constant = 50 } }]";
    // Nothing waits before the flood; 1,500 documents of it have 20 s.
    assert_scale(&searched(&[STEADY, load, phases]), 4.0 / 3.0);
}

#[test]
fn a_ramp_is_raised_at_both_ends_and_a_recording_comes_faster() {
    let ramp = "load=[{ to = 'In', measure = '10 s', \
                rate = { ramp = { from = 0, to = 200, lasts = '10 s' } } }]";
    // The place is full from 5 s / a on, when 250 / a are done: 10 a + 2.5 / a is 20 s.
    assert_scale(&searched(&[STEADY, ramp, "drain=10 s"]), 1.0 + 0.75_f64.sqrt());
    let rows: String = (0..1000).map(|row| format!("{:.2}\n", f64::from(row) * 0.02)).collect();
    fs::write(folder().join("as_written.csv"), rows).unwrap();
    let recorded = "load=[{ to = 'In', rate = { replay = 'as_written.csv' } }]";
    // 10 s of work, in a fourth of its 20 s and 5 s more.
    assert_scale(&searched(&[STEADY, recorded, "drain=5 s"]), 4.0);
}

#[test]
fn goals_and_expectations_that_follow_no_count_bind_too() {
    let goal = |late: &'static str| [&FLOOD[..], &[late]].concat();
    // Who comes last waits for 10 (a - 1) seconds.
    let none = searched(&goal("goal=[{ late = { over = '5 s', at_most = 0 } }]"));
    assert_scale(&none, 1.5);
    assert!(none.goal.starts_with("late: at most 0 "), "{}", none.goal);
    let tenth = searched(&goal("goal=[{ late = { over = '5 s', at_most = 0.1 } }]"));
    assert_scale(&tenth, 1.0 + 5.0 / 9.0);
    let expected = "expect={ latency_max = { at_most = '5 s' }, received = { exactly = 1000 } }";
    let slowest = searched(&goal(expected));
    assert_scale(&slowest, 1.5);
    assert_eq!(slowest.goal, "expect.latency_max");
}

#[test]
fn a_rate_that_could_go_on_is_taken_as_written_where_that_is_asked_for() {
    let steady = plant(&[
        STEADY,
        "load=[{ to = 'In', rate = { constant = 50 }, measure = '20 s' }]",
        "drain=10 s",
    ]);
    let record = search("plant", &steady, Ask { as_written: true, ..ASK }).unwrap();
    // 20 s and 10 s for 10 s of work.
    assert_scale(&record, 3.0);
    let rate = search("plant", &steady, Ask { steps_max: 100_000, ..ASK }).unwrap();
    assert!(rate.probes.iter().all(|probe| !probe.evidence.contains("times")), "{rate:?}");
}

#[test]
fn chance_widens_the_answer_and_neither_threads_nor_a_kill_change_it() {
    let chance = ["load=[{ to = 'In', rate = { poisson = 100 } }]", FLOOD[2]];
    let found = |threads: usize, journal: &Journal| {
        let ask = Ask { precision: 0.2, threads, ..ASK };
        let record = search_on("plant", &plant(&chance), ask, journal).unwrap();
        MstRecord { wall_seconds: 0.0, ..record }
    };
    let alone = found(1, &Journal::default());
    let [low, high] = alone.scale_interval.expect("found");
    assert!(low < 3.0 && high > 2.7 && high < low * 1.22, "{low} to {high}");
    assert!(alone.probes.iter().any(|probe| probe.seeds.len() > 2), "{:?}", alone.probes);
    assert_eq!(alone, found(3, &Journal::default()));
    let dir = folder().join("as_written");
    let _ = fs::remove_dir_all(&dir);
    let kept = |dir: &PathBuf| Journal::open(dir, &plant(&chance)).unwrap();
    assert_eq!(alone, found(2, &kept(&dir)));
    // Killed in the middle of a line.
    let path = dir.join("search.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, &text[..text.len() / 2]).unwrap();
    let journal = kept(&dir);
    assert_eq!(alone, found(2, &journal));
    journal.close().unwrap();
    let spent = Ask { steps_max: 200_000, ..ASK };
    let record = search("plant", &plant(&chance), spent).unwrap();
    assert_eq!((record.verdict, record.scale), (MstVerdict::Undecided, None));
    assert!(record.probes.last().unwrap().evidence.contains("0.2 million steps"));
    // What was found with so many is kept, and more of them go on from there.
    let _ = fs::remove_dir_all(&dir);
    let journal = kept(&dir);
    let spent = Ask { precision: 0.2, steps_max: 1_000_000, ..ASK };
    let record = search_on("plant", &plant(&chance), spent, &journal).unwrap();
    let why = &record.probes.last().unwrap().evidence;
    assert!(why.contains("raise --max-steps") && why.contains("met so far: "), "{why}");
    journal.close().unwrap();
    assert!(fs::read_to_string(&path).unwrap().lines().count() > 2);
    let journal = kept(&dir);
    assert_eq!(alone, found(2, &journal));
    journal.close().unwrap();
    assert!(!path.exists());
}

#[test]
fn what_is_carried_twice_and_not_one_and_a_half_times_has_no_single_answer() {
    let rows: String =
        (0..100).map(|row| format!("{:.2}\n", 8.0 + f64::from(row) * 0.04)).collect();
    fs::write(folder().join("around_noon.csv"), rows).unwrap();
    let recorded = "load=[{ to = 'In', rate = { replay = 'around_noon.csv' } }]";
    // Of 8 s to 12 s in so much less time: between 1.15 and 2.2 times some come while the partner
    // is down, and beyond 5.7 times the last waits for longer than 0.3 s.
    let down = "fault=[{ at = '5.5 s', kind = 'endpoint_down', endpoint = 'Out.primary', \
                lasts = '1.5 s' }]";
    let changes = [
        STEADY,
        recorded,
        "drain=20 s",
        down,
        "send_port.Out.primary.retry={ count = 0, interval = '1 min' }",
        "expect={ suspended = { exactly = 0 } }",
        "goal=[{ late = { over = '300 ms', at_most = 0 } }]",
    ];
    let record = searched(&changes);
    assert_eq!(record.verdict, MstVerdict::NonMonotone, "{:#?}", record.probes);
    let why = &record.probes.last().unwrap().evidence;
    assert!(why.contains("is missed and") && why.contains("no single answer"), "{why}");
    assert_eq!((record.exit_code(), record.confidence), (3, None));
    // Without the outage there is one.
    let calm: Vec<&str> = changes.into_iter().filter(|one| *one != down).collect();
    assert_scale(&searched(&calm), 5.66);
}

#[test]
fn a_run_may_last_no_longer_than_is_said() {
    let ask = |seconds| ASK.lasting(Some(seconds));
    let record = search("plant", &plant(&FLOOD), ask(15.0)).unwrap();
    assert_eq!((record.verdict, record.scale), (MstVerdict::Undecided, None));
    let why = &record.probes.last().unwrap().evidence;
    // What is done by then is carried: the 10 s of work of the scenario as it is written.
    for part in ["--max-seconds allows no more", "30 would do", "met so far: 1.0000 times"] {
        assert!(why.contains(part), "{part}: {why}");
    }
    assert!(record.documents_simulated > 1000);
    assert_scale(&search("plant", &plant(&FLOOD), ask(31.0)).unwrap(), 3.0);
}

#[test]
fn what_is_missed_for_sure_ends_a_run_and_runs_that_are_alike_are_not_repeated() {
    let down = "fault=[{ at = '0 s', kind = 'endpoint_down', endpoint = 'Out.primary', \
                lasts = '1 h' }]";
    let none = "expect={ suspended = { exactly = 0 } }";
    let refused = "send_port.Out.primary.retry={ count = 0, interval = '1 min' }";
    let record = searched(&[&FLOOD[..], &[down, none, refused]].concat());
    assert_eq!(record.verdict, MstVerdict::Unsustainable, "{:#?}", record.probes);
    assert_eq!(record.goal, "expect.suspended");
    // One run of each half as great a multiple, and two of the last.
    assert!(record.documents_simulated < 3000, "{}", record.documents_simulated);
    let calm = searched(&[&FLOOD[..], &[none]].concat());
    assert_scale(&calm, 3.0);
    assert!(calm.probes.iter().all(|probe| probe.seeds.len() <= 2), "{:#?}", calm.probes);
}

#[test]
fn what_no_multiple_meets_and_what_has_none_is_said() {
    let late = [&FLOOD[..], &["send_port.Out.primary.wire=1 h"]].concat();
    let record = searched(&late);
    assert_eq!((record.verdict, record.scale), (MstVerdict::Unsustainable, None));
    assert_eq!(record.goal, "nothing is left 20 s after the loads");
    let as_written = Ask { as_written: true, ..ASK };
    for (changes, said) in [
        (&["load.0.rate={ users = { count = 3 } }", "goal=[]"][..], "so that it cannot be"),
        (&["load.0.rate={ constant = 0 }"], "offer nothing"),
        (&["send_port.Out.primary.wire={ pareto = { mean = '1 ms', shape = 1.5 } }"], "variance"),
    ] {
        let refused = search("plant", &plant(changes), as_written).unwrap_err();
        let message = refused.problems()[0].message();
        assert!(message.contains(said), "{message}");
    }
}
