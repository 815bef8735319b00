//! The machine of the models: a platform on loom's primitives.
//!
//! loom runs all threads of a model as coroutines of one thread of the operating system, so what is local to a
//! thread for std belongs to the whole model here.

use std::any::Any;
use std::cell::Cell;
use std::ptr;

use loom::sync::{Condvar, Mutex};

use super::Checked;
use crate::platform::{CatchPanic, Context, Park, Platform};
use crate::seats::Seats;
use crate::sync::call_happens;
use crate::time::Instant;

/// The platform.
#[derive(Debug)]
pub(crate) enum Machine {}

loom::lazy_static! {
    static ref SEATS: Seats<Token> = Seats::new();
}

loom::thread_local! {
    static CONTEXT: Cell<*const ()> = Cell::new(ptr::null());
}

std::thread_local! {
    static FIRST_PARK_RETURNS: Cell<bool> = const { Cell::new(false) };
    static THIS_CALL_PANICS: Cell<bool> = const { Cell::new(false) };
}

/// Begins an execution of a model.
pub(super) fn reset() {
    FIRST_PARK_RETURNS.set(false);
    THIS_CALL_PANICS.set(false);
    // Here, so that no thread is ordered after another by making the table.
    let _ = Machine::seats();
}

/// Lets the next park of this execution return for no reason, as a platform may. Then nothing but the word that
/// the thread waits for orders it after those who change the word.
pub(crate) fn let_first_park_return() {
    FIRST_PARK_RETURNS.set(true);
}

/// Lets the user code that calls this, as the last it does, end as if by a panic. No panic unwinds, which loom
/// would take for a finding.
pub(crate) fn let_this_call_panic() {
    THIS_CALL_PANICS.set(true);
}

/// A token whose wake-ups are never spurious unless the model asks for it: a lost one is a deadlock.
#[derive(Debug)]
pub(crate) struct Token {
    permit: Mutex<bool>,
    given: Condvar,
    /// Used by whoever parks: one thread at a time, in an order that the seats have to see to.
    owner: Checked,
}

impl Park for Token {
    fn new_token() -> Self {
        Self {
            permit: Mutex::new(false),
            given: Condvar::new(),
            owner: Checked::new(),
        }
    }

    fn park(&self, _deadline: Option<Instant>) {
        self.owner.write();
        if FIRST_PARK_RETURNS.replace(false) {
            return;
        }
        let mut permit = self.permit.lock().unwrap();
        while !*permit {
            permit = self.given.wait(permit).unwrap();
        }
        *permit = false;
        drop(permit);
        // Again outside of the lock, which would order the next owner's use.
        self.owner.write();
    }

    #[track_caller]
    fn unpark(&self) {
        if !call_happens() {
            return;
        }
        *self.permit.lock().unwrap() = true;
        self.given.notify_one();
    }
}

// SAFETY: an execution has one table.
unsafe impl Platform for Machine {
    type Park = Token;

    fn seats() -> &'static Seats<Token> {
        &SEATS
    }
}

// SAFETY: loom's thread-locals belong to one thread of the model.
unsafe impl Context for Machine {
    fn get() -> *const () {
        CONTEXT.with(Cell::get)
    }

    unsafe fn set(worker: *const ()) {
        CONTEXT.with(|context| context.set(worker));
    }
}

/// A panic that unwinds is a finding, which nobody may catch.
impl CatchPanic for Machine {
    type Payload = Box<dyn Any + Send>;

    fn catch<R>(f: impl FnOnce() -> R) -> Result<R, Self::Payload> {
        let value = f();
        if THIS_CALL_PANICS.replace(false) {
            return Err(Box::new(()));
        }
        Ok(value)
    }
}
