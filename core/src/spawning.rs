//! The pool's spawner: type-erased, behind a lock, with the handles of the workers it has started.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::error::Error;
use core::marker::PhantomData;

use crate::event_count::EventCount;
use crate::platform::{Platform, contain};
use crate::seats::Look;
use crate::spawner::{Caller, Placement, Spawner, WorkerStart};
use crate::sync::{AtomicUsize, Ordering, UnsafeCell};

/// An error of any platform.
pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// A spawner and the handles of its workers, whatever their types. Only start, replacement and join
/// touch it, so that pools are one type whichever spawner they use.
pub(crate) trait Spawning: Send {
    fn default_workers(&self) -> usize;
    fn parallelism(&self) -> usize;
    fn can_respawn(&self) -> bool;
    fn caller(&mut self, at: Placement) -> Result<Option<Box<dyn Caller>>, BoxError>;
    /// Starts a worker and keeps its handle.
    fn spawn(&mut self, start: WorkerStart, at: Placement) -> Result<(), BoxError>;
    /// Reclaims the handle of the worker that held the index before the present one.
    fn reclaim_former(&mut self, index: usize);
    /// Reclaims every handle.
    fn reclaim_all(&mut self);
}

/// The handles of one index.
struct Handles<H> {
    present: Option<H>,
    former: Option<H>,
}

struct Erased<P, S: Spawner> {
    spawner: S,
    platform: PhantomData<fn() -> P>,
    handles: Vec<Handles<S::Handle>>,
}

/// Erases a spawner's type.
pub(crate) fn erase<P: Platform, S: Spawner + Send + 'static>(spawner: S) -> Box<dyn Spawning> {
    Box::new(Erased {
        spawner,
        platform: PhantomData::<fn() -> P>,
        handles: Vec::new(),
    })
}

impl<P: Platform, S: Spawner + Send> Spawning for Erased<P, S> {
    fn default_workers(&self) -> usize {
        self.spawner.default_workers()
    }

    fn parallelism(&self) -> usize {
        self.spawner.parallelism()
    }

    fn can_respawn(&self) -> bool {
        self.spawner.can_respawn()
    }

    fn caller(&mut self, at: Placement) -> Result<Option<Box<dyn Caller>>, BoxError> {
        self.spawner.caller(at).map_err(BoxError::from)
    }

    fn spawn(&mut self, start: WorkerStart, at: Placement) -> Result<(), BoxError> {
        // Before the start, so that at most one handle of an ended worker is kept for each index.
        self.reclaim_former(at.index);
        while self.handles.len() <= at.index {
            self.handles.push(Handles {
                present: None,
                former: None,
            });
        }
        let handle = self.spawner.spawn(start, at).map_err(BoxError::from)?;
        let handles = &mut self.handles[at.index];
        handles.former = handles.present.replace(handle);
        Ok(())
    }

    fn reclaim_former(&mut self, index: usize) {
        if let Some(handle) = self
            .handles
            .get_mut(index)
            .and_then(|handles| handles.former.take())
        {
            self.spawner.reclaim(handle);
        }
    }

    fn reclaim_all(&mut self) {
        while let Some(handles) = self.handles.pop() {
            for handle in [handles.former, handles.present].into_iter().flatten() {
                // One by one: a panic over one handle does not keep the others.
                contain::<P>(|| self.spawner.reclaim(handle));
            }
        }
    }
}

/// One user at a time. Whoever waits for it sits in a seat, for a spawner may block for long.
pub(crate) struct SpawnerLock {
    busy: AtomicUsize,
    free: EventCount,
    spawning: UnsafeCell<Box<dyn Spawning>>,
}

// SAFETY: `busy` lets one thread at a time reach the spawner, which is Send.
unsafe impl Sync for SpawnerLock {}

/// Unlocks, also by unwinding.
struct Unlock<'a, P: Platform>(&'a SpawnerLock, PhantomData<P>);

impl<P: Platform> Drop for Unlock<'_, P> {
    fn drop(&mut self) {
        // Release: pairs with the Acquire in `try_lock`.
        self.0.busy.store(0, Ordering::Release);
        self.0.free.notify::<P>();
    }
}

impl SpawnerLock {
    pub(crate) fn new(spawning: Box<dyn Spawning>) -> Self {
        Self {
            busy: AtomicUsize::new(0),
            free: EventCount::new(),
            spawning: UnsafeCell::new(spawning),
        }
    }

    fn try_lock(&self) -> bool {
        // Acquire: pairs with the Release of the last user.
        self.busy
            .compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    /// # Safety
    ///
    /// `busy` must be the caller's.
    unsafe fn locked<P: Platform, R>(&self, f: impl FnOnce(&mut dyn Spawning) -> R) -> R {
        let _unlock = Unlock::<P>(self, PhantomData);
        // SAFETY: `busy` is ours.
        self.spawning
            .with_mut(|spawning| f(unsafe { &mut **spawning }))
    }

    /// Calls `f` with the spawner, or says `None` if another thread has it.
    pub(crate) fn try_with<P: Platform, R>(
        &self,
        f: impl FnOnce(&mut dyn Spawning) -> R,
    ) -> Option<R> {
        // SAFETY: `busy` is ours.
        self.try_lock().then(|| unsafe { self.locked::<P, R>(f) })
    }

    /// Calls `f` with the spawner, when no other thread has it.
    pub(crate) fn with<P: Platform, R>(&self, f: impl FnOnce(&mut dyn Spawning) -> R) -> R {
        self.free.wait::<P>(|| {
            if self.try_lock() {
                Look::Done
            } else {
                Look::Park(None)
            }
        });
        // SAFETY: `busy` is ours.
        unsafe { self.locked::<P, R>(f) }
    }
}
