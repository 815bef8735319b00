//! Which worker is this? A frame for each worker that runs on the thread, found through [`Context`].
//!
//! A worker of one pool may run another pool's worker inside (a hart that arrives there, a thread that
//! takes part in a loop), so frames are linked and searched to the bottom.
//!
//! [`Context`]: crate::platform::Context

#[cfg(feature = "alloc")]
use core::any::TypeId;
use core::cell::Cell;
use core::marker::PhantomData;
use core::ops::Range;
use core::ptr::NonNull;

use crate::engine::Engine;
use crate::job::{Entry, PoolHead};
use crate::platform::Platform;
use crate::slot::WorkerSlot;
use crate::sync::Flag;
use crate::timeline::{Began, Label, SpanKind};
use crate::worker::Worker;

/// A job's cancel token, as far as the job itself is concerned.
pub(crate) trait Token {
    fn is_cancelled(&self) -> bool;
}

/// What frames of all platforms begin with: two platforms may share what [`Context`] sets, as the harts of `spin.rs` do.
///
/// [`Context`]: crate::platform::Context
#[repr(C)]
struct Link {
    pool: NonNull<PoolHead>,
    below: *const Link,
    /// Whose frame it is: a pool on the heap may be gone, and one of another platform have its address.
    #[cfg(feature = "alloc")]
    platform: TypeId,
}

/// A worker at work on this thread: on its stack for as long as it is one.
#[repr(C)]
pub(crate) struct Frame<'a, P: Platform> {
    /// First: all that is known of a frame until it turns out to be of the pool that is looked for.
    link: Link,
    pub(crate) engine: &'a Engine<P>,
    pub(crate) index: usize,
    /// The worker's state, of the pool's type `W`.
    state: Cell<NonNull<()>>,
    /// Whether a job has borrowed the state. An interrupt handler acts as the worker that it has interrupted, and reads it.
    lent: Flag,
    /// Whether the entry that begins now was taken by the worker's own loop, not by a wait inside a job:
    /// such a one may be handed over to the worker's replacement.
    by_loop: Cell<bool>,
    /// Jobs that the worker may still run before it is replaced.
    quota: Cell<usize>,
}

/// Restores the thread's frame, also when `f` unwinds.
struct Restore<P: Platform>(*const (), PhantomData<fn() -> P>);

impl<P: Platform> Drop for Restore<P> {
    fn drop(&mut self) {
        // SAFETY: the frame below lives until its own guard is dropped.
        unsafe { P::set(self.0) };
    }
}

impl<'a, P: Platform> Frame<'a, P> {
    /// Makes this thread a worker for as long as `f` runs. Its state counts as lent until `f` calls
    /// [`state_is_there`](Self::state_is_there).
    ///
    /// # Safety
    ///
    /// `state` must point to room for the state of this worker, of the type that the pool was built with,
    /// and be used by nobody else meanwhile.
    pub(crate) unsafe fn enter<R>(
        engine: &'a Engine<P>,
        index: usize,
        state: NonNull<()>,
        f: impl FnOnce(&Self) -> R,
    ) -> R {
        let below = P::get();
        let link = Link {
            pool: engine.head(),
            below: below.cast(),
            #[cfg(feature = "alloc")]
            platform: TypeId::of::<P>(),
        };
        let frame = Self {
            link,
            engine,
            index,
            state: Cell::new(state),
            lent: Flag::new(true),
            by_loop: Cell::new(false),
            quota: Cell::new(engine.settings.jobs_per_worker),
        };
        let _restore = Restore::<P>(below, PhantomData);
        // SAFETY: the frame lives until the guard, which is dropped first, takes it back.
        unsafe { P::set((&raw const frame).cast()) };
        f(&frame)
    }

