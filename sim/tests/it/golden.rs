//! The golden sequences of the main path: each is told in full and compared with the story kept
//! here, and what the sequence demands is asserted by itself, so that a snapshot accepted in
//! haste does not bend it.

use floodgate_engine::adapter::{
    Adapter, AdapterInput, AdapterOutput, Receiver, Returned, Sender, WireRequest, WireResult,
};
use floodgate_engine::batch::{BatchStatus, Operation, OperationKind, Status};
use floodgate_engine::config::{HostSettings, OnFailure, ReceiveSettings, SendSettings};
use floodgate_engine::id::{AdapterId, EndpointId, ReceiveLocationId, SendPortId};
use floodgate_engine::message::{Body, Context, Defect, Parts, PropertyId, Value, WireMessage};
use floodgate_engine::pipeline::{ReceivePipeline, Stage};
use floodgate_engine::retry::RetryPolicy;
use floodgate_engine::time::{Duration, Instant};
use floodgate_engine::transport_proxy::TransportProxy;
use floodgate_sim::dist::Dist;
use floodgate_sim::load::ArrivalKind;
use floodgate_sim::setup::{DoneOrder, EndpointSettings, Failure, Fault, Poison, SinkSettings};
use floodgate_sim::world::World;
use insta::assert_snapshot;

use crate::fixture::{
    ASYNC, BATCHED, BLOCKING, BLOCKING_BATCHED, FOLDER, PUSH, Plant, Story, assert_all_kept,
    finish, immediate, ms, sink,
};

mod exceptions;
mod ordered;
mod refused_suspension;

const FIVE_MINUTES: Duration = Duration::from_minutes(5);
/// The one send port of most plants.
const OUT: SendPortId = SendPortId(0);
/// The receive adapter of a plant, and its first send adapter.
const IN_ADAPTER: AdapterId = AdapterId(0);
const OUT_ADAPTER: AdapterId = AdapterId(1);

/// A partner's end that refuses every call.
fn refusing() -> SinkSettings {
    SinkSettings { failure: Failure::Always, ..sink() }
}

/// Runs a world to its end; every check must be content.
fn finished(mut world: World) -> (World, Story) {
    finish(&mut world);
    assert_eq!(world.checks().violations(), [], "a promise was broken");
    assert_all_kept(&world.clone().conclude());
    let story = Story::of(&world);
    (world, story)
}

/// A receiver through whose hands every fetched message goes: what an adapter may set on its own.
#[derive(Clone, Debug)]
struct Doctored {
    inner: Receiver,
    doctor: fn(&mut WireMessage),
}

impl Adapter for Doctored {
    fn handle_input(&mut self, now: Instant, mut input: AdapterInput, proxy: &mut TransportProxy) {
        if let AdapterInput::WireDone { result: WireResult::Fetched { messages, .. }, .. } =
            &mut input
        {
            messages.iter_mut().for_each(self.doctor);
        }
        self.inner.handle_input(now, input, proxy);
    }
}

/// m1, m2 and m3, found at one look and submitted as one batch.
fn batch_of_three() -> Plant {
    let mut plant = Plant::new(immediate(), FOLDER);
    plant.send_port("Out", "In", ASYNC, sink()).load(ArrivalKind::Replay(vec![ms(1); 3]), Some(3));
    plant
}

/// The same, through a disassembler at which m2 fails.
fn second_of_three_fails() -> Plant {
    let mut plant = batch_of_three();
    plant.setup.topology.receive_locations[0].pipeline = ReceivePipeline::xml();
    let defect = Defect::at(Stage::Disassemble, 1);
    plant.setup.loads[0].poison = Some(Poison { every: 2, defect });
    plant
}

fn doctored(plant: &Plant, doctor: fn(&mut WireMessage)) -> (World, Story) {
    let mut world = plant.telling();
    world.replace_adapter(IN_ADAPTER, &Doctored { inner: Receiver::new(FOLDER), doctor });
    finished(world)
}

