//! How a batch is shared out among the workers, and its one result.

use std::thread;

use ringpool_tests::{Gate, Tracker, hold, hold_at, pool, watchdog};

// S33
#[test]
fn map_async_gives_one_result_for_the_whole_batch() {
    let _watch = watchdog();
    let pool = pool(2);
    let gate = hold(&pool, 2);
    let result = pool
        .with()
        .chunk_size(10)
        .map_async(0..100, |i| i * 3)
        .unwrap();
    assert!(!result.ready());
    gate.open();
    result.wait();
    assert_eq!(result.successful(), Some(true));
    assert_eq!(
        result.get().unwrap(),
        (0..100).map(|i| i * 3).collect::<Vec<_>>()
    );
}

// S33
#[test]
fn an_empty_batch_is_ready_without_a_worker() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    assert_eq!(pool.map_async(0..0, |x: i32| x).unwrap().get().unwrap(), []);
    assert_eq!(pool.map(0..0, |x: i32| x).unwrap(), []);
    pool.for_each(0..0, |_: i32| ()).unwrap();
    gate.open();
}

// S33, S22
#[test]
fn a_batch_without_a_handle_runs_and_drops_its_values() {
    let _watch = watchdog();
    let pool = pool(2);
    let tracker = Tracker::new();
    drop(
        pool.with()
            .chunk_size(1)
            .map_async(tracker.make_vec(50), |item| item)
            .unwrap(),
    );
    pool.close();
    pool.join().unwrap();
    tracker.assert_all_dropped_once();
}

// S33
#[test]
fn a_batch_uses_every_worker() {
    let _watch = watchdog();
    let pool = pool(4);
    let meeting = std::sync::Barrier::new(4);
    // Each chunk waits for three others: fewer workers would hang.
    pool.with()
        .chunk_size(1)
        .for_each(0..4, |_| {
            meeting.wait();
        })
        .unwrap();
    let meeting = std::sync::Arc::new(std::sync::Barrier::new(4));
    pool.with()
        .chunk_size(1)
        .map_async(0..4, move |_| {
            meeting.wait();
        })
        .unwrap()
        .get()
        .unwrap();
}

// S26
#[test]
fn batches_of_several_callers_run_side_by_side() {
    let _watch = watchdog();
    let pool = pool(2);
    thread::scope(|s| {
        for who in 0..4 {
            let pool = &pool;
            s.spawn(move || {
                for round in 0..100 {
                    let items: Vec<_> = (0..round).map(|i| i * 10 + who).collect();
                    assert_eq!(
                        pool.with().chunk_size(3).map(&items, |x| *x).unwrap(),
                        items
                    );
                }
            });
        }
    });
}

// S26
#[test]
fn a_batch_on_a_busy_pool_is_finished_by_the_workers_that_come_free() {
    let _watch = watchdog();
    let pool = pool(3);
    let (first, second) = (Gate::new(), Gate::new());
    hold_at(&pool, &first, 1);
    hold_at(&pool, &second, 2);
    thread::scope(|s| {
        let mapper = s.spawn(|| pool.with().chunk_size(1).map(0..100, |i| i).unwrap());
        first.open();
        assert_eq!(mapper.join().unwrap().len(), 100);
        second.open();
    });
}

// S11, S33
#[test]
fn a_batch_uses_every_worker_of_many() {
    let _watch = watchdog();
    for workers in [17, 40, 130] {
        let pool = pool(workers);
        let meeting = std::sync::Barrier::new(workers);
        pool.with()
            .chunk_size(1)
            .for_each(0..workers, |_| {
                meeting.wait();
            })
            .unwrap();
    }
}
