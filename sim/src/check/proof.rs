//! Every check is able to fail: each is told of a promise that was broken, and has to notice.
//!
//! What is told before the break is as it should be, and nobody may complain about it.

mod bench;

use floodgate_engine::adapter::{ConfirmOf, Transmission};
use floodgate_engine::batch::{BatchStatus, Operation, OperationKind, Status};
use floodgate_engine::config::HostSettings;
use floodgate_engine::id::{AdapterId, MessageBoxId, TransactionId};
use floodgate_engine::message::{Context, Document, DocumentName, PropertyId, Value, WireMessage};
use floodgate_engine::message_box::{Effect, OutboundMessage, Place, Reason, Rest, Waiting};
use floodgate_engine::time::{Duration, Instant};

use bench::{
    BOUND, Bench, CONTINUES, DYNAMIC, FIRST, LENIENT, PLAIN, RETRY, STOPS, STRICT, URGENT,
    complete, name, outbound, refers, stored,
};

use super::{Asked, Attends, Ended, Rule};

/// A way to break a promise.
type Break = fn(&mut Bench);

const SUBMIT: OperationKind = OperationKind::Submit;

fn batches() -> Vec<(Rule, Break)> {
    vec![
        (Rule::OneCompletePerDone, |own| own.checks.batch_complete(0, &complete(1, &[SUBMIT]))),
        (Rule::NegativeChangesNothing, |own| {
            let failed = BatchStatus::assemble(1, [(SUBMIT, Status::FAIL)]);
            own.checks.committed(&Asked::default(), &failed, (1, 2), &[]);
        }),
        (Rule::SuccessAppliesAll, |own| {
            let at = own.published(PLAIN);
            let done = [Effect::Deleted { at }];
            own.well().checks.committed(&Asked::default(), &complete(1, &[]), (1, 2), &done);
        }),
        (Rule::OverallFollowsMessages, |own| {
            let wire = own.wire(STRICT, 1);
            own.post(0, 1, vec![Operation::Submit(wire)]);
            let status = BatchStatus { overall: Status::FAIL, ..complete(1, &[SUBMIT]) };
            own.well().checks.batch_complete(0, &status);
        }),
        (Rule::OpCountIsKinds, |own| {
            let wire = own.wire(STRICT, 1);
            own.post(0, 1, vec![Operation::Submit(wire)]);
            own.well().checks.batch_complete(0, &complete(1, &[]));
        }),
        (Rule::StatusPerMessage, |own| {
            let wire = own.wire(STRICT, 1);
            own.post(0, 1, vec![Operation::Submit(wire)]);
            own.well().checks.batch_complete(0, &complete(1, &[SUBMIT, SUBMIT]));
        }),
        (Rule::CookieReturns, |own| {
            own.post(0, 1, Vec::new());
            own.well().post(0, 1, Vec::new());
        }),
        (Rule::DoneEmptiesBatch, |own| own.post_and_keep(0, 1)),
        (Rule::HeldComesThrough, |own| {
            own.checks.throttles(FIRST, true);
            own.post(0, 1, vec![]);
            own.publish_as(FIRST, 0, 2);
            own.well().checks.nothing_held();
        }),
        (Rule::HeldComesThrough, |own| {
            // One CPU: a thread of 20 and one in the queue.
            own.checks.throttles(FIRST, true);
            let most = own.batches_inside();
            for cookie in 1..=most {
                own.publish_as(FIRST, 0, cookie);
                own.checks.done_returned(0, cookie, Status::OK);
            }
            own.publish_as(FIRST, 0, most + 1);
            own.well().checks.done_returned(0, most + 1, Status::OK);
        }),
        (Rule::BatchWithinMaximum, |own| {
            let call = own.call();
            own.checks.begin_batch(1, call, 1);
            own.checks.fill_batch(1, call);
            own.checks.fill_batch(1, call);
            own.well().checks.end_batch(1, call, false);
        }),
        (Rule::ThrownIsCleared, |own| {
            let call = own.call();
            own.checks.begin_batch(1, call, 1);
            own.checks.fill_batch(1, call);
            own.checks.threw(1, call);
            own.well().checks.end_batch(1, call, false);
        }),
    ]
}

