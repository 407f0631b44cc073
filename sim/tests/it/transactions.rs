//! Distributed transactions as a property: whatever fails, each message has exactly one fate.

use std::ops::Range;

use floodgate_engine::config::AdapterKind;
use floodgate_engine::config::{
    OnPoison, TransactionBegins, TransactionalReceiveSettings, TransactionalSendSettings,
};
use floodgate_engine::id::HostInstanceId;
use floodgate_engine::retry::RetryPolicy;
use floodgate_engine::sabotage::Sabotage;
use floodgate_engine::time::Duration;
use floodgate_sim::cost::Costs;
use floodgate_sim::dist::Dist;
use floodgate_sim::load::ArrivalKind;
use floodgate_sim::setup::{Coordination, DoneOrder, Failure, Fault, Resolution, SinkSettings};
use floodgate_sim::world::World;
use proptest::prelude::*;

use crate::fixture::{
    Plant, Story, Verdict, all_kept, demand, demand_eq, finish_within, holds, ms, notices, sink,
};
use crate::retry::done_orders;
use crate::transactional::{SEND, poisoned, receiving};

/// A plant that reads and sends by transactions, and what goes wrong in it.
#[derive(Clone, Debug)]
struct Case {
    receive: TransactionalReceiveSettings,
    send: TransactionalSendSettings,
    instances: u32,
    arrivals: Vec<u64>,
    poison: Option<u64>,
    sink: SinkSettings,
    retry: RetryPolicy,
    backup: bool,
    coordination: Coordination,
    costs: Costs,
    done: DoneOrder,
    /// When which process dies, or stops, and how long it is away.
    ends: Vec<End>,
    /// What becomes of what a dying process has in flight: commits, arrives.
    in_flight: (bool, bool),
    shuffle_ties: bool,
    seed: u64,
}

/// The end of a process.
#[derive(Clone, Copy, Debug)]
struct End {
    at: u64,
    instance: u32,
    lasts: u64,
    in_order: bool,
}

/// None in one case of two.
fn ends() -> impl Strategy<Value = Vec<End>> {
    let end = (0..6000_u64, 0..3_u32, 1..4000_u64, any::<bool>());
    let end = end.prop_map(|(at, instance, lasts, in_order)| End { at, instance, lasts, in_order });
    prop_oneof![Just(Vec::new()), prop::collection::vec(end, 1..4)]
}

fn millis(most: u64) -> impl Strategy<Value = Duration> {
    prop_oneof![Just(0), 0..=most].prop_map(Duration::from_millis)
}

fn receives() -> impl Strategy<Value = TransactionalReceiveSettings> {
    let on_poison = prop_oneof![
        any::<bool>().prop_map(|resumable| OnPoison::SuspendInTransaction { resumable }),
        // An id forgotten before the next look is poison for ever (R-TXN-13, R-TXN-14).
        (1000..30_000_u64).prop_map(|remember| OnPoison::SuspendOnNextRead {
            remember: Duration::from_millis(remember)
        }),
    ];
    reading(on_poison)
}

/// Readers in transactions that do so with poison.
pub(crate) fn reading(
    on_poison: impl Strategy<Value = OnPoison>,
) -> impl Strategy<Value = TransactionalReceiveSettings> {
    let poll = prop::option::of((1..900_u64).prop_map(Duration::from_millis));
    (1..12_u32, poll, 1..4_u32, on_poison, millis(20_000), 1..3000_u64).prop_map(
        |(batch_messages, poll, transactions, on_poison, single_for, pause)| {
            TransactionalReceiveSettings {
                batch_messages,
                poll,
                transactions,
                on_poison,
                single_for,
                pause: Duration::from_millis(pause),
                ..TransactionalReceiveSettings::default()
            }
        },
    )
}

pub(crate) fn sends() -> impl Strategy<Value = TransactionalSendSettings> {
    let begins =
        prop_oneof![Just(TransactionBegins::AtTransmit), Just(TransactionBegins::InBeginBatch)];
    (1..12_u32, 1..5_u32, begins).prop_map(|(batch, workers, begins)| TransactionalSendSettings {
        batch,
        workers,
        begins,
    })
}

fn sometimes() -> impl Strategy<Value = Failure> {
    prop_oneof![
        2 => Just(Failure::Never),
        2 => (1..600_u32).prop_map(Failure::PerMille),
        1 => (2..5_u64).prop_map(Failure::Every),
        1 => (1..3_u32).prop_map(Failure::First),
    ]
}

