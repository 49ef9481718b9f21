//! What is said of traffic of known shapes, generated and recorded.

use keyviz::matrix::verdict::{Verdict, VerdictKind, Verdicts};
use keyviz::matrix::{Budget, Matrix, MatrixRow};
use keyviz::{Label, Op, Options, RouteSpec, Sampler, Series};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

const MINUTE_NS: i64 = 60_000_000_000;

/// A route of `parts` parts, with `value(part, column)` in each cell.
fn route(id: u64, parts: usize, columns: usize, value: impl Fn(usize, usize) -> u64) -> Matrix {
    let row = |part: usize| MatrixRow {
        id: if parts > 1 { format!("route:{id}:redis#{part}") } else { format!("route:{id}:redis") },
        label: "redis".into(),
        start: vec![id as u8, part as u8],
        end: vec![id as u8, part as u8 + 1],
        route_count: 1,
        ..MatrixRow::default()
    };
    Matrix {
        series: Series::Writes,
        columns: (0..columns as i64).map(|j| j * 60_000).collect(),
        rows: (0..parts).map(row).collect(),
        values: (0..parts).flat_map(|part| (0..columns).map(move |j| (part, j))).map(|(part, j)| value(part, j)).collect(),
        generated_at_ns: 0,
        node: String::new(),
        fanout: None,
    }
}

/// Both matrices' rows as one; the columns are the same.
fn beside(mut a: Matrix, b: Matrix) -> Matrix {
    a.rows.extend(b.rows);
    a.values.extend(b.values);
    a
}

fn verdict(matrix: &Matrix) -> Verdict {
    let verdicts = Verdicts::of(matrix);
    assert_eq!(verdicts.slots.len(), 1, "the parts of a slot are judged together");
    verdicts.slots[0].verdict.clone()
}

/// A number that looks random, below `end`.
fn random(seed: usize, end: u64) -> u64 {
    let mixed = (seed as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 32) % end
}

fn kind(matrix: &Matrix) -> VerdictKind {
    verdict(matrix).kind
}

#[test]
fn an_idle_slot_is_idle() {
    assert_eq!(kind(&route(1, 1, 60, |_, _| 0)), VerdictKind::Idle);
}

#[test]
fn the_same_in_each_column_is_steady_and_so_is_what_arrives_at_random() {
    assert_eq!(kind(&route(1, 1, 60, |_, _| 500)), VerdictKind::Steady);
    assert_eq!(kind(&route(1, 1, 60, |_, j| 400 + random(j, 200))), VerdictKind::Steady);
    // Single arrivals: each of 100 lands in a random one of 60 columns.
    let mut arrivals = [0; 60];
    (0..100).for_each(|i| arrivals[random(i, 60) as usize] += 1);
    assert_eq!(kind(&route(1, 1, 60, |_, j| arrivals[j])), VerdictKind::Steady);
}

#[test]
fn most_of_it_in_a_few_columns_is_a_burst() {
    let burst = verdict(&route(1, 1, 60, |_, j| if (20..22).contains(&j) { 5000 } else { 10 }));
    assert_eq!(burst.kind, VerdictKind::Burst);
    assert!(burst.measure > 0.9 && burst.reason.contains("3 of 60 columns"), "{burst:?}");
    assert_eq!(kind(&route(1, 8, 60, |_, j| if (20..22).contains(&j) { 5000 } else { 10 })), VerdictKind::Burst);
}

#[test]
fn what_comes_back_after_the_same_time_is_periodic() {
    for period in [2, 5, 15, 60] {
        let pulses = verdict(&route(1, 1, 360, |_, j| if j % period == 1 { 900 } else { 10 + random(j, 10) }));
        assert_eq!((pulses.kind, pulses.period_ms), (VerdictKind::Periodic, period as u64 * 60_000), "{pulses:?}");
    }
    let wave = |j: usize| 1000.0 + 500.0 * (j as f64 * std::f64::consts::TAU / 24.0).sin();
    let waves = verdict(&route(1, 4, 240, |_, j| wave(j) as u64 + random(j, 100)));
    assert_eq!((waves.kind, waves.period_ms), (VerdictKind::Periodic, 24 * 60_000), "{waves:?}");
}

