//! Every verb that returns a handle at once, called with functions and callbacks that are counted.

use ringpool::{AsyncResult, CancelOutcome, JobError};

use super::row::{Ending, ITEMS, Phase, Row, TrackedPool, TrackedWorker, Work};
use crate::census::{Kind, Tracked};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    ApplyAsync,
    TryApplyAsync,
    MapAsync,
    StarmapAsync,
    /// With callbacks from here on.
    ApplyAsyncTold,
    TryApplyAsyncTold,
    MapAsyncTold,
    StarmapAsyncTold,
    ApplyAsyncOn,
    TryApplyAsyncOn,
    MapAsyncOn,
    StarmapAsyncOn,
}

pub(crate) const BARE: [Verb; 4] = [
    Verb::ApplyAsync,
    Verb::TryApplyAsync,
    Verb::MapAsync,
    Verb::StarmapAsync,
];
pub(crate) const TOLD: [Verb; 4] = [
    Verb::ApplyAsyncTold,
    Verb::TryApplyAsyncTold,
    Verb::MapAsyncTold,
    Verb::StarmapAsyncTold,
];
pub(crate) const ON_WORKER: [Verb; 4] = [
    Verb::ApplyAsyncOn,
    Verb::TryApplyAsyncOn,
    Verb::MapAsyncOn,
    Verb::StarmapAsyncOn,
];

impl Verb {
    pub(crate) fn is_batch(self) -> bool {
        matches!(
            self,
            Self::MapAsync
                | Self::StarmapAsync
                | Self::MapAsyncTold
                | Self::StarmapAsyncTold
                | Self::MapAsyncOn
                | Self::StarmapAsyncOn
        )
    }

    pub(crate) fn tries(self) -> bool {
        matches!(
            self,
            Self::TryApplyAsync | Self::TryApplyAsyncTold | Self::TryApplyAsyncOn
        )
    }

    pub(crate) fn is_told(self) -> bool {
        !BARE.contains(&self)
    }
}

/// The handles of a row: several single jobs, or one batch.
pub(crate) enum Handles {
    Single(Vec<(usize, AsyncResult<Tracked>)>),
    Batch(AsyncResult<Vec<Tracked>>),
}

/// What was accepted, and why the rest was not.
pub(crate) struct Submitted {
    pub(crate) handles: Option<Handles>,
    /// Their numbers.
    pub(crate) accepted: Vec<usize>,
    pub(crate) refused: Vec<JobError>,
}

/// Submits one single job.
fn submit_one(
    verb: Verb,
    pool: &TrackedPool,
    work: &Work,
    number: usize,
) -> Result<AsyncResult<Tracked>, JobError> {
    let (own, item, census) = (work.clone(), work.item(number), work.census);
    let (told, failed) = (
        census.track(Kind::Callback, number),
        census.track(Kind::Callback, number),
    );
    let job = move || own.run(item);
    let on_success = move |value: &Tracked| {
        assert_eq!(
            (value.kind, value.number, told.kind),
            (Kind::Value, number, Kind::Callback)
        );
        census.succeeded();
    };
    let on_error = move |_: &JobError| {
        assert_eq!(failed.number, number);
        census.failed();
    };
    // What is handed back is dropped here, once.
    Ok(match verb {
        Verb::ApplyAsync => pool.apply_async(job)?,
        Verb::TryApplyAsync => pool.try_apply_async(job)?,
        Verb::ApplyAsyncTold => pool
            .with()
            .on_success(on_success)
            .on_error(on_error)
            .apply_async(job)?,
        Verb::TryApplyAsyncTold => pool
            .with()
            .on_error(on_error)
            .on_success(on_success)
            .try_apply_async(job)?,
        _ => {
            let job = move |worker: &mut TrackedWorker<'_>| {
                assert_eq!(worker.state.kind, Kind::State);
                job()
            };
            let with = pool.with_worker().on_success(on_success).on_error(on_error);
            if verb.tries() {
                with.try_apply_async(job)?
            } else {
                with.apply_async(job)?
            }
        }
    })
}

