//! Traps are flagged before a run, each with the rule that makes it bite, and only where it does.

use std::path::Path;

use floodgate_scenarios::plan::{Problem, Scenario};

use crate::bad_input::GOOD;

/// What is advised of `GOOD` with these changes.
fn advised(changes: &[&str], more: &str) -> Vec<String> {
    let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
    let text = format!("{GOOD}{more}");
    let scenario = Scenario::parse("t.toml", text.as_bytes(), Path::new(""), &changes)
        .unwrap_or_else(|problems| panic!("{changes:?}: {problems:?}"));
    let advice = scenario.warnings.iter().filter(|one| one.is_advice());
    advice.map(said).collect()
}

/// What a problem says and advises.
fn said(problem: &Problem) -> String {
    use miette::Diagnostic as _;
    let help = problem.help().map_or(String::new(), |help| help.to_string());
    format!("{} {help}", problem.message())
}

/// That `changes` are a trap of this rule, and `others` none.
fn bites(changes: &[&str], more: &str, rule: &str, others: &[&str]) {
    let found = advised(changes, more);
    assert!(found.len() == 1 && found[0].contains(rule), "{changes:?}: {found:?}");
    let found = advised(others, more);
    assert!(found.is_empty(), "{others:?}: {found:?}");
}

#[test]
fn an_ordered_port_that_tries_again_for_long() {
    // R-ORD-07: the default of three times five minutes is a quarter of an hour for all behind.
    let often = "send_port.Out.primary.retry={ count = 3, interval = '1 min' }";
    let never = "send_port.Out.primary.retry.count=0";
    let ordered = "send_port.Out.ordered=true";
    bites(&[ordered], "", "R-ORD-07", &[ordered, often]);
    bites(&[ordered], "", "15 min", &[ordered, never]);
    assert_eq!(advised(&[], ""), [""; 0], "not ordered");
}

#[test]
fn a_slow_adapter_that_blocks_beside_a_fast_one() {
    // R-SND-09.
    let more = "[[send_port]]\nname = \"Slow\"\nhost = \"Host\"\n\
        filter = 'BTS.ReceivePortName == \"In\"'\n[send_port.primary]\nwire = \"1 s\"\n\
        adapter = { kind = \"synthetic\", blocking = true }\n";
    let asynchronous = "send_port.Slow.primary.adapter={ kind = 'synthetic' }";
    bites(&[], more, "R-SND-09", &[asynchronous]);
    bites(
        &["send_port.Out.primary.wire=100 ms"],
        more,
        "'Slow'",
        &["send_port.Out.primary.wire=101 ms"],
    );
}

#[test]
fn an_adapter_that_blocks_until_its_reply_is_taken_in() {
    // R-SR-05, R-DONE-01: as many solicits as there are threads, and nobody takes a reply in.
    let asks = "send_port.Out.two_way={}";
    let blocks = "send_port.Out.primary.adapter={ kind = 'synthetic', blocking = true }";
    let batched =
        "send_port.Out.primary.adapter={ kind = 'synthetic', blocking = true, batched = true }";
    let replies = "send_port.Out.primary.reply={}";
    let all = [asks, blocks, replies];
    bites(&all, "", "R-SR-05", &[asks, batched, replies]);
    bites(&all, "", "with 20 solicits at once for each CPU", &[asks, replies]);
    bites(&all, "", "'Host'", &[asks, blocks]);
    bites(&all, "", "R-SR-05", &[blocks]);
    let ordered = ["send_port.Out.ordered=true", "send_port.Out.primary.retry.count=0"];
    bites(&all, "", "wait for ever", &[&all[..], &ordered].concat());
}

