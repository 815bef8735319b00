//! How workers come to life: the trait a backend implements, and the token it passes on.

#[cfg(feature = "alloc")]
use alloc::boxed::Box;
use core::error::Error;
use core::ptr::NonNull;

/// Starts workers: threads, tasks or harts. A pool's only contact with the machine's scheduler.
///
/// The whole spawner of the std backend is `builder.spawn(move || start.run())`. Calls come one at a
/// time, from the thread that builds the pool, from a worker that is being replaced, or from the
/// thread that joins.
pub trait Spawner {
    /// What [`reclaim`](Spawner::reclaim) needs to clean up after a worker, such as a join handle.
    type Handle: Send + 'static;
    /// Why a worker could not be started.
    type Error: Error + Send + Sync + 'static;

    /// How many workers a pool gets whose builder names no number: one per CPU this process may use.
    fn default_workers(&self) -> usize;

    /// On how many CPUs its workers can run at the same time. A builder asks for it first, on the thread that builds
    /// the pool. Workers that outnumber their CPUs give them away sooner; a number that is a little old does no harm.
    fn parallelism(&self) -> usize {
        self.default_workers()
    }

    /// Starts a worker that calls [`WorkerStart::run`] once.
    ///
    /// # Errors
    ///
    /// The platform's error. `Err` means that the worker's entry will never run: `start` must have been
    /// dropped by then, and the process is aborted if it was kept.
    fn spawn(&mut self, start: WorkerStart, at: Placement) -> Result<Self::Handle, Self::Error>;

    /// Waits until a worker that has returned from [`WorkerStart::run`], or is about to, is gone, and
    /// frees what it used.
    fn reclaim(&mut self, handle: Self::Handle);

    /// Whether a worker can be replaced while the pool runs. Where it cannot, a worker that has used up
    /// its jobs recycles in place: exit hook, then initializer.
    fn can_respawn(&self) -> bool {
        true
    }

    /// What a calling thread does around its time as worker 0, where callers take part
    /// ([`Builder::caller_participates`](crate::Builder::caller_participates)): nothing unless a spawner says so.
    /// Asked once, while the pool is built and before any worker is started.
    ///
    /// # Errors
    ///
    /// The platform's error, with which the pool is not built.
    #[cfg(feature = "alloc")]
    fn caller(&mut self, at: Placement) -> Result<Option<Box<dyn Caller>>, Self::Error> {
        let _ = at;
        Ok(None)
    }
}

/// What a calling thread does around its time as worker 0: a spawner that places its workers places callers here.
///
/// One caller at a time is worker 0, so calls never overlap. They come for every blocking call in which the
/// thread takes part, such as a stream's `next` that would wait otherwise, and around the initializer and the exit hook of worker 0.
pub trait Caller: Send + 'static {
    /// This thread becomes worker 0. A panic is swallowed.
    fn enter(&mut self);

    /// This thread is worker 0 no more: called once after each `enter`, on the same thread, also while a panic
    /// unwinds. A panic is swallowed.
    fn leave(&mut self);
}

/// What the pool knows of the place a worker is started for; the spawner decides the CPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Placement {
    /// The worker's index, from 0.
    pub index: usize,
    /// How many workers the pool has.
    pub workers: usize,
    /// How often this index was started before: 0 for the first worker, 1 for its replacement.
    pub generation: usize,
}

/// What an initializer or exit hook knows of its worker.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WorkerInfo<'a> {
    index: usize,
    name: &'a str,
    workers: usize,
    generation: usize,
}

impl<'a> WorkerInfo<'a> {
    pub(crate) fn new(at: Placement, name: &'a str) -> Self {
        Self {
            index: at.index,
            name,
            workers: at.workers,
            generation: at.generation,
        }
    }

    /// The worker's index, from 0.
    pub fn index(&self) -> usize {
        self.index
    }

    /// The pool's name; empty if it has none.
    pub fn name(&self) -> &str {
        self.name
    }

