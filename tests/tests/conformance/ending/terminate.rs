//! Terminating.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use ringpool::{JobError, Pool};
use ringpool_tests::{Gate, OnDrop, Tally, Tracker, hold, hold_at, pool, watchdog};

// S45
#[test]
fn terminate_starts_nothing_and_counts_what_never_started() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let ran = Tally::new();
    let singles: Vec<_> = (0..5)
        .map(|_| {
            let ran = ran.clone();
            pool.apply_async(move || ran.add()).unwrap()
        })
        .collect();
    let counts = (ran.clone(), ran.clone());
    let big = pool
        .with()
        .chunk_size(1)
        .map_async(0..10, move |_| counts.0.add())
        .unwrap();
    let small = pool.map_async(0..1, move |_| counts.1.add()).unwrap();
    let cancelled = pool.apply_async(|| ()).unwrap();
    cancelled.cancel();
    assert_eq!(pool.terminate(), 7, "five jobs and two batches");
    assert_eq!(pool.terminate(), 0, "the second time nothing is left");
    for single in singles {
        assert!(matches!(single.get(), Err(JobError::Terminated)));
    }
    assert!(matches!(big.get(), Err(JobError::Terminated)));
    assert!(matches!(small.get(), Err(JobError::Terminated)));
    assert!(matches!(cancelled.get(), Err(JobError::Cancelled)));
    gate.open();
    pool.join().unwrap();
    assert_eq!(ran.get(), 0);
}

// S45
#[test]
fn terminate_may_follow_close() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let queued = pool.apply_async(|| ()).unwrap();
    pool.close();
    assert_eq!(pool.terminate(), 1);
    assert!(matches!(queued.get(), Err(JobError::Terminated)));
    gate.open();
    pool.join().unwrap();
}

// S45
#[test]
fn a_running_batch_starts_no_chunk_after_terminate() {
    let _watch = watchdog();
    for blocking in [false, true] {
        let pool = pool(2);
        let gate = Gate::new();
        let ran = Arc::new(AtomicUsize::new(0));
        let tracker = Tracker::new();
        thread::scope(|s| {
            let (at, count) = (gate.clone(), Arc::clone(&ran));
            let f = move |item| {
                count.fetch_add(1, Ordering::SeqCst);
                at.pass();
                item
            };
            let pool = &pool;
            let batch = s.spawn(move || {
                let with = pool.with().chunk_size(1);
                let items = tracker.make_vec(100);
                if blocking {
                    with.map(items, f)
                } else {
                    with.map_async(items, f).unwrap().get()
                }
            });
            gate.wait_for_arrivals(2);
            assert_eq!(pool.terminate(), 1);
            gate.open();
            assert!(matches!(batch.join().unwrap(), Err(JobError::Terminated)));
        });
        pool.join().unwrap();
        assert_eq!(ran.load(Ordering::SeqCst), 2);
        tracker.assert_all_dropped_once();
    }
}

// S45
#[test]
fn a_running_job_sees_terminate_and_its_value_counts() {
    let _watch = watchdog();
    let pool = pool(2);
    let gate = Gate::new();
    let at = gate.clone();
    let stateful = pool
        .with_worker()
        .apply_async(move |w| {
            let before = w.is_cancelled();
            at.pass();
            (before, w.is_cancelled())
        })
        .unwrap();
    gate.wait_for_arrivals(1);
    assert_eq!(pool.terminate(), 0);
    gate.open();
    pool.join().unwrap();
    assert_eq!(stateful.get().unwrap(), (false, true));
}

// S45
#[test]
fn terminate_races_with_workers_and_every_job_ends_once() {
    let _watch = watchdog();
    for round in 0..100 {
        let pool = pool(2);
        let tracker = Tracker::new();
        let results: Vec<_> = tracker
            .make_vec(100)
            .into_iter()
            .map(|t| pool.apply_async(move || t.id()).unwrap())
            .collect();
        if round % 2 == 0 {
            thread::yield_now();
        }
        pool.terminate();
        assert!(
            results
                .iter()
                .all(|result| matches!(result.successful(), None | Some(_)))
        );
        pool.join().unwrap();
        let mut ran = 0;
        for (i, result) in results.into_iter().enumerate() {
            assert!(result.ready(), "join returned before job {i} was resolved");
            match result.get() {
                Ok(id) => {
                    assert_eq!(id, i);
                    ran += 1;
                }
                Err(JobError::Terminated) => {}
                Err(other) => panic!("{other:?}"),
            }
        }
        assert!(ran <= 100);
        tracker.assert_all_dropped_once();
    }
}

