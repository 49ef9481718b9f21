//! Summaries: what several sketches of one stream's parts say together.
//!
//! Sketches merge without loss of their guarantees (Agarwal et al., "Mergeable Summaries", PODS 2012; here in the terms
//! of Space-Saving). Let the *estimate* of a key in a part be its count there, or the part's floor if it has no entry.
//! The merged estimate is the sum of the parts' estimates, and the m keys of the largest ones are kept. Then
//!
//! - the truth is between the sum of the lower bounds and the merged estimate, since it is so in each part;
//! - a key that is not kept is below the merged *floor*: the largest estimate that was left out, or the sum of the
//!   parts' floors if none was;
//! - the overestimates add up to `N1 / m + N2 / m = N / m`; and in each part, the estimates of any m keys add up to N of
//!   that part at most (a key without an entry stands for an entry that is not among the m), so in the merged summary
//!   they add up to N at most: no more than m keys can reach N / m, and every key seen more often than that is kept.
//!
//! The last line holds for the result as well, so merging goes on however often.

use super::keys::{KeyAt, Keys};
use super::space_saving::{Counted, SpaceSaving};
use std::collections::HashMap;

/// Keys with their counts, most counted first, ties by key; it doesn't change.
pub(crate) struct Summary {
    observed: u64,
    floor: u64,
    entries: Box<[Entry]>,
    keys: Keys,
}

struct Entry {
    count: u64,
    overestimate: u64,
    key: KeyAt,
}

/// One of what is merged.
pub(super) struct Part<'a> {
    observed: u64,
    floor: u64,
    counted: Vec<Counted<'a>>,
}

impl<'a> From<&'a SpaceSaving> for Part<'a> {
    fn from(sketch: &'a SpaceSaving) -> Self {
        Self { observed: sketch.observed(), floor: sketch.floor(), counted: sketch.iter().collect() }
    }
}

impl<'a> From<&'a Summary> for Part<'a> {
    fn from(summary: &'a Summary) -> Self {
        Self { observed: summary.observed, floor: summary.floor, counted: summary.iter().collect() }
    }
}

/// What the parts say of one key.
#[derive(Default)]
struct Sum {
    count: u64,
    low: u64,
    /// Floors of the parts that have an entry for it.
    floors: u64,
}

impl Summary {
    pub fn empty() -> Self {
        Self { observed: 0, floor: 0, entries: Box::default(), keys: Keys::default() }
    }

