//! How fast the event queue is: the wheel that runs use, beside the heap that defines it.
//!
//! The hold model keeps a number of events pending: each iteration pops one and pushes one an
//! exponential span later. The burst is a poller: every 10 ms it finds 64 messages, each of which
//! becomes one event due at once and one a little later.

use std::hint::black_box;
use std::time::Duration as WallDuration;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use floodgate_engine::time::Duration;
use floodgate_sim::dist::Dist;
use floodgate_sim::queue::{Heap, Schedule, Wheel};
use floodgate_sim::rng::{Purpose, Rng};

/// As large as an event of the simulator.
type Payload = [u64; 3];

const HOLDS_PER_ITERATION: usize = 1 << 14;
const BURST: u64 = 64;
const TICKS_PER_ITERATION: usize = 128;

/// Exponential spans of mean 1 s, drawn beforehand so that drawing is not measured.
fn spans() -> Vec<Duration> {
    let (rng, dist) = (Rng::new(1, 0), Dist::Exponential { mean: Duration::from_secs(1) });
    (0..1 << 16).map(|entity| dist.sample(|_| rng.uniform(Purpose::Work, entity, 0))).collect()
}

/// A queue with `pending` events that has been held for long enough to be in its steady state.
fn filled<Q: Schedule<Payload> + Default>(pending: usize, spans: &[Duration]) -> (Q, usize) {
    let mut queue = Q::default();
    for index in 0..pending {
        let at = floodgate_engine::time::Instant::ZERO + spans[index % spans.len()];
        queue.push(at, 0, [index as u64; 3]);
    }
    let mut next = 0;
    for _ in 0..(2 * pending).div_ceil(HOLDS_PER_ITERATION) {
        next = hold(&mut queue, spans, next);
    }
    (queue, next)
}

fn hold<Q: Schedule<Payload>>(queue: &mut Q, spans: &[Duration], mut next: usize) -> usize {
    for _ in 0..HOLDS_PER_ITERATION {
        let (at, payload) = queue.pop().expect("a held queue is never empty");
        queue.push(at + spans[next % spans.len()], 0, payload);
        next += 1;
    }
    next
}

/// Plays `TICKS_PER_ITERATION` bursts.
fn burst<Q: Schedule<Payload>>(queue: &mut Q) {
    const POLL: u64 = 0;
    const FOUND: u64 = 1;
    const LATER: u64 = 2;
    let mut ticks = 0;
    while ticks < TICKS_PER_ITERATION {
        let (at, [kind, message, _]) = queue.pop().expect("the poller never stops");
        match kind {
            POLL => {
                ticks += 1;
                (0..BURST).for_each(|message| queue.push(at, 0, [FOUND, message, 0]));
                queue.push(at + Duration::from_millis(10), 0, [POLL, 0, 0]);
            }
            FOUND => {
                let after = Duration::from_micros(50 + message * 37 % 101);
                queue.push(at + after, 0, [LATER, message, 0]);
            }
            _ => {
                black_box(message);
            }
        }
    }
}

fn bench_kind<Q: Schedule<Payload> + Default + Clone>(criterion: &mut Criterion, name: &str) {
    let spans = spans();
    let mut group = criterion.benchmark_group("hold");
    group.throughput(Throughput::Elements(HOLDS_PER_ITERATION as u64));
    for pending in [100, 10_000, 1_000_000] {
        let (mut queue, mut next) = filled::<Q>(pending, &spans);
        group.bench_function(BenchmarkId::new(name, pending), |bencher| {
            bencher.iter(|| next = hold(&mut queue, &spans, next));
        });
    }
    group.finish();

    let mut group = criterion.benchmark_group("burst");
    group.throughput(Throughput::Elements(TICKS_PER_ITERATION as u64 * (2 * BURST + 1)));
    group.bench_function(name, |bencher| {
        let mut queue = Q::default();
        queue.push(floodgate_engine::time::Instant::ZERO, 0, [0; 3]);
        burst(&mut queue);
        bencher.iter_batched_ref(|| queue.clone(), burst, BatchSize::NumIterations(1));
    });
    group.finish();
}

fn bench_rng(criterion: &mut Criterion) {
    let rng = Rng::new(1, 0);
    let mut index = 0;
    criterion.bench_function("rng/uniform", |bencher| {
        bencher.iter(|| {
            index += 1;
            rng.uniform(Purpose::Work, black_box(7), index)
        });
    });
}

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(WallDuration::from_millis(500))
        .measurement_time(WallDuration::from_secs(2))
        .configure_from_args();
    bench_rng(&mut criterion);
    bench_kind::<Wheel<Payload>>(&mut criterion, "wheel");
    bench_kind::<Heap<Payload>>(&mut criterion, "heap");
    criterion.final_summary();
}