#[test]
fn two_bursts_and_a_slow_rise_are_no_period() {
    assert_eq!(kind(&route(1, 1, 300, |_, j| if j == 50 || j == 140 { 900 } else { 1 })), VerdictKind::Burst);
    assert_eq!(kind(&route(1, 1, 300, |_, j| j as u64 * j as u64)), VerdictKind::Irregular);
}

#[test]
fn traffic_that_walks_along_the_keys_is_a_moving_edge() {
    let up = verdict(&route(1, 64, 120, |part, j| if part == j / 2 { 1000 } else { random(part + j, 4) }));
    assert_eq!(up.kind, VerdictKind::MovingEdge);
    assert!(up.measure > 50.0 && up.reason.contains("up the keys"), "{up:?}");
    let down = verdict(&route(1, 16, 60, |part, j| if part == 15 - j / 4 { 100 } else { 0 }));
    assert!(down.kind == VerdictKind::MovingEdge && down.measure < -10.0, "{down:?}");
    let fast = route(1, 64, 16, |part, j| if part / 4 == j { 100 } else { 0 });
    assert_eq!(kind(&fast), VerdictKind::MovingEdge, "several parts a column");
    let to_and_fro = route(1, 16, 64, |part, j| if part == (j / 2) % 16 { 100 } else { 0 });
    assert_ne!(kind(&to_and_fro), VerdictKind::MovingEdge);
    let broad = route(1, 16, 64, |part, j| if (part < 8) == (j < 32) { 100 } else { 10 });
    assert_ne!(kind(&broad), VerdictKind::MovingEdge, "half of the keys is no edge");
}

#[test]
fn a_part_with_most_of_the_traffic_is_one_cell() {
    let one = verdict(&route(1, 16, 60, |part, j| if part == 5 { 1000 } else { random(part * 60 + j, 50) }));
    assert_eq!(one.kind, VerdictKind::OneCell);
    assert!(one.reason.starts_with("part #5 has"), "{one:?}");
    assert_ne!(kind(&route(1, 2, 60, |part, _| 50 + part as u64 * 10)), VerdictKind::OneCell);
}

#[test]
fn traffic_spread_over_the_parts_is_even() {
    assert_eq!(kind(&route(1, 16, 60, |part, j| 50 + random(part * 60 + j, 50))), VerdictKind::Even);
    let skewed = route(1, 16, 60, |part, j| 5 + random(j, 5) + if part < 3 { 60 } else { 0 });
    assert_eq!(kind(&skewed), VerdictKind::Steady);
}

#[test]
fn labels_are_judged_apart_and_rows_know_their_slot() {
    let mut both = beside(route(1, 4, 20, |_, _| 50), route(1, 4, 20, |part, _| if part == 1 { 50 } else { 0 }));
    both.rows[4..].iter_mut().for_each(|row| row.id = row.id.replace("redis", "s3"));
    both.sort_rows();
    let verdicts = Verdicts::of(&both);
    let told: Vec<_> = verdicts.slots.iter().map(|slot| (slot.verdict.kind, slot.rows.len(), slot.total)).collect();
    assert_eq!(told, [(VerdictKind::Even, 4, 4000), (VerdictKind::OneCell, 4, 1000)]);
    assert_eq!(verdicts.slot_of_row, [0, 1, 0, 1, 0, 1, 0, 1]);
}

#[test]
fn a_hot_route_is_split_at_the_weighted_median_of_its_parts() {
    let hot = route(1, 16, 60, |part, _| if part == 2 || part == 11 { 400 } else { 10 });
    let cold = route(2, 16, 60, |_, _| 1);
    let splits = Verdicts::of(&beside(hot, cold)).splits;
    assert_eq!(splits.len(), 1, "a cold route needs no split");
    assert_eq!((splits[0].route_id, splits[0].key.as_deref()), (1, Some(&[1, 8][..])).clone());
    assert!((0.45..0.55).contains(&splits[0].below) && splits[0].share > 0.9, "{splits:?}");
}

