//! Panics wherever user code runs, and other misfortunes. Whatever happens, every accepted job resolves
//! and the pool goes on.

use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::Duration;
use std::{future::Future, pin::Pin};

use ringpool::{BuildError, CancelOutcome, JobError, Pool, pull};
use ringpool_tests::{
    Gate, Grenade, OnDrop, Plan, Tally, TestSpawner, Tracker, boom, hold, hold_at, pool, watchdog,
};

/// Fails unless the pool still does its work with all its workers.
#[track_caller]
fn assert_alive<W: 'static>(pool: &Pool<W>) {
    assert_eq!(pool.apply(|| 6 * 7).unwrap(), 42);
    assert_eq!(
        pool.map(0..100, |x| x + 1).unwrap(),
        (1..101).collect::<Vec<_>>()
    );
    assert_eq!(
        pool.broadcast(|w| w.index()).unwrap(),
        (0..pool.worker_count()).collect::<Vec<_>>()
    );
}

/// A payload whose destructor panics with another such payload, `depth` times.
struct Matryoshka {
    depth: usize,
}

impl Drop for Matryoshka {
    fn drop(&mut self) {
        if self.depth > 0 && !thread::panicking() {
            resume_unwind(Box::new(Self {
                depth: self.depth - 1,
            }));
        }
    }
}

// S14
#[test]
fn panics_of_jobs_are_contained_by_every_verb() {
    let _watch = watchdog();
    let pool = pool(2);
    for _ in 0..20 {
        assert!(pool.apply(|| boom("x")).is_err());
        assert!(pool.apply_async(|| boom("x")).unwrap().get().is_err());
        assert!(pool.map(0..9, |_| boom("x")).map(|_: Vec<()>| ()).is_err());
        assert!(
            pool.map_async(0..9, |_| boom("x"))
                .unwrap()
                .get()
                .map(|_: Vec<()>| ())
                .is_err()
        );
        assert!(pool.for_each(0..9, |_| boom("x")).is_err());
        assert!(pool.for_each_chunk(0..9, |_| boom("x")).is_err());
        assert!(pool.broadcast(|_| boom("x")).map(|_: Vec<()>| ()).is_err());
        assert!(
            pool.starmap([(1, 2)], |_, _| boom("x"))
                .map(|_: Vec<()>| ())
                .is_err()
        );
        assert_eq!(
            pool.imap(0..9, |_| boom("x"))
                .filter(|r: &Result<(), _>| r.is_err())
                .count(),
            9
        );
        assert_eq!(
            pool.imap_unordered(0..9, |_| boom("x"))
                .filter(|r: &Result<(), _>| r.is_err())
                .count(),
            9
        );
    }
    assert_alive(&pool);
}

// S14
#[test]
fn a_payload_may_panic_when_it_is_dropped() {
    let _watch = watchdog();
    let pool = pool(2);
    let tracker = Tracker::new();
    for _ in 0..10 {
        drop(
            pool.apply_async(move || panic_any(Grenade::new(tracker)))
                .unwrap(),
        );
        // Of these payloads the batch keeps one and must drop the others itself.
        let batch = pool
            .with()
            .chunk_size(1)
            .map_async(0..5, move |_| panic_any(Grenade::new(tracker)));
        let result = batch.unwrap().get().map(|_: Vec<()>| ());
        let JobError::Panicked(panic) = result.unwrap_err() else {
            panic!()
        };
        let payload = panic.into_payload();
        assert!(payload.is::<Grenade>());
        assert!(catch_unwind(AssertUnwindSafe(|| drop(payload))).is_err());
    }
    assert_alive(&pool);
    pool.close();
    pool.join().unwrap();
    tracker.assert_all_dropped_once();
}

// S14
#[test]
fn a_payload_may_panic_again_and_again() {
    let _watch = watchdog();
    let pool = pool(1);
    for depth in [0, 1, 5, 1_000_000] {
        drop(
            pool.apply_async(move || resume_unwind(Box::new(Matryoshka { depth })))
                .unwrap(),
        );
        let batch = pool
            .with()
            .chunk_size(1)
            .map_async(0..5, move |_| resume_unwind(Box::new(Matryoshka { depth })));
        match batch.unwrap().get().map(|_: Vec<()>| ()) {
            Err(JobError::Panicked(panic)) => std::mem::forget(panic.into_payload()),
            other => panic!("{other:?}"),
        }
        assert_alive(&pool);
    }
}

