//! What the sources leave open about routing failures and sending, each explored on both sides.
//!
//! `engine/choices.tsv` names these tests.

use floodgate_engine::adapter::{Adapter, AdapterInput, Receiver, WireResult};
use floodgate_engine::config::{
    AdapterKind, BatchDone, Choices, DoubleSubmit, EmptyMaximum, OnFailure, OrderedBackup,
    PromotedLength, RequestSettings, RoutingReports, SendSettings, SendTransactions,
    TransactionBegins, TransactionalSendSettings, UnroutedResume, UnroutedSuspension,
};
use floodgate_engine::id::{AdapterId, SendPortId};
use floodgate_engine::message::{PropertyId, Value, WireMessage};
use floodgate_engine::pipeline::{Act, Component, Custom, SendPipeline, When};
use floodgate_engine::retry::RetryPolicy;
use floodgate_engine::subscription::{Condition, Filter};
use floodgate_engine::time::{Duration, Instant};
use floodgate_engine::transport_proxy::TransportProxy;
use floodgate_sim::dist::Dist;
use floodgate_sim::load::ArrivalKind;
use floodgate_sim::outcome::Outcome;
use floodgate_sim::setup::{Fault, SinkSettings};
use floodgate_sim::world::World;

use crate::fixture::{
    ASYNC, BATCHED, BLOCKING_BATCHED, FOLDER, PUSH, Plant, Story, assert_all_kept, finish_within,
    immediate, ms, sink,
};
use crate::golden_receive::{recovering, resume_messages};
use crate::golden_two_way::{desk, replying};
use crate::transactional::{SEND, mq, receiving, sending};

/// Runs a world to its end; every check must be content.
fn finished(mut world: World) -> (World, Story) {
    finish_within(&mut world, 20_000).expect("it comes to an end");
    let story = Story::of(&world);
    let broken = world.checks().violations();
    assert_eq!(broken, [], "a promise was broken in\n{}", story.text());
    assert_all_kept(&world.clone().conclude());
    (world, story)
}

fn told(plant: &Plant) -> (World, Outcome, Story) {
    let (world, story) = finished(plant.telling());
    let outcome = world.clone().conclude();
    (world, outcome, story)
}

/// m2 of three messages goes where nobody subscribes.
#[derive(Clone, Debug)]
struct Strays(Receiver);

impl Adapter for Strays {
    fn handle_input(&mut self, now: Instant, mut input: AdapterInput, proxy: &mut TransportProxy) {
        if let AdapterInput::WireDone { result: WireResult::Fetched { messages, .. }, .. } =
            &mut input
        {
            for message in messages.iter_mut().filter(|message| message.number == 2) {
                astray(message);
            }
        }
        self.0.handle_input(now, input, proxy);
    }
}

fn astray(message: &mut WireMessage) {
    let elsewhere = Some(Value::text("Elsewhere"));
    message.context.promote(PropertyId::RECEIVE_PORT_NAME, elsewhere).expect("it is short");
}

/// m1, m2 and m3 in one batch, m2 astray.
fn one_of_three_astray(choices: Choices) -> (World, Story) {
    let mut plant = Plant::new(immediate(), FOLDER);
    plant.send_port("Out", "In", ASYNC, sink()).load(ArrivalKind::Replay(vec![ms(1); 3]), Some(3));
    plant.setup.topology.choices = choices;
    let mut world = plant.telling();
    world.replace_adapter(AdapterId(0), &Strays(Receiver::new(FOLDER)));
    finished(world)
}

const BY_ENGINE: UnroutedSuspension = UnroutedSuspension::Engine;

fn engine_suspends() -> Choices {
    Choices { unrouted_suspension: BY_ENGINE, ..Choices::default() }
}

