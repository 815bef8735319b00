//! Zeroed memory for the rings: in place, or from the allocator.
//!
//! Zeroed pages that come fresh from the system cost nothing until they are used, which is why the
//! encoding gives zero a meaning. loom's atomics are no plain words; there they are made one by one.

use core::mem::MaybeUninit;

use crate::sync::{AtomicUsize, UnsafeCell};

/// An array of zeroed entries.
#[cfg(not(ringpool_loom))]
pub(super) const fn zeroed_entries<const N: usize>() -> [AtomicUsize; N] {
    [const { AtomicUsize::new(0) }; N]
}

/// An array of zeroed entries.
#[cfg(ringpool_loom)]
pub(super) fn zeroed_entries<const N: usize>() -> [AtomicUsize; N] {
    core::array::from_fn(|_| AtomicUsize::new(0))
}

/// An array of slots with nothing in them.
#[cfg(not(ringpool_loom))]
pub(super) const fn vacant_slots<T, const N: usize>() -> [UnsafeCell<MaybeUninit<T>>; N] {
    [const { UnsafeCell::new(MaybeUninit::uninit()) }; N]
}

/// An array of slots with nothing in them.
#[cfg(ringpool_loom)]
pub(super) fn vacant_slots<T, const N: usize>() -> [UnsafeCell<MaybeUninit<T>>; N] {
    core::array::from_fn(|_| UnsafeCell::new(MaybeUninit::uninit()))
}

#[cfg(feature = "alloc")]
pub(super) use heap::{Zeroable, zeroed_slice};

#[cfg(feature = "alloc")]
mod heap {
    use alloc::boxed::Box;

    use crate::sync::AtomicUsize;

    /// Types of one word whose default value is all zero bytes.
    ///
    /// # Safety
    /// Outside loom, `size_of::<Self>()` is not zero, and zero bytes are a valid value, equal to
    /// `Self::default()`.
    pub(in crate::ring) unsafe trait Zeroable: Default {}

    // SAFETY: an atomic integer has the layout of the integer.
    unsafe impl Zeroable for AtomicUsize {}

    /// A boxed slice of zeros; `None` if it would be too large or memory is out.
    #[cfg(not(ringpool_loom))]
    pub(in crate::ring) fn zeroed_slice<Z: Zeroable>(len: usize) -> Option<Box<[Z]>> {
        use alloc::alloc::{Layout, alloc_zeroed};
        use core::ptr::{NonNull, slice_from_raw_parts_mut};

        assert!(len > 0, "a ring has a place");
        let layout = Layout::array::<Z>(len).ok()?;
        // SAFETY: the layout's size is not zero, for neither `len` nor the size of `Z` is.
        let memory = unsafe { alloc_zeroed(layout) };
        let first = NonNull::new(memory)?.cast::<Z>();
        let slice = slice_from_raw_parts_mut(first.as_ptr(), len);
        // SAFETY: the global allocator gave this memory for the layout of `[Z]` with `len`
        // elements, it is nobody else's, and its zero bytes are values of `Z`.
        Some(unsafe { Box::from_raw(slice) })
    }

    /// A boxed slice of zeros.
    #[cfg(ringpool_loom)]
    #[allow(clippy::unnecessary_wraps, reason = "one signature for both")]
    pub(in crate::ring) fn zeroed_slice<Z: Zeroable>(len: usize) -> Option<Box<[Z]>> {
        Some((0..len).map(|_| Z::default()).collect())
    }
}
