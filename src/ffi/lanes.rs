//! Explicit lanes, for hosts that know their threads.

use super::handle::{self, Handle};
use super::observe::{count, key, plain};
use super::sampler::keyviz_sampler_t;
use super::status::{
    guard, keyviz_error_t, keyviz_status_t, Failure, KEYVIZ_ERR_INVALID_HANDLE, KEYVIZ_ERR_NO_LANE, KEYVIZ_OK,
};
use super::structs::write_out;
use crate::lane::{Hot, Lane};
use std::ffi::c_void;
use std::sync::atomic::AtomicU32;
use std::sync::Arc;

/// A lane: a private set of counters. One thread at a time uses it, and it may pass from thread to thread (with the
/// host's own synchronisation). Threads that call keyviz_observe need none: they get theirs by themselves.
// Not as a plain attribute: cbindgen would take the type for a struct that callers may look into.
#[cfg_attr(all(), repr(C))]
pub struct keyviz_lane_t {
    magic: AtomicU32,
    pub(super) lane: Arc<Lane>,
    sampler: *const keyviz_sampler_t,
    /// In the sampler.
    hot: *const Hot,
}

// SAFETY: `repr(C)`, and the word comes first.
unsafe impl Handle for keyviz_lane_t {
    const NAME: &'static str = "lane";
    const MAGIC: u32 = 0x6b76_0002;
    const MAGIC_OFFSET: usize = std::mem::offset_of!(Self, magic);
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
        let magic = AtomicU32::new(keyviz_lane_t::MAGIC | if lane.keys().is_some() { handle::SAMPLES_KEYS } else { 0 });
        write_out(out, handle::into_raw(keyviz_lane_t { magic, lane, sampler, hot: core.hot() }));
        Ok(())
    })
}

/// Gives a lane back. What it counted stays. NULL is fine.
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
/// and the call is OK. Returns what keyviz_observe returns, and
/// KEYVIZ_ERR_INVALID_HANDLE: it is not a lane, or was released.
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
    let rest = || plain(key, key_len, op, value_len, label);
    if handle::is_plain(lane) && (*lane).lane.observe_plain(&*(*lane).hot, route_id, rest) {
        return KEYVIZ_OK;
    }
    lane_observe_key(lane, route_id, key, key_len, op, value_len, label)
}

/// What `keyviz_lane_observe` goes on with; see `observe_key`.
#[inline(never)]
unsafe extern "C" fn lane_observe_key(
    lane: *mut keyviz_lane_t,
    route_id: u64,
    key: *const c_void,
    key_len: usize,
    op: u32,
    value_len: u64,
    label: u32,
) -> keyviz_status_t {
    let rest = || plain(key, key_len, op, value_len, label);
    if handle::samples_keys(lane) && (*lane).lane.observe_plain_key(|| &*(*lane).hot, route_id, op, key_len, rest) {
        return KEYVIZ_OK;
    }
    lane_observe_other(lane, route_id, key, key_len, op, value_len, label)
}

/// What `lane_observe_key` goes on with; see `observe_other`.
#[inline(never)]
unsafe extern "C" fn lane_observe_other(
    lane: *mut keyviz_lane_t,
    route_id: u64,
    key: *const c_void,
    key_len: usize,
    op: u32,
    value_len: u64,
    label: u32,
) -> keyviz_status_t {
    let rest = || plain(key, key_len, op, value_len, label);
    if !key.is_null() {
        let key = std::slice::from_raw_parts(key.cast(), key_len);
        let counted = match handle::samples_keys(lane) {
            true => (*lane).lane.observe_sample(&*(*lane).hot, route_id, key, rest),
            false => handle::is_plain(lane) && (*lane).lane.observe_divided(&*(*lane).hot, route_id, key, rest),
        };
        if counted {
            return KEYVIZ_OK;
        }
    }
    lane_observe_on(lane, route_id, key, key_len, op, value_len, label)
}

/// What `lane_observe_other` goes on with: it counts whatever an observation may be.
#[inline(never)]
unsafe extern "C" fn lane_observe_on(
    lane: *mut keyviz_lane_t,
    route_id: u64,
    key: *const c_void,
    key_len: usize,
    op: u32,
    value_len: u64,
    label: u32,
) -> keyviz_status_t {
    if !handle::is_valid(lane) {
        return KEYVIZ_ERR_INVALID_HANDLE;
    }
    let (lane, key) = (&*lane, self::key(key, key_len));
    let sampler = &(*lane.sampler).sampler;
    let into = |observation| lane.lane.observe(sampler.hot(), observation);
    count(sampler, into, route_id, key, key_len as u64, op, value_len, label)
}
