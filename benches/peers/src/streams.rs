//! W6: lazy streams: items come from an iterator and leave one by one, in bounded memory.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use orx_parallel::{IterIntoParIter as _, Par as _};
use par_iter_sync::IntoParallelIteratorSync as _;
use pariter::IteratorExt as _;
use rayon::iter::{ParallelBridge as _, ParallelIterator as _};

use ringpool::Pool;

use crate::hand::HandPool;
use crate::pools::{pool, pool_with_caller, rayon_pool};
use crate::{Session, Workload, contender, tiny, tiny_sum};

/// W6: tiny items, in any order.
pub const UNORDERED: Workload = Workload {
    id: "W6 unordered",
    what: "a stream of 10^6 tiny items, in any order",
    unit: "item",
    units: 1_000_000,
    repeats: 1,
    singles: 1000,
    contenders: &[
        contender("ringpool imap_unordered", |w| unordered(pool(w), tiny)),
        contender("ringpool imap_unordered, caller participates", |w| {
            unordered(pool_with_caller(w), tiny)
        }),
        contender("rayon par_bridge + reduce", |w| rayon(w, tiny)),
        contender("crossbeam by hand, chunks of 64", |w| by_hand(w, false)),
        contender("orx-parallel iter_into_par + reduce", |w| orx(w, tiny)),
        contender("sequential", |_| sequential(tiny)),
    ],
    checksum: tiny_sum,
};

/// W6: tiny items, in order.
pub const ORDERED: Workload = Workload {
    id: "W6 ordered",
    what: "a stream of 10^6 tiny items, in order",
    unit: "item",
    units: 1_000_000,
    repeats: 1,
    singles: 1000,
    contenders: &[
        contender("ringpool imap", |w| ordered(pool(w), tiny)),
        contender("ringpool imap, caller participates", |w| {
            ordered(pool_with_caller(w), tiny)
        }),
        contender("crossbeam by hand, chunks of 64, put in order", |w| {
            by_hand(w, true)
        }),
        contender("pariter parallel_map", |w| pariter(w, tiny)),
        contender("par-iter-sync, as many workers as CPUs", |_| {
            par_iter_sync(tiny)
        }),
        contender("sequential", |_| sequential(tiny)),
    ],
    checksum: tiny_sum,
};

/// W6: items of 50 µs.
pub const LONG: Workload = Workload {
    id: "W6 50 µs",
    what: "a stream of 4,000 items of 50 µs, in any order",
    unit: "item",
    units: 4000,
    repeats: 3,
    singles: 0,
    contenders: &[
        contender("ringpool imap_unordered", |w| unordered(pool(w), long)),
        contender("ringpool imap", |w| ordered(pool(w), long)),
        contender("ringpool imap_unordered, caller participates", |w| {
            unordered(pool_with_caller(w), long)
        }),
        contender("ringpool imap, caller participates", |w| {
            ordered(pool_with_caller(w), long)
        }),
        contender("rayon par_bridge + reduce", |w| rayon(w, long)),
        contender("orx-parallel iter_into_par + reduce", |w| orx(w, long)),
        contender("pariter parallel_map", |w| pariter(w, long)),
        contender("par-iter-sync, as many workers as CPUs", |_| {
            par_iter_sync(long)
        }),
        contender("sequential", |_| sequential(long)),
    ],
    checksum: tiny_sum,
};

/// What is done with an item: a type of its own for each function, so that it can be inlined.
trait Item: Fn(u64) -> u64 + Copy + Send + Sync + 'static {}

impl<F: Fn(u64) -> u64 + Copy + Send + Sync + 'static> Item for F {}

/// What a stream yields, summed up in the order in which it comes.
fn total(values: impl Iterator<Item = u64>) -> u64 {
    values.fold(0, u64::wrapping_add)
}

/// Fails unless values of a stream come in the order of their items.
pub fn total_in_order(values: impl Iterator<Item = u64>) -> u64 {
    total_in_order_from(0, values)
}

/// As [`total_in_order`], where the first value is that of item `first`.
fn total_in_order_from(first: u64, values: impl Iterator<Item = u64>) -> u64 {
    total(values.enumerate().map(|(n, value)| {
        let item = first + n as u64;
        assert_eq!(value, tiny(item), "item {item} is out of order");
        value
    }))
}

fn unordered(pool: Pool, item: impl Item) -> Session {
    Box::new(move |units| {
        let stream = pool.imap_unordered(0..units as u64, item);
        total(stream.map(|value| value.expect("tiny jobs end well")))
    })
}

fn ordered(pool: Pool, item: impl Item) -> Session {
    Box::new(move |units| {
        let stream = pool.imap(0..units as u64, item);
        total_in_order(stream.map(|value| value.expect("tiny jobs end well")))
    })
}

fn rayon(workers: usize, item: impl Item) -> Session {
    let pool = rayon_pool(workers);
    Box::new(move |units| {
        pool.install(|| {
            let items = (0..units as u64).par_bridge();
            items.map(item).reduce(|| 0, u64::wrapping_add)
        })
    })
}

fn orx(workers: usize, item: impl Item) -> Session {
    Box::new(move |units| {
        let items = (0..units as u64).iter_into_par().num_threads(workers);
        items.map(item).reduce(u64::wrapping_add).unwrap_or(0)
    })
}

fn pariter(workers: usize, item: impl Item) -> Session {
    Box::new(move |units| {
        let items = 0..units as u64;
        total_in_order(items.parallel_map_custom(|map| map.threads(workers), item))
    })
}

/// Its threads are as many as the machine has CPUs, and start with every stream.
fn par_iter_sync(item: impl Item) -> Session {
    Box::new(move |units| {
        let items = 0..units as u64;
        total_in_order(items.into_par_iter_sync(move |n| Ok(item(n))))
    })
}

/// Chunks go in by one channel, come out by another, and eight at most for each worker are under way.
fn by_hand(workers: usize, in_order: bool) -> Session {
    const CHUNK: usize = 64;
    let pool = HandPool::new(workers);
    Box::new(move |units| {
        let (done, results) = bounded::<(usize, Vec<u64>)>(8 * workers);
        let mut input = 0..units as u64;
        let mut chunks = 0..;
        let mut under_way = 0;
        let mut feed = |under_way: &mut usize| {
            while *under_way < 8 * workers {
                let items: Vec<u64> = input.by_ref().take(CHUNK).collect();
                if items.is_empty() {
                    break;
                }
                let (chunk, done) = (chunks.next().expect("it has no end"), done.clone());
                pool.spawn(move || {
                    let values = items.into_iter().map(tiny).collect();
                    done.send((chunk, values)).expect("the caller waits");
                });
                *under_way += 1;
            }
        };
        let (mut sum, mut next) = (0_u64, 0);
        let mut early = BTreeMap::new();
        feed(&mut under_way);
        while under_way > 0 {
            let (chunk, values) = results.recv().expect("each chunk answers");
            under_way -= 1;
            feed(&mut under_way);
            if in_order {
                early.insert(chunk, values);
                while let Some(values) = early.remove(&next) {
                    let first = (next * CHUNK) as u64;
                    next += 1;
                    let values = values.into_iter();
                    sum = sum.wrapping_add(total_in_order_from(first, values));
                }
            } else {
                sum = sum.wrapping_add(total(values.into_iter()));
            }
        }
        sum
    })
}

fn sequential(item: impl Item) -> Session {
    Box::new(move |units| total((0..units as u64).map(item)))
}

/// Keeps a CPU busy for 50 µs.
pub fn long(n: u64) -> u64 {
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_micros(50) {
        std::hint::spin_loop();
    }
    tiny(n)
}
