//! What ships: the primitives of `core`.

#[cfg(all(target_has_atomic = "ptr", not(ringpool_critical_section)))]
pub(crate) use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

#[cfg(any(not(target_has_atomic = "ptr"), ringpool_critical_section))]
pub(crate) use super::emulated::{AtomicPtr, AtomicUsize, Ordering};

/// `core::cell::UnsafeCell` with loom's closure interface.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct UnsafeCell<T>(core::cell::UnsafeCell<T>);

impl<T> UnsafeCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(core::cell::UnsafeCell::new(value))
    }

    /// Hands out a pointer for reading. The caller's contract is that of the cell's owner.
    #[inline(always)]
    pub(crate) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        f(self.0.get())
    }

    /// Hands out a pointer for writing. The caller's contract is that of the cell's owner.
    #[inline(always)]
    pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        f(self.0.get())
    }
}

/// A sequentially consistent fence: one half of a Dekker pair. Each use names the other half.
#[inline(always)]
pub(crate) fn fence_seq_cst() {
    #[cfg(not(ringpool_tsan))]
    core::sync::atomic::fence(Ordering::SeqCst);
    // ThreadSanitizer does not understand stand-alone fences. A read-modify-write of one shared
    // word orders the same accesses, so the sanitizer run checks an equivalent program.
    #[cfg(ringpool_tsan)]
    {
        static FENCE: AtomicUsize = AtomicUsize::new(0);
        FENCE.fetch_add(0, Ordering::SeqCst);
    }
}

/// Makes an earlier Relaxed load of `word` an Acquire load, after the fact.
#[inline(always)]
pub(crate) fn fence_acquire(word: &AtomicUsize) {
    #[cfg(not(ringpool_tsan))]
    {
        let _ = word;
        core::sync::atomic::fence(Ordering::Acquire);
    }
    #[cfg(ringpool_tsan)]
    word.load(Ordering::Acquire);
}

/// A Relaxed store to a word that other threads may exchange at the same time.
#[inline(always)]
#[cfg_attr(not(feature = "alloc"), allow(dead_code))]
pub(crate) fn store_ptr<T>(word: &AtomicPtr<T>, value: *mut T) {
    word.store(value, Ordering::Relaxed);
}

/// One step of a busy wait.
#[inline(always)]
pub(crate) fn spin_loop() {
    core::hint::spin_loop();
}

/// A number that mostly differs from thread to thread: the page of the stack that it is on.
#[inline(always)]
pub(crate) fn thread_hint() -> usize {
    let here = 0_u8;
    (&raw const here).addr() >> 12
}
