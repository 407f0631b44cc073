//! One MessageBox of several is away: what is decided meanwhile is stored when it is back.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test listens for what it is about")]

use floodgate_engine::adapter::{
    Adapter, AdapterInput, AdapterOutput, Answer, Receiver, Requester, Returned, Sender,
    TransactionalSender, WireRequest, WireResult,
};
use floodgate_engine::batch::{Operation, OperationKind, Status};
use floodgate_engine::config::{
    MessageBoxConfig, OnFailure, RequestSettings, SendSettings, Topology, TransactionBegins,
    TransactionalSendSettings,
};
use floodgate_engine::host::HostInput;
use floodgate_engine::id::{EndpointId, MessageBoxId, ReceiveLocationId, TransactionId};
use floodgate_engine::message_box::{Effect, Exchange, OutboundMessage};
use floodgate_engine::time::{Duration, Instant};

use crate::administrator::add_orchestration;
use crate::bench::{
    ASYNC, Bench, FIRST, NOTIFIED, add_send_port, document, immediate, publishing, topology, wire,
};
use crate::desk::{
    Desk, FIVE_MINUTES, batch, batches, complete, done_returned, kinds, not_stored, returns,
    transmissions, wakes, wire_done,
};

const PAUSE: Duration = Duration::from_secs(10);
const LOCATION: ReceiveLocationId = ReceiveLocationId(0);
const SECOND: MessageBoxId = MessageBoxId(1);
const BLOCKING: SendSettings = SendSettings { blocking: true, ..ASYNC };

/// Two MessageBoxes, of which only the second takes activations, and a port for all of `In`.
fn two_boxes() -> Topology {
    let mut topology = topology(immediate());
    let message_box = |name: &str, publishes| MessageBoxConfig { name: name.to_owned(), publishes };
    topology.message_boxes = vec![message_box("Master", false), message_box("Second", true)];
    add_send_port(&mut topology, "Out", "In", BLOCKING);
    topology
}

/// The messages that ended.
fn ended(bench: &Bench) -> usize {
    bench.effects.iter().filter(|effect| matches!(effect, Effect::Deleted { .. })).count()
}

#[test]
fn what_was_sent_is_deleted_when_its_message_box_is_back() {
    // R-MMB-06, R-FILT-02: the adapter said `true` while the MessageBox was away; nothing of it
    // stays locked, and nothing is sent twice.
    let mut bench = Bench::new(two_boxes());
    bench.publish([1]);
    let (call, _) = bench.transmitted()[0];
    bench.message_box.set_offline(SECOND, true);
    bench.returned(call, Returned::Sent);
    assert_eq!((ended(&bench), bench.host.gauges().in_process), (0, 1));
    assert_eq!(bench.host.gauges().threads_busy, 0, "no thread waits for it");
    for minutes in 0..3 {
        assert_eq!(bench.host.poll_timeout(), Some(bench.now + PAUSE), "{minutes}");
        bench.tell(HostInput::Wake);
        bench.now += PAUSE;
        bench.tell(HostInput::Wake);
        assert_eq!((ended(&bench), bench.asked.len()), (0, 2 + minutes));
    }
    bench.message_box.set_offline(SECOND, false);
    bench.now += PAUSE;
    bench.tell(HostInput::Wake);
    assert_eq!((ended(&bench), bench.host.gauges().in_process), (1, 0));
    assert_eq!((bench.host.poll_timeout(), bench.transmitted().len()), (None, 1));
}

#[test]
fn an_orchestration_takes_its_turn_again_when_its_message_box_is_back() {
    // R-MMB-06: nothing of the turn happened, nobody is to blame, and no thread waits.
    let mut bench = Bench::new({
        let mut topology = two_boxes();
        topology.send_ports.clear();
        add_orchestration(&mut topology);
        topology
    });
    bench.hold_work = true;
    bench.publish([1]);
    bench.message_box.set_offline(SECOND, true);
    bench.finish_work(0);
    let suspended = |bench: &Bench| {
        bench.effects.iter().any(|one| matches!(one, Effect::SuspendedReference { .. }))
    };
    assert!(!suspended(&bench), "{:?}", bench.effects);
    let gauges = bench.host.gauges();
    assert_eq!((gauges.threads_busy, gauges.in_process, ended(&bench)), (0, 1, 0));
    bench.message_box.set_offline(SECOND, false);
    bench.now += PAUSE;
    bench.tell(HostInput::Wake);
    bench.finish_work(1);
    assert_eq!((ended(&bench), bench.host.gauges().in_process), (1, 0));
    assert!(!suspended(&bench));
    assert_eq!(bench.host.gauges().internal_queue, 0);
}

