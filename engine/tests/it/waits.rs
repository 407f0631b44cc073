//! Requests that wait, on the bench: whom a response leads to, and what ends a wait.

use floodgate_engine::batch::{OperationKind, Status};
use floodgate_engine::config::{HostInstanceConfig, MessageBoxConfig, Topology};
use floodgate_engine::exchange::{LateResponses, RequestPort};
use floodgate_engine::id::{
    AdapterId, EndpointId, HostId, HostInstanceId, MessageBoxId, ReceivePortId, ServerId,
    SubscriberId,
};
use floodgate_engine::message::{Context, Document, PropertyId, Value};
use floodgate_engine::message_box::{
    Action, Closing, Effect, Exchange, OutboundMessage, PreparedBatch, Ready, Reason, Wait,
};
use floodgate_engine::pipeline::SendPipeline;
use floodgate_engine::time::{Duration, Instant};

use crate::bench::{
    ASYNC, Bench, FIRST, MASTER, add_host, add_send_port, document, immediate, publishing, topology,
};

const OTHER: HostInstanceId = HostInstanceId(1);
const THIRD: HostInstanceId = HostInstanceId(2);
const SECOND: MessageBoxId = MessageBoxId(1);
/// Responses: after the send port.
const CLIENTS: SubscriberId = SubscriberId(1);

/// A two-way receive port, a send port of the priority that responses have, and three host
/// instances: two of the first host, and one of another.
fn two_way() -> Topology {
    let mut topology = topology(immediate());
    let away = add_host(&mut topology, immediate());
    topology.hosts[away.index()].properties = vec![(PLACE, Value::text("North"))];
    topology.host_instances.push(HostInstanceConfig { host: HostId(0), server: ServerId(0) });
    topology.exchanges.request_ports.push(RequestPort {
        port: ReceivePortId(0),
        pipeline: SendPipeline::pass_through(),
        maps: Vec::new(),
        fault_bytes: None,
    });
    add_send_port(&mut topology, "Out", "In", ASYNC);
    topology.send_ports[0].priority = 5;
    topology
}

const PLACE: PropertyId = PropertyId(901);

fn wait(request: u64, first_only: bool) -> Box<Wait> {
    Box::new(Wait {
        operation: 0,
        subscriber: CLIENTS,
        adapter: AdapterId(0),
        endpoint: EndpointId(0),
        token: 100 + request,
        correlation: token(request),
        first_only,
        request,
        lineage: request,
        arrived: Instant::ZERO,
        context: Context::default(),
    })
}

fn token(request: u64) -> Value {
    Value::text(&format!("token {request}"))
}

/// What answers a request.
fn response(number: u64, request: u64) -> Document {
    let mut document = document(number, "Elsewhere");
    let context = &mut document.context;
    context.promote(PropertyId::EPM_RR_CORRELATION_TOKEN, Some(token(request))).expect("short");
    context.promote(PropertyId::ROUTE_DIRECT_TO_TP, Some(Value::Bool(true))).expect("short");
    document
}

/// A request of a process is committed; the document is what it publishes.
fn request(bench: &mut Bench, owner: HostInstanceId, wait: Box<Wait>, document: Document) -> bool {
    let waits = vec![wait];
    let batch = PreparedBatch { waits, ..publishing(vec![document]) };
    let status = bench.message_box.commit(bench.now, owner, batch);
    absorb(bench);
    status.overall.is_success()
}

/// A request that somebody takes away.
fn asks(bench: &mut Bench, owner: HostInstanceId, wait: Box<Wait>) {
    let number = wait.request;
    assert!(request(bench, owner, wait, document(number, "In")));
    assert_eq!(take(bench, MASTER, FIRST), [(number, Exchange::OneWay)]);
}

fn absorb(bench: &mut Bench) {
    let mut effects = Vec::new();
    bench.message_box.take_effects(&mut effects);
    bench.effects.append(&mut effects);
}

fn publish(bench: &mut Bench, documents: Vec<Document>) -> Status {
    bench.commit(publishing(documents)).operations[0].status
}

fn look(bench: &mut Bench, home: MessageBoxId, by: HostInstanceId) -> Vec<Box<OutboundMessage>> {
    let mut found = Vec::new();
    bench.message_box.dequeue(bench.now, home, by, 9, &mut found);
    found
}

