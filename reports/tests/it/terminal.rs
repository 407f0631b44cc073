//! The summaries for a terminal.

use floodgate_reports::*;

use crate::fixture;

#[test]
fn a_run_in_a_terminal() {
    insta::assert_snapshot!(run_summary(&fixture::record(), &fixture::samples(720)));
}

#[test]
fn a_search_in_a_terminal() {
    insta::assert_snapshot!(mst_summary(&fixture::mst()));
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