    /// How many workers the pool has.
    pub fn workers(&self) -> usize {
        self.workers
    }

    /// How many workers held this index before: 0 for the first.
    pub fn generation(&self) -> usize {
        self.generation
    }
}

/// The part of a worker's record that its entry needs; it lies at a fixed address of the pool.
#[derive(Debug)]
pub(crate) struct StartRecord {
    /// Becomes the worker. Called at most once per token.
    pub(crate) main: unsafe fn(NonNull<StartRecord>),
    /// Told that the token was dropped unrun.
    pub(crate) unrun: unsafe fn(NonNull<StartRecord>),
    pub(crate) index: usize,
    /// The pool's name, which lives as long as the pool.
    pub(crate) name: NonNull<str>,
    /// The pool, of the type that `main` and `unrun` know.
    pub(crate) pool: NonNull<()>,
}

/// The right to become one worker of a pool, once: an opaque token of one word.
///
/// Pass it to the new thread and call [`run`](WorkerStart::run) there. Dropped unrun it means that this
/// worker was not started: building the pool fails with an error, and so nothing waits for it.
#[derive(Debug)]
#[must_use = "a token dropped unrun means that the worker was not started"]
pub struct WorkerStart(NonNull<StartRecord>);

// SAFETY: the record is shared between threads by design, and the token is used up by one of them.
unsafe impl Send for WorkerStart {}

impl WorkerStart {
    /// Makes the token for `record`.
    ///
    /// # Safety
    ///
    /// The record must stay valid until the token is run or dropped, and `main` or `unrun` has
    /// returned.
    pub(crate) unsafe fn new(record: NonNull<StartRecord>) -> Self {
        Self(record)
    }

    fn record(&self) -> &StartRecord {
        // SAFETY: `new` promises that the record outlives the token.
        unsafe { self.0.as_ref() }
    }

    /// The worker's index, from 0.
    pub fn index(&self) -> usize {
        self.record().index
    }

    /// The pool's name; empty if it has none.
    pub fn name(&self) -> &str {
        let name = self.record().name;
        // SAFETY: the name lives as long as the pool, which outlives the token.
        unsafe { name.as_ref() }
    }

    /// Becomes the worker: returns when the worker leaves its pool. Never unwinds.
    pub fn run(self) {
        let record = self.0;
        let main = self.record().main;
        core::mem::forget(self);
        // SAFETY: the token is used up here, so this is the one call of `main`.
        unsafe { main(record) };
    }

    /// Becomes the worker, then calls `idle`, for platforms whose threads must not return.
    pub fn run_then(self, idle: fn() -> !) -> ! {
        self.run();
        idle()
    }

    /// Takes the token apart for a C interface: call the function once with the pointer.
    ///
    /// If the call never happens, pass the pointer to [`from_raw`](WorkerStart::from_raw) and drop the
    /// result.
    pub fn into_raw(self) -> (unsafe extern "C" fn(*mut ()), *mut ()) {
        /// # Safety
        ///
        /// Once, with the pointer that came with it.
        unsafe extern "C" fn entry(token: *mut ()) {
            // SAFETY: `into_raw` says to call this once, with its own pointer.
            unsafe { WorkerStart::from_raw(token) }.run();
        }
        let record = self.0;
        core::mem::forget(self);
        (entry, record.as_ptr().cast())
    }

    /// Puts a token together again.
    ///
    /// # Safety
    ///
    /// `token` must come from [`into_raw`](WorkerStart::into_raw), whose function was not and will not
    /// be called.
    pub unsafe fn from_raw(token: *mut ()) -> Self {
        // SAFETY: `into_raw` made the pointer from a `NonNull`.
        Self(unsafe { NonNull::new_unchecked(token.cast()) })
    }
}

impl Drop for WorkerStart {
    fn drop(&mut self) {
        let unrun = self.record().unrun;
        // SAFETY: `run` and `into_raw` forget the token, so it was neither run nor dropped before.
        unsafe { unrun(self.0) };
    }
}
