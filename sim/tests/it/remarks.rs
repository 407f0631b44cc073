//! What an adapter writes on a message it gives back: `PropertiesToUpdate` and `SetErrorInfo`.

use floodgate_engine::adapter::{Adapter, AdapterInput, ErrorSubject, Receiver, Returned, Sender};
use floodgate_engine::batch::{Operation, Suspendable};
use floodgate_engine::id::{AdapterId, ReferenceId, SendPortId};
use floodgate_engine::message::{Defect, PropertyId, Value};
use floodgate_engine::message_box::{Effect, OutboundMessage};
use floodgate_engine::pipeline::{ReceivePipeline, Stage};
use floodgate_engine::properties_to_update::{SYSTEM_NAMESPACE, to_xml};
use floodgate_engine::retry::RetryPolicy;
use floodgate_engine::time::{Duration, Instant};
use floodgate_engine::transport_proxy::TransportProxy;
use floodgate_sim::check::Rule;
use floodgate_sim::setup::Poison;
use floodgate_sim::trace::Event;
use floodgate_sim::world::World;

use crate::fixture::{ASYNC, PUSH, Plant, Story, assert_all_kept, finish, immediate, ms, sink};

const OUT: SendPortId = SendPortId(0);
const OUT_ADAPTER: AdapterId = AdapterId(1);
const MINE: &str = "http://mine";

/// Does with each delivery what `act` says; counts deliveries by itself for the test's sake only.
#[derive(Clone, Debug)]
struct Scripted {
    deliveries: u32,
    act: fn(u32, Instant, CallOf, &mut TransportProxy),
}

/// A delivery to act on.
struct CallOf {
    message: OutboundMessage,
    properties: [PropertyId; 1],
}

impl Scripted {
    fn new(act: fn(u32, Instant, CallOf, &mut TransportProxy)) -> Self {
        Self { deliveries: 0, act }
    }
}

impl Adapter for Scripted {
    fn handle_input(&mut self, now: Instant, input: AdapterInput, proxy: &mut TransportProxy) {
        if let AdapterInput::TransmitMessage { call, message } = input {
            self.deliveries += 1;
            proxy.returned(call, Returned::Pending);
            let properties = [PropertyId(FIRST_OF_MINE)];
            (self.act)(self.deliveries, now, CallOf { message: *message, properties }, proxy);
        }
    }
}

/// The identity that the first property of a test's own gets: after the engine's.
const FIRST_OF_MINE: u32 = 1_000;

fn plant() -> Plant {
    let mut plant = Plant::new(immediate(), PUSH);
    plant.send_port("Out", "In", ASYNC, sink()).all_at_once(1);
    let properties = &mut plant.setup.topology.properties;
    let mut filler = 0;
    while properties.intern(&format!("filler.{filler}")).0 + 1 < FIRST_OF_MINE {
        filler += 1;
    }
    assert_eq!(properties.intern(&format!("{MINE}.Mine")), PropertyId(FIRST_OF_MINE));
    plant
}

fn run(plant: &Plant, act: fn(u32, Instant, CallOf, &mut TransportProxy)) -> World {
    let mut world = plant.telling();
    world.replace_adapter(OUT_ADAPTER, &Scripted::new(act));
    finish(&mut world);
    // R-ADD-07: the ladder of retries binds adapters that claim to climb it; these never reach
    // the wire, so what they delete is lost (INV-17).
    let expected = [Rule::AttemptsBounded, Rule::NothingLost];
    let broken = world.checks().violations().iter();
    let broken: Vec<_> = broken.filter(|known| !expected.contains(&known.rule)).collect();
    assert!(broken.is_empty(), "{broken:?}");
    world
}

#[test]
fn an_adapter_may_retry_more_often_than_configured() {
    // R-ADD-07, R-RETRY-04, R-RETRY-02: the engine counts down to zero and enforces nothing.
    let mut plant = plant();
    plant.retry(1, Duration::from_secs(1));
    let world = run(&plant, |delivery, now, CallOf { message, .. }, proxy| {
        let reference = message.reference;
        assert_eq!(message.retries_left, u32::from(delivery == 1));
        match delivery {
            1..5 => post(proxy, Operation::Resubmit { reference, at: now }, None),
            _ => post(proxy, Operation::Delete(reference), None),
        }
    });
    assert_eq!(Story::of(&world).count(&["TransmitMessage(m1)"]), 5);
    assert_eq!(world.message_box().reference_counts().total(), 0);
}

fn post(proxy: &mut TransportProxy, operation: Operation, xml: Option<(ReferenceId, String)>) {
    let mut batch = proxy.get_batch(1).expect("the engine runs");
    batch.add(operation);
    if let Some((reference, xml)) = xml {
        batch.update_properties(reference, &xml);
    }
    assert!(proxy.done(batch).is_success());
}

