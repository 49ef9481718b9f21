//! The cluster merge, against maps and loops.

use keyviz::matrix::{Budget, BudgetMode, ErrorKind, Identities, Identity, Matrix, MatrixRow, Merge, MergeOptions};
use keyviz::Series;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// What one source tells of one cell.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Cell {
    value: u64,
    identity: Identity,
    conflict: bool,
}

fn led(group_id: u64, leader_term: u64) -> Identity {
    Identity { leader_term, group_id }
}

fn source(node: &str, series: Series, columns: &[i64], rows: &[(MatrixRow, Vec<Cell>)]) -> Matrix {
    let described = rows.iter().map(|(row, cells)| {
        let mut identities = Identities::default();
        cells.iter().enumerate().for_each(|(j, cell)| identities.set(j, cell.identity));
        let conflict = cells.iter().any(|cell| cell.conflict);
        let conflicts = if conflict { cells.iter().map(|cell| cell.conflict).collect() } else { Vec::new() };
        MatrixRow { identities, conflict, conflicts, ..row.clone() }
    });
    let mut matrix = Matrix {
        series,
        columns: columns.to_vec(),
        rows: described.collect(),
        values: rows.iter().flat_map(|(_, cells)| cells.iter().map(|cell| cell.value)).collect(),
        generated_at_ns: 5,
        node: node.to_owned(),
        fanout: None,
    };
    matrix.sort_rows();
    matrix
}

fn cells(matrix: &Matrix, i: usize) -> Vec<Cell> {
    let row = &matrix.rows[i];
    let cell = |(j, identity)| Cell {
        value: matrix.row_values(i)[j],
        identity,
        conflict: row.conflicts.get(j).copied().unwrap_or_default(),
    };
    row.identities.iter(matrix.columns.len()).enumerate().map(cell).collect()
}

fn sums(series: Series) -> bool {
    matches!(series, Series::Reads | Series::ReadBytes)
}

/// What the specification makes of the contributions to one cell, in the order of the sources.
fn plain_cell(series: Series, told: &[Cell]) -> Cell {
    let conflict = told.iter().any(|cell| cell.conflict);
    let counted: Vec<&Cell> = told.iter().filter(|cell| cell.value != 0).collect();
    let Some(last) = counted.last() else {
        let identity = told.iter().map(|cell| cell.identity).max().unwrap_or_default();
        return Cell { value: 0, identity, conflict };
    };
    if sums(series) {
        let value = counted.iter().fold(0u64, |sum, cell| sum.saturating_add(cell.value));
        return Cell { value, identity: last.identity, conflict };
    }
    if counted.iter().all(|cell| cell.identity.group_id != 0 && cell.identity.leader_term != 0) {
        let mut largest: BTreeMap<Identity, u64> = BTreeMap::new();
        let mut differ = false;
        for cell in &counted {
            let known = largest.entry(cell.identity).or_insert(cell.value);
            differ |= *known != cell.value;
            *known = cell.value.max(*known);
        }
        let value = largest.values().fold(0u64, |sum, value| sum.saturating_add(*value));
        let (_, identity) = largest.iter().map(|(identity, value)| (*value, *identity)).max().unwrap();
        return Cell { value, identity, conflict: conflict || differ };
    }
    let value = counted.iter().map(|cell| cell.value).max().unwrap();
    let identity = counted.iter().rfind(|cell| cell.value == value).unwrap().identity;
    let differ = counted.iter().any(|cell| cell.value != value);
    Cell { value, identity, conflict: conflict || differ }
}

type Contributions = BTreeMap<String, BTreeMap<i64, Vec<Cell>>>;

/// Every row's cells by time, no timestamp twice.
fn plain_merge(series: Series, sources: &[Matrix]) -> BTreeMap<String, Vec<Cell>> {
    let mut columns: Vec<i64> = sources.iter().flat_map(|source| source.columns.clone()).collect();
    columns.sort();
    columns.dedup();
    let mut told: Contributions = BTreeMap::new();
    for source in sources {
        for (i, row) in source.rows.iter().enumerate() {
            let by_time = told.entry(row.id.clone()).or_default();
            for (j, cell) in cells(source, i).into_iter().enumerate() {
                by_time.entry(source.columns[j]).or_default().push(cell);
            }
        }
    }
    let row = |by_time: BTreeMap<i64, Vec<Cell>>| {
        columns.iter().map(|at| by_time.get(at).map_or_else(Cell::default, |told| plain_cell(series, told))).collect()
    };
    told.into_iter().map(|(id, by_time)| (id, row(by_time))).collect()
}

