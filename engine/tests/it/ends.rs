//! The send adapters in dialogue: workers, replies, transactions, one thing after another.

use floodgate_engine::adapter::{AdapterInput, AnyAdapter, Occupancy, WireResult};
use floodgate_engine::batch::Status;
use floodgate_engine::config::{
    AdapterKind, SendSettings, TransactionBegins, TransactionalSendSettings,
};
use floodgate_engine::message_box::{Exchange, OutboundMessage};
use floodgate_engine::time::Duration;

use crate::bench::{ASYNC, BATCHED, wire};
use crate::dialogue::Dialogue;

const OK: Status = Status::OK;
const FAIL: Status = Status::FAIL;
const BLOCKING: SendSettings = SendSettings { blocking: true, ..ASYNC };

fn sender(settings: SendSettings) -> Dialogue<AnyAdapter> {
    Dialogue::with(AnyAdapter::new(AdapterKind::Send(settings)))
}

fn transactional(workers: u32, begins: TransactionBegins) -> Dialogue<AnyAdapter> {
    let settings = TransactionalSendSettings { batch: 9, workers, begins };
    Dialogue::with(AnyAdapter::new(AdapterKind::TransactionalSend(settings)))
}

/// Workers that transmit, of those there are.
fn workers(told: &Dialogue<AnyAdapter>) -> Option<(u32, u32)> {
    let Occupancy { locations, workers, .. } = told.desk.adapter.occupancy();
    assert!(locations.is_empty());
    workers
}

/// One message, in a call of its own; `asks` for a reply.
fn one(told: &mut Dialogue<AnyAdapter>, number: u64, asks: bool) -> String {
    let exchange = if asks { Exchange::Solicit } else { Exchange::OneWay };
    let message = OutboundMessage { exchange, ..told.desk.outbound(number, 2) };
    let call = told.desk.call();
    told.transmit(call, message)
}

fn reply(number: u64) -> WireResult {
    WireResult::Replied(Box::new(wire(number)))
}

#[test]
fn as_many_messages_are_on_the_wire_as_there_are_workers() {
    // R-SND-09, R-HOST-04: a blocking adapter has none of its own.
    let mut told = sender(SendSettings { workers: 2, ..ASYNC });
    assert_eq!(workers(&told), Some((0, 2)));
    assert_eq!(one(&mut told, 1, false), "Pending; send 1 #0");
    assert_eq!(workers(&told), Some((1, 2)));
    assert_eq!(one(&mut told, 2, false), "Pending; send 2 #1");
    assert_eq!(one(&mut told, 3, false), "Pending");
    assert_eq!(workers(&told), Some((2, 2)));
    assert_eq!(told.wired(0, WireResult::Sent), "done 1: delete; send 3 #0");
    assert_eq!(told.wired(1, WireResult::Sent), "done 2: delete");
    assert_eq!(workers(&told), Some((1, 2)));
    let mut told = sender(BLOCKING);
    assert_eq!(one(&mut told, 1, false), "send 1 #0");
    assert_eq!(workers(&told), None);
    assert_eq!(told.wired(0, WireResult::Sent), "Sent");
}

#[test]
fn a_blocking_solicit_returns_when_its_reply_is_stored() {
    // R-SR-05, R-SND-06: the reply goes alone; `true` makes the engine delete the solicit. Until
    // then the call holds its thread, and says for what.
    let mut told = sender(BLOCKING);
    let awaiting = |told: &Dialogue<AnyAdapter>| told.desk.adapter.occupancy().awaiting;
    one(&mut told, 1, true);
    assert_eq!(awaiting(&told), 0, "it waits for the wire");
    assert_eq!(told.wired(0, reply(71)), "done 1: respond 71");
    one(&mut told, 2, true);
    assert_eq!(told.wired(0, reply(72)), "done 2: respond 72");
    assert_eq!(awaiting(&told), 2);
    assert_eq!(told.complete(2, [FAIL]), "Failed");
    assert_eq!(told.complete(1, [OK]), "Sent");
    assert_eq!(awaiting(&told), 0);
    // One that was not sent, and one whose reply the engine does not take.
    one(&mut told, 3, true);
    assert_eq!(told.wired(0, WireResult::Refused), "Failed");
    one(&mut told, 4, true);
    told.desk.proxy.shut_down();
    assert_eq!(told.wired(0, reply(74)), "Failed");
    one(&mut told, 5, true);
    assert_eq!(told.terminate(), "");
    assert_eq!(told.wired(0, WireResult::Sent), "Sent; Terminated");
}

