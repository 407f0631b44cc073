//! Ports whose settings contradict each other: what is said, whether it is an error, and by which
//! rule.

use floodgate_scenarios::plan::Problem;

use crate::bad_input::{GOOD, problems};

#[test]
fn an_ordered_port_that_retries_without_a_wait_is_warned_of() {
    // R-ORD-16: accepted, and not valid; what is not ordered, or never retries, may do so.
    let retry = |settings: &str| format!("retry = {{ {settings} }}\n[[load]]");
    let port = |ordered: &str, settings: &str| {
        let text = GOOD.replacen("filter", &format!("{ordered}\nfilter"), 1);
        text.replacen("[[load]]", &retry(settings), 1)
    };
    let found = problems(&port("ordered = true", "interval = '0 s'"), &[]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        found[0].located(),
        "t.toml:22:22: a retry interval of zero is not valid with ordered delivery"
    );
    assert!(found[0].is_warning() && found[0].advice().unwrap().contains("R-ORD-16"));
    for (ordered, settings) in [
        ("ordered = false", "interval = '0 s'"),
        ("ordered = true", "interval = '1 min'"),
        ("ordered = true", "count = 0, interval = '0 s'"),
    ] {
        assert_eq!(problems(&port(ordered, settings), &[]), [], "{ordered} {settings}");
    }
}

#[test]
fn an_isolated_host_sends_nothing() {
    // R-LIFE-11, R-HOST-01: whatever would send, and wherever it says so.
    let web = "[[host]]\nname = 'Web'\non = ['bts1']\nisolated = true\n[[receive_port]]";
    let good = GOOD.replacen("[[receive_port]]", web, 1);
    let receives = good.replacen("host = \"Host\"\nadapter", "host = \"Web\"\nadapter", 1);
    assert_eq!(problems(&receives, &[]), []);
    let handler = "[[send_handler]]\nname = 'FILE'\nadapter = 'file'\nhost = 'Web'\n[[send_port]]";
    let orchestration = "[[orchestration]]\nname = 'O'\nhost = 'Web'\n\
        filter = 'BTS.ReceivePortName == \"In\"'\n[[send_port]]";
    for (from, to) in [
        ("host = \"Host\"\nfilter", "host = \"Web\"\nfilter"),
        ("[send_port.primary]", "[send_port.primary]\nhost = 'Web'"),
        ("filter", "backup = { adapter = 'file', host = 'Web' }\nfilter"),
        ("[[send_port]]", handler),
        ("[[send_port]]", orchestration),
    ] {
        let found = problems(&good.replacen(from, to, 1), &[]);
        let about = |one: &&Problem| one.located().contains("'Web' is isolated");
        let found: Vec<_> = found.iter().filter(about).collect();
        assert_eq!(found.len(), 1, "{to}");
        assert!(!found[0].is_warning() && found[0].advice().unwrap().contains("R-LIFE-11"));
    }
    // The backup transport alone sends from there, by the port's host or by its own.
    let primary = good.replacen("[send_port.primary]", "[send_port.primary]\nhost = 'Host'", 1);
    for backup in ["{ adapter = 'file' }", "{ adapter = 'file', host = 'Web' }"] {
        let port = format!("host = 'Web'\nbackup = {backup}\nfilter");
        let found = problems(&primary.replacen("host = \"Host\"\nfilter", &port, 1), &[]);
        assert!(found.iter().any(|one| one.located().contains("'Web' is isolated")), "{backup}");
    }
}

#[test]
fn order_of_receipt_by_several_instances_is_warned_of() {
    // R-ORD-19.
    let adapter = "adapter = { kind = 'queue', transactional = true, on_poison = 'stop', \
        batches = 1 }\n[[send_port]]";
    let text = GOOD.replacen("adapter = \"file\"\n[[send_port]]", adapter, 1);
    assert_eq!(problems(&text, &[]), []);
    let second = "name = \"bts1\"\n[[server]]\nname = 'bts2'";
    let two = text.replacen("name = \"bts1\"", second, 1);
    let two = two.replacen("on = [\"bts1\"]", "on = ['bts1', 'bts2']", 1);
    let found = problems(&two, &[]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].located().contains("2 instances of 'Host' receive side by side"));
    assert!(found[0].is_warning() && found[0].advice().unwrap().contains("R-ORD-19"));
}

