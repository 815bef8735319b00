//! W2 bulk: many tiny items through one map.

use std::thread;

use crossbeam_channel::bounded;
use orx_parallel::{IntoParIter as _, Par as _};
use paralight::threads::RangeStrategy;
use rayon::iter::{IndexedParallelIterator as _, IntoParallelIterator as _, ParallelIterator as _};
use ringpool::Pool;
use threadpool::ThreadPool;

use crate::hand::HandPool;
use crate::loops::{chili_fill, forte_fill, paralight_fill};
use crate::pools::{chili, forte, paralight, pool, pool_with_caller, rayon_pool, tokio_runtime};
use crate::{Session, Workload, contender, tiny};

/// W2 bulk into a fresh vector.
pub const MAP: Workload = Workload {
    id: "W2 bulk",
    what: "10^6 tiny items through one map into a fresh vector",
    unit: "item",
    units: 1_000_000,
    repeats: 21,
    singles: 0,
    contenders: &[
        contender("ringpool map", ringpool_map),
        contender("ringpool map, caller participates", participating_map),
        contender("rayon par_iter collect", rayon_map),
        contender("crossbeam by hand, 8 chunks", hand_map),
        contender("threadpool, 8 chunks", threadpool_map),
        contender("tokio spawn_blocking, 8 chunks", tokio_map),
        contender("orx-parallel collect", orx_map),
        contender("std scoped threads, a share each", std_map),
        contender("sequential", sequential_map),
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
        contender("ringpool map_into", ringpool_into),
        contender("ringpool map_into, caller participates", participating_into),
        contender("rayon par_iter collect_into_vec", rayon_into),
        contender("paralight, equal shares", paralight_into),
        contender("chili join, leaves of 1,024", chili_into),
        contender("forte join, leaves of 1,024", forte_into),
        contender("std scoped threads, a share each", std_into),
        contender("sequential", sequential_into),
    ],
    checksum: sample_sum,
};

/// One value of so many is summed: reading all 8 MB would measure memory once more.
const STRIDE: usize = 1009;

/// Items that a pool with nothing but `join` need not split further.
const LEAF: usize = 1024;

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
    into_pool(pool(workers))
}

fn participating_into(workers: usize) -> Session {
    into_pool(pool_with_caller(workers))
}

fn into_pool(pool: Pool) -> Session {
    into(move |values| {
        pool.map_into(0..values.len(), values, item)
            .expect("the pool is open");
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

fn tokio_map(workers: usize) -> Session {
    let runtime = tokio_runtime(workers);
    Box::new(move |units| by_chunks(units, workers, |job| drop(runtime.spawn_blocking(job))))
}

fn orx_map(workers: usize) -> Session {
    Box::new(move |units| {
        let values: Vec<u64> = (0..units)
            .into_par()
            .num_threads(workers)
            .map(item)
            .collect();
        sample(&values)
    })
}

/// What a leaf or a share is: some of the values, and the number of the first.
fn fill(values: &mut [u64], begin: usize) {
    for (value, n) in values.iter_mut().zip(begin..) {
        *value = item(n);
    }
}

fn by_shares(values: &mut [u64], workers: usize) {
    let share = values.len().div_ceil(workers).max(1);
    thread::scope(|scope| {
        for (values, begin) in values.chunks_mut(share).zip((0..).step_by(share)) {
            scope.spawn(move || fill(values, begin));
        }
    });
}

fn std_map(workers: usize) -> Session {
    Box::new(move |units| {
        let mut values = vec![0; units];
        by_shares(&mut values, workers);
        sample(&values)
    })
}

/// Calls `f` with a vector that is there already.
fn into(mut f: impl FnMut(&mut [u64]) + 'static) -> Session {
    let mut values = Vec::new();
    Box::new(move |units| {
        values.resize(units, 0);
        f(&mut values);
        sample(&values)
    })
}

fn std_into(workers: usize) -> Session {
    into(move |values| by_shares(values, workers))
}

fn paralight_into(workers: usize) -> Session {
    let mut pool = paralight(workers, RangeStrategy::Fixed);
    into(move |values| {
        let numbers = paralight::iter::IntoExactParallelSource::into_par_iter(0..values.len());
        paralight_fill(&mut pool, numbers, values, item);
    })
}

fn chili_into(workers: usize) -> Session {
    let pool = chili(workers);
    into(move |values| chili_fill(&mut pool.scope(), values, 0, LEAF, &fill))
}

fn forte_into(workers: usize) -> Session {
    let pool = forte(workers);
    into(move |values| {
        let whole = |worker: &forte::Worker| forte_fill(worker, values, 0, LEAF, &fill);
        pool.with_worker(whole);
    })
}
