//! W8: the whole life of a pool.

use std::sync::{Arc, Barrier};
use std::thread;

use crossbeam_channel::bounded;
use futures::executor::block_on;
use futures::task::SpawnExt;
use paralight::threads::RangeStrategy;
use threadpool::ThreadPool;

use crate::hand::HandPool;
use crate::loops::paralight_sum;
use crate::pools::{
    Executor, futures_pool, paralight, pool, rayon_pool, rusty_pool, tokio_runtime,
};
use crate::{Session, Workload, contender, tiny, tiny_sum};

/// W8: from nothing to nothing.
pub const WHOLE: Workload = Workload {
    id: "W8",
    what: "make a pool, run one job, drop the pool and join its threads",
    unit: "pool",
    units: 500,
    repeats: 3,
    singles: 0,
    contenders: &[
        contender("ringpool", ringpool),
        contender("bare threads that all run before the job, joined", bare),
        contender("crossbeam by hand", hand),
        contender("threadpool, joined, threads left behind", threadpool),
        contender("rayon, threads left behind", rayon),
        contender("rusty_pool, shut down and joined", rusty),
        contender("tokio", tokio_spawn),
        contender("async-executor, threads by hand", executor),
        contender("futures ThreadPool, threads left behind", futures_spawn),
        contender("paralight", paralight_whole),
    ],
    checksum: tiny_sum,
};

fn each(mut once: impl FnMut(u64) -> u64 + 'static) -> Session {
    Box::new(move |units| (0..units as u64).map(&mut once).fold(0, u64::wrapping_add))
}

fn ringpool(workers: usize) -> Session {
    each(move |n| {
        let pool = pool(workers);
        pool.apply(|| tiny(n)).expect("the pool is open")
    })
}

/// What a pool that returns when every worker runs cannot be quicker than.
fn bare(workers: usize) -> Session {
    each(move |n| {
        let ready = Arc::new(Barrier::new(workers + 1));
        let (done, result) = bounded(1);
        let threads: Vec<_> = (0..workers)
            .map(|index| {
                let (ready, done) = (Arc::clone(&ready), done.clone());
                thread::spawn(move || {
                    ready.wait();
                    if index == 0 {
                        done.send(tiny(n)).expect("the caller waits");
                    }
                })
            })
            .collect();
        ready.wait();
        let value = result.recv().expect("one thread answers");
        for thread in threads {
            thread.join().expect("no thread panics");
        }
        value
    })
}

fn hand(workers: usize) -> Session {
    each(move |n| {
        let pool = HandPool::new(workers);
        let (done, result) = bounded(1);
        pool.spawn(move || done.send(tiny(n)).expect("the caller waits"));
        result.recv().expect("the job answers")
    })
}

fn threadpool(workers: usize) -> Session {
    each(move |n| {
        let pool = ThreadPool::new(workers);
        let (done, result) = bounded(1);
        pool.execute(move || done.send(tiny(n)).expect("the caller waits"));
        let value = result.recv().expect("the job answers");
        pool.join();
        value
    })
}

fn rayon(workers: usize) -> Session {
    each(move |n| rayon_pool(workers).install(|| tiny(n)))
}

fn rusty(workers: usize) -> Session {
    each(move |n| {
        let pool = rusty_pool(workers);
        pool.start_core_threads();
        let value = pool.evaluate(move || tiny(n)).await_complete();
        pool.shutdown_join();
        value
    })
}

fn tokio_spawn(workers: usize) -> Session {
    each(move |n| {
        let runtime = tokio_runtime(workers);
        let task = runtime.spawn(async move { tiny(n) });
        runtime.block_on(task).expect("the task ends well")
    })
}

fn executor(workers: usize) -> Session {
    each(move |n| block_on(Executor::new(workers).spawn(move || tiny(n))))
}

fn futures_spawn(workers: usize) -> Session {
    each(move |n| {
        let task = futures_pool(workers).spawn_with_handle(async move { tiny(n) });
        block_on(task.expect("the pool is open"))
    })
}

fn paralight_whole(workers: usize) -> Session {
    each(move |n| {
        let mut pool = paralight(workers, RangeStrategy::Fixed);
        paralight_sum(
            &mut pool,
            paralight::iter::IntoExactParallelSource::into_par_iter(vec![n]),
            tiny,
        )
    })
}
