//! Every atomic, cell, fence and spin hint of the core, in one place.
//!
//! With `--cfg ringpool_loom` the same names come from loom, so that the models check the code that
//! ships and no algorithm has a second text. loom's constructors are not `const`; the `const_fn!`
//! macro below drops the word there.

#[cfg(not(ringpool_loom))]
mod real {
    pub(crate) use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

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
}

#[cfg(ringpool_loom)]
mod real {
    pub(crate) use loom::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

    /// loom's checked cell behind the interface of the real one.
    #[derive(Debug)]
    pub(crate) struct UnsafeCell<T>(loom::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::cell::UnsafeCell::new(value))
        }

        pub(crate) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
            self.0.with(f)
        }

        pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
            self.0.with_mut(f)
        }
    }

    pub(crate) fn fence_seq_cst() {
        loom::sync::atomic::fence(Ordering::SeqCst);
    }

    pub(crate) fn fence_acquire(_word: &AtomicUsize) {
        loom::sync::atomic::fence(Ordering::Acquire);
    }

    // loom takes a store that races an exchange of the same atomic for a data race; a swap says the
    // same without the alarm.
    pub(crate) fn store_ptr<T>(word: &AtomicPtr<T>, value: *mut T) {
        word.swap(value, Ordering::Relaxed);
    }

    pub(crate) fn spin_loop() {
        loom::thread::yield_now();
    }
}

pub(crate) use real::*;

/// Declares functions that are `const` except under loom, whose atomics have no const constructors.
macro_rules! const_fn {
    ($($(#[$meta:meta])* $vis:vis const fn $name:ident($($args:tt)*) $(-> $ret:ty)? $body:block)*) => {$(
        #[cfg(not(ringpool_loom))] $(#[$meta])* $vis const fn $name($($args)*) $(-> $ret)? $body
        #[cfg(ringpool_loom)] $(#[$meta])* $vis fn $name($($args)*) $(-> $ret)? $body
    )*};
}
pub(crate) use const_fn;

/// Keeps a value on cache lines of its own, so that writers of neighbours do not slow its readers.
///
/// Two lines on x86-64 and 64-bit Arm, whose prefetchers fetch lines in pairs; one line on other
/// 64-bit machines; no padding on small machines, which have neither caches nor memory to spare.
#[derive(Debug, Default)]
#[cfg_attr(any(target_arch = "x86_64", target_arch = "aarch64"), repr(align(128)))]
#[cfg_attr(
    all(
        target_pointer_width = "64",
        not(any(target_arch = "x86_64", target_arch = "aarch64"))
    ),
    repr(align(64))
)]
pub(crate) struct CachePadded<T>(pub(crate) T);

impl<T> core::ops::Deref for CachePadded<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}
