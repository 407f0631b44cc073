//! What an operator can do: to ports, groups, orchestrations, locations, and what waits there.

use floodgate_reports::{Record, Verdict};

use crate::ends::{closes, plant, ran};

/// The plant with these acts; each is an instant, a verb and a name.
fn with_acts(more: &[(&str, &str)], acts: &[(&str, &str, &str)]) -> String {
    let act = |(at, act, to): &(&str, &str, &str)| {
        format!("[[operate]]\nat = \"{at}\"\ndo = \"{act}\"\nto = \"{to}\"\n")
    };
    plant(more) + &acts.iter().map(act).collect::<String>()
}

/// What subscribers have got, and what waits for an operator at the end.
fn ends(record: &Record) -> (u64, u64) {
    (record.deliveries.delivered, record.documents.suspended_now)
}

fn exercised(record: &Record, rule: &str) -> bool {
    let rows = record.verdicts.iter();
    rows.clone().all(|row| row.verdict == Verdict::Pass) && rows.clone().any(|row| row.name == rule)
}

#[test]
fn what_came_in_and_was_suspended_is_resumed_where_it_must_begin() {
    // R-MBX-08, R-RCV-11, INV-61: nobody subscribed, and the adapter had it suspended. A message of
    // three documents comes every three seconds: two are suspended.
    let acts = [
        ("5500 ms", "unenlist", "Out"),
        ("10500 ms", "enlist", "Out"),
        ("10500 ms", "start", "Out"),
    ];
    let more = [("LOCATION", "pipeline = \"XMLReceive\""), ("LOAD", "documents = 3")];
    let ran = |last: &[(&str, &str, &str)]| ran(&with_acts(&more, &[&acts[..], last].concat()));
    assert_eq!(ends(&ran(&[]).0), (54, 2));
    for to in ["Folder", "In"] {
        let (record, _) = ran(&[("30 s", "resume", to)]);
        assert_eq!(ends(&record), (60, 0), "{to}");
        assert!(exercised(&record, "INV-61"), "{to}");
        let (record, shown) = ran(&[("30 s", "terminate", to)]);
        assert_eq!((ends(&record), record.intake.terminated), ((54, 0), 6), "{to}");
        assert!(shown.contains("6 terminated"), "{shown}");
    }
    let (record, shown) = ran(&[("30 s", "save", "In")]);
    assert_eq!(ends(&record), (54, 2), "saving changes nothing");
    assert!(shown.contains("Folder"), "{shown}");
}

#[test]
fn an_orchestration_that_suspends_goes_on_when_it_is_resumed() {
    // R-ADD-01, R-MBX-08: and is terminated like any instance.
    let orchestration = "[[orchestration]]\nname = \"Work\"\nhost = \"Host\"\nto = \"Out\"\n\
        suspends = true\nfilter = 'BTS.ReceivePortName == \"In\"'\n";
    let ran = |acts: &[(&str, &str, &str)]| {
        let text = with_acts(&[], acts);
        ran(&(text.replacen("filter = 'BTS.ReceivePortName == \"In\"'\n", "", 1) + orchestration)).0
    };
    let record = ran(&[]);
    assert_eq!((record.documents.processed, record.documents.suspended_now), (0, 20));
    let row = &record.suspensions[0];
    assert_eq!((row.at.as_str(), row.times), ("Work", 20));
    assert_eq!(row.reason, "an orchestration came to its Suspend shape");
    let record = ran(&[("30 s", "resume", "Work")]);
    assert_eq!((record.documents.processed, record.documents.suspended_now), (20, 0));
    let record = ran(&[("10500 ms", "terminate", "Work"), ("30 s", "resume", "Work")]);
    let terminated = record.deliveries.terminated;
    assert!((10..=11).contains(&terminated), "{terminated}");
    assert_eq!((record.documents.processed, record.documents.suspended_now), (20 - terminated, 0));
}

#[test]
fn a_group_is_stopped_and_a_location_is_disabled() {
    // R-SUB-11, R-SUB-10, R-LIFE-06: what a stopped group's members get waits for an operator;
    // what comes to a disabled location waits outside.
    let group = "[[send_port_group]]\nname = \"All\"\nports = [\"Out\"]\n\
        filter = 'BTS.ReceivePortName == \"In\"'\n";
    let grouped = |acts: &[(&str, &str, &str)]| {
        let text = with_acts(&[], acts);
        ran(&(text.replacen("filter = 'BTS.ReceivePortName == \"In\"'\n", "", 1) + group)).0
    };
    assert_eq!(ends(&grouped(&[])), (20, 0));
    let record = grouped(&[("10500 ms", "stop", "All")]);
    let (delivered, suspended) = ends(&record);
    assert!((10..=11).contains(&delivered) && delivered + suspended == 20, "{delivered}");
    assert_eq!(record.suspensions[0].reason, "the port is stopped");
    let again = [("10500 ms", "stop", "All"), ("30 s", "start", "All"), ("31 s", "resume", "Out")];
    assert_eq!(ends(&grouped(&again)), (20, 0));

    let disabled = |acts: &[(&str, &str, &str)]| ran(&with_acts(&[], acts)).0;
    let record = disabled(&[("10500 ms", "disable", "Folder")]);
    assert_eq!(ends(&record), (20 - record.intake.waiting, 0));
    assert!((9..=10).contains(&record.intake.waiting), "{:?}", record.intake);
    let again = [("10500 ms", "disable", "Folder"), ("30 s", "enable", "Folder")];
    assert_eq!(ends(&disabled(&again)), (20, 0));
}

