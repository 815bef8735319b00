//! Threads as the operating system counts them. One test, so that no other test's threads are counted.

#![cfg(target_os = "linux")]

use std::sync::Arc;
use std::thread;

use ringpool::Pool;
use ringpool_tests::{
    Gate, Plan, TestSpawner, hold_at, threads_named, threads_of_process, watchdog,
};

fn count() -> usize {
    threads_of_process().expect("Linux tells the threads of a process")
}

/// Waits until the process has `expected` threads. The kernel counts a thread for a moment after it was
/// joined, so this cannot be asserted at once; a thread that stays trips the watchdog.
fn settles_at(expected: usize) {
    while count() != expected {
        thread::yield_now();
    }
}

// S4, S7, S46, S48
#[test]
fn no_thread_is_left_behind() {
    let _watch = watchdog();
    let before = count();

    // A pool has the threads it was asked for, under its name, until it is dropped.
    let pool = Pool::builder()
        .workers(7)
        .name("ringcount")
        .build()
        .unwrap();
    assert_eq!(count(), before + 7);
    assert_eq!(threads_named("ringcount"), Some(7));
    drop(pool);
    settles_at(before);

    // Closed or terminated, the threads are gone when join returns.
    for terminate in [false, true] {
        let pool = Pool::builder().workers(5).build().unwrap();
        let gate = Gate::new();
        hold_at(&pool, &gate, 5);
        assert_eq!(count(), before + 5);
        if terminate {
            pool.terminate();
        } else {
            pool.close();
        }
        gate.open();
        pool.join().unwrap();
        settles_at(before);
    }

    // A start that is refused leaves none of those that began.
    for refused in [0, 1, 9] {
        let spawner = TestSpawner::new(Plan::RefuseStart(refused));
        assert!(
            Pool::builder()
                .spawner(spawner)
                .workers(10)
                .build()
                .is_err()
        );
        settles_at(before);
    }

    // Replaced workers do not add up: of each index there is one thread, one that leaves and one that the kernel
    // forgets.
    let pool = Pool::builder()
        .workers(3)
        .max_jobs_per_worker(1)
        .build()
        .unwrap();
    for i in 0..500 {
        assert_eq!(pool.apply(|| i).unwrap(), i);
        assert!(count() <= before + 9);
    }
    drop(pool);
    settles_at(before);

    // Dropped by its own worker, a pool's threads leave by themselves.
    let pool = Arc::new(Pool::builder().workers(3).build().unwrap());
    let inner = Arc::clone(&pool);
    let gate = Gate::new();
    let at = gate.clone();
    let result = pool.apply_async(move || {
        at.pass();
        drop(inner);
    });
    drop(pool);
    gate.open();
    result.unwrap().get().unwrap();
    settles_at(before);

    // A thousand pools later there is not one thread more.
    for _ in 0..1000 {
        drop(Pool::builder().workers(2).build().unwrap());
    }
    settles_at(before);
}
