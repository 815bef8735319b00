//! Pinned workers are a spawner like any other. On best effort, so that these hold where nothing can be pinned.

use ringpool::affinity::{Bind, CpuSet, PinError, Pinned, Places, Policy};
use ringpool::{BuildError, Pool};

use ringpool_tests::watchdog;

use super::assert_is_a_sentence;

fn anywhere() -> Pinned {
    Pinned::new().policy(Policy::BestEffort)
}

// S8
#[test]
fn pinned_and_plain_pools_are_one_type() {
    fn sum(pool: &Pool) -> u64 {
        pool.reduce(0..1000_u64, 0, |x| x, |a, b| a + b)
            .expect("the pool is open")
    }
    let _watch = watchdog();
    let plain = Pool::new().expect("std threads start");
    let pinned = Pool::builder()
        .spawner(anywhere())
        .build()
        .expect("it goes on");
    assert_eq!(sum(&plain), sum(&pinned));
}

// S1
#[test]
fn a_pinned_pool_is_no_larger_than_its_places() {
    let _watch = watchdog();
    for places in [Places::Threads, Places::Cores, Places::Sockets] {
        let pinned = anywhere().places(places);
        let pool = Pool::builder()
            .spawner(pinned.clone())
            .build()
            .expect("it goes on");
        let report = pinned.report();
        assert!(pool.worker_count() >= 1);
        assert!(pool.worker_count() <= report.places().len());
        assert!(report.places().len() <= report.allowed().len());
    }
}

// S51
#[test]
fn callers_that_take_part_have_no_thread_to_pin() {
    let _watch = watchdog();
    let pinned = anywhere().bind(Bind::Spread);
    let pool = Pool::builder()
        .spawner(pinned.clone())
        .workers(3)
        .caller_participates()
        .build()
        .expect("it goes on");
    assert_eq!(pool.map(0..9, |x| x + 1).expect("it is open").len(), 9);
    let report = pinned.report();
    let indices = Vec::from_iter(report.workers().iter().map(|worker| worker.index));
    assert_eq!(indices, [1, 2]);
}

// S4
#[test]
fn a_pool_without_a_cpu_is_refused() {
    let _watch = watchdog();
    let refused = Pool::builder()
        .spawner(Pinned::new().cpus(CpuSet::new()))
        .workers(2)
        .build();
    let error = refused.expect_err("there is nothing to run on");
    assert_is_a_sentence(&error);
    let BuildError::Spawn { worker: 0, source } = error else {
        panic!("{error}");
    };
    assert!(source.downcast_ref::<PinError>().is_some(), "{source}");
}
