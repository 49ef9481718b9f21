//! Merging the matrices of a cluster's nodes, one after the other.
//!
//! A merge holds one cell per row and column that any source had, in 12 bytes: the value, and the number of what it is
//! known of it. Sources are not kept. A cell that leaders of different terms wrote (a step in which leadership moved)
//! needs more, and gets it in a side table ([`Contested`]); all others have one (group, term).
//!
//! Columns have *slots*, in the order in which they came, and are put into the order of time at the end: a source that
//! brings new columns moves nothing. Which slot a source's column goes to is in `columns.rs`, which row a source's row
//! goes to in `sources.rs`.

use super::budget::Budget;
use super::columns::Columns;
use super::error::Error;
use super::sources::Sources;
use super::{Fanout, Identities, Identity, Matrix, MatrixRow};
use crate::hash::IntMap;
use crate::label::Series;

/// How matrices are merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MergeOptions {
    /// The series that every source must be of.
    pub series: Series,
    /// Columns of different sources that are at most as far apart are one column, in ns. `None`: half of the step, which
    /// is the median distance of the columns of the first source that has two. 0: only equal timestamps are one column.
    pub column_tolerance_ns: Option<u64>,
    /// Rows of the result.
    pub budget: Budget,
    /// Nodes that were to answer; fewer than were told of (0): as many as those.
    pub expected: u64,
}

impl MergeOptions {
    /// Merges sources of this series, with every default.
    pub fn new(series: Series) -> Self {
        Self { series, column_tolerance_ns: None, budget: Budget::default(), expected: 0 }
    }
}

/// A merge under way: add sources, this node's first; then [`Merge::finish`].
///
/// - Reads and read bytes are summed. Group and term of a cell are those of the last source that counted something.
/// - Of writes and write bytes, zeros are ignored. One leader per term writes, so what sources tell of one (group, term)
///   is the same traffic: its largest value counts, and a cell is the sum over its (group, term)s. Sources that differ
///   on one are a conflict. If any source lacks group or term, the cell is the largest value of all, and a conflict if
///   two differ.
/// - Where nobody counted anything, the largest (term, group) that a source told stays.
/// - Values saturate. Conflicts that sources report stay.
/// - Label, range and all else are those of the first source with the row. Virtual buckets with one id are merged only
///   if they count reads and their ranges overlap, and unite their routes; otherwise each node's stays by itself.
pub struct Merge {
    options: MergeOptions,
    columns: Columns,
    sources: Sources,
    rows: Vec<Cells>,
    identities: Known,
    contested: IntMap<(u64, u64), Contested>,
    generated_at_ns: i64,
}

/// The cells of a row, by slot; those past the end are empty.
#[derive(Default)]
struct Cells {
    values: Vec<u64>,
    /// The number of each cell's identity, and the two bits below.
    notes: Vec<u32>,
}

/// The conflict bit of a cell's note.
const CONFLICT: u32 = 1 << 31;
/// Set if the cell is in the side table; its value then only says that it isn't zero.
const CONTESTED: u32 = 1 << 30;
/// The bits of a note that are the number of an identity; that many would not fit into memory.
const IDENTITY: u32 = CONTESTED - 1;

/// Identities by number; 0 is none.
struct Known {
    identities: Vec<Identity>,
    numbers: IntMap<Identity, u32>,
}

/// What each (group, term) of a cell counted at most, those that reached it last at the end.
#[derive(Default)]
struct Contested(Vec<(u32, u64)>);

/// Consecutive columns of a source that go to consecutive slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub column: usize,
    pub slot: usize,
    pub len: usize,
}

/// Rows x columns that a merge holds at most: some 5 GB, and a hundred nodes with a thousand rows of their own each for a
/// day of minutes. Sources that share neither rows nor columns multiply.
pub const MAX_MERGED_CELLS: u64 = 1 << 28;

impl Merge {
    /// A merge without sources.
    pub fn new(options: MergeOptions) -> Self {
        Self {
            options,
            columns: Columns::new(options.column_tolerance_ns),
            sources: Sources::default(),
            rows: Vec::new(),
            identities: Known { identities: vec![Identity::default()], numbers: IntMap::default() },
            contested: IntMap::default(),
            generated_at_ns: i64::MIN,
        }
    }

