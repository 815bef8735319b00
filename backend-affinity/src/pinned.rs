//! The spawner: threads that are pinned before their worker begins.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;

use ringpool_core::{BuildError, Builder, Caller, Placement, Pool, Spawner, WorkerStart};
use ringpool_std::{Std, Threads};

use crate::caller::{Guest, Stay};
use crate::error::Drift;
use crate::plan::{Plan, Survey};
use crate::report::Report;
use crate::settings::{Bind, CoreKind, Policy, Settings};
use crate::sys;
use crate::team::{Team, lock};
use crate::{CpuSet, PinError, Places, Quota, Topology};

/// A pool of pinned workers: one for each core that this thread may use, as far as the cgroup's quota pays for them.
///
/// # Errors
///
/// As [`Builder::build`]; where threads cannot be pinned, the error's source is a [`PinError`].
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # if cfg!(not(all(target_os = "linux", feature = "libc"))) { return Ok(()); }
/// let pool = ringpool_affinity::pool()?;
/// assert_eq!(pool.map(0..4, |x| x * x)?, [0, 1, 4, 9]);
/// # Ok(()) }
/// ```
pub fn pool() -> Result<Pool<Std>, BuildError> {
    Builder::with_spawner(Pinned::new()).build()
}

/// Starts workers as std threads, each pinned to a place before its initializer runs.
///
/// Where workers may go is read when a pool is built, from the thread that builds it: its affinity mask, and so what
/// `taskset`, `numactl`, a batch system or a container has set. Replacements go where their predecessors were.
///
/// A clone that is given to a pool reports to its original, until either is given other settings:
///
/// ```
/// use ringpool_affinity::{Bind, Pinned, Places, Policy};
/// use ringpool_core::Builder;
/// use ringpool_std::Std;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pinned = Pinned::new()
///     .places(Places::Cores)
///     .bind(Bind::Spread)
///     .policy(Policy::BestEffort);
/// let pool = Builder::<Std>::with_spawner(pinned.clone()).workers(2).build()?;
/// println!("{}", pinned.report());
/// assert_eq!(pinned.report().workers().len(), 2);
/// # Ok(()) }
/// ```
#[must_use = "a spawner starts nothing until a pool is built with it"]
pub struct Pinned {
    settings: Settings,
    threads: Threads,
    survey: fn() -> Survey,
    /// The team of this spawner's pool: at most one, for a builder takes the spawner.
    team: Option<Arc<Team>>,
    /// The team of the pool that is being built.
    next: Mutex<Option<Result<Arc<Team>, PinError>>>,
    /// The last team that this spawner or a clone of it has started.
    latest: Arc<Mutex<Option<Arc<Team>>>>,
}

impl Pinned {
    /// One worker per core, close to each other, or an error.
    ///
    /// ```
    /// let pinned = ringpool_affinity::Pinned::new();
    /// # let _ = pinned;
    /// ```
    pub fn new() -> Self {
        Self::with(Settings::default(), Threads::new(), survey)
    }

    fn with(settings: Settings, threads: Threads, survey: fn() -> Survey) -> Self {
        Self {
            settings,
            threads,
            survey,
            team: None,
            next: Mutex::new(None),
            latest: Arc::default(),
        }
    }

    fn set(self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = self.settings;
        change(&mut settings);
        Self::with(settings, self.threads, self.survey)
    }

    /// What a worker owns; [`Places::Cores`] unless it is said.
    ///
    /// ```
    /// use ringpool_affinity::Pinned;
    ///
    /// let pinned = Pinned::new().places("{0:4}:2:8".parse()?);
    /// # let _ = pinned;
    /// # Ok::<(), ringpool_affinity::ParseError>(())
    /// ```
    pub fn places(self, places: Places) -> Self {
        self.set(|settings| settings.places = places)
    }

    /// How workers are distributed over the places; [`Bind::Close`] unless it is said.
    ///
    /// ```
    /// use ringpool_affinity::{Bind, Pinned};
    /// let pinned = Pinned::new().bind(Bind::Spread);
    /// # let _ = pinned;
    /// ```
    pub fn bind(self, bind: Bind) -> Self {
        self.set(|settings| settings.bind = bind)
    }

    /// Which cores to use where there are large and small ones; all of them unless it is said.
    ///
    /// ```
    /// use ringpool_affinity::{CoreKind, Pinned};
    /// let pinned = Pinned::new().core_kind(CoreKind::Large);
    /// # let _ = pinned;
    /// ```
    pub fn core_kind(self, kind: CoreKind) -> Self {
        self.set(|settings| settings.core_kind = kind)
    }

    /// What to do where a wish cannot be fulfilled; [`Policy::Strict`] unless it is said.
    ///
    /// ```
    /// use ringpool_affinity::{Pinned, Policy};
    /// let pinned = Pinned::new().policy(Policy::BestEffort);
    /// # let _ = pinned;
    /// ```
    pub fn policy(self, policy: Policy) -> Self {
        self.set(|settings| settings.policy = policy)
    }

