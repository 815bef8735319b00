//! The pool: Python's interface on the core.

mod verbs;

use core::marker::PhantomData;
use core::ptr::NonNull;
use core::time::Duration;

use crate::builder::Builder;
use crate::engine::Engine;
use crate::error::{BuildError, JoinError};
use crate::platform::{Hosted, Platform, Timed};
use crate::shared::Shared;
use crate::stats::Stats;
use crate::timeline::Timeline;
use crate::with::{OnWorker, With};

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
///
/// A pool is invariant in the type of its state:
///
/// ```compile_fail
/// # use ringpool_std::Std;
/// type General = for<'a> fn(&'a str);
/// fn narrow(pool: &ringpool_core::Pool<Std, General>) -> &ringpool_core::Pool<Std, fn(&'static str)> {
///     pool
/// }
/// ```
pub struct Pool<P: Platform, W = ()> {
    shared: NonNull<()>,
    drop: unsafe fn(NonNull<()>),
    engine: NonNull<Engine<P>>,
    /// Invariant in `W`: jobs read and write the workers' states through `&Pool`.
    types: PhantomData<fn(W) -> W>,
}

// SAFETY: states of type `W` never leave their workers' threads, except that of worker 0 where callers take
// part, for which the builder asks `W: Send`; everything else in a pool is shared by design.
unsafe impl<P: Platform, W> Send for Pool<P, W> {}
// SAFETY: as above.
unsafe impl<P: Platform, W> Sync for Pool<P, W> {}

// A panic never leaves a pool half-changed: user code runs on workers, under `CatchPanic`.
impl<P: Platform, W> core::panic::UnwindSafe for Pool<P, W> {}
impl<P: Platform, W> core::panic::RefUnwindSafe for Pool<P, W> {}

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
        With::new(self.engine())
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

    /// Starts nothing from now on: what is queued ends as [`JobError::Terminated`](crate::JobError::Terminated), running jobs see their
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

    /// What each worker did and when, if the builder said [`timeline`](Builder::timeline); otherwise nothing. It may
    /// be asked for at any time, also after `join`, and takes nothing away.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use ringpool_std::Std;
    /// let pool = ringpool_core::Pool::<Std>::builder().workers(2).timeline(100).build()?;
    /// pool.with().chunk_size(10).for_each(0..100, |_| ())?;
    /// let timeline = pool.timeline();
    /// let spans = timeline.workers.iter().flat_map(|lane| &lane.spans);
    /// assert_eq!(spans.map(|span| span.items.len()).sum::<usize>(), 100);
    /// # Ok(()) }
    /// ```
    pub fn timeline(&self) -> Timeline {
        let slots = self.engine().slots().iter();
        Timeline {
            workers: slots.map(|slot| slot.track.lane()).collect(),
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
