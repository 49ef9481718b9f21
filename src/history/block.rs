//! A block: some consecutive columns, encoded.
//!
//! What rows share (the descriptions of routes) stands once in the block's dictionary; the columns are one byte string.
//! A column:
//!
//! ```text
//! varint   rows * 4 + folded * 2 + irregular
//! zigzag   at - (previous column's at + step)
//! varint   flushes in it, less 2         if folded: a coarser column, the sum of several
//! zigzag   at - window_start             if irregular: the window does not begin at the previous column's at
//! varint   length of the rows
//! rows     see `rows.rs`
//! ```

use super::rows::{encode, SeriesValue, Streams};
use super::varint::{put, put_signed, take, take_signed};
use crate::column::{ColumnInfo, ColumnRows, Counters, RowView};
use crate::hash::IntMap;
use crate::label::Series;
use crate::meta::{heap_bytes, PartBounds, RouteMeta};
use crate::registry::DrainedRow;
use std::sync::Arc;

/// Consecutive columns; see the head.
#[derive(Clone, Default)]
pub(super) struct Block {
    pub dictionary: Vec<Arc<RouteMeta>>,
    pub bytes: Vec<u8>,
    pub columns: u32,
    pub begin: Cursor,
    end: Cursor,
    /// Dictionary index by address; empty once the block is sealed.
    index: IntMap<usize, u32>,
}

/// Where the next column stands, and what it is relative to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cursor {
    pub offset: usize,
    pub at_ns: i64,
    /// Sequence number of the next column's first flush.
    pub sequence: u64,
    pub step_ns: i64,
}

/// A stored column. What it reads never changes, whatever the history does later.
#[derive(Clone)]
pub struct StoredColumn {
    pub(super) block: Arc<Block>,
    info: ColumnInfo,
    rows: u32,
    flushes: u64,
    offset: usize,
    len: usize,
}

impl Block {
    /// A block whose first column follows `begin`.
    pub fn new(begin: Cursor) -> Self {
        let begin = Cursor { offset: 0, ..begin };
        Self { begin, end: begin, ..Self::default() }
    }

    /// A block of columns that were encoded before.
    pub fn sealed(begin: Cursor, columns: u32, dictionary: Vec<Arc<RouteMeta>>, bytes: Vec<u8>) -> Self {
        Self { dictionary, bytes, columns, begin, end: begin, index: IntMap::default() }
    }

    /// Tells a block that was encoded before where it ends.
    pub fn end_at(&mut self, end: Cursor) {
        self.end = end;
    }

    /// Where the next column would go.
    pub fn end(&self) -> Cursor {
        self.end
    }

    /// Appends a column, the sum of `flushes` flushes.
    pub fn push(&mut self, info: ColumnInfo, flushes: u64, metas: &[Arc<RouteMeta>], rows: &[DrainedRow]) {
        let irregular = info.window_start_ns != self.end.at_ns;
        let folded = flushes > 1;
        put(&mut self.bytes, rows.len() as u64 * 4 + u64::from(folded) * 2 + u64::from(irregular));
        let expected = self.end.at_ns.wrapping_add(self.end.step_ns);
        put_signed(&mut self.bytes, info.at_ns.wrapping_sub(expected));
        if folded {
            put(&mut self.bytes, flushes - 2);
        }
        if irregular {
            put_signed(&mut self.bytes, info.at_ns.wrapping_sub(info.window_start_ns));
        }
        let entries: Vec<u32> = metas.iter().map(|meta| self.entry(meta)).collect();
        let encoded = encode(metas, &entries, rows);
        // Growing by a quarter: doubling would leave half of a small history idle.
        let more = encoded.len() + 16;
        if self.bytes.capacity() - self.bytes.len() < more {
            self.bytes.reserve_exact(more.max(self.bytes.len() / 4));
        }
        put(&mut self.bytes, encoded.len() as u64);
        self.bytes.extend_from_slice(&encoded);
        self.columns += 1;
        self.end =
            Cursor { offset: self.bytes.len(), at_ns: info.at_ns, sequence: info.sequence + 1, ..self.end };
    }

    fn entry(&mut self, meta: &Arc<RouteMeta>) -> u32 {
        *self.index.entry(Arc::as_ptr(meta) as usize).or_insert_with(|| {
            self.dictionary.push(meta.clone());
            (self.dictionary.len() - 1) as u32
        })
    }