#[test]
fn a_batch_that_needs_a_message_box_that_is_away_could_not_be_stored() {
    // R-MMB-06, R-ADD-02: staged or not; that no operation is to blame is said overall.
    let mut bench = Bench::new(two_boxes());
    bench.message_box.set_offline(SECOND, true);
    let before = bench.message_box.state_hash();
    let batch = || publishing(vec![document(1, "In")]);
    let status = bench.commit(batch());
    assert_eq!(status.overall, Status::PERSISTENCE_FAILURE);
    let staged = bench.message_box.stage_batch(bench.now, FIRST, TransactionId(1), batch());
    assert_eq!(staged.overall, Status::PERSISTENCE_FAILURE);
    let unknown = bench.commit(publishing(vec![document(2, "Elsewhere")]));
    assert_eq!(unknown.overall, Status::FAIL, "a routing failure is one all the same");
    assert_eq!(bench.message_box.state_hash(), before);
    bench.message_box.set_offline(SECOND, false);
    assert_eq!(bench.commit(batch()).overall, Status::OK);
}

#[test]
fn one_message_box_is_lost_with_the_process() {
    // R-SHUT-07: the process recycles and its locks give the message back; nothing is repeated.
    let mut topology = topology(immediate());
    add_send_port(&mut topology, "Out", "In", BLOCKING);
    let mut bench = Bench::new(topology);
    bench.publish([1]);
    let (call, _) = bench.transmitted()[0];
    bench.message_box.set_offline(MessageBoxId(0), true);
    bench.returned(call, Returned::Sent);
    assert_eq!((ended(&bench), bench.host.poll_timeout()), (0, None));
}

/// An adapter has posted `first`, which cannot be stored: after the pause its operations come
/// again, each alone.
fn lays_aside<A: Adapter>(desk: &mut Desk<A>, first: &floodgate_engine::batch::Batch) {
    desk.tell(done_returned(first));
    desk.now += Duration::from_secs(3);
    let wants = desk.tell(not_stored(first));
    let (at, token) = wakes(&wants)[0];
    assert_eq!((wants.len(), at), (1, desk.now + PAUSE), "nothing else now: {wants:?}");
    desk.now = at;
    let again = batches(desk.tell(AdapterInput::Wake { token }));
    let alone: Vec<OperationKind> = again.iter().flat_map(kinds).collect();
    assert_eq!((again.len(), alone), (first.operations().len(), kinds(first)));
    for one in &again {
        assert!(desk.tell(complete(one, &[Status::OK])).is_empty());
    }
    assert!(desk.tell(AdapterInput::Wake { token }).is_empty(), "they are forgotten");
}

#[test]
fn a_sender_keeps_its_outcomes_until_they_are_stored() {
    // R-FILT-02, R-FILT-04, R-FILT-06: the Resubmit's time is counted from when it is taken.
    let gathering = SendSettings { completion_batch: 2, completion_wait: PAUSE, ..ASYNC };
    let mut desk = Desk::new(Sender::new(gathering));
    let tokens: Vec<u64> = (1..=2)
        .flat_map(|number| {
            let message = desk.outbound(number, 2);
            transmissions(&desk.transmit(message))
        })
        .collect();
    desk.tell(wire_done(tokens[0], WireResult::Sent));
    let first = batch(desk.tell(wire_done(tokens[1], WireResult::Refused)));
    assert_eq!(kinds(&first), [OperationKind::Delete, OperationKind::Resubmit]);
    lays_aside(&mut desk, &first);
}

#[test]
fn a_resubmit_that_could_not_be_stored_does_not_climb_the_ladder() {
    // R-FILT-03 is for what was refused, and this was not. A sender without a transaction and one
    // that disposes of a failure after its own.
    let mut desk = Desk::new(Sender::new(ASYNC));
    let message = desk.outbound(1, 2);
    let token = transmissions(&desk.transmit(message))[0];
    let first = batch(desk.tell(wire_done(token, WireResult::Refused)));
    let wants = desk.tell(not_stored(&first));
    let (at, token) = wakes(&wants)[0];
    desk.now = at;
    let again = batch(desk.tell(AdapterInput::Wake { token }));
    let [Operation::Resubmit { at, .. }] = again.operations() else {
        panic!("it is resubmitted: {again:?}")
    };
    assert_eq!(*at, desk.now + FIVE_MINUTES);
}

#[test]
fn a_transactional_sender_keeps_its_outcomes_until_they_are_stored() {
    // R-FILT-02, R-TXN-07.
    let settings =
        TransactionalSendSettings { batch: 20, workers: 1, begins: TransactionBegins::AtTransmit };
    let mut desk = Desk::new(TransactionalSender::new(settings));
    let call = desk.call();
    desk.tell(AdapterInput::BeginBatch { call, transaction: None });
    let message = Box::new(desk.outbound(1, 2));
    desk.tell(AdapterInput::TransmitMessage { call, message });
    let token = transmissions(&desk.tell(AdapterInput::Done { call, confirm: None }))[0];
    let wants = desk.tell(wire_done(token, WireResult::Refused));
    let transaction = wants.iter().find_map(|output| match output {
        AdapterOutput::Abort { transaction } => Some(*transaction),
        _ => None,
    });
    let transaction = transaction.expect("its message failed");
    let ended = AdapterInput::TransactionDone { transaction, committed: false };
    let first = batch(desk.tell(ended));
    assert_eq!(kinds(&first), [OperationKind::Resubmit]);
    lays_aside(&mut desk, &first);
}

