//! The hand-over from the hot path: each lane samples into windows of its own.
//!
//! A sample goes into a sketch of its lane, in the observing thread, and a few together (see `stage.rs`): no other thread
//! has to keep up with the observers, and the faster threads observe, the more of them count. A lane has several windows,
//! each behind a lock that is only tried. The holder of the first one, and nobody else, takes what is staged: the lane's
//! one writer when a batch is complete, a publication before it takes the window, so that no sample stays behind.
//!
//! The publication takes one window at a time, for as long as moving a few words takes (and a batch, at the first), and
//! from the last to the first, while writers look from the first to the last: so the lane's one writer, when it finds
//! the first held, goes on staging, and when the stage is full, finds the second free; it neither waits nor drops a
//! sample. (Only if the next publication came to the second in between: then it looks again, and drops the sample,
//! counted, when that happened several times over.) In the lane that threads share nothing is staged, and there are more
//! windows: the same holds for as many threads. What the windows of a lane hold is merged in the end, so it makes no
//! difference which one a sample went into.

use super::roll::Roll;
use super::space_saving::{hash_key, SpaceSaving};
use super::stage::{bump, Stage, BATCH};
use super::try_lock::{Held, TryLock};
use super::window::{most_bytes, Budget, Spill, Window};
use super::{Settings, SketchId};
use crate::sync::{AtomicU64, Ordering};
use foldhash::fast::RandomState;
use std::sync::Arc;

/// Windows of a lane with one writer: one to write when the other is being taken.
const WINDOWS: usize = 2;
/// Windows of the lane that threads share: as many threads as can be in the middle of a sample.
const SHARED_WINDOWS: usize = if cfg!(loom) { 2 } else { 16 };

/// What all lanes of a sampler share.
pub(super) struct Common {
    pub settings: Settings,
    pub spill: Spill,
    pub budget: Budget,
    /// Of keys, in every sketch.
    pub hasher: RandomState,
    /// Of a window.
    pub most_bytes: usize,
}

impl Common {
    pub fn new(settings: Settings, limit_bytes: u64) -> Self {
        let most_bytes = most_bytes(&settings);
        Self { settings, spill: Spill::default(), budget: Budget::new(limit_bytes), hasher: RandomState::default(), most_bytes }
    }

    #[inline]
    pub fn hash(&self, key: &[u8]) -> u32 {
        hash_key(&self.hasher, key)
    }
}

/// The hot keys' part of a lane. The Go package reads and writes the stage in place (see `layout.rs`).
#[repr(C)]
pub(crate) struct LaneKeys {
    stage: Stage,
    roll: Roll,
    dropped: AtomicU64,
    windows: Box<[TryLock<Window>]>,
    common: Arc<Common>,
}

/// What became of observations that had a key, on individual routes and in the series that are sampled:
/// all of them are `rolled + skipped`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Observations that were rolled for.
    pub rolled: u64,
    /// Those that were sampled, or offered.
    pub sampled: u64,
    /// Keys longer than the limit; they were not rolled for.
    pub skipped: u64,
    /// Samples that could not be taken.
    pub dropped: u64,
}

impl LaneKeys {
    pub const STAGE_OFFSET: usize = std::mem::offset_of!(Self, stage);

    pub(super) fn new(common: Arc<Common>, shared: bool) -> Self {
        let windows = if shared { SHARED_WINDOWS } else { WINDOWS };
        let roll = Roll::new(common.settings.rate);
        Self {
            stage: Stage::new(&common.settings, &roll),
            roll,
            dropped: AtomicU64::new(0),
            windows: (0..windows).map(|_| TryLock::default()).collect(),
            common,
        }
    }

    /// An observation of an individual route was counted in this lane, by its only writer.
    #[inline(always)]
    pub fn observe(&self, route_id: u64, label: u32, op: u32, key: &[u8]) {
        if self.is_due(op, key.len()) {
            self.sample(route_id, label, op, key);
        }
    }

    /// Whether [`LaneKeys::sample`] must follow.
    #[inline(always)]
    fn is_due(&self, op: u32, key_len: usize) -> bool {
        if !self.is_sampled(op) {
            return false;
        }
        if key_len > self.stage.longest_key as usize {
            bump(&self.stage.skipped, 1);
            return false;
        }
        self.stage.is_due()
    }

    /// Whether an observation, if it counts, is no sample: then [`LaneKeys::pass_over`] does for [`LaneKeys::observe`]. For the
    /// only writer of the lane.
    #[inline(always)]
    pub fn passes_over(&self, op: u32, key_len: usize) -> bool {
        !self.is_sampled(op) || key_len <= self.stage.longest_key as usize && self.stage.left.load(Ordering::Relaxed) > 1
    }

