//! A crash at every event: a small plant, forked before each of its steps, and killed there.
//!
//! The world is cloned, not run again from its start; every fork goes on to its end and is judged.

use floodgate_engine::config::{
    AdapterKind, OnFailure, ReceiveSettings, SendSettings, TransactionBegins,
    TransactionalSendSettings,
};
use floodgate_engine::id::HostInstanceId;
use floodgate_engine::retry::RetryPolicy;
use floodgate_engine::time::Duration;
use floodgate_sim::dist::Dist;
use floodgate_sim::load::ArrivalKind;
use floodgate_sim::setup::{DoneOrder, SinkSettings};
use floodgate_sim::trace::Event;
use floodgate_sim::world::World;

use crate::fixture::{
    ASYNC, BATCHED, BLOCKING, BLOCKING_BATCHED, FOLDER, PUSH, Plant, Verdict, demand, demand_eq,
    finish_within, immediate, ms, sink,
};
use crate::transactional::{SEND, mq, sql};

const MESSAGES: u64 = 3;
/// More steps than any fork of these plants takes.
const STEPS_MAX: u64 = 5_000;
const RETRY: RetryPolicy = RetryPolicy { count: 2, interval: Duration::from_secs(1) };

/// Who comes back after a crash.
#[derive(Clone, Copy, Debug)]
enum Heir {
    /// Another instance of the host, which runs all the time.
    Other,
    /// The same instance, after a while.
    Same(Duration),
}

const HEIRS: [Heir; 3] =
    [Heir::Other, Heir::Same(Duration::ZERO), Heir::Same(Duration::from_secs(5))];

fn plant(receive: ReceiveSettings, send: SendSettings, ordered: bool, heir: Heir) -> Plant {
    let mut plant = Plant::new(immediate(), receive);
    let wire = Dist::Constant(Duration::from_millis(30));
    plant.send_port("Out", "In", send, SinkSettings { wire, ..sink() });
    plant.retry(RETRY.count, RETRY.interval);
    if ordered {
        plant.ordered(OnFailure::Stop);
    }
    // The last two come while the first is on its way.
    let arrivals = ArrivalKind::Replay(vec![ms(0), ms(20), ms(20)]);
    plant.load(arrivals, Some(MESSAGES));
    plant.setup.life.watched = true;
    if matches!(heir, Heir::Other) {
        plant.instances(2);
    }
    plant
}

/// What a sweep expects.
#[derive(Clone, Copy, Debug)]
struct Sweep {
    heir: Heir,
    ordered: bool,
    /// Whether messages come and go in transactions.
    transactional: bool,
}

/// The copies that the partner got, in the order in which they came: which message, and the
/// publication number of its reference. In a transaction it gets what was committed.
fn copies(world: &World, transactional: bool) -> Vec<(u64, u64)> {
    let sent = world.trace().history().iter().filter_map(|(_, event)| match event {
        Event::WireDone { document, sequence, sent: true } if !transactional => {
            Some((document.wire, *sequence))
        }
        Event::Visible { document, sequence } if transactional => Some((document.wire, *sequence)),
        _ => None,
    });
    sent.collect()
}

/// Whether the first copies of an ordered port came in publication order (INV-44, INV-48).
fn in_order(copies: &[(u64, u64)]) -> bool {
    let mut seen: Vec<u64> = Vec::new();
    for (_, sequence) in copies {
        if !seen.contains(sequence) {
            seen.push(*sequence);
        }
    }
    seen.is_sorted()
}

/// Crashes `world` here, lets the heir go on, and judges what came of it.
fn judge(mut world: World, sweep: Sweep) -> Verdict {
    let Sweep { heir, ordered, transactional } = sweep;
    let first = HostInstanceId(0);
    world.crash(first);
    if let Heir::Same(after) = heir {
        let back = world.now() + after;
        while world.run_until(back) && world.now() < back {
            if !world.step() {
                break;
            }
        }
        world.wait_until(back);
        world.start(first);
    }
    finish_within(&mut world, STEPS_MAX)?;
    if let Some(violation) = world.checks().violations().first() {
        return Err(format!("{} broken: {violation:?}", violation.rule.id()));
    }
    demand_eq(world.message_box().reference_counts().total(), 0, "references left (INV-17)")?;
    let copies = copies(&world, transactional);
    for message in 1..=MESSAGES {
        let count = copies.iter().filter(|(copy, _)| *copy == message).count();
        demand(count >= 1, || format!("m{message} is lost: {copies:?} (INV-54, R-DUP-02)"))?;
        // One crash: in flight on the receive side, and once more on the send side of each copy.
        let most = if transactional { 1 } else { 3 };
        demand(count <= most, || format!("m{message} came {count} times: {copies:?} (INV-53)"))?;
    }
    if ordered {
        demand(in_order(&copies), || format!("{copies:?} out of order (INV-48)"))?;
    }
    let outcome = world.conclude();
    demand(outcome.violations.is_empty(), || format!("{:?}", outcome.violations))
}