/// Refusals that end some day, so that a source is read empty.
fn refusals() -> impl Strategy<Value = Failure> {
    prop_oneof![
        2 => Just(Failure::Never),
        2 => (1..500_u32).prop_map(Failure::PerMille),
        1 => (1..3_u32).prop_map(Failure::First),
    ]
}

/// Coordinators, some of which abort after so many milliseconds.
pub(crate) fn coordinations(timeouts: Range<u64>) -> impl Strategy<Value = Coordination> {
    let ends = prop_oneof![Just(Resolution::Abort), Just(Resolution::Commit)];
    // Doubt that always ended in an abort would never let a source run dry.
    let doubts = prop_oneof![Just(Failure::Never), (1..400_u32).prop_map(Failure::PerMille)];
    let timeout = prop_oneof![3 => Just(3600 * 1000_u64), 1 => timeouts];
    let times = (millis(300), millis(300), timeout, millis(20_000));
    (times, refusals(), doubts, ends).prop_map(
        |((prepare, commit, timeout, doubt_lasts), refusals, doubts, doubt_ends)| Coordination {
            // What can never be prepared in time would be tried for ever.
            timeout: Duration::from_millis(timeout.max(prepare.as_nanos() / 1_000_000 + 1500)),
            prepare,
            commit,
            refusals,
            doubts,
            doubt_lasts,
            doubt_ends,
        },
    )
}

fn cases() -> impl Strategy<Value = Case> {
    let wire = (millis(400), any::<bool>()).prop_map(|(mean, varies)| match varies {
        true => Dist::Exponential { mean },
        false => Dist::Constant(mean),
    });
    let sinks =
        (wire, sometimes()).prop_map(|(wire, failure)| SinkSettings { wire, failure, ..sink() });
    let retries = (0..4_u32, 1..4000_u64).prop_map(|(count, interval)| RetryPolicy {
        count,
        interval: Duration::from_millis(interval),
    });
    let prices = (millis(3), millis(2)).prop_map(|(sql_transaction, lock_transaction)| Costs {
        sql_transaction,
        lock_transaction,
        ..Costs::default()
    });
    let arrivals = prop::collection::vec(prop_oneof![Just(0_u64), 0..5000_u64], 1..30);
    let source = (receives(), arrivals, prop::option::of(1..5_u64));
    let partner = (sends(), sinks, retries, any::<bool>());
    let lives = (1..4_u32, ends(), (any::<bool>(), any::<bool>()));
    let order = (lives, done_orders(), any::<bool>(), any::<u64>());
    (source, partner, coordinations(300..5000), prices, order).prop_map(
        |(source, partner, coordination, costs, order)| {
            let (receive, mut arrivals, poison) = source;
            let (send, sink, retry, backup) = partner;
            let ((instances, ends, in_flight), done, shuffle_ties, seed) = order;
            arrivals.sort_unstable();
            Case {
                receive,
                send,
                instances,
                arrivals,
                poison,
                sink,
                retry,
                backup,
                coordination,
                costs,
                done,
                ends,
                in_flight,
                shuffle_ties,
                seed,
            }
        },
    )
}

fn plant(case: &Case) -> Plant {
    let mut plant = receiving(case.receive);
    plant
        .send_port("Out", "In", crate::fixture::ASYNC, case.sink.clone())
        .retry(case.retry.count, case.retry.interval)
        .instances(case.instances);
    if case.backup {
        plant.backup(crate::fixture::ASYNC, case.retry, sink());
    }
    plant.setup.topology.adapters[1].kind = AdapterKind::TransactionalSend(case.send);
    let arrivals: Vec<_> = case.arrivals.iter().map(|at| ms(*at)).collect();
    let count = arrivals.len() as u64;
    plant.load(ArrivalKind::Replay(arrivals), Some(count));
    if let Some(nth) = case.poison {
        poisoned(&mut plant, nth);
    }
    let setup = &mut plant.setup;
    setup.coordination = case.coordination;
    setup.costs = case.costs;
    (setup.done, setup.shuffle_ties, setup.seed) = (case.done, case.shuffle_ties, case.seed);
    (setup.life.transactions_commit, setup.life.wires_arrive) = case.in_flight;
    let ends = case.ends.iter().map(|&End { at, instance, lasts, in_order }| {
        let instance = HostInstanceId(instance % case.instances);
        let (at, lasts) = (ms(at), Some(Duration::from_millis(lasts)));
        match in_order {
            true => Fault::HostStop { instance, at, lasts },
            false => Fault::HostCrash { instance, at, lasts },
        }
    });
    setup.faults = ends.collect();
    plant
}

