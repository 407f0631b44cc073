//! What is kept of messages beside themselves: parts that failed, reports, adapters' remarks.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test asks for the effect it is about")]

use floodgate_engine::adapter::ErrorSubject;
use floodgate_engine::batch::{Operation, OperationKind, Status, Suspendable};
use floodgate_engine::config::{Authentication, SendPortGroup, Topology, TransportWindow};
use floodgate_engine::host::{HostInput, LocationAct};
use floodgate_engine::id::{
    HostInstanceId, ReceiveLocationId, ReferenceId, SendPortGroupId, SendPortId,
};
use floodgate_engine::message::{
    Defect, DefectKind, Document, DocumentName, PropertyId, Value, WireMessage,
};
use floodgate_engine::message_box::{
    Action, Effect, InstanceOperation, Part, PortOperation, PortRefusal, PreparedBatch, Reason,
    Remark, Rest, ServiceInstanceId, ServiceStatus, SubState,
};
use floodgate_engine::pipeline::{FailedDocument, Form, ReceivePipeline, Stage};
use floodgate_engine::schedule::{Schedule, Window};
use floodgate_engine::subscription::{Condition, Filter, Operator, PortState};
use floodgate_engine::time::Duration;

use crate::bench::{
    ASYNC, Bench, FIRST, MASTER, add_receive_port, add_send_port, batch_of, document, immediate,
    publishing, topology, wire,
};

const P: PropertyId = PropertyId(901);
const Q: PropertyId = PropertyId(902);

fn one_port() -> Topology {
    let mut topology = topology(immediate());
    add_send_port(&mut topology, "Out", "In", ASYNC);
    topology
}

fn take(bench: &mut Bench) -> Vec<(ReferenceId, u32, Option<Value>, Option<Value>)> {
    let mut found = Vec::new();
    bench.message_box.dequeue(bench.now, MASTER, FIRST, 9, &mut found);
    let told = found.iter().map(|one| {
        let own = |property| one.context.read(property).cloned();
        (one.reference, one.retries_left, own(P), own(Q))
    });
    told.collect()
}

fn batch(kind: OperationKind, action: Action) -> PreparedBatch {
    PreparedBatch { actions: vec![(kind, action)], ..PreparedBatch::default() }
}

fn failed(document: Document) -> FailedDocument {
    FailedDocument { document, reason: Reason::Pipeline, form: Form::PostPipeline }
}

/// A message of which the last `count` documents are good, and these are not.
fn part(first: u32, count: u32, failed: Vec<FailedDocument>, rest: Option<Rest>) -> Action {
    Action::PublishPart(Box::new(Part { first, count, failed, wire: 7, held: 9, rest }))
}

#[test]
fn a_message_of_which_a_part_failed_has_one_status() {
    // R-RIP-03, R-RIP-04, R-RCV-03, R-RCV-06, R-ROUTE-01.
    let bad = || vec![failed(document(8, "In"))];
    for (from, failed, rest, status) in [
        ("In", bad(), None, Status::MESSAGE_SUSPENDED),
        ("In", bad(), Some(Rest::Consumed), Status::MESSAGE_SUSPENDED),
        ("In", vec![], Some(Rest::Consumed), Status::OK),
        ("In", vec![], None, Status::OK),
        ("In", vec![], Some(Rest::Dropped), Status::SECURITY_CHECK_FAILED),
        ("Nowhere", bad(), None, Status::NO_SUBSCRIPTION),
        ("Nowhere", vec![], Some(Rest::Dropped), Status::NO_SUBSCRIPTION),
    ] {
        let mut bench = Bench::new(one_port());
        let told = format!("{from} {rest:?}");
        let documents = vec![document(1, from)];
        let batch =
            PreparedBatch { documents, ..batch(OperationKind::Submit, part(0, 1, failed, rest)) };
        assert_eq!(bench.commit(batch).operations[0].status, status, "{told}");
    }
}