#[test]
fn a_reply_that_is_refused_is_suspended_with_the_reason() {
    // R-SR-02, R-FILT-02, R-ADPT-17.
    let mut told = sender(ASYNC);
    one(&mut told, 1, true);
    assert_eq!(told.wired(0, reply(71)), "done 1: respond 71, delete");
    assert_eq!(told.complete(1, [FAIL, OK]), "why 71; done 2: suspend 71, delete");
    assert_eq!(told.complete(2, [OK, OK]), "");
    one(&mut told, 2, true);
    told.wired(0, reply(72));
    assert_eq!(told.complete(3, [OK, FAIL]), "done 4: respond 72, delete", "it is innocent");
    one(&mut told, 3, false);
    assert_eq!(told.wired(0, WireResult::Sent), "done 5: delete");
    assert_eq!(told.complete(5, [FAIL]), "");
}

#[test]
fn an_adapter_batch_is_disposed_of_at_once_however_outcomes_are_gathered() {
    // R-BSND-03, R-HOST-04: gathering is for those that come one at a time.
    let gathering =
        SendSettings { completion_batch: 3, completion_wait: Duration::from_secs(1), ..BATCHED };
    let mut told = sender(gathering);
    assert_eq!(told.batch([4, 4], None), "Done; send 1 #0");
    assert_eq!(told.wired(0, WireResult::Sent), "send 2 #0");
    assert_eq!(told.wired(0, WireResult::Sent), "done 1: delete, delete");
    assert_eq!(told.batch([4, 5, 4], None), "Done; send 1 #0; send 2 #1");
    assert_eq!(told.wired(1, WireResult::Sent), "done 2: delete");
    assert_eq!(told.wired(0, WireResult::Sent), "send 3 #0");
}

#[test]
fn what_is_gathered_is_disposed_of_when_the_service_stops() {
    // R-SHUT-04, R-HOST-04: at once, and so is what follows.
    let gathering =
        SendSettings { completion_batch: 3, completion_wait: Duration::from_secs(1), ..ASYNC };
    let mut told = sender(gathering);
    one(&mut told, 1, false);
    one(&mut told, 2, false);
    assert_eq!(told.wired(0, WireResult::Sent), "wake in 1 #0");
    assert_eq!(told.terminate(), "done 1: delete");
    let last = told.wired(1, WireResult::Sent);
    assert!(last.ends_with("done 2: delete"), "{last}");
    told.complete(1, [OK]);
    assert_eq!(told.complete(2, [OK]), "Terminated");
}

#[test]
fn a_service_stops_only_after_the_errands() {
    // R-SHUT-02, R-ADD-04: what waits for its endpoint to be found is pending.
    let mut told = sender(SendSettings { resolves: true, ..BATCHED });
    assert_eq!(told.batch([4], None), "resolve 1 #9223372036854775808; Done");
    assert_eq!(told.terminate(), "");
    assert_eq!(told.wired(1 << 63, WireResult::Resolved(1)), "send 1 #0");
    assert_eq!(told.wired(0, WireResult::Sent), "done 1: delete");
    assert_eq!(told.complete(1, [OK]), "Terminated");
}

#[test]
fn each_endpoint_of_a_batch_has_a_transaction_and_a_worker() {
    // R-TXN-06, R-ADPT-13.
    let mut told = transactional(2, TransactionBegins::AtTransmit);
    assert_eq!(workers(&told), Some((0, 2)));
    assert_eq!(told.batch([4, 5, 6, 4], None), "Done; send 1 in 1 #0; send 2 in 2 #1");
    assert_eq!(workers(&told), Some((2, 2)));
    assert_eq!(told.wired(1, WireResult::Sent), "done 1 in 2: delete");
    assert_eq!(told.complete(1, [OK]), "commit 2");
    assert_eq!(told.ended(2, true), "confirm batch 1 true; send 3 in 3 #1");
    assert_eq!(told.wired(0, WireResult::Sent), "send 4 in 1 #0");
    assert_eq!(told.wired(0, WireResult::Sent), "done 2 in 1: delete, delete");
    told.complete(2, [OK, OK]);
    assert_eq!(told.ended(1, true), "confirm batch 2 true");
    assert_eq!(workers(&told), Some((1, 2)));
    assert_eq!(told.terminate(), "", "one is on the wire");
    told.wired(1, WireResult::Sent);
    told.complete(3, [OK]);
    assert_eq!(told.ended(3, true), "confirm batch 3 true; Terminated");
}

#[test]
fn who_is_to_blame_for_an_abort_is_disposed_of_and_the_others_go_out_again() {
    // R-TXN-07: the one that was not sent; of a refused commit, all.
    let mut told = transactional(1, TransactionBegins::AtTransmit);
    assert_eq!(told.batch([4, 4, 4], None), "Done; send 1 in 1 #0");
    told.wired(0, WireResult::Sent);
    assert_eq!(told.wired(0, WireResult::Refused), "why; abort 1");
    assert_eq!(told.ended(1, false), "send 1 in 2 #0; done 1: resubmit");
    told.wired(0, WireResult::Sent);
    // The last of a batch: nothing else waits.
    assert_eq!(told.wired(0, WireResult::Refused), "why; abort 2");
    assert_eq!(told.ended(2, false), "send 1 in 3 #0; done 2: resubmit");
    assert_eq!(told.wired(0, WireResult::Sent), "done 3 in 3: delete");
    assert_eq!(told.complete(3, [OK]), "commit 3");
    let refused = told.ended(3, false);
    assert_eq!(refused, "confirm batch 3 false; why; done 4: resubmit", "the whole was refused");
    assert_eq!(told.terminate(), "", "what was posted is pending");
    for cookie in [1, 2] {
        assert_eq!(told.complete(cookie, [OK]), "");
    }
    assert_eq!(told.complete(4, [OK]), "Terminated");
}

