//! Waiting on a worker for jobs of its own pool.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use ringpool::{JobError, Pool, Schedule};
use ringpool_tests::{Gate, Log, Tally, block_on, hold, pool, watchdog};

/// Goes down to depth zero through every verb that waits.
fn nest(pool: &Arc<Pool>, depth: usize) -> usize {
    if depth == 0 {
        return 1;
    }
    let again = |()| {
        let pool = Arc::clone(pool);
        move || nest(&pool, depth - 1)
    };
    match depth % 6 {
        0 => pool.apply(again(())).unwrap(),
        1 => pool.apply_async(again(())).unwrap().get().unwrap(),
        2 => pool
            .map(0..2, |_| nest(pool, depth - 1))
            .unwrap()
            .into_iter()
            .sum(),
        3 => {
            let mut sum = 0;
            pool.scope(|s| s.apply_async(|| sum = nest(pool, depth - 1)).wait())
                .unwrap();
            sum
        }
        4 => {
            let inner = Arc::clone(pool);
            let items = pool
                .with()
                .chunk_size(1)
                .imap(0..2, move |_: i32| nest(&inner, depth - 1));
            items.map(Result::unwrap).sum()
        }
        _ => block_on(pool.apply_async(again(())).unwrap()).unwrap(),
    }
}

// S41
#[test]
fn nesting_of_any_depth_and_verb_finishes_on_one_worker() {
    let _watch = watchdog();
    for workers in [1, 2, 3] {
        let pool = Arc::new(pool(workers));
        let inner = Arc::clone(&pool);
        assert_eq!(
            pool.apply(move || nest(&inner, 24)).unwrap(),
            1 << 8,
            "{workers} workers"
        );
    }
}

// S41
#[test]
fn a_deep_chain_of_waits_finishes_on_one_worker() {
    fn chain(pool: &Arc<Pool>, depth: usize) -> usize {
        let inner = Arc::clone(pool);
        if depth == 0 {
            0
        } else {
            pool.apply_async(move || 1 + chain(&inner, depth - 1))
                .unwrap()
                .get()
                .unwrap()
        }
    }
    let _watch = watchdog();
    let pool = Arc::new(pool(1));
    let inner = Arc::clone(&pool);
    assert_eq!(pool.apply(move || chain(&inner, 100)).unwrap(), 100);
}

// S41
#[test]
fn a_wait_runs_the_awaited_job_and_no_other() {
    let _watch = watchdog();
    let pool = Arc::new(pool(1));
    let order = Log::new();
    let lock = Arc::new(Mutex::new(()));
    let inner = Arc::clone(&pool);
    let (log, shared) = (order.clone(), Arc::clone(&lock));
    let unrelated = pool
        .apply(move || {
            let submit = |what: &'static str| {
                let (log, lock) = (log.clone(), Arc::clone(&shared));
                inner
                    .apply_async(move || {
                        log.push((what, lock.try_lock().is_ok()));
                    })
                    .unwrap()
            };
            let first = submit("unrelated");
            let held = shared.lock().unwrap();
            submit("awaited by get").get().unwrap();
            submit("awaited by wait").wait();
            assert!(submit("awaited in time").wait_timeout(Duration::MAX));
            submit("dropped");
            block_on(submit("polled")).unwrap();
            inner.map(0..3, |_| log.push(("mapped", false))).unwrap();
            drop(held);
            log.push(("end", true));
            first
        })
        .unwrap();
    unrelated.get().unwrap();
    pool.close();
    pool.join().unwrap();
    let mut expected = vec![
        ("awaited by get", false),
        ("awaited by wait", false),
        ("awaited in time", false),
    ];
    expected.extend([
        ("polled", false),
        ("mapped", false),
        ("mapped", false),
        ("mapped", false),
        ("end", true),
    ]);
    expected.extend([("unrelated", true), ("dropped", true)]);
    assert_eq!(order.take(), expected);
}

// S41
#[test]
fn a_wait_for_a_job_that_runs_elsewhere_waits() {
    let _watch = watchdog();
    let pool = pool(2);
    let gate = Gate::new();
    let at = gate.clone();
    let elsewhere = pool
        .apply_async(move || {
            at.pass();
            thread::current().id()
        })
        .unwrap();
    gate.wait_for_arrivals(1);
    let (here, there) = thread::scope(|s| {
        let waiting = Tally::new();
        let tally = waiting.clone();
        let pool = &pool;
        let waiter = s.spawn(move || {
            pool.apply(move || {
                tally.add();
                (thread::current().id(), elsewhere.get().unwrap())
            })
        });
        waiting.wait_for(1);
        gate.open();
        waiter.join().unwrap().unwrap()
    });
    assert_ne!(here, there);
}

