//! Jobs that tell how often they were resolved, and who may have done it.

use std::sync::Arc;

use loom::cell::UnsafeCell;
use ringpool_core::{AsyncResult, JobError};
use ringpool_loom_tests::matrix::Event;
use ringpool_loom_tests::{Loom, Tracked};

pub(crate) type Handle = AsyncResult<Tracked, Loom>;

/// Counts the callbacks of one job. The cell is loom's, unprotected: a second callback at the same time, or a
/// reader to whom READY did not bring the first, is a data race.
#[derive(Clone)]
pub(crate) struct Witness(Arc<Count>);

struct Count(UnsafeCell<usize>);

// SAFETY: loom finds out whether accesses to the cell race; that is what it is for.
unsafe impl Sync for Count {}

impl Witness {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Count(UnsafeCell::new(0))))
    }

    pub(crate) fn note(&self) {
        // SAFETY: loom checks it.
        self.0.0.with_mut(|count| unsafe { *count += 1 });
    }

    /// Fails unless the job was resolved exactly once (S14, S23). For threads that know it to be ready.
    #[track_caller]
    pub(crate) fn assert_resolved(&self) {
        // SAFETY: loom checks it.
        let count = self.0.0.with(|count| unsafe { *count });
        assert_eq!(count, 1, "how often the job was resolved");
    }
}

/// A job that the pool has accepted.
pub(crate) struct Accepted {
    pub(crate) handle: Handle,
    pub(crate) witness: Witness,
}

impl Accepted {
    /// Waits for the outcome and checks it.
    #[track_caller]
    pub(crate) fn get(self, causes: Causes) {
        let outcome = self.handle.get();
        self.witness.assert_resolved();
        causes.check(outcome);
    }
}

/// The two events of a race, which between them must have caused whatever went wrong.
#[derive(Clone, Copy)]
pub(crate) struct Causes(pub(crate) Event, pub(crate) Event);

impl Causes {
    pub(crate) fn has(self, event: Event) -> bool {
        self.0 == event || self.1 == event
    }

    pub(crate) fn replace_workers(self) -> bool {
        self.0.replaces_workers() || self.1.replaces_workers()
    }

    fn any(self, events: &[Event]) -> bool {
        events.iter().any(|&event| self.has(event))
    }

    /// Fails if an error is one that none of the events brings about.
    #[track_caller]
    pub(crate) fn check<T>(self, outcome: Result<T, JobError>) {
        let Err(error) = outcome else {
            return;
        };
        let possible = match error {
            JobError::Panicked(_) => self.any(&[Event::Callback]),
            JobError::Cancelled => self.any(&[Event::Cancel]),
            JobError::Terminated => self.any(&[Event::Terminate, Event::DropPool]),
            JobError::DeadlineExpired => self.any(&[Event::Deadline]),
            JobError::Broken => self.any(&[Event::Fail]),
            JobError::Closed => self.any(&[Event::Close, Event::Join]),
            _ => false,
        };
        assert!(possible, "no event of this race causes it: {error}");
    }
}
