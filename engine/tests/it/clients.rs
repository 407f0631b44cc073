//! The request-response adapter in dialogue: whom it lets in, and what each client is told.

use floodgate_engine::adapter::{AdapterInput, Requester, WireResult};
use floodgate_engine::batch::Status;
use floodgate_engine::config::RequestSettings;
use floodgate_engine::id::{EndpointId, ReceiveLocationId};
use floodgate_engine::message_box::{Exchange, OutboundMessage};
use floodgate_engine::time::Duration;

use crate::dialogue::Dialogue;

const OK: Status = Status::OK;
const FAIL: Status = Status::FAIL;
const TEN: Option<Duration> = Some(Duration::from_secs(10));

/// Location 0 answers its clients, location 1 only takes.
fn requester(settings: RequestSettings) -> Dialogue<Requester> {
    let mut told = Dialogue::with(Requester::new(settings));
    let (location, endpoint) = (ReceiveLocationId(0), EndpointId(0));
    told.tell(AdapterInput::AddReceiveEndpoint { location, endpoint, two_way: true });
    told.add(1);
    told
}

fn settings() -> RequestSettings {
    let (batch_messages, concurrent) = (5, 2);
    RequestSettings { batch_messages, concurrent, threads_per_cpu: 1, ..RequestSettings::default() }
}

/// Clients ask at location 0, and their batch is with the engine.
fn ask<const N: usize>(told: &mut Dialogue<Requester>, numbers: [u64; N]) -> String {
    let fetch = told.arrived(0);
    assert!(fetch.starts_with("fetch"), "{fetch}");
    told.fetched(0, numbers, false)
}

/// The engine brings an answer to a client: a response of this number, or a fault.
fn brings(told: &mut Dialogue<Requester>, token: u64, number: u64, fault: bool) -> String {
    let exchange = Exchange::Response { token, fault };
    let message = OutboundMessage { exchange, ..told.desk.outbound(number, 0) };
    let call = told.desk.call();
    told.transmit(call, message)
}

/// The token of the last answer on the wire.
fn token(words: &str) -> u64 {
    words
        .rsplit('#')
        .next()
        .expect("a token")
        .split(';')
        .next()
        .expect("a token")
        .parse()
        .expect("it")
}

#[test]
fn a_place_is_free_again_with_the_first_answer() {
    // R-RR-04, R-RR-10: of several answers the first; each location has places of its own.
    let mut told = requester(RequestSettings { first_only: false, timeout: None, ..settings() });
    assert_eq!(told.arrived(0), "fetch 2 from 0 #0");
    assert_eq!(told.fetched(0, [1, 2], true), "done 1: request 1 #1, request 2 #2");
    assert_eq!(told.arrived(1), "fetch 2 from 1 #1");
    assert_eq!(told.fetched(1, [3], true), "done 2: submit 3");
    assert_eq!(told.done(2, OK), "fetch 1 from 1 #1", "there the other may go on");
    assert_eq!(told.done(1, OK), "", "both places are taken");
    assert_eq!(told.complete(1, [OK, OK]), "");
    let first = brings(&mut told, 1, 11, false);
    assert_eq!(
        first,
        format!("answer 1 with 11 #{}; Pending; fetch 1 from 0 #0", token_of(&first))
    );
    let second = brings(&mut told, 1, 12, false);
    assert_eq!(second, format!("answer 1 with 12 #{}; Pending", token_of(&second)));
    assert_ne!(token_of(&first), token_of(&second), "each has a wire call of its own");
    assert_eq!(told.wired(token_of(&second), WireResult::Sent), "done 5: delete");
    let not_sent = told.wired(token_of(&first), WireResult::Refused);
    assert_eq!(not_sent, "why; done 6: suspend", "kept for an operator");
}

/// The token of the answer that the words begin with.
fn token_of(words: &str) -> u64 {
    token(words.split(';').next().expect("an answer"))
}

