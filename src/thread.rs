//! Which lane the calling thread holds, per sampler.
//!
//! The answer stands in a small direct-mapped table in thread-local storage that needs no destructor (one would keep
//! a shared object from being unloaded cleanly), so the hot path is one compare. Behind it, the list of all the
//! thread's leases belongs to a pthread key, whose destructor gives the lanes back when the thread ends.

use crate::lane::Lane;
use once_cell::sync::OnceCell;
use std::cell::Cell;
use std::sync::Arc;

/// Samplers that a thread can alternate between without leaving the fast path; a power of two.
const RECENT: usize = 8;

/// The lane last used for a sampler.
struct Recent {
    sampler: Cell<u64>,
    lane: Cell<*const Lane>,
}

/// Every lane the thread holds, with the id of its sampler.
type Leases = Vec<(u64, Arc<Lane>)>;

thread_local! {
    static LANES: [Recent; RECENT] =
        const { [const { Recent { sampler: Cell::new(0), lane: Cell::new(std::ptr::null()) } }; RECENT] };
}

/// The calling thread's lane of a sampler (whose id is never 0), if the fast path knows it.
/// It is alive as long as the sampler is.
#[inline(always)]
pub(crate) fn recent_lane(sampler: u64) -> Option<*const Lane> {
    LANES.with(|lanes| {
        let recent = &lanes[sampler as usize % RECENT];
        (recent.sampler.get() == sampler).then(|| recent.lane.get())
    })
}

/// The calling thread's lane of a sampler, leased if it holds none. `None`: there is none to lease, or the system
/// can't tell us when the thread ends.
#[cold]
pub(crate) fn leased_lane(sampler: u64, lease: impl FnOnce() -> Option<Arc<Lane>>) -> Option<*const Lane> {
    let leases = leases()?;
    let lane = match leases.iter().find(|(id, _)| *id == sampler) {
        Some((_, lane)) => Arc::as_ptr(lane),
        None => {
            leases.retain(|(_, lane)| !lane.is_retired());
            let lane = lease()?;
            let address = Arc::as_ptr(&lane);
            leases.push((sampler, lane));
            address
        }
    };
    LANES.with(|lanes| {
        let recent = &lanes[sampler as usize % RECENT];
        recent.lane.set(lane);
        recent.sampler.set(sampler);
    });
    Some(lane)
}

/// The calling thread's list, made at the first call.
#[allow(unsafe_code)]
fn leases() -> Option<&'static mut Leases> {
    static KEY: OnceCell<Option<libc::pthread_key_t>> = OnceCell::new();
    let key = (*KEY.get_or_init(|| {
        let mut key = 0;
        // SAFETY: `key` is ours to write, and the destructor is a function of this library, which is never unloaded
        // (`-z nodelete`).
        (unsafe { libc::pthread_key_create(&mut key, Some(end_of_thread)) } == 0).then_some(key)
    }))?;
    // SAFETY: the key's value is null or the list that this thread stored; nothing else refers to it, and the one
    // reference handed out is dropped before the next call.
    unsafe {
        let mut leases = libc::pthread_getspecific(key).cast::<Leases>();
        if leases.is_null() {
            leases = Box::into_raw(Box::default());
            if libc::pthread_setspecific(key, leases.cast()) != 0 {
                drop(Box::from_raw(leases));
                return None;
            }
        }
        Some(&mut *leases)
    }
}

/// Gives the ended thread's lanes back. A later destructor of the thread may observe again: it leases anew.
#[allow(unsafe_code)]
unsafe extern "C" fn end_of_thread(leases: *mut libc::c_void) {
    LANES.with(|lanes| lanes.iter().for_each(|recent| recent.sampler.set(0)));
    // SAFETY: pthread hands over the list that `leases` stored, and has cleared the key.
    let leases = unsafe { Box::from_raw(leases.cast::<Leases>()) };
    leases.iter().for_each(|(_, lane)| lane.release());
}
