//! Cells: the counters of one lane, in segments that never move.
//!
//! A cell is four 64-bit counters (reads, writes, read bytes, write bytes) and has a number. Segment `s` holds
//! `64 * 2^s` cells, so that a cell's segment is a count of leading zeros; it is zeroed memory straight from the
//! system, mapped when its lane first touches it, of which the system commits only the pages that are written. A lane
//! therefore costs what it touched, not what could be counted.
//!
//! Cell numbers here are *biased*: the first cell is number [`FIRST_CELL`] = 64. Then segment `s` holds the numbers
//! `[64 << s, 64 << (s + 1))`, and with its base address moved back by its first number, a cell's address is
//! `base + number * 32`, without any subtraction.
//!
//! Cells are marked in blocks of 64: a writer sets the block's mark after it has counted, the drain clears the mark
//! before it reads. A block whose mark is clear has not moved since, so an idle block costs the drain one byte. The only
//! writer of a lane just stores the mark, which is cheaper than a look at it; in the shared lane, whose marks every core
//! would write, it is looked at first.
//!
//! Memory ordering: counters are written by one thread at a time (or with atomic adds, in the shared lane) and only
//! ever grow, so relaxed loads and stores do. A writer counts, then marks; the drain clears the mark, then reads the
//! counters. With a fence in between on both sides (light here, heavy there) the drain sees the count, or the mark is
//! set (or seen clear) after it was cleared and stays for the next drain. Without a heavy fence, no mark can be trusted,
//! and the drain looks at every block.

use crate::sync::{light_fence, unlikely, AtomicPtr, AtomicU64, AtomicU8, Ordering};

/// log2 of the cells in a block, and in the first segment.
#[cfg(not(loom))]
pub(crate) const BLOCK_BITS: u32 = 6;
#[cfg(loom)]
pub(crate) const BLOCK_BITS: u32 = 1;

/// Cells in a block.
pub(crate) const BLOCK_CELLS: usize = 1 << BLOCK_BITS;

/// The number of the first cell.
pub(crate) const FIRST_CELL: u32 = 1 << BLOCK_BITS;

/// Segments: enough for every 32-bit cell number.
#[cfg(not(loom))]
const SEGMENTS: usize = (32 - BLOCK_BITS) as usize;
#[cfg(loom)]
const SEGMENTS: usize = 3;

/// Places in the array of segments: a power of two, so that no index needs a check.
#[cfg(not(loom))]
pub(crate) const SEGMENT_SLOTS: usize = 32;
#[cfg(loom)]
pub(crate) const SEGMENT_SLOTS: usize = 4;

/// 64-bit counters in a cell.
pub(crate) const CELL_WORDS: usize = 4;

/// Bytes of a cell.
pub(crate) const CELL_BYTES: usize = CELL_WORDS * 8;

/// The place of a cell's segment in the array: the number of its highest bit.
#[inline(always)]
pub(crate) fn segment_slot(cell: u32) -> usize {
    (31 ^ cell.leading_zeros()) as usize & (SEGMENT_SLOTS - 1)
}

/// How many segments hold the cells below `end`.
pub(crate) fn segments_below(end: u32) -> u64 {
    end.checked_sub(1).filter(|&cell| cell >= FIRST_CELL).map_or(0, |cell| segment_of(cell) as u64 + 1)
}

/// The number of the segment that holds a cell.
fn segment_of(cell: u32) -> usize {
    (31 - BLOCK_BITS - cell.leading_zeros()) as usize
}

/// Where a segment lies. Both addresses are moved back by the segment's first number; null: not mapped.
#[repr(C)]
pub(crate) struct Segment {
    counters: AtomicPtr<AtomicU64>,
    marks: AtomicPtr<AtomicU8>,
}

/// The cells of one lane (or the drain's own totals).
#[repr(C)]
pub(crate) struct Cells {
    segments: [Segment; SEGMENT_SLOTS],
}

/// One cell's counters and its block's mark.
#[derive(Clone, Copy)]
pub(crate) struct CellRef<'a> {
    pub counters: &'a [AtomicU64; CELL_WORDS],
    pub mark: &'a AtomicU8,
}

/// A segment that is mapped.
pub(crate) struct MappedSegment<'a> {
    counters: *mut AtomicU64,
    cells: &'a Cells,
    slot: usize,
}

/// The system gave no memory for a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutOfMemory;

impl Cells {
    pub fn new() -> Self {
        let empty = || Segment { counters: AtomicPtr::default(), marks: AtomicPtr::default() };
        Self { segments: std::array::from_fn(|_| empty()) }
    }

