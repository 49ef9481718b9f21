//! Hot keys: publishing, asking, JSON both ways, and the replies of a cluster as one.

use super::columns::{check_room, copy_bytes};
use super::handle::{self, Handle};
use super::observe::{key, Key};
use super::sampler::{keyviz_sampler_t, now_ns};
use super::status::{guard, keyviz_error_t, keyviz_status_t, Failure, KEYVIZ_ERR_TYPE_SIZE, KEYVIZ_ERR_UNKNOWN_ROUTE, KEYVIZ_OK};
use super::structs::{bytes, check_extent, check_size, init, place, read_struct, write_out, write_struct, Sized0};
use crate::hot_keys::{from_json, to_json, HotKey, HotKeys, HotKeysMerge, HotKeysQuery, DEFAULT_MAX_BYTES};
use crate::label::{Label, Op, Series};
use std::ffi::c_void;
use std::sync::atomic::AtomicU32;

/// A reply to a question about hot keys. It never changes; any number of threads may read it at a time.
// Not as a plain attribute: cbindgen would take the type for a struct that callers may look into.
#[cfg_attr(all(), repr(C))]
pub struct keyviz_hot_keys_t {
    magic: AtomicU32,
    reply: HotKeys,
}

// SAFETY: `repr(C)`, and the word comes first.
unsafe impl Handle for keyviz_hot_keys_t {
    const NAME: &'static str = "hot_keys";
    const MAGIC: u32 = 0x6b76_0005;
    const MAGIC_OFFSET: usize = std::mem::offset_of!(Self, magic);
}

/// keyviz_hot_keys_query_t.sub_bucket counts.
pub const KEYVIZ_HOT_KEYS_SUB_BUCKET: u32 = 1;
/// keyviz_hot_keys_query_t.column counts.
pub const KEYVIZ_HOT_KEYS_COLUMN: u32 = 2;

/// A question about the hot keys of a route. Begin with KEYVIZ_HOT_KEYS_QUERY_INIT, which asks for the writes of the
/// legacy label.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct keyviz_hot_keys_query_t {
    /// sizeof(keyviz_hot_keys_query_t).
    pub type_size: usize,
    /// The route.
    pub route_id: u64,
    /// KEYVIZ_LABEL_*; KEYVIZ_LABEL_LEGACY where labels are off.
    pub label: u32,
    /// KEYVIZ_SERIES_WRITES or KEYVIZ_SERIES_READS.
    pub series: u32,
    /// KEYVIZ_HOT_KEYS_SUB_BUCKET, KEYVIZ_HOT_KEYS_COLUMN.
    pub flags: u32,
    /// With its flag: only the keys of this part of the route's range.
    pub sub_bucket: u32,
    /// With its flag: what the column of this sequence number keeps (see hot_keys_in_columns), not the newest snapshot.
    pub column: u64,
    /// Keys at most; 0: 20. Below 0 is an error; more than 1024, or than a sketch has, gives as many as there are.
    pub top: i64,
    /// The snapshot's window must reach to this time, Unix ms; 0: any.
    pub from_unix_ms: i64,
    /// The snapshot's window must begin by this time, Unix ms; 0: any.
    pub to_unix_ms: i64,
}

// SAFETY: integers only, no padding.
unsafe impl Sized0 for keyviz_hot_keys_query_t {}

/// What a reply says besides its keys. Begin with KEYVIZ_HOT_KEYS_INFO_INIT.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct keyviz_hot_keys_info_t {
    /// sizeof(keyviz_hot_keys_info_t).
    pub type_size: usize,
    /// The route.
    pub route_id: u64,
    /// KEYVIZ_LABEL_*; KEYVIZ_LABEL_UNKNOWN: one that this library does not know, as the JSON can have it.
    pub label: u32,
    /// KEYVIZ_SERIES_WRITES or KEYVIZ_SERIES_READS.
    pub series: u32,
    /// KEYVIZ_HOT_KEYS_SUB_BUCKET, if one was asked for.
    pub flags: u32,
    /// With its flag: the part that was asked for.
    pub sub_bucket: u32,
    /// 1: samples were dropped, keys were skipped, or a node did not answer.
    pub degraded: u32,
    /// Zero.
    pub reserved: u32,
    /// The number of keys.
    pub keys: u64,
    /// Bytes of all keys together.
    pub key_bytes: u64,
    /// One in so many observations was sampled, R.
    pub sample_rate: u64,
    /// Sampled observations of this route, label and series, N; not scaled.
    pub sampled_n: u64,
    /// Samples of any route that could not be taken.
    pub dropped_samples: u64,
    /// Observations of any route whose key was too long to be sampled.
    pub skipped_long_keys: u64,
    /// R x N / m: by how much a count may exceed how often the key was sampled, times R. It is a bound of the sketch, on what
    /// was sampled; that one observation in R is adds an error of about sqrt(R x count) to a count, which no bound covers.
    pub error_bound: u64,
    /// Unix ns: when the snapshot was published.
    pub snapshot_at_ns: i64,
}

