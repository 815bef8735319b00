//! Handles that are dropped, leaked, or outlive their pool.

use std::thread;

use ringpool::{JobError, Pool};
use ringpool_tests::{Gate, Tally, Tracker, hold, hold_at, pool, watchdog};

// S22
#[test]
fn a_job_without_a_handle_runs_and_its_worker_drops_the_value() {
    let _watch = watchdog();
    let pool = pool(1);
    let worker = pool.apply(|| thread::current().id()).unwrap();
    let gate = hold(&pool, 1);
    let tracker = Tracker::new();
    let value = tracker.make();
    drop(pool.apply_async(move || value).unwrap());
    assert_eq!(tracker.alive(), 1);
    gate.open();
    pool.close();
    pool.join().unwrap();
    tracker.assert_all_dropped_once();
    assert_eq!(tracker.dropped_on(0), Some(worker));
}

// S22
#[test]
fn a_handle_dropped_late_drops_the_value_itself() {
    let _watch = watchdog();
    let pool = pool(1);
    let tracker = Tracker::new();
    let value = tracker.make();
    let result = pool.apply_async(move || value).unwrap();
    result.wait();
    drop(pool);
    assert_eq!(
        tracker.alive(),
        1,
        "a value outlives its pool in its handle"
    );
    drop(result);
    tracker.assert_all_dropped_once();
    assert_eq!(tracker.dropped_on(0), Some(thread::current().id()));
}

// S22, S14
#[test]
fn a_leaked_handle_harms_nobody() {
    let _watch = watchdog();
    let pool = pool(2);
    let ran = Tally::new();
    for i in 0..100 {
        let count = ran.clone();
        ringpool_tests::forget(pool.apply_async(move || count.add()).unwrap());
        if i % 10 == 0 {
            ringpool_tests::forget(pool.map_async(0..10, |x| x).unwrap());
        }
    }
    pool.close();
    pool.join().unwrap();
    assert_eq!(ran.get(), 100);
}

// S16
#[test]
fn a_handle_may_be_used_after_its_pool_is_gone() {
    let _watch = watchdog();
    let pool = Pool::builder().workers(1).drain_on_drop().build().unwrap();
    let gate = Gate::new();
    hold_at(&pool, &gate, 1);
    let (done, never) = (
        pool.apply_async(|| 1).unwrap(),
        pool.apply_async(|| 2).unwrap(),
    );
    never.cancel();
    gate.open();
    drop(pool);
    assert_eq!(done.get().unwrap(), 1);
    assert!(matches!(never.get(), Err(JobError::Cancelled)));
}
