//! The pivot: columns to a matrix.
//!
//! Columns are read oldest first, so what is first told of a row is what the oldest column with it tells. A row gets a
//! number when it first comes, and its cells go straight to their place in the matrix; which rows there are is known at
//! the end only, and then the rows are put in order, most often a look that they are.
//!
//! If there turn out to be more rows than the budget, the columns are read twice more: once for the totals, which say
//! what becomes of each row, and once for the values. So memory is that of the result, and never that of all rows.
//!
//! Columns of a history aren't taken apart row by row: the rows of a block refer to its descriptions by number, so a table
//! per block gives a cell's row without hashing.

use super::budget::{merge_descriptions, Budget};
use super::{Identity, Matrix, MatrixRow, RowId};
use crate::column::{ColumnRows, Counters, RowView};
use crate::hash::{IntHasher, IntMap};
use crate::history::StoredColumn;
use crate::label::{Label, Series};
use crate::meta::PartBounds;
use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::time::{SystemTime, UNIX_EPOCH};

impl Matrix {
    /// The matrix of one series of some columns, made now. They may come from anywhere and in any order: they are read
    /// in the order of `at_ns`. A row that a column holds twice counts with the sum, which saturates.
    pub fn from_columns(columns: &[&dyn ColumnRows], series: Series, budget: Budget) -> Matrix {
        let mut columns: Vec<_> = columns.iter().map(|&column| (column.info().at_ns, column)).collect();
        columns.sort_by_key(|&(at_ns, _)| at_ns);
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut pivot = Pivot { columns, series, rows: Rows::default() };
        let (rows, values) = pivot.within(budget.rows()).unwrap_or_else(|| pivot.over(budget));
        let mut matrix = Matrix {
            series,
            columns: pivot.columns.iter().map(|(at_ns, _)| at_ns.div_euclid(1_000_000)).collect(),
            rows,
            values,
            generated_at_ns: i64::try_from(since_1970.as_nanos()).unwrap_or(i64::MAX),
            node: String::new(),
            fanout: None,
        };
        matrix.sort_rows();
        matrix
    }
}

struct Pivot<'a> {
    columns: Vec<(i64, &'a dyn ColumnRows)>,
    series: Series,
    rows: Rows,
}

impl Pivot<'_> {
    /// The rows and values of the matrix, if there are no more rows than that.
    fn within(&mut self, most: usize) -> Option<(Vec<MatrixRow>, Vec<u64>)> {
        let mut cells = Cells::new((0..most as u32).collect(), vec![false; most], self.columns.len());
        self.scan(&mut cells);
        if cells.stopped {
            return None;
        }
        let mut rows = std::mem::take(&mut self.rows.described);
        let values = cells.finish(&mut rows, &self.rows.identities);
        Some((rows, values))
    }

    /// The rows and values of the matrix, where there are more rows than the budget has room for.
    fn over(&mut self, budget: Budget) -> (Vec<MatrixRow>, Vec<u64>) {
        let mut totals = Totals(Vec::new());
        self.scan(&mut totals);
        let Totals(totals) = totals;
        let described = &self.rows.described;
        let mut order: Vec<u32> = (0..described.len() as u32).collect();
        let key = |row: u32| (&described[row as usize].start, &described[row as usize].id);
        order.sort_unstable_by(|&a, &b| key(a).cmp(&key(b)));
        let in_order: Vec<u128> = order.iter().map(|&row| totals[row as usize]).collect();
        let groups = budget.plan(&in_order, |i| &described[order[i] as usize].id);

        let mut places = vec![Cells::NONE; described.len()];
        let mut merged = Vec::with_capacity(groups.len());
        let mut rows = Vec::with_capacity(groups.len());
        for group in groups {
            let group = &order[group];
            group.iter().for_each(|&row| places[row as usize] = rows.len() as u32);
            merged.push(group.len() > 1);
            let parts: Vec<MatrixRow> = group.iter().map(|&row| described[row as usize].clone()).collect();
            rows.push(match <[MatrixRow; 1]>::try_from(parts) {
                Ok([row]) => row,
                Err(parts) => merge_descriptions(&parts),
            });
        }
        let mut cells = Cells::new(places, merged, self.columns.len());
        self.scan(&mut cells);
        let values = cells.finish(&mut rows, &self.rows.identities);
        (rows, values)
    }

    fn scan(&mut self, sink: &mut impl Sink) {
        let mut table: Option<(&StoredColumn, Table)> = None;
        for (j, &(_, column)) in self.columns.iter().enumerate() {
            sink.begin(j as u32);
            if let Some(stored) = column.as_stored() {
                let table = match &mut table {
                    Some((of, table)) if of.same_block(stored) => table,
                    other => &mut other.insert((stored, Table::new(stored))).1,
                };
                table.scan(stored, self.series, &mut self.rows, sink);
            } else {
                column.for_each_row(&mut |row| {
                    let identity = self.rows.identity(row);
                    let place = sink.place(self.rows.number(row));
                    sink.cell(place, identity, row.counters.get(self.series));
                });
            }
            if sink.stopped() {
                return;
            }
        }
    }
}

