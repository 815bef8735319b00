//! Sources that own their items: arrays, vectors, boxed slices and what is left of a vector.

use core::fmt;
use core::iter::FusedIterator;
use core::marker::PhantomData;
use core::mem::{ManuallyDrop, needs_drop};
use core::ops::Range;

#[cfg(feature = "alloc")]
use alloc::{boxed::Box, vec, vec::Vec};

use super::{Feed, source};

/// Items moved out of a source that owned them; those not taken are dropped with it.
///
/// It reads from the source's memory and never writes there: an item is moved out before it is
/// dropped. Several of them may therefore work on one buffer beside shared references to it.
pub struct Owned<T> {
    /// The first item that was not taken.
    next: *const T,
    /// How many items were not taken.
    left: usize,
    items: PhantomData<T>,
}

// SAFETY: an `Owned` is the only owner of its items, as a vector is, and shares nothing else.
unsafe impl<T: Send> Send for Owned<T> {}
// SAFETY: a shared reference gives out no access to the items, only their number.
unsafe impl<T: Sync> Sync for Owned<T> {}

impl<T> Owned<T> {
    /// Takes over `range` of the items that start at `items`.
    ///
    /// # Safety
    ///
    /// - `items` is valid for reading everything up to `range.end` as long as the result lives.
    /// - The items of `range` are initialised, and nobody else reads, drops or writes them.
    unsafe fn new(items: *const T, range: Range<usize>) -> Self {
        debug_assert!(range.start <= range.end);
        Self {
            // SAFETY: `range.start` lies within the items or at their end.
            next: unsafe { items.add(range.start) },
            left: range.end - range.start,
            items: PhantomData,
        }
    }
}

impl<T> Iterator for Owned<T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        self.left = self.left.checked_sub(1)?;
        let item = self.next;
        // SAFETY: there was at least one item left, so this is at most the end of the items.
        self.next = unsafe { item.add(1) };
        // SAFETY: initialised and ours alone; it was just counted out, so it is read once.
        Some(unsafe { item.read() })
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<T> DoubleEndedIterator for Owned<T> {
    #[inline]
    fn next_back(&mut self) -> Option<T> {
        self.left = self.left.checked_sub(1)?;
        // SAFETY: `left` was at least one more, so the place lies within the items.
        let item = unsafe { self.next.add(self.left) };
        // SAFETY: initialised and ours alone; it was just counted out, so it is read once.
        Some(unsafe { item.read() })
    }
}

impl<T> ExactSizeIterator for Owned<T> {}
impl<T> FusedIterator for Owned<T> {}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        /// Drops what a panicking item left behind.
        struct Rest<'a, T>(&'a mut Owned<T>);

        impl<T> Drop for Rest<'_, T> {
            fn drop(&mut self) {
                self.0.for_each(drop);
            }
        }

        if needs_drop::<T>() {
            let rest = Rest(self);
            rest.0.for_each(drop);
        }
    }
}

impl<T> fmt::Debug for Owned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Owned")
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}

source!([T: Send, const N: usize] [T; N], T, Owned<T>);

// SAFETY: `chunk` is the only way items leave the array, and `release` drops none.
unsafe impl<T: Send, const N: usize> Feed for [T; N] {
    type Item = T;
    type Chunk = Owned<T>;

    #[inline]
    fn try_len(&self) -> Option<usize> {
        Some(N)
    }

    #[inline]
    unsafe fn chunk(&self, range: Range<usize>) -> Owned<T> {
        debug_assert!(range.end <= N);
        // SAFETY:
        // - the array stays in place while chunks live (F2, F3);
        // - each item is taken once (F1), and the array is not dropped after `release` (F2).
        unsafe { Owned::new(self.as_ptr(), range) }
    }

    unsafe fn release(_: &mut ManuallyDrop<Self>) {}
}

#[cfg(feature = "alloc")]
source!([T: Send] Vec<T>, T, Owned<T>);
#[cfg(feature = "alloc")]
source! {
    [T: Send] Box<[T]>, T, Owned<T>;
    Vec<T>: |source| source.into_vec(), |feed| feed.into_boxed_slice()
}
#[cfg(feature = "alloc")]
source! {
    [T: Send] vec::IntoIter<T>, T, Owned<T>;
    Vec<T>: |source| source.collect(), |feed| feed.into_iter()
}

// SAFETY: `chunk` is the only way items leave the vector, and `release` drops none.
#[cfg(feature = "alloc")]
unsafe impl<T: Send> Feed for Vec<T> {
    type Item = T;
    type Chunk = Owned<T>;

    #[inline]
    fn try_len(&self) -> Option<usize> {
        Some(self.len())
    }

    #[inline]
    unsafe fn chunk(&self, range: Range<usize>) -> Owned<T> {
        debug_assert!(range.end <= self.len());
        // SAFETY:
        // - the buffer lives as long as the vector, which no chunk outlives (F2, F3);
        // - each item is taken once (F1), and `release` drops none of them.
        unsafe { Owned::new(self.as_ptr(), range) }
    }

    unsafe fn release(this: &mut ManuallyDrop<Self>) {
        // SAFETY: zero is within the capacity, and no item has to be initialised.
        unsafe { this.set_len(0) };
        // SAFETY: the caller uses the feed no more (F2).
        unsafe { ManuallyDrop::drop(this) }
    }
}
