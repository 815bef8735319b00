//! Jobs: what lies in the queue, and what a handle points to.
//!
//! Everything queued is an [`Entry`]: a vtable, and the queue cell that the entry lies in. A single job is
//! a [`Job`] (an entry with a state word) inside a [`JobCell`], on the heap for handles, on the caller's
//! stack for blocking calls. A batch queues tickets, entries that lead to its descriptor. Queue, workers
//! and life cycle see entries only.

mod block;
mod body;
mod cell;
mod extra;
#[cfg(feature = "alloc")]
mod spares;
mod state;

use core::ptr::NonNull;
use core::task::Waker;

use crate::engine::Engine;
use crate::error::{JobError, Refusal};
use crate::frame::Frame;
use crate::platform::Platform;
use crate::ring::Cell;
#[cfg(feature = "alloc")]
use crate::seats::Visit;
use crate::stats::Progress;
use crate::sync::{AtomicPtr, Ordering, UnsafeCell};

pub(crate) use block::Block;
#[cfg(feature = "alloc")]
pub(crate) use body::conclude;
pub(crate) use body::{Annotated, Body, OnWorkerFn, PlainFn, caught};
pub use body::{Callbacks, OnError, OnSuccess};
pub(crate) use cell::JobCell;
pub(crate) use extra::{Due, Extra, Options};
#[cfg(feature = "alloc")]
pub(crate) use spares::{Depots, Magazines};
pub(crate) use state::{Completed, Holder, JobWord, Released, WakerCell};

/// What a worker does with something it took from the queue. The caller of either function has
/// exchanged the entry out of its cell, so it is called once for each time the entry is queued.
pub(crate) struct EntryVTable<P: Platform> {
    /// Does the work.
    pub(crate) run: unsafe fn(NonNull<Entry<P>>, &Frame<'_, P>),
    /// Resolves it without doing the work. Tells whether that counts as a job that never started.
    pub(crate) refuse: unsafe fn(NonNull<Entry<P>>, Refusal) -> bool,
}

/// Something that can be queued. It must stay where it is while it is queued.
#[repr(C)]
pub(crate) struct Entry<P: Platform> {
    vtable: NonNull<EntryVTable<P>>,
    /// The cell that it was queued in last; null before.
    cell: AtomicPtr<Cell>,
}

impl<P: Platform> Entry<P> {
    pub(crate) fn new(vtable: NonNull<EntryVTable<P>>) -> Self {
        Self {
            vtable,
            cell: AtomicPtr::new(core::ptr::null_mut()),
        }
    }

    /// Where the queue notes the cell.
    pub(crate) fn cell(&self) -> &AtomicPtr<Cell> {
        &self.cell
    }

    /// Does the work of an entry.
    ///
    /// # Safety
    ///
    /// The caller must have exchanged the entry out of its cell, or never have queued it.
    pub(crate) unsafe fn run(this: NonNull<Self>, frame: &Frame<'_, P>) {
        // SAFETY: an entry is valid until it is run or refused.
        let vtable = unsafe { this.as_ref() }.vtable;
        // SAFETY: vtables are static.
        let run = unsafe { vtable.as_ref() }.run;
        // SAFETY: passed on.
        unsafe { run(this, frame) };
    }

    /// Resolves an entry without doing its work; tells whether that counts as a job that never started.
    ///
    /// # Safety
    ///
    /// As for [`run`](Self::run).
    pub(crate) unsafe fn refuse(this: NonNull<Self>, why: Refusal) -> bool {
        // SAFETY: an entry is valid until it is run or refused.
        let vtable = unsafe { this.as_ref() }.vtable;
        // SAFETY: vtables are static.
        let refuse = unsafe { vtable.as_ref() }.refuse;
        // SAFETY: passed on.
        unsafe { refuse(this, why) }
    }

