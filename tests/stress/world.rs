//! What the stress tests share: the account of what went in and came out, a clock, chance, and a watchdog.

use keyviz::{Column, ColumnRows, Counters, Label, Op, Row, Sampler};
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Duration;

pub const SECOND: i64 = 1_000_000_000;

/// How long a test goes on, where it would take `default` seconds.
pub fn seconds(default: f64) -> Duration {
    let asked = std::env::var("KEYVIZ_STRESS_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs_f64(asked.unwrap_or(default))
}

/// So many threads observe: several per core.
pub fn observers() -> u64 {
    4 * std::thread::available_parallelism().map_or(2, |cores| cores.get() as u64).clamp(2, 8)
}

/// Bytes of each observation of a route under a label: the sum of a row's bytes tells whose counts are in it.
pub fn weight(route_id: u64, label: Label) -> u64 {
    1_000_003 * (route_id + 1) + 1009 * (label as u64 + 1)
}

/// Chance: xorshift64* (Vigna 2016).
pub struct Drawn(u64);

impl Drawn {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x2545_f491_4f6c_dd1d | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        (self.next() >> 32) % n
    }
}

/// The hosts' clock, Unix ns.
pub struct Clock(AtomicI64);

impl Default for Clock {
    fn default() -> Self {
        Self(AtomicI64::new(SECOND))
    }
}

impl Clock {
    pub fn now(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }

    /// Lets time pass, and tells it.
    pub fn go_on(&self, ns: i64) -> i64 {
        self.0.fetch_add(ns, Ordering::SeqCst) + ns
    }
}

/// What was observed, and what was drained.
#[derive(Default)]
pub struct Account {
    counted: Mutex<HashMap<(u64, Label), Counters>>,
    drained: Mutex<HashMap<(u64, Label), Counters>>,
    /// What was drained from virtual buckets.
    folded: Mutex<Counters>,
    missed: AtomicU64,
}

impl Account {
    /// Observes `times` times, any of the routes below `routes`.
    pub fn observe(&self, sampler: &Sampler, times: u64, drawn: &mut Drawn, routes: u64) {
        let mut counted: HashMap<(u64, Label), Counters> = HashMap::new();
        for _ in 0..times {
            let (id, label) = (drawn.below(routes), Label::ALL[drawn.below(6) as usize]);
            let op = if drawn.below(2) == 0 { Op::Read } else { Op::Write };
            let key = [b"", &b"a\x01"[..], b"key-3", b"zzz"][drawn.below(4) as usize];
            if sampler.observe(id, key, op, weight(id, label) - key.len() as u64, label) {
                add(counted.entry((id, label)).or_default(), one(op, weight(id, label)));
            } else {
                self.missed.fetch_add(1, Ordering::Relaxed);
            }
        }
        let mut all = self.counted.lock();
        counted.into_iter().for_each(|(slot, counters)| add(all.entry(slot).or_default(), counters));
    }

    /// These routes were read once each, as legacy.
    pub fn counted(&self, routes: &[u64]) {
        let mut all = self.counted.lock();
        for &id in routes {
            add(all.entry((id, Label::Legacy)).or_default(), one(Op::Read, weight(id, Label::Legacy)));
        }
    }

    /// A column was drained.
    pub fn drained(&self, column: &Column) {
        check(column);
        for row in &column.rows {
            match row.aggregate {
                true => add(&mut self.folded.lock(), row.counters),
                false => add(self.drained.lock().entry((row.route_id, row.label)).or_default(), row.counters),
            }
        }
    }

    /// At the end: what went in came out, per route and label, and what found no route is told.
    pub fn settle(&self, sampler: &Sampler, none_folded: bool) {
        self.settle_counts(none_folded);
        let missed = self.missed.load(Ordering::SeqCst);
        assert_eq!(sampler.stats().missed, missed);
        assert!(missed > 0, "routes came and went");
    }

    /// As [`Account::settle`], for the counts. What of a route didn't come out in rows of its own was folded.
    pub fn settle_counts(&self, none_folded: bool) {
        let (counted, drained) = (self.counted.lock(), self.drained.lock());
        let mut folded = self.folded.lock().to_array();
        assert_eq!(folded == [0; 4], none_folded, "the test is about routes that fold, or about others");
        assert!(drained.keys().all(|slot| counted.contains_key(slot)), "what nobody counted came out");
        for (slot, counters) in counted.iter() {
            let own = drained.get(slot).copied().unwrap_or_default().to_array();
            for (i, (went_in, came_out)) in counters.to_array().into_iter().zip(own).enumerate() {
                assert!(came_out <= went_in, "{slot:?}: {came_out} of {went_in} came out");
                folded[i] = folded[i].checked_sub(went_in - came_out).unwrap_or_else(|| panic!("{slot:?} lost counts"));
            }
        }
        assert_eq!(folded, [0; 4], "buckets hold what was folded, and nothing else");
    }
}

fn one(op: Op, bytes: u64) -> Counters {
    match op {
        Op::Read => Counters { reads: 1, read_bytes: bytes, ..Counters::default() },
        Op::Write => Counters { writes: 1, write_bytes: bytes, ..Counters::default() },
    }
}

fn add(sum: &mut Counters, more: Counters) {
    *sum = sum.saturating_add(more);
}

/// What holds of every column: one row per slot and part, and a row's bytes are those of its own route and label. (An
/// observation under way while its column is drained may have its bytes in the next one: only multiples are certain.)
pub fn check(column: &Column) {
    let mut seen = HashSet::new();
    for row in &column.rows {
        assert!(seen.insert((row.route_id, row.label, row.sub_bucket, row.sub_bucket_count)), "two rows: {row:?}");
        assert!(!row.counters.is_zero() && row.sub_bucket < row.sub_bucket_count, "{row:?}");
        if !row.aggregate {
            let Counters { reads, writes, read_bytes, write_bytes } = row.counters;
            let weight = weight(row.route_id, row.label);
            for (operations, bytes) in [(reads, read_bytes), (writes, write_bytes)] {
                assert!(bytes % weight == 0, "counts of another route: {row:?}");
                assert!(operations.abs_diff(bytes / weight) <= observers(), "half counts: {row:?}");
            }
        }
    }
}

/// Copies a column.
pub fn owned(rows: &dyn ColumnRows) -> Column {
    let mut column = Column { info: rows.info(), rows: Vec::new() };
    rows.for_each_row(&mut |row| column.rows.push(Row::from(row)));
    column
}

/// Ends the process, loudly, where nothing has gone on for a minute.
pub struct Watchdog {
    pats: Arc<AtomicU64>,
    done: Arc<AtomicBool>,
}

impl Watchdog {
    pub fn new(what: &str) -> Self {
        let (pats, done) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let watchdog = Self { pats: pats.clone(), done: done.clone() };
        let what = what.to_owned();
        std::thread::spawn(move || {
            let (mut before, mut still) = (0, 0);
            while !done.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(100));
                let now = pats.load(Ordering::Relaxed);
                still = if now == before { still + 1 } else { 0 };
                before = now;
                if still == 600 {
                    eprintln!("stress: {what}: nothing has gone on for a minute (after {now} steps)");
                    std::process::abort();
                }
            }
        });
        watchdog
    }

    /// Something has gone on.
    pub fn pat(&self) {
        self.pats.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
    }
}
