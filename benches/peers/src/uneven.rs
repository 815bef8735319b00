//! W5: a loop whose items cost more and more, where the end decides.

use std::num::NonZeroUsize;

use rayon::prelude::*;
use ringpool::{Pool, Schedule};

use crate::pools::{pool, pool_with_caller, rayon_pool};
use crate::{Contender, Session, Workload, tiny};

/// W5: item i takes i steps.
pub const TRIANGLE: Workload = Workload {
    id: "W5 triangle",
    what: "a loop of 4,000 items, of which the i-th takes i steps",
    unit: "step",
    units: ITEMS * (ITEMS - 1) / 2,
    repeats: 5,
    singles: 0,
    contenders: &[
        Contender {
            name: "ringpool reduce",
            open: |workers| reduced(pool(workers)),
        },
        Contender {
            name: "ringpool map, auto",
            open: |workers| mapped(pool(workers), Schedule::Auto),
        },
        Contender {
            name: "ringpool map, guided",
            open: |workers| mapped(pool(workers), Schedule::Guided),
        },
        Contender {
            name: "ringpool map, one by one",
            open: |workers| mapped(pool(workers), Schedule::Chunks(NonZeroUsize::MIN)),
        },
        Contender {
            name: "ringpool map, auto, caller participates",
            open: |workers| mapped(pool_with_caller(workers), Schedule::Auto),
        },
        Contender {
            name: "rayon par_iter",
            open: rayon,
        },
        Contender {
            name: "sequential",
            open: sequential,
        },
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
