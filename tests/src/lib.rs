//! What the tests of ringpool share: ways to hold workers still, to count drops and threads, to let
//! spawners fail, and to turn a hang into a failure.
//!
//! Nothing here waits for time to pass. Where a test must know that something has happened, it waits on
//! a [`Gate`] or a [`Tally`]; where it must know that something cannot happen yet, a closed gate holds
//! the worker that would do it.

mod drops;
mod futures;
mod gate;
mod leaks;
mod random;
mod spawner;
mod threads;
mod watchdog;

pub use drops::{Grenade, OnDrop, Tracked, Tracker};
pub use futures::{FlagWaker, block_on, poll_once};
pub use gate::{Gate, Tally};
pub use leaks::{forget, leak};
pub use random::SplitMix64;
pub use spawner::{Ledger, Plan, Refused, StartFailed, TestSpawner};
pub use threads::{resident_kib, threads_named, threads_of_process};
pub use watchdog::{Watchdog, watchdog};

use std::sync::Arc;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ringpool::Pool;

/// A pool of `workers` plain threads.
pub fn pool(workers: usize) -> Pool {
    Pool::builder()
        .workers(workers)
        .build()
        .expect("a plain pool can be built")
}

/// Holds every one of the pool's `workers` inside a job that waits at the returned gate, and returns
/// when all of them are there.
pub fn hold(pool: &Pool, workers: usize) -> Gate {
    let gate = Gate::new();
    hold_at(pool, &gate, workers);
    gate
}

/// Holds `workers` more workers at `gate`.
pub fn hold_at<W: 'static>(pool: &Pool<W>, gate: &Gate, workers: usize) {
    let before = gate.arrivals();
    for _ in 0..workers {
        let at = gate.clone();
        pool.apply_async(move || at.pass())
            .expect("the pool takes jobs");
    }
    gate.wait_for_arrivals(before + workers);
}

/// Panics without a message on standard error, with a payload that [`ringpool::Panic::message`] reads.
pub fn boom(message: &'static str) -> ! {
    std::panic::resume_unwind(Box::new(message))
}

/// A list that jobs append to.
#[derive(Debug)]
pub struct Log<T>(Arc<Mutex<Vec<T>>>);

impl<T> Log<T> {
    /// An empty list.
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Vec::new())))
    }

    /// Appends `entry`.
    pub fn push(&self, entry: T) {
        lock(&self.0).push(entry);
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        lock(&self.0).len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes all entries out.
    pub fn take(&self) -> Vec<T> {
        std::mem::take(&mut *lock(&self.0))
    }
}

impl<T: Ord> Log<T> {
    /// Takes all entries out and sorts them.
    pub fn take_sorted(&self) -> Vec<T> {
        let mut entries = self.take();
        entries.sort();
        entries
    }
}

impl<T> Default for Log<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Clone for Log<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// Locks `mutex` whether or not a test panicked with it in hand.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
