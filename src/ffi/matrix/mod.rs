//! Matrices: made from the history or from kept columns, and read.
//!
//! Their wire forms and pictures are in `forms.rs`, the cluster merge in `merge.rs`, what is
//! said of them in `verdict.rs`, columns that a host kept in `kept.rs`.

mod forms;
mod kept;
mod merge;
mod verdict;

use super::columns::keyviz_column_buffer_t;
use super::handle::{self, Handle};
use super::sampler::keyviz_sampler_t;
use super::status::{
    guard, keyviz_error_t, keyviz_status_t, Failure, KEYVIZ_ERR_BUFFER_TOO_SMALL, KEYVIZ_ERR_MALFORMED,
    KEYVIZ_ERR_NOT_FOUND, KEYVIZ_ERR_TOO_LARGE,
};
use super::structs::{check_array, read_struct, slice, write_out, write_struct, Sized0};
use crate::column::ColumnRows;
use crate::label::Series;
use crate::matrix::{self, Budget, BudgetMode, ErrorKind, Matrix, RowId};
use crate::matrix::verdict::Verdicts;
use forms::Kept;
use once_cell::sync::OnceCell;
use parking_lot::Mutex;
use std::ffi::{c_char, c_void};
use std::sync::atomic::AtomicU32;

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

/// The row stands for several routes.
pub const KEYVIZ_MATRIX_ROW_AGGREGATE: u32 = 1;
/// The row's range has no end.
pub const KEYVIZ_MATRIX_ROW_UNBOUNDED: u32 = 2;
/// Sources of a merge contradicted each other somewhere in the row.
pub const KEYVIZ_MATRIX_ROW_CONFLICT: u32 = 4;
/// The row has more routes than are listed.
pub const KEYVIZ_MATRIX_ROW_ROUTES_TRUNCATED: u32 = 8;

/// A matrix: rows (key ranges by label) x columns (time) of one series. It never changes; any number of threads may read
/// it at a time. It stands by itself: the sampler may be freed.
// Not as a plain attribute: cbindgen would take the type for a struct that callers may look into.
#[cfg_attr(all(), repr(C))]
pub struct keyviz_matrix_t {
    magic: AtomicU32,
    pub(super) matrix: Matrix,
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
/// columns, in at most 1024 rows.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct keyviz_matrix_query_t {
    /// sizeof(keyviz_matrix_query_t).
    pub type_size: usize,
    /// Unix ns: columns from this time on; 0: from the first.
    pub from_ns: i64,
    /// Unix ns: columns before this time; 0: to the last.
    pub to_ns: i64,
    /// KEYVIZ_SERIES_*.
    pub series: u32,
    /// Most rows; 0, or more than 1024: 1024.
    pub row_budget: u32,
    /// KEYVIZ_BUDGET_*.
    pub budget_mode: u32,
    /// Bytes of node.
    pub node_len: u32,
    /// The name of this node, UTF-8, for a cluster: two sources with one name count once. NULL: none.
    pub node: *const c_char,
}

// SAFETY: integers and a pointer, no padding.
unsafe impl Sized0 for keyviz_matrix_query_t {}

/// Fills a query like KEYVIZ_MATRIX_QUERY_INIT. NULL is fine.
#[no_mangle]
pub unsafe extern "C" fn keyviz_matrix_query_init(query: *mut keyviz_matrix_query_t) {
    if !query.is_null() {
        query.write_bytes(0, 1);
        (*query).type_size = size_of::<keyviz_matrix_query_t>();
        (*query).series = KEYVIZ_SERIES_WRITES;
    }
}