// S14, S15
#[test]
fn a_capture_may_panic_when_its_job_is_cancelled() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let tracker = Tracker::new();
    let grenade = Grenade::new(tracker);
    let result = pool.apply_async(move || grenade.tracked.id()).unwrap();
    let outcome = catch_unwind(AssertUnwindSafe(|| result.cancel()));
    assert_eq!(
        outcome.expect("cancel does not unwind"),
        CancelOutcome::NeverRan
    );
    assert!(matches!(
        result.get(),
        Err(JobError::Cancelled | JobError::Panicked(_))
    ));
    gate.open();
    assert_alive(&pool);
    tracker.assert_all_dropped_once();
}

// S14, S15, S45
#[test]
fn captures_may_panic_when_the_pool_terminates() {
    let _watch = watchdog();
    let pool = pool(2);
    let gate = hold(&pool, 2);
    let tracker = Tracker::new();
    let results: Vec<_> = (0..10)
        .map(|_| {
            let grenade = Grenade::new(tracker);
            pool.apply_async(move || grenade.tracked.id()).unwrap()
        })
        .collect();
    let items: Vec<_> = (0..10).map(|_| Grenade::new(tracker)).collect();
    let batch = pool.map_async(items, |item| item.tracked.id()).unwrap();
    assert_eq!(pool.terminate(), 11);
    for result in results {
        assert!(matches!(
            result.get(),
            Err(JobError::Terminated | JobError::Panicked(_))
        ));
    }
    assert!(matches!(
        batch.get(),
        Err(JobError::Terminated | JobError::Panicked(_))
    ));
    gate.open();
    pool.join().unwrap();
    tracker.assert_none_dropped_twice();
    assert_eq!(tracker.alive(), 0);
}

// S14, S15
#[test]
fn a_capture_may_panic_after_its_job_has_run() {
    let _watch = watchdog();
    let pool = pool(1);
    let tracker = Tracker::new();
    let grenade = Grenade::new(tracker);
    let result = pool
        .apply_async(move || {
            let _kept = &grenade;
            7
        })
        .unwrap();
    assert!(matches!(result.get(), Err(JobError::Panicked(_))));
    let grenade = Grenade::new(tracker);
    let result = pool.map_async(0..10, move |_| {
        let _kept = &grenade;
        tracker.make()
    });
    match result.unwrap().get() {
        Ok(values) => assert_eq!(values.len(), 10),
        Err(JobError::Panicked(_)) => {}
        Err(other) => panic!("{other:?}"),
    }
    assert_alive(&pool);
    tracker.assert_all_dropped_once();
}

// S14, S22
#[test]
fn a_value_may_panic_when_its_worker_drops_it() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let tracker = Tracker::new();
    let ran = Tally::new();
    for _ in 0..10 {
        let ran = ran.clone();
        drop(
            pool.apply_async(move || (ran.add(), Grenade::new(tracker)).1)
                .unwrap(),
        );
    }
    drop(
        pool.map_async(0..3, move |_| Grenade::new(tracker))
            .unwrap(),
    );
    gate.open();
    ran.wait_for(10);
    assert_alive(&pool);
    pool.close();
    pool.join().unwrap();
    tracker.assert_none_dropped_twice();
    assert_eq!(tracker.alive(), 0);
}

// S14, S30
#[test]
fn values_and_items_may_panic_when_a_failed_batch_drops_them() {
    let _watch = watchdog();
    let pool = pool(2);
    for chunk in [1, 4, 100] {
        let tracker = Tracker::new();
        let values = pool.with().chunk_size(chunk).map(0..20, |i| {
            if i == 7 {
                boom("seven")
            } else {
                Grenade::new(tracker)
            }
        });
        assert!(matches!(values, Err(JobError::Panicked(_))));
        let items: Vec<_> = (0..20).map(|_| Grenade::new(tracker)).collect();
        let first = items[0].tracked.id();
        let failed = pool.with().chunk_size(chunk).map_async(items, move |item| {
            if item.tracked.id() == first + 7 {
                boom("seven")
            }
            std::mem::forget(item);
        });
        assert!(matches!(failed.unwrap().get(), Err(JobError::Panicked(_))));
        tracker.assert_none_dropped_twice();
        assert_alive(&pool);
    }
}