/// One-way receive of a three-message batch, all good.
fn gs_01(done: DoneOrder) -> Story {
    let mut plant = batch_of_three();
    plant.setup.done = done;
    let (world, story) = finished(plant.telling());
    // opCount is 1, not 3.
    let complete = "BatchComplete(S_OK, 1, [{Submit,S_OK,3,[S_OK,S_OK,S_OK]}])";
    for document in ["m1", "m2", "m3"] {
        // Nothing is visible before all three are committed.
        let locks = format!("locks {document} of");
        story.assert_order(&[
            &["Submit(m1), Submit(m2), Submit(m3)"],
            &["publishes m3"],
            &[&locks],
        ]);
    }
    story.assert_order(&[&["publishes m3"], &[complete], &["removes the source of m1, m2, m3"]]);
    assert_eq!(story.count(&["publishes"]), 3);
    assert_eq!(story.instants(&["publishes"]), [ms(1000); 3], "one transaction");
    assert_eq!(story.count(&["BatchComplete", "IN@H"]), 1);
    assert_eq!(world.message_box().suspended().len(), 0);
    assert_eq!(world.meters().processed, 3);
    story
}

// GS-01(a), R-RCV-01, R-BC-02, R-DONE-05, R-CLK-03, R-ADPT-04, INV-10.
#[test]
fn gs_01_done_returns_first() {
    let story = gs_01(DoneOrder::ReturnFirst);
    story.assert_order(&[&["IN@H b1: Done returns S_OK"], &["IN@H b1: BatchComplete"]]);
    assert_snapshot!(story.text());
}

// GS-01(b), R-CLK-03.
#[test]
fn gs_01_batch_complete_first() {
    let story = gs_01(DoneOrder::CompleteFirst);
    story.assert_order(&[&["IN@H b1: BatchComplete"], &["IN@H b1: Done returns S_OK"]]);
    assert_snapshot!(story.text());
}

// A batch with one failing message, m2 of three: GS-02(a), R-ATOM-03, R-BC-05, R-ADPT-06.
#[test]
fn gs_02_a_the_engine_suspends_the_failing_message() {
    let (world, story) = finished(second_of_three_fails().telling());
    story.assert_order(&[
        &["Submit(m1), Submit(m2), Submit(m3)"],
        &["publishes m1"],
        &["suspends m2, resumable, Pipeline"],
        &["publishes m3"],
        &["BatchComplete(SUSP, 1, [{Submit,SUSP,3,[S_OK,SUSP,S_OK]}])"],
        &["removes the source of m1, m2, m3"],
    ]);
    assert_eq!(story.count(&["A>E  IN@H"]), 1, "the adapter suspends nothing");
    let suspended = &world.message_box().suspended().messages;
    assert_eq!((suspended.len(), suspended[0].resumable), (1, true));
    assert_eq!(world.meters().processed, 2);
    assert_snapshot!(story.text());
}

/// What follows when the engine must not or cannot suspend: the adapter does, in a second batch.
fn assert_filtered(world: &World, story: &Story, failed: &str) {
    let failed = format!("[{{Submit,{failed},3,[S_OK,{failed},S_OK]}}]");
    story.assert_order(&[
        &["Submit(m1), Submit(m2), Submit(m3)"],
        &["BatchComplete(E_FAIL, 1, ", &failed],
        &["Submit(m1), MoveToSuspendQ(m2), Submit(m3)"],
        &["publishes m1"],
        &["suspends m2, resumable, Adapter"],
        &["publishes m3"],
        &["BatchComplete(S_OK, 2, ", "{Submit,S_OK,2,", "{MoveToSuspendQueue,S_OK,1,[S_OK]}"],
        &["removes the source of m1, m2, m3"],
    ]);
    assert_eq!(world.message_box().suspended().len(), 1);
    assert_eq!(world.meters().processed, 2);
}

// GS-02(b), R-ATOM-05, R-BATCH-05, R-FILT-01, R-FILT-03, R-ADPT-04, R-ADPT-05, R-CLK-19.
#[test]
fn gs_02_b_told_not_to_suspend() {
    let doctor = |message: &mut WireMessage| {
        message.context.write(PropertyId::ACTION_ON_FAILURE, Some(Value::Int(0)));
    };
    let (world, story) = doctored(&second_of_three_fails(), doctor);
    assert_filtered(&world, &story, "E_FAIL");
    assert_eq!(world.message_box().suspended().reports.len(), 0);
    assert_snapshot!(story.text());
}

