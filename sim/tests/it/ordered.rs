//! Ordered delivery: whatever fails, however many host instances there are, in whichever order
//! equal instants are played, the wire order is a subsequence of the publish order, with at most
//! one message in flight (INV-44…47), and nothing waits that could go on.

use std::collections::BTreeMap;

use floodgate_engine::config::{HostSettings, OnFailure, SendSettings};
use floodgate_engine::id::SendPortId;
use floodgate_engine::message_box::Effect;
use floodgate_engine::sabotage::Sabotage;
use floodgate_engine::subscription::PortState;
use floodgate_engine::time::{Duration, Instant};
use floodgate_sim::dist::Dist;
use floodgate_sim::load::ArrivalKind;
use floodgate_sim::setup::{DoneOrder, Failure, SinkSettings};
use floodgate_sim::trace::Event;
use floodgate_sim::world::World;
use proptest::prelude::*;

use crate::fixture::{
    ASYNC, FOLDER, PUSH, Plant, Verdict, all_kept, assert_all_kept, demand, demand_eq, finish,
    finish_within, holds, immediate, ms, notices, sink,
};
use crate::retry::done_orders;

#[derive(Clone, Debug)]
struct Case {
    ports: Vec<Port>,
    folder: bool,
    arrivals: Vec<u64>,
    instances: u32,
    poll: u64,
    dequeue_batch: u32,
    done: DoneOrder,
    shuffle_ties: bool,
    seed: u64,
}

/// A send port; one without `ordered` is a neighbour that shares the adapter.
#[derive(Clone, Debug)]
struct Port {
    ordered: Option<OnFailure>,
    blocking: bool,
    batched: bool,
    failure: Failure,
    retries: u32,
    interval: u64,
    wire: u64,
    wire_varies: bool,
}

fn ports() -> impl Strategy<Value = Port> {
    let ordered =
        prop_oneof![Just(Some(OnFailure::Continue)), Just(Some(OnFailure::Stop)), Just(None)];
    let failure = prop_oneof![
        Just(Failure::Never),
        (0..400_u32).prop_map(Failure::PerMille),
        (1..6_u64).prop_map(Failure::Every),
        (0..3_u32).prop_map(Failure::First),
    ];
    let adapter = (any::<bool>(), any::<bool>());
    (ordered, adapter, failure, 0..3_u32, 1..3000_u64, 0..200_u64, any::<bool>()).prop_map(
        |(ordered, (blocking, batched), failure, retries, interval, wire, wire_varies)| Port {
            ordered,
            blocking,
            batched,
            failure,
            retries,
            interval,
            wire,
            wire_varies,
        },
    )
}

fn cases() -> impl Strategy<Value = Case> {
    let ports = prop::collection::vec(ports(), 1..4);
    let arrivals = prop::collection::vec(0..1500_u64, 1..25);
    let poll = prop_oneof![Just(0_u64), Just(500), 1..2000_u64];
    let choices = (any::<bool>(), 1..4_u32, poll, 1..4_u32);
    (ports, arrivals, choices, done_orders(), any::<bool>(), any::<u64>()).prop_map(
        |(mut ports, mut arrivals, choices, done, shuffle_ties, seed)| {
            let (folder, instances, poll, dequeue_batch) = choices;
            arrivals.sort_unstable();
            ports[0].ordered = ports[0].ordered.or(Some(OnFailure::Continue));
            Case {
                ports,
                folder,
                arrivals,
                instances,
                poll,
                dequeue_batch,
                done,
                shuffle_ties,
                seed,
            }
        },
    )
}