fn references() -> Vec<(Rule, Break)> {
    vec![
        (Rule::VisibleAfterCommit, |own| {
            let at = own.place(PLAIN);
            own.tell(&[Effect::Locked { at, owner: FIRST }]);
        }),
        (Rule::OneReferenceOneEnd, |own| {
            let (at, message) = own.delivered(PLAIN);
            own.checks.wire_ends(&Transmission::of(&message), true);
            own.tell(&[Effect::Deleted { at }]);
            own.well().tell(&[Effect::Deleted { at }]);
        }),
        (Rule::ReferenceInOnePlace, |own| {
            let at = own.published(PLAIN);
            own.tell(&[suspends(at, Reason::Operator)]);
            own.well().tell(&[Effect::Locked { at, owner: FIRST }]);
        }),
        (Rule::BodyWhileReferenced, |own| own.checks.collected(1, &own.message_box)),
        (Rule::OneBody, |own| {
            own.published(PLAIN);
            own.well();
            own.checks.balance(&own.message_box);
        }),
        (Rule::NothingLost, |own| {
            own.published(PLAIN);
            own.well();
            own.checks.balance(&own.message_box);
        }),
        (Rule::NothingLost, |own| {
            let (at, _) = own.delivered(PLAIN);
            own.well().tell(&[Effect::Deleted { at }]);
        }),
        (Rule::NothingLost, |own| {
            let (at, message) = own.delivered(PLAIN);
            own.checks.wire_ends(&Transmission::of(&message), false);
            own.well().tell(&[Effect::Deleted { at }]);
        }),
        (Rule::NothingLost, |own| {
            // What an abort took back was not taken.
            let (at, message) = own.delivered(PLAIN);
            own.checks.wire_took(&Transmission::of(&message));
            own.checks.rolled_back(&Transmission::of(&message));
            own.well().tell(&[Effect::Deleted { at }]);
        }),
        (Rule::StoredNeverChanges, |own| {
            let (_, message) = own.delivered(PLAIN);
            let call = own.well().call();
            own.checks.transmit(1, call, &OutboundMessage { fingerprint: 1, ..message });
        }),
        (Rule::DeliveredIsDemoted, |own| {
            let (_, mut message) = own.delivered(PLAIN);
            let promoted =
                message.context.promote(PropertyId::MESSAGE_TYPE, Some(Value::text("T")));
            assert!(promoted.is_ok());
            let call = own.well().call();
            own.checks.transmit(1, call, &message);
        }),
    ]
}

fn queues() -> Vec<(Rule, Break)> {
    vec![
        (Rule::OneHolder, |own| {
            let at = own.published(PLAIN);
            own.tell(&[Effect::Locked { at, owner: FIRST }]);
            own.well().tell(&[Effect::Locked { at, owner: FIRST }]);
        }),
        (Rule::PriorityFirst, |own| {
            let at = own.published(PLAIN);
            own.published(STOPS);
            own.published(URGENT);
            own.well().tell(&[Effect::Locked { at, owner: FIRST }]);
        }),
        (Rule::OnTime, |own| {
            let at = own.published(PLAIN);
            let due = Instant::ZERO + Duration::from_secs(9);
            own.tell(&[Effect::Scheduled { at, due }]);
            own.well().tell(&[Effect::Locked { at, owner: FIRST }]);
        }),
        (Rule::LooksInTime, |own| {
            let late = Instant::ZERO + HostSettings::default().poll + Duration::from_nanos(1);
            let home = MessageBoxId(1);
            for (attends, looking) in
                [(Attends::Away, false), (Attends::Busy, false), (Attends::Free, true)]
            {
                own.checks.has_work(FIRST, home);
                if looking {
                    own.checks.looks(FIRST, home);
                    own.checks.has_work(FIRST, home);
                }
                own.checks.judge_looks(late, |_, _| attends);
                own.checks.forget_looks(FIRST);
            }
            own.checks.has_work(FIRST, home);
            own.checks.looks(FIRST, home);
            own.checks.looked(FIRST, home);
            own.checks.judge_looks(late, |_, _| Attends::Free);
            own.checks.has_work(FIRST, home);
            own.well().checks.judge_looks(late, |_, _| Attends::Free);
        }),
        (Rule::RoundRobin, |own| {
            own.published(PLAIN);
            own.wires += 1;
            own.well().published(PLAIN);
        }),
        (Rule::HomeOfInstance, |own| {
            own.published(STOPS);
            own.well().published(STOPS);
        }),
        (Rule::SentIsTheEnd, |own| {
            let (_, message) = own.delivered(PLAIN);
            let call = own.call();
            own.checks.transmit(1, call, &message);
            own.checks.said_sent(1, call);
            own.well().post(1, 3, vec![Operation::Delete(message.reference)]);
        }),
    ]
}