/// The rows met so far, by number.
#[derive(Default)]
struct Rows {
    numbers: HashMap<RowKey, u32, BuildHasherDefault<IntHasher>>,
    described: Vec<MatrixRow>,
    /// By number; 0 is none.
    identities: Vec<Identity>,
    identity_numbers: IntMap<Identity, u32>,
}

/// What tells rows apart: they have equal keys if and only if they have equal ids.
#[derive(PartialEq, Eq, Hash)]
struct RowKey {
    route_id: u64,
    /// Label and sub-bucket; nothing that a virtual bucket is told apart by.
    slot: u64,
}

impl RowKey {
    fn new(row: &RowView<'_>) -> Self {
        let part = if row.sub_bucket_count > 1 { u64::from(row.sub_bucket) + 1 } else { 0 };
        let slot = if row.aggregate { u64::MAX } else { part << 8 | row.label.index() as u64 };
        Self { route_id: row.route_id, slot }
    }
}

impl Rows {
    fn number(&mut self, row: &RowView<'_>) -> u32 {
        *self.numbers.entry(RowKey::new(row)).or_insert_with(|| {
            self.described.push(describe(row));
            self.described.len() as u32 - 1
        })
    }

    fn identity(&mut self, row: &RowView<'_>) -> u32 {
        if self.identities.is_empty() {
            self.identities.push(Identity::default());
        }
        let identity = Identity { leader_term: row.leader_term, group_id: row.group_id };
        if identity == Identity::default() {
            return 0;
        }
        *self.identity_numbers.entry(identity).or_insert_with(|| {
            self.identities.push(identity);
            self.identities.len() as u32 - 1
        })
    }
}

fn describe(row: &RowView<'_>) -> MatrixRow {
    let (id, label) = (row.route_id, row.label.name());
    let listed = row.member_routes.len() as u64;
    let several = MatrixRow { start: row.start.into(), end: row.end.into(), ..MatrixRow::default() };
    if row.aggregate {
        return MatrixRow {
            id: RowId::Virtual { id, node: "" }.to_string(),
            aggregate: true,
            route_ids: row.member_routes.into(),
            route_ids_truncated: row.member_routes_total > listed,
            route_count: if row.member_routes_total == 0 { listed } else { row.member_routes_total },
            ..several
        };
    }
    let sub_bucket = (row.sub_bucket_count > 1).then_some(row.sub_bucket);
    MatrixRow {
        id: RowId::Route { id, label, sub_bucket }.to_string(),
        label: label.into(),
        route_count: 1,
        ..several
    }
}

/// The rows of a block by what its columns call them.
struct Table {
    divided: Vec<bool>,
    /// One more than where the slots of a description's label begin, by `entry * LABELS + label`; 0: it did not occur.
    begins: Vec<u32>,
    /// The parts of each label of each description that occurred.
    slots: Vec<Slot>,
}

#[derive(Clone, Copy)]
struct Slot {
    /// What the sink calls the row; [`Slot::UNKNOWN`]: it did not occur.
    place: u32,
    identity: u32,
}

impl Slot {
    const UNKNOWN: u32 = u32::MAX;
}

/// Numbers that a label can have in a stored column.
const LABELS: usize = 8;

impl Table {
    fn new(column: &StoredColumn) -> Self {
        let descriptions = column.descriptions();
        let divided = descriptions.iter().map(|meta| meta.parts() > 1).collect();
        Self { divided, begins: vec![0; descriptions.len() * LABELS], slots: Vec::new() }
    }

    #[inline(always)]
    fn scan(&mut self, column: &StoredColumn, series: Series, rows: &mut Rows, sink: &mut impl Sink) {
        let Self { divided, begins, slots } = self;
        column.for_each_value(series, divided, |cell| {
            let begin = &mut begins[cell.entry as usize * LABELS + usize::from(cell.label)];
            if *begin == 0 {
                let parts = column.descriptions()[cell.entry as usize].parts() as usize;
                *begin = slots.len() as u32 + 1;
                slots.resize(slots.len() + parts, Slot { place: Slot::UNKNOWN, identity: 0 });
            }
            let slot = &mut slots[(*begin - 1 + cell.part) as usize];
            if slot.place == Slot::UNKNOWN {
                let (row, identity) = find(column, cell.entry, cell.label, cell.part, rows);
                *slot = Slot { place: sink.place(row), identity };
            }
            sink.cell(slot.place, slot.identity, cell.value);
        });
    }
}

/// The numbers of a row and of its identity.
#[cold]
fn find(column: &StoredColumn, entry: u32, label: u8, part: u32, rows: &mut Rows) -> (u32, u32) {
    let mut bounds = PartBounds::default();
    let label = Label::from_index(label.into()).unwrap_or(Label::Legacy);
    let row = column.descriptions()[entry as usize].view(label, part, Counters::default(), &mut bounds);
    (rows.number(&row), rows.identity(&row))
}

