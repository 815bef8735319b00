//! A pool in place whose workers were started by a spawner.

use core::mem::MaybeUninit;
use core::ptr::NonNull;

use super::StaticPool;
use super::seat::{Place, Seat};
use crate::error::{JoinError, SeatError, StartError};
use crate::job::caught;
use crate::platform::{Platform, contain};
use crate::seats::Look;
use crate::slot::Asked;
use crate::spawner::{Spawner, StartRecord};
use crate::submit::AbortOnUnwind;
use crate::sync::{AtomicUsize, Ordering, UnsafeCell, array_of, const_fn};

/// A [`StaticPool`] whose workers a spawner has started; made by [`StaticPool::start`].
///
/// Dropping it leaves the workers to themselves: they go on until the pool is closed.
#[must_use = "joining it gives the spawner back"]
pub struct Running<'p, S: Spawner, const WORKERS: usize> {
    pool: &'p dyn Join,
    workers: Workers<S, WORKERS>,
}

impl<S: Spawner, const WORKERS: usize> core::fmt::Debug for Running<'_, S, WORKERS> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Running").finish_non_exhaustive()
    }
}

impl<S: Spawner, const WORKERS: usize> Running<'_, S, WORKERS> {
    /// Blocks until every worker has left, reclaims what the spawner keeps of them, and gives it back.
    ///
    /// # Errors
    ///
    /// As [`StaticPool::join`], with what this was called on.
    #[allow(
        clippy::result_large_err,
        reason = "the error is what the caller had before"
    )]
    pub fn join(self) -> Result<S, (JoinError, Self)> {
        match self.pool.join() {
            Ok(()) => Ok(self.workers.reclaim()),
            Err(error) => Err((error, self)),
        }
    }
}

/// A pool, whatever its types.
trait Join: Sync {
    fn join(&self) -> Result<(), JoinError>;
}

impl<P, W, const WORKERS: usize, const SLOTS: usize, const BYTES: usize> Join
    for StaticPool<WORKERS, SLOTS, BYTES, P, W>
where
    P: Platform,
    W: 'static,
{
    fn join(&self) -> Result<(), JoinError> {
        self.join()
    }
}

/// A spawner and the handles of its workers.
struct Workers<S: Spawner, const WORKERS: usize> {
    spawner: S,
    handles: [Option<S::Handle>; WORKERS],
}

impl<S: Spawner, const WORKERS: usize> Workers<S, WORKERS> {
    /// Cleans up after workers that have left.
    fn reclaim(mut self) -> S {
        for handle in self.handles.into_iter().flatten() {
            self.spawner.reclaim(handle);
        }
        self.spawner
    }
}

/// What a pool knows of the workers that a spawner is starting.
pub(super) struct Starting<const WORKERS: usize> {
    /// What their tokens point to. Written by who has set `busy`, before the spawner sees the token.
    records: [UnsafeCell<MaybeUninit<StartRecord>>; WORKERS],
    /// 1 while a `start` is at work. The seats do not say so: its first workers may have left before it ends.
    busy: AtomicUsize,
    /// One bit for each worker that has its state.
    begun: AtomicUsize,
    /// One bit for each worker that will never have one.
    lost: AtomicUsize,
    /// One bit for each worker that a spawner was asked for.
    asked: AtomicUsize,
    /// One bit for each of these that has left its seat. The seat alone does not tell: a stranger may have it by now.
    left: AtomicUsize,
}

// SAFETY: a record is written before its token is made, and only read by who has the token.
unsafe impl<const WORKERS: usize> Sync for Starting<WORKERS> {}
// SAFETY: as above.
unsafe impl<const WORKERS: usize> Send for Starting<WORKERS> {}

// A panic never leaves it half-changed: records are whole before anybody else knows of them.
impl<const WORKERS: usize> core::panic::UnwindSafe for Starting<WORKERS> {}
impl<const WORKERS: usize> core::panic::RefUnwindSafe for Starting<WORKERS> {}