fn suspends(at: Place, reason: Reason) -> Effect {
    Effect::SuspendedReference { at, resumable: true, reason }
}

fn attempts() -> Vec<(Rule, Break)> {
    vec![
        (Rule::AttemptsBounded, |own| {
            let (_, message) = own.delivered(PLAIN);
            let attempt = Transmission::of(&message);
            own.checks.wire_begins(&attempt);
            own.checks.wire_begins(&attempt);
            own.well().checks.wire_begins(&attempt);
        }),
        (Rule::RetryInterval, |own| {
            let (_, message) = own.delivered(PLAIN);
            let attempt = Transmission::of(&message);
            own.checks.wire_begins(&attempt);
            own.checks.wire_ends(&attempt, false);
            own.checks.at(Instant::ZERO + Duration::from_secs(59));
            own.well().checks.wire_begins(&attempt);
        }),
        (Rule::RetryCountDescends, |own| {
            let (at, _) = own.delivered(PLAIN);
            let due = Instant::ZERO;
            own.well().tell(&[Effect::Resubmitted { at, due, retries_left: RETRY.count }]);
        }),
        (Rule::InnocentsKeepRetries, |own| {
            let (_, message) = own.delivered(PLAIN);
            let call = own.well().call();
            own.checks.transmit(1, call, &OutboundMessage { retries_left: 0, ..message });
        }),
        (Rule::BackupOnlyOnce, |own| {
            let (at, _) = own.delivered(PLAIN);
            let retries_left = RETRY.count;
            own.well().tell(&[Effect::MovedToNextTransport { at, retries_left }]);
        }),
        (Rule::DynamicChoice, |own| {
            own.delivered(DYNAMIC);
        }),
        (Rule::CopiesOnlyInFlight, |own| {
            let (_, message) = own.delivered(PLAIN);
            let attempt = Transmission::of(&message);
            own.checks.wire_ends(&attempt, true);
            own.well().checks.wire_ends(&attempt, true);
        }),
    ]
}

fn order() -> Vec<(Rule, Break)> {
    vec![
        (Rule::WireOrder, |own| {
            let (first, second) = two(own, CONTINUES);
            own.checks.wire_ends(&second, true);
            own.well().checks.wire_ends(&first, true);
        }),
        (Rule::OneInFlight, |own| {
            own.delivered(STOPS);
            // The instance lives where it began.
            own.wires += 1;
            own.well().delivered(STOPS);
        }),
        (Rule::StopHoldsBack, |own| {
            let (first, second) = two(own, STOPS);
            let at = Place { sequence: first.sequence, ..own.place(STOPS) };
            own.checks.wire_ends(&first, true);
            own.tell(&[suspends(at, Reason::Pipeline)]);
            own.well().checks.wire_ends(&second, true);
        }),
        (Rule::StopHoldsBack, |own| {
            // R-ORD-12: who goes on after failures stops at its backup all the same.
            let (first, second) = two(own, CONTINUES);
            let at = Place { sequence: first.sequence, ..own.place(CONTINUES) };
            own.tell(&[suspends(at, Reason::BackupTransport)]);
            own.well().checks.wire_ends(&second, true);
        }),
        (Rule::ContinueLosesOnlyFailed, |own| {
            let at = own.published(CONTINUES);
            own.well().tell(&[suspends(at, Reason::Pipeline)]);
        }),
        (Rule::OrderSurvivesDeath, |own| {
            let (first, second) = two(own, CONTINUES);
            let third = own.published(CONTINUES);
            own.checks.ended_life(FIRST);
            own.tell(&[Effect::Unlocked { at: third, owner: FIRST }]);
            own.checks.wire_ends(&second, true);
            own.checks.wire_ends(&first, true);
        }),
    ]
}

