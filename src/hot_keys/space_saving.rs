//! Space-Saving: the heavy hitters of a stream in a fixed number of counters.
//!
//! The algorithm and its *stream-summary* are those of Metwally, Agrawal and El Abbadi, "Efficient Computation of
//! Frequent and Top-k Elements in Data Streams" (ICDT 2005). A sketch has m entries. A key that has one counts there; a
//! key that has none takes over the entry with the least count, counts on from there, and remembers that count as its
//! possible overestimate. So over N observations
//!
//! - `count - overestimate <= true <= count`, and `overestimate <= N / m`;
//! - a key without an entry has been seen at most `floor` times, which is the least count of a full sketch, `<= N / m`;
//!   so every key seen more than N / m times has an entry.
//!
//! Entries of one count hang in one *bucket*, in the order in which they came to that count, and buckets in the order
//! of their counts: the least is at hand, and adding 1 moves an entry to the next bucket, so an update takes the same
//! time whatever m is. Of several entries with the least count, the one that has had it longest goes: ties depend on the
//! stream alone. Keys are found by hash in chains. All links are indices, and memory is taken as entries are.

use super::keys::{KeyAt, Keys};
use super::prefetch::prefetch;
use foldhash::fast::RandomState;
use std::hash::{BuildHasher, Hasher};

/// No entry, no bucket.
const NONE: u16 = u16::MAX;

/// The hash of a key.
#[inline]
pub(super) fn hash_key(hasher: &RandomState, key: &[u8]) -> u32 {
    let mut hasher = hasher.build_hasher();
    hasher.write(key);
    hasher.finish() as u32
}

/// A sketch; see the head of its module. One thread at a time uses it.
pub struct SpaceSaving {
    /// Entries at most, m.
    capacity: u16,
    /// The bucket of the least count.
    least: u16,
    /// First bucket in no use, linked by `next`.
    free: u16,
    /// Observations, N.
    observed: u64,
    entries: Vec<Entry>,
    buckets: Vec<Bucket>,
    /// Where the chain of each hash begins; a power of two of them, above the number of entries.
    chains: Vec<u16>,
    keys: Keys,
    hasher: RandomState,
}

#[derive(Clone, Copy)]
struct Entry {
    overestimate: u64,
    hash: u32,
    bucket: u16,
    /// Neighbours in the bucket.
    before: u16,
    after: u16,
    /// The next entry of the chain.
    chained: u16,
    key: KeyAt,
}

#[derive(Clone, Copy)]
struct Bucket {
    count: u64,
    /// The entry that came first, and the one that came last.
    first: u16,
    last: u16,
    /// The buckets with the next smaller and the next larger count.
    smaller: u16,
    larger: u16,
}

/// One key of a sketch: `count - overestimate <= true <= count`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted<'a> {
    /// The key.
    pub key: &'a [u8],
    /// Observations of it, at most.
    pub count: u64,
    /// By how much `count` may exceed the truth.
    pub overestimate: u64,
}

impl SpaceSaving {
    /// Entries of a sketch at most.
    pub const MOST_ENTRIES: usize = 1 << 12;

    /// An empty sketch of `capacity` entries, from 1 to [`Self::MOST_ENTRIES`].
    pub fn new(capacity: usize) -> Self {
        Self::with_hasher(capacity, RandomState::default())
    }

    pub(super) fn with_hasher(capacity: usize, hasher: RandomState) -> Self {
        Self {
            capacity: capacity.clamp(1, Self::MOST_ENTRIES) as u16,
            least: NONE,
            free: NONE,
            observed: 0,
            entries: Vec::new(),
            buckets: Vec::new(),
            chains: Vec::new(),
            keys: Keys::default(),
            hasher,
        }
    }

    /// Counts `weight` observations of a key of at most 65 535 bytes. Whether the sketch may take more memory since.
    #[inline]
    pub fn offer(&mut self, key: &[u8], weight: u64) -> bool {
        self.offer_hashed(hash_key(&self.hasher, key), key, weight)
    }

