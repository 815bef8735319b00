//! Closing, terminating and joining.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use ringpool::{CancelOutcome, JobError, JoinError, Schedule, StaticPool, Std};
use ringpool_tests::{Gate, Tracker, watchdog};

use super::with_workers;

// S20, S46: a job that was cancelled behind another leaves an entry, for which no worker may come.
#[test]
fn join_does_not_wait_for_what_was_cancelled_behind_others() {
    static POOL: StaticPool<1, 4, 64, Std> = StaticPool::new();
    let _watch = watchdog();
    let mut seat = POOL.seat(0).unwrap();
    let first = POOL.apply_async(|| 1).unwrap();
    let second = POOL.apply_async(|| 2).unwrap();
    assert_eq!(second.cancel(), CancelOutcome::NeverRan);
    assert!(seat.run_one());
    assert_eq!(first.get().unwrap(), 1);
    POOL.close();
    drop(seat);
    assert_eq!(POOL.join_timeout(Duration::ZERO), Ok(true));
}

// S12, S44
#[test]
fn a_closed_pool_finishes_what_it_accepted_and_refuses_the_rest() {
    static POOL: StaticPool<2, 8, 64, Std> = StaticPool::new();
    let _watch = watchdog();
    let accepted = [0, 1, 2].map(|number| POOL.apply_async(move || number).unwrap());
    POOL.close();
    POOL.close();
    let refused = POOL.apply_async(|| 9).unwrap_err();
    assert!(matches!(refused.reason(), JobError::Closed));
    assert_eq!(refused.into_inner()(), 9);
    assert!(matches!(POOL.apply(|| ()), Err(JobError::Closed)));
    assert!(matches!(POOL.for_each(0..3, drop), Err(JobError::Closed)));
    assert!(matches!(POOL.broadcast(|_| ()), Err(JobError::Closed)));
    // A worker that comes late still finds what was accepted.
    POOL.run_worker(1).unwrap();
    assert_eq!(accepted.map(|handle| handle.get().unwrap()), [0, 1, 2]);
    assert_eq!(POOL.stats().never_started, 0);
    POOL.join().unwrap();
}

// S12, S13: a pool that is full and closed says what stays true.
#[test]
fn a_full_pool_that_is_closed_answers_closed() {
    static POOL: StaticPool<1, 1, 64, Std> = StaticPool::new();
    let _watch = watchdog();
    let _queued = POOL.apply_async(|| ()).unwrap();
    POOL.close();
    let refused = POOL.apply_async(|| ()).unwrap_err();
    assert!(matches!(refused.reason(), JobError::Closed));
    POOL.run_worker(0).unwrap();
}

// S45
#[test]
fn terminate_resolves_what_is_queued_and_counts_it() {
    static POOL: StaticPool<1, 4, 64, Std> = StaticPool::new();
    let _watch = watchdog();
    let tracker = Tracker::new();
    let queued = [(); 3].map(|()| {
        let captured = tracker.make();
        POOL.apply_async(move || drop(captured)).unwrap()
    });
    assert_eq!(POOL.terminate(), 3);
    assert_eq!(POOL.terminate(), 0);
    tracker.assert_all_dropped_once();
    for handle in queued {
        assert!(matches!(handle.get(), Err(JobError::Terminated)));
    }
    assert_eq!(POOL.stats().never_started, 3);
    POOL.join().unwrap();
    POOL.run_worker(0).unwrap();
}

// S45
#[test]
fn a_running_job_sees_that_the_pool_is_terminated() {
    static POOL: StaticPool<1, 4, 64, Std> = StaticPool::new();
    let _watch = watchdog();
    let gate = Gate::new();
    thread::scope(|scope| {
        scope.spawn(|| POOL.run_worker(0).unwrap());
        let at = gate.clone();
        let job = POOL.with_worker().apply_async(move |worker| {
            let before = worker.is_cancelled();
            at.pass();
            (before, worker.is_cancelled())
        });
        gate.wait_for_arrivals(1);
        assert_eq!(POOL.terminate(), 0);
        gate.open();
        assert_eq!(job.unwrap().get().unwrap(), (false, true));
        POOL.join().unwrap();
    });
}

