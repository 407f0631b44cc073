//! The MessageBoxes on the bench: what a commit does to queues, spools and subscriptions.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test asks for the effect it is about")]

use floodgate_engine::adapter::Returned;
use floodgate_engine::batch::{Operation, OperationKind, Status};
use floodgate_engine::config::{LargeMessages, MessageBoxConfig, OnFailure, SendPort, Topology};
use floodgate_engine::id::{HostId, HostInstanceId, MessageBoxId, SendPortId};
use floodgate_engine::message::{Body, Document, Part, PropertyId, Value};
use floodgate_engine::message_box::{
    Action, Effect, Footprint, OutboundMessage, Place, PreparedBatch, Reason, ServiceInstanceId,
};
use floodgate_engine::pipeline::{Act, Component, Custom, ReceivePipeline, When};
use floodgate_engine::retry::RetryPolicy;
use floodgate_engine::subscription::{Condition, Filter, PortState};
use floodgate_engine::time::Duration;

use crate::bench::{
    ASYNC, Bench, FIRST, MASTER, add_host, add_send_port, batch_of, document, immediate,
    publishing, topology, wire,
};

const SECOND: HostInstanceId = HostInstanceId(1);

/// What a look by `owner` into `home` locks.
pub(crate) fn look(
    bench: &mut Bench,
    home: MessageBoxId,
    owner: HostInstanceId,
) -> Vec<Box<OutboundMessage>> {
    let mut found = Vec::new();
    bench.message_box.dequeue(bench.now, home, owner, 100, &mut found);
    found
}

/// The places of the references that were made, with the state each began in.
fn referenced(bench: &Bench) -> Vec<(Place, bool)> {
    let suspended = |place: &Place| {
        let known = |effect: &Effect| match effect {
            Effect::SuspendedReference { at, .. } => at.reference == place.reference,
            _ => false,
        };
        bench.effects.iter().any(known)
    };
    let made = bench.effects.iter().filter_map(|effect| match effect {
        Effect::Referenced { at, .. } => Some((*at, suspended(at))),
        _ => None,
    });
    made.collect()
}

/// References and bodies of each document that was stored.
fn stored(bench: &Bench) -> Vec<(u32, u32)> {
    let stored = bench.effects.iter().filter_map(|effect| match effect {
        Effect::Published { references, bodies, .. } => Some((*references, *bodies)),
        _ => None,
    });
    stored.collect()
}

fn message_box(name: &str, publishes: bool) -> MessageBoxConfig {
    MessageBoxConfig { name: name.to_owned(), publishes }
}

/// `A` in one host, `B` in another, and `C`, which is stopped; all take what `In` publishes.
fn three_ports() -> Topology {
    let mut topology = topology(immediate());
    let other = add_host(&mut topology, immediate());
    for name in ["A", "B", "C"] {
        add_send_port(&mut topology, name, "In", ASYNC);
    }
    topology.send_ports[1].primary.host = other;
    topology.send_ports[2].state = PortState::Stopped;
    topology
}

#[test]
fn one_commit_stores_once_and_refers_to_every_subscriber_s_queue() {
    // R-PUB-02, R-MBX-01: the master routes; one body, and a reference in the work queue of each
    // subscriber's host, in the suspended queue where the port is stopped.
    let mut topology = three_ports();
    topology.message_boxes = vec![message_box("Master", false), message_box("Second", true)];
    let mut bench = Bench::new(topology);
    let second = MessageBoxId(1);
    let batch = publishing(vec![document(1, "In")]);
    let footprints = bench.message_box.footprint(&batch);
    assert_eq!(
        footprints.get(0),
        Some((second, Footprint { rows: 4, bytes: 10, ..Footprint::default() }))
    );
    let routing = Footprint { rows: 1, routed: 1, ..Footprint::default() };
    assert_eq!(footprints.get(1), Some((MASTER, routing)));
    assert_eq!(bench.commit(batch).overall, Status::OK);
    assert_eq!(stored(&bench), [(3, 1)]);
    let places: Vec<_> = referenced(&bench)
        .iter()
        .map(|(at, suspended)| (at.subscriber.0, at.host.0, at.home, *suspended))
        .collect();
    assert_eq!(places, [(0, 0, second, false), (1, 1, second, false), (2, 0, second, true)]);
    assert_eq!((bench.message_box.spool_live(), bench.message_box.suspended().references), (1, 1));
    // Each host has a queue of its own in each MessageBox.
    for (home, owner, found) in
        [(MASTER, FIRST, 0), (MASTER, SECOND, 0), (second, SECOND, 1), (second, FIRST, 1)]
    {
        let taken = look(&mut bench, home, owner);
        assert_eq!(taken.len(), found, "{home} {owner}");
        assert!(taken.iter().all(|message| message.subscriber.0 == owner.0));
    }
    assert_eq!(bench.message_box.reference_counts().locked, 2);
}

