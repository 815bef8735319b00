//! Verbs whose functions take `&mut Worker` first.

use core::marker::PhantomData;

use super::{OnWorker, With};
use crate::batch::work::{Chunks, OnWorker as WorkerCall};
use crate::error::JobError;
use crate::job::{Annotated, OnWorkerFn};
use crate::platform::Platform;
use crate::source::{Chunked, Sink, Source};
use crate::worker::Worker;
use crate::{submit, verbs};

#[cfg(feature = "alloc")]
use {
    crate::batch::everyone,
    crate::batch::work::StarOnWorker,
    crate::error::SubmitError,
    crate::job::Callbacks,
    crate::lazy::IMap,
    crate::result::AsyncResult,
    crate::source::{Indexed, UnpackOn},
    crate::verbs::Order,
    alloc::vec::Vec,
};

#[cfg(all(doc, feature = "alloc"))]
use crate::pool::Pool;

/// A body for pools with state `W`; `With` knows that its own is one.
pub(super) fn on_worker<F, W>(f: F) -> OnWorkerFn<F, W> {
    // SAFETY: bodies made here are submitted to the pool whose `W` this is, and run by its workers.
    unsafe { OnWorkerFn::new(f) }
}

/// Blocking verbs whose functions get their worker.
impl<P: Platform, W: 'static, K> With<'_, P, W, (), OnWorker, K> {
    /// As [`Pool::apply`]; the function gets `&mut Worker` first.
    ///
    /// # Errors
    ///
    /// As [`Pool::apply`].
    pub fn apply<F, T>(self, f: F) -> Result<T, JobError>
    where
        F: FnOnce(&mut Worker<'_, P, W>) -> T + Send,
        T: Send,
    {
        let options = self.options();
        let body = Annotated {
            body: on_worker(f),
            callbacks: (),
            name: options.name,
        };
        submit::apply(self.engine, body, options)
    }

    /// As [`Pool::map_into`]; the function gets `&mut Worker` first.
    ///
    /// # Errors
    ///
    /// As [`Pool::map_into`].
    pub fn map_into<S, O, F, R>(self, items: S, out: &mut O, f: F) -> Result<usize, JobError>
    where
        S: Source,
        O: Sink<R> + ?Sized,
        F: Fn(&mut Worker<'_, P, W>, S::Item) -> R + Sync,
        R: Send,
    {
        self.batch(
            items,
            WorkerCall(f, PhantomData),
            |engine, feed, call, how| verbs::map_into(engine, feed, call, out, how),
        )
    }

    /// As [`Pool::for_each`]; the function gets `&mut Worker` first.
    ///
    /// # Errors
    ///
    /// As [`Pool::for_each`].
    pub fn for_each<S, F>(self, items: S, f: F) -> Result<(), JobError>
    where
        S: Source,
        F: Fn(&mut Worker<'_, P, W>, S::Item) + Sync,
    {
        self.batch(items, WorkerCall(f, PhantomData), verbs::for_each)
    }

    /// As [`Pool::for_each_chunk`]; the function gets `&mut Worker` first.
    ///
    /// # Errors
    ///
    /// As [`Pool::for_each_chunk`].
    pub fn for_each_chunk<S, F>(self, items: S, f: F) -> Result<(), JobError>
    where
        S: Chunked,
        F: Fn(&mut Worker<'_, P, W>, S::Chunk) + Sync,
    {
        self.batch(
            items,
            WorkerCall(f, PhantomData),
            |engine, feed, call, how| verbs::for_each(engine, Chunks(feed), call, how),
        )
    }

    /// As [`Pool::reduce`]; the function gets `&mut Worker` first.
    ///
    /// # Errors
    ///
    /// As [`Pool::reduce`].
    pub fn reduce<S, R, F, G>(
        self,
        items: S,
        identity: R,
        map: F,
        combine: G,
    ) -> Result<R, JobError>
    where
        S: Source,
        R: Send,
        F: Fn(&mut Worker<'_, P, W>, S::Item) -> R + Sync,
        G: Fn(R, R) -> R + Sync,
    {
        let f = map;
        self.batch(
            items,
            WorkerCall(f, PhantomData),
            |engine, feed, call, how| {
                verbs::reduce(engine, feed, identity, call, combine, how.options)
            },
        )
    }
}

/// Blocking verbs that give vectors, and lazy ones; their functions get their worker.
#[cfg(feature = "alloc")]
impl<'p, P: Platform, W: 'static> With<'p, P, W, (), OnWorker> {
    /// As [`Pool::map`]; the function gets `&mut Worker` first.
    ///
    /// # Errors
    ///
    /// As [`Pool::map`].
    pub fn map<S, F, R>(self, items: S, f: F) -> Result<Vec<R>, JobError>
    where
        S: Source,
        F: Fn(&mut Worker<'_, P, W>, S::Item) -> R + Sync,
        R: Send,
    {
        self.batch(items, WorkerCall(f, PhantomData), verbs::map)
    }

    /// As [`Pool::try_map`]; the function gets `&mut Worker` first.
    ///
    /// # Errors
    ///
    /// As [`Pool::try_map`].
    pub fn try_map<S, F, R, E>(self, items: S, f: F) -> Result<Result<Vec<R>, E>, JobError>
    where
        S: Source,
        F: Fn(&mut Worker<'_, P, W>, S::Item) -> Result<R, E> + Sync,
        R: Send,
        E: Send,
    {
        self.batch(items, WorkerCall(f, PhantomData), verbs::try_map)
    }

    /// As [`Pool::starmap`]; the function gets `&mut Worker` first.
    ///
    /// # Errors
    ///
    /// As [`Pool::starmap`].
    pub fn starmap<S, F, R>(self, items: S, f: F) -> Result<Vec<R>, JobError>
    where
        S: Source<Item: UnpackOn<F, P, W, R>>,
        F: Sync,
        R: Send,
    {
        self.batch(items, StarOnWorker(f, PhantomData), verbs::map)
    }

    /// As [`Pool::broadcast`]; the function gets `&mut Worker` first.
    ///
    /// # Errors
    ///
    /// As [`Pool::broadcast`].
    pub fn broadcast<F, R>(self, f: F) -> Result<Vec<R>, JobError>
    where
        F: Fn(&mut Worker<'_, P, W>) -> R + Sync,
        R: Send,
    {
        let options = self.options();
        // SAFETY: `W` is the pool's type of state.
        unsafe { everyone::broadcast_to_vec(self.engine, f, &options) }
    }

    /// As [`Pool::imap`]; the function gets `&mut Worker` first.
    pub fn imap<I, F, R>(self, items: I, f: F) -> IMap<'p, I::IntoIter, R, P>
    where
        I: IntoIterator<Item: Send + 'static>,
        F: Fn(&mut Worker<'_, P, W>, I::Item) -> R + Send + Sync + 'static,
        R: Send + 'static,
    {
        self.stream(items, WorkerCall(f, PhantomData), Order::Input)
    }

    /// As [`Pool::imap_unordered`]; the function gets `&mut Worker` first.
    pub fn imap_unordered<I, F, R>(self, items: I, f: F) -> IMap<'p, I::IntoIter, R, P>
    where
        I: IntoIterator<Item: Send + 'static>,
        F: Fn(&mut Worker<'_, P, W>, I::Item) -> R + Send + Sync + 'static,
        R: Send + 'static,
    {
        self.stream(items, WorkerCall(f, PhantomData), Order::Completion)
    }

    /// As [`Pool::istarmap`]; the function gets `&mut Worker` first.
    pub fn istarmap<I, F, R>(self, items: I, f: F) -> IMap<'p, I::IntoIter, R, P>
    where
        I: IntoIterator<Item: UnpackOn<F, P, W, R> + Send + 'static>,
        F: Send + Sync + 'static,
        R: Send + 'static,
    {
        self.stream(items, StarOnWorker(f, PhantomData), Order::Input)
    }

    /// As [`Pool::istarmap_unordered`]; the function gets `&mut Worker` first.
    pub fn istarmap_unordered<I, F, R>(self, items: I, f: F) -> IMap<'p, I::IntoIter, R, P>
    where
        I: IntoIterator<Item: UnpackOn<F, P, W, R> + Send + 'static>,
        F: Send + Sync + 'static,
        R: Send + 'static,
    {
        self.stream(items, StarOnWorker(f, PhantomData), Order::Completion)
    }
}

/// Verbs that return a handle, whose functions get their worker.
#[cfg(feature = "alloc")]
impl<P: Platform, W: 'static, C> With<'_, P, W, C, OnWorker> {
    /// As [`Pool::apply_async`]; the function gets `&mut Worker` first.
    ///
    /// # Errors
    ///
    /// As [`Pool::apply_async`].
    pub fn apply_async<F, T>(self, f: F) -> Result<AsyncResult<T, P>, SubmitError<F>>
    where
        F: FnOnce(&mut Worker<'_, P, W>) -> T + Send + 'static,
        T: Send + 'static,
        C: Callbacks<T>,
    {
        self.single(on_worker(f), OnWorkerFn::into_inner, true)
    }

    /// As [`Pool::try_apply_async`]; the function gets `&mut Worker` first.
    ///
    /// # Errors
    ///
    /// As [`Pool::try_apply_async`].
    pub fn try_apply_async<F, T>(self, f: F) -> Result<AsyncResult<T, P>, SubmitError<F>>
    where
        F: FnOnce(&mut Worker<'_, P, W>) -> T + Send + 'static,
        T: Send + 'static,
        C: Callbacks<T>,
    {
        self.single(on_worker(f), OnWorkerFn::into_inner, false)
    }

    /// As [`Pool::map_async`]; the function gets `&mut Worker` first.
    ///
    /// # Errors
    ///
    /// As [`Pool::map_async`].
    pub fn map_async<S, F, R>(
        self,
        items: S,
        f: F,
    ) -> Result<AsyncResult<Vec<R>, P>, SubmitError<(S, F)>>
    where
        S: Indexed + 'static,
        F: Fn(&mut Worker<'_, P, W>, S::Item) -> R + Send + Sync + 'static,
        R: Send + 'static,
        C: Callbacks<Vec<R>>,
    {
        self.detached(items, f, |f| WorkerCall(f, PhantomData), |call| call.0)
    }

    /// As [`Pool::starmap_async`]; the function gets `&mut Worker` first.
    ///
    /// # Errors
    ///
    /// As [`Pool::starmap_async`].
    pub fn starmap_async<S, F, R>(
        self,
        items: S,
        f: F,
    ) -> Result<AsyncResult<Vec<R>, P>, SubmitError<(S, F)>>
    where
        S: Indexed<Item: UnpackOn<F, P, W, R>> + 'static,
        F: Send + Sync + 'static,
        R: Send + 'static,
        C: Callbacks<Vec<R>>,
    {
        self.detached(items, f, |f| StarOnWorker(f, PhantomData), |call| call.0)
    }
}
