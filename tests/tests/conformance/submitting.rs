//! Submitting.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use ringpool::{JobError, Pool, WaitPolicy};
use ringpool_tests::{Gate, Log, OnDrop, Tally, Tracker, boom, hold, hold_at, pool, watchdog};

/// A pool that was closed, one that was terminated, and one that was both, in either order, with
/// what each must answer.
fn ended_pools() -> Vec<(Pool, fn(&JobError) -> bool)> {
    let closed: fn(&JobError) -> bool = |e| matches!(e, JobError::Closed);
    let terminated: fn(&JobError) -> bool = |e| matches!(e, JobError::Terminated);
    let pools: Vec<Pool> = (0..4).map(|_| pool(2)).collect();
    pools[0].close();
    pools[1].terminate();
    pools[2].close();
    pools[2].terminate();
    pools[3].terminate();
    pools[3].close();
    pools
        .into_iter()
        .zip([closed, terminated, closed, terminated])
        .collect()
}

// S9
#[test]
fn apply_runs_on_a_worker_and_may_borrow() {
    let _watch = watchdog();
    let pool = pool(2);
    let text = String::from("borrowed");
    let mut seen = None;
    let length = pool.apply(|| {
        seen = Some(thread::current().id());
        text.len()
    });
    assert_eq!(length.unwrap(), 8);
    assert_ne!(seen.unwrap(), thread::current().id());
}

// S9
#[test]
fn apply_takes_and_returns_values_that_cannot_be_cloned() {
    let _watch = watchdog();
    let pool = pool(1);
    let tracker = Tracker::new();
    let value = tracker.make();
    let back = pool.apply(move || value).unwrap();
    assert_eq!((back.id(), tracker.alive()), (0, 1));
    drop(back);
    tracker.assert_all_dropped_once();
}

// S9
#[test]
fn apply_on_a_worker_runs_right_there() {
    let _watch = watchdog();
    let pool = pool(3);
    let threads = pool.apply(|| {
        let outer = thread::current().id();
        let inner = pool
            .apply(|| pool.apply(|| thread::current().id()).unwrap())
            .unwrap();
        (outer, inner)
    });
    let (outer, inner) = threads.unwrap();
    assert_eq!(outer, inner);
}

// S9, S30
#[test]
fn a_panic_in_apply_is_its_error() {
    let _watch = watchdog();
    let pool = pool(1);
    let error = pool.apply(|| -> u32 { boom("no value") }).unwrap_err();
    let JobError::Panicked(panic) = error else {
        panic!("{error:?}")
    };
    assert_eq!((panic.message(), panic.index()), (Some("no value"), None));
    assert_eq!(pool.apply(|| 1).unwrap(), 1);
}

// S9
#[test]
fn a_panic_keeps_its_payload() {
    let _watch = watchdog();
    let pool = pool(1);
    let error = pool
        .apply(|| std::panic::resume_unwind(Box::new(77_u64)))
        .unwrap_err();
    let JobError::Panicked(panic) = error else {
        panic!("{error:?}")
    };
    assert_eq!(panic.message(), None);
    assert_eq!(*panic.into_payload().downcast::<u64>().unwrap(), 77);
}

// S9
#[test]
fn a_name_appears_in_the_panic() {
    let _watch = watchdog();
    let pool = pool(1);
    let error = pool
        .with()
        .name("resize")
        .apply(|| boom("too large"))
        .unwrap_err();
    assert!(error.to_string().contains("resize"), "{error}");
    let JobError::Panicked(panic) = error else {
        panic!("{error:?}")
    };
    assert_eq!(panic.job_name(), Some("resize"));
    let result = pool
        .with()
        .name("later")
        .apply_async(|| boom("too late"))
        .unwrap();
    let JobError::Panicked(panic) = result.get().unwrap_err() else {
        panic!()
    };
    assert_eq!(panic.job_name(), Some("later"));
}

// S10
#[test]
fn apply_async_returns_before_the_job_runs() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let result = pool.apply_async(|| 6 * 7).unwrap();
    assert!(!result.ready());
    gate.open();
    assert_eq!(result.get().unwrap(), 42);
}

// S11
#[test]
fn jobs_leave_the_queue_in_the_order_of_acceptance() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let order = Log::new();
    for i in 0..1000 {
        let order = order.clone();
        pool.apply_async(move || order.push(i)).unwrap();
    }
    gate.open();
    pool.close();
    pool.join().unwrap();
    assert_eq!(order.take(), (0..1000).collect::<Vec<_>>());
}

