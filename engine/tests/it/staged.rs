//! Batches whose effects wait for an outcome, on the bench: the MessageBox's branch.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test asks for the effect it is about")]

use floodgate_engine::batch::{OperationKind, Status};
use floodgate_engine::config::{Topology, UnroutedSuspension};
use floodgate_engine::id::{ReferenceId, SendPortId, TransactionId};
use floodgate_engine::message::{PropertyId, Value};
use floodgate_engine::message_box::{Action, Effect, PortOperation, PreparedBatch, Reason};
use floodgate_engine::subscription::{Condition, Filter, Operator};

use crate::bench::{
    ASYNC, Bench, FIRST, MASTER, add_send_port, document, immediate, publishing, topology, wire,
};

const ONE: TransactionId = TransactionId(1);
const TWO: TransactionId = TransactionId(2);

fn one_port() -> Topology {
    let mut topology = topology(immediate());
    add_send_port(&mut topology, "Out", "In", ASYNC);
    topology
}

fn stage(bench: &mut Bench, transaction: TransactionId, batch: PreparedBatch) -> Status {
    bench.message_box.stage_batch(bench.now, FIRST, transaction, batch).operations[0].status
}

fn act(action: Action) -> PreparedBatch {
    let actions = vec![(OperationKind::Delete, action)];
    PreparedBatch { actions, ..PreparedBatch::default() }
}

fn taken(bench: &mut Bench) -> Vec<ReferenceId> {
    let mut found = Vec::new();
    bench.message_box.dequeue(bench.now, MASTER, FIRST, 9, &mut found);
    found.iter().map(|message| message.reference).collect()
}

/// The effects since the last time.
fn effects(bench: &mut Bench) -> Vec<Effect> {
    let mut effects = Vec::new();
    bench.message_box.take_effects(&mut effects);
    effects
}

fn commit(bench: &mut Bench, transaction: TransactionId) {
    bench.message_box.commit_transaction(bench.now, transaction);
}

fn abort(bench: &mut Bench, transaction: TransactionId) {
    bench.message_box.abort_transaction(bench.now, transaction);
}

#[test]
fn what_a_transaction_names_is_held_until_its_outcome() {
    // R-TXN-02, R-CLK-13, INV-55: nobody else may name it, and an abort leaves it as it was.
    let mut bench = Bench::new(one_port());
    for number in [1, 2] {
        bench.commit(publishing(vec![document(number, "In")]));
    }
    let ids = taken(&mut bench);
    let before = bench.message_box.state_hash();
    assert_eq!(stage(&mut bench, ONE, act(Action::Delete(ids[0]))), Status::OK);
    assert_eq!(stage(&mut bench, TWO, act(Action::Delete(ids[1]))), Status::OK);
    assert_eq!(bench.message_box.state_hash(), before);
    for other in [TWO, ONE] {
        assert!(!stage(&mut bench, other, act(Action::Delete(ids[0]))).is_success());
    }
    let outside = bench.commit(act(Action::Delete(ids[0])));
    assert!(!outside.overall.is_success());
    abort(&mut bench, ONE);
    assert_eq!(bench.message_box.state_hash(), before);
    assert!(!bench.commit(act(Action::Delete(ids[1]))).overall.is_success(), "not yet");
    assert!(bench.message_box.prepare(TWO));
    commit(&mut bench, TWO);
    assert_eq!(bench.message_box.reference_counts().total(), 1);
    assert!(bench.commit(act(Action::Delete(ids[0]))).overall.is_success());
    assert_eq!(bench.message_box.reference_counts().total(), 0);
}

#[test]
fn a_branch_that_has_promised_takes_nothing_more() {
    // R-CLK-13: others do, and its outcome is what it promised.
    let mut bench = Bench::new(one_port());
    let batch = |number| publishing(vec![document(number, "In")]);
    assert_eq!(stage(&mut bench, ONE, batch(1)), Status::OK);
    assert_eq!(stage(&mut bench, TWO, batch(2)), Status::OK);
    assert_eq!(stage(&mut bench, ONE, batch(3)), Status::OK);
    assert!(bench.message_box.prepare(ONE));
    assert_eq!(stage(&mut bench, ONE, batch(4)), Status::FAIL);
    assert_eq!(stage(&mut bench, TWO, batch(5)), Status::OK);
    assert!(taken(&mut bench).is_empty());
    commit(&mut bench, ONE);
    assert_eq!(taken(&mut bench).len(), 2);
    abort(&mut bench, TWO);
    assert!(taken(&mut bench).is_empty());
    assert!(bench.message_box.prepare(TransactionId(9)), "nothing was asked of it");
}

