//! Passages: how the rare side knows that no observer can still hold what it took out of the table.
//!
//! An observation is a *passage* through its lane: the lane's flag is up while the observation looks the route up and
//! counts, and down otherwise. What a passage found in the route table (the table itself, a layout, cells) must stay
//! what it was until the passage ends. Whoever wants to free or reuse such a thing first makes it unreachable, then
//! asks [`Quiescence`]: a lane whose flag is seen down, once, after a heavy fence, has left every passage that could
//! have found the thing. A busy lane's flag goes down after each observation, so a few looks find it down; whoever
//! counts a long run in one passage counts the runs too, and a change of that number says the same. This is quiescent-state reclamation, as in RCU (McKenney and Slingwine 1998), with the
//! store-load order of the hot side paid for by the rare side (see `sync.rs`).
//!
//! The fence before looking orders the observers' lookups: one that starts later finds the thing gone. Counters that
//! were added in a passage are visible once its end is (release; and for writers outside Rust, which can't express
//! release without a locked instruction, the drain executes its own heavy fence before it reads).
//!
//! The lane that threads share can't have one counter with one writer. There, passages count in and out with atomic
//! operations, in one of two generations (as in SRCU, McKenney 2006): the rare side turns to the other generation, so
//! that the one before drains, however busy the lane is.

use crate::sync::{heavy_fence, spin, AtomicU64, Ordering};

/// The passages of a lane with one writer.
#[repr(C)]
#[derive(Default)]
pub(crate) struct Passages {
    /// 1 inside of a passage, 0 outside.
    inside: AtomicU64,
    /// Runs begun.
    runs: AtomicU64,
}

impl Passages {
    /// Enters.
    #[inline(always)]
    pub fn enter(&self) {
        self.inside.store(1, Ordering::Relaxed);
        crate::sync::light_fence();
    }

    /// Leaves.
    #[inline(always)]
    pub fn leave(&self) {
        self.inside.store(0, Ordering::Release);
    }

    /// Enters, for a run of observations.
    pub fn enter_run(&self) {
        // Released by the end of the run before: whoever sees the new number knows that run to be over.
        self.runs.store(self.runs.load(Ordering::Relaxed).wrapping_add(1), Ordering::Release);
        self.enter();
    }

    fn is_inside(&self) -> bool {
        self.inside.load(Ordering::Acquire) != 0
    }

    fn runs(&self) -> u64 {
        self.runs.load(Ordering::Acquire)
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
    /// The lanes that have not, with the runs that they had begun.
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
        let looked_at = lanes().into_iter().map(|lane| {
            let runs = passages(&lane).runs();
            (lane, runs)
        });
        Some(Self { waiting: looked_at.collect(), passages, shared, empty: [false; 2] })
    }

    /// Whether all have left, now.
    pub fn reached(&mut self) -> bool {
        let passages = self.passages;
        self.waiting.retain(|(lane, runs)| passages(lane).is_inside() && passages(lane).runs() == *runs);
        for generation in [0, 1] {
            if !self.empty[generation] && self.shared.inside[generation].load(Ordering::SeqCst) == 0 {
                self.empty[generation] = true;
            }
        }
        if let Some(busy) = self.empty.iter().position(|empty| !empty) {
            self.shared.generation.store(1 - busy as u64, Ordering::Relaxed);
        }
        self.waiting.is_empty() && self.empty == [true; 2]
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