    /// Places workers on these CPUs, rather than on those that the building thread may use. They may lie outside its
    /// mask, as CPUs do that were set apart with `isolcpus`.
    ///
    /// ```
    /// use ringpool_affinity::Pinned;
    ///
    /// let pinned = Pinned::new().cpus("4-7,12-15".parse()?);
    /// # let _ = pinned;
    /// # Ok::<(), ringpool_affinity::ParseError>(())
    /// ```
    pub fn cpus(self, cpus: CpuSet) -> Self {
        self.set(|settings| settings.cpus = Some(cpus))
    }

    /// Gives each worker's thread a stack of at least `bytes` bytes, as [`Threads::stack_size`].
    ///
    /// ```
    /// let pinned = ringpool_affinity::Pinned::new().stack_size(8 << 20);
    /// # let _ = pinned;
    /// ```
    pub fn stack_size(self, bytes: usize) -> Self {
        let threads = self.threads.stack_size(bytes);
        Self::with(self.settings, threads, self.survey)
    }

    /// The machine, the places, and who sits where in the pool that was built last with this spawner or a clone of
    /// it. Before that it tells of the pool that would be built now.
    ///
    /// The masks of the workers are read anew, one system call each; a worker whose mask was changed has a note. The
    /// rest is as it was when the pool was built.
    ///
    /// ```
    /// let report = ringpool_affinity::Pinned::new().report();
    /// assert!(report.workers().is_empty(), "there is no pool yet");
    /// println!("{report}");
    /// ```
    pub fn report(&self) -> Report {
        if let Some(team) = self.latest() {
            return Report::new(
                team.plan_with_notes(),
                team.zero.get().copied(),
                team.seated(),
            );
        }
        match Plan::make(&self.settings, (self.survey)()) {
            Ok(plan) => Report::new(plan, None, Vec::new()),
            Err(error) => Report::of_refusal(&self.settings, (self.survey)(), &error),
        }
    }

    /// Asks the system whether every worker is where it was put, in the pool that was built last with this spawner
    /// or a clone of it. Answers how many are; unpinned ones do not count.
    ///
    /// # Errors
    ///
    /// The workers whose mask is another one: somebody has changed it, a CPU was switched off, or pinning had failed
    /// and the policy was to go on.
    ///
    /// ```
    /// use ringpool_affinity::{Pinned, Policy};
    ///
    /// let pinned = Pinned::new().policy(Policy::Off);
    /// assert_eq!(pinned.verify(), Ok(0));
    /// ```
    pub fn verify(&self) -> Result<usize, Drift> {
        self.latest().map_or(Ok(0), |team| team.verify())
    }

    /// Runs `f` with this thread pinned as worker 0 of the pool that was built last with this spawner or a clone of
    /// it, one in which callers take part ([`Builder::caller_participates`]). Afterwards, also if `f` panics, the
    /// thread has its own mask again.
    ///
    /// A caller that takes part is pinned for each call and then has its mask back, which takes a few system calls.
    /// Within `f` they are saved: it is for loops that last microseconds. Where callers do not take part, or nothing
    /// is to be pinned, `f` just runs.
    ///
    /// What others do to the thread's mask meanwhile, during such a call or within `f`, is overwritten when the thread
    /// gets its own mask back, which is the one from before.
    ///
    /// # Errors
    ///
    /// The thread could not be pinned, and the policy is strict; `f` did not run.
    ///
    /// ```
    /// use ringpool_affinity::{Pinned, Policy};
    /// use ringpool_core::{Builder, Schedule};
    /// use ringpool_std::Std;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pinned = Pinned::new().policy(Policy::BestEffort);
    /// let pool = Builder::<Std>::with_spawner(pinned.clone())
    ///     .caller_participates()
    ///     .build()?;
    /// let mut cells = vec![0; 1000];
    /// pinned.stay(|| {
    ///     for _ in 0..100 {
    ///         let steps = pool.with().schedule(Schedule::Static);
    ///         steps.for_each(&mut cells, |cell| *cell += 1)?;
    ///     }
    ///     Ok::<(), ringpool_core::JobError>(())
    /// })??;
    /// assert!(cells.iter().all(|&cell| cell == 100));
    /// # Ok(()) }
    /// ```
    pub fn stay<R>(&self, f: impl FnOnce() -> R) -> Result<R, PinError> {
        let guest = self.guest().filter(|guest| !guest.stays());
        let _stay = match guest.map(Stay::begin) {
            Some(Err(error)) if self.settings.policy == Policy::Strict => return Err(error),
            begun => begun.and_then(Result::ok),
        };
        Ok(f())
    }

    /// What makes a thread worker 0 of the latest pool, where callers are it.
    pub(crate) fn guest(&self) -> Option<Guest> {
        let team = self.latest()?;
        let at = *team.zero.get()?;
        Some(Guest::new(team, at))
    }

    fn latest(&self) -> Option<Arc<Team>> {
        lock(&self.latest).clone()
    }