    /// As [`SpaceSaving::offer`], by the key's hash, which is that of [`hash_key`].
    #[inline]
    pub(super) fn offer_hashed(&mut self, hash: u32, key: &[u8], weight: u64) -> bool {
        if weight == 0 {
            return false;
        }
        self.observed = self.observed.saturating_add(weight);
        match self.find(hash, key) {
            Some(entry) => self.add(entry, weight),
            None if self.entries.len() < self.capacity as usize => {
                self.insert(hash, key, weight);
                return true;
            }
            None => return self.take_over(hash, key, weight),
        }
        false
    }

    /// Steps of [`SpaceSaving::look_ahead`].
    pub(super) const STEPS: u32 = 3;

    /// Prefetches what an update will need, step by step: where the key's chain begins; the entry there, and the one that
    /// it may take over; what is beside them. It takes no branch on which of the two it will be, which is hard to foresee.
    #[inline(always)]
    pub(super) fn look_ahead(&self, step: u32, hash: u32) {
        if step == 0 {
            prefetch(&self.chains, self.chain(hash));
            prefetch(&self.buckets, self.least.into());
            return;
        }
        let first = self.chains.get(self.chain(hash)).copied().unwrap_or(NONE);
        let victim = self.buckets.get(self.least as usize).map_or(NONE, |bucket| bucket.first);
        for number in [first, victim] {
            // Where a chain is empty, any other entry will do.
            let number = usize::from(number).min(self.entries.len().saturating_sub(1));
            if step == 1 {
                prefetch(&self.entries, number);
            } else if let Some(entry) = self.entries.get(number) {
                prefetch(&self.buckets, entry.bucket.into());
                prefetch(&self.entries, entry.after.into());
                self.keys.prefetch(entry.key);
            }
        }
    }

    /// Observations so far, N.
    pub fn observed(&self) -> u64 {
        self.observed
    }

    /// Entries in use.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no entry is in use.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What a key without an entry has been seen at most.
    pub fn floor(&self) -> u64 {
        if self.entries.len() < self.capacity as usize {
            return 0;
        }
        self.buckets.get(self.least as usize).map_or(0, |bucket| bucket.count)
    }

