//! What the models check: loom's primitives behind the interface of `core`'s, each ordering of which
//! passes through `mutation.rs`.

use core::fmt;

use super::mutation::{Role, fence, ordering};

pub(crate) use core::sync::atomic::Ordering;

/// loom's checked cell behind the interface of the real one.
#[derive(Debug)]
pub(crate) struct UnsafeCell<T> {
    cell: loom::cell::UnsafeCell<T>,
    /// Whatever holds a cell (each job, batch and pool does) must not be leaked.
    _leak: loom::alloc::Track<()>,
}

impl<T> UnsafeCell<T> {
    #[track_caller]
    pub(crate) fn new(value: T) -> Self {
        Self {
            cell: loom::cell::UnsafeCell::new(value),
            _leak: loom::alloc::Track::new(()),
        }
    }

    pub(crate) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        self.cell.with(f)
    }

    pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        self.cell.with_mut(f)
    }
}

#[track_caller]
pub(crate) fn fence_seq_cst() {
    fence(Ordering::SeqCst);
}

#[track_caller]
pub(crate) fn fence_acquire(_word: &AtomicUsize) {
    fence(Ordering::Acquire);
}

// loom takes a store that races an exchange of the same atomic for a data race; a swap says the
// same without the alarm.
pub(crate) fn store_ptr<T>(word: &AtomicPtr<T>, value: *mut T) {
    word.0.swap(value, Ordering::Relaxed);
}

pub(crate) fn spin_loop() {
    loom::thread::yield_now();
}

// The same in every execution, as loom demands of all that decides a branch.
pub(crate) fn thread_hint() -> usize {
    0
}

/// The operations that words and pointers have in common.
macro_rules! operations {
    ($value:ty) => {
        #[track_caller]
        pub(crate) fn load(&self, order: Ordering) -> $value {
            self.0.load(ordering(Role::Success, order))
        }

        #[track_caller]
        pub(crate) fn store(&self, value: $value, order: Ordering) {
            self.0.store(value, ordering(Role::Success, order));
        }

        #[track_caller]
        pub(crate) fn swap(&self, value: $value, order: Ordering) -> $value {
            self.0.swap(value, ordering(Role::Success, order))
        }

        #[track_caller]
        pub(crate) fn compare_exchange(
            &self,
            current: $value,
            new: $value,
            success: Ordering,
            failure: Ordering,
        ) -> Result<$value, $value> {
            let success = ordering(Role::Success, success);
            let failure = ordering(Role::Failure, failure);
            self.0.compare_exchange(current, new, success, failure)
        }

        #[track_caller]
        pub(crate) fn compare_exchange_weak(
            &self,
            current: $value,
            new: $value,
            success: Ordering,
            failure: Ordering,
        ) -> Result<$value, $value> {
            let success = ordering(Role::Success, success);
            let failure = ordering(Role::Failure, failure);
            self.0.compare_exchange_weak(current, new, success, failure)
        }
    };
}

/// loom's word.
#[derive(Debug, Default)]
pub(crate) struct AtomicUsize(loom::sync::atomic::AtomicUsize);

impl AtomicUsize {
    pub(crate) fn new(value: usize) -> Self {
        Self(loom::sync::atomic::AtomicUsize::new(value))
    }

    operations!(usize);

    #[track_caller]
    pub(crate) fn fetch_add(&self, value: usize, order: Ordering) -> usize {
        self.0.fetch_add(value, ordering(Role::Success, order))
    }

    #[track_caller]
    pub(crate) fn fetch_sub(&self, value: usize, order: Ordering) -> usize {
        self.0.fetch_sub(value, ordering(Role::Success, order))
    }

    #[track_caller]
    pub(crate) fn fetch_and(&self, value: usize, order: Ordering) -> usize {
        self.0.fetch_and(value, ordering(Role::Success, order))
    }

    #[track_caller]
    pub(crate) fn fetch_or(&self, value: usize, order: Ordering) -> usize {
        self.0.fetch_or(value, ordering(Role::Success, order))
    }

    #[track_caller]
    pub(crate) fn fetch_update(
        &self,
        success: Ordering,
        failure: Ordering,
        f: impl FnMut(usize) -> Option<usize>,
    ) -> Result<usize, usize> {
        let success = ordering(Role::Success, success);
        let failure = ordering(Role::Failure, failure);
        self.0.fetch_update(success, failure, f)
    }
}

/// loom's pointer.
pub(crate) struct AtomicPtr<T>(loom::sync::atomic::AtomicPtr<T>);

impl<T> AtomicPtr<T> {
    pub(crate) fn new(pointer: *mut T) -> Self {
        Self(loom::sync::atomic::AtomicPtr::new(pointer))
    }

    operations!(*mut T);
}

impl<T> fmt::Debug for AtomicPtr<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T> Default for AtomicPtr<T> {
    fn default() -> Self {
        Self::new(core::ptr::null_mut())
    }
}