fn exact(series: Series) -> MergeOptions {
    MergeOptions { column_tolerance_ns: Some(0), ..MergeOptions::new(series) }
}

fn merge(options: MergeOptions, sources: &[Matrix]) -> Matrix {
    let mut merge = Merge::new(options);
    for source in sources {
        assert_eq!(merge.add(source, ""), Ok(true));
    }
    merge.finish()
}

fn by_id(matrix: &Matrix) -> BTreeMap<String, Vec<Cell>> {
    (0..matrix.rows.len()).map(|i| (matrix.rows[i].id.clone(), cells(matrix, i))).collect()
}

fn values(matrix: &Matrix) -> BTreeMap<String, Vec<u64>> {
    by_id(matrix).into_iter().map(|(id, cells)| (id, cells.into_iter().map(|cell| cell.value).collect())).collect()
}

fn row(id: &str, start: &str) -> MatrixRow {
    let label = id.splitn(3, ':').nth(2).unwrap_or_default();
    let end = [start.as_bytes(), b"~"].concat();
    MatrixRow { id: id.into(), label: label.into(), start: start.into(), end, route_count: 1, ..MatrixRow::default() }
}

fn value() -> impl Strategy<Value = u64> {
    prop_oneof![3 => Just(0), 5 => 1u64..4, 1 => Just(u64::MAX), 1 => any::<u64>()]
}

fn identity(known: bool) -> impl Strategy<Value = Identity> {
    let from = u64::from(known);
    (from..3, from..3).prop_map(|(group, term)| led(group, term))
}

/// Sources whose columns are partly the same; if `known`, every group and term is.
fn cluster(known: bool) -> impl Strategy<Value = Vec<Matrix>> {
    let series = prop::sample::select(Series::ALL.to_vec());
    let cell = (value(), identity(known), prop::bool::weighted(0.05));
    let cell = cell.prop_map(|(value, identity, conflict)| Cell { value, identity, conflict });
    let rows = prop::collection::btree_map(0usize..5, prop::collection::vec(cell, 8), 0..5);
    let one = (prop::collection::btree_set(0i64..8, 0..8), rows);
    (series, prop::collection::vec(one, 1..5)).prop_map(|(series, sources)| {
        let names = ["route:1", "route:1:redis", "route:2:s3#4", "merged:a..b", "route:9"];
        let matrix = |i: usize, columns: BTreeSet<i64>, rows: BTreeMap<usize, Vec<Cell>>| {
            let columns: Vec<i64> = columns.into_iter().collect();
            let named = |(id, mut cells): (usize, Vec<Cell>)| {
                cells.truncate(columns.len());
                (row(names[id], &id.to_string()), cells)
            };
            let rows: Vec<_> = rows.into_iter().map(named).collect();
            source(&format!("node-{i}"), series, &columns, &rows)
        };
        sources.into_iter().enumerate().map(|(i, (columns, rows))| matrix(i, columns, rows)).collect()
    })
}

