//! Rows and columns: what one flush commits, in the plain form that every later layer reads.
//!
//! [`RowView`] borrows and is what flows (from a drain or from the history into buffers, matrices and images);
//! [`Row`] owns and is what Rust callers keep.

use crate::history::StoredColumn;
use crate::label::{Label, Series};

/// The four counters of a cell, in the order of [`Series`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Number of reads.
    pub reads: u64,
    /// Number of writes.
    pub writes: u64,
    /// Bytes of keys and values read.
    pub read_bytes: u64,
    /// Bytes of keys and values written.
    pub write_bytes: u64,
}

impl Counters {
    /// The counters in the order of [`Series`].
    pub const fn to_array(self) -> [u64; 4] {
        [self.reads, self.writes, self.read_bytes, self.write_bytes]
    }

    /// The inverse of [`Counters::to_array`].
    pub const fn from_array([reads, writes, read_bytes, write_bytes]: [u64; 4]) -> Self {
        Self { reads, writes, read_bytes, write_bytes }
    }

    /// The counter of one series.
    pub const fn get(self, series: Series) -> u64 {
        self.to_array()[series as usize]
    }

    /// The counters of two cells together; they saturate and never wrap.
    pub fn saturating_add(self, other: Self) -> Self {
        let (a, b) = (self.to_array(), other.to_array());
        Self::from_array(std::array::from_fn(|i| a[i].saturating_add(b[i])))
    }

    /// Whether nothing was counted.
    pub fn is_zero(self) -> bool {
        self == Self::default()
    }
}

/// When a column was committed, and what it spans: the observations drained in `(window_start_ns, at_ns]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ColumnInfo {
    /// Counts up by one from column to column of a sampler; the first one is 0.
    pub sequence: u64,
    /// Unix nanoseconds: the end of the column before.
    pub window_start_ns: i64,
    /// Unix nanoseconds: the time of the flush.
    pub at_ns: i64,
}

/// One row of a column, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowView<'a> {
    /// The route, or the synthetic id of a virtual bucket.
    pub route_id: u64,
    /// The label; `Legacy` on virtual buckets and where labels are off.
    pub label: Label,
    /// First key of the row's range (of the part's range on a sub-divided route).
    pub start: &'a [u8],
    /// First key past the row's range; empty: unbounded.
    pub end: &'a [u8],
    /// Whether the row is a virtual bucket.
    pub aggregate: bool,
    /// Listed members of a virtual bucket, oldest first; empty on a single route.
    pub member_routes: &'a [u64],
    /// All members of a virtual bucket, listed or not; 1 on a single route.
    pub member_routes_total: u64,
    /// Raft group that owns the route; 0 on virtual buckets.
    pub group_id: u64,
    /// Leader term of the group when the flush began; 0 when unknown.
    pub leader_term: u64,
    /// Part of the route's range, counted from 0.
    pub sub_bucket: u32,
    /// Parts that the route's range is cut into; 1: not sub-divided.
    pub sub_bucket_count: u32,
    /// Routes that this one came from by a split or a merge; empty: none known.
    pub parents: &'a [u64],
    /// What was counted.
    pub counters: Counters,
}

/// One row of a column, owned. The fields are those of [`RowView`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Row {
    pub route_id: u64,
    pub label: Label,
    pub start: Vec<u8>,
    pub end: Vec<u8>,
    pub aggregate: bool,
    pub member_routes: Vec<u64>,
    pub member_routes_total: u64,
    pub group_id: u64,
    pub leader_term: u64,
    pub sub_bucket: u32,
    pub sub_bucket_count: u32,
    pub parents: Vec<u64>,
    pub counters: Counters,
}

impl Row {
    /// Borrows the row.
    pub fn view(&self) -> RowView<'_> {
        RowView {
            route_id: self.route_id,
            label: self.label,
            start: &self.start,
            end: &self.end,
            aggregate: self.aggregate,
            member_routes: &self.member_routes,
            member_routes_total: self.member_routes_total,
            group_id: self.group_id,
            leader_term: self.leader_term,
            sub_bucket: self.sub_bucket,
            sub_bucket_count: self.sub_bucket_count,
            parents: &self.parents,
            counters: self.counters,
        }
    }
}

impl From<&RowView<'_>> for Row {
    fn from(view: &RowView<'_>) -> Self {
        Self {
            route_id: view.route_id,
            label: view.label,
            start: view.start.to_vec(),
            end: view.end.to_vec(),
            aggregate: view.aggregate,
            member_routes: view.member_routes.to_vec(),
            member_routes_total: view.member_routes_total,
            group_id: view.group_id,
            leader_term: view.leader_term,
            sub_bucket: view.sub_bucket,
            sub_bucket_count: view.sub_bucket_count,
            parents: view.parents.to_vec(),
            counters: view.counters,
        }
    }
}

/// One column, owned: its rows in the order of (start, route id, label by wire form, sub-bucket).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Column {
    /// When, and which.
    pub info: ColumnInfo,
    /// The rows; none if nothing was counted.
    pub rows: Vec<Row>,
}

/// Anything that gives a column's rows in order: a fresh drain, a stored column, a host's own copy.
pub trait ColumnRows {
    /// When, and which.
    fn info(&self) -> ColumnInfo;
    /// Calls `visit` once for each row, in order. What a view borrows lives as long as that call.
    fn for_each_row(&self, visit: &mut dyn FnMut(&RowView<'_>));

    /// The column of a history that this is, if it is one: whoever reads many of them can do it faster.
    fn as_stored(&self) -> Option<&StoredColumn> {
        None
    }
}

impl ColumnRows for Column {
    fn info(&self) -> ColumnInfo {
        self.info
    }

    fn for_each_row(&self, visit: &mut dyn FnMut(&RowView<'_>)) {
        self.rows.iter().for_each(|row| visit(&row.view()));
    }
}