impl<const WORKERS: usize> Starting<WORKERS> {
    const_fn! {
        pub(super) const fn new() -> Self {
            Self {
                records: array_of![UnsafeCell::new(MaybeUninit::uninit()); WORKERS],
                busy: AtomicUsize::new(0),
                begun: AtomicUsize::new(0),
                lost: AtomicUsize::new(0),
                asked: AtomicUsize::new(0),
                left: AtomicUsize::new(0),
            }
        }
    }
}

/// Lets the next start begin.
struct EndOfStart<'a>(&'a AtomicUsize);

impl Drop for EndOfStart<'_> {
    fn drop(&mut self) {
        // Release: pairs with the Acquire in `start`.
        self.0.store(0, Ordering::Release);
    }
}

impl<P, W, const WORKERS: usize, const SLOTS: usize, const BYTES: usize>
    StaticPool<WORKERS, SLOTS, BYTES, P, W>
where
    P: Platform,
    W: 'static,
{
    /// Has the spawner start a worker for each seat, and waits until all of them have their states.
    ///
    /// ```
    /// use ringpool_core::StaticPool;
    /// use ringpool_std::{Std, Threads};
    ///
    /// static POOL: StaticPool<2, 8, 64, Std> = StaticPool::new();
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let running = POOL.start(Threads::new())?;
    /// assert_eq!(POOL.apply(|| 6 * 7)?, 42);
    /// POOL.close();
    /// let spawner = running.join().map_err(|(error, _)| error)?;
    /// # drop(spawner);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Somebody has a seat already, or is starting the pool, and nothing was changed; or a worker did not come to life, and then the pool is
    /// terminated, and the workers that were started have left and are reclaimed.
    pub fn start<S: Spawner>(
        &'static self,
        spawner: S,
    ) -> Result<Running<'static, S, WORKERS>, StartError<S::Error>> {
        let every_seat = usize::MAX >> (usize::BITS as usize - WORKERS);
        // Acquire: pairs with the Release in `EndOfStart`, of an earlier start that wrote the same records.
        if self.starting.busy.swap(1, Ordering::Acquire) != 0 {
            return Err(StartError::Seat(SeatError::Taken { index: 0 }));
        }
        let _end = EndOfStart(&self.starting.busy);
        // Acquire: pairs with the Release in `Place::drop`, for the berth of a worker that was a task.
        self.taken
            .compare_exchange(0, every_seat, Ordering::Acquire, Ordering::Relaxed)
            .map_err(|taken| {
                StartError::Seat(SeatError::Taken {
                    index: taken.trailing_zeros() as usize,
                })
            })?;
        let starting = &self.starting;
        // The last of an earlier start have left their seats, but perhaps not said so. Relaxed: whoever asked for a worker
        // noted it before, and the seat carries it here.
        self.wait_until_left(starting.asked.swap(0, Ordering::Relaxed));
        starting.left.store(0, Ordering::Relaxed);
        // Relaxed, here and below: who has the seats is alone, and the spawner's hand-over carries it to the workers.
        starting.begun.store(0, Ordering::Relaxed);
        starting.lost.store(0, Ordering::Relaxed);
        let mut workers = Workers {
            spawner,
            handles: [const { None }; WORKERS],
        };
        let mut failure = None;
        let mut started = 0;
        for index in 0..WORKERS {
            self.begin_generation(index);
            let place = Place::of(self, index);
            if failure.is_some() {
                drop(place);
                continue;
            }
            starting.asked.fetch_or(1 << index, Ordering::Relaxed);
            match self.ask_for(&mut workers, index) {
                Ok(()) => {
                    core::mem::forget(place);
                    started |= 1 << index;
                }
                Err(error) => {
                    starting.asked.fetch_and(!(1 << index), Ordering::Relaxed);
                    failure = Some(error);
                }
            }
        }
        self.engine().wait_as_joiner(|| {
            // Relaxed: the bits carry nothing but themselves.
            let lost = starting.lost.load(Ordering::Relaxed);
            if (starting.begun.load(Ordering::Relaxed) | lost) & started == started {
                Look::Done
            } else {
                Look::Park(None)
            }
        });
        let lost = starting.lost.load(Ordering::Relaxed);
        if failure.is_none() && lost != 0 {
            let worker = lost.trailing_zeros() as usize;
            failure = Some(StartError::Lost { worker });
        }
        let Some(failure) = failure else {
            return Ok(Running {
                pool: self,
                workers,
            });
        };
        self.terminate();
        self.wait_until_left(started);
        workers.reclaim();
        Err(failure)
    }

    /// Blocks until these workers, which a spawner was asked for, have left.
    fn wait_until_left(&self, workers: usize) {
        self.engine().wait_as_joiner(|| {
            // Acquire: pairs with the Release in `has_left`.
            if workers & !self.starting.left.load(Ordering::Acquire) == 0 {
                Look::Done
            } else {
                Look::Park(None)
            }
        });
    }

    /// A worker that a spawner was asked for is not in its seat any more.
    fn has_left(&self, index: usize) {
        // Release: pairs with the Acquire in `wait_until_left`.
        self.starting.left.fetch_or(1 << index, Ordering::Release);
        self.engine().tell_joiners();
    }

    /// Asks the spawner for the worker of a seat that this thread has taken.
    fn ask_for<S: Spawner>(
        &'static self,
        workers: &mut Workers<S, WORKERS>,
        index: usize,
    ) -> Result<(), StartError<S::Error>> {
        let record = StartRecord {
            main: Self::started,
            unrun: Self::unrun,
            index,
            name: NonNull::from(""),
            pool: NonNull::from(self).cast(),
        };
        let record = self.starting.records[index].with_mut(|place| {
            // SAFETY: `busy` is ours, and with it the place; an earlier token was used up.
            let place = unsafe { &mut *place };
            NonNull::from(place.write(record))
        });
        let at = self.placement(index);
        // SAFETY: the record is there until the seat is taken again.
        let asked = unsafe {
            self.engine().slots()[index].ask(record, |start| {
                P::catch(|| workers.spawner.spawn(start, at))
            })
        };
        match asked {
            Asked::Started(handle) => {
                workers.handles[index] = Some(handle);
                Ok(())
            }
            Asked::Unrun(handle) => {
                workers.handles[index] = handle;
                Err(StartError::Lost { worker: index })
            }
            Asked::Refused(source) => Err(StartError::Spawn {
                worker: index,
                source,
            }),
        }
    }

    /// A worker's life, from its token to its end.
    ///
    /// # Safety
    ///
    /// As for `StartRecord::main`.
    unsafe fn started(record: NonNull<StartRecord>) {
        let guard = AbortOnUnwind;
        // SAFETY: the record is the pool's.
        let &StartRecord { index, pool, .. } = unsafe { record.as_ref() };
        // SAFETY: `ask_for` made the pointer from a static.
        let pool: &'static Self = unsafe { pool.cast().as_ref() };
        let place = Place::of(pool, index);
        let initialize = || (pool.hooks.initializer)(&place.info());
        let made = caught::<P, _>(|| place.without_state(initialize));
        match made {
            Ok(state) => {
                pool.starting.begun.fetch_or(1 << index, Ordering::Relaxed);
                pool.engine().tell_joiners();
                Seat::new(place, state, &pool.hooks).run();
                pool.has_left(index);
            }
            Err(error) => {
                contain::<P>(move || drop(error));
                pool.is_lost(place);
            }
        }
        core::mem::forget(guard);
    }

    /// A worker's token was dropped.
    ///
    /// # Safety
    ///
    /// As for `StartRecord::unrun`.
    unsafe fn unrun(record: NonNull<StartRecord>) {
        // SAFETY: the record is the pool's.
        let &StartRecord { index, pool, .. } = unsafe { record.as_ref() };
        // SAFETY: `ask_for` made the pointer from a static.
        let pool: &'static Self = unsafe { pool.cast().as_ref() };
        // Otherwise `start` has not heard of the spawner yet, and will see it.
        if pool.engine().slots()[index].spawn_is_dropped() {
            pool.is_lost(Place::of(pool, index));
        }
    }

    /// A worker that `start` relies on will not work.
    fn is_lost(&self, place: Place<'_, P>) {
        let index = place.index();
        self.starting.lost.fetch_or(1 << index, Ordering::Relaxed);
        drop(place);
        self.has_left(index);
    }
}
