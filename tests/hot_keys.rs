//! Hot keys from observation to reply: what is counted where, what is published when, and what becomes of it when routes
//! come and go.

use keyviz::hot_keys::{HotKeysQuery, Snapshot};
use keyviz::options::HotKeysSeries;
use keyviz::{Error, Label, Op, Options, RouteSpec, Sampler, Series, Stats};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;

const SECOND: i64 = 1_000_000_000;
const T0: i64 = 1_700_000_000 * SECOND;

fn options() -> Options {
    Options {
        labels_enabled: true,
        created_ns: T0,
        hot_keys_enabled: true,
        hot_keys_sample_rate: 1,
        hot_keys_series: HotKeysSeries::Both,
        ..Options::default()
    }
}

fn route<'a>(route_id: u64, start: &'a str, end: &'a str) -> RouteSpec<'a> {
    RouteSpec { route_id, group_id: 1, start: start.as_bytes(), end: end.as_bytes(), any_range: false }
}

fn sampler_with(options: Options, routes: &[RouteSpec<'_>]) -> Sampler {
    let sampler = Sampler::new(options);
    sampler.register_routes(routes, |_, _| {}).unwrap();
    sampler
}

/// Writes keys, once each.
fn write(sampler: &Sampler, route_id: u64, keys: &[&str]) {
    for key in keys {
        assert!(sampler.observe(route_id, key.as_bytes(), Op::Write, 10, Label::Redis));
    }
}

fn snapshot(sampler: &Sampler, route_id: u64) -> Result<Arc<Snapshot>, Error> {
    sampler.hot_keys_snapshot(route_id, Label::Redis, Series::Writes)
}

fn counts(snapshot: &Snapshot) -> Vec<(String, u64)> {
    snapshot.keys().map(|one| (String::from_utf8(one.key.to_vec()).unwrap(), one.count)).collect()
}

fn named(counts: &[(&str, u64)]) -> Vec<(String, u64)> {
    counts.iter().map(|&(key, count)| (key.to_string(), count)).collect()
}

#[test]
fn a_window_is_published_when_it_ends_and_the_next_one_is_empty() {
    let sampler = sampler_with(options(), &[route(1, "", "")]);
    assert_eq!(snapshot(&sampler, 1).unwrap_err(), Error::NoSnapshot);
    sampler.publish_hot_keys(T0 + 1).unwrap();
    assert_eq!(snapshot(&sampler, 1).unwrap_err(), Error::NoSnapshot, "nothing was sampled yet: that is not an empty snapshot");

    write(&sampler, 1, &["b", "a", "b", "c", "a", "b"]);
    assert_eq!(snapshot(&sampler, 1).unwrap_err(), Error::NoSnapshot, "the window is under way");
    sampler.publish_hot_keys(T0 + 2).unwrap();
    let first = snapshot(&sampler, 1).unwrap();
    assert_eq!(counts(&first), named(&[("b", 3), ("a", 2), ("c", 1)]));
    assert_eq!((first.sampled_n(), first.snapshot_at_ns(), first.sample_rate(), first.capacity()), (6, T0 + 2, 1, 64));

    write(&sampler, 1, &["x"]);
    sampler.publish_hot_keys(T0 + 3).unwrap();
    assert_eq!(counts(&snapshot(&sampler, 1).unwrap()), named(&[("x", 1)]));
    sampler.publish_hot_keys(T0 + 4).unwrap();
    let empty = snapshot(&sampler, 1).unwrap();
    assert_eq!((counts(&empty), empty.sampled_n(), empty.snapshot_at_ns()), (vec![], 0, T0 + 4));
    assert_eq!(counts(&first), named(&[("b", 3), ("a", 2), ("c", 1)]), "who holds a snapshot keeps it");
}

#[test]
fn labels_and_series_have_sketches_of_their_own() {
    let sampler = sampler_with(options(), &[route(1, "", "")]);
    for (op, label, key) in [(Op::Read, Label::S3, "r"), (Op::Write, Label::S3, "w"), (Op::Write, Label::Legacy, "l")] {
        sampler.observe(1, key.as_bytes(), op, 0, label);
    }
    sampler.publish_hot_keys(T0 + 1).unwrap();
    let all = sampler.hot_keys_snapshots().unwrap();
    let said: Vec<_> = all.iter().map(|one| (one.route_id(), one.label(), one.series(), counts(one))).collect();
    assert_eq!(said, [
        (1, Label::Legacy, Series::Writes, named(&[("l", 1)])),
        (1, Label::S3, Series::Reads, named(&[("r", 1)])),
        (1, Label::S3, Series::Writes, named(&[("w", 1)])),
    ]);
    let no_series = sampler.hot_keys_snapshot(1, Label::S3, Series::ReadBytes).unwrap_err();
    assert!(matches!(no_series, Error::InvalidArgument(_)));
}

#[test]
fn only_the_series_that_are_tracked_are_sampled() {
    for (series, sampled) in [(HotKeysSeries::Writes, [0, 1]), (HotKeysSeries::Reads, [1, 0]), (HotKeysSeries::Both, [1, 1])] {
        let sampler = sampler_with(Options { hot_keys_series: series, ..options() }, &[route(1, "", "")]);
        sampler.observe(1, b"k", Op::Read, 0, Label::Redis);
        sampler.observe(1, b"k", Op::Write, 0, Label::Redis);
        sampler.publish_hot_keys(T0 + 1).unwrap();
        let of = |series| u64::from(sampler.hot_keys_snapshot(1, Label::Redis, series).is_ok());
        assert_eq!([of(Series::Reads), of(Series::Writes)], sampled);
        assert_eq!(sampler.stats().hot_keys_sampled, sampled[0] + sampled[1]);
    }
}

#[test]
fn where_labels_are_off_every_key_is_legacy() {
    let sampler = sampler_with(Options { labels_enabled: false, ..options() }, &[route(1, "", "")]);
    write(&sampler, 1, &["a"]);
    sampler.publish_hot_keys(T0 + 1).unwrap();
    assert!(snapshot(&sampler, 1).is_err());
    assert_eq!(counts(&sampler.hot_keys_snapshot(1, Label::Legacy, Series::Writes).unwrap()), named(&[("a", 1)]));
}

#[test]
fn without_hot_keys_every_question_says_so_and_no_key_is_kept() {
    let sampler = sampler_with(Options { hot_keys_enabled: false, ..options() }, &[route(1, "", "")]);
    write(&sampler, 1, &["a"]);
    assert_eq!(sampler.publish_hot_keys(T0), Err(Error::HotKeysOff));
    assert_eq!(snapshot(&sampler, 1).unwrap_err(), Error::HotKeysOff);
    assert_eq!(sampler.offer_hot_key(1, b"a", Op::Write, Label::Redis, 1), Err(Error::HotKeysOff));
    let stats = sampler.stats();
    assert_eq!((stats.hot_key_bytes, stats.hot_keys_rolled, stats.hot_keys_sampled), (0, 0, 0));
}

#[test]
fn virtual_buckets_and_unknown_routes_have_no_hot_keys() {
    for labels_enabled in [false, true] {
        let options = Options { max_tracked_routes: 1, labels_enabled, ..options() };
        let sampler = sampler_with(options, &[route(1, "", "m"), route(2, "m", "")]);
        write(&sampler, 2, &["n"]);
        assert!(!sampler.observe(3, b"x", Op::Write, 0, Label::Redis));
        sampler.offer_hot_key(2, b"n", Op::Write, Label::Redis, 1).unwrap();
        assert_eq!(sampler.offer_hot_key(3, b"x", Op::Write, Label::Redis, 1), Ok(false));
        sampler.publish_hot_keys(T0 + 1).unwrap();
        assert!(sampler.hot_keys_snapshots().unwrap().is_empty());
        assert_eq!(snapshot(&sampler, 2).unwrap_err(), Error::NoSnapshot);
        assert_eq!((sampler.stats().hot_keys_rolled, sampler.stats().hot_keys_sampled), (0, 0));
    }
}

#[test]
fn sub_divided_routes_are_sampled_and_a_part_gives_its_own_keys() {
    let sampler = sampler_with(Options { key_buckets_per_route: 4, ..options() }, &[route(1, "a", "e")]);
    let keys = ["a", "aa", "b", "bzzzzzzzzz", "c", "c", "d", "dz"];
    write(&sampler, 1, &keys);
    sampler.publish_hot_keys(T0 + 1).unwrap();
    let mut found = Vec::new();
    for part in 0..4 {
        let (start, end) = sampler.sub_bucket_bounds(1, part).unwrap().unwrap();
        let query = HotKeysQuery { label: Label::Redis, sub_bucket: Some(part), ..HotKeysQuery::new(1) };
        let reply = sampler.query_hot_keys(&query).unwrap();
        assert_eq!((reply.sub_bucket, reply.sampled_n), (Some(part), 8));
        assert!(reply.keys.iter().all(|one| start <= one.key && one.key < end));
        found.extend(reply.keys.iter().map(|one| (one.key.clone(), one.count)));
    }
    let mut truth = BTreeMap::new();
    keys.iter().for_each(|key| *truth.entry(key.as_bytes().to_vec()).or_insert(0) += 1);
    found.sort();
    assert_eq!(found, truth.into_iter().collect::<Vec<_>>(), "each key is in one part");
    let query = HotKeysQuery { label: Label::Redis, sub_bucket: Some(4), ..HotKeysQuery::new(1) };
    assert!(matches!(sampler.query_hot_keys(&query), Err(Error::InvalidArgument(_))));
}

#[test]
fn a_reply_is_scaled_cut_and_of_the_time_that_was_asked_for() {
    let sampler = sampler_with(Options { hot_keys_sample_rate: 16, hot_keys_per_route: 3, step_ns: 10 * SECOND, ..options() }, &[route(1, "", "")]);
    for (key, count) in [("a", 5), ("b", 5), ("c", 9)] {
        sampler.offer_hot_key(1, key.as_bytes(), Op::Write, Label::Redis, count).unwrap();
    }
    sampler.publish_hot_keys(T0 + 20 * SECOND).unwrap();
    let query = HotKeysQuery { label: Label::Redis, ..HotKeysQuery::new(1) };
    let reply = sampler.query_hot_keys(&query).unwrap();
    let said: Vec<_> = reply.keys.iter().map(|one| (&one.key[..], one.count, one.count_low, one.count_high)).collect();
    assert_eq!(said, [(&b"c"[..], 144, 144, 144), (b"a", 80, 80, 80), (b"b", 80, 80, 80)], "most first, ties by key");
    assert_eq!((reply.sample_rate, reply.sampled_n, reply.error_bound), (16, 19, 16 * 19 / 3));
    assert!(!reply.degraded && reply.snapshot_at_ns == T0 + 20 * SECOND);

    sampler.offer_hot_key(1, b"a", Op::Write, Label::Redis, 5).unwrap();
    for key in ["d", "e", "f"] {
        sampler.offer_hot_key(1, key.as_bytes(), Op::Write, Label::Redis, 1).unwrap();
    }
    sampler.publish_hot_keys(T0 + 30 * SECOND).unwrap();
    let reply = sampler.query_hot_keys(&HotKeysQuery { top: Some(2), ..query }).unwrap();
    let said: Vec<_> = reply.keys.iter().map(|one| (&one.key[..], one.count, one.count_low, one.count_high)).collect();
    assert_eq!(said, [(&b"a"[..], 80, 80, 80), (b"f", 32, 16, 32)], "f took over from the one that had 1 the longest");

    let (from, to) = ((T0 + 20 * SECOND) / 1_000_000, (T0 + 30 * SECOND) / 1_000_000);
    let between = |from_unix_ms, to_unix_ms| sampler.query_hot_keys(&HotKeysQuery { from_unix_ms, to_unix_ms, ..query }).map(drop);
    assert_eq!(between(from, to), Ok(()));
    assert_eq!(between(to, 0), Ok(()));
    assert_eq!(between(0, from), Ok(()));
    assert_eq!(between(to + 1, 0), Err(Error::OutOfSnapshotWindow));
    assert_eq!(between(0, from - 1), Err(Error::OutOfSnapshotWindow));
    assert!(matches!(between(to, from), Err(Error::InvalidArgument(_))));
    assert!(matches!(sampler.query_hot_keys(&HotKeysQuery { top: Some(0), ..query }), Err(Error::InvalidArgument(_))));
}

#[test]
fn long_keys_are_skipped_and_counted_and_never_cut() {
    let options = Options { hot_keys_max_key_len: 4, hot_keys_sample_rate: 1024, ..options() };
    let sampler = sampler_with(options, &[route(1, "", ""), route(2, "", "")]);
    write(&sampler, 1, &["12345", "12346"]);
    sampler.publish_hot_keys(T0 + 1).unwrap();
    assert!(sampler.hot_keys_snapshots().unwrap().is_empty(), "there is nothing to stamp");
    write(&sampler, 1, &["123456"]);
    sampler.offer_hot_key(1, b"12345", Op::Write, Label::Redis, 2).unwrap();
    sampler.offer_hot_key(2, b"1234", Op::Write, Label::Redis, 1).unwrap();
    sampler.publish_hot_keys(T0 + 2).unwrap();
    let told = snapshot(&sampler, 2).unwrap();
    assert_eq!((told.skipped_long_keys(), told.dropped_samples()), (5, 0), "carried forward, and of the whole node");
    assert_eq!(counts(&told), named(&[("1234", 1)]));
    let query = HotKeysQuery { label: Label::Redis, ..HotKeysQuery::new(2) };
    assert!(sampler.query_hot_keys(&query).unwrap().degraded);
    sampler.publish_hot_keys(T0 + 3).unwrap();
    assert_eq!(snapshot(&sampler, 2).unwrap().skipped_long_keys(), 0, "told once");
    assert!(!sampler.query_hot_keys(&query).unwrap().degraded);
    assert_eq!(sampler.stats().hot_keys_skipped, 5);
}

#[test]
fn a_key_as_long_as_the_limit_is_sampled() {
    let sampler = sampler_with(Options { hot_keys_max_key_len: 4, hot_keys_sample_rate: 1, ..options() }, &[route(1, "", "")]);
    write(&sampler, 1, &["1234", "12345"]);
    sampler.publish_hot_keys(T0 + 1).unwrap();
    let told = snapshot(&sampler, 1).unwrap();
    assert_eq!((counts(&told), told.skipped_long_keys()), (named(&[("1234", 1)]), 1));
}

#[test]
fn a_removed_route_takes_its_keys_along_and_comes_back_without_them() {
    let sampler = sampler_with(options(), &[route(1, "", "m"), route(2, "m", "")]);
    write(&sampler, 1, &["a"]);
    write(&sampler, 2, &["n"]);
    sampler.publish_hot_keys(T0 + 1).unwrap();
    write(&sampler, 1, &["b", "b"]);
    let held = snapshot(&sampler, 1).unwrap();
    assert!(sampler.remove_route(1, T0 + 2).unwrap());
    assert_eq!(snapshot(&sampler, 1).unwrap_err(), Error::NoSnapshot, "in the middle of the window");
    assert_eq!(sampler.stats().hot_keys_forgotten, 2);
    sampler.register_route(&route(1, "", "m")).unwrap();
    assert_eq!(snapshot(&sampler, 1).unwrap_err(), Error::NoSnapshot);
    write(&sampler, 1, &["c"]);
    sampler.publish_hot_keys(T0 + 3).unwrap();
    assert_eq!(counts(&snapshot(&sampler, 1).unwrap()), named(&[("c", 1)]));
    assert_eq!(counts(&snapshot(&sampler, 2).unwrap()), []);
    assert_eq!(counts(&held), named(&[("a", 1)]));

    sampler.remove_route(1, T0 + 4).unwrap();
    sampler.publish_hot_keys(T0 + 5).unwrap();
    assert_eq!(snapshot(&sampler, 1).unwrap_err(), Error::NoSnapshot);
    assert_eq!(sampler.hot_keys_snapshots().unwrap().len(), 1);
}

#[test]
fn a_route_that_comes_back_folded_has_no_hot_keys() {
    let sampler = sampler_with(Options { max_tracked_routes: 1, ..options() }, &[route(1, "", "m")]);
    write(&sampler, 1, &["a"]);
    sampler.publish_hot_keys(T0 + 1).unwrap();
    write(&sampler, 1, &["a"]);
    sampler.remove_route(1, T0 + 2).unwrap();
    sampler.register_route(&route(2, "m", "")).unwrap();
    sampler.register_route(&route(1, "", "m")).unwrap();
    write(&sampler, 1, &["b"]);
    write(&sampler, 2, &["n"]);
    sampler.publish_hot_keys(T0 + 3).unwrap();
    assert_eq!(snapshot(&sampler, 1).unwrap_err(), Error::NoSnapshot);
    assert_eq!(counts(&snapshot(&sampler, 2).unwrap()), named(&[("n", 1)]));
}

#[test]
fn the_parts_of_a_split_inherit_the_keys_of_their_ranges() {
    let sampler = sampler_with(options(), &[route(1, "a", "z")]);
    write(&sampler, 1, &["b", "b", "n"]);
    sampler.publish_hot_keys(T0 + 1).unwrap();
    write(&sampler, 1, &["c", "o", "o"]);
    sampler.succeed_routes(&[1], &[route(1, "a", "m"), route(2, "m", "z")], T0 + 2, |_, _| {}).unwrap();
    assert_eq!(counts(&snapshot(&sampler, 1).unwrap()), named(&[("b", 2)]), "an answer at once");
    assert_eq!(counts(&snapshot(&sampler, 2).unwrap()), named(&[("n", 1)]));
    write(&sampler, 1, &["d"]);
    write(&sampler, 2, &["o", "p"]);
    sampler.publish_hot_keys(T0 + 3).unwrap();
    let (left, right) = (snapshot(&sampler, 1).unwrap(), snapshot(&sampler, 2).unwrap());
    assert_eq!(counts(&left), named(&[("c", 1), ("d", 1)]));
    assert_eq!(counts(&right), named(&[("o", 3), ("p", 1)]));
    assert_eq!((left.sampled_n(), right.sampled_n()), (3 + 1, 3 + 2), "N of the predecessor, and their own");

    sampler.succeed_routes(&[1, 2], &[route(3, "a", "z")], T0 + 4, |_, _| {}).unwrap();
    assert_eq!(counts(&snapshot(&sampler, 3).unwrap()), named(&[("o", 3), ("c", 1), ("d", 1), ("p", 1)]));
    assert_eq!(snapshot(&sampler, 1).unwrap_err(), Error::NoSnapshot);
    sampler.publish_hot_keys(T0 + 5).unwrap();
    assert_eq!(counts(&snapshot(&sampler, 3).unwrap()), []);
    assert_eq!(sampler.hot_keys_snapshots().unwrap().len(), 1);
}

#[test]
fn a_column_keeps_the_first_eight_keys_of_its_window() {
    let sampler = sampler_with(Options { hot_keys_in_columns: true, history_columns: 3, ..options() }, &[route(1, "", "")]);
    let mut bytes = Vec::new();
    for step in 0..6u64 {
        for i in 0..20 {
            let key = format!("{step}-{i:02}");
            (0..20 - i).for_each(|_| write(&sampler, 1, &[&key]));
        }
        let at = T0 + (step as i64 + 1) * SECOND;
        sampler.publish_hot_keys(at).unwrap();
        assert_eq!(sampler.flush(at).unwrap().sequence, step);
        bytes.push(sampler.stats().hot_key_bytes);
    }
    for step in 3..6 {
        let kept = sampler.column_hot_keys(step, 1, Label::Redis, Series::Writes).unwrap();
        let expected: Vec<_> = (0..8).map(|i| (format!("{step}-{i:02}"), 20 - i)).collect();
        assert_eq!((counts(&kept), kept.sampled_n()), (expected, 210));
        let query = HotKeysQuery { label: Label::Redis, column: Some(step), ..HotKeysQuery::new(1) };
        assert_eq!(sampler.query_hot_keys(&query).unwrap().keys.len(), 8);
    }
    let gone = sampler.column_hot_keys(2, 1, Label::Redis, Series::Writes).unwrap_err();
    assert_eq!(gone, Error::NoSnapshot, "the column is no more");
    assert!(bytes[0] < bytes[2], "its memory is told: {bytes:?}");
    assert_eq!(bytes[3], bytes[5]);
    // Several windows in one column, and one without any traffic.
    write(&sampler, 1, &["x", "y"]);
    sampler.publish_hot_keys(T0 + 10 * SECOND).unwrap();
    write(&sampler, 1, &["y"]);
    sampler.publish_hot_keys(T0 + 11 * SECOND).unwrap();
    sampler.flush(T0 + 12 * SECOND).unwrap();
    sampler.publish_hot_keys(T0 + 13 * SECOND).unwrap();
    sampler.flush(T0 + 14 * SECOND).unwrap();
    let kept = sampler.column_hot_keys(6, 1, Label::Redis, Series::Writes).unwrap();
    assert_eq!(counts(&kept), named(&[("y", 2), ("x", 1)]));
    assert!(sampler.column_hot_keys(7, 1, Label::Redis, Series::Writes).is_err());
}

#[test]
fn columns_keep_no_keys_unless_asked_to() {
    let sampler = sampler_with(options(), &[route(1, "", "")]);
    write(&sampler, 1, &["a"]);
    sampler.publish_hot_keys(T0 + 1).unwrap();
    sampler.flush(T0 + 1).unwrap();
    assert!(sampler.column_hot_keys(0, 1, Label::Redis, Series::Writes).is_err());
}

#[test]
fn the_last_partial_window_can_be_published_and_a_closed_sampler_has_forgotten_all() {
    let sampler = sampler_with(options(), &[route(1, "", "")]);
    write(&sampler, 1, &["a"]);
    sampler.publish_hot_keys(T0 + 60 * SECOND).unwrap();
    write(&sampler, 1, &["b", "b"]);
    sampler.publish_hot_keys(T0 + 61 * SECOND).unwrap();
    let last = snapshot(&sampler, 1).unwrap();
    write(&sampler, 1, &["c"]);
    sampler.close();
    assert_eq!(counts(&last), named(&[("b", 2)]));
    assert_eq!(snapshot(&sampler, 1).unwrap_err(), Error::Closed);
    assert_eq!(sampler.publish_hot_keys(T0), Err(Error::Closed));
    let stats = sampler.stats();
    assert_eq!((stats.hot_key_bytes, stats.hot_keys_forgotten, stats.hot_key_snapshots), (0, 1, 0));
    sampler.close();
}

/// All that was observed, in what the statistics say of it.
fn check_tally(stats: &Stats, observed: u64, published: u64) {
    assert_eq!(stats.hot_keys_rolled + stats.hot_keys_skipped, observed, "sampled, not sampled or skipped: {stats:?}");
    let counted = published + stats.hot_keys_forgotten;
    assert_eq!(stats.hot_keys_sampled, counted + stats.hot_keys_dropped, "counted or dropped: {stats:?}");
}

/// Observes from 8 threads while windows are published; `lanes`: how many have one of their own.
fn publish_beside_observers(lanes: u32, rate: u32) -> Stats {
    const THREADS: u64 = 8;
    const EACH: u64 = 60_000;
    let routes: Vec<_> = (1..=20).map(|id| route(id, "", "")).collect();
    let sampler = sampler_with(Options { max_lanes: lanes, hot_keys_sample_rate: rate, hot_keys_max_key_len: 5, ..options() }, &routes);
    let (running, published, observed) = (AtomicBool::new(true), AtomicU64::new(0), AtomicU64::new(0));
    let publish = |at| {
        sampler.publish_hot_keys(at).unwrap();
        let snapshots = sampler.hot_keys_snapshots().unwrap();
        assert!(snapshots.iter().all(|one| one.snapshot_at_ns() == at), "all at once");
        published.fetch_add(snapshots.iter().map(|one| one.sampled_n()).sum(), Ordering::Relaxed);
    };
    std::thread::scope(|scope| {
        let publisher = scope.spawn(|| {
            let mut at = T0;
            while running.load(Ordering::Relaxed) {
                at += 1;
                publish(at);
            }
            at
        });
        let observers: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (sampler, observed) = (&sampler, &observed);
                scope.spawn(move || {
                    for i in 0..EACH {
                        let key = format!("{}", (i * i + thread) % 100_003);
                        let op = if i % 3 == 0 { Op::Read } else { Op::Write };
                        assert!(sampler.observe(1 + i % 20, key.as_bytes(), op, 0, Label::ALL[(i % 5) as usize]));
                        observed.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        observers.into_iter().for_each(|observer| observer.join().unwrap());
        running.store(false, Ordering::Relaxed);
        publish(publisher.join().unwrap() + 1);
    });
    let stats = sampler.stats();
    check_tally(&stats, observed.into_inner(), published.into_inner());
    stats
}

#[test]
fn publishing_beside_observers_loses_nothing() {
    for rate in [1, 16] {
        assert_eq!(publish_beside_observers(16, rate).hot_keys_dropped, 0);
    }
}

#[test]
fn threads_that_share_a_lane_count_every_sample_or_say_so() {
    for rate in [1, 16] {
        let stats = publish_beside_observers(1, rate);
        assert!(stats.hot_keys_dropped < stats.hot_keys_sampled / 10);
    }
}

#[test]
fn routes_that_come_and_go_beside_observers_lose_no_sample_out_of_account() {
    let routes: Vec<_> = (1..=4).map(|id| route(id, "", "")).collect();
    let sampler = sampler_with(options(), &routes);
    let (running, counted) = (AtomicBool::new(true), AtomicU64::new(0));
    let mut published = 0;
    let mut publish = |at| {
        sampler.publish_hot_keys(at).unwrap();
        published += sampler.hot_keys_snapshots().unwrap().iter().map(|one| one.sampled_n()).sum::<u64>();
    };
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let (sampler, running, counted) = (&sampler, &running, &counted);
            scope.spawn(move || {
                let mut i = thread;
                while running.load(Ordering::Relaxed) {
                    i += 1;
                    let known = sampler.observe(1 + i % 4, &[(i % 200) as u8], Op::Write, 0, Label::Redis);
                    counted.fetch_add(u64::from(known), Ordering::Relaxed);
                }
            });
        }
        for step in 0..300 {
            let id = 1 + step % 4;
            sampler.remove_route(id, T0 + step as i64).unwrap();
            if step % 3 == 0 {
                publish(T0 + step as i64);
            }
            sampler.register_route(&route(id, "", "")).unwrap();
            std::thread::yield_now();
        }
        running.store(false, Ordering::Relaxed);
    });
    publish(T0 + SECOND);
    check_tally(&sampler.stats(), counted.into_inner(), published);
    let ids: Vec<u64> = sampler.hot_keys_snapshots().unwrap().iter().map(|one| one.route_id()).collect();
    assert!(ids.iter().all(|id| (1..=4).contains(id)));
}

#[test]
fn a_workload_with_a_period_that_divides_r_is_sampled_fairly() {
    const PERIOD: usize = 8;
    const EACH: u64 = 60_000;
    let sampler = sampler_with(Options { hot_keys_sample_rate: 16, ..options() }, &[route(1, "", "")]);
    let keys: Vec<String> = (0..PERIOD).map(|i| format!("key{i}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    (0..EACH).for_each(|_| write(&sampler, 1, &keys));
    sampler.publish_hot_keys(T0 + 1).unwrap();
    let sampled = snapshot(&sampler, 1).unwrap();
    assert_eq!(sampled.keys().len(), PERIOD);
    let (mean, deviation) = (EACH as f64 / 16.0, (EACH as f64 * 15.0).sqrt() / 16.0);
    for (key, count) in counts(&sampled) {
        assert!((count as f64 - mean).abs() < 6.0 * deviation, "{key} was sampled {count} times, not about {mean}");
    }
}

#[test]
fn a_lane_with_more_sketches_than_it_may_hold_passes_them_on() {
    let routes: Vec<_> = (1..=500).map(|id| route(id, "", "")).collect();
    let sampler = sampler_with(Options { hot_keys_queue_size: 8, ..options() }, &routes);
    for round in 0..3 {
        for id in 1..=500 {
            write(&sampler, id, &["every", "every", ["x", "y", "z"][round]]);
        }
    }
    sampler.publish_hot_keys(T0 + 1).unwrap();
    for id in 1..=500 {
        assert_eq!(counts(&snapshot(&sampler, id).unwrap()), named(&[("every", 6), ("x", 1), ("y", 1), ("z", 1)]));
    }
    assert_eq!(sampler.stats().hot_keys_dropped, 0);
}

#[test]
fn the_memory_limit_holds_for_hot_keys_too() {
    const LIMIT: u64 = 4 << 20;
    let routes: Vec<_> = (1..=200).map(|id| route(id, "", "")).collect();
    let options = Options { memory_limit_bytes: LIMIT, labels_enabled: false, hot_keys_in_columns: true, ..options() };
    let sampler = sampler_with(options, &routes);
    let mut observed = 0;
    let mut published = 0;
    for step in 1..40i64 {
        for i in 0..20_000u64 {
            let key = [&i.to_be_bytes()[..], &[7; 200]].concat();
            observed += u64::from(sampler.observe(1 + i % 200, &key, Op::Write, 0, Label::Legacy));
        }
        sampler.publish_hot_keys(T0 + step * SECOND).unwrap();
        published += sampler.hot_keys_snapshots().unwrap().iter().map(|one| one.sampled_n()).sum::<u64>();
        sampler.flush(T0 + step * SECOND).unwrap();
        let stats = sampler.stats();
        let bytes = stats.counter_bytes + stats.route_bytes + stats.history_bytes + stats.hot_key_bytes;
        assert!(bytes <= LIMIT, "{stats:?}");
    }
    let stats = sampler.stats();
    assert!(stats.hot_keys_dropped > 0, "{stats:?}");
    assert_eq!(stats.hot_keys_rolled + stats.hot_keys_skipped, observed);
    assert_eq!(stats.hot_keys_sampled, published + stats.hot_keys_forgotten + stats.hot_keys_dropped);
    let told = sampler.query_hot_keys(&HotKeysQuery::new(1)).map(|reply| reply.degraded);
    assert!(matches!(told, Ok(true) | Err(Error::NoSnapshot)));
}

#[test]
fn offered_keys_count_as_samples() {
    let sampler = sampler_with(options(), &[route(1, "", "")]);
    assert_eq!(sampler.offer_hot_key(1, b"a", Op::Write, Label::Redis, 3), Ok(true));
    assert_eq!(sampler.stats().lanes, 2, "the thread took a lane, beside the shared one");
    assert_eq!(sampler.offer_hot_key(1, b"b", Op::Write, Label::Redis, 0), Ok(true));
    write(&sampler, 1, &["a"]);
    sampler.publish_hot_keys(T0 + 1).unwrap();
    let all = snapshot(&sampler, 1).unwrap();
    assert_eq!((counts(&all), all.sampled_n()), (named(&[("a", 4)]), 4));
    assert_eq!(sampler.drain(T0 + 2).unwrap().rows[0].counters.writes, 1, "an offer counts in no cell");
}

#[test]
fn threads_that_offer_at_once_drop_nothing() {
    // More of them than windows in the lane that they would share, each with keys of many routes, beside publications.
    const THREADS: u64 = 32;
    const EACH: u64 = 4_000;
    let ids: Vec<u64> = (1..=50).collect();
    let sampler = sampler_with(options(), &ids.iter().map(|&id| route(id, "", "")).collect::<Vec<_>>());
    let mut published = 0;
    let mut publish = |step: i64| {
        sampler.publish_hot_keys(T0 + step).unwrap();
        published += sampler.hot_keys_snapshots().unwrap().iter().map(|one| one.sampled_n()).sum::<u64>();
    };
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (sampler, ids) = (&sampler, &ids);
            scope.spawn(move || {
                for i in 0..EACH {
                    let id = ids[(thread + i) as usize % ids.len()];
                    assert_eq!(sampler.offer_hot_key(id, &i.to_be_bytes(), Op::Write, Label::Redis, 1), Ok(true));
                }
            });
        }
        (1..20).for_each(&mut publish);
    });
    publish(20);
    let stats = sampler.stats();
    assert_eq!((stats.hot_keys_dropped, stats.hot_keys_sampled, published), (0, THREADS * EACH, THREADS * EACH));
}

