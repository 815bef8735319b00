//! A batch on the heap with a handle: `map_async`.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem::{ManuallyDrop, MaybeUninit, offset_of};
use core::ops::Range;
use core::ptr::NonNull;

use super::tickets::{TICKETS, ticket_entry};
use super::work::{Call, Fresh, Map, Work};
use super::{Batch, BatchCore, BatchVTable, Plan, Schedule, drop_each};
use crate::engine::Engine;
use crate::error::{JobError, Refusal};
use crate::frame::Frame;
use crate::job::{
    Callbacks, Due, Entry, EntryVTable, Extra, Job, JobVTable, JobWord, Options, PoolHead, conclude,
};
use crate::platform::{Platform, contain};
use crate::result::AsyncResult;
use crate::seats::Visit;
use crate::source::Feed;
use crate::stats::Progress;
use crate::sync::{Ordering, UnsafeCell};

type Value<R> = Result<Vec<R>, JobError>;

/// The block of a detached batch: head for the handle, descriptor for the tickets, callbacks, value.
#[repr(C)]
struct BatchJob<P, D, G, C, X>
where
    P: Platform,
    D: Feed,
    G: Call<P, D::Item>,
    X: Extra<P>,
{
    job: Job<P>,
    extra: X,
    batch: Batch<P, Map<P, D, G, Fresh<G::Out>>>,
    /// Room for the values; the end of the batch takes both.
    ending: UnsafeCell<Option<(Vec<G::Out>, C)>>,
    value: UnsafeCell<MaybeUninit<Value<G::Out>>>,
}

/// What `map_async` was given, for handing it back.
pub(crate) type Refused<D, G> = (JobError, D, G);

