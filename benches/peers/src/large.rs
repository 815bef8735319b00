//! W3: loops over 10^7 numbers, where memory is most of the work.

use std::thread;

use orx_parallel::{Par as _, Parallelizable as _};
use paralight::threads::RangeStrategy;
use rayon::iter::{
    IndexedParallelIterator as _, IntoParallelRefIterator as _, ParallelIterator as _,
};

use crate::loops;
use crate::pools::{chili, forte, paralight, pool, pool_with_caller, rayon_pool};
use crate::{Session, Workload, contender};

/// W3: a map into a fresh vector.
pub const FRESH: Workload = Workload {
    id: "W3 fresh",
    what: "10^7 u64 mapped into a fresh vector",
    unit: "item",
    units: 10_000_000,
    repeats: 5,
    singles: 0,
    contenders: &[
        contender("ringpool map", |w| fresh(w, false)),
        contender("ringpool map, caller participates", |w| fresh(w, true)),
        contender("rayon par_iter collect", rayon_fresh),
        contender("orx-parallel collect", orx_fresh),
        contender("std scoped threads, a share each", std_fresh),
        contender("sequential", sequential_fresh),
    ],
    checksum: mapped_sum,
};

/// W3: a map into a vector that is there already.
pub const INTO: Workload = Workload {
    id: "W3 into",
    what: "10^7 u64 mapped into an existing vector",
    unit: "item",
    units: 10_000_000,
    repeats: 11,
    singles: 0,
    contenders: &[
        contender("ringpool map_into", |w| into(w, false)),
        contender("ringpool map_into, caller participates", |w| into(w, true)),
        contender("rayon par_iter collect_into_vec", rayon_into),
        contender("paralight, equal shares", paralight_into),
        contender("chili join, leaves of 8,192", chili_into),
        contender("forte join, leaves of 8,192", forte_into),
        contender("std scoped threads, a share each", std_into),
        contender("sequential", sequential_into),
    ],
    checksum: mapped_sum,
};

/// W3: a sum of squares.
pub const SUM: Workload = Workload {
    id: "W3 sum",
    what: "sum of the squares of 10^7 u64",
    unit: "item",
    units: 10_000_000,
    repeats: 11,
    singles: 0,
    contenders: &[
        contender("ringpool reduce", |w| sum(w, false)),
        contender("ringpool reduce, caller participates", |w| sum(w, true)),
        contender("rayon par_iter sum", rayon_sum),
        contender("orx-parallel reduce", orx_sum),
        contender("paralight, equal shares", paralight_sum),
        contender("chili join, leaves of 8,192", chili_sum),
        contender("forte join, leaves of 8,192", forte_sum),
        contender("std scoped threads, a share each", std_sum),
        contender("sequential", sequential_sum),
    ],
    checksum: |units, _| squares(&numbers(units)),
};

/// One value of so many is summed: reading all would measure memory once more.
const STRIDE: usize = 10_007;

/// The input: as many numbers as there are units.
pub fn numbers(units: usize) -> Vec<u64> {
    (0..units as u64).collect()
}

/// What is mapped: as little as a loop can do.
pub fn step(x: &u64) -> u64 {
    x.wrapping_mul(3).wrapping_add(1)
}

/// What the values are known by.
pub fn sample(values: &[u64]) -> u64 {
    let length = values.len() as u64;
    values
        .iter()
        .step_by(STRIDE)
        .copied()
        .fold(length, u64::wrapping_add)
}

/// The checksum of a map.
pub fn mapped_sum(units: usize, _workers: usize) -> u64 {
    (0..units as u64)
        .step_by(STRIDE)
        .fold(units as u64, |sum, n| sum.wrapping_add(step(&n)))
}

fn square(x: u64) -> u64 {
    x.wrapping_mul(x)
}

fn squares(input: &[u64]) -> u64 {
    let squares = input.iter().map(|x| square(*x));
    squares.fold(0, u64::wrapping_add)
}

fn team(workers: usize, participates: bool) -> ringpool::Pool {
    if participates {
        pool_with_caller(workers)
    } else {
        pool(workers)
    }
}

/// Calls `f` with the input, which is made anew only when its length changes.
pub fn with_numbers(mut f: impl FnMut(&[u64]) -> u64 + 'static) -> Session {
    let mut input = Vec::new();
    Box::new(move |units| {
        if input.len() != units {
            input = numbers(units);
        }
        f(&input)
    })
}

fn fresh(workers: usize, participates: bool) -> Session {
    let pool = team(workers, participates);
    with_numbers(move |input| sample(&pool.map(input, step).expect("the pool is open")))
}

fn rayon_fresh(workers: usize) -> Session {
    let pool = rayon_pool(workers);
    with_numbers(move |input| {
        let values: Vec<u64> = pool.install(|| input.par_iter().map(step).collect());
        sample(&values)
    })
}

fn sequential_fresh(_workers: usize) -> Session {
    with_numbers(|input| sample(&input.iter().map(step).collect::<Vec<u64>>()))
}

fn into(workers: usize, participates: bool) -> Session {
    let pool = team(workers, participates);
    into_existing(move |input, values| {
        pool.map_into(input, values, step)
            .expect("the pool is open");
    })
}

