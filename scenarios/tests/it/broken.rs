//! Receive locations that break: they are tried again where faults are tolerated, and opened by an
//! operator elsewhere.

use floodgate_reports::{Record, Verdict};

use crate::bad_input::{GOOD, problems};
use crate::ends::{closes, plant, ran};

/// 20 documents, one a second, to a location that is broken from 5.5 s on.
fn broken(host: &str, fault: &str, acts: &str) -> String {
    let on = "name = \"Host\"\non = [\"bts1\"]";
    let text = plant(&[]).replacen(on, &format!("{on}\n{host}"), 1);
    let fault = format!(
        "[[fault]]\nat = \"5500 ms\"\nkind = \"location_broken\"\nlocation = \"Folder\"\n{fault}\n"
    );
    text + &fault + acts
}

/// Documents that were sent, those that still lie outside, and the longest that one was under way.
fn ended(text: &str) -> (u64, u64, u64) {
    let (record, _) = ran(text);
    closes("broken", &record);
    assert!(record.verdicts.iter().all(|row| row.verdict == Verdict::Pass), "{record:?}");
    let Record { documents, intake, latency_seconds, .. } = record;
    (documents.processed, intake.waiting, latency_seconds.max.unwrap().round() as u64)
}

#[test]
fn a_location_that_breaks_is_tried_again_until_it_works() {
    // R-LIFE-08, R-LIFE-07: tried every four seconds, at 9.5 s in vain; at 13.5 s its source is
    // whole, and the document of 6 s comes in. Without tolerance it stays disabled.
    let lasts = "lasts = \"7 s\"";
    let tolerant = "fault_tolerance = \"4 s\"";
    assert_eq!(ended(&broken(tolerant, lasts, "")), (20, 0, 8));
    assert_eq!(ended(&broken("fault_tolerance = \"9 s\"", lasts, "")), (20, 0, 9));
    assert_eq!(ended(&broken(tolerant, "", "")), (5, 15, 0));
    assert_eq!(ended(&broken("", lasts, "")), (5, 15, 0));
}

#[test]
fn a_location_that_was_closed_is_told_of_in_the_report() {
    // R-LIFE-07, R-LIFE-08: when, how often it was tried, and whether it is open again.
    let told = |text: &str| {
        let (record, summary) = ran(text);
        let line = summary.lines().find(|line| line.contains("Locations closed"));
        (record.closures, line.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")))
    };
    let lasts = "lasts = \"7 s\"";
    let tolerant = "fault_tolerance = \"4 s\"";
    for (host, lasts, in_vain, open, story) in [
        (tolerant, lasts, 1, Some(13.5), ", tried once in vain, open again at 13.5 s"),
        ("fault_tolerance = \"9 s\"", lasts, 0, Some(14.5), ", open again at 14.5 s"),
        ("", lasts, 0, None, ", closed to the end"),
    ] {
        let (closures, line) = told(&broken(host, lasts, ""));
        let [own] = &closures[..] else { panic!("{closures:?}") };
        assert_eq!((own.location.as_str(), own.instance.as_str()), ("Folder", "Host on bts1"));
        assert_eq!((own.closed_seconds, own.times, own.in_vain), (5.5, 1, in_vain));
        assert_eq!(own.open_seconds, open);
        let line = line.expect("it has a line");
        assert!(line.contains(&format!("1 Folder in Host on bts1 at 5.50 s{story}")), "{line}");
    }
    // Nobody hears of what did not happen.
    assert_eq!(told(&plant(&[])), (Vec::new(), None));
}

#[test]
fn an_operator_opens_a_location_that_broke() {
    // R-LIFE-06, R-LIFE-07: in vain while it is broken, for good afterwards.
    let enable =
        |at: &str| format!("[[operate]]\nat = \"{at}\"\ndo = \"enable\"\nto = \"Folder\"\n");
    let lasts = "lasts = \"7 s\"";
    assert_eq!(ended(&broken("", lasts, &enable("10500 ms"))), (5, 15, 0));
    assert_eq!(ended(&broken("", lasts, &enable("30 s"))), (20, 0, 24));
    let tolerant = "fault_tolerance = \"1 h\"";
    assert_eq!(ended(&broken(tolerant, lasts, &enable("30 s"))), (20, 0, 24));
}

#[test]
fn a_location_breaks_in_the_faulty_instance_alone_where_faults_are_tolerated() {
    // R-LIFE-08: the other instance goes on. Without tolerance it is disabled there too.
    let two = |host: &str| {
        let text = broken(host, "server = \"bts1\"", "");
        let text = text.replacen("on = [\"bts1\"]", "on = [\"bts1\", \"bts2\"]", 1);
        text.replacen("[[message_box]]", "[[server]]\nname = \"bts2\"\n[[message_box]]", 1)
    };
    assert_eq!(ended(&two("fault_tolerance = \"1 h\"")), (20, 0, 0));
    assert_eq!(ended(&two("")), (5, 15, 0));
}

#[test]
fn a_tolerance_that_nothing_needs_or_that_the_product_has_not() {
    // R-LIFE-08: from 1 to 43200 seconds.
    let said = |host: &str| {
        let text = GOOD.replacen("[[receive_port]]", &format!("{host}\n[[receive_port]]"), 1);
        let found = problems(&text, &[]);
        found.iter().map(|problem| problem.located().clone()).collect::<Vec<_>>()
    };
    let idle = said("fault_tolerance = '1 min'");
    assert!(idle.len() == 1 && idle[0].contains("'fault_tolerance' says nothing"), "{idle:?}");
    for wrong in ["999 ms", "43201 s"] {
        let found = said(&format!("fault_tolerance = '{wrong}'"));
        assert!(found[0].ends_with("is tried again after 1 to 43200 seconds"), "{found:?}");
    }
    for right in ["1 s", "43200 s"] {
        assert_eq!(said(&format!("fault_tolerance = '{right}'")).len(), 1, "{right}");
    }
}

#[test]
fn a_location_that_breaks_is_one_that_there_is_and_somebody_opens_it() {
    // R-LIFE-07, R-LIFE-08.
    let said = |keys: &str| {
        let fault = "[[fault]]\nat = '1 s'\nkind = 'location_broken'";
        let found = problems(&format!("{GOOD}{fault}\n{keys}\n"), &[]);
        found.iter().map(|problem| problem.located().clone()).collect::<Vec<_>>()
    };
    let enable = "[[operate]]\nat = '2 s'\ndo = 'enable'\nto = 'In.0'";
    assert_eq!(said("location = 'In.0'\nserver = 'bts1'"), [""; 0]);
    assert_eq!(said(&format!("location = 'In.0'\nlasts = '1 s'\n{enable}")), [""; 0]);
    for (keys, end) in [
        ("location = 'In.0'\nserver = 'bts2'", "no server of host 'Host' is called 'bts2'"),
        ("location = 'In.1'", "no receive location is called 'In.1'"),
        ("server = 'bts1'", "'location' is missing in fault"),
        ("location = 'In.0'\nlasts = '1 s'", "'lasts' says nothing: nobody opens 'In.0' again"),
        ("location = 'In.0'\nhost = 'Host'", "'host' says nothing about location_broken"),
    ] {
        let found = said(keys);
        assert!(found.len() == 1 && found[0].ends_with(end), "{keys}: {found:?}");
    }
}
