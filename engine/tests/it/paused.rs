//! A host instance that is throttled, and its part in distributed transactions: what is held back,
//! with a thread or without, and until when.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test listens for what it is about")]

use floodgate_engine::adapter::{AdapterInput, CallId, Returned};
use floodgate_engine::batch::{Batch, Operation};
use floodgate_engine::config::{HostSettings, OrchestrationQueue, Topology, Watermarks};
use floodgate_engine::host::{DoneRace, HostInput};
use floodgate_engine::id::{AdapterId, TransactionId};
use floodgate_engine::message::Body;
use floodgate_engine::message_box::{Action, Effect};
use floodgate_engine::pipeline::ReceivePipeline;
use floodgate_engine::throttle::{
    DeliveryState, Holdings, Memory, PublishingState, Throttle, ThrottleSettings,
};
use floodgate_engine::time::Duration;

use crate::administrator::add_orchestration;
use crate::bench::{
    ASYNC, BATCHED, Bench, FIRST, RECEIVER, add_send_port, batch_of, immediate, one_thread,
    topology, wire, wire_of,
};

const PAUSE: Duration = Duration::from_secs(30);
const ONE: TransactionId = TransactionId(1);
const TWO: TransactionId = TransactionId(2);

/// Send ports `A` and `B`, each with an adapter of its own; both take what comes from `In`.
fn two_ports(settings: HostSettings) -> Topology {
    let mut topology = topology(settings);
    add_send_port(&mut topology, "A", "In", ASYNC);
    add_send_port(&mut topology, "B", "In", ASYNC);
    topology
}

/// A tenth of the longest delay.
fn publishing_waits() -> Throttle {
    let throttle = Throttle::publishing(PublishingState::Rate, 0.1);
    assert_eq!((throttle.publishing_delay, throttle.delivery_delay), (PAUSE, Duration::ZERO));
    throttle
}

fn delivery_waits() -> Throttle {
    let throttle = Throttle::delivery(DeliveryState::InProcess, 0.1);
    assert_eq!((throttle.publishing_delay, throttle.delivery_delay), (Duration::ZERO, PAUSE));
    throttle
}

fn throttled(topology: Topology, throttle: Throttle) -> Bench {
    let mut bench = Bench::new(topology);
    bench.tell(HostInput::Throttle(throttle));
    bench
}

fn wake(bench: &mut Bench, after: Duration) {
    bench.now += after;
    bench.tell(HostInput::Wake);
}

fn submit(bytes: u32) -> Operation {
    Operation::Submit(wire_of(u64::from(bytes), Body::Described { bytes, documents: 1 }))
}

/// Every adapter goes on by itself: what was handed over since message `from` holds no thread.
fn go_on(bench: &mut Bench, from: usize) {
    let mut at = from;
    while let Some(call) = bench.transmitted().get(at).map(|(call, _)| *call) {
        bench.returned(call, Returned::Pending);
        at += 1;
    }
}

fn busy(bench: &Bench) -> u32 {
    bench.host.gauges().threads_busy
}

#[test]
fn a_publication_pauses_on_its_thread_and_nothing_else_does() {
    // R-THR-03.
    let mut bench = Bench::new(two_ports(immediate()));
    bench.publish([1]);
    go_on(&mut bench, 0);
    let sent: Vec<_> = bench.transmitted().iter().map(|(_, one)| one.reference).collect();
    bench.tell(HostInput::Throttle(publishing_waits()));
    assert_eq!(bench.host.throttled(), publishing_waits());
    bench.post(batch_of(1, [submit(10)]));
    bench.post(batch_of(2, [Operation::Delete(sent[0])]));
    assert_eq!(bench.completed().len(), 1, "what only ends deliveries does not publish");
    assert_eq!((busy(&bench), bench.host.publishing_held()), (1, 1));
    assert_eq!(bench.host.poll_timeout(), Some(bench.now + PAUSE));
    wake(&mut bench, Duration::from_secs(29));
    assert_eq!(bench.completed().len(), 1);
    // What pauses goes on when it was told to.
    wake(&mut bench, Duration::from_secs(1));
    let order = |bench: &Bench| bench.completed().iter().map(|one| one.0).collect::<Vec<_>>();
    assert_eq!(order(&bench), [2, 1]);
    go_on(&mut bench, 2);
    assert_eq!((busy(&bench), bench.host.publishing_held()), (0, 0));
}

