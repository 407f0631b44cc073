//! Conservation: in whatever plant, nothing is lost and nothing is made up (INV-12…17), and what
//! has nothing to do with a message changes nothing for it (INV-66…68).

use floodgate_engine::config::{HostSettings, OnFailure, ReceiveSettings, SendSettings, Server};
use floodgate_engine::id::SendPortId;
use floodgate_engine::message::{Body, Defect};
use floodgate_engine::pipeline::{ReceivePipeline, Stage};
use floodgate_engine::retry::RetryPolicy;
use floodgate_engine::subscription::PortState;
use floodgate_engine::time::Duration;
use floodgate_sim::cost::Costs;
use floodgate_sim::dist::Dist;
use floodgate_sim::load::ArrivalKind;
use floodgate_sim::outcome::Outcome;
use floodgate_sim::setup::{CallTimes, Discipline, DoneOrder, Failure, Poison, SinkSettings};
use floodgate_sim::world::World;
use proptest::prelude::*;

use crate::fixture::{
    PUSH, Plant, Verdict, all_kept, demand, demand_eq, finish_within, holds, ms, sink,
};
use crate::retry::done_orders;

#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) host: HostSettings,
    pub(crate) receive: ReceiveSettings,
    pub(crate) instances: u32,
    pub(crate) boxes: u32,
    pub(crate) ports: Vec<Port>,
    load: Lot,
    costs: Costs,
    sharing: bool,
    pub(crate) done: DoneOrder,
    pub(crate) calls: CallTimes,
    shuffle_ties: bool,
    seed: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Port {
    pub(crate) send: SendSettings,
    sink: SinkSettings,
    retry: RetryPolicy,
    backup: Option<(RetryPolicy, Failure)>,
    pub(crate) ordered: Option<OnFailure>,
    state: PortState,
    priority: u8,
}

#[derive(Clone, Debug)]
pub(crate) struct Lot {
    arrivals: Vec<u64>,
    documents: u32,
    poison: Option<u64>,
}

fn up_to_ms(millis: u64) -> impl Strategy<Value = Duration> {
    prop_oneof![Just(0), 0..=millis].prop_map(Duration::from_millis)
}

fn up_to_us(micros: u64) -> impl Strategy<Value = Duration> {
    prop_oneof![Just(0), 0..=micros].prop_map(Duration::from_micros)
}

pub(crate) fn hosts() -> impl Strategy<Value = HostSettings> {
    let dequeue = (up_to_ms(700), 1..6_u32, 1..21_u32);
    let limits = (1..8_u32, 1..40_u32, 1..6_u32, 1..100_u32);
    (dequeue, limits, up_to_ms(600), 1..12_u32, 1..4_u32).prop_map(
        |(dequeue, limits, thread_growth, engine_batch, batch_queue)| {
            let (poll, dequeue_threads, dequeue_batch) = dequeue;
            let (internal_queue, in_process, threads, threads_start) = limits;
            HostSettings {
                poll,
                dequeue_threads,
                dequeue_batch,
                internal_queue,
                in_process,
                threads,
                threads_start,
                thread_growth,
                engine_batch,
                batch_queue,
                ..HostSettings::default()
            }
        },
    )
}

pub(crate) fn receives() -> impl Strategy<Value = ReceiveSettings> {
    (1..12_u32, prop::option::of(1..900_u64), 1..4_u32).prop_map(
        |(batch_messages, poll, batches)| {
            let poll = poll.map(Duration::from_millis);
            let notify = poll.is_none();
            ReceiveSettings { batch_messages, poll, notify, batches, ..PUSH }
        },
    )
}

pub(crate) fn sends() -> impl Strategy<Value = SendSettings> {
    let kind = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let workers = prop_oneof![Just(u32::MAX), 1..4_u32];
    (kind, 1..25_u32, workers, 1..5_u32, up_to_ms(50)).prop_map(
        |(
            (blocking, batched, fixed_batch, resolves),
            batch,
            workers,
            completion_batch,
            completion_wait,
        )| {
            SendSettings {
                blocking,
                batched,
                batch,
                fixed_batch,
                workers,
                completion_batch,
                completion_wait,
                resolves,
            }
        },
    )
}

fn failures() -> impl Strategy<Value = Failure> {
    prop_oneof![
        3 => Just(Failure::Never),
        1 => Just(Failure::Always),
        2 => (1..800_u32).prop_map(Failure::PerMille),
        1 => (1..5_u64).prop_map(Failure::Every),
        1 => (1..5_u32).prop_map(Failure::First),
    ]
}

fn sinks() -> impl Strategy<Value = SinkSettings> {
    let wire = (up_to_ms(300), any::<bool>()).prop_map(|(mean, varies)| match varies {
        true => Dist::Exponential { mean },
        false => Dist::Constant(mean),
    });
    (wire, 0..4_u32, failures(), prop::option::of(up_to_ms(100))).prop_map(
        |(wire, limit, failure, fail_takes)| SinkSettings {
            wire,
            limit,
            failure,
            fail_takes,
            ..sink()
        },
    )
}

