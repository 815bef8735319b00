//! Interrupts: functions that a signal handler calls on the thread which it interrupted.

use std::alloc::{GlobalAlloc, Layout, System};
use std::arch::asm;
use std::cell::Cell;
use std::mem::{transmute, zeroed};
use std::ops::ControlFlow;
use std::ptr::{null, null_mut};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering, compiler_fence};

use libc::{c_int, c_void, greg_t, siginfo_t, timer_t, timespec, ucontext_t};

/// What an interrupt does. `Break` ends [`step`].
type Hook<'h> = dyn Fn() -> ControlFlow<()> + 'h;

// Const-initialised and without destructors, so that a signal handler may read them.
thread_local! {
    static HOOK: Cell<Option<&'static Hook<'static>>> = const { Cell::new(None) };
    static MASKED: Cell<bool> = const { Cell::new(false) };
    static STEPS_AFTER_YIELD: Cell<bool> = const { Cell::new(false) };
}

/// The system's allocator, which no handler interrupts: on bare metal it would mask the interrupts.
struct Masking;

#[global_allocator]
static ALLOCATOR: Masking = Masking;

fn masked<R>(f: impl FnOnce() -> R) -> R {
    let before = MASKED.replace(true);
    // The handler reads the flag on this thread, which the compiler cannot know.
    compiler_fence(Ordering::SeqCst);
    let result = f();
    compiler_fence(Ordering::SeqCst);
    MASKED.set(before);
    result
}

// SAFETY: everything is passed on to the system's allocator.
unsafe impl GlobalAlloc for Masking {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        masked(|| unsafe { System.alloc(layout) })
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        masked(|| unsafe { System.dealloc(pointer, layout) });
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        masked(|| unsafe { System.alloc_zeroed(layout) })
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        masked(|| unsafe { System.realloc(pointer, layout, size) })
    }
}

/// The processor's flag that raises SIGTRAP after each instruction.
const TRAP: u16 = 0x100;

unsafe extern "C" fn on_signal(_: c_int, _: *mut siginfo_t, context: *mut c_void) {
    if MASKED.get() {
        return;
    }
    let Some(hook) = HOOK.get() else { return };
    // SAFETY: it points to this thread's own variable.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    let before = unsafe { *errno };
    if hook().is_break() {
        // SAFETY: the kernel passes the interrupted thread's registers, which it loads when this returns.
        let context = unsafe { &mut *context.cast::<ucontext_t>() };
        context.uc_mcontext.gregs[libc::REG_EFL as usize] &= !greg_t::from(TRAP);
    }
    // SAFETY: as above.
    unsafe { *errno = before };
}

// `set` and `with` call it, so no hook is without a handler.
fn install_handlers() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for signal in [libc::SIGTRAP, libc::SIGUSR1] {
            // SAFETY: zeros are a valid `sigaction`: no flags, an empty mask.
            let mut action: libc::sigaction = unsafe { zeroed() };
            action.sa_sigaction = on_signal as *const () as libc::sighandler_t;
            action.sa_flags = libc::SA_RESTART | libc::SA_SIGINFO;
            // SAFETY: the action is initialised, and the old one is not asked for.
            let installed = unsafe { libc::sigaction(signal, &raw const action, null_mut()) };
            assert_eq!(installed, 0, "the handler was refused");
        }
    });
}

/// From now on every interrupt of this thread calls `hook`.
pub(crate) fn set(hook: Option<&'static Hook<'static>>) {
    install_handlers();
    HOOK.set(hook);
}

/// Every interrupt of this thread calls `hook` while `f` runs.
pub(crate) fn with<R>(hook: &Hook<'_>, f: impl FnOnce() -> R) -> R {
    struct Unset;
    impl Drop for Unset {
        fn drop(&mut self) {
            HOOK.set(None);
        }
    }
    let _unset = Unset;
    // SAFETY: the guard takes the reference back before it ends, also when `f` unwinds; it is this thread's own.
    set(Some(unsafe {
        transmute::<&Hook<'_>, &'static Hook<'static>>(hook)
    }));
    f()
}

