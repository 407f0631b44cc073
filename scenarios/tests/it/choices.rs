//! What the sources leave open, chosen by a scenario.

use crate::bad_input::{GOOD, problems};
use crate::keys::{done, said, scenario};

/// `GOOD` with 200 documents, of which every third attempt fails, and with more at its head.
fn failing(head: &str) -> String {
    let text = GOOD.replacen("count = 1", "count = 200", 1);
    let transport = "adapter = 'file'\nretry = { count = 2, interval = '1 min' }\n\
                     fail = { per_mille = 700 }\n[[load]]";
    let text = text.replacen("adapter = \"file\"\n[[load]]", transport, 1);
    text.replacen("about", &format!("drain = '1 h'\n{head}\nabout"), 1)
}

fn digest(text: &str) -> String {
    done(text).record.digest
}

#[test]
fn the_order_of_ties_may_be_drawn() {
    // R-CLK-01: one seed, two orders of what happens at one instant; each is one run.
    let text = |head: &str| {
        let many = GOOD.replacen("count = 1", "count = 50", 1);
        let many = many.replacen("constant = 1 }", "all_at_once = true }", 1);
        many.replacen("about", &format!("{head}\nabout"), 1)
    };
    assert_eq!(digest(&text("")), digest(&text("schedule = { ties = 'caused' }")));
    let drawn = text("schedule = { ties = 'drawn' }");
    assert_eq!(digest(&drawn), digest(&drawn));
    assert_ne!(digest(&text("")), digest(&drawn));
    let ports = |text: &str| done(text).outcome.meters.ports[0].processed;
    assert_eq!((ports(&text("")), ports(&drawn)), (50, 50));
}

#[test]
fn a_choice_that_does_not_matter_here_changes_nothing() {
    // R-BATCH-06, R-DYN-05: the shipped adapters keep to the stricter reading.
    let default = digest(&failing(""));
    for choice in [
        "alias = 'first'",
        "double_submit = 'batch_fails'",
        "null_callback = 'allowed'",
        "promoted_length = '256'",
    ] {
        let text = failing(&format!("choices = {{ {choice} }}"));
        assert_ne!(scenario(&text).choices, scenario(&failing("")).choices, "{choice}");
        assert_eq!(digest(&text), default, "{choice}");
    }
}

#[test]
fn messages_fare_the_same_whatever_their_adapter_is_shown_as_retry_count() {
    // X-02, R-RETRY-02: an adapter that asks only whether it is above zero makes as many attempts.
    let ends = |head: &str| {
        let run = done(&failing(head));
        let port = &run.outcome.meters.ports[0];
        assert!(port.suspended > 0 && port.processed > 0, "{port:?}");
        assert!(run.outcome.violations.is_empty(), "{:?}", run.outcome.violations);
        (port.attempts, port.processed, port.suspended)
    };
    assert_eq!(ends(""), ends("choices = { retry_count = 'configured' }"));
}

#[test]
fn an_alias_may_be_the_first_that_was_registered() {
    // R-DYN-05, INV-42: the second handler's alias is longer, and its adapter has another host.
    let text = |alias: &str| {
        let handlers = "[[host]]\nname = 'Other'\non = ['bts1']\n\
            [[send_handler]]\nname = 'A'\nadapter = 'file'\nhost = 'Host'\naliases = ['FILE://']\n\
            [[send_handler]]\nname = 'B'\nadapter = 'file'\nhost = 'Other'\n\
            aliases = ['FILE://archive/']\n[[send_port]]";
        let text = GOOD.replacen("[[send_port]]", handlers, 1);
        let text = text.replacen("filter", "dynamic = {}\nordered = false\nfilter", 1);
        let text = text.replacen("[[load]]", "[[load]]\noutbound = ['FILE://archive/x']", 1);
        text.replacen("about", &format!("{alias}\nabout"), 1)
    };
    let first = done(&text("choices = { alias = 'first' }"));
    let longest = done(&text(""));
    assert_ne!(first.record.digest, longest.record.digest);
    for run in [&first, &longest] {
        assert_eq!(run.outcome.meters.ports[0].processed, 1);
        assert!(run.outcome.verdicts.iter().all(|one| one.broken == 0), "INV-42");
    }
}