/// `GOOD` with this filter in place of its own.
fn asking(filter: &str) -> String {
    GOOD.replacen("BTS.ReceivePortName == \"In\"", filter, 1)
}

#[test]
fn a_filter_on_a_property_that_nobody_knows_is_refused() {
    // R-CTX-01: with the name that was meant, if one is near.
    for (name, near) in [
        ("BTS.RecievePortName", "did you mean 'BTS.ReceivePortName'?"),
        ("bts.messagetype", "did you mean 'BTS.MessageType'?"),
        ("ErrorReport.ErorType", "did you mean 'ErrorReport.ErrorType'?"),
        ("BTS.Colour", "such as BTS.ReceivePortName"),
        ("Floodgate.Flaw", "such as BTS.ReceivePortName"),
    ] {
        let found = problems(&asking(&format!("{name} exists and {name} exists")), &[]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].located().contains(&format!("18:10: no property is called '{name}'")));
        let advice = found[0].advice().unwrap();
        assert!(!found[0].is_warning() && advice.contains(near), "{found:?}");
        assert!(advice.contains("R-CTX-01"), "{advice}");
    }
}

#[test]
fn a_filter_that_does_not_parse_cites_the_rule_of_what_is_allowed() {
    // R-SUB-02, R-CTX-01.
    for (filter, at, message, rule) in [
        ("BTS.ReceivePortName =~ \"In\"", "18:31", "expected an operator", "R-SUB-02"),
        ("BTS.ReceivePortName like \"In\"", "18:31", "expected an operator", "R-SUB-02"),
        ("BTS.ReceivePortName == In", "18:34", "expected a value", "R-CTX-01"),
        ("Port == \"In\"", "18:11", "expected a property", "R-CTX-01"),
    ] {
        let found = problems(&asking(filter), &[]);
        assert_eq!(found.len(), 1, "{found:?}");
        let located = found[0].located();
        assert!(located.contains(at) && located.contains(message), "{located}");
        assert!(!found[0].is_warning() && found[0].advice().unwrap().contains(rule), "{found:?}");
    }
}

#[test]
fn a_filter_that_compares_unlike_types_is_warned_of() {
    // R-SUB-02, R-SUB-04: other types are unequal and have no order.
    for (filter, said) in [
        ("BTS.ReceivePortName == 5", "'BTS.ReceivePortName' is a text"),
        ("BTS.ReceivePortName > 5", "compared with a whole number: this condition never holds"),
        ("BTS.ReceivePortName != true", "this condition always holds where it is present"),
        ("BTS.RouteDirectToTP == \"true\"", "'BTS.RouteDirectToTP' is true or false"),
        ("BTS.RetryCount == \"3\"", "'BTS.RetryCount' is a whole number"),
        ("BTS.ReceivePortName & \"In\"", "has no bits: this condition never holds"),
    ] {
        let found = problems(&asking(filter), &[]);
        assert!(found.iter().all(Problem::is_warning), "{found:?}");
        let about = found.iter().find(|one| one.located().contains(said));
        let about = about.unwrap_or_else(|| panic!("{filter}: {found:?}"));
        assert!(about.located().contains("18:10") && about.advice().unwrap().contains("R-SUB-02"));
    }
    for filter in [
        "BTS.ReceivePortName == \"In\"",
        "BTS.RouteDirectToTP == true",
        "BTS.RetryCount & 2",
        "Orders.Amount == 5",
        "BTS.AckType exists",
    ] {
        let found = problems(&asking(filter), &[]);
        let unlike = |one: &&Problem| {
            one.located().contains("this condition") && !one.located().contains("nothing promotes")
        };
        assert_eq!(found.iter().filter(unlike).count(), 0, "{filter}: {found:?}");
    }
}

