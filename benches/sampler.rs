//! What the sampler costs off the hot path, with the limits beside the figures: `make bench-sampler`.

#![allow(unsafe_code)]

use keyviz::{ColumnRows, Label, Op, Options, RouteSpec, Sampler};
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

const SECOND: i64 = 1_000_000_000;

fn options() -> Options {
    Options { labels_enabled: true, max_tracked_routes: 1_000_000, created_ns: SECOND, ..Options::default() }
}

/// Bounds like those of a catalogue: `table/00001234`.
fn bounds(count: u64) -> Vec<(Vec<u8>, Vec<u8>)> {
    let key = |i: u64| format!("table/{i:08}").into_bytes();
    (0..count).map(|i| (key(i), key(i + 1))).collect()
}

fn spec(id: u64, (start, end): &(Vec<u8>, Vec<u8>)) -> RouteSpec<'_> {
    RouteSpec { route_id: id, group_id: id % 100 + 1, start, end, any_range: false }
}

fn sampler_with(routes: u64, options: Options) -> Sampler {
    let sampler = Sampler::new(options);
    let bounds = bounds(routes);
    let specs: Vec<_> = bounds.iter().enumerate().map(|(i, bounds)| spec(i as u64, bounds)).collect();
    sampler.register_routes(&specs, |_, _| {}).expect("the routes are valid");
    sampler
}

/// Bytes of memory that the process holds.
fn resident() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<f64>().ok()).unwrap_or(0.0) * 4096.0
}

fn row(what: &str, measured: f64, unit: &str, limit: Option<f64>) {
    let verdict = match limit {
        None => String::new(),
        Some(limit) => format!("<= {limit:<8}{}", if measured <= limit { "" } else { "missed" }),
    };
    println!("{what:74}{measured:>10.2} {unit:8}{verdict}");
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn registration() {
    const ROUTES: u64 = 100_000;
    let bounds = bounds(ROUTES + 2000);
    let begin = Instant::now();
    let sampler = sampler_with(ROUTES, options());
    row("register 100 000 routes in bulk", begin.elapsed().as_secs_f64(), "s", Some(0.3));
    let mut times = Vec::new();
    for (i, bounds) in bounds.iter().enumerate().skip(ROUTES as usize) {
        let begin = Instant::now();
        sampler.register_route(&spec(i as u64, bounds)).expect("the route is valid");
        times.push(begin.elapsed().as_secs_f64() * 1e6);
    }
    row("one more route at that size, median", median(times), "us", Some(20.0));
    let begin = Instant::now();
    for i in 0..ROUTES {
        sampler.remove_route(i, SECOND).expect("the sampler is open");
    }
    for (i, bounds) in bounds.iter().enumerate().take(ROUTES as usize) {
        sampler.register_route(&spec(i as u64, bounds)).expect("the route is valid");
    }
    row("remove 100 000 routes and bring them back, one by one", begin.elapsed().as_secs_f64(), "s", Some(1.0));
    let pause = std::time::Duration::from_millis(1);
    let mut ratios = Vec::new();
    for _ in 0..9 {
        let alone = observing(&sampler, || (0..100).for_each(|_| std::thread::sleep(pause)));
        let beside = observing(&sampler, || {
            (0..100).for_each(|i| {
                sampler.remove_route(i, SECOND).expect("the sampler is open");
                sampler.register_route(&spec(i, &bounds[i as usize])).expect("the route is valid");
                std::thread::sleep(pause);
            });
        });
        ratios.push(beside / alone);
    }
    row("an observer beside a catalogue that changes every ms, against alone", median(ratios), "x", Some(1.2));
    let one_by_one = Sampler::new(options());
    let begin = Instant::now();
    for (i, bounds) in bounds.iter().enumerate().take(ROUTES as usize) {
        one_by_one.register_route(&spec(i as u64, bounds)).expect("the route is valid");
    }
    row("register 100 000 routes one by one", begin.elapsed().as_secs_f64(), "s", Some(1.0));
}

/// Nanoseconds per observation of a thread that runs beside `work`.
fn observing(sampler: &Sampler, work: impl FnOnce()) -> f64 {
    let (stop, ready) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let observer = scope.spawn(|| {
            let (begin, mut done) = (Instant::now(), 0u64);
            ready.store(true, Ordering::Relaxed);
            while !stop.load(Ordering::Relaxed) {
                for i in 0..1024 {
                    sampler.observe(50_000 + (done + i) % 1000, b"table/00050000x", Op::Write, 100, Label::Redis);
                }
                done += 1024;
            }
            begin.elapsed().as_nanos() as f64 / done as f64
        });
        while !ready.load(Ordering::Relaxed) {
            std::thread::yield_now();
        }
        work();
        stop.store(true, Ordering::Relaxed);
        observer.join().expect("the observer ends")
    })
}

