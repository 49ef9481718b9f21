//! The hot layout: where a binding finds what it needs to count without crossing into the library.
//!
//! The protocol is the one of `lane.rs`, `table.rs`, `cells.rs`, `passage.rs` and `sub_bucket.rs`; the offsets here are
//! taken from those types, so they can't disagree with them. [`KEYVIZ_HOT_LAYOUT_VERSION`] changes with the protocol.

use super::handle;
use super::lanes::keyviz_lane_t;
use super::sampler::keyviz_sampler_t;
use super::status::{guard, keyviz_error_t, keyviz_status_t, Failure, KEYVIZ_ERR_UNSUPPORTED};
use super::structs::{check_size, init, write_struct, Sized0};
use crate::cells::BLOCK_BITS;
use crate::lane::{Hot, Lane};
use crate::sub_bucket::Parts;
use crate::sync::heavy_fence;
use crate::table::{Layout, HASH_FACTOR};
use std::ffi::c_void;
use std::mem::offset_of;

/// The version of the hot layout.
pub const KEYVIZ_HOT_LAYOUT_VERSION: u32 = 1;

/// How to count without crossing, for bindings that are built with this very library. Addresses are valid until the
/// sampler is freed; offsets are in bytes; all integers are in the machine's byte order.
///
/// A writer holds a lane (one of its own, keyviz_lane_acquire, with plain loads and stores; or the shared one, with
/// atomic ones), and counts so:
///
///   1. Enter: store 1 in the lane's passage flag. In the shared lane instead: read the generation (lowest bit of the
///      first word at shared_passages), add 1 to word 1 + generation.
///   2. Load the 64-bit word at `table`: its low 6 bits are the shift, the rest the address of 2^(64 - shift) entries
///      (16 bytes: id, place), which are searched from (id * hash_factor) >> shift on, upwards and around, until the
///      id is found (read the place first, then the id) or a place is 0. A place of 4, or none: unknown, add 1 to the
///      lane's missed counter and go to 4.
///   3. The cell: if the place's bit 0 is set (and bit 3, too, if it is a virtual bucket's),
///      (place >> 32) + (label & (place >> 9 & 0xffff)); otherwise place - 2 is the address of a divided route:
///      first + label * stride + part. Its segment is the pair of addresses (counters, marks) at
///      lane_segments + 16 * (number of the cell's highest bit), which is lane_segments + (place & 0x1f0) if bit 0 of the
///      place is set. If it is 0: leave, call keyviz_hot_reserve, and begin again. At counters + 32 * cell lie reads,
///      writes, read bytes, write bytes: add. Then look at the byte at marks + (cell >> block_bits), and if it is 0,
///      store 1.
///   4. Leave: store 0 in the passage flag (in the shared lane: subtract 1 from where it was added).
///
/// Between 1 and 4 the thread must not give the lane to another.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct keyviz_hot_layout_t {
    /// sizeof(keyviz_hot_layout_t).
    pub type_size: usize,
    /// KEYVIZ_HOT_LAYOUT_VERSION of the library.
    pub version: u32,
    /// Number of labels that have slots of their own: 1, or all.
    pub labels: u32,
    /// Where the word of the current table stands.
    pub table: *mut c_void,
    /// The shared lane.
    pub shared_lane: *mut c_void,
    /// The passages of the shared lane: generation, inside[2].
    pub shared_passages: *mut c_void,
    /// Multiplier of the hash.
    pub hash_factor: u64,
    /// In a lane: passage flag, 64 bits.
    pub lane_passages: u32,
    /// In a lane: missed counter, 64 bits.
    pub lane_missed: u32,
    /// In a lane: the segments.
    pub lane_segments: u32,
    /// log2 of the cells that share a mark.
    pub block_bits: u32,
    /// In a divided route: first cell, 32 bits.
    pub divided_first: u32,
    /// In a divided route: cells from label to label, 32 bits.
    pub divided_stride: u32,
    /// In a divided route: number of parts, 32 bits.
    pub divided_count: u32,
    /// In a divided route: bytes of prefix, 32 bits.
    pub divided_prefix_len: u32,
    /// In a divided route: window of the start, 64 bits.
    pub divided_low: u32,
    /// In a divided route: width of the window, 64 bits.
    pub divided_span: u32,
    /// In a divided route: parts per window, times 2^64, 64 bits.
    pub divided_ratio: u32,
    /// In a divided route: address of the prefix.
    pub divided_prefix: u32,
}

