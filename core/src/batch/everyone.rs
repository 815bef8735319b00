//! Batches whose parts belong to given workers: `broadcast`, and `Schedule::Static` for outer calls.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;
use core::mem::{ManuallyDrop, MaybeUninit};
use core::ptr::NonNull;

use super::work::Work;
use super::{Batch, BatchCore, Plan, static_range};
use crate::engine::Engine;
use crate::error::{JobError, Refusal};
use crate::frame::{Frame, Token};
use crate::job::{Due, Options, caught};
use crate::panic::Panic;
use crate::platform::{Platform, contain};
use crate::region::Region;
use crate::submit::AbortOnUnwind;
use crate::sync::{Ordering, UnsafeCell};
use crate::worker::Worker;

/// Shares a region out to every worker and blocks until all have visited it.
///
/// # Safety
///
/// As for `RegionGate::pass`.
unsafe fn share<P: Platform>(
    engine: &Engine<P>,
    region: NonNull<Region<P>>,
    options: &Options,
) -> Result<(), Refusal> {
    if let Some(control) = &options.control {
        control.watch(crate::seats::unpark_everybody::<P>, 0);
    }
    let guard = AbortOnUnwind;
    let passed = engine.as_participant(Some(&|| options.due::<P>()), |frame| {
        let meanwhile = || {
            if let Some(frame) = frame {
                engine
                    .regions
                    .visit(frame.slot(), frame.index, &engine.life, Ok(frame));
                // SAFETY: the region is valid, as we were promised.
                let region = unsafe { region.as_ref() };
                let is_due = || matches!(options.due::<P>(), Due::Now(_));
                engine.await_others(|| region.is_over() || is_due());
            }
        };
        // SAFETY: passed on.
        unsafe {
            engine
                .regions
                .pass(region, engine, || options.due::<P>(), meanwhile)
        }
    });
    core::mem::forget(guard);
    passed
}

/// A static batch and its region.
#[repr(C)]
struct StaticRegion<'a, P: Platform, K: Work<P>> {
    region: Region<P>,
    batch: &'a Batch<P, K>,
}

/// Runs a batch whose ranges belong to given workers.
pub(super) fn run_static<P: Platform, K: Work<P>>(
    engine: &Engine<P>,
    work: K,
    len: usize,
    options: Options,
) -> Result<K::Output, JobError> {
    let workers = engine.settings.workers;
    if let Some(control) = &options.control {
        control.watch(crate::seats::unpark_everybody::<P>, len);
    }
    let (vtable, plan) = (&Batch::<P, K>::BLOCKING, Plan::Owned);
    let batch = Batch {
        core: BatchCore::new(vtable, engine, len, plan, options, 0, 0),
        work: ManuallyDrop::new(work),
    };
    let shared = StaticRegion {
        region: Region::new(
            workers,
            StaticRegion::<P, K>::work,
            StaticRegion::<P, K>::skip,
        ),
        batch: &batch,
    };
    // A pointer to the whole, which `work` and `skip` expect behind the region.
    let region = NonNull::from(&shared).cast::<Region<P>>();
    // SAFETY: the pointer was made from the whole.
    if let Err(why) = unsafe { share(engine, region, &batch.core.options) } {
        return Err(ManuallyDrop::into_inner(batch.work).refuse(why.into()));
    }
    let ended = batch.core.ended();
    // SAFETY: every worker has visited the region: each range was run, or noted as skipped.
    unsafe { ManuallyDrop::into_inner(batch.work).conclude(ended) }
}