#[test]
fn a_delay_that_is_cut_cuts_the_pauses_that_it_made_and_no_others() {
    // R-THR-03: no pause is longer than the delay is now; one that grows is for what comes.
    let mut bench = throttled(two_ports(immediate()), publishing_waits());
    bench.post(batch_of(1, [submit(10)]));
    bench.now += Duration::from_secs(4);
    bench.post(batch_of(2, [submit(10)]));
    let order = |bench: &Bench| bench.completed().iter().map(|one| one.0).collect::<Vec<_>>();
    let publishing = |share| Throttle::publishing(PublishingState::Rate, share);
    bench.tell(HostInput::Throttle(publishing(0.5)));
    assert_eq!(bench.host.poll_timeout(), Some(bench.now + Duration::from_secs(26)));
    // Fifteen seconds: eleven of them are left to the first, all to the second.
    bench.tell(HostInput::Throttle(publishing(0.05)));
    assert_eq!((order(&bench), bench.host.publishing_held()), (vec![], 2));
    wake(&mut bench, Duration::from_secs(11));
    assert_eq!(order(&bench), [1]);
    bench.tell(HostInput::Throttle(Throttle::default()));
    assert_eq!((order(&bench), bench.host.publishing_held()), (vec![1, 2], 0));
    // Deliveries go by the other delay, in the order in which they began to pause.
    let mut bench = throttled(two_ports(immediate()), delivery_waits());
    for number in 1..=3 {
        bench.publish([number]);
        bench.now += Duration::from_secs(1);
    }
    assert_eq!(bench.transmitted().len(), 0);
    let cut = Throttle { delivery_delay: Duration::from_millis(1), ..publishing_waits() };
    bench.tell(HostInput::Throttle(cut));
    assert!(!bench.transmitted().is_empty(), "they have waited for a second and more");
}

#[test]
fn an_orchestration_s_turn_pauses_like_a_publication() {
    // R-THR-03, R-PUB-01.
    let mut topology = topology(immediate());
    add_orchestration(&mut topology);
    let mut bench = throttled(topology, publishing_waits());
    bench.publish([1]);
    assert_eq!((bench.host.turns(), bench.host.publishing_held(), busy(&bench)), (1, 1, 1));
    assert_eq!(bench.asked.len(), 0);
    wake(&mut bench, PAUSE);
    assert_eq!((bench.host.turns(), bench.host.publishing_held(), busy(&bench)), (0, 0, 0));
    assert_eq!(bench.asked.len(), 1);
}

#[test]
fn a_delivery_pauses_without_a_thread_and_as_many_as_there_could_be_threads() {
    // R-THR-03: with one thread one pauses, the other adapter's waits until it goes on.
    let mut bench = throttled(two_ports(one_thread()), delivery_waits());
    let sent = |bench: &Bench| -> Vec<(u64, u32)> {
        let sent = bench.transmitted();
        sent.iter().map(|(_, one)| (one.document.wire, one.subscriber.0)).collect()
    };
    bench.publish([1]);
    assert_eq!((sent(&bench), busy(&bench), bench.works.len()), (vec![], 0, 1));
    assert_eq!(bench.host.publishing_held(), 0);
    bench.post(batch_of(1, []));
    assert_eq!(bench.done_returned(), [1], "the thread is free");
    let mut told = 0;
    let mut pass = |bench: &mut Bench| {
        wake(bench, PAUSE);
        go_on(bench, told);
        told = bench.transmitted().len();
        sent(bench)
    };
    assert_eq!((pass(&mut bench), bench.works.len()), (vec![(1, 0)], 3), "the other pauses now");
    assert_eq!(pass(&mut bench), [(1, 0), (1, 1)]);
    // What pauses is counted anew each time.
    for number in 2..=4 {
        bench.publish([number]);
        pass(&mut bench);
        assert_eq!(pass(&mut bench)[2 * number as usize - 2..], [(number, 0), (number, 1)]);
    }
}

