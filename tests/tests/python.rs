//! What `CPython`'s own suite asks of `Pool` and `ThreadPool`, asked of ringpool.
//!
//! Each test names the `CPython` test whose behaviour it takes over. Where ours differs on purpose the
//! comment says so, with the promise of SEMANTICS.md.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use ringpool::{BuildError, GetError, JobError, Pool, pull, zip};
use ringpool_tests::{
    Gate, Log, Plan, Tally, TestSpawner, Tracked, Tracker, boom, hold, hold_at, pool, watchdog,
};

fn square(x: u64) -> u64 {
    x * x
}

fn squares(range: std::ops::Range<u64>) -> Vec<u64> {
    range.map(square).collect()
}

/// The numbers below `total`, with a panic in place of number `bad`; `None` panics before the first.
fn failing(total: u64, bad: Option<u64>) -> impl Iterator<Item = u64> {
    let at = bad.unwrap_or(0);
    (0..total).inspect(move |i| {
        if *i == at {
            boom("say when")
        }
    })
}

fn assert_says_when<T>(outcome: thread::Result<T>) {
    let payload = outcome
        .err()
        .expect("the panic of the input reaches the caller");
    assert_eq!(payload.downcast_ref(), Some(&"say when"));
}

// test_apply; S9
#[test]
fn apply_calls_the_function_with_its_arguments() {
    let _watch = watchdog();
    let pool = pool(4);
    assert_eq!(pool.apply(|| square(5)).unwrap(), 25);
    let x = 3;
    assert_eq!(pool.apply(|| square(x)).unwrap(), 9);
}

// test_map; S26
#[test]
fn map_equals_the_sequential_map() {
    let _watch = watchdog();
    let pool = pool(4);
    assert_eq!(pool.map(0..10, square).unwrap(), squares(0..10));
    let items: Vec<u64> = (0..100).collect();
    assert_eq!(
        pool.with().chunk_size(20).map(items, square).unwrap(),
        squares(0..100)
    );
}

// test_starmap; S32
#[test]
fn starmap_equals_the_sequential_starmap() {
    let _watch = watchdog();
    let pool = pool(4);
    for (count, chunk) in [(10_u64, 1), (100, 20)] {
        let pairs: Vec<_> = (0..count).zip((0..count).rev()).collect();
        let expected: Vec<_> = pairs.iter().map(|(a, b)| a * b).collect();
        assert_eq!(pool.starmap(pairs.clone(), |a, b| a * b).unwrap(), expected);
        assert_eq!(
            pool.with()
                .chunk_size(chunk)
                .starmap(pairs, |a, b| a * b)
                .unwrap(),
            expected
        );
    }
}

// test_starmap_async; S32, S33
#[test]
fn starmap_async_equals_the_sequential_starmap() {
    let _watch = watchdog();
    let pool = pool(4);
    let pairs: Vec<_> = (0..100_u64).zip((0..100).rev()).collect();
    let expected: Vec<_> = pairs.iter().map(|(a, b)| a * b).collect();
    assert_eq!(
        pool.starmap_async(pairs, |a, b| a * b)
            .unwrap()
            .get()
            .unwrap(),
        expected
    );
    let zipped = zip(0..100_u64, 100..200_u64);
    assert_eq!(
        pool.starmap_async(zipped, |a, b| b - a)
            .unwrap()
            .get()
            .unwrap(),
        [100; 100]
    );
}

// test_map_async; S33
#[test]
fn map_async_equals_the_sequential_map() {
    let _watch = watchdog();
    let pool = pool(4);
    assert_eq!(
        pool.map_async(0..10, square).unwrap().get().unwrap(),
        squares(0..10)
    );
}

// test_map_async_callbacks; S23
#[test]
fn map_async_calls_back_once_with_all_values_or_with_the_error() {
    let _watch = watchdog();
    let pool = pool(4);
    let calls: Log<Result<Vec<i32>, String>> = Log::new();
    let parse = |text: &'static str| {
        let (good, bad) = (calls.clone(), calls.clone());
        let with = pool
            .with()
            .on_success(move |values: &Vec<i32>| good.push(Ok(values.clone())));
        let with = with.on_error(move |error| bad.push(Err(error.to_string())));
        with.map_async(vec![text], |text| {
            text.parse().unwrap_or_else(|_| boom("not a number"))
        })
        .unwrap()
        .wait();
    };
    parse("1");
    assert_eq!(calls.take(), [Ok(vec![1])]);
    parse("a");
    let calls = calls.take();
    assert_eq!(calls.len(), 1);
    assert!(
        calls[0]
            .as_ref()
            .is_err_and(|text| text.contains("not a number"))
    );
}

