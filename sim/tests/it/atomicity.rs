//! Atomicity: a batch that fails leaves the MessageBox as it was, routing failure reports aside; a
//! batch that succeeds does everything it was asked for exactly once (INV-02…06).
//!
//! Every case is posted twice: as a prepared batch straight to the MessageBox, and through a host
//! instance with its pipelines. Both must answer alike.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use floodgate_engine::adapter::{AdapterInput, AdapterOutput};
use floodgate_engine::batch::{BatchStatus, Operation, OperationKind, Status, Suspendable};
use floodgate_engine::config::{OnFailure, Topology};
use floodgate_engine::host::{DoneRace, HostInput, HostInstance, HostOutput};
use floodgate_engine::id::{AdapterId, HostInstanceId, MessageBoxId, ReferenceId};
use floodgate_engine::message::{Body, Context, Defect, Parts, PropertyId, Value, WireMessage};
use floodgate_engine::message_box::{
    Action, Effect, MessageBox, OutboundMessage, PreparedBatch, Reason, ReferenceCounts,
};
use floodgate_engine::pipeline::{Outcome, ReceivePipeline, Stage};
use floodgate_engine::retry::RetryPolicy;
use floodgate_engine::sabotage::Sabotage;
use floodgate_engine::subscription::{Condition, Filter};
use floodgate_engine::time::{Duration, Instant};
use floodgate_engine::transport_proxy::TransportProxy;
use proptest::prelude::*;

use crate::fixture::{
    ASYNC, PUSH, Plant, Verdict, demand, demand_eq, holds, immediate, notices, sink,
};

mod bench;

use bench::{Bench, action};

/// The instance that posts, and another one that has messages too.
const MINE: HostInstanceId = HostInstanceId(0);
const OTHERS: HostInstanceId = HostInstanceId(1);
const NOW: Instant = Instant::from_nanos(1_000_000_000);
/// No test gets there: a message resubmitted for then is queued and not eligible.
const LATER: Instant = Instant::from_nanos(1_000_000_000_000);
const COOKIE: u64 = 42;
/// Send ports: plain, with a backup, ordered and going on, ordered and stopping.
const PORTS: [&str; 4] = ["Plain", "Backed", "Onward", "Stopping"];
const BACKED: usize = 1;

/// What became of a published message before the batch under test.
#[derive(Clone, Copy, Debug)]
enum Past {
    Deleted,
    Locked,
    LockedToAnother,
    OnBackup,
    Resubmitted,
    Suspended,
}

/// Where a submitted message is to go.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Consumed,
    Everybody,
    FailsAndIsSuspended,
    FailsAndMustNotBeSuspended,
    FailsAndCannotBeRewound,
    Nobody,
    NobodyAndSuspended,
    One(usize),
    UnknownLocation,
}

/// An operation of the batch under test; the number names one of the references.
#[derive(Clone, Copy, Debug)]
enum Step {
    Cancel,
    Delete(usize),
    Move(usize),
    Resubmit(usize),
    Submit(Fate),
    Suspend(usize),
    SuspendWire,
}

#[derive(Clone, Debug)]
struct Case {
    pasts: Vec<(usize, Past)>,
    steps: Vec<Step>,
    through_host: bool,
}

fn fates() -> impl Strategy<Value = Fate> {
    prop_oneof![
        1 => Just(Fate::Consumed),
        3 => Just(Fate::Everybody),
        2 => Just(Fate::FailsAndIsSuspended),
        1 => Just(Fate::FailsAndMustNotBeSuspended),
        1 => Just(Fate::FailsAndCannotBeRewound),
        1 => Just(Fate::Nobody),
        2 => Just(Fate::NobodyAndSuspended),
        3 => (0..PORTS.len()).prop_map(Fate::One),
        1 => Just(Fate::UnknownLocation),
    ]
}

fn steps() -> impl Strategy<Value = Step> {
    let number = 0..8_usize;
    prop_oneof![
        1 => Just(Step::Cancel),
        10 => number.clone().prop_map(Step::Delete),
        4 => number.clone().prop_map(Step::Move),
        8 => number.clone().prop_map(Step::Resubmit),
        12 => fates().prop_map(Step::Submit),
        8 => number.prop_map(Step::Suspend),
        4 => Just(Step::SuspendWire),
    ]
}

