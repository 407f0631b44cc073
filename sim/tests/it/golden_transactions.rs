//! The golden sequences of distributed transactions, each told in full and questioned.

use floodgate_engine::adapter::{
    Adapter, AdapterInput, AdapterOutput, CallId, ConfirmOf, Receiver, Returned,
    TransactionalReceiver, Transmission, WireRequest, WireResult,
};
use floodgate_engine::batch::{BatchStatus, OperationKind, Status};
use floodgate_engine::config::{
    OnPoison, TransactionBegins, TransactionalReceiveSettings, TransactionalSendSettings,
};
use floodgate_engine::id::{AdapterId, EndpointId, ReceiveLocationId, Slab, TransactionId};
use floodgate_engine::message::{Body, Context, Parts, WireMessage};
use floodgate_engine::time::{Duration, Instant};
use floodgate_engine::transport_proxy::TransportProxy;
use floodgate_sim::dist::Dist;
use floodgate_sim::load::ArrivalKind;
use floodgate_sim::outcome::{Outcome, TransactionCounts};
use floodgate_sim::setup::{Failure, Resolution, SinkSettings};
use floodgate_sim::world::World;
use insta::assert_snapshot;

use crate::fixture::{
    ASYNC, PUSH, Plant, Story, assert_all_kept, finish, finish_within, immediate, ms, sink,
};
use crate::transactional::{Doctored, SEND, mq, poisoned, receiving, remembering, sending, sql};

const IN_ADAPTER: AdapterId = AdapterId(0);
const OUT_ADAPTER: AdapterId = AdapterId(1);

/// Runs a world to its end; every check must be content.
fn finished(mut world: World) -> (Story, Outcome) {
    finish_within(&mut world, 20_000).expect("transactions come to an end");
    assert_eq!(
        world.checks().violations(),
        [],
        "a promise was broken in\n{}",
        Story::of(&world).text()
    );
    let story = Story::of(&world);
    let outcome = world.conclude();
    assert_all_kept(&outcome);
    (story, outcome)
}

/// So many messages, found at one look and published as one batch.
fn lot(plant: &mut Plant, count: usize) {
    plant.load(ArrivalKind::Replay(vec![ms(1); count]), Some(count as u64));
}

fn counts(committed: u64, aborted: u64) -> TransactionCounts {
    TransactionCounts { committed, aborted, ..TransactionCounts::default() }
}

// GS-09: transactional send.
#[test]
fn gs_09_one_of_two_fails() {
    // GS-09(a).
    // R-TXN-06, R-TXN-07, R-ADD-09, R-RETRY-07, R-RETRY-08, INV-37, INV-55.
    let mut plant = sending(SEND, SinkSettings { failure: Failure::Every(2), ..sink() });
    lot(&mut plant, 2);
    let mut world = plant.telling();
    world.run_until(Instant::ZERO + Duration::from_minutes(6));
    assert_eq!(world.checks().violations(), []);
    let story = Story::of(&world);
    let text = story.text();
    let (first, again) = text.split_once("TransmitMessage(m2) RetryCount 2").expect("a retry");
    assert!(again.contains("OUT1@H"), "m2 is redelivered with one retry less");
    assert_eq!(first.matches("TransmitMessage(m1)").count(), 1, "m1 is never redelivered");
    let tail = [
        &["T1 aborts"][..],
        &["Delete(m1) ; Done(T2)"],
        &["T2 commits"],
        &["MB   deletes m1"],
        &["W    m1 is visible at the partner of Out"],
        &["DTCCommitConfirm(T2, true)"],
    ];
    story.assert_order(&tail);
    assert_eq!(first.matches("wire ok").count(), 2, "m1 is written twice and kept once");
    // The retry of m2 is asked for outside of any transaction.
    let resubmit = first.lines().find(|line| line.contains("Resubmit(m2")).expect("a resubmit");
    assert!(resubmit.ends_with("; Done"), "{resubmit}");
    assert_snapshot!(first);
}