impl<P, D, G, C, X> BatchJob<P, D, G, C, X>
where
    P: Platform,
    D: Feed,
    G: Call<P, D::Item>,
    C: Callbacks<Vec<G::Out>>,
    X: Extra<P>,
{
    const VTABLE: JobVTable<P> = JobVTable {
        entry: EntryVTable {
            run: |_, _| unreachable!("a batch is queued through its tickets"),
            refuse: |_, _| unreachable!("a batch is queued through its tickets"),
        },
        stateful: G::STATEFUL,
        take: Self::take,
        take_error: Self::take_error,
        free: Self::free,
        help: Self::help,
        withdraw: Self::withdraw,
        due: Self::due,
        progress: Self::progress,
    };

    const DETACHED: BatchVTable<P> = BatchVTable {
        run: Self::run,
        is_cancelled: Self::is_cancelled,
        counts: true,
        ended: Self::ended,
    };

    /// The block around a descriptor.
    fn around(core: NonNull<BatchCore<P>>) -> NonNull<Self> {
        // SAFETY: the pointer was made from the whole block, which begins so far before the descriptor.
        unsafe { core.byte_sub(offset_of!(Self, batch)) }.cast()
    }

    /// # Safety
    ///
    /// The block must be valid.
    unsafe fn core(this: NonNull<Self>) -> NonNull<BatchCore<P>> {
        // SAFETY: the descriptor lies inside the block.
        unsafe { this.byte_add(offset_of!(Self, batch)) }.cast()
    }

    unsafe fn run(core: NonNull<BatchCore<P>>, range: Range<usize>, frame: &Frame<'_, P>) {
        // SAFETY: the descriptor is the first field of the batch; the rest is passed on.
        unsafe { Batch::<P, Map<P, D, G, Fresh<G::Out>>>::run(core, range, frame) };
    }

    unsafe fn is_cancelled(core: NonNull<BatchCore<P>>) -> bool {
        // SAFETY: the caller works on the batch, so it is there.
        unsafe { Self::around(core).as_ref() }
            .job
            .word
            .is_cancel_requested()
    }

    /// No ticket is out any more: makes the value and publishes it.
    unsafe fn ended(core: NonNull<BatchCore<P>>) {
        let this = Self::around(core);
        // SAFETY: the batch is the runner of its job until it publishes.
        let block = unsafe { this.as_ref() };
        let ended = block.batch.core.ended();
        // SAFETY: nobody works on the batch any more, and this happens once.
        let work = unsafe { core::ptr::read(&raw const block.batch.work) };
        // SAFETY: as above.
        let ending = block.ending.with_mut(|ending| unsafe { (*ending).take() });
        let len = ended.len;
        // SAFETY: every chunk has ended.
        let outcome = unsafe { ManuallyDrop::into_inner(work).conclude(ended) };
        let Some((mut values, callbacks)) = ending else {
            return;
        };
        let result = outcome.map(|_| {
            // SAFETY: every item has its value in `values`, which has room for them.
            unsafe { values.set_len(len) };
            values
        });
        let result = conclude::<P, _, _>(result, callbacks, block.batch.core.options.name);
        let ok = result.is_ok();
        let panicked = matches!(result, Err(JobError::Panicked(_)));
        // SAFETY: R1: the runner owns the value.
        block
            .value
            .with_mut(|value| unsafe { (*value).write(result) });
        let job = this.cast::<Job<P>>();
        let scope = block.extra.scope().map(|link| link.job_ends(job, panicked));
        // SAFETY: we are the runner, and the value is written.
        unsafe { Job::publish(job, ok) };
        if let Some(scope) = scope {
            // SAFETY: the scope waits for this job.
            unsafe { scope.job_ended() };
        }
    }

    unsafe fn take(job: NonNull<Job<P>>, out: NonNull<()>) {
        // SAFETY: the handle holds the job.
        let block = unsafe { job.cast::<Self>().as_ref() };
        // SAFETY: R1: the job is ready, so the value is the handle's.
        let value = block
            .value
            .with(|value| unsafe { value.cast::<Value<G::Out>>().read() });
        // SAFETY: the caller made room for it.
        unsafe { out.cast().write(value) };
    }

    unsafe fn take_error(job: NonNull<Job<P>>) -> Option<JobError> {
        // SAFETY: the caller holds the job.
        let block = unsafe { job.cast::<Self>().as_ref() };
        // SAFETY: R1: the value is the caller's.
        block
            .value
            .with(|value| unsafe { value.cast::<Value<G::Out>>().read() })
            .err()
    }

    unsafe fn free(job: NonNull<Job<P>>, drop_value: bool) {
        // SAFETY: R3: the block was boxed, and nobody else points to it.
        let mut block = unsafe { Box::from_raw(job.cast::<Self>().as_ptr()) };
        block.job.drop_waker();
        if drop_value {
            // SAFETY: a job that is freed is ready, and its value was not taken.
            let value = block
                .value
                .with(|value| unsafe { value.cast::<Value<G::Out>>().read() });
            match value {
                Ok(values) => drop_each::<P, _>(values.into_iter()),
                Err(error) => contain::<P>(move || drop(error)),
            }
        }
    }

    /// Works on the batch if one of its tickets is still queued.
    unsafe fn help(job: NonNull<Job<P>>, frame: &Frame<'_, P>) {
        // SAFETY: the caller holds the job.
        let block = unsafe { job.cast::<Self>().as_ref() };
        if block.job.word.look().is_detached_from_pool() {
            return;
        }
        for ticket in &block.batch.core.tickets {
            // SAFETY: the frame's worker keeps the pool alive.
            if unsafe { Entry::take_back(ticket_entry(ticket)) } {
                // SAFETY: as above.
                unsafe { PoolHead::tidy_up(block.job.pool) };
                // SAFETY: we have just taken it out of its cell.
                unsafe { frame.execute(ticket_entry(ticket)) };
                return;
            }
        }
    }

    /// Ends the batch if nothing of it has begun (a worker that has a ticket in hand may be the one to resolve it);
    /// otherwise no further chunk starts.
    unsafe fn withdraw(job: NonNull<Job<P>>, why: Refusal) -> bool {
        let this = job.cast::<Self>();
        // SAFETY: the caller holds the job.
        let block = unsafe { this.as_ref() };
        let core = &block.batch.core;
        let is_outside = !Frame::<P>::is_worker_of(block.job.pool);
        let visit = is_outside.then(|| Visit::<P>::begin(block.job.pool.addr().get()));
        // As for single jobs: a batch that is neither ready nor withdrawn keeps its pool there.
        if block.job.word.look().is_detached_from_pool() {
            return false;
        }
        // A count of our own, so that the end of the batch sees the cut.
        if !core.out.up_unless_zero() {
            return false;
        }
        let begun = core.cut(why) != 0;
        // SAFETY: the pool is there.
        let taken = unsafe { core.take_tickets_back() };
        if visit.is_some() {
            // We may be the one who ends the batch, when its pool is gone.
            block.job.word.leave_pool();
        }
        drop(visit);
        // SAFETY: the handle keeps the block.
        let core = unsafe { Self::core(this) };
        // SAFETY: we hold so many counts. A ticket in a worker's hand ends the batch if we do not.
        unsafe { BatchCore::count_down(core, taken + 1) };
        !begun
    }

    unsafe fn due(job: NonNull<Job<P>>) -> Due {
        // SAFETY: the caller holds the job.
        unsafe { job.cast::<Self>().as_ref() }
            .batch
            .core
            .options
            .due::<P>()
    }

    unsafe fn progress(job: NonNull<Job<P>>) -> Progress {
        // SAFETY: the caller holds the job.
        let core = unsafe { &job.cast::<Self>().as_ref().batch.core };
        Progress {
            done: core.claims.done.load(Ordering::Relaxed),
            total: Some(core.len),
        }
    }

    /// Takes a block apart that was not accepted.
    unsafe fn take_apart(this: NonNull<Self>) -> (D, G) {
        // SAFETY: the caller is the only one who knows it.
        let block = unsafe { Box::from_raw(this.as_ptr()) };
        let Self { batch, ending, .. } = *block;
        contain::<P>(move || drop(ending));
        ManuallyDrop::into_inner(batch.work).into_parts()
    }
}