/// What a matrix is, and how large. Begin with KEYVIZ_MATRIX_INFO_INIT.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct keyviz_matrix_info_t {
    /// sizeof(keyviz_matrix_info_t).
    pub type_size: usize,
    /// Number of rows.
    pub rows: u64,
    /// Number of columns.
    pub columns: u64,
    /// Unix ns: when it was made.
    pub generated_at_ns: i64,
    /// KEYVIZ_SERIES_*.
    pub series: u32,
    /// 1 if a cluster was asked, else 0.
    pub fanout: u32,
    /// Nodes that are told of (keyviz_matrix_node), if a cluster was asked.
    pub nodes: u64,
    /// Of these, nodes that answered.
    pub nodes_responded: u64,
    /// Nodes that were to answer.
    pub nodes_expected: u64,
    /// The name of the node that made it, UTF-8, not terminated; empty: unnamed. It lies in the matrix.
    pub node: *const c_char,
    /// Bytes of node.
    pub node_len: usize,
}

// SAFETY: integers and a pointer, no padding.
unsafe impl Sized0 for keyviz_matrix_info_t {}

/// One row. What it points at lies in the matrix, and is there until that is freed. Begin with KEYVIZ_MATRIX_ROW_INIT.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct keyviz_matrix_row_t {
    /// sizeof(keyviz_matrix_row_t).
    pub type_size: usize,
    /// The row id, unique in the matrix: "route:7:redis#3". UTF-8, not terminated.
    pub id: *const c_char,
    /// Bytes of id.
    pub id_len: usize,
    /// The label's name; "" for legacy. UTF-8, not terminated. A merged row has several, joined by '+'.
    pub label: *const c_char,
    /// Bytes of label.
    pub label_len: usize,
    /// First key of the range.
    pub start: *const c_void,
    /// Bytes of start.
    pub start_len: usize,
    /// First key past the range.
    pub end: *const c_void,
    /// Bytes of end; 0: unbounded.
    pub end_len: usize,
    /// Listed routes of an aggregate.
    pub route_ids: *const u64,
    /// Number of listed routes.
    pub route_ids_count: usize,
    /// Routes in the row; 1 for a single one.
    pub route_count: u64,
    /// The row's values, one per column.
    pub values: *const u64,
    /// 1 per column where sources of a merge contradicted each other, else 0. NULL: they nowhere did.
    pub conflicts: *const u8,
    /// KEYVIZ_MATRIX_ROW_*.
    pub flags: u32,
    /// Zero.
    pub reserved: u32,
}

// SAFETY: integers and pointers, no padding.
unsafe impl Sized0 for keyviz_matrix_row_t {}

/// One node of a cluster. What it points at lies in the matrix. Begin with KEYVIZ_MATRIX_NODE_INIT.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct keyviz_matrix_node_t {
    /// sizeof(keyviz_matrix_node_t).
    pub type_size: usize,
    /// The node's name or address, UTF-8, not terminated.
    pub node: *const c_char,
    /// Bytes of node.
    pub node_len: usize,
    /// Why it did not answer, UTF-8, not terminated; NULL: it answered.
    pub error: *const c_char,
    /// Bytes of error.
    pub error_len: usize,
}

// SAFETY: integers and pointers, no padding.
unsafe impl Sized0 for keyviz_matrix_node_t {}

/// Makes a matrix from the sampler's history. Free it with keyviz_matrix_free.
///
/// Errors: KEYVIZ_ERR_INVALID_ARGUMENT (a number is none of its enum's, a node that is not UTF-8), KEYVIZ_ERR_HISTORY_OFF,
/// KEYVIZ_ERR_CLOSED, KEYVIZ_ERR_NULL_POINTER.
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
        let columns = sampler.columns(query.from_ns, query.to_ns)?;
        let columns: Vec<&dyn ColumnRows> = columns.iter().map(|column| column as &dyn ColumnRows).collect();
        hand_out(out, query.pivot(&columns));
        Ok(())
    })
}