// SAFETY: integers and pointers only, no padding.
unsafe impl Sized0 for keyviz_hot_layout_t {}

/// Fills a layout with zeros and its type_size, like KEYVIZ_HOT_LAYOUT_INIT. NULL is fine.
#[no_mangle]
pub unsafe extern "C" fn keyviz_hot_layout_init(layout: *mut keyviz_hot_layout_t) {
    init(layout);
}

/// Describes the hot layout of a sampler. `layout` begins with its type_size.
///
/// Errors: KEYVIZ_ERR_UNSUPPORTED (the system lacks membarrier(2), which writers outside the library rely on),
/// KEYVIZ_ERR_TYPE_SIZE, KEYVIZ_ERR_NULL_POINTER.
#[no_mangle]
pub unsafe extern "C" fn keyviz_hot_layout(
    sampler: *mut keyviz_sampler_t,
    layout: *mut keyviz_hot_layout_t,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        let sampler = &handle::get(sampler)?.sampler;
        check_size(layout, "layout")?;
        sampler.check_open()?;
        if !heavy_fence() {
            return Err(Failure::new(KEYVIZ_ERR_UNSUPPORTED, "the system has no membarrier(2)"));
        }
        let hot: &Hot = sampler.hot();
        let parts = offset_of!(Layout, parts) as u32;
        let out = keyviz_hot_layout_t {
            type_size: size_of::<keyviz_hot_layout_t>(),
            version: KEYVIZ_HOT_LAYOUT_VERSION,
            labels: if hot.labels_enabled { crate::label::Label::COUNT as u32 } else { 1 },
            table: std::ptr::from_ref(&hot.table).cast_mut().cast(),
            shared_lane: std::ptr::from_ref(sampler.shared_lane()).cast_mut().cast(),
            shared_passages: std::ptr::from_ref(&hot.shared_passages).cast_mut().cast(),
            hash_factor: HASH_FACTOR,
            lane_passages: Lane::PASSAGES_OFFSET as u32,
            lane_missed: Lane::MISSED_OFFSET as u32,
            lane_segments: Lane::CELLS_OFFSET as u32,
            block_bits: BLOCK_BITS,
            divided_first: offset_of!(Layout, first) as u32,
            divided_stride: offset_of!(Layout, stride) as u32,
            divided_count: parts + offset_of!(Parts, count) as u32,
            divided_prefix_len: parts + offset_of!(Parts, prefix_len) as u32,
            divided_low: parts + offset_of!(Parts, low) as u32,
            divided_span: parts + offset_of!(Parts, span) as u32,
            divided_ratio: parts + offset_of!(Parts, ratio) as u32,
            divided_prefix: offset_of!(Layout, prefix) as u32,
        };
        write_struct(layout, "layout", &out)
    })
}

/// The address of a lane, as keyviz_hot_layout_t means it; NULL: it is no live lane.
#[no_mangle]
pub unsafe extern "C" fn keyviz_lane_hot_address(lane: *mut keyviz_lane_t) -> *mut c_void {
    match handle::get(lane) {
        Ok(lane) => std::ptr::from_ref(&*lane.lane).cast_mut().cast(),
        Err(_) => std::ptr::null_mut(),
    }
}

/// Maps the segment of a cell in a lane of the sampler, given by its hot address.
///
/// Errors: KEYVIZ_ERR_INVALID_ARGUMENT (no such lane or cell), KEYVIZ_ERR_NO_MEMORY.
#[no_mangle]
pub unsafe extern "C" fn keyviz_hot_reserve(
    sampler: *mut keyviz_sampler_t,
    lane: *mut c_void,
    cell: u32,
) -> keyviz_status_t {
    guard(std::ptr::null_mut(), || {
        handle::get(sampler)?.sampler.reserve(lane as usize, cell)?;
        Ok(())
    })
}
