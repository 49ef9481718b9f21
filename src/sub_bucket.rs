//! Sub-buckets: a route's range cut into `k` parts that keep the order of keys.
//!
//! The parts are equal slices of the 8 bytes (the *window*) that follow the common prefix of the range's two bounds,
//! read as a big-endian number. Whoever counts asks for a key's part ([`Parts::index`]); whoever shows it asks for a
//! part's bounds ([`Parts::lower_bound`]). They agree: a key that equals a bound lies in the part that it opens.
//!
//! The definition compares the whole key with the range's bounds first. With the prefix at hand that is not needed:
//! a key with the prefix is ordered against both bounds by its window, up to ties, which fall into the first or last
//! part either way; a key without it lies before or after the whole range.
//!
//! `index` runs on every observation of a sub-divided route, so it doesn't divide. The quotient is taken with more bits than
//! are wanted: let `t = k * d * 2^shift / span`, of which the part is `floor(t / 2^shift)`. With
//! `ratio = floor(k * 2^(64 + shift) / span)`, the high half of `d * ratio` is `floor(t)` or one less, since the error of
//! `ratio`, which is at most one, adds up to less than one (`d < 2^64`). So the part is that number's upper bits, unless
//! all of its lower ones are set: then one more exact multiplication tells. `shift` is as large as 64 bits of `ratio` allow,
//! so that this is rare.

use crate::options::MAX_KEY_BUCKETS_PER_ROUTE;
use crate::sync::unlikely;

/// How a range is cut. 32 bytes; the Go package reads it in place (see `layout.rs`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Parts {
    /// Length of the bounds' common prefix.
    pub prefix_len: u32,
    /// The number of parts, at least 1.
    count: u16,
    /// See the head; below 64.
    shift: u16,
    /// Window of the range's start.
    pub low: u64,
    /// Window of the range's end, less `low`; at least `count`, if that is above 1.
    pub span: u64,
    /// `floor(count * 2^(64 + shift) / span)`, at most 2^64 - 1.
    ratio: u64,
}

const _: () = assert!(MAX_KEY_BUCKETS_PER_ROUTE <= u16::MAX as u32);

/// A prefix of at most 8 bytes, as a key that has it begins. 16 bytes; the Go package reads it in place (see `layout.rs`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Head {
    /// All ones where the prefix has bytes; the first byte is the lowest.
    pub mask: u64,
    /// The prefix, zeros behind it. Where it is longer than 8 bytes, this has a bit that the mask lacks, so that nothing matches.
    pub bytes: u64,
}

impl Head {
    pub fn new(prefix: &[u8]) -> Self {
        match prefix.len() {
            0..=8 => Self {
                mask: u64::MAX.checked_shr(64 - 8 * prefix.len() as u32).unwrap_or(0),
                bytes: window(prefix, 0).swap_bytes(),
            },
            _ => Self { mask: 0, bytes: 1 },
        }
    }

    /// Whether a key that begins with these 8 bytes has the prefix, if that is not longer.
    #[inline(always)]
    fn matches(self, first: [u8; 8]) -> bool {
        u64::from_le_bytes(first) & self.mask == self.bytes
    }
}

impl Parts {
    pub const COUNT_OFFSET: usize = std::mem::offset_of!(Self, count);
    pub const SHIFT_OFFSET: usize = std::mem::offset_of!(Self, shift);
    pub const RATIO_OFFSET: usize = std::mem::offset_of!(Self, ratio);

    /// Cuts `[start, end)` (empty end: unbounded) into at most `wanted` parts.
    pub fn new(start: &[u8], end: &[u8], wanted: u32) -> Self {
        let bounded = !end.is_empty();
        let prefix_len = if bounded { start.iter().zip(end).take_while(|(a, b)| a == b).count() } else { 0 };
        let low = window(start, prefix_len);
        let high = if bounded { window(end, prefix_len) } else { u64::MAX };
        Self::cut(prefix_len, low, high, wanted)
    }

    fn cut(prefix_len: usize, low: u64, high: u64, wanted: u32) -> Self {
        let prefix_len = prefix_len as u32;
        if wanted <= 1 || high <= low {
            return Self { prefix_len, count: 1, shift: 0, low, span: 0, ratio: 0 };
        }
        let span = high - low;
        let count = u64::from(wanted.min(MAX_KEY_BUCKETS_PER_ROUTE)).min(span);
        // The largest with count << shift < span, so that the ratio is below 2^64; 0, if there is none.
        let shift = (0..u64::BITS).rev().find(|&shift| u128::from(count) << shift < u128::from(span)).unwrap_or(0);
        let ratio = ((u128::from(count) << (64 + shift)) / u128::from(span)).min(u64::MAX.into()) as u64;
        Self { prefix_len, count: count as u16, shift: shift as u16, low, span, ratio }
    }

