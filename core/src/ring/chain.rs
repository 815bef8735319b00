//! The pool's queue of pointers: of fixed size, or a chain of segments that doubles.
//!
//! A full segment is closed with [`Reason::Grown`] before the next one is used, and nothing is
//! popped from the next one before the previous answered that it is closed *and* empty: so the order
//! holds across segments. Segments are freed with the chain and not before, in all at most twice the
//! largest, so nobody needs to know who still reads one.
//!
//! Closing closes the last segment with [`Reason::Closed`]; if that has grown already and its next
//! one is not there yet, the end goes where it would be (see `link`).
//!
//! Push and pop are lock-free: a thread stopped anywhere holds at most one place. The one wait, for
//! another thread that is building a segment, is bounded by a number of steps.

use core::num::NonZeroUsize;
use core::ptr::NonNull;

use alloc::alloc::handle_alloc_error;
use alloc::boxed::Box;
use core::alloc::Layout;

use super::index_ring::Nothing;
use super::link::Next;
use super::places::{Cell, Popped, PushRefused, Refusal};
use super::segment::Segment;
use super::shape::Reason;
use crate::sync::{AtomicPtr, Ordering, spin_loop};

/// The places of an unbounded chain's first segment. A model meets growth after one.
const FIRST_PLACES: usize = if cfg!(ringpool_loom) { 1 } else { 64 };

/// How often a pusher looks for a segment that another thread builds before it builds its own: some
/// ten microseconds, in which all but the largest segments are ready.
const PATIENCE: usize = if cfg!(ringpool_loom) { 1 } else { 1000 };

/// What to do when every place is taken.
#[derive(Clone, Copy, Debug)]
enum WhenFull {
    Refuse,
    Grow,
}

/// A first-in first-out queue of pointers for any number of threads.
///
/// It does not own what the pointers lead to: dropping the chain drops none of it, and whether an
/// item may go to another thread is for the pusher to say.
pub(crate) struct Chain {
    /// Owns the first segment and through its link all others.
    first: NonNull<Segment>,
    /// Where pushers start: no segment before it is open.
    push_to: Start,
    /// Where poppers start: every segment before it is closed and empty.
    pop_from: Start,
    when_full: WhenFull,
}

/// Where one side of a chain begins to look: a segment of that chain, moved on and never back.
struct Start(AtomicPtr<Segment>);

impl Start {
    fn new(first: NonNull<Segment>) -> Self {
        Self(AtomicPtr::new(first.as_ptr()))
    }

    #[inline]
    fn segment(&self) -> &Segment {
        // Acquire: pairs with the Release in `advance`, for the segment's contents and for all that
        // was known to who found the previous one closed.
        let segment = self.0.load(Ordering::Acquire);
        // SAFETY: a start holds the first segment or one that a link of the same chain showed. All
        // of them live until the chain is dropped, and the start, a field of it, is borrowed.
        unsafe { &*segment }
    }

    /// Goes on by one segment, unless another thread has done so.
    fn advance(&self, from: &Segment, to: &Segment) {
        // Release: pairs with the Acquire in `segment`.
        let _ = self.0.compare_exchange(
            core::ptr::from_ref(from).cast_mut(),
            core::ptr::from_ref(to).cast_mut(),
            Ordering::Release,
            Ordering::Relaxed,
        );
    }
}

// SAFETY: `first` is like a box of a segment, which is Send; the other fields are Send.
unsafe impl Send for Chain {}
// SAFETY: through a shared chain only shared segments are reached, and a segment, made of atomics,
// is Sync.
unsafe impl Sync for Chain {}

const _: () = {
    const fn send_and_sync<T: Send + Sync>() {}
    send_and_sync::<Segment>();
};

impl Chain {
    /// A chain that grows. Its first segment is allocated here.
    pub(crate) fn unbounded() -> Self {
        Self::starting_with(build(FIRST_PLACES), WhenFull::Grow)
    }

    /// A chain of exactly `capacity` places; `None` if that many do not fit into memory.
    pub(crate) fn bounded(capacity: NonZeroUsize) -> Option<Self> {
        let segment = Segment::new(capacity.get())?;
        Some(Self::starting_with(segment, WhenFull::Refuse))
    }

    fn starting_with(segment: Box<Segment>, when_full: WhenFull) -> Self {
        let first = NonNull::from(Box::leak(segment));
        Self {
            first,
            push_to: Start::new(first),
            pop_from: Start::new(first),
            when_full,
        }
    }

    /// Appends an item.
    ///
    /// `place` learns the item's cell after the item is in it and before it is published, so that
    /// the item can remember where it is. It is asked again if that segment turns out to be closed
    /// and the item goes into the next one; the last cell counts. A cell lives as long as the chain.
    #[inline]
    pub(crate) fn push(
        &self,
        item: NonNull<()>,
        mut place: impl FnMut(NonNull<Cell>),
    ) -> Result<(), PushRefused> {
        let mut segment = self.push_to.segment();
        loop {
            match segment.push(item, &mut place) {
                Ok(()) => return Ok(()),
                Err(refusal) => segment = self.go_on_pushing(segment, refusal)?,
            }
        }
    }

    /// Takes the oldest entry.
    #[inline]
    pub(crate) fn pop(&self) -> Popped {
        let mut segment = self.pop_from.segment();
        loop {
            match segment.pop() {
                Ok(Some(item)) => return Popped::Item(item),
                Ok(None) => return Popped::Emptied,
                Err(Nothing::Empty) => return Popped::Empty,
                Err(Nothing::Closed(reason)) => match self.go_on_popping(segment, reason) {
                    Ok(next) => segment = next,
                    Err(nothing) => return nothing,
                },
            }
        }
    }

