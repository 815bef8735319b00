//! W3: loops over 10^7 numbers, where memory is most of the work.

use rayon::prelude::*;

use crate::pools::{pool, pool_with_caller, rayon_pool};
use crate::{Contender, Session, Workload};

/// W3: a map into a fresh vector.
pub const FRESH: Workload = Workload {
    id: "W3 fresh",
    what: "10^7 u64 mapped into a fresh vector",
    unit: "item",
    units: 10_000_000,
    repeats: 5,
    singles: 0,
    contenders: &[
        Contender {
            name: "ringpool map",
            open: |workers| fresh(workers, false),
        },
        Contender {
            name: "ringpool map, caller participates",
            open: |workers| fresh(workers, true),
        },
        Contender {
            name: "rayon par_iter collect",
            open: rayon_fresh,
        },
        Contender {
            name: "sequential",
            open: sequential_fresh,
        },
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
        Contender {
            name: "ringpool map_into",
            open: |workers| into(workers, false),
        },
        Contender {
            name: "ringpool map_into, caller participates",
            open: |workers| into(workers, true),
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
        Contender {
            name: "ringpool reduce",
            open: |workers| sum(workers, false),
        },
        Contender {
            name: "ringpool reduce, caller participates",
            open: |workers| sum(workers, true),
        },
        Contender {
            name: "rayon par_iter sum",
            open: rayon_sum,
        },
        Contender {
            name: "sequential",
            open: sequential_sum,
        },
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
    let mut values = Vec::new();
    with_numbers(move |input| {
        values.resize(input.len(), 0);
        pool.map_into(input, &mut values[..], step)
            .expect("the pool is open");
        sample(&values)
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
