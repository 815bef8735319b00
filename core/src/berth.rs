//! Where one idle worker sleeps: on its token, or as a task of an executor, which a waker wakes.
//!
//! A waker cannot be exchanged in one step, so it passes from hand to hand by two words: the worker's bit in the
//! bitmap of `idle.rs`, and `filled`.
//!
//! | bit   | `filled` | the waker is touched by |
//! |-------|----------|-------------------------|
//! | clear | 0        | the worker |
//! | set   | 1        | nobody: it belongs to who takes the bit |
//! | clear | 1        | who has taken the bit: another thread, which wakes, or the worker, which has found work |
//! | set   | 0        | nobody: the worker parks on its token |

use core::task::Waker;

use crate::platform::{Platform, contain, new_token};
use crate::sync::{AtomicUsize, Ordering, UnsafeCell, const_fn};

/// Token and waker of one worker index.
pub(crate) struct Berth<P: Platform> {
    /// What the worker parks on.
    pub(crate) token: P::Park,
    filled: AtomicUsize,
    waker: UnsafeCell<Option<Waker>>,
}

// SAFETY: the waker is touched by one thread at a time, as the table says, and wakers may go anywhere.
unsafe impl<P: Platform> Sync for Berth<P> {}

impl<P: Platform> Berth<P> {
    const_fn! {
        pub(crate) const fn new() -> Self {
            Self {
                token: new_token(),
                filled: AtomicUsize::new(0),
                waker: UnsafeCell::new(None),
            }
        }
    }

    /// What wakes the worker if it is a task; a thread parks on the token. Called by whoever has taken its bit, once.
    pub(crate) fn take_waker(&self) -> Option<Waker> {
        // Relaxed: the worker has written it before it set the bit, with Release, and the bit was taken with Acquire.
        if self.filled.load(Ordering::Relaxed) == 0 {
            return None;
        }
        // SAFETY: we have taken the bit of a filled berth.
        let waker = self.waker.with_mut(|waker| unsafe { (*waker).take() });
        // Release: pairs with the Acquire in `is_mine`.
        self.filled.store(0, Ordering::Release);
        waker
    }

    /// Whether the worker, whose bit is clear, may fill its berth: whoever has woken it last is done with the waker.
    pub(crate) fn is_mine(&self) -> bool {
        // Acquire: pairs with the Release in `take_waker`.
        self.filled.load(Ordering::Acquire) == 0
    }

    /// The worker is about to set its bit, and to be woken by the waker.
    ///
    /// # Safety
    ///
    /// Only the worker may call it, while the berth is its own.
    pub(crate) unsafe fn fill(&self, waker: Waker) {
        // SAFETY: the caller's promise.
        self.waker.with_mut(|place| unsafe { *place = Some(waker) });
        // Relaxed: the bit carries it, with Release.
        self.filled.store(1, Ordering::Relaxed);
    }

    /// The worker has taken its bit back.
    ///
    /// # Safety
    ///
    /// Only the worker may call it, if nobody else has taken the bit since `fill`.
    pub(crate) unsafe fn empty(&self) {
        // SAFETY: the caller's promise.
        let waker = self.waker.with_mut(|waker| unsafe { (*waker).take() });
        // Relaxed: nobody looks before the worker sets its bit again.
        self.filled.store(0, Ordering::Relaxed);
        contain::<P>(move || drop(waker));
    }
}