fn touch_all(sampler: &Sampler, routes: u64, labels: &[Label], seed: u64) {
    for id in 0..routes {
        for &label in labels {
            let op = if (id + seed) % 3 == 0 { Op::Read } else { Op::Write };
            sampler.observe(id, b"table/00001234x", op, 100 + seed % 900, label);
        }
    }
}

fn flush() {
    const ROUTES: u64 = 10_000;
    let sampler = sampler_with(ROUTES, options());
    let mut now = SECOND;
    let (mut active, mut idle) = (Vec::new(), Vec::new());
    for round in 0..15 {
        touch_all(&sampler, ROUTES, &Label::ALL, round);
        now += 60 * SECOND;
        let begin = Instant::now();
        sampler.flush(now).expect("there is a history");
        active.push(begin.elapsed().as_nanos() as f64 / (ROUTES * 6) as f64);
        now += 60 * SECOND;
        let begin = Instant::now();
        sampler.flush(now).expect("there is a history");
        idle.push(begin.elapsed().as_nanos() as f64 / (ROUTES * 6) as f64);
    }
    row("flush of 10 000 routes x 6 labels, per active row", median(active), "ns", Some(100.0));
    row("flush of 10 000 routes x 6 labels, per idle cell", median(idle), "ns", Some(3.0));
    let sampler = sampler_with(100_000, options());
    let alone = observing(&sampler, || std::thread::sleep(std::time::Duration::from_millis(300)));
    let flushes = AtomicU64::new(0);
    let beside = observing(&sampler, || {
        let begin = Instant::now();
        while begin.elapsed().as_millis() < 300 {
            now += 60 * SECOND;
            sampler.flush(now).expect("there is a history");
            flushes.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    });
    row("an observer beside flushes (every 2 ms), against alone", beside / alone, "x", Some(1.2));
}

fn untouched(k: u32) {
    let bounds = bounds(100_000);
    let specs: Vec<_> = bounds.iter().enumerate().map(|(i, bounds)| spec(i as u64, bounds)).collect();
    let before = resident();
    let sampler = Sampler::new(Options { key_buckets_per_route: k, ..options() });
    sampler.register_routes(&specs, |_, _| {}).expect("the routes are valid");
    let bytes = (resident() - before) / 100_000.0;
    row(&format!("a route that is not touched, labels on, K = {k}"), bytes, "bytes", Some(256.0));
}

fn accounting() {
    // Large blocks that are freed go back to the system: what an allocator keeps for later is nobody's.
    #[cfg(target_env = "gnu")]
    // SAFETY: takes no memory of ours.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 1 << 17);
    }
    let before = resident();
    let sampler = sampler_with(50_000, Options { key_buckets_per_route: 4, ..options() });
    for round in 0..40 {
        touch_all(&sampler, 50_000, &Label::ALL, round);
        sampler.flush(SECOND * 60 * (round as i64 + 1)).expect("there is a history");
    }
    let stats = sampler.stats();
    let grown = resident() - before;
    let told = (stats.counter_bytes + stats.route_bytes + stats.history_bytes) as f64;
    row("what stats() tells against what the process grew by, off by", 100.0 * (told / grown - 1.0).abs(), "%", Some(5.0));
}

