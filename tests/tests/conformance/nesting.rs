//! Nesting.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use ringpool::{JobError, Pool, Schedule};
use ringpool_tests::{Gate, Log, Tally, Tracker, block_on, boom, hold, hold_at, pool, watchdog};

/// Goes down to depth zero through every verb that waits.
fn nest(pool: &Arc<Pool>, depth: usize) -> usize {
    if depth == 0 {
        return 1;
    }
    let again = |()| {
        let pool = Arc::clone(pool);
        move || nest(&pool, depth - 1)
    };
    match depth % 6 {
        0 => pool.apply(again(())).unwrap(),
        1 => pool.apply_async(again(())).unwrap().get().unwrap(),
        2 => pool
            .map(0..2, |_| nest(pool, depth - 1))
            .unwrap()
            .into_iter()
            .sum(),
        3 => {
            let mut sum = 0;
            pool.scope(|s| s.apply_async(|| sum = nest(pool, depth - 1)).wait())
                .unwrap();
            sum
        }
        4 => {
            let inner = Arc::clone(pool);
            let items = pool
                .with()
                .chunk_size(1)
                .imap(0..2, move |_: i32| nest(&inner, depth - 1));
            items.map(Result::unwrap).sum()
        }
        _ => block_on(pool.apply_async(again(())).unwrap()).unwrap(),
    }
}

// S41
#[test]
fn nesting_of_any_depth_and_verb_finishes_on_one_worker() {
    let _watch = watchdog();
    for workers in [1, 2, 3] {
        let pool = Arc::new(pool(workers));
        let inner = Arc::clone(&pool);
        assert_eq!(
            pool.apply(move || nest(&inner, 24)).unwrap(),
            1 << 8,
            "{workers} workers"
        );
    }
}

// S41
#[test]
fn a_deep_chain_of_waits_finishes_on_one_worker() {
    fn chain(pool: &Arc<Pool>, depth: usize) -> usize {
        let inner = Arc::clone(pool);
        if depth == 0 {
            0
        } else {
            pool.apply_async(move || 1 + chain(&inner, depth - 1))
                .unwrap()
                .get()
                .unwrap()
        }
    }
    let _watch = watchdog();
    let pool = Arc::new(pool(1));
    let inner = Arc::clone(&pool);
    assert_eq!(pool.apply(move || chain(&inner, 100)).unwrap(), 100);
}

// S41
#[test]
fn a_wait_runs_the_awaited_job_and_no_other() {
    let _watch = watchdog();
    let pool = Arc::new(pool(1));
    let order = Log::new();
    let lock = Arc::new(Mutex::new(()));
    let inner = Arc::clone(&pool);
    let (log, shared) = (order.clone(), Arc::clone(&lock));
    let unrelated = pool
        .apply(move || {
            let submit = |what: &'static str| {
                let (log, lock) = (log.clone(), Arc::clone(&shared));
                inner
                    .apply_async(move || {
                        log.push((what, lock.try_lock().is_ok()));
                    })
                    .unwrap()
            };
            let first = submit("unrelated");
            let held = shared.lock().unwrap();
            submit("awaited by get").get().unwrap();
            submit("awaited by wait").wait();
            assert!(submit("awaited in time").wait_timeout(Duration::MAX));
            submit("dropped");
            block_on(submit("polled")).unwrap();
            inner.map(0..3, |_| log.push(("mapped", false))).unwrap();
            drop(held);
            log.push(("end", true));
            first
        })
        .unwrap();
    unrelated.get().unwrap();
    pool.close();
    pool.join().unwrap();
    let mut expected = vec![
        ("awaited by get", false),
        ("awaited by wait", false),
        ("awaited in time", false),
    ];
    expected.extend([
        ("polled", false),
        ("mapped", false),
        ("mapped", false),
        ("mapped", false),
        ("end", true),
    ]);
    expected.extend([("unrelated", true), ("dropped", true)]);
    assert_eq!(order.take(), expected);
}

