//! Jobs with handles, which lie in the pool's slots.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ringpool::{CancelOutcome, JobError, StaticPool, Std};
use ringpool_tests::{Tracker, block_on, boom, watchdog};

use super::with_workers;

// S10, S16
#[test]
fn many_jobs_pass_through_few_slots() {
    static POOL: StaticPool<2, 4, 64, Std> = StaticPool::new();
    let _watch = watchdog();
    with_workers(&POOL, || {
        let mut handles = std::collections::VecDeque::new();
        for number in 0..if cfg!(miri) { 100 } else { 10_000_u64 } {
            while handles.len() >= 4 {
                let (expected, handle): (u64, ringpool::AsyncResult<u64>) =
                    handles.pop_front().unwrap();
                assert_eq!(handle.get().unwrap(), expected + 1);
            }
            let mut job = move || number + 1;
            // A worker that has not let go of a job whose value is taken keeps its slot for a moment.
            let handle = loop {
                match POOL.apply_async(job) {
                    Ok(handle) => break handle,
                    Err(refused) => {
                        assert!(refused.is_full());
                        job = refused.into_inner();
                        std::thread::yield_now();
                    }
                }
            };
            handles.push_back((number, handle));
        }
        for (expected, handle) in handles {
            assert_eq!(handle.get().unwrap(), expected + 1);
        }
    });
}

// S13, S15
#[test]
fn a_full_pool_hands_the_closure_back_and_a_dropped_handle_frees_its_slot() {
    static POOL: StaticPool<1, 2, 64, Std> = StaticPool::new();
    let _watch = watchdog();
    let tracker = Tracker::new();
    let mut seat = POOL.seat(0).unwrap();
    let submit = |name: &'static str| {
        let captured = tracker.make();
        POOL.apply_async(move || {
            drop(captured);
            name
        })
    };
    let first = submit("first").unwrap();
    let second = submit("second").unwrap();
    for refused in [submit("third").unwrap_err(), submit("third").unwrap_err()] {
        assert!(refused.is_full());
        // What comes back is the closure itself.
        assert_eq!(refused.into_inner()(), "third");
    }
    assert!(seat.run_one());
    // A place in the queue is free, but the slot still holds the value.
    assert!(submit("third").unwrap_err().is_full());
    assert_eq!(first.get().unwrap(), "first");
    let third = submit("third").unwrap();
    drop(second);
    // Detached, but not run yet (S22).
    assert!(submit("fourth").unwrap_err().is_full());
    assert!(seat.run_one());
    drop(submit("fourth").unwrap());
    assert!(seat.run_one() && seat.run_one() && !seat.run_one());
    assert_eq!(third.get().unwrap(), "third");
    tracker.assert_all_dropped_once();
}

// S13: a slot is free, but the place in the queue is taken.
#[test]
fn a_job_that_finds_no_place_in_the_queue_leaves_its_slot() {
    static POOL: StaticPool<1, 1, 64, Std> = StaticPool::new();
    let _watch = watchdog();
    std::thread::scope(|scope| {
        let blocking = scope.spawn(|| POOL.apply(|| 1));
        while POOL.stats().queued == 0 {
            std::thread::yield_now();
        }
        for _ in 0..3 {
            assert!(POOL.apply_async(|| 2).unwrap_err().is_full());
        }
        let mut seat = POOL.seat(0).unwrap();
        assert!(seat.run_one());
        assert_eq!(blocking.join().unwrap().unwrap(), 1);
        let next = POOL.apply_async(|| 3).unwrap();
        assert!(seat.run_one());
        assert_eq!(next.get().unwrap(), 3);
    });
}

// S13: a job that submits to its own full pool is told so, and runs nothing in place.
#[test]
fn a_job_that_finds_its_pool_full_gets_its_closure_back() {
    static POOL: StaticPool<1, 1, 64, Std> = StaticPool::new();
    let _watch = watchdog();
    let mut seat = POOL.seat(0).unwrap();
    let outer = POOL.apply_async(|| match POOL.apply_async(|| 7) {
        Ok(_) => None,
        Err(refused) => Some((refused.is_full(), refused.into_inner()())),
    });
    assert!(seat.run_one());
    assert_eq!(outer.unwrap().get().unwrap(), Some((true, 7)));
}

// S22
#[test]
fn the_value_of_a_detached_job_is_dropped() {
    static POOL: StaticPool<1, 2, 64, Std> = StaticPool::new();
    let _watch = watchdog();
    let tracker = Tracker::new();
    let mut seat = POOL.seat(0).unwrap();
    for _ in 0..5 {
        let value = tracker.make();
        drop(POOL.apply_async(move || value).unwrap());
        assert!(seat.run_one());
        let value = tracker.make();
        let handle = POOL.apply_async(move || value).unwrap();
        assert!(seat.run_one());
        drop(handle);
    }
    tracker.assert_all_dropped_once();
}

