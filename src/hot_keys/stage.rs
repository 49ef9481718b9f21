//! The stage: samples of a lane that are not in a sketch yet.
//!
//! A sketch is several cache lines, and with many routes none of them is near. A sample at a time would wait for them one
//! after the other, so the lane's one writer only notes what it has sampled, in memory that is always near, and every
//! [`BATCH`] samples go into their sketches together, where the misses of one overlap with those of the others (see
//! `window.rs`). The Go package stages in place, and crosses into the library once per batch (see `layout.rs`).
//!
//! It is a ring with one producer, the lane's writer, and one consumer at a time, whoever holds the lane's first window:
//! the writer at the end of a batch, a publication or a removal at any time. `head` and `tail` count samples:
//!
//! - Slots from `head` up to `tail` and their keys are the consumer's, all else is the writer's. The store of `tail`
//!   (release) hands a sample over, and the store of `head` (release) gives its room back, zeroed.
//! - Keys lie one behind the other. The writer begins at the front again when it finds the stage empty.
//! - When the stage is full, since keys are long or the consumer was held up, the sample goes another way (see
//!   `lane_keys.rs`).
//!
//! With each slot lies the gap to the sample after the one that it takes (see `roll.rs`), which the consumer has drawn:
//! so a writer outside the library needs no generator. A sample that finds no slot leaves no gap behind it, `left` is
//! 0, and until the next sample each observation is rolled for by itself: in the long run that is the same.

use super::keys::copy_key;
use super::roll::Roll;
use super::{Settings, SketchId};
use crate::sync::{unlikely, AtomicU32, AtomicU64, Handed, Ordering};
use std::cell::UnsafeCell;

/// Samples that go into their sketches together: so many that their misses overlap, so few that one observation in many
/// does not take long.
pub(crate) const BATCH: usize = if cfg!(loom) { 1 } else { 8 };
/// Samples that fit; a power of two.
pub(crate) const SLOTS: usize = if cfg!(loom) { 2 } else { 16 };
/// Bytes of their keys: of the longest that there can be, one fits.
pub(crate) const KEY_BYTES: usize = if cfg!(loom) { 8 } else { 4096 };

/// A lane's stage, and what its writer counts. The Go package reads and writes all fields in place; see `layout.rs`.
#[repr(C, align(64))]
pub(crate) struct Stage {
    /// Observations up to and including the next sample; 0: each is rolled for.
    pub left: AtomicU32,
    /// Bytes of keys in use, unless the stage is empty.
    pub filled: AtomicU32,
    /// Samples that were staged so far.
    pub tail: AtomicU64,
    /// Observations that were rolled for, those of the gap under way included.
    pub drawn: AtomicU64,
    /// Samples.
    pub sampled: AtomicU64,
    /// Observations whose key is too long.
    pub skipped: AtomicU64,
    /// Bytes of a key at most; this and the following never change.
    pub longest_key: u32,
    /// Bit 0: reads are sampled; bit 1: writes are.
    pub series: u32,
    /// What a label's number passes: all of it, or, where labels are off, nothing.
    pub labels: u32,
    /// Samples of `tail` that are in sketches; in a cache line that writers only read.
    pub head: Line<AtomicU64>,
    pub gaps: [AtomicU32; SLOTS],
    slots: [Handed<Slot>; SLOTS],
    keys: UnsafeCell<[u8; KEY_BYTES]>,
}

/// A cache line of its own.
#[repr(C, align(64))]
pub(crate) struct Line<T>(T);

/// A staged sample.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Slot {
    route_id: u64,
    /// Where its key begins, among the keys.
    key_at: u16,
    key_len: u16,
    /// Label and operation, as in a [`SketchId`].
    sketch: u32,
}

// SAFETY: slots and keys are one thread's at a time; see the head of the module.
#[allow(unsafe_code)]
unsafe impl Sync for Stage {}

/// Samples that were staged. They are the consumer's.
pub(super) struct Samples<'s> {
    stage: &'s Stage,
    head: u64,
    len: usize,
}

impl Stage {
    pub const SLOTS_OFFSET: usize = std::mem::offset_of!(Self, slots);
    pub const KEYS_OFFSET: usize = std::mem::offset_of!(Self, keys);

    pub(super) fn new(settings: &Settings, roll: &Roll) -> Self {
        let stage = Self {
            left: AtomicU32::new(0),
            filled: AtomicU32::new(0),
            tail: AtomicU64::new(0),
            drawn: AtomicU64::new(0),
            sampled: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            longest_key: settings.longest_key,
            series: settings.series,
            labels: if settings.labels { u32::MAX } else { 0 },
            head: Line(AtomicU64::new(0)),
            gaps: std::array::from_fn(|_| AtomicU32::new(0)),
            slots: std::array::from_fn(|_| Handed::new(Slot::default())),
            keys: UnsafeCell::new([0; KEY_BYTES]),
        };
        stage.gaps.iter().zip(roll.gaps(SLOTS)).for_each(|(gap, drawn)| gap.store(drawn, Ordering::Relaxed));
        roll.gaps(1).for_each(|gap| stage.begin_gap(gap));
        stage
    }

    // ---- The writer's side.

    /// Whether this observation is a sample, or has to be rolled for by itself ([`Stage::is_sample`]).
    #[inline(always)]
    pub(super) fn is_due(&self) -> bool {
        let left = self.left.load(Ordering::Relaxed);
        if left > 1 {
            self.left.store(left - 1, Ordering::Relaxed);
        }
        left <= 1
    }