impl Case {
    fn plant(&self) -> Plant {
        let settings = HostSettings {
            poll: Duration::from_millis(self.poll),
            dequeue_batch: self.dequeue_batch,
            ..immediate()
        };
        let mut plant = Plant::new(settings, if self.folder { FOLDER } else { PUSH });
        for (number, port) in self.ports.iter().enumerate() {
            let send = SendSettings { blocking: port.blocking, batched: port.batched, ..ASYNC };
            let wire = Duration::from_millis(port.wire);
            let wire = match port.wire_varies {
                true => Dist::Uniform { low: Duration::ZERO, high: wire },
                false => Dist::Constant(wire),
            };
            plant
                .send_port(
                    &format!("Out{number}"),
                    "In",
                    send,
                    SinkSettings { wire, failure: port.failure, ..sink() },
                )
                .retry(port.retries, Duration::from_millis(port.interval));
            if let Some(on_failure) = port.ordered {
                plant.ordered(on_failure);
            }
        }
        plant.instances(self.instances);
        let arrivals = self.arrivals.iter().copied().map(ms).collect();
        plant.load(ArrivalKind::Replay(arrivals), None);
        plant.setup.seed = self.seed;
        plant.setup.done = self.done;
        plant.setup.shuffle_ties = self.shuffle_ties;
        plant
    }
}

/// The test's own account of one ordered port.
#[derive(Clone, Debug, Default)]
struct Account {
    published: Vec<u64>,
    sent: Vec<u64>,
    in_flight: Option<u64>,
    suspended: Vec<(u64, bool)>,
    deleted: Vec<u64>,
}

impl Account {
    fn hand_out(&mut self, sequence: u64, on_failure: OnFailure) -> Verdict {
        demand_eq(self.in_flight, None, "in flight when another is handed out")?;
        let held_back = on_failure == OnFailure::Stop && !self.suspended.is_empty();
        demand(!held_back, || format!("{sequence} is handed out past a failed message"))?;
        self.in_flight = Some(sequence);
        Ok(())
    }

    fn leaves_adapter(&mut self, sequence: u64) -> Verdict {
        demand_eq(self.in_flight.take(), Some(sequence), "in flight when one is disposed of")
    }
}

/// Goes through the history of a run and keeps an account per ordered port.
fn accounts(case: &Case, history: &[(Instant, Event)]) -> Result<Vec<Account>, String> {
    let mut accounts = vec![Account::default(); case.ports.len()];
    let mut port_of: BTreeMap<u64, usize> = BTreeMap::new();
    for (_, event) in history {
        let (sequence, port) = match event {
            Event::Transmit { sequence, .. } | Event::WireDone { sequence, .. } => {
                (*sequence, port_of[sequence])
            }
            Event::Effect(
                Effect::Referenced { at, .. }
                | Effect::Deleted { at }
                | Effect::Resubmitted { at, .. }
                | Effect::SuspendedReference { at, .. },
            ) => (at.sequence, at.subscriber.index()),
            _ => continue,
        };
        let Some(on_failure) = case.ports[port].ordered else {
            port_of.insert(sequence, port);
            continue;
        };
        let account = &mut accounts[port];
        match event {
            Event::Transmit { .. } => account.hand_out(sequence, on_failure)?,
            Event::WireDone { sent: true, .. } => account.sent.push(sequence),
            Event::Effect(Effect::Referenced { .. }) => {
                port_of.insert(sequence, port);
                account.published.push(sequence);
            }
            Event::Effect(Effect::Deleted { .. }) => {
                account.leaves_adapter(sequence)?;
                account.deleted.push(sequence);
            }
            Event::Effect(Effect::Resubmitted { .. }) => account.leaves_adapter(sequence)?,
            Event::Effect(Effect::SuspendedReference { resumable, .. }) => {
                account.leaves_adapter(sequence)?;
                account.suspended.push((sequence, *resumable));
            }
            _ => {}
        }
    }
    Ok(accounts)
}

