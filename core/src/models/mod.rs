//! loom models of the core's protocols, over the code that ships: `ci/loom.sh` runs them, and `mutants` finds
//! out which ordering each depends on. Those that look inside of one module stand beside it, in a `models.rs`.
//!
//! What a model looks for is a *causality violation* (a [`Checked`] place used without the order that the
//! protocol promises), a deadlock (a lost wake-up), or an assertion of its own.

mod batches;
mod jobs;
mod leaving;
mod machine;
mod regions;
mod room;
mod scopes;
mod sleepers;
mod stage;
mod starting;
mod stopping;
mod waiting;

use std::sync::Arc;

use loom::cell::UnsafeCell;
use loom::thread::JoinHandle;

pub(crate) use machine::{Machine, Token, let_first_park_return, let_this_call_panic};
pub(crate) use stage::Stage;

/// Explores every interleaving with at most `bound` preemptions.
pub(crate) fn explore(bound: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(bound);
    builder.max_branches = 20_000;
    builder.check(move || {
        machine::reset();
        model();
    });
}

/// Leaves out interleavings of what comes before the race: a pool that is built, say.
pub(crate) fn before_the_race<T>(f: impl FnOnce() -> T) -> T {
    loom::stop_exploring();
    let made = f();
    loom::explore();
    made
}

/// Waits for threads of the model and gives what they returned.
pub(crate) fn join<T, const N: usize>(threads: [JoinHandle<T>; N]) -> [T; N] {
    threads.map(|thread| thread.join().unwrap())
}

/// The same value for so many threads of the model.
pub(crate) fn shared<T, const N: usize>(value: T) -> [Arc<T>; N] {
    let value = Arc::new(value);
    std::array::from_fn(|_| Arc::clone(&value))
}

/// A place in memory without atomics: loom fails if two uses, one of them a write, have no order.
#[derive(Debug)]
pub(crate) struct Checked(UnsafeCell<()>);

// SAFETY: there is nothing in it, and loom sees to its uses.
unsafe impl Sync for Checked {}

impl Checked {
    pub(crate) fn new() -> Self {
        Self(UnsafeCell::new(()))
    }

    pub(crate) fn read(&self) {
        self.0.with(|_| ());
    }

    pub(crate) fn write(&self) {
        self.0.with_mut(|_| ());
    }
}

/// A value whose making, uses and end must have an order, on whichever threads they happen.
#[derive(Debug)]
pub(crate) struct Value(Checked);

impl Value {
    pub(crate) fn new() -> Self {
        Self(Checked::new())
    }

    pub(crate) fn read(&self) {
        self.0.read();
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        // A second finding while the first unwinds would end the process without its message.
        if !std::thread::panicking() {
            self.0.write();
        }
    }
}
