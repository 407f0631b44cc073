//! What the sources leave open: each choice by its default and by its alternative.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test asks for the effect it is about")]

use floodgate_engine::adapter::AdapterOutput;
use floodgate_engine::batch::{Batch, Operation, OperationKind, Status};
use floodgate_engine::config::{
    Choices, DoubleSubmit, FailedStatus, NullCallback, PromotedLength, RetryCount, SuspendedStatus,
    Topology, Transport,
};
use floodgate_engine::message::{Context, Defect, PropertyId, Value};
use floodgate_engine::message_box::{Action, Effect, PreparedBatch, Reason};
use floodgate_engine::pipeline::{ReceivePipeline, Stage};
use floodgate_engine::retry::RetryPolicy;
use floodgate_engine::time::Duration;
use floodgate_engine::transport_proxy::TransportProxy;

use crate::bench::{
    ASYNC, Bench, FIRST, MASTER, add_send_port, batch_of, document, immediate, publishing,
    topology, wire,
};
use crate::message_box::look;

/// One receive port, one send port that takes what it publishes.
fn one_way(choices: Choices) -> Topology {
    let mut topology = topology(immediate());
    add_send_port(&mut topology, "Out", "In", ASYNC);
    topology.choices = choices;
    topology
}

/// The batch of the only `Done` that `batch` leads to, or what `Done` says.
fn posted(choices: Choices, batch: Batch) -> Result<Batch, Status> {
    let mut proxy = TransportProxy::default().choosing(choices);
    let status = proxy.done(batch);
    match (status.is_success(), proxy.poll_output()) {
        (true, Some(AdapterOutput::Done { batch, .. })) => Ok(batch),
        (false, None) => Err(status),
        (_, output) => panic!("{status} and {output:?}"),
    }
}

fn published(bench: &Bench) -> usize {
    bench.effects.iter().filter(|effect| matches!(effect, Effect::Published { .. })).count()
}

#[test]
fn a_promoted_text_has_255_characters_at_most_or_256() {
    // X-05, R-CTX-05: what is copied and what is delivered keep to the same length.
    for (choice, longest) in [(PromotedLength::Chars255, 255), (PromotedLength::Chars256, 256)] {
        let context = Context::default().promoting(choice);
        let copies = [context.clone(), context.demoted(), context.into_template(1)];
        for mut context in copies {
            let mut promote = |length| {
                let text = Value::text(&"x".repeat(length));
                context.promote(PropertyId::MESSAGE_TYPE, Some(text)).is_ok()
            };
            assert_eq!((promote(longest), promote(longest + 1)), (true, false), "{choice:?}");
        }
    }
}

#[test]
fn a_batch_without_a_callback_is_refused_or_done_without_a_word() {
    // X-07, R-BATCH-03.
    let batch = || {
        let mut batch = Batch::default();
        assert_eq!(batch.submit(wire(1)), Status::OK);
        batch
    };
    assert_eq!(posted(Choices::default(), batch()).err(), Some(Status::INVALID_ARGUMENT));
    let choices = Choices { null_callback: NullCallback::Allowed, ..Choices::default() };
    let mut bench = Bench::new(one_way(choices));
    bench.post(posted(choices, batch()).expect("it is taken"));
    assert_eq!((published(&bench), bench.done_returned()), (1, vec![0]));
    assert_eq!(bench.completed(), [], "there is nobody to tell");
    assert!(posted(choices, Batch::default()).is_err(), "an empty one is refused all the same");
}

#[test]
fn one_object_submitted_twice_fails_done_or_the_batch() {
    // R-BATCH-06: either way nothing of it is published, and which of them is at fault is said.
    let batch = || batch_of(1, [2, 3, 2].map(|number| Operation::Submit(wire(number))));
    assert_eq!(posted(Choices::default(), batch()).err(), Some(Status::INVALID_ARGUMENT));
    let choices = Choices { double_submit: DoubleSubmit::BatchFails, ..Choices::default() };
    let mut bench = Bench::new(one_way(choices));
    bench.post(posted(choices, batch()).expect("it is taken"));
    assert_eq!((published(&bench), bench.completed()), (0, vec![(1, Status::FAIL)]));
    let (_, action) = &bench.asked[0].batch.actions[2];
    assert!(matches!(action, Action::Refuse(Status::INVALID_ARGUMENT)), "{action:?}");
}

