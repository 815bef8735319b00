//! Waiting: the one mechanism by which a thread blocks, and by which it is woken.
//!
//! A waiter that puts a node on its own stack has to unlink it before a time-out returns, and that is
//! where such protocols break. Nothing dangles here: waiters sit in *seats*, parking tokens in a table
//! that is never freed. A word that threads wait for (a job's, a latch's) names the seat:
//!
//! ```text
//!  high bits       one bit   low bits
//! [ seat index+1 |  MANY   | payload of the word's owner ]
//! ```
//!
//! 1. A waiter takes a seat and writes the word's address into the seat's `on`.
//! 2. It registers by compare-exchange, before each park: its seat index if the field is empty, else MANY.
//! 3. It parks until the word shows what it waits for. Wakes may be spurious.
//! 4. Who changes the word wakes the seat in the value it replaced, and with MANY every seat whose `on`
//!    is the word's address. It uses the address as a number only: the word may be gone by then.
//!
//! A late unpark may reach a seat's next user, or nobody; [`Park`] allows for both.

use crate::backoff::{Backoff, Crowded};
use crate::platform::{Park, Platform, new_token};
use crate::sync::{AtomicUsize, CachePadded, Ordering, const_fn, fence_seq_cst, thread_hint};
use crate::time::Instant;

#[cfg(feature = "alloc")]
use crate::sync::AtomicPtr;
#[cfg(feature = "alloc")]
use alloc::boxed::Box;

/// Where the seat field of a waitable word begins.
const SEAT_SHIFT: u32 = if usize::BITS == 64 { 40 } else { 20 };
/// Seats that the field can name.
const SEAT_LIMIT: usize = (1 << (usize::BITS - SEAT_SHIFT)) - 1;
/// More than one thread waits: scan the table.
const MANY: usize = 1 << (SEAT_SHIFT - 1);
/// The bits of a waitable word that belong to its owner.
pub(crate) const PAYLOAD: usize = MANY - 1;
/// Everything that a waker takes out of a word that is waited for again and again.
pub(crate) const WAITERS: usize = !PAYLOAD;

/// Seats of one block of the table. The first block is part of the table itself.
const BLOCK: usize = if cfg!(ringpool_loom) { 4 } else { 32 };

#[repr(C)]
struct Seat<T> {
    /// What the seat's owner waits for, as a number; 0 while the seat is free.
    on: AtomicUsize,
    token: T,
}

#[repr(C)]
struct Block<T> {
    seats: [CachePadded<Seat<T>>; BLOCK],
    #[cfg(feature = "alloc")]
    next: AtomicPtr<Block<T>>,
}

impl<T: Park> Block<T> {
    const_fn! {
        const fn new() -> Self {
            Self {
                #[cfg(not(ringpool_loom))]
                seats: [const { CachePadded(Seat { on: AtomicUsize::new(0), token: new_token() }) }; BLOCK],
                #[cfg(ringpool_loom)]
                seats: core::array::from_fn(|_| CachePadded(Seat { on: AtomicUsize::new(0), token: new_token() })),
                #[cfg(feature = "alloc")]
                next: AtomicPtr::new(core::ptr::null_mut()),
            }
        }
    }
}

/// The table of seats of one platform, in which every blocked thread sits.
///
/// A platform keeps one in a `static`. With an allocator it grows by blocks that are never moved or
/// freed; without one it has 32 seats, and a thread that finds none busy-waits for a seat.
// As in C, so that tables of tokens with the same layout have the same layout, see `spin.rs`.
#[repr(C)]
pub struct Seats<T: Park> {
    first: Block<T>,
    /// Apart from the first block, which every wake reads.
    pub(crate) crowded: CachePadded<Crowded>,
}

impl<T: Park> core::fmt::Debug for Seats<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Seats").finish_non_exhaustive()
    }
}

impl<T: Park> Default for Seats<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// A seat in use, given back when dropped.
struct Taken<'a, T> {
    seat: &'a Seat<T>,
    index: usize,
}

impl<T> Drop for Taken<'_, T> {
    fn drop(&mut self) {
        // Release: pairs with the Acquire of the next owner's compare-exchange in `take`.
        self.seat.on.store(0, Ordering::Release);
    }
}

impl<T: Park> Seats<T> {
    const_fn! {
        /// An empty table.
        pub const fn new() -> Self {
            Self { first: Block::new(), crowded: CachePadded(Crowded::new()) }
        }
    }

    /// Every block of the table, in order.
    fn blocks(&self) -> impl Iterator<Item = &Block<T>> {
        core::iter::successors(Some(&self.first), |block| {
            #[cfg(feature = "alloc")]
            {
                // Acquire: pairs with the Release that installs the block in `grow`.
                let next = block.next.load(Ordering::Acquire);
                // SAFETY: an installed block is never freed or moved.
                unsafe { next.as_ref() }
            }
            #[cfg(not(feature = "alloc"))]
            {
                let _ = block;
                None
            }
        })
    }

