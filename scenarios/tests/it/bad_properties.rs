//! Properties, values and types that no message has, wherever a scenario names them: what is said,
//! whether it is an error, and by which rule.

use floodgate_scenarios::plan::Problem;

use crate::bad_input::{GOOD, problems};

/// `GOOD` with this text before the place.
fn with(before: &str, text: &str) -> String {
    assert!(GOOD.contains(before), "{before}");
    GOOD.replacen(before, &format!("{text}\n{before}"), 1)
}

/// In the location of `GOOD`.
fn location(text: &str) -> String {
    with("adapter = \"file\"\n[[send_port]]", text)
}

fn asking(filter: &str) -> String {
    GOOD.replacen("BTS.ReceivePortName == \"In\"", filter, 1)
}

/// The only thing that is said of `text`: where and what, the advice, and whether it is a warning.
pub(crate) fn only(text: &str) -> (String, String, bool) {
    let found = problems(text, &[]);
    let [one] = &found[..] else { panic!("{text}\n{found:?}") };
    (one.located(), one.advice().unwrap_or_default().to_owned(), one.is_warning())
}

pub(crate) fn nothing(text: &str) {
    assert_eq!(problems(text, &[]), [], "{text}");
}

#[test]
fn whatever_is_received_has_a_number_in_its_interchange() {
    // R-MSG-10, R-SUB-04: no warning of a condition that always holds.
    nothing(&asking("BTS.InterchangeSequenceNumber >= 1"));
}

#[test]
fn a_condition_on_a_value_that_none_has_is_warned_of() {
    // R-SUB-02.
    let xml = |filter: &str| {
        let from = "BTS.ReceivePortName == \"In\"";
        location("pipeline = 'XMLReceive'").replacen(from, filter, 1)
    };
    for (text, said, help) in [
        (asking("BTS.ReceivePortName == \"Inn\""), "no receive port is called 'Inn'", "'In'?"),
        (
            asking("BTS.InboundTransportLocation == \"In.1\""),
            "no receive location is called 'In.1'",
            "did you mean 'In.0'?",
        ),
        (
            xml("BTS.MessageType == \"Documnt\""),
            "no document type is called 'Documnt'",
            "did you mean 'Document'?",
        ),
        (asking("BTS.AckType == \"ack\""), "no kind of acknowledgement is called 'ack'", "NACK"),
        (
            asking("BTS.AckSendPortName == \"Nope\""),
            "no send port is called 'Nope'",
            "allowed: Out",
        ),
    ] {
        let (located, advice, warning) = only(&text);
        assert!(located.ends_with(&format!("{said}: this never matches")), "{located}");
        assert!(warning && advice.contains("R-SUB-02") && advice.contains(help), "{advice}");
    }
    // A value that there is, another operator, and what a recording may say.
    nothing(&xml("BTS.MessageType == \"Document\""));
    nothing(&xml("BTS.MessageType != \"Other\""));
    let real = "count = 1\nbody = '<Order/>'";
    nothing(&xml("BTS.MessageType == \"Order\"").replacen("count = 1", real, 1));
    // Groups and orchestrations ask as well.
    let group = "[[send_port_group]]\nname = 'G'\nports = ['Out']\n\
        filter = 'BTS.ReceivePortName == \"Inn\"'";
    let orchestration = "[[orchestration]]\nname = 'O'\nhost = 'Host'\n\
        filter = 'BTS.ReceivePortName == \"Inn\"'";
    for text in [group, orchestration] {
        let (located, _, warning) = only(&with("[[load]]", text));
        assert!(
            warning && located.ends_with("no receive port is called 'Inn': this never matches")
        );
    }
}

#[test]
fn who_waits_for_acknowledgements_that_nobody_asks_for_is_warned() {
    // R-ACK-01: successes are told of where a port says so, suspensions always.
    let acks = asking("BTS.AckType == \"ACK\"");
    let (located, advice, warning) = only(&acks);
    assert!(warning && located.contains("18:10: nobody is told of a delivery"), "{located}");
    assert!(advice.contains("R-ACK-01") && advice.contains("notify_delivery"), "{advice}");
    nothing(&acks.replacen("filter", "notify_delivery = true\nfilter", 1));
    nothing(&asking("BTS.AckType == \"NACK\""));
}