#[test]
fn what_waits_for_a_retry_is_suspended_by_an_operator() {
    // R-MBX-05, R-MBX-08: at once, and it goes on when it is resumed.
    let fails = ("PRIMARY", "fail = { first = 1 }\nretry = { count = 3, interval = \"1 min\" }");
    let (record, shown) = ran(&with_acts(&[fails], &[("30 s", "suspend", "Out")]));
    assert_eq!(ends(&record), (0, 20));
    assert!(shown.contains("an operator suspended the message"), "{shown}");
    let acts = [("30 s", "suspend", "Out"), ("40 s", "resume", "Out")];
    let (record, _) = ran(&with_acts(&[fails], &acts));
    assert_eq!((ends(&record), record.documents.suspended), ((20, 0), 20));
}

#[test]
fn a_messagebox_is_told_to_take_no_new_messages_and_to_take_them_again() {
    // R-MMB-02, R-MMB-04, R-MMB-05: a stopped port shows where each of 20 documents, one a second,
    // was put; what is told counts after the caches have been refreshed.
    let second = "[[message_box]]\nname = \"Second\"\nserver = \"bts1\"\n[[host]]";
    let text = |refresh: &str, acts: &[(&str, &str, &str)]| {
        let text = with_acts(&[("SEND_PORT", "state = \"stopped\"")], acts);
        let text = text.replacen("[[host]]", second, 1);
        format!("policy = {{ cache_refresh = \"{refresh}\" }}\n{text}")
    };
    let suspended = |refresh: &str, acts: &[(&str, &str, &str)]| {
        let run = crate::keys::done(&text(refresh, acts));
        assert!(run.record.verdicts.iter().all(|row| row.verdict == Verdict::Pass));
        ["MsgBox", "Second"].map(|home| {
            let object = format!("\\BizTalk:Message Box:Host Counters(Host:{home}:bts1)");
            let counter = format!("{object}\\Host Queue - Suspended Msgs - Length");
            let series = run.samples.series(&counter).unwrap();
            series.iter().map(|(_, value)| *value as u64).max().unwrap()
        })
    };
    let off = ("10500 ms", "disable_publication", "Second");
    let on = ("15500 ms", "enable_publication", "Second");
    assert_eq!(suspended("0 s", &[]), [10, 10]);
    assert_eq!(suspended("0 s", &[off]), [15, 5]);
    assert_eq!(suspended("4 s", &[off]), [13, 7]);
    assert_eq!(suspended("1 h", &[off]), [10, 10]);
    assert_eq!(suspended("0 s", &[off, on]), [13, 7]);
}

#[test]
fn what_is_resumed_and_holds_nothing_or_more_than_it_was_counted_for_is_in_a_row() {
    // INV-61, R-RCV-02, R-RIP-07: the second document of each message is suspended as it was handed
    // out; resumed, it is an interchange of its own: an empty one, one whose second
    // document is suspended in its turn, or none that the disassembler knows.
    for (second, consumed, published, stay) in
        [("<e/>", 20, 20, 0), ("<e><d/><d/></e>", 0, 40, 20), ("<d/>", 0, 20, 20)]
    {
        let location = "pipeline = \"XMLReceive\"\nenvelope = \"e\"\n\
            component = [{ stage = \"validate\", does = \"suspend\", document = 2 }]";
        let body = format!("body = \"<e><d/>{second}</e>\"");
        let more = [("LOCATION", location), ("LOAD", &*body)];
        let (record, _) = ran(&with_acts(&more, &[]));
        closes(second, &record);
        assert_eq!((record.intake.arrived, record.intake.suspended), (40, 20), "{second}");
        let (record, _) = ran(&with_acts(&more, &[("1 min", "resume", "Folder")]));
        closes(second, &record);
        let came = record.intake;
        let ends = (came.consumed, came.published, came.suspended);
        assert_eq!(ends, (consumed, published, stay), "{second}");
        assert_eq!(came.arrived, consumed + published + stay, "{second}");
    }
}