// S11
#[test]
fn a_batch_takes_its_turn_among_single_jobs() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let order = Log::new();
    let push = |what: usize| {
        let order = order.clone();
        pool.apply_async(move || order.push(what)).unwrap();
    };
    push(0);
    let at = order.clone();
    let batch = pool
        .with()
        .chunk_size(1)
        .map_async(1..4, move |i| at.push(i))
        .unwrap();
    push(4);
    gate.open();
    batch.get().unwrap();
    pool.close();
    pool.join().unwrap();
    assert_eq!(order.take(), [0, 1, 2, 3, 4]);
}

// S11
#[test]
fn jobs_of_several_submitters_keep_each_ones_order() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let order = Log::new();
    thread::scope(|s| {
        for who in 0..4 {
            let (pool, order) = (&pool, order.clone());
            s.spawn(move || {
                for i in 0..200 {
                    let order = order.clone();
                    pool.apply_async(move || order.push((who, i))).unwrap();
                }
            });
        }
    });
    gate.open();
    pool.close();
    pool.join().unwrap();
    let order = order.take();
    assert_eq!(order.len(), 800);
    for who in 0..4 {
        assert!(
            order
                .iter()
                .filter(|(by, _)| *by == who)
                .map(|(_, i)| *i)
                .eq(0..200)
        );
    }
}

// S11
#[test]
fn no_job_waits_behind_a_busy_worker_while_another_is_idle() {
    let _watch = watchdog();
    let pool = pool(2);
    for _ in 0..50 {
        let gate = hold(&pool, 1);
        let results: Vec<_> = (0..40)
            .map(|i| pool.apply_async(move || i).unwrap())
            .collect();
        let values: Vec<_> = results
            .into_iter()
            .map(|result| result.get().unwrap())
            .collect();
        assert_eq!(values, (0..40).collect::<Vec<_>>());
        gate.open();
    }
}

// S11
#[test]
fn as_many_jobs_run_at_once_as_there_are_workers() {
    let _watch = watchdog();
    let pool = pool(8);
    for _ in 0..50 {
        let gate = hold(&pool, 8);
        gate.open();
    }
}

// S12
#[test]
fn refused_detached_calls_hand_everything_back() {
    let _watch = watchdog();
    for (pool, expected) in ended_pools() {
        let tracker = Tracker::new();
        let (a, b) = (tracker.make(), tracker.make());
        let refused = pool.apply_async(move || a.id()).err().unwrap();
        assert!(expected(refused.reason()) && !refused.is_full());
        assert_eq!(refused.into_inner()(), 0);
        let refused = pool.try_apply_async(move || b.id()).err().unwrap();
        let (reason, f) = refused.into_parts();
        assert!(expected(&reason));
        assert_eq!(f(), 1);

        let refused = pool
            .map_async(tracker.make_vec(3), |t| t.id())
            .err()
            .unwrap();
        assert!(expected(refused.reason()));
        let (items, f) = refused.into_inner();
        assert_eq!(items.into_iter().map(f).collect::<Vec<_>>(), [2, 3, 4]);

        let refused = pool
            .starmap_async([(1, 2)], |a: i32, b: i32| a + b)
            .err()
            .unwrap();
        assert!(expected(refused.reason()));
        let ([(a, b)], f) = refused.into_inner();
        assert_eq!(f(a, b), 3);
        tracker.assert_all_dropped_once();
    }
}

// S12
#[test]
fn refused_blocking_calls_drop_what_was_given_and_leave_what_was_lent() {
    let _watch = watchdog();
    for (pool, expected) in ended_pools() {
        let tracker = Tracker::new();
        let given = tracker.make();
        assert!(expected(&pool.apply(move || given.id()).unwrap_err()));
        assert_eq!(tracker.alive(), 0);

        let mut lent = tracker.make_vec(3);
        assert!(expected(&pool.map(&lent, |t| t.id()).unwrap_err()));
        assert!(expected(
            &pool
                .for_each(&mut lent, |t| *t = tracker.make())
                .unwrap_err()
        ));
        assert_eq!(lent.iter().map(|t| t.id()).collect::<Vec<_>>(), [1, 2, 3]);
        drop(lent);

        assert!(expected(&pool.map(tracker.make_vec(3), |t| t).unwrap_err()));
        assert!(expected(&pool.starmap([(1, 2)], |a, b| a + b).unwrap_err()));
        assert!(expected(
            &pool.try_map([1], |x| Ok::<_, ()>(x)).unwrap_err()
        ));
        let mut out = [7; 3];
        assert!(expected(
            &pool.map_into(0..3, &mut out[..], |x| x).unwrap_err()
        ));
        assert_eq!(out, [7; 3]);
        assert!(expected(
            &pool.reduce(0..3, 0, |x| x, |a, b| a + b).unwrap_err()
        ));
        assert!(expected(&pool.for_each_chunk(0..3, |_| ()).unwrap_err()));
        assert!(expected(&pool.broadcast(|_| ()).unwrap_err()));
        let scope = pool.scope(|_| unreachable!("the body of a refused scope is not called"));
        assert!(expected(&scope.unwrap_err()));
        assert!(expected(
            &pool.imap(0..3, |x| x).next().unwrap().unwrap_err()
        ));
        tracker.assert_all_dropped_once();
        pool.join().unwrap();
    }
}