#[test]
fn what_only_responses_or_requests_have_needs_two_ways() {
    // R-SUB-04, R-SR-03: and so for what orchestrations alone promote.
    for (property, help) in [
        ("BTS.SPName", "'two_way' on a send port"),
        ("BTS.EpmRRCorrelationToken", "'two_way' on a receive port"),
        ("BTS.CorrelationToken", "'answer'"),
        ("BTS.SPTransportID", "orchestration"),
        ("BTS.MessageDestination", "filters see promoted properties only"),
        ("BTS.SuspendMessageOnRoutingFailure", "suspend_on_routing_failure"),
    ] {
        let (located, advice, warning) = only(&asking(&format!("{property} exists")));
        assert!(located.contains(&format!("nothing promotes '{property}'")), "{located}");
        assert!(warning && advice.contains("R-SUB-04") && advice.contains(help), "{advice}");
    }
    let two_way = asking("BTS.SPName == \"Out\"").replacen("filter", "two_way = {}\nfilter", 1);
    let found = problems(&two_way, &[]);
    assert!(!found.iter().any(|one| one.located().contains("BTS.SPName")), "{found:?}");
    let other = problems(&two_way.replacen("== \"Out\"", "== \"Ot\"", 1), &[]);
    let said = "no two-way send port is called 'Ot': this never matches";
    assert!(other.iter().any(|one| one.located().ends_with(said)), "{other:?}");
}

#[test]
fn every_key_that_names_a_property_knows_the_names() {
    // R-CTX-01: as in filters.
    let orchestration = |on: &str| {
        let text = format!(
            "[[orchestration]]\nname = 'O'\nhost = 'Host'\nto = 'Out'\n\
             filter = 'BTS.ReceivePortName == \"In\"'\nconvoy = {{ on = '{on}' }}"
        );
        with("[[load]]", &text)
    };
    let promotes = |property: &str| {
        let own = format!("promotes = [{{ element = 'E', property = '{property}' }}]");
        location(&format!("pipeline = 'XMLReceive'\n{own}"))
    };
    let demotes = |property: &str| {
        let own = format!("demotes = [{{ element = 'E', property = '{property}' }}]");
        with("filter", &format!("pipeline = 'XMLTransmit'\n{own}"))
    };
    let demands = |property: &str| location(&format!("demands = [{{ property = '{property}' }}]"));
    let has = |property: &str| {
        with(
            "[[receive_port]]",
            &format!("properties = [{{ property = '{property}', value = 'x' }}]"),
        )
    };
    let keys: [&dyn Fn(&str) -> String; 5] = [&orchestration, &promotes, &demotes, &demands, &has];
    for text in keys {
        for (name, said, help) in [
            ("BTS.NoSuch", "no property is called 'BTS.NoSuch'", "such as BTS."),
            ("BTS.MesageType", "no property is called", "did you mean 'BTS.MessageType'?"),
            ("Colour", "expected a property, found 'Colour'", "Namespace.Property"),
            ("My Own.Colour", "expected a property, found 'My Own.Colour'", "Namespace.Property"),
        ] {
            let (located, advice, warning) = only(&text(name));
            assert!(located.contains(said), "{located}");
            assert!(!warning && advice.contains("R-CTX-01") && advice.contains(help), "{advice}");
        }
    }
    nothing(&orchestration("BTS.ReceivePortName"));
    nothing(&demotes("BTS.ReceiveLocationName"));
    nothing(&has("Plant.Region"));
    nothing(&promotes("Order.Total"));
}

#[test]
fn a_convoy_on_what_nothing_promotes_is_refused() {
    // R-ORD-03, R-SUB-04: there would be no order to keep.
    let convoy = |location: &str| {
        let text = "[[orchestration]]\nname = 'O'\nhost = 'Host'\nto = 'Out'\n\
            filter = 'BTS.ReceivePortName == \"In\"'\nconvoy = { on = 'Order.Customer' }";
        let text = with("[[load]]", text);
        text.replacen("adapter = \"file\"\n[[send_port]]", location, 1)
    };
    let (located, advice, warning) = only(&convoy("adapter = 'file'\n[[send_port]]"));
    assert!(located.contains("26:17: nothing promotes 'Order.Customer'"), "{located}");
    assert!(!warning && advice.contains("R-ORD-03"), "{advice}");
    nothing(&convoy(
        "adapter = 'file'\npipeline = 'XMLReceive'\n\
         promotes = [{ element = 'C', property = 'Order.Customer', described = 'c' }]\n[[send_port]]",
    ));
}