    /// Pops the entries at the head whose items were revoked. Returns how many places came free.
    pub(crate) fn pop_emptied(&self) -> usize {
        let mut freed = 0;
        let mut segment = self.pop_from.segment();
        loop {
            match segment.pop_if_emptied() {
                Ok(true) => freed += 1,
                Ok(false) | Err(Nothing::Empty) => return freed,
                Err(Nothing::Closed(reason)) => match self.go_on_popping(segment, reason) {
                    Ok(next) => segment = next,
                    Err(_) => return freed,
                },
            }
        }
    }

    /// Lets nothing more in; what is inside can still be popped. To close again changes nothing.
    pub(crate) fn close(&self) {
        let mut segment = self.push_to.segment();
        while segment.close(Reason::Closed) == Reason::Grown {
            match segment.next.end() {
                Next::Installed(next) => segment = next,
                Next::Unset | Next::Building | Next::End => return,
            }
        }
    }

    /// Whether the chain has been closed; entries may still be in it.
    #[cfg(all(test, not(ringpool_loom)))]
    pub(crate) fn is_closed(&self) -> bool {
        let mut segment = self.push_to.segment();
        loop {
            match segment.closed() {
                None => return false,
                Some(Reason::Closed) => return true,
                Some(Reason::Grown) => match segment.next.look() {
                    Next::Unset | Next::Building => return false,
                    Next::End => return true,
                    Next::Installed(next) => segment = next,
                },
            }
        }
    }

    /// How many entries there are, emptied ones included: exact while no other thread uses the
    /// chain.
    pub(crate) fn len(&self) -> usize {
        let mut segment = self.pop_from.segment();
        let mut entries = segment.len();
        while let Next::Installed(next) = segment.next.look() {
            entries += next.len();
            segment = next;
        }
        entries
    }

    /// Whether a worker may park: no entry, and not closed either.
    ///
    /// Meant for the second look of a Dekker pair, after a sequentially consistent fence: an entry
    /// whose push came before the other side's fence is seen, in whatever segment. The push read
    /// the tail with Acquire, so all entries before its own come along, and it read the way to its
    /// segment with Acquire, so every link up to there does, too. A next segment that is not there
    /// yet holds nothing; its pusher will look at the other word of the pair when it has pushed.
    #[inline]
    pub(crate) fn is_empty_hint(&self) -> bool {
        let mut segment = self.pop_from.segment();
        loop {
            match segment.look() {
                Ok(()) => return false,
                Err(Nothing::Empty) => return true,
                Err(Nothing::Closed(reason)) => match self.go_on_popping(segment, reason) {
                    Ok(next) => segment = next,
                    Err(nothing) => return nothing == Popped::Empty,
                },
            }
        }
    }

    /// Where to push after a refusal: the next segment, built if nobody has.
    #[cold]
    fn go_on_pushing<'a>(
        &'a self,
        segment: &'a Segment,
        refusal: Refusal,
    ) -> Result<&'a Segment, PushRefused> {
        let reason = match (refusal, self.when_full) {
            (Refusal::Closed(reason), _) => reason,
            (Refusal::Full, WhenFull::Grow) => segment.close(Reason::Grown),
            // A full chain that is closed has no room later: say the answer that stays true.
            (Refusal::Full, WhenFull::Refuse) => segment.closed().ok_or(PushRefused::Full)?,
        };
        if reason == Reason::Closed {
            return Err(PushRefused::Closed);
        }
        let next = next_or_build(segment).ok_or(PushRefused::Closed)?;
        self.push_to.advance(segment, next);
        Ok(next)
    }

    /// Where to pop after a segment was found closed and empty, or what there is to say.
    #[cold]
    fn go_on_popping<'a>(
        &'a self,
        segment: &'a Segment,
        reason: Reason,
    ) -> Result<&'a Segment, Popped> {
        if reason == Reason::Closed {
            return Err(Popped::Closed);
        }
        match segment.next.look() {
            Next::Unset | Next::Building => Err(Popped::Empty),
            Next::End => Err(Popped::Closed),
            Next::Installed(next) => {
                self.pop_from.advance(segment, next);
                Ok(next)
            }
        }
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        // SAFETY: the pointer came from a box, and nothing can reach the segments any more.
        drop(unsafe { Box::from_raw(self.first.as_ptr()) });
    }
}

/// The segment after one that has grown; `None` if the chain was closed there.
fn next_or_build(segment: &Segment) -> Option<&Segment> {
    // The others look a number of times whether it is there. The builder may have been stopped, so
    // then they build themselves, and the first one to be ready is the one that counts.
    if !segment.next.reserve() {
        for _ in 0..PATIENCE {
            match segment.next.look() {
                Next::Installed(next) => return Some(next),
                Next::End => return None,
                Next::Unset | Next::Building => spin_loop(),
            }
        }
    }
    match segment
        .next
        .install(build(segment.array_len().saturating_mul(2)))
    {
        Next::Installed(next) => Some(next),
        Next::Unset | Next::Building | Next::End => None,
    }
}

/// A segment for a chain that grows, where there is nobody to tell that memory is out.
fn build(places: usize) -> Box<Segment> {
    Segment::new(places).unwrap_or_else(|| handle_alloc_error(Layout::new::<Segment>()))
}

#[cfg(all(test, not(ringpool_loom)))]
mod tests;

#[cfg(all(test, ringpool_loom))]
mod models;