// SAFETY: integers only, no padding.
unsafe impl Sized0 for keyviz_hot_keys_info_t {}

/// One key of a reply: count_low <= (how often it was sampled) x R <= count_high. These are bounds of the sketch: with R = 1
/// they hold for the observations themselves; otherwise (samples) x R estimates those, with a standard error of about
/// sqrt(R x count).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct keyviz_hot_key_t {
    /// sizeof(keyviz_hot_key_t).
    pub type_size: usize,
    /// The key. It belongs to the reply, and is valid as long as that.
    pub key: *const c_void,
    /// Bytes of the key.
    pub key_len: usize,
    /// Observations of it, as the sketch counts: sampled, times R.
    pub count: u64,
    /// At least so many.
    pub count_low: u64,
    /// At most so many.
    pub count_high: u64,
}

// SAFETY: integers and pointers only, no padding.
unsafe impl Sized0 for keyviz_hot_key_t {}

/// One node's answer. Begin with KEYVIZ_HOT_KEYS_SOURCE_INIT. Without a reply and without an error, the node answered that
/// it has no snapshot.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct keyviz_hot_keys_source_t {
    /// sizeof(keyviz_hot_keys_source_t).
    pub type_size: usize,
    /// The node's name or address, UTF-8.
    pub node: *const c_void,
    /// Bytes of node.
    pub node_len: usize,
    /// Its reply, with all its keys (ask with a top of 1024); NULL: there is none.
    pub reply: *const keyviz_hot_keys_t,
    /// Why it did not answer, UTF-8; NULL: it did.
    pub error: *const c_void,
    /// Bytes of error.
    pub error_len: usize,
}

// SAFETY: integers and pointers only, no padding.
unsafe impl Sized0 for keyviz_hot_keys_source_t {}

/// Fills it like KEYVIZ_HOT_KEYS_QUERY_INIT: zeros, its type_size, and KEYVIZ_SERIES_WRITES. NULL is fine.
#[no_mangle]
pub unsafe extern "C" fn keyviz_hot_keys_query_init(query: *mut keyviz_hot_keys_query_t) {
    init(query);
    if !query.is_null() {
        (*query).series = Series::Writes as u32;
    }
}

/// Fills it with zeros and its type_size, like KEYVIZ_HOT_KEYS_INFO_INIT. NULL is fine.
#[no_mangle]
pub unsafe extern "C" fn keyviz_hot_keys_info_init(info: *mut keyviz_hot_keys_info_t) {
    init(info);
}

/// Fills it with zeros and its type_size, like KEYVIZ_HOT_KEY_INIT. NULL is fine.
#[no_mangle]
pub unsafe extern "C" fn keyviz_hot_key_init(key: *mut keyviz_hot_key_t) {
    init(key);
}

/// Fills it with zeros and its type_size, like KEYVIZ_HOT_KEYS_SOURCE_INIT. NULL is fine.
#[no_mangle]
pub unsafe extern "C" fn keyviz_hot_keys_source_init(source: *mut keyviz_hot_keys_source_t) {
    init(source);
}

/// Ends the window of hot keys at `now_ns` (Unix ns) and publishes what was sampled in it: call it each step, and once
/// more before keyviz_sampler_close, which forgets everything. A route, label and series of which nothing was sampled in
/// this window, but was in an earlier one, gets an empty snapshot: a reply without keys, not KEYVIZ_ERR_NO_SNAPSHOT.
/// Publications wait for one another; no observer, flush or registration waits, but a removal, a split or a merge of
/// routes does.
///
/// Errors: KEYVIZ_ERR_HOT_KEYS_OFF.
#[no_mangle]
pub unsafe extern "C" fn keyviz_sampler_publish_hot_keys(
    sampler: *mut keyviz_sampler_t,
    now_ns: i64,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || Ok(handle::get(sampler)?.sampler.publish_hot_keys(now_ns)?))
}