/// Measures memory, each time in a process of its own: what one measurement freed would hide what the next one takes.
fn memory() {
    let program = std::env::current_exe().expect("a process knows its program");
    for what in ["accounting", "untouched-1", "untouched-64"] {
        let status = std::process::Command::new(&program).arg(what).status();
        assert!(status.is_ok_and(|status| status.success()), "{what} fails");
    }
}

fn history() {
    let sampler = sampler_with(10_000, options());
    let (mut rows, columns) = (0, 60);
    for round in 0..columns {
        // A table that is uniformly busy: every slot reads and writes, hundreds of times a step.
        for id in 0..10_000 {
            for label in Label::ALL {
                for op in [Op::Read, Op::Write] {
                    for _ in 0..(id * 7 + round * 13) % 5 + 1 {
                        sampler.observe(id, b"table/00001234x", op, (id * 31 + round * 17) % 4000, label);
                    }
                }
            }
        }
        sampler.flush(SECOND * 60 * (round as i64 + 1)).expect("there is a history");
        rows += 60_000u64;
    }
    row("history of a uniformly busy table, per row", sampler.stats().history_bytes as f64 / rows as f64, "bytes", Some(16.0));
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/traces");
    let folder = std::env::var_os("TRACES").map_or_else(beside, PathBuf::from);
    let mut traces: Vec<_> = std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    traces.retain(|path| path.extension().is_some_and(|extension| extension == "zst"));
    traces.sort();
    if traces.is_empty() {
        println!("(no traces at {}: their history is not measured; TRACES=folder names another)", folder.display());
        return;
    }
    for k in [1, 64] {
        let totals = traces.iter().map(|path| trace(path, k)).fold((0.0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        row(&format!("history of all traces, K = {k}, per row"), totals.0 / totals.1 as f64, "bytes", Some(16.0));
    }
}

/// Replays a trace minute by minute into one route; the bytes of its history, and the rows.
fn trace(path: &Path, k: u32) -> (f64, u64) {
    let name = path.file_name().unwrap_or_default().to_string_lossy().replace(".csv.zst", "");
    let sampler = Sampler::new(Options { key_buckets_per_route: k, history_columns: 100_000, ..options() });
    sampler.register_route(&spec(1, &(Vec::new(), Vec::new()))).expect("the route is valid");
    let file = std::fs::File::open(path).expect("the trace can be opened");
    let lines = std::io::BufReader::new(zstd::Decoder::new(file).expect("the trace is compressed")).lines();
    let mut minute = None;
    for line in lines.skip(1) {
        let line = line.expect("the trace can be read");
        let fields: Vec<&str> = line.split(',').collect();
        let now = fields[0].parse::<i64>().expect("a time") / 60_000;
        while minute.is_some_and(|minute| minute < now) {
            minute = minute.map(|minute| minute + 1);
            sampler.flush(minute.unwrap_or(0) * 60 * SECOND).expect("there is a history");
        }
        minute = Some(now);
        let label = Label::from_name(fields[1].as_bytes()).expect("a label");
        let op = if fields[2] == "w" { Op::Write } else { Op::Read };
        sampler.observe(1, fields[3].as_bytes(), op, fields[5].parse().expect("a length"), label);
    }
    sampler.flush((minute.unwrap_or(0) + 1) * 60 * SECOND).expect("there is a history");
    let mut rows = 0u64;
    for column in sampler.columns(0, 0).expect("there is a history") {
        column.for_each_row(&mut |_| rows += 1);
    }
    let bytes = sampler.stats().history_bytes as f64;
    row(&format!("    {name}, K = {k} ({rows} rows)"), bytes / rows as f64, "bytes", None);
    (bytes, rows)
}

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("accounting") => return accounting(),
        Some("untouched-1") => return untouched(1),
        Some("untouched-64") => return untouched(64),
        _ => {}
    }
    println!("{:74}{:>10} {:8}limit", "", "measured", "");
    memory();
    registration();
    flush();
    history();
}
