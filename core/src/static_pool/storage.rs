//! Where a pool without an allocator has its arrays.

use core::ptr::NonNull;

use crate::engine::Storage;
use crate::job::Block;
use crate::platform::Platform;
use crate::ring::{Cell, FixedQueue, Indices, Popped, PushRefused};
use crate::slot::WorkerSlot;
use crate::sync::{AtomicPtr, Ordering, UnsafeCell, array_of, const_fn};

/// The arrays of a pool in place.
pub(crate) struct Arrays<P: Platform, const WORKERS: usize, const SLOTS: usize, const BYTES: usize>
{
    workers: [WorkerSlot<P>; WORKERS],
    queue: FixedQueue<SLOTS>,
    /// The indices of vacant blocks.
    vacant: Indices<SLOTS>,
    /// A block belongs to who holds its index: nobody, while it is in `vacant`, or the job in it.
    blocks: [UnsafeCell<Block<P, BYTES>>; SLOTS],
}

// SAFETY: blocks are reached only by who holds their index, which `vacant` passes on with Release and Acquire.
// What is put there is for the one who submits to answer for, as on the heap.
unsafe impl<P: Platform, const WORKERS: usize, const SLOTS: usize, const BYTES: usize> Sync
    for Arrays<P, WORKERS, SLOTS, BYTES>
{
}
// SAFETY: as above.
unsafe impl<P: Platform, const WORKERS: usize, const SLOTS: usize, const BYTES: usize> Send
    for Arrays<P, WORKERS, SLOTS, BYTES>
{
}

impl<P: Platform, const WORKERS: usize, const SLOTS: usize, const BYTES: usize>
    Arrays<P, WORKERS, SLOTS, BYTES>
{
    const_fn! {
        pub(crate) const fn new() -> Self {
            Self {
                workers: array_of![WorkerSlot::new(); WORKERS],
                queue: FixedQueue::new(),
                vacant: Indices::all(),
                blocks: array_of![UnsafeCell::new(Block::VACANT); SLOTS],
            }
        }
    }

    /// Whether nothing will ever be popped again.
    pub(super) fn is_drained(&self) -> bool {
        self.queue.is_drained()
    }
}

impl<P: Platform, const WORKERS: usize, const SLOTS: usize, const BYTES: usize> Storage<P>
    for Arrays<P, WORKERS, SLOTS, BYTES>
{
    fn slots(&self) -> &[WorkerSlot<P>] {
        &self.workers
    }

    #[inline]
    fn push(&self, item: NonNull<()>, cell: &AtomicPtr<Cell>) -> Result<(), PushRefused> {
        // Relaxed: the queue publishes it with the item.
        self.queue
            .push(item, |place| cell.store(place.as_ptr(), Ordering::Relaxed))
    }

    #[inline]
    fn pop(&self) -> Popped {
        self.queue.pop()
    }

    fn pop_emptied(&self) -> bool {
        self.queue.pop_emptied()
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

    fn take_block(&self) -> Option<NonNull<()>> {
        let index = self.vacant.take()?;
        self.blocks[index].with_mut(NonNull::new).map(NonNull::cast)
    }

    fn give_block_back(&self, block: NonNull<()>) {
        let offset = block.addr().get() - self.blocks.as_ptr().addr();
        let index = offset / size_of::<UnsafeCell<Block<P, BYTES>>>();
        // The end of its use, for the models; the pointer that was given out is unknown to them.
        self.blocks[index].with_mut(|_| ());
        self.vacant.give_back(index);
    }
}
