//! The order of jobs, and who runs them.

use std::thread;

use ringpool::{Pool, WaitPolicy};
use ringpool_tests::{Gate, Log, hold, hold_at, pool, watchdog};

// S11
#[test]
fn jobs_leave_the_queue_in_the_order_of_acceptance() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let order = Log::new();
    for i in 0..1000 {
        let order = order.clone();
        pool.apply_async(move || order.push(i)).unwrap();
    }
    gate.open();
    pool.close();
    pool.join().unwrap();
    assert_eq!(order.take(), (0..1000).collect::<Vec<_>>());
}

// S11
#[test]
fn a_batch_takes_its_turn_among_single_jobs() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let order = Log::new();
    let push = |what: usize| {
        let order = order.clone();
        pool.apply_async(move || order.push(what)).unwrap();
    };
    push(0);
    let at = order.clone();
    let batch = pool
        .with()
        .chunk_size(1)
        .map_async(1..4, move |i| at.push(i))
        .unwrap();
    push(4);
    gate.open();
    batch.get().unwrap();
    pool.close();
    pool.join().unwrap();
    assert_eq!(order.take(), [0, 1, 2, 3, 4]);
}

// S11
#[test]
fn jobs_of_several_submitters_keep_each_ones_order() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let order = Log::new();
    thread::scope(|s| {
        for who in 0..4 {
            let (pool, order) = (&pool, order.clone());
            s.spawn(move || {
                for i in 0..200 {
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
    assert_eq!(order.len(), 800);
    for who in 0..4 {
        assert!(
            order
                .iter()
                .filter(|(by, _)| *by == who)
                .map(|(_, i)| *i)
                .eq(0..200)
        );
    }
}

// S11
#[test]
fn no_job_waits_behind_a_busy_worker_while_another_is_idle() {
    let _watch = watchdog();
    let pool = pool(2);
    for _ in 0..50 {
        let gate = hold(&pool, 1);
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
    let pool = pool(8);
    for _ in 0..50 {
        let gate = hold(&pool, 8);
        gate.open();
    }
}

// S11
#[test]
fn workers_come_back_from_idling_every_time() {
    let _watch = watchdog();
    let pool = pool(4);
    for round in 0..2000 {
        assert_eq!(
            pool.apply_async(move || round).unwrap().get().unwrap(),
            round
        );
    }
    let gate = Gate::new();
    hold_at(&pool, &gate, 4);
    gate.open();
}

// S11, S41, S44
#[test]
fn every_wait_policy_does_the_work() {
    let _watch = watchdog();
    for policy in [
        WaitPolicy::Active,
        WaitPolicy::Adaptive,
        WaitPolicy::Passive,
    ] {
        let pool = Pool::builder()
            .workers(2)
            .wait_policy(policy)
            .build()
            .unwrap();
        for round in 0..50 {
            assert_eq!(pool.apply(|| round).unwrap(), round);
            assert_eq!(
                pool.apply_async(move || round).unwrap().get().unwrap(),
                round
            );
            assert_eq!(pool.map(0..round, |x| x).unwrap().len(), round);
            assert_eq!(pool.broadcast(|w| w.index()).unwrap(), [0, 1]);
        }
        let gate = hold(&pool, 2);
        let queued = pool.apply_async(|| 1).unwrap();
        pool.close();
        gate.open();
        pool.join().unwrap();
        assert_eq!(queued.get().unwrap(), 1);
    }
}
