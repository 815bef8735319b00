//! Scopes: jobs that borrow from the stack of the thread that waits for them.

use alloc::vec::Vec;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;

use crate::batch::Schedule;
use crate::batch::detached::{self, Detached};
use crate::batch::work::Plain;
use crate::engine::Engine;
use crate::error::{JobError, SubmitError};
use crate::frame::Frame;
use crate::job::{Body, JobCell, Options, PlainFn};
use crate::lazy::{self, IMap, Submitter};
use crate::platform::{Platform, contain};
use crate::pool::Pool;
use crate::result::AsyncResult;
use crate::scope_core::{End, InScope, ScopeCore, submit_in};
use crate::source::Indexed;
use crate::verbs::{Order, len_of, room_for};

/// Submits jobs that may borrow everything that outlives the scope; made by [`Pool::scope`].
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let pool = ringpool_core::Pool::<ringpool_std::Std>::new()?;
/// let mut left = [1, 2, 3];
/// let mut right = [4, 5, 6];
/// pool.scope(|scope| {
///     scope.apply_async(|| left.iter_mut().for_each(|x| *x *= 2));
///     scope.apply_async(|| right.iter_mut().for_each(|x| *x *= 3));
/// })?;
/// assert_eq!((left, right), ([2, 4, 6], [12, 15, 18]));
/// # Ok(()) }
/// ```
pub struct Scope<'scope, 'env: 'scope, P: Platform, W = ()> {
    core: ScopeCore<P>,
    pool: &'env Pool<P, W>,
    /// Invariant in both lifetimes: a job must not outlive the scope, nor borrow from inside of it.
    jobs: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

impl<P: Platform, W> core::fmt::Debug for Scope<'_, '_, P, W> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Scope").finish_non_exhaustive()
    }
}

impl<P: Platform, W: 'static> Pool<P, W> {
    /// Calls `f` with a scope, in which jobs may borrow from the stack, and blocks until all of them have ended,
    /// also when `f` panics.
    ///
    /// # Errors
    ///
    /// The pool takes no more work (`f` is not called), or the first job submitted that panicked and whose handle
    /// was dropped without asking.
    pub fn scope<'env, F, R>(&'env self, f: F) -> Result<R, JobError>
    where
        F: for<'scope> FnOnce(&'scope Scope<'scope, 'env, P, W>) -> R,
    {
        let engine = self.engine();
        if let Some(why) = engine.life.closed_by() {
            return Err(why.into());
        }
        let waits_on_worker =
            engine.settings.caller_participates || Frame::<P>::is_worker_of(engine.head());
        let scope = Scope {
            core: ScopeCore::new(waits_on_worker),
            pool: self,
            jobs: PhantomData,
            env: PhantomData,
        };
        let end = End(&scope.core, engine);
        let value = f(&scope);
        let outcome = ManuallyDrop::new(end).end();
        outcome.map(|()| value)
    }
}

