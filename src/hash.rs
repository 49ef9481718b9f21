//! A hasher for integer keys that we or the host number ourselves: one multiplication.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Maps keyed by integers.
pub(crate) type IntMap<K, V> = HashMap<K, V, BuildHasherDefault<IntHasher>>;

/// Multiplicative hashing, the high half folded into the low one.
#[derive(Default)]
pub(crate) struct IntHasher(u64);

impl Hasher for IntHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(byte.into()));
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(value.into());
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = hash(self.0 ^ value);
    }
}

/// Mixes one integer.
pub(crate) fn hash(value: u64) -> u64 {
    let product = u128::from(value ^ 0x5851_f42d_4c95_7f2d) * u128::from(crate::table::HASH_FACTOR);
    (product >> 64) as u64 ^ product as u64
}
