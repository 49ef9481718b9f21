//! Versions, labels, series, statistics and events.

use super::handle;
use super::sampler::keyviz_sampler_t;
use super::status::{guard, keyviz_error_t, keyviz_status_t, Failure, KEYVIZ_ERR_NOT_FOUND};
use super::structs::{bytes, check_size, init, write_out, write_struct, Sized0};
use crate::events::{Event, EventKind};
use crate::label::{Label, Series};
use crate::sampler::EventHandler;
use std::ffi::{c_char, c_void};

/// Changes when a program that was compiled against an older header may no longer work with the library.
pub const KEYVIZ_ABI_VERSION: u32 = 0;

/// The ABI version of the library that is linked; compare it with KEYVIZ_ABI_VERSION of the header.
#[no_mangle]
pub extern "C" fn keyviz_abi_version() -> u32 {
    KEYVIZ_ABI_VERSION
}

/// The version of the library that is linked: "x.y.z", static.
#[no_mangle]
pub extern "C" fn keyviz_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// The number of labels: they are 0 to this number less one.
#[no_mangle]
pub extern "C" fn keyviz_label_count() -> u32 {
    Label::COUNT as u32
}

/// The name of a label, as in row ids: "dynamo"; "" for KEYVIZ_LABEL_LEGACY. Static, zero-terminated; NULL: no such label.
#[no_mangle]
pub extern "C" fn keyviz_label_name(label: u32) -> *const c_char {
    const NAMES: [&[u8]; Label::COUNT] = names();
    NAMES.get(label as usize).map_or(std::ptr::null(), |name| name.as_ptr().cast())
}

macro_rules! labels {
    ($($name:ident = $number:literal, $wire:literal;)*) => {
        const fn names() -> [&'static [u8]; Label::COUNT] {
            [$(concat!($wire, "\0").as_bytes()),*]
        }
    };
}
include!("../labels.rs");

/// The label with this name (`len` bytes; no zero needs to follow). `label` may be NULL.
///
/// Errors: KEYVIZ_ERR_NOT_FOUND (there is no such label).
#[no_mangle]
pub unsafe extern "C" fn keyviz_label_from_name(name: *const c_char, len: usize, label: *mut u32) -> keyviz_status_t {
    guard(std::ptr::null_mut(), || {
        let name = bytes(name.cast::<c_void>(), len, "name")?;
        let found = Label::from_name(name).ok_or_else(|| Failure::new(KEYVIZ_ERR_NOT_FOUND, "no such label"))?;
        write_out(label, found as u32);
        Ok(())
    })
}

/// The name of a series, as in JSON and query strings: "read_bytes". Static, zero-terminated; NULL: no such series.
#[no_mangle]
pub extern "C" fn keyviz_series_name(series: u32) -> *const c_char {
    let name: &[u8] = match Series::from_index(series) {
        Some(Series::Reads) => b"reads\0",
        Some(Series::Writes) => b"writes\0",
        Some(Series::ReadBytes) => b"read_bytes\0",
        Some(Series::WriteBytes) => b"write_bytes\0",
        None => return std::ptr::null(),
    };
    name.as_ptr().cast()
}

/// The series with this name (`len` bytes; no zero needs to follow). `series` may be NULL.
///
/// Errors: KEYVIZ_ERR_NOT_FOUND (there is no such series).
#[no_mangle]
pub unsafe extern "C" fn keyviz_series_from_name(name: *const c_char, len: usize, series: *mut u32) -> keyviz_status_t {
    guard(std::ptr::null_mut(), || {
        let name = bytes(name.cast::<c_void>(), len, "name")?;
        let found = Series::from_name(name).ok_or_else(|| Failure::new(KEYVIZ_ERR_NOT_FOUND, "no such series"))?;
        write_out(series, found as u32);
        Ok(())
    })
}

