//! Verbs of pools in place: handles and streams whose jobs lie in the pool, and a broadcast into an array.

use super::on_worker::on_worker;
use super::{InPlace, OnWorker, Plain, With};
use crate::batch::everyone::{self, Left};
use crate::batch::work::{Call, OnWorker as WorkerCall, Plain as PlainCall};
use crate::error::{JobError, SubmitError};
use crate::frame::Frame;
use crate::job::{Annotated, Body, Callbacks, JobWord, OnWorkerFn, PlainFn};
use crate::platform::Platform;
use crate::result::AsyncResult;
#[cfg(doc)]
use crate::static_pool::StaticPool;
use crate::static_pool::{Settings, StaticIMap};
use crate::submit;
use crate::verbs::{Order, refuse};
use crate::worker::Worker;

impl<P, W, M, const WORKERS: usize, const SLOTS: usize, const BYTES: usize>
    With<'_, P, W, (), M, InPlace<WORKERS, SLOTS, BYTES>>
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

impl<P, W, C, M, const WORKERS: usize, const SLOTS: usize, const BYTES: usize>
    With<'static, P, W, C, M, InPlace<WORKERS, SLOTS, BYTES>>
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
        // SAFETY: the pool of these options has blocks of so many bytes, and nothing is borrowed.
        unsafe {
            let word = JobWord::new();
            submit::apply_in_block::<P, _, _, BYTES>(engine, word, body, options, |_, _| ())
        }
        .map_err(|(error, body)| SubmitError::new(error, give_back(body.body)))
    }
}

impl<P, W, M, const WORKERS: usize, const SLOTS: usize, const BYTES: usize>
    With<'static, P, W, (), M, InPlace<WORKERS, SLOTS, BYTES>>
where
    P: Platform,
    W: 'static,
{
    /// # Safety
    ///
    /// As for `StaticIMap::new`.
    unsafe fn stream<I, F, G>(
        self,
        items: I,
        f: F,
        order: Order,
    ) -> StaticIMap<I::IntoIter, F, G::Out, P, SLOTS, BYTES>
    where
        I: IntoIterator,
        F: Clone,
        G: Call<P, I::Item> + From<F>,
    {
        let settings = Settings {
            order,
            chunk_size: self.chunk_size,
            window: self.window,
            options: self.options(),
        };
        // SAFETY: passed on.
        unsafe { StaticIMap::new::<G>(self.engine, items.into_iter(), f, settings) }
    }

    /// A stream whose jobs may borrow, for they have ended when this returns.
    fn drain<I, F, G>(
        self,
        items: I,
        f: F,
        each: impl FnMut(usize, Result<G::Out, JobError>),
    ) -> Result<usize, JobError>
    where
        I: IntoIterator,
        F: Clone,
        G: Call<P, I::Item> + From<F>,
    {
        let is_lent = |frame: Option<&Frame<'_, P>>| frame.is_some_and(Frame::is_lent);
        if G::STATEFUL && Frame::find(self.engine.head(), is_lent) {
            return Err(refuse::<P, _, _>(JobError::StateLent, items, f));
        }
        // SAFETY: the pool of these options has blocks of so many bytes, and `drain` settles the stream.
        unsafe { self.stream::<I, F, G>(items, f, Order::Completion) }.drain(each)
    }
}

impl<P, W, const WORKERS: usize, const SLOTS: usize, const BYTES: usize>
    With<'static, P, W, (), Plain, InPlace<WORKERS, SLOTS, BYTES>>
