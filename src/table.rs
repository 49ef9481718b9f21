//! The route table: from a route's id to its cells, in one cache line.
//!
//! Open addressing with linear probing and one multiplicative hash (Fibonacci hashing, Knuth vol. 3, 6.4). An entry is
//! two words, `(route id, place)`. The *place* says everything an observer needs, in one atomic word, so that it can't
//! be torn:
//!
//! | low bits | place |
//! |---|---|
//! | all zero | no entry here: the search ends |
//! | `001` | direct: a route that is not sub-divided, see below |
//! | `010` | address of a [`Layout`]: a sub-divided route |
//! | `100` | removed; the id stays, and may be placed again |
//! | `1001` | direct, and a virtual bucket |
//!
//! A direct place holds all that leads to the counters, so that hardly anything is computed: in the high half the first
//! cell; in bits 9 to 24 a mask that the label passes (all ones: one cell per label; 0: every label counts in one cell,
//! which is so where labels are off and on virtual buckets); in bits 4 to 8 the place of the cells' segment (a route's
//! cells lie in one). Shifted right by 27, it is the first cell's byte offset.
//!
//! Observers find the table by one word, too ([`TableWord`]): the address of its entries, which is a multiple of 64, and
//! in the free bits the hash's shift. A shift instruction looks at these bits alone, so taking the word apart is free.
//!
//! Invariants. One thread at a time changes a table (the registry's lock); any number read it. An entry's id is written
//! once, before its place is published for the first time (release), and never changes: a reader that has loaded a
//! place (acquire) sees the id that belongs to it. A removed entry is only taken again by the same id. Growth copies the
//! live entries into a new table; the old one is freed when no observer can be in it any more (see `passage.rs`).

use crate::cells::{segment_slot, CELL_BYTES, SEGMENT_SLOTS};
use crate::label::Label;
use crate::sub_bucket::{Head, Parts};
use crate::sync::{unlikely, AtomicU64, Ordering};

const EMPTY: u64 = 0;
const DIRECT: u64 = 1;
const DIVIDED: u64 = 2;
const REMOVED: u64 = 4;
const BUCKET: u64 = 8;

const SLOT_SHIFT: u32 = 4;
const MASK_SHIFT: u32 = 9;
const FIRST_SHIFT: u32 = 32;
const LABEL_MASK: u64 = 0xffff;
const _: () = assert!(SEGMENT_SLOTS <= 32 && Label::COUNT as u64 <= LABEL_MASK);

/// 2^64 / golden ratio, odd.
pub(crate) const HASH_FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// One entry; see the head.
#[repr(C, align(16))]
pub(crate) struct Entry {
    id: AtomicU64,
    place: AtomicU64,
}

/// The table.
pub(crate) struct Table {
    /// From `alloc_entries`.
    word: TableWord,
}

/// A table, as observers find it: the address of its entries, plus the shift of the hash (64 - log2 of their number).
/// The Go package reads it in place (see `layout.rs`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct TableWord(u64);

/// Alignment of the entries: a cache line, and room for the shift.
const ALIGN: usize = 64;

/// The cells of a sub-divided route, which lie in one segment. One cache line, with all that leads to the counters; the Go
/// package reads it in place (see `layout.rs`).
#[repr(C, align(64))]
pub(crate) struct Layout {
    /// First cell of the first label.
    first: u32,
    /// Cells from one label to the next, the same in all layouts of a sampler; 0 where labels are off.
    stride: u16,
    /// The place of the cells' segment, in the bits in which a direct place has it.
    segment: u16,
    pub parts: Parts,
    head: Head,
    /// The first `parts.prefix_len` bytes of the range's start; owned by the registry for as long as the layout.
    prefix: *const u8,
    #[cfg(loom)]
    canary: crate::sync::Canary,
}

#[cfg(not(loom))]
const _: () = assert!(size_of::<Layout>() == 64);

// SAFETY: the prefix is bytes that nobody writes, and the registry keeps them for as long as the layout.
#[allow(unsafe_code)]
unsafe impl Send for Layout {}
// SAFETY: as above.
#[allow(unsafe_code)]
unsafe impl Sync for Layout {}

/// Where an observation goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place(u64);