fn cases() -> impl Strategy<Value = Case> {
    let past = prop_oneof![
        1 => Just(Past::Deleted),
        12 => Just(Past::Locked),
        1 => Just(Past::LockedToAnother),
        2 => Just(Past::OnBackup),
        1 => Just(Past::Resubmitted),
        1 => Just(Past::Suspended),
    ];
    let pasts = prop::collection::vec((0..PORTS.len(), past), 1..9);
    (pasts, prop::collection::vec(steps(), 1..7), any::<bool>())
        .prop_map(|(pasts, steps, through_host)| Case { pasts, steps, through_host })
}

fn topology() -> Topology {
    let mut plant = Plant::new(immediate(), PUSH);
    for name in PORTS {
        plant.send_port(name, name, ASYNC, sink());
        match name {
            "Backed" => {
                plant.backup(ASYNC, RetryPolicy { count: 1, interval: Duration::ZERO }, sink());
            }
            "Onward" => {
                plant.ordered(OnFailure::Continue);
            }
            "Stopping" => {
                plant.ordered(OnFailure::Stop);
            }
            _ => {}
        }
    }
    plant.instances(2);
    let mut topology = plant.setup.topology;
    topology.receive_locations[0].pipeline = ReceivePipeline::xml();
    let everybody = Condition::equals(PropertyId::RECEIVE_PORT_NAME, Value::text("Everybody"));
    for port in &mut topology.send_ports {
        port.filter.get_or_insert_with(Filter::default).groups.push(vec![everybody.clone()]);
    }
    topology
}

fn wire(number: u64, fate: Fate) -> WireMessage {
    let (location, subscriber) = match fate {
        Fate::UnknownLocation => ("Elsewhere", "Everybody"),
        Fate::Nobody | Fate::NobodyAndSuspended => ("In", "Nobody"),
        Fate::One(port) => ("In", PORTS[port]),
        _ => ("In", "Everybody"),
    };
    let mut context = Context::default();
    for (property, name) in [
        (PropertyId::INBOUND_TRANSPORT_LOCATION, location),
        (PropertyId::RECEIVE_PORT_NAME, subscriber),
    ] {
        let refused = context.promote(property, Some(Value::text(name)));
        assert!(refused.is_ok(), "names are short enough to promote");
    }
    if matches!(fate, Fate::NobodyAndSuspended) {
        let told = PropertyId::SUSPEND_MESSAGE_ON_ROUTING_FAILURE;
        context.write(told, Some(Value::Bool(true)));
    }
    if matches!(fate, Fate::FailsAndMustNotBeSuspended) {
        context.write(PropertyId::ACTION_ON_FAILURE, Some(Value::Int(0)));
    }
    let fails = matches!(
        fate,
        Fate::FailsAndIsSuspended
            | Fate::FailsAndMustNotBeSuspended
            | Fate::FailsAndCannotBeRewound
    );
    WireMessage {
        number,
        lineage: number,
        arrived: Instant::ZERO,
        context,
        parts: Parts::of(Body::Described {
            bytes: 100,
            documents: u32::from(!matches!(fate, Fate::Consumed)),
        }),
        defect: fails.then_some(Defect::at(Stage::Disassemble, 1)),
        seekable: !matches!(fate, Fate::FailsAndCannotBeRewound),
    }
}

fn suspend(wire: WireMessage, reason: Reason, status: Status) -> Action {
    Action::SuspendWire { wire: Box::new(wire), resumable: true, reason, status, thrown: false }
}