where
    P: Platform,
    W: 'static,
{
    /// As [`StaticPool::imap`].
    pub fn imap<I, F, R>(self, items: I, f: F) -> StaticIMap<I::IntoIter, F, R, P, SLOTS, BYTES>
    where
        I: IntoIterator<Item: Send + 'static>,
        F: Fn(I::Item) -> R + Clone + Send + 'static,
        R: Send + 'static,
    {
        // SAFETY: the pool of these options has blocks of so many bytes, and nothing is borrowed.
        unsafe { self.stream::<I, F, PlainCall<F>>(items, f, Order::Input) }
    }

    /// As [`StaticPool::imap_unordered`].
    pub fn imap_unordered<I, F, R>(
        self,
        items: I,
        f: F,
    ) -> StaticIMap<I::IntoIter, F, R, P, SLOTS, BYTES>
    where
        I: IntoIterator<Item: Send + 'static>,
        F: Fn(I::Item) -> R + Clone + Send + 'static,
        R: Send + 'static,
    {
        // SAFETY: as in `imap`.
        unsafe { self.stream::<I, F, PlainCall<F>>(items, f, Order::Completion) }
    }

    /// As [`StaticPool::stream_into`].
    ///
    /// # Errors
    ///
    /// As [`StaticPool::stream_into`].
    pub fn stream_into<I, F, R>(
        self,
        items: I,
        f: F,
        each: impl FnMut(usize, Result<R, JobError>),
    ) -> Result<usize, JobError>
    where
        I: IntoIterator<Item: Send>,
        F: Fn(I::Item) -> R + Sync,
        R: Send,
    {
        self.drain::<I, &F, PlainCall<&F>>(items, &f, each)
    }
}

impl<P, W, const WORKERS: usize, const SLOTS: usize, const BYTES: usize>
    With<'static, P, W, (), OnWorker, InPlace<WORKERS, SLOTS, BYTES>>
where
    P: Platform,
    W: 'static,
{
    /// As [`StaticPool::imap`]; the function gets `&mut Worker` first.
    pub fn imap<I, F, R>(self, items: I, f: F) -> StaticIMap<I::IntoIter, F, R, P, SLOTS, BYTES>
    where
        I: IntoIterator<Item: Send + 'static>,
        F: Fn(&mut Worker<'_, P, W>, I::Item) -> R + Clone + Send + 'static,
        R: Send + 'static,
    {
        // SAFETY: the pool of these options has blocks of so many bytes, and nothing is borrowed.
        unsafe { self.stream::<I, F, WorkerCall<F, W>>(items, f, Order::Input) }
    }

    /// As [`StaticPool::imap_unordered`]; the function gets `&mut Worker` first.
    pub fn imap_unordered<I, F, R>(
        self,
        items: I,
        f: F,
    ) -> StaticIMap<I::IntoIter, F, R, P, SLOTS, BYTES>
    where
        I: IntoIterator<Item: Send + 'static>,
        F: Fn(&mut Worker<'_, P, W>, I::Item) -> R + Clone + Send + 'static,
        R: Send + 'static,
    {
        // SAFETY: as in `imap`.
        unsafe { self.stream::<I, F, WorkerCall<F, W>>(items, f, Order::Completion) }
    }

    /// As [`StaticPool::stream_into`]; the function gets `&mut Worker` first.
    ///
    /// # Errors
    ///
    /// As [`StaticPool::stream_into`], and [`JobError::StateLent`].
    pub fn stream_into<I, F, R>(
        self,
        items: I,
        f: F,
        each: impl FnMut(usize, Result<R, JobError>),
    ) -> Result<usize, JobError>
    where
        I: IntoIterator<Item: Send>,
        F: Fn(&mut Worker<'_, P, W>, I::Item) -> R + Sync,
        R: Send,
    {
        self.drain::<I, &F, WorkerCall<&F, W>>(items, &f, each)
    }
}

impl<P, W, C, const WORKERS: usize, const SLOTS: usize, const BYTES: usize>
    With<'static, P, W, C, Plain, InPlace<WORKERS, SLOTS, BYTES>>
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

impl<P, W, C, const WORKERS: usize, const SLOTS: usize, const BYTES: usize>
    With<'static, P, W, C, OnWorker, InPlace<WORKERS, SLOTS, BYTES>>
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
