//! A platform whose tokens may be unparked by interrupt handlers: a futex for each.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null;
use std::sync::atomic::{AtomicU32, Ordering};

use ringpool::platform::{CatchPanic, Context, Instant, IsrUnpark, Park, Platform, Seats};

use crate::hook::{futex_wait, futex_wake, yielded};

/// Threads of the system, without a clock: so waits always yield before they park.
#[derive(Debug)]
pub(crate) enum Board {}

/// A permit: 1 if there is one.
pub(crate) struct Token(AtomicU32);

impl Park for Token {
    const NEW: Self = Self(AtomicU32::new(0));

    fn park(&self, _: Option<Instant>) {
        // Acquire: pairs with the Release in `unpark`.
        while self.0.swap(0, Ordering::Acquire) == 0 {
            futex_wait(&self.0, 0);
        }
    }

    fn unpark(&self) {
        if self.0.swap(1, Ordering::Release) == 0 {
            futex_wake(&self.0);
        }
    }
}

// SAFETY: one swap and one system call, no lock.
unsafe impl IsrUnpark for Token {}

static SEATS: Seats<Token> = Seats::new();

thread_local! {
    static WORKER: Cell<*const ()> = const { Cell::new(null()) };
}

// SAFETY: there is one table, a static.
unsafe impl Platform for Board {
    type Park = Token;

    fn seats() -> &'static Seats<Token> {
        &SEATS
    }

    fn yield_now() {
        std::thread::yield_now();
        yielded();
    }
}

// SAFETY: a thread-local that only `set` writes; null at first.
unsafe impl Context for Board {
    fn get() -> *const () {
        WORKER.get()
    }

    unsafe fn set(worker: *const ()) {
        WORKER.set(worker);
    }
}

impl CatchPanic for Board {
    type Payload = Box<dyn Any + Send>;

    fn catch<R>(f: impl FnOnce() -> R) -> Result<R, Self::Payload> {
        catch_unwind(AssertUnwindSafe(f))
    }
}