    /// The entries, in no order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Counted<'_>> {
        self.entries.iter().map(|entry| Counted {
            key: self.keys.get(entry.key),
            count: self.buckets[entry.bucket as usize].count,
            overestimate: entry.overestimate,
        })
    }

    /// Forgets everything, and keeps the memory.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.buckets.clear();
        self.chains.fill(NONE);
        self.keys.clear();
        (self.least, self.free, self.observed) = (NONE, NONE, 0);
    }

    /// Bytes of memory behind the sketch, itself left out.
    pub fn heap_bytes(&self) -> usize {
        use crate::meta::heap_bytes;
        heap_bytes(self.entries.capacity() * size_of::<Entry>())
            + heap_bytes(self.buckets.capacity() * size_of::<Bucket>())
            + heap_bytes(self.chains.capacity() * 2)
            + self.keys.heap_bytes()
    }

    /// As [`SpaceSaving::heap_bytes`], about, of a full one whose keys have 16 bytes.
    pub(super) fn full_bytes(capacity: usize) -> usize {
        capacity * (size_of::<Entry>() + size_of::<Bucket>() + 2 * size_of::<u16>() + 16)
    }

    // ---- Chains.

    fn chain(&self, hash: u32) -> usize {
        hash as usize & self.chains.len().wrapping_sub(1)
    }

    #[inline]
    fn find(&self, hash: u32, key: &[u8]) -> Option<u16> {
        let mut at = *self.chains.get(self.chain(hash))?;
        while let Some(entry) = self.entries.get(at as usize) {
            if entry.hash == hash && self.keys.is(entry.key, key) {
                return Some(at);
            }
            at = entry.chained;
        }
        None
    }

    fn chain_up(&mut self, entry: u16) {
        let chain = self.chain(self.entries[entry as usize].hash);
        self.entries[entry as usize].chained = std::mem::replace(&mut self.chains[chain], entry);
    }

    fn unchain(&mut self, entry: u16) {
        let Entry { hash, chained, .. } = self.entries[entry as usize];
        let chain = self.chain(hash);
        let mut at = self.chains[chain];
        if at == entry {
            self.chains[chain] = chained;
            return;
        }
        while self.entries[at as usize].chained != entry {
            at = self.entries[at as usize].chained;
        }
        self.entries[at as usize].chained = chained;
    }

    #[cold]
    fn grow_chains(&mut self) {
        let wanted = (self.entries.len() * 4).next_power_of_two().max(16);
        self.chains.clear();
        self.chains.resize(wanted, NONE);
        (0..self.entries.len() as u16).for_each(|entry| self.chain_up(entry));
    }

    // ---- Entries.

    #[cold]
    fn insert(&mut self, hash: u32, key: &[u8], weight: u64) {
        let key = self.keys.push(key);
        let number = self.entries.len() as u16;
        if self.entries.len() == self.entries.capacity() {
            let more = self.entries.len().max(4).min(self.capacity as usize - self.entries.len());
            self.entries.reserve_exact(more);
            // An entry that moves may open a bucket before the one it leaves is free.
            self.buckets.reserve_exact(self.entries.capacity() + 1 - self.buckets.len());
        }
        let unlinked = (NONE, NONE, NONE, NONE);
        let (bucket, before, after, chained) = unlinked;
        self.entries.push(Entry { overestimate: 0, hash, bucket, before, after, chained, key });
        if self.entries.len() * 2 > self.chains.len() {
            self.grow_chains();
        } else {
            self.chain_up(number);
        }
        let (smaller, larger) = self.around(weight, NONE, self.least);
        self.append(number, weight, smaller, larger);
    }

    #[inline]
    fn take_over(&mut self, hash: u32, key: &[u8], weight: u64) -> bool {
        let Bucket { count, first: victim, .. } = self.buckets[self.least as usize];
        self.unchain(victim);
        let entry = &mut self.entries[victim as usize];
        entry.hash = hash;
        entry.overestimate = count;
        let has_moved = self.keys.replace(&mut entry.key, key);
        if has_moved && self.keys.is_wasteful() {
            self.keys.compact(self.entries.iter_mut().map(|entry| &mut entry.key));
        }
        self.chain_up(victim);
        self.add(victim, weight);
        has_moved
    }

    /// Adds to an entry's count.
    #[inline]
    fn add(&mut self, number: u16, weight: u64) {
        let at = self.entries[number as usize].bucket;
        let Bucket { count, first, last, larger, .. } = self.buckets[at as usize];
        let raised = count.saturating_add(weight);
        let next = self.buckets.get(larger as usize).map_or(u64::MAX, |bucket| bucket.count);
        if first == last && raised < next {
            // Alone in its bucket, and still below the next one: most of what a hot key does.
            self.buckets[at as usize].count = raised;
            return;
        }
        self.detach(number, at);
        let (smaller, larger) = if raised <= next { (at, larger) } else { self.around(raised, larger, larger) };
        self.append(number, raised, smaller, larger);
        if first == last {
            self.release(at);
        }
    }

    /// The neighbours of a count: the last bucket below it, and the one after that. The search begins at `larger`, which
    /// has `smaller` before it.
    fn around(&self, count: u64, mut smaller: u16, mut larger: u16) -> (u16, u16) {
        if let Some(bucket) = self.buckets.get(larger as usize) {
            smaller = bucket.smaller;
        }
        while let Some(bucket) = self.buckets.get(larger as usize).filter(|bucket| bucket.count < count) {
            (smaller, larger) = (larger, bucket.larger);
        }
        (smaller, larger)
    }

    /// Puts an unlinked entry at the end of the bucket of `count`: that is `larger`, or a new one between the two.
    #[inline]
    fn append(&mut self, number: u16, count: u64, smaller: u16, larger: u16) {
        let (at, before) = match self.buckets.get_mut(larger as usize) {
            Some(bucket) if bucket.count == count => (larger, std::mem::replace(&mut bucket.last, number)),
            _ => (self.bucket_between(number, count, smaller, larger), NONE),
        };
        let entry = &mut self.entries[number as usize];
        (entry.bucket, entry.before, entry.after) = (at, before, NONE);
        if let Some(before) = self.entries.get_mut(before as usize) {
            before.after = number;
        }
    }

    /// Takes an entry out of its bucket, which may be left without any.
    #[inline]
    fn detach(&mut self, number: u16, at: u16) {
        let Entry { before, after, .. } = self.entries[number as usize];
        match self.entries.get_mut(before as usize) {
            Some(before) => before.after = after,
            None => self.buckets[at as usize].first = after,
        }
        match self.entries.get_mut(after as usize) {
            Some(after) => after.before = before,
            None => self.buckets[at as usize].last = before,
        }
    }

    // ---- Buckets.

    fn bucket_between(&mut self, only: u16, count: u64, smaller: u16, larger: u16) -> u16 {
        let bucket = Bucket { count, first: only, last: only, smaller, larger };
        let at = match self.buckets.get_mut(self.free as usize) {
            Some(free) => {
                let at = std::mem::replace(&mut self.free, free.larger);
                *free = bucket;
                at
            }
            None => {
                self.buckets.push(bucket);
                self.buckets.len() as u16 - 1
            }
        };
        self.link(smaller, at);
        self.link(at, larger);
        at
    }

    fn release(&mut self, at: u16) {
        let Bucket { smaller, larger, .. } = self.buckets[at as usize];
        self.link(smaller, larger);
        self.buckets[at as usize].larger = std::mem::replace(&mut self.free, at);
    }

    /// Makes two buckets (or the ends) neighbours.
    fn link(&mut self, smaller: u16, larger: u16) {
        match self.buckets.get_mut(smaller as usize) {
            Some(bucket) => bucket.larger = larger,
            None => self.least = larger,
        }
        if let Some(bucket) = self.buckets.get_mut(larger as usize) {
            bucket.smaller = smaller;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    /// What the definition says, by linear search; `since` orders those of one count.
    #[derive(Default)]
    struct Plain {
        entries: Vec<(Vec<u8>, u64, u64, u64)>,
        clock: u64,
    }

    impl Plain {
        fn offer(&mut self, capacity: usize, key: &[u8], weight: u64) {
            self.clock += 1;
            if let Some(entry) = self.entries.iter_mut().find(|entry| entry.0 == key) {
                entry.1 += weight;
                entry.3 = self.clock;
            } else if self.entries.len() < capacity {
                self.entries.push((key.to_vec(), weight, 0, self.clock));
            } else {
                let victim = self.entries.iter_mut().min_by_key(|entry| (entry.1, entry.3)).unwrap();
                *victim = (key.to_vec(), victim.1 + weight, victim.1, self.clock);
            }
        }

        fn sorted(&self) -> Vec<(Vec<u8>, u64, u64)> {
            let mut all: Vec<_> = self.entries.iter().map(|(key, count, over, _)| (key.clone(), *count, *over)).collect();
            all.sort();
            all
        }
    }

    fn sorted(sketch: &SpaceSaving) -> Vec<(Vec<u8>, u64, u64)> {
        let mut all: Vec<_> = sketch.iter().map(|one| (one.key.to_vec(), one.count, one.overestimate)).collect();
        all.sort();
        all
    }

    /// Streams that are random, skewed, round-robin, and first heavy then drowned.
    fn stream() -> impl Strategy<Value = Vec<u32>> {
        prop_oneof![
            prop::collection::vec(0u32..50, 0..600),
            prop::collection::vec(0u32..1000, 0..600).prop_map(|keys| keys.iter().map(|key| key * key / 20_000).collect()),
            (1u32..40, 0usize..600).prop_map(|(period, len)| (0..len as u32).map(|i| i % period).collect()),
            (0usize..300, 0usize..300).prop_map(|(heavy, noise)| {
                (0..heavy as u32).map(|i| i % 3).chain((0..noise as u32).map(|i| 10 + i)).collect()
            }),
        ]
    }

    fn key(number: u32) -> Vec<u8> {
        [&number.to_be_bytes()[..], &vec![7; number as usize % 23]].concat()
    }

    fn check_bounds(sketch: &SpaceSaving, truth: &HashMap<Vec<u8>, u64>, capacity: usize) {
        let total: u64 = truth.values().sum();
        assert_eq!(sketch.observed(), total);
        assert!(sketch.len() <= capacity);
        let mut present = HashMap::new();
        for one in sketch.iter() {
            let count = truth.get(one.key).copied().unwrap_or(0);
            assert!(one.count - one.overestimate <= count && count <= one.count, "low <= true <= high");
            assert!((one.count - count) * capacity as u64 <= total, "|reported - true| <= N / m");
            assert!(present.insert(one.key.to_vec(), one.count).is_none(), "a key has one entry");
        }
        for (key, &count) in truth {
            assert!(present.contains_key(key) || count <= sketch.floor(), "a key without an entry is below the floor");
            assert!(present.contains_key(key) || count * capacity as u64 <= total, "f > N / m has an entry");
        }
        assert_eq!(sketch.iter().map(|one| one.count).sum::<u64>(), total, "the counts add up to N");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        #[test]
        fn a_sketch_is_the_defined_one_and_keeps_its_bounds(capacity in 1usize..20, stream in stream(), again in stream()) {
            let mut sketch = SpaceSaving::new(capacity);
            for stream in [stream, again] {
                let (mut plain, mut truth) = (Plain::default(), HashMap::new());
                for number in stream {
                    let before = sketch.heap_bytes();
                    let may_have_grown = sketch.offer(&key(number), 1);
                    prop_assert!(may_have_grown || sketch.heap_bytes() == before);
                    plain.offer(capacity, &key(number), 1);
                    *truth.entry(key(number)).or_insert(0) += 1;
                }
                prop_assert_eq!(sorted(&sketch), plain.sorted());
                check_bounds(&sketch, &truth, capacity);
                sketch.clear();
                prop_assert_eq!((sketch.len(), sketch.observed(), sketch.floor()), (0, 0, 0));
            }
        }

        #[test]
        fn weights_count_as_so_many_observations(capacity in 1usize..20, stream in prop::collection::vec((0u32..50, 0u64..100), 0..400)) {
            let (mut sketch, mut plain, mut truth) = (SpaceSaving::new(capacity), Plain::default(), HashMap::new());
            for (number, weight) in stream {
                sketch.offer(&key(number), weight);
                if weight > 0 {
                    plain.offer(capacity, &key(number), weight);
                    *truth.entry(key(number)).or_insert(0) += weight;
                }
            }
            prop_assert_eq!(sorted(&sketch), plain.sorted());
            check_bounds(&sketch, &truth, capacity);
        }
    }

    #[test]
    fn the_memory_is_bounded_whatever_the_stream() {
        let mut sketch = SpaceSaving::new(64);
        for i in 0..100_000u32 {
            sketch.offer(&vec![(i % 251) as u8; 1 + (i as usize * 7919) % 1024], 1);
        }
        let keys = 64 * 1024;
        assert!(sketch.heap_bytes() < 64 * 100 + 4 * keys, "{}", sketch.heap_bytes());
        assert!(sketch.buckets.len() <= 65 && sketch.chains.len() <= 256);
    }

    #[test]
    fn counts_saturate() {
        let mut sketch = SpaceSaving::new(2);
        sketch.offer(b"a", u64::MAX - 1);
        sketch.offer(b"a", 5);
        sketch.offer(b"b", 1);
        assert_eq!(sorted(&sketch), [(b"a".to_vec(), u64::MAX, 0), (b"b".to_vec(), 1, 0)]);
        assert_eq!(sketch.observed(), u64::MAX);
    }
}
