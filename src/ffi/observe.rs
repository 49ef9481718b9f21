//! The hot path's C functions.

use super::handle::{self, Handle};
use super::sampler::keyviz_sampler_t;
use super::status::{
    keyviz_status_t, Failure, KEYVIZ_ERR_INVALID_ARGUMENT, KEYVIZ_ERR_INVALID_HANDLE, KEYVIZ_ERR_NO_MEMORY,
    KEYVIZ_ERR_PANIC, KEYVIZ_ERR_UNKNOWN_ROUTE, KEYVIZ_OK,
};
use super::structs::{check_array, write_out};
use crate::label::Label;
use crate::lane::{Observation, Observed, Plain, ANY_LABEL};
use crate::sampler::Sampler;
use crate::sync::unlikely;
use std::ffi::c_void;
use std::panic::{catch_unwind, AssertUnwindSafe};

/// The request read the key.
pub const KEYVIZ_OP_READ: u32 = 0;
/// The request wrote the key.
pub const KEYVIZ_OP_WRITE: u32 = 1;

/// A label that the host knows and this library does not: it counts in virtual buckets, which take any label, and in
/// other routes it is unknown. Where labels are off it counts like any other.
pub const KEYVIZ_LABEL_UNKNOWN: u32 = 0xffff_ffff;
const _: () = assert!(KEYVIZ_LABEL_UNKNOWN == ANY_LABEL);

/// One observation of an array.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct keyviz_observation_t {
    /// The route.
    pub route_id: u64,
    /// The key; it is not kept. NULL: the caller hasn't it at hand, and it counts in sub-bucket 0.
    pub key: *const c_void,
    /// Bytes of the key.
    pub key_len: usize,
    /// Bytes of the value.
    pub value_len: u64,
    /// KEYVIZ_OP_READ or KEYVIZ_OP_WRITE.
    pub op: u32,
    /// KEYVIZ_LABEL_*.
    pub label: u32,
}

impl From<Observed> for keyviz_status_t {
    #[inline(always)]
    fn from(observed: Observed) -> Self {
        match observed {
            Observed::Counted => KEYVIZ_OK,
            Observed::Missed => KEYVIZ_ERR_UNKNOWN_ROUTE,
            Observed::OutOfMemory => KEYVIZ_ERR_NO_MEMORY,
            Observed::Refused => KEYVIZ_ERR_INVALID_ARGUMENT,
        }
    }
}

/// The key of an observation.
pub(super) enum Key<'a> {
    Given(&'a [u8]),
    /// The caller hasn't it at hand.
    Absent,
    /// Null, with a length.
    Invalid,
}

#[inline(always)]
pub(super) unsafe fn key<'a>(key: *const c_void, len: usize) -> Key<'a> {
    match (key.is_null(), len) {
        (false, _) => Key::Given(std::slice::from_raw_parts(key.cast(), len)),
        (true, 0) => Key::Given(&[]),
        (true, _) => Key::Invalid,
    }
}

/// Counts one request: 1 operation and key_len + value_len bytes, in the slot of (route, label) and the sub-bucket of
/// the key. The key is read, and not kept. Where labels are off, the label makes no difference, but must still be one.
/// `sampler` may be NULL: nothing happens, and the call is OK; so a host switches the whole off.
///
/// Returns KEYVIZ_OK; KEYVIZ_ERR_UNKNOWN_ROUTE: the route is not registered, it counts as missed;
/// KEYVIZ_ERR_INVALID_ARGUMENT: the op or the label is none, or the key is NULL with a length: it counts as refused;
/// KEYVIZ_ERR_NO_MEMORY: the system gave none for the counters. A host that doesn't care ignores it.
///
/// Any thread, any time; no lock, no allocation and no system call but for a thread's first observations. With hot keys
/// on, an observation that is sampled (one in hot_keys_sample_rate) may also allocate: when its lane meets a route, a
/// label or a key for the first time in a window, or a longer key than before. Not to be called from a signal handler.
#[no_mangle]
pub unsafe extern "C" fn keyviz_observe(
    sampler: *mut keyviz_sampler_t,
    route_id: u64,
    key: *const c_void,
    key_len: usize,
    op: u32,
    value_len: u64,
    label: u32,
) -> keyviz_status_t {
    observe(sampler, route_id, key, key_len, op, value_len, label)
}

/// The end of an observation of the plain sort.
#[inline(always)]
fn plain(key: *const c_void, key_len: usize, op: u32, value_len: u64, label: u32) -> Option<Plain> {
    if key.is_null() || op > 1 || label as usize >= Label::COUNT {
        unlikely();
        return None;
    }
    Some(Plain { bytes: (key_len as u64).saturating_add(value_len), op, label })
}

