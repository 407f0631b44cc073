//! What transactions ask of the databases, what grows cold there, and what is swept up.

use floodgate_engine::batch::OperationKind;
use floodgate_engine::config::{LargeMessages, MessageBoxConfig, Topology};
use floodgate_engine::id::{MessageBoxId, ReferenceId};
use floodgate_engine::message_box::{
    Action, Footprint, Footprints, OutboundMessage, PreparedBatch,
};

use crate::bench::{
    ASYNC, Bench, FIRST, MASTER, add_send_port, document, immediate, publishing, topology,
};

const SECOND: MessageBoxId = MessageBoxId(1);
const THIRD: MessageBoxId = MessageBoxId(2);
const ROUTES: Footprint =
    Footprint { rows: 2, bytes: 0, fragments: 0, flushes: 0, cold: 0, routed: 2 };

/// One port; MessageBoxes of which these publish.
fn boxes<const N: usize>(publish: [bool; N]) -> Topology {
    let mut topology = topology(immediate());
    add_send_port(&mut topology, "Out", "In", ASYNC);
    topology.message_boxes =
        publish.map(|publishes| MessageBoxConfig { name: "Box".to_owned(), publishes }).into();
    topology
}

fn publish(bench: &mut Bench, numbers: impl IntoIterator<Item = u64>) {
    for number in numbers {
        assert!(bench.commit(publishing(vec![document(number, "In")])).overall.is_success());
    }
}

/// Everything that waits anywhere, in the order of publication.
fn take(bench: &mut Bench) -> Vec<ReferenceId> {
    let mut found: Vec<Box<OutboundMessage>> = Vec::new();
    for home in 0..bench.message_box.boxes() {
        bench.message_box.dequeue(bench.now, MessageBoxId::from(home), FIRST, 99, &mut found);
    }
    found.sort_by_key(|message| message.sequence);
    found.iter().map(|message| message.reference).collect()
}

fn deleting(ids: &[ReferenceId]) -> PreparedBatch {
    let delete = |id: &ReferenceId| (OperationKind::Delete, Action::Delete(*id));
    PreparedBatch { actions: ids.iter().map(delete).collect(), ..PreparedBatch::default() }
}

fn touched(footprints: &Footprints) -> Vec<(u32, Footprint)> {
    let all = (0..footprints.boxes()).filter_map(|at| footprints.get(at as usize));
    all.map(|(home, asked)| (home.0, asked)).collect()
}

#[test]
fn what_only_looks_subscriptions_up_is_told_from_what_stores() {
    // R-PUB-02, R-MMB-01.
    for (asked, only) in [
        (ROUTES, true),
        (Footprint::default(), false),
        (Footprint { rows: 2, ..Footprint::default() }, false),
        (Footprint { rows: 3, ..ROUTES }, false),
        (Footprint { bytes: 1, ..ROUTES }, false),
        (Footprint { flushes: 1, ..ROUTES }, false),
    ] {
        assert_eq!(asked.only_routes(), only, "{asked:?}");
        let mut both = Footprints::one(SECOND, Footprint { rows: 9, ..Footprint::default() });
        assert_eq!((both.boxes(), both.routed()), (1, None));
        both.add(MASTER, asked);
        assert_eq!((both.boxes(), both.routed()), (2, only.then_some(2)));
    }
}

#[test]
fn what_is_asked_of_one_message_box_adds_up() {
    // R-ATOM-01: rows, bytes, fragments, flushes, cold rows and routes, each by itself.
    let asked = Footprint { rows: 1, bytes: 20, fragments: 3, flushes: 40, cold: 5, routed: 60 };
    let more = Footprint { rows: 10, bytes: 2, fragments: 30, flushes: 4, cold: 50, routed: 6 };
    let mut all = Footprints::one(SECOND, asked);
    all.add(SECOND, more);
    all.add(MASTER, ROUTES);
    all.add(MASTER, ROUTES);
    let sum = Footprint { rows: 11, bytes: 22, fragments: 33, flushes: 44, cold: 55, routed: 66 };
    let twice = Footprint { rows: 4, routed: 4, ..ROUTES };
    assert_eq!(touched(&all), [(1, sum), (0, twice)]);
}

#[test]
fn each_message_box_is_asked_for_its_own_rows() {
    // R-MMB-01, R-MMB-02, R-MMB-03: activations go round; what ends is where it was stored.
    let mut bench = Bench::new(boxes([false, true, true]));
    publish(&mut bench, 1..=4);
    let ids = take(&mut bench);
    let rows = |rows| Footprint { rows, ..Footprint::default() };
    let asked = bench.message_box.footprint(&deleting(&ids));
    assert_eq!(touched(&asked), [(1, rows(2)), (2, rows(2))]);
    let asked = bench.message_box.footprint(&deleting(&[ids[0], ids[2], ids[1]]));
    assert_eq!(touched(&asked), [(1, rows(2)), (2, rows(1))]);
    assert_eq!(bench.message_box.spool_of(SECOND), 2);
    assert_eq!((bench.message_box.spool_of(THIRD), bench.message_box.spool_of(MASTER)), (2, 0));
}