// GS-02(b), R-MSG-07.
#[test]
fn gs_02_b_a_stream_that_cannot_be_rewound() {
    let (world, story) = doctored(&second_of_three_fails(), |message| message.seekable = false);
    assert_filtered(&world, &story, "E_FAIL");
    assert_eq!(world.message_box().suspended().reports.len(), 0);
    assert_snapshot!(story.text());
}

// GS-02(c), R-PUB-06, R-ROUTE-01, R-ROUTE-04, R-CLK-14, X-13.
#[test]
fn gs_02_c_nobody_subscribes() {
    let doctor = |message: &mut WireMessage| {
        if message.number == 2 {
            let elsewhere = Some(Value::text("Elsewhere"));
            message.context.promote(PropertyId::RECEIVE_PORT_NAME, elsewhere).unwrap();
        }
    };
    let (world, story) = doctored(&batch_of_three(), doctor);
    assert_filtered(&world, &story, "NOSUB");
    // The report exists from the rolled-back transaction on, and survives.
    story.assert_order(&[
        &["routing failure report for m2"],
        &["BatchComplete(E_FAIL"],
        &["publishes m1"],
    ]);
    let reports = &world.message_box().suspended().reports;
    assert_eq!(reports.len(), 1);
    assert_eq!((reports[0].document.wire, reports[0].since), (2, ms(1000)));
    assert_snapshot!(story.text());
}

#[test]
fn gs_02_c_an_acknowledgement_nobody_wants_leaves_no_trace() {
    // R-ROUTE-05, INV-22: neither a failure nor a report; the checks do not miss it either.
    let doctor = |message: &mut WireMessage| {
        message.context.write(PropertyId::ACK_TYPE, Some(Value::text("ACK")));
        if message.number == 2 {
            let elsewhere = Some(Value::text("Elsewhere"));
            message.context.promote(PropertyId::RECEIVE_PORT_NAME, elsewhere).unwrap();
        }
    };
    let (world, story) = doctored(&batch_of_three(), doctor);
    assert_eq!(story.count(&["BatchComplete(S_OK, 1, [{Submit,S_OK,3,[S_OK,S_OK,S_OK]}])"]), 1);
    assert_eq!((world.meters().received, world.meters().processed), (2, 2));
    let suspended = world.message_box().suspended();
    assert_eq!((suspended.len(), suspended.reports.len()), (0, 0));
}

/// Drives a bare receiver: posts what it wants and answers each of its batches with `answer`.
/// Returns its batches, told, and the numbers of the messages whose sources it removed.
fn receiver_against(answer: impl Fn(&Operation) -> Status) -> (Vec<String>, Vec<u64>) {
    let (mut receiver, mut proxy) = (Receiver::new(FOLDER), TransportProxy::default());
    let location = ReceiveLocationId(0);
    let endpoint = EndpointId(0);
    let messages = fetched_messages();
    let mut inputs = vec![
        AdapterInput::AddReceiveEndpoint { location, endpoint, two_way: false },
        AdapterInput::Arrived { location },
    ];
    let (mut batches, mut removed) = (Vec::new(), Vec::new());
    while !inputs.is_empty() {
        receiver.handle_input(Instant::ZERO, inputs.remove(0), &mut proxy);
        while let Some(output) = proxy.poll_output() {
            match output {
                AdapterOutput::Wake { token, .. } if batches.is_empty() => {
                    inputs.push(AdapterInput::Wake { token });
                }
                AdapterOutput::Wire { token, request: WireRequest::Fetch { .. } } => {
                    let result = WireResult::Fetched { messages: messages.clone(), more: false };
                    inputs.push(AdapterInput::WireDone { token, result });
                }
                AdapterOutput::Wire { request: WireRequest::Remove { numbers, .. }, .. } => {
                    removed.extend(numbers);
                }
                AdapterOutput::Done { batch, .. } => {
                    let kinds = |operation: &Operation| (operation.kind(), answer(operation));
                    let statuses = batch.operations().iter().map(kinds);
                    let status = BatchStatus::assemble(batch.cookie(), statuses);
                    batches.push(status.to_string());
                    inputs.push(AdapterInput::BatchComplete(status));
                }
                AdapterOutput::Returned { .. }
                | AdapterOutput::Wake { .. }
                | AdapterOutput::Watch { .. }
                | AdapterOutput::Abort { .. }
                | AdapterOutput::Commit { .. }
                | AdapterOutput::Confirm { .. }
                | AdapterOutput::ErrorInfo { .. }
                | AdapterOutput::CompletionFailed { .. }
                | AdapterOutput::ReceiverShuttingDown { .. }
                | AdapterOutput::Isolated(_)
                | AdapterOutput::Wire { .. } => {}
            }
        }
    }
    (batches, removed)
}

