//! Key bytes in one piece of memory, zeroed whenever it is given up: keys are data about users.

use zeroize::Zeroize;

/// Where a key lies in a [`Keys`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeyAt {
    offset: u32,
    len: u16,
    /// Bytes from `offset` on that are this key's, though it may be shorter.
    room: u16,
}

/// Byte strings of at most [`Keys::LONGEST`] bytes, stored one behind the other.
#[derive(Default)]
pub(crate) struct Keys {
    bytes: Vec<u8>,
    /// Bytes that no key owns any more.
    waste: usize,
}

impl Keys {
    /// Length of a key at most.
    pub const LONGEST: usize = u16::MAX as usize;

    /// Bytes that may lie waste before [`Keys::is_wasteful`] says so.
    const WASTE: usize = 1024;

    /// With room for so many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), waste: 0 }
    }

    pub fn get(&self, at: KeyAt) -> &[u8] {
        &self.bytes[at.offset as usize..][..at.len as usize]
    }

    /// Fetches a key into the cache, as far as one line goes.
    #[inline(always)]
    pub fn prefetch(&self, at: KeyAt) {
        super::prefetch::prefetch(&self.bytes, at.offset as usize);
    }

    /// Stores a key.
    pub fn push(&mut self, key: &[u8]) -> KeyAt {
        debug_assert!(key.len() <= Self::LONGEST);
        self.reserve(key.len());
        let at = KeyAt { offset: self.bytes.len() as u32, len: key.len() as u16, room: key.len() as u16 };
        self.bytes.extend_from_slice(key);
        at
    }

    /// Whether it is this key. Most keys are short, and a call to compare them would take longer than that.
    #[inline(always)]
    pub fn is(&self, at: KeyAt, key: &[u8]) -> bool {
        let stored = self.get(at);
        if stored.len() != key.len() {
            return false;
        }
        let (a, b) = (stored.chunks_exact(8), key.chunks_exact(8));
        a.remainder() == b.remainder() && a.zip(b).all(|(a, b)| a == b)
    }

    /// Stores a key in the place of another, if it fits there, else at the end: then it returns `true`.
    #[inline]
    #[allow(unsafe_code)]
    pub fn replace(&mut self, at: &mut KeyAt, key: &[u8]) -> bool {
        let fits = key.len() <= at.room as usize;
        if fits {
            let place = &mut self.bytes[at.offset as usize..][..at.len.max(key.len() as u16) as usize];
            let (start, rest) = place.split_at_mut(key.len());
            // SAFETY: the two are of one length.
            unsafe { copy_key(key, start.as_mut_ptr()) };
            rest.zeroize();
            at.len = key.len() as u16;
        } else {
            self.bytes[at.offset as usize..][..at.room as usize].zeroize();
            self.waste += at.room as usize;
            *at = self.push(key);
        }
        !fits
    }

    /// Whether more lies waste than is in use: then [`Keys::compact`] is worth what it costs.
    pub fn is_wasteful(&self) -> bool {
        self.waste > Self::WASTE && self.waste * 2 > self.bytes.len()
    }

    /// Stores anew the keys at these places, which are all that there are.
    pub fn compact<'a>(&mut self, places: impl Iterator<Item = &'a mut KeyAt>) {
        let mut compacted = Keys::default();
        compacted.bytes.reserve_exact(self.bytes.len() - self.waste);
        for at in places {
            *at = compacted.push(self.get(*at));
        }
        *self = compacted;
    }

    /// Forgets all keys, and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.as_mut_slice().zeroize();
        self.bytes.clear();
        self.waste = 0;
    }

    /// Makes room for `more` bytes. What is moved is zeroed where it was.
    fn reserve(&mut self, more: usize) {
        let needed = self.bytes.len() + more;
        if needed > self.bytes.capacity() {
            let mut grown = Vec::with_capacity(needed.next_power_of_two().max(64));
            grown.extend_from_slice(&self.bytes);
            std::mem::replace(&mut self.bytes, grown).zeroize();
        }
    }

    /// Bytes of memory behind it.
    pub fn heap_bytes(&self) -> usize {
        crate::meta::heap_bytes(self.bytes.capacity())
    }
}

/// Copies a key. Most are short, and a call would take longer than that.
///
/// # Safety
/// There are as many bytes at `to`, which are nobody else's.
#[inline(always)]
#[allow(unsafe_code)]
pub(super) unsafe fn copy_key(key: &[u8], to: *mut u8) {
    /// Two numbers, which overlap unless the key is exactly as long.
    #[inline(always)]
    unsafe fn copy_as<N>(key: &[u8], to: *mut u8) {
        let rest = key.len() - size_of::<N>();
        let ends = (key.as_ptr().cast::<N>().read_unaligned(), key.as_ptr().add(rest).cast::<N>().read_unaligned());
        to.cast::<N>().write_unaligned(ends.0);
        to.add(rest).cast::<N>().write_unaligned(ends.1);
    }
    match key.len() {
        16..=32 => copy_as::<u128>(key, to),
        8..=15 => copy_as::<u64>(key, to),
        len => to.copy_from_nonoverlapping(key.as_ptr(), len),
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        // The length is what was ever written: `clear` zeroes before it shortens.
        self.bytes.as_mut_slice().zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn keys_are_what_was_stored_whatever_is_replaced_and_compacted(
            first in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..8),
            changes in prop::collection::vec((any::<prop::sample::Index>(), prop::collection::vec(any::<u8>(), 0..300)), 0..200),
        ) {
            let mut keys = Keys::default();
            let mut model = first.clone();
            let mut places: Vec<KeyAt> = first.iter().map(|key| keys.push(key)).collect();
            for (index, key) in changes {
                let i = index.index(model.len());
                keys.replace(&mut places[i], &key);
                model[i] = key;
                if keys.is_wasteful() {
                    keys.compact(places.iter_mut());
                }
                for (at, key) in places.iter().zip(&model) {
                    prop_assert_eq!(keys.get(*at), &key[..]);
                }
                prop_assert!(keys.bytes.len() <= 2 * places.iter().map(|at| at.room as usize).sum::<usize>() + 2 * Keys::WASTE);
            }
        }

        #[test]
        fn of_a_key_that_was_replaced_no_byte_is_left(old in prop::collection::vec(1u8.., 1..60), new in prop::collection::vec(Just(0u8), 0..60)) {
            let mut keys = Keys::default();
            let mut at = keys.push(&old);
            keys.replace(&mut at, &new);
            prop_assert!(keys.bytes.iter().all(|&byte| byte == 0));
        }
    }
}