impl<'scope, 'env, P: Platform, W: 'static> Scope<'scope, 'env, P, W> {
    fn engine(&self) -> &'env Engine<P> {
        self.pool.engine()
    }

    /// A job that counts in no scope, for it has ended already.
    fn refused<B: Body<P>>(&self, error: JobError, body: B) -> AsyncResult<B::Value, P> {
        contain::<P>(move || drop(body));
        let cell = JobCell::<P, B, ()>::resolved(self.engine(), Err(error), ());
        // SAFETY: it was born with a handle bit, and this is its handle.
        unsafe { AsyncResult::new(JobCell::job(cell)) }
    }

    /// Submits `f`, which may borrow what outlives the scope. If the pool refuses, the handle says so.
    pub fn apply_async<F, T>(&'scope self, f: F) -> AsyncResult<T, P>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        submit_in(&self.core, self.engine(), PlainFn(f), (), true)
            .unwrap_or_else(|(error, body)| self.refused(error, body))
    }

    /// As [`apply_async`](Self::apply_async), but a full pool is an error instead of a wait.
    ///
    /// # Errors
    ///
    /// The pool is full or takes no more work; the closure is handed back.
    pub fn try_apply_async<F, T>(&'scope self, f: F) -> Result<AsyncResult<T, P>, SubmitError<F>>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        submit_in(&self.core, self.engine(), PlainFn(f), (), false)
            .map_err(|(error, body)| SubmitError::new(error, body.0))
    }

    /// Submits a whole batch, whose items and function may borrow. If the pool refuses, the handle says so.
    pub fn map_async<S, F, R>(&'scope self, items: S, f: F) -> AsyncResult<Vec<R>, P>
    where
        S: Indexed + 'scope,
        F: Fn(S::Item) -> R + Send + Sync + 'scope,
        R: Send + 'scope,
    {
        let engine = self.engine();
        let refused = |error, items, f| {
            self.refused(
                error,
                PlainFn(move || -> Vec<R> {
                    let _both = (items, f);
                    Vec::new()
                }),
            )
        };
        let feed = items.into_feed();
        let room = len_of(&feed).and_then(|len| Ok((len, room_for(len)?)));
        let (len, values) = match room {
            Ok(room) => room,
            Err(error) => return refused(error, S::from_feed(feed), f),
        };
        let Some(link) = self.core.job_begins() else {
            return refused(JobError::Full, S::from_feed(feed), f);
        };
        let parts = Detached {
            feed,
            call: Plain(f),
            values,
            callbacks: (),
            extra: InScope { link, inner: () },
            len,
            schedule: Schedule::Auto,
            options: engine.options(),
            word: self.core.new_word(),
        };
        let accepted =
            |extra: &InScope<P, ()>, job: NonNull<_>| self.core.job_accepted(&extra.link, job);
        detached::submit(engine, parts, accepted).unwrap_or_else(|(error, feed, call)| {
            self.core.job_refused();
            refused(error, S::from_feed(feed), call.0)
        })
    }

    fn stream<I, F, R>(
        &'scope self,
        items: I,
        f: F,
        order: Order,
    ) -> IMap<'scope, I::IntoIter, R, P>
    where
        I: IntoIterator<Item: Send + 'scope>,
        F: Fn(I::Item) -> R + Send + Sync + 'scope,
        R: Send + 'scope,
    {
        let settings = lazy::Settings {
            chunk_size: None,
            window: None,
            options: self.engine().options(),
        };
        let submitter = Scoped {
            core: &self.core,
            engine: self.engine(),
        };
        IMap::new(submitter, items.into_iter(), Plain(f), order, settings)
    }

    /// A lazy stream, as [`Pool::imap`], whose items and function may borrow.
    pub fn imap<I, F, R>(&'scope self, items: I, f: F) -> IMap<'scope, I::IntoIter, R, P>
    where
        I: IntoIterator<Item: Send + 'scope>,
        F: Fn(I::Item) -> R + Send + Sync + 'scope,
        R: Send + 'scope,
    {
        self.stream(items, f, Order::Input)
    }

    /// A lazy stream, as [`Pool::imap_unordered`], whose items and function may borrow.
    pub fn imap_unordered<I, F, R>(&'scope self, items: I, f: F) -> IMap<'scope, I::IntoIter, R, P>
    where
        I: IntoIterator<Item: Send + 'scope>,
        F: Fn(I::Item) -> R + Send + Sync + 'scope,
        R: Send + 'scope,
    {
        self.stream(items, f, Order::Completion)
    }
}

/// Submits the chunks of a stream to a scope.
struct Scoped<'scope, P: Platform> {
    core: &'scope ScopeCore<P>,
    engine: &'scope Engine<P>,
}

impl<'scope, P: Platform> Submitter<'scope, P> for Scoped<'scope, P> {
    fn submit<B>(
        &self,
        body: B,
        options: Options,
        wait: bool,
    ) -> Result<AsyncResult<B::Value, P>, (JobError, B)>
    where
        B: Body<P> + 'scope,
        B::Value: 'scope,
    {
        submit_in(self.core, self.engine, body, options, wait)
    }

    fn engine(&self) -> &'scope Engine<P> {
        self.engine
    }
}
