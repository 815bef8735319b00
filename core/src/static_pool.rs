//! A pool without an allocator: everything lies in the pool itself, and its workers come by themselves or are started
//! by a spawner.

mod executor;
mod isr;
mod running;
mod scope;
mod seat;
mod storage;
mod stream;
mod verbs;

use core::time::Duration;

use crate::backoff::Backoff;
use crate::engine::{self, Engine, WaitPolicy};
use crate::error::{JoinError, SeatError};
use crate::frame::Frame;
use crate::idle::Idle;
use crate::platform::{IsrUnpark, Platform, Timed};
use crate::seats::Look;
use crate::spawner::{Placement, WorkerInfo};
#[cfg(all(target_os = "none", feature = "single-core"))]
use crate::spin::{SingleCore, Spin};
use crate::stats::WorkerStats;
use crate::sync::{AtomicUsize, Ordering, const_fn};
use crate::time::Instant;
pub use executor::RunAsync;
pub use isr::Isr;
pub use running::Running;
use running::Starting;
pub use scope::StaticScope;
use seat::Hooks;
pub use seat::Seat;
use storage::Arrays;
pub(crate) use stream::Settings;
pub use stream::StaticIMap;

/// Workers that a pool in place can have: as many as its words have bits on every machine.
const MOST_WORKERS: usize = 32;

/// A pool that lies in a `static`: `WORKERS` workers, `SLOTS` jobs, `BYTES` bytes for each job's closure or result.
///
/// It needs neither an allocator nor an operating system. Threads, cores or loops come by themselves and take a
/// [`seat`](Self::seat), or a spawner [starts](Self::start) them. It never waits for room (S13): a call that finds every
/// slot taken, or every place in the queue, ends as [`JobError::Full`](crate::JobError::Full) and hands its closure back.
///
/// ```
/// use ringpool_core::StaticPool;
/// use ringpool_std::Std;
///
/// static POOL: StaticPool<2, 8, 64, Std> = StaticPool::new();
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// std::thread::scope(|scope| {
///     for index in 0..2 {
///         scope.spawn(move || POOL.run_worker(index));
///     }
///     let answer = POOL.apply_async(|| 6 * 7)?;
///     let mut squares = [0; 4];
///     POOL.map_into(&[1, 2, 3, 4], &mut squares, |x| x * x)?;
///     assert_eq!(squares, [1, 4, 9, 16]);
///     assert_eq!(answer.get()?, 42);
///     POOL.close();
///     POOL.join()?;
///     Ok(())
/// })
/// # }
/// ```
///
/// `WORKERS` is at most 32, and `SLOTS` a power of two; anything else does not compile:
///
/// ```compile_fail
/// use ringpool_core::StaticPool;
/// static POOL: StaticPool<2, 6, 64, ringpool_std::Std> = StaticPool::new();
/// ```
///
/// ```compile_fail
/// use ringpool_core::StaticPool;
/// static POOL: StaticPool<33, 8, 64, ringpool_std::Std> = StaticPool::new();
/// ```
///
/// Neither does a job that is too large, as soon as code is made for the call:
///
/// ```compile_fail
/// use ringpool_core::StaticPool;
/// static POOL: StaticPool<2, 8, 64, ringpool_std::Std> = StaticPool::new();
/// let large = [0_u8; 100];
/// let _ = POOL.apply_async(move || large[0]);
/// ```
///
/// Only a pool that lives for ever gives out handles:
///
/// ```compile_fail
/// use ringpool_core::StaticPool;
/// let pool = StaticPool::<2, 8, 64, ringpool_std::Std>::new();
/// let _ = pool.apply_async(|| 1);
/// ```
///
/// # What to watch out for
///
/// A blocking call waits for ever if no worker ever comes: a program with one loop makes it as a worker, by
/// [`Seat::participate`]. A handle that is leaked keeps its slot, a seat that is leaked stays taken. `broadcast` and `Schedule::Static` wait
/// until a worker was in every seat.
pub struct StaticPool<
    const WORKERS: usize,
    const SLOTS: usize,
    const BYTES: usize,
    #[cfg(all(target_os = "none", feature = "single-core"))] P: Platform = Spin<SingleCore>,
    #[cfg(not(all(target_os = "none", feature = "single-core")))] P: Platform,
    W = (),
