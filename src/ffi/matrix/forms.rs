//! The forms of a matrix: JSON, protobuf and CSV, the page and the picture.

use super::{check_out, hand_out, keyviz_matrix_t, series, utf8};
use crate::ffi::columns::{check_buffer, copy_out};
use crate::ffi::handle;
use crate::ffi::status::{guard, keyviz_error_t, keyviz_status_t, Failure};
use crate::ffi::structs::{bytes, read_struct, slice, write_out, Sized0};
use crate::matrix::html::{self, Kind, LivePage};
use crate::matrix::png::{to_png, PngOptions, Scale};
use crate::matrix::{from_json, from_proto, to_csv, to_json, to_proto, Limits, Matrix};
use std::ffi::{c_char, c_void};

/// What a reader takes at most of an input that it does not trust; in every number, 0 means the default. Begin with
/// KEYVIZ_LIMITS_INIT.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct keyviz_limits_t {
    /// sizeof(keyviz_limits_t).
    pub type_size: usize,
    /// Bytes of input; default 64 MiB.
    pub max_bytes: u64,
    /// Rows, and nodes; default 65536.
    pub max_rows: u64,
    /// Rows x columns; default 16777216.
    pub max_cells: u64,
}

// SAFETY: integers only, no padding.
unsafe impl Sized0 for keyviz_limits_t {}

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
    /// Pixels across, at most 8192; 0: as the columns need.
    pub width: u32,
    /// Pixels down, at most 8192; 0: as the rows need.
    pub height: u32,
    /// KEYVIZ_SCALE_*.
    pub scale: u32,
    /// Zero.
    pub reserved: u32,
}

// SAFETY: integers only, no padding.
unsafe impl Sized0 for keyviz_png_options_t {}

/// A page that asks its server for data. Begin with KEYVIZ_LIVE_PAGE_INIT. Strings are UTF-8; NULL with length 0: none.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct keyviz_live_page_t {
    /// sizeof(keyviz_live_page_t).
    pub type_size: usize,
    /// Where the matrix's JSON is, relative to the page's own address; it is asked with ?series=&from_unix_ms=&rows=.
    pub matrix_url: *const c_char,
    /// Bytes of matrix_url.
    pub matrix_url_len: usize,
    /// Where the hot keys' JSON is; asked with ?route_id=&label=&sub_bucket=&series= when a cell is pinned. None: no hot
    /// keys are shown.
    pub hot_keys_url: *const c_char,
    /// Bytes of hot_keys_url.
    pub hot_keys_url_len: usize,
    /// The page's title.
    pub title: *const c_char,
    /// Bytes of title.
    pub title_len: usize,
    /// The row budget to ask for; 0: the server's.
    pub rows: u32,
    /// Zero.
    pub reserved: u32,
}

// SAFETY: integers and pointers, no padding.
unsafe impl Sized0 for keyviz_live_page_t {}

/// What was last made of a matrix and did not fit into the caller's buffer: so that asking for the size first doesn't
/// make it twice.
#[derive(Default)]
pub(super) struct Kept {
    form: Option<Form>,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Proto,
    Csv,
    Png(PngOptions),
}

/// Writes the matrix as JSON into the caller's buffer: UTF-8, not terminated. `*size` becomes its length in bytes, also
/// when it does not fit; the call that follows then only copies it.
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
    give(matrix, Form::Json, |matrix| Ok(to_json(matrix)), buffer, capacity, size, err)
}

/// Writes the matrix as protobuf, a GetKeyVizMatrixResponse of keyviz.proto, into the caller's buffer; `*size` and the
/// errors as of keyviz_matrix_to_json. The message does not carry the series, the fanout, or conflicts.
#[no_mangle]
pub unsafe extern "C" fn keyviz_matrix_to_proto(
    matrix: *const keyviz_matrix_t,
    buffer: *mut c_void,
    capacity: usize,
    size: *mut usize,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    give(matrix, Form::Proto, |matrix| Ok(to_proto(matrix)), buffer, capacity, size, err)
}

/// Writes the matrix as CSV (RFC 4180), a line per row, into the caller's buffer; `*size` and the errors as of
/// keyviz_matrix_to_json.
#[no_mangle]
pub unsafe extern "C" fn keyviz_matrix_to_csv(
    matrix: *const keyviz_matrix_t,
    buffer: *mut c_void,
    capacity: usize,
    size: *mut usize,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    give(matrix, Form::Csv, |matrix| Ok(to_csv(matrix)), buffer, capacity, size, err)
}

/// Draws the matrix as a PNG into the caller's buffer: time goes right, keys go down, brighter is more. `options` may be
/// NULL. `*size` and the errors are as of keyviz_matrix_to_json; KEYVIZ_ERR_INVALID_ARGUMENT: a side is too long or too
/// short, or the scale is none of KEYVIZ_SCALE_*.
#[no_mangle]
pub unsafe extern "C" fn keyviz_matrix_to_png(
    matrix: *const keyviz_matrix_t,
    options: *const keyviz_png_options_t,
    buffer: *mut c_void,
    capacity: usize,
    size: *mut usize,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    let options = match png_options(options) {
        Ok(options) => options,
        Err(failure) => return guard(err, || Err(failure)),
    };
    let draw = |matrix: &Matrix| to_png(matrix, &options).map_err(Failure::from);
    give(matrix, Form::Png(options), draw, buffer, capacity, size, err)
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
    Ok(PngOptions { width: options.width, height: options.height, scale })
}