impl Place {
    /// A route that is not sub-divided; `labelled`: it has a cell for each label.
    pub fn direct(first: u32, labelled: bool) -> Self {
        let mask = if labelled { LABEL_MASK } else { 0 };
        Self(u64::from(first) << FIRST_SHIFT | mask << MASK_SHIFT | (segment_slot(first) as u64) << SLOT_SHIFT | DIRECT)
    }

    /// A sub-divided route. The layout must stay where it is until no observer can hold this place.
    pub fn divided(layout: &Layout) -> Self {
        Self(std::ptr::from_ref(layout) as u64 | DIVIDED)
    }

    /// A virtual bucket, which has one cell.
    pub fn bucket(first: u32) -> Self {
        Self(Self::direct(first, false).0 | BUCKET)
    }

    /// As [`Place::is_bucket`], of a place that is direct.
    #[inline(always)]
    pub fn is_direct_bucket(self) -> bool {
        self.0 & BUCKET != 0
    }

    /// Whether it is a virtual bucket.
    #[inline(always)]
    pub fn is_bucket(self) -> bool {
        self.0 & (BUCKET | DIRECT) == BUCKET | DIRECT
    }

    /// The cell of an observation.
    #[inline(always)]
    #[allow(unsafe_code)]
    pub fn cell(self, label: u32, key: Option<&[u8]>) -> u32 {
        if self.0 & DIRECT != 0 {
            return self.direct_cell(label);
        }
        // SAFETY: a place that isn't direct came from `divided`, and the observer's passage keeps the layout alive.
        let layout = unsafe { &*((self.0 & !DIVIDED) as usize as *const Layout) };
        layout.cell(label, key.map_or(0, |key| layout.index(key)))
    }

    /// The cell of an observation, in a place that is direct.
    #[inline(always)]
    pub fn direct_cell(self, label: u32) -> u32 {
        ((self.0 >> FIRST_SHIFT) as u32).wrapping_add(label & (self.0 as u32 >> MASK_SHIFT))
    }

    /// The byte offset of an observation's cell, in a place that is direct.
    #[inline(always)]
    pub fn direct_offset(self, label: u32) -> usize {
        const CELL_BITS: u32 = CELL_BYTES.trailing_zeros();
        let offset_in_route = u64::from(label) << CELL_BITS & self.0 >> (MASK_SHIFT - CELL_BITS);
        ((self.0 >> (FIRST_SHIFT - CELL_BITS)) + offset_in_route) as usize
    }

    /// The place of its segment, in a place that is direct.
    #[inline(always)]
    pub fn direct_slot(self) -> usize {
        (self.0 >> SLOT_SHIFT) as usize & (SEGMENT_SLOTS - 1)
    }

    /// Whether every label counts in the same cell.
    pub fn ignores_labels(self) -> bool {
        self.0 & DIRECT != 0 && self.direct_cell(0) == self.direct_cell(LABEL_MASK as u32)
    }
}

impl Layout {
    pub const FIRST_OFFSET: usize = std::mem::offset_of!(Self, first);
    pub const STRIDE_OFFSET: usize = std::mem::offset_of!(Self, stride);
    pub const SEGMENT_OFFSET: usize = std::mem::offset_of!(Self, segment);
    pub const HEAD_OFFSET: usize = std::mem::offset_of!(Self, head);
    pub const PREFIX_OFFSET: usize = std::mem::offset_of!(Self, prefix);

    /// The cells from `first` on, for a range that begins with `start`, which must stay where it is as long as the layout.
    pub fn new(first: u32, parts: Parts, stride: u32, start: &[u8]) -> Self {
        let prefix = &start[..parts.prefix_len as usize];
        Self {
            first,
            stride: stride as u16,
            segment: (segment_slot(first) << SLOT_SHIFT) as u16,
            parts,
            head: Head::new(prefix),
            prefix: prefix.as_ptr(),
            #[cfg(loom)]
            canary: crate::sync::Canary::new(),
        }
    }

    /// The part of a key.
    pub fn index(&self, key: &[u8]) -> u32 {
        self.parts.index(self.prefix(), key)
    }

    /// The part of a key of the plain sort; see [`Parts::index_of_long`].
    #[inline(always)]
    pub fn index_of_long(&self, key: &[u8]) -> Option<u32> {
        self.parts.index_of_long(self.prefix(), self.head, key)
    }

    /// The cell of a part.
    #[inline(always)]
    pub fn cell(&self, label: u32, part: u32) -> u32 {
        self.first.wrapping_add(label.wrapping_mul(self.stride.into())).wrapping_add(part)
    }