#[test]
fn a_delivery_that_waits_for_another_s_pause_begins_when_there_may_be_more_threads() {
    // R-THR-03, R-SHUT-03: unless the service stops before.
    for stops in [false, true] {
        let settings = HostSettings { threads: 2, threads_start: 1, ..immediate() };
        let throttle = Throttle { threads_less: 1, ..delivery_waits() };
        let mut bench = throttled(two_ports(settings), throttle);
        bench.publish([1]);
        let made = |bench: &Bench| {
            let loads = bench.calls.iter().filter(|(_, input)| matches!(input, AdapterInput::Load));
            loads.map(|(adapter, _)| adapter.0).collect::<Vec<_>>()
        };
        assert_eq!(made(&bench), [1]);
        if stops {
            bench.tell(HostInput::Stop);
        }
        bench.tell(HostInput::Throttle(Throttle::default()));
        assert_eq!(made(&bench), if stops { vec![1] } else { vec![1, 2] });
    }
}

#[test]
fn a_batch_that_takes_little_memory_passes() {
    // R-THR-03: all that it carries, at what the process takes for a message of that size.
    let mut settings = immediate();
    let memory = Memory { base: 1, per_message: 5, factor: 200, ..Memory::default() };
    settings.throttling =
        Some(ThrottleSettings { memory: Some(memory), ..ThrottleSettings::default() });
    let spares = |spares| Throttle { spares, ..publishing_waits() };
    let passes = |settings: HostSettings, throttle, operations: Vec<Operation>| {
        let mut bench = throttled(two_ports(settings), throttle);
        bench.post(batch_of(1, operations));
        !bench.completed().is_empty()
    };
    // Ten bytes are 20, and 5 for the message.
    assert!(passes(settings, spares(26), vec![submit(10)]));
    assert!(!passes(settings, spares(25), vec![submit(10)]));
    assert!(!passes(settings, spares(24), vec![submit(10)]));
    assert!(!passes(settings, spares(0), vec![submit(10)]));
    let wanted = Operation::MoveToSuspendQueue(floodgate_engine::batch::Suspendable::Wire(wire(9)));
    assert!(passes(settings, spares(51), vec![submit(10), wanted.clone()]));
    assert!(!passes(settings, spares(50), vec![submit(10), wanted]));
    assert!(!passes(immediate(), spares(1000), vec![submit(10)]), "no memory is seen");
}

fn held(messages: u64, bytes: u64) -> Holdings {
    Holdings { messages, bytes }
}

#[test]
fn a_process_holds_what_comes_in_and_what_is_not_finished() {
    // R-THR-02: batches outside, waiting and at work; of what was taken, as many as are out, at
    // their mean size.
    let mut settings = one_thread();
    settings.batch_queue = 1;
    let mut bench = Bench::new(two_ports(settings));
    assert_eq!(bench.host.holdings(), held(0, 0));
    bench.hold_work = true;
    bench.post(batch_of(1, [submit(10), submit(100)]));
    assert_eq!(bench.host.holdings(), held(2, 110));
    bench.post(batch_of(2, [submit(1000)]));
    bench.post(batch_of(3, [submit(5000)]));
    assert_eq!(bench.host.gauges().throttled_batches, 1);
    assert_eq!(bench.host.holdings(), held(4, 6110));
    bench.hold_work = false;
    bench.finish_work(0);
    go_on(&mut bench, 0);
    // Everything was published, taken by two ports, and sent to adapters that do not answer.
    assert_eq!((bench.completed().len(), bench.transmitted().len()), (3, 8));
    assert_eq!(bench.host.gauges().in_process, 8);
    assert_eq!(bench.host.holdings(), held(8, 8 * (6110 / 4)));
    let ended = bench.transmitted();
    let done: Vec<Operation> =
        ended[..5].iter().map(|(_, one)| Operation::Delete(one.reference)).collect();
    bench.post(batch_of(4, done));
    assert_eq!(bench.host.holdings(), held(3, 3 * (6110 / 4)));
}