/// What a world ends with: every promise kept, every message sent once or suspended once.
fn judged(case: &Case, sabotage: Option<Sabotage>) -> Verdict {
    let mut world = World::new(&plant(case).setup);
    if let Some(sabotage) = sabotage {
        world.sabotage(sabotage);
    }
    finish_within(&mut world, 300_000)?;
    let left = world.message_box().reference_counts();
    let suspended = world.message_box().suspended().len() as u64;
    let outcome = world.conclude();
    all_kept(&outcome)?;
    demand(outcome.quiescent, || "something is left to do".to_owned())?;
    demand_eq(outcome.transactions.leaked_confirms, 0, "leaked confirm objects")?;
    demand_eq(left.work + left.locked, 0, "references that nobody has finished")?;
    // INV-53: exactly one fate for every source message, exactly one copy at the partner.
    let fates = outcome.meters.processed + suspended;
    demand_eq(fates, case.arrivals.len() as u64, "fates of source messages")
}

#[test]
fn every_message_has_exactly_one_fate() {
    // INV-10, INV-52, INV-53, INV-55, R-TXN-01, R-TXN-02, R-TXN-03, R-TXN-15, R-CLK-13; with
    // processes that die or stop at any time, R-CRASH-01, R-CRASH-02, R-CLK-20.
    holds(2000, "proptest-regressions/transactions.txt", &cases(), |case| judged(case, None));
}

#[test]
fn what_shows_before_the_commit_is_noticed() {
    let broken = notices(50, &cases(), |case| judged(case, Some(Sabotage::ApplyStagedBatches)));
    assert!(broken.contains("INV-10") || broken.contains("INV-55"), "{broken}");
}

#[test]
fn what_an_abort_leaves_behind_is_noticed() {
    let broken = notices(200, &cases(), |case| judged(case, Some(Sabotage::ApplyAbortedBatches)));
    assert!(broken.contains("INV-55"), "{broken}");
}

#[test]
fn a_sender_that_has_just_begun_a_batch_ends_with_its_service() {
    // R-SHUT-01, R-SHUT-06, INV-57: stopped between BeginBatch and the first message, while the
    // send pipeline works. The batch is cleared, its transaction aborted, and Terminate returns.
    for begins in [TransactionBegins::AtTransmit, TransactionBegins::InBeginBatch] {
        let send = TransactionalSendSettings { begins, ..SEND };
        let mut plant = crate::transactional::sending(send, sink());
        plant.setup.costs.send_batch = Duration::from_millis(100);
        plant.setup.life.watched = true;
        plant.all_at_once(3);
        let mut world = plant.telling();
        while Story::of(&world).count(&["BeginBatch"]) == 0 {
            assert!(world.step(), "a batch begins");
        }
        world.stop(HostInstanceId(0));
        finish_within(&mut world, 10_000).expect("it comes to an end");
        let story = Story::of(&world);
        assert_eq!(story.count(&["CRASHES"]), 0, "{}", story.text());
        story.assert_order(&[&["OUT1@H Terminate"], &["OUT1@H Clear"], &["has stopped"]]);
        assert_eq!(world.message_box().reference_counts().work, 3, "all go back");
        assert_eq!(all_kept(&world.conclude()), Ok(()));
    }
}

#[test]
fn equal_seeds_have_equal_digests_with_chance_in_the_coordinator() {
    let mut plant = receiving(crate::transactional::mq());
    plant.send_port("Out", "In", crate::fixture::ASYNC, sink()).poisson(20.0, 200);
    plant.setup.topology.adapters[1].kind = AdapterKind::TransactionalSend(SEND);
    plant.setup.coordination.refusals = Failure::PerMille(300);
    plant.setup.coordination.doubts = Failure::PerMille(300);
    let (one, two) = (plant.run(), plant.run());
    assert_eq!((&one.digest, one.transactions), (&two.digest, two.transactions));
    assert!(one.transactions.aborted > 0 && one.transactions.in_doubt > 0);
    plant.setup.seed = 2;
    assert_ne!(plant.run().digest, two.digest);
}
