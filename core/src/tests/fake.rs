//! A platform without threads: parking and unparking are events, and the test sets the clock.
//!
//! Everything a test sees belongs to its own thread, so tests that run side by side never meet: events,
//! clock, the table of seats, and the script, a queue of steps for the moments at which a real thread would
//! sleep. A park without permit runs the next step, and the one after it, until there is a permit or the
//! deadline has come. Where the script is over, a real thread would sleep for ever, and the test fails.
//! A step can also be put before the next look at the clock, where that lies between two others that matter.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::platform::{CatchPanic, Context, Park, Platform, Timed};
use crate::seats::Seats;
use crate::time::Instant;

/// The platform.
pub(super) enum Fake {}

/// A permit that is there or not. It knows no thread; its name is found by its address.
pub(super) struct Token {
    permit: AtomicBool,
}

type Step = Box<dyn FnOnce()>;

thread_local! {
    static EVENTS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    static SCRIPT: RefCell<VecDeque<Step>> = const { RefCell::new(VecDeque::new()) };
    static ON_YIELD: RefCell<Option<Step>> = const { RefCell::new(None) };
    static BEFORE_CLOCK: RefCell<Option<Step>> = const { RefCell::new(None) };
    static NAMES: RefCell<Vec<(usize, String)>> = const { RefCell::new(Vec::new()) };
    static HANG_EXPECTED: Cell<bool> = const { Cell::new(false) };
    static NOW: Cell<u64> = const { Cell::new(0) };
    static CLOCK_STOPPED: Cell<bool> = const { Cell::new(false) };
    static YIELDS: Cell<usize> = const { Cell::new(0) };
    static YIELD_TAKES: Cell<u64> = const { Cell::new(0) };
    static WORKER: Cell<*const ()> = const { Cell::new(std::ptr::null()) };
    static SEATS: &'static Seats<Token> = new_seats();
}

/// A table that is never freed, as the trait asks; the list keeps it reachable for leak checkers.
fn new_seats() -> &'static Seats<Token> {
    static ALL: Mutex<Vec<&'static Seats<Token>>> = Mutex::new(Vec::new());
    let seats: &'static Seats<Token> = Box::leak(Box::new(Seats::new()));
    ALL.lock().expect("no thread panics here").push(seats);
    seats
}

/// Notes an event.
pub(super) fn log(event: impl Into<String>) {
    let event = event.into();
    EVENTS.with_borrow_mut(|events| events.push(event));
}

/// Everything that has happened since the last call.
pub(super) fn take_events() -> Vec<String> {
    EVENTS.take()
}

/// Compares everything that has happened since the last call.
#[track_caller]
pub(super) fn expect<const N: usize>(events: [&str; N]) {
    assert_eq!(take_events(), events);
}

/// Adds a step to the script.
pub(super) fn on_park(step: impl FnOnce() + 'static) {
    SCRIPT.with_borrow_mut(|script| script.push_back(Box::new(step)));
}

/// Runs a step when the clock is looked at next.
pub(super) fn before_clock(step: impl FnOnce() + 'static) {
    BEFORE_CLOCK.replace(Some(Box::new(step)));
}

/// Runs a step at the next yield.
pub(super) fn on_yield(step: impl FnOnce() + 'static) {
    ON_YIELD.replace(Some(Box::new(step)));
}

/// How many steps of the script have not run.
pub(super) fn steps_left() -> usize {
    let more = [&ON_YIELD, &BEFORE_CLOCK].map(|step| step.with_borrow(|step| step.iter().len()));
    SCRIPT.with_borrow(VecDeque::len) + more.iter().sum::<usize>()
}

/// Sets the clock, in nanoseconds.
pub(super) fn set_clock(nanos: u64) {
    NOW.set(nanos);
}

/// From now on there is no clock.
pub(super) fn stop_clock() {
    CLOCK_STOPPED.set(true);
}

/// From now on each yield takes so many nanoseconds. Tells how many there were since the last call.
pub(super) fn yields_take(nanos: u64) -> usize {
    YIELD_TAKES.set(nanos);
    YIELDS.take()
}

/// Names a token, at whose address no other one may have a name.
pub(super) fn name(token: &Token, name: impl Into<String>) {
    let name = (token.address(), name.into());
    NAMES.with_borrow_mut(|names| names.push(name));
}