// S41
#[test]
fn two_workers_that_wait_for_each_others_queued_jobs_finish() {
    let _watch = watchdog();
    let pool = Arc::new(pool(2));
    for _ in 0..300 {
        let outer: Vec<_> = (0..4)
            .map(|i| {
                let inner = Arc::clone(&pool);
                pool.apply_async(move || {
                    let queued: Vec<_> = (0..4)
                        .map(|j| inner.apply_async(move || i * 10 + j).unwrap())
                        .collect();
                    queued
                        .into_iter()
                        .map(|result| result.get().unwrap())
                        .sum::<i32>()
                })
                .unwrap()
            })
            .collect();
        let sum: i32 = outer.into_iter().map(|result| result.get().unwrap()).sum();
        assert_eq!(sum, 4 * (1 + 2 + 3) + 16 * 10 + 4 * 20);
    }
}

// S41
#[test]
fn a_nested_map_is_worked_on_by_its_caller() {
    let _watch = watchdog();
    let pool = pool(2);
    let gate = hold(&pool, 1);
    let by = pool.apply(|| {
        let me = thread::current().id();
        pool.map(0..20, |_| thread::current().id())
            .unwrap()
            .into_iter()
            .all(|by| by == me)
    });
    assert!(by.unwrap());
    gate.open();
}

// S41
#[test]
fn a_nested_map_is_helped_by_idle_workers() {
    let _watch = watchdog();
    let pool = pool(3);
    let meeting = std::sync::Barrier::new(3);
    pool.apply(|| {
        pool.with().chunk_size(1).for_each(0..3, |_| {
            meeting.wait();
        })
    })
    .unwrap()
    .unwrap();
}

// S41
#[test]
fn maps_nested_in_maps_finish_with_any_number_of_workers() {
    let _watch = watchdog();
    for workers in 1..=4 {
        let pool = pool(workers);
        for schedule in [
            Schedule::Auto,
            Schedule::Static,
            Schedule::Guided,
            Schedule::Python,
        ] {
            let sums = pool.with().schedule(schedule).map(0..10_usize, |i| {
                let inner = pool
                    .with()
                    .schedule(schedule)
                    .map(0..i, |j| pool.map(0..j, |k| k).unwrap().len());
                inner.unwrap().into_iter().sum::<usize>()
            });
            assert_eq!(
                sums.unwrap(),
                (0..10)
                    .map(|i: usize| i * i.saturating_sub(1) / 2)
                    .collect::<Vec<_>>()
            );
        }
    }
}

// S41
#[test]
fn pools_nest_in_pools() {
    let _watch = watchdog();
    let (outer, inner) = (pool(1), pool(1));
    let seen = outer.apply(|| {
        let here = thread::current().id();
        let there = inner
            .apply(|| (thread::current().id(), outer.apply_async(|| ()).unwrap()))
            .unwrap();
        // The job of the outer pool was submitted from elsewhere, but this thread is its worker.
        there.1.get().unwrap();
        let again = inner
            .apply_async(|| thread::current().id())
            .unwrap()
            .get()
            .unwrap();
        (here, there.0, again)
    });
    let (here, there, again) = seen.unwrap();
    assert_ne!(here, there);
    assert_eq!(there, again);
}

// S41, S44
#[test]
fn waits_on_a_worker_finish_after_close() {
    let _watch = watchdog();
    let pool = pool(1);
    let value = pool.apply(|| {
        let queued = pool.apply_async(|| 3).unwrap();
        pool.close();
        assert!(matches!(pool.apply(|| 1), Err(JobError::Closed)));
        queued.get().unwrap()
    });
    assert_eq!(value.unwrap(), 3);
}

// S41, S45
#[test]
fn waits_on_a_worker_end_after_terminate() {
    let _watch = watchdog();
    let pool = pool(1);
    let value = pool.apply(|| {
        let queued = pool.apply_async(|| 3).unwrap();
        pool.terminate();
        queued.get()
    });
    assert!(matches!(value, Ok(Err(JobError::Terminated))), "{value:?}");
    pool.join().unwrap();
}