#[test]
fn a_branch_votes_no_when_what_it_judged_is_so_no_more() {
    // R-CLK-13: a subscriber went, or a lock did.
    let mut bench = Bench::new(one_port());
    assert_eq!(stage(&mut bench, ONE, publishing(vec![document(1, "In")])), Status::OK);
    bench.message_box.operate_port(SendPortId(0), PortOperation::Unenlist).expect("it may");
    assert!(!bench.message_box.prepare(ONE));
    bench.message_box.operate_port(SendPortId(0), PortOperation::Start).expect("it may");
    assert!(bench.message_box.prepare(ONE));
    commit(&mut bench, ONE);
    let id = taken(&mut bench)[0];
    assert_eq!(stage(&mut bench, TWO, act(Action::Delete(id))), Status::OK);
    assert_eq!(bench.message_box.release_locks(FIRST), 1);
    assert!(!bench.message_box.prepare(TWO), "nobody has it");
    assert_eq!(taken(&mut bench), [id]);
    assert!(!bench.message_box.prepare(TWO), "it was taken anew");
    commit(&mut bench, TWO);
    assert_eq!(bench.message_box.reference_counts().locked, 1, "and is nobody else's to end");
}

#[test]
fn what_lost_its_subscribers_after_the_vote_is_suspended() {
    // R-DUP-02: after the vote there is no way back, and nothing is lost.
    let mut bench = Bench::new(one_port());
    stage(&mut bench, ONE, publishing(vec![document(1, "In")]));
    assert!(bench.message_box.prepare(ONE));
    bench.message_box.operate_port(SendPortId(0), PortOperation::Unenlist).expect("it may");
    commit(&mut bench, ONE);
    let kept: Vec<(u64, Reason)> = (bench.message_box.suspended().messages.iter())
        .map(|message| (message.name().wire, message.reason))
        .collect();
    assert_eq!(kept, [(1, Reason::Routing)]);
}

#[test]
fn what_the_engine_suspends_is_as_resumable_inside_a_transaction_as_outside() {
    // X-13, INV-62: what came from a location, the same with the wish not to be resumed,
    // and what came from none, which is a reply.
    for (location, wish, resumable) in
        [(true, false, true), (true, true, false), (false, false, false)]
    {
        for inside in [false, true] {
            let mut topology = one_port();
            topology.choices.unrouted_suspension = UnroutedSuspension::Engine;
            let mut bench = Bench::new(topology);
            let mut astray = document(1, "Elsewhere");
            let context = &mut astray.context;
            if location {
                context.write(PropertyId::INBOUND_TRANSPORT_LOCATION, Some(Value::text("C:/in")));
            }
            context.write(PropertyId::SUSPEND_AS_NON_RESUMABLE, wish.then_some(Value::Bool(true)));
            if inside {
                let status = stage(&mut bench, ONE, publishing(vec![astray]));
                assert_eq!(status, Status::MESSAGE_SUSPENDED);
                commit(&mut bench, ONE);
            } else {
                bench.commit(publishing(vec![astray]));
            }
            let messages = &bench.message_box.suspended().messages;
            let found: Vec<bool> = messages.iter().map(|message| message.resumable).collect();
            assert_eq!(found, [resumable], "{location} {wish} {inside}");
        }
    }
}

