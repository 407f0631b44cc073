//! Send adapters with habits: what they do is seen in a run, and what they cannot have is refused.

use floodgate_reports::{PortUse, Verdict};
use floodgate_scenarios::plan::Problem;
use floodgate_scenarios::setup::setup;
use floodgate_sim::world::World;

use crate::bad_input::problems;
use crate::ends::{closes, plant, ran};
use crate::keys::{done, scenario};

/// 20 documents to a synthetic adapter with these settings, and more of its transport.
fn with(adapter: &str, more: &str) -> String {
    let text = plant(&[("PRIMARY", more)]);
    text.replacen(
        "adapter = \"http\"",
        &format!("adapter = {{ kind = \"synthetic\"{adapter} }}"),
        1,
    )
}

/// The same, all documents at one instant.
fn at_once(adapter: &str, more: &str) -> String {
    let text = with(adapter, more).replacen("adapter = \"push\"", "adapter = \"file\"", 1);
    text.replacen("{ constant = 1.0 }", "{ all_at_once = true }", 1)
}

/// What the port did: sent, tried on the wire, given back, suspended; every promise was kept.
fn did(text: &str) -> [u64; 4] {
    let (record, _) = ran(text);
    closes(text, &record);
    assert!(record.verdicts.iter().all(|row| row.verdict == Verdict::Pass), "{record:?}");
    let PortUse { processed, attempts, resubmitted, suspended, .. } = record.ports[0].clone();
    [processed, attempts, resubmitted, suspended]
}

fn story(text: &str) -> Vec<String> {
    let mut world = World::new(&setup(&scenario(text), 0).unwrap());
    world.tell();
    while world.step() {}
    world.trace().story().iter().map(|(at, line)| format!("{at} {line}")).collect()
}

const RETRY: &str = "retry = { count = 3, interval = \"1 min\" }";

#[test]
fn an_adapter_that_throws_costs_whoever_it_was_handed_a_retry() {
    // R-SND-08, R-RETRY-05: the first three calls, then every fifth, which the tries after a minute
    // make 25 of.
    let throws = |which: &str| format!(", throws = {{ in = \"transmit_message\", {which} }}");
    assert_eq!(did(&with("", RETRY)), [20, 20, 0, 0]);
    assert_eq!(did(&with(&throws("first = 3"), RETRY)), [20, 20, 3, 0]);
    assert_eq!(did(&with(&throws("every = 5"), RETRY)), [20, 20, 4, 0]);
    assert_eq!(did(&with(&throws("every = 1"), RETRY)), [0, 0, 60, 20]);
    let blocks = format!(", blocking = true{}", throws("first = 3"));
    assert_eq!(did(&with(&blocks, RETRY)), [20, 20, 3, 0]);
}

#[test]
fn gs_13_an_exception_in_a_batch_is_the_whole_batch_s() {
    // GS-13, R-BSND-04, R-BSND-05, R-BSND-06: whichever call it was that threw, five messages of
    // twenty lose a retry, and only an adapter batch that was begun is cleared.
    for (call, cleared) in [("transmit_message", 1), ("done", 0), ("begin_batch", 0)] {
        let throws = format!(", throws = {{ in = \"{call}\", first = 1 }}");
        let text = at_once(&format!(", batched = true, batch = 5{throws}"), RETRY);
        assert_eq!(did(&text), [20, 20, 5, 0], "{call}");
        let story = story(&text);
        let count = |what: &str| story.iter().filter(|line| line.contains(what)).count();
        assert_eq!(count("THROWS"), 1, "{call}");
        assert_eq!(count("Clear"), cleared, "{call}");
        assert_eq!(count("waits until 01:00"), 5, "{call}");
    }
    // What a failure of the wire adds to that is bounded by the same retries.
    let throws = ", batched = true, batch = 5, throws = { in = \"done\", first = 1 }";
    let fails = format!("{RETRY}\nfail = {{ always = true }}");
    assert_eq!(did(&at_once(throws, &fails)), [0, 75, 60, 20]);
}