// S12, S42
#[test]
fn a_scope_whose_pool_closes_resolves_its_jobs_at_once() {
    let _watch = watchdog();
    let pool = pool(1);
    let ran = AtomicUsize::new(0);
    let scope = pool.scope(|s| {
        let accepted = s.apply_async(|| ran.fetch_add(1, Ordering::SeqCst));
        pool.close();
        let refused = s.apply_async(|| ran.fetch_add(1, Ordering::SeqCst));
        assert!(refused.ready());
        assert!(matches!(refused.get(), Err(JobError::Closed)));
        let refused = s
            .try_apply_async(|| ran.fetch_add(10, Ordering::SeqCst))
            .err()
            .unwrap();
        assert!(matches!(refused.reason(), JobError::Closed));
        refused.into_inner()();
        assert!(accepted.get().is_ok());
    });
    scope.unwrap();
    assert_eq!(ran.into_inner(), 11);
}

// S12
#[test]
fn errors_travel_with_the_question_mark() {
    fn tries(pool: &Pool) -> Result<i32, Box<dyn Error + Send + Sync>> {
        let shared = std::rc::Rc::new(0);
        let result = pool.apply_async(|| 1)?;
        let value = result.get()? + pool.apply(|| *Arc::new(2))?;
        drop(shared);
        Ok(value + pool.map_async(vec![3], |x| x)?.get()?[0])
    }
    fn as_job_error(pool: &Pool) -> Result<i32, JobError> {
        pool.apply_async(|| 1)?.get()
    }
    let _watch = watchdog();
    let pool = pool(1);
    assert_eq!(tries(&pool).unwrap(), 6);
    assert_eq!(as_job_error(&pool).unwrap(), 1);
    pool.close();
    assert!(tries(&pool).unwrap_err().to_string().contains("closed"));
    assert!(matches!(as_job_error(&pool), Err(JobError::Closed)));
}

/// A pool of one worker and two places, which a gate holds, with both places taken.
fn full_pool() -> (Pool, Gate) {
    let pool = Pool::builder().workers(1).capacity(2).build().unwrap();
    let gate = hold(&pool, 1);
    for _ in 0..2 {
        pool.try_apply_async(|| ()).expect("there is room for two");
    }
    (pool, gate)
}

// S13
#[test]
fn a_full_pool_hands_the_closure_back() {
    let _watch = watchdog();
    let (pool, gate) = full_pool();
    let tracker = Tracker::new();
    let value = tracker.make();
    let refused = pool.try_apply_async(move || value.id()).err().unwrap();
    assert!(refused.is_full());
    assert!(matches!(refused.reason(), JobError::Full));
    assert_eq!(refused.into_inner()(), 0);
    tracker.assert_all_dropped_once();
    gate.open();
    assert_eq!(pool.apply_async(|| 5).unwrap().get().unwrap(), 5);
    assert_eq!(
        pool.try_apply_async(|| 6).unwrap().get().unwrap(),
        6,
        "there is room again"
    );
}

// S13
#[test]
fn a_submitter_waits_for_room() {
    let _watch = watchdog();
    let (pool, gate) = full_pool();
    let through = AtomicBool::new(false);
    thread::scope(|s| {
        let waiting: Vec<_> = (0..4)
            .map(|i| {
                let (pool, through) = (&pool, &through);
                s.spawn(move || {
                    let result = pool.apply_async(move || i).unwrap();
                    through.store(true, Ordering::SeqCst);
                    result.get().unwrap()
                })
            })
            .collect();
        assert!(pool.try_apply_async(|| ()).err().unwrap().is_full());
        assert!(
            !through.load(Ordering::SeqCst),
            "nobody can pass while the only worker is held"
        );
        gate.open();
        for (i, thread) in waiting.into_iter().enumerate() {
            assert_eq!(thread.join().unwrap(), i);
        }
    });
}

