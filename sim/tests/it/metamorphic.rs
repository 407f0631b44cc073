//! What must not matter: batch sizes, splitting, host instances, MessageBoxes, poll intervals, the
//! race of `Done`. Each of them moves instants and orders; the fate of a message stays (INV-08,
//! INV-43, INV-65…67).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use floodgate_engine::adapter::{
    Adapter, AdapterInput, AdapterOutput, CallId, Sender, WireRequest, WireResult,
};
use floodgate_engine::batch::OperationKind;
use floodgate_engine::config::{OnFailure, SendSettings};
use floodgate_engine::id::{EndpointId, HostInstanceId, MessageBoxId, Slab, SubscriberId};
use floodgate_engine::message::{Body, Context, Document, DocumentName, Parts, PropertyId, Value};
use floodgate_engine::message_box::{
    Action, Effect, MessageBox, OutboundMessage, Place, PreparedBatch,
};
use floodgate_engine::time::Instant;
use floodgate_engine::transport_proxy::TransportProxy;
use floodgate_sim::setup::DoneOrder;
use floodgate_sim::trace::Event;
use floodgate_sim::world::World;
use proptest::prelude::*;

use crate::conservation::{Case, call_times, cases, hosts, receives, sends};
use crate::fixture::{
    BATCHED, BLOCKING_BATCHED, PUSH, Plant, Verdict, all_kept, demand_eq, finish_within, holds,
    immediate, sink,
};

/// What became of a message at a subscriber.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fate {
    Sent,
    /// Resumable or not. Who suspended it, adapter or engine, is a matter of who blocks.
    Suspended(bool),
    /// Not at an end: behind the failed head of an ordered port.
    Waiting,
}

type Fates = BTreeMap<(DocumentName, SubscriberId), (Fate, u32)>;

/// The fate of every message at every subscriber, with the retries it took.
fn fates(case: &Case) -> Result<Fates, String> {
    let mut world = World::new(&case.plant().setup);
    world.tell();
    finish_within(&mut world, 400_000)?;
    let mut fates = Fates::new();
    let mut put = |at: &Place, fate: Fate, retry: u32| {
        let known = fates.entry((at.document, at.subscriber)).or_insert((fate, 0));
        *known = (fate, known.1 + retry);
    };
    for (_, event) in world.trace().history() {
        match event {
            Event::Effect(Effect::Referenced { at, .. }) => put(at, Fate::Waiting, 0),
            Event::Effect(Effect::Resubmitted { at, .. }) => put(at, Fate::Waiting, 1),
            Event::Effect(Effect::Deleted { at }) => put(at, Fate::Sent, 0),
            Event::Effect(Effect::SuspendedReference { at, resumable, .. }) => {
                put(at, Fate::Suspended(*resumable), 0);
            }
            _ => {}
        }
    }
    all_kept(&world.conclude())?;
    Ok(fates)
}

/// Cases without an ordered port that stops: there the order of publication decides what waits.
fn plain_cases() -> impl Strategy<Value = Case> {
    cases().prop_map(|mut case| {
        for port in &mut case.ports {
            if port.ordered == Some(OnFailure::Stop) {
                port.ordered = Some(OnFailure::Continue);
            }
        }
        case
    })
}

/// Demands that `change` leaves every fate as it was.
#[track_caller]
fn does_not_matter<S: Strategy>(what: &str, other: S, change: impl Fn(&mut Case, &S::Value)) {
    let regressions = "proptest-regressions/metamorphic.txt";
    holds(250, regressions, &(plain_cases(), other), |(case, other)| -> Verdict {
        let mut changed = case.clone();
        change(&mut changed, other);
        demand_eq(fates(&changed)?, fates(case)?, what)
    });
}

#[test]
fn batch_sizes_and_splitting_do_not_matter() {
    // INV-65, R-ADPT-18, R-BATCH-07: on both sides, blocking or not, batch-aware or not.
    let sizes = (receives(), prop::collection::vec(sends(), 5));
    does_not_matter("other batches", sizes, |case, (receive, sends)| {
        case.receive = *receive;
        for (port, send) in case.ports.iter_mut().zip(sends) {
            port.send = *send;
        }
    });
}