fn retries() -> impl Strategy<Value = RetryPolicy> {
    (0..4_u32, 1..4000_u64).prop_map(|(count, interval)| RetryPolicy {
        count,
        interval: Duration::from_millis(interval),
    })
}

fn ports() -> impl Strategy<Value = Port> {
    let ordered = prop_oneof![
        3 => Just(None),
        1 => Just(Some(OnFailure::Continue)),
        1 => Just(Some(OnFailure::Stop))
    ];
    let state = prop_oneof![
        8 => Just(PortState::Started),
        1 => Just(PortState::Stopped),
        1 => Just(PortState::Bound)
    ];
    let backup = prop::option::of((retries(), failures()));
    (sends(), sinks(), retries(), backup, ordered, state, 1..11_u8).prop_map(
        |(send, sink, retry, backup, ordered, state, priority)| {
            // R-ORD-12: an ordered port has no backup.
            let backup = if ordered.is_some() { None } else { backup };
            Port { send, sink, retry, backup, ordered, state, priority }
        },
    )
}

fn prices() -> impl Strategy<Value = Costs> {
    let work = (up_to_us(3000), up_to_us(800), up_to_us(3000), up_to_us(800));
    let sql = (up_to_us(3000), up_to_us(300), up_to_us(2000), up_to_us(200));
    (work, sql).prop_map(|(work, sql)| Costs {
        receive_batch: work.0,
        receive_message: work.1,
        send_batch: work.2,
        completion_message: work.3,
        sql_transaction: sql.0,
        sql_row: sql.1,
        lock_transaction: sql.2,
        lock_row: sql.3,
        ..Costs::default()
    })
}

fn lots() -> impl Strategy<Value = Lot> {
    let arrivals = prop::collection::vec(prop_oneof![Just(0_u64), 0..5000_u64], 1..60);
    (arrivals, 1..4_u32, prop::option::of(1..6_u64)).prop_map(
        |(mut arrivals, documents, poison)| {
            arrivals.sort_unstable();
            Lot { arrivals, documents, poison }
        },
    )
}

pub(crate) fn cases() -> impl Strategy<Value = Case> {
    let places = (1..4_u32, 1..4_u32);
    let outside = (receives(), places, prop::collection::vec(ports(), 1..5), lots());
    let order = (any::<bool>(), done_orders(), call_times(), any::<bool>(), any::<u64>());
    (hosts(), outside, prices(), order).prop_map(|(host, outside, costs, order)| {
        let (receive, (instances, boxes), mut ports, load) = outside;
        let (sharing, done, calls, shuffle_ties, seed) = order;
        // Somebody subscribes: a routing failure is another test's matter.
        ports[0].state = PortState::Started;
        Case {
            host,
            receive,
            instances,
            boxes,
            ports,
            load,
            costs,
            sharing,
            done,
            calls,
            shuffle_ties,
            seed,
        }
    })
}

/// Calls take no time, or some (R-CLK-02).
pub(crate) fn call_times() -> impl Strategy<Value = CallTimes> {
    (up_to_ms(20), up_to_ms(20))
        .prop_map(|(to_adapter, to_engine)| CallTimes { to_adapter, to_engine })
}

impl Case {
    pub(crate) fn plant(&self) -> Plant {
        let mut plant = Plant::new(self.host, self.receive);
        plant.setup.topology.receive_locations[0].pipeline = ReceivePipeline::xml();
        for (number, port) in self.ports.iter().enumerate() {
            plant
                .send_port(&format!("Out{number}"), "In", port.send, port.sink.clone())
                .retry(port.retry.count, port.retry.interval);
            if let Some((retry, failure)) = port.backup {
                plant.backup(port.send, retry, SinkSettings { failure, ..sink() });
            }
            let last = plant.setup.topology.send_ports.last_mut().expect("added just now");
            (last.ordered, last.state, last.priority) = (port.ordered, port.state, port.priority);
        }
        plant.instances(self.instances).boxes(self.boxes);
        let arrivals = self.load.arrivals.iter().copied().map(ms).collect();
        plant.load(ArrivalKind::Replay(arrivals), None);
        let load = &mut plant.setup.loads[0];
        load.body = Body::Described { bytes: 2000, documents: self.load.documents };
        let defect = Defect::at(Stage::Disassemble, 1);
        load.poison = self.load.poison.map(|every| Poison { every, defect });
        if self.sharing {
            plant.setup.disciplines.fill(Discipline::ProcessorSharing);
        }
        plant.setup.costs = self.costs;
        plant.setup.seed = self.seed;
        (plant.setup.done, plant.setup.calls) = (self.done, self.calls);
        plant.setup.shuffle_ties = self.shuffle_ties;
        plant
    }

