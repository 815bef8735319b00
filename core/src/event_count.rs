//! Waiting for a condition that lies outside the word one waits on: room in a queue, a finished chunk of a
//! stream. Known as an event count (Reed and Kanodia 1979; Vyukov's form with a fence on either side).

use crate::platform::Platform;
use crate::seats::{self, Look, WAITERS};
use crate::sync::{AtomicUsize, Ordering, const_fn, fence_seq_cst};

/// A word that holds nothing but the seats of those who wait.
#[derive(Debug)]
pub(crate) struct EventCount(AtomicUsize);

impl EventCount {
    const_fn! {
        pub(crate) const fn new() -> Self {
            Self(AtomicUsize::new(0))
        }
    }

    /// Blocks until `look` says `Done` or gives up; tells which. `look` tests the condition itself.
    pub(crate) fn wait<P: Platform>(&self, mut look: impl FnMut() -> Look) -> bool {
        seats::wait::<P>(&self.0, |_| look())
    }

    /// Wakes everyone who waits, after the condition has changed. They look again; who finds it taken by
    /// another registers anew.
    #[inline]
    pub(crate) fn notify<P: Platform>(&self) {
        // Dekker pair with the fence in `seats::wait`: we change the condition and read the word, a
        // waiter writes the word and reads the condition.
        fence_seq_cst();
        if self.0.load(Ordering::Relaxed) & WAITERS != 0 {
            // Acquire: pairs with the Release of each registration. Whom we strike off the list we must wake: its
            // last look may find what came free taken by another, and then it sleeps without being registered.
            let old = self.0.fetch_and(!WAITERS, Ordering::Acquire);
            seats::wake::<P>(old, seats::address(&self.0));
        }
    }
}
