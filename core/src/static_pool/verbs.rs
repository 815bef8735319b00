//! The pool's verbs, all without options.

use super::{StaticIMap, StaticPool};
use crate::error::{JobError, SubmitError};
use crate::platform::Platform;
use crate::result::AsyncResult;
use crate::source::{Chunked, Sink, Source};
use crate::with::{InPlace, OnWorker, Plain, With};
use crate::worker::Worker;

impl<P, W, const WORKERS: usize, const SLOTS: usize, const BYTES: usize>
    StaticPool<WORKERS, SLOTS, BYTES, P, W>
where
    P: Platform,
    W: 'static,
{
    /// Options for the next call.
    pub fn with(&self) -> With<'_, P, W, (), Plain, InPlace<WORKERS, SLOTS, BYTES>> {
        With::new(self.engine())
    }

    /// Gives the functions of the next call `&mut Worker` first: its state, index and cancel token.
    ///
    /// ```
    /// # use ringpool_core::StaticPool;
    /// # use ringpool_std::Std;
    /// static POOL: StaticPool<1, 8, 64, Std, u32> =
    ///     StaticPool::new().initializer(|worker| worker.index() as u32 + 10);
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut seat = POOL.seat(0)?;
    /// let state = seat.participate(|| POOL.with_worker().apply(|worker| *worker.state))?;
    /// assert_eq!(state, 10);
    /// # Ok(()) }
    /// ```
    pub fn with_worker(&self) -> With<'_, P, W, (), OnWorker, InPlace<WORKERS, SLOTS, BYTES>> {
        self.with().with_worker()
    }

    /// Runs `f` on a worker and blocks until it has ended; `f` may borrow. On a worker of this pool it runs right
    /// there.
    ///
    /// # Errors
    ///
    /// How the job ended, or why it was refused; [`JobError::Full`] if there is no place in the queue.
    pub fn apply<F, T>(&self, f: F) -> Result<T, JobError>
    where
        F: FnOnce() -> T + Send,
        T: Send,
    {
        self.with().apply(f)
    }

    /// Calls `f` with every item, writes the results in order to `out`, and tells their number.
    ///
    /// # Errors
    ///
    /// How the batch ended, or why it was refused; [`JobError::Full`] if there is no place in the queue.
    pub fn map_into<S, O, F, R>(&self, items: S, out: &mut O, f: F) -> Result<usize, JobError>
    where
        S: Source,
        O: Sink<R> + ?Sized,
        F: Fn(S::Item) -> R + Sync,
        R: Send,
    {
        self.with().map_into(items, out, f)
    }

    /// Calls `f` with every item.
    ///
    /// # Errors
    ///
    /// As [`map_into`](Self::map_into).
    pub fn for_each<S, F>(&self, items: S, f: F) -> Result<(), JobError>
    where
        S: Source,
        F: Fn(S::Item) + Sync,
    {
        self.with().for_each(items, f)
    }

    /// Calls `f` with runs of neighbouring items, each item in one of them.
    ///
    /// # Errors
    ///
    /// As [`map_into`](Self::map_into).
    pub fn for_each_chunk<S, F>(&self, items: S, f: F) -> Result<(), JobError>
    where
        S: Chunked,
        F: Fn(S::Chunk) + Sync,
    {
        self.with().for_each_chunk(items, f)
    }

    /// Maps every item and combines the results in order. The boundaries do not depend on the number of workers, so
    /// sums of floating-point numbers are the same to the last bit from run to run.
    ///
    /// The items are folded in 32 blocks, whose results lie on the caller's stack.
    ///
    /// # Errors
    ///
    /// As [`map_into`](Self::map_into).
    pub fn reduce<S, R, M, C>(
        &self,
        items: S,
        identity: R,
        map: M,
        combine: C,
    ) -> Result<R, JobError>
    where
        S: Source,
        R: Send,
        M: Fn(S::Item) -> R + Sync,
        C: Fn(R, R) -> R + Sync,
    {
        self.with().reduce(items, identity, map, combine)
    }

    /// Runs `f` once in every seat and gives what each returned, by index. Waits until a worker was in each.
    ///
    /// # Errors
    ///
    /// As [`map_into`](Self::map_into), with the worker's index in a panic; [`JobError::FromWorker`] on a worker of
    /// this pool.
    pub fn broadcast<F, R>(&self, f: F) -> Result<[R; WORKERS], JobError>
    where
        F: Fn(&mut Worker<'_, P, W>) -> R + Sync,
        R: Send,
    {
        self.with().broadcast(f)
    }

    /// A lazy stream of `f` over the items, in their order: each is a job of its own in a slot of the pool, with a
    /// clone of `f`. Nothing is pulled before the first `next`, and at most `SLOTS` items are under way.
    ///
    /// Items and function together, or a result, that are larger than `BYTES` do not compile. The stream has no error
    /// of its own: what the pool refuses is yielded, see [`StaticIMap`].
    ///
    /// ```
    /// # use ringpool_core::StaticPool;
    /// # use ringpool_std::Std;
    /// static POOL: StaticPool<1, 4, 64, Std> = StaticPool::new();
    ///
    /// let mut seat = POOL.seat(0)?;
    /// // The input need not end.
    /// let first: Result<Vec<_>, _> =
    ///     seat.participate(|| POOL.imap(1_u64.., |x| x * x).take(3).collect());
    /// assert_eq!(first?, [1, 4, 9]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn imap<I, F, R>(
        &'static self,
        items: I,
        f: F,
    ) -> StaticIMap<I::IntoIter, F, R, P, SLOTS, BYTES>
    where
        I: IntoIterator<Item: Send + 'static>,
        F: Fn(I::Item) -> R + Clone + Send + 'static,
        R: Send + 'static,
    {
        self.with().imap(items, f)
    }

    /// As [`imap`](Self::imap), in order of completion.
    pub fn imap_unordered<I, F, R>(
        &'static self,
        items: I,
        f: F,
    ) -> StaticIMap<I::IntoIter, F, R, P, SLOTS, BYTES>
    where
        I: IntoIterator<Item: Send + 'static>,
        F: Fn(I::Item) -> R + Clone + Send + 'static,
        R: Send + 'static,
    {
        self.with().imap_unordered(items, f)
    }

    /// Calls `f` with every item of any iterator, and `each` on this thread with each result, in order of
    /// completion, and the index of its item; tells how many there were. Everything may borrow, nothing is collected,
    /// and at most `SLOTS` items are under way.
    ///
    /// ```
    /// # use ringpool_core::StaticPool;
    /// # use ringpool_std::Std;
    /// static POOL: StaticPool<1, 4, 64, Std> = StaticPool::new();
    ///
    /// let text = String::from("to be or not to be");
    /// let mut longest = 0;
    /// let mut seat = POOL.seat(0)?;
    /// let words = seat.participate(|| {
    ///     POOL.stream_into(text.split(' '), str::len, |_, length| {
    ///         longest = longest.max(length.unwrap_or(0));
    ///     })
    /// })?;
    /// assert_eq!((words, longest), (6, 3));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The pool takes no more work, or others had taken all its slots while nothing of this call was under way and this is
    /// no worker ([`JobError::Full`]); the item at hand is dropped. How an item ended is told to `each`.
    pub fn stream_into<I, F, R>(
        &'static self,
        items: I,
        f: F,
        each: impl FnMut(usize, Result<R, JobError>),
    ) -> Result<usize, JobError>
    where
        I: IntoIterator<Item: Send>,
        F: Fn(I::Item) -> R + Sync,
        R: Send,
    {
        self.with().stream_into(items, f, each)
    }

    /// Submits `f` and returns at once with a handle for its result, which lies in a slot of the pool.
    ///
    /// A closure or a result that is larger than `BYTES` does not compile.
    ///
    /// # Errors
    ///
    /// The pool is full, or takes no more work; the closure is handed back.
    pub fn apply_async<F, T>(&'static self, f: F) -> Result<AsyncResult<T, P>, SubmitError<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.with().apply_async(f)
    }

    /// As [`apply_async`](Self::apply_async), which on this pool never waits for room either.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn try_apply_async<F, T>(&'static self, f: F) -> Result<AsyncResult<T, P>, SubmitError<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.with().try_apply_async(f)
    }
}