/// Makes a matrix from columns that the host keeps as keyviz_sampler_drain or keyviz_sampler_read_column filled them:
/// `columns` points at `count` pointers to buffers. Of the query's times, the same holds as for the history. The buffers
/// are only read during the call.
///
/// Errors: KEYVIZ_ERR_INVALID_ARGUMENT (also: a column's rows point out of its arena), KEYVIZ_ERR_NULL_POINTER,
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
        hand_out(out, query.pivot(&columns));
        Ok(())
    })
}

/// Frees a matrix. NULL is fine.
#[no_mangle]
pub unsafe extern "C" fn keyviz_matrix_free(matrix: *mut keyviz_matrix_t) {
    guard(std::ptr::null_mut(), || {
        drop(handle::take(matrix));
        Ok(())
    });
}

/// Tells how many rows and columns a matrix has. Either pointer may be NULL. Errors: KEYVIZ_ERR_NULL_POINTER (matrix).
#[no_mangle]
pub unsafe extern "C" fn keyviz_matrix_shape(
    matrix: *const keyviz_matrix_t,
    rows: *mut usize,
    columns: *mut usize,
) -> keyviz_status_t {
    guard(std::ptr::null_mut(), || {
        let matrix = &handle::get(matrix)?.matrix;
        write_out(rows, matrix.rows.len());
        write_out(columns, matrix.columns.len());
        Ok(())
    })
}

/// Tells what a matrix is. Errors: KEYVIZ_ERR_NULL_POINTER, KEYVIZ_ERR_TYPE_SIZE.
#[no_mangle]
pub unsafe extern "C" fn keyviz_matrix_info(
    matrix: *const keyviz_matrix_t,
    info: *mut keyviz_matrix_info_t,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        let matrix = &handle::get(matrix)?.matrix;
        check_struct(info, "info")?;
        let fanout = matrix.fanout.as_ref();
        let (node, node_len) = text(&matrix.node);
        let filled = keyviz_matrix_info_t {
            type_size: size_of::<keyviz_matrix_info_t>(),
            rows: matrix.rows.len() as u64,
            columns: matrix.columns.len() as u64,
            generated_at_ns: matrix.generated_at_ns,
            series: matrix.series as u32,
            fanout: fanout.is_some().into(),
            nodes: fanout.map_or(0, |fanout| fanout.nodes.len() as u64),
            nodes_responded: fanout.map_or(0, matrix::Fanout::responded),
            nodes_expected: fanout.map_or(0, |fanout| fanout.expected),
            node,
            node_len,
        };
        write_struct(info, "info", &filled)
    })
}

/// Copies the columns' times, Unix ms, oldest first. `capacity` is the room in `unix_ms`, in numbers.
/// Errors: KEYVIZ_ERR_BUFFER_TOO_SMALL (see keyviz_matrix_shape), KEYVIZ_ERR_NULL_POINTER.
#[no_mangle]
pub unsafe extern "C" fn keyviz_matrix_columns(
    matrix: *const keyviz_matrix_t,
    unix_ms: *mut i64,
    capacity: usize,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || copy(&handle::get(matrix)?.matrix.columns, unix_ms, capacity, "unix_ms"))
}

/// Copies the values: rows x columns of them, row by row. `capacity` is the room in `values`, in numbers.
/// Errors: KEYVIZ_ERR_BUFFER_TOO_SMALL (see keyviz_matrix_shape), KEYVIZ_ERR_NULL_POINTER.
#[no_mangle]
pub unsafe extern "C" fn keyviz_matrix_values(
    matrix: *const keyviz_matrix_t,
    values: *mut u64,
    capacity: usize,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || copy(&handle::get(matrix)?.matrix.values, values, capacity, "values"))
}

/// The values in place: rows x columns of them, row by row, there until the matrix is freed. NULL if `matrix` is none.
#[no_mangle]
pub unsafe extern "C" fn keyviz_matrix_values_view(matrix: *const keyviz_matrix_t) -> *const u64 {
    let mut view = std::ptr::null();
    guard(std::ptr::null_mut(), || {
        view = handle::get(matrix)?.matrix.values.as_ptr();
        Ok(())
    });
    view
}