    /// Takes the entry out of its cell, if it is still there.
    ///
    /// # Safety
    ///
    /// The entry and the queue it was last put into must be valid.
    pub(crate) unsafe fn take_back(this: NonNull<Self>) -> bool {
        // SAFETY: the caller's promise.
        let entry = unsafe { this.as_ref() };
        // Acquire: pairs with the Release of whoever noted the cell, perhaps another helper of the same batch.
        let cell = entry.cell.load(Ordering::Acquire);
        // SAFETY: cells live as long as their queue.
        let Some(cell) = (unsafe { cell.as_ref() }) else {
            return false;
        };
        cell.revoke(this.cast())
    }
}

/// What a handle can do with its job, whatever the types inside.
#[repr(C)]
pub(crate) struct JobVTable<P: Platform> {
    pub(crate) entry: EntryVTable<P>,
    /// Whether the job borrows worker state.
    pub(crate) stateful: bool,
    /// Moves the value, a `Result<T, JobError>`, to where the pointer says.
    pub(crate) take: unsafe fn(NonNull<Job<P>>, NonNull<()>),
    /// Moves the error out of a job that ended with one.
    pub(crate) take_error: unsafe fn(NonNull<Job<P>>) -> Option<JobError>,
    /// Frees the job, and drops the value if told to.
    pub(crate) free: unsafe fn(NonNull<Job<P>>, drop_value: bool),
    /// Runs, on a worker of the job's pool, what of the job is still queued.
    pub(crate) help: unsafe fn(NonNull<Job<P>>, &Frame<'_, P>),
    /// Resolves the job with the refusal if all of it is still queued; tells whether it did.
    pub(crate) withdraw: unsafe fn(NonNull<Job<P>>, Refusal) -> bool,
    /// Whether and when the job must be withdrawn.
    pub(crate) due: unsafe fn(NonNull<Job<P>>) -> Due,
    pub(crate) progress: unsafe fn(NonNull<Job<P>>) -> Progress,
}

/// The head of everything that a handle can point to.
#[repr(C)]
pub(crate) struct Job<P: Platform> {
    entry: Entry<P>,
    pub(crate) word: JobWord,
    /// The pool it was submitted to. Valid while the job is queued, and for that pool's workers.
    pub(crate) pool: NonNull<PoolHead>,
    /// Rule R2 of `state.rs`.
    waker: UnsafeCell<Option<Waker>>,
}

/// The part of a pool that a job can find again: its address is the pool's name.
#[repr(C)]
pub(crate) struct PoolHead {
    /// Frees places at the head of the queue whose jobs were taken out.
    pub(crate) tidy: unsafe fn(NonNull<PoolHead>),
    /// Takes back the block of a job that was freed.
    pub(crate) vacate: unsafe fn(NonNull<PoolHead>, NonNull<()>),
}

impl PoolHead {
    /// Frees places at the head of the queue whose jobs were taken out.
    ///
    /// # Safety
    ///
    /// The pool must outlive the call.
    pub(crate) unsafe fn tidy_up(this: NonNull<Self>) {
        // SAFETY: the caller's promise.
        let tidy = unsafe { this.as_ref() }.tidy;
        // SAFETY: as above.
        unsafe { tidy(this) };
    }

    /// Takes back the block of a job that was freed.
    ///
    /// # Safety
    ///
    /// The pool must outlive the call, and the block be one of its own, with nothing in it.
    unsafe fn vacate(this: NonNull<Self>, block: NonNull<()>) {
        // SAFETY: the caller's promise.
        let vacate = unsafe { this.as_ref() }.vacate;
        // SAFETY: as above.
        unsafe { vacate(this, block) };
    }
}

impl<P: Platform> Job<P> {
    pub(crate) fn new(vtable: &'static JobVTable<P>, word: JobWord, engine: &Engine<P>) -> Self {
        Self {
            // A pointer to the whole table, so that `vtable()` may reach beyond its first field.
            entry: Entry::new(NonNull::from(vtable).cast()),
            word,
            pool: engine.head(),
            waker: UnsafeCell::new(None),
        }
    }

    pub(crate) fn vtable(&self) -> &'static JobVTable<P> {
        // SAFETY: `new` made the pointer from a `&'static JobVTable`.
        unsafe { self.entry.vtable.cast().as_ref() }
    }

    pub(crate) fn entry(this: NonNull<Self>) -> NonNull<Entry<P>> {
        this.cast()
    }

    /// Takes the job out of the queue on a thread that keeps the pool alive, such as its worker.
    ///
    /// # Safety
    ///
    /// The job must be valid, and the pool must outlive the call.
    pub(crate) unsafe fn take_back_inside(this: NonNull<Self>) -> bool {
        // SAFETY: the caller's promise.
        if unsafe { this.as_ref() }.word.look().is_detached_from_pool() {
            // The pool may be another one, at the address of the job's own, which is gone.
            return false;
        }
        // SAFETY: the caller's promise.
        let taken = unsafe { Entry::take_back(Self::entry(this)) };
        if taken {
            // SAFETY: the job is ours.
            let pool = unsafe { this.as_ref() }.pool;
            // SAFETY: the caller's promise.
            unsafe { PoolHead::tidy_up(pool) };
        }
        taken
    }