// S41
#[test]
fn a_wait_for_a_job_that_runs_elsewhere_waits() {
    let _watch = watchdog();
    let pool = pool(2);
    let gate = Gate::new();
    let at = gate.clone();
    let elsewhere = pool
        .apply_async(move || {
            at.pass();
            thread::current().id()
        })
        .unwrap();
    gate.wait_for_arrivals(1);
    let (here, there) = thread::scope(|s| {
        let waiting = Tally::new();
        let tally = waiting.clone();
        let pool = &pool;
        let waiter = s.spawn(move || {
            pool.apply(move || {
                tally.add();
                (thread::current().id(), elsewhere.get().unwrap())
            })
        });
        waiting.wait_for(1);
        gate.open();
        waiter.join().unwrap().unwrap()
    });
    assert_ne!(here, there);
}

// S41
#[test]
fn two_workers_that_wait_for_each_others_queued_jobs_finish() {
    let _watch = watchdog();
    let pool = Arc::new(pool(2));
    for _ in 0..300 {
        let outer: Vec<_> = (0..4)
            .map(|i| {
                let inner = Arc::clone(&pool);
                pool.apply_async(move || {
                    let queued: Vec<_> = (0..4)
                        .map(|j| inner.apply_async(move || i * 10 + j).unwrap())
                        .collect();
                    queued
                        .into_iter()
                        .map(|result| result.get().unwrap())
                        .sum::<i32>()
                })
                .unwrap()
            })
            .collect();
        let sum: i32 = outer.into_iter().map(|result| result.get().unwrap()).sum();
        assert_eq!(sum, 4 * (1 + 2 + 3) + 16 * 10 + 4 * 20);
    }
}

// S41
#[test]
fn a_nested_map_is_worked_on_by_its_caller() {
    let _watch = watchdog();
    let pool = pool(2);
    let gate = hold(&pool, 1);
    let by = pool.apply(|| {
        let me = thread::current().id();
        pool.map(0..20, |_| thread::current().id())
            .unwrap()
            .into_iter()
            .all(|by| by == me)
    });
    assert!(by.unwrap());
    gate.open();
}

// S41
#[test]
fn a_nested_map_is_helped_by_idle_workers() {
    let _watch = watchdog();
    let pool = pool(3);
    let meeting = std::sync::Barrier::new(3);
    pool.apply(|| {
        pool.with().chunk_size(1).for_each(0..3, |_| {
            meeting.wait();
        })
    })
    .unwrap()
    .unwrap();
}

// S41
#[test]
fn maps_nested_in_maps_finish_with_any_number_of_workers() {
    let _watch = watchdog();
    for workers in 1..=4 {
        let pool = pool(workers);
        for schedule in [
            Schedule::Auto,
            Schedule::Static,
            Schedule::Guided,
            Schedule::Python,
        ] {
            let sums = pool.with().schedule(schedule).map(0..10_usize, |i| {
                let inner = pool
                    .with()
                    .schedule(schedule)
                    .map(0..i, |j| pool.map(0..j, |k| k).unwrap().len());
                inner.unwrap().into_iter().sum::<usize>()
            });
            assert_eq!(
                sums.unwrap(),
                (0..10)
                    .map(|i: usize| i * i.saturating_sub(1) / 2)
                    .collect::<Vec<_>>()
            );
        }
    }
}

// S41
#[test]
fn pools_nest_in_pools() {
    let _watch = watchdog();
    let (outer, inner) = (pool(1), pool(1));
    let seen = outer.apply(|| {
        let here = thread::current().id();
        let there = inner
            .apply(|| (thread::current().id(), outer.apply_async(|| ()).unwrap()))
            .unwrap();
        // The job of the outer pool was submitted from elsewhere, but this thread is its worker.
        there.1.get().unwrap();
        let again = inner
            .apply_async(|| thread::current().id())
            .unwrap()
            .get()
            .unwrap();
        (here, there.0, again)
    });
    let (here, there, again) = seen.unwrap();
    assert_ne!(here, there);
    assert_eq!(there, again);
}

