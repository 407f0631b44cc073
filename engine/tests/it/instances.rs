//! What an operator does to instances: at once, or when their host instance lets go of them.

use floodgate_engine::batch::{OperationKind, Status};
use floodgate_engine::config::{AdapterConfig, AdapterKind, OnFailure, SendPortGroup, Topology};
use floodgate_engine::dynamic::{DynamicPort, OrderScope, SendHandler};
use floodgate_engine::id::{AdapterId, HostId, ReferenceId, SendPortGroupId, SendPortId};
use floodgate_engine::message::{Document, PropertyId, Value};
use floodgate_engine::message_box::{
    Action, Effect, InstanceOperation, InstanceRefusal, Operated, OutboundMessage,
    PendingOperation, PortOperation, PreparedBatch, Reason, ReferenceCode, ServiceInstance,
    ServiceInstanceId, ServiceStatus,
};
use floodgate_engine::subscription::{Condition, Filter, PortState};

use crate::bench::{
    ASYNC, Bench, FIRST, MASTER, add_send_port, document, immediate, publishing, topology,
};
use InstanceOperation::{Resume, Suspend, Terminate};

const OUT: SendPortId = SendPortId(0);

fn one_port() -> Topology {
    let mut topology = topology(immediate());
    add_send_port(&mut topology, "Out", "In", ASYNC);
    topology
}

/// An ordered port that sends wherever a message says, each location by itself.
fn ordered_by_location(on_failure: OnFailure) -> Topology {
    let mut topology = topology(immediate());
    topology
        .adapters
        .push(AdapterConfig { name: "SPARE".to_owned(), kind: AdapterKind::Send(ASYNC) });
    add_send_port(&mut topology, "Out", "In", ASYNC);
    topology.send_ports[0].ordered = Some(on_failure);
    topology.dynamic_ports.push(DynamicPort {
        port: OUT,
        handlers: Vec::new(),
        order: OrderScope::Location,
    });
    topology.send_handlers.push(SendHandler {
        adapter: AdapterId(1),
        host: HostId(0),
        aliases: vec!["spare:".to_owned()],
        configuration: Vec::new(),
    });
    topology
}

/// A document for a location of the dynamic port.
fn to(number: u64, location: &str) -> Document {
    let mut document = document(number, "In");
    let property = PropertyId::OUTBOUND_TRANSPORT_LOCATION;
    document.context.write(property, Some(Value::text(&format!("spare:{location}"))));
    document
}

fn publish(bench: &mut Bench, documents: impl IntoIterator<Item = Document>) {
    for document in documents {
        assert_eq!(bench.commit(publishing(vec![document])).overall, Status::OK);
    }
}

fn take(bench: &mut Bench, max: u32) -> Vec<Box<OutboundMessage>> {
    let mut found = Vec::new();
    bench.message_box.dequeue(bench.now, MASTER, FIRST, max, &mut found);
    found
}

/// The numbers of what a look finds.
fn taken(bench: &mut Bench) -> Vec<u64> {
    take(bench, 9).iter().map(|message| message.document.wire).collect()
}

fn act(bench: &mut Bench, action: Action) {
    let actions = vec![(OperationKind::Delete, action)];
    let status = bench.commit(PreparedBatch { actions, ..PreparedBatch::default() });
    assert_eq!(status.overall, Status::OK);
}

fn operate(
    bench: &mut Bench,
    id: ServiceInstanceId,
    operation: InstanceOperation,
) -> Result<Operated, InstanceRefusal> {
    bench.message_box.operate(bench.now, id, operation)
}

#[track_caller]
fn done(bench: &mut Bench, id: ServiceInstanceId, operation: InstanceOperation) {
    let done = operate(bench, id, operation);
    assert!(matches!(done, Ok(Operated::Done)), "{done:?}");
}

#[track_caller]
fn pending(bench: &mut Bench, id: ServiceInstanceId, operation: InstanceOperation) {
    let done = operate(bench, id, operation);
    assert!(matches!(done, Ok(Operated::Pending)), "{done:?}");
}

fn instance(bench: &Bench, id: ServiceInstanceId) -> ServiceInstance {
    bench.message_box.service_instance(bench.now, id).expect("it is there")
}