    /// Takes the job out of the queue on any thread, whose handle need not keep the pool alive.
    ///
    /// # Safety
    ///
    /// The job must be valid.
    #[cfg(feature = "alloc")]
    pub(crate) unsafe fn take_back(this: NonNull<Self>) -> bool {
        // SAFETY: the caller's promise.
        let job = unsafe { this.as_ref() };
        if Frame::<P>::is_worker_of(job.pool) {
            // SAFETY: a pool outlives its workers, and we are on one.
            return unsafe { Self::take_back_inside(this) };
        }
        let _visit = Visit::<P>::begin(job.pool.addr().get());
        if job.word.look().is_detached_from_pool() {
            return false;
        }
        // SAFETY: the visit was announced before the look, and the job was neither ready nor taken by
        // another visitor then: so it is queued or being run, and the pool waits for the visit to end.
        let taken = unsafe { Self::take_back_inside(this) };
        if taken {
            job.word.leave_pool();
        }
        taken
    }

    /// Fills the waker cell. On `false` the job has become ready.
    ///
    /// # Safety
    ///
    /// Only the handle's owner may call it.
    pub(crate) unsafe fn park_waker(&self, waker: &Waker) -> bool {
        if self.word.look().has_waker() {
            // SAFETY: R2: while WAKER is set, the handle may read the cell.
            let former = self.waker.with(|cell| unsafe { &*cell });
            let same = former.as_ref().is_some_and(|old| old.will_wake(waker));
            if same {
                return !self.word.look().is_ready();
            }
            if self.word.clear_waker() == WakerCell::Ready {
                return false;
            }
        }
        let waker = waker.clone();
        // SAFETY: R2: WAKER is clear, so the cell is the handle's.
        let former = self
            .waker
            .with_mut(|cell| unsafe { (*cell).replace(waker) });
        drop(former);
        self.word.set_waker() == WakerCell::Pending
    }

    /// Calls the waker.
    ///
    /// # Safety
    ///
    /// Only the runner may call it, between `Completed::WakeTask` and its release.
    unsafe fn wake_task(&self) {
        // SAFETY: R2: after READY the cell is only read until the runner lets go.
        self.waker.with(|cell| {
            // SAFETY: as above.
            if let Some(waker) = unsafe { &*cell } {
                crate::platform::contain::<P>(|| waker.wake_by_ref());
            }
        });
    }

    /// Empties the waker cell of a job that is about to be freed.
    pub(crate) fn drop_waker(&mut self) {
        // SAFETY: `&mut self`.
        let waker = self.waker.with_mut(|cell| unsafe { (*cell).take() });
        if waker.is_some() {
            crate::platform::contain::<P>(move || drop(waker));
        }
    }

    /// Publishes the value of a job, wakes who waits, and lets go of it for the runner.
    ///
    /// # Safety
    ///
    /// Only the runner may call it, once, after it has written the value. The job may be gone afterwards.
    pub(crate) unsafe fn publish(this: NonNull<Self>, ok: bool) {
        // SAFETY: the runner holds the job until it completes it.
        let job = unsafe { this.as_ref() };
        let free = job.vtable().free;
        match job.word.complete(ok) {
            // SAFETY: R3: nobody else holds the job; the value was not taken.
            Completed::Free => unsafe { free(this, true) },
            Completed::Wake(woken) => woken.wake::<P>(),
            Completed::WakeTask(woken) => {
                // SAFETY: we are the runner and have not let go yet.
                unsafe { job.wake_task() };
                woken.wake::<P>();
                // SAFETY: as above.
                unsafe { Self::release(this, Holder::Runner) };
            }
        }
    }

    /// Lets go of a job for `holder` and frees it if that was the last.
    ///
    /// # Safety
    ///
    /// The caller must be that holder, and never touch the job again.
    #[inline]
    pub(crate) unsafe fn release(this: NonNull<Self>, holder: Holder) {
        // SAFETY: the holder keeps the job valid.
        let job = unsafe { this.as_ref() };
        let free = job.vtable().free;
        if let Released::Free(last) = job.word.release(holder) {
            // SAFETY: R3.
            unsafe { free(this, !last.is_taken()) };
        }
    }
}
