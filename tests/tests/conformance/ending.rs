//! Ending.

use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use ringpool::{GetError, JobError, JoinError, Pool, Schedule};
use ringpool_tests::{
    FlagWaker, Gate, Log, OnDrop, Plan, Tally, TestSpawner, Tracker, block_on, hold, hold_at,
    poll_once, pool, watchdog,
};

const A_MOMENT: Duration = Duration::from_millis(2);

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

// S46
#[test]
fn join_before_close_is_an_error() {
    let _watch = watchdog();
    let pool = pool(2);
    assert_eq!(pool.join(), Err(JoinError::StillRunning));
    assert_eq!(
        pool.join_timeout(Duration::ZERO),
        Err(JoinError::StillRunning)
    );
    assert_eq!(pool.apply(|| 1).unwrap(), 1);
}

// S46
#[test]
fn join_returns_when_every_thread_is_reclaimed() {
    let _watch = watchdog();
    for terminate in [false, true] {
        let spawner = TestSpawner::new(Plan::Obey);
        let ledger = spawner.ledger();
        let left = Tally::new();
        let hook = left.clone();
        let builder = Pool::builder()
            .spawner(spawner)
            .workers(4)
            .initializer(|_| ());
        let pool = builder
            .exit_hook(move |_, ()| {
                hook.add();
            })
            .build()
            .unwrap();
        let gate = Gate::new();
        hold_at(&pool, &gate, 2);
        if terminate {
            pool.terminate();
        } else {
            pool.close();
        }
        thread::scope(|s| {
            let joiners: Vec<_> = (0..4)
                .map(|_| {
                    s.spawn(|| {
                        pool.join().unwrap();
                        (
                            left.get(),
                            ledger.started(),
                            ledger.reclaimed(),
                            gate.is_open(),
                        )
                    })
                })
                .collect();
            gate.open();
            for joiner in joiners {
                assert_eq!(joiner.join().unwrap(), (4, 4, 4, true));
            }
        });
        pool.join().unwrap();
        assert_eq!(ledger.reclaimed(), 4, "each thread is reclaimed once");
    }
}

// S46
#[test]
fn join_from_a_worker_is_an_error() {
    let _watch = watchdog();
    let pool = pool(2);
    let other = self::pool(1);
    pool.close();
    let (own, timed) = {
        let pool = self::pool(2);
        let tried = pool.apply(|| {
            pool.close();
            (pool.join(), pool.join_timeout(Duration::MAX))
        });
        tried.unwrap()
    };
    assert_eq!(
        (own, timed),
        (Err(JoinError::FromWorker), Err(JoinError::FromWorker))
    );
    assert_eq!(
        other.apply(|| pool.join()).unwrap(),
        Ok(()),
        "another pool's worker may join"
    );
}

// S47
#[test]
fn join_timeout_tells_whether_all_left_and_may_be_called_again() {
    let _watch = watchdog();
    let spawner = TestSpawner::new(Plan::Obey);
    let ledger = spawner.ledger();
    let pool = Pool::builder().spawner(spawner).workers(2).build().unwrap();
    let gate = hold(&pool, 1);
    pool.close();
    assert_eq!(pool.join_timeout(Duration::ZERO), Ok(false));
    assert_eq!(pool.join_timeout(A_MOMENT), Ok(false));
    thread::scope(|s| {
        let timed = s.spawn(|| pool.join_timeout(Duration::MAX));
        let untimed = s.spawn(|| pool.join());
        assert_eq!(pool.join_timeout(A_MOMENT), Ok(false));
        gate.open();
        assert_eq!(timed.join().unwrap(), Ok(true));
        assert_eq!(untimed.join().unwrap(), Ok(()));
    });
    assert_eq!(pool.join_timeout(Duration::ZERO), Ok(true));
    assert_eq!(pool.join(), Ok(()));
    assert_eq!((ledger.started(), ledger.reclaimed()), (2, 2));
}

// S48
#[test]
fn dropping_the_pool_terminates_and_joins() {
    let _watch = watchdog();
    let spawner = TestSpawner::new(Plan::Obey);
    let ledger = spawner.ledger();
    let left = Tally::new();
    let hook = left.clone();
    let builder = Pool::builder()
        .spawner(spawner)
        .workers(1)
        .initializer(|_| ());
    let pool = builder
        .exit_hook(move |_, ()| {
            hook.add();
        })
        .build()
        .unwrap();
    let gate = Gate::new();
    let ended = Arc::new(AtomicBool::new(false));
    let (at, end) = (gate.clone(), Arc::clone(&ended));
    let running = pool
        .apply_async(move || {
            at.pass();
            end.store(true, Ordering::SeqCst);
        })
        .unwrap();
    gate.wait_for_arrivals(1);
    let at = gate.clone();
    let guard = OnDrop::new(move || at.open());
    // The destructor of a queued job opens the gate, which happens only if the drop terminates.
    let queued = pool.apply_async(move || drop(guard)).unwrap();
    drop(pool);
    assert!(ended.load(Ordering::SeqCst), "a running job is waited for");
    assert_eq!(
        (ledger.started(), ledger.reclaimed(), left.get()),
        (1, 1, 1)
    );
    running.get().unwrap();
    assert!(matches!(queued.get(), Err(JobError::Terminated)));
}