#[test]
fn who_suspends_what_nobody_subscribes_to_is_the_adapter_or_the_engine() {
    // X-13, R-ROUTE-01, R-RCV-10: by default the adapter is told so, and does it in a second batch.
    let (world, story) = one_of_three_astray(Choices::default());
    story.assert_order(&[
        &["BatchComplete(E_FAIL, 1, [{Submit,NOSUB,3,[S_OK,NOSUB,S_OK]}])"],
        &["Submit(m1), MoveToSuspendQ(m2), Submit(m3)"],
        &["suspends m2, resumable, Adapter"],
        &["removes the source of m1, m2, m3"],
    ]);
    assert_eq!(world.message_box().suspended().len(), 1);
    // Else the batch succeeds, the engine owns the message, and its report is there all the same.
    let (world, story) = one_of_three_astray(engine_suspends());
    story.assert_order(&[
        &["routing failure report for m2"],
        &["suspends m2, resumable, Routing"],
        &["BatchComplete(SUSP, 1, [{Submit,SUSP,3,[S_OK,SUSP,S_OK]}])"],
        &["removes the source of m1, m2, m3"],
    ]);
    assert_eq!(story.count(&["MoveToSuspendQ"]), 0, "the adapter suspends nothing");
    let suspended = world.message_box().suspended();
    assert_eq!((suspended.len(), suspended.reports.len(), world.meters().processed), (1, 1, 2));
}

#[test]
fn a_request_that_the_engine_suspends_is_answered_by_a_fault() {
    // X-13, R-RR-08, R-RR-09, INV-49, INV-62: who waits hears of it, and nothing is resumable.
    for (choices, line, faults) in [
        (Choices::default(), "BatchComplete(E_FAIL, 1, [{SubmitRequest,NOSUB", 0),
        (engine_suspends(), "suspends m1, non-resumable, Routing", 1),
    ] {
        let mut plant = desk(RequestSettings::default(), replying(Duration::ZERO));
        plant.setup.topology.send_ports[0].filter = None;
        plant.setup.topology.choices = choices;
        let (world, outcome, story) = told(&plant);
        assert_eq!(story.count(&[line]), 1, "{}", story.text());
        assert_eq!(story.count(&["answers the client of m1: 500"]), 1);
        assert_eq!((outcome.meters.answers.faults, outcome.meters.answers.failed), (faults, 1));
        assert_eq!(world.message_box().open_waits_count(), 0);
    }
}

#[test]
fn a_reply_that_the_engine_suspends_is_not_resumable_and_a_late_one_has_a_choice_of_its_own() {
    // X-13, R-CLK-16, INV-62: a reply to a one-way message that nobody wants, inside a transaction
    // or not; then one that comes when its client has had a fault.
    for transactional in [false, true] {
        let mut plant = Plant::new(immediate(), PUSH);
        plant.send_port("Ask", "In", BATCHED, replying(Duration::ZERO)).all_at_once(1);
        let topology = &mut plant.setup.topology;
        if transactional {
            topology.adapters[1].kind = AdapterKind::TransactionalSend(SEND);
        }
        topology.send_ports[0].two_way = true;
        topology.choices = engine_suspends();
        let (_, _, story) = told(&plant);
        assert_eq!(story.count(&["suspends m2, non-resumable, Routing"]), 1, "{}", story.text());
        assert_eq!(story.count(&["T1 commits"]), usize::from(transactional), "{}", story.text());
    }
    let mut plant = desk(RequestSettings::default(), replying(Duration::from_minutes(21)));
    plant.setup.topology.choices = engine_suspends();
    let (_, _, story) = told(&plant);
    assert_eq!(story.count(&["suspends m2, non-resumable, Adapter"]), 1, "{}", story.text());
}

#[test]
fn a_routing_failure_report_is_written_at_once_or_goes_with_its_batch() {
    // R-CLK-14, R-ROUTE-04, INV-22: the batch is rolled back either way.
    let with_batch = RoutingReports::WithBatch;
    for (routing_reports, kept) in [(RoutingReports::Apart, 1), (with_batch, 0)] {
        let choices = Choices { routing_reports, ..Choices::default() };
        let (world, story) = one_of_three_astray(choices);
        assert_eq!(story.count(&["BatchComplete(E_FAIL, 1, [{Submit,NOSUB"]), 1);
        assert_eq!(story.count(&["routing failure report for m2"]), kept, "{routing_reports:?}");
        let suspended = world.message_box().suspended();
        assert_eq!((suspended.len(), suspended.reports.len()), (1, kept), "{routing_reports:?}");
    }
    // A batch that commits takes nothing back.
    let (world, _) =
        one_of_three_astray(Choices { routing_reports: with_batch, ..engine_suspends() });
    assert_eq!(world.message_box().suspended().reports.len(), 1);
}

