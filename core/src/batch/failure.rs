//! What went wrong in a batch, chunk by chunk.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Range;

use crate::panic::Panic;
use crate::platform::{Platform, contain};
use crate::sync::{AtomicPtr, Ordering};

/// Why a range left no values behind.
pub(crate) enum Why {
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

/// All failures of a batch, taken together.
pub(crate) struct Summary {
    /// Ranges without values, in order.
    pub(crate) holes: Vec<Range<usize>>,
    /// Those of them that were never begun.
    pub(crate) skipped: Vec<Range<usize>>,
    /// The panic of the lowest index.
    pub(crate) panic: Option<(usize, Panic)>,
}

/// The failures of a batch, in no order: a stack that is only pushed to until the batch has ended.
pub(crate) struct Failures(AtomicPtr<Failure>);

impl Failures {
    pub(crate) fn new() -> Self {
        Self(AtomicPtr::new(core::ptr::null_mut()))
    }

    /// Notes a failure.
    #[cold]
    pub(crate) fn push(&self, range: Range<usize>, why: Why) {
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

    /// Takes the failures together; all panics but one are dropped. Called when the batch has ended.
    pub(crate) fn take<P: Platform>(&self) -> Summary {
        let mut all = Summary {
            holes: Vec::new(),
            skipped: Vec::new(),
            panic: None,
        };
        let mut rest = self.0.swap(core::ptr::null_mut(), Ordering::Relaxed);
        while !rest.is_null() {
            // SAFETY: `push` made the pointer from a box, and the list is ours.
            let node = *unsafe { Box::from_raw(rest) };
            rest = node.next;
            if let Why::Skipped = node.why {
                all.skipped.push(node.range.clone());
            }
            all.holes.push(node.range);
            if let Why::Panicked(index, panic) = node.why {
                let dropped = match &all.panic {
                    Some((lowest, _)) if *lowest < index => Some((index, panic)),
                    _ => all.panic.replace((index, panic)),
                };
                contain::<P>(move || drop(dropped));
            }
        }
        all.holes.sort_unstable_by_key(|range| range.start);
        all
    }
}
