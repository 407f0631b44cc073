//! What a file may say without any effect: each is told at its place, and what gives it an effect
//! is not.

use crate::bad_input::GOOD;
use crate::bad_properties::{nothing, only};

/// `GOOD` with every `from` replaced by its `to`.
fn text(changes: &[(&str, &str)]) -> String {
    changes.iter().fold(GOOD.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from} is not in the text");
        text.replacen(from, to, 1)
    })
}

/// `GOOD` with this head, and a send adapter of these settings.
fn sends(head: &str, settings: &str) -> String {
    let adapter = format!("[send_port.primary]\nadapter = {{ kind = 'synthetic'{settings} }}");
    text(&[("[send_port.primary]\nadapter = \"file\"", &adapter), ("about", head)])
}

/// `GOOD` with this choice, and a send port with these settings.
fn chooses(choice: &str, port: &str) -> String {
    let head = format!("choices = {{ {choice} }}\nabout");
    text(&[("about", &head), ("filter", &format!("{port}\nfilter"))])
}

/// What is told of `idle`, by which rule; and nothing is told of `useful`.
fn told(idle: &str, useful: &str, says: &str, rule: &str) {
    let (located, advice, is_warning) = only(idle);
    assert!(located.contains(says), "{says}: {located}");
    assert!(advice.contains(rule) && is_warning, "{says}: {advice}");
    nothing(useful);
}

#[test]
fn adapters_are_told_what_they_have_no_use_for() {
    // R-CTX-10, R-HOST-04, R-SND-09: the completion of the preset is nobody's mistake.
    let fails = |updates: &str| {
        let settings = format!(", updates = [{updates}]");
        sends("about", &settings).replacen("[[load]]", "fail = { first = 1 }\n[[load]]", 1)
    };
    let update = |name: &str| format!("{{ property = 'My.{name}', value = 'x' }}");
    told(
        &sends("about", ", blocking = true, completion = { batch = 7 }"),
        &sends("about", ", completion = { batch = 7 }"),
        "'completion' says nothing: an adapter that blocks",
        "R-HOST-04",
    );
    nothing(&sends("about", ", blocking = true").replacen("'synthetic'", "'http'", 1));
    told(
        &fails(&format!("{}, {}", update("A"), update("A"))),
        &fails(&format!("{}, {}", update("A"), update("B"))),
        "'My.A' is given another value after this one",
        "R-CTX-10",
    );
}

#[test]
fn hosts_are_told_how_nobody_waits() {
    // R-ADD-05, R-RR-02, R-RR-10.
    let host =
        |settings: &str, more: &str| {
            let settings = format!("on = [\"bts1\"]\n{settings}");
            let location = format!("{more}[[receive_port.location]]");
            text(&[("on = [\"bts1\"]", &settings), ("[[receive_port.location]]", &location)])
                .replacen("adapter = \"file\"", "adapter = 'http'", 1)
        };
    for (key, value) in [
        ("allow_multiple", "true"),
        ("response_timeout", "'1 min'"),
        ("response_timeout_isolated", "'1 min'"),
    ] {
        let setting = format!("{key} = {value}");
        let says = format!("'{key}' says nothing: no client waits for 'Host'");
        // The last one is for isolated hosts, which do not send.
        let useful = if key.ends_with("isolated") { "" } else { &setting };
        told(&host(&setting, ""), &host(useful, "two_way = {}\n"), &says, "R-RR-02");
    }
    told(
        &host("response_timeout_isolated = '1 min'", "two_way = {}\n"),
        &host("response_timeout_isolated = '20 min'", ""),
        "'response_timeout_isolated' says nothing: 'Host' is not isolated",
        "R-ADD-05",
    );
}

#[test]
fn maps_of_the_way_back_take_what_comes_that_way() {
    // R-MAP-01, R-RR-04, R-SR-03.
    let answers = |from: &str| {
        let location = format!(
            "two_way = {{ maps = [{{ from = '{from}' }}] }}\n[[receive_port.location]]\n\
             pipeline = 'XMLReceive'"
        );
        text(&[("[[receive_port.location]]", &location), ("count = 1", TYPED)]).replacen(
            "adapter = \"file\"",
            "adapter = 'http'",
            1,
        )
    };
    told(&answers("Nope"), &answers("Order"), "no document of type 'Nope' comes", "R-MAP-01");
    let asks = |pipeline: &str, from: &str| {
        let way = format!(
            "two_way = {{ pipeline = '{pipeline}', maps = [{{ from = '{from}' }}] }}\nfilter"
        );
        let reply = "[send_port.primary]\nreply = { document_type = 'Reply' }";
        text(&[("filter", &way), ("[send_port.primary]", reply)])
    };
    let useful = asks("XMLReceive", "Reply");
    told(&asks("XMLReceive", "Nope"), &useful, "no document of type 'Nope' comes", "R-MAP-01");
    told(&asks("PassThruReceive", "Reply"), &useful, "no document has a type", "R-PIPE-10");
    // What a map makes of a reply is a type like any other.
    let made = "two_way = { pipeline = 'XMLReceive', maps = [{ to = 'Made' }] }\n\
        maps = [{ from = 'Made' }]\nfilter";
    let reply = "[send_port.primary]\nreply = {}";
    nothing(&text(&[("filter", made), ("[send_port.primary]", reply)]));
}

