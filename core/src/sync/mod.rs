//! Every atomic, cell, fence and spin hint of the core, in one place.
//!
//! With `--cfg ringpool_loom` the same names come from loom, so that the models check the code that
//! ships and no algorithm has a second text. loom's constructors are not `const`; the `const_fn!`
//! macro below drops the word there. `mutation.rs` can weaken one ordering of such a build, so that
//! `mutants` finds out whether a model notices. `emulated.rs` has the words of targets without
//! compare-exchange.

#[cfg(all(
    not(ringpool_loom),
    any(not(target_has_atomic = "ptr"), ringpool_critical_section)
))]
mod emulated;
#[cfg(ringpool_loom)]
mod modelled;
#[cfg(ringpool_loom)]
mod mutation;
#[cfg(not(ringpool_loom))]
mod real;

#[cfg(ringpool_loom)]
pub(crate) use modelled::*;
#[cfg(ringpool_loom)]
#[cfg_attr(not(all(test, feature = "alloc")), allow(unused_imports))]
pub(crate) use mutation::call_happens;
#[cfg(not(ringpool_loom))]
pub(crate) use real::*;

/// Declares functions that are `const` except under loom, whose atomics have no const constructors.
macro_rules! const_fn {
    ($($(#[$meta:meta])* $vis:vis const fn $name:ident($($args:tt)*) $(-> $ret:ty)? $body:block)*) => {$(
        #[cfg(not(ringpool_loom))] $(#[$meta])* $vis const fn $name($($args)*) $(-> $ret)? $body
        #[cfg(ringpool_loom)] $(#[$meta])* $vis fn $name($($args)*) $(-> $ret)? $body
    )*};
}
pub(crate) use const_fn;

/// An array whose elements are made one by one: a constant, except under loom.
#[cfg(not(ringpool_loom))]
macro_rules! array_of {
    ($make:expr; $len:expr) => {
        [const { $make }; $len]
    };
}
#[cfg(ringpool_loom)]
macro_rules! array_of {
    ($make:expr; $len:expr) => {
        core::array::from_fn::<_, { $len }, _>(|_| $make)
    };
}
pub(crate) use array_of;

/// Keeps the compiler from moving anything across. Between a thread and the interrupt handlers that run on it no other
/// fence is needed, and the models have nothing to find.
#[inline]
pub(crate) fn interrupt_fence() {
    core::sync::atomic::compiler_fence(core::sync::atomic::Ordering::SeqCst);
}

/// A flag of one thread, which an interrupt handler on that thread reads, and may change if it changes it back. What the
/// flag guards is where the handler takes it to be.
#[derive(Debug)]
pub(crate) struct Flag(core::sync::atomic::AtomicBool);

impl Flag {
    pub(crate) const fn new(set: bool) -> Self {
        Self(core::sync::atomic::AtomicBool::new(set))
    }

    #[inline]
    pub(crate) fn get(&self) -> bool {
        let set = self.0.load(core::sync::atomic::Ordering::Relaxed);
        interrupt_fence();
        set
    }

    #[inline]
    pub(crate) fn set(&self, set: bool) {
        interrupt_fence();
        self.0.store(set, core::sync::atomic::Ordering::Relaxed);
        interrupt_fence();
    }
}

/// Keeps a value on cache lines of its own, so that writers of neighbours do not slow its readers.
///
/// Two lines on x86-64 and 64-bit Arm, whose prefetchers fetch lines in pairs; one line on other
/// 64-bit machines; no padding on small machines, which have neither caches nor memory to spare.
#[derive(Debug, Default)]
#[repr(C)]
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