#[test]
fn with_watermarks_nothing_is_taken_until_the_low_one_is_passed() {
    // R-DEQ-09.
    let mut settings = immediate();
    settings.watermarks = Some(Watermarks { high: 4, low: 2 });
    let mut topology = topology(settings);
    add_send_port(&mut topology, "Out", "In", ASYNC);
    let mut bench = Bench::new(topology);
    bench.publish(1..=9);
    let sent = |bench: &Bench| bench.transmitted().len();
    assert_eq!(sent(&bench), 4, "as many as the high one are out");
    let finish = |bench: &mut Bench, at: usize| {
        let reference = bench.transmitted()[at].1.reference;
        bench.post(batch_of(at as u64, [Operation::Delete(reference)]));
    };
    finish(&mut bench, 0);
    finish(&mut bench, 1);
    assert_eq!(sent(&bench), 4, "two are out: not fewer than the low one");
    finish(&mut bench, 2);
    assert_eq!(sent(&bench), 7, "filled up to the high one again");
    for at in 3..6 {
        finish(&mut bench, at);
    }
    assert_eq!(sent(&bench), 9);
    // Where it was never full, what comes is taken at once.
    finish(&mut bench, 6);
    bench.publish([10]);
    assert_eq!(sent(&bench), 10);
}

#[test]
fn with_a_queue_length_orchestrations_pause_and_go_on_at_their_marks() {
    // R-DEQ-09 is the like of it; R-DEQ-01: what is not taken stays in the MessageBox.
    let mut settings = immediate();
    settings.orchestration_queue = Some(OrchestrationQueue { pause_at: 5, resume_at: 2 });
    let mut topology = topology(settings);
    add_orchestration(&mut topology);
    let mut bench = Bench::new(topology);
    bench.hold_work = true;
    bench.publish(1..=12);
    let inside = |bench: &Bench| bench.host.turns() + bench.host.turns_waiting();
    assert_eq!((inside(&bench), bench.looks.as_slice()), (5, &[5][..]));
    bench.finish_work(0);
    bench.finish_work(1);
    assert_eq!(inside(&bench), 3, "paused: not as few as the second mark says");
    bench.finish_work(2);
    assert_eq!(inside(&bench), 5, "two were left, and three were taken");
    for at in 3..9 {
        bench.finish_work(at);
    }
    assert_eq!((inside(&bench), bench.works.len()), (3, 12), "five, two, five, and the last two");
    // A process that starts anew knows of nobody's pause.
    bench.host.die();
    assert_eq!(inside(&bench), 0);
}

/// Posts in a transaction; the bench stores it at once, which is not this test's business.
fn post_in(bench: &mut Bench, batch: Batch, transaction: TransactionId) {
    let race = DoneRace::default();
    let transaction = Some(transaction);
    bench.tell(HostInput::Posted { adapter: RECEIVER, batch, race, transaction });
}

fn outcome(bench: &mut Bench, transaction: TransactionId, committed: bool) -> u32 {
    bench.tell(HostInput::TransactionDone { transaction, committed });
    bench.host.gauges().in_process
}

#[test]
fn what_a_transaction_ends_is_over_when_its_outcome_is_known() {
    // R-TXN-02, R-TXN-06, R-TXN-07: of each transaction its own deliveries.
    let mut bench = Bench::new(two_ports(immediate()));
    bench.publish([1, 2]);
    let ids: Vec<_> = bench.transmitted().iter().map(|(_, one)| one.reference).collect();
    assert_eq!((ids.len(), bench.host.gauges().in_process), (4, 4));
    let delete = |ids: &[_]| ids.iter().map(|id| Operation::Delete(*id)).collect::<Vec<_>>();
    post_in(&mut bench, batch_of(1, delete(&ids[..2])), ONE);
    post_in(&mut bench, batch_of(2, delete(&ids[2..3])), TWO);
    assert_eq!((bench.completed().len(), bench.host.gauges().in_process), (2, 4));
    assert_eq!(outcome(&mut bench, TransactionId(9), true), 4);
    assert_eq!(outcome(&mut bench, TWO, false), 4, "its adapter does the rest");
    assert_eq!(outcome(&mut bench, ONE, true), 2);
    assert_eq!(outcome(&mut bench, ONE, true), 2, "once");
    bench.post(batch_of(3, delete(&ids[3..])));
    assert_eq!(bench.host.gauges().in_process, 1, "without one it is over with the batch");
    assert_eq!(bench.host.totals().finished, 3);
}

