//! How a batch is cut into chunks.

use core::num::NonZeroUsize;

/// How a batch is shared out. A chunk is what one worker claims at a time.
///
/// | schedule | chunks | for |
/// |---|---|---|
/// | `Auto` | shrinking: a quarter of each worker's fair share of what is left | everything, by measurement |
/// | `Chunks(n)` | `n` items | items of known, even cost |
/// | `Static` | one for each worker, the same range every time | caches and first touch |
/// | `Guided` | shrinking: each worker's fair share of what is left | few claims, uneven items at the end |
/// | `Python` | `ceil(len / (4 * workers))` items | what Python's Pool would do |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Schedule {
    /// The schedule that measured best.
    #[default]
    Auto,
    /// Chunks of so many items.
    Chunks(NonZeroUsize),
    /// Range i to worker i. From a job of the same pool, ranges go to whoever is free.
    Static,
    /// OpenMP's guided schedule.
    Guided,
    /// Python's default chunk size.
    Python,
}

/// A schedule for one batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Chunks of the given size.
    Even(NonZeroUsize),
    /// What is left, divided by the given number.
    Shrinking(NonZeroUsize),
    /// Each worker has a range of its own, which nobody claims.
    Owned,
}

impl Plan {
    pub(crate) fn new(schedule: Schedule, len: usize, workers: usize) -> Self {
        let at_least_one = |n: usize| NonZeroUsize::new(n).unwrap_or(NonZeroUsize::MIN);
        match schedule {
            Schedule::Auto => Self::Shrinking(at_least_one(workers.saturating_mul(4))),
            Schedule::Guided => Self::Shrinking(at_least_one(workers)),
            Schedule::Chunks(n) => Self::Even(n),
            Schedule::Static => Self::Even(at_least_one(len.div_ceil(workers))),
            Schedule::Python => Self::Even(at_least_one(len.div_ceil(workers.saturating_mul(4)))),
        }
    }

    /// How many of so many workers find a chunk, if each takes one.
    pub(crate) fn occupies(self, len: usize, workers: usize) -> usize {
        let chunks = match self {
            Self::Even(n) => len.div_ceil(n.get()),
            // There are at least as many as workers, or one for each item.
            Self::Shrinking(_) => len,
            Self::Owned => 0,
        };
        chunks.min(workers)
    }

    /// The size of the next chunk when `left` items are left, between 1 and `left`.
    #[inline]
    pub(crate) fn next(self, left: usize) -> usize {
        match self {
            Self::Even(n) => n.get().min(left),
            Self::Shrinking(parts) => left.div_ceil(parts.get()),
            Self::Owned => left,
        }
    }
}

/// The part of `len` items that belongs to worker `index` of `workers`: parts differ by one item at most.
pub(crate) fn static_range(len: usize, workers: usize, index: usize) -> core::ops::Range<usize> {
    let (share, more) = (len / workers, len % workers);
    let start = share * index + index.min(more);
    start..start + share + usize::from(index < more)
}

#[cfg(all(test, not(ringpool_loom)))]
mod tests {
    use super::*;

    const ALL: [Schedule; 5] = [
        Schedule::Auto,
        Schedule::Chunks(NonZeroUsize::new(7).unwrap()),
        Schedule::Static,
        Schedule::Guided,
        Schedule::Python,
    ];

    // S27
    #[test]
    fn chunks_cover_every_item_once() {
        for schedule in ALL {
            for workers in 1..9 {
                for len in 1..200 {
                    let plan = Plan::new(schedule, len, workers);
                    let mut left = len;
                    while left > 0 {
                        let size = plan.next(left);
                        assert!((1..=left).contains(&size), "{schedule:?} {workers} {len}");
                        left -= size;
                    }
                }
            }
        }
    }

    // S27
    #[test]
    fn as_many_workers_are_invited_as_find_a_chunk() {
        for schedule in ALL {
            for workers in 1..9 {
                for len in 0..200 {
                    let plan = Plan::new(schedule, len, workers);
                    let (mut left, mut chunks) = (len, 0);
                    while left > 0 {
                        left -= plan.next(left);
                        chunks += 1;
                    }
                    let occupied = plan.occupies(len, workers);
                    assert_eq!(
                        occupied,
                        chunks.min(workers),
                        "{schedule:?} {workers} {len}"
                    );
                }
            }
        }
    }

    // S27
    #[test]
    fn python_chunks_are_those_of_python() {
        for (len, workers, size) in [(100, 4, 7), (16, 4, 1), (17, 4, 2), (1, 3, 1)] {
            assert_eq!(Plan::new(Schedule::Python, len, workers).next(len), size);
        }
    }

    #[test]
    fn static_ranges_are_even_and_cover_everything() {
        for workers in 1..9 {
            for len in 0..100 {
                let mut next = 0;
                for index in 0..workers {
                    let range = static_range(len, workers, index);
                    assert_eq!(range.start, next);
                    assert!(range.len().abs_diff(len / workers) <= 1);
                    next = range.end;
                }
                assert_eq!(next, len);
            }
        }
    }

    #[test]
    fn the_largest_batch_does_not_overflow() {
        for schedule in ALL {
            assert!(Plan::new(schedule, usize::MAX, usize::MAX).next(usize::MAX) > 0);
        }
    }
}
