//! A single job with its body: the block of a handle, or the frame of a blocking call.

use core::mem::ManuallyDrop;
use core::ops::Range;
use core::ptr::NonNull;

use super::{Block, PoolHead};
use super::{Body, Due, EntryVTable, Extra, Job, JobVTable, JobWord};
use crate::engine::Engine;
use crate::error::{JobError, Refusal};
use crate::frame::{Frame, Token};
use crate::job::Entry;
use crate::platform::Platform;
use crate::stats::Progress;
use crate::sync::UnsafeCell;

#[cfg(feature = "alloc")]
use super::spares;
#[cfg(feature = "alloc")]
use core::alloc::Layout;

/// Body and value share their memory: the one is gone before the other comes (rule R1 of `state.rs`).
#[repr(C)]
union Slot<P: Platform, B: Body<P>> {
    body: ManuallyDrop<B>,
    value: ManuallyDrop<Result<B::Value, JobError>>,
}

/// A job, what it carries, and its body or value.
#[repr(C)]
pub(crate) struct JobCell<P: Platform, B: Body<P>, X: Extra<P>> {
    job: Job<P>,
    extra: X,
    slot: UnsafeCell<Slot<P, B>>,
}

/// The cancel token of a single job.
struct CellToken<'a, P: Platform, X> {
    job: &'a Job<P>,
    extra: &'a X,
}

impl<P: Platform, X: Extra<P>> Token for CellToken<'_, P, X> {
    fn is_cancelled(&self) -> bool {
        self.job.word.is_cancel_requested() || matches!(self.extra.due(), Due::Now(_))
    }
}

impl<P: Platform, B: Body<P>, X: Extra<P>> JobCell<P, B, X> {
    /// Of jobs on the heap, whose handles may outlive the pool.
    #[cfg(feature = "alloc")]
    const ON_HEAP: JobVTable<P> = Self::vtable(Self::free, Self::withdraw);

    /// Of jobs on the stack of a thread that has borrowed the pool.
    const ON_STACK: JobVTable<P> = Self::vtable(Self::never_freed, Self::withdraw_inside);

    /// Of jobs in a block of their pool, which lives for ever.
    const IN_BLOCK: JobVTable<P> = Self::vtable(Self::free_in_block, Self::withdraw_inside);

    const fn vtable(
        free: unsafe fn(NonNull<Job<P>>, bool),
        withdraw: unsafe fn(NonNull<Job<P>>, Refusal) -> bool,
    ) -> JobVTable<P> {
        JobVTable {
            entry: EntryVTable {
                run: Self::run,
                refuse: Self::refuse,
            },
            stateful: B::STATEFUL,
            take: Self::take,
            take_error: Self::take_error,
            free,
            help: Self::help,
            withdraw,
            due: Self::due,
            progress: Self::progress,
        }
    }

    /// A job that waits to be queued from the stack of a thread that keeps it there, and the pool, until it has ended.
    pub(crate) fn on_stack(engine: &Engine<P>, body: B, extra: X) -> Self {
        Self::new(&Self::ON_STACK, engine, JobWord::new(), body, extra)
    }

    fn new(
        vtable: &'static JobVTable<P>,
        engine: &Engine<P>,
        word: JobWord,
        body: B,
        extra: X,
    ) -> Self {
        Self {
            job: Job::new(vtable, word, engine),
            extra,
            slot: UnsafeCell::new(Slot {
                body: ManuallyDrop::new(body),
            }),
        }
    }

    /// A job on the heap; its last holder frees it.
    #[cfg(feature = "alloc")]
    pub(crate) fn boxed(engine: &Engine<P>, word: JobWord, body: B, extra: X) -> NonNull<Self> {
        Self::on_heap(engine, Self::new(&Self::ON_HEAP, engine, word, body, extra))
    }

    #[cfg(feature = "alloc")]
    fn on_heap(engine: &Engine<P>, cell: Self) -> NonNull<Self> {
        let this = spares::allocate(engine, Layout::new::<Self>()).cast::<Self>();
        // SAFETY: the block has the layout that was asked for, and is ours.
        unsafe { this.write(cell) };
        this
    }

    /// Writes a job into a block of its pool, to which its last holder gives the block back.
    ///
    /// # Safety
    ///
    /// The block must have room for `BYTES` bytes, come from the engine, and hold nothing.
    pub(crate) unsafe fn in_block<const BYTES: usize>(
        engine: &'static Engine<P>,
        block: NonNull<()>,
        word: JobWord,
        body: B,
        extra: X,
    ) -> NonNull<Self> {
        const {
            assert!(
                Block::<P, BYTES>::fits::<B, X>(),
                "the closure of this job, or its result, is too large for a slot of the `StaticPool`, or \
                 aligned to more than 16 bytes: raise `BYTES`, or pass it by reference"
            );
        };
        let this = block.cast::<Self>();
        let cell = Self::new(&Self::IN_BLOCK, engine, word, body, extra);
        // SAFETY: the block is the caller's, large enough and aligned.
        unsafe { this.write(cell) };
        this
    }

