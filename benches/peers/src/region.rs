//! W4: parallel regions that are empty or almost so, where hand-over is all there is.

use std::hint::black_box;
use std::ops::Range;
use std::sync::Arc;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use orx_parallel::{IntoParIter as _, Par as _};
use paralight::threads::RangeStrategy;
use rayon::iter::{IndexedParallelIterator as _, IntoParallelIterator as _, ParallelIterator as _};
use ringpool::{Pool, Schedule, WaitPolicy};
use threadpool::ThreadPool;

use crate::hand::HandTeam;
use crate::loops::{chili_sum, forte_sum, paralight_each};
use crate::pools::{chili, forte, paralight, pool, pool_that_waits, pool_with_caller, rayon_pool};
use crate::{Session, Workload, contender, tiny};

/// W4: an empty region.
pub const EMPTY: Workload = Workload {
    id: "W4 region",
    what: "an empty parallel region, and what part of the workers runs in it",
    unit: "region",
    units: 20_000,
    repeats: 3,
    singles: 10_000,
    contenders: &[
        contender("ringpool broadcast", broadcast),
        contender("ringpool for_each, static", |workers| {
            for_each_static(pool(workers))
        }),
        contender("ringpool for_each", |workers| for_each(pool(workers))),
        contender("ringpool for_each, caller participates", |workers| {
            for_each(pool_with_caller(workers))
        }),
        contender(
            "ringpool broadcast, caller participates",
            participating_broadcast,
        ),
        contender("ringpool for_each static, caller participates", |workers| {
            for_each_static(pool_with_caller(workers))
        }),
        contender("ringpool static, caller participates, active", |workers| {
            for_each_static(pool_that_waits(workers, WaitPolicy::Active))
        }),
        contender("ringpool static, caller participates, passive", |workers| {
            for_each_static(pool_that_waits(workers, WaitPolicy::Passive))
        }),
        contender("rayon broadcast", rayon_broadcast),
        contender("rayon par_iter", rayon_par_iter),
        contender("crossbeam by hand, a channel a thread", hand),
        contender("threadpool + barrier", threadpool),
        contender("paralight, equal shares", paralight_region),
        contender("std scoped threads", std_region),
    ],
    checksum: |units, _| units as u64,
};

/// W4: a loop too small to share.
pub const TINY: Workload = Workload {
    id: "W4 tiny",
    what: "a loop over 16 tiny items",
    unit: "region",
    units: 50_000,
    repeats: 5,
    singles: 0,
    contenders: &[
        contender("ringpool for_each", tiny_loop),
        contender(
            "ringpool for_each, caller participates",
            participating_tiny_loop,
        ),
        contender(
            "ringpool for_each, one chunk, caller participates",
            participating_chunk,
        ),
        contender("ringpool for_each, one chunk, within apply", chunk_within),
        contender("rayon par_iter", rayon_tiny_loop),
        contender("rayon par_iter within install", rayon_tiny_loop_inside),
        contender("orx-parallel", orx_tiny_loop),
        contender("paralight, equal shares", paralight_tiny_loop),
        contender("chili join, leaves of 16", chili_tiny_loop),
        contender("forte join, leaves of 16", forte_tiny_loop),
        contender("sequential", sequential_tiny_loop),
    ],
    checksum: |units, _| (units * ITEMS) as u64,
};

const ITEMS: usize = 16;

/// Regions of one call for each worker. Their times are comparable only together with the
/// part of the workers that really ran in it, which [`shares`] tells.
fn regions(mut once: impl FnMut() + 'static) -> Session {
    Box::new(move |units| {
        (0..units).for_each(|_| once());
        units as u64
    })
}

fn broadcast(workers: usize) -> Session {
    let pool = pool(workers);
    regions(move || broadcast_on(&pool))
}

fn participating_broadcast(workers: usize) -> Session {
    let pool = pool_with_caller(workers);
    regions(move || broadcast_on(&pool))
}

