//! Orchestrations on the bench: what runs, what waits for an answer, and how each ends.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test asks for the effect it is about")]

use floodgate_engine::batch::{OperationKind, Status};
use floodgate_engine::config::{MessageBoxConfig, Orchestration, Topology};
use floodgate_engine::id::{HostId, MessageBoxId, OrchestrationId, SubscriberId};
use floodgate_engine::message::{Document, PropertyId, Value};
use floodgate_engine::message_box::{
    Action, Effect, Exchange, OrchestrationStatus, OutboundMessage, PreparedBatch, Reason,
};
use floodgate_engine::orchestration::{AnswerShape, Convoy, Program, SendShape};
use floodgate_engine::subscription::{Condition, Filter};
use floodgate_engine::time::Duration;

use crate::bench::{Bench, FIRST, MASTER, document, immediate, publishing, topology};

const ASKS: SubscriberId = SubscriberId(0);
const GATHERS: SubscriberId = SubscriberId(1);
/// What the convoy correlates by.
const VALUE: PropertyId = PropertyId(900);
const PATIENCE: Duration = Duration::from_secs(10);

/// `Ask` takes what comes from `Question` and waits for the answer; `Gather` takes what comes from
/// `In`, two messages of a value, a minute at most after the last.
fn orchestrations(patience: Option<Duration>) -> Topology {
    let mut topology = topology(immediate());
    let programs = [
        Program {
            sends: Some(SendShape::default()),
            answer: Some(AnswerShape { patience, sends: None }),
            ..Program::default()
        },
        Program {
            convoy: Some(Convoy {
                property: VALUE,
                messages: 2,
                idle: Some(Duration::from_minutes(1)),
            }),
            ..Program::default()
        },
    ];
    for ((name, from), program) in [("Ask", "Question"), ("Gather", "In")].into_iter().zip(programs)
    {
        let filter = Condition::equals(PropertyId::RECEIVE_PORT_NAME, Value::text(from));
        topology.orchestrations.push(Orchestration {
            name: name.to_owned(),
            host: HostId(0),
            filter: Filter::all_of(vec![filter]),
            priority: 7,
            ordered: false,
            program,
        });
    }
    topology
}

/// A document for the convoy of `value`.
fn of_value(number: u64, value: i64) -> Document {
    let mut document = document(number, "In");
    document.context.promote(VALUE, Some(Value::Int(value))).expect("a number");
    document
}

/// What correlates by a token; `kind` makes it an acknowledgement.
fn answer(number: u64, token: &str, kind: Option<&str>) -> Document {
    let mut document = document(number, "Elsewhere");
    document
        .context
        .promote(PropertyId::CORRELATION_TOKEN, Some(Value::text(token)))
        .expect("short");
    if let Some(kind) = kind {
        document.context.write(PropertyId::ACK_TYPE, Some(Value::text(kind)));
    }
    document
}

fn publish(bench: &mut Bench, document: Document) -> Status {
    bench.commit(publishing(vec![document])).operations[0].status
}

/// Takes the next message.
fn take(bench: &mut Bench) -> Option<Box<OutboundMessage>> {
    let mut found = Vec::new();
    for home in 0..bench.message_box.boxes() {
        bench.message_box.dequeue(bench.now, MessageBoxId::from(home), FIRST, 1, &mut found);
    }
    found.pop()
}

fn commit(bench: &mut Bench, actions: impl IntoIterator<Item = Action>) {
    let actions = actions.into_iter().map(|action| (OperationKind::Delete, action)).collect();
    let status = bench.commit(PreparedBatch { actions, ..PreparedBatch::default() });
    assert_eq!(status.overall, Status::OK);
}

/// The question of message `number` is sent, and its turn ends: the instance waits.
fn ask(bench: &mut Bench, number: u64, token: &str, patience: Option<Duration>) {
    publish(bench, document(number, "Question"));
    let question = take(bench).expect("the question waits").reference;
    let waits = Action::Await(question, Value::text(token), patience);
    commit(bench, [waits, Action::Consume(question)]);
}

fn consume(bench: &mut Bench) {
    let next = take(bench).expect("a message waits").reference;
    commit(bench, [Action::Consume(next)]);
}

fn states(bench: &Bench, topology: &Topology, id: u32) -> Vec<OrchestrationStatus> {
    bench.message_box.orchestration_states(topology, OrchestrationId(id))
}

/// Instances that are over, and that wait.
fn ended_and_waiting(bench: &Bench, id: SubscriberId) -> (u64, u64) {
    let counts = bench.message_box.orchestrations(id);
    (counts.completed, counts.waiting)
}