/// Submits a batch.
fn submit_all(
    verb: Verb,
    pool: &TrackedPool,
    work: &Work,
) -> Result<AsyncResult<Vec<Tracked>>, JobError> {
    let (own, census) = (work.clone(), work.census);
    let (told, failed) = (
        census.track(Kind::Callback, 0),
        census.track(Kind::Callback, 0),
    );
    let star = move |own: &Work, item: Tracked, other: Tracked| {
        drop(other);
        own.run(item)
    };
    let on_success = move |values: &Vec<Tracked>| {
        assert_eq!((values.len(), told.kind), (ITEMS, Kind::Callback));
        census.succeeded();
    };
    let on_error = move |_: &JobError| {
        assert_eq!(failed.kind, Kind::Callback);
        census.failed();
    };
    let with = || pool.with().chunk_size(1);
    Ok(match verb {
        Verb::MapAsync => with().map_async(work.items(), move |item| own.run(item))?,
        Verb::StarmapAsync => pool.starmap_async(work.pairs(), move |a, b| star(&own, a, b))?,
        Verb::MapAsyncTold => {
            let with = with().on_success(on_success).on_error(on_error);
            with.map_async(work.items(), move |item| own.run(item))?
        }
        Verb::StarmapAsyncTold => {
            let with = with().on_error(on_error).on_success(on_success);
            with.starmap_async(work.pairs(), move |a, b| star(&own, a, b))?
        }
        Verb::MapAsyncOn => {
            let with = with()
                .with_worker()
                .on_success(on_success)
                .on_error(on_error);
            with.map_async(work.items(), move |worker, item| {
                assert_eq!(worker.state.kind, Kind::State);
                own.run(item)
            })?
        }
        _ => {
            let with = with()
                .on_success(on_success)
                .on_error(on_error)
                .with_worker();
            let star = move |_: &mut TrackedWorker<'_>, a: Tracked, b: Tracked| star(&own, a, b);
            with.starmap_async(work.pairs(), star)?
        }
    })
}

/// Submits what the row says.
pub(crate) fn submit(row: Row<Verb>, pool: &TrackedPool, work: &Work, count: usize) -> Submitted {
    if row.verb.is_batch() {
        return match submit_all(row.verb, pool, work) {
            Ok(handle) => Submitted {
                handles: Some(Handles::Batch(handle)),
                accepted: vec![0],
                refused: Vec::new(),
            },
            Err(error) => Submitted {
                handles: None,
                accepted: Vec::new(),
                refused: vec![error],
            },
        };
    }
    let (mut handles, mut accepted, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..count {
        match submit_one(row.verb, pool, work, number) {
            Ok(handle) => {
                accepted.push(number);
                match (row.ending, row.phase) {
                    (Ending::DropHandles, _) => drop(handle),
                    (Ending::LeakHandles, _) => ringpool_tests::forget(handle),
                    (Ending::Cancel, Phase::During) => {
                        cancel(&handle, false);
                        handles.push((number, handle));
                    }
                    _ => handles.push((number, handle)),
                }
            }
            Err(error) => refused.push(error),
        }
    }
    Submitted {
        handles: Some(Handles::Single(handles)),
        accepted,
        refused,
    }
}

/// Cancels, and checks what the handle says at once.
pub(crate) fn cancel<T>(handle: &AsyncResult<T>, held: bool) {
    let outcome = handle.cancel();
    if held {
        assert_eq!(outcome, CancelOutcome::NeverRan);
    }
    if outcome == CancelOutcome::NeverRan {
        // A batch may have a ticket in a worker's hand, which then ends it.
        handle.wait();
        assert_eq!(handle.successful(), Some(false));
    }
    if outcome == CancelOutcome::AlreadyDone {
        assert!(handle.ready());
    }
}