#[test]
fn inside_a_transaction_a_report_is_its_own_or_the_batch_s_too() {
    // R-CLK-14, R-TXN-02: the batch is staged and refused; the transaction goes on and suspends.
    for (routing_reports, kept) in [(RoutingReports::Apart, 1), (RoutingReports::WithBatch, 0)] {
        let mut plant = receiving(mq());
        plant.all_at_once(1);
        plant.setup.topology.choices.routing_reports = routing_reports;
        let (world, outcome, story) = told(&plant);
        story.assert_order(&[&["Submit,NOSUB"], &["MoveToSuspendQ(m1) ; Done(T1)"]]);
        assert_eq!(outcome.transactions.committed, 1);
        let suspended = world.message_box().suspended();
        assert_eq!((suspended.len(), suspended.reports.len()), (1, kept), "{routing_reports:?}");
    }
}

/// An interchange of three documents through a recovering disassembler; only documents that are
/// the first or the third of theirs have a subscriber.
fn second_document_astray(unrouted_resume: UnroutedResume) -> (World, Story) {
    let mut plant = Plant::new(immediate(), FOLDER);
    plant.send_port("Out", "In", ASYNC, sink()).pipeline(recovering()).interchanges(1, 3);
    let number = PropertyId::INTERCHANGE_SEQUENCE_NUMBER;
    let wanted = [1, 3].map(|nth| vec![Condition::equals(number, Value::Int(nth))]);
    plant.setup.topology.send_ports[0].filter = Some(Filter { groups: wanted.to_vec() });
    plant.setup.topology.choices.unrouted_resume = unrouted_resume;
    finished(plant.telling())
}

#[test]
fn a_document_that_nobody_wanted_is_resumed_behind_its_pipeline_or_before_it() {
    // X-03, R-RIP-08, R-RIP-04, INV-61. By default it is published as it is: the second document of
    // an interchange, which nobody wants still.
    let (mut world, story) = second_document_astray(UnroutedResume::Publish);
    assert_eq!(story.count(&["suspends m1.2, resumable, Routing"]), 1);
    assert_eq!(resume_messages(&mut world), 1);
    let (world, story) = finished(world);
    assert_eq!(story.count(&["suspends m1.2, resumable, Routing"]), 2, "{}", story.text());
    assert_eq!((world.message_box().suspended().len(), world.meters().processed), (1, 2));
    // Else it enters the pipeline as a message of one document, its first.
    let (mut world, story) = second_document_astray(UnroutedResume::Pipeline);
    assert_eq!(story.count(&["suspends m1.2, resumable, Routing"]), 1);
    assert_eq!(resume_messages(&mut world), 1);
    let (world, story) = finished(world);
    story.assert_order(&[&["suspended m1.2 is resumed"], &["publishes m1,"]]);
    assert_eq!((world.message_box().suspended().len(), world.meters().processed), (0, 3));
}

/// Four messages, handed over one a batch to an adapter that announces three.
fn four_one_by_one(choices: Choices, send: SendSettings) -> (Outcome, Story) {
    let mut host = immediate();
    host.engine_batch = 1;
    let mut plant = Plant::new(host, PUSH);
    plant.send_port("Out", "In", SendSettings { batch: 3, ..send }, sink()).all_at_once(4);
    plant.setup.topology.choices = choices;
    let (_, outcome, story) = told(&plant);
    (outcome, story)
}

