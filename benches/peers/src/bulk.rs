//! W2 bulk: many tiny items through one map.

use crossbeam_channel::bounded;
use rayon::prelude::*;
use threadpool::ThreadPool;

use crate::hand::HandPool;
use crate::pools::{pool, pool_with_caller, rayon_pool};
use crate::{Contender, Session, Workload, tiny};

/// W2 bulk into a fresh vector.
pub const MAP: Workload = Workload {
    id: "W2 bulk",
    what: "10^6 tiny items through one map into a fresh vector",
    unit: "item",
    units: 1_000_000,
    repeats: 21,
    singles: 0,
    contenders: &[
        Contender {
            name: "ringpool map",
            open: ringpool_map,
        },
        Contender {
            name: "ringpool map, caller participates",
            open: participating_map,
        },
        Contender {
            name: "rayon par_iter collect",
            open: rayon_map,
        },
        Contender {
            name: "crossbeam by hand, 8 chunks",
            open: hand_map,
        },
        Contender {
            name: "threadpool, 8 chunks",
            open: threadpool_map,
        },
        Contender {
            name: "sequential",
            open: sequential_map,
        },
    ],
    checksum: sample_sum,
};

/// W2 bulk into a vector that is there already, where page faults do not count.
pub const MAP_INTO: Workload = Workload {
    id: "W2 bulk into",
    what: "10^6 tiny items through one map into an existing vector",
    unit: "item",
    units: 1_000_000,
    repeats: 21,
    singles: 0,
    contenders: &[
        Contender {
            name: "ringpool map_into",
            open: ringpool_into,
        },
        Contender {
            name: "ringpool map_into, caller participates",
            open: participating_into,
        },
        Contender {
            name: "rayon par_iter collect_into_vec",
            open: rayon_into,
        },
        Contender {
            name: "sequential",
            open: sequential_into,
        },
    ],
    checksum: sample_sum,
};

/// One value of so many is summed: reading all 8 MB would measure memory once more.
const STRIDE: usize = 1009;

/// Over `usize`, which rayon splits by index; its ranges of `u64` take a slower way.
fn item(n: usize) -> u64 {
    tiny(n as u64)
}

fn sample(values: &[u64]) -> u64 {
    values
        .iter()
        .step_by(STRIDE)
        .copied()
        .fold(values.len() as u64, u64::wrapping_add)
}

fn sample_sum(units: usize, _workers: usize) -> u64 {
    (0..units)
        .step_by(STRIDE)
        .map(item)
        .fold(units as u64, u64::wrapping_add)
}

fn ringpool_map(workers: usize) -> Session {
    let pool = pool(workers);
    Box::new(move |units| sample(&pool.map(0..units, item).expect("the pool is open")))
}

fn participating_map(workers: usize) -> Session {
    let pool = pool_with_caller(workers);
    Box::new(move |units| sample(&pool.map(0..units, item).expect("the pool is open")))
}

fn rayon_map(workers: usize) -> Session {
    let pool = rayon_pool(workers);
    Box::new(move |units| {
        let values: Vec<u64> = pool.install(|| (0..units).into_par_iter().map(item).collect());
        sample(&values)
    })
}

/// Four chunks a worker and one vector each, joined at the end.
fn by_chunks(units: usize, workers: usize, spawn: impl Fn(Box<dyn FnOnce() + Send>)) -> u64 {
    let chunk = units.div_ceil(4 * workers).max(1);
    let (sender, results) = bounded(units.div_ceil(chunk));
    for begin in (0..units).step_by(chunk) {
        let sender = sender.clone();
        let range = begin..(begin + chunk).min(units);
        spawn(Box::new(move || {
            let values: Vec<u64> = range.map(item).collect();
            sender.send((begin, values)).expect("the caller waits");
        }));
    }
    drop(sender);
    let mut parts: Vec<(usize, Vec<u64>)> = results.iter().collect();
    parts.sort_unstable_by_key(|(begin, _)| *begin);
    let mut values = Vec::with_capacity(units);
    for (_, part) in parts {
        values.extend(part);
    }
    sample(&values)
}

fn hand_map(workers: usize) -> Session {
    let pool = HandPool::new(workers);
    Box::new(move |units| by_chunks(units, workers, |job| pool.spawn(job)))
}

fn threadpool_map(workers: usize) -> Session {
    let pool = ThreadPool::new(workers);
    Box::new(move |units| by_chunks(units, workers, |job| pool.execute(job)))
}

fn sequential_map(_workers: usize) -> Session {
    Box::new(move |units| sample(&(0..units).map(item).collect::<Vec<u64>>()))
}

fn ringpool_into(workers: usize) -> Session {
    let pool = pool(workers);
    let mut values = Vec::new();
    Box::new(move |units| {
        values.resize(units, 0);
        pool.map_into(0..units, &mut values[..], item)
            .expect("the pool is open");
        sample(&values)
    })
}

fn participating_into(workers: usize) -> Session {
    let pool = pool_with_caller(workers);
    let mut values = Vec::new();
    Box::new(move |units| {
        values.resize(units, 0);
        pool.map_into(0..units, &mut values[..], item)
            .expect("the pool is open");
        sample(&values)
    })
}

fn rayon_into(workers: usize) -> Session {
    let pool = rayon_pool(workers);
    let mut values = Vec::new();
    Box::new(move |units| {
        pool.install(|| {
            (0..units)
                .into_par_iter()
                .map(item)
                .collect_into_vec(&mut values);
        });
        sample(&values)
    })
}

fn sequential_into(_workers: usize) -> Session {
    let mut values = Vec::new();
    Box::new(move |units| {
        values.clear();
        values.extend((0..units).map(item));
        sample(&values)
    })
}
