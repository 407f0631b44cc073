//! Service instances: what an operator may do to them, by their state (R-MBX-08), and what becomes
//! of suspended messages.

use floodgate_engine::config::{HostSettings, OnFailure, SendSettings, TransportWindow};
use floodgate_engine::id::SendPortId;
use floodgate_engine::message::{Body, Defect, PropertyId, Value};
use floodgate_engine::message_box::{
    Allowed, InstanceOperation, InstanceRefusal, PendingOperation, ReferenceCode, ServiceClass,
    ServiceInstance, ServiceInstanceId, ServiceStatus, SubState,
};
use floodgate_engine::pipeline::{ReceivePipeline, Stage};
use floodgate_engine::schedule::Window;
use floodgate_engine::subscription::PortState;
use floodgate_engine::time::{Duration, Instant};
use floodgate_sim::dist::Dist;
use floodgate_sim::setup::{Failure, Poison, SinkSettings};
use floodgate_sim::world::{Acted, World};
use proptest::prelude::*;

use crate::fixture::{
    ASYNC, PUSH, Plant, Story, Verdict, all_kept, assert_all_kept, demand, finish, finish_within,
    holds, immediate, ms, sink,
};
use InstanceOperation::{Resume, Suspend, Terminate};

const OUT: SendPortId = SendPortId(0);

fn until(world: &mut World, millis: u64) {
    world.run_until(ms(millis));
    world.wait_until(ms(millis));
}

fn only(world: &World) -> ServiceInstance {
    let instances = world.service_instances();
    assert_eq!(instances.len(), 1, "{instances:?}");
    instances[0]
}

/// One message on its way to a port whose wire takes a second; it is looked for every 5 s.
fn slow(failure: Failure, ordered: bool, messages: u64) -> World {
    let host = HostSettings { poll: Duration::from_secs(5), ..immediate() };
    let mut plant = Plant::new(host, PUSH);
    let wire = Dist::Constant(Duration::from_secs(1));
    plant.send_port("Out", "In", ASYNC, SinkSettings { wire, failure, ..sink() });
    plant.retry(1, Duration::from_secs(10));
    if ordered {
        plant.ordered(OnFailure::Continue);
    }
    plant.all_at_once(messages);
    plant.telling()
}

#[test]
fn the_codes_are_the_product_s() {
    // R-MBX-02, R-MBX-03, R-MBX-04, R-MBX-05.
    let status: Vec<u8> = ServiceStatus::ALL.iter().map(|one| one.code()).collect();
    let class: Vec<u8> = ServiceClass::ALL.iter().map(|one| one.code()).collect();
    let reference: Vec<u8> = ReferenceCode::ALL.iter().map(|one| one.code()).collect();
    let pending: Vec<u8> = PendingOperation::ALL.iter().map(|one| one.code()).collect();
    assert_eq!(status, [1, 2, 4, 8, 16, 32, 64]);
    assert_eq!(class, [1, 2, 4, 8, 16, 32, 64]);
    assert_eq!(reference, [1, 2, 4, 8]);
    assert_eq!(pending, [1, 2, 4, 8]);
    let named = [
        (ServiceStatus::SuspendedResumable.code(), 4),
        (ServiceStatus::CompletedWithDiscarded.code(), 16),
        (ServiceClass::Messaging.code(), 4),
        (ServiceClass::RoutingFailureReport.code(), 64),
        (ReferenceCode::Consumed.code(), 2),
        (PendingOperation::Terminate.code(), 4),
    ];
    assert!(named.iter().all(|(code, due)| code == due), "{named:?}");
}

#[test]
fn the_table_of_operations() {
    // R-MBX-08, R-MBX-12, R-MBX-13.
    use Allowed::{Now, Pending, Refused};
    let table = [
        (ServiceStatus::ReadyToRun, [Refused, Now, Now]),
        (ServiceStatus::Dehydrated, [Refused, Now, Now]),
        (ServiceStatus::Active, [Refused, Pending, Pending]),
        (ServiceStatus::SuspendedResumable, [Now, Refused, Now]),
        (ServiceStatus::SuspendedNotResumable, [Refused, Refused, Now]),
        (ServiceStatus::CompletedWithDiscarded, [Refused, Refused, Now]),
        (ServiceStatus::InBreakpoint, [Refused, Refused, Refused]),
    ];
    for (status, expected) in table {
        let allowed = InstanceOperation::ALL.map(|operation| operation.allowed(status));
        assert_eq!(allowed, expected, "{status:?}");
    }
}