#[test]
fn what_ends_an_answer_is_stored_in_the_end() {
    // R-FILT-02, R-RR-04: the client has its answer; what is left of it is to be deleted.
    let mut desk = Desk::new(Requester::new(RequestSettings::default()));
    let endpoint = EndpointId(0);
    desk.tell(AdapterInput::AddReceiveEndpoint { location: LOCATION, endpoint, two_way: true });
    desk.tell(AdapterInput::Arrived { location: LOCATION });
    let fetched = WireResult::Fetched { messages: vec![wire(1)], more: false };
    let posted = batch(desk.tell(wire_done(0, fetched)));
    let [Operation::SubmitRequest { token, .. }] = posted.operations() else {
        panic!("a request: {posted:?}")
    };
    desk.tell(done_returned(&posted));
    desk.tell(complete(&posted, &[Status::OK]));
    let exchange = Exchange::Response { token: *token, fault: false };
    let answer = OutboundMessage { exchange, ..desk.outbound(2, 0) };
    let wants = desk.transmit(answer);
    let answered = wants.iter().find_map(|output| match output {
        AdapterOutput::Wire {
            token,
            request: WireRequest::Respond { answer: Answer::Response(_), .. },
        } => Some(*token),
        _ => None,
    });
    let first = batch(desk.tell(wire_done(answered.expect("it responds"), WireResult::Sent)));
    assert_eq!(kinds(&first), [OperationKind::Delete]);
    lays_aside(&mut desk, &first);
}

#[test]
fn a_sender_that_terminates_leaves_what_could_not_be_stored_to_its_locks() {
    // R-SHUT-07, R-SHUT-02: the end of the process gives the message back.
    let mut desk = Desk::new(Sender::new(ASYNC));
    let message = desk.outbound(1, 2);
    let token = transmissions(&desk.transmit(message))[0];
    let first = batch(desk.tell(wire_done(token, WireResult::Sent)));
    desk.tell(not_stored(&first));
    let call = desk.call();
    assert_eq!(returns(&desk.tell(AdapterInput::Terminate { call })), [Returned::Terminated]);
}

#[test]
fn a_receiver_leaves_to_the_source_what_could_not_be_stored() {
    // R-DUP-01, R-MMB-06: nothing is suspended, since nothing is wrong with it.
    let mut desk = Desk::new(Receiver::new(NOTIFIED));
    let endpoint = EndpointId(0);
    desk.tell(AdapterInput::AddReceiveEndpoint { location: LOCATION, endpoint, two_way: false });
    desk.tell(AdapterInput::Arrived { location: LOCATION });
    let fetched = WireResult::Fetched { messages: vec![wire(1)], more: false };
    let posted = batch(desk.tell(wire_done(0, fetched)));
    desk.tell(done_returned(&posted));
    let wants = desk.tell(not_stored(&posted));
    let (at, token) = wakes(&wants)[0];
    assert_eq!(at, Instant::ZERO + PAUSE);
    assert!(batches(wants).is_empty());
    desk.now = at;
    let wants = desk.tell(AdapterInput::Wake { token });
    let left = |output: &AdapterOutput| match output {
        AdapterOutput::Wire { request: WireRequest::Leave { messages, .. }, .. } => {
            messages.iter().map(|message| message.number).collect()
        }
        _ => Vec::new(),
    };
    assert_eq!(wants.iter().flat_map(left).collect::<Vec<u64>>(), [1]);
}

#[test]
fn a_batch_is_stored_when_the_message_box_of_its_instance_is_there() {
    // R-MMB-06: an ordered port's instance lives in the master; that another is away is nothing to
    // it, and that the master is away would be.
    let mut topology = two_boxes();
    topology.message_boxes[0].publishes = true;
    topology.send_ports[0].ordered = Some(OnFailure::Continue);
    let mut bench = Bench::new(topology);
    bench.publish([1]);
    bench.message_box.set_offline(SECOND, true);
    assert_eq!(bench.commit(publishing(vec![document(2, "In")])).overall, Status::OK);
    bench.message_box.set_offline(MessageBoxId(0), true);
    let status = bench.commit(publishing(vec![document(3, "In")]));
    assert_eq!(status.overall, Status::PERSISTENCE_FAILURE);
}
