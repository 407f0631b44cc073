//! Requests and solicits of one host instance, call by call: which word comes first.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test listens for what it is about")]

use floodgate_engine::adapter::{AdapterInput, Returned};
use floodgate_engine::batch::{Operation, Status, Suspendable};
use floodgate_engine::config::{AdapterConfig, AdapterKind, RequestSettings, Topology};
use floodgate_engine::exchange::{RequestPort, SolicitPort};
use floodgate_engine::host::{DoneRace, HostInput};
use floodgate_engine::id::{AdapterId, ReceivePortId, ReferenceId, SendPortId};
use floodgate_engine::message::{Document, PropertyId, Value};
use floodgate_engine::message_box::{Action, OutboundMessage};
use floodgate_engine::pipeline::{ReceivePipeline, SendPipeline};
use floodgate_engine::time::Duration;

use crate::bench::{
    ASYNC, Bench, MASTER, RECEIVER, add_receive_port, add_send_port, batch_of, document, immediate,
    publishing, topology, wire,
};

const OTHER: AdapterId = AdapterId(1);

/// Two adapters that take requests at `In`, and a port that all of them go to.
fn two_way() -> Topology {
    let mut topology = topology(immediate());
    let kind = AdapterKind::Request(RequestSettings::default());
    topology.adapters[0].kind = kind;
    topology.adapters.push(AdapterConfig { name: "OTHER".to_owned(), kind });
    topology.exchanges.request_ports.push(RequestPort {
        port: ReceivePortId(0),
        pipeline: SendPipeline::pass_through(),
        maps: Vec::new(),
        fault_bytes: None,
    });
    add_send_port(&mut topology, "Out", "In", ASYNC);
    topology
}

fn request(token: u64) -> Operation {
    Operation::SubmitRequest { request: wire(token), token, first_only: true, expires: None }
}

fn post(bench: &mut Bench, adapter: AdapterId, operations: Vec<Operation>, race: DoneRace) {
    let batch = batch_of(1, operations);
    bench.tell(HostInput::Posted { adapter, batch, race, transaction: None });
}

/// What this adapter was told since the last time, in words.
fn told(bench: &mut Bench, adapter: AdapterId) -> Vec<&'static str> {
    let (own, others) = bench.calls.drain(..).partition(|(to, _)| *to == adapter);
    bench.calls = others;
    let own: Vec<(AdapterId, AdapterInput)> = own;
    let word = |input: &AdapterInput| match input {
        AdapterInput::BatchComplete(_) => Some("complete"),
        AdapterInput::DoneReturned { .. } => Some("done"),
        AdapterInput::TransmitMessage { .. } => Some("answer"),
        _ => None,
    };
    own.iter().filter_map(|(_, input)| word(input)).collect()
}

/// What the send port was given last.
fn sent(bench: &Bench) -> OutboundMessage {
    let sent = bench.transmitted();
    let to_port = sent.iter().rev().find(|(_, message)| message.subscriber.0 == 0);
    to_port.expect("it was handed over").1.clone()
}

/// The answer to what the send port was given.
fn answer(bench: &mut Bench, to: &OutboundMessage) {
    let mut response: Document = document(900 + to.document.wire, "Elsewhere");
    let property = PropertyId::EPM_RR_CORRELATION_TOKEN;
    let token = to.context.read(property).cloned();
    response.context.promote(property, token).expect("short");
    let direct = Some(Value::Bool(true));
    response.context.promote(PropertyId::ROUTE_DIRECT_TO_TP, direct).expect("short");
    let status = bench.commit(publishing(vec![response]));
    assert_eq!(status.overall, Status::OK);
    let home = floodgate_engine::id::MessageBoxId(0);
    bench.tell(HostInput::WorkAvailable { home });
}

#[test]
fn a_response_may_come_before_the_batch_of_its_request_is_complete() {
    // R-RR-05, R-CLK-04, R-DONE-02: both races, with each order of the two returns.
    use DoneRace::{CompleteFirst, ResponseBeforeComplete, ResponseBeforeReturn, ReturnFirst};
    for (race, before, after) in [
        (ReturnFirst, vec!["done", "complete"], vec!["answer"]),
        (CompleteFirst, vec!["complete", "done"], vec!["answer"]),
        (ResponseBeforeComplete, vec!["done"], vec!["answer", "complete"]),
        (ResponseBeforeReturn, vec![], vec!["answer", "complete", "done"]),
    ] {
        let mut bench = Bench::new(two_way());
        post(&mut bench, RECEIVER, vec![request(1)], race);
        let question = sent(&bench);
        assert_eq!(told(&mut bench, RECEIVER), before, "{race:?}");
        bench.now += Duration::from_secs(5);
        answer(&mut bench, &question);
        assert_eq!(told(&mut bench, RECEIVER), after, "{race:?}");
        let latency = bench.host.exchange_latency();
        assert_eq!((latency.ended(), latency.nanos()), (1, 5_000_000_000));
        // What is no request waits for no response.
        post(&mut bench, RECEIVER, vec![Operation::Submit(wire(2))], race);
        let mut both = told(&mut bench, RECEIVER);
        both.sort_unstable();
        assert_eq!(both, ["complete", "done"], "{race:?}");
    }
}

