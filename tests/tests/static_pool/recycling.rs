//! Workers whose states are ended and made anew after so many jobs.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use ringpool::{JobError, StaticPool, Std};
use ringpool_tests::{Tracked, Tracker, boom, watchdog};

use super::with_workers;

/// What a worker has done in one generation.
#[derive(Debug, Default, PartialEq, Eq)]
struct Shift {
    jobs: u32,
}

// S7
#[test]
fn a_loop_that_has_done_its_jobs_gets_a_fresh_state() {
    static ENDED: Mutex<Vec<(usize, u32)>> = Mutex::new(Vec::new());
    static POOL: StaticPool<1, 8, 64, Std, Shift> = StaticPool::new()
        .max_jobs_per_worker(2)
        .exit_hook(|worker, state| {
            let mut ended = ENDED.lock().unwrap();
            ended.push((worker.generation(), state.jobs));
        });
    let _watch = watchdog();
    let mut seat = POOL.seat(0).unwrap();
    let jobs = [(); 5].map(|()| {
        POOL.with_worker()
            .apply_async(|worker| {
                worker.state.jobs += 1;
                worker.state.jobs
            })
            .unwrap()
    });
    for done in 1..=5 {
        assert!(seat.run_one());
        // The state goes with the last job that it was for, not with the next one.
        assert_eq!(ENDED.lock().unwrap().len(), done / 2);
    }
    assert_eq!(jobs.map(|job| job.get().unwrap()), [1, 2, 1, 2, 1]);
    // What the loop does as a worker counts as well, also if it ends by a panic.
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        seat.participate(|| {
            let work = |worker: &mut ringpool::Worker<'_, Shift>| worker.state.jobs += 1;
            POOL.with_worker().apply(work).unwrap();
            boom("in the loop")
        });
    }));
    assert!(panicked.is_err());
    assert!(!seat.run_one());
    seat.participate(|| ());
    drop(seat);
    assert_eq!(*ENDED.lock().unwrap(), [(0, 2), (1, 2), (2, 2), (3, 0)]);
    assert_eq!(POOL.stats().workers[0].replaced, 3);
    assert_eq!(POOL.stats().workers[0].jobs, 6);
}

// S7: a batch is left at the quota and taken up again, and no chunk is lost.
#[test]
fn a_chunk_is_a_job_and_a_batch_survives_the_swap() {
    static SHIFTS: Mutex<Vec<u32>> = Mutex::new(Vec::new());
    static POOL: StaticPool<1, 8, 64, Std, Shift> = StaticPool::new()
        .max_jobs_per_worker(3)
        .exit_hook(|_, state| SHIFTS.lock().unwrap().push(state.jobs));
    let _watch = watchdog();
    let mut hits = [0_u8; 10];
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let each = |worker: &mut ringpool::Worker<'_, Shift>, hit: &mut u8| {
                worker.state.jobs += 1;
                *hit += 1;
            };
            let call = POOL.with_worker().chunk_size(1);
            call.for_each(&mut hits, each).unwrap();
        });
        while POOL.stats().queued == 0 {
            std::thread::yield_now();
        }
        let mut seat = POOL.seat(0).unwrap();
        assert!(seat.run_one());
        assert!(!seat.run_one());
    });
    assert_eq!(hits, [1; 10]);
    assert_eq!(*SHIFTS.lock().unwrap(), [3, 3, 3, 1]);
}

// S7
#[test]
fn workers_on_their_threads_recycle_between_jobs() {
    static SHIFTS: Mutex<Vec<u32>> = Mutex::new(Vec::new());
    static POOL: StaticPool<2, 8, 64, Std, Shift> = StaticPool::new()
        .max_jobs_per_worker(5)
        .exit_hook(|_, state| SHIFTS.lock().unwrap().push(state.jobs));
    let _watch = watchdog();
    let rounds = if cfg!(miri) { 20 } else { 400 };
    with_workers(&POOL, || {
        for _ in 0..rounds {
            POOL.with_worker()
                .apply(|worker| worker.state.jobs += 1)
                .unwrap();
        }
    });
    let shifts = SHIFTS.lock().unwrap();
    assert_eq!(shifts.iter().sum::<u32>(), rounds);
    let full = shifts.iter().filter(|jobs| **jobs == 5).count();
    // Every shift is full but the last of each worker.
    assert!(shifts.iter().all(|jobs| *jobs <= 5) && full + 2 >= shifts.len());
    let replaced = POOL.stats().workers.map(|worker| worker.replaced);
    assert_eq!(replaced.iter().sum::<usize>() + 2, shifts.len());
}

// S43: a part of a broadcast is a job.
#[test]
fn a_broadcast_counts_for_each_worker() {
    static POOL: StaticPool<1, 8, 64, Std, Shift> = StaticPool::new().max_jobs_per_worker(1);
    let _watch = watchdog();
    std::thread::scope(|scope| {
        let call = || {
            POOL.broadcast(|worker| {
                worker.state.jobs += 1;
                worker.state.jobs
            })
        };
        let answers = scope.spawn(move || [call(), call()].map(Result::unwrap));
        let mut seat = POOL.seat(0).unwrap();
        let mut done = 0;
        while done < 2 {
            done += usize::from(seat.run_one());
        }
        assert_eq!(answers.join().unwrap(), [[1], [1]]);
    });
}

// S6
#[test]
fn a_state_that_cannot_be_made_anew_breaks_the_pool() {
    static FAILS: AtomicBool = AtomicBool::new(false);
    let _watch = watchdog();
    for on_thread in [false, true] {
        FAILS.store(false, Ordering::Relaxed);
        let tracker = Tracker::new();
        let pool: &'static StaticPool<3, 8, 64, Std, Option<Tracked>> =
            ringpool_tests::leak(StaticPool::new().max_jobs_per_worker(1).initializer(|_| {
                if FAILS.load(Ordering::Relaxed) {
                    boom("state")
                }
                None
            }));
        let mut seat = pool.seat_with(0, Some(tracker.make())).unwrap();
        FAILS.store(true, Ordering::Relaxed);
        let jobs = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            // It waits for seats that nobody has, too.
            let broadcast = scope.spawn(|| {
                pool.broadcast(|_| {
                    for _ in 0..3 {
                        let captured = tracker.make();
                        let job = pool.apply_async(move || drop(captured));
                        jobs.lock().unwrap().push(job.unwrap());
                    }
                })
            });
            if on_thread {
                seat.run();
            } else {
                while !seat.run_one() {}
                let refused = seat.participate(|| pool.with_worker().apply(|_| ()));
                assert!(matches!(refused, Err(JobError::Broken)), "{refused:?}");
                assert!(!seat.run_one());
                drop(seat);
            }
            let ended = broadcast.join().unwrap();
            assert!(matches!(ended, Err(JobError::Broken)), "{ended:?}");
        });
        let jobs = jobs.into_inner().unwrap();
        assert_eq!(jobs.len(), 3);
        for job in jobs {
            assert!(matches!(job.get(), Err(JobError::Broken)));
        }
        assert!(matches!(pool.apply(|| ()), Err(JobError::Broken)));
        pool.join().unwrap();
        tracker.assert_all_dropped_once();
    }
}