fn rayon_into(workers: usize) -> Session {
    let pool = rayon_pool(workers);
    let mut values = Vec::new();
    with_numbers(move |input| {
        pool.install(|| input.par_iter().map(step).collect_into_vec(&mut values));
        sample(&values)
    })
}

fn sequential_into(_workers: usize) -> Session {
    let mut values: Vec<u64> = Vec::new();
    with_numbers(move |input| {
        values.clear();
        values.extend(input.iter().map(step));
        sample(&values)
    })
}

fn sum(workers: usize, participates: bool) -> Session {
    let pool = team(workers, participates);
    with_numbers(move |input| {
        pool.reduce(input, 0, |x| square(*x), u64::wrapping_add)
            .expect("the pool is open")
    })
}

fn rayon_sum(workers: usize) -> Session {
    let pool = rayon_pool(workers);
    with_numbers(move |input| {
        pool.install(|| {
            input
                .par_iter()
                .map(|x| square(*x))
                .reduce(|| 0, u64::wrapping_add)
        })
    })
}

fn sequential_sum(_workers: usize) -> Session {
    with_numbers(squares)
}

/// Items that a pool with nothing but `join` need not split further.
const LEAF: usize = 8192;

/// The part of a map that begins at `begin`.
fn fill(input: &[u64], values: &mut [u64], begin: usize) {
    for (value, x) in values.iter_mut().zip(&input[begin..]) {
        *value = step(x);
    }
}

fn by_shares(input: &[u64], values: &mut [u64], workers: usize) {
    let share = values.len().div_ceil(workers).max(1);
    thread::scope(|scope| {
        for (values, begin) in values.chunks_mut(share).zip((0..).step_by(share)) {
            scope.spawn(move || fill(input, values, begin));
        }
    });
}

fn orx_fresh(workers: usize) -> Session {
    with_numbers(move |input| {
        let values: Vec<u64> = input.par().num_threads(workers).map(step).collect();
        sample(&values)
    })
}

fn std_fresh(workers: usize) -> Session {
    with_numbers(move |input| {
        let mut values = vec![0; input.len()];
        by_shares(input, &mut values, workers);
        sample(&values)
    })
}

/// Calls `f` with the input and a vector of its length, which is there already.
fn into_existing(mut f: impl FnMut(&[u64], &mut [u64]) + 'static) -> Session {
    let mut values = Vec::new();
    with_numbers(move |input| {
        values.resize(input.len(), 0);
        f(input, &mut values);
        sample(&values)
    })
}

fn std_into(workers: usize) -> Session {
    into_existing(move |input, values| by_shares(input, values, workers))
}

fn paralight_into(workers: usize) -> Session {
    let mut pool = paralight(workers, RangeStrategy::Fixed);
    into_existing(move |input, values| {
        let items = paralight::iter::IntoExactParallelRefSource::par_iter(input);
        loops::paralight_fill(&mut pool, items, values, step);
    })
}

fn chili_into(workers: usize) -> Session {
    let pool = chili(workers);
    into_existing(move |input, values| {
        let leaf = |values: &mut [u64], begin| fill(input, values, begin);
        loops::chili_fill(&mut pool.scope(), values, 0, LEAF, &leaf);
    })
}

fn forte_into(workers: usize) -> Session {
    let pool = forte(workers);
    into_existing(move |input, values| {
        let leaf = |values: &mut [u64], begin| fill(input, values, begin);
        pool.with_worker(|worker| loops::forte_fill(worker, values, 0, LEAF, &leaf));
    })
}

fn orx_sum(workers: usize) -> Session {
    with_numbers(move |input| {
        let squares = input.par().num_threads(workers).map(|x| square(*x));
        squares.reduce(u64::wrapping_add).unwrap_or(0)
    })
}

fn paralight_sum(workers: usize) -> Session {
    let mut pool = paralight(workers, RangeStrategy::Fixed);
    with_numbers(move |input| {
        loops::paralight_sum(
            &mut pool,
            paralight::iter::IntoExactParallelRefSource::par_iter(input),
            |x| square(*x),
        )
    })
}

fn chili_sum(workers: usize) -> Session {
    let pool = chili(workers);
    with_numbers(move |input| {
        loops::chili_sum(&mut pool.scope(), 0..input.len(), LEAF, &|range| {
            squares(&input[range])
        })
    })
}

fn forte_sum(workers: usize) -> Session {
    let pool = forte(workers);
    with_numbers(move |input| {
        let leaf = |range| squares(&input[range]);
        pool.with_worker(|worker| loops::forte_sum(worker, 0..input.len(), LEAF, &leaf))
    })
}

fn std_sum(workers: usize) -> Session {
    with_numbers(move |input| {
        let share = input.len().div_ceil(workers).max(1);
        thread::scope(|scope| {
            let threads: Vec<_> = input
                .chunks(share)
                .map(|share| scope.spawn(move || squares(share)))
                .collect();
            let sums = threads
                .into_iter()
                .map(|thread| thread.join().expect("no thread panics"));
            sums.fold(0, u64::wrapping_add)
        })
    })
}
