//! A backend for an RTOS with static stacks and semaphores, such as `FreeRTOS` and Zephyr.

use std::convert::Infallible;
use std::fmt;

use ringpool::Seats;
use ringpool::platform::{
    CatchPanic, Context, Instant, IsrUnpark, Park, Placement, Platform, Spawner, Timed, WorkerStart,
};

use crate::mocks::rtos::{self, NANOS_PER_TICK, Semaphore, Stack, Task};

/// The platform.
pub enum Rtos {}

static SEATS: Seats<Token> = Seats::new();

// SAFETY: there is one table.
unsafe impl Platform for Rtos {
    type Park = Token;

    fn seats() -> &'static Seats<Token> {
        &SEATS
    }

    fn now() -> Option<Instant> {
        Some(Instant::from_nanos(rtos::uptime() * NANOS_PER_TICK))
    }
}

impl Timed for Rtos {}

/// A token is a binary semaphore.
pub struct Token(Semaphore);

impl Park for Token {
    const NEW: Self = Self(Semaphore::new());

    fn park(&self, deadline: Option<Instant>) {
        // The wait ends at the first tick that is not before the deadline.
        let until = |at: Instant| at.as_nanos().div_ceil(NANOS_PER_TICK);
        self.0
            .take(deadline.map(|at| until(at).saturating_sub(rtos::uptime())));
    }

    fn unpark(&self) {
        if rtos::in_interrupt() {
            self.0.give_from_interrupt();
        } else {
            self.0.give();
        }
    }
}

// SAFETY: the system allows to give a semaphore in any handler.
unsafe impl IsrUnpark for Token {}

// SAFETY: the system keeps a pointer for each task, null at first, and nobody else uses it.
unsafe impl Context for Rtos {
    fn get() -> *const () {
        rtos::task_local()
    }

    unsafe fn set(worker: *const ()) {
        rtos::set_task_local(worker.cast_mut());
    }
}

/// Panics end the program.
impl CatchPanic for Rtos {
    type Payload = Infallible;

    fn catch<R>(f: impl FnOnce() -> R) -> Result<R, Infallible> {
        Ok(f())
    }
}

/// Starts worker `i` on stack `i`.
pub struct Tasks(pub &'static [Stack]);

impl Spawner for Tasks {
    type Handle = Task;
    type Error = NoStack;

    fn default_workers(&self) -> usize {
        self.0.len()
    }

    fn spawn(&mut self, start: WorkerStart, at: Placement) -> Result<Task, NoStack> {
        let stack = self.0.get(at.index).ok_or(NoStack(at.index))?;
        let (_, token) = start.into_raw();
        // SAFETY: the task is prepared for this token.
        Ok(unsafe { rtos::create_task(task, token, stack) })
    }

    fn reclaim(&mut self, task: Task) {
        rtos::join_task(task);
    }

    /// A successor would need a stack beside that of the worker which starts it.
    fn can_respawn(&self) -> bool {
        false
    }
}

unsafe extern "C" fn task(token: *mut ()) {
    // SAFETY: `spawn` has taken the token apart for this call.
    let start = unsafe { WorkerStart::from_raw(token) };
    // The system's tasks do not return.
    start.run_then(rtos::delete_this_task)
}

/// There is no stack for this worker.
#[derive(Debug)]
pub struct NoStack(usize);

impl fmt::Display for NoStack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no stack for worker {}", self.0)
    }
}

impl std::error::Error for NoStack {}