/// Created, completed, discarded, dehydrated, rehydrated, persisted.
fn tally(bench: &Bench, id: SubscriberId) -> [u64; 6] {
    let own = bench.message_box.orchestrations(id);
    [own.created, own.completed, own.discarded, own.dehydrated, own.rehydrated, own.persisted]
}

#[test]
fn an_instance_lives_from_its_question_to_the_answer() {
    // R-SR-03, R-SUB-05, R-MBX-02, INV-26.
    let topology = orchestrations(Some(PATIENCE));
    let mut bench = Bench::new(topology.clone());
    use OrchestrationStatus::{Active, Dehydrated, ReadyToRun};
    publish(&mut bench, document(1, "Question"));
    assert_eq!(states(&bench, &topology, 0), [ReadyToRun]);
    let question = take(&mut bench).expect("the question waits").reference;
    assert_eq!(states(&bench, &topology, 0), [Active]);
    bench.now += Duration::from_secs(5);
    let waits = Action::Await(question, Value::text("t"), Some(PATIENCE));
    commit(&mut bench, [waits, Action::Consume(question)]);
    assert_eq!(states(&bench, &topology, 0), [Dehydrated]);
    assert_eq!(states(&bench, &topology, 1), []);
    assert_eq!(ended_and_waiting(&bench, ASKS), (0, 1));
    assert_eq!(ended_and_waiting(&bench, GATHERS), (0, 0));
    assert_eq!(bench.message_box.instance_subscriptions(MASTER), 1);
    assert_eq!(bench.message_box.poll_timeout(), Some(bench.now + PATIENCE));
    assert_eq!(publish(&mut bench, answer(2, "other", None)), Status::NO_SUBSCRIPTION);
    publish(&mut bench, answer(3, "t", None));
    assert_eq!(states(&bench, &topology, 0), [ReadyToRun]);
    assert_eq!(ended_and_waiting(&bench, ASKS), (0, 0), "it has what it waits for");
    assert_eq!(bench.message_box.poll_timeout(), None, "and its patience is no longer tried");
    let answer = take(&mut bench).expect("the answer waits");
    assert_eq!((answer.subscriber, answer.exchange), (ASKS, Exchange::Answer));
    assert_eq!(states(&bench, &topology, 0), [Active]);
    commit(&mut bench, [Action::Consume(answer.reference)]);
    assert_eq!(states(&bench, &topology, 0), []);
    assert_eq!(ended_and_waiting(&bench, ASKS), (1, 0));
    assert_eq!(bench.message_box.instance_subscriptions(MASTER), 0);
    // Once it had to wait, and the answer brought it back; each of its turns was stored.
    assert_eq!(tally(&bench, ASKS), [1, 1, 0, 1, 1, 2]);
}

#[test]
fn patience_ends_and_what_comes_later_finds_nobody() {
    // R-MBX-12, INV-26: where there is no convoy, too.
    let mut topology = orchestrations(Some(PATIENCE));
    topology.orchestrations.pop();
    let mut bench = Bench::new(topology);
    ask(&mut bench, 1, "t", Some(PATIENCE));
    ask(&mut bench, 2, "forever", None);
    let end = bench.now + PATIENCE;
    bench.message_box.wake(bench.now + Duration::from_secs(9));
    assert_eq!(ended_and_waiting(&bench, ASKS), (0, 2));
    bench.message_box.wake(end);
    assert_eq!(ended_and_waiting(&bench, ASKS), (1, 1));
    assert_eq!(publish(&mut bench, answer(3, "t", None)), Status::NO_SUBSCRIPTION);
    assert_eq!(publish(&mut bench, answer(4, "forever", None)), Status::OK);
}

#[test]
fn the_first_answer_ends_it_and_another_is_discarded() {
    // R-SR-03, R-MBX-12: what is still routed to an instance that ended is not resumable.
    let mut bench = Bench::new(orchestrations(None));
    ask(&mut bench, 1, "t", None);
    publish(&mut bench, answer(2, "t", None));
    publish(&mut bench, answer(3, "t", None));
    consume(&mut bench);
    let discarded: Vec<(u64, bool, Reason)> = (bench.effects.iter())
        .filter_map(|effect| match effect {
            Effect::SuspendedReference { at, resumable, reason } => {
                Some((at.document.wire, *resumable, *reason))
            }
            _ => None,
        })
        .collect();
    assert_eq!(discarded, [(3, false, Reason::Zombie)]);
    assert_eq!(bench.message_box.suspended().references, 1);
    assert_eq!(tally(&bench, ASKS), [1, 1, 1, 1, 1, 2]);
    assert_eq!(ended_and_waiting(&bench, ASKS), (1, 0));
    assert_eq!(states(&bench, &orchestrations(None), 0), [], "what is discarded runs no more");
}

