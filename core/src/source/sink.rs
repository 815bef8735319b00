//! Where results go that are not collected into a new vector.

use core::mem::MaybeUninit;

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

/// Where `map_into` writes its results: `[R]`, `[R; N]`, `[MaybeUninit<R>]`, `[MaybeUninit<R>; N]`
/// and `Vec<R>`, which is cleared first and keeps its allocation. With the feature `heapless` also that crate's
/// `Vec<R, N>`, which is cleared first and takes `N` results at most.
///
/// ```
/// use ringpool_core::source::Sink;
///
/// fn takes<R, O: Sink<R> + ?Sized>(_: &mut O) {}
/// takes::<f32, _>(&mut [0.0; 4]);
/// takes::<f32, _>(&mut [0.0; 4][..2]);
/// ```
///
/// # Safety
///
/// `room` returns `len` places that are valid for writing, next to each other, as long as the sink is
/// borrowed and not otherwise used. They hold values if `ASSIGN` is true.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot take results of type `{R}`",
    label = "a slice, array or vector of `{R}`, or a slice of `MaybeUninit<{R}>`, can"
)]
pub unsafe trait Sink<R> {
    /// Whether the places hold values, so that writing has to drop the old one.
    #[doc(hidden)]
    const ASSIGN: bool;

    /// Makes room for `len` results and returns the first place; `None`, with the sink as it was, if
    /// there is no such room.
    #[doc(hidden)]
    fn room(&mut self, len: usize) -> Option<*mut R>;

    /// Takes the results that were written into the room.
    ///
    /// # Safety
    ///
    /// `room(len)` was the last call, and all its places hold values.
    #[doc(hidden)]
    unsafe fn commit(&mut self, _len: usize) {}
}

// SAFETY: the places are the first of the slice, and they hold values.
unsafe impl<R> Sink<R> for [R] {
    const ASSIGN: bool = true;

    fn room(&mut self, len: usize) -> Option<*mut R> {
        Some(self.get_mut(..len)?.as_mut_ptr())
    }
}

// SAFETY: those of the slice.
unsafe impl<R, const N: usize> Sink<R> for [R; N] {
    const ASSIGN: bool = true;

    fn room(&mut self, len: usize) -> Option<*mut R> {
        self.as_mut_slice().room(len)
    }
}

// SAFETY: the places are the first of the slice; `MaybeUninit<R>` has the layout of `R`.
unsafe impl<R> Sink<R> for [MaybeUninit<R>] {
    const ASSIGN: bool = false;

    fn room(&mut self, len: usize) -> Option<*mut R> {
        Some(self.get_mut(..len)?.as_mut_ptr().cast())
    }
}

// SAFETY: those of the slice.
unsafe impl<R, const N: usize> Sink<R> for [MaybeUninit<R>; N] {
    const ASSIGN: bool = false;

    fn room(&mut self, len: usize) -> Option<*mut R> {
        self.as_mut_slice().room(len)
    }
}

// SAFETY: the vector is empty and has the capacity for `len` values.
#[cfg(feature = "alloc")]
unsafe impl<R> Sink<R> for Vec<R> {
    const ASSIGN: bool = false;

    fn room(&mut self, len: usize) -> Option<*mut R> {
        // Reserved before the old values go, so that a refusal leaves them.
        self.try_reserve_exact(len.saturating_sub(self.len()))
            .ok()?;
        self.clear();
        Some(self.as_mut_ptr())
    }

    unsafe fn commit(&mut self, len: usize) {
        debug_assert!(self.is_empty() && len <= self.capacity());
        // SAFETY: within the capacity that `room` reserved; the caller wrote all values.
        unsafe { self.set_len(len) }
    }
}

// SAFETY: the vector is empty and has the capacity for `len` values.
#[cfg(feature = "heapless")]
unsafe impl<R, const N: usize> Sink<R> for heapless::Vec<R, N> {
    const ASSIGN: bool = false;

    fn room(&mut self, len: usize) -> Option<*mut R> {
        // Asked before the old values go, so that a refusal leaves them.
        if len > N {
            return None;
        }
        self.clear();
        Some(self.spare_capacity_mut().as_mut_ptr().cast())
    }

    unsafe fn commit(&mut self, len: usize) {
        debug_assert!(self.is_empty() && len <= N);
        // SAFETY: within the capacity; the caller wrote all values.
        unsafe { self.set_len(len) }
    }
}
