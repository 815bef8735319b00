//! A bounded queue for any number of producers and consumers that never waits for a stalled thread.
//!
//! [`Ring`] is the public queue of values. Under it lies a ring of indices, which carries the pool's
//! own queue as well.

#[cfg(feature = "alloc")]
mod chain;
mod error;
mod fixed;
mod index_ring;
#[cfg(feature = "alloc")]
mod link;
mod memory;
mod places;
#[cfg(feature = "alloc")]
mod segment;
mod shape;

use core::fmt;
use core::mem::MaybeUninit;

#[cfg(feature = "alloc")]
pub(crate) use chain::Chain;
pub use error::{PopError, PushError};
pub(crate) use fixed::{FixedQueue, Indices};
pub(crate) use places::{Cell, Popped, PushRefused};

use crate::sync::{AtomicUsize, CachePadded, UnsafeCell, const_fn};
use index_ring::{IndexRing, Nothing};
use shape::{Reason, Shape};

/// A first-in first-out queue of at most `N` values, for any number of threads, in place.
///
/// ```
/// use ringpool_core::ring::{PopError, PushError, Ring};
///
/// static RING: Ring<u32, 4> = Ring::new();
///
/// RING.push(1)?;
/// RING.push(2)?;
/// assert_eq!(RING.pop(), Ok(1));
///
/// // After `close` nothing enters, and what is inside can still be taken out.
/// RING.close();
/// assert!(matches!(RING.push(3), Err(PushError::Closed(3))));
/// assert_eq!(RING.pop(), Ok(2));
/// assert_eq!(RING.pop(), Err(PopError::Closed));
/// # Ok::<(), PushError<u32>>(())
/// ```
///
/// `N` is a power of two; anything else does not compile:
///
/// ```compile_fail
/// let ring = ringpool_core::ring::Ring::<u32, 3>::new();
/// ```
///
/// # Progress
///
/// All operations are lock-free in the formal sense: a thread that is stopped at any point, for ever
/// even, never keeps the others from completing theirs. That makes them fit for interrupt handlers
/// and for threads of different priorities. A thread that is stopped inside `push` or `pop` keeps
/// one place with it, so that [`PushError::Full`] may come one value early for each such thread;
/// a value whose `push` has not returned yet may be missing from what `pop` finds.
///
/// # Bounds
///
/// Positions are counted modulo 2^62, on 32-bit machines modulo 2^30. Order could break only for an
/// operation that is suspended while exactly that many others, or a multiple, pass.
///
/// # Source
///
/// Two rings of indices, one of free and one of filled slots, after Ruslan Nikolaev, ["A Scalable,
/// Portable, and Memory-Efficient Lock-Free FIFO Queue"](https://doi.org/10.4230/LIPIcs.DISC.2019.28),
/// DISC 2019, there called NCQ.
pub struct Ring<T, const N: usize> {
    /// The indices of vacant slots.
    free: IndexRing<CachePadded<[AtomicUsize; N]>>,
    /// The indices of filled slots, in order.
    ready: IndexRing<CachePadded<[AtomicUsize; N]>>,
    /// A slot belongs to who holds its index; an index is in one ring or in one hand. Under `free`
    /// it is vacant, under `ready` filled.
    slots: [UnsafeCell<MaybeUninit<T>>; N],
}

// SAFETY: the values inside are owned by the ring and go with it; all else is atomics.
unsafe impl<T: Send, const N: usize> Send for Ring<T, N> {}
// SAFETY: a shared ring moves values from thread to thread, hence `T: Send`. It never shows two
// threads the same value, hence no `T: Sync`: a slot is touched only by who holds its index, and the
// rings pass an index on with Release and Acquire.
unsafe impl<T: Send, const N: usize> Sync for Ring<T, N> {}

