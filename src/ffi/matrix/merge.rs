//! The cluster merge.

use super::{budget, check_out, hand_out, keyviz_matrix_t, series, utf8};
use crate::ffi::handle::{self, Handle};
use crate::ffi::status::{guard, keyviz_error_t, keyviz_status_t, Failure};
use crate::ffi::structs::{init, read_struct, write_out, Sized0};
use crate::matrix::{Merge, MergeOptions};
use parking_lot::Mutex;
use std::ffi::c_char;
use std::sync::atomic::AtomicU32;

/// A merge of the matrices of a cluster's nodes. It holds about one matrix, however many are added. Any thread may call
/// its functions; they take turns.
///
/// Reads and read bytes of a cell are added up. Writes and written bytes are what leaders counted: sources that tell of
/// the same Raft group and term tell of the same traffic, whose largest value counts, and if they differ, the cell is a
/// conflict; different terms are added up. If group or term are unknown, the largest value counts.
// Not as a plain attribute: cbindgen would take the type for a struct that callers may look into.
#[cfg_attr(all(), repr(C))]
pub struct keyviz_merge_t {
    magic: AtomicU32,
    /// Until it is finished.
    merge: Mutex<Option<Merge>>,
}

// SAFETY: `repr(C)`, and the word comes first.
unsafe impl Handle for keyviz_merge_t {
    const NAME: &'static str = "merge";
    const MAGIC: u32 = 0x6b76_0004;
    const MAGIC_OFFSET: usize = std::mem::offset_of!(Self, magic);
}

/// Columns of different sources that are at most half a step apart are one column.
pub const KEYVIZ_TOLERANCE_DEFAULT: i64 = -1;

/// How matrices are merged. Begin with KEYVIZ_MERGE_OPTIONS_INIT (or keyviz_merge_options_init): writes, half a step of
/// tolerance, at most 1024 rows.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct keyviz_merge_options_t {
    /// sizeof(keyviz_merge_options_t).
    pub type_size: usize,
    /// Columns of different sources that are at most so many ns apart, in whole ms, are one column; 0: only those of equal
    /// times. KEYVIZ_TOLERANCE_DEFAULT: half of the step, which is the median distance of the columns of the first source
    /// that has two.
    pub column_tolerance_ns: i64,
    /// Nodes that are to answer, for the report (keyviz_matrix_info); 0, or fewer than are added: as many as are added.
    pub nodes_expected: u64,
    /// KEYVIZ_SERIES_*: every source must be of it.
    pub series: u32,
    /// Most rows of the result; 0, or more than 1024: 1024.
    pub row_budget: u32,
    /// KEYVIZ_BUDGET_*.
    pub budget_mode: u32,
    /// Zero.
    pub reserved: u32,
}

// SAFETY: integers only, no padding.
unsafe impl Sized0 for keyviz_merge_options_t {}

/// Fills options like KEYVIZ_MERGE_OPTIONS_INIT. NULL is fine.
#[no_mangle]
pub unsafe extern "C" fn keyviz_merge_options_init(options: *mut keyviz_merge_options_t) {
    init(options);
    if let Some(options) = options.as_mut() {
        options.column_tolerance_ns = KEYVIZ_TOLERANCE_DEFAULT;
        options.series = super::KEYVIZ_SERIES_WRITES;
    }
}