// S14, S45: seats that nobody has keep nobody waiting, before and after.
#[test]
fn terminate_ends_a_broadcast_that_waits_for_an_empty_seat() {
    let _watch = watchdog();
    for schedule in [None, Some(Schedule::Static)] {
        let pool = StaticPool::<3, 8, 64, Std>::new();
        let tracker = Tracker::new();
        let gate = Gate::new();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| match schedule {
                None => pool
                    .broadcast(|_| {
                        let value = tracker.make();
                        gate.pass();
                        drop(value);
                    })
                    .map(drop),
                Some(schedule) => {
                    let items = [(); 9].map(|()| tracker.make());
                    pool.with().schedule(schedule).for_each(items, |item| {
                        gate.pass();
                        drop(item);
                    })
                }
            });
            // Seat 0 takes part, seat 1 was left before, seat 2 is held by one that does nothing.
            let idle = pool.seat(2).unwrap();
            drop(pool.seat(1).unwrap());
            scope.spawn(|| pool.run_worker(0).unwrap());
            gate.wait_for_arrivals(1);
            assert_eq!(pool.terminate(), 1);
            gate.open();
            drop(idle);
            let ended = waiting.join().unwrap();
            assert!(matches!(ended, Err(JobError::Terminated)), "{ended:?}");
        });
        pool.join().unwrap();
        tracker.assert_all_dropped_once();
    }
}

// S46, S47
#[test]
fn join_waits_for_the_workers_and_for_what_is_queued() {
    static POOL: StaticPool<2, 4, 64, Std> = StaticPool::new();
    static LEFT: AtomicUsize = AtomicUsize::new(0);
    let _watch = watchdog();
    assert_eq!(POOL.join(), Err(JoinError::StillRunning));
    let seat = POOL.seat(0).unwrap();
    let queued = POOL.apply_async(|| POOL.join()).unwrap();
    POOL.close();
    assert_eq!(POOL.join_timeout(Duration::ZERO), Ok(false));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                POOL.join().unwrap();
                assert_eq!(LEFT.load(Ordering::Relaxed), 1);
            });
        }
        // A worker that leaves before the work is done does not end the wait.
        drop(seat);
        assert_eq!(POOL.join_timeout(Duration::ZERO), Ok(false));
        let mut seat = POOL.seat(1).unwrap();
        assert!(seat.run_one());
        assert_eq!(POOL.join_timeout(Duration::ZERO), Ok(false));
        LEFT.store(1, Ordering::Relaxed);
        drop(seat);
    });
    assert_eq!(queued.get().unwrap(), Err(JoinError::FromWorker));
    assert_eq!(POOL.join_timeout(Duration::ZERO), Ok(true));
}

// S20, S46: nobody is there to pop it, so the one who cancels ends the wait.
#[test]
fn join_ends_when_the_last_queued_job_is_cancelled() {
    static POOL: StaticPool<1, 4, 64, Std> = StaticPool::new();
    let _watch = watchdog();
    let queued = POOL.apply_async(|| ()).unwrap();
    POOL.close();
    thread::scope(|scope| {
        scope.spawn(|| POOL.join().unwrap());
        assert_eq!(queued.cancel(), CancelOutcome::NeverRan);
    });
}

// S44, S46
#[test]
fn pools_open_and_close_under_load() {
    let _watch = watchdog();
    for _ in 0..if cfg!(miri) { 3 } else { 300 } {
        let pool = StaticPool::<3, 4, 64, Std>::new();
        let sum = AtomicUsize::new(0);
        with_workers(&pool, || {
            thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| {
                        for _ in 0..10 {
                            let add = |x| {
                                sum.fetch_add(x, Ordering::Relaxed);
                            };
                            // A full queue refuses, and the caller tries again.
                            while pool.for_each(0..10, add).is_err() {}
                        }
                    });
                }
            });
        });
        assert_eq!(sum.into_inner(), 2 * 10 * 45);
    }
}

// S44, S46
#[test]
fn join_waits_for_a_broadcast_that_waits_for_a_seat() {
    static POOL: StaticPool<2, 4, 64, Std> = StaticPool::new();
    let _watch = watchdog();
    thread::scope(|scope| {
        let broadcast = scope.spawn(|| POOL.broadcast(|worker| worker.index()));
        let mut seat = POOL.seat(0).unwrap();
        while !seat.run_one() {
            thread::yield_now();
        }
        POOL.close();
        drop(seat);
        assert_eq!(POOL.join_timeout(Duration::ZERO), Ok(false));
        POOL.run_worker(1).unwrap();
        POOL.join().unwrap();
        assert_eq!(broadcast.join().unwrap().unwrap(), [0, 1]);
    });
}