#[test]
fn a_filter_on_what_nothing_promotes_is_warned_of_by_its_name() {
    // R-SUB-04, R-MSG-11, R-FMR-01: until something does promote it.
    let location = "[[receive_port.location]]";
    let warned = |text: &str, property: &str| {
        let found = problems(text, &[]);
        assert!(found.iter().all(Problem::is_warning), "{found:?}");
        let said = format!("nothing promotes '{property}': this condition never holds");
        let about = found.iter().find(|one| one.located().contains(&said));
        about.map(|one| one.advice().unwrap_or_default().to_owned())
    };
    let typed = asking("BTS.MessageType == \"Order\"");
    assert!(warned(&typed, "BTS.MessageType").unwrap().contains("receive pipeline"));
    let pipeline = format!("{location}\npipeline = 'XMLReceive'");
    assert_eq!(warned(&typed.replacen(location, &pipeline, 1), "BTS.MessageType"), None);
    let errors = asking("ErrorReport.ErrorType == \"FailedMessage\"");
    assert!(warned(&errors, "ErrorReport.ErrorType").unwrap().contains("route_failed"));
    let routing = errors.replacen(location, &format!("route_failed = true\n{location}"), 1);
    assert_eq!(warned(&routing, "ErrorReport.ErrorType"), None);
    for property in
        ["Orders.Amount", "BTS.RetryCount", "BTS.AckDescription", "ErrorReport.Description"]
    {
        assert!(warned(&asking(&format!("{property} exists")), property).is_some(), "{property}");
    }
    for property in ["BTS.AckType", "BTS.InboundTransportLocation", "BTS.ReceivePortName"] {
        assert_eq!(warned(&asking(&format!("{property} exists")), property), None, "{property}");
    }
}

#[test]
fn settings_that_say_nothing_where_they_stand_are_told() {
    // R-PIPE-10, R-RIP-01, R-FMR-01, R-ACK-06, R-MMB-04, R-RCV-06, R-ORD-12.
    let location =
        |text: &str| GOOD.replacen("[[send_port]]", &format!("{text}\n[[send_port]]"), 1);
    let port = |text: &str| GOOD.replacen("filter", &format!("{text}\nfilter"), 1);
    let dynamic = |text: &str| {
        let handler = "[[send_handler]]\nname = 'FILE'\nadapter = 'file'\nhost = 'Host'\n\
            aliases = ['FILE']\n[[load]]";
        port(&format!("dynamic = {{}}\n{text}")).replacen("[[load]]", handler, 1)
    };
    let boxes = |text: &str| GOOD.replacen("[[host]]", &format!("{text}\n[[host]]"), 1);
    let forged = "poison = { every = 2, kind = 'forged' }\ncount = 1";
    let forged = GOOD.replacen("count = 1", forged, 1);
    for (text, said, rule, warning) in [
        (location("recoverable = true"), "15:15: 'recoverable' says nothing", "R-PIPE-10", true),
        (location("envelope = 'Env'"), "15:12: 'envelope' says nothing", "R-PIPE-10", true),
        (
            location("suspend_on_mapping_failure = true"),
            "15:30: 'suspend_on_mapping_failure' says nothing: 'In' has no map",
            "R-RIP-01",
            true,
        ),
        (dynamic("route_failed = true"), "cannot route failed messages", "R-FMR-01", false),
        (dynamic("notify_delivery = true"), "'Out' is dynamic: the product", "R-ACK-06", true),
        (boxes("publishes = false"), "7:13: no MessageBox takes new messages", "R-MMB-04", false),
        (forged.clone(), "forged messages go through: 'In' asks nobody", "R-RCV-06", true),
        (
            port("ordered = true\nbackup = { adapter = 'file' }"),
            "an ordered port stops sending when it tries its backup",
            "R-ORD-12",
            true,
        ),
        (
            port("ordered = true\nbackup = { adapter = 'file' }").replacen(
                "about",
                "choices = { ordered_backup = 'continues' }\nabout",
                1,
            ),
            "was chosen to go on by the backup",
            "R-ORD-12",
            true,
        ),
    ] {
        let (located, advice, is_warning) = crate::bad_properties::only(&text);
        assert!(located.contains(said), "{located}");
        assert!(advice.contains(rule) && is_warning == warning, "{advice}");
    }
    // What they stand beside makes them right.
    for text in [
        location("pipeline = 'XMLReceive'\nrecoverable = true\nenvelope = 'Env'"),
        location("suspend_on_mapping_failure = true").replacen(
            "[[receive_port.location]]",
            "map = true\n[[receive_port.location]]",
            1,
        ),
        port("route_failed = true\nnotify_delivery = true"),
        dynamic(""),
        boxes("publishes = true"),
        boxes("publishes = false\n[[message_box]]\nname = 'Second'\nserver = 'bts1'"),
    ] {
        crate::bad_properties::nothing(&text);
    }
    for authentication in ["drop", "keep"] {
        let asks = format!("authentication = '{authentication}'\n[[receive_port.location]]");
        crate::bad_properties::nothing(&forged.replacen("[[receive_port.location]]", &asks, 1));
    }
}

