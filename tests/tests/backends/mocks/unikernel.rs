//! A unikernel with an allocator, tasks and futexes, in the shape of Hermit.
//!
//! Its rules: a task is joined once, there are so many tasks and no more, and a futex is a word whose waiters may wake
//! for no reason.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::broken;

pub const MOST_TASKS: usize = 4;
pub const OUT_OF_MEMORY: i32 = -12;

/// Every address has the same place to wait, and who is woken by mistake finds out by itself.
static WAITING: Mutex<()> = Mutex::new(());
static WOKEN: Condvar = Condvar::new();

/// Blocks while `word` has the `expected` value, until somebody wakes it, the time is over, or for no reason at all.
pub fn futex_wait(word: &AtomicU32, expected: u32, timeout: Option<Duration>) {
    static WAITS: AtomicUsize = AtomicUsize::new(0);
    let waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
    let of_no_reason = WAITS.fetch_add(1, Ordering::Relaxed).is_multiple_of(3);
    if of_no_reason || word.load(Ordering::Relaxed) != expected {
        return;
    }
    match timeout {
        None => drop(WOKEN.wait(waiting)),
        Some(timeout) => drop(WOKEN.wait_timeout(waiting, timeout)),
    }
}

/// Wakes those who wait on `word`.
pub fn futex_wake(_word: &AtomicU32) {
    drop(WAITING.lock().unwrap_or_else(PoisonError::into_inner));
    WOKEN.notify_all();
}

#[derive(Default)]
struct Tasks {
    last: u32,
    living: HashMap<u32, JoinHandle<()>>,
}

fn tasks() -> MutexGuard<'static, Tasks> {
    static TASKS: OnceLock<Mutex<Tasks>> = OnceLock::new();
    TASKS
        .get_or_init(Mutex::default)
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}

/// Starts a task that calls `entry` with `argument`; its number, or a negative error.
///
/// # Safety
///
/// `entry` must be prepared for `argument`, on another thread.
pub unsafe fn spawn(entry: unsafe extern "C" fn(usize), argument: usize) -> i32 {
    let mut tasks = tasks();
    if tasks.living.len() == MOST_TASKS {
        return OUT_OF_MEMORY;
    }
    // SAFETY: the caller's promise.
    let run = move || unsafe { entry(argument) };
    let thread = thread::Builder::new()
        .spawn(run)
        .expect("the host has threads");
    tasks.last += 1;
    let task = tasks.last;
    tasks.living.insert(task, thread);
    task.cast_signed()
}

/// Blocks until the task has ended, and frees it.
pub fn join(task: i32) {
    let Some(thread) = tasks().living.remove(&task.cast_unsigned()) else {
        broken("a task is joined once");
    };
    drop(thread.join());
}

pub fn processors() -> usize {
    2
}

/// Nanoseconds since the start.
pub fn clock() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let nanos = START.get_or_init(Instant::now).elapsed().as_nanos();
    u64::try_from(nanos).unwrap_or(u64::MAX)
}
