//! Verbs of pools in place: handles whose jobs lie in the pool, and a broadcast into an array.

use super::on_worker::on_worker;
use super::{InPlace, OnWorker, Plain, With};
use crate::batch::everyone::{self, Left};
use crate::error::{JobError, SubmitError};
use crate::job::{Annotated, Body, Callbacks, OnWorkerFn, PlainFn};
use crate::platform::Platform;
use crate::result::AsyncResult;
#[cfg(doc)]
use crate::static_pool::StaticPool;
use crate::submit;
use crate::worker::Worker;

impl<P, W, M, const WORKERS: usize, const BYTES: usize>
    With<'_, P, W, (), M, InPlace<WORKERS, BYTES>>
where
    P: Platform,
    W: 'static,
{
    /// As [`StaticPool::broadcast`].
    ///
    /// # Errors
    ///
    /// As [`StaticPool::broadcast`].
    pub fn broadcast<F, R>(self, f: F) -> Result<[R; WORKERS], JobError>
    where
        F: Fn(&mut Worker<'_, P, W>) -> R + Sync,
        R: Send,
    {
        let options = self.options();
        let left: [Left<R>; WORKERS] = core::array::from_fn(|_| Left::nothing());
        // SAFETY: `W` is the pool's type of state.
        unsafe { everyone::broadcast(self.engine, f, &options, &left) }?;
        // SAFETY: the broadcast has ended without an error.
        Ok(left.map(|place| unsafe { place.into_value() }))
    }
}

impl<P, W, C, M, const WORKERS: usize, const BYTES: usize>
    With<'static, P, W, C, M, InPlace<WORKERS, BYTES>>
where
    P: Platform,
    W: 'static,
{
    fn single_in_place<B, F>(
        self,
        body: B,
        give_back: impl FnOnce(B) -> F,
    ) -> Result<AsyncResult<B::Value, P>, SubmitError<F>>
    where
        B: Body<P> + 'static,
        C: Callbacks<B::Value>,
    {
        let (engine, options) = (self.engine, self.options());
        let body = Annotated {
            body,
            callbacks: self.callbacks,
            name: options.name,
        };
        // SAFETY: the pool of these options has blocks of so many bytes.
        unsafe { submit::apply_in_block::<P, _, BYTES>(engine, body, options) }
            .map_err(|(error, body)| SubmitError::new(error, give_back(body.body)))
    }
}

impl<P, W, C, const WORKERS: usize, const BYTES: usize>
    With<'static, P, W, C, Plain, InPlace<WORKERS, BYTES>>
where
    P: Platform,
    W: 'static,
{
    /// As [`StaticPool::apply_async`].
    ///
    /// # Errors
    ///
    /// As [`StaticPool::apply_async`].
    pub fn apply_async<F, T>(self, f: F) -> Result<AsyncResult<T, P>, SubmitError<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
        C: Callbacks<T>,
    {
        self.single_in_place(PlainFn(f), |body| body.0)
    }

    /// As [`StaticPool::try_apply_async`].
    ///
    /// # Errors
    ///
    /// As [`StaticPool::try_apply_async`].
    pub fn try_apply_async<F, T>(self, f: F) -> Result<AsyncResult<T, P>, SubmitError<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
        C: Callbacks<T>,
    {
        self.apply_async(f)
    }
}

impl<P, W, C, const WORKERS: usize, const BYTES: usize>
    With<'static, P, W, C, OnWorker, InPlace<WORKERS, BYTES>>
where
    P: Platform,
    W: 'static,
{
    /// As [`StaticPool::apply_async`]; the function gets `&mut Worker` first.
    ///
    /// # Errors
    ///
    /// As [`StaticPool::apply_async`].
    pub fn apply_async<F, T>(self, f: F) -> Result<AsyncResult<T, P>, SubmitError<F>>
    where
        F: FnOnce(&mut Worker<'_, P, W>) -> T + Send + 'static,
        T: Send + 'static,
        C: Callbacks<T>,
    {
        self.single_in_place(on_worker(f), OnWorkerFn::into_inner)
    }

    /// As [`StaticPool::try_apply_async`]; the function gets `&mut Worker` first.
    ///
    /// # Errors
    ///
    /// As [`StaticPool::try_apply_async`].
    pub fn try_apply_async<F, T>(self, f: F) -> Result<AsyncResult<T, P>, SubmitError<F>>
    where
        F: FnOnce(&mut Worker<'_, P, W>) -> T + Send + 'static,
        T: Send + 'static,
        C: Callbacks<T>,
    {
        self.apply_async(f)
    }
}