#[test]
fn a_convoy_without_a_last_message_goes_on() {
    // R-ORD-03: only time ends it.
    let mut topology = orchestrations(None);
    let convoy = topology.orchestrations[1].program.convoy.as_mut().expect("it gathers");
    convoy.messages = 0;
    let mut bench = Bench::new(topology);
    for number in 1..=3 {
        publish(&mut bench, of_value(number, 1));
        consume(&mut bench);
    }
    assert_eq!(ended_and_waiting(&bench, GATHERS), (0, 1));
}

#[test]
fn a_convoy_ends_with_its_last_message_or_for_want_of_one() {
    // R-ORD-03, R-SUB-05, R-MBX-02.
    use OrchestrationStatus::{Dehydrated, ReadyToRun};
    let topology = orchestrations(None);
    let mut bench = Bench::new(topology.clone());
    for (number, value) in [(1, 1), (2, 1), (3, 2), (4, 3)] {
        publish(&mut bench, of_value(number, value));
    }
    assert_eq!(states(&bench, &topology, 1), [ReadyToRun; 3], "one for each value");
    for _ in 0..4 {
        consume(&mut bench);
    }
    // The first value had its two messages, the others wait for their second.
    assert_eq!(states(&bench, &topology, 1), [Dehydrated; 2]);
    assert_eq!(ended_and_waiting(&bench, GATHERS), (1, 2));
    assert_eq!(ended_and_waiting(&bench, ASKS), (0, 0));
    bench.now += Duration::from_secs(30);
    publish(&mut bench, of_value(5, 2));
    assert_eq!(ended_and_waiting(&bench, GATHERS), (1, 1));
    let minute = bench.message_box.poll_timeout().expect("the third is patient for a minute");
    assert_eq!(minute, bench.now + Duration::from_secs(30));
    bench.message_box.wake(minute);
    assert_eq!(ended_and_waiting(&bench, GATHERS), (2, 0));
    assert_eq!(states(&bench, &topology, 1), [ReadyToRun]);
    consume(&mut bench);
    assert_eq!(ended_and_waiting(&bench, GATHERS), (3, 0));
    // A value that ended begins anew.
    publish(&mut bench, of_value(6, 1));
    consume(&mut bench);
    assert_eq!(ended_and_waiting(&bench, GATHERS), (3, 1));
}

#[test]
fn what_a_convoy_asks_is_no_instance_that_ends() {
    // R-ORD-03, R-SR-03: its first turn sends something and waits for the answer, in a part of it
    // that comes and goes; the instance itself ends with its second message.
    let mut bench = Bench::new(orchestrations(None));
    publish(&mut bench, of_value(1, 1));
    let turn = take(&mut bench).expect("the convoy begins").reference;
    let waits = Action::Await(turn, Value::text("t"), None);
    commit(&mut bench, [waits, Action::Consume(turn)]);
    assert_eq!(tally(&bench, GATHERS)[1], 0, "it goes on");
    publish(&mut bench, answer(2, "t", None));
    consume(&mut bench);
    assert_eq!(tally(&bench, GATHERS)[1], 0, "an answer is not its end");
    publish(&mut bench, of_value(3, 1));
    consume(&mut bench);
    assert_eq!(tally(&bench, GATHERS)[1], 1);
}

/// MessageBoxes of which the master only routes.
fn apart(names: [&str; 3]) -> Topology {
    let mut topology = orchestrations(None);
    topology.message_boxes = names
        .map(|name| MessageBoxConfig { name: name.to_owned(), publishes: name != "Master" })
        .into();
    topology
}

#[test]
fn the_master_writes_a_row_for_each_instance_that_starts_elsewhere() {
    // R-SUB-07, R-ORD-21: a value of the same batch, or one that runs already, starts nothing.
    let mut bench = Bench::new(apart(["Master", "Second", "Third"]));
    let started = |bench: &mut Bench, documents: Vec<Document>| {
        let routed = documents.len() as u32;
        let batch = publishing(documents);
        let footprints = bench.message_box.footprint(&batch);
        bench.commit(batch);
        let mut touched = (0..3).filter_map(|at| footprints.get(at));
        let (_, master) = touched.find(|(home, _)| *home == MASTER).expect("it routes");
        assert_eq!(master.routed, routed);
        // The looks into the subscriptions are counted, too.
        master.rows - routed
    };
    assert_eq!(started(&mut bench, vec![of_value(1, 1), of_value(2, 1), of_value(3, 2)]), 2);
    assert_eq!(started(&mut bench, vec![of_value(4, 2), of_value(5, 3)]), 1);
    assert_eq!(started(&mut bench, vec![document(6, "In")]), 0, "nothing to correlate by");
    assert_eq!(started(&mut bench, vec![document(7, "Question")]), 0);
    let mut question = of_value(8, 9);
    let port = Some(Value::text("Question"));
    question.context.promote(PropertyId::RECEIVE_PORT_NAME, port).expect("a short name");
    assert_eq!(started(&mut bench, vec![question]), 0, "the convoy does not subscribe to it");
}

