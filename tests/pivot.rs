//! The pivot and the row budgets, against maps and loops.

use keyviz::matrix::{Budget, BudgetMode, Identities, Identity, Matrix, MatrixRow};
use keyviz::options::Resolution;
use keyviz::{Column, ColumnInfo, ColumnRows, Counters, Label, Op, Options, Row, RouteSpec, Sampler, Series};
use proptest::prelude::*;
use std::collections::BTreeMap;

const MINUTE: i64 = 60_000_000_000;

fn pivot(columns: &[Column], series: Series, budget: Budget) -> Matrix {
    let columns: Vec<&dyn ColumnRows> = columns.iter().map(|column| column as &dyn ColumnRows).collect();
    timeless(Matrix::from_columns(&columns, series, budget))
}

/// When a matrix was made is not compared.
fn timeless(matrix: Matrix) -> Matrix {
    Matrix { generated_at_ns: 0, ..matrix }
}

fn row_id(row: &Row) -> String {
    match row {
        Row { aggregate: true, route_id, .. } => format!("virtual:{route_id}"),
        Row { route_id, label, sub_bucket, sub_bucket_count, .. } => {
            let label = if label.name().is_empty() { String::new() } else { format!(":{}", label.name()) };
            let part = if *sub_bucket_count > 1 { format!("#{sub_bucket}") } else { String::new() };
            format!("route:{route_id}{label}{part}")
        }
    }
}

/// The pivot in its plainest form, without a budget. No column has a row twice.
fn plain_pivot(columns: &[Column], series: Series) -> Matrix {
    let mut columns: Vec<&Column> = columns.iter().collect();
    columns.sort_by_key(|column| column.info.at_ns);
    let mut rows: BTreeMap<String, (&Row, BTreeMap<usize, &Row>)> = BTreeMap::new();
    for (j, column) in columns.iter().enumerate() {
        for row in &column.rows {
            rows.entry(row_id(row)).or_insert_with(|| (row, BTreeMap::new())).1.insert(j, row);
        }
    }
    let mut rows: Vec<_> = rows.into_iter().collect();
    rows.sort_by_key(|(id, (oldest, _))| (&oldest.start, id.clone()));
    let mut values = Vec::new();
    let described = |(id, (oldest, cells)): (String, (&Row, BTreeMap<usize, &Row>))| {
        let mut identities = Identities::default();
        for j in 0..columns.len() {
            values.push(cells.get(&j).map_or(0, |row| row.counters.get(series)));
            if let Some(row) = cells.get(&j) {
                identities.set(j, Identity { leader_term: row.leader_term, group_id: row.group_id });
            }
        }
        let (listed, total) = (oldest.member_routes.len() as u64, oldest.member_routes_total);
        let virtual_count = if total == 0 { listed } else { total };
        MatrixRow {
            id,
            label: if oldest.aggregate { String::new() } else { oldest.label.name().to_owned() },
            start: oldest.start.clone(),
            end: oldest.end.clone(),
            aggregate: oldest.aggregate,
            route_ids: if oldest.aggregate { oldest.member_routes.clone() } else { Vec::new() },
            route_ids_truncated: oldest.aggregate && total > listed,
            route_count: if oldest.aggregate { virtual_count } else { 1 },
            conflict: false,
            conflicts: Vec::new(),
            identities,
        }
    };
    let rows = rows.into_iter().map(described).collect();
    let columns = columns.iter().map(|column| column.info.at_ns.div_euclid(1_000_000)).collect();
    Matrix { series, columns, rows, values, generated_at_ns: 0, node: String::new(), fanout: None }
}

fn counter() -> impl Strategy<Value = u64> {
    prop_oneof![3 => Just(0), 4 => 1u64..5, 2 => any::<u64>(), 1 => Just(u64::MAX)]
}