/// A batch of two messages, sent inside the transaction of its `BeginBatch`.
fn sent_in(bench: &mut Bench, transaction: TransactionId) {
    bench.publish([1, 2]);
    let (_, begin) = bench.calls.last().expect("it begins");
    let AdapterInput::BeginBatch { call, .. } = *begin else { panic!("it begins, not {begin:?}") };
    let transaction = Some(transaction);
    bench.returned(call, Returned::Begun { max: 10, transaction });
    bench.returned(call, Returned::Sent);
    bench.returned(call, Returned::Sent);
    assert!(matches!(bench.calls.last(), Some((_, AdapterInput::Done { .. }))));
    bench.returned(call, Returned::Done);
}

fn batched() -> Bench {
    let mut topology = topology(immediate());
    add_send_port(&mut topology, "Out", "In", BATCHED);
    Bench::new(topology)
}

/// What the last transaction was, by the first letters of its actions, and whether in another's.
fn last_asked(bench: &Bench) -> (Vec<&'static str>, Option<TransactionId>) {
    let asked = bench.asked.last().expect("there was one");
    let word = |action: &Action| match action {
        Action::Delete(_) => "delete",
        Action::DefaultFailure(_) => "fail",
        other => panic!("{other:?}"),
    };
    (asked.batch.actions.iter().map(|(_, action)| word(action)).collect(), asked.transaction)
}

#[test]
fn the_engine_s_part_of_a_transaction_is_undone_with_it() {
    // R-TXN-07, R-TXN-09: an abort costs every message an attempt, in the engine's own transaction.
    for committed in [true, false] {
        let mut bench = batched();
        sent_in(&mut bench, ONE);
        assert_eq!(last_asked(&bench), (vec!["delete"; 2], Some(ONE)));
        assert_eq!(bench.host.gauges().in_process, 2);
        outcome(&mut bench, ONE, committed);
        if committed {
            assert_eq!((bench.asked.len(), bench.host.gauges().in_process), (1, 0));
        } else {
            assert_eq!(last_asked(&bench), (vec!["fail"; 2], None));
        }
        assert_eq!(busy(&bench), 0);
    }
}

#[test]
fn a_part_that_is_refused_fails_at_once() {
    // R-TXN-07, R-TXN-09.
    let mut bench = batched();
    bench.publish([1, 2]);
    let Some((_, AdapterInput::BeginBatch { call, .. })) = bench.calls.last().cloned() else {
        panic!("it begins")
    };
    bench.returned(call, Returned::Begun { max: 10, transaction: Some(ONE) });
    bench.returned(call, Returned::Sent);
    // Meanwhile the message is somebody else's.
    bench.message_box.release_locks(FIRST);
    bench.returned(call, Returned::Sent);
    bench.returned(call, Returned::Done);
    assert_eq!(bench.asked[0].transaction, Some(ONE));
    assert_eq!(last_asked(&bench), (vec!["fail"; 2], None));
}

/// The calls of every `BeginBatch` and every `Clear` so far.
fn begun_and_cleared(bench: &Bench) -> [Vec<CallId>; 2] {
    let mut found = [Vec::new(), Vec::new()];
    for (_, input) in &bench.calls {
        match input {
            AdapterInput::BeginBatch { call, .. } => found[0].push(*call),
            AdapterInput::Clear { call } => found[1].push(*call),
            _ => {}
        }
    }
    found
}

