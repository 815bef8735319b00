//! Where a pool on the heap has its arrays.

use alloc::boxed::Box;
use core::ptr::NonNull;

use crate::engine::Storage;
use crate::platform::Platform;
use crate::ring::{Cell, Chain, Popped, PushRefused};
use crate::slot::WorkerSlot;
use crate::sync::{AtomicPtr, Ordering};

/// The arrays of a pool on the heap.
pub(crate) struct Heap<P: Platform> {
    pub(crate) queue: Chain,
    pub(crate) slots: Box<[WorkerSlot<P>]>,
}

impl<P: Platform> Storage<P> for Heap<P> {
    fn slots(&self) -> &[WorkerSlot<P>] {
        &self.slots
    }

    #[inline]
    fn push(&self, item: NonNull<()>, cell: &AtomicPtr<Cell>) -> Result<(), PushRefused> {
        // Release: pairs with the Acquire in `Entry::take_back`, which may be on a thread that knows of the item by
        // other ways than the queue: for the cell's memory, and for what was stored into the item before.
        self.queue
            .push(item, |place| cell.store(place.as_ptr(), Ordering::Release))
    }

    #[inline]
    fn pop(&self) -> Popped {
        self.queue.pop()
    }

    fn pop_emptied(&self) -> bool {
        self.queue.pop_emptied() > 0
    }

    fn close(&self) {
        self.queue.close();
    }

    fn queued(&self) -> usize {
        self.queue.len()
    }

    #[inline]
    fn has_news(&self) -> bool {
        !self.queue.is_empty_hint()
    }
}
