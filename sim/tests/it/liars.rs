//! Adapters of somebody's own that lose, repeat or regret messages, in a running world: the wire
//! and the checks tell on them.

#![expect(clippy::wildcard_enum_match_arm, reason = "an adapter answers what it knows")]

use floodgate_engine::adapter::{
    Adapter, AdapterInput, AdapterOutput, AsyncAdapter, Receiver, Returned, Sender, Transmission,
    Transport, WireRequest, WireResult,
};
use floodgate_engine::batch::{Operation, Status, Suspendable};
use floodgate_engine::id::{AdapterId, ReferenceId};
use floodgate_engine::message::WireMessage;
use floodgate_engine::message_box::OutboundMessage;
use floodgate_engine::sabotage::Sabotage;
use floodgate_engine::time::Instant;
use floodgate_engine::transport_proxy::TransportProxy;
use floodgate_sim::check::Rule;
use floodgate_sim::load::ArrivalKind;
use floodgate_sim::outcome::Outcome;
use floodgate_sim::setup::{Failure, SinkSettings};
use floodgate_sim::world::World;

use crate::fixture::{ASYNC, FOLDER, Plant, assert_all_kept, immediate, ms, sink};

const OUT_ADAPTER: AdapterId = AdapterId(1);
const MESSAGES: usize = 5;

/// What an adapter does with a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Habit {
    /// Transmits, and deletes what is there.
    Honest,
    /// Deletes without a word on the wire.
    DeletesUnsent,
    /// Says `true` without a word on the wire.
    SaysTrueUnsent,
    /// Transmits, and deletes whatever came of it.
    DeletesRefused,
    /// Deletes before the wire has answered.
    DeletesTooEarly,
}

fn adapter(habit: Habit) -> AsyncAdapter {
    AsyncAdapter::new(move |transport: Transport| async move {
        loop {
            match transport.next_input().await {
                AdapterInput::TransmitMessage { call, .. } if habit == Habit::SaysTrueUnsent => {
                    transport.returned(call, Returned::Sent);
                }
                AdapterInput::TransmitMessage { call, message } => {
                    transport.returned(call, Returned::Pending);
                    transport.spawn(deliver(transport.clone(), *message, habit));
                }
                AdapterInput::Terminate { call } => transport.terminate(call),
                _ => {}
            }
        }
    })
}

async fn deliver(transport: Transport, message: OutboundMessage, habit: Habit) {
    let reference = message.reference;
    let request = WireRequest::Transmit(Transmission::of(&message));
    let wire = transport.wire(request);
    let sent = match habit {
        Habit::Honest => matches!(wire.await, WireResult::Sent),
        Habit::DeletesRefused => {
            wire.await;
            true
        }
        Habit::DeletesTooEarly => {
            delete(&transport, reference).await;
            wire.await;
            return;
        }
        Habit::DeletesUnsent | Habit::SaysTrueUnsent => true,
    };
    if sent {
        delete(&transport, reference).await;
    } else {
        let Ok(mut batch) = transport.batch() else { return };
        batch.add(Operation::Resubmit { reference, at: transport.now() + message.retry_interval });
        let _ = batch.done().await;
    }
}

async fn delete(transport: &Transport, reference: ReferenceId) {
    let Ok(mut batch) = transport.batch() else { return };
    batch.add(Operation::Delete(reference));
    let _ = batch.done().await;
}

/// A run in which this adapter stands for the one that comes along.
fn run(habit: Habit, partner: SinkSettings) -> Outcome {
    let mut plant = Plant::new(immediate(), FOLDER);
    plant
        .send_port("Out", "In", ASYNC, partner)
        .load(ArrivalKind::Replay(vec![ms(1); MESSAGES]), None);
    let mut world = World::new(&plant.setup);
    world.replace_adapter(OUT_ADAPTER, &adapter(habit));
    world.run()
}

/// Violations of INV-17, of all violations; and what the first of them says.
fn losses(outcome: &Outcome) -> (u64, usize, String) {
    let verdict = outcome.verdicts.iter().find(|verdict| verdict.rule == Rule::NothingLost);
    let verdict = verdict.expect("every rule has a verdict");
    let said = verdict.first.as_ref().map(|first| first.what.clone()).unwrap_or_default();
    (verdict.broken, outcome.violations.len(), said)
}

// INV-17, R-SND-06: deleted is not sent.
#[test]
fn what_is_deleted_and_was_never_transmitted_is_lost() {
    assert_all_kept(&run(Habit::Honest, sink()));
    for habit in [Habit::DeletesUnsent, Habit::SaysTrueUnsent, Habit::DeletesTooEarly] {
        let outcome = run(habit, sink());
        let (broken, violations, said) = losses(&outcome);
        assert_eq!((broken, violations), (5, MESSAGES), "{habit:?}: {said}");
        assert!(said.ends_with("is deleted, and the wire never took it"), "{habit:?}: {said}");
        assert_eq!(outcome.meters.suspended, 0, "nobody kept them");
    }
}

