//! What tracked services leave in the MessageBox, and who takes it away.

use floodgate_engine::batch::OperationKind;
use floodgate_engine::config::{Topology, Track, Tracked};
use floodgate_engine::id::{MessageBoxId, ReceivePortId, ReferenceId, SendPortId};
use floodgate_engine::message::Document;
use floodgate_engine::message_box::{Action, Footprint, PortOperation, PreparedBatch};
use floodgate_engine::orchestration::SENT_BY_ORCHESTRATIONS;
use floodgate_engine::pipeline::ReceivePipeline;

use crate::bench::{
    ASYNC, Bench, FIRST, MASTER, add_receive_port, add_send_port, document, immediate, publishing,
    topology,
};

const EVENTS: Track =
    Track { events: true, before: false, after: false, properties: 0, property_bytes: 0 };
/// What a service leaves that is done with a message: itself, and two events.
const DONE: u64 = 150 + 2 * 230;

/// Receive port `In` and send port `Out`, tracked like this; `Plain` and `Else` are not.
fn tracking(receive: Track, send: Track) -> Topology {
    let mut topology = topology(immediate());
    add_receive_port(&mut topology, "Plain", ReceivePipeline::pass_through());
    add_send_port(&mut topology, "Else", "Plain", ASYNC);
    add_send_port(&mut topology, "Out", "In", ASYNC);
    topology.tracks = vec![
        (Tracked::SendPort(SendPortId(1)), send),
        (Tracked::ReceivePort(ReceivePortId(0)), receive),
    ];
    topology
}

/// The `sequence`th of the documents that one message became.
fn split(number: u64, sequence: u32) -> Document {
    let mut document = document(number, "In");
    document.name.sequence = sequence;
    document
}

/// Publishes and tells the rows and bytes that were asked for.
fn publish(bench: &mut Bench, document: Document) -> (u32, u64) {
    let batch = publishing(vec![document]);
    let (_, footprint) = bench.message_box.footprint(&batch).get(0).expect("the master");
    assert!(bench.commit(batch).overall.is_success());
    (footprint.rows, footprint.bytes)
}

fn take(bench: &mut Bench) -> ReferenceId {
    let mut found = Vec::new();
    bench.message_box.dequeue(bench.now, MASTER, FIRST, 1, &mut found);
    found.pop().expect("a message waits").reference
}

/// Commits one operation and tells the rows and bytes that were asked for.
fn act(bench: &mut Bench, action: Action) -> (u32, u64) {
    let actions = vec![(OperationKind::Delete, action)];
    let batch = PreparedBatch { actions, ..PreparedBatch::default() };
    let (_, footprint) = bench.message_box.footprint(&batch).get(0).expect("the master");
    assert_eq!(
        footprint,
        Footprint { rows: footprint.rows, bytes: footprint.bytes, ..Footprint::default() }
    );
    assert!(bench.commit(batch).overall.is_success());
    (footprint.rows, footprint.bytes)
}

/// Services that are done and not, of all rows that wait.
fn moved(bench: &mut Bench) -> Option<(u64, u64)> {
    let batch = bench.message_box.take_tracking(MASTER, FIRST, 100, |_| true)?;
    assert!(!batch.is_empty());
    bench.message_box.tracking_moved(MASTER, &batch);
    Some((batch.ended.services, batch.begun.services))
}

#[test]
fn a_receive_pipeline_leaves_a_row_for_each_document_and_no_other_does() {
    // R-GC-05: a document of 10 bytes and its reference are two rows; tracking adds one.
    let full = Track { before: true, ..EVENTS };
    let mut bench = Bench::new(tracking(full, Track::default()));
    let told = |bench: &Bench| {
        (bench.message_box.tracking_rows(MASTER), bench.message_box.tracked_bodies(MASTER))
    };
    assert_eq!(publish(&mut bench, split(1, 1)), (3, 10 + DONE + 10), "as it came, once more");
    assert_eq!(told(&bench), (1, 1));
    assert_eq!(publish(&mut bench, split(1, 2)), (3, 10 + 230), "one message came, two went");
    assert_eq!(told(&bench), (2, 1));
    assert_eq!(publish(&mut bench, document(2, "Plain")), (2, 10));
    let mut made = split(SENT_BY_ORCHESTRATIONS + 1, 1);
    made.name.split = false;
    assert_eq!(publish(&mut bench, made), (2, 10), "it came through no pipeline");
    assert_eq!(told(&bench), (2, 1));
    assert!(bench.message_box.has_tracked_bodies() && bench.message_box.has_tracking_rows());
    assert_eq!(moved(&mut bench), Some((1, 0)));
    assert_eq!(moved(&mut bench), None, "an empty table has nothing to move");
    assert!(bench.message_box.has_tracked_bodies() && !bench.message_box.has_tracking_rows());
}

