//! Solicits whose replies nobody takes, and those that wait for each other: what a run says.

use floodgate_reports::Verdict;

use crate::bad_input::GOOD;
use crate::ends::{closes, ran};

/// So many solicits at once by such an adapter, in a plant with more at its end.
fn asks(count: u32, adapter: &str, more: &str) -> String {
    let port = format!(
        "filter = 'BTS.ReceivePortName == \"In\"'\ntwo_way = {{}}\n[send_port.primary]\n\
         adapter = {{ kind = 'synthetic'{adapter} }}\nwire = '2 s'\nreply = {{}}\n\
         retry = {{ count = 1, interval = '1 min' }}\n"
    );
    let (head, _) = GOOD.split_once("filter").unwrap();
    let load = format!("[[load]]\nto = 'In'\nrate = {{ all_at_once = true }}\ncount = {count}\n");
    let text = format!("drain = '1 h'\n{head}{port}{load}{more}");
    text.replacen("[[server]]", "[[server]]\ncores = 1", 1)
}

/// Takes what the partner replies.
const TAKES: &str = "[[send_port]]\nname = 'Replies'\nhost = 'Host'\n\
    filter = 'BTS.SPName == \"Out\"'\n[send_port.primary]\nadapter = 'file'\n";

#[test]
fn threads_that_all_wait_for_a_thread_are_named() {
    // R-SR-05, R-DONE-01, R-BC-06: 20 threads, and one that is left is enough.
    let blocks = ", blocking = true";
    let (record, shown) = ran(&asks(200, blocks, TAKES));
    let row = record.verdicts.first().expect("there are verdicts");
    assert_eq!((row.name.as_str(), row.verdict), ("host.threads", Verdict::Fail));
    for part in [
        "All 20 engine threads of Host on bts1 are held, since 00:00.000, by calls of \
         SYNTHETIC@Host that wait for batches of their own",
        ": 20 wait (R-SR-05, R-DONE-01).",
    ] {
        assert!(row.detail.contains(part), "{}", row.detail);
    }
    assert!(shown.contains("host.threads"), "{shown}");
    assert_eq!(record.exit_code(), 1);
    for enough in [
        asks(19, blocks, TAKES),
        asks(200, "", TAKES),
        asks(200, ", blocking = true, batched = true", TAKES),
    ] {
        let (record, shown) = ran(&enough);
        assert!(record.verdicts.iter().all(|row| row.verdict == Verdict::Pass), "{shown}");
        assert_eq!(
            (record.ports[1].processed, record.documents.unfinished > 0),
            (record.intake.published / 2, false)
        );
    }
}

#[test]
fn a_reply_that_nobody_takes_has_a_row_and_its_solicit_a_latency() {
    // R-RCV-10, R-SR-05: an adapter that blocks lets go of it, and asks again; one that does not
    // suspends it and is through with its solicit, two seconds after that came.
    let (record, shown) = ran(&asks(10, ", blocking = true", ""));
    closes("blocking", &record);
    assert_eq!((record.intake.discarded, record.intake.waiting), (20, 0));
    assert_eq!((record.documents.unfinished, record.latency_seconds.count), (0, 0));
    let row = "Replies discarded";
    let line = shown.lines().find(|line| line.contains(row)).expect("it has a row");
    assert!(line.contains("20   nobody took them: 20 on the way in"), "{line}");
    assert!(shown.contains("10 published + 20 replies discarded"), "{shown}");
    let (record, shown) = ran(&asks(10, "", ""));
    closes("not blocking", &record);
    assert_eq!((record.intake.discarded, record.intake.suspended), (0, 10));
    assert_eq!((record.latency_seconds.count, record.ports[0].processed), (10, 10));
    assert_eq!(record.latency_seconds.max.map(|max| max.round() as u64), Some(2));
    assert!(!shown.contains(row), "{shown}");
    // Where somebody takes it the latency ends there, and there is one.
    let (record, _) = ran(&asks(10, "", TAKES));
    assert_eq!((record.latency_seconds.count, record.intake.discarded), (10, 0));
}

#[test]
fn a_reply_that_went_down_with_its_process_is_discarded() {
    // R-CRASH-03, R-SR-05: the partner answers at 2 s nobody; later it is asked again.
    let crash = "[[fault]]\nat = '1 s'\nkind = 'host_crash'\nhost = 'Host'\nserver = 'bts1'\n\
        lasts = '10 s'\n";
    let (record, shown) = ran(&asks(5, "", &format!("{TAKES}{crash}")));
    closes("crash", &record);
    assert_eq!((record.intake.discarded, record.intake.waiting), (5, 0), "{shown}");
    assert_eq!((record.ports[0].processed, record.ports[1].processed), (10, 5), "{shown}");
}