#[test]
fn an_expiry_that_could_not_be_stored_comes_again() {
    // R-RR-07, R-MMB-06, INV-26, INV-49: the only MessageBox is away when the time of a request is
    // over, and twice more; the client gets its one fault when it is back.
    let mut bench = Bench::new(two_way());
    post(&mut bench, RECEIVER, vec![request(1)], DoneRace::ReturnFirst);
    bench.message_box.set_offline(MASTER, true);
    bench.now += Duration::from_minutes(20);
    let before = bench.host.gauges().threads_busy;
    for _ in 0..3 {
        bench.tell(HostInput::Wake);
        assert_eq!(bench.host.gauges().threads_busy, before, "no thread waits for it");
        bench.now += Duration::from_secs(10);
        assert_eq!(bench.host.poll_timeout(), Some(bench.now), "it is tried again");
    }
    assert_eq!(told(&mut bench, RECEIVER), ["done", "complete"]);
    assert_eq!(bench.message_box.open_waits_count(), 1);
    bench.message_box.set_offline(MASTER, false);
    bench.tell(HostInput::Wake);
    bench.tell(HostInput::WorkAvailable { home: MASTER });
    assert_eq!(told(&mut bench, RECEIVER), ["answer"]);
    assert_eq!((bench.message_box.open_waits_count(), bench.host.poll_timeout()), (0, None));
}

#[test]
fn who_stops_does_not_try_to_end_exchanges_again() {
    // R-RR-15, R-SHUT-01: nobody is answered after `Terminate`.
    let mut bench = Bench::new(two_way());
    post(&mut bench, RECEIVER, vec![request(1)], DoneRace::ReturnFirst);
    bench.message_box.set_offline(MASTER, true);
    bench.now += Duration::from_minutes(20);
    bench.tell(HostInput::Wake);
    bench.tell(HostInput::Stop);
    bench.message_box.set_offline(MASTER, false);
    bench.now += Duration::from_secs(10);
    bench.tell(HostInput::Wake);
    assert_eq!(told(&mut bench, RECEIVER), ["done", "complete"]);
    let tries = bench
        .asked
        .iter()
        .filter(|asked| matches!(asked.batch.actions[..], [(_, Action::Expire { .. })]));
    assert_eq!(tries.count(), 1);
}

#[test]
fn a_batch_that_waits_goes_on_with_the_response_to_its_own_adapter() {
    // R-CLK-04, R-RR-11, R-RR-15: tokens are each adapter's own; a withdrawal and the end of the
    // service end the waiting, too.
    let race = DoneRace::ResponseBeforeComplete;
    let mut bench = Bench::new(two_way());
    for adapter in [RECEIVER, OTHER] {
        post(&mut bench, adapter, vec![request(1)], race);
        assert_eq!(bench.transmitted().len(), 1 + adapter.index());
    }
    let question = sent(&bench);
    let words = |bench: &mut Bench| [RECEIVER, OTHER].map(|adapter| told(bench, adapter));
    assert_eq!(words(&mut bench), [vec!["done"], vec!["done"]]);
    answer(&mut bench, &question);
    assert_eq!(words(&mut bench), [vec![], vec!["answer", "complete"]]);
    post(&mut bench, RECEIVER, vec![request(2)], race);
    let cancel = vec![Operation::CancelResponse { token: 2 }];
    post(&mut bench, RECEIVER, cancel, DoneRace::ReturnFirst);
    let mut both = told(&mut bench, RECEIVER);
    both.sort_unstable();
    assert_eq!(both, ["complete", "complete", "done", "done"], "the first still waits");
    bench.tell(HostInput::Stop);
    assert_eq!(told(&mut bench, RECEIVER), ["complete"]);
}