#[test]
fn gs_09_alt_the_partner_refuses_to_prepare() {
    // GS-09(b).
    // R-TXN-03: the confirm object hears the truth; R-TXN-07: the retry is asked for apart.
    let mut plant = sending(SEND, sink());
    lot(&mut plant, 1);
    plant.setup.coordination.refusals = Failure::First(1);
    let (story, outcome) = finished(plant.telling());
    story.assert_order(&[
        &["Delete(m1) ; Done(T1)"],
        &["T1 aborts"],
        &["DTCCommitConfirm(T1, false)"],
        &["Resubmit(m1"],
        &["TransmitMessage(m1) RetryCount 2"],
        &["T2 commits"],
        &["MB   deletes m1"],
        &["m1 is visible"],
        &["DTCCommitConfirm(T2, true)"],
    ]);
    assert_eq!(outcome.transactions, counts(1, 1));
    assert_snapshot!(story.text());
}

fn in_begin_batch() -> TransactionalSendSettings {
    TransactionalSendSettings { begins: TransactionBegins::InBeginBatch, ..SEND }
}

#[test]
fn gs_09_alt_the_transaction_comes_from_begin_batch() {
    // GS-09(c).
    // R-TXN-09: two confirm objects, one of the adapter batch and one of the engine batch.
    let mut plant = sending(in_begin_batch(), sink());
    lot(&mut plant, 2);
    let (story, outcome) = finished(plant.telling());
    story.assert_order(&[
        &["max=20, T1"],
        &["Delete(m1), Delete(m2) ; Done(T1)"],
        &["T1 commits"],
        &["MB   deletes m1"],
        &["MB   deletes m2"],
        &["the adapter batch: DTCCommitConfirm(T1, true)"],
        &["b1: DTCCommitConfirm(T1, true)"],
    ]);
    assert_eq!(outcome.transactions, counts(1, 0));
    assert_snapshot!(story.text());
}

#[test]
fn gs_09_alt_begin_batch_and_a_failure() {
    let mut plant =
        sending(in_begin_batch(), SinkSettings { failure: Failure::Every(2), ..sink() });
    lot(&mut plant, 2);
    plant.retry(0, Duration::from_minutes(5));
    let (story, outcome) = finished(plant.telling());
    story.assert_order(&[
        &["D    T1 aborts"],
        &["the adapter batch: DTCCommitConfirm(T1, false)"],
        &["Delete(m1) ; Done(T2)"],
        &["T2 commits"],
        &["DTCCommitConfirm(T2, true)"],
    ]);
    assert_eq!(outcome.meters.suspended, 1, "m2 has no retry and no backup");
    assert_eq!(outcome.meters.processed, 1);
}

/// Says `true` of every message of an adapter batch, which runs in a transaction of its own,
/// transmits it after `Done`, and ends the transaction as it is told.
#[derive(Clone, Debug)]
struct Eager {
    commits: bool,
    promised: Option<Transmission>,
    begun: Option<TransactionId>,
}

impl Adapter for Eager {
    fn handle_input(&mut self, now: Instant, input: AdapterInput, proxy: &mut TransportProxy) {
        match input {
            AdapterInput::BeginBatch { call, .. } => {
                let transaction = proxy.begin_transaction();
                proxy.returned(call, Returned::Begun { max: 20, transaction: Some(transaction) });
            }
            AdapterInput::TransmitMessage { call, message } => {
                self.promised = Some(Transmission::of(&message));
                proxy.returned(call, Returned::Sent);
            }
            AdapterInput::Done { call, confirm } => {
                let transaction = confirm.expect("BeginBatch returned a transaction");
                let promised = self.promised.take().expect("one message a batch");
                let attempt = Transmission { transaction: confirm, ..promised };
                proxy.wire(1, WireRequest::Transmit(attempt));
                self.begun = Some(transaction);
                proxy.returned(call, Returned::Done);
                proxy.wake(now + Duration::from_secs(1), 0);
            }
            AdapterInput::Wake { .. } => {
                let transaction = self.begun.take().expect("woken once a batch");
                if std::mem::replace(&mut self.commits, true) {
                    proxy.commit(transaction);
                } else {
                    proxy.abort(transaction);
                }
            }
            AdapterInput::TransactionDone { transaction, committed } => {
                proxy.confirm(ConfirmOf::Delivery(transaction), committed);
            }
            _ => {}
        }
    }
}

