//! Acts of an operator that cannot be done, and pipelines that have nobody to do what they say.

use floodgate_scenarios::plan::Problem;

use crate::bad_input::{GOOD, problems};

fn said(text: &str) -> Vec<String> {
    problems(text, &[]).iter().map(Problem::located).collect()
}

fn with_act(act: &str) -> String {
    GOOD.replacen("[[load]]", &format!("[[operate]]\n{act}\n[[load]]"), 1)
}

#[test]
fn an_act_names_what_there_is_and_what_can_be_done_to_it() {
    // R-SUB-09, R-MBX-08, R-ADD-02.
    assert_eq!(said(&with_act("at = '1 s'\ndo = 'stop'\nto = 'Out'")), [""; 0]);
    assert_eq!(said(&with_act("at = '1 s'\ndo = 'message_box_online'\nto = 'MsgBox'")), [""; 0]);
    for (act, end) in [
        (
            "at = '1 s'\ndo = 'stop'\nto = 'Ou'",
            "24:6: no send port or send port group is called 'Ou'",
        ),
        (
            "at = '1 s'\ndo = 'save'\nto = 'MsgBox'",
            "24:6: no send port or orchestration or receive port or location is called 'MsgBox'",
        ),
        (
            "at = '1 s'\ndo = 'suspend'\nto = 'In'",
            "24:6: no send port or orchestration is called 'In'",
        ),
        ("at = '1 s'\ndo = 'disable'\nto = 'In'", "24:6: no location is called 'In'"),
        (
            "at = '1 s'\ndo = 'stop'\nto = 'Out'\nkind = 'location'",
            "25:8: 'stop' is nothing that is done to a location",
        ),
        (
            "at = '1 s'\ndo = 'message_box_online'\nto = 'Out'",
            "24:6: no message_box is called 'Out'",
        ),
        ("at = '1 s'\ndo = 'stop'", "'to' is missing in operate"),
        ("do = 'stop'\nto = 'Out'", "'at' is missing in operate"),
        ("at = '1 s'\nto = 'Out'", "'do' is missing in operate"),
    ] {
        let found = said(&with_act(act));
        assert!(found.len() == 1 && found[0].ends_with(end), "{act}: {found:?}");
    }
    let unknown = problems(&with_act("at = '1 s'\ndo = 'stopp'\nto = 'Out'"), &[]);
    assert_eq!(unknown.len(), 1, "{unknown:?}");
    assert!(unknown[0].located().contains("24:6: 'do'") || unknown[0].located().contains("'do'"));
    assert!(unknown[0].advice().is_some_and(|help| help.contains("'stop'")), "{unknown:?}");
}

#[test]
fn a_name_that_two_have_is_told_apart() {
    // R-MBX-08: and what a name means is never guessed.
    let both = GOOD.replace("\"In\"", "\"Out\"");
    let act = |more: &str| {
        let act = format!("[[operate]]\nat = '1 s'\ndo = 'resume'\nto = 'Out'\n{more}\n[[load]]");
        said(&both.replacen("[[load]]", &act, 1))
    };
    let found = act("");
    assert!(found.len() == 1 && found[0].ends_with("'Out' is a send port and a receive port"));
    assert_eq!(act("kind = 'receive_port'"), [""; 0]);
    assert_eq!(act("kind = 'send_port'"), [""; 0]);
}

#[test]
fn fields_are_promoted_and_written_by_pipelines_that_read_xml() {
    // R-PIPE-12, R-PIPE-10: pass-through has no component that could.
    let promotes = "promotes = [{ element = 'Total', property = 'Order.Total' }]";
    let demotes = "demotes = [{ property = 'BTS.ReceivePortName', element = 'From' }]";
    let with = |before: &str, text: &str| GOOD.replacen(before, &format!("{text}\n{before}"), 1);
    let location = "adapter = \"file\"\n[[send_port]]";
    let xml = |text: &str| format!("pipeline = 'XMLReceive'\n{text}");
    assert_eq!(said(&with(location, &xml(promotes))), [""; 0]);
    assert_eq!(said(&with("filter", &format!("pipeline = 'XMLTransmit'\n{demotes}"))), [""; 0]);
    for (before, text, end) in [
        (location, promotes, "'promotes' stands beside a pipeline that promotes nothing"),
        ("filter", demotes, "'demotes' stands beside a pipeline that writes nothing"),
    ] {
        let found = problems(&with(before, text), &[]);
        assert!(found.len() == 1 && found[0].located().ends_with(end), "{found:?}");
        assert!(found[0].advice().is_some_and(|help| help.contains("R-PIPE-10")), "{found:?}");
    }
    // R-SUB-04: and a filter may ask for what is promoted.
    let asks = |text: String| text.replacen("== \"In\"'", "== \"In\" and Order.Total == 7'", 1);
    let warned = |text: &str| said(text).iter().any(|said| said.contains("nothing promotes"));
    assert!(warned(&asks(GOOD.to_owned())), "{:?}", said(&asks(GOOD.to_owned())));
    assert!(!warned(&asks(with(location, &xml(promotes)))));
}