const TYPED: &str = "count = 1\ndocument_type = 'Order'";

#[test]
fn what_is_planned_for_later_than_the_end_is_told() {
    // R-LIFE-06: one message, and an hour to finish it; whatever the rate is.
    let plan = |head: &str, at: &str, load: &str, rest: &str| {
        let text = text(&[("about", head), ("count = 1\n", load)]);
        format!("{text}{}", rest.replace("AT", at))
    };
    let fault = "[[fault]]\nat = 'AT'\nkind = 'host_crash'\nhost = 'Host'\nserver = 'bts1'\n";
    let act = "[[operate]]\nat = 'AT'\ndo = 'stop'\nto = 'Out'\n";
    let hour = "drain = '1 h'\nabout";
    let says = "the run is over by then: it ends after ";
    for rest in [fault, act] {
        for (load, before, after) in [
            ("count = 10\n", "1 h", "3611 s"),
            ("count = 10\nstart = '1 h'\n", "2 h", "7211 s"),
            ("count = 10\ndocuments = 100\n", "4600 s", "4601 s"),
            ("warm_up = '1 min'\nmeasure = '1 h'\n", "7260 s", "7261 s"),
        ] {
            let of = |at: &str| plan(hour, at, load, rest);
            told(&of(after), &of(before), says, "'drain'");
        }
        // The drain of the phases takes the place of the other.
        let phases = format!(
            "{rest}[[phase]]\nkind = 'hold'\nlasts = '1 h'\n[[phase]]\nkind = 'drain'\n\
             lasts = '2 h'\n"
        );
        let of = |at: &str| plan(hour, at, "", &phases);
        told(&of("10801 s"), &of("3 h"), says, "'drain'");
        // Chance and the plant say when such loads end.
        let drawn = plan(hour, "99 h", "count = 10\n", rest);
        nothing(&drawn.replacen("{ constant = 1 }", "{ poisson = 1 }", 1));
    }
}

#[test]
fn choices_are_told_that_nothing_asks_for_them() {
    // R-BSND-02, R-CLK-10, R-DYN-05, R-ORD-12, R-RIP-08; X-10.
    let choice = |choice: &str| format!("choices = {{ {choice} }}\nabout");
    let idle = chooses("ordered_backup = 'continues'", "backup = { adapter = 'file' }");
    let (located, advice, _) = only(&idle);
    assert!(located.contains("'ordered_backup' says nothing: no ordered port"), "{located}");
    assert!(advice.contains("R-ORD-12"), "{advice}");
    // With one it is told that the product does not support it, and nothing else.
    let asked = idle.replacen("filter", "ordered = true\nfilter", 1);
    assert!(!only(&asked).0.contains("says nothing"));
    for (key, value, settings, says, rule) in [
        ("batch_done", "'adapter'", "", "takes batches without blocking", "R-BSND-02"),
        ("empty_maximum", "'refused'", ", batch = 0", "a batch of no messages", "R-CLK-10"),
        ("send_transactions", "'engine'", ", transactional = true", "is transactional", "X-10"),
    ] {
        let head = choice(&format!("{key} = {value}"));
        let settings = &format!(", batched = true{settings}");
        told(&sends(&head, ""), &sends(&head, settings), says, rule);
    }
    let waits = |done: &str| choice(&format!("{done}batch_wait = '1 s'"));
    told(
        &sends(&waits(""), ", batched = true"),
        &sends(&waits("batch_done = 'adapter', "), ", batched = true"),
        "'batch_wait' says nothing: no adapter says itself",
        "R-BSND-02",
    );
    let resumes = format!(
        "{}[[operate]]\nat = '1 s'\ndo = 'resume'\nto = 'Out'\n",
        text(&[("about", &choice("unrouted_resume = 'pipeline'"))])
    );
    let idle = resumes.replacen("'resume'", "'terminate'", 1);
    told(&idle, &resumes, "'unrouted_resume' says nothing: nobody resumes", "R-RIP-08");
    let (located, ..) = only(&text(&[("about", &choice("alias = 'first'"))]));
    assert!(located.contains("'alias' says nothing: no send port is dynamic"), "{located}");
}

/// What is replaced, and what it is replaced by.
type Change<'a> = (&'a str, &'a str);