fn eager(commits: bool) -> (Story, World) {
    let mut plant = sending(SEND, sink());
    lot(&mut plant, 1);
    let mut world = plant.telling();
    world.replace_adapter(OUT_ADAPTER, &Eager { commits, promised: None, begun: None });
    finish(&mut world);
    (Story::of(&world), world)
}

#[test]
fn the_engines_own_part_runs_in_the_transaction_of_begin_batch() {
    // R-TXN-09: the delete that follows a `true` waits for the outcome.
    let (story, world) = eager(true);
    story.assert_order(&[&["-> true"], &["T1 commits"], &["MB   deletes m1"]]);
    assert_eq!(story.instants(&["MB   deletes m1"]), [ms(2000)]);
    assert_eq!(world.checks().violations(), []);
}

#[test]
fn after_an_abort_the_engines_own_part_takes_its_default_action() {
    // R-TXN-07, R-RETRY-05: nobody else is left to dispose of the message.
    let (story, world) = eager(false);
    story.assert_order(&[
        &["T1 aborts"],
        &["m1 of Out waits until", "RetryCount 2"],
        &["T2 commits"],
        &["MB   deletes m1"],
    ]);
    let after = world.message_box().reference_counts();
    assert_eq!(after.total(), 0);
}

#[test]
fn each_endpoint_of_an_adapter_batch_has_a_transaction_of_its_own() {
    // R-TXN-06, R-BSND-08: a failure at one partner does not roll back the other.
    let refusing = SinkSettings { failure: Failure::Always, ..sink() };
    let mut plant = sending(SEND, sink());
    plant.send_port("Other", "In", ASYNC, refusing).retry(0, Duration::from_minutes(5));
    plant.setup.topology.send_ports[1].primary.adapter = OUT_ADAPTER;
    lot(&mut plant, 1);
    let (story, outcome) = finished(plant.telling());
    story.assert_order(&[&["wire FAILS"], &["T2 aborts"]]);
    story.assert_order(&[&["T1 commits"], &["MB   deletes m1 of Out"]]);
    assert_eq!(outcome.transactions, counts(1, 1));
}

// GS-14: transactional receive.
#[test]
fn gs_14_a_poison_message_is_suspended_under_the_same_transaction() {
    // GS-14.
    // R-TXN-05, R-TXN-12 a, R-TXN-14, R-CLK-14: the report of the failed routing survives.
    let mut plant = receiving(sql());
    lot(&mut plant, 1);
    let (story, outcome) = finished(plant.telling());
    story.assert_order(&[
        &["b1: Submit(m1) ; Done(T1)"],
        &["routing failure report for m1"],
        &["b1: BatchComplete(E_FAIL, 1, [{Submit,NOSUB,1,[NOSUB]}])"],
        &["b2: MoveToSuspendQ(m1) ; Done(T1)"],
        &["b2: BatchComplete(S_OK"],
        &["T1 commits"],
        &["MB   suspends m1, resumable, Adapter"],
        &["b1: DTCCommitConfirm(T1, true)"],
        &["b2: DTCCommitConfirm(T1, true)"],
    ]);
    assert_eq!((outcome.meters.suspended, outcome.transactions), (1, counts(1, 0)));
    assert_snapshot!(story.text());
}

#[test]
fn gs_14_non_resumable_if_the_adapter_is_set_so() {
    // R-ORD-17.
    let on_poison = OnPoison::SuspendInTransaction { resumable: false };
    let mut plant = receiving(TransactionalReceiveSettings { on_poison, ..sql() });
    lot(&mut plant, 1);
    let (story, _) = finished(plant.telling());
    assert_eq!(story.count(&["MB   suspends m1, non-resumable, Adapter"]), 1);
}

