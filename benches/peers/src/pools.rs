//! A pool of each kind, made as the contenders need it.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use futures::executor::block_on;
use paralight::threads::{CpuPinningPolicy, RangeStrategy, ThreadCount, ThreadPoolBuilder};
use ringpool::{Pool, WaitPolicy};
use tokio::runtime::Runtime;

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

/// The same, whose idle workers wait so.
pub fn pool_that_waits(workers: usize, policy: WaitPolicy) -> Pool {
    Pool::builder()
        .workers(workers)
        .caller_participates()
        .wait_policy(policy)
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

/// A `rusty_pool` of exactly that many workers.
pub fn rusty_pool(workers: usize) -> rusty_pool::ThreadPool {
    rusty_pool::ThreadPool::new(workers, workers, Duration::from_mins(1))
}

/// A tokio runtime with that many threads for tasks, and as many for blocking calls.
pub fn tokio_runtime(workers: usize) -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .max_blocking_threads(workers)
        .build()
        .expect("threads can be started")
}

/// A `ThreadPool` of the crate futures.
pub fn futures_pool(workers: usize) -> futures::executor::ThreadPool {
    let mut builder = futures::executor::ThreadPool::builder();
    builder.pool_size(workers);
    builder.create().expect("threads can be started")
}

/// A `ThreadPool` of the crate paralight; with equal shares, or with stealing where costs differ.
pub fn paralight(workers: usize, range_strategy: RangeStrategy) -> paralight::threads::ThreadPool {
    let builder = ThreadPoolBuilder {
        num_threads: ThreadCount::try_from(workers).expect("there is a worker"),
        range_strategy,
        cpu_pinning: CpuPinningPolicy::No,
    };
    builder.build()
}

/// An async executor, and threads that run it until this is dropped.
pub struct Executor {
    tasks: Arc<async_executor::Executor<'static>>,
    open: Option<async_channel::Sender<()>>,
    threads: Vec<JoinHandle<()>>,
}

impl Executor {
    /// Starts the threads.
    pub fn new(workers: usize) -> Self {
        let tasks = Arc::new(async_executor::Executor::new());
        let (open, closed) = async_channel::bounded::<()>(1);
        let worker = |_| {
            let (tasks, closed) = (Arc::clone(&tasks), closed.clone());
            thread::spawn(move || {
                // Fails when the sender is dropped, which ends the loop.
                let _ = block_on(tasks.run(closed.recv()));
            })
        };
        let threads = (0..workers).map(worker).collect();
        Self {
            tasks,
            open: Some(open),
            threads,
        }
    }

    /// Queues a closure as a task.
    pub fn spawn<R: Send + 'static>(
        &self,
        job: impl FnOnce() -> R + Send + 'static,
    ) -> async_executor::Task<R> {
        self.tasks.spawn(async move { job() })
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        self.open = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// A pool of the crate forte, which has to be there for ever, of that many workers, of which the caller is one. Its threads
/// stay: to end them (`depopulate`) waits for those that sleep, and nobody wakes them.
pub fn forte(workers: usize) -> &'static forte::ThreadPool {
    let pool = Box::leak(Box::new(forte::ThreadPool::new()));
    pool.resize_to(workers - 1);
    pool
}

/// A pool of the crate chili of that many workers, of which the caller is one.
pub fn chili(workers: usize) -> chili::ThreadPool {
    chili::ThreadPool::with_config(chili::Config {
        thread_count: NonZeroUsize::new(workers),
        ..chili::Config::default()
    })
}
