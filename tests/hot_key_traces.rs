//! Replays recorded traffic with hot keys on, and compares what is told with the truth that was computed from the file.
//!
//! The traces are those of `traces.rs`: `$KEYVIZ_TRACES/*.csv.zst`, or `../shared/traces` beside the repository. Without
//! them the test says that it is skipped; where `CI=true`, their absence is a failure.

use keyviz::hot_keys::{HotKeys, HotKeysQuery};
use keyviz::options::HotKeysSeries;
use keyviz::{Label, Op, Options, RouteSpec, Sampler, Series};
use serde_json::Value;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

/// Entries of the sketches, m.
const ENTRIES: u32 = 64;

/// How often each key was read and written.
type Counts = [HashMap<String, u64>; 2];

/// Replays a trace in one window; returns the replies of both series, those that there are, and the truth.
fn replay(trace: &Path, rate: u32) -> (Vec<(Op, HotKeys)>, Counts) {
    let sampler = Sampler::new(Options {
        hot_keys_enabled: true,
        hot_keys_per_route: ENTRIES,
        hot_keys_sample_rate: rate,
        hot_keys_series: HotKeysSeries::Both,
        ..Options::default()
    });
    let route = RouteSpec { route_id: 1, group_id: 1, start: b"", end: b"", any_range: false };
    sampler.register_route(&route).expect("it is a route");
    let mut truth = Counts::default();
    let file = std::fs::File::open(trace).expect("the trace can be opened");
    for line in BufReader::new(zstd::Decoder::new(file).expect("it is zstd")).lines().skip(1) {
        let line = line.expect("it can be read");
        let fields: Vec<&str> = line.split(',').collect();
        let [_, _, op, key, ..] = fields[..] else { panic!("fields: {line}") };
        let op = if op == "r" { Op::Read } else { Op::Write };
        assert!(sampler.observe(1, key.as_bytes(), op, 0, Label::Legacy));
        *truth[op as usize].entry(key.into()).or_default() += 1;
    }
    sampler.publish_hot_keys(1).expect("hot keys are on");
    let stats = sampler.stats();
    let rows = truth.iter().flat_map(HashMap::values).sum::<u64>();
    assert_eq!((stats.hot_keys_rolled, stats.hot_keys_dropped, stats.hot_keys_skipped), (rows, 0, 0));
    let reply = |(op, series)| {
        let query = HotKeysQuery { series, top: Some(1024), ..HotKeysQuery::new(1) };
        sampler.query_hot_keys(&query).ok().map(|reply| (op, reply))
    };
    ([(Op::Read, Series::Reads), (Op::Write, Series::Writes)].into_iter().filter_map(reply).collect(), truth)
}

fn traces() -> Option<Vec<PathBuf>> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/traces");
    let folder = std::env::var_os("KEYVIZ_TRACES").map_or_else(beside, PathBuf::from);
    let files = std::fs::read_dir(&folder).ok()?.map(|entry| entry.expect("it can be read").path());
    let mut traces: Vec<_> = files.filter(|path| path.to_string_lossy().ends_with(".csv.zst")).collect();
    traces.sort();
    (!traces.is_empty()).then_some(traces)
}

/// The ten hottest keys of the truth file are those of the trace.
fn check_truth(trace: &Path, counts: &Counts) {
    let file = trace.to_string_lossy().replace(".csv.zst", ".truth.json");
    let truth: Value = serde_json::from_slice(&std::fs::read(file).expect("it has a truth")).expect("it is JSON");
    for one in truth["top10_all_ops"].as_array().expect("it has a top ten") {
        let key = one["key"].as_str().expect("a key");
        let count: u64 = counts.iter().filter_map(|counts| counts.get(key)).sum();
        assert_eq!(one["count"].as_u64(), Some(count), "{key}");
    }
}

#[test]
fn the_hot_keys_of_a_trace_are_within_their_bounds() {
    let Some(traces) = traces() else {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "there are no traces; KEYVIZ_TRACES names their folder");
        let _ = writeln!(std::io::stderr(), "SKIPPED: there are no traces to replay; KEYVIZ_TRACES names their folder");
        return;
    };
    for (trace, rate) in traces.iter().flat_map(|trace| [(trace, 1), (trace, 16)]) {
        let (replies, truth) = replay(trace, rate);
        check_truth(trace, &truth);
        for (op, reply) in replies {
            let truth = &truth[op as usize];
            let found: HashMap<&[u8], u64> = reply.keys.iter().map(|one| (&one.key[..], one.count)).collect();
            let mut hottest: Vec<(&String, u64)> = truth.iter().map(|(key, &count)| (key, count)).collect();
            hottest.sort_by_key(|&(key, count)| (std::cmp::Reverse(count), key));
            hottest.truncate(20);
            let recalled = hottest.iter().filter(|(key, _)| found.contains_key(key.as_bytes())).count();
            let errors = reply.keys.iter().map(|one| {
                let key = std::str::from_utf8(&one.key).expect("the trace is text");
                one.count.abs_diff(truth[key])
            });
            let worst = errors.max().unwrap_or(0);
            // Shown with `--nocapture`.
            let name = trace.file_name().unwrap_or_default().to_string_lossy();
            println!(
                "{name:28} {:6} R {rate:2}: {recalled:2} of the {:2} hottest, largest error {worst:5}, bound {:5}, N {}",
                reply.series.name(), hottest.len(), reply.error_bound, reply.sampled_n
            );
            if rate == 1 {
                let total: u64 = truth.values().sum();
                assert_eq!((reply.sampled_n, reply.error_bound), (total, total / u64::from(ENTRIES)));
                assert!(worst <= reply.error_bound, "{name}");
                for one in &reply.keys {
                    let count = truth[std::str::from_utf8(&one.key).expect("the trace is text")];
                    assert!(one.count_low <= count && count <= one.count_high, "{name}");
                }
                for (key, &count) in truth.iter().filter(|(_, &count)| count > reply.error_bound) {
                    assert!(found.contains_key(key.as_bytes()), "{name}: a key that was seen {count} times is there");
                }
            }
        }
    }
}
