//! Hooks, wakers, iterators and destructors that do what they should not.

use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Wake, Waker};
use std::time::Duration;
use std::{future::Future, pin::Pin};

use ringpool::{JobError, Pool};
use ringpool_tests::{
    Gate, Grenade, OnDrop, Plan, Tally, TestSpawner, Tracker, boom, hold, hold_at, pool, watchdog,
};

use super::assert_alive;

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