/// keyviz_sampler_publish_hot_keys at the time of the system's clock. Errors: as that.
#[no_mangle]
pub unsafe extern "C" fn keyviz_sampler_publish_hot_keys_now(
    sampler: *mut keyviz_sampler_t,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    keyviz_sampler_publish_hot_keys(sampler, now_ns(), err)
}

/// Takes `count` samples of a key from a binding that rolls on its own side: it counts as if an observation had been
/// sampled so often, and nothing is added to the cells. A key that is longer than hot_keys_max_key_len counts `count`
/// times as skipped; a route in a virtual bucket, and a series that is not tracked, are ignored. Never blocks. Each thread
/// that calls it takes a lane, as for keyviz_observe; so threads don't meet, and nothing is dropped. Without a sampler
/// nothing happens, and the call is OK.
///
/// Errors: KEYVIZ_ERR_HOT_KEYS_OFF, KEYVIZ_ERR_UNKNOWN_ROUTE, KEYVIZ_ERR_INVALID_ARGUMENT (op or label is none),
/// KEYVIZ_ERR_NULL_POINTER.
#[no_mangle]
pub unsafe extern "C" fn keyviz_sampler_offer_hot_key(
    sampler: *mut keyviz_sampler_t,
    route_id: u64,
    key: *const c_void,
    key_len: usize,
    op: u32,
    label: u32,
    count: u64,
) -> keyviz_status_t {
    if sampler.is_null() {
        return KEYVIZ_OK;
    }
    guard(std::ptr::null_mut(), || {
        let sampler = &handle::get(sampler)?.sampler;
        let Key::Given(key) = self::key(key, key_len) else { return Err(Failure::null("key")) };
        let op = Op::from_index(op).ok_or_else(|| Failure::invalid(format!("op is {op}")))?;
        let label = Label::from_index(label).ok_or_else(|| Failure::invalid(format!("label is {label}")))?;
        if !sampler.offer_hot_key(route_id, key, op, label, count)? {
            return Err(Failure::new(KEYVIZ_ERR_UNKNOWN_ROUTE, "the route is not registered"));
        }
        Ok(())
    })
}

/// Reads a question from the query string of a URL, without its '?': route_id (required), label (a name), sub_bucket,
/// series (a name), top, from_unix_ms, to_unix_ms, column; other parameters are ignored. `query` begins with its
/// type_size.
///
/// Errors: KEYVIZ_ERR_INVALID_ARGUMENT (the message names the parameter), KEYVIZ_ERR_NULL_POINTER, KEYVIZ_ERR_TYPE_SIZE.
#[no_mangle]
pub unsafe extern "C" fn keyviz_hot_keys_query_parse(
    text: *const c_void,
    len: usize,
    query: *mut keyviz_hot_keys_query_t,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        let text = bytes(text, len, "text")?;
        check_size(query, "query")?;
        let parsed = HotKeysQuery::parse(text)?;
        let flag = |set: bool, flag: u32| if set { flag } else { 0 };
        let out = keyviz_hot_keys_query_t {
            type_size: size_of::<keyviz_hot_keys_query_t>(),
            route_id: parsed.route_id,
            label: parsed.label as u32,
            series: parsed.series as u32,
            flags: flag(parsed.sub_bucket.is_some(), KEYVIZ_HOT_KEYS_SUB_BUCKET)
                | flag(parsed.column.is_some(), KEYVIZ_HOT_KEYS_COLUMN),
            sub_bucket: parsed.sub_bucket.unwrap_or(0),
            column: parsed.column.unwrap_or(0),
            top: parsed.top.unwrap_or(0),
            from_unix_ms: parsed.from_unix_ms,
            to_unix_ms: parsed.to_unix_ms,
        };
        write_struct(query, "query", &out)
    })
}

/// Asks for the hot keys of a route. On success `*out` is the caller's, to free with keyviz_hot_keys_free.
///
/// Errors: KEYVIZ_ERR_HOT_KEYS_OFF, KEYVIZ_ERR_NO_SNAPSHOT, KEYVIZ_ERR_OUT_OF_SNAPSHOT_WINDOW,
/// KEYVIZ_ERR_INVALID_ARGUMENT (a label, series, flag or sub-bucket that there is not, a negative top, from after to),
/// KEYVIZ_ERR_NULL_POINTER, KEYVIZ_ERR_TYPE_SIZE.
#[no_mangle]
pub unsafe extern "C" fn keyviz_hot_keys_query(
    sampler: *const keyviz_sampler_t,
    query: *const keyviz_hot_keys_query_t,
    out: *mut *mut keyviz_hot_keys_t,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        let sampler = &handle::get(sampler)?.sampler;
        let query = checked(&read_struct(query, "query")?)?;
        give(out, || Ok(sampler.query_hot_keys(&query)?))
    })
}

