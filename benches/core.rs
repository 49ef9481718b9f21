//! The parts of an observation's way, one by one, for whoever changes them: `make bench-core` before and after. Criterion
//! keeps the figures of the last run and tells what changed. What the library promises is measured in the other benches,
//! beside its peers.

use criterion::{criterion_group, criterion_main, BatchSize, Criterion, Throughput};
use keyviz::matrix::Budget;
use keyviz::{Label, Op, Options, RouteSpec, Sampler, Series};
use std::hint::black_box;

const SECOND: i64 = 1_000_000_000;

/// A sampler of so many routes, each over a key range of its own, which are cut into `parts`.
fn sampler(routes: u64, parts: u32) -> Sampler {
    let sampler =
        Sampler::new(Options { labels_enabled: true, key_buckets_per_route: parts, created_ns: SECOND, ..Options::default() });
    for id in 1..=routes {
        let (start, end) = (id.to_be_bytes(), (id + 1).to_be_bytes());
        let route = RouteSpec { route_id: id, group_id: 1, start: &start, end: &end, any_range: false };
        sampler.register_route(&route).expect("it is a route");
    }
    sampler
}

fn observe(c: &mut Criterion) {
    let mut group = c.benchmark_group("observe");
    group.throughput(Throughput::Elements(1));
    for (name, routes, parts) in [("1 route", 1, 1), ("256 routes", 256, 1), ("10000 routes", 10_000, 1), ("64 parts", 1, 64)] {
        let sampler = sampler(routes, parts);
        let mut i = 0;
        group.bench_function(name, |b| {
            b.iter(|| {
                i = (i + 7) % routes;
                sampler.observe(i + 1, black_box(b"\0\0\0\0\0\0\0\x01key"), Op::Write, 100, Label::Redis)
            });
        });
    }
    group.bench_function("unknown route", |b| {
        let sampler = sampler(256, 1);
        b.iter(|| sampler.observe(black_box(1 << 40), b"key", Op::Read, 0, Label::Legacy));
    });
}

fn flush(c: &mut Criterion) {
    let mut group = c.benchmark_group("flush");
    for (name, busy) in [("10000 routes, all busy", 10_000), ("10000 routes, 100 busy", 100)] {
        let sampler = sampler(10_000, 1);
        let mut now_ns = SECOND;
        group.throughput(Throughput::Elements(busy));
        group.bench_function(name, |b| {
            b.iter_batched(
                || {
                    now_ns += SECOND;
                    (1..=busy).for_each(|id| assert!(sampler.observe(id, b"key", Op::Write, 100, Label::Redis)));
                    now_ns
                },
                |now_ns| sampler.flush(now_ns).expect("it can be flushed"),
                BatchSize::PerIteration,
            );
        });
    }
}

fn pivot(c: &mut Criterion) {
    let sampler = sampler(1024, 1);
    for column in 0..240 {
        (1..=1024).for_each(|id| assert!(sampler.observe(id, b"key", Op::Write, 100, Label::Redis)));
        sampler.flush((2 + column) * SECOND).expect("it can be flushed");
    }
    let mut group = c.benchmark_group("matrix");
    group.throughput(Throughput::Elements(240 * 1024));
    group.bench_function("240 columns of 1024 rows", |b| {
        b.iter(|| sampler.matrix(Series::Writes, 0, 0, Budget::default()).expect("there is a history"));
    });
}

criterion_group!(benches, observe, flush, pivot);
criterion_main!(benches);
