//! W5: a loop whose items cost more and more, where the end decides.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use orx_parallel::{IntoParIter as _, Par as _};
use paralight::threads::RangeStrategy;
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};
use ringpool::{Pool, Schedule};

use crate::loops::{chili_sum, forte_sum, paralight_sum};
use crate::pools::{chili, forte, paralight, pool, pool_with_caller, rayon_pool};
use crate::{Session, Workload, contender, tiny};

/// W5: item i takes i steps.
pub const TRIANGLE: Workload = Workload {
    id: "W5 triangle",
    what: "a loop of 4,000 items, of which the i-th takes i steps",
    unit: "step",
    units: ITEMS * (ITEMS - 1) / 2,
    repeats: 5,
    singles: 0,
    contenders: &[
        contender("ringpool reduce", |workers| reduced(pool(workers))),
        contender("ringpool map, auto", |workers| {
            mapped(pool(workers), Schedule::Auto)
        }),
        contender("ringpool map, guided", |workers| {
            mapped(pool(workers), Schedule::Guided)
        }),
        contender("ringpool map, one by one", |workers| {
            mapped(pool(workers), Schedule::Chunks(NonZeroUsize::MIN))
        }),
        contender("ringpool map, auto, caller participates", |workers| {
            mapped(pool_with_caller(workers), Schedule::Auto)
        }),
        contender("rayon par_iter", rayon),
        contender("orx-parallel", orx),
        contender("paralight, stealing", paralight_stealing),
        contender("chili join, single items", chili_join),
        contender("forte join, single items", forte_join),
        contender("std scoped threads, a shared counter", std_counter),
        contender("sequential", sequential),
    ],
    checksum: |units, _| (0..items(units)).map(cost).fold(0, u64::wrapping_add),
};

const ITEMS: usize = 4000;

/// How many items take that many steps in all, or a few fewer.
pub fn items(steps: usize) -> usize {
    let is_more = |items: &usize| items * (items + 1) / 2 > steps;
    (1..=steps + 1).find(is_more).expect("the last one is more")
}

/// The work of item `i`.
pub fn cost(i: usize) -> u64 {
    (0..i as u64).fold(i as u64, |value, _| tiny(value))
}

fn mapped(pool: Pool, schedule: Schedule) -> Session {
    Box::new(move |units| {
        let values = pool.with().schedule(schedule).map(0..items(units), cost);
        let values = values.expect("the pool is open");
        values.into_iter().fold(0, u64::wrapping_add)
    })
}

fn reduced(pool: Pool) -> Session {
    Box::new(move |units| {
        pool.reduce(0..items(units), 0, cost, u64::wrapping_add)
            .expect("the pool is open")
    })
}

fn rayon(workers: usize) -> Session {
    let pool = rayon_pool(workers);
    Box::new(move |units| {
        pool.install(|| {
            let items = (0..items(units)).into_par_iter();
            items.map(cost).reduce(|| 0, u64::wrapping_add)
        })
    })
}

fn sequential(_workers: usize) -> Session {
    Box::new(|units| (0..items(units)).map(cost).fold(0, u64::wrapping_add))
}

fn orx(workers: usize) -> Session {
    Box::new(move |units| {
        let costs = (0..items(units)).into_par().num_threads(workers).map(cost);
        costs.reduce(u64::wrapping_add).unwrap_or(0)
    })
}

fn paralight_stealing(workers: usize) -> Session {
    let mut pool = paralight(workers, RangeStrategy::WorkStealing);
    Box::new(move |units| {
        let items = paralight::iter::IntoExactParallelSource::into_par_iter(0..items(units));
        paralight_sum(&mut pool, items, cost)
    })
}

fn leaf(items: Range<usize>) -> u64 {
    items.map(cost).fold(0, u64::wrapping_add)
}

fn chili_join(workers: usize) -> Session {
    let pool = chili(workers);
    Box::new(move |units| chili_sum(&mut pool.scope(), 0..items(units), 1, &leaf))
}

fn forte_join(workers: usize) -> Session {
    let pool = forte(workers);
    Box::new(move |units| {
        let whole = |worker: &forte::Worker| forte_sum(worker, 0..items(units), 1, &leaf);
        pool.with_worker(whole)
    })
}

fn std_counter(workers: usize) -> Session {
    Box::new(move |units| {
        let (items, next) = (items(units), AtomicUsize::new(0));
        // Relaxed: the counter only hands out numbers.
        let claim = || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|item| *item < items);
        let work = || {
            std::iter::from_fn(claim)
                .map(cost)
                .fold(0, u64::wrapping_add)
        };
        thread::scope(|scope| {
            let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
            let sums = threads
                .into_iter()
                .map(|thread| thread.join().expect("no thread panics"));
            sums.fold(0, u64::wrapping_add)
        })
    })
}
