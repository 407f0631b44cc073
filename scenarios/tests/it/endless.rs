//! What a plan lets go on, or wait, without end: told before the run, and not where it ends.

use crate::bad_input::GOOD;
use crate::bad_properties::{nothing, only};
use crate::keys::done;

/// `GOOD` with every `from` replaced by its `to`.
fn text(changes: &[(&str, &str)]) -> String {
    changes.iter().fold(GOOD.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from} is not in the text");
        text.replacen(from, to, 1)
    })
}

/// What is told of `text`, at `place` and by `rule`.
#[track_caller]
fn told(text: &str, place: &str, says: &str, rule: &str) {
    let (located, advice, is_warning) = only(text);
    assert!(located.starts_with(place) && located.contains(says), "{located}");
    assert!(is_warning && advice.contains(rule), "{advice}");
}

#[test]
fn the_only_message_box_goes_and_does_not_come_back() {
    // R-ADD-02, R-MMB-06: what an adapter has by then stays locked.
    let acts = |acts: &[(&str, &str)]| {
        let act = |(at, act): &(&str, &str)| {
            format!("[[operate]]\nat = '{at}'\ndo = 'message_box_{act}'\nto = 'MsgBox'\n")
        };
        let acts: String = acts.iter().map(act).collect();
        text(&[("[[load]]", &format!("{acts}[[load]]"))])
    };
    let says = "'MsgBox' is the only MessageBox and never comes back";
    let for_ever = acts(&[("500 ms", "offline")]);
    told(&for_ever, "t.toml:23:6", says, "message_box_online");
    told(&acts(&[("1 s", "online"), ("2 s", "offline")]), "t.toml:27:6", says, "R-ADD-02");
    nothing(&acts(&[("500 ms", "offline"), ("2 s", "online")]));
    nothing(&acts(&[("2 s", "online"), ("1 s", "offline")]));
    let second = "[[message_box]]\nname = 'Second'\nserver = 'bts1'\n[[host]]";
    nothing(&for_ever.replacen("[[host]]", second, 1));
    // So it is: the wire works while the MessageBox goes.
    let works = |text: &str| done(&text.replacen("primary]", "primary]\nwire = '1 min'", 1));
    let unfinished = |text: &str| works(text).outcome.unfinished;
    let gone = acts(&[("30 s", "offline")]);
    assert_eq!(unfinished(&gone), 1);
    assert_eq!(unfinished(&acts(&[("30 s", "offline"), ("2 min", "online")])), 0);
}

/// A port that takes NACKs, with its filter and what it does with them.
fn nacks(filter: &str, does: &str, fails: &str) -> String {
    let port = format!(
        "{fails}[[send_port]]\nname = 'Nacks'\nhost = 'Host'\nfilter = '{filter}'\n{does}\n[[load]]"
    );
    text(&[("[[load]]", &port)])
}

const FAILS: &str = "fail = { per_mille = 999 }\nretry = { count = 0 }\n";
const FORWARDS: &str = "[send_port.primary]\nadapter = 'file'\nforward_to = 'In'";
const SENDS: &str = "[send_port.primary]\nadapter = 'file'";

#[test]
fn a_port_takes_the_nack_of_what_it_causes() {
    // R-ACK-01, R-ACK-02, R-ACK-04.
    let nack = "BTS.AckType == \"NACK\"";
    let says = "'Nacks' takes the NACK of what it causes: it sends, a document of 'In' comes of it, \
                'Out' fails";
    let round = nacks(nack, FORWARDS, FAILS);
    told(&round, "t.toml:26:10", says, "BTS.AckSendPortName");
    let (located, _, is_warning) = only(&round.replacen("999", "1000", 1));
    assert!(located.ends_with("as often as it fails: always") && !is_warning, "{located}");
    for filter in [
        "BTS.AckType exists",
        "BTS.AckType != \"ACK\" and BTS.AckSendPortName exists",
        "BTS.AckType == \"NACK\" and BTS.AckSendPortName == \"Out\"",
        "BTS.AckSendPortName == \"Out\"",
    ] {
        assert!(said_of_rounds(&nacks(filter, FORWARDS, FAILS)), "{filter}");
    }
    for filter in ["BTS.AckType == \"ACK\"", "BTS.AckSendPortName == \"Nacks\""] {
        assert!(!said_of_rounds(&nacks(filter, FORWARDS, FAILS)), "{filter}");
    }
    nothing(&nacks(nack, FORWARDS, ""));
    nothing(&nacks(nack, SENDS, FAILS));
    let backup = format!("{FAILS}[send_port.backup]\nadapter = 'file'\n");
    nothing(&nacks(nack, FORWARDS, &backup));
    let down =
        "[[fault]]\nat = '0 s'\nkind = 'endpoint_down'\nendpoint = 'Out.primary'\nlasts = '1 h'\n";
    assert!(said_of_rounds(&nacks(nack, FORWARDS, down)));
    // By a reply: whoever takes it fails.
    let asks = "two_way = {}\n[send_port.primary]\nadapter = 'http'\nreply = {}";
    let reply = |of: &str| {
        let takes = format!("BTS.SPName == \"{of}\"");
        nacks(nack, asks, FAILS).replacen("BTS.ReceivePortName == \"In\"", &takes, 1)
    };
    assert!(said_of_rounds(&reply("Nacks")));
    assert!(!said_of_rounds(&reply("Out")));
    // A port that fails to send the NACK itself is told nothing: nothing acknowledges that.
    let fails = FAILS.replacen("999", "1000", 1);
    let sends = format!("{SENDS}\n{fails}");
    let ports = done(&nacks(nack, &sends, &fails)).outcome.meters.ports;
    assert_eq!((ports[0].attempts, ports[1].attempts), (1, 1));
}