/// Forgets the name of a token that is about to be freed.
pub(super) fn unname(token: &Token) {
    NAMES.with_borrow_mut(|names| names.retain(|(address, _)| *address != token.address()));
}

impl Token {
    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// The name that the test gave; the tokens of seats have none.
    fn name(&self) -> String {
        NAMES.with_borrow(|names| {
            let named = names.iter().find(|(address, _)| *address == self.address());
            named.map_or_else(|| String::from("waiter"), |(_, name)| name.clone())
        })
    }
}

impl Park for Token {
    const NEW: Self = Self {
        permit: AtomicBool::new(false),
    };

    fn park(&self, deadline: Option<Instant>) {
        log(match deadline {
            None => format!("{} parks", self.name()),
            Some(Instant::NEVER) => format!("{} parks until never", self.name()),
            Some(at) => format!("{} parks until {}", self.name(), at.as_nanos()),
        });
        while !self.permit.swap(false, Relaxed) {
            if deadline.is_some() && Fake::now() >= deadline {
                return;
            }
            match SCRIPT.with_borrow_mut(VecDeque::pop_front) {
                Some(step) => step(),
                None => hang(),
            }
        }
    }

    fn unpark(&self) {
        log(format!("unpark {}", self.name()));
        self.permit.store(true, Relaxed);
    }
}

/// Ends a test in which a thread would sleep for ever.
fn hang() -> ! {
    if HANG_EXPECTED.get() {
        fail("as expected");
    }
    let events = take_events();
    let message = format!("a thread would sleep for ever; what happened before: {events:#?}");
    // Past libtest's capture: where a wait may not unwind, the panic below ends the process.
    let _ = writeln!(std::io::stderr(), "{message}");
    panic!("{message}");
}

/// Whether `f`, which may unwind, would sleep for ever.
pub(super) fn hangs(f: impl FnOnce()) -> bool {
    HANG_EXPECTED.set(true);
    let hung = Fake::catch(f).is_err();
    HANG_EXPECTED.set(false);
    hung
}

// SAFETY: there is one table, a static.
unsafe impl Platform for Fake {
    type Park = Token;

    fn seats() -> &'static Seats<Token> {
        SEATS.with(|seats| *seats)
    }

    fn yield_now() {
        YIELDS.set(YIELDS.get() + 1);
        NOW.set(NOW.get() + YIELD_TAKES.get());
        if let Some(step) = ON_YIELD.take() {
            step();
        }
    }

    fn now() -> Option<Instant> {
        if let Some(step) = BEFORE_CLOCK.take() {
            step();
        }
        (!CLOCK_STOPPED.get()).then(|| Instant::from_nanos(NOW.get()))
    }
}

impl Timed for Fake {}

// SAFETY: the cell belongs to the thread, begins with null, and only `set` writes it.
unsafe impl Context for Fake {
    fn get() -> *const () {
        WORKER.get()
    }

    unsafe fn set(worker: *const ()) {
        WORKER.set(worker);
    }
}

impl CatchPanic for Fake {
    type Payload = Box<dyn Any + Send>;

    fn catch<R>(f: impl FnOnce() -> R) -> Result<R, Self::Payload> {
        catch_unwind(AssertUnwindSafe(f))
    }
}

/// Panics without the message on stderr.
pub(super) fn fail(message: &'static str) -> ! {
    std::panic::resume_unwind(Box::new(message))
}

#[test]
fn a_permit_outlives_the_unpark_and_ends_one_park() {
    let token = Token::NEW;
    token.unpark();
    token.unpark();
    token.park(None);
    assert!(hangs(|| token.park(None)));
    expect([
        "unpark waiter",
        "unpark waiter",
        "waiter parks",
        "waiter parks",
    ]);
}

#[test]
fn a_park_goes_through_the_script_until_it_has_a_permit_or_its_time_has_come() {
    let token = std::rc::Rc::new(Token::NEW);
    name(&token, "sleeper");
    on_park(|| log("first"));
    let other = std::rc::Rc::clone(&token);
    on_park(move || other.unpark());
    on_park(|| set_clock(7));
    token.park(None);
    token.park(Some(Instant::from_nanos(7)));
    expect([
        "sleeper parks",
        "first",
        "unpark sleeper",
        "sleeper parks until 7",
    ]);
    unname(&token);
}
