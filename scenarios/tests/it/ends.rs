//! Where everything ends up: both accounts of a run close, and every end has a row of its own.

use std::path::Path;

use floodgate_reports::{AnswersUse, Deliveries, Intake, Record, Verdict, run_summary};
use floodgate_scenarios::catalogue::CATALOGUE;
use floodgate_scenarios::experiment::run::run;
use floodgate_scenarios::plan::{Problem, Scenario};

/// A receive port, a send port and 20 documents, one a second.
const PLANT: &str = r#"about = "x"
drain = "2 h"
[[server]]
name = "bts1"
[[message_box]]
name = "MsgBox"
server = "bts1"
[[host]]
name = "Host"
on = ["bts1"]
[[receive_port]]
name = "In"
RECEIVE_PORT
[[receive_port.location]]
name = "Folder"
adapter = "push"
host = "Host"
LOCATION
[[send_port]]
name = "Out"
host = "Host"
filter = 'BTS.ReceivePortName == "In"'
SEND_PORT
[send_port.primary]
adapter = "http"
wire = "10 ms"
PRIMARY
[[load]]
to = "In"
rate = { constant = 1.0 }
count = 20
LOAD
"#;

/// The plant with something more in some of its tables.
pub(crate) fn plant(more: &[(&str, &str)]) -> String {
    let mut text = PLANT.to_owned();
    for place in ["RECEIVE_PORT", "LOCATION", "SEND_PORT", "PRIMARY", "LOAD"] {
        let own = more.iter().find(|(at, _)| *at == place).map_or("", |(_, own)| own);
        text = text.replacen(&format!("\n{place}\n"), &format!("\n{own}\n"), 1);
    }
    text
}

pub(crate) fn ran(text: &str) -> (Record, String) {
    let scenario =
        Scenario::parse("x.toml", text.as_bytes(), Path::new(""), &[]).unwrap_or_else(|problems| {
            let all: Vec<String> = problems.problems().iter().map(Problem::located).collect();
            panic!("{}", all.join("\n"))
        });
    let run = run("x", &scenario).unwrap();
    let shown = run_summary(&run.record, &run.samples);
    (run.record, shown)
}

/// Both sums, and what the record says of suspensions, agree with each other.
pub(crate) fn closes(name: &str, record: &Record) {
    let (came, owed) = (record.intake, record.deliveries);
    let Intake { arrived, published, consumed, dropped, error_messages, .. } = came;
    let ends = consumed + dropped + error_messages + came.terminated + came.turned_away;
    let ends = ends + came.discarded;
    assert_eq!(arrived, published + ends + came.suspended + came.waiting, "{name}: {came:?}");
    let Deliveries { delivered, consumed, error_messages, suspended, terminated, .. } = owed;
    let ends = delivered + consumed + error_messages + terminated;
    assert_eq!(owed.owed, ends + suspended + owed.waiting, "{name}: {owed:?}");
    let times: u64 = record.suspensions.iter().map(|row| row.times).sum();
    assert_eq!(times, record.documents.suspended, "{name}");
    assert_eq!(record.documents.received, published, "{name}");
}

#[test]
fn the_accounts_of_the_catalogue_close() {
    // INV-13, INV-17: what came is somewhere, what was owed is somewhere.
    let long = [
        "bell_curve_day",
        "benchmark_wizard_messaging",
        "benchmark_wizard_orchestration",
        "call_centre",
        "file_adapter_ratio",
        "floodgate",
        "midnight_batch",
        "overdrive",
        "overdrive_slow_processing",
        "sustainable_load",
        "tracking_events",
        "tracking_study",
    ];
    let is_short = |name: &str| !long.contains(&name) && !name.starts_with("scale_out");
    let mut ends = [0; 6];
    for (name, text) in CATALOGUE.iter().filter(|(name, _)| is_short(name)) {
        let (record, _) = ran(text);
        closes(name, &record);
        let (came, owed) = (record.intake, record.deliveries);
        let seen = [
            came.dropped + came.consumed,
            came.error_messages + owed.error_messages,
            came.suspended,
            owed.suspended,
            came.turned_away,
            owed.delivered,
        ];
        for (all, one) in ends.iter_mut().zip(seen) {
            *all += one;
        }
    }
    // The sums were of something.
    assert!(ends[1] > 0 && ends[2] > 0 && ends[3] > 0 && ends[5] > 0, "{ends:?}");
}

