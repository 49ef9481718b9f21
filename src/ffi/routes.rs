//! Registering, removing, splitting and merging routes.

use super::columns::{check_buffer, copy_out};
use super::handle;
use super::sampler::{keyviz_sampler_t, now_ns};
use super::status::{guard, keyviz_error_t, keyviz_status_t, Failure, KEYVIZ_ERR_NOT_FOUND, KEYVIZ_ERR_TYPE_SIZE};
use super::structs::{bytes, check_extent, check_size, init, read_struct, slice, write_out, Sized0};
use crate::registry::RouteSpec;
use std::ffi::c_void;

/// The route has slots of its own.
pub const KEYVIZ_PLACEMENT_INDIVIDUAL: u32 = 0;
/// The route counts in a virtual bucket.
pub const KEYVIZ_PLACEMENT_COARSENED: u32 = 1;

/// Take a range whose start is not below its end (it is never sub-divided), instead of refusing it.
pub const KEYVIZ_ROUTE_ANY_RANGE: u32 = 1;

/// A route: the key range [start, end). Begin with KEYVIZ_ROUTE_INIT. The bounds are copied.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct keyviz_route_t {
    /// sizeof(keyviz_route_t).
    pub type_size: usize,
    /// The route's id; any value.
    pub route_id: u64,
    /// The Raft group that owns it; 0: unknown.
    pub group_id: u64,
    /// First key; NULL with length 0: the least key.
    pub start: *const c_void,
    /// Bytes of start.
    pub start_len: usize,
    /// First key past the range.
    pub end: *const c_void,
    /// Bytes of end; 0: unbounded.
    pub end_len: usize,
    /// Flags: KEYVIZ_ROUTE_ANY_RANGE.
    pub flags: u32,
    /// Zero.
    pub reserved: u32,
}

// SAFETY: integers and pointers only, no padding.
unsafe impl Sized0 for keyviz_route_t {}

/// Fills a route with zeros and its type_size, like KEYVIZ_ROUTE_INIT. NULL is fine.
#[no_mangle]
pub unsafe extern "C" fn keyviz_route_init(route: *mut keyviz_route_t) {
    init(route);
}

/// Reads an array of routes; its stride is the first one's type_size.
unsafe fn specs<'a>(routes: *const keyviz_route_t, count: usize) -> Result<Vec<RouteSpec<'a>>, Failure> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let stride = check_size(routes, "routes[0]")?;
    check_extent(count, stride, "routes")?;
    let mut specs = Vec::with_capacity(count.min(1 << 20));
    for i in 0..count {
        let at = routes.cast::<u8>().add(i * stride).cast::<keyviz_route_t>();
        let what = format!("routes[{i}]");
        if at.cast::<usize>().read_unaligned() != stride {
            let message = format!("{what}.type_size is not that of routes[0], which is {stride}");
            return Err(Failure::new(KEYVIZ_ERR_TYPE_SIZE, message));
        }
        let route = read_struct(at, &what)?;
        if route.flags & !KEYVIZ_ROUTE_ANY_RANGE != 0 || route.reserved != 0 {
            return Err(Failure::invalid(format!("{what} has flags that there are not")));
        }
        specs.push(RouteSpec {
            route_id: route.route_id,
            group_id: route.group_id,
            start: bytes(route.start, route.start_len, &format!("{what}.start"))?,
            end: bytes(route.end, route.end_len, &format!("{what}.end"))?,
            any_range: route.flags & KEYVIZ_ROUTE_ANY_RANGE != 0,
        });
    }
    Ok(specs)
}

