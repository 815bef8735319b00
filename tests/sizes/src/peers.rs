//! What others offer for the nearest thing.

use core::hint::black_box;

/// A queue of functions and a loop that calls what is in it: no results, no handles, no cancel, no end.
#[cfg(feature = "heapless_queue")]
pub fn heapless() -> bool {
    use core::sync::atomic::{AtomicU32, Ordering};

    #[expect(
        deprecated,
        reason = "it can stall, but it is the crate's only queue with several producers and consumers"
    )]
    static QUEUE: heapless::mpmc::Queue<fn(), 8> = heapless::mpmc::Queue::new();
    static RESULT: AtomicU32 = AtomicU32::new(0);
    let job = || RESULT.store(black_box(42), Ordering::Relaxed);
    QUEUE.enqueue(job).is_ok()
        && QUEUE.dequeue().is_some_and(|job| {
            job();
            RESULT.load(Ordering::Relaxed) == 42
        })
}

/// An executor with one task, which stores its result: tasks are fixed when the program is compiled, and whoever wants
/// the result looks for it.
#[cfg(feature = "embassy_task")]
pub fn embassy() -> bool {
    use core::ptr::null_mut;
    use core::sync::atomic::{AtomicU32, Ordering};

    use embassy_executor::raw::Executor;

    static RESULT: AtomicU32 = AtomicU32::new(0);
    static mut EXECUTOR: core::mem::MaybeUninit<Executor> = core::mem::MaybeUninit::uninit();

    #[embassy_executor::task]
    async fn job(answer: u32) {
        RESULT.store(answer, Ordering::Relaxed);
    }

    #[unsafe(export_name = "__pender")]
    fn pend(_: *mut ()) {}

    let executor = (&raw mut EXECUTOR).cast::<Executor>();
    // SAFETY: this is called once.
    unsafe { executor.write(Executor::new(null_mut())) };
    // SAFETY: written above, and never moved or dropped.
    let executor: &'static Executor = unsafe { &*executor };
    let spawned = executor.spawner().spawn(job(black_box(42)));
    // SAFETY: not called from itself.
    unsafe { executor.poll() };
    spawned.is_ok() && RESULT.load(Ordering::Relaxed) == 42
}
