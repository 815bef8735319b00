//! Lazy iterators.

mod ending;
mod input;
mod results;
mod window;

use std::time::Duration;

use ringpool::JobError;

const A_MOMENT: Duration = Duration::from_millis(2);

fn panic_index(error: &JobError) -> Option<usize> {
    match error {
        JobError::Panicked(panic) => panic.index(),
        other => panic!("{other:?}"),
    }
}