// S45
#[test]
fn no_job_starts_after_terminate_returned() {
    let _watch = watchdog();
    for _ in 0..50 {
        let pool = pool(2);
        let terminated = Arc::new(AtomicBool::new(false));
        let late = Arc::new(AtomicUsize::new(0));
        for _ in 0..200 {
            let (terminated, late) = (Arc::clone(&terminated), Arc::clone(&late));
            pool.apply_async(move || {
                if terminated.load(Ordering::SeqCst) {
                    late.fetch_add(1, Ordering::SeqCst);
                }
            })
            .unwrap();
        }
        let in_flight = pool.worker_count();
        pool.terminate();
        terminated.store(true, Ordering::SeqCst);
        pool.join().unwrap();
        // A job that had started before may look at the flag after.
        assert!(late.load(Ordering::SeqCst) <= in_flight);
    }
}

// S45
#[test]
fn a_destructor_of_a_drained_job_may_wait_for_the_workers() {
    let _watch = watchdog();
    let left = Tally::new();
    let hook = left.clone();
    let builder = Pool::builder().workers(2).initializer(|_| ());
    let pool = builder
        .exit_hook(move |_, ()| {
            hook.add();
        })
        .build()
        .unwrap();
    let gate = Gate::new();
    hold_at(&pool, &gate, 2);
    let (at, workers_left) = (gate.clone(), left.clone());
    let guard = OnDrop::new(move || {
        at.open();
        workers_left.wait_for(2);
    });
    let result = pool.apply_async(move || drop(guard)).unwrap();
    assert_eq!(pool.terminate(), 1);
    assert!(matches!(result.get(), Err(JobError::Terminated)));
    pool.join().unwrap();
    assert_eq!(left.get(), 2);
}

// S45, S44
#[test]
fn terminate_may_come_from_a_job() {
    let _watch = watchdog();
    let pool = Arc::new(pool(1));
    let inner = Arc::clone(&pool);
    let gate = hold(&pool, 1);
    let terminator = pool.apply_async(move || inner.terminate()).unwrap();
    let queued: Vec<_> = (0..3).map(|_| pool.apply_async(|| ()).unwrap()).collect();
    gate.open();
    assert_eq!(terminator.get().unwrap(), 3);
    assert!(
        queued
            .into_iter()
            .all(|result| matches!(result.get(), Err(JobError::Terminated)))
    );
    pool.join().unwrap();
}

// S45
#[test]
fn a_job_that_a_worker_pops_during_terminate_does_not_start() {
    let _watch = watchdog();
    let left = Tally::new();
    let hook = left.clone();
    let builder = Pool::builder().workers(2).initializer(|_| ());
    let pool = builder
        .exit_hook(move |_, ()| {
            hook.add();
        })
        .build()
        .unwrap();
    let (first, second) = (Gate::new(), Gate::new());
    hold_at(&pool, &first, 1);
    hold_at(&pool, &second, 1);
    // The destructor of the first job lets one worker go on and waits until it has left. On its way out that
    // worker finds the other jobs.
    let (at, workers_left) = (first.clone(), left.clone());
    let guard = OnDrop::new(move || {
        at.open();
        workers_left.wait_for(1);
    });
    let drained = pool.apply_async(move || drop(guard)).unwrap();
    let ran = Tally::new();
    let popped: Vec<_> = (0..3)
        .map(|_| {
            let ran = ran.clone();
            pool.apply_async(move || ran.add()).unwrap()
        })
        .collect();
    assert_eq!(pool.terminate(), 4, "whoever resolves them");
    assert_eq!(ran.get(), 0);
    for result in popped {
        assert!(matches!(result.get(), Err(JobError::Terminated)));
    }
    assert!(matches!(drained.get(), Err(JobError::Terminated)));
    second.open();
    pool.join().unwrap();
}
