//! What an administrator sees of the MessageBox: subscriptions, and what messages wait for.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test asks for the effect it is about")]

use floodgate_engine::adapter::Returned;
use floodgate_engine::batch::Operation;
use floodgate_engine::config::{OnFailure, Orchestration, Topology, TransportWindow};
use floodgate_engine::exchange::RequestPort;
use floodgate_engine::id::{HostId, ReceivePortId, ReferenceId, SendPortId, SubscriberId};
use floodgate_engine::message::{PropertyId, Value};
use floodgate_engine::message_box::{
    Effect, MessageState, PortOperation, SubscriptionDetails, SubscriptionType,
};
use floodgate_engine::orchestration::Program;
use floodgate_engine::pipeline::SendPipeline;
use floodgate_engine::schedule::Window;
use floodgate_engine::subscription::{Condition, Filter, PortState};
use floodgate_engine::time::{Duration, Instant};

use crate::bench::{
    ASYNC, Bench, FIRST, MASTER, add_send_port, batch_of, document, immediate, publishing,
    topology, wire,
};

const EIGHT: Duration = Duration::from_minutes(8 * 60);
const OFFICE_HOURS: Window = Window { from: EIGHT, until: Duration::from_minutes(17 * 60) };

/// An orchestration that receives what `In` publishes and ends.
pub(crate) fn add_orchestration(topology: &mut Topology) {
    let filter = Condition::equals(PropertyId::RECEIVE_PORT_NAME, Value::text("In"));
    topology.orchestrations.push(Orchestration {
        name: "Process".to_owned(),
        host: HostId(0),
        filter: Filter::all_of(vec![filter]),
        priority: 3,
        ordered: false,
        program: Program::default(),
    });
}

fn window(topology: &mut Topology, port: u32) {
    let port = SendPortId(port);
    topology.windows.push(TransportWindow { port, on_backup: false, window: OFFICE_HOURS });
}

/// Four send ports, an orchestration and a two-way receive port, each with something of its own.
fn subscribed() -> Topology {
    let mut topology = topology(immediate());
    for name in ["Plain", "Ordered", "Solicit", "Bound"] {
        add_send_port(&mut topology, name, "In", ASYNC);
    }
    topology.send_ports[1].ordered = Some(OnFailure::Stop);
    topology.send_ports[1].state = PortState::Stopped;
    topology.send_ports[2].two_way = true;
    topology.send_ports[2].priority = 2;
    topology.send_ports[3].state = PortState::Bound;
    window(&mut topology, 2);
    add_orchestration(&mut topology);
    topology.exchanges.request_ports.push(RequestPort {
        port: ReceivePortId(0),
        pipeline: SendPipeline::pass_through(),
        maps: Vec::new(),
        fault_bytes: None,
    });
    topology
}

#[test]
fn a_subscription_has_its_details() {
    // R-SUB-01, R-SUB-08: type, priority, state, order, two-way or not, valid-from and window of
    // each; a bound port has no subscription at all.
    let mut bench = Bench::new(subscribed());
    let seven = Instant::ZERO + Duration::from_minutes(7 * 60);
    bench.now = seven;
    let plain = SubscriptionDetails {
        subscriber: SubscriberId(0),
        subscription: SubscriptionType::Activation,
        priority: 7,
        state: PortState::Started,
        ordered: false,
        two_way: false,
        valid_from: seven,
        window: None,
    };
    let activating = [
        plain,
        SubscriptionDetails {
            subscriber: SubscriberId(1),
            state: PortState::Stopped,
            ordered: true,
            ..plain
        },
        SubscriptionDetails {
            subscriber: SubscriberId(2),
            priority: 2,
            two_way: true,
            valid_from: Instant::ZERO + EIGHT,
            window: Some(OFFICE_HOURS),
            ..plain
        },
        SubscriptionDetails { subscriber: SubscriberId(4), priority: 3, ..plain },
    ];
    assert_eq!(bench.message_box.subscriptions(seven), activating);
    let stopped = bench.message_box.operate_port(SendPortId(0), PortOperation::Unenlist);
    assert_eq!(stopped, Ok(PortState::Bound));
    assert_eq!(bench.message_box.subscriptions(seven), activating[1..]);
    // A request that waits has one of its own, which only its process may take.
    bench.message_box.operate_port(SendPortId(0), PortOperation::Start).expect("it was bound");
    bench.post(batch_of(
        1,
        [Operation::SubmitRequest { request: wire(1), token: 1, first_only: true, expires: None }],
    ));
    let all = bench.message_box.subscriptions(seven);
    let waiting = SubscriptionDetails {
        subscriber: SubscriberId(5),
        subscription: SubscriptionType::Instance { only: Some(FIRST) },
        priority: 5,
        two_way: true,
        ..plain
    };
    assert_eq!((all.len(), all[4]), (5, waiting));
}