fn kept_retries(message: &OutboundMessage) -> String {
    let count = Value::Int(message.retries_left.into());
    to_xml(&[("RetryCount", SYSTEM_NAMESPACE, count), ("Mine", MINE, Value::text("kept"))])
}

#[test]
fn a_message_given_back_for_now_keeps_its_retries_and_what_was_written_on_it() {
    // R-RETRY-09, R-CTX-10, R-RETRY-06.
    let world = run(&plant(), |delivery, now, CallOf { message, properties }, proxy| {
        let reference = message.reference;
        let found = message.context.read(properties[0]).cloned();
        assert_eq!(message.retries_left, 3, "delivery {delivery}");
        if delivery < 4 {
            assert_eq!(found.is_some(), delivery > 1);
            let xml = kept_retries(&message);
            return post(proxy, Operation::Resubmit { reference, at: now }, Some((reference, xml)));
        }
        assert_eq!(found, Some(Value::text("kept")));
        post(proxy, Operation::Delete(reference), None);
    });
    let story = Story::of(&world);
    assert_eq!(story.instants(&["TransmitMessage(m1) RetryCount 3"]), [ms(0); 4]);
    assert_eq!(world.message_box().reference_counts().total(), 0);
    let empty = World::new(&plant().setup).message_box().state_hash();
    assert_eq!(world.message_box().state_hash(), empty, "no remark outlives its message");
    // All is as it should be, but that it was deleted unsent.
    let outcome = world.conclude();
    let broken: Vec<Rule> = outcome.violations.iter().map(|known| known.rule).collect();
    assert_eq!(broken, [Rule::NothingLost]);
    assert!(outcome.findings.iter().all(|finding| finding.holds != Some(false)));
}

#[test]
fn an_ordinary_write_does_not_survive_a_resubmit_and_costs_what_it_always_costs() {
    // R-CTX-10, second half; R-RETRY-02, INV-36.
    let world = run(&plant(), |delivery, now, CallOf { mut message, properties }, proxy| {
        let reference = message.reference;
        assert_eq!(message.context.read(properties[0]), None, "delivery {delivery}");
        message.context.write(properties[0], Some(Value::Int(1)));
        match delivery {
            1 => post(proxy, Operation::Resubmit { reference, at: now }, None),
            _ => post(proxy, Operation::Delete(reference), None),
        }
    });
    assert_eq!(Story::of(&world).count(&["TransmitMessage(m1) RetryCount 2"]), 1);
}

#[test]
fn what_is_kept_with_a_suspended_message_is_there_when_it_is_resumed() {
    // R-CTX-10, R-RETRY-13, R-ORD-15: the property itself may say that it is not resumable.
    for resumable in [true, false] {
        let act: fn(u32, Instant, CallOf, &mut TransportProxy) = match resumable {
            true => |delivery, _, call, proxy| suspend_first(delivery, &call, proxy, false),
            false => |delivery, _, call, proxy| suspend_first(delivery, &call, proxy, true),
        };
        let mut world = run(&plant(), act);
        assert_eq!(world.message_box().reference_counts().suspended, 1);
        assert_eq!(world.resume(OUT), usize::from(resumable));
        finish(&mut world);
        let left = u64::from(!resumable);
        assert_eq!(world.message_box().reference_counts().total(), left);
    }
}

fn suspend_first(delivery: u32, call: &CallOf, proxy: &mut TransportProxy, for_good: bool) {
    let reference = call.message.reference;
    let mine = call.message.context.read(call.properties[0]);
    if delivery == 1 {
        assert_eq!(mine, None);
        let xml = to_xml(&[
            ("SuspendAsNonResumable", SYSTEM_NAMESPACE, Value::Bool(for_good)),
            ("Mine", MINE, Value::Int(7)),
        ]);
        let suspend = Operation::MoveToSuspendQueue(Suspendable::Reference(reference));
        return post(proxy, suspend, Some((reference, xml)));
    }
    assert_eq!(mine, Some(&Value::Int(7)));
    post(proxy, Operation::Delete(reference), None);
}

#[test]
fn properties_that_cannot_be_read_fail_their_operation() {
    // R-CTX-10, R-BC-04.
    let world = run(&plant(), |_, now, CallOf { message, .. }, proxy| {
        let reference = message.reference;
        let xml = "<PropertiesToUpdate>".to_owned();
        post(proxy, Operation::Resubmit { reference, at: now }, Some((reference, xml)));
    });
    let story = Story::of(&world);
    assert_eq!(story.count(&["BatchComplete(E_FAIL, 1, [{Resubmit,E_INVALIDARG,1"]), 1);
    assert_eq!(world.message_box().reference_counts().locked, 1, "it is still the adapter's");
}