    /// Adds a source. `node` names it where the matrix doesn't. Whether it counts: a node that was added before doesn't
    /// again.
    ///
    /// # Errors
    ///
    /// Nothing changes then. `InvalidArgument`: the matrix is of another series, has a row twice, or its arrays disagree
    /// in their lengths. `TooLarge`: there would be more than [`MAX_MERGED_CELLS`].
    pub fn add(&mut self, matrix: &Matrix, node: &str) -> Result<bool, Error> {
        if matrix.series != self.options.series {
            let (is, merged) = (matrix.series.name(), self.options.series.name());
            return Err(Error::invalid_argument(format!("the matrix counts {is}, and {merged} are merged")));
        }
        matrix.check()?;
        let node = if matrix.node.is_empty() { node } else { &matrix.node };
        if !self.sources.would_count(node) {
            return Ok(false);
        }
        let mut columns = self.columns.clone();
        let stretches = columns.place(&matrix.columns);
        let new_rows = matrix.rows.iter().filter(|row| self.sources.find(row, self.sums()).is_none()).count();
        let rows = self.rows.len() + new_rows;
        if rows as u64 * columns.len() as u64 > MAX_MERGED_CELLS {
            let message = format!("{rows} rows x {} columns are more than {MAX_MERGED_CELLS} cells", columns.len());
            return Err(Error::too_large(message));
        }
        let Some(source) = self.sources.answered(node) else { return Ok(false) };
        self.columns = columns;
        self.generated_at_ns = self.generated_at_ns.max(matrix.generated_at_ns);
        for (i, row) in matrix.rows.iter().enumerate() {
            let target = self.sources.place(row, source, self.sums());
            if target == self.rows.len() {
                self.rows.push(Cells::default());
            }
            self.add_row(target, row, matrix.row_values(i), &stretches);
        }
        Ok(true)
    }

    /// Adds a node that gave no matrix, and why. One that is already in stays so.
    pub fn add_failure(&mut self, node: &str, error: &str) {
        self.sources.failed(node, error);
    }

    fn sums(&self) -> bool {
        matches!(self.options.series, Series::Reads | Series::ReadBytes)
    }

    fn add_row(&mut self, target: usize, row: &MatrixRow, values: &[u64], stretches: &[Stretch]) {
        self.rows[target].grow(self.columns.len());
        let runs = row.identities.runs().collect::<Vec<_>>();
        for &Stretch { column, slot, len } in stretches {
            let mut at = column;
            let mut run = runs.partition_point(|(columns, _)| columns.end <= column);
            while at < column + len {
                let (end, identity) = match runs.get(run) {
                    Some((columns, identity)) => (columns.end.min(column + len), *identity),
                    None => (column + len, Identity::default()),
                };
                let (identity, to) = (self.identities.number(identity), slot + at - column);
                match self.sums() {
                    true => self.add_sums(target, to, &values[at..end], identity),
                    false => self.add_writes(target, to, &values[at..end], identity),
                }
                (at, run) = (end, run + 1);
            }
            if !row.conflicts.is_empty() {
                let notes = &mut self.rows[target].notes[slot..slot + len];
                let conflicts = notes.iter_mut().zip(&row.conflicts[column..column + len]);
                conflicts.filter(|(_, &conflict)| conflict).for_each(|(note, _)| *note |= CONFLICT);
            }
        }
    }

    fn add_sums(&mut self, target: usize, slot: usize, values: &[u64], identity: u32) {
        for (cell, note, value) in self.rows[target].cells(slot, values) {
            if value != 0 {
                *note = *note & CONFLICT | identity;
                *cell = cell.saturating_add(value);
            } else if *cell == 0 && *note & IDENTITY != identity {
                *note = *note & CONFLICT | self.identities.larger(*note & IDENTITY, identity);
            }
        }
    }

    fn add_writes(&mut self, target: usize, slot: usize, values: &[u64], identity: u32) {
        for (i, (cell, note, value)) in self.rows[target].cells(slot, values).enumerate() {
            let known = *note & !CONFLICT;
            if value == 0 {
                if *cell == 0 && known != identity {
                    *note = *note & CONFLICT | self.identities.larger(known, identity);
                }
            } else if *cell == 0 {
                *note = *note & CONFLICT | identity;
                *cell = value;
            } else if known == identity {
                if *cell != value {
                    *note |= CONFLICT;
                    *cell = value.max(*cell);
                }
            } else {
                let contested = self.contested.entry((target as u64, (slot + i) as u64)).or_default();
                if known & CONTESTED == 0 {
                    contested.0.push((known, *cell));
                    *note |= CONTESTED;
                }
                if contested.add(identity, value) {
                    *note |= CONFLICT;
                }
            }
        }
    }

