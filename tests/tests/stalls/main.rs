//! Threads that are stopped at the worst moment: interrupted by a handler that uses the very queue which they were
//! changing, or frozen while all others must go on.
//!
//! Both happen at every machine instruction, one after the other, and at random. What is documented as lock-free must
//! pass; a ring after Vyukov, which is not, must fail the same tests.

// ThreadSanitizer's runtime is not made to be interrupted.
#![cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "x86"),
    not(ringpool_tsan)
))]

mod board;
mod freeze;
mod hook;
mod in_place;
mod interrupts;
mod queues;