#[test]
fn a_delete_or_a_reply_that_is_refused_is_to_blame() {
    // R-TXN-11, R-TXN-07, R-BC-04: statuses go by kind.
    let mut told = transactional(1, TransactionBegins::AtTransmit);
    told.batch([4, 4, 4], None);
    told.wired(0, reply(71));
    told.wired(0, WireResult::Sent);
    let words = told.wired(0, reply(73));
    assert_eq!(words, "done 1 in 1: respond 71, delete, delete, respond 73, delete");
    // The first one's reply is refused, the second stays, the third is innocent.
    assert_eq!(told.complete(1, [FAIL, OK, FAIL, OK, OK]), "why; why; abort 1");
    let again = told.ended(1, false);
    assert_eq!(again, "confirm batch 1 false; send 3 in 2 #0; done 2: resubmit, resubmit");
}

#[test]
fn a_transaction_of_begin_batch_may_end_before_a_worker_is_free() {
    // R-TXN-09: its confirm object is told, and its messages get a fresh one.
    let mut told = transactional(1, TransactionBegins::InBeginBatch);
    assert_eq!(told.batch([4], Some(1)), "Done; send 1 in 1 #0");
    assert_eq!(told.batch([5], Some(2)), "Done");
    assert_eq!(told.batch([6], Some(3)), "Done");
    assert_eq!(told.ended(2, false), "confirm delivery 2 false");
    assert_eq!(told.ended(2, false), "", "once");
    assert_eq!(told.wired(0, WireResult::Sent), "done 1 in 1: delete");
    told.complete(1, [OK]);
    let next = told.ended(1, true);
    assert_eq!(next, "confirm delivery 1 true; confirm batch 1 true; send 1 in 4 #0");
    told.wired(0, WireResult::Sent);
    told.complete(2, [OK]);
    assert_eq!(told.ended(4, true), "confirm batch 2 true; send 1 in 3 #0");
}

#[test]
fn a_transaction_may_end_while_its_batch_is_filled() {
    // R-TXN-09: the confirm object that comes with `Done` is told at once.
    let mut told = transactional(1, TransactionBegins::InBeginBatch);
    let (first, begun) = told.begin();
    assert_eq!(begun, "begun 9 in 1");
    let (second, begun) = told.begin();
    assert_eq!(begun, "begun 9 in 2");
    assert_eq!(told.terminate(), "", "two are being filled");
    assert_eq!(told.ended(1, false), "");
    let message = told.desk.outbound(1, 2);
    told.transmit(first, message);
    let confirm = Some(floodgate_engine::id::TransactionId(1));
    let done = told.tell(AdapterInput::Done { call: first, confirm });
    assert_eq!(done, "confirm delivery 1 false; Done; send 1 in 3 #0");
    assert_eq!(told.tell(AdapterInput::Clear { call: second }), "abort 2; Cleared");
    told.wired(0, WireResult::Sent);
    told.complete(1, [OK]);
    assert_eq!(told.ended(3, true), "confirm batch 1 true; Terminated");
}

#[test]
fn a_done_that_fails_late_aborts_and_has_no_confirm_object() {
    // R-DONE-04, R-TXN-16: the others are told all the same.
    let mut told = transactional(1, TransactionBegins::InBeginBatch);
    told.batch([4], Some(1));
    assert_eq!(told.wired(0, WireResult::Sent), "done 1 in 1: delete");
    assert_eq!(told.done(1, OK), "");
    assert_eq!(told.done(1, FAIL), "abort 1");
    assert_eq!(told.ended(1, false), "confirm delivery 1 false; why; done 2: resubmit");
}

#[test]
fn a_transaction_whose_time_is_up_fails_what_is_on_the_wire() {
    // R-TXN-07, R-CLK-13: the answer of the wire comes too late; what was not tried goes out.
    let mut told = transactional(1, TransactionBegins::AtTransmit);
    told.batch([4, 4, 4], None);
    told.wired(0, WireResult::Sent);
    assert_eq!(told.ended(1, false), "", "the wire holds the worker");
    let late = told.wired(0, WireResult::Sent);
    assert_eq!(late, "why; why; send 3 in 2 #0; done 1: resubmit, resubmit");
}