    /// No column follows: gives back the room that was kept for more.
    pub fn seal(&mut self) {
        self.index = IntMap::default();
        self.bytes.shrink_to_fit();
        self.dictionary.shrink_to_fit();
    }

    /// Reads the header of the column at `cursor`, and moves on to the next.
    pub fn column(self: &Arc<Self>, cursor: &mut Cursor) -> Option<StoredColumn> {
        let mut rest = self.bytes.get(cursor.offset..)?;
        let head = take(&mut rest)?;
        let rows = u32::try_from(head >> 2).ok()?;
        let at_ns = cursor.at_ns.wrapping_add(cursor.step_ns).wrapping_add(take_signed(&mut rest)?);
        let flushes = if head & 2 != 0 { take(&mut rest)?.checked_add(2)? } else { 1 };
        let window_start_ns =
            if head & 1 != 0 { at_ns.wrapping_sub(take_signed(&mut rest)?) } else { cursor.at_ns };
        let len = usize::try_from(take(&mut rest)?).ok().filter(|&len| len <= rest.len())?;
        let offset = self.bytes.len() - rest.len();
        let sequence = cursor.sequence.checked_add(flushes - 1)?;
        let next = sequence.checked_add(1)?;
        *cursor = Cursor { offset: offset + len, at_ns, sequence: next, ..*cursor };
        let info = ColumnInfo { sequence, window_start_ns, at_ns };
        Some(StoredColumn { block: self.clone(), info, rows, flushes, offset, len })
    }

    /// Bytes of memory behind the block, its dictionary's entries left out.
    pub fn bytes(&self) -> usize {
        heap_bytes(size_of::<Self>() + 16)
            + heap_bytes(self.bytes.capacity())
            + heap_bytes(self.dictionary.capacity() * 8)
            + heap_bytes(self.index.capacity() * 17 * 8 / 7)
    }
}

impl StoredColumn {
    /// The number of rows.
    pub fn len(&self) -> usize {
        self.rows as usize
    }

    /// Whether the column has no rows.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// How many flushes it holds: 1, or more for a coarser column.
    pub fn flushes(&self) -> u64 {
        self.flushes
    }

    /// Decodes the rows. `None`: they don't decode, which only an image from outside can cause.
    pub(super) fn decode(&self, visit: impl FnMut(&Arc<RouteMeta>, DrainedRow)) -> Option<()> {
        self.streams()?.decode(&self.block.dictionary, visit)
    }

    fn streams(&self) -> Option<Streams<'_>> {
        let bytes = &self.block.bytes[self.offset..self.offset + self.len];
        Streams::find(self.rows, bytes, &self.block.dictionary)
    }

    /// What the rows of the column's block refer to.
    pub(crate) fn descriptions(&self) -> &[Arc<RouteMeta>] {
        &self.block.dictionary
    }

    /// Whether the two columns share their descriptions.
    pub(crate) fn same_block(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.block, &other.block)
    }

    /// Visits one series of the rows, in order, those in which it is 0 too. `divided` tells of each of the block's
    /// descriptions whether it is of a sub-divided route.
    #[inline(always)]
    pub(crate) fn for_each_value(&self, series: Series, divided: &[bool], visit: impl FnMut(SeriesValue)) {
        let decoded = self.streams().and_then(|streams| streams.decode_series(series, divided, visit));
        debug_assert!(decoded.is_some(), "a stored column decodes");
    }

    /// Visits the rows in order: the index of its description, the label's number, the part, and what was counted.
    /// `divided` as in [`StoredColumn::for_each_value`].
    #[inline(always)]
    pub(crate) fn for_each_counters(&self, divided: &[bool], visit: impl FnMut(u32, u8, u32, Counters)) {
        let decoded = self.streams().and_then(|streams| streams.decode_counters(divided, visit));
        debug_assert!(decoded.is_some(), "a stored column decodes");
    }
}

impl ColumnRows for StoredColumn {
    fn info(&self) -> ColumnInfo {
        self.info
    }

    fn for_each_row(&self, visit: &mut dyn FnMut(&RowView<'_>)) {
        let mut bounds = PartBounds::default();
        let decoded = self.decode(|meta, row| visit(&meta.view(row.label, row.part.into(), row.counters, &mut bounds)));
        debug_assert!(decoded.is_some(), "a stored column decodes");
    }

    fn as_stored(&self) -> Option<&StoredColumn> {
        Some(self)
    }
}
