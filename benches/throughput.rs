//! Documents per wall second, full semantics and all checks on, one core.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use floodgate_benches::{built, file_to_file, with_strangers};
use floodgate_sim::world::World;

const DOCUMENTS: u64 = 100_000;

fn throughput(c: &mut Criterion) {
    let plants = [
        ("file_to_file", file_to_file(DOCUMENTS)),
        ("file_to_file with 1,000 more send ports", with_strangers(DOCUMENTS, 1000)),
    ];
    let mut group = c.benchmark_group("documents");
    group.sample_size(10).throughput(Throughput::Elements(DOCUMENTS));
    for (name, scenario) in plants {
        let setup =
            scenario.and_then(|scenario| built(&scenario)).expect("the catalogue has file_to_file");
        group.bench_function(name, |b| b.iter(|| black_box(World::new(&setup).run().digest)));
    }
    group.finish();
}

criterion_group!(benches, throughput);
criterion_main!(benches);
