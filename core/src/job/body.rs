//! What a job does: the caller's closure, with the callbacks that its end is told to.

use core::ops::Range;

use crate::error::{JobError, Refusal};
use crate::frame::{Frame, Token};
use crate::platform::{Platform, contain};
use crate::worker::Worker;

/// The work of one job. Neither function unwinds; each is the last that happens to the body.
pub(crate) trait Body<P: Platform>: Sized {
    type Value;
    /// Whether it borrows worker state.
    const STATEFUL: bool = false;
    /// Which items it works on, if it is a chunk.
    fn chunk(&self) -> Option<Range<usize>> {
        None
    }
    /// Does the work.
    fn run(self, frame: &Frame<'_, P>, token: &dyn Token) -> Result<Self::Value, JobError>;
    /// Drops a value that nobody has taken.
    fn discard(value: Result<Self::Value, JobError>) {
        contain::<P>(move || drop(value));
    }

    /// Ends without doing the work.
    fn refuse(self, why: Refusal) -> Result<Self::Value, JobError> {
        contain::<P>(move || drop(self));
        Err(why.into())
    }
}

/// Runs user code and turns its panic into the job's error.
#[inline]
pub(crate) fn caught<P: Platform, R>(f: impl FnOnce() -> R) -> Result<R, JobError> {
    P::catch(f).map_err(|payload| JobError::Panicked(payload.into()))
}

/// A closure that needs nothing of its worker.
pub(crate) struct PlainFn<F>(pub(crate) F);

impl<P: Platform, T, F: FnOnce() -> T> Body<P> for PlainFn<F> {
    type Value = T;

    #[inline]
    fn run(self, _: &Frame<'_, P>, _: &dyn Token) -> Result<T, JobError> {
        caught::<P, _>(self.0)
    }
}

/// A closure that borrows its worker.
pub(crate) struct OnWorkerFn<F, W> {
    f: F,
    state: core::marker::PhantomData<fn(&mut W)>,
}

impl<F, W> OnWorkerFn<F, W> {
    /// # Safety
    ///
    /// The body must be run on workers with state `W` only.
    pub(crate) unsafe fn new(f: F) -> Self {
        Self {
            f,
            state: core::marker::PhantomData,
        }
    }

    pub(crate) fn into_inner(self) -> F {
        self.f
    }
}

impl<P: Platform, W, T, F: FnOnce(&mut Worker<'_, P, W>) -> T> Body<P> for OnWorkerFn<F, W> {
    type Value = T;
    const STATEFUL: bool = true;

    fn run(self, frame: &Frame<'_, P>, token: &dyn Token) -> Result<T, JobError> {
        let f = self.f;
        // SAFETY: `new` promises the type of the state; the state is not lent, since a stateful job is
        // neither popped nor run in place on a worker that has lent its state.
        caught::<P, _>(|| unsafe { frame.lend(token, f) })
    }
}

/// A body with a name for its panics and callbacks for its end.
pub(crate) struct Annotated<B, C> {
    pub(crate) body: B,
    pub(crate) callbacks: C,
    pub(crate) name: Option<&'static str>,
}

impl<P: Platform, B: Body<P>, C: Callbacks<B::Value>> Body<P> for Annotated<B, C> {
    type Value = B::Value;
    const STATEFUL: bool = B::STATEFUL;

    fn chunk(&self) -> Option<Range<usize>> {
        self.body.chunk()
    }

    fn run(self, frame: &Frame<'_, P>, token: &dyn Token) -> Result<B::Value, JobError> {
        let result = self.body.run(frame, token);
        conclude::<P, _, _>(result, self.callbacks, self.name)
    }

    fn discard(value: Result<B::Value, JobError>) {
        B::discard(value);
    }

    fn refuse(self, why: Refusal) -> Result<B::Value, JobError> {
        let result = self.body.refuse(why);
        conclude::<P, _, _>(result, self.callbacks, self.name)
    }
}

/// Names a panic and tells the callbacks; the panic of a callback becomes the result (S24).
pub(crate) fn conclude<P: Platform, T, C: Callbacks<T>>(
    mut result: Result<T, JobError>,
    callbacks: C,
    name: Option<&'static str>,
) -> Result<T, JobError> {
    result = named(result, name);
    match callbacks.call::<P>(&result) {
        Ok(()) => result,
        Err(panic) => {
            contain::<P>(move || drop(result));
            named(Err(panic), name)
        }
    }
}

fn named<T>(result: Result<T, JobError>, name: Option<&'static str>) -> Result<T, JobError> {
    match result {
        Err(JobError::Panicked(panic)) => Err(JobError::Panicked(panic.named(name))),
        other => other,
    }
}

/// The functions that are told how a job ended.
///
/// `With` makes them; nobody else can.
pub trait Callbacks<T>: sealed::Sealed + Send + 'static {
    /// Called once, before the result is ready. Does not unwind.
    ///
    /// # Errors
    ///
    /// The first panic of a function that applied.
    #[doc(hidden)]
    fn call<P: Platform>(self, result: &Result<T, JobError>) -> Result<(), JobError>;
}

mod sealed {
    /// Keeps `Callbacks` to the types of this file.
    pub trait Sealed {}
    impl Sealed for () {}
    impl<F, C> Sealed for super::OnSuccess<F, C> {}
    impl<F, C> Sealed for super::OnError<F, C> {}
}

impl<T> Callbacks<T> for () {
    fn call<P: Platform>(self, _: &Result<T, JobError>) -> Result<(), JobError> {
        Ok(())
    }
}

/// A callback for success, called after those that were set before.
#[derive(Debug)]
pub struct OnSuccess<F, C> {
    pub(crate) f: F,
    pub(crate) others: C,
}

impl<T, F: FnOnce(&T) + Send + 'static, C: Callbacks<T>> Callbacks<T> for OnSuccess<F, C> {
    fn call<P: Platform>(self, result: &Result<T, JobError>) -> Result<(), JobError> {
        let Self { f, others } = self;
        let first = others.call::<P>(result);
        first_panic::<P>(first, tell::<P, T, F>(result.as_ref().ok(), f))
    }
}

/// A callback for errors, called after those that were set before.
#[derive(Debug)]
pub struct OnError<F, C> {
    pub(crate) f: F,
    pub(crate) others: C,
}

impl<T, F: FnOnce(&JobError) + Send + 'static, C: Callbacks<T>> Callbacks<T> for OnError<F, C> {
    fn call<P: Platform>(self, result: &Result<T, JobError>) -> Result<(), JobError> {
        let Self { f, others } = self;
        let first = others.call::<P>(result);
        first_panic::<P>(first, tell::<P, JobError, F>(result.as_ref().err(), f))
    }
}

/// Calls `f` if it applies; otherwise drops it, whose panic then concerns nobody.
fn tell<P: Platform, V, F: FnOnce(&V)>(value: Option<&V>, f: F) -> Result<(), JobError> {
    if let Some(value) = value {
        return caught::<P, _>(|| f(value));
    }
    contain::<P>(move || drop(f));
    Ok(())
}

/// The first of two outcomes that is a panic; the other is dropped.
fn first_panic<P: Platform>(
    first: Result<(), JobError>,
    second: Result<(), JobError>,
) -> Result<(), JobError> {
    if first.is_ok() {
        return second;
    }
    contain::<P>(move || drop(second));
    first
}