    /// The cell, if its segment is mapped.
    #[inline(always)]
    #[allow(unsafe_code)]
    pub fn get(&self, cell: u32) -> Option<CellRef<'_>> {
        debug_assert!(cell >= FIRST_CELL);
        let segment = &self.segments[segment_slot(cell)];
        let counters = segment.counters.load(Ordering::Acquire);
        if counters.is_null() {
            return None;
        }
        let marks = segment.marks.load(Ordering::Relaxed);
        // SAFETY: `map` published both addresses (marks first, counters with release) for a segment that covers
        // `cell`, moved back by its first number; it stays mapped as long as `self`.
        unsafe {
            Some(CellRef {
                counters: &*counters.wrapping_add(cell as usize * CELL_WORDS).cast::<[AtomicU64; CELL_WORDS]>(),
                mark: &*marks.wrapping_add(cell as usize >> BLOCK_BITS),
            })
        }
    }

    /// The segment at this place, if it is mapped.
    #[inline(always)]
    pub fn segment(&self, slot: usize) -> Option<MappedSegment<'_>> {
        let counters = self.segments[slot].counters.load(Ordering::Acquire);
        if counters.is_null() {
            unlikely();
            return None;
        }
        Some(MappedSegment { counters, cells: self, slot })
    }

    /// Maps the segment of a cell. Several threads may do so at once; one of them wins.
    #[cold]
    pub fn map(&self, cell: u32) -> Result<(), OutOfMemory> {
        let number = segment_of(cell);
        let segment = &self.segments[segment_slot(cell)];
        // Losing a race is rare and costs a mapping that is given back.
        let memory = memory::map(number).ok_or(OutOfMemory)?;
        let first = first_cell(number);
        let counters = memory.counters.wrapping_sub(first * CELL_WORDS);
        let marks = memory.marks.wrapping_sub(first >> BLOCK_BITS);
        // `marks` decides the race; `counters` is what readers look at, so it comes last.
        let null = std::ptr::null_mut();
        if segment.marks.compare_exchange(null, marks, Ordering::AcqRel, Ordering::Acquire).is_err() {
            memory::unmap(number, memory);
            while segment.counters.load(Ordering::Acquire).is_null() {
                crate::sync::spin();
            }
            return Ok(());
        }
        segment.counters.store(counters, Ordering::Release);
        Ok(())
    }

    /// The cell, mapped if need be.
    pub fn get_or_map(&self, cell: u32) -> Result<CellRef<'_>, OutOfMemory> {
        match self.get(cell) {
            Some(found) => Ok(found),
            None => self.map(cell).and_then(|()| self.get(cell).ok_or(OutOfMemory)),
        }
    }

    /// The counters of a whole block, if its segment is mapped.
    #[allow(unsafe_code)]
    pub fn block(&self, block: u32) -> Option<&[[AtomicU64; CELL_WORDS]; BLOCK_CELLS]> {
        let first = self.get(block << BLOCK_BITS)?.counters;
        // SAFETY: a segment holds whole blocks, so the block's cells lie side by side from its first one on.
        Some(unsafe { &*std::ptr::from_ref(first).cast() })
    }

    /// Clears the mark of every block below `end` that has one, and tells which those were. A heavy fence must follow
    /// before their counters are read.
    pub fn take_marks(&self, end: u32, mut marked: impl FnMut(u32)) {
        for number in 0..SEGMENTS {
            let first = first_cell(number) as u64;
            if first >= end as u64 {
                break;
            }
            if self.get(first as u32).is_none() {
                continue;
            }
            for cell in (first..(first * 2).min(end as u64)).step_by(BLOCK_CELLS) {
                let Some(found) = self.get(cell as u32) else { break };
                // The load keeps idle blocks from being written.
                if found.mark.load(Ordering::Relaxed) != 0 {
                    found.mark.store(0, Ordering::Relaxed);
                    marked(cell as u32 >> BLOCK_BITS);
                }
            }
        }
    }

    /// Bytes of memory behind the mapped segments.
    pub fn resident_bytes(&self) -> u64 {
        (0..SEGMENTS).filter_map(|number| Some(memory::resident_bytes(number, &self.memory(number)?))).sum()
    }

    fn memory(&self, number: usize) -> Option<memory::Memory> {
        let segment = &self.segments[segment_slot(first_cell(number) as u32)];
        let counters = segment.counters.load(Ordering::Acquire);
        if counters.is_null() {
            return None;
        }
        let first = first_cell(number);
        Some(memory::Memory {
            counters: counters.wrapping_add(first * CELL_WORDS),
            marks: segment.marks.load(Ordering::Relaxed).wrapping_add(first >> BLOCK_BITS),
        })
    }

    /// Gives every segment back.
    ///
    /// # Safety
    /// Nobody holds a cell, or asks for one at the same time.
    #[allow(unsafe_code)]
    pub unsafe fn unmap(&self) {
        for number in 0..SEGMENTS {
            if let Some(memory) = self.memory(number) {
                let segment = &self.segments[segment_slot(first_cell(number) as u32)];
                segment.counters.store(std::ptr::null_mut(), Ordering::Release);
                segment.marks.store(std::ptr::null_mut(), Ordering::Release);
                memory::unmap(number, memory);
            }
        }
    }
}