#[test]
fn an_adapter_batch_is_complete_when_the_engine_says_so_or_the_adapter() {
    // X-04, R-BSND-02, R-BSND-07, R-BATCH-07: with the engine's Done each message goes at once.
    let (outcome, story) = four_one_by_one(Choices::default(), BATCHED);
    assert_eq!(story.count(&["E>A  OUT1@H Done"]), 4);
    let at = story.instants(&["wire ok"]);
    assert_eq!((at, outcome.meters.processed), (vec![ms(0); 4], 4));
    // Else the adapter waits until it has three, or the first has waited long enough.
    let decides =
        |batch_wait| Choices { batch_done: BatchDone::Adapter, batch_wait, ..Choices::default() };
    let (outcome, story) = four_one_by_one(decides(Duration::from_secs(5)), BATCHED);
    assert_eq!(story.count(&["E>A  OUT1@H Done"]), 0, "the engine does not say so");
    assert_eq!(story.instants(&["wire ok"]), [ms(0), ms(0), ms(0), ms(5000)]);
    assert_eq!(story.count(&["Delete(m1), Delete(m2), Delete(m3) ; Done"]), 1, "one batch");
    assert_eq!(outcome.meters.processed, 4);
    let (_, story) = four_one_by_one(decides(Duration::ZERO), BATCHED);
    assert_eq!(story.instants(&["wire ok"]), [ms(0); 4], "whoever waits for nobody starts");
    // One that holds the engine's thread has no other call to transmit in.
    let (_, story) = four_one_by_one(decides(Duration::from_secs(5)), BLOCKING_BATCHED);
    assert_eq!(story.count(&["E>A  OUT1@H Done"]), 4);
}

#[test]
fn an_adapter_that_decides_starts_with_what_it_has_when_it_terminates() {
    // X-04, R-SHUT-01, INV-57: nothing that was taken is left behind.
    let choices = Choices {
        batch_done: BatchDone::Adapter,
        batch_wait: Duration::from_minutes(5),
        ..Choices::default()
    };
    let mut plant = Plant::new(immediate(), PUSH);
    plant.send_port("Out", "In", BATCHED, sink()).all_at_once(1);
    plant.setup.topology.choices = choices;
    let mut world = plant.telling();
    world.run_until(ms(1000));
    world.wait_until(ms(1000));
    world.stop(floodgate_engine::id::HostInstanceId(0));
    let (world, story) = finished(world);
    assert_eq!(story.instants(&["wire ok"]), [ms(1000)]);
    assert_eq!((world.meters().processed, world.message_box().reference_counts().total()), (1, 0));
}

/// Two messages by one worker whose partner takes forty minutes for each.
fn two_of_forty_minutes(send_transactions: SendTransactions) -> (Outcome, Story) {
    let send = TransactionalSendSettings { workers: 1, ..SEND };
    let wire = Dist::Constant(Duration::from_minutes(40));
    let mut plant = sending(send, SinkSettings { wire, ..sink() });
    plant.setup.topology.hosts[0].settings.engine_batch = 1;
    plant.load(ArrivalKind::Replay(vec![ms(1); 2]), Some(2));
    plant.setup.topology.choices.send_transactions = send_transactions;
    let (_, outcome, story) = told(&plant);
    (outcome, story)
}

#[test]
fn the_transaction_of_a_send_is_the_adapter_s_or_the_engine_s() {
    // X-10, R-TXN-06, R-TXN-09, R-CLK-13: the adapter begins one when a worker is free.
    let (outcome, story) = two_of_forty_minutes(SendTransactions::Adapter);
    assert_eq!(story.count(&["E>A  OUT1@H BeginBatch(ET"]), 0);
    assert_eq!((outcome.transactions.committed, outcome.transactions.aborted), (2, 0));
    // The engine's is there from BeginBatch on: the hour of the second is over in the middle.
    let (outcome, story) = two_of_forty_minutes(SendTransactions::Engine);
    story.assert_order(&[
        &["E>A  OUT1@H BeginBatch(ET1)"],
        &["-> max=20, ET1"],
        &["E>A  OUT1@H BeginBatch(ET2)"],
        &["Delete(m1) ; Done(ET1)"],
        &["ET1 commits"],
        &["the adapter batch: DTCCommitConfirm(ET1, true)"],
        &["ET2 aborts"],
        &["the adapter batch: DTCCommitConfirm(ET2, false)"],
    ]);
    assert_eq!(story.instants(&["ET2 aborts"]), [ms(1000) + Duration::from_minutes(60)]);
    assert_eq!(outcome.transactions.aborted, 1);
    // Its attempt counts, and the next one is in time.
    assert_eq!((outcome.transactions.committed, outcome.meters.processed), (2, 2));
}