    /// The byte offset of the cell of a part.
    #[inline(always)]
    pub fn offset(&self, label: u32, part: u32) -> usize {
        self.cell(label, part) as usize * CELL_BYTES
    }

    /// The place of the cells' segment.
    #[inline(always)]
    pub fn slot(&self) -> usize {
        (self.segment >> SLOT_SHIFT) as usize & (SEGMENT_SLOTS - 1)
    }

    #[inline(always)]
    #[allow(unsafe_code)]
    fn prefix(&self) -> &[u8] {
        #[cfg(loom)]
        self.canary.used();
        // SAFETY: the registry keeps `prefix_len` bytes at `prefix` for as long as this layout.
        unsafe { std::slice::from_raw_parts(self.prefix, self.parts.prefix_len as usize) }
    }
}

impl TableWord {
    /// The word, for an atomic.
    pub fn to_bits(self) -> u64 {
        self.0
    }

    /// The word that an atomic held.
    ///
    /// # Safety
    /// It came from a table that lives as long as what is found with it.
    #[inline(always)]
    #[allow(unsafe_code)]
    pub unsafe fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The entry at `i`, modulo their number, which `mask` is less one.
    #[inline(always)]
    #[allow(unsafe_code)]
    fn entry<'a>(self, i: u64, mask: u64) -> &'a Entry {
        let entries = (self.0 & !(ALIGN as u64 - 1)) as usize as *const Entry;
        // SAFETY: a word is made of a table's entries, and whoever has it keeps the table alive.
        unsafe { &*entries.wrapping_add((i & mask) as usize) }
    }

    fn mask(self) -> u64 {
        u64::MAX >> (self.0 & 63)
    }

    #[inline(always)]
    fn home(self, id: u64) -> u64 {
        id.wrapping_mul(HASH_FACTOR) >> (self.0 & 63)
    }

    /// The place of a route, if it is direct and the first that a search looks at. `None` says nothing.
    #[inline(always)]
    pub fn find_direct(self, id: u64) -> Option<Place> {
        // The home is below the number of entries.
        let entry = self.entry(self.home(id), u64::MAX);
        // The other order than in `find`: an id that matches an entry not published yet comes with the empty place.
        if entry.id.load(Ordering::Acquire) != id {
            unlikely();
            return None;
        }
        let place = entry.place.load(Ordering::Acquire);
        if place & DIRECT == 0 {
            unlikely();
            return None;
        }
        Some(Place(place))
    }

    /// The layout of a route, if it is sub-divided and the first that a search looks at. `None` says nothing.
    ///
    /// # Safety
    /// The caller's passage keeps the layout alive.
    #[inline(always)]
    #[allow(unsafe_code)]
    pub unsafe fn find_divided<'a>(self, id: u64) -> Option<&'a Layout> {
        // As in `find_direct`.
        let entry = self.entry(self.home(id), u64::MAX);
        if entry.id.load(Ordering::Acquire) != id {
            unlikely();
            return None;
        }
        let place = entry.place.load(Ordering::Acquire);
        if place & (DIRECT | DIVIDED) != DIVIDED {
            unlikely();
            return None;
        }
        // SAFETY: such a place came from `Place::divided`.
        Some(unsafe { &*((place & !DIVIDED) as usize as *const Layout) })
    }

    /// The place of a route, unless there is none or it was removed.
    #[inline]
    pub fn find(self, id: u64) -> Option<Place> {
        let mut i = self.home(id);
        loop {
            let entry = self.entry(i, self.mask());
            let place = entry.place.load(Ordering::Acquire);
            if place == EMPTY {
                return None;
            }
            if entry.id.load(Ordering::Relaxed) == id {
                return (place != REMOVED).then_some(Place(place));
            }
            i += 1;
        }
    }
}

impl Table {
    /// A table with room for `routes` entries before it is too full.
    pub fn with_room_for(routes: usize) -> Self {
        let len = (routes.max(2) * 3 / 2 + 1).next_power_of_two();
        let address = alloc_entries(len) as usize as u64;
        debug_assert_eq!(address % ALIGN as u64, 0);
        Self { word: TableWord(address | u64::from(64 - len.trailing_zeros())) }
    }

    /// How observers find it.
    pub fn word(&self) -> TableWord {
        self.word
    }

