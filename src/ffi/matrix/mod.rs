//! Matrices: made from the history or from columns that a host kept.
//!
//! - `access.rs`: reading a matrix in place.
//! - `forms.rs`: its wire forms and its picture; `page.rs`: the heatmap as a page.
//! - `merge.rs`: the cluster merge.
//! - `verdict.rs`: what is said of a matrix.
//! - `kept.rs`: kept columns, checked.

mod access;
mod forms;
mod kept;
mod merge;
mod page;
mod verdict;

use super::columns::keyviz_column_buffer_t;
use super::handle::{self, Handle};
use super::sampler::keyviz_sampler_t;
use super::status::{
    floor_char_boundary, guard, keyviz_error_t, keyviz_status_t, Failure, KEYVIZ_ERROR_MESSAGE_SIZE,
    KEYVIZ_ERR_INVALID_ARGUMENT, KEYVIZ_ERR_MALFORMED, KEYVIZ_ERR_TOO_LARGE,
};
use super::structs::{init, read_struct, slice, write_out, Sized0};
use crate::column::ColumnRows;
use crate::label::Series;
use crate::matrix::verdict::Verdicts;
use crate::matrix::{self, Budget, BudgetMode, ErrorKind, Matrix};
use forms::Kept;
use once_cell::sync::OnceCell;
use parking_lot::Mutex;
use std::ffi::c_char;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Number of reads.
pub const KEYVIZ_SERIES_READS: u32 = 0;
/// Number of writes.
pub const KEYVIZ_SERIES_WRITES: u32 = 1;
/// Bytes of keys and values read.
pub const KEYVIZ_SERIES_READ_BYTES: u32 = 2;
/// Bytes of keys and values written.
pub const KEYVIZ_SERIES_WRITE_BYTES: u32 = 3;

/// Over the row budget, the rows with the largest totals stay and the others are dropped.
pub const KEYVIZ_BUDGET_TOP: u32 = 0;
/// Over the row budget, cold rows that are neighbours are merged: no traffic disappears.
pub const KEYVIZ_BUDGET_MERGE: u32 = 1;

/// A matrix: rows (key ranges by label) x columns (time) of one series. It never changes, and any number of threads may
/// read it at a time; pointers into it are good until it is freed. It stands by itself: the sampler, the columns or the
/// matrices that it was made from may be freed.
// Not as a plain attribute: cbindgen would take the type for a struct that callers may look into.
#[cfg_attr(all(), repr(C))]
pub struct keyviz_matrix_t {
    magic: AtomicU32,
    /// No other matrix of this process has it, also not later.
    serial: u64,
    matrix: Matrix,
    kept: Mutex<Kept>,
    verdicts: OnceCell<Verdicts>,
}

// SAFETY: `repr(C)`, and the word comes first.
unsafe impl Handle for keyviz_matrix_t {
    const NAME: &'static str = "matrix";
    const MAGIC: u32 = 0x6b76_0003;
    const MAGIC_OFFSET: usize = std::mem::offset_of!(Self, magic);
}

/// What a matrix is made of. Begin with KEYVIZ_MATRIX_QUERY_INIT (or keyviz_matrix_query_init): the writes of all
/// columns, in at most 1024 rows, of which the busiest stay.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct keyviz_matrix_query_t {
    /// sizeof(keyviz_matrix_query_t).
    pub type_size: usize,
    /// Unix ns: columns that were committed at this time or later; 0: from the first.
    pub from_ns: i64,
    /// Unix ns: columns that were committed before this time; 0: to the last.
    pub to_ns: i64,
    /// What is counted, KEYVIZ_SERIES_*. A row that had traffic only in other series is there too, all zero.
    pub series: u32,
    /// Most rows; 0, or more than 1024: 1024.
    pub row_budget: u32,
    /// What becomes of the rows over the budget, KEYVIZ_BUDGET_*.
    pub budget_mode: u32,
    /// Bytes of node.
    pub node_len: u32,
    /// The name of this node, UTF-8, which goes with the matrix, also as JSON. A merge counts two sources of one name once.
    /// NULL with length 0: none.
    pub node: *const c_char,
}

// SAFETY: integers and a pointer, no padding.
unsafe impl Sized0 for keyviz_matrix_query_t {}

/// Fills a query like KEYVIZ_MATRIX_QUERY_INIT. NULL is fine.
#[no_mangle]
pub unsafe extern "C" fn keyviz_matrix_query_init(query: *mut keyviz_matrix_query_t) {
    init(query);
    if let Some(query) = query.as_mut() {
        query.series = KEYVIZ_SERIES_WRITES;
    }
}

/// Makes a matrix from the sampler's history: what was flushed; what was counted since is not in it. Observers and
/// flushes go on meanwhile. `*out` is to be freed with keyviz_matrix_free.
///
/// A history without such columns gives a matrix without rows and columns, and that is not an error.
///
/// Errors: KEYVIZ_ERR_INVALID_ARGUMENT (a number is none of its enum's, a node that is not UTF-8), KEYVIZ_ERR_HISTORY_OFF,
/// KEYVIZ_ERR_CLOSED, KEYVIZ_ERR_NULL_POINTER, KEYVIZ_ERR_TYPE_SIZE.
#[no_mangle]
pub unsafe extern "C" fn keyviz_matrix_query(
    sampler: *const keyviz_sampler_t,
    query: *const keyviz_matrix_query_t,
    out: *mut *mut keyviz_matrix_t,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        let sampler = &handle::get(sampler)?.sampler;
        let query = Query::read(query)?;
        check_out(out)?;
        let matrix = sampler.matrix(query.series, query.from_ns, query.to_ns, query.budget)?;
        hand_out(out, Matrix { node: query.node, ..matrix });
        Ok(())
    })
}