/// Attempts of two messages of an ordered port, in publication order.
fn two(own: &mut Bench, port: u32) -> (Transmission, Transmission) {
    let [first, second] = [own.place(port), own.place(port)];
    (Transmission::of(&outbound(&first)), Transmission::of(&outbound(&second)))
}

fn routing() -> Vec<(Rule, Break)> {
    vec![
        (Rule::RoutedByPredicate, |own| {
            let document = document(own);
            let expected = own.checks.expect_route(&own.topology, &document).expect("the first");
            let at = Place { document: document.name, ..own.place(PLAIN) };
            own.well().checks.check_route(&expected, &complete(1, &[SUBMIT]), &[refers(at)]);
        }),
        (Rule::OneReportPerFailure, |own| {
            own.tell(&[Effect::RoutingFailureReport { document: DocumentName::of_made(1) }]);
        }),
        (Rule::HostByPredicates, |own| {
            let mut document = document(own);
            document.context.add_predicate(PropertyId::SP_NAME, Some(Value::Int(1)));
            own.checks.expect_route(&own.topology, &document);
            let at = Place { document: document.name, ..own.place(PLAIN) };
            own.well().tell(&[stored(at.document, 1), refers(at)]);
        }),
        (Rule::PortStates, |own| {
            own.published(BOUND);
        }),
    ]
}

fn document(own: &mut Bench) -> Document {
    let WireMessage { number, lineage, arrived, parts, .. } = own.wire(STRICT, 1);
    Document { name: name(number, 1), lineage, arrived, context: Context::default(), parts }
}

fn exchanges() -> Vec<(Rule, Break)> {
    vec![
        (Rule::WaitsWhileOpen, |own| {
            let waiting = Waiting { request: 1, owner: FIRST, adapter: AdapterId(0), token: 1 };
            own.tell(&[Effect::ExchangeOpened { waiting }]);
        }),
        (Rule::ReplyWithDelete, |own| {
            let (at, _) = own.delivered(PLAIN);
            let response = own.wire(STRICT, 1);
            let document = name(response.number, 1);
            let solicit = at.reference;
            let reply = Operation::SubmitResponse { solicit, response };
            own.post(1, 4, vec![reply, Operation::Delete(solicit)]);
            own.well().tell(&[stored(document, 0)]);
        }),
        (Rule::OneEndPerRequest, |own| {
            own.asks(true);
            own.answers(7, false);
            own.well().answers(7, false);
        }),
        (Rule::AnswerInTime, |own| {
            own.asks(true);
            own.well().checks.at(Instant::ZERO + Duration::from_secs(20));
            own.answers(7, false);
        }),
        (Rule::AnswerComesHome, |own| own.answers(8, false)),
        (Rule::TwoWayNotResumable, |own| {
            let request = own.asks(true);
            own.well().tell(&[suspended_message(name(request, 0), true)]);
        }),
        (Rule::OneNackPerSuspension, |own| {
            let (of, document) = (own.published(PLAIN).document, DocumentName::of_made(1));
            let nack = Effect::Acknowledgement { document, of, sequence: 0, positive: false };
            let made = stored(document, 1);
            let at = Place { document, ..own.place(PLAIN) };
            own.well().tell(&[nack, made, refers(at)]);
        }),
    ]
}

fn suspended_message(document: DocumentName, resumable: bool) -> Effect {
    Effect::SuspendedMessage { document, resumable, reason: Reason::Pipeline }
}

fn transactions() -> Vec<(Rule, Break)> {
    vec![
        (Rule::ConfirmedOnce, |own| own.checks.confirmed(0, ConfirmOf::Batch(1), None)),
        (Rule::ExactlyOneFate, |own| ends(own, true, (1, 1), vec![1])),
        (Rule::AbortChangesNothing, |own| ends(own, false, (1, 2), Vec::new())),
    ]
}

