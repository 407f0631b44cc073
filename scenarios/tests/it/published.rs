//! Published values: which figures may be named, and what stands beside them.

use std::path::Path;

use floodgate_reports::{PublishedUse, Verdict};
use floodgate_scenarios::experiment::run::run;
use floodgate_scenarios::plan::figure::{Of, What};
use floodgate_scenarios::plan::{Problem, Scenario};

use crate::bad_input::{GOOD, problems};

/// Two phases and two published lines, of which the test says the first three keys.
fn with(lines: &str) -> String {
    format!("{GOOD}[[published]]\n{lines}\nsource = 'a page'\n")
}

fn said(lines: &str) -> Vec<(String, String)> {
    let of = |one: &Problem| {
        let place = one.located();
        let said = place.split_once(": ").map_or("", |(_, said)| said).to_owned();
        (said, one.advice().unwrap_or_default().to_owned())
    };
    problems(&with(lines), &[]).iter().map(of).collect()
}

#[test]
fn a_figure_that_no_run_has_is_refused_with_those_that_there_are() {
    let check = |lines: &str, message: &str, advice: &str| {
        let found = said(lines);
        assert_eq!(found.len(), 1, "{lines}: {found:?}");
        assert_eq!(found[0].0, message, "{lines}");
        assert!(found[0].1.contains(advice), "{lines}: {}", found[0].1);
    };
    let rest = "value = 1\nunit = 'rows'";
    let found = said(&format!("what = 'spool.peek'\n{rest}"));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].0.contains("unknown word \"spool.peek\""), "{found:?}");
    assert!(found[0].1.contains("did you mean 'spool.peak'?"), "{found:?}");
    assert!(found[0].1.contains("rate.received"), "all are listed: {found:?}");
    check(
        "what = 'spool.peak'\nvalue = 1\nunit = 'messages'",
        "'spool.peak' is not counted in 'messages'",
        "allowed: rows",
    );
    check(
        "what = 'utilisation'\nof = ['bts2']\nvalue = 1\nunit = '%'",
        "no server or resource is called 'bts2'",
        "did you mean 'bts1'? allowed: bts1, bts1 CPU, MsgBox locks and log, Host threads on bts1",
    );
    check("what = 'utilisation'\nvalue = 1\nunit = '%'", "'utilisation' of what?", "give 'of'");
    check(
        &format!("what = 'spool.mean'\nof = ['bts1']\n{rest}"),
        "'spool.mean' is of the whole run",
        "leave 'of' out",
    );
    check(
        &format!("what = 'spool.final'\nphase = 'flood'\n{rest}"),
        "no phase is called 'flood'",
        "there is none",
    );
    check(
        &format!("what = 'spool.peak'\nphase = 'flood'\n{rest}"),
        "'spool.peak' is not kept by phase",
        "leave 'phase' out",
    );
}

/// Two servers, work that costs something, and a drain.
const PLANT: &str = r#"about = "x"
drain = "1 h"
[[server]]
name = "bts1"
cores = 2
[[server]]
name = "sql1"
cores = 4
[[message_box]]
name = "MsgBox"
server = "sql1"
cleanup = "7 s"
[[host]]
name = "Host"
on = ["bts1"]
[[receive_port]]
name = "In"
[[receive_port.location]]
host = "Host"
adapter = { kind = "push", batch = 1 }
[[send_port]]
name = "Out"
host = "Host"
filter = 'BTS.ReceivePortName == "In"'
[send_port.primary]
adapter = "file"
[cost]
receive_message = "50 ms"
sql_transaction = "20 ms"
log_row = "1 us"
[[phase]]
kind = "warm_up"
lasts = "20 s"
[[phase]]
kind = "hold"
lasts = "100 s"
[[phase]]
name = "twice"
kind = "flood"
lasts = "50 s"
pace = 2
[[load]]
to = "In"
rate = { constant = 5 }
"#;