// test_map_chunksize; S33
#[test]
fn an_empty_map_async_with_a_chunk_size_is_ready() {
    let _watch = watchdog();
    let pool = pool(4);
    let mut result = pool
        .with()
        .chunk_size(1)
        .map_async(Vec::new(), square)
        .unwrap();
    assert_eq!(result.get_timeout(Duration::MAX).unwrap(), []);
}

// test_map_handle_iterable_exception; S28
#[test]
fn map_passes_on_the_panic_of_its_input() {
    struct OneItemAtMost;
    impl Iterator for OneItemAtMost {
        type Item = u64;
        fn next(&mut self) -> Option<u64> {
            boom("say when")
        }
        fn size_hint(&self) -> (usize, Option<usize>) {
            (1, Some(1))
        }
    }
    let _watch = watchdog();
    let pool = pool(4);
    // Twice each: the pool must have come to no harm.
    for _ in 0..2 {
        for (total, bad) in [(1, None), (10, Some(3))] {
            let input = failing(total, bad);
            let map = || pool.with().chunk_size(1).map(pull(input), square);
            assert_says_when(catch_unwind(AssertUnwindSafe(map)));
        }
        let map = || pool.with().chunk_size(1).map(pull(OneItemAtMost), square);
        assert_says_when(catch_unwind(AssertUnwindSafe(map)));
    }
    assert_eq!(pool.map(0..10, square).unwrap(), squares(0..10));
}

// test_async; S10, S16
#[test]
fn get_waits_for_a_slow_job() {
    let _watch = watchdog();
    let pool = pool(4);
    let gate = Gate::new();
    let at = gate.clone();
    let result = pool.apply_async(move || {
        at.pass();
        square(7)
    });
    let result = result.unwrap();
    gate.wait_for_arrivals(1);
    assert!(!result.ready());
    gate.open();
    assert_eq!(result.get().unwrap(), 49);
}

// test_async_timeout; S17
#[test]
fn get_times_out_on_a_job_that_runs_too_long() {
    let _watch = watchdog();
    let pool = pool(3);
    let gate = Gate::new();
    let at = gate.clone();
    let mut result = pool
        .apply_async(move || {
            at.pass();
            square(6)
        })
        .unwrap();
    assert!(matches!(
        result.get_timeout(Duration::from_millis(5)),
        Err(GetError::TimedOut)
    ));
    gate.open();
    pool.terminate();
    pool.join().unwrap();
    assert!(result.ready());
}

// test_imap; S34
#[test]
fn imap_yields_in_order_and_ends() {
    let _watch = watchdog();
    let pool = pool(4);
    assert_eq!(
        pool.imap(0..10, square)
            .map(Result::unwrap)
            .collect::<Vec<_>>(),
        squares(0..10)
    );
    for (count, chunk) in [(10, 1), (1000, 100)] {
        let mut items = pool.with().chunk_size(chunk).imap(0..count, square);
        for i in 0..count {
            assert_eq!(items.next().unwrap().unwrap(), square(i));
        }
        assert!(items.next().is_none());
    }
}

// test_imap_handle_iterable_exception; S28, S34
#[test]
fn imap_passes_on_the_panic_of_its_input() {
    let _watch = watchdog();
    let pool = pool(4);
    for _ in 0..2 {
        let mut items = pool.with().chunk_size(1).imap(failing(1, None), square);
        assert_says_when(catch_unwind(AssertUnwindSafe(|| items.next())));
    }
    // The panic may come as soon as the window reaches the bad item; with a window of one chunk it
    // cannot come before everything ahead of that chunk was yielded.
    for (total, bad, chunk, ahead) in [(10, 3, 1, 3), (20, 7, 2, 6), (20, 7, 4, 4)] {
        let with = pool.with().chunk_size(chunk).window(chunk);
        let mut items = with.imap(failing(total, Some(bad)), square);
        for i in 0..ahead {
            assert_eq!(items.next().unwrap().unwrap(), square(i));
        }
        assert_says_when(catch_unwind(AssertUnwindSafe(|| {
            while items.next().is_some() {}
        })));
    }
}

// test_imap_unordered; S35
#[test]
fn imap_unordered_yields_the_same_values() {
    let _watch = watchdog();
    let pool = pool(4);
    for (count, chunk) in [(10, 1), (1000, 100)] {
        let items = pool
            .with()
            .chunk_size(chunk)
            .imap_unordered(0..count, square);
        let mut values: Vec<_> = items.map(Result::unwrap).collect();
        values.sort_unstable();
        assert_eq!(values, squares(0..count));
    }
}