/// What each step must be answered, by the test's own account: a reference may be named once, by
/// the instance that has it.
fn due_statuses(bench: &Bench, steps: &[Step]) -> Vec<Status> {
    let mut named: Vec<ReferenceId> = Vec::new();
    let mut name = |number: usize| {
        let held = bench.held[number % bench.held.len()];
        let first = !named.contains(&held.reference);
        let free = held.mine && first;
        if free {
            named.push(held.reference);
        }
        free.then_some(held)
    };
    let answer = |step: &Step| match *step {
        // Nobody waits for it: nothing to withdraw (R-RR-11).
        Step::Cancel => Status::OK,
        Step::Delete(one) | Step::Resubmit(one) | Step::Suspend(one) => {
            if name(one).is_some() {
                Status::OK
            } else {
                Status::FAIL
            }
        }
        Step::Move(one) => match name(one) {
            Some(held) if held.port == BACKED && !held.on_backup => Status::OK,
            Some(_) => Status::NO_BACKUP_TRANSPORT,
            None => Status::FAIL,
        },
        Step::SuspendWire => Status::OK,
        Step::Submit(fate) => match fate {
            Fate::Consumed | Fate::Everybody | Fate::One(_) => Status::OK,
            Fate::FailsAndIsSuspended | Fate::NobodyAndSuspended => Status::MESSAGE_SUSPENDED,
            Fate::FailsAndCannotBeRewound | Fate::FailsAndMustNotBeSuspended => Status::FAIL,
            Fate::Nobody => Status::NO_SUBSCRIPTION,
            Fate::UnknownLocation => Status::URL_DISALLOWED,
        },
    };
    steps.iter().map(answer).collect()
}

/// The kind under which a step is filed.
fn kind(step: &Step) -> OperationKind {
    match step {
        Step::Cancel => OperationKind::CancelResponse,
        Step::Delete(_) => OperationKind::Delete,
        Step::Move(_) => OperationKind::MoveToNextTransport,
        Step::Resubmit(_) => OperationKind::Resubmit,
        Step::Submit(_) => OperationKind::Submit,
        Step::Suspend(_) | Step::SuspendWire => OperationKind::MoveToSuspendQueue,
    }
}