// S13, S12, S14
#[test]
fn a_submitter_that_waits_for_room_is_refused_when_the_pool_ends() {
    let _watch = watchdog();
    for terminate in [false, true] {
        let (pool, gate) = full_pool();
        let tracker = Tracker::new();
        thread::scope(|s| {
            let submitters: Vec<_> = (0..3)
                .map(|_| {
                    let (pool, value) = (&pool, tracker.make());
                    s.spawn(move || pool.apply_async(move || value.id()).err().unwrap())
                })
                .collect();
            if terminate {
                pool.terminate();
            } else {
                pool.close();
            }
            for submitter in submitters {
                let refused = submitter.join().unwrap();
                match refused.reason() {
                    JobError::Closed => assert!(!terminate),
                    JobError::Terminated => assert!(terminate),
                    other => panic!("{other:?}"),
                }
                assert!(refused.into_inner()() < 3);
            }
            gate.open();
        });
        tracker.assert_all_dropped_once();
    }
}

// S13
#[test]
fn on_a_worker_of_a_full_pool_a_job_runs_in_place() {
    let _watch = watchdog();
    let pool = Pool::builder().workers(1).capacity(1).build().unwrap();
    pool.apply(|| {
        let here = thread::current().id();
        pool.try_apply_async(|| ()).expect("there is room for one");
        assert!(
            pool.try_apply_async(|| ()).err().unwrap().is_full(),
            "`try_` never runs it in place"
        );
        let result = pool.apply_async(|| thread::current().id()).unwrap();
        assert!(result.ready());
        assert_eq!(result.get().unwrap(), here);
        let panicked = pool.apply_async(|| boom("in place")).unwrap();
        assert!(matches!(panicked.get(), Err(JobError::Panicked(_))));
        let batch = pool.map_async(0..10, |i| i).unwrap();
        assert_eq!(batch.get().unwrap(), (0..10).collect::<Vec<_>>());
    })
    .unwrap();
    assert_eq!(pool.apply(|| 1).unwrap(), 1);
}

// S13
#[test]
fn on_a_worker_of_a_full_pool_a_stateful_job_is_refused_while_state_is_lent() {
    let _watch = watchdog();
    let pool = Pool::builder()
        .workers(1)
        .capacity(1)
        .initializer(|_| 0_u32)
        .build()
        .unwrap();
    pool.with_worker()
        .apply(|w| {
            *w.state = 1;
            pool.try_apply_async(|| ()).expect("there is room for one");
            let refused = pool
                .with_worker()
                .apply_async(|w| *w.state = 2)
                .err()
                .unwrap();
            assert!(matches!(refused.reason(), JobError::StateLent));
            assert_eq!(*w.state, 1);
            assert_eq!(
                pool.apply_async(|| 3).unwrap().get().unwrap(),
                3,
                "a stateless one runs"
            );
        })
        .unwrap();
    // A stateless job has not borrowed the state, so there a stateful one may run in place.
    pool.apply(|| {
        pool.try_apply_async(|| ()).expect("there is room for one");
        pool.with_worker()
            .apply_async(|w| *w.state += 5)
            .unwrap()
            .get()
            .unwrap();
    })
    .unwrap();
    assert_eq!(pool.with_worker().apply(|w| *w.state).unwrap(), 6);
}

// S13
#[test]
fn every_verb_gets_through_the_narrowest_pool() {
    let _watch = watchdog();
    let pool = Pool::builder().workers(2).capacity(1).build().unwrap();
    assert_eq!(pool.map(0..100, |x| x).unwrap().len(), 100);
    assert_eq!(
        pool.map_async(0..100, |x| x).unwrap().get().unwrap().len(),
        100
    );
    assert_eq!(
        pool.with()
            .chunk_size(1)
            .imap(0..100, |x| x)
            .map(Result::unwrap)
            .count(),
        100
    );
    assert_eq!(
        pool.with()
            .chunk_size(1)
            .imap_unordered(0..100, |x| x)
            .map(Result::unwrap)
            .count(),
        100
    );
    assert_eq!(pool.broadcast(|w| w.index()).unwrap(), [0, 1]);
    let count = AtomicUsize::new(0);
    pool.scope(|s| {
        for _ in 0..100 {
            s.apply_async(|| {
                s.apply_async(|| count.fetch_add(1, Ordering::SeqCst));
                count.fetch_add(1, Ordering::SeqCst)
            });
        }
    })
    .unwrap();
    assert_eq!(count.into_inner(), 200);
    let results: Vec<_> = (0..100)
        .map(|i| pool.apply_async(move || i).unwrap())
        .collect();
    assert!(
        results
            .into_iter()
            .enumerate()
            .all(|(i, result)| result.get().unwrap() == i)
    );
}

