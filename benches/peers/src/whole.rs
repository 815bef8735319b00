//! W8: the whole life of a pool.

use std::sync::{Arc, Barrier};
use std::thread;

use crossbeam_channel::bounded;
use threadpool::ThreadPool;

use crate::hand::HandPool;
use crate::pools::{pool, rayon_pool};
use crate::{Contender, Session, Workload, tiny, tiny_sum};

/// W8: from nothing to nothing.
pub const WHOLE: Workload = Workload {
    id: "W8",
    what: "make a pool, run one job, drop the pool and join its threads",
    unit: "pool",
    units: 500,
    repeats: 3,
    singles: 0,
    contenders: &[
        Contender {
            name: "ringpool",
            open: ringpool,
        },
        Contender {
            name: "bare threads that all run before the job, joined",
            open: bare,
        },
        Contender {
            name: "crossbeam by hand",
            open: hand,
        },
        Contender {
            name: "threadpool, joined, threads left behind",
            open: threadpool,
        },
        Contender {
            name: "rayon, threads left behind",
            open: rayon,
        },
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
