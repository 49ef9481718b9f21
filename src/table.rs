//! The route table: from a route's id to its cells, in one cache line.
//!
//! Open addressing with linear probing and one multiplicative hash (Fibonacci hashing, Knuth vol. 3, 6.4). An entry is
//! two words, `(route id, place)`. The *place* says everything an observer needs, in one atomic word, so that it can't
//! be torn:
//!
//! | low bits | place |
//! |---|---|
//! | all zero | no entry here: the search ends |
//! | `01` | direct: first cell in the high half, label stride in the rest of the low half; the stride is 0 where labels are off and on virtual buckets |
//! | `10` | address of a [`Layout`]: a sub-divided route |
//! | `11` | removed; the id stays, and may be placed again |
//!
//! Invariants. One thread at a time changes a table (the registry's lock); any number read it. An entry's id is written
//! once, before its place is published for the first time (release), and never changes: a reader that has loaded a
//! place (acquire) sees the id that belongs to it. A removed entry is only taken again by the same id. Growth copies the
//! live entries into a new table; the old one is freed when no observer can be in it any more (see `passage.rs`).

use crate::sub_bucket::Parts;
use crate::sync::{AtomicU64, Canary, Ordering};

const EMPTY: u64 = 0;
const DIRECT: u64 = 1;
const DIVIDED: u64 = 2;
const REMOVED: u64 = 3;
const TAG: u64 = 3;

/// 2^64 / golden ratio, odd.
pub(crate) const HASH_FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// One entry; see the head.
#[repr(C, align(16))]
pub(crate) struct Entry {
    id: AtomicU64,
    place: AtomicU64,
}

/// The table. The Go package reads it in place (see `layout.rs`).
#[repr(C)]
pub(crate) struct Table {
    entries: *mut Entry,
    /// Entries less one; the number of entries is a power of two.
    mask: u64,
    /// `64 - log2(entries)`.
    shift: u32,
    canary: Canary,
}

/// The cells of a sub-divided route. The Go package reads it in place (see `layout.rs`).
#[repr(C)]
pub(crate) struct Layout {
    /// First cell of the first label.
    pub first: u32,
    /// Cells from one label to the next; 0 where labels are off.
    pub stride: u32,
    pub parts: Parts,
    /// The first `parts.prefix_len` bytes of the range's start; owned by the registry for as long as the layout.
    pub prefix: *const u8,
}

/// Where an observation goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place(u64);

// SAFETY: the raw pointers are owned (entries) or point at memory that outlives every reader (prefix).
#[allow(unsafe_code)]
unsafe impl Send for Table {}
#[allow(unsafe_code)]
unsafe impl Sync for Table {}

impl Place {
    /// A route that is not sub-divided.
    pub fn direct(first: u32, stride: u32) -> Self {
        debug_assert!(stride < 1 << 30);
        Self(u64::from(first) << 32 | u64::from(stride) << 2 | DIRECT)
    }

    /// A sub-divided route. The layout must stay where it is until no observer can hold this place.
    pub fn divided(layout: &Layout) -> Self {
        Self(std::ptr::from_ref(layout) as u64 | DIVIDED)
    }

    /// The cell of an observation.
    #[inline(always)]
    #[allow(unsafe_code)]
    pub fn cell(self, label: u32, key: Option<&[u8]>) -> u32 {
        if self.0 & TAG == DIRECT {
            return ((self.0 >> 32) as u32).wrapping_add(label.wrapping_mul((self.0 as u32) >> 2));
        }
        // SAFETY: a place that isn't direct came from `divided`, and the observer's passage keeps the layout alive.
        let layout = unsafe { &*((self.0 & !TAG) as usize as *const Layout) };
        let part = key.map_or(0, |key| layout.index(key));
        layout.first.wrapping_add(label.wrapping_mul(layout.stride)).wrapping_add(part)
    }

    /// Whether every label counts in the same cell.
    pub fn ignores_labels(self) -> bool {
        self.0 & TAG == DIRECT && (self.0 as u32) >> 2 == 0
    }
}

