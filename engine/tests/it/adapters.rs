//! The adapters that come with the engine, told by hand what happens to them.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test listens for what it is about")]

use std::collections::VecDeque;
use std::sync::Arc;

use floodgate_engine::adapter::{
    AdapterInput, AdapterOutput, Receiver, Returned, Sender, TransactionalReceiver, WireRequest,
    WireResult,
};
use floodgate_engine::batch::{Batch, Operation, OperationKind, Status, Suspendable};
use floodgate_engine::config::{
    OnPoison, ReceiveSettings, SendSettings, TransactionalReceiveSettings,
};
use floodgate_engine::id::{EndpointId, ReceiveLocationId};
use floodgate_engine::message::{Body, PropertyId, Value, WireMessage};
use floodgate_engine::message_box::{Effect, Exchange, OutboundMessage};
use floodgate_engine::time::{Duration, Instant};

use crate::bench::{
    ASYNC, BATCHED, Bench, NOTIFIED, add_send_port, immediate, topology, wire, wire_of,
};
use crate::desk::{
    Desk, FIVE_MINUTES, batch, batches, complete, done_returned, kinds, returns, transmissions,
    wakes,
};

const LOCATION: ReceiveLocationId = ReceiveLocationId(0);
const ENDPOINT: EndpointId = EndpointId(0);
/// A receiver whose first fetch has brought `messages`, and the batch it made of them.
fn fetched(settings: ReceiveSettings, messages: Vec<WireMessage>) -> (Desk<Receiver>, Batch) {
    let mut desk = Desk::new(Receiver::new(settings));
    desk.tell(AdapterInput::AddReceiveEndpoint {
        location: LOCATION,
        endpoint: ENDPOINT,
        two_way: false,
    });
    desk.tell(AdapterInput::Arrived { location: LOCATION });
    let result = WireResult::Fetched { messages, more: false };
    let posted = batch(desk.tell(AdapterInput::WireDone { token: 0, result }));
    desk.tell(done_returned(&posted));
    (desk, posted)
}

/// Operations by kind and number, in the order of adding.
fn told(batch: &Batch) -> Vec<(OperationKind, u64)> {
    let number = |operation: &Operation| match operation {
        Operation::Submit(message) | Operation::MoveToSuspendQueue(Suspendable::Wire(message)) => {
            message.number
        }
        _ => 0,
    };
    batch.operations().iter().map(|own| (own.kind(), number(own))).collect()
}

fn message_of(operation: &Operation) -> &WireMessage {
    match operation {
        Operation::Submit(message) | Operation::MoveToSuspendQueue(Suspendable::Wire(message)) => {
            message
        }
        other => panic!("about a message of the adapter's own: {other:?}"),
    }
}

#[test]
fn a_receiver_tries_again_with_the_same_objects_from_their_beginnings() {
    // R-FILT-02, R-FILT-05, R-MSG-08, R-BC-10: new batches out of BatchComplete itself. What
    // failed is suspended as the object that was submitted, innocents are submitted again, each
    // with all its bytes; the adapter keeps them until the last batch that names them, no longer.
    use OperationKind::{MoveToSuspendQueue as Suspend, Submit};
    let bytes: Vec<Arc<[u8]>> = (1..=3).map(|number| Arc::from([number; 9])).collect();
    let held = || bytes.iter().map(|own| Arc::strong_count(own) - 1).collect::<Vec<_>>();
    let messages: Vec<WireMessage> = (1..)
        .zip(&bytes)
        .map(|(number, body)| {
            let mut message = wire_of(number, Body::Real(Arc::clone(body)));
            message.context.write(PropertyId(900), Some(Value::Int(7)));
            message
        })
        .collect();
    let (mut desk, first) = fetched(NOTIFIED, messages.clone());
    assert_eq!(told(&first), [(Submit, 1), (Submit, 2), (Submit, 3)]);
    let answer = complete(&first, &[Status::OK, Status::NO_SUBSCRIPTION, Status::OK]);
    let second = batch(desk.tell(answer));
    assert_eq!(told(&second), [(Submit, 1), (Suspend, 2), (Submit, 3)]);
    // The suspension is innocent of this failure, and is carried out in the next batch.
    let answer = complete(&second, &[Status::FAIL, Status::OK, Status::OK]);
    let third = batch(desk.tell(answer));
    assert_eq!(told(&third), [(Suspend, 1), (Suspend, 2), (Submit, 3)]);
    for posted in [&first, &second, &third] {
        for (operation, submitted) in posted.operations().iter().zip(&messages) {
            let again = message_of(operation);
            assert_eq!(again.number, submitted.number);
            assert_eq!(again.context, submitted.context);
            assert_eq!(again.parts, submitted.parts, "all its bytes");
        }
    }
    let answer = complete(&third, &[Status::OK; 3]);
    drop((messages, first, second, third));
    assert_eq!(held(), [1, 1, 1], "until the last batch is complete");
    let wants = desk.tell(answer);
    assert_eq!(held(), [0, 0, 0]);
    let removed = wants.iter().find_map(|output| match output {
        AdapterOutput::Wire { request: WireRequest::Remove { numbers, .. }, .. } => Some(numbers),
        _ => None,
    });
    assert_eq!(removed, Some(&vec![1, 2, 3]));
}