fn ends(own: &mut Bench, committed: bool, hashes: (u64, u64), read: Vec<u64>) {
    let ended = Ended { committed, hashes, effects: &[], read, sent: &[] };
    own.checks.transaction_ended(TransactionId(1), &ended, &own.message_box);
}

fn life() -> Vec<(Rule, Break)> {
    vec![
        (Rule::LocksGoBackInTime, |own| {
            let (at, _) = own.delivered(PLAIN);
            own.well().tell(&[Effect::Unlocked { at, owner: FIRST }]);
        }),
        (Rule::TerminateLeavesNothing, |own| {
            own.delivered(PLAIN);
            own.well().checks.terminated(1);
        }),
    ]
}

fn interchanges() -> Vec<(Rule, Break)> {
    vec![
        (Rule::OneEndPerDocument, |own| {
            own.splits(STRICT, &[1, 2, 3, 3]);
        }),
        (Rule::OneEndPerDocument, |own| {
            // A plain message that nobody followed until it was suspended.
            let number = own.wire(STRICT, 1).number;
            own.well()
                .tell(&[stored(name(number, 1), 0), suspended_message(name(number, 0), true)]);
        }),
        (Rule::OneEndPerDocument, |own| {
            let number = own.wire(STRICT, 1).number;
            own.tell(&[suspended_message(name(number, 0), true)]);
            own.well().tell(&[stored(name(number, 1), 0)]);
        }),
        (Rule::OneEndPerDocument, |own| {
            // Published first, and suspended by a later commit; nobody followed it.
            let number = own.wire(STRICT, 1).number;
            own.tell(&[stored(name(number, 1), 0)]);
            own.well().tell(&[suspended_message(name(number, 0), true)]);
        }),
        (Rule::OneEndPerDocument, |own| {
            let number = own.wire(STRICT, 1).number;
            own.tell(&[Effect::Passed { wire: number, rest: Rest::Dropped, documents: 1 }]);
            own.well().tell(&[stored(name(number, 1), 0)]);
        }),
        (Rule::AllOrNone, |own| {
            own.splits(STRICT, &[1]);
        }),
        (Rule::RecoveryLosesOnlyBad, |own| {
            own.splits(LENIENT, &[1, 3]);
        }),
        (Rule::SequenceCounts, |own| {
            own.splits(STRICT, &[1, 2, 4]);
        }),
        (Rule::ResumeBeginsWhereItMust, |own| {
            let number = own.wire(LENIENT, 3).number;
            let wire = WireMessage { number, ..own.wire(LENIENT, 3) };
            own.post(0, 5, vec![Operation::Submit(wire)]);
            own.tell(&[
                stored(name(number, 1), 0),
                stored(name(number, 2), 0),
                suspended_message(name(number, 3), true),
            ]);
            let document = name(number, 3);
            let gone = Effect::SuspendedMessageGone { document, resumed: true };
            own.well().tell(&[gone, stored(name(number, 2), 0)]);
        }),
        (Rule::FailedAreRouted, |own| {
            let error = DocumentName::of_error(1);
            own.tell(&[stored(error, 0)]);
        }),
    ]
}

#[test]
fn every_check_notices_that_its_promise_is_broken() {
    // INV-01…07, INV-09…19, INV-22…42, INV-44…64.
    let kinds =
        [batches(), references(), attempts(), order(), routing(), exchanges(), transactions()];
    let breaks: Vec<_> =
        kinds.into_iter().chain([queues(), life(), interchanges()]).flatten().collect();
    let unnoticed: Vec<_> = (breaks.iter())
        .map(|(rule, break_it)| {
            let mut bench = Bench::new();
            break_it(&mut bench);
            (rule.id(), *rule, bench.broken())
        })
        .filter(|(_, rule, broken)| !broken.contains(rule))
        .collect();
    assert!(unnoticed.is_empty(), "{unnoticed:?}");
    let untold: Vec<&Rule> =
        Rule::ALL.iter().filter(|rule| !breaks.iter().any(|(told, _)| told == *rule)).collect();
    assert!(untold.is_empty(), "nobody breaks {untold:?}");
}