#[test]
fn what_a_split_does_not_help_cannot_be_split_further_here() {
    let refused = |matrix: &Matrix| {
        let [split] = &Verdicts::of(matrix).splits[..] else { panic!("the only route is hot") };
        assert_eq!(split.key, None);
        assert!(split.reason.starts_with("cannot be split further here: "));
        split.reason.clone()
    };
    assert!(refused(&route(1, 16, 60, |part, _| if part == 5 { 1000 } else { 1 })).ends_with("nearly all of the traffic"));
    assert!(refused(&route(1, 64, 64, |part, j| if part == j { 1000 } else { 0 })).contains("moves on"));
    assert!(refused(&route(1, 1, 60, |_, _| 7)).ends_with("its parts are not counted"));
}

proptest! {
    #[test]
    fn any_matrix_is_judged_and_each_row_once(
        values in prop::collection::vec(prop_oneof![Just(0), any::<u64>(), Just(u64::MAX)], 0..200),
        parts in 1usize..20,
    ) {
        let columns = values.len() / parts;
        let matrix = route(1, parts, columns, |part, j| values[part * columns + j]);
        let verdicts = Verdicts::of(&matrix);
        let mut rows: Vec<usize> = verdicts.slots.iter().flat_map(|slot| slot.rows.clone()).collect();
        rows.sort();
        prop_assert_eq!(rows, (0..parts).collect::<Vec<_>>());
        for slot in &verdicts.slots {
            prop_assert!(slot.verdict.measure.is_finite() && !slot.verdict.reason.is_empty());
            prop_assert_eq!(slot.verdict.kind == VerdictKind::Idle, slot.total == 0);
        }
        for split in verdicts.splits.iter().filter(|split| split.key.is_some()) {
            let key = split.key.clone().unwrap();
            let sum = |below: bool| (0..parts).filter(|&i| (matrix.rows[i].start < key) == below)
                .flat_map(|i| matrix.row_values(i)).map(|&value| u128::from(value)).sum::<u128>();
            let (lower, upper) = (sum(true), sum(false));
            prop_assert!((lower as f64 / (lower + upper) as f64 - split.below).abs() < 1e-9);
        }
    }
}

fn traces() -> BTreeMap<String, PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/traces");
    let folder = std::env::var_os("KEYVIZ_TRACES").map_or_else(beside, PathBuf::from);
    let files = std::fs::read_dir(&folder).into_iter().flatten().map(|entry| entry.expect("it can be read").path());
    let name = |path: &PathBuf| Some(path.file_name()?.to_str()?.strip_suffix(".csv.zst")?.to_owned());
    files.filter_map(|path| Some((name(&path)?, path))).collect()
}

/// A trace as one route, minute by minute.
fn replay(trace: &Path, range: (&[u8], &[u8]), series: Series) -> Matrix {
    let file = std::fs::File::open(trace).expect("the trace can be opened");
    let lines = BufReader::new(zstd::Decoder::new(file).expect("it is zstd")).lines().skip(1);
    let options = Options { labels_enabled: true, key_buckets_per_route: 64, history_columns: 2000, ..Options::default() };
    let sampler = Sampler::new(options);
    let route = RouteSpec { route_id: 1, group_id: 1, start: range.0, end: range.1, any_range: false };
    sampler.register_route(&route).expect("it is a route");
    let mut minute = None;
    for line in lines {
        let line = line.expect("it can be read");
        let fields: Vec<&str> = line.split(',').collect();
        let now = fields[0].parse::<i64>().expect("a time") / 60_000;
        for ended in minute.map_or(now..now, |minute| minute..now) {
            sampler.flush((ended + 1) * MINUTE_NS).expect("there is a history");
        }
        minute = Some(now);
        let label = Label::from_name(fields[1].as_bytes()).expect("a label");
        let op = if fields[2] == "w" { Op::Write } else { Op::Read };
        sampler.observe(1, fields[3].as_bytes(), op, fields[5].parse().expect("a length"), label);
    }
    sampler.flush((minute.unwrap_or(0) + 1) * MINUTE_NS).expect("there is a history");
    sampler.matrix(series, 0, 0, Budget::default()).expect("there is a history")
}

