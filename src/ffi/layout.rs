//! The hot layout: where a binding finds what it needs to count without crossing into the library.
//!
//! The protocol is the one of `lane.rs`, `table.rs`, `cells.rs`, `passage.rs`, `sub_bucket.rs` and `hot_keys/stage.rs`; the
//! offsets here are taken from those types, so they can't disagree with them. [`KEYVIZ_HOT_LAYOUT_VERSION`] changes with the protocol.

use super::handle;
use super::lanes::keyviz_lane_t;
use super::observe::{key, Key};
use super::sampler::keyviz_sampler_t;
use super::status::{guard, keyviz_error_t, keyviz_status_t, Failure, KEYVIZ_ERR_UNSUPPORTED};
use super::structs::{check_size, init, write_struct, Sized0};
use crate::cells::BLOCK_BITS;
use crate::hot_keys::{Stage, BATCH, KEY_BYTES, SLOTS};
use crate::label::{Label, Op};
use crate::lane::{Hot, Lane};
use crate::sub_bucket::{Head, Parts};
use crate::sync::heavy_fence;
use crate::table::{Layout, HASH_FACTOR};
use std::ffi::c_void;
use std::mem::offset_of;

/// The version of the hot layout.
pub const KEYVIZ_HOT_LAYOUT_VERSION: u32 = 3;

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
///      place is set, and otherwise lane_segments + segment of the divided route. If it is 0: leave, call
///      keyviz_hot_reserve, and begin again. At counters + 32 * cell lie reads, writes, read bytes, write bytes: add. Then
///      look at the byte at marks + (cell >> block_bits), and if it is 0, store 1.
///   4. Leave: store 0 in the passage flag (in the shared lane: subtract 1 from where it was added).
///
/// Between 1 and 4 the thread must not give the lane to another.
///
/// Where hot keys are on, the word at lane_stage in a lane is the address of its *stage*, and otherwise 0. After 3, in a
/// lane of one's own and if the place isn't a virtual bucket's, the writer samples so:
///
///   5. If bit `op` of series (32 bits) is 0: nothing. If the key is longer than longest_key (32 bits): add 1 to skipped.
///   6. If left (32 bits) is above 1: subtract 1, and that is all. If it is 0: add 1 to drawn, and with a chance of 1 in
///      hot_keys_sample_rate go on to 7; otherwise that is all. If it is 1: 7.
///   7. It is a sample: add 1 to sampled. Load head (acquire). If tail is head, nothing is staged, and filled (32 bits)
///      counts as 0. If tail - head is stage_slot_count, or filled + key_len is above stage_key_bytes: store 0 in left;
///      hand the key over with keyviz_hot_sample once the observation is done.
///   8. Otherwise slot number tail % stage_slot_count, 16 bytes, becomes: route_id; filled (16 bits); key_len (16 bits);
///      label * 2 + op (32 bits; the label is 0 where labels are off). Copy the key to stage_keys + filled, and add key_len
///      to filled. Load the gap (32 bits) at stage_gaps + 4 * (tail % stage_slot_count); store it in left, and add it to
///      drawn. Store tail + 1 in tail (release). If tail - head is stage_batch or more now: call keyviz_hot_apply once
///      the observation is done.
///
/// In the shared lane, instead: skipped as in 5, with atomic additions; add 1 to drawn, and with a chance of 1 in
/// hot_keys_sample_rate add 1 to sampled, and call keyviz_hot_sample. Without another size, these numbers have 64 bits.
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
    /// In a divided route: cells from label to label, 16 bits; 0 where labels are off, and otherwise key_buckets_per_route.
    pub divided_stride: u32,
    /// In a divided route: number of parts, 16 bits.
    pub divided_count: u32,
    /// In a divided route: bytes of prefix, 32 bits.
    pub divided_prefix_len: u32,
    /// In a divided route: window of the start, 64 bits.
    pub divided_low: u32,
    /// In a divided route: width of the window, 64 bits.
    pub divided_span: u32,
    /// In a divided route: parts per window, times 2^(64 + shift), 64 bits.
    pub divided_ratio: u32,
    /// In a divided route: address of the prefix.
    pub divided_prefix: u32,
    /// In a lane: address of the stage; 0: hot keys are off.
    pub lane_stage: u32,
    /// In a stage: observations up to and including the next sample, 32 bits.
    pub stage_left: u32,
    /// In a stage: bytes of keys in use, 32 bits.
    pub stage_filled: u32,
    /// In a stage: samples staged so far, 64 bits.
    pub stage_tail: u32,
    /// In a stage: observations rolled for, 64 bits.
    pub stage_drawn: u32,
    /// In a stage: samples so far, 64 bits.
    pub stage_sampled: u32,
    /// In a stage: keys that were too long, 64 bits.
    pub stage_skipped: u32,
    /// In a stage: bytes of a key at most, 32 bits.
    pub stage_longest_key: u32,
    /// In a stage: the series that are sampled, 32 bits.
    pub stage_series: u32,
    /// In a stage: samples of `tail` that the library is done with, 64 bits.
    pub stage_head: u32,
    /// In a stage: gaps, 32 bits each.
    pub stage_gaps: u32,
    /// In a stage: slots.
    pub stage_slots: u32,
    /// In a stage: keys.
    pub stage_keys: u32,
    /// Slots of a stage, and gaps.
    pub stage_slot_count: u32,
    /// Bytes of a stage's keys.
    pub stage_key_bytes: u32,
    /// So many samples are a batch.
    pub stage_batch: u32,
    /// In a divided route: shift, 16 bits.
    pub divided_shift: u32,
    /// In a divided route: mask of the prefix in a key's first 8 bytes, of which the first is lowest; 64 bits.
    pub divided_head_mask: u32,
    /// In a divided route: what the mask leaves of a key with the prefix, 64 bits. Longer prefixes have a mask of 0, and 1 here.
    pub divided_head: u32,
    /// In a divided route: segment, 16 bits.
    pub divided_segment: u32,
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
        let (parts, head) = (offset_of!(Layout, parts) as u32, Layout::HEAD_OFFSET as u32);
        let out = keyviz_hot_layout_t {
            type_size: size_of::<keyviz_hot_layout_t>(),
            version: KEYVIZ_HOT_LAYOUT_VERSION,
            labels: if hot.labels_enabled { Label::COUNT as u32 } else { 1 },
            table: std::ptr::from_ref(&hot.table).cast_mut().cast(),
            shared_lane: std::ptr::from_ref(sampler.shared_lane()).cast_mut().cast(),
            shared_passages: std::ptr::from_ref(&hot.shared_passages).cast_mut().cast(),
            hash_factor: HASH_FACTOR,
            lane_passages: Lane::PASSAGES_OFFSET as u32,
            lane_missed: Lane::MISSED_OFFSET as u32,
            lane_segments: Lane::CELLS_OFFSET as u32,
            block_bits: BLOCK_BITS,
            divided_first: Layout::FIRST_OFFSET as u32,
            divided_stride: Layout::STRIDE_OFFSET as u32,
            divided_count: parts + Parts::COUNT_OFFSET as u32,
            divided_prefix_len: parts + offset_of!(Parts, prefix_len) as u32,
            divided_low: parts + offset_of!(Parts, low) as u32,
            divided_span: parts + offset_of!(Parts, span) as u32,
            divided_ratio: parts + Parts::RATIO_OFFSET as u32,
            divided_prefix: Layout::PREFIX_OFFSET as u32,
            lane_stage: Lane::STAGE_OFFSET as u32,
            stage_left: offset_of!(Stage, left) as u32,
            stage_filled: offset_of!(Stage, filled) as u32,
            stage_tail: offset_of!(Stage, tail) as u32,
            stage_drawn: offset_of!(Stage, drawn) as u32,
            stage_sampled: offset_of!(Stage, sampled) as u32,
            stage_skipped: offset_of!(Stage, skipped) as u32,
            stage_longest_key: offset_of!(Stage, longest_key) as u32,
            stage_series: offset_of!(Stage, series) as u32,
            stage_head: offset_of!(Stage, head) as u32,
            stage_gaps: offset_of!(Stage, gaps) as u32,
            stage_slots: Stage::SLOTS_OFFSET as u32,
            stage_keys: Stage::KEYS_OFFSET as u32,
            stage_slot_count: SLOTS as u32,
            stage_key_bytes: KEY_BYTES as u32,
            stage_batch: BATCH as u32,
            divided_shift: parts + Parts::SHIFT_OFFSET as u32,
            divided_head_mask: head + offset_of!(Head, mask) as u32,
            divided_head: head + offset_of!(Head, bytes) as u32,
            divided_segment: Layout::SEGMENT_OFFSET as u32,
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

/// Moves the samples that are staged in a lane into its sketches, unless another thread is at it. Any thread, any time;
/// the lane's holder may go on meanwhile. NULL and what is no live lane are ignored.
#[no_mangle]
pub unsafe extern "C" fn keyviz_hot_apply(lane: *mut keyviz_lane_t) {
    guard(std::ptr::null_mut(), || {
        if let Some(keys) = handle::get(lane)?.lane.keys() {
            keys.apply();
        }
        Ok(())
    });
}

/// Takes a sample that found no room in a stage, or that the shared lane took: it is in the lane's `sampled` already. Its
/// route may have been removed since it was counted. Never blocks.
///
/// Errors: KEYVIZ_ERR_HOT_KEYS_OFF, KEYVIZ_ERR_INVALID_ARGUMENT (op or label is none), KEYVIZ_ERR_NULL_POINTER.
#[no_mangle]
pub unsafe extern "C" fn keyviz_hot_sample(
    sampler: *mut keyviz_sampler_t,
    route_id: u64,
    key: *const c_void,
    key_len: usize,
    op: u32,
    label: u32,
) -> keyviz_status_t {
    guard(std::ptr::null_mut(), || {
        let sampler = &handle::get(sampler)?.sampler;
        let Key::Given(key) = self::key(key, key_len) else { return Err(Failure::null("key")) };
        let op = Op::from_index(op).ok_or_else(|| Failure::invalid(format!("op is {op}")))?;
        let label = Label::from_index(label).ok_or_else(|| Failure::invalid(format!("label is {label}")))?;
        Ok(sampler.put_sample(route_id, key, op, label)?)
    })
}
