//! W1 hot: submit one tiny job and wait for it, back to back.

use crossbeam_channel::bounded;
use threadpool::ThreadPool;

use crate::hand::HandPool;
use crate::pools::{pool, pool_with_caller, rayon_pool};
use crate::{Contender, Session, Workload, tiny, tiny_sum};

/// W1 hot.
pub const HOT: Workload = Workload {
    id: "W1 hot",
    what: "submit one tiny job and wait, back to back",
    unit: "job",
    units: 200_000,
    repeats: 1,
    singles: 10_000,
    contenders: &[
        Contender {
            name: "ringpool apply",
            open: apply,
        },
        Contender {
            name: "ringpool apply_async + get",
            open: apply_async,
        },
        Contender {
            name: "ringpool scoped job + get",
            open: scoped,
        },
        Contender {
            name: "ringpool apply, caller participates",
            open: participating,
        },
        Contender {
            name: "rayon install",
            open: rayon_install,
        },
        Contender {
            name: "rayon spawn + channel",
            open: rayon_spawn,
        },
        Contender {
            name: "crossbeam by hand, one result channel",
            open: hand_reused,
        },
        Contender {
            name: "crossbeam by hand, a channel a job",
            open: hand_fresh,
        },
        Contender {
            name: "crossbeam by hand + oneshot",
            open: hand_oneshot,
        },
        Contender {
            name: "threadpool + channel",
            open: threadpool,
        },
    ],
    checksum: tiny_sum,
};

/// Makes a session that calls `once` for each unit in turn.
fn each(mut once: impl FnMut(u64) -> u64 + 'static) -> Session {
    Box::new(move |units| (0..units as u64).map(&mut once).fold(0, u64::wrapping_add))
}

fn apply(workers: usize) -> Session {
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

fn participating(workers: usize) -> Session {
    let pool = pool_with_caller(workers);
    each(move |n| pool.apply(move || tiny(n)).expect("the pool is open"))
}

fn rayon_install(workers: usize) -> Session {
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

fn hand_reused(workers: usize) -> Session {
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

fn threadpool(workers: usize) -> Session {
    let pool = ThreadPool::new(workers);
    each(move |n| {
        let (done, result) = bounded(1);
        pool.execute(move || done.send(tiny(n)).expect("the caller waits"));
        result.recv().expect("the job answers")
    })
}
