//! The matrix: rows (key ranges by label) x columns (time), of one series. What dashboards, pages and pictures are
//! made from.
//!
//! A matrix comes from the history or from columns that a host kept, from another node's JSON or protobuf, or from
//! merging several of them. It is plain data, and nothing in it is computed twice:
//!
//! - `values` is one row-major array: row `i`, column `j` at `i * columns.len() + j`.
//! - Who led a cell's group changes seldom, so [`Identities`] holds runs of columns and not cells.

pub mod html;
mod identities;
mod palette;
pub mod png;

pub use identities::{Identities, Identity};

use crate::label::Series;

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
}
