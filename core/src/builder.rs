//! How a pool is set up.

use alloc::boxed::Box;
use core::error::Error;
use core::marker::PhantomData;
use core::num::NonZeroUsize;

use crate::backoff::Backoff;
use crate::engine::{Settings, WaitPolicy};
use crate::error::BuildError;
use crate::platform::{Hosted, Platform};
use crate::pool::Pool;
use crate::ring::Chain;
use crate::shared::{ExitHook, Initializer, Plan, Shared};
use crate::spawner::{Spawner, WorkerInfo};
use crate::spawning::{Spawning, erase};

/// The settings of a pool that is about to be built; every method returns the builder.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use ringpool_std::Std;
/// let pool = ringpool_core::Pool::<Std>::builder()
///     .workers(2)
///     .name("render")
///     .initializer(|worker| vec![worker.index(); 4])
///     .build()?;
/// let sum = pool.with_worker().apply(|worker| worker.state.iter().sum::<usize>())?;
/// assert!(sum == 0 || sum == 4);
/// # Ok(()) }
/// ```
#[must_use = "a builder does nothing until `build`"]
pub struct Builder<P: Platform, W = ()> {
    spawning: Box<dyn Spawning>,
    workers: Option<usize>,
    capacity: Option<usize>,
    jobs_per_worker: Option<usize>,
    timeline: usize,
    name: Box<str>,
    wait_policy: WaitPolicy,
    caller_participates: bool,
    drain_on_drop: bool,
    initializer: Initializer<W>,
    exit_hook: Option<ExitHook<W>>,
    platform: PhantomData<fn() -> P>,
}

impl<P: Platform, W> core::fmt::Debug for Builder<P, W> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Builder")
            .field("workers", &self.workers)
            .field("capacity", &self.capacity)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl<P: Hosted> Builder<P> {
    pub(crate) fn hosted() -> Self {
        Self::with_spawner(P::Spawner::default())
    }
}

impl<P: Platform> Builder<P> {
    /// Starts from a spawner, on platforms that bring none of their own.
    pub fn with_spawner(spawner: impl Spawner + Send + 'static) -> Self {
        Self {
            spawning: erase::<P, _>(spawner),
            workers: None,
            capacity: None,
            jobs_per_worker: None,
            timeline: 0,
            name: Box::default(),
            wait_policy: WaitPolicy::default(),
            caller_participates: false,
            drain_on_drop: false,
            initializer: Box::new(|_| Ok(())),
            exit_hook: None,
            platform: PhantomData,
        }
    }

