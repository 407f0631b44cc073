//! References: recursions of a few lines that make the same draws as a plant, without an engine.

use floodgate_engine::config::{AdapterKind, SendPort};
use floodgate_engine::hash::{mix, name_key};
use floodgate_engine::message::Body;
use floodgate_engine::time::Instant;
use floodgate_sim::load::Arrivals;
use floodgate_sim::rng::{Purpose, Rng};
use floodgate_sim::setup::{EndpointSettings, Setup};

use super::SERVICE_SECONDS;

/// The documents of the plant's load, by arrival, each with the key of its draws.
fn arrivals(setup: &Setup, rng: &Rng) -> Vec<(Instant, u64)> {
    let load = &setup.loads[0];
    let Body::Described { documents, .. } = load.body else { unreachable!() };
    let key = name_key(&load.name);
    let (kind, until) = (load.arrivals.clone(), load.until);
    let mut arrivals = Arrivals::new(kind, key, load.start, until, load.count);
    let instants = std::iter::from_fn(|| arrivals.next(rng));
    let split = |(at, number)| {
        let wire = mix(key, number);
        let lineage = move |n| if documents > 1 { mix(wire, u64::from(n)) } else { wire };
        (1..=documents).map(move |n| (at, lineage(n)))
    };
    instants.zip(1..).flat_map(split).collect()
}

/// The recursion of Kiefer and Wolfowitz at one port: each document goes to the place that is free
/// first. What is left is when each of them is done, and the key of what is sent on.
fn serve(setup: &Setup, rng: &Rng, port: &SendPort, documents: &mut [(Instant, u64)]) {
    let endpoint = port.primary.endpoint.index();
    let name = name_key(&setup.topology.endpoints[endpoint]);
    let EndpointSettings::Sink(sink) = &setup.endpoints[endpoint] else { unreachable!() };
    let next = sink.forward_to.map(|to| &setup.topology.receive_locations[to.index()].name);
    let mut free = vec![Instant::ZERO; sink.limit as usize];
    for (at, lineage) in documents {
        let first = free.iter_mut().min().unwrap();
        let entity = mix(*lineage, name);
        let takes = sink.wire.sample(|n| rng.uniform(Purpose::Wire, entity, u64::from(n)));
        *first = (*first).max(*at) + takes;
        *at = *first;
        *lineage = next.map_or(*lineage, |next| mix(*lineage, name_key(next)));
    }
}

/// Stage after stage. Only the last one may have several places, for they change the order.
pub(super) fn sojourns(setup: &Setup) -> Vec<u64> {
    let rng = Rng::new(setup.seed, setup.replication);
    let arrivals = arrivals(setup, &rng);
    let mut documents = arrivals.clone();
    for port in &setup.topology.send_ports {
        serve(setup, &rng, port, &mut documents);
    }
    let measured = setup.measure_from..setup.measure_to;
    let both = arrivals.iter().zip(&documents);
    let sojourns = both.filter(|((arrived, _), _)| measured.contains(arrived));
    sojourns.map(|((arrived, _), (done, _))| done.since(*arrived).as_nanos()).collect()
}

/// Every document goes to all ports at once: when it came, and when the last of them is done.
fn stays(setup: &Setup) -> (Vec<Instant>, Vec<Instant>) {
    let rng = Rng::new(setup.seed, setup.replication);
    let arrivals = arrivals(setup, &rng);
    let came: Vec<Instant> = arrivals.iter().map(|(at, _)| *at).collect();
    let mut gone = came.clone();
    for port in &setup.topology.send_ports {
        let mut documents = arrivals.clone();
        serve(setup, &rng, port, &mut documents);
        for (gone, (done, _)) in gone.iter_mut().zip(documents) {
            *gone = (*gone).max(done);
        }
    }
    (came, gone)
}

/// How many documents are there in the mean of the window, in thousand-millionths.
pub(super) fn level(setup: &Setup) -> Vec<u64> {
    let (came, gone) = stays(setup);
    let (from, to) = (setup.measure_from, setup.measure_to);
    let inside = |(came, gone): (Instant, Instant)| {
        let (came, gone) = (came.clamp(from, to), gone.clamp(from, to));
        u128::from(gone.since(came).as_nanos())
    };
    let area: u128 = came.into_iter().zip(gone).map(inside).sum();
    vec![(area * 1_000_000_000 / u128::from(to.since(from).as_nanos())) as u64]
}

/// How many documents each sample of the window finds.
pub(super) fn crowds(setup: &Setup) -> Vec<u64> {
    let (came, mut gone) = stays(setup);
    gone.sort_unstable();
    let (mut at, mut crowds) = (Instant::ZERO, Vec::new());
    while at < setup.measure_to {
        if at >= setup.measure_from {
            let before = |all: &[Instant]| all.partition_point(|one| *one <= at) as u64;
            crowds.push(before(&came) - before(&gone));
        }
        at += setup.sample;
    }
    crowds
}

/// What each look at a folder leaves, when it takes so many at most.
pub(super) fn lefts(setup: &Setup) -> Vec<u64> {
    let AdapterKind::Receive(adapter) = setup.topology.adapters[0].kind else { unreachable!() };
    let rng = Rng::new(setup.seed, setup.replication);
    let mut arrivals = arrivals(setup, &rng).into_iter().map(|(at, _)| at).peekable();
    let (mut left, mut lefts) = (0_u64, Vec::new());
    let mut look = Instant::ZERO;
    while look < setup.measure_to {
        if look >= setup.measure_from {
            lefts.push(left);
        }
        look += adapter.poll.unwrap();
        left += std::iter::from_fn(|| arrivals.next_if(|at| *at <= look)).count() as u64;
        left = left.saturating_sub(u64::from(adapter.batch_messages));
    }
    lefts
}

pub(super) fn mean(values: &mut [u64]) -> f64 {
    values.iter().map(|value| u128::from(*value)).sum::<u128>() as f64 / values.len() as f64
}

pub(super) fn reference_level(billionths: &mut [u64]) -> f64 {
    mean(billionths) / 1e9
}

pub(super) fn reference_sojourn(nanos: &mut [u64]) -> f64 {
    mean(nanos) / 1e9 / SERVICE_SECONDS
}

pub(super) fn reference_wait(nanos: &mut [u64]) -> f64 {
    reference_sojourn(nanos) - 1.0
}

pub(super) fn reference_p95(nanos: &mut [u64]) -> f64 {
    let rank = (nanos.len() * 95).div_ceil(100) - 1;
    *nanos.select_nth_unstable(rank).1 as f64 / 1e9 / SERVICE_SECONDS
}
