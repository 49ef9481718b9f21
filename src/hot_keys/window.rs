//! A window: the sketches of what a lane has sampled since the last publication, one per (route, label, series).
//!
//! A window holds a bounded number of sketches. For one more, it passes the sketch at its clock hand on to the [`Spill`],
//! which all lanes share, as a summary: that is as good at publication, and costs a merge now.

use super::lane_keys::Common;
use super::space_saving::SpaceSaving;
use super::summary::{Part, Summary};
use super::try_lock::TryLock;
use super::SketchId;
use crate::hash::{hash, IntMap};
use std::sync::atomic::{AtomicU64, Ordering};

/// Locks of the spill; a power of two.
const SHARDS: usize = 16;

/// The sketches of one window.
#[derive(Default)]
pub(super) struct Window {
    sketches: Vec<Held>,
    index: IntMap<SketchId, u32>,
    /// The sketch that was used last.
    recent: usize,
    /// The sketch to pass on next.
    hand: usize,
    /// Bytes of all sketches.
    bytes: usize,
}

struct Held {
    id: SketchId,
    sketch: SpaceSaving,
    /// Bytes that are charged for it.
    bytes: usize,
}

/// What windows passed on.
#[derive(Default)]
pub(super) struct Spill {
    shards: [TryLock<IntMap<SketchId, Summary>>; SHARDS],
}

/// Bytes of samples and snapshots, against their share of the memory limit.
pub(super) struct Budget {
    /// Bytes at most; 0: no limit.
    limit: u64,
    used: AtomicU64,
}

impl Budget {
    pub fn new(limit: u64) -> Self {
        Self { limit, used: AtomicU64::new(0) }
    }

    pub fn is_exceeded(&self) -> bool {
        self.limit != 0 && self.used() > self.limit
    }

    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    pub fn add(&self, bytes: u64) {
        self.used.fetch_add(bytes, Ordering::Relaxed);
    }

    pub fn remove(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Window {
    /// Counts `weight` samples of a key. `false`: there is no room for it.
    #[inline]
    pub fn offer(&mut self, common: &Common, id: SketchId, key: &[u8], weight: u64) -> bool {
        if common.budget.is_exceeded() {
            return false;
        }
        if self.sketches.get(self.recent).is_none_or(|recent| recent.id != id) {
            match self.find_or_make(common, id) {
                Some(at) => self.recent = at,
                None => return false,
            }
        }
        if self.sketches[self.recent].sketch.offer(key, weight) {
            self.charge(self.recent, &common.budget);
        }
        true
    }

    fn find_or_make(&mut self, common: &Common, id: SketchId) -> Option<usize> {
        if let Some(&at) = self.index.get(&id) {
            return Some(at as usize);
        }
        let most = common.settings.queue_size;
        // When other lanes are in the way, there is as much room again.
        if self.sketches.len() >= most && !self.pass_one_on(common) && self.sketches.len() >= 2 * most {
            return None;
        }
        let at = self.sketches.len();
        self.sketches.push(Held { id, sketch: SpaceSaving::new(common.settings.entries), bytes: 0 });
        self.index.insert(id, at as u32);
        Some(at)
    }

    /// Charges a sketch for what it takes now.
    #[cold]
    fn charge(&mut self, at: usize, budget: &Budget) {
        let held = &mut self.sketches[at];
        let before = std::mem::replace(&mut held.bytes, SKETCH_BYTES + held.sketch.heap_bytes());
        self.bytes = self.bytes + held.bytes - before;
        budget.add(held.bytes as u64);
        budget.remove(before as u64);
    }

    /// Passes a sketch on to the spill. `false`: other lanes are in the way.
    #[cold]
    fn pass_one_on(&mut self, common: &Common) -> bool {
        const ATTEMPTS: usize = 4;
        for _ in 0..ATTEMPTS {
            self.hand = if self.hand + 1 < self.sketches.len() { self.hand + 1 } else { 0 };
            let Some(Held { id, sketch, .. }) = self.sketches.get(self.hand) else { return true };
            if let Some(mut shard) = common.spill.shard(*id).try_lock() {
                let passed_on = Summary::merge(common.settings.entries, [Part::from(sketch)]);
                spill_into(&mut shard, common, *id, passed_on);
                drop(shard);
                self.remove_at(self.hand, &common.budget);
                return true;
            }
        }
        false
    }

    fn remove_at(&mut self, at: usize, budget: &Budget) -> SpaceSaving {
        let Held { id, sketch, bytes } = self.sketches.swap_remove(at);
        self.index.remove(&id);
        if let Some(moved) = self.sketches.get(at) {
            self.index.insert(moved.id, at as u32);
        }
        self.bytes -= bytes;
        budget.remove(bytes as u64);
        sketch
    }

    /// Takes a sketch out.
    pub fn remove(&mut self, id: SketchId, budget: &Budget) -> Option<SpaceSaving> {
        self.index.get(&id).copied().map(|at| self.remove_at(at as usize, budget))
    }

    /// Takes all that the window holds, and leaves it empty.
    pub fn take(&mut self, budget: &Budget) -> impl Iterator<Item = (SketchId, SpaceSaving)> {
        let taken = std::mem::take(self);
        budget.remove(taken.bytes as u64);
        taken.sketches.into_iter().map(|held| (held.id, held.sketch))
    }
}

/// A sketch, its place in the window and in the index.
const SKETCH_BYTES: usize = size_of::<Held>() * 3 / 2 + 64;

impl Spill {
    fn shard(&self, id: SketchId) -> &TryLock<IntMap<SketchId, Summary>> {
        &self.shards[hash(id.route_id) as usize % SHARDS]
    }

    /// Adds to what is held for a sketch.
    pub fn add(&self, common: &Common, id: SketchId, summary: Summary) {
        spill_into(&mut self.shard(id).lock(), common, id, summary);
    }

    /// Takes what is held for a sketch.
    pub fn remove(&self, id: SketchId, budget: &Budget) -> Option<Summary> {
        let removed = self.shard(id).lock().remove(&id)?;
        budget.remove(removed.bytes());
        Some(removed)
    }

    /// Takes all.
    pub fn take(&self, budget: &Budget) -> Vec<(SketchId, Summary)> {
        let taken: Vec<_> = self.shards.iter().flat_map(|shard| std::mem::take(&mut *shard.lock())).collect();
        taken.iter().for_each(|(_, summary)| budget.remove(summary.bytes()));
        taken
    }
}

fn spill_into(shard: &mut IntMap<SketchId, Summary>, Common { settings, budget, .. }: &Common, id: SketchId, more: Summary) {
    let merged = match shard.remove(&id) {
        Some(known) => {
            budget.remove(known.bytes());
            Summary::merge(settings.entries, [Part::from(&known), Part::from(&more)])
        }
        None => more,
    };
    budget.add(merged.bytes());
    shard.insert(id, merged);
}