#[test]
fn a_send_pipeline_leaves_a_row_when_it_is_done_or_gives_up_and_not_before() {
    // R-GC-05, R-RETRY-06.
    let mut bench = Bench::new(tracking(Track::default(), Track { after: true, ..EVENTS }));
    for number in 1..=3 {
        publish(&mut bench, document(number, "In"));
    }
    publish(&mut bench, document(4, "Plain"));
    assert_eq!(bench.message_box.tracking_rows(MASTER), 0);
    let first = take(&mut bench);
    let now = bench.now;
    assert_eq!(act(&mut bench, Action::Resubmit(first, now)), (1, 0), "an attempt is no end");
    assert_eq!(bench.message_box.tracking_rows(MASTER), 0);
    let first = take(&mut bench);
    assert_eq!(act(&mut bench, Action::Delete(first)), (2, DONE + 10));
    assert_eq!(moved(&mut bench), Some((1, 0)));
    let second = take(&mut bench);
    assert_eq!(act(&mut bench, Action::Consume(second)), (2, DONE + 10));
    assert_eq!(moved(&mut bench), Some((1, 0)));
    let third = take(&mut bench);
    assert_eq!(act(&mut bench, Action::SuspendReference(third)), (1, 0));
    assert_eq!(moved(&mut bench), Some((0, 1)));
    let plain = take(&mut bench);
    assert_eq!(act(&mut bench, Action::Delete(plain)), (1, 0));
    assert_eq!(moved(&mut bench), None);
    assert_eq!(bench.message_box.terminate(SendPortId(1)), 1);
    assert_eq!(moved(&mut bench), Some((1, 0)), "an operator is done with it");
}

#[test]
fn without_events_only_the_message_is_kept() {
    // R-GC-05, R-GC-02: no row, but a body as it came and as it went.
    let bodies = Track { events: false, before: true, after: true, ..EVENTS };
    let mut bench = Bench::new(tracking(bodies, Track::default()));
    assert_eq!(publish(&mut bench, split(1, 1)), (2, 20));
    assert_eq!(publish(&mut bench, split(1, 2)), (2, 10));
    let rows = bench.message_box.tracking_rows(MASTER);
    assert_eq!((rows, bench.message_box.tracked_bodies(MASTER)), (0, 3));
}

#[test]
fn a_tracked_message_outlives_its_last_reference_until_it_is_copied() {
    // R-GC-01, R-GC-02.
    let before = Track { events: false, before: true, ..EVENTS };
    let mut bench = Bench::new(tracking(before, Track::default()));
    publish(&mut bench, document(1, "In"));
    publish(&mut bench, document(2, "Plain"));
    for _ in 0..2 {
        let next = take(&mut bench);
        act(&mut bench, Action::Delete(next));
    }
    assert_eq!((bench.message_box.spool_live(), bench.message_box.spool_garbage()), (0, 2));
    assert_eq!(bench.message_box.collect(9), 1, "the one that nobody tracks");
    let batch = bench.message_box.take_bodies(MASTER, 9).expect("the other waits");
    assert_eq!((batch.holdings.bodies, batch.holdings.body_bytes), (1, 10));
    assert!(!bench.message_box.has_tracked_bodies());
    assert!(bench.message_box.take_bodies(MASTER, 9).is_none(), "it is being copied");
    assert_eq!((bench.message_box.collect(9), bench.message_box.has_collectable()), (0, false));
    bench.message_box.bodies_copied(MASTER, &batch);
    assert_eq!((bench.message_box.collect(9), bench.message_box.spool_garbage()), (1, 0));
}

#[test]
fn a_message_that_is_copied_while_somebody_needs_it_is_garbage_only_later() {
    // R-GC-01, R-GC-02.
    let before = Track { events: false, before: true, ..EVENTS };
    let mut bench = Bench::new(tracking(before, Track::default()));
    publish(&mut bench, document(1, "In"));
    let batch = bench.message_box.take_bodies(MASTER, 9).expect("it waits");
    bench.message_box.bodies_copied(MASTER, &batch);
    assert_eq!((bench.message_box.tracked_bodies(MASTER), bench.message_box.collect(9)), (0, 0));
    assert_eq!(bench.message_box.spool_live(), 1);
    let next = take(&mut bench);
    act(&mut bench, Action::Delete(next));
    assert_eq!(bench.message_box.collect(9), 1);
}

#[test]
fn a_message_box_that_is_added_has_a_table_of_its_own() {
    // R-MMB-07, R-GC-05.
    let mut bench = Bench::new(tracking(EVENTS, Track::default()));
    for port in [SendPortId(0), SendPortId(1)] {
        bench.message_box.operate_port(port, PortOperation::Unenlist).expect("it is started");
    }
    let second = bench.message_box.add_box().expect("nothing is enlisted");
    assert_eq!(second, MessageBoxId(1));
    assert_eq!(bench.message_box.publishing(), [MASTER, second]);
    bench.message_box.set_publishes(MASTER, false);
    assert_eq!(bench.message_box.publishing(), [second]);
    bench.message_box.operate_port(SendPortId(1), PortOperation::Start).expect("it is bound");
    let batch = publishing(vec![document(1, "In")]);
    let footprints = bench.message_box.footprint(&batch);
    let of_second = (0..2).find_map(|at| footprints.get(at).filter(|(home, _)| *home == second));
    assert_eq!(of_second.map(|(_, asked)| (asked.rows, asked.bytes)), Some((3, 10 + DONE)));
    assert!(bench.commit(batch).overall.is_success());
    let rows = [MASTER, second].map(|home| bench.message_box.tracking_rows(home));
    assert_eq!(rows, [0, 1]);
}
