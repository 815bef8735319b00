//! Ranges of integers.

use core::ops::{Range, RangeInclusive};

use super::{Chunked, Feed, Indexed, Source};

mod sealed {
    /// Arithmetic on a range of places.
    pub trait Steps: Copy {
        const EMPTY: core::ops::RangeInclusive<Self>;
        /// How far `end` lies above `self`: zero if it does not, `None` if `usize` cannot tell.
        fn distance(self, end: Self) -> Option<usize>;
        /// `self + by`; right whenever the sum is a value of the type.
        fn forward(self, by: usize) -> Self;
    }
}

/// An integer whose ranges are sources: `u8` to `u128`, `i8` to `i128`, `usize` and `isize`.
pub trait Integer: sealed::Steps + Ord + Send {}

macro_rules! integers {
    ($($Self:ident),+) => {$(
        impl sealed::Steps for $Self {
            const EMPTY: RangeInclusive<Self> = RangeInclusive::new(1, 0);

            #[inline]
            fn distance(self, end: Self) -> Option<usize> {
                if self >= end {
                    return Some(0);
                }
                usize::try_from(end.abs_diff(self)).ok()
            }

            #[inline]
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_possible_wrap,
                clippy::cast_lossless,
                reason = "the sum is right modulo the width of the type, and it is a value of the type"
            )]
            fn forward(self, by: usize) -> Self {
                self.wrapping_add(by as Self)
            }
        }

        impl Integer for $Self {}
    )+};
}
integers!(
    u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize
);

// One generic impl for each of the two: with one per integer type, a literal range given to a
// function of `u64` would fall back to `i32`.
impl<T: Integer> Source for Range<T>
where
    Range<T>: Iterator<Item = T>,
{
    type Item = T;
    type Chunk = Range<T>;
    type Feed = Self;

    #[inline]
    fn into_feed(self) -> Self {
        self
    }
}

impl<T: Integer> Indexed for Range<T>
where
    Range<T>: Iterator<Item = T>,
{
    #[inline]
    fn from_feed(feed: Self) -> Self {
        feed
    }
}

// SAFETY: integers are values; nothing is owned or shared.
unsafe impl<T: Integer> Feed for Range<T>
where
    Range<T>: Iterator<Item = T>,
{
    type Item = T;
    type Chunk = Range<T>;

    #[inline]
    fn try_len(&self) -> Option<usize> {
        self.start.distance(self.end)
    }

    #[inline]
    unsafe fn chunk(&self, range: Range<usize>) -> Range<T> {
        self.start.forward(range.start)..self.start.forward(range.end)
    }
}

// SAFETY: a range borrows nothing.
unsafe impl<T: Integer> Chunked for Range<T> where Range<T>: Iterator<Item = T> {}

impl<T: Integer> Source for RangeInclusive<T>
where
    RangeInclusive<T>: Iterator<Item = T>,
{
    type Item = T;
    type Chunk = RangeInclusive<T>;
    type Feed = Self;

    #[inline]
    fn into_feed(self) -> Self {
        self
    }
}

impl<T: Integer> Indexed for RangeInclusive<T>
where
    RangeInclusive<T>: Iterator<Item = T>,
{
    #[inline]
    fn from_feed(feed: Self) -> Self {
        feed
    }
}

// SAFETY: integers are values; nothing is owned or shared.
unsafe impl<T: Integer> Feed for RangeInclusive<T>
where
    RangeInclusive<T>: Iterator<Item = T>,
{
    type Item = T;
    type Chunk = RangeInclusive<T>;

    #[inline]
    fn try_len(&self) -> Option<usize> {
        // An exhausted range is empty although its bounds may be equal.
        if self.is_empty() {
            Some(0)
        } else {
            self.start().distance(*self.end())?.checked_add(1)
        }
    }

    #[inline]
    unsafe fn chunk(&self, range: Range<usize>) -> RangeInclusive<T> {
        if range.is_empty() {
            return T::EMPTY;
        }
        self.start().forward(range.start)..=self.start().forward(range.end - 1)
    }
}

// SAFETY: a range borrows nothing.
unsafe impl<T: Integer> Chunked for RangeInclusive<T> where RangeInclusive<T>: Iterator<Item = T> {}