#[test]
fn what_no_message_has_is_written_nowhere_and_what_no_host_has_is_demanded_in_vain() {
    // R-PIPE-12, R-CTX-08.
    let demotes = "pipeline = 'XMLTransmit'\n\
        demotes = [{ element = 'E', property = 'Order.Total' }]";
    let (located, advice, warning) = only(&with("filter", demotes));
    assert!(located.contains("no message has 'Order.Total': nothing is written"), "{located}");
    assert!(warning && advice.contains("R-PIPE-12"), "{advice}");
    let demands = "demands = [{ property = 'Plant.Region', value = 'North' }]";
    let (located, advice, warning) = only(&location(demands));
    assert!(located.contains("no host meets the demand on 'Plant.Region'"), "{located}");
    assert!(warning && advice.contains("R-CTX-08"), "{advice}");
    let region = |value: &str| {
        let own = format!("properties = [{{ property = 'Plant.Region', value = '{value}' }}]");
        location(demands).replacen("[[receive_port]]", &format!("{own}\n[[receive_port]]"), 1)
    };
    nothing(&region("North"));
    assert!(only(&region("South")).0.contains("no host meets"));
    nothing(&location("demands = [{ property = 'Plant.Region' }]"));
}

#[test]
fn maps_for_types_that_nobody_sends_are_warned_of() {
    // R-MAP-01, R-PIPE-10.
    let maps = |maps: &str, pipeline: &str| {
        let text = with("[[receive_port.location]]", &format!("maps = [{maps}]"));
        text.replacen("[[send_port]]", &format!("pipeline = '{pipeline}'\n[[send_port]]"), 1)
    };
    let nope = "{ from = 'Nope', to = 'X' }";
    let own = "{ from = 'Document', to = 'X' }";
    for (text, said, rule) in [
        (maps(nope, "XMLReceive"), "12:18: no document of type 'Nope' comes here", "Document"),
        (maps(own, "PassThruReceive"), "12:18: no document has a type here", "R-PIPE-10"),
        (
            maps(&format!("{{ to = 'Y' }}, {own}"), "XMLReceive"),
            "an earlier map takes every document that this one would",
            "R-MAP-01",
        ),
        (
            with("filter", "maps = [{ from = 'Nope' }]"),
            "18:18: no document has a type here",
            "R-PIPE-10",
        ),
    ] {
        let (located, advice, warning) = only(&text);
        assert!(located.contains(said), "{located}");
        assert!(warning && advice.contains("R-MAP-01") && advice.contains(rule), "{advice}");
    }
    nothing(&maps(own, "XMLReceive"));
    nothing(&maps("{ to = 'Y' }", "PassThruReceive"));
    // What the inbound map makes, an outbound map may take.
    let out = maps(own, "XMLReceive").replacen("filter", "maps = [{ from = 'X' }]\nfilter", 1);
    nothing(&out);
    // A port that others forward to gets their types as well.
    let kinds = "count = 1\nmix = [{ weight = 1, document_type = 'Nope' }]";
    nothing(&maps(nope, "XMLReceive").replacen("count = 1", kinds, 1));
}

#[test]
fn a_check_that_there_is_not_cannot_have_had_an_occasion() {
    let expect = |rule: &str| format!("{GOOD}[expect]\nexercised = ['INV-44', '{rule}']\n");
    let (located, advice, warning) = only(&expect("INV-none"));
    assert!(located.contains("26:24: no check is called 'INV-none'"), "{located}");
    assert!(!warning && advice.contains("INV-44"), "{advice}");
    nothing(&expect("INV-45"));
}

#[test]
fn a_document_that_nobody_takes_may_be_told_by_its_own_wish() {
    // R-CTX-06: promoted, so that filters see it.
    let text = location("suspend_on_routing_failure = true");
    let from = "BTS.ReceivePortName == \"In\"";
    let asks = text.replacen(from, "BTS.SuspendMessageOnRoutingFailure == true", 1);
    nothing(&asks);
    let run = crate::keys::done(&asks);
    assert_eq!(run.outcome.meters.ports[0].processed, 1);
    let found = problems(&asking("BTS.SuspendMessageOnRoutingFailure == true"), &[]);
    assert!(found.iter().all(Problem::is_warning) && found.len() == 1, "{found:?}");
}