#[test]
fn a_body_is_stored_in_every_message_box_with_a_match_and_only_there() {
    // R-PUB-02, R-MBX-01: the ordered port's instance stays in the first, the others go round.
    let mut topology = topology(immediate());
    add_send_port(&mut topology, "Ordered", "In", ASYNC);
    add_send_port(&mut topology, "Out", "In", ASYNC);
    topology.send_ports[0].ordered = Some(OnFailure::Continue);
    topology.message_boxes = vec![message_box("Master", true), message_box("Second", true)];
    let mut bench = Bench::new(topology);
    for number in [1, 2] {
        bench.commit(publishing(vec![document(number, "In")]));
    }
    assert_eq!(stored(&bench), [(2, 1), (2, 2)]);
    let homes: Vec<_> = referenced(&bench).iter().map(|(at, _)| at.home.0).collect();
    assert_eq!(homes, [0, 0, 0, 1]);
    assert_eq!(bench.message_box.spool_live(), 3);
    let found: Vec<_> = look(&mut bench, MessageBoxId(1), FIRST)
        .iter()
        .map(|message| (message.document.to_string(), message.subscriber.0))
        .collect();
    assert_eq!(found, [("m2".to_owned(), 1)]);
}

#[test]
fn priority_counts_inside_one_host() {
    // R-PRI-01: what is urgent for one host holds up nobody in another.
    let mut topology = topology(immediate());
    let other = add_host(&mut topology, immediate());
    for (name, priority, host) in
        [("Late", 10, HostId(0)), ("Urgent", 1, HostId(0)), ("Else", 10, other)]
    {
        add_send_port(&mut topology, name, "In", ASYNC);
        let port = topology.send_ports.last_mut().expect("just added");
        (port.priority, port.primary.host) = (priority, host);
    }
    let mut bench = Bench::new(topology);
    for number in [1, 2] {
        bench.commit(publishing(vec![document(number, "In")]));
    }
    let taken = |found: Vec<Box<OutboundMessage>>| -> Vec<(u32, u64)> {
        found.iter().map(|message| (message.subscriber.0, message.document.wire)).collect()
    };
    assert_eq!(taken(look(&mut bench, MASTER, SECOND)), [(2, 1), (2, 2)]);
    assert_eq!(taken(look(&mut bench, MASTER, FIRST)), [(1, 1), (1, 2), (0, 1), (0, 2)]);
}

/// A document of so many bytes.
fn large(number: u64, bytes: u32) -> Document {
    let mut document = document(number, "In");
    document.parts = document.parts.with_body(Body::Described { bytes, documents: 1 });
    document
}

fn one_port() -> Topology {
    let mut topology = topology(immediate());
    add_send_port(&mut topology, "Out", "In", ASYNC);
    topology
}

#[test]
fn large_messages_have_three_sizes_of_their_own() {
    // 1,000,000 bytes a batch, 102,400 a fragment, 1 MB to transform.
    let sizes = LargeMessages::default();
    assert_eq!((sizes.batch_bytes, sizes.fragment_bytes), (1_000_000, 102_400));
    assert_eq!(sizes.map_bytes, 1 << 20);
    let other = LargeMessages { batch_bytes: 10, ..sizes };
    assert_eq!((other.flushes(25), other.fragments(102_400)), (2, 0), "one without the others");
}