#[test]
fn every_document_without_a_subscriber_is_reported_when_its_batch_fails() {
    // INV-22, R-ROUTE-02, R-ROUTE-04: those of a part as well.
    let mut bench = Bench::new(one_port());
    let documents = [(1, "In"), (2, "In"), (3, "Nowhere"), (4, "Nowhere"), (5, "Nowhere")]
        .map(|(number, from)| document(number, from))
        .into();
    let actions = vec![
        (OperationKind::Submit, Action::Publish { first: 0, count: 1 }),
        (OperationKind::Submit, part(1, 3, vec![], None)),
        (OperationKind::Submit, Action::Publish { first: 4, count: 1 }),
    ];
    assert!(
        !bench
            .commit(PreparedBatch { actions, documents, ..PreparedBatch::default() })
            .overall
            .is_success()
    );
    let reports: Vec<u64> =
        (bench.message_box.suspended().reports.iter()).map(|report| report.document.wire).collect();
    assert_eq!(reports, [3, 4, 5]);
}

#[test]
fn a_bad_document_may_be_resumed_unless_it_says_otherwise_or_somebody_waits() {
    // R-RIP-03, R-RR-09.
    let mut bench = Bench::new(one_port());
    let with = |number, property, value| {
        let mut document = document(number, "In");
        document.context.write(property, Some(value));
        failed(document)
    };
    let bad = vec![
        failed(document(1, "In")),
        with(2, PropertyId::SUSPEND_AS_NON_RESUMABLE, Value::Bool(true)),
        with(3, PropertyId::EPM_RR_CORRELATION_TOKEN, Value::text("t")),
        with(4, PropertyId::SUSPEND_AS_NON_RESUMABLE, Value::Bool(false)),
    ];
    bench.commit(batch(OperationKind::Submit, part(0, 0, bad, None)));
    let kept: Vec<(u64, bool)> = (bench.message_box.suspended().messages.iter())
        .map(|message| (message.name().wire, message.resumable))
        .collect();
    assert_eq!(kept, [(1, true), (2, false), (3, false), (4, true)]);
}

#[test]
fn an_error_message_names_the_report_of_its_own_document() {
    // R-FMR-02, R-FMR-08, R-RCV-11: of the document itself, or of any of its wire message, the
    // last; and only where it was a failure of routing, or the adapter's answer to one.
    let mut topology = one_port();
    topology.receive_ports[0].route_failed = true;
    let exists = Condition {
        property: PropertyId::ERROR_TYPE,
        operator: Operator::Exists,
        value: Value::Int(0),
    };
    add_send_port(&mut topology, "Errors", "In", ASYNC);
    topology.send_ports[1].filter = Some(Filter::all_of(vec![exists]));
    let mut bench = Bench::new(topology);
    let of = |wire, sequence| {
        let mut document = document(wire, "Nowhere");
        document.name = DocumentName { wire, sequence, split: true };
        let location = Some(Value::text("In"));
        document.context.write(PropertyId::INBOUND_TRANSPORT_LOCATION, location);
        document
    };
    bench.commit(publishing(vec![of(5, 1), of(5, 2), of(6, 1)]));
    assert_eq!(bench.message_box.suspended().reports.len(), 3);
    let suspend = |wire: WireMessage, reason| Action::SuspendWire {
        wire: Box::new(wire),
        resumable: true,
        reason,
        status: Status::OK,
        thrown: false,
    };
    let kind = OperationKind::MoveToSuspendQueue;
    bench.commit(batch(kind, suspend(wire(5), Reason::Adapter)));
    bench.commit(batch(kind, suspend(wire(6), Reason::Adapter)));
    bench.commit(batch(kind, suspend(wire(6), Reason::Pipeline)));
    bench.commit(batch(kind, suspend(wire(9), Reason::Adapter)));
    let suspended = |mut document: Document| {
        let property = PropertyId::SUSPEND_MESSAGE_ON_ROUTING_FAILURE;
        document.context.write(property, Some(Value::Bool(true)));
        document
    };
    bench.commit(publishing(vec![suspended(of(5, 1)), suspended(of(7, 2))]));
    let mut found = Vec::new();
    bench.message_box.dequeue(bench.now, MASTER, FIRST, 9, &mut found);
    let named: Vec<Option<String>> = (found.iter())
        .map(|error| match error.context.read(PropertyId::ERROR_ROUTING_FAILURE_REPORT_ID) {
            Some(Value::Text(text)) => Some(text.to_string()),
            Some(_) | None => None,
        })
        .collect();
    let report = |document: Document| Some(format!("RFR {}", document.name));
    let due = [report(of(5, 2)), report(of(6, 1)), None, None, report(of(5, 1)), report(of(7, 2))];
    assert_eq!(named, due);
}