/// m1, m2 and m3 as a source hands them out.
fn fetched_messages() -> Vec<WireMessage> {
    let message = |number| WireMessage {
        number,
        lineage: number,
        arrived: Instant::ZERO,
        context: Context::default(),
        parts: Parts::of(Body::Described { bytes: 1, documents: 1 }),
        defect: None,
        seekable: true,
    };
    (1..=3).map(message).collect()
}

/// Fails m2, whatever is asked for it.
fn second_fails(operation: &Operation) -> Status {
    let second = match operation {
        Operation::Submit(wire) => wire.number == 2,
        other => other.kind() == OperationKind::MoveToSuspendQueue,
    };
    if second { Status::FAIL } else { Status::OK }
}

// GS-02(e), R-FILT-03, R-FILT-04.
#[test]
fn gs_02_e_what_cannot_be_suspended_stays_at_its_source() {
    // The suspension in the second batch fails too; a third one without m2 succeeds.
    let (batches, removed) = receiver_against(second_fails);
    assert_eq!(
        batches,
        [
            "E_FAIL, 1, [{Submit,E_FAIL,3,[S_OK,E_FAIL,S_OK]}]",
            "E_FAIL, 2, [{Submit,S_OK,2,[S_OK,S_OK]},{MoveToSuspendQueue,E_FAIL,1,[E_FAIL]}]",
            "S_OK, 1, [{Submit,S_OK,2,[S_OK,S_OK]}]",
        ]
    );
    assert_eq!(removed, [1, 3], "m2 is neither lost nor removed");
}

#[test]
fn gs_02_e_an_adapter_gives_up_at_its_bound_and_removes_nothing() {
    // GS-02(e), R-FILT-04: when nothing ever succeeds, few batches, and every source stays.
    let (batches, removed) = receiver_against(|operation| match operation {
        Operation::Submit(_) if second_fails(operation).is_success() => Status::OK,
        _ => Status::FAIL,
    });
    assert!((2..=4).contains(&batches.len()), "{batches:?}");
    let (always_failing, nothing) = receiver_against(|_| Status::FAIL);
    assert_eq!((always_failing.len(), nothing), (2, vec![]));
    assert!(!removed.contains(&2));
}

// GS-03(a), R-SND-06.
#[test]
fn gs_03_non_blocking() {
    let mut plant = Plant::new(HostSettings::default(), PUSH);
    plant.send_port("Out", "In", ASYNC, sink()).all_at_once(1);
    let (world, story) = finished(plant.telling());
    story.assert_order(&[
        &["refers m1 to Out"],
        &["locks m1 of Out to instance0"],
        &["TransmitMessage(m1) RetryCount 3"],
        &["OUT1@H -> false"],
        &["m1 by Out (primary): wire ok"],
        &["OUT1@H b1: Delete(m1) ; Done"],
        &["deletes m1 of Out"],
        &["m1: last reference gone"],
        &["OUT1@H b1: BatchComplete(S_OK, 1, [{Delete,S_OK,1,[S_OK]}])"],
    ]);
    let locked = story.instants(&["locks m1"])[0];
    assert!(locked <= ms(500), "dequeued at {locked}, later than one poll");
    assert_eq!(world.message_box().reference_counts().total(), 0);
    assert_snapshot!(story.text());
}