/// Begins a merge. Add the sources, this node's first, since what describes a row is from the first source that has it;
/// then finish it. `*out` is to be freed with keyviz_merge_free, finished or not.
///
/// Errors: KEYVIZ_ERR_INVALID_ARGUMENT, KEYVIZ_ERR_NULL_POINTER, KEYVIZ_ERR_TYPE_SIZE.
#[no_mangle]
pub unsafe extern "C" fn keyviz_merge_new(
    options: *const keyviz_merge_options_t,
    out: *mut *mut keyviz_merge_t,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        let options = read_struct(options, "options")?;
        check_out(out)?;
        let column_tolerance_ns = match options.column_tolerance_ns {
            KEYVIZ_TOLERANCE_DEFAULT => None,
            ns => Some(u64::try_from(ns).map_err(|_| Failure::invalid(format!("column_tolerance_ns is {ns}")))?),
        };
        if options.reserved != 0 {
            return Err(Failure::invalid("options.reserved is not 0"));
        }
        let merge = Merge::new(MergeOptions {
            series: series(options.series)?,
            column_tolerance_ns,
            budget: budget(options.row_budget, options.budget_mode)?,
            expected: options.nodes_expected,
        });
        let magic = AtomicU32::new(keyviz_merge_t::MAGIC);
        write_out(out, handle::into_raw(keyviz_merge_t { magic, merge: Mutex::new(Some(merge)) }));
        Ok(())
    })
}

/// Adds a source, which stays the caller's and may be freed before the merge is finished. `node` (UTF-8; NULL with length
/// 0: unnamed) names it, unless the matrix has a name itself. A node that was added before does not count again: the call
/// is KEYVIZ_OK then, and `*counted` (may be NULL) is 0 instead of 1. Sources without a name all count.
///
/// Errors: KEYVIZ_ERR_INVALID_ARGUMENT (the matrix is of another series; the merge is finished; the name is not UTF-8),
/// KEYVIZ_ERR_TOO_LARGE (there would be more than 2^28 rows x columns: sources that share neither multiply),
/// KEYVIZ_ERR_NULL_POINTER. Nothing changes then.
#[no_mangle]
pub unsafe extern "C" fn keyviz_merge_add(
    merge: *mut keyviz_merge_t,
    matrix: *const keyviz_matrix_t,
    node: *const c_char,
    node_len: usize,
    counted: *mut u32,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        let mut merge = handle::get(merge)?.merge.lock();
        let matrix = &handle::get(matrix)?.matrix;
        let added = unfinished(&mut merge)?.add(matrix, utf8(node, node_len, "node")?)?;
        write_out(counted, added.into());
        Ok(())
    })
}

/// Adds a node that gave no matrix, with the reason; both UTF-8. A node whose matrix is in already stays so; one that gives
/// its matrix later has answered.
///
/// Errors: KEYVIZ_ERR_INVALID_ARGUMENT (the merge is finished; not UTF-8), KEYVIZ_ERR_NULL_POINTER.
#[no_mangle]
pub unsafe extern "C" fn keyviz_merge_add_failure(
    merge: *mut keyviz_merge_t,
    node: *const c_char,
    node_len: usize,
    reason: *const c_char,
    reason_len: usize,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        let mut merge = handle::get(merge)?.merge.lock();
        let (node, reason) = (utf8(node, node_len, "node")?, utf8(reason, reason_len, "reason")?);
        unfinished(&mut merge)?.add_failure(node, reason);
        Ok(())
    })
}

/// Gives the merged matrix, and ends the merge: it can only be freed then. Without a source, the matrix has no rows and
/// columns. `*out` is to be freed with keyviz_matrix_free.
///
/// Errors: KEYVIZ_ERR_INVALID_ARGUMENT (it is finished already), KEYVIZ_ERR_NULL_POINTER.
#[no_mangle]
pub unsafe extern "C" fn keyviz_merge_finish(
    merge: *mut keyviz_merge_t,
    out: *mut *mut keyviz_matrix_t,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        let mut merge = handle::get(merge)?.merge.lock();
        check_out(out)?;
        unfinished(&mut merge)?;
        if let Some(merge) = merge.take() {
            hand_out(out, merge.finish());
        }
        Ok(())
    })
}

/// Frees a merge, finished or not. NULL is fine.
#[no_mangle]
pub unsafe extern "C" fn keyviz_merge_free(merge: *mut keyviz_merge_t) {
    guard(std::ptr::null_mut(), || {
        drop(handle::take(merge));
        Ok(())
    });
}

fn unfinished(merge: &mut Option<Merge>) -> Result<&mut Merge, Failure> {
    merge.as_mut().ok_or_else(|| Failure::invalid("the merge is finished"))
}