    /// Takes note of an observation that was passed over, and counted on an individual route.
    #[inline(always)]
    pub fn pass_over(&self, op: u32) {
        if self.is_sampled(op) {
            self.stage.left.store(self.stage.left.load(Ordering::Relaxed).wrapping_sub(1), Ordering::Relaxed);
        }
    }

    /// Whether there are hot keys of such operations.
    #[inline(always)]
    fn is_sampled(&self, op: u32) -> bool {
        self.stage.series.wrapping_shr(op) & 1 != 0
    }

    /// Samples an observation that is due, for the only writer of the lane.
    #[cold]
    #[inline(never)]
    fn sample(&self, route_id: u64, label: u32, op: u32, key: &[u8]) {
        if !self.stage.is_sample(&self.roll) {
            return;
        }
        let id = SketchId::new(route_id, label & self.stage.labels, op);
        match self.stage.push(id, key) {
            Some(waiting) if waiting < BATCH => {}
            Some(_) => self.apply(),
            None => self.put_unstaged(id, key),
        }
    }

    /// Takes a sample that doesn't fit into the stage.
    #[cold]
    #[inline(never)]
    fn put_unstaged(&self, id: SketchId, key: &[u8]) {
        self.apply();
        self.put(id, key, 1);
    }

    /// Moves what is staged into sketches, unless somebody else is at it.
    #[cold]
    #[inline(never)]
    pub fn apply(&self) {
        if let Some(mut first) = self.windows[0].try_lock() {
            self.apply_into(&mut first);
        }
    }

    #[allow(unsafe_code)]
    fn apply_into(&self, first: &mut Held<'_, Window>) {
        // SAFETY: it is the first window, and held.
        let dropped = unsafe { self.stage.take(&self.roll, |samples| first.offer_all(&self.common, samples)) };
        if dropped > 0 {
            self.dropped.fetch_add(dropped, Ordering::Relaxed);
        }
    }

    /// As [`LaneKeys::observe`], in the lane that threads share.
    pub fn observe_shared(&self, route_id: u64, label: u32, op: u32, key: &[u8]) {
        if !self.is_sampled(op) {
            return;
        }
        if key.len() > self.stage.longest_key as usize {
            self.stage.skipped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.stage.drawn.fetch_add(1, Ordering::Relaxed);
        if self.roll.is_sample() {
            self.stage.sampled.fetch_add(1, Ordering::Relaxed);
            self.put(SketchId::new(route_id, label & self.stage.labels, op), key, 1);
        }
    }

    /// Takes `count` samples that the host has rolled for, in a lane of any sort.
    pub fn offer(&self, route_id: u64, label: u32, op: u32, key: &[u8], count: u64) {
        if !self.is_sampled(op) {
            return;
        }
        if key.len() > self.stage.longest_key as usize {
            self.stage.skipped.fetch_add(count, Ordering::Relaxed);
        } else {
            self.stage.sampled.fetch_add(count, Ordering::Relaxed);
            self.put(SketchId::new(route_id, label & self.stage.labels, op), key, count);
        }
    }

    /// Takes a sample that was counted and did not fit into its lane's stage.
    pub fn put_sample(&self, route_id: u64, label: u32, op: u32, key: &[u8]) {
        self.put(SketchId::new(route_id, label & self.stage.labels, op), key, 1);
    }

    /// Counts samples in the first window that is free, or as dropped where there is none, or no room.
    #[inline]
    fn put(&self, id: SketchId, key: &[u8], count: u64) {
        const LOOKS: usize = if cfg!(loom) { 1 } else { 4 };
        let free = (0..LOOKS).find_map(|_| self.windows.iter().find_map(TryLock::try_lock));
        if !free.is_some_and(|mut window| window.offer(&self.common, id, key, count)) {
            self.dropped.fetch_add(count, Ordering::Relaxed);
        }
    }

    /// The windows, from the last to the first, each held for a moment; the first has what was staged.
    fn held_windows(&self) -> impl Iterator<Item = Held<'_, Window>> {
        self.windows.iter().enumerate().rev().map(|(i, window)| {
            let mut held = window.lock();
            if i == 0 && !self.stage.is_empty() {
                self.apply_into(&mut held);
            }
            held
        })
    }

