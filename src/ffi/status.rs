//! Statuses, the error struct, and how a panic becomes a status.

use super::structs::{init, write_struct, Sized0};
use crate::error::Error;
use std::ffi::c_char;
use std::panic::{catch_unwind, AssertUnwindSafe};

/// What a call came to: `KEYVIZ_OK`, or one of `KEYVIZ_ERR_*`. After an error nothing was changed, and no output was
/// written but those that the function names.
pub type keyviz_status_t = i32;

/// The call did what it says.
pub const KEYVIZ_OK: keyviz_status_t = 0;
/// A number is none of its enum's constants, or an argument's value has no meaning.
pub const KEYVIZ_ERR_INVALID_ARGUMENT: keyviz_status_t = 1;
/// A pointer is null where one is needed, or is null with a length above 0.
pub const KEYVIZ_ERR_NULL_POINTER: keyviz_status_t = 2;
/// A struct's type_size is not one that this library knows, or the part of a larger struct that it doesn't know is not
/// zero.
pub const KEYVIZ_ERR_TYPE_SIZE: keyviz_status_t = 3;
/// The handle is not one of this library's, or was freed. (Found out as far as that is possible.)
pub const KEYVIZ_ERR_INVALID_HANDLE: keyviz_status_t = 4;
/// A route's start is not below its end.
pub const KEYVIZ_ERR_INVALID_RANGE: keyviz_status_t = 5;
/// A buffer is too small. The sizes that it takes were written; nothing else was done.
pub const KEYVIZ_ERR_BUFFER_TOO_SMALL: keyviz_status_t = 6;
/// The route is not registered.
pub const KEYVIZ_ERR_UNKNOWN_ROUTE: keyviz_status_t = 7;
/// The route id is in use, where a new one is needed.
pub const KEYVIZ_ERR_ROUTE_EXISTS: keyviz_status_t = 8;
/// There is no such column, sub-bucket or name.
pub const KEYVIZ_ERR_NOT_FOUND: keyviz_status_t = 9;
/// The sampler keeps no history.
pub const KEYVIZ_ERR_HISTORY_OFF: keyviz_status_t = 10;
/// The sampler is closed.
pub const KEYVIZ_ERR_CLOSED: keyviz_status_t = 11;
/// The system gave no memory, or it does not fit into the sampler's memory limit.
pub const KEYVIZ_ERR_NO_MEMORY: keyviz_status_t = 12;
/// All lanes are out.
pub const KEYVIZ_ERR_NO_LANE: keyviz_status_t = 13;
/// The bytes are damaged: they are not what this library wrote.
pub const KEYVIZ_ERR_CORRUPT: keyviz_status_t = 14;
/// The bytes were written by a newer version of this library.
pub const KEYVIZ_ERR_NEWER_VERSION: keyviz_status_t = 15;
/// A file could not be read or written.
pub const KEYVIZ_ERR_IO: keyviz_status_t = 16;
/// This system lacks what the call needs.
pub const KEYVIZ_ERR_UNSUPPORTED: keyviz_status_t = 17;
/// A defect of the library: it panicked, and the panic was stopped here.
pub const KEYVIZ_ERR_PANIC: keyviz_status_t = 18;
/// The input is not what it should be. The message says what is wrong, and at which byte.
pub const KEYVIZ_ERR_MALFORMED: keyviz_status_t = 19;
/// The input is larger than a limit allows.
pub const KEYVIZ_ERR_TOO_LARGE: keyviz_status_t = 20;
/// The sampler tracks no hot keys.
pub const KEYVIZ_ERR_HOT_KEYS_OFF: keyviz_status_t = 21;
/// There is no snapshot of these hot keys: the route is unknown or in a virtual bucket, or nothing of it was sampled and
/// published yet.
pub const KEYVIZ_ERR_NO_SNAPSHOT: keyviz_status_t = 22;
/// The snapshot is not of the time that was asked for.
pub const KEYVIZ_ERR_OUT_OF_SNAPSHOT_WINDOW: keyviz_status_t = 23;

/// Bytes of an error's message, its terminating zero included.
pub const KEYVIZ_ERROR_MESSAGE_SIZE: usize = 240;

/// Why a call failed. The caller owns it, and passes it as the last argument (or NULL). It holds nothing to free.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct keyviz_error_t {
    /// sizeof(keyviz_error_t).
    pub type_size: usize,
    /// The status that the call returned.
    pub status: keyviz_status_t,
    /// Zero.
    pub reserved: u32,
    /// The reason, in English, zero-terminated UTF-8, cut if it is longer.
    pub message: [c_char; KEYVIZ_ERROR_MESSAGE_SIZE],
}

// SAFETY: integers only, and all zero is a valid value.
unsafe impl Sized0 for keyviz_error_t {}

impl Default for keyviz_error_t {
    fn default() -> Self {
        Self { type_size: size_of::<Self>(), status: KEYVIZ_OK, reserved: 0, message: [0; KEYVIZ_ERROR_MESSAGE_SIZE] }
    }
}

/// Fills an error with zeros and its type_size, like KEYVIZ_ERROR_INIT. NULL is fine.
#[no_mangle]
pub unsafe extern "C" fn keyviz_error_init(err: *mut keyviz_error_t) {
    init(err);
}

/// A status with its reason.
#[derive(Debug)]
pub(super) struct Failure {
    pub status: keyviz_status_t,
    pub message: String,
}