#[test]
fn what_an_adapter_wants_kept_is_there_at_the_next_attempt() {
    // R-CTX-10, R-RETRY-09, R-RETRY-02: a retry count holds for one resubmit, the rest for good,
    // each property by itself.
    let mut topology = one_port();
    topology.send_ports[0].primary.retry.count = 5;
    let mut bench = Bench::new(topology);
    bench.commit(publishing(vec![document(1, "In"), document(2, "In")]));
    let taken = take(&mut bench);
    let (id, other) = (taken[0].0, taken[1].0);
    assert_eq!((taken[0].1, taken[1].1), (5, 5));
    let kept_counts = |bench: &Bench| -> Vec<Option<u16>> {
        let updates = bench.effects.iter().filter_map(|effect| {
            let Effect::PropertiesUpdated { retries_left, .. } = effect else { return None };
            Some(*retries_left)
        });
        updates.collect()
    };
    let again = |bench: &mut Bench, id, updates: Vec<(PropertyId, Value)>| {
        let remark = (ErrorSubject::Reference(id), Remark::Properties(updates));
        let now = bench.now;
        let batch = PreparedBatch {
            remarks: vec![remark],
            ..batch(OperationKind::Resubmit, Action::Resubmit(id, now))
        };
        assert!(bench.commit(batch).overall.is_success());
        take(bench)
    };
    let count = |count| (PropertyId::RETRY_COUNT, Value::Int(count));
    let one = |value| (P, Value::Int(value));
    let (p, q) = (|value| Some(Value::Int(value)), Some(Value::Int(7)));
    let first = again(&mut bench, id, vec![one(1), count(9), (Q, Value::Int(7))]);
    assert_eq!(first, [(id, 9, p(1), q.clone())]);
    assert_eq!(kept_counts(&bench), [Some(9)]);
    let second = again(&mut bench, id, vec![one(2)]);
    assert_eq!(second, [(id, 8, p(2), q.clone())], "the count held once");
    let third = again(&mut bench, id, vec![count(6)]);
    assert_eq!(third, [(id, 6, p(2), q)]);
    assert_eq!(kept_counts(&bench), [Some(9), None, Some(6)]);
    let others = again(&mut bench, other, vec![]);
    assert_eq!(others, [(other, 4, None, None)], "nothing of it is another's");
    for id in [id, other] {
        bench.commit(batch(OperationKind::Delete, Action::Delete(id)));
    }
    assert!(bench.message_box.error_of(id).is_none());
}

#[test]
fn a_reference_is_named_once_and_by_whoever_has_it() {
    // R-ATOM-01, INV-02: by nobody while it waits, by no other instance, not twice in a batch.
    let mut bench = Bench::new(one_port());
    bench.commit(publishing(vec![document(1, "In")]));
    let id = bench.effects.iter().find_map(|effect| match effect {
        Effect::Referenced { at, .. } => Some(at.reference),
        _ => None,
    });
    let id = id.expect("it was referred to");
    let delete = || batch(OperationKind::Delete, Action::Delete(id));
    assert!(!bench.commit(delete()).overall.is_success(), "it waits");
    take(&mut bench);
    let twice = PreparedBatch {
        actions: [delete().actions, delete().actions].concat(),
        ..PreparedBatch::default()
    };
    assert!(!bench.commit(twice).overall.is_success());
    let others = bench.message_box.commit(bench.now, HostInstanceId(9), delete());
    assert!(!others.overall.is_success());
    assert!(bench.commit(delete()).overall.is_success());
}