/// Reads a matrix from JSON that need not be trusted. `limits` may be NULL. Fields that are not known are skipped, and a
/// label that is not known is kept.
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

/// Reads a matrix from protobuf that need not be trusted: a GetKeyVizMatrixResponse of keyviz.proto, which counts
/// `series` (KEYVIZ_SERIES_*). `limits` may be NULL. Errors as of keyviz_matrix_from_json, and
/// KEYVIZ_ERR_INVALID_ARGUMENT (series).
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

/// Writes the heatmap as one HTML page that needs nothing else, into the caller's buffer: UTF-8, not terminated.
/// `matrices` points at `count` matrices, best of different series, of which the first is shown first; what the library
/// says of them (keyviz_matrix_verdict, keyviz_matrix_split) is in the page too. `title`, UTF-8, may be NULL. `*size`
/// becomes the page's length in bytes, also when it does not fit.
///
/// Errors: KEYVIZ_ERR_BUFFER_TOO_SMALL, KEYVIZ_ERR_INVALID_ARGUMENT (no matrix, the title is not UTF-8),
/// KEYVIZ_ERR_NULL_POINTER.
#[no_mangle]
pub unsafe extern "C" fn keyviz_matrix_to_html(
    matrices: *const *const keyviz_matrix_t,
    count: usize,
    title: *const c_char,
    title_len: usize,
    buffer: *mut c_void,
    capacity: usize,
    size: *mut usize,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        let mut several = Vec::new();
        for &matrix in slice(matrices, count, "matrices")? {
            several.push(&handle::get(matrix)?.matrix);
        }
        if several.is_empty() {
            return Err(Failure::invalid("a page needs a matrix"));
        }
        let page = html::finished_page(utf8(title, title_len, "title")?, &several);
        copy(page.as_bytes(), buffer, capacity, size)
    })
}

/// Writes the live heatmap page into the caller's buffer, for a server that answers its requests; `*size` as of
/// keyviz_matrix_to_html. Serve it with the header that keyviz_live_page_policy gives.
///
/// Errors: KEYVIZ_ERR_BUFFER_TOO_SMALL, KEYVIZ_ERR_INVALID_ARGUMENT (no matrix_url, not UTF-8), KEYVIZ_ERR_NULL_POINTER,
/// KEYVIZ_ERR_TYPE_SIZE.
#[no_mangle]
pub unsafe extern "C" fn keyviz_live_page(
    page: *const keyviz_live_page_t,
    buffer: *mut c_void,
    capacity: usize,
    size: *mut usize,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        let page = read_struct(page, "page")?;
        let live = LivePage {
            title: utf8(page.title, page.title_len, "page.title")?,
            matrix_url: utf8(page.matrix_url, page.matrix_url_len, "page.matrix_url")?,
            hot_keys_url: utf8(page.hot_keys_url, page.hot_keys_url_len, "page.hot_keys_url")?,
            rows: page.rows,
        };
        if live.matrix_url.is_empty() {
            return Err(Failure::invalid("page.matrix_url is empty"));
        }
        copy(html::live_page(&live).as_bytes(), buffer, capacity, size)
    })
}

/// Writes the value of the Content-Security-Policy header for the live page into the caller's buffer: ASCII, not
/// terminated. `*size` as of keyviz_matrix_to_html. Errors: KEYVIZ_ERR_BUFFER_TOO_SMALL, KEYVIZ_ERR_NULL_POINTER.
#[no_mangle]
pub unsafe extern "C" fn keyviz_live_page_policy(
    buffer: *mut c_char,
    capacity: usize,
    size: *mut usize,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || copy(html::content_security_policy(Kind::Live).as_bytes(), buffer.cast(), capacity, size))
}

/// Makes a form of a matrix, or takes what was kept of the last call, and copies it out.
unsafe fn give(
    matrix: *const keyviz_matrix_t,
    form: Form,
    make: impl FnOnce(&Matrix) -> Result<Vec<u8>, Failure>,
    buffer: *mut c_void,
    capacity: usize,
    size: *mut usize,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        let handle = handle::get(matrix)?;
        let kept = std::mem::take(&mut *handle.kept.lock());
        let bytes = if kept.form == Some(form) { kept.bytes } else { make(&handle.matrix)? };
        let fits = copy(&bytes, buffer, capacity, size);
        if fits.is_err() {
            *handle.kept.lock() = Kept { form: Some(form), bytes };
        }
        fits
    })
}

/// Copies bytes into a caller's buffer, and tells their number.
pub(super) unsafe fn copy(bytes: &[u8], buffer: *mut c_void, capacity: usize, size: *mut usize) -> Result<(), Failure> {
    if size.is_null() {
        return Err(Failure::null("size"));
    }
    check_buffer(buffer, capacity)?;
    write_out(size, bytes.len());
    copy_out(&[bytes], buffer, capacity)
}