// S13
#[test]
fn a_pool_is_unbounded_by_default() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let ran = Arc::new(AtomicUsize::new(0));
    for _ in 0..100_000 {
        let ran = Arc::clone(&ran);
        pool.try_apply_async(move || ran.fetch_add(1, Ordering::Relaxed))
            .unwrap();
    }
    gate.open();
    pool.close();
    pool.join().unwrap();
    assert_eq!(ran.load(Ordering::Relaxed), 100_000);
}

// S14
#[test]
fn waiters_are_released_whatever_ends_the_pool() {
    let _watch = watchdog();
    for drops in [false, true] {
        let pool = pool(1);
        let gate = hold(&pool, 1);
        let results: Vec<_> = (0..4).map(|_| pool.apply_async(|| ()).unwrap()).collect();
        let batch = pool.map_async(0..10, |x| x).unwrap();
        thread::scope(|s| {
            let waiters: Vec<_> = results
                .into_iter()
                .map(|result| s.spawn(move || result.get()))
                .collect();
            let of_batch = s.spawn(move || batch.get());
            if drops {
                s.spawn(|| gate.open());
                drop(pool);
            } else {
                pool.terminate();
            }
            // With a dropped pool the gate may open first, and then a job runs.
            for waiter in waiters {
                match waiter.join().unwrap() {
                    Ok(()) if drops => {}
                    Err(JobError::Terminated) => {}
                    other => panic!("{other:?}"),
                }
            }
            match of_batch.join().unwrap() {
                Ok(_) if drops => {}
                Err(JobError::Terminated) => {}
                other => panic!("{other:?}"),
            }
            gate.open();
        });
    }
}

// S14
#[test]
fn a_blocking_call_ends_with_its_pool() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    thread::scope(|s| {
        let apply = s.spawn(|| pool.apply(|| ()));
        let map = s.spawn(|| pool.map(0..10, |_| ()));
        let broadcast = s.spawn(|| pool.broadcast(|_| ()));
        pool.terminate();
        assert!(matches!(apply.join().unwrap(), Err(JobError::Terminated)));
        assert!(matches!(map.join().unwrap(), Err(JobError::Terminated)));
        gate.open();
        assert!(matches!(
            broadcast.join().unwrap(),
            Err(JobError::Terminated)
        ));
    });
}

// S14, S15
#[test]
fn each_of_many_jobs_resolves_once_under_random_ends() {
    let _watch = watchdog();
    for round in 0..200_usize {
        let pool = pool(2);
        let tracker = Tracker::new();
        let resolved = Tally::new();
        let results: Vec<_> = (0..20)
            .map(|i| {
                let (value, ok, bad) = (tracker.make(), resolved.clone(), resolved.clone());
                let with = pool
                    .with()
                    .on_success(move |_| {
                        ok.add();
                    })
                    .on_error(move |_| {
                        bad.add();
                    });
                with.apply_async(move || {
                    if i % 5 == round % 5 {
                        boom("one in five")
                    } else {
                        value
                    }
                })
                .unwrap()
            })
            .collect();
        match round % 3 {
            0 => pool.close(),
            1 => drop(pool.terminate()),
            _ => drop(
                results
                    .iter()
                    .step_by(2)
                    .map(|result| result.cancel())
                    .collect::<Vec<_>>(),
            ),
        }
        for result in results {
            match result.get() {
                Ok(_) | Err(JobError::Panicked(_)) => {}
                Err(JobError::Terminated) => assert_eq!(round % 3, 1),
                Err(JobError::Cancelled) => assert_eq!(round % 3, 2),
                Err(other) => panic!("{other:?}"),
            }
        }
        assert_eq!(resolved.get(), 20);
        drop(pool);
        tracker.assert_all_dropped_once();
    }
}