/// Registers a route. `*placement` (NULL is fine) becomes KEYVIZ_PLACEMENT_INDIVIDUAL or _COARSENED. A route that is
/// registered already stays as it is, also when range or group differ: to change it, remove it first. One that was
/// removed not long ago (max(2 steps, 5 s)) comes back with its counters. O(log n), and no observer waits.
///
/// Errors: KEYVIZ_ERR_INVALID_RANGE, KEYVIZ_ERR_NULL_POINTER, KEYVIZ_ERR_TYPE_SIZE, KEYVIZ_ERR_INVALID_ARGUMENT,
/// KEYVIZ_ERR_ROUTE_EXISTS (the id is a virtual bucket's), KEYVIZ_ERR_NO_MEMORY (not even a place in a virtual bucket fits
/// into the memory limit).
#[no_mangle]
pub unsafe extern "C" fn keyviz_sampler_register_route(
    sampler: *mut keyviz_sampler_t,
    route: *const keyviz_route_t,
    placement: *mut u32,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    if route.is_null() {
        return guard(err, || Err(Failure::null("route")));
    }
    keyviz_sampler_register_routes(sampler, route, 1, placement, err)
}

/// Registers many routes, all or none: if one is invalid, nothing is registered. `routes` is an array of `count`
/// structs, all with the type_size of the first; `placements` is NULL or has room for `count` numbers. An id that comes
/// twice is registered once. O(n log n) in all. Errors: as keyviz_sampler_register_route.
#[no_mangle]
pub unsafe extern "C" fn keyviz_sampler_register_routes(
    sampler: *mut keyviz_sampler_t,
    routes: *const keyviz_route_t,
    count: usize,
    placements: *mut u32,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        let sampler = handle::get(sampler)?;
        let specs = specs(routes, count)?;
        sampler.sampler.register_routes(&specs, |i, placement| store(placements, i, placement as u32))?;
        Ok(())
    })
}

unsafe fn store(placements: *mut u32, i: usize, placement: u32) {
    if !placements.is_null() {
        write_out(placements.add(i), placement);
    }
}

/// Removes a route at `now_ns` (Unix ns); of an id that is not registered nothing happens, and the call is OK. What was
/// counted stays: flushes drain it until max(2 steps, 5 s) after `now_ns`.
///
/// Errors: KEYVIZ_ERR_NULL_POINTER, KEYVIZ_ERR_CLOSED.
#[no_mangle]
pub unsafe extern "C" fn keyviz_sampler_remove_route(
    sampler: *mut keyviz_sampler_t,
    route_id: u64,
    now_ns: i64,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        handle::get(sampler)?.sampler.remove_route(route_id, now_ns)?;
        Ok(())
    })
}

/// keyviz_sampler_remove_route at the time of the system's clock. Errors: as that.
#[no_mangle]
pub unsafe extern "C" fn keyviz_sampler_remove_route_now(
    sampler: *mut keyviz_sampler_t,
    route_id: u64,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    keyviz_sampler_remove_route(sampler, route_id, now_ns(), err)
}

/// Replaces a route by the `count` routes that it was split into, in one step, at `now_ns` (Unix ns): the children are
/// registered before the parent retires, so that no observation misses in between, and their rows name the parent. A
/// child may keep the parent's id (and then its counters and sub-buckets). `placements` is NULL or has room for `count`
/// numbers. All or nothing. Ranges are the host's: that the children cover the parent's, and don't overlap, is not checked,
/// as it is not when routes are registered.
///
/// Errors: KEYVIZ_ERR_UNKNOWN_ROUTE (the parent), KEYVIZ_ERR_ROUTE_EXISTS (a child), KEYVIZ_ERR_INVALID_ARGUMENT (no child,
/// or one is named twice), those of keyviz_sampler_register_route.
#[no_mangle]
pub unsafe extern "C" fn keyviz_sampler_apply_split(
    sampler: *mut keyviz_sampler_t,
    parent_id: u64,
    children: *const keyviz_route_t,
    count: usize,
    placements: *mut u32,
    now_ns: i64,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        let sampler = handle::get(sampler)?;
        let children = specs(children, count)?;
        let placed = |i, placement| store(placements, i, placement as u32);
        sampler.sampler.succeed_routes(&[parent_id], &children, now_ns, placed)?;
        Ok(())
    })
}