#[test]
fn a_reply_that_lost_its_subscriber_after_the_vote_is_not_resumable() {
    // R-DUP-02, INV-62: whoever suspends it, by default too.
    for (location, resumable) in [(true, true), (false, false)] {
        let mut bench = Bench::new(one_port());
        let mut document = document(1, "In");
        let name = location.then(|| Value::text("C:/in"));
        document.context.write(PropertyId::INBOUND_TRANSPORT_LOCATION, name);
        stage(&mut bench, ONE, publishing(vec![document]));
        assert!(bench.message_box.prepare(ONE));
        bench.message_box.operate_port(SendPortId(0), PortOperation::Unenlist).expect("it may");
        commit(&mut bench, ONE);
        let messages = &bench.message_box.suspended().messages;
        let found: Vec<bool> = messages.iter().map(|message| message.resumable).collect();
        assert_eq!(found, [resumable]);
    }
}

/// A port that routes failed messages, and one that takes error messages, if there is one.
fn routing(takes_errors: bool) -> Topology {
    let mut topology = one_port();
    topology.receive_ports[0].route_failed = true;
    if takes_errors {
        add_send_port(&mut topology, "Errors", "In", ASYNC);
        let failed = Condition {
            property: PropertyId::ERROR_TYPE,
            operator: Operator::Exists,
            value: Value::Int(0),
        };
        topology.send_ports[1].filter = Some(Filter::all_of(vec![failed]));
    }
    topology
}

fn throws(number: u64, thrown: bool) -> PreparedBatch {
    act(Action::SuspendWire {
        wire: Box::new(wire(number)),
        resumable: true,
        reason: Reason::Pipeline,
        status: Status::MESSAGE_SUSPENDED,
        thrown,
    })
}

/// The messages of which error messages were published, and whether by a throw.
fn errors(bench: &mut Bench) -> Vec<(u64, bool)> {
    let errors = effects(bench).into_iter().filter_map(|effect| match effect {
        Effect::ThrownMessage { document, .. } => Some((document.wire, true)),
        Effect::RoutedMessage { document, .. } => Some((document.wire, false)),
        Effect::SuspendedMessage { document, .. } => panic!("{document} was suspended"),
        _ => None,
    });
    errors.collect()
}

#[test]
fn a_pipeline_that_throws_dooms_its_transaction_and_no_other() {
    // R-FMR-07: the error message is there all the same, at once.
    let mut bench = Bench::new(routing(true));
    assert!(!bench.message_box.publish_thrown(bench.now));
    assert_eq!(stage(&mut bench, TWO, publishing(vec![document(8, "In")])), Status::OK);
    assert_eq!(stage(&mut bench, ONE, throws(1, true)), Status::FAIL);
    assert!(bench.message_box.publish_thrown(bench.now));
    assert!(!bench.message_box.publish_thrown(bench.now), "once");
    assert_eq!(errors(&mut bench), [(1, true)]);
    let again = stage(&mut bench, ONE, publishing(vec![document(2, "In")]));
    assert_eq!(again, Status::TRANSACTION_ABORTED);
    assert!(!bench.message_box.prepare(ONE) && bench.message_box.prepare(TWO));
    abort(&mut bench, ONE);
    assert!(bench.message_box.suspended().messages.is_empty(), "its source has it again");
    assert_eq!(taken(&mut bench).len(), 1, "the error message");
    assert!(bench.message_box.prepare(ONE), "nothing of it is remembered");
}

#[test]
fn what_a_component_suspends_leaves_the_transaction_as_it_is() {
    // R-FMR-07: its error message is one of the documents of it.
    let mut bench = Bench::new(routing(true));
    assert_eq!(stage(&mut bench, ONE, throws(1, false)), Status::MESSAGE_SUSPENDED);
    assert!(!bench.message_box.publish_thrown(bench.now));
    assert_eq!(errors(&mut bench), []);
    assert!(bench.message_box.prepare(ONE));
    commit(&mut bench, ONE);
    assert_eq!(errors(&mut bench), [(1, false)]);
}

#[test]
fn a_throw_that_nobody_wants_to_hear_of_is_a_suspension_in_the_transaction() {
    // R-FMR-06, R-FMR-07.
    let mut bench = Bench::new(routing(false));
    assert_eq!(stage(&mut bench, ONE, throws(1, true)), Status::MESSAGE_SUSPENDED);
    assert!(!bench.message_box.publish_thrown(bench.now));
    assert!(bench.message_box.prepare(ONE));
    commit(&mut bench, ONE);
    assert_eq!(bench.message_box.suspended().messages.len(), 1);
}