#[test]
fn a_thread_without_a_lane_offers_in_the_shared_one() {
    let sampler = sampler_with(Options { max_lanes: 1, ..options() }, &[route(1, "", "")]);
    let offer = || sampler.offer_hot_key(1, b"a", Op::Write, Label::Redis, 1);
    assert_eq!(offer(), Ok(true));
    // This thread holds the only lane.
    std::thread::scope(|scope| assert_eq!(scope.spawn(offer).join().unwrap(), Ok(true)));
    sampler.publish_hot_keys(T0 + 1).unwrap();
    assert_eq!(counts(&snapshot(&sampler, 1).unwrap()), named(&[("a", 2)]));
}

#[test]
fn no_key_is_in_what_is_printed() {
    let sampler = sampler_with(options(), &[route(1, "", "")]);
    write(&sampler, 1, &["secret"]);
    sampler.publish_hot_keys(T0 + 1).unwrap();
    let snapshot = snapshot(&sampler, 1).unwrap();
    let reply = sampler.query_hot_keys(&HotKeysQuery { label: Label::Redis, ..HotKeysQuery::new(1) }).unwrap();
    let printed = format!("{snapshot:?} {reply:?} {:?}", sampler.stats());
    assert!(!printed.contains("secret") && !printed.contains("115, 101, 99"), "{printed}");
}