impl Drop for Cells {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        // SAFETY: whoever drops the cells is the last to hold them.
        unsafe { self.unmap() };
    }
}

impl MappedSegment<'_> {
    /// Adds one operation to the cell at this byte offset, as its only writer: [`CellRef::count`], without anything in
    /// between, for the callers where each instruction counts.
    #[inline(always)]
    #[allow(unsafe_code)]
    pub fn count(self, offset: usize, op: usize, bytes: u64) {
        debug_assert!(offset >= FIRST_CELL as usize * CELL_BYTES && op < 2);
        let marks = self.cells.segments[self.slot].marks.load(Ordering::Relaxed);
        // SAFETY: as in `Cells::get`; `op` is 0 or 1.
        unsafe {
            let operations = at_offset(self.counters, offset).wrapping_add(op);
            let (operations, volume) = (&*operations, &*operations.wrapping_add(2));
            operations.store(operations.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
            volume.store(volume.load(Ordering::Relaxed).wrapping_add(bytes), Ordering::Relaxed);
            set_mark(&*marks.wrapping_add(offset / (CELL_BYTES * BLOCK_CELLS)));
        }
    }
}

/// The counter at a byte offset (which is smaller than it seems under loom, whose atomics are larger).
#[inline(always)]
fn at_offset(counters: *mut AtomicU64, offset: usize) -> *mut AtomicU64 {
    match size_of::<AtomicU64>() {
        8 => counters.wrapping_byte_add(offset),
        _ => counters.wrapping_add(offset / 8),
    }
}

/// Marks a block as moved, after counting in it as the only writer.
#[inline(always)]
fn set_mark(mark: &AtomicU8) {
    light_fence();
    mark.store(1, Ordering::Release);
}

impl CellRef<'_> {
    /// Adds one operation, as the only writer of the cell.
    #[inline(always)]
    pub fn count(&self, op: usize, bytes: u64) {
        let (operations, volume) = (&self.counters[op & 1], &self.counters[2 + (op & 1)]);
        operations.store(operations.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        volume.store(volume.load(Ordering::Relaxed).wrapping_add(bytes), Ordering::Relaxed);
        set_mark(self.mark);
    }

    /// Adds one operation beside other writers.
    pub fn count_shared(&self, op: usize, bytes: u64) {
        self.counters[op & 1].fetch_add(1, Ordering::Relaxed);
        self.counters[2 + (op & 1)].fetch_add(bytes, Ordering::Relaxed);
        light_fence();
        if self.mark.load(Ordering::Relaxed) == 0 {
            self.mark.store(1, Ordering::Release);
        }
    }
}

/// The first cell number of a segment.
fn first_cell(number: usize) -> usize {
    (FIRST_CELL as usize) << number
}

/// Segments as mappings of zeroed memory: the counters, then the marks.
#[cfg(not(loom))]
#[allow(unsafe_code)]
mod memory {
    use super::{first_cell, AtomicU64, AtomicU8, BLOCK_BITS, CELL_WORDS};

    pub(super) struct Memory {
        pub counters: *mut AtomicU64,
        pub marks: *mut AtomicU8,
    }

    fn counter_bytes(number: usize) -> usize {
        first_cell(number) * CELL_WORDS * size_of::<AtomicU64>()
    }

    fn total_bytes(number: usize) -> usize {
        counter_bytes(number) + (first_cell(number) >> BLOCK_BITS)
    }