/// The order in which an engine publishes four messages that a receiver with so many batches at
/// once brings in, one a batch, if it always works on the batch that came last.
fn published_by(batches: u32) -> Vec<u64> {
    let mut topology = topology(immediate());
    add_send_port(&mut topology, "Out", "In", ASYNC);
    let mut bench = Bench::new(topology);
    bench.hold_work = true;
    let settings = ReceiveSettings { batch_messages: 1, batches, ..NOTIFIED };
    let mut desk = Desk::new(Receiver::new(settings));
    let mut inputs = VecDeque::from([
        AdapterInput::AddReceiveEndpoint { location: LOCATION, endpoint: ENDPOINT, two_way: false },
        AdapterInput::Arrived { location: LOCATION },
    ]);
    let (mut source, mut heard, mut worked) = (1..=4, 0, Vec::new());
    loop {
        while let Some(input) = inputs.pop_front() {
            for output in desk.tell(input) {
                match output {
                    AdapterOutput::Done { batch, .. } => bench.post(batch),
                    AdapterOutput::Wire { token, request: WireRequest::Fetch { .. } } => {
                        let messages = source.next().map(wire).into_iter().collect();
                        let result = WireResult::Fetched { messages, more: !source.is_empty() };
                        inputs.push_back(AdapterInput::WireDone { token, result });
                    }
                    _ => {}
                }
            }
            inputs.extend(bench.calls[heard..].iter().map(|(_, input)| input.clone()));
            heard = bench.calls.len();
        }
        let Some(last) = (0..bench.works.len()).rev().find(|at| !worked.contains(at)) else {
            break;
        };
        worked.push(last);
        bench.finish_work(last);
        inputs.extend(bench.calls[heard..].iter().map(|(_, input)| input.clone()));
        inputs.retain(|input| !matches!(input, AdapterInput::TransmitMessage { .. }));
        heard = bench.calls.len();
    }
    let published = bench.effects.iter().filter_map(|effect| match effect {
        Effect::Published { document, .. } => Some(document.wire),
        _ => None,
    });
    published.collect()
}

#[test]
fn one_worker_that_waits_for_each_batch_keeps_the_order_of_receipt() {
    // R-RCV-07, R-BC-11: several batches at once are published in whichever order they commit.
    assert_eq!(published_by(1), [1, 2, 3, 4]);
    assert_eq!(published_by(4), [4, 3, 2, 1]);
}

/// Gathers three outcomes, or waits for a second.
const GATHERING: SendSettings =
    SendSettings { completion_batch: 3, completion_wait: Duration::from_secs(1), ..ASYNC };

/// A sender with `count` messages on the wire, and their tokens.
fn sending(settings: SendSettings, count: u64) -> (Desk<Sender>, Vec<u64>) {
    let mut desk = Desk::new(Sender::new(settings));
    let tokens = (1..=count).flat_map(|number| {
        let message = desk.outbound(number, 2);
        transmissions(&desk.transmit(message))
    });
    let tokens: Vec<u64> = tokens.collect();
    assert_eq!(tokens.len() as u64, count);
    (desk, tokens)
}