#[test]
fn a_batch_that_comes_too_late_is_refused_in_the_order_of_its_race() {
    // R-DONE-06, R-DONE-02, R-SHUT-03.
    use DoneRace::{CompleteFirst, ReturnFirst};
    let orders = [(ReturnFirst, ["done", "complete"]), (CompleteFirst, ["complete", "done"])];
    for (race, order) in orders {
        let mut bench = Bench::new(two_way());
        post(&mut bench, RECEIVER, vec![Operation::Submit(wire(1))], race);
        bench.tell(HostInput::Stop);
        told(&mut bench, RECEIVER);
        post(&mut bench, RECEIVER, vec![Operation::Submit(wire(2))], race);
        assert_eq!(told(&mut bench, RECEIVER), order, "{race:?}");
    }
}

/// The statuses of the last batch that is complete, operation by operation.
fn statuses(bench: &Bench) -> Vec<Status> {
    let last = bench.calls.iter().rev().find_map(|(_, input)| match input {
        AdapterInput::BatchComplete(status) => Some(status),
        _ => None,
    });
    let last = last.expect("a batch is complete");
    last.operations.iter().flat_map(|kind| kind.messages.iter().copied()).collect()
}

#[test]
fn of_a_batch_only_what_is_for_a_closed_location_is_refused() {
    // R-LIFE-06.
    let mut topology = two_way();
    add_receive_port(&mut topology, "Closed", ReceivePipeline::pass_through());
    topology.receive_locations[1].enabled = false;
    let mut bench = Bench::new(topology);
    bench.tell(HostInput::Start);
    let mut closed = wire(2);
    let location = Some(Value::text("Closed"));
    closed.context.write(PropertyId::INBOUND_TRANSPORT_LOCATION, location);
    let all =
        vec![Operation::Submit(wire(1)), Operation::Submit(closed), Operation::Submit(wire(3))];
    post(&mut bench, RECEIVER, all, DoneRace::ReturnFirst);
    assert_eq!(statuses(&bench), [Status::OK, Status::URL_DISALLOWED, Status::OK]);
}

#[test]
fn what_is_part_of_an_exchange_is_suspended_for_good() {
    // R-RR-09: a request of a two-way port, and a partner's reply, which comes from no location.
    let mut topology = two_way();
    add_receive_port(&mut topology, "Plain", ReceivePipeline::pass_through());
    let mut bench = Bench::new(topology);
    for (number, location) in [(1, Some("In")), (2, Some("Plain")), (3, None), (4, Some("Other"))] {
        let mut message = wire(number);
        let location = location.map(Value::text);
        message.context.write(PropertyId::INBOUND_TRANSPORT_LOCATION, location);
        let operation = Operation::MoveToSuspendQueue(Suspendable::Wire(message));
        post(&mut bench, RECEIVER, vec![operation], DoneRace::ReturnFirst);
    }
    let kept: Vec<(u64, bool)> = (bench.message_box.suspended().messages.iter())
        .map(|message| (message.name().wire, message.resumable))
        .collect();
    assert_eq!(kept, [(1, false), (2, true), (3, false), (4, true)]);
}

#[test]
fn done_is_held_by_as_many_batches_as_all_processors_may_have() {
    // R-DONE-03: two for each of two.
    let mut topology = two_way();
    topology.servers[0].cpus = 2;
    let settings = &mut topology.hosts[0].settings;
    (settings.batch_queue, settings.threads, settings.threads_start) = (2, 1, 100);
    let mut bench = Bench::new(topology);
    bench.hold_work = true;
    for number in 1..=7 {
        let batch = batch_of(number, [Operation::Submit(wire(number))]);
        let (adapter, race) = (RECEIVER, DoneRace::ReturnFirst);
        bench.tell(HostInput::Posted { adapter, batch, race, transaction: None });
    }
    // Two are at work, one on each thread; four wait, and one is outside.
    let gauges = bench.host.gauges();
    assert_eq!((gauges.threads_busy, gauges.pending_batches, gauges.throttled_batches), (2, 4, 1));
    assert_eq!(bench.done_returned(), [1, 2, 3, 4, 5, 6]);
}

/// A solicit-response port, whose way back is set like this.
fn soliciting(correlated_only: bool) -> Bench {
    let mut topology = topology(immediate());
    add_send_port(&mut topology, "Ask", "In", ASYNC);
    add_send_port(&mut topology, "Replies", "In", ASYNC);
    topology.send_ports[0].two_way = true;
    let filter =
        floodgate_engine::subscription::Condition::equals(PropertyId::SP_NAME, Value::text("Ask"));
    topology.send_ports[1].filter =
        Some(floodgate_engine::subscription::Filter::all_of(vec![filter]));
    topology.exchanges.solicit_ports.push(SolicitPort {
        port: SendPortId(0),
        pipeline: ReceivePipeline::pass_through(),
        maps: Vec::new(),
        correlated_only,
    });
    Bench::new(topology)
}