/// What a detached batch is made of.
pub(crate) struct Detached<D, G, R, C, X> {
    pub(crate) feed: D,
    pub(crate) call: G,
    /// Empty, with room for a value of every item.
    pub(crate) values: Vec<R>,
    pub(crate) callbacks: C,
    pub(crate) extra: X,
    pub(crate) len: usize,
    pub(crate) schedule: Schedule,
    pub(crate) options: Options,
    pub(crate) word: JobWord,
}

/// Submits a batch and gives its handle, or hands feed and function back.
///
/// `accepted` is called with the job after it was accepted.
pub(crate) fn submit<P, D, G, C, X>(
    engine: &Engine<P>,
    parts: Detached<D, G, G::Out, C, X>,
    accepted: impl FnOnce(&X, NonNull<Job<P>>),
) -> Result<AsyncResult<Vec<G::Out>, P>, Refused<D, G>>
where
    P: Platform,
    D: Feed,
    G: Call<P, D::Item>,
    C: Callbacks<Vec<G::Out>>,
    X: Extra<P>,
{
    type Block<P, D, G, C, X> = BatchJob<P, D, G, C, X>;
    let Detached {
        feed,
        call,
        mut values,
        callbacks,
        extra,
        len,
        schedule,
        options,
        word,
    } = parts;
    if let Some(why) = engine.life.closed_by() {
        return Err((why.into(), feed, call));
    }
    let workers = engine.settings.workers;
    let keep = Fresh(values.as_mut_ptr());
    if let Some(control) = &options.control {
        control.watch(crate::seats::unpark_everybody::<P>, len);
    }
    let plan = Plan::new(schedule, len, workers);
    let block = Box::new(Block::<P, D, G, C, X> {
        job: Job::new(&Block::<P, D, G, C, X>::VTABLE, word, engine),
        extra,
        batch: Batch {
            // One hold of our own, so that the batch cannot end while we invite.
            core: BatchCore::new(
                &Block::<P, D, G, C, X>::DETACHED,
                engine,
                len,
                plan,
                options,
                1,
                plan.occupies(len, workers),
            ),
            work: ManuallyDrop::new(Map::new(feed, call, keep)),
        },
        ending: UnsafeCell::new(Some((values, callbacks))),
        value: UnsafeCell::new(MaybeUninit::uninit()),
    });
    let this = NonNull::from(Box::leak(block));
    let job = this.cast::<Job<P>>();
    // SAFETY: the block is valid while we have our hold.
    let core = unsafe { Block::<P, D, G, C, X>::core(this) };
    if len > 0 {
        // SAFETY: as above.
        let started = unsafe { start::<P>(core, engine, G::STATEFUL) };
        if let Err(error) = started {
            // SAFETY: it was not accepted, so nobody else knows it.
            let (feed, call) = unsafe { Block::<P, D, G, C, X>::take_apart(this) };
            return Err((error, feed, call));
        }
    }
    // SAFETY: the job's handle bit keeps the block valid; `extra` is never moved.
    accepted(unsafe { &this.as_ref().extra }, job);
    // SAFETY: this is our hold. The handle keeps the block.
    unsafe { BatchCore::count_down(core, 1) };
    // SAFETY: the job was born with a handle bit, and this is its handle.
    Ok(unsafe { AsyncResult::new(job) })
}

/// Gets a detached batch going: queues its first ticket, or works on it here if that could deadlock (S13).
///
/// # Safety
///
/// The caller must have a hold on the batch.
unsafe fn start<P: Platform>(
    core: NonNull<BatchCore<P>>,
    engine: &Engine<P>,
    stateful: bool,
) -> Result<(), JobError> {
    // SAFETY: the caller's promise.
    let batch = unsafe { core.as_ref() };
    engine.life.open_batch()?;
    let refused = |why: Refusal| {
        let _ = engine.life.close_batch();
        why
    };
    Frame::find(engine.head(), |frame| {
        let Some(frame) = frame else {
            return batch
                .invite_patiently(core)
                .map_err(refused)
                .map_err(Into::into);
        };
        match batch.invite_one(core) {
            Err(Refusal::Full) if stateful && frame.is_lent() => {
                refused(Refusal::Full);
                Err(JobError::StateLent)
            }
            Err(Refusal::Full) => {
                // SAFETY: the caller's promise.
                unsafe { BatchCore::help(core, frame, false) };
                // Those that were queued meanwhile: nobody need come any more.
                // SAFETY: a worker keeps its pool alive.
                unsafe { batch.retract() };
                Ok(())
            }
            other => other.map_err(refused).map_err(Into::into),
        }
    })?;
    batch.invite(core, TICKETS);
    Ok(())
}
