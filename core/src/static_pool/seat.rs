//! The place of one worker in a pool that starts none.

use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use super::StaticPool;
use super::executor::{Rest, RunAsync};
use crate::engine::Engine;
use crate::error::{Refusal, SeatError};
use crate::frame::Frame;
use crate::job::caught;
use crate::platform::{Platform, contain};
use crate::spawner::{Placement, WorkerInfo};
use crate::submit::AbortOnUnwind;
use crate::sync::{AtomicUsize, Ordering, fence_seq_cst};
use crate::worker::{Replacement, stop_searching, work};

/// The right to be one worker of a [`StaticPool`], and its state. It stays on the thread that took it.
///
/// [`run`](Self::run) is a worker's whole life. A loop that has other things to do calls
/// [`run_one`](Self::run_one) now and then, and makes its own blocking calls by [`participate`](Self::participate).
/// Dropping the seat runs the exit hook and leaves the seat to the next.
///
/// With [`max_jobs_per_worker`](StaticPool::max_jobs_per_worker) the state is ended and made anew after so many jobs,
/// between two steps. If that fails by a panic, the pool is broken: what is queued ends as
/// [`JobError::Broken`](crate::JobError::Broken), and the worker finds nothing more to do.
///
/// ```
/// use ringpool_core::StaticPool;
/// use ringpool_std::Std;
///
/// static POOL: StaticPool<1, 8, 64, Std> = StaticPool::new();
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut seat = POOL.seat(0)?;
/// let answer = POOL.apply_async(|| 6 * 7)?;
/// while seat.run_one() {}
/// assert_eq!(answer.get()?, 42);
/// // Nobody else is there to do it.
/// let sum = seat.participate(|| POOL.reduce(0..10, 0, |x| x, |a, b| a + b))?;
/// assert_eq!(sum, 45);
/// # Ok(()) }
/// ```
#[must_use = "a seat does nothing by itself"]
pub struct Seat<'p, P: Platform, W = ()> {
    tenure: Tenure<'p, P, W>,
    /// Where the worker's state is, if there is one.
    room: MaybeUninit<W>,
    /// A worker stays on its thread.
    thread: PhantomData<*mut ()>,
}

/// What a worker has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It has done something.
    Done,
    /// There is nothing to do now.
    Nothing,
    /// There will never be anything to do.
    Closed,
}

/// What makes the states of a pool's workers, and what ends them.
pub(super) struct Hooks<P: Platform, W> {
    pub(super) initializer: fn(&WorkerInfo<'_>) -> W,
    pub(super) exit_hook: Option<fn(&WorkerInfo<'_>, W)>,
    /// [`Tenure::recycle`] where there is a limit of jobs. A pointer, so that a program without one has no code for it.
    pub(super) recycle: Option<Recycle<P, W>>,
}

pub(super) type Recycle<P, W> = fn(&mut Tenure<'_, P, W>, &Frame<'_, P>, NonNull<W>) -> Replacement;

/// A seat but for the memory of its state.
pub(super) struct Tenure<'p, P: Platform, W> {
    place: Place<'p, P>,
    hooks: &'p Hooks<P, W>,
    /// Only a state that could not be made anew is not there; the pool is broken then.
    has_state: bool,
    /// Jobs that the worker may still run before its state is made anew.
    quota: usize,
    rest: Rest<P>,
}

impl<P: Platform, W> core::fmt::Debug for Seat<'_, P, W> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Seat")
            .field("index", &self.tenure.place.at.index)
            .finish_non_exhaustive()
    }
}