#[test]
fn an_instance_goes_through_its_states() {
    // R-MBX-02, R-MBX-04, R-MBX-06, R-MBX-11: ready, active, retrying, active, suspended.
    let mut world = slow(Failure::Always, false, 1);
    let mut seen = Vec::new();
    for at in [1, 600, 3000, 12_000, 13_500, 17_000] {
        until(&mut world, at);
        let instance = only(&world);
        let ServiceInstanceId::Reference(reference) = instance.id else { panic!("{instance:?}") };
        let code = world.message_box().reference_code(reference);
        seen.push((instance.status, instance.shown, code));
    }
    let (waits, taken) = (ReferenceCode::DeliveredNotConsumed, ReferenceCode::Consumed);
    assert_eq!(
        seen,
        [
            (ServiceStatus::ReadyToRun, None, Some(waits)),
            (ServiceStatus::Active, None, Some(taken)),
            (ServiceStatus::Dehydrated, Some(SubState::Retrying), Some(waits)),
            (ServiceStatus::Dehydrated, None, Some(waits)),
            (ServiceStatus::Active, None, Some(taken)),
            (ServiceStatus::SuspendedResumable, None, Some(ReferenceCode::Suspended)),
        ]
    );
}

#[test]
fn a_ready_instance_is_suspended_resumed_and_terminated_at_once() {
    // R-MBX-08, R-MBX-10.
    let mut world = slow(Failure::Never, false, 1);
    until(&mut world, 100);
    let id = only(&world).id;
    let refused = Err(InstanceRefusal::NotFrom(ServiceStatus::ReadyToRun));
    assert_eq!(world.operate(id, Resume), refused);
    assert_eq!(world.operate(id, Suspend), Ok(Acted::Done));
    finish(&mut world);
    assert_eq!(only(&world).status, ServiceStatus::SuspendedResumable);
    let refused = Err(InstanceRefusal::NotFrom(ServiceStatus::SuspendedResumable));
    assert_eq!(world.operate(id, Suspend), refused);
    assert_eq!(world.operate(id, Resume), Ok(Acted::Done));
    assert_eq!(only(&world).status, ServiceStatus::ReadyToRun);
    assert_eq!(world.operate(id, Terminate), Ok(Acted::Done));
    assert_eq!(world.operate(id, Terminate), Err(InstanceRefusal::Gone));
    finish(&mut world);
    assert_eq!(Story::of(&world).count(&["TransmitMessage"]), 0);
    assert_all_kept(&world.conclude());
}

#[test]
fn what_an_active_instance_is_to_do_waits_until_it_comes_to_rest() {
    // R-MBX-05, R-MBX-08: its first attempt fails and would be repeated.
    for (operation, pending, status) in [
        (Suspend, PendingOperation::Suspend, Some(ServiceStatus::SuspendedResumable)),
        (Terminate, PendingOperation::Terminate, None),
    ] {
        let mut world = slow(Failure::First(1), false, 1);
        until(&mut world, 600);
        let id = only(&world).id;
        assert_eq!(world.operate(id, operation), Ok(Acted::Pending));
        assert_eq!((only(&world).status, only(&world).pending), (ServiceStatus::Active, pending));
        let refused = Err(InstanceRefusal::Pending(pending));
        assert_eq!(world.operate(id, Suspend), refused);
        assert_eq!(world.operate(id, Terminate), refused);
        finish(&mut world);
        let left = world.service_instances();
        assert_eq!(left.first().map(|instance| instance.status), status);
        assert_eq!(Story::of(&world).count(&["TransmitMessage"]), 1);
        assert_all_kept(&world.conclude());
    }
    // One that ends in the meantime simply ends.
    let mut world = slow(Failure::Never, false, 1);
    until(&mut world, 600);
    assert_eq!(world.operate(only(&world).id, Suspend), Ok(Acted::Pending));
    finish(&mut world);
    assert_eq!(world.service_instances(), []);
    assert_all_kept(&world.conclude());
}

