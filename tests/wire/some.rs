//! Matrices to try things on.

use keyviz::matrix::{Fanout, FanoutNode, Identities, Identity, Matrix, MatrixRow};
use keyviz::Series;
use proptest::prelude::*;

/// A matrix of writes whose cells count up from 1.
pub fn matrix(columns: usize, rows: Vec<MatrixRow>) -> Matrix {
    let cells = rows.len() * columns;
    Matrix {
        series: Series::Writes,
        columns: (0..columns as i64).map(|j| 1_700_000_000_000 + j * 60_000).collect(),
        rows,
        values: (1..=cells as u64).collect(),
        generated_at_ns: 1_700_000_123_456_789_012,
        node: String::new(),
        fanout: None,
    }
}

pub fn row(id: &str, start: &[u8], end: &[u8]) -> MatrixRow {
    MatrixRow { id: id.into(), start: start.into(), end: end.into(), route_count: 1, ..MatrixRow::default() }
}

/// Identities from (group, term) of the cells.
pub fn identities(cells: &[(u64, u64)]) -> Identities {
    let mut identities = Identities::default();
    for (j, &(group_id, leader_term)) in cells.iter().enumerate() {
        identities.set(j, Identity { leader_term, group_id });
    }
    identities
}

/// Integers of every length, and the edges.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(u64::MAX), Just(1 << 53), (0u32..64).prop_flat_map(|bits| 0..=u64::MAX >> bits)]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[a-z:#@]{1,6}", any::<String>()]
}

fn a_row(columns: usize) -> impl Strategy<Value = MatrixRow> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..6);
    let range = (text(), bytes(), bytes());
    let routes = (any::<bool>(), prop::collection::vec(number(), 0..4), any::<bool>(), number());
    let conflicts = prop::collection::vec(prop::bool::weighted(0.3), columns);
    let cells = prop::collection::vec((0..3u64, prop_oneof![Just(0), Just(7), number()]), columns);
    (range, routes, any::<bool>(), conflicts, cells, any::<bool>()).prop_map(
        |(range, routes, conflict, conflicts, cells, known)| {
            let conflicts = if conflicts.contains(&true) { conflicts } else { Vec::new() };
            MatrixRow {
                id: String::new(),
                label: range.0,
                start: range.1,
                end: range.2,
                aggregate: routes.0,
                route_ids: routes.1,
                route_ids_truncated: routes.2,
                route_count: routes.3,
                conflict: conflict || !conflicts.is_empty(),
                conflicts,
                identities: if known { identities(&cells) } else { Identities::default() },
            }
        },
    )
}

fn fanout() -> impl Strategy<Value = Fanout> {
    let node = (text(), prop::option::of(text())).prop_map(|(node, error)| FanoutNode { node, error });
    (prop::collection::vec(node, 0..4), number()).prop_map(|(nodes, expected)| Fanout { nodes, expected })
}

/// Any matrix there can be.
pub fn any_matrix() -> impl Strategy<Value = Matrix> {
    (0usize..6, 0usize..6).prop_flat_map(|(columns, rows)| {
        let axes = (prop::collection::vec(any::<i64>(), columns), prop::collection::vec(a_row(columns), rows));
        let ids = prop::collection::btree_set("[a-z:#\"\\\\é\u{0}]{1,9}", rows);
        let values = prop::collection::vec(number(), rows * columns);
        let rest = (0u32..4, any::<i64>(), text(), prop::option::of(fanout()));
        (axes, ids, values, rest).prop_map(|((columns, mut rows), ids, values, rest)| {
            rows.iter_mut().zip(ids).for_each(|(row, id)| row.id = id);
            let series = Series::from_index(rest.0).expect("there are four");
            Matrix { series, columns, rows, values, generated_at_ns: rest.1, node: rest.2, fanout: rest.3 }
        })
    })
}