// S41, S5
#[test]
fn nested_stateful_calls_go_through_the_worker() {
    let _watch = watchdog();
    let pool = Pool::builder()
        .workers(1)
        .initializer(|_| 0_u32)
        .build()
        .unwrap();
    let total = pool.with_worker().apply(|w| {
        *w.state += 1;
        w.apply(|w| *w.state += 10).unwrap();
        w.for_each(0..3, |w, _| *w.state += 100).unwrap();
        assert_eq!(w.map(0..2, |w, x| *w.state + x).unwrap(), [311, 312]);
        assert_eq!(
            w.starmap([(1, 2)], |w, a, b| *w.state + a + b).unwrap(),
            [314]
        );
        assert_eq!(w.index(), 0);
        *w.state += 1000;
        *w.state
    });
    assert_eq!(total.unwrap(), 1311);
    assert_eq!(pool.broadcast(|w| *w.state).unwrap(), [1311]);
}

// S41
#[test]
fn state_that_is_lent_is_not_lent_again() {
    let _watch = watchdog();
    let pool = Arc::new(
        Pool::builder()
            .workers(1)
            .initializer(|_| 5_u32)
            .build()
            .unwrap(),
    );
    let inner = Arc::clone(&pool);
    let checked = pool.with_worker().apply(move |w| {
        assert!(matches!(
            inner.with_worker().apply(|w| *w.state),
            Err(JobError::StateLent)
        ));
        assert!(matches!(
            inner.with_worker().map(0..2, |w, _| *w.state),
            Err(JobError::StateLent)
        ));
        assert!(matches!(
            inner.with_worker().for_each(0..2, |w, _| *w.state = 0),
            Err(JobError::StateLent)
        ));
        let queued = inner.with_worker().apply_async(|w| *w.state).unwrap();
        assert!(matches!(queued.get(), Err(JobError::StateLent)));
        let mut queued = inner.with_worker().apply_async(|w| *w.state).unwrap();
        let timed = queued.get_timeout(Duration::MAX);
        assert!(
            matches!(timed, Err(ringpool::GetError::Job(JobError::StateLent))),
            "{timed:?}"
        );
        assert_eq!(inner.apply(|| 1).unwrap(), 1, "stateless calls are free");
        assert_eq!(inner.apply_async(|| 2).unwrap().get().unwrap(), 2);
        *w.state
    });
    assert_eq!(checked.unwrap(), 5);
}

// S41
#[test]
fn waiting_for_a_stateful_job_while_state_is_lent_panics() {
    let _watch = watchdog();
    let pool = Arc::new(
        Pool::builder()
            .workers(1)
            .initializer(|_| 5_u32)
            .build()
            .unwrap(),
    );
    for timed in [false, true] {
        let inner = Arc::clone(&pool);
        let waited = pool.with_worker().apply(move |_| {
            let queued = inner.with_worker().apply_async(|w| *w.state).unwrap();
            if timed {
                queued.wait_timeout(Duration::MAX);
            } else {
                queued.wait();
            }
        });
        assert!(matches!(waited, Err(JobError::Panicked(_))), "{waited:?}");
    }
    assert_eq!(
        pool.with_worker().apply(|w| *w.state).unwrap(),
        5,
        "the state is free again"
    );
}

// S41
#[test]
fn a_stateful_job_runs_in_place_where_no_state_is_lent() {
    let _watch = watchdog();
    let pool = Pool::builder()
        .workers(1)
        .initializer(|_| 5_u32)
        .build()
        .unwrap();
    let value = pool.apply(|| {
        let applied = pool.with_worker().apply(|w| *w.state).unwrap();
        let queued = pool
            .with_worker()
            .apply_async(|w| *w.state * 10)
            .unwrap()
            .get()
            .unwrap();
        let mapped = pool.with_worker().map(0..2, |w, x| *w.state + x).unwrap();
        (applied, queued, mapped)
    });
    assert_eq!(value.unwrap(), (5, 50, vec![5, 6]));
}

// S41
#[test]
fn state_is_free_again_after_a_job_that_panicked() {
    let _watch = watchdog();
    let pool = Pool::builder()
        .workers(1)
        .initializer(|_| 0_u32)
        .build()
        .unwrap();
    let panicked = pool.with_worker().apply(|w| {
        *w.state = 3;
        boom("with state in hand")
    });
    assert!(matches!(panicked, Err(JobError::Panicked(_))));
    assert_eq!(pool.with_worker().apply(|w| *w.state).unwrap(), 3);
}