#[test]
fn a_batch_past_the_threshold_is_written_in_pieces_and_stays_whole() {
    // R-LMS-01: below a million bytes nothing is flushed; past it, pieces, and all or nothing.
    let mut bench = Bench::new(one_port());
    let flushes = |bench: &mut Bench, documents: Vec<Document>| {
        let footprints = bench.message_box.footprint(&publishing(documents));
        footprints.get(0).map(|(_, footprint)| footprint.flushes)
    };
    assert_eq!(flushes(&mut bench, vec![large(1, 999_999)]), Some(0));
    assert_eq!(flushes(&mut bench, vec![large(1, 1_000_000)]), Some(1));
    let three = || vec![large(1, 800_000), large(2, 800_000), large(3, 800_000)];
    assert_eq!(flushes(&mut bench, three()), Some(2));
    // The last of them finds no subscriber: nothing of the pieces before it is left.
    let mut failing = three();
    failing[2] = document(3, "Nowhere");
    let before = bench.message_box.state_hash();
    assert!(!bench.commit(publishing(failing)).overall.is_success());
    assert_eq!((bench.message_box.state_hash(), bench.message_box.spool_live()), (before, 0));
    assert_eq!(bench.commit(publishing(three())).overall, Status::OK);
    assert_eq!(bench.message_box.spool_live(), 3);
}

#[test]
fn a_subscriber_cannot_tell_a_fragmented_message() {
    // R-LMS-02, R-LMS-04: it costs fragments and comes out as one message of all its bytes.
    let mut bench = Bench::new(one_port());
    let (small, whole) = (large(1, 102_400), large(2, 300_000));
    let fragments = |bench: &mut Bench, document: &Document| {
        let footprints = bench.message_box.footprint(&publishing(vec![document.clone()]));
        footprints.get(0).map(|(_, footprint)| footprint.fragments)
    };
    assert_eq!((fragments(&mut bench, &small), fragments(&mut bench, &whole)), (Some(0), Some(3)));
    bench.commit(publishing(vec![small.clone(), whole.clone()]));
    assert_eq!(stored(&bench), [(1, 1), (1, 1)]);
    let found: Vec<_> = look(&mut bench, MASTER, FIRST)
        .iter()
        .map(|message| (message.document, message.bytes, message.fingerprint))
        .collect();
    let due = [small, whole]
        .map(|document| (document.name, document.parts.bytes(), document.fingerprint()));
    assert_eq!(found, due);
}

#[test]
fn the_master_stands_in_only_while_nobody_else_takes_new_messages() {
    // R-MMB-04: disabled itself, it does so no more when another one is enabled; from a topology
    // where nobody takes any, and from one where all are disabled one after another.
    let switch = |bench: &mut Bench, at: u32, publishes: bool| -> Vec<u32> {
        bench.message_box.set_publishes(MessageBoxId(at), publishes);
        bench.message_box.publishing().iter().map(|home| home.0).collect()
    };
    for begins in [false, true] {
        let mut topology = topology(immediate());
        let own = |name: &str| MessageBoxConfig { name: name.to_owned(), publishes: begins };
        topology.message_boxes = ["Master", "Second", "Third"].map(own).into();
        let mut bench = Bench::new(topology);
        if begins {
            assert_eq!(switch(&mut bench, 0, false), [1, 2]);
            assert_eq!(switch(&mut bench, 1, false), [2]);
            assert_eq!(switch(&mut bench, 2, false), [0], "it stands in");
        }
        assert_eq!(switch(&mut bench, 2, false), [0]);
        assert_eq!(switch(&mut bench, 1, true), [1]);
        assert_eq!(switch(&mut bench, 1, false), [0], "again");
        assert_eq!(switch(&mut bench, 0, true), [0], "now it is meant to");
        assert_eq!(switch(&mut bench, 2, true), [0, 2]);
        assert_eq!(switch(&mut bench, 0, false), [2]);
    }
}