    /// Calls `f` with this thread's frame in `pool`, if it is one of the pool's workers.
    pub(crate) fn find<R>(
        pool: NonNull<PoolHead>,
        f: impl FnOnce(Option<&Frame<'_, P>>) -> R,
    ) -> R {
        let mut top = P::get().cast::<Link>();
        // SAFETY: frames are removed from the list before they end, the list is this thread's own, and each begins
        // with its link.
        while let Some(link) = unsafe { top.as_ref() } {
            if link.pool == pool {
                // SAFETY: a pool has one platform, and its address while a frame of it lives. Who asks with the address of
                // a pool that may be gone looks at no more than whose frame it is.
                return f(unsafe { top.cast::<Frame<'_, P>>().as_ref() });
            }
            top = link.below;
        }
        f(None)
    }

    /// Whether the frame is of this platform: it may not be, where the pool that was looked for is gone.
    #[cfg(feature = "alloc")]
    pub(crate) fn is_of_its_platform(&self) -> bool {
        self.link.platform == TypeId::of::<P>()
    }

    /// Whether this thread is one of the pool's workers.
    pub(crate) fn is_worker_of(pool: NonNull<PoolHead>) -> bool {
        Self::find(pool, |frame| frame.is_some())
    }

    pub(crate) fn slot(&self) -> &WorkerSlot<P> {
        &self.engine.slots()[self.index]
    }

    /// Runs what was just taken out of its cell, or refuses it if the pool starts no more work.
    ///
    /// # Safety
    ///
    /// As for [`Entry::run`].
    pub(crate) unsafe fn execute(&self, entry: NonNull<Entry<P>>) {
        match self.engine.life.refusal() {
            // SAFETY: the caller's promise.
            None => unsafe { Entry::run(entry, self) },
            Some(why) => {
                self.leave_loop();
                // SAFETY: the caller's promise.
                let counts = unsafe { Entry::refuse(entry, why) };
                self.engine.count_never_started(usize::from(counts));
            }
        }
    }

    /// As [`execute`](Self::execute), for the worker's own loop.
    ///
    /// # Safety
    ///
    /// As for [`Entry::run`].
    pub(crate) unsafe fn execute_by_loop(&self, entry: NonNull<Entry<P>>) {
        self.by_loop.set(true);
        // SAFETY: the caller's promise.
        unsafe { self.execute(entry) };
        self.by_loop.set(false);
    }

    /// Whether the worker's loop runs the present entry. Once: what is run inside of it is not.
    pub(crate) fn is_run_by_loop(&self) -> bool {
        self.by_loop.replace(false)
    }

    /// User code is about to run: a function, or the callbacks and destructors of a job that is refused. What it
    /// waits for is not the loop's own, so it must not be left to a replacement.
    pub(crate) fn leave_loop(&self) {
        self.by_loop.set(false);
    }

    /// Counts a job or chunk that this worker starts, of so many items.
    #[inline]
    pub(crate) fn begin(&self, items: usize) -> Began {
        self.leave_loop();
        let slot = self.slot();
        slot.stats.count_job(items);
        let left = self.quota.get();
        // As many as a word can count are no limit: words of 32 bits would run out.
        self.quota
            .set(left.saturating_sub(usize::from(left < usize::MAX)));
        slot.track.begin::<P>()
    }

    /// Notes what has begun in the pool's timeline, if it keeps one: the call, and for a chunk its items.
    #[inline]
    pub(crate) fn end(&self, began: Began, what: impl FnOnce() -> (Label, Option<Range<usize>>)) {
        if let Began(Some(start)) = began {
            let (label, items) = what();
            let kind = items.as_ref().map_or(SpanKind::Job, |_| SpanKind::Chunk);
            let items = items.unwrap_or_default();
            self.slot().track.note::<P>(start, kind, label, items);
        }
    }

    /// Whether the worker has run as many jobs as it may.
    pub(crate) fn is_spent(&self) -> bool {
        self.quota.get() == 0
    }

    /// Jobs that the worker may still run.
    pub(crate) fn quota(&self) -> usize {
        self.quota.get()
    }

    /// Goes on with the count of an earlier frame of the same worker.
    pub(crate) fn set_quota(&self, jobs: usize) {
        self.quota.set(jobs);
    }

    /// Gives the worker another round of jobs: it recycled, or could not be replaced.
    pub(crate) fn renew(&self) {
        self.quota.set(self.engine.settings.jobs_per_worker);
    }

    /// The initializer has made the state.
    ///
    /// # Safety
    ///
    /// It must be where `enter` was told.
    pub(crate) unsafe fn state_is_there(&self) {
        self.lent.set(false);
    }

    /// The state is about to be given to the exit hook.
    pub(crate) fn state_is_gone(&self) {
        self.lent.set(true);
    }

    /// Whether a job has borrowed this worker's state, or there is none at the moment.
    pub(crate) fn is_lent(&self) -> bool {
        self.lent.get()
    }

    /// Lends the worker's state to `f`.
    ///
    /// # Safety
    ///
    /// `W` must be the pool's type of state, and the state must not be lent.
    #[inline]
    pub(crate) unsafe fn lend<W, R>(
        &self,
        token: &dyn Token,
        f: impl FnOnce(&mut Worker<'_, P, W>) -> R,
    ) -> R {
        debug_assert!(!self.lent.get(), "the state is lent already");
        let _back = Back(&self.lent);
        self.lent.set(true);
        let mut state = self.state.get().cast::<W>();
        // SAFETY: `enter` promises that the pointer is valid and ours; `lent` keeps a second borrow away.
        let state = unsafe { state.as_mut() };
        f(&mut Worker::new(state, self, token))
    }

    /// Takes the state back from the job that has borrowed it, for nested calls through its `Worker`.
    pub(crate) fn reclaim_state<W, R>(&self, state: &mut W, f: impl FnOnce() -> R) -> R {
        let former = self.state.replace(NonNull::from(state).cast());
        let _again = Again(self, former);
        self.lent.set(false);
        f()
    }
}

/// Ends a loan, also by unwinding.
struct Back<'a>(&'a Flag);

impl Drop for Back<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

/// Renews the loan that a nested call interrupted, also by unwinding.
struct Again<'f, 'a, P: Platform>(&'f Frame<'a, P>, NonNull<()>);

impl<P: Platform> Drop for Again<'_, '_, P> {
    fn drop(&mut self) {
        self.0.state.set(self.1);
        self.0.lent.set(true);
    }
}
