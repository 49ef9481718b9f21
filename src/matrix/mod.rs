//! The matrix: rows (key ranges by label) x columns (time), of one series. What dashboards, pages and pictures are
//! made from.
//!
//! A matrix comes from the history or from columns that a host kept, from another node's JSON or protobuf, or from
//! merging several of them. It is plain data, and nothing in it is computed twice:
//!
//! - `values` is one row-major array: row `i`, column `j` at `i * columns.len() + j`.
//! - Who led a cell's group changes seldom, so [`Identities`] holds runs of columns and not cells.
//!
//! ```text
//! columns ------> pivot.rs --> Matrix --> json/, proto.rs, csv.rs
//! matrices --> merge.rs --> budget.rs      verdict.rs (on shape.rs)
//!        columns.rs, sources.rs
//! ```

mod assembly;
mod budget;
mod columns;
mod csv;
mod error;
pub mod html;
mod identities;
mod json;
mod limits;
mod merge;
mod palette;
mod pivot;
pub mod png;
mod proto;
mod row_id;
mod shape;
mod sources;
pub mod verdict;

pub use budget::{Budget, BudgetMode, LABEL_SEPARATOR, LEGACY, MAX_ROWS};
pub use csv::to_csv;
pub use error::{Error, ErrorKind};
pub use identities::{Identities, Identity};
pub use json::{from_json, to_json};
pub use limits::Limits;
pub use merge::{Merge, MergeOptions, MAX_MERGED_CELLS};
pub use proto::{from_proto, series_from_number, series_number, to_proto};
pub use row_id::RowId;

use crate::label::Series;
use std::collections::HashSet;

/// Rows x columns of one series. Every row has a value in each column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matrix {
    /// What `values` count.
    pub series: Series,
    /// When each column was committed, Unix milliseconds, oldest first.
    pub columns: Vec<i64>,
    /// The rows, by (start, row id).
    pub rows: Vec<MatrixRow>,
    /// `rows.len() * columns.len()` values, row by row.
    pub values: Vec<u64>,
    /// When the matrix was made, Unix nanoseconds.
    pub generated_at_ns: i64,
    /// The node that made it; empty: unnamed. Two sources with one name are one node, and count once.
    pub node: String,
    /// Who was asked, where a cluster was.
    pub fanout: Option<Fanout>,
}

/// What a row is, and what is known of its cells besides their values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MatrixRow {
    /// The row id (`bucket_id` on the wire), unique within its matrix.
    pub id: String,
    /// The label's wire form; one that this build does not know is kept as it is.
    pub label: String,
    /// First key of the row's range.
    pub start: Vec<u8>,
    /// First key past the row's range; empty: unbounded.
    pub end: Vec<u8>,
    /// Whether the row stands for several routes.
    pub aggregate: bool,
    /// The routes of an aggregate that are listed; empty on a single route.
    pub route_ids: Vec<u64>,
    /// Whether an aggregate has more routes than are listed.
    pub route_ids_truncated: bool,
    /// Routes in the row; 1 for a single one.
    pub route_count: u64,
    /// Whether sources of a merge contradicted each other somewhere in the row.
    pub conflict: bool,
    /// Where they did: a flag per column, or empty if they nowhere did.
    pub conflicts: Vec<bool>,
    /// Group and term of each cell.
    pub identities: Identities,
}

/// The nodes of a cluster that were asked for a matrix.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fanout {
    /// Each node, and whether it answered.
    pub nodes: Vec<FanoutNode>,
    /// Nodes that were to answer.
    pub expected: u64,
}

/// One node's answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FanoutNode {
    /// The node's name or address.
    pub node: String,
    /// Why it did not answer; `None`: it did.
    pub error: Option<String>,
}

impl Fanout {
    /// Nodes that answered.
    pub fn responded(&self) -> u64 {
        self.nodes.iter().filter(|node| node.error.is_none()).count() as u64
    }
}

impl Matrix {
    /// The values of row `i`, a column each.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    pub fn row_values(&self, i: usize) -> &[u64] {
        &self.values[i * self.columns.len()..][..self.columns.len()]
    }

    /// An error, if its arrays disagree in their lengths or a row id comes twice.
    pub fn check(&self) -> Result<(), Error> {
        let columns = self.columns.len();
        if self.rows.len().checked_mul(columns) != Some(self.values.len()) {
            let (values, rows) = (self.values.len(), self.rows.len());
            return Err(Error::invalid_argument(format!("{values} values in {rows} rows of {columns} columns")));
        }
        let mut ids = HashSet::with_capacity(self.rows.len());
        for row in &self.rows {
            if !row.conflicts.is_empty() && row.conflicts.len() != columns {
                let (conflicts, id) = (row.conflicts.len(), row_id::quoted(&row.id));
                return Err(Error::invalid_argument(format!("{conflicts} conflicts in {columns} columns of row {id}")));
            }
            if !ids.insert(&row.id) {
                return Err(Error::invalid_argument(format!("the row id {} comes twice", row_id::quoted(&row.id))));
            }
        }
        Ok(())
    }

    /// Puts the rows in the order of (start, row id).
    pub fn sort_rows(&mut self) {
        if self.rows.is_sorted_by(|a, b| (&a.start, &a.id) <= (&b.start, &b.id)) {
            return;
        }
        let mut order: Vec<usize> = (0..self.rows.len()).collect();
        order.sort_by(|&a, &b| (&self.rows[a].start, &self.rows[a].id).cmp(&(&self.rows[b].start, &self.rows[b].id)));
        let mut rows = std::mem::take(&mut self.rows).into_iter().map(Some).collect::<Vec<_>>();
        self.rows = order.iter().filter_map(|&row| rows[row].take()).collect();
        self.permute_values(&order);
    }

    /// Row `i` becomes what row `order[i]` was. In place, a cycle of rows after the other: values are most of a matrix.
    fn permute_values(&mut self, order: &[usize]) {
        let columns = self.columns.len();
        let mut moved = vec![false; order.len()];
        for begin in 0..order.len() {
            if moved[begin] || order[begin] == begin {
                continue;
            }
            let first = self.values[begin * columns..][..columns].to_vec();
            let mut to = begin;
            loop {
                moved[to] = true;
                let from = order[to];
                if from == begin {
                    break;
                }
                self.values.copy_within(from * columns..(from + 1) * columns, to * columns);
                to = from;
            }
            self.values[to * columns..][..columns].copy_from_slice(&first);
        }
    }
}