    /// The merged matrix, its rows within the budget. The column of several is where the first source that had it put
    /// it; the matrix is as old as its newest source. It has the name of a node only if that one is the only source.
    pub fn finish(mut self) -> Matrix {
        let order = self.columns.by_time();
        let columns: Vec<i64> = order.iter().map(|&slot| self.columns.at_ms(slot)).collect();
        let (mut rows, node, nodes) = self.sources.finish();
        let mut values = vec![0; rows.len() * columns.len()];
        for (i, (row, cells)) in rows.iter_mut().zip(std::mem::take(&mut self.rows)).enumerate() {
            let mut identities = Identities::default();
            let mut conflicts = vec![false; columns.len()];
            for (j, &slot) in order.iter().enumerate() {
                let Some(&note) = cells.notes.get(slot) else { continue };
                let mut cell = (cells.values[slot], self.identities.get(note & IDENTITY), note & CONFLICT != 0);
                if note & CONTESTED != 0 {
                    if let Some(contested) = self.contested.get(&(i as u64, slot as u64)) {
                        cell = contested.settle(&self.identities, cell.2);
                    }
                }
                values[i * columns.len() + j] = cell.0;
                identities.set(j, cell.1);
                conflicts[j] = cell.2;
            }
            let any = conflicts.contains(&true);
            row.conflict |= any;
            row.conflicts = if any { conflicts } else { Vec::new() };
            row.identities = identities;
        }
        let expected = self.options.expected.max(nodes.len() as u64);
        let merged = Matrix {
            series: self.options.series,
            columns,
            rows,
            values,
            generated_at_ns: if self.generated_at_ns == i64::MIN { 0 } else { self.generated_at_ns },
            node,
            fanout: Some(Fanout { nodes, expected }),
        };
        self.options.budget.apply(merged)
    }
}

impl Cells {
    /// Makes room for so many slots. By an eighth at least, once there are some: sources whose columns come one by one
    /// cost no more than those whose columns come at once, and little is left over.
    fn grow(&mut self, slots: usize) {
        let more = slots.saturating_sub(self.values.len());
        if self.values.capacity() < slots {
            let room = more.max(self.values.len() / 8);
            self.values.reserve_exact(room);
            self.notes.reserve_exact(room);
        }
        self.values.resize(slots.max(self.values.len()), 0);
        self.notes.resize(self.values.len(), 0);
    }

    /// Each cell from `slot` on, its note, and the value that comes to it.
    #[inline(always)]
    fn cells<'a>(&'a mut self, slot: usize, values: &'a [u64]) -> impl Iterator<Item = (&'a mut u64, &'a mut u32, u64)> {
        let cells = &mut self.values[slot..slot + values.len()];
        let notes = &mut self.notes[slot..slot + values.len()];
        cells.iter_mut().zip(notes).zip(values).map(|((cell, note), &value)| (cell, note, value))
    }
}

impl Known {
    fn number(&mut self, identity: Identity) -> u32 {
        if identity == Identity::default() {
            return 0;
        }
        *self.numbers.entry(identity).or_insert_with(|| {
            self.identities.push(identity);
            self.identities.len() as u32 - 1
        })
    }

    fn get(&self, number: u32) -> Identity {
        self.identities[number as usize]
    }

    fn larger(&self, a: u32, b: u32) -> u32 {
        if self.get(a) < self.get(b) {
            b
        } else {
            a
        }
    }
}

impl Contested {
    /// Adds what a source counted; whether it differs from what another one counted for the same (group, term).
    fn add(&mut self, identity: u32, value: u64) -> bool {
        let Some(at) = self.0.iter().position(|&(known, _)| known == identity) else {
            self.0.push((identity, value));
            return false;
        };
        let most = self.0[at].1;
        if value >= most {
            self.0.remove(at);
            self.0.push((identity, value));
        }
        value != most
    }

    /// The cell: its value, its identity, whether it is a conflict.
    fn settle(&self, known: &Known, conflict: bool) -> (u64, Identity, bool) {
        let cells = self.0.iter().map(|&(identity, value)| (value, known.get(identity)));
        if cells.clone().all(|(_, identity)| identity.is_known()) {
            let sum = cells.clone().fold(0u64, |sum, (value, _)| sum.saturating_add(value));
            let (_, identity) = cells.max().unwrap_or_default();
            return (sum, identity, conflict);
        }
        // The last one of the largest.
        let (value, identity) = cells.clone().max_by_key(|&(value, _)| value).unwrap_or_default();
        (value, identity, conflict || cells.into_iter().any(|(other, _)| other != value))
    }
}
