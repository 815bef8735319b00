//! The handle of a detached or scoped job.

use core::future::Future;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::pin::Pin;
use core::ptr::NonNull;
use core::task::{Context, Poll};
use core::time::Duration;

use crate::error::{GetError, JobError, Refusal};
use crate::frame::Frame;
use crate::job::{Due, Holder, Job};
use crate::platform::{Platform, Timed};
use crate::seats::Look;
use crate::stats::Progress;
use crate::time::Instant;

/// What [`AsyncResult::cancel`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CancelOutcome {
    /// The job never ran: it is resolved as [`JobError::Cancelled`], and its captures are dropped.
    NeverRan,
    /// The job is running: its cancel token is set, and it goes on.
    StillRuns,
    /// The job had ended before.
    AlreadyDone,
}

/// The result of a job or batch that runs in the background: one word.
///
/// It can be asked, waited for, awaited, cancelled, or dropped, which detaches the job: it still runs. In a
/// job of the same pool every wait runs the awaited job in place if it is still queued, so nested waits
/// finish on a pool of one worker.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let pool = ringpool_core::Pool::<ringpool_std::Std>::new()?;
/// let answer = pool.apply_async(|| 6 * 7)?;
/// assert_eq!(answer.get()?, 42);
/// # Ok(()) }
/// ```
pub struct AsyncResult<T, P: Platform> {
    job: NonNull<Job<P>>,
    value: PhantomData<T>,
}

// SAFETY: the handle takes the value out on whichever thread it is on, hence `T: Send`; everything else in
// the job is reached through atomics, or belongs to the runner.
unsafe impl<T: Send, P: Platform> Send for AsyncResult<T, P> {}
// SAFETY: shared handles wait, ask and cancel, all through atomics; only `&mut` and by-value methods reach
// the value and the waker.
unsafe impl<T: Send, P: Platform> Sync for AsyncResult<T, P> {}
impl<T, P: Platform> Unpin for AsyncResult<T, P> {}
impl<T, P: Platform> core::panic::UnwindSafe for AsyncResult<T, P> {}
impl<T, P: Platform> core::panic::RefUnwindSafe for AsyncResult<T, P> {}

impl<T, P: Platform> core::fmt::Debug for AsyncResult<T, P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("AsyncResult")
            .field("job", &self.header().word)
            .finish()
    }
}

/// Blocks until a job is ready, or until `until`; tells whether it is ready.
///
/// On a worker of the job's pool it first runs what is still queued of the job (S41). At the job's own
/// deadline, or when its control cancels it, it resolves the queued job itself (S50).
///
/// # Safety
///
/// The caller must hold the job.
pub(crate) unsafe fn wait_for<P: Platform>(job: NonNull<Job<P>>, until: Option<Instant>) -> bool {
    // SAFETY: the caller's promise.
    let header = unsafe { job.as_ref() };
    if header.word.look().is_ready() {
        return true;
    }
    let is_over = || until.is_some_and(|at| P::now().is_some_and(|now| now >= at));
    if is_over() {
        return false;
    }
    let vtable = header.vtable();
    Frame::find(header.pool, |frame| {
        if let Some(frame) = frame
            && !(vtable.stateful && frame.is_lent())
        {
            // SAFETY: we hold the job, and the frame belongs to its pool.
            unsafe { (vtable.help)(job, frame) };
        }
    });
    let mut may_withdraw = true;
    header.word.wait::<P>(|| {
        let mut deadline = until;
        if may_withdraw {
            // SAFETY: we hold the job.
            match unsafe { (vtable.due)(job) } {
                Due::Now(why) => {
                    may_withdraw = false;
                    // SAFETY: we hold the job.
                    unsafe { (vtable.withdraw)(job, why) };
                    // Not ready: it runs, and its value counts, or a worker is just resolving it.
                    if header.word.look().is_ready() {
                        return Look::Done;
                    }
                }
                Due::At(due) => deadline = [until, due].into_iter().flatten().min(),
            }
        }
        if is_over() {
            Look::GiveUp
        } else {
            Look::Park(deadline)
        }
    })
}

impl<T, P: Platform> AsyncResult<T, P> {
    /// # Safety
    ///
    /// `job` must have value type `T` and a handle bit that nobody else uses.
    pub(crate) unsafe fn new(job: NonNull<Job<P>>) -> Self {
        Self {
            job,
            value: PhantomData,
        }
    }

    fn header(&self) -> &Job<P> {
        // SAFETY: the handle holds the job.
        unsafe { self.job.as_ref() }
    }

    /// Whether waiting here could wait for this very thread: a stateful job of the same pool while the
    /// worker's state is lent.
    pub(crate) fn needs_lent_state(&self) -> bool {
        self.header().vtable().stateful
            && Frame::<P>::find(self.header().pool, |frame| {
                frame.is_some_and(Frame::is_lent)
            })
    }

    /// Blocks until the job has ended, at most until `until`; tells whether it has. A job that needs the
    /// state which this thread has lent counts as ended: `get` says why.
    pub(crate) fn wait_until(&self, until: Option<Instant>) -> bool {
        // SAFETY: the handle holds the job.
        self.ready() || self.needs_lent_state() || unsafe { wait_for(self.job, until) }
    }

    /// On a worker of the job's pool, runs the job here if it is still queued. Tells whether it has ended.
    pub(crate) fn help(&self) -> bool {
        let header = self.header();
        Frame::find(header.pool, |frame| {
            if let Some(frame) = frame {
                let help = header.vtable().help;
                // SAFETY: the handle holds the job, and the frame belongs to its pool.
                unsafe { help(self.job, frame) };
            }
        });
        self.ready()
    }

