//! Reading a matrix: its shape, its numbers, its rows and nodes.

use super::keyviz_matrix_t;
use crate::ffi::columns::copy_bytes;
use crate::ffi::handle;
use crate::ffi::status::{
    guard, keyviz_error_t, keyviz_status_t, Failure, KEYVIZ_ERR_BUFFER_TOO_SMALL, KEYVIZ_ERR_NOT_FOUND,
};
use crate::ffi::structs::{check_array, check_size, init, place, write_out, write_struct, Sized0};
use crate::matrix::{Fanout, Matrix, MatrixRow, RowId};
use std::ffi::{c_char, c_void};

/// The row stands for several routes: a virtual bucket, or rows that a budget merged.
pub const KEYVIZ_MATRIX_ROW_AGGREGATE: u32 = 1;
/// The row's range has no end.
pub const KEYVIZ_MATRIX_ROW_UNBOUNDED: u32 = 2;
/// Sources of a merge contradicted each other somewhere in the row.
pub const KEYVIZ_MATRIX_ROW_CONFLICT: u32 = 4;
/// The row has more routes than route_ids lists.
pub const KEYVIZ_MATRIX_ROW_ROUTES_TRUNCATED: u32 = 8;

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
    /// Unix ns: when it was made, of a merged one, when its newest source was; 0: unknown.
    pub generated_at_ns: i64,
    /// KEYVIZ_SERIES_*.
    pub series: u32,
    /// 1 if a cluster was asked, that is, if the matrix came from a merge; else 0, and so are the three below.
    pub fanout: u32,
    /// Nodes that are told of: see keyviz_matrix_node.
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

/// Fills it with zeros and its type_size, like KEYVIZ_MATRIX_INFO_INIT. NULL is fine.
#[no_mangle]
pub unsafe extern "C" fn keyviz_matrix_info_init(info: *mut keyviz_matrix_info_t) {
    init(info);
}

/// One row. What it points at lies in the matrix, and is there until that is freed; where a length is 0, the pointer is
/// not NULL, and not to be looked at. Begin with KEYVIZ_MATRIX_ROW_INIT.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct keyviz_matrix_row_t {
    /// sizeof(keyviz_matrix_row_t).
    pub type_size: usize,
    /// The row id, unique in the matrix, the same from one query to the next: `route:<id>[:<label>][#<sub-bucket>]`,
    /// `virtual:<id>[@<node>]` or `merged:<...>`. UTF-8, not terminated.
    pub id: *const c_char,
    /// Bytes of id.
    pub id_len: usize,
    /// The label's name; empty for legacy. UTF-8, not terminated. A row that a budget merged has those of all its parts,
    /// "legacy+redis". One that another node's newer version knows, and this one does not, is there as it came.
    pub label: *const c_char,
    /// Bytes of label.
    pub label_len: usize,
    /// First key of the range; of its own part, if the route is sub-divided.
    pub start: *const c_void,
    /// Bytes of start.
    pub start_len: usize,
    /// First key past the range.
    pub end: *const c_void,
    /// Bytes of end; 0: unbounded.
    pub end_len: usize,
    /// Listed routes of an aggregate; a single route has its id in the row id only.
    pub route_ids: *const u64,
    /// Number of listed routes.
    pub route_ids_count: usize,
    /// Routes in the row; 1 for a single one.
    pub route_count: u64,
    /// The row's values, one per column (see keyviz_matrix_shape).
    pub values: *const u64,
    /// One per column: 1 where sources of a merge contradicted each other, else 0. NULL: they nowhere did, or it is not
    /// known where (KEYVIZ_MATRIX_ROW_CONFLICT).
    pub conflicts: *const u8,
    /// KEYVIZ_MATRIX_ROW_*.
    pub flags: u32,
    /// Zero.
    pub reserved: u32,
}

// SAFETY: integers and pointers, no padding.
unsafe impl Sized0 for keyviz_matrix_row_t {}

/// Fills it with zeros and its type_size, like KEYVIZ_MATRIX_ROW_INIT. NULL is fine.
#[no_mangle]
pub unsafe extern "C" fn keyviz_matrix_row_init(row: *mut keyviz_matrix_row_t) {
    init(row);
}

