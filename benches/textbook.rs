//! The textbook sampler in Rust behind a C ABI, the peer of `keyviz_observe` in `observe.c`: one map behind an `ArcSwap`,
//! keyed by (route, label), and two atomic additions.

#![allow(unsafe_code, clippy::missing_safety_doc)]

use arc_swap::ArcSwap;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

#[derive(Default)]
struct Counters {
    reads: AtomicU64,
    writes: AtomicU64,
    read_bytes: AtomicU64,
    write_bytes: AtomicU64,
}

/// A textbook sampler.
pub struct Textbook {
    slots: ArcSwap<HashMap<(u64, u8), Arc<Counters>>>,
}

/// Makes one with the routes 1 to `routes`, all labels.
#[no_mangle]
pub extern "C" fn textbook_new(routes: u64) -> *mut Textbook {
    let ids = (1..=routes).flat_map(|id| (0..6).map(move |label| (id, label)));
    let slots = ArcSwap::from_pointee(ids.map(|slot| (slot, Arc::default())).collect());
    Box::into_raw(Box::new(Textbook { slots }))
}

/// Frees one.
#[no_mangle]
pub unsafe extern "C" fn textbook_free(textbook: *mut Textbook) {
    drop(Box::from_raw(textbook));
}

/// Counts one request.
#[no_mangle]
pub unsafe extern "C" fn textbook_observe(
    textbook: *const Textbook,
    route_id: u64,
    key: *const u8,
    key_len: usize,
    op: u32,
    value_len: u64,
    label: u32,
) -> i32 {
    if textbook.is_null() || (key.is_null() && key_len > 0) || op > 1 || label > 5 {
        return 1;
    }
    let slots = (*textbook).slots.load();
    let Some(counters) = slots.get(&(route_id, label as u8)) else { return 7 };
    let (operations, volume) = match op {
        1 => (&counters.writes, &counters.write_bytes),
        _ => (&counters.reads, &counters.read_bytes),
    };
    operations.fetch_add(1, Ordering::Relaxed);
    volume.fetch_add(key_len as u64 + value_len, Ordering::Relaxed);
    0
}
