//! A ring of indices: the one lock-free algorithm under every queue of this crate.
//!
//! After Ruslan Nikolaev's NCQ ("A Scalable, Portable, and Memory-Efficient Lock-Free FIFO Queue",
//! DISC 2019). An entry is one word, `{ cycle | reason | index }`, and is filled by one
//! compare-exchange; nobody ever waits for another thread's second step:
//!
//! - *push*: at the tail, an entry of the tail's cycle is filled already and the tail lags, so help
//!   it on; an entry one cycle behind is free, so fill it, or refuse if it carries a reason.
//! - *pop*: at the head, an entry of the head's cycle is there for who moves the head; one cycle
//!   behind means empty, or closed if it carries a reason.
//! - *close*: write the reason into the next free entry, after which none can follow. In a full
//!   ring that is the oldest entry, whose index stays readable beside the reason.
//!
//! An entry is overwritten only one lap after the head passed it, for an index is in one place at a
//! time: who holds one in hand knows that the ring is not full.
//!
//! Orderings. Entries are published with Release and read with Acquire; that carries what the index
//! stands for. Head and tail are moved with Release and read with Acquire as well, because of what
//! Empty means. A tail read as `t` has to bring along all entries below `t`, or a thread that just
//! pushed there could find an older entry unfilled and take its own ring for empty. A head read as
//! `h` has to bring along what the popper before knew, or a second thread could find the ring empty
//! between two entries that were both there all the time. It also bounds the retries: who reads an
//! entry from a later lap has read, with it, a newer head and tail. Failed compare-exchanges are
//! Relaxed, as what they read is thrown away and every loop reads its position again.

#[cfg(feature = "alloc")]
use alloc::boxed::Box;

use super::shape::{Entry, Lap, Position, Reason, Shape};
use crate::sync::{AtomicUsize, CachePadded, Ordering, const_fn};

/// Where a ring keeps its entries.
pub(super) trait Entries {
    /// The entries: always the same ones, in number the length of the ring's shape.
    fn entries(&self) -> &[AtomicUsize];
}

/// In the ring itself, apart from the words that are only read.
impl<const N: usize> Entries for CachePadded<[AtomicUsize; N]> {
    #[inline]
    fn entries(&self) -> &[AtomicUsize] {
        &self.0
    }
}

#[cfg(feature = "alloc")]
impl Entries for Box<[AtomicUsize]> {
    #[inline]
    fn entries(&self) -> &[AtomicUsize] {
        self
    }
}

/// Why a pop found nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nothing {
    /// Nothing now.
    Empty,
    /// Nothing ever again: the ring is closed and empty.
    Closed(Reason),
}

/// A lock-free queue of indices below the length of its array.
pub(super) struct IndexRing<A> {
    head: CachePadded<AtomicUsize>,
    tail: CachePadded<AtomicUsize>,
    shape: Shape,
    entries: A,
}

impl<A> IndexRing<A> {
    const_fn! {
        /// An empty ring over zeroed entries.
        pub(super) const fn empty(shape: Shape, entries: A) -> Self {
            let start = shape.len();
            Self {
                head: CachePadded(AtomicUsize::new(start)),
                tail: CachePadded(AtomicUsize::new(start)),
                shape,
                entries,
            }
        }

        /// A ring over zeroed entries that holds the indices from `first` up to the array's length.
        pub(super) const fn holding_from(first: usize, shape: Shape, entries: A) -> Self {
            assert!(first <= shape.len(), "a ring holds indices of its own array");
            Self {
                head: CachePadded(AtomicUsize::new(first)),
                tail: CachePadded(AtomicUsize::new(shape.len())),
                shape,
                entries,
            }
        }
    }
}

impl<A: Entries> IndexRing<A> {
    /// Appends an index, which must be in no ring and in nobody else's hand: that is why there is
    /// always a place for it.
    #[inline]
    pub(super) fn push(&self, index: usize) -> Result<(), Reason> {
        debug_assert!(index < self.shape.len());
        loop {
            let tail = self.tail();
            let (word, entry) = self.entry_at(tail);
            match self.shape.lap(entry, tail) {
                Lap::Same => self.advance_tail(tail),
                Lap::Behind => {
                    if let Some(reason) = entry.reason {
                        return Err(reason);
                    }
                    let filled = Entry {
                        cycle: self.shape.cycle(tail),
                        reason: None,
                        index,
                    };
                    if self.replace(tail, word, filled) {
                        self.advance_tail(tail);
                        return Ok(());
                    }
                }
                Lap::Elsewhere => {}
            }
        }
    }

    /// Takes the oldest index.
    #[inline]
    pub(super) fn pop(&self) -> Result<usize, Nothing> {
        loop {
            let (head, index) = self.front()?;
            if self.advance_head(head) {
                return Ok(index);
            }
        }
    }

