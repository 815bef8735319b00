//! A program for machines without an operating system: all cores work for pools in statics, and an interrupt handler
//! submits to them. It checks every result, prints a report, and ends with a status: 0 if all is well, 1 if a check
//! failed, 2 if one did not end.
//!
//! `ci/bare-metal.sh` runs it under QEMU. With `RINGPOOL_FAULT` set while it is built, something is broken on
//! purpose, and the program has to notice.
#![no_std]
#![no_main]

mod board;
mod checks;
mod executor;
mod handler;

use core::fmt::Write;
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicU32, Ordering};

use ringpool_core::{Hart, Spin, StaticPool, WorkerInfo};

use board::{CORES, Machine, add};

type Platform = Spin<Machine>;

/// The state of a worker counts jobs that it has done.
type Pool = StaticPool<CORES, 16, 64, Platform, u32>;

/// One pool to be closed, then one to be terminated.
static POOLS: [Pool; 2] = [const { StaticPool::new().exit_hook(on_exit) }; 2];

/// One whose only worker is a task of an executor.
static TASKS: StaticPool<1, 8, 64, Platform> = StaticPool::new();

/// The sum of the states of the workers that have left, and how many have.
static STATES: AtomicU32 = AtomicU32::new(0);
static LEFT: AtomicU32 = AtomicU32::new(0);

/// When the present check began, and how long one may take, in milliseconds.
static BEGAN: AtomicU32 = AtomicU32::new(0);
const STUCK: u32 = if option_env!("RINGPOOL_FAULT").is_some() {
    8_000
} else {
    100_000
};

/// Whether this fault was asked for.
fn planted(fault: &str) -> bool {
    option_env!("RINGPOOL_FAULT") == Some(fault)
}

fn on_exit(_: &WorkerInfo<'_>, state: u32) {
    add(&STATES, state);
    add(&LEFT, 1);
}

/// The program of the first core.
fn main() -> ! {
    let mut output = Output;
    let _ = writeln!(output, "ringpool on {}, cores: {CORES}", board::NAME);
    board::start_ticks();
    board::start_others();
    let passed = checks::all();
    let _ = writeln!(output, "all {passed} checks passed");
    board::exit(0)
}

/// The program of every other core.
#[cfg_attr(
    target_arch = "arm",
    expect(dead_code, reason = "those boards have one core")
)]
fn other_core(index: usize) -> ! {
    for pool in &POOLS {
        pool.run_worker(index).expect("nobody else has this seat");
    }
    loop {
        Machine::relax();
    }
}

/// Runs one check and reports on it.
fn check(name: &str, f: impl FnOnce()) {
    let mut output = Output;
    let _ = write!(output, "  {name:12}");
    let start = board::milliseconds();
    BEGAN.store(start, Ordering::Relaxed);
    f();
    let _ = writeln!(output, "ok {:6} ms", board::milliseconds() - start);
}

/// Called in an interrupt of the first core, every millisecond.
fn on_tick() {
    if board::milliseconds() - BEGAN.load(Ordering::Relaxed) > STUCK {
        board::print("does not end\n");
        board::exit(2);
    }
    handler::on_tick();
}

struct Output;

impl Write for Output {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        board::print(text);
        Ok(())
    }
}

#[panic_handler]
fn on_panic(info: &PanicInfo<'_>) -> ! {
    let _ = writeln!(Output, "FAILED on core {}: {info}", Machine::index());
    board::exit(1)
}
