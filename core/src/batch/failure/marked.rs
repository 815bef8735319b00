//! Failures without an allocator: one bit for each worker that has skipped its share.

use core::ops::Range;

use super::super::static_range;
#[cfg(not(feature = "alloc"))]
use super::Summary;
use super::cut_off;
use crate::sync::{AtomicUsize, Ordering};
#[cfg(not(feature = "alloc"))]
use crate::{panic::Panic, platform::Platform};

/// The ranges without values, none of which was begun.
pub(crate) struct Holes {
    /// One bit for each worker. Only a static batch has shares to skip, and it is not cut.
    skipped: usize,
    workers: usize,
    len: usize,
    cut: usize,
}

impl Holes {
    pub(crate) fn is_empty(&self) -> bool {
        self.ranges().next().is_none()
    }

    /// All of them, in order.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = Range<usize>> {
        (0..self.workers)
            .filter(|index| self.skipped >> index & 1 != 0)
            .map(|index| static_range(self.len, self.workers, index))
            .filter(|share| !share.is_empty())
            .chain(cut_off(self.len, self.cut))
    }

    /// Those that were never begun: their items are still in the feed.
    pub(crate) fn skipped(&self) -> impl Iterator<Item = Range<usize>> {
        self.ranges()
    }
}

/// The failures of a batch.
pub(crate) struct Failures {
    skipped: AtomicUsize,
    /// How many workers have shares; every skip writes the same.
    workers: AtomicUsize,
}

impl Failures {
    pub(crate) fn new() -> Self {
        Self {
            skipped: AtomicUsize::new(0),
            workers: AtomicUsize::new(0),
        }
    }

    /// Never called: without an allocator neither a panic nor an error can be kept.
    #[cfg(not(feature = "alloc"))]
    #[cold]
    #[expect(
        clippy::unused_self,
        clippy::needless_pass_by_value,
        reason = "as where there is an allocator"
    )]
    pub(crate) fn fail(&self, _: Range<usize>, panic: Option<(usize, Panic)>) {
        debug_assert!(panic.is_none());
        unreachable!("without an allocator no chunk ends its batch");
    }

    /// Notes that the share of worker `index` in a static batch of `len` items was never begun.
    #[cold]
    pub(crate) fn skip(&self, _len: usize, workers: usize, index: usize) {
        debug_assert!(index < workers && workers <= usize::BITS as usize);
        // Relaxed, both: the region's latch publishes them to the caller.
        self.workers.store(workers, Ordering::Relaxed);
        self.skipped.fetch_or(1 << index, Ordering::Relaxed);
    }

    /// Takes the failures of a batch that has ended together, with the cut.
    #[cfg(not(feature = "alloc"))]
    #[expect(
        clippy::extra_unused_type_parameters,
        reason = "as where there is an allocator"
    )]
    pub(crate) fn take<P: Platform>(&self, len: usize, cut: usize) -> Summary {
        Summary {
            holes: self.holes(len, cut),
            panic: None,
        }
    }

    fn holes(&self, len: usize, cut: usize) -> Holes {
        Holes {
            skipped: self.skipped.load(Ordering::Relaxed),
            workers: self.workers.load(Ordering::Relaxed),
            len,
            cut,
        }
    }
}

#[cfg(all(test, not(ringpool_loom)))]
mod tests {
    use super::*;
    use std::vec::Vec;

    /// All holes, and those that were never begun.
    fn all(failures: &Failures, len: usize, cut: usize) -> [Vec<(usize, usize)>; 2] {
        let holes = failures.holes(len, cut);
        let all: Vec<_> = holes.ranges().map(|hole| (hole.start, hole.end)).collect();
        let skipped = holes.skipped().map(|hole| (hole.start, hole.end)).collect();
        assert_eq!(holes.is_empty(), all.is_empty());
        [all, skipped]
    }

    #[test]
    fn what_was_cut_off_is_a_hole() {
        let failures = Failures::new();
        assert_eq!(all(&failures, 10, 10), [[], []]);
        assert_eq!(all(&failures, 10, 4), [[(4, 10)], [(4, 10)]]);
    }

    #[test]
    fn skipped_shares_are_holes_in_order_of_their_workers() {
        let failures = Failures::new();
        failures.skip(10, 4, 3);
        failures.skip(10, 4, 0);
        assert_eq!(
            all(&failures, 10, 10),
            [[(0, 3), (8, 10)], [(0, 3), (8, 10)]]
        );
    }

    #[test]
    fn a_share_without_items_is_no_hole() {
        let failures = Failures::new();
        failures.skip(2, 4, 3);
        assert_eq!(all(&failures, 2, 2), [[], []]);
    }
}