#[test]
fn a_client_hears_a_fault_and_one_that_cannot_be_told_is_done_with() {
    // R-RR-07, R-RR-16.
    let mut told = requester(settings());
    ask(&mut told, [1, 2]);
    told.done(1, OK);
    told.complete(1, [OK, OK]);
    let words = brings(&mut told, 1, 11, true);
    assert!(words.starts_with("answer 1 with Failed"), "{words}");
    assert_eq!(told.wired(token_of(&words), WireResult::Refused), "done 3: delete");
    assert_eq!(brings(&mut told, 1, 12, false), "Sent", "nobody is there any more");
    // A blocking one holds the call until the client has it.
    let mut told = requester(RequestSettings { blocking: true, ..settings() });
    ask(&mut told, [1, 2]);
    told.done(1, OK);
    told.complete(1, [OK, OK]);
    for (client, fault, result, returned) in
        [(1, true, WireResult::Refused, "Sent"), (2, false, WireResult::Refused, "Failed")]
    {
        let words = brings(&mut told, client, 10 + client, fault);
        assert!(!words.contains("Pending"), "{words}");
        assert_eq!(told.wired(token_of(&words), result), returned);
    }
}

#[test]
fn what_is_no_answer_fails() {
    // R-RR-04: nothing else is this adapter's to send.
    let mut told = requester(settings());
    let message = OutboundMessage { exchange: Exchange::OneWay, ..told.desk.outbound(1, 0) };
    let call = told.desk.call();
    assert_eq!(told.transmit(call, message), "Failed");
}

#[test]
fn a_client_that_leaves_withdraws_its_wait_once_that_is_there() {
    // R-RR-11: not before its batch is complete; one that has its answer withdraws nothing.
    let leaving = RequestSettings { cancel_after: TEN, first_only: false, ..settings() };
    let mut told = requester(leaving);
    let words = ask(&mut told, [1, 2]);
    assert_eq!(words, "wake in 10 #1; wake in 10 #2; done 1: request 1 #1, request 2 #2");
    told.done(1, OK);
    assert_eq!(told.wake(1), "", "its batch is not complete");
    assert_eq!(told.complete(1, [OK, OK]), "done 2: cancel 1; fetch 1 from 0 #0");
    brings(&mut told, 2, 12, false);
    assert_eq!(told.wake(2), "", "it has its answer");
    assert_eq!(brings(&mut told, 2, 13, false), "Sent", "and is gone");
    // Without a wish to withdraw, the time-out of the exchange ends it.
    let patient = RequestSettings { timeout: TEN, first_only: false, ..settings() };
    let mut told = requester(patient);
    assert!(ask(&mut told, [1]).starts_with("wake in 10 #1; "));
    told.done(1, OK);
    told.complete(1, [OK]);
    assert_eq!(told.wake(1), "");
    assert_eq!(brings(&mut told, 1, 11, false), "Sent", "nobody is there");
}

#[test]
fn a_batch_that_fails_again_and_again_is_refused_at_last() {
    // R-FILT-03, R-RR-16: innocents are tried again, four times in all.
    let patient = RequestSettings { suspend_failed: true, concurrent: 9, ..settings() };
    let mut told = requester(patient);
    told.arrived(1);
    told.fetched(1, [1, 2], false);
    told.done(1, OK);
    assert_eq!(told.complete(1, [FAIL, OK]), "why 1; done 2: suspend 1, submit 2");
    let refused = |number| format!("answer {number} with Failed #{}", u64::MAX);
    assert_eq!(told.complete(2, [FAIL, OK]), format!("{}; done 3: submit 2", refused(1)));
    assert_eq!(told.complete(3, [FAIL]), "why 2; done 4: suspend 2");
    assert_eq!(told.complete(4, [FAIL]), refused(2), "the fourth was the last");
    told.arrived(1);
    told.fetched(1, [3], false);
    told.done(5, OK);
    for cookie in 5..8 {
        assert_eq!(told.blameless(cookie), format!("done {}: submit 3", cookie + 1));
    }
    assert_eq!(told.blameless(8), refused(3));
}