fn broadcast_on(pool: &Pool) {
    let indices = pool.broadcast(|worker| black_box(worker.index()));
    let indices = black_box(indices.expect("the pool is open"));
    assert_eq!(indices.len(), pool.worker_count());
}

pub(crate) fn for_each_static(pool: Pool) -> Session {
    let workers = pool.worker_count();
    regions(move || static_loop(&pool, workers))
}

fn static_loop(pool: &Pool, workers: usize) {
    let each = pool.with().schedule(Schedule::Static);
    let end = each.for_each(0..workers, |part| {
        black_box(part);
    });
    end.expect("the pool is open");
}

fn for_each(pool: Pool) -> Session {
    let workers = pool.worker_count();
    regions(move || {
        let end = pool.for_each(0..workers, |part| {
            black_box(part);
        });
        end.expect("the pool is open");
    })
}

fn rayon_broadcast(workers: usize) -> Session {
    let pool = rayon_pool(workers);
    regions(move || {
        let indices = black_box(pool.broadcast(|context| black_box(context.index())));
        assert_eq!(indices.len(), workers);
    })
}

fn rayon_par_iter(workers: usize) -> Session {
    let pool = rayon_pool(workers);
    regions(move || {
        pool.install(|| {
            let parts = (0..workers).into_par_iter().with_max_len(1);
            parts.for_each(|part| {
                black_box(part);
            });
        });
    })
}

fn hand(workers: usize) -> Session {
    let team = HandTeam::new(workers);
    regions(move || {
        team.broadcast(|| {
            black_box(());
        });
    })
}

fn threadpool(workers: usize) -> Session {
    let pool = ThreadPool::new(workers);
    // The caller is one more, so that it waits for the end and each job keeps a thread of its own.
    let barrier = Arc::new(Barrier::new(workers + 1));
    regions(move || {
        for _ in 0..workers {
            let barrier = Arc::clone(&barrier);
            pool.execute(move || {
                barrier.wait();
            });
        }
        barrier.wait();
    })
}

fn paralight_region(workers: usize) -> Session {
    let mut pool = paralight(workers, RangeStrategy::Fixed);
    regions(move || {
        paralight_each(&mut pool, 0..workers, |part| {
            black_box(part);
        });
    })
}

fn std_region(workers: usize) -> Session {
    regions(move || {
        thread::scope(|scope| {
            for part in 0..workers {
                scope.spawn(move || black_box(part));
            }
        });
    })
}

/// The body of a tiny loop: nothing that two threads would share.
fn item(n: usize) {
    black_box(tiny(n as u64));
}

fn tiny_regions(mut once: impl FnMut() + 'static) -> Session {
    Box::new(move |units| {
        for _ in 0..units {
            once();
        }
        (units * ITEMS) as u64
    })
}

fn tiny_loop(workers: usize) -> Session {
    let pool = pool(workers);
    tiny_regions(move || pool.for_each(0..ITEMS, item).expect("the pool is open"))
}

fn participating_tiny_loop(workers: usize) -> Session {
    let pool = pool_with_caller(workers);
    tiny_regions(move || pool.for_each(0..ITEMS, item).expect("the pool is open"))
}

fn participating_chunk(workers: usize) -> Session {
    let pool = pool_with_caller(workers);
    tiny_regions(move || chunk_on(&pool))
}

/// The caller is already one of the pool's threads.
fn chunk_within(workers: usize) -> Session {
    let pool = pool(workers);
    Box::new(move |units| {
        let within = || (0..units).for_each(|_| chunk_on(&pool));
        pool.apply(within).expect("the pool is open");
        (units * ITEMS) as u64
    })
}

fn chunk_on(pool: &Pool) {
    let whole = pool.with().chunk_size(ITEMS);
    whole.for_each(0..ITEMS, item).expect("the pool is open");
}

