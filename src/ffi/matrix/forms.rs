//! The forms of a matrix: JSON, protobuf, CSV, and the plain picture.

use super::{check_out, hand_out, keyviz_matrix_t, series};
use crate::ffi::columns::{check_room, copy_bytes};
use crate::ffi::handle;
use crate::ffi::status::{guard, keyviz_error_t, keyviz_status_t, Failure};
use crate::ffi::structs::{bytes, init, read_struct, Sized0};
use crate::matrix::png::{to_png, PngOptions, Scale};
use crate::matrix::{from_json, from_proto, to_csv, to_json, to_proto, Limits, Matrix};
use std::ffi::c_void;

/// What a reader takes at most of an input that nobody vouches for; in every number, 0 means the default. Whatever the
/// input says, reading it takes less memory than 16 times max_bytes and 512 bytes for each of max_rows. Begin with
/// KEYVIZ_LIMITS_INIT.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct keyviz_limits_t {
    /// sizeof(keyviz_limits_t).
    pub type_size: usize,
    /// Bytes of input; default 64 MiB.
    pub max_bytes: u64,
    /// Rows, and nodes that are told of; default 65536.
    pub max_rows: u64,
    /// Rows x columns; default 16777216.
    pub max_cells: u64,
}

// SAFETY: integers only, no padding.
unsafe impl Sized0 for keyviz_limits_t {}

/// Fills it with zeros and its type_size, like KEYVIZ_LIMITS_INIT. NULL is fine.
#[no_mangle]
pub unsafe extern "C" fn keyviz_limits_init(limits: *mut keyviz_limits_t) {
    init(limits);
}

/// Brightness in proportion to ln(1 + value).
pub const KEYVIZ_SCALE_LOG: u32 = 0;
/// Brightness in proportion to the value.
pub const KEYVIZ_SCALE_LINEAR: u32 = 1;

/// How a picture is drawn. Begin with KEYVIZ_PNG_OPTIONS_INIT.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct keyviz_png_options_t {
    /// sizeof(keyviz_png_options_t).
    pub type_size: usize,
    /// Pixels across, 11 to 8192; 0: as the columns need.
    pub width: u32,
    /// Pixels down, 11 to 8192; 0: as the rows need.
    pub height: u32,
    /// How values become brightness, KEYVIZ_SCALE_*.
    pub scale: u32,
    /// Zero.
    pub reserved: u32,
}

// SAFETY: integers only, no padding.
unsafe impl Sized0 for keyviz_png_options_t {}

/// Fills it with zeros and its type_size, like KEYVIZ_PNG_OPTIONS_INIT. NULL is fine.
#[no_mangle]
pub unsafe extern "C" fn keyviz_png_options_init(options: *mut keyviz_png_options_t) {
    init(options);
}

/// What was last made of a matrix and did not fit into a caller's buffer: so that asking for the size first doesn't make it
/// twice.
#[derive(Default)]
pub(super) struct Kept {
    form: Option<Form>,
    bytes: Vec<u8>,
}

impl Kept {
    /// What is kept, if it is this.
    fn take(&mut self, form: &Form) -> Option<Vec<u8>> {
        (self.form.as_ref() == Some(form)).then(|| std::mem::take(self).bytes)
    }
}

#[derive(PartialEq, Eq)]
pub(super) enum Form {
    Json,
    Proto,
    Csv,
    Png(PngOptions),
    /// A page with this title, of the matrices of these serials.
    Page(String, Vec<u64>),
}

/// Writes the matrix as JSON into the caller's buffer: one object, UTF-8, not terminated, with all its integers as they
/// are, up to 64 bits. `*size` becomes its length in bytes, also when it does not fit.
///
/// So ask with capacity 0 first, then with a buffer of that size: what is asked for again after it did not fit is only
/// copied. (For that the matrix keeps what it last made and could not hand over, until it is handed over or the matrix
/// freed.)
///
/// Errors: KEYVIZ_ERR_BUFFER_TOO_SMALL, KEYVIZ_ERR_NULL_POINTER.
#[no_mangle]
pub unsafe extern "C" fn keyviz_matrix_to_json(
    matrix: *const keyviz_matrix_t,
    buffer: *mut c_void,
    capacity: usize,
    size: *mut usize,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    let room = (buffer, capacity, size);
    guard(err, || give(handle::get(matrix)?, Form::Json, |matrix| Ok(to_json(matrix)), room))
}

/// Writes the matrix as protobuf, a GetKeyVizMatrixResponse of include/keyviz.proto, into the caller's buffer; `*size` and
/// the errors as of keyviz_matrix_to_json. The message has no place for the series, the time when the matrix was made, the
/// nodes, and conflicts. A matrix without rows and columns is a message of 0 bytes.
#[no_mangle]
pub unsafe extern "C" fn keyviz_matrix_to_proto(
    matrix: *const keyviz_matrix_t,
    buffer: *mut c_void,
    capacity: usize,
    size: *mut usize,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    let room = (buffer, capacity, size);
    guard(err, || give(handle::get(matrix)?, Form::Proto, |matrix| Ok(to_proto(matrix)), room))
}