// S42
#[test]
fn a_scopes_jobs_borrow_and_are_done_when_it_ends() {
    let _watch = watchdog();
    let pool = pool(2);
    for _ in 0..100 {
        let (mut a, mut b) = (0, String::new());
        let lent = String::from("lent");
        let value = pool.scope(|s| {
            s.apply_async(|| a = lent.len());
            s.apply_async(|| b.push_str(&lent));
            7
        });
        assert_eq!((value.unwrap(), a, b.as_str()), (7, 4, "lent"));
    }
}

// S42
#[test]
fn scope_jobs_submit_further_jobs() {
    let _watch = watchdog();
    for workers in [1, 3] {
        let pool = pool(workers);
        let count = AtomicUsize::new(0);
        pool.scope(|s| {
            for _ in 0..10 {
                s.apply_async(|| {
                    for _ in 0..10 {
                        s.apply_async(|| count.fetch_add(1, Ordering::Relaxed));
                    }
                    count.fetch_add(1, Ordering::Relaxed)
                });
            }
        })
        .unwrap();
        assert_eq!(count.into_inner(), 110);
    }
}

// S42
#[test]
fn every_verb_of_a_scope_borrows() {
    let _watch = watchdog();
    let pool = pool(2);
    let base = vec![1, 2, 3];
    let (batch, lazy, mut unordered, tried) = pool
        .scope(|s| {
            let batch = s.map_async(&base, |x| x * 2).get().unwrap();
            let lazy: Vec<i32> = s
                .imap(base.iter(), |x| x + base[0])
                .map(Result::unwrap)
                .collect();
            let unordered: Vec<i32> = s
                .imap_unordered(base.iter(), |x| x * base[1])
                .map(Result::unwrap)
                .collect();
            let tried = s.try_apply_async(|| base.len()).unwrap().get().unwrap();
            (batch, lazy, unordered, tried)
        })
        .unwrap();
    unordered.sort_unstable();
    assert_eq!(
        (batch, lazy, unordered, tried),
        (vec![2, 4, 6], vec![2, 3, 4], vec![2, 4, 6], 3)
    );
}

// S42
#[test]
fn a_scope_waits_for_jobs_whose_handles_were_leaked_or_dropped() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let tracker = Tracker::new();
    let count = AtomicUsize::new(0);
    thread::scope(|threads| {
        threads.spawn(|| gate.open());
        pool.scope(|s| {
            let value = tracker.make();
            std::mem::forget(s.apply_async(|| count.fetch_add(1, Ordering::SeqCst)));
            drop(s.apply_async(move || value));
            drop(s.map_async(0..10, |_| count.fetch_add(1, Ordering::SeqCst)));
            let mut items = s.imap(0..100, |_| count.fetch_add(1, Ordering::SeqCst));
            let _ = items.next_timeout(Duration::ZERO);
            std::mem::forget(items);
        })
        .unwrap();
    });
    tracker.assert_all_dropped_once();
    let at_the_end = count.load(Ordering::SeqCst);
    assert!(at_the_end >= 11);
    pool.close();
    pool.join().unwrap();
    assert_eq!(
        count.into_inner(),
        at_the_end,
        "a job of the scope ran after it"
    );
}

// S42
#[test]
fn a_panic_of_the_body_unwinds_after_the_jobs_have_ended() {
    let _watch = watchdog();
    let pool = pool(2);
    let gate = Gate::new();
    let ended = AtomicBool::new(false);
    let caught = thread::scope(|threads| {
        threads.spawn(|| gate.open());
        catch_unwind(AssertUnwindSafe(|| {
            pool.scope(|s| {
                s.apply_async(|| {
                    gate.pass();
                    ended.store(true, Ordering::SeqCst);
                });
                boom("the body panicked")
            })
        }))
    });
    assert_eq!(
        caught.unwrap_err().downcast_ref(),
        Some(&"the body panicked")
    );
    assert!(ended.into_inner());
    assert_eq!(pool.apply(|| 1).unwrap(), 1);
}

