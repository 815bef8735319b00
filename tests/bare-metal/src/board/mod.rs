//! What the program asks of a machine, one file for each kind: with the waker in `executor.rs` all unsafe code of this package.
//!
//! A board calls `main` on its first core, `other_core` on each other one once they were started, and `on_tick`
//! in an interrupt of the first core every millisecond.

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "arm")]
mod cortex_m;
#[cfg(any(target_arch = "riscv32", target_arch = "riscv64"))]
mod riscv;

#[cfg(target_arch = "aarch64")]
use aarch64 as this;
#[cfg(target_arch = "arm")]
use cortex_m as this;
#[cfg(any(target_arch = "riscv32", target_arch = "riscv64"))]
use riscv as this;

#[cfg(target_has_atomic = "32")]
use core::sync::atomic::{AtomicU32, Ordering};

use ringpool_core::{Hart, Instant, TimedHart};
#[cfg(not(target_has_atomic = "32"))]
pub use this::add;
pub use this::{CORES, NAME, exit, print, start_others, start_ticks};

use crate::planted;

/// The machine, for `Spin`.
pub enum Machine {}

// SAFETY: every core has a number of its own, less than `CORES`.
unsafe impl Hart for Machine {
    fn index() -> usize {
        this::index()
    }

    fn relax() {
        this::relax();
        while planted("relax") {
            core::hint::spin_loop();
        }
    }

    fn wake() {
        this::wake();
    }

    fn now() -> Option<Instant> {
        let nanoseconds = if planted("clock") {
            0
        } else {
            this::nanoseconds()
        };
        Some(Instant::from_nanos(nanoseconds))
    }
}

impl TimedHart for Machine {}

/// Adds to a number that cores and handlers share.
#[cfg(target_has_atomic = "32")]
pub fn add(number: &AtomicU32, more: u32) {
    number.fetch_add(more, Ordering::Relaxed);
}

/// Milliseconds since the start.
pub fn milliseconds() -> u32 {
    (this::nanoseconds() / 1_000_000) as u32
}
