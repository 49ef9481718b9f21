//! A matrix while it is read: the checks that every wire form shares, as early as they can be made.
//!
//! The width of a matrix (its number of columns) is what the first array of cells has; every later one has to agree. A
//! row is there as a whole or not at all: whoever reads gives up on the first error.

use super::error::Error;
use super::row_id::quoted;
use super::{Identities, Identity, Limits, Matrix, MatrixRow};
use crate::label::Series;
use hashbrown::HashTable;
use std::hash::{BuildHasher, RandomState};

/// What is read so far.
pub(super) struct Assembly<'l> {
    pub limits: &'l Limits,
    width: Option<usize>,
    /// When each column was committed.
    pub columns: Vec<i64>,
    rows: Vec<MatrixRow>,
    /// The values of the rows so far, and of the row that is being read.
    pub values: Vec<u64>,
    /// Where the values of that row begin.
    begin: usize,
    /// The groups and terms of that row's cells; either may be missing.
    pub groups: Vec<u64>,
    pub terms: Vec<u64>,
    /// The rows by id, with a keyed hash.
    by_id: HashTable<usize>,
    hasher: RandomState,
}

impl<'l> Assembly<'l> {
    pub fn new(limits: &'l Limits) -> Self {
        Self {
            limits,
            width: None,
            columns: Vec::new(),
            rows: Vec::new(),
            values: Vec::new(),
            begin: 0,
            groups: Vec::new(),
            terms: Vec::new(),
            by_id: HashTable::new(),
            hasher: RandomState::new(),
        }
    }

    /// How many values the row that is being read may have.
    pub fn room(&self) -> usize {
        self.limits.cells - self.begin
    }

    /// An array had more entries than there may be cells.
    pub fn no_room(&self) -> Error {
        Error::too_large(format!("more than {} cells", self.limits.cells))
    }

    /// Begins a row.
    pub fn begin_row(&mut self) -> Result<(), Error> {
        if self.rows.len() == self.limits.rows {
            return Err(Error::too_large(format!("more than {} rows", self.limits.rows)));
        }
        self.begin = self.values.len();
        self.groups.clear();
        self.terms.clear();
        Ok(())
    }

    /// Checks that the row's values, which are all there, have the width.
    pub fn check_values(&mut self) -> Result<(), Error> {
        self.check_width("values", self.values.len() - self.begin)
    }

    /// Checks that the columns, which are all there, have the width.
    pub fn check_columns(&mut self) -> Result<(), Error> {
        self.check_width("column_unix_ms", self.columns.len())
    }

    fn check_width(&mut self, what: &str, len: usize) -> Result<(), Error> {
        match *self.width.get_or_insert(len) {
            width if width == len => Ok(()),
            width => Err(Error::malformed(format!("{what} has {len} entries, where there are {width} columns"))),
        }
    }

    /// Ends the row that was begun; `row` is what it has besides its arrays of numbers.
    pub fn end_row(&mut self, mut row: MatrixRow) -> Result<(), Error> {
        if row.id.is_empty() {
            return Err(Error::malformed("a row has no bucket_id"));
        }
        self.check_values()?;
        let optional = [
            ("conflicts", row.conflicts.len()),
            ("raft_group_ids", self.groups.len()),
            ("leader_terms", self.terms.len()),
        ];
        for (what, len) in optional.into_iter().filter(|&(_, len)| len != 0) {
            self.check_width(what, len)?;
        }
        if !row.conflicts.contains(&true) {
            row.conflicts = Vec::new();
        }
        row.conflict |= !row.conflicts.is_empty();
        row.identities = self.identities();
        row.conflicts.shrink_to_fit();
        row.route_ids.shrink_to_fit();
        let hash = self.hasher.hash_one(&row.id);
        let (rows, hasher) = (&self.rows, &self.hasher);
        if self.by_id.find(hash, |&other| rows[other].id == row.id).is_some() {
            return Err(Error::malformed(format!("{} is the id of two rows", quoted(&row.id))));
        }
        self.by_id.insert_unique(hash, rows.len(), |&other| hasher.hash_one(&rows[other].id));
        self.rows.push(row);
        Ok(())
    }

    fn identities(&self) -> Identities {
        let mut identities = Identities::default();
        for j in 0..self.groups.len().max(self.terms.len()) {
            let at = |list: &[u64]| list.get(j).copied().unwrap_or_default();
            identities.set(j, Identity { leader_term: at(&self.terms), group_id: at(&self.groups) });
        }
        identities.shrink_to_fit();
        identities
    }

    /// The matrix, once everything is read.
    pub fn finish(mut self, series: Series) -> Result<Matrix, Error> {
        self.check_columns()?;
        self.values.shrink_to_fit();
        let Self { columns, rows, values, .. } = self;
        Ok(Matrix { series, columns, rows, values, generated_at_ns: 0, node: String::new(), fanout: None })
    }
}