impl Failure {
    pub fn new(status: keyviz_status_t, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    pub fn null(what: &str) -> Self {
        Self::new(KEYVIZ_ERR_NULL_POINTER, format!("{what} is null"))
    }

    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(KEYVIZ_ERR_INVALID_ARGUMENT, message)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let status = match &error {
            Error::InvalidArgument(_) => KEYVIZ_ERR_INVALID_ARGUMENT,
            Error::InvalidRange => KEYVIZ_ERR_INVALID_RANGE,
            Error::UnknownRoute(_) => KEYVIZ_ERR_UNKNOWN_ROUTE,
            Error::RouteExists(_) | Error::ReservedRouteId(_) => KEYVIZ_ERR_ROUTE_EXISTS,
            Error::ColumnNotFound(_) => KEYVIZ_ERR_NOT_FOUND,
            Error::HistoryOff => KEYVIZ_ERR_HISTORY_OFF,
            Error::Closed => KEYVIZ_ERR_CLOSED,
            Error::OutOfMemory | Error::MemoryLimit => KEYVIZ_ERR_NO_MEMORY,
            Error::CorruptImage(_) => KEYVIZ_ERR_CORRUPT,
            Error::NewerImage(_) => KEYVIZ_ERR_NEWER_VERSION,
            Error::Io(_) => KEYVIZ_ERR_IO,
            Error::HotKeysOff => KEYVIZ_ERR_HOT_KEYS_OFF,
            Error::NoSnapshot => KEYVIZ_ERR_NO_SNAPSHOT,
            Error::OutOfSnapshotWindow => KEYVIZ_ERR_OUT_OF_SNAPSHOT_WINDOW,
            Error::Malformed(_) => KEYVIZ_ERR_MALFORMED,
            Error::TooLarge(_) => KEYVIZ_ERR_TOO_LARGE,
            Error::BufferTooSmall(_) => KEYVIZ_ERR_BUFFER_TOO_SMALL,
        };
        Self::new(status, error.to_string())
    }
}

/// Runs the body of a C function: its failure, or its panic, becomes a status, and the reason goes into `err`.
pub(super) fn guard(err: *mut keyviz_error_t, body: impl FnOnce() -> Result<(), Failure>) -> keyviz_status_t {
    // What the body changes, it changes behind locks that don't poison, or after everything that can panic.
    let failure = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => return KEYVIZ_OK,
        Ok(Err(failure)) => failure,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
            Failure::new(KEYVIZ_ERR_PANIC, format!("the library panicked: {text}"))
        }
    };
    let mut error = keyviz_error_t { status: failure.status, ..Default::default() };
    let fits = floor_char_boundary(&failure.message, KEYVIZ_ERROR_MESSAGE_SIZE - 1);
    for (to, from) in error.message.iter_mut().zip(failure.message[..fits].bytes()) {
        *to = from as c_char;
    }
    // SAFETY: the caller passes null or an error struct of the size it says. One that says a wrong size stays as it is:
    // the failure is worth more to the caller than a complaint about where to write it.
    let _ = unsafe { write_struct(err, "err", &error) };
    failure.status
}

/// The longest beginning of a text that has at most so many bytes and ends between characters, in bytes.
pub(super) fn floor_char_boundary(text: &str, at_most: usize) -> usize {
    (0..=at_most.min(text.len())).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0)
}

/// Panics inside of the library, to show that this comes back as KEYVIZ_ERR_PANIC and harms nothing: for tests of a
/// host's error handling. Like any panic, it says so on the standard error stream. Returns KEYVIZ_ERR_PANIC.
#[no_mangle]
pub extern "C" fn keyviz_force_panic(err: *mut keyviz_error_t) -> keyviz_status_t {
    guard(err, || panic!("forced by keyviz_force_panic"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message_of(text: String) -> Vec<u8> {
        let mut error = keyviz_error_t { message: [0x55; KEYVIZ_ERROR_MESSAGE_SIZE], ..Default::default() };
        assert_eq!(guard(&mut error, || Err(Failure::invalid(text))), KEYVIZ_ERR_INVALID_ARGUMENT);
        assert_eq!(error.status, KEYVIZ_ERR_INVALID_ARGUMENT);
        let bytes = error.message.map(|byte| byte as u8);
        let end = bytes.iter().position(|&byte| byte == 0).expect("the message is terminated");
        assert!(bytes[end..].iter().all(|&byte| byte == 0), "nothing of an older message is left");
        bytes[..end].to_vec()
    }

    #[test]
    fn a_message_that_just_fits_is_whole() {
        let longest = "x".repeat(KEYVIZ_ERROR_MESSAGE_SIZE - 1);
        assert_eq!(message_of(longest.clone()), longest.as_bytes());
        assert_eq!(message_of(format!("{longest}y")), longest.as_bytes());
        assert_eq!(message_of(String::new()), b"");
    }

    #[test]
    fn a_message_is_cut_between_characters() {
        for shift in 0..4 {
            let cut = message_of("x".repeat(shift) + &"\u{1f511}".repeat(100));
            let text = std::str::from_utf8(&cut).expect("still UTF-8");
            assert!(text.ends_with('\u{1f511}') && cut.len() > KEYVIZ_ERROR_MESSAGE_SIZE - 5);
        }
    }
}