/// What becomes of the cells.
trait Sink {
    /// Cells of this column follow; columns come in ascending order.
    fn begin(&mut self, column: u32);
    /// What cells of the row with this number are given with.
    fn place(&mut self, row: u32) -> u32;
    /// A cell of the column: its row's place, the number of its identity, its value.
    fn cell(&mut self, place: u32, identity: u32, value: u64);
    /// Whether no more columns are wanted.
    fn stopped(&self) -> bool;
}

/// The sum of each row.
struct Totals(Vec<u128>);

impl Sink for Totals {
    fn begin(&mut self, _: u32) {}

    fn place(&mut self, row: u32) -> u32 {
        self.0.resize(self.0.len().max(row as usize + 1), 0);
        row
    }

    #[inline(always)]
    fn cell(&mut self, place: u32, _: u32, value: u64) {
        self.0[place as usize] += u128::from(value);
    }

    fn stopped(&self) -> bool {
        false
    }
}

/// Puts each cell to its place.
struct Cells {
    /// Which row of the matrix each row goes to, by number.
    places: Vec<u32>,
    columns: usize,
    column: u32,
    values: Vec<u64>,
    /// The newest run of each row of the matrix.
    runs: Vec<Run>,
    /// The runs before it.
    ended: Vec<Vec<Run>>,
    /// A row came that has no entry in `places`.
    stopped: bool,
}

/// Consecutive columns in which a row of the matrix has one identity.
#[derive(Clone, Copy)]
struct Run {
    identity: u32,
    begin: u32,
    /// One past the newest column in which the row occurs.
    end: u32,
    /// Whether several rows are merged into this one.
    merged: bool,
}

/// Values that there is room for before it is known how many rows there are: 64 MiB of address space.
const FIRST_VALUES: usize = 8 << 20;

impl Cells {
    /// The place of a row that is dropped.
    const NONE: u32 = u32::MAX - 1;

    /// `merged` tells of each row of the matrix whether several go into it.
    fn new(places: Vec<u32>, merged: Vec<bool>, columns: usize) -> Self {
        Self {
            places,
            columns,
            column: 0,
            // Zeroed by the system, where and when it is touched.
            values: vec![0; merged.len().min(FIRST_VALUES / columns.max(1)) * columns],
            ended: vec![Vec::new(); merged.len()],
            runs: merged.into_iter().map(|merged| Run { identity: 0, begin: 0, end: 0, merged }).collect(),
            stopped: false,
        }
    }

    /// Makes room for the values of a row, and of as many more as there are.
    #[cold]
    fn grow(&mut self, place: usize) {
        let rows = (place + 1).max(self.values.len() / self.columns * 2).min(self.runs.len());
        self.values.resize(rows * self.columns, 0);
    }

    /// The values of the rows; tells each its identities.
    fn finish(mut self, rows: &mut [MatrixRow], known: &[Identity]) -> Vec<u64> {
        for ((row, ended), newest) in rows.iter_mut().zip(&self.ended).zip(&self.runs) {
            for run in ended.iter().chain([newest]).filter(|run| run.identity != 0) {
                row.identities.set_run(run.begin as usize..run.end as usize, known[run.identity as usize]);
            }
        }
        self.values.resize(rows.len() * self.columns, 0);
        self.values.shrink_to_fit();
        self.values
    }
}

impl Sink for Cells {
    fn begin(&mut self, column: u32) {
        self.column = column;
    }

    fn place(&mut self, row: u32) -> u32 {
        let place = self.places.get(row as usize).copied();
        self.stopped |= place.is_none();
        place.unwrap_or(Self::NONE)
    }

    #[inline(always)]
    fn cell(&mut self, place: u32, identity: u32, value: u64) {
        let column = self.column;
        if place == Self::NONE {
            return;
        }
        let at = place as usize * self.columns + column as usize;
        if at >= self.values.len() {
            self.grow(place as usize);
        }
        let (run, cell) = (&mut self.runs[place as usize], &mut self.values[at]);
        if run.end == column + 1 || run.merged {
            if run.merged && value == 0 {
                return;
            }
            *cell = cell.saturating_add(value);
        } else {
            // Not read before: a page that is only written is fetched once.
            *cell = value;
        }
        if run.identity == identity && run.end == column {
            run.end += 1;
        } else {
            turn(run, &mut self.ended[place as usize], column, identity);
        }
    }

    fn stopped(&self) -> bool {
        self.stopped
    }
}

/// A cell that doesn't go on with the newest run.
#[inline(never)]
fn turn(run: &mut Run, ended: &mut Vec<Run>, column: u32, identity: u32) {
    let again = run.end == column + 1;
    if again && run.identity == identity {
        return;
    }
    // Two rows in one cell that disagree: it has no identity.
    let identity = if again { 0 } else { identity };
    run.end -= u32::from(again);
    if run.identity != 0 && run.begin < run.end {
        ended.push(*run);
    }
    *run = Run { identity, begin: column, end: column + 1, merged: run.merged };
}