#[test]
fn an_instance_shows_what_it_waits_for() {
    // R-MBX-02, R-MBX-06, R-MBX-09: dehydrated while it waits for an instant, and after it was
    // suspended and resumed while it waited for its window.
    let mut topology = one_port();
    let window = Window { from: Duration::from_minutes(60), until: Duration::from_minutes(120) };
    add_send_port(&mut topology, "Night", "Night", ASYNC);
    topology.windows.push(TransportWindow { port: SendPortId(1), on_backup: false, window });
    let mut bench = Bench::new(topology);
    let shown = |bench: &Bench| -> Vec<(ServiceStatus, Option<SubState>)> {
        let all = bench.message_box.service_instances(bench.now);
        all.iter().map(|one| (one.status, one.shown)).collect()
    };
    use ServiceStatus::{Active, Dehydrated, ReadyToRun};
    bench.commit(publishing(vec![document(1, "In")]));
    assert_eq!(shown(&bench), [(ReadyToRun, None)]);
    let id = take(&mut bench)[0].0;
    assert_eq!(shown(&bench), [(Active, None)]);
    let due = bench.now + Duration::from_secs(10);
    bench.commit(batch(OperationKind::Resubmit, Action::Resubmit(id, due)));
    assert_eq!(shown(&bench), [(Dehydrated, Some(SubState::Retrying))]);
    bench.now = due;
    assert_eq!(shown(&bench), [(Dehydrated, None)], "it is due");
    take(&mut bench);
    bench.commit(batch(OperationKind::Delete, Action::Delete(id)));
    bench.commit(publishing(vec![document(2, "Night")]));
    assert_eq!(shown(&bench), [(ReadyToRun, None)], "nobody has looked");
    take(&mut bench);
    let night = bench.message_box.service_instances(bench.now)[0].id;
    assert!(matches!(night, ServiceInstanceId::Reference(_)));
    for operation in [InstanceOperation::Suspend, InstanceOperation::Resume] {
        bench.message_box.operate(bench.now, night, operation).expect("it may");
    }
    assert_eq!(shown(&bench), [(Dehydrated, None)]);
}

#[test]
fn a_port_that_is_enlisted_again_is_so_for_its_enlisted_groups() {
    // R-SUB-09, R-SUB-11, R-SUB-12: for no group that it is not in, and for none that is bound.
    let mut topology = topology(immediate());
    for name in ["First", "Second", "Third"] {
        add_send_port(&mut topology, name, "Elsewhere", ASYNC);
    }
    let filter = |from| {
        let property = PropertyId::RECEIVE_PORT_NAME;
        Some(Filter::all_of(vec![Condition::equals(property, Value::text(from))]))
    };
    for (name, from, state) in
        [("One", "In", PortState::Started), ("Two", "Other", PortState::Bound)]
    {
        topology.send_port_groups.push(SendPortGroup {
            name: name.to_owned(),
            filter: filter(from),
            ports: vec![SendPortId(0), SendPortId(1)],
            state,
        });
    }
    let mut bench = Bench::new(topology);
    for port in [0, 2] {
        for operation in [PortOperation::Unenlist, PortOperation::Start] {
            bench.message_box.operate_port(SendPortId(port), operation).expect("it may");
        }
    }
    bench.commit(publishing(vec![document(1, "In")]));
    let mut found = Vec::new();
    bench.message_box.dequeue(bench.now, MASTER, FIRST, 9, &mut found);
    let mut to: Vec<u32> = found.iter().map(|message| message.subscriber.0).collect();
    to.sort_unstable();
    assert_eq!(to, [0, 1]);
    assert!(!bench.commit(publishing(vec![document(2, "Other")])).overall.is_success());
    // A group of which no member is enlisted cannot be.
    let two = SendPortGroupId(1);
    let enlist = |bench: &mut Bench| bench.message_box.operate_group(two, PortOperation::Enlist);
    assert_eq!(enlist(&mut bench), Ok(PortState::Stopped));
    bench.message_box.operate_group(two, PortOperation::Unenlist).expect("it may");
    bench.message_box.operate_group(SendPortGroupId(0), PortOperation::Unenlist).expect("it may");
    for port in [0, 1] {
        bench.message_box.operate_port(SendPortId(port), PortOperation::Unenlist).expect("so");
    }
    assert_eq!(enlist(&mut bench), Err(PortRefusal::NoPortEnlisted));
}

