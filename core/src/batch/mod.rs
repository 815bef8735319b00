//! Batches: one descriptor with a cursor, and tickets in the queue that invite workers to it.
//!
//! Whoever holds a ticket claims chunk after chunk until the cursor is at the end. What ends a batch early
//! (`terminate`, `cancel`, a deadline) *cuts* it: moves the cursor to the end in one step and owns the rest.
//! So the last part of a batch is claimed exactly once, run or cut, and that is the moment when the batch
//! leaves the pool word's count (`life.rs`).
//!
//! Tickets are counted in a latch. A ticket that is still queued when the work is claimed is taken back out
//! of its cell by whoever notices first, so nobody waits for a worker that is busy elsewhere. When the count
//! is zero nobody points to the descriptor any more: the blocked caller goes on, or the last ticket of a
//! detached batch ends it.

#[cfg(feature = "alloc")]
pub(crate) mod detached;
pub(crate) mod everyone;
mod failure;
mod plan;
mod tickets;
pub(crate) mod work;

use core::mem::ManuallyDrop;
use core::ops::Range;
use core::ptr::NonNull;

use crate::engine::Engine;
use crate::error::{JobError, Refusal};
use crate::frame::{Frame, Token};
use crate::job::{Due, Options};
use crate::latch::Latch;
use crate::platform::{Platform, contain};
use crate::submit::AbortOnUnwind;
use crate::sync::{AtomicUsize, CachePadded, Ordering};
use failure::{Failures, Summary};
pub(crate) use plan::Plan;
pub use plan::Schedule;
use plan::static_range;
use tickets::{TICKETS, Ticket};
use work::{Ended, Work};

/// What the core does not know of its batch.
pub(crate) struct BatchVTable<P: Platform> {
    /// Works through a chunk and notes its failure. Must not unwind.
    run: unsafe fn(NonNull<BatchCore<P>>, Range<usize>, &Frame<'_, P>),
    /// Whether the batch's handle has asked for its end.
    is_cancelled: unsafe fn(NonNull<BatchCore<P>>) -> bool,
    /// Whether somebody may ask how many items are done: to count them is a write for every chunk.
    counts: bool,
    /// No ticket is out any more. The last touch of a blocking batch happens before.
    ended: unsafe fn(NonNull<BatchCore<P>>),
}

/// The part of a batch that its tickets know.
#[repr(C)]
pub(crate) struct BatchCore<P: Platform> {
    vtable: &'static BatchVTable<P>,
    /// Valid while a ticket is out or a caller waits.
    engine: NonNull<Engine<P>>,
    len: usize,
    plan: Plan,
    options: Options,
    claims: CachePadded<Claims>,
    /// Where the batch was cut (`len` if it was not), and why.
    cut_at: AtomicUsize,
    cut_why: AtomicUsize,
    out: Latch,
    /// One bit for each ticket that is out.
    in_use: AtomicUsize,
    tickets: [Ticket<P>; TICKETS],
    failures: Failures,
}

/// What workers look at, or write, for every chunk.
struct Claims {
    /// The first item that is not claimed.
    cursor: AtomicUsize,
    /// Items, if the batch counts them.
    done: AtomicUsize,
    /// Invitations to come: as many as workers find a chunk, less those that went out.
    uninvited: AtomicUsize,
}

/// A batch with its work.
#[repr(C)]
pub(crate) struct Batch<P: Platform, K: Work<P>> {
    core: BatchCore<P>,
    work: ManuallyDrop<K>,
}

/// The cancel token of a batch.
struct BatchToken<'a, P: Platform>(&'a BatchCore<P>, NonNull<BatchCore<P>>);

impl<P: Platform> Token for BatchToken<'_, P> {
    fn is_cancelled(&self) -> bool {
        // SAFETY: a chunk is running, so the batch is there.
        let by_handle = unsafe { (self.0.vtable.is_cancelled)(self.1) };
        by_handle || matches!(self.0.options.due::<P>(), Due::Now(_))
    }
}

const REFUSALS: [Refusal; 6] = [
    Refusal::Cancelled,
    Refusal::Terminated,
    Refusal::DeadlineExpired,
    Refusal::Broken,
    Refusal::Closed,
    Refusal::Full,
];

// `cut_why` holds a place of the table.
const _: () = {
    let mut place = 0;
    while place < REFUSALS.len() {
        assert!(REFUSALS[place] as usize == place);
        place += 1;
    }
};