impl<T, const N: usize> Ring<T, N> {
    const_fn! {
        /// An empty ring.
        #[must_use]
        pub const fn new() -> Self {
            const {
                assert!(N.is_power_of_two(), "the capacity of a `Ring` is a power of two, 1 or more");
                assert!(N <= Shape::MAX_LEN, "the capacity of a `Ring` leaves its words room for a cycle");
            };
            Self {
                free: IndexRing::holding_from(0, Shape::new(N), CachePadded(memory::zeroed_entries())),
                ready: IndexRing::empty(Shape::new(N), CachePadded(memory::zeroed_entries())),
                slots: memory::vacant_slots(),
            }
        }
    }

    /// Appends a value.
    ///
    /// # Errors
    ///
    /// [`PushError::Closed`] after [`close`](Self::close), and [`PushError::Full`] while there is no
    /// room; both return the value.
    #[inline]
    pub fn push(&self, value: T) -> Result<(), PushError<T>> {
        // The free ring is never closed, so nothing there means that all slots are taken.
        let Ok(index) = self.free.pop() else {
            return Err(self.refusal(value));
        };
        self.slots[index].with_mut(|slot| {
            // SAFETY: the index is in this thread's hand, so the slot is vacant and its alone.
            unsafe { slot.write(MaybeUninit::new(value)) }
        });
        if self.ready.push(index).is_ok() {
            return Ok(());
        }
        // SAFETY: the index was not published, and the slot was filled above.
        let value = unsafe { self.take(index) };
        Err(PushError::Closed(value))
    }

    /// Takes the oldest value.
    ///
    /// # Errors
    ///
    /// [`PopError::Empty`] while there is none, and [`PopError::Closed`] when there will never be
    /// one again: the ring is closed and empty.
    #[inline]
    pub fn pop(&self) -> Result<T, PopError> {
        let index = self.ready.pop().map_err(|nothing| match nothing {
            Nothing::Empty => PopError::Empty,
            Nothing::Closed(_) => PopError::Closed,
        })?;
        // SAFETY: the index came from `ready` and is in this thread's hand, so its slot is filled.
        Ok(unsafe { self.take(index) })
    }

    /// Lets nothing more in; what is inside can still be popped. To close again changes nothing.
    pub fn close(&self) {
        self.ready.close(Reason::Closed);
    }

    /// Whether the ring has been closed; values may still be inside.
    pub fn is_closed(&self) -> bool {
        self.ready.closed().is_some()
    }

    /// How many values are inside: exact while no other thread uses the ring, else out of date.
    pub fn len(&self) -> usize {
        self.ready.len()
    }

    /// Whether there is nothing to pop now.
    pub fn is_empty(&self) -> bool {
        self.ready.peek().is_err()
    }

    /// How many values the ring can hold: `N`.
    pub const fn capacity(&self) -> usize {
        N
    }

    /// Why there is no place for a value. A full ring that is closed says the answer that stays
    /// true.
    #[cold]
    fn refusal(&self, value: T) -> PushError<T> {
        if self.is_closed() {
            PushError::Closed(value)
        } else {
            PushError::Full(value)
        }
    }

    /// Moves the value out of a slot and gives the index back.
    ///
    /// # Safety
    ///
    /// The index is in this thread's hand and its slot is filled.
    #[inline]
    unsafe fn take(&self, index: usize) -> T {
        let value = self.slots[index].with(|slot| {
            // SAFETY: the slot is filled and this thread's alone (the caller's contract), and nobody
            // reads it again before it is filled anew.
            unsafe { slot.cast::<T>().read() }
        });
        let returned = self.free.push(index);
        debug_assert!(returned.is_ok(), "nobody closes the free ring");
        value
    }
}

impl<T, const N: usize> Default for Ring<T, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, const N: usize> Drop for Ring<T, N> {
    fn drop(&mut self) {
        // A destructor that panics ends this loop; what is still inside then leaks, which is safe.
        while let Ok(value) = self.pop() {
            drop(value);
        }
    }
}

impl<T, const N: usize> fmt::Debug for Ring<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring")
            .field("capacity", &N)
            .field("len", &self.len())
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(ringpool_loom)))]
mod tests;
