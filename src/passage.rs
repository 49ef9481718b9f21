//! Passages: how the rare side knows that no observer can still hold what it took out of the table.
//!
//! An observation is a *passage* through its lane: the lane's counter is odd while the observation looks the route up
//! and counts, even otherwise. What a passage found in the route table (the table itself, a layout, cells) must stay
//! what it was until the passage ends. Whoever wants to free or reuse such a thing first makes it unreachable, then
//! asks [`Quiescence`]: after a heavy fence, every lane that is even, or has moved since, has left every passage that
//! could have found the thing. This is quiescent-state reclamation, as in RCU (McKenney and Slingwine 1998), with the
//! store-load order of the hot side paid for by the rare side (see `sync.rs`).
//!
//! The fence before looking orders the observers' lookups: one that starts later finds the thing gone. Counters that
//! were added in a passage are visible once its end is, or the beginning of the next (both release; and for writers
//! outside Rust, which can't express release without a locked instruction, a heavy fence follows the last look).
//!
//! The lane that threads share can't have one counter with one writer. There, passages count in and out with atomic
//! operations, in one of two generations (as in SRCU, McKenney 2006): the rare side turns to the other generation, so
//! that the one before drains, however busy the lane is.

use crate::sync::{heavy_fence, spin, AtomicU64, Ordering};

/// The passage counter of a lane with one writer.
#[repr(transparent)]
#[derive(Default)]
pub(crate) struct Passages(AtomicU64);

impl Passages {
    /// Enters; returns the count to leave with.
    #[inline(always)]
    pub fn enter(&self) -> u64 {
        let count = self.0.load(Ordering::Relaxed).wrapping_add(1);
        // Release: who sees this passage begun knows that the one before has ended, and must see what it counted.
        self.0.store(count, Ordering::Release);
        crate::sync::light_fence();
        count
    }

    /// Leaves the passage that `enter` began.
    #[inline(always)]
    pub fn leave(&self, count: u64) {
        self.0.store(count.wrapping_add(1), Ordering::Release);
    }

    fn load(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// The passages of the lane that threads share. The Go package counts in it too (see `layout.rs`).
#[repr(C)]
#[derive(Default)]
pub(crate) struct SharedPassages {
    generation: AtomicU64,
    inside: [AtomicU64; 2],
}

impl SharedPassages {
    /// Enters; returns the generation to leave with.
    pub fn enter(&self) -> u64 {
        let generation = self.generation.load(Ordering::Relaxed) & 1;
        self.inside[generation as usize].fetch_add(1, Ordering::SeqCst);
        crate::sync::light_fence();
        generation
    }

    /// Leaves the passage that `enter` began.
    pub fn leave(&self, generation: u64) {
        self.inside[generation as usize].fetch_sub(1, Ordering::Release);
    }
}

/// A look at all lanes: have they left every passage that was under way when the look began?
pub(crate) struct Quiescence<'a, L> {
    /// The lanes that have not, with the counts they had then.
    waiting: Vec<(L, u64)>,
    passages: fn(&L) -> &Passages,
    shared: &'a SharedPassages,
    /// Generations of the shared lane that have been seen empty.
    empty: [bool; 2],
}

impl<'a, L> Quiescence<'a, L> {
    /// Begins. What the caller made unreachable before is out of reach of every later passage.
    /// `None`: the system has no heavy fence, so nothing can be known.
    pub fn begin(
        lanes: impl FnOnce() -> Vec<L>,
        passages: fn(&L) -> &Passages,
        shared: &'a SharedPassages,
    ) -> Option<Self> {
        if !heavy_fence() {
            return None;
        }
        // The lanes are listed after the fence: one that is not on the list by now can't have looked before it.
        let counted = lanes().into_iter().map(|lane| {
            let count = passages(&lane).load();
            (lane, count)
        });
        Some(Self { waiting: counted.filter(|(_, count)| count % 2 == 1).collect(), passages, shared, empty: [false; 2] })
    }

    /// Whether all have left, now.
    pub fn reached(&mut self) -> bool {
        let passages = self.passages;
        self.waiting.retain(|(lane, count)| passages(lane).load() == *count);
        for generation in [0, 1] {
            if !self.empty[generation] && self.shared.inside[generation].load(Ordering::SeqCst) == 0 {
                self.empty[generation] = true;
            }
        }
        if let Some(busy) = self.empty.iter().position(|empty| !empty) {
            self.shared.generation.store(1 - busy as u64, Ordering::Relaxed);
        }
        self.waiting.is_empty() && self.empty == [true; 2] && heavy_fence()
    }

    /// Looks for a short while. An observer that was put to sleep inside a passage may well outlast it.
    pub fn reached_soon(&mut self) -> bool {
        const LOOKS: u32 = if cfg!(loom) { 1 } else { 2000 };
        (0..LOOKS).any(|_| {
            let reached = self.reached();
            if !reached {
                spin();
            }
            reached
        })
    }
}