// S13, S20: what was cancelled behind an older job gives its place back with the next submission.
#[test]
fn a_queue_of_cancelled_jobs_is_not_full() {
    static POOL: StaticPool<1, 4, 64, Std> = StaticPool::new();
    let _watch = watchdog();
    let mut seat = POOL.seat(0).unwrap();
    for round in 0..3 {
        let jobs = [(); 4].map(|()| POOL.apply_async(move || round).unwrap());
        for job in &jobs[1..] {
            assert_eq!(job.cancel(), CancelOutcome::NeverRan);
        }
        assert!(seat.run_one());
        assert!(
            jobs.map(|job| job.get().is_ok())
                .into_iter()
                .eq([true, false, false, false])
        );
    }
}

// S20
#[test]
fn a_cancelled_job_never_runs_and_gives_slot_and_place_back() {
    static POOL: StaticPool<1, 2, 64, Std> = StaticPool::new();
    let _watch = watchdog();
    let tracker = Tracker::new();
    for _ in 0..10 {
        let captured = tracker.make();
        let job = POOL
            .apply_async(move || {
                let _captured = captured;
                boom("ran")
            })
            .unwrap();
        assert_eq!(job.cancel(), CancelOutcome::NeverRan);
        tracker.assert_all_dropped_once();
        assert!(matches!(job.get(), Err(JobError::Cancelled)));
    }
    assert_eq!(POOL.stats().queued, 0);
}

// S23, S24
#[test]
fn callbacks_run_once_before_the_job_is_ready() {
    static POOL: StaticPool<1, 4, 128, Std> = StaticPool::new();
    static CALLED: AtomicUsize = AtomicUsize::new(0);
    let _watch = watchdog();
    let mut seat = POOL.seat(0).unwrap();
    let good = POOL
        .with()
        .on_success(|value: &u32| {
            CALLED.fetch_add(*value as usize, Ordering::Relaxed);
        })
        .on_error(|_| boom("not an error"))
        .apply_async(|| 5_u32)
        .unwrap();
    let bad = POOL
        .with()
        .name("bad")
        .on_success(|(): &()| boom("in the callback"))
        .apply_async(|| ())
        .unwrap();
    assert!(seat.run_one() && seat.run_one());
    assert_eq!(CALLED.load(Ordering::Relaxed), 5);
    assert_eq!(good.get().unwrap(), 5);
    match bad.get().unwrap_err() {
        JobError::Panicked(panic) => {
            assert_eq!(panic.message(), Some("in the callback"));
            assert_eq!(panic.job_name(), Some("bad"));
        }
        error => panic!("{error:?}"),
    }
}

// S21
#[test]
fn a_handle_can_be_awaited() {
    static POOL: StaticPool<1, 2, 64, Std> = StaticPool::new();
    let _watch = watchdog();
    with_workers(&POOL, || {
        let answer = block_on(async { POOL.apply_async(|| 6 * 7)?.await });
        assert_eq!(answer.unwrap(), 42);
    });
}

// S41
#[test]
fn a_wait_in_a_job_runs_the_awaited_job_in_place() {
    static POOL: StaticPool<1, 4, 64, Std> = StaticPool::new();
    static ORDER: Mutex<Vec<&str>> = Mutex::new(Vec::new());
    let _watch = watchdog();
    let mut seat = POOL.seat(0).unwrap();
    let log = |event| ORDER.lock().unwrap().push(event);
    let outer = POOL
        .apply_async(move || {
            let other = POOL.apply_async(move || log("other")).unwrap();
            let inner = POOL.apply_async(move || log("inner")).unwrap();
            inner.get().unwrap();
            log("outer");
            drop(other);
        })
        .unwrap();
    while seat.run_one() {}
    outer.get().unwrap();
    assert_eq!(*ORDER.lock().unwrap(), ["inner", "outer", "other"]);
}

// S10: a job of exactly the size that a slot has fits, whatever it captures.
#[test]
fn closures_and_results_up_to_the_size_of_a_slot_fit() {
    static POOL: StaticPool<1, 1, 96, Std> = StaticPool::new();
    let _watch = watchdog();
    let mut seat = POOL.seat(0).unwrap();
    let large = [7_u8; 96];
    let sum = POOL.apply_async(move || large.iter().map(|x| u32::from(*x)).sum::<u32>());
    assert!(seat.run_one());
    assert_eq!(sum.unwrap().get().unwrap(), 7 * 96);
    let aligned = POOL.apply_async(|| 1_u128 << 100);
    assert!(seat.run_one());
    assert_eq!(aligned.unwrap().get().unwrap(), 1 << 100);
    let shared = Arc::new(());
    let held = Arc::clone(&shared);
    let large = POOL.apply_async(move || {
        drop(held);
        [1_u64; 12]
    });
    assert!(seat.run_one());
    assert_eq!(large.unwrap().get().unwrap(), [1; 12]);
    // With all that a job may carry besides.
    let with = POOL.with().name("large").deadline(Duration::from_hours(1));
    let large = with.apply_async(|| [2_u64; 12]);
    assert!(seat.run_one());
    assert_eq!(large.unwrap().get().unwrap(), [2; 12]);
    assert_eq!(Arc::strong_count(&shared), 1);
}
