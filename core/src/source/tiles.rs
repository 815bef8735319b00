//! Index grids in tiles: rectangles of indices, whose loops stay within a part of each axis.

use core::fmt;
use core::iter::FusedIterator;
use core::marker::PhantomData;
use core::ops::Range;

use super::grids::{Grid, places};
use super::{Chunked, Feed, source};

mod sealed {
    use core::ops::Range;

    /// Made of three ranges, of which a flat grid has `0..1` as the first.
    pub trait Axes: Send {
        type Size;
        fn into_three(self) -> [Range<usize>; 3];
        fn from_three(axes: [Range<usize>; 3]) -> Self;
        fn sizes(size: Self::Size) -> [usize; 3];
    }
}

/// The axes of an index grid, or of one tile of it: two or three ranges of `usize`.
pub trait Axes: sealed::Axes {}

impl sealed::Axes for (Range<usize>, Range<usize>) {
    type Size = (usize, usize);
    #[inline]
    fn into_three(self) -> [Range<usize>; 3] {
        [0..1, self.0, self.1]
    }
    #[inline]
    fn from_three([_, rows, columns]: [Range<usize>; 3]) -> Self {
        (rows, columns)
    }
    #[inline]
    fn sizes((rows, columns): Self::Size) -> [usize; 3] {
        [1, rows, columns]
    }
}
impl Axes for (Range<usize>, Range<usize>) {}

impl sealed::Axes for (Range<usize>, Range<usize>, Range<usize>) {
    type Size = (usize, usize, usize);
    #[inline]
    fn into_three(self) -> [Range<usize>; 3] {
        self.into()
    }
    #[inline]
    fn from_three(axes: [Range<usize>; 3]) -> Self {
        axes.into()
    }
    #[inline]
    fn sizes(size: Self::Size) -> [usize; 3] {
        size.into()
    }
}
impl Axes for (Range<usize>, Range<usize>, Range<usize>) {}

/// An index grid cut into tiles; made by [`tiles`].
#[must_use = "a source does nothing until it is given to a batch"]
pub struct Tiles<A> {
    axes: [Range<usize>; 3],
    /// At least one each.
    size: [usize; 3],
    kind: PhantomData<fn() -> A>,
}

/// Cuts a grid of two or three ranges into tiles of the given size along each axis, in row-major order; the last ones
/// may be smaller. A size of 0 counts as 1.
///
/// What a loop reads around an index is still in the cache when a tile comes back to it, where rows are too long for that.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use ringpool_core::source::tiles;
/// # use ringpool_std::Std;
///
/// let pool = ringpool_core::Pool::<Std>::new()?;
/// let areas = pool.map(tiles((0..100, 0..50), (64, 32)), |(rows, columns)| {
///     rows.len() * columns.len()
/// })?;
/// assert_eq!(areas, [64 * 32, 64 * 18, 36 * 32, 36 * 18]);
/// # Ok(()) }
/// ```
pub fn tiles<A: Axes>(grid: A, size: A::Size) -> Tiles<A> {
    Tiles {
        axes: grid.into_three(),
        size: A::sizes(size).map(|along| along.max(1)),
        kind: PhantomData,
    }
}

/// A run of neighbouring tiles.
pub struct TileRun<A> {
    axes: [Range<usize>; 3],
    size: [usize; 3],
    /// The tiles by their numbers along each axis.
    numbers: Grid<(usize, usize, usize)>,
    kind: PhantomData<fn() -> A>,
}

impl<A> Tiles<A> {
    /// How many tiles there are along each axis.
    fn counts(&self) -> [Range<usize>; 3] {
        core::array::from_fn(|axis| 0..self.axes[axis].len().div_ceil(self.size[axis]))
    }
}

impl<A: Axes> Iterator for TileRun<A> {
    type Item = A;

    #[inline]
    fn next(&mut self) -> Option<A> {
        let numbers: [usize; 3] = self.numbers.next()?.into();
        let tile = core::array::from_fn(|axis| {
            let Range { start, end } = self.axes[axis];
            let start = start + numbers[axis] * self.size[axis];
            start..end.min(start.saturating_add(self.size[axis]))
        });
        Some(A::from_three(tile))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.numbers.size_hint()
    }
}

impl<A: Axes> ExactSizeIterator for TileRun<A> {}
impl<A: Axes> FusedIterator for TileRun<A> {}

impl<A> Clone for Tiles<A> {
    fn clone(&self) -> Self {
        Self {
            axes: self.axes.clone(),
            ..*self
        }
    }
}

impl<A> fmt::Debug for Tiles<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tiles")
            .field("axes", &self.axes)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

impl<A> fmt::Debug for TileRun<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TileRun")
            .field("numbers", &self.numbers)
            .finish_non_exhaustive()
    }
}

source!([A: Axes] Tiles<A>, A, TileRun<A>);

// SAFETY: ranges of indices are values; nothing is owned or shared.
unsafe impl<A: Axes> Feed for Tiles<A> {
    type Item = A;
    type Chunk = TileRun<A>;

    #[inline]
    fn try_len(&self) -> Option<usize> {
        places(&self.counts())
    }

    #[inline]
    unsafe fn chunk(&self, range: Range<usize>) -> TileRun<A> {
        TileRun {
            axes: self.axes.clone(),
            size: self.size,
            numbers: Grid::new(self.counts(), range),
            kind: PhantomData,
        }
    }
}

// SAFETY: a run of tiles borrows nothing.
unsafe impl<A: Axes> Chunked for Tiles<A> {}
