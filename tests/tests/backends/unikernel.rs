//! A backend for a unikernel with an allocator, tasks and futexes, such as Hermit.

use std::cell::Cell;
use std::convert::Infallible;
use std::fmt;
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};

use ringpool::Seats;
use ringpool::platform::{
    CatchPanic, Context, Hosted, Instant, Park, Placement, Platform, Spawner, Timed, WorkerStart,
};

use crate::mocks::unikernel::{clock, futex_wait, futex_wake, join, processors, spawn};

/// The platform.
pub enum Unikernel {}

static SEATS: Seats<Token> = Seats::new();

// SAFETY: there is one table.
unsafe impl Platform for Unikernel {
    type Park = Token;

    fn seats() -> &'static Seats<Token> {
        &SEATS
    }

    fn now() -> Option<Instant> {
        Some(Instant::from_nanos(clock()))
    }
}

impl Timed for Unikernel {}

/// A token is a word: 1 while there is a permit.
pub struct Token(AtomicU32);

impl Park for Token {
    const NEW: Self = Self(AtomicU32::new(0));

    fn park(&self, deadline: Option<Instant>) {
        // Acquire: pairs with the Release in `unpark`.
        if self.0.swap(0, Ordering::Acquire) == 1 {
            return;
        }
        let left = |at: Instant| at.saturating_since(Instant::from_nanos(clock()));
        futex_wait(&self.0, 0, deadline.map(left));
        // A wait that ended for another reason leaves no permit to take, and is looked into by the core.
        self.0.swap(0, Ordering::Acquire);
    }

    fn unpark(&self) {
        if self.0.swap(1, Ordering::Release) == 0 {
            futex_wake(&self.0);
        }
    }
}

thread_local! {
    static WORKER: Cell<*const ()> = const { Cell::new(ptr::null()) };
}

// SAFETY: each task has its own cell, null at first.
unsafe impl Context for Unikernel {
    fn get() -> *const () {
        WORKER.get()
    }

    unsafe fn set(worker: *const ()) {
        WORKER.set(worker);
    }
}

/// Panics end the program.
impl CatchPanic for Unikernel {
    type Payload = Infallible;

    fn catch<R>(f: impl FnOnce() -> R) -> Result<R, Infallible> {
        Ok(f())
    }
}

impl Hosted for Unikernel {
    type Spawner = Tasks;
}

/// Starts a task for each worker.
#[derive(Default)]
pub struct Tasks;

impl Spawner for Tasks {
    type Handle = i32;
    type Error = Refused;

    fn default_workers(&self) -> usize {
        processors()
    }

    fn spawn(&mut self, start: WorkerStart, _: Placement) -> Result<i32, Refused> {
        let (_, token) = start.into_raw();
        // SAFETY: the task is prepared for this token.
        let number = unsafe { spawn(task, token.expose_provenance()) };
        if number < 0 {
            // SAFETY: the token was taken apart above, and no task has it.
            drop(unsafe { WorkerStart::from_raw(token) });
            return Err(Refused(number));
        }
        Ok(number)
    }

    fn reclaim(&mut self, task: i32) {
        join(task);
    }
}

unsafe extern "C" fn task(token: usize) {
    // SAFETY: `spawn` has taken the token apart for this call.
    unsafe { WorkerStart::from_raw(ptr::with_exposed_provenance_mut(token)) }.run();
}

/// The number by which the system refuses a task.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused(pub i32);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the system refuses a task with error {}", self.0)
    }
}

impl std::error::Error for Refused {}