// S15
#[test]
fn captures_are_gone_before_the_result_is_ready() {
    let _watch = watchdog();
    let pool = pool(2);
    for round in 0..200 {
        let tracker = Tracker::new();
        let (a, b) = (tracker.make(), tracker.make());
        let result = pool
            .apply_async(move || {
                let _kept = (&a, &b);
                if round % 2 == 0 {
                    boom("half of them")
                }
            })
            .unwrap();
        while !result.ready() {
            thread::yield_now();
        }
        tracker.assert_all_dropped_once();
    }
}

// S15
#[test]
fn items_and_function_of_a_batch_are_gone_before_the_result_is_ready() {
    let _watch = watchdog();
    let pool = pool(2);
    for round in 0..100_usize {
        let tracker = Tracker::new();
        let of_function = tracker.make();
        let items = tracker.make_vec(10);
        let with = pool.with().chunk_size(1 + round % 4);
        let result = with.map_async(items, move |item| {
            let _kept = &of_function;
            if round % 3 == 0 && item.id() % 4 == 0 {
                boom("some of them")
            }
        });
        let result = result.unwrap();
        while !result.ready() {
            thread::yield_now();
        }
        tracker.assert_all_dropped_once();
    }
}

// S15
#[test]
fn a_blocking_batch_leaves_nothing_of_its_items() {
    let _watch = watchdog();
    let pool = pool(2);
    let tracker = Tracker::new();
    assert_eq!(
        pool.map(tracker.make_vec(100), |t| t.id()).unwrap(),
        (0..100).collect::<Vec<_>>()
    );
    assert_eq!(tracker.alive(), 0);
    let back = pool.map(tracker.make_vec(100), |t| t).unwrap();
    assert_eq!(tracker.alive(), 100);
    drop(back);
    assert!(
        pool.map(tracker.make_vec(100), |t| if t.id() == 250 {
            boom("one")
        } else {
            t
        })
        .is_err()
    );
    tracker.assert_all_dropped_once();
}

// S15
#[test]
fn a_job_that_never_ran_drops_its_captures_before_it_is_ready() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let tracker = Tracker::new();
    let ids = tracker.make_vec(3);
    let mut results: Vec<_> = ids
        .into_iter()
        .map(|t| pool.apply_async(move || t.id()).unwrap())
        .collect();
    let cancelled = results.pop().unwrap();
    cancelled.cancel();
    assert_eq!(tracker.alive(), 2);
    thread::scope(|s| {
        s.spawn(|| pool.terminate());
        for result in &results {
            while !result.ready() {
                thread::yield_now();
            }
        }
        tracker.assert_all_dropped_once();
    });
    gate.open();
}

// S15
#[test]
fn a_result_is_ready_only_after_a_slow_destructor() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = Gate::new();
    let at = gate.clone();
    let guard = OnDrop::new(move || at.pass());
    let mut result = pool
        .apply_async(move || {
            let _guard = &guard;
            5
        })
        .unwrap();
    gate.wait_for_arrivals(1);
    assert!(!result.ready());
    assert!(result.get_timeout(Duration::ZERO).is_err());
    gate.open();
    assert_eq!(result.get().unwrap(), 5);
}

// S11
#[test]
fn workers_come_back_from_idling_every_time() {
    let _watch = watchdog();
    let pool = pool(4);
    for round in 0..2000 {
        assert_eq!(
            pool.apply_async(move || round).unwrap().get().unwrap(),
            round
        );
    }
    let gate = Gate::new();
    hold_at(&pool, &gate, 4);
    gate.open();
}

// S11, S41, S44
#[test]
fn every_wait_policy_does_the_work() {
    let _watch = watchdog();
    for policy in [
        WaitPolicy::Active,
        WaitPolicy::Adaptive,
        WaitPolicy::Passive,
    ] {
        let pool = Pool::builder()
            .workers(2)
            .wait_policy(policy)
            .build()
            .unwrap();
        for round in 0..50 {
            assert_eq!(pool.apply(|| round).unwrap(), round);
            assert_eq!(
                pool.apply_async(move || round).unwrap().get().unwrap(),
                round
            );
            assert_eq!(pool.map(0..round, |x| x).unwrap().len(), round);
            assert_eq!(pool.broadcast(|w| w.index()).unwrap(), [0, 1]);
        }
        let gate = hold(&pool, 2);
        let queued = pool.apply_async(|| 1).unwrap();
        pool.close();
        gate.open();
        pool.join().unwrap();
        assert_eq!(queued.get().unwrap(), 1);
    }
}