// S48
#[test]
fn a_pool_may_be_set_to_drain_when_dropped() {
    let _watch = watchdog();
    let pool = Pool::builder().workers(1).drain_on_drop().build().unwrap();
    let gate = hold(&pool, 1);
    let results: Vec<_> = (0..50)
        .map(|i| pool.apply_async(move || i).unwrap())
        .collect();
    thread::scope(|s| {
        s.spawn(|| gate.open());
        drop(pool);
    });
    for (i, result) in results.into_iter().enumerate() {
        assert!(result.ready());
        assert_eq!(result.get().unwrap(), i);
    }
}

// S48
#[test]
fn a_pool_may_be_dropped_by_its_own_worker() {
    let _watch = watchdog();
    for (workers, drains) in [(1, false), (3, false), (1, true), (3, true)] {
        for round in 0..20 {
            let left = Tally::new();
            let (hook, tracker) = (left.clone(), Tracker::new());
            let builder = Pool::builder()
                .workers(workers)
                .initializer(move |_| tracker.make());
            let builder = builder.exit_hook(move |_, _| {
                hook.add();
            });
            let builder = if drains {
                builder.drain_on_drop()
            } else {
                builder
            };
            let pool = Arc::new(builder.build().unwrap());
            let inner = Arc::clone(&pool);
            let gate = Gate::new();
            let at = gate.clone();
            let dropper = pool
                .apply_async(move || {
                    at.pass();
                    drop(inner);
                    11
                })
                .unwrap();
            let queued: Vec<_> = (0..round)
                .map(|i| pool.apply_async(move || i).unwrap())
                .collect();
            drop(pool);
            gate.open();
            assert_eq!(dropper.get().unwrap(), 11);
            for result in queued {
                match result.get() {
                    Ok(_) => {}
                    Err(JobError::Terminated) => assert!(!drains),
                    Err(other) => panic!("{other:?}"),
                }
            }
            left.wait_for(workers);
            while tracker.alive() > 0 {
                thread::yield_now();
            }
            tracker.assert_all_dropped_once();
        }
    }
}

// S48
#[test]
fn a_pool_may_be_dropped_by_a_callback_or_a_destructor_on_its_worker() {
    let _watch = watchdog();
    let left = Tally::new();
    for way in 0..3 {
        let hook = left.clone();
        let builder = Pool::builder().workers(1).initializer(|_| ());
        let pool = Arc::new(
            builder
                .exit_hook(move |_, ()| {
                    hook.add();
                })
                .build()
                .unwrap(),
        );
        let gate = Gate::new();
        hold_at(&pool, &gate, 1);
        let inner = Arc::clone(&pool);
        match way {
            0 => drop(
                pool.with()
                    .on_success(move |()| drop(inner))
                    .apply_async(|| ())
                    .unwrap(),
            ),
            1 => drop(
                pool.with()
                    .on_error(move |_| drop(inner))
                    .apply_async(|| ())
                    .unwrap(),
            ),
            _ => drop(pool.apply_async(move || inner).unwrap()),
        }
        thread::scope(|s| {
            s.spawn(|| gate.open());
            drop(pool);
        });
        left.wait_for(way + 1);
    }
}