    /// Runs `f` once on every worker, replacements included, before its first job. What it returns is
    /// that worker's state, which jobs borrow through [`Pool::with_worker`].
    ///
    /// A panic at build time becomes [`BuildError::Initializer`]; in a replacement it breaks the pool.
    pub fn initializer<F, V>(self, f: F) -> Builder<P, V>
    where
        F: Fn(&WorkerInfo<'_>) -> V + Send + Sync + 'static,
        V: 'static,
    {
        self.with_initializer(Box::new(move |info| Ok(f(info))))
    }

    /// As [`initializer`](Self::initializer), for functions that can fail. An error at build time becomes
    /// [`BuildError::InitializerFailed`].
    pub fn try_initializer<F, V, E>(self, f: F) -> Builder<P, V>
    where
        F: Fn(&WorkerInfo<'_>) -> Result<V, E> + Send + Sync + 'static,
        V: 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        self.with_initializer(Box::new(move |info| f(info).map_err(Into::into)))
    }

    fn with_initializer<V>(self, initializer: Initializer<V>) -> Builder<P, V> {
        Builder {
            spawning: self.spawning,
            workers: self.workers,
            capacity: self.capacity,
            jobs_per_worker: self.jobs_per_worker,
            timeline: self.timeline,
            name: self.name,
            wait_policy: self.wait_policy,
            caller_participates: self.caller_participates,
            drain_on_drop: self.drain_on_drop,
            initializer,
            exit_hook: None,
            platform: PhantomData,
        }
    }
}

impl<P: Platform, W: 'static> Builder<P, W> {
    /// How many workers; one per CPU this process may use unless it is said.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = Some(workers);
        self
    }

    /// The pool's name, which backends give to their threads, with the worker's index.
    pub fn name(mut self, name: &str) -> Self {
        self.name = name.into();
        self
    }

    /// How many entries the queue holds; it grows without bound unless it is said.
    pub fn capacity(mut self, capacity: usize) -> Self {
        self.capacity = Some(capacity);
        self
    }

    /// After how many jobs (a chunk counts as one) a worker is replaced; never unless it is said.
    pub fn max_jobs_per_worker(mut self, jobs: usize) -> Self {
        self.jobs_per_worker = Some(jobs);
        self
    }

    /// Each worker notes what it does and when, and keeps its latest spans, so many, for [`Pool::timeline`]. Their
    /// memory, some 100 bytes each, is allocated now. Each job or chunk then takes two looks at the clock longer; on
    /// platforms without a clock nothing is noted.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use ringpool_std::Std;
    /// let pool = ringpool_core::Pool::<Std>::builder().workers(1).timeline(1000).build()?;
    /// pool.with().name("square").apply(|| 7 * 7)?;
    /// let timeline = pool.timeline();
    /// let (worker, slowest) = timeline.slowest(1)[0];
    /// assert_eq!((worker, slowest.name), (0, Some("square")));
    /// # Ok(()) }
    /// ```
    pub fn timeline(mut self, spans: usize) -> Self {
        self.timeline = spans;
        self
    }

    /// How idle workers wait.
    pub fn wait_policy(mut self, policy: WaitPolicy) -> Self {
        self.wait_policy = policy;
        self
    }

    /// Dropping the pool finishes what was accepted, as `close`, instead of terminating.
    pub fn drain_on_drop(mut self) -> Self {
        self.drain_on_drop = true;
        self
    }

    /// How workers are started: Python's context.
    pub fn spawner<S: Spawner + Send + 'static>(mut self, spawner: S) -> Self {
        self.spawning = erase::<P, _>(spawner);
        self
    }

    /// Runs `f` with a worker's state when the worker leaves: the mirror of the initializer.
    ///
    /// The pool ends after its last hook, so a hook must not wait for that end (`join`).
    pub fn exit_hook<F>(mut self, f: F) -> Self
    where
        F: Fn(&WorkerInfo<'_>, W) + Send + Sync + 'static,
    {
        self.exit_hook = Some(Box::new(f));
        self
    }

    /// One thread that waits in a blocking verb is worker 0 meanwhile and works on its own call, so that P
    /// CPUs run P threads. The consumer of a stream runs a chunk of it instead of waiting for one. One worker fewer is started
    /// (at least one, for jobs that nobody waits for). Worker 0's state is made on the thread that builds the pool and
    /// moves to the calling threads, hence `W: Send`.
    ///
    /// What such a thread waits for may run on it: so no lock may be held there that the function takes, too.
    ///
    /// Such a pool is for loops that follow each other: its workers stay awake longer, see
    /// [`WaitPolicy`](crate::WaitPolicy).
    pub fn caller_participates(mut self) -> Self
    where
        W: Send,
    {
        self.caller_participates = true;
        self
    }

    /// The engine's settings, and for how many CPUs they are.
    pub(crate) fn settings(&self) -> Result<(Settings, usize), BuildError> {
        let cpus = self.spawning.parallelism().max(1);
        let asked = match self.workers {
            Some(workers) => workers,
            None => self.spawning.default_workers().max(1),
        };
        if asked == 0 {
            return Err(BuildError::ZeroWorkers);
        }
        if self.jobs_per_worker == Some(0) {
            return Err(BuildError::ZeroJobsPerWorker);
        }
        let workers = if self.caller_participates {
            asked.max(2)
        } else {
            asked
        };
        let settings = Settings {
            workers,
            jobs_per_worker: self.jobs_per_worker.unwrap_or(usize::MAX),
            wait_policy: match self.wait_policy {
                WaitPolicy::Active if workers > cpus => WaitPolicy::Adaptive,
                policy => policy,
            },
            search: Backoff::searching(workers, cpus, self.caller_participates),
            capacity: self.capacity.unwrap_or(usize::MAX),
            caller_participates: self.caller_participates,
            timeline: self.timeline,
            in_place: false,
        };
        Ok((settings, cpus))
    }

    /// Builds the pool: returns when every worker has run its initializer.
    ///
    /// # Errors
    ///
    /// A setting that is zero, a worker that cannot be started, or an initializer that fails; workers that
    /// had started are shut down and joined before this returns.
    pub fn build(self) -> Result<Pool<P, W>, BuildError> {
        let (settings, cpus) = self.settings()?;
        let queue = match self.capacity.map(NonZeroUsize::new) {
            None => Chain::unbounded(),
            Some(None) => return Err(BuildError::ZeroCapacity),
            Some(Some(capacity)) => {
                Chain::bounded(capacity).ok_or(BuildError::CapacityTooLarge {
                    capacity: capacity.get(),
                })?
            }
        };
        let shared = Shared::build(Plan {
            settings,
            queue,
            searchers: (cpus / 2).max(1),
            spawning: self.spawning,
            name: self.name,
            initializer: self.initializer,
            exit_hook: self.exit_hook,
            drain_on_drop: self.drain_on_drop,
        })?;
        Ok(Pool::new_from(shared))
    }
}
