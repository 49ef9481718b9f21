//! Which cell numbers are in use. Ranges come back by size: with one K and one set of labels, nearly all have the
//! same few sizes, so a range of the right size is at hand whenever one was freed.

use crate::cells::FIRST_CELL;
use std::collections::BTreeMap;

/// The cell numbers of a sampler.
pub(super) struct CellSpace {
    next: u32,
    free: BTreeMap<u32, Vec<u32>>,
}

impl CellSpace {
    pub fn new() -> Self {
        Self { next: FIRST_CELL, free: BTreeMap::new() }
    }

    /// `len` consecutive cells. `None`: there are no numbers left.
    pub fn take(&mut self, len: u32) -> Option<u32> {
        if let Some(first) = self.free.get_mut(&len).and_then(Vec::pop) {
            return Some(first);
        }
        let first = self.next;
        self.next = first.checked_add(len)?;
        Some(first)
    }

    /// Gives cells back that no observer can hold any more.
    pub fn give_back(&mut self, first: u32, len: u32) {
        self.free.entry(len).or_default().push(first);
    }

    /// One past the last cell number ever used.
    pub fn end(&self) -> u32 {
        self.next
    }

    /// Cells in use.
    pub fn in_use(&self) -> u64 {
        let free: u64 = self.free.iter().map(|(&len, ranges)| u64::from(len) * ranges.len() as u64).sum();
        u64::from(self.next - FIRST_CELL) - free
    }
}
