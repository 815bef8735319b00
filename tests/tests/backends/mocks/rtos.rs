//! An RTOS with static stacks and semaphores, in the shape of `FreeRTOS` and Zephyr.
//!
//! Its rules: a task never returns and never allocates, a stack has one task at a time, nothing blocks in an
//! interrupt, and a semaphore is given there by a call of its own.

use std::cell::Cell;
use std::ptr;
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::{behind_the_scenes, broken, without_allocator};

pub const NANOS_PER_TICK: u64 = 1_000_000;

thread_local! {
    static IN_INTERRUPT: Cell<bool> = const { Cell::new(false) };
    static LOCAL: Cell<*mut ()> = const { Cell::new(ptr::null_mut()) };
}

/// A binary semaphore.
pub struct Semaphore {
    permit: Mutex<bool>,
    given: Condvar,
}

impl Semaphore {
    pub const fn new() -> Self {
        Self {
            permit: Mutex::new(false),
            given: Condvar::new(),
        }
    }

    /// Blocks the task until there is a permit, at most for so many ticks; tells whether it has taken one.
    pub fn take(&self, ticks: Option<u64>) -> bool {
        if in_interrupt() {
            broken("an interrupt handler must not block");
        }
        let permit = self.permit.lock().unwrap_or_else(PoisonError::into_inner);
        let mut permit = match ticks {
            None => self.given.wait_while(permit, |permit| !*permit),
            Some(ticks) => self
                .given
                .wait_timeout_while(
                    permit,
                    Duration::from_nanos(ticks.saturating_mul(NANOS_PER_TICK)),
                    |permit| !*permit,
                )
                .map(|(permit, _)| permit)
                .map_err(|error| PoisonError::new(error.into_inner().0)),
        }
        .unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut permit)
    }

    pub fn give(&self) {
        if in_interrupt() {
            broken("an interrupt handler gives a semaphore by `give_from_interrupt`");
        }
        self.leave_permit();
    }

    pub fn give_from_interrupt(&self) {
        if !in_interrupt() {
            broken("a task gives a semaphore by `give`");
        }
        self.leave_permit();
    }

    fn leave_permit(&self) {
        *self.permit.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.given.notify_one();
    }
}

/// The memory of a task's stack.
pub struct Stack {
    taken: Mutex<bool>,
    left: Condvar,
}

impl Stack {
    pub const fn new() -> Self {
        Self {
            taken: Mutex::new(false),
            left: Condvar::new(),
        }
    }
}

/// A task, which is known by its stack.
#[derive(Clone, Copy)]
pub struct Task(&'static Stack);

thread_local! {
    static TASK: Cell<Option<Task>> = const { Cell::new(None) };
}

struct Argument(*mut ());

// SAFETY: what a task does with its argument is for who creates it to answer for.
unsafe impl Send for Argument {}

/// Starts a task that calls `entry` with `argument`.
///
/// # Safety
///
/// `entry` must be prepared for `argument`, on another thread.
pub unsafe fn create_task(
    entry: unsafe extern "C" fn(*mut ()),
    argument: *mut (),
    stack: &'static Stack,
) -> Task {
    let task = Task(stack);
    {
        let mut taken = stack.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::replace(&mut *taken, true) {
            broken("a stack has one task at a time");
        }
    }
    let argument = Argument(argument);
    let run = move || {
        let argument = argument;
        TASK.set(Some(task));
        // SAFETY: the caller's promise.
        without_allocator(|| unsafe { entry(argument.0) });
        broken("a task must not return");
    };
    behind_the_scenes(|| {
        thread::Builder::new()
            .spawn(run)
            .expect("the host has threads")
    });
    task
}

/// Ends the task that calls it. Its stack is free then.
pub fn delete_this_task() -> ! {
    let Some(Task(stack)) = TASK.take() else {
        broken("only a task ends as one");
    };
    *stack.taken.lock().unwrap_or_else(PoisonError::into_inner) = false;
    stack.left.notify_all();
    loop {
        thread::park();
    }
}

/// Blocks until a task has ended.
pub fn join_task(Task(stack): Task) {
    if in_interrupt() {
        broken("an interrupt handler must not block");
    }
    let taken = stack.taken.lock().unwrap_or_else(PoisonError::into_inner);
    drop(stack.left.wait_while(taken, |taken| *taken));
}

/// The pointer that each task has for the program's use; null at first.
pub fn task_local() -> *mut () {
    LOCAL.get()
}

pub fn set_task_local(local: *mut ()) {
    LOCAL.set(local);
}

/// Ticks since the start.
pub fn uptime() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let nanos = START.get_or_init(Instant::now).elapsed().as_nanos();
    u64::try_from(nanos).unwrap_or(u64::MAX) / NANOS_PER_TICK
}

pub fn in_interrupt() -> bool {
    IN_INTERRUPT.get()
}

/// Interrupts this task, which goes on when the handler has returned.
pub fn interrupt(handler: impl FnOnce()) {
    IN_INTERRUPT.set(true);
    without_allocator(handler);
    IN_INTERRUPT.set(false);
}
