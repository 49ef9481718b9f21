//! What the matrix costs, with the limits beside the figures, and beside what a user would write: `make bench-matrix`.

#![allow(unsafe_code)]

use keyviz::matrix::verdict::Verdicts;
use keyviz::matrix::{Budget, BudgetMode, Identities, Identity, Matrix, MatrixRow, Merge, MergeOptions};
use keyviz::{ColumnRows, Label, Op, Options, RouteSpec, Sampler, Series};
use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The system's allocator, and how much of it is in use.
struct Measured;

static IN_USE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

fn taken(bytes: usize) {
    PEAK.fetch_max(IN_USE.fetch_add(bytes, Ordering::Relaxed) + bytes, Ordering::Relaxed);
}

// SAFETY: every call is passed on as it came.
unsafe impl GlobalAlloc for Measured {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        System.alloc(layout)
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        System.alloc_zeroed(layout)
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // What is moved may be there twice for a while.
        taken(size);
        IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        System.realloc(block, layout, size)
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        System.dealloc(block, layout);
    }
}

#[global_allocator]
static ALLOCATOR: Measured = Measured;

const MINUTE: i64 = 60_000_000_000;
const COLUMNS: u64 = 1440;

fn row(what: &str, measured: f64, unit: &str, limit: &str, held: bool) {
    println!("{what:70}{measured:>10.1} {unit:12}{limit:12}{}", if held { "" } else { "missed" });
}

/// The best of several runs, in ms.
fn best_of<T>(runs: u32, mut run: impl FnMut() -> T) -> f64 {
    let times = (0..runs).map(|_| {
        let begin = Instant::now();
        let made = run();
        let time = begin.elapsed().as_secs_f64() * 1e3;
        drop(made);
        time
    });
    times.fold(f64::INFINITY, f64::min)
}

/// A generator of numbers that look random, the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// A history in which every row of every column is busy.
fn history(routes: u64, labels: &[Label], parts: u32, columns: u64) -> Sampler {
    let options = Options {
        labels_enabled: true,
        max_tracked_routes: 1_000_000,
        key_buckets_per_route: parts,
        created_ns: MINUTE,
        ..Options::default()
    };
    let sampler = Sampler::new(options);
    let key = |i: u64| format!("table/{i:08}").into_bytes();
    for id in 0..routes {
        let (start, end) = (key(id), key(id + 1));
        let spec = RouteSpec { route_id: id + 1, group_id: id % 100 + 1, start: &start, end: &end, any_range: false };
        sampler.register_route(&spec).expect("the route is valid");
    }
    for group in 1..=100 {
        sampler.set_leader_term(group, 7).expect("it is open");
    }
    let mut numbers = Numbers(1);
    for column in 0..columns {
        for id in 0..routes {
            for &label in labels {
                for part in 0..parts {
                    let mut key = format!("table/{id:08}").into_bytes();
                    key.extend([(part * 256 / parts) as u8, 0x80]);
                    for op in [Op::Read, Op::Write] {
                        for _ in 0..numbers.below(150) {
                            sampler.observe(id + 1, &key, op, 50 + numbers.0 % 1000, label);
                        }
                    }
                }
            }
        }
        sampler.flush(MINUTE * (column as i64 + 2)).expect("there is a history");
    }
    sampler
}

/// The pivot as a user writes it: maps by row id.
fn textbook_pivot(sampler: &Sampler) -> BTreeMap<(Vec<u8>, String), Vec<u64>> {
    let columns = sampler.columns(0, 0).expect("there is a history");
    let mut rows: HashMap<String, (Vec<u8>, Vec<u64>)> = HashMap::new();
    for (j, column) in columns.iter().enumerate() {
        column.for_each_row(&mut |row| {
            let mut id = format!("route:{}", row.route_id);
            if row.label != Label::Legacy {
                id = format!("{id}:{}", row.label.name());
            }
            if row.sub_bucket_count > 1 {
                id = format!("{id}#{}", row.sub_bucket);
            }
            let (_, values) = rows.entry(id).or_insert_with(|| (row.start.to_vec(), vec![0; columns.len()]));
            values[j] = row.counters.writes;
        });
    }
    rows.into_iter().map(|(id, (start, values))| ((start, id), values)).collect()
}

fn pivot() {
    let shapes: [(&str, u64, &[Label], u32); 3] = [
        ("1024 routes", 1024, &[Label::Legacy], 1),
        ("170 routes x 6 labels", 170, &Label::ALL, 1),
        ("16 routes x 64 parts", 16, &[Label::Redis], 64),
    ];
    for (name, routes, labels, parts) in shapes {
        let sampler = history(routes, labels, parts, COLUMNS);
        let query = || sampler.matrix(Series::Writes, 0, 0, Budget::default()).expect("there is a history");
        let matrix = query();
        assert_eq!(matrix.columns.len() as u64, COLUMNS);
        let size = format!("query of {} columns x {} rows ({name})", COLUMNS, matrix.rows.len());
        let fast = best_of(9, query);
        row(&size, fast, "ms", "<= 25", fast <= 25.0 || matrix.rows.len() > 1024);
        row("    its verdicts", best_of(3, || Verdicts::of(&matrix)), "ms", "", true);
        let textbook = best_of(1, || textbook_pivot(&sampler));
        row("    the textbook's, against it", textbook / fast, "x", "", true);
    }
    let sampler = history(3000, &[Label::Redis, Label::S3, Label::Sqs], 1, 100);
    for mode in [BudgetMode::Top, BudgetMode::Merge] {
        let query = || sampler.matrix(Series::Writes, 0, 0, Budget { max_rows: 1024, mode });
        row(&format!("query of 100 columns x 9000 rows, budget 1024, {mode:?}"), best_of(5, query), "ms", "", true);
    }
}

