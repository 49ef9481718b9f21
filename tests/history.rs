//! The history: what it keeps, folds, saves and loads.

use keyviz::matrix::{Budget, Matrix};
use keyviz::options::Resolution;
use keyviz::{Column, ColumnRows, Counters, Error, Label, Op, Options, Row, RouteSpec, Sampler, Series, StoredColumn};
use proptest::prelude::*;
use std::collections::BTreeMap;

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;

fn route(route_id: u64) -> RouteSpec<'static> {
    let bounds: &[(&[u8], &[u8])] = &[(b"", b"b"), (b"b", b"m"), (b"m", b"")];
    let (start, end) = bounds[route_id as usize % 3];
    RouteSpec { route_id, group_id: route_id + 100, start, end, any_range: false }
}

fn sampler(options: Options) -> Sampler {
    let sampler = Sampler::new(Options { labels_enabled: true, ..options });
    (0..3).for_each(|id| {
        sampler.register_route(&route(id)).unwrap();
    });
    sampler
}

fn owned(column: &dyn ColumnRows) -> Column {
    let mut rows = Vec::new();
    column.for_each_row(&mut |row| rows.push(Row::from(row)));
    Column { info: column.info(), rows }
}

fn stored(sampler: &Sampler) -> Vec<Column> {
    sampler.columns(0, 0).unwrap().iter().map(|column| owned(column)).collect()
}

/// A few observations that differ from step to step.
fn traffic(sampler: &Sampler, step: u64) {
    for i in 0..step % 7 {
        let label = Label::ALL[(step + i) as usize % Label::COUNT];
        let op = if i % 2 == 0 { Op::Write } else { Op::Read };
        assert!(sampler.observe(i % 3, &[b'a' + (step * i % 26) as u8, 0, 0xff], op, step << (i * 9), label));
    }
}

/// Observations in many rows, more than a column steps over one by one.
fn wide_traffic(sampler: &Sampler, step: u64) {
    for i in 0..60 {
        let label = Label::ALL[i as usize % Label::COUNT];
        assert!(sampler.observe(i % 3, &[b'a' + i as u8 % 26], Op::Write, step << (i % 50), label));
        assert!(sampler.observe(i % 3, &[b'a' + i as u8 % 26], Op::Read, i, label));
    }
}

fn total(columns: &[Column]) -> Counters {
    let rows = columns.iter().flat_map(|column| &column.rows);
    rows.fold(Counters::default(), |sum, row| sum.saturating_add(row.counters))
}

#[test]
fn stored_columns_are_what_was_drained_until_the_oldest_go() {
    let sampler = sampler(Options { history_columns: 100, key_buckets_per_route: 16, ..Options::default() });
    let mut drained = Vec::new();
    for step in 0..250u64 {
        traffic(&sampler, step);
        if step % 9 == 0 {
            wide_traffic(&sampler, step);
        }
        if step == 77 {
            sampler.set_leader_term(101, 9).unwrap();
        }
        drained.push(sampler.drain(step as i64 * MINUTE + (step as i64 % 5) * 17).unwrap());
        let kept = &drained[drained.len().saturating_sub(100)..];
        if step % 50 == 49 || step < 3 {
            assert_eq!(stored(&sampler), kept);
        }
        assert_eq!(owned(&sampler.column(kept[0].info.sequence).unwrap()), kept[0]);
    }
    assert_eq!(sampler.column(149).err(), Some(Error::ColumnNotFound(149)));
    assert_eq!(sampler.column(250).err(), Some(Error::ColumnNotFound(250)));
    let some: Vec<_> = sampler.columns(200 * MINUTE, 210 * MINUTE).unwrap().iter().map(|c| c.info().sequence).collect();
    assert_eq!(some, (200..210).collect::<Vec<_>>());
}

#[test]
fn what_a_reader_holds_never_changes() {
    let sampler = sampler(Options { history_columns: 10, ..Options::default() });
    traffic(&sampler, 6);
    sampler.flush(MINUTE).unwrap();
    let held: Vec<StoredColumn> = sampler.columns(0, 0).unwrap();
    let before: Vec<Column> = held.iter().map(|column| owned(column)).collect();
    for step in 2..300 {
        traffic(&sampler, step);
        sampler.flush(step as i64 * MINUTE).unwrap();
    }
    assert_eq!(held.iter().map(|column| owned(column)).collect::<Vec<_>>(), before);
}

#[test]
fn columns_that_fall_out_are_summed_up_and_no_traffic_is_missing_in_between() {
    let five = Resolution { step_ns: 5 * MINUTE, retention_ns: 60 * MINUTE };
    let hour = Resolution { step_ns: 60 * MINUTE, retention_ns: 10_000 * MINUTE };
    let resolutions = [five, hour, Resolution::default(), Resolution::default()];
    let sampler = sampler(Options { history_columns: 7, resolutions, ..Options::default() });
    let mut drained = Vec::new();
    for step in 1..=500u64 {
        traffic(&sampler, step);
        drained.push(sampler.drain(step as i64 * MINUTE).unwrap());
        let columns = sampler.columns(0, 0).unwrap();
        assert_eq!(total(&stored(&sampler)), total(&drained));
        let mut window_start = 0;
        for column in &columns {
            assert_eq!(column.info().window_start_ns, window_start);
            window_start = column.info().at_ns;
        }
        assert_eq!(columns.iter().map(|column| column.flushes()).sum::<u64>(), step);
    }
    let widths = sampler.columns(0, 0).unwrap().iter().fold(BTreeMap::new(), |mut widths, column| {
        *widths.entry((column.info().at_ns - column.info().window_start_ns) / MINUTE).or_insert(0) += 1;
        widths
    });
    assert!(widths[&60] >= 6 && widths[&5] >= 10 && (7..=11).contains(&widths[&1]), "{widths:?}");
    // A coarse column is found under the number of each of its flushes, and holds their sum.
    let coarse = sampler.column(3).unwrap();
    assert_eq!((coarse.info().sequence, coarse.flushes()), (59, 60));
    assert_eq!(total(&[owned(&coarse)]), total(&drained[..60]));
}