#[test]
fn a_sender_carries_out_innocent_operations_in_a_new_batch_and_counts_from_then() {
    // R-FILT-02, R-FILT-06, R-RETRY-04: one Delete of three operations is refused; the other and
    // the Resubmit are done again, and the Resubmit's time is counted from the new batch.
    let (mut desk, tokens) = sending(GATHERING, 3);
    let results = [WireResult::Sent, WireResult::Refused, WireResult::Sent];
    let wants: Vec<AdapterOutput> = tokens
        .into_iter()
        .zip(results)
        .flat_map(|(token, result)| desk.tell(AdapterInput::WireDone { token, result }))
        .collect();
    let first = batch(wants);
    let due = |batch: &Batch| {
        let at = |operation: &Operation| match operation {
            Operation::Resubmit { at, .. } => Some(*at),
            _ => None,
        };
        batch.operations().iter().find_map(at)
    };
    use OperationKind::{Delete, Resubmit};
    assert_eq!(
        (kinds(&first), due(&first)),
        (vec![Delete, Resubmit, Delete], Some(Instant::ZERO + FIVE_MINUTES))
    );
    desk.now += Duration::from_secs(90);
    let second = batch(desk.tell(complete(&first, &[Status::OK, Status::OK, Status::FAIL])));
    assert_eq!(
        (kinds(&second), due(&second)),
        (vec![Delete, Resubmit], Some(desk.now + FIVE_MINUTES))
    );
    assert!(desk.tell(complete(&second, &[Status::OK; 2])).is_empty());
}

#[test]
fn a_sender_gathers_what_is_finished_by_count_or_by_time() {
    // R-HOST-04.
    let (mut desk, tokens) = sending(GATHERING, 6);
    let sent = |desk: &mut Desk<Sender>, at: usize| {
        desk.tell(AdapterInput::WireDone { token: tokens[at], result: WireResult::Sent })
    };
    let wants: Vec<_> = [0, 1].into_iter().flat_map(|at| sent(&mut desk, at)).collect();
    let first = wakes(&wants);
    assert_eq!((first.len(), first[0].0), (1, desk.now + Duration::from_secs(1)));
    assert!(batches(wants).is_empty(), "neither full nor old");
    let full = batch(sent(&mut desk, 2));
    assert_eq!(full.operations().len(), 3);
    // The next one is alone for a second; the timer of the batch before means nothing to it.
    let wants = sent(&mut desk, 3);
    let second = wakes(&wants)[0];
    assert!(batches(wants).is_empty());
    desk.now = first[0].0;
    assert!(desk.tell(AdapterInput::Wake { token: first[0].1 }).is_empty());
    let old = batch(desk.tell(AdapterInput::Wake { token: second.1 }));
    assert_eq!(old.operations().len(), 1);
}

#[test]
fn an_empty_adapter_batch_does_nothing() {
    // R-BSND-09.
    let mut desk = Desk::new(Sender::new(BATCHED));
    let call = desk.call();
    assert_eq!(returns(&desk.tell(AdapterInput::BeginBatch { call, transaction: None })).len(), 1);
    let wants = desk.tell(AdapterInput::Done { call, confirm: None });
    assert_eq!((returns(&wants), wants.len()), (vec![Returned::Done], 1));
}

#[test]
fn the_reply_and_the_delete_of_its_solicit_are_one_batch() {
    // R-ADPT-11, R-SR-02.
    let mut desk = Desk::new(Sender::new(ASYNC));
    let solicit = OutboundMessage { exchange: Exchange::Solicit, ..desk.outbound(1, 2) };
    let reference = solicit.reference;
    let token = transmissions(&desk.transmit(solicit))[0];
    let result = WireResult::Replied(Box::new(wire(77)));
    let posted = batch(desk.tell(AdapterInput::WireDone { token, result }));
    let [Operation::SubmitResponse { solicit, response }, Operation::Delete(deleted)] =
        posted.operations()
    else {
        panic!("a response and a delete: {posted:?}")
    };
    assert_eq!((*solicit, response.number, *deleted), (reference, 77, reference));
}

#[test]
fn a_fetch_is_bounded_by_messages_and_by_bytes() {
    // R-LMS-05.
    let mut desk = Desk::new(Receiver::new(ReceiveSettings { batch_bytes: 5000, ..NOTIFIED }));
    desk.tell(AdapterInput::AddReceiveEndpoint {
        location: LOCATION,
        endpoint: ENDPOINT,
        two_way: false,
    });
    let wants = desk.tell(AdapterInput::Arrived { location: LOCATION });
    let [AdapterOutput::Wire { request: WireRequest::Fetch { messages, bytes, .. }, .. }] =
        wants[..]
    else {
        panic!("one fetch: {wants:?}")
    };
    assert_eq!((messages, bytes), (20, 5000));
}

