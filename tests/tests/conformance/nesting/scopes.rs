//! Scopes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use ringpool::{JobError, Pool};
use ringpool_tests::{Gate, Log, Tracker, boom, hold, pool, watchdog};

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
            ringpool_tests::forget(s.apply_async(|| count.fetch_add(1, Ordering::SeqCst)));
            drop(s.apply_async(move || value));
            drop(s.map_async(0..10, |_| count.fetch_add(1, Ordering::SeqCst)));
            let mut items = s.imap(0..100, |_| count.fetch_add(1, Ordering::SeqCst));
            let _ = items.next_timeout(Duration::ZERO);
            ringpool_tests::forget(items);
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

// S41, S42, S51
#[test]
fn a_scope_that_waits_for_a_job_runs_what_that_job_adds_to_it() {
    let _watch = watchdog();
    let by_caller = Pool::builder().workers(2).caller_participates();
    let by_caller = by_caller.build().unwrap();
    let by_worker = pool(2);
    let scope = |pool: &Pool| {
        let (begun, added) = (Gate::new(), Gate::new());
        pool.scope(|s| {
            let (begun, added) = (&begun, &added);
            s.apply_async(move || {
                begun.open();
                s.apply_async(|| added.open());
                added.pass();
            });
            // So that the other worker runs it.
            begun.pass();
        })
    };
    scope(&by_caller).unwrap();
    by_worker.apply(|| scope(&by_worker)).unwrap().unwrap();
}

// S41, S42
#[test]
fn a_scope_on_a_worker_takes_no_longer_for_each_of_its_jobs_when_they_are_many() {
    // With a look at all of them for every 64, this many are beyond the watchdog's patience.
    const JOBS: usize = 400_000;
    let _watch = watchdog();
    let pool = pool(1);
    let ran = AtomicUsize::new(0);
    let scope = || {
        pool.scope(|s| {
            for _ in 0..JOBS {
                s.apply_async(|| ran.fetch_add(1, Ordering::Relaxed));
            }
        })
    };
    pool.apply(scope).unwrap().unwrap();
    assert_eq!(ran.into_inner(), JOBS);
}
