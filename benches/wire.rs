//! What the wire forms of a matrix cost, beside their peers, with the limits beside the figures: `make bench-matrix`.
//!
//! The matrix has 1024 rows x 1440 columns: a day of minutes. Values are spread evenly over their number of digits (none
//! to six), and each cell has its group and leader term. Every figure is the best of several runs on one core.

use keyviz::matrix::{from_json, from_proto, to_json, to_proto, Identity, Limits, Matrix, MatrixRow};
use keyviz::Series;
use std::hint::black_box;
use std::path::Path;
use std::process::Command;
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

/// The fastest of several runs of each, in seconds. They take turns, so that a noisy machine is noisy to all.
fn best<const N: usize>(mut runs: [&mut dyn FnMut(); N]) -> [f64; N] {
    let mut best = [f64::INFINITY; N];
    for _ in 0..RUNS {
        for (run, best) in runs.iter_mut().zip(&mut best) {
            let begin = Instant::now();
            run();
            *best = begin.elapsed().as_secs_f64().min(*best);
        }
    }
    best
}

/// A line of the table; `limit` is the least that the rate may be.
fn row(what: &str, seconds: f64, megabytes: f64, than: f64, limit: Option<f64>) {
    let rate = megabytes / seconds;
    let verdict = limit.map(|limit| format!(">= {limit} MB/s{}", if rate >= limit { "" } else { "  missed" }));
    println!(
        "{what:40}{:>10.1} ms{rate:>10.0} MB/s{:>9.2} x   {}",
        seconds * 1e3,
        seconds / than,
        verdict.unwrap_or_default()
    );
}

/// Runs a peer that isn't Rust on the JSON, if its language is here; milliseconds to read and to write.
fn peer(program: &[&str], file: &Path) -> Option<[f64; 2]> {
    let root = env!("CARGO_MANIFEST_DIR");
    let output = Command::new(program[0]).args(&program[1..]).arg(file).current_dir(root).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let mut numbers = text.split_whitespace().map(|number| number.parse::<f64>().ok());
    let found = [numbers.next()??, numbers.next()??];
    Some(found)
}

fn main() {
    let matrix = matrix();
    let limits = Limits::default();
    let (json, proto) = (to_json(&matrix), to_proto(&matrix));
    assert!(from_json(&json, &limits).as_ref() == Ok(&matrix));
    let read = from_proto(&proto, Series::Writes, &limits).expect("it is what was written");
    assert!(read.values == matrix.values && read.rows == matrix.rows);
    let value: serde_json::Value = serde_json::from_slice(&json).expect("it is JSON");

    let out =
        best([&mut || drop(black_box(to_json(&matrix))), &mut || drop(black_box(to_proto(&matrix))), &mut || {
            drop(black_box(serde_json::to_vec(&value)))
        }]);
    let read = best([
        &mut || drop(black_box(from_json(&json, &limits))),
        &mut || drop(black_box(from_proto(&proto, Series::Writes, &limits))),
        &mut || drop(black_box(serde_json::from_slice::<serde_json::Value>(&json))),
    ]);
    let file = std::env::temp_dir().join(format!("keyviz-wire-{}.json", std::process::id()));
    std::fs::write(&file, &json).expect("a temporary file can be written");
    let go = std::env::var("KEYVIZ_GO").unwrap_or_else(|_| "go".into());
    let peers = [
        ("Go, encoding/json with structs", peer(&[&go, "run", "benches/wire_peers/main.go"], &file)),
        ("Python, json", peer(&["python3", "benches/wire_peers/main.py"], &file)),
    ];
    // It is in the system's folder for such files, should it stay.
    let _ = std::fs::remove_file(&file);

    let (json, proto) = (json.len() as f64 / 1e6, proto.len() as f64 / 1e6);
    println!("{ROWS} rows x {COLUMNS} columns: {json:.1} MB of JSON, {proto:.1} MB of protobuf; x: times as long as our JSON");
    for (way, ours, j, limit) in [("out", out, 1, 400.0), ("in", read, 0, 200.0)] {
        println!("{way}");
        row("  JSON", ours[0], json, ours[0], Some(limit));
        row("  protobuf (faster than JSON)", ours[1], proto, ours[0], None);
        row("  serde_json, generic Value", ours[2], json, ours[0], None);
        for (name, times) in &peers {
            match times {
                Some(times) => row(&format!("  {name}"), times[j] / 1e3, json, ours[0], None),
                None => println!("  {name}: not here"),
            }
        }
    }
}
