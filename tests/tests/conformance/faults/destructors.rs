//! Destructors and payloads that panic.

use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::thread;

use ringpool::{BuildError, CancelOutcome, JobError, Pool, pull};
use ringpool_tests::{Grenade, Tally, Tracker, boom, hold, pool, watchdog};

use super::assert_alive;

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
            Err(JobError::Panicked(panic)) => ringpool_tests::forget(panic.into_payload()),
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
            ringpool_tests::forget(item);
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
        ringpool_tests::forget(items.next());
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
