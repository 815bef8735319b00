//! A fixed number of places for pointers, wherever they lie: two index rings over cells.

use core::ptr::{NonNull, null_mut};

use super::index_ring::{Entries, IndexRing, Nothing};
use super::shape::{Reason, Shape};
use crate::sync::{AtomicPtr, Ordering, const_fn, store_ptr};

/// What a pop found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "an item that is not run or freed is lost"]
pub(crate) enum Popped {
    /// An item, the popper's alone.
    Item(NonNull<()>),
    /// The entry's cell had been emptied by a revoke; its place is free again.
    Emptied,
    /// Nothing now.
    Empty,
    /// Nothing ever again: the queue is closed and empty.
    Closed,
}

/// Why a queue took no item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PushRefused {
    /// Every place is taken, or in some thread's hand.
    Full,
    /// The queue is closed.
    Closed,
}

/// One place in the queue; it owns the pointer in it: whoever exchanges it out has the job, exactly
/// once.
///
/// Everything here is Relaxed. The cell says only who takes the pointer, and the read-modify-writes
/// of one word agree on that by themselves. What the pointer leads to is carried by the ring: a
/// pusher fills the cell before it publishes the index, a popper empties it after it has read that
/// index and before it gives the index back, and the next pusher fills it after it has taken the
/// index again.
#[derive(Debug, Default)]
#[repr(transparent)]
pub(crate) struct Cell(AtomicPtr<()>);

// SAFETY: a transparent pointer, whose zero bytes are null as in its default.
#[cfg(feature = "alloc")]
unsafe impl super::memory::Zeroable for Cell {}

impl Cell {
    const_fn! {
        pub(super) const fn new() -> Self {
            Self(AtomicPtr::new(null_mut()))
        }
    }

    /// Takes `item` back out of the queue; false if it is not here any more.
    ///
    /// The queue entry stays behind, empty, until a pop finds it. What the caller knows of the item
    /// it knows by its own means; a late call on a cell that holds another item finds it different.
    #[must_use = "on false somebody else has the item"]
    pub(crate) fn revoke(&self, item: NonNull<()>) -> bool {
        self.0
            .compare_exchange(
                item.as_ptr(),
                null_mut(),
                Ordering::Relaxed,
                Ordering::Relaxed,
            )
            .is_ok()
    }

    /// A store is enough: the index is in the pusher's hand alone, so nobody puts anything else
    /// here, and a late `revoke` of an earlier item changes nothing.
    #[inline]
    fn fill(&self, item: NonNull<()>) {
        store_ptr(&self.0, item.as_ptr());
    }

    /// What is in the cell, unless a `revoke` was earlier.
    #[inline]
    fn empty(&self) -> Option<NonNull<()>> {
        NonNull::new(self.0.swap(null_mut(), Ordering::Relaxed))
    }

    fn is_empty(&self) -> bool {
        self.0.load(Ordering::Relaxed).is_null()
    }
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Every place is taken, or in some thread's hand.
    Full,
    /// The places are closed.
    Closed(Reason),
}

/// A queue of a fixed number of places over the memory of two rings and their cells.
pub(super) struct Places<E, C> {
    /// The indices of cells that are nobody's.
    free: IndexRing<E>,
    /// The indices of cells that were pushed and not yet popped, in order.
    ready: IndexRing<E>,
    cells: C,
}

impl<E, C> Places<E, C> {
    const_fn! {
        /// Places over zeroed memory for as many as the shape is long. The first `surplus` of them stay out
        /// for good: their indices are in neither ring.
        pub(super) const fn new(shape: Shape, surplus: usize, free: E, ready: E, cells: C) -> Self {
            Self {
                free: IndexRing::holding_from(surplus, shape, free),
                ready: IndexRing::empty(shape, ready),
                cells,
            }
        }
    }
}

impl<E: Entries, C: AsRef<[Cell]>> Places<E, C> {
    /// The length of the arrays.
    pub(super) fn array_len(&self) -> usize {
        self.ready.array_len()
    }

    /// Appends an item. `place` learns its cell before anybody can take it out.
    #[inline]
    pub(super) fn push(
        &self,
        item: NonNull<()>,
        place: impl FnOnce(NonNull<Cell>),
    ) -> Result<(), Refusal> {
        // The free ring is never closed, so nothing there means that all places are taken.
        let Ok(index) = self.free.pop() else {
            return Err(Refusal::Full);
        };
        let cell = &self.cells.as_ref()[index];
        cell.fill(item);
        place(NonNull::from(cell));
        match self.ready.push(index) {
            Ok(()) => Ok(()),
            Err(reason) => self.withdraw(index, reason),
        }
    }

    /// Takes an item back whose publication the ring refused.
    #[cold]
    fn withdraw(&self, index: usize, reason: Reason) -> Result<(), Refusal> {
        let item = self.cells.as_ref()[index].empty();
        self.give_back(index);
        match item {
            Some(_) => Err(Refusal::Closed(reason)),
            // `place` made the cell known and somebody has revoked the item since. It has an owner
            // now, as if it had been accepted and then revoked; to push it again would make two.
            None => Ok(()),
        }
    }

    /// Takes the oldest entry: its item, or `None` if that was revoked.
    #[inline]
    pub(super) fn pop(&self) -> Result<Option<NonNull<()>>, Nothing> {
        let index = self.ready.pop()?;
        let item = self.cells.as_ref()[index].empty();
        self.give_back(index);
        Ok(item)
    }

    /// Takes the oldest entry if its item was revoked; false if it was not.
    pub(super) fn pop_if_emptied(&self) -> Result<bool, Nothing> {
        // While an entry is at the head its cell only ever changes from an item to null, so a null
        // seen before the head moves is still there afterwards.
        let Some(index) = self
            .ready
            .pop_if(|index| self.cells.as_ref()[index].is_empty())?
        else {
            return Ok(false);
        };
        debug_assert!(self.cells.as_ref()[index].is_empty());
        self.give_back(index);
        Ok(true)
    }

    /// Whether there is an entry to pop.
    #[inline]
    pub(super) fn look(&self) -> Result<(), Nothing> {
        self.ready.peek().map(drop)
    }

    /// Lets nothing more in and returns the reason in force.
    pub(super) fn close(&self, reason: Reason) -> Reason {
        self.ready.close(reason)
    }

    /// The reason in force, if the places are closed; entries may still be in it.
    pub(super) fn closed(&self) -> Option<Reason> {
        self.ready.closed()
    }

    /// How many entries there are, about.
    pub(super) fn len(&self) -> usize {
        self.ready.len()
    }

    #[inline]
    fn give_back(&self, index: usize) {
        let returned = self.free.push(index);
        debug_assert!(returned.is_ok(), "nobody closes the free ring");
    }
}