#[test]
fn after_the_one_answer_or_a_fault_nobody_waits() {
    // R-RR-07, R-RR-10: a second answer is sent to nobody.
    for (first_only, fault) in [(true, false), (true, true), (false, true), (false, false)] {
        let patient = RequestSettings { first_only, timeout: None, ..settings() };
        let mut told = requester(patient);
        ask(&mut told, [1]);
        told.done(1, OK);
        told.complete(1, [OK]);
        brings(&mut told, 1, 11, fault);
        let second = brings(&mut told, 1, 12, false);
        assert_eq!(second == "Sent", first_only || fault, "{second}");
    }
}

#[test]
fn who_is_not_let_in_is_told_so() {
    // R-RCV-06, R-RR-16: one way and two ways.
    let denied = Status::SECURITY_CHECK_FAILED;
    let told_so = |number| format!("answer {number} with Unauthorized #{}", u64::MAX);
    let accepted = |number| format!("answer {number} with Accepted #{}", u64::MAX);
    let mut told = requester(settings());
    let success = Status::MESSAGE_SUSPENDED;
    assert!(denied.is_success() && success.is_success(), "both were taken");
    ask(&mut told, [1, 2]);
    told.done(1, OK);
    assert_eq!(told.complete(1, [denied, OK]), format!("{}; fetch 1 from 0 #0", told_so(1)));
    told.arrived(1);
    told.fetched(1, [3, 4], false);
    told.done(2, OK);
    let words = told.complete(2, [denied, success]);
    let both = [told_so(3), accepted(4)];
    assert!(both.iter().all(|word| words.contains(word)), "{words}");
}

#[test]
fn in_terminate_clients_that_wait_are_refused_and_no_others() {
    // R-RR-15, R-SHUT-03: those that have their answer or left wait for nothing.
    let many = RequestSettings { concurrent: 9, timeout: TEN, first_only: false, ..settings() };
    let mut told = requester(many);
    ask(&mut told, [1, 2, 3]);
    told.done(1, OK);
    told.complete(1, [OK, OK, OK]);
    let answer = brings(&mut told, 1, 11, false);
    told.wired(token_of(&answer), WireResult::Sent);
    told.complete(3, [OK]);
    assert_eq!(told.wake(2), "");
    let refused = |number| format!("answer {number} with Failed #{}", u64::MAX);
    assert_eq!(told.terminate(), format!("{}; Terminated", refused(3)));
}

#[test]
fn whose_batch_is_under_way_in_terminate_is_refused_when_it_is_complete() {
    // R-RR-15, R-SHUT-02: and what comes while the location closes, at once.
    let mut told = requester(RequestSettings { concurrent: 9, ..settings() });
    ask(&mut told, [1, 2]);
    assert_eq!(told.terminate(), "");
    told.done(1, OK);
    let refused = |number| format!("answer {number} with Failed #{}", u64::MAX);
    let both = format!("{}; {}; Terminated", refused(1), refused(2));
    assert_eq!(told.complete(1, [OK, OK]), both);
    let mut told = requester(settings());
    told.arrived(0);
    told.desk.proxy.terminate(false);
    assert_eq!(told.fetched(0, [1, 2], true), format!("{}; {}", refused(1), refused(2)));
}

#[test]
fn another_listener_goes_to_the_door_while_one_is_in_done() {
    // R-HOST-03: 2 listeners for each CPU, if nobody says otherwise, and 256 clients.
    let one_each = RequestSettings { batch_messages: 1, ..RequestSettings::default() };
    let mut told = Dialogue::with(Requester::new(one_each));
    told.add(0);
    assert_eq!(told.arrived(0), "fetch 1 from 0 #0");
    assert_eq!(told.fetched(0, [1], true), "done 1: submit 1; fetch 1 from 0 #0");
    assert_eq!(told.fetched(0, [2], true), "done 2: submit 2", "both are in Done");
    assert_eq!(told.done(2, OK), "fetch 1 from 0 #0");
    assert_eq!((one_each.concurrent, one_each.threads_per_cpu), (256, 2));
    // On two CPUs there are four.
    let mut told = Dialogue::with(Requester::new(one_each).on(2));
    told.add(0);
    told.arrived(0);
    let fetches = (1..=4).map(|number| told.fetched(0, [number], true).contains("fetch"));
    assert_eq!(fetches.collect::<Vec<_>>(), [true, true, true, false]);
}