#[test]
fn a_request_waits_for_any_time_or_for_one_to_sixty_minutes() {
    // X-08, R-RR-02: refused where it is written, and by its rule.
    let text = |choice: &str, timeout: &str, clients: &str| {
        let text = GOOD.replacen("about", &format!("{choice}\nabout"), 1);
        let host = format!("[[host]]\nresponse_timeout = '{timeout}'\n");
        let text = text.replacen("[[host]]\n", &host, 1);
        let two_way = "two_way = {}\n[[receive_port.location]]";
        let text = text.replacen("[[receive_port.location]]", two_way, 1);
        text.replacen("adapter = \"file\"", &format!("adapter = {clients}"), 1)
    };
    let http = |own: &str| format!("{{ kind = 'http', clients = {{ timeout = '{own}' }} }}");
    let narrow = "choices = { response_timeout = 'one_to_sixty_minutes' }";
    for (timeout, own, refused) in [
        ("1 min", "60 min", 0),
        ("59 s", "1 min", 1),
        ("61 min", "1 min", 1),
        ("20 min", "500 ms", 1),
        ("2 h", "2 h", 2),
    ] {
        assert_eq!(said(&text("", timeout, &http(own))), [""; 0], "{timeout}, {own}");
        let problems = problems(&text(narrow, timeout, &http(own)), &[]);
        assert_eq!(problems.len(), refused, "{timeout}, {own}: {problems:?}");
        for problem in &problems {
            assert_eq!(problem.message(), "a request waits for 1 to 60 minutes");
            assert!(problem.advice().is_some_and(|advice| advice.contains("R-RR-02")));
            assert!(problem.line().is_some(), "it has its place");
        }
    }
}

#[test]
fn the_first_attempt_is_told_by_the_retries_that_are_left() {
    // R-CLK-17, X-02: both choices together cannot be kept.
    let text = |choices: &str| failing(&format!("choices = {{ {choices} }}"));
    assert_eq!(said(&text("outbound_charge = 'first_attempt'")), [""; 0]);
    let both = said(&text("outbound_charge = 'first_attempt', retry_count = 'configured'"));
    assert!(both[0].contains("whether an attempt is the first"), "{both:?}");
}

#[test]
fn a_choice_is_one_of_its_words() {
    let text = GOOD.replacen("about", "choices = { alias = 'shortest' }\nabout", 1);
    let said = said(&text);
    assert!(said[0].contains("unknown word \"shortest\""), "{said:?}");
}

#[test]
fn calls_take_no_time_or_as_long_as_they_are_told() {
    // R-CLK-02: to the engine go the submit and the returns of BeginBatch and TransmitMessage, to
    // the adapter these two and the Done at which it begins to transmit.
    let journey = |head: &str| {
        let text = GOOD.replacen("[[host]]", "[[host]]\npoll = '0 s'", 1);
        let text = text.replacen("count = 1", "count = 1\nstart = '1 min'", 1);
        let run = done(&text.replacen("about", &format!("{head}\nabout"), 1));
        run.outcome.meters.ports[0].latency_sum / 1_000_000
    };
    let free = journey("");
    assert_eq!(journey("schedule = { to_engine = '3 ms' }"), free + 3 * 3);
    assert_eq!(journey("schedule = { to_adapter = '5 ms' }"), free + 3 * 5);
    assert_eq!(journey("schedule = { to_adapter = '5 ms', to_engine = '3 ms' }"), free + 3 * 8);
}

/// The share of time that `resource` was busy in a run of ten messages of 300 KB through a map.
fn busy(resource: &str, price: &str, policy: &str) -> f64 {
    let text = GOOD.replacen("count = 1", "count = 10\nsize = '300 KB'", 1);
    let text = text.replacen("name = \"In\"", "name = \"In\"\nmap = true", 1);
    let head = format!("policy = {{ {policy} }}\ncost = {{ {price} }}\nabout");
    let run = done(&text.replacen("about", &head, 1));
    let used = run.outcome.resources.iter().find(|(name, _)| name.contains(resource));
    used.unwrap_or_else(|| panic!("{resource}: {:?}", run.outcome.resources)).1.utilisation
}

#[test]
fn the_sizes_from_which_messages_are_large_are_three_and_each_has_its_price() {
    // X-11, R-LMS-01…03: a fragment is a row, what is written in parts is a distributed
    // transaction, and a map through a file takes longer.
    for (resource, price, dearer, cheaper) in [
        ("locks", "lock_row = '1 ms'", "", "fragment_bytes = '1 MB'"),
        ("locks", "enlist_lock = '1 ms'", "batch_bytes = '100 KB'", ""),
        ("CPU", "map_file_kb = '1 us'", "map_bytes = '100 KB'", ""),
    ] {
        let [dear, cheap] = [dearer, cheaper].map(|policy| busy(resource, price, policy));
        assert!(dear > cheap, "{price}: {dear} with {dearer:?}, {cheap} with {cheaper:?}");
    }
}
