//! The heatmap as a page: with its matrices in it, or asking a server for them.

use super::forms::{give, Form};
use super::{keyviz_matrix_t, utf8};
use crate::ffi::columns::copy_bytes;
use crate::ffi::handle;
use crate::ffi::status::{guard, keyviz_error_t, keyviz_status_t, Failure};
use crate::ffi::structs::{init, read_struct, slice, Sized0};
use crate::matrix::html::{self, Kind, LivePage};
use crate::matrix::Matrix;
use std::ffi::{c_char, c_void};

/// A page that asks the server that it came from for data. Both addresses are of that server: the page's policy allows no
/// other. Strings are UTF-8; NULL with length 0: none. Begin with KEYVIZ_LIVE_PAGE_INIT.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct keyviz_live_page_t {
    /// sizeof(keyviz_live_page_t).
    pub type_size: usize,
    /// Where the matrix's JSON (keyviz_matrix_to_json) is, relative to the page's own address; asked with
    /// ?series=&from_unix_ms=&rows=.
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

/// Fills it with zeros and its type_size, like KEYVIZ_LIVE_PAGE_INIT. NULL is fine.
#[no_mangle]
pub unsafe extern "C" fn keyviz_live_page_init(page: *mut keyviz_live_page_t) {
    init(page);
}

/// Writes the heatmap as one HTML page that needs nothing else, no network either, into the caller's buffer: UTF-8, not
/// terminated. `matrices` points at `count` matrices, 1 or more, best of the same columns and of different series; the
/// first one is shown first. What the library says of them (keyviz_matrix_verdict, keyviz_matrix_split) is in the page too.
/// `title`, UTF-8, is its heading; NULL with length 0: the page's own.
///
/// `*size` becomes the page's length in bytes, also when it does not fit: then the first matrix keeps the page for the call
/// that follows, as with keyviz_matrix_to_json.
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
            several.push(handle::get(matrix)?);
        }
        let Some(&first) = several.first() else { return Err(Failure::invalid("a page needs a matrix")) };
        let title = utf8(title, title_len, "title")?;
        let form = Form::Page(title.to_owned(), several.iter().map(|matrix| matrix.serial).collect());
        let make = |_: &Matrix| {
            let matrices: Vec<&Matrix> = several.iter().map(|matrix| &matrix.matrix).collect();
            Ok(html::finished_page(title, &matrices).into_bytes())
        };
        give(first, form, make, (buffer, capacity, size))
    })
}

/// Writes the live heatmap page into the caller's buffer, for a server that answers its requests: UTF-8, not terminated.
/// `*size` as of keyviz_matrix_to_html. Serve it as text/html, under the policy of keyviz_live_page_policy.
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
        if page.reserved != 0 {
            return Err(Failure::invalid("page.reserved is not 0"));
        }
        if live.matrix_url.is_empty() {
            return Err(Failure::invalid("page.matrix_url is empty"));
        }
        copy_bytes(html::live_page(&live).as_bytes(), buffer, capacity, size)
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
    guard(err, || copy_bytes(html::content_security_policy(Kind::Live).as_bytes(), buffer.cast(), capacity, size))
}
