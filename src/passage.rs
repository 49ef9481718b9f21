//! Passages: how the rare side knows that no observer can still hold what it took out of the table.
//!
//! An observation is a *passage* through its lane: the lane's flag is up while the observation looks the route up and
//! counts, and down otherwise. What a passage found in the route table (the table itself, a layout, cells) must stay
//! what it was until the passage ends. Whoever wants to free or reuse such a thing makes it unreachable first, and
//! asks [`Quiescence`] then. This is quiescent-state reclamation, as in RCU (McKenney and Slingwine 1998), with the
//! store-load order of the hot side paid for by the rare side (see `sync.rs`).
//!
//! **Looks.** The rare side looks at all lanes from time to time (each drain does, while something waits). A look
//! begins with a heavy fence; looks are numbered. What is made unreachable before look `n` begins waits for look `n`:
//! until each lane has *passed* it, which is to say that every passage that may have looked things up before `n`'s
//! fence is over. Each lane passes on its own, in look `n` or in any later one, and what it has passed is remembered.
//! So nobody has to find all lanes quiet at the same time: with more threads than cores, some of them always sleep
//! inside of a passage.
//!
//! **One lane with one writer** passes look `n`
//! - when its flag is seen down after `n`'s fence; or
//! - when its number of *runs* is seen to be another one than was seen after `n`'s fence. (Whoever counts many
//!   observations in one passage, a run, has the flag up nearly all the time, and numbers the runs for that.)
//!
//! Why, with the order of each access:
//! - *enter* stores the flag (relaxed; before it, in a run, the number: release), then executes the light fence, then
//!   looks things up. The rare side unpublishes, executes the heavy fence, then loads the number and the flag
//!   (acquire). The two fences are ordered one way or the other. Light before heavy: the rare side sees the flag up.
//!   Heavy before light: the lookup finds what was unpublished gone, and the passage is none to wait for.
//! - *leave* stores the flag (release), after everything that the passage read and counted. The flag that was seen
//!   down (acquire) is therefore the end of the passages before `n`'s fence, or the rest from which later ones begin;
//!   what they counted is visible, and a drain that follows takes it.
//! - A new number was stored (release) after the passage before it ended, so whoever sees it (acquire) has that
//!   passage behind, with its counts. And the run that it numbers began after `n`'s fence, or its number would have
//!   been seen.
//!
//! Writers outside Rust can't express release without a locked instruction everywhere; they do what the language's
//! own machine model asks for (on amd64 plain stores, which are seen in their order), and the drain executes a heavy
//! fence of its own before it reads counters.
//!
//! **Who holds a lane** doesn't matter to any of this: a lane that comes back and goes to another thread between two
//! looks is the same flag, handed over with release and acquire (see `lane.rs`), and it comes back outside of a
//! passage. Lanes are listed after the fence. One that isn't on the list of look `n` was made by somebody whose light
//! fences come after `n`'s heavy one, so it has passed `n` and all before when a later look meets it.
//!
//! **The lane that threads share** can't have one flag with one writer. There, passages count in and out with atomic
//! operations (in: before the light fence; out: release), in one of two generations (as in SRCU, McKenney 2006): a
//! generation passes look `n` when it is seen empty after `n`'s fence, by the argument above. The rare side turns
//! newcomers to the other generation than the one it waits for, so that each drains, however busy the lane is. A
//! passage that chose its generation before the turn, and counts in after it, only makes the wait longer.

use crate::sync::{heavy_fence, AtomicU64, Ordering};
use std::sync::Arc;

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

/// What is known of the passages of a sampler's lanes; see the head.
#[derive(Default)]
pub(crate) struct Quiescence {
    /// Looks begun.
    looks: u64,
    /// In the order of the list of lanes, which only grows.
    lanes: Vec<Seen>,
    /// The newest look that each generation of the shared lane has passed.
    shared: [u64; 2],
}

/// What was seen of one lane.
struct Seen {
    /// The newest look that it has passed.
    passed: u64,
    /// Its number of runs, as of `look`.
    runs: u64,
    look: u64,
}

impl Quiescence {
    /// The look that what is made unreachable now has to wait for.
    pub fn next_look(&self) -> u64 {
        self.looks + 1
    }

    /// Whether every passage that could have found what waited for this look is over.
    pub fn has_passed(&self, look: u64) -> bool {
        let lanes = self.lanes.iter().map(|lane| lane.passed);
        look <= lanes.chain(self.shared).min().unwrap_or(0)
    }

    /// Looks at all lanes, again and again until the look `wait_for` has been passed or `patience` is at its end.
    /// `lanes` lists them; those of an earlier list come first, in the same order. `false`: the system has no heavy
    /// fence, so nothing can be known.
    pub fn look<L>(
        &mut self,
        lanes: impl FnOnce() -> Arc<Vec<L>>,
        passages: fn(&L) -> &Passages,
        shared: &SharedPassages,
        wait_for: u64,
        mut patience: impl FnMut() -> bool,
    ) -> bool {
        if !heavy_fence() {
            return false;
        }
        self.looks += 1;
        let lanes = lanes();
        self.meet(lanes[self.lanes.len()..].iter().map(passages));
        loop {
            for (seen, lane) in self.lanes.iter_mut().zip(lanes.iter()) {
                seen.see(passages(lane), self.looks);
            }
            self.see_shared(shared);
            if self.has_passed(wait_for) || !patience() {
                return true;
            }
        }
    }

