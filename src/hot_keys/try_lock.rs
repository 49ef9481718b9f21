//! A lock that the hot side only ever tries: it never waits, and giving it back is one store, which wakes nobody. The
//! rare side spins for it, since it is never held for longer than a sample takes.

use crate::sync::{AtomicU32, Ordering};
use std::cell::UnsafeCell;
use std::ops::{Deref, DerefMut};

/// A value behind such a lock.
#[derive(Default)]
pub(super) struct TryLock<T> {
    /// 1: held.
    held: AtomicU32,
    value: UnsafeCell<T>,
}

/// The value, while it is held.
pub(super) struct Held<'a, T>(&'a TryLock<T>);

// SAFETY: one thread at a time reaches the value, and what it did is released to the next.
#[allow(unsafe_code)]
unsafe impl<T: Send> Sync for TryLock<T> {}

impl<T> TryLock<T> {
    /// Takes the lock, unless it is held.
    #[inline]
    pub fn try_lock(&self) -> Option<Held<'_, T>> {
        self.held.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed).is_ok().then(|| Held(self))
    }

    /// Takes the lock, in the end.
    pub fn lock(&self) -> Held<'_, T> {
        for _ in 0..100 {
            if let Some(held) = self.try_lock() {
                return held;
            }
            crate::sync::spin();
        }
        loop {
            if let Some(held) = self.try_lock() {
                return held;
            }
            crate::sync::yield_now();
        }
    }
}

impl<T> Deref for Held<'_, T> {
    type Target = T;

    #[allow(unsafe_code)]
    fn deref(&self) -> &T {
        // SAFETY: whoever has a `Held` holds the lock, and is the only one.
        unsafe { &*self.0.value.get() }
    }
}

impl<T> DerefMut for Held<'_, T> {
    #[allow(unsafe_code)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`.
        unsafe { &mut *self.0.value.get() }
    }
}

impl<T> Drop for Held<'_, T> {
    fn drop(&mut self) {
        self.0.held.store(0, Ordering::Release);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_held_by_one() {
        let lock = TryLock::<u64>::default();
        let held = lock.try_lock().expect("it is free");
        assert!(lock.try_lock().is_none());
        drop(held);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..10_000).for_each(|_| *lock.lock() += 1));
            }
        });
        assert_eq!(*lock.lock(), 40_000);
    }
}
