//! The verbs of a pool, without options; `with.rs` has them with options.

use alloc::vec::Vec;

use super::Pool;
use crate::error::{JobError, SubmitError};
use crate::job::PlainFn;
use crate::lazy::IMap;
use crate::platform::Platform;
use crate::result::AsyncResult;
use crate::source::{Chunked, Indexed, Sink, Source, Unpack};
use crate::submit;
use crate::worker::Worker;

impl<P: Platform, W: 'static> Pool<P, W> {
    /// Runs `f` on a worker and blocks until it has ended. On a worker of this pool it runs right there.
    /// Allocates nothing.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = ringpool_core::Pool::<ringpool_std::Std>::new()?;
    /// let text = String::from("borrowed");
    /// assert_eq!(pool.apply(|| text.len())?, 8);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// How the job ended, or why the pool refused it.
    pub fn apply<F, T>(&self, f: F) -> Result<T, JobError>
    where
        F: FnOnce() -> T + Send,
        T: Send,
    {
        self.with().apply(f)
    }

    /// Submits `f` and returns at once with a handle for its value. A bounded pool that is full is waited for.
    /// Allocates one block.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = ringpool_core::Pool::<ringpool_std::Std>::new()?;
    /// let handle = pool.apply_async(|| 6 * 7)?;
    /// assert_eq!(handle.get()?, 42);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// The pool takes no more work; the closure is handed back.
    pub fn apply_async<F, T>(&self, f: F) -> Result<AsyncResult<T, P>, SubmitError<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        submit::apply_async(self.engine(), PlainFn(f), (), true)
            .map_err(|(error, body)| SubmitError::new(error, body.0))
    }

    /// As [`apply_async`](Self::apply_async), but a full pool is an error instead of a wait.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = ringpool_core::Pool::<ringpool_std::Std>::new()?;
    /// match pool.try_apply_async(|| "ran") {
    ///     Ok(handle) => assert_eq!(handle.get()?, "ran"),
    ///     Err(refused) => assert_eq!((refused.into_inner())(), "ran"),
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// The pool is full or takes no more work; the closure is handed back.
    pub fn try_apply_async<F, T>(&self, f: F) -> Result<AsyncResult<T, P>, SubmitError<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        submit::apply_async(self.engine(), PlainFn(f), (), false)
            .map_err(|(error, body)| SubmitError::new(error, body.0))
    }

    /// Calls `f` with every item, on all workers, and returns the values in order. Allocates the result only.
    ///
    /// A panic ends its chunk; the other chunks run, and the panic of the lowest index is reported.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = ringpool_core::Pool::<ringpool_std::Std>::new()?;
    /// assert_eq!(pool.map(0..4_u64, |x| x * x)?, [0, 1, 4, 9]);
    /// let words = vec!["a", "bb"];
    /// assert_eq!(pool.map(&words, |word| word.len())?, [1, 2]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// How the batch ended, or why the pool refused it.
    pub fn map<S, F, R>(&self, items: S, f: F) -> Result<Vec<R>, JobError>
    where
        S: Source,
        F: Fn(S::Item) -> R + Sync,
        R: Send,
    {
        self.with().map(items, f)
    }

    /// As [`map`](Self::map), into a slice, array or vector of the caller's; returns how many values there are.
    /// Allocates nothing, unless a vector has to grow.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = ringpool_core::Pool::<ringpool_std::Std>::new()?;
    /// let mut squares = [0; 4];
    /// assert_eq!(pool.map_into(0..3, &mut squares, |x| x * x)?, 3);
    /// assert_eq!(squares, [0, 1, 4, 0]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As `map`, and `InvalidOption` if `out` is too short, before anything runs.
    pub fn map_into<S, O, F, R>(&self, items: S, out: &mut O, f: F) -> Result<usize, JobError>
    where
        S: Source,
        O: Sink<R> + ?Sized,
        F: Fn(S::Item) -> R + Sync,
        R: Send,
    {
        self.with().map_into(items, out, f)
    }

    /// As [`map`](Self::map), for functions that can fail: the first error keeps new chunks from starting, and
    /// the error of the lowest index among those that ran is returned.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = ringpool_core::Pool::<ringpool_std::Std>::new()?;
    /// let numbers = pool.try_map(["1", "2"], str::parse::<i32>)??;
    /// assert_eq!(numbers, [1, 2]);
    /// assert!(pool.try_map(["1", "x"], str::parse::<i32>)?.is_err());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As `map`; the function's own error is inside.
    pub fn try_map<S, F, R, E>(&self, items: S, f: F) -> Result<Result<Vec<R>, E>, JobError>
    where
        S: Source,
        F: Fn(S::Item) -> Result<R, E> + Sync,
        R: Send,
        E: Send,
    {
        self.with().try_map(items, f)
    }

    /// As [`map`](Self::map), with tuples unpacked into the function's arguments.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = ringpool_core::Pool::<ringpool_std::Std>::new()?;
    /// assert_eq!(pool.starmap([(2_u64, 3), (4, 5)], |base, exp| base.pow(exp))?, [8, 1024]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As `map`.
    pub fn starmap<S, F, R>(&self, items: S, f: F) -> Result<Vec<R>, JobError>
    where
        S: Source<Item: Unpack<F, R>>,
        F: Sync,
        R: Send,
    {
        self.with().starmap(items, f)
    }

    /// Calls `f` with every item, on all workers. Allocates nothing.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = ringpool_core::Pool::<ringpool_std::Std>::new()?;
    /// let mut image = vec![0_u8; 64];
    /// pool.for_each(image.chunks_mut(16), |row| row.fill(7))?;
    /// assert!(image.iter().all(|&pixel| pixel == 7));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As `map`.
    pub fn for_each<S, F>(&self, items: S, f: F) -> Result<(), JobError>
    where
        S: Source,
        F: Fn(S::Item) + Sync,
    {
        self.with().for_each(items, f)
    }

    /// Calls `f` with whole chunks, as the schedule cuts them. Allocates nothing.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = ringpool_core::Pool::<ringpool_std::Std>::new()?;
    /// let mut numbers = [3, 1, 2, 9, 8, 7];
    /// pool.with().chunk_size(3).for_each_chunk(&mut numbers, |chunk| chunk.sort())?;
    /// assert_eq!(numbers, [1, 2, 3, 7, 8, 9]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As `map`.
    pub fn for_each_chunk<S, F>(&self, items: S, f: F) -> Result<(), JobError>
    where
        S: Chunked,
        F: Fn(S::Chunk) + Sync,
    {
        self.with().for_each_chunk(items, f)
    }

    /// Maps every item and combines the values in order of the items, starting with `identity`. The result is
    /// the same, bit by bit, for every number of workers, because blocks depend on the number of items only.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = ringpool_core::Pool::<ringpool_std::Std>::new()?;
    /// let squares = pool.reduce(1..=10_u64, 0, |x| x * x, |a, b| a + b)?;
    /// assert_eq!(squares, 385);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As `map`, but after a panic no new block starts.
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

    /// Runs `f` once on every worker and returns what each one gave, by index. It waits until every worker has
    /// come, so a worker in a long job holds it up.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = ringpool_core::Pool::<ringpool_std::Std>::new()?;
    /// let indices = pool.broadcast(|worker| worker.index())?;
    /// assert_eq!(indices, Vec::from_iter(0..pool.worker_count()));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As `map`, with the worker's index in a panic; [`JobError::FromWorker`] in a job of this pool, for two
    /// workers would wait for each other.
    pub fn broadcast<F, R>(&self, f: F) -> Result<Vec<R>, JobError>
    where
        F: Fn(&mut Worker<'_, P, W>) -> R + Sync,
        R: Send,
    {
        self.with().broadcast(f)
    }

    /// Submits a whole batch and returns at once with one handle for its values. A bounded pool that is full
    /// is waited for. Allocates one block and the result.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = ringpool_core::Pool::<ringpool_std::Std>::new()?;
    /// let handle = pool.map_async(vec![1, 2, 3], |x| x * 10)?;
    /// assert_eq!(handle.get()?, [10, 20, 30]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// The pool takes no more work; items and function are handed back.
    pub fn map_async<S, F, R>(
        &self,
        items: S,
        f: F,
    ) -> Result<AsyncResult<Vec<R>, P>, SubmitError<(S, F)>>
    where
        S: Indexed + 'static,
        F: Fn(S::Item) -> R + Send + Sync + 'static,
        R: Send + 'static,
    {
        self.with().map_async(items, f)
    }

    /// As [`map_async`](Self::map_async), with tuples unpacked into the function's arguments.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = ringpool_core::Pool::<ringpool_std::Std>::new()?;
    /// let handle = pool.starmap_async(vec![(1, 2), (3, 4)], |a, b| a + b)?;
    /// assert_eq!(handle.get()?, [3, 7]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// The pool takes no more work; items and function are handed back.
    pub fn starmap_async<S, F, R>(
        &self,
        items: S,
        f: F,
    ) -> Result<AsyncResult<Vec<R>, P>, SubmitError<(S, F)>>
    where
        S: Indexed<Item: Unpack<F, R>> + 'static,
        F: Send + Sync + 'static,
        R: Send + 'static,
    {
        self.with().starmap_async(items, f)
    }

    /// A lazy stream of results in order of the input. The input stays on the calling thread and may be endless;
    /// at most a window of items is under way.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = ringpool_core::Pool::<ringpool_std::Std>::new()?;
    /// let mut squares = pool.imap(1_u64.., |x| x * x);
    /// assert_eq!(squares.nth(3).transpose()?, Some(16));
    /// # Ok(()) }
    /// ```
    pub fn imap<I, F, R>(&self, items: I, f: F) -> IMap<'_, I::IntoIter, R, P>
    where
        I: IntoIterator<Item: Send + 'static>,
        F: Fn(I::Item) -> R + Send + Sync + 'static,
        R: Send + 'static,
    {
        self.with().imap(items, f)
    }

    /// As [`imap`](Self::imap), in order of completion.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = ringpool_core::Pool::<ringpool_std::Std>::new()?;
    /// let mut lengths: Vec<usize> = pool.imap_unordered(["a", "bb"], str::len).collect::<Result<_, _>>()?;
    /// lengths.sort();
    /// assert_eq!(lengths, [1, 2]);
    /// # Ok(()) }
    /// ```
    pub fn imap_unordered<I, F, R>(&self, items: I, f: F) -> IMap<'_, I::IntoIter, R, P>
    where
        I: IntoIterator<Item: Send + 'static>,
        F: Fn(I::Item) -> R + Send + Sync + 'static,
        R: Send + 'static,
    {
        self.with().imap_unordered(items, f)
    }

    /// As [`imap`](Self::imap), with tuples unpacked into the function's arguments.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = ringpool_core::Pool::<ringpool_std::Std>::new()?;
    /// let sums: Result<Vec<i32>, _> = pool.istarmap([(1, 2), (3, 4)], |a, b| a + b).collect();
    /// assert_eq!(sums?, [3, 7]);
    /// # Ok(()) }
    /// ```
    pub fn istarmap<I, F, R>(&self, items: I, f: F) -> IMap<'_, I::IntoIter, R, P>
    where
        I: IntoIterator<Item: Unpack<F, R> + Send + 'static>,
        F: Send + Sync + 'static,
        R: Send + 'static,
    {
        self.with().istarmap(items, f)
    }

    /// As [`imap_unordered`](Self::imap_unordered), with tuples unpacked into the function's arguments.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = ringpool_core::Pool::<ringpool_std::Std>::new()?;
    /// let sum: i32 = pool.istarmap_unordered([(1, 2), (3, 4)], |a, b| a + b).sum::<Result<_, _>>()?;
    /// assert_eq!(sum, 10);
    /// # Ok(()) }
    /// ```
    pub fn istarmap_unordered<I, F, R>(&self, items: I, f: F) -> IMap<'_, I::IntoIter, R, P>
    where
        I: IntoIterator<Item: Unpack<F, R> + Send + 'static>,
        F: Send + Sync + 'static,
        R: Send + 'static,
    {
        self.with().istarmap_unordered(items, f)
    }
}