#[test]
fn publication_routes_by_promoted_values_and_by_no_others() {
    // R-CTX-02, R-CTX-06: the same value written, promoted, demanded of the host; one copy of it
    // routes.
    let mut topology = one_port();
    let own = topology.properties.intern("Orders.Region");
    let value = || Some(Value::text("North"));
    topology.send_ports[0].filter =
        Some(Filter::all_of(vec![Condition::equals(own, Value::text("North"))]));
    topology.hosts[0].properties = vec![(own, Value::text("North"))];
    let mut bench = Bench::new(topology);
    let [mut written, mut promoted, mut demanded] = [1, 2, 3].map(|number| document(number, "In"));
    written.context.write(own, value());
    promoted.context.promote(own, value()).expect("a short text");
    demanded.context.add_predicate(own, value());
    assert_eq!(demanded.context.read(own), None, "a demand is no value");
    let overall = [written, promoted, demanded]
        .map(|document| bench.commit(publishing(vec![document])).operations[0].messages[0]);
    assert_eq!(overall, [Status::NO_SUBSCRIPTION, Status::OK, Status::NO_SUBSCRIPTION]);
    // Promoted and demanded: it goes where both hold.
    let mut both = document(4, "In");
    both.context.promote(own, value()).expect("a short text");
    both.context.add_predicate(own, Some(Value::text("South")));
    assert!(!bench.commit(publishing(vec![both])).overall.is_success());
}

#[test]
fn a_message_has_an_identity_a_context_and_any_number_of_parts() {
    // R-MSG-01, R-MSG-04: what was submitted is stored under its identity with every part, their
    // bytes as they are, and their properties, which have a name and no namespace.
    for count in [0, 1, 300] {
        let mut bench = Bench::new(one_port());
        let mut message = wire(5);
        for number in 0..count {
            let part = Part {
                name: format!("part{number}").into(),
                body: Body::Real([0, 255, number as u8].into()),
                properties: vec![
                    ("Charset".into(), Value::text("utf-8")),
                    ("ContentType".into(), Value::text("image/png")),
                ],
            };
            assert_eq!(message.parts.add(part), Ok(()));
        }
        bench.post(batch_of(1, [Operation::Submit(message.clone())]));
        let (_, sent) = bench.transmitted()[0];
        assert_eq!((sent.document.wire, sent.bytes), (5, 10 + 3 * count));
        let instance = ServiceInstanceId::Reference(sent.reference);
        let saved = bench.message_box.save(instance).remove(0);
        assert_eq!(saved.document, sent.document);
        let parts = saved.parts.expect("it has parts");
        assert_eq!((parts.count() as u64, &parts), (1 + count, &message.parts));
        let last = parts.part(&format!("part{}", count.wrapping_sub(1)));
        assert_eq!(
            last.map(|part| part.properties[0].clone()),
            (count > 0).then(|| ("Charset".into(), Value::text("utf-8")))
        );
    }
    // And one without any: the report of a failed routing is a context alone.
    let mut bench = Bench::new(topology(immediate()));
    bench.post(batch_of(1, [Operation::Submit(wire(6))]));
    let saved = bench.message_box.save(ServiceInstanceId::Report(0)).remove(0);
    assert_eq!((saved.document.wire, saved.parts), (6, None));
}

#[test]
fn an_adapter_writes_and_promotes_properties_of_its_own() {
    // R-RCV-05: before it submits; promoted ones route, all are there when the message goes out.
    let mut topology = one_port();
    let [name, size] =
        ["FILE.ReceivedFileName", "FILE.Size"].map(|own| topology.properties.intern(own));
    topology.send_ports[0].filter =
        Some(Filter::all_of(vec![Condition::equals(name, Value::text("a.txt"))]));
    let mut bench = Bench::new(topology);
    for (number, file) in [(1, "a.txt"), (2, "b.txt")] {
        let mut message = wire(number);
        message.context.promote(name, Some(Value::text(file))).expect("a short name");
        message.context.write(size, Some(Value::Int(10)));
        bench.post(batch_of(number, [Operation::Submit(message)]));
    }
    assert_eq!(bench.completed(), [(1, Status::OK), (2, Status::FAIL)]);
    let transmitted = bench.transmitted();
    assert_eq!(transmitted.len(), 1);
    let context = &transmitted[0].1.context;
    assert_eq!(context.read(name), Some(&Value::text("a.txt")));
    assert_eq!(context.read(size), Some(&Value::Int(10)));
}

#[test]
fn a_routing_failure_that_nobody_heeds_loses_the_message() {
    // R-RCV-10, R-ROUTE-01: the engine keeps the report, which has no body, and nothing else;
    // the adapter that does nothing has the only copy.
    let mut bench = Bench::new(topology(immediate()));
    bench.post(batch_of(1, [Operation::Submit(wire(1))]));
    assert_eq!(bench.completed(), [(1, Status::FAIL)]);
    let suspended = bench.message_box.suspended();
    assert_eq!((suspended.len(), suspended.reports.len()), (0, 1));
    assert_eq!(
        (bench.message_box.spool_live(), bench.message_box.reference_counts().total()),
        (0, 0)
    );
    assert_eq!((bench.asked.len(), bench.works.len()), (1, 1), "nor does it try again");
}

