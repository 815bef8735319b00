//! Small stand-ins for real systems, as a backend sees them. They end the process when their rules are broken.

pub mod executor;
pub mod rtos;
pub mod second_core;
pub mod unikernel;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::{Write, stderr};

/// Ends the process, for this rule was broken.
pub fn broken(rule: &str) -> ! {
    FORBIDDEN.set(false);
    // Not by `eprintln`, whose text the test harness keeps to itself.
    let _ = writeln!(stderr(), "broken rule: {rule}");
    std::process::abort();
}

thread_local! {
    /// Whether this thread plays a part that has no allocator.
    static FORBIDDEN: Cell<bool> = const { Cell::new(false) };
}

/// Runs `f`, which must not allocate.
pub fn without_allocator<R>(f: impl FnOnce() -> R) -> R {
    with(true, f)
}

/// Runs `f`, the mock's own affairs, which may allocate.
fn behind_the_scenes<R>(f: impl FnOnce() -> R) -> R {
    with(false, f)
}

fn with<R>(forbidden: bool, f: impl FnOnce() -> R) -> R {
    let before = FORBIDDEN.replace(forbidden);
    let result = f();
    FORBIDDEN.set(before);
    result
}

struct Watched;

#[global_allocator]
static ALLOCATOR: Watched = Watched;

// SAFETY: passes everything on to the system's allocator.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if FORBIDDEN.get() {
            broken("there is no allocator here");
        }
        // SAFETY: passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: passed on.
        unsafe { System.dealloc(block, layout) };
    }
}
