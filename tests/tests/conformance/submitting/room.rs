//! Bounded pools.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use ringpool::{JobError, Pool};
use ringpool_tests::{Gate, Tracker, boom, hold, pool, watchdog};

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