/// The references of a document, by subscriber.
fn references(bench: &Bench, number: u64) -> Vec<ReferenceId> {
    let mut found: Vec<(u32, ReferenceId)> = bench
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Referenced { at, .. } if at.document.wire == number => {
                Some((at.subscriber.0, at.reference))
            }
            _ => None,
        })
        .collect();
    found.sort_unstable();
    found.into_iter().map(|(_, reference)| reference).collect()
}

#[test]
fn a_message_shows_by_what_it_waits_for() {
    // R-MBX-07: a plain port, an ordered one, one with a window, a stopped one, an orchestration;
    // two messages, of which the first is tried at eleven at night and fails at the ordered port.
    use MessageState::{
        AwaitingProcessing, Consumed, InProcess, Scheduled, Suspended, WaitingToRetry,
    };
    let mut topology = topology(immediate());
    for name in ["Plain", "Ordered", "Window", "Stopped"] {
        add_send_port(&mut topology, name, "In", ASYNC);
    }
    topology.send_ports[1].ordered = Some(OnFailure::Continue);
    topology.send_ports[3].state = PortState::Stopped;
    window(&mut topology, 2);
    add_orchestration(&mut topology);
    let mut bench = Bench::new(topology);
    bench.hold_work = true;
    bench.now = Instant::ZERO + Duration::from_minutes(23 * 60);
    bench.commit(publishing(vec![document(1, "In"), document(2, "In")]));
    let (first, second) = (references(&bench, 1), references(&bench, 2));
    let states = |bench: &Bench, of: &[ReferenceId]| -> Vec<MessageState> {
        let state = |id: &ReferenceId| bench.message_box.message_state(bench.now, *id);
        of.iter().filter_map(state).collect()
    };
    let stopped = Suspended { resumable: true };
    let waiting = [AwaitingProcessing, AwaitingProcessing, Scheduled, stopped, AwaitingProcessing];
    assert_eq!(states(&bench, &first), waiting);
    bench.publish([]);
    let taken = [InProcess, InProcess, Scheduled, stopped, Consumed];
    assert_eq!(states(&bench, &first), taken);
    let behind = [InProcess, AwaitingProcessing, Scheduled, stopped, Consumed];
    assert_eq!(states(&bench, &second), behind);
    for work in 0..bench.works.len() {
        bench.finish_work(work);
    }
    // The head of the ordered port fails: it waits for its retry, and the next one behind it.
    let call = bench
        .transmitted()
        .iter()
        .find(|(_, message)| message.reference == first[1])
        .map(|(call, _)| *call);
    bench.returned(call.expect("it was handed over"), Returned::Failed);
    assert_eq!(states(&bench, &first[1..2]), [WaitingToRetry]);
    assert_eq!(states(&bench, &second[1..2]), [AwaitingProcessing]);
    bench.now += Duration::from_minutes(9 * 60);
    assert_eq!(states(&bench, &first[1..3]), [AwaitingProcessing; 2], "both are due");
    assert_eq!(states(&bench, &first[4..]), [], "the orchestration has ended");
    let mut found = Vec::new();
    bench.message_box.dequeue(bench.now, MASTER, FIRST, 100, &mut found);
    assert_eq!(states(&bench, &first[1..3]), [InProcess; 2]);
}