/// Every cell has one identity, whoever tells of it: no leader moved.
fn steady(mut sources: Vec<Matrix>) -> Vec<Matrix> {
    for source in &mut sources {
        for row in &mut source.rows {
            row.identities = Identities::default();
            source.columns.iter().enumerate().for_each(|(j, &at)| row.identities.set(j, led(7, at as u64 + 1)));
        }
    }
    sources
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn the_merge_is_the_specified_one((sources, tail) in (cluster(false), any::<bool>())) {
        let series = sources[0].series;
        let sources = if tail { &sources[1..] } else { &sources[..] };
        let merged = merge(exact(series), sources);
        prop_assert_eq!(by_id(&merged), plain_merge(series, sources));
        for row in &merged.rows {
            prop_assert_eq!(row.conflict, row.conflicts.contains(&true));
            let first = sources.iter().flat_map(|source| &source.rows).find(|one| one.id == row.id).unwrap();
            prop_assert_eq!((&row.label, &row.start, &row.end), (&first.label, &first.start, &first.end));
        }
        prop_assert!(merged.rows.is_sorted_by(|a, b| (&a.start, &a.id) < (&b.start, &b.id)));
    }

    #[test]
    fn with_known_terms_the_order_of_the_sources_changes_no_value((sources, order) in cluster(true)
        .prop_flat_map(|sources| { let n = sources.len(); (Just(sources), Just((0..n).collect::<Vec<_>>()).prop_shuffle()) })
    ) {
        let series = sources[0].series;
        let shuffled: Vec<Matrix> = order.iter().map(|&i| sources[i].clone()).collect();
        prop_assert_eq!(values(&merge(exact(series), &sources)), values(&merge(exact(series), &shuffled)));
    }

    #[test]
    fn merging_in_groups_gives_the_values_of_merging_at_once(sources in cluster(true), cut in any::<prop::sample::Index>()) {
        let series = sources[0].series;
        let sources = steady(sources);
        let (left, right) = sources.split_at(cut.index(sources.len()) + 1);
        let mut groups = vec![merge(exact(series), left)];
        if !right.is_empty() {
            groups.push(merge(exact(series), right));
        }
        groups.iter_mut().for_each(|group| group.node.clear());
        prop_assert_eq!(values(&merge(exact(series), &groups)), values(&merge(exact(series), &sources)));
    }

    #[test]
    fn merging_one_node_changes_nothing(sources in cluster(false), tolerance_ns in prop::option::of(0u64..5_000_000)) {
        let source = &sources[0];
        let options = MergeOptions { column_tolerance_ns: tolerance_ns, ..MergeOptions::new(source.series) };
        let merged = merge(options, std::slice::from_ref(source));
        let nodes = merged.fanout.clone().unwrap();
        prop_assert_eq!((nodes.responded(), nodes.expected), (1, 1));
        prop_assert_eq!(&Matrix { fanout: None, ..merged }, source);
    }

    #[test]
    fn merging_writes_with_themselves_changes_nothing(sources in cluster(false)) {
        let source = Matrix { series: Series::WriteBytes, node: String::new(), ..sources[0].clone() };
        let merged = merge(exact(Series::WriteBytes), &[source.clone(), source.clone()]);
        prop_assert_eq!(Matrix { fanout: None, ..merged }, source);
    }
}

fn counted(value: u64, identity: Identity) -> Cell {
    Cell { value, identity, conflict: false }
}

fn writes(node: &str, cell: Cell) -> Matrix {
    source(node, Series::Writes, &[0], &[(row("route:1", "a"), vec![cell])])
}

#[test]
fn a_step_with_two_leaders_is_the_sum_of_what_each_counted() {
    let told = [writes("a", counted(5, led(1, 1))), writes("b", counted(3, led(1, 2))), writes("c", counted(4, led(1, 2)))];
    let merged = merge(MergeOptions::new(Series::Writes), &told);
    assert_eq!(cells(&merged, 0), [Cell { value: 9, identity: led(1, 1), conflict: true }]);
    assert!(merged.rows[0].conflict);
    let unknown = [&told[..], &[writes("d", counted(5, led(0, 9)))]].concat();
    let merged = merge(MergeOptions::new(Series::Writes), &unknown);
    assert_eq!(cells(&merged, 0), [Cell { value: 5, identity: led(0, 9), conflict: true }]);
}

#[test]
fn where_a_term_is_unknown_the_last_source_with_the_largest_value_is_believed() {
    let told = [led(1, 1), led(1, 0), led(1, 1)].map(|identity| counted(5, identity));
    let sources: Vec<Matrix> = told.into_iter().map(|cell| writes("", cell)).collect();
    assert_eq!(cells(&merge(MergeOptions::new(Series::Writes), &sources), 0), [counted(5, led(1, 1))]);
    assert_eq!(cells(&merge(MergeOptions::new(Series::Writes), &sources[..2]), 0), [counted(5, led(1, 0))]);
}