/// One node of a cluster. What it points at lies in the matrix, and is there until that is freed. Begin with
/// KEYVIZ_MATRIX_NODE_INIT.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct keyviz_matrix_node_t {
    /// sizeof(keyviz_matrix_node_t).
    pub type_size: usize,
    /// The node's name or address, UTF-8, not terminated; empty: it has none.
    pub node: *const c_char,
    /// Bytes of node.
    pub node_len: usize,
    /// Why it did not answer, UTF-8, not terminated; NULL: it did answer.
    pub error: *const c_char,
    /// Bytes of error.
    pub error_len: usize,
}

// SAFETY: integers and pointers, no padding.
unsafe impl Sized0 for keyviz_matrix_node_t {}

/// Fills it with zeros and its type_size, like KEYVIZ_MATRIX_NODE_INIT. NULL is fine.
#[no_mangle]
pub unsafe extern "C" fn keyviz_matrix_node_init(node: *mut keyviz_matrix_node_t) {
    init(node);
}

/// Tells how many rows and columns a matrix has; either may be 0. Either pointer may be NULL.
/// Errors: KEYVIZ_ERR_NULL_POINTER (matrix).
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

/// Tells what a matrix is, and how large. Errors: KEYVIZ_ERR_NULL_POINTER, KEYVIZ_ERR_TYPE_SIZE.
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
            nodes_responded: fanout.map_or(0, Fanout::responded),
            nodes_expected: fanout.map_or(0, |fanout| fanout.expected),
            node,
            node_len,
        };
        write_struct(info, "info", &filled)
    })
}

/// Copies the columns' times: when each was committed, Unix milliseconds (not ns), oldest first. `capacity` is the
/// room in `unix_ms`, in numbers.
///
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

/// Copies the values: rows x columns of them, row by row, so that row i has in column j values[i * columns + j].
/// `capacity` is the room in `values`, in numbers.
///
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

/// The values in place, as keyviz_matrix_values copies them: they never change, and are there until the matrix is freed.
/// Not NULL where there are none; NULL if `matrix` is no matrix.
#[no_mangle]
pub unsafe extern "C" fn keyviz_matrix_values_view(matrix: *const keyviz_matrix_t) -> *const u64 {
    let mut view = std::ptr::null();
    guard(std::ptr::null_mut(), || {
        view = place(&handle::get(matrix)?.matrix.values);
        Ok(())
    });
    view
}

/// Describes row `i`, counted from 0: rows are in the order of (start, row id).
///
/// Errors: KEYVIZ_ERR_NOT_FOUND, KEYVIZ_ERR_NULL_POINTER, KEYVIZ_ERR_TYPE_SIZE.
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
            start: place(&from.start).cast(),
            start_len: from.start.len(),
            end: place(&from.end).cast(),
            end_len: from.end.len(),
            route_ids: place(&from.route_ids),
            route_ids_count: from.route_ids.len(),
            route_count: from.route_count,
            values: place(matrix.row_values(i)),
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

/// Copies the Raft groups of row `i` and their leaders' terms, one per column, 0 where unknown. Either pointer may be NULL;
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
        copy_bytes(row.id.as_bytes(), buffer.cast(), capacity, size)
    })
}

/// Writes the name of row `i` for people, "route:7 / redis", into the caller's buffer. The sub-buckets of a route share it:
/// their ranges tell them apart. `*size` and the errors are as of keyviz_matrix_row_id.
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
        copy_bytes(name.as_bytes(), buffer.cast(), capacity, size)
    })
}

/// Tells of node `i`, counted from 0, of the cluster that was asked; keyviz_matrix_info tells how many there are.
/// Errors: KEYVIZ_ERR_NOT_FOUND, KEYVIZ_ERR_NULL_POINTER, KEYVIZ_ERR_TYPE_SIZE.
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

pub(super) unsafe fn check_struct<T: Sized0>(at: *const T, what: &str) -> Result<(), Failure> {
    check_size(at, what).map(drop)
}

pub(super) fn row_of(matrix: &Matrix, i: usize) -> Result<&MatrixRow, Failure> {
    let missing = || Failure::new(KEYVIZ_ERR_NOT_FOUND, format!("there is no row {i}: the matrix has {}", matrix.rows.len()));
    matrix.rows.get(i).ok_or_else(missing)
}

/// An empty text is a place too, since NULL may say something else.
pub(super) fn text(text: &str) -> (*const c_char, usize) {
    (if text.is_empty() { c"".as_ptr() } else { text.as_ptr().cast() }, text.len())
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