#[test]
fn throttling_that_says_nothing_or_contradicts_itself_is_named() {
    // R-THR-02, R-THR-03, R-DEQ-08: thresholds that nothing comes to, words without a delay.
    let host =
        |more: &str| GOOD.replacen("on = [\"bts1\"]", &format!("on = [\"bts1\"]\n{more}"), 1);
    for (text, said, helps) in [
        ("throttling = { gc_trigger = 30 }", "above 50 to 100 per cent", "50 to 100"),
        ("throttling = { gc_trigger = 101 }", "from 0 to 100, found 101", ""),
        ("throttling = { system_memory = 900 }", "no memory is seen", "'memory'"),
        ("throttling = { publishing = 'always', delay_max = '0 s' }", "by nothing", "R-THR-03"),
        ("throttling = { delivery = 'always', delivery_delay_max = '0 s' }", "by nothing", "R-THR"),
        ("throttling = { delivery_overdrive = 99 }", "from 100 to 100000, found 99", ""),
        ("throttling = { delivery_window = '0 s' }", "delivery_window", ""),
        ("throttling = { spool_factor = 1001 }", "from 0 to 1000, found 1001", ""),
        ("throttling = { severity_override = 0 }", "from 1 to 1000, found 0", ""),
        ("throttling = { publishing = 'initiate' }", "unknown word", "automatic, always, never"),
    ] {
        let found = problems(&host(text), &[]);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(
            !found[0].is_warning() && found[0].located().contains(said),
            "{}",
            found[0].located()
        );
        assert!(found[0].located().starts_with("t.toml:"), "{}", found[0].located());
        assert!(helps.is_empty() || found[0].advice().unwrap().contains(helps), "{text}");
    }
    let found = problems(&host("in_process = 50\nthrottling = {}"), &[]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].is_warning() && found[0].advice().unwrap().contains("R-DEQ-08"), "{found:?}");
    for text in [
        "throttling = { gc_trigger = 0 }",
        "throttling = { gc_trigger = 50 }",
        "throttling = { system_memory = 900, memory = {} }",
        "throttling = { publishing = 'never', delay_max = '0 s' }",
        "throttling = { publishing = 'always', delivery_delay_max = '0 s' }",
        "throttling = { in_process = 5000 }",
        "in_process = 50\nthrottling = { in_process = 0 }",
        "in_process = 50\nthrottling = { in_process = 50 }",
        "in_process = 50\nthrottling = { delivery = 'never' }",
    ] {
        assert_eq!(problems(&host(text), &[]), [], "{text}");
    }
}
