//! How single jobs reach a worker: queued with a handle, or run while the caller waits.

use core::ptr::NonNull;

use crate::engine::Engine;
use crate::error::JobError;
use crate::frame::{Frame, Token};
use crate::job::{Body, Due, Extra, Job, JobCell, JobWord, Options};
use crate::platform::{Platform, contain};
use crate::result::wait_for;

/// Queues a heap or stack job. With `wait` a full queue is waited for; on a worker of the same pool, where
/// waiting could deadlock, the job is run at once instead (S13).
///
/// # Errors
///
/// Why it was refused. The job still holds its body.
///
/// # Safety
///
/// The job must hold its body and stay valid until it is ready.
pub(crate) unsafe fn submit<P: Platform, B: Body<P>, X: Extra<P>>(
    engine: &Engine<P>,
    cell: NonNull<JobCell<P, B, X>>,
    wait: bool,
) -> Result<(), JobError> {
    let entry = JobCell::entry(cell);
    match engine.offer(entry) {
        Ok(()) => return Ok(()),
        Err(crate::error::Refusal::Full) if wait && !engine.settings.in_place => {}
        Err(why) => return Err(why.into()),
    }
    Frame::find(engine.head(), |frame| match frame {
        Some(frame) if B::STATEFUL && frame.is_lent() => Err(JobError::StateLent),
        Some(frame) => {
            // SAFETY: the entry was never queued.
            unsafe { frame.execute(entry) };
            Ok(())
        }
        None => {
            // SAFETY: the job is valid while it is not accepted.
            let extra = unsafe { cell.as_ref() }.extra();
            engine
                .offer_patiently(entry, || extra.due())
                .map_err(Into::into)
        }
    })
}

/// The cancel token of a job that its caller runs itself.
struct OptionsToken<'a>(&'a Options, fn(&Options) -> Due);

impl Token for OptionsToken<'_> {
    fn is_cancelled(&self) -> bool {
        matches!((self.1)(self.0), Due::Now(_))
    }
}

/// Ends the process when ringpool's own code panics where others depend on this thread: a worker may be using
/// its stack, or be counting on it. A message beats a hang.
pub(crate) struct AbortOnUnwind;

impl Drop for AbortOnUnwind {
    fn drop(&mut self) {
        // Dropped only while unwinding, so this second panic aborts.
        panic!("ringpool has a fault: it panicked where other threads depend on this one");
    }
}

/// Runs a body on a worker and blocks until it has ended (S9).
///
/// # Errors
///
/// How it ended, or why it was refused.
// As a call it costs 25 instructions on x86-64, for its arguments are large (`apply-nested` of benches/INSTRUCTIONS.md).
#[inline]
pub(crate) fn apply<P: Platform, B: Body<P>>(
    engine: &Engine<P>,
    body: B,
    options: Options,
) -> Result<B::Value, JobError> {
    if let Some(why) = engine.life.closed_by() {
        contain::<P>(move || drop(body));
        return Err(why.into());
    }
    Frame::find(engine.head(), |frame| match frame {
        Some(frame) => apply_here(frame, body, &options),
        None => engine.as_participant(None, |frame| match frame {
            Some(frame) => apply_here(frame, body, &options),
            None => apply_elsewhere(engine, body, options),
        }),
    })
}

/// Runs a body as this worker.
///
/// # Errors
///
/// How it ended, or why it was refused.
pub(crate) fn apply_here<P: Platform, B: Body<P>>(
    frame: &Frame<'_, P>,
    body: B,
    options: &Options,
) -> Result<B::Value, JobError> {
    if B::STATEFUL && frame.is_lent() {
        contain::<P>(move || drop(body));
        return Err(JobError::StateLent);
    }
    match options.due::<P>() {
        Due::Now(why) => body.refuse(why),
        Due::At(_) => {
            let began = frame.begin(1);
            let result = body.run(frame, &OptionsToken(options, Options::due::<P>));
            frame.end(began, || (options.label(), None));
            result
        }
    }
}

