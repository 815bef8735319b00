//! What went wrong in a batch, chunk by chunk.
//!
//! A chunk fails by a panic, or because its function asks for the end of the batch. A caught panic is a
//! value on the heap, and so is an error that is kept for `try_map`: so where there is no allocator there is
//! only one way to leave values out besides the cut of a batch, that a worker skips its share of a static
//! batch, and a bit for each worker tells it all. With an allocator each failure is a node of a list.

#[cfg(feature = "alloc")]
mod listed;
// Its tests run wherever there are tests.
#[cfg(any(test, not(feature = "alloc")))]
#[cfg_attr(feature = "alloc", allow(dead_code))]
mod marked;

#[cfg(feature = "alloc")]
pub(crate) use listed::{Failures, Holes};
#[cfg(not(feature = "alloc"))]
pub(crate) use marked::{Failures, Holes};

use crate::panic::Panic;
use core::ops::Range;

/// All failures of a batch, taken together.
pub(crate) struct Summary {
    /// Where there are no values.
    pub(crate) holes: Holes,
    /// The panic of the lowest index.
    pub(crate) panic: Option<(usize, Panic)>,
}

/// The part of a batch that was cut off, if it was.
fn cut_off(len: usize, cut: usize) -> Option<Range<usize>> {
    (cut < len).then_some(cut..len)
}