impl<P: Platform, K: Work<P>> StaticRegion<'_, P, K> {
    /// Works on the range of the frame's worker.
    ///
    /// # Safety
    ///
    /// As for `Region::work`.
    unsafe fn work(region: NonNull<Region<P>>, frame: &Frame<'_, P>) {
        // SAFETY: `run_static` made the pointer from the whole, which waits for every visit.
        let shared = unsafe { region.cast::<Self>().as_ref() };
        let core = &shared.batch.core;
        let this = NonNull::from(shared.batch).cast::<BatchCore<P>>();
        let range = static_range(core.len, frame.engine.settings.workers, frame.index);
        let began = frame.begin(range.len());
        if range.is_empty() {
            return;
        }
        // Relaxed: to begin a range a moment too late is allowed, and the region publishes everything at its end.
        let was_cut = core.claims.cursor.load(Ordering::Relaxed) == core.len;
        let stop = was_cut.then_some(Refusal::Cancelled);
        if let Some(why) = core.must_stop(this).or(stop) {
            core.skip(frame.index, why);
            return;
        }
        let (items, share) = (range.len(), range.clone());
        // SAFETY: the range belongs to this worker, which visits once.
        unsafe { (core.vtable.run)(this, range, frame) };
        frame.end(began, || (core.options.label(), Some(share)));
        core.count_done(items);
    }

    /// # Safety
    ///
    /// As for `Region::skip`.
    unsafe fn skip(region: NonNull<Region<P>>, index: usize, why: Refusal) {
        // SAFETY: as in `work`.
        let shared = unsafe { region.cast::<Self>().as_ref() };
        let core = &shared.batch.core;
        core.skip(index, why);
    }
}

/// What a worker of a broadcast leaves behind.
pub(crate) struct Left<R>(UnsafeCell<MaybeUninit<Result<R, JobError>>>);

impl<R> Left<R> {
    /// A place that no worker has written yet.
    pub(crate) fn nothing() -> Self {
        Self(UnsafeCell::new(MaybeUninit::uninit()))
    }

    fn is_err(&self) -> bool {
        self.0.with(|place| {
            // SAFETY: asked when every worker has written its place.
            let written = unsafe { &*place.cast::<Result<R, JobError>>() };
            written.is_err()
        })
    }

    /// # Safety
    ///
    /// Every worker must have written its place, and each is taken once.
    unsafe fn take(&self) -> Result<R, JobError> {
        // SAFETY: the caller's promise.
        self.0
            .with(|place| unsafe { place.cast::<Result<R, JobError>>().read() })
    }

    /// The value that a broadcast without an error has left here.
    ///
    /// # Safety
    ///
    /// [`broadcast`] must have said `Ok` of this place, from which nothing was taken.
    pub(crate) unsafe fn into_value(self) -> R {
        // SAFETY: the caller's promise.
        match unsafe { self.take() } {
            Ok(value) => value,
            Err(_) => unreachable!("the broadcast ended without an error"),
        }
    }
}

/// A broadcast and its region.
#[repr(C)]
struct Broadcast<'a, P: Platform, W, F, R> {
    region: Region<P>,
    f: &'a F,
    options: &'a Options,
    left: &'a [Left<R>],
    state: core::marker::PhantomData<fn(&mut W)>,
}

/// The cancel token of a broadcast: that of its call.
struct CallToken<'a, P: Platform>(&'a Options, core::marker::PhantomData<P>);

impl<P: Platform> Token for CallToken<'_, P> {
    fn is_cancelled(&self) -> bool {
        matches!(self.0.due::<P>(), Due::Now(_))
    }
}

