//! Explicit lanes, for hosts that know their threads.

use super::handle::{self, Handle};
use super::observe::{observe, Observer};
use super::sampler::keyviz_sampler_t;
use super::status::{guard, keyviz_error_t, keyviz_status_t, Failure, KEYVIZ_ERR_NO_LANE};
use super::structs::write_out;
use crate::lane::{Hot, Lane, Observation, Observed, Plain};
use crate::sampler::Sampler;
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
    observe(lane, route_id, key, key_len, op, value_len, label)
}

impl Observer for keyviz_lane_t {
    #[inline(always)]
    fn sampler(&self) -> &Sampler {
        // SAFETY: the sampler is freed after its lanes are released.
        unsafe { &(*self.sampler).sampler }
    }

    #[inline(always)]
    fn count_plain(&self, route_id: u64, rest: impl FnOnce() -> Option<Plain>) -> bool {
        self.lane.observe_plain(self.hot(), route_id, rest)
    }

    #[inline(always)]
    fn count_plain_key(&self, route_id: u64, op: u32, key_len: usize, rest: impl FnOnce() -> Option<Plain>) -> bool {
        self.lane.observe_plain_key(|| self.hot(), route_id, op, key_len, rest)
    }

    #[inline(always)]
    fn count_sample(&self, route_id: u64, key: &[u8], rest: impl FnOnce() -> Option<Plain>) -> bool {
        self.lane.observe_sample(self.hot(), route_id, key, rest)
    }

    #[inline(always)]
    fn count_divided(&self, route_id: u64, key: &[u8], rest: impl FnOnce() -> Option<Plain>) -> bool {
        self.lane.observe_divided(self.hot(), route_id, key, rest)
    }

    fn count(&self, observation: Observation<'_>) -> Observed {
        self.lane.observe(self.hot(), observation)
    }
}

impl keyviz_lane_t {
    #[inline(always)]
    fn hot(&self) -> &Hot {
        // SAFETY: as in `sampler`.
        unsafe { &*self.hot }
    }
}
