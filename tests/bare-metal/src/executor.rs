//! The smallest executor: it polls the tasks that were woken, and pauses the core while there is none.

use core::future::Future;
use core::pin::Pin;
use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

use ringpool_core::Hart;

use crate::board::Machine;
use crate::planted;

const TASKS: usize = 2;

/// Whether each task is to be polled.
static WOKEN: [AtomicBool; TASKS] = [const { AtomicBool::new(true) }; TASKS];

/// A waker is a pointer to its task's flag, so a handler may call it.
static WAKER: RawWakerVTable =
    RawWakerVTable::new(|woken| RawWaker::new(woken, &WAKER), wake, wake, |_| {});

/// # Safety
///
/// For a flag of `WOKEN`.
unsafe fn wake(woken: *const ()) {
    // SAFETY: `run` made the pointer from a static.
    let woken = unsafe { &*woken.cast::<AtomicBool>() };
    woken.store(!planted("waker"), Ordering::Relaxed);
}

/// Polls tasks until all have ended. Runs once.
pub fn run(mut tasks: [Pin<&mut dyn Future<Output = ()>>; TASKS]) {
    let mut ended = [false; TASKS];
    while ended != [true; TASKS] {
        let mut polled = false;
        for ((task, woken), ended) in tasks.iter_mut().zip(&WOKEN).zip(&mut ended) {
            if *ended || !woken.load(Ordering::Relaxed) {
                continue;
            }
            // A wake that comes before this is for what the poll will see.
            woken.store(false, Ordering::Relaxed);
            let waker = RawWaker::new(ptr::from_ref(woken).cast(), &WAKER);
            // SAFETY: the functions do what a waker's have to do, on a static.
            let waker = unsafe { Waker::from_raw(waker) };
            *ended = task.as_mut().poll(&mut Context::from_waker(&waker)) == Poll::Ready(());
            polled = true;
        }
        if !polled {
            Machine::relax();
        }
    }
}