#[test]
fn a_wait_is_a_row_where_the_instance_lives_and_its_copy_at_the_master() {
    // R-SUB-07, R-MMB-03.
    let mut bench = Bench::new(apart(["Master", "Second", "Third"]));
    publish(&mut bench, document(1, "Question"));
    publish(&mut bench, document(2, "Question"));
    let second = take(&mut bench).expect("the question waits").reference;
    let waits = Action::Await(second, Value::text("t"), None);
    let actions =
        [Action::Consume(second), waits].map(|action| (OperationKind::Delete, action)).into();
    let batch = PreparedBatch { actions, ..PreparedBatch::default() };
    let footprints = bench.message_box.footprint(&batch);
    let touched: Vec<(u32, u32)> = (0..3)
        .filter_map(|at| footprints.get(at))
        .map(|(home, asked)| (home.0, asked.rows))
        .collect();
    // Of the reference and the instance's state, then of the subscription, at both ends.
    assert_eq!(touched, [(2, 3), (0, 1)]);
    assert_eq!(footprints.boxes(), 2);
}

#[test]
fn an_instance_and_its_answer_live_where_the_question_did() {
    // R-MMB-03, R-SUB-07: the master keeps a copy of the subscription.
    let mut bench = Bench::new(apart(["Master", "Second", "Third"]));
    ask(&mut bench, 1, "a", None);
    ask(&mut bench, 2, "b", None);
    ask(&mut bench, 3, "c", None);
    let rows = (0..3).map(|home| bench.message_box.instance_subscriptions(MessageBoxId(home)));
    assert_eq!(rows.collect::<Vec<_>>(), [3, 2, 1]);
    publish(&mut bench, answer(4, "b", None));
    let home = bench.effects.iter().rev().find_map(|effect| match effect {
        Effect::Referenced { at, activates, .. } => Some((at.home, *activates)),
        _ => None,
    });
    assert_eq!(home, Some((MessageBoxId(2), false)));
}

#[test]
fn that_the_question_was_sent_is_no_answer_and_that_it_was_not_is() {
    // R-SR-06, R-ROUTE-05: an acknowledgement that nobody wants is dropped without a trace.
    let mut bench = Bench::new(orchestrations(None));
    ask(&mut bench, 1, "t", None);
    assert_eq!(publish(&mut bench, answer(2, "t", Some("ACK"))), Status::OK);
    assert!(take(&mut bench).is_none() && bench.message_box.suspended().reports.is_empty());
    publish(&mut bench, answer(3, "t", Some("NACK")));
    assert_eq!(take(&mut bench).map(|message| message.document.wire), Some(3));
}

#[test]
fn a_question_is_awaited_and_carries_its_token_and_an_answer_is_neither() {
    // R-SR-03, R-CTX-07: only what is sent for the message that activated it is awaited; what is
    // sent for the answer has no token, and a program that waits for none writes none.
    let mut topology = orchestrations(Some(PATIENCE));
    let own = |topology: &Topology, message: &OutboundMessage| {
        let orchestration = &topology.orchestrations[0];
        let awaited = match orchestration.awaits(message) {
            Some(Action::Await(reference, token, patience)) => {
                assert_eq!((reference, patience), (message.reference, Some(PATIENCE)));
                Some(token)
            }
            other => {
                assert!(other.is_none(), "{other:?}");
                None
            }
        };
        let sent = orchestration.sends(topology, message);
        let token = |sent: Document| sent.context.read(PropertyId::CORRELATION_TOKEN).cloned();
        (awaited, sent.map(token))
    };
    let mut bench = Bench::new(topology.clone());
    publish(&mut bench, document(1, "Question"));
    let question = take(&mut bench).expect("the question waits");
    let (awaited, sent) = own(&topology, &question);
    assert!(awaited.is_some());
    assert_eq!(sent, Some(awaited));
    let answered = OutboundMessage { exchange: Exchange::Answer, ..(*question).clone() };
    assert_eq!(own(&topology, &answered), (None, None), "nothing is sent for the answer");
    let program = &mut topology.orchestrations[0].program;
    program.answer = Some(AnswerShape { patience: None, sends: Some(SendShape::default()) });
    assert_eq!(own(&topology, &answered), (None, Some(None)));
    topology.orchestrations[0].program.answer = None;
    assert_eq!(own(&topology, &question), (None, Some(None)));
    let program = &mut topology.orchestrations[0].program;
    program.sends = None;
    program.answer = Some(AnswerShape { patience: None, sends: None });
    assert_eq!(own(&topology, &question), (None, None), "nothing is sent: nothing is awaited");
}