impl<'p, P: Platform, W: 'static> Seat<'p, P, W> {
    pub(super) fn new(place: Place<'p, P>, state: W, hooks: &'p Hooks<P, W>) -> Self {
        let quota = place.engine.settings.jobs_per_worker;
        Self {
            tenure: Tenure {
                place,
                hooks,
                has_state: true,
                quota,
                rest: Rest::new(),
            },
            room: MaybeUninit::new(state),
            thread: PhantomData,
        }
    }

    /// The worker's index.
    pub fn index(&self) -> usize {
        self.tenure.place.at.index
    }

    /// Works until the pool is closed and empty, then leaves the seat.
    pub fn run(mut self) {
        self.end_rest();
        let guard = AbortOnUnwind;
        self.as_worker(|frame, tenure, room| work(frame, |frame| tenure.replace(frame, room)));
        core::mem::forget(guard);
    }

    /// Works as a task of an executor until the pool is closed and empty: it yields to other tasks after each job,
    /// sleeps while there is nothing to do, and is woken when a job arrives.
    ///
    /// An executor with one thread is enough. Jobs of this worker run while it is polled, so they keep the other
    /// tasks waiting; those may await handles of the pool, but a task that blocks on one waits for itself. The executor's
    /// waker is called by whoever submits, an interrupt handler perhaps.
    ///
    /// When its next poll comes is the executor's to say, so nobody relies on it: whoever wakes it for a job wakes other
    /// idle workers as well, until one of them is a thread, and who comes first does the job. An executor that polls late
    /// delays nothing that another worker could do (S11); the price is that a job which finds no thread asleep wakes every
    /// sleeping task. A submitter that the executor interrupts goes round as long as tasks fall asleep again before it has
    /// looked at the next.
    ///
    /// A future that is dropped, or polled, while another thread wakes it yields until that one
    /// is done. So whoever submits must not have a lower priority than the executor on its core, unless that is an
    /// executor that lets it run.
    ///
    /// ```
    /// use ringpool_core::StaticPool;
    /// use ringpool_std::Std;
    /// use std::future::Future;
    /// use std::pin::pin;
    /// use std::task::{Context, Waker};
    ///
    /// static POOL: StaticPool<1, 8, 64, Std> = StaticPool::new();
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut seat = POOL.seat(0)?;
    /// let mut worker = pin!(seat.run_async());
    /// let answer = POOL.apply_async(|| 6 * 7)?;
    /// POOL.close();
    /// // The smallest executor: it polls again and again.
    /// let mut cx = Context::from_waker(Waker::noop());
    /// while worker.as_mut().poll(&mut cx).is_pending() {}
    /// assert_eq!(answer.get()?, 42);
    /// # Ok(()) }
    /// ```
    pub fn run_async(&mut self) -> RunAsync<'_, 'p, P, W> {
        RunAsync::new(self)
    }

    /// Does one thing that is queued, if there is one: a job, or this worker's part of a batch or broadcast. Tells
    /// whether there was one. Never blocks but for what that job waits for.
    pub fn run_one(&mut self) -> bool {
        self.end_rest();
        let guard = AbortOnUnwind;
        let step = self.step(&mut false);
        core::mem::forget(guard);
        step == Step::Done
    }

    /// As [`run_one`](Self::run_one), by a worker that may count as searching.
    // Into each caller, since a loop that never searches then needs none of that.
    #[inline]
    pub(super) fn step(&mut self, searching: &mut bool) -> Step {
        self.as_worker(|frame, tenure, room| {
            let engine = frame.engine;
            let slot = frame.slot();
            if engine.regions.pending(slot) {
                stop_searching(frame, searching);
                engine
                    .regions
                    .visit(slot, frame.index, &engine.life, Ok(frame));
                tenure.recycle_if_spent(frame, room);
                return Step::Done;
            }
            let mut next = match engine.take() {
                Ok(entry) => Some(entry),
                Err(true) if !engine.regions.pending(slot) => {
                    if core::mem::take(searching) {
                        // Everybody is awake by now, so nobody needs the wake that we would pass on.
                        let _ = engine.idle.stop_searching();
                    }
                    return Step::Closed;
                }
                Err(_) => return Step::Nothing,
            };
            stop_searching(frame, searching);
            while let Some(entry) = next {
                // SAFETY: `take` has exchanged the entry out of its cell, or the spent worker before us had.
                unsafe { frame.execute_by_loop(entry) };
                tenure.recycle_if_spent(frame, room);
                // The batch that the worker was at when it was spent.
                next = slot.take_over();
            }
            Step::Done
        })
    }

    pub(super) fn rest(&mut self) -> &mut Rest<P> {
        &mut self.tenure.rest
    }

    pub(super) fn end_rest(&mut self) {
        self.tenure.end_rest();
    }

    pub(super) fn engine(&self) -> &'p Engine<P> {
        self.tenure.place.engine
    }

    /// Calls `f` as this worker: single jobs that `f` waits for run here, and on batches it works itself.
    pub fn participate<R>(&mut self, f: impl FnOnce() -> R) -> R {
        self.end_rest();
        self.as_worker(|frame, tenure, room| {
            let value = f();
            tenure.recycle_if_spent(frame, room);
            value
        })
    }

    fn as_worker<R>(
        &mut self,
        f: impl FnOnce(&Frame<'_, P>, &mut Tenure<'p, P, W>, NonNull<W>) -> R,
    ) -> R {
        let Self { tenure, room, .. } = self;
        let (engine, index) = (tenure.place.engine, tenure.place.at.index);
        let room = NonNull::from(room).cast::<W>();
        let begin = |frame: &Frame<'_, P>| {
            if tenure.has_state {
                // SAFETY: it is in the room.
                unsafe { frame.state_is_there() };
            }
            frame.set_quota(tenure.quota);
            let counted = Counted { frame, tenure };
            f(frame, &mut *counted.tenure, room)
        };
        // SAFETY: the room is for a state of the pool's type, and the seat, which is borrowed mutably, owns it.
        unsafe { Frame::enter(engine, index, room.cast(), begin) }
    }
}

