//! Which cell numbers are in use. A range lies in one segment. Ranges come back by size: with one K and one set of
//! labels, nearly all have the same few sizes, so a range of the right size is at hand whenever one was freed.

use crate::cells::{segment_slot, FIRST_CELL};
use std::collections::BTreeMap;

/// The cell numbers of a sampler.
pub(super) struct CellSpace {
    next: u32,
    free: BTreeMap<u32, Vec<u32>>,
    /// Cells left out at the ends of segments.
    unused: u64,
}

impl CellSpace {
    pub fn new() -> Self {
        Self { next: FIRST_CELL, free: BTreeMap::new(), unused: 0 }
    }

    /// `len` consecutive cells of one segment. `None`: there are no numbers left.
    pub fn take(&mut self, len: u32) -> Option<u32> {
        if let Some(first) = self.free.get_mut(&len).and_then(Vec::pop) {
            return Some(first);
        }
        let mut first = self.next;
        let mut end = first.checked_add(len)?;
        if segment_slot(first) != segment_slot(end - 1) {
            // What is left of the segment stays unused: less than a range, once per segment. So do segments that are smaller
            // than the range.
            let boundary = first.max(len).checked_next_power_of_two()?;
            self.unused += u64::from(boundary - first);
            (first, end) = (boundary, boundary.checked_add(len)?);
        }
        self.next = end;
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
        u64::from(self.next - FIRST_CELL) - free - self.unused
    }
}
