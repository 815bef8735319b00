//! Scopes: jobs that borrow from the stack of the thread that waits for them.

use core::ptr::NonNull;

use crate::engine::Engine;
use crate::error::JobError;
use crate::frame::Frame;
use crate::job::{Due, Extra, Holder, Job, JobWord};
use crate::latch::Latch;
use crate::platform::{Platform, contain};
use crate::result::wait_for;
use crate::seats::Look;
use crate::sync::{AtomicPtr, AtomicUsize, Ordering, UnsafeCell};
use crate::timeline::Label;

#[cfg(feature = "alloc")]
use crate::job::{Body, JobCell};
#[cfg(feature = "alloc")]
use crate::{result::AsyncResult, submit::submit};

/// A job's place in its scope.
pub(crate) struct ScopeLink<P: Platform> {
    scope: NonNull<ScopeCore<P>>,
    /// The how-manieth job of the scope it is.
    sequence: usize,
    /// Whether the job was listed when it was submitted.
    listed: bool,
    /// The job itself and the next of the list; written by whoever lists it.
    node: UnsafeCell<(Option<NonNull<Job<P>>>, *const ScopeLink<P>)>,
}

// SAFETY: `node` is written once, by the thread that lists the job, and read by the scope, which takes the
// list over with Acquire; the rest is constant.
unsafe impl<P: Platform> Sync for ScopeLink<P> {}
// SAFETY: as above.
unsafe impl<P: Platform> Send for ScopeLink<P> {}

/// A job's place in its scope, and what else it carries.
pub(crate) struct InScope<P: Platform, X> {
    pub(crate) link: ScopeLink<P>,
    pub(crate) inner: X,
}

impl<P: Platform, X: Extra<P>> Extra<P> for InScope<P, X> {
    fn due(&self) -> Due {
        self.inner.due()
    }

    fn label(&self) -> Label {
        self.inner.label()
    }

    fn scope(&self) -> Option<&ScopeLink<P>> {
        Some(&self.link)
    }
}

/// A scope that a job ends in. The job counts in it until `job_ended`.
#[derive(Clone, Copy)]
pub(crate) struct OpenScope<P: Platform>(NonNull<ScopeCore<P>>);

impl<P: Platform> OpenScope<P> {
    /// # Safety
    ///
    /// The job must still count in the scope; the scope may be gone afterwards.
    pub(crate) unsafe fn job_ended(self) {
        // SAFETY: the scope waits for the count.
        let open = unsafe { &raw const (*self.0.as_ptr()).open };
        // SAFETY: the job counts in it.
        unsafe { Latch::down_at::<P>(open) };
    }
}

impl<P: Platform> ScopeLink<P> {
    /// The runner of `job` is about to publish its value. A job that panicked is kept for the scope.
    pub(crate) fn job_ends(&self, job: NonNull<Job<P>>, panicked: bool) -> OpenScope<P> {
        if panicked && !self.listed {
            // SAFETY: the runner holds the job.
            unsafe { job.as_ref() }.word.keep_for_scope();
            // SAFETY: the job counts in the scope, which therefore lives.
            unsafe { self.scope.as_ref() }.list(self, job);
        }
        OpenScope(self.scope)
    }
}

/// The part of a scope that its jobs know.
pub(crate) struct ScopeCore<P: Platform> {
    /// Jobs that have not ended.
    open: Latch,
    submitted: AtomicUsize,
    /// Jobs that the scope holds: those that panicked and, if the scope belongs to a worker of the pool, all
    /// of them, for that worker has to find its own queued jobs when it waits (S41).
    list: AtomicPtr<ScopeLink<P>>,
    lists_all: bool,
    /// The job at which it looks next which of them have ended.
    prune_at: AtomicUsize,
    /// The frame of the thread that has opened the scope.
    owner: *const (),
}

// SAFETY: `owner` is only compared; the rest is shared by design.
unsafe impl<P: Platform> Sync for ScopeCore<P> {}
// SAFETY: as above.
unsafe impl<P: Platform> Send for ScopeCore<P> {}

/// Ends a scope, also when its body panics.
pub(crate) struct End<'a, P: Platform>(pub(crate) &'a ScopeCore<P>, pub(crate) &'a Engine<P>);

impl<P: Platform> End<'_, P> {
    /// # Errors
    ///
    /// The first panic that nobody has seen.
    pub(crate) fn end(&self) -> Result<(), JobError> {
        let Self(core, engine) = self;
        // A caller that takes part runs what is still queued, as a worker would.
        engine.as_participant(None, |_| core.finish(engine))
    }
}

impl<P: Platform> Drop for End<'_, P> {
    fn drop(&mut self) {
        let outcome = self.end();
        contain::<P>(move || drop(outcome));
    }
}

/// A scope that lists its jobs lets go of those that have ended after so many new ones, or as many as were left the last time if
/// that is more: then no job is looked at more than twice on average. A model meets it at the second job.
const PRUNE_AFTER: usize = if cfg!(ringpool_loom) { 2 } else { 64 };