// S49
#[test]
fn a_process_with_a_leaked_pool_exits_normally() {
    let _watch = watchdog();
    for state in ["idle", "busy", "queued", "closed"] {
        let output = Command::new(env!("CARGO_BIN_EXE_leaker"))
            .arg(state)
            .output()
            .unwrap();
        assert!(output.status.success(), "{state}: {output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), state);
    }
}

// S50
#[test]
fn a_blocked_waiter_resolves_a_queued_job_at_its_deadline() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let tracker = Tracker::new();
    let errors = Log::new();
    let (value, log) = (tracker.make(), errors.clone());
    let with = pool
        .with()
        .deadline(A_MOMENT)
        .on_error(move |error| log.push(format!("{error:?}")));
    let result = with.apply_async(move || value.id()).unwrap();
    // The only worker is held, so nobody but this thread can resolve it.
    assert!(matches!(result.get(), Err(JobError::DeadlineExpired)));
    assert_eq!(errors.take(), ["DeadlineExpired"]);
    tracker.assert_all_dropped_once();

    let result = pool.with().deadline(A_MOMENT).apply_async(|| ()).unwrap();
    result.wait();
    assert_eq!(result.successful(), Some(false));
    let mut result = pool.with().deadline(A_MOMENT).apply_async(|| ()).unwrap();
    assert!(matches!(
        result.get_timeout(Duration::MAX),
        Err(GetError::Job(JobError::DeadlineExpired))
    ));
    let result = pool.with().deadline(A_MOMENT).apply_async(|| ()).unwrap();
    assert!(result.wait_timeout(Duration::MAX));
    assert!(matches!(
        pool.with().deadline(A_MOMENT).apply(|| ()),
        Err(JobError::DeadlineExpired)
    ));
    assert!(matches!(
        pool.with().deadline(A_MOMENT).map(0..9, |_| ()),
        Err(JobError::DeadlineExpired)
    ));
    let batch = pool
        .with()
        .deadline(A_MOMENT)
        .map_async(0..9, |_| ())
        .unwrap();
    assert!(matches!(batch.get(), Err(JobError::DeadlineExpired)));
    gate.open();
    assert_eq!(pool.apply(|| 1).unwrap(), 1);
}

// S50
#[test]
fn a_waiter_with_an_earlier_time_out_leaves_the_job_alone() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let mut result = pool
        .with()
        .deadline(Duration::MAX)
        .apply_async(|| 5)
        .unwrap();
    assert!(matches!(
        result.get_timeout(A_MOMENT),
        Err(GetError::TimedOut)
    ));
    gate.open();
    assert_eq!(result.get().unwrap(), 5);
}

// S50
#[test]
fn a_deadline_of_zero_lets_nothing_start() {
    let _watch = watchdog();
    let pool = pool(2);
    let ran = AtomicUsize::new(0);
    for _ in 0..100 {
        let never = || {
            ran.fetch_add(1, Ordering::SeqCst);
        };
        assert!(matches!(
            pool.with().deadline(Duration::ZERO).apply(never),
            Err(JobError::DeadlineExpired)
        ));
        let never = |_| {
            ran.fetch_add(1, Ordering::SeqCst);
        };
        assert!(matches!(
            pool.with().deadline(Duration::ZERO).map(0..10, never),
            Err(JobError::DeadlineExpired)
        ));
        let result = pool
            .with()
            .deadline(Duration::ZERO)
            .apply_async(|| ())
            .unwrap();
        assert!(matches!(result.get(), Err(JobError::DeadlineExpired)));
    }
    assert_eq!(ran.into_inner(), 0);
}

// S50
#[test]
fn a_deadline_for_ever_is_none() {
    let _watch = watchdog();
    let pool = pool(1);
    assert_eq!(pool.with().deadline(Duration::MAX).apply(|| 1).unwrap(), 1);
    assert_eq!(
        pool.with()
            .deadline(Duration::MAX)
            .map(0..3, |x| x)
            .unwrap(),
        [0, 1, 2]
    );
    assert_eq!(
        pool.with()
            .deadline(Duration::MAX)
            .apply_async(|| 2)
            .unwrap()
            .get()
            .unwrap(),
        2
    );
    assert_eq!(
        pool.with()
            .deadline(Duration::MAX)
            .imap(0..3, |x| x)
            .map(Result::unwrap)
            .sum::<i32>(),
        3
    );
}

// S50
#[test]
fn a_worker_that_reaches_a_job_too_late_does_not_start_it() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let ran = Tally::new();
    let count = ran.clone();
    let late = pool
        .with()
        .deadline(A_MOMENT)
        .apply_async(move || count.add())
        .unwrap();
    let other = pool.with().deadline(A_MOMENT).apply_async(|| ()).unwrap();
    other.wait();
    // That deadline has passed, so the earlier one has.
    gate.open();
    assert_eq!(pool.apply(|| 1).unwrap(), 1);
    assert!(late.ready(), "its worker has resolved it");
    assert!(matches!(late.get(), Err(JobError::DeadlineExpired)));
    assert_eq!(ran.get(), 0);
}

// S50
#[test]
fn a_running_job_sees_its_deadline_and_its_value_counts() {
    let _watch = watchdog();
    let pool = pool(1);
    let result = pool
        .with_worker()
        .deadline(Duration::from_millis(200))
        .apply_async(|w| {
            while !w.is_cancelled() {
                thread::yield_now();
            }
            5
        })
        .unwrap();
    match result.get() {
        // On a very slow machine the deadline may pass before the job starts.
        Ok(5) | Err(JobError::DeadlineExpired) => {}
        other => panic!("{other:?}"),
    }
    let seen = pool
        .with_worker()
        .deadline(Duration::MAX)
        .apply(|w| w.is_cancelled());
    assert!(!seen.unwrap());
}

