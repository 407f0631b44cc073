//! Requests that are submitted in a transaction, and answered outside of it (R-TXN-10).
//!
//! The adapters of the house refuse such a location; this one, made for the purpose, takes it.

use floodgate_engine::adapter::{
    Adapter, AdapterInput, Answer, AsyncAdapter, CallId, ConfirmOf, Returned, Transmission,
    Transport, WireRequest, WireResult,
};
use floodgate_engine::batch::Operation;
use floodgate_engine::config::RequestSettings;
use floodgate_engine::id::{AdapterId, EndpointId, ReceiveLocationId, TransactionId};
use floodgate_engine::message::{PropertyId, Value};
use floodgate_engine::message_box::{Exchange, OutboundMessage};
use floodgate_engine::time::{Duration, Instant};
use floodgate_sim::outcome::Outcome;
use floodgate_sim::setup::ResponseOrder;
use insta::assert_snapshot;

use crate::fixture::{Plant, Story, assert_all_kept, finish_within, ms};
use crate::golden_two_way::{desk, replying};

/// A second passes between `BatchComplete` of a request and the end of its transaction.
const THINKS: Duration = Duration::from_secs(1);

/// How the requester behaves.
#[derive(Clone, Copy, Debug, Default)]
struct Habits {
    /// So many transactions are aborted before one is committed.
    aborts: u64,
    /// It reads nothing after an abort.
    gives_up: bool,
    /// Its requests come straight back (R-RR-14).
    loops_back: bool,
    /// Responses are deleted in a transaction of their own.
    answers_in_transaction: bool,
}

/// Reads each request in a transaction of its own.
fn requester(habits: Habits) -> impl Adapter + Clone {
    AsyncAdapter::new(move |transport| listen(transport, habits))
}

async fn listen(transport: Transport, habits: Habits) {
    let (mut at, mut begun) = (None, 0);
    loop {
        match transport.next_input().await {
            AdapterInput::AddReceiveEndpoint { location, endpoint, two_way } => {
                assert!(two_way, "requests come in here");
                at = Some((location, endpoint));
                transport.watch(location);
            }
            AdapterInput::Arrived { .. } => {
                let at = at.expect("a location was opened before something arrives");
                if begun == 0 || !habits.gives_up {
                    begun += 1;
                    let commits = begun > habits.aborts;
                    transport.spawn(ask(transport.clone(), at, commits, habits));
                }
            }
            AdapterInput::TransmitMessage { call, message } => {
                let (_, endpoint) = at.expect("who is answered has asked");
                let told = tell(transport.clone(), endpoint, (call, *message), habits);
                transport.spawn(told);
            }
            AdapterInput::Terminate { call } => transport.terminate(call),
            _ => {}
        }
    }
}

/// One request: read, submitted and confirmed in one transaction.
async fn ask(
    transport: Transport,
    (location, endpoint): (ReceiveLocationId, EndpointId),
    commits: bool,
    habits: Habits,
) {
    let transaction = transport.begin_transaction();
    let (messages, bytes) = (1, u64::MAX);
    let transacted = Some(transaction);
    let fetch = WireRequest::Fetch { endpoint, location, messages, bytes, transaction: transacted };
    let WireResult::Fetched { messages, .. } = transport.wire(fetch).await else { return };
    let Some(mut request) = messages.into_iter().next() else { return };
    if habits.loops_back {
        request.context.write(PropertyId::LOOPBACK, Some(Value::Bool(true)));
    }
    let Ok(mut batch) = transport.batch() else { return };
    let (token, cookie) = (request.number, batch.cookie());
    batch.add(Operation::SubmitRequest { request, token, first_only: true, expires: None });
    let status = batch.done_in(transaction).await.expect("Done takes it");
    assert!(status.overall.is_success(), "{status}");
    transport.sleep(THINKS).await;
    if !commits {
        transport.watch(location);
    }
    end(&transport, transaction, cookie, commits).await;
}

async fn end(transport: &Transport, transaction: TransactionId, cookie: u64, commits: bool) {
    let committed = if commits {
        transport.commit(transaction).await
    } else {
        transport.abort(transaction);
        false
    };
    transport.confirm(ConfirmOf::Batch(cookie), committed);
}

/// One response: told to its client, then deleted.
async fn tell(
    transport: Transport,
    endpoint: EndpointId,
    (call, message): (CallId, OutboundMessage),
    habits: Habits,
) {
    transport.returned(call, Returned::Pending);
    let Exchange::Response { token, fault } = message.exchange else { return };
    let answer = if fault { Answer::Failed } else { Answer::Response(Transmission::of(&message)) };
    transport.wire(WireRequest::Respond { endpoint, request: token, answer }).await;
    let Ok(mut batch) = transport.batch() else { return };
    batch.add(Operation::Delete(message.reference));
    let cookie = batch.cookie();
    if habits.answers_in_transaction {
        let transaction = transport.begin_transaction();
        assert!(batch.done_in(transaction).await.is_ok());
        end(&transport, transaction, cookie, true).await;
    } else {
        assert!(batch.done().await.is_ok());
    }
}

/// A client asks at 1 ms, and the partner replies so long after it was asked.
fn plant(after: Duration) -> Plant {
    desk(RequestSettings::default(), replying(after))
}

