//! The hand-over from the hot path: each lane samples into windows of its own.
//!
//! A sample goes straight into a sketch of its lane, in the observing thread: there is no queue that could run full, and
//! the faster threads observe, the more of them count. A lane has several windows, each behind a lock that is only
//! tried. The publication takes one at a time, for as long as moving a few words takes, and from the last to the first,
//! while writers look from the first to the last: so the lane's one writer, when it finds the first held, finds the
//! second free, and neither waits nor drops a sample. (Only if the next publication came to the second in between: then
//! it looks again, and drops the sample, counted, when that happened several times over.) In the lane that threads
//! share there are more windows, and the same holds for as many threads. What the windows of a lane hold is merged in
//! the end, so it makes no difference which one a sample went into.

use super::roll::Roll;
use super::space_saving::SpaceSaving;
use super::try_lock::TryLock;
use super::window::{Budget, Spill, Window};
use super::{Settings, SketchId};
use crate::sync::{AtomicU64, Ordering};
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
}

/// The hot keys' part of a lane.
pub(crate) struct LaneKeys {
    /// Bit 0: reads are sampled; bit 1: writes are.
    series: u32,
    /// What a label's number passes: all of it, or, where labels are off, nothing.
    labels: u32,
    longest_key: u32,
    roll: Roll,
    sampled: AtomicU64,
    skipped: AtomicU64,
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
    pub(super) fn new(common: Arc<Common>, shared: bool) -> Self {
        let windows = if shared { SHARED_WINDOWS } else { WINDOWS };
        Self {
            series: common.settings.series,
            labels: if common.settings.labels { u32::MAX } else { 0 },
            longest_key: common.settings.longest_key,
            roll: Roll::new(common.settings.rate),
            sampled: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            windows: (0..windows).map(|_| TryLock::default()).collect(),
            common,
        }
    }

    /// An observation of an individual route was counted in this lane, by its only writer.
    #[inline(always)]
    pub fn observe(&self, route_id: u64, label: u32, op: u32, key: &[u8]) {
        if self.series >> op & 1 == 0 {
            return;
        }
        if key.len() > self.longest_key as usize {
            bump(&self.skipped);
        } else if self.roll.is_due() {
            self.sample(SketchId::new(route_id, label & self.labels, op), key);
        }
    }

    #[cold]
    #[inline(never)]
    fn sample(&self, id: SketchId, key: &[u8]) {
        self.roll.draw();
        bump(&self.sampled);
        if !self.put(id, key, 1) {
            bump(&self.dropped);
        }
    }

    /// As [`LaneKeys::observe`], in the lane that threads share.
    pub fn observe_shared(&self, route_id: u64, label: u32, op: u32, key: &[u8]) {
        if self.series >> op & 1 == 0 {
            return;
        }
        if key.len() > self.longest_key as usize {
            self.skipped.fetch_add(1, Ordering::Relaxed);
        } else if self.roll.is_due_shared() {
            self.offer_id(SketchId::new(route_id, label & self.labels, op), key, 1);
        }
    }

    /// Takes `count` samples that the host has rolled for, in a lane of any sort.
    pub fn offer(&self, route_id: u64, label: u32, op: u32, key: &[u8], count: u64) {
        if self.series >> op & 1 == 0 {
            return;
        }
        if key.len() > self.longest_key as usize {
            self.skipped.fetch_add(count, Ordering::Relaxed);
        } else {
            self.offer_id(SketchId::new(route_id, label & self.labels, op), key, count);
        }
    }

    fn offer_id(&self, id: SketchId, key: &[u8], count: u64) {
        self.sampled.fetch_add(count, Ordering::Relaxed);
        if !self.put(id, key, count) {
            self.dropped.fetch_add(count, Ordering::Relaxed);
        }
    }

    /// Counts a sample in the first window that is free. `false`: there is none, or no room.
    #[inline]
    fn put(&self, id: SketchId, key: &[u8], count: u64) -> bool {
        const LOOKS: usize = if cfg!(loom) { 1 } else { 4 };
        let free = (0..LOOKS).find_map(|_| self.windows.iter().find_map(TryLock::try_lock));
        free.is_some_and(|mut window| window.offer(&self.common, id, key, count))
    }

    /// Takes what the windows hold.
    pub(super) fn take(&self) -> impl Iterator<Item = (SketchId, SpaceSaving)> + '_ {
        self.windows.iter().rev().flat_map(|window| window.lock().take(&self.common.budget))
    }

    /// Takes what the windows hold for one sketch.
    pub(super) fn remove(&self, id: SketchId) -> impl Iterator<Item = SpaceSaving> + '_ {
        self.windows.iter().rev().filter_map(move |window| window.lock().remove(id, &self.common.budget))
    }

    /// What was counted so far.
    pub fn tally(&self) -> Tally {
        let [sampled, skipped, dropped] = [&self.sampled, &self.skipped, &self.dropped].map(|count| count.load(Ordering::Relaxed));
        Tally { rolled: self.roll.rolled(), sampled, skipped, dropped }
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

/// Adds 1, as the only writer.
fn bump(counter: &AtomicU64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
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
        Arc::new(LaneKeys::new(Arc::new(Common { settings, spill: Spill::default(), budget: Budget::new(0) }), shared))
    }

    fn taken(lane: &LaneKeys) -> u64 {
        lane.take().map(|(_, sketch)| sketch.observed()).sum()
    }

    #[test]
    fn a_lane_with_one_writer_drops_nothing_and_every_sample_is_taken_once() {
        loom::model(|| {
            let lane = lane(false);
            let writer = {
                let lane = lane.clone();
                thread::spawn(move || lane.observe(1, 0, 1, b"k"))
            };
            let before = taken(&lane);
            writer.join().unwrap();
            assert_eq!((before + taken(&lane), lane.tally().dropped), (1, 0));
        });
    }

    #[test]
    fn threads_that_share_a_lane_hand_every_sample_over_or_drop_it() {
        loom::model(|| {
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
