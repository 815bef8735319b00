//! W2 with handles: many tiny jobs, every handle kept, then all waited for in order.

use crossbeam_channel::bounded;
use futures::executor::block_on;
use futures::task::SpawnExt;
use threadpool::ThreadPool;

use crate::hand::HandPool;
use crate::pools::{Executor, forte, futures_pool, pool, rayon_pool, rusty_pool, tokio_runtime};
use crate::{Session, Workload, contender, tiny, tiny_sum};

/// W2 with handles.
pub const HANDLES: Workload = Workload {
    id: "W2 handles",
    what: "10^6 tiny jobs, every handle kept, then all waited for",
    unit: "job",
    units: 1_000_000,
    repeats: 1,
    singles: 0,
    contenders: &[
        contender("ringpool apply_async", apply_async),
        contender("ringpool scoped jobs", scoped),
        contender("crossbeam by hand + oneshot", hand_oneshot),
        contender("crossbeam by hand + channel", hand_channel),
        contender("rayon spawn + oneshot", rayon),
        contender("threadpool + oneshot", threadpool),
        contender("rusty_pool evaluate", rusty),
        contender("tokio spawn", tokio_spawn),
        contender("tokio spawn_blocking", tokio_blocking),
        contender("async-executor", executor),
        contender("blocking, up to 500 threads", blocking),
        contender("futures ThreadPool", futures_spawn),
        contender("forte spawn_future, caller participates", forte_spawn),
    ],
    checksum: tiny_sum,
};

/// Submits all, keeps what `submit` returns, then takes each value by `wait`.
fn all<H>(units: usize, mut submit: impl FnMut(u64) -> H, wait: impl Fn(H) -> u64) -> u64 {
    let mut handles = Vec::with_capacity(units);
    handles.extend((0..units as u64).map(&mut submit));
    handles.into_iter().map(wait).fold(0, u64::wrapping_add)
}

fn apply_async(workers: usize) -> Session {
    let pool = pool(workers);
    Box::new(move |units| {
        all(
            units,
            |n| pool.apply_async(move || tiny(n)).expect("the pool is open"),
            |handle| handle.get().expect("tiny jobs end well"),
        )
    })
}

fn scoped(workers: usize) -> Session {
    let pool = pool(workers);
    Box::new(move |units| {
        let sum = pool.scope(|scope| {
            all(
                units,
                |n| scope.apply_async(move || tiny(n)),
                |handle| handle.get().expect("tiny jobs end well"),
            )
        });
        sum.expect("the pool is open")
    })
}

fn hand_oneshot(workers: usize) -> Session {
    let pool = HandPool::new(workers);
    Box::new(move |units| {
        all(
            units,
            |n| {
                let (done, result) = oneshot::channel();
                pool.spawn(move || done.send(tiny(n)).expect("the handle is kept"));
                result
            },
            |result| result.recv().expect("the job answers"),
        )
    })
}

fn hand_channel(workers: usize) -> Session {
    let pool = HandPool::new(workers);
    Box::new(move |units| {
        all(
            units,
            |n| {
                let (done, result) = bounded(1);
                pool.spawn(move || done.send(tiny(n)).expect("the handle is kept"));
                result
            },
            |result| result.recv().expect("the job answers"),
        )
    })
}

fn rayon(workers: usize) -> Session {
    let pool = rayon_pool(workers);
    Box::new(move |units| {
        all(
            units,
            |n| {
                let (done, result) = oneshot::channel();
                pool.spawn(move || done.send(tiny(n)).expect("the handle is kept"));
                result
            },
            |result| result.recv().expect("the job answers"),
        )
    })
}

fn threadpool(workers: usize) -> Session {
    let pool = ThreadPool::new(workers);
    Box::new(move |units| {
        all(
            units,
            |n| {
                let (done, result) = oneshot::channel();
                pool.execute(move || done.send(tiny(n)).expect("the handle is kept"));
                result
            },
            |result| result.recv().expect("the job answers"),
        )
    })
}

fn rusty(workers: usize) -> Session {
    let pool = rusty_pool(workers);
    Box::new(move |units| {
        all(
            units,
            |n| pool.evaluate(move || tiny(n)),
            rusty_pool::JoinHandle::await_complete,
        )
    })
}

fn tokio_spawn(workers: usize) -> Session {
    let runtime = tokio_runtime(workers);
    Box::new(move |units| {
        runtime.block_on(async {
            let mut tasks = Vec::with_capacity(units);
            tasks.extend((0..units as u64).map(|n| runtime.spawn(async move { tiny(n) })));
            let mut sum = 0_u64;
            for task in tasks {
                sum = sum.wrapping_add(task.await.expect("the task ends well"));
            }
            sum
        })
    })
}

fn tokio_blocking(workers: usize) -> Session {
    let runtime = tokio_runtime(workers);
    Box::new(move |units| {
        all(
            units,
            |n| runtime.spawn_blocking(move || tiny(n)),
            |task| block_on(task).expect("the job ends well"),
        )
    })
}

fn executor(workers: usize) -> Session {
    let executor = Executor::new(workers);
    Box::new(move |units| all(units, |n| executor.spawn(move || tiny(n)), block_on))
}

fn blocking(_workers: usize) -> Session {
    Box::new(move |units| all(units, |n| blocking::unblock(move || tiny(n)), block_on))
}

fn futures_spawn(workers: usize) -> Session {
    let pool = futures_pool(workers);
    Box::new(move |units| {
        all(
            units,
            |n| {
                let task = pool.spawn_with_handle(async move { tiny(n) });
                task.expect("the pool is open")
            },
            block_on,
        )
    })
}

fn forte_spawn(workers: usize) -> Session {
    let pool = forte(workers);
    Box::new(move |units| {
        pool.with_worker(|worker| {
            all(
                units,
                |n| worker.spawn_future(async move { tiny(n) }),
                |task| worker.block_on(task),
            )
        })
    })
}