// S14
#[test]
fn items_may_panic_when_a_job_drops_them() {
    let _watch = watchdog();
    let pool = pool(2);
    let tracker = Tracker::new();
    let items: Vec<_> = (0..10).map(|_| Grenade::new(tracker)).collect();
    let error = pool.with().chunk_size(1).map(items, drop).unwrap_err();
    let JobError::Panicked(panic) = error else {
        panic!("{error:?}")
    };
    assert_eq!(panic.index(), Some(0));
    tracker.assert_all_dropped_once();
    let lazy = pool.imap((0..10).map(|_| Grenade::new(tracker)), |item| drop(item));
    assert_eq!(lazy.filter(Result::is_err).count(), 10);
    tracker.assert_all_dropped_once();
    assert_alive(&pool);
}

// S14, S38
#[test]
fn values_of_a_dropped_lazy_iterator_may_panic() {
    let _watch = watchdog();
    for ordered in [true, false] {
        let pool = pool(2);
        let tracker = Tracker::new();
        tracker.make();
        let done = Tally::new();
        let count = done.clone();
        let f = move |_: i32| (Grenade::new(tracker), count.add()).0;
        let with = pool.with().chunk_size(1).window(6);
        let mut items = if ordered {
            with.imap(0..100, f)
        } else {
            with.imap_unordered(0..100, f)
        };
        std::mem::forget(items.next());
        done.wait_for(6);
        let _ = catch_unwind(AssertUnwindSafe(|| drop(items)));
        assert_alive(&pool);
        pool.close();
        pool.join().unwrap();
        tracker.assert_none_dropped_twice();
    }
}

// S24, S14
#[test]
fn callbacks_may_panic_when_they_are_dropped() {
    let _watch = watchdog();
    let pool = pool(1);
    for fails in [false, true] {
        let tracker = Tracker::new();
        let (a, b) = (Grenade::new(tracker), Grenade::new(tracker));
        let with = pool.with().on_success(move |(): &()| {
            let _kept = &a;
        });
        let with = with.on_error(move |_| {
            let _kept = &b;
        });
        let result = with
            .apply_async(move || {
                if fails {
                    boom("fails")
                }
            })
            .unwrap();
        match result.get() {
            Ok(()) => assert!(!fails),
            Err(JobError::Panicked(_)) => {}
            Err(other) => panic!("{other:?}"),
        }
        tracker.assert_all_dropped_once();
        assert_alive(&pool);
    }
}

// S5, S48
#[test]
fn exit_hooks_may_panic() {
    let _watch = watchdog();
    let spawner = TestSpawner::new(Plan::Obey);
    let ledger = spawner.ledger();
    let tracker = Tracker::new();
    let builder = Pool::builder()
        .spawner(spawner)
        .workers(3)
        .initializer(move |_| tracker.make());
    let pool = builder
        .exit_hook(|_, _state| boom("in the exit hook"))
        .build()
        .unwrap();
    assert_alive(&pool);
    pool.close();
    pool.join().unwrap();
    assert_eq!((ledger.started(), ledger.reclaimed()), (3, 3));
    tracker.assert_all_dropped_once();
}

// S5, S48
#[test]
fn state_may_panic_when_it_is_dropped() {
    let _watch = watchdog();
    let tracker = Tracker::new();
    let pool = Pool::builder()
        .workers(3)
        .initializer(move |_| Grenade::new(tracker))
        .build()
        .unwrap();
    assert_alive(&pool);
    drop(pool);
    tracker.assert_all_dropped_once();
}