    /// Ports that every document gets a reference to.
    fn subscribers(&self) -> u64 {
        self.ports.iter().filter(|port| port.state != PortState::Bound).count() as u64
    }

    /// Wire messages that fail in the pipeline.
    fn poisoned(&self) -> u64 {
        self.load.poison.map_or(0, |every| self.load.arrivals.len() as u64 / every)
    }
}

/// What must come out the same whatever else is there.
#[derive(Debug, PartialEq)]
struct Counts {
    received: u64,
    processed: u64,
    suspended: u64,
    resubmitted: u64,
    unfinished: u64,
    attempts: Vec<u64>,
}

fn counts(outcome: &Outcome, ports: usize) -> Counts {
    let meters = &outcome.meters;
    Counts {
        received: meters.received,
        processed: meters.processed,
        suspended: meters.suspended,
        resubmitted: meters.resubmitted,
        unfinished: outcome.unfinished,
        attempts: meters.ports[..ports].iter().map(|port| port.attempts).collect(),
    }
}

fn run(plant: &Plant) -> Result<World, String> {
    let mut world = World::new(&plant.setup);
    finish_within(&mut world, 200_000)?;
    Ok(world)
}

fn everything_is_somewhere(case: &Case) -> Verdict {
    let world = run(&case.plant())?;
    let references = world.message_box().reference_counts();
    let suspended_wires = world.message_box().suspended().messages.len() as u64;
    let behind = (0..case.ports.len())
        .filter(|port| case.ports[*port].ordered.is_some())
        .map(|port| world.message_box().ordered_backlog(SendPortId::from(port)).saturating_sub(1));
    let behind = behind.sum::<usize>() as u64;
    let (live, backlog) = (world.message_box().spool_live(), world.backlog());
    let outcome = world.conclude();
    all_kept(&outcome)?;
    demand(outcome.quiescent, || "something is left to do".to_owned())?;
    let wires = case.load.arrivals.len() as u64;
    demand_eq(suspended_wires, case.poisoned(), "wire messages suspended")?;
    let published = (wires - case.poisoned()) * u64::from(case.load.documents);
    demand_eq(outcome.meters.received, published, "documents published")?;
    let made = published * case.subscribers();
    let found = outcome.meters.processed + references.total();
    demand_eq(found, made, "INV-17: processed, suspended or unfinished")?;
    demand_eq((references.work, references.locked), (behind, 0), "unfinished, not stopped")?;
    let unfinished = outcome.unfinished;
    demand_eq(backlog, unfinished, "a suspended document is finished")?;
    demand(unfinished <= references.work && (unfinished == 0) == (references.work == 0), || {
        format!("{unfinished} documents unfinished, {references:?}")
    })?;
    demand_eq(outcome.spool_final, live, "garbage is collected in the end")
}

// R-PUB-04, R-SUB-10, R-RIP-02, R-RCV-04, R-GC-01, R-DEQ-01, INV-12…15, INV-17, INV-25, INV-27,
// INV-58.
#[test]
fn nothing_is_lost_and_nothing_is_made_up() {
    let regressions = "proptest-regressions/conservation.txt";
    holds(1500, regressions, &cases(), everything_is_somewhere);
}

/// INV-68: a port that matches nothing gets nothing and takes nothing.
fn an_unrelated_port_changes_no_count(case: &Case) -> Verdict {
    let plain = run(&case.plant())?.conclude();
    let mut plant = case.plant();
    let other = SendSettings { batch: 97, ..case.ports[0].send };
    plant.send_port("Unrelated", "Nowhere", other, sink());
    let crowded = run(&plant)?.conclude();
    let ports = case.ports.len();
    all_kept(&crowded)?;
    demand_eq(counts(&crowded, ports), counts(&plain, ports), "counts with an unrelated port")?;
    demand_eq(crowded.meters.ports[ports].attempts, 0, "attempts of the unrelated port")
}

// INV-68.
#[test]
fn an_unrelated_subscriber_changes_nothing_for_the_others() {
    let regressions = "proptest-regressions/conservation.txt";
    holds(1000, regressions, &cases(), an_unrelated_port_changes_no_count);
}

/// A machine without a host is furniture: not even the digest moves.
fn an_unrelated_server_changes_no_digest(case: &Case) -> Verdict {
    let plain = run(&case.plant())?.conclude();
    let mut plant = case.plant();
    plant.setup.topology.servers.push(Server { name: "idle".to_owned(), cpus: 64 });
    plant.setup.disciplines.push(Discipline::ProcessorSharing);
    let furnished = run(&plant)?.conclude();
    demand_eq(&furnished.digest, &plain.digest, "digest with an idle server")
}

#[test]
fn an_idle_server_moves_no_digest() {
    let regressions = "proptest-regressions/conservation.txt";
    holds(300, regressions, &cases(), an_unrelated_server_changes_no_digest);
}
