//! What a program does with the handles of its jobs and batches.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use ringpool::{AsyncResult, CancelOutcome, GetError, JobError};
use ringpool_tests::block_on;

use super::books::Tracked;
use super::census;
use super::program::{HandleOp, Timeout, Verb};
use super::reference::{self, Outcome};
use super::world::{Instance, Lent, Place};

/// A handle, and what it is about.
pub(crate) struct Kept {
    pub(crate) instance: Arc<Instance>,
    /// The items of its result: all of the call, or one job of a scope.
    pub(crate) items: Range<usize>,
    pub(crate) handle: AsyncResult<Vec<Tracked>>,
}

/// What became of a handle.
pub(crate) enum After {
    Kept(Kept),
    /// Its result was taken.
    Taken,
    /// It was dropped, and its result was not looked at.
    Dropped,
    Leaked,
}

pub(crate) fn duration(timeout: Timeout) -> Duration {
    match timeout {
        Timeout::Zero => Duration::ZERO,
        Timeout::Short => Duration::from_micros(30),
        // No clock reaches the end of it.
        Timeout::Long => Duration::MAX,
    }
}

impl HandleOp {
    /// Whether it waits until the job is ready.
    pub(crate) fn blocks(self) -> bool {
        match self {
            Self::Get | Self::Wait | Self::Await => true,
            Self::GetTimeout(timeout) | Self::WaitTimeout(timeout) => timeout == Timeout::Long,
            _ => false,
        }
    }
}

impl Kept {
    /// Does `op`, on the place where the call was made.
    pub(crate) fn act(self, op: HandleOp) -> After {
        match op {
            HandleOp::Get => {
                let Self {
                    instance,
                    items,
                    handle,
                } = self;
                judge(&instance, items, handle.get())
            }
            HandleOp::Await => {
                let Self {
                    instance,
                    items,
                    handle,
                } = self;
                judge(&instance, items, block_on(handle))
            }
            HandleOp::GetTimeout(timeout) => self.get_timeout(timeout),
            HandleOp::Wait | HandleOp::WaitTimeout(_) if self.would_panic() => After::Kept(self),
            HandleOp::Wait => {
                self.handle.wait();
                if !self.handle.ready() {
                    self.instance.fault("it is not ready after `wait`");
                }
                After::Kept(self)
            }
            HandleOp::WaitTimeout(timeout) => {
                let is_ready = self.handle.wait_timeout(duration(timeout));
                if timeout == Timeout::Long && !is_ready || is_ready && !self.handle.ready() {
                    self.instance
                        .fault("`wait_timeout` is wrong about being ready");
                }
                After::Kept(self)
            }
            HandleOp::Cancel => {
                self.cancel();
                After::Kept(self)
            }
            HandleOp::Look => {
                self.look();
                After::Kept(self)
            }
            HandleOp::Drop => After::Dropped,
            HandleOp::Leak => {
                self.instance
                    .world
                    .books
                    .leak_results(self.instance.call.id);
                ringpool_tests::forget(self.handle);
                After::Leaked
            }
        }
    }

    /// A wait that could only wait for itself panics, as its documentation says.
    fn would_panic(&self) -> bool {
        may_be_lent(&self.instance) && !self.handle.ready()
    }

    fn get_timeout(mut self, timeout: Timeout) -> After {
        let result = match self.handle.get_timeout(duration(timeout)) {
            Ok(values) => Ok(values),
            Err(GetError::TimedOut) => {
                if timeout == Timeout::Long {
                    self.instance
                        .fault("a time-out that never passes has passed");
                }
                return After::Kept(self);
            }
            Err(GetError::Job(JobError::StateLent)) if may_be_lent(&self.instance) => {
                census::count_error(&JobError::StateLent);
                return After::Kept(self);
            }
            Err(GetError::Job(error)) => Err(error),
            Err(other) => {
                self.instance
                    .fault(&format!("an error that nobody knows: {other:?}"));
                return After::Taken;
            }
        };
        let Self {
            instance,
            items,
            handle,
        } = self;
        let after = judge(&instance, items, result);
        match handle.get() {
            Err(JobError::Taken) => census::count_error(&JobError::Taken),
            _ => instance.fault("a value was taken twice"),
        }
        after
    }

    /// S20: a job that never ran is over: its captures are gone.
    fn cancel(&self) {
        let instance = &self.instance;
        instance.will_be_cancelled();
        let was_ready = self.handle.ready();
        let outcome = self.handle.cancel();
        let is_right = match outcome {
            CancelOutcome::AlreadyDone => self.handle.ready(),
            _ => !was_ready,
        };
        if !is_right {
            instance.fault(&format!("`cancel` says {outcome:?}"));
        }
        let is_batch = matches!(instance.call.verb, Verb::MapAsync | Verb::StarmapAsync);
        if outcome == CancelOutcome::NeverRan {
            let facts = instance.facts_of(self.items.clone());
            if self.items.clone().any(|item| facts.ran[item] > 0) {
                instance.fault("it ran, and `cancel` says that it never did");
            }
            // A worker that has a ticket of a batch in its hand may be the one to resolve it.
            if !is_batch && !self.handle.ready() {
                instance.fault("it was cancelled and is not ready");
            }
        }
    }

    fn look(&self) {
        let was_ready = self.handle.ready();
        let successful = self.handle.successful();
        let progress = self.handle.progress();
        if was_ready && successful.is_none() || successful.is_some() && !self.handle.ready() {
            self.instance
                .fault("`successful` and `ready` contradict each other");
        }
        let total = self.items.len();
        if progress.done > total || progress.total != Some(total) {
            self.instance
                .fault(&format!("its progress is {progress:?}"));
        }
    }

    /// S14: nothing of an ended pool is still open.
    pub(crate) fn must_be_ready(&self) {
        if !self.handle.ready() {
            self.instance
                .fault("it is not ready after the end of its pool");
        }
    }
}

/// Whether a wait here could wait for the state that this thread has lent.
fn may_be_lent(instance: &Instance) -> bool {
    let is_lent = !matches!(
        instance.place,
        Place::Main | Place::Side | Place::Job(Lent::No)
    );
    is_lent && instance.call.on_worker
}

fn judge(
    instance: &Arc<Instance>,
    items: Range<usize>,
    result: Result<Vec<Tracked>, JobError>,
) -> After {
    if matches!(result, Err(JobError::StateLent)) && may_be_lent(instance) {
        census::count_error(&JobError::StateLent);
        return After::Dropped;
    }
    // S15; a scope's jobs borrow from its body.
    let is_scope = instance.call.verb == Verb::Scope;
    if !is_scope && instance.world.books.holds_captures(instance.call.id) {
        instance.fault("its captures outlive it");
    }
    let outcome = Outcome::of(result);
    let facts = instance.facts_of(items);
    if is_scope {
        // A handle of a scope says also that the job was refused.
        instance.note(reference::judge_call(&facts, &instance.doors(), &outcome));
    } else {
        instance.note(reference::judge(&facts, &outcome));
    }
    instance.mark_judged();
    After::Taken
}
