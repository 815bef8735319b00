//! The order of jobs among batches, and every way to wait for them.

use ringpool::{Pool, WaitPolicy};
use ringpool_tests::{Log, hold, pool, watchdog};

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
