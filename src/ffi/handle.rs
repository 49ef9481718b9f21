//! Opaque handles: a box that begins with a word that says what it is. Freeing it wipes the word, so that the use of a
//! freed or a foreign handle is noticed as far as it can be: the memory may since belong to somebody else.

use super::status::{Failure, KEYVIZ_ERR_INVALID_HANDLE};
use std::sync::atomic::{AtomicU32, Ordering};

/// What a handle type is called, and its word.
///
/// # Safety
/// `repr(C)`, and at `MAGIC_OFFSET`, which is 0, lies an `AtomicU32` that holds `MAGIC` from the beginning: of a stranger,
/// no more than its first 4 bytes may be read.
pub(super) unsafe trait Handle: Sized {
    const NAME: &'static str;
    const MAGIC: u32;
    const MAGIC_OFFSET: usize;
}

/// A bit of the word that says: what is observed here takes more than the shortest path, since keys are sampled. So the
/// check that a handle is one of ours also decides this, at no cost for those that sample nothing.
pub(super) const SAMPLES_KEYS: u32 = 1 << 31;

/// Hands a value out.
pub(super) fn into_raw<T: Handle>(value: T) -> *mut T {
    Box::into_raw(Box::new(value))
}

/// The value behind a handle.
///
/// # Safety
/// `handle` came from [`into_raw`] and stays until `'a` ends; or it is null, or readable memory.
#[inline(always)]
pub(super) unsafe fn get<'a, T: Handle>(handle: *const T) -> Result<&'a T, Failure> {
    if handle.is_null() {
        return Err(Failure::null(T::NAME));
    }
    if !is_valid(handle) {
        return Err(Failure::new(KEYVIZ_ERR_INVALID_HANDLE, format!("{} is not a live handle of that type", T::NAME)));
    }
    Ok(&*handle)
}

/// Whether a handle that isn't null looks like one of its type.
///
/// # Safety
/// As for [`get`].
#[inline(always)]
pub(super) unsafe fn is_valid<T: Handle>(handle: *const T) -> bool {
    const { assert!(T::MAGIC_OFFSET == 0) };
    // Read without regard to alignment, since a foreign pointer may have any.
    handle.cast::<u32>().read_unaligned() & !SAMPLES_KEYS == T::MAGIC
}

/// Whether a handle that isn't null looks like one of its type that samples no keys.
///
/// # Safety
/// As for [`get`].
#[inline(always)]
pub(super) unsafe fn is_plain<T: Handle>(handle: *const T) -> bool {
    const { assert!(T::MAGIC_OFFSET == 0 && T::MAGIC & SAMPLES_KEYS == 0) };
    handle.cast::<u32>().read_unaligned() == T::MAGIC
}

/// Whether a handle that isn't null looks like one of its type that samples keys.
///
/// # Safety
/// As for [`get`].
#[inline(always)]
pub(super) unsafe fn samples_keys<T: Handle>(handle: *const T) -> bool {
    const { assert!(T::MAGIC_OFFSET == 0 && T::MAGIC & SAMPLES_KEYS == 0) };
    handle.cast::<u32>().read_unaligned() == T::MAGIC | SAMPLES_KEYS
}

/// Takes a value back; null, and what is no live handle, is left alone.
///
/// # Safety
/// As for [`get`], and no one uses the handle any more.
pub(super) unsafe fn take<T: Handle>(handle: *mut T) -> Option<Box<T>> {
    if handle.is_null() || !is_valid(handle) {
        return None;
    }
    (*handle.cast::<u8>().add(T::MAGIC_OFFSET).cast::<AtomicU32>()).store(0, Ordering::Relaxed);
    Some(Box::from_raw(handle))
}