    /// Merges parts, and keeps `capacity` keys at most.
    pub fn merge<'a>(capacity: usize, parts: impl IntoIterator<Item = Part<'a>>) -> Self {
        let (mut observed, mut floor) = (0u64, 0u64);
        let mut sums: HashMap<&[u8], Sum, foldhash::fast::RandomState> = HashMap::default();
        for part in parts {
            observed = observed.saturating_add(part.observed);
            floor = floor.saturating_add(part.floor);
            for one in part.counted {
                let sum = sums.entry(one.key).or_default();
                sum.count = sum.count.saturating_add(one.count);
                sum.low = sum.low.saturating_add(one.count - one.overestimate);
                sum.floors = sum.floors.saturating_add(part.floor);
            }
        }
        let estimated = sums.into_iter().map(|(key, sum)| {
            let count = sum.count.saturating_add(floor - sum.floors);
            Counted { key, count, overestimate: count - sum.low }
        });
        Self::new(capacity, observed, floor, estimated.collect())
    }

    /// The keys of `[start, end)` (empty end: unbounded). N and the floor stay: they bound what is left out.
    pub fn within(&self, start: &[u8], end: &[u8]) -> Self {
        let inside = |key: &[u8]| start <= key && (end.is_empty() || key < end);
        Self::new(usize::MAX, self.observed, self.floor, self.iter().filter(|one| inside(one.key)).collect())
    }

    /// The first `count` keys.
    pub fn top(&self, count: usize) -> Self {
        Self::new(count, self.observed, self.floor, self.iter().collect())
    }

    fn new(capacity: usize, observed: u64, mut floor: u64, mut counted: Vec<Counted<'_>>) -> Self {
        counted.sort_unstable_by(|a, b| b.count.cmp(&a.count).then_with(|| a.key.cmp(b.key)));
        if let Some(left_out) = counted.get(capacity) {
            floor = floor.max(left_out.count);
        }
        counted.truncate(capacity);
        let mut keys = Keys::with_capacity(counted.iter().map(|one| one.key.len()).sum());
        let store = |&Counted { key, count, overestimate }: &Counted<'_>| Entry { count, overestimate, key: keys.push(key) };
        let entries = counted.iter().map(store).collect();
        Self { observed, floor, entries, keys }
    }

    /// Observations, N.
    pub fn observed(&self) -> u64 {
        self.observed
    }

    /// What a key without an entry has been seen at most.
    #[cfg(test)]
    pub fn floor(&self) -> u64 {
        self.floor
    }

    /// The keys, most counted first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Counted<'_>> {
        let counted = |entry: &Entry| (entry.key, entry.count, entry.overestimate);
        self.entries.iter().map(counted).map(|(key, count, overestimate)| Counted { key: self.keys.get(key), count, overestimate })
    }

    /// Bytes of memory that it takes, with its place in a map.
    pub fn bytes(&self) -> u64 {
        let place = size_of::<Self>() * 2 + 32;
        (place + crate::meta::heap_bytes(size_of_val(&*self.entries)) + self.keys.heap_bytes()) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The bounds of a merged sketch against the stream that all its parts saw.
    fn check(summary: &Summary, stream: &[u8], capacity: usize) {
        let mut truth = [0u64; 256];
        stream.iter().for_each(|&key| truth[key as usize] += 1);
        let total = stream.len() as u64;
        assert_eq!(summary.observed(), total);
        assert!(summary.entries.len() <= capacity && summary.floor() * capacity as u64 <= total);
        let mut kept = [false; 256];
        for one in summary.iter() {
            let key = one.key[0] as usize;
            assert!(!std::mem::replace(&mut kept[key], true));
            assert!(one.count - one.overestimate <= truth[key] && truth[key] <= one.count, "low <= true <= high");
            assert!((one.count - truth[key]) * capacity as u64 <= total, "the summed bound");
        }
        for key in 0..256 {
            assert!(kept[key] || truth[key] <= summary.floor());
            assert!(kept[key] || truth[key] * capacity as u64 <= total, "f > N / m is kept");
        }
        let order = |one: &Counted<'_>| (std::cmp::Reverse(one.count), one.key.to_vec());
        assert!(summary.iter().map(|one| order(&one)).is_sorted());
    }

    /// Keys, some of them heavy.
    fn stream() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            prop::collection::vec(0u8..40, 0..300),
            prop::collection::vec(any::<u8>().prop_map(|key| key & key >> 2), 0..300),
            (1u8..60, 0usize..300).prop_map(|(period, len)| (0..len).map(|i| (i % period as usize) as u8).collect()),
        ]
    }

    fn sketch(capacity: usize, stream: &[u8]) -> SpaceSaving {
        let mut sketch = SpaceSaving::new(capacity);
        for &key in stream {
            sketch.offer(&[key], 1);
        }
        sketch
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(600))]

        #[test]
        fn merging_keeps_the_summed_bounds_however_often(capacity in 1usize..20, streams in prop::collection::vec(stream(), 1..7), at_once in any::<bool>()) {
            let sketches: Vec<SpaceSaving> = streams.iter().map(|stream| sketch(capacity, stream)).collect();
            let merged = if at_once {
                Summary::merge(capacity, sketches.iter().map(Part::from))
            } else {
                sketches.iter().fold(Summary::empty(), |sum, one| Summary::merge(capacity, [Part::from(&sum), Part::from(one)]))
            };
            check(&merged, &streams.concat(), capacity);
        }

        #[test]
        fn a_range_keeps_the_bounds_of_its_keys(capacity in 1usize..20, stream in stream(), from in any::<u8>(), to in prop::option::of(any::<u8>())) {
            let merged = Summary::merge(capacity, [Part::from(&sketch(capacity, &stream))]);
            let end = to.map(|to| vec![to]).unwrap_or_default();
            let part = merged.within(&[from], &end);
            let inside = |key: u8| from <= key && to.is_none_or(|to| key < to);
            let expected: Vec<_> = merged.iter().filter(|one| inside(one.key[0])).collect();
            prop_assert_eq!(part.iter().collect::<Vec<_>>(), expected);
            prop_assert_eq!((part.observed(), part.floor()), (merged.observed(), merged.floor()));
        }

        #[test]
        fn what_is_cut_off_is_below_the_floor(capacity in 1usize..20, top in 0usize..20, stream in stream()) {
            let merged = Summary::merge(capacity, [Part::from(&sketch(capacity, &stream))]);
            let cut = merged.top(top);
            prop_assert_eq!(cut.iter().collect::<Vec<_>>(), merged.iter().take(top).collect::<Vec<_>>());
            prop_assert!(merged.iter().skip(top).all(|one| one.count <= cut.floor()));
        }
    }
}