#[test]
fn a_full_batch_falls_back_to_single_messages_and_returns() {
    // R-TXN-18: all of the three come one by one, and the next lot is read whole again.
    let mut plant = receiving(mq());
    plant.send_port("Out", "In", ASYNC, sink());
    let later = Instant::ZERO + Duration::from_minutes(2);
    let arrivals = [ms(1), ms(1), ms(1), later, later, later];
    plant.load(ArrivalKind::Replay(arrivals.to_vec()), Some(6));
    poisoned(&mut plant, 2);
    plant.setup.loads[0].poison.as_mut().unwrap().every = 2;
    let (story, outcome) = finished(plant.telling());
    story.assert_order(&[
        &["Submit(m1), Submit(m2), Submit(m3) ; Done(T1)"],
        &["D    T1 aborts"],
        &["W    In.source has m1, m2, m3 again"],
        &["Submit(m1) ; Done(T2)"],
        &["MoveToSuspendQ(m2) ; Done(T3)"],
        &["Submit(m3) ; Done(T4)"],
        &["Submit(m4), Submit(m5), Submit(m6) ; Done"],
    ]);
    assert_eq!((outcome.meters.processed, outcome.meters.suspended), (3, 3));
    assert_snapshot!(story.text());
}

#[test]
fn a_remembered_message_is_suspended_in_the_first_batch_of_the_next_transaction() {
    // R-TXN-12 b.
    let mut plant = receiving(remembering(Duration::from_minutes(1)));
    plant.send_port("Out", "In", ASYNC, sink());
    lot(&mut plant, 3);
    poisoned(&mut plant, 2);
    let (story, outcome) = finished(plant.telling());
    story.assert_order(&[
        &["Submit(m1), Submit(m2), Submit(m3) ; Done(T1)"],
        &["D    T1 aborts"],
        &["b1: DTCCommitConfirm(T1, false)"],
        &["Submit(m1), MoveToSuspendQ(m2), Submit(m3) ; Done(T2)"],
        &["D    T2 commits"],
        &["b2: DTCCommitConfirm(T2, true)"],
    ]);
    assert_eq!((outcome.meters.processed, outcome.meters.suspended), (2, 1));
    assert_snapshot!(story.text());
}

#[test]
fn what_was_remembered_is_forgotten_in_time() {
    // R-TXN-13: the commit fails for longer than the id is remembered, so it has to fail again.
    let settings = TransactionalReceiveSettings {
        pause: Duration::from_secs(10),
        ..remembering(Duration::from_secs(5))
    };
    let mut plant = receiving(settings);
    plant.send_port("Out", "In", ASYNC, sink());
    lot(&mut plant, 1);
    poisoned(&mut plant, 1);
    plant.setup.coordination.refusals = Failure::First(1);
    let (story, _) = finished(plant.telling());
    // T1 fails, T2 suspends and is refused, T3 no longer knows and fails, T4 suspends.
    let submits = story.instants(&["Submit(m1) ; Done"]);
    assert_eq!(submits.len(), 2);
    assert!(submits[1].since(submits[0]) >= Duration::from_secs(10));
    assert_eq!(story.count(&["MoveToSuspendQ(m1) ; Done"]), 2);
    assert_eq!(story.count(&["MB   suspends m1"]), 1);
}

#[test]
fn stop_on_failure_closes_the_location_and_keeps_the_message() {
    // R-ORD-17: neither suspended nor lost, and nothing overtakes it.
    let settings = TransactionalReceiveSettings { on_poison: OnPoison::Stop, ..sql() };
    let mut plant = receiving(settings);
    plant.send_port("Out", "In", ASYNC, sink());
    lot(&mut plant, 3);
    poisoned(&mut plant, 2);
    let (story, outcome) = finished(plant.telling());
    story.assert_order(&[
        &["b2: Submit(m2) ; Done(T2)"],
        &["D    T2 aborts"],
        &["W    In.source has m2 again"],
    ]);
    assert_eq!(story.count(&["Submit(m3)"]), 0, "nothing overtakes the failed message");
    assert_eq!((outcome.meters.processed, outcome.meters.suspended), (1, 0));
    assert_eq!(outcome.unfinished, 2);
}

