//! What the matrix costs, with the limits beside the figures, and beside what a user would write: `make bench-matrix`.

use keyviz::matrix::{Budget, BudgetMode};
use keyviz::{ColumnRows, Label, Op, Options, RouteSpec, Sampler, Series};
use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

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
        let textbook = best_of(1, || textbook_pivot(&sampler));
        row("    the textbook's, against it", textbook / fast, "x", "", true);
    }
    let sampler = history(3000, &[Label::Redis, Label::S3, Label::Sqs], 1, 100);
    for mode in [BudgetMode::Top, BudgetMode::Merge] {
        let query = || sampler.matrix(Series::Writes, 0, 0, Budget { max_rows: 1024, mode });
        row(&format!("query of 100 columns x 9000 rows, budget 1024, {mode:?}"), best_of(5, query), "ms", "", true);
    }
}

fn main() {
    println!("{:70}{:>10} {:12}limit", "", "measured", "");
    pivot();
}