/// Messages of three ports, as the engine puts them into one adapter batch.
fn mixed_batch(documents: u32) -> Vec<Box<OutboundMessage>> {
    let mut plant = Plant::new(immediate(), PUSH);
    for name in ["A", "B", "C"] {
        plant.send_port(name, "In", BATCHED, sink());
    }
    let topology = plant.setup.topology;
    let mut context = Context::default();
    context
        .promote(PropertyId::RECEIVE_PORT_NAME, Some(Value::text("In")))
        .expect("a short name can be promoted");
    let document = |number: u32| Document {
        name: DocumentName { wire: u64::from(number) + 1, sequence: 1, split: false },
        lineage: u64::from(number),
        arrived: Instant::ZERO,
        context: context.clone(),
        parts: Parts::of(Body::Described { bytes: 1, documents: 1 }),
    };
    let batch = PreparedBatch {
        cookie: 1,
        actions: vec![(OperationKind::Submit, Action::Publish { first: 0, count: documents })],
        documents: (0..documents).map(document).collect(),
        ..PreparedBatch::default()
    };
    let mut message_box = MessageBox::new(&topology);
    let (owner, home) = (HostInstanceId(0), MessageBoxId(0));
    assert!(message_box.commit(Instant::ZERO, owner, batch).overall.is_success());
    let mut messages = Vec::new();
    message_box.dequeue(Instant::ZERO, home, owner, u32::MAX, &mut messages);
    messages
}

/// What goes over the wire when the batch comes in this order: endpoint and message.
fn sent_by(settings: SendSettings, batch: &[Box<OutboundMessage>]) -> Vec<(EndpointId, u64)> {
    let (mut sender, mut proxy) = (Sender::new(settings), TransportProxy::default());
    let call = CallId(Slab::default().insert(()));
    let mut inputs: VecDeque<AdapterInput> = VecDeque::new();
    inputs.push_back(AdapterInput::BeginBatch { call, transaction: None });
    let hand_over = |message: &OutboundMessage| AdapterInput::TransmitMessage {
        call,
        message: Box::new(message.clone()),
    };
    inputs.extend(batch.iter().map(|message| hand_over(message)));
    inputs.push_back(AdapterInput::Done { call, confirm: None });
    let mut sent = Vec::new();
    while let Some(input) = inputs.pop_front() {
        sender.handle_input(Instant::ZERO, input, &mut proxy);
        while let Some(output) = proxy.poll_output() {
            if let AdapterOutput::Wire { token, request: WireRequest::Transmit(what) } = output {
                sent.push((what.endpoint, what.sequence));
                inputs.push_back(AdapterInput::WireDone { token, result: WireResult::Sent });
            }
        }
    }
    sent
}

#[test]
fn a_mixed_batch_is_sorted_by_endpoint_whatever_its_order() {
    // INV-43, R-BSND-08, R-ADPT-13: each endpoint gets its own messages, in the order of the batch.
    let batch = mixed_batch(4);
    assert_eq!(batch.len(), 12);
    let shuffled = Just(batch).prop_shuffle();
    holds(300, "proptest-regressions/metamorphic.txt", &shuffled, |batch| {
        let mut due: Vec<_> =
            batch.iter().map(|message| (message.endpoint, message.sequence)).collect();
        due.sort_by_key(|(endpoint, _)| *endpoint);
        demand_eq(sent_by(BLOCKING_BATCHED, batch), due.clone(), "sent one after another")?;
        let mut sent = sent_by(BATCHED, batch);
        // A job per endpoint, all at work at once: the first three attempts are of three endpoints.
        let first: BTreeSet<EndpointId> = sent[..3].iter().map(|(endpoint, _)| *endpoint).collect();
        demand_eq(first.len(), 3, "endpoints at work at once")?;
        sent.sort_by_key(|(endpoint, _)| *endpoint);
        demand_eq(sent, due, "sent side by side")
    });
}

#[test]
fn the_number_of_host_instances_does_not_matter() {
    // INV-66.
    does_not_matter("other instances", 1..5_u32, |case, instances| case.instances = *instances);
}

#[test]
fn the_number_of_message_boxes_does_not_matter() {
    // R-MMB-01, R-MMB-02.
    does_not_matter("other MessageBoxes", 1..5_u32, |case, boxes| case.boxes = *boxes);
}

#[test]
fn polling_and_threads_do_not_matter() {
    // INV-67.
    does_not_matter("another host", hosts(), |case, host| case.host = *host);
}

#[test]
fn how_long_calls_take_does_not_matter() {
    // R-CLK-02.
    does_not_matter("calls that take time", call_times(), |case, calls| case.calls = *calls);
}

#[test]
fn the_race_of_done_does_not_matter() {
    // INV-08, R-BC-07, R-CLK-03.
    let orders = prop_oneof![
        Just(DoneOrder::CompleteFirst),
        Just(DoneOrder::Drawn),
        Just(DoneOrder::ReturnFirst)
    ];
    does_not_matter("another order of Done", orders, |case, done| case.done = *done);
}
