//! Explicit lanes, for hosts that know their threads.

use super::handle::{self, Handle};
use super::observe::unusual;
use super::sampler::keyviz_sampler_t;
use super::status::{
    guard, keyviz_error_t, keyviz_status_t, Failure, KEYVIZ_ERR_INVALID_HANDLE, KEYVIZ_ERR_NO_LANE, KEYVIZ_OK,
};
use super::structs::write_out;
use crate::label::Label;
use crate::lane::{Lane, Observation};
use std::ffi::c_void;
use std::sync::atomic::AtomicU64;
use std::sync::Arc;

/// A lane: a private set of counters. One thread at a time uses it, and it may pass from thread to thread (with the
/// host's own synchronisation). Threads that call keyviz_observe need none: they get theirs by themselves.
// Not as a plain attribute: cbindgen would take the type for a struct that callers may look into.
#[cfg_attr(all(), repr(C))]
pub struct keyviz_lane_t {
    magic: AtomicU64,
    pub(super) lane: Arc<Lane>,
    sampler: *const keyviz_sampler_t,
}

// SAFETY: `repr(C)`, and the word comes first.
unsafe impl Handle for keyviz_lane_t {
    const NAME: &'static str = "lane";
    const MAGIC: u64 = 0x6b65_7976_697a_0002;
    fn magic(&self) -> &AtomicU64 {
        &self.magic
    }
}

/// Takes a lane of the sampler, to be given back with keyviz_lane_release before the sampler is freed.
///
/// Errors: KEYVIZ_ERR_NO_LANE (all `max_lanes` are out, or another one does not fit into the memory limit),
/// KEYVIZ_ERR_CLOSED, KEYVIZ_ERR_NULL_POINTER.
#[no_mangle]
pub unsafe extern "C" fn keyviz_lane_acquire(
    sampler: *mut keyviz_sampler_t,
    out: *mut *mut keyviz_lane_t,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        let core = &handle::get(sampler)?.sampler;
        if out.is_null() {
            return Err(Failure::null("out"));
        }
        core.check_open()?;
        let lane = core.lease_lane().ok_or_else(|| Failure::new(KEYVIZ_ERR_NO_LANE, "all lanes are out"))?;
        let magic = AtomicU64::new(keyviz_lane_t::MAGIC);
        write_out(out, handle::into_raw(keyviz_lane_t { magic, lane, sampler }));
        Ok(())
    })
}

/// Gives a lane back. What it counted stays. Null is fine.
#[no_mangle]
pub unsafe extern "C" fn keyviz_lane_release(lane: *mut keyviz_lane_t) {
    guard(std::ptr::null_mut(), || {
        if let Some(lane) = handle::take(lane) {
            lane.lane.release();
        }
        Ok(())
    });
}

/// keyviz_observe through a lane: the fastest form. One thread at a time per lane. `lane` may be NULL: nothing happens,
/// and the call is OK. KEYVIZ_ERR_INVALID_HANDLE: it is not a lane, or was released.
#[no_mangle]
pub unsafe extern "C" fn keyviz_lane_observe(
    lane: *mut keyviz_lane_t,
    route_id: u64,
    key: *const c_void,
    key_len: usize,
    op: u32,
    value_len: u64,
    label: u32,
) -> keyviz_status_t {
    if lane.is_null() {
        return KEYVIZ_OK;
    }
    if !handle::is_valid(lane) {
        return KEYVIZ_ERR_INVALID_HANDLE;
    }
    let lane = &*lane;
    let sampler = &(*lane.sampler).sampler;
    match (key.is_null(), key_len) {
        (false, _) | (true, 0) if op <= 1 && (label as usize) < Label::COUNT => {
            let key = if key.is_null() { &[] } else { std::slice::from_raw_parts(key.cast(), key_len) };
            let bytes = (key_len as u64).saturating_add(value_len);
            lane.lane.observe(sampler.hot(), Observation { route_id, key: Some(key), bytes, op, label }).into()
        }
        (null, _) => {
            let key = (!null).then(|| std::slice::from_raw_parts(key.cast(), key_len));
            unusual(sampler, route_id, key, !null || key_len == 0, key_len as u64, op, value_len, label)
        }
    }
}
