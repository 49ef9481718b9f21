//! Atomics behind one door, so that a model checker can stand in for them, and the asymmetric fence.
//!
//! The hot path pays for no fence instruction. Where it needs store-load order against a rare event (a removal, a
//! table that goes away), it executes [`light_fence`], which binds the compiler only, and the rare side executes
//! [`heavy_fence`], which makes every running thread of the process execute a real one (`membarrier(2)`, expedited).
//! Together they order like two `SeqCst` fences, which is what they are under loom.

#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicU8, Ordering};

#[cfg(loom)]
pub(crate) use modelled::{AtomicPtr, AtomicU32, AtomicU64, AtomicU8, Canary, Ordering};

/// The hot side's half of the asymmetric fence.
#[inline(always)]
pub(crate) fn light_fence() {
    #[cfg(not(loom))]
    std::sync::atomic::compiler_fence(Ordering::SeqCst);
    #[cfg(loom)]
    loom::sync::atomic::fence(Ordering::SeqCst);
}

/// The rare side's half. `false`: the system has no such fence, and whoever asked must not rely on it.
#[cfg(loom)]
pub(crate) fn heavy_fence() -> bool {
    loom::sync::atomic::fence(Ordering::SeqCst);
    true
}

/// The rare side's half. `false`: the system has no such fence, and whoever asked must not rely on it.
#[cfg(all(not(loom), target_os = "linux"))]
#[allow(unsafe_code)]
pub(crate) fn heavy_fence() -> bool {
    const PRIVATE_EXPEDITED: libc::c_int = 1 << 3;
    const REGISTER_PRIVATE_EXPEDITED: libc::c_int = 1 << 4;
    // SAFETY: membarrier takes three integers and touches no memory of ours.
    let membarrier = |command: libc::c_int| unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 };
    std::sync::atomic::fence(Ordering::SeqCst);
    // A process is registered once; asking again where the command is refused costs a system call and no state.
    membarrier(PRIVATE_EXPEDITED) || (membarrier(REGISTER_PRIVATE_EXPEDITED) && membarrier(PRIVATE_EXPEDITED))
}

/// The rare side's half. `false`: the system has no such fence, and whoever asked must not rely on it.
#[cfg(all(not(loom), not(target_os = "linux")))]
pub(crate) fn heavy_fence() -> bool {
    std::sync::atomic::fence(Ordering::SeqCst);
    false
}

/// Lets another thread go on, in a loop that waits for it for a moment.
pub(crate) fn spin() {
    #[cfg(not(loom))]
    std::hint::spin_loop();
    #[cfg(loom)]
    loom::thread::yield_now();
}

/// Memory that one thread at a time has, by a protocol of atomics; the model checker finds two that do at once.
#[cfg(not(loom))]
#[repr(transparent)]
pub(crate) struct Handed<T>(std::cell::UnsafeCell<T>);
#[cfg(loom)]
pub(crate) struct Handed<T>(loom::cell::UnsafeCell<T>);

impl<T> Handed<T> {
    #[cfg(not(loom))]
    pub fn new(value: T) -> Self {
        Self(std::cell::UnsafeCell::new(value))
    }

    #[cfg(loom)]
    pub fn new(value: T) -> Self {
        Self(loom::cell::UnsafeCell::new(value))
    }

    /// Lets the thread whose turn it is at the memory.
    #[inline(always)]
    pub fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        #[cfg(not(loom))]
        return f(self.0.get());
        #[cfg(loom)]
        self.0.with_mut(f)
    }
}

/// Marks a branch as one that is hardly ever taken.
#[cold]
#[inline(always)]
pub(crate) fn unlikely() {}

/// Lets another thread go on, in a loop that may wait for it for long.
pub(crate) fn yield_now() {
    #[cfg(not(loom))]
    std::thread::yield_now();
    #[cfg(loom)]
    loom::thread::yield_now();
}

/// loom's atomics, each access preceded by a step that all threads share.
///
/// loom leaves out orders that make no difference, and judges that by the last access to a location alone: a thread that
/// reads a counter and then writes it hides the race with another thread that read it before. The shared step depends
/// on every other one, so every order is tried; being relaxed, it orders no memory.
///
/// Each has a [`Canary`]: an access that is not ordered before the drop of what it accesses, or comes after it, is found.
#[cfg(loom)]
mod modelled {
    pub(crate) use loom::sync::atomic::Ordering;

    loom::lazy_static! {
        static ref STEP: loom::sync::atomic::AtomicUsize = loom::sync::atomic::AtomicUsize::new(0);
    }

    fn step() {
        STEP.fetch_add(1, Ordering::Relaxed);
    }

    /// Tells uses that a drop does not happen after: use after free, in whichever order it was tried.
    pub(crate) struct Canary(loom::cell::UnsafeCell<()>);

    impl Canary {
        pub fn new() -> Self {
            Self(loom::cell::UnsafeCell::new(()))
        }

        /// What it stands in is used.
        pub fn used(&self) {
            self.0.with(|_| ());
        }
    }

    impl Drop for Canary {
        fn drop(&mut self) {
            self.0.with_mut(|_| ());
        }
    }

    macro_rules! atomic {
        ($name:ident $(<$parameter:ident>)?, $value:ty) => {
            pub(crate) struct $name $(<$parameter>)? (loom::sync::atomic::$name $(<$parameter>)?, Canary);

            #[allow(dead_code)]
            impl $(<$parameter>)? $name $(<$parameter>)? {
                pub fn new(value: $value) -> Self {
                    Self(loom::sync::atomic::$name::new(value), Canary::new())
                }

                pub fn load(&self, order: Ordering) -> $value {
                    step();
                    self.1.used();
                    self.0.load(order)
                }

                pub fn store(&self, value: $value, order: Ordering) {
                    step();
                    self.1.used();
                    self.0.store(value, order);
                }

                pub fn swap(&self, value: $value, order: Ordering) -> $value {
                    step();
                    self.1.used();
                    self.0.swap(value, order)
                }

                pub fn compare_exchange(
                    &self,
                    current: $value,
                    new: $value,
                    success: Ordering,
                    failure: Ordering,
                ) -> Result<$value, $value> {
                    step();
                    self.1.used();
                    self.0.compare_exchange(current, new, success, failure)
                }
            }

            impl $(<$parameter>)? Default for $name $(<$parameter>)? {
                fn default() -> Self {
                    Self(Default::default(), Canary::new())
                }
            }
        };
    }

    atomic!(AtomicU8, u8);
    atomic!(AtomicU32, u32);
    atomic!(AtomicU64, u64);
    atomic!(AtomicPtr<T>, *mut T);

    impl AtomicU64 {
        pub fn fetch_add(&self, value: u64, order: Ordering) -> u64 {
            step();
            self.1.used();
            self.0.fetch_add(value, order)
        }

        pub fn fetch_sub(&self, value: u64, order: Ordering) -> u64 {
            step();
            self.1.used();
            self.0.fetch_sub(value, order)
        }
    }
}
