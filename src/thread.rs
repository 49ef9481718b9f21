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

/// The lane last used for a sampler; all zero: none.
#[repr(C)]
struct Recent {
    sampler: Cell<u64>,
    lane: Cell<*const Lane>,
}

/// Every lane the thread holds, with the id of its sampler.
type Leases = Vec<(u64, Arc<Lane>)>;

/// Thread-local storage in the *initial-exec* model: the thread's table lies at a fixed distance from the thread pointer,
/// and finding it takes no call. (In a shared library, Rust's own `thread_local!` asks the dynamic linker each time,
/// which costs a third of an observation.) A library that is opened late can have so few bytes there, and only with
/// glibc.
#[cfg(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code)]
mod local {
    use super::{Recent, RECENT};

    const BYTES: usize = size_of::<[Recent; RECENT]>();
    const _: () = assert!(BYTES == 128);

    std::arch::global_asm!(
        ".pushsection .tbss.keyviz_thread_lanes,\"awT\",@nobits",
        ".hidden keyviz_thread_lanes",
        ".globl keyviz_thread_lanes",
        ".type keyviz_thread_lanes, @object",
        ".size keyviz_thread_lanes, 128",
        ".p2align 6",
        "keyviz_thread_lanes:",
        ".zero 128",
        ".popsection",
    );

    #[inline(always)]
    pub(super) fn lanes<R>(with: impl FnOnce(&[Recent; RECENT]) -> R) -> R {
        let lanes: *const [Recent; RECENT];
        // SAFETY: reads the thread pointer and an offset that the linker has filled in.
        unsafe {
            std::arch::asm!(
                "mov {0}, qword ptr fs:[0]",
                "add {0}, qword ptr [rip + keyviz_thread_lanes@GOTTPOFF]",
                out(reg) lanes,
                options(pure, readonly, nostack),
            );
        }
        // SAFETY: zeroed memory of the right size and alignment, which is a valid value, and this thread's alone.
        with(unsafe { &*lanes })
    }
}

/// Thread-local storage as the language has it.
#[cfg(not(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu")))]
mod local {
    use super::{Recent, RECENT};
    use std::cell::Cell;

    thread_local! {
        static LANES: [Recent; RECENT] =
            const { [const { Recent { sampler: Cell::new(0), lane: Cell::new(std::ptr::null()) } }; RECENT] };
    }

    #[inline(always)]
    pub(super) fn lanes<R>(with: impl FnOnce(&[Recent; RECENT]) -> R) -> R {
        LANES.with(with)
    }
}

/// The calling thread's lane of a sampler (whose id is never 0), if the fast path knows it.
/// It is alive as long as the sampler is.
#[inline(always)]
pub(crate) fn recent_lane(sampler: u64) -> Option<*const Lane> {
    local::lanes(|lanes| {
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
    local::lanes(|lanes| {
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
    local::lanes(|lanes| lanes.iter().for_each(|recent| recent.sampler.set(0)));
    // SAFETY: pthread hands over the list that `leases` stored, and has cleared the key.
    let leases = unsafe { Box::from_raw(leases.cast::<Leases>()) };
    leases.iter().for_each(|(_, lane)| lane.release());
}