    /// Adds a block after the last one; a thread that loses the race uses the winner's.
    #[cfg(feature = "alloc")]
    #[cold]
    fn grow(&self) {
        let Some(last) = self.blocks().last() else {
            return;
        };
        let block = Box::into_raw(Box::new(Block::new()));
        let won = last.next.compare_exchange(
            core::ptr::null_mut(),
            block,
            // Release: publishes the block's seats to the Acquire in `blocks`.
            Ordering::Release,
            Ordering::Relaxed,
        );
        if won.is_err() {
            // SAFETY: the block was not installed, so this is the only pointer to it.
            drop(unsafe { Box::from_raw(block) });
        }
    }

    /// Takes a free seat. Threads start their search at different seats, so that the usual search is one
    /// compare-exchange on a line that nobody else writes.
    fn take(&self, on: usize) -> Taken<'_, T> {
        let start = thread_hint().wrapping_mul(0x9E37_79B9) >> 8;
        loop {
            for (number, block) in self.blocks().enumerate() {
                for step in 0..BLOCK {
                    let place = (start.wrapping_add(step)) % BLOCK;
                    let seat = &block.seats[place].0;
                    if seat.on.load(Ordering::Relaxed) == 0
                        // Acquire: pairs with the Release of the former owner's drop.
                        && seat.on.compare_exchange(0, on, Ordering::Acquire, Ordering::Relaxed).is_ok()
                    {
                        return Taken {
                            seat,
                            index: number * BLOCK + place,
                        };
                    }
                }
            }
            #[cfg(feature = "alloc")]
            self.grow();
            #[cfg(not(feature = "alloc"))]
            crate::sync::spin_loop();
        }
    }

    fn unpark_seat(&self, index: usize) {
        if let Some(block) = self.blocks().nth(index / BLOCK) {
            block.seats[index % BLOCK].token.unpark();
        }
    }

    /// Unparks every seat whose owner waits on `on`.
    ///
    /// Relaxed: whoever calls it has read, with Acquire, a word that the waiter wrote with Release after
    /// it took its seat, or stands behind a fence that is paired with the waiter's.
    fn unpark_all(&self, on: usize) {
        for seat in self.blocks().flat_map(|block| &block.seats) {
            if seat.on.load(Ordering::Relaxed) == on {
                seat.token.unpark();
            }
        }
    }
}

/// Unparks every thread that waits for anything on this platform. They look again and go on waiting.
pub(crate) fn unpark_everybody<P: Platform>() {
    for seat in P::seats().blocks().flat_map(|block| &block.seats) {
        if seat.on.load(Ordering::Relaxed) != 0 {
            seat.token.unpark();
        }
    }
}

/// What a waiter makes of the word it waits for.
pub(crate) enum Look {
    /// It shows what was waited for.
    Done,
    /// Not yet: park, at most until the deadline.
    Park(Option<Instant>),
    /// The time is over.
    GiveUp,
}

/// Sleeps until then, or a little longer. At once, where waits pause and yield before: who naps knows that it will
/// take a while.
#[cfg(feature = "alloc")]
pub(crate) fn sleep_until<P: Platform>(until: Instant) {
    let here = 0_usize;
    let seat = P::seats().take(core::ptr::from_ref(&here).addr());
    while P::now().is_some_and(|now| now < until) {
        seat.seat.token.park(Some(until));
    }
}