fn checked(query: &keyviz_hot_keys_query_t) -> Result<HotKeysQuery, Failure> {
    if query.flags & !(KEYVIZ_HOT_KEYS_SUB_BUCKET | KEYVIZ_HOT_KEYS_COLUMN) != 0 {
        return Err(Failure::invalid(format!("query.flags is {}", query.flags)));
    }
    let label = Label::from_index(query.label).ok_or_else(|| Failure::invalid(format!("query.label is {}", query.label)))?;
    let series = Series::from_index(query.series).ok_or_else(|| Failure::invalid(format!("query.series is {}", query.series)))?;
    Ok(HotKeysQuery {
        route_id: query.route_id,
        label,
        series,
        sub_bucket: (query.flags & KEYVIZ_HOT_KEYS_SUB_BUCKET != 0).then_some(query.sub_bucket),
        top: (query.top != 0).then_some(query.top),
        from_unix_ms: query.from_unix_ms,
        to_unix_ms: query.to_unix_ms,
        column: (query.flags & KEYVIZ_HOT_KEYS_COLUMN != 0).then_some(query.column),
    })
}

/// Hands a reply out, if there is somewhere to put it.
unsafe fn give(out: *mut *mut keyviz_hot_keys_t, make: impl FnOnce() -> Result<HotKeys, Failure>) -> Result<(), Failure> {
    if out.is_null() {
        return Err(Failure::null("out"));
    }
    let magic = AtomicU32::new(keyviz_hot_keys_t::MAGIC);
    write_out(out, handle::into_raw(keyviz_hot_keys_t { magic, reply: make()? }));
    Ok(())
}

/// Tells what the reply says besides its keys. Errors: KEYVIZ_ERR_NULL_POINTER, KEYVIZ_ERR_TYPE_SIZE.
#[no_mangle]
pub unsafe extern "C" fn keyviz_hot_keys_info(
    hot_keys: *const keyviz_hot_keys_t,
    info: *mut keyviz_hot_keys_info_t,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        let reply = &handle::get(hot_keys)?.reply;
        check_size(info, "info")?;
        let label = Label::from_name(reply.label.as_bytes()).map_or(super::observe::KEYVIZ_LABEL_UNKNOWN, |label| label as u32);
        let out = keyviz_hot_keys_info_t {
            type_size: size_of::<keyviz_hot_keys_info_t>(),
            route_id: reply.route_id,
            label,
            series: reply.series as u32,
            flags: if reply.sub_bucket.is_some() { KEYVIZ_HOT_KEYS_SUB_BUCKET } else { 0 },
            sub_bucket: reply.sub_bucket.unwrap_or(0),
            degraded: reply.degraded.into(),
            reserved: 0,
            keys: reply.keys.len() as u64,
            key_bytes: reply.keys.iter().map(|one| one.key.len() as u64).sum(),
            sample_rate: reply.sample_rate,
            sampled_n: reply.sampled_n,
            dropped_samples: reply.dropped_samples,
            skipped_long_keys: reply.skipped_long_keys,
            error_bound: reply.error_bound,
            snapshot_at_ns: reply.snapshot_at_ns,
        };
        write_struct(info, "info", &out)
    })
}

/// Reads up to `capacity` keys from the `first` on, most counted first, into `keys`, an array whose stride is
/// `keys[0].type_size` (the others need no preparation); `*count` becomes their number.
///
/// Errors: KEYVIZ_ERR_NULL_POINTER, KEYVIZ_ERR_TYPE_SIZE.
#[no_mangle]
pub unsafe extern "C" fn keyviz_hot_keys_entries(
    hot_keys: *const keyviz_hot_keys_t,
    first: usize,
    keys: *mut keyviz_hot_key_t,
    capacity: usize,
    count: *mut usize,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        let reply = &handle::get(hot_keys)?.reply;
        if count.is_null() {
            return Err(Failure::null("count"));
        }
        let wanted = reply.keys.get(first..).unwrap_or_default();
        let wanted = &wanted[..wanted.len().min(capacity)];
        if capacity > 0 {
            let stride = check_size(keys, "keys[0]")?;
            check_extent(wanted.len(), stride, "keys")?;
            for (i, one) in wanted.iter().enumerate() {
                let to = keys.cast::<u8>().add(i * stride);
                // Only the first struct is the caller's to prepare.
                if i > 0 {
                    to.write_bytes(0, stride);
                    to.cast::<usize>().write_unaligned(stride);
                }
                write_struct(to.cast::<keyviz_hot_key_t>(), "keys", &keyviz_hot_key_t::from(one))?;
            }
        }
        write_out(count, wanted.len());
        Ok(())
    })
}