// test_imap_unordered_handle_iterable_exception; S28, S35
#[test]
fn imap_unordered_passes_on_the_panic_of_its_input() {
    let _watch = watchdog();
    let pool = pool(4);
    for _ in 0..2 {
        let mut items = pool
            .with()
            .chunk_size(1)
            .imap_unordered(failing(1, None), square);
        assert_says_when(catch_unwind(AssertUnwindSafe(|| items.next())));
    }
    for (total, bad, chunk) in [(10, 3, 1), (20, 7, 2)] {
        let mut expected = squares(0..total);
        let mut items = pool
            .with()
            .chunk_size(chunk)
            .imap_unordered(failing(total, Some(bad)), square);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            for value in items.by_ref() {
                let value = value.unwrap();
                let place = expected
                    .iter()
                    .position(|x| *x == value)
                    .expect("an expected value, once");
                expected.swap_remove(place);
            }
        }));
        assert_says_when(outcome);
        assert!(expected.len() as u64 >= total - bad);
    }
}

// test_make_pool; S2
#[test]
fn a_pool_has_the_workers_asked_for_and_never_none() {
    let _watch = watchdog();
    assert!(matches!(
        Pool::builder().workers(0).build(),
        Err(BuildError::ZeroWorkers)
    ));
    let pool = pool(3);
    assert_eq!(pool.worker_count(), 3);
    pool.close();
    pool.join().unwrap();
}

// test_terminate; S45
#[test]
fn terminate_does_not_wait_for_ten_thousand_slow_jobs() {
    let _watch = watchdog();
    let pool = pool(3);
    let gate = Gate::new();
    let at = gate.clone();
    let began = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&began);
    let result = pool
        .with()
        .chunk_size(1)
        .map_async(vec![(); 10_000], move |()| {
            count.fetch_add(1, Ordering::SeqCst);
            at.pass();
        });
    let result = result.unwrap();
    gate.wait_for_arrivals(1);
    assert_eq!(pool.terminate(), 1, "one batch had chunks left");
    gate.open();
    pool.join().unwrap();
    assert!(began.load(Ordering::SeqCst) <= 3);
    assert!(matches!(result.get(), Err(JobError::Terminated)));
}

// test_terminate; S45
#[test]
fn terminate_drops_ten_thousand_queued_jobs() {
    let _watch = watchdog();
    let pool = pool(3);
    let gate = hold(&pool, 3);
    let tracker = Tracker::new();
    let results: Vec<_> = tracker
        .make_vec(10_000)
        .into_iter()
        .map(|value| pool.apply_async(move || value).unwrap())
        .collect();
    assert_eq!(pool.terminate(), 10_000);
    tracker.assert_all_dropped_once();
    gate.open();
    pool.join().unwrap();
    assert!(
        results
            .into_iter()
            .all(|result| matches!(result.get(), Err(JobError::Terminated)))
    );
}

// test_empty_iterable; S23, S26, S33, S34
#[test]
fn every_verb_takes_an_empty_input() {
    let _watch = watchdog();
    let pool = pool(1);
    assert_eq!(pool.map(0..0, square).unwrap(), []);
    assert_eq!(pool.map(pull(0..0), square).unwrap(), []);
    assert_eq!(pool.imap(0..0, square).count(), 0);
    assert_eq!(pool.imap_unordered(0..0, square).count(), 0);
    assert_eq!(pool.map_async(0..0, square).unwrap().get().unwrap(), []);
    pool.close();
    pool.join().unwrap();
}

// test_context; S48: Python's `with` ends in terminate, ours is the end of the pool's scope.
#[test]
fn leaving_the_block_ends_the_pool() {
    let _watch = watchdog();
    let spawner = TestSpawner::new(Plan::Obey);
    let ledger = spawner.ledger();
    let result = {
        let pool = Pool::builder().spawner(spawner).workers(2).build().unwrap();
        let result = pool.map_async(0..10, square).unwrap();
        result.wait();
        result
    };
    assert_eq!((ledger.started(), ledger.reclaimed()), (2, 2));
    assert_eq!(result.get().unwrap(), squares(0..10));
}

// test_context; S12
#[test]
fn an_ended_pool_refuses_map_async() {
    let _watch = watchdog();
    let pool = pool(2);
    pool.terminate();
    pool.join().unwrap();
    let refused = pool.map_async(0..10, square).err().unwrap();
    assert_eq!(refused.into_inner().0, 0..10);
}

