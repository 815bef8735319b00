//! Every job resolves once, and its captures are gone by then.

use std::thread;
use std::time::Duration;

use ringpool::JobError;
use ringpool_tests::{Gate, OnDrop, Tally, Tracker, boom, hold, pool, watchdog};

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
