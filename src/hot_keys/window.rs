//! A window: the sketches of what a lane has sampled since the last publication, one per (route, label, series).
//!
//! A window holds a bounded number of bytes. When it has grown beyond, it passes the sketch at its clock hand on to the
//! [`Spill`], which all lanes share, as a summary: that is as good at publication, and costs a merge now.
//!
//! A batch of samples goes through its sketches in step: first all of them look for their sketch, then for where their key
//! may be, and so on, and only then they are counted, one after the other. What one waits for in each step depends on its
//! own steps before, and on nothing of the others: so the processor waits for all of them at a time.

use super::lane_keys::Common;
use super::prefetch::prefetch;
use super::space_saving::SpaceSaving;
use super::stage::{Samples, SLOTS};
use super::summary::{Part, Summary};
use super::try_lock::TryLock;
use super::{Settings, SketchId};
use crate::hash::{hash, IntMap};
use crate::table::HASH_FACTOR;
use std::sync::atomic::{AtomicU64, Ordering};

/// So many sketches are in the nearest cache anyway.
const NEAR: usize = 4;

/// No sketch.
const NOWHERE: usize = usize::MAX;

/// Locks of the spill; a power of two.
const SHARDS: usize = 16;

/// The sketches of one window.
#[derive(Default)]
pub(super) struct Window {
    sketches: Vec<Held>,
    index: IntMap<SketchId, u32>,
    guesses: Guesses,
    /// The sketch to pass on next.
    hand: usize,
    /// Bytes of all sketches.
    bytes: usize,
}

/// Where sketches may be, by the hash of their ids: quicker than the index, which knows.
struct Guesses {
    /// A power of two of them, or none.
    places: Vec<u32>,
    /// What leaves of a product as many bits as there are places.
    shift: u32,
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
    pub fn offer(&mut self, common: &Common, id: SketchId, key: &[u8], weight: u64) -> bool {
        let at = self.find(id);
        self.offer_at(common, at, id, common.hash(key), key, weight)
    }

    /// Counts samples. How many of them there was no room for.
    pub fn offer_all(&mut self, common: &Common, samples: &Samples<'_>) -> u64 {
        let mut at = [NOWHERE; SLOTS];
        let mut hashes = [0; SLOTS];
        for i in 0..samples.len() {
            at[i] = self.find(samples.id(i));
            prefetch(&self.sketches, at[i]);
            hashes[i] = common.hash(samples.key(i));
        }
        if self.sketches.len() > NEAR {
            for step in 0..SpaceSaving::STEPS {
                for (&at, &hash) in at.iter().zip(&hashes).take(samples.len()) {
                    if let Some(held) = self.sketches.get(at) {
                        held.sketch.look_ahead(step, hash);
                    }
                }
            }
        }
        let offered = |i: &usize| self.offer_at(common, at[*i], samples.id(*i), hashes[*i], samples.key(*i), 1);
        samples.len() as u64 - (0..samples.len()).filter(offered).count() as u64
    }

    /// Where a sketch is, or nowhere.
    #[inline]
    fn find(&mut self, id: SketchId) -> usize {
        let guess = self.guesses.get(id);
        match self.sketches.get(guess) {
            Some(held) if held.id == id => guess,
            _ => self.look_up(id),
        }
    }

    #[cold]
    fn look_up(&mut self, id: SketchId) -> usize {
        let Some(&at) = self.index.get(&id) else { return NOWHERE };
        self.guesses.put(id, at, self.sketches.len());
        at as usize
    }

    /// As [`Window::offer`], for a sketch that was at this place.
    #[inline]
    fn offer_at(&mut self, common: &Common, mut at: usize, id: SketchId, hash: u32, key: &[u8], weight: u64) -> bool {
        if common.budget.is_exceeded() {
            return false;
        }
        let held = match self.sketches.get_mut(at) {
            Some(held) if held.id == id => held,
            _ => match self.find_or_make(common, id) {
                Some(found) => {
                    at = found;
                    &mut self.sketches[at]
                }
                None => return false,
            },
        };
        if held.sketch.offer_hashed(hash, key, weight) {
            self.charge(at, common);
        }
        true
    }

    #[cold]
    fn find_or_make(&mut self, common: &Common, id: SketchId) -> Option<usize> {
        if let Some(&at) = self.index.get(&id) {
            return Some(at as usize);
        }
        // When other lanes are in the way, there is as much room again.
        if self.bytes > 2 * common.most_bytes && !self.pass_one_on(common) {
            return None;
        }
        let at = self.sketches.len();
        let sketch = SpaceSaving::with_hasher(common.settings.entries, common.hasher.clone());
        self.sketches.push(Held { id, sketch, bytes: 0 });
        self.index.insert(id, at as u32);
        Some(at)
    }

    /// Charges a sketch for what it takes now, and passes one on if that is too much.
    #[cold]
    fn charge(&mut self, at: usize, common: &Common) {
        let budget = &common.budget;
        let held = &mut self.sketches[at];
        let before = std::mem::replace(&mut held.bytes, SKETCH_BYTES + held.sketch.heap_bytes());
        self.bytes = self.bytes + held.bytes - before;
        budget.add(held.bytes as u64);
        budget.remove(before as u64);
        if self.bytes > common.most_bytes {
            self.pass_one_on(common);
        }
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

impl Default for Guesses {
    fn default() -> Self {
        Self { places: Vec::new(), shift: u64::BITS - 1 }
    }
}

impl Guesses {
    /// Where a sketch may be; any number, or nowhere.
    #[inline]
    fn get(&self, id: SketchId) -> usize {
        self.places.get(self.place(id)).map_or(NOWHERE, |&at| at as usize)
    }

    /// Multiplicative hashing: ids that are numbered on, as those of routes often are, meet in no place.
    #[inline]
    fn place(&self, id: SketchId) -> usize {
        (id.number().wrapping_mul(HASH_FACTOR) >> self.shift) as usize
    }

    /// Notes where one of so many sketches is.
    fn put(&mut self, id: SketchId, at: u32, sketches: usize) {
        if self.places.len() < sketches * 2 {
            self.places = vec![0; (sketches * 4).next_power_of_two()];
            self.shift = u64::BITS - self.places.len().trailing_zeros();
        }
        let place = self.place(id);
        self.places[place] = at;
    }
}

/// A sketch, its place in the window, in the index and among the guesses.
const SKETCH_BYTES: usize = size_of::<Held>() * 3 / 2 + 64 + 24;

/// Bytes of a window at most, but for a moment: those of as many full sketches of short keys.
pub(super) fn most_bytes(settings: &Settings) -> usize {
    settings.queue_size * (SKETCH_BYTES + SpaceSaving::full_bytes(settings.entries))
}

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
