//! Batches.

mod control;
mod counting;
mod failure;
mod input;
mod schedules;
mod sharing;
mod sources;
mod starmap;

use ringpool::JobError;

fn panic_index(error: &JobError) -> Option<usize> {
    match error {
        JobError::Panicked(panic) => panic.index(),
        other => panic!("{other:?}"),
    }
}