#[test]
fn the_text_of_a_failure_is_logged_with_every_step_and_kept_with_the_suspended_message() {
    // R-MSG-09, R-RETRY-04.
    let mut plant = plant();
    plant.retry(1, Duration::from_secs(1)).backup(
        ASYNC,
        RetryPolicy { count: 0, interval: Duration::ZERO },
        sink(),
    );
    let world = run(&plant, |delivery, now, CallOf { message, .. }, proxy| {
        let reference = message.reference;
        proxy.set_error_info(ErrorSubject::Reference(reference), &format!("failure {delivery}"));
        let operation = match delivery {
            1 => Operation::Resubmit { reference, at: now + message.retry_interval },
            2 => Operation::MoveToNextTransport(reference),
            _ => Operation::MoveToSuspendQueue(Suspendable::Reference(reference)),
        };
        post(proxy, operation, None);
    });
    Story::of(&world).assert_order(&[
        &["event log: m1 of Out Retried"],
        &["event log: m1 of Out Moved"],
        &["event log: m1 of Out Suspended"],
    ]);
    let suspended = world.trace().history().iter().find_map(|(_, event)| match event {
        Event::Effect(Effect::SuspendedReference { at, .. }) => Some(at.reference),
        _ => None,
    });
    let text = suspended.and_then(|reference| world.message_box().error_of(reference));
    assert_eq!(text, Some("failure 3"));
}

#[test]
fn the_text_of_an_exception_is_logged_by_the_default_action() {
    // R-MSG-09, R-RETRY-05, R-SND-08.
    #[derive(Clone, Debug)]
    struct Throws;
    impl Adapter for Throws {
        fn handle_input(&mut self, _: Instant, input: AdapterInput, proxy: &mut TransportProxy) {
            if let AdapterInput::TransmitMessage { call, message } = input {
                proxy.set_error_info(ErrorSubject::Reference(message.reference), "exception");
                proxy.returned(call, Returned::Failed);
            }
        }
    }
    let mut plant = plant();
    plant.retry(1, Duration::from_secs(1));
    let mut world = plant.telling();
    world.replace_adapter(OUT_ADAPTER, &Throws);
    finish(&mut world);
    Story::of(&world)
        .assert_order(&[&["event log: m1 of Out Retried"], &["event log: m1 of Out Suspended"]]);
}

/// Does what its inner adapter does, and then fails in every `BatchComplete`.
#[derive(Clone, Debug)]
struct FailsAtTheEnd<A>(A);

impl<A: Adapter> Adapter for FailsAtTheEnd<A> {
    fn handle_input(&mut self, now: Instant, input: AdapterInput, proxy: &mut TransportProxy) {
        let completed =
            if let AdapterInput::BatchComplete(own) = &input { Some(own.cookie) } else { None };
        self.0.handle_input(now, input, proxy);
        if let Some(cookie) = completed {
            proxy.completion_failed(cookie);
        }
    }
}

#[test]
fn what_batch_complete_returns_changes_nothing_and_is_logged() {
    // R-BC-09: receiver and sender, batches that succeed and batches that do not.
    let mut plant = Plant::new(immediate(), PUSH);
    plant.send_port("Out", "In", ASYNC, sink()).all_at_once(4);
    plant.setup.topology.receive_locations[0].pipeline = ReceivePipeline::xml();
    plant.setup.topology.receive_locations[0]
        .context
        .write(PropertyId::ACTION_ON_FAILURE, Some(Value::Int(0)));
    let defect = Defect::at(Stage::Disassemble, 1);
    plant.setup.loads[0].poison = Some(Poison { every: 2, defect });
    let mut plain = plant.telling();
    finish(&mut plain);
    let mut failing = plant.telling();
    failing.replace_adapter(AdapterId(0), &FailsAtTheEnd(Receiver::new(PUSH)));
    failing.replace_adapter(OUT_ADAPTER, &FailsAtTheEnd(Sender::new(ASYNC)));
    finish(&mut failing);
    let (quiet, loud) = (Story::of(&plain), Story::of(&failing));
    let completed = loud.count(&["BatchComplete("]);
    assert_eq!((completed, loud.count(&["BatchComplete failed"])), (8, 8));
    assert_eq!(loud.count(&["BatchComplete(E_FAIL"]), 2);
    // Without the entries of the log it is the same story.
    let other = loud.text();
    let rest: Vec<&str> =
        other.lines().filter(|line| !line.contains("BatchComplete failed")).collect();
    assert_eq!(rest, quiet.text().lines().collect::<Vec<_>>());
    assert_eq!(failing.message_box().state_hash(), plain.message_box().state_hash());
    assert_all_kept(&failing.conclude());
}
