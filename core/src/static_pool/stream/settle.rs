//! How the jobs of a stream end that must not outlive a call.

use super::{StaticIMap, Step, TimedOut};
use crate::error::JobError;
use crate::platform::{Platform, contain};
use crate::result::AsyncResult;
use crate::submit::AbortOnUnwind;

impl<I, F, R, P, const SLOTS: usize, const BYTES: usize> StaticIMap<I, F, R, P, SLOTS, BYTES>
where
    I: Iterator,
    P: Platform,
{
    /// Gives every result to `each`, with the index of its item, and tells how many there were.
    ///
    /// # Errors
    ///
    /// What kept an item from being submitted while nothing was under way.
    pub(crate) fn drain(
        mut self,
        mut each: impl FnMut(usize, Result<R, JobError>),
    ) -> Result<usize, JobError> {
        let ending = Settling(&mut self);
        loop {
            match ending.0.advance(None) {
                Ok(Step::Item(index, result)) => each(index, result),
                Ok(Step::Refused(error)) => return Err(error),
                Ok(Step::End) | Err(TimedOut) => return Ok(ending.0.yielded),
            }
        }
    }
}

/// Waits for what was begun when user code panics that the consumer runs, so that the panic leaves nothing
/// running (S28).
pub(super) struct SettleOnUnwind<'a, R, P: Platform>(
    pub(super) &'a [Option<(usize, AsyncResult<R, P>)>],
);

impl<R, P: Platform> Drop for SettleOnUnwind<'_, R, P> {
    fn drop(&mut self) {
        for (_, handle) in self.0.iter().flatten() {
            handle.wait_until(None);
        }
    }
}

/// The end of a stream whose jobs borrow: when this is dropped, none of them is left.
struct Settling<'a, I, F, R, P, const SLOTS: usize, const BYTES: usize>(
    &'a mut StaticIMap<I, F, R, P, SLOTS, BYTES>,
)
where
    I: Iterator,
    P: Platform;

impl<I, F, R, P, const SLOTS: usize, const BYTES: usize> Drop
    for Settling<'_, I, F, R, P, SLOTS, BYTES>
where
    I: Iterator,
    P: Platform,
{
    fn drop(&mut self) {
        self.0.cancel();
        let guard = AbortOnUnwind;
        for (_, handle) in self.0.jobs.iter_mut().filter_map(Option::take) {
            handle.wait_until(None);
            assert!(handle.ready(), "a job would outlive what it borrows");
            let result = handle.get();
            contain::<P>(move || drop(result));
        }
        core::mem::forget(guard);
    }
}