#[test]
fn a_retrying_instance_can_be_suspended_and_its_old_retry_time_means_nothing() {
    // R-MBX-06, R-MBX-08: suspended while it waits, resumed, it is tried at once and only then.
    let mut world = slow(Failure::First(2), false, 1);
    until(&mut world, 3000);
    let id = only(&world).id;
    assert_eq!(world.operate(id, Suspend), Ok(Acted::Done));
    assert_eq!(world.operate(id, Resume), Ok(Acted::Done));
    finish(&mut world);
    let told = Story::of(&world);
    let tried = told.instants(&["TransmitMessage"]);
    assert_eq!(tried.len(), 3, "{}", told.text());
    assert!(tried[2].since(tried[1]) >= Duration::from_secs(11), "{}", told.text());
    assert_all_kept(&world.conclude());
}

#[test]
fn an_ordered_port_is_one_instance_that_hides_its_messages() {
    // R-MBX-11, R-ORD-05, R-ORD-09, R-ORD-11: suspended as a whole, resumed in order.
    let mut world = slow(Failure::Never, true, 5);
    until(&mut world, 100);
    let instance = only(&world);
    assert_eq!((instance.id, instance.messages), (ServiceInstanceId::Ordered(OUT, 0), 5));
    assert_eq!(world.operate(instance.id, Suspend), Ok(Acted::Done));
    finish(&mut world);
    assert_eq!(world.message_box().suspended().references, 1, "one is suspended, five wait");
    assert_eq!((only(&world).messages, world.save(instance.id).len()), (5, 5));
    assert_eq!(world.operate(instance.id, Resume), Ok(Acted::Done));
    until(&mut world, 600_000);
    let story = Story::of(&world);
    let order: Vec<_> = (1..6).map(|n| story.instants(&[&format!("m{n} by Out"), "ok"])).collect();
    assert!(order.windows(2).all(|pair| pair[0] < pair[1]), "{}", story.text());
    assert_all_kept(&world.conclude());
}

#[test]
fn a_pending_operation_on_an_ordered_port_means_the_rest_of_it() {
    // R-MBX-05, R-ORD-09: the head is sent, the rest is suspended or terminated.
    for (operation, left) in [(Suspend, 4), (Terminate, 0)] {
        let mut world = slow(Failure::Never, true, 5);
        until(&mut world, 600);
        assert_eq!(
            world.operate(ServiceInstanceId::Ordered(OUT, 0), operation),
            Ok(Acted::Pending)
        );
        finish(&mut world);
        let waiting: usize = world.service_instances().iter().map(|one| one.messages).sum();
        assert_eq!(waiting, left, "{operation:?}");
        assert_eq!(Story::of(&world).count(&["MB   deletes"]), 1);
        assert_all_kept(&world.conclude());
    }
}

/// Interchanges that a receive pipeline refuses, and a port that takes what comes through.
fn poisoned() -> Plant {
    let mut plant = Plant::new(immediate(), PUSH);
    plant.receive_port("Xml", ReceivePipeline::xml());
    plant.send_port("Out", "Xml", ASYNC, sink()).all_at_once(1);
    let load = &mut plant.setup.loads[0];
    load.locations = vec![floodgate_engine::id::ReceiveLocationId(1)];
    load.body = Body::Described { bytes: 100, documents: 3 };
    let defect = Defect::at(Stage::Disassemble, 2);
    load.poison = Some(Poison { every: 1, defect });
    plant
}

