//! Counts that threads wait for: workers alive, jobs of a scope, tickets of a batch.

use crate::platform::Platform;
use crate::seats::{self, Look, PAYLOAD};
use crate::sync::{AtomicUsize, Ordering, const_fn};

/// A count that goes up and down, and a wait for the moment when it has come down to its floor.
#[derive(Debug)]
pub(crate) struct Latch {
    word: AtomicUsize,
    floor: usize,
}

impl Latch {
    const_fn! {
        /// A latch at `count`; waiting ends when the count is `floor`.
        pub(crate) const fn new(count: usize, floor: usize) -> Self {
            Self { word: AtomicUsize::new(count), floor }
        }
    }

    /// Raises the count by one; `false` if it is at its limit (2^39 on 64-bit machines, 2^19 on others).
    #[must_use]
    pub(crate) fn up(&self) -> bool {
        let mut now = self.word.load(Ordering::Relaxed);
        // A checked loop instead of an addition: an overflow would spill into the seat field.
        while now & PAYLOAD < PAYLOAD {
            // Relaxed: whoever raises the count holds one of it already or owns the latch.
            match self.word.compare_exchange_weak(
                now,
                now + 1,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(other) => now = other,
            }
        }
        false
    }

    /// Raises the count by one unless it is zero, or at its limit.
    #[must_use]
    pub(crate) fn up_unless_zero(&self) -> bool {
        let mut now = self.word.load(Ordering::Relaxed);
        while !matches!(now & PAYLOAD, 0 | PAYLOAD) {
            // Relaxed: what the caller does under the count is published by its `down`.
            match self.word.compare_exchange_weak(
                now,
                now + 1,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(other) => now = other,
            }
        }
        false
    }

    /// Lowers the count by one and tells what is left, where the latch outlives the call.
    pub(crate) fn down<P: Platform>(&self) -> usize {
        // SAFETY: `self` is valid.
        unsafe { Self::down_at::<P>(core::ptr::from_ref(self)) }
    }

    /// Lowers the count by one and tells what is left. Unless that is above the floor, the latch may be gone when
    /// this returns, which is why it takes no reference: nothing is touched after the count is lowered.
    ///
    /// # Safety
    ///
    /// The latch must be valid, and the caller must hold one of its count.
    #[inline]
    pub(crate) unsafe fn down_at<P: Platform>(this: *const Self) -> usize {
        // SAFETY: the caller's count keeps the latch valid until it is lowered.
        let word = unsafe { &raw const (*this).word };
        // SAFETY: as above.
        let floor = unsafe { (*this).floor };
        // Release: what was done under this count comes before the end of the wait. Acquire: the last
        // one sees what the others did, and a scan of the seats sees what each waiter wrote.
        // SAFETY: as above.
        let old = unsafe { &*word }.fetch_sub(1, Ordering::AcqRel);
        let left = (old & PAYLOAD) - 1;
        if left <= floor {
            seats::wake::<P>(old, word.addr());
        }
        left
    }

    /// The count now. Acquire: pairs with the Release in `down`.
    pub(crate) fn count(&self) -> usize {
        self.word.load(Ordering::Acquire) & PAYLOAD
    }

    /// Makes whoever waits look again, after something that its `look` reads has changed.
    pub(crate) fn nudge<P: Platform>(&self) {
        // Dekker pair with the fence in `seats::wait`.
        crate::sync::fence_seq_cst();
        // Relaxed: a waiter whose seat the scan overlooks has fenced after us, and sees the change; and as nobody is
        // struck off, the next nudge finds it.
        seats::wake::<P>(
            self.word.load(Ordering::Relaxed),
            seats::address(&self.word),
        );
    }

    /// Blocks until the count is at the floor or `look` gives up; tells which.
    pub(crate) fn wait<P: Platform>(&self, mut look: impl FnMut() -> Look) -> bool {
        let floor = self.floor;
        seats::wait::<P>(&self.word, |word| {
            if word & PAYLOAD <= floor {
                Look::Done
            } else {
                look()
            }
        })
    }
}

/// A wait that only the latch itself ends.
pub(crate) fn forever() -> Look {
    Look::Park(None)
}
