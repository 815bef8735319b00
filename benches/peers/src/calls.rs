//! One call of each verb at a time, for counting what it allocates.

use std::hint::black_box;

use ringpool::Pool;

use crate::pools::pool;
use crate::tiny;

/// A verb and what one call of it may allocate.
#[derive(Clone, Copy)]
pub struct Call {
    /// What the tables call it.
    pub name: &'static str,
    /// Allocations that one call may make.
    pub allowed: usize,
    /// Makes that many calls.
    pub run: fn(&Pool, usize),
}

/// The verbs whose allocations are promised, in the order of the report.
pub const CALLS: [Call; 8] = [
    Call {
        name: "apply",
        allowed: 0,
        run: apply,
    },
    Call {
        name: "for_each over a slice of 1,000",
        allowed: 0,
        run: for_each,
    },
    Call {
        name: "map_into, 1,000 items",
        allowed: 0,
        run: map_into,
    },
    Call {
        name: "map, 1,000 items",
        allowed: 1,
        run: map,
    },
    Call {
        name: "apply_async + get",
        allowed: 1,
        run: apply_async,
    },
    Call {
        name: "apply_async, handle dropped",
        allowed: 1,
        run: dropped,
    },
    Call {
        name: "apply_async with a 200-byte closure",
        allowed: 1,
        run: large,
    },
    Call {
        name: "job of a scope (1,000 in one scope)",
        allowed: 1,
        run: scoped,
    },
];

/// The pool that [`CALLS`] run on.
pub fn open(workers: usize) -> Pool {
    pool(workers)
}

fn apply(pool: &Pool, calls: usize) {
    for n in 0..calls as u64 {
        black_box(pool.apply(|| tiny(n)).expect("the pool is open"));
    }
}

fn for_each(pool: &Pool, calls: usize) {
    let mut grid = [0_u64; 1000];
    for _ in 0..calls {
        pool.for_each(&mut grid, |cell| *cell = tiny(*cell))
            .expect("the pool is open");
    }
    black_box(grid);
}

fn map_into(pool: &Pool, calls: usize) {
    let mut values = [0_u64; 1000];
    for _ in 0..calls {
        pool.map_into(0..1000_u64, &mut values, tiny)
            .expect("the pool is open");
    }
    black_box(values);
}

fn map(pool: &Pool, calls: usize) {
    for _ in 0..calls {
        black_box(pool.map(0..1000_u64, tiny).expect("the pool is open"));
    }
}

fn apply_async(pool: &Pool, calls: usize) {
    for n in 0..calls as u64 {
        let handle = pool.apply_async(move || tiny(n)).expect("the pool is open");
        black_box(handle.get().expect("tiny jobs end well"));
    }
}

fn dropped(pool: &Pool, calls: usize) {
    for n in 0..calls as u64 {
        drop(pool.apply_async(move || tiny(n)).expect("the pool is open"));
    }
    // The queue is in order, but with several workers the last job need not end last.
    for _ in 0..2 {
        pool.broadcast(|_| ()).expect("the pool is open");
    }
}

fn large(pool: &Pool, calls: usize) {
    for n in 0..calls as u64 {
        let load = [n; 25];
        let handle = pool
            .apply_async(move || load.map(tiny)[24])
            .expect("the pool is open");
        black_box(handle.get().expect("tiny jobs end well"));
    }
}

fn scoped(pool: &Pool, calls: usize) {
    let end = pool.scope(|scope| {
        for n in 0..calls as u64 {
            drop(scope.apply_async(move || tiny(n)));
        }
    });
    end.expect("the pool is open");
}