#[test]
fn a_receiver_terminates_when_its_batches_are_complete() {
    // R-SHUT-02: a successful Done is pending until its BatchComplete, and until the source of
    // what the engine owns is removed.
    let (mut desk, posted) = fetched(NOTIFIED, vec![wire(1)]);
    let call = desk.call();
    assert!(returns(&desk.tell(AdapterInput::Terminate { call })).is_empty());
    let wants = desk.tell(complete(&posted, &[Status::OK]));
    assert!(returns(&wants).is_empty());
    let removed = AdapterInput::WireDone { token: u64::MAX, result: WireResult::Removed };
    assert_eq!(returns(&desk.tell(removed)), [Returned::Terminated]);
}

#[test]
fn a_done_that_failed_is_not_pending() {
    // R-SHUT-02, R-DONE-04.
    let mut desk = Desk::new(Receiver::new(NOTIFIED));
    desk.tell(AdapterInput::AddReceiveEndpoint {
        location: LOCATION,
        endpoint: ENDPOINT,
        two_way: false,
    });
    desk.tell(AdapterInput::Arrived { location: LOCATION });
    let result = WireResult::Fetched { messages: vec![wire(1)], more: false };
    let posted = batch(desk.tell(AdapterInput::WireDone { token: 0, result }));
    let call = desk.call();
    assert!(returns(&desk.tell(AdapterInput::Terminate { call })).is_empty());
    let (cookie, status) = (posted.cookie(), Status::SHUTTING_DOWN);
    let wants = desk.tell(AdapterInput::DoneReturned { cookie, status });
    assert_eq!(returns(&wants), [Returned::Terminated]);
    let left = |output: &AdapterOutput| {
        matches!(output, AdapterOutput::Wire { request: WireRequest::Leave { .. }, .. })
    };
    assert!(wants.iter().any(left), "the message stays at its source: {wants:?}");
}

#[test]
fn a_sender_terminates_when_what_it_accepted_is_disposed_of() {
    // R-SHUT-02, R-SHUT-04.
    let (mut desk, tokens) = sending(ASYNC, 2);
    let call = desk.call();
    assert!(returns(&desk.tell(AdapterInput::Terminate { call })).is_empty());
    let mut posted = Vec::new();
    for (token, result) in tokens.into_iter().zip([WireResult::Sent, WireResult::Refused]) {
        let wants = desk.tell(AdapterInput::WireDone { token, result });
        assert!(returns(&wants).is_empty(), "its Delete is outstanding");
        posted.extend(batches(wants));
    }
    assert!(returns(&desk.tell(complete(&posted[0], &[Status::OK]))).is_empty());
    let wants = desk.tell(complete(&posted[1], &[Status::OK]));
    assert_eq!(returns(&wants), [Returned::Terminated]);
}

#[test]
fn a_commit_that_fails_is_reported_as_not_committed() {
    // R-TXN-04, R-TXN-03.
    for committed in [true, false] {
        let settings = TransactionalReceiveSettings {
            batch_messages: 20,
            batch_bytes: 102_400,
            poll: None,
            transactions: 1,
            on_poison: OnPoison::SuspendInTransaction { resumable: true },
            single_for: Duration::ZERO,
            pause: Duration::ZERO,
        };
        let mut desk = Desk::new(TransactionalReceiver::new(settings));
        desk.tell(AdapterInput::AddReceiveEndpoint {
            location: LOCATION,
            endpoint: ENDPOINT,
            two_way: false,
        });
        desk.tell(AdapterInput::Arrived { location: LOCATION });
        let result = WireResult::Fetched { messages: vec![wire(1)], more: false };
        let posted = batch(desk.tell(AdapterInput::WireDone { token: 0, result }));
        desk.tell(done_returned(&posted));
        let wants = desk.tell(complete(&posted, &[Status::OK]));
        let [AdapterOutput::Commit { transaction }] = wants[..] else {
            panic!("it commits: {wants:?}")
        };
        let wants = desk.tell(AdapterInput::TransactionDone { transaction, committed });
        let said: Vec<bool> = wants
            .iter()
            .filter_map(|output| match output {
                AdapterOutput::Confirm { committed, .. } => Some(*committed),
                _ => None,
            })
            .collect();
        assert_eq!(said, [committed]);
    }
}