// S42, S30
#[test]
fn an_unobserved_panic_is_the_scopes_error() {
    let _watch = watchdog();
    let pool = pool(2);
    let ran = AtomicUsize::new(0);
    let error = pool.scope(|s| {
        s.apply_async(|| ran.fetch_add(1, Ordering::SeqCst));
        s.apply_async(|| boom("the first"));
        s.apply_async(|| boom("the second"));
        s.apply_async(|| ran.fetch_add(1, Ordering::SeqCst));
    });
    let JobError::Panicked(panic) = error.unwrap_err() else {
        panic!()
    };
    assert_eq!(panic.message(), Some("the first"));
    assert_eq!(ran.into_inner(), 2);
    let observed = pool.scope(|s| {
        let result = s.apply_async(|| boom("observed"));
        assert!(matches!(result.get(), Err(JobError::Panicked(_))));
        3
    });
    assert_eq!(observed.unwrap(), 3);
}

// S42
#[test]
fn a_handle_of_owned_values_outlives_its_scope() {
    let _watch = watchdog();
    let pool = pool(1);
    let words = [String::from("kept")];
    let handle = pool.scope(|s| s.apply_async(|| words[0].clone())).unwrap();
    assert!(handle.ready(), "the scope ended when all jobs had resolved");
    drop(words);
    assert_eq!(handle.get().unwrap(), "kept");
}

// S42, S41
#[test]
fn a_scope_on_the_only_worker_runs_its_own_jobs() {
    let _watch = watchdog();
    let pool = pool(1);
    let order = Log::new();
    let before = order.clone();
    let other = pool.apply(|| {
        let other = pool.apply_async(move || before.push("other")).unwrap();
        pool.scope(|s| {
            s.apply_async(|| order.push("dropped handle"));
            s.map_async(0..2, |_| order.push("batch"));
            s.apply_async(|| s.apply_async(|| order.push("nested")));
        })
        .unwrap();
        other
    });
    other.unwrap().get().unwrap();
    let order = order.take();
    assert_eq!(order.len(), 5);
    assert_eq!(
        order[4], "other",
        "no unrelated job ran in the wait: {order:?}"
    );
}

// S42, S45
#[test]
fn terminate_ends_a_scope() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let tracker = Tracker::new();
    let ran = AtomicUsize::new(0);
    let scope = pool.scope(|s| {
        for _ in 0..5 {
            let value = tracker.make();
            let ran = &ran;
            s.apply_async(move || (ran.fetch_add(1, Ordering::SeqCst), value.id()));
        }
        pool.terminate();
    });
    drop(scope);
    tracker.assert_all_dropped_once();
    assert_eq!(ran.into_inner(), 0);
    gate.open();
}

// S42, S5
#[test]
fn a_scope_on_a_pool_with_state_works() {
    let _watch = watchdog();
    let pool = Pool::builder()
        .workers(2)
        .initializer(|info| info.index())
        .build()
        .unwrap();
    let count = AtomicUsize::new(0);
    pool.scope(|s| {
        for _ in 0..10 {
            s.apply_async(|| count.fetch_add(1, Ordering::SeqCst));
        }
    })
    .unwrap();
    assert_eq!(count.into_inner(), 10);
    let nested = pool.with_worker().apply(|w| {
        let mut inner = 0;
        pool.scope(|s| drop(s.apply_async(|| inner = 4))).unwrap();
        (inner, *w.state == w.index())
    });
    assert_eq!(nested.unwrap(), (4, true));
}

// S43
#[test]
fn broadcast_runs_once_on_every_worker_in_order() {
    let _watch = watchdog();
    let pool = pool(4);
    for _ in 0..100 {
        let ran = AtomicUsize::new(0);
        let seen = pool.broadcast(|w| {
            ran.fetch_add(1, Ordering::SeqCst);
            (w.index(), thread::current().id())
        });
        let (indices, mut threads): (Vec<_>, Vec<_>) = seen.unwrap().into_iter().unzip();
        assert_eq!((indices, ran.into_inner()), (vec![0, 1, 2, 3], 4));
        threads.sort_by_key(|id| format!("{id:?}"));
        threads.dedup();
        assert_eq!(threads.len(), 4);
    }
}