#[test]
fn a_wire_message_runs_its_pipeline_again_and_a_document_does_not() {
    // INV-61, R-RIP-04, X-03: the same defect fails again; routed by then, it is published.
    let mut world = poisoned().telling();
    finish(&mut world);
    let instance = only(&world);
    assert_eq!(instance.status, ServiceStatus::SuspendedResumable);
    assert_eq!(world.operate(instance.id, Resume), Ok(Acted::Done));
    let refused = Err(InstanceRefusal::NotFrom(ServiceStatus::Active));
    assert_eq!(world.operate(instance.id, Terminate), refused, "its pipeline is running");
    finish(&mut world);
    assert_eq!(only(&world), instance, "it failed again and waits on");
    assert_all_kept(&world.conclude());

    // Nobody subscribes; the adapter suspends the wire form, or the engine the document.
    for by_engine in [false, true] {
        let mut plant = Plant::new(immediate(), PUSH);
        plant.send_port("Out", "In", ASYNC, sink());
        plant.state(PortState::Bound).all_at_once(1);
        let context = &mut plant.setup.topology.receive_locations[0].context;
        let told = by_engine.then_some(Value::Bool(true));
        context.write(PropertyId::SUSPEND_MESSAGE_ON_ROUTING_FAILURE, told);
        let mut world = plant.telling();
        until(&mut world, 1000);
        assert_eq!(world.service_instances().len(), 2, "the message and its report");
        let start = floodgate_engine::message_box::PortOperation::Start;
        assert!(world.operate_port(OUT, start).is_ok());
        let id = world.service_instances()[0].id;
        assert_eq!(world.operate(id, Resume), Ok(Acted::Done));
        finish(&mut world);
        assert_eq!(world.service_instances(), [], "sent, and the report went with the job");
        let story = Story::of(&world);
        let minute = ms(60_000);
        assert_eq!(story.instants(&["report for m1 goes"]), [minute], "R-ROUTE-03");
        assert_eq!(story.count(&["MB   deletes m1 of Out"]), 1);
        assert_all_kept(&world.conclude());
    }
}

#[test]
fn terminating_a_suspended_message_takes_its_report_and_saving_keeps_what_it_was() {
    // R-ROUTE-03, R-MBX-13, R-ADD-03, R-ROUTE-02, R-GC-02.
    let mut plant = Plant::new(immediate(), PUSH);
    plant.all_at_once(2);
    let mut world = plant.telling();
    until(&mut world, 1000);
    let instances = world.service_instances();
    let [first, second, report, _] = instances[..] else { panic!("{instances:?}") };
    assert_eq!(first.class, ServiceClass::Messaging);
    assert_eq!(report.class, ServiceClass::RoutingFailureReport);
    assert_eq!(report.status, ServiceStatus::SuspendedNotResumable);
    for (id, bytes) in [(first.id, Some(1000)), (report.id, None)] {
        let saved = world.save(id);
        assert_eq!(saved.len(), 1);
        assert_eq!(saved[0].document.wire, 1);
        assert_eq!(saved[0].parts.as_ref().map(|parts| parts.bytes()), bytes);
        let port = saved[0].context.read(PropertyId::RECEIVE_PORT_NAME);
        assert_eq!(port, Some(&Value::text("In")));
    }
    let refused = Err(InstanceRefusal::NotFrom(ServiceStatus::SuspendedNotResumable));
    assert_eq!(world.operate(report.id, Resume), refused);
    assert_eq!(world.operate(first.id, Terminate), Ok(Acted::Done));
    until(&mut world, 59_999);
    assert_eq!(world.service_instances().len(), 3, "the job has not run yet");
    finish(&mut world);
    let left: Vec<_> = world.service_instances().iter().map(|one| one.id).collect();
    assert_eq!(left, [second.id, ServiceInstanceId::Report(0)], "those of the other message");
    assert_eq!(world.operate(left[1], Terminate), Ok(Acted::Done));
    assert_eq!(world.service_instances().len(), 1);
    assert_all_kept(&world.conclude());
}

#[derive(Clone, Debug)]
struct Case {
    ordered: Option<OnFailure>,
    blocking: bool,
    failure: Failure,
    arrivals: u64,
    acts: Vec<(u64, usize, InstanceOperation)>,
}

fn cases() -> impl Strategy<Value = Case> {
    let ordered =
        prop_oneof![Just(None), Just(Some(OnFailure::Continue)), Just(Some(OnFailure::Stop))];
    let failure = prop_oneof![
        Just(Failure::Never),
        (0..600_u32).prop_map(Failure::PerMille),
        (0..4_u32).prop_map(Failure::First),
    ];
    let operation = (0..3_usize).prop_map(|at| InstanceOperation::ALL[at]);
    let acts = prop::collection::vec((0..8000_u64, 0..10_usize, operation), 0..30);
    (ordered, any::<bool>(), failure, 1..8_u64, acts).prop_map(
        |(ordered, blocking, failure, arrivals, mut acts)| {
            acts.sort_by_key(|act| act.0);
            Case { ordered, blocking, failure, arrivals, acts }
        },
    )
}

