//! What hot keys cost, beside peers in the same run: `make bench-hotkeys`.

use keyviz::hot_keys::SpaceSaving;
use std::collections::HashMap;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// Entries of a sketch, m.
const ENTRIES: usize = 64;
/// What an observation takes with hot keys on, as a multiple of what it takes with them off, at most.
const MOST_TIMES_OFF: f64 = 2.5;
/// What all single observations but one in a thousand take at most, in nanoseconds.
const MOST_P999_NS: f64 = 2000.0;

/// The textbook's Space-Saving: a hash map, and a linear search for the least count.
struct Textbook {
    counts: HashMap<Vec<u8>, (u64, u64)>,
}

impl Textbook {
    fn offer(&mut self, key: &[u8]) {
        if let Some((count, _)) = self.counts.get_mut(key) {
            *count += 1;
        } else if self.counts.len() < ENTRIES {
            self.counts.insert(key.to_vec(), (1, 0));
        } else {
            let least = self.counts.iter().min_by_key(|(_, (count, _))| *count);
            let (victim, count) = least.map(|(key, (count, _))| (key.clone(), *count)).expect("it is full");
            self.counts.remove(&victim);
            self.counts.insert(key.to_vec(), (count + 1, count));
        }
    }
}

fn traces() -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/traces");
    std::env::var_os("KEYVIZ_TRACES").map_or_else(beside, PathBuf::from)
}

/// The keys of a recorded trace, or made ones with as skewed a distribution.
fn keys() -> (&'static str, Vec<Vec<u8>>) {
    if let Ok(file) = std::fs::File::open(traces().join("twitter_cluster52_a.csv.zst")) {
        let lines = std::io::BufReader::new(zstd::Decoder::new(file).expect("it is zstd")).lines().skip(1);
        let key = |line: String| line.split(',').nth(3).expect("it has a key").as_bytes().to_vec();
        return ("Twitter trace", lines.map(|line| key(line.expect("it can be read"))).collect());
    }
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    let key = |_| format!("{:016x}", (1.0 / (next() + 1e-6)) as u64).into_bytes();
    ("made keys (there is no trace)", (0..1_000_000).map(key).collect())
}

/// Millions of keys per second, the best of several runs.
fn rate(runs: usize, keys: &[Vec<u8>], mut run: impl FnMut(&[Vec<u8>])) -> f64 {
    let seconds = (0..runs).map(|_| {
        let begin = Instant::now();
        run(keys);
        begin.elapsed().as_secs_f64()
    });
    keys.len() as f64 / seconds.fold(f64::INFINITY, f64::min) / 1e6
}

fn updates() {
    let (name, keys) = keys();
    println!("sketch updates, m = {ENTRIES}, {name}");
    let ours = rate(15, &keys, |keys| {
        let mut sketch = SpaceSaving::new(ENTRIES);
        keys.iter().for_each(|key| {
            sketch.offer(key, 1);
        });
        assert_eq!(sketch.observed(), keys.len() as u64);
    });
    let textbook = rate(3, &keys, |keys| {
        let mut sketch = Textbook { counts: HashMap::new() };
        keys.iter().for_each(|key| sketch.offer(key));
    });
    let heavykeeper = rate(5, &keys, |keys| {
        let mut sketch = heavykeeper::TopK::<Vec<u8>>::new(ENTRIES, 1024, 4, 0.9);
        keys.iter().for_each(|key| sketch.add(key, 1));
    });
    println!("  {:54}{ours:>8.1} M/s   >= 15    {}", "Space-Saving with a stream-summary", if ours >= 15.0 { "" } else { "missed" });
    println!("  {:54}{textbook:>8.1} M/s   {:.1} x slower", "the textbook's: hash map and linear search", ours / textbook);
    println!("  {:54}{heavykeeper:>8.1} M/s   {:.1} x slower", "crate heavykeeper 0.7 (no bounds)", ours / heavykeeper);
}

/// One line of the C program's table.
struct Case {
    way: String,
    rate: u32,
    routes: String,
    threads: u32,
    median_ns: f64,
    p999_ns: f64,
}

/// Compiles `hotkeys.c` against the release build, runs it over these keys, and gives its table.
fn observe(keys: &[Vec<u8>]) -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("build/bench-hotkeys");
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    let library = root.join("target/release/libkeyviz.so");
    for name in ["libkeyviz.so", "libkeyviz.so.0"] {
        std::fs::copy(&library, folder.join(name)).expect("`make build` has made the library");
    }
    let program = folder.join("hotkeys");
    let compiled = Command::new("cc")
        .args(["-std=c11", "-O2", "-fno-plt", "-Iinclude", "benches/hotkeys.c", "-lkeyviz", "-pthread", "-o"])
        .arg(&program)
        .arg(format!("-L{}", folder.display()))
        .arg(format!("-Wl,-rpath,{}", folder.display()))
        .current_dir(root)
        .status();
    assert!(compiled.expect("there is a C compiler").success());
    let running = Command::new(program).arg("1500").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut running = running.expect("it runs");
    let mut input = running.stdin.take().expect("it reads");
    // A route is a range of keys, here with as many different ones as every other.
    let mut different: Vec<&Vec<u8>> = keys.iter().collect();
    different.sort_unstable();
    different.dedup();
    for key in keys {
        let route = different.binary_search(&key).expect("it is among them") * 256 / different.len();
        let line = [format!("{route} ").as_bytes(), key, b"\n"].concat();
        input.write_all(&line).expect("it reads the keys");
    }
    drop(input);
    let output = running.wait_with_output().expect("it ends");
    let table = String::from_utf8(output.stdout).expect("it prints text");
    let case = |line: &str| {
        let fields: Vec<&str> = line.split(' ').collect();
        let number = |i: usize| fields[i].parse::<f64>().expect("a number");
        Case {
            way: fields[0].into(),
            rate: number(1) as u32,
            routes: fields[2].into(),
            threads: number(3) as u32,
            median_ns: number(4),
            p999_ns: number(5),
        }
    };
    table.lines().map(case).collect()
}

fn observations() {
    let (name, keys) = keys();
    println!("\none observation from C, {name}: nanoseconds in the median chunk of 65 536, whose keys are in the cache;");
    println!("  in one route, in 256 by the key, and in any of 256, whatever the key;");
    println!("  limits for R = 16: {MOST_TIMES_OFF} x off, p99.9 {MOST_P999_NS} ns");
    println!("  {:14}{:>7}{:>8}{:>8}{:>11}{:>8}{:>10}", "", "routes", "threads", "R", "median ns", "x off", "p99.9 ns");
    let mut off = f64::NAN;
    for case in observe(&keys) {
        if case.rate == 0 {
            off = case.median_ns;
        }
        let rate = if case.rate == 0 { "off".into() } else { case.rate.to_string() };
        let missed = case.rate == 16 && (case.median_ns > MOST_TIMES_OFF * off || case.p999_ns > MOST_P999_NS);
        println!(
            "  {:14}{:>7}{:>8}{rate:>8}{:>11.2}{:>8.2}{:>10.0}  {}",
            case.way,
            case.routes,
            case.threads,
            case.median_ns,
            case.median_ns / off,
            case.p999_ns,
            if missed { "missed" } else { "" }
        );
    }
}

fn main() {
    updates();
    observations();
}