/// Blocks until `look` says `Done`, and tells whether it did (rather than give up).
///
/// `look` is asked with the word's latest value, read with Acquire, before each park. The word is not
/// touched after a value that `look` called `Done`, so it may be freed by then.
pub(crate) fn wait<P: Platform>(word: &AtomicUsize, mut look: impl FnMut(usize) -> Look) -> bool {
    let mut outcome = None;
    // A job that is about to finish costs less than parking.
    Backoff::RESULT.until::<P>(|| {
        // Acquire: pairs with the Release of whoever changes the word.
        outcome = match look(word.load(Ordering::Acquire)) {
            Look::Done => Some(true),
            Look::GiveUp => Some(false),
            Look::Park(_) => None,
        };
        outcome.is_some()
    });
    if let Some(done) = outcome {
        return done;
    }

    let seat = P::seats().take(address(word));
    // A seat beyond the field's reach is found by a scan.
    let mine = if seat.index < SEAT_LIMIT {
        (seat.index + 1) << SEAT_SHIFT
    } else {
        0
    };
    let mut value = word.load(Ordering::Acquire);
    let mut announced = false;
    loop {
        let deadline = match look(value) {
            Look::Done => return true,
            Look::GiveUp => break,
            Look::Park(deadline) => deadline,
        };
        let named = mine != 0 && value & !(MANY | PAYLOAD) == mine;
        let registered = named || value & MANY != 0;
        if announced && registered {
            seat.seat.token.park(deadline);
            value = word.load(Ordering::Acquire);
            announced = false;
            continue;
        }
        let with_me = if registered {
            value
        } else if mine != 0 && value >> SEAT_SHIFT == 0 {
            value | mine
        } else {
            value | MANY
        };
        // Also where the value stays the same: whoever changes the word next reads from this exchange, or it
        // fails and shows us the change. Release: with the registration a waker sees the seat's `on`. Acquire
        // on failure: the value may show that the wait is over.
        match word.compare_exchange(value, with_me, Ordering::Release, Ordering::Acquire) {
            Ok(_) => {
                // Dekker pair with the fences in `EventCount::notify`, `Latch::nudge` and `Control::cancel`: what
                // `look` reads may lie outside the word, so it has to look once more after the registration.
                fence_seq_cst();
                value = with_me;
                announced = true;
            }
            Err(now) => value = now,
        }
    }
    // Timed out: take our index out of the word, so that the seat's next user is not woken for nothing.
    // MANY stays; it costs a waker one scan.
    while mine != 0 && value & !(MANY | PAYLOAD) == mine {
        // Relaxed: nothing is published; Acquire on failure as above.
        match word.compare_exchange(
            value,
            value & (MANY | PAYLOAD),
            Ordering::Relaxed,
            Ordering::Acquire,
        ) {
            Ok(_) => break,
            Err(now) => value = now,
        }
    }
    matches!(look(value), Look::Done)
}

/// Wakes those registered in `old`, the value that the caller's Acquire read-modify-write replaced.
/// `on` is the address of the word, which is used as a number only.
#[inline]
pub(crate) fn wake<P: Platform>(old: usize, on: usize) {
    if old & WAITERS != 0 {
        wake_registered::<P>(old, on);
    }
}

#[cold]
fn wake_registered<P: Platform>(old: usize, on: usize) {
    let seats = P::seats();
    if let Some(index) = (old >> SEAT_SHIFT).checked_sub(1) {
        seats.unpark_seat(index);
    }
    if old & MANY != 0 {
        seats.unpark_all(on);
    }
}

/// The number by which a word is known in the table.
pub(crate) fn address(word: &AtomicUsize) -> usize {
    core::ptr::from_ref(word).addr()
}

/// A visit of a thread that does not belong to a pool to the memory of that pool's queue.
///
/// A detached handle may cancel its queued job at any moment, and for that it has to reach into the
/// queue of a pool that another thread may be about to free. So it announces the visit in the table
/// first, as a hazard pointer (Michael 2004), and whoever frees the pool waits for its visitors. A
/// visitor looks at the job's word after it has announced itself: a job that is neither ready nor taken by
/// another visitor still lies in the queue, so the pool is there, and its end will see the announcement.
pub(crate) struct Visit<P: Platform> {
    seat: Taken<'static, P::Park>,
    pool: usize,
}

/// Pools and words are aligned to at least four bytes, so the two low bits tell visits from waits.
const VISITOR: usize = 1;
const LEAVER: usize = 2;

impl<P: Platform> Visit<P> {
    pub(crate) fn begin(pool: usize) -> Self {
        let seat = P::seats().take(pool | VISITOR);
        // Dekker pair with `wait_for_visitors`: we write the seat and read the job's word, the leaver
        // has resolved every queued job and reads the seats.
        fence_seq_cst();
        Self { seat, pool }
    }
}

impl<P: Platform> Drop for Visit<P> {
    fn drop(&mut self) {
        // Release: what the visitor did in the queue, and its mark on the job, come before the leaver's
        // Acquire scan that misses the visit.
        self.seat
            .seat
            .on
            .store(self.pool | LEAVER | VISITOR, Ordering::Release);
        // Dekker pair with the fence in `wait_for_visitors`: either it sees that this visit is over, or
        // we see it waiting.
        fence_seq_cst();
        P::seats().unpark_all(self.pool | LEAVER);
    }
}

/// Blocks until no thread visits `pool` any more. Called once, by whoever is about to free the pool,
/// when no job is queued any more.
pub(crate) fn wait_for_visitors<P: Platform>(pool: usize) {
    let seats = P::seats();
    let seat = seats.take(pool | LEAVER);
    loop {
        // Dekker pair with the fences of `Visit`.
        fence_seq_cst();
        let visited = seats
            .blocks()
            .flat_map(|block| &block.seats)
            // Acquire: pairs with the Release at the end of a visit.
            .any(|seat| seat.on.load(Ordering::Acquire) == pool | VISITOR);
        if !visited {
            return;
        }
        seat.seat.token.park(None);
    }
}

#[cfg(all(test, feature = "alloc", ringpool_loom))]
mod models;
