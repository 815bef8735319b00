//! Latches that hold workers inside jobs and tell when something was reached.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::lock;

#[derive(Debug, Default)]
struct GateState {
    open: bool,
    arrivals: usize,
}

/// A gate that is closed at first and opened once. Clones are the same gate.
///
/// When a test fails, the gate that it made opens, so that the pool can be dropped and the test says what
/// went wrong instead of hanging.
#[derive(Debug, Default)]
pub struct Gate {
    shared: Arc<(Mutex<GateState>, Condvar)>,
    is_clone: bool,
}

impl Clone for Gate {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            is_clone: true,
        }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        if !self.is_clone && std::thread::panicking() {
            self.open();
        }
    }
}

impl Gate {
    /// A closed gate.
    pub fn new() -> Self {
        Self::default()
    }

    /// Arrives at the gate and waits until it is open.
    pub fn pass(&self) {
        let (state, changed) = &*self.shared;
        let mut state = lock(state);
        state.arrivals += 1;
        changed.notify_all();
        while !state.open {
            state = changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Lets everybody pass, from now on.
    pub fn open(&self) {
        let (state, changed) = &*self.shared;
        lock(state).open = true;
        changed.notify_all();
    }

    /// Whether the gate was opened.
    pub fn is_open(&self) -> bool {
        lock(&self.shared.0).open
    }

    /// How often [`Gate::pass`] was called.
    pub fn arrivals(&self) -> usize {
        lock(&self.shared.0).arrivals
    }

    /// Waits until [`Gate::pass`] was called `count` times in all.
    pub fn wait_for_arrivals(&self, count: usize) {
        let (state, changed) = &*self.shared;
        let mut state = lock(state);
        while state.arrivals < count {
            state = changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// A number that only grows, and that threads can wait for. Clones are the same tally.
#[derive(Debug, Clone, Default)]
pub struct Tally(Arc<(Mutex<usize>, Condvar)>);

impl Tally {
    /// A tally of zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one and returns the number before.
    pub fn add(&self) -> usize {
        let (count, changed) = &*self.0;
        let mut count = lock(count);
        *count += 1;
        changed.notify_all();
        *count - 1
    }

    /// The number now.
    pub fn get(&self) -> usize {
        *lock(&self.0.0)
    }

    /// Waits until the number is at least `least`.
    pub fn wait_for(&self, least: usize) {
        let (count, changed) = &*self.0;
        let mut count = lock(count);
        while *count < least {
            count = changed.wait(count).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