/// Crashes at every event of a plant; returns how many points there were.
fn sweep(plant: &Plant, sweep: Sweep) -> u64 {
    let mut points = 0;
    let mut world = plant.telling();
    loop {
        if let Err(broken) = judge(world.clone(), sweep) {
            let mut fork = world.clone();
            fork.crash(HostInstanceId(0));
            let story: Vec<String> =
                fork.trace().story().iter().map(|(at, line)| format!("{at} {line}")).collect();
            panic!("{sweep:?}, crash at step {points}: {broken}\n{}", story.join("\n"));
        }
        points += 1;
        if !world.step() {
            return points;
        }
    }
}

fn sweep_all(transactions_commit: bool, wires_arrive: bool) -> u64 {
    let mut points = 0;
    for receive in [PUSH, FOLDER] {
        for send in [ASYNC, BLOCKING, BATCHED, BLOCKING_BATCHED] {
            for (ordered, heir) in HEIRS.into_iter().flat_map(|heir| [(false, heir), (true, heir)])
            {
                for done in [DoneOrder::ReturnFirst, DoneOrder::CompleteFirst] {
                    let mut plant = plant(receive, send, ordered, heir);
                    plant.setup.done = done;
                    plant.setup.life.transactions_commit = transactions_commit;
                    plant.setup.life.wires_arrive = wires_arrive;
                    points += sweep(&plant, Sweep { heir, ordered, transactional: false });
                }
            }
        }
    }
    points
}

// R-CRASH-01, R-CRASH-02, R-CRASH-03, R-CLK-12, R-CLK-20, R-DUP-01, R-DUP-02, R-ORD-06;
// INV-48, INV-54, INV-56: whatever becomes of what was in flight, nothing is lost, and what comes
// twice was in flight.
#[test]
fn crash_at_every_event_undone_and_arriving() {
    let points = sweep_all(false, true);
    assert!(points > 1000, "{points} points");
    eprintln_points("transactions undone, wires arrive", points);
}

#[test]
fn crash_at_every_event_undone_and_cut() {
    let points = sweep_all(false, false);
    eprintln_points("transactions undone, wires cut", points);
}

#[test]
fn crash_at_every_event_committed_and_arriving() {
    let points = sweep_all(true, true);
    eprintln_points("transactions commit, wires arrive", points);
}

#[test]
fn crash_at_every_event_committed_and_cut() {
    let points = sweep_all(true, false);
    eprintln_points("transactions commit, wires cut", points);
}

/// Both adapters are transactional: what they read and write is undone or done as a whole.
fn sweep_transactions(transactions_commit: bool, wires_arrive: bool) -> u64 {
    let begins = [TransactionBegins::AtTransmit, TransactionBegins::InBeginBatch];
    let mut points = 0;
    for (receive, begins) in [mq(), sql()].into_iter().flat_map(|at| begins.map(|own| (at, own))) {
        for (heir, done) in HEIRS.into_iter().flat_map(|heir| {
            [DoneOrder::ReturnFirst, DoneOrder::CompleteFirst].map(|done| (heir, done))
        }) {
            let mut plant = plant(PUSH, ASYNC, false, heir);
            let send = TransactionalSendSettings { begins, ..SEND };
            plant.setup.topology.adapters[0].kind = AdapterKind::TransactionalReceive(receive);
            plant.setup.topology.adapters[1].kind = AdapterKind::TransactionalSend(send);
            plant.setup.coordination.prepare = Duration::from_millis(5);
            plant.setup.coordination.commit = Duration::from_millis(5);
            plant.setup.done = done;
            plant.setup.life.transactions_commit = transactions_commit;
            plant.setup.life.wires_arrive = wires_arrive;
            points += sweep(&plant, Sweep { heir, ordered: false, transactional: true });
        }
    }
    points
}

// R-TXN-03, R-CRASH-01, R-CRASH-02, R-CLK-20; INV-52, INV-53, INV-55: a message that is read and
// sent in transactions has one fate and one copy, wherever the process dies.

#[test]
fn crash_at_every_event_of_transactions() {
    let mut points = 0;
    for (transactions_commit, wires_arrive) in
        [(false, false), (false, true), (true, false), (true, true)]
    {
        points += sweep_transactions(transactions_commit, wires_arrive);
    }
    assert!(points > 1000, "{points} points");
    eprintln_points("transactional", points);
}

/// A test's own printing is shown with `--nocapture`, and with a failure.
#[expect(clippy::print_stderr, reason = "the size of a sweep is for who reads the test's output")]
fn eprintln_points(of: &str, points: u64) {
    eprintln!("{of}: {points} crash points");
}