impl<P: Platform> ScopeCore<P> {
    pub(crate) fn new(lists_all: bool) -> Self {
        Self {
            open: Latch::new(0, 0),
            submitted: AtomicUsize::new(0),
            list: AtomicPtr::new(core::ptr::null_mut()),
            lists_all,
            prune_at: AtomicUsize::new(PRUNE_AFTER - 1),
            owner: P::get(),
        }
    }

    /// The word of a job that is about to be submitted.
    pub(crate) fn new_word(&self) -> JobWord {
        if self.lists_all {
            JobWord::new_in_scope()
        } else {
            JobWord::new()
        }
    }

    pub(crate) fn lists_all(&self) -> bool {
        self.lists_all
    }

    /// A job is about to be submitted. `None` if the scope holds as many as it can count.
    pub(crate) fn job_begins(&self) -> Option<ScopeLink<P>> {
        self.open.up().then(|| ScopeLink {
            scope: NonNull::from(self),
            sequence: self.submitted.fetch_add(1, Ordering::Relaxed),
            listed: self.lists_all,
            node: UnsafeCell::new((None, core::ptr::null())),
        })
    }

    /// A job that was begun was refused after all.
    pub(crate) fn job_refused(&self) {
        self.open.down::<P>();
    }

    /// Puts a job that the scope holds into its list.
    pub(crate) fn list(&self, link: &ScopeLink<P>, job: NonNull<Job<P>>) {
        let mut head = self.list.load(Ordering::Relaxed);
        loop {
            // SAFETY: the link is not in the list yet, so only we know the node.
            link.node
                .with_mut(|node| unsafe { *node = (Some(job), head) });
            // Release: publishes the node to the Acquire of `take_list`.
            match self.list.compare_exchange_weak(
                head,
                core::ptr::from_ref(link).cast_mut(),
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }

    /// Takes the list over, oldest job first; tells whether there was any. `f` gets pointers, for it may free the
    /// job that they point into.
    fn take_list(&self, mut f: impl FnMut(NonNull<Job<P>>, NonNull<ScopeLink<P>>)) -> bool {
        // Acquire: pairs with the Release of each `list`.
        let mut rest: *const ScopeLink<P> =
            self.list.swap(core::ptr::null_mut(), Ordering::Acquire);
        // The list is a stack; turn it over first.
        let mut oldest: *const ScopeLink<P> = core::ptr::null();
        // SAFETY: the scope holds every job in its list, and their links with them.
        while let Some(link) = unsafe { rest.as_ref() } {
            // SAFETY: the list is ours now.
            let next = link
                .node
                .with_mut(|node| unsafe { core::mem::replace(&mut (*node).1, oldest) });
            oldest = rest;
            rest = next;
        }
        let any = !oldest.is_null();
        // SAFETY: as above; `f` may free the job, so the node is read before.
        while let Some(link) = unsafe { oldest.as_ref() } {
            // SAFETY: as above.
            let (job, next) = link.node.with(|node| unsafe { *node });
            let link = NonNull::from(link);
            oldest = next;
            if let Some(job) = job {
                f(job, link);
            }
        }
        any
    }

    /// Lets go of the jobs in the list that have ended well, so that a scope may submit without end; tells how many are
    /// left. Whoever calls it is about to submit, so the scope cannot end meanwhile.
    pub(crate) fn prune(&self) -> usize {
        let mut left = 0;
        self.take_list(|job, link| {
            // SAFETY: the scope holds the job.
            let now = unsafe { job.as_ref() }.word.look();
            if now.is_ready() && now.is_ok() {
                // SAFETY: the scope lets go of it for good.
                unsafe { Job::release(job, Holder::Scope) };
            } else {
                left += 1;
                // SAFETY: as above.
                self.list(unsafe { link.as_ref() }, job);
            }
        });
        left
    }

    /// Notes a job that was just accepted.
    pub(crate) fn job_accepted(&self, link: &ScopeLink<P>, job: NonNull<Job<P>>) {
        if !self.lists_all() {
            return;
        }
        let prune_at = self.prune_at.load(Ordering::Relaxed);
        // One at a time: the others see a job that never comes.
        if link.sequence >= prune_at
            && self
                .prune_at
                .compare_exchange(prune_at, usize::MAX, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        {
            let next = link.sequence.saturating_add(self.prune().max(PRUNE_AFTER));
            self.prune_at.store(next, Ordering::Relaxed);
        }
        self.list(link, job);
        // The scope's thread may be waiting already, and has to find this job. A thread without a frame
        // cannot be told from another.
        if self.owner.is_null() || P::get() != self.owner {
            self.open.nudge::<P>();
        }
    }

    /// Waits until every job has ended, running in place what is still queued if the thread is a worker of the
    /// pool. Then looks for the first panic that nobody has seen.
    ///
    /// It waits for no job before it has tried all: whoever waits for the oldest one first meets job after job that another
    /// worker has just begun, and runs none.
    ///
    /// # Errors
    ///
    /// That panic.
    pub(crate) fn finish(&self, engine: &Engine<P>) -> Result<(), JobError> {
        let mut first: Option<(usize, JobError)> = None;
        let mut note = |sequence, error| {
            let dropped = match &first {
                Some((lowest, _)) if *lowest < sequence => Some((sequence, error)),
                _ => first.replace((sequence, error)),
            };
            contain::<P>(move || drop(dropped));
        };
        // Jobs that others have begun, or that need the state which this thread has lent.
        let (mut others, mut may_hang): (*const ScopeLink<P>, _) = (core::ptr::null(), false);
        loop {
            // The count first: a job that panicked is listed before it stops to count.
            let all_ended = self.open.count() == 0;
            let any = self.take_list(|job, link| {
                may_hang |= !Self::help(engine, job);
                // SAFETY: the scope holds the job.
                if unsafe { job.as_ref() }.word.look().is_ready() {
                    // SAFETY: as above, and it lets go of the job here.
                    unsafe { Self::settle(job, link, &mut note) };
                    return;
                }
                // SAFETY: as above, and its link with it.
                let link = unsafe { link.as_ref() };
                // SAFETY: the link is in no list, so only we know the node.
                link.node
                    .with_mut(|node| unsafe { *node = (Some(job), others) });
                others = link;
            });
            if any {
                continue;
            }
            if !all_ended && (!may_hang || others.is_null()) {
                self.open.wait::<P>(|| {
                    if self.list.load(Ordering::Relaxed).is_null() {
                        Look::Park(None)
                    } else {
                        Look::GiveUp
                    }
                });
                continue;
            }
            // SAFETY: the scope holds the jobs of this list, too.
            let Some(link) = (unsafe { others.as_ref() }) else {
                return first.map_or(Ok(()), |(_, error)| Err(error));
            };
            // SAFETY: only we know the node.
            let (job, next) = link.node.with(|node| unsafe { *node });
            others = next;
            if let Some(job) = job {
                // SAFETY: the scope holds the job, and lets go of it here.
                unsafe { Self::settle(job, NonNull::from(link), &mut note) };
            }
        }
    }

    /// On a worker of the pool, runs a listed job here if it is still queued. `false` if it needs the state which the worker
    /// has lent: then its own deadline may be all that ends it.
    fn help(engine: &Engine<P>, job: NonNull<Job<P>>) -> bool {
        // SAFETY: the scope holds the job.
        let vtable = unsafe { job.as_ref() }.vtable();
        Frame::find(engine.head(), |frame| {
            let Some(frame) = frame else { return true };
            let may_run = !(vtable.stateful && frame.is_lent());
            if may_run {
                // SAFETY: the scope holds the job, and the frame belongs to its pool.
                unsafe { (vtable.help)(job, frame) };
            }
            may_run
        })
    }

    /// Waits for a listed job and lets go of it. Notes its panic if its handle was dropped without asking.
    ///
    /// # Safety
    ///
    /// The scope must hold the job, whose link it is.
    unsafe fn settle(
        job: NonNull<Job<P>>,
        link: NonNull<ScopeLink<P>>,
        note: &mut impl FnMut(usize, JobError),
    ) {
        // SAFETY: the caller's promise.
        unsafe { wait_for(job, None) };
        // SAFETY: as above.
        let header = unsafe { job.as_ref() };
        let now = header.word.look();
        if !(now.has_handle() || now.is_taken() || now.is_ok()) {
            let take_error = header.vtable().take_error;
            // SAFETY: the handle is gone and has not taken the value, so it is the scope's.
            let error = unsafe { take_error(job) };
            header.word.mark_taken();
            if let Some(error @ JobError::Panicked(_)) = error {
                // SAFETY: as above.
                note(unsafe { link.as_ref() }.sequence, error);
            }
        }
        // SAFETY: as above.
        unsafe { Job::release(job, Holder::Scope) };
    }
}

/// Queues a job that counts in a scope, and gives its handle, or hands the body back.
#[cfg(feature = "alloc")]
pub(crate) fn submit_in<P: Platform, B: Body<P>, X: Extra<P>>(
    scope: &ScopeCore<P>,
    engine: &Engine<P>,
    body: B,
    inner: X,
    wait: bool,
) -> Result<AsyncResult<B::Value, P>, (JobError, B)> {
    let Some(link) = scope.job_begins() else {
        return Err((JobError::Full, body));
    };
    let cell = JobCell::boxed(engine, scope.new_word(), body, InScope { link, inner });
    // SAFETY: the block stays valid until its last holder frees it, and we hold it as its handle.
    match unsafe { submit(engine, cell, wait) } {
        Ok(()) => {
            // SAFETY: the handle holds the job.
            let link = unsafe { &cell.as_ref().extra().link };
            scope.job_accepted(link, JobCell::job(cell));
            // SAFETY: the job was born with a handle bit, and this is its handle.
            Ok(unsafe { AsyncResult::new(JobCell::job(cell)) })
        }
        Err(error) => {
            // SAFETY: it was not accepted, so nobody else knows it.
            let (body, _) = unsafe { JobCell::unbox(cell) };
            scope.job_refused();
            Err((error, body))
        }
    }
}