fn code(bench: &Bench, id: ReferenceId) -> Option<ReferenceCode> {
    bench.message_box.reference_code(id)
}

/// References in work queues, with host instances and suspended, by both accounts of the latter.
fn counts(bench: &Bench) -> (u64, u64, u64) {
    let counts = bench.message_box.reference_counts();
    assert_eq!(counts.suspended, bench.message_box.suspended().references as u64);
    assert_eq!(counts, bench.message_box.recount());
    (counts.work, counts.locked, counts.suspended)
}

/// What was suspended so far, and why.
fn suspensions(bench: &Bench) -> Vec<(u64, Reason)> {
    let suspended = bench.effects.iter().filter_map(|effect| {
        let Effect::SuspendedReference { at, reason, .. } = effect else { return None };
        Some((at.document.wire, *reason))
    });
    suspended.collect()
}

#[test]
fn an_act_on_what_a_host_instance_has_waits_until_it_lets_go() {
    // R-MBX-05, R-MBX-08, R-MBX-04: one act can wait, and no second one.
    let mut bench = Bench::new(one_port());
    publish(&mut bench, [document(1, "In")]);
    let id = take(&mut bench, 1)[0].reference;
    let own = ServiceInstanceId::Reference(id);
    assert_eq!(code(&bench, id), Some(ReferenceCode::Consumed));
    pending(&mut bench, own, Suspend);
    assert_eq!(instance(&bench, own).pending, PendingOperation::Suspend);
    let second = operate(&mut bench, own, Terminate);
    assert!(matches!(second, Err(InstanceRefusal::Pending(PendingOperation::Suspend))));
    assert_eq!(counts(&bench), (0, 1, 0));
    let now = bench.now;
    act(&mut bench, Action::Resubmit(id, now));
    assert_eq!((counts(&bench), code(&bench, id)), ((0, 0, 1), Some(ReferenceCode::Suspended)));
    assert_eq!(suspensions(&bench), [(1, Reason::Operator)]);
    assert!(take(&mut bench, 1).is_empty());
    done(&mut bench, own, Resume);
    assert_eq!(code(&bench, id), Some(ReferenceCode::DeliveredNotConsumed));
    assert_eq!(counts(&bench), (1, 0, 0));
    assert_eq!(taken(&mut bench), [1]);
    pending(&mut bench, own, Terminate);
    act(&mut bench, Action::Resubmit(id, now));
    assert_eq!((counts(&bench), code(&bench, id)), ((0, 0, 0), None));
    assert!(taken(&mut bench).is_empty());
}

#[test]
fn what_waits_is_taken_out_of_its_queue_and_put_back() {
    // R-MBX-08: at once, with nobody to wait for.
    let mut bench = Bench::new(one_port());
    publish(&mut bench, [document(1, "In"), document(2, "In")]);
    let own = bench.message_box.service_instances(bench.now)[0].id;
    done(&mut bench, own, Suspend);
    assert_eq!((counts(&bench), taken(&mut bench)), ((1, 0, 1), vec![2]));
    assert_eq!(bench.message_box.suspended_instances(OUT), [own]);
    assert!(matches!(
        operate(&mut bench, own, Suspend),
        Err(InstanceRefusal::NotFrom(ServiceStatus::SuspendedResumable))
    ));
    done(&mut bench, own, Resume);
    assert_eq!((counts(&bench), taken(&mut bench)), ((1, 1, 0), vec![1]));
    assert_eq!(bench.message_box.suspended_instances(OUT), []);
}