/// A port `Errors` that takes error messages, and port `In` routes its failed ones.
fn routing_failed(act: Act) -> Topology {
    let mut topology = one_port();
    add_send_port(&mut topology, "Errors", "In", ASYNC);
    let error = Condition::equals(PropertyId::ERROR_TYPE, Value::text("FailedMessage"));
    topology.send_ports[1].filter = Some(Filter::all_of(vec![error]));
    topology.receive_ports[0].route_failed = true;
    let own = Custom { name: "own".into(), when: When::Always, acts: vec![act] };
    topology.receive_locations[0].pipeline =
        ReceivePipeline { validate: vec![Component::Custom(own)], ..ReceivePipeline::xml() };
    topology
}

#[test]
fn where_nobody_suspends_there_is_no_error_message() {
    // R-FMR-03: the same failure, once with and once without leave to suspend; and a message that
    // nobody wants, which the engine does not suspend by itself.
    let errors = |bench: &Bench| {
        let error = |effect: &&Effect| matches!(effect, Effect::RoutedMessage { .. });
        bench.effects.iter().filter(error).count()
    };
    for (leave, overall, due) in
        [(None, Status::MESSAGE_SUSPENDED, 1), (Some(Value::Int(0)), Status::FAIL, 0)]
    {
        let mut bench = Bench::new(routing_failed(Act::Fail));
        let mut message = wire(1);
        message.context.write(PropertyId::ACTION_ON_FAILURE, leave);
        bench.post(batch_of(1, [Operation::Submit(message)]));
        assert_eq!((bench.completed(), errors(&bench)), (vec![(1, overall)], due));
        assert_eq!(bench.message_box.suspended().len(), 0);
        assert_eq!(bench.transmitted().len(), due);
    }
    let nowhere = Act::Promote(PropertyId::RECEIVE_PORT_NAME, Value::text("Nowhere"));
    let mut bench = Bench::new(routing_failed(nowhere));
    bench.post(batch_of(1, [Operation::Submit(wire(1))]));
    assert_eq!((bench.completed(), errors(&bench)), (vec![(1, Status::FAIL)], 0));
}

#[test]
fn the_last_resort_suspends_the_message_and_the_engine_goes_on() {
    // transmission fails, no retries, no backup.
    let mut topology = one_port();
    let port: &mut SendPort = &mut topology.send_ports[0];
    port.primary.retry = RetryPolicy { count: 0, interval: Duration::ZERO };
    let mut bench = Bench::new(topology);
    bench.publish([1]);
    let call = bench.transmitted()[0].0;
    bench.returned(call, Returned::Failed);
    let reasons: Vec<_> = bench
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::SuspendedReference { at, reason, resumable } => {
                Some((at.document.to_string(), *reason, *resumable))
            }
            _ => None,
        })
        .collect();
    assert_eq!(reasons, [("m1".to_owned(), Reason::Retries, true)]);
    assert_eq!(bench.message_box.port_state(SendPortId(0)), PortState::Started);
    bench.publish([2]);
    assert_eq!((bench.transmitted().len(), bench.stopped), (2, false), "the next one is sent");
}

#[test]
fn a_master_that_does_not_publish_only_routes() {
    // R-MMB-01, R-PUB-02: it is asked and stores nothing; alone, it stores everything.
    let footprint = |boxes: Vec<MessageBoxConfig>| {
        let mut topology = one_port();
        topology.message_boxes = boxes;
        let footprints = Bench::new(topology)
            .message_box
            .footprint(&publishing(vec![document(1, "In"), document(2, "In")]));
        let touched = (0..footprints.boxes() as usize).filter_map(|at| footprints.get(at));
        touched.map(|(home, asked)| (home.0, asked.rows, asked.only_routes())).collect::<Vec<_>>()
    };
    assert_eq!(footprint(vec![message_box("Alone", true)]), [(0, 4, false)]);
    let two = vec![message_box("Master", false), message_box("Second", true)];
    assert_eq!(footprint(two), [(1, 4, false), (0, 2, true)]);
}

