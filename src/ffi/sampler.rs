//! Making and freeing a sampler, and its options.

use super::handle::{self, Handle};
use super::status::{guard, keyviz_error_t, keyviz_status_t, Failure};
use super::structs::{init, read_struct, write_out, Sized0};
use crate::options::{HotKeysSeries, Options, Resolution, MAX_RESOLUTIONS};
use crate::sampler::Sampler;
use std::sync::atomic::AtomicU32;
use std::time::{SystemTime, UNIX_EPOCH};

/// A sampler. Every function that takes one may be called from any thread at any time, but for
/// keyviz_sampler_free, after which the handle is no more.
// Not as a plain attribute: cbindgen would take the type for a struct that callers may look into.
#[cfg_attr(all(), repr(C))]
pub struct keyviz_sampler_t {
    magic: AtomicU32,
    pub(super) sampler: Sampler,
}

// SAFETY: `repr(C)`, and the word comes first.
unsafe impl Handle for keyviz_sampler_t {
    const NAME: &'static str = "sampler";
    const MAGIC: u32 = 0x6b76_0001;
    const MAGIC_OFFSET: usize = std::mem::offset_of!(Self, magic);
}

/// A coarser resolution, for the columns that fall out of the history.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct keyviz_resolution_t {
    /// Width of a column, in ns; 0: this resolution is off.
    pub step_ns: i64,
    /// How long columns are kept, in ns.
    pub retention_ns: i64,
}

/// Number of coarser resolutions.
pub const KEYVIZ_RESOLUTIONS: usize = 4;
const _: () = assert!(KEYVIZ_RESOLUTIONS == MAX_RESOLUTIONS);

/// How a sampler is made. Begin with KEYVIZ_OPTIONS_INIT (or keyviz_options_init). In every number, 0 means the
/// default, and what is above the cap counts as the cap.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct keyviz_options_t {
    /// sizeof(keyviz_options_t).
    pub type_size: usize,
    /// Flush interval in ns; default 60 s. The library has no timer: the host flushes. The step sets how long a removed
    /// route is still drained (max(2 steps, 5 s)).
    pub step_ns: i64,
    /// Unix ns at which the first column's window begins; default: now.
    pub created_ns: i64,
    /// Most bytes of counters, routes and history together; default 0: no limit. What doesn't fit any more folds
    /// (routes), goes (the oldest columns) or shares a lane (threads). A route is granted what it can come to take when
    /// each lane counts in all of it, so routes fold before the statistics show the limit.
    pub memory_limit_bytes: u64,
    /// Columns kept; default 1440, cap 100000.
    pub history_columns: u32,
    /// Routes with slots of their own; default 10000. Further routes fold into a virtual bucket.
    pub max_tracked_routes: u32,
    /// Member ids listed on a virtual bucket's row; default 256. Further members count, unlisted.
    pub max_member_routes_per_slot: u32,
    /// Sub-buckets per route, K; default 1 (off), cap 256.
    pub key_buckets_per_route: u32,
    /// 1: a slot for each label; 0: one slot per route, and labels are ignored.
    pub labels_enabled: u32,
    /// 1: no history; columns are only drained (keyviz_sampler_drain).
    pub history_off: u32,
    /// Lanes, the private counters of threads; default 256, cap 4096. Threads beyond them share one.
    pub max_lanes: u32,
    /// Zero.
    pub reserved0: u32,
    /// Coarser resolutions, each coarser than the one before; default: none.
    pub resolutions: [keyviz_resolution_t; KEYVIZ_RESOLUTIONS],
    /// 1: sample keys, to be published with keyviz_sampler_publish_hot_keys; default 0: no key is kept anywhere.
    pub hot_keys_enabled: u32,
    /// Entries of a hot-key sketch, m; default 64, cap 256. There is one for each route, label and series.
    pub hot_keys_per_route: u32,
    /// One in so many observations is sampled, R; default 16, cap 1024.
    pub hot_keys_sample_rate: u32,
    /// What a lane holds between two publications, in full sketches of short keys (some 5 kB each where hot_keys_per_route
    /// is 64); default 8192, cap 65536. Above that, it merges some into those that all lanes share.
    pub hot_keys_queue_size: u32,
    /// Longest key that is sampled, in bytes; default 1024, cap 4096. Longer ones are counted as skipped.
    pub hot_keys_max_key_len: u32,
    /// KEYVIZ_HOT_KEYS_WRITES (default), _READS or _BOTH: whose keys are sampled. Each series has sketches of its own.
    pub hot_keys_series: u32,
    /// 1: each column in the history keeps the first 8 keys of each route, label and series that were published since
    /// the column before (so publish, then flush).
    pub hot_keys_in_columns: u32,
    /// Zero.
    pub reserved1: u32,
    /// Zero.
    pub reserved: [u64; 4],
}

/// Keys of writes are sampled.
pub const KEYVIZ_HOT_KEYS_WRITES: u32 = 0;
/// Keys of reads are sampled.
pub const KEYVIZ_HOT_KEYS_READS: u32 = 1;
/// Keys of both are.
pub const KEYVIZ_HOT_KEYS_BOTH: u32 = 2;
const _: () = assert!(HotKeysSeries::Writes as u32 == KEYVIZ_HOT_KEYS_WRITES);
const _: () = assert!(HotKeysSeries::Reads as u32 == KEYVIZ_HOT_KEYS_READS);
const _: () = assert!(HotKeysSeries::Both as u32 == KEYVIZ_HOT_KEYS_BOTH);

// SAFETY: integers only, no padding.
unsafe impl Sized0 for keyviz_options_t {}