#[test]
fn gs_03_synchronous() {
    let mut plant = Plant::new(HostSettings::default(), PUSH);
    plant.send_port("Out", "In", BLOCKING, sink()).all_at_once(1);
    let (world, story) = finished(plant.telling());
    story.assert_order(&[
        &["TransmitMessage(m1) RetryCount 3"],
        &["wire ok"],
        &["OUT1@H -> true"],
        &["deletes m1 of Out"],
    ]);
    // GS-03(b), R-SND-06, R-ADPT-08, INV-39: the engine deletes; the adapter has no batch.
    assert_eq!(story.count(&["OUT1@H b"]), 0);
    assert_eq!(world.message_box().reference_counts().total(), 0);
    assert_snapshot!(story.text());
}

// GS-04, R-BSND-01, R-BSND-02, R-SND-03.
#[test]
fn gs_04_one_adapter_batch_for_two_ports() {
    let mut plant = Plant::new(HostSettings::default(), PUSH);
    let other = plant.receive_port("In2", ReceivePipeline::pass_through());
    plant.send_port("P1", "In", BATCHED, sink()).send_port("P2", "In2", BATCHED, sink());
    plant.all_at_once(2);
    plant.setup.loads[0].locations.push(other);
    let (world, story) = finished(plant.telling());
    story.assert_order(&[
        &["OUT1@H BeginBatch"],
        &["OUT1@H -> max=20"],
        &["TransmitMessage(m1)"],
        &["TransmitMessage(m2)"],
        &["E>A  OUT1@H Done"],
        &["m1 by P1 (primary): wire ok"],
    ]);
    assert_eq!(story.count(&["OUT1@H -> false"]), 2);
    story.assert_order(&[&["E>A  OUT1@H Done"], &["m2 by P2 (primary): wire ok"]]);
    assert_eq!(story.count(&["Delete(m1)"]) + story.count(&["Delete(m2)"]), 2);
    assert_eq!(world.message_box().reference_counts().total(), 0);
    assert_snapshot!(story.text());
}

/// Transmission fails, whatever is tried.
fn failing(settings: HostSettings) -> Plant {
    let mut plant = Plant::new(settings, PUSH);
    plant.send_port("Out", "In", ASYNC, refusing()).all_at_once(1);
    plant
}

/// The retry counts that the adapter saw, in order.
fn assert_retry_counts(story: &Story, counts: &[u32]) {
    assert_eq!(story.count(&["TransmitMessage(m1) RetryCount"]), counts.len());
    for count in 0..=3 {
        let seen = story.count(&[&format!("RetryCount {count}"), "TransmitMessage"]);
        assert_eq!(seen, counts.iter().filter(|known| **known == count).count(), "{count}");
    }
}

fn assert_suspended_resumable(world: &World, story: &Story) {
    assert_eq!(story.count(&["suspends m1 of Out, resumable, Adapter"]), 1);
    assert_eq!(world.message_box().suspended().references, 1);
    assert_eq!(world.message_box().reference_counts().suspended, 1);
    let names: Vec<String> =
        world.message_box().suspended_names().iter().map(ToString::to_string).collect();
    assert_eq!(names, ["m1"]);
}

/// `count` instants, five minutes apart, from `first` on.
fn five_minutes_apart(first: Instant, count: u64) -> Vec<Instant> {
    (0..count).map(|attempt| first + FIVE_MINUTES.times(attempt)).collect()
}