// test_wrapped_exception, test_traceback; S9: the payload arrives as it was thrown.
#[test]
fn a_panic_is_not_wrapped() {
    #[derive(Debug, PartialEq)]
    struct Custom(i32);
    let _watch = watchdog();
    let pool = pool(1);
    let error = pool
        .apply(|| std::panic::panic_any(Custom(123)))
        .unwrap_err();
    let JobError::Panicked(panic) = error else {
        panic!("{error:?}")
    };
    assert_eq!(
        *panic.into_payload().downcast::<Custom>().unwrap(),
        Custom(123)
    );
    let error = pool.apply(|| panic!("with {}", "a message")).unwrap_err();
    assert!(error.to_string().contains("with a message"), "{error}");
}

// test_map_no_failfast; S30
#[test]
fn map_waits_for_all_items_though_the_first_fails() {
    let _watch = watchdog();
    let pool = pool(2);
    let (first_failed, second_done) = (Tally::new(), AtomicUsize::new(0));
    let mapped = pool.with().chunk_size(1).map(0..2, |i| {
        if i == 0 {
            first_failed.add();
            boom("the first item")
        }
        first_failed.wait_for(1);
        second_done.fetch_add(1, Ordering::SeqCst);
    });
    assert_eq!(
        second_done.load(Ordering::SeqCst),
        1,
        "the second item had ended when map returned"
    );
    assert!(matches!(mapped, Err(JobError::Panicked(_))));
    pool.close();
    pool.join().unwrap();
}

// test_release_task_refs; S15
#[test]
fn nothing_keeps_items_and_values_alive() {
    let _watch = watchdog();
    let pool = pool(4);
    let tracker = Tracker::new();
    let back = pool.map(tracker.make_vec(10), |item| item).unwrap();
    assert_eq!(tracker.alive(), 10);
    drop(back);
    assert_eq!(tracker.alive(), 0);
    drop(
        pool.imap_unordered(tracker.make_vec(10), |item| item)
            .collect::<Vec<_>>(),
    );
    tracker.assert_all_dropped_once();
}

// test_enter; S12: an ended pool can still be held, but does no work.
#[test]
fn an_ended_pool_cannot_be_used_again() {
    let _watch = watchdog();
    let pool = pool(1);
    pool.terminate();
    assert!(matches!(pool.apply(|| 1), Err(JobError::Terminated)));
    pool.join().unwrap();
    assert!(matches!(pool.apply(|| 1), Err(JobError::Terminated)));
    pool.join().unwrap();
}

// test_resource_warning; S48: there is nothing to warn of, for dropping a pool ends it.
#[test]
fn a_forgotten_close_is_no_fault() {
    let _watch = watchdog();
    let pool = pool(1);
    assert_eq!(pool.apply(|| 1).unwrap(), 1);
}

// test_async_error_callback; S23
#[test]
fn an_error_callback_sees_the_error_that_get_returns() {
    let _watch = watchdog();
    let pool = pool(2);
    let seen = Log::new();
    let log = seen.clone();
    let with = pool
        .with()
        .on_error(move |error| log.push(error.to_string()));
    let error = with.apply_async(|| boom("key")).unwrap().get().unwrap_err();
    assert_eq!(seen.take(), [error.to_string()]);
    pool.close();
    pool.join().unwrap();
}

// test_unpickleable_result; S14: what can go wrong with a value here is its destructor.
#[test]
fn no_worker_is_lost_to_values_that_misbehave() {
    struct Bad;
    impl Drop for Bad {
        fn drop(&mut self) {
            boom("a bad value")
        }
    }
    let _watch = watchdog();
    let pool = pool(2);
    for _ in 0..20 {
        drop(pool.apply_async(|| Bad).unwrap());
        let called = Tally::new();
        let count = called.clone();
        let with = pool.with().on_error(move |_| {
            count.add();
        });
        let result = with.apply_async(|| boom("in place of a value"));
        assert!(result.unwrap().get().is_err());
        assert_eq!(called.get(), 1);
    }
    let gate = hold(&pool, 2);
    gate.open();
    pool.close();
    pool.join().unwrap();
}