/// The numbers of what a look finds, and what it is to its taker.
fn take(bench: &mut Bench, home: MessageBoxId, by: HostInstanceId) -> Vec<(u64, Exchange)> {
    look(bench, home, by).iter().map(|one| (one.document.wire, one.exchange)).collect()
}

fn to(request: u64) -> Exchange {
    Exchange::Response { token: 100 + request, fault: false }
}

fn commit(bench: &mut Bench, owner: HostInstanceId, action: Action) {
    let actions = vec![(OperationKind::Delete, action)];
    let batch = PreparedBatch { actions, ..PreparedBatch::default() };
    let status = bench.message_box.commit(bench.now, owner, batch);
    absorb(bench);
    assert_eq!(status.overall, Status::OK);
}

/// What ended waits so far.
fn closed(bench: &Bench) -> Vec<(u64, Closing)> {
    let closed = bench.effects.iter().filter_map(|effect| {
        let Effect::ExchangeClosed { waiting, by } = effect else { return None };
        Some((waiting.request, *by))
    });
    closed.collect()
}

#[test]
fn a_response_waits_for_the_one_process_that_asked() {
    // R-RR-04, R-MMB-01, INV-28: two instances of a host and one of another; two MessageBoxes.
    let mut topology = two_way();
    topology.message_boxes = ["Master", "Second"]
        .map(|name| MessageBoxConfig { name: name.to_owned(), publishes: name == "Master" })
        .into();
    let mut bench = Bench::new(topology);
    for (number, owner) in [(1, FIRST), (2, OTHER), (3, THIRD)] {
        asks(&mut bench, owner, wait(number, true));
    }
    let everywhere: Vec<(MessageBoxId, HostInstanceId)> = [MASTER, SECOND]
        .into_iter()
        .flat_map(|home| [FIRST, OTHER, THIRD].map(|by| (home, by)))
        .collect();
    let eligible = |bench: &Bench| -> Vec<(u32, u32)> {
        let all = everywhere
            .iter()
            .filter(|(home, by)| bench.message_box.has_eligible(bench.now, *home, *by));
        all.map(|(home, by)| (home.0, by.0)).collect()
    };
    assert_eq!(eligible(&bench), []);
    for (answer, to_whom, owner) in [(12, 2, OTHER), (13, 3, THIRD), (11, 1, FIRST)] {
        let mut ready = Vec::new();
        bench.message_box.take_ready(&mut ready);
        assert_eq!(publish(&mut bench, vec![response(answer, to_whom)]), Status::OK);
        assert_eq!(eligible(&bench), [(0, owner.0)]);
        bench.message_box.take_ready(&mut ready);
        let host = HostId(u32::from(owner == OTHER));
        assert_eq!(ready, [Ready { home: MASTER, host, only: Some(owner) }]);
        for (home, by) in everywhere.iter().filter(|at| **at != (MASTER, owner)) {
            assert_eq!(take(&mut bench, *home, *by), [], "{home} {by}");
        }
        assert_eq!(take(&mut bench, MASTER, owner), [(answer, to(to_whom))]);
    }
}

#[test]
fn a_response_that_is_tried_again_comes_back_to_its_process_in_time() {
    // R-RR-04, R-RETRY-06, R-DEQ-06.
    let mut bench = Bench::new(two_way());
    for (number, owner) in [(1, FIRST), (2, OTHER), (3, THIRD)] {
        asks(&mut bench, owner, wait(number, true));
        publish(&mut bench, vec![response(10 + number, number)]);
        let taken = look(&mut bench, MASTER, owner);
        let later = bench.now + Duration::from_secs(number);
        commit(&mut bench, owner, Action::Resubmit(taken[0].reference, later));
    }
    let mut ready = Vec::new();
    bench.message_box.take_ready(&mut ready);
    for (number, host, owner) in [(1, 0, FIRST), (2, 1, OTHER), (3, 0, THIRD)] {
        assert_eq!(take(&mut bench, MASTER, owner), []);
        bench.now += Duration::from_secs(1);
        assert_eq!(bench.message_box.poll_timeout(), Some(bench.now));
        bench.message_box.wake(bench.now);
        bench.message_box.take_ready(&mut ready);
        assert_eq!(ready, [Ready { home: MASTER, host: HostId(host), only: Some(owner) }]);
        assert_eq!(take(&mut bench, MASTER, owner), [(10 + number, to(number))]);
    }
}

