//! The order of jobs, and who runs them.

use std::thread;

use ringpool_tests::{Gate, Log, watchdog};

// S11
#[test]
fn jobs_leave_the_queue_in_the_order_of_acceptance() {
    let _watch = watchdog();
    pool!(pool: 1);
    let gate = hold!(pool, 1);
    let order = Log::new();
    for i in 0..300 {
        let order = order.clone();
        pool.apply_async(move || order.push(i)).unwrap();
    }
    gate.open();
    pool.close();
    pool.join().unwrap();
    assert_eq!(order.take(), (0..300).collect::<Vec<_>>());
}

// S11
#[test]
fn jobs_of_several_submitters_keep_each_ones_order() {
    let _watch = watchdog();
    pool!(pool: 1);
    let gate = hold!(pool, 1);
    let order = Log::new();
    thread::scope(|s| {
        for who in 0..4 {
            let (pool, order) = (pool, order.clone());
            s.spawn(move || {
                for i in 0..90 {
                    let order = order.clone();
                    pool.apply_async(move || order.push((who, i))).unwrap();
                }
            });
        }
    });
    gate.open();
    pool.close();
    pool.join().unwrap();
    let order = order.take();
    assert_eq!(order.len(), 360);
    for who in 0..4 {
        assert!(
            order
                .iter()
                .filter(|(by, _)| *by == who)
                .map(|(_, i)| *i)
                .eq(0..90)
        );
    }
}

// S11
#[test]
fn no_job_waits_behind_a_busy_worker_while_another_is_idle() {
    let _watch = watchdog();
    pool!(pool: 2);
    for _ in 0..50 {
        let gate = hold!(pool, 1);
        let results: Vec<_> = (0..40)
            .map(|i| pool.apply_async(move || i).unwrap())
            .collect();
        let values: Vec<_> = results
            .into_iter()
            .map(|result| result.get().unwrap())
            .collect();
        assert_eq!(values, (0..40).collect::<Vec<_>>());
        gate.open();
    }
}

// S11
#[test]
fn as_many_jobs_run_at_once_as_there_are_workers() {
    let _watch = watchdog();
    pool!(pool: 8);
    for _ in 0..50 {
        let gate = hold!(pool, 8);
        gate.open();
    }
}

// S11
#[test]
fn workers_come_back_from_idling_every_time() {
    let _watch = watchdog();
    pool!(pool: 4);
    for round in 0..2000 {
        assert_eq!(
            pool.apply_async(move || round).unwrap().get().unwrap(),
            round
        );
    }
    let gate = Gate::new();
    hold_at!(pool, gate, 4);
    gate.open();
}