// GS-05, R-RETRY-02, R-RETRY-03, R-RETRY-04, R-RETRY-11, R-FILT-03, R-ADPT-09, X-02.
#[test]
fn gs_05_no_backup() {
    let (world, story) = finished(failing(immediate()).telling());
    assert_eq!(story.instants(&["wire FAILS"]), five_minutes_apart(Instant::ZERO, 4));
    assert_retry_counts(&story, &[3, 2, 1, 0]);
    assert_eq!(story.count(&["Resubmit(m1"]), 3);
    story.assert_order(&[
        &["Resubmit(m1, 05:00.000)"],
        &["Resubmit(m1, 10:00.000)"],
        &["Resubmit(m1, 15:00.000)"],
        &["b4: MoveToNextTransport(m1) ; Done"],
        &["b4: BatchComplete(E_FAIL, 1, ", "[NO_BACKUP_TRANSPORT]"],
        &["b5: MoveToSuspendQ(m1) ; Done"],
        &["suspends m1 of Out"],
        &["b5: BatchComplete(S_OK, 1, [{MoveToSuspendQueue,S_OK,1,[S_OK]}])"],
    ]);
    assert_suspended_resumable(&world, &story);
    assert_snapshot!(story.text());
}

// GS-06, R-RETRY-10, R-RETRY-11, R-SUSP-03, INV-36.
#[test]
fn gs_06_with_backup() {
    let mut plant = failing(immediate());
    plant.backup(ASYNC, RetryPolicy::default(), refusing());
    let (world, story) = finished(plant.telling());
    let fifteen = Instant::ZERO + FIVE_MINUTES.times(3);
    assert_eq!(story.instants(&["(primary): wire FAILS"]), five_minutes_apart(Instant::ZERO, 4));
    assert_eq!(story.instants(&["(backup): wire FAILS"]), five_minutes_apart(fifteen, 4));
    assert_retry_counts(&story, &[3, 2, 1, 0, 3, 2, 1, 0]);
    story.assert_order(&[
        &["b4: MoveToNextTransport(m1) ; Done"],
        &["moves m1 of Out to the backup transport, RetryCount 3"],
        &["b4: BatchComplete(S_OK"],
        &["b8: MoveToNextTransport(m1) ; Done"],
        &["b8: BatchComplete(E_FAIL, 1, ", "[NO_BACKUP_TRANSPORT]"],
        &["b9: MoveToSuspendQ(m1) ; Done"],
    ]);
    assert_suspended_resumable(&world, &story);
    assert_snapshot!(story.text());
}

// GS-06, R-RETRY-10.
#[test]
fn gs_06_ends_where_the_backup_works() {
    for works_at in 0..4 {
        let mut plant = failing(immediate());
        let failure = Failure::First(works_at);
        plant.backup(ASYNC, RetryPolicy::default(), SinkSettings { failure, ..sink() });
        let (world, story) = finished(plant.telling());
        assert_eq!(story.count(&["(primary): wire FAILS"]), 4);
        assert_eq!(story.count(&["(backup): wire FAILS"]), works_at as usize);
        let fifteen = Instant::ZERO + FIVE_MINUTES.times(3);
        let delivered = fifteen + FIVE_MINUTES.times(u64::from(works_at));
        assert_eq!(story.instants(&["(backup): wire ok"]), [delivered]);
        assert_eq!(world.message_box().reference_counts().total(), 0);
    }
}

// GS-06, R-CLK-07, INV-30, INV-35.
#[test]
fn gs_06_with_the_default_poll() {
    // Each attempt is at the first poll at or after its due time, at most 500 ms late, and each
    // due time counts from the actual failure.
    let settings = HostSettings::default();
    let mut plant = failing(settings);
    plant.backup(ASYNC, RetryPolicy::default(), refusing());
    let (world, story) = finished(plant.telling());
    let attempts = story.instants(&["TransmitMessage(m1)"]);
    let failures = story.instants(&["wire FAILS"]);
    assert_eq!((attempts.len(), failures.len()), (8, 8));
    for attempt in 1..8 {
        let due = match attempt {
            4 => failures[3], // the move to the backup is eligible at once
            _ => failures[attempt - 1] + FIVE_MINUTES,
        };
        let late = attempts[attempt].since(due);
        assert!(attempts[attempt] >= due && late <= settings.poll, "attempt {attempt}: {late}");
    }
    assert!(attempts[0] <= Instant::ZERO + settings.poll);
    assert_suspended_resumable(&world, &story);
    assert_snapshot!(story.text());
}
