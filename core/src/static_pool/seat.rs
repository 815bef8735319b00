//! The place of one worker in a pool that starts none.

use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;

use super::StaticPool;
use crate::engine::Engine;
use crate::error::{Refusal, SeatError};
use crate::frame::Frame;
use crate::platform::{Platform, contain};
use crate::spawner::{Placement, WorkerInfo};
use crate::submit::AbortOnUnwind;
use crate::sync::{AtomicUsize, Ordering, fence_seq_cst};
use crate::worker::{Replacement, work};

/// The right to be one worker of a [`StaticPool`], and its state. It stays on the thread that took it.
///
/// [`run`](Self::run) is a worker's whole life. A loop that has other things to do calls
/// [`run_one`](Self::run_one) now and then, and makes its own blocking calls by [`participate`](Self::participate).
/// Dropping the seat runs the exit hook and leaves the seat to the next.
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
    place: Place<'p, P>,
    state: ManuallyDrop<W>,
    exit_hook: Option<fn(&WorkerInfo<'_>, W)>,
    /// A worker stays on its thread.
    thread: PhantomData<*mut ()>,
}

impl<P: Platform, W> core::fmt::Debug for Seat<'_, P, W> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Seat")
            .field("index", &self.place.at.index)
            .finish_non_exhaustive()
    }
}

impl<'p, P: Platform, W: 'static> Seat<'p, P, W> {
    pub(super) fn new(
        place: Place<'p, P>,
        state: W,
        exit_hook: Option<fn(&WorkerInfo<'_>, W)>,
    ) -> Self {
        Self {
            place,
            state: ManuallyDrop::new(state),
            exit_hook,
            thread: PhantomData,
        }
    }

    /// The worker's index.
    pub fn index(&self) -> usize {
        self.place.at.index
    }

    /// Works until the pool is closed and empty, then leaves the seat.
    pub fn run(mut self) {
        let guard = AbortOnUnwind;
        self.as_worker(|frame| work(frame, |_| Replacement::Refused));
        core::mem::forget(guard);
    }

    /// Does one thing that is queued, if there is one: a job, or this worker's part of a batch or broadcast. Tells
    /// whether there was one. Never blocks but for what that job waits for.
    pub fn run_one(&mut self) -> bool {
        let guard = AbortOnUnwind;
        let found = self.as_worker(|frame| {
            let engine = frame.engine;
            let slot = frame.slot();
            if engine.regions.pending(slot) {
                engine
                    .regions
                    .visit(slot, frame.index, &engine.life, Ok(frame));
                return true;
            }
            let Ok(entry) = engine.take() else {
                return false;
            };
            // SAFETY: `take` has exchanged the entry out of its cell.
            unsafe { frame.execute(entry) };
            true
        });
        core::mem::forget(guard);
        found
    }

    /// Calls `f` as this worker: single jobs that `f` waits for run here, and on batches it works itself.
    pub fn participate<R>(&mut self, f: impl FnOnce() -> R) -> R {
        self.as_worker(|_| f())
    }

    fn as_worker<R>(&mut self, f: impl FnOnce(&Frame<'_, P>) -> R) -> R {
        let state = NonNull::from(&mut *self.state).cast();
        let begin = |frame: &Frame<'_, P>| {
            // SAFETY: the state is there until the seat is dropped.
            unsafe { frame.state_is_there() };
            f(frame)
        };
        // SAFETY: the state is of the pool's type, and the seat, which is borrowed mutably, owns it.
        unsafe { Frame::enter(self.place.engine, self.place.at.index, state, begin) }
    }
}

impl<P: Platform, W> Drop for Seat<'_, P, W> {
    fn drop(&mut self) {
        // SAFETY: this is the end of the seat, and nobody uses the state afterwards.
        let state = unsafe { ManuallyDrop::take(&mut self.state) };
        contain::<P>(|| match self.exit_hook {
            Some(hook) => hook(&self.place.info(), state),
            None => drop(state),
        });
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
        Ok(Self {
            engine: pool.engine(),
            taken: &pool.taken,
            at: pool.placement(index),
        })
    }

    pub(super) fn info(&self) -> WorkerInfo<'static> {
        WorkerInfo::new(self.at, "")
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

/// Skips, in a pool that is stopped, the region that waits for a seat which nobody has.
pub(super) fn skip_region<P: Platform>(engine: &Engine<P>, index: usize) {
    let slot = &engine.slots()[index];
    if engine.regions.pending(slot) {
        let why = engine.life.refusal().unwrap_or(Refusal::Terminated);
        engine.regions.visit(slot, index, &engine.life, Err(why));
    }
}