#[test]
fn a_batch_that_cannot_begin_costs_what_would_have_gone_into_it_an_attempt() {
    // R-BSND-01, R-SND-08, R-RETRY-05: an adapter whose BeginBatch always throws is not asked for
    // ever at one instant. There is no batch, so nothing is cleared.
    let mut bench = batched();
    bench.publish([1, 2]);
    let [begun, _] = begun_and_cleared(&bench);
    bench.returned(begun[0], Returned::Failed);
    assert_eq!(last_asked(&bench), (vec!["fail"; 2], None));
    let again = begun_and_cleared(&bench);
    assert_eq!((again[0].len(), again[1].len(), busy(&bench)), (1, 0, 0));
    assert_eq!((bench.transmitted().len(), bench.works.len()), (0, 0), "nothing was charged");
    let resubmitted = bench.effects.iter().filter_map(|effect| match effect {
        Effect::Resubmitted { retries_left, due, .. } => Some((*retries_left, *due)),
        _ => None,
    });
    let later = bench.now + Duration::from_minutes(5);
    assert_eq!(resubmitted.collect::<Vec<_>>(), [(2, later); 2]);
    // What comes meanwhile begins a batch of its own.
    bench.publish([3]);
    assert_eq!(begun_and_cleared(&bench)[0].len(), 2);
}

#[test]
fn a_batch_that_has_just_begun_is_cleared_when_the_service_stops() {
    // R-SHUT-01: who began a batch would wait for its end; before its pipeline has run, and after.
    for loaded in [false, true] {
        let mut bench = batched();
        bench.publish([1]);
        let call = begun_and_cleared(&bench)[0][0];
        let begun = Returned::Begun { max: 1, transaction: None };
        bench.hold_work = true;
        if loaded {
            bench.returned(call, begun);
        }
        bench.tell(HostInput::Stop);
        assert_eq!(begun_and_cleared(&bench)[1], []);
        if loaded {
            bench.finish_work(0);
        } else {
            bench.returned(call, begun);
        }
        assert_eq!((begun_and_cleared(&bench)[1].clone(), busy(&bench)), (vec![call], 1));
        bench.returned(call, Returned::Cleared);
        assert_eq!((bench.transmitted().len(), bench.asked.len(), busy(&bench)), (0, 0, 0));
    }
}

#[test]
fn who_has_ended_is_told_of_no_batch_any_more() {
    // R-SHUT-01: it was destroyed when Terminate returned.
    let mut bench = batched();
    bench.publish([1]);
    let call = begun_and_cleared(&bench)[0][0];
    bench.tell(HostInput::Stop);
    let ends = bench.calls.iter().find_map(|(_, input)| match input {
        AdapterInput::Terminate { call } => Some(*call),
        _ => None,
    });
    bench.returned(ends.expect("it was made"), Returned::Terminated);
    bench.returned(call, Returned::Begun { max: 1, transaction: None });
    assert_eq!((begun_and_cleared(&bench)[1].len(), bench.stopped), (0, true));
}

#[test]
fn turns_that_wait_for_a_thread_are_not_begun_by_who_stops() {
    // R-SHUT-06: the lock of what has not begun goes back with the others; what has begun ends.
    let mut topology = topology(one_thread());
    add_orchestration(&mut topology);
    let mut bench = Bench::new(topology);
    bench.hold_work = true;
    bench.publish([1, 2, 3]);
    assert_eq!((bench.works.len(), busy(&bench)), (1, 1), "two wait for the thread");
    bench.tell(HostInput::Stop);
    assert!(!bench.stopped);
    bench.finish_work(0);
    assert_eq!((bench.works.len(), bench.asked.len(), bench.stopped), (1, 1, true));
    bench.message_box.release_locks(FIRST);
    let counts = bench.message_box.reference_counts();
    assert_eq!((counts.work, counts.locked), (2, 0));
}