#[test]
fn two_nodes_3_s_apart_on_a_60_s_step_share_their_columns() {
    let node = |name, late: i64, term| {
        let columns: Vec<i64> = (0..100).map(|j| j * 60_000 + late).collect();
        let cells = columns.iter().map(|_| counted(2, led(1, term))).collect();
        source(name, Series::Writes, &columns, &[(row("route:1:redis", "a"), cells)])
    };
    let merged = merge(MergeOptions::new(Series::Writes), &[node("a", 0, 1), node("b", 3_000, 2)]);
    assert_eq!(merged.columns, node("a", 0, 1).columns);
    assert!(merged.values.iter().all(|&value| value == 4));
    assert_eq!(merged.rows[0].label, "redis");
    let exact = merge(exact(Series::Writes), &[node("a", 0, 1), node("b", 3_000, 2)]);
    assert_eq!(exact.columns.len(), 200);
}

fn bucket(range: (&str, &str), routes: &[u64], total: u64) -> MatrixRow {
    MatrixRow {
        id: format!("virtual:{}", u64::MAX),
        start: range.0.into(),
        end: range.1.into(),
        aggregate: true,
        route_ids: routes.to_vec(),
        route_ids_truncated: total > routes.len() as u64,
        route_count: total,
        ..MatrixRow::default()
    }
}

#[test]
fn virtual_buckets_with_one_id_stay_apart_unless_they_are_reads_of_one_range() {
    let node = |name, series, range, routes: &[u64]| {
        source(name, series, &[0], &[(bucket(range, routes, 9), vec![counted(4, Identity::default())])])
    };
    let (here, there) = (("b", "f"), ("d", ""));
    let reads = [node("a", Series::Reads, here, &[1, 2]), node("b", Series::Reads, there, &[2, 3])];
    let merged = merge(MergeOptions::new(Series::Reads), &reads);
    assert_eq!(merged.values, [8]);
    assert_eq!(merged.rows[0].id, format!("virtual:{}", u64::MAX));
    assert_eq!((&merged.rows[0].route_ids[..], merged.rows[0].route_count), (&[1, 2, 3][..], 9));

    let ids = |merged: &Matrix| merged.rows.iter().map(|row| row.id.clone()).collect::<Vec<_>>();
    let told_apart = [format!("virtual:{}@a", u64::MAX), format!("virtual:{}@b", u64::MAX)];
    let writes = [node("a", Series::Writes, here, &[1]), node("b", Series::Writes, there, &[2])];
    assert_eq!(ids(&merge(MergeOptions::new(Series::Writes), &writes)), told_apart);
    let distant = [node("a", Series::Reads, ("b", "d"), &[1]), node("b", Series::Reads, ("d", ""), &[2])];
    assert_eq!(ids(&merge(MergeOptions::new(Series::Reads), &distant)), told_apart);
    let unnamed = [node("", Series::Writes, here, &[1]), node("", Series::Writes, there, &[2])];
    let told_apart = [format!("virtual:{}@source-1", u64::MAX), format!("virtual:{}@source-2", u64::MAX)];
    assert_eq!(ids(&merge(MergeOptions::new(Series::Writes), &unnamed)), told_apart);
}

#[test]
fn a_node_counts_once_and_a_failed_one_is_listed() {
    let reads = |node| source(node, Series::Reads, &[0], &[(row("route:1", "a"), vec![counted(4, led(1, 1))])]);
    let mut merge = Merge::new(MergeOptions { expected: 5, ..MergeOptions::new(Series::Reads) });
    merge.add_failure("c", "timed out");
    merge.add_failure("b", "refused");
    assert_eq!(merge.add(&reads("a"), "another name"), Ok(true));
    assert_eq!(merge.add(&reads("a"), ""), Ok(false));
    assert_eq!(merge.add(&reads(""), "b"), Ok(true), "it came after all");
    assert_eq!(merge.add(&reads(""), ""), Ok(true));
    assert_eq!(merge.add(&reads(""), ""), Ok(true), "who has no name may be anyone");
    merge.add_failure("a", "it answered, though");
    let merged = merge.finish();
    assert_eq!((merged.values, merged.node), (vec![16], String::new()));
    let fanout = merged.fanout.unwrap();
    let nodes: Vec<_> = fanout.nodes.iter().map(|node| (&*node.node, node.error.as_deref())).collect();
    assert_eq!(nodes, [("c", Some("timed out")), ("b", None), ("a", None), ("", None), ("", None)]);
    assert_eq!((fanout.responded(), fanout.expected), (4, 5));
}

