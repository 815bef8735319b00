//! A chip with two cores, in the shape of the RP2040 and the ESP32: no scheduler, and a second core that is launched
//! once.
//!
//! Its rules: the second core is launched once and its entry never returns, nothing runs but on a core, and no core
//! allocates. Events wait to be seen, one for each core.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;

use super::{behind_the_scenes, broken, without_allocator};

thread_local! {
    static CORE: Cell<Option<usize>> = const { Cell::new(None) };
}

static POWERED: AtomicBool = AtomicBool::new(false);
static LAUNCHED: AtomicBool = AtomicBool::new(false);
static EVENTS: Mutex<[bool; 2]> = Mutex::new([false; 2]);
static EVENT: Condvar = Condvar::new();

/// Turns the chip on: its first core runs `program`.
pub fn power_on(program: impl FnOnce()) {
    if POWERED.swap(true, Ordering::Relaxed) {
        broken("the chip is turned on once");
    }
    CORE.set(Some(0));
    without_allocator(program);
    CORE.set(None);
}

/// Lets the second core begin with `entry`.
pub fn launch_second_core(entry: fn() -> !) {
    if core() != 0 || LAUNCHED.swap(true, Ordering::Relaxed) {
        broken("the second core is launched once, by the first");
    }
    let run = move || {
        CORE.set(Some(1));
        without_allocator(|| entry());
    };
    behind_the_scenes(|| {
        thread::Builder::new()
            .spawn(run)
            .expect("the host has threads")
    });
}

/// The number of the core that asks.
pub fn core() -> usize {
    let Some(core) = CORE.get() else {
        broken("nothing runs but on a core");
    };
    core
}

/// Blocks until there was an event since the last wait.
pub fn wait_for_event() {
    let core = core();
    let events = EVENTS.lock().unwrap_or_else(PoisonError::into_inner);
    let events = EVENT.wait_while(events, |events| !events[core]);
    events.unwrap_or_else(PoisonError::into_inner)[core] = false;
}

/// An event for both cores.
pub fn send_event() {
    *EVENTS.lock().unwrap_or_else(PoisonError::into_inner) = [true; 2];
    EVENT.notify_all();
}
