//! W1 hot: submit one tiny job and wait for it, back to back.

use std::thread;

use crossbeam_channel::bounded;
use futures::executor::block_on;
use futures::task::SpawnExt;
use threadpool::ThreadPool;

use crate::hand::HandPool;
use crate::pools::{
    Executor, forte, futures_pool, pool, pool_with_caller, rayon_pool, rusty_pool, tokio_runtime,
};
use crate::{Session, Workload, contender, tiny, tiny_sum};

/// W1 hot.
pub const HOT: Workload = Workload {
    id: "W1 hot",
    what: "submit one tiny job and wait, back to back",
    unit: "job",
    units: 50_000,
    repeats: 1,
    singles: 10_000,
    contenders: &[
        contender("ringpool apply", apply),
        contender("ringpool apply_async + get", apply_async),
        contender("ringpool scoped job + get", scoped),
        contender("ringpool apply, caller participates", participating),
        contender("rayon install", rayon_install),
        contender("rayon spawn + channel", rayon_spawn),
        contender("crossbeam by hand, one result channel", hand_reused),
        contender("crossbeam by hand, a channel a job", hand_fresh),
        contender("crossbeam by hand + oneshot", hand_oneshot),
        contender("threadpool + channel", threadpool),
        contender("rusty_pool evaluate", rusty),
        contender("tokio spawn", tokio_spawn),
        contender("tokio spawn_blocking", tokio_blocking),
        contender("async-executor", executor),
        contender("blocking, up to 500 threads", blocking),
        contender("futures ThreadPool", futures_spawn),
        contender("a std thread for each job", std_thread),
        contender("forte spawn_future, caller participates", forte_spawn),
    ],
    checksum: tiny_sum,
};

/// Makes a session that calls `once` for each unit in turn.
pub(crate) fn each(mut once: impl FnMut(u64) -> u64 + 'static) -> Session {
    Box::new(move |units| (0..units as u64).map(&mut once).fold(0, u64::wrapping_add))
}

pub(crate) fn apply(workers: usize) -> Session {
    let pool = pool(workers);
    each(move |n| pool.apply(move || tiny(n)).expect("the pool is open"))
}

fn apply_async(workers: usize) -> Session {
    let pool = pool(workers);
    each(move |n| {
        let handle = pool.apply_async(move || tiny(n)).expect("the pool is open");
        handle.get().expect("tiny jobs end well")
    })
}

fn scoped(workers: usize) -> Session {
    let pool = pool(workers);
    each(move |n| {
        let n = &n;
        let value = pool.scope(|scope| scope.apply_async(move || tiny(*n)).get());
        value
            .expect("the pool is open")
            .expect("tiny jobs end well")
    })
}

pub(crate) fn participating(workers: usize) -> Session {
    let pool = pool_with_caller(workers);
    each(move |n| pool.apply(move || tiny(n)).expect("the pool is open"))
}

pub(crate) fn rayon_install(workers: usize) -> Session {
    let pool = rayon_pool(workers);
    each(move |n| pool.install(|| tiny(n)))
}

fn rayon_spawn(workers: usize) -> Session {
    let pool = rayon_pool(workers);
    each(move |n| {
        let (done, result) = bounded(1);
        pool.spawn(move || done.send(tiny(n)).expect("the caller waits"));
        result.recv().expect("the job answers")
    })
}

pub(crate) fn hand_reused(workers: usize) -> Session {
    let pool = HandPool::new(workers);
    let (done, result) = bounded(1);
    each(move |n| {
        let done = done.clone();
        pool.spawn(move || done.send(tiny(n)).expect("the caller waits"));
        result.recv().expect("the job answers")
    })
}

fn hand_fresh(workers: usize) -> Session {
    let pool = HandPool::new(workers);
    each(move |n| {
        let (done, result) = bounded(1);
        pool.spawn(move || done.send(tiny(n)).expect("the caller waits"));
        result.recv().expect("the job answers")
    })
}

fn hand_oneshot(workers: usize) -> Session {
    let pool = HandPool::new(workers);
    each(move |n| {
        let (done, result) = oneshot::channel();
        pool.spawn(move || done.send(tiny(n)).expect("the caller waits"));
        result.recv().expect("the job answers")
    })
}

pub(crate) fn threadpool(workers: usize) -> Session {
    let pool = ThreadPool::new(workers);
    each(move |n| {
        let (done, result) = bounded(1);
        pool.execute(move || done.send(tiny(n)).expect("the caller waits"));
        result.recv().expect("the job answers")
    })
}

pub(crate) fn rusty(workers: usize) -> Session {
    let pool = rusty_pool(workers);
    each(move |n| pool.evaluate(move || tiny(n)).await_complete())
}

pub(crate) fn tokio_spawn(workers: usize) -> Session {
    let runtime = tokio_runtime(workers);
    each(move |n| {
        let task = runtime.spawn(async move { tiny(n) });
        runtime.block_on(task).expect("the task ends well")
    })
}

fn tokio_blocking(workers: usize) -> Session {
    let runtime = tokio_runtime(workers);
    each(move |n| {
        let task = runtime.spawn_blocking(move || tiny(n));
        runtime.block_on(task).expect("the job ends well")
    })
}

pub(crate) fn executor(workers: usize) -> Session {
    let executor = Executor::new(workers);
    each(move |n| block_on(executor.spawn(move || tiny(n))))
}

/// All of a process share one pool, which grows as it likes.
pub(crate) fn blocking(_workers: usize) -> Session {
    each(move |n| block_on(blocking::unblock(move || tiny(n))))
}

pub(crate) fn futures_spawn(workers: usize) -> Session {
    let pool = futures_pool(workers);
    each(move |n| {
        let task = pool.spawn_with_handle(async move { tiny(n) });
        block_on(task.expect("the pool is open"))
    })
}

fn std_thread(_workers: usize) -> Session {
    each(move |n| {
        let thread = thread::spawn(move || tiny(n));
        thread.join().expect("the job ends well")
    })
}

fn forte_spawn(workers: usize) -> Session {
    let pool = forte(workers);
    Box::new(move |units| {
        pool.with_worker(|worker| {
            let once = |n| worker.block_on(worker.spawn_future(async move { tiny(n) }));
            (0..units as u64).map(once).fold(0, u64::wrapping_add)
        })
    })
}
