//! Borrowed sources: slices, arrays and vectors behind a reference, and their iterators.

use core::fmt;
use core::marker::PhantomData;
use core::ops::Range;
use core::{slice, slice::Iter, slice::IterMut};

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

use super::{Chunked, Feed, source};

source!(['a, T: Sync] &'a [T], &'a T, &'a [T]);
source! {
    ['a, T: Sync, const N: usize] &'a [T; N], &'a T, &'a [T];
    Self: |source| source, |feed| feed
}
source! {
    ['a, T: Sync] Iter<'a, T>, &'a T, &'a [T];
    &'a [T]: |source| source.as_slice(), |feed| feed.iter()
}
#[cfg(feature = "alloc")]
source!(['a, T: Sync] &'a Vec<T>, &'a T, &'a [T]);

// SAFETY: each chunk borrows the user's slice for `'a`.
unsafe impl<T: Sync> Chunked for &[T] {}
// SAFETY: as for a slice.
unsafe impl<T: Sync, const N: usize> Chunked for &[T; N] {}
// SAFETY: as for a slice.
unsafe impl<T: Sync> Chunked for Iter<'_, T> {}
// SAFETY: as for a slice.
#[cfg(feature = "alloc")]
unsafe impl<T: Sync> Chunked for &Vec<T> {}

/// Feeds references out of shared data, with no unsafe step: indexing checks the range.
macro_rules! shared_feed {
    ($(#[$attribute:meta])* [$($generics:tt)*] $Self:ty, $T:ty) => {
        $(#[$attribute])*
        // SAFETY: each index is one item of the slice; items are shared references, which may be
        // handed out from any thread, since `Item: Send` asks for `T: Sync`.
        unsafe impl<$($generics)*> Feed for $Self {
            type Item = &'a $T;
            type Chunk = &'a [$T];

            #[inline]
            fn try_len(&self) -> Option<usize> {
                Some(<[$T]>::len(*self))
            }

            #[inline]
            unsafe fn chunk(&self, range: Range<usize>) -> &'a [$T] {
                let items: $Self = *self;
                &items[range]
            }
        }
    };
}
shared_feed!(['a, T: Sync] &'a [T], T);
shared_feed!(['a, T: Sync, const N: usize] &'a [T; N], T);
shared_feed!(#[cfg(feature = "alloc")] ['a, T: Sync] &'a Vec<T>, T);

/// The feed of a mutable slice: its parts, so that moving the feed asserts nothing about the items.
#[doc(hidden)]
pub struct MutFeed<'a, T> {
    items: *mut T,
    len: usize,
    borrow: PhantomData<&'a mut [T]>,
}

// SAFETY: it stands for the `&'a mut [T]` it was made from, which is `Send` if `T` is.
unsafe impl<T: Send> Send for MutFeed<'_, T> {}

impl<'a, T> MutFeed<'a, T> {
    fn new(items: &'a mut [T]) -> Self {
        Self {
            items: items.as_mut_ptr(),
            len: items.len(),
            borrow: PhantomData,
        }
    }

    /// Turns a feed that never saw a call of `chunk` (F4) back into the slice.
    fn into_slice(self) -> &'a mut [T] {
        // SAFETY: the parts of a slice that is mutably borrowed for `'a`. Safe code cannot call
        // `chunk`, and whoever did may not move the feed into here (F2).
        unsafe { slice::from_raw_parts_mut(self.items, self.len) }
    }
}

impl<T> fmt::Debug for MutFeed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MutFeed")
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

// SAFETY: ranges that do not overlap become slices that do not overlap.
unsafe impl<'a, T: Send> Feed for MutFeed<'a, T> {
    type Item = &'a mut T;
    type Chunk = &'a mut [T];

    #[inline]
    fn try_len(&self) -> Option<usize> {
        Some(self.len)
    }

    #[inline]
    unsafe fn chunk(&self, range: Range<usize>) -> &'a mut [T] {
        debug_assert!(range.start <= range.end && range.end <= self.len);
        // SAFETY: the range lies within the slice (F1).
        let first = unsafe { self.items.add(range.start) };
        // SAFETY:
        // - within the slice (F1), which is borrowed for `'a`;
        // - no index is taken twice (F1), so nobody else has a reference to these items. The pointer
        //   comes from the whole slice's borrow, so chunks are siblings below it: under Stacked and
        //   Tree Borrows alike, using one leaves its disjoint siblings alone. The feed itself never
        //   goes through `items` again.
        unsafe { slice::from_raw_parts_mut(first, range.end - range.start) }
    }
}

source! {
    ['a, T: Send] &'a mut [T], &'a mut T, &'a mut [T];
    MutFeed<'a, T>: |source| MutFeed::new(source), |feed| feed.into_slice()
}
source! {
    ['a, T: Send] IterMut<'a, T>, &'a mut T, &'a mut [T];
    MutFeed<'a, T>: |source| MutFeed::new(source.into_slice()), |feed| feed.into_slice().iter_mut()
}
source! {
    ['a, T: Send, const N: usize] &'a mut [T; N], &'a mut T, &'a mut [T];
    MutFeed<'a, T>: |source| MutFeed::new(source), |feed| {
        let Ok(array) = feed.into_slice().try_into() else { unreachable!("a feed of another length") };
        array
    }
}

/// The feed of a mutable vector: that of its items, and the way back to the vector.
#[cfg(feature = "alloc")]
#[doc(hidden)]
pub struct VecMutFeed<'a, T> {
    items: MutFeed<'a, T>,
    vec: *mut Vec<T>,
}

// SAFETY: it stands for the `&'a mut Vec<T>` it was made from, which is `Send` if `T` is.
#[cfg(feature = "alloc")]
unsafe impl<T: Send> Send for VecMutFeed<'_, T> {}

#[cfg(feature = "alloc")]
impl<'a, T> VecMutFeed<'a, T> {
    fn new(source: &'a mut Vec<T>) -> Self {
        let vec: *mut Vec<T> = source;
        // SAFETY: just made from a reference that is not used beside it.
        let items: &'a mut [T] = unsafe { &mut *vec };
        Self {
            items: MutFeed::new(items),
            vec,
        }
    }

    /// Turns a feed that never saw a call of `chunk` (F4) back into the vector.
    fn into_vec(self) -> &'a mut Vec<T> {
        // SAFETY: the vector is mutably borrowed for `'a`, and `items` ends here without a chunk.
        unsafe { &mut *self.vec }
    }
}

#[cfg(feature = "alloc")]
impl<T> fmt::Debug for VecMutFeed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.items.fmt(f)
    }
}

// SAFETY: that of the slice, unchanged.
#[cfg(feature = "alloc")]
unsafe impl<'a, T: Send> Feed for VecMutFeed<'a, T> {
    type Item = &'a mut T;
    type Chunk = &'a mut [T];

    #[inline]
    fn try_len(&self) -> Option<usize> {
        self.items.try_len()
    }

    #[inline]
    unsafe fn chunk(&self, range: Range<usize>) -> &'a mut [T] {
        // SAFETY: the caller's contract is passed on.
        unsafe { self.items.chunk(range) }
    }
}

#[cfg(feature = "alloc")]
source! {
    ['a, T: Send] &'a mut Vec<T>, &'a mut T, &'a mut [T];
    VecMutFeed<'a, T>: |source| VecMutFeed::new(source), |feed| feed.into_vec()
}

// SAFETY: each chunk borrows its own part of the user's slice for `'a`.
unsafe impl<T: Send> Chunked for &mut [T] {}
// SAFETY: as for a slice.
unsafe impl<T: Send> Chunked for IterMut<'_, T> {}
// SAFETY: as for a slice.
unsafe impl<T: Send, const N: usize> Chunked for &mut [T; N] {}
// SAFETY: as for a slice.
#[cfg(feature = "alloc")]
unsafe impl<T: Send> Chunked for &mut Vec<T> {}
