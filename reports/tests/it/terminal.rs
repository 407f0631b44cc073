//! The summaries for a terminal.

use floodgate_reports::*;

use crate::fixture;

#[test]
fn a_run_in_a_terminal() {
    insta::assert_snapshot!(run_summary(&fixture::record(), &fixture::samples(720)));
}

#[test]
fn several_send_ports_are_shown_side_by_side() {
    let mut record = fixture::record();
    let shown = |record: &Record| run_summary(record, &Samples::default());
    let text = shown(&record);
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part} is missing: {text}"));
    assert!(at("Virtual time") < at("Send port") && at("Send port") < at("Verdict"), "{text}");
    record.ports = record.ports.iter().cycle().take(22).cloned().collect();
    assert!(shown(&record).contains("\n… and 2 more\n"));
    record.ports.truncate(1);
    assert!(!shown(&record).contains("Send port"), "one port does what the figures say");
}

#[test]
fn what_was_sent_again_and_what_was_never_in_use_is_said_so() {
    let mut record = fixture::record();
    let shown = |record: &Record| run_summary(record, &Samples::default());
    let text = shown(&record);
    assert!(!text.contains("again") && text.contains("\n… and 1 never in use:"), "{text}");
    record.documents.repeated = 14;
    let text = shown(&record);
    assert!(text.contains("documents, 14 of them again, after a process had ended"), "{text}");
    for one in &mut record.resources {
        (one.utilisation, one.queue_mean, one.wait_mean) = (0.0, 0.0, 0.0);
    }
    let text = shown(&record);
    assert!(
        text.contains("\nResources: 6 never in use:") && !text.contains("Mean queue"),
        "{text}"
    );
}

#[test]
fn promises_that_were_kept_take_one_line() {
    let mut record = fixture::record();
    let shown = |record: &Record| run_summary(record, &Samples::default());
    let text = shown(&record);
    assert!(text.contains("\n2 invariants kept: INV-17 INV-02\n"), "{text}");
    assert!(!text.contains("each all or nothing"), "{text}");
    assert!(text.contains("208,402, expected at least 200,000"), "expectations in full: {text}");
    record.verdicts.retain(|row| row.name == "INV-17");
    let text = shown(&record);
    assert!(text.contains("\n1 invariant kept: INV-17\n") && !text.contains("What was seen"));
    record.verdicts[0].verdict = Verdict::Fail;
    let text = shown(&record);
    assert!(text.contains("208,791 received = 208,402 + 12 + 377") && !text.contains("kept:"));
}

#[test]
fn a_search_in_a_terminal() {
    insta::assert_snapshot!(mst_summary(&fixture::mst()));
}

#[test]
fn a_multiple_of_a_scenario_says_what_it_comes_to() {
    let mut mst = MstRecord {
        mst: Some(40.1),
        scale: Some(2.314),
        scale_interval: Some([2.314, 2.337]),
        scale_documents: Some(1_155_000.0),
        scale_seconds: Some(28_800.0),
        ..fixture::mst()
    };
    let text = mst_summary(&mst);
    let first = "file_to_file: 2.314 times this scenario, 1,155,000 documents by 480 min, \
                 40.10/s, between 2.314 and 2.337 times at 95 % confidence\n";
    assert!(text.starts_with(first), "{text}");
    assert!(!text.contains("Capacity") && !text.contains("Recovers"), "{text}");
    // It is the end of a bracket, however many runs there were at it.
    mst.probes[0].rate = 40.1;
    assert!(!mst.is_mean());
}

#[test]
fn an_empty_run_in_a_terminal() {
    let mut record = fixture::record();
    record.verdicts.clear();
    record.resources.clear();
    let text = run_summary(&record, &Samples::default());
    assert!(text.starts_with("file_to_file: Nothing was checked\n"));
    assert!(!text.contains("peak"));
}

#[test]
fn a_search_ends_with_the_code_of_its_verdict() {
    let check = |verdict, code| {
        let mst = MstRecord { verdict, ..fixture::mst() };
        assert_eq!(mst.exit_code(), code, "{verdict:?}");
        let word = serde_json::to_value(verdict).unwrap();
        assert_eq!(word, verdict.word(), "the word in the JSON");
    };
    check(MstVerdict::Sustainable, 0);
    check(MstVerdict::Unsustainable, 1);
    check(MstVerdict::Metastable, 1);
    check(MstVerdict::InputThrottled, 1);
    check(MstVerdict::Lossy, 1);
    check(MstVerdict::Broken, 1);
    check(MstVerdict::NonMonotone, 3);
    check(MstVerdict::Inconsistent, 3);
    check(MstVerdict::Undecided, 3);
    assert_eq!(fixture::record().exit_code(), 1);
}
