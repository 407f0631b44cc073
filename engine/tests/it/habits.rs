//! The habits of a sender, in dialogue: calls that it throws in, tries beyond the configured ones.

use std::panic;

use floodgate_engine::adapter::{AdapterInput, AnyAdapter, Sender, WireResult};
use floodgate_engine::batch::Status;
use floodgate_engine::config::{
    AdapterKind, BatchDone, Choices, Habits, MoreTries, SendSettings, ThrowingCall, Throws, Which,
};
use floodgate_engine::message::{PropertyTable, Value};
use floodgate_engine::message_box::OutboundMessage;

use crate::bench::{ASYNC, BATCHED};
use crate::dialogue::Dialogue;

fn sender(settings: SendSettings, habits: &Habits) -> Dialogue<AnyAdapter> {
    Dialogue::with(AnyAdapter::new(AdapterKind::Send(settings)).with_habits(Some(habits)))
}

fn throws(call: ThrowingCall) -> Habits {
    let throws = Some(Throws { call, which: Which::First(1) });
    Habits { throws, ..Habits::default() }
}

#[test]
fn what_was_handed_over_in_a_call_that_threw_is_not_the_adapter_s() {
    // R-SND-08, R-BSND-05, R-SHUT-02: it goes on with the next batch, and stops at once.
    let mut told = sender(BATCHED, &throws(ThrowingCall::Done));
    assert_eq!(told.batch([4, 4], None), "Failed");
    assert_eq!(told.terminate(), "Terminated");
    let mut told = sender(BATCHED, &throws(ThrowingCall::Done));
    told.batch([4, 4], None);
    assert_eq!(told.batch([4], None), "Done; send 1 #0");
    // R-SND-08: nothing is begun, and the next time a batch is.
    let mut told = sender(BATCHED, &throws(ThrowingCall::BeginBatch));
    assert_eq!(told.begin().1, "Failed");
    assert!(told.begin().1.starts_with("begun"));
}

#[test]
fn an_adapter_batch_in_which_one_message_threw_is_cleared() {
    // GS-13, R-BSND-04: those before and after it were taken in, until the engine clears the batch.
    let mut told = sender(BATCHED, &throws(ThrowingCall::TransmitMessage));
    let (call, _) = told.begin();
    let answers = [1, 2].map(|number| {
        let message = told.desk.outbound(number, 2);
        told.transmit(call, message)
    });
    assert_eq!(answers, ["Failed", "Pending"]);
    assert_eq!(told.tell(AdapterInput::Clear { call }), "Cleared");
    assert_eq!(told.terminate(), "Terminated");
}

#[test]
fn what_completes_its_own_batches_does_not_throw_when_it_is_handed_a_message() {
    // GS-13, X-04, INV-54: whichever is said first; of what starts in Done, nothing was sent.
    let choices = Choices { batch_done: BatchDone::Adapter, ..Choices::default() };
    let made = |settings, call, habits_first: bool| {
        let own = throws(call);
        panic::catch_unwind(|| {
            let sender = Sender::new(settings);
            match habits_first {
                true => sender.with_habits(&own).choosing(&choices),
                false => sender.choosing(&choices).with_habits(&own),
            }
        })
    };
    for habits_first in [true, false] {
        assert!(made(BATCHED, ThrowingCall::TransmitMessage, habits_first).is_err());
        assert!(made(BATCHED, ThrowingCall::BeginBatch, habits_first).is_ok());
        // Those that the choice is not for.
        let blocking = SendSettings { blocking: true, ..BATCHED };
        for settings in [ASYNC, blocking] {
            assert!(made(settings, ThrowingCall::TransmitMessage, habits_first).is_ok());
        }
    }
}

#[test]
fn a_message_without_retries_is_tried_as_often_again_as_it_says_itself() {
    // R-ADD-07, R-RETRY-04, R-RETRY-06: the count is in its context, on each transport another.
    let mut properties = PropertyTable::default();
    let more = MoreTries::counted(2, &mut properties);
    let habits = Habits { more_tries: Some(more), ..Habits::default() };
    let mut told = sender(ASYNC, &habits);
    let mut cookie = 0;
    let mut after = |retries_left: u32, on_backup: bool, tried: [i64; 2]| {
        let message = told.desk.outbound(1, retries_left);
        let mut context = message.context.clone();
        for (property, tried) in more.counts.into_iter().zip(tried) {
            context.write(property, (tried > 0).then_some(Value::Int(tried)));
        }
        let call = told.desk.call();
        told.transmit(call, OutboundMessage { context, on_backup, ..message });
        let said = told.wired(0, WireResult::Refused);
        cookie += 1;
        told.complete(cookie, [Status::OK]);
        said.rsplit(' ').next().unwrap_or_default().to_owned()
    };
    assert_eq!(after(1, false, [2, 0]), "resubmit", "it has one of its own");
    assert_eq!(after(0, false, [0, 2]), "resubmit");
    assert_eq!(after(0, false, [1, 2]), "resubmit");
    assert_eq!(after(0, false, [2, 0]), "move");
    assert_eq!(after(0, true, [2, 1]), "resubmit");
    assert_eq!(after(0, true, [0, 2]), "move");
}