#[test]
fn completions_that_wait_for_messages_that_cannot_come() {
    // R-ORD-04, R-BATCH-07: HTTP gathers five, or waits a second for them.
    let http = "send_port.Out.primary.adapter='http'";
    let once = "send_port.Out.primary.adapter={ kind = 'http', completion = { batch = 1 } }";
    let ordered = ["send_port.Out.ordered=true", "send_port.Out.primary.retry.count=0"];
    let with = |one: &'static str| [&ordered[..], &[one]].concat();
    bites(&with(http), "", "R-ORD-04", &with(once));
    bites(&with(http), "", "wait 1 s for others that cannot come", &[http]);
    let advised = "adapter = { kind = \"http\", completion = { batch = 1 } }";
    bites(&with(http), "", advised, &with("send_port.Out.primary.adapter='file'"));
    // R-DEQ-08: in_process is for each CPU.
    let few = "host.Host.in_process=1";
    let of = "send_port.Out.primary.adapter={ kind = 'http', completion = { batch = 200 } }";
    bites(&[few, of], "", "R-DEQ-08", &["host.Host.in_process=200", of]);
}

#[test]
fn a_batch_without_room_for_its_messages() {
    // R-LMS-05: a folder's batch has 100 KB; with messages of 10 KB it is half full.
    let batch =
        "receive_port.In.location.0.adapter={ kind = 'file', batch = 20, batch_bytes = '100 KB' }";
    bites(&[batch, "load.0.size=11 KB"], "", "R-LMS-05", &[batch, "load.0.size=10 KB"]);
    // Of a mix the largest kind counts, and of an interchange all of it.
    let mix = |size: &str| {
        format!("load.0.mix=[{{ weight = 9 }}, {{ weight = 1, size = '{size}', documents = 2 }}]")
    };
    bites(&[batch, &mix("6 KB")], "", "R-LMS-05", &[batch, &mix("5 KB")]);
    // One batch a look is all that such a location takes: half of it is half of the capacity.
    let polls = "receive_port.In.location.0.adapter.notify=false";
    let size = "load.0.size=6 KB";
    bites(&[batch, polls, "load.0.size=10 KB"], "", "has room for 10", &[batch, polls, size]);
}

#[test]
fn a_goal_that_one_wait_uses_up() {
    // R-CLK-07.
    let more = "[[goal]]\nlate = { over = \"2 s\", at_most = 0.01 }\n";
    let late = ["host.Host.poll=2 s"];
    bites(&late, more, "R-CLK-07", &["host.Host.poll=1999 ms"]);
    assert_eq!(advised(&late, ""), [""; 0], "without a goal nothing is late");
}

#[test]
fn an_expected_latency_that_one_wait_uses_up() {
    // R-CLK-07: an expectation is a goal as well, and half of a wait is its mean.
    let late = ["host.Host.poll=2 s"];
    let soon = ["host.Host.poll=1999 ms"];
    for more in [
        "[[expect.port]]\nname = \"Out\"\nlatency_p99 = { at_most = \"2 s\" }\n",
        "[expect]\nlatency_max = { at_most = \"2 s\" }\n",
        "[[expect.figure]]\nwhat = \"latency.p99\"\nat_most = 2\nunit = \"s\"\n",
        "[[expect.figure]]\nwhat = \"latency.mean\"\nat_most = 1000\nunit = \"ms\"\n",
    ] {
        bites(&late, more, "R-CLK-07", &soon);
    }
    // A port does not wait for a host that is not its own.
    let other = "[[expect.port]]\nname = \"Out\"\nlatency_p99 = { at_most = \"1 s\" }\n\
                 [[host]]\nname = \"Other\"\non = [\"bts1\"]\npoll = \"2 s\"\n";
    assert_eq!(advised(&[], other), [""; 0]);
}

#[test]
fn a_catalogue_entry_that_shows_a_trap_is_flagged() {
    let source =
        floodgate_scenarios::catalogue::Source::find("blocking_starves_neighbour").unwrap();
    let warnings = source.read(&[]).unwrap().warnings;
    let said: Vec<String> = warnings.iter().map(said).collect();
    assert!(said.iter().any(|one| one.contains("R-SND-09")), "{said:?}");
}

#[test]
fn a_validator_behind_no_disassembler() {
    // R-PIPE-10: a pipeline of one's own, which looks at the message as it came.
    let validate = "receive_port.In.location.0.validate=true";
    let xml = "receive_port.In.location.0.pipeline=XMLReceive";
    bites(&[validate], "", "R-PIPE-10", &[validate, xml]);
}
