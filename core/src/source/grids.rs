//! Index grids: tuples of `Range<usize>`, in row-major order.

use core::fmt;
use core::iter::FusedIterator;
use core::marker::PhantomData;
use core::ops::Range;

use super::{Chunked, Feed, source};

mod sealed {
    /// Made from three coordinates, of which a flat grid leaves the first at zero.
    pub trait FromCoordinates: Copy + Send {
        fn from_coordinates(at: [usize; 3]) -> Self;
    }
}

/// A place in an index grid: `(usize, usize)` or `(usize, usize, usize)`.
pub trait Cell: sealed::FromCoordinates {}

impl sealed::FromCoordinates for (usize, usize) {
    #[inline]
    fn from_coordinates([_, row, column]: [usize; 3]) -> Self {
        (row, column)
    }
}
impl Cell for (usize, usize) {}

impl sealed::FromCoordinates for (usize, usize, usize) {
    #[inline]
    fn from_coordinates(at: [usize; 3]) -> Self {
        at.into()
    }
}
impl Cell for (usize, usize, usize) {}

/// A run of places in an index grid, the last axis going fastest.
pub struct Grid<C> {
    axes: [Range<usize>; 3],
    at: [usize; 3],
    left: usize,
    cells: PhantomData<fn() -> C>,
}

/// How many places a grid has: zero if an axis is empty, `None` if `usize` cannot tell.
pub(super) fn places(axes: &[Range<usize>]) -> Option<usize> {
    if axes.iter().any(Range::is_empty) {
        return Some(0);
    }
    axes.iter()
        .try_fold(1_usize, |product, axis| product.checked_mul(axis.len()))
}

impl<C> Grid<C> {
    pub(super) fn new(axes: [Range<usize>; 3], range: Range<usize>) -> Self {
        let left = range.len();
        let mut at = axes.each_ref().map(|axis| axis.start);
        if left > 0 {
            let mut rest = range.start;
            for (coordinate, axis) in at.iter_mut().zip(&axes).rev() {
                *coordinate += rest % axis.len();
                rest /= axis.len();
            }
        }
        Self {
            axes,
            at,
            left,
            cells: PhantomData,
        }
    }
}

impl<C: Cell> Iterator for Grid<C> {
    type Item = C;

    #[inline]
    fn next(&mut self) -> Option<C> {
        self.left = self.left.checked_sub(1)?;
        let cell = C::from_coordinates(self.at);
        for (coordinate, axis) in self.at.iter_mut().zip(&self.axes).rev() {
            *coordinate += 1;
            if *coordinate < axis.end {
                break;
            }
            *coordinate = axis.start;
        }
        Some(cell)
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<C: Cell> ExactSizeIterator for Grid<C> {}
impl<C: Cell> FusedIterator for Grid<C> {}

impl<C> fmt::Debug for Grid<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grid")
            .field("axes", &self.axes)
            .field("at", &self.at)
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}

source!([] (Range<usize>, Range<usize>), (usize, usize), Grid<(usize, usize)>);
source!([] (Range<usize>, Range<usize>, Range<usize>), (usize, usize, usize), Grid<(usize, usize, usize)>);

// SAFETY: indices are values; nothing is owned or shared.
unsafe impl Feed for (Range<usize>, Range<usize>) {
    type Item = (usize, usize);
    type Chunk = Grid<(usize, usize)>;

    #[inline]
    fn try_len(&self) -> Option<usize> {
        places(&[self.0.clone(), self.1.clone()])
    }

    #[inline]
    unsafe fn chunk(&self, range: Range<usize>) -> Self::Chunk {
        Grid::new([0..1, self.0.clone(), self.1.clone()], range)
    }
}

// SAFETY: as for two axes.
unsafe impl Feed for (Range<usize>, Range<usize>, Range<usize>) {
    type Item = (usize, usize, usize);
    type Chunk = Grid<(usize, usize, usize)>;

    #[inline]
    fn try_len(&self) -> Option<usize> {
        places(&[self.0.clone(), self.1.clone(), self.2.clone()])
    }

    #[inline]
    unsafe fn chunk(&self, range: Range<usize>) -> Self::Chunk {
        Grid::new([self.0.clone(), self.1.clone(), self.2.clone()], range)
    }
}

// SAFETY: a run of indices borrows nothing.
unsafe impl Chunked for (Range<usize>, Range<usize>) {}
// SAFETY: as for two axes.
unsafe impl Chunked for (Range<usize>, Range<usize>, Range<usize>) {}
