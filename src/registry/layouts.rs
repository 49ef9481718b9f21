//! Where the layouts of sub-divided routes stand: side by side, so that those of many routes take few lines and pages of the
//! caches that observers share with them. None ever moves.

use crate::meta::heap_bytes;
use crate::table::Layout;
use std::ops::Deref;
use std::ptr::NonNull;

/// Places in a chunk.
const CHUNK: usize = if cfg!(loom) { 2 } else { 64 };

/// Memory for layouts, in chunks that stay until the end.
#[derive(Default)]
pub(super) struct Layouts {
    /// The first place of each.
    chunks: Vec<NonNull<Layout>>,
    free: Vec<NonNull<Layout>>,
}

/// A layout in its place. It must be gone when [`Layouts`] goes.
pub(super) struct Placed(NonNull<Layout>);

impl Layouts {
    /// Gives a layout a place.
    #[allow(unsafe_code)]
    pub fn place(&mut self, layout: Layout) -> Placed {
        let place = self.free.pop().unwrap_or_else(|| self.grow());
        // SAFETY: a free place is memory for a layout, in a chunk, and nobody else has it.
        unsafe { place.write(layout) };
        Placed(place)
    }

    /// One more chunk; its first place, the others are free.
    #[allow(unsafe_code)]
    fn grow(&mut self) -> NonNull<Layout> {
        let first = NonNull::from(Box::leak(Box::<[Layout; CHUNK]>::new_uninit())).cast::<Layout>();
        self.chunks.push(first);
        // SAFETY: the chunk has so many places.
        self.free.extend((1..CHUNK).rev().map(|i| unsafe { first.add(i) }));
        first
    }

    /// Takes a place back that no observer can hold any more.
    pub fn give_back(&mut self, placed: Placed) {
        self.free.push(placed.0);
    }

    /// Bytes of memory behind them.
    pub fn bytes(&self) -> usize {
        // An aligned allocation has a gap before it.
        let chunk = heap_bytes(size_of::<[Layout; CHUNK]>() + align_of::<Layout>());
        self.chunks.len() * chunk + heap_bytes(self.chunks.capacity() * 8) + heap_bytes(self.free.capacity() * 8)
    }
}

impl Drop for Layouts {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        for first in &self.chunks {
            // SAFETY: `grow` leaked the chunk, and no layout is left in it.
            drop(unsafe { Box::from_raw(first.cast::<std::mem::MaybeUninit<[Layout; CHUNK]>>().as_ptr()) });
        }
    }
}

// SAFETY: the memory belongs to whoever has this; layouts may go to another thread.
#[allow(unsafe_code)]
unsafe impl Send for Layouts {}

impl Deref for Placed {
    type Target = Layout;

    #[allow(unsafe_code)]
    fn deref(&self) -> &Layout {
        // SAFETY: `place` wrote it, it is only read since then, and the memory stays as long as this.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for Placed {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        // SAFETY: as in `deref`, and this is the only one that has it.
        unsafe { self.0.drop_in_place() };
    }
}

// SAFETY: a layout may be used from any thread, and so may its address.
#[allow(unsafe_code)]
unsafe impl Send for Placed {}