// test_pool_worker_lifetime; S7
#[test]
fn workers_are_replaced_after_their_jobs() {
    let _watch = watchdog();
    let builder = Pool::builder().workers(3).max_jobs_per_worker(10);
    let pool = builder
        .initializer(|_| thread::current().id())
        .build()
        .unwrap();
    let original = pool.broadcast(|w| *w.state).unwrap();
    let results: Vec<_> = (0..100)
        .map(|i| {
            pool.with_worker()
                .apply_async(move |w| (square(i), *w.state))
                .unwrap()
        })
        .collect();
    let mut threads = Vec::new();
    for (i, result) in (0..).zip(results) {
        let (value, thread) = result.get().unwrap();
        assert_eq!(value, square(i));
        threads.push(thread);
    }
    let last = pool.broadcast(|w| *w.state).unwrap();
    assert_eq!(last.len(), 3);
    assert_ne!(last, original);
    for thread in &threads {
        assert!(threads.iter().filter(|other| *other == thread).count() <= 10);
    }
    pool.close();
    pool.join().unwrap();
}

// test_pool_worker_lifetime_early_close; S7, S44
#[test]
fn closing_early_loses_no_job_of_short_lived_workers() {
    let _watch = watchdog();
    let pool = Pool::builder()
        .workers(3)
        .max_jobs_per_worker(1)
        .build()
        .unwrap();
    let gate = Gate::new();
    let results: Vec<_> = (0..6)
        .map(|i| {
            let at = gate.clone();
            pool.apply_async(move || {
                at.pass();
                square(i)
            })
            .unwrap()
        })
        .collect();
    gate.wait_for_arrivals(3);
    pool.close();
    gate.open();
    pool.join().unwrap();
    for (i, result) in (0..).zip(results) {
        assert_eq!(result.get().unwrap(), square(i));
    }
}

// test_pool_maxtasksperchild_invalid; S7
#[test]
fn a_limit_of_no_jobs_is_an_error() {
    let _watch = watchdog();
    let error = Pool::builder()
        .workers(3)
        .max_jobs_per_worker(0)
        .build()
        .err()
        .unwrap();
    assert!(matches!(error, BuildError::ZeroJobsPerWorker), "{error:?}");
}

// test_pool_initializer; S3, S5
#[test]
fn the_initializer_runs_before_any_job() {
    let _watch = watchdog();
    let counter = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&counter);
    let pool = Pool::builder()
        .workers(2)
        .initializer(move |_| count.fetch_add(1, Ordering::SeqCst))
        .build()
        .unwrap();
    assert_eq!(counter.load(Ordering::SeqCst), 2);
    let mut numbers = pool.broadcast(|w| *w.state).unwrap();
    numbers.sort_unstable();
    assert_eq!(numbers, [0, 1]);
    pool.close();
    pool.join().unwrap();
}

// test_release_unused_processes; S4
#[test]
fn a_failed_start_leaves_no_worker_behind() {
    let _watch = watchdog();
    let spawner = TestSpawner::new(Plan::RefuseStart(3));
    let ledger = spawner.ledger();
    let error = Pool::builder()
        .spawner(spawner)
        .workers(10)
        .build()
        .err()
        .unwrap();
    assert!(
        matches!(error, BuildError::Spawn { worker: 3, .. }),
        "{error:?}"
    );
    assert_eq!(ledger.started(), ledger.reclaimed());
}

// A pool of many threads, each of which works.
#[test]
fn two_hundred_workers_do_their_jobs() {
    let _watch = watchdog();
    let pool = pool(200);
    assert_eq!(pool.worker_count(), 200);
    let results: Vec<_> = (0..1000)
        .map(|i| pool.apply_async(move || square(i)).unwrap())
        .collect();
    for (i, result) in (0..).zip(results) {
        assert_eq!(result.get().unwrap(), square(i));
    }
    let gate = Gate::new();
    hold_at(&pool, &gate, 200);
    gate.open();
    pool.close();
    pool.join().unwrap();
}

// A job of a thread pool may submit to its own pool.
#[test]
fn a_job_may_submit_to_its_own_pool() {
    let _watch = watchdog();
    let pool = Arc::new(pool(1));
    let inner = Arc::clone(&pool);
    let result = pool
        .apply_async(move || inner.map_async(0..5, square).unwrap())
        .unwrap();
    assert_eq!(result.get().unwrap().get().unwrap(), squares(0..5));
}

// test_release_task_refs; S15: the function is let go as well.
#[test]
fn nothing_keeps_the_function_alive() {
    let _watch = watchdog();
    let pool = pool(4);
    let tracker = Tracker::new();
    for _ in 0..20 {
        let kept: Tracked = tracker.make();
        let items = pool.imap(0..10, move |x| (x, kept.id()).0);
        assert_eq!(items.map(Result::unwrap).sum::<u64>(), 45);
        let kept = tracker.make();
        pool.map_async(0..10, move |_: u64| {
            let _ = kept.id();
        })
        .unwrap()
        .wait();
    }
    drop(pool);
    tracker.assert_all_dropped_once();
}