/// Keeps the count of the worker's jobs from one frame to the next, also when one ends by unwinding.
struct Counted<'a, 'f, 'p, P: Platform, W> {
    frame: &'a Frame<'f, P>,
    tenure: &'a mut Tenure<'p, P, W>,
}

impl<P: Platform, W> Drop for Counted<'_, '_, '_, P, W> {
    fn drop(&mut self) {
        self.tenure.quota = self.frame.quota();
    }
}

impl<P: Platform, W> Tenure<'_, P, W> {
    /// The worker goes on in another way than by a future that it has, or had and leaked.
    fn end_rest(&mut self) {
        self.rest.end(self.place.engine, self.place.at.index);
    }

    fn recycle_if_spent(&mut self, frame: &Frame<'_, P>, room: NonNull<W>) {
        if self.has_state && frame.is_spent() && self.replace(frame, room) == Replacement::Refused {
            frame.renew();
        }
    }

    fn replace(&mut self, frame: &Frame<'_, P>, room: NonNull<W>) -> Replacement {
        let recycle = self.hooks.recycle;
        recycle.map_or(Replacement::Refused, |recycle| recycle(self, frame, room))
    }

    /// Gives a spent worker a fresh state in place (S7).
    pub(super) fn recycle(&mut self, frame: &Frame<'_, P>, room: NonNull<W>) -> Replacement {
        // Between its two states a worker must not be seen, whatever the platform makes of panics.
        let guard = AbortOnUnwind;
        frame.state_is_gone();
        self.has_state = false;
        // SAFETY: the state was there, and nobody has borrowed it.
        let old = unsafe { room.read() };
        self.end(old);
        self.place.begin_generation();
        let replacement = match caught::<P, _>(|| (self.hooks.initializer)(&self.place.info())) {
            Ok(made) => {
                // SAFETY: the room is the seat's, and empty.
                unsafe { room.write(made) };
                self.has_state = true;
                // SAFETY: it was just written.
                unsafe { frame.state_is_there() };
                Replacement::Refused
            }
            Err(error) => {
                contain::<P>(move || drop(error));
                self.place.is_lost();
                Replacement::Failed
            }
        };
        core::mem::forget(guard);
        replacement
    }

    fn end(&self, state: W) {
        contain::<P>(|| match self.hooks.exit_hook {
            Some(hook) => hook(&self.place.info(), state),
            None => drop(state),
        });
    }
}

impl<P: Platform, W> Drop for Seat<'_, P, W> {
    fn drop(&mut self) {
        self.tenure.end_rest();
        if self.tenure.has_state {
            // SAFETY: it is there, and this is the end of the seat.
            let state = unsafe { self.room.assume_init_read() };
            let tenure = &self.tenure;
            tenure.place.without_state(|| tenure.end(state));
        }
    }
}