fn told(plant: &Plant, habits: Habits) -> (Story, Outcome) {
    let mut world = plant.telling();
    world.replace_adapter(AdapterId(0), &requester(habits));
    finish_within(&mut world, 20_000).expect("exchanges come to an end");
    let story = Story::of(&world);
    let broken = world.checks().violations();
    assert_eq!(broken, [], "a promise was broken in\n{}", story.text());
    assert_eq!(world.message_box().open_waits_count(), 0);
    let outcome = world.conclude();
    assert_all_kept(&outcome);
    (story, outcome)
}

/// When everything is committed: a second after the client asked.
fn committed() -> Instant {
    ms(1) + THINKS
}

#[test]
fn a_request_is_submitted_in_a_transaction_and_its_response_comes_outside() {
    // R-TXN-10, R-RR-05, R-TXN-02: nobody sees the request before the commit, so nobody answers;
    // the response is deleted without a transaction.
    let (story, outcome) = told(&plant(Duration::ZERO), Habits::default());
    story.assert_order(&[
        &["SubmitRequest(m1) ; Done(T1)"],
        &["BatchComplete(S_OK, 1, [{SubmitRequest,S_OK,1,[S_OK]}])"],
        &["T1 commits"],
        &["m1 waits for its response"],
        &["publishes m1"],
        &["DTCCommitConfirm(T1, true)"],
        &["IN@H TransmitMessage(m2)"],
        &["answers the client of m1: 200 with m2"],
        &["Delete(m2) ; Done"],
    ]);
    let visible = story.instants(&["publishes m1"]);
    assert_eq!((visible, story.instants(&["m1 waits"])), (vec![committed()], vec![committed()]));
    assert_eq!(story.count(&["Delete(m2) ; Done("]), 0, "in no transaction");
    assert_eq!((outcome.meters.answers.responses, outcome.transactions.committed), (1, 1));
    assert_snapshot!(story.text());
}

#[test]
fn the_response_may_have_a_transaction_of_its_own() {
    // R-TXN-10: another one, after the first has committed.
    let habits = Habits { answers_in_transaction: true, ..Habits::default() };
    let (story, outcome) = told(&plant(Duration::ZERO), habits);
    story.assert_order(&[
        &["T1 commits"],
        &["answers the client of m1: 200 with m2"],
        &["Delete(m2) ; Done(T2)"],
        &["T2 commits"],
        &["deletes m2 of In"],
    ]);
    assert_eq!(outcome.transactions.committed, 2);
}

#[test]
fn after_an_abort_nobody_waits_and_the_request_is_its_client_s_again() {
    // R-TXN-10, INV-55, INV-26: the exchange of the first attempt never was.
    let habits = Habits { aborts: 1, ..Habits::default() };
    let (story, outcome) = told(&plant(Duration::ZERO), habits);
    story.assert_order(&[
        &["SubmitRequest(m1) ; Done(T1)"],
        &["T1 aborts"],
        &["has m1 again"],
        &["SubmitRequest(m1) ; Done(T2)"],
        &["T2 commits"],
        &["answers the client of m1: 200 with m2"],
    ]);
    assert_eq!(story.instants(&["m1 waits"]), [committed() + THINKS]);
    assert_eq!((outcome.meters.answers.responses, outcome.meters.answers.faults), (1, 0));
}

#[test]
fn no_time_runs_for_a_request_that_was_aborted() {
    // R-TXN-10, R-RR-07: after twenty minutes there is no fault for what was never asked.
    let habits = Habits { aborts: 1, gives_up: true, ..Habits::default() };
    let (story, outcome) = told(&plant(Duration::ZERO), habits);
    assert_eq!(story.count(&["TransmitMessage"]), 0);
    assert_eq!(outcome.ended, committed(), "nothing is left to wait for");
}

#[test]
fn the_time_of_a_request_runs_from_its_commit() {
    // R-RR-02, R-CLK-13: not from when it was staged.
    let (story, _) = told(&plant(Duration::from_minutes(30)), Habits::default());
    let due = committed() + Duration::from_minutes(20);
    assert_eq!(story.instants(&["ends with a fault"]), [due]);
    assert_eq!(story.instants(&["answers the client of m1: 500"]), [due]);
}

#[test]
fn a_loop_back_request_is_answered_when_it_is_committed() {
    // R-RR-14, R-TXN-10: it is judged with the wait that its commit will open.
    let mut plant = plant(Duration::ZERO);
    plant.setup.topology.send_ports.clear();
    let habits = Habits { loops_back: true, ..Habits::default() };
    let (story, outcome) = told(&plant, habits);
    assert_eq!(story.instants(&["answers the client of m1: 200 with m1"]), [committed()]);
    assert_eq!(outcome.meters.answers.responses, 1);
}

#[test]
fn batch_complete_does_not_wait_for_a_response_that_waits_for_it() {
    // R-CLK-04, R-RR-05: whatever the schedule, no response overtakes the callback of a batch
    // whose adapter commits after it.
    let mut plant = plant(Duration::ZERO);
    for order in [ResponseOrder::BeforeComplete, ResponseOrder::BeforeReturn] {
        plant.setup.responses = order;
        let (_, outcome) = told(&plant, Habits::default());
        assert_eq!(outcome.meters.answers.responses, 1, "{order:?}");
    }
}
