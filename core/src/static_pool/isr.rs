//! Submitting from interrupt handlers.

use crate::engine::Engine;
use crate::error::SubmitError;
use crate::platform::{IsrUnpark, Platform};
use crate::result::AsyncResult;
#[cfg(doc)]
use crate::static_pool::StaticPool;
use crate::with::{InPlace, Plain, With};

/// What an interrupt handler may do with a pool; made by [`StaticPool::isr`].
///
/// A handler may interrupt anything, the pool's own code included, and must not wait for what it has
/// interrupted. So it is given the one verb that waits for nobody.
///
/// # Why nothing that is reached from here waits
///
/// [`try_apply_async`](Self::try_apply_async) does four things, in this order:
///
/// 1. It takes a vacant slot out of a ring of indices, and moves the closure there.
/// 2. It takes a place of the queue out of a second such ring, and puts it into a third.
/// 3. It looks whether a worker is awake, and if not takes the bit of one that sleeps, at most once for each worker.
/// 4. It unparks that worker, or calls the waker of one that is a task of an executor.
///
/// The rings are lock-free in the formal sense ([`Ring`](crate::ring::Ring) says more): an operation that was stopped
/// anywhere, such as the one that this handler has interrupted, is either not visible yet, or is completed by
/// whoever comes next. A step is repeated only after somebody else's has succeeded, and what is interrupted succeeds in
/// nothing meanwhile; so on one core each loop of a handler runs once more at most. The bits are changed by single
/// read-modify-writes. Unparking is what [`IsrUnpark`] promises to be safe here, which is why a pool of a platform that
/// parks on a lock has no `isr`; and the wakers of an executor that has such a worker have to be fit for handlers, as embassy's
/// are. There is no lock on the way, not of this crate either with the feature `spin`, and no
/// allocator or seat is asked for. Where there is a clock, it is read once for each worker that is woken, which
/// [`Platform::now`](crate::Platform::now) has to allow for. If a ring has no index, the answer is `Full`, and what was taken is put back.
///
/// Dropping the handle gives the slot back in the same way, and drops a value that is there already: the
/// destructors of closure and value have to be fit for a handler, too. Its `ready`, `successful` and `progress` only
/// look. Everything that waits (`get`, `wait`, `join` and the blocking verbs) is for threads.
///
/// ```
/// use ringpool_core::{Isr, Platform, StaticPool};
/// use ringpool_core::IsrUnpark;
///
/// /// What the handler of a timer does.
/// fn on_tick<P: Platform<Park: IsrUnpark>>(pool: &'static StaticPool<1, 8, 32, P>, tick: u32) {
///     // The result is not asked for; a tick that finds the pool full is lost.
///     drop(pool.isr().try_apply_async(move || tick + 1));
/// }
/// ```
pub struct Isr<'p, P: Platform, const BYTES: usize> {
    engine: &'p Engine<P>,
}

impl<P: Platform, const BYTES: usize> Clone for Isr<'_, P, BYTES> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P: Platform, const BYTES: usize> Copy for Isr<'_, P, BYTES> {}

impl<P: Platform, const BYTES: usize> core::fmt::Debug for Isr<'_, P, BYTES> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Isr").finish_non_exhaustive()
    }
}

impl<P: Platform<Park: IsrUnpark>, const BYTES: usize> Isr<'static, P, BYTES> {
    pub(super) fn new(engine: &'static Engine<P>) -> Self {
        Self { engine }
    }

    /// Submits `f` and returns at once with a handle for its result.
    ///
    /// A closure or a result that is larger than `BYTES` does not compile.
    ///
    /// # Errors
    ///
    /// The pool is full, or takes no more work; the closure is handed back.
    pub fn try_apply_async<F, T>(&self, f: F) -> Result<AsyncResult<T, P>, SubmitError<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        // Neither the numbers nor the state that the options are for play a part in this verb.
        let with: With<'static, P, (), (), Plain, InPlace<0, 0, BYTES>> = With::new(self.engine);
        with.try_apply_async(f)
    }
}