/// What a sampler has, and where its memory is. Begin with KEYVIZ_STATS_INIT.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct keyviz_stats_t {
    /// sizeof(keyviz_stats_t).
    pub type_size: usize,
    /// Registered routes, folded ones included.
    pub routes: u64,
    /// Slots: one per route and label, one per virtual bucket.
    pub slots: u64,
    /// Virtual buckets.
    pub virtual_buckets: u64,
    /// Members of virtual buckets, those that are leaving included.
    pub virtual_members: u64,
    /// Removed routes and buckets that are still drained.
    pub retired: u64,
    /// Columns in the history.
    pub columns: u64,
    /// Lanes in use or at hand, the shared one included.
    pub lanes: u64,
    /// Observations of unknown routes, so far.
    pub missed: u64,
    /// Observations refused as invalid, so far.
    pub refused: u64,
    /// Bytes of counters.
    pub counter_bytes: u64,
    /// Bytes of the routes and the route table.
    pub route_bytes: u64,
    /// Bytes of the history.
    pub history_bytes: u64,
    /// Bytes of hot keys: samples, snapshots, and what columns keep.
    pub hot_key_bytes: u64,
    /// Snapshots of hot keys.
    pub hot_key_snapshots: u64,
    /// Observations that were rolled for, so far: those with a key that is not too long, on routes with slots of their
    /// own, in the series that are tracked. Exact while nobody observes.
    pub hot_keys_rolled: u64,
    /// Observations that were sampled, and keys that were offered, so far. Each is in a snapshot, in the window under
    /// way, dropped or forgotten.
    pub hot_keys_sampled: u64,
    /// Samples that could not be taken, so far.
    pub hot_keys_dropped: u64,
    /// Observations whose key was too long, so far.
    pub hot_keys_skipped: u64,
    /// Samples that went with their removed routes, so far.
    pub hot_keys_forgotten: u64,
}

// SAFETY: integers only, no padding.
unsafe impl Sized0 for keyviz_stats_t {}

/// Fills it with zeros and its type_size, like KEYVIZ_STATS_INIT. NULL is fine.
#[no_mangle]
pub unsafe extern "C" fn keyviz_stats_init(stats: *mut keyviz_stats_t) {
    init(stats);
}

/// Reads the statistics, also of a closed sampler. Takes time in proportion to the routes, during which flushes and
/// registrations wait; observers don't.
///
/// Errors: KEYVIZ_ERR_NULL_POINTER, KEYVIZ_ERR_TYPE_SIZE.
#[no_mangle]
pub unsafe extern "C" fn keyviz_sampler_stats(
    sampler: *const keyviz_sampler_t,
    stats: *mut keyviz_stats_t,
) -> keyviz_status_t {
    guard(std::ptr::null_mut(), || {
        let sampler = &handle::get(sampler)?.sampler;
        check_size(stats, "stats")?;
        let now = sampler.stats();
        let out = keyviz_stats_t {
            type_size: size_of::<keyviz_stats_t>(),
            routes: now.routes,
            slots: now.slots,
            virtual_buckets: now.virtual_buckets,
            virtual_members: now.virtual_members,
            retired: now.retired,
            columns: now.columns,
            lanes: now.lanes,
            missed: now.missed,
            refused: now.refused,
            counter_bytes: now.counter_bytes,
            route_bytes: now.route_bytes,
            history_bytes: now.history_bytes,
            hot_key_bytes: now.hot_key_bytes,
            hot_key_snapshots: now.hot_key_snapshots,
            hot_keys_rolled: now.hot_keys_rolled,
            hot_keys_sampled: now.hot_keys_sampled,
            hot_keys_dropped: now.hot_keys_dropped,
            hot_keys_skipped: now.hot_keys_skipped,
            hot_keys_forgotten: now.hot_keys_forgotten,
        };
        write_struct(stats, "stats", &out)
    })
}

/// A route folded into a virtual bucket that was there.
pub const KEYVIZ_EVENT_ROUTE_FOLDED: u32 = 1;
/// A route folded into a virtual bucket made for it.
pub const KEYVIZ_EVENT_BUCKET_CREATED: u32 = 2;

const _: () = assert!(EventKind::RouteFolded as u32 == KEYVIZ_EVENT_ROUTE_FOLDED);
const _: () = assert!(EventKind::BucketCreated as u32 == KEYVIZ_EVENT_BUCKET_CREATED);