    /// Resolves the job with the refusal if it is still queued.
    pub(crate) fn withdraw(&self, why: Refusal) {
        let withdraw = self.header().vtable().withdraw;
        // SAFETY: the handle holds the job.
        unsafe { withdraw(self.job, why) };
    }

    /// Moves the value out of a job that is ready.
    fn take(&mut self) -> Result<T, JobError> {
        let job = self.header();
        debug_assert!(job.word.look().is_ready());
        if job.word.look().is_taken() {
            return Err(JobError::Taken);
        }
        let mut value = MaybeUninit::<Result<T, JobError>>::uninit();
        let take = job.vtable().take;
        // SAFETY: the job is ready, its value is there, and it has this type.
        unsafe { take(self.job, NonNull::from(&mut value).cast()) };
        job.word.mark_taken();
        // SAFETY: `take` has written it.
        unsafe { value.assume_init() }
    }

    /// Blocks until the job has ended and takes its value.
    ///
    /// # Errors
    ///
    /// How the job ended, or [`JobError::Taken`] if the value was taken before, or
    /// [`JobError::StateLent`] in a job that has borrowed the state which the awaited job needs; the awaited job
    /// is detached then, as by `drop`. `get_timeout` keeps the handle.
    pub fn get(mut self) -> Result<T, JobError> {
        if !self.ready() && self.needs_lent_state() {
            return Err(JobError::StateLent);
        }
        // SAFETY: the handle holds the job.
        unsafe { wait_for(self.job, None) };
        self.take()
    }

    /// Blocks until the job has ended, and leaves its value.
    ///
    /// # Panics
    ///
    /// In a job that has borrowed the worker state which the awaited job needs, as a second
    /// `RefCell::borrow_mut` does.
    pub fn wait(&self) {
        assert!(
            self.ready() || !self.needs_lent_state(),
            "the worker's state is lent to the job that waits here; call through its `Worker`"
        );
        // SAFETY: the handle holds the job.
        unsafe { wait_for(self.job, None) };
    }

    /// Whether the job has ended.
    pub fn ready(&self) -> bool {
        self.header().word.look().is_ready()
    }

    /// Whether the job has ended with a value; `None` while it has not ended.
    pub fn successful(&self) -> Option<bool> {
        let now = self.header().word.look();
        now.is_ready().then(|| now.is_ok())
    }

    /// Cancels the job: one that is queued never runs, and its captures are dropped here and now; one that
    /// runs sees its cancel token and goes on. Lock-free but for destructors and callbacks.
    pub fn cancel(&self) -> CancelOutcome {
        let job = self.header();
        if job.word.request_cancel().is_ready() {
            return CancelOutcome::AlreadyDone;
        }
        let withdraw = job.vtable().withdraw;
        // SAFETY: the handle holds the job.
        if unsafe { withdraw(self.job, Refusal::Cancelled) } {
            CancelOutcome::NeverRan
        } else if self.ready() {
            CancelOutcome::AlreadyDone
        } else {
            CancelOutcome::StillRuns
        }
    }

    /// How many items are done, out of how many; a single job is one item.
    pub fn progress(&self) -> Progress {
        let progress = self.header().vtable().progress;
        // SAFETY: the handle holds the job.
        unsafe { progress(self.job) }
    }
}

impl<T, P: Timed> AsyncResult<T, P> {
    fn until(timeout: Duration) -> Option<Instant> {
        P::now().map(|now| now.saturating_add(timeout))
    }

    /// Blocks until the job has ended, at most for `timeout`, and takes its value. Zero only looks.
    ///
    /// On a worker of the job's pool it may run the job in place and overrun by it.
    ///
    /// # Errors
    ///
    /// [`GetError::TimedOut`], and the handle stays usable; otherwise as [`get`](Self::get).
    pub fn get_timeout(&mut self, timeout: Duration) -> Result<T, GetError> {
        if !self.ready() {
            if self.needs_lent_state() {
                return Err(JobError::StateLent.into());
            }
            // SAFETY: the handle holds the job.
            if timeout.is_zero() || !unsafe { wait_for(self.job, Self::until(timeout)) } {
                return Err(GetError::TimedOut);
            }
        }
        Ok(self.take()?)
    }

    /// Blocks until the job has ended, at most for `timeout`; tells whether it has. Zero only looks.
    ///
    /// # Panics
    ///
    /// As [`wait`](Self::wait).
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        if self.ready() {
            return true;
        }
        assert!(
            !self.needs_lent_state(),
            "the worker's state is lent to the job that waits here; call through its `Worker`"
        );
        // SAFETY: the handle holds the job.
        !timeout.is_zero() && unsafe { wait_for(self.job, Self::until(timeout)) }
    }
}

/// Dropping the handle detaches the job; dropping a pending future does not cancel it.
impl<T, P: Platform> Drop for AsyncResult<T, P> {
    fn drop(&mut self) {
        // SAFETY: the handle is the holder, and this is its end.
        unsafe { Job::release(self.job, Holder::Handle) };
    }
}

/// Awaiting takes the value, on any executor. Polled in a job of the same pool, it runs a queued job there.
impl<T, P: Platform> Future for AsyncResult<T, P> {
    type Output = Result<T, JobError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if !self.ready() {
            if self.needs_lent_state() {
                return Poll::Ready(Err(JobError::StateLent));
            }
            let header = self.header();
            let (pool, help) = (header.pool, header.vtable().help);
            Frame::find(pool, |frame| {
                if let Some(frame) = frame {
                    // SAFETY: the handle holds the job, and the frame belongs to its pool.
                    unsafe { help(self.job, frame) };
                }
            });
            // SAFETY: the handle is borrowed mutably.
            if unsafe { self.header().park_waker(cx.waker()) } {
                return Poll::Pending;
            }
        }
        Poll::Ready(self.take())
    }
}