/// `GOOD` with this choice, and with every `from` replaced by its `to`.
fn chosen(choice: &str, changes: &[Change<'_>]) -> String {
    let single = ("[send_port.primary]\nadapter = \"file\"", SINGLE);
    let text = text(&[&[single], changes].concat());
    text.replacen("about", &format!("choices = {{ {choice} }}\nabout"), 1)
}

#[test]
fn every_choice_that_cannot_matter_says_what_it_would_need() {
    // R-BATCH-03, R-BATCH-06, R-BC-05, R-CLK-14, R-CLK-17, R-CLK-19, R-CTX-05, R-RETRY-02, R-RR-02,
    // in a plant where all is well; what needs an adapter of one's own never matters here,
    // and where it does is seen in `engine/tests/it/choices.rs`.
    let fails = [("[[load]]", "fail = { first = 1 }\n[[load]]")];
    let some = [("== \"In\"", "== \"In\" and BTS.InterchangeSequenceNumber == 1")];
    let answers = [
        ("[[receive_port.location]]", "two_way = {}\n[[receive_port.location]]"),
        ("adapter = \"file\"", "adapter = \"http\""),
    ];
    // No single text is that long, but what is put together of names may be.
    let long = format!("\"{}\"", "n".repeat(240));
    let named = [("\"bts1\"", long.as_str()); 3];
    let batched = [(SINGLE, BATCHED)];
    let transacts = [(SINGLE, TRANSACTS)];
    let resumes = [("[[load]]", "[[operate]]\nat = '1 s'\ndo = 'resume'\nto = 'Out'\n[[load]]")];
    let empty = [(SINGLE, EMPTY)];
    let dynamic = [
        (
            "[[send_port]]",
            "[[send_handler]]\nname = 'A'\nadapter = 'file'\nhost = 'Host'\naliases = ['FILE://']\n[[send_port]]",
        ),
        ("filter", "dynamic = {}\nordered = false\nfilter"),
        ("[[load]]", "[[load]]\noutbound = ['FILE://archive/x']"),
    ];
    let backs_up = [
        ("filter", "ordered = true\nfilter"),
        ("[[load]]", "retry = { count = 0 }\n[send_port.backup]\nadapter = 'file'\n[[load]]"),
    ];
    let table: [(&str, &str, &str, &[Change<'_>]); 17] = [
        ("alias = 'first'", "", "dynamic", &dynamic),
        ("batch_done = 'adapter'", "", "without blocking", &batched),
        ("batch_wait = '1 s'", "batch_done = 'adapter', ", "says itself", &batched),
        ("double_submit = 'batch_fails'", "", "submits one object twice", &[]),
        ("empty_maximum = 'refused'", "", "no messages", &empty),
        ("failed_status = 'first_failure'", "", "no batch fails", &fails),
        ("null_callback = 'allowed'", "", "called back", &[]),
        ("ordered_backup = 'continues'", "", "ordered port", &backs_up),
        ("outbound_charge = 'first_attempt'", "", "each is the first", &fails),
        ("promoted_length = '256'", "", "256 characters", &named),
        ("response_timeout = 'one_to_sixty_minutes'", "", "no client waits", &answers),
        ("retry_count = 'configured'", "", "all retries are left", &fails),
        ("routing_reports = 'with_batch'", "", "somebody subscribes", &some),
        ("send_transactions = 'engine'", "", "transactional", &transacts),
        ("suspended_status = 's_false'", "unrouted_suspension = 'engine', ", "suspends", &some),
        ("unrouted_resume = 'pipeline'", "", "nobody resumes", &resumes),
        ("unrouted_suspension = 'engine'", "", "somebody subscribes", &some),
    ];
    let schema = floodgate_scenarios::plan::schema::schema();
    let all = &schema["$defs"]["choices"]["properties"];
    let mut keys: Vec<&str> =
        all.as_object().expect("a table").keys().map(String::as_str).collect();
    keys.sort_unstable();
    let told: Vec<&str> = table.iter().filter_map(|row| row.0.split(' ').next()).collect();
    assert_eq!(told, keys, "each choice has a row");
    for ((choice, with, says, needs), key) in table.into_iter().zip(told) {
        let (located, advice, is_warning) = only(&chosen(choice, &[]));
        let begins = format!("'{key}' says nothing: ");
        assert!(located.contains(&begins) && located.contains(says), "{located}");
        assert!(!advice.is_empty() && is_warning, "{choice}: {advice}");
        match key {
            "double_submit" | "null_callback" => assert!(needs.is_empty()),
            // The product does not support it, which is told in any case.
            "ordered_backup" => {
                let (located, ..) = only(&chosen(choice, needs));
                assert!(!located.contains("says nothing"), "{located}");
            }
            _ => nothing(&chosen(&format!("{with}{choice}"), needs)),
        }
    }
}

const SINGLE: &str = "[send_port.primary]\nadapter = { kind = 'synthetic' }";
const BATCHED: &str = "[send_port.primary]\nadapter = { kind = 'synthetic', batched = true }";
const EMPTY: &str =
    "[send_port.primary]\nadapter = { kind = 'synthetic', batched = true, batch = 0 }";
const TRANSACTS: &str =
    "[send_port.primary]\nadapter = { kind = 'synthetic', batched = true, transactional = true }";