/// Interrupts this thread after each of its instructions, until [`stop_stepping`]: the processor's trap flag.
#[inline(always)]
pub(crate) fn start_stepping() {
    // SAFETY: sets one flag, which makes the processor raise SIGTRAP; what was pushed is popped.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        asm!("pushfq", "or qword ptr [rsp], 0x100", "popfq");
    }
    // SAFETY: as above.
    #[cfg(target_arch = "x86")]
    unsafe {
        asm!("pushfd", "or dword ptr [esp], 0x100", "popfd");
    }
}

/// Ends [`start_stepping`].
#[inline(always)]
pub(crate) fn stop_stepping() {
    // SAFETY: clears one flag; what was pushed is popped.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        asm!("pushfq", "and qword ptr [rsp], -0x101", "popfq");
    }
    // SAFETY: as above.
    #[cfg(target_arch = "x86")]
    unsafe {
        asm!("pushfd", "and dword ptr [esp], -0x101", "popfd");
    }
}

/// Calls [`start_stepping`] when this thread yields next.
pub(crate) fn step_after_yield() {
    STEPS_AFTER_YIELD.set(true);
}

/// The board's threads call it when they yield.
pub(crate) fn yielded() {
    if STEPS_AFTER_YIELD.take() {
        start_stepping();
    }
}

/// Calls `hook` after each instruction of `f`, with the number of the instruction, from 1, until it breaks.
pub(crate) fn step<R>(hook: &dyn Fn(usize) -> ControlFlow<()>, f: impl FnOnce() -> R) -> R {
    struct Stop;
    impl Drop for Stop {
        fn drop(&mut self) {
            stop_stepping();
        }
    }
    let count = Cell::new(0);
    let counting = || {
        count.set(count.get() + 1);
        hook(count.get())
    };
    with(&counting, || {
        let _stop = Stop;
        start_stepping();
        f()
    })
}

/// Interrupts the thread that started it again and again, until it is dropped. What is interrupted is random, for the
/// thread's own steps follow no clock.
#[derive(Debug)]
pub(crate) struct Timer(timer_t);

// SAFETY: the kernel's name for a timer of this process.
unsafe impl Send for Timer {}

impl Timer {
    const INTERVAL: timespec = timespec {
        tv_sec: 0,
        tv_nsec: 30_000,
    };

    /// Call [`set`] or [`with`] first.
    pub(crate) fn start() -> Self {
        // SAFETY: zeros are a valid `sigevent`.
        let mut event: libc::sigevent = unsafe { zeroed() };
        event.sigev_notify = libc::SIGEV_THREAD_ID;
        event.sigev_signo = libc::SIGUSR1;
        // SAFETY: it has no preconditions.
        event.sigev_notify_thread_id = unsafe { libc::gettid() };
        let mut timer: timer_t = null_mut();
        // SAFETY: both pointers are valid.
        let made =
            unsafe { libc::timer_create(libc::CLOCK_MONOTONIC, &raw mut event, &raw mut timer) };
        assert_eq!(made, 0, "the timer was refused");
        let always = libc::itimerspec {
            it_interval: Self::INTERVAL,
            it_value: Self::INTERVAL,
        };
        // SAFETY: the timer was just made, and the old setting is not asked for.
        let set = unsafe { libc::timer_settime(timer, 0, &raw const always, null_mut()) };
        assert_eq!(set, 0, "the interval was refused");
        Self(timer)
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        // SAFETY: the timer is this value's own.
        unsafe { libc::timer_delete(self.0) };
    }
}

/// Blocks while `word` is `value`; may return early.
pub(crate) fn futex_wait(word: &AtomicU32, value: u32) {
    // SAFETY: the word is valid for the call, and there is no time-out.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG,
            value,
            null::<timespec>(),
        )
    };
}

/// Wakes one thread that waits on `word`.
pub(crate) fn futex_wake(word: &AtomicU32) {
    // SAFETY: the kernel uses the address as a number.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG,
            1_u32,
        )
    };
}