    /// The parts with these numbers, if there can be such.
    pub fn restore(count: u32, prefix_len: usize, low: u64, span: u64) -> Option<Self> {
        let high = low.checked_add(span)?;
        let restored = Self::cut(prefix_len, low, high, count);
        (restored.count() == count && count > 1).then_some(restored)
    }

    /// The number of parts, at least 1.
    pub fn count(&self) -> u32 {
        self.count.into()
    }

    /// The part in which a key lies, counted from 0. `prefix` is the first `prefix_len` bytes of the range's start.
    pub fn index(&self, prefix: &[u8], key: &[u8]) -> u32 {
        if self.count == 1 {
            return 0;
        }
        if !key.starts_with(prefix) {
            return if key < prefix { 0 } else { self.count() - 1 };
        }
        self.index_of_window(window(key, prefix.len()))
    }

    /// As [`Parts::index`], if the key has the prefix and 8 bytes more, which is nearly always so; otherwise `None`. `head`
    /// is that of the prefix.
    #[inline(always)]
    pub fn index_of_long(&self, prefix: &[u8], head: Head, key: &[u8]) -> Option<u32> {
        let (own, rest) = key.split_at_checked(prefix.len())?;
        let window = u64::from_be_bytes(*rest.first_chunk()?);
        if !head.matches(*key.first_chunk()?) && !(prefix.len() > 8 && same_words(own, prefix)) {
            unlikely();
            return None;
        }
        Some(self.index_of_window(window))
    }

    #[inline(always)]
    fn index_of_window(&self, window: u64) -> u32 {
        // A window below `low` wraps to more than any span.
        let distance = window.wrapping_sub(self.low);
        if distance >= self.span {
            return if window < self.low { 0 } else { self.count() - 1 };
        }
        let scaled = ((u128::from(distance) * u128::from(self.ratio)) >> 64) as u64;
        let part = scaled >> self.shift;
        if (scaled + 1) >> self.shift != part {
            unlikely();
            let next = u128::from(part + 1) * u128::from(self.span);
            return (part + u64::from(next <= u128::from(distance) * u128::from(self.count))) as u32;
        }
        part as u32
    }

    /// Writes the inner bound that opens part `i` (`0 < i < count`) into `bound`; part 0 opens at the range's start.
    pub fn lower_bound(&self, start: &[u8], i: u32, bound: &mut Vec<u8>) {
        debug_assert!(0 < i && i < self.count());
        let offset = (u128::from(i) * u128::from(self.span)).div_ceil(u128::from(self.count)) as u64;
        let window = (self.low + offset).to_be_bytes();
        let trimmed = window.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        bound.clear();
        bound.extend_from_slice(&start[..self.prefix_len as usize]);
        bound.extend_from_slice(&window[..trimmed]);
    }
}

/// The 8 bytes of `key` after its first `skip`, big-endian, padded with zeros on the right.
#[inline]
pub(crate) fn window(key: &[u8], skip: usize) -> u64 {
    let rest = key.get(skip..).unwrap_or_default();
    if let Some(eight) = rest.first_chunk::<8>() {
        return u64::from_be_bytes(*eight);
    }
    // Two reads that overlap: a copy of so few bytes would be a call.
    let padding = 64 - 8 * rest.len() as u32;
    if let (Some(first), Some(last)) = (rest.first_chunk::<4>(), rest.last_chunk::<4>()) {
        return u64::from(u32::from_be_bytes(*first)) << 32 | u64::from(u32::from_be_bytes(*last)) << padding;
    }
    rest.iter().zip([56, 48, 40]).fold(0, |window, (&byte, shift)| window | u64::from(byte) << shift)
}