/// A seat without its state.
pub(super) struct Place<'p, P: Platform> {
    engine: &'p Engine<P>,
    taken: &'p AtomicUsize,
    at: Placement,
}

impl<'p, P: Platform> Place<'p, P> {
    pub(super) fn take<W: 'static, const WORKERS: usize, const SLOTS: usize, const BYTES: usize>(
        pool: &'p StaticPool<WORKERS, SLOTS, BYTES, P, W>,
        index: usize,
    ) -> Result<Self, SeatError> {
        if index >= WORKERS {
            return Err(SeatError::NoSuchSeat { index });
        }
        // Acquire: pairs with the Release in `drop`, for the worker's records.
        if pool.taken.fetch_or(1 << index, Ordering::Acquire) & 1 << index != 0 {
            return Err(SeatError::Taken { index });
        }
        pool.begin_generation(index);
        Ok(Self::of(pool, index))
    }

    /// The place of a worker whose seat is the caller's already.
    pub(super) fn of<W: 'static, const WORKERS: usize, const SLOTS: usize, const BYTES: usize>(
        pool: &'p StaticPool<WORKERS, SLOTS, BYTES, P, W>,
        index: usize,
    ) -> Self {
        Self {
            engine: pool.engine(),
            taken: &pool.taken,
            at: pool.placement(index),
        }
    }

    pub(super) fn index(&self) -> usize {
        self.at.index
    }

    /// Calls `f` as the worker, whose state is not there: its initializer or exit hook.
    pub(super) fn without_state<R>(&self, f: impl FnOnce() -> R) -> R {
        // SAFETY: the frame never hears of a state.
        unsafe { Frame::enter(self.engine, self.at.index, NonNull::dangling(), |_| f()) }
    }

    pub(super) fn info(&self) -> WorkerInfo<'static> {
        WorkerInfo::new(self.at, "")
    }

    /// The worker gets a fresh state.
    fn begin_generation(&mut self) {
        let generation = &self.engine.slots()[self.at.index].generation;
        // Relaxed: only who has the seat writes here, and the seat is passed on by `taken`.
        self.at.generation = generation.fetch_add(1, Ordering::Relaxed) + 1;
    }

    /// The worker's state could not be made anew: the pool stops.
    fn is_lost(&self) {
        self.engine.lose(self.at.index);
        skip_empty_seats(self.engine, self.taken);
    }
}

/// Leaves the seat.
impl<P: Platform> Drop for Place<'_, P> {
    fn drop(&mut self) {
        let index = self.at.index;
        // Release: pairs with the Acquire of the next owner, of `terminate` and of joiners.
        self.taken.fetch_and(!(1 << index), Ordering::Release);
        // Dekker pair with the fence in `Engine::shut`: we write `taken` and read whether the pool is stopped,
        // `terminate` does it the other way round. One of us skips for the seat.
        fence_seq_cst();
        if self.engine.life.refusal().is_some() {
            skip_region(self.engine, index);
        }
        self.engine.tell_joiners();
    }
}

/// Skips the region that waits for seats which nobody has, in a pool that was just stopped. The workers that are
/// there come by themselves, or skip as they leave.
pub(super) fn skip_empty_seats<P: Platform>(engine: &Engine<P>, taken: &AtomicUsize) {
    for index in 0..engine.settings.workers {
        // Relaxed: the fence in `Engine::shut` orders it, and a visit needs nothing of the worker that has left.
        if taken.load(Ordering::Relaxed) & 1 << index == 0 {
            skip_region(engine, index);
        }
    }
}

/// Skips, in a pool that is stopped, the region that waits for a seat which nobody has.
fn skip_region<P: Platform>(engine: &Engine<P>, index: usize) {
    let slot = &engine.slots()[index];
    if engine.regions.pending(slot) {
        let why = engine.life.refusal().unwrap_or(Refusal::Terminated);
        engine.regions.visit(slot, index, &engine.life, Err(why));
    }
}