/// Describes row `i`. Errors: KEYVIZ_ERR_NOT_FOUND, KEYVIZ_ERR_NULL_POINTER, KEYVIZ_ERR_TYPE_SIZE.
#[no_mangle]
pub unsafe extern "C" fn keyviz_matrix_row(
    matrix: *const keyviz_matrix_t,
    i: usize,
    row: *mut keyviz_matrix_row_t,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        let matrix = &handle::get(matrix)?.matrix;
        let from = row_of(matrix, i)?;
        check_struct(row, "row")?;
        let ((id, id_len), (label, label_len)) = (text(&from.id), text(&from.label));
        let flag = |is: bool, flag| if is { flag } else { 0 };
        let filled = keyviz_matrix_row_t {
            type_size: size_of::<keyviz_matrix_row_t>(),
            id,
            id_len,
            label,
            label_len,
            start: from.start.as_ptr().cast(),
            start_len: from.start.len(),
            end: from.end.as_ptr().cast(),
            end_len: from.end.len(),
            route_ids: from.route_ids.as_ptr(),
            route_ids_count: from.route_ids.len(),
            route_count: from.route_count,
            values: matrix.row_values(i).as_ptr(),
            conflicts: if from.conflicts.is_empty() { std::ptr::null() } else { from.conflicts.as_ptr().cast() },
            flags: flag(from.aggregate, KEYVIZ_MATRIX_ROW_AGGREGATE)
                | flag(from.end.is_empty(), KEYVIZ_MATRIX_ROW_UNBOUNDED)
                | flag(from.conflict, KEYVIZ_MATRIX_ROW_CONFLICT)
                | flag(from.route_ids_truncated, KEYVIZ_MATRIX_ROW_ROUTES_TRUNCATED),
            reserved: 0,
        };
        write_struct(row, "row", &filled)
    })
}

/// Copies the Raft groups and leader terms of row `i`, one per column, 0 where unknown. Either pointer may be NULL;
/// `capacity` is the room in each, in numbers.
/// Errors: KEYVIZ_ERR_NOT_FOUND, KEYVIZ_ERR_BUFFER_TOO_SMALL, KEYVIZ_ERR_NULL_POINTER.
#[no_mangle]
pub unsafe extern "C" fn keyviz_matrix_identities(
    matrix: *const keyviz_matrix_t,
    i: usize,
    group_ids: *mut u64,
    leader_terms: *mut u64,
    capacity: usize,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        let matrix = &handle::get(matrix)?.matrix;
        let (row, columns) = (row_of(matrix, i)?, matrix.columns.len());
        check_room(columns, capacity)?;
        for (j, identity) in row.identities.iter(columns).enumerate() {
            for (to, value) in [(group_ids, identity.group_id), (leader_terms, identity.leader_term)] {
                if !to.is_null() {
                    to.add(j).write_unaligned(value);
                }
            }
        }
        Ok(())
    })
}

/// Writes the id of row `i` into the caller's buffer, UTF-8, not terminated. `*size` becomes its length in bytes, also
/// when it does not fit. Errors: KEYVIZ_ERR_NOT_FOUND, KEYVIZ_ERR_BUFFER_TOO_SMALL, KEYVIZ_ERR_NULL_POINTER.
#[no_mangle]
pub unsafe extern "C" fn keyviz_matrix_row_id(
    matrix: *const keyviz_matrix_t,
    i: usize,
    buffer: *mut c_char,
    capacity: usize,
    size: *mut usize,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        let row = row_of(&handle::get(matrix)?.matrix, i)?;
        forms::copy(row.id.as_bytes(), buffer.cast(), capacity, size)
    })
}