#[test]
fn an_act_on_an_ordered_instance_is_on_all_of_it() {
    // R-MBX-05, R-ORD-09, R-ORD-13: of the location that was meant, and of no other.
    for (operation, of_b) in [(Terminate, (2, 1, 0)), (Suspend, (3, 1, 1))] {
        let mut bench = Bench::new(ordered_by_location(OnFailure::Continue));
        let all = [to(1, "a"), to(2, "b"), to(3, "a"), to(4, "b"), to(5, "b"), to(6, "a")];
        publish(&mut bench, all);
        let heads = take(&mut bench, 9);
        let number = |message: &OutboundMessage| message.document.wire;
        assert_eq!(heads.iter().map(|one| number(one)).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(bench.message_box.ordered_places(OUT), Some((2, 2)));
        let b = bench.message_box.service_instance_of(heads[1].reference).expect("it waits");
        assert_eq!(instance(&bench, b).messages, 3);
        pending(&mut bench, b, operation);
        act(&mut bench, Action::Delete(heads[1].reference));
        assert_eq!(counts(&bench), of_b, "{operation:?}");
        assert_eq!(taken(&mut bench), [0; 0], "the other location waits for its head");
        act(&mut bench, Action::Delete(heads[0].reference));
        assert_eq!(taken(&mut bench), [3]);
        if operation == Suspend {
            assert_eq!(bench.message_box.ordered_places(OUT), Some((1, 2)));
            assert_eq!(bench.message_box.suspended_instances(OUT), [b]);
            done(&mut bench, b, Resume);
            assert_eq!(taken(&mut bench), [4]);
        }
    }
}

#[test]
fn an_act_that_waits_on_a_head_that_is_given_up_is_done_to_the_rest() {
    // R-MBX-05, R-ORD-08: the head fails for good, and the instance goes on without it.
    let mut bench = Bench::new(ordered_by_location(OnFailure::Continue));
    publish(&mut bench, [to(1, "a"), to(2, "b"), to(3, "b"), to(4, "a")]);
    let heads = take(&mut bench, 9);
    let b = bench.message_box.service_instance_of(heads[1].reference).expect("it waits");
    pending(&mut bench, b, Suspend);
    act(&mut bench, Action::SuspendReference(heads[1].reference));
    assert_eq!(suspensions(&bench), [(2, Reason::Adapter), (3, Reason::Operator)]);
    assert_eq!((counts(&bench), taken(&mut bench)), ((1, 1, 2), vec![]));
    // The failed one is an instance of its own now, and gone for good.
    assert_eq!(bench.message_box.suspended_instances(OUT).len(), 2);
}

#[test]
fn only_stopped_instances_of_an_ordered_port_are_terminated_with_all_they_hold() {
    // R-ORD-08, R-ORD-09, R-ORD-13.
    let mut bench = Bench::new(ordered_by_location(OnFailure::Stop));
    publish(&mut bench, [to(1, "a"), to(2, "b"), to(3, "a"), to(4, "b"), to(5, "b")]);
    let heads = take(&mut bench, 9);
    let location = bench.message_box.dynamic_location(heads[1].endpoint);
    assert_eq!(location.map(|(by, name)| (by.0, name)), Some((0, "b")));
    act(&mut bench, Action::SuspendReference(heads[1].reference));
    assert_eq!(bench.message_box.ordered_backlog(OUT), 5);
    assert_eq!(bench.message_box.ordered_places(OUT), Some((1, 2)));
    assert_eq!(bench.message_box.terminate(OUT), 3);
    assert_eq!((bench.message_box.ordered_backlog(OUT), counts(&bench)), (2, (1, 1, 0)));
    act(&mut bench, Action::Delete(heads[0].reference));
    publish(&mut bench, [to(6, "b")]);
    assert_eq!(taken(&mut bench), [3, 6], "both go on");
    assert_eq!(bench.message_box.terminate(OUT), 0);
}

#[test]
fn a_port_that_is_not_ordered_loses_what_is_suspended_and_nothing_else() {
    // R-MBX-08: resumable or not.
    let mut bench = Bench::new(one_port());
    let mut last = document(3, "In");
    let property = PropertyId::SUSPEND_AS_NON_RESUMABLE;
    last.context.write(property, Some(Value::Bool(true)));
    publish(&mut bench, [document(1, "In"), document(2, "In"), last]);
    for message in take(&mut bench, 9).into_iter().skip(1) {
        act(&mut bench, Action::SuspendReference(message.reference));
    }
    assert_eq!(counts(&bench), (0, 1, 2));
    assert_eq!(bench.message_box.resume(OUT), 1, "one may not be resumed");
    act(&mut bench, Action::Nothing);
    assert_eq!(counts(&bench), (1, 1, 1));
    assert_eq!(bench.message_box.terminate(OUT), 1);
    assert_eq!((counts(&bench), bench.message_box.ordered_places(OUT)), ((1, 1, 0), None));
}

#[test]
fn a_message_whose_resumption_is_under_way_is_nobody_s_until_that_is_over() {
    // R-MBX-08, INV-61, R-ROUTE-02, R-ROUTE-03.
    let mut bench = Bench::new(topology(immediate()));
    for number in [1, 2] {
        let mut unwanted = document(number, "In");
        let property = PropertyId::SUSPEND_MESSAGE_ON_ROUTING_FAILURE;
        unwanted.context.write(property, Some(Value::Bool(true)));
        let location = Some(Value::text("C:/in"));
        unwanted.context.write(PropertyId::INBOUND_TRANSPORT_LOCATION, location);
        bench.commit(publishing(vec![unwanted]));
    }
    let numbers: Vec<u64> =
        bench.message_box.suspended().messages.iter().map(|message| message.number).collect();
    let own = ServiceInstanceId::Message(numbers[0]);
    let resumed = operate(&mut bench, own, Resume);
    let Ok(Operated::Publish(batch)) = resumed else { panic!("it is published: {resumed:?}") };
    assert_eq!(instance(&bench, own).status, ServiceStatus::Active);
    for operation in [Suspend, Terminate] {
        let refused = operate(&mut bench, own, operation);
        assert!(matches!(refused, Err(InstanceRefusal::NotFrom(ServiceStatus::Active))));
    }
    bench.message_box.cancel_resume(numbers[0]);
    assert_eq!(instance(&bench, own).status, ServiceStatus::SuspendedResumable);
    let forget = batch.actions[..1].to_vec();
    let late = PreparedBatch { actions: forget, ..PreparedBatch::default() };
    assert!(!bench.commit(late).overall.is_success(), "nobody resumes it any more");
    assert!(!bench.message_box.has_settled_reports());
    done(&mut bench, own, Terminate);
    assert!(matches!(operate(&mut bench, own, Terminate), Err(InstanceRefusal::Gone)));
    assert_eq!(bench.message_box.suspended().messages.len(), 1);
    let settled: Vec<(u64, bool)> = (bench.message_box.suspended().reports.iter())
        .map(|report| (report.document.wire, report.settled))
        .collect();
    assert_eq!(settled, [(1, true), (2, false)]);
    assert!(bench.message_box.has_settled_reports());
    assert_eq!(bench.message_box.operate_on_instances(), 1);
    assert!(!bench.message_box.has_settled_reports());
    assert_eq!(bench.message_box.operate_on_instances(), 0);
    assert_eq!(bench.message_box.suspended().reports.len(), 1);
}

#[test]
fn starting_a_port_resumes_what_its_stop_suspended_if_it_is_told_to() {
    // R-CLK-15, R-SUB-10: and nothing that was suspended for another reason.
    for resumes in [false, true] {
        let mut topology = one_port();
        topology.policy.resume_on_start = resumes;
        let mut bench = Bench::new(topology);
        publish(&mut bench, [document(1, "In")]);
        let failed = take(&mut bench, 1)[0].reference;
        act(&mut bench, Action::SuspendReference(failed));
        bench.message_box.operate_port(OUT, PortOperation::Stop).expect("it is started");
        publish(&mut bench, [document(2, "In"), document(3, "In")]);
        assert_eq!((counts(&bench), taken(&mut bench)), ((0, 0, 3), vec![]));
        bench.message_box.operate_port(OUT, PortOperation::Start).expect("it is stopped");
        let found = if resumes { vec![2, 3] } else { vec![] };
        assert_eq!((taken(&mut bench), counts(&bench).2), (found.clone(), 3 - found.len() as u64));
    }
}

#[test]
fn a_group_resumes_its_started_members_and_takes_its_own_subscriptions_along() {
    // R-SUB-09, R-SUB-11, R-CLK-15.
    let mut topology = topology(immediate());
    for name in ["First", "Second", "Third"] {
        add_send_port(&mut topology, name, "Elsewhere", ASYNC);
    }
    topology.policy.resume_on_start = true;
    topology.send_ports[1].state = PortState::Stopped;
    let filter = |from| {
        let property = PropertyId::RECEIVE_PORT_NAME;
        Some(Filter::all_of(vec![Condition::equals(property, Value::text(from))]))
    };
    for (name, from, ports) in [("One", "In", vec![0, 1]), ("Two", "Other", vec![2])] {
        topology.send_port_groups.push(SendPortGroup {
            name: name.to_owned(),
            filter: filter(from),
            ports: ports.into_iter().map(SendPortId).collect(),
            state: PortState::Stopped,
        });
    }
    let mut bench = Bench::new(topology);
    let group = |bench: &mut Bench, operation| {
        bench.message_box.operate_group(SendPortGroupId(0), operation).expect("it may")
    };
    publish(&mut bench, [document(1, "In")]);
    assert_eq!(counts(&bench), (0, 0, 2));
    group(&mut bench, PortOperation::Start);
    let resumed: Vec<u32> = take(&mut bench, 9).iter().map(|one| one.subscriber.0).collect();
    assert_eq!((resumed, counts(&bench)), (vec![0], (0, 1, 1)), "the other is stopped itself");
    group(&mut bench, PortOperation::Stop);
    publish(&mut bench, [document(2, "In")]);
    assert_eq!(counts(&bench), (0, 1, 3));
    group(&mut bench, PortOperation::Unenlist);
    let publish_to = |bench: &mut Bench, number, from| {
        bench.commit(publishing(vec![document(number, from)])).overall.is_success()
    };
    assert!(!publish_to(&mut bench, 3, "In"), "nobody else subscribes");
    assert!(publish_to(&mut bench, 4, "Other"), "the other group keeps its own");
    assert!(publish_to(&mut bench, 5, "Elsewhere"), "and so do the ports");
    // Of each member, the group's filter and its name.
    let predicates = bench.message_box.purge_subscriptions();
    assert_eq!((predicates, bench.message_box.purge_subscriptions()), (4, 0));
}

/// Lets an adapter take and send what is offered, one at a time; the numbers, in that order.
fn sent_one_by_one(bench: &mut Bench) -> Vec<u64> {
    let mut sent = Vec::new();
    for _ in 0..9 {
        for message in take(bench, 9) {
            sent.push(message.document.wire);
            act(bench, Action::Delete(message.reference));
        }
    }
    sent
}

#[test]
fn a_message_that_is_resumed_goes_last_and_one_that_failed_is_not_resumed() {
    // R-ORD-15: m1 is the first of three that a stopped port set aside; it is resumed when the
    // others are, and when they are back it follows them. What fails is suspended for good.
    for (resumed, due) in [([0, 1, 2], [1, 2, 3]), ([1, 2, 0], [2, 3, 1]), ([2, 0, 1], [3, 1, 2])] {
        let mut topology = one_port();
        topology.send_ports[0].ordered = Some(OnFailure::Continue);
        topology.send_ports[0].state = PortState::Stopped;
        let mut bench = Bench::new(topology);
        publish(&mut bench, (1..=3).map(|number| document(number, "In")));
        let apart = bench.message_box.service_instances(bench.now);
        assert_eq!(apart.len(), 3);
        for at in resumed {
            let done = bench.message_box.operate(bench.now, apart[at].id, Resume);
            assert!(done.is_ok(), "{done:?}");
        }
        assert_eq!(sent_one_by_one(&mut bench), due);
    }
    let mut topology = one_port();
    topology.send_ports[0].ordered = Some(OnFailure::Continue);
    let mut bench = Bench::new(topology);
    publish(&mut bench, (1..=3).map(|number| document(number, "In")));
    let first = take(&mut bench, 9);
    assert_eq!(first[0].document.wire, 1);
    act(&mut bench, Action::SuspendReference(first[0].reference));
    assert_eq!(bench.message_box.resume(OUT), 0);
    let failed = bench.message_box.service_instances(bench.now)[0].id;
    assert!(bench.message_box.operate(bench.now, failed, Resume).is_err());
    assert_eq!(sent_one_by_one(&mut bench), [2, 3]);
}