/// What became of a message that is submitted: its status, and what was suspended and published.
fn submitted(topology: Topology, message: WireMessage) -> (Status, Option<Reason>, usize) {
    let mut bench = Bench::new(topology);
    bench.post(batch_of(1, [Operation::Submit(message)]));
    let status = bench.calls.iter().find_map(|(_, input)| match input {
        floodgate_engine::adapter::AdapterInput::BatchComplete(status) => {
            Some(status.operations[0].status)
        }
        _ => None,
    });
    let suspended = bench.message_box.suspended().messages.first().map(|message| message.reason);
    let published = bench.effects.iter().filter(|one| matches!(one, Effect::Published { .. }));
    (status.expect("it is complete"), suspended, published.count())
}

#[test]
fn who_cannot_be_authenticated_is_treated_as_the_port_says() {
    // R-RCV-06.
    for (setting, told) in [
        (Authentication::None, (Status::OK, None, 1)),
        (Authentication::Drop, (Status::SECURITY_CHECK_FAILED, None, 0)),
        (Authentication::Keep, (Status::MESSAGE_SUSPENDED, Some(Reason::Authentication), 0)),
    ] {
        let mut topology = one_port();
        topology.receive_ports[0].authentication = setting;
        let mut forged = wire(1);
        forged.defect =
            Some(Defect { kind: DefectKind::Forged, ..Defect::at(Stage::Disassemble, 1) });
        assert_eq!(submitted(topology.clone(), forged), told, "{setting:?}");
        let mut bad = wire(2);
        bad.defect = Some(Defect::at(Stage::Encode, 1));
        assert_eq!(submitted(topology.clone(), bad), (Status::OK, None, 1), "known, if faulty");
        assert_eq!(submitted(topology, wire(3)), (Status::OK, None, 1));
    }
}

#[test]
fn what_cannot_be_stored_is_not_suspended_either() {
    // R-CTX-09, R-RCV-08: an adapter that asked for no suspension gets a good message published.
    let mut object = wire(1);
    object.context.write(P, Some(Value::Object));
    let (status, suspended, published) = submitted(one_port(), object.clone());
    assert_eq!((status, suspended, published), (Status::NO_INTERFACE, None, 0));
    let mut bench = Bench::new(one_port());
    let operation = Operation::MoveToSuspendQueue(Suspendable::Wire(object));
    bench.post(batch_of(1, [operation]));
    assert!(bench.message_box.suspended().messages.is_empty());
    let mut plain = wire(2);
    plain.context.write(PropertyId::ACTION_ON_FAILURE, Some(Value::Int(0)));
    assert_eq!(submitted(one_port(), plain.clone()), (Status::OK, None, 1));
    let mut topology = one_port();
    topology.receive_locations[0].pipeline = ReceivePipeline::xml();
    plain.defect = Some(Defect::at(Stage::Disassemble, 1));
    assert_eq!(submitted(topology, plain), (Status::FAIL, None, 0));
}

