//! `AsyncResult`.

mod callbacks;
mod cancel;
mod future;
mod get;
mod handle;

use std::time::Duration;

/// Long enough that a test which waits so long has failed.
const FOR_EVER: Duration = Duration::MAX;

/// Short enough to pass while a gate holds the worker.
const A_MOMENT: Duration = Duration::from_millis(2);