fn column_row() -> impl Strategy<Value = Row> {
    let bounds = prop::sample::select(vec![("", "g"), ("g", "p"), ("p", ""), ("g", "")]);
    let cell = (counter(), counter(), 0u64..3, 0u64..3);
    (1u64..6, prop::sample::select(Label::ALL.to_vec()), bounds, 0u32..4, prop::bool::weighted(0.2), 0u64..4, cell).prop_map(
        |(route_id, label, (start, end), part, aggregate, total, (reads, writes, group_id, leader_term))| Row {
            route_id,
            label,
            start: start.into(),
            end: end.into(),
            aggregate,
            member_routes: if aggregate { vec![route_id + 100, 7] } else { Vec::new() },
            member_routes_total: if aggregate { total } else { 1 },
            group_id,
            leader_term,
            sub_bucket: if aggregate { 0 } else { part },
            sub_bucket_count: if part == 0 || aggregate { 1 } else { 4 },
            parents: Vec::new(),
            counters: Counters { reads, writes, read_bytes: 1, write_bytes: 0 },
        },
    )
}

/// Columns as a host may keep them, in no order.
fn host_columns() -> impl Strategy<Value = Vec<Column>> {
    prop::collection::vec((any::<i32>(), prop::collection::vec(column_row(), 0..30)), 0..12).prop_map(|columns| {
        let column = |(at, rows): (i32, Vec<Row>)| {
            let info = ColumnInfo { sequence: 0, window_start_ns: 0, at_ns: i64::from(at) };
            let rows: BTreeMap<String, Row> = rows.into_iter().map(|row| (row_id(&row), row)).collect();
            Column { info, rows: rows.into_values().collect() }
        };
        columns.into_iter().map(column).collect()
    })
}

/// A sampler whose history has folded routes, parts, labels, leaders that change and columns of every size.
fn busy_sampler(steps: &[(u8, u64)], history_columns: u32) -> Sampler {
    let five = Resolution { step_ns: 5 * MINUTE, retention_ns: 60 * MINUTE };
    let resolutions = [five, Resolution::default(), Resolution::default(), Resolution::default()];
    let options = Options {
        labels_enabled: true,
        max_tracked_routes: 7,
        key_buckets_per_route: 5,
        history_columns,
        resolutions,
        ..Options::default()
    };
    let sampler = Sampler::new(options);
    for id in 0..9u64 {
        let (start, end) = ([b'a' + id as u8], [b'b' + id as u8]);
        let route = RouteSpec { route_id: id, group_id: id / 2, start: &start, end: &end, any_range: false };
        sampler.register_route(&route).unwrap();
    }
    for (step, &(active, seed)) in steps.iter().enumerate() {
        if seed % 5 == 0 {
            sampler.set_leader_term(seed / 5 % 4, seed).unwrap();
        }
        for i in 0..u64::from(active) {
            let mix = (seed + i).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
            let (id, label) = (mix % 9, Label::ALL[(mix / 9) as usize % Label::COUNT]);
            let op = if mix & 64 == 0 { Op::Read } else { Op::Write };
            sampler.observe(id, &[b'a' + id as u8, (mix >> 8) as u8], op, seed >> (mix % 60), label);
        }
        sampler.flush((step as i64 + 1) * MINUTE).unwrap();
    }
    sampler
}

fn owned(column: &dyn ColumnRows) -> Column {
    let mut rows = Vec::new();
    column.for_each_row(&mut |row| rows.push(Row::from(row)));
    Column { info: column.info(), rows }
}

/// The total of each column, exactly.
fn column_totals(matrix: &Matrix) -> Vec<u128> {
    let total = |j| (0..matrix.rows.len()).map(|i| u128::from(matrix.row_values(i)[j])).sum();
    (0..matrix.columns.len()).map(total).collect()
}

fn row_total(matrix: &Matrix, i: usize) -> u128 {
    matrix.row_values(i).iter().map(|&value| u128::from(value)).sum()
}