#[test]
fn a_master_that_publishes_routes_and_stores_in_one() {
    // R-PUB-02, R-LMS-01: the batch threshold counts all documents of a batch.
    let mut topology = boxes([true, true]);
    topology.large_messages = LargeMessages { batch_bytes: 25, ..LargeMessages::default() };
    let mut bench = Bench::new(topology);
    let three = publishing((1..=3).map(|number| document(number, "In")).collect());
    let asked = bench.message_box.footprint(&three);
    let master = Footprint { rows: 5, bytes: 20, flushes: 1, routed: 3, ..Footprint::default() };
    let second = Footprint { rows: 2, bytes: 10, ..Footprint::default() };
    assert_eq!(touched(&asked), [(0, master), (1, second)]);
    let two = publishing((1..=2).map(|number| document(number, "In")).collect());
    let asked = bench.message_box.footprint(&two);
    assert!(touched(&asked).iter().all(|(_, own)| own.flushes == 0));
}

#[test]
fn whose_turn_it_is_stays_so_when_another_stops_publishing() {
    // R-MMB-02, R-MMB-04.
    for (gone, next) in [(THIRD, SECOND), (SECOND, THIRD), (MASTER, SECOND)] {
        let mut bench = Bench::new(boxes([true, true, true]));
        publish(&mut bench, [1]);
        assert_eq!(bench.message_box.spool_of(MASTER), 1);
        bench.message_box.set_publishes(gone, false);
        publish(&mut bench, [2]);
        assert_eq!(bench.message_box.spool_of(next), 1, "without {gone}");
    }
}

#[test]
fn a_row_is_cold_when_more_was_published_after_it_than_memory_holds() {
    // R-GC-01, R-GC-02, R-GC-03: its end has to read it; then it is in memory until so much more is
    // published, and the job that sweeps it up has to read it again.
    let mut topology = boxes([true]);
    topology.policy.cached_rows = 2;
    let mut bench = Bench::new(topology);
    publish(&mut bench, 1..=5);
    let ids = take(&mut bench);
    let asked = bench.message_box.footprint(&deleting(&ids));
    let five = Footprint { rows: 5, cold: 3, ..Footprint::default() };
    assert_eq!(touched(&asked), [(0, five)]);
    assert!(bench.commit(deleting(&ids)).overall.is_success());
    assert_eq!(bench.message_box.turn_logs(MASTER), (5, 0));
    assert_eq!(bench.message_box.collect_from(MASTER, 1, 2), 1);
    publish(&mut bench, 6..=7);
    assert_eq!(bench.message_box.turn_logs(MASTER), (4, 0));
    let ids = take(&mut bench);
    assert!(bench.commit(deleting(&ids)).overall.is_success());
    assert_eq!(bench.message_box.turn_logs(MASTER), (6, 0));
    publish(&mut bench, [8]);
    assert_eq!(bench.message_box.turn_logs(MASTER), (2, 4));
    assert_eq!(bench.message_box.collect_from(MASTER, 1, 2), 3);
    assert_eq!(bench.message_box.collect_from(MASTER, 9, 9), 3);
    assert!(!bench.message_box.has_collectable());
}

#[test]
fn the_job_sweeps_up_as_much_as_it_may_everywhere() {
    // R-GC-02.
    let mut topology = boxes([true, true]);
    topology.policy.cached_rows = 4;
    let mut bench = Bench::new(topology);
    publish(&mut bench, 1..=8);
    let ids = take(&mut bench);
    bench.commit(deleting(&ids));
    assert_eq!([MASTER, SECOND].map(|at| bench.message_box.garbage_of(at)), [4; 2]);
    assert_eq!((bench.message_box.collect(3), bench.message_box.spool_garbage()), (3, 5));
    assert_eq!((bench.message_box.collect(3), bench.message_box.spool_garbage()), (3, 2));
    assert_eq!((bench.message_box.collect(9), bench.message_box.spool_garbage()), (2, 0));
    // Two logs: what the job is through with, and what became garbage meanwhile.
    publish(&mut bench, 9..=12);
    let ids = take(&mut bench);
    bench.commit(deleting(&ids[..2]));
    assert_eq!(bench.message_box.collect_from(MASTER, 0, 0), 0);
    bench.commit(deleting(&ids[2..]));
    assert_eq!([MASTER, SECOND].map(|at| bench.message_box.turn_logs(at)), [(2, 0); 2]);
    assert_eq!(bench.message_box.collect_from(MASTER, 9, 9), 2);
    assert_eq!(bench.message_box.collect_from(SECOND, 9, 9), 2);
}