#[test]
fn what_a_figure_depends_on_is_a_key_and_a_quantity() {
    let along = |key: &str, one: &str| {
        let along = format!("along = {{ key = '{key}', name = 'looks', one = '{one}' }}");
        said(&format!("what = 'spool.peak'\nvalue = 1\nunit = 'rows'\n{along}"))
    };
    assert_eq!(along("host.Host.poll", "1 s"), []);
    assert_eq!(along("host.0.poll", "20"), []);
    for (key, one, message, advice) in [
        ("host.Host.pol", "1 s", "unknown key 'pol' in host", "did you mean 'poll'?"),
        ("host.Hust.poll", "1 s", "no host is called 'Hust'", "did you mean 'Host'?"),
        ("host.Host.poll", "0 s", "'one': '0 s' is no quantity above zero", "\"4 ms\""),
        ("host.Host.poll", "fast", "'one': 'fast' is no quantity above zero", "\"4 ms\""),
    ] {
        let found = along(key, one);
        assert_eq!(found.len(), 1, "{key} {one}: {found:?}");
        assert_eq!(found[0].0, message);
        assert!(found[0].1.contains(advice), "{found:?}");
    }
}

fn figures(lines: &[&str]) -> Vec<PublishedUse> {
    let text = lines.iter().fold(PLANT.to_owned(), |text, lines| {
        format!("{text}[[published]]\n{}\nsource = 'a page'\n", lines.replace("; ", "\n"))
    });
    let scenario = Scenario::parse("t.toml", text.as_bytes(), Path::new(""), &[]);
    let scenario = scenario.unwrap_or_else(|problems| panic!("{:?}", problems.problems()));
    run("t", &scenario).unwrap().record.published
}

#[test]
fn a_run_shows_what_it_came_to_in_the_unit_of_the_published_value() {
    let found = figures(&[
        "what = 'rate.received'; phase = 'hold'; value = 4; unit = 'documents/s'",
        "what = 'rate.received'; phase = 'twice'; value = 10; unit = 'messages/s'",
        "what = 'utilisation'; of = ['bts1']; value = 20; unit = '%'",
        "what = 'utilisation'; of = ['bts1', 'sql1']; value = 0.2; unit = 'share'",
        "what = 'cpu.per_document'; of = ['bts1', 'sql1']; value = 100; unit = 'ms'",
        "what = 'documents.received'; value = 1100; unit = 'documents'",
        "what = 'rate.processed'; of = ['Out']; value = 10; unit = 'documents/s'",
        "what = 'drain.time'; value = 1; unit = 's'",
    ]);
    let near = |n: usize, simulated: f64| {
        let value = found[n].simulated.expect("every figure was measured");
        let off = (value - simulated).abs() / simulated;
        assert!(off < 0.01, "{}: {value} where {simulated} is right", found[n].figure);
    };
    // 5 a second for 100 s and 10 a second for 50 s: 1000 documents in a window of 150 s, each
    // 50 ms of two cores and four transactions of 20 ms of four: publish, look, delete, and a look
    // that finds nothing more.
    near(0, 5.0);
    near(1, 10.0);
    near(2, 1000.0 * 0.05 / 150.0 / 2.0 * 100.0);
    near(3, (1000.0 * 0.05 / 150.0 / 2.0 + 1000.0 * 0.08 / 150.0 / 4.0) / 2.0);
    near(4, 50.0 + 80.0);
    near(5, 1100.0);
    near(6, 1000.0 / 150.0);
    // The loads end at 170 s, and the cleanup job runs every 7 s.
    near(7, 5.0);
    assert_eq!(found[0].figure, "rate.received in hold");
    assert_eq!(found[3].figure, "utilisation of bts1, sql1");
    assert!((found[0].error_percent.unwrap() - 25.0).abs() < 1.0);
}

