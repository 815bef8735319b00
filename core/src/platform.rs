//! What the core asks of the machine it runs on: a family of small traits, dispatched statically.
//!
//! A platform is a type without values that names its parts. `ringpool-std` implements it on std
//! threads in about two hundred lines; the traits are shaped so that `FreeRTOS`, Zephyr, embassy,
//! ESP-IDF, seL4, Hermit and bare harts can implement them as well.

use core::marker::PhantomData;
use core::mem::ManuallyDrop;

use crate::panic::Panic;
use crate::seats::Seats;
use crate::spawner::Spawner;
use crate::time::Instant;

/// A machine that pools can run on.
///
/// Everything static about it: how a thread blocks, where blocked threads sit, how a panic is caught
/// and how a thread knows which worker it is.
///
/// # Safety
///
/// `seats` must always return the same table: pools find out through it whether a thread still uses them.
pub unsafe trait Platform: CatchPanic + Context + Sized + 'static {
    /// The token a thread parks on.
    type Park: Park;

    /// The one table in which every blocked thread of this platform sits. It is never freed.
    fn seats() -> &'static Seats<Self::Park>;

    /// The time now, or `None` on a machine without a clock. Who answers `Some` is [`Timed`]: tokens honour deadlines.
    ///
    /// It is read where a sleeping worker is woken, so also in an interrupt handler that submits: it takes no lock
    /// that the interrupted program may hold.
    fn now() -> Option<Instant> {
        None
    }

    /// Lets another ready thread of the same priority run on this CPU; a pause where there is no scheduler.
    ///
    /// Who waits calls it a few times between looks, before parking. It returns soon: it must not sleep
    /// until the next tick, unwind, or run other work of the pool. It may do nothing.
    fn yield_now() {
        crate::sync::spin_loop();
    }
}

/// A platform with a clock: everything that takes a [`Duration`](core::time::Duration) needs it.
///
/// Implementing it promises that [`Platform::now`] answers `Some` and that [`Park::park`] returns
/// soon after its deadline.
pub trait Timed: Platform {}

/// A platform that brings a way to start workers, so that [`Pool::new`](crate::Pool::new) needs no
/// argument.
pub trait Hosted: Platform {
    /// The spawner that is used unless the builder is given another.
    type Spawner: Spawner + Default + Send + 'static;
}

/// A binary token on which one thread at a time waits: a semaphore that holds at most one permit.
///
/// The token must be self-contained, never a pointer to the thread that last parked: `unpark` may
/// arrive when no thread, or another one, owns the token. An early `unpark` is never lost: the next
/// `park` returns at once. Everything written before `unpark` is visible after the `park` that it
/// ends.
pub trait Park: Send + Sync + 'static {
    /// A token without a permit.
    #[cfg(not(ringpool_loom))]
    const NEW: Self;

    /// A token without a permit. loom's primitives have no const constructors.
    #[cfg(ringpool_loom)]
    fn new_token() -> Self;

    /// Blocks until there is a permit, and takes it; returns early once `deadline` has passed, and may
    /// return early for no reason at all. A deadline is only ever given on a [`Timed`] platform.
    fn park(&self, deadline: Option<Instant>);

    /// Leaves a permit and wakes the thread that waits for one. Lock-free with respect to the
    /// pool: it must not wait for a thread that runs pool code.
    fn unpark(&self);
}

/// A token whose `unpark` may be called from any interrupt handler.
///
/// # Safety
///
/// `unpark` must be async-signal-safe and must not take a lock that an interrupted `park` may hold.
pub unsafe trait IsrUnpark: Park {}

/// One pointer for each thread, task or hart: how a wait knows that it happens on a worker.
///
/// # Safety
///
/// `get` must return what the same thread last passed to `set`, or null if it never did.
pub unsafe trait Context {
    /// The pointer last set on this thread; null at first.
    fn get() -> *const ();
    /// Sets this thread's pointer.
    ///
    /// # Safety
    ///
    /// Only the core may call it: it follows the pointer on this thread until the next call.
    unsafe fn set(worker: *const ());
}

/// How a panic in user code is kept from ending the worker.
pub trait CatchPanic {
    /// What is known of a caught panic; [`Infallible`](core::convert::Infallible) where panics abort.
    type Payload: Into<Panic>;

    /// Runs `f` and turns its panic into an error. Whoever calls it discards what a panic may have
    /// left half-done, so unwind safety is no concern of the implementation.
    ///
    /// # Errors
    ///
    /// The payload of the panic that ended `f`.
    fn catch<R>(f: impl FnOnce() -> R) -> Result<R, Self::Payload>;
}

/// A token without a permit, whichever way this build makes them.
#[cfg(not(ringpool_loom))]
pub(crate) const fn new_token<T: Park>() -> T {
    T::NEW
}

#[cfg(ringpool_loom)]
pub(crate) fn new_token<T: Park>() -> T {
    T::new_token()
}

/// Runs user code whose outcome nobody asks for, such as a destructor, and swallows its panics.
///
/// The payload's own destructor may panic as well; the payload of that second panic is leaked rather
/// than dropped, for it could go on for ever.
pub(crate) fn contain<P: Platform>(f: impl FnOnce()) {
    if let Err(payload) = P::catch(f)
        && let Err(second) = P::catch(move || drop(payload))
    {
        core::mem::forget(second);
    }
}

/// A value whose destructor may panic, and nobody asks for that.
pub(crate) struct Contained<T, P: Platform>(ManuallyDrop<T>, PhantomData<fn() -> P>);

impl<T, P: Platform> Contained<T, P> {
    pub(crate) fn new(value: T) -> Self {
        Self(ManuallyDrop::new(value), PhantomData)
    }

    pub(crate) fn into_inner(self) -> T {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: taken once, and `this` is never dropped.
        unsafe { ManuallyDrop::take(&mut this.0) }
    }
}

impl<T, P: Platform> core::ops::Deref for Contained<T, P> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T, P: Platform> core::ops::DerefMut for Contained<T, P> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T, P: Platform> Drop for Contained<T, P> {
    fn drop(&mut self) {
        // Asked first, so that a value in a loop need not lie in memory for the sake of a destructor that it does not have.
        if core::mem::needs_drop::<T>() {
            // SAFETY: dropped once, here, and never used again.
            contain::<P>(|| unsafe { ManuallyDrop::drop(&mut self.0) });
        }
    }
}
