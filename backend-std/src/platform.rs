//! The platform: seats, clock, context and panic capture on the standard library.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::OnceLock;
use std::time;

use ringpool_core::{CatchPanic, Context, Hosted, Instant, Platform, Seats, Timed};

use crate::{Threads, Token};

/// The platform of std threads: a type without values that names the parts.
///
/// ```
/// use core::time::Duration;
/// use ringpool_core::Platform;
/// use ringpool_std::Std;
///
/// let start = Std::now().expect("std has a clock");
/// let later = Std::now().expect("std has a clock");
/// assert!(later.saturating_since(start) < Duration::MAX);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Std {}

/// Where every thread of the process sits that is blocked in a pool.
static SEATS: Seats<Token> = Seats::new();

/// The moment that the clock counts from: its first use in this process.
static EPOCH: OnceLock<time::Instant> = OnceLock::new();

thread_local! {
    /// Which worker this thread is. Const-initialised and without a destructor, so that it can be read
    /// while the thread's other locals are being destroyed.
    static WORKER: Cell<*const ()> = const { Cell::new(ptr::null()) };
}

// SAFETY: there is one table, a static.
unsafe impl Platform for Std {
    type Park = Token;

    fn seats() -> &'static Seats<Token> {
        &SEATS
    }

    /// Nanoseconds of [`std::time::Instant`] since the clock's first use in this process.
    fn now() -> Option<Instant> {
        let elapsed = EPOCH.get_or_init(time::Instant::now).elapsed();
        Some(Instant::from_nanos(before_never(elapsed.as_nanos())))
    }

    fn yield_now() {
        std::thread::yield_now();
    }
}

/// Saturates after 584 years, one nanosecond before [`Instant::NEVER`], which no clock may reach.
fn before_never(nanos: u128) -> u64 {
    u64::try_from(nanos).map_or(u64::MAX - 1, |nanos| nanos.min(u64::MAX - 1))
}

impl Timed for Std {}

impl Hosted for Std {
    type Spawner = Threads;
}

// SAFETY:
// - `get` returns what the same thread last passed to `set`, as the cell is a thread-local that only
//   `set` writes.
// - `get` returns null on a thread that never called `set`, as the cell starts with null; it has no
//   destructor, so neither call can find it gone.
unsafe impl Context for Std {
    fn get() -> *const () {
        WORKER.get()
    }

    unsafe fn set(worker: *const ()) {
        WORKER.set(worker);
    }
}

impl CatchPanic for Std {
    type Payload = Box<dyn Any + Send>;

    fn catch<R>(f: impl FnOnce() -> R) -> Result<R, Self::Payload> {
        catch_unwind(AssertUnwindSafe(f))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringpool_core::Panic;
    use std::panic::resume_unwind;
    use std::thread;

    #[test]
    fn the_clock_never_goes_back() {
        let mut last = Std::now().expect("std has a clock");
        for _ in 0..10_000 {
            let now = Std::now().expect("std has a clock");
            assert!(now >= last, "{now:?} came after {last:?}");
            last = now;
        }
    }

    #[test]
    fn the_clock_is_the_same_for_all_threads() {
        for _ in 0..50 {
            let before = Std::now();
            let there = thread::spawn(Std::now)
                .join()
                .expect("reading the clock panicked");
            assert!(before <= there);
            assert!(there <= Std::now());
        }
    }

    #[test]
    fn the_clock_saturates_before_never() {
        assert_eq!(before_never(0), 0);
        assert_eq!(before_never(u128::from(u64::MAX) - 2), u64::MAX - 2);
        for nanos in [
            u128::from(u64::MAX) - 1,
            u128::from(u64::MAX),
            u128::from(u64::MAX) + 1,
            u128::MAX,
        ] {
            assert!(Instant::from_nanos(before_never(nanos)) < Instant::NEVER);
        }
    }

    #[test]
    fn each_thread_has_its_own_context() {
        let here = 1_u8;
        let here = ptr::from_ref(&here).cast();
        assert!(Std::get().is_null());
        // SAFETY: no worker runs on this test's thread.
        unsafe { Std::set(here) };
        thread::spawn(|| {
            assert!(
                Std::get().is_null(),
                "a new thread begins without a context"
            );
            let there = 2_u8;
            // SAFETY: no worker runs on this test's thread.
            unsafe { Std::set(ptr::from_ref(&there).cast()) };
        })
        .join()
        .expect("the other thread failed");
        assert_eq!(Std::get(), here);
        // SAFETY: no worker runs on this test's thread.
        unsafe { Std::set(ptr::null()) };
        assert!(Std::get().is_null());
    }

    #[test]
    fn the_context_outlives_the_locals_of_its_thread() {
        struct Reads;
        impl Drop for Reads {
            fn drop(&mut self) {
                // SAFETY: no worker runs on this test's thread.
                unsafe { Std::set(Std::get()) };
            }
        }
        thread_local!(static READS: Reads = const { Reads });
        thread::spawn(|| READS.with(|_| ()))
            .join()
            .expect("a destructor could not read the context");
    }

    #[test]
    fn catch_returns_the_value_or_the_payload() {
        assert_eq!(Std::catch(|| 7).expect("nothing panicked"), 7);
        // `resume_unwind` panics without the message on stderr.
        let payload =
            Std::catch(|| resume_unwind(Box::new(99_u32))).expect_err("the closure panicked");
        assert_eq!(payload.downcast_ref::<u32>(), Some(&99));
        let panic = Panic::from(
            Std::catch(|| resume_unwind(Box::new("why"))).expect_err("the closure panicked"),
        );
        assert_eq!(panic.message(), Some("why"));
    }
}