/// What counts observations: a sampler, in the calling thread's lane, or a lane. Each function is the one of `Lane` with
/// such a name; `false`: nothing was done.
pub(super) trait Observer: Handle {
    fn sampler(&self) -> &Sampler;
    fn count_plain(&self, route_id: u64, rest: impl FnOnce() -> Option<Plain>) -> bool;
    fn count_plain_key(&self, route_id: u64, op: u32, key_len: usize, rest: impl FnOnce() -> Option<Plain>) -> bool;
    fn count_sample(&self, route_id: u64, key: &[u8], rest: impl FnOnce() -> Option<Plain>) -> bool;
    fn count_divided(&self, route_id: u64, key: &[u8], rest: impl FnOnce() -> Option<Plain>) -> bool;
    fn count(&self, observation: Observation<'_>) -> Observed;
}

impl Observer for keyviz_sampler_t {
    #[inline(always)]
    fn sampler(&self) -> &Sampler {
        &self.sampler
    }

    #[inline(always)]
    fn count_plain(&self, route_id: u64, rest: impl FnOnce() -> Option<Plain>) -> bool {
        self.sampler.count_plain(route_id, rest)
    }

    #[inline(always)]
    fn count_plain_key(&self, route_id: u64, op: u32, key_len: usize, rest: impl FnOnce() -> Option<Plain>) -> bool {
        self.sampler.count_plain_key(route_id, op, key_len, rest)
    }

    #[inline(always)]
    fn count_sample(&self, route_id: u64, key: &[u8], rest: impl FnOnce() -> Option<Plain>) -> bool {
        self.sampler.count_sample(route_id, key, rest)
    }

    #[inline(always)]
    fn count_divided(&self, route_id: u64, key: &[u8], rest: impl FnOnce() -> Option<Plain>) -> bool {
        self.sampler.count_divided(route_id, key, rest)
    }

    fn count(&self, observation: Observation<'_>) -> Observed {
        self.sampler.count(observation)
    }
}

/// Counts one request with a sampler or a lane. Each step has one other to go on with, and the same arguments in the same
/// places: then that is a jump, and the plain sort, where no keys are sampled, pays for nothing.
#[inline(always)]
pub(super) unsafe fn observe<O: Observer>(
    observer: *mut O,
    route_id: u64,
    key: *const c_void,
    key_len: usize,
    op: u32,
    value_len: u64,
    label: u32,
) -> keyviz_status_t {
    if observer.is_null() {
        return KEYVIZ_OK;
    }
    let rest = || plain(key, key_len, op, value_len, label);
    if handle::is_plain(observer) && (*observer).count_plain(route_id, rest) {
        return KEYVIZ_OK;
    }
    observe_key(observer, route_id, key, key_len, op, value_len, label)
}

/// What `observe` goes on with when an observation is not of the plain sort, or keys are sampled: the plain sort where they
/// are.
#[inline(never)]
unsafe extern "C" fn observe_key<O: Observer>(
    observer: *mut O,
    route_id: u64,
    key: *const c_void,
    key_len: usize,
    op: u32,
    value_len: u64,
    label: u32,
) -> keyviz_status_t {
    let rest = || plain(key, key_len, op, value_len, label);
    if handle::samples_keys(observer) && (*observer).count_plain_key(route_id, op, key_len, rest) {
        return KEYVIZ_OK;
    }
    observe_other(observer, route_id, key, key_len, op, value_len, label)
}

/// What `observe_key` goes on with when the route may be sub-divided, or the key a sample.
#[inline(never)]
unsafe extern "C" fn observe_other<O: Observer>(
    observer: *mut O,
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
        let counted = match handle::samples_keys(observer) {
            true => (*observer).count_sample(route_id, key, rest),
            false => handle::is_plain(observer) && (*observer).count_divided(route_id, key, rest),
        };
        if counted {
            return KEYVIZ_OK;
        }
    }
    observe_on(observer, route_id, key, key_len, op, value_len, label)
}

/// What `observe_other` goes on with: it counts whatever an observation may be.
#[inline(never)]
unsafe extern "C" fn observe_on<O: Observer>(
    observer: *mut O,
    route_id: u64,
    key: *const c_void,
    key_len: usize,
    op: u32,
    value_len: u64,
    label: u32,
) -> keyviz_status_t {
    if !handle::is_valid(observer) {
        return KEYVIZ_ERR_INVALID_HANDLE;
    }
    let (observer, key) = (&*observer, self::key(key, key_len));
    let into = |observation| observer.count(observation);
    count(observer.sampler(), into, route_id, key, key_len as u64, op, value_len, label)
}

/// Counts one request whose key the caller has not at hand: it counts in sub-bucket 0. Otherwise as
/// keyviz_observe, with the same errors.
#[no_mangle]
pub unsafe extern "C" fn keyviz_observe_sized(
    sampler: *mut keyviz_sampler_t,
    route_id: u64,
    op: u32,
    key_len: u64,
    value_len: u64,
    label: u32,
) -> keyviz_status_t {
    if sampler.is_null() {
        return KEYVIZ_OK;
    }
    if !handle::is_valid(sampler) {
        return KEYVIZ_ERR_INVALID_HANDLE;
    }
    let sampler = &(*sampler).sampler;
    count(sampler, |observation| sampler.count(observation), route_id, Key::Absent, key_len, op, value_len, label)
}