    /// Takes a job that was not accepted out of its block, which is vacant again. Gives the body back.
    ///
    /// # Safety
    ///
    /// The job must come from `in_block`, hold its body, and have no handle.
    pub(crate) unsafe fn out_of_block(this: NonNull<Self>, engine: &'static Engine<P>) -> B {
        // SAFETY: nobody else points to it.
        let cell = unsafe { this.read() };
        engine.give_block_back(this.cast());
        // SAFETY: it holds its body.
        unsafe { cell.take_body() }
    }

    /// A job on the heap whose value is there from the start.
    #[cfg(feature = "alloc")]
    pub(crate) fn resolved(
        engine: &Engine<P>,
        value: Result<B::Value, JobError>,
        extra: X,
    ) -> NonNull<Self> {
        let cell = Self {
            job: Job::new(&Self::ON_HEAP, JobWord::new_refused(), engine),
            extra,
            slot: UnsafeCell::new(Slot {
                value: ManuallyDrop::new(value),
            }),
        };
        Self::on_heap(engine, cell)
    }

    pub(crate) fn job(this: NonNull<Self>) -> NonNull<Job<P>> {
        this.cast()
    }

    pub(crate) fn entry(this: NonNull<Self>) -> NonNull<Entry<P>> {
        this.cast()
    }

    pub(crate) fn extra(&self) -> &X {
        &self.extra
    }

    /// Takes body and extra out of a heap job that was never queued, or not accepted.
    ///
    /// # Safety
    ///
    /// The job must come from `boxed`, hold its body, and have no handle.
    #[cfg(feature = "alloc")]
    pub(crate) unsafe fn unbox(this: NonNull<Self>) -> (B, X) {
        // SAFETY: nobody else points to the job.
        let cell = unsafe { this.read() };
        // SAFETY: the job was boxed, and has been moved out.
        unsafe { spares::free::<P>(cell.job.pool, this.cast(), Layout::new::<Self>()) };
        // SAFETY: it holds its body.
        let body = cell
            .slot
            .with_mut(|slot| unsafe { slot.cast::<B>().read() });
        (body, cell.extra)
    }

    /// Takes the body out of a job that was not accepted.
    ///
    /// # Safety
    ///
    /// The job must hold its body, and not be used afterwards.
    pub(crate) unsafe fn take_body(&self) -> B {
        // SAFETY: R1: the caller is the runner.
        self.slot
            .with_mut(|slot| unsafe { slot.cast::<B>().read() })
    }

    /// Takes the value out of a job on the caller's stack.
    ///
    /// # Safety
    ///
    /// The job must be ready, and its value must not have been taken.
    pub(crate) unsafe fn take_value(&self) -> Result<B::Value, JobError> {
        // SAFETY: R1: the job is ready and the caller is its only holder.
        self.slot
            .with_mut(|slot| unsafe { slot.cast::<Result<B::Value, JobError>>().read() })
    }

    /// # Safety
    ///
    /// As for `Entry::run`.
    unsafe fn run(entry: NonNull<Entry<P>>, frame: &Frame<'_, P>) {
        let this: NonNull<Self> = entry.cast();
        // SAFETY: the runner holds the job.
        let cell = unsafe { this.as_ref() };
        // SAFETY: R1: the runner owns the body.
        let body = unsafe { cell.take_body() };
        let result = match cell.extra.due() {
            Due::Now(why) => {
                frame.leave_loop();
                body.refuse(why)
            }
            Due::At(_) => {
                let chunk = body.chunk();
                let began = frame.begin(chunk.as_ref().map_or(1, Range::len));
                let token = CellToken {
                    job: &cell.job,
                    extra: &cell.extra,
                };
                let result = body.run(frame, &token);
                frame.end(began, || (cell.extra.label(), chunk));
                result
            }
        };
        // SAFETY: we are the runner, and the body is gone.
        unsafe { Self::finish(this, result) };
    }

    /// # Safety
    ///
    /// As for `Entry::refuse`.
    unsafe fn refuse(entry: NonNull<Entry<P>>, why: Refusal) -> bool {
        let this: NonNull<Self> = entry.cast();
        // SAFETY: the runner holds the job.
        let cell = unsafe { this.as_ref() };
        // SAFETY: R1: the runner owns the body.
        let result = unsafe { cell.take_body() }.refuse(why);
        // SAFETY: we are the runner, and the body is gone.
        unsafe { Self::finish(this, result) };
        true
    }

    /// Writes the value, publishes it and tells the scope.
    ///
    /// # Safety
    ///
    /// Only the runner may call it, once, after it has moved the body out.
    unsafe fn finish(this: NonNull<Self>, result: Result<B::Value, JobError>) {
        // SAFETY: the runner holds the job.
        let cell = unsafe { this.as_ref() };
        let ok = result.is_ok();
        let panicked = matches!(result, Err(JobError::Panicked(_)));
        // SAFETY: R1: the runner owns the slot, whose body is gone.
        cell.slot
            .with_mut(|slot| unsafe { slot.cast::<Result<B::Value, JobError>>().write(result) });
        let scope = cell
            .extra
            .scope()
            .map(|link| link.job_ends(Self::job(this), panicked));
        let bell = cell.extra.bell();
        // SAFETY: we are the runner, and the value is written.
        unsafe { Job::publish(Self::job(this), ok) };
        if let Some(scope) = scope {
            // SAFETY: the scope waits for this job.
            unsafe { scope.job_ended() };
        }
        if let Some(bell) = bell {
            bell.notify::<P>();
        }
    }