    pub(super) fn map(number: usize) -> Option<Memory> {
        let bytes = total_bytes(number);
        // SAFETY: a new private anonymous mapping; nothing else can lie there.
        let base = unsafe {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
            libc::mmap(std::ptr::null_mut(), bytes, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0)
        };
        if base == libc::MAP_FAILED {
            return None;
        }
        #[cfg(target_os = "linux")]
        // SAFETY: the mapping is ours. Huge pages would commit what is never touched; a refusal changes nothing.
        unsafe {
            libc::madvise(base, bytes, libc::MADV_NOHUGEPAGE);
        }
        let base = base.cast::<u8>();
        Some(Memory { counters: base.cast(), marks: base.wrapping_add(counter_bytes(number)).cast() })
    }

    pub(super) fn unmap(number: usize, memory: Memory) {
        // SAFETY: `memory` came from `map(number)`, and its owner has let go of it.
        unsafe {
            libc::munmap(memory.counters.cast(), total_bytes(number));
        }
    }

    pub(super) fn resident_bytes(number: usize, memory: &Memory) -> u64 {
        const CHUNK: usize = 4096;
        // SAFETY: sysconf reads no memory of ours.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) }.max(1) as usize;
        let pages = total_bytes(number).div_ceil(page);
        let mut resident = 0;
        let mut flags = [0u8; CHUNK];
        for first in (0..pages).step_by(CHUNK) {
            let count = CHUNK.min(pages - first);
            let address = memory.counters.cast::<u8>().wrapping_add(first * page);
            // SAFETY: the range lies in our mapping, which begins at a page, and `flags` has a byte for each page.
            let status = unsafe { libc::mincore(address.cast(), count * page, flags.as_mut_ptr().cast()) };
            if status == 0 {
                resident += flags[..count].iter().filter(|&&flag| flag & 1 != 0).count();
            }
        }
        (resident * page) as u64
    }
}

/// Segments as the model checker's own atomics.
#[cfg(loom)]
#[allow(unsafe_code)]
mod memory {
    use super::{first_cell, AtomicU64, AtomicU8, BLOCK_BITS, CELL_WORDS};

    pub(super) struct Memory {
        pub counters: *mut AtomicU64,
        pub marks: *mut AtomicU8,
    }

    pub(super) fn map(number: usize) -> Option<Memory> {
        let counters: Box<[AtomicU64]> = (0..first_cell(number) * CELL_WORDS).map(|_| AtomicU64::new(0)).collect();
        let marks: Box<[AtomicU8]> = (0..first_cell(number) >> BLOCK_BITS).map(|_| AtomicU8::new(0)).collect();
        Some(Memory { counters: Box::into_raw(counters).cast(), marks: Box::into_raw(marks).cast() })
    }

    pub(super) fn unmap(number: usize, memory: Memory) {
        let slice = |length| (length, ());
        let ((counters, ()), (marks, ())) =
            (slice(first_cell(number) * CELL_WORDS), slice(first_cell(number) >> BLOCK_BITS));
        // SAFETY: both came from `map(number)` with these lengths.
        unsafe {
            drop(Box::from_raw(std::ptr::slice_from_raw_parts_mut(memory.counters, counters)));
            drop(Box::from_raw(std::ptr::slice_from_raw_parts_mut(memory.marks, marks)));
        }
    }

    pub(super) fn resident_bytes(_: usize, _: &Memory) -> u64 {
        0
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn every_cell_number_has_one_place() {
        assert_eq!(segment_of(64), 0);
        assert_eq!(segment_of(127), 0);
        assert_eq!(segment_of(128), 1);
        assert_eq!(segment_of(u32::MAX), SEGMENTS - 1);
        let cells = Cells::new();
        for cell in 64..2000u32 {
            cells.get_or_map(cell).unwrap().counters[1].store(cell as u64, Ordering::Relaxed);
        }
        for cell in 64..2000u32 {
            assert_eq!(cells.get(cell).unwrap().counters[1].load(Ordering::Relaxed), cell as u64);
        }
    }

    #[test]
    fn only_touched_pages_cost() {
        let cells = Cells::new();
        cells.get_or_map(1 << 24).unwrap().count(0, 1);
        assert!(cells.resident_bytes() <= 4 * 65_536, "{}", cells.resident_bytes());
        assert!(cells.resident_bytes() > 0);
    }

    #[test]
    fn marks_are_taken_once_per_block() {
        let cells = Cells::new();
        for cell in [64, 65, 200, 1000] {
            cells.get_or_map(cell).unwrap().count(1, 10);
        }
        let take = |end| {
            let mut blocks = Vec::new();
            cells.take_marks(end, |block| blocks.push(block));
            blocks
        };
        assert_eq!(take(900), [1, 3]);
        assert_eq!(take(1001), [15]);
        assert!(take(1001).is_empty());
    }
}