/// The ids of the rows when as many of the hottest ones stay as there is room for, and the runs between them are merged.
fn plain_merge_plan(all: &Matrix, max_rows: u32) -> Vec<String> {
    let ranked = hottest_first(all);
    let plan = |stays: &[usize]| {
        let mut runs: Vec<Vec<usize>> = Vec::new();
        for i in 0..all.rows.len() {
            match runs.last_mut() {
                Some(run) if !stays.contains(&i) && !stays.contains(&(i - 1)) => run.push(i),
                _ => runs.push(vec![i]),
            }
        }
        runs
    };
    let plans = (0..=ranked.len()).rev().map(|stay| plan(&ranked[..stay]));
    let runs = plans.into_iter().find(|runs| runs.len() <= max_rows as usize).unwrap();
    let id = |i: usize| &all.rows[i].id;
    let mut rows: Vec<(&[u8], String)> = runs.iter().map(|run| match run[..] {
        [only] => (&all.rows[only].start[..], id(only).clone()),
        _ => (&all.rows[run[0]].start[..], format!("merged:{}..{}", id(run[0]), id(run[run.len() - 1]))),
    }).collect();
    rows.sort();
    rows.into_iter().map(|(_, id)| id).collect()
}

fn hottest_first(all: &Matrix) -> Vec<usize> {
    let mut ranked: Vec<usize> = (0..all.rows.len()).collect();
    ranked.sort_by(|&a, &b| row_total(all, b).cmp(&row_total(all, a)).then(all.rows[a].id.cmp(&all.rows[b].id)));
    ranked
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn host_columns_become_the_matrix_that_maps_and_loops_make(columns in host_columns()) {
        for series in Series::ALL {
            prop_assert_eq!(pivot(&columns, series, Budget::default()), plain_pivot(&columns, series));
        }
    }

    #[test]
    fn a_history_becomes_the_matrix_of_its_columns(
        steps in prop::collection::vec((any::<u8>(), any::<u64>()), 1..100),
        history_columns in 3u32..200,
        max_rows in 0u32..40,
        merge in any::<bool>(),
    ) {
        let sampler = busy_sampler(&steps, history_columns);
        let columns: Vec<Column> = sampler.columns(0, 0).unwrap().iter().map(|column| owned(column)).collect();
        let budget = Budget { max_rows, mode: if merge { BudgetMode::Merge } else { BudgetMode::Top } };
        for series in Series::ALL {
            let queried = timeless(sampler.matrix(series, 0, 0, budget).unwrap());
            prop_assert_eq!(&queried, &pivot(&columns, series, budget));
            prop_assert_eq!(queried, budget.apply(plain_pivot(&columns, series)));
        }
        let some: Vec<Column> = columns.iter().filter(|one| (7 * MINUTE..20 * MINUTE).contains(&one.info.at_ns)).cloned().collect();
        let queried = sampler.matrix(Series::Reads, 7 * MINUTE, 20 * MINUTE, Budget::default()).unwrap();
        prop_assert_eq!(timeless(queried), plain_pivot(&some, Series::Reads));
    }

    #[test]
    fn the_top_budget_keeps_the_rows_with_the_largest_totals_unchanged(columns in host_columns(), max_rows in 1u32..30) {
        let budget = Budget { max_rows, mode: BudgetMode::Top };
        let (all, held) = (plain_pivot(&columns, Series::Writes), pivot(&columns, Series::Writes, budget));
        let mut ranked = hottest_first(&all);
        ranked.truncate(max_rows as usize);
        ranked.sort();
        prop_assert_eq!(&held.rows, &ranked.iter().map(|&i| all.rows[i].clone()).collect::<Vec<_>>());
        let values: Vec<u64> = ranked.iter().flat_map(|&i| all.row_values(i)).copied().collect();
        prop_assert_eq!(held.values, values);
    }

    #[test]
    fn the_merging_budget_loses_no_traffic_even_where_values_saturate(columns in host_columns(), max_rows in 1u32..30) {
        let budget = Budget { max_rows, mode: BudgetMode::Merge };
        let (all, held) = (plain_pivot(&columns, Series::Writes), pivot(&columns, Series::Writes, budget));
        prop_assert_eq!(column_totals(&held), column_totals(&all));
        let fits = (0..all.rows.len()).map(|i| row_total(&all, i)).sum::<u128>() <= u64::MAX.into();
        prop_assert!(!fits || held.rows.len() <= max_rows as usize);
        prop_assert!(held.rows.is_sorted_by(|a, b| (&a.start, &a.id) < (&b.start, &b.id)));

        if fits {
            prop_assert_eq!(held.rows.iter().map(|row| row.id.clone()).collect::<Vec<_>>(), plain_merge_plan(&all, max_rows));
        }
        for row in held.rows.iter().filter(|row| row.id.starts_with("merged:")) {
            prop_assert!(row.aggregate && row.route_count >= 1);
            let (first, last) = row.id["merged:".len()..].split_once("..").unwrap();
            let at = |id: &str| all.rows.iter().position(|row| row.id == id).unwrap();
            let parts = &all.rows[at(first)..=at(last)];
            prop_assert_eq!(&row.start, &parts[0].start);
            prop_assert!(parts.iter().all(|part| row.end.is_empty() || !part.end.is_empty() && part.end <= row.end));
            let labels: Vec<&str> = row.label.split('+').map(|label| if label == "legacy" { "" } else { label }).collect();
            prop_assert!(parts.iter().all(|part| labels.contains(&&*part.label)));
            prop_assert!(labels.iter().all(|label| parts.iter().any(|part| part.label == *label)));
        }
    }
}