    /// # Safety
    ///
    /// The handle must have seen READY and not have taken the value; `out` must point to room for it.
    unsafe fn take(job: NonNull<Job<P>>, out: NonNull<()>) {
        // SAFETY: the handle holds the job.
        let cell = unsafe { job.cast::<Self>().as_ref() };
        // SAFETY: R1: the job is ready, so the value is the handle's.
        let value = unsafe { cell.take_value() };
        // SAFETY: the caller's promise.
        unsafe { out.cast().write(value) };
    }

    /// # Safety
    ///
    /// The job must be ready, and its value the caller's.
    unsafe fn take_error(job: NonNull<Job<P>>) -> Option<JobError> {
        // SAFETY: the caller holds the job.
        let cell = unsafe { job.cast::<Self>().as_ref() };
        // SAFETY: R1: the value is the caller's.
        unsafe { cell.take_value() }.err()
    }

    /// # Safety
    ///
    /// The caller must be the last holder of a job from `boxed` or `resolved`.
    #[cfg(feature = "alloc")]
    unsafe fn free(job: NonNull<Job<P>>, drop_value: bool) {
        // SAFETY: R3: nobody else points to the job.
        let pool = unsafe { Self::empty(job.cast(), drop_value) };
        // SAFETY: the job was boxed, and is gone.
        unsafe { spares::free::<P>(pool, job.cast(), Layout::new::<Self>()) };
    }

    /// Drops what is in a job that nobody holds. Tells its pool.
    ///
    /// # Safety
    ///
    /// Nobody else may point to the job, nor use it afterwards.
    unsafe fn empty(mut this: NonNull<Self>, drop_value: bool) -> NonNull<PoolHead> {
        // SAFETY: the caller's promise.
        let cell = unsafe { this.as_mut() };
        let pool = cell.job.pool;
        cell.job.drop_waker();
        if drop_value && core::mem::needs_drop::<Result<B::Value, JobError>>() {
            // SAFETY: a job that is freed is ready, and its value was not taken.
            let value = unsafe { cell.take_value() };
            B::discard(value);
        }
        // SAFETY: the caller's promise.
        unsafe { this.drop_in_place() };
        pool
    }

    /// Jobs on the stack keep their handle bit.
    unsafe fn never_freed(_: NonNull<Job<P>>, _: bool) {
        unreachable!("the caller of a blocking verb holds its job");
    }

    /// # Safety
    ///
    /// The caller must be the last holder of a job from `in_block`.
    unsafe fn free_in_block(job: NonNull<Job<P>>, drop_value: bool) {
        let block = job.cast::<Self>();
        // SAFETY: R3: nobody else points to the job, and the block is not given back before its end.
        let pool = unsafe { Self::empty(block, drop_value) };
        // SAFETY: a pool with blocks lives for ever, and the block is empty.
        unsafe { PoolHead::vacate(pool, block.cast()) };
    }

    /// # Safety
    ///
    /// The job must be valid, and the frame must belong to its pool.
    unsafe fn help(job: NonNull<Job<P>>, frame: &Frame<'_, P>) {
        // SAFETY: the frame's worker keeps the pool alive.
        if unsafe { Job::take_back_inside(job) } {
            // SAFETY: we have just taken it out of its cell.
            unsafe { frame.execute(Job::entry(job)) };
        }
    }

    /// # Safety
    ///
    /// The job must be valid, and its pool outlive the call.
    unsafe fn withdraw_inside(job: NonNull<Job<P>>, why: Refusal) -> bool {
        // SAFETY: the caller's promise.
        let taken = unsafe { Job::take_back_inside(job) };
        if taken {
            // SAFETY: we have just taken it out of its cell.
            unsafe { Self::refuse(Job::entry(job), why) };
        }
        taken
    }

    /// # Safety
    ///
    /// The job must be valid.
    #[cfg(feature = "alloc")]
    unsafe fn withdraw(job: NonNull<Job<P>>, why: Refusal) -> bool {
        // SAFETY: the caller's promise.
        let taken = unsafe { Job::take_back(job) };
        if taken {
            // SAFETY: we have just taken it out of its cell.
            unsafe { Self::refuse(Job::entry(job), why) };
        }
        taken
    }

    /// # Safety
    ///
    /// The job must be valid.
    unsafe fn due(job: NonNull<Job<P>>) -> Due {
        // SAFETY: the caller's promise.
        unsafe { job.cast::<Self>().as_ref() }.extra.due()
    }

    /// # Safety
    ///
    /// The job must be valid.
    unsafe fn progress(job: NonNull<Job<P>>) -> Progress {
        // SAFETY: the caller's promise.
        let ready = unsafe { job.as_ref() }.word.look().is_ready();
        Progress {
            done: usize::from(ready),
            total: Some(1),
        }
    }
}