    /// Takes lanes up that no look has met: they have passed the looks before this one.
    fn meet<'a>(&mut self, lanes: impl Iterator<Item = &'a Passages>) {
        let look = self.looks;
        self.lanes.extend(lanes.map(|lane| Seen { passed: look - 1, runs: lane.runs(), look }));
    }

    fn see_shared(&mut self, shared: &SharedPassages) {
        for (passed, inside) in self.shared.iter_mut().zip(&shared.inside) {
            if *passed < self.looks && inside.load(Ordering::SeqCst) == 0 {
                *passed = self.looks;
            }
        }
        // Waits for the one that is behind; where neither is, for the one that has no newcomers.
        let turned_to = match self.shared {
            [a, b] if a < b => 1,
            [a, b] if a > b => 0,
            _ => return,
        };
        // The load keeps a line that observers read from being written.
        if shared.generation.load(Ordering::Relaxed) != turned_to {
            shared.generation.store(turned_to, Ordering::Relaxed);
        }
    }
}

impl Seen {
    fn see(&mut self, lane: &Passages, look: u64) {
        if self.passed == look {
            return;
        }
        if !lane.is_inside() {
            self.passed = look;
            return;
        }
        let runs = lane.runs();
        if runs != self.runs {
            self.passed = self.passed.max(self.look);
        }
        (self.runs, self.look) = (runs, look);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Lanes {
        lanes: Vec<Arc<Passages>>,
        shared: SharedPassages,
        quiescence: Quiescence,
    }

    impl Lanes {
        fn with(count: usize) -> Self {
            Self { lanes: (0..count).map(|_| Arc::default()).collect(), ..Self::default() }
        }

        /// One look, without patience.
        fn look(&mut self) -> u64 {
            let look = self.quiescence.next_look();
            let lanes = || Arc::new(self.lanes.clone());
            assert!(self.quiescence.look(lanes, |lane| lane, &self.shared, look, || false), "there is membarrier(2)");
            look
        }

        /// The newest look that everybody has passed.
        fn passed(&self) -> u64 {
            (0..self.quiescence.next_look()).rev().find(|&look| self.quiescence.has_passed(look)).unwrap_or(0)
        }
    }

    #[test]
    fn each_lane_passes_once_it_is_seen_outside_whatever_the_others_do_then() {
        let mut all = Lanes::with(3);
        all.lanes[0].enter();
        all.lanes[1].enter();
        let first = all.look();
        assert_eq!(all.passed(), 0);
        all.lanes[0].leave();
        all.look();
        all.lanes[0].enter();
        all.lanes[2].enter();
        all.lanes[1].leave();
        all.look();
        assert_eq!(all.passed(), first + 1, "though at no look were all of them outside");
        all.lanes[0].leave();
        all.lanes[2].leave();
        assert_eq!((all.look(), all.passed()), (4, 4));
    }

    #[test]
    fn what_is_removed_after_a_look_began_waits_for_the_next() {
        let mut all = Lanes::with(1);
        all.look();
        let removed = all.quiescence.next_look();
        all.lanes[0].enter();
        assert!(!all.quiescence.has_passed(removed));
        all.look();
        assert!(!all.quiescence.has_passed(removed), "the passage may have begun before the removal");
        all.lanes[0].leave();
        all.look();
        assert!(all.quiescence.has_passed(removed));
    }

    #[test]
    fn a_run_that_began_after_a_look_has_passed_that_look_and_no_later_one() {
        let mut all = Lanes::with(1);
        all.lanes[0].enter_run();
        all.look();
        all.look();
        assert_eq!(all.passed(), 0, "it is the same run");
        all.lanes[0].leave();
        all.lanes[0].enter_run();
        all.look();
        assert_eq!(all.passed(), 2);
        all.look();
        assert_eq!(all.passed(), 2);
    }

    #[test]
    fn a_lane_made_later_waits_for_nothing_that_was_removed_before_it() {
        let mut all = Lanes::with(1);
        all.lanes[0].enter();
        all.look();
        all.lanes[0].leave();
        all.lanes.push(Arc::default());
        all.lanes[1].enter();
        all.look();
        assert_eq!(all.passed(), 1);
    }

    #[test]
    fn the_shared_lane_passes_though_somebody_is_always_inside() {
        let mut all = Lanes::with(1);
        let mut inside = all.shared.enter();
        let removed = all.quiescence.next_look();
        let looks = (0..10).find(|_| {
            all.look();
            let next = all.shared.enter();
            all.shared.leave(std::mem::replace(&mut inside, next));
            all.quiescence.has_passed(removed)
        });
        assert!(looks.is_some());
        let (first, second) = (all.shared.enter(), all.look());
        assert!(!all.quiescence.has_passed(second), "two are inside yet");
        all.shared.leave(first);
        all.shared.leave(inside);
        (0..2).for_each(|_| assert!(all.look() > second));
        assert!(all.quiescence.has_passed(second));
    }
}