impl From<&keyviz_options_t> for Options {
    fn from(options: &keyviz_options_t) -> Self {
        Options {
            step_ns: options.step_ns,
            history_columns: options.history_columns,
            history_off: options.history_off != 0,
            max_tracked_routes: options.max_tracked_routes,
            max_member_routes_per_slot: options.max_member_routes_per_slot,
            key_buckets_per_route: options.key_buckets_per_route,
            labels_enabled: options.labels_enabled != 0,
            memory_limit_bytes: options.memory_limit_bytes,
            max_lanes: options.max_lanes,
            resolutions: options.resolutions.map(|coarse| Resolution { step_ns: coarse.step_ns, retention_ns: coarse.retention_ns }),
            created_ns: if options.created_ns == 0 { now_ns() } else { options.created_ns },
            hot_keys_enabled: options.hot_keys_enabled != 0,
            hot_keys_per_route: options.hot_keys_per_route,
            hot_keys_sample_rate: options.hot_keys_sample_rate,
            hot_keys_queue_size: options.hot_keys_queue_size,
            hot_keys_max_key_len: options.hot_keys_max_key_len,
            // Checked by then.
            hot_keys_series: HotKeysSeries::from_index(options.hot_keys_series).unwrap_or_default(),
            hot_keys_in_columns: options.hot_keys_in_columns != 0,
        }
    }
}

/// The system's clock, in Unix ns.
pub(super) fn now_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// Fills options with their defaults, like KEYVIZ_OPTIONS_INIT. NULL is fine.
#[no_mangle]
pub unsafe extern "C" fn keyviz_options_init(options: *mut keyviz_options_t) {
    init(options);
}

/// Makes a sampler. `options` may be NULL: all defaults. On success `*out` is the caller's, to free with
/// keyviz_sampler_free.
///
/// Errors: KEYVIZ_ERR_NULL_POINTER (out), KEYVIZ_ERR_TYPE_SIZE, KEYVIZ_ERR_INVALID_ARGUMENT (a negative step or
/// retention, a flag that is neither 0 nor 1, a reserved field that is not zero).
#[no_mangle]
pub unsafe extern "C" fn keyviz_sampler_new(
    options: *const keyviz_options_t,
    out: *mut *mut keyviz_sampler_t,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        if out.is_null() {
            return Err(Failure::null("out"));
        }
        let mut defaults = std::mem::zeroed::<keyviz_options_t>();
        if !options.is_null() {
            defaults = read_struct(options, "options")?;
        }
        check_options(&defaults)?;
        let sampler = Sampler::new((&defaults).into());
        let samples_keys = if sampler.options().hot_keys_enabled { handle::SAMPLES_KEYS } else { 0 };
        let magic = AtomicU32::new(keyviz_sampler_t::MAGIC | samples_keys);
        write_out(out, handle::into_raw(keyviz_sampler_t { magic, sampler }));
        Ok(())
    })
}

fn check_options(options: &keyviz_options_t) -> Result<(), Failure> {
    let flags = [
        ("labels_enabled", options.labels_enabled),
        ("history_off", options.history_off),
        ("hot_keys_enabled", options.hot_keys_enabled),
        ("hot_keys_in_columns", options.hot_keys_in_columns),
    ];
    if let Some((name, value)) = flags.into_iter().find(|&(_, value)| value > 1) {
        return Err(Failure::invalid(format!("options.{name} is {value}, and must be 0 or 1")));
    }
    if options.step_ns < 0 {
        return Err(Failure::invalid(format!("options.step_ns is {}", options.step_ns)));
    }
    if options.resolutions.iter().any(|coarse| coarse.step_ns < 0 || coarse.retention_ns < 0) {
        return Err(Failure::invalid("options.resolutions has a negative time"));
    }
    let steps: Vec<i64> = options.resolutions.iter().map(|coarse| coarse.step_ns).filter(|&step| step > 0).collect();
    if steps.windows(2).any(|pair| pair[0] >= pair[1]) {
        return Err(Failure::invalid("options.resolutions gets finer from one to the next"));
    }
    if HotKeysSeries::from_index(options.hot_keys_series).is_none() {
        return Err(Failure::invalid(format!("options.hot_keys_series is {}", options.hot_keys_series)));
    }
    if options.reserved0 != 0 || options.reserved1 != 0 || options.reserved != [0; 4] {
        return Err(Failure::invalid("options.reserved is not zero"));
    }
    Ok(())
}

/// Ends a sampler while observers may still run: from now on every route is unknown to them (the lanes too), nearly all
/// memory is given back at once, and other calls return KEYVIZ_ERR_CLOSED, but for the statistics, events that wait and
/// giving lanes back. The handle stays valid, to be freed when nobody uses it any more. Closing twice is fine. May wait
/// for observers that are in the middle of a call.
///
/// Errors: KEYVIZ_ERR_NULL_POINTER.
#[no_mangle]
pub unsafe extern "C" fn keyviz_sampler_close(sampler: *mut keyviz_sampler_t) -> keyviz_status_t {
    guard(std::ptr::null_mut(), || {
        handle::get(sampler)?.sampler.close();
        Ok(())
    })
}

/// Frees a sampler, and with it all its counters and columns. Its lanes must have been released, and no other thread
/// may be in a call with it. NULL is fine.
#[no_mangle]
pub unsafe extern "C" fn keyviz_sampler_free(sampler: *mut keyviz_sampler_t) {
    guard(std::ptr::null_mut(), || {
        drop(handle::take(sampler));
        Ok(())
    });
}