/// The overall status of a batch of a good message and of one that is as `second` says.
fn overall(choices: Choices, second: impl FnOnce(&mut Context) -> Option<Defect>) -> Status {
    let mut topology = one_way(choices);
    topology.receive_locations[0].pipeline = ReceivePipeline::xml();
    let mut bench = Bench::new(topology);
    let mut other = wire(2);
    other.defect = second(&mut other.context);
    bench.post(batch_of(1, [wire(1), other].map(Operation::Submit)));
    bench.completed()[0].1
}

#[test]
fn a_batch_that_suspended_a_message_says_so_or_says_false() {
    // X-01, R-BC-05: a success either way, so that nothing is left to suspend.
    let suspends = |_: &mut Context| Some(Defect::at(Stage::Disassemble, 1));
    assert_eq!(overall(Choices::default(), suspends), Status::MESSAGE_SUSPENDED);
    let choices = Choices { suspended_status: SuspendedStatus::SFalse, ..Choices::default() };
    let status = overall(choices, suspends);
    assert_eq!((status, status.0, status.to_string()), (Status::FALSE, 1, "S_FALSE".to_owned()));
    assert!(status.is_success());
    assert_eq!(overall(choices, |_| None), Status::OK);
}

#[test]
fn a_batch_that_failed_says_e_fail_or_what_failed_first() {
    // R-CLK-19, R-STAT-01: the name changes, and the sign does not.
    let astray = |context: &mut Context| {
        let elsewhere = Value::text("Elsewhere");
        context.write(PropertyId::INBOUND_TRANSPORT_LOCATION, Some(elsewhere));
        None
    };
    assert_eq!(overall(Choices::default(), astray), Status::FAIL);
    let choices = Choices { failed_status: FailedStatus::FirstFailure, ..Choices::default() };
    assert_eq!(overall(choices, astray), Status::URL_DISALLOWED);
    assert_eq!(overall(choices, |_| None), Status::OK);
}

/// What an adapter is shown as `RetryCount`, attempt by attempt, when it resubmits each time,
/// whatever it is shown; and why the message was suspended, if it was.
fn shown(choice: RetryCount, retries: u32, backup: Option<u32>) -> (Vec<u32>, Option<Reason>) {
    let mut topology = one_way(Choices { retry_count: choice, ..Choices::default() });
    let policy = |count| RetryPolicy { count, interval: Duration::ZERO };
    topology.send_ports[0].primary.retry = policy(retries);
    let primary = topology.send_ports[0].primary;
    topology.send_ports[0].backup =
        backup.map(|count| Transport { retry: policy(count), ..primary });
    let mut bench = Bench::new(topology);
    bench.commit(publishing(vec![document(1, "In")]));
    let mut shown = Vec::new();
    for _ in 0..6 {
        let taken = look(&mut bench, MASTER, FIRST);
        let Some(message) = taken.first() else { break };
        shown.push(message.retries_left);
        let again = Action::Resubmit(message.reference, bench.now);
        let actions = vec![(OperationKind::Resubmit, again)];
        bench.commit(PreparedBatch { actions, ..PreparedBatch::default() });
    }
    let suspended = bench.effects.iter().find_map(|effect| match effect {
        Effect::SuspendedReference { reason, .. } => Some(*reason),
        _ => None,
    });
    (shown, suspended)
}

#[test]
fn the_retry_count_counts_down_or_the_engine_keeps_it_to_itself() {
    // X-02, R-RETRY-02: an adapter that never stops is never stopped where it is shown what is
    // left (R-ADD-07); where it is shown the configured count, the engine has counted.
    assert_eq!(shown(RetryCount::Remaining, 2, None), (vec![2, 1, 0, 0, 0, 0], None));
    let retries = Some(Reason::Retries);
    assert_eq!(shown(RetryCount::Configured, 2, None), (vec![2, 2, 2], retries));
    assert_eq!(shown(RetryCount::Configured, 1, Some(0)), (vec![1, 1, 0], retries));
}
