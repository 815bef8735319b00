//! A handle on a call that blocks: watch it and cancel it from another thread.

#[cfg(feature = "alloc")]
use alloc::sync::Arc;

#[cfg(feature = "alloc")]
use crate::stats::Progress;
#[cfg(feature = "alloc")]
use crate::sync::{AtomicPtr, AtomicUsize, Ordering, fence_seq_cst};

#[cfg(feature = "alloc")]
#[derive(Debug)]
struct Inner {
    cancelled: AtomicUsize,
    done: AtomicUsize,
    total: AtomicUsize,
    /// Makes every blocked thread of the call's platform look again; a `fn()`.
    wake: AtomicPtr<()>,
}

/// Watches and cancels a blocking call from another thread. Clones watch the same call.
///
/// ```
/// use ringpool_core::Control;
/// let control = Control::new();
/// assert!(!control.is_cancelled());
/// control.cancel();
/// assert!(control.is_cancelled());
/// ```
#[cfg(feature = "alloc")]
#[derive(Debug, Clone)]
pub struct Control(Arc<Inner>);

/// Without an allocator there are no controls.
#[cfg(not(feature = "alloc"))]
#[derive(Debug, Clone)]
pub(crate) struct Control(core::convert::Infallible);

#[cfg(feature = "alloc")]
impl Default for Control {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(feature = "alloc")]
impl Control {
    /// A control for one or more calls; pass it to [`With::control`](crate::With::control).
    pub fn new() -> Self {
        Self(Arc::new(Inner {
            cancelled: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
            total: AtomicUsize::new(0),
            wake: AtomicPtr::new(core::ptr::null_mut()),
        }))
    }

    /// Items done by the calls so far, out of how many were begun.
    pub fn progress(&self) -> Progress {
        Progress {
            done: self.0.done.load(Ordering::Relaxed),
            total: Some(self.0.total.load(Ordering::Relaxed)),
        }
    }

    /// Cancels: what has not started ends as [`Cancelled`](crate::JobError::Cancelled); what runs sees its
    /// cancel token.
    pub fn cancel(&self) {
        self.0.cancelled.store(1, Ordering::Relaxed);
        // Dekker pair with the fence in `seats::wait`: a call that blocks has stored how to wake it before it took its
        // seat, so either it sees the flag, or we see how to wake it, and its seat.
        fence_seq_cst();
        // Relaxed: a function is there from the start of the program.
        let wake = self.0.wake.load(Ordering::Relaxed);
        if !wake.is_null() {
            // SAFETY: only `watch` stores here, and it stores a `fn()`.
            let wake: fn() = unsafe { core::mem::transmute::<*mut (), fn()>(wake) };
            wake();
        }
    }

    /// Whether [`cancel`](Self::cancel) was called.
    #[inline]
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::Relaxed) != 0
    }

    /// A call begins that `cancel` must be able to wake through `wake`.
    pub(crate) fn watch(&self, wake: fn(), items: usize) {
        self.0.total.fetch_add(items, Ordering::Relaxed);
        self.0.wake.store(wake as *mut (), Ordering::Relaxed);
    }

    pub(crate) fn add_done(&self, items: usize) {
        self.0.done.fetch_add(items, Ordering::Relaxed);
    }
}

#[cfg(not(feature = "alloc"))]
impl Control {
    pub(crate) fn is_cancelled(&self) -> bool {
        match self.0 {}
    }

    pub(crate) fn watch(&self, _: fn(), _: usize) {
        match self.0 {}
    }

    pub(crate) fn add_done(&self, _: usize) {
        match self.0 {}
    }
}