> {
    engine: Engine<P, Arrays<P, WORKERS, SLOTS, BYTES>>,
    hooks: Hooks<P, W>,
    /// One bit for each seat that is taken.
    taken: AtomicUsize,
    /// One bit for each seat that was ever taken.
    ever_taken: AtomicUsize,
    starting: Starting<WORKERS>,
}

/// What a [`StaticPool`] has done so far. Numbers of one moment per field, not of one moment in all.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StaticStats<const WORKERS: usize> {
    /// One entry for each seat, by index. `replaced` counts how often it was taken again, and its state made anew.
    pub workers: [WorkerStats; WORKERS],
    /// Entries in the queue.
    pub queued: usize,
    /// Accepted jobs and batches that `terminate` kept from starting.
    pub never_started: usize,
}

impl<P, W, const WORKERS: usize, const SLOTS: usize, const BYTES: usize> core::fmt::Debug
    for StaticPool<WORKERS, SLOTS, BYTES, P, W>
where
    P: Platform,
{
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("StaticPool")
            .field("workers", &WORKERS)
            .field("queued", &self.engine.queued())
            .finish_non_exhaustive()
    }
}

impl<P, W, const WORKERS: usize, const SLOTS: usize, const BYTES: usize> Default
    for StaticPool<WORKERS, SLOTS, BYTES, P, W>
where
    P: Platform,
    W: Default,
{
    fn default() -> Self {
        Self::new()
    }
}

impl<P, W, const WORKERS: usize, const SLOTS: usize, const BYTES: usize>
    StaticPool<WORKERS, SLOTS, BYTES, P, W>
where
    P: Platform,
    W: Default,
{
    const_fn! {
        /// A pool that waits for workers. Their states are `W::default()` unless there is an initializer.
        #[must_use]
        pub const fn new() -> Self {
            Self::with_initializer(default_state)
        }
    }
}

impl<P, W, const WORKERS: usize, const SLOTS: usize, const BYTES: usize>
    StaticPool<WORKERS, SLOTS, BYTES, P, W>