/// INV-44, INV-46, INV-47, and that every message has ended or stands behind a stopped head.
fn judge(account: &Account, on_failure: OnFailure, backlog: usize) -> Verdict {
    demand(account.published.is_sorted(), || "published out of order".to_owned())?;
    demand(account.sent.is_sorted_by(|a, b| a < b), || format!("wire order {:?}", account.sent))?;
    demand_eq(&account.deleted, &account.sent, "deleted")?;
    let failed: Vec<u64> = account.suspended.iter().map(|(sequence, _)| *sequence).collect();
    match on_failure {
        OnFailure::Continue => {
            let left: Vec<u64> =
                account.published.iter().copied().filter(|one| !failed.contains(one)).collect();
            demand_eq(&account.sent, &left, "published and not failed")?;
            demand(account.suspended.iter().all(|(_, resumable)| !resumable), || {
                format!("resumable: {:?}", account.suspended)
            })?;
            demand_eq(backlog, 0, "waiting at the end")
        }
        OnFailure::Stop => {
            let ahead = account.sent.len();
            demand_eq(&account.sent[..], &account.published[..ahead], "sent before the failure")?;
            demand_eq(&failed[..], &account.published[ahead..(ahead + failed.len())], "failed")?;
            demand(failed.len() <= 1, || format!("{failed:?} failed at a port that stops"))?;
            let behind = if failed.is_empty() { 0 } else { account.published.len() - ahead };
            demand_eq(backlog, behind, "waiting behind a failed message")?;
            demand_eq(ahead + behind, account.published.len(), "sent or behind a failed one")
        }
    }
}

fn order_is_kept(case: &Case, sabotage: Option<Sabotage>) -> Verdict {
    let mut world = case.plant().telling();
    if let Some(sabotage) = sabotage {
        world.sabotage(sabotage);
    }
    finish_within(&mut world, 50_000)?;
    let accounts = accounts(case, world.trace().history())?;
    for (number, (account, port)) in accounts.iter().zip(&case.ports).enumerate() {
        let Some(on_failure) = port.ordered else { continue };
        demand_eq(account.published.len(), case.arrivals.len(), "published")?;
        let backlog = world.message_box().ordered_backlog(SendPortId::from(number));
        judge(account, on_failure, backlog)?;
    }
    nothing_else_waits(case, &world)?;
    let outcome = world.conclude();
    all_kept(&outcome)?;
    demand(outcome.quiescent, || "something is left to do".to_owned())
}

/// Liveness: what is in a work queue at the end stands behind a stopped head.
fn nothing_else_waits(case: &Case, world: &World) -> Verdict {
    let behind = (0..case.ports.len())
        .map(|port| world.message_box().ordered_backlog(SendPortId::from(port)).saturating_sub(1));
    let counts = world.message_box().reference_counts();
    demand_eq((counts.work, counts.locked), (behind.sum::<usize>() as u64, 0), "left in queues")
}

// R-ORD-01, R-ORD-04, R-ORD-08, R-CLK-11, R-ADPT-19, INV-44…47.
#[test]
fn order_is_kept_and_nothing_is_stuck() {
    let regressions = "proptest-regressions/ordered.txt";
    holds(2000, regressions, &cases(), |case| order_is_kept(case, None));
}

// INV-45.
#[test]
fn order_is_kept_and_nothing_is_stuck_notices_sabotage() {
    let broken = Some(Sabotage::OfferOrderedFollowers);
    let reason = notices(2000, &cases(), |case| order_is_kept(case, broken));
    assert!(reason.contains("in flight"), "{reason}");
}

/// A message that was routed to a stopped ordered port goes out in order once it is resumed, though
/// the port is not started (R-SUB-10, R-MBX-10).
#[test]
fn what_a_stopped_ordered_port_suspended_is_resumed_in_order() {
    for on_failure in [OnFailure::Continue, OnFailure::Stop] {
        let mut plant = Plant::new(immediate(), PUSH);
        plant.send_port("Out", "In", ASYNC, sink()).ordered(on_failure).all_at_once(3);
        plant.setup.topology.send_ports[0].state = PortState::Stopped;
        let mut world = plant.telling();
        finish(&mut world);
        assert_eq!(world.message_box().reference_counts().suspended, 3);
        assert_eq!(world.resume(SendPortId(0)), 3);
        finish(&mut world);
        assert_eq!(world.message_box().reference_counts().total(), 0);
        let sent: Vec<u64> = (world.trace().history().iter())
            .filter_map(|(_, event)| match event {
                Event::WireDone { sequence, sent: true, .. } => Some(*sequence),
                _ => None,
            })
            .collect();
        assert_eq!(sent, [1, 2, 3]);
        assert_all_kept(&world.conclude());
    }
}