/// When a run is over in which the engine creates a transaction for each adapter batch.
fn ends_with_engine_s(kind: AdapterKind, pipeline: SendPipeline) -> (Outcome, Story) {
    let mut plant = Plant::new(immediate(), PUSH);
    plant.send_port("Out", "In", BATCHED, sink()).all_at_once(3);
    plant.setup.topology.adapters[1].kind = kind;
    plant.setup.topology.send_ports[0].pipeline = pipeline;
    plant.setup.topology.choices.send_transactions = SendTransactions::Engine;
    let (_, outcome, story) = told(&plant);
    (outcome, story)
}

#[test]
fn the_engine_ends_the_transaction_that_its_adapter_makes_no_use_of() {
    // nothing is left whose time could be up; the run is over at once. An adapter that has
    // no use for one, and batches that are cleared since the pipeline left nothing (R-BSND-09).
    let (outcome, story) =
        ends_with_engine_s(AdapterKind::Send(BATCHED), SendPipeline::pass_through());
    assert_eq!(story.count(&["BeginBatch(ET1)"]), 1);
    assert_eq!((outcome.meters.processed, outcome.ended), (3, ms(0)));
    let consumes = Component::Custom(Custom {
        name: std::sync::Arc::from("own"),
        when: When::Always,
        acts: vec![Act::Consume],
    });
    let nothing = SendPipeline { pre_assemble: vec![consumes], ..SendPipeline::pass_through() };
    for begins in [TransactionBegins::AtTransmit, TransactionBegins::InBeginBatch] {
        let send = TransactionalSendSettings { begins, ..SEND };
        let (outcome, story) =
            ends_with_engine_s(AdapterKind::TransactionalSend(send), nothing.clone());
        assert!(story.count(&["E>A  OUT1@H Clear"]) > 0, "{}", story.text());
        assert_eq!((outcome.transactions.committed, outcome.ended), (0, ms(0)), "{begins:?}");
    }
}

#[test]
fn an_announced_maximum_of_zero_is_one_message_or_a_batch_that_fails() {
    // R-BSND-01, R-CLK-10, INV-33, R-RETRY-05.
    let silent = SendSettings { batch: 0, ..BATCHED };
    for (empty_maximum, handed, retries) in
        [(EmptyMaximum::One, 2, &[][..]), (EmptyMaximum::Refused, 0, &[2, 1, 0][..])]
    {
        let mut plant = Plant::new(immediate(), PUSH);
        plant.send_port("Out", "In", silent, sink()).all_at_once(2);
        plant.setup.topology.choices.empty_maximum = empty_maximum;
        let (world, outcome, story) = told(&plant);
        assert_eq!(story.count(&["TransmitMessage"]), handed, "{empty_maximum:?}");
        assert_eq!(outcome.meters.processed, handed as u64);
        for left in retries {
            let left = format!("RetryCount {left}");
            assert_eq!(story.count(&["m2 of Out waits until", &left]), 1, "{}", story.text());
        }
        let suspended = world.message_box().reference_counts().suspended;
        assert_eq!(suspended, 2 - handed as u64, "{empty_maximum:?}");
    }
}