/// keyviz_sampler_apply_split at the time of the system's clock. Errors: as that.
#[no_mangle]
pub unsafe extern "C" fn keyviz_sampler_apply_split_now(
    sampler: *mut keyviz_sampler_t,
    parent_id: u64,
    children: *const keyviz_route_t,
    count: usize,
    placements: *mut u32,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    keyviz_sampler_apply_split(sampler, parent_id, children, count, placements, now_ns(), err)
}

/// Replaces `count` routes by the one that they were merged into, in one step, at `now_ns` (Unix ns): the child is
/// registered before its parents retire, so that no observation misses in between, and its rows name them. The child may
/// keep the id of one parent. `*placement` (NULL is fine) becomes KEYVIZ_PLACEMENT_*. All or nothing.
///
/// Errors: KEYVIZ_ERR_UNKNOWN_ROUTE (a parent), KEYVIZ_ERR_INVALID_ARGUMENT (no parent, or one is named twice),
/// KEYVIZ_ERR_ROUTE_EXISTS (the child), those of keyviz_sampler_register_route.
#[no_mangle]
pub unsafe extern "C" fn keyviz_sampler_apply_merge(
    sampler: *mut keyviz_sampler_t,
    parent_ids: *const u64,
    count: usize,
    child: *const keyviz_route_t,
    placement: *mut u32,
    now_ns: i64,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        let sampler = handle::get(sampler)?;
        let parents = slice(parent_ids, count, "parent_ids")?;
        if child.is_null() {
            return Err(Failure::null("child"));
        }
        let child = specs(child, 1)?;
        let placed = |i, placed| store(placement, i, placed as u32);
        sampler.sampler.succeed_routes(parents, &child, now_ns, placed)?;
        Ok(())
    })
}

/// keyviz_sampler_apply_merge at the time of the system's clock. Errors: as that.
#[no_mangle]
pub unsafe extern "C" fn keyviz_sampler_apply_merge_now(
    sampler: *mut keyviz_sampler_t,
    parent_ids: *const u64,
    count: usize,
    child: *const keyviz_route_t,
    placement: *mut u32,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    keyviz_sampler_apply_merge(sampler, parent_ids, count, child, placement, now_ns(), err)
}

/// From the next flush on, the rows of the group carry this leader term. Group 0 is none, and is ignored.
///
/// Errors: KEYVIZ_ERR_NULL_POINTER, KEYVIZ_ERR_CLOSED.
#[no_mangle]
pub unsafe extern "C" fn keyviz_sampler_set_leader_term(
    sampler: *mut keyviz_sampler_t,
    group_id: u64,
    term: u64,
) -> keyviz_status_t {
    guard(std::ptr::null_mut(), || {
        handle::get(sampler)?.sampler.set_leader_term(group_id, term)?;
        Ok(())
    })
}

/// The bounds of one sub-bucket of a registered route (or of a virtual bucket, by its synthetic id). Writes up to
/// `capacity` bytes: the lower bound, and right behind it the upper one; `*start_len` and `*end_len` become their
/// lengths, an end of 0 bytes is unbounded. If they don't fit, the lengths are written and the status is
/// KEYVIZ_ERR_BUFFER_TOO_SMALL.
///
/// Errors: KEYVIZ_ERR_NOT_FOUND (no such route, or it counts in a virtual bucket; no such part).
#[no_mangle]
pub unsafe extern "C" fn keyviz_sampler_sub_bucket_bounds(
    sampler: *const keyviz_sampler_t,
    route_id: u64,
    sub_bucket: u32,
    buffer: *mut c_void,
    capacity: usize,
    start_len: *mut usize,
    end_len: *mut usize,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        let bounds = handle::get(sampler)?.sampler.sub_bucket_bounds(route_id, sub_bucket)?;
        let (start, end) = bounds
            .ok_or_else(|| Failure::new(KEYVIZ_ERR_NOT_FOUND, format!("route {route_id} has no sub-bucket {sub_bucket}")))?;
        check_buffer(buffer, capacity)?;
        write_out(start_len, start.len());
        write_out(end_len, end.len());
        copy_out(&[&start, &end], buffer, capacity)
    })
}
