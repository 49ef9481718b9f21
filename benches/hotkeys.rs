//! What hot keys cost, beside peers in the same run: `make bench-hotkeys`.

use keyviz::hot_keys::SpaceSaving;
use std::collections::HashMap;
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Entries of a sketch, m.
const ENTRIES: usize = 64;

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

fn main() {
    updates();
}
