//! The counting allocator, and what the kernel says about memory and threads.

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::mem::MaybeUninit;
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

/// What a process has used so far, by all its threads, also by those that have ended.
#[derive(Clone, Copy)]
pub(crate) struct Usage {
    /// Time on a CPU.
    pub(crate) busy: Duration,
    /// How often the kernel took a thread off its CPU because it waited. A pool that hands over without shows near zero.
    pub(crate) waited: usize,
    /// The same because the thread yielded or its time was up.
    pub(crate) pushed: usize,
}

/// What this process has used so far.
pub(crate) fn usage() -> Usage {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: `getrusage` writes one `rusage` to where it is told, which has room for it.
    let failed = unsafe { libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr()) };
    assert_eq!(failed, 0, "a process may ask for its own usage");
    // SAFETY: all bytes are zero or written by `getrusage`, and a `rusage` is made of integers only.
    let usage = unsafe { usage.assume_init() };
    let count = |n: libc::c_long| usize::try_from(n).expect("counts are not negative");
    let time = |time: libc::timeval| {
        let micros = time.tv_sec * 1_000_000 + time.tv_usec;
        Duration::from_micros(u64::try_from(micros).expect("times are not negative"))
    };
    Usage {
        busy: time(usage.ru_utime) + time(usage.ru_stime),
        waited: count(usage.ru_nvcsw),
        pushed: count(usage.ru_nivcsw),
    }
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