/// A solicit is handed over; `token` is what an orchestration's answer correlates by.
fn solicit(bench: &mut Bench, number: u64, token: Option<&str>) -> ReferenceId {
    let mut question = document(number, "In");
    question.context.write(PropertyId::CORRELATION_TOKEN, token.map(Value::text));
    bench.commit(publishing(vec![question]));
    bench.publish([]);
    let (call, reference) = {
        let sent = bench.transmitted();
        let (call, message) = sent.last().expect("it was handed over");
        (*call, message.reference)
    };
    bench.returned(call, Returned::Pending);
    reference
}

fn reply(bench: &mut Bench, solicit: ReferenceId, deletes: bool) -> Vec<Status> {
    let mut response = wire(700);
    response.context.write(PropertyId::INBOUND_TRANSPORT_LOCATION, None);
    let mut all = vec![Operation::SubmitResponse { solicit, response }];
    if deletes {
        all.push(Operation::Delete(solicit));
    }
    post(bench, OTHER, all, DoneRace::ReturnFirst);
    statuses(bench)
}

#[test]
fn a_reply_nobody_correlates_with_is_refused_where_it_must() {
    // R-SR-07: what an orchestration sent correlates as well.
    for (correlated_only, token, status) in [
        (true, None, Status::NULL_CORRELATION_TOKEN),
        (true, Some("t"), Status::OK),
        (false, None, Status::OK),
        (false, Some("t"), Status::OK),
    ] {
        let mut bench = soliciting(correlated_only);
        let question = solicit(&mut bench, 1, token);
        let found = reply(&mut bench, question, false);
        assert_eq!(found, [status], "{correlated_only} {token:?}");
    }
}

#[test]
fn a_solicit_that_is_settled_takes_no_reply_any_more() {
    // R-SR-01, R-SR-02, GS-07: by the adapter's batch, or by the engine after `true`.
    let mut bench = soliciting(false);
    let first = solicit(&mut bench, 1, None);
    let second = solicit(&mut bench, 2, None);
    assert_eq!(reply(&mut bench, first, true), [Status::OK; 2]);
    assert_eq!(reply(&mut bench, first, false), [Status::FAIL]);
    assert_eq!(reply(&mut bench, second, false), [Status::OK], "the other is still asked");
    let mut bench = soliciting(false);
    bench.publish([1]);
    let (call, reference) = (bench.transmitted()[0].0, bench.transmitted()[0].1.reference);
    bench.returned(call, Returned::Sent);
    assert!(matches!(bench.asked[0].batch.actions[0].1, Action::Delete(_)));
    assert_eq!(reply(&mut bench, reference, false), [Status::FAIL]);
}

#[test]
fn no_response_finds_a_request_that_is_not_committed() {
    // R-RR-05: whoever guesses the token answers nobody while the commit is held.
    use DoneRace::{CompleteFirst, ResponseBeforeComplete, ResponseBeforeReturn, ReturnFirst};
    for race in [ReturnFirst, CompleteFirst, ResponseBeforeComplete, ResponseBeforeReturn] {
        let mut bench = Bench::new(two_way());
        bench.hold_commits = true;
        post(&mut bench, RECEIVER, vec![request(1)], race);
        let token = bench.asked[0].batch.waits[0].correlation.clone();
        let mut early = document(900, "Elsewhere");
        let property = PropertyId::EPM_RR_CORRELATION_TOKEN;
        early.context.promote(property, Some(token)).expect("short");
        let direct = Some(Value::Bool(true));
        early.context.promote(PropertyId::ROUTE_DIRECT_TO_TP, direct).expect("short");
        assert_ne!(bench.commit(publishing(vec![early])).overall, Status::OK, "{race:?}");
        let home = floodgate_engine::id::MessageBoxId(0);
        bench.tell(HostInput::WorkAvailable { home });
        assert_eq!(bench.transmitted().len(), 0, "{race:?}");
        assert!(!told(&mut bench, RECEIVER).contains(&"complete"), "{race:?}");
        bench.commit_held();
        let question = sent(&bench);
        answer(&mut bench, &question);
        assert!(told(&mut bench, RECEIVER).contains(&"answer"), "{race:?}");
    }
}