fn said_of_rounds(text: &str) -> bool {
    let found = crate::bad_input::problems(text, &[]);
    found.iter().any(|one| one.message().contains("takes the NACK"))
}

#[test]
fn a_location_is_opened_again_for_the_message_that_stopped_it() {
    // R-LIFE-08, R-TXN-12.
    let queue = |poison: &str| {
        let adapter = format!(
            "{{ kind = 'queue', transactional = true, batches = 1, on_poison = '{poison}' }}"
        );
        let changes = [
            ("[[receive_port]]", "fault_tolerance = '1 min'\n[[receive_port]]"),
            (
                "adapter = \"file\"",
                &format!("name = 'Queue'\npipeline = 'XMLReceive'\nadapter = {adapter}"),
            ),
            ("count = 1", "count = 1\npoison = { every = 1 }"),
        ];
        text(&changes)
    };
    let stops = queue("stop");
    let says = "'Host' opens 'Queue' every 1 min, and the message that stopped it stops it again";
    told(&stops, "t.toml:17:11", says, "'on_poison'");
    assert!(only(&queue("suspend")).0.contains("'fault_tolerance' says nothing"));
    nothing(&stops.replacen("fault_tolerance = '1 min'\n", "", 1));
    nothing(&stops.replacen("poison = { every = 1 }", "", 1));
    let act = "[[operate]]\nat = '5 min'\ndo = 'disable'\nto = 'Queue'\n[[load]]";
    nothing(&stops.replacen("[[load]]", act, 1));
}

/// A transactional reader of a port that routes its failed messages, with a port for those, and
/// one message that its pipeline throws at.
fn routing(adapter: &str) -> String {
    let adapter = format!("{{ kind = 'queue', transactional = true, batches = 1, {adapter} }}");
    let changes = [
        (
            "adapter = \"file\"",
            &*format!("name = 'Queue'\npipeline = 'XMLReceive'\nadapter = {adapter}"),
        ),
        ("name = \"In\"", "name = \"In\"\nroute_failed = true"),
        ("count = 1", "count = 1\npoison = { every = 1 }"),
        ("[[load]]", ERRORS),
    ];
    text(&changes)
}

const ERRORS: &str = "[[send_port]]\nname = 'Errors'\nhost = 'Host'\n\
    filter = 'ErrorReport.ErrorType == \"FailedMessage\"'\n\
    [send_port.primary]\nadapter = 'file'\n[[load]]";

#[test]
fn a_reader_forgets_what_its_pipeline_throws_at_before_it_reads_it_again() {
    // R-FMR-07, R-TXN-13, R-TXN-14: told where it is so, and the run shows that it is.
    let says = "'Queue' may forget a message that its pipeline throws at";
    let for_ever = |text: &str| {
        let run = done(&text.replacen("about", "drain = '20 min'\nabout", 1));
        run.outcome.unfinished == 1 && run.outcome.meters.ports[1].processed > 5
    };
    for (adapter, again) in [
        ("single_for = '500 ms'", "500 ms"),
        ("poll = '2 min'", "2 min"),
        ("on_poison = 'suspend_non_resumable', single_for = '400 ms'", "500 ms"),
    ] {
        let text = routing(adapter);
        told(&text, "t.toml:17:", says, "R-TXN-14");
        assert!(only(&text).1.contains(&format!("read again after \"{again}\"")), "{adapter}");
        assert!(for_ever(&text), "{adapter}");
    }
    // What is remembered for no time is forgotten for certain, maybe within one instant.
    let (located, _, is_warning) = only(&routing("single_for = '0 s'"));
    assert!(located.contains("forgets a message") && !is_warning, "{located}");
    let short = routing("single_for = '500 ms'");
    let slow = routing("single_for = '5 s'").replacen("[[send", "wire = '4600 ms'\n[[send", 1);
    told(&slow, "t.toml:17:", says, "after \"5 s\"");
    assert!(for_ever(&slow));
    let fails = "component = [{ stage = 'decode', does = 'fail' }]\npipeline";
    for (from, to, is_told) in [
        ("'500 ms'", "'501 ms'", false),
        ("route_failed = true\n", "", false),
        ("= true,", "= true, on_poison = 'suspend_on_next_read', remember = '1 s',", false),
        ("transactional = true, ", "", false),
        ("poison = { every = 1 }", "", false),
        ("every = 1", "every = 1, kind = 'forged'", false),
        ("every = 1", "every = 1, stage = 'validate'", false),
        ("'XMLReceive'", "'XMLReceive'\nrecoverable = true", false),
        ("'XMLReceive'", "'XMLReceive'\nrefuse_failed = true", false),
        ("ErrorType == \"FailedMessage\"", "SendPortName == \"Out\"", false),
        ("name = 'Errors'", "name = 'Errors'\nstate = 'bound'", false),
        ("[[load]]", "[[operate]]\nat = '1 s'\ndo = 'disable'\nto = 'Queue'\n[[load]]", false),
        ("every = 1", "every = 1, kind = 'unrecognised'", true),
        ("every = 1", "every = 1, stage = 'resolve_party'", true),
        ("poison = { every = 1 }", "location = 'Queue'\npoison = { every = 1 }", true),
        ("poison = { every = 1 }\n", "", false),
        ("pipeline", fails, true),
    ] {
        let other = short.replacen(from, to, 1);
        assert_ne!(other, short, "{to}");
        assert_eq!((said_of_forgetting(&other), for_ever(&other)), (is_told, is_told), "{to}");
    }
}

fn said_of_forgetting(text: &str) -> bool {
    let found = crate::bad_input::problems(text, &[]);
    found.iter().any(|one| one.message().contains("forget a message"))
}
