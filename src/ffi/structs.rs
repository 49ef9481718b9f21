//! Structs that begin with their own size.
//!
//! Such a struct can grow at its end and stay compatible in both directions: a caller's shorter (older) one is extended
//! with zeros; of a longer (newer) one, the part that this library doesn't know must be zero. An output struct is
//! written as far as the caller's reaches.

use super::status::{Failure, KEYVIZ_ERR_TYPE_SIZE};
use std::mem::MaybeUninit;

/// Largest type_size that is believed.
pub(super) const MAX_SIZE: usize = 1 << 16;

/// A struct whose first field is its size.
///
/// # Safety
/// `repr(C)`, the first field is `type_size: usize`, no padding, and all zero bytes are a valid value.
pub(super) unsafe trait Sized0: Copy {
    /// Its size in the first version of the ABI that had it: the least a caller may pass.
    const FIRST_SIZE: usize = size_of::<Self>();
}

/// Fills a struct with zeros and its size, as far as its first version reaches: whoever calls may have been compiled with
/// that one. NULL is fine.
///
/// # Safety
/// `to` is null, or writable.
pub(super) unsafe fn init<T: Sized0>(to: *mut T) {
    if !to.is_null() {
        to.cast::<u8>().write_bytes(0, T::FIRST_SIZE);
        to.cast::<usize>().write(T::FIRST_SIZE);
    }
}

/// Reads an input struct.
///
/// # Safety
/// `from` is null, or points at a struct that is as long as its first field says.
pub(super) unsafe fn read_struct<T: Sized0>(from: *const T, what: &str) -> Result<T, Failure> {
    let size = check_size(from, what)?;
    let bytes = from.cast::<u8>();
    if size > size_of::<T>() {
        let tail = std::slice::from_raw_parts(bytes.add(size_of::<T>()), size - size_of::<T>());
        if tail.iter().any(|&byte| byte != 0) {
            let message = format!("{what}.type_size is {size}: this library knows {} bytes, and the rest is not zero", size_of::<T>());
            return Err(Failure::new(KEYVIZ_ERR_TYPE_SIZE, message));
        }
    }
    let mut value = MaybeUninit::<T>::zeroed();
    std::ptr::copy_nonoverlapping(bytes, value.as_mut_ptr().cast::<u8>(), size.min(size_of::<T>()));
    Ok(value.assume_init())
}

/// Writes an output struct as far as the caller's reaches; the caller's type_size stays. NULL is fine.
///
/// # Safety
/// `to` is null, or points at a struct that is as long as its first field says.
pub(super) unsafe fn write_struct<T: Sized0>(to: *mut T, what: &str, value: &T) -> Result<(), Failure> {
    if to.is_null() {
        return Ok(());
    }
    let size = check_size(to, what)?.min(size_of::<T>());
    let skip = size_of::<usize>();
    let (from, to) = (std::ptr::from_ref(value).cast::<u8>(), to.cast::<u8>());
    std::ptr::copy_nonoverlapping(from.add(skip), to.add(skip), size - skip);
    Ok(())
}

/// Checks a struct's size, and returns it.
///
/// # Safety
/// `at` is null, or points at a struct that is as long as its first field says.
pub(super) unsafe fn check_size<T: Sized0>(at: *const T, what: &str) -> Result<usize, Failure> {
    if at.is_null() {
        return Err(Failure::null(what));
    }
    let size = at.cast::<usize>().read_unaligned();
    if !(T::FIRST_SIZE..=MAX_SIZE).contains(&size) {
        let message = format!("{what}.type_size is {size}, and {} is the least", T::FIRST_SIZE);
        return Err(Failure::new(KEYVIZ_ERR_TYPE_SIZE, message));
    }
    Ok(size)
}

/// Bytes that a caller passes in.
///
/// # Safety
/// `at` is null, or points at `len` readable bytes that stay as they are for `'a`.
pub(super) unsafe fn bytes<'a>(at: *const std::ffi::c_void, len: usize, what: &str) -> Result<&'a [u8], Failure> {
    slice(at.cast(), len, what)
}

/// An array that a caller passes in.
///
/// # Safety
/// `at` is null, or points at `len` readable elements that stay as they are for `'a`.
pub(super) unsafe fn slice<'a, T>(at: *const T, len: usize, what: &str) -> Result<&'a [T], Failure> {
    if len == 0 {
        return Ok(&[]);
    }
    check_array(at, len, what)?;
    Ok(std::slice::from_raw_parts(at, len))
}

/// Whether `len` elements of `size` bytes can lie in memory.
pub(super) fn check_extent(len: usize, size: usize, what: &str) -> Result<(), Failure> {
    if len.checked_mul(size).is_none_or(|bytes| bytes > isize::MAX as usize) {
        return Err(Failure::invalid(format!("{what} has {len} elements, which no memory holds")));
    }
    Ok(())
}

/// Checks an array that a caller passes in, without looking into it.
pub(super) fn check_array<T>(at: *const T, len: usize, what: &str) -> Result<(), Failure> {
    if at.is_null() {
        return Err(Failure::null(what));
    }
    check_extent(len, size_of::<T>(), what)?;
    if !at.is_aligned() {
        return Err(Failure::invalid(format!("{what} is not aligned")));
    }
    Ok(())
}

/// Writes an output, if the caller wants it.
///
/// # Safety
/// `to` is null or writable.
pub(super) unsafe fn write_out<T>(to: *mut T, value: T) {
    if !to.is_null() {
        to.write_unaligned(value);
    }
}

/// Where a list is. An empty one of Rust's is at an address that is none, which garbage collectors of hosts don't bear;
/// and NULL, even with length 0, is nothing that C's memcmp takes.
pub(super) fn place<T>(list: &[T]) -> *const T {
    static SOMEWHERE: u64 = 0;
    if list.is_empty() { std::ptr::from_ref(&SOMEWHERE).cast() } else { list.as_ptr() }
}
