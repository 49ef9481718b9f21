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
//! rows     one after the other
//! ```
//!
//! A row is a byte of flags, what it can't take over from the row before, and its counters that aren't zero:
//!
//! ```text
//! byte     nonzero counters (4 bits, reads lowest) | label << 4 | same description as the row before << 7
//! zigzag   dictionary index - (row before + 1)     unless the same
//! zigzag   part - part of the row before (or 0)    if the route is sub-divided
//! varint   each nonzero counter
//! ```
//!
//! Rows come in key order and so does the dictionary, mostly: a busy row takes 5 to 12 bytes.

use super::varint::{put, put_signed, take, take_signed};
use crate::column::{ColumnInfo, ColumnRows, Counters, RowView};
use crate::hash::IntMap;
use crate::label::Label;
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
        let encoded = self.encode(metas, rows);
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

    fn encode(&mut self, metas: &[Arc<RouteMeta>], rows: &[DrainedRow]) -> Vec<u8> {
        let entries: Vec<u32> = metas.iter().map(|meta| self.entry(meta)).collect();
        let mut bytes = Vec::with_capacity(rows.len() * 8);
        let mut before = Before::default();
        for row in rows {
            let entry = entries[row.meta as usize];
            let same = before.entry == Some(entry);
            let counters = row.counters.to_array();
            let nonzero = (0..4).fold(0, |mask, i| mask | u8::from(counters[i] != 0) << i);
            bytes.push(nonzero | (row.label.index() as u8) << 4 | u8::from(same) << 7);
            if !same {
                put_signed(&mut bytes, i64::from(entry) - before.next_entry());
                before = Before { entry: Some(entry), part: 0 };
            }
            if metas[row.meta as usize].parts() > 1 {
                put_signed(&mut bytes, i64::from(row.part) - before.part);
                before.part = row.part.into();
            }
            counters.into_iter().filter(|&counter| counter != 0).for_each(|counter| put(&mut bytes, counter));
        }
        bytes
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

/// What a row is relative to.
#[derive(Default)]
struct Before {
    entry: Option<u32>,
    part: i64,
}

impl Before {
    fn next_entry(&self) -> i64 {
        self.entry.map_or(0, |entry| i64::from(entry) + 1)
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
    pub(super) fn decode(&self, mut visit: impl FnMut(&Arc<RouteMeta>, DrainedRow)) -> Option<()> {
        let mut bytes = &self.block.bytes[self.offset..self.offset + self.len];
        let mut before = Before::default();
        for _ in 0..self.rows {
            let (&flags, rest) = bytes.split_first()?;
            bytes = rest;
            if flags & 0x80 == 0 {
                let entry = before.next_entry().checked_add(take_signed(&mut bytes)?)?;
                before = Before { entry: Some(u32::try_from(entry).ok()?), part: 0 };
            }
            let entry = before.entry?;
            let meta = self.block.dictionary.get(entry as usize)?;
            let parts = meta.parts();
            if parts > 1 {
                before.part = before.part.checked_add(take_signed(&mut bytes)?)?;
            }
            let part = u32::try_from(before.part).ok().filter(|&part| part < parts)?;
            let label = Label::from_index(u32::from(flags >> 4 & 7))?;
            let mut counters = [0; 4];
            for (i, counter) in counters.iter_mut().enumerate() {
                if flags & 1 << i != 0 {
                    *counter = take(&mut bytes)?;
                }
            }
            let counters = Counters::from_array(counters);
            visit(meta, DrainedRow { meta: entry, part: part as u16, label, counters });
        }
        bytes.is_empty().then_some(())
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
}