#[test]
fn among_equals_what_is_for_one_process_goes_before_what_any_may_take() {
    // INV-28, R-SUB-08: the smaller priority number of both queues; [M] of equals the own one.
    for (priority, order) in [(4, [5, 11]), (5, [11, 5]), (6, [11, 5])] {
        let mut topology = two_way();
        topology.send_ports[0].priority = priority;
        let mut bench = Bench::new(topology);
        asks(&mut bench, FIRST, wait(1, true));
        publish(&mut bench, vec![document(5, "In")]);
        publish(&mut bench, vec![response(11, 1)]);
        let found = take(&mut bench, MASTER, FIRST);
        assert_eq!(found.iter().map(|one| one.0).collect::<Vec<_>>(), order, "{priority}");
    }
}

#[test]
fn a_wait_for_the_first_response_takes_one_and_one_for_all_goes_on() {
    // R-RR-10, R-RR-11, INV-26, INV-49.
    let mut bench = Bench::new(two_way());
    asks(&mut bench, FIRST, wait(1, true));
    asks(&mut bench, FIRST, wait(2, false));
    assert_eq!(bench.message_box.open_waits_count(), 2);
    // One batch: a second response to the first is nobody's, and those to others are not.
    let all = [(11, 1), (12, 2), (13, 2)].map(|(number, to)| response(number, to));
    assert_eq!(publish(&mut bench, all.into()), Status::OK);
    let found = take(&mut bench, MASTER, FIRST);
    assert_eq!(found, [(11, to(1)), (12, to(2)), (13, to(2))]);
    assert_eq!(closed(&bench), [(1, Closing::Response)]);
    assert_eq!(publish(&mut bench, vec![response(14, 1)]), Status::NO_SUBSCRIPTION);
    assert_eq!(publish(&mut bench, vec![response(15, 2)]), Status::OK);
    commit(&mut bench, FIRST, Action::CancelResponse(token(2)));
    assert_eq!(closed(&bench), [(1, Closing::Response), (2, Closing::Cancel)]);
    assert_eq!(publish(&mut bench, vec![response(16, 2)]), Status::NO_SUBSCRIPTION);
    assert_eq!(take(&mut bench, MASTER, FIRST), [(15, to(2))]);
    asks(&mut bench, FIRST, wait(3, true));
    let twice = vec![response(17, 3), response(18, 3)];
    let status = bench.commit(publishing(twice)).overall;
    assert!(!status.is_success(), "the second of a batch has no taker");
    assert_eq!(bench.message_box.open_waits_count(), 1, "and nothing of it happened");
}

#[test]
fn a_request_that_is_rolled_back_waits_for_nothing() {
    // R-RR-13, R-ATOM-01.
    let mut bench = Bench::new(two_way());
    let before = bench.message_box.state_hash();
    assert!(!request(&mut bench, FIRST, wait(1, true), document(1, "Nowhere")));
    assert_eq!(bench.message_box.state_hash(), before);
    assert_eq!(bench.message_box.open_waits_count(), 0);
    assert_eq!(bench.message_box.instance_subscriptions(MASTER), 0);
    assert_eq!(publish(&mut bench, vec![response(11, 1)]), Status::NO_SUBSCRIPTION);
}

#[test]
fn a_loop_back_request_is_its_own_response() {
    // R-RR-14.
    let mut bench = Bench::new(two_way());
    assert!(request(&mut bench, FIRST, wait(1, true), response(1, 1)));
    assert_eq!(take(&mut bench, MASTER, FIRST), [(1, to(1))]);
    assert_eq!(closed(&bench), [(1, Closing::Response)]);
}