#[test]
fn nothing_of_an_open_transaction_is_seen() {
    // R-TXN-02, INV-10: the votes take five seconds, and only then there is something to send.
    let mut plant = receiving(mq());
    plant.send_port("Out", "In", ASYNC, sink());
    plant.setup.coordination.prepare = Duration::from_secs(4);
    plant.setup.coordination.commit = Duration::from_secs(1);
    lot(&mut plant, 2);
    let (story, outcome) = finished(plant.telling());
    assert_eq!(story.instants(&["IN@H b1: BatchComplete(S_OK"]), [ms(1)]);
    assert_eq!(story.instants(&["D    T1 is prepared"]), [ms(4001)]);
    assert_eq!(story.instants(&["MB   publishes m1"]), [ms(5001)]);
    assert_eq!(story.instants(&["MB   locks m1"]), [ms(5001)]);
    assert_eq!(outcome.meters.processed, 2);
}

// R-CLK-13: the states of a transaction.

fn in_doubt(ends: Resolution) -> (Story, Outcome) {
    let mut plant = sending(SEND, sink());
    lot(&mut plant, 1);
    plant.retry(0, Duration::from_minutes(5));
    plant.setup.coordination.doubts = Failure::Always;
    plant.setup.coordination.doubt_lasts = Duration::from_minutes(90);
    plant.setup.coordination.doubt_ends = ends;
    finished(plant.telling())
}

#[test]
fn doubt_outlasts_the_time_out_and_ends_as_it_is_set() {
    // R-CLK-13: who has promised waits; the message stays locked until the outcome.
    let (story, outcome) = in_doubt(Resolution::Commit);
    let over = ms(1000) + Duration::from_minutes(90);
    story.assert_order(&[&["T1 is in doubt"], &["T1 commits"], &["MB   deletes m1"]]);
    assert_eq!(story.instants(&["MB   deletes m1"]), [over]);
    assert_eq!((outcome.transactions.in_doubt, outcome.meters.processed), (1, 1));
    let (story, outcome) = in_doubt(Resolution::Abort);
    story.assert_order(&[&["T1 is in doubt"], &["T1 aborts"], &["MoveToSuspendQ(m1) ; Done"]]);
    assert_eq!((outcome.meters.suspended, outcome.meters.processed), (1, 0));
}

#[test]
fn a_transaction_of_an_hour_is_aborted() {
    // R-CLK-13, R-LMS-02: the partner needs seventy minutes.
    let wire = Dist::Constant(Duration::from_minutes(70));
    let mut plant = sending(SEND, SinkSettings { wire, ..sink() });
    lot(&mut plant, 1);
    plant.retry(0, Duration::from_minutes(5));
    let (story, outcome) = finished(plant.telling());
    assert_eq!(story.instants(&["T1 aborts"]), [ms(1000) + Duration::from_minutes(60)]);
    story.assert_order(&[&["T1 aborts"], &["wire FAILS"], &["MoveToSuspendQ(m1) ; Done"]]);
    assert_eq!((outcome.transactions, outcome.meters.suspended), (counts(0, 1), 1));
}

// R-TXN-03: confirm objects.

fn confirming(says: fn(bool) -> Vec<bool>) -> (Outcome, Vec<&'static str>) {
    let mut plant = sending(SEND, sink());
    lot(&mut plant, 1);
    let mut world = plant.telling();
    world.replace_adapter(OUT_ADAPTER, &Doctored::new(says));
    finish_within(&mut world, 20_000).expect("transactions come to an end");
    let outcome = world.conclude();
    let broken = outcome.violations.iter().map(|violation| violation.rule.id()).collect();
    (outcome, broken)
}

