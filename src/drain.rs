//! The drain: what every cell counted since the last one, by difference.
//!
//! Counters only grow and observers own them, so the drain takes nothing away from a lane: it adds up all lanes,
//! subtracts the totals that it had drained before, and remembers. No count can be lost or taken twice, and a drain
//! that its caller can't use (buffers too small) is simply not committed.
//!
//! Only blocks of cells that a lane has marked since are looked at. A mark is cleared before the counters are read; the
//! block is *pending* from then until a drain that read it is committed.

use crate::cells::{Cells, OutOfMemory, BLOCK_BITS, BLOCK_CELLS, CELL_WORDS};
use crate::column::Counters;
use crate::lane::Lane;
use crate::sync::{heavy_fence, Ordering};
use std::sync::Arc;

/// The drain's memory.
pub(crate) struct Drain {
    /// What was drained so far, per cell.
    totals: Cells,
    /// One bit per block.
    pending: Vec<u64>,
}

/// What the pending blocks' cells counted since the last committed drain.
pub(crate) struct Deltas {
    /// Per block: where its cells begin in `values`, or `NONE`.
    offsets: Vec<u32>,
    values: Vec<[u64; CELL_WORDS]>,
}

const NONE: u32 = u32::MAX;

impl Drain {
    pub fn new() -> Self {
        Self { totals: Cells::new(), pending: Vec::new() }
    }

    /// Reads what moved in the cells below `end`. Nothing is drained until [`Drain::commit`].
    pub fn collect(&mut self, lanes: &[Arc<Lane>], end: u32) -> Result<Deltas, OutOfMemory> {
        let blocks = (end as usize).div_ceil(BLOCK_CELLS);
        self.pending.resize(self.pending.len().max(blocks.div_ceil(64)), 0);
        for lane in lanes {
            lane.cells().take_marks(end, |block| self.pending[block as usize / 64] |= 1 << (block % 64));
        }
        // Orders the marks before the counters; and makes visible what writers that can't express release stored.
        if !heavy_fence() {
            (1..blocks).for_each(|block| self.pending[block / 64] |= 1 << (block % 64));
        }
        let mut deltas = Deltas { offsets: vec![NONE; blocks], values: Vec::new() };
        for block in self.pending_blocks() {
            self.totals.get_or_map(block << BLOCK_BITS)?;
            deltas.offsets[block as usize] = deltas.values.len() as u32;
            deltas.values.resize(deltas.values.len() + BLOCK_CELLS, [0; CELL_WORDS]);
        }
        for (block, values) in self.pending_blocks().zip(deltas.values.chunks_exact_mut(BLOCK_CELLS)) {
            for lane in lanes {
                accumulate(lane.cells(), block, values, u64::wrapping_add);
            }
            accumulate(&self.totals, block, values, u64::wrapping_sub);
        }
        Ok(deltas)
    }

    fn pending_blocks(&self) -> impl Iterator<Item = u32> + '_ {
        self.pending.iter().enumerate().flat_map(|(i, &word)| {
            let bits = std::iter::successors(Some(word), |&word| Some(word & word.wrapping_sub(1)));
            bits.take_while(|&word| word != 0).map(move |word| i as u32 * 64 + word.trailing_zeros())
        })
    }

    /// The deltas are the caller's now: the next drain begins where this one ended.
    pub fn commit(&mut self, deltas: &Deltas) {
        for (block, values) in self.pending_blocks().zip(deltas.values.chunks_exact(BLOCK_CELLS)) {
            for (i, value) in values.iter().enumerate() {
                let Some(total) = self.totals.get((block << BLOCK_BITS) + i as u32) else { continue };
                for (total, &delta) in total.counters.iter().zip(value) {
                    total.store(total.load(Ordering::Relaxed).wrapping_add(delta), Ordering::Relaxed);
                }
            }
        }
        self.pending.fill(0);
    }

    /// Bytes of memory behind the totals.
    pub fn resident_bytes(&self) -> u64 {
        self.totals.resident_bytes() + crate::meta::heap_bytes(self.pending.capacity() * 8) as u64
    }
}

/// Combines a block's counters into `values`.
fn accumulate(cells: &Cells, block: u32, values: &mut [[u64; CELL_WORDS]], combine: impl Fn(u64, u64) -> u64) {
    // The cells of a block lie side by side, all mapped or none.
    let Some(counters) = cells.block(block) else { return };
    for (value, cell) in values.iter_mut().zip(counters) {
        for (value, counter) in value.iter_mut().zip(cell) {
            *value = combine(*value, counter.load(Ordering::Relaxed));
        }
    }
}

impl Deltas {
    /// What one cell counted.
    pub fn get(&self, cell: u32) -> Counters {
        match self.offsets.get((cell >> BLOCK_BITS) as usize) {
            None | Some(&NONE) => Counters::default(),
            Some(&offset) => Counters::from_array(self.values[offset as usize + cell as usize % BLOCK_CELLS]),
        }
    }

    /// Whether any of `len` cells from `first` on may have counted.
    pub fn any(&self, first: u32, len: u32) -> bool {
        (first >> BLOCK_BITS..=(first + len - 1) >> BLOCK_BITS)
            .any(|block| self.offsets.get(block as usize).is_some_and(|&offset| offset != NONE))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_drain_takes_what_was_counted_since_the_last_committed_one() {
        let lanes = [Arc::new(Lane::new(None)), Arc::new(Lane::new(None))];
        let count = |lane: usize, cell: u32, op: usize, bytes: u64| {
            lanes[lane].cells().get_or_map(cell).unwrap().count(op, bytes);
        };
        let mut drain = Drain::new();
        count(0, 70, 0, 5);
        count(1, 70, 1, 7);
        count(1, 300, 1, 9);
        let deltas = drain.collect(&lanes, 400).unwrap();
        assert_eq!(deltas.get(70).to_array(), [1, 1, 5, 7]);
        assert_eq!(deltas.get(300).to_array(), [0, 1, 0, 9]);
        assert!(deltas.any(60, 20) && !deltas.any(128, 64));
        // Not committed: all of it comes again, with what came since.
        count(0, 70, 0, 1);
        let deltas = drain.collect(&lanes, 400).unwrap();
        assert_eq!(deltas.get(70).to_array(), [2, 1, 6, 7]);
        assert_eq!(deltas.get(300).to_array(), [0, 1, 0, 9]);
        drain.commit(&deltas);
        count(1, 300, 0, 4);
        let deltas = drain.collect(&lanes, 400).unwrap();
        assert!(deltas.get(70).is_zero());
        assert_eq!(deltas.get(300).to_array(), [1, 0, 4, 0]);
        drain.commit(&deltas);
    }
}