/// Whether the two, which are of one length of at least 8 bytes, are equal: without a call, since they are short.
#[inline]
fn same_words(a: &[u8], b: &[u8]) -> bool {
    let (mut rest_a, mut rest_b) = (a, b);
    while let (Some((word_a, next_a)), Some((word_b, next_b))) = (rest_a.split_first_chunk::<8>(), rest_b.split_first_chunk()) {
        if word_a != word_b {
            return false;
        }
        (rest_a, rest_b) = (next_a, next_b);
    }
    a.last_chunk::<8>() == b.last_chunk()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn windows_are_those_of_copied_bytes(
            key in prop::collection::vec(0u8..3, 0..20),
            skip in 0usize..22,
        ) {
            let mut padded = key.get(skip..).unwrap_or_default().to_vec();
            padded.resize(padded.len().max(8), 0);
            prop_assert_eq!(window(&key, skip), u64::from_be_bytes(padded[..8].try_into().unwrap()));
        }

        #[test]
        fn heads_match_what_begins_with_their_prefix(
            prefix in prop::collection::vec(0u8..2, 0..12),
            first in prop::array::uniform8(0u8..2),
        ) {
            prop_assert_eq!(Head::new(&prefix).matches(first), prefix.len() <= 8 && first.starts_with(&prefix));
        }

        #[test]
        fn words_are_the_same_where_bytes_are(a in prop::collection::vec(0u8..2, 8..40), at in any::<prop::sample::Index>()) {
            let mut b = a.clone();
            prop_assert!(same_words(&a, &b));
            b[at.index(a.len())] ^= 2;
            prop_assert!(!same_words(&a, &b));
        }
    }

    /// The index as the specification words it: whole keys first, then a 128-bit division.
    fn plain_index(start: &[u8], end: &[u8], parts: &Parts, key: &[u8]) -> u32 {
        let k = parts.count();
        if key <= start {
            return 0;
        }
        if !end.is_empty() && key >= end {
            return k - 1;
        }
        let w = window(key, parts.prefix_len as usize);
        if w <= parts.low {
            return 0;
        }
        if w >= parts.low + parts.span {
            return k - 1;
        }
        (u128::from(k) * u128::from(w - parts.low) / u128::from(parts.span)) as u32
    }

    fn bounds(start: &[u8], end: &[u8], parts: &Parts) -> Vec<Vec<u8>> {
        let inner = (1..parts.count()).map(|i| {
            let mut bound = Vec::new();
            parts.lower_bound(start, i, &mut bound);
            bound
        });
        std::iter::once(start.to_vec()).chain(inner).chain(std::iter::once(end.to_vec())).collect()
    }

    fn key() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![Just(0u8), Just(1), Just(b'a'), Just(b'b'), Just(0xfe), Just(0xff), any::<u8>()];
        prop::collection::vec(byte, 0..28)
    }

    fn range() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
        (key(), key(), key(), any::<bool>()).prop_filter_map("start < end", |(prefix, a, b, unbounded)| {
            let (start, end) = ([prefix.clone(), a].concat(), [prefix, b].concat());
            match unbounded {
                true => Some((start, Vec::new())),
                false if start < end => Some((start, end)),
                false if end < start && !start.is_empty() => Some((end, start)),
                false => None,
            }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn the_index_is_the_specified_one((start, end) in range(), wanted in 1u32..=256, key in key(), near in any::<u64>()) {
            let parts = Parts::new(&start, &end, wanted);
            let prefix = &start[..parts.prefix_len as usize];
            let inside = [prefix, &parts.low.wrapping_add(near % parts.span.max(1)).to_be_bytes()[..]].concat();
            for key in [&key[..], &inside, &start, &end, &[prefix, &key[..]].concat()] {
                let index = plain_index(&start, &end, &parts, key);
                prop_assert_eq!(parts.index(prefix, key), index);
                let quick = parts.index_of_long(prefix, Head::new(prefix), key);
                prop_assert!(quick.is_none_or(|quick| quick == index));
                prop_assert!(quick.is_some() || !key.starts_with(prefix) || key.len() < prefix.len() + 8);
            }
        }

        #[test]
        fn the_parts_tile_the_range_and_a_bound_lies_in_the_part_it_opens((start, end) in range(), wanted in 1u32..=256) {
            let parts = Parts::new(&start, &end, wanted);
            let prefix = &start[..parts.prefix_len as usize];
            let bounds = bounds(&start, &end, &parts);
            for i in 0..parts.count() as usize {
                prop_assert!(bounds[i] < bounds[i + 1] || (end.is_empty() && i + 1 == parts.count() as usize));
                prop_assert_eq!(parts.index(prefix, &bounds[i]), i as u32);
                let last_before = [&bounds[i][..], &[0]].concat();
                if last_before < bounds[i + 1] {
                    prop_assert_eq!(parts.index(prefix, &last_before), i as u32);
                }
            }
        }
    }

    #[test]
    fn narrow_ranges_have_fewer_parts_than_wanted() {
        let (start, end) = ([0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], [1, 0, 0, 0, 0, 0, 0, 4]);
        assert_eq!(Parts::new(&start, &end, 16).count(), 5);
        assert_eq!(Parts::new(b"a", b"a\0", 16).count(), 1, "the windows are equal");
        assert_eq!(Parts::new(&[0xff; 9], b"", 16).count(), 1, "nothing lies above the start's window");
        assert_eq!(Parts::new(b"z", b"a", 16).count(), 1, "an inverted range is not cut");
        assert_eq!(Parts::new(b"", b"", 256).count(), 256);
    }

    #[test]
    fn quotients_are_exact_at_every_step() {
        for (span, wanted) in [(256, 256), (257, 256), (1000, 7), (u64::MAX, 256), (u64::MAX - 1, 255), (1 << 63, 3)] {
            let parts = Parts::cut(0, 0, span, wanted);
            for i in 1..parts.count() {
                let bound = (u128::from(i) * u128::from(span)).div_ceil(u128::from(parts.count)) as u64;
                assert_eq!(parts.index(b"", &bound.to_be_bytes()), i);
                assert_eq!(parts.index(b"", &(bound - 1).to_be_bytes()), i - 1);
            }
        }
    }
}
