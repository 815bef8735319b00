//! A pool on the heap with its types: what makes and ends a worker's state, and the entry of a worker.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use crate::engine::{Engine, Settings};
use crate::error::JobError;
use crate::error::{BuildError, JoinError};
use crate::frame::Frame;
use crate::heap::Heap;
use crate::idle::Idle;
use crate::job::caught;
use crate::latch::{Latch, forever};
use crate::panic::Panic;
use crate::participation::{Entered, WorkerZero};
use crate::platform::{Platform, contain};
use crate::ring::Chain;
use crate::seats::{Look, wait_for_visitors};
use crate::slot::{Asked, WorkerSlot};
use crate::spawner::{Caller, Placement, StartRecord, WorkerInfo};
use crate::spawning::{BoxError, SpawnerLock, Spawning};
use crate::submit::AbortOnUnwind;
use crate::sync::{AtomicUsize, Ordering, UnsafeCell};
use crate::time::Instant;
use crate::timeline::Track;
use crate::worker::{Leave, Replacement, work};

/// Why a worker did not come to life.
pub(crate) enum StartFailure {
    Panicked(Panic),
    Failed(BoxError),
    /// The spawner said yes and dropped the token.
    Unrun,
    Spawn(BoxError),
}

impl StartFailure {
    fn into_error(self, worker: usize) -> BuildError {
        match self {
            Self::Panicked(panic) => BuildError::Initializer { worker, panic },
            Self::Failed(source) => BuildError::InitializerFailed { worker, source },
            Self::Spawn(source) => BuildError::Spawn { worker, source },
            Self::Unrun => BuildError::Spawn {
                worker,
                source: "the spawner dropped the worker's start token".into(),
            },
        }
    }
}