#[test]
fn an_adapter_tries_more_often_than_is_configured_and_not_more_often_than_it_says() {
    // R-ADD-07, R-RETRY-04, R-RETRY-06: the count goes with the message, on each transport its own.
    let retry = "retry = { count = 1, interval = \"1 s\" }";
    let fails = |how: &str| format!("{retry}\nfail = {{ {how} }}");
    for shape in ["", ", batched = true, batch = 5", ", batched = true, blocking = true"] {
        let more = |more: u32| format!("{shape}, more_tries = {more}");
        assert_eq!(did(&with(&more(0), &fails("always = true"))), [0, 40, 20, 20], "{shape}");
        assert_eq!(did(&with(&more(3), &fails("always = true"))), [0, 100, 80, 20], "{shape}");
        assert_eq!(did(&with(&more(3), &fails("first = 4"))), [20, 100, 80, 0], "{shape}");
        assert_eq!(did(&with(&more(3), &fails("first = 5"))), [0, 100, 80, 20], "{shape}");
    }
    let backup = "[send_port.backup]\nadapter = { kind = \"synthetic\", more_tries = 1 }\n\
        retry = { count = 0, interval = \"1 s\" }\nfail = { first = 1 }";
    let both = format!("{}\n{backup}", fails("always = true"));
    // 2 + 3 in vain by the primary transport, one in vain and one that arrives by the backup.
    assert_eq!(did(&with(", more_tries = 3", &both)), [20, 140, 100, 0]);
}

#[test]
fn tries_that_keep_the_retry_count_come_first_and_spend_none() {
    // R-RETRY-09, R-CTX-10, R-ADD-07: PropertiesToUpdate of BTS.RetryCount, as often as it says.
    let retry = "retry = { count = 2, interval = \"1 s\" }";
    let fails = |how: &str| format!("{retry}\nfail = {{ {how} }}");
    for shape in ["", ", batched = true, batch = 5", ", batched = true, blocking = true"] {
        let keeps = format!("{shape}, more_tries = 3, keeps_retries = true");
        assert_eq!(did(&with(&keeps, &fails("always = true"))), [0, 120, 100, 20], "{shape}");
        assert_eq!(did(&with(&keeps, &fails("first = 5"))), [20, 120, 100, 0], "{shape}");
        let counts: Vec<String> = story(&with(&keeps, &fails("always = true")))
            .into_iter()
            .filter_map(|line| Some(line.split_once("TransmitMessage(m1) ")?.1.to_owned()))
            .map(|line| line.split(' ').nth(1).unwrap_or_default().to_owned())
            .collect();
        assert_eq!(counts, ["2", "2", "2", "2", "1", "0"], "{shape}");
        // R-RETRY-10: on the backup transport it counts anew, with the retries of that.
        let backup = format!(
            "[send_port.backup]\nadapter = {{ kind = \"synthetic\"{keeps} }}\n{}",
            fails("first = 4")
        );
        let both = format!("{}\n{backup}", fails("always = true"));
        assert_eq!(did(&with(&keeps, &both)), [20, 220, 180, 0], "{shape}");
    }
    // where adapters are shown what is configured, that is what they keep.
    let text = with(", more_tries = 3, keeps_retries = true", &fails("always = true"));
    let shown = format!("choices = {{ retry_count = \"configured\" }}\n{text}");
    assert_eq!(did(&shown), [0, 120, 100, 20]);
}

#[test]
fn what_an_adapter_has_kept_with_a_message_is_there_at_the_next_try() {
    // R-CTX-10, R-RETRY-06: not at the first, and on what an operator saves of a suspended one.
    let updates = ", updates = [{ property = \"Plant.Seen\", value = \"7\" }], more_tries = 1";
    let fails = "retry = { count = 1, interval = \"1 s\" }\nfail = { always = true }";
    let save = "[[operate]]\nat = \"1 min\"\ndo = \"save\"\nto = \"Out\"\n";
    let text = with(updates, fails) + save;
    let tries: Vec<String> = story(&text)
        .into_iter()
        .filter_map(|line| Some(line.split_once("TransmitMessage(m1)")?.1.to_owned()))
        .collect();
    let counted = " RetryCount 0 Plant.Seen=7 Synthetic.MoreTries=1";
    assert_eq!(tries, [" RetryCount 1", " RetryCount 0 Plant.Seen=7", counted]);
    let kept = |text: &str| {
        let saved = done(text).saved;
        let texts = saved.iter().map(|file| String::from_utf8_lossy(&file.bytes).into_owned());
        texts.filter(|text| text.contains("Plant.Seen")).count()
    };
    assert_eq!(kept(&text), 20);
    assert_eq!(kept(&(with("", fails) + save)), 0);
}

