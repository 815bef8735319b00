//! Dropping and leaking pools.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use ringpool::{JobError, Pool};
use ringpool_tests::{
    Gate, OnDrop, Plan, Tally, TestSpawner, Tracker, hold, hold_at, pool, watchdog,
};

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
            // ThreadSanitizer would end it with an error for what it is to show.
            .env("TSAN_OPTIONS", "report_thread_leaks=0")
            .output()
            .unwrap();
        assert!(output.status.success(), "{state}: {output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), state);
    }
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
