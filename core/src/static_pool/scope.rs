//! Scopes of a pool in place.

use core::marker::PhantomData;
use core::mem::ManuallyDrop;

use super::StaticPool;
use crate::engine::Engine;
use crate::error::{JobError, SubmitError};
use crate::frame::Frame;
use crate::job::PlainFn;
use crate::platform::Platform;
use crate::result::AsyncResult;
use crate::scope_core::{End, InScope, ScopeCore};
use crate::submit;

/// Submits jobs that may borrow everything that outlives the scope; made by [`StaticPool::scope`].
///
/// ```
/// use ringpool_core::StaticPool;
/// use ringpool_std::Std;
///
/// static POOL: StaticPool<2, 4, 64, Std> = StaticPool::new();
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut left = [1, 2, 3];
/// let mut right = [4, 5, 6];
/// let mut seat = POOL.seat(0)?;
/// seat.participate(|| {
///     POOL.scope(|scope| {
///         scope.apply_async(|| left.iter_mut().for_each(|x| *x *= 2))?;
///         scope.apply_async(|| right.iter_mut().for_each(|x| *x *= 3))?;
///         Ok::<(), ringpool_core::JobError>(())
///     })
/// })??;
/// assert_eq!((left, right), ([2, 4, 6], [12, 15, 18]));
/// # Ok(()) }
/// ```
pub struct StaticScope<'scope, 'env: 'scope, P: Platform, const BYTES: usize> {
    core: ScopeCore<P>,
    engine: &'static Engine<P>,
    /// Invariant in both lifetimes: a job must not outlive the scope, nor borrow from inside of it.
    jobs: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

impl<P: Platform, const BYTES: usize> core::fmt::Debug for StaticScope<'_, '_, P, BYTES> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("StaticScope").finish_non_exhaustive()
    }
}

impl<P, W, const WORKERS: usize, const SLOTS: usize, const BYTES: usize>
    StaticPool<WORKERS, SLOTS, BYTES, P, W>
where
    P: Platform,
    W: 'static,
{
    /// Calls `f` with a scope, in which jobs may borrow from the stack, and blocks until all of them have ended,
    /// also when `f` panics. On a worker of this pool it runs what is still queued itself.
    ///
    /// A job that has panicked and whose handle was dropped keeps its slot until the scope ends.
    ///
    /// # Errors
    ///
    /// The pool takes no more work (`f` is not called), or the first job submitted that panicked and whose handle
    /// was dropped without asking.
    pub fn scope<'env, F, R>(&'static self, f: F) -> Result<R, JobError>
    where
        F: for<'scope> FnOnce(&'scope StaticScope<'scope, 'env, P, BYTES>) -> R,
    {
        let engine = self.engine();
        if let Some(why) = engine.life.closed_by() {
            return Err(why.into());
        }
        let scope = StaticScope {
            core: ScopeCore::new(Frame::<P>::is_worker_of(engine.head())),
            engine,
            jobs: PhantomData,
            env: PhantomData,
        };
        let end = End(&scope.core, engine);
        let value = f(&scope);
        let outcome = ManuallyDrop::new(end).end();
        outcome.map(|()| value)
    }
}

impl<'scope, P: Platform, const BYTES: usize> StaticScope<'scope, '_, P, BYTES> {
    /// Submits `f`, which may borrow what outlives the scope; its result lies in a slot of the pool.
    ///
    /// # Errors
    ///
    /// The pool is full, or takes no more work; the closure is handed back.
    pub fn apply_async<F, T>(&'scope self, f: F) -> Result<AsyncResult<T, P>, SubmitError<F>>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        self.submit(f)
            .or_else(|(error, f)| match error {
                // On a worker the scope holds on to slots of jobs that have ended, until it looks.
                JobError::Full if self.core.lists_all() => {
                    let _ = self.core.prune();
                    self.submit(f)
                }
                error => Err((error, f)),
            })
            .map_err(|(error, f)| SubmitError::new(error, f))
    }

    /// As [`apply_async`](Self::apply_async), which on this pool never waits for room either.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn try_apply_async<F, T>(&'scope self, f: F) -> Result<AsyncResult<T, P>, SubmitError<F>>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        self.apply_async(f)
    }

    fn submit<F, T>(&'scope self, f: F) -> Result<AsyncResult<T, P>, (JobError, F)>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        let Some(link) = self.core.job_begins() else {
            return Err((JobError::Full, f));
        };
        let extra = InScope { link, inner: () };
        let accepted = |extra: &InScope<P, ()>, job| self.core.job_accepted(&extra.link, job);
        // SAFETY: the pool has blocks of so many bytes, and the scope waits for the job.
        let submitted = unsafe {
            let word = self.core.new_word();
            submit::apply_in_block::<P, _, _, BYTES>(self.engine, word, PlainFn(f), extra, accepted)
        };
        submitted.map_err(|(error, body)| {
            self.core.job_refused();
            (error, body.0)
        })
    }
}
