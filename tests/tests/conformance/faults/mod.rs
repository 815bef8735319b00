//! Panics wherever user code runs, and other misfortunes. Whatever happens, every accepted job resolves
//! and the pool goes on.

mod destructors;
mod user_code;

use ringpool::Pool;

/// Fails unless the pool still does its work with all its workers.
#[track_caller]
fn assert_alive<W: 'static>(pool: &Pool<W>) {
    assert_eq!(pool.apply(|| 6 * 7).unwrap(), 42);
    assert_eq!(
        pool.map(0..100, |x| x + 1).unwrap(),
        (1..101).collect::<Vec<_>>()
    );
    assert_eq!(
        pool.broadcast(|w| w.index()).unwrap(),
        (0..pool.worker_count()).collect::<Vec<_>>()
    );
}