/// Any act on any instance at any time: what the table says happens, no promise is broken, and
/// nothing is left that neither waits for an operator nor ended.
fn any_acts(case: &Case) -> Verdict {
    let host = HostSettings { poll: Duration::from_millis(200), ..immediate() };
    let mut plant = Plant::new(host, PUSH);
    let wire = Dist::Constant(Duration::from_millis(300));
    let send = SendSettings { blocking: case.blocking, ..ASYNC };
    plant.send_port("Out", "In", send, SinkSettings { wire, failure: case.failure, ..sink() });
    plant.retry(2, Duration::from_secs(1));
    if let Some(on_failure) = case.ordered {
        plant.ordered(on_failure);
    }
    plant.all_at_once(case.arrivals);
    let mut world = World::new(&plant.setup);
    for (at, whom, operation) in &case.acts {
        world.run_until(ms(*at));
        world.wait_until(ms(*at));
        let instances = world.service_instances();
        if instances.is_empty() {
            continue;
        }
        let instance = instances[whom % instances.len()];
        let acted = world.operate(instance.id, *operation);
        let due = match operation.allowed(instance.status) {
            Allowed::Now => Ok(Acted::Done),
            Allowed::Refused => Err(InstanceRefusal::NotFrom(instance.status)),
            Allowed::Pending if instance.pending != PendingOperation::None => {
                Err(InstanceRefusal::Pending(instance.pending))
            }
            Allowed::Pending => Ok(Acted::Pending),
        };
        demand(acted == due, || format!("{operation:?} on {instance:?}: {acted:?}, due {due:?}"))?;
    }
    finish_within(&mut world, 100_000)?;
    for instance in world.service_instances() {
        let waits = matches!(
            instance.status,
            ServiceStatus::SuspendedResumable | ServiceStatus::SuspendedNotResumable
        );
        demand(waits, || format!("{instance:?} is stuck"))?;
    }
    all_kept(&world.conclude())
}

#[test]
fn whatever_an_operator_does() {
    // R-MBX-05, R-MBX-08, INV-14, INV-17.
    holds(200, "tests/it/instances.proptest-regressions", &cases(), any_acts);
}

#[test]
fn a_scheduled_instance_is_dehydrated_when_it_is_resumed() {
    // R-MBX-09, R-SW-01: it shows so until its window opens and it is taken; one that only waited
    // in its queue is ready to run.
    let hours = |count: u64| Duration::from_minutes(60 * count);
    for scheduled in [true, false] {
        let mut plant = Plant::new(immediate(), PUSH);
        plant.send_port("Out", "In", ASYNC, sink()).state(PortState::Started);
        plant.all_at_once(1);
        if scheduled {
            let window = Window { from: hours(8), until: hours(10) };
            let windows = vec![TransportWindow { port: OUT, on_backup: false, window }];
            plant.setup.topology.windows = windows;
        } else {
            plant.state(PortState::Stopped);
        }
        let mut world = plant.telling();
        until(&mut world, 3_600_000);
        let id = world.service_instances()[0].id;
        if scheduled {
            assert!(world.operate(id, Suspend).is_ok());
        }
        let status = |world: &World| world.service_instances().first().map(|one| one.status);
        assert_eq!(status(&world), Some(ServiceStatus::SuspendedResumable));
        assert!(world.operate(id, Resume).is_ok());
        let due = if scheduled { ServiceStatus::Dehydrated } else { ServiceStatus::ReadyToRun };
        assert_eq!(status(&world), Some(due));
        finish(&mut world);
        let sent = Story::of(&world).instants(&["wire ok"]);
        assert_eq!(sent, [Instant::ZERO + hours(if scheduled { 8 } else { 1 })]);
        assert_eq!(world.message_box().reference_counts().total(), 0);
    }
}