fn plain_row(id: &str, label: &str, bounds: (&str, &str)) -> MatrixRow {
    let (start, end) = (bounds.0.into(), bounds.1.into());
    MatrixRow { id: id.into(), label: label.into(), start, end, route_count: 1, ..MatrixRow::default() }
}

fn matrix(rows: Vec<(MatrixRow, &[u64])>) -> Matrix {
    let columns = (0..rows[0].1.len() as i64).collect();
    let values = rows.iter().flat_map(|(_, values)| values.iter().copied()).collect();
    let rows = rows.into_iter().map(|(row, _)| row).collect();
    Matrix { series: Series::Writes, columns, rows, values, generated_at_ns: 0, node: String::new(), fanout: None }
}

#[test]
fn cold_neighbours_of_a_hot_row_become_one_row_each_side() {
    let mut bucket = plain_row("virtual:99", "", ("e", ""));
    (bucket.aggregate, bucket.route_ids, bucket.route_count) = (true, vec![50, 51], 300);
    let all = matrix(vec![
        (plain_row("route:1", "", ("a", "b")), &[1, 0]),
        (plain_row("route:1:redis", "redis", ("a", "b")), &[0, 2]),
        (plain_row("route:2:redis", "redis", ("b", "c")), &[90, 90]),
        (plain_row("route:3:redis", "redis", ("c", "d")), &[3, 1]),
        (plain_row("route:4:redis", "redis", ("d", "e")), &[1, 1]),
        (bucket, &[1, 1]),
    ]);
    let held = Budget { max_rows: 3, mode: BudgetMode::Merge }.apply(all.clone());
    let told: Vec<_> = held.rows.iter().map(|row| (&*row.id, &*row.label, row.route_count, &row.route_ids[..])).collect();
    assert_eq!(told, [
        ("merged:route:1..route:1:redis", "legacy+redis", 1, &[1][..]),
        ("route:2:redis", "redis", 1, &[]),
        ("merged:route:3:redis..virtual:99", "legacy+redis", 302, &[3, 4, 50, 51]),
    ]);
    assert_eq!(held.values, [1, 2, 90, 90, 5, 3]);
    assert!(held.rows[2].end.is_empty() && held.rows[2].route_ids_truncated);
    assert_eq!(Budget { max_rows: 1, mode: BudgetMode::Merge }.apply(all.clone()).values, [96, 95]);
    assert_eq!(Budget { max_rows: 0, mode: BudgetMode::Merge }.apply(all.clone()), all);
}