// S50
#[test]
fn a_batch_starts_no_chunk_after_its_deadline() {
    let _watch = watchdog();
    let pool = pool(1);
    let ran = AtomicUsize::new(0);
    let mapped = pool
        .with_worker()
        .chunk_size(1)
        .deadline(Duration::from_millis(200))
        .map(0..10, |w, i| {
            ran.fetch_add(1, Ordering::SeqCst);
            while i == 3 && !w.is_cancelled() {
                thread::yield_now();
            }
        });
    assert!(
        matches!(mapped, Err(JobError::DeadlineExpired)),
        "{mapped:?}"
    );
    assert!(ran.into_inner() <= 4);
}

// S50, S34
#[test]
fn a_lazy_iterator_has_a_deadline_for_the_whole_call() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    for ordered in [true, false] {
        let with = pool.with().chunk_size(1).window(4).deadline(A_MOMENT);
        let items = if ordered {
            with.imap(0..8, |x| x)
        } else {
            with.imap_unordered(0..8, |x| x)
        };
        let results: Vec<_> = items.collect();
        assert!(!results.is_empty() && results.len() <= 8);
        assert!(
            results
                .iter()
                .all(|result| matches!(result, Err(JobError::DeadlineExpired))),
            "{results:?}"
        );
    }
    gate.open();
}

// S50, S21
#[test]
fn an_awaited_job_with_a_deadline_resolves_when_it_is_reached() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let mut result = pool.with().deadline(A_MOMENT).apply_async(|| ()).unwrap();
    // A poll may resolve it or leave it to the worker, but nothing may be lost.
    let _ = poll_once(&mut result, &FlagWaker::new());
    let other = pool.with().deadline(A_MOMENT).apply_async(|| ()).unwrap();
    other.wait();
    gate.open();
    if !result.ready() {
        assert!(matches!(
            block_on(&mut result),
            Err(JobError::DeadlineExpired)
        ));
    }
}

// S46, S48
#[test]
fn pools_come_and_go_without_leaving_threads() {
    let _watch = watchdog();
    let alive = Arc::new(Mutex::new(0));
    for round in 0..100 {
        let (begin, end) = (Arc::clone(&alive), Arc::clone(&alive));
        let builder = Pool::builder()
            .workers(4)
            .initializer(move |_| *begin.lock().unwrap() += 1);
        let pool = builder
            .exit_hook(move |_, ()| *end.lock().unwrap() -= 1)
            .build()
            .unwrap();
        assert_eq!(*alive.lock().unwrap(), 4);
        assert_eq!(pool.map(0..round, |x| x).unwrap().len(), round);
        drop(pool);
        assert_eq!(*alive.lock().unwrap(), 0);
    }
}

// S50, S43
#[test]
fn a_deadline_ends_the_wait_for_workers_that_are_busy() {
    let _watch = watchdog();
    let pool = pool(2);
    let gate = hold(&pool, 2);
    let with = pool.with().schedule(Schedule::Static).deadline(A_MOMENT);
    assert!(matches!(
        with.map(0..10, |x| x),
        Err(JobError::DeadlineExpired)
    ));
    let called = pool.with().deadline(A_MOMENT).broadcast(|w| w.index());
    assert!(matches!(called, Err(JobError::DeadlineExpired)));
    assert!(!gate.is_open());
    gate.open();
    assert_eq!(pool.broadcast(|w| w.index()).unwrap(), [0, 1]);
}

// S50
#[test]
fn a_deadline_ends_the_longest_batch() {
    let _watch = watchdog();
    let pool = pool(2);
    let with = pool.with().chunk_size(1).deadline(A_MOMENT);
    assert!(matches!(
        with.for_each(0..u64::MAX, |_| ()),
        Err(JobError::DeadlineExpired)
    ));
}

// S20, S48
#[test]
fn cancels_race_with_the_end_of_the_pool() {
    let _watch = watchdog();
    for round in 0..300 {
        let pool = pool(1 + round % 2);
        let tracker = Tracker::new();
        let results: Vec<_> = tracker
            .make_vec(30)
            .into_iter()
            .map(|t| pool.apply_async(move || t.id()).unwrap())
            .collect();
        let batch = pool.map_async(tracker.make_vec(30), |t| t.id()).unwrap();
        thread::scope(|s| {
            s.spawn(|| {
                for result in &results {
                    let _ = result.cancel();
                }
            });
            s.spawn(|| {
                let _ = batch.cancel();
            });
            drop(pool);
        });
        for result in results {
            assert!(matches!(
                result.get(),
                Ok(_) | Err(JobError::Cancelled | JobError::Terminated)
            ));
        }
        assert!(matches!(
            batch.get(),
            Ok(_) | Err(JobError::Cancelled | JobError::Terminated)
        ));
        tracker.assert_all_dropped_once();
    }
}
