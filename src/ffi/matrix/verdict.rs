//! What the library says of a matrix.

use super::access::{check_struct, row_of, text};
use super::keyviz_matrix_t;
use crate::ffi::handle;
use crate::ffi::status::{guard, keyviz_error_t, keyviz_status_t, Failure, KEYVIZ_ERR_NOT_FOUND};
use crate::ffi::structs::{init, place, write_struct, Sized0};
use crate::matrix::verdict::{VerdictKind, Verdicts};
use std::ffi::{c_char, c_void};

/// Nothing was counted.
pub const KEYVIZ_VERDICT_IDLE: u32 = 0;
/// About the same in each column.
pub const KEYVIZ_VERDICT_STEADY: u32 = 1;
/// Most of it in a few columns.
pub const KEYVIZ_VERDICT_BURST: u32 = 2;
/// It comes back after the same time.
pub const KEYVIZ_VERDICT_PERIODIC: u32 = 3;
/// It walks along the keys: sequential writes.
pub const KEYVIZ_VERDICT_MOVING_EDGE: u32 = 4;
/// Most of it in one sub-bucket.
pub const KEYVIZ_VERDICT_ONE_CELL: u32 = 5;
/// Spread over the keys, and steady.
pub const KEYVIZ_VERDICT_EVEN: u32 = 6;
/// None of these.
pub const KEYVIZ_VERDICT_IRREGULAR: u32 = 7;
const _: () = assert!(KEYVIZ_VERDICT_IRREGULAR == VerdictKind::Irregular as u32);

/// What is said of a route under one label, all its sub-buckets together (or of an aggregate). What it points at lies in
/// the matrix. Begin with KEYVIZ_VERDICT_INIT.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct keyviz_verdict_t {
    /// sizeof(keyviz_verdict_t).
    pub type_size: usize,
    /// What decided it. Steady, irregular: standard deviation by mean. Burst: the share of the busiest twentieth of the
    /// columns. Periodic: the autocorrelation. Moving edge: parts passed, negative if downwards. One cell, even: the
    /// share of the hottest part. Idle: 0.
    pub measure: f64,
    /// Periodic: the period in ms. Otherwise 0.
    pub period_ms: u64,
    /// What was counted, UINT64_MAX at most.
    pub total: u64,
    /// Why, in English, UTF-8, not terminated.
    pub reason: *const c_char,
    /// Bytes of reason.
    pub reason_len: usize,
    /// KEYVIZ_VERDICT_*.
    pub verdict: u32,
    /// Zero.
    pub reserved: u32,
}

// SAFETY: numbers and a pointer, no padding.
unsafe impl Sized0 for keyviz_verdict_t {}

/// Fills it with zeros and its type_size, like KEYVIZ_VERDICT_INIT. NULL is fine.
#[no_mangle]
pub unsafe extern "C" fn keyviz_verdict_init(verdict: *mut keyviz_verdict_t) {
    init(verdict);
}

/// Where a hot route would be split. What it points at lies in the matrix. Begin with KEYVIZ_SPLIT_INIT.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct keyviz_split_t {
    /// sizeof(keyviz_split_t).
    pub type_size: usize,
    /// The route.
    pub route_id: u64,
    /// Its share of the matrix's traffic, all labels, 0 to 1.
    pub share: f64,
    /// The share of the route's traffic below the key, 0 to 1.
    pub below: f64,
    /// The key that would open the upper half; NULL: it cannot be split further here.
    pub key: *const c_void,
    /// Bytes of key.
    pub key_len: usize,
    /// Why, in English, UTF-8, not terminated.
    pub reason: *const c_char,
    /// Bytes of reason.
    pub reason_len: usize,
}

// SAFETY: numbers and pointers, no padding.
unsafe impl Sized0 for keyviz_split_t {}

/// Fills it with zeros and its type_size, like KEYVIZ_SPLIT_INIT. NULL is fine.
#[no_mangle]
pub unsafe extern "C" fn keyviz_split_init(split: *mut keyviz_split_t) {
    init(split);
}

/// Says of row `i` how its traffic lies in time and along the keys: its route's under its label, sub-buckets together.
/// The first call for a matrix looks at all of it. A matrix made with KEYVIZ_BUDGET_TOP may lack rows that matter.
///
/// Errors: KEYVIZ_ERR_NOT_FOUND (no such row), KEYVIZ_ERR_NULL_POINTER, KEYVIZ_ERR_TYPE_SIZE.
#[no_mangle]
pub unsafe extern "C" fn keyviz_matrix_verdict(
    matrix: *const keyviz_matrix_t,
    i: usize,
    verdict: *mut keyviz_verdict_t,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        let matrix = handle::get(matrix)?;
        row_of(&matrix.matrix, i)?;
        check_struct(verdict, "verdict")?;
        let verdicts = verdicts(matrix);
        let slot = &verdicts.slots[verdicts.slot_of_row[i]];
        let (reason, reason_len) = text(&slot.verdict.reason);
        let filled = keyviz_verdict_t {
            type_size: size_of::<keyviz_verdict_t>(),
            measure: slot.verdict.measure,
            period_ms: slot.verdict.period_ms,
            total: u64::try_from(slot.total).unwrap_or(u64::MAX),
            reason,
            reason_len,
            verdict: slot.verdict.kind as u32,
            reserved: 0,
        };
        write_struct(verdict, "verdict", &filled)
    })
}

/// Says where the `i`th hot route would be split, the hottest first: those with a tenth of the traffic or more.
/// Errors: KEYVIZ_ERR_NOT_FOUND (there are no more), KEYVIZ_ERR_NULL_POINTER, KEYVIZ_ERR_TYPE_SIZE.
#[no_mangle]
pub unsafe extern "C" fn keyviz_matrix_split(
    matrix: *const keyviz_matrix_t,
    i: usize,
    split: *mut keyviz_split_t,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        let verdicts = verdicts(handle::get(matrix)?);
        let missing = || Failure::new(KEYVIZ_ERR_NOT_FOUND, format!("there are {} hot routes", verdicts.splits.len()));
        let from = verdicts.splits.get(i).ok_or_else(missing)?;
        check_struct(split, "split")?;
        let (reason, reason_len) = text(&from.reason);
        let (key, key_len) = from.key.as_ref().map_or((std::ptr::null(), 0), |key| (place(key), key.len()));
        let filled = keyviz_split_t {
            type_size: size_of::<keyviz_split_t>(),
            route_id: from.route_id,
            share: from.share,
            below: from.below,
            key: key.cast(),
            key_len,
            reason,
            reason_len,
        };
        write_struct(split, "split", &filled)
    })
}

/// The verdict's name for people: "moving edge". NULL: there is none of this number.
#[no_mangle]
pub extern "C" fn keyviz_verdict_name(verdict: u32) -> *const c_char {
    let name = match verdict {
        KEYVIZ_VERDICT_IDLE => c"idle",
        KEYVIZ_VERDICT_STEADY => c"steady",
        KEYVIZ_VERDICT_BURST => c"burst",
        KEYVIZ_VERDICT_PERIODIC => c"periodic",
        KEYVIZ_VERDICT_MOVING_EDGE => c"moving edge",
        KEYVIZ_VERDICT_ONE_CELL => c"one cell",
        KEYVIZ_VERDICT_EVEN => c"even",
        KEYVIZ_VERDICT_IRREGULAR => c"irregular",
        _ => return std::ptr::null(),
    };
    name.as_ptr()
}

fn verdicts(matrix: &keyviz_matrix_t) -> &Verdicts {
    matrix.verdicts.get_or_init(|| Verdicts::of(&matrix.matrix))
}