/// Writes the matrix as CSV (RFC 4180, but lines end with LF) into the caller's buffer; `*size` and the errors as of
/// keyviz_matrix_to_json. A head line, then a line per row: bucket_id, label, start, end, aggregate, route_count, and a
/// value for each column, whose name is its time in RFC 3339. Keys that are not printable ASCII are 0x and hexadecimal.
#[no_mangle]
pub unsafe extern "C" fn keyviz_matrix_to_csv(
    matrix: *const keyviz_matrix_t,
    buffer: *mut c_void,
    capacity: usize,
    size: *mut usize,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    let room = (buffer, capacity, size);
    guard(err, || give(handle::get(matrix)?, Form::Csv, |matrix| Ok(to_csv(matrix)), room))
}

/// Draws the matrix as a PNG into the caller's buffer: time goes right, keys go down, brighter is more; at the left edge a
/// band in the colours of the labels, and white hatching over conflicts. `options` may be NULL. `*size` and the errors are
/// as of keyviz_matrix_to_json, and KEYVIZ_ERR_INVALID_ARGUMENT (a side is too long or too short, the scale is none of
/// KEYVIZ_SCALE_*), KEYVIZ_ERR_TYPE_SIZE.
#[no_mangle]
pub unsafe extern "C" fn keyviz_matrix_to_png(
    matrix: *const keyviz_matrix_t,
    options: *const keyviz_png_options_t,
    buffer: *mut c_void,
    capacity: usize,
    size: *mut usize,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        let (matrix, options) = (handle::get(matrix)?, png_options(options)?);
        let draw = |matrix: &Matrix| Ok(to_png(matrix, &options)?);
        give(matrix, Form::Png(options), draw, (buffer, capacity, size))
    })
}

unsafe fn png_options(options: *const keyviz_png_options_t) -> Result<PngOptions, Failure> {
    if options.is_null() {
        return Ok(PngOptions::default());
    }
    let options = read_struct(options, "options")?;
    let scale = match options.scale {
        KEYVIZ_SCALE_LOG => Scale::Log,
        KEYVIZ_SCALE_LINEAR => Scale::Linear,
        other => return Err(Failure::invalid(format!("scale {other} is none of KEYVIZ_SCALE_*"))),
    };
    if options.reserved != 0 {
        return Err(Failure::invalid("options.reserved is not 0"));
    }
    Ok(PngOptions { width: options.width, height: options.height, scale })
}

/// Reads a matrix from JSON that nobody vouches for, in the form that keyviz_matrix_to_json writes; its length counts, not
/// a terminating zero. `limits` may be NULL: the defaults. Fields that are not known are skipped, and a label that is not
/// known is kept. `*out` is to be freed with keyviz_matrix_free.
///
/// Errors: KEYVIZ_ERR_MALFORMED and KEYVIZ_ERR_TOO_LARGE, with the place in bytes in the message;
/// KEYVIZ_ERR_NULL_POINTER, KEYVIZ_ERR_TYPE_SIZE.
#[no_mangle]
pub unsafe extern "C" fn keyviz_matrix_from_json(
    json: *const c_void,
    len: usize,
    limits: *const keyviz_limits_t,
    out: *mut *mut keyviz_matrix_t,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        check_out(out)?;
        hand_out(out, from_json(bytes(json, len, "json")?, &self::limits(limits)?)?);
        Ok(())
    })
}

/// Reads a matrix from protobuf that nobody vouches for: a GetKeyVizMatrixResponse of include/keyviz.proto. What it counts
/// is not in it, so `series` says it: KEYVIZ_SERIES_* (not a number of KeyVizSeries). `limits` may be NULL: the defaults.
/// `*out` is to be freed with keyviz_matrix_free.
///
/// Errors as of keyviz_matrix_from_json, and KEYVIZ_ERR_INVALID_ARGUMENT (series).
#[no_mangle]
pub unsafe extern "C" fn keyviz_matrix_from_proto(
    message: *const c_void,
    len: usize,
    series: u32,
    limits: *const keyviz_limits_t,
    out: *mut *mut keyviz_matrix_t,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        check_out(out)?;
        let (series, limits) = (self::series(series)?, self::limits(limits)?);
        hand_out(out, from_proto(bytes(message, len, "message")?, series, &limits)?);
        Ok(())
    })
}

unsafe fn limits(limits: *const keyviz_limits_t) -> Result<Limits, Failure> {
    let defaults = Limits::default();
    if limits.is_null() {
        return Ok(defaults);
    }
    let limits = read_struct(limits, "limits")?;
    let or = |number: u64, default| if number == 0 { default } else { usize::try_from(number).unwrap_or(usize::MAX) };
    Ok(Limits {
        bytes: or(limits.max_bytes, defaults.bytes),
        rows: or(limits.max_rows, defaults.rows),
        cells: or(limits.max_cells, defaults.cells),
    })
}

/// Copies a form of a matrix out: what was kept of it, or else newly made.
pub(super) unsafe fn give(
    handle: &keyviz_matrix_t,
    form: Form,
    make: impl FnOnce(&Matrix) -> Result<Vec<u8>, Failure>,
    (buffer, capacity, size): Room,
) -> Result<(), Failure> {
    check_room(buffer, capacity, size)?;
    let kept = handle.kept.lock().take(&form);
    // Without the lock: other threads may ask for other forms meanwhile.
    let bytes = kept.map_or_else(|| make(&handle.matrix), Ok)?;
    copy_bytes(&bytes, buffer, capacity, size).inspect_err(|_| *handle.kept.lock() = Kept { form: Some(form), bytes })
}

/// A caller's buffer, its capacity, and where the size goes.
pub(super) type Room = (*mut c_void, usize, *mut usize);
