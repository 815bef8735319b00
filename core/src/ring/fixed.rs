//! What a pool in a static is made of: a queue of pointers with exactly `N` places, and a set of indices.

use core::ptr::NonNull;

use super::index_ring::{IndexRing, Nothing};
use super::memory::zeroed_entries;
use super::places::{Cell, Places, Popped, PushRefused, Refusal};
use super::shape::{Reason, Shape};
use crate::sync::{AtomicUsize, CachePadded, array_of, const_fn};

/// A first-in first-out queue of at most `N` pointers for any number of threads.
///
/// It does not own what the pointers lead to. `N` is a power of two; anything else does not compile.
pub(crate) struct FixedQueue<const N: usize>(Places<CachePadded<[AtomicUsize; N]>, [Cell; N]>);

impl<const N: usize> FixedQueue<N> {
    const_fn! {
        /// An empty queue.
        pub(crate) const fn new() -> Self {
            Self(Places::new(
                Shape::new(N),
                0,
                CachePadded(zeroed_entries()),
                CachePadded(zeroed_entries()),
                array_of![Cell::new(); N],
            ))
        }
    }

    /// Appends an item. `place` learns its cell before anybody can take it out.
    #[inline]
    pub(crate) fn push(
        &self,
        item: NonNull<()>,
        place: impl FnMut(NonNull<Cell>),
    ) -> Result<(), PushRefused> {
        match self.0.push(item, place) {
            Ok(()) => Ok(()),
            // A full queue that is closed has no room later: say the answer that stays true.
            Err(Refusal::Full) if self.0.closed().is_none() => Err(PushRefused::Full),
            Err(_) => Err(PushRefused::Closed),
        }
    }

    /// Takes the oldest entry.
    #[inline]
    pub(crate) fn pop(&self) -> Popped {
        match self.0.pop() {
            Ok(Some(item)) => Popped::Item(item),
            Ok(None) => Popped::Emptied,
            Err(Nothing::Empty) => Popped::Empty,
            Err(Nothing::Closed(_)) => Popped::Closed,
        }
    }

    /// Pops the entries at the head whose items were revoked; tells whether there were any.
    pub(crate) fn pop_emptied(&self) -> bool {
        let mut any = false;
        while let Ok(true) = self.0.pop_if_emptied() {
            any = true;
        }
        any
    }

    /// Lets nothing more in; what is inside can still be popped. To close again changes nothing.
    pub(crate) fn close(&self) {
        self.0.close(Reason::Closed);
    }

    /// Whether it is closed and empty. With that a caller sees what each popper did before it popped.
    pub(crate) fn is_drained(&self) -> bool {
        // What was revoked behind others, for which no worker may come.
        self.pop_emptied();
        matches!(self.0.look(), Err(Nothing::Closed(_)))
    }

    /// How many entries there are, emptied ones included: exact while no other thread uses the queue.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether a worker may park: no entry, and not closed either. As
    /// [`is_empty_hint`](super::Chain::is_empty_hint) of the chain, for the second look of a Dekker pair.
    #[inline]
    pub(crate) fn is_empty_hint(&self) -> bool {
        self.0.look() == Err(Nothing::Empty)
    }
}

/// The indices below `N`, each of which is in here or in one hand. `N` is a power of two.
pub(crate) struct Indices<const N: usize>(IndexRing<CachePadded<[AtomicUsize; N]>>);

impl<const N: usize> Indices<N> {
    const_fn! {
        /// All of them.
        pub(crate) const fn all() -> Self {
            Self(IndexRing::holding_from(
                0,
                Shape::new(N),
                CachePadded(zeroed_entries()),
            ))
        }
    }

    /// Takes one that is in here, if there is one.
    #[inline]
    pub(crate) fn take(&self) -> Option<usize> {
        self.0.pop().ok()
    }

    /// Puts back one that is in the caller's hand.
    #[inline]
    pub(crate) fn give_back(&self, index: usize) {
        let returned = self.0.push(index);
        debug_assert!(returned.is_ok(), "nobody closes these indices");
    }
}

#[cfg(all(test, not(ringpool_loom)))]
mod tests;