    fn new_team(&self) -> Result<Arc<Team>, PinError> {
        let plan = Plan::make(&self.settings, (self.survey)())?;
        Ok(Arc::new(Team::new(plan)))
    }

    /// The team that a worker joins.
    fn team(&mut self) -> Result<Arc<Team>, PinError> {
        let next = lock(&self.next).take();
        let team = match (next, &self.team) {
            (None, Some(team)) => return Ok(team.clone()),
            (None, None) => self.new_team()?,
            (Some(next), _) => next?,
        };
        *lock(&self.latest) = Some(team.clone());
        Ok(self.team.insert(team).clone())
    }

    /// Starts a thread, and answers when it is pinned.
    fn start(
        &mut self,
        start: WorkerStart,
        at: Placement,
        team: Arc<Team>,
    ) -> Result<JoinHandle<()>, PinError> {
        let (answer, answered) = mpsc::sync_channel(1);
        let body = move |start: WorkerStart| match team.enter(at) {
            Ok(()) => {
                // Nobody waits for the answer only where this thread's spawner has panicked.
                let _ = answer.send(Ok(()));
                start.run();
                team.leave(at);
            }
            Err(error) => {
                // The pool must not be told of the failure before the token is gone.
                drop(start);
                let _ = answer.send(Err(error));
            }
        };
        let thread = self
            .threads
            .spawn_with(start, at, body)
            .map_err(PinError::Thread)?;
        match answered.recv() {
            Ok(Ok(())) => Ok(thread),
            Ok(Err(error)) => {
                self.reclaim(thread);
                Err(error)
            }
            Err(mpsc::RecvError) => {
                self.reclaim(thread);
                let text = "it ended before its worker began";
                Err(PinError::Thread(std::io::Error::other(text)))
            }
        }
    }
}

impl Default for Pinned {
    fn default() -> Self {
        Self::new()
    }
}

/// A spawner for another pool, with the same settings. The report and the check of both are of the pool that was
/// built last.
impl Clone for Pinned {
    fn clone(&self) -> Self {
        Self {
            latest: self.latest.clone(),
            ..Self::with(self.settings.clone(), self.threads.clone(), self.survey)
        }
    }
}

impl fmt::Debug for Pinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pinned")
            .field("settings", &self.settings)
            .field("threads", &self.threads)
            .finish_non_exhaustive()
    }
}

impl Spawner for Pinned {
    type Handle = JoinHandle<()>;
    type Error = PinError;

    /// One per place, but no more than the cgroup's quota pays for; of the places that
    /// [`parallelism`](Self::parallelism) has found for a pool that is about to be built, if it was asked before.
    fn default_workers(&self) -> usize {
        let workers = |team: &Result<Arc<Team>, PinError>| match team {
            Ok(team) => team.plan.workers(),
            Err(_) => 1,
        };
        if let Some(team) = &*lock(&self.next) {
            return workers(team);
        }
        workers(&self.new_team())
    }

    /// As many as all places have together, though no more than the cgroup's quota pays for. A builder asks it on the
    /// thread that builds the pool, so that this is where the system is asked.
    fn parallelism(&self) -> usize {
        match lock(&self.next).insert(self.new_team()) {
            Ok(team) => team.plan.parallelism(),
            Err(_) => 1,
        }
    }

    fn spawn(&mut self, start: WorkerStart, at: Placement) -> Result<JoinHandle<()>, PinError> {
        let team = self.team()?;
        let started = self.start(start, at, team.clone());
        // Nobody hears of a replacement that is refused: the pool goes on with the worker that was to be replaced.
        if let Err(error) = &started {
            let what = match at.generation {
                0 => "started",
                _ => "replaced",
            };
            team.note(format!("worker {} was not {what}: {error}", at.index));
        }
        started
    }

    fn reclaim(&mut self, handle: JoinHandle<()>) {
        self.threads.reclaim(handle);
    }

    /// Tries it out, so that a caller which cannot be pinned is found when the pool is built.
    fn caller(&mut self, at: Placement) -> Result<Option<Box<dyn Caller>>, PinError> {
        let team = self.team()?;
        if team.plan.policy == Policy::Off {
            return Ok(None);
        }
        let mut guest = Guest::new(team.clone(), at);
        let pinned = guest.pin();
        guest.unpin();
        match pinned {
            Err(error) if team.plan.policy == Policy::Strict => return Err(error),
            Err(error) => team.note(format!("worker {}: {error}", at.index)),
            Ok(()) => {}
        }
        // Set once: each pool has a team of its own.
        let _ = team.zero.set(at);
        Ok(Some(Box::new(guest)))
    }
}

/// Asks the system, on the thread that builds the pool.
fn survey() -> Survey {
    let mask = sys::mask_of(sys::HERE);
    let used = mask.as_ref().cloned().unwrap_or_default();
    let (quota, quota_notes) = Quota::with_notes(Path::new("/"));
    Survey {
        machine: Topology::with_used(Path::new("/"), &used),
        mask: mask.map_err(PinError::unreadable),
        quota,
        quota_notes,
    }
}

#[cfg(test)]
mod tests;