#[test]
fn a_process_that_starts_again_remembers_what_operators_said_and_nothing_else() {
    // R-CRASH-03, R-LIFE-02, R-LIFE-06, R-LIFE-08, R-LIFE-10, R-MMB-07.
    use floodgate_engine::adapter::AdapterInput;
    let minute = Duration::from_minutes(1);
    let mut topology = topology(immediate());
    topology.hosts[0].settings.fault_tolerance = Some(minute);
    for name in ["Second", "Night"] {
        add_receive_port(&mut topology, name, ReceivePipeline::pass_through());
    }
    let window = Window { from: Duration::from_minutes(60), until: Duration::from_minutes(120) };
    let schedule = Schedule { window: Some(window), ..Schedule::default() };
    topology.schedules.push((ReceiveLocationId(2), schedule));
    let mut bench = Bench::new(topology);
    let opened = |bench: &mut Bench| -> Vec<String> {
        let word = |input: &AdapterInput| match input {
            AdapterInput::Initialize => Some("initialize".to_owned()),
            AdapterInput::AddReceiveEndpoint { location, .. } => Some(format!("+{}", location.0)),
            AdapterInput::RemoveReceiveEndpoint { location } => Some(format!("-{}", location.0)),
            AdapterInput::UpdateEndpointConfig { location, .. } => Some(format!("={}", location.0)),
            _ => None,
        };
        bench.calls.drain(..).filter_map(|(_, input)| word(&input)).collect()
    };
    let say = |bench: &mut Bench, location, act| {
        let location = ReceiveLocationId(location);
        bench.tell(HostInput::Location { location, act });
    };
    bench.tell(HostInput::Start);
    assert_eq!(opened(&mut bench), ["initialize", "+0", "+1"]);
    say(&mut bench, 0, LocationAct::Update);
    say(&mut bench, 2, LocationAct::Update);
    assert_eq!(opened(&mut bench), ["=0"], "the other is not open");
    say(&mut bench, 0, LocationAct::Break);
    assert_eq!(opened(&mut bench), [""; 0], "its adapter closed it by itself");
    assert_eq!(bench.host.poll_timeout(), Some(bench.now + minute));
    bench.now += minute;
    bench.tell(HostInput::Wake);
    assert_eq!(opened(&mut bench), ["+0"], "after a minute it is tried again");
    say(&mut bench, 1, LocationAct::Disable);
    assert_eq!(opened(&mut bench), ["-1"]);
    bench.hold_work = true;
    bench.post(batch_of(1, [Operation::Submit(wire(1))]));
    bench.host.add_message_box();
    bench.host.die();
    bench.calls.clear();
    bench.tell(HostInput::Start);
    assert_eq!(opened(&mut bench), ["initialize", "+0"]);
    bench.post(batch_of(2, [Operation::Submit(wire(2))]));
    bench.finish_work(0);
    assert_eq!(bench.asked.len(), 0, "that was in another life");
    bench.finish_work(1);
    assert_eq!(bench.asked.len(), 1);
    let home = bench.message_box.add_box().expect("nothing is enlisted");
    bench.tell(HostInput::WorkAvailable { home });
    assert_eq!(bench.looks.len(), 1, "it looks into what was added before");
}

#[test]
fn an_adapter_is_made_for_a_location_that_opens_later() {
    // R-LIFE-02, R-LIFE-10: enabled is enough.
    use floodgate_engine::adapter::AdapterInput;
    let window = Window { from: Duration::from_minutes(60), until: Duration::from_minutes(120) };
    let schedule = Schedule { window: Some(window), ..Schedule::default() };
    let mut topology = topology(immediate());
    topology.schedules.push((ReceiveLocationId(0), schedule));
    let mut bench = Bench::new(topology);
    bench.tell(HostInput::Start);
    let words: Vec<bool> = (bench.calls.iter())
        .map(|(_, input)| matches!(input, AdapterInput::Initialize | AdapterInput::Load))
        .collect();
    assert_eq!(words, [true, true]);
    bench.now += Duration::from_minutes(60);
    bench.tell(HostInput::Wake);
    assert!(matches!(bench.calls.last(), Some((_, AdapterInput::AddReceiveEndpoint { .. }))));
}