/// Deletes everything that `FIRST` has locked of these.
fn delete(bench: &mut Bench, messages: &[Box<OutboundMessage>]) {
    let references = messages.iter().map(|message| message.reference);
    let actions = references.map(|id| (OperationKind::Delete, Action::Delete(id))).collect();
    let batch = PreparedBatch { actions, ..PreparedBatch::default() };
    assert_eq!(bench.commit(batch).overall, Status::OK);
}

#[test]
fn garbage_is_collected_row_by_row_from_both_logs() {
    // R-GC-01, R-GC-02, R-GC-03: a row goes to the log with its last reference, and the job takes
    // no more than it is told.
    let mut bench = Bench::new(one_port());
    let round = |bench: &mut Bench, numbers: std::ops::RangeInclusive<u64>| {
        for number in numbers {
            bench.commit(publishing(vec![document(number, "In")]));
        }
        let taken = look(bench, MASTER, FIRST);
        delete(bench, &taken);
    };
    round(&mut bench, 1..=5);
    assert!(bench.message_box.has_collectable());
    assert_eq!((bench.message_box.garbage_of(MASTER), bench.message_box.spool_of(MASTER)), (5, 5));
    assert_eq!(bench.message_box.collect_from(MASTER, 2, 9), 0, "it has not looked at its logs");
    assert_eq!(bench.message_box.turn_logs(MASTER), (5, 0));
    assert_eq!(bench.message_box.collect_from(MASTER, 2, 9), 2);
    // The rest of the first log, and the second, which is written meanwhile.
    round(&mut bench, 6..=9);
    assert_eq!(bench.message_box.turn_logs(MASTER), (7, 0));
    assert_eq!(bench.message_box.collect_from(MASTER, 6, 0), 6);
    assert_eq!(
        (bench.message_box.spool_garbage(), bench.message_box.collect_from(MASTER, 9, 0)),
        (1, 1)
    );
    assert!(!bench.message_box.has_collectable());
}

#[test]
fn an_operator_hears_how_many_were_terminated() {
    // R-MBX-08: what a stopped port had suspended goes, and nothing else.
    let mut bench = Bench::new(three_ports());
    for number in 1..=4 {
        bench.commit(publishing(vec![document(number, "In")]));
    }
    let before = bench.message_box.reference_counts();
    assert_eq!((before.suspended, before.work), (4, 8));
    assert_eq!(bench.message_box.terminate(SendPortId(2)), 4);
    assert_eq!(bench.message_box.terminate(SendPortId(2)), 0);
    let after = bench.message_box.reference_counts();
    assert_eq!((after.suspended, after.work), (0, 8));
}

/// What becomes of a message that could not be sent.
type Fails = fn(&OutboundMessage) -> Action;

#[test]
fn what_fails_and_is_not_suspended_is_no_error_message() {
    // R-FMR-03: an adapter that retries, one that gives up in silence, one that suspends.
    let failures: [(u32, Fails, usize); 3] = [
        (1, |message| Action::DefaultFailure(message.reference), 0),
        (0, |message| Action::Delete(message.reference), 0),
        (0, |message| Action::DefaultFailure(message.reference), 1),
    ];
    for (retries, fails, due) in failures {
        let mut topology = one_port();
        topology.send_ports[0].route_failed = true;
        topology.send_ports[0].primary.retry =
            RetryPolicy { count: retries, interval: Duration::from_secs(1) };
        add_send_port(&mut topology, "Errors", "In", ASYNC);
        let error = Condition::equals(PropertyId::ERROR_TYPE, Value::text("FailedMessage"));
        topology.send_ports[1].filter = Some(Filter::all_of(vec![error]));
        let mut bench = Bench::new(topology);
        bench.commit(publishing(vec![document(1, "In")]));
        let taken = look(&mut bench, MASTER, FIRST);
        let actions = vec![(OperationKind::Resubmit, fails(&taken[0]))];
        bench.commit(PreparedBatch { actions, ..PreparedBatch::default() });
        assert_eq!(look(&mut bench, MASTER, FIRST).len(), due, "the subscriber has it");
        assert_eq!(bench.message_box.suspended().len(), 0);
    }
}