#[test]
fn every_confirm_object_is_called_once_with_the_truth() {
    // INV-52.
    assert_eq!(confirming(|committed| vec![committed]).1, [""; 0]);
    assert_eq!(confirming(|committed| vec![!committed]).1, ["INV-52"], "a lie");
    assert_eq!(confirming(|committed| vec![committed; 2]).1, ["INV-52"], "twice");
}

/// Confirms every batch of its own when it is complete, whether it was posted in a transaction or
/// not.
#[derive(Clone, Debug)]
struct ConfirmsAll(Receiver);

impl Adapter for ConfirmsAll {
    fn handle_input(&mut self, now: Instant, input: AdapterInput, proxy: &mut TransportProxy) {
        if let AdapterInput::BatchComplete(status) = &input {
            proxy.confirm(ConfirmOf::Batch(status.cookie), true);
        }
        self.0.handle_input(now, input, proxy);
    }
}

#[test]
fn only_done_under_a_transaction_brings_a_confirm_object() {
    // R-DONE-02: the same call is taken where the batch had a transaction, above, and is about
    // nothing where it had none.
    let mut plant = Plant::new(immediate(), PUSH);
    plant.send_port("Out", "In", ASYNC, sink()).all_at_once(1);
    for (confirms, broken) in [(false, &[][..]), (true, &["INV-52"][..])] {
        let mut world = plant.telling();
        if confirms {
            world.replace_adapter(IN_ADAPTER, &ConfirmsAll(Receiver::new(PUSH)));
        }
        finish_within(&mut world, 20_000).expect("it comes to an end");
        let outcome = world.conclude();
        let found: Vec<_> = outcome.violations.iter().map(|own| own.rule.id()).collect();
        assert_eq!(found, broken);
    }
    assert_eq!(confirming(|committed| vec![committed]).1, [""; 0], "in a transaction there is one");
}

#[test]
fn a_forgotten_confirm_is_a_leak_when_the_time_is_up() {
    // R-CLK-18: counted and judged, and what was committed stays committed.
    let (outcome, broken) = confirming(|_| Vec::new());
    assert_eq!(broken, ["INV-52"]);
    assert_eq!(outcome.transactions.leaked_confirms, 1);
    assert_eq!(outcome.violations[0].at, ms(1000) + Duration::from_minutes(60));
    assert_eq!(outcome.meters.processed, 1);
}

#[test]
fn a_request_response_location_is_refused() {
    // R-TXN-10: the refusal alone; who takes it is told in golden_transacted_requests.rs.
    let (mut receiver, mut proxy) = (TransactionalReceiver::new(mq()), TransportProxy::default());
    let (location, endpoint) = (ReceiveLocationId(0), EndpointId(0));
    let two_way = AdapterInput::AddReceiveEndpoint { location, endpoint, two_way: true };
    receiver.handle_input(Instant::ZERO, two_way, &mut proxy);
    let refused = |output| matches!(output, AdapterOutput::ReceiverShuttingDown { .. });
    assert!(proxy.poll_output().is_some_and(refused));
    assert!(proxy.poll_output().is_none(), "it watches nothing");
}

/// Drives a bare receiver that reads m1: every batch of kind `fails` fails. Tells what it does.
fn bare_receiver(fails: fn(OperationKind) -> bool, stops: bool) -> Vec<String> {
    let (mut receiver, mut proxy) = (TransactionalReceiver::new(sql()), TransportProxy::default());
    let (location, endpoint) = (ReceiveLocationId(0), EndpointId(0));
    let open = AdapterInput::AddReceiveEndpoint { location, endpoint, two_way: false };
    let mut inputs = vec![open, AdapterInput::Arrived { location }];
    let mut told = Vec::new();
    while !inputs.is_empty() {
        receiver.handle_input(Instant::ZERO, inputs.remove(0), &mut proxy);
        while let Some(output) = proxy.poll_output() {
            match output {
                AdapterOutput::Wire { token, .. } if told.is_empty() => {
                    if stops {
                        proxy.shut_down();
                    }
                    let result = WireResult::Fetched { messages: vec![one()], more: false };
                    inputs.push(AdapterInput::WireDone { token, result });
                }
                AdapterOutput::Done { batch, transaction } => {
                    let within = transaction.expect("all it posts is in a transaction");
                    let kind = batch.operations()[0].kind();
                    told.push(format!("{kind:?} in {within}"));
                    let status = if fails(kind) { Status::FAIL } else { Status::OK };
                    let complete = BatchStatus::assemble(batch.cookie(), [(kind, status)]);
                    inputs.push(AdapterInput::BatchComplete(complete));
                }
                AdapterOutput::Commit { transaction } => {
                    told.push(format!("commit {transaction}"));
                    inputs.push(AdapterInput::TransactionDone { transaction, committed: true });
                }
                AdapterOutput::Abort { transaction } => {
                    told.push(format!("abort {transaction}"));
                    inputs.push(AdapterInput::TransactionDone { transaction, committed: false });
                }
                AdapterOutput::Confirm { committed, .. } => {
                    told.push(format!("confirm {committed}"));
                }
                _ => {}
            }
        }
    }
    told
}