/// Writes the name of row `i` for people, "route:7 / redis", into the caller's buffer; as keyviz_matrix_row_id.
#[no_mangle]
pub unsafe extern "C" fn keyviz_matrix_row_name(
    matrix: *const keyviz_matrix_t,
    i: usize,
    buffer: *mut c_char,
    capacity: usize,
    size: *mut usize,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        let row = row_of(&handle::get(matrix)?.matrix, i)?;
        let name = RowId::parse(&row.id).map_or_else(|_| row.id.clone(), RowId::display_name);
        forms::copy(name.as_bytes(), buffer.cast(), capacity, size)
    })
}

/// Tells of node `i` of the cluster that was asked. Errors: KEYVIZ_ERR_NOT_FOUND, KEYVIZ_ERR_NULL_POINTER,
/// KEYVIZ_ERR_TYPE_SIZE.
#[no_mangle]
pub unsafe extern "C" fn keyviz_matrix_node(
    matrix: *const keyviz_matrix_t,
    i: usize,
    node: *mut keyviz_matrix_node_t,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        let fanout = handle::get(matrix)?.matrix.fanout.as_ref();
        let missing = || Failure::new(KEYVIZ_ERR_NOT_FOUND, format!("there is no node {i}"));
        let from = fanout.and_then(|fanout| fanout.nodes.get(i)).ok_or_else(missing)?;
        check_struct(node, "node")?;
        let (name, node_len) = text(&from.node);
        let (error, error_len) = from.error.as_deref().map_or((std::ptr::null(), 0), text);
        let type_size = size_of::<keyviz_matrix_node_t>();
        write_struct(node, "node", &keyviz_matrix_node_t { type_size, node: name, node_len, error, error_len })
    })
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

    fn pivot(self, columns: &[&dyn ColumnRows]) -> Matrix {
        Matrix { node: self.node, ..Matrix::from_columns(columns, self.series, self.budget) }
    }
}

impl From<matrix::Error> for Failure {
    fn from(error: matrix::Error) -> Self {
        let status = match error.kind {
            ErrorKind::InvalidArgument => super::status::KEYVIZ_ERR_INVALID_ARGUMENT,
            ErrorKind::Malformed => KEYVIZ_ERR_MALFORMED,
            ErrorKind::TooLarge => KEYVIZ_ERR_TOO_LARGE,
        };
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

unsafe fn check_struct<T: Sized0>(at: *const T, what: &str) -> Result<(), Failure> {
    super::structs::check_size(at, what).map(drop)
}

unsafe fn hand_out(out: *mut *mut keyviz_matrix_t, matrix: Matrix) {
    let magic = AtomicU32::new(keyviz_matrix_t::MAGIC);
    write_out(out, handle::into_raw(keyviz_matrix_t { magic, matrix, kept: Mutex::default(), verdicts: OnceCell::new() }));
}

fn row_of(matrix: &Matrix, i: usize) -> Result<&matrix::MatrixRow, Failure> {
    let missing = || Failure::new(KEYVIZ_ERR_NOT_FOUND, format!("there is no row {i}: the matrix has {}", matrix.rows.len()));
    matrix.rows.get(i).ok_or_else(missing)
}

fn text(text: &str) -> (*const c_char, usize) {
    (text.as_ptr().cast(), text.len())
}

fn check_room(needed: usize, capacity: usize) -> Result<(), Failure> {
    if needed > capacity {
        let message = format!("it takes room for {needed} numbers, and there is room for {capacity}");
        return Err(Failure::new(KEYVIZ_ERR_BUFFER_TOO_SMALL, message));
    }
    Ok(())
}

/// Copies numbers into an array that a caller has for them.
unsafe fn copy<T: Copy>(from: &[T], to: *mut T, capacity: usize, what: &str) -> Result<(), Failure> {
    check_room(from.len(), capacity)?;
    if !from.is_empty() {
        check_array(to, from.len(), what)?;
        std::ptr::copy_nonoverlapping(from.as_ptr(), to, from.len());
    }
    Ok(())
}
