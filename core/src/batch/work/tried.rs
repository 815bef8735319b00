//! What `try_map` keeps: good results in their places, and the bad ones on the heap.

use alloc::boxed::Box;
use core::ops::{ControlFlow, Range};

use super::{Fault, Fresh, Keep};
use crate::platform::{Platform, contain};
use crate::sync::{AtomicPtr, Ordering};

/// Places without values for the good results, and a list of the bad ones.
pub(crate) struct Tried<R, E> {
    pub(crate) good: Fresh<R>,
    bad: AtomicPtr<Bad<E>>,
}

struct Bad<E> {
    index: usize,
    error: E,
    next: *mut Bad<E>,
}

impl<R, E> Tried<R, E> {
    pub(crate) fn new(good: Fresh<R>) -> Self {
        Self {
            good,
            bad: AtomicPtr::new(core::ptr::null_mut()),
        }
    }

    /// The error of the lowest index; the others are dropped.
    pub(crate) fn take_first<P: Platform>(&self) -> Option<(usize, E)> {
        let mut first: Option<(usize, E)> = None;
        let mut rest = self.bad.swap(core::ptr::null_mut(), Ordering::Relaxed);
        while !rest.is_null() {
            // SAFETY: `put` made the pointer from a box, and the list is ours.
            let bad = *unsafe { Box::from_raw(rest) };
            rest = bad.next;
            let dropped = match &first {
                Some((index, _)) if *index < bad.index => Some((bad.index, bad.error)),
                _ => first.replace((bad.index, bad.error)),
            };
            contain::<P>(move || drop(dropped));
        }
        first
    }
}

impl<R, E> Keep<Result<R, E>> for Tried<R, E> {
    #[inline]
    unsafe fn put(&self, index: usize, value: Result<R, E>) -> ControlFlow<Fault> {
        match value {
            // SAFETY: passed on.
            Ok(value) => unsafe { self.good.put(index, value) },
            Err(error) => {
                let node = Box::into_raw(Box::new(Bad {
                    index,
                    error,
                    next: core::ptr::null_mut(),
                }));
                let mut head = self.bad.load(Ordering::Relaxed);
                loop {
                    // SAFETY: the node is not in the list yet.
                    unsafe { (*node).next = head };
                    // Relaxed: the batch's count of tickets publishes the list to whoever ends the batch.
                    match self.bad.compare_exchange_weak(
                        head,
                        node,
                        Ordering::Relaxed,
                        Ordering::Relaxed,
                    ) {
                        Ok(_) => return ControlFlow::Break(None),
                        Err(now) => head = now,
                    }
                }
            }
        }
    }

    unsafe fn discard<P: Platform>(&self, range: Range<usize>) {
        // SAFETY: passed on.
        unsafe { self.good.discard::<P>(range) };
    }
}

/// A keeper behind a reference, so that it outlives the batch.
impl<V, K: Keep<V>> Keep<V> for &K {
    #[inline]
    unsafe fn put(&self, index: usize, value: V) -> ControlFlow<Fault> {
        // SAFETY: passed on.
        unsafe { (**self).put(index, value) }
    }

    unsafe fn discard<P: Platform>(&self, range: Range<usize>) {
        // SAFETY: passed on.
        unsafe { (**self).discard::<P>(range) };
    }
}