/// A message as a source hands it out.
fn one() -> WireMessage {
    let parts = Parts::of(Body::Described { bytes: 1, documents: 1 });
    WireMessage {
        number: 1,
        lineage: 1,
        arrived: Instant::ZERO,
        context: Context::default(),
        parts,
        defect: None,
        seekable: true,
    }
}

#[test]
fn if_suspending_fails_too_the_adapter_aborts() {
    // GS-14, R-TXN-15: anything else would lose the message or keep it twice.
    let submits = |kind| kind == OperationKind::Submit;
    let suspended = ["Submit in T1", "MoveToSuspendQueue in T1", "commit T1"];
    assert_eq!(bare_receiver(submits, false)[..3], suspended);
    let aborted = ["Submit in T1", "MoveToSuspendQueue in T1", "abort T1"];
    let told = bare_receiver(|_| true, false);
    assert_eq!(told[..3], aborted);
    assert_eq!(told[3..], ["confirm false", "confirm false"]);
}

#[test]
fn while_the_engine_stops_the_adapter_aborts_and_stops() {
    // R-TXN-16: no batch was posted, so there is no confirm object.
    assert_eq!(bare_receiver(|_| false, true), ["abort T1"]);
}

#[test]
fn terminate_waits_for_a_batch_whose_transaction_is_over_before_it() {
    // INV-57, R-SHUT-01: the coordinator's time is up while the batch waits for a thread.
    let (mut receiver, mut proxy) = (TransactionalReceiver::new(sql()), TransportProxy::default());
    let (location, endpoint) = (ReceiveLocationId(0), EndpointId(0));
    let fetched = WireResult::Fetched { messages: vec![one()], more: false };
    for input in [
        AdapterInput::AddReceiveEndpoint { location, endpoint, two_way: false },
        AdapterInput::Arrived { location },
        AdapterInput::WireDone { token: 0, result: fetched },
    ] {
        receiver.handle_input(Instant::ZERO, input, &mut proxy);
    }
    let (mut posted, mut within) = (None, None);
    while let Some(output) = proxy.poll_output() {
        if let AdapterOutput::Done { batch, transaction } = output {
            (posted, within) = (Some(batch.cookie()), transaction);
        }
    }
    let (cookie, transaction) = posted.zip(within).expect("it submits in a transaction");
    let call = CallId(Slab::default().insert(()));
    let status = Status::TRANSACTION_ABORTED;
    let complete = BatchStatus::assemble(cookie, [(OperationKind::Submit, status)]);
    let mut returns = |input| {
        receiver.handle_input(Instant::ZERO, input, &mut proxy);
        std::iter::from_fn(|| proxy.poll_output()).any(|output| {
            matches!(output, AdapterOutput::Returned { returned: Returned::Terminated, .. })
        })
    };
    assert!(!returns(AdapterInput::Terminate { call }));
    assert!(!returns(AdapterInput::TransactionDone { transaction, committed: false }));
    assert!(returns(AdapterInput::BatchComplete(complete)));
}