    /// Takes the oldest index if `accept` holds for it; `None` if not.
    ///
    /// The head did not move between the look and the success, so what `accept` saw was this
    /// entry's and no later one's. `accept` may be asked several times.
    #[cfg_attr(not(feature = "alloc"), allow(dead_code))]
    pub(super) fn pop_if(
        &self,
        mut accept: impl FnMut(usize) -> bool,
    ) -> Result<Option<usize>, Nothing> {
        loop {
            let (head, index) = self.front()?;
            if !accept(index) {
                return Ok(None);
            }
            if self.advance_head(head) {
                return Ok(Some(index));
            }
        }
    }

    /// The oldest index, which stays where it is.
    #[inline]
    pub(super) fn peek(&self) -> Result<usize, Nothing> {
        self.front().map(|(_, index)| index)
    }

    /// Lets nothing more in. Returns the reason in force, which is that of the first closer.
    pub(super) fn close(&self, reason: Reason) -> Reason {
        loop {
            let (tail, word, entry) = self.next_free();
            if let Some(first) = entry.reason {
                return first;
            }
            let flagged = Entry {
                reason: Some(reason),
                ..entry
            };
            if self.replace(tail, word, flagged) {
                return reason;
            }
        }
    }

    /// The reason in force, if the ring has been closed; entries may still be in it.
    pub(super) fn closed(&self) -> Option<Reason> {
        self.next_free().2.reason
    }

    /// How many indices the ring holds: exact while no other thread uses it.
    pub(super) fn len(&self) -> usize {
        // Relaxed: the two are read at different moments anyway, for which `distance` allows.
        let head = Position(self.head.load(Ordering::Relaxed));
        self.shape.distance(head, self.tail())
    }

    /// The length of the array.
    #[inline]
    #[cfg_attr(not(feature = "alloc"), allow(dead_code))]
    pub(super) fn array_len(&self) -> usize {
        self.shape.len()
    }

    /// The head and the index there.
    #[inline]
    fn front(&self) -> Result<(Position, usize), Nothing> {
        loop {
            // Acquire: pairs with the Release in `advance_head`, so that Empty is an answer for a
            // moment after the last pop that this thread knows of.
            let head = Position(self.head.load(Ordering::Acquire));
            let (_, entry) = self.entry_at(head);
            match (self.shape.lap(entry, head), entry.reason) {
                (Lap::Same, _) => return Ok((head, entry.index)),
                (Lap::Behind, None) => return Err(Nothing::Empty),
                (Lap::Behind, Some(reason)) => return Err(Nothing::Closed(reason)),
                (Lap::Elsewhere, _) => {}
            }
        }
    }

    /// The tail, once it does not lag, with the free entry there, packed and unpacked.
    fn next_free(&self) -> (Position, usize, Entry) {
        loop {
            let tail = self.tail();
            let (word, entry) = self.entry_at(tail);
            match self.shape.lap(entry, tail) {
                Lap::Same => self.advance_tail(tail),
                Lap::Behind => return (tail, word, entry),
                Lap::Elsewhere => {}
            }
        }
    }

    #[inline]
    fn tail(&self) -> Position {
        // Acquire: pairs with the Release in `advance_tail` and brings along every entry below.
        Position(self.tail.load(Ordering::Acquire))
    }

    /// The entry in a position's slot, packed and unpacked.
    #[inline]
    fn entry_at(&self, position: Position) -> (usize, Entry) {
        // Acquire: pairs with the Release in `replace`; what was written before an index was pushed
        // is seen by who pops it, and what was before a close by who is refused.
        let word = self.slot(position).load(Ordering::Acquire);
        (word, self.shape.unpack(word, position))
    }

    /// Exchanges the entry in a position's slot, if it is still the one that was read.
    #[inline]
    fn replace(&self, position: Position, seen: usize, entry: Entry) -> bool {
        // Release: pairs with the Acquire in `entry_at`. A close continues the release sequence of
        // the entry it flags, so a full ring's oldest index keeps what it carries.
        self.slot(position)
            .compare_exchange_weak(
                seen,
                self.shape.pack(entry, position),
                Ordering::Release,
                Ordering::Relaxed,
            )
            .is_ok()
    }

    /// Moves the head past a position; who succeeds owns the index that was there.
    #[inline]
    fn advance_head(&self, head: Position) -> bool {
        // Release: pairs with the Acquire in `front`. Not Acquire: the index was carried by the
        // entry, which cannot have changed while the head stood still.
        self.head
            .compare_exchange_weak(
                head.0,
                self.shape.next(head).0,
                Ordering::Release,
                Ordering::Relaxed,
            )
            .is_ok()
    }

    /// Moves the tail past a filled position, unless another thread has done so.
    #[inline]
    fn advance_tail(&self, tail: Position) {
        // Release: pairs with the Acquire in `tail` and carries the entry that this thread filled
        // or, helping, read with Acquire.
        let _ = self.tail.compare_exchange(
            tail.0,
            self.shape.next(tail).0,
            Ordering::Release,
            Ordering::Relaxed,
        );
    }

    #[inline]
    fn slot(&self, position: Position) -> &AtomicUsize {
        &self.entries.entries()[self.shape.slot(position)]
    }
}

#[cfg(all(test, not(ringpool_loom), feature = "alloc"))]
mod tests;