/// Checks an observation and counts it with `into`.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn count<'a>(
    sampler: &Sampler,
    into: impl FnOnce(Observation<'a>) -> Observed,
    route_id: u64,
    key: Key<'a>,
    key_len: u64,
    op: u32,
    value_len: u64,
    label: u32,
) -> keyviz_status_t {
    match checked(sampler, route_id, key, key_len, op, value_len, label) {
        Some(observation) => into(observation).into(),
        None => {
            sampler.refuse(1);
            KEYVIZ_ERR_INVALID_ARGUMENT
        }
    }
}

/// Counts `count` requests. Those that are invalid or whose route is unknown are left out, and all others count:
/// `*counted` (NULL is fine) becomes their number. Returns KEYVIZ_OK if all of them counted, otherwise the status of the
/// first that did not, as keyviz_observe gives it. Without a sampler none counts, and it is OK.
///
/// Errors before anything counts: KEYVIZ_ERR_NULL_POINTER (`observations` is NULL and `count` is not 0),
/// KEYVIZ_ERR_INVALID_ARGUMENT (no memory holds that many).
#[no_mangle]
pub unsafe extern "C" fn keyviz_observe_batch(
    sampler: *mut keyviz_sampler_t,
    observations: *const keyviz_observation_t,
    count: usize,
    counted: *mut usize,
) -> keyviz_status_t {
    let array = || check_array(observations, count, "observations");
    run(sampler, count, counted, array, |sampler, i| {
        // Read once: what was checked is what counts, also if another thread writes to the array meanwhile.
        let one = observations.add(i).read_volatile();
        let key = if one.key.is_null() { Key::Absent } else { self::key(one.key, one.key_len) };
        checked(sampler, one.route_id, key, one.key_len as u64, one.op, one.value_len, one.label)
    })
}

/// Counts `count` requests given as arrays, one per field; they count in sub-bucket 0. `labels` may be NULL: all
/// legacy. `counted`, the result and the errors are as in keyviz_observe_batch.
#[no_mangle]
pub unsafe extern "C" fn keyviz_observe_columns(
    sampler: *mut keyviz_sampler_t,
    count: usize,
    route_ids: *const u64,
    ops: *const u8,
    key_lens: *const u32,
    value_lens: *const u64,
    labels: *const u8,
    counted: *mut usize,
) -> keyviz_status_t {
    let arrays = || {
        check_array(route_ids, count, "route_ids")?;
        check_array(ops, count, "ops")?;
        check_array(key_lens, count, "key_lens")?;
        check_array(value_lens, count, "value_lens")
    };
    run(sampler, count, counted, arrays, |sampler, i| {
        // Each is read once: what was checked is what counts, also if another thread writes to the arrays meanwhile.
        let label = if labels.is_null() { 0 } else { u32::from(labels.add(i).read_volatile()) };
        let (op, key_len) = (u32::from(ops.add(i).read_volatile()), u64::from(*key_lens.add(i)));
        checked(sampler, *route_ids.add(i), Key::Absent, key_len, op, *value_lens.add(i), label)
    })
}

/// The observation, if it is one.
#[inline(always)]
fn checked<'a>(
    sampler: &Sampler,
    route_id: u64,
    key: Key<'a>,
    key_len: u64,
    op: u32,
    value_len: u64,
    label: u32,
) -> Option<Observation<'a>> {
    let label = if (label as usize) < Label::COUNT { label } else { sampler.label_number(label)? };
    let key = match key {
        Key::Given(key) => Some(key),
        Key::Absent => None,
        Key::Invalid => return None,
    };
    (op <= 1).then_some(Observation { route_id, key, bytes: key_len.saturating_add(value_len), op, label })
}

unsafe fn run<'a>(
    sampler: *mut keyviz_sampler_t,
    count: usize,
    counted: *mut usize,
    check_arrays: impl FnOnce() -> Result<(), Failure>,
    mut observation: impl FnMut(&'a Sampler, usize) -> Option<Observation<'a>>,
) -> keyviz_status_t {
    if sampler.is_null() {
        write_out(counted, 0);
        return KEYVIZ_OK;
    }
    if !handle::is_valid(sampler) {
        return KEYVIZ_ERR_INVALID_HANDLE;
    }
    if count > 0 {
        if let Err(wrong) = check_arrays() {
            return wrong.status;
        }
    }
    let sampler: &Sampler = &(*sampler).sampler;
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let (mut status, mut total, mut refused) = (KEYVIZ_OK, 0, 0);
        sampler.count_run((0..count).map(|i| observation(sampler, i)), |observed| {
            if observed == Observed::Counted {
                total += 1;
                return;
            }
            refused += u64::from(observed == Observed::Refused);
            if status == KEYVIZ_OK {
                status = observed.into();
            }
        });
        if refused > 0 {
            sampler.refuse(refused);
        }
        (status, total)
    }));
    let Ok((status, total)) = outcome else { return KEYVIZ_ERR_PANIC };
    write_out(counted, total);
    status
}