impl Layout {
    /// The part of a key.
    #[allow(unsafe_code)]
    pub fn index(&self, key: &[u8]) -> u32 {
        // SAFETY: the registry keeps `prefix_len` bytes at `prefix` for as long as this layout.
        let prefix = unsafe { std::slice::from_raw_parts(self.prefix, self.parts.prefix_len as usize) };
        self.parts.index(prefix, key)
    }
}

impl Table {
    pub const ENTRIES_OFFSET: usize = std::mem::offset_of!(Self, entries);
    pub const MASK_OFFSET: usize = std::mem::offset_of!(Self, mask);
    pub const SHIFT_OFFSET: usize = std::mem::offset_of!(Self, shift);

    /// A table with room for `routes` entries before it is too full.
    pub fn with_room_for(routes: usize) -> Self {
        let len = (routes.max(2) * 3 / 2 + 1).next_power_of_two();
        let entries: Box<[Entry]> =
            (0..len).map(|_| Entry { id: AtomicU64::new(0), place: AtomicU64::new(EMPTY) }).collect();
        Self {
            entries: Box::into_raw(entries).cast(),
            mask: len as u64 - 1,
            shift: 64 - len.trailing_zeros(),
            canary: Canary::default(),
        }
    }

    #[inline(always)]
    #[allow(unsafe_code)]
    fn entry(&self, i: u64) -> &Entry {
        // SAFETY: the mask is the number of entries less one.
        unsafe { &*self.entries.add((i & self.mask) as usize) }
    }

    /// The place of a route, unless there is none or it was removed.
    #[inline(always)]
    pub fn find(&self, id: u64) -> Option<Place> {
        self.canary.read();
        let mut i = self.home(id);
        loop {
            let entry = self.entry(i);
            let place = entry.place.load(Ordering::Acquire);
            if place == EMPTY {
                return None;
            }
            if entry.id.load(Ordering::Relaxed) == id {
                return (place & TAG != REMOVED).then_some(Place(place));
            }
            i += 1;
        }
    }

    #[inline(always)]
    fn home(&self, id: u64) -> u64 {
        id.wrapping_mul(HASH_FACTOR) >> self.shift
    }

    /// How many ids, removed ones included, the table takes before it is too full.
    pub fn capacity(&self) -> usize {
        (self.mask as usize + 1) * 2 / 3
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
        let mut i = self.home(id);
        loop {
            let entry = self.entry(i);
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
        (0..=self.mask).filter_map(|i| {
            let entry = self.entry(i);
            let place = entry.place.load(Ordering::Relaxed);
            (place != EMPTY && place != REMOVED).then(|| (entry.id.load(Ordering::Relaxed), Place(place)))
        })
    }

    /// Bytes of memory behind the table.
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + (self.mask as usize + 1) * size_of::<Entry>()
    }
}

impl Drop for Table {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        self.canary.free();
        let entries = std::ptr::slice_from_raw_parts_mut(self.entries, self.mask as usize + 1);
        // SAFETY: made by `with_room_for` from a box of this length; whoever drops the table is its last user.
        unsafe { drop(Box::from_raw(entries)) };
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
            table.place(id, Place::direct((id as u32) | 64, 1));
        }
        for &id in &ids {
            assert_eq!(table.find(id), Some(Place::direct((id as u32) | 64, 1)));
        }
        assert_eq!(table.find(0xdead_beef_0bad), None);
        assert_eq!(table.iter().count(), ids.len());
    }

    #[test]
    fn a_removed_route_is_gone_until_it_is_placed_again() {
        let table = Table::with_room_for(4);
        for id in [0, 7, 8] {
            table.place(id, Place::direct(64, 0));
        }
        table.remove(7);
        table.remove(99);
        assert_eq!(table.find(7), None);
        assert_eq!(table.find(8), Some(Place::direct(64, 0)));
        assert!(!table.place(7, Place::direct(70, 1)), "its entry is taken again");
        assert_eq!(table.find(7), Some(Place::direct(70, 1)));
    }
}