#[test]
fn whatever_may_be_named_is_in_the_record() {
    let every = |what: What| {
        let unit = what.units()[0].0;
        let of = match what.of() {
            Of::Resources => {
                "; of = ['bts1', 'sql1 CPU', 'MsgBox locks and log', 'MsgBox log disk', \
                 'Host threads on bts1']"
            }
            Of::Servers => "; of = ['bts1']",
            Of::TwoPorts => "; of = ['Out', 'Out']",
            Of::Run | Of::RunOrPhase | Of::RunPhaseOrPorts | Of::RunOrPorts => "",
        };
        format!("what = '{}'{of}; value = 1; unit = '{unit}'", what.word())
    };
    let lines: Vec<String> =
        What::WORDS.iter().map(|word| every(What::from_word(word).unwrap())).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    for row in figures(&lines) {
        assert!(row.simulated.is_some(), "{} is nowhere", row.figure);
    }
}

#[test]
fn what_an_orchestration_sends_is_not_received() {
    let orchestration = "[[orchestration]]\nname = 'Step'\nhost = 'Host'\nto = 'Out'\n\
        filter = 'BTS.ReceivePortName == \"In\"'\n[[send_port]]";
    let text = GOOD.replacen("[[send_port]]", orchestration, 1);
    let text = text.replacen("filter = 'BTS.ReceivePortName == \"In\"'\n[send", "[send", 1);
    let text = text.replacen("count = 1", "count = 30", 1);
    let scenario = Scenario::parse("t.toml", text.as_bytes(), Path::new(""), &[]);
    let scenario = scenario.unwrap_or_else(|problems| panic!("{:?}", problems.problems()));
    let record = run("t", &scenario).unwrap().record;
    let documents = record.documents;
    assert_eq!((documents.received, documents.processed), (30, 30));
}

#[test]
fn any_figure_may_have_limits() {
    let check = |lines: &str, verdict: Verdict, detail: &str| {
        let text = format!("{PLANT}[[expect.figure]]\n{}\n", lines.replace("; ", "\n"));
        let scenario = Scenario::parse("t.toml", text.as_bytes(), Path::new(""), &[]).unwrap();
        let verdicts = run("t", &scenario).unwrap().record.verdicts;
        let row = verdicts.iter().find(|row| row.name == "expect.rate.received.in.twice");
        let row = row.or_else(|| verdicts.iter().find(|row| row.name == "expect.drain.time"));
        let row = row.unwrap();
        assert_eq!((row.verdict, row.detail.as_str()), (verdict, detail), "{lines}");
    };
    let twice = "what = 'rate.received'; phase = 'twice'; unit = 'documents/s'";
    let found = "10.00 documents/s, expected";
    check(&format!("{twice}; at_least = 9"), Verdict::Pass, &format!("{found} at least 9."));
    check(&format!("{twice}; at_least = 11"), Verdict::Fail, &format!("{found} at least 11."));
    check(&format!("{twice}; at_most = 9.5"), Verdict::Fail, &format!("{found} at most 9.5."));
    let drain = "what = 'drain.time'; unit = 'min'; at_most = 1";
    check(drain, Verdict::Pass, "0.08 min, expected at most 1.");
    let kept = "[[message_box]]\nname = 'MsgBox'\njobs = false";
    let text = PLANT.replace("[[message_box]]\nname = \"MsgBox\"", kept);
    let text = format!("{text}[[expect.figure]]\n{}\n", drain.replace("; ", "\n"));
    let scenario = Scenario::parse("t.toml", text.as_bytes(), Path::new(""), &[]).unwrap();
    let record = run("t", &scenario).unwrap().record;
    assert_eq!(record.verdict(), Verdict::Unknown, "rows that stay are no drain");
}

#[test]
fn published_values_judge_nothing() {
    let text = format!("{PLANT}[[published]]\nwhat = 'rate.received'\nvalue = 999\n");
    let text = format!("{text}unit = 'documents/s'\nsource = 'a page'\n");
    let scenario = Scenario::parse("t.toml", text.as_bytes(), Path::new(""), &[]).unwrap();
    let record = run("t", &scenario).unwrap().record;
    assert_eq!(record.exit_code(), 0);
    let printed = floodgate_reports::run_summary(&record, &floodgate_reports::Samples::default());
    assert!(printed.contains("999.0 documents/s"), "{printed}");
    assert!(printed.contains("a page"), "{printed}");
}
