//! The machine of the models: tokens, seats, contexts and a clock made of loom's primitives.
//!
//! loom's objects belong to one execution, and one execution follows the other on the same thread of the
//! operating system: all threads of a model are coroutines of it. So what is static on a real machine lies in a
//! *stage* which std's `thread_local!` leads to, and which `explore.rs` builds and frees once per execution.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr;

use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Condvar, Mutex};
use ringpool_core::{CatchPanic, Context, Instant, Park, Platform, Seats, Timed};

use crate::drops::Boom;

/// What is static on a real machine.
pub(crate) struct Stage {
    seats: Seats<Token>,
    /// 0, or 1 when the time that every deadline lies before has come.
    late: AtomicUsize,
    /// The same, not known to loom: who reads it makes no interleavings.
    passed: Cell<bool>,
    /// Tokens whose owner has parked with a deadline. A list of the model, not of the machine: whoever changes it
    /// is at the step of a loom object that orders the change, so loom need not know it.
    sleepers: RefCell<Vec<*const Token>>,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self {
            seats: Seats::new(),
            late: AtomicUsize::new(0),
            passed: Cell::new(false),
            sleepers: RefCell::new(Vec::new()),
        }
    }
}

std::thread_local! {
    static STAGE: Cell<*const Stage> = const { Cell::new(ptr::null()) };
}

/// Says which stage the execution that begins plays on; null when it is over.
pub(crate) fn set_stage(stage: *const Stage) {
    STAGE.set(stage);
}

fn stage() -> &'static Stage {
    // SAFETY: `explore.rs` frees the stage at the end of the execution, when every thread of it has ended.
    unsafe { STAGE.get().as_ref() }.expect("the core runs inside a model only")
}

/// The machine of the models. It has a clock, on which the time passes when [`let_time_pass`] says so.
#[derive(Debug)]
pub struct Loom;

/// When a model begins.
const EARLY: u64 = 0;
/// After every deadline that is set before, and before every one that is set then: those never pass.
const LATE: u64 = u64::MAX / 2;

/// Makes every deadline expire. Called on a thread of its own it is a time-out that strikes at any moment.
pub fn let_time_pass() {
    let stage = stage();
    stage.passed.set(true);
    // Relaxed: time orders nothing.
    stage.late.store(1, Ordering::Relaxed);
    // Who parks with a deadline enters itself before it looks at the clock: so it is in the list, or sees the time.
    let sleepers = stage.sleepers.borrow().clone();
    for token in sleepers {
        // SAFETY: only threads in seats park with a deadline, and the seats lie in the stage.
        unsafe { &*token }.unpark();
    }
}

// SAFETY: an execution has one stage from beginning to end.
unsafe impl Platform for Loom {
    type Park = Token;

    fn seats() -> &'static Seats<Token> {
        &stage().seats
    }

    fn now() -> Option<Instant> {
        let late = if Self::get().is_null() {
            // A read-modify-write: clocks are never read as of long ago, and loom would try each old value.
            // Relaxed: time orders nothing.
            stage().late.fetch_add(0, Ordering::Relaxed) != 0
        } else {
            // Workers look at the clock twice for each job, to no effect on the protocols.
            stage().passed.get()
        };
        Some(Instant::from_nanos(if late { LATE } else { EARLY }))
    }
}

impl Timed for Loom {}

// SAFETY: loom's thread-locals belong to one thread of the model.
unsafe impl Context for Loom {
    fn get() -> *const () {
        CONTEXT.with(Cell::get)
    }

    unsafe fn set(worker: *const ()) {
        CONTEXT.with(|context| context.set(worker));
    }
}

loom::thread_local! {
    static CONTEXT: Cell<*const ()> = Cell::new(ptr::null());
}

impl CatchPanic for Loom {
    type Payload = Box<dyn Any + Send>;

    fn catch<R>(f: impl FnOnce() -> R) -> Result<R, Self::Payload> {
        catch_unwind(AssertUnwindSafe(f)).map_err(|payload| {
            if payload.is::<Boom>() {
                payload
            } else {
                // A failed assertion or a finding of loom's: nobody may swallow it.
                resume_unwind(payload)
            }
        })
    }
}

/// A binary semaphore of loom's. Nobody ever wakes for no reason: a lost wake-up shall be a deadlock.
#[derive(Debug)]
pub struct Token {
    permit: Mutex<bool>,
    given: Condvar,
}

impl Token {
    /// Whether a deadline has passed. If not, `let_time_pass` will wake this token.
    fn is_past(&self, deadline: Instant) -> bool {
        stage().sleepers.borrow_mut().push(self);
        // A read-modify-write, for it reads the latest value: a park that began after the deadline must not block.
        // Relaxed: time orders nothing.
        let late = stage().late.fetch_add(0, Ordering::Relaxed) != 0;
        let past = late && deadline <= Instant::from_nanos(LATE);
        if past {
            self.forget();
        }
        past
    }

    fn forget(&self) {
        let mut sleepers = stage().sleepers.borrow_mut();
        if let Some(place) = sleepers.iter().position(|&token| ptr::eq(token, self)) {
            sleepers.swap_remove(place);
        }
    }
}

impl Park for Token {
    fn new_token() -> Self {
        Self {
            permit: Mutex::new(false),
            given: Condvar::new(),
        }
    }

    fn park(&self, deadline: Option<Instant>) {
        if deadline.is_some_and(|at| self.is_past(at)) {
            return;
        }
        let mut permit = self.permit.lock().expect("no thread panics here");
        while !*permit {
            permit = self.given.wait(permit).expect("no thread panics here");
        }
        *permit = false;
        drop(permit);
        if deadline.is_some() {
            self.forget();
        }
    }

    fn unpark(&self) {
        let mut permit = self.permit.lock().expect("no thread panics here");
        if !*permit {
            *permit = true;
            self.given.notify_one();
        }
    }
}
