//! Calls that need every worker.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use ringpool::{JobError, Schedule};
use ringpool_tests::{Gate, Tally, Tracker, boom, hold, hold_at, pool, watchdog};

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