#[test]
fn with_a_process_go_its_waits_and_late_responses_are_told_apart() {
    // R-RR-12, R-CRASH-03, R-CLK-16: what is on its way already, too.
    let mut bench = Bench::new(two_way());
    asks(&mut bench, FIRST, wait(1, true));
    asks(&mut bench, FIRST, wait(2, false));
    asks(&mut bench, OTHER, wait(3, true));
    asks(&mut bench, OTHER, wait(4, true));
    publish(&mut bench, vec![response(13, 3)]);
    let under_way = look(&mut bench, MASTER, OTHER)[0].reference;
    assert_eq!(bench.message_box.forget_waits(FIRST), 2);
    absorb(&mut bench);
    let ended = [(3, Closing::Response), (1, Closing::Death), (2, Closing::Death)];
    assert_eq!(closed(&bench), ended);
    assert_eq!(bench.message_box.forget_waits(FIRST), 0);
    commit(&mut bench, OTHER, Action::CancelResponse(token(4)));
    commit(&mut bench, OTHER, Action::SuspendLate(under_way));
    for (number, request) in [(11, 1), (14, 4)] {
        assert_eq!(publish(&mut bench, vec![response(number, request)]), Status::NO_SUBSCRIPTION);
    }
    let late: Vec<(u64, bool)> = (bench.effects.iter())
        .filter_map(|effect| {
            let Effect::LateResponse { document, orphan } = effect else { return None };
            Some((document.wire, *orphan))
        })
        .collect();
    assert_eq!(late, [(13, false), (11, true), (14, false)]);
    let suspended: Vec<(u64, bool, Reason)> = (bench.effects.iter())
        .filter_map(|effect| {
            let Effect::SuspendedReference { at, resumable, reason } = effect else { return None };
            Some((at.document.wire, *resumable, *reason))
        })
        .collect();
    assert_eq!(suspended, [(13, false, Reason::Routing)]);
}

#[test]
fn a_late_response_is_refused_or_suspended_as_the_engine_is_told() {
    // R-CLK-16, R-ROUTE-01: and nothing that is no response.
    for (late, status) in [
        (LateResponses::Refuse, Status::NO_SUBSCRIPTION),
        (LateResponses::Suspend, Status::MESSAGE_SUSPENDED),
    ] {
        let mut topology = two_way();
        topology.exchanges.late = late;
        let mut bench = Bench::new(topology);
        assert_eq!(publish(&mut bench, vec![response(1, 9)]), status);
        let unknown = vec![document(2, "Nowhere")];
        assert_eq!(publish(&mut bench, unknown), Status::NO_SUBSCRIPTION);
        let kept: Vec<bool> = (bench.message_box.suspended().messages.iter())
            .map(|message| message.resumable)
            .collect();
        assert_eq!(kept, if late == LateResponses::Suspend { vec![false] } else { vec![] });
    }
}

#[test]
fn a_response_must_be_allowed_in_the_host_that_waits() {
    // R-PUB-05, INV-23: that of the process that asked; predicates that hold make no difference.
    let mut bench = Bench::new(two_way());
    asks(&mut bench, FIRST, wait(1, true));
    asks(&mut bench, OTHER, wait(2, true));
    asks(&mut bench, FIRST, wait(3, true));
    let demanding = |number, request| {
        let mut document = response(number, request);
        document.context.add_predicate(PLACE, Some(Value::text("North")));
        document
    };
    assert_eq!(publish(&mut bench, vec![demanding(11, 1)]), Status::NO_SUBSCRIPTION);
    assert_eq!(publish(&mut bench, vec![demanding(12, 2)]), Status::OK);
    assert_eq!(take(&mut bench, MASTER, OTHER), [(12, to(2))]);
    assert_eq!(publish(&mut bench, vec![response(13, 3)]), Status::OK);
}

#[test]
fn only_what_a_partner_is_to_answer_says_so() {
    // R-SR-01: absent means one-way.
    let mut topology = two_way();
    add_send_port(&mut topology, "Ask", "In", ASYNC);
    topology.send_ports[1].two_way = true;
    let mut bench = Bench::new(topology);
    publish(&mut bench, vec![document(1, "In")]);
    let found = look(&mut bench, MASTER, FIRST);
    let said = found
        .iter()
        .map(|message| (message.exchange, message.context.is_set(PropertyId::IS_SOLICIT_RESPONSE)));
    assert_eq!(said.collect::<Vec<_>>(), [(Exchange::OneWay, false), (Exchange::Solicit, true)]);
}