impl<P: Platform> BatchCore<P> {
    fn new(
        vtable: &'static BatchVTable<P>,
        engine: &Engine<P>,
        len: usize,
        plan: Plan,
        options: Options,
        holds: usize,
        helpers: usize,
    ) -> Self {
        Self {
            vtable,
            engine: NonNull::from(engine),
            len,
            plan,
            options,
            claims: CachePadded(Claims {
                cursor: AtomicUsize::new(0),
                done: AtomicUsize::new(0),
                uninvited: AtomicUsize::new(helpers),
            }),
            cut_at: AtomicUsize::new(len),
            cut_why: AtomicUsize::new(0),
            out: Latch::new(holds, 0),
            in_use: AtomicUsize::new(0),
            tickets: core::array::from_fn(|_| Ticket::new()),
            failures: Failures::new(),
        }
    }

    fn engine(&self) -> &Engine<P> {
        // SAFETY: whoever works on a batch keeps its pool alive: workers, drainers, callers, visitors.
        unsafe { self.engine.as_ref() }
    }

    /// Why no further chunk may start.
    fn must_stop(&self, this: NonNull<Self>) -> Option<Refusal> {
        if let Some(why) = self.engine().life.refusal() {
            return Some(why);
        }
        // SAFETY: the batch is there.
        if unsafe { (self.vtable.is_cancelled)(this) } {
            return Some(Refusal::Cancelled);
        }
        match self.options.due::<P>() {
            Due::Now(why) => Some(why),
            Due::At(_) => None,
        }
    }

    fn note_cut(&self, at: usize, why: Refusal) {
        // Relaxed here and for the cursor: the count of tickets publishes everything at the end.
        self.cut_at.store(at, Ordering::Relaxed);
        self.cut_why.store(why as usize, Ordering::Relaxed);
    }

    /// Claims all that is left, not to run it. Tells where that began; `len` if nothing was left.
    ///
    /// Where each worker has a range of its own, the cursor only says whether further ranges may begin, and
    /// their workers skip them.
    fn cut(&self, why: Refusal) -> usize {
        let at = self.claims.cursor.swap(self.len, Ordering::Relaxed);
        if at < self.len && self.plan != Plan::Owned {
            self.note_cut(at, why);
            let _ = self.engine().life.close_batch();
        }
        at
    }

    /// Claims the next chunk.
    fn claim(&self, this: NonNull<Self>) -> Option<Range<usize>> {
        let mut at = self.claims.cursor.load(Ordering::Relaxed);
        if at >= self.len {
            return None;
        }
        if let Some(why) = self.must_stop(this) {
            self.cut(why);
            return None;
        }
        loop {
            let end = at + self.plan.next(self.len - at);
            match self.claims.cursor.compare_exchange_weak(
                at,
                end,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) if end < self.len => return Some(at..end),
                Ok(_) => {
                    return match self.engine().life.close_batch() {
                        None => Some(at..end),
                        Some(why) => {
                            self.note_cut(at, why);
                            None
                        }
                    };
                }
                Err(now) if now >= self.len => return None,
                Err(now) => at = now,
            }
        }
    }

    /// Works on chunks until there are none. `false` if the worker should be replaced first.
    ///
    /// # Safety
    ///
    /// The batch must be there: a ticket is out, or the caller waits.
    unsafe fn help(this: NonNull<Self>, frame: &Frame<'_, P>, may_hand_over: bool) -> bool {
        // SAFETY: the caller's promise.
        let core = unsafe { this.as_ref() };
        while let Some(range) = core.claim(this) {
            core.invite(this, 1);
            let (items, chunk) = (range.len(), range.clone());
            let began = frame.begin(items);
            // SAFETY: the chunk is ours.
            unsafe { (core.vtable.run)(this, range, frame) };
            frame.end(began, || (core.options.label(), Some(chunk)));
            core.count_done(items);
            if may_hand_over
                && frame.is_spent()
                && core.claims.cursor.load(Ordering::Relaxed) < core.len
            {
                return false;
            }
        }
        true
    }

    /// Notes that the share of a worker in a static batch will not be run.
    fn skip(&self, index: usize, why: Refusal) {
        let workers = self.engine().settings.workers;
        self.cut_why.store(why as usize, Ordering::Relaxed);
        self.failures.skip(self.len, workers, index);
    }

    fn count_done(&self, items: usize) {
        if self.vtable.counts {
            self.claims.done.fetch_add(items, Ordering::Relaxed);
        }
        if let Some(control) = &self.options.control {
            control.add_done(items);
        }
    }

    /// What became of the batch, when no ticket is out.
    fn ended(&self) -> Ended {
        let Summary { holes, panic } = self
            .failures
            .take::<P>(self.len, self.cut_at.load(Ordering::Relaxed));
        let why = REFUSALS.get(self.cut_why.load(Ordering::Relaxed)).copied();
        let error = match panic {
            Some((index, panic)) => {
                Some(JobError::Panicked(panic.at(index).named(self.options.name)))
            }
            None if holes.is_empty() => None,
            None => Some(why.unwrap_or(Refusal::Cancelled).into()),
        };
        Ended {
            len: self.len,
            holes,
            error,
        }
    }
}

