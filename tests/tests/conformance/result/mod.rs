//! `AsyncResult`.

mod callbacks;
mod cancel;
mod future;
mod handle;