/// Makes a worker's state.
pub(crate) type Initializer<W> = Box<dyn Fn(&WorkerInfo<'_>) -> Result<W, BoxError> + Send + Sync>;
/// Ends a worker's state.
pub(crate) type ExitHook<W> = Box<dyn Fn(&WorkerInfo<'_>, W) + Send + Sync>;

/// What the builder has collected.
pub(crate) struct Plan<W> {
    pub(crate) settings: Settings,
    pub(crate) queue: Chain,
    pub(crate) searchers: usize,
    pub(crate) spawning: Box<dyn Spawning>,
    pub(crate) name: Box<str>,
    pub(crate) initializer: Initializer<W>,
    pub(crate) exit_hook: Option<ExitHook<W>>,
    pub(crate) drain_on_drop: bool,
}

/// A pool on the heap.
pub(crate) struct Shared<P: Platform, W> {
    engine: Engine<P, Heap<P>>,
    spawner: SpawnerLock,
    name: Box<str>,
    initializer: Initializer<W>,
    exit_hook: Option<ExitHook<W>>,
    drain_on_drop: bool,
    /// Workers of the first generation whose initializer has not ended.
    starting: Latch,
    /// What the tokens of workers point to, by index.
    records: Box<[StartRecord]>,
    /// By index; written by the worker before it leaves `starting`.
    failures: Box<[UnsafeCell<Option<StartFailure>>]>,
    /// The state of worker 0 where callers take part.
    caller_state: UnsafeCell<Option<W>>,
    /// What the spawner has callers do. Written while the pool is built.
    caller: UnsafeCell<Option<Box<dyn Caller>>>,
    reclaiming: AtomicUsize,
    reclaimed: Latch,
}

impl<P: Platform, W: 'static> Shared<P, W> {
    /// Makes the pool and starts its workers (S3, S4, S6).
    pub(crate) fn build(plan: Plan<W>) -> Result<NonNull<Self>, BuildError> {
        let workers = plan.settings.workers;
        let mut slots = Vec::new();
        let mut failures = Vec::new();
        let mut records = Vec::new();
        if slots.try_reserve_exact(workers).is_err()
            || failures.try_reserve_exact(workers).is_err()
            || records.try_reserve_exact(workers).is_err()
        {
            return Err(BuildError::TooManyWorkers { workers });
        }
        for _ in 0..workers {
            let mut slot = WorkerSlot::new();
            let spans = plan.settings.timeline;
            slot.track = Track::new(spans).map_err(|_| BuildError::TimelineTooLong { spans })?;
            slots.push(slot);
        }
        let place = NonNull::from(Box::leak(Box::<Self>::new_uninit())).cast::<Self>();
        let name = NonNull::from(&*plan.name);
        for index in 0..workers {
            records.push(StartRecord {
                main: Self::main,
                unrun: Self::unrun,
                index,
                name,
                pool: place.cast(),
            });
            failures.push(UnsafeCell::new(None));
        }
        let heap = Heap {
            queue: plan.queue,
            slots: slots.into_boxed_slice(),
        };
        let shared = Self {
            engine: Engine::new(plan.settings, Idle::new(plan.searchers), heap),
            spawner: SpawnerLock::new(plan.spawning),
            name: plan.name,
            initializer: plan.initializer,
            exit_hook: plan.exit_hook,
            drain_on_drop: plan.drain_on_drop,
            starting: Latch::new(0, 0),
            records: records.into_boxed_slice(),
            failures: failures.into_boxed_slice(),
            caller_state: UnsafeCell::new(None),
            caller: UnsafeCell::new(None),
            reclaiming: AtomicUsize::new(0),
            reclaimed: Latch::new(1, 0),
        };
        // SAFETY: the place was allocated for it above.
        unsafe { place.write(shared) };
        // SAFETY: it was just written, and nobody frees it before this function or the pool's drop does.
        let shared = unsafe { place.as_ref() };
        match shared.start() {
            Ok(()) => Ok(place),
            Err(error) => {
                shared.engine.close();
                shared.engine.live.wait::<P>(forever);
                shared.reclaim();
                // SAFETY: every worker has left, and there is no pool.
                unsafe { Self::free(place) };
                Err(error)
            }
        }
    }

    pub(crate) fn engine(&self) -> &Engine<P> {
        &self.engine
    }

    fn placement(&self, index: usize) -> Placement {
        Placement {
            index,
            workers: self.engine.settings.workers,
            generation: self.engine.slots()[index]
                .generation
                .load(Ordering::Relaxed),
        }
    }

    fn info(&self, index: usize) -> WorkerInfo<'_> {
        WorkerInfo::new(self.placement(index), &self.name)
    }

    fn make_state(&self, index: usize) -> Result<W, StartFailure> {
        match caught::<P, _>(|| (self.initializer)(&self.info(index))) {
            Ok(made) => made.map_err(StartFailure::Failed),
            Err(JobError::Panicked(panic)) => Err(StartFailure::Panicked(panic)),
            Err(_) => Err(StartFailure::Unrun),
        }
    }

    fn end_state(&self, index: usize, state: W) {
        contain::<P>(|| match &self.exit_hook {
            Some(hook) => hook(&self.info(index), state),
            None => drop(state),
        });
    }

    /// Starts every worker and waits until all have their state.
    fn start(&self) -> Result<(), BuildError> {
        let mut first = 0;
        if self.engine.settings.caller_participates {
            first = 1;
            self.start_worker_zero()
                .map_err(|failure| failure.into_error(0))?;
        }
        let mut refused = None;
        for index in first..self.engine.settings.workers {
            // The counts are far from their limits: a machine has fewer threads.
            let counted = self.engine.live.up() && self.starting.up();
            debug_assert!(counted);
            if let Err(failure) = self.spawn(index) {
                self.starting.down::<P>();
                self.engine.live.down::<P>();
                refused = Some(failure.into_error(index));
                break;
            }
        }
        self.starting.wait::<P>(forever);
        let failed = self
            .failures
            .iter()
            .enumerate()
            .find_map(|(index, failure)| {
                // SAFETY: `starting` is at zero, so whoever wrote a failure is done.
                let failure = failure.with_mut(|failure| unsafe { (*failure).take() });
                failure.map(|failure| failure.into_error(index))
            });
        match refused.or(failed) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// Makes worker 0 where callers take part: the building thread is the first of them.
    fn start_worker_zero(&self) -> Result<(), StartFailure> {
        let at = self.placement(0);
        let asked = self
            .spawner
            .with::<P, _>(|spawning| caught::<P, _>(|| spawning.caller(at)));
        let caller = match asked {
            Ok(answer) => answer.map_err(StartFailure::Spawn)?,
            Err(panicked) => return Err(StartFailure::Spawn(panicked.into())),
        };
        let caller = self.caller.with_mut(|place| {
            // SAFETY: the pool is being built, so the place is ours.
            let place = unsafe { &mut *place };
            *place = caller;
            place.as_deref_mut().map(NonNull::from)
        });
        // SAFETY: the hooks live in the pool, which is being built, so nobody else uses them.
        let _entered = unsafe { Entered::<P>::enter(caller) };
        let state = self.make_state(0)?;
        let state = self.caller_state.with_mut(|place| {
            // SAFETY: as above.
            NonNull::from(unsafe { &mut *place }.insert(state)).cast()
        });
        // SAFETY: the state is of the pool's type, and both live in the pool and are left alone.
        unsafe { self.engine().set_worker_zero(WorkerZero { state, caller }) };
        Ok(())
    }

    /// Asks the spawner for a worker.
    fn spawn(&self, index: usize) -> Result<(), StartFailure> {
        let record = NonNull::from(&self.records[index]);
        let at = self.placement(index);
        // SAFETY: the record lives as long as the pool, which waits for its workers.
        let asked = unsafe {
            self.engine.slots()[index].ask(record, |start| {
                self.spawner
                    .with::<P, _>(|spawning| P::catch(|| spawning.spawn(start, at)))
            })
        };
        match asked {
            Asked::Started(()) => Ok(()),
            Asked::Unrun(_) => Err(StartFailure::Unrun),
            Asked::Refused(error) => Err(StartFailure::Spawn(error)),
        }
    }

    /// A worker's token was dropped.
    ///
    /// # Safety
    ///
    /// As for `StartRecord::unrun`.
    unsafe fn unrun(record: NonNull<StartRecord>) {
        // SAFETY: the record is the pool's, which has not forgotten the token yet.
        let &StartRecord { index, pool, .. } = unsafe { record.as_ref() };
        let place = pool.cast::<Self>();
        // SAFETY: as above.
        let shared = unsafe { place.as_ref() };
        let slot = &shared.engine.slots()[index];
        if !slot.spawn_is_dropped() {
            // `spawn` has not returned yet and will see it; the pool may be gone by now.
            return;
        }
        if slot.generation.load(Ordering::Relaxed) == 0 {
            shared.fails_to_start(index, StartFailure::Unrun);
        } else {
            shared.engine.lose(index);
        }
        // SAFETY: the worker's last touch of the pool.
        unsafe { Self::leave(place) };
    }

    /// A worker of the first generation will not work.
    fn fails_to_start(&self, index: usize, failure: StartFailure) {
        // SAFETY: only the worker itself writes its cell, before it leaves `starting`.
        self.failures[index].with_mut(|cell| unsafe { *cell = Some(failure) });
        self.starting.down::<P>();
    }

    /// The last touch of a worker.
    ///
    /// # Safety
    ///
    /// The worker must count as alive; the pool may be gone afterwards.
    unsafe fn leave(place: NonNull<Self>) {
        // SAFETY: the worker counts as alive.
        let live = unsafe { &raw const (*place.as_ptr()).engine.live };
        // SAFETY: as above.
        let left = unsafe { Latch::down_at::<P>(live) };
        if left == 0 {
            // The pool was dropped by one of its own workers, and we are the last.
            // SAFETY: nobody else has it.
            unsafe { Self::free(place) };
        }
    }

    /// A worker's life, from its token to its end.
    ///
    /// # Safety
    ///
    /// As for `StartRecord::main`.
    unsafe fn main(record: NonNull<StartRecord>) {
        let guard = AbortOnUnwind;
        // SAFETY: the record is the pool's, and the worker counts as alive until `leave`.
        let &StartRecord { index, pool, .. } = unsafe { record.as_ref() };
        let place = pool.cast::<Self>();
        // SAFETY: as above.
        let shared = unsafe { place.as_ref() };
        let slot = &shared.engine.slots()[index];
        let is_first = slot.generation.load(Ordering::Relaxed) == 0;
        if !is_first {
            slot.predecessor.wait::<P>(forever);
            // Busy: the next replacement of this index does it, or `join`.
            let _ = shared
                .spawner
                .try_with::<P, _>(|spawning| contain::<P>(|| spawning.reclaim_former(index)));
        }
        let mut room = MaybeUninit::<W>::uninit();
        let state = NonNull::from(&mut room).cast::<W>();
        // SAFETY: the room is this worker's own.
        let leave = unsafe {
            Frame::enter(shared.engine(), index, state.cast(), |frame| {
                shared.live(frame, state, is_first)
            })
        };
        if leave == Leave::Replaced {
            slot.predecessor.down::<P>();
        }
        // SAFETY: the worker's last touch of the pool.
        unsafe { Self::leave(place) };
        core::mem::forget(guard);
    }

    /// From the initializer to the exit hook.
    fn live(&self, frame: &Frame<'_, P>, state: NonNull<W>, is_first: bool) -> Leave {
        let index = frame.index;
        match self.make_state(index) {
            // SAFETY: `main` made room for it.
            Ok(made) => unsafe { state.write(made) },
            Err(failure) if is_first => {
                self.fails_to_start(index, failure);
                return Leave::Closed;
            }
            Err(failure) => {
                contain::<P>(move || drop(failure));
                self.engine.lose(index);
                return Leave::Broken;
            }
        }
        // SAFETY: it was just written.
        unsafe { frame.state_is_there() };
        if is_first {
            self.starting.down::<P>();
        }
        let leave = work(frame, |frame| self.replace(frame, state));
        if leave != Leave::Broken {
            frame.state_is_gone();
            // SAFETY: the state was written above, and nobody uses it any more.
            let state = unsafe { state.read() };
            self.end_state(index, state);
        }
        leave
    }

    /// A worker has used up its jobs (S7).
    fn replace(&self, frame: &Frame<'_, P>, state: NonNull<W>) -> Replacement {
        let index = frame.index;
        let slot = frame.slot();
        if !self.spawner.with::<P, _>(|spawning| spawning.can_respawn()) {
            return self.recycle(frame, state);
        }
        // Before the spawn, so that the count of the living never falls short.
        if !self.engine.live.up() {
            return Replacement::Refused;
        }
        let counted = slot.predecessor.up();
        debug_assert!(counted);
        slot.generation.fetch_add(1, Ordering::Relaxed);
        match self.spawn(index) {
            Ok(()) => Replacement::Started,
            Err(failure) => {
                contain::<P>(move || drop(failure));
                slot.generation.fetch_sub(1, Ordering::Relaxed);
                slot.predecessor.down::<P>();
                self.engine.live.down::<P>();
                Replacement::Refused
            }
        }
    }

    /// Gives the worker a fresh state in place, where the platform cannot start another.
    fn recycle(&self, frame: &Frame<'_, P>, state: NonNull<W>) -> Replacement {
        let index = frame.index;
        frame.state_is_gone();
        // SAFETY: the state is there, and nobody has borrowed it.
        let old = unsafe { state.read() };
        self.end_state(index, old);
        frame.slot().generation.fetch_add(1, Ordering::Relaxed);
        match self.make_state(index) {
            Ok(made) => {
                // SAFETY: the room is empty.
                unsafe { state.write(made) };
                // SAFETY: it was just written.
                unsafe { frame.state_is_there() };
                Replacement::Refused
            }
            Err(failure) => {
                contain::<P>(move || drop(failure));
                self.engine.lose(index);
                Replacement::Failed
            }
        }
    }

    /// Waits until every worker has left and its thread is reclaimed, at most until `deadline`.
    ///
    /// # Errors
    ///
    /// The pool is open, or this thread is one of its workers.
    pub(crate) fn join(&self, deadline: Option<Instant>) -> Result<bool, JoinError> {
        if Frame::<P>::is_worker_of(self.engine().head()) {
            return Err(JoinError::FromWorker);
        }
        if self.engine.life.closed_by().is_none() {
            return Err(JoinError::StillRunning);
        }
        let look = || {
            if deadline.is_some_and(|at| P::now().is_some_and(|now| now >= at)) {
                Look::GiveUp
            } else {
                Look::Park(deadline)
            }
        };
        if !self.engine.live.wait::<P>(look) || !self.engine().wait_for_participants(look) {
            return Ok(false);
        }
        // Relaxed: the first joiner reclaims, whom the latch of the living has shown what the workers did; the others
        // wait for it at a latch of their own.
        if self.reclaiming.swap(1, Ordering::Relaxed) == 0 {
            self.reclaim();
            self.reclaimed.down::<P>();
            return Ok(true);
        }
        Ok(self.reclaimed.wait::<P>(look))
    }

    /// Reclaims every handle and ends the state of worker 0, when all workers have left.
    fn reclaim(&self) {
        self.spawner
            .with::<P, _>(|spawning| contain::<P>(|| spawning.reclaim_all()));
        self.end_caller_state();
    }

    /// Ends the pool when its owner drops it (S48).
    ///
    /// # Safety
    ///
    /// Only the owner may call it, once.
    pub(crate) unsafe fn drop_pool(place: NonNull<Self>) {
        // SAFETY: the owner keeps the pool alive.
        let shared = unsafe { place.as_ref() };
        if shared.drain_on_drop {
            shared.engine.close();
        } else {
            shared.engine.terminate();
        }
        if shared.join(None).is_ok() {
            // SAFETY: every worker has left, and the owner is here.
            unsafe { Self::free(place) };
        } else {
            // On one of its own workers: whoever leaves last frees it.
            // SAFETY: the owner's hold on the pool counts like a worker.
            unsafe { Self::leave(place) };
        }
    }

    /// # Safety
    ///
    /// Nobody may use the pool any more, but for visitors.
    unsafe fn free(place: NonNull<Self>) {
        // SAFETY: the caller's promise.
        let shared = unsafe { place.as_ref() };
        wait_for_visitors::<P>(shared.engine.head().addr().get());
        shared.end_caller_state();
        // SAFETY: `build` leaked the box, and visitors are gone.
        let shared = unsafe { Box::from_raw(place.as_ptr()) };
        contain::<P>(move || drop(shared));
    }

    /// Runs the exit hook of worker 0 where callers take part.
    fn end_caller_state(&self) {
        self.engine().end_participation(|| {
            // SAFETY: nobody is worker 0 any more.
            let state = self
                .caller_state
                .with_mut(|state| unsafe { (*state).take() });
            if let Some(state) = state {
                self.end_state(0, state);
            }
        });
    }
}