#[test]
fn a_way_back_has_the_stages_of_its_pipeline() {
    // R-RR-04, R-SR-03, R-ADD-06: a component that nobody would run is refused.
    let own = |what: &str| format!("two_way = {{ component = [{{ {what} }}] }}");
    let receives = |what: &str| {
        let port = "[[receive_port]]\nname = \"In\"\n";
        said(&GOOD.replacen(port, &format!("{port}{}\n", own(what)), 1))
    };
    let ends = |found: &[String], end: &str| {
        assert!(found.iter().any(|said| said.ends_with(end)), "{found:?}");
    };
    ends(&receives("stage = 'decode', does = 'fail'"), "'decode' is no stage of this pipeline");
    let rewrite = "stage = 'encode', does = 'rewrite', faults = true";
    ends(&receives(rewrite), "'rewrite' and 'size' go together");
    ends(
        &receives("stage = 'encode', does = 'fail', size = '9 B'"),
        "'rewrite' and 'size' go together",
    );
    let both = "stage = 'encode', does = 'fail', faults = true, every = 2";
    ends(&receives(both), "'faults' stands beside 'document' or 'every'");
    let whole = format!("{rewrite}, size = '2 KB'");
    assert!(
        !receives(&whole).iter().any(|said| said.contains("component") || said.contains("size"))
    );
}

#[test]
fn publication_that_is_switched_to_what_it_is() {
    // R-MMB-04, R-MMB-05.
    let act = |at: &str, verb: &str, to: &str| {
        format!("[[operate]]\nat = '{at}'\ndo = '{verb}'\nto = '{to}'\n")
    };
    let boxes = "[[message_box]]\nname = 'Second'\nserver = 'bts1'\n[[host]]";
    let two = GOOD.replacen("[[host]]", boxes, 1);
    let off = act("1 s", "disable_publication", "Second");
    let on = act("2 s", "enable_publication", "Second");
    for good in [off.clone(), format!("{on}{off}")] {
        assert_eq!(said(&format!("{two}{good}")), [""; 0], "{good}");
    }
    for (text, end) in [
        (
            format!("{GOOD}{}", act("1 s", "disable_publication", "MsgBox")),
            "'disable_publication' says nothing: there is no other MessageBox",
        ),
        (
            format!("{two}{on}"),
            "'enable_publication' changes nothing: 'Second' takes new messages by then",
        ),
        (
            format!("{two}{off}{off}"),
            "'disable_publication' changes nothing: 'Second' takes no new messages by then",
        ),
        (
            format!("{two}{}", act("1 s", "disable_publication", "Out")),
            "no message_box is called 'Out'",
        ),
        (
            format!("policy = {{ cache_refresh = '5 s' }}\n{two}"),
            "'cache_refresh' says nothing: nobody switches the publication of a MessageBox",
        ),
    ] {
        let found = said(&text);
        assert!(found.len() == 1 && found[0].ends_with(end), "{text}: {found:?}");
    }
}

#[test]
fn publication_that_is_switched_off_everywhere() {
    // R-MMB-04: what is refused of the plan is told of its acts, once, and not of an instant that
    // leaves somebody.
    let act = |at: &str, verb: &str, to: &str| {
        format!("[[operate]]\nat = '{at}'\ndo = '{verb}_publication'\nto = '{to}'\n")
    };
    let boxes = "[[message_box]]\nname = 'Second'\nserver = 'bts1'\n[[host]]";
    let two = GOOD.replacen("[[host]]", boxes, 1);
    let first = act("1 s", "disable", "MsgBox");
    for (second, on, warns) in [
        (act("1 s", "disable", "Second"), String::new(), true),
        (act("2 s", "disable", "Second"), act("3 s", "enable", "MsgBox"), true),
        (act("2 s", "disable", "Second"), act("2 s", "enable", "MsgBox"), false),
        (act("2 s", "disable", "Second"), act("1500 ms", "enable", "MsgBox"), false),
    ] {
        let found = said(&format!("{two}{second}{first}{on}"));
        let nobody = "no MessageBox takes new messages from then on";
        let told = found.iter().filter(|said| said.contains(nobody)).count();
        assert_eq!((told, found.len()), (usize::from(warns), usize::from(warns)), "{found:?}");
    }
}
