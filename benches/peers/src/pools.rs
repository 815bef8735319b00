//! A pool of each kind, made as the contenders need it.

use ringpool::Pool;

/// A ringpool with that many workers.
pub fn pool(workers: usize) -> Pool {
    Pool::builder()
        .workers(workers)
        .build()
        .expect("threads can be started")
}

/// A ringpool whose caller counts as one of the workers.
pub fn pool_with_caller(workers: usize) -> Pool {
    Pool::builder()
        .workers(workers)
        .caller_participates()
        .build()
        .expect("threads can be started")
}

/// A rayon pool with that many workers.
pub fn rayon_pool(workers: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new()
        .num_threads(workers)
        .build()
        .expect("threads can be started")
}