#[test]
fn recorded_traffic_is_called_what_it_is() {
    let traces = traces();
    if traces.is_empty() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "there are no traces; KEYVIZ_TRACES names their folder");
        let _ = writeln!(std::io::stderr(), "SKIPPED: there are no traces to judge; KEYVIZ_TRACES names their folder");
        return;
    }
    let judged = |name: &str, range: (&str, &str), series| {
        let matrix = replay(&traces[name], (range.0.as_bytes(), range.1.as_bytes()), series);
        let Verdicts { mut slots, mut splits, .. } = Verdicts::of(&matrix);
        assert_eq!((slots.len(), splits.len()), (1, 1), "{name}");
        (matrix, slots.remove(0).verdict, splits.remove(0))
    };
    // A cache: the same load all the time, over hashed keys.
    let (_, verdict, split) = judged("twitter_cluster52_a", ("0", "g"), Series::Reads);
    assert_eq!(verdict.kind, VerdictKind::Steady, "{verdict:?}");
    assert!((0.4..0.6).contains(&split.below), "{split:?}");
    // Edits of a day, all over the world; en.wikipedia and vi.wikipedia have half of them.
    let (_, verdict, split) = judged("wikipedia_edits", ("a", "{"), Series::Writes);
    assert_eq!(verdict.kind, VerdictKind::Steady, "{verdict:?}");
    let key = split.key.expect("it can be split");
    assert!(b"en.wikipedia/~"[..] < key[..] && key[..] <= b"vi.wikipedia"[..], "{key:?}");
    // A site whose logos are on each page.
    let (matrix, verdict, split) = judged("nasa_ksc_19950801", ("/", "0"), Series::Reads);
    assert_eq!(verdict.kind, VerdictKind::OneCell, "{verdict:?}");
    let part = verdict.reason.split(['#', ' ']).nth(2).expect("the reason tells the part");
    let hot = matrix.rows.iter().find(|row| row.id.ends_with(&format!("#{part}"))).expect("it has a row");
    assert!(hot.start[..] <= b"/images/"[..] && b"/images0"[..] <= hot.end[..], "{hot:?}");
    assert!(split.key.is_some());
    assert_eq!(judged("nasa_ksc_19950801", ("", ""), Series::Reads).2.key, None, "all paths are in one part of all keys");
    // A virtual machine's disk: a backup's worth of bytes in a few minutes, which the truth's minutes tell too.
    let (matrix, verdict, _) = judged("cloudphysics_vm", ("0000000000000000", "0000000004000000"), Series::WriteBytes);
    assert_eq!(verdict.kind, VerdictKind::Burst, "{verdict:?}");
    let truth = traces["cloudphysics_vm"].to_string_lossy().replace(".csv.zst", ".truth.json");
    let truth: serde_json::Value = serde_json::from_slice(&std::fs::read(truth).expect("it has a truth")).expect("it is JSON");
    let minutes = truth["minutes"].as_object().expect("it has minutes").values();
    let mut bytes: Vec<u64> = minutes.map(|minute| minute["write_bytes"].as_u64().expect("a number")).collect();
    bytes.sort_by(|a, b| b.cmp(a));
    let busiest: u64 = bytes[..matrix.columns.len().div_ceil(20)].iter().sum();
    assert!((verdict.measure - busiest as f64 / bytes.iter().sum::<u64>() as f64).abs() < 1e-9);
}