// INV-17, R-RETRY-04: neither is what the partner refused.
#[test]
fn what_is_deleted_after_a_refusal_is_lost() {
    let refuses = SinkSettings { failure: Failure::First(1), ..sink() };
    let honest = run(Habit::Honest, refuses.clone());
    assert_all_kept(&honest);
    assert_eq!(honest.meters.resubmitted, 5);
    let (broken, violations, said) = losses(&run(Habit::DeletesRefused, refuses));
    assert_eq!((broken, violations), (5, MESSAGES), "{said}");
    assert!(said.ends_with("is deleted, and the wire refused it"), "{said}");
}

/// A sender that calls `Done` twice on every batch.
#[derive(Clone, Debug)]
struct Repeats {
    inner: Sender,
    own: TransportProxy,
}

impl Adapter for Repeats {
    fn handle_input(&mut self, now: Instant, input: AdapterInput, proxy: &mut TransportProxy) {
        self.inner.handle_input(now, input, &mut self.own);
        while let Some(output) = self.own.poll_output() {
            match output {
                AdapterOutput::Done { mut batch, .. } => {
                    assert_eq!(proxy.done(&mut batch), Status::OK);
                    let _ = proxy.done(&mut batch);
                }
                AdapterOutput::Returned { call, returned } => proxy.returned(call, returned),
                AdapterOutput::Wire { token, request } => proxy.wire(token, request),
                other => panic!("this sender does not {other:?}"),
            }
        }
    }
}

// INV-09, R-BATCH-08.
#[test]
fn a_second_done_does_nothing_and_an_engine_that_keeps_the_work_is_noticed() {
    let run = |broken: bool| {
        let mut plant = Plant::new(immediate(), FOLDER);
        plant
            .send_port("Out", "In", ASYNC, sink())
            .load(ArrivalKind::Replay(vec![ms(1); MESSAGES]), None);
        let mut world = World::new(&plant.setup);
        let own = TransportProxy::numbered(77);
        world.replace_adapter(OUT_ADAPTER, &Repeats { inner: Sender::new(ASYNC), own });
        if broken {
            world.sabotage(Sabotage::KeepPostedWork);
        }
        world.run()
    };
    let verdict = |outcome: &Outcome| {
        let mut verdicts = outcome.verdicts.iter();
        let found = verdicts.find(|verdict| verdict.rule == Rule::DoneEmptiesBatch);
        found.map(|verdict| (verdict.occasions, verdict.broken))
    };
    let honest = run(false);
    assert_all_kept(&honest);
    // One batch of five comes in, five of one go out.
    assert_eq!((verdict(&honest), honest.meters.processed), (Some((6, 0)), 5));
    let (occasions, broken) = verdict(&run(true)).expect("every rule has a verdict");
    assert_eq!((occasions, broken), (11, 11), "each Done leaves what the next posts again");
}

/// A receiver that suspends what it has submitted with success.
#[derive(Clone, Debug)]
struct Regrets {
    inner: Receiver,
    fetched: Vec<WireMessage>,
}

const REGRET: u64 = 1 << 50;

impl Adapter for Regrets {
    fn handle_input(&mut self, now: Instant, input: AdapterInput, proxy: &mut TransportProxy) {
        match &input {
            AdapterInput::WireDone { result: WireResult::Fetched { messages, .. }, .. } => {
                self.fetched.extend(messages.iter().cloned());
            }
            AdapterInput::DoneReturned { cookie: REGRET, .. } => return,
            AdapterInput::BatchComplete(status) if status.cookie == REGRET => return,
            AdapterInput::BatchComplete(_) => {
                let mut batch = proxy.get_batch(REGRET).expect("the engine runs");
                for message in self.fetched.drain(..) {
                    batch.add(Operation::MoveToSuspendQueue(Suspendable::Wire(message)));
                }
                assert_eq!(proxy.done(batch), Status::OK);
            }
            _ => {}
        }
        self.inner.handle_input(now, input, proxy);
    }
}

// INV-12: nobody followed these messages until they were suspended, commits after they came out.
#[test]
fn what_is_suspended_after_it_was_published_has_ended_twice() {
    let mut plant = Plant::new(immediate(), FOLDER);
    plant
        .send_port("Out", "In", ASYNC, sink())
        .load(ArrivalKind::Replay(vec![ms(1); MESSAGES]), None);
    let mut world = World::new(&plant.setup);
    let regrets = Regrets { inner: Receiver::new(FOLDER), fetched: Vec::new() };
    world.replace_adapter(AdapterId(0), &regrets);
    let outcome = world.run();
    assert_eq!((outcome.meters.processed, outcome.meters.suspended), (5, 5));
    let ends = outcome.verdicts.iter().find(|one| one.rule == Rule::OneEndPerDocument);
    let ends = ends.expect("every rule has a verdict");
    let said = ends.first.as_ref().map(|first| first.what.clone()).unwrap_or_default();
    assert_eq!(ends.broken, 5, "{said}");
    assert!(said.starts_with("m1 was published, and ends as a whole besides"), "{said}");
}
