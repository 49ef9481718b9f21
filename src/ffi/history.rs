//! Saving and loading the history.

use super::columns::{check_room, copy_bytes};
use super::handle;
use super::sampler::keyviz_sampler_t;
use super::status::{guard, keyviz_error_t, keyviz_status_t, Failure};
use super::structs::bytes;
use std::ffi::{c_char, c_void, CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Writes the history as one byte string into the caller's buffer, for a file or a database: versioned, checksummed,
/// the same on every machine. `*size` becomes its length, also when it does not fit. (A flush in between can make it
/// longer: ask for some more.)
///
/// Errors: KEYVIZ_ERR_BUFFER_TOO_SMALL, KEYVIZ_ERR_HISTORY_OFF, KEYVIZ_ERR_NULL_POINTER.
#[no_mangle]
pub unsafe extern "C" fn keyviz_sampler_save_history(
    sampler: *const keyviz_sampler_t,
    buffer: *mut c_void,
    capacity: usize,
    size: *mut usize,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        let sampler = &handle::get(sampler)?.sampler;
        check_room(buffer, capacity, size)?;
        copy_bytes(&sampler.save_history()?, buffer, capacity, size)
    })
}

/// Takes over a history that was saved, before the first flush; sequence numbers go on after its newest column. What the
/// options have no room for is left out. All or nothing.
///
/// Errors: KEYVIZ_ERR_CORRUPT (damaged or cut), KEYVIZ_ERR_NEWER_VERSION, KEYVIZ_ERR_HISTORY_OFF,
/// KEYVIZ_ERR_INVALID_ARGUMENT (there was a flush already), KEYVIZ_ERR_NULL_POINTER.
#[no_mangle]
pub unsafe extern "C" fn keyviz_sampler_load_history(
    sampler: *mut keyviz_sampler_t,
    image: *const c_void,
    len: usize,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        let sampler = &handle::get(sampler)?.sampler;
        sampler.check_open()?;
        sampler.load_history(bytes(image, len, "image")?)?;
        Ok(())
    })
}

/// Saves the history into a file, which is replaced atomically: after a crash it holds the old history or the new one.
/// `path` is zero-terminated.
///
/// Errors: KEYVIZ_ERR_IO, KEYVIZ_ERR_INVALID_ARGUMENT (the path names no file: it is empty, or ends in ".."),
/// KEYVIZ_ERR_HISTORY_OFF, KEYVIZ_ERR_NULL_POINTER.
#[no_mangle]
pub unsafe extern "C" fn keyviz_sampler_save_history_file(
    sampler: *const keyviz_sampler_t,
    path: *const c_char,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        let sampler = &handle::get(sampler)?.sampler;
        sampler.save_history_file(self::path(path)?)?;
        Ok(())
    })
}

/// Loads the history from a file that keyviz_sampler_save_history_file (or the host) wrote.
/// Errors: KEYVIZ_ERR_IO, and those of keyviz_sampler_load_history.
#[no_mangle]
pub unsafe extern "C" fn keyviz_sampler_load_history_file(
    sampler: *mut keyviz_sampler_t,
    path: *const c_char,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        let sampler = &handle::get(sampler)?.sampler;
        sampler.check_open()?;
        sampler.load_history_file(self::path(path)?)?;
        Ok(())
    })
}

unsafe fn path<'a>(path: *const c_char) -> Result<&'a Path, Failure> {
    if path.is_null() {
        return Err(Failure::null("path"));
    }
    Ok(Path::new(OsStr::from_bytes(CStr::from_ptr(path).to_bytes())))
}
