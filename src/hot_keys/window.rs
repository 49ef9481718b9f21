//! A window: the sketches of what a lane has sampled since the last publication, one per (route, label, series).
//!
//! A window holds a bounded number of keys. When a sample would exceed it, the window passes the sketch at its clock
//! hand on to the [`Spill`], which all lanes share, as a summary: that is as good at publication, and costs a merge now.

use super::space_saving::SpaceSaving;
use super::summary::{Part, Summary};
use super::try_lock::TryLock;
use super::{Settings, SketchId};
use crate::hash::{hash, IntMap};
use std::sync::atomic::{AtomicU64, Ordering};

/// Locks of the spill; a power of two.
const SHARDS: usize = 16;

/// The sketches of one window.
#[derive(Default)]
pub(super) struct Window {
    sketches: Vec<(SketchId, SpaceSaving)>,
    index: IntMap<SketchId, u32>,
    /// The sketch that was used last.
    recent: usize,
    /// The sketch to pass on next.
    hand: usize,
    /// Entries of all sketches.
    keys: usize,
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
    pub fn offer(&mut self, settings: &Settings, spill: &Spill, budget: &Budget, id: SketchId, key: &[u8], weight: u64) -> bool {
        if self.keys >= settings.queue_size && !self.pass_one_on(settings, spill, budget) && self.keys >= 2 * settings.queue_size {
            return false;
        }
        if budget.is_exceeded() {
            return false;
        }
        let at = self.find_or_make(settings, budget, id);
        let sketch = &mut self.sketches[at].1;
        let before = sketch.heap_bytes();
        self.keys += usize::from(sketch.offer(key, weight));
        let after = sketch.heap_bytes();
        if after != before {
            self.bytes = self.bytes + after - before;
            budget.add(after as u64);
            budget.remove(before as u64);
        }
        true
    }

    #[inline]
    fn find_or_make(&mut self, settings: &Settings, budget: &Budget, id: SketchId) -> usize {
        if self.sketches.get(self.recent).is_none_or(|(recent, _)| *recent != id) {
            let next = self.sketches.len();
            let at = *self.index.entry(id).or_insert(next as u32) as usize;
            if at == next {
                self.sketches.push((id, SpaceSaving::new(settings.entries)));
                self.bytes += SKETCH_BYTES;
                budget.add(SKETCH_BYTES as u64);
            }
            self.recent = at;
        }
        self.recent
    }

    /// Passes a sketch on to the spill. `false`: other lanes are in the way.
    #[cold]
    fn pass_one_on(&mut self, settings: &Settings, spill: &Spill, budget: &Budget) -> bool {
        const ATTEMPTS: usize = 4;
        for _ in 0..ATTEMPTS {
            self.hand = if self.hand + 1 < self.sketches.len() { self.hand + 1 } else { 0 };
            let Some((id, sketch)) = self.sketches.get(self.hand) else { return true };
            if let Some(mut shard) = spill.shard(*id).try_lock() {
                let passed_on = Summary::merge(settings.entries, [Part::from(sketch)]);
                spill_into(&mut shard, settings, budget, *id, passed_on);
                drop(shard);
                self.remove_at(self.hand, budget);
                return true;
            }
        }
        false
    }

    fn remove_at(&mut self, at: usize, budget: &Budget) -> SpaceSaving {
        let (id, sketch) = self.sketches.swap_remove(at);
        self.index.remove(&id);
        if let Some((moved, _)) = self.sketches.get(at) {
            self.index.insert(*moved, at as u32);
        }
        let bytes = (SKETCH_BYTES + sketch.heap_bytes()).min(self.bytes);
        self.bytes -= bytes;
        budget.remove(bytes as u64);
        self.keys -= sketch.len();
        sketch
    }

    /// Takes a sketch out.
    pub fn remove(&mut self, id: SketchId, budget: &Budget) -> Option<SpaceSaving> {
        self.index.get(&id).copied().map(|at| self.remove_at(at as usize, budget))
    }

    /// Takes all that the window holds, and leaves it empty.
    pub fn take(&mut self, budget: &Budget) -> Vec<(SketchId, SpaceSaving)> {
        let taken = std::mem::take(self);
        budget.remove(taken.bytes as u64);
        taken.sketches
    }
}

/// A sketch, its place in the window and in the index.
const SKETCH_BYTES: usize = size_of::<(SketchId, SpaceSaving)>() * 3 / 2 + 64;

impl Spill {
    fn shard(&self, id: SketchId) -> &TryLock<IntMap<SketchId, Summary>> {
        &self.shards[hash(id.route_id) as usize % SHARDS]
    }

    /// Adds to what is held for a sketch.
    pub fn add(&self, settings: &Settings, budget: &Budget, id: SketchId, summary: Summary) {
        spill_into(&mut self.shard(id).lock(), settings, budget, id, summary);
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

fn spill_into(shard: &mut IntMap<SketchId, Summary>, settings: &Settings, budget: &Budget, id: SketchId, more: Summary) {
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
