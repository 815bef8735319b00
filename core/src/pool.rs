//! The pool: Python's interface on the core.

use alloc::vec::Vec;
use core::marker::PhantomData;
use core::ptr::NonNull;
use core::time::Duration;

use crate::builder::Builder;
use crate::engine::Engine;
use crate::error::{BuildError, JobError, JoinError, SubmitError};
use crate::lazy::IMap;
use crate::platform::{Hosted, Platform, Timed};
use crate::result::AsyncResult;
use crate::shared::Shared;
use crate::source::{Chunked, Indexed, Sink, Source, Unpack};
use crate::stats::Stats;
use crate::with::{OnWorker, With};
use crate::worker::Worker;

/// A pool of workers with the interface of Python's `multiprocessing.Pool`.
///
/// Share it by `&` or in an `Arc`; every method takes `&self` and may be called from any thread, also from
/// its own jobs. Dropping it terminates and joins, unless the builder said `drain_on_drop`; in one of its own
/// jobs it does not join.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use ringpool_std::Std;
/// type Pool = ringpool_core::Pool<Std>;
///
/// let pool = Pool::new()?;
/// let data = vec![1_u64, 2, 3];
/// assert_eq!(pool.map(&data, |x| x * x)?, [1, 4, 9]);
/// let answer = pool.apply_async(|| 6 * 7)?;
/// assert_eq!(answer.get()?, 42);
/// # Ok(()) }
/// ```
pub struct Pool<P: Platform, W = ()> {
    shared: NonNull<()>,
    drop: unsafe fn(NonNull<()>),
    engine: NonNull<Engine<P>>,
    types: PhantomData<fn() -> W>,
}

// SAFETY: states of type `W` never leave their workers' threads, except that of worker 0 where callers take
// part, for which the builder asks `W: Send`; everything else in a pool is shared by design.
unsafe impl<P: Platform, W> Send for Pool<P, W> {}
// SAFETY: as above.
unsafe impl<P: Platform, W> Sync for Pool<P, W> {}

impl<P: Platform, W> core::fmt::Debug for Pool<P, W> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        // SAFETY: the engine lives until the pool is dropped.
        let engine = unsafe { self.engine.as_ref() };
        f.debug_struct("Pool")
            .field("workers", &engine.settings.workers)
            .field("queued", &engine.queued())
            .finish_non_exhaustive()
    }
}

impl<P: Hosted> Pool<P> {
    /// A pool with one worker per CPU that this process may use.
    ///
    /// # Errors
    ///
    /// A worker could not be started; those that were are joined.
    pub fn new() -> Result<Self, BuildError> {
        Self::builder().build()
    }

    /// Starts to set up a pool.
    pub fn builder() -> Builder<P> {
        Builder::hosted()
    }
}

