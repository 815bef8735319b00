//! Failures as nodes on the heap.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Range;

use super::super::static_range;
use super::{Summary, cut_off};
use crate::panic::Panic;
use crate::platform::{Platform, contain};
use crate::sync::{AtomicPtr, Ordering};

/// Why a range left no values behind.
enum Why {
    /// A panic ended it, at this item.
    Panicked(usize, Panic),
    /// It asked for the end of the batch.
    Stopped,
    /// It was never begun, and its items are still in the feed.
    Skipped,
}

struct Failure {
    range: Range<usize>,
    why: Why,
    next: *mut Failure,
}

/// A range without values.
struct Hole {
    range: Range<usize>,
    begun: bool,
}

/// The ranges without values, in order.
pub(crate) struct Holes(Vec<Hole>);

impl Holes {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = Range<usize>> {
        self.0.iter().map(|hole| hole.range.clone())
    }

    /// Those that were never begun: their items are still in the feed.
    pub(crate) fn skipped(&self) -> impl Iterator<Item = Range<usize>> {
        let skipped = self.0.iter().filter(|hole| !hole.begun);
        skipped.map(|hole| hole.range.clone())
    }
}

/// The failures of a batch, in no order: a stack that is only pushed to until the batch has ended.
pub(crate) struct Failures(AtomicPtr<Failure>);

impl Failures {
    pub(crate) fn new() -> Self {
        Self(AtomicPtr::new(core::ptr::null_mut()))
    }

    /// Notes a chunk that left no values: because of a panic at that item, or to end the batch.
    #[cold]
    pub(crate) fn fail(&self, range: Range<usize>, panic: Option<(usize, Panic)>) {
        let why = panic.map_or(Why::Stopped, |(index, panic)| Why::Panicked(index, panic));
        self.push(range, why);
    }

    /// Notes that the share of worker `index` in a static batch of `len` items was never begun.
    #[cold]
    pub(crate) fn skip(&self, len: usize, workers: usize, index: usize) {
        let share = static_range(len, workers, index);
        if !share.is_empty() {
            self.push(share, Why::Skipped);
        }
    }

    fn push(&self, range: Range<usize>, why: Why) {
        let mut head = self.0.load(Ordering::Relaxed);
        let node = Box::into_raw(Box::new(Failure {
            range,
            why,
            next: head,
        }));
        // Relaxed: the batch's count of tickets publishes the list to whoever ends the batch.
        while let Err(now) =
            self.0
                .compare_exchange_weak(head, node, Ordering::Relaxed, Ordering::Relaxed)
        {
            head = now;
            // SAFETY: the node is not in the list yet.
            unsafe { (*node).next = head };
        }
    }

    /// Takes the failures of a batch that has ended together, with the cut; all panics but one are dropped.
    pub(crate) fn take<P: Platform>(&self, len: usize, cut: usize) -> Summary {
        let mut holes = Vec::new();
        let mut first: Option<(usize, Panic)> = None;
        let mut rest = self.0.swap(core::ptr::null_mut(), Ordering::Relaxed);
        while !rest.is_null() {
            // SAFETY: `push` made the pointer from a box, and the list is ours.
            let node = *unsafe { Box::from_raw(rest) };
            rest = node.next;
            holes.push(Hole {
                range: node.range,
                begun: !matches!(node.why, Why::Skipped),
            });
            if let Why::Panicked(index, panic) = node.why {
                let dropped = match &first {
                    Some((lowest, _)) if *lowest < index => Some((index, panic)),
                    _ => first.replace((index, panic)),
                };
                contain::<P>(move || drop(dropped));
            }
        }
        holes.extend(cut_off(len, cut).map(|range| Hole {
            range,
            begun: false,
        }));
        holes.sort_unstable_by_key(|hole| hole.range.start);
        Summary {
            holes: Holes(holes),
            panic: first,
        }
    }
}
