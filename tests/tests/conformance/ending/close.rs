//! Closing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use ringpool::JobError;
use ringpool_tests::{hold, pool, watchdog};

// S44
#[test]
fn close_finishes_what_was_accepted() {
    let _watch = watchdog();
    let pool = pool(2);
    let gate = hold(&pool, 2);
    let results: Vec<_> = (0..50)
        .map(|i| pool.apply_async(move || i).unwrap())
        .collect();
    let batch = pool.map_async(0..50, |i| i).unwrap();
    pool.close();
    assert!(matches!(pool.apply(|| ()), Err(JobError::Closed)));
    gate.open();
    pool.join().unwrap();
    for (i, result) in results.into_iter().enumerate() {
        assert!(result.ready());
        assert_eq!(result.get().unwrap(), i);
    }
    assert!(batch.ready());
    assert_eq!(batch.get().unwrap().len(), 50);
}

// S44
#[test]
fn close_is_idempotent_and_may_come_from_anywhere() {
    let _watch = watchdog();
    let pool = pool(2);
    let queued = pool
        .apply(|| {
            let queued = pool.apply_async(|| 1).unwrap();
            pool.close();
            pool.close();
            queued
        })
        .unwrap();
    thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| pool.close());
        }
    });
    assert_eq!(queued.get().unwrap(), 1);
    pool.join().unwrap();
    pool.close();
    pool.join().unwrap();
}

// S44, S12
#[test]
fn submits_that_race_with_close_run_or_come_back() {
    let _watch = watchdog();
    for _ in 0..100 {
        let pool = pool(2);
        let ran = Arc::new(AtomicUsize::new(0));
        let accepted = thread::scope(|s| {
            let submitters: Vec<_> = (0..3)
                .map(|_| {
                    s.spawn(|| {
                        let mut accepted = 0;
                        for _ in 0..200 {
                            let ran = Arc::clone(&ran);
                            match pool.apply_async(move || ran.fetch_add(1, Ordering::SeqCst)) {
                                Ok(_) => accepted += 1,
                                Err(refused) => {
                                    assert!(matches!(refused.reason(), JobError::Closed));
                                }
                            }
                        }
                        accepted
                    })
                })
                .collect();
            s.spawn(|| pool.close());
            submitters
                .into_iter()
                .map(|submitter| submitter.join().unwrap())
                .sum::<usize>()
        });
        pool.join().unwrap();
        assert_eq!(ran.load(Ordering::SeqCst), accepted);
    }
}