/// Something that the host's log should say. It holds no key bytes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct keyviz_event_t {
    /// sizeof(keyviz_event_t).
    pub type_size: usize,
    /// KEYVIZ_EVENT_*.
    pub kind: u32,
    /// Zero.
    pub reserved: u32,
    /// The route.
    pub route_id: u64,
    /// The synthetic id of the virtual bucket.
    pub bucket_id: u64,
    /// Routes with slots of their own, at that time.
    pub slots_used: u64,
    /// The cap of those.
    pub max_tracked_routes: u64,
    /// Events that were held back since the one before: 16 may come at once, then one per second.
    pub suppressed: u64,
}

// SAFETY: integers only, no padding.
unsafe impl Sized0 for keyviz_event_t {}

/// Fills an event with zeros and its type_size, like KEYVIZ_EVENT_INIT. NULL is fine.
#[no_mangle]
pub unsafe extern "C" fn keyviz_event_init(event: *mut keyviz_event_t) {
    init(event);
}

/// What a host does with an event: `event` is valid during the call, and as long as its type_size says. It runs in the
/// thread whose call caused the event, after that call is done and without any lock, so it may call the library; it must
/// not unwind or longjmp.
pub type keyviz_event_fn = Option<unsafe extern "C" fn(event: *const keyviz_event_t, user_data: *mut c_void)>;

/// Gives events to `callback` from now on; NULL: they wait for keyviz_sampler_poll_events. `user_data` is passed on, and
/// must be usable from every thread that registers routes. The callback that was set before may still be running in
/// another thread when this returns: keep its `user_data` until no thread is in a call that registers routes.
///
/// Errors: KEYVIZ_ERR_NULL_POINTER.
#[no_mangle]
pub unsafe extern "C" fn keyviz_sampler_set_event_callback(
    sampler: *mut keyviz_sampler_t,
    callback: keyviz_event_fn,
    user_data: *mut c_void,
) -> keyviz_status_t {
    guard(std::ptr::null_mut(), || {
        let sampler = &handle::get(sampler)?.sampler;
        // A pointer as an integer may pass between threads, which is what the host has promised of it.
        let user_data = user_data as usize;
        sampler.set_event_handler(callback.map(|callback| -> EventHandler {
            Box::new(move |event| callback(&keyviz_event_t::from(event), user_data as *mut c_void))
        }));
        Ok(())
    })
}

impl From<&Event> for keyviz_event_t {
    fn from(event: &Event) -> Self {
        Self {
            type_size: size_of::<Self>(),
            kind: event.kind as u32,
            reserved: 0,
            route_id: event.route_id,
            bucket_id: event.bucket_id,
            slots_used: event.slots_used,
            max_tracked_routes: event.max_tracked_routes,
            suppressed: event.suppressed,
        }
    }
}

/// Takes up to `capacity` unread events, oldest first, into `events`, an array whose stride is `events[0].type_size`
/// (the others need no preparation); `*count` becomes their number. 256 are kept; then the oldest goes.
///
/// Errors: KEYVIZ_ERR_NULL_POINTER, KEYVIZ_ERR_TYPE_SIZE (no event was taken).
#[no_mangle]
pub unsafe extern "C" fn keyviz_sampler_poll_events(
    sampler: *mut keyviz_sampler_t,
    events: *mut keyviz_event_t,
    capacity: usize,
    count: *mut usize,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        let sampler = &handle::get(sampler)?.sampler;
        if count.is_null() {
            return Err(Failure::null("count"));
        }
        let mut taken = 0;
        if capacity > 0 {
            let stride = check_size(events, "events[0]")?;
            while taken < capacity {
                let Some(event) = sampler.poll_event() else { break };
                let out = keyviz_event_t::from(&event);
                let to = events.cast::<u8>().add(taken * stride);
                // Only the first struct is the caller's to prepare.
                if taken > 0 {
                    to.write_bytes(0, stride);
                    to.cast::<usize>().write_unaligned(stride);
                }
                write_struct(to.cast::<keyviz_event_t>(), "events", &out)?;
                taken += 1;
            }
        }
        write_out(count, taken);
        Ok(())
    })
}
