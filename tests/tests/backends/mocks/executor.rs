//! An async executor on one core without threads, in the shape of embassy's.
//!
//! Its rules: nothing allocates, a task never blocks, wakers may be called in interrupt handlers, and when no task is ready,
//! an interrupt has to come.

use std::future::Future;
use std::pin::Pin;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

use super::{broken, without_allocator};

const MOST_TASKS: usize = 4;

/// Whether each task is to be polled.
static READY: [AtomicBool; MOST_TASKS] = [const { AtomicBool::new(true) }; MOST_TASKS];

/// A waker is a pointer to its task's flag.
static WAKER: RawWakerVTable =
    RawWakerVTable::new(|flag| RawWaker::new(flag, &WAKER), wake, wake, |_| {});

unsafe fn wake(flag: *const ()) {
    // SAFETY: `run` made the pointer from a static.
    unsafe { &*flag.cast::<AtomicBool>() }.store(true, Ordering::Relaxed);
}

/// Polls tasks until all have ended. When none is ready, the next of the interrupts comes. Runs once.
pub fn run(tasks: &mut [Pin<&mut dyn Future<Output = ()>>], interrupts: &[fn()]) {
    let mut interrupts = interrupts.iter();
    let mut ended = [false; MOST_TASKS];
    without_allocator(|| {
        while !ended[..tasks.len()].iter().all(|ended| *ended) {
            let mut polled = false;
            for ((task, ready), ended) in tasks.iter_mut().zip(&READY).zip(&mut ended) {
                if *ended || !ready.swap(false, Ordering::Relaxed) {
                    continue;
                }
                let waker = RawWaker::new(ptr::from_ref(ready).cast(), &WAKER);
                // SAFETY: the functions do what a waker's have to do, on a static.
                let waker = unsafe { Waker::from_raw(waker) };
                *ended = task.as_mut().poll(&mut Context::from_waker(&waker)) == Poll::Ready(());
                polled = true;
            }
            if polled {
                continue;
            }
            let Some(interrupt) = interrupts.next() else {
                broken("nothing will ever wake this executor");
            };
            interrupt();
        }
    });
}

/// What a wait in a task comes to.
pub fn block() -> ! {
    broken("a task must not block its executor");
}
