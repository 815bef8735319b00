//! Getting, waiting, asking.

use std::thread;
use std::time::Duration;

use ringpool::{CancelOutcome, GetError, JobError};
use ringpool_tests::{Tally, Tracker, block_on, boom, watchdog};

use crate::{A_MOMENT, FOR_EVER};

// S16
#[test]
fn get_takes_the_value() {
    let _watch = watchdog();
    pool!(pool: 1);
    let tracker = Tracker::new();
    let value = tracker.make();
    let taken = pool.apply_async(move || value).unwrap().get().unwrap();
    assert_eq!(tracker.alive(), 1);
    drop(taken);
    tracker.assert_all_dropped_once();
}

// S16
#[test]
fn get_blocks_until_the_value_is_there() {
    let _watch = watchdog();
    pool!(pool: 1);
    let gate = hold!(pool, 1);
    let result = pool.apply_async(|| 9).unwrap();
    thread::scope(|s| {
        let getter = s.spawn(|| (result.get().unwrap(), gate.is_open()));
        gate.open();
        assert_eq!(getter.join().unwrap(), (9, true));
    });
}

// S16, S21
#[test]
fn a_value_is_taken_once() {
    let _watch = watchdog();
    pool!(pool: 1);
    let mut result = pool.apply_async(|| String::from("once")).unwrap();
    assert_eq!(block_on(&mut result).unwrap(), "once");
    assert!(matches!(
        result.get_timeout(Duration::ZERO),
        Err(GetError::Job(JobError::Taken))
    ));
    assert!(matches!(block_on(&mut result), Err(JobError::Taken)));
    assert!(matches!(result.get(), Err(JobError::Taken)));
    let mut result = pool.apply_async(|| String::from("twice")).unwrap();
    assert_eq!(result.get_timeout(FOR_EVER).unwrap(), "twice");
    assert!(result.ready());
    assert!(matches!(result.get(), Err(JobError::Taken)));
}

// S17
#[test]
fn get_timeout_leaves_the_handle_usable() {
    let _watch = watchdog();
    pool!(pool: 1);
    let gate = hold!(pool, 1);
    let mut result = pool.apply_async(|| 3).unwrap();
    for _ in 0..3 {
        assert!(matches!(
            result.get_timeout(Duration::ZERO),
            Err(GetError::TimedOut)
        ));
        assert!(matches!(
            result.get_timeout(A_MOMENT),
            Err(GetError::TimedOut)
        ));
    }
    gate.open();
    assert_eq!(result.get_timeout(FOR_EVER).unwrap(), 3);
}

// S17
#[test]
fn a_time_out_of_zero_takes_a_value_that_is_there() {
    let _watch = watchdog();
    pool!(pool: 1);
    let mut result = pool.apply_async(|| 3).unwrap();
    result.wait();
    assert_eq!(result.get_timeout(Duration::ZERO).unwrap(), 3);
    let mut panicked = pool.apply_async(|| boom("no")).unwrap();
    panicked.wait();
    assert!(matches!(
        panicked.get_timeout(Duration::ZERO),
        Err(GetError::Job(JobError::Panicked(_)))
    ));
}

// S17
#[test]
fn a_huge_time_out_does_not_overflow() {
    let _watch = watchdog();
    pool!(pool: 1);
    for huge in [
        FOR_EVER,
        Duration::from_secs(u64::MAX),
        Duration::from_secs(u64::MAX / 2),
    ] {
        let gate = hold!(pool, 1);
        let mut result = pool.apply_async(|| 3).unwrap();
        thread::scope(|s| {
            s.spawn(|| gate.open());
            assert!(result.wait_timeout(huge));
            assert_eq!(result.get_timeout(huge).unwrap(), 3);
        });
    }
}

// S17
#[test]
fn on_a_worker_a_time_out_of_zero_only_looks() {
    let _watch = watchdog();
    pool!(pool: 1);
    pool.apply(|| {
        let ran = Tally::new();
        let count = ran.clone();
        let mut queued = pool.apply_async(move || count.add()).unwrap();
        assert!(matches!(
            queued.get_timeout(Duration::ZERO),
            Err(GetError::TimedOut)
        ));
        assert!(!queued.wait_timeout(Duration::ZERO));
        assert_eq!(ran.get(), 0);
        assert_eq!(
            queued.get_timeout(FOR_EVER).unwrap(),
            0,
            "a longer one runs it in place"
        );
    })
    .unwrap();
}

// S18
#[test]
fn waiting_does_not_take_the_value() {
    let _watch = watchdog();
    pool!(pool: 1);
    let gate = hold!(pool, 1);
    let result = pool.apply_async(|| 8).unwrap();
    assert!(!result.wait_timeout(Duration::ZERO));
    assert!(!result.wait_timeout(A_MOMENT));
    gate.open();
    result.wait();
    assert!(result.wait_timeout(Duration::ZERO));
    result.wait();
    assert_eq!(result.get().unwrap(), 8);
}

// S18
#[test]
fn several_threads_wait_on_one_handle() {
    let _watch = watchdog();
    pool!(pool: 1);
    for _ in 0..50 {
        let gate = hold!(pool, 1);
        let result = pool.apply_async(|| 8).unwrap();
        thread::scope(|s| {
            for i in 0..6 {
                let result = &result;
                s.spawn(move || match i % 3 {
                    0 => result.wait(),
                    1 => assert!(result.wait_timeout(FOR_EVER)),
                    _ => while !result.wait_timeout(Duration::from_micros(50)) {},
                });
            }
            gate.open();
        });
        assert_eq!(result.get().unwrap(), 8);
    }
}

// S19
#[test]
fn successful_is_unknown_until_ready() {
    let _watch = watchdog();
    pool!(pool: 1);
    let gate = hold!(pool, 1);
    let good = pool.apply_async(|| ()).unwrap();
    let bad = pool.apply_async(|| boom("bad")).unwrap();
    let cancelled = pool.apply_async(|| ()).unwrap();
    assert_eq!((good.ready(), good.successful()), (false, None));
    assert_eq!((bad.ready(), bad.successful()), (false, None));
    cancelled.cancel();
    assert_eq!(
        (cancelled.ready(), cancelled.successful()),
        (true, Some(false))
    );
    gate.open();
    good.wait();
    bad.wait();
    assert_eq!((good.ready(), good.successful()), (true, Some(true)));
    assert_eq!((bad.ready(), bad.successful()), (true, Some(false)));
}

// S18, S20
#[test]
fn a_waiter_is_released_by_another_threads_cancel() {
    let _watch = watchdog();
    pool!(pool: 1);
    let gate = hold!(pool, 1);
    for _ in 0..100 {
        let result = pool.apply_async(|| ()).unwrap();
        thread::scope(|s| {
            s.spawn(|| result.wait());
            s.spawn(|| assert_eq!(result.cancel(), CancelOutcome::NeverRan));
        });
    }
    gate.open();
}

// S18
#[test]
fn hundreds_of_threads_wait_at_once() {
    let _watch = watchdog();
    pool!(pool: 1);
    let gate = hold!(pool, 1);
    let shared = pool.apply_async(|| ()).unwrap();
    let arrived = Tally::new();
    thread::scope(|s| {
        for i in 0..300 {
            let own = pool.apply_async(move || i).unwrap();
            let (shared, arrived) = (&shared, arrived.clone());
            s.spawn(move || {
                arrived.add();
                shared.wait();
                assert_eq!(own.get().unwrap(), i);
            });
        }
        arrived.wait_for(300);
        gate.open();
    });
}
