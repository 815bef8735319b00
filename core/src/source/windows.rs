//! Sources whose items are slices: the chunk iterators and windows of a slice.

use core::fmt;
use core::iter::FusedIterator;
use core::mem::{self, MaybeUninit};
use core::ops::Range;
use core::ptr;
use core::slice::{Chunks, ChunksExact, ChunksExactMut, ChunksMut, Windows};

use super::{Chunked, Feed, source};

source!(['a, T: Sync] Chunks<'a, T>, &'a [T], Chunks<'a, T>);
source!(['a, T: Sync] ChunksExact<'a, T>, &'a [T], ChunksExact<'a, T>);
source!(['a, T: Sync] Windows<'a, T>, &'a [T], Windows<'a, T>);
source!(['a, T: Send] ChunksMut<'a, T>, &'a mut [T], Run<ChunksMut<'a, T>>);
source!(['a, T: Send] ChunksExactMut<'a, T>, &'a mut [T], Run<ChunksExactMut<'a, T>>);

/// Narrows a copy of `items` to `range`, with no step per item.
fn narrow<I>(items: &I, range: Range<usize>) -> I
where
    I: Clone + DoubleEndedIterator + ExactSizeIterator,
{
    let mut part = items.clone();
    let behind = part.len() - range.end;
    if range.start > 0 {
        part.nth(range.start - 1);
    }
    if behind > 0 {
        part.nth_back(behind - 1);
    }
    part
}

macro_rules! shared_feed {
    ($($Self:ident),+) => {$(
        // SAFETY: a narrowed copy of a shared iterator; its items are shared references, which may
        // be handed out from any thread, since `Item: Send` asks for `T: Sync`.
        unsafe impl<'a, T: Sync> Feed for $Self<'a, T> {
            type Item = &'a [T];
            type Chunk = Self;

            #[inline]
            fn try_len(&self) -> Option<usize> {
                Some(ExactSizeIterator::len(self))
            }

            #[inline]
            unsafe fn chunk(&self, range: Range<usize>) -> Self {
                narrow(self, range)
            }
        }

        // SAFETY: each chunk borrows the user's slice for `'a`.
        unsafe impl<T: Sync> Chunked for $Self<'_, T> {}
    )+};
}
shared_feed!(Chunks, ChunksExact, Windows);

/// A run of the slices that `ChunksMut` or `ChunksExactMut` gives out.
///
/// # How one iterator of mutable slices is shared out
///
/// Neither type can be cloned or cut. A run is a bitwise copy of the whole iterator that goes with
/// `nth` straight to its first slice, and no further than its last. This asserts nothing about the
/// slices of others, under Stacked Borrows and Tree Borrows alike, because:
///
/// - Both hold the slice they cut as a raw pointer, and their `next` and `nth` cut that pointer
///   before they make a reference, to the one slice they return. The standard library needs the same
///   of them to zip them by index.
/// - `ChunksExactMut` holds a true reference as well, to the remainder. A copy therefore lives in a
///   `MaybeUninit`, where moving it is not a use of that reference, and neither method touches it.
///
/// A run never calls a method that would return a slice to be thrown away, such as `nth` on the place
/// before its first: that slice is somebody else's.
pub struct Run<I> {
    /// Always initialised.
    slices: MaybeUninit<I>,
    /// How many slices are to be passed over before the next.
    skip: usize,
    /// How many slices are still to come.
    left: usize,
}

impl<I> Run<I> {
    /// Copies `slices` and takes `range` of it.
    ///
    /// # Safety
    ///
    /// - `I` is `ChunksMut` or `ChunksExactMut`.
    /// - `range` lies within it, and nobody else takes the slices of `range`.
    unsafe fn new(slices: &I, range: Range<usize>) -> Self {
        debug_assert!(range.start <= range.end);
        Self {
            // SAFETY: valid for reading, as a reference; the type read does not own anything.
            slices: unsafe { ptr::from_ref(slices).cast::<MaybeUninit<I>>().read() },
            skip: range.start,
            left: range.end - range.start,
        }
    }
}

impl<I: Iterator> Iterator for Run<I> {
    type Item = I::Item;

    #[inline]
    fn next(&mut self) -> Option<I::Item> {
        self.left = self.left.checked_sub(1)?;
        let skip = mem::take(&mut self.skip);
        // SAFETY: always initialised.
        let slices = unsafe { self.slices.assume_init_mut() };
        slices.nth(skip)
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<I: Iterator> ExactSizeIterator for Run<I> {}
impl<I: Iterator> FusedIterator for Run<I> {}

impl<I> fmt::Debug for Run<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}

macro_rules! mutable_feed {
    ($($Self:ident),+) => {$(
        // SAFETY: a run takes the slices of its range and no other; slices of different places do
        // not overlap.
        unsafe impl<'a, T: Send> Feed for $Self<'a, T> {
            type Item = &'a mut [T];
            type Chunk = Run<Self>;

            #[inline]
            fn try_len(&self) -> Option<usize> {
                Some(ExactSizeIterator::len(self))
            }

            #[inline]
            unsafe fn chunk(&self, range: Range<usize>) -> Run<Self> {
                debug_assert!(range.end <= ExactSizeIterator::len(self));
                // SAFETY: one of the two types; no index is taken twice (F1).
                unsafe { Run::new(self, range) }
            }
        }

        // SAFETY: each run borrows its own part of the user's slice for `'a`.
        unsafe impl<T: Send> Chunked for $Self<'_, T> {}
    )+};
}
mutable_feed!(ChunksMut, ChunksExactMut);
