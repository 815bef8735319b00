//! Verbs whose functions take the item only.

use super::{Plain, With};
use crate::batch::work::{Chunks, Plain as PlainCall};
use crate::error::JobError;
use crate::job::{Annotated, PlainFn};
use crate::platform::Platform;
use crate::source::{Chunked, Sink, Source};
use crate::{submit, verbs};

#[cfg(feature = "alloc")]
use {
    crate::batch::everyone,
    crate::batch::work::Star,
    crate::error::SubmitError,
    crate::job::Callbacks,
    crate::lazy::IMap,
    crate::result::AsyncResult,
    crate::source::{Indexed, Unpack},
    crate::verbs::Order,
    crate::worker::Worker,
    alloc::vec::Vec,
    core::marker::PhantomData,
};

#[cfg(all(doc, feature = "alloc"))]
use crate::pool::Pool;

/// Blocking verbs.
impl<P: Platform, W: 'static, K> With<'_, P, W, (), Plain, K> {
    /// As [`Pool::apply`].
    ///
    /// # Errors
    ///
    /// As [`Pool::apply`].
    pub fn apply<F, T>(self, f: F) -> Result<T, JobError>
    where
        F: FnOnce() -> T + Send,
        T: Send,
    {
        let options = self.options();
        let body = Annotated {
            body: PlainFn(f),
            callbacks: (),
            name: options.name,
        };
        submit::apply(self.engine, body, options)
    }

    /// As [`Pool::map_into`].
    ///
    /// # Errors
    ///
    /// As [`Pool::map_into`].
    pub fn map_into<S, O, F, R>(self, items: S, out: &mut O, f: F) -> Result<usize, JobError>
    where
        S: Source,
        O: Sink<R> + ?Sized,
        F: Fn(S::Item) -> R + Sync,
        R: Send,
    {
        self.batch(items, PlainCall(f), |engine, feed, call, how| {
            verbs::map_into(engine, feed, call, out, how)
        })
    }

    /// As [`Pool::for_each`].
    ///
    /// # Errors
    ///
    /// As [`Pool::for_each`].
    pub fn for_each<S, F>(self, items: S, f: F) -> Result<(), JobError>
    where
        S: Source,
        F: Fn(S::Item) + Sync,
    {
        self.batch(items, PlainCall(f), verbs::for_each)
    }

    /// As [`Pool::for_each_chunk`].
    ///
    /// # Errors
    ///
    /// As [`Pool::for_each_chunk`].
    pub fn for_each_chunk<S, F>(self, items: S, f: F) -> Result<(), JobError>
    where
        S: Chunked,
        F: Fn(S::Chunk) + Sync,
    {
        self.batch(items, PlainCall(f), |engine, feed, call, how| {
            verbs::for_each(engine, Chunks(feed), call, how)
        })
    }

    /// As [`Pool::reduce`].
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
        F: Fn(S::Item) -> R + Sync,
        G: Fn(R, R) -> R + Sync,
    {
        let f = map;
        self.batch(items, PlainCall(f), |engine, feed, call, how| {
            verbs::reduce(engine, feed, identity, call, combine, how.options)
        })
    }
}

/// Blocking verbs that give vectors, and lazy ones.
#[cfg(feature = "alloc")]
impl<'p, P: Platform, W: 'static> With<'p, P, W, (), Plain> {
    /// As [`Pool::map`].
    ///
    /// # Errors
    ///
    /// As [`Pool::map`].
    pub fn map<S, F, R>(self, items: S, f: F) -> Result<Vec<R>, JobError>
    where
        S: Source,
        F: Fn(S::Item) -> R + Sync,
        R: Send,
    {
        self.batch(items, PlainCall(f), verbs::map)
    }

    /// As [`Pool::try_map`].
    ///
    /// # Errors
    ///
    /// As [`Pool::try_map`].
    pub fn try_map<S, F, R, E>(self, items: S, f: F) -> Result<Result<Vec<R>, E>, JobError>
    where
        S: Source,
        F: Fn(S::Item) -> Result<R, E> + Sync,
        R: Send,
        E: Send,
    {
        self.batch(items, PlainCall(f), verbs::try_map)
    }

    /// As [`Pool::starmap`].
    ///
    /// # Errors
    ///
    /// As [`Pool::starmap`].
    pub fn starmap<S, F, R>(self, items: S, f: F) -> Result<Vec<R>, JobError>
    where
        S: Source<Item: Unpack<F, R>>,
        F: Sync,
        R: Send,
    {
        self.batch(items, Star(f, PhantomData), verbs::map)
    }

    /// As [`Pool::broadcast`].
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

    /// As [`Pool::imap`].
    pub fn imap<I, F, R>(self, items: I, f: F) -> IMap<'p, I::IntoIter, R, P>
    where
        I: IntoIterator<Item: Send + 'static>,
        F: Fn(I::Item) -> R + Send + Sync + 'static,
        R: Send + 'static,
    {
        self.stream(items, PlainCall(f), Order::Input)
    }

    /// As [`Pool::imap_unordered`].
    pub fn imap_unordered<I, F, R>(self, items: I, f: F) -> IMap<'p, I::IntoIter, R, P>
    where
        I: IntoIterator<Item: Send + 'static>,
        F: Fn(I::Item) -> R + Send + Sync + 'static,
        R: Send + 'static,
    {
        self.stream(items, PlainCall(f), Order::Completion)
    }

    /// As [`Pool::istarmap`].
    pub fn istarmap<I, F, R>(self, items: I, f: F) -> IMap<'p, I::IntoIter, R, P>
    where
        I: IntoIterator<Item: Unpack<F, R> + Send + 'static>,
        F: Send + Sync + 'static,
        R: Send + 'static,
    {
        self.stream(items, Star(f, PhantomData), Order::Input)
    }

    /// As [`Pool::istarmap_unordered`].
    pub fn istarmap_unordered<I, F, R>(self, items: I, f: F) -> IMap<'p, I::IntoIter, R, P>
    where
        I: IntoIterator<Item: Unpack<F, R> + Send + 'static>,
        F: Send + Sync + 'static,
        R: Send + 'static,
    {
        self.stream(items, Star(f, PhantomData), Order::Completion)
    }
}

/// Verbs that return a handle.
#[cfg(feature = "alloc")]
impl<P: Platform, W: 'static, C> With<'_, P, W, C, Plain> {
    /// As [`Pool::apply_async`].
    ///
    /// # Errors
    ///
    /// As [`Pool::apply_async`].
    pub fn apply_async<F, T>(self, f: F) -> Result<AsyncResult<T, P>, SubmitError<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
        C: Callbacks<T>,
    {
        self.single(PlainFn(f), |body| body.0, true)
    }

    /// As [`Pool::try_apply_async`].
    ///
    /// # Errors
    ///
    /// As [`Pool::try_apply_async`].
    pub fn try_apply_async<F, T>(self, f: F) -> Result<AsyncResult<T, P>, SubmitError<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
        C: Callbacks<T>,
    {
        self.single(PlainFn(f), |body| body.0, false)
    }

    /// As [`Pool::map_async`].
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
        F: Fn(S::Item) -> R + Send + Sync + 'static,
        R: Send + 'static,
        C: Callbacks<Vec<R>>,
    {
        self.detached(items, f, |f| PlainCall(f), |call| call.0)
    }

    /// As [`Pool::starmap_async`].
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
        S: Indexed<Item: Unpack<F, R>> + 'static,
        F: Send + Sync + 'static,
        R: Send + 'static,
        C: Callbacks<Vec<R>>,
    {
        self.detached(items, f, |f| Star(f, PhantomData), |call| call.0)
    }
}