// S7
#[test]
fn exit_hooks_of_replaced_workers_may_panic() {
    let _watch = watchdog();
    for plan in [Plan::Obey, Plan::NoRespawn, Plan::RefuseReplacements] {
        let spawner = TestSpawner::new(plan);
        let ledger = spawner.ledger();
        let tracker = Tracker::new();
        let builder = Pool::builder()
            .spawner(spawner)
            .workers(2)
            .max_jobs_per_worker(2);
        let builder = builder.initializer(move |_| tracker.make());
        let pool = builder.exit_hook(|_, _state| panic_any(7)).build().unwrap();
        for i in 0..50 {
            assert_eq!(pool.apply(move || i).unwrap(), i);
        }
        assert_eq!(pool.map(0..100, |x| x).unwrap().len(), 100);
        drop(pool);
        assert_eq!(ledger.started(), ledger.reclaimed());
        tracker.assert_all_dropped_once();
    }
}

// S6
#[test]
fn an_initializers_payload_may_panic_when_it_is_dropped() {
    let _watch = watchdog();
    let tracker = Tracker::new();
    let builder = Pool::builder().workers(2);
    let error = builder
        .initializer(move |_| panic_any(Grenade::new(tracker)))
        .build()
        .map(|_: Pool<()>| ())
        .unwrap_err();
    let BuildError::Initializer { panic, .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!(panic.message(), None);
    assert!(catch_unwind(AssertUnwindSafe(|| drop(panic))).is_err());
    tracker.assert_none_dropped_twice();
}

// S14
#[test]
fn the_pools_own_closures_may_panic_when_they_are_dropped() {
    let _watch = watchdog();
    let tracker = Tracker::new();
    let (a, b) = (Grenade::new(tracker), Grenade::new(tracker));
    let builder = Pool::builder().workers(2).initializer(move |_| {
        let _kept = &a;
    });
    let builder = builder.exit_hook(move |_, ()| {
        let _kept = &b;
    });
    let pool = builder.build().unwrap();
    assert_alive(&pool);
    catch_unwind(AssertUnwindSafe(|| drop(pool))).expect("dropping a pool never panics");
    tracker.assert_all_dropped_once();
}

// S21, S14
#[test]
fn wakers_may_panic() {
    struct Bomb(Tally);
    impl Wake for Bomb {
        fn wake(self: Arc<Self>) {
            self.wake_by_ref();
        }
        fn wake_by_ref(self: &Arc<Self>) {
            self.0.add();
            boom("in a waker")
        }
    }
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let woken = Tally::new();
    let waker = Waker::from(Arc::new(Bomb(woken.clone())));
    let mut result = pool.apply_async(|| 5).unwrap();
    assert!(
        Pin::new(&mut result)
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    gate.open();
    woken.wait_for(1);
    assert_eq!(result.get().unwrap(), 5);
    assert_alive(&pool);
}

// S28, S14
#[test]
fn an_iterator_may_panic_in_its_size_hint_or_its_drop() {
    struct Bad {
        left: usize,
        in_hint: bool,
        in_drop: bool,
    }
    impl Iterator for Bad {
        type Item = usize;
        fn next(&mut self) -> Option<usize> {
            self.left = self.left.checked_sub(1)?;
            Some(self.left)
        }
        fn size_hint(&self) -> (usize, Option<usize>) {
            if self.in_hint {
                boom("in size_hint")
            }
            (0, None)
        }
    }
    impl Drop for Bad {
        fn drop(&mut self) {
            if self.in_drop && !thread::panicking() {
                boom("in drop")
            }
        }
    }
    let _watch = watchdog();
    let pool = pool(2);
    for (in_hint, in_drop) in [(true, false), (false, true)] {
        let bad = || Bad {
            left: 10,
            in_hint,
            in_drop,
        };
        let _ = catch_unwind(AssertUnwindSafe(|| pool.map(pull(bad()), |x| x)));
        let _ = catch_unwind(AssertUnwindSafe(|| pool.for_each(pull(bad()), |_| ())));
        let _ = catch_unwind(AssertUnwindSafe(|| pool.imap(bad(), |x| x).count()));
        let _ = catch_unwind(AssertUnwindSafe(|| {
            pool.imap_unordered(bad(), |x| x).count()
        }));
        assert_alive(&pool);
    }
}

// S23, S24
#[test]
fn user_code_that_panics_everywhere_at_once_resolves_once() {
    let _watch = watchdog();
    let pool = pool(2);
    for _ in 0..50 {
        let tracker = Tracker::new();
        let calls = Arc::new(AtomicUsize::new(0));
        let (a, b, c) = (
            Grenade::new(tracker),
            Grenade::new(tracker),
            Grenade::new(tracker),
        );
        let (good, bad) = (Arc::clone(&calls), Arc::clone(&calls));
        let with = pool.with().on_success(move |(): &()| {
            let _kept = &a;
            good.fetch_add(1, Ordering::SeqCst);
            boom("in on_success")
        });
        let with = with.on_error(move |_| {
            let _kept = &b;
            bad.fetch_add(1, Ordering::SeqCst);
            boom("in on_error")
        });
        let result = with.apply_async(move || {
            let _kept = &c;
            panic_any(Grenade::new(tracker))
        });
        match result.unwrap().get() {
            Err(JobError::Panicked(panic)) => {
                let _ = catch_unwind(AssertUnwindSafe(|| drop(panic)));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        tracker.assert_all_dropped_once();
    }
    assert_alive(&pool);
}

// S14, S44
#[test]
fn a_panic_after_close_does_not_stop_the_drain() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let results: Vec<_> = (0..20)
        .map(|i| {
            pool.apply_async(move || if i % 2 == 0 { boom("even") } else { i })
                .unwrap()
        })
        .collect();
    pool.close();
    gate.open();
    pool.join().unwrap();
    for (i, result) in results.into_iter().enumerate() {
        assert_eq!(result.successful(), Some(i % 2 == 1));
    }
}

// S7, S14
#[test]
fn panicking_jobs_count_towards_a_workers_jobs() {
    let _watch = watchdog();
    let builder = Pool::builder()
        .workers(1)
        .max_jobs_per_worker(2)
        .initializer(|info| info.generation());
    let pool = builder.build().unwrap();
    for _ in 0..4 {
        assert!(pool.apply(|| boom("counted")).is_err());
    }
    assert_eq!(pool.with_worker().apply(|w| *w.state).unwrap(), 2);
}

// S20, S48, S14
#[test]
fn a_destructor_may_use_the_pool() {
    let _watch = watchdog();
    let pool = Arc::new(pool(1));
    let gate = hold(&pool, 1);
    let inner = Arc::clone(&pool);
    let submitted = Tally::new();
    let count = submitted.clone();
    let guard = OnDrop::new(move || {
        let count = count.clone();
        inner.apply_async(move || count.add()).unwrap();
    });
    let result = pool.apply_async(move || drop(guard)).unwrap();
    result.cancel();
    gate.open();
    submitted.wait_for(1);
    let inner = Arc::clone(&pool);
    let guard = OnDrop::new(move || assert!(inner.apply(|| 1).is_err()));
    let gate = hold(&pool, 1);
    let result = pool.apply_async(move || drop(guard)).unwrap();
    pool.terminate();
    assert!(matches!(result.get(), Err(JobError::Terminated)));
    gate.open();
}

// S46, S50
#[test]
fn durations_of_zero_and_for_ever_are_taken_everywhere() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = Gate::new();
    hold_at(&pool, &gate, 1);
    for duration in [Duration::ZERO, Duration::from_nanos(1)] {
        let mut result = pool.apply_async(|| ()).unwrap();
        assert!(!result.wait_timeout(duration));
        assert!(result.get_timeout(duration).is_err());
        assert!(pool.imap(0..1, |x| x).next_timeout(duration).is_err());
        assert!(pool.join_timeout(duration).is_err());
        assert!(pool.with().deadline(duration).apply(|| ()).is_err());
    }
    gate.open();
    for duration in [
        Duration::MAX,
        Duration::MAX.checked_sub(Duration::from_nanos(1)).unwrap(),
    ] {
        let mut result = pool.apply_async(|| 1).unwrap();
        assert!(result.wait_timeout(duration));
        assert_eq!(result.get_timeout(duration).unwrap(), 1);
        assert_eq!(
            pool.imap(0..1, |x| x).next_timeout(duration).unwrap(),
            Some(0)
        );
        assert_eq!(pool.with().deadline(duration).apply(|| 1).unwrap(), 1);
    }
    pool.close();
    assert!(pool.join_timeout(Duration::MAX).unwrap());
}
