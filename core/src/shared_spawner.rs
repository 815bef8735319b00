//! A spawner that several pools use, behind a lock that needs no operating system.

use crate::spawner::{Placement, Spawner, WorkerStart};

/// A spawner for several pools, where there is no lock of an operating system: `&SharedSpawner` is a [`Spawner`].
///
/// Without std a spawner is often one table of stacks or second cores, which more than one pool has to start its
/// workers from. It lies in a static behind a lock of the crate `spin`, which is taken while a worker is started and
/// while one is reclaimed, so by `start`, `build` and `join`, and by a worker that is being replaced. Nothing that
/// submits, wakes or runs a job comes near it, nor does an interrupt handler. Whoever finds it taken busy-waits:
/// with fixed priorities, start and join pools from tasks of one priority.
///
/// ```
/// use ringpool_core::{SharedSpawner, StaticPool};
/// use ringpool_std::{Std, Threads};
///
/// static SPAWNER: SharedSpawner<Threads> = SharedSpawner::new(Threads::new());
/// static SENSORS: StaticPool<1, 8, 32, Std> = StaticPool::new();
/// static DISPLAY: StaticPool<1, 4, 64, Std> = StaticPool::new();
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let sensors = SENSORS.start(&SPAWNER)?;
/// let display = DISPLAY.start(&SPAWNER)?;
/// assert_eq!(SENSORS.apply(|| 6 * 7)?, 42);
/// SENSORS.close();
/// DISPLAY.close();
/// assert!(sensors.join().is_ok() && display.join().is_ok());
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct SharedSpawner<S>(::spin::Mutex<S>);

impl<S> SharedSpawner<S> {
    /// Lets pools share a spawner.
    pub const fn new(spawner: S) -> Self {
        Self(::spin::Mutex::new(spawner))
    }

    /// The spawner, when no pool has it any more.
    pub fn into_inner(self) -> S {
        self.0.into_inner()
    }
}

impl<S: Spawner> Spawner for &SharedSpawner<S> {
    type Handle = S::Handle;
    type Error = S::Error;

    fn default_workers(&self) -> usize {
        self.0.lock().default_workers()
    }

    fn parallelism(&self) -> usize {
        self.0.lock().parallelism()
    }

    fn spawn(&mut self, start: WorkerStart, at: Placement) -> Result<S::Handle, S::Error> {
        self.0.lock().spawn(start, at)
    }

    fn reclaim(&mut self, handle: S::Handle) {
        self.0.lock().reclaim(handle);
    }

    fn can_respawn(&self) -> bool {
        self.0.lock().can_respawn()
    }
}