#[test]
fn rows_whose_sum_does_not_fit_into_64_bits_stay_apart_even_over_the_budget() {
    let all = matrix(vec![
        (plain_row("route:1", "", ("a", "b")), &[u64::MAX]),
        (plain_row("route:2", "", ("b", "c")), &[u64::MAX]),
        (plain_row("route:3", "", ("c", "d")), &[1]),
        (plain_row("route:4", "", ("d", "e")), &[1]),
    ]);
    let held = Budget { max_rows: 1, mode: BudgetMode::Merge }.apply(all);
    assert_eq!(held.values, [u64::MAX, u64::MAX, 2]);
}

#[test]
fn a_merged_cell_keeps_the_identity_that_its_traffic_agrees_on() {
    let led = |row: MatrixRow, terms: &[u64]| {
        let mut identities = Identities::default();
        terms.iter().enumerate().for_each(|(j, &leader_term)| identities.set(j, Identity { leader_term, group_id: 1 }));
        MatrixRow { identities, ..row }
    };
    let all = matrix(vec![
        (led(plain_row("route:1", "", ("a", "b")), &[5, 5, 5]), &[1, 1, 0]),
        (led(plain_row("route:2", "", ("b", "c")), &[5, 6, 6]), &[1, 1, 1]),
    ]);
    let held = Budget { max_rows: 1, mode: BudgetMode::Merge }.apply(all);
    let terms: Vec<u64> = held.rows[0].identities.iter(3).map(|identity| identity.leader_term).collect();
    assert_eq!(terms, [5, 0, 6]);
}

/// A row of route 1.
fn one_row(writes: u64) -> Row {
    Row {
        route_id: 1,
        label: Label::Legacy,
        start: Vec::new(),
        end: Vec::new(),
        aggregate: false,
        member_routes: Vec::new(),
        member_routes_total: 1,
        group_id: 2,
        leader_term: 3,
        sub_bucket: 0,
        sub_bucket_count: 1,
        parents: Vec::new(),
        counters: Counters { writes, ..Counters::default() },
    }
}

#[test]
fn a_row_that_a_column_holds_twice_counts_with_its_sum() {
    let twice = Column { info: ColumnInfo::default(), rows: vec![one_row(4), one_row(5)] };
    let saturating = Column { info: ColumnInfo { at_ns: -1, ..ColumnInfo::default() }, rows: vec![one_row(4), one_row(u64::MAX)] };
    let matrix = pivot(&[twice, saturating], Series::Writes, Budget::default());
    assert_eq!((matrix.columns, matrix.values), (vec![-1, 0], vec![u64::MAX, 9]));
    assert_eq!(matrix.rows[0].identities.runs().collect::<Vec<_>>(), [(0..2, Identity { leader_term: 3, group_id: 2 })]);
}

#[test]
fn a_long_history_takes_the_room_of_its_rows() {
    // More columns than there is room for, in any row, before the rows are known.
    let columns: Vec<Column> = (0..500_000).map(|_| Column::default()).collect();
    let info = ColumnInfo { at_ns: 1, ..ColumnInfo::default() };
    let last = Column { info, rows: (0..20).map(|id| Row { route_id: id, ..one_row(id) }).collect() };
    let columns: Vec<&dyn ColumnRows> = columns.iter().chain([&last]).map(|column| column as &dyn ColumnRows).collect();
    let matrix = Matrix::from_columns(&columns, Series::Writes, Budget::default());
    assert_eq!((matrix.rows.len(), matrix.values.len()), (20, 20 * columns.len()));
    let ends = (0..20).map(|i| matrix.row_values(i)[columns.len() - 1]);
    assert_eq!(ends.sum::<u64>(), matrix.values.iter().sum::<u64>());
    assert_eq!(matrix.values.iter().sum::<u64>(), 190);
}

#[test]
fn nothing_becomes_nothing() {
    let empty = pivot(&[], Series::Reads, Budget::default());
    assert_eq!((empty.rows.len(), empty.columns.len(), empty.values.len()), (0, 0, 0));
    let idle = pivot(&[Column::default()], Series::Reads, Budget { max_rows: 1, mode: BudgetMode::Merge });
    assert_eq!((idle.rows.len(), idle.columns.len()), (0, 1));
}