#[test]
fn a_sender_is_made_with_its_first_message_or_when_its_host_starts() {
    // R-SND-01, R-SND-02, R-SND-05: another port's adapter without the flag is another adapter.
    let made = |text: &str| {
        let lines = story(text).into_iter();
        let made = lines.filter(|line| line.contains("SYNTHETIC@Host") && line.ends_with(" Load"));
        made.map(|line| line[..9].to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(made(&with(", init_on_start = true", "")), ["00:00.000"]);
    let second = "[[send_port]]\nname = \"Other\"\nhost = \"Host\"\n\
        filter = 'BTS.ReceivePortName == \"In\"'\n[send_port.primary]\n\
        adapter = { kind = \"synthetic\" }\n";
    let late = with(", init_on_start = true", second);
    assert_eq!(made(&late), ["00:00.000", "00:01.000"]);
}

#[test]
fn habits_that_an_adapter_cannot_have() {
    // R-SND-08, R-BSND-01, R-CTX-10; GS-13 with X-04, where it would send twice (INV-54).
    let said = |text: &str| {
        let found = problems(text, &[]);
        found.iter().map(Problem::located).collect::<Vec<_>>()
    };
    let more = ", more_tries = 1";
    let throws = |call: &str| format!(", throws = {{ in = \"{call}\", first = 1 }}");
    let update = |name: &str| format!(", updates = [{{ property = \"{name}\", value = \"x\" }}]");
    let fails = "fail = { first = 1 }";
    for good in [
        with(&update("Plant.Seen"), fails),
        with(more, fails),
        with(&throws("transmit_message"), ""),
    ] {
        assert_eq!(said(&good), [""; 0], "{good}");
    }
    let blocks = format!(", batched = true, blocking = true{}", throws("transmit_message"));
    let found = said(&format!("choices = {{ batch_done = \"adapter\" }}\n{}", with(&blocks, "")));
    assert!(!found.iter().any(|said| said.contains("throws")), "its 'Done' is called: {found:?}");
    let file = |adapter: &str| with(adapter, fails).replacen("\"synthetic\"", "\"file\"", 1);
    for (text, end) in [
        (
            with(&throws("done"), ""),
            "the adapter is not batched: no adapter batch is begun or done",
        ),
        (
            with(&throws("begin_batch"), ""),
            "the adapter is not batched: no adapter batch is begun or done",
        ),
        (file(more), "'file' adapters have no habits"),
        (
            with(&format!(", transactional = true, batched = true{more}"), fails),
            "a transactional adapter has no habits: an abort takes all back",
        ),
        (
            with(&format!(", blocking = true{more}"), fails),
            "a blocking adapter of single messages leaves what fails to the engine",
        ),
        (with(&update("BTS.RetryCount"), fails), "'BTS.RetryCount' is the engine's own"),
        (with(&update("Seen"), fails), "'Seen' has no namespace"),
        (
            with(", keeps_retries = true", fails),
            "'keeps_retries' says nothing: there are no tries beyond the configured ones",
        ),
        (with(more, ""), "'more_tries' says nothing: no attempt fails here"),
        (with(&update("Plant.Seen"), ""), "'updates' says nothing: no attempt fails here"),
        (
            format!("choices = {{ retry_count = \"configured\" }}\n{}", with(more, fails)),
            "'more_tries' says nothing: no adapter is told which retry is the last",
        ),
        (
            format!(
                "choices = {{ batch_done = \"adapter\" }}\n{}",
                with(&format!(", batched = true{}", throws("done")), "")
            ),
            "'throws' says nothing: the engine does not call 'Done' here",
        ),
        (
            format!(
                "choices = {{ batch_done = \"adapter\" }}\n{}",
                with(&format!(", batched = true{}", throws("transmit_message")), "")
            ),
            "an adapter that completes its own batches may have started with some of one when it \
             throws",
        ),
        (with(", throws = { in = \"transmit_message\" }", ""), "this exception says nothing"),
    ] {
        let found = said(&text);
        assert!(found.len() == 1 && found[0].ends_with(end), "{text}: {found:?}");
    }
}
