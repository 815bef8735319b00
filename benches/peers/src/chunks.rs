//! W4 beyond the empty region: regions with some work in them, and with more threads than CPUs.

use std::hint::spin_loop;
use std::time::{Duration, Instant};

use rayon::prelude::*;
use ringpool::{Pool, Schedule, WaitPolicy};

use crate::pools::{pool, pool_that_waits, pool_with_caller, rayon_pool};
use crate::{Session, Workload, contender};

/// W4: regions in which each worker has 10 µs to do.
pub const CHUNKS: Workload = Workload {
    id: "W4 10 µs",
    what: "a parallel region of one chunk of 10 µs for each worker",
    unit: "region",
    units: 5_000,
    repeats: 3,
    singles: 0,
    contenders: &[
        contender("ringpool for_each, static", |workers| {
            fixed(pool(workers), work)
        }),
        contender("ringpool for_each static, caller participates", |workers| {
            fixed(pool_with_caller(workers), work)
        }),
        contender("rayon broadcast", |workers| rayon_broadcast(workers, work)),
        contender("rayon par_iter", rayon_chunks),
        contender("one chunk alone", |_| regions(work)),
    ],
    checksum: |units, _| units as u64,
};

/// W4: empty regions with twice as many workers as the others have.
pub const OVERSUBSCRIBED: Workload = Workload {
    id: "W4 oversubscribed",
    what: "an empty parallel region, with twice as many workers as everywhere else",
    unit: "region",
    units: 2_000,
    repeats: 3,
    singles: 0,
    contenders: &[
        contender("ringpool for_each, static", |workers| {
            fixed(pool(2 * workers), || ())
        }),
        contender("ringpool for_each static, caller participates", |workers| {
            fixed(pool_with_caller(2 * workers), || ())
        }),
        contender("ringpool for_each static, passive", |workers| {
            fixed(pool_that_waits(2 * workers, WaitPolicy::Passive), || ())
        }),
        contender("ringpool for_each static, active", |workers| {
            fixed(pool_that_waits(2 * workers, WaitPolicy::Active), || ())
        }),
        contender("rayon broadcast", |workers| {
            rayon_broadcast(2 * workers, || ())
        }),
    ],
    checksum: |units, _| units as u64,
};

/// Keeps a CPU busy for 10 µs.
fn work() {
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_micros(10) {
        spin_loop();
    }
}

fn regions(once: impl Fn() + 'static) -> Session {
    Box::new(move |units| {
        (0..units).for_each(|_| once());
        units as u64
    })
}

/// Range i to worker i: every worker takes part.
fn fixed(pool: Pool, each: impl Fn() + Copy + Send + Sync + 'static) -> Session {
    regions(move || {
        let parts = 0..pool.worker_count();
        let fixed = pool.with().schedule(Schedule::Static);
        fixed.for_each(parts, |_| each()).expect("the pool is open");
    })
}

fn rayon_broadcast(workers: usize, each: impl Fn() + Copy + Send + Sync + 'static) -> Session {
    let pool = rayon_pool(workers);
    regions(move || {
        pool.broadcast(|_| each());
    })
}

fn rayon_chunks(workers: usize) -> Session {
    let pool = rayon_pool(workers);
    regions(move || {
        pool.install(|| {
            let parts = (0..workers).into_par_iter().with_max_len(1);
            parts.for_each(|_| work());
        });
    })
}