#[test]
fn a_host_instance_says_how_long_messages_took_to_come_in() {
    // R-THR-02: from the posting to the commit; and how many of what it has taken are finished.
    let mut bench = Bench::new(two_ports(immediate()));
    bench.hold_work = true;
    bench.post(batch_of(1, [submit(10), submit(20)]));
    bench.now += Duration::from_secs(2);
    bench.finish_work(0);
    let totals = bench.host.totals();
    assert_eq!((totals.handed_in, totals.committed, totals.taken), (2, 2, 4));
    bench.hold_work = false;
    for at in 1..=4 {
        bench.finish_work(at);
    }
    bench.now += Duration::from_secs(3);
    let ids: Vec<_> = bench.transmitted().iter().map(|(_, one)| one.reference).collect();
    bench.post(batch_of(2, ids.into_iter().map(Operation::Delete)));
    let inbound = bench.host.inbound_latency();
    assert_eq!((inbound.ended(), inbound.nanos()), (2, 4_000_000_000));
    assert_eq!(bench.host.totals().finished, 4);
    let by = |adapter| bench.host.received_by(AdapterId(adapter));
    assert_eq!([0, 1].map(by), [(2, 30), (0, 0)]);
    bench.post(batch_of(3, [submit(30), Operation::Submit(wire(77))]));
    let totals = bench.host.totals();
    assert_eq!((totals.handed_in, totals.committed), (4, 4));
    assert_eq!(bench.host.inbound_latency().ended(), 4);
}

#[test]
fn documents_are_handed_in_for_publishing_and_not_interchanges() {
    // R-THR-02: when the pipelines are through with them; what waits for a thread is not yet.
    let mut topology = two_ports(one_thread());
    topology.receive_locations[0].pipeline = ReceivePipeline::xml();
    let mut bench = throttled(topology, publishing_waits());
    bench.hold_work = true;
    let five =
        |number| Operation::Submit(wire_of(number, Body::Described { bytes: 50, documents: 5 }));
    bench.post(batch_of(1, [five(1), five(2)]));
    bench.post(batch_of(2, [five(3)]));
    let totals = |bench: &Bench| {
        let totals = bench.host.totals();
        (totals.handed_in, totals.committed)
    };
    assert_eq!(totals(&bench), (0, 0));
    bench.finish_work(0);
    assert_eq!(totals(&bench), (10, 0), "its publication pauses");
    let occupation = bench.host.occupation();
    assert_eq!((occupation.batches_receiving, occupation.batches_throttled), (2, 1));
    wake(&mut bench, PAUSE);
    assert_eq!(totals(&bench), (10, 10));
    let occupation = bench.host.occupation();
    assert_eq!((occupation.batches_receiving, occupation.batches_throttled), (1, 0));
}

#[test]
fn a_message_box_that_is_added_is_looked_into_like_the_others() {
    // R-MMB-07, R-DEQ-01.
    let mut bench = Bench::new(topology(immediate()));
    bench.host.add_message_box();
    let home = bench.message_box.add_box().expect("nothing is enlisted");
    bench.tell(HostInput::WorkAvailable { home });
    assert_eq!(bench.looks.len(), 1);
}

#[test]
fn between_two_messages_of_a_batch_nothing_else_has_changed() {
    // R-BSND-03: who looks at gauges and clocks need not look then.
    let mut bench = batched();
    bench.publish([1, 2]);
    let Some((_, AdapterInput::BeginBatch { call, .. })) = bench.calls.last().cloned() else {
        panic!("it begins")
    };
    let mut midway = Vec::new();
    for returned in [
        Returned::Begun { max: 10, transaction: None },
        Returned::Pending,
        Returned::Pending,
        Returned::Done,
    ] {
        let before = (bench.host.gauges(), bench.host.poll_timeout());
        bench.host.handle_input(bench.now, HostInput::Returned { call, returned });
        midway.push(bench.host.is_midway());
        if bench.host.is_midway() {
            assert_eq!((bench.host.gauges(), bench.host.poll_timeout()), before);
        }
        bench.tell(HostInput::Wake);
        assert!(!bench.host.is_midway());
    }
    assert_eq!(midway, [false, true, true, false]);
}