#[test]
fn a_saved_history_is_loaded_as_it_was() {
    let five = Resolution { step_ns: 5 * MINUTE, retention_ns: 60 * MINUTE };
    let resolutions = [five, Resolution::default(), Resolution::default(), Resolution::default()];
    let options = Options { history_columns: 90, key_buckets_per_route: 7, resolutions, ..Options::default() };
    let first = sampler(options);
    for step in 1..=200u64 {
        traffic(&first, step);
        first.flush(step as i64 * MINUTE).unwrap();
    }
    let image = first.save_history().unwrap();
    let second = sampler(options);
    second.load_history(&image).unwrap();
    assert_eq!(stored(&second), stored(&first));
    traffic(&second, 6);
    assert_eq!(second.flush(300 * MINUTE).unwrap().sequence, 200, "numbers go on");
    assert_eq!(stored(&second).len(), stored(&first).len() + 1);
    assert!(second.load_history(&image).is_err(), "there was a flush already");
    let small = sampler(Options { history_columns: 5, ..Options::default() });
    small.load_history(&image).unwrap();
    assert_eq!(stored(&small), stored(&first)[stored(&first).len() - 5..]);
}

#[test]
fn a_history_keeps_its_times_when_the_step_changes_from_one_run_to_the_next() {
    let first = sampler(Options { step_ns: MINUTE, ..Options::default() });
    for step in 0..10 {
        traffic(&first, step);
        first.flush(step as i64 * MINUTE).unwrap();
    }
    let second = sampler(Options { step_ns: 7 * SECOND, ..Options::default() });
    second.load_history(&first.save_history().unwrap()).unwrap();
    second.flush(10 * MINUTE).unwrap();
    let third = sampler(Options { step_ns: 2 * MINUTE, ..Options::default() });
    third.load_history(&second.save_history().unwrap()).unwrap();
    assert_eq!(stored(&third)[..10], stored(&first));
    assert_eq!(stored(&third), stored(&second));
}

#[test]
fn a_damaged_newer_or_cut_image_is_refused_and_changes_nothing() {
    let saved = sampler(Options { key_buckets_per_route: 3, ..Options::default() });
    for step in 1..=9u64 {
        traffic(&saved, step);
        saved.flush(step as i64 * MINUTE).unwrap();
    }
    let image = saved.save_history().unwrap();
    let fresh = sampler(Options::default());
    for cut in 0..image.len() {
        assert!(matches!(fresh.load_history(&image[..cut]), Err(Error::CorruptImage(_))), "cut at {cut}");
    }
    for at in 0..image.len() {
        let mut damaged = image.clone();
        damaged[at] ^= 1 << (at % 8);
        assert!(fresh.load_history(&damaged).is_err(), "damaged at {at}");
    }
    let mut newer = image.clone();
    newer[8] = 3;
    assert_eq!(fresh.load_history(&newer).err(), Some(Error::NewerImage(3)));
    assert!(stored(&fresh).is_empty());
    fresh.load_history(&image).unwrap();
    assert_eq!(stored(&fresh), stored(&saved));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Damage that the checksum can't see, since it is made to fit: no panic, and all or nothing.
    #[test]
    fn hostile_images_are_refused_or_loaded_whole(edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let saved = sampler(Options { key_buckets_per_route: 3, ..Options::default() });
        for step in 1..=4u64 {
            traffic(&saved, step);
            if step > 2 {
                wide_traffic(&saved, step);
            }
            saved.flush(step as i64 * MINUTE).unwrap();
        }
        let mut image = saved.save_history().unwrap();
        let body = image.len() - 4;
        for (at, byte) in edits {
            image[12 + at.index(body - 12)] = byte;
        }
        let sum = crc32fast::hash(&image[..body]);
        image[body..].copy_from_slice(&sum.to_le_bytes());
        let fresh = sampler(Options::default());
        match fresh.load_history(&image) {
            Ok(()) => {
                let columns = stored(&fresh);
                let columns: Vec<&dyn ColumnRows> = columns.iter().map(|column| column as &dyn ColumnRows).collect();
                for series in Series::ALL {
                    let copied = Matrix::from_columns(&columns, series, Budget::default());
                    let queried = fresh.matrix(series, 0, 0, Budget::default()).unwrap();
                    prop_assert_eq!((queried.rows, queried.values), (copied.rows, copied.values));
                }
            }
            Err(_) => prop_assert!(stored(&fresh).is_empty()),
        }
    }
}

#[test]
fn a_file_is_replaced_atomically() {
    let folder = std::env::temp_dir().join(format!("keyviz-history-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("history.keyviz");
    std::fs::write(&path, b"what was there before").unwrap();
    let saved = sampler(Options::default());
    traffic(&saved, 5);
    saved.flush(MINUTE).unwrap();
    saved.save_history_file(&path).unwrap();
    let fresh = sampler(Options::default());
    fresh.load_history_file(&path).unwrap();
    assert_eq!(stored(&fresh), stored(&saved));
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "nothing else is left behind");
    assert!(matches!(fresh.save_history_file(&folder.join("no/such/folder")), Err(Error::Io(_))));
    assert!(matches!(fresh.load_history_file(&folder.join("absent")), Err(Error::Io(_))));
    std::fs::remove_dir_all(&folder).unwrap();
}
