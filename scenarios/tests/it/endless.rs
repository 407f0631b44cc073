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