impl From<&HotKey> for keyviz_hot_key_t {
    fn from(one: &HotKey) -> Self {
        Self {
            type_size: size_of::<Self>(),
            key: place(&one.key).cast(),
            key_len: one.key.len(),
            count: one.count,
            count_low: one.count_low,
            count_high: one.count_high,
        }
    }
}

/// Writes the reply as JSON into the caller's buffer (no zero follows). `*size` becomes its length, also when it does
/// not fit.
///
/// Errors: KEYVIZ_ERR_BUFFER_TOO_SMALL, KEYVIZ_ERR_NULL_POINTER.
#[no_mangle]
pub unsafe extern "C" fn keyviz_hot_keys_to_json(
    hot_keys: *const keyviz_hot_keys_t,
    buffer: *mut c_void,
    capacity: usize,
    size: *mut usize,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        let reply = &handle::get(hot_keys)?.reply;
        check_room(buffer, capacity, size)?;
        copy_bytes(&zeroize::Zeroizing::new(to_json(reply)), buffer, capacity, size)
    })
}

/// Reads a reply from JSON that nobody vouches for. `max_bytes`: how much to read at most; 0: 16 MiB. On success `*out`
/// is the caller's, to free with keyviz_hot_keys_free.
///
/// Errors: KEYVIZ_ERR_TOO_LARGE, KEYVIZ_ERR_MALFORMED (the message says at which byte, and quotes nothing of the input),
/// KEYVIZ_ERR_NULL_POINTER.
#[no_mangle]
pub unsafe extern "C" fn keyviz_hot_keys_from_json(
    json: *const c_void,
    len: usize,
    max_bytes: usize,
    out: *mut *mut keyviz_hot_keys_t,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        let json = bytes(json, len, "json")?;
        let max_bytes = if max_bytes == 0 { DEFAULT_MAX_BYTES } else { max_bytes };
        give(out, || Ok(from_json(json, max_bytes)?))
    })
}

/// Merges the answers of a cluster's nodes: `count` sources, whose stride is `sources[0].type_size`, into one reply with
/// at most `top` keys; 0: 20. Counts and bounds add up; it is degraded if a node did not answer. On success `*out` is the
/// caller's, to free with keyviz_hot_keys_free.
///
/// Errors: KEYVIZ_ERR_NO_SNAPSHOT (no source has a reply), KEYVIZ_ERR_INVALID_ARGUMENT (replies to different questions),
/// KEYVIZ_ERR_NULL_POINTER, KEYVIZ_ERR_TYPE_SIZE, KEYVIZ_ERR_INVALID_HANDLE.
#[no_mangle]
pub unsafe extern "C" fn keyviz_hot_keys_merge(
    sources: *const keyviz_hot_keys_source_t,
    count: usize,
    top: usize,
    out: *mut *mut keyviz_hot_keys_t,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        let mut merge = HotKeysMerge::new();
        let stride = if count > 0 { check_size(sources, "sources[0]")? } else { 0 };
        check_extent(count, stride, "sources")?;
        for i in 0..count {
            let at = sources.cast::<u8>().add(i * stride).cast::<keyviz_hot_keys_source_t>();
            let source = read_struct(at, &format!("sources[{i}]"))?;
            if source.type_size != stride {
                let message = format!("sources[{i}].type_size is {}, and that of sources[0] is {stride}", source.type_size);
                return Err(Failure::new(KEYVIZ_ERR_TYPE_SIZE, message));
            }
            let node = String::from_utf8_lossy(bytes(source.node, source.node_len, "node")?);
            if !source.reply.is_null() {
                merge.add(&node, &handle::get(source.reply)?.reply)?;
            } else if !source.error.is_null() {
                merge.add_failure(&node, &String::from_utf8_lossy(bytes(source.error, source.error_len, "error")?));
            } else {
                merge.add_absent(&node);
            }
        }
        let top = if top == 0 { crate::hot_keys::DEFAULT_TOP as usize } else { top };
        give(out, || Ok(merge.finish(top)?))
    })
}

/// Frees a reply. NULL is fine.
#[no_mangle]
pub unsafe extern "C" fn keyviz_hot_keys_free(hot_keys: *mut keyviz_hot_keys_t) {
    guard(std::ptr::null_mut(), || {
        drop(handle::take(hot_keys));
        Ok(())
    });
}
