//! The promises of SEMANTICS.md on a pool that lies in a static, on std threads.
//!
//! Each test has a pool of its own, for nothing frees a static. What differs from the pool on the heap is told
//! in the documentation of `StaticPool`; what needs a vector as its result, or a thread that the
//! pool starts, does not exist here.

mod calls;
mod ending;
mod executors;
mod jobs;
mod recycling;
mod scopes;
mod seats;
mod starting;
mod streams;

use std::thread;

use ringpool::{StaticPool, Std};

/// Runs `f` while threads sit in all seats of the pool, then closes the pool and joins it.
fn with_workers<const WORKERS: usize, const SLOTS: usize, const BYTES: usize, W: 'static>(
    pool: &StaticPool<WORKERS, SLOTS, BYTES, Std, W>,
    f: impl FnOnce(),
) {
    thread::scope(|scope| {
        for index in 0..WORKERS {
            scope.spawn(move || pool.run_worker(index).unwrap());
        }
        // Also when `f` panics, or the threads would never end.
        let _close = Close(pool);
        f();
    });
    pool.join().unwrap();
}

struct Close<'p, const WORKERS: usize, const SLOTS: usize, const BYTES: usize, W: 'static>(
    &'p StaticPool<WORKERS, SLOTS, BYTES, Std, W>,
);

impl<const WORKERS: usize, const SLOTS: usize, const BYTES: usize, W> Drop
    for Close<'_, WORKERS, SLOTS, BYTES, W>
{
    fn drop(&mut self) {
        self.0.close();
    }
}
