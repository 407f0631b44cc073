//! The run folder: what is written comes back, and an older result is never half replaced.

use std::fs;
use std::path::PathBuf;

use floodgate_reports::*;

use crate::fixture;

/// A folder of its own for each test, empty.
fn folder(name: &str) -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::remove_dir_all(&dir).ok();
    dir
}

fn written(name: &str) -> PathBuf {
    let dir = folder(name);
    let (record, samples) = (fixture::record(), fixture::samples(720));
    write_run(&dir, &record, &samples, &fixture::latencies()).expect("the folder is writable");
    dir
}

#[test]
fn a_run_comes_back_from_every_form_it_is_kept_in() {
    let dir = written("forms");
    for path in [dir.clone(), dir.join(RECORD), dir.join(REPORT)] {
        assert_eq!(read_record(&path).unwrap(), fixture::record(), "{}", path.display());
    }
    assert_eq!(read_latencies(&dir).unwrap(), fixture::latencies());
    let (kept, read) = (fixture::samples(720), read_samples(&dir).unwrap());
    assert_eq!((&kept.columns, &kept.phases), (&read.columns, &read.phases));
    // A missing value is not equal to itself, so rows are compared as text.
    assert_eq!(format!("{:?}", kept.rows), format!("{:?}", read.rows));
}

#[test]
fn a_page_drawn_again_from_its_folder_is_the_same() {
    let dir = written("again");
    let (record, samples) = (read_record(&dir).unwrap(), read_samples(&dir).unwrap());
    let page = run_html(&record, &samples, &read_latencies(&dir).unwrap()).unwrap();
    assert!(page == fs::read_to_string(dir.join(REPORT)).unwrap());
}

#[test]
fn equal_runs_leave_equal_bytes() {
    let (a, b) = (written("equal_a"), written("equal_b"));
    for name in [RECORD, SAMPLES, LATENCY, REPORT] {
        assert!(fs::read(a.join(name)).unwrap() == fs::read(b.join(name)).unwrap(), "{name}");
    }
}

#[test]
fn a_search_comes_back() {
    let dir = folder("search");
    write_mst(&dir, &fixture::mst()).unwrap();
    for path in [dir.clone(), dir.join(REPORT)] {
        assert_eq!(read_mst(&path).unwrap(), fixture::mst());
    }
    let error = read_record(&dir).unwrap_err();
    assert!(matches!(error, StoreError::Form { .. }), "a search is no run: {error}");
}

#[test]
fn the_json_has_the_names_of_the_contract() {
    let json = serde_json::to_value(fixture::record()).unwrap();
    for pointer in [
        "/scenario",
        "/scenario_hash",
        "/seed",
        "/digest",
        "/engine_version",
        "/virtual_seconds",
        "/wall_seconds",
        "/documents/received",
        "/documents/processed",
        "/documents/suspended",
        "/documents/unfinished",
        "/rate/offered",
        "/rate/received",
        "/rate/processed",
        "/latency_seconds/mean",
        "/latency_seconds/p999",
        "/latency_seconds/max",
        "/spool/mean",
        "/spool/max",
        "/spool/final",
        "/resources/0/name",
        "/resources/0/utilisation",
        "/resources/0/queue_mean",
        "/resources/0/wait_mean",
        "/verdicts/0/name",
        "/verdicts/0/verdict",
        "/verdicts/0/detail",
    ] {
        assert!(json.pointer(pointer).is_some(), "{pointer} is missing");
    }
    assert_eq!(json.pointer("/verdicts/4/verdict").unwrap(), "fail");
    assert!(json.pointer("/ports/1/latency_mean").unwrap().is_null());
}

#[test]
fn a_failed_write_leaves_the_older_result() {
    let dir = written("older");
    let before = fs::read(dir.join(RECORD)).unwrap();
    // A folder stands where the last of the files would be made.
    fs::create_dir(dir.join(format!(".{RECORD}.partial"))).unwrap();
    let mut newer = fixture::record();
    newer.seed = 43;
    let error = write_run(&dir, &newer, &fixture::samples(3), &fixture::latencies()).unwrap_err();
    assert!(error.to_string().contains("record.json"), "{error}");
    assert!(fs::read(dir.join(RECORD)).unwrap() == before);
    assert_eq!(read_samples(&dir).unwrap().rows.len(), 720);
    assert!(!dir.join(format!(".{SAMPLES}.partial")).exists(), "nothing is left lying about");
}

#[test]
fn a_figure_that_is_no_number_is_refused_before_anything_is_written() {
    let dir = folder("no_number");
    let mut record = fixture::record();
    record.spool.mean = f64::NAN;
    let error = write_run(&dir, &record, &fixture::samples(3), &fixture::latencies()).unwrap_err();
    assert!(error.to_string().contains("expected f64"), "{error}");
    assert!(!dir.exists());
}

#[test]
fn errors_name_the_path_and_what_is_wrong() {
    let dir = folder("wrong");
    fs::create_dir_all(&dir).unwrap();
    let path = dir.join("report.html");
    let check = |text: &str, expected: &str| {
        fs::write(&path, text).unwrap();
        let error = read_record(&path).unwrap_err().to_string();
        assert!(error.contains("report.html") && error.contains(expected), "{error}");
    };
    check("<html></html>", "no record is embedded");
    let island =
        |json: &str| format!("<script type=\"application/json\" id=\"record\">{json}</script>");
    check(&island("{"), "EOF");
    check(&island("{\"schema_version\": 99}"), "schema version 99");
    check(&island("{\"schema_version\": 1}"), "missing field");
    let missing = read_record(&dir.join("nowhere.json")).unwrap_err();
    assert!(matches!(missing, StoreError::Io { .. }));
}