impl<P, W, F, R> Broadcast<'_, P, W, F, R>
where
    P: Platform,
    F: Fn(&mut Worker<'_, P, W>) -> R,
{
    fn leave(&self, index: usize, result: Result<R, JobError>) {
        // SAFETY: each worker visits once and writes its own place; the caller reads after all visits.
        self.left[index]
            .0
            .with_mut(|place| unsafe { (*place).write(result) });
    }

    /// # Safety
    ///
    /// As for `Region::work`, on a pool with state `W`.
    unsafe fn work(region: NonNull<Region<P>>, frame: &Frame<'_, P>) {
        // SAFETY: `broadcast` made the pointer from the whole, which waits for every visit.
        let shared = unsafe { region.cast::<Self>().as_ref() };
        let began = frame.begin(1);
        if let Due::Now(why) = shared.options.due::<P>() {
            shared.leave(frame.index, Err(why.into()));
            return;
        }
        let token = CallToken::<P>(shared.options, core::marker::PhantomData);
        // SAFETY: the pool has this state, and between jobs it is not lent.
        let result = caught::<P, _>(|| unsafe { frame.lend(&token, shared.f) });
        frame.end(began, || (shared.options.label(), None));
        shared.leave(frame.index, result);
    }

    /// # Safety
    ///
    /// As for `Region::skip`.
    unsafe fn skip(region: NonNull<Region<P>>, index: usize, why: Refusal) {
        // SAFETY: as in `work`.
        let shared = unsafe { region.cast::<Self>().as_ref() };
        shared.leave(index, Err(why.into()));
    }
}

/// Runs `f` once on every worker, each of which leaves what it returned in its place of `left` (S43).
///
/// # Errors
///
/// The panic of the lowest worker; otherwise why a worker did not take part. Nothing is left behind then.
///
/// # Safety
///
/// The pool's state must be `W`.
pub(crate) unsafe fn broadcast<P, W, F, R>(
    engine: &Engine<P>,
    f: F,
    options: &Options,
    left: &[Left<R>],
) -> Result<(), JobError>
where
    P: Platform,
    F: Fn(&mut Worker<'_, P, W>) -> R,
{
    debug_assert_eq!(left.len(), engine.settings.workers);
    if Frame::<P>::is_worker_of(engine.head()) {
        contain::<P>(move || drop(f));
        return Err(JobError::FromWorker);
    }
    let shared = Broadcast::<P, W, F, R> {
        region: Region::new(
            engine.settings.workers,
            Broadcast::<P, W, F, R>::work,
            Broadcast::<P, W, F, R>::skip,
        ),
        f: &f,
        options,
        left,
        state: core::marker::PhantomData,
    };
    let region = NonNull::from(&shared).cast::<Region<P>>();
    // SAFETY: the pointer was made from the whole.
    let passed = unsafe { share(engine, region, options) };
    let result = match passed {
        Err(why) => Err(why.into()),
        Ok(()) if left.iter().any(Left::is_err) => Err(gather_errors::<P, R>(left, options.name)),
        Ok(()) => Ok(()),
    };
    contain::<P>(move || drop(f));
    result
}

/// As [`broadcast`], with what each worker returned in a vector, by index.
///
/// # Errors
///
/// As there.
///
/// # Safety
///
/// As there.
#[cfg(feature = "alloc")]
pub(crate) unsafe fn broadcast_to_vec<P, W, F, R>(
    engine: &Engine<P>,
    f: F,
    options: &Options,
) -> Result<Vec<R>, JobError>
where
    P: Platform,
    F: Fn(&mut Worker<'_, P, W>) -> R,
{
    let workers = 0..engine.settings.workers;
    let left: Vec<Left<R>> = workers.map(|_| Left::nothing()).collect();
    // SAFETY: passed on.
    unsafe { broadcast(engine, f, options, &left) }?;
    // SAFETY: the broadcast has ended without an error.
    let value = |place: Left<R>| unsafe { place.into_value() };
    Ok(left.into_iter().map(value).collect())
}

/// The error of a broadcast in which a worker has failed, when all have written their places.
#[cold]
fn gather_errors<P: Platform, R>(left: &[Left<R>], name: Option<&'static str>) -> JobError {
    let mut first: Option<JobError> = None;
    for (index, place) in left.iter().enumerate() {
        // SAFETY: every worker has visited, and so written its place.
        match unsafe { place.take() } {
            Ok(value) => contain::<P>(move || drop(value)),
            Err(error) => {
                let error = at_worker(error, index, name);
                let sooner = match &first {
                    None => true,
                    Some(JobError::Panicked(_)) => false,
                    Some(_) => matches!(error, JobError::Panicked(_)),
                };
                let dropped = if sooner {
                    first.replace(error)
                } else {
                    Some(error)
                };
                contain::<P>(move || drop(dropped));
            }
        }
    }
    first.unwrap_or(JobError::Cancelled)
}

fn at_worker(error: JobError, index: usize, name: Option<&'static str>) -> JobError {
    match error {
        JobError::Panicked(panic) => JobError::Panicked(Panic::at(panic, index).named(name)),
        other => other,
    }
}