impl<P: Platform, W: 'static> Pool<P, W> {
    pub(crate) fn new_from(shared: NonNull<Shared<P, W>>) -> Self {
        /// # Safety
        ///
        /// As for `Shared::drop_pool`.
        unsafe fn end<P: Platform, W: 'static>(shared: NonNull<()>) {
            // SAFETY: `new_from` took the pointer with this type.
            unsafe { Shared::<P, W>::drop_pool(shared.cast()) };
        }
        // SAFETY: `Shared::build` made it, and only our drop ends it.
        let engine = NonNull::from(unsafe { shared.as_ref() }.engine());
        Self {
            shared: shared.cast(),
            drop: end::<P, W>,
            engine,
            types: PhantomData,
        }
    }

    fn shared(&self) -> &Shared<P, W> {
        // SAFETY: it lives until the pool is dropped, and has this type.
        unsafe { self.shared.cast().as_ref() }
    }

    pub(crate) fn engine(&self) -> &Engine<P> {
        // SAFETY: the engine lives until the pool is dropped.
        unsafe { self.engine.as_ref() }
    }

    /// Options for the next call, such as `pool.with().chunk_size(64).map(..)`.
    pub fn with(&self) -> With<'_, P, W> {
        With::new(self)
    }

    /// Gives the functions of the next call `&mut Worker` first: its state, index and cancel token.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use ringpool_std::Std;
    /// let pool = ringpool_core::Pool::<Std>::builder().workers(2).initializer(|_| 0_u32).build()?;
    /// pool.with_worker().for_each(0..100, |worker, _| *worker.state += 1)?;
    /// assert_eq!(pool.broadcast(|worker| *worker.state)?.iter().sum::<u32>(), 100);
    /// # Ok(()) }
    /// ```
    pub fn with_worker(&self) -> With<'_, P, W, (), OnWorker> {
        self.with().with_worker()
    }

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
        crate::submit::apply_async(self.engine(), crate::job::PlainFn(f), (), true)
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
        crate::submit::apply_async(self.engine(), crate::job::PlainFn(f), (), false)
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

    /// Refuses new work from now on; what was accepted is finished, then the workers leave. Idempotent, and
    /// allowed from anywhere.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = ringpool_core::Pool::<ringpool_std::Std>::new()?;
    /// pool.close();
    /// assert!(pool.apply(|| 1).is_err());
    /// pool.join()?;
    /// # Ok(()) }
    /// ```
    pub fn close(&self) {
        self.engine().close();
    }

    /// Starts nothing from now on: what is queued ends as [`JobError::Terminated`], running jobs see their
    /// cancel token. Returns how many jobs never started, and batches with a chunk left; a worker that has just
    /// taken a job out of the queue refuses it too, and it is counted in [`stats`](Self::stats) only.
    ///
    /// A thread cannot be stopped safely from outside: it may hold locks and half-made values. So running jobs
    /// go on until they look at their token or end, and `join` waits for them.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = ringpool_core::Pool::<ringpool_std::Std>::new()?;
    /// pool.terminate();
    /// pool.join()?;
    /// # Ok(()) }
    /// ```
    pub fn terminate(&self) -> usize {
        self.engine().terminate()
    }

    /// Blocks until every worker has left and its thread is gone. Any number of threads may join.
    ///
    /// A job that another thread is cancelling at that moment may resolve shortly after.
    ///
    /// # Errors
    ///
    /// The pool was neither closed nor terminated, or this is one of its own workers.
    pub fn join(&self) -> Result<(), JoinError> {
        self.shared().join(None).map(|_| ())
    }

    /// As [`join`](Self::join), at most for `timeout`; tells whether every worker has left.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = ringpool_core::Pool::<ringpool_std::Std>::new()?;
    /// pool.close();
    /// assert!(pool.join_timeout(std::time::Duration::from_secs(60))?);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As `join`.
    pub fn join_timeout(&self, timeout: Duration) -> Result<bool, JoinError>
    where
        P: Timed,
    {
        self.shared()
            .join(P::now().map(|now| now.saturating_add(timeout)))
    }

    /// What the pool has done so far.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = ringpool_core::Pool::<ringpool_std::Std>::new()?;
    /// pool.apply(|| ())?;
    /// assert_eq!(pool.stats().workers.iter().map(|worker| worker.jobs).sum::<usize>(), 1);
    /// # Ok(()) }
    /// ```
    pub fn stats(&self) -> Stats {
        let engine = self.engine();
        Stats {
            workers: engine
                .slots()
                .iter()
                .map(|slot| {
                    slot.stats
                        .get(slot.generation.load(crate::sync::Ordering::Relaxed))
                })
                .collect(),
            queued: engine.queued(),
            never_started: engine.never_started(),
        }
    }

    /// How many workers the pool has, a caller that takes part included.
    pub fn worker_count(&self) -> usize {
        self.engine().settings.workers
    }
}

impl<P: Platform, W> Drop for Pool<P, W> {
    fn drop(&mut self) {
        // SAFETY: this is the owner's one call.
        unsafe { (self.drop)(self.shared) };
    }
}