fn apply_elsewhere<P: Platform, B: Body<P>>(
    engine: &Engine<P>,
    body: B,
    options: Options,
) -> Result<B::Value, JobError> {
    if let Some(control) = &options.control {
        control.watch(crate::seats::unpark_everybody::<P>, 1);
    }
    let cell = JobCell::on_stack(engine, body, options);
    let guard = AbortOnUnwind;
    let outcome = {
        let pointer = NonNull::from(&cell);
        // SAFETY: the cell stays here until the job is ready.
        match unsafe { submit(engine, pointer, true) } {
            Ok(()) => {
                // SAFETY: the caller holds the job as its handle would.
                unsafe { wait_for(JobCell::job(pointer), None) };
                // SAFETY: it is ready, and nobody else takes the value.
                Ok(unsafe { cell.take_value() })
            }
            // SAFETY: it was not accepted.
            Err(error) => Err((error, unsafe { cell.take_body() })),
        }
    };
    core::mem::forget(guard);
    match outcome {
        Ok(result) => {
            if let Some(control) = &cell.extra().control {
                control.add_done(1);
            }
            result
        }
        Err((error, body)) => {
            contain::<P>(move || drop(body));
            Err(error)
        }
    }
}

/// Queues a job with a handle, or hands everything back.
#[cfg(feature = "alloc")]
pub(crate) fn apply_async<P: Platform, B: Body<P>, X: Extra<P>>(
    engine: &Engine<P>,
    body: B,
    extra: X,
    wait: bool,
) -> Result<crate::result::AsyncResult<B::Value, P>, (JobError, B)> {
    let cell = JobCell::boxed(engine, JobWord::new(), body, extra);
    // SAFETY: the block stays valid until its last holder frees it, and we hold it as its handle.
    match unsafe { submit(engine, cell, wait) } {
        // SAFETY: the job was born with a handle bit, and this is its handle.
        Ok(()) => Ok(unsafe { crate::result::AsyncResult::new(JobCell::job(cell)) }),
        Err(error) => {
            // SAFETY: it was not accepted, so nobody else knows it.
            let (body, _) = unsafe { JobCell::unbox(cell) };
            Err((error, body))
        }
    }
}

/// Queues a job with a handle in a block of the pool, or hands everything back. Never waits for room. `accepted`
/// is told of the job when it is queued.
///
/// # Safety
///
/// The engine must have blocks with room for `BYTES` bytes. What body and value borrow must be there until the
/// job has ended and its value is dropped.
pub(crate) unsafe fn apply_in_block<P: Platform, B: Body<P>, X: Extra<P>, const BYTES: usize>(
    engine: &'static Engine<P>,
    word: JobWord,
    body: B,
    extra: X,
    accepted: impl FnOnce(&X, NonNull<Job<P>>),
) -> Result<crate::result::AsyncResult<B::Value, P>, (JobError, B)> {
    let block = match engine.take_block() {
        Ok(block) => block,
        Err(why) => return Err((why.into(), body)),
    };
    // SAFETY: the block was just taken, and the rest is passed on.
    let cell = unsafe { JobCell::in_block::<BYTES>(engine, block, word, body, extra) };
    // SAFETY: the block is the job's until its last holder frees it, and we hold it as its handle.
    match unsafe { submit(engine, cell, false) } {
        Ok(()) => {
            let job = JobCell::job(cell);
            // SAFETY: the handle holds the job.
            accepted(unsafe { cell.as_ref() }.extra(), job);
            // SAFETY: the job was born with a handle bit, and this is its handle.
            Ok(unsafe { crate::result::AsyncResult::new(job) })
        }
        // SAFETY: it was not accepted, so nobody else knows it.
        Err(error) => Err((error, unsafe { JobCell::out_of_block(cell, engine) })),
    }
}