/// INV-04…07: the shape of the answer.
fn judge_shape(steps: &[Step], due: &[Status], status: &BatchStatus) -> Verdict {
    demand_eq(status.cookie, COOKIE, "cookie")?;
    let failed = due.iter().any(|status| !status.is_success());
    demand_eq(status.overall.is_success(), !failed, "INV-04")?;
    let mut kinds: Vec<OperationKind> = steps.iter().map(kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    demand_eq(status.operations.len(), kinds.len(), "INV-05: opCount")?;
    for filed in kinds {
        let own = steps.iter().zip(due).filter(|(step, _)| kind(step) == filed);
        let own: Vec<Status> = own.map(|(_, status)| *status).collect();
        let found = status.of(filed).map(|operation| operation.messages.clone());
        demand_eq(found, Some(own), "INV-06: statuses of a kind")?;
    }
    Ok(())
}

/// All that a rolled-back batch may not move.
#[derive(Debug, PartialEq)]
struct Rows {
    hash: u64,
    references: ReferenceCounts,
    live: u64,
    garbage: u64,
    messages: usize,
    suspended: usize,
    /// What every later look of anybody would find, in order.
    eligible: Vec<(ReferenceId, u32, bool)>,
}

fn rows(message_box: &MessageBox) -> Rows {
    let mut later = Vec::new();
    message_box.clone().dequeue(Instant::MAX, MessageBoxId(0), OTHERS, u32::MAX, &mut later);
    let seen = |one: &OutboundMessage| (one.reference, one.retries_left, one.on_backup);
    Rows {
        hash: message_box.state_hash(),
        references: message_box.reference_counts(),
        live: message_box.spool_live(),
        garbage: message_box.spool_garbage(),
        messages: message_box.suspended().messages.len(),
        suspended: message_box.suspended().references,
        eligible: later.iter().map(|one| seen(one)).collect(),
    }
}

/// INV-02, INV-22: nothing but reports; and whoever was locked can still be disposed of.
fn judge_failure(bench: &mut Bench, steps: &[Step], before: (&Rows, usize)) -> Verdict {
    demand_eq(&rows(&bench.message_box), before.0, "INV-02")?;
    let unrouted = steps.iter().filter(|step| matches!(step, Step::Submit(Fate::Nobody))).count();
    let reports = bench.message_box.suspended().reports.len() - before.1;
    demand_eq(reports, unrouted, "INV-22: reports")?;
    let mut effects = Vec::new();
    bench.message_box.take_effects(&mut effects);
    let report = |effect: &Effect| matches!(effect, Effect::RoutingFailureReport { .. });
    demand(effects.len() == unrouted && effects.iter().all(report), || format!("{effects:?}"))?;
    for held in bench.held.clone().iter().filter(|held| held.mine) {
        let delete = action(OperationKind::Delete, Action::Delete(held.reference));
        let status = bench.message_box.commit(NOW, MINE, delete);
        demand(status.overall.is_success(), || format!("{held:?} is not free again: {status}"))?;
    }
    Ok(())
}

/// How often an effect of a step was seen in `effects`.
fn times(bench: &Bench, step: &Step, number: u64, effects: &[Effect]) -> usize {
    let about = |one: usize| bench.reference(one);
    let is = |effect: &Effect| match (step, effect) {
        (Step::Delete(one), Effect::Deleted { at }) => at.reference == about(*one),
        (Step::Move(one), Effect::MovedToNextTransport { at, retries_left: 1 }) => {
            at.reference == about(*one)
        }
        (Step::Resubmit(one), Effect::Resubmitted { at, due: LATER, .. }) => {
            at.reference == about(*one)
        }
        (Step::Suspend(one), Effect::SuspendedReference { at, reason: Reason::Adapter, .. }) => {
            at.reference == about(*one)
        }
        (Step::SuspendWire, Effect::SuspendedMessage { document, reason: Reason::Adapter, .. })
        | (
            Step::Submit(Fate::FailsAndIsSuspended),
            Effect::SuspendedMessage { document, reason: Reason::Pipeline, .. },
        )
        | (
            Step::Submit(Fate::NobodyAndSuspended),
            Effect::SuspendedMessage { document, reason: Reason::Routing, .. },
        )
        | (Step::Submit(Fate::Everybody), Effect::Published { document, references: 4, .. })
        | (Step::Submit(Fate::One(_)), Effect::Published { document, references: 1, .. }) => {
            document.wire == number
        }
        _ => false,
    };
    effects.iter().filter(|effect| is(effect)).count()
}

/// Whether an effect is what some operation asked for, and not what follows from it.
fn is_asked_for(effect: &Effect) -> bool {
    match effect {
        Effect::Consumed { .. }
        | Effect::Deleted { .. }
        | Effect::MovedToNextTransport { .. }
        | Effect::Passed { .. }
        | Effect::Published { .. }
        | Effect::Resubmitted { .. }
        | Effect::RoutedMessage { .. }
        | Effect::ThrownMessage { .. }
        | Effect::RoutedReference { .. }
        | Effect::SuspendedMessage { .. }
        | Effect::SuspendedReference { .. } => true,
        Effect::Acknowledgement { .. }
        | Effect::Collectable { .. }
        | Effect::ExchangeClosed { .. }
        | Effect::ExchangeOpened { .. }
        | Effect::LateResponse { .. }
        | Effect::Locked { .. }
        | Effect::Referenced { .. }
        | Effect::Resumed { .. }
        | Effect::GroupState { .. }
        | Effect::OperationPending { .. }
        | Effect::PortState { .. }
        | Effect::ReportRemoved { .. }
        | Effect::SuspendedMessageGone { .. }
        | Effect::RoutingFailureReport { .. }
        | Effect::Logged { .. }
        | Effect::PropertiesUpdated { .. }
        | Effect::Scheduled { .. }
        | Effect::Terminated { .. }
        | Effect::Unlocked { .. } => false,
    }
}

/// INV-03: every operation once, nothing else, and the counts say so too.
fn judge_success(bench: &mut Bench, steps: &[Step], first: u64, before: &Rows) -> Verdict {
    let mut effects = Vec::new();
    bench.message_box.take_effects(&mut effects);
    let mut asked = 0;
    for (number, step) in (first..).zip(steps) {
        let due = usize::from(!matches!(step, Step::Cancel | Step::Submit(Fate::Consumed)));
        demand_eq(times(bench, step, number, &effects), due, &format!("INV-03: {step:?}"))?;
        asked += due;
    }
    let done = effects.iter().filter(|effect| is_asked_for(effect)).count();
    demand_eq(done, asked, "INV-03: effects and operations")?;
    let count = |is: fn(&Step) -> bool| steps.iter().filter(|step| is(step)).count() as u64;
    let deleted = count(|step| matches!(step, Step::Delete(_)));
    let to_work = count(|step| matches!(step, Step::Move(_) | Step::Resubmit(_)));
    let suspended = count(|step| matches!(step, Step::Suspend(_)));
    let everybody = count(|step| matches!(step, Step::Submit(Fate::Everybody)));
    let one = count(|step| matches!(step, Step::Submit(Fate::One(_))));
    let after = bench.message_box.reference_counts();
    demand_eq(after, bench.message_box.recount(), "counts and rows")?;
    let due = ReferenceCounts {
        work: before.references.work + to_work + 4 * everybody + one,
        locked: before.references.locked - deleted - to_work - suspended,
        suspended: before.references.suspended + suspended,
    };
    demand_eq(after, due, "INV-03: references")?;
    demand_eq(bench.message_box.spool_live(), before.live + everybody + one - deleted, "bodies")?;
    demand_eq(bench.message_box.spool_garbage(), before.garbage + deleted, "garbage")
}

fn all_or_nothing(case: &Case, sabotage: Option<Sabotage>) -> Verdict {
    let mut bench = Bench::new(case);
    if bench.held.is_empty() {
        return Ok(());
    }
    if let Some(sabotage) = sabotage {
        bench.message_box.sabotage(sabotage);
    }
    let due = due_statuses(&bench, &case.steps);
    let before = rows(&bench.message_box);
    let reports = bench.message_box.suspended().reports.len();
    let first = bench.next_number;
    let status = bench.post(case);
    judge_shape(&case.steps, &due, &status)?;
    if status.overall.is_success() {
        judge_success(&mut bench, &case.steps, first, &before)
    } else {
        judge_failure(&mut bench, &case.steps, (&before, reports))
    }
}

// R-ATOM-01…02, R-BATCH-05, R-BC-01…04, R-DONE-05, R-DEQ-07, R-GC-01, R-PUB-03, R-RETRY-11,
// R-ROUTE-01, R-ROUTE-04, INV-01…06, INV-22, INV-38.
#[test]
fn a_batch_does_all_or_nothing() {
    let regressions = "proptest-regressions/atomicity.txt";
    holds(10_000, regressions, &cases(), |case| all_or_nothing(case, None));
}

// INV-02.
#[test]
fn a_batch_does_all_or_nothing_notices_sabotage() {
    let broken = Some(Sabotage::ApplyFailedBatches);
    let reason = notices(10_000, &cases(), |case| all_or_nothing(case, broken));
    assert!(reason.starts_with("INV-02"), "{reason}");
}

/// The generator is not blind: enough of its batches succeed, and enough fail for each reason.
#[test]
fn batches_succeed_and_fail_for_every_reason() {
    let seen: RefCell<BTreeMap<Status, u32>> = RefCell::default();
    holds(3000, "proptest-regressions/atomicity.txt", &cases(), |case| {
        let bench = Bench::new(case);
        if !bench.held.is_empty() {
            let due = due_statuses(&bench, &case.steps);
            let first = due.iter().find(|status| !status.is_success());
            *seen.borrow_mut().entry(first.copied().unwrap_or(Status::OK)).or_default() += 1;
        }
        Ok(())
    });
    let seen = seen.into_inner();
    for status in [
        Status::OK,
        Status::FAIL,
        Status::NO_BACKUP_TRANSPORT,
        Status::NO_SUBSCRIPTION,
        Status::URL_DISALLOWED,
    ] {
        let times = seen.get(&status).copied().unwrap_or(0);
        assert!(times >= 50, "{status} came {times} times: {seen:?}");
    }
}