    /// Takes what was sampled.
    pub(super) fn take(&self) -> impl Iterator<Item = (SketchId, SpaceSaving)> + '_ {
        self.held_windows().flat_map(|mut window| window.take(&self.common.budget))
    }

    /// Takes what was sampled for one sketch.
    pub(super) fn remove(&self, id: SketchId) -> impl Iterator<Item = SpaceSaving> + '_ {
        self.held_windows().filter_map(move |mut window| window.remove(id, &self.common.budget))
    }

    /// What was counted so far.
    pub fn tally(&self) -> Tally {
        let [sampled, skipped, dropped] =
            [&self.stage.sampled, &self.stage.skipped, &self.dropped].map(|count| count.load(Ordering::Relaxed));
        Tally { rolled: self.stage.rolled(), sampled, skipped, dropped }
    }
}

impl std::ops::Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            rolled: self.rolled.wrapping_add(other.rolled),
            sampled: self.sampled.wrapping_add(other.sampled),
            skipped: self.skipped.wrapping_add(other.skipped),
            dropped: self.dropped.wrapping_add(other.dropped),
        }
    }
}

/// The hand-over in every order that there is; run with the models of the hot path (`make loom`).
#[cfg(all(test, loom))]
mod loom_tests {
    use super::*;
    use crate::options::Options;
    use loom::thread;

    /// A lane that samples every write.
    fn lane(shared: bool) -> Arc<LaneKeys> {
        let options = Options { hot_keys_enabled: true, hot_keys_sample_rate: 1, ..Options::default() };
        let settings = Settings::new(&options.effective()).expect("hot keys are on");
        Arc::new(LaneKeys::new(Arc::new(Common::new(settings, 0)), shared))
    }

    fn taken(lane: &LaneKeys) -> u64 {
        lane.take().map(|(_, sketch)| sketch.observed()).sum()
    }

    fn check(model: impl Fn() + Sync + Send + 'static) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = builder.preemption_bound.or(Some(3));
        builder.check(model);
    }

    /// A batch is one sample here: what is staged goes into a sketch at once, unless a publication has the window.
    #[test]
    fn a_lane_with_one_writer_drops_nothing_and_every_sample_is_taken_once() {
        check(|| {
            let lane = lane(false);
            let writer = {
                let lane = lane.clone();
                thread::spawn(move || (0..2).for_each(|_| lane.observe(1, 0, 1, b"k")))
            };
            let before = taken(&lane);
            writer.join().unwrap();
            assert_eq!((before + taken(&lane), lane.tally().dropped), (2, 0));
        });
    }

    /// The first window is held, as by a publication that the system has put to sleep: the stage runs full.
    #[test]
    fn a_writer_whose_stage_is_full_counts_in_the_second_window() {
        check(|| {
            let lane = lane(false);
            let publisher = {
                let lane = lane.clone();
                thread::spawn(move || taken(&lane))
            };
            let held = lane.windows[0].lock();
            (0..4).for_each(|_| lane.observe(1, 0, 1, b"k"));
            drop(held);
            let taken = publisher.join().unwrap() + taken(&lane);
            let Tally { rolled, sampled, dropped, .. } = lane.tally();
            assert_eq!((rolled, sampled, taken + dropped), (4, 4, 4));
        });
    }

    /// Who applies a batch need not be the writer, nor in the lane: so the Go package does, which stages in place.
    #[test]
    fn a_batch_is_applied_once_whoever_does_it() {
        check(|| {
            let lane = lane(false);
            let others = [0, 1].map(|i| {
                let lane = lane.clone();
                thread::spawn(move || if i == 0 { lane.apply() } else { lane.observe(1, 0, 1, b"k") })
            });
            lane.apply();
            others.into_iter().for_each(|other| other.join().unwrap());
            assert_eq!((taken(&lane), lane.tally().dropped), (1, 0));
        });
    }

    /// Samples that the last holder has staged are the next holder's to apply.
    #[test]
    fn a_lane_that_passes_to_another_holder_keeps_what_is_staged() {
        check(|| {
            let lane = lane(false);
            let held = lane.windows[0].lock();
            lane.observe(1, 0, 1, b"a");
            drop(held);
            let next = {
                let lane = lane.clone();
                thread::spawn(move || lane.observe(1, 0, 1, b"b"))
            };
            let before = taken(&lane);
            next.join().unwrap();
            assert_eq!((before + taken(&lane), lane.tally().dropped), (2, 0));
        });
    }

    #[test]
    fn threads_that_share_a_lane_hand_every_sample_over_or_drop_it() {
        check(|| {
            let lane = lane(true);
            let writers = [0, 1].map(|_| {
                let lane = lane.clone();
                thread::spawn(move || lane.observe_shared(1, 0, 1, b"k"))
            });
            writers.into_iter().for_each(|writer| writer.join().unwrap());
            let Tally { sampled, dropped, .. } = lane.tally();
            assert_eq!((sampled, taken(&lane) + dropped), (2, 2));
        });
    }
}
