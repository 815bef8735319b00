//! The platform of machines without a scheduler: harts that wait by looking again.

use core::convert::Infallible;
use core::marker::PhantomData;

use crate::permit::Permit;
use crate::platform::{CatchPanic, Context, IsrUnpark, Park, Platform, Timed};
use crate::seats::Seats;
use crate::sync::{AtomicPtr, Ordering, interrupt_fence};
use crate::time::Instant;

/// Harts that [`Spin`] can tell apart.
const HARTS: usize = 64;

/// A kind of machine without a scheduler: which hart am I, and how does one wait?
///
/// A hart is whatever runs by itself on a stack of its own: a core, a hardware thread. All methods but `index` have defaults.
///
/// # Safety
///
/// `index` is below 64, stays the same for a hart, and two harts that use pools never have the same. What
/// interrupts a hart shares its index, and has ended when the hart goes on. So threads between which a scheduler switches are
/// harts of their own, also on one core: the worker that one of them is would be the other, too.
/// `wake` may be called from any interrupt handler.
pub unsafe trait Hart: 'static {
    /// The number of the hart that asks.
    fn index() -> usize;

    /// A short pause between two looks of a waiting hart: a hint, `wfe`, `wfi`. It may return early, and must
    /// return once [`wake`](Hart::wake) was called on any hart after the last look, also before the pause has begun.
    ///
    /// On Arm `wfe` remembers such a wake, and each interrupt. `wfi` sleeps through a handler that came between look and
    /// pause, unless what wakes is still pending then, as software interrupts of RISC-V are until `relax` clears them after
    /// its `wfi`.
    fn relax() {
        core::hint::spin_loop();
    }

    /// Makes what was written before visible to the other harts, then ends their pauses: on Arm `dsb` and `sev`, in this
    /// order, for `sev` alone may arrive before the writes do. Nothing has to be done where `relax` returns by itself.
    fn wake() {}

    /// The time now, if the machine has a clock. One that does promises to be a [`TimedHart`].
    ///
    /// It is read where a sleeping worker is woken, so also in an interrupt handler that submits: no lock in it that the
    /// interrupted program may hold.
    fn now() -> Option<Instant> {
        None
    }
}

/// A machine whose [`Hart::now`] always answers `Some`, and whose [`Hart::relax`] returns soon after any time.
pub trait TimedHart: Hart {}

/// The one core that uses pools, as seen by its main program and its interrupt handlers.
///
/// It is a [`Hart`] only on machines without an operating system, and with the feature `single-core`. To turn that on is to
/// promise what the contract of `Hart` asks for: no second core of the program ever calls a pool, also where the
/// chip has one, and no scheduler switches between threads that do. Two of them with one index would be one worker, and its state
/// be borrowed twice. So the program turns it
/// on, and never a library; a program that uses a second core has a hart of its own.
#[derive(Debug, Clone, Copy)]
pub enum SingleCore {}

// SAFETY: there is one hart, as the program has promised by the feature.
#[cfg(all(target_os = "none", feature = "single-core"))]
unsafe impl Hart for SingleCore {
    fn index() -> usize {
        0
    }
}

/// The platform of a machine without a scheduler: waiting harts look again and again, and [`Hart::relax`]
/// between. There are 32 seats for harts that wait, and no panic is caught.
#[derive(Debug)]
pub enum Spin<H> {
    #[doc(hidden)]
    Never(Infallible, PhantomData<fn() -> H>),
}

/// A permit that a hart waits for: a word that is looked at again and again.
#[derive(Debug)]
#[repr(transparent)]
pub struct SpinToken<H>(Permit, PhantomData<fn() -> H>);

impl<H: Hart> Park for SpinToken<H> {
    const NEW: Self = Self(Permit::new(), PhantomData);

    fn park(&self, deadline: Option<Instant>) {
        while !self.0.take() {
            if deadline.is_some_and(|at| H::now().is_some_and(|now| now >= at)) {
                return;
            }
            H::relax();
        }
    }

    fn unpark(&self) {
        self.0.give();
        H::wake();
    }
}

// SAFETY: one exchange, and `wake`, which promises it.
unsafe impl<H: Hart> IsrUnpark for SpinToken<H> {}

/// The hart of the table that all machines share. Nobody waits as one.
enum AnyHart {}

// SAFETY: no hart is this one.
unsafe impl Hart for AnyHart {
    fn index() -> usize {
        unreachable!("no hart is this one")
    }
}

/// A static cannot be generic, so the table is that of `AnyHart`.
static SEATS: Seats<SpinToken<AnyHart>> = Seats::new();

/// The pointer of each hart.
static CONTEXTS: [AtomicPtr<()>; HARTS] = [const { AtomicPtr::new(core::ptr::null_mut()) }; HARTS];

// SAFETY: there is one table.
unsafe impl<H: Hart> Platform for Spin<H> {
    type Park = SpinToken<H>;

    fn seats() -> &'static Seats<SpinToken<H>> {
        let seats: *const Seats<SpinToken<AnyHart>> = &raw const SEATS;
        // SAFETY: a table is laid out as in C, and tokens of all harts are the same word: they differ only in
        // the functions that they call.
        unsafe { &*seats.cast() }
    }

    fn now() -> Option<Instant> {
        H::now()
    }
}

impl<H: TimedHart> Timed for Spin<H> {}

// SAFETY: each hart has its own place, by the contract of `Hart`.
unsafe impl<H: Hart> Context for Spin<H> {
    fn get() -> *const () {
        // Relaxed, both: only the hart itself, and what interrupts it, reads and writes its place.
        CONTEXTS[H::index()].load(Ordering::Relaxed)
    }

    unsafe fn set(worker: *const ()) {
        // A handler finds a frame that is whole, before and after.
        interrupt_fence();
        CONTEXTS[H::index()].store(worker.cast_mut(), Ordering::Relaxed);
        interrupt_fence();
    }
}

struct EndProgram;

impl Drop for EndProgram {
    fn drop(&mut self) {
        // Dropped only while unwinding, so this second panic aborts.
        panic!("a panic unwinds on a platform that catches none: build with `panic = \"abort\"`");
    }
}

/// Panics are left to the machine's own handler. One that unwinds all the same, as on a host that plays the machine, ends
/// the program: no caller reckons with it here.
impl<H: Hart> CatchPanic for Spin<H> {
    type Payload = Infallible;

    fn catch<R>(f: impl FnOnce() -> R) -> Result<R, Infallible> {
        let guard = EndProgram;
        let value = f();
        core::mem::forget(guard);
        Ok(value)
    }
}
