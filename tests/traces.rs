//! Replays recorded traffic, and compares what the sampler drained with the truth that was computed from the file: in
//! all, and minute by minute.
//!
//! The traces are `$KEYVIZ_TRACES/*.csv.zst`, or those in `../shared/traces` beside the repository. A user hasn't them,
//! and the test says that it is skipped; where `CI=true`, their absence is a failure.

use keyviz::{Counters, Label, Op, Options, RouteSpec, Sampler};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

const MINUTE_MS: i64 = 60_000;
const MS: i64 = 1_000_000;

/// Reads, writes, read bytes, write bytes.
type Counts = [u64; 4];

struct Access {
    ts_ms: i64,
    label: Label,
    op: Op,
    key: String,
    value_len: u64,
}

/// The line `ts_ms,label,op,key,key_len,value_len`.
fn parse(line: &str) -> Access {
    let fields: Vec<&str> = line.split(',').collect();
    let [ts_ms, label, op, key, key_len, value_len] = fields[..] else { panic!("six fields: {line}") };
    assert_eq!(key_len.parse(), Ok(key.len()), "{line}");
    Access {
        ts_ms: ts_ms.parse().expect("a time"),
        label: Label::from_name(label.as_bytes()).expect("a label"),
        op: if op == "r" { Op::Read } else { Op::Write },
        key: key.to_owned(),
        value_len: value_len.parse().expect("a length"),
    }
}

/// Replays a trace over one route; returns what each minute's column holds, and checks the rows on the way.
fn replay(trace: &Path, label: &str) -> BTreeMap<i64, Counts> {
    let file = std::fs::File::open(trace).expect("the trace can be opened");
    let lines = BufReader::new(zstd::Decoder::new(file).expect("it is zstd")).lines().skip(1);
    let mut accesses = lines.map(|line| parse(&line.expect("it can be read"))).peekable();
    let mut minute = accesses.peek().expect("it has a line").ts_ms / MINUTE_MS;
    let end_of = |minute: i64| (minute + 1) * MINUTE_MS * MS;
    let sampler = Sampler::new(Options {
        labels_enabled: true,
        key_buckets_per_route: 64,
        created_ns: end_of(minute - 1),
        ..Options::default()
    });
    let route = RouteSpec { route_id: 1, group_id: 1, start: b"", end: b"", any_range: false };
    sampler.register_route(&route).expect("it is a route");
    for access in accesses {
        while minute < access.ts_ms / MINUTE_MS {
            sampler.flush(end_of(minute)).expect("it can be flushed");
            minute += 1;
        }
        assert!(sampler.observe(1, access.key.as_bytes(), access.op, access.value_len, access.label));
    }
    sampler.flush(end_of(minute)).expect("it can be flushed");

    let mut minutes = BTreeMap::new();
    for column in sampler.columns(0, 0).expect("there is a history") {
        use keyviz::ColumnRows;
        let info = column.info();
        assert_eq!(info.at_ns - info.window_start_ns, MINUTE_MS * MS, "columns join");
        let counts: &mut Counts = minutes.entry(info.window_start_ns / MINUTE_MS / MS).or_default();
        column.for_each_row(&mut |row| {
            assert_eq!((row.route_id, row.label.name(), row.sub_bucket_count), (1, label, 64));
            let Counters { reads, writes, read_bytes, write_bytes } = row.counters;
            for (sum, count) in counts.iter_mut().zip([reads, writes, read_bytes, write_bytes]) {
                *sum += count;
            }
        });
    }
    assert_eq!(sampler.stats().missed, 0);
    minutes.retain(|_, counts| *counts != [0; 4]);
    minutes
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("a number: {value}"))
}

fn traces() -> Option<Vec<PathBuf>> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/traces");
    let folder = std::env::var_os("KEYVIZ_TRACES").map_or_else(beside, PathBuf::from);
    let files = std::fs::read_dir(&folder).ok()?.map(|entry| entry.expect("it can be read").path());
    let mut traces: Vec<_> = files.filter(|path| path.to_string_lossy().ends_with(".csv.zst")).collect();
    traces.sort();
    (!traces.is_empty()).then_some(traces)
}

#[test]
fn a_replayed_trace_gives_its_truth_to_the_unit() {
    let Some(traces) = traces() else {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "there are no traces; KEYVIZ_TRACES names their folder");
        let _ = writeln!(std::io::stderr(), "SKIPPED: there are no traces to replay; KEYVIZ_TRACES names their folder");
        return;
    };
    for trace in traces {
        let truth = trace.to_string_lossy().replace(".csv.zst", ".truth.json");
        let truth: Value = serde_json::from_slice(&std::fs::read(truth).expect("it has a truth")).expect("it is JSON");
        let minutes = replay(&trace, truth["label"].as_str().expect("it has a label"));

        let name = trace.display();
        let total = minutes.values().fold([0; 4], |sum: Counts, one| std::array::from_fn(|i| sum[i] + one[i]));
        let (reads, writes) = (&truth["reads"], &truth["writes"]);
        let expected = [&reads["count"], &writes["count"], &reads["bytes"], &writes["bytes"]].map(number);
        assert_eq!(total, expected, "{name}: reads, writes, read bytes, write bytes");
        assert_eq!(total[0] + total[1], number(&truth["rows"]), "{name}");

        let expected: BTreeMap<i64, Counts> = truth["minutes"].as_object().expect("it has minutes").iter().map(|(minute, one)| {
            let counts = [&one["reads"], &one["writes"], &one["read_bytes"], &one["write_bytes"]].map(number);
            (minute.parse().expect("a minute"), counts)
        }).collect();
        assert_eq!(minutes, expected, "{name}");
    }
}