#[test]
fn what_does_not_fit_is_an_error_and_changes_nothing() {
    let good = writes("a", counted(4, led(1, 1)));
    let mut bad = vec![Matrix { series: Series::Reads, ..good.clone() }];
    bad.push(Matrix { values: vec![1, 2], ..good.clone() });
    bad.push(Matrix { rows: [&good.rows[..], &good.rows].concat(), values: vec![1, 2], ..good.clone() });
    let flagged = MatrixRow { conflicts: vec![true; 2], ..good.rows[0].clone() };
    bad.push(Matrix { rows: vec![flagged], ..good.clone() });
    let mut merge = Merge::new(MergeOptions::new(Series::Writes));
    for bad in bad {
        let error = merge.add(&bad, "").unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidArgument, "{error}");
    }
    assert_eq!(merge.add(&good, ""), Ok(true), "the node has not been added yet");
    assert_eq!(Matrix { fanout: None, ..merge.finish() }, good);
}

#[test]
fn many_nodes_give_no_more_rows_than_the_budget() {
    let node = |n: u64| {
        let rows = (0..10).map(|i| (row(&format!("route:{}", n * 10 + i), &format!("{n}{i}")), vec![counted(n + 1, led(1, 1))]));
        source(&n.to_string(), Series::Reads, &[0], &rows.collect::<Vec<_>>())
    };
    let nodes: Vec<Matrix> = (0..9).map(node).collect();
    for mode in [BudgetMode::Top, BudgetMode::Merge] {
        let merged = merge(MergeOptions { budget: Budget { max_rows: 12, mode }, ..MergeOptions::new(Series::Reads) }, &nodes);
        assert!(merged.rows.len() <= 12);
        let total: u64 = merged.values.iter().sum();
        assert_eq!(total, if mode == BudgetMode::Top { 9 * 10 + 8 * 2 } else { 45 * 10 });
    }
}

#[test]
fn nobody_answered_is_an_empty_matrix() {
    let mut merge = Merge::new(MergeOptions::new(Series::Reads));
    merge.add_failure("a", "down");
    let merged = merge.finish();
    assert_eq!((merged.rows.len(), merged.columns.len(), merged.generated_at_ns), (0, 0, 0));
    assert_eq!(merged.fanout.map(|fanout| (fanout.responded(), fanout.expected)), Some((0, 1)));
}

#[test]
fn sources_that_would_multiply_beyond_memory_are_refused_and_change_nothing() {
    let row = |i: usize| MatrixRow { id: format!("route:{i}"), route_count: 1, ..MatrixRow::default() };
    let wide: Vec<i64> = (0..20_000).map(|minute| minute * 60_000).collect();
    let cells = vec![Cell { value: 1, ..Cell::default() }; wide.len()];
    let wide = source("wide", Series::Reads, &wide, &[(row(0), cells)]);
    let tall: Vec<_> = (1..=20_000).map(|i| (row(i), vec![Cell { value: 1, ..Cell::default() }])).collect();
    let tall = source("tall", Series::Reads, &[0], &tall);
    let mut merge = Merge::new(MergeOptions::new(Series::Reads));
    assert_eq!(merge.add(&wide, ""), Ok(true));
    let refused = merge.add(&tall, "").map_err(|error| error.kind);
    assert_eq!(refused, Err(ErrorKind::TooLarge));
    assert_eq!(merge.add(&wide, ""), Ok(false), "a node that has answered is not refused");
    let merged = merge.finish();
    assert_eq!((merged.rows.len(), merged.columns.len()), (1, 20_000));
    assert_eq!(merged.fanout.map(|fanout| fanout.nodes.len()), Some(1));
}