#[test]
fn what_a_pipeline_consumes_and_a_port_drops_is_in_a_row() {
    // R-RCV-02, R-RCV-03, R-RCV-06, R-PIPE-08.
    let consumes = r#"component = [{ stage = "validate", does = "consume" }]"#;
    let (record, shown) = ran(&plant(&[("LOCATION", consumes)]));
    closes("consumed on the way in", &record);
    assert_eq!((record.intake.arrived, record.intake.consumed), (20, 20));
    assert!(shown.contains("20 on the way in"), "{shown}");
    assert!(shown.contains("documents = 20 consumed"), "{shown}");

    let consumes = r#"component = [{ stage = "encode", does = "consume" }]"#;
    let (record, shown) = ran(&plant(&[("SEND_PORT", consumes)]));
    closes("consumed on the way out", &record);
    assert_eq!((record.deliveries.owed, record.deliveries.consumed), (20, 20));
    assert!(shown.contains("deliveries = 20 consumed"), "{shown}");

    let forged = ("LOAD", r#"poison = { every = 2, kind = "forged" }"#);
    let (record, shown) = ran(&plant(&[("RECEIVE_PORT", "authentication = \"drop\""), forged]));
    closes("dropped", &record);
    assert_eq!((record.intake.dropped, record.intake.published), (10, 10));
    assert!(shown.contains("documents = 10 published + 10 dropped"), "{shown}");
    assert!(record.suspensions.is_empty());

    let (record, _) = ran(&plant(&[("RECEIVE_PORT", "authentication = \"keep\""), forged]));
    closes("kept", &record);
    let row = &record.suspensions[0];
    assert_eq!((row.at.as_str(), row.times, row.code.as_str()), ("Folder", 10, "0x80004005"));
    assert_eq!(row.reason, "the sender could not be authenticated");
}

#[test]
fn what_an_operator_terminates_is_in_a_row_and_what_he_resumes_is_not_there_any_more() {
    // R-ORD-08, R-ORD-09, R-MBX-08, R-RETRY-05: with the head of an ordered port goes all of it.
    let ordered = ("SEND_PORT", "ordered = true\nstop_on_failure = true");
    let fails = ("PRIMARY", "fail = { every = 5 }\nretry = { count = 0, interval = \"1 s\" }");
    let act = |act: &str| format!("[[operate]]\nat = \"30 s\"\ndo = \"{act}\"\nto = \"Out\"\n");
    let terminates = plant(&[ordered, fails, ("LOAD", &act("terminate"))]);
    let (record, shown) = ran(&terminates);
    closes("terminated", &record);
    let owed = record.deliveries;
    assert_eq!((owed.owed, owed.delivered, owed.terminated, owed.suspended), (20, 4, 16, 0));
    assert!(shown.contains("deliveries = 4 delivered + 16 terminated"), "{shown}");
    assert!(shown.contains("none of them at the end"), "{shown}");
    let row = &record.suspensions[0];
    assert_eq!((row.at.as_str(), row.code.as_str()), ("Out", "0x80004005"));

    let stays = plant(&[fails]);
    let (record, shown) = ran(&stays);
    closes("suspended", &record);
    assert_eq!((record.documents.suspended, record.documents.suspended_now), (4, 4));
    assert!(shown.contains("deliveries = 16 delivered + 4 suspended"), "{shown}");
    let (record, _) = ran(&plant(&[fails, ("LOAD", &act("resume"))]));
    closes("resumed", &record);
    let Deliveries { owed, suspended, .. } = record.deliveries;
    assert_eq!((owed, suspended), (20, record.documents.suspended_now));
    assert!(record.documents.suspended_now < record.documents.suspended);
}

#[test]
fn what_clients_were_told_is_in_the_record() {
    // R-RR-07, R-RR-16, R-CLK-16: a fault for each that waited too long, and its response late.
    let text = CATALOGUE.iter().find(|(name, _)| *name == "request_response").unwrap().1;
    let (record, shown) = ran(text);
    let AnswersUse { responses, failed, faults, late, .. } = record.answers.unwrap();
    assert_eq!(responses + failed, 1000);
    assert!(faults >= 10 && late >= 5 && faults <= failed);
    assert!(shown.contains(&format!("{faults} faults of the engine")), "{shown}");
    assert!(shown.contains(&format!("{late} responses came too late")), "{shown}");
    assert!(record.documents.routing_failures > 0 && shown.contains("routing failure reports"));
    let (plain, shown) = ran(&plant(&[]));
    assert!(plain.answers.is_none() && !shown.contains("Answers") && !shown.contains("Owed"));
}

#[test]
fn the_mean_of_the_spool_is_not_above_its_maximum() {
    // R-GC-02: the job that empties the spool runs long after the last document.
    let at_once = plant(&[]).replace("rate = { constant = 1.0 }", "rate = { all_at_once = true }");
    let (record, _) = ran(&at_once);
    assert!(record.spool.mean > 0.0 && record.spool.mean <= record.spool.max, "{:?}", record.spool);
}

#[test]
fn a_fault_is_changed_by_a_map_or_by_a_component_of_the_way_back() {
    // R-ADD-06, R-RR-04, R-RR-07: faults pass the maps and the pipeline of the responses; their
    // bytes are what the way back is charged for, and what goes wrong there is nobody's response.
    let text = |way_back: &str| {
        let two_way = ("RECEIVE_PORT", format!("two_way = {{ {way_back} }}"));
        let text = plant(&[(two_way.0, &two_way.1)]);
        let text = text.replace("adapter = \"push\"", "adapter = { kind = \"http\" }");
        text.replace(
            "[[host]]\nname = \"Host\"",
            "[[host]]\nname = \"Host\"\nresponse_timeout = \"2 s\"",
        )
    };
    let answers = |way_back: &str| {
        let (record, _) = ran(&text(way_back));
        closes(way_back, &record);
        (record.answers.unwrap(), record)
    };
    let (told, _) = answers("");
    assert_eq!((told.faults, told.failed), (20, 20), "nobody answers");
    let rewrite =
        r#"component = [{ stage = "encode", does = "rewrite", size = "9 KB", faults = true }]"#;
    let (told, record) = answers(rewrite);
    assert_eq!(told.failed, 20, "{record:?}");
    let consume = r#"component = [{ stage = "encode", does = "consume", faults = true }]"#;
    let (_, record) = answers(consume);
    assert_eq!(record.deliveries.consumed, 20, "the component sees every fault");
    let consume = r#"component = [{ stage = "encode", does = "consume", every = 1000 }]"#;
    let (_, record) = answers(consume);
    assert_eq!(record.deliveries.consumed, 0);
}

#[test]
fn a_map_of_the_way_back_takes_the_answers_of_its_type() {
    // R-RR-04, R-MAP-01: every second request is one that the first map fails on. It comes straight
    // back as its own answer, and the client of one that a map takes gets a fault.
    let answers = |maps: &str| {
        let two_way = format!("two_way = {{ {maps} }}");
        let location = "pipeline = \"XMLReceive\"\nloop_back = true";
        let load = "document_type = \"Order\"\npoison = { every = 2, stage = \"map\" }";
        let more = [("RECEIVE_PORT", &*two_way), ("LOCATION", location), ("LOAD", load)];
        let text = plant(&more).replace("adapter = \"push\"", "adapter = { kind = \"http\" }");
        let (record, _) = ran(&text);
        closes(maps, &record);
        let told = record.answers.unwrap();
        (told.responses, told.failed)
    };
    assert_eq!(answers(""), (20, 0));
    assert_eq!(answers("maps = [{ from = \"Order\" }]"), (10, 10));
    assert_eq!(answers("maps = [{ from = \"Nope\" }, { from = \"Order\" }]"), (10, 10));
    assert_eq!(answers("maps = [{ from = \"Nope\" }]"), (20, 0));
}

#[test]
fn a_map_of_a_partner_s_replies_makes_of_them_what_their_subscriber_asks_for() {
    // R-SR-03, R-MAP-01: the reply is published as what the map makes of its type.
    let replies = |maps: &str| {
        let two_way = format!("two_way = {{ pipeline = \"XMLReceive\", {maps} }}");
        let reply = "reply = { size = \"1 KB\", document_type = \"Answer\" }";
        let other = "[[send_port]]\nname = \"Other\"\nhost = \"Host\"\n\
            filter = 'BTS.MessageType == \"Result\"'\n[send_port.primary]\nadapter = \"http\"\n";
        let (record, _) = ran(&(plant(&[("SEND_PORT", &two_way), ("PRIMARY", reply)]) + other));
        closes(maps, &record);
        record.ports[1].processed
    };
    assert_eq!(replies("maps = [{ from = \"Answer\", to = \"Result\" }]"), 20);
    assert_eq!(replies("maps = [{ from = \"Nope\", to = \"Result\" }]"), 0);
    assert_eq!(replies("map = true"), 0);
}

#[test]
fn a_reply_that_nobody_takes_is_no_failure_of_the_receive_port() {
    // R-FMR-01, INV-63: the port routes its own failed messages; a reply came by none.
    let text = plant(&[
        ("RECEIVE_PORT", "route_failed = true"),
        ("SEND_PORT", "two_way = {}"),
        ("PRIMARY", "reply = { size = '1 KB' }"),
    ]);
    let errors = "[[send_port]]\nname = 'Errors'\nhost = 'Host'\n\
        filter = 'ErrorReport.ErrorType == \"FailedMessage\"'\n[send_port.primary]\n\
        adapter = 'file'\n[[load]]";
    let (record, _) = ran(&text.replacen("[[load]]", errors, 1));
    let suspended: Vec<(&str, u64)> =
        record.suspensions.iter().map(|row| (row.at.as_str(), row.times)).collect();
    assert_eq!(suspended, [("replies", 20)]);
    assert!(record.verdicts.iter().all(|row| row.verdict != Verdict::Fail), "{record:?}");
}

#[test]
fn a_late_response_in_a_transaction_is_told_of_while_it_is_open() {
    // R-RR-08, INV-10: a batch that is refused changes nothing, and somebody hears why.
    let text = plant(&[
        ("RECEIVE_PORT", "two_way = {}"),
        ("SEND_PORT", "two_way = {}"),
        ("PRIMARY", "reply = { size = '1 KB' }"),
    ]);
    let text = text.replacen("\"push\"", "{ kind = 'http', clients = {} }", 1);
    let sender = "{ kind = 'synthetic', batched = true, transactional = true }";
    let text = text.replacen("\"http\"\nwire = \"10 ms\"", &format!("{sender}\nwire = '5 s'"), 1);
    let text = text.replacen("on = [\"bts1\"]", "on = ['bts1']\nresponse_timeout = '2 s'", 1);
    let (record, _) = ran(&text);
    let answers = record.answers.as_ref().expect("somebody asked");
    assert!(answers.late > 0, "{answers:?}");
    assert!(record.verdicts.iter().all(|row| row.verdict != Verdict::Fail), "{record:?}");
}

#[test]
fn an_error_message_is_in_the_spool_as_soon_as_it_is_published() {
    // R-FMR-01, INV-17: the transaction that throws ends later, when its adapter hears of it.
    let text =
        plant(&[("RECEIVE_PORT", "route_failed = true"), ("LOCATION", "pipeline = 'XMLReceive'")]);
    let text = text.replacen("\"push\"", "{ kind = 'queue', transactional = true }", 1);
    let text = text.replacen(
        "BTS.ReceivePortName == \"In\"",
        "ErrorReport.ErrorType == \"FailedMessage\"",
        1,
    );
    let text = text.replacen("about", "schedule = { to_adapter = '20 ms' }\nabout", 1);
    let (record, _) = ran(&text.replacen("count = 20", "count = 20\npoison = { every = 3 }", 1));
    assert!(record.intake.error_messages > 0, "{record:?}");
    assert!(record.verdicts.iter().all(|row| row.verdict != Verdict::Fail), "{record:?}");
}
