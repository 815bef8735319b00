//! The counting allocator, and what the kernel says about memory and threads.

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// The system's allocator, which counts while [`count`] runs and only then: a counter that all
/// threads share would slow down those who allocate most.
pub(crate) struct Counting;

static ON: AtomicBool = AtomicBool::new(false);
static CALLS: AtomicUsize = AtomicUsize::new(0);
static BYTES: AtomicUsize = AtomicUsize::new(0);

fn note(bytes: usize) {
    // Relaxed: these are counts; `count` reads them when the work is over.
    if ON.load(Ordering::Relaxed) {
        CALLS.fetch_add(1, Ordering::Relaxed);
        BYTES.fetch_add(bytes, Ordering::Relaxed);
    }
}

// SAFETY: every method passes its arguments to `System` unchanged and returns what it returns.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        // SAFETY: the caller keeps the contract of `alloc`, which is that of `System`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: `block` came from `System` through this allocator, with this layout.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        // SAFETY: the caller keeps the contract of `alloc_zeroed`, which is that of `System`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(size.saturating_sub(layout.size()));
        // SAFETY: `block` came from `System` through this allocator, with this layout.
        unsafe { System.realloc(block, layout, size) }
    }
}

/// Allocations and bytes while `work` ran, by all threads. A reallocation counts as one of what it adds.
pub(crate) fn count(work: impl FnOnce()) -> (usize, usize) {
    CALLS.store(0, Ordering::Relaxed);
    BYTES.store(0, Ordering::Relaxed);
    ON.store(true, Ordering::SeqCst);
    work();
    ON.store(false, Ordering::SeqCst);
    (CALLS.load(Ordering::Relaxed), BYTES.load(Ordering::Relaxed))
}

/// How often the kernel took a thread of this process off its CPU: because the thread waited, and
/// because it yielded or its time was up. A pool that hands over without either shows near zero.
pub(crate) fn switches() -> (usize, usize) {
    let (mut waited, mut pushed) = (0, 0);
    for thread in fs::read_dir("/proc/self/task")
        .into_iter()
        .flatten()
        .flatten()
    {
        let status = fs::read_to_string(thread.path().join("status")).unwrap_or_default();
        for line in status.lines() {
            let number = |text: &str| text.trim().parse().unwrap_or(0);
            if let Some(text) = line.strip_prefix("voluntary_ctxt_switches:") {
                waited += number(text);
            } else if let Some(text) = line.strip_prefix("nonvoluntary_ctxt_switches:") {
                pushed += number(text);
            }
        }
    }
    (waited, pushed)
}

/// The CPU time of all threads of this process so far; those that have ended do not count.
pub(crate) fn busy() -> Duration {
    let mut nanos = 0;
    for thread in fs::read_dir("/proc/self/task")
        .into_iter()
        .flatten()
        .flatten()
    {
        let times = fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
        let first = times.split_whitespace().next();
        nanos += first.and_then(|time| time.parse().ok()).unwrap_or(0);
    }
    Duration::from_nanos(nanos)
}

/// Bytes of memory in use by this process now (`VmRSS`) or at most (`VmHWM`); 0 where it cannot be told.
pub(crate) fn memory(field: &str) -> usize {
    let Ok(status) = fs::read_to_string("/proc/self/status") else {
        return 0;
    };
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<usize>().ok());
    kilobytes.unwrap_or(0) * 1024
}