where
    P: Platform,
{
    const_fn! {
        /// As [`new`](Self::new), for states without a default: `initializer` makes that of a worker when it takes its
        /// seat, and when it has used up its jobs.
        ///
        /// ```
        /// # use ringpool_core::StaticPool;
        /// # use ringpool_std::Std;
        /// struct Sensor {
        ///     port: usize,
        /// }
        ///
        /// static POOL: StaticPool<1, 8, 64, Std, Sensor> =
        ///     StaticPool::with_initializer(|worker| Sensor { port: worker.index() + 7 });
        ///
        /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
        /// let mut seat = POOL.seat(0)?;
        /// let port = seat.participate(|| POOL.with_worker().apply(|worker| worker.state.port))?;
        /// assert_eq!(port, 7);
        /// # Ok(()) }
        /// ```
        #[must_use]
        pub const fn with_initializer(initializer: fn(&WorkerInfo<'_>) -> W) -> Self {
            const {
                assert!(
                    WORKERS >= 1 && WORKERS <= MOST_WORKERS,
                    "a `StaticPool` has 1 to 32 workers"
                );
                assert!(
                    SLOTS.is_power_of_two(),
                    "the slots of a `StaticPool` are a power of two, 1 or more"
                );
            };
            let settings = engine::Settings {
                workers: WORKERS,
                jobs_per_worker: usize::MAX,
                wait_policy: WaitPolicy::Adaptive,
                search: Backoff::searching(WORKERS, WORKERS, false),
                capacity: SLOTS,
                caller_participates: false,
                timeline: 0,
                in_place: true,
            };
            let searchers = if WORKERS < 4 { 1 } else { WORKERS / 2 };
            Self {
                engine: Engine::new(settings, Idle::new(searchers), Arrays::new()),
                hooks: Hooks {
                    initializer,
                    exit_hook: None,
                    recycle: None,
                },
                taken: AtomicUsize::new(0),
                ever_taken: AtomicUsize::new(0),
                starting: Starting::new(),
            }
        }
    }

    /// Makes the state of a worker when it takes its seat, and when it has used up its jobs.
    #[must_use]
    pub const fn initializer(mut self, f: fn(&WorkerInfo<'_>) -> W) -> Self {
        self.hooks.initializer = f;
        self
    }

    /// Ends the state of a worker when it leaves its seat, and when it has used up its jobs.
    #[must_use]
    pub const fn exit_hook(mut self, f: fn(&WorkerInfo<'_>, W)) -> Self {
        self.hooks.exit_hook = Some(f);
        self
    }

    /// Gives a worker a fresh state after so many jobs, of which each chunk of a batch is one: its exit hook runs,
    /// then the initializer.
    ///
    /// ```
    /// # use ringpool_core::StaticPool;
    /// # use ringpool_std::Std;
    /// static POOL: StaticPool<1, 8, 64, Std, u32> = StaticPool::new().max_jobs_per_worker(2);
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut seat = POOL.seat(0)?;
    /// let mut count = || {
    ///     let job = POOL.with_worker().apply_async(|worker| {
    ///         *worker.state += 1;
    ///         *worker.state
    ///     })?;
    ///     seat.run_one();
    ///     job.get()
    /// };
    /// assert_eq!([count()?, count()?, count()?], [1, 2, 1]);
    /// assert_eq!(POOL.stats().workers[0].replaced, 1);
    /// # Ok(()) }
    /// ```
    ///
    /// # Panics
    ///
    /// Zero jobs, which does not compile in a `static`:
    ///
    /// ```compile_fail
    /// # use ringpool_core::StaticPool;
    /// static POOL: StaticPool<1, 8, 64, ringpool_std::Std> =
    ///     StaticPool::new().max_jobs_per_worker(0);
    /// ```
    #[must_use]
    pub const fn max_jobs_per_worker(mut self, jobs: usize) -> Self {
        assert!(
            jobs > 0,
            "a worker must be allowed at least 1 job, 0 were asked for"
        );
        self.engine.settings.jobs_per_worker = jobs;
        #[expect(
            clippy::redundant_closure_for_method_calls,
            reason = "a path to the method is not for every lifetime"
        )]
        {
            self.hooks.recycle = Some(|tenure, frame, room| tenure.recycle(frame, room));
        }
        self
    }

    /// How idle workers wait.
    #[must_use]
    pub const fn wait_policy(mut self, policy: WaitPolicy) -> Self {
        self.engine.settings.wait_policy = policy;
        self
    }
}

fn default_state<W: Default>(_: &WorkerInfo<'_>) -> W {
    W::default()
}

impl<P, W, const WORKERS: usize, const SLOTS: usize, const BYTES: usize>
    StaticPool<WORKERS, SLOTS, BYTES, P, W>
where
    P: Platform,
    W: 'static,
{
    fn engine(&self) -> &Engine<P> {
        &self.engine
    }

    /// Takes the seat of worker `index`, with a state that the initializer makes here.
    ///
    /// # Errors
    ///
    /// Somebody has the seat, or there is no such seat.
    ///
    /// # Panics
    ///
    /// If the initializer does; the seat is free again.
    pub fn seat(&self, index: usize) -> Result<Seat<'_, P, W>, SeatError> {
        let place = seat::Place::take(self, index)?;
        let state = place.without_state(|| (self.hooks.initializer)(&place.info()));
        Ok(Seat::new(place, state, &self.hooks))
    }

    /// Takes the seat of worker `index`, with a state of one's own.
    ///
    /// # Errors
    ///
    /// Somebody has the seat, or there is no such seat; the state is dropped.
    pub fn seat_with(&self, index: usize, state: W) -> Result<Seat<'_, P, W>, SeatError> {
        let place = seat::Place::take(self, index)?;
        Ok(Seat::new(place, state, &self.hooks))
    }

    /// Becomes worker `index` until the pool is closed and empty.
    ///
    /// # Errors
    ///
    /// As [`seat`](Self::seat).
    ///
    /// # Panics
    ///
    /// As `seat`.
    pub fn run_worker(&self, index: usize) -> Result<(), SeatError> {
        self.seat(index)?.run();
        Ok(())
    }

    /// Refuses new work from now on; what was accepted is finished by the workers, then they leave. Idempotent,
    /// and allowed from anywhere.
    pub fn close(&self) {
        self.engine().close();
    }

    /// Starts nothing from now on: what is queued ends as [`JobError::Terminated`](crate::JobError::Terminated),
    /// running jobs see their cancel token. Returns how many jobs never started, and batches with a chunk left.
    pub fn terminate(&self) -> usize {
        let never_started = self.engine().terminate();
        seat::skip_empty_seats(self.engine(), &self.taken);
        never_started
    }

    /// Blocks until every worker has left and nothing is queued or waits for a seat. Any number of threads may join.
    ///
    /// What was accepted when no worker was there waits for one to come, and so does `join`. A thread that keeps a
    /// [`Seat`] is a worker that has not left, and must not join: within [`participate`](Seat::participate) that is an error,
    /// elsewhere it waits for itself.
    ///
    /// # Errors
    ///
    /// The pool was neither closed nor terminated, or this is one of its own workers.
    pub fn join(&self) -> Result<(), JoinError> {
        self.join_until(None).map(|_| ())
    }

    /// As [`join`](Self::join), at most for `timeout`; tells whether every worker has left.
    ///
    /// # Errors
    ///
    /// As `join`.
    pub fn join_timeout(&self, timeout: Duration) -> Result<bool, JoinError>
    where
        P: Timed,
    {
        self.join_until(P::now().map(|now| now.saturating_add(timeout)))
    }

    fn join_until(&self, deadline: Option<Instant>) -> Result<bool, JoinError> {
        if Frame::<P>::is_worker_of(self.engine().head()) {
            return Err(JoinError::FromWorker);
        }
        if self.engine.life.closed_by().is_none() {
            return Err(JoinError::StillRunning);
        }
        Ok(self.engine().wait_as_joiner(|| {
            // In this order: the gate of regions was closed before the queue, and whoever popped the last entry or
            // visited the last region had taken a seat before. Acquire: pairs with the Release in `Place::drop`, for what
            // the workers did.
            if self.engine.storage().is_drained()
                && self.engine.regions.all_visited(self.engine.slots())
                && self.taken.load(Ordering::Acquire) == 0
            {
                Look::Done
            } else if deadline.is_some_and(|at| P::now().is_some_and(|now| now >= at)) {
                Look::GiveUp
            } else {
                Look::Park(deadline)
            }
        }))
    }

    /// What the pool has done so far.
    pub fn stats(&self) -> StaticStats<WORKERS> {
        let slots = self.engine.slots();
        StaticStats {
            workers: core::array::from_fn(|index| {
                let slot = &slots[index];
                slot.stats.get(slot.generation.load(Ordering::Relaxed))
            }),
            queued: self.engine.queued(),
            never_started: self.engine.never_started(),
        }
    }

    /// How many workers can take a seat: `WORKERS`.
    pub const fn worker_count(&self) -> usize {
        WORKERS
    }

    /// Somebody has taken a seat.
    fn begin_generation(&self, index: usize) {
        // Relaxed, both: only who has the seat writes here, and the seat is passed on by `taken`.
        if self.ever_taken.fetch_or(1 << index, Ordering::Relaxed) & 1 << index != 0 {
            let generation = &self.engine.slots()[index].generation;
            generation.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What a worker is told of its seat.
    fn placement(&self, index: usize) -> Placement {
        Placement {
            index,
            workers: WORKERS,
            generation: self.engine.slots()[index]
                .generation
                .load(Ordering::Relaxed),
        }
    }

    /// What interrupt handlers may do, on platforms whose tokens they may unpark.
    ///
    /// ```compile_fail
    /// # use ringpool_core::StaticPool;
    /// // A token of std threads is a lock.
    /// static POOL: StaticPool<1, 8, 64, ringpool_std::Std> = StaticPool::new();
    /// let isr = POOL.isr();
    /// ```
    pub fn isr(&'static self) -> Isr<'static, P, BYTES>
    where
        P::Park: IsrUnpark,
    {
        Isr::new(self.engine())
    }
}

#[cfg(all(test, feature = "alloc", ringpool_loom))]
mod models;