// S43
#[test]
fn broadcast_waits_for_busy_workers() {
    let _watch = watchdog();
    let pool = pool(3);
    let gate = Gate::new();
    hold_at(&pool, &gate, 2);
    let reached = Tally::new();
    thread::scope(|s| {
        let caller = s.spawn(|| pool.broadcast(|w| (reached.add(), w.index()).1));
        reached.wait_for(1);
        assert_eq!(reached.get(), 1, "two workers are held");
        gate.open();
        assert_eq!(caller.join().unwrap().unwrap(), [0, 1, 2]);
    });
}

// S43
#[test]
fn broadcasts_of_several_callers_do_not_wait_for_each_other() {
    let _watch = watchdog();
    let pool = pool(3);
    thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                for _ in 0..100 {
                    assert_eq!(pool.broadcast(|w| w.index()).unwrap(), [0, 1, 2]);
                    let with = pool.with_worker().schedule(Schedule::Static);
                    assert_eq!(with.map(0..3, |w, _| w.index()).unwrap(), [0, 1, 2]);
                }
            });
        }
    });
}

// S43
#[test]
fn broadcast_from_a_worker_is_refused() {
    let _watch = watchdog();
    let pool = pool(2);
    let ran = AtomicUsize::new(0);
    let refused = pool
        .apply(|| pool.broadcast(|_| ran.fetch_add(1, Ordering::SeqCst)))
        .unwrap();
    assert!(matches!(refused, Err(JobError::FromWorker)), "{refused:?}");
    let refused = pool.map(0..1, |_| pool.broadcast(|_| ()).is_err()).unwrap();
    assert_eq!((refused, ran.into_inner()), (vec![true], 0));
    let other = self::pool(1);
    assert_eq!(
        other
            .apply(|| pool.broadcast(|w| w.index()).unwrap())
            .unwrap(),
        [0, 1],
        "another pool's worker may"
    );
}

// S43, S30
#[test]
fn a_panic_in_broadcast_names_the_worker() {
    let _watch = watchdog();
    let pool = pool(4);
    let ran = AtomicUsize::new(0);
    let tracker = Tracker::new();
    let error = pool.broadcast(|w| {
        ran.fetch_add(1, Ordering::SeqCst);
        if w.index() % 2 == 1 {
            boom("odd workers")
        } else {
            tracker.make()
        }
    });
    let JobError::Panicked(panic) = error.unwrap_err() else {
        panic!()
    };
    assert_eq!((panic.index(), ran.into_inner()), (Some(1), 4));
    tracker.assert_all_dropped_once();
}

// S43
#[test]
fn a_nested_static_map_finishes_though_the_owners_are_busy() {
    let _watch = watchdog();
    let pool = pool(3);
    let gate = hold(&pool, 2);
    let values = pool.apply(|| {
        pool.with()
            .schedule(Schedule::Static)
            .map(0..30, |x| x)
            .unwrap()
    });
    assert_eq!(values.unwrap(), (0..30).collect::<Vec<_>>());
    gate.open();
}

// S41, S44
#[test]
fn waits_on_a_worker_finish_after_close() {
    let _watch = watchdog();
    let pool = pool(1);
    let value = pool.apply(|| {
        let queued = pool.apply_async(|| 3).unwrap();
        pool.close();
        assert!(matches!(pool.apply(|| 1), Err(JobError::Closed)));
        queued.get().unwrap()
    });
    assert_eq!(value.unwrap(), 3);
}

// S41, S45
#[test]
fn waits_on_a_worker_end_after_terminate() {
    let _watch = watchdog();
    let pool = pool(1);
    let value = pool.apply(|| {
        let queued = pool.apply_async(|| 3).unwrap();
        pool.terminate();
        queued.get()
    });
    assert!(matches!(value, Ok(Err(JobError::Terminated))), "{value:?}");
    pool.join().unwrap();
}