/// Makes a matrix from columns that the host keeps as keyviz_sampler_drain or keyviz_sampler_read_column filled them:
/// `columns` points at `count` pointers to buffers, in any order. Of the query's times, the same holds as for the history.
/// The buffers are only read, and only during the call.
///
/// Of a buffer, row_size, rows, row_capacity, row_count, arena, arena_capacity, arena_used and at_ns are looked at; a host
/// that kept rows and arena elsewhere fills these in again. The ids in an arena are in the byte order of this machine.
///
/// Errors: KEYVIZ_ERR_INVALID_ARGUMENT (also: a buffer says that it holds more than it has room for, as after a drain
/// that failed; a row points out of its arena, or makes no sense otherwise), KEYVIZ_ERR_NULL_POINTER,
/// KEYVIZ_ERR_TYPE_SIZE.
#[no_mangle]
pub unsafe extern "C" fn keyviz_matrix_from_columns(
    columns: *const *const keyviz_column_buffer_t,
    count: usize,
    query: *const keyviz_matrix_query_t,
    out: *mut *mut keyviz_matrix_t,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        let query = Query::read(query)?;
        check_out(out)?;
        let mut checked = Vec::new();
        for (i, &column) in slice(columns, count, "columns")?.iter().enumerate() {
            checked.push(kept::Column::check(column, i)?);
        }
        let inside = |at_ns| (query.from_ns == 0 || query.from_ns <= at_ns) && (query.to_ns == 0 || at_ns < query.to_ns);
        let columns: Vec<&dyn ColumnRows> = checked
            .iter()
            .map(|column| column as &dyn ColumnRows)
            .filter(|column| inside(column.info().at_ns))
            .collect();
        hand_out(out, Matrix { node: query.node, ..Matrix::from_columns(&columns, query.series, query.budget) });
        Ok(())
    })
}

/// Frees a matrix, and with it what was said to lie in it. NULL is fine.
#[no_mangle]
pub unsafe extern "C" fn keyviz_matrix_free(matrix: *mut keyviz_matrix_t) {
    guard(std::ptr::null_mut(), || {
        drop(handle::take(matrix));
        Ok(())
    });
}

/// A caller's query, checked.
struct Query {
    from_ns: i64,
    to_ns: i64,
    series: Series,
    budget: Budget,
    node: String,
}

impl Query {
    unsafe fn read(query: *const keyviz_matrix_query_t) -> Result<Self, Failure> {
        let query = read_struct(query, "query")?;
        Ok(Self {
            from_ns: query.from_ns,
            to_ns: query.to_ns,
            series: series(query.series)?,
            budget: budget(query.row_budget, query.budget_mode)?,
            node: utf8(query.node, query.node_len as usize, "query.node")?.to_owned(),
        })
    }
}

impl From<matrix::Error> for Failure {
    fn from(mut error: matrix::Error) -> Self {
        // The place comes last, and has to be told even where what is wrong is long.
        const MOST: usize = KEYVIZ_ERROR_MESSAGE_SIZE - 64;
        let status = match error.kind {
            ErrorKind::InvalidArgument => KEYVIZ_ERR_INVALID_ARGUMENT,
            ErrorKind::Malformed => KEYVIZ_ERR_MALFORMED,
            ErrorKind::TooLarge => KEYVIZ_ERR_TOO_LARGE,
        };
        error.message.truncate(floor_char_boundary(&error.message, MOST));
        Failure::new(status, error.to_string())
    }
}

fn series(number: u32) -> Result<Series, Failure> {
    Series::from_index(number).ok_or_else(|| Failure::invalid(format!("series {number} is none of KEYVIZ_SERIES_*")))
}

fn budget(max_rows: u32, mode: u32) -> Result<Budget, Failure> {
    let mode = match mode {
        KEYVIZ_BUDGET_TOP => BudgetMode::Top,
        KEYVIZ_BUDGET_MERGE => BudgetMode::Merge,
        _ => return Err(Failure::invalid(format!("budget_mode {mode} is none of KEYVIZ_BUDGET_*"))),
    };
    Ok(Budget { max_rows, mode })
}

unsafe fn utf8<'a>(at: *const c_char, len: usize, what: &str) -> Result<&'a str, Failure> {
    std::str::from_utf8(slice(at.cast(), len, what)?).map_err(|_| Failure::invalid(format!("{what} is not UTF-8")))
}

fn check_out<T>(out: *mut *mut T) -> Result<(), Failure> {
    if out.is_null() {
        return Err(Failure::null("out"));
    }
    Ok(())
}

unsafe fn hand_out(out: *mut *mut keyviz_matrix_t, matrix: Matrix) {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let magic = AtomicU32::new(keyviz_matrix_t::MAGIC);
    let serial = MADE.fetch_add(1, Ordering::Relaxed);
    let (kept, verdicts) = (Mutex::default(), OnceCell::new());
    write_out(out, handle::into_raw(keyviz_matrix_t { magic, serial, matrix, kept, verdicts }));
}
