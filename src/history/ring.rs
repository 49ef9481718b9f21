//! A ring of columns in blocks: the newest at the back, the oldest go first.

use super::block::{Block, Cursor, StoredColumn};
use crate::column::{ColumnInfo, ColumnRows};
use crate::meta::RouteMeta;
use crate::registry::DrainedRow;
use std::collections::VecDeque;
use std::sync::Arc;

/// Bytes at which a block is sealed.
const BLOCK_BYTES: usize = 1 << 20;

/// Columns in a block at most: an old block goes as a whole.
const BLOCK_COLUMNS: u32 = 64;

/// A ring of columns.
pub(super) struct Ring {
    /// The last one is open, if `open`; all others are sealed.
    blocks: VecDeque<Arc<Block>>,
    open: bool,
    /// Where the oldest column stands in the first block.
    front: Cursor,
    len: usize,
    step_ns: i64,
}

impl Ring {
    pub fn new(step_ns: i64) -> Self {
        Self { blocks: VecDeque::new(), open: false, front: Cursor::default(), len: 0, step_ns }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    /// The width of a column, in ns.
    pub fn step_ns(&self) -> i64 {
        self.step_ns
    }

    pub fn push(&mut self, info: ColumnInfo, flushes: u64, metas: &[Arc<RouteMeta>], rows: &[DrainedRow]) {
        let full = |block: &Arc<Block>| block.bytes.len() >= BLOCK_BYTES || block.columns >= BLOCK_COLUMNS;
        // Sequence numbers run on within a block; a gap (columns that were only drained) begins a new one.
        let first_flush = (info.sequence + 1).saturating_sub(flushes);
        let follows = |block: &Arc<Block>| block.end().sequence == first_flush;
        if !self.open || !self.blocks.back().is_some_and(|block| !full(block) && follows(block)) {
            let before = self.blocks.back().map_or(info.window_start_ns, |block| block.end().at_ns);
            let begin = Cursor { offset: 0, at_ns: before, sequence: first_flush, step_ns: self.step_ns };
            self.seal();
            self.append(Block::new(begin));
            self.open = true;
        }
        if let Some(open) = self.blocks.back_mut() {
            // A reader that still holds the open block keeps its own copy of it.
            Arc::make_mut(open).push(info, flushes, metas, rows);
            self.len += 1;
        }
    }

    /// Seals the open block.
    fn seal(&mut self) {
        if std::mem::take(&mut self.open) {
            if let Some(open) = self.blocks.back_mut() {
                Arc::make_mut(open).seal();
            }
        }
    }

    fn append(&mut self, block: Block) {
        if self.blocks.is_empty() {
            self.front = block.begin;
        }
        self.blocks.push_back(Arc::new(block));
    }

    /// Adds a sealed block of columns that were checked.
    pub fn append_block(&mut self, block: Block) {
        self.seal();
        self.len += block.columns as usize;
        self.append(block);
    }

    /// Drops the oldest column.
    pub fn pop(&mut self) {
        let Some(block) = self.blocks.front() else { return };
        if block.column(&mut self.front).is_none() {
            return;
        }
        self.len -= 1;
        if self.front.offset == block.bytes.len() {
            self.blocks.pop_front();
            self.open &= !self.blocks.is_empty();
            self.front = self.blocks.front().map_or(self.front, |block| block.begin);
        }
    }

    /// The columns, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = StoredColumn> + '_ {
        self.blocks.iter().enumerate().flat_map(move |(i, block)| columns(block, self.begin_of(i)))
    }

    fn begin_of(&self, block: usize) -> Cursor {
        if block == 0 {
            self.front
        } else {
            self.blocks[block].begin
        }
    }

    /// The column that holds the flush of this number.
    pub fn find(&self, sequence: u64) -> Option<StoredColumn> {
        let after = self.blocks.partition_point(|block| block.begin.sequence <= sequence);
        let i = after.checked_sub(1)?;
        let found = columns(&self.blocks[i], self.begin_of(i)).find(|column| column.info().sequence >= sequence)?;
        (found.info().sequence - sequence < found.flushes()).then_some(found)
    }

    /// The blocks, and where the first live column of each begins.
    pub fn blocks(&self) -> impl Iterator<Item = (&Arc<Block>, Cursor)> {
        self.blocks.iter().enumerate().map(|(i, block)| (block, self.begin_of(i)))
    }

    pub fn bytes(&self) -> usize {
        self.blocks.iter().map(|block| block.bytes()).sum::<usize>() + self.blocks.capacity() * 8
    }
}

/// The columns of a block from `cursor` on.
pub(super) fn columns(block: &Arc<Block>, mut cursor: Cursor) -> impl Iterator<Item = StoredColumn> {
    let block = block.clone();
    std::iter::from_fn(move || block.column(&mut cursor))
}