impl<P: Platform, K: Work<P>> Batch<P, K> {
    const BLOCKING: BatchVTable<P> = BatchVTable {
        run: Self::run,
        is_cancelled: |_| false,
        counts: false,
        ended: |_| {},
    };

    /// # Safety
    ///
    /// `this` must be the core of such a batch, and the chunk claimed by the caller.
    unsafe fn run(this: NonNull<BatchCore<P>>, range: Range<usize>, frame: &Frame<'_, P>) {
        // SAFETY: the caller's promise.
        let batch = unsafe { this.cast::<Self>().as_ref() };
        let token = BatchToken(&batch.core, this);
        // SAFETY: the chunk is claimed.
        if let Err(fault) = unsafe { batch.work.run(range.clone(), frame, &token) } {
            if fault.is_none() {
                batch.core.cut(Refusal::Cancelled);
            }
            batch.core.failures.fail(range, fault);
        }
    }
}

/// Runs a batch and blocks until it has ended.
///
/// # Errors
///
/// How it ended, or why it was refused.
pub(crate) fn run<P: Platform, K: Work<P>>(
    engine: &Engine<P>,
    work: K,
    len: usize,
    schedule: Schedule,
    options: Options,
) -> Result<K::Output, JobError> {
    if let Some(why) = engine.life.closed_by() {
        return Err(work.refuse(why.into()));
    }
    if let Due::Now(why) = options.due::<P>() {
        return Err(work.refuse(why.into()));
    }
    Frame::find(engine.head(), |frame| match frame {
        Some(frame) if K::STATEFUL && frame.is_lent() => Err(work.refuse(JobError::StateLent)),
        Some(frame) => run_on(engine, work, len, schedule, options, Some(frame)),
        None if schedule == Schedule::Static && len > 0 => {
            everyone::run_static(engine, work, len, options)
        }
        None => engine.as_participant(None, |frame| {
            run_on(engine, work, len, schedule, options, frame)
        }),
    })
}

/// Runs a batch; the caller works on it if it has a frame.
fn run_on<P: Platform, K: Work<P>>(
    engine: &Engine<P>,
    work: K,
    len: usize,
    schedule: Schedule,
    options: Options,
    frame: Option<&Frame<'_, P>>,
) -> Result<K::Output, JobError> {
    let workers = engine.settings.workers;
    let plan = Plan::new(schedule, len, workers);
    let vtable = &Batch::<P, K>::BLOCKING;
    // A caller that works takes a chunk itself: of a single chunk nobody else need know.
    let helpers = plan
        .occupies(len, workers)
        .saturating_sub(usize::from(frame.is_some()));
    let batch = Batch {
        core: BatchCore::new(vtable, engine, len, plan, options, 0, helpers),
        work: ManuallyDrop::new(work),
    };
    if len > 0 {
        if let Err(why) = engine.life.open_batch() {
            return Err(ManuallyDrop::into_inner(batch.work).refuse(why.into()));
        }
        let this = NonNull::from(&batch).cast::<BatchCore<P>>();
        let core = &batch.core;
        if let Some(control) = &core.options.control {
            control.watch(crate::seats::unpark_everybody::<P>, len);
        }
        let guard = AbortOnUnwind;
        match frame {
            Some(frame) => {
                core.invite(this, TICKETS);
                // SAFETY: the batch stays here.
                unsafe { BatchCore::help(this, frame, false) };
            }
            None => {
                if let Err(why) = core.invite_patiently(this) {
                    core.cut(why);
                } else {
                    core.invite(this, TICKETS);
                }
            }
        }
        core.wait_for_tickets(frame.is_some());
        core::mem::forget(guard);
    }
    let ended = batch.core.ended();
    // SAFETY: no ticket is out, so every chunk has ended.
    unsafe { ManuallyDrop::into_inner(batch.work).conclude(ended) }
}

/// Drops values one by one, so that the panic of one destructor does not keep the next from being dropped.
pub(crate) fn drop_each<P: Platform, T>(mut items: impl Iterator<Item = T>) {
    let mut more = core::mem::needs_drop::<T>();
    while more {
        more = false;
        contain::<P>(|| {
            let item = items.next();
            more = item.is_some();
            drop(item);
        });
    }
    contain::<P>(move || drop(items));
}