fn rayon_tiny_loop(workers: usize) -> Session {
    let pool = rayon_pool(workers);
    tiny_regions(move || {
        pool.install(|| {
            (0..ITEMS)
                .into_par_iter()
                .with_min_len(ITEMS)
                .for_each(item);
        });
    })
}

/// The caller is already one of rayon's threads, as in a program that lives inside its pool.
fn rayon_tiny_loop_inside(workers: usize) -> Session {
    let pool = rayon_pool(workers);
    Box::new(move |units| {
        pool.install(|| {
            for _ in 0..units {
                (0..ITEMS)
                    .into_par_iter()
                    .with_min_len(ITEMS)
                    .for_each(item);
            }
        });
        (units * ITEMS) as u64
    })
}

pub(crate) fn orx_tiny_loop(workers: usize) -> Session {
    tiny_regions(move || (0..ITEMS).into_par().num_threads(workers).for_each(item))
}

pub(crate) fn paralight_tiny_loop(workers: usize) -> Session {
    let mut pool = paralight(workers, RangeStrategy::Fixed);
    tiny_regions(move || paralight_each(&mut pool, 0..ITEMS, item))
}

fn leaf(items: Range<usize>) -> u64 {
    items.for_each(item);
    0
}

pub(crate) fn chili_tiny_loop(workers: usize) -> Session {
    let pool = chili(workers);
    tiny_regions(move || {
        chili_sum(&mut pool.scope(), 0..ITEMS, ITEMS, &leaf);
    })
}

pub(crate) fn forte_tiny_loop(workers: usize) -> Session {
    let pool = forte(workers);
    tiny_regions(move || {
        pool.with_worker(|worker| forte_sum(worker, 0..ITEMS, ITEMS, &leaf));
    })
}

fn sequential_tiny_loop(_workers: usize) -> Session {
    tiny_regions(move || (0..ITEMS).for_each(item))
}

/// The contenders of [`EMPTY`] of which [`shares`] tells who took part.
pub const SHARED: [&str; 5] = [
    "ringpool for_each, static",
    "ringpool for_each",
    "ringpool for_each, caller participates",
    "ringpool for_each static, caller participates",
    "rayon par_iter",
];

/// Of that many regions, the part in which every worker ran, for each of [`SHARED`].
pub fn shares(workers: usize, regions: usize) -> [f64; SHARED.len()] {
    let plain = pool(workers);
    let participating = pool_with_caller(workers);
    let rayon = rayon_pool(workers);
    let full = |run: &dyn Fn(&(dyn Fn() + Sync))| {
        let mut full = 0;
        for _ in 0..regions {
            let seen = AtomicUsize::new(0);
            // The bit of this thread, by its number; more than two threads never run in a region.
            run(&|| {
                seen.fetch_or(1 << thread_number(), Ordering::Relaxed);
            });
            full += usize::from(seen.into_inner().count_ones() as usize == workers);
        }
        // Both are small, so the casts are exact.
        #[expect(clippy::cast_precision_loss)]
        let share = full as f64 / regions as f64;
        share
    };
    let fixed = |pool: &Pool, mark: &(dyn Fn() + Sync)| {
        let each = pool.with().schedule(Schedule::Static);
        each.for_each(0..workers, |_| mark())
            .expect("the pool is open");
    };
    let free = |pool: &Pool, mark: &(dyn Fn() + Sync)| {
        pool.for_each(0..workers, |_| mark())
            .expect("the pool is open");
    };
    [
        full(&|mark| fixed(&plain, mark)),
        full(&|mark| free(&plain, mark)),
        full(&|mark| free(&participating, mark)),
        full(&|mark| fixed(&participating, mark)),
        full(&|mark| {
            rayon.install(|| {
                (0..workers)
                    .into_par_iter()
                    .with_max_len(1)
                    .for_each(|_| mark());
            });
        }),
    ]
}

/// A small number for the calling thread.
fn thread_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static NUMBER: usize = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    NUMBER.with(|number| *number)
}