const NODES: u64 = 100;
const ROWS: usize = 1024;

/// The matrix of a node in which every cell counted something.
fn node_matrix(series: Series) -> Matrix {
    let described = |i: usize| {
        let mut identities = Identities::default();
        identities.set_run(0..COLUMNS as usize, Identity { leader_term: 7, group_id: i as u64 % 100 + 1 });
        let key = |i: usize| format!("table/{i:08}").into_bytes();
        MatrixRow {
            id: format!("route:{i}:redis"),
            label: "redis".into(),
            start: key(i),
            end: key(i + 1),
            route_count: 1,
            identities,
            ..MatrixRow::default()
        }
    };
    let mut numbers = Numbers(2);
    Matrix {
        series,
        columns: (0..COLUMNS as i64).map(|j| j * 60_000).collect(),
        rows: (0..ROWS).map(described).collect(),
        values: (0..ROWS * COLUMNS as usize).map(|_| 1 + numbers.below(1000)).collect(),
        generated_at_ns: 0,
        node: String::new(),
        fanout: None,
    }
}

/// Turns the matrix of a node into that of the next, whose clock is somewhat off.
fn next_node(matrix: &mut Matrix, node: u64, leaders_move: bool) {
    matrix.node = format!("node-{node}");
    matrix.columns.iter_mut().enumerate().for_each(|(j, at)| *at = j as i64 * 60_000 + node as i64 * 70);
    if leaders_move {
        for (i, row) in matrix.rows.iter_mut().enumerate() {
            row.identities = Identities::default();
            let terms = (0..COLUMNS as usize).step_by(288).enumerate();
            terms.for_each(|(term, from)| {
                let moved = from + (node as usize + i) % 3;
                let group_id = i as u64 % 100 + 1;
                row.identities.set_run(moved..(from + 288).min(COLUMNS as usize), Identity { leader_term: term as u64 + 1, group_id });
            });
        }
    }
}

/// The merge as a user writes it: a map by row id of maps by time.
type Textbook = HashMap<String, BTreeMap<i64, (u64, Identity)>>;

fn textbook_merge(merged: &mut Textbook, matrix: &Matrix) {
    for (i, row) in matrix.rows.iter().enumerate() {
        let cells = merged.entry(row.id.clone()).or_default();
        for (j, &value) in matrix.row_values(i).iter().enumerate() {
            // The column to the minute: all that a user does about clocks.
            let cell = cells.entry(matrix.columns[j] / 60_000).or_default();
            if value != 0 {
                *cell = (cell.0.saturating_add(value), row.identities.get(j));
            }
        }
    }
}

fn merge() {
    let cells = (NODES * COLUMNS) as f64 * ROWS as f64;
    let one = (ROWS * COLUMNS as usize * size_of::<u64>()) as f64;
    let mut fast = 0.0;
    for (name, series, leaders_move) in
        [("reads", Series::Reads, false), ("writes", Series::Writes, false), ("writes, leaders move", Series::Writes, true)]
    {
        let before = IN_USE.load(Ordering::Relaxed);
        PEAK.store(before, Ordering::Relaxed);
        let mut source = node_matrix(series);
        let mut merge = Merge::new(MergeOptions::new(series));
        let mut spent = Duration::ZERO;
        for node in 0..NODES {
            next_node(&mut source, node, leaders_move);
            let begin = Instant::now();
            assert_eq!(merge.add(&source, ""), Ok(true));
            spent += begin.elapsed();
        }
        drop(source);
        let begin = Instant::now();
        let merged = merge.finish();
        spent += begin.elapsed();
        assert_eq!((merged.rows.len(), merged.columns.len() as u64), (ROWS, COLUMNS));
        let peak = (PEAK.load(Ordering::Relaxed) - before) as f64 / one;
        let rate = cells / spent.as_secs_f64() / 1e6;
        row(&format!("merge of 100 nodes x 1024 x 1440, {name}"), rate, "M cells/s", ">= 50", rate >= 50.0);
        row("    peak memory, one source included, against the values of one matrix", peak, "x", "<= 3", peak <= 3.0);
        fast = if fast == 0.0 { rate } else { fast };
    }
    let mut source = node_matrix(Series::Reads);
    let mut merged = Textbook::new();
    let nodes = 3;
    let mut spent = Duration::ZERO;
    for node in 0..nodes {
        next_node(&mut source, node, false);
        let begin = Instant::now();
        textbook_merge(&mut merged, &source);
        spent += begin.elapsed();
    }
    let rate = cells * nodes as f64 / NODES as f64 / spent.as_secs_f64() / 1e6;
    row("    the textbook's time against that of reads", fast / rate, "x", "", true);
}

fn main() {
    println!("{:70}{:>10} {:12}limit", "", "measured", "");
    merge();
    pivot();
}
