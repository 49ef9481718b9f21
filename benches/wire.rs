//! What the wire forms of a matrix cost, beside their peers, with the limits beside the figures: `make bench-matrix`.
//!
//! The matrix has 1024 rows x 1440 columns: a day of minutes. Values are spread evenly over their number of digits (none
//! to six), and each cell has its group and leader term. Every figure is the best of several runs on one core.

use keyviz::matrix::{from_json, from_proto, to_json, to_proto, Identity, Limits, Matrix, MatrixRow};
use keyviz::Series;
use std::time::Instant;

const ROWS: usize = 1024;
const COLUMNS: usize = 1440;
const RUNS: usize = 7;

/// A small generator of numbers (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }
}

fn matrix() -> Matrix {
    let mut random = Random(1);
    let key = |i: usize| format!("table/{i:08}").into_bytes();
    let rows = (0..ROWS).map(|i| {
        let mut row = MatrixRow {
            id: format!("route:{i}:redis"),
            label: "redis".into(),
            start: key(i),
            end: key(i + 1),
            route_count: 1,
            ..MatrixRow::default()
        };
        for j in 0..COLUMNS {
            row.identities.set(j, Identity { leader_term: 7 + (j / 400) as u64, group_id: i as u64 % 100 + 1 });
        }
        row
    });
    let mut value = || {
        let digits = 10u64.pow((random.next() % 7) as u32);
        random.next() % digits
    };
    Matrix {
        series: Series::Writes,
        columns: (0..COLUMNS as i64).map(|j| 1_700_000_000_000 + j * 60_000).collect(),
        rows: rows.collect(),
        values: (0..ROWS * COLUMNS).map(|_| value()).collect(),
        generated_at_ns: 1_700_086_400_000_000_000,
        node: String::new(),
        fanout: None,
    }
}

/// Seconds of the fastest run.
fn best<T>(mut run: impl FnMut() -> T) -> f64 {
    let times = (0..RUNS).map(|_| {
        let begin = Instant::now();
        std::hint::black_box(run());
        begin.elapsed().as_secs_f64()
    });
    times.fold(f64::INFINITY, f64::min)
}

fn main() {
    let matrix = matrix();
    let json = to_json(&matrix);
    let mb = json.len() as f64 / 1e6;
    println!("json {mb} MB");
    assert!(from_json(&json, &Limits::default()).unwrap() == matrix);
    println!("out {:.0} MB/s", mb / best(|| to_json(&matrix)));
    println!("in  {:.0} MB/s", mb / best(|| from_json(&json, &Limits::default())));
    println!("scan {:.0} MB/s", mb / best(|| serde_json::from_slice::<serde::de::IgnoredAny>(&json).unwrap()));
    println!("value {:.0} MB/s", mb / best(|| serde_json::from_slice::<serde_json::Value>(&json).unwrap()));
    let proto = to_proto(&matrix);
    assert!(from_proto(&proto, Series::Writes, &Limits::default()).unwrap().values == matrix.values);
    let pmb = proto.len() as f64 / 1e6;
    println!("proto {pmb} MB");
    let (a, b) = (best(|| to_proto(&matrix)), best(|| from_proto(&proto, Series::Writes, &Limits::default())));
    println!("out {:.0} MB/s {} ms", pmb / a, a * 1e3);
    println!("in {:.0} MB/s {} ms", pmb / b, b * 1e3);
    println!("json out {} ms", 1e3 * best(|| to_json(&matrix)));
    println!("json in {} ms", 1e3 * best(|| from_json(&json, &Limits::default())));
}