    /// The place of a route, unless there is none or it was removed.
    pub fn find(&self, id: u64) -> Option<Place> {
        self.word.find(id)
    }

    fn len(&self) -> usize {
        self.word.mask() as usize + 1
    }

    /// How many ids, removed ones included, the table takes before it is too full.
    pub fn capacity(&self) -> usize {
        self.len() * 2 / 3
    }

    /// Places a route and tells whether its id is new to the table. There must be room; one writer at a time.
    pub fn place(&self, id: u64, place: Place) -> bool {
        self.store(id, place.0)
    }

    /// Removes a route, if it is there. One writer at a time.
    pub fn remove(&self, id: u64) {
        if self.find(id).is_some() {
            self.store(id, REMOVED);
        }
    }

    /// Whether the id is new to the table.
    fn store(&self, id: u64, place: u64) -> bool {
        let mut i = self.word.home(id);
        loop {
            let entry = self.word.entry(i, self.word.mask());
            let new = entry.place.load(Ordering::Relaxed) == EMPTY;
            if new {
                entry.id.store(id, Ordering::Relaxed);
            }
            if new || entry.id.load(Ordering::Relaxed) == id {
                entry.place.store(place, Ordering::Release);
                return new;
            }
            i += 1;
        }
    }

    /// The live entries.
    pub fn iter(&self) -> impl Iterator<Item = (u64, Place)> + '_ {
        (0..=self.word.mask()).filter_map(|i| {
            let entry = self.word.entry(i, self.word.mask());
            let place = entry.place.load(Ordering::Relaxed);
            (place != EMPTY && place != REMOVED).then(|| (entry.id.load(Ordering::Relaxed), Place(place)))
        })
    }

    /// Bytes of memory behind the table.
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.len() * size_of::<Entry>()
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        free_entries(std::ptr::from_ref(self.word.entry(0, 0)).cast_mut(), self.len());
    }
}

fn entries_layout(len: usize) -> std::alloc::Layout {
    std::alloc::Layout::array::<Entry>(len)
        .and_then(|layout| layout.align_to(ALIGN))
        .expect("a table of ids fits into the address space")
}

/// `len` empty entries, aligned to `ALIGN`.
#[allow(unsafe_code)]
fn alloc_entries(len: usize) -> *mut Entry {
    let layout = entries_layout(len);
    // SAFETY: the layout isn't empty.
    let entries = unsafe { std::alloc::alloc(layout) }.cast::<Entry>();
    if entries.is_null() {
        std::alloc::handle_alloc_error(layout);
    }
    for i in 0..len {
        // SAFETY: the allocation has room for `len` entries.
        unsafe { entries.add(i).write(Entry { id: AtomicU64::new(0), place: AtomicU64::new(EMPTY) }) };
    }
    entries
}

/// Frees what `alloc_entries` gave; the last user of the table calls it.
#[allow(unsafe_code)]
fn free_entries(entries: *mut Entry, len: usize) {
    // SAFETY: made with this layout, and every entry is initialised.
    unsafe {
        std::ptr::drop_in_place(std::ptr::slice_from_raw_parts_mut(entries, len));
        std::alloc::dealloc(entries.cast(), entries_layout(len));
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_placed_and_nothing_else() {
        let table = Table::with_room_for(1000);
        let ids: Vec<u64> = (0..999).map(|i: u64| i.wrapping_mul(i) << (i % 50)).chain([u64::MAX]).collect();
        let ids: std::collections::BTreeSet<u64> = ids.into_iter().collect();
        for &id in &ids {
            table.place(id, Place::direct((id as u32) | 64, true));
        }
        for &id in &ids {
            assert_eq!(table.find(id), Some(Place::direct((id as u32) | 64, true)));
        }
        assert_eq!(table.find(0xdead_beef_0bad), None);
        assert_eq!(table.iter().count(), ids.len());
    }

    #[test]
    fn a_removed_route_is_gone_until_it_is_placed_again() {
        let table = Table::with_room_for(4);
        for id in [0, 7, 8] {
            table.place(id, Place::direct(64, false));
        }
        table.remove(7);
        table.remove(99);
        assert_eq!(table.find(7), None);
        assert_eq!(table.find(8), Some(Place::direct(64, false)));
        assert!(!table.place(7, Place::direct(70, true)), "its entry is taken again");
        assert_eq!(table.find(7), Some(Place::direct(70, true)));
    }
}