    /// Whether an observation that is due is a sample: then [`Stage::push`] must follow.
    #[inline]
    pub(super) fn is_sample(&self, roll: &Roll) -> bool {
        if self.left.load(Ordering::Relaxed) == 0 {
            unlikely();
            bump(&self.drawn, 1);
            return roll.is_sample();
        }
        true
    }

    fn begin_gap(&self, gap: u32) {
        self.left.store(gap, Ordering::Relaxed);
        bump(&self.drawn, gap.into());
    }

    /// Stages a sample. How many wait now; `None`: it didn't fit.
    #[inline]
    #[allow(unsafe_code)]
    pub(super) fn push(&self, id: SketchId, key: &[u8]) -> Option<usize> {
        bump(&self.sampled, 1);
        let (tail, head) = (self.tail.load(Ordering::Relaxed), self.head.0.load(Ordering::Acquire));
        let waiting = tail.wrapping_sub(head) as usize;
        let filled = if waiting == 0 { 0 } else { self.filled.load(Ordering::Relaxed) as usize };
        if waiting >= SLOTS || key.len() > KEY_BYTES - filled.min(KEY_BYTES) {
            unlikely();
            self.left.store(0, Ordering::Relaxed);
            return None;
        }
        let at = tail as usize % SLOTS;
        let slot = Slot { route_id: id.route_id, key_at: filled as u16, key_len: key.len() as u16, sketch: id.slot.into() };
        // SAFETY: the slot and these bytes, which are among the keys, are the writer's until the store of `tail`.
        self.slots[at].with_mut(|place| unsafe { place.write(slot) });
        // SAFETY: as above.
        unsafe { copy_key(key, self.keys.get().cast::<u8>().add(filled)) };
        self.filled.store((filled + key.len()) as u32, Ordering::Relaxed);
        self.begin_gap(self.gaps[at].load(Ordering::Relaxed));
        self.tail.store(tail.wrapping_add(1), Ordering::Release);
        Some(waiting + 1)
    }

    // ---- The consumer's side.

    /// Whether no sample waits.
    pub(super) fn is_empty(&self) -> bool {
        self.tail.load(Ordering::Acquire) == self.head.0.load(Ordering::Relaxed)
    }

    /// Lets `f` have the samples that wait, and makes room for others.
    ///
    /// # Safety
    /// One caller at a time, each ordered after the one before.
    #[allow(unsafe_code)]
    pub(super) unsafe fn take<R>(&self, roll: &Roll, f: impl FnOnce(&Samples<'_>) -> R) -> R {
        let (tail, head) = (self.tail.load(Ordering::Acquire), self.head.0.load(Ordering::Relaxed));
        let samples = Samples { stage: self, head, len: (tail.wrapping_sub(head) as usize).min(SLOTS) };
        let done = f(&samples);
        if samples.len > 0 {
            let (from, last) = (samples.key_place(0).start, samples.key_place(samples.len - 1).end);
            // SAFETY: the keys are the consumer's until the store of `head`; they lie one behind the other.
            unsafe { self.keys.get().cast::<u8>().add(from).write_bytes(0, last.saturating_sub(from)) };
        }
        for (i, gap) in (0..samples.len).zip(roll.gaps(samples.len)) {
            self.gaps[samples.place(i)].store(gap, Ordering::Relaxed);
        }
        self.head.0.store(tail, Ordering::Release);
        done
    }

    // ---- Anybody's.

    /// Observations that were rolled for, so far. Exact while nobody rolls.
    pub(super) fn rolled(&self) -> u64 {
        self.drawn.load(Ordering::Relaxed).wrapping_sub(self.left.load(Ordering::Relaxed).into())
    }
}

impl Samples<'_> {
    pub fn len(&self) -> usize {
        self.len
    }

    /// The place of a sample.
    fn place(&self, i: usize) -> usize {
        self.head.wrapping_add(i as u64) as usize % SLOTS
    }

    #[inline(always)]
    #[allow(unsafe_code)]
    fn slot(&self, i: usize) -> Slot {
        // SAFETY: the slot is the consumer's for as long as there are `Samples`.
        self.stage.slots[self.place(i)].with_mut(|place| unsafe { place.read() })
    }

    pub fn id(&self, i: usize) -> SketchId {
        let Slot { route_id, sketch, .. } = self.slot(i);
        SketchId { route_id, slot: sketch as u8 }
    }

    /// Where a key lies among the keys: nowhere, if the writer has broken the rules and written anything.
    #[inline(always)]
    fn key_place(&self, i: usize) -> std::ops::Range<usize> {
        let Slot { key_at, key_len, .. } = self.slot(i);
        let (at, to) = (key_at as usize, key_at as usize + key_len as usize);
        if to <= KEY_BYTES { at..to } else { 0..0 }
    }

    #[inline(always)]
    #[allow(unsafe_code)]
    pub fn key(&self, i: usize) -> &[u8] {
        let place = self.key_place(i);
        // SAFETY: among the keys, and the consumer's for as long as there are `Samples`.
        unsafe { std::slice::from_raw_parts(self.stage.keys.get().cast::<u8>().add(place.start), place.len()) }
    }
}

/// Adds, as the only writer.
pub(super) fn bump(counter: &AtomicU64, more: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
}
