//! W2 with handles: many tiny jobs, every handle kept, then all waited for in order.

use crossbeam_channel::bounded;
use threadpool::ThreadPool;

use crate::hand::HandPool;
use crate::pools::{pool, rayon_pool};
use crate::{Contender, Session, Workload, tiny, tiny_sum};

/// W2 with handles.
pub const HANDLES: Workload = Workload {
    id: "W2 handles",
    what: "10^6 tiny jobs, every handle kept, then all waited for",
    unit: "job",
    units: 1_000_000,
    repeats: 1,
    singles: 0,
    contenders: &[
        Contender {
            name: "ringpool apply_async",
            open: apply_async,
        },
        Contender {
            name: "ringpool scoped jobs",
            open: scoped,
        },
        Contender {
            name: "crossbeam by hand + oneshot",
            open: hand_oneshot,
        },
        Contender {
            name: "crossbeam by hand + channel",
            open: hand_channel,
        },
        Contender {
            name: "rayon spawn + oneshot",
            open: rayon,
        },
        Contender {
            name: "threadpool + oneshot",
            open: threadpool,
        },
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