/// Three messages to an ordered port with a backup, whose partner is away for five seconds; no
/// retries.
fn ordered_with_a_backup(on_failure: OnFailure, ordered_backup: OrderedBackup) -> World {
    let retry = RetryPolicy { count: 0, interval: Duration::from_secs(1) };
    let mut plant = Plant::new(immediate(), FOLDER);
    plant
        .send_port("Out", "In", ASYNC, sink())
        .retry(retry.count, retry.interval)
        .backup(ASYNC, retry, sink())
        .ordered(on_failure)
        .all_at_once(3);
    let endpoint = plant.setup.topology.send_ports[0].primary.endpoint;
    let (at, lasts) = (ms(0), Duration::from_secs(5));
    plant.setup.faults = vec![Fault::EndpointDown { endpoint, at, lasts }];
    plant.setup.topology.choices.ordered_backup = ordered_backup;
    finished(plant.telling()).0
}

#[test]
fn an_ordered_port_that_tries_its_backup_stops_or_goes_on() {
    // R-ORD-12, R-RETRY-10, INV-38, INV-44…46: whatever the port does on failure.
    let out = SendPortId(0);
    let deletes = ["deletes m1 of Out", "deletes m2 of Out", "deletes m3 of Out"];
    for on_failure in [OnFailure::Stop, OnFailure::Continue] {
        let mut world = ordered_with_a_backup(on_failure, OrderedBackup::Stops);
        let story = Story::of(&world);
        let stops = ["suspends m1 of Out, resumable, BackupTransport"];
        story.assert_order(&[&["moves m1 of Out to the backup transport"], &stops]);
        assert_eq!(story.count(&["TransmitMessage"]), 1, "nobody overtakes, nothing goes again");
        assert_eq!((world.message_box().ordered_backlog(out), world.meters().processed), (3, 0));
        // Resumed it begins again with its head, by the primary transport.
        world.wait_until(ms(10_000));
        assert_eq!(world.resume(out), 1);
        let (world, story) = finished(world);
        assert_eq!((world.meters().processed, story.count(&["TransmitMessage"])), (3, 4));
        story.assert_order(&deletes.each_ref().map(std::slice::from_ref));
        // An operator may as well end it: all its messages go (R-ORD-09).
        let mut world = ordered_with_a_backup(on_failure, OrderedBackup::Stops);
        assert_eq!(world.terminate(out), 3);
        let (world, _) = finished(world);
        assert_eq!(world.message_box().reference_counts().total(), 0);

        let world = ordered_with_a_backup(on_failure, OrderedBackup::Continues);
        let story = Story::of(&world);
        assert_eq!((story.count(&["suspends"]), world.meters().processed), (0, 3));
        story.assert_order(&deletes.each_ref().map(std::slice::from_ref));
    }
}

/// Every message is there twice in what is fetched, so that its batch submits it twice.
#[derive(Clone, Debug)]
struct Doubles(Receiver);

impl Adapter for Doubles {
    fn handle_input(&mut self, now: Instant, mut input: AdapterInput, proxy: &mut TransportProxy) {
        if let AdapterInput::WireDone { result: WireResult::Fetched { messages, .. }, .. } =
            &mut input
        {
            messages.extend(messages.clone());
        }
        self.0.handle_input(now, input, proxy);
    }
}

#[test]
fn what_is_chosen_reaches_adapters_and_contexts() {
    // R-BATCH-06, X-05: an adapter submits twice, which fails its `Done` or is carried out, and the
    // name of a location is too long or just not.
    for double_submit in [DoubleSubmit::DoneFails, DoubleSubmit::BatchFails] {
        let mut plant = Plant::new(immediate(), FOLDER);
        plant.send_port("Out", "In", ASYNC, sink());
        plant.load(ArrivalKind::Replay(vec![ms(1)]), Some(1));
        let topology = &mut plant.setup.topology;
        topology.choices.promoted_length = PromotedLength::Chars256;
        topology.choices.double_submit = double_submit;
        topology.receive_locations[0].name = "x".repeat(256);
        let mut world = plant.telling();
        world.replace_adapter(AdapterId(0), &Doubles(Receiver::new(FOLDER)));
        world.run_until(ms(2000));
        let story = Story::of(&world);
        let taken = story.count(&["Submit(m1), Submit(m1) ; Done"]) > 0;
        assert_eq!(taken, double_submit == DoubleSubmit::BatchFails, "{}", story.text());
    }
}
